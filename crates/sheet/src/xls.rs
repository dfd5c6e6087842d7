//! The old .xls through calamine. Only under [`crate::read_isolated`]: a forged file makes the
//! library ask for gigabytes, which ends the process (security.md 0.1 item 3).

use crate::book::{Cell, Merge, Number};
use crate::gather::Gather;
use crate::when::{from_serial, parse};
use crate::{Book, Limits, ReadError, When, biff};
use calamine::{Data, Reader, SheetVisible, Xls, XlsError};
use std::io::Cursor;

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Book, ReadError> {
    let mut xls = Xls::new(Cursor::new(bytes)).map_err(|error| reason(&error))?;
    let since_1904 = xls.has_1904_epoch();
    let sheets: Vec<(String, bool)> = xls
        .sheets_metadata()
        .iter()
        .map(|sheet| (sheet.name.clone(), sheet.visible != SheetVisible::Visible))
        .collect();
    let looks = biff::looks(bytes);
    let mut gather = Gather::new(limits);
    for (at, (name, hidden)) in sheets.into_iter().enumerate() {
        gather.sheet(&name, hidden)?;
        let own = looks.sheets.get(at);
        for (first, last) in own.iter().flat_map(|own| &own.hidden_columns) {
            gather.hide_columns(first + 1, last + 1);
        }
        for merge in xls.merge_cells_by_sheet_name(&name).unwrap_or_default() {
            let ((top, left), (bottom, right)) = (merge.start, merge.end);
            gather.merge(Merge { top: top + 1, bottom: bottom + 1, left, right })?;
        }
        let range = xls.worksheet_range(&name).map_err(|error| reason(&error))?;
        let (first_row, first_column) = range.start().unwrap_or((0, 0));
        for (row, column, data) in range.used_cells() {
            let (row, column) = (first_row + number_of(row)?, first_column + number_of(column)?);
            let mut cell = convert(data, since_1904);
            if let Cell::Number(number) = &mut cell
                && number.date.is_none()
            {
                let seen = looks.seen(at, row, column, number.value());
                number.seen = seen.map(String::into_boxed_str);
            }
            match own.is_some_and(|own| own.struck.contains(&(row, column))) {
                true => gather.put_struck(row + 1, column + 1, cell)?,
                false => gather.put(row + 1, column + 1, cell)?,
            }
            if own.is_some_and(|own| own.hidden_rows.contains(&row)) {
                gather.hide_row(row + 1)?;
            }
        }
    }
    gather.finish()
}

fn reason(error: &XlsError) -> ReadError {
    match error {
        XlsError::Password => ReadError::Encrypted,
        _ => ReadError::Damaged,
    }
}

fn number_of(index: usize) -> Result<u32, ReadError> {
    u32::try_from(index).map_err(|_| ReadError::Damaged)
}

fn convert(data: &Data, since_1904: bool) -> Cell {
    let number = |value: f64, date| {
        Cell::Number(Number { shown: value.to_string().into(), date, pad: 0, seen: None })
    };
    match data {
        Data::Empty => Cell::Empty,
        Data::String(text) => Cell::from_text(text.clone()),
        Data::Int(value) => number(*value as f64, None),
        Data::Float(value) => number(*value, None),
        Data::Bool(flag) => Cell::Bool(*flag),
        Data::Error(fault) => Cell::Fault(fault.to_string()),
        Data::DateTime(moment) if moment.is_duration() => number(moment.as_f64(), None),
        Data::DateTime(moment) => number(moment.as_f64(), from_serial(moment.as_f64(), since_1904)),
        Data::DateTimeIso(text) | Data::DurationIso(text) => match parse(text) {
            Some(When::Day(day)) => Cell::Text(day.to_string()),
            _ => Cell::Text(text.clone()),
        },
    }
}
