//! One's own pages: where I am, what needs me (M1), my data and what I may change of them (M2).

use super::{
    Person,
    edit::{self, Changes, Editor},
    person, quota, sql,
};
use crate::{Action, Cx, OrgRef, Permit, Result, events::Event, orgs, rules::Column};
use serde_json::json;

/// M1: what a member sees first.
#[derive(Clone, Debug)]
pub struct Home {
    pub person: Person,
    /// From the root down to the branch.
    pub way: Vec<OrgRef>,
    /// Who to ask: administrators of the branch and, where it has none, of the superior.
    pub contacts: Vec<ContactCard>,
}

/// 管理员联系卡.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactCard {
    pub org: String,
    /// Names of the administrators.
    pub names: Vec<String>,
    /// The organisation's telephone.
    pub phone: Option<String>,
    pub email: Option<String>,
}

/// Somebody who can be called.
#[derive(Clone, Debug)]
pub struct Callee {
    pub name: String,
    pub mobile: Option<String>,
}

/// My own data.
pub async fn own(cx: &mut Cx) -> Result<Person> {
    let me = cx.visitor()?.person;
    person::read(cx, me).await
}

/// My first page.
pub async fn home(cx: &mut Cx) -> Result<Home> {
    let person = own(cx).await?;
    let way = match person.home() {
        Some(org) => orgs::names_to(cx, &org.path.clone()).await?,
        None => Vec::new(),
    };
    let mut contacts = Vec::new();
    // The branch first; its superior's card stands beside it, for when nobody answers.
    for org in way.iter().rev().take(2) {
        contacts.extend(sql::search::contact_card(cx, org).await?);
    }
    Ok(Home { person, way, contacts })
}

/// Whom to ask in an organisation: its administrators and its own telephone. For the parties of a
/// business with it; `None` where nothing is known.
pub async fn contact_of(cx: &mut Cx, org: &OrgRef) -> Result<Option<ContactCard>> {
    sql::search::contact_card(cx, org).await
}

/// The administrators of an organisation with their mobile numbers, masked: whom the approver of a
/// business may call (102).
pub async fn admins_of(cx: &mut Cx, org: &OrgRef) -> Result<Vec<Callee>> {
    let mut found = Vec::new();
    for id in sql::search::administrators(cx, org).await? {
        let person = person::read(cx, id).await?;
        let mobile = person.shown(Column::Mobile);
        found.push(Callee { name: person.name.clone(), mobile });
    }
    Ok(found)
}

/// The same in full, for whoever decides `why` (a business number): counted, and written into the
/// book for each of them. `permit` is the one of the decision.
pub async fn call_admins(
    cx: &mut Cx,
    permit: Permit,
    org: &OrgRef,
    why: &str,
) -> Result<Vec<Callee>> {
    let mut found = Vec::new();
    for id in sql::search::administrators(cx, org).await? {
        let person = person::read(cx, id).await?;
        let Some(mobile) = person.in_full(Column::Mobile) else { continue };
        quota::take(cx, &permit, quota::REVEALS).await?;
        let event = Event::new("person.revealed", "person", person.id.0).about(person.id);
        let detail = json!({ "field": Column::Mobile.key(), "no": why });
        cx.note(event.at(&org.path).detail(detail)).await?;
        found.push(Callee { name: person.name.clone(), mobile: Some(mobile) });
    }
    let event = Event::new("transfer.called", "org", org.id.0).at(&org.path);
    cx.record(permit, event.detail(json!({ "no": why, "numbers": found.len() }))).await?;
    Ok(found)
}

/// Changes my own data (domain (b) 9): contact data, and the development number, which is judged
/// again.
pub async fn edit_own(cx: &mut Cx, changes: &Changes) -> Result<()> {
    let permit = cx.permit_own(Action::EditOwnProfile)?;
    let person = own(cx).await?;
    edit::apply(cx, permit, person, changes, Editor::Own).await
}
