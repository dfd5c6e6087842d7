//! The statements of relocations; private to the room.

use super::{Relocation, RelocationId, machine::State};
use crate::{
    Cx, Error, OrgRef, Permit, Result, Scope, Who,
    clock::Millis,
    orgs::{Category, OrgId},
    people::PersonId,
};
use db::{args, sql};

db::row! {
    /// A relocation with its three organisations as they stand now.
    pub(super) struct Stored {
        id: RelocationId,
        no: String,
        version: i64,
        state: String,
        started_by: PersonId,
        starter_name: String,
        reason: String,
        deadline: Option<i64>,
        waits_for: Option<OrgId>,
        return_note: Option<String>,
        created_at: i64,
        ended_at: Option<i64>,
        m_id: OrgId, m_code: String, m_path: String, m_name: String, m_category: String, m_province: String,
        f_id: OrgId, f_code: String, f_path: String, f_name: String, f_category: String, f_province: String,
        t_id: OrgId, t_code: String, t_path: String, t_name: String, t_category: String, t_province: String,
    }
}

fn org(id: OrgId, [code, path, name, category, province]: [String; 5]) -> Result<OrgRef> {
    let category = Category::from_code(&category)
        .ok_or_else(|| Error::Broken("an organisation has an unknown category".into()))?;
    Ok(OrgRef { id, code, path, short_name: name, category, province })
}

impl Stored {
    pub(super) fn read(self) -> Result<Relocation> {
        let state = State::from_code(&self.state)
            .ok_or_else(|| Error::Broken("a relocation has an unknown state".into()))?;
        Ok(Relocation {
            id: self.id,
            no: self.no,
            version: self.version,
            state,
            org: org(
                self.m_id,
                [self.m_code, self.m_path, self.m_name, self.m_category, self.m_province],
            )?,
            old_parent: org(
                self.f_id,
                [self.f_code, self.f_path, self.f_name, self.f_category, self.f_province],
            )?,
            new_parent: org(
                self.t_id,
                [self.t_code, self.t_path, self.t_name, self.t_category, self.t_province],
            )?,
            started_by: self.started_by,
            starter_name: self.starter_name,
            reason: self.reason,
            deadline: self.deadline,
            waits_for: self.waits_for,
            return_note: self.return_note,
            created_at: self.created_at,
            ended_at: self.ended_at,
        })
    }
}

pub(super) async fn by_no(cx: &mut Cx, no: &str) -> Result<Option<Stored>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT r.id, r.no, r.version, r.state, r.started_by, b.name, r.reason, r.deadline, r.waits_for, r.return_note, r.created_at, r.ended_at, m.id, m.code, m.path, m.short_name, m.category, m.province, f.id, f.code, f.path, f.short_name, f.category, f.province, t.id, t.code, t.path, t.short_name, t.category, t.province FROM relocation r JOIN person b ON b.id = r.started_by JOIN org m ON m.id = r.org_id JOIN org f ON f.id = r.old_parent JOIN org t ON t.id = r.new_parent WHERE r.no = $1"),
            args![no],
        )
        .await?)
}

/// The number of an open relocation at this path, above or below it.
pub(super) async fn open_on(cx: &mut Cx, path: &str) -> Result<Option<String>> {
    let below = Scope::subtree(path);
    let above = (1..=path.len() / 3).filter_map(|n| path.get(..n * 3));
    let rows = above.map(|p| vec![p.into()]).collect();
    let found: Vec<(String,)> = cx
        .tx
        .all_of(
            sql!("SELECT no FROM relocation WHERE open_path IN (SELECT v.path FROM {rows: path text} AS v) UNION ALL SELECT no FROM relocation WHERE open_path >= $1 AND open_path < $2 LIMIT 1"),
            args![&below.lo, &below.hi],
            rows,
        )
        .await?;
    Ok(found.into_iter().next().map(|(no,)| no))
}

pub(super) async fn is_taken(cx: &mut Cx, no: &str) -> Result<bool> {
    let found: Option<(i64,)> =
        cx.tx.opt(sql!("SELECT id FROM relocation WHERE no = $1"), args![no]).await?;
    Ok(found.is_some())
}

