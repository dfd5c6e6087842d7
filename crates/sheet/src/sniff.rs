//! Tells what a file is by its first bytes; the name is only a hint, because names lie.

use crate::{Found, Limits, ReadError};

/// Which reader to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Xlsx,
    Xls,
    Text,
}

/// Bytes looked at to tell text from something else.
const HEAD: usize = 8 * 1024;

const OLE: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

const FOREIGN: &[(&[u8], Found)] = &[
    (b"%PDF", Found::Pdf),
    (b"\x89PNG", Found::Picture),
    (b"\xFF\xD8\xFF", Found::Picture),
    (b"GIF8", Found::Picture),
    (b"BM", Found::Picture),
    (b"Rar!", Found::Archive),
    (b"7z\xBC\xAF", Found::Archive),
    (b"\x1F\x8B", Found::Archive),
    (b"{\\rtf", Found::Document),
];

pub(crate) fn format(bytes: &[u8], hint: &str, limits: &Limits) -> Result<Format, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    if bytes.len() as u64 > limits.file_bytes {
        return Err(ReadError::TooBig);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Ok(Format::Xlsx);
    }
    if bytes.starts_with(OLE) {
        return ole(bytes);
    }
    text_or_foreign(bytes, &extension(hint))
}

fn ole(bytes: &[u8]) -> Result<Format, ReadError> {
    if bytes.len() < 512 {
        return Err(ReadError::Damaged);
    }
    if holds_name(bytes, "EncryptedPackage") || holds_name(bytes, "EncryptionInfo") {
        return Err(ReadError::Encrypted);
    }
    if holds_name(bytes, "WordDocument") || holds_name(bytes, "PowerPoint Document") {
        return Err(ReadError::NotAWorkbook { found: Found::Document });
    }
    Ok(Format::Xls)
}

fn text_or_foreign(bytes: &[u8], extension: &str) -> Result<Format, ReadError> {
    let workbook_name = matches!(extension, "xlsx" | "xlsm" | "xls" | "et");
    let not_a_workbook = |found| Err(ReadError::NotAWorkbook { found });
    if workbook_name && (b"PK\x03\x04".starts_with(bytes) || OLE.starts_with(bytes)) {
        return Err(ReadError::Damaged);
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    // A byte order mark says it is text, whatever characters follow.
    let is_marked = has_utf16_mark(bytes) || bytes.starts_with(UTF8_MARK);
    let is_binary = !is_marked && head.iter().any(is_control);
    // "BM" may begin a text; a picture always holds control bytes.
    let foreign = FOREIGN.iter().find(|(magic, _)| bytes.starts_with(magic));
    if let Some((magic, found)) = foreign
        && (magic.len() > 2 || is_binary)
    {
        return not_a_workbook(*found);
    }
    if is_binary && is_wide(head) {
        return not_a_workbook(Found::WideText);
    }
    if is_binary {
        return not_a_workbook(Found::Unknown);
    }
    if is_markup(head) {
        let says = |word: &[u8]| head.windows(word.len()).any(|part| part == word);
        let of_2003 = says(b"urn:schemas-microsoft-com:office:spreadsheet") || says(b"Excel.Sheet");
        return not_a_workbook(if of_2003 { Found::Xml2003 } else { Found::WebPage });
    }
    // Some systems export separated text under a workbook's name.
    let separated = head.iter().any(|byte| b"\t,;|".contains(byte)) || holds(head, "，");
    if workbook_name && !separated {
        return not_a_workbook(Found::Unknown);
    }
    Ok(Format::Text)
}

pub(crate) fn has_utf16_mark(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF")
}

fn extension(hint: &str) -> String {
    hint.rsplit_once('.').map(|(_, ext)| ext.to_ascii_lowercase()).unwrap_or_default()
}

fn is_control(byte: &u8) -> bool {
    *byte < 0x20 && !matches!(*byte, b'\t' | b'\r' | b'\n' | 0x0B | 0x0C | 0x1A)
}

fn is_markup(head: &[u8]) -> bool {
    let head = head.strip_prefix(UTF8_MARK).unwrap_or(head).trim_ascii_start();
    let starts =
        |tag: &[u8]| head.len() >= tag.len() && head[..tag.len()].eq_ignore_ascii_case(tag);
    [
        &b"<html"[..],
        b"mime-version:",
        b"<!doctype",
        b"<table",
        b"<?xml",
        b"<meta",
        b"<head",
        b"<style",
        b"<!--",
    ]
    .into_iter()
    .any(starts)
}

fn holds(head: &[u8], word: &str) -> bool {
    head.windows(word.len()).any(|part| part == word.as_bytes())
}

/// UTF-16 without its mark: every other byte of the line ends, blanks and digits is 0.
fn is_wide(head: &[u8]) -> bool {
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    let pairs = head.chunks_exact(2);
    let others = pairs.filter(|pair| pair.contains(&0)).count();
    let (even, odd) = (zeros(0), zeros(1));
    others * 10 >= head.len() / 2 && even.min(odd) == 0 && !head.windows(2).any(|p| p == [0, 0])
}

/// Whether a stream of this name is in the directory of an OLE container (names are UTF-16).
fn holds_name(bytes: &[u8], name: &str) -> bool {
    let wanted: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // Directory entries are 128 bytes, aligned, with the name first.
    bytes.chunks_exact(128).any(|entry| entry.starts_with(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8], hint: &str) -> ReadError {
        format(bytes, hint, &Limits::default()).expect_err("foreign bytes must be refused")
    }

    #[test]
    fn other_kinds_of_file_are_called_by_their_name() {
        let not = |found| ReadError::NotAWorkbook { found };
        assert_eq!(found(b"%PDF-1.7 abc", "a.xlsx"), not(Found::Pdf));
        assert_eq!(found(b"\x89PNG\r\n\x1A\n\0\0", "a.xlsx"), not(Found::Picture));
        assert_eq!(found(b"<html><table>", "a.xls"), not(Found::WebPage));
        assert_eq!(found(b"\0\0\0\0", "a.csv"), not(Found::Unknown));
        let wide: Vec<u8> = "姓名,1\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(found(&wide, "a.csv"), not(Found::WideText));
        let xml = b"<?xml version=\"1.0\"?><?mso-application progid=\"Excel.Sheet\"?><Workbook/>";
        assert_eq!(found(xml, "a.xls"), not(Found::Xml2003));
        assert_eq!(found(b"MIME-Version: 1.0\r\n<html>", "a.xls"), not(Found::WebPage));
        assert_eq!(found(b"hello", "a.xlsx"), not(Found::Unknown));
        assert_eq!(found(b"PK", "a.xlsx"), ReadError::Damaged);
        assert_eq!(found(b"", "a.xlsx"), ReadError::Empty);
    }

    #[test]
    fn text_is_accepted_under_a_text_name_and_tabs_under_xls() {
        let text = |bytes: &[u8], hint| format(bytes, hint, &Limits::default());
        assert_eq!(text(b"a,b", "a.csv"), Ok(Format::Text));
        assert_eq!(text(b"BMW,b", "a.csv"), Ok(Format::Text));
        for (bytes, name) in [(&b"a\tb"[..], "A.XLS"), (b"a,b", "a.xls"), (b"a;b", "a.xlsx")] {
            assert_eq!(text(bytes, name), Ok(Format::Text));
        }
        assert_eq!(text("甲，乙".as_bytes(), "a.et"), Ok(Format::Text));
        assert_eq!(text(b"a,b", ""), Ok(Format::Text));
    }
}
