//! Bounded reader for .xlsx: only known parts are opened, every inflated byte is counted.
//! Called by [`crate::read`]; safe in the web process, though strangers' files go to the child.

mod cells;
mod package;
mod strings;
mod styles;

use crate::gather::Gather;
use crate::meter::{Meter, Xml};
use crate::{Book, Limits, ReadError};
use package::{Package, Rels};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use strings::Strings;
use styles::Styles;

/// What the parts of a sheet refer to.
pub(crate) struct Shared {
    strings: Strings,
    styles: Styles,
    since_1904: bool,
}

struct SheetEntry {
    name: String,
    part: String,
    hidden: bool,
}

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Book, ReadError> {
    let mut package = Package::open(bytes, limits, Meter::new(limits))?;
    let main = package.main_part()?;
    let rels = package.rels_of(&main)?;
    let (entries, since_1904) = sheet_entries(&mut package, &main, &rels, limits)?;
    let strings = match rels.by_kind("sharedStrings") {
        Some(part) => strings::read(&mut package.xml(&part)?, limits)?,
        None => Strings::default(),
    };
    let styles = match rels.by_kind("styles") {
        Some(part) => styles::read(&mut package.xml(&part)?, limits)?,
        None => Styles::default(),
    };
    let shared = Shared { strings, styles, since_1904 };
    let mut gather = Gather::new(limits);
    for entry in entries {
        gather.sheet(&entry.name, entry.hidden)?;
        cells::read(&mut package.xml(&entry.part)?, &shared, limits, &mut gather)?;
    }
    gather.finish()
}

fn sheet_entries(
    package: &mut Package<'_>,
    main: &str,
    rels: &Rels,
    limits: &Limits,
) -> Result<(Vec<SheetEntry>, bool), ReadError> {
    let mut xml = package.xml(main)?;
    let (mut entries, mut since_1904) = (Vec::new(), false);
    loop {
        match xml.next()? {
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                "workbookPr" => {
                    since_1904 =
                        matches!(attribute(&tag, "date1904").as_deref(), Some("1" | "true"));
                }
                "sheet" => {
                    let id = attribute(&tag, "id").ok_or(ReadError::Damaged)?;
                    // Chart sheets and macro sheets hold no cells.
                    let Some(part) = rels.worksheet(&id) else { continue };
                    let name = attribute(&tag, "name").unwrap_or_default();
                    let hidden = attribute(&tag, "state").is_some_and(|state| state != "visible");
                    entries.push(SheetEntry { name, part, hidden });
                }
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
        if entries.len() > limits.sheets {
            return Err(ReadError::TooBig);
        }
    }
    Ok((entries, since_1904))
}

/// The unescaped value of an attribute by local name.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag
        .attributes()
        .with_checks(false)
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}

/// Text gathered up to a limit; more is counted as too long instead of kept.
struct Sink {
    text: String,
    longest: usize,
    too_long: bool,
}

impl Sink {
    fn new(longest: usize) -> Self {
        Self { text: String::new(), longest, too_long: false }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.too_long = false;
    }

    fn push(&mut self, more: &str) {
        // `_x000D_` stands for one character, hence seven times; a character has up to 4 bytes.
        if self.too_long || self.text.len() + more.len() > self.longest.saturating_mul(7) {
            self.too_long = true;
        } else {
            self.text.push_str(more);
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), ReadError> {
        if let Some(c) = reference.resolve_char_ref().map_err(|_| ReadError::Damaged)? {
            self.push(c.encode_utf8(&mut [0; 4]));
            return Ok(());
        }
        // Entities of a document type never exist here: it is refused.
        self.push(match reference.as_ref() {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "apos" => "'",
            _ => return Err(ReadError::Damaged),
        });
        Ok(())
    }

    /// The text with `_xHHHH_` resolved, or `None` if it is longer than a cell may be.
    fn finished(&self) -> Option<String> {
        if self.too_long {
            return None;
        }
        let text = unescape_units(&self.text);
        (text.len() <= self.longest || text.chars().count() <= self.longest).then_some(text)
    }
}

/// Resolves the `_xHHHH_` by which workbooks write characters that XML forbids.
fn unescape_units(text: &str) -> String {
    if !text.contains("_x") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match escaped_unit(rest) {
            Some(c) => {
                out.push(c);
                rest = &rest[7..];
            }
            None => {
                out.push_str("_x");
                rest = &rest[2..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn escaped_unit(text: &str) -> Option<char> {
    let hex = text.get(2..6)?;
    let is_escape =
        text.as_bytes().get(6) == Some(&b'_') && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_escape {
        return None;
    }
    char::from_u32(u32::from_str_radix(hex, 16).ok()?)
}

/// Feeds the text of the open element into `sink`; other events are the caller's.
fn take_text(event: &Event<'_>, sink: &mut Sink) -> Result<(), ReadError> {
    match event {
        Event::Text(text) => sink.push(&text.xml10_content()),
        Event::CData(text) => sink.push(&text.xml10_content()),
        Event::GeneralRef(reference) => sink.reference(reference)?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_characters_are_resolved_and_look_alikes_left_alone() {
        assert_eq!(unescape_units("a_x000D_b"), "a\rb");
        assert_eq!(unescape_units("_x005F_x000D_"), "_x000D_");
        assert_eq!(unescape_units("_x12_ _xZZZZ_ _x"), "_x12_ _xZZZZ_ _x");
        assert_eq!(unescape_units("_x中文字啊_"), "_x中文字啊_");
    }
}
