//! The statements of posts, seats and observers; private to the room.

use super::{
    CadreId, Held, Line, Past, Seat,
    admins::{Candidate, Unconfirmed},
    observers::Observer,
    posts::SECRETARY,
};
use crate::{Cx, OrgRef, Permit, Result, Scope, orgs::OrgId, people::PersonId};
use db::{Rows, args, sql};
use std::collections::BTreeMap;

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
        suspended_at: Option<i64>,
    }
}

pub(super) async fn seats(cx: &mut Cx, org: OrgId) -> Result<Vec<Seat>> {
    let rows: Vec<SeatRow> = cx
        .tx
        .all(
            sql!("SELECT s.slot, s.person_id, p.code, p.name, c.post, s.granted_at, s.confirmed_at, s.suspended_at FROM admin_seat s JOIN person p ON p.id = s.person_id JOIN cadre c ON c.id = s.cadre_id WHERE s.org_id = $1 ORDER BY s.slot LIMIT 3"),
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
        suspended_at: r.suspended_at,
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
    let remind_at = cx.now() + super::admins::confirm_every();
    let sat = cx
        .tx
        .run(
            sql!("INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at, confirmed_at, remind_at) VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT DO NOTHING"),
            args![org.id, org.category.code(), slot, cadre, person, cx.now(), remind_at],
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

/// Whether a person has a seat in an organisation, and may use it.
pub(super) async fn is_seated(cx: &mut Cx, org: OrgId, person: PersonId) -> Result<bool> {
    let row: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("SELECT slot FROM admin_seat WHERE org_id = $1 AND person_id = $2 AND suspended_at IS NULL"),
            args![org, person],
        )
        .await?;
    Ok(row.is_some())
}

/// Number and target of an open transfer that takes a person out of an organisation.
pub(super) async fn leaving(
    cx: &mut Cx,
    org: OrgId,
    person: PersonId,
) -> Result<Option<(String, String)>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT t.no, COALESCE(o.short_name, '') FROM business t LEFT JOIN org o ON o.id = t.to_org WHERE t.kind = 'transfer' AND t.person_id = $1 AND t.ended_at IS NULL AND t.from_org = $2 LIMIT 1"),
            args![person, org],
        )
        .await?)
}

/// A person by her public code.
pub(super) async fn named(cx: &mut Cx, code: &str) -> Result<Option<(PersonId, String)>> {
    Ok(cx.tx.opt(sql!("SELECT id, name FROM person WHERE code = $1"), args![code]).await?)
}

pub(super) async fn name_of(cx: &mut Cx, person: PersonId) -> Result<String> {
    let (name,): (String,) =
        cx.tx.one(sql!("SELECT name FROM person WHERE id = $1"), args![person]).await?;
    Ok(name)
}

/// The public code of a person, and whether she can be called.
pub(super) async fn reachable(cx: &mut Cx, person: PersonId) -> Result<(String, bool)> {
    Ok(cx
        .tx
        .one(sql!("SELECT code, mobile_ct IS NOT NULL FROM person WHERE id = $1"), args![person])
        .await?)
}

/// Cadres of an organisation without a seat.
pub(super) async fn candidates(cx: &mut Cx, org: &OrgRef) -> Result<Vec<Candidate>> {
    let rows: Vec<(String, String, String)> = cx
        .tx
        .all(
            sql!("SELECT p.code, c.name, c.post FROM cadre c JOIN person p ON p.id = c.person_id LEFT JOIN admin_seat s ON s.cadre_id = c.id WHERE c.org_path = $1 AND c.ended_at IS NULL AND s.slot IS NULL ORDER BY c.name_py, c.id LIMIT 200"),
            args![&org.path],
        )
        .await?;
    let candidate = |(code, name, post)| Candidate { code, name, post };
    Ok(rows.into_iter().map(candidate).collect())
}

