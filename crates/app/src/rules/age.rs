//! Age rules: minimum age in the month of admission (rows 131-132) and present age at entry
//! (rows 134, 90). Entry, import and registration ask here.

use jiff::civil::Date;
use serde::Deserialize;

use super::{Column, Problem, Rules, Validity, YearMonth};
use crate::pii::IdNumber;

/// The age tables of age.toml.
#[derive(Debug, Deserialize)]
pub struct Ages {
    /// Minimum age at admission; the highest matching row wins.
    pub min_join_age: Vec<MinJoinAge>,
    /// Present age at entry.
    pub entry_age: Vec<EntryAge>,
    /// For whom a rule may be set aside.
    pub exception: Vec<ExceptionKind>,
}

/// A kind of exception that the centre may grant (row 133).
#[derive(Debug, Deserialize)]
pub struct ExceptionKind {
    /// As stored.
    pub kind: String,
    /// On pages.
    pub name: String,
    /// Codes of the problems that do not count then.
    pub waives: Vec<String>,
    /// Days within which the person is to be entered.
    pub days: i64,
}

/// An exception in force: for this very person, into the organisation that is judged for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excepted {
    /// Its row.
    pub id: i64,
    /// The kind, as stored.
    pub kind: String,
    /// Whom it names: both have to agree.
    pub id_number: IdNumber,
    /// The name, as it is judged.
    pub name: String,
}

/// The exception that sets this problem aside for this person.
pub fn excuse<'a>(
    all: &'a [Excepted],
    (id_number, name): (&IdNumber, &str),
    problem: &Problem,
    rules: &Rules,
) -> Option<&'a Excepted> {
    all.iter().find(|e| {
        let waives =
            rules.age.exception.iter().any(|kind| {
                kind.kind == e.kind && kind.waives.iter().any(|code| code == problem.code)
            });
        waives && e.id_number.reveal() == id_number.reveal() && e.name == name
    })
}

/// Whether a problem may be set aside at all: then its message says who to write to.
pub fn may_be_excused(code: &str, rules: &Rules) -> bool {
    rules.age.exception.iter().any(|kind| kind.waives.iter().any(|waived| waived == code))
}

/// Where it says who to write to, with the form to print.
pub const HOW_TO_ASK: &str = "/help/exceptions";

/// One minimum age at admission.
#[derive(Debug, Deserialize)]
pub struct MinJoinAge {
    /// Province codes; empty = everywhere.
    #[serde(default)]
    pub region: Vec<String>,
    /// First month of admission, included.
    pub join_from: Option<YearMonth>,
    /// Last month of admission, included.
    pub join_to: Option<YearMonth>,
    /// Completed years.
    pub years: i32,
    /// The rule as a sentence.
    pub says: String,
    /// When the row counts.
    #[serde(flatten)]
    pub validity: Validity,
}

/// The present age that somebody may have when he is entered.
#[derive(Debug, Deserialize)]
pub struct EntryAge {
    /// Whom the row is about.
    pub who: Standing,
    /// Youngest completed years.
    pub from: i32,
    /// First completed years that are too old.
    pub below: Option<i32>,
    /// When the row counts.
    #[serde(flatten)]
    pub validity: Validity,
}

/// In what standing somebody is entered; decides the present age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// An ordinary member.
    Member,
    /// A member who is a Party member and keeps the membership.
    Party,
    /// Somebody who holds a post.
    Cadre,
}

/// Checks the age in the month of admission, in whole months: the month itself counts as reached.
/// Problem codes: `too_young_at_joining` (E07), `joined_before_birth`.
pub fn at_joining(
    birth: Date,
    joined: YearMonth,
    region: &str,
    today: Date,
    rules: &Rules,
) -> Result<(), Problem> {
    let Some(born) = YearMonth::of(birth) else { return Ok(()) };
    let Some(row) = strictest(joined, region, today, &rules.age) else { return Ok(()) };
    let months = joined.months_since(born);
    if months >= row.years * 12 {
        return Ok(());
    }
    if months < 0 {
        let message = format!("入团时间{joined}早于出生年月。请核对入团时间和证件号。");
        return Err(Problem::fix(Column::Joined, "joined_before_birth", message));
    }
    let message = format!(
        "入团时间{joined}，当时{}；{}。请核对入团时间。{}",
        age_text(months),
        row.says,
        how_to_ask()
    );
    Err(Problem::fix(Column::Joined, "too_young_at_joining", message))
}

/// The minimum age in completed years for that month and province; `None` when no row matches.
pub fn min_join_age(joined: YearMonth, region: &str, today: Date, rules: &Rules) -> Option<i32> {
    strictest(joined, region, today, &rules.age).map(|row| row.years)
}

/// Checks the present age of somebody who is entered today (rows 134, 90).
/// Problem codes: `too_young_now`, `too_old_now`.
pub fn at_entry(
    birth: Date,
    standing: Standing,
    today: Date,
    rules: &Rules,
) -> Result<(), Problem> {
    let age = completed_years(birth, today);
    let rows = rules.age.entry_age.iter();
    for row in rows.filter(|row| row.who == standing && row.validity.covers(today)) {
        if age < row.from {
            let message = format!(
                "现在{age}周岁，满{}周岁才能录入。请核对证件号。{}",
                row.from,
                how_to_ask()
            );
            return Err(Problem::fix(Column::IdNumber, "too_young_now", message));
        }
        if let Some(below) = row.below.filter(|below| age >= *below) {
            let message = format!(
                "现在{age}周岁；团员须未满{below}周岁，担任团干部的不受此限。\
                 请核对证件号；如担任团内职务，请填写“现任团内职务”。"
            );
            return Err(Problem::fix(Column::IdNumber, "too_old_now", message));
        }
    }
    Ok(())
}

