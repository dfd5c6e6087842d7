//! Collects cells into a [`Book`] and enforces the limits on what is kept.
//! Every reader hands its cells here, so that no format can exceed what another may not.

use crate::book::{Book, Cell, Row, Sheet};
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
        let row = Row { number: 0, cells: Vec::new() };
        Self { limits, sheets: Vec::new(), row, cells: 0, text: 0 }
    }

    /// Starts the next sheet.
    pub(crate) fn sheet(&mut self, name: &str, hidden: bool) -> Result<(), ReadError> {
        self.flush()?;
        self.row.number = 0;
        if self.sheets.len() >= self.limits.sheets {
            return Err(ReadError::TooBig);
        }
        self.sheets.push(Sheet { name: name.to_owned(), hidden, rows: Vec::new() });
        Ok(())
    }

    /// Puts a cell; row and column are 1-based, rows must not go back. A blank cell beyond the
    /// limits is dropped: stray spaces far out are nobody's data.
    pub(crate) fn put(&mut self, row: u32, column: u32, cell: Cell) -> Result<(), ReadError> {
        if row == 0 || column == 0 || row < self.row.number {
            return Err(ReadError::Damaged);
        }
        if row > self.row.number {
            self.flush()?;
            self.row.number = row;
        }
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
            Cell::Empty | Cell::Bool(_) => "",
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
        let mut cells = std::mem::take(&mut self.row.cells);
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
        let number = self.row.number;
        match self.sheets.last_mut() {
            Some(sheet) => sheet.rows.push(Row { number, cells }),
            None => return Err(ReadError::Damaged),
        }
        Ok(())
    }

    fn sheet_name(&self) -> String {
        self.sheets.last().map(|sheet| sheet.name.clone()).unwrap_or_default()
    }
}
