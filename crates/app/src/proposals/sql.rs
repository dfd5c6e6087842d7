//! The statements of proposals; private to the room.

use super::{Act, Judged, Planned, Proposal, ProposalId, State, rules::Dates};
use crate::{Cx, Error, Permit, Result, clock::Millis, orgs::OrgId, people::PersonId};
use db::{args, sql};

db::row! {
    pub(super) struct Stored {
        id: ProposalId,
        no: String,
        version: i64,
        payload: String,
        title: String,
        reason: String,
        state: String,
        proposed_by: PersonId,
        proposer: String,
        proposed_at: i64,
        expires_at: i64,
        decider: Option<String>,
        decided_at: Option<i64>,
        note: String,
    }
}
impl Stored {
    pub(super) fn read(self) -> Result<Proposal> {
        let unknown = || Error::Broken("a proposal can't be read".into());
        Ok(Proposal {
            act: serde_json::from_str(&self.payload).map_err(|_| unknown())?,
            state: State::from_code(&self.state).ok_or_else(unknown)?,
            id: self.id,
            no: self.no,
            version: self.version,
            title: self.title,
            reason: self.reason,
            proposed_by: self.proposed_by,
            proposer: self.proposer,
            proposed_at: self.proposed_at,
            expires_at: self.expires_at,
            decider: self.decider,
            decided_at: self.decided_at,
            note: self.note,
        })
    }
}

pub(super) async fn by_no(cx: &mut Cx, no: &str) -> Result<Option<Stored>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT p.id, p.no, p.version, p.payload, p.title, p.reason, p.state, p.proposed_by, a.name, p.proposed_at, p.expires_at, b.name, p.decided_at, p.note FROM proposal p JOIN person a ON a.id = p.proposed_by LEFT JOIN person b ON b.id = p.decided_by WHERE p.no = $1"),
            args![no],
        )
        .await?)
}

/// A proposal to be put in.
pub(super) struct New<'a> {
    pub(super) id: ProposalId,
    pub(super) no: &'a str,
    pub(super) act: &'a Act,
    pub(super) judged: &'a Judged,
    pub(super) reason: &'a str,
    pub(super) proposed_by: PersonId,
    pub(super) expires_at: Millis,
}

pub(super) async fn insert(cx: &mut Cx, _: &Permit, new: New<'_>) -> Result<()> {
    let payload = serde_json::to_string(new.act).map_err(|e| Error::Broken(e.to_string()))?;
    cx.tx
        .run(
            sql!("INSERT INTO proposal (id, no, kind, payload, title, org_id, reason, state, proposed_by, proposed_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9, $10)"),
            args![
                new.id, new.no, new.act.kind(), &payload, &new.judged.title, new.judged.org,
                new.reason, new.proposed_by, cx.now(), new.expires_at
            ],
        )
        .await?;
    Ok(())
}

/// Ends an open proposal; `false` when somebody else did meanwhile.
pub(super) async fn settle(
    cx: &mut Cx,
    _: &Permit,
    p: &Proposal,
    to: State,
    by: Option<PersonId>,
    note: &str,
) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE proposal SET state = $1, decided_by = $2, decided_at = $3, note = $4, version = version + 1 WHERE id = $5 AND version = $6 AND state = 'open'"),
            args![to.code(), by, cx.now(), note, p.id, p.version],
        )
        .await?;
    Ok(done == 1)
}

pub(super) async fn overdue(cx: &mut Cx, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT no FROM proposal WHERE decided_at IS NULL AND expires_at < $1 ORDER BY expires_at, id LIMIT $2"),
            args![cx.now(), limit],
        )
        .await?)
}

db::row! {
    pub(super) struct Line {
        pub(super) id: ProposalId,
        pub(super) no: String,
        pub(super) title: String,
        pub(super) state: String,
        pub(super) proposed_by: PersonId,
        pub(super) proposer: String,
        pub(super) proposed_at: i64,
        pub(super) expires_at: i64,
        pub(super) decider: Option<String>,
        pub(super) decided_at: Option<i64>,
    }
}

