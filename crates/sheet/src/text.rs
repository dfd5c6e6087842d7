//! Comma-, semicolon- and tab-separated text, in UTF-8, GB 18030 or UTF-16 with its mark.
//! Row numbers are those a spreadsheet shows: a quoted line break does not count, a blank line does.

use crate::book::Cell;
use crate::csv_out::unguard_formula;
use crate::gather::Gather;
use crate::sniff::has_utf16_mark;
use crate::{Book, Found, Limits, ReadError};
use encoding_rs::{GB18030, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;

pub(crate) fn read_bytes(bytes: &[u8], limits: &Limits) -> Result<Book, ReadError> {
    let text = decode(bytes)?;
    read_str(&text, None, limits)
}

/// Reads decoded text; without a delimiter it is guessed from the first lines.
pub(crate) fn read_str(
    text: &str,
    delimiter: Option<char>,
    limits: &Limits,
) -> Result<Book, ReadError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let delimiter = delimiter.unwrap_or_else(|| guess(text));
    let mut gather = Gather::new(limits);
    gather.sheet("", false)?;
    let mut fields = Fields { rest: text, delimiter, longest: limits.cell_chars };
    let (mut row, mut column) = (1, 1);
    while let Some(field) = fields.next()? {
        if field.too_long {
            return Err(gather.too_long(row, column));
        }
        gather.put(row, column, Cell::from_text(unguard_formula(field.text)))?;
        (row, column) = if field.ends_row { (row + 1, 1) } else { (row, column + 1) };
    }
    gather.finish()
}

struct Field {
    text: String,
    ends_row: bool,
    too_long: bool,
}

struct Fields<'t> {
    rest: &'t str,
    delimiter: char,
    longest: usize,
}

impl Fields<'_> {
    fn next(&mut self) -> Result<Option<Field>, ReadError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut text = String::new();
        let mut too_long = false;
        if let Some(quoted) = self.rest.strip_prefix('"')
            && let Some(end) = self.closing_quote(quoted)
        {
            let inside = &quoted[..end];
            too_long = inside.len() > self.longest && inside.chars().count() > self.longest;
            if !too_long {
                text = inside.replace("\"\"", "\"");
            }
            self.rest = &quoted[end + 1..];
        }
        let delimiter = self.delimiter;
        let end = self.rest.find([delimiter, '\n', '\r']).unwrap_or(self.rest.len());
        let bare = &self.rest[..end];
        too_long |= bare.len() > self.longest && bare.chars().count() > self.longest;
        if !too_long {
            text.push_str(bare);
        }
        let after = &self.rest[end..];
        let ends_row = !after.starts_with(delimiter);
        self.rest = after
            .strip_prefix(delimiter)
            .or_else(|| after.strip_prefix("\r\n"))
            .or_else(|| after.strip_prefix(['\r', '\n']))
            .unwrap_or("");
        Ok(Some(Field { text, ends_row, too_long }))
    }

    /// Where the quoted field ends, or `None` if the quote is never closed or is followed by more
    /// text: then it is an ordinary character, as in a pasted `"Tiger" Li`.
    fn closing_quote(&self, quoted: &str) -> Option<usize> {
        let bytes = quoted.as_bytes();
        let mut at = 0;
        loop {
            at += quoted.get(at..)?.find('"')?;
            if bytes.get(at + 1) == Some(&b'"') {
                at += 2;
                continue;
            }
            let next = quoted[at + 1..].chars().next();
            let closes = next.is_none_or(|c| c == self.delimiter || c == '\r' || c == '\n');
            return closes.then_some(at);
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, ReadError> {
    if has_utf16_mark(bytes) {
        let encoding = if bytes.starts_with(b"\xFF\xFE") { UTF_16LE } else { UTF_16BE };
        let (text, _, broken) = encoding.decode(bytes);
        return if broken { Err(ReadError::Damaged) } else { Ok(text) };
    }
    let marked = bytes.starts_with(b"\xEF\xBB\xBF");
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        // Valid up to a last character cut in two: a truncated UTF-8 file, not GB 18030.
        Err(error) if marked || (error.error_len().is_none() && has_wide(bytes, &error)) => {
            Err(ReadError::Damaged)
        }
        Err(_) => {
            let (text, used, broken) = GB18030.decode(bytes);
            if broken || used == UTF_8 || text.contains('\0') {
                return Err(ReadError::NotAWorkbook { found: Found::Unknown });
            }
            Ok(text)
        }
    }
}

fn has_wide(bytes: &[u8], error: &std::str::Utf8Error) -> bool {
    !bytes[..error.valid_up_to()].is_ascii()
}

/// The separator found most often in the first ten lines; a tab wins ties, then a comma.
fn guess(text: &str) -> char {
    let mut counts = [('\t', 0_u32), (',', 0), (';', 0)];
    let mut quoted = false;
    for c in text.lines().take(10).flat_map(str::chars).take(20_000) {
        quoted ^= c == '"';
        if let Some(entry) = counts.iter_mut().find(|entry| entry.0 == c && !quoted) {
            entry.1 += 1;
        }
    }
    let best = counts.iter().rev().max_by_key(|entry| entry.1);
    best.map_or(',', |entry| entry.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, delimiter: Option<char>) -> Vec<(u32, Vec<String>)> {
        let book = read_str(text, delimiter, &Limits::default()).expect("readable text");
        let texts = |cells: &[Cell]| cells.iter().map(|c| c.text().into_owned()).collect();
        book.sheets[0].rows.iter().map(|row| (row.number, texts(&row.cells))).collect()
    }

    fn row(number: u32, cells: &[&str]) -> (u32, Vec<String>) {
        (number, cells.iter().map(|&cell| cell.to_owned()).collect())
    }

    #[test]
    fn separators_quotes_and_row_numbers_are_those_of_a_spreadsheet() {
        let text = "a,\"b,\"\"c\"\"\nd\",e\r\n\r\nf,,g,\r\n";
        assert_eq!(rows(text, None), [row(1, &["a", "b,\"c\"\nd", "e"]), row(3, &["f", "", "g"])]);
        assert_eq!(rows("a;b;c\n1;2,5;3", None)[1], row(2, &["1", "2,5", "3"]));
        assert_eq!(rows("a\tb,c", None), [row(1, &["a", "b,c"])]);
        assert_eq!(rows("only", None), [row(1, &["only"])]);
    }

    #[test]
    fn a_stray_quote_swallows_nothing() {
        assert_eq!(
            rows("\"Tiger\" Li\tx\n\"open\ty\nlast\tz", Some('\t')),
            [row(1, &["\"Tiger\" Li", "x"]), row(2, &["\"open", "y"]), row(3, &["last", "z"])]
        );
    }
}
