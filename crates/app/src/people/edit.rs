//! Changing a person: which field by whom is data (domain (b) 9), each change is guarded by the
//! version that the form was made from, completeness follows.

use super::{Person, counts, person, sql};
use crate::{
    Action, Cx, Error, FieldError, Permit, Result, clock,
    error::Difference,
    events::Event,
    exceptions,
    rules::{
        Column, Problem, Rules, SheetKind, YearMonth, completeness, dev_number, fields, month,
    },
};
use serde_json::json;
use std::collections::BTreeMap;

/// Who edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Editor {
    /// The person herself.
    Own,
    /// An administrator of her branch or of its direct superior.
    Admin,
}

/// One line of the field policy.
pub struct Field {
    pub column: Column,
    pub own: bool,
    pub admin: bool,
}

const fn field(column: Column, own: bool, admin: bool) -> Field {
    Field { column, own, admin }
}

/// Who may edit which field (domain (b) 9). Name, ID number, sex and birth date: nobody.
pub const POLICY: [Field; 15] = [
    field(Column::Name, false, false),
    field(Column::IdNumber, false, false),
    field(Column::Joined, false, true),
    field(Column::DevNumber, true, true),
    field(Column::Ethnic, true, true),
    field(Column::Political, false, true),
    field(Column::Education, true, true),
    field(Column::Mobile, true, true),
    field(Column::Email, true, true),
    field(Column::Qq, true, true),
    field(Column::Wechat, true, true),
    field(Column::Weibo, true, true),
    field(Column::EmergencyName, true, true),
    field(Column::EmergencyPhone, true, true),
    field(Column::Address, true, true),
];

/// The columns that somebody may edit of this person, in the order of the form.
pub fn editable(person: &Person, editor: Editor) -> Vec<Column> {
    let of_member = |c: Column| matches!(c, Column::Joined | Column::DevNumber);
    POLICY
        .iter()
        .filter(|f| if editor == Editor::Own { f.own } else { f.admin })
        .map(|f| f.column)
        .filter(|c| person.membership.is_some() || !of_member(*c))
        .collect()
}

/// What a form sent: the version it was made from, and the text of each field it had. Fields that
/// are not among [`editable`] are refused; fields that are absent stay as they are.
#[derive(Clone, Default)]
pub struct Changes {
    pub version: i64,
    pub fields: BTreeMap<Column, String>,
}
impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns: Vec<&str> = self.fields.keys().map(|c| c.key()).collect();
        write!(f, "Changes(version {}, {columns:?})", self.version)
    }
}

/// An administrator edits somebody.
pub async fn edit(cx: &mut Cx, code: &str, changes: &Changes) -> Result<()> {
    let person = person::card(cx, code).await?;
    let home = person.home().cloned().ok_or(Error::NotFound)?;
    let permit = cx.permit(Action::EditMember, &home)?;
    apply(cx, permit, person, changes, Editor::Admin).await
}

