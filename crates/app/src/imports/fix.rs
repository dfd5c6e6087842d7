//! Repairing rows in place: single cells, one value for many rows, leaving rows out. Whatever is
//! changed is judged anew at once, together with the rows that it may stand against.

use super::{
    Finding, Import, ImportId, Mended, Notes, changed_meanwhile, find,
    judge::{self, Which},
    mapping,
    rows::{self, Cells, place_of},
    sql::{self, Stored},
    table::ASIDE,
    take_hold, words,
};
use crate::{
    Cx, Error, OrgRef, Permit, Refusal, Result,
    error::Difference,
    events::Event,
    rules::{Column, Severity, id_number},
    transfers,
};
use db::Rows;
use serde_json::json;
use std::collections::BTreeSet;

/// New values for cells of one row.
#[derive(Clone)]
pub struct Change {
    /// As numbered in the sheet.
    pub row: i64,
    /// The version that the page was made from.
    pub version: i64,
    pub cells: Vec<(Column, String)>,
}

/// Puts cells right and judges the rows anew; returns how many rows have changed.
/// [`Error::Stale`] shows both values when somebody else was faster with a row (E22).
pub async fn fix(cx: &mut Cx, id: ImportId, changes: &[Change]) -> Result<usize> {
    let (import, org, permit) = open(cx, id).await?;
    let mapping = import.columns();
    let house = cx.house().clone();
    let (mut touched, mut indexes, mut all) = (BTreeSet::new(), Vec::new(), false);
    let mut changed = 0;
    for change in changes {
        let row = sql::row(cx, id, change.row).await?.ok_or(Error::NotFound)?;
        let mut cells = rows::open(&house, id, &row)?;
        let new = differing(&cells, &mapping, change);
        touched.insert(row.no);
        indexes.extend(row.id_bi.clone());
        if new.is_empty() {
            continue;
        }
        if row.version != change.version {
            return Err(stale(&row, &cells, &mapping, &new));
        }
        for (column, at, text) in &new {
            if *column == Column::OrgShortName {
                cells.set_indented(*at, text);
            } else {
                cells.set(*at, text);
            }
            all |= *column == Column::DevNumber;
        }
        let sealed = rows::seal(&house, id, row.no, &cells)?;
        if !sql::set_cells(cx, &permit, id, row.no, sealed, row.version).await? {
            return Err(no_longer_open(&row));
        }
        changed += 1;
    }
    judge::rejudge(cx, &permit, &org, &import, Which::after(&import, touched, indexes, all))
        .await?;
    let event = Event::new("import.fixed", "import", id.0).detail(json!({ "rows": changed }));
    cx.record(permit, event).await?;
    Ok(changed)
}

/// The cells of a change that are really new: column, place, text.
fn differing<'a>(
    cells: &Cells,
    mapping: &mapping::Mapping,
    change: &'a Change,
) -> Vec<(Column, usize, &'a str)> {
    change
        .cells
        .iter()
        .filter_map(|(column, text)| {
            let at = place_of(mapping, *column)?;
            // Of two values in the file either may be the right one: typing it settles that.
            let new = match cells.disputed(mapping, *column) {
                Some(_) => !text.trim().is_empty(),
                None => cells.text(at).trim() != text.trim(),
            };
            new.then_some((*column, at, text.trim()))
        })
        .collect()
}

fn stale(
    row: &Stored,
    cells: &Cells,
    mapping: &mapping::Mapping,
    new: &[(Column, usize, &str)],
) -> Error {
    let difference = |(column, _, yours): &(Column, usize, &str)| Difference {
        label: format!("第 {} 行 {}", row.no, column.label()),
        yours: mapping::masked(yours),
        theirs: mapping::masked(cells.in_column(mapping, *column)),
    };
    Error::Stale(new.iter().map(difference).collect())
}

fn no_longer_open(row: &Stored) -> Error {
    let message = match row.state.as_str() {
        "imported" => format!("第 {} 行已经导入,要改内容请到列表里编辑。", row.no),
        "skipped" => format!("第 {} 行已跳过,请先恢复再修改。", row.no),
        "handed" => format!("第 {} 行已改为转入申请,不用再改。", row.no),
        _ => format!("第 {} 行刚刚被其他人改动,你的操作未生效。请刷新后再看。", row.no),
    };
    Error::conflict(Refusal::new("E22", message))
}

