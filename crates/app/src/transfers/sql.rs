//! The transfers' statements; private to the room. What is deciding is guarded: a change goes
//! through only in the state and version that was read.

use super::{
    TransferId,
    machine::{State, Variant},
};
use crate::{
    Cx, Error, OrgRef, Permit, Result,
    clock::Millis,
    orgs::{Category, OrgId},
    people::PersonId,
};
use db::{Rows, args, sql};

pub(super) async fn count_waiting(cx: &mut Cx, org: OrgId) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT id FROM transfer WHERE waits_for = $1 AND ended_at IS NULL LIMIT 100) AS t"),
            args![org],
        )
        .await?;
    Ok(count)
}

db::row! {
    /// A transfer with the organisations and names that it is about.
    pub(super) struct Stored {
        pub(super) id: TransferId,
        pub(super) no: String,
        pub(super) version: i64,
        variant: String,
        state: String,
        pub(super) person: PersonId,
        pub(super) person_code: String,
        pub(super) person_name: String,
        pub(super) started_by: PersonId,
        pub(super) starter_name: String,
        pub(super) reason: String,
        pub(super) fields_ct: Option<Vec<u8>>,
        pub(super) remark: String,
        pub(super) deadline: Option<i64>,
        pub(super) waits_for: Option<OrgId>,
        pub(super) branch: Option<OrgId>,
        pub(super) return_reason: Option<String>,
        pub(super) return_note: Option<String>,
        pub(super) urged_at: Option<i64>,
        pub(super) created_at: i64,
        pub(super) ended_at: Option<i64>,
        s_id: OrgId, s_code: String, s_path: String, s_name: String, s_category: String, s_province: String,
        f_id: OrgId, f_code: String, f_path: String, f_name: String, f_category: String, f_province: String,
        t_id: OrgId, t_code: String, t_path: String, t_name: String, t_category: String, t_province: String,
    }
}
impl Stored {
    pub(super) fn variant(&self) -> Result<Variant> {
        Variant::from_code(&self.variant).ok_or_else(|| unknown("variant"))
    }
    pub(super) fn state(&self) -> Result<State> {
        State::from_code(&self.state).ok_or_else(|| unknown("state"))
    }
    /// The organisation that began it, the source and the target.
    pub(super) fn orgs(&self) -> Result<(OrgRef, OrgRef, OrgRef)> {
        let org = |id: OrgId, [code, path, name, category, province]: [&String; 5]| {
            Ok::<_, Error>(OrgRef {
                id,
                code: code.clone(),
                path: path.clone(),
                short_name: name.clone(),
                category: Category::from_code(category).ok_or_else(|| unknown("category"))?,
                province: province.clone(),
            })
        };
        Ok((
            org(
                self.s_id,
                [&self.s_code, &self.s_path, &self.s_name, &self.s_category, &self.s_province],
            )?,
            org(
                self.f_id,
                [&self.f_code, &self.f_path, &self.f_name, &self.f_category, &self.f_province],
            )?,
            org(
                self.t_id,
                [&self.t_code, &self.t_path, &self.t_name, &self.t_category, &self.t_province],
            )?,
        ))
    }
}

fn unknown(what: &str) -> Error {
    Error::Broken(format!("a transfer has an unknown {what}"))
}

pub(super) async fn by_no(cx: &mut Cx, no: &str) -> Result<Option<Stored>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT t.id, t.no, t.version, t.variant, t.state, t.person_id, p.code, p.name, t.started_by, b.name, t.reason, t.fields_ct, t.remark, t.deadline, t.waits_for, t.branch_id, t.return_reason, t.return_note, t.urged_at, t.created_at, t.ended_at, s.id, s.code, s.path, s.short_name, s.category, s.province, f.id, f.code, f.path, f.short_name, f.category, f.province, o.id, o.code, o.path, o.short_name, o.category, o.province FROM transfer t JOIN person p ON p.id = t.person_id JOIN person b ON b.id = t.started_by JOIN org s ON s.id = t.started_org JOIN org f ON f.id = t.from_org JOIN org o ON o.id = t.to_org WHERE t.no = $1"),
            args![no],
        )
        .await?)
}

