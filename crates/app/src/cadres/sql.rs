//! The statements of posts, seats and observers; private to the room.

use super::{CadreId, Held, Seat, posts::SECRETARY};
use crate::{Cx, OrgRef, Permit, Result, orgs::OrgId, people::PersonId};
use db::{args, sql};

db::row! {
    struct HeldRow {
        id: CadreId,
        person: PersonId,
        name: String,
        post: String,
        since: Option<String>,
        nature: Option<String>,
        in_party_committee: Option<bool>,
        slot: Option<i64>,
        started_at: i64,
        version: i64,
    }
}
impl From<HeldRow> for Held {
    fn from(r: HeldRow) -> Self {
        Self {
            id: r.id,
            person: r.person,
            name: r.name,
            post: r.post,
            since: r.since,
            nature: r.nature,
            in_party_committee: r.in_party_committee,
            slot: r.slot,
            started_at: r.started_at,
            version: r.version,
        }
    }
}

pub(super) async fn held(cx: &mut Cx, org: OrgId, person: PersonId) -> Result<Option<Held>> {
    let row: Option<HeldRow> = cx
        .tx
        .opt(
            sql!("SELECT c.id, c.person_id, c.name, c.post, c.since, c.nature, c.in_party_committee, s.slot, c.started_at, c.version FROM cadre c LEFT JOIN admin_seat s ON s.cadre_id = c.id WHERE c.person_id = $1 AND c.org_id = $2 AND c.ended_at IS NULL"),
            args![person, org],
        )
        .await?;
    Ok(row.map(Held::from))
}

/// The 书记 of an organisation.
pub(super) async fn secretary(cx: &mut Cx, org: OrgId) -> Result<Option<Held>> {
    let row: Option<HeldRow> = cx
        .tx
        .opt(
            sql!("SELECT c.id, c.person_id, c.name, c.post, c.since, c.nature, c.in_party_committee, s.slot, c.started_at, c.version FROM cadre c LEFT JOIN admin_seat s ON s.cadre_id = c.id WHERE c.org_id = $1 AND c.post = '书记' AND c.ended_at IS NULL"),
            args![org],
        )
        .await?;
    debug_assert!(row.as_ref().is_none_or(|r| r.post == SECRETARY));
    Ok(row.map(Held::from))
}

pub(super) async fn is_complete(cx: &mut Cx, person: PersonId) -> Result<bool> {
    let (complete,): (bool,) =
        cx.tx.one(sql!("SELECT complete FROM person WHERE id = $1"), args![person]).await?;
    Ok(complete)
}

/// A post to be stored.
pub(super) struct New {
    pub(super) id: CadreId,
    pub(super) person: PersonId,
    pub(super) post: String,
    pub(super) since: Option<String>,
    pub(super) nature: Option<String>,
    pub(super) in_party_committee: Option<bool>,
}

/// Gives a post; name, initials and completeness are the person's. `false` when she has one there
/// or the organisation has a 书记.
pub(super) async fn insert(cx: &mut Cx, _: &Permit, org: &OrgRef, new: New) -> Result<bool> {
    let given = cx
        .tx
        .run(
            sql!("INSERT INTO cadre (id, person_id, org_id, org_path, name, name_py, post, since, nature, in_party_committee, complete, started_at) SELECT $1, p.id, $2, $3, p.name, p.name_py, $4, $5, $6, $7, p.complete, $8 FROM person p WHERE p.id = $9 ON CONFLICT DO NOTHING"),
            args![
                new.id, org.id, &org.path, new.post, new.since, new.nature, new.in_party_committee,
                cx.now(), new.person
            ],
        )
        .await?;
    Ok(given == 1)
}

/// Ends a person's post; whether she is complete, or `None` when she had no post.
pub(super) async fn end(
    cx: &mut Cx,
    _: &Permit,
    org: &OrgRef,
    person: PersonId,
    reason: &str,
) -> Result<Option<bool>> {
    let row: Option<(bool,)> = cx
        .tx
        .opt(
            sql!("UPDATE cadre SET ended_at = $1, end_reason = $2, version = version + 1 WHERE person_id = $3 AND org_id = $4 AND ended_at IS NULL RETURNING complete"),
            args![cx.now(), reason, person, org.id],
        )
        .await?;
    Ok(row.map(|(complete,)| complete))
}

