//! Workbooks made by hand for the tests of this crate, and how they are read.

mod made;
pub(crate) use made::*;

use sheet::{Book, Limits, ReadError};
use std::path::Path;

/// Reads through the child process, as the server does.
pub(crate) fn isolated(bytes: &[u8], name: &str, limits: &Limits) -> Result<Book, ReadError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).expect("a file");
    sheet::read_isolated(Path::new(env!("CARGO_BIN_EXE_sheet-child")), &file, limits)
}

/// Row numbers and texts of a sheet.
pub(crate) fn texts(book: &Book, sheet: usize) -> Vec<(u32, Vec<String>)> {
    let row = |row: &sheet::Row| {
        (row.number, row.cells.iter().map(|cell| cell.text().into_owned()).collect())
    };
    book.sheets[sheet].rows.iter().map(row).collect()
}