/// Carries the changes out: judges every field, stores, follows up completeness, records.
pub(super) async fn apply(
    cx: &mut Cx,
    permit: Permit,
    before: Person,
    changes: &Changes,
    editor: Editor,
) -> Result<()> {
    let mut after = before.clone();
    let allowed = editable(&before, editor);
    let mut wrong = Vec::new();
    for (column, text) in &changes.fields {
        if !allowed.contains(column) {
            wrong.push(FieldError::new(column.key(), "not_editable", "这一项不能在这里修改。"));
        } else if before.in_full(*column).unwrap_or_default() != text.trim()
            && let Err(p) = put(&mut after, *column, text)
        {
            wrong.push(FieldError::new(p.column.key(), p.code, p.message));
        }
    }
    if wrong.is_empty() {
        wrong.extend(judge_number(cx, &before, &mut after).await?);
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    if changes.version != before.version {
        return Err(stale(&before, changes));
    }
    let changed = changed_columns(&before, &after);
    if changed.is_empty() {
        cx.return_unused(permit);
        return Ok(());
    }
    after.missing = missing_of(cx, &after);
    store(cx, &permit, &before, &after).await?;
    let event = edited(&before, &after, &changed);
    cx.record(permit, event).await
}

pub(super) fn edited(before: &Person, after: &Person, changed: &[Column]) -> Event {
    let detail = json!({ "fields": differences_for_book(before, after, changed) });
    let home = before.home().or_else(|| after.home());
    let at = home.map(|o| o.path.clone()).unwrap_or_default();
    Event::new("person.edited", "person", before.id.0).about(before.id).detail(detail).at(&at)
}

/// Reads one field into the person; an empty text takes the value away.
fn put(person: &mut Person, column: Column, text: &str) -> std::result::Result<(), Problem> {
    let rules = Rules::builtin();
    let blank = rules.codes.is_blank(text);
    let some = |read: std::result::Result<String, Problem>| read.map(Some);
    match column {
        Column::Mobile => {
            person.mobile =
                if blank { None } else { Some(fields::mobile(text, column, rules)?.value) };
        }
        Column::Ethnic => {
            person.ethnic =
                if blank { None } else { Some(fields::ethnic(text, rules)?.code.clone()) };
        }
        Column::Political => {
            person.political =
                if blank { None } else { Some(fields::political(text, rules)?.code.clone()) };
        }
        Column::Education => {
            person.education =
                if blank { None } else { Some(fields::education(text, rules)?.code.clone()) };
        }
        Column::Joined => {
            if blank {
                return Err(Problem::required(column));
            }
            let joined = month::parse(text, false, column)?;
            if let Some(member) = &mut person.membership {
                member.joined = Some(joined.to_string());
            }
        }
        Column::DevNumber => {
            if let Some(member) = &mut person.membership {
                member.dev_number = (!blank).then(|| text.trim().to_owned());
            }
        }
        other => {
            let value = if blank {
                None
            } else {
                some(match other {
                    Column::Qq => fields::qq(text),
                    Column::Email => fields::email(text),
                    Column::EmergencyPhone => fields::phone(text, other, rules),
                    Column::EmergencyName => fields::line(text, other, 50),
                    Column::Wechat => fields::line(text, other, 40),
                    Column::Weibo => fields::line(text, other, 60),
                    _ => fields::line(text, other, 120),
                })?
            };
            person.contact.set(other, value);
        }
    }
    Ok(())
}

/// Month and number are judged together whenever one of them changes (rows 131-141).
async fn judge_number(
    cx: &mut Cx,
    before: &Person,
    after: &mut Person,
) -> Result<Option<FieldError>> {
    let Some(member) = after.membership.as_mut() else { return Ok(None) };
    let old = before.membership.as_ref();
    let same = old.is_some_and(|m| m.joined == member.joined && m.dev_number == member.dev_number);
    if same {
        return Ok(None);
    }
    let error = |p: Problem| Some(FieldError::new(p.column.key(), p.code, p.message));
    let today = clock::day(cx.now());
    let rules = Rules::builtin();
    let Some(joined) = member.joined.as_deref().and_then(|j| j.parse::<YearMonth>().ok()) else {
        return Ok(error(Problem::required(Column::Joined)));
    };
    if YearMonth::of(today).is_some_and(|now| joined > now) {
        let says = format!("入团时间 {joined} 在今天之后,请核对。");
        return Ok(error(Problem::fix(Column::Joined, "joined_in_future", says)));
    }
    let region = member.org.province.clone();
    if let Err(p) =
        crate::rules::age::at_joining(before.id_number.birth(), joined, &region, today, rules)
    {
        let who = (&before.id_number, before.name.as_str());
        if !exceptions::excuses(cx, before.id, who, &p).await? {
            return Ok(error(p));
        }
    }
    let typed = member.dev_number.clone().unwrap_or_default();
    match dev_number::judge(&typed, joined, &region, today, rules) {
        Err(p) => return Ok(error(p)),
        Ok(number) => member.dev_number = number,
    }
    let rows = sql::entry::texts(member.dev_number.as_deref().into_iter());
    let holders = sql::entry::numbers_taken(cx, rows).await?;
    if holders.iter().any(|(_, holder)| *holder != before.id.0) {
        return Ok(error(Problem::dev_number_taken()));
    }
    Ok(None)
}

/// What is missing for a complete profile (row 151).
fn missing_of(cx: &Cx, person: &Person) -> Vec<Column> {
    missing_on(clock::day(cx.now()), person)
}

/// The same on a day; `person.missing` still says what was missing before.
pub(super) fn missing_on(today: jiff::civil::Date, person: &Person) -> Vec<Column> {
    let has = |column| match column {
        // Who is no member has no place for them: it stays as it was entered.
        Column::Joined | Column::DevNumber if person.membership.is_none() => {
            !person.missing.contains(&column)
        }
        other => person.has(other),
    };
    of_profile(today, person, has)
}

/// What a complete profile of this person has (row 151).
pub fn needed(cx: &Cx, person: &Person) -> Vec<Column> {
    of_profile(clock::day(cx.now()), person, |_| false)
}

fn of_profile(
    today: jiff::civil::Date,
    person: &Person,
    filled: impl Fn(Column) -> bool,
) -> Vec<Column> {
    let member = person.membership.as_ref();
    let facts = completeness::Facts {
        sheet: if member.is_some() { SheetKind::Members } else { SheetKind::Cadres },
        political: person.political.as_deref(),
        joined: member.and_then(|m| m.joined.as_deref()?.parse().ok()),
        region: person.home().map_or("", |o| o.province.as_str()),
        today,
    };
    completeness::missing_of_person(&facts, filled, Rules::builtin())
}

async fn store(cx: &mut Cx, permit: &Permit, before: &Person, after: &Person) -> Result<()> {
    let house = cx.house().clone();
    let id = before.id;
    let row = sql::store::PersonRow {
        mobile: after.mobile.as_ref().map(|m| person::seal_mobile(&house, id.0, m)),
        contact_ct: person::seal_contact(&house, id.0, &after.contact),
        ethnic: after.ethnic.clone(),
        political: after.political.clone(),
        education: after.education.clone(),
        missing: person::columns_text(&after.missing),
    };
    if !sql::store::person(cx, permit, id, before.version, row).await? {
        // Somebody was faster inside this very moment: run again and see her values.
        return Err(Error::Retry);
    }
    let done = after.complete();
    let flip = i64::from(done) - i64::from(before.complete());
    if let Some(member) = &after.membership {
        let joined = member.joined.as_deref().unwrap_or_default();
        let number = member.dev_number.as_deref();
        sql::store::membership(cx, permit, id, joined, number, done).await?;
        let counts = counts::Counts { members_done: flip, ..Default::default() };
        counts::add(cx, permit, &member.org.path, counts).await?;
    }
    for path in sql::store::posts_complete(cx, permit, id, done).await? {
        let counts = counts::Counts { cadres_done: flip, ..Default::default() };
        counts::add(cx, permit, &path, counts).await?;
    }
    Ok(())
}

fn changed_columns(before: &Person, after: &Person) -> Vec<Column> {
    let all = POLICY.iter().map(|f| f.column);
    all.filter(|c| before.in_full(*c) != after.in_full(*c)).collect()
}

/// Old and new values for the book; personal data masked.
fn differences_for_book(before: &Person, after: &Person, changed: &[Column]) -> serde_json::Value {
    let lines = changed.iter().map(|c| json!([c.key(), before.shown(*c), after.shown(*c)]));
    lines.collect()
}

/// E22: the values of the form beside those stored meanwhile.
fn stale(stored: &Person, changes: &Changes) -> Error {
    let differs = |(column, yours): (&Column, &String)| {
        let theirs = stored.in_full(*column).unwrap_or_default();
        (theirs != yours.trim()).then(|| Difference {
            label: column.label().to_owned(),
            yours: yours.clone(),
            theirs,
        })
    };
    Error::Stale(changes.fields.iter().filter_map(differs).collect())
}
