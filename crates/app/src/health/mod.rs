//! 组织体检 (rows 60-62): organisations of a subtree that need somebody's hand, by kind, each with
//! what mends it. What is wrong with an organisation stands as bits in its row; the clockwork looks
//! again at whatever was changed (it follows the audit book and the counters), and in rounds at
//! everything, for what only time brings. Pages read counts to a bound and lists by index.

/// The lists as workbooks.
pub mod export;
mod follow;
mod list;
mod sql;

pub use export::{Export, export};
pub use follow::{look_at_all, round, turn};
pub use list::{Count, Page, Row, Summary, as_of, list, summary};

use crate::{orgs::Category, rules::Rules};
use jiff::{ToSpan, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ill {
    /// A branch with nobody.
    Empty,
    /// A branch with fewer than three.
    Few,
    /// A branch with more than fifty.
    Many,
    /// No secretary, or one without a telephone number.
    NoPhone,
    /// No administrator.
    NoAdmin,
    /// The term is over.
    TermOver,
    /// A 待接转团支部 in which people have waited too long.
    Holding,
    /// A committee or general branch without a branch.
    NoBranch,
    /// A general branch with fewer people in its branches than it is set up for.
    SmallGeneral,
    /// The same of a committee.
    SmallCommittee,
    /// A cadre under 28 who is a member of the league belongs to no branch (decision 28).
    Unplaced,
}
impl Ill {
    /// In the order of the page.
    pub const ALL: [Self; 11] = [
        Self::Holding,
        Self::NoAdmin,
        Self::NoPhone,
        Self::TermOver,
        Self::Unplaced,
        Self::Empty,
        Self::Few,
        Self::Many,
        Self::NoBranch,
        Self::SmallGeneral,
        Self::SmallCommittee,
    ];
    /// In addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Few => "few",
            Self::Many => "many",
            Self::NoPhone => "no_phone",
            Self::NoAdmin => "no_admin",
            Self::TermOver => "term_over",
            Self::Holding => "holding",
            Self::NoBranch => "no_branch",
            Self::SmallGeneral => "small_general",
            Self::SmallCommittee => "small_committee",
            Self::Unplaced => "unplaced",
        }
    }
    /// Out of an address.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ill| ill.code() == code)
    }
    /// On pages; figures are the policy's.
    pub fn label(self) -> String {
        let guide = &Rules::builtin().policy.guide;
        match self {
            Self::Empty => "没有团员的团支部".into(),
            Self::Few => format!("不足 {} 人的团支部", guide.branch_min),
            Self::Many => format!("超过 {} 人的团支部", guide.branch_max),
            Self::NoPhone => "没有书记或书记没有电话".into(),
            Self::NoAdmin => "没有管理员".into(),
            Self::TermOver => "任期已满、没有换届".into(),
            Self::Holding => format!("超过 {} 天没有清空的待接转团支部", guide.holding_days),
            Self::NoBranch => "没有团支部的团委、团总支".into(),
            Self::Unplaced => "有团干部是团员、却没有编入团支部".into(),
            Self::SmallGeneral => format!("不足 {} 人的团总支", guide.general_min),
            Self::SmallCommittee => {
                format!("不足 {} 人的基层团委、团工委", guide.committee_min)
            }
        }
    }
    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Empty => "新建的支部请导入团员;不再使用的支部请撤销。",
            Self::Few => {
                "团员人数太少,请并入其他支部:把团员办理转出后撤销;近期会有团员转入的可以保留。"
            }
            Self::Many => "人数较多,建议拆分成几个支部。",
            Self::NoPhone => {
                "请登记书记,并请书记在“个人资料”里补上手机号。这是资料显示“未完善”最常见的原因。"
            }
            Self::NoAdmin => "请生成管理员注册码发给对方,或在团干部中指定管理员。",
            Self::TermOver => "请按期换届,并在“换届”里登记。",
            Self::Holding => "请逐人联系,办理转出;确实空了以后撤销。",
            Self::Unplaced => {
                "28 周岁以下、政治面貌是共青团员的团干部，团员身份要在一个团支部：请所在团支部用“添加团员”录入，或办理转入；职务不变。"
            }
            Self::NoBranch => "团员只能编在团支部。请建立团支部;不再使用的组织请撤销。",
            Self::SmallGeneral => {
                "团员还没有录全的请先录入;长期不足的,可以把团支部移到上级团委下,再撤销团总支。"
            }
            Self::SmallCommittee => {
                "团员还没有录全的请先录入;长期不足的,可以改设团总支或团支部。人数是一般要求,不是必须。"
            }
        }
    }
    fn bit(self) -> i64 {
        match self {
            Self::Empty => 1,
            Self::Few => 2,
            Self::Many => 4,
            Self::NoPhone => 8,
            Self::NoAdmin => 16,
            Self::TermOver => 32,
            Self::Holding => 64,
            Self::NoBranch => 128,
            Self::SmallGeneral => 256,
            Self::SmallCommittee => 512,
            Self::Unplaced => 1024,
        }
    }
}

