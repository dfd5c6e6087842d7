//! Dates: spreadsheet serial numbers, number formats that mean a date, and spelt-out dates.
//! Pure rules; called by the readers and through [`crate::Cell::when`].

use jiff::ToSpan;
use jiff::civil::{Date, date};

/// A day, or a month where no day was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A whole date.
    Day(Date),
    /// Year and month 1-12.
    Month {
        /// Four digits.
        year: i16,
        /// 1 to 12.
        month: i8,
    },
}

impl When {
    /// The first day of what is meant.
    #[must_use]
    pub fn first_day(self) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Month { year, month } => date(year, month, 1),
        }
    }
}

/// Reads `2005-1-3`, `2005/01/03`, `2005.1.3`, `2005年1月3日`, `20050103`, the same without the
/// day, full-width digits, and a time of day after any of them.
pub(crate) fn parse(text: &str) -> Option<When> {
    let plain: String = text.trim().chars().map(half_width).collect();
    let day_part = plain.split(['T', ' ']).next()?.trim_end_matches(['日', '号']);
    let parts: Vec<&str> = day_part
        .split(['-', '/', '.', '年', '月'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    match parts.as_slice() {
        [digits] if digits.len() == 8 => {
            build(digits.get(..4)?, digits.get(4..6)?, Some(digits.get(6..)?))
        }
        [digits] if digits.len() == 6 => build(digits.get(..4)?, digits.get(4..)?, None),
        [year, month] => build(year, month, None),
        [year, month, day] => build(year, month, Some(day)),
        _ => None,
    }
}

/// The day a serial number stands for; `None` outside 1900-9999 and for the 1900-02-29 that
/// never was (serial 60 of the 1900 system).
pub(crate) fn from_serial(serial: f64, since_1904: bool) -> Option<Date> {
    if !(0.0..2_958_466.0).contains(&serial) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked above")]
    let days = serial.floor() as i64;
    let (epoch, days) = match (since_1904, days) {
        (true, _) => (date(1904, 1, 1), days),
        (false, 0 | 60) => return None,
        (false, 1..=59) => (date(1899, 12, 31), days),
        (false, _) => (date(1899, 12, 30), days),
    };
    epoch.checked_add(days.days()).ok()
}

/// Whether a built-in number format shows a day or month (the Chinese ones included).
pub(crate) fn is_date_id(id: u32) -> bool {
    matches!(id, 14..=17 | 22 | 27..=31 | 36 | 50..=54 | 57 | 58)
}

/// Whether a custom number format shows a day or month: a `y` or `d` outside quotes, or an `m`
/// where no hour or second makes it minutes.
pub(crate) fn is_date_format(format: &str) -> bool {
    let bare = strip_literals(format.split(';').next().unwrap_or(""));
    let has = |c: char| bare.contains(c);
    has('y') || has('d') || (has('m') && !has('h') && !has('s'))
}

fn build(year: &str, month: &str, day: Option<&str>) -> Option<When> {
    let digits = |s: &str| s.len() <= 4 && s.bytes().all(|b| b.is_ascii_digit());
    if year.len() != 4 || !digits(year) || !digits(month) || !day.is_none_or(digits) {
        return None;
    }
    let (year, month) = (year.parse().ok()?, month.parse().ok()?);
    match day {
        Some(day) => Date::new(year, month, day.parse().ok()?).ok().map(When::Day),
        None => Date::new(year, month, 1).ok().map(|_| When::Month { year, month }),
    }
}

fn half_width(c: char) -> char {
    match c {
        '０'..='９' | '．' | '／' | '－' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

/// Lower-cases the format and drops quoted text, escaped characters and `[...]` groups; a group
/// of elapsed time (`[h]`) leaves an `h`, so that minutes beside it are not taken for months.
fn strip_literals(format: &str) -> String {
    let mut bare = String::new();
    let mut chars = format.chars().map(|c| c.to_ascii_lowercase());
    while let Some(c) = chars.next() {
        match c {
            '"' => while chars.next().is_some_and(|c| c != '"') {},
            '\\' | '_' | '*' => {
                chars.next();
            }
            '[' => {
                let group: String = chars.by_ref().take_while(|c| *c != ']').collect();
                if !group.is_empty() && group.chars().all(|c| "hms".contains(c)) {
                    bare.push('h');
                }
            }
            _ => bare.push(c),
        }
    }
    bare.replace("general", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_in_every_usual_spelling() {
        let day = Some(When::Day(date(2005, 1, 3)));
        for text in [
            "2005-1-3",
            "2005-01-03",
            "2005/1/3",
            "2005.01.03",
            "2005年1月3日",
            "20050103",
            " 2005年01月03号 ",
            "２００５．１．３",
            "2005-01-03T00:00:00",
            "2005/1/3 0:00:00",
        ] {
            assert_eq!(parse(text), day, "{text}");
        }
        for text in ["2005-01", "2005年1月", "200501", "2005.1", "2005/01"] {
            assert_eq!(parse(text), Some(When::Month { year: 2005, month: 1 }), "{text}");
        }
    }

    #[test]
    fn a_date_that_does_not_exist_is_none() {
        for text in [
            "2005-02-30",
            "2005-13-01",
            "05-1-3",
            "",
            "2005",
            "3/1/2005",
            "2005-1-3-4",
            "abc",
            "2005-+1-3",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn serial_numbers_become_days_in_both_systems() {
        assert_eq!(from_serial(38355.0, false), Some(date(2005, 1, 3)));
        assert_eq!(from_serial(38355.75, false), Some(date(2005, 1, 3)));
        assert_eq!(from_serial(36893.0, true), Some(date(2005, 1, 3)));
        assert_eq!(from_serial(1.0, false), Some(date(1900, 1, 1)));
        assert_eq!(from_serial(61.0, false), Some(date(1900, 3, 1)));
        for nonsense in [60.0, 0.0, -1.0, 1e9, f64::NAN, f64::INFINITY] {
            assert_eq!(from_serial(nonsense, false), None);
        }
    }

    #[test]
    fn date_formats_are_told_from_others() {
        for format in [
            "yyyy-mm-dd",
            "yyyy\"年\"m\"月\"",
            "[$-804]yyyy/m/d;@",
            "m\"月\"d\"日\"",
            "mmm",
            "yyyy\\.mm",
        ] {
            assert!(is_date_format(format), "{format}");
        }
        for format in [
            "General",
            "0.00",
            "@",
            "[h]:mm",
            "h:mm:ss",
            "mm:ss",
            "[Red]0;[Blue]-0",
            "0\"day\"",
            "000000",
        ] {
            assert!(!is_date_format(format), "{format}");
        }
    }
}
