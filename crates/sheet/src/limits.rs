//! Every bound on reading a workbook, in one struct. Decision 12, security.md (a) 16.
//! The business shows `rows` and `file_bytes` to people; the others only ever stop hostile files.

use serde::{Deserialize, Serialize};

/// Bounds on one reading. [`Limits::default`] is the policy; tests make smaller ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of the file or of the pasted text.
    pub file_bytes: u64,
    /// Data rows in one sheet. The reader lets `rows + head_rows` through, because only the
    /// business knows which rows are titles; it must compare its own count with `rows`.
    pub rows: u32,
    /// Rows granted on top of `rows` for titles, notes, header and example.
    pub head_rows: u32,
    /// Columns with content in one sheet.
    pub columns: u32,
    /// Cells in the whole book, the empty ones between filled ones included.
    pub cells: usize,
    /// Characters in one cell.
    pub cell_chars: usize,
    /// Bytes of text in the whole book.
    pub text_bytes: usize,
    /// Sheets in the book.
    pub sheets: usize,
    /// Entries in the zip container. Only known parts are ever opened, so this guards just the
    /// directory; a workbook with one sheet, rels and printer settings per class has a hundred.
    pub parts: usize,
    /// Bytes inflated from the zip container, over all parts together.
    pub inflated_bytes: u64,
    /// Bytes of one XML tag or one run of text.
    pub xml_event_bytes: u64,
    /// Address space of the child process, bytes.
    pub child_memory_bytes: u64,
    /// CPU seconds of the child process.
    pub child_cpu_seconds: u64,
    /// Wall seconds after which the child process is killed: well above the CPU seconds, because
    /// on a busy machine a sound file waits.
    pub child_wall_seconds: u64,
    /// Bytes the parent accepts from the child process.
    pub child_reply_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            file_bytes: 20 * MIB,
            rows: 20_000,
            head_rows: 20,
            columns: 64,
            cells: 800_000,
            cell_chars: 5_000,
            text_bytes: 24 * 1024 * 1024,
            sheets: 64,
            parts: 512,
            inflated_bytes: 200 * MIB,
            xml_event_bytes: 4 * MIB,
            child_memory_bytes: 512 * MIB,
            child_cpu_seconds: 20,
            child_wall_seconds: 60,
            child_reply_bytes: 96 * MIB,
        }
    }
}

impl Limits {
    /// The last row number that may hold something.
    pub(crate) fn last_row(&self) -> u32 {
        self.rows.saturating_add(self.head_rows)
    }
}