pub(super) async fn is_member_of(cx: &mut Cx, org: OrgId, person: PersonId) -> Result<bool> {
    let row: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("SELECT person_id FROM member WHERE person_id = $1 AND org_id = $2"),
            args![person, org],
        )
        .await?;
    Ok(row.is_some())
}

/// Members of a branch, counted to `most`.
pub(super) async fn count_members(cx: &mut Cx, org: &OrgRef, most: i64) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT person_id FROM member WHERE org_path = $1 LIMIT $2) AS t"),
            args![&org.path, most],
        )
        .await?;
    Ok(count)
}

/// Members of a branch who hold no post there: code and name.
pub(super) async fn members_without_post(
    cx: &mut Cx,
    org: &OrgRef,
) -> Result<Vec<(String, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT p.code, m.name FROM member m JOIN person p ON p.id = m.person_id LEFT JOIN cadre c ON c.person_id = m.person_id AND c.org_id = m.org_id AND c.ended_at IS NULL WHERE m.org_path = $1 AND c.id IS NULL ORDER BY m.name_py, m.person_id LIMIT 80"),
            args![&org.path],
        )
        .await?)
}

db::row! {
    /// A cadre before an election.
    pub(super) struct SittingRow {
        pub(super) id: CadreId,
        pub(super) person: PersonId,
        pub(super) code: String,
        pub(super) name: String,
        pub(super) post: String,
        pub(super) version: i64,
        pub(super) slot: Option<i64>,
    }
}

/// The cadres of an organisation, administrators and the 书记 first.
pub(super) async fn sitting(cx: &mut Cx, org: &OrgRef, limit: usize) -> Result<Vec<SittingRow>> {
    let limit = i64::try_from(limit).unwrap_or(100);
    Ok(cx
        .tx
        .all(
            sql!("SELECT c.id, c.person_id, p.code, c.name, c.post, c.version, s.slot FROM cadre c JOIN person p ON p.id = c.person_id LEFT JOIN admin_seat s ON s.cadre_id = c.id WHERE c.org_path = $1 AND c.ended_at IS NULL ORDER BY CASE WHEN c.post = '书记' THEN 0 WHEN s.slot IS NOT NULL THEN 1 WHEN c.post = '副书记' THEN 2 ELSE 3 END, c.name_py, c.id LIMIT $2"),
            args![&org.path, limit],
        )
        .await?)
}

/// Industry, day of the last election, and until when the next one is put off.
pub(super) async fn term_facts(
    cx: &mut Cx,
    org: OrgId,
) -> Result<(Option<String>, Option<String>, Option<String>)> {
    Ok(cx
        .tx
        .one(sql!("SELECT industry, elected_on, term_until FROM org WHERE id = $1"), args![org])
        .await?)
}

db::row! {
    /// A row of the list of cadres.
    pub(super) struct ListRow {
        sort_no: i64,
        org_id: i64,
        name_py: String,
        id: i64,
        person_code: String,
        name: String,
        org_code: String,
        org_name: String,
        org_path: String,
        post: String,
        since: Option<String>,
        nature: Option<String>,
        slot: Option<i64>,
        has_mobile: bool,
        complete: bool,
    }
}
impl ListRow {
    pub(super) fn mark(&self) -> Mark {
        Mark { sort_no: self.sort_no, org: self.org_id, name_py: self.name_py.clone(), id: self.id }
    }
}
impl From<ListRow> for Line {
    fn from(r: ListRow) -> Self {
        Self {
            person_code: r.person_code,
            name: r.name,
            org_code: r.org_code,
            org_name: r.org_name,
            org_path: r.org_path,
            post: r.post,
            since: r.since,
            nature: r.nature,
            admin: r.slot.is_some(),
            has_mobile: r.has_mobile,
            complete: r.complete,
        }
    }
}

