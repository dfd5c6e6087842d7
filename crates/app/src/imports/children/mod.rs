//! 批量创建下级组织 (37, A9): what is its own with organisations. Rows stand below one another, so
//! all rows of a file are judged together, shown as a tree, and made from the top down. Called by
//! the room's own steps.

mod judge;
mod raw;
mod resolve;
mod sql;
mod tree;

pub use tree::{Leaf, TreePage, tree};

use super::{
    Finding, Import, ImportId, Mapping, RowState,
    judge::findings_text,
    rows::{self, Cells},
    sql as all,
    undo::{Stay, Undo},
};
use crate::{
    Cx, FieldError, OrgRef, Permit, Result,
    messages::{self, Message, To},
    orgs::{
        OrgId,
        batch::{self, Fate, Planned},
    },
    rules::{Column, Severity},
};
use db::Rows;
use judge::{Given, Verdict};
use std::collections::{BTreeMap, HashMap};

/// Rows written by one statement.
const PIECE: usize = 2_000;
/// Organisations made in a transaction at most: each writes its names into the search index.
const STEP: i64 = 200;

/// Judges rows that are not stored yet, all of a file; says how many were tidied in each way.
pub(super) async fn fresh(
    cx: &mut Cx,
    org: &OrgRef,
    mapping: &Mapping,
    cells: &[(i64, Cells)],
) -> Result<(Vec<Verdict>, BTreeMap<String, i64>)> {
    let given = cells
        .iter()
        .map(|(no, cells)| Given::of(*no, cells, mapping, RowState::ToFix, None))
        .collect();
    let verdicts = judge::all(cx, org, given).await?;
    let tidied = tidied(&verdicts);
    Ok((verdicts, tidied))
}

fn tidied(verdicts: &[Verdict]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for note in verdicts.iter().flat_map(|v| &v.notes) {
        *counts.entry((*note).to_owned()).or_insert(0) += 1;
    }
    counts
}

/// Stores the rows of a new import; without verdicts they wait for the mapping page.
pub(super) async fn store(
    cx: &mut Cx,
    permit: &Permit,
    id: ImportId,
    table: &[(i64, Cells)],
    verdicts: &[Verdict],
) -> Result<()> {
    let house = cx.house().clone();
    let mut staged: Rows = Vec::with_capacity(table.len());
    for (at, (no, cells)) in table.iter().enumerate() {
        let verdict = verdicts.get(at);
        let state = verdict.map_or(RowState::ToFix, |v| v.state).code();
        let problems = verdict.map_or_else(|| "[]".into(), |v| findings_text(&v.findings));
        let sealed = rows::seal(&house, id, *no, cells)?;
        let nobody = None::<Vec<u8>>;
        staged.push(vec![
            (*no).into(),
            state.into(),
            sealed.into(),
            problems.into(),
            nobody.into(),
            None::<String>.into(),
        ]);
    }
    while !staged.is_empty() {
        let rest = staged.split_off(staged.len().min(PIECE));
        all::insert_rows(cx, permit, id, std::mem::replace(&mut staged, rest)).await?;
    }
    let places = verdicts.iter().map(|v| place_row(id, v)).collect();
    sql::put_places(cx, permit, places).await
}

fn place_row(id: ImportId, v: &Verdict) -> Vec<db::Value> {
    let p = &v.place;
    vec![
        id.into(),
        v.no.into(),
        p.ord.into(),
        p.level.into(),
        p.parent_row.into(),
        p.parent_org.into(),
    ]
}

/// Judges the stored rows anew and stores what has changed; the counters follow. Returns what was
/// tidied.
pub(super) async fn rejudge(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    import: &Import,
) -> Result<BTreeMap<String, i64>> {
    let mapping = import.columns();
    let stored = all::rows_after(cx, import.id, 0, i64::from(u32::MAX)).await?;
    let places: HashMap<i64, sql::Place> =
        sql::places(cx, import.id).await?.into_iter().map(|p| (p.row_no, p)).collect();
    let house = cx.house().clone();
    let mut given = Vec::with_capacity(stored.len());
    for row in &stored {
        let cells = rows::open(&house, import.id, row)?;
        let made = places.get(&row.no).and_then(|p| p.org_id);
        given.push(Given::of(row.no, &cells, &mapping, RowState::from_code(&row.state), made));
    }
    let verdicts = judge::all(cx, org, given).await?;
    let (mut changed, mut moved): (Rows, Rows) = (Vec::new(), Vec::new());
    for (row, verdict) in stored.iter().zip(&verdicts) {
        let problems = findings_text(&verdict.findings);
        if verdict.state.is_open()
            && (verdict.state.code() != row.state || problems != row.problems)
        {
            let nobody = None::<Vec<u8>>;
            let state = verdict.state.code();
            changed.push(vec![
                row.no.into(),
                state.into(),
                problems.into(),
                nobody.into(),
                None::<String>.into(),
            ]);
        }
        let same = |p: &sql::Place| p.is(&verdict.place);
        if !places.get(&row.no).is_some_and(same) {
            moved.push(place_row(import.id, verdict));
        }
    }
    for piece in changed.chunks(PIECE) {
        all::set_verdicts(cx, permit, import.id, piece.to_vec()).await?;
    }
    sql::put_places(cx, permit, moved).await?;
    all::recount(cx, permit, import.id).await?;
    Ok(tidied(&verdicts))
}

