//! Judging a whole person as typed on the form, in an import row or through the API: the same
//! function for all three. Whether the ID number or the development number is taken is asked of
//! the database afterwards (see the constructors of [`Problem`]).

use std::fmt;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::age::{self, Excepted, Standing};
use super::completeness::{Facts, missing_of_person};
use super::tree::{Category, PostRow};
use super::{
    Clean, Column, Needed, Problem, Rules, SheetKind, YearMonth, dev_number, fields, id_number,
    month,
};
use crate::pii::{IdNumber, Mobile, Pii, Sex};

/// What somebody typed, or what stood in a cell. Debug shows only whether it is empty; the text
/// itself may be an ID number and must be sealed when it is stored.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RawCell {
    /// The text as typed; dates of date cells as `YYYY-MM-DD`.
    #[serde(default)]
    pub text: String,
    /// True when the cell held a number.
    #[serde(default)]
    pub was_number: bool,
}

impl RawCell {
    /// A cell or form field that held text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), was_number: false }
    }

    /// A cell that held a number, written out.
    pub fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), was_number: true }
    }
}

impl fmt::Debug for RawCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "empty" } else { "***" })
    }
}

macro_rules! draft {
    ($($field:ident = $column:ident,)+) => {
        /// A person as typed, field by field. Contains personal data in the clear: seal it when stored.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(default)]
        pub struct Draft {
            $(#[doc = concat!("Column `", stringify!($field), "`.")] pub $field: RawCell,)+
        }

        impl Draft {
            /// The cell of a column; `None` for columns of organisations.
            pub fn get(&self, column: Column) -> Option<&RawCell> {
                match column {
                    $(Column::$column => Some(&self.$field),)+
                    _ => None,
                }
            }

            /// Puts a cell into its column; `false` for columns of organisations.
            pub fn set(&mut self, column: Column, cell: RawCell) -> bool {
                match column {
                    $(Column::$column => self.$field = cell,)+
                    _ => return false,
                }
                true
            }
        }
    };
}

draft! {
    name = Name,
    id_number = IdNumber,
    ethnic = Ethnic,
    political = Political,
    education = Education,
    joined = Joined,
    dev_number = DevNumber,
    mobile = Mobile,
    weibo = Weibo,
    qq = Qq,
    email = Email,
    is_cadre = IsCadre,
    post = Post,
    post_since = PostSince,
    post_nature = PostNature,
    in_party_committee = InPartyCommittee,
    wechat = Wechat,
    emergency_name = EmergencyName,
    emergency_phone = EmergencyPhone,
    address = Address,
    sex = Sex,
    birth = Birth,
}

/// The code of a value that is not asked of cadres and not stored (decision 26).
pub const NOT_ASKED: &str = "not_of_cadres";

/// Where the person is to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Category of the organisation: decides the posts.
    pub category: Category,
    /// Province code of the organisation: decides age and number rules.
    pub region: String,
    /// Members' sheet of a branch or cadres' sheet of a non-branch organisation.
    pub sheet: SheetKind,
    /// For whom a rule of age does not count there (row 133).
    pub exceptions: Vec<Excepted>,
}

/// A judged person, normalised and typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewPerson {
    /// Name.
    pub name: String,
    /// ID number.
    pub id_number: IdNumber,
    /// Sex, from the ID number.
    pub sex: Sex,
    /// Birth date, from the ID number.
    pub birth: Date,
    /// GB/T 3304 code.
    pub ethnic: Option<String>,
    /// GB/T 4762 code.
    pub political: Option<String>,
    /// GB/T 4658 code.
    pub education: Option<String>,
    /// Month of admission, `YYYY-MM`.
    pub joined: Option<String>,
    /// Development number.
    pub dev_number: Option<String>,
    /// Mobile number.
    pub mobile: Option<Mobile>,
    /// 微博.
    pub weibo: Option<Pii<String>>,
    /// QQ number.
    pub qq: Option<Pii<String>>,
    /// E-mail address.
    pub email: Option<Pii<String>>,
    /// 微信.
    pub wechat: Option<Pii<String>>,
    /// Emergency contact: name.
    pub emergency_name: Option<Pii<String>>,
    /// Emergency contact: phone.
    pub emergency_phone: Option<Pii<String>>,
    /// Postal address.
    pub address: Option<Pii<String>>,
    /// The post held in this organisation.
    pub post: Option<PostDraft>,
    /// What is missing for a complete profile (row 151); empty = complete.
    pub missing: Vec<Column>,
    /// Contact values in which this one counts for somebody who is known with another (decision 27).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub take: Vec<Column>,
    /// The exception under which she comes in (row 133).
    #[serde(skip)]
    pub exception: Option<i64>,
}