pub(super) async fn end_all(
    cx: &mut Cx,
    _: &Permit,
    org: &OrgRef,
    reason: &str,
) -> Result<Vec<(PersonId, bool)>> {
    Ok(cx
        .tx
        .all(
            sql!("UPDATE cadre SET ended_at = $1, end_reason = $2, version = version + 1 WHERE org_path = $3 AND org_id = $4 AND ended_at IS NULL RETURNING person_id, complete"),
            args![cx.now(), reason, &org.path, org.id],
        )
        .await?)
}

/// Holds the row of a present post until the transaction ends.
pub(super) async fn hold(
    cx: &mut Cx,
    _: &Permit,
    org: OrgId,
    person: PersonId,
) -> Result<Option<CadreId>> {
    let row: Option<(CadreId,)> = cx
        .tx
        .opt(
            sql!("UPDATE cadre SET version = version WHERE person_id = $1 AND org_id = $2 AND ended_at IS NULL RETURNING id"),
            args![person, org],
        )
        .await?;
    Ok(row.map(|(id,)| id))
}

db::row! {
    struct SeatRow {
        slot: i64,
        person: PersonId,
        person_code: String,
        name: String,
        post: String,
        granted_at: i64,
        confirmed_at: i64,
    }
}

pub(super) async fn seats(cx: &mut Cx, org: OrgId) -> Result<Vec<Seat>> {
    let rows: Vec<SeatRow> = cx
        .tx
        .all(
            sql!("SELECT s.slot, s.person_id, p.code, p.name, c.post, s.granted_at, s.confirmed_at FROM admin_seat s JOIN person p ON p.id = s.person_id JOIN cadre c ON c.id = s.cadre_id WHERE s.org_id = $1 ORDER BY s.slot LIMIT 3"),
            args![org],
        )
        .await?;
    let seat = |r: SeatRow| Seat {
        slot: r.slot,
        person: r.person,
        person_code: r.person_code,
        name: r.name,
        post: r.post,
        granted_at: r.granted_at,
        confirmed_at: r.confirmed_at,
    };
    Ok(rows.into_iter().map(seat).collect())
}

/// Takes a seat; `false` when it, or another one for her, was taken at this moment.
pub(super) async fn sit(
    cx: &mut Cx,
    _: &Permit,
    org: &OrgRef,
    slot: i64,
    cadre: CadreId,
    person: PersonId,
) -> Result<bool> {
    let sat = cx
        .tx
        .run(
            sql!("INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at, confirmed_at) VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING"),
            args![org.id, org.category.code(), slot, cadre, person, cx.now()],
        )
        .await?;
    Ok(sat == 1)
}

/// The seat hangs on another post of the same person from now on.
pub(super) async fn move_seat(cx: &mut Cx, _: &Permit, from: CadreId, to: CadreId) -> Result<()> {
    cx.tx
        .run(sql!("UPDATE admin_seat SET cadre_id = $1 WHERE cadre_id = $2"), args![to, from])
        .await?;
    Ok(())
}

pub(super) async fn leave(cx: &mut Cx, _: &Permit, org: OrgId, person: PersonId) -> Result<bool> {
    let left = cx
        .tx
        .run(
            sql!("DELETE FROM admin_seat WHERE org_id = $1 AND person_id = $2"),
            args![org, person],
        )
        .await?;
    Ok(left == 1)
}

pub(super) async fn leave_all(cx: &mut Cx, _: &Permit, org: OrgId) -> Result<Vec<PersonId>> {
    let rows: Vec<(PersonId,)> = cx
        .tx
        .all(sql!("DELETE FROM admin_seat WHERE org_id = $1 RETURNING person_id"), args![org])
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(super) async fn dismiss_all(cx: &mut Cx, _: &Permit, org: OrgId) -> Result<Vec<PersonId>> {
    let rows: Vec<(PersonId,)> = cx
        .tx
        .all(sql!("DELETE FROM observer WHERE org_id = $1 RETURNING person_id"), args![org])
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
