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
        Column,
        person::{Draft, RawCell},
    },
};

/// Stands before the text of a cell that held a number.
const NUMBER: char = '\u{1}';

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
            if cell.was_number() && !is_date(cell) {
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
        self.0.get(at).map_or("", |c| c.strip_prefix(NUMBER).unwrap_or(c))
    }
    /// Puts text into a cell.
    pub(super) fn set(&mut self, at: usize, text: &str) {
        if self.0.len() <= at {
            self.0.resize(at + 1, String::new());
        }
        // What a person types is text; the mark of numbers is no character that can be typed.
        self.0[at] = text.chars().filter(|c| *c != NUMBER).collect();
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
        for (cell, column) in self.0.iter().zip(mapping) {
            if let Some(column) = column {
                draft.set(*column, raw(cell));
            }
        }
        draft
    }
    /// The text in one of our columns.
    pub(super) fn in_column(&self, mapping: &Mapping, column: Column) -> &str {
        place_of(mapping, column).map_or("", |at| self.text(at))
    }
}

/// Where one of our columns stands in the file.
pub(super) fn place_of(mapping: &Mapping, column: Column) -> Option<usize> {
    mapping.iter().position(|c| *c == Some(column))
}

fn raw(cell: &str) -> RawCell {
    match cell.strip_prefix(NUMBER) {
        Some(number) => RawCell::number(number),
        None => RawCell::text(cell),
    }
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
