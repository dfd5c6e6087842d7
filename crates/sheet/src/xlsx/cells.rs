//! The cells of one worksheet, pulled one by one into the [`Gather`].

use super::strings::Found;
use super::styles::Shape;
use super::{Shared, Sink, Xml, take_text};
use crate::book::{Cell, Number};
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
}

/// Where in the part we are.
#[derive(Default)]
struct Place {
    in_data: bool,
    in_value: bool,
    phonetic: bool,
    row: u32,
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
                "v" => place.in_value = true,
                "t" => place.in_value = !place.phonetic,
                "rPh" => place.phonetic = true,
                _ => {}
            },
            Event::Empty(tag) if place.in_data => match tag.local_name().as_ref() {
                "row" => place.start_row(&tag)?,
                "c" => place.start_cell(&tag)?,
                _ => {}
            },
            Event::Start(tag) => place.in_data = tag.local_name().as_ref() == "sheetData",
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
        for attribute in tag.attributes().with_checks(false).flatten() {
            if attribute.key.as_ref() == "r" {
                number = Some(attribute.value.trim().parse().map_err(|_| ReadError::Damaged)?);
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
                "r" => open.column = column_of(&attribute.value, self.row)?,
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
        if cell == Cell::Empty { Ok(()) } else { gather.put(row, column, cell) }
    }

    /// The typed cell, or `None` if its text is too long.
    fn value(&self, sink: &Sink, shared: &Shared) -> Result<Option<Cell>, ReadError> {
        let Some(text) = sink.finished() else { return Ok(None) };
        if text.is_empty() {
            return Ok(Some(Cell::Empty));
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
        let (date, pad) = match shared.styles.shape(self.open.style) {
            Shape::Plain => (None, 0),
            Shape::Date => (from_serial(value, shared.since_1904), 0),
            Shape::Padded(digits) => (None, digits),
        };
        Ok(Cell::Number(Number { shown: shown.into(), date, pad }))
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

/// The column of `AB12`, which must name the row we are in.
fn column_of(address: &str, row: u32) -> Result<u32, ReadError> {
    let split = address.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(address.len());
    let (letters, digits) = address.split_at(split);
    if letters.is_empty() || letters.len() > 3 || digits.parse() != Ok(row) {
        return Err(ReadError::Damaged);
    }
    Ok(letters
        .bytes()
        .fold(0, |column, letter| column * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1))
}

/// An ISO 8601 date of the strict dialect, kept as text without the time of day.
fn iso_date(text: String) -> Cell {
    match parse(&text) {
        Some(When::Day(day)) => Cell::Text(day.to_string()),
        _ => Cell::Text(text),
    }
}
