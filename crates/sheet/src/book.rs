//! The rows of a workbook: what every reader yields and the business walks over.
//! `Debug` never prints content, because cells hold personal data.

use crate::when::{self, When};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A workbook: at least one sheet with at least one filled row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Book {
    /// All sheets in file order, hidden and empty ones too.
    pub sheets: Vec<Sheet>,
}

/// One sheet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// Its name; empty for text files.
    pub name: String,
    /// Not shown to the person who made it, like the dictionary sheets of our templates.
    pub hidden: bool,
    /// The rows that hold something, top to bottom.
    pub rows: Vec<Row>,
    /// Columns that are not shown, counted from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden_columns: Vec<u32>,
    /// Cells that were made into one; the value stands in the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merges: Vec<Merge>,
}

/// A rectangle of cells that a person sees as one. Rows are 1-based as in [`Row::number`], columns
/// counted from 0 as in [`Row::cell`], both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    pub top: u32,
    pub bottom: u32,
    pub left: u32,
    pub right: u32,
}

/// One row that holds something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// 1-based, as the person sees it at the left margin.
    pub number: u32,
    /// From column A to the last filled cell.
    pub cells: Vec<Cell>,
    /// Not shown: hidden by hand or by a filter.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// Columns whose cell is struck out, counted from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub struck: Vec<u32>,
}

/// One cell.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Cell {
    /// Nothing.
    #[default]
    #[serde(rename = "E")]
    Empty,
    /// Text, untouched: spaces are kept.
    #[serde(rename = "T")]
    Text(String),
    /// A number or a date.
    #[serde(rename = "N")]
    Number(Number),
    /// TRUE or FALSE.
    #[serde(rename = "B")]
    Bool(bool),
    /// A formula's failure such as `#N/A`.
    #[serde(rename = "F")]
    Fault(String),
    /// A formula whose result the file does not hold: it was never calculated.
    #[serde(rename = "U")]
    Unsolved,
}

/// A number as the file stores it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// Exactly the characters of the file (`3.40104E+17`, `38353.0`); .xls holds no characters,
    /// there it is the shortest spelling of the stored value.
    #[serde(rename = "s")]
    pub shown: Box<str>,
    /// The day, if the cell's number format is a date.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// Least number of digits by number format (`000000`), 0 if none.
    #[serde(rename = "p", default, skip_serializing_if = "is_zero")]
    pub pad: u8,
    /// What a person sees, where the number format adds to the number or rounds it (`+86`, `0.00`).
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Box<str>>,
}

impl Number {
    /// The value; not-a-number if `shown` is no number, which the readers do not let happen.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.shown.parse().unwrap_or(f64::NAN)
    }

    /// A whole number of more than 15 digits: a spreadsheet has turned its tail into zeros.
    #[must_use]
    pub fn lost_digits(&self) -> bool {
        self.date.is_none() && self.value().abs() >= 1e15
    }

    fn text(&self) -> String {
        if let Some(date) = self.date {
            return date.to_string();
        }
        let value = self.value();
        if self.lost_digits() || !value.is_finite() {
            return self.shown.to_string();
        }
        if let Some(seen) = &self.seen {
            return seen.to_string();
        }
        if value.fract() == 0.0 {
            return format!("{value:0pad$.0}", pad = usize::from(self.pad));
        }
        // 15 digits are what a spreadsheet shows; more is noise such as 0.30000000000000004.
        format!("{value:.14e}").parse::<f64>().unwrap_or(value).to_string()
    }
}

