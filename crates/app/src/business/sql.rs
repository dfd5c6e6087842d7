//! The statements of business; private to the room but for those that another room's own step needs.
//! What is deciding is guarded: a change goes through only in the state and version that was read.

use super::{
    BusinessId, Case, New, Standing, Subject, Turn,
    machine::{Kind, State, Variant, Verb},
};
use crate::{
    Cx, Error, OrgRef, Permit, Result, Who,
    clock::Millis,
    orgs::{Category, OrgId},
    people::PersonId,
};
use db::{args, sql};

db::row! {
    /// A row with the organisations and names that it is about.
    pub(super) struct Stored {
        id: BusinessId,
        no: String,
        version: i64,
        variant: String,
        state: String,
        person: Option<PersonId>,
        person_code: Option<String>,
        person_name: Option<String>,
        started_by: PersonId,
        starter_name: String,
        reason: String,
        fields_ct: Option<Vec<u8>>,
        remark: String,
        wish: Option<OrgId>,
        deadline: Option<i64>,
        waits_for: Option<OrgId>,
        branch: Option<OrgId>,
        return_reason: Option<String>,
        return_note: Option<String>,
        urged_at: Option<i64>,
        created_at: i64,
        ended_at: Option<i64>,
        s_id: OrgId, s_code: String, s_path: String, s_name: String, s_category: String, s_province: String,
        f_id: OrgId, f_code: String, f_path: String, f_name: String, f_category: String, f_province: String,
        t_id: OrgId, t_code: String, t_path: String, t_name: String, t_category: String, t_province: String,
        m_id: Option<OrgId>, m_code: Option<String>, m_path: Option<String>, m_name: Option<String>, m_category: Option<String>, m_province: Option<String>,
    }
}

fn broken(what: &str) -> Error {
    Error::Broken(format!("a row of business has an unknown {what}"))
}

fn org(id: OrgId, [code, path, name, category, province]: [String; 5]) -> Result<OrgRef> {
    let category = Category::from_code(&category).ok_or_else(|| broken("category"))?;
    Ok(OrgRef { id, code, path, short_name: name, category, province })
}

impl Stored {
    pub(super) fn read(self) -> Result<Case> {
        let subject = match (self.person, self.m_id) {
            (Some(id), _) => Subject::Person {
                id,
                code: self.person_code.unwrap_or_default(),
                name: self.person_name.unwrap_or_default(),
            },
            (None, Some(id)) => Subject::Org(org(
                id,
                [self.m_code, self.m_path, self.m_name, self.m_category, self.m_province]
                    .map(Option::unwrap_or_default),
            )?),
            (None, None) => return Err(broken("subject")),
        };
        Ok(Case {
            id: self.id,
            no: self.no,
            version: self.version,
            variant: Variant::from_code(&self.variant).ok_or_else(|| broken("variant"))?,
            state: State::from_code(&self.state).ok_or_else(|| broken("state"))?,
            subject,
            started_by: self.started_by,
            starter_name: self.starter_name,
            started_org: org(
                self.s_id,
                [self.s_code, self.s_path, self.s_name, self.s_category, self.s_province],
            )?,
            from: org(
                self.f_id,
                [self.f_code, self.f_path, self.f_name, self.f_category, self.f_province],
            )?,
            to: org(
                self.t_id,
                [self.t_code, self.t_path, self.t_name, self.t_category, self.t_province],
            )?,
            reason: self.reason,
            remark: self.remark,
            wish: self.wish,
            deadline: self.deadline,
            waits_for: self.waits_for,
            branch: self.branch,
            return_reason: self.return_reason,
            return_note: self.return_note,
            urged_at: self.urged_at,
            created_at: self.created_at,
            ended_at: self.ended_at,
            fields_ct: self.fields_ct,
        })
    }
}

pub(super) async fn by_no(cx: &mut Cx, no: &str, kind: Kind) -> Result<Option<Stored>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT b.id, b.no, b.version, b.variant, b.state, b.person_id, p.code, p.name, b.started_by, y.name, b.reason, b.fields_ct, b.remark, b.wish_id, b.deadline, b.waits_for, b.branch_id, b.return_reason, b.return_note, b.urged_at, b.created_at, b.ended_at, s.id, s.code, s.path, s.short_name, s.category, s.province, f.id, f.code, f.path, f.short_name, f.category, f.province, o.id, o.code, o.path, o.short_name, o.category, o.province, m.id, m.code, m.path, m.short_name, m.category, m.province FROM business b LEFT JOIN person p ON p.id = b.person_id LEFT JOIN org m ON m.id = b.org_id JOIN person y ON y.id = b.started_by JOIN org s ON s.id = b.started_org JOIN org f ON f.id = b.from_org JOIN org o ON o.id = b.to_org WHERE b.no = $1 AND b.kind = $2"),
            args![no, kind.code()],
        )
        .await?)
}

