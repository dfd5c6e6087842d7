//! Writes .csv that spreadsheets open as UTF-8 and that cannot smuggle formulas in.
//! Security.md (a) 19: a leading `'` marks text that would otherwise be calculated.

use std::borrow::Cow;
use std::io::{self, Write};

/// Writes rows as .csv: byte order mark, CRLF, quotes where needed, formulas guarded.
/// [`crate::read`] gives back exactly what was written.
///
/// # Errors
/// Those of `out`.
pub fn write_csv<'t, R>(mut out: impl Write, rows: impl IntoIterator<Item = R>) -> io::Result<()>
where
    R: IntoIterator<Item = &'t str>,
{
    out.write_all("\u{FEFF}".as_bytes())?;
    for row in rows {
        for (index, cell) in row.into_iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            write_field(&mut out, &guard_formula(cell))?;
        }
        out.write_all(b"\r\n")?;
    }
    out.flush()
}

/// Puts `'` before text that a spreadsheet might take for a formula.
#[must_use]
pub fn guard_formula(text: &str) -> Cow<'_, str> {
    if is_formula_like(text.trim_start_matches('\'')) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Takes the `'` of [`guard_formula`] off again.
pub(crate) fn unguard_formula(text: String) -> String {
    match text.strip_prefix('\'') {
        Some(bare) if is_formula_like(bare.trim_start_matches('\'')) => bare.to_owned(),
        _ => text,
    }
}

pub(crate) fn is_formula_like(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'])
}

fn write_field(out: &mut impl Write, text: &str) -> io::Result<()> {
    if text.contains(['"', ',', ';', '\t', '\r', '\n']) || text.trim() != text {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}