/// The number of a person's open transfer.
pub(super) async fn open_of(cx: &mut Cx, person: PersonId) -> Result<Option<String>> {
    let found: Option<(String,)> = cx
        .tx
        .opt(
            sql!("SELECT no FROM transfer WHERE person_id = $1 AND ended_at IS NULL"),
            args![person],
        )
        .await?;
    Ok(found.map(|(no,)| no))
}

pub(super) async fn is_taken(cx: &mut Cx, no: &str) -> Result<bool> {
    let found: Option<(i64,)> =
        cx.tx.opt(sql!("SELECT id FROM transfer WHERE no = $1"), args![no]).await?;
    Ok(found.is_some())
}

/// Whether an organisation is active now; for pages, which only read.
pub(super) async fn seems_active(cx: &mut Cx, org: OrgId) -> Result<bool> {
    let (status,): (String,) =
        cx.tx.one(sql!("SELECT status FROM org WHERE id = $1"), args![org]).await?;
    Ok(status == "ACTIVE")
}

/// Whether an organisation is active, kept from changing until the transaction ends (security 27).
pub(super) async fn is_active(cx: &mut Cx, org: OrgId) -> Result<bool> {
    let (status,): (String,) =
        cx.tx.one(sql!("SELECT status FROM org WHERE id = $1 {pg: FOR SHARE}"), args![org]).await?;
    Ok(status == "ACTIVE")
}

/// The copies of paths on transfers of a subtree, after it has moved to `lo`.
pub(super) async fn repath(cx: &mut Cx, _: &Permit, lo: &str, hi: &str) -> Result<()> {
    for statement in [
        sql!(
            "UPDATE transfer SET from_path = o.path FROM org o WHERE o.path >= $1 AND o.path < $2 AND transfer.from_org = o.id"
        ),
        sql!(
            "UPDATE transfer SET to_path = o.path FROM org o WHERE o.path >= $1 AND o.path < $2 AND transfer.to_org = o.id"
        ),
    ] {
        cx.tx.run(statement, args![lo, hi]).await?;
    }
    Ok(())
}

/// A transfer to be put in.
pub(super) struct New<'a> {
    pub(super) id: TransferId,
    pub(super) no: &'a str,
    pub(super) person: PersonId,
    pub(super) variant: Variant,
    pub(super) started_by: PersonId,
    pub(super) started_org: OrgId,
    pub(super) from: &'a OrgRef,
    pub(super) to: &'a OrgRef,
    pub(super) reason: &'a str,
    pub(super) fields_ct: Option<Vec<u8>>,
    pub(super) remark: &'a str,
    pub(super) at: Standing,
}

/// Where a transfer stands: the columns that every step sets anew.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) state: State,
    pub(super) waits_for: Option<OrgId>,
    pub(super) deadline: Option<Millis>,
    pub(super) remind_at: Option<Millis>,
}

pub(super) async fn insert(cx: &mut Cx, _: &Permit, new: New<'_>) -> Result<()> {
    let starter = if new.variant.comes_from_target() { "target" } else { "source" };
    cx.tx
        .run(
            sql!("INSERT INTO transfer (id, no, person_id, variant, starter, started_by, started_org, from_org, from_path, to_org, to_path, reason, fields_ct, remark, state, waits_for, deadline, remind_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"),
            args![
                new.id, new.no, new.person, new.variant.code(), starter, new.started_by,
                new.started_org, new.from.id, &new.from.path, new.to.id, &new.to.path, new.reason, new.fields_ct,
                new.remark, new.at.state.code(), new.at.waits_for, new.at.deadline,
                new.at.remind_at, cx.now()
            ],
        )
        .await?;
    Ok(())
}

/// Notes the branch that was meant when a transfer began.
pub(super) async fn set_wish(cx: &mut Cx, _: &Permit, id: TransferId, branch: OrgId) -> Result<()> {
    cx.tx.run(sql!("UPDATE transfer SET wish_id = $1 WHERE id = $2"), args![branch, id]).await?;
    Ok(())
}

