//! A year and a month (入团年月, 任现职年月) and how people write one.
//! Any room may use [`YearMonth`]; stored and shown as `YYYY-MM`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::{self, all_digits, scientific, whole};
use super::{Column, Problem, Rules};

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

/// Reads a month however it was typed; `column` names the field in messages. A day, a time of day,
/// a weekday or a label around it are left aside; what can be read in two ways is asked about.
/// Problem codes: `month_ambiguous` (`2019.1` from a number cell, `05/04/2021`), `month_year_only`,
/// `month_malformed`.
pub fn parse(raw: &str, was_number: bool, column: Column) -> Result<YearMonth, Problem> {
    let text = tidy(raw, column);
    let text = if was_number { whole(&text) } else { &text };
    if let Some(year) = cut_zero(text).filter(|_| was_number) {
        let message = format!(
            "“{text}”可能是{year}年1月，也可能是{year}年10月被表格去掉了末尾的0。请改写成{year}-01或{year}-10。"
        );
        return Err(Problem::fix(column, "month_ambiguous", message));
    }
    match if scientific(text) { Said::Nothing } else { understand(text, was_number) } {
        Said::Month(month) => Ok(month),
        Said::Either(first, second) => Err(Problem::fix(
            column,
            "month_ambiguous",
            format!("“{text}”可能是{first}，也可能是{second}，请改写成其中一个。"),
        )),
        Said::Nothing if text.len() == 4 && all_digits(text) => Err(Problem::fix(
            column,
            "month_year_only",
            format!("“{}”只有年份，请补上月份，例如{text}-05。", column.label()),
        )),
        Said::Nothing => Err(Problem::fix(
            column,
            "month_malformed",
            format!("看不出“{}”是哪年哪月，请写成2019-05的样子。", column.label()),
        )),
    }
}

/// Reads a whole day where one is written; `None` for anything else. For comparing alone.
pub(super) fn day(raw: &str, was_number: bool, column: Column) -> Option<Date> {
    let text = tidy(raw, column);
    let text = if was_number { whole(&text) } else { &text };
    let parts = parts(without_time(text))?;
    let all: Vec<&str> = parts.iter().map(|p| p.digits).collect();
    let [year, month, day] = match all.as_slice() {
        [serial] if serial.len() == 5 && was_number => return serial_day(serial.parse().ok()?),
        [joint] if joint.len() == 8 => [&joint[..4], &joint[4..6], &joint[6..]],
        [year, month, day] if year.len() == 4 => [*year, *month, *day],
        _ => return None,
    };
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// What a text says about a month.
enum Said {
    Month(YearMonth),
    /// One of two.
    Either(YearMonth, YearMonth),
    Nothing,
}

impl From<Option<YearMonth>> for Said {
    fn from(month: Option<YearMonth>) -> Self {
        month.map_or(Self::Nothing, Self::Month)
    }
}

/// The year of `2019.1` and `19.1`: a number cell may have lost a zero behind it.
fn cut_zero(text: &str) -> Option<i16> {
    let (year, month) = text.split_once('.')?;
    let fits = matches!(year.len(), 2 | 4) && all_digits(year) && month == "1";
    if fits { full_year(year) } else { None }
}

/// Half-width, with Arabic digits, without label, weekday and what nobody sees.
fn tidy(raw: &str, column: Column) -> String {
    if raw.chars().any(text::deceptive) {
        return raw.to_owned();
    }
    let typed: String = text::half(raw).chars().filter(|c| !text::invisible(*c)).collect();
    let typed = typed.trim_matches(|c| c == ' ' || text::around(c));
    let labels = Rules::builtin().labels(column);
    let rests = labels.filter_map(|label| text::after(typed, label));
    let rest = rests.min_by_key(|rest| rest.len()).unwrap_or(typed);
    let mut out = rest.trim_start_matches(|c| c == ' ' || text::between(c)).to_owned();
    for word in ["星期", "礼拜", "周"] {
        while let Some(at) = out.find(word) {
            let day = out[at + word.len()..].chars().next().map_or(0, char::len_utf8);
            out.replace_range(at..at + word.len() + day, " ");
        }
    }
    arabic(&out.replace("元月", "1月"))
}

/// 二〇二一年十一月 → 2021年11月.
fn arabic(text: &str) -> String {
    const DIGITS: &str = "〇一二三四五六七八九";
    let digit = |c: char| match c {
        '零' | '○' | '◯' => Some(0),
        '两' => Some(2),
        c => DIGITS.chars().position(|d| d == c),
    };
    let (mut out, mut rest) = (String::new(), text.chars().peekable());
    while let Some(c) = rest.next() {
        if digit(c).is_none() && !matches!(c, '十' | '廿' | '卅') {
            out.push(c);
            continue;
        }
        let mut run = vec![c];
        // People type the letter O for the round zero between Chinese digits.
        let goes_on =
            |c: char| digit(c).is_some() || matches!(c, '十' | '廿' | '卅' | 'O' | 'o' | '0');
        while let Some(next) = rest.next_if(|c| goes_on(*c)) {
            run.push(next);
        }
        let of = |c: &char| digit(*c).unwrap_or(0).to_string();
        let tens = run.iter().position(|c| matches!(c, '十' | '廿' | '卅'));
        match tens {
            None => out.extend(run.iter().map(of)),
            Some(at) => {
                let ten = match (run[at], at) {
                    ('廿', _) => 2,
                    ('卅', _) => 3,
                    (_, 0) => 1,
                    _ => digit(run[at - 1]).unwrap_or(99),
                };
                let one = run.get(at + 1).map_or(0, |c| digit(*c).unwrap_or(99));
                out.push_str(&(ten * 10 + one).to_string());
            }
        }
    }
    out
}

/// Digits and what stands behind them.
struct Part<'a> {
    digits: &'a str,
    behind: &'a str,
}