/// One piece of the commit, from the top of the tree down; returns how many rows were decided and
/// how many organisations made.
pub(super) async fn piece(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    import: &Import,
    most: i64,
) -> Result<(usize, usize)> {
    let mut stored = sql::next_rows(cx, import.id, STEP.min(most)).await?;
    // One level at a time: the next one stands on what is made here.
    let level = stored.first().map_or(0, |r| r.level);
    stored.retain(|r| r.level == level);
    let mapping = import.columns();
    let house = cx.house().clone();
    let above: Vec<i64> = stored.iter().filter_map(|r| r.parent_row).collect();
    let made: HashMap<i64, i64> = sql::made_of(cx, import.id, above).await?.into_iter().collect();
    let parent_of = |row: &sql::Next| match row.parent_row {
        Some(no) => made.get(&no).copied(),
        None => Some(row.parent_org.unwrap_or(org.id.0)),
    };
    let ids: Vec<OrgId> = stored.iter().filter_map(parent_of).map(OrgId).collect();
    let sites: HashMap<i64, batch::Site> =
        batch::sites(cx, &ids).await?.into_iter().map(|s| (s.id.0, s)).collect();
    let (mut planned, mut good): (Vec<Planned>, Vec<&sql::Next>) = (Vec::new(), Vec::new());
    let mut outcomes: Rows = Vec::with_capacity(stored.len());
    for row in &stored {
        let Some(site) = parent_of(row).and_then(|id| sites.get(&id)) else {
            let why = judge::parent_is_bad(row.parent_row.unwrap_or(0));
            outcomes.push(outcome(row.no, RowState::ToFix, &[why]));
            continue;
        };
        let cells = rows::open(&house, import.id, &row.stored())?;
        let raw = raw::Raw::of(&cells, &mapping);
        match raw.read(site.category, site.industry.as_deref()) {
            Ok(read) => {
                planned.push(Planned { parent: site.id, new: read.new });
                good.push(row);
            }
            Err(findings) => outcomes.push(outcome(row.no, RowState::ToFix, &findings)),
        }
    }
    let fates = batch::create_many(cx, permit, planned).await?;
    let mut standing: Rows = Vec::new();
    for (row, fate) in good.into_iter().zip(fates) {
        match fate {
            Fate::Made(made) => {
                let warnings: Vec<Finding> =
                    serde_json::from_str(&row.problems).unwrap_or_default();
                outcomes.push(outcome(row.no, RowState::Imported, &warnings));
                standing.push(vec![import.id.into(), row.no.into(), made.id.into()]);
            }
            Fate::Refused(errors, twin) => {
                let findings: Vec<Finding> =
                    errors.into_iter().map(|e| finding(e, Severity::Fix, twin.clone())).collect();
                outcomes.push(outcome(row.no, RowState::ToFix, &findings));
            }
        }
    }
    let added = standing.len();
    all::set_outcomes(cx, permit, import.id, outcomes).await?;
    sql::set_made(cx, permit, standing).await?;
    Ok((stored.len(), added))
}

fn outcome(no: i64, state: RowState, findings: &[Finding]) -> Vec<db::Value> {
    vec![no.into(), state.code().into(), findings_text(findings).into(), None::<i64>.into()]
}

/// A field error of the room `orgs` as a finding about a cell.
fn finding(error: FieldError, severity: Severity, org: Option<String>) -> Finding {
    let column = match error.field.as_str() {
        "full_name" => Column::OrgFullName,
        "category" => Column::OrgCategory,
        "industry" => Column::OrgIndustry,
        "org_parent" => Column::OrgParent,
        _ => Column::OrgShortName,
    };
    Finding { column, org, code: error.code, message: error.message, severity }
}

/// Tells the administrators of organisations below which a superior made others.
pub(super) async fn tell_those_below(cx: &mut Cx, org: &OrgRef, import: &Import) -> Result<()> {
    for (below, code, count) in
        sql::made_below(cx, import.id, org.id, import.ended_at.unwrap_or(0)).await?
    {
        let message = Message {
            to: To::Org(OrgId(below)),
            kind: "org",
            title: format!("上级为你们新建了 {count} 个下级组织"),
            body: format!(
                "“{}”在本组织下批量创建了 {count} 个组织。请核对名称和类别,并发放管理员注册码。",
                org.short_name
            ),
            href: format!("/o/{code}/children"),
        };
        messages::send(cx, message).await?;
    }
    Ok(())
}

/// What taking the batch back would do now.
pub(super) async fn undo_preview(cx: &mut Cx, import: Import, org: OrgRef) -> Result<Undo> {
    let made = sql::made(cx, import.id).await?;
    let ids: Vec<OrgId> = made.iter().map(|m| OrgId(m.org_id)).collect();
    let kept = batch::would_stay(cx, &org, &ids).await?;
    Ok(report(import, org, made, &kept))
}

/// Takes the organisations back.
pub(super) async fn take_back(
    cx: &mut Cx,
    permit: &Permit,
    import: Import,
    org: OrgRef,
) -> Result<Undo> {
    let made = sql::made(cx, import.id).await?;
    let ids: Vec<OrgId> = made.iter().map(|m| OrgId(m.org_id)).collect();
    let kept = batch::remove_many(cx, permit, &org, &ids).await?;
    Ok(report(import, org, made, &kept))
}

fn report(
    import: Import,
    org: OrgRef,
    made: Vec<sql::Made>,
    kept: &[(OrgId, batch::Stays)],
) -> Undo {
    let kept: HashMap<i64, &str> = kept.iter().map(|(id, why)| (id.0, why.label())).collect();
    let (mut staying, mut names, mut going) = (Vec::new(), Vec::new(), 0);
    for row in made {
        match kept.get(&row.org_id) {
            Some(why) => {
                staying.push(Stay { row: row.row_no, name: row.name, why: (*why).into() });
            }
            None => {
                going += 1;
                if names.len() < 200 {
                    names.push(row.name);
                }
            }
        }
    }
    Undo { import, org, going, names, staying }
}
