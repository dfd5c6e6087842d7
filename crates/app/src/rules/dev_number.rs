//! The development number (发展团员编号, rows 135-140, table of C6): required or not, length, year,
//! allotted range. Whether it is taken is asked of the database by the room that stores members.

use jiff::civil::Date;
use serde::Deserialize;

use super::text::{self, all_digits, scientific, whole};
use super::{Column, Problem, Rules, Validity, YearMonth};

/// The tables of dev_number.toml.
#[derive(Debug, Deserialize)]
pub struct DevNumbers {
    /// Digits of a strict number.
    pub length: usize,
    /// Validation rows; the first that matches judges.
    #[serde(rename = "row")]
    pub rows: Vec<DevNumberRow>,
    /// Published ranges (号段).
    #[serde(default, rename = "range")]
    pub ranges: Vec<Range>,
}

/// What is asked of the number for one time and region.
#[derive(Debug, Deserialize)]
pub struct DevNumberRow {
    /// Province codes; empty = everywhere.
    #[serde(default)]
    pub region: Vec<String>,
    /// First month of admission, included.
    pub join_from: Option<YearMonth>,
    /// Last month of admission, included.
    pub join_to: Option<YearMonth>,
    /// True when nobody is entered without a number.
    pub required: bool,
    /// How the number is checked.
    pub check: Check,
    /// True: the row judges nobody until it is switched on.
    #[serde(default)]
    pub off: bool,
    /// When the row counts.
    #[serde(flatten)]
    pub validity: Validity,
}

/// How strictly a number is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Check {
    /// Longer than four characters and beginning with the admission year.
    #[serde(rename = "loose")]
    Loose,
    /// Twelve digits beginning with the admission year.
    #[serde(rename = "strict")]
    Strict,
    /// Twelve digits beginning with 2017 or 2018.
    #[serde(rename = "year_2017_2018")]
    Year2017Or2018,
}

/// An allotted range of serials (the last six digits) of one year and province.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Range {
    /// Digits 1-4.
    pub year: i16,
    /// Digits 5-6.
    pub province: String,
    /// First serial, included.
    pub from: u32,
    /// Last serial, included.
    pub to: u32,
}

/// Judges a typed number of somebody admitted in `joined` in the province `region`
/// (province code of the organisation, "65" 新疆, "66" 新疆生产建设兵团).
/// `Ok(None)`: none was given and none is required.
/// Problem codes: `dev_number_required`, `dev_number_malformed`, `dev_number_length`,
/// `dev_number_year`, `dev_number_range`.
pub fn judge(
    raw: &str,
    joined: YearMonth,
    region: &str,
    today: Date,
    rules: &Rules,
) -> Result<Option<String>, Problem> {
    let row = row_for(joined, region, today, rules);
    let text = bare(raw, rules);
    let text = text.as_str();
    let blank = rules.codes.is_blank(raw) || rules.codes.is_blank(text);
    if text.is_empty() || blank || text.bytes().all(|b| b == b'0') {
        return match row {
            Some(row) if row.required => Err(required(joined, required_since(region, rules))),
            _ => Ok(None),
        };
    }
    if let Some(row) = row {
        check(text, row.check, joined, rules)?;
        if row.check != Check::Loose {
            check_range(text, &rules.dev_number.ranges)?;
        }
    }
    Ok(Some(text.to_ascii_uppercase()))
}

/// The number without what was written around it (`No.`, `编号`, `号`) and inside it.
fn bare(raw: &str, rules: &Rules) -> String {
    let text = text::number(raw, Column::DevNumber, rules);
    let text = whole(&text);
    let text = text.strip_suffix('号').unwrap_or(text);
    let digits: String = text.chars().filter(|c| !text::hyphen(*c)).collect();
    // Older numbers of a place of their own may have letters and hyphens in them.
    if digits.len() == rules.dev_number.length && all_digits(&digits) {
        digits
    } else {
        text.into()
    }
}

/// True when nobody admitted in that month and province is entered without a number (row 135).
pub fn is_required(joined: YearMonth, region: &str, today: Date, rules: &Rules) -> bool {
    row_for(joined, region, today, rules).is_some_and(|row| row.required)
}