pub(super) async fn is_taken(cx: &mut Cx, no: &str) -> Result<bool> {
    let found: Option<(i64,)> =
        cx.tx.opt(sql!("SELECT id FROM business WHERE no = $1"), args![no]).await?;
    Ok(found.is_some())
}

pub(super) async fn insert(
    cx: &mut Cx,
    _: &Permit,
    no: &str,
    new: New<'_>,
    at: Standing,
) -> Result<()> {
    let (me, acting) = (cx.visitor()?.person, cx.org()?.id);
    cx.tx
        .run(
            sql!("INSERT INTO business (id, no, kind, variant, person_id, org_id, open_path, started_by, started_org, from_org, to_org, reason, fields_ct, remark, state, waits_for, deadline, remind_at, created_at, wish_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"),
            args![
                new.id, no, new.variant.kind().code(), new.variant.code(), new.person,
                new.org.map(|o| o.id), new.org.map(|o| o.path.as_str()), me, acting, new.from.id,
                new.to.id, new.reason, new.fields_ct, new.remark, at.state.code(), at.waits_for,
                at.deadline, at.remind_at, cx.now(), new.wish
            ],
        )
        .await?;
    Ok(())
}

/// Brings it from the state that was read into another one; `false` when somebody else did
/// something with it meanwhile.
pub(crate) async fn step_to(
    cx: &mut Cx,
    _: &Permit,
    read: &Case,
    at: Standing,
    turn: &Turn<'_>,
) -> Result<bool> {
    let ended = at.state.ended().then(|| cx.now());
    let done = cx
        .tx
        .run(
            sql!("UPDATE business SET state = $1, waits_for = $2, deadline = $3, remind_at = $4, ended_at = $5, open_path = CASE WHEN CAST($5 AS BIGINT) IS NULL THEN open_path END, branch_id = $6, return_reason = $7, return_note = $8, version = version + 1 WHERE id = $9 AND version = $10 AND state = $11"),
            args![
                at.state.code(), at.waits_for, at.deadline, at.remind_at, ended,
                turn.branch.map(|b| b.id), turn.return_reason, turn.return_note, read.id,
                read.version, read.state.code()
            ],
        )
        .await?;
    Ok(done == 1)
}

pub(super) async fn add_step(
    cx: &mut Cx,
    _: &Permit,
    id: BusinessId,
    verb: Verb,
    state: State,
    note: &str,
) -> Result<()> {
    let (actor, actor_id, org): (String, Option<PersonId>, Option<OrgId>) = match cx.who() {
        Who::Person(v) => (v.name.clone(), Some(v.person), v.acting.as_ref().map(|g| g.org.id)),
        _ => ("系统".to_owned(), None, None),
    };
    cx.tx
        .run(
            sql!("INSERT INTO business_step (business_id, no, at, verb, actor, actor_id, org_id, state, note) SELECT $1, COALESCE(MAX(no), 0) + 1, $2, $3, $4, $5, $6, $7, $8 FROM business_step WHERE business_id = $1"),
            args![id, cx.now(), verb.code(), actor, actor_id, org, state.code(), note],
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

pub(super) async fn steps(cx: &mut Cx, id: BusinessId) -> Result<Vec<Step>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT s.at, s.verb, s.actor, o.short_name, s.state, s.note FROM business_step s LEFT JOIN org o ON o.id = s.org_id WHERE s.business_id = $1 ORDER BY s.no"),
            args![id],
        )
        .await?)
}

/// When the present step began.
pub(crate) async fn entered(cx: &mut Cx, id: BusinessId, state: State) -> Result<Millis> {
    let (at,): (Option<i64>,) = cx
        .tx
        .one(
            sql!("SELECT MIN(at) FROM business_step WHERE business_id = $1 AND state = $2 AND verb NOT IN ('urge','pass','undo')"),
            args![id, state.code()],
        )
        .await?;
    Ok(at.unwrap_or_else(|| cx.now()))
}