/// Gives every open row whose cell in `column` says `from` (which may be empty) the value `to`;
/// returns how many rows that were.
pub async fn apply(
    cx: &mut Cx,
    id: ImportId,
    column: Column,
    from: &str,
    to: &str,
) -> Result<usize> {
    let (import, org, permit) = open(cx, id).await?;
    let mapping = import.columns();
    let Some(at) = place_of(&mapping, column) else {
        return Err(Error::field("column", "column_missing", "文件里没有这一列,请另选一列。"));
    };
    let house = cx.house().clone();
    let (mut changed, mut nos): (Rows, Vec<i64>) = (Vec::new(), Vec::new());
    let states = ["to_fix", "ready", "warned"];
    for row in sql::rows_in(cx, id, states, 0, i64::from(u32::MAX)).await? {
        let mut cells = rows::open(&house, id, &row)?;
        if cells.text(at).trim() == from.trim() && from.trim() != to.trim() {
            if column == Column::OrgShortName {
                cells.set_indented(at, to.trim());
            } else {
                cells.set(at, to.trim());
            }
            changed.push(vec![row.no.into(), rows::seal(&house, id, row.no, &cells)?.into()]);
            nos.push(row.no);
        }
    }
    let count = changed.len();
    if count == 0 {
        return Err(Error::field(
            "from",
            "nothing_to_change",
            format!("没有一行的“{}”是这个值，没有改动。", column.label()),
        ));
    }
    sql::set_many_cells(cx, &permit, id, changed).await?;
    judge::rejudge(cx, &permit, &org, &import, Which::All).await?;
    // Words of lists alone are kept in the clear; what says who somebody is, is not.
    let mended = words::is_word(column).then(|| Mended {
        column: column.key().into(),
        label: column.label().into(),
        from: from.trim().into(),
        to: to.trim().into(),
        rows: nos,
    });
    remember(cx, &permit, &import, mended).await?;
    let detail = json!({ "rows": count, "column": column.key() });
    cx.record(permit, Event::new("import.fixed_many", "import", id.0).detail(detail)).await?;
    Ok(count)
}

async fn remember(
    cx: &mut Cx,
    permit: &Permit,
    import: &Import,
    mended: Option<Mended>,
) -> Result<()> {
    let notes = Notes { mended, ..import.notes() };
    let notes = serde_json::to_string(&notes).map_err(|e| Error::Broken(e.to_string()))?;
    sql::set_mapping(cx, permit, import.id, &import.mapping, &notes).await
}

/// Takes the last mending of a word back: in the rows that it changed and that still say so.
pub async fn take_back(cx: &mut Cx, id: ImportId) -> Result<Mended> {
    let (import, org, permit) = open(cx, id).await?;
    let mapping = import.columns();
    let told =
        || Error::conflict(Refusal::new("E22", "这次批量修改已经撤销，或者后来又改过，没有再动。"));
    let mended = import.notes().mended.ok_or_else(told)?;
    let column = Column::from_key(&mended.column);
    let at = column.and_then(|column| place_of(&mapping, column)).ok_or_else(told)?;
    let house = cx.house().clone();
    let (mut changed, mut nos): (Rows, Vec<i64>) = (Vec::new(), Vec::new());
    let states = ["to_fix", "ready", "warned"];
    for row in sql::rows_in(cx, id, states, 0, i64::from(u32::MAX)).await? {
        if mended.rows.binary_search(&row.no).is_err() {
            continue;
        }
        let mut cells = rows::open(&house, id, &row)?;
        if cells.text(at).trim() == mended.to {
            cells.set(at, &mended.from);
            changed.push(vec![row.no.into(), rows::seal(&house, id, row.no, &cells)?.into()]);
            nos.push(row.no);
        }
    }
    if !changed.is_empty() {
        sql::set_many_cells(cx, &permit, id, changed).await?;
    }
    judge::rejudge(cx, &permit, &org, &import, Which::All).await?;
    remember(cx, &permit, &import, None).await?;
    let detail = json!({ "rows": nos.len(), "column": mended.column, "back": true });
    cx.record(permit, Event::new("import.fixed_many", "import", id.0).detail(detail)).await?;
    Ok(Mended { rows: nos, ..mended })
}

/// Chooses which contact values count for people who are known and stand otherwise in the rows
/// (decision 27): those of the file (`take`), or those that are known. One row, or all of them.
pub async fn choose(cx: &mut Cx, id: ImportId, no: Option<i64>, take: bool) -> Result<u64> {
    let (import, org, permit) = open(cx, id).await?;
    let changed = sql::set_take(cx, &permit, id, no, take).await?;
    let which = match no {
        Some(no) => Which::after(&import, BTreeSet::from([no]), vec![], false),
        None => Which::All,
    };
    judge::rejudge(cx, &permit, &org, &import, which).await?;
    let detail = json!({ "rows": changed, "take": take });
    cx.record(permit, Event::new("import.chosen", "import", id.0).detail(detail)).await?;
    Ok(changed)
}

/// Leaves a row out, or takes it up again (`skip` = false).
pub async fn skip(cx: &mut Cx, id: ImportId, no: i64, skip: bool) -> Result<()> {
    let (import, org, permit) = open(cx, id).await?;
    let row = sql::row(cx, id, no).await?.ok_or(Error::NotFound)?;
    let done = sql::set_skipped(cx, &permit, id, no, skip).await?;
    let already = row.state == if skip { "skipped" } else { "to_fix" };
    if !done && !already {
        return Err(no_longer_open(&row));
    }
    let indexes = row.id_bi.into_iter().collect();
    let which = Which::after(&import, BTreeSet::from([no]), indexes, false);
    judge::rejudge(cx, &permit, &org, &import, which).await?;
    let detail = json!({ "row": no, "skip": skip });
    cx.record(permit, Event::new("import.skipped", "import", id.0).detail(detail)).await
}