/// Checks a 12-digit number against ranges, for example those allotted down the tree.
/// No range for its year and province: nothing is refused. Problem code: `dev_number_range`.
pub fn check_range(number: &str, ranges: &[Range]) -> Result<(), Problem> {
    let (Some(year), Some(province), Some(serial)) =
        (number.get(..4), number.get(4..6), number.get(6..).and_then(|s| s.parse::<u32>().ok()))
    else {
        return Ok(());
    };
    let mut own =
        ranges.iter().filter(|r| year.parse() == Ok(r.year) && r.province == province).peekable();
    if own.peek().is_none() || own.any(|r| (r.from..=r.to).contains(&serial)) {
        return Ok(());
    }
    Err(problem(
        "dev_number_range",
        "发展团员编号不在下达的号段内,请与入团志愿书右上角的编号核对;一致的,请联系上级核对号段。",
    ))
}

fn row_for<'a>(
    joined: YearMonth,
    region: &str,
    today: Date,
    rules: &'a Rules,
) -> Option<&'a DevNumberRow> {
    rules.dev_number.rows.iter().find(|row| {
        !row.off
            && (row.region.is_empty() || row.region.iter().any(|r| r == region))
            && row.join_from.is_none_or(|from| from <= joined)
            && row.join_to.is_none_or(|to| joined <= to)
            && row.validity.covers(today)
    })
}

fn check(text: &str, check: Check, joined: YearMonth, rules: &Rules) -> Result<(), Problem> {
    let year = joined.year().to_string();
    if check == Check::Loose {
        if scientific(text) || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(malformed());
        }
        if text.len() <= 4 {
            return Err(problem(
                "dev_number_length",
                "发展团员编号太短,请与入团志愿书核对;没有编号的可以留空。",
            ));
        }
        return if text.starts_with(&year) { Ok(()) } else { Err(year_differs(text, &year)) };
    }
    if !all_digits(text) {
        let letter = text
            .chars()
            .enumerate()
            .find_map(|(at, c)| text::digit_meant(c).map(|digit| (at + 1, c, digit)));
        return Err(letter.map_or_else(malformed, |(at, c, digit)| {
            let message = format!(
                "发展团员编号第{at}位是字母“{c}”，是不是数字{digit}？请与入团志愿书核对后改正。"
            );
            problem("dev_number_malformed", message)
        }));
    }
    let length = rules.dev_number.length;
    if text.len() != length {
        let message = format!(
            "发展团员编号应为 {length} 位数字,这里是 {} 位。请与入团志愿书右上角的编号核对。",
            text.len()
        );
        return Err(problem("dev_number_length", message));
    }
    let good = match check {
        Check::Year2017Or2018 => text.starts_with("2017") || text.starts_with("2018"),
        _ => text.starts_with(&year),
    };
    if good { Ok(()) } else { Err(year_differs(text, &year)) }
}

/// The first admission month for which the region asks for a number.
fn required_since(region: &str, rules: &Rules) -> Option<YearMonth> {
    let rows = rules.dev_number.rows.iter();
    rows.filter(|row| {
        !row.off
            && row.required
            && (row.region.is_empty() || row.region.iter().any(|r| r == region))
    })
    .filter_map(|row| row.join_from)
    .min()
}

fn required(joined: YearMonth, since: Option<YearMonth>) -> Problem {
    let since = since.map_or(String::new(), |since| format!("{} 年起", since.year()));
    problem(
        "dev_number_required",
        format!(
            "{since}入团须填发展团员编号(入团 {joined}):12 位,前 4 位与入团年份一致,\
             在入团志愿书右上角;没有编号的,请联系发展单位补办。"
        ),
    )
}

fn malformed() -> Problem {
    problem(
        "dev_number_malformed",
        "发展团员编号格式不对：应为12位数字。请与入团志愿书右上角的编号核对，并把这一格设为文本格式。",
    )
}

fn year_differs(text: &str, year: &str) -> Problem {
    let given: String = text.chars().take(4).collect();
    problem(
        "dev_number_year",
        format!(
            "发展团员编号前 4 位应与入团年份一致(你填 {given}…,入团 {year})。请核对编号和入团年月。"
        ),
    )
}

