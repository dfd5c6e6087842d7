//! The columns of person and organisation sheets: keys, Chinese headers, other spellings, and how
//! much each value is needed. Imports, forms and the API name fields by these keys.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Rules, read_toml, text};

macro_rules! columns {
    ($($name:ident = $key:literal,)+) => {
        /// A field of a person or an organisation, in template order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Column {
            $(#[doc = concat!("`", $key, "` in columns.toml.")] $name,)+
        }

        impl Column {
            /// All columns in template order.
            pub const ALL: &'static [Column] = &[$(Column::$name,)+];

            /// The stable key for programs, for example `id_number`.
            pub fn key(self) -> &'static str {
                match self {
                    $(Column::$name => $key,)+
                }
            }

            /// The column with that key.
            pub fn from_key(key: &str) -> Option<Column> {
                match key {
                    $($key => Some(Column::$name),)+
                    _ => None,
                }
            }
        }
    };
}

columns! {
    Name = "name",
    IdNumber = "id_number",
    Ethnic = "ethnic",
    Political = "political",
    Education = "education",
    Joined = "joined",
    DevNumber = "dev_number",
    Mobile = "mobile",
    Weibo = "weibo",
    Qq = "qq",
    Email = "email",
    IsCadre = "is_cadre",
    Post = "post",
    PostSince = "post_since",
    PostNature = "post_nature",
    InPartyCommittee = "in_party_committee",
    Wechat = "wechat",
    EmergencyName = "emergency_name",
    EmergencyPhone = "emergency_phone",
    Address = "address",
    OrgShortName = "org_short_name",
    OrgCategory = "org_category",
    OrgIndustry = "org_industry",
    OrgFullName = "org_full_name",
    OrgParent = "org_parent",
    OrgLevel = "org_level",
    Sex = "sex",
    Birth = "birth",
}

impl Column {
    /// The Chinese name of the field, as our template prints it.
    pub fn label(self) -> &'static str {
        &Rules::builtin().columns.row(self).header
    }
}

/// Which sheet (or form of the same shape) a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SheetKind {
    /// Members and branch cadres of a branch (rows 67, 68).
    Members,
    /// Cadres of a non-branch organisation, own level (row 84).
    Cadres,
    /// Direct child organisations (row 37).
    Orgs,
}

/// How much a value is needed; ordered from weak to strong.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Needed {
    /// Not part of this sheet.
    Absent,
    /// Never asked for.
    #[default]
    Optional,
    /// Without it the person counts as incomplete (row 151).
    Complete,
    /// Without it nobody is entered.
    Entry,
}

/// One row of columns.toml.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnRow {
    /// The field.
    pub key: Column,
    /// What our template prints.
    pub header: String,
    /// Other spellings.
    #[serde(default)]
    pub aliases: Vec<String>,
    #[serde(default)]
    members: Needed,
    #[serde(default)]
    cadres: Needed,
    #[serde(default = "absent")]
    orgs: Needed,
    /// Asked on the form only: the official templates do not have the column (C4).
    #[serde(default)]
    pub(super) form_only: bool,
    #[serde(default)]
    political: BTreeMap<String, Needed>,
}

/// The column table, with an index of all spellings.
#[derive(Debug)]
pub struct Columns {
    rows: Vec<ColumnRow>,
    spellings: HashMap<String, Column>,
    /// Words of titles that mean another person than the row's.
    others: Vec<String>,
    /// Words before a title that say nothing: "您的", "请填写".
    openings: Vec<String>,
}