pub(super) async fn is_active(cx: &mut Cx, org: OrgId) -> Result<bool> {
    let (status,): (String,) =
        cx.tx.one(sql!("SELECT status FROM org WHERE id = $1"), args![org]).await?;
    Ok(status == "ACTIVE")
}

/// A relocation to be put in.
pub(super) struct New<'a> {
    pub(super) id: RelocationId,
    pub(super) no: &'a str,
    pub(super) org: &'a OrgRef,
    pub(super) old_parent: OrgId,
    pub(super) new_parent: OrgId,
    pub(super) started_by: PersonId,
    pub(super) reason: &'a str,
    pub(super) at: Standing,
}

/// Where it stands: the columns that every step sets anew.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) state: State,
    pub(super) waits_for: Option<OrgId>,
    pub(super) deadline: Option<Millis>,
    pub(super) remind_at: Option<Millis>,
}

pub(super) async fn insert(cx: &mut Cx, _: &Permit, new: New<'_>) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO relocation (id, no, org_id, open_path, old_parent, new_parent, started_by, reason, state, waits_for, deadline, remind_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"),
            args![
                new.id, new.no, new.org.id, &new.org.path, new.old_parent, new.new_parent,
                new.started_by, new.reason, new.at.state.code(), new.at.waits_for,
                new.at.deadline, new.at.remind_at, cx.now()
            ],
        )
        .await?;
    Ok(())
}

/// Brings it from the state that was read into another one; `false` when somebody else did
/// something with it meanwhile.
pub(super) async fn step_to(
    cx: &mut Cx,
    _: &Permit,
    read: &Relocation,
    at: Standing,
    return_note: Option<&str>,
) -> Result<bool> {
    let ended = at.state.ended().then(|| cx.now());
    let done = cx
        .tx
        .run(
            sql!("UPDATE relocation SET state = $1, waits_for = $2, deadline = $3, remind_at = $4, ended_at = $5, open_path = CASE WHEN CAST($5 AS BIGINT) IS NULL THEN open_path END, return_note = $6, version = version + 1 WHERE id = $7 AND version = $8 AND state = $9"),
            args![
                at.state.code(), at.waits_for, at.deadline, at.remind_at, ended, return_note,
                read.id, read.version, read.state.code()
            ],
        )
        .await?;
    Ok(done == 1)
}

pub(super) async fn add_step(
    cx: &mut Cx,
    _: &Permit,
    id: RelocationId,
    verb: &str,
    state: State,
    note: &str,
) -> Result<()> {
    let (actor, actor_id, org): (String, Option<PersonId>, Option<OrgId>) = match cx.who() {
        Who::Person(v) => (v.name.clone(), Some(v.person), v.acting.as_ref().map(|g| g.org.id)),
        _ => ("系统".to_owned(), None, None),
    };
    cx.tx
        .run(
            sql!("INSERT INTO relocation_step (relocation_id, no, at, verb, actor, actor_id, org_id, state, note) SELECT $1, COALESCE(MAX(no), 0) + 1, $2, $3, $4, $5, $6, $7, $8 FROM relocation_step WHERE relocation_id = $1"),
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

pub(super) async fn steps(cx: &mut Cx, id: RelocationId) -> Result<Vec<Step>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT s.at, s.verb, s.actor, o.short_name, s.state, s.note FROM relocation_step s LEFT JOIN org o ON o.id = s.org_id WHERE s.relocation_id = $1 ORDER BY s.no"),
            args![id],
        )
        .await?)
}

/// When the present step began.
pub(super) async fn entered(cx: &mut Cx, id: RelocationId, state: State) -> Result<Millis> {
    let (at,): (Option<i64>,) = cx
        .tx
        .one(
            sql!("SELECT MIN(at) FROM relocation_step WHERE relocation_id = $1 AND state = $2"),
            args![id, state.code()],
        )
        .await?;
    Ok(at.unwrap_or_else(|| cx.now()))
}

/// Sets the next reminder; `false` when another node has sent this one.
pub(super) async fn set_reminder(
    cx: &mut Cx,
    _: &Permit,
    id: RelocationId,
    next: Option<Millis>,
) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE relocation SET remind_at = $1 WHERE id = $2 AND ended_at IS NULL AND remind_at <= $3"),
            args![next, id, cx.now()],
        )
        .await?;
    Ok(done == 1)
}