impl Cell {
    /// What a person sees: integers without `.0`, dates as `2005-01-03`, text untouched.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty | Self::Unsolved => Cow::Borrowed(""),
            Self::Text(text) | Self::Fault(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.text()),
            Self::Bool(flag) => Cow::Borrowed(if *flag { "TRUE" } else { "FALSE" }),
        }
    }

    /// Nothing in it but white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty | Self::Unsolved => true,
            Self::Text(text) | Self::Fault(text) => text.trim().is_empty(),
            Self::Number(_) | Self::Bool(_) => false,
        }
    }

    /// Stored as a number and shown as one, dates included; not where the number format adds to it.
    #[must_use]
    pub fn was_number(&self) -> bool {
        matches!(self, Self::Number(number) if number.seen.is_none() || number.lost_digits())
    }

    /// The digits are no longer all there: a number above 15 digits, or text in scientific
    /// notation as a spreadsheet writes it into a .csv.
    #[must_use]
    pub fn lost_digits(&self) -> bool {
        match self {
            Self::Number(number) => number.lost_digits(),
            Self::Text(text) => is_scientific(text.trim()),
            Self::Empty | Self::Bool(_) | Self::Fault(_) | Self::Unsolved => false,
        }
    }

    /// The day or month in the cell, in any usual spelling (`2005/1/3`, `2005年1月`, `20050103`,
    /// a date cell). `None` if it is none, or a day that does not exist.
    #[must_use]
    pub fn when(&self) -> Option<When> {
        match self {
            Self::Number(Number { date: Some(date), .. }) => Some(When::Day(*date)),
            Self::Number(_) | Self::Text(_) => when::parse(&self.text()),
            Self::Empty | Self::Bool(_) | Self::Fault(_) | Self::Unsolved => None,
        }
    }

    pub(crate) fn from_text(text: String) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }
}

impl Row {
    /// The cell in a column counted from 0; [`Cell::Empty`] beyond the last filled one.
    #[must_use]
    pub fn cell(&self, index: usize) -> &Cell {
        self.cells.get(index).unwrap_or(&Cell::Empty)
    }
}

/// `address(3, 2)` is `B3`: what to name a cell by, both numbers 1-based.
#[must_use]
pub fn address(row: u32, column: u32) -> String {
    format!("{}{row}", column_letters(column))
}

/// `column_letters(28)` is `AB`; 1-based, empty for 0.
#[must_use]
pub fn column_letters(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = column;
    while rest > 0 {
        let digit = (rest - 1) % 26;
        letters.push(char::from(b'A' + u8::try_from(digit).unwrap_or(0)));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands skip_serializing_if a reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    digits(whole) && digits(fraction) && exponent.strip_prefix('+').is_some_and(digits)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands skip_serializing_if a reference"
)]
fn is_zero(pad: &u8) -> bool {
    *pad == 0
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Text(_) => "Text(..)",
            Self::Number(_) => "Number(..)",
            Self::Bool(_) => "Bool(..)",
            Self::Fault(_) => "Fault(..)",
            Self::Unsolved => "Unsolved",
        })
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(shown: &str, pad: u8) -> Cell {
        Cell::Number(Number { shown: shown.into(), date: None, pad, seen: None })
    }

    #[test]
    fn a_number_reads_as_a_person_sees_it() {
        assert_eq!(number("13800138000.0", 0).text(), "13800138000");
        assert_eq!(number("1.3800138E10", 0).text(), "13800138000");
        assert_eq!(number("0.30000000000000004", 0).text(), "0.3");
        assert_eq!(number("-2.5", 0).text(), "-2.5");
        assert_eq!(number("42", 6).text(), "000042");
        assert_eq!(number("3.40104E+17", 0).text(), "3.40104E+17");
    }

    #[test]
    fn lost_digits_are_noticed_in_numbers_and_in_scientific_text() {
        assert!(number("340104200503140000", 0).lost_digits());
        assert!(!number("13800138000", 0).lost_digits());
        assert!(Cell::Text(" 3.40104E+17 ".into()).lost_digits());
        assert!(Cell::Text("4E+17".into()).lost_digits());
        assert!(!Cell::Text("3E".into()).lost_digits());
        assert!(!Cell::Text("E+17".into()).lost_digits());
        assert!(!Cell::Text("me@example.com".into()).lost_digits());
    }

    #[test]
    fn addresses_are_written_as_in_a_spreadsheet() {
        assert_eq!(address(1, 1), "A1");
        assert_eq!(address(9, 26), "Z9");
        assert_eq!(address(9, 27), "AA9");
        assert_eq!(address(1_048_576, 16_384), "XFD1048576");
    }

    #[test]
    fn debug_output_holds_no_content() {
        let cells = vec![Cell::Text("340104".into()), number("138", 0)];
        let row = Row { number: 1, cells, hidden: false, struck: Vec::new() };
        let shown = format!("{row:?}");
        assert!(!shown.contains("340104") && !shown.contains("138"), "{shown}");
    }
}