/// Leads from a row whose person is registered elsewhere to a 转入 (E03a): the ticket of
/// [`transfers::lead`]. `NotFound` for every other row.
pub async fn lead_away(cx: &mut Cx, id: ImportId, no: i64) -> Result<String> {
    let (import, _) = find(cx, id).await?;
    let row = sql::row(cx, id, no).await?.ok_or(Error::NotFound)?;
    let problems: Vec<Finding> = serde_json::from_str(&row.problems).unwrap_or_default();
    let elsewhere = problems.iter().any(|p| p.code == "id_elsewhere");
    if import.state != "review" || !elsewhere {
        return Err(Error::NotFound);
    }
    let house = cx.house().clone();
    let cells = rows::open(&house, id, &row)?;
    let mapping = import.columns();
    let today = crate::clock::day(cx.now());
    let number = id_number::parse(cells.in_column(&mapping, Column::IdNumber), today)
        .map_err(|p| Error::field(Column::IdNumber.key(), p.code, p.message))?;
    let name = cells.in_column(&mapping, Column::Name).to_owned();
    let row = transfers::Row { import: id.0, no, into: Some(import.org_id.0) };
    transfers::from_row(cx, row, &name, &number).await
}

/// Marks the row that led to a 转入 as handed over to it. A review that has ended meanwhile stays as
/// it is: the transfer counts.
pub async fn hand_over(cx: &mut Cx, from: transfers::Row, transfer_no: &str) -> Result<()> {
    let id = ImportId(from.import);
    let (import, _) = find(cx, id).await?;
    if import.state != "review" {
        return Ok(());
    }
    let (_, _, permit) = open(cx, id).await?;
    let said = Finding {
        column: Column::IdNumber,
        org: None,
        code: "handed_over".into(),
        message: format!("已改为转入申请 {transfer_no},由原支部审批。"),
        severity: Severity::Warn,
    };
    sql::set_handed(cx, &permit, id, from.no, &judge::findings_text(&[said])).await?;
    sql::recount(cx, &permit, id).await?;
    let detail = json!({ "row": from.no, "transfer": transfer_no });
    cx.record(permit, Event::new("import.handed_over", "import", id.0).detail(detail)).await
}

/// Leaves out whoever is in the branch already, or whatever organisation is there already; returns
/// how many rows that were.
pub async fn skip_here(cx: &mut Cx, id: ImportId) -> Result<usize> {
    let (import, org, permit) = open(cx, id).await?;
    let mut count = 0;
    for row in sql::rows_in(cx, id, ["to_fix"; 3], 0, i64::from(u32::MAX)).await? {
        let problems: Vec<Finding> = serde_json::from_str(&row.problems).unwrap_or_default();
        if problems.iter().any(|p| matches!(p.code.as_str(), "id_here" | "org_exists")) {
            sql::set_skipped(cx, &permit, id, row.no, true).await?;
            count += 1;
        }
    }
    judge::rejudge(cx, &permit, &org, &import, Which::All).await?;
    let event = Event::new("import.skipped", "import", id.0).detail(json!({ "rows": count }));
    cx.record(permit, event).await?;
    Ok(count)
}

/// Takes up all rows that were left out because the sheet hides them or strikes them out; returns
/// how many rows that were.
pub async fn take_up(cx: &mut Cx, id: ImportId) -> Result<usize> {
    let (import, org, permit) = open(cx, id).await?;
    let mut count = 0;
    for row in sql::rows_in(cx, id, ["skipped"; 3], 0, i64::from(u32::MAX)).await? {
        let problems: Vec<Finding> = serde_json::from_str(&row.problems).unwrap_or_default();
        if problems.iter().any(|p| ASIDE.contains(&p.code.as_str())) {
            sql::set_skipped(cx, &permit, id, row.no, false).await?;
            count += 1;
        }
    }
    judge::rejudge(cx, &permit, &org, &import, Which::All).await?;
    let detail = json!({ "rows": count, "skip": false });
    cx.record(permit, Event::new("import.skipped", "import", id.0).detail(detail)).await?;
    Ok(count)
}

/// Judges everything anew: people and numbers may have come in by other ways meanwhile.
pub async fn recheck(cx: &mut Cx, id: ImportId) -> Result<()> {
    let (import, org, permit) = open(cx, id).await?;
    judge::rejudge(cx, &permit, &org, &import, Which::All).await?;
    cx.record(permit, Event::new("import.rechecked", "import", id.0)).await
}

/// An import that is being reviewed, held for a change.
async fn open(cx: &mut Cx, id: ImportId) -> Result<(Import, OrgRef, Permit)> {
    let (import, org) = find(cx, id).await?;
    if import.state != "review" {
        return Err(changed_meanwhile(&import));
    }
    let permit = cx.permit(import.kind().action(), &org)?;
    take_hold(cx, &permit, &import).await?;
    Ok((import, org, permit))
}