fn problem(code: &'static str, message: impl Into<String>) -> Problem {
    Problem::fix(Column::DevNumber, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    const TODAY: Date = jiff::civil::date(2026, 11, 21);

    fn code(raw: &str, joined: &str, region: &str) -> Result<Option<String>, &'static str> {
        let joined = joined.parse().expect("a month");
        judge(raw, joined, region, TODAY, Rules::builtin()).map_err(|p| p.code)
    }

    fn some(text: &str) -> Result<Option<String>, &'static str> {
        Ok(Some(text.to_owned()))
    }

    #[test]
    fn the_number_is_required_from_2017_and_in_xinjiang_from_2016() {
        assert_eq!(code("", "2016-12", "34"), Ok(None));
        assert_eq!(code("无", "2016-01", "34"), Ok(None));
        assert_eq!(code("", "2017-01", "34"), Err("dev_number_required"));
        assert_eq!(code("/", "2019-05", "34"), Err("dev_number_required"));
        assert_eq!(code("", "2016-01", "65"), Err("dev_number_required"));
        assert_eq!(code("", "2016-01", "66"), Err("dev_number_required"));
        assert_eq!(code("", "2015-12", "65"), Ok(None));
    }

    #[test]
    fn strict_numbers_have_twelve_digits_and_the_admission_year() {
        assert_eq!(code("201934000123", "2019-05", "34"), some("201934000123"));
        assert_eq!(code(" 2019 3400 0123 ", "2019-05", "34"), some("201934000123"));
        assert_eq!(code("201934000123.0", "2019-05", "34"), some("201934000123"));
        assert_eq!(code("20193400012", "2019-05", "34"), Err("dev_number_length"));
        assert_eq!(code("201834000123", "2019-05", "34"), Err("dev_number_year"));
        assert_eq!(code("2019AA000123", "2019-05", "34"), Err("dev_number_malformed"));
        assert_eq!(code("2.01934E+11", "2019-05", "34"), Err("dev_number_malformed"));
        assert_eq!(code("2019340OO123", "2019-05", "34"), Err("dev_number_malformed"));
        assert_eq!(code("皖团字第201934000123号", "2019-05", "34"), Err("dev_number_malformed"));
    }

    #[test]
    fn labels_and_separators_around_a_number_are_left_aside() {
        for raw in [
            "NO.201934000123",
            "No：201934000123",
            "№201934000123",
            "编号201934000123",
            "编号为：201934000123",
            "发展团员编号 201934000123",
            "入团志愿书编号：201934000123",
            "201934000123号",
            "201934 000123",
            "201934-000123",
            "2019\u{2014}34\u{2014}000123",
            "2019.34.000123",
            "'201934000123",
            "\u{202D}201934000123\u{202C}",
            "20193400〇123",
            "２０１９３４０００１２３",
        ] {
            assert_eq!(code(raw, "2019-05", "34"), some("201934000123"), "{raw}");
        }
        assert_eq!(code("编号2015-0033", "2015-05", "34"), some("2015-0033"));
    }

    #[test]
    fn the_year_is_that_of_admission_and_the_exchange_of_2017_and_2018_is_switched_off() {
        assert_eq!(code("201834000123", "2017-05", "34"), Err("dev_number_year"));
        assert_eq!(code("201734000123", "2018-05", "34"), Err("dev_number_year"));
        assert_eq!(code("201834000123", "2018-05", "34"), some("201834000123"));
        assert_eq!(code("201734000123", "2017-05", "34"), some("201734000123"));
        let on = r#"{"set":{"join_from":["2017-01"],"join_to":["2018-12"],"required":["true"],"check":["year_2017_2018"],"off":["false"]}}"#;
        let rules =
            Rules::with(&[("row.dev_number.2017_2018".to_owned(), on.to_owned())]).expect("reads");
        let joined = "2017-05".parse().expect("a month");
        let today = jiff::civil::date(2026, 11, 21);
        assert!(judge("201834000123", joined, "34", today, &rules).is_ok(), "switched on");
        assert_eq!(code("201934000123", "2018-05", "34"), Err("dev_number_year"));
    }

    #[test]
    fn older_numbers_are_judged_loosely() {
        assert_eq!(code("2015-0033", "2015-05", "34"), some("2015-0033"));
        assert_eq!(code("2015", "2015-05", "34"), Err("dev_number_length"));
        assert_eq!(code("201400331", "2015-05", "34"), Err("dev_number_year"));
        assert_eq!(code("第33号", "2015-05", "34"), Err("dev_number_malformed"));
    }

    #[test]
    fn a_range_counts_only_where_one_is_published() {
        let ranges = [Range { year: 2019, province: "34".into(), from: 100, to: 200 }];
        let judge = |number| check_range(number, &ranges).map_err(|p| p.code);
        assert_eq!(judge("201934000200"), Ok(()));
        assert_eq!(judge("201934000201"), Err("dev_number_range"));
        assert_eq!(judge("201944999999"), Ok(()));
        assert_eq!(judge("202034999999"), Ok(()));
    }

    proptest! {
        #[test]
        fn judging_any_text_never_panics(raw in any::<String>(), year in 2010i16..2025) {
            let joined = YearMonth::new(year, 5).expect("in range");
            let _ = judge(&raw, joined, "34", TODAY, Rules::builtin());
        }
    }
}
