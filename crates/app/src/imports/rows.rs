//! A staged row's cells: how they are written down, sealed and read again.

use super::{
    ImportId, Mapping,
    sql::{self, Stored},
};
use crate::{
    Cx, Error, House, Permit, Result,
    keys::Place,
    rekey,
    rules::{
        Column, Problem, Severity,
        person::{Draft, Judged, RawCell},
    },
};

/// Stands before the text of a cell that held a number.
const NUMBER: char = '\u{1}';
/// Stands before what a formula left that failed, or that was never calculated.
const FAULT: char = '\u{2}';
/// Stands before what was typed on the page: it counts, whatever other columns say.
const TYPED: char = '\u{3}';
/// What text files hold of a formula that failed.
const FAULTS: [&str; 8] =
    ["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!"];

/// The cells of one row of the file, in the file's order. Personal data in the clear.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Cells(Vec<String>);

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cells({})", self.0.len())
    }
}

impl Cells {
    pub(super) fn of(row: &sheet::Row, width: usize) -> Self {
        let cell = |cell: &sheet::Cell| {
            let text = cell.text();
            if matches!(cell, sheet::Cell::Unsolved | sheet::Cell::Fault(_))
                || FAULTS.contains(&text.trim())
            {
                format!("{FAULT}{text}")
            } else if cell.was_number() && !is_date(cell) {
                format!("{NUMBER}{text}")
            } else {
                text.into_owned()
            }
        };
        let mut cells: Vec<String> = row.cells.iter().take(width).map(cell).collect();
        while cells.last().is_some_and(|c| c.trim().is_empty()) {
            cells.pop();
        }
        Self(cells)
    }
    /// What a person sees in a cell.
    pub(super) fn text(&self, at: usize) -> &str {
        self.0.get(at).map_or("", |c| c.strip_prefix(MARKS).unwrap_or(c))
    }
    /// Puts text into a cell.
    pub(super) fn set(&mut self, at: usize, text: &str) {
        if self.0.len() <= at {
            self.0.resize(at + 1, String::new());
        }
        // The marks are no characters that can be typed.
        let text: String = text.chars().filter(|c| !MARKS.contains(c)).collect();
        self.0[at] = format!("{TYPED}{text}");
    }
    /// As [`Cells::set`], with the blanks kept that stood before the text: in a list of
    /// organisations they say what it stands below.
    pub(super) fn set_indented(&mut self, at: usize, text: &str) {
        let old = self.text(at);
        let blanks = &old[..old.len() - old.trim_start().len()];
        let text = format!("{blanks}{}", text.trim_start());
        self.set(at, &text);
    }
    pub(super) fn draft(&self, mapping: &Mapping) -> Draft {
        let mut draft = Draft::default();
        for column in mapping.iter().flatten() {
            if let Some(at) = self.counting(mapping, *column) {
                draft.set(*column, raw(&self.0[at]));
            }
        }
        draft
    }
    /// The text in one of our columns.
    pub(super) fn in_column(&self, mapping: &Mapping, column: Column) -> &str {
        // What a formula left that failed is nobody's value.
        let counting = self.counting(mapping, column).filter(|at| !self.0[*at].starts_with(FAULT));
        counting.map_or("", |at| self.text(at))
    }
    /// Which cell counts for one of our columns, where several of the file's stand for it: what was
    /// typed on the page, else the first that is not empty.
    fn counting(&self, mapping: &Mapping, column: Column) -> Option<usize> {
        let cell = |at: &usize| self.0.get(*at).map_or("", String::as_str);
        let mut places = places_of(mapping, column).filter(|at| *at < self.0.len()).peekable();
        let first = places.peek().copied();
        let places: Vec<usize> = places.collect();
        let typed = places.iter().find(|at| cell(at).starts_with(TYPED));
        typed.or_else(|| places.iter().find(|at| !cell(at).trim().is_empty())).copied().or(first)
    }
    /// The values of several columns of one meaning that differ, unless one was typed on the page.
    pub(super) fn disputed(&self, mapping: &Mapping, column: Column) -> Option<Vec<&str>> {
        let typed = |at: &usize| self.0.get(*at).is_some_and(|cell| cell.starts_with(TYPED));
        let places: Vec<usize> = places_of(mapping, column).collect();
        if places.len() < 2 || places.iter().any(typed) {
            return None;
        }
        let mut values: Vec<&str> = places.iter().map(|at| self.text(*at).trim()).collect();
        values.retain(|value| !value.is_empty());
        values.dedup();
        (values.len() > 1).then_some(values)
    }
    /// What is wrong with cells besides their text: formulas without a result, and columns of one
    /// meaning that differ.
    pub(super) fn objections(&self, mapping: &Mapping) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut seen: Vec<Column> = Vec::new();
        for column in mapping.iter().flatten().copied() {
            if seen.contains(&column) {
                continue;
            }
            seen.push(column);
            let Some(at) = self.counting(mapping, column) else { continue };
            let label = column.label();
            if let Some(left) = self.0[at].strip_prefix(FAULT) {
                let message = if left.is_empty() {
                    format!(
                        "“{label}”是一个公式，文件里没有它的结果。请在 Excel 或 WPS 里打开、保存后再上传，或在这里填上。"
                    )
                } else {
                    format!(
                        "“{label}”的公式出错（{left}），没有结果。请在这里填上，或改好表格后再上传。"
                    )
                };
                found.push(Problem::warn(column, "formula", message));
            }
            if self.disputed(mapping, column).is_some() {
                let message = format!(
                    "表格里有几列都是“{label}”，这一行它们的内容不一样。请看着表格填上对的那个。"
                );
                found.push(Problem::fix(column, "columns_differ", message));
            }
        }
        found
    }
}