pub(super) async fn overdue(cx: &mut Cx, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT no FROM relocation WHERE ended_at IS NULL AND deadline < $1 ORDER BY deadline, id LIMIT $2"),
            args![cx.now(), limit],
        )
        .await?)
}

pub(super) async fn to_remind(cx: &mut Cx, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT no FROM relocation WHERE ended_at IS NULL AND remind_at <= $1 ORDER BY remind_at, id LIMIT $2"),
            args![cx.now(), limit],
        )
        .await?)
}

/// Open ones of which an organisation is no more, or whose mover has another superior by now.
pub(super) async fn orphans(cx: &mut Cx, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT r.no FROM relocation r JOIN org m ON m.id = r.org_id JOIN org f ON f.id = r.old_parent JOIN org t ON t.id = r.new_parent WHERE r.ended_at IS NULL AND (m.status <> 'ACTIVE' OR f.status <> 'ACTIVE' OR t.status <> 'ACTIVE' OR m.parent_id <> r.old_parent) LIMIT $1"),
            args![limit],
        )
        .await?)
}

pub(super) async fn count_waiting(cx: &mut Cx, org: OrgId) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT id FROM relocation WHERE waits_for = $1 AND ended_at IS NULL LIMIT 100) AS r"),
            args![org],
        )
        .await?;
    Ok(count)
}

db::row! {
    /// A line of a list.
    pub(super) struct Line {
        pub(super) id: RelocationId,
        pub(super) no: String,
        pub(super) state: String,
        pub(super) org_name: String,
        pub(super) from_name: String,
        pub(super) to_name: String,
        pub(super) starter_name: String,
        pub(super) waits_name: Option<String>,
        pub(super) deadline: Option<i64>,
        pub(super) created_at: i64,
        pub(super) ended_at: Option<i64>,
    }
}

/// Of an organisation, from it and to it, the newest first.
pub(super) async fn of_org(cx: &mut Cx, org: OrgId, before: i64, limit: i64) -> Result<Vec<Line>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT r.id, r.no, r.state, m.short_name, f.short_name, t.short_name, b.name, w.short_name, r.deadline, r.created_at, r.ended_at FROM relocation r JOIN org m ON m.id = r.org_id JOIN org f ON f.id = r.old_parent JOIN org t ON t.id = r.new_parent JOIN person b ON b.id = r.started_by LEFT JOIN org w ON w.id = r.waits_for WHERE r.id IN (SELECT id FROM relocation WHERE org_id = $1 AND id < $2 UNION SELECT id FROM relocation WHERE old_parent = $1 AND id < $2 UNION SELECT id FROM relocation WHERE new_parent = $1 AND id < $2 AND state <> 'pending_old') ORDER BY r.id DESC LIMIT $3"),
            args![org, before, limit],
        )
        .await?)
}

pub(super) async fn waiting_for(cx: &mut Cx, org: OrgId, limit: i64) -> Result<Vec<Line>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT r.id, r.no, r.state, m.short_name, f.short_name, t.short_name, b.name, w.short_name, r.deadline, r.created_at, r.ended_at FROM relocation r JOIN org m ON m.id = r.org_id JOIN org f ON f.id = r.old_parent JOIN org t ON t.id = r.new_parent JOIN person b ON b.id = r.started_by JOIN org w ON w.id = r.waits_for WHERE r.waits_for = $1 AND r.ended_at IS NULL ORDER BY r.deadline, r.id LIMIT $2"),
            args![org, limit],
        )
        .await?)
}

db::row! {
    /// Business below a path, each counted to 1000.
    pub(super) struct Business {
        pub(super) administrators: i64,
        pub(super) transfers_out: i64,
        pub(super) transfers_in: i64,
        pub(super) imports: i64,
    }
}

