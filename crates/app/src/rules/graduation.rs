//! Graduation of school branches as data and pure decisions (rows 118-130, conflicts 14-16): the
//! date that a name suggests, who may mark what, when marked branches turn. The graduation room,
//! the forms and the clockwork ask here.

use super::{Rules, YearMonth, text, tree::Category};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The tables of graduation.toml.
#[derive(Debug, Deserialize)]
pub struct Graduation {
    month: i8,
    year_begins: i8,
    years_back: i16,
    years_ahead: i16,
    announce_days: i64,
    #[serde(rename = "length")]
    lengths: Vec<Length>,
    #[serde(rename = "word")]
    words: Vec<LengthWord>,
    #[serde(rename = "grade")]
    grades: Vec<Grade>,
    #[serde(rename = "exempt")]
    exempt: Vec<ExemptWord>,
    #[serde(rename = "turn")]
    turns: Vec<Turn>,
    /// Special branches (row 128).
    #[serde(rename = "special")]
    pub specials: Vec<Special>,
}

#[derive(Debug, Deserialize)]
struct Length {
    industries: Vec<String>,
    years: i16,
}
#[derive(Debug, Deserialize)]
struct LengthWord {
    words: Vec<String>,
    years: i16,
}
#[derive(Debug, Deserialize)]
struct Grade {
    words: Vec<String>,
    left: i16,
}
#[derive(Debug, Deserialize)]
struct ExemptWord {
    reason: Reason,
    words: Vec<String>,
}
#[derive(Debug, Deserialize)]
struct Turn {
    province: Option<String>,
    from_year: Option<i16>,
    to_year: Option<i16>,
    turns_on: MonthDay,
    mobile_from: MonthDay,
}

/// A special branch that a school may create.
#[derive(Debug, Deserialize)]
pub struct Special {
    /// As stored in `org.special_kind`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Whom it is for.
    pub who: String,
    /// On what condition.
    pub condition: String,
}

/// `07-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct MonthDay(i8, i8);
impl TryFrom<String> for MonthDay {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let day = text.split_once('-').and_then(|(m, d)| Some((m.parse().ok()?, d.parse().ok()?)));
        day.filter(|(m, d)| Date::new(2001, *m, *d).is_ok())
            .map(|(m, d)| Self(m, d))
            .ok_or_else(|| format!("“{text}” is no day as MM-DD"))
    }
}

/// Why a branch has no graduation time (无法确定毕业时间理由).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// 教师支部.
    Teachers,
    /// 混合支部.
    Mixed,
}

/// The mark of a branch: a month or a reason, never both (conflict 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// 预计毕业时间.
    Time(YearMonth),
    /// It can't be known.
    Exempt(Reason),
}
impl Mark {
    /// From the two columns; `None` for an unmarked branch.
    pub fn stored(graduates: Option<&str>, no_graduation: Option<&str>) -> Option<Self> {
        match (graduates, no_graduation) {
            (Some(month), _) => month.parse().ok().map(Self::Time),
            (None, Some("teachers")) => Some(Self::Exempt(Reason::Teachers)),
            (None, Some("mixed")) => Some(Self::Exempt(Reason::Mixed)),
            _ => None,
        }
    }
    /// As the two columns.
    pub fn columns(self) -> (Option<String>, Option<&'static str>) {
        match self {
            Self::Time(month) => (Some(month.to_string()), None),
            Self::Exempt(Reason::Teachers) => (None, Some("teachers")),
            Self::Exempt(Reason::Mixed) => (None, Some("mixed")),
        }
    }
    /// In an address or a form: `2026-06`, `teachers`, `mixed`.
    pub fn word(self) -> String {
        match self.columns() {
            (Some(month), _) => month,
            (None, reason) => reason.unwrap_or_default().to_owned(),
        }
    }
    /// The word read back.
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "teachers" | "mixed" => Self::stored(None, Some(word)),
            month => month.parse().ok().map(Self::Time),
        }
    }
    /// On pages.
    pub fn label(self) -> String {
        match self {
            Self::Time(month) => format!("{} 年 {} 月毕业", month.year(), month.month()),
            Self::Exempt(Reason::Teachers) => "教师支部".into(),
            Self::Exempt(Reason::Mixed) => "混合支部".into(),
        }
    }
    /// The graduation month, if there is one.
    pub fn month(self) -> Option<YearMonth> {
        match self {
            Self::Time(month) => Some(month),
            Self::Exempt(_) => None,
        }
    }
}