/// The branch that was meant when a transfer began.
pub(super) async fn wish(cx: &mut Cx, id: TransferId) -> Result<Option<OrgId>> {
    let found: Option<(Option<OrgId>,)> =
        cx.tx.opt(sql!("SELECT wish_id FROM transfer WHERE id = $1"), args![id]).await?;
    Ok(found.and_then(|(branch,)| branch))
}

/// How a transfer ended, besides its state.
#[derive(Default)]
pub(super) struct Ending<'a> {
    pub(super) branch: Option<OrgId>,
    pub(super) return_reason: Option<&'a str>,
    pub(super) return_note: Option<&'a str>,
}

/// Brings a transfer from the state that was read into another one; `false` when somebody else
/// did something with it meanwhile.
pub(super) async fn step_to(
    cx: &mut Cx,
    _: &Permit,
    read: (TransferId, i64, State),
    at: Standing,
    ending: Ending<'_>,
) -> Result<bool> {
    let (id, version, state) = read;
    let ended = at.state.ended().then(|| cx.now());
    let done = cx
        .tx
        .run(
            sql!("UPDATE transfer SET state = $1, waits_for = $2, deadline = $3, remind_at = $4, ended_at = $5, branch_id = $6, return_reason = $7, return_note = $8, version = version + 1 WHERE id = $9 AND version = $10 AND state = $11"),
            args![
                at.state.code(), at.waits_for, at.deadline, at.remind_at, ended, ending.branch,
                ending.return_reason, ending.return_note, id, version, state.code()
            ],
        )
        .await?;
    Ok(done == 1)
}

pub(super) async fn add_step(
    cx: &mut Cx,
    _: &Permit,
    id: TransferId,
    verb: &str,
    state: State,
    note: &str,
) -> Result<()> {
    let (actor, actor_id, org) = super::actor(cx);
    cx.tx
        .run(
            sql!("INSERT INTO transfer_step (transfer_id, no, at, verb, actor, actor_id, org_id, state, note) SELECT $1, COALESCE(MAX(no), 0) + 1, $2, $3, $4, $5, $6, $7, $8 FROM transfer_step WHERE transfer_id = $1"),
            args![id, cx.now(), verb, actor, actor_id, org, state.code(), note],
        )
        .await?;
    Ok(())
}

db::row! {
    /// A step that was taken.
    #[derive(Clone, Debug)]
    pub struct Step {
        pub at: i64,
        /// As stored: `submit`, `approve`, …
        pub verb: String,
        pub actor: String,
        /// For which organisation; `None` for the system.
        pub org: Option<String>,
        /// The state that it led to.
        pub state: String,
        pub note: String,
    }
}

pub(super) async fn steps(cx: &mut Cx, id: TransferId) -> Result<Vec<Step>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT s.at, s.verb, s.actor, o.short_name, s.state, s.note FROM transfer_step s LEFT JOIN org o ON o.id = s.org_id WHERE s.transfer_id = $1 ORDER BY s.no"),
            args![id],
        )
        .await?)
}

/// Notes a 催办; `false` when there was one after `since` or the transfer has ended.
pub(super) async fn urge(cx: &mut Cx, _: &Permit, id: TransferId, since: Millis) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE transfer SET urged_at = $1 WHERE id = $2 AND ended_at IS NULL AND COALESCE(urged_at, created_at) <= $3"),
            args![cx.now(), id, since],
        )
        .await?;
    Ok(done == 1)
}

/// Numbers of transfers whose step has waited too long, the longest first.
pub(super) async fn overdue(cx: &mut Cx, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT no FROM transfer WHERE ended_at IS NULL AND deadline < $1 ORDER BY deadline, id LIMIT $2"),
            args![cx.now(), limit],
        )
        .await?)
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
            sql!("SELECT t.no FROM org o JOIN transfer t ON t.to_org = o.id AND t.ended_at IS NULL WHERE o.status = 'DELETED' AND o.updated_at > $1 LIMIT $2"),
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
            sql!("SELECT t.no, p.name, f.short_name, o.short_name FROM transfer t JOIN person p ON p.id = t.person_id JOIN org f ON f.id = t.from_org JOIN org o ON o.id = t.to_org WHERE t.to_org = $1 AND t.ended_at IS NULL ORDER BY t.id LIMIT $2"),
            args![org, limit],
        )
        .await?)
}