impl Columns {
    pub(super) fn read(source: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            others: Vec<String>,
            openings: Vec<String>,
            column: Vec<ColumnRow>,
        }
        let file: File = read_toml("columns.toml", source)?;
        let keys: Vec<Column> = file.column.iter().map(|row| row.key).collect();
        if keys != Column::ALL {
            return Err("columns.toml: every column once, in template order".to_owned());
        }
        let mut spellings = HashMap::new();
        for row in &file.column {
            for spelling in row.aliases.iter().chain([&row.header]) {
                let other = spellings.insert(fold_header(spelling), row.key);
                if other.is_some_and(|other| other != row.key) {
                    return Err(format!("columns.toml: {spelling} names two columns"));
                }
            }
        }
        let File { others, openings, column } = file;
        Ok(Self { rows: column, spellings, others, openings })
    }

    /// The row of a column.
    pub fn row(&self, column: Column) -> &ColumnRow {
        // `read` has checked that the rows stand in the order of the enum.
        &self.rows[column as usize]
    }

    /// Which column a header cell means; `None` when it is unknown.
    pub fn recognise(&self, header: &str) -> Option<Column> {
        self.meaning(header).map(|(column, _)| column)
    }

    /// Which column a header cell means, and whether it is the column's own name rather than
    /// another spelling.
    pub fn meaning(&self, header: &str) -> Option<(Column, bool)> {
        let folded = fold_header(header);
        // "入团年月(如2019-05)" and "手机号码【必填】": what stands in brackets explains.
        let bare = folded.split(['(', '[', '【', '〔', '{']).next().unwrap_or("");
        let said = [folded.as_str(), bare];
        let opened = said.map(|text| self.opened(text));
        let mut tried = said.iter().copied().chain(opened.iter().map(|t| t.trim_matches(MARKS)));
        let (spelling, column) = tried
            .find_map(|spelling| self.spellings.get(spelling).map(|column| (spelling, *column)))?;
        // "联系电话(家长)" is nobody's own telephone; "紧急联系人电话" says itself whose it is.
        let of_another = |word: &&String| folded.contains(word.as_str());
        if self.others.iter().filter(of_another).any(|word| !spelling.contains(word.as_str())) {
            return None;
        }
        Some((column, spelling == fold_header(&self.row(column).header)))
    }

    /// Whether a title speaks of another person than the row's.
    pub fn is_of_another(&self, title: &str) -> bool {
        let folded = fold_header(title);
        self.others.iter().any(|word| folded.contains(word.as_str()))
    }

    /// The title without the number of the question and the words of politeness around it.
    fn opened(&self, folded: &str) -> String {
        let mut rest = without_number(folded);
        while let Some(shorter) =
            self.openings.iter().find_map(|word| rest.strip_prefix(word.as_str()))
        {
            rest = shorter.trim_start_matches(MARKS);
        }
        let rest = rest.trim_end_matches(['?', '。', ':', '_']);
        ["是什么", "是多少", "是"]
            .iter()
            .find_map(|w| rest.strip_suffix(w))
            .unwrap_or(rest)
            .to_owned()
    }

    /// The columns of our template for that sheet, in order.
    pub fn template(&self, kind: SheetKind) -> Vec<Column> {
        self.rows
            .iter()
            .filter(|row| row.needed_on(kind) > Needed::Absent && !row.form_only)
            .map(|row| row.key)
            .collect()
    }

    /// Which sheet a set of headers looks like; `None` when nothing tells.
    /// The two person templates differ in 是否团干部: only the members' sheet has it (row 70).
    pub fn guess_sheet(&self, headers: &[&str]) -> Option<SheetKind> {
        let found: Vec<Column> = headers.iter().filter_map(|h| self.recognise(h)).collect();
        let has = |column| found.contains(&column);
        // A branch's own list names the posts of its members; what only cadres are asked is not in it.
        let of_cadres = [Column::PostSince, Column::PostNature, Column::InPartyCommittee];
        let own_list = has(Column::Joined) && !of_cadres.into_iter().any(has);
        if has(Column::OrgCategory) && !has(Column::IdNumber) {
            Some(SheetKind::Orgs)
        } else if has(Column::IsCadre) {
            Some(SheetKind::Members)
        } else if has(Column::Post) && has(Column::IdNumber) && !own_list {
            Some(SheetKind::Cadres)
        } else if has(Column::Name) && has(Column::IdNumber) {
            Some(SheetKind::Members)
        } else {
            None
        }
    }

    /// How much the value is needed on that sheet from a person of that political status
    /// (GB/T 4762 code; `None` when it is not known).
    pub fn needed(&self, column: Column, kind: SheetKind, political: Option<&str>) -> Needed {
        let row = self.row(column);
        let on_sheet = row.needed_on(kind);
        let Some(code) = political.filter(|_| !row.political.is_empty()) else { return on_sheet };
        let own = row.political.get(code).or_else(|| row.political.get("other"));
        own.map_or(on_sheet, |own| on_sheet.min(*own))
    }
}

impl ColumnRow {
    fn needed_on(&self, kind: SheetKind) -> Needed {
        match kind {
            SheetKind::Members => self.members,
            SheetKind::Cadres => self.cadres,
            // The organisation sheet has nothing but its own columns.
            SheetKind::Orgs => self.orgs,
        }
    }
}

fn absent() -> Needed {
    Needed::Absent
}

/// Marks around titles that say nothing.
const MARKS: &[char] =
    &['*', ':', '#', '"', '“', '”', '※', '★', '☆', '●', '▲', '△', '·', '、', '.', '_', '-'];

fn fold_header(header: &str) -> String {
    let folded = text::key(header);
    folded.trim_matches(MARKS).to_owned()
}