/// The mark of a person (rows 123, 125, 126).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonMark {
    /// 毕业生.
    Graduate,
    /// 延迟毕业.
    Delayed,
    /// 教师.
    Teacher,
    /// 毕业学生流动团员.
    Mobile,
}
impl PersonMark {
    /// All of them, in the order of pages.
    pub const ALL: [Self; 4] = [Self::Graduate, Self::Delayed, Self::Teacher, Self::Mobile];
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Graduate => "graduate",
            Self::Delayed => "delayed",
            Self::Teacher => "teacher",
            Self::Mobile => "mobile",
        }
    }
    /// As stored, read back.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.code() == code)
    }
    /// On pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Graduate => "毕业生",
            Self::Delayed => "延迟毕业",
            Self::Teacher => "教师",
            Self::Mobile => "毕业学生流动团员",
        }
    }
}

/// Why a branch can't be marked, or not by this organisation (row 121).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// Branch administrators never mark.
    OwnBranch,
    /// Not a branch.
    NotABranch,
    /// 行业类别 is empty.
    NoIndustry,
    /// 小学.
    Primary,
    /// Not of the school sector.
    NotASchool,
    /// Turned already: only the superior corrects it (conflict 14).
    Turned,
}
impl Absent {
    /// In words: why, and what to do now.
    pub fn says(self) -> &'static str {
        match self {
            Self::OwnBranch => {
                "团支部管理员不能标记本支部的毕业时间,由上级团委、团工委或团总支标记。需要标记或更正时,请联系直属上级。"
            }
            Self::NotABranch => "只有团支部需要标记毕业时间。",
            Self::NoIndustry => {
                "这个团支部还没有填写“单位所属行业类别”。请先在组织信息里填写,再来标记。"
            }
            Self::Primary => "小学的团支部不参加毕业标记。",
            Self::NotASchool => {
                "只有学校领域的团支部需要标记毕业时间。如果它其实属于学校,请先在组织信息里更正“单位所属行业类别”。"
            }
            Self::Turned => {
                "它已经转为毕业生团组织,只有更上一级组织才能更正毕业时间。请联系上级团委说明情况。"
            }
        }
    }
}

/// What decides whether a branch may be marked, as pages and the use-case see it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub category: Category,
    pub industry: Option<&'a str>,
    pub path: &'a str,
}

impl Graduation {
    /// What the name of a branch suggests; a suggestion only, never a decision.
    pub fn suggest(&self, name: &str, industry: Option<&str>, today: Date) -> Option<Mark> {
        let name = text::compact(name);
        let has = |words: &[String]| words.iter().any(|word| name.contains(word.as_str()));
        if let Some(row) = self.exempt.iter().find(|row| has(&row.words)) {
            return Some(Mark::Exempt(row.reason));
        }
        let month = |year| YearMonth::new(year, self.month).map(Mark::Time);
        if let Some(year) = year_before(&name, '届', today) {
            return month(year);
        }
        if let Some(year) = year_before(&name, '级', today) {
            let word = self.words.iter().find(|row| has(&row.words)).map(|row| row.years);
            let row =
                self.lengths.iter().find(|r| r.industries.iter().any(|i| Some(&**i) == industry));
            return month(year + word.or(row.map(|row| row.years))?);
        }
        let ends = today.year() + i16::from(today.month() >= self.year_begins);
        self.grades.iter().find(|row| has(&row.words)).and_then(|row| month(ends + row.left))
    }

    /// Whether a name says of which year or grade a class is.
    pub fn says_when(&self, name: &str) -> bool {
        let grade = |row: &Grade| row.words.iter().any(|word| name.contains(word.as_str()));
        name.contains(['级', '届']) || self.grades.iter().any(grade)
    }

    fn turn(&self, year: i16, province: &str) -> Option<&Turn> {
        let covers = |row: &&Turn| {
            row.from_year.is_none_or(|from| from <= year) && row.to_year.is_none_or(|to| year <= to)
        };
        let of = |wanted: Option<&str>| {
            self.turns.iter().filter(covers).find(|row| row.province.as_deref() == wanted)
        };
        of(Some(province)).or_else(|| of(None))
    }