/// Open transfers out of an organisation, at most `limit`.
pub(super) async fn open_from(cx: &mut Cx, org: OrgId, limit: i64) -> Result<Vec<Open>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.no, p.name, f.short_name, o.short_name FROM transfer t JOIN person p ON p.id = t.person_id JOIN org f ON f.id = t.from_org JOIN org o ON o.id = t.to_org WHERE t.from_org = $1 AND t.ended_at IS NULL ORDER BY t.id LIMIT $2"),
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
            sql!("UPDATE transfer SET from_org = $1, from_path = $2, waits_for = CASE WHEN waits_for = $3 THEN $1 ELSE waits_for END WHERE from_org = $3 AND ended_at IS NULL"),
            args![to.id, &to.path, from],
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
            sql!("UPDATE transfer SET from_org = $1, from_path = $2, waits_for = CASE WHEN waits_for = $3 THEN $1 ELSE waits_for END WHERE from_org = $3 AND ended_at IS NULL AND person_id IN (SELECT id FROM {rows: id int} AS v)"),
            args![to.id, &to.path, from],
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
                "UPDATE transfer SET started_org = $1 WHERE started_org = $2 AND ended_at IS NULL"
            ),
            args![superior, org],
        )
        .await?)
}

/// Numbers of transfers of which somebody is to be reminded now.
pub(super) async fn to_remind(cx: &mut Cx, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT no FROM transfer WHERE ended_at IS NULL AND remind_at <= $1 ORDER BY remind_at, id LIMIT $2"),
            args![cx.now(), limit],
        )
        .await?)
}

/// When the present step began.
pub(super) async fn entered(cx: &mut Cx, id: TransferId, state: State) -> Result<Millis> {
    let (at,): (Option<i64>,) = cx
        .tx
        .one(
            sql!("SELECT MIN(at) FROM transfer_step WHERE transfer_id = $1 AND state = $2 AND verb NOT IN ('urge','pass','undo')"),
            args![id, state.code()],
        )
        .await?;
    Ok(at.unwrap_or_else(|| cx.now()))
}

/// Sets the next reminder; `false` when another node has sent this one.
pub(super) async fn set_reminder(
    cx: &mut Cx,
    _: &Permit,
    id: TransferId,
    next: Option<Millis>,
) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE transfer SET remind_at = $1 WHERE id = $2 AND ended_at IS NULL AND remind_at <= $3"),
            args![next, id, cx.now()],
        )
        .await?;
    Ok(done == 1)
}

/// Steps that leave a transfer as it stands.
pub(super) const STILL: &[&str] = &["urge", "pass"];

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
        Ok((State::from_code(&self.state).ok_or_else(|| unknown("state"))?, self.deadline))
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

pub(super) async fn undo_of(cx: &mut Cx, id: TransferId) -> Result<Option<Undo>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT version, by_person, by_org, until, state, deadline, moved FROM transfer_undo WHERE transfer_id = $1"),
            args![id],
        )
        .await?)
}

pub(super) async fn forget_undo(cx: &mut Cx, _: &Permit, id: TransferId) -> Result<()> {
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
            sql!("SELECT t.no, t.version, p.name, u.until FROM transfer_undo u JOIN transfer t ON t.id = u.transfer_id AND t.version = u.version JOIN person p ON p.id = t.person_id WHERE u.by_person = $1 AND u.until > $2 AND u.by_org = $3 ORDER BY u.until DESC LIMIT 5"),
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
            sql!("SELECT id, fields_ct FROM transfer WHERE id > $1 ORDER BY id LIMIT $2"),
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
pub(super) async fn passes_since(cx: &mut Cx, id: TransferId, since: Millis) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM transfer_step WHERE transfer_id = $1 AND verb = 'pass' AND at > $2"),
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
            sql!("UPDATE transfer SET fields_ct = v.sealed FROM {rows: id int, sealed blob} AS v WHERE transfer.id = v.id"),
            &[],
            rows,
        )
        .await?)
}