fn understand(text: &str, was_number: bool) -> Said {
    if let Some(said) = in_english(text) {
        return Said::Month(said);
    }
    let Some(parts) = parts(without_time(text)) else { return Said::Nothing };
    let marked = |mark| {
        let mut all = parts.iter().filter(|p| p.behind.trim_start().starts_with(mark));
        all.next().filter(|_| all.next().is_none()).map(|p| p.digits)
    };
    let all: Vec<&str> = parts.iter().map(|p| p.digits).collect();
    match (marked('年'), marked('月')) {
        (Some(year), Some(month)) if all.len() <= 3 => {
            let day = all.iter().find(|p| **p != year && **p != month).copied().unwrap_or("1");
            // Two numbers before 月: a blank inside the month, or the day in front.
            let plain = parts
                .iter()
                .position(|p| p.digits == year)
                .and_then(|at| parts.get(at + 1))
                .is_some_and(|p| p.digits == month);
            return if plain { checked(year, month, day).into() } else { Said::Nothing };
        }
        (Some(year), None) if all.len() >= 2 => {
            if all[0] != year {
                return Said::Nothing;
            }
            return checked(year, all[1], all.get(2).copied().unwrap_or("1")).into();
        }
        _ => {}
    }
    match all.as_slice() {
        [serial] | [serial, _] if serial.len() == 5 && was_number => {
            serial.parse().ok().and_then(from_serial).into()
        }
        [joint] if matches!(joint.len(), 6 | 8) => {
            let day = joint.get(6..).filter(|d| !d.is_empty()).unwrap_or("1");
            believed(&joint[..4]).and_then(|()| checked(&joint[..4], &joint[4..6], day)).into()
        }
        [year, month] if year.len() == 4 => checked(year, month, "1").into(),
        [month, year] if year.len() == 4 => checked(year, month, "1").into(),
        // 21.5 is no day of a month: its year would be missing.
        [year, month] if small(year) > Some(12) => checked(year, month, "1").into(),
        [year, month, day] if year.len() == 4 => checked(year, month, day).into(),
        [year, month, day] if small(year) > Some(31) && day.len() <= 2 => {
            checked(year, month, day).into()
        }
        [first, second, year] if year.len() == 4 => {
            let either = (checked(year, first, second), checked(year, second, first));
            match either {
                (Some(a), Some(b)) if a != b => Said::Either(a, b),
                (a, b) => a.or(b).into(),
            }
        }
        _ => Said::Nothing,
    }
}

