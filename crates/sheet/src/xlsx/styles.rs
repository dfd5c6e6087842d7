//! Which cell styles show a date, leading zeros or more than the number, and which are struck out.
//! Nothing else of the style sheet matters.

use super::{Xml, attribute};
use crate::format::Dress;
use crate::when::{is_date_format, is_date_id};
use crate::{Limits, ReadError};
use quick_xml::events::Event;
use std::collections::HashMap;
use std::io::BufRead;

/// What a style does to a number.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    #[default]
    Plain,
    Date,
    /// At least so many digits.
    Padded(u8),
    /// Text around the digits, or decimals.
    Dressed(Dress),
}

/// Shape by style index.
#[derive(Default)]
pub(super) struct Styles {
    shapes: Vec<Shape>,
    /// By style index as well.
    struck: Vec<bool>,
}

impl Styles {
    pub(super) fn shape(&self, index: usize) -> &Shape {
        self.shapes.get(index).unwrap_or(&Shape::Plain)
    }

    pub(super) fn is_struck(&self, index: usize) -> bool {
        self.struck.get(index).copied().unwrap_or_default()
    }
}

/// Far more than a spreadsheet program can write (64,000).
const MAX_STYLES: usize = 100_000;

pub(super) fn read<R: BufRead>(xml: &mut Xml<R>, limits: &Limits) -> Result<Styles, ReadError> {
    let mut custom: HashMap<u32, Shape> = HashMap::new();
    let mut styles = Styles::default();
    let mut in_cell_styles = false;
    let (mut fonts, mut in_fonts): (Vec<bool>, bool) = (Vec::new(), false);
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
                "fonts" => in_fonts = true,
                "font" if in_fonts => fonts.push(false),
                "strike" if in_fonts => {
                    if let Some(font) = fonts.last_mut() {
                        let off = attribute(&tag, "val");
                        *font = !matches!(off.as_deref(), Some("0" | "false" | "off"));
                    }
                }
                "xf" if in_cell_styles => {
                    let id =
                        attribute(&tag, "numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
                    let built_in = match id {
                        id if is_date_id(id) => Shape::Date,
                        2 => shape_of("0.00"),
                        _ => Shape::Plain,
                    };
                    styles.shapes.push(custom.get(&id).cloned().unwrap_or(built_in));
                    let font = attribute(&tag, "fontId").and_then(|id| id.parse::<usize>().ok());
                    let struck = font.and_then(|font| fonts.get(font)).copied();
                    styles.struck.push(struck.unwrap_or_default());
                }
                _ => {}
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "cellXfs" => in_cell_styles = false,
                "fonts" => in_fonts = false,
                _ => {}
            },
            Event::Eof => return Ok(styles),
            _ => {}
        }
        if styles.shapes.len().max(custom.len()).max(fonts.len()) > MAX_STYLES {
            return Err(ReadError::TooBig);
        }
    }
}

fn shape_of(code: &str) -> Shape {
    if (2..=32).contains(&code.len()) && code.bytes().all(|b| b == b'0') {
        return Shape::Padded(u8::try_from(code.len()).unwrap_or(0));
    }
    if is_date_format(code) {
        return Shape::Date;
    }
    Dress::of(code).map_or(Shape::Plain, Shape::Dressed)
}