/// A post to be given in the organisation where the person is entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostDraft {
    /// Code of the post in tree.toml.
    pub code: String,
    /// True for 书记.
    pub is_secretary: bool,
    /// In this post since, `YYYY-MM`.
    pub since: Option<String>,
    /// Code of 专职, 兼职, 挂职.
    pub nature: Option<String>,
    /// Whether a member of the Party committee of the same level.
    pub in_party_committee: Option<bool>,
}

/// The verdict about one draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The person; `None` when a problem forbids the entry.
    pub person: Option<NewPerson>,
    /// Everything that was found, in column order.
    pub problems: Vec<Problem>,
    /// What was tidied automatically.
    pub notes: Vec<String>,
    /// Code of the post that is claimed, also when something else forbids the entry.
    pub claims: Option<String>,
}

impl Judged {
    /// True when nothing forbids the entry.
    pub fn importable(&self) -> bool {
        self.person.is_some()
    }
}

/// Judges a draft for a place on a day. Never panics, never stops at the first problem.
pub fn judge(draft: &Draft, place: &Place, today: Date, rules: &Rules) -> Judged {
    let mut desk = Desk {
        draft,
        place,
        today,
        rules,
        problems: vec![],
        notes: vec![],
        claims: None,
        exception: None,
    };
    let person = desk.person();
    let Desk { mut problems, notes, claims, .. } = desk;
    problems.sort_by_key(|problem| problem.column);
    let person = person.filter(|_| !problems.iter().any(Problem::forbids));
    Judged { person, problems, notes, claims }
}

/// The desk at which one draft is read: collects findings on the way.
struct Desk<'a> {
    draft: &'a Draft,
    place: &'a Place,
    today: Date,
    rules: &'a Rules,
    problems: Vec<Problem>,
    notes: Vec<String>,
    claims: Option<String>,
    exception: Option<i64>,
}

