//! Somebody by name and ID number: a 书记, an observer, whoever registers. She is found when she is
//! in the system already and otherwise made without a membership. No account is made: she activates
//! it herself on the day she first signs in (decision 5).

use super::{PersonId, Told, entry, merge, quota, sql};
use crate::{
    Cx, Error, FieldError, Permit, Result, Who, clock,
    events::{self, Event},
    keyring::{self, Held},
    pii::{IdNumber, Mobile},
    rules::{
        Column, Rules, SheetKind, age, completeness, fields, id_number,
        person::{NewPerson, RawCell},
    },
};
use jiff::civil::Date;
use serde_json::json;

/// Name, ID number and telephone as they are stored; made by [`Named::read`] alone.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub id_number: IdNumber,
    pub mobile: Option<Mobile>,
}

impl Named {
    /// Reads what was typed; every field that is wrong is named (`name`, `id_number`, `mobile`).
    /// An empty `mobile` is none. Nobody below the age of a cadre (row 90) gets through.
    pub fn read(name: &str, id: &RawCell, mobile: &str, today: Date) -> Result<Self> {
        let rules = Rules::builtin();
        let mut wrong = Vec::new();
        let mut note = |p: crate::rules::Problem| {
            wrong.push(FieldError::new(p.column.key(), p.code, p.message));
        };
        let name = fields::name(name, rules).map_err(&mut note).ok();
        let id = id_number::read(&id.text, id.was_number, today).map_err(&mut note).ok();
        if let Some(id) = &id
            && let Err(young) = age::at_entry(id.value.birth(), age::Standing::Cadre, today, rules)
        {
            note(crate::rules::Problem { column: Column::IdNumber, ..young });
        }
        let mobile = match mobile.trim() {
            "" => None,
            typed => fields::mobile(typed, Column::Mobile, rules).map_err(&mut note).ok(),
        };
        match (name, id) {
            (Some(name), Some(id)) if wrong.is_empty() => {
                Ok(Self { name: name.value, id_number: id.value, mobile: mobile.map(|m| m.value) })
            }
            _ => Err(Error::Invalid(wrong)),
        }
    }
}

/// What became of somebody named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// Made just now, without a membership.
    Made(PersonId),
    /// In the system already under this very name.
    Known(PersonId),
    /// The ID number is somebody's with another name. Nothing was written; tell only
    /// [`Entered::other_name`], and commit, so that the attempt is counted.
    OtherName,
}
impl Entered {
    /// The person, or E05, which leaks neither the name nor the place of the other one.
    pub fn person(self) -> Result<PersonId> {
        match self {
            Self::Made(id) | Self::Known(id) => Ok(id),
            Self::OtherName => Err(Self::other_name()),
        }
    }
    /// E05 as an error of the field `name`.
    pub fn other_name() -> Error {
        Error::field(
            "name",
            "E05",
            "姓名与证件号对不上。请核对姓名(少数民族姓名中的“·”、生僻字)和证件号(末位 X)。",
        )
    }
}

/// Who has an ID number, as far as it may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Nobody,
    Known(PersonId),
    /// Somebody with another name.
    OtherName,
}

/// Looks without making anybody; answers about people who exist are counted as in
/// [`find_or_make`].
pub async fn look(cx: &mut Cx, permit: &Permit, named: &Named) -> Result<Seen> {
    let found = super::find_by_id_number(cx, &named.id_number).await?;
    let Some(found) = found else { return Ok(Seen::Nobody) };
    if matches!(cx.who(), Who::Person(_)) {
        quota::take(cx, permit, quota::LOOKUPS).await?;
    }
    if found.name == named.name {
        return Ok(Seen::Known(found.person));
    }
    let event = Event::new("person.looked_up", "person", 0);
    events::write(cx, permit, event.detail(json!({ "found": "other name" }))).await?;
    Ok(Seen::OtherName)
}