pub(super) async fn open(cx: &mut Cx, limit: i64) -> Result<Vec<Line>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT p.id, p.no, p.title, p.state, p.proposed_by, a.name, p.proposed_at, p.expires_at, b.name, p.decided_at FROM proposal p JOIN person a ON a.id = p.proposed_by LEFT JOIN person b ON b.id = p.decided_by WHERE p.decided_at IS NULL ORDER BY p.expires_at, p.id LIMIT $1"),
            args![limit],
        )
        .await?)
}

pub(super) async fn ended(cx: &mut Cx, before: i64, limit: i64) -> Result<Vec<Line>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT p.id, p.no, p.title, p.state, p.proposed_by, a.name, p.proposed_at, p.expires_at, b.name, p.decided_at FROM proposal p JOIN person a ON a.id = p.proposed_by LEFT JOIN person b ON b.id = p.decided_by WHERE p.id < $1 AND p.decided_at IS NOT NULL ORDER BY p.id DESC LIMIT $2"),
            args![before, limit],
        )
        .await?)
}

db::row! {
    /// 是否乡镇街道团委 of an organisation.
    pub(super) struct Flag {
        pub(super) id: OrgId,
        pub(super) code: String,
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) is_township: Option<bool>,
    }
}

pub(super) async fn flags(cx: &mut Cx, codes: &[String]) -> Result<Vec<Flag>> {
    let rows = codes.iter().map(|code| vec![code.as_str().into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.code, o.path, o.short_name, o.is_township FROM {rows: code text} AS v JOIN org o ON o.code = v.code WHERE o.status <> 'DELETED' ORDER BY o.path"),
            &[],
            rows,
        )
        .await?)
}

pub(super) async fn set_flags(
    cx: &mut Cx,
    _: &Permit,
    codes: &[String],
    to: Option<bool>,
) -> Result<u64> {
    let rows = codes.iter().map(|code| vec![code.as_str().into()]).collect();
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE org SET is_township = $1, version = version + 1, updated_at = $2 WHERE code IN (SELECT v.code FROM {rows: code text} AS v)"),
            args![to, cx.now()],
            rows,
        )
        .await?)
}

pub(super) async fn change_rule(
    cx: &mut Cx,
    _: &Permit,
    name: &str,
    value: &str,
    dates: Dates<'_>,
    proposal: ProposalId,
) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO rule_change (id, name, value, valid_from, valid_until, proposal_id) VALUES ($1, $2, $3, $4, $5, $6)"),
            args![cx.new_id(), name, value, dates.from.trim(), dates.until(), proposal],
        )
        .await?;
    Ok(())
}

/// The id of the newest change; 0 when there is none.
pub(super) async fn newest_change(cx: &mut Cx) -> Result<i64> {
    let found: Option<(i64,)> =
        cx.tx.opt(sql!("SELECT id FROM rule_change ORDER BY id DESC LIMIT 1"), &[]).await?;
    Ok(found.map_or(0, |(id,)| id))
}

/// Changes that count today, in the order in which they were to begin.
pub(super) async fn changes_until(cx: &mut Cx, today: &str) -> Result<Vec<(String, String)>> {
    Ok(cx
        .tx
        .all(
            sql!(
                "SELECT name, value FROM rule_change WHERE valid_from <= $1 AND (valid_until IS NULL OR valid_until >= $1) ORDER BY valid_from, id"
            ),
            args![today],
        )
        .await?)
}

type PlannedRow = (String, String, String, Option<String>, String, String, String);

pub(super) async fn planned(cx: &mut Cx) -> Result<Vec<Planned>> {
    let rows: Vec<PlannedRow> = cx
        .tx
        .all(
            sql!("SELECT c.name, c.value, c.valid_from, c.valid_until, p.no, a.name, COALESCE(b.name, '') FROM rule_change c JOIN proposal p ON p.id = c.proposal_id JOIN person a ON a.id = p.proposed_by LEFT JOIN person b ON b.id = p.decided_by ORDER BY c.id DESC LIMIT 200"),
            &[],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(name, value, valid_from, valid_until, no, proposer, decider)| Planned {
            name,
            value,
            valid_from,
            valid_until,
            no,
            proposer,
            decider,
        })
        .collect())
}