impl<'a> Desk<'a> {
    fn person(&mut self) -> Option<NewPerson> {
        let (draft, rules, today) = (self.draft, self.rules, self.today);
        let name = self.tidied(fields::name(&draft.name.text, rules));
        if name.as_ref().is_some_and(|name| name.chars().count() == 1) {
            let message = "姓名只有一个字。确实如此的不用改；漏填的请补全。";
            self.problems.push(Problem::warn(Column::Name, "name_one_character", message));
        }
        let id = &draft.id_number;
        let id_number = self.tidied(id_number::read(&id.text, id.was_number, today));
        let ethnic = self.filled(Column::Ethnic, |c| fields::ethnic(&c.text, rules));
        let political = self.filled(Column::Political, |c| fields::political(&c.text, rules));
        let education = self.filled(Column::Education, |c| fields::education(&c.text, rules));
        let words =
            [(ethnic, &draft.ethnic), (political, &draft.political), (education, &draft.education)];
        self.notes.extend(words.into_iter().filter_map(|(row, cell)| row?.note(&cell.text)));
        let post = self.post();
        self.claims = post.as_ref().map(|post| post.code.clone());
        // 入团年月 is asked of members only (decision 26).
        let past = |id: &IdNumber| age::is_past_membership(id.birth(), today, rules);
        let sheet = match post.is_some() && id_number.as_ref().is_some_and(past) {
            true => SheetKind::Cadres,
            false => self.place.sheet,
        };
        let joined = match sheet {
            SheetKind::Cadres => None,
            _ => self.joined(),
        };
        let mobile =
            self.filled(Column::Mobile, |c| fields::mobile(&c.text, Column::Mobile, rules));
        let mobile = mobile.map(|clean| self.keep(clean));
        let political = political.map(|row| row.code.clone());
        let dev_number = match sheet {
            SheetKind::Cadres => {
                self.not_asked();
                None
            }
            _ => self.dev_number(joined),
        };
        if let Some(id_number) = &id_number {
            self.mixed_up(id_number);
            let who = (id_number, name.as_deref().unwrap_or_default());
            self.ages(who, joined, political.as_deref(), post.is_some());
        }
        self.membership(political.as_deref(), post.is_some());
        let draft_facts = Facts {
            sheet,
            political: political.as_deref(),
            joined,
            region: &self.place.region,
            today,
        };
        let blank = |column: Column| self.cell_blank(column);
        let missing = missing_of_person(&draft_facts, |column| !blank(column), rules);
        self.report_missing(&missing, political.as_deref());
        // Read before the first `?`: every column is judged even when the name is wrong.
        let weibo = self.contact(Column::Weibo, |c| fields::line(&c.text, Column::Weibo, 60));
        let qq = self.contact(Column::Qq, |c| fields::qq(&c.text));
        let email = self.contact(Column::Email, |c| fields::email(&c.text));
        let wechat = self.contact(Column::Wechat, |c| fields::line(&c.text, Column::Wechat, 40));
        let emergency = self.emergency();
        let address =
            self.contact(Column::Address, |c| fields::line(&c.text, Column::Address, 120));
        Some(NewPerson {
            sex: id_number.as_ref()?.sex(),
            birth: id_number.as_ref()?.birth(),
            name: name?,
            id_number: id_number?,
            ethnic: ethnic.map(|row| row.code.clone()),
            political,
            education: education.map(|row| row.code.clone()),
            joined: joined.map(|ym| ym.to_string()),
            dev_number,
            mobile,
            weibo,
            qq,
            email,
            wechat,
            emergency_name: emergency.0,
            emergency_phone: emergency.1,
            address,
            post,
            missing,
            take: vec![],
            exception: self.exception,
        })
    }

    /// Name and phone of the emergency contact.
    fn emergency(&mut self) -> (Option<Pii<String>>, Option<Pii<String>>) {
        let (name, phone) = (Column::EmergencyName, Column::EmergencyPhone);
        let rules = self.rules;
        (
            self.contact(name, |c| fields::line(&c.text, name, 50)),
            self.contact(phone, |c| fields::phone(&c.text, phone, rules)),
        )
    }

    /// Only members of the League, and Party members who keep the membership, are members of a
    /// branch; anybody else is there as a cadre. Only pointed out: the status may be outdated.
    fn membership(&mut self, political: Option<&str>, cadre: bool) {
        let outside = political.is_some_and(|code| !matches!(code, "01" | "02" | "03"));
        if outside && !cadre && self.place.sheet == SheetKind::Members {
            let message = "政治面貌不是共青团员或中共党员,又没有团内职务;请核对这个人是否团员。";
            self.problems.push(Problem::warn(Column::Political, "not_a_member", message));
        }
    }

