//! A year and a month (入团年月, 任现职年月) and how people write one.
//! Any room may use [`YearMonth`]; stored and shown as `YYYY-MM`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::{all_digits, compact, scientific, whole};
use super::{Column, Problem};

/// A month of a year, ordered by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YearMonth {
    year: i16,
    month: i8,
}

impl YearMonth {
    /// `None` unless the year is 1900-2200 and the month 1-12.
    pub fn new(year: i16, month: i8) -> Option<Self> {
        ((1900..=2200).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    /// The month that a day lies in; `None` outside 1900-2200.
    pub fn of(day: Date) -> Option<Self> {
        Self::new(day.year(), day.month())
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.year
    }

    /// The month, 1-12.
    pub fn month(self) -> i8 {
        self.month
    }

    /// Whole months from `earlier` to this one; negative when it lies before.
    pub fn months_since(self, earlier: Self) -> i32 {
        let count = |ym: Self| i32::from(ym.year) * 12 + i32::from(ym.month);
        count(self) - count(earlier)
    }
}

/// Reads a month however it was typed; `column` names the field in messages.
/// Problem codes: `month_ambiguous` (`2019.1` from a number cell), `month_year_only`, `month_malformed`.
pub fn parse(raw: &str, was_number: bool, column: Column) -> Result<YearMonth, Problem> {
    let text = compact(raw);
    let text = if was_number { whole(&text) } else { &text };
    if was_number && text.split_once('.').is_some_and(|(y, m)| y.len() == 4 && m == "1") {
        let year = &text[..4];
        return Err(Problem::fix(
            column,
            "month_ambiguous",
            format!(
                "“{text}”可能是 {year} 年 1 月,也可能是 {year} 年 10 月被表格去掉了末尾的 0。请改写成 {year}-01 或 {year}-10。"
            ),
        ));
    }
    let plain = if scientific(text) { None } else { read_parts(text, was_number) };
    match plain {
        Some(ym) => Ok(ym),
        None if text.len() == 4 && all_digits(text) => Err(Problem::fix(
            column,
            "month_year_only",
            format!("“{}”只有年份,请补上月份,例如 {text}-05。", column.label()),
        )),
        None => Err(Problem::fix(
            column,
            "month_malformed",
            format!("看不出“{}”是哪年哪月,请写成 2019-05 的样子。", column.label()),
        )),
    }
}

fn read_parts(text: &str, was_number: bool) -> Option<YearMonth> {
    let day_only = text.split(['T', 't']).next().unwrap_or(text);
    // A date cell written out as text carries the time of day behind the date.
    let day_only = day_only.strip_suffix("00:00:00").unwrap_or(day_only);
    let parts: Vec<&str> = day_only
        .trim_end_matches(['日', '号'])
        .split(separator)
        .filter(|p| !p.is_empty())
        .collect();
    if parts.iter().any(|part| !all_digits(part)) {
        return None;
    }
    match parts.as_slice() {
        [serial] if serial.len() == 5 && was_number => from_serial(serial.parse().ok()?),
        [joint] if joint.len() == 6 => checked(&joint[..4], &joint[4..], "1"),
        [joint] if joint.len() == 8 => checked(&joint[..4], &joint[4..6], &joint[6..]),
        [year, month] => checked(year, month, "1"),
        [year, month, day] => checked(year, month, day),
        _ => None,
    }
}

fn separator(c: char) -> bool {
    matches!(
        c,
        '-' | '.' | '/' | '\\' | '年' | '月' | '。' | '、' | '–' | '—' | '−' | '·' | ',' | '_'
    )
}

fn checked(year: &str, month: &str, day: &str) -> Option<YearMonth> {
    if year.len() != 4 {
        return None;
    }
    let day = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    YearMonth::of(day)
}

/// Days since 1899-12-30, as spreadsheets count them.
fn from_serial(days: i32) -> Option<YearMonth> {
    let start = jiff::civil::date(1899, 12, 30);
    YearMonth::of(start.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?)
}

impl fmt::Display for YearMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl fmt::Debug for YearMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for YearMonth {
    type Err = String;

    /// Reads exactly `YYYY-MM`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('-')
            .filter(|(y, m)| y.len() == 4 && m.len() == 2 && all_digits(y) && all_digits(m));
        parts
            .and_then(|(y, m)| Self::new(y.parse().ok()?, m.parse().ok()?))
            .ok_or_else(|| "expected YYYY-MM".to_owned())
    }
}

impl JsonSchema for YearMonth {
    fn schema_name() -> Cow<'static, str> {
        "YearMonth".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

impl Serialize for YearMonth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for YearMonth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    fn text(raw: &str) -> Option<String> {
        parse(raw, false, Column::Joined).ok().map(|ym| ym.to_string())
    }

    fn number(raw: &str) -> Result<String, &'static str> {
        parse(raw, true, Column::Joined).map(|ym| ym.to_string()).map_err(|p| p.code)
    }

    #[test]
    fn every_usual_spelling_of_a_month_is_read() {
        for raw in [
            "2019-05",
            "2019.5",
            "2019/05/01",
            "2019年5月",
            "201905",
            "20190501",
            "2019-5",
            "\u{FF12}\u{FF10}19-05",
            " 2019 年 05 月 ",
            "2019年5月1日",
            "2019.05.01",
            "2019-05-01 00:00:00",
            "2019-05-01T00:00:00",
            "2019—05",
            "2019、5",
            "2019.05",
        ] {
            assert_eq!(text(raw).as_deref(), Some("2019-05"), "{raw}");
        }
    }

    #[test]
    fn number_cells_are_read_without_guessing() {
        assert_eq!(number("2019.5"), Ok("2019-05".into()));
        assert_eq!(number("2019.12"), Ok("2019-12".into()));
        assert_eq!(number("201905.0"), Ok("2019-05".into()));
        assert_eq!(number("43586"), Ok("2019-05".into()));
        assert_eq!(number("2019.1"), Err("month_ambiguous"));
        assert_eq!(number("2019"), Err("month_year_only"));
        assert_eq!(text("2019.1").as_deref(), Some("2019-01"));
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for raw in [
            "",
            "2019-13",
            "2019-02-30",
            "19-05",
            "43586",
            "去年",
            "2019-00",
            "99999999",
            "2019.05.01.07",
            "-",
        ] {
            assert_eq!(text(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn a_month_survives_writing_and_reading(year in 1900i16..=2200, month in 1i8..=12) {
            let ym = YearMonth::new(year, month).expect("in range");
            prop_assert_eq!(ym.to_string().parse::<YearMonth>(), Ok(ym));
            prop_assert_eq!(parse(&ym.to_string(), false, Column::Joined), Ok(ym));
            prop_assert_eq!(parse(&format!("{year}年{month}月"), false, Column::Joined), Ok(ym));
        }

        #[test]
        fn reading_any_text_never_panics(raw in any::<String>(), was_number in any::<bool>()) {
            let _ = parse(&raw, was_number, Column::Joined);
        }
    }
}
