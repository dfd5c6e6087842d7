//! Separated text (tabs, commas, semicolons, bars, the full-width ones too), in UTF-8, GB 18030 or
//! UTF-16 with its mark.
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
    // `sep=;` in the first line is meant for the spreadsheet, which counts it as a row.
    let told = delimiter.is_none().then(|| separator_line(text)).flatten();
    let (first, text) = told.map_or((1, text), |(_, rest)| (2, rest));
    let told = told.map(|(separator, _)| separator);
    let delimiter = delimiter.or(told).unwrap_or_else(|| guess(text));
    let mut gather = Gather::new(limits);
    gather.sheet("", false)?;
    let mut fields = Fields { rest: text, delimiter, longest: limits.cell_chars };
    let (mut row, mut column) = (first, 1);
    while let Some(field) = fields.next()? {
        if field.too_long {
            return Err(gather.too_long(row, column));
        }
        let text = unguard_formula(unwrapped(field.text));
        gather.put(row, column, Cell::from_text(text))?;
        (row, column) = if field.ends_row { (row + 1, 1) } else { (row, column + 1) };
    }
    gather.finish()
}

/// The separator that the first line names, and the text behind that line.
fn separator_line(text: &str) -> Option<(char, &str)> {
    let (line, rest) = text.split_once(['\n', '\r'])?;
    let line = line.trim().trim_matches('"').to_ascii_lowercase();
    let named = line.strip_prefix("sep=")?;
    let separator = if named.is_empty() { '\t' } else { named.chars().next()? };
    let rest = if text.contains("\r\n") { rest.strip_prefix('\n').unwrap_or(rest) } else { rest };
    Some((separator, rest))
}

/// `="340104…"` keeps a spreadsheet from making a number of the text: the text is what was meant.
fn unwrapped(text: String) -> String {
    let inside = text.trim().strip_prefix("=\"").and_then(|text| text.strip_suffix('"'));
    inside.filter(|text| !text.contains('"')).map(str::to_owned).unwrap_or(text)
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
        Err(_) if let Some(row) = broken_line(bytes) => Err(ReadError::BadText { row }),
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

/// The line of the first broken character of a text that is UTF-8 for the rest: GB 18030 has next
/// to no sequence in common with it.
fn broken_line(bytes: &[u8]) -> Option<u32> {
    let (mut good, mut bad, mut line, mut first) = (0_usize, 0_usize, 1_u32, None);
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        good += valid.chars().filter(|c| !c.is_ascii()).count();
        line += u32::try_from(valid.matches('\n').count()).ok()?;
        if !chunk.invalid().is_empty() {
            bad += 1;
            first = first.or(Some(line));
        }
    }
    first.filter(|_| good >= 4 && good >= bad * 4)
}

/// Separators in the order in which they win ties.
const SEPARATORS: [char; 7] = ['\t', ',', ';', '|', '，', '；', '｜'];

/// The separator that cuts most lines into the same number of fields: full-width commas also stand
/// in sentences, but never in the same number in every line.
fn guess(text: &str) -> char {
    let mut scores = [0_usize; SEPARATORS.len()];
    let lines: Vec<&str> = lines_of(text)
        .into_iter()
        .filter(|line| !line.trim().is_empty())
        .take(60)
        .map(|line| line.char_indices().nth(2_000).map_or(line, |(end, _)| &line[..end]))
        .collect();
    for (score, separator) in scores.iter_mut().zip(SEPARATORS) {
        let mut by_count: Vec<(usize, usize)> = Vec::new();
        for line in &lines {
            let count = count_outside_quotes(line, separator);
            match by_count.iter_mut().find(|(known, _)| *known == count) {
                Some((_, times)) => *times += 1,
                None => by_count.push((count, 1)),
            }
        }
        let best = by_count.iter().filter(|(count, _)| *count > 0);
        *score = best.map(|(count, times)| count.min(&12) * times).max().unwrap_or(0);
    }
    let best = scores.iter().zip(SEPARATORS).rev().max_by_key(|(score, _)| **score);
    best.filter(|(score, _)| **score > 0).map_or(',', |(_, separator)| separator)
}

/// The lines of a text, a line break between quotes belonging to its line; every break ends one where
/// the quotes are never closed.
fn lines_of(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let breaks = |c: char| {
        quoted ^= c == '"';
        !quoted && matches!(c, '\n' | '\r')
    };
    let lines: Vec<&str> = text.split(breaks).collect();
    let closed = text.matches('"').count().is_multiple_of(2);
    if closed { lines } else { text.split(['\n', '\r']).collect() }
}

fn count_outside_quotes(line: &str, separator: char) -> usize {
    let mut quoted = false;
    let counted = |c: &char| {
        quoted ^= *c == '"';
        *c == separator && !quoted
    };
    line.chars().filter(counted).count()
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
    fn separators_are_found_as_people_type_them() {
        for separator in ['，', '|', ';', '；', '｜', ','] {
            let s = separator.to_string();
            let text = format!("一班名单，请核对，谢谢\n姓名{s}民族\n张三{s}汉族\n李四{s}回族\n");
            let found = rows(&text, None);
            assert_eq!(found[2], row(3, &["张三", "汉族"]), "{separator}");
        }
        let prose = "a,b,备注\n1,2,好，很好，非常好\n3,4,好，很好，非常好\n";
        assert_eq!(rows(prose, None)[1], row(2, &["1", "2", "好，很好，非常好"]));
        for text in ["sep=;\r\na;b\r\n", "sep=;\na;b\n", "\"sep=;\"\ra;b\r"] {
            assert_eq!(rows(text, None), [row(2, &["a", "b"])]);
        }
        assert_eq!(rows("sep=\t\na\tb,c\n", None), [row(2, &["a", "b,c"])]);
    }

    #[test]
    fn text_that_a_formula_keeps_is_the_text() {
        let text = "a,b\n=\"0012\",\"=\"\"3401\"\"\"\n=1+1,=\"a\"&\"b\"\n";
        let found = rows(text, None);
        assert_eq!(found[1], row(2, &["0012", "3401"]));
        assert_eq!(found[2], row(3, &["=1+1", "=\"a\"&\"b\""]));
    }

    #[test]
    fn one_broken_character_in_a_text_is_named_by_its_line() {
        let mut bytes = "姓名,民族\n张三,汉族\n李四,回族\n".as_bytes().to_vec();
        let at = bytes.len() - 3;
        bytes.remove(at);
        assert_eq!(decode(&bytes), Err(ReadError::BadText { row: 3 }));
    }

    #[test]
    fn a_stray_quote_swallows_nothing() {
        assert_eq!(
            rows("\"Tiger\" Li\tx\n\"open\ty\nlast\tz", Some('\t')),
            [row(1, &["\"Tiger\" Li", "x"]), row(2, &["\"open", "y"]), row(3, &["last", "z"])]
        );
    }
}