    /// 性别 and 出生日期 of a file are compared and never stored: when they are another's, the row's
    /// name and number may have slipped against each other.
    fn mixed_up(&mut self, id: &IdNumber) {
        let (sex, birth) = (&self.draft.sex, &self.draft.birth);
        let mut wrong = Vec::new();
        let said = fields::sex(&sex.text);
        if said.is_some_and(|said| said != id.sex()) {
            wrong.push(Column::Sex.label());
        }
        let day = month::day(&birth.text, birth.was_number, Column::Birth);
        let month = month::parse(&birth.text, birth.was_number, Column::Birth).ok();
        let another = match day {
            Some(day) => day != id.birth(),
            None => month.is_some_and(|month| Some(month) != YearMonth::of(id.birth())),
        };
        if another {
            wrong.push(Column::Birth.label());
        }
        if wrong.is_empty() {
            return;
        }
        let message = format!(
            "表里的{}与证件号不符，是否串行（只排序了一部分列）？请核对这一行的姓名、证件号和其他内容是不是同一个人的。",
            wrong.join("和")
        );
        self.problems.push(Problem::warn(Column::IdNumber, "row_mixed_up", message));
        self.notes.push("性别或出生日期与证件号不符，请核对是否串行".to_owned());
    }

    fn joined(&mut self) -> Option<YearMonth> {
        let joined =
            self.filled(Column::Joined, |c| month::parse(&c.text, c.was_number, Column::Joined))?;
        if YearMonth::of(self.today).is_some_and(|now| joined > now) {
            let message = format!("入团时间 {joined} 在今天之后,请核对。");
            self.problems.push(Problem::fix(Column::Joined, "joined_in_future", message));
            return None;
        }
        if joined.to_string() != self.draft.joined.text.trim() {
            self.notes.push("入团年月统一写法".to_owned());
        }
        Some(joined)
    }

    /// What is typed about the admission of a cadre is not stored, and that is said.
    fn not_asked(&mut self) {
        for column in [Column::Joined, Column::DevNumber] {
            if !self.cell_blank(column) {
                let message =
                    format!("{}只登记团员的，此人按团干部录入，这一项不会保存。", column.label());
                self.problems.push(Problem::warn(column, NOT_ASKED, message));
            }
        }
    }

    fn dev_number(&mut self, joined: Option<YearMonth>) -> Option<String> {
        let raw = &self.draft.dev_number.text;
        let month_told = self.problems.iter().any(|p| p.column == Column::Joined);
        if joined.is_none() && !month_told && !self.cell_blank(Column::DevNumber) {
            // Without a month no row can judge the number, and it must not be dropped silently.
            self.problems.push(Problem::required(Column::Joined));
        }
        let judged = dev_number::judge(raw, joined?, &self.place.region, self.today, self.rules);
        let number = self.take(judged).flatten();
        if number.as_ref().is_some_and(|number| number != raw.trim()) {
            self.notes.push("发展团员编号去掉空格、“No.”等".to_owned());
        }
        number
    }

    fn ages(
        &mut self,
        who: (&IdNumber, &str),
        joined: Option<YearMonth>,
        political: Option<&str>,
        cadre: bool,
    ) {
        let birth = who.0.birth();
        let standing = match political {
            _ if cadre || self.place.sheet == SheetKind::Cadres => Standing::Cadre,
            Some("01" | "02") => Standing::Party,
            _ => Standing::Member,
        };
        let now = age::at_entry(birth, standing, self.today, self.rules);
        self.unless_excepted(who, now);
        if let Some(joined) = joined {
            let region = &self.place.region;
            let then = age::at_joining(birth, joined, region, self.today, self.rules);
            self.unless_excepted(who, then);
        }
    }

    /// Reports what is against it, unless the centre has agreed to an exception for this very person.
    fn unless_excepted(&mut self, who: (&IdNumber, &str), judged: Result<(), Problem>) {
        let Err(problem) = judged else { return };
        let Some(found) = age::excuse(&self.place.exceptions, who, &problem, self.rules) else {
            return self.problems.push(problem);
        };
        self.exception = Some(found.id);
        let message = "年龄不够，团中央已作为特殊情况批准，可以录入。";
        self.problems.push(Problem::warn(problem.column, "excepted", message));
    }