/// Where a page of the list begins.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    sort_no: i64,
    org: i64,
    name_py: String,
    id: i64,
}
impl Default for Mark {
    fn default() -> Self {
        Self { sort_no: i64::MIN, org: i64::MIN, name_py: String::new(), id: i64::MIN }
    }
}
impl Mark {
    pub(super) fn write(&self) -> String {
        format!("{}_{}_{}_{}", self.sort_no, self.org, self.id, self.name_py)
    }
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '_');
        Some(Self {
            sort_no: parts.next()?.parse().ok()?,
            org: parts.next()?.parse().ok()?,
            id: parts.next()?.parse().ok()?,
            name_py: parts.next()?.to_owned(),
        })
    }
}

pub(super) async fn list_of(
    cx: &mut Cx,
    org: &OrgRef,
    mark: &Mark,
    limit: i64,
) -> Result<Vec<ListRow>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.sort_no, o.id, c.name_py, c.id, p.code, c.name, o.code, o.short_name, o.path, c.post, c.since, c.nature, s.slot, p.mobile_ct IS NOT NULL, c.complete FROM cadre c JOIN org o ON o.id = c.org_id JOIN person p ON p.id = c.person_id LEFT JOIN admin_seat s ON s.cadre_id = c.id WHERE c.org_path = $1 AND c.ended_at IS NULL AND (c.name_py, c.id) > ($2, $3) ORDER BY c.name_py, c.id LIMIT $4"),
            args![&org.path, &mark.name_py, mark.id, limit],
        )
        .await?)
}

pub(super) async fn list_of_children(
    cx: &mut Cx,
    parent: &OrgRef,
    mark: &Mark,
    limit: i64,
) -> Result<Vec<ListRow>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.sort_no, o.id, c.name_py, c.id, p.code, c.name, o.code, o.short_name, o.path, c.post, c.since, c.nature, s.slot, p.mobile_ct IS NOT NULL, c.complete FROM org o CROSS JOIN cadre c JOIN person p ON p.id = c.person_id LEFT JOIN admin_seat s ON s.cadre_id = c.id WHERE c.org_path = o.path AND c.ended_at IS NULL AND o.parent_id = $1 AND (o.sort_no, o.id) >= ($2, $3) AND ((o.sort_no, o.id) > ($2, $3) OR (c.name_py, c.id) > ($4, $5)) AND o.status <> 'DELETED' ORDER BY o.sort_no, o.id, c.name_py, c.id LIMIT $6"),
            args![parent.id, mark.sort_no, mark.org, &mark.name_py, mark.id, limit],
        )
        .await?)
}

db::row! {
    struct PastRow {
        org_code: String,
        org_name: String,
        post: String,
        since: Option<String>,
        started_at: i64,
        ended_at: Option<i64>,
        end_reason: Option<String>,
        slot: Option<i64>,
    }
}

/// Posts of a person inside a scope, present ones first.
pub(super) async fn history(cx: &mut Cx, person: PersonId, scope: &Scope) -> Result<Vec<Past>> {
    let rows: Vec<PastRow> = cx
        .tx
        .all(
            sql!("SELECT o.code, o.short_name, c.post, c.since, c.started_at, c.ended_at, c.end_reason, s.slot FROM cadre c JOIN org o ON o.id = c.org_id LEFT JOIN admin_seat s ON s.cadre_id = c.id WHERE c.person_id = $1 AND o.path >= $2 AND o.path < $3 ORDER BY CASE WHEN c.ended_at IS NULL THEN 0 ELSE 1 END, c.id DESC LIMIT 100"),
            args![person, &scope.lo, &scope.hi],
        )
        .await?;
    let past = |r: PastRow| Past {
        org_code: r.org_code,
        org_name: r.org_name,
        post: r.post,
        since: r.since,
        started_at: r.started_at,
        ended_at: r.ended_at,
        end_reason: r.end_reason,
        admin: r.slot.is_some(),
    };
    Ok(rows.into_iter().map(past).collect())
}

db::row! {
    struct UnconfirmedRow {
        org_code: String,
        org_name: String,
        person_code: String,
        name: String,
        post: String,
        granted_at: i64,
        confirmed_at: i64,
        slot: i64,
        sort_no: i64,
        org_id: i64,
        rests_on: Option<i64>,
        suspended_at: Option<i64>,
    }
}

