//! Collects cells into a [`Book`] and enforces the limits on what is kept.
//! Every reader hands its cells here, so that no format can exceed what another may not.

use crate::book::{Book, Cell, Merge, Row, Sheet};
use crate::{Limits, ReadError};

/// The book while it is being read.
pub(crate) struct Gather<'l> {
    limits: &'l Limits,
    sheets: Vec<Sheet>,
    row: Row,
    cells: usize,
    text: usize,
}

impl<'l> Gather<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Self {
        let row = empty(0);
        Self { limits, sheets: Vec::new(), row, cells: 0, text: 0 }
    }

    /// Starts the next sheet.
    pub(crate) fn sheet(&mut self, name: &str, hidden: bool) -> Result<(), ReadError> {
        self.flush()?;
        self.settle();
        self.row = empty(0);
        if self.sheets.len() >= self.limits.sheets {
            return Err(ReadError::TooBig);
        }
        let name = name.to_owned();
        let (rows, hidden_columns, merges) = Default::default();
        self.sheets.push(Sheet { name, hidden, rows, hidden_columns, merges });
        Ok(())
    }

    /// Says that the columns from `first` to `last`, 1-based, are not shown.
    pub(crate) fn hide_columns(&mut self, first: u32, last: u32) {
        let last = last.min(self.limits.columns);
        if let Some(sheet) = self.sheets.last_mut() {
            let more = (first.max(1)..=last).map(|column| column - 1);
            let new: Vec<u32> = more.filter(|c| !sheet.hidden_columns.contains(c)).collect();
            sheet.hidden_columns.extend(new);
        }
    }

    /// Keeps a rectangle of merged cells, as far as it lies within the limits.
    pub(crate) fn merge(&mut self, merge: Merge) -> Result<(), ReadError> {
        let (last_row, last_column) = (self.limits.last_row(), self.limits.columns);
        let Some(sheet) = self.sheets.last_mut() else { return Err(ReadError::Damaged) };
        let whole = 1 <= merge.top && merge.top <= merge.bottom && merge.left <= merge.right;
        if !whole || merge.top > last_row || merge.left >= last_column {
            return Ok(());
        }
        if sheet.merges.len() >= self.limits.cells {
            return Err(ReadError::TooBig);
        }
        let (bottom, right) = (merge.bottom.min(last_row), merge.right.min(last_column - 1));
        sheet.merges.push(Merge { bottom, right, ..merge });
        Ok(())
    }

    /// Says that the row being read is not shown.
    pub(crate) fn hide_row(&mut self, row: u32) -> Result<(), ReadError> {
        self.go_to(row)?;
        self.row.hidden = true;
        Ok(())
    }

    /// Puts a cell that is struck out.
    pub(crate) fn put_struck(
        &mut self,
        row: u32,
        column: u32,
        cell: Cell,
    ) -> Result<(), ReadError> {
        self.put(row, column, cell)?;
        if column <= self.limits.columns {
            self.row.struck.push(column - 1);
        }
        Ok(())
    }

    fn go_to(&mut self, row: u32) -> Result<(), ReadError> {
        if row != self.row.number {
            self.flush()?;
            self.row = empty(row);
        }
        Ok(())
    }

    /// Puts a cell; row and column are 1-based. Rows may come in any order, as a spreadsheet goes by
    /// the addresses. A blank cell beyond the limits is dropped: stray spaces far out are nobody's
    /// data.
    pub(crate) fn put(&mut self, row: u32, column: u32, cell: Cell) -> Result<(), ReadError> {
        if row == 0 || column == 0 {
            return Err(ReadError::Damaged);
        }
        self.go_to(row)?;
        let outside = row > self.limits.last_row() || column > self.limits.columns;
        if outside && cell.is_blank() {
            return Ok(());
        }
        self.check(row, column, &cell)?;
        let index = column as usize - 1;
        if self.row.cells.len() <= index {
            self.row.cells.resize(index + 1, Cell::Empty);
        }
        self.row.cells[index] = cell;
        Ok(())
    }

    /// The error for a cell whose text is known to be too long without having been kept.
    pub(crate) fn too_long(&self, row: u32, column: u32) -> ReadError {
        let (sheet, limit) = (self.sheet_name(), self.limits.cell_chars);
        ReadError::CellTooLong { sheet, limit, row, column }
    }

    pub(crate) fn finish(mut self) -> Result<Book, ReadError> {
        self.flush()?;
        self.settle();
        if self.sheets.iter().all(|sheet| sheet.rows.is_empty()) {
            return Err(ReadError::Empty);
        }
        Ok(Book { sheets: self.sheets })
    }

    fn check(&mut self, row: u32, column: u32, cell: &Cell) -> Result<(), ReadError> {
        let limits = self.limits;
        if row > limits.last_row() {
            let sheet = self.sheet_name();
            return Err(ReadError::TooManyRows { sheet, limit: limits.rows, row });
        }
        if column > limits.columns {
            let sheet = self.sheet_name();
            return Err(ReadError::TooManyColumns { sheet, limit: limits.columns, row, column });
        }
        let text = match cell {
            Cell::Text(text) | Cell::Fault(text) => text.as_str(),
            Cell::Number(number) => &number.shown,
            Cell::Empty | Cell::Bool(_) | Cell::Unsolved => "",
        };
        if text.len() > limits.cell_chars && text.chars().count() > limits.cell_chars {
            return Err(self.too_long(row, column));
        }
        self.text += text.len();
        if self.text > limits.text_bytes {
            return Err(ReadError::TooBig);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ReadError> {
        let next = empty(self.row.number);
        let Row { number, mut cells, hidden, struck } = std::mem::replace(&mut self.row, next);
        if cells.iter().all(Cell::is_blank) {
            return Ok(());
        }
        let filled = cells.iter().rposition(|cell| *cell != Cell::Empty).map_or(0, |last| last + 1);
        cells.truncate(filled);
        cells.shrink_to_fit();
        self.cells += filled;
        if self.cells > self.limits.cells {
            return Err(ReadError::TooBig);
        }
        match self.sheets.last_mut() {
            Some(sheet) => sheet.rows.push(Row { number, cells, hidden, struck }),
            None => return Err(ReadError::Damaged),
        }
        Ok(())
    }

    /// Puts the rows of the sheet that was read in order; pieces of one row become one.
    fn settle(&mut self) {
        let Some(sheet) = self.sheets.last_mut() else { return };
        if sheet.rows.is_sorted_by(|a, b| a.number < b.number) {
            return;
        }
        sheet.rows.sort_by_key(|row| row.number);
        sheet.rows.dedup_by(|later, kept| {
            let same = later.number == kept.number;
            if same {
                kept.cells.resize(kept.cells.len().max(later.cells.len()), Cell::Empty);
                for (cell, new) in kept.cells.iter_mut().zip(later.cells.drain(..)) {
                    if new != Cell::Empty {
                        *cell = new;
                    }
                }
                kept.hidden |= later.hidden;
                kept.struck.append(&mut later.struck);
            }
            same
        });
    }

    fn sheet_name(&self) -> String {
        self.sheets.last().map(|sheet| sheet.name.clone()).unwrap_or_default()
    }
}

fn empty(number: u32) -> Row {
    Row { number, cells: Vec::new(), hidden: false, struck: Vec::new() }
}
