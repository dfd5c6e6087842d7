//! The tree as data: categories and adjacency, posts, industries, the direct children of the
//! centre, names (domain C2, C3, C5, C15). The organisation, cadre and statistics rooms ask here.

use serde::Deserialize;

pub use crate::orgs::Category;

use super::text::{compact, invisible, key};
use super::{Column, Problem, Rules, Validity};

impl Category {
    /// All categories.
    pub const ALL: [Category; 7] = [
        Self::Lead,
        Self::Committee,
        Self::Work,
        Self::General,
        Self::Branch,
        Self::Graduate,
        Self::Holding,
    ];

    /// The Chinese name.
    pub fn label(self) -> &'static str {
        &Rules::builtin().tree.category(self).name
    }
}

/// The tables of tree.toml.
#[derive(Debug, Deserialize)]
pub struct Tree {
    /// Most levels of the tree.
    pub depth_limit: usize,
    names: NameLimits,
    #[serde(rename = "category")]
    categories: Vec<CategoryRow>,
    #[serde(rename = "post")]
    posts: Vec<PostRow>,
    #[serde(rename = "term")]
    terms: Vec<TermRow>,
    #[serde(rename = "extension")]
    extensions: Vec<Extension>,
    /// Industries in picker order.
    #[serde(rename = "industry")]
    pub industries: Vec<IndustryRow>,
    /// The 38 direct children of the centre.
    #[serde(rename = "province")]
    pub provinces: Vec<ProvinceRow>,
}

#[derive(Debug, Deserialize)]
struct NameLimits {
    short_max: usize,
    full_max: usize,
    refused: Vec<String>,
    /// What is written short and what is meant.
    abbreviations: Vec<(String, String)>,
}

/// One category.
#[derive(Debug, Deserialize)]
pub struct CategoryRow {
    /// Which.
    pub code: Category,
    /// Chinese name.
    pub name: String,
    /// Other words in files.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// True when members belong to it directly.
    pub owns_members: bool,
    /// Most administrators (row 28).
    pub admin_seats: u32,
    /// Who may stand directly below.
    pub children: Vec<Category>,
    /// False: made by the system only.
    pub creatable: bool,
    /// Usual endings of the name; others are pointed out.
    #[serde(default)]
    pub endings: Vec<String>,
}

/// One post (团内职务).
#[derive(Debug, Deserialize)]
pub struct PostRow {
    /// In which categories it exists.
    pub categories: Vec<Category>,
    /// The stored code.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// Synonyms.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// True for 书记.
    #[serde(default)]
    pub is_secretary: bool,
    /// Most holders in one organisation.
    pub max: Option<u32>,
    /// False: ended by operators; what names it already keeps it, nothing new may.
    #[serde(default = "super::lists::yes")]
    pub listed: bool,
    /// When the row counts.
    #[serde(flatten)]
    pub validity: Validity,
}

/// How long a committee sits (任期).
#[derive(Debug, Deserialize)]
pub struct TermRow {
    /// For which categories.
    pub categories: Vec<Category>,
    /// Only in schools, or only outside; absent for both.
    pub school: Option<bool>,
    /// Years at most.
    pub years: i64,
    /// Years at least, where that is another number.
    pub least: Option<i64>,
    /// When the row counts.
    #[serde(flatten)]
    pub validity: Validity,
}

/// By how much an election may be put off.
#[derive(Debug, Deserialize)]
struct Extension {
    categories: Vec<Category>,
    months: i64,
    #[serde(flatten)]
    validity: Validity,
}

/// One industry of the two-level list (单位所属行业类别).
#[derive(Debug, Deserialize)]
pub struct IndustryRow {
    /// The stored code.
    pub code: String,
    /// First level.
    pub level1: String,
    /// Second level.
    pub level2: String,
    /// Synonyms of the second level.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Sector tab of the statistics (row 159).
    pub sector: String,
    /// One of the six groups of the national communiqué.
    pub communique_group: String,
    /// True in the school sector.
    pub is_school: bool,
    /// True when its branches are marked with a graduation time (row 121).
    pub graduation_markable: bool,
    /// False: ended by operators; what names it already keeps it, nothing new may.
    #[serde(default = "super::lists::yes")]
    pub listed: bool,
    /// When the row counts.
    #[serde(flatten)]
    pub validity: Validity,
}

/// One direct child of the centre.
#[derive(Debug, Deserialize)]
pub struct ProvinceRow {
    /// GB/T 2260 code, or ours where there is none.
    pub code: String,
    /// Short name in the system.
    pub short_name: String,
    /// Full name.
    pub full_name: String,
    /// The area or system alone.
    pub area: String,
    /// Name before a merger.
    pub former_name: Option<String>,
    /// Code of the row that it was merged into.
    pub merged_into: Option<String>,
    /// True when it runs its own system (conflict 27).
    #[serde(default)]
    pub regional_system: bool,
    /// When the row counts.
    #[serde(flatten)]
    pub validity: Validity,
}