/// Seats of the direct children that were last confirmed before a moment.
pub(super) async fn unconfirmed(
    cx: &mut Cx,
    parent: OrgId,
    before: i64,
    (sort_no, org, slot): (i64, i64, i64),
    limit: i64,
) -> Result<Vec<Unconfirmed>> {
    let rows: Vec<UnconfirmedRow> = cx
        .tx
        .all(
            sql!("SELECT o.code, o.short_name, p.code, p.name, c.post, s.granted_at, s.confirmed_at, s.slot, o.sort_no, o.id, CASE WHEN s.warned_at IS NULL THEN NULL ELSE s.idle_at END, s.suspended_at FROM org o CROSS JOIN admin_seat s JOIN person p ON p.id = s.person_id JOIN cadre c ON c.id = s.cadre_id WHERE s.org_id = o.id AND o.parent_id = $1 AND (s.confirmed_at <= $2 OR s.warned_at IS NOT NULL) AND (o.sort_no, o.id) >= ($3, $4) AND ((o.sort_no, o.id) > ($3, $4) OR s.slot > $5) AND o.status <> 'DELETED' ORDER BY o.sort_no, o.id, s.slot LIMIT $6"),
            args![parent, before, sort_no, org, slot, limit],
        )
        .await?;
    let row = |r: UnconfirmedRow| Unconfirmed {
        org_code: r.org_code,
        org_name: r.org_name,
        person_code: r.person_code,
        name: r.name,
        post: r.post,
        granted_at: r.granted_at,
        confirmed_at: r.confirmed_at,
        slot: r.slot,
        sort_no: r.sort_no,
        org_id: r.org_id,
        rests_on: r.rests_on,
        suspended_at: r.suspended_at,
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Confirms seats of direct children, named by codes of organisation and person.
pub(super) async fn confirm(
    cx: &mut Cx,
    _: &Permit,
    parent: OrgId,
    remind_at: i64,
    pairs: Rows,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE admin_seat SET confirmed_at = $1, remind_at = $2, idle_at = $1, warned_at = NULL, suspended_at = NULL WHERE (org_id, slot) IN (SELECT s.org_id, s.slot FROM {rows: org text, person text} AS v JOIN org o ON o.code = v.org JOIN person p ON p.code = v.person JOIN admin_seat s ON s.org_id = o.id AND s.person_id = p.id WHERE o.parent_id = $3)"),
            args![cx.now(), remind_at, parent],
            pairs,
        )
        .await?)
}

/// Notes for seats that were given by whatever way when the superior is to be asked.
pub(super) async fn set_reminders(cx: &mut Cx, _: &Permit, every: i64, limit: i64) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE admin_seat SET remind_at = confirmed_at + $1 WHERE remind_at = 0 AND (org_id, slot) IN (SELECT org_id, slot FROM admin_seat WHERE remind_at = 0 LIMIT $2)"),
            args![every, limit],
        )
        .await?)
}

db::row! {
    /// A seat whose use is looked at.
    pub(super) struct IdleSeat {
        pub(super) org_id: i64,
        pub(super) slot: i64,
        pub(super) person_id: i64,
        pub(super) name: String,
        pub(super) granted_at: i64,
        pub(super) confirmed_at: i64,
        pub(super) used_at: i64,
        pub(super) signed_in_at: i64,
        pub(super) warned_at: Option<i64>,
        pub(super) org_code: String,
        pub(super) org_name: String,
        pub(super) path: String,
        pub(super) parent_id: Option<i64>,
    }
}
impl IdleSeat {
    pub(super) fn key(&self) -> Vec<db::Value> {
        vec![self.org_id.into(), self.slot.into()]
    }
    pub(super) fn later(&self, at: i64, warned: Option<i64>) -> Vec<db::Value> {
        vec![self.org_id.into(), self.slot.into(), at.into(), warned.into()]
    }
}