/// The runs of digits; `None` when something stands there that is no date.
fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(separator);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let next = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (behind, further) = after.split_at(next);
        if digits.is_empty() || !behind.chars().all(separator) {
            return None;
        }
        found.push(Part { digits, behind });
        rest = further;
    }
    Some(found)
}

/// The text before a time of day; the whole text when it has none.
fn without_time(text: &str) -> &str {
    let before_digits = |at: usize| text[..at].trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let clock = text.find([':', '时', '点']).map(before_digits).filter(|at| *at > 0);
    let mut letter = text.char_indices().zip(text.chars().skip(1));
    let letter = letter.find(|((at, c), next)| {
        matches!(c, 'T' | 't')
            && next.is_ascii_digit()
            && text[..*at].ends_with(|c: char| c.is_ascii_digit())
    });
    let noon = ["上午", "下午", "晚上", "凌晨"].iter().filter_map(|word| text.find(word)).min();
    let cut = clock.into_iter().chain(letter.map(|((at, _), _)| at)).chain(noon).min();
    let Some(cut) = cut else { return text };
    let (date, time) = text.split_at(cut);
    // A second date behind it would be lost.
    if time.contains(['年', '月', '/']) { text } else { date }
}

/// `May 4, 2021`, `4-May-2021`, `Sat May 01 00:00:00 CST 2021`: as programs write dates out.
fn in_english(text: &str) -> Option<YearMonth> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const WHOLE: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphabetic());
    let month_of = |w: &str| {
        let cut = if w == "sept" { "sep" } else { w };
        MONTHS.iter().position(|m| *m == cut).or_else(|| WHOLE.iter().position(|m| *m == cut))
    };
    let mut months = words.filter_map(month_of);
    let month = months.next().filter(|_| months.next().is_none())?;
    let numbers = lower.split(|c: char| !c.is_ascii_digit());
    let mut years = numbers.filter(|n| n.len() == 4 && believed(n).is_some());
    let year = years.next().filter(|_| years.next().is_none())?;
    YearMonth::new(year.parse().ok()?, i8::try_from(month + 1).ok()?)
}

fn separator(c: char) -> bool {
    text::hyphen(c)
        || matches!(
            c,
            ' ' | '/'
                | '\\'
                | '年'
                | '月'
                | '日'
                | '号'
                | '份'
                | '初'
                | '底'
                | '末'
                | '上'
                | '中'
                | '下'
                | '旬'
                | '。'
                | '、'
                | ','
                | '('
                | ')'
        )
}

/// A year that somebody may have written.
fn believed(year: &str) -> Option<()> {
    (1900..2100).contains(&year.parse::<i16>().ok()?).then_some(())
}

/// A number of at most two digits.
fn small(digits: &str) -> Option<i16> {
    if digits.len() == 2 { digits.parse().ok() } else { None }
}

/// Of two digits the year in which somebody alive may have been admitted.
fn full_year(digits: &str) -> Option<i16> {
    let year: i16 = digits.parse().ok()?;
    match digits.len() {
        4 => Some(year),
        2 if year < 50 => Some(2000 + year),
        2 => Some(1900 + year),
        _ => None,
    }
}

fn checked(year: &str, month: &str, day: &str) -> Option<YearMonth> {
    if month.len() > 2 || day.len() > 2 {
        return None;
    }
    YearMonth::of(Date::new(full_year(year)?, month.parse().ok()?, day.parse().ok()?).ok()?)
}

/// Days since 1899-12-30, as spreadsheets count them.
fn from_serial(days: i32) -> Option<YearMonth> {
    YearMonth::of(serial_day(days)?)
}