impl Tree {
    /// Most characters of a full name.
    pub fn full_name_max(&self) -> usize {
        self.names.full_max
    }
    /// The row of a category.
    pub fn category(&self, category: Category) -> &CategoryRow {
        self.categories
            .iter()
            .find(|row| row.code == category)
            .expect("a test reads a row for every category")
    }

    /// True when `child` may stand directly below `parent`. What the system makes of a branch
    /// (rows 50, 123) stands wherever branches do.
    pub fn can_contain(&self, parent: Category, child: Category) -> bool {
        let child = match child {
            Category::Graduate | Category::Holding => Category::Branch,
            other => other,
        };
        self.category(parent).children.contains(&child)
    }

    /// The category that a word in a file means; automatic ones cannot be asked for.
    pub fn find_category(&self, raw: &str) -> Option<Category> {
        let word = key(raw);
        let named = |row: &&CategoryRow| {
            key(&row.name) == word
                || row.aliases.iter().any(|alias| key(alias) == word)
                || row.code.code().eq_ignore_ascii_case(&word)
        };
        self.categories.iter().filter(|row| row.creatable).find(named).map(|row| row.code)
    }

    /// The posts of that category, in picker order.
    pub fn posts_of(&self, category: Category) -> impl Iterator<Item = &PostRow> {
        self.posts.iter().filter(move |row| row.listed && row.categories.contains(&category))
    }

    /// The post that a word means in that category: by name, synonym or code.
    pub fn find_post(&self, category: Category, raw: &str) -> Option<&PostRow> {
        let word = key(raw);
        self.posts_of(category).find(|row| {
            key(&row.name) == word
                || row.code == word
                || row.aliases.iter().any(|alias| key(alias) == word)
        })
    }

    /// By how many months the superior may put an election off, at most; 0: not at all.
    pub fn extension_months(&self, category: Category, day: jiff::civil::Date) -> i64 {
        let fits =
            |row: &&Extension| row.categories.contains(&category) && row.validity.covers(day);
        self.extensions.iter().find(fits).map_or(0, |row| row.months)
    }

    /// How long a committee of that category sits (row 62).
    pub fn term_of(
        &self,
        category: Category,
        school: bool,
        day: jiff::civil::Date,
    ) -> Option<&TermRow> {
        let fits = |row: &&TermRow| {
            row.categories.contains(&category)
                && row.school.is_none_or(|only| only == school)
                && row.validity.covers(day)
        };
        self.terms.iter().find(fits)
    }

    /// How many years a committee of that category sits at most (row 62).
    pub fn term_years(
        &self,
        category: Category,
        school: bool,
        day: jiff::civil::Date,
    ) -> Option<i64> {
        self.term_of(category, school, day).map(|row| row.years)
    }

    /// Every length of a term that occurs, in years.
    pub fn term_lengths(&self) -> std::collections::BTreeSet<i64> {
        self.terms.iter().map(|row| row.years).collect()
    }

    /// The industry that a word means: code, second level, synonym, or `first/second`.
    pub fn find_industry(&self, raw: &str) -> Option<&IndustryRow> {
        let word = key(raw);
        self.industries.iter().find(|row| {
            let second = key(&row.level2);
            row.code == word
                || second == word
                || row.aliases.iter().any(|alias| key(alias) == word)
                || ["/", "-", ""]
                    .iter()
                    .any(|gap| format!("{}{gap}{second}", key(&row.level1)) == word)
        })
    }

    /// The industry with that stored code.
    pub fn industry(&self, code: &str) -> Option<&IndustryRow> {
        self.industries.iter().find(|row| row.code == code)
    }

    /// The direct child of the centre with that code.
    pub fn province(&self, code: &str) -> Option<&ProvinceRow> {
        self.provinces.iter().find(|row| row.code == code)
    }
}

/// Judges the names of an organisation (C1, rows 59, 64, 65); `full` may still be empty.
/// Problem codes: `required`, `org_name_length`, `org_name_invisible`, `org_name_not_league`;
/// as warnings `org_name_brackets`, `org_name_ending` and the advice of row 64.
pub fn judge_org_name(short: &str, full: &str, category: Category, rules: &Rules) -> Vec<Problem> {
    let names = &rules.tree.names;
    let mut found = Vec::new();
    if compact(short).is_empty() {
        found.push(Problem::required(Column::OrgShortName));
    }
    judge_one_name(short, Column::OrgShortName, names.short_max, rules, &mut found);
    judge_one_name(full, Column::OrgFullName, names.full_max, rules, &mut found);
    let endings = &rules.tree.category(category).endings;
    let short = compact(short);
    if !short.is_empty()
        && !endings.is_empty()
        && !endings.iter().any(|e| short.ends_with(e.as_str()))
    {
        let message =
            format!("{}的名称一般以“{}”结尾,请核对类别和名称。", category.label(), endings[0]);
        found.push(Problem::warn(Column::OrgShortName, "org_name_ending", message));
    }
    if category == Category::Branch {
        found.extend(branch_name_advice(&short, rules));
    }
    found
}

