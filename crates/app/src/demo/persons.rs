//! People of the demonstration: valid but synthetic ID numbers, unique by construction, with ages,
//! admission months and development numbers that obey the rules.

use super::names;
use crate::{
    pii::{Sex, check_char},
    rules::{Rules, YearMonth, dev_number},
};
use jiff::civil::Date;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::HashMap;

/// What kind of people an organisation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cohort {
    /// Students who entered a university in September of that year.
    University(i16),
    /// Pupils who entered the upper secondary level in September of that year.
    Senior(i16),
    /// Young people at work or in a village.
    Working,
}

/// Somebody, as the tables will have her.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) id_number: String,
    pub(super) sex: Sex,
    pub(super) birth_ym: String,
    pub(super) mobile: Option<String>,
    pub(super) ethnic: Option<&'static str>,
    pub(super) political: &'static str,
    pub(super) education: Option<&'static str>,
    pub(super) check: &'static str,
    /// Month of admission; `None` for cadres who are no members.
    pub(super) joined: Option<String>,
    pub(super) dev_number: Option<String>,
}
impl Person {
    /// Keys of the columns that are missing for a complete profile, comma-separated.
    pub(super) fn missing(&self) -> String {
        let gaps = [
            ("ethnic", self.ethnic.is_none()),
            ("education", self.education.is_none()),
            ("mobile", self.mobile.is_none()),
        ];
        let keys: Vec<&str> = gaps.iter().filter(|(_, gap)| *gap).map(|(key, _)| *key).collect();
        keys.join(",")
    }
}

/// Makes people; remembers only counters, so that millions cost no memory.
pub(super) struct People {
    pub(super) rng: StdRng,
    today: Date,
    /// How many were born in a year in a province.
    births: HashMap<(String, i16), u32>,
    /// How many development numbers of a year and province are given away.
    numbers: HashMap<(String, i16), u32>,
    mobiles: u64,
    areas: HashMap<String, Vec<String>>,
    /// Fresh people for sample workbooks stand apart from those in the database.
    apart: bool,
    /// Where the counters begin.
    first: u32,
}

/// ID sequence numbers from this on are kept for sample workbooks (half of the sequence).
const APART_ORDER: u32 = 430;
/// Development serials from this on are kept for sample workbooks.
const APART_SERIAL: u32 = 900_000;