pub(super) async fn business(cx: &mut Cx, path: &str) -> Result<Business> {
    let below = Scope::subtree(path);
    Ok(cx
        .tx
        .one(
            sql!("SELECT (SELECT COUNT(*) FROM org o JOIN admin_seat s ON s.org_id = o.id WHERE o.path >= $1 AND o.path < $2), (SELECT COUNT(*) FROM (SELECT 1 FROM member WHERE org_path >= $1 AND org_path < $2 AND status = 'moving' LIMIT 1000) AS a), (SELECT COUNT(*) FROM (SELECT 1 FROM org o JOIN transfer t ON t.waits_for = o.id AND t.ended_at IS NULL WHERE o.path >= $1 AND o.path < $2 LIMIT 1000) AS b), (SELECT COUNT(*) FROM (SELECT 1 FROM import WHERE org_path >= $1 AND org_path < $2 AND ended_at IS NULL LIMIT 1000) AS c)"),
            args![&below.lo, &below.hi],
        )
        .await?)
}

db::row! {
    /// A direct child.
    pub(super) struct Child {
        pub(super) id: OrgId,
        pub(super) code: String,
        pub(super) short_name: String,
    }
}

pub(super) async fn children_of(cx: &mut Cx, org: OrgId) -> Result<Vec<Child>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, code, short_name FROM org WHERE parent_id = $1 AND status <> 'DELETED' ORDER BY sort_no, id"),
            args![org],
        )
        .await?)
}

db::row! {
    /// What stands in one organisation alone.
    pub(super) struct Within {
        pub(super) members: i64,
        pub(super) cadres: i64,
        pub(super) administrators: i64,
        pub(super) transfers: i64,
        pub(super) imports: i64,
    }
}

pub(super) async fn standing_in(cx: &mut Cx, org: &OrgRef) -> Result<Within> {
    Ok(cx
        .tx
        .one(
            sql!("SELECT (SELECT COUNT(*) FROM member WHERE org_path = $1), (SELECT COUNT(*) FROM cadre WHERE org_path = $1 AND ended_at IS NULL), (SELECT COUNT(*) FROM admin_seat WHERE org_id = $2), (SELECT COUNT(*) FROM (SELECT id FROM transfer WHERE from_org = $2 AND ended_at IS NULL UNION SELECT id FROM transfer WHERE to_org = $2 AND ended_at IS NULL UNION SELECT id FROM transfer WHERE waits_for = $2 AND ended_at IS NULL) AS t), (SELECT COUNT(*) FROM import WHERE org_path = $1 AND ended_at IS NULL)"),
            args![&org.path, org.id],
        )
        .await?)
}

pub(super) async fn administrators(cx: &mut Cx, org: &OrgRef) -> Result<Vec<PersonId>> {
    let found: Vec<(PersonId,)> = cx
        .tx
        .all(
            sql!("SELECT person_id FROM admin_seat WHERE org_id = $1 ORDER BY slot"),
            args![org.id],
        )
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

db::row! {
    /// A member who may go into a new branch.
    pub(super) struct Member {
        pub(super) code: String,
        pub(super) name: String,
        pub(super) moving: bool,
        pub(super) post: Option<String>,
    }
}

pub(super) async fn members_of(cx: &mut Cx, org: &OrgRef, limit: i64) -> Result<Vec<Member>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT p.code, m.name, m.status = 'moving', c.post FROM member m JOIN person p ON p.id = m.person_id LEFT JOIN cadre c ON c.person_id = m.person_id AND c.org_id = m.org_id AND c.ended_at IS NULL WHERE m.org_path = $1 ORDER BY m.name_py, m.person_id LIMIT $2"),
            args![&org.path, limit],
        )
        .await?)
}

/// The members of a branch with these codes.
pub(super) async fn persons_of(
    cx: &mut Cx,
    org: &OrgRef,
    codes: &[&str],
) -> Result<Vec<(PersonId,)>> {
    let rows = codes.iter().map(|code| vec![(*code).into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT p.id FROM {rows: code text} AS v JOIN person p ON p.code = v.code JOIN member m ON m.person_id = p.id WHERE m.org_id = $1"),
            args![org.id],
            rows,
        )
        .await?)
}

/// Whether both organisations have a living holding branch.
pub(super) async fn have_holding(cx: &mut Cx, one: OrgId, other: OrgId) -> Result<bool> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM org WHERE parent_id IN ($1, $2) AND category = 'HOLDING' AND status <> 'DELETED'"),
            args![one, other],
        )
        .await?;
    Ok(count > 1)
}
