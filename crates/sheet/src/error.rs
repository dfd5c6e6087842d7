//! Why a workbook could not be read, as a machine code with the figures a message needs.
//! Messages here are English for logs; the business turns the variants into its own words.
//! No variant carries cell content.

use crate::book::address;
use serde::{Deserialize, Serialize};

/// Why nothing was read. A reading either gives the whole book or one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ReadError {
    /// The bytes are some other kind of file.
    #[error("not a workbook ({found:?})")]
    NotAWorkbook {
        /// What it looks like instead.
        found: Found,
    },
    /// Protected by a password.
    #[error("the workbook is encrypted")]
    Encrypted,
    /// Cut short or altered.
    #[error("the workbook is damaged or incomplete")]
    Damaged,
    /// A filled row lies beyond the limit.
    #[error("row {row} is beyond the limit of {limit} rows")]
    TooManyRows {
        /// Name of the sheet.
        sheet: String,
        /// [`crate::Limits::rows`].
        limit: u32,
        /// The first filled row that is too far down, 1-based.
        row: u32,
    },
    /// A filled cell lies beyond the column limit.
    #[error("cell {} is beyond the limit of {limit} columns", address(*.row, *.column))]
    TooManyColumns {
        /// Name of the sheet.
        sheet: String,
        /// [`crate::Limits::columns`].
        limit: u32,
        /// Row of the cell, 1-based.
        row: u32,
        /// Column of the cell, 1-based.
        column: u32,
    },
    /// One cell holds too much text.
    #[error("cell {} holds more than {limit} characters", address(*.row, *.column))]
    CellTooLong {
        /// Name of the sheet.
        sheet: String,
        /// [`crate::Limits::cell_chars`].
        limit: usize,
        /// Row of the cell, 1-based.
        row: u32,
        /// Column of the cell, 1-based.
        column: u32,
    },
    /// The file, or what it unfolds to, is larger than allowed.
    #[error("the workbook is too big")]
    TooBig,
    /// Reading took longer than allowed.
    #[error("reading the workbook took too long")]
    TooSlow,
    /// No sheet holds anything.
    #[error("the workbook is empty")]
    Empty,
    /// This format is read only by [`crate::read_isolated`]: a mistake of the caller.
    #[error("this format must be read in a child process")]
    NeedsChild,
    /// The reading process could not do its work, or was not given the time: our fault, not the
    /// sender's.
    #[error("the reading process failed: {0}")]
    Broken(String),
}

impl ReadError {
    /// A stable short name for logs, metrics and message tables.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAWorkbook { .. } => "not_a_workbook",
            Self::Encrypted => "encrypted",
            Self::Damaged => "damaged",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::TooManyColumns { .. } => "too_many_columns",
            Self::CellTooLong { .. } => "cell_too_long",
            Self::TooBig => "too_big",
            Self::TooSlow => "too_slow",
            Self::Empty => "empty",
            Self::NeedsChild => "needs_child",
            Self::Broken(_) => "broken",
        }
    }
}

/// What a file that is no workbook looks like, so that the message can say what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// A text document of a word processor.
    Document,
    /// A PDF.
    Pdf,
    /// A picture.
    Picture,
    /// A zip, rar or 7z archive.
    Archive,
    /// A web page or XML saved under a workbook's name, as some systems export.
    WebPage,
    /// A workbook of a kind that is not read (.ods, .xlsb): save it as .xlsx.
    OtherWorkbook,
    /// Anything else.
    Unknown,
}
