//! What makes a person, a branch, a set of cadres or an organisation's own page complete
//! (rows 151-155). Statistics and the lists ask here.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tree::Category;
use super::{Column, Needed, Rules, SheetKind, YearMonth, dev_number};

/// What decides which values a person needs.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Members for people of a branch, Cadres for cadres who are in no branch.
    pub sheet: SheetKind,
    /// GB/T 4762 code.
    pub political: Option<&'a str>,
    /// Month of admission.
    pub joined: Option<YearMonth>,
    /// Province code of the organisation.
    pub region: &'a str,
    /// The day of the question.
    pub today: Date,
}

/// The columns that are missing for a complete profile (row 151), in template order.
/// `filled` says whether a column has a value; a post belongs to the organisation and never counts.
pub fn missing_of_person(
    facts: &Facts<'_>,
    filled: impl Fn(Column) -> bool,
    rules: &Rules,
) -> Vec<Column> {
    let needed = |column: Column| match column {
        Column::Post => false,
        Column::DevNumber => facts.joined.is_some_and(|joined| {
            dev_number::is_required(joined, facts.region, facts.today, rules)
        }),
        _ => rules.columns.needed(column, facts.sheet, facts.political) >= Needed::Complete,
    };
    Column::ALL.iter().copied().filter(|&column| needed(column) && !filled(column)).collect()
}

impl Rules {
    /// What decides who is complete, as text: when it differs, everybody is judged anew.
    pub fn mark_of_completeness(&self) -> String {
        let sheets = [SheetKind::Members, SheetKind::Cadres];
        let needs = Column::ALL.iter().flat_map(|c| {
            sheets.map(|kind| {
                let of = |political| self.columns.needed(*c, kind, political) >= Needed::Complete;
                let bits = ["03", "01", "02", "13"].map(|code| u8::from(of(Some(code))));
                bits.iter().fold(u8::from(of(None)), |all, bit| all * 2 + bit)
            })
        });
        let needs: Vec<String> = needs.map(|bits| bits.to_string()).collect();
        let month = |m: Option<YearMonth>| m.map(|m| m.to_string()).unwrap_or_default();
        let number = |row: &dev_number::DevNumberRow| {
            let (from, to) = (month(row.join_from), month(row.join_to));
            format!("{}/{from}/{to}/{}", row.region.join("+"), row.required)
        };
        let numbers: Vec<String> = self.dev_number.rows.iter().map(number).collect();
        format!("{};{}", needs.join(","), numbers.join(","))
    }

    /// The least numbers of people that make an organisation complete, as text.
    pub fn mark_of_thresholds(&self) -> String {
        let t = &self.policy.completeness;
        format!("{},{},{}", t.branch_members, t.cadres, t.leading_cadres)
    }
}

/// Row 152: enough people entered and all of them complete. 团员 and 团干部 of the branch together, each
/// counted once (decision 26).
pub fn branch_complete(people: i64, complete: i64, rules: &Rules) -> bool {
    people >= rules.policy.completeness.branch_members && complete >= people
}

/// Rows 153, 154: enough cadres entered and all of them complete. For a branch its cadres are
/// judged with its members, so the answer is the same as for no minimum.
pub fn cadres_complete(category: Category, cadres: i64, complete: i64, rules: &Rules) -> bool {
    let least = match category {
        Category::Lead => rules.policy.completeness.leading_cadres,
        Category::Committee | Category::Work | Category::General => {
            rules.policy.completeness.cadres
        }
        Category::Branch | Category::Graduate | Category::Holding => 0,
    };
    cadres >= least && complete >= cadres
}

