//! Which cell styles show a date or leading zeros. Nothing else of the style sheet matters.

use super::{Xml, attribute};
use crate::when::{is_date_format, is_date_id};
use crate::{Limits, ReadError};
use quick_xml::events::Event;
use std::collections::HashMap;
use std::io::BufRead;

/// What a style does to a number.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    #[default]
    Plain,
    Date,
    /// At least so many digits.
    Padded(u8),
}

/// Shape by style index.
#[derive(Default)]
pub(super) struct Styles {
    shapes: Vec<Shape>,
}

impl Styles {
    pub(super) fn shape(&self, index: usize) -> Shape {
        self.shapes.get(index).copied().unwrap_or_default()
    }
}

/// Far more than a spreadsheet program can write (64,000).
const MAX_STYLES: usize = 100_000;

pub(super) fn read<R: BufRead>(xml: &mut Xml<R>, limits: &Limits) -> Result<Styles, ReadError> {
    let mut custom: HashMap<u32, Shape> = HashMap::new();
    let mut styles = Styles::default();
    let mut in_cell_styles = false;
    loop {
        match xml.next()? {
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                "numFmt" => {
                    let id = attribute(&tag, "numFmtId").and_then(|id| id.parse().ok());
                    let code = attribute(&tag, "formatCode").unwrap_or_default();
                    if let Some(id) = id
                        && code.len() <= limits.cell_chars
                    {
                        custom.insert(id, shape_of(&code));
                    }
                }
                "cellXfs" => in_cell_styles = true,
                "xf" if in_cell_styles => {
                    let id =
                        attribute(&tag, "numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
                    let built_in = if is_date_id(id) { Shape::Date } else { Shape::Plain };
                    styles.shapes.push(custom.get(&id).copied().unwrap_or(built_in));
                }
                _ => {}
            },
            Event::End(tag) if tag.local_name().as_ref() == "cellXfs" => in_cell_styles = false,
            Event::Eof => return Ok(styles),
            _ => {}
        }
        if styles.shapes.len() > MAX_STYLES || custom.len() > MAX_STYLES {
            return Err(ReadError::TooBig);
        }
    }
}

fn shape_of(code: &str) -> Shape {
    if (2..=32).contains(&code.len()) && code.bytes().all(|b| b == b'0') {
        return Shape::Padded(u8::try_from(code.len()).unwrap_or(0));
    }
    if is_date_format(code) { Shape::Date } else { Shape::Plain }
}