impl People {
    /// People of the database.
    pub(super) fn new(seed: u64, today: Date) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            today,
            births: HashMap::new(),
            numbers: HashMap::new(),
            mobiles: 0,
            areas: HashMap::new(),
            apart: false,
            first: 0,
        }
    }
    /// People who are nowhere in the database of any seed; other ones for each `round` (below 8,
    /// at most 10,000 people a round).
    pub(super) fn apart(seed: u64, today: Date, round: u32) -> Self {
        let first = round * 10_000;
        Self {
            apart: true,
            first,
            mobiles: 900_000_000 + u64::from(first),
            ..Self::new(seed, today)
        }
    }

    /// A member of such a kind, with a complete profile.
    pub(super) fn member(&mut self, cohort: Cohort, province: &str) -> Person {
        let year = self.birth_year(cohort);
        let mut person = self.somebody(year, province);
        let joined = self.joined(&person.birth_ym);
        person.dev_number = self.dev_number(joined, province);
        person.joined = Some(joined.to_string());
        person.education = Some(match cohort {
            Cohort::Senior(_) => "60",
            Cohort::University(_) => "20",
            Cohort::Working => {
                names::pick(&mut self.rng, &["20", "20", "30", "30", "40", "60", "14"])
            }
        });
        person.political = match cohort {
            Cohort::Senior(_) => "03",
            _ if self.rng.random_range(0..100) < 4 => "02",
            _ => "03",
        };
        person
    }

    /// A cadre who is no member: a teacher, a clerk of a leading organ.
    pub(super) fn cadre(&mut self, province: &str) -> Person {
        let age = self.rng.random_range(28..45);
        let mut person = self.somebody(self.today.year() - age - 1, province);
        person.political = names::pick(&mut self.rng, &["01", "01", "01", "13"]);
        person.education = Some(names::pick(&mut self.rng, &["20", "20", "14", "14", "11"]));
        person
    }

    /// Takes away one thing that a complete profile needs.
    pub(super) fn forget_something(&mut self, person: &mut Person) {
        match self.rng.random_range(0..3) {
            0 => person.ethnic = None,
            1 => person.education = None,
            _ => person.mobile = None,
        }
    }

    fn somebody(&mut self, year: i16, province: &str) -> Person {
        let sex = if self.rng.random_range(0..2) == 0 { Sex::Male } else { Sex::Female };
        let id_number = self.id_number(year, province, sex);
        let (name, ethnic) = names::person(&mut self.rng, sex);
        Person {
            name,
            birth_ym: format!("{}-{}", &id_number[6..10], &id_number[10..12]),
            id_number,
            sex,
            mobile: Some(self.mobile()),
            ethnic: Some(ethnic),
            political: "03",
            education: None,
            check: match self.rng.random_range(0..1000) {
                0..15 => "failed",
                15..90 => "unchecked",
                90..95 => "offline",
                _ => "passed",
            },
            joined: None,
            dev_number: None,
        }
    }

    fn birth_year(&mut self, cohort: Cohort) -> i16 {
        match cohort {
            Cohort::University(entered) => entered - 18 - self.rng.random_range(0..2),
            Cohort::Senior(entered) => entered - 15 - self.rng.random_range(0..2),
            Cohort::Working => self.today.year() - self.rng.random_range(19..27),
        }
    }

    /// The n-th person born in a year: day, area and order follow from n one-to-one, and
    /// neighbours look unlike each other.
    fn id_number(&mut self, year: i16, province: &str, sex: Sex) -> String {
        // System committees (铁道, 民航 …) have people of the demonstration's own province.
        let province = if names::has_areas(province) { province } else { "34" };
        let areas = self.areas.entry(province.to_owned()).or_insert_with(|| names::areas(province));
        let count = self.births.entry((province.to_owned(), year)).or_insert(self.first);
        let n = *count;
        *count += 1;
        let many = areas.len() as u32;
        // 211 and 365 have no common divisor; 29 February is left out.
        let (day, round) = (n * 211 % 365, n / 365);
        let area = &areas[((round + day * 7) % many) as usize];
        let order = round / many + if self.apart { APART_ORDER } else { 0 };
        let order = order * 2 + if sex == Sex::Male { 1 } else { 2 };
        let birth = Date::new(2001, 1, 1)
            .and_then(|first| first.checked_add(jiff::Span::new().days(i64::from(day))))
            .unwrap_or(Date::ZERO);
        let first17 = format!("{area}{year:04}{:02}{:02}{order:03}", birth.month(), birth.day());
        let check = check_char(&first17).unwrap_or('X');
        format!("{first17}{check}")
    }

    fn mobile(&mut self) -> String {
        const PREFIXES: [&str; 12] =
            ["138", "139", "150", "152", "159", "177", "181", "186", "188", "191", "198", "166"];
        let n = self.mobiles;
        self.mobiles += 1;
        let prefix = PREFIXES[(n % 12) as usize];
        // The factor has no divisor in common with 10^8: different n give different numbers.
        format!("{prefix}{:08}", n / 12 * 7_654_321 % 100_000_000)
    }

    /// Some month between the fourteenth birthday and three years later, and before this month.
    fn joined(&mut self, birth_ym: &str) -> YearMonth {
        let months = |ym: YearMonth| i32::from(ym.year()) * 12 + i32::from(ym.month()) - 1;
        let born: i32 = birth_ym.parse().map_or(0, months);
        let first = born + 14 * 12;
        let now = i32::from(self.today.year()) * 12 + i32::from(self.today.month()) - 1;
        let last = (first + 36).min(now - 1).max(first);
        let at = self.rng.random_range(first..=last);
        let ym = |at: i32| YearMonth::new((at / 12) as i16, (at % 12 + 1) as i8);
        // Most were admitted in May or December.
        let usual =
            (first..=last).filter(|at| matches!(at % 12, 4 | 11)).nth(self.rng.random_range(0..4));
        let chosen = usual.filter(|_| self.rng.random_range(0..100) < 80).unwrap_or(at);
        ym(chosen).or_else(|| ym(at)).unwrap_or_else(|| {
            YearMonth::of(self.today).expect("the clock stands between 1900 and 2200")
        })
    }

    /// The next number of the province and year, where the rules ask for one.
    fn dev_number(&mut self, joined: YearMonth, province: &str) -> Option<String> {
        if !dev_number::is_required(joined, province, self.today, Rules::builtin()) {
            return None;
        }
        let count = self.numbers.entry((province.to_owned(), joined.year())).or_insert(self.first);
        *count += 1;
        let serial = *count + if self.apart { APART_SERIAL } else { 0 };
        Some(format!("{}{province}{serial:06}", joined.year()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{age, id_number};
    use jiff::civil::date;
    use std::collections::HashSet;

    fn cohorts(school_year: i16) -> [Cohort; 5] {
        use Cohort::{Senior, University, Working};
        [
            University(school_year),
            University(school_year - 3),
            Senior(school_year),
            Senior(school_year - 2),
            Working,
        ]
    }

    #[test]
    fn everybody_obeys_the_rules_whatever_the_season() {
        for (today, school_year) in [
            (date(2026, 9, 1), 2026),
            (date(2026, 11, 21), 2026),
            (date(2027, 1, 2), 2026),
            (date(2027, 8, 31), 2026),
        ] {
            let mut people = People::new(7, today);
            for n in 0..4_000 {
                let person = people.member(cohorts(school_year)[n % 5], "34");
                let id = id_number::parse(&person.id_number, today).expect("a valid ID number");
                let joined: YearMonth = person.joined.as_ref().unwrap().parse().unwrap();
                let rules = Rules::builtin();
                assert_eq!(age::at_joining(id.birth(), joined, "34", today, rules), Ok(()));
                assert_eq!(age::at_entry(id.birth(), age::Standing::Member, today, rules), Ok(()));
                let number = person.dev_number.clone().unwrap_or_default();
                assert_eq!(
                    dev_number::judge(&number, joined, "34", today, rules),
                    Ok(person.dev_number.clone())
                );
                assert!(YearMonth::of(today).is_some_and(|now| joined < now), "{joined} {today}");
            }
        }
    }

    #[test]
    fn id_numbers_mobiles_and_development_numbers_are_unique() {
        let today = date(2026, 11, 21);
        let (mut ids, mut mobiles, mut numbers) = (HashSet::new(), HashSet::new(), HashSet::new());
        for mut people in [People::new(7, today), People::apart(8, today, 0)] {
            for n in 0..60_000 {
                let person = people.member(
                    if n % 2 == 0 { Cohort::Working } else { Cohort::University(2025) },
                    "34",
                );
                assert!(ids.insert(person.id_number.clone()));
                assert!(mobiles.insert(person.mobile.clone()));
                assert!(person.dev_number.clone().is_none_or(|number| numbers.insert(number)));
            }
        }
    }
}