/// What runs under a figure now: a label and a count up to 1000.
pub(super) async fn touched(cx: &mut Cx, name: &str) -> Result<Option<(&'static str, i64)>> {
    let (label, statement) = match name {
        "step.target.days" => (
            "正在等转入方审批的转接(期限不变)",
            sql!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM business WHERE ended_at IS NULL AND deadline > 0 AND state = 'pending_target' LIMIT 1000) AS t"
            ),
        ),
        "step.source.days" => (
            "正在等转出方审批的转接(期限不变)",
            sql!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM business WHERE ended_at IS NULL AND deadline > 0 AND state = 'pending_source' LIMIT 1000) AS t"
            ),
        ),
        "step.relocation.days" => (
            "正在审批的组织迁移(期限不变)",
            sql!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM business WHERE open_path IS NOT NULL LIMIT 1000) AS t"
            ),
        ),
        "imports.undo_hours" | "imports.draft_days" => (
            "没有完成的导入",
            sql!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM import WHERE state IN ('mapping','review','running') LIMIT 1000) AS t"
            ),
        ),
        "retention.messages_days" => {
            ("现有消息", sql!("SELECT COUNT(*) FROM (SELECT 1 FROM message LIMIT 1000) AS t"))
        }
        "operations.proposal_days" => (
            "等待办理的提议(期限不变)",
            sql!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM proposal WHERE decided_at IS NULL LIMIT 1000) AS t"
            ),
        ),
        _ => return Ok(None),
    };
    let (count,): (i64,) = cx.tx.one(statement, &[]).await?;
    Ok(Some((label, count)))
}

/// Imports that wait for somebody, up to 1000.
pub(super) async fn open_imports(cx: &mut Cx) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT 1 FROM import WHERE state IN ('mapping','review','running') LIMIT 1000) AS t"),
            &[],
        )
        .await?;
    Ok(count)
}

/// Open transfers, up to 1000.
pub(super) async fn open_transfers(cx: &mut Cx) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT 1 FROM business WHERE kind = 'transfer' AND ended_at IS NULL AND person_id > $1 LIMIT 1000) AS t"),
            args![i64::MIN],
        )
        .await?;
    Ok(count)
}

/// Of the first 1000 numbers of a year and province: how many, and how many outside a range.
pub(super) async fn numbers_of(
    cx: &mut Cx,
    prefix: &str,
    (from, to): (&str, &str),
) -> Result<(i64, i64)> {
    let serial = |n: &str| format!("{prefix}{:0>6}", n);
    Ok(cx
        .tx
        .one(
            sql!("SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN t.n < $3 OR t.n > $4 THEN 1 ELSE 0 END), 0) AS BIGINT) FROM (SELECT dev_number AS n FROM member WHERE dev_number >= $1 AND dev_number < $2 ORDER BY dev_number LIMIT 1000) AS t"),
            args![prefix, format!("{prefix}~"), serial(from), serial(to)],
        )
        .await?)
}

/// Of the newest 1000 posts that are held: how many were looked at, and how many are this one.
pub(super) async fn holders(cx: &mut Cx, post: &str) -> Result<(i64, i64)> {
    Ok(cx
        .tx
        .one(
            sql!("SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN t.post = $1 AND t.ended_at IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) FROM (SELECT post, ended_at FROM cadre WHERE id < $2 ORDER BY id DESC LIMIT 1000) AS t"),
            args![post, i64::MAX],
        )
        .await?)
}

/// Of the newest 1000 organisations: how many were looked at, and how many have this industry.
pub(super) async fn of_industry(cx: &mut Cx, code: &str) -> Result<(i64, i64)> {
    Ok(cx
        .tx
        .one(
            sql!("SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN t.industry = $1 AND t.status <> 'DELETED' THEN 1 ELSE 0 END), 0) AS BIGINT) FROM (SELECT industry, status FROM org WHERE id < $2 ORDER BY id DESC LIMIT 1000) AS t"),
            args![code, i64::MAX],
        )
        .await?)
}
