//! 管理员变更 (A14, 28-34) and the yearly confirmation by the superior (a-24).

use super::{Seat, notices, posts, rights, seats, sql};
use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result,
    clock::{DAY, Millis},
    events::{self, Event},
    orgs,
    people::PersonId,
    rules::Rules,
};
use serde_json::json;

/// Somebody who may be given a seat.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub code: String,
    pub name: String,
    pub post: String,
}

/// 管理员变更 of one organisation.
#[derive(Clone, Debug)]
pub struct Board {
    pub seats: Vec<Seat>,
    pub most: i64,
    /// Cadres of the organisation without a seat; two hundred at most.
    pub candidates: Vec<Candidate>,
    /// Whether it is the organisation acted for.
    pub own: bool,
}

/// Who are administrators of an organisation, and who could be.
pub async fn board(cx: &mut Cx, org: &OrgRef) -> Result<Board> {
    if !cx.may(Action::ManageAdmins, &org.path) {
        return Err(cx.forbidden(Action::ManageAdmins, org));
    }
    Ok(Board {
        seats: seats::seats(cx, org).await?,
        most: super::seats_of(org),
        candidates: sql::candidates(cx, org).await?,
        own: rights::is_own(cx, org),
    })
}

/// Makes a cadre of the organisation its administrator; returns her name. Refused as
/// [`super::seat`].
pub async fn appoint(cx: &mut Cx, org: &OrgRef, code: &str) -> Result<String> {
    if code.trim().is_empty() {
        return Err(Error::field("person", "required", "请选择一位团干部。"));
    }
    let permit = cx.permit(Action::ManageAdmins, org)?;
    let (person, name) = named(cx, code).await?;
    orgs::lock(cx, &permit, org.id).await?;
    rights::still_admin(cx).await?;
    let slot = seats::seat(cx, &permit, org, person).await?;
    notices::appointed(cx, org, person, &name).await?;
    let event = Event::new("admin.appointed", "org", org.id.0).about(person).at(&org.path);
    cx.record(permit, event.detail(json!({ "name": name, "slot": slot }))).await?;
    Ok(name)
}

/// What a revocation would do, for its page.
#[derive(Clone, Debug)]
pub struct Revoking {
    pub code: String,
    pub name: String,
    pub post: String,
    /// Names of the administrators who are left.
    pub left: Vec<String>,
    /// Why whoever looks can't do it.
    pub hindrance: Option<Refusal>,
}

/// The preview of a revocation.
pub async fn revoking(cx: &mut Cx, org: &OrgRef, code: &str) -> Result<Revoking> {
    if !cx.may(Action::ManageAdmins, &org.path) {
        return Err(cx.forbidden(Action::ManageAdmins, org));
    }
    let (person, name) = named(cx, code).await?;
    let taken = seats::seats(cx, org).await?;
    let Some(seat) = taken.iter().find(|s| s.person == person) else {
        return Err(no_admin(org));
    };
    let hindrance = match rights::may_unseat(cx, org, person).await {
        Err(Error::Refused(refusal)) => Some(*refusal),
        Err(e) => return Err(e),
        Ok(_) => None,
    };
    Ok(Revoking {
        code: code.to_owned(),
        name,
        post: seat.post.clone(),
        left: taken.iter().filter(|s| s.person != person).map(|s| s.name.clone()).collect(),
        hindrance,
    })
}

/// Takes the right away; the post stays (33). Her next request has it no longer. Refused:
/// `own_right`, `last_admin`; conflict when she is no administrator any more. Returns her name.
pub async fn revoke(cx: &mut Cx, org: &OrgRef, code: &str) -> Result<String> {
    let permit = cx.permit(Action::ManageAdmins, org)?;
    let (person, name) = named(cx, code).await?;
    orgs::lock(cx, &permit, org.id).await?;
    rights::still_admin(cx).await?;
    let left = rights::may_unseat(cx, org, person).await?;
    if !seats::unseat(cx, &permit, org, person).await? {
        return Err(no_admin(org));
    }
    notices::revoked(cx, org, person, &name, left).await?;
    super::tell_of_loss(cx, org, &name, (false, true), "管理员身份已撤销").await?;
    cx.record(permit, revoked_event(org, person, &name, left)).await?;
    Ok(name)
}

/// The event that every way of losing a seat writes; fsck reads it back (I6).
pub(super) fn revoked_event(org: &OrgRef, person: PersonId, name: &str, left: i64) -> Event {
    let detail = json!({ "name": name, "left": left });
    Event::new("admin.revoked", "org", org.id.0).about(person).at(&org.path).detail(detail)
}

/// Writes that event beside the one of a larger act.
pub(super) async fn note_revoked(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    (person, name): (PersonId, &str),
    left: i64,
) -> Result<()> {
    events::write(cx, permit, revoked_event(org, person, name, left)).await
}

/// With which larger act a seat ends, or comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    /// She leaves by a transfer.
    Transfer,
    /// That transfer was taken back within the minutes of its undo.
    Undo,
    /// Her organisation goes up in another one.
    Merger,
    /// She goes into a new organisation.
    Split,
}
impl With {
    fn code(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Undo => "undo",
            Self::Merger => "merger",
            Self::Split => "split",
        }
    }
}

