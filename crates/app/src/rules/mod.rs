//! The rules room: every rule that may change is a row in `crates/app/rules/*.toml` (decision 3),
//! and pure functions decide with them. The form, the import row and the API ask the same
//! functions. No database and no clock in here: today's date is always an argument.
//! Any room may call it.

use std::sync::{
    LazyLock, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod age;
pub mod changes;
pub mod columns;
pub mod completeness;
pub mod dev_number;
pub mod fields;
pub mod graduation;
pub mod id_number;
pub mod lists;
pub mod month;
pub mod person;
pub mod policy;
pub mod rows;
pub mod seats;
mod text;
pub mod transfer;
pub mod tree;

pub use columns::{Column, Needed, SheetKind};
pub use month::YearMonth;
pub(crate) use text::half_width;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Has to be corrected before the person can be entered.
    Fix,
    /// Entered all the same; may be supplied later.
    Warn,
}

/// One finding about one cell or field. The message never repeats an ID number or a phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Where it is.
    pub column: Column,
    /// Stable code for programs, for example `id_checksum`.
    pub code: &'static str,
    /// What happened, why, what to do now; in Chinese.
    pub message: String,
    /// Whether it forbids the entry.
    pub severity: Severity,
}

impl Problem {
    /// A finding that forbids the entry.
    pub fn fix(column: Column, code: &'static str, message: impl Into<String>) -> Self {
        Self { column, code, message: message.into(), severity: Severity::Fix }
    }

    /// A finding that is only pointed out.
    pub fn warn(column: Column, code: &'static str, message: impl Into<String>) -> Self {
        Self { column, code, message: message.into(), severity: Severity::Warn }
    }

    /// E10: a value without which nobody is entered.
    pub fn required(column: Column) -> Self {
        Self::fix(column, "required", format!("请填写“{}”。", column.label()))
    }

    /// A value that may be supplied later; until then the person is 未完善 (row 151).
    pub fn later(column: Column) -> Self {
        let label = column.label();
        let message = format!("没有填写“{label}”,可以先录入,以后可补;补齐前资料为“未完善”。");
        Self::warn(column, "missing_later", message)
    }

    /// E15: the same ID number stands in an earlier row of the same file.
    pub fn duplicate_in_file(row: u32) -> Self {
        let message = format!("与第 {row} 行证件号相同,请删除其中一行。");
        Self::fix(Column::IdNumber, "id_duplicate_in_file", message)
    }

    /// E03a: the ID number is in the system, in another branch (which one is not told).
    pub fn already_elsewhere() -> Self {
        let message = "该证件号已在系统中(不在本支部),不能重复录入。\
                       姓名与证件号一致时可以办理转入,由原支部审批。";
        Self::fix(Column::IdNumber, "id_elsewhere", message)
    }

    /// The ID number is already in this very branch: harmless (message 4 of domain f).
    pub fn already_here() -> Self {
        let message = "这个人已在本支部,不用再次录入;如要更改资料,请到团员列表编辑。";
        Self::fix(Column::IdNumber, "id_here", message)
    }

    /// Whoever is registered elsewhere can't be told from whoever is not until tomorrow: the day's
    /// answers about people of other organisations are used up (security a-2).
    pub fn not_told_today(per_day: i64) -> Self {
        let message = format!(
            "今天已告诉你 {per_day} 位“已在其他组织”的人。为保护个人信息,这一行明天才能核对:明天打开这份草稿按“重新校验”即可,不用重新上传。其他行现在就可以导入;急着办的,也可以请本人联系原支部转过来。"
        );
        Self::fix(Column::IdNumber, "id_not_told_today", message)
    }

    /// Whoever holds a post here already keeps it; the row's is not given.
    pub fn post_kept(held: &str) -> Self {
        let message =
            format!("此人已任本组织的{held},导入时职务不变;要改职务请到“团干部管理”办理。");
        Self::warn(Column::Post, "post_kept", message)
    }

    /// E08: the development number belongs to somebody else (rows 136, 142).
    pub fn dev_number_taken() -> Self {
        let message =
            "这个发展团员编号已被使用。请核对入团志愿书上的编号;确认无误的,请上级协助联系对方。";
        Self::fix(Column::DevNumber, "dev_number_taken", message)
    }

    /// True when the entry is forbidden.
    pub fn forbids(&self) -> bool {
        self.severity == Severity::Fix
    }
}

/// A value that was read from what somebody typed, and the clean-ups that were made on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clean<T> {
    /// The normalised value.
    pub value: T,
    /// What was tidied without asking, as short Chinese phrases.
    pub notes: Vec<String>,
}

/// All rule tables, read once from the files in the repository.
#[derive(Debug)]
pub struct Rules {
    /// Columns of sheets and forms.
    pub columns: columns::Columns,
    /// Public code lists and how fields are written.
    pub codes: lists::Codes,
    /// Age rows.
    pub age: age::Ages,
    /// Development number rows and ranges.
    pub dev_number: dev_number::DevNumbers,
    /// Categories, posts, industries, provinces, names.
    pub tree: tree::Tree,
    /// Transfer reasons, steps and limits.
    pub transfer: transfer::Transfers,
    /// Policy figures.
    pub policy: policy::Policy,
    /// Graduation of school branches.
    pub graduation: graduation::Graduation,
    /// The changes of rows that are laid over the files ([`rows`]).
    pub(crate) rows: Vec<(String, String)>,
}