/// What is known of an organisation when it is judged.
#[derive(Clone, Debug)]
struct Facts {
    category: Category,
    is_closed: bool,
    members: i64,
    /// Cadres of a branch who are no members of it (decision 26).
    guests: i64,
    /// Branches of its subtree, and the members in them.
    branches: i64,
    members_below: i64,
    has_phone: bool,
    has_admin: bool,
    /// A cadre who is a member of the league and under 28 is in no branch.
    has_unplaced: bool,
    /// Whether its term is over.
    term_over: bool,
    /// Days since it was made.
    age: i64,
}

/// What is wrong with an organisation, as bits.
fn judge(facts: &Facts) -> i64 {
    let guide = &Rules::builtin().policy.guide;
    if facts.is_closed {
        return 0;
    }
    let mut ill = 0;
    let mut mark = |yes: bool, what: Ill| {
        if yes {
            ill |= what.bit();
        }
    };
    if facts.category == Category::Holding {
        mark(facts.members > 0 && facts.age > guide.holding_days, Ill::Holding);
        return ill;
    }
    if facts.category.owns_members() {
        mark(facts.members == 0, Ill::Empty);
        // 团员 and 团干部 together, each counted once (decision 26).
        let people = facts.members + facts.guests;
        mark(facts.members > 0 && people < guide.branch_min, Ill::Few);
        mark(facts.members > guide.branch_max, Ill::Many);
    } else if facts.category != Category::Lead {
        mark(facts.branches == 0, Ill::NoBranch);
        let fewer = |least: i64| (1..least).contains(&facts.members_below);
        match facts.category {
            Category::General => mark(fewer(guide.general_min), Ill::SmallGeneral),
            _ => mark(fewer(guide.committee_min), Ill::SmallCommittee),
        }
    }
    mark(!facts.has_phone, Ill::NoPhone);
    mark(!facts.has_admin, Ill::NoAdmin);
    mark(facts.term_over, Ill::TermOver);
    mark(facts.has_unplaced, Ill::Unplaced);
    ill
}

