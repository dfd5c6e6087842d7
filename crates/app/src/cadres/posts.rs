//! Posts: given, changed, ended. An ended post stays as history; with it goes the administrator's
//! seat that hangs on it (I5).

use super::{CadreId, reaches, sql};
use crate::{
    Cx, Error, OrgRef, Permit, Refusal, Result,
    clock::{Millis, day},
    orgs,
    people::PersonId,
    rules::{
        Rules,
        person::PostDraft,
        tree::{Category, PostRow},
    },
    stats,
};

/// A post that somebody holds now.
#[derive(Clone, Debug)]
pub struct Held {
    pub id: CadreId,
    pub person: PersonId,
    pub name: String,
    /// The words of the rules: 书记, 副书记, …
    pub post: String,
    /// 任现职年月.
    pub since: Option<String>,
    pub nature: Option<String>,
    pub in_party_committee: Option<bool>,
    /// The administrator's seat that hangs on it.
    pub slot: Option<i64>,
    pub started_at: Millis,
    pub version: i64,
}
impl Held {
    /// Whether it is that of the 书记.
    pub fn is_secretary(&self) -> bool {
        self.post == SECRETARY
    }
}

/// As stored, and as the partial index of the schema has it.
pub(super) const SECRETARY: &str = "书记";

/// The post that a person holds in an organisation.
pub async fn held(cx: &mut Cx, org: &OrgRef, person: PersonId) -> Result<Option<Held>> {
    sql::held(cx, org.id, person).await
}

/// The post of that category with that code, today.
pub(super) fn post_row(cx: &Cx, category: Category, code: &str) -> Option<&'static PostRow> {
    let today = day(cx.now());
    let mut posts = Rules::builtin().tree.posts_of(category);
    posts.find(|row| row.code == code && row.validity.covers(today))
}

/// Gives a person a post in an organisation where she has none. Refused: `post_here` (she has one:
/// [`change_post`]), `secretary_taken`, `post_unknown` (this category has no such post).
pub async fn give_post(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    person: PersonId,
    post: &PostDraft,
) -> Result<CadreId> {
    reaches(permit, org)?;
    living(cx, permit, org).await?;
    let row = post_row(cx, org.category, &post.code).ok_or_else(|| no_such_post(org))?;
    if let Some(held) = held(cx, org, person).await? {
        return Err(Error::refused(Refusal::new(
            "post_here",
            format!("{}在本组织已任{},不用重复录入;要改职务请办理职务变更。", held.name, held.post),
        )));
    }
    if row.is_secretary {
        no_secretary_yet(cx, permit, org).await?;
    }
    let id = CadreId(cx.new_id());
    if !sql::insert(cx, permit, org, new_post(id, person, row, post)).await? {
        // A twin was given at this very moment: run again and see it.
        return Err(Error::Retry);
    }
    let complete = sql::is_complete(cx, person).await?;
    count(cx, permit, org, 1, i64::from(complete)).await?;
    Ok(id)
}

/// Gives a person who has a post another one; the old one becomes history, the seat goes along.
/// Refused as [`give_post`].
pub async fn change_post(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    held: &Held,
    post: &PostDraft,
) -> Result<CadreId> {
    reaches(permit, org)?;
    let row = post_row(cx, org.category, &post.code).ok_or_else(|| no_such_post(org))?;
    if row.is_secretary && !held.is_secretary() {
        no_secretary_yet(cx, permit, org).await?;
    }
    if sql::end(cx, permit, org, held.person, "职务变更").await?.is_none() {
        return Err(changed_meanwhile(&held.name));
    }
    let id = CadreId(cx.new_id());
    if !sql::insert(cx, permit, org, new_post(id, held.person, row, post)).await? {
        return Err(Error::Retry);
    }
    sql::move_seat(cx, permit, held.id, id).await?;
    Ok(id)
}

/// What went with a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// She was an administrator there and is none any longer.
    pub seat: bool,
}

