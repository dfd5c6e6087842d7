//! Workbook bytes to typed rows with cell addresses, and back. Knows nothing of the business.
//!
//! Reading strangers' files: [`read_isolated`] (a child process with hard limits, every format).
//! Reading pasted cells: [`read_pasted`]. Writing: [`Writer`] (.xlsx) and [`write_csv`].
//! Anyone may call this crate; it calls nobody.

mod biff;
mod book;
mod csv_out;
mod error;
mod format;
mod gather;
mod isolate;
mod limits;
mod looks;
mod meter;
mod sniff;
mod text;
mod when;
mod write;
mod xls;
mod xlsx;

pub use book::{Book, Cell, Merge, Number, Row, Sheet, address, column_letters};
pub use csv_out::{guard_formula, write_csv};
pub use error::{Found, ReadError};
pub use isolate::{CHILD_ARG, child_main, read_isolated};
pub use limits::Limits;
pub use looks::Kind;
pub use when::When;
pub use write::{Column, Layout, SheetWriter, Value, WriteError, Writer};

use sniff::Format;

/// Reads a workbook inside this process: `.xlsx`, `.csv`, tab-separated text.
///
/// `name_hint` is the file's name; only its extension is looked at. Memory is bounded by `limits`.
///
/// # Errors
/// [`ReadError::NeedsChild`] for `.xls`, whose parser may ask for gigabytes and so runs only under
/// [`read_isolated`]; otherwise see [`ReadError`].
pub fn read(bytes: &[u8], name_hint: &str, limits: &Limits) -> Result<Book, ReadError> {
    match sniff::format(bytes, name_hint, limits)? {
        Format::Xlsx => xlsx::read(bytes, limits),
        Format::Xls => Err(ReadError::NeedsChild),
        Format::Text => text::read_bytes(bytes, limits),
    }
}

/// Reads cells pasted from a spreadsheet: tab-separated, quotes only where Excel puts them.
///
/// # Errors
/// See [`ReadError`]; most often [`ReadError::Empty`] or [`ReadError::TooManyRows`].
pub fn read_pasted(pasted: &str, limits: &Limits) -> Result<Book, ReadError> {
    if pasted.len() as u64 > limits.file_bytes {
        return Err(ReadError::TooBig);
    }
    text::read_str(pasted, Some('\t'), limits)
}

/// Like [`read`], and `.xls` too. Only for a process that has set its own memory limit.
pub(crate) fn read_any(bytes: &[u8], hint: &str, limits: &Limits) -> Result<Book, ReadError> {
    match sniff::format(bytes, hint, limits)? {
        Format::Xls => xls::read(bytes, limits),
        Format::Xlsx | Format::Text => read(bytes, hint, limits),
    }
}