    /// The post, and whether it agrees with 是否团干部.
    fn post(&mut self) -> Option<PostDraft> {
        let rules = self.rules;
        let says_cadre = match self.place.sheet {
            SheetKind::Cadres => Some(true),
            _ => self.filled_word(Column::IsCadre),
        };
        let category = self.place.category;
        let read = fields::post(&self.draft.post.text, category, rules);
        let read = match read {
            // Nobody said that she is a cadre: the class's post is no reason to keep her out.
            Err(told) if told.code == "post_of_class" && says_cadre != Some(true) => {
                self.problems.push(Problem { severity: super::Severity::Warn, ..told });
                Ok(None)
            }
            read => read,
        };
        let row = self.take(read)?;
        match (says_cadre, row) {
            (Some(true), None) => {
                let message = "是团干部,请填写“现任团内职务”;没有职务的,“是否团干部”填“否”。";
                self.problems.push(Problem::fix(Column::Post, "post_required", message));
                None
            }
            (Some(false), Some(_)) => {
                let message = "“是否团干部”填了“否”,却有团内职务,请改正其中一项。";
                self.problems.push(Problem::fix(Column::IsCadre, "post_contradicts", message));
                None
            }
            (None, Some(row)) => {
                self.notes.push("有团内职务,按团干部录入".to_owned());
                Some(self.post_details(row))
            }
            (Some(true), Some(row)) => Some(self.post_details(row)),
            (_, None) => None,
        }
    }

    fn post_details(&mut self, row: &PostRow) -> PostDraft {
        let rules = self.rules;
        let since = self
            .filled(Column::PostSince, |c| month::parse(&c.text, c.was_number, Column::PostSince));
        if since.zip(YearMonth::of(self.today)).is_some_and(|(since, now)| since > now) {
            let message = "任现职年月在今天之后,请核对。";
            self.problems.push(Problem::fix(Column::PostSince, "post_since_in_future", message));
        }
        let nature = self.filled(Column::PostNature, |c| fields::post_nature(&c.text, rules));
        PostDraft {
            code: row.code.clone(),
            is_secretary: row.is_secretary,
            since: since.map(|ym| ym.to_string()),
            nature: nature.map(|row| row.code.clone()),
            in_party_committee: self.filled_word(Column::InPartyCommittee),
        }
    }

    fn filled_word(&mut self, column: Column) -> Option<bool> {
        let cell = self.draft.get(column)?;
        if cell.text.trim().is_empty() {
            return None;
        }
        let read = fields::yes_no(&cell.text, column, self.rules);
        self.take(read)
    }

    fn report_missing(&mut self, missing: &[Column], political: Option<&str>) {
        for &column in missing {
            let told = self.problems.iter().any(|p| p.column == column);
            match self.rules.columns.needed(column, self.place.sheet, political) {
                _ if told => {}
                Needed::Entry => self.problems.push(Problem::required(column)),
                _ => self.problems.push(Problem::later(column)),
            }
        }
    }

    fn contact(
        &mut self,
        column: Column,
        read: impl FnOnce(&RawCell) -> Result<String, Problem>,
    ) -> Option<Pii<String>> {
        self.filled(column, read).map(Pii::new)
    }

