//! The cells of one worksheet, pulled one by one into the [`Gather`].

use super::strings::Found;
use super::styles::Shape;
use super::{Shared, Sink, Xml, attribute, take_text};
use crate::book::{Cell, Merge, Number};
use crate::gather::Gather;
use crate::when::{from_serial, parse};
use crate::{Limits, ReadError, When};
use quick_xml::events::{BytesStart, Event};
use std::io::BufRead;

/// The `t` attribute of a cell.
#[derive(Clone, Copy, Default)]
enum Type {
    #[default]
    Number,
    SharedText,
    Text,
    Bool,
    Fault,
    Date,
}

/// The cell being read.
#[derive(Default)]
struct Open {
    column: u32,
    kind: Type,
    style: usize,
    formula: bool,
}

/// Where in the part we are.
#[derive(Default)]
struct Place {
    in_data: bool,
    in_value: bool,
    phonetic: bool,
    row: u32,
    hidden: bool,
    open: Open,
}

pub(super) fn read<R: BufRead>(
    xml: &mut Xml<R>,
    shared: &Shared,
    limits: &Limits,
    gather: &mut Gather<'_>,
) -> Result<(), ReadError> {
    let mut place = Place::default();
    let mut sink = Sink::new(limits.cell_chars);
    loop {
        match xml.next()? {
            Event::Start(tag) if place.in_data => match tag.local_name().as_ref() {
                "row" => place.start_row(&tag)?,
                "c" => {
                    place.start_cell(&tag)?;
                    sink.clear();
                }
                "f" => place.open.formula = true,
                "v" => place.in_value = true,
                "t" => place.in_value = !place.phonetic,
                "rPh" => place.phonetic = true,
                _ => {}
            },
            Event::Empty(tag) if place.in_data => match tag.local_name().as_ref() {
                "row" => place.start_row(&tag)?,
                "c" => place.start_cell(&tag)?,
                "f" => place.open.formula = true,
                _ => {}
            },
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                "col" => hide_columns(&tag, gather),
                "mergeCell" => {
                    if let Some(merge) = attribute(&tag, "ref").as_deref().and_then(rectangle) {
                        gather.merge(merge)?;
                    }
                }
                "sheetData" => place.in_data = true,
                _ => {}
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "sheetData" => place.in_data = false,
                "c" if place.in_data => place.close_cell(&sink, shared, gather)?,
                "v" | "t" => place.in_value = false,
                "rPh" => place.phonetic = false,
                _ => {}
            },
            Event::Eof => return Ok(()),
            event if place.in_value => take_text(&event, &mut sink)?,
            _ => {}
        }
    }
}

impl Place {
    fn start_row(&mut self, tag: &BytesStart<'_>) -> Result<(), ReadError> {
        let mut number = None;
        self.hidden = false;
        for attribute in tag.attributes().with_checks(false).flatten() {
            let value = attribute.value.trim();
            match attribute.key.as_ref() {
                "r" => number = Some(value.parse().map_err(|_| ReadError::Damaged)?),
                "hidden" => self.hidden = is_true(value),
                // A row without height is as good as hidden.
                "ht" => self.hidden |= value.parse() == Ok(0.0),
                _ => {}
            }
        }
        self.row = number.unwrap_or_else(|| self.row.saturating_add(1));
        self.open = Open::default();
        Ok(())
    }

    fn start_cell(&mut self, tag: &BytesStart<'_>) -> Result<(), ReadError> {
        let mut open = Open { column: self.open.column.saturating_add(1), ..Open::default() };
        for attribute in tag.attributes().with_checks(false).flatten() {
            match attribute.key.as_ref() {
                "r" => (open.column, self.row) = place_of(&attribute.value)?,
                "s" => open.style = attribute.value.parse().unwrap_or(0),
                "t" => open.kind = type_of(&attribute.value),
                _ => {}
            }
        }
        self.open = open;
        Ok(())
    }