/// The rule files as they stand in the repository: (file name, text). Shown to the operator.
pub const SOURCES: [(&str, &str); 8] = [
    ("columns.toml", include_str!("../../rules/columns.toml")),
    ("codes.toml", include_str!("../../rules/codes.toml")),
    ("age.toml", include_str!("../../rules/age.toml")),
    ("dev_number.toml", include_str!("../../rules/dev_number.toml")),
    ("tree.toml", include_str!("../../rules/tree.toml")),
    ("transfer.toml", include_str!("../../rules/transfer.toml")),
    ("policy.toml", include_str!("../../rules/policy.toml")),
    ("graduation.toml", include_str!("../../rules/graduation.toml")),
];

static BUILTIN: LazyLock<Rules> = LazyLock::new(|| {
    let sources = SOURCES.map(|(_, text)| text);
    Rules::from_sources(sources).expect("the embedded rule files are read by the tests")
});

static CHANGED: AtomicBool = AtomicBool::new(false);
static IN_FORCE: RwLock<Option<(&'static Rules, String)>> = RwLock::new(None);

impl Rules {
    /// The rules in force: those that the program was built with, with the figures that two
    /// operators have changed since (decision 17).
    pub fn builtin() -> &'static Rules {
        if !CHANGED.load(Ordering::Acquire) {
            return &BUILTIN;
        }
        let in_force = IN_FORCE.read().unwrap_or_else(PoisonError::into_inner);
        in_force.as_ref().map_or(&BUILTIN, |(rules, _)| rules)
    }

    /// Puts other rules in force, for the whole program at once. They are kept for ever, because
    /// whoever reads rules may keep them; a few kilobytes for each change that operators make.
    pub(crate) fn put_in_force(rules: Rules, mark: String) {
        let rules: &'static Rules = Box::leak(Box::new(rules));
        *IN_FORCE.write().unwrap_or_else(PoisonError::into_inner) = Some((rules, mark));
        CHANGED.store(true, Ordering::Release);
    }

    /// What the rules in force were made from; empty for those of the repository.
    pub(crate) fn mark() -> String {
        let in_force = IN_FORCE.read().unwrap_or_else(PoisonError::into_inner);
        in_force.as_ref().map(|(_, mark)| mark.clone()).unwrap_or_default()
    }

    /// What people write before a value of that column: its titles, and words of their own.
    pub(crate) fn labels(&self, column: Column) -> impl Iterator<Item = &str> {
        let row = self.columns.row(column);
        let own = self.codes.labels.get(&column).into_iter().flatten();
        own.chain(&row.aliases).chain([&row.header]).map(String::as_str)
    }

    /// Reads rules from the texts in the order of [`SOURCES`]; an error names file and line.
    pub fn from_sources(texts: [&str; 8]) -> Result<Rules, String> {
        let [columns, codes, age, dev_number, tree, transfer, policy, graduation] = texts;
        Ok(Rules {
            columns: columns::Columns::read(columns)?,
            codes: read_toml("codes.toml", codes)?,
            age: read_toml("age.toml", age)?,
            dev_number: read_toml("dev_number.toml", dev_number)?,
            tree: read_toml("tree.toml", tree)?,
            transfer: read_toml("transfer.toml", transfer)?,
            policy: read_toml("policy.toml", policy)?,
            graduation: read_toml("graduation.toml", graduation)?,
            rows: Vec::new(),
        })
    }
}

/// When a rule row counts, both days included; empty means without end.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Validity {
    /// First day.
    pub valid_from: Option<jiff::civil::Date>,
    /// Last day.
    pub valid_to: Option<jiff::civil::Date>,
}

impl Validity {
    /// True when the row counts on that day.
    pub fn covers(&self, day: jiff::civil::Date) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_to.is_none_or(|to| day <= to)
    }
}

fn read_toml<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| format!("{file}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_rule_file_is_read() {
        let rules = Rules::from_sources(SOURCES.map(|(_, text)| text)).expect("readable");
        assert_eq!(rules.codes.ethnic.len(), 58);
        assert_eq!(rules.codes.political.len(), 13);
        assert_eq!(rules.tree.provinces.len(), 38);
    }

    #[test]
    fn a_broken_rule_file_is_named_in_the_error() {
        let mut texts = SOURCES.map(|(_, text)| text);
        texts[2] = "min_join_age = 3";
        let error = Rules::from_sources(texts).expect_err("age.toml is broken");
        assert!(error.contains("age.toml"), "{error}");
    }

    #[test]
    fn a_row_with_dates_counts_only_between_them() {
        let row: Validity =
            toml::from_str("valid_from = \"2020-01-01\"\nvalid_to = \"2020-12-31\"")
                .expect("reads");
        let on = |y, m, d| row.covers(jiff::civil::date(y, m, d));
        assert_eq!(
            [on(2019, 12, 31), on(2020, 1, 1), on(2020, 12, 31), on(2021, 1, 1)],
            [false, true, true, false]
        );
    }
}