/// Notes a 催办; `false` when there was one after `since` or it has ended.
pub(super) async fn urge(cx: &mut Cx, _: &Permit, id: BusinessId, since: Millis) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE business SET urged_at = $1 WHERE id = $2 AND ended_at IS NULL AND COALESCE(urged_at, created_at) <= $3"),
            args![cx.now(), id, since],
        )
        .await?;
    Ok(done == 1)
}

/// Numbers of those whose step has waited too long, the longest first.
pub(super) async fn overdue(cx: &mut Cx, kind: Kind, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT no FROM business WHERE ended_at IS NULL AND deadline < $1 AND kind = $2 ORDER BY deadline, id LIMIT $3"),
            args![cx.now(), kind.code(), limit],
        )
        .await?)
}

/// Numbers of those of which somebody is to be reminded now.
pub(super) async fn to_remind(cx: &mut Cx, kind: Kind, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT no FROM business WHERE ended_at IS NULL AND remind_at <= $1 AND kind = $2 ORDER BY remind_at, id LIMIT $3"),
            args![cx.now(), kind.code(), limit],
        )
        .await?)
}

/// Sets the next reminder; `false` when another node has sent this one.
pub(super) async fn set_reminder(
    cx: &mut Cx,
    _: &Permit,
    id: BusinessId,
    next: Option<Millis>,
) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE business SET remind_at = $1 WHERE id = $2 AND ended_at IS NULL AND remind_at <= $3"),
            args![next, id, cx.now()],
        )
        .await?;
    Ok(done == 1)
}

pub(super) async fn count_waiting(cx: &mut Cx, org: OrgId, kind: &str) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT id FROM business WHERE waits_for = $1 AND ended_at IS NULL AND (CAST($2 AS TEXT) = '' OR kind = $2) LIMIT 100) AS b"),
            args![org, kind],
        )
        .await?;
    Ok(count)
}

db::row! {
    /// A line of a list.
    pub(crate) struct Row {
        pub(crate) id: BusinessId,
        pub(crate) no: String,
        pub(crate) variant: String,
        pub(crate) state: String,
        pub(crate) name: String,
        pub(crate) starter_name: String,
        pub(crate) from_name: String,
        pub(crate) from_path: String,
        pub(crate) to_name: String,
        pub(crate) to_path: String,
        pub(crate) started_path: String,
        pub(crate) waits_name: Option<String>,
        pub(crate) branch_name: Option<String>,
        pub(crate) branch_path: Option<String>,
        pub(crate) deadline: Option<i64>,
        pub(crate) created_at: i64,
        pub(crate) ended_at: Option<i64>,
    }
}

/// What a list of 操作中心 asks, ready to be bound.
pub(super) struct Bound {
    pub(super) org: OrgId,
    /// Empty for all.
    pub(super) kind: &'static str,
    /// Empty for all.
    pub(super) state: &'static str,
    /// Begun or decided from here on, and before there.
    pub(super) since: Millis,
    pub(super) until: Millis,
    /// The last line of the page before: its sorting moment and its id.
    pub(super) mark: (i64, i64),
    pub(super) limit: i64,
}

/// In the hands of an organisation, the most urgent first.
pub(super) async fn waiting_for(cx: &mut Cx, ask: &Bound) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT b.id, b.no, b.variant, b.state, COALESCE(p.name, m.short_name), y.name, f.short_name, f.path, o.short_name, o.path, s.path, w.short_name, NULL, NULL, b.deadline, b.created_at, b.ended_at FROM business b LEFT JOIN person p ON p.id = b.person_id LEFT JOIN org m ON m.id = b.org_id JOIN person y ON y.id = b.started_by JOIN org f ON f.id = b.from_org JOIN org o ON o.id = b.to_org JOIN org s ON s.id = b.started_org JOIN org w ON w.id = b.waits_for WHERE b.waits_for = $1 AND b.ended_at IS NULL AND (COALESCE(b.deadline, 0), b.id) > ($2, $3) AND (CAST($4 AS TEXT) = '' OR b.kind = $4) AND (CAST($5 AS TEXT) = '' OR b.state = $5) AND b.created_at >= $6 AND b.created_at < $7 ORDER BY COALESCE(b.deadline, 0), b.id LIMIT $8"),
            args![ask.org, ask.mark.0, ask.mark.1, ask.kind, ask.state, ask.since, ask.until, ask.limit],
        )
        .await?)
}