/// One fact of an organisation that its page must have (row 155, C1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OrgItem {
    /// 组织类别.
    Category,
    /// 组织简称.
    ShortName,
    /// 组织全称.
    FullName,
    /// 单位所属行业类别.
    Industry,
    /// 联系电话.
    Phone,
    /// 电子邮箱.
    Email,
    /// 本级团组织行政编制数 (0 is a value).
    StaffAdminPosts,
    /// 行政编制实际配备数.
    StaffAdminFilled,
    /// 本级团组织事业编制数.
    StaffInstPosts,
    /// 事业编制实际配备数.
    StaffInstFilled,
    /// 书记 registered.
    Secretary,
    /// 书记's own mobile number in his profile; the organisation's phone does not count.
    SecretaryMobile,
}

impl OrgItem {
    /// The Chinese name of the fact.
    pub fn label(self) -> &'static str {
        match self {
            Self::Category => "组织类别",
            Self::ShortName => "组织简称",
            Self::FullName => "组织全称",
            Self::Industry => "单位所属行业类别",
            Self::Phone => "联系电话",
            Self::Email => "电子邮箱",
            Self::StaffAdminPosts => "本级团组织行政编制数",
            Self::StaffAdminFilled => "行政编制实际配备数",
            Self::StaffInstPosts => "本级团组织事业编制数",
            Self::StaffInstFilled => "事业编制实际配备数",
            Self::Secretary => "书记",
            Self::SecretaryMobile => "书记本人的手机号码",
        }
    }
}

/// The facts that a category must have.
pub fn needs_of_org(category: Category, rules: &Rules) -> &[OrgItem] {
    let rows = rules.policy.org_needs.iter();
    rows.filter(|row| row.categories.contains(&category))
        .map(|row| row.items.as_slice())
        .next()
        .unwrap_or(&[])
}

/// The facts that are missing for a complete organisation page; `filled` says what is there.
pub fn missing_of_org(
    category: Category,
    filled: impl Fn(OrgItem) -> bool,
    rules: &Rules,
) -> Vec<OrgItem> {
    needs_of_org(category, rules).iter().copied().filter(|&item| !filled(item)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = jiff::civil::date(2026, 11, 21);

    #[test]
    fn a_branch_is_complete_with_three_people_who_all_are() {
        let complete = |all, done| branch_complete(all, done, Rules::builtin());
        assert_eq!(
            [complete(2, 2), complete(3, 2), complete(3, 3), complete(0, 0)],
            [false, false, true, false]
        );
    }

    #[test]
    fn cadres_are_complete_with_two_or_in_a_leading_organ_with_all() {
        let complete = |category, all, done| cadres_complete(category, all, done, Rules::builtin());
        assert!(!complete(Category::Committee, 1, 1));
        assert!(complete(Category::Committee, 2, 2));
        assert!(!complete(Category::General, 3, 2));
        assert!(complete(Category::Lead, 1, 1));
        assert!(!complete(Category::Lead, 0, 0));
    }

    #[test]
    fn a_person_misses_a_number_only_where_the_year_asks_for_one() {
        let missing = |joined: &str| {
            let facts = Facts {
                sheet: SheetKind::Members,
                political: Some("03"),
                joined: joined.parse().ok(),
                region: "34",
                today: TODAY,
            };
            missing_of_person(&facts, |column| column != Column::DevNumber, Rules::builtin())
        };
        assert_eq!(missing("2019-05"), [Column::DevNumber]);
        assert!(missing("2015-05").is_empty());
    }

    #[test]
    fn the_secretarys_own_mobile_is_asked_of_every_category_that_has_a_page() {
        let missing = |category| {
            missing_of_org(category, |item| item != OrgItem::SecretaryMobile, Rules::builtin())
        };
        for category in [
            Category::Lead,
            Category::Committee,
            Category::Work,
            Category::General,
            Category::Branch,
        ] {
            assert_eq!(missing(category), [OrgItem::SecretaryMobile]);
        }
        let lead = needs_of_org(Category::Lead, Rules::builtin());
        assert!(lead.contains(&OrgItem::Phone) && !lead.contains(&OrgItem::Industry));
        assert!(
            !needs_of_org(Category::Branch, Rules::builtin()).contains(&OrgItem::StaffAdminPosts)
        );
    }
}