fn serial_day(days: i32) -> Option<Date> {
    let start = jiff::civil::date(1899, 12, 30);
    start.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
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
    fn blanks_separate_and_a_time_of_day_is_left_aside() {
        for (raw, month) in [
            ("2021 1 2", "2021-01"),
            ("2021 11 2", "2021-11"),
            ("2021.1 2", "2021-01"),
            ("2021  05", "2021-05"),
            ("2021\u{3000}5", "2021-05"),
            ("2021\u{A0}5\u{A0}4", "2021-05"),
            ("2021 年 5 月 4 日", "2021-05"),
            ("2021/5/1 0:00:00", "2021-05"),
            ("2021/5/10 0:00", "2021-05"),
            ("2021-05-01 08:00:00", "2021-05"),
            ("2021-05-04T00:00:00.000Z", "2021-05"),
            ("2021-05-04T08:00:00+08:00", "2021-05"),
            ("2021-05-04t08:00", "2021-05"),
            ("2021-05-01 00:00:00.0", "2021-05"),
            ("2021/5/1 上午 8:30:00", "2021-05"),
            ("2021年5月1日 8时30分", "2021-05"),
            ("2021年5月1日星期六", "2021-05"),
            ("2021-05-01 (周六)", "2021-05"),
            ("2021-05-01 12:00:00 AM", "2021-05"),
        ] {
            assert_eq!(text(raw).as_deref(), Some(month), "{raw}");
        }
    }

    #[test]
    fn months_are_read_in_chinese_english_and_with_the_year_behind() {
        for (raw, month) in [
            ("二〇二一年五月", "2021-05"),
            ("二零二一年五月四日", "2021-05"),
            ("二○二一年十一月", "2021-11"),
            ("二O二一年十二月三十一日", "2021-12"),
            ("二〇二〇年十月", "2020-10"),
            ("2021年五月", "2021-05"),
            ("2021年元月", "2021-01"),
            ("2021年5月份", "2021-05"),
            ("2021年5月初", "2021-05"),
            ("2021年5月上旬", "2021-05"),
            ("2021年05", "2021-05"),
            ("2021/5/", "2021-05"),
            ("2021.5.", "2021-05"),
            ("2021。5", "2021-05"),
            ("2021，5", "2021-05"),
            ("2021_05", "2021-05"),
            ("21.5", "2021-05"),
            ("21年5月", "2021-05"),
            ("09年5月", "2009-05"),
            ("5/2021", "2021-05"),
            ("05-2021", "2021-05"),
            ("25/12/2021", "2021-12"),
            ("12/25/2021", "2021-12"),
            ("05/05/2021", "2021-05"),
            ("May 4, 2021", "2021-05"),
            ("4-May-2021", "2021-05"),
            ("May 2021", "2021-05"),
            ("Sat May 01 00:00:00 CST 2021", "2021-05"),
            ("Sat May 01 2021 00:00:00 GMT+0800 (中国标准时间)", "2021-05"),
            ("入团时间：2021年5月", "2021-05"),
            ("'2021-05", "2021-05"),
            ("\u{202D}2021-05\u{202C}", "2021-05"),
            ("2021\u{2011}05", "2021-05"),
        ] {
            assert_eq!(text(raw).as_deref(), Some(month), "{raw}");
        }
        assert_eq!(number("44317.5"), Ok("2021-05".into()));
        assert_eq!(number("21.1"), Err("month_ambiguous"));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_asked_about() {
        let code = |raw| parse(raw, false, Column::Joined).map_err(|p| p.code);
        assert_eq!(code("05/04/2021"), Err("month_ambiguous"));
        for raw in [
            "12.5",
            "5.21",
            "21/5/1",
            "2021年1 2月",
            "2021-0 5",
            "210501",
            "May-21",
            "2021.5-2021.6",
        ] {
            assert_eq!(code(raw), Err("month_malformed"), "{raw}");
        }
        assert_eq!(code("二〇二一年"), Err("month_malformed"));
        assert_eq!(code("2021"), Err("month_year_only"));
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
