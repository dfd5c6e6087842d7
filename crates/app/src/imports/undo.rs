//! 撤销本次导入: within 24 hours the whole batch is taken back, leaving out whoever has been used
//! since, and saying who and why.

use super::{
    Import, ImportId, Kind, RowState, changed_meanwhile, children, find, rows, sql, sql::Stored,
    take_hold,
};
use crate::{
    Cx, Error, OrgRef, Refusal, Result,
    events::Event,
    people::{self, PersonId},
    rules::{Column, Rules},
};
use db::Rows;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;

/// Somebody who stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stay {
    /// Row of the sheet.
    pub row: i64,
    pub name: String,
    /// Why.
    pub why: String,
}

/// What taking the batch back would do, or has done.
#[derive(Clone, Debug)]
pub struct Undo {
    pub import: Import,
    pub org: OrgRef,
    /// How many people are taken out.
    pub going: usize,
    /// Their names, the first two hundred.
    pub names: Vec<String>,
    pub staying: Vec<Stay>,
}

/// What taking the batch back would do now.
pub async fn preview(cx: &mut Cx, id: ImportId) -> Result<Undo> {
    let (import, org) = find(cx, id).await?;
    may_undo(cx, &import)?;
    if import.kind() == Kind::Orgs {
        return children::undo_preview(cx, import, org).await;
    }
    let stored = imported_rows(cx, id).await?;
    let kept = people::members::would_stay(cx, &org, &removable(&import, &stored)).await?;
    report(cx, import, org, &stored, kept)
}

/// Takes the batch back.
pub async fn undo(cx: &mut Cx, id: ImportId) -> Result<Undo> {
    let (import, org) = find(cx, id).await?;
    may_undo(cx, &import)?;
    let permit = cx.permit(import.kind().action(), &org)?;
    take_hold(cx, &permit, &import).await?;
    let stored = imported_rows(cx, id).await?;
    let done = if import.kind() == Kind::Orgs {
        children::take_back(cx, &permit, import, org).await?
    } else {
        let kept = people::remove_many(cx, &permit, &org, &removable(&import, &stored)).await?;
        report(cx, import, org, &stored, kept)?
    };
    let mut outcomes: Rows = Vec::with_capacity(stored.len());
    let mut gone: Vec<String> = Vec::new();
    for row in &stored {
        let stays = done.staying.iter().any(|s| s.row == row.no);
        let state = if stays { RowState::Kept } else { RowState::Undone };
        let person = row.person_id.filter(|_| stays);
        gone.extend(row.person_id.filter(|_| !stays).map(|id| id.to_string()));
        outcomes.push(vec![
            row.no.into(),
            state.code().into(),
            (&row.problems).into(),
            person.into(),
        ]);
    }
    sql::set_outcomes(cx, &permit, id, outcomes).await?;
    // What had not been put right is over with the import.
    sql::give_up(cx, &permit, id).await?;
    sql::set_state(cx, &permit, id, "undone").await?;
    sql::recount(cx, &permit, id).await?;
    let detail = json!({ "removed": done.going, "kept": done.staying.len(), "people": gone });
    cx.record(permit, Event::new("import.undone", "import", id.0).detail(detail)).await?;
    Ok(done)
}

fn may_undo(cx: &Cx, import: &Import) -> Result<()> {
    if import.undo_until(cx.now()).is_some() {
        return Ok(());
    }
    if matches!(import.state.as_str(), "running" | "undone" | "mapping") {
        return Err(changed_meanwhile(import));
    }
    let hours = Rules::builtin().policy.imports.undo_hours;
    let message = match (import.imported == 0, import.kind()) {
        (true, _) => "这次导入还没有导入任何内容,没有可以撤销的。".to_owned(),
        (false, Kind::Members) => {
            format!("导入完成已超过 {hours} 小时,不能整批撤销。需要删除个别人员,请到团员列表办理。")
        }
        (false, Kind::Orgs) => format!(
            "创建完成已超过 {hours} 小时,不能整批撤销。需要撤销个别组织,请到“管理下级组织”办理。"
        ),
    };
    Err(Error::conflict(Refusal::new("import_undo", message)))
}

async fn imported_rows(cx: &mut Cx, id: ImportId) -> Result<Vec<Stored>> {
    sql::rows_in(cx, id, ["imported"; 3], 0, i64::from(u32::MAX)).await
}

/// Ids tell the time: whoever is older than the import was in the system before and only got a
/// place in the branch; such a person is not removed with the batch.
fn was_here_before(import: &Import, person: i64) -> bool {
    person < import.id.0
}

fn removable(import: &Import, stored: &[Stored]) -> Vec<PersonId> {
    stored
        .iter()
        .filter_map(|r| r.person_id)
        .filter(|p| !was_here_before(import, *p))
        .map(PersonId)
        .collect()
}

fn report(
    cx: &Cx,
    import: Import,
    org: OrgRef,
    stored: &[Stored],
    kept: Vec<(PersonId, people::Kept)>,
) -> Result<Undo> {
    let house = cx.house().clone();
    let mapping = import.columns();
    let kept: HashMap<i64, &'static str> =
        kept.into_iter().map(|(id, why)| (id.0, why.label())).collect();
    let (mut staying, mut names, mut going) = (Vec::new(), Vec::new(), 0);
    for row in stored {
        let Some(person) = row.person_id else { continue };
        let why = if was_here_before(&import, person) {
            Some("导入前已在系统中,这次只是加入本支部")
        } else {
            kept.get(&person).copied()
        };
        if why.is_none() {
            going += 1;
            if names.len() >= 200 {
                continue;
            }
        }
        let cells = rows::open(&house, import.id, row)?;
        let name = cells.in_column(&mapping, Column::Name).trim().to_owned();
        match why {
            Some(why) => staying.push(Stay { row: row.no, name, why: why.to_owned() }),
            None => names.push(name),
        }
    }
    Ok(Undo { import, org, going, names, staying })
}