/// Row 64: a branch's name is written out, year, programme, class.
fn branch_name_advice(short: &str, rules: &Rules) -> Option<Problem> {
    let advice = |code, message: String| Some(Problem::warn(Column::OrgShortName, code, message));
    if matches!(short, "团支部" | "支部" | "第一团支部") {
        let says = "建议写全:年级+专业+班级+团支部,例如“2022级软件工程1班团支部”,便于查找和转接。";
        return advice("org_name_plain_branch", says.into());
    }
    let written = |(abbreviation, _): &&(String, String)| stands_alone(short, abbreviation);
    if let Some((short, full)) = rules.tree.names.abbreviations.iter().find(written) {
        let says = format!("建议把“{short}”写全,例如“{full}”:别的学校、单位的人也要看得懂。");
        return advice("org_name_abbreviated", says);
    }
    let is_class = short
        .char_indices()
        .any(|(at, sign)| sign == '班' && short[..at].chars().next_back().is_some_and(is_number));
    if is_class && !rules.graduation.says_when(short) {
        let says =
            "班级团支部的名称建议写明年级,例如“2022级软件工程1班团支部”:明年还会有同名的班。";
        return advice("org_name_no_year", says.into());
    }
    None
}

fn is_number(sign: char) -> bool {
    sign.is_ascii_digit() || "一二三四五六七八九十)".contains(sign)
}

/// Whether an abbreviation is a word of its own in a name: `2022级软工1班`, but not `会计科学`.
fn stands_alone(name: &str, word: &str) -> bool {
    name.match_indices(word).any(|(at, _)| {
        let before = name[..at].chars().next_back();
        let after = name[at + word.len()..].chars().next();
        before.is_none_or(|sign| sign.is_ascii_digit() || "级届".contains(sign))
            && after.is_none_or(|sign| is_number(sign) || "班团专本(".contains(sign))
    })
}

fn judge_one_name(raw: &str, column: Column, max: usize, rules: &Rules, found: &mut Vec<Problem>) {
    let label = column.label();
    let text = compact(raw);
    if raw.trim().chars().any(invisible) {
        let message = format!("{label}里有看不见的字符,请删去后重新输入。");
        found.push(Problem::fix(column, "org_name_invisible", message));
    }
    if text.chars().count() > max {
        let message = format!("{label}最多 {max} 个字,现在 {} 个字,请缩短。", text.chars().count());
        found.push(Problem::fix(column, "org_name_length", message));
    }
    if let Some(word) = rules.tree.names.refused.iter().find(|word| is_no_league(&text, word)) {
        let message =
            format!("“{word}”不是团组织,不能录入;请填写真实成立的团委、团工委、团总支或团支部。");
        found.push(Problem::fix(column, "org_name_not_league", message));
    }
    if column == Column::OrgFullName && text.contains(['(', ')']) {
        let message = "组织全称里有括号,请核对是否与批复一致。";
        found.push(Problem::warn(column, "org_name_brackets", message));
    }
}