/// In the hands of the direct children of an organisation, which may decide it as well, the most
/// urgent first. A 转入 of a branch and what a source is asked (D4); a relocation only its superiors.
pub(super) async fn waiting_below(cx: &mut Cx, ask: &Bound) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT b.id, b.no, b.variant, b.state, COALESCE(p.name, m.short_name), y.name, f.short_name, f.path, o.short_name, o.path, s.path, w.short_name, NULL, NULL, b.deadline, b.created_at, b.ended_at FROM org w JOIN business b ON b.waits_for = w.id AND b.ended_at IS NULL LEFT JOIN person p ON p.id = b.person_id LEFT JOIN org m ON m.id = b.org_id JOIN person y ON y.id = b.started_by JOIN org f ON f.id = b.from_org JOIN org o ON o.id = b.to_org JOIN org s ON s.id = b.started_org WHERE w.parent_id = $1 AND ((b.variant = 'V2' AND b.state = 'pending_target') OR b.state = 'pending_source') AND (COALESCE(b.deadline, 0), b.id) > ($2, $3) AND (CAST($4 AS TEXT) = '' OR b.kind = $4) AND (CAST($5 AS TEXT) = '' OR b.state = $5) AND b.created_at >= $6 AND b.created_at < $7 ORDER BY COALESCE(b.deadline, 0), b.id LIMIT $8"),
            args![ask.org, ask.mark.0, ask.mark.1, ask.kind, ask.state, ask.since, ask.until, ask.limit],
        )
        .await?)
}

/// What an organisation began, the newest first.
pub(super) async fn started_by(cx: &mut Cx, ask: &Bound) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT b.id, b.no, b.variant, b.state, COALESCE(p.name, m.short_name), y.name, f.short_name, f.path, o.short_name, o.path, s.path, w.short_name, d.short_name, d.path, b.deadline, b.created_at, b.ended_at FROM business b LEFT JOIN person p ON p.id = b.person_id LEFT JOIN org m ON m.id = b.org_id JOIN person y ON y.id = b.started_by JOIN org f ON f.id = b.from_org JOIN org o ON o.id = b.to_org JOIN org s ON s.id = b.started_org LEFT JOIN org w ON w.id = b.waits_for LEFT JOIN org d ON d.id = b.branch_id WHERE b.started_org = $1 AND (b.created_at, b.id) < ($2, $3) AND (CAST($4 AS TEXT) = '' OR b.kind = $4) AND b.created_at >= $5 AND b.created_at < $6 ORDER BY b.created_at DESC, b.id DESC LIMIT $7"),
            args![ask.org, ask.mark.0, ask.mark.1, ask.kind, ask.since, ask.until, ask.limit],
        )
        .await?)
}

/// What was decided for an organisation, the newest first: when, which, how. Of two steps in the same
/// moment (同意并分配) only the last one.
pub(super) async fn decided_by(cx: &mut Cx, ask: &Bound) -> Result<Vec<(i64, BusinessId, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.at, t.business_id, t.verb FROM business_step t JOIN business b ON b.id = t.business_id WHERE t.org_id = $1 AND t.verb IN ('approve','allocate','return') AND (t.at, t.business_id) < ($2, $3) AND (CAST($4 AS TEXT) = '' OR b.kind = $4) AND t.at >= $5 AND t.at < $6 AND NOT EXISTS (SELECT 1 FROM business_step l WHERE l.business_id = t.business_id AND l.no = t.no + 1 AND l.at = t.at) ORDER BY t.at DESC, t.business_id DESC LIMIT $7"),
            args![ask.org, ask.mark.0, ask.mark.1, ask.kind, ask.since, ask.until, ask.limit],
        )
        .await?)
}

/// These, in any order.
pub(super) async fn with_ids(cx: &mut Cx, ids: Vec<BusinessId>) -> Result<Vec<Row>> {
    let rows = ids.into_iter().map(|id| vec![id.into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT b.id, b.no, b.variant, b.state, COALESCE(p.name, m.short_name), y.name, f.short_name, f.path, o.short_name, o.path, s.path, w.short_name, d.short_name, d.path, b.deadline, b.created_at, b.ended_at FROM {rows: id int} AS v JOIN business b ON b.id = v.id LEFT JOIN person p ON p.id = b.person_id LEFT JOIN org m ON m.id = b.org_id JOIN person y ON y.id = b.started_by JOIN org f ON f.id = b.from_org JOIN org o ON o.id = b.to_org JOIN org s ON s.id = b.started_org LEFT JOIN org w ON w.id = b.waits_for LEFT JOIN org d ON d.id = b.branch_id"),
            &[],
            rows,
        )
        .await?)
}
