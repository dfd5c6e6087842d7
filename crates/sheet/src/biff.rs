//! What calamine does not tell of an old .xls: hidden rows and columns, struck-out cells, number
//! formats. Whatever can't be read is simply not known; the cells themselves come from calamine.
//! Only under [`crate::read_isolated`], like the rest of the .xls reader.

use crate::format::Dress;
use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read};

/// What is known of one sheet; rows and columns from 0.
#[derive(Default)]
pub(crate) struct Looks {
    pub(crate) hidden_rows: HashSet<u32>,
    pub(crate) hidden_columns: Vec<(u32, u32)>,
    pub(crate) struck: HashSet<(u32, u32)>,
    dressed: HashMap<(u32, u32), usize>,
}

/// What is known of a workbook.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) sheets: Vec<Looks>,
    dresses: Vec<Dress>,
}

impl Book {
    /// What a person sees in a cell, where its number format adds to the number.
    pub(crate) fn seen(&self, sheet: usize, row: u32, column: u32, value: f64) -> Option<String> {
        let at = self.sheets.get(sheet)?.dressed.get(&(row, column))?;
        self.dresses.get(*at)?.show(value)
    }
}

/// Reads the looks of all sheets, in the order of the workbook.
pub(crate) fn looks(bytes: &[u8]) -> Book {
    stream(bytes).and_then(|stream| workbook(&stream)).unwrap_or_default()
}

fn stream(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut file = cfb::CompoundFile::open(Cursor::new(bytes)).ok()?;
    let name = ["/Workbook", "/Book"].into_iter().find(|name| file.is_stream(name))?;
    let mut stream = Vec::new();
    // A stream is no longer than the file that holds it.
    file.open_stream(name).ok()?.take(bytes.len() as u64).read_to_end(&mut stream).ok()?;
    Some(stream)
}

/// The records of a substream up to its end.
struct Records<'s> {
    rest: &'s [u8],
}

impl<'s> Iterator for Records<'s> {
    type Item = (u16, &'s [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const END: u16 = 0x000A;
        let (id, length) = (word(self.rest, 0)?, word(self.rest, 2)?);
        let end = 4 + usize::from(length);
        let data = self.rest.get(4..end)?;
        self.rest = &self.rest[end..];
        (id != END).then_some((id, data))
    }
}

/// The styles of a workbook by the number by which cells name them.
#[derive(Default)]
struct Styles {
    struck: Vec<bool>,
    dressed: Vec<Option<usize>>,
}

fn workbook(stream: &[u8]) -> Option<Book> {
    const SHEET: u16 = 0x0085;
    const FONT: u16 = 0x0031;
    const FORMAT: u16 = 0x041E;
    const STYLE: u16 = 0x00E0;
    let (mut starts, mut fonts, mut styles) = (Vec::new(), Vec::new(), Styles::default());
    let mut formats: HashMap<u16, usize> = HashMap::new();
    let mut dresses = Vec::new();
    dresses.extend(Dress::of("0.00"));
    formats.insert(2, 0);
    for (id, data) in (Records { rest: stream }) {
        match id {
            SHEET => starts.push(data.get(..4)?.try_into().map(u32::from_le_bytes).ok()?),
            FONT => fonts.push(word(data, 2)? & 8 != 0),
            FORMAT => {
                if let (Some(id), Some(dress)) =
                    (word(data, 0), text(data).as_deref().and_then(Dress::of))
                {
                    formats.insert(id, dresses.len());
                    dresses.push(dress);
                }
            }
            STYLE => {
                // There is no font 4; what comes after it is numbered from 5.
                let font = usize::from(word(data, 0)?);
                let font = if font > 4 { font - 1 } else { font };
                styles.struck.push(fonts.get(font).copied().unwrap_or_default());
                styles.dressed.push(formats.get(&word(data, 2)?).copied());
            }
            _ => {}
        }
    }
    let sheets = starts.into_iter().map(|start| sheet(stream, start, &styles)).collect();
    Some(Book { sheets, dresses })
}

fn sheet(stream: &[u8], start: u32, styles: &Styles) -> Looks {
    const ROW: u16 = 0x0208;
    const COLUMNS: u16 = 0x007D;
    const RUN_OF_NUMBERS: u16 = 0x00BD;
    const CELLS: [u16; 7] = [0x00FD, 0x0203, 0x027E, 0x0006, 0x0204, 0x0205, 0x00D6];
    let mut looks = Looks::default();
    let rest = stream.get(start as usize..).unwrap_or_default();
    for (id, data) in (Records { rest }) {
        let at = |offset| word(data, offset).map(u32::from);
        let found = match id {
            ROW => at(0).zip(at(12)).map(|(row, flags)| {
                if flags & 0x20 != 0 {
                    looks.hidden_rows.insert(row);
                }
            }),
            COLUMNS => at(0).zip(at(2)).zip(at(8)).map(|(range, flags)| {
                if flags & 1 != 0 {
                    looks.hidden_columns.push(range);
                }
            }),
            RUN_OF_NUMBERS => at(0).zip(at(2)).map(|(row, first)| {
                for (n, offset) in (4..data.len().saturating_sub(6)).step_by(6).enumerate() {
                    let column = first + u32::try_from(n).unwrap_or(0);
                    looks.cell(row, column, word(data, offset), styles);
                }
            }),
            id if CELLS.contains(&id) => at(0).zip(at(2)).map(|(row, column)| {
                looks.cell(row, column, word(data, 4), styles);
            }),
            _ => Some(()),
        };
        if found.is_none() {
            break;
        }
    }
    looks
}

impl Looks {
    fn cell(&mut self, row: u32, column: u32, style: Option<u16>, styles: &Styles) {
        let Some(style) = style.map(usize::from) else { return };
        if styles.struck.get(style).copied().unwrap_or_default() {
            self.struck.insert((row, column));
        }
        if let Some(dress) = styles.dressed.get(style).copied().flatten() {
            self.dressed.insert((row, column), dress);
        }
    }
}

fn word(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?))
}

/// The text of a FORMAT record: a count, a flag that tells the width, the characters.
fn text(data: &[u8]) -> Option<String> {
    let (count, wide) = (usize::from(word(data, 2)?), data.get(4)? & 1 != 0);
    let bytes = data.get(5..)?;
    if wide {
        let units =
            bytes.chunks_exact(2).take(count).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        return String::from_utf16(&units.collect::<Vec<u16>>()).ok();
    }
    Some(bytes.iter().take(count).map(|byte| char::from(*byte)).collect())
}