const MARKS: [char; 3] = [NUMBER, FAULT, TYPED];

/// Adds the objections to what the rules found: what a cell lacks is told as what it holds instead.
pub(super) fn object(judged: &mut Judged, objections: Vec<Problem>) {
    for mut objection in objections {
        let same = |p: &Problem| p.column == objection.column;
        if judged.problems.iter().any(|p| same(p) && p.severity == Severity::Fix) {
            objection.severity = Severity::Fix;
        }
        if objection.severity == Severity::Fix {
            judged.person = None;
        }
        judged.problems.retain(|p| !same(p));
        judged.problems.push(objection);
        judged.problems.sort_by_key(|p| p.column);
    }
}

/// All columns of the file that stand for one of ours.
fn places_of(mapping: &Mapping, column: Column) -> impl Iterator<Item = usize> {
    let is_it = move |(at, c): (usize, &Option<Column>)| (*c == Some(column)).then_some(at);
    mapping.iter().enumerate().filter_map(is_it)
}

/// Where one of our columns stands in the file: the first place, where a change is written.
pub(super) fn place_of(mapping: &Mapping, column: Column) -> Option<usize> {
    mapping.iter().position(|c| *c == Some(column))
}

fn raw(cell: &str) -> RawCell {
    if let Some(number) = cell.strip_prefix(NUMBER) {
        return RawCell::number(number);
    }
    // Nothing came of a formula that failed.
    RawCell::text(if cell.starts_with(FAULT) {
        ""
    } else {
        cell.strip_prefix(TYPED).unwrap_or(cell)
    })
}

fn is_date(cell: &sheet::Cell) -> bool {
    matches!(cell, sheet::Cell::Number(sheet::Number { date: Some(_), .. }))
}

/// Seals the cells of a row.
pub(super) fn seal(house: &House, import: ImportId, no: i64, cells: &Cells) -> Result<Vec<u8>> {
    let text = serde_json::to_string(&cells.0).map_err(|e| Error::Broken(e.to_string()))?;
    Ok(house.keys().seal(place(import, no), &text, house.chance_source()))
}

/// The cells of a stored row; none when they have been forgotten.
pub(super) fn open(house: &House, import: ImportId, row: &Stored) -> Result<Cells> {
    if row.cells_ct.is_empty() {
        return Ok(Cells::default());
    }
    let text = house
        .keys()
        .unseal(place(import, row.no), &row.cells_ct)
        .map_err(|e| Error::Broken(e.to_string()))?;
    serde_json::from_str(&text).map(Cells).map_err(|_| Error::Broken("the cells of a row".into()))
}

/// Seals the cells with the newest key, for the rows behind `after`.
pub(crate) async fn rekey(
    cx: &mut Cx,
    permit: &Permit,
    after: rekey::Mark,
) -> Result<rekey::Piece> {
    let rows = sql::sealed_after(cx, after, rekey::PIECE).await?;
    let last = rows.last().map(|row| (row.import, row.no));
    let mut anew = Vec::new();
    for row in rows.into_iter().filter(|row| !row.cells_ct.is_empty()) {
        let place = place(ImportId(row.import), row.no);
        if let Some(sealed) = rekey::anew(cx, place, &row.cells_ct)? {
            anew.push(vec![row.import.into(), row.no.into(), row.version.into(), sealed.into()]);
        }
    }
    let moved = sql::reseal(cx, permit, anew).await?;
    Ok(rekey::Piece { last, moved })
}

/// A number for a row that no row of another import has: ids of imports made within centuries of
/// each other differ in more than their highest twenty bits, row numbers only in their lowest.
fn place(import: ImportId, no: i64) -> Place {
    Place { column: "import_row.cells_ct", row: import.0.rotate_left(20) ^ no }
}