/// Seats whose use has to be looked at now.
pub(super) async fn idle_due(cx: &mut Cx, limit: i64) -> Result<Vec<IdleSeat>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT s.org_id, s.slot, s.person_id, p.name, s.granted_at, s.confirmed_at, s.used_at, COALESCE(a.signed_in_at, 0), s.warned_at, o.code, o.short_name, o.path, o.parent_id FROM admin_seat s JOIN person p ON p.id = s.person_id JOIN org o ON o.id = s.org_id LEFT JOIN account a ON a.person_id = s.person_id WHERE s.idle_at <= $1 AND s.suspended_at IS NULL ORDER BY s.idle_at, s.org_id, s.slot LIMIT $2"),
            args![cx.now(), limit],
        )
        .await?)
}

/// When these seats are looked at again, and since when their holders know that they will rest.
pub(super) async fn look_again(cx: &mut Cx, _: &Permit, rows: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE admin_seat SET idle_at = v.due, warned_at = v.warned FROM {rows: org int, seat int, due int, warned int} AS v WHERE admin_seat.org_id = v.org AND admin_seat.slot = v.seat"),
            &[],
            rows,
        )
        .await?)
}

/// These seats rest from now on.
pub(super) async fn suspend(cx: &mut Cx, _: &Permit, rows: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE admin_seat SET suspended_at = $1 WHERE (org_id, slot) IN (SELECT v.org, v.seat FROM {rows: org int, seat int} AS v) AND suspended_at IS NULL"),
            args![cx.now()],
            rows,
        )
        .await?)
}

/// A seat is used again.
pub(super) async fn resume(cx: &mut Cx, _: &Permit, org: OrgId, person: PersonId) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE admin_seat SET used_at = $1, idle_at = $1, warned_at = NULL, suspended_at = NULL WHERE org_id = $2 AND person_id = $3"),
            args![cx.now(), org, person],
        )
        .await?;
    Ok(())
}

db::row! {
    pub(super) struct RestingRow {
        pub(super) code: String,
        pub(super) short_name: String,
        pub(super) suspended_at: i64,
        pub(super) confirmed_at: i64,
    }
}

/// The seats of a person that rest.
pub(super) async fn resting_of(cx: &mut Cx, person: PersonId) -> Result<Vec<RestingRow>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.code, o.short_name, s.suspended_at, s.confirmed_at FROM admin_seat s JOIN org o ON o.id = s.org_id WHERE s.person_id = $1 AND s.suspended_at IS NOT NULL ORDER BY o.path LIMIT 20"),
            args![person],
        )
        .await?)
}

/// Takes seats whose superior is to be asked now; gives their organisations.
pub(super) async fn seats_due(
    cx: &mut Cx,
    _: &Permit,
    again: i64,
    limit: i64,
) -> Result<Vec<(i64,)>> {
    Ok(cx
        .tx
        .all(
            sql!("UPDATE admin_seat SET remind_at = $1 WHERE remind_at <= $2 AND (org_id, slot) IN (SELECT org_id, slot FROM admin_seat WHERE remind_at <= $2 ORDER BY remind_at LIMIT $3) RETURNING org_id"),
            args![again, cx.now(), limit],
        )
        .await?)
}

/// The superiors of organisations, with the sum of what is counted for each.
pub(super) async fn superiors(
    cx: &mut Cx,
    counts: BTreeMap<i64, i64>,
) -> Result<Vec<(i64, String, i64)>> {
    let rows = counts.into_iter().map(|(org, n)| vec![org.into(), n.into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT u.id, u.code, CAST(SUM(v.n) AS BIGINT) FROM {rows: org int, n int} AS v JOIN org o ON o.id = v.org JOIN org u ON u.id = o.parent_id GROUP BY u.id, u.code ORDER BY u.id"),
            &[],
            rows,
        )
        .await?)
}

