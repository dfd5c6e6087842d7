//! One person with membership and posts, read for a page that may show her (A17). Sealed columns
//! are opened here and nowhere else in the room; what is opened stays inside masking types.

use super::{PersonId, sql};
use crate::{
    Action, Cx, Error, House, OrgRef, Result,
    clock::Millis,
    keys::{Keys, Place},
    pii::{IdNumber, Mobile, Sex},
    rules::{Column, Rules, lists},
};
use std::{collections::BTreeMap, fmt};
use zeroize::Zeroize;

pub(super) const ID_COLUMN: &str = "person.id_ct";
pub(super) const MOBILE_COLUMN: &str = "person.mobile_ct";
pub(super) const CONTACT_COLUMN: &str = "person.contact_ct";
pub(super) const ID_INDEX: &str = "person.id";
pub(super) const MOBILE_INDEX: &str = "person.mobile";

/// 身份校验 (row 144).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Unchecked,
    Passed,
    Failed,
    Offline,
}
impl Check {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Unchecked, Self::Passed, Self::Failed, Self::Offline];
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Offline => "offline",
        }
    }
    /// As stored, read back.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.code() == code)
    }
    /// The word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unchecked => "未校验",
            Self::Passed => "已通过",
            Self::Failed => "未通过",
            Self::Offline => "线下通过",
        }
    }
    /// What it means, in a sentence (rows 145-149).
    pub fn says(self) -> &'static str {
        match self {
            Self::Unchecked => "尚未与公安登记信息比对,不影响使用和统计,不用办理。",
            Self::Passed => "姓名、证件号与公安登记信息一致。",
            Self::Failed => {
                "姓名、证件号与公安登记信息不一致,也可能是登记信息更新滞后;不影响使用。\
                 姓名或证件号确有错误的,请逐级报告领导机关更正。"
            }
            Self::Offline => "已由组织线下核对通过。",
        }
    }
}

/// The contact columns that are sealed together as one text.
pub const CONTACT: [Column; 7] = [
    Column::Weibo,
    Column::Qq,
    Column::Email,
    Column::Wechat,
    Column::EmergencyName,
    Column::EmergencyPhone,
    Column::Address,
];

/// Contact values by column. Never prints itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contact(BTreeMap<Column, String>);
impl Contact {
    /// The value of a column in full. Only for sealing and for pages of those who handle the person.
    pub fn reveal(&self, column: Column) -> Option<&str> {
        self.0.get(&column).map(String::as_str)
    }
    /// Whether there is a value.
    pub fn has(&self, column: Column) -> bool {
        self.0.contains_key(&column)
    }
    /// Puts a value in, or takes it out.
    pub fn set(&mut self, column: Column, value: Option<String>) {
        match value.filter(|v| !v.is_empty()) {
            Some(value) => self.0.insert(column, value),
            None => self.0.remove(&column),
        };
    }
    /// First and last character with stars between: enough to recognise one's own entry.
    pub fn masked(&self, column: Column) -> Option<String> {
        self.reveal(column).map(mask)
    }
    fn text(&self) -> Option<String> {
        let by_key: BTreeMap<&str, &String> = self.0.iter().map(|(c, v)| (c.key(), v)).collect();
        (!by_key.is_empty()).then(|| serde_json::json!(by_key).to_string())
    }
    pub(super) fn read(text: &str) -> Self {
        let by_key: BTreeMap<String, String> = serde_json::from_str(text).unwrap_or_default();
        Self(by_key.into_iter().filter_map(|(k, v)| Some((Column::from_key(&k)?, v))).collect())
    }
}
impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contact({} values)", self.0.len())
    }
}
impl Drop for Contact {
    fn drop(&mut self) {
        self.0.values_mut().for_each(Zeroize::zeroize);
    }
}

/// `张***店`; one or two characters become stars altogether.
pub(super) fn mask(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.next_back()) {
        (Some(first), Some(last)) if text.chars().count() > 2 => format!("{first}***{last}"),
        _ => "***".into(),
    }
}

/// 团员: the branch and what belongs to the membership.
#[derive(Clone, Debug)]
pub struct Membership {
    pub org: OrgRef,
    /// 入团年月; `None` while it is not known.
    pub joined: Option<String>,
    /// 发展团员编号.
    pub dev_number: Option<String>,
    /// 转接中.
    pub moving: bool,
    /// When she came to this branch.
    pub entered_at: Millis,
    /// The import that brought her.
    pub import_id: Option<i64>,
    pub version: i64,
    /// 毕业标记.
    pub graduation: Option<super::list::Graduation>,
}