/// "1、您的姓名", "(2)姓名", "q3.姓名", "第4题姓名", "五、姓名" without the number.
fn without_number(title: &str) -> &str {
    let digit = |c: char| c.is_ascii_digit() || "一二三四五六七八九十".contains(c);
    let open = title.strip_prefix(['(', '[', 'q']).unwrap_or(title);
    let open = open.strip_prefix('第').unwrap_or(open);
    let rest = open.trim_start_matches(digit);
    if rest.len() == open.len() {
        return title;
    }
    let rest = rest.strip_prefix('题').unwrap_or(rest);
    let after = rest.trim_start_matches([')', ']', '.', '、', ':', ',', ' ', '-', '_']);
    // A digit that belongs to the word stays: "1班".
    if after.len() == rest.len() && !title.contains('题') { title } else { after }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> &'static Columns {
        &Rules::builtin().columns
    }

    #[test]
    fn headers_are_recognised_in_many_spellings() {
        for header in
            ["身份证号码", "身份证号", " *证件号码 ", "公民身份号码", "身份证号码(必填)", "证件号:"]
        {
            assert_eq!(columns().recognise(header), Some(Column::IdNumber), "{header}");
        }
        assert_eq!(columns().recognise("QQ号码"), Some(Column::Qq));
        assert_eq!(columns().recognise("是否同级党委(支部)成员"), Some(Column::InPartyCommittee));
        for header in [
            "1、您的姓名:",
            "1. 请填写您的姓名",
            "(2)姓名",
            "Q1：姓名？",
            "第3题 姓名（必填）",
            "您的姓名是",
            "*姓\u{200B}名\n",
        ] {
            assert_eq!(columns().recognise(header), Some(Column::Name), "{header}");
        }
        assert_eq!(columns().recognise("学生身份证号"), Some(Column::IdNumber));
        assert_eq!(columns().recognise("备注"), None);
        assert_eq!(columns().recognise(""), None);
    }

    #[test]
    fn titles_that_mean_another_person_are_none_of_the_members() {
        for header in [
            "联系电话(家长)",
            "家长电话",
            "监护人身份证号",
            "父亲姓名",
            "母亲 手机号码",
            "手机号（紧急）",
            "入团介绍人姓名",
            "班主任姓名",
        ] {
            assert_eq!(columns().recognise(header), None, "{header}");
            assert!(columns().is_of_another(header), "{header}");
        }
        assert_eq!(columns().recognise("紧急联系人电话"), Some(Column::EmergencyPhone));
        assert_eq!(columns().recognise("紧急联系人（姓名）"), Some(Column::EmergencyName));
        assert_eq!(columns().meaning("手机号码（必填）"), Some((Column::Mobile, true)));
        assert_eq!(columns().meaning("联系电话"), Some((Column::Mobile, false)));
    }

    #[test]
    fn every_column_is_recognised_by_its_own_header_and_key() {
        for &column in Column::ALL {
            assert_eq!(columns().recognise(column.label()), Some(column));
            assert_eq!(Column::from_key(column.key()), Some(column));
            let json = serde_json::to_string(&column).expect("serialises");
            assert_eq!(json, format!("\"{}\"", column.key()));
        }
    }

    #[test]
    fn the_two_person_templates_are_told_apart() {
        let headers = |kind| columns().template(kind).into_iter().map(Column::label);
        let members: Vec<_> = headers(SheetKind::Members).collect();
        let cadres: Vec<_> = headers(SheetKind::Cadres).collect();
        let orgs: Vec<_> = headers(SheetKind::Orgs).collect();
        assert_eq!(members.len(), 16);
        assert_eq!(columns().guess_sheet(&members), Some(SheetKind::Members));
        assert_eq!(columns().guess_sheet(&cadres), Some(SheetKind::Cadres));
        assert_eq!(columns().guess_sheet(&orgs), Some(SheetKind::Orgs));
        assert_eq!(columns().guess_sheet(&["日期", "金额"]), None);
    }

    #[test]
    fn the_admission_month_is_needed_from_league_members_only() {
        let need = |code| columns().needed(Column::Joined, SheetKind::Members, code);
        assert_eq!(need(Some("03")), Needed::Entry);
        assert_eq!(need(None), Needed::Entry);
        assert_eq!(need(Some("01")), Needed::Complete);
        assert_eq!(need(Some("13")), Needed::Optional);
        let cadre = columns().needed(Column::Joined, SheetKind::Cadres, Some("03"));
        assert_eq!(cadre, Needed::Optional);
    }
}
