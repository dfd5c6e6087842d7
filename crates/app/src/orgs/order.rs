//! 排序 (row 47): the order of direct children, by step, to an end, or to a typed number.

use super::{create::GAP, order_sql as sql};
use crate::{Action, Cx, Error, OrgRef, Result, error::Refusal, events::Event};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Where a child is to stand among its living sisters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Up,
    Down,
    Top,
    Bottom,
    /// From 1; beyond the last one is the bottom.
    Place(i64),
}

/// One child in the order.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ranked {
    /// From 1.
    pub place: i64,
    pub code: String,
    pub short_name: String,
    pub category_name: String,
}

/// The direct children of `parent` by their places, `limit` from place `from` on, and whether more
/// follow.
pub async fn ranked(
    cx: &mut Cx,
    parent: &OrgRef,
    from: i64,
    limit: i64,
) -> Result<(Vec<Ranked>, bool)> {
    if !cx.may(Action::SeeOrg, &parent.path) {
        return Err(Error::NotFound);
    }
    let (from, limit) = (from.max(1), limit.clamp(1, 200));
    let mut found = sql::ranked(cx, parent.id, from - 1, limit + 1).await?;
    let more = found.len() as i64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(0));
    let rank = |(place, (code, short_name, category)): (i64, (String, String, String))| Ranked {
        place,
        code,
        short_name,
        category_name: super::Category::from_code(&category)
            .map_or("", super::Category::label)
            .to_owned(),
    };
    Ok(((from..).zip(found).map(rank).collect(), more))
}

/// Moves a direct child of the organisation acted for; returns its new place. Two who move at once
/// come one after the other: the superior's row is held.
/// Errors: `Conflict` (`E22`) when it is no longer a living child.
pub async fn reorder(cx: &mut Cx, child: &OrgRef, to: Move) -> Result<i64> {
    let parent = cx.org()?.clone();
    let permit = cx.permit(Action::OrderChildren, &parent)?;
    super::sql::lock(cx, &permit, parent.id).await?;
    let Some(now) = sql::place(cx, parent.id, child.id).await? else {
        return Err(Error::conflict(Refusal::new(
            "E22",
            format!(
                "“{}”已不是本组织的直属下级(可能刚被撤销或迁走),没有移动。请刷新后再看。",
                child.short_name
            ),
        )));
    };
    let before = sql::rank(cx, parent.id, now).await?;
    let place = match to {
        Move::Up => before - 1,
        Move::Down => before + 1,
        Move::Top => 1,
        Move::Bottom => i64::MAX,
        Move::Place(n) => n,
    }
    .max(1);
    let mut between = sql::gap(cx, parent.id, child.id, place).await?;
    if matches!(between, (Some(a), Some(b)) if b - a < 2) {
        let ids = sql::living(cx, parent.id).await?;
        let rows = ids.into_iter().zip(1..).map(|(id, n)| vec![id.into(), (n * GAP).into()]);
        sql::spread(cx, &permit, rows.collect()).await?;
        between = sql::gap(cx, parent.id, child.id, place).await?;
    }
    let number = match between {
        (Some(a), Some(b)) => a + (b - a) / 2,
        (None, Some(b)) => b - GAP,
        (Some(a), None) => a + GAP,
        (None, None) => now.0,
    };
    sql::set(cx, &permit, child.id, number).await?;
    let after = sql::rank(cx, parent.id, (number, child.id.0)).await?;
    let detail = json!({ "code": child.code, "from": before, "to": after });
    cx.record(permit, Event::new("org.ordered", "org", child.id.0).detail(detail)).await?;
    Ok(after)
}