/// Writes down who was administrator of an organisation and is so no longer (or again) because of a
/// larger act, which has moved the seat already; tells the organisation where it lives on. The act's
/// own messages tell the person.
pub(crate) async fn followed(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    whom: &[(PersonId, String)],
    with: With,
) -> Result<()> {
    if whom.is_empty() {
        return Ok(());
    }
    let left = i64::try_from(seats::seats(cx, org).await?.len()).unwrap_or(0);
    for (person, name) in whom {
        let kind = if with == With::Undo { "admin.appointed" } else { "admin.revoked" };
        let detail = json!({ "name": name, "left": left, "with": with.code() });
        let event = Event::new(kind, "org", org.id.0).about(*person).at(&org.path);
        events::write(cx, permit, event.detail(detail)).await?;
        match with {
            With::Transfer => notices::went(cx, org, name, left).await?,
            With::Split => {
                notices::went(cx, org, name, left).await?;
                super::tell_of_loss(cx, org, name, (false, true), "已分到新的组织").await?;
            }
            With::Undo => notices::came_back(cx, org, name).await?,
            With::Merger => {}
        }
    }
    Ok(())
}

/// Without a name: whoever guesses at codes learns nobody's.
fn no_admin(org: &OrgRef) -> Error {
    let says =
        format!("此人不是{}的管理员，可能刚刚被其他人撤销。请刷新名单再看。", org.short_name);
    Error::conflict(Refusal::new("E22", says))
}

/// A person by her public code. What may be told of her was decided by the list that offered it.
pub(super) async fn named(cx: &mut Cx, code: &str) -> Result<(PersonId, String)> {
    sql::named(cx, code.trim()).await?.ok_or(Error::NotFound)
}

/// A seat of a direct child that the superior has not confirmed for a year, or that nobody used.
#[derive(Clone, Debug)]
pub struct Unconfirmed {
    pub org_code: String,
    pub org_name: String,
    pub person_code: String,
    pub name: String,
    pub post: String,
    pub granted_at: Millis,
    pub confirmed_at: Millis,
    pub slot: i64,
    pub sort_no: i64,
    pub org_id: i64,
    /// When it will rest for want of use, once its holder was told.
    pub rests_on: Option<Millis>,
    /// Since when it rests.
    pub suspended_at: Option<Millis>,
}
impl Unconfirmed {
    /// How a form names it.
    pub fn key(&self) -> String {
        format!("{}-{}", self.org_code, self.person_code)
    }
}

/// The seats that wait for confirmation, in the order of the children, fifty from `after` on; with
/// the mark of the next page.
pub async fn unconfirmed(
    cx: &mut Cx,
    after: Option<&str>,
) -> Result<(Vec<Unconfirmed>, Option<String>)> {
    let org = cx.org()?.clone();
    let before = cx.now() - confirm_every();
    let mark = after.and_then(read_mark).unwrap_or((i64::MIN, i64::MIN, 0));
    let mut rows = sql::unconfirmed(cx, org.id, before, mark, 51).await?;
    let more = rows.len() > 50;
    rows.truncate(50);
    let next = rows.last().filter(|_| more);
    let next = next.map(|r| format!("{}_{}_{}", r.sort_no, r.org_id, r.slot));
    Ok((rows, next))
}

fn read_mark(mark: &str) -> Option<(i64, i64, i64)> {
    let mut parts = mark.split('_').map(str::parse::<i64>);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
}

/// Says of many seats at once that they are still right; those that rest are used again. `keys` as [`Unconfirmed::key`]; what is no
/// seat of a direct child any longer is left out. Returns how many were confirmed.
pub async fn confirm(cx: &mut Cx, keys: &[String]) -> Result<u64> {
    let org = cx.org()?.clone();
    if keys.is_empty() {
        return Err(Error::field("seat", "required", "请至少选择一位管理员。"));
    }
    let permit = cx.permit(Action::ManageAdmins, &org)?;
    let pairs = keys.iter().take(200).filter_map(|key| key.split_once('-'));
    let pairs = pairs.map(|(org, person)| vec![org.into(), person.into()]).collect();
    let next = cx.now() + confirm_every();
    let count = sql::confirm(cx, &permit, org.id, next, pairs).await?;
    if count == 0 {
        let says = "选中的管理员刚刚有变动,没有可以确认的。请刷新后再看。";
        return Err(Error::conflict(Refusal::new("E22", says)));
    }
    let event = Event::new("admin.confirmed", "org", org.id.0).at(&org.path);
    cx.record(permit, event.detail(json!({ "seats": keys, "count": count }))).await?;
    Ok(count)
}

/// How long a confirmation counts.
pub(super) fn confirm_every() -> Millis {
    Rules::builtin().policy.cadres.confirm_days * DAY
}

/// The post on which a seat hangs may not be ended behind its holder's back: the same questions as
/// for a revocation, asked when a post with a seat ends. `None` when she has no seat.
pub(super) async fn seat_goes(
    cx: &mut Cx,
    org: &OrgRef,
    held: &posts::Held,
) -> Result<Option<i64>> {
    match held.slot {
        None => Ok(None),
        Some(_) => rights::may_unseat(cx, org, held.person).await.map(Some),
    }
}