/// 任职: a post in an organisation, present or past.
#[derive(Clone, Debug)]
pub struct Post {
    pub id: i64,
    pub org: OrgRef,
    pub post: String,
    /// 任现职年月.
    pub since: Option<String>,
    pub nature: Option<String>,
    pub in_party_committee: Option<bool>,
    pub started_at: Millis,
    pub ended_at: Option<Millis>,
    /// Whether she is an administrator there.
    pub admin: bool,
}

/// A person. Debug shows masked values only.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: PersonId,
    /// The public code.
    pub code: String,
    pub name: String,
    pub id_number: IdNumber,
    pub sex: Sex,
    /// `YYYY-MM`.
    pub birth_ym: String,
    pub mobile: Option<Mobile>,
    pub contact: Contact,
    /// GB/T 3304 code.
    pub ethnic: Option<String>,
    /// GB/T 4762 code.
    pub political: Option<String>,
    /// GB/T 4658 code.
    pub education: Option<String>,
    pub check: Check,
    /// What 未完善 lacks (row 151).
    pub missing: Vec<Column>,
    pub version: i64,
    pub created_at: Millis,
    pub membership: Option<Membership>,
    /// Present posts first.
    pub posts: Vec<Post>,
}
impl Person {
    /// The value of a column as pages show it: personal data masked, codes as words.
    pub fn shown(&self, column: Column) -> Option<String> {
        let codes = &Rules::builtin().codes;
        let word = |rows: &[lists::CodeRow], code: &Option<String>| {
            let code = code.as_deref()?;
            Some(lists::name_of(rows, code).unwrap_or(code).to_owned())
        };
        match column {
            Column::Name => Some(self.name.clone()),
            Column::IdNumber => Some(self.id_number.masked()),
            Column::Mobile => self.mobile.as_ref().map(Mobile::masked),
            Column::Ethnic => word(&codes.ethnic, &self.ethnic),
            Column::Political => word(&codes.political, &self.political),
            Column::Education => word(&codes.education, &self.education),
            Column::Joined => self.membership.as_ref().and_then(|m| m.joined.clone()),
            Column::DevNumber => self.membership.as_ref().and_then(|m| m.dev_number.clone()),
            other => self.contact.masked(other),
        }
    }
    /// The value of a column in full, as an editing form holds it; codes as words. `None` for what
    /// no form edits.
    pub fn in_full(&self, column: Column) -> Option<String> {
        match column {
            Column::Mobile => self.mobile.as_ref().map(|m| m.reveal().to_owned()),
            Column::IdNumber => None,
            other => match self.contact.reveal(other) {
                Some(value) => Some(value.to_owned()),
                None if CONTACT.contains(&other) => None,
                None => self.shown(other),
            },
        }
    }
    /// Whether a column has a value.
    pub fn has(&self, column: Column) -> bool {
        self.shown(column).is_some()
    }
    /// The posts that she holds now.
    pub fn present_posts(&self) -> impl Iterator<Item = &Post> {
        self.posts.iter().filter(|p| p.ended_at.is_none())
    }
    /// Whether everything that is asked of her is filled (row 151).
    pub fn complete(&self) -> bool {
        self.missing.is_empty()
    }
    /// The organisation that answers for her: her branch, else where she holds a post.
    pub fn home(&self) -> Option<&OrgRef> {
        let branch = self.membership.as_ref().map(|m| &m.org);
        branch.or_else(|| self.present_posts().next().map(|p| &p.org))
    }
}

/// An event of a person's record (tab 记录).
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Millis,
    pub actor: String,
    pub kind: String,
    /// The event's details as JSON; personal data only masked.
    pub detail: String,
}

/// The person with this code, if she stands in the subtree that the visitor sees.
pub async fn card(cx: &mut Cx, code: &str) -> Result<Person> {
    let scope = cx.scope(Action::SeeMembers)?;
    let person = by_code(cx, code).await?;
    let branch = person.membership.as_ref().map(|m| m.org.path.as_str());
    let posts = person.present_posts().map(|p| p.org.path.as_str());
    if branch.into_iter().chain(posts).any(|path| scope.holds(path)) {
        Ok(person)
    } else {
        Err(Error::NotFound)
    }
}

/// What was done with the person, newest first, as far as the visitor sees where it was done.
pub async fn record_of(cx: &mut Cx, person: &Person) -> Result<Vec<Entry>> {
    let scope = cx.scope(Action::SeeMembers)?;
    sql::person::events(cx, person.id, &scope).await
}

/// The person with this code, whoever asks.
pub(super) async fn by_code(cx: &mut Cx, code: &str) -> Result<Person> {
    let id = sql::person::id_of(cx, code).await?.ok_or(Error::NotFound)?;
    read(cx, id).await
}

