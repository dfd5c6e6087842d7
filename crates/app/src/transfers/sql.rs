//! The statements that only transfers need; private to the room. What all business shares is in
//! `business`.

use crate::{
    Cx, Error, OrgRef, Permit, Result,
    business::{BusinessId, machine::State},
    clock::Millis,
    orgs::OrgId,
    people::PersonId,
};
use db::{Rows, args, sql};

/// The number of a person's open transfer.
pub(super) async fn open_of(cx: &mut Cx, person: PersonId) -> Result<Option<String>> {
    let found: Option<(String,)> = cx
        .tx
        .opt(
            sql!("SELECT no FROM business WHERE person_id = $1 AND kind = 'transfer' AND ended_at IS NULL"),
            args![person],
        )
        .await?;
    Ok(found.map(|(no,)| no))
}

/// Whether an organisation is active now; for pages, which only read.
pub(super) async fn seems_active(cx: &mut Cx, org: OrgId) -> Result<bool> {
    let (status,): (String,) =
        cx.tx.one(sql!("SELECT status FROM org WHERE id = $1"), args![org]).await?;
    Ok(status == "ACTIVE")
}

/// Whether an organisation is active, kept from changing until the transaction ends (security 27).
/// Whether it is a 乡镇、街道 and whether a school's, as far as is known.
pub(super) async fn kinds_of(cx: &mut Cx, org: OrgId) -> Result<(bool, bool)> {
    let (township, industry): (Option<bool>, Option<String>) =
        cx.tx.one(sql!("SELECT is_township, industry FROM org WHERE id = $1"), args![org]).await?;
    let tree = &crate::rules::Rules::builtin().tree;
    let school = industry.and_then(|code| tree.industry(&code)).is_some_and(|row| row.is_school);
    Ok((township.unwrap_or(false), school))
}

pub(super) async fn is_active(cx: &mut Cx, org: OrgId) -> Result<bool> {
    let (status,): (String,) =
        cx.tx.one(sql!("SELECT status FROM org WHERE id = $1 {pg: FOR SHARE}"), args![org]).await?;
    Ok(status == "ACTIVE")
}

/// Numbers of open transfers whose target was closed since then.
pub(super) async fn without_target(
    cx: &mut Cx,
    since: Millis,
    limit: i64,
) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.no FROM org o CROSS JOIN business t WHERE o.status = 'DELETED' AND o.updated_at > $1 AND t.to_org = o.id AND t.ended_at IS NULL AND t.kind = 'transfer' LIMIT $2"),
            args![since, limit],
        )
        .await?)
}

db::row! {
    /// An open transfer as a closing sees it.
    #[derive(Clone, Debug)]
    pub struct Open {
        /// 业务编号.
        pub no: String,
        pub name: String,
        pub from: String,
        pub to: String,
    }
}

/// Open transfers towards an organisation, at most `limit`.
pub(super) async fn open_to(cx: &mut Cx, org: OrgId, limit: i64) -> Result<Vec<Open>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.no, p.name, f.short_name, o.short_name FROM business t JOIN person p ON p.id = t.person_id JOIN org f ON f.id = t.from_org JOIN org o ON o.id = t.to_org WHERE t.to_org = $1 AND t.kind = 'transfer' AND t.ended_at IS NULL ORDER BY t.id LIMIT $2"),
            args![org, limit],
        )
        .await?)
}

/// Open transfers out of an organisation, at most `limit`.
pub(super) async fn open_from(cx: &mut Cx, org: OrgId, limit: i64) -> Result<Vec<Open>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.no, p.name, f.short_name, o.short_name FROM business t JOIN person p ON p.id = t.person_id JOIN org f ON f.id = t.from_org JOIN org o ON o.id = t.to_org WHERE t.from_org = $1 AND t.kind = 'transfer' AND t.ended_at IS NULL ORDER BY t.id LIMIT $2"),
            args![org, limit],
        )
        .await?)
}

/// The open transfers out of an organisation go on from another one; the versions stay, because
/// what is to be decided has not changed. Returns how many.
pub(super) async fn leave_from(cx: &mut Cx, _: &Permit, from: OrgId, to: &OrgRef) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE business SET from_org = $1, waits_for = CASE WHEN waits_for = $2 THEN $1 ELSE waits_for END WHERE from_org = $2 AND kind = 'transfer' AND ended_at IS NULL"),
            args![to.id, from],
        )
        .await?)
}

/// As [`leave_from`], for the transfers of these people alone.
pub(super) async fn leave_from_of(
    cx: &mut Cx,
    _: &Permit,
    from: OrgId,
    to: &OrgRef,
    people: Rows,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE business SET from_org = $1, waits_for = CASE WHEN waits_for = $2 THEN $1 ELSE waits_for END WHERE from_org = $2 AND kind = 'transfer' AND ended_at IS NULL AND person_id IN (SELECT id FROM {rows: id int} AS v)"),
            args![to.id, from],
            people,
        )
        .await?)
}