pub(super) async fn observers(cx: &mut Cx, org: OrgId) -> Result<Vec<Observer>> {
    let rows: Vec<(String, String, i64, i64)> = cx
        .tx
        .all(
            sql!("SELECT p.code, p.name, b.granted_at, b.expires_at FROM observer b JOIN person p ON p.id = b.person_id WHERE b.org_id = $1 ORDER BY b.person_id LIMIT 200"),
            args![org],
        )
        .await?;
    let observer = |(person_code, name, granted_at, expires_at)| Observer {
        person_code,
        name,
        granted_at,
        expires_at,
    };
    Ok(rows.into_iter().map(observer).collect())
}

/// Makes somebody an observer until a moment, or moves the moment.
pub(super) async fn observe(
    cx: &mut Cx,
    _: &Permit,
    org: OrgId,
    person: PersonId,
    until: i64,
) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO observer (org_id, person_id, expires_at, granted_at) VALUES ($1, $2, $3, $4) ON CONFLICT (person_id, org_id) DO UPDATE SET expires_at = excluded.expires_at, granted_at = excluded.granted_at"),
            args![org, person, until, cx.now()],
        )
        .await?;
    Ok(())
}

/// Takes an observer off; until when she would have been one.
pub(super) async fn dismiss(
    cx: &mut Cx,
    _: &Permit,
    org: OrgId,
    person: PersonId,
) -> Result<Option<i64>> {
    let row: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("DELETE FROM observer WHERE person_id = $1 AND org_id = $2 RETURNING expires_at"),
            args![person, org],
        )
        .await?;
    Ok(row.map(|(until,)| until))
}

db::row! {
    /// An organisation whose term may be to be spoken of.
    pub(super) struct Due {
        pub(super) id: i64,
        pub(super) code: String,
        pub(super) category: String,
        pub(super) industry: Option<String>,
        pub(super) elected_on: String,
        pub(super) term_until: Option<String>,
    }
}

/// Organisations whose election was put off to a day of a span and that were not told so yet.
pub(super) async fn put_off_due(
    cx: &mut Cx,
    (from, id): (&str, i64),
    to: &str,
    kind: &str,
) -> Result<Vec<Due>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.id, o.code, o.category, o.industry, o.elected_on, o.term_until FROM org o WHERE o.term_until IS NOT NULL AND (o.term_until, o.id) > ($1, $2) AND o.term_until <= $3 AND o.elected_on IS NOT NULL AND o.status = 'ACTIVE' AND NOT EXISTS (SELECT 1 FROM term_notice n WHERE n.org_id = o.id AND n.elected_on = o.elected_on AND n.kind = $4) ORDER BY o.term_until, o.id LIMIT 500"),
            args![from, id, to, kind],
        )
        .await?)
}

/// Organisations that elected in a span of days and were not told so yet, in pieces.
pub(super) async fn terms_due(
    cx: &mut Cx,
    (from, id): (&str, i64),
    to: &str,
    kind: &str,
) -> Result<Vec<Due>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.id, o.code, o.category, o.industry, o.elected_on, o.term_until FROM org o WHERE o.elected_on IS NOT NULL AND (o.elected_on, o.id) > ($1, $2) AND o.elected_on <= $3 AND o.status = 'ACTIVE' AND NOT EXISTS (SELECT 1 FROM term_notice n WHERE n.org_id = o.id AND n.elected_on = o.elected_on AND n.kind = $4) ORDER BY o.elected_on, o.id LIMIT 500"),
            args![from, id, to, kind],
        )
        .await?)
}

/// Notes that an organisation is told; `false` when it was.
pub(super) async fn note_term(
    cx: &mut Cx,
    _: &Permit,
    org: i64,
    elected_on: &str,
    kind: &str,
) -> Result<bool> {
    let noted = cx
        .tx
        .run(
            sql!("INSERT INTO term_notice (org_id, elected_on, kind, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"),
            args![org, elected_on, kind, cx.now()],
        )
        .await?;
    Ok(noted == 1)
}
