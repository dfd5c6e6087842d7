//! Puts full names right that the program made wrong before 2026-12 (below a 团总支, and with parts said
//! twice). Only names that are to the letter what was made then; whatever somebody typed stays. In
//! pieces, deepest organisations first, so that it may be cut off and begun again at any time.

use super::{Category, OrgId, grams, naming, sql};
use crate::{
    Action, Cx, House, Permit, Result, Who, act,
    events::{self, Event},
};
use serde_json::json;
use std::collections::HashMap;

const PIECE: i64 = 200;

/// How many were looked at and renamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Renamed {
    pub looked: usize,
    pub renamed: usize,
}

/// Goes through the whole tree; `keep` false only counts.
pub async fn run(house: &House, keep: bool) -> Result<Renamed> {
    let mut done = Renamed::default();
    let mut before = "~".to_owned();
    loop {
        let from = &before;
        let step = if keep {
            act!(house, Who::System("renaming"), |cx| piece(cx, from, true).await)?
        } else {
            let mut cx = house.read(Who::System("renaming")).await?;
            piece(&mut cx, from, false).await?
        };
        let Some((last, renamed, looked)) = step else { return Ok(done) };
        done.looked += looked;
        done.renamed += renamed;
        before = last;
    }
}

async fn piece(cx: &mut Cx, before: &str, keep: bool) -> Result<Option<(String, usize, usize)>> {
    let rows = sql::named_before(cx, before, PIECE).await?;
    let Some(last) = rows.last().map(|row| row.path.clone()) else { return Ok(None) };
    let mut wanted: Vec<String> = Vec::new();
    for row in &rows {
        wanted.extend((1..row.path.len() / 3).map(|level| row.path[..level * 3].to_owned()));
    }
    wanted.sort();
    wanted.dedup();
    let mut names: HashMap<String, sql::FullNamed> = HashMap::new();
    for part in wanted.chunks(1000) {
        let found = sql::named_at(cx, part.iter().map(|p| vec![p.into()]).collect()).await?;
        names.extend(found.into_iter().map(|row| (row.path.clone(), row)));
    }
    names.extend(rows.iter().map(|row| (row.path.clone(), row.clone())));
    let wrong: Vec<(&sql::FullNamed, String)> = rows
        .iter()
        .filter_map(|row| {
            let right = right_name(&names, &row.path)?;
            (right != row.full_name).then_some((row, right))
        })
        .collect();
    let renamed = wrong.len();
    if keep && renamed > 0 {
        let permit = cx.permit_system(Action::RunSystem)?;
        for (row, right) in &wrong {
            rename(cx, &permit, row, right, &names).await?;
        }
        let event = Event::new("org.renamed", "org", 0);
        cx.record(permit, event.detail(json!({ "orgs": renamed }))).await?;
    }
    Ok(Some((last, renamed, rows.len())))
}

/// What an organisation is called once all wrong names above it are right.
fn right_name(names: &HashMap<String, sql::FullNamed>, path: &str) -> Option<String> {
    let row = names.get(path)?;
    let above = path.len().checked_sub(3).filter(|n| *n > 0).map(|n| &path[..n]);
    let Some(parent) = above.and_then(|above| names.get(above)) else {
        return Some(row.full_name.clone());
    };
    let (Some(over), Some(own)) =
        (Category::from_code(&parent.category), Category::from_code(&row.category))
    else {
        return Some(row.full_name.clone());
    };
    let made = naming::before_2026_12(&parent.full_name, over, &row.short_name, own);
    if made != row.full_name {
        return Some(row.full_name.clone());
    }
    let parent_full = right_name(names, &parent.path)?;
    Some(naming::full_name(&parent_full, over, &row.short_name, own))
}

async fn rename(
    cx: &mut Cx,
    permit: &Permit,
    row: &sql::FullNamed,
    right: &str,
    names: &HashMap<String, sql::FullNamed>,
) -> Result<()> {
    let Some(category) = Category::from_code(&row.category) else { return Ok(()) };
    if !sql::set_full_name(cx, permit, OrgId(row.id), &row.full_name, right).await? {
        return Ok(());
    }
    let above = &row.path[..row.path.len() - 3];
    let parent_full = names.get(above).map_or("", |parent| parent.full_name.as_str());
    let old = grams::of_org(&row.short_name, &row.full_name, "", category);
    sql::drop_grams(cx, permit, &row.path, old).await?;
    let new = grams::of_org(&row.short_name, right, parent_full, category);
    sql::add_grams(cx, permit, &row.path, new).await?;
    super::moving::renew_children(cx, permit, OrgId(row.id), right).await?;
    let detail = json!({
        "because": "renaming",
        "before": { "full_name": row.full_name }, "after": { "full_name": right },
    });
    let event = Event::new("org.edited", "org", row.id).at(&row.path).detail(detail);
    events::write(cx, permit, event).await
}