    /// Reads a cell unless it is blank.
    fn filled<T>(
        &mut self,
        column: Column,
        read: impl FnOnce(&'a RawCell) -> Result<T, Problem>,
    ) -> Option<T> {
        if self.cell_blank(column) {
            return None;
        }
        let judged = read(self.draft.get(column)?);
        self.take(judged)
    }

    fn cell_blank(&self, column: Column) -> bool {
        self.draft.get(column).is_none_or(|cell| self.rules.codes.is_blank(&cell.text))
    }

    fn tidied<T>(&mut self, judged: Result<Clean<T>, Problem>) -> Option<T> {
        let clean = self.take(judged)?;
        Some(self.keep(clean))
    }

    fn keep<T>(&mut self, clean: Clean<T>) -> T {
        self.notes.extend(clean.notes);
        clean.value
    }

    fn take<T>(&mut self, judged: Result<T, Problem>) -> Option<T> {
        judged.map_err(|problem| self.problems.push(problem)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Severity;
    use jiff::civil::date;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    const TODAY: Date = date(2026, 11, 21);

    fn place() -> Place {
        Place {
            category: Category::Branch,
            region: "34".into(),
            sheet: SheetKind::Members,
            exceptions: vec![],
        }
    }

    /// A member born on 2005-03-14 who joined in May 2019.
    fn good() -> Draft {
        let mut draft = Draft::default();
        for (column, text) in [
            (Column::Name, "张三"),
            (Column::IdNumber, "440106200503140016"),
            (Column::Ethnic, "汉"),
            (Column::Political, "团员"),
            (Column::Education, "本科"),
            (Column::Joined, "2019-05"),
            (Column::DevNumber, "201934000123"),
            (Column::Mobile, "13812346021"),
        ] {
            assert!(draft.set(column, RawCell::text(text)));
        }
        draft
    }

    fn with(column: Column, text: &str) -> Draft {
        let mut draft = good();
        draft.set(column, RawCell::text(text));
        draft
    }

    fn judged(draft: &Draft) -> Judged {
        judge(draft, &place(), TODAY, Rules::builtin())
    }

    fn codes(draft: &Draft) -> Vec<(Column, &'static str)> {
        judged(draft).problems.iter().map(|p| (p.column, p.code)).collect()
    }

    #[test]
    fn a_good_row_becomes_a_complete_typed_person_without_any_problem() {
        let Judged { person, problems, notes, .. } = judged(&good());
        assert_eq!((problems.len(), notes.len()), (0, 0), "{problems:?} {notes:?}");
        let person = person.expect("importable");
        assert_eq!(person.birth, date(2005, 3, 14));
        assert_eq!(person.ethnic.as_deref(), Some("01"));
        assert_eq!(person.political.as_deref(), Some("03"));
        assert_eq!(person.education.as_deref(), Some("20"));
        assert_eq!(person.joined.as_deref(), Some("2019-05"));
        assert_eq!(person.mobile.map(|m| m.reveal().to_owned()).as_deref(), Some("13812346021"));
        assert!(person.missing.is_empty() && person.post.is_none());
    }

    #[test]
    fn values_that_may_come_later_are_warnings_and_make_the_person_incomplete() {
        let draft = with(Column::Mobile, "无");
        assert_eq!(codes(&draft), [(Column::Mobile, "missing_later")]);
        let judged = judged(&draft);
        assert_eq!(judged.problems[0].severity, Severity::Warn);
        assert_eq!(judged.person.expect("still importable").missing, [Column::Mobile]);
    }

    #[test]
    fn what_is_needed_for_entry_is_asked_for_by_name() {
        assert_eq!(codes(&with(Column::Name, "")), [(Column::Name, "required")]);
        assert_eq!(codes(&with(Column::Joined, "")), [(Column::Joined, "required")]);
        assert_eq!(judged(&with(Column::Joined, "")).problems[0].message, "请填写“入团年月”。");
        assert_eq!(
            codes(&with(Column::DevNumber, "")),
            [(Column::DevNumber, "dev_number_required")]
        );
        assert!(judged(&with(Column::Name, "")).person.is_none());
    }

    #[test]
    fn malformed_values_forbid_the_entry_even_in_optional_columns() {
        assert_eq!(codes(&with(Column::Mobile, "123")), [(Column::Mobile, "mobile_malformed")]);
        assert_eq!(codes(&with(Column::Qq, "12")), [(Column::Qq, "qq_malformed")]);
        assert!(judged(&with(Column::Qq, "12")).person.is_none());
        assert_eq!(
            codes(&with(Column::Joined, "2030-01")),
            [(Column::Joined, "joined_in_future"),]
        );
    }

    #[test]
    fn too_young_at_admission_is_found_and_several_problems_are_told_at_once() {
        let mut draft = with(Column::Joined, "2018-02");
        draft.set(Column::DevNumber, RawCell::text("201834000123"));
        assert_eq!(codes(&draft), [(Column::Joined, "too_young_at_joining")]);
        draft.set(Column::Mobile, RawCell::text("1"));
        draft.set(Column::Ethnic, RawCell::text("?"));
        assert_eq!(codes(&draft).len(), 3);
    }

    #[test]
    fn a_wrong_name_does_not_hide_a_wrong_contact() {
        let mut draft = with(Column::Name, "");
        draft.set(Column::Qq, RawCell::text("12"));
        assert_eq!(codes(&draft), [(Column::Name, "required"), (Column::Qq, "qq_malformed")]);
    }

    #[test]
    fn a_number_without_a_month_and_a_member_who_is_none_are_pointed_out() {
        let mut draft = with(Column::Political, "群众");
        draft.set(Column::Joined, RawCell::default());
        let expected = [(Column::Political, "not_a_member"), (Column::Joined, "required")];
        assert_eq!(codes(&draft), expected);
    }

    #[test]
    fn sex_and_birth_of_another_person_are_pointed_out_and_never_stored() {
        // The number says: female, 2005-03-14 (its 17th digit is even or odd).
        let male = judged(&good()).person.expect("importable").sex == crate::pii::Sex::Male;
        let (own, other) = if male { ("男", "女") } else { ("女", "男") };
        for (column, right) in [
            (Column::Sex, own),
            (Column::Sex, ""),
            (Column::Sex, "?"),
            (Column::Birth, "2005-03-14"),
            (Column::Birth, "2005年3月"),
            (Column::Birth, "20050314"),
            (Column::Birth, "2005.3.14"),
            (Column::Birth, "不详"),
        ] {
            assert_eq!(codes(&with(column, right)), [], "{right}");
        }
        for (column, wrong) in [
            (Column::Sex, other),
            (Column::Birth, "2005-03-15"),
            (Column::Birth, "2005年4月"),
            (Column::Birth, "2004-03-14"),
        ] {
            let draft = with(column, wrong);
            assert_eq!(codes(&draft), [(Column::IdNumber, "row_mixed_up")], "{wrong}");
            let judged = judged(&draft);
            assert!(judged.importable(), "{wrong}");
            assert!(judged.problems[0].message.contains("是否串行"));
        }
        let mut draft = good();
        draft.set(Column::Birth, RawCell::number("38425"));
        assert_eq!(codes(&draft), []);
    }

    #[test]
    fn a_name_of_one_character_is_taken_with_a_hint() {
        let draft = with(Column::Name, "璟");
        assert_eq!(codes(&draft), [(Column::Name, "name_one_character")]);
        assert!(judged(&draft).importable());
    }

    #[test]
    fn a_post_of_the_class_keeps_nobody_out_who_is_not_called_a_cadre() {
        let mut draft = with(Column::Post, "班长");
        assert_eq!(codes(&draft), [(Column::Post, "post_of_class")]);
        assert!(judged(&draft).person.expect("importable").post.is_none());
        draft.set(Column::IsCadre, RawCell::text("√"));
        assert_eq!(judged(&draft).problems.iter().filter(|p| p.forbids()).count(), 1);
    }

    #[test]
    fn words_that_mean_something_in_the_opinion_of_most_are_told() {
        let judged = judged(&with(Column::Political, "入党积极分子"));
        assert_eq!(judged.person.expect("importable").political.as_deref(), Some("03"));
        assert_eq!(judged.notes, ["“入党积极分子”按“共青团员”读取"]);
    }

    #[test]
    fn posts_and_the_cadre_column_must_agree() {
        let mut draft = with(Column::Post, "团支书");
        draft.set(Column::IsCadre, RawCell::text("是"));
        draft.set(Column::PostSince, RawCell::text("2024年9月"));
        draft.set(Column::PostNature, RawCell::text("兼职"));
        let post = judged(&draft).person.expect("importable").post.expect("a post");
        assert_eq!((post.code.as_str(), post.is_secretary), ("secretary", true));
        assert_eq!(post.since.as_deref(), Some("2024-09"));
        draft.set(Column::IsCadre, RawCell::text("否"));
        assert_eq!(codes(&draft), [(Column::IsCadre, "post_contradicts")]);
        assert_eq!(codes(&with(Column::IsCadre, "是")), [(Column::Post, "post_required")]);
    }

    #[test]
    fn a_cadre_of_a_committee_may_be_older_and_needs_no_admission_month() {
        let mut draft = Draft::default();
        draft.set(Column::Name, RawCell::text("李四"));
        draft.set(Column::IdNumber, RawCell::text("11010519491231002x"));
        draft.set(Column::Political, RawCell::text("党员"));
        draft.set(Column::Post, RawCell::text("书记"));
        let place = Place { category: Category::Committee, sheet: SheetKind::Cadres, ..place() };
        let judged = judge(&draft, &place, TODAY, Rules::builtin());
        assert!(judged.importable(), "{:?}", judged.problems);
        assert_eq!(judged.notes, ["证件号 x→X"]);
        let member = Place { sheet: SheetKind::Members, ..place };
        draft.set(Column::Post, RawCell::default());
        let codes: Vec<_> = judge(&draft, &member, TODAY, Rules::builtin())
            .problems
            .iter()
            .map(|p| p.code)
            .collect();
        assert!(codes.contains(&"too_old_now"), "{codes:?}");
    }

    #[test]
    fn neither_debug_nor_json_of_a_judged_person_shows_personal_data() {
        let mut draft = good();
        draft.set(Column::Qq, RawCell::text("7654321"));
        let judged = judged(&draft);
        let json = serde_json::to_string(&judged).expect("serialises");
        let text = format!("{judged:?}{draft:?}{json}");
        for secret in ["20050314", "13812346021", "7654321"] {
            // The birth date is its own field; the number that contains it must not show.
            assert!(!text.contains(secret), "{secret} leaked");
        }
    }

    #[test]
    fn what_is_not_asked_of_a_cadre_is_said_and_never_dropped_in_silence() {
        let place = Place { category: Category::Committee, sheet: SheetKind::Cadres, ..place() };
        let mut draft = with(Column::Post, "副书记");
        let told = |draft: &Draft| {
            let judged = judge(draft, &place, TODAY, Rules::builtin());
            let codes = judged.problems.iter().filter(|p| p.code == NOT_ASKED);
            let columns: Vec<Column> = codes.map(|p| p.column).collect();
            (judged.person.map(|p| (p.joined, p.dev_number)), columns)
        };
        let nothing = Some((None, None));
        assert_eq!(told(&draft), (nothing.clone(), vec![Column::Joined, Column::DevNumber]));
        draft.set(Column::Joined, RawCell::text("not a month"));
        assert_eq!(told(&draft), (nothing.clone(), vec![Column::Joined, Column::DevNumber]));
        draft.set(Column::Joined, RawCell::default());
        draft.set(Column::DevNumber, RawCell::default());
        assert_eq!(told(&draft), (nothing, vec![]));
    }

    proptest! {
        #[test]
        fn judging_any_row_never_panics_and_a_person_means_no_fix(
            texts in proptest::collection::vec(any::<String>(), 20), numbers in any::<bool>(), cadres in any::<bool>(),
        ) {
            let mut draft = good();
            for (text, &column) in texts.into_iter().zip(Column::ALL) {
                if text.len() % 3 != 0 {
                    draft.set(column, RawCell { text, was_number: numbers });
                }
            }
            let sheet = if cadres { SheetKind::Cadres } else { SheetKind::Members };
            let judged = judge(&draft, &Place { sheet, ..place() }, TODAY, Rules::builtin());
            prop_assert_eq!(judged.person.is_some(), !judged.problems.iter().any(Problem::forbids));
        }
    }
}