    fn close_cell(
        &self,
        sink: &Sink,
        shared: &Shared,
        gather: &mut Gather<'_>,
    ) -> Result<(), ReadError> {
        let (row, column) = (self.row, self.open.column);
        let Some(cell) = self.value(sink, shared)? else {
            return Err(gather.too_long(row, column));
        };
        if cell == Cell::Empty {
            return Ok(());
        }
        match shared.styles.is_struck(self.open.style) {
            true => gather.put_struck(row, column, cell)?,
            false => gather.put(row, column, cell)?,
        }
        if self.hidden { gather.hide_row(row) } else { Ok(()) }
    }

    /// The typed cell, or `None` if its text is too long.
    fn value(&self, sink: &Sink, shared: &Shared) -> Result<Option<Cell>, ReadError> {
        let Some(text) = sink.finished() else { return Ok(None) };
        if text.is_empty() {
            // A formula whose result is an empty text says so by its type.
            let unsolved = self.open.formula && matches!(self.open.kind, Type::Number);
            return Ok(Some(if unsolved { Cell::Unsolved } else { Cell::Empty }));
        }
        Ok(Some(match self.open.kind {
            Type::Text => Cell::Text(text),
            Type::Fault => Cell::Fault(text),
            Type::Bool => Cell::Bool(matches!(text.trim(), "1" | "true")),
            Type::Date => iso_date(text),
            Type::Number => self.number(text.trim(), shared)?,
            Type::SharedText => {
                let index = text.trim().parse().map_err(|_| ReadError::Damaged)?;
                match shared.strings.get(index).ok_or(ReadError::Damaged)? {
                    Found::Text(text) => Cell::from_text(text.to_owned()),
                    Found::TooLong => return Ok(None),
                }
            }
        }))
    }

    fn number(&self, shown: &str, shared: &Shared) -> Result<Cell, ReadError> {
        let value: f64 = shown.parse().map_err(|_| ReadError::Damaged)?;
        let (mut date, mut pad, mut seen) = (None, 0, None);
        match shared.styles.shape(self.open.style) {
            Shape::Plain => {}
            Shape::Date => date = from_serial(value, shared.since_1904),
            Shape::Padded(digits) => pad = *digits,
            Shape::Dressed(dress) => seen = dress.show(value).map(String::into_boxed_str),
        }
        Ok(Cell::Number(Number { shown: shown.into(), date, pad, seen }))
    }
}

fn type_of(value: &str) -> Type {
    match value {
        "s" => Type::SharedText,
        "str" | "inlineStr" => Type::Text,
        "b" => Type::Bool,
        "e" => Type::Fault,
        "d" => Type::Date,
        _ => Type::Number,
    }
}

/// Column and row of `AB12`, both from 1. A spreadsheet goes by them, whatever the row says.
fn place_of(address: &str) -> Result<(u32, u32), ReadError> {
    let split = address.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(address.len());
    let (letters, digits) = address.split_at(split);
    let row = digits.parse().map_err(|_| ReadError::Damaged)?;
    if letters.is_empty() || letters.len() > 3 || row == 0 {
        return Err(ReadError::Damaged);
    }
    let column = letters
        .bytes()
        .fold(0, |column, letter| column * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1);
    Ok((column, row))
}

/// `A2:B5` of a merge.
fn rectangle(range: &str) -> Option<Merge> {
    let (from, to) = range.split_once(':')?;
    let (left, top) = place_of(from.trim()).ok()?;
    let (right, bottom) = place_of(to.trim()).ok()?;
    Some(Merge { top, bottom, left: left - 1, right: right - 1 })
}

/// A definition of columns, if it hides them.
fn hide_columns(tag: &BytesStart<'_>, gather: &mut Gather<'_>) {
    let number = |name| attribute(tag, name).and_then(|text| text.trim().parse::<f64>().ok());
    let hidden = attribute(tag, "hidden").is_some_and(|text| is_true(&text));
    if (hidden || number("width") == Some(0.0))
        && let (Some(first), Some(last)) = (number("min"), number("max"))
    {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let whole = |value: f64| value.clamp(1.0, 100_000.0) as u32;
        gather.hide_columns(whole(first), whole(last));
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.trim(), "1" | "true" | "on")
}

/// An ISO 8601 date of the strict dialect, kept as text without the time of day.
fn iso_date(text: String) -> Cell {
    match parse(&text) {
        Some(When::Day(day)) => Cell::Text(day.to_string()),
        _ => Cell::Text(text),
    }
}