/// Whether the term of a committee that elected on that day is over.
fn term_over(
    category: Category,
    industry: Option<&str>,
    (elected_on, put_off): (Option<&str>, Option<&str>),
    today: Date,
) -> bool {
    let tree = &Rules::builtin().tree;
    let school = industry.and_then(|code| tree.industry(code)).is_some_and(|row| row.is_school);
    let Some(years) = tree.term_years(category, school, today) else { return false };
    let elected = elected_on.and_then(|text| text.parse::<Date>().ok());
    let ends = elected.and_then(|day| day.checked_add(years.years()).ok());
    let put_off = put_off.and_then(|text| text.parse::<Date>().ok());
    ends.is_some_and(|ends| ends.max(put_off.unwrap_or(ends)) < today)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_people_of_a_branch_are_members_and_cadres_together() {
        let few = |members, guests| {
            let facts = Facts { members, guests, ..whole(Category::Branch) };
            judge(&facts) & Ill::Few.bit() > 0
        };
        assert!(few(2, 0) && few(1, 1) && !few(2, 1) && !few(3, 0));
    }

    fn whole(category: Category) -> Facts {
        Facts {
            category,
            is_closed: false,
            members: 20,
            guests: 0,
            branches: 1,
            members_below: 100,
            has_phone: true,
            has_admin: true,
            has_unplaced: false,
            term_over: false,
            age: 100,
        }
    }

    #[test]
    fn each_fault_is_found_and_a_whole_organisation_has_none() {
        let branch = whole(Category::Branch);
        assert_eq!(judge(&branch), 0);
        let cases = [
            (Facts { members: 0, ..branch.clone() }, Ill::Empty),
            (Facts { members: 2, ..branch.clone() }, Ill::Few),
            (Facts { members: 51, ..branch.clone() }, Ill::Many),
            (Facts { has_phone: false, ..branch.clone() }, Ill::NoPhone),
            (Facts { has_admin: false, ..branch.clone() }, Ill::NoAdmin),
            (Facts { term_over: true, ..branch.clone() }, Ill::TermOver),
            (Facts { has_unplaced: true, ..whole(Category::Committee) }, Ill::Unplaced),
            (Facts { branches: 0, ..whole(Category::Committee) }, Ill::NoBranch),
            (Facts { members_below: 29, ..whole(Category::General) }, Ill::SmallGeneral),
            (Facts { members_below: 99, ..whole(Category::Committee) }, Ill::SmallCommittee),
            (Facts { has_admin: false, ..whole(Category::Holding) }, Ill::Holding),
        ];
        for (facts, ill) in cases {
            assert_eq!(judge(&facts), ill.bit(), "{ill:?}");
        }
        assert_eq!(judge(&Facts { members: 3, ..branch.clone() }), 0);
        assert_eq!(judge(&Facts { members: 50, ..branch.clone() }), 0);
        assert_eq!(judge(&Facts { branches: 0, ..whole(Category::Lead) }), 0);
        assert_eq!(judge(&Facts { members_below: 30, ..whole(Category::General) }), 0);
        assert_eq!(judge(&Facts { members_below: 0, ..whole(Category::Work) }), 0, "not begun");
        assert_eq!(judge(&Facts { age: 30, ..whole(Category::Holding) }), 0);
        assert_eq!(judge(&Facts { is_closed: true, members: 0, ..branch }), 0);
    }

    #[test]
    fn a_student_branch_sits_a_year_a_committee_five_and_what_was_put_off_longer() {
        let today = jiff::civil::date(2026, 6, 15);
        let over =
            |category, industry, day| term_over(category, industry, (Some(day), None), today);
        assert!(over(Category::Branch, Some("school_senior"), "2025-06-14"));
        assert!(!over(Category::Branch, Some("school_senior"), "2025-06-15"));
        assert!(!over(Category::Committee, Some("school_senior"), "2021-06-15"));
        assert!(over(Category::Committee, None, "2021-06-14"));
        assert!(!over(Category::Committee, None, "2022-06-14"), "its fourth year");
        let put_off = (Some("2021-06-14"), Some("2026-09-01"));
        assert!(!term_over(Category::Committee, None, put_off, today));
        assert!(!term_over(Category::Branch, None, (None, None), today), "it has not told when");
    }

    #[test]
    fn bits_are_different_and_codes_lead_back() {
        assert_eq!(Ill::ALL.iter().fold(0, |sum, ill| sum + ill.bit()), 2047);
        assert!(Ill::ALL.iter().all(|ill| Ill::from_code(ill.code()) == Some(*ill)));
    }
}