/// Whether somebody is too old to be a member: in a branch she is a cadre then, when she holds a post
/// there (decision 26).
pub fn is_past_membership(birth: Date, today: Date, rules: &Rules) -> bool {
    let row = |row: &&EntryAge| row.who == Standing::Member && row.validity.covers(today);
    let below = rules.age.entry_age.iter().find(row).and_then(|row| row.below);
    below.is_some_and(|below| completed_years(birth, today) >= below)
}

/// Completed years on that day; somebody born on 29 February is a year older on 1 March.
pub fn completed_years(birth: Date, today: Date) -> i32 {
    let before_birthday = (today.month(), today.day()) < (birth.month(), birth.day());
    i32::from(today.year()) - i32::from(birth.year()) - i32::from(before_birthday)
}

/// Who to write to, for whoever is refused.
fn how_to_ask() -> String {
    format!(
        "确属特殊情况的，由发展单位出具情况说明，经直接上级逐级报省级团委，由团中央录入；\
         办法和可以打印的说明见帮助里的“特殊情况录入”（{HOW_TO_ASK}）。"
    )
}

/// `13岁2个月`, `13岁`.
fn age_text(months: i32) -> String {
    match months % 12 {
        0 => format!("{}岁", months / 12),
        rest => format!("{}岁{rest}个月", months / 12),
    }
}

fn strictest<'a>(
    joined: YearMonth,
    region: &str,
    today: Date,
    ages: &'a Ages,
) -> Option<&'a MinJoinAge> {
    let matching = ages.min_join_age.iter().filter(|row| {
        (row.region.is_empty() || row.region.iter().any(|r| r == region))
            && row.join_from.is_none_or(|from| from <= joined)
            && row.join_to.is_none_or(|to| joined <= to)
            && row.validity.covers(today)
    });
    // The first of equals is the general row: its sentence is the one to show.
    matching.reduce(|best, row| if row.years > best.years { row } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::{prop_assert, proptest};

    const TODAY: Date = date(2026, 11, 21);

    fn ym(text: &str) -> YearMonth {
        text.parse().expect("a month")
    }

    fn years(joined: &str, region: &str) -> Option<i32> {
        min_join_age(ym(joined), region, TODAY, Rules::builtin())
    }

    #[test]
    fn the_minimum_age_follows_the_admission_date_and_the_province() {
        assert_eq!([years("2016-12", "34"), years("2017-01", "34")], [Some(12), Some(13)]);
        assert_eq!([years("2018-12", "34"), years("2019-01", "34")], [Some(13), Some(14)]);
        assert_eq!([years("2010-01", "65"), years("2010-01", "66")], [Some(13), Some(13)]);
        assert_eq!(years("2019-01", "65"), Some(14));
    }

    #[test]
    fn the_message_tells_the_age_and_the_rule_and_what_to_do() {
        let problem = at_joining(date(2006, 1, 20), ym("2019-03"), "34", TODAY, Rules::builtin());
        let message = problem.expect_err("too young").message;
        assert!(
            message.starts_with(
                "入团时间2019-03，当时13岁2个月；2019年起入团须满14周岁。请核对入团时间。\
                 确属特殊情况的，由发展单位出具情况说明，经直接上级逐级报省级团委"
            ),
            "{message}"
        );
        assert!(message.contains(HOW_TO_ASK), "{message}");
        let before = at_joining(date(2006, 1, 20), ym("2005-03"), "34", TODAY, Rules::builtin());
        assert!(before.expect_err("before birth").message.contains("早于出生年月"));
    }

    #[test]
    fn the_month_of_the_birthday_counts_as_reached() {
        let judge =
            |joined| at_joining(date(2005, 5, 31), ym(joined), "34", TODAY, Rules::builtin());
        assert!(judge("2019-05").is_ok());
        assert!(judge("2019-04").is_err());
    }

    #[test]
    fn members_are_fourteen_to_twenty_seven_and_cadres_have_no_upper_limit() {
        let judge = |birth, who| at_entry(birth, who, TODAY, Rules::builtin()).map_err(|p| p.code);
        let (young, fourteen) = (date(2012, 11, 22), date(2012, 11, 21));
        let (last_day, twenty_eight) = (date(1998, 11, 22), date(1998, 11, 21));
        assert_eq!(judge(young, Standing::Member), Err("too_young_now"));
        assert_eq!(judge(young, Standing::Cadre), Err("too_young_now"));
        assert_eq!(judge(fourteen, Standing::Member), Ok(()));
        assert_eq!(judge(last_day, Standing::Party), Ok(()));
        assert_eq!(judge(twenty_eight, Standing::Member), Err("too_old_now"));
        assert_eq!(judge(twenty_eight, Standing::Party), Err("too_old_now"));
        assert_eq!(judge(twenty_eight, Standing::Cadre), Ok(()));
    }

    proptest! {
        #[test]
        fn an_older_person_is_never_too_young_where_a_younger_one_is_not(
            days in 0i32..20_000, older in 0i32..5_000, year in 1990i16..2026, month in 1i8..=12, xinjiang in proptest::bool::ANY,
        ) {
            let young = date(2014, 1, 1).checked_sub(jiff::Span::new().days(days)).expect("in calendar");
            let old = young.checked_sub(jiff::Span::new().days(older)).expect("in calendar");
            let joined = YearMonth::new(year, month).expect("in range");
            let region = if xinjiang { "65" } else { "34" };
            let judge = |birth| at_joining(birth, joined, region, TODAY, Rules::builtin());
            prop_assert!(judge(young).is_err() || judge(old).is_ok());
            prop_assert!(completed_years(old, TODAY) >= completed_years(young, TODAY));
        }
    }
}