/// Ends the post that a person holds in an organisation, and the administrator's seat with it.
/// `None` when she has none there. `reason` stands in the history (职务变更, 换届, 离任, …).
pub async fn end_post(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    person: PersonId,
    reason: &str,
) -> Result<Option<Ended>> {
    reaches(permit, org)?;
    let Some(complete) = sql::end(cx, permit, org, person, reason).await? else { return Ok(None) };
    // After the post: whoever seats her now holds the post's row or finds it ended.
    let seat = sql::leave(cx, permit, org.id, person).await?;
    count(cx, permit, org, -1, -i64::from(complete)).await?;
    Ok(Some(Ended { seat }))
}

/// What went with an organisation that is closed.
#[derive(Clone, Debug, Default)]
pub struct Closed {
    /// Those whose posts ended.
    pub cadres: Vec<PersonId>,
    /// Those of them who were administrators.
    pub admins: Vec<PersonId>,
    pub observers: Vec<PersonId>,
}

/// Ends every post, seat and observer's right of an organisation. The accounts stay (35).
pub async fn end_all(cx: &mut Cx, permit: &Permit, org: &OrgRef, reason: &str) -> Result<Closed> {
    reaches(permit, org)?;
    orgs::lock(cx, permit, org.id).await?;
    let ended = sql::end_all(cx, permit, org, reason).await?;
    let admins = sql::leave_all(cx, permit, org.id).await?;
    let observers = sql::dismiss_all(cx, permit, org.id).await?;
    let done = ended.iter().filter(|(_, complete)| *complete).count();
    count(cx, permit, org, -(ended.len() as i64), -(done as i64)).await?;
    Ok(Closed { cadres: ended.into_iter().map(|(id, _)| id).collect(), admins, observers })
}

fn new_post(id: CadreId, person: PersonId, row: &PostRow, post: &PostDraft) -> sql::New {
    let codes = &Rules::builtin().codes;
    let nature = post.nature.as_deref();
    sql::New {
        id,
        person,
        post: row.name.clone(),
        since: post.since.clone(),
        nature: nature
            .map(|n| crate::rules::codes::name_of(&codes.post_nature, n).unwrap_or(n).to_owned()),
        in_party_committee: post.in_party_committee,
    }
}

/// Locks the organisation and refuses when it is closed at this moment.
pub(super) async fn living(cx: &mut Cx, permit: &Permit, org: &OrgRef) -> Result<()> {
    orgs::lock(cx, permit, org.id).await?;
    orgs::hold_living(cx, org).await
}

/// Locks the organisation and refuses when it has a 书记 (I6 of C5: at most one).
async fn no_secretary_yet(cx: &mut Cx, permit: &Permit, org: &OrgRef) -> Result<()> {
    orgs::lock(cx, permit, org.id).await?;
    match sql::secretary(cx, org.id).await? {
        None => Ok(()),
        Some(held) => Err(Error::refused(Refusal::new(
            "secretary_taken",
            format!(
                "{}已有书记{},一个组织只有一位书记。换届请用“换届”办理;录入有误的,先变更{}的职务。",
                org.short_name, held.name, held.name
            ),
        ))),
    }
}

pub(super) fn no_such_post(org: &OrgRef) -> Error {
    let label = org.category.label();
    Error::field("post", "post_unknown", format!("{label}没有这种职务,请从列表中选择。"))
}

/// E22: the post is no longer what the page showed.
pub(super) fn changed_meanwhile(name: &str) -> Error {
    let says = format!("{name}的职务刚刚被其他人改动,你的操作未生效。请刷新后再看。");
    Error::conflict(Refusal::new("E22", says))
}

async fn count(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    cadres: i64,
    cadres_done: i64,
) -> Result<()> {
    if cadres == 0 {
        return Ok(());
    }
    let change =
        stats::Change { org_path: &org.path, cadres, cadres_done, ..stats::Change::default() };
    stats::change(cx, permit, change).await
}