    /// The day on which the branches of `year` turn there.
    pub fn turns_on(&self, year: i16, province: &str) -> Option<Date> {
        let MonthDay(month, day) = self.turn(year, province)?.turns_on;
        Date::new(year, month, day).ok()
    }
    /// The day from which graduates of `year` may be marked as 毕业学生流动团员 there.
    pub fn mobile_from(&self, year: i16, province: &str) -> Option<Date> {
        let MonthDay(month, day) = self.turn(year, province)?.mobile_from;
        Date::new(year, month, day).ok()
    }
    /// The day of conversion that is announced there today, if one is near enough.
    pub fn announced(&self, province: &str, today: Date) -> Option<Date> {
        let day = self.turns_on(today.year(), province)?;
        (1..=self.announce_days).contains(&i64::from((day - today).get_days())).then_some(day)
    }
    /// The newest graduation year that is turned there by `today`.
    pub fn turned_year(&self, province: &str, today: Date) -> i16 {
        let here = self.turns_on(today.year(), province).is_some_and(|day| day <= today);
        if here { today.year() } else { today.year() - 1 }
    }
    /// Whether a branch with this graduation month turns at once.
    pub fn is_due(&self, month: YearMonth, province: &str, today: Date) -> bool {
        month.year() <= self.turned_year(province, today)
    }
    /// Whether an expected graduation is near enough to be meant.
    pub fn is_plausible(&self, month: YearMonth, today: Date) -> bool {
        (today.year() - self.years_back..=today.year() + self.years_ahead).contains(&month.year())
    }
    /// The special branch of that kind.
    pub fn special(&self, kind: &str) -> Option<&Special> {
        self.specials.iter().find(|row| row.kind == kind)
    }
}

/// Row 121, as far as the branch itself decides: `None` when it is marked like every school branch.
pub fn absent_for(target: Target<'_>, rules: &Rules) -> Option<Absent> {
    if !matches!(target.category, Category::Branch | Category::Graduate) {
        return Some(Absent::NotABranch);
    }
    match target.industry.map(|code| rules.tree.industry(code)) {
        None => Some(Absent::NoIndustry),
        Some(Some(row)) if row.graduation_markable => None,
        Some(Some(row)) if row.is_school => Some(Absent::Primary),
        Some(_) => Some(Absent::NotASchool),
    }
}

/// Whether an organisation that stands above the branch may set or correct its mark (rows 119-121,
/// conflicts 14 and 16). After the conversion only those two levels above, or a leading organ.
pub fn absent(
    target: Target<'_>,
    by_path: &str,
    by_category: Category,
    rules: &Rules,
) -> Option<Absent> {
    if by_path == target.path {
        return Some(Absent::OwnBranch);
    }
    let far = target.path.len() >= by_path.len() + 6 || by_category == Category::Lead;
    absent_for(target, rules)
        .or((target.category == Category::Graduate && !far).then_some(Absent::Turned))
}

/// Where a person stands, as far as her mark is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In a 毕业生团组织 of that month.
    Graduate(YearMonth),
    /// In a mixed branch.
    Mixed,
    /// Elsewhere.
    Other,
}
impl Standing {
    /// From the branch.
    pub fn of(category: Category, mark: Option<Mark>) -> Self {
        match (category, mark) {
            (Category::Graduate, Some(Mark::Time(month))) => Self::Graduate(month),
            (Category::Branch, Some(Mark::Exempt(Reason::Mixed))) => Self::Mixed,
            _ => Self::Other,
        }
    }
}