/// What an organisation began is from now on its superior's.
pub(super) async fn hand_over(cx: &mut Cx, _: &Permit, org: OrgId, superior: OrgId) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!(
                "UPDATE business SET started_org = $1 WHERE started_org = $2 AND kind = 'transfer' AND ended_at IS NULL"
            ),
            args![superior, org],
        )
        .await?)
}

db::row! {
    /// What is noted for taking a decision back.
    pub(super) struct Undo {
        /// The transfer's after the decision.
        pub(super) version: i64,
        pub(super) by_person: PersonId,
        pub(super) by_org: OrgId,
        pub(super) until: i64,
        state: String,
        deadline: Option<i64>,
        moved: Option<String>,
    }
}
impl Undo {
    /// State and deadline before the decision.
    pub(super) fn before(&self) -> Result<(State, Option<Millis>)> {
        Ok((
            State::from_code(&self.state)
                .ok_or_else(|| Error::Broken("a noted state is unknown".into()))?,
            self.deadline,
        ))
    }
    /// What the move changed, if there was one.
    pub(super) fn moved(&self) -> Result<Option<crate::people::Moved>> {
        let read = self.moved.as_deref().map(serde_json::from_str).transpose();
        read.map_err(|e| Error::Broken(format!("a noted move: {e}")))
    }
}

/// Notes how a transfer stood before a decision; the newest decision is the one that counts.
pub(super) async fn note_undo(
    cx: &mut Cx,
    _: &Permit,
    t: &super::Transfer,
    before: (State, Option<Millis>),
    until: Millis,
    moved: Option<String>,
) -> Result<()> {
    let (me, org) = (cx.visitor()?.person, cx.org()?.id);
    cx.tx
        .run(
            sql!("INSERT INTO transfer_undo (transfer_id, version, by_person, by_org, until, state, deadline, moved) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (transfer_id) DO UPDATE SET version = excluded.version, by_person = excluded.by_person, by_org = excluded.by_org, until = excluded.until, state = excluded.state, deadline = excluded.deadline, moved = excluded.moved"),
            args![t.id, t.version, me, org, until, before.0.code(), before.1, moved],
        )
        .await?;
    Ok(())
}

pub(super) async fn undo_of(cx: &mut Cx, id: BusinessId) -> Result<Option<Undo>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT version, by_person, by_org, until, state, deadline, moved FROM transfer_undo WHERE transfer_id = $1"),
            args![id],
        )
        .await?)
}

pub(super) async fn forget_undo(cx: &mut Cx, _: &Permit, id: BusinessId) -> Result<()> {
    cx.tx.run(sql!("DELETE FROM transfer_undo WHERE transfer_id = $1"), args![id]).await?;
    Ok(())
}

/// Somebody's own decisions for an organisation that can still be taken back: 业务编号, version, name
/// and until when, the newest first.
pub(super) async fn undoable(
    cx: &mut Cx,
    person: PersonId,
    org: OrgId,
    now: Millis,
) -> Result<Vec<(String, i64, String, i64)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.no, t.version, p.name, u.until FROM transfer_undo u JOIN business t ON t.id = u.transfer_id AND t.version = u.version JOIN person p ON p.id = t.person_id WHERE u.by_person = $1 AND u.until > $2 AND u.by_org = $3 ORDER BY u.until DESC LIMIT 5"),
            args![person, now, org],
        )
        .await?)
}

/// What is sealed, in the order of ids.
pub(super) async fn sealed_after(
    cx: &mut Cx,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, Option<Vec<u8>>)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, fields_ct FROM business WHERE id > $1 AND kind = 'transfer' ORDER BY id LIMIT $2"),
            args![after, limit],
        )
        .await?)
}

/// Forgets what can no longer be taken back, at most `limit` at a time.
pub(super) async fn forget_old_undos(cx: &mut Cx, _: &Permit, limit: i64) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("DELETE FROM transfer_undo WHERE transfer_id IN (SELECT transfer_id FROM transfer_undo WHERE until < $1 ORDER BY until LIMIT $2)"),
            args![cx.now(), limit],
        )
        .await?)
}

/// The administrators of an organisation: person, code, name.
pub(super) async fn administrators(
    cx: &mut Cx,
    org: OrgId,
) -> Result<Vec<(PersonId, String, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT p.id, p.code, p.name FROM admin_seat s JOIN person p ON p.id = s.person_id WHERE s.org_id = $1 ORDER BY s.slot"),
            args![org],
        )
        .await?)
}

/// How often a transfer was passed on since `since`.
pub(super) async fn passes_since(cx: &mut Cx, id: BusinessId, since: Millis) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM business_step WHERE business_id = $1 AND verb = 'pass' AND at > $2"),
            args![id, since],
        )
        .await?;
    Ok(count)
}

/// The same words under another key: no version changes. Rows of `(id, fields_ct)`.
pub(super) async fn reseal(cx: &mut Cx, _: &Permit, rows: db::Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE business SET fields_ct = v.sealed FROM {rows: id int, sealed blob} AS v WHERE business.id = v.id"),
            &[],
            rows,
        )
        .await?)
}