/// The person with this id, whoever asks: for rooms that have decided already that it may be seen.
pub async fn read(cx: &mut Cx, id: PersonId) -> Result<Person> {
    let row = sql::person::read(cx, id).await?.ok_or(Error::NotFound)?;
    let posts = sql::person::posts(cx, id).await?;
    open(cx.house(), row, posts)
}

/// The e-mail addresses of those of these people who have given one.
pub(crate) async fn emails(
    cx: &mut Cx,
    ids: &[PersonId],
) -> Result<std::collections::HashMap<i64, zeroize::Zeroizing<String>>> {
    let house = cx.house().clone();
    let mut found = std::collections::HashMap::new();
    for piece in ids.chunks(1000) {
        let rows = piece.iter().map(|id| vec![(*id).into()]).collect();
        for (id, sealed) in sql::person::contacts(cx, rows).await? {
            let contact = Contact::read(&unseal(house.keys(), CONTACT_COLUMN, id, &sealed)?);
            if let Some(address) = contact.reveal(Column::Email) {
                found.insert(id, zeroize::Zeroizing::new(address.to_owned()));
            }
        }
    }
    Ok(found)
}

pub(super) fn open(house: &House, row: sql::person::Stored, posts: Vec<Post>) -> Result<Person> {
    let keys = house.keys();
    let id_number = unseal(keys, ID_COLUMN, row.id, &row.id_ct)?;
    let id_number = IdNumber::from_stored(&id_number)
        .ok_or_else(|| Error::Broken("a stored ID number is not in order".into()))?;
    let mobile = match &row.mobile_ct {
        Some(sealed) => Mobile::from_stored(&unseal(keys, MOBILE_COLUMN, row.id, sealed)?),
        None => None,
    };
    let contact = match &row.contact_ct {
        Some(sealed) => Contact::read(&unseal(keys, CONTACT_COLUMN, row.id, sealed)?),
        None => Contact::default(),
    };
    Ok(Person {
        id: PersonId(row.id),
        membership: row.membership(),
        code: row.code,
        name: row.name,
        id_number,
        sex: sex_from(&row.sex),
        birth_ym: row.birth_ym,
        mobile,
        contact,
        ethnic: row.ethnic,
        political: row.political,
        education: row.education,
        check: Check::from_code(&row.check_state).unwrap_or(Check::Unchecked),
        missing: columns_from(&row.missing),
        version: row.version,
        created_at: row.created_at,
        posts,
    })
}

pub(super) fn unseal(
    keys: &Keys,
    column: &'static str,
    row: i64,
    sealed: &[u8],
) -> Result<zeroize::Zeroizing<String>> {
    keys.unseal(Place { column, row }, sealed).map_err(|e| Error::Broken(format!("{column}: {e}")))
}

/// A mobile number sealed for its row, and its blind index.
pub(super) fn seal_mobile(house: &House, row: i64, mobile: &Mobile) -> (Vec<u8>, Vec<u8>) {
    let place = Place { column: MOBILE_COLUMN, row };
    let sealed = house.keys().seal(place, mobile.reveal(), house.chance_source());
    (sealed, house.keys().index(MOBILE_INDEX, mobile.reveal()).0)
}

/// The contact values sealed for their row.
pub(super) fn seal_contact(house: &House, row: i64, contact: &Contact) -> Option<Vec<u8>> {
    let text = zeroize::Zeroizing::new(contact.text()?);
    Some(house.keys().seal(Place { column: CONTACT_COLUMN, row }, &text, house.chance_source()))
}

pub(super) fn sex_code(sex: Sex) -> &'static str {
    match sex {
        Sex::Male => "male",
        Sex::Female => "female",
    }
}

pub(super) fn sex_from(code: &str) -> Sex {
    if code == "male" { Sex::Male } else { Sex::Female }
}

pub(super) fn columns_text(columns: &[Column]) -> String {
    columns.iter().map(|c| c.key()).collect::<Vec<_>>().join(",")
}

pub(super) fn columns_from(text: &str) -> Vec<Column> {
    text.split(',').filter_map(Column::from_key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contact_values_survive_their_text_and_never_print() {
        let mut contact = Contact::default();
        contact.set(Column::Email, Some("li@example.test".into()));
        contact.set(Column::Qq, Some(String::new()));
        let again = Contact::read(&contact.text().unwrap());
        assert_eq!(again, contact);
        assert_eq!(again.reveal(Column::Email), Some("li@example.test"));
        assert!(!again.has(Column::Qq));
        assert!(!format!("{again:?}").contains("example"));
    }

    #[test]
    fn masks_keep_the_ends_only() {
        assert_eq!(mask("合肥市屯溪路193号"), "合***号");
        assert_eq!(mask("李雷"), "***");
    }
}