/// Whether a person who stands there may get this mark today (rows 125-127); `None` takes the mark
/// away, which only a mixed branch knows. The error says why not and what to do.
pub fn judge_person(
    standing: Standing,
    mark: Option<PersonMark>,
    until: Option<YearMonth>,
    province: &str,
    today: Date,
    rules: &Rules,
) -> Result<(), (&'static str, String)> {
    let year = match standing {
        Standing::Graduate(month) => month.year(),
        Standing::Mixed => today.year(),
        Standing::Other => {
            let says = "不在毕业生团组织或混合支部里。支部到转换日自动转为毕业生团组织后才能标记;混合支部请先把支部标记为“混合支部”。";
            return Err(("grad_elsewhere", says.into()));
        }
    };
    match mark {
        None if standing != Standing::Mixed => {
            let says = "在毕业生团组织里,标记只能改成另一种,不能取消;需要恢复时改回“毕业生”。";
            Err(("grad_stays", says.into()))
        }
        Some(PersonMark::Delayed) => {
            let now = YearMonth::of(today);
            let good = until.zip(now).is_some_and(|(until, now)| {
                until > now && rules.graduation.is_plausible(until, today)
            });
            let says = "请填写新的预计毕业时间,要在本月以后。";
            if good { Ok(()) } else { Err(("grad_until", says.into())) }
        }
        Some(PersonMark::Mobile) => match rules.graduation.mobile_from(year, province) {
            Some(from) if from > today => Err((
                "grad_mobile_early",
                format!(
                    "{} 年 {} 月 {} 日起才能标记“毕业学生流动团员”,在此之前请先帮助落实去向。",
                    from.year(),
                    from.month(),
                    from.day()
                ),
            )),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The year written before a sign: `2022级`, `22级`; only one that is near enough to be meant.
fn year_before(name: &str, sign: char, today: Date) -> Option<i16> {
    name.match_indices(sign).find_map(|(at, _)| {
        let before = name.get(..at)?;
        let digits: String = before.chars().rev().take_while(char::is_ascii_digit).collect();
        let digits: String = digits.chars().rev().collect();
        let year = match digits.len() {
            4 => digits.parse().ok()?,
            2 => 2000 + digits.parse::<i16>().ok()?,
            _ => return None,
        };
        (today.year() - 12..=today.year() + 8).contains(&year).then_some(year)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::{any, prop_assert, proptest};

    fn rules() -> &'static Rules {
        Rules::builtin()
    }
    fn suggested(name: &str, industry: &str) -> String {
        let mark = rules().graduation.suggest(name, Some(industry), date(2026, 6, 15));
        mark.map(Mark::word).unwrap_or_default()
    }

    #[test]
    fn names_suggest_the_graduation() {
        for (name, industry, expected) in [
            ("2022级软件工程1班团支部", "school_university", "2026-06"),
            ("22级软件工程1班团支部", "school_university", "2026-06"),
            ("2021级临床医学3班团支部", "school_university", "2026-06"),
            ("2023级硕士研究生第二团支部", "school_university", "2026-06"),
            ("2024级专升本会计班团支部", "school_university", "2026-06"),
            ("2023级护理班团支部", "school_higher_vocational", "2026-06"),
            ("2024级3班团支部", "school_senior", "2027-06"),
            ("2026届2班团支部", "school_senior", "2026-06"),
            ("高三5班团支部", "school_senior", "2026-06"),
            ("高一1班团支部", "school_senior", "2028-06"),
            ("机关教工团支部", "school_university", "teachers"),
            ("学生社团混合团支部", "school_university", "mixed"),
            ("学生会团支部", "school_university", ""),
            ("第10级台阶团支部", "school_university", ""),
            ("2022级1班团支部", "organ", ""),
        ] {
            assert_eq!(suggested(name, industry), expected, "{name}");
        }
        // After the summer the grades have moved up.
        let autumn =
            rules().graduation.suggest("高三5班团支部", Some("school_senior"), date(2026, 9, 1));
        assert_eq!(autumn.map(Mark::word).as_deref(), Some("2027-06"));
    }

    #[test]
    fn a_school_is_told_by_the_beginning_of_its_industry() {
        // The index of schools and the statements that use it rely on this.
        for row in &rules().tree.industries {
            assert_eq!(row.is_school, row.code.starts_with("school_"), "{}", row.code);
        }
        for row in rules().tree.industries.iter().filter(|row| row.graduation_markable) {
            let known = |l: &Length| l.industries.contains(&row.code);
            assert!(rules().graduation.lengths.iter().any(known), "{}", row.code);
        }
    }

    #[test]
    fn who_may_mark_is_decided_by_the_branch_and_by_where_one_stands() {
        use Category::{Branch, Committee, General, Graduate, Lead};
        let absent = |category, industry, by: &str, by_category| {
            let target = Target { category, industry, path: "000001002003004" };
            super::absent(target, by, by_category, rules())
        };
        let school = Some("school_university");
        assert_eq!(absent(Branch, school, "000001002003", General), None);
        assert_eq!(absent(Branch, school, "000001", Lead), None);
        assert_eq!(absent(Branch, school, "000001002003004", Branch), Some(Absent::OwnBranch));
        assert_eq!(absent(Committee, school, "000001002", Committee), Some(Absent::NotABranch));
        assert_eq!(absent(Branch, None, "000001002", Committee), Some(Absent::NoIndustry));
        assert_eq!(absent(Branch, Some("school_primary"), "000001", Lead), Some(Absent::Primary));
        assert_eq!(absent(Branch, Some("village"), "000001", Lead), Some(Absent::NotASchool));
        // After the conversion the direct superior no longer does, unless it is a leading organ.
        assert_eq!(absent(Graduate, school, "000001002003", General), Some(Absent::Turned));
        assert_eq!(absent(Graduate, school, "000001002", Committee), None);
        assert_eq!(absent(Graduate, school, "000001002003", Lead), None);
    }

    #[test]
    fn branches_turn_on_the_day_of_their_year_and_province() {
        let mut graduation: Graduation =
            toml::from_str(include_str!("../../rules/graduation.toml")).expect("reads");
        let june: YearMonth = "2026-06".parse().expect("a month");
        assert_eq!(graduation.turns_on(2020, "34"), Some(date(2020, 6, 1)));
        assert!(!graduation.is_due(june, "34", date(2026, 6, 30)));
        assert!(graduation.is_due(june, "34", date(2026, 7, 1)));
        assert!(graduation.is_due("2026-12".parse().expect("a month"), "34", date(2026, 7, 1)));
        assert!(graduation.is_due("2025-06".parse().expect("a month"), "34", date(2026, 1, 1)));
        graduation.turns.push(Turn {
            province: Some("65".into()),
            from_year: None,
            to_year: None,
            turns_on: MonthDay(7, 20),
            mobile_from: MonthDay(9, 1),
        });
        assert!(!graduation.is_due(june, "65", date(2026, 7, 1)));
        assert!(graduation.is_due(june, "65", date(2026, 7, 20)));
    }

    #[test]
    fn persons_are_marked_in_graduate_and_mixed_branches_only() {
        let june = "2026-06".parse().expect("a month");
        let judge = |standing, mark, until: &str, today| {
            judge_person(standing, mark, until.parse().ok(), "34", today, rules())
                .map_err(|(code, _)| code)
        };
        let (before, after) = (date(2026, 7, 31), date(2026, 8, 1));
        let graduate = Standing::Graduate(june);
        assert_eq!(judge(graduate, Some(PersonMark::Teacher), "", before), Ok(()));
        assert_eq!(judge(graduate, Some(PersonMark::Mobile), "", before), Err("grad_mobile_early"));
        assert_eq!(judge(graduate, Some(PersonMark::Mobile), "", after), Ok(()));
        assert_eq!(
            judge(graduate, Some(PersonMark::Delayed), "2026-07", before),
            Err("grad_until")
        );
        assert_eq!(judge(graduate, Some(PersonMark::Delayed), "2027-06", before), Ok(()));
        assert_eq!(judge(graduate, None, "", before), Err("grad_stays"));
        assert_eq!(judge(Standing::Mixed, None, "", before), Ok(()));
        assert_eq!(judge(Standing::Mixed, Some(PersonMark::Graduate), "", before), Ok(()));
        assert_eq!(
            judge(Standing::Other, Some(PersonMark::Graduate), "", before),
            Err("grad_elsewhere")
        );
        let mixed = Some(Mark::Exempt(Reason::Mixed));
        assert_eq!(Standing::of(Category::Branch, mixed), Standing::Mixed);
        assert_eq!(Standing::of(Category::Branch, Some(Mark::Time(june))), Standing::Other);
    }

    proptest! {
        #[test]
        fn any_name_is_read_without_panic(name in any::<String>(), digits in 0i32..100_000) {
            let name = format!("{name}{digits}级");
            let mark = rules().graduation.suggest(&name, Some("school_senior"), date(2026, 6, 15));
            if let Some(Mark::Time(month)) = mark {
                prop_assert!((2010..=2040).contains(&month.year()));
                prop_assert!(Mark::read(&Mark::Time(month).word()) == Some(Mark::Time(month)));
            }
        }
    }
}