/// Whether a name is that of a body that is none of the League: it contains such a word and does not
/// go on to say which League organisation of it is meant (青年部团支部 is one).
fn is_no_league(name: &str, word: &str) -> bool {
    const ENDINGS: [&str; 7] = ["团支部", "团总支", "团工委", "团委", "支部委员会", "支部", "总支"];
    let ours = name.starts_with("中国共产主义青年团") || ENDINGS.iter().any(|e| name.ends_with(e));
    name.ends_with(word) || (name.contains(word) && !ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn tree() -> &'static Tree {
        &Rules::builtin().tree
    }

    #[test]
    fn every_category_has_a_row_and_at_least_one_post() {
        for category in Category::ALL {
            assert_eq!(tree().category(category).code, category);
            assert_eq!(Category::from_code(category.code()), Some(category));
            let posts = tree().posts_of(category).count();
            assert_eq!(posts == 0, category == Category::Holding, "{category:?}");
        }
    }

    #[test]
    fn the_adjacency_follows_the_charter() {
        assert!(tree().can_contain(Category::Lead, Category::Branch));
        assert!(tree().can_contain(Category::Committee, Category::Committee));
        assert!(tree().can_contain(Category::General, Category::Branch));
        assert!(!tree().can_contain(Category::General, Category::Committee));
        assert!(!tree().can_contain(Category::Committee, Category::Lead));
        assert!(!tree().can_contain(Category::Branch, Category::Branch));
        assert!(tree().can_contain(Category::General, Category::Graduate));
        assert!(!tree().can_contain(Category::Branch, Category::Holding));
        assert_eq!(tree().category(Category::Lead).admin_seats, 2);
        assert_eq!(tree().category(Category::Branch).admin_seats, 3);
    }

    #[test]
    fn student_branches_elect_every_year_and_holding_branches_never() {
        let on = jiff::civil::date(2026, 11, 26);
        let years = |category, school| tree().term_years(category, school, on);
        assert_eq!(years(Category::Branch, true), Some(1));
        assert_eq!(years(Category::Branch, false), Some(3));
        assert_eq!(years(Category::Committee, true), Some(5));
        assert_eq!(years(Category::Work, false), Some(5));
        assert_eq!(years(Category::General, false), Some(3));
        let before = jiff::civil::date(2025, 1, 2);
        assert_eq!(tree().term_years(Category::Committee, true, before), Some(3));
        let least = |category, school| tree().term_of(category, school, on).and_then(|t| t.least);
        assert_eq!(least(Category::Committee, true), Some(3));
        assert_eq!(
            (least(Category::Branch, false), least(Category::Branch, true)),
            (Some(2), None)
        );
        let months = |category| tree().extension_months(category, on);
        assert_eq!((months(Category::Branch), months(Category::Committee)), (6, 12));
        assert_eq!(years(Category::Lead, false), Some(5));
        assert_eq!(years(Category::Holding, false), None);
    }

    #[test]
    fn codes_are_unique_and_mergers_point_to_rows() {
        let provinces: HashSet<_> = tree().provinces.iter().map(|row| &row.code).collect();
        assert_eq!(provinces.len(), 38);
        for row in &tree().provinces {
            assert!(row.merged_into.as_ref().is_none_or(|code| provinces.contains(code)));
        }
        let industries: HashSet<_> = tree().industries.iter().map(|row| &row.code).collect();
        assert_eq!(industries.len(), tree().industries.len());
        let sectors: HashSet<_> = tree().industries.iter().map(|row| &row.sector).collect();
        assert_eq!(sectors.len(), 8);
        let groups: HashSet<_> =
            tree().industries.iter().map(|row| &row.communique_group).collect();
        assert_eq!(groups.len(), 6);
    }

    #[test]
    fn primary_schools_are_schools_that_are_not_marked() {
        let row = tree().find_industry("小学").expect("exists");
        assert!(row.is_school && !row.graduation_markable);
        assert_eq!(tree().find_industry("学校/初中").expect("exists").code, "school_junior");
        assert!(tree().find_industry("月球").is_none());
    }

    #[test]
    fn categories_in_files_are_found_but_automatic_ones_are_not() {
        assert_eq!(tree().find_category(" 团支部 "), Some(Category::Branch));
        assert_eq!(tree().find_category("基层团委"), Some(Category::Committee));
        assert_eq!(tree().find_category("毕业生团组织"), None);
    }

    #[test]
    fn organisation_names_are_judged() {
        let codes = |short: &str, full: &str, category| -> Vec<&str> {
            judge_org_name(short, full, category, Rules::builtin()).iter().map(|p| p.code).collect()
        };
        assert!(codes("2022级软件工程1班团支部", "", Category::Branch).is_empty());
        assert_eq!(codes("2022级软工1班团支部", "", Category::Branch), ["org_name_abbreviated"]);
        assert_eq!(codes("软工三班团支部", "", Category::Branch), ["org_name_abbreviated"]);
        assert!(codes("2022级会计科学1班团支部", "", Category::Branch).is_empty());
        assert_eq!(codes("会计3班团支部", "", Category::Branch), ["org_name_no_year"]);
        assert!(codes("高一(1)班团支部", "", Category::Branch).is_empty());
        assert!(codes("检修班团支部", "", Category::Branch).is_empty(), "a shift, not a class");
        assert_eq!(codes("", "", Category::Branch), ["required"]);
        assert_eq!(codes("团支部", "", Category::Branch), ["org_name_plain_branch"]);
        assert_eq!(codes("某公司青工委", "", Category::Work), ["org_name_not_league"]);
        assert!(codes("某公司青年部团支部", "", Category::Branch).is_empty());
        assert!(codes("某公司青年部", "", Category::Branch).contains(&"org_name_not_league"));
        assert_eq!(
            codes(&format!("{}团委", "长".repeat(24)), "", Category::Committee),
            ["org_name_length"]
        );
        assert_eq!(codes("某校团支部", "", Category::Committee), ["org_name_ending"]);
        assert_eq!(
            codes("某校团委", "某校(东区)委员会", Category::Committee),
            ["org_name_brackets"]
        );
    }
}
