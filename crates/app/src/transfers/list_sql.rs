//! The statements of lists of transfers; private to the room. Every one is bounded by the index of
//! an organisation or person and by a LIMIT.

use crate::{Cx, Result, business::Row, clock::Millis, orgs::OrgId, people::PersonId};
use db::{args, sql};

/// What a page of a list asks.
pub(super) struct Ask<'a> {
    pub(super) org: OrgId,
    /// A state's code, `open` for all that have not ended, or empty for all.
    pub(super) state: &'a str,
    /// How the name begins.
    pub(super) name: &'a str,
    pub(super) before: i64,
    pub(super) limit: i64,
}

/// Transfers from, to, into or begun by an organisation, the newest first.
pub(super) async fn of_org(cx: &mut Cx, ask: &Ask<'_>) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.id, t.no, t.variant, t.state, p.name, b.name, f.short_name, f.path, o.short_name, o.path, s.path, w.short_name, d.short_name, d.path, t.deadline, t.created_at, t.ended_at FROM business t JOIN person p ON p.id = t.person_id JOIN person b ON b.id = t.started_by JOIN org f ON f.id = t.from_org JOIN org o ON o.id = t.to_org JOIN org s ON s.id = t.started_org LEFT JOIN org w ON w.id = t.waits_for LEFT JOIN org d ON d.id = t.branch_id WHERE t.id IN (SELECT id FROM business WHERE from_org = $1 AND id < $2 AND kind = 'transfer' UNION SELECT id FROM business WHERE to_org = $1 AND id < $2 AND kind = 'transfer' UNION SELECT id FROM business WHERE started_org = $1 AND id < $2 AND kind = 'transfer' UNION SELECT id FROM business WHERE branch_id = $1 AND id < $2) AND (CAST($3 AS TEXT) = '' OR t.state = $3 OR ($3 = 'open' AND t.ended_at IS NULL)) AND SUBSTR(p.name, 1, LENGTH(CAST($4 AS TEXT))) = $4 ORDER BY t.id DESC LIMIT $5"),
            args![ask.org, ask.before, ask.state, ask.name, ask.limit],
        )
        .await?)
}

/// Transfers from or to the direct children of an organisation, the newest first.
pub(super) async fn of_children(cx: &mut Cx, ask: &Ask<'_>) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.id, t.no, t.variant, t.state, p.name, b.name, f.short_name, f.path, o.short_name, o.path, s.path, w.short_name, d.short_name, d.path, t.deadline, t.created_at, t.ended_at FROM business t JOIN person p ON p.id = t.person_id JOIN person b ON b.id = t.started_by JOIN org f ON f.id = t.from_org JOIN org o ON o.id = t.to_org JOIN org s ON s.id = t.started_org LEFT JOIN org w ON w.id = t.waits_for LEFT JOIN org d ON d.id = t.branch_id WHERE t.id IN (SELECT x.id FROM org c JOIN business x ON x.from_org = c.id WHERE c.parent_id = $1 AND x.id < $2 AND x.kind = 'transfer' UNION SELECT x.id FROM org c JOIN business x ON x.to_org = c.id WHERE c.parent_id = $1 AND x.id < $2 AND x.kind = 'transfer' UNION SELECT x.id FROM org c JOIN business x ON x.branch_id = c.id WHERE c.parent_id = $1 AND x.id < $2) AND (CAST($3 AS TEXT) = '' OR t.state = $3 OR ($3 = 'open' AND t.ended_at IS NULL)) AND SUBSTR(p.name, 1, LENGTH(CAST($4 AS TEXT))) = $4 ORDER BY t.id DESC LIMIT $5"),
            args![ask.org, ask.before, ask.state, ask.name, ask.limit],
        )
        .await?)
}

/// All transfers of a person, the newest first.
pub(super) async fn of_person(cx: &mut Cx, person: PersonId) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.id, t.no, t.variant, t.state, p.name, b.name, f.short_name, f.path, o.short_name, o.path, s.path, w.short_name, d.short_name, d.path, t.deadline, t.created_at, t.ended_at FROM business t JOIN person p ON p.id = t.person_id JOIN person b ON b.id = t.started_by JOIN org f ON f.id = t.from_org JOIN org o ON o.id = t.to_org JOIN org s ON s.id = t.started_org LEFT JOIN org w ON w.id = t.waits_for LEFT JOIN org d ON d.id = t.branch_id WHERE t.person_id = $1 ORDER BY t.id DESC LIMIT 100"),
            args![person],
        )
        .await?)
}

/// Of what waits for an organisation, how much lapses until `until`; at most 100.
pub(super) async fn count_due(cx: &mut Cx, org: OrgId, until: Millis) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT id FROM business WHERE waits_for = $1 AND ended_at IS NULL AND kind = 'transfer' AND deadline <= $2 LIMIT 100) AS t"),
            args![org, until],
        )
        .await?;
    Ok(count)
}

/// What an organisation began, came back since `since` and was not begun again; at most 100.
pub(super) async fn came_back(
    cx: &mut Cx,
    org: OrgId,
    since: Millis,
) -> Result<Vec<(String, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.no, COALESCE(t.return_reason, '') FROM business t WHERE t.started_org = $1 AND t.kind = 'transfer' AND t.state IN ('rejected','expired') AND t.ended_at >= $2 AND NOT EXISTS (SELECT 1 FROM business x WHERE x.person_id = t.person_id AND x.id > t.id) AND EXISTS (SELECT 1 FROM member m WHERE m.person_id = t.person_id AND m.org_id = t.from_org) ORDER BY t.id DESC LIMIT 100"),
            args![org, since],
        )
        .await?)
}

/// The branches below a path that may take members in: their codes and names.
pub(super) async fn branches_below(
    cx: &mut Cx,
    lo: &str,
    hi: &str,
    limit: i64,
) -> Result<Vec<(String, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT code, short_name FROM org WHERE path >= $1 AND path < $2 AND category = 'BRANCH' AND status = 'ACTIVE' ORDER BY path LIMIT $3"),
            args![lo, hi, limit],
        )
        .await?)
}