/// Puts one's own telephone in where there is none; an empty text changes nothing.
pub async fn supply_own_mobile(cx: &mut Cx, permit: &Permit, typed: &str) -> Result<()> {
    if typed.trim().is_empty() {
        return Ok(());
    }
    let wrong = |p: crate::rules::Problem| Error::field("mobile", p.code, p.message);
    let mobile = fields::mobile(typed, Column::Mobile, Rules::builtin()).map_err(wrong)?;
    let me = cx.visitor()?.person;
    let before = super::person::read(cx, me).await?;
    let named =
        Named { name: before.name, id_number: before.id_number, mobile: Some(mobile.value) };
    let mine = self::typed(&named, clock::day(cx.now()));
    merge::one(cx, permit, me, &mine, &[]).await.map(|_| ())
}

/// As [`find_or_fill`], keeping a telephone that is known.
pub async fn find_or_make(cx: &mut Cx, permit: &Permit, named: &Named) -> Result<Entered> {
    Ok(find_or_fill(cx, permit, named, &[]).await?.0)
}

/// Finds somebody, or makes her. A telephone is put in where there is none (decision 27); it replaces
/// one only where `take` says so and whoever acts may edit the person. Answers about people who
/// exist are counted against the daily allowance of whoever is signed in ([`Error::TooMany`]) and noted.
pub async fn find_or_fill(
    cx: &mut Cx,
    permit: &Permit,
    named: &Named,
    take: &[Column],
) -> Result<(Entered, Told)> {
    let ring = keyring::hold(cx).await?;
    let person = match look(cx, permit, named).await? {
        Seen::Nobody => {
            let made = make(cx, permit, ring, named).await?;
            return Ok((Entered::Made(made), Told::default()));
        }
        Seen::OtherName => return Ok((Entered::OtherName, Told::default())),
        Seen::Known(person) => person,
    };
    let typed = typed(named, clock::day(cx.now()));
    let told = merge::one(cx, permit, person, &typed, take).await?;
    Ok((Entered::Known(person), told))
}

/// The person with this name and ID number; `None` tells nothing of why. Counted as above.
pub async fn find_named(cx: &mut Cx, permit: &Permit, named: &Named) -> Result<Option<PersonId>> {
    quota::take(cx, permit, quota::LOOKUPS).await?;
    let found = super::find_by_id_number(cx, &named.id_number).await?;
    Ok(found.filter(|found| found.name == named.name).map(|found| found.person))
}

/// Makes a person without membership, post or account.
async fn make(cx: &mut Cx, permit: &Permit, ring: Held, named: &Named) -> Result<PersonId> {
    let id = PersonId(cx.new_id());
    let new = typed(named, clock::day(cx.now()));
    let row = entry::person_row(cx, id, &new);
    if sql::entry::persons(cx, permit, ring, vec![row]).await? == 0 {
        // A twin was entered at this very moment: run again and find her.
        return Err(Error::Retry);
    }
    let event = Event::new("person.made", "person", id.0).about(id);
    events::write(cx, permit, event.detail(json!({ "name": named.name }))).await?;
    Ok(id)
}

/// Name, number and telephone as a whole person of whom nothing else is known.
fn typed(named: &Named, today: Date) -> NewPerson {
    NewPerson {
        name: named.name.clone(),
        id_number: named.id_number.clone(),
        sex: named.id_number.sex(),
        birth: named.id_number.birth(),
        ethnic: None,
        political: None,
        education: None,
        joined: None,
        dev_number: None,
        mobile: named.mobile.clone(),
        weibo: None,
        qq: None,
        email: None,
        wechat: None,
        emergency_name: None,
        emergency_phone: None,
        address: None,
        post: None,
        missing: missing(named, today),
        take: vec![],
        exception: None,
    }
}

fn missing(named: &Named, today: Date) -> Vec<Column> {
    let facts = completeness::Facts {
        sheet: SheetKind::Cadres,
        political: None,
        joined: None,
        region: "",
        today,
    };
    let filled = |column: Column| match column {
        Column::Name | Column::IdNumber => true,
        Column::Mobile => named.mobile.is_some(),
        _ => false,
    };
    completeness::missing_of_person(&facts, filled, Rules::builtin())
}
