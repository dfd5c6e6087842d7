//! Exports that need a second person, and who looked at somebody.

use crate::{Cx, Permit, Result, orgs::OrgId, people::PersonId};
use db::{args, sql};

pub(in crate::people) struct New<'a> {
    pub(in crate::people) no: &'a str,
    pub(in crate::people) org: OrgId,
    pub(in crate::people) payload: &'a str,
    pub(in crate::people) people: i64,
    pub(in crate::people) reason: &'a str,
    pub(in crate::people) asked_by: PersonId,
    pub(in crate::people) expires_at: i64,
}

pub(in crate::people) async fn insert(cx: &mut Cx, _: &Permit, new: New<'_>) -> Result<i64> {
    let id = cx.new_id();
    cx.tx
        .run(
            sql!("INSERT INTO export_request (id, no, org_id, payload, people, reason, asked_by, asked_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
            args![
                id, new.no, new.org, new.payload, new.people, new.reason, new.asked_by, cx.now(), new.expires_at
            ],
        )
        .await?;
    Ok(id)
}

db::row! {
    /// An export of whole numbers that was asked for.
    #[derive(Clone, Debug)]
    pub struct Request {
        pub id: i64,
        pub no: String,
        pub org_id: i64,
        pub org_path: String,
        pub org_name: String,
        pub people: i64,
        pub reason: String,
        pub state: String,
        pub asked_by: PersonId,
        pub asked_name: String,
        pub asked_at: i64,
        pub expires_at: i64,
        pub decided_name: Option<String>,
        pub decided_at: Option<i64>,
        pub job: Option<i64>,
        pub(in crate::people) payload: String,
    }
}

/// Those of the organisation and of its direct children, newest first.
pub(in crate::people) async fn list(cx: &mut Cx, org: OrgId) -> Result<Vec<Request>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT r.id, r.no, r.org_id, o.path, o.short_name, r.people, r.reason, r.state, r.asked_by, a.name, r.asked_at, r.expires_at, d.name, r.decided_at, r.job_id, r.payload FROM export_request r JOIN org o ON o.id = r.org_id JOIN person a ON a.id = r.asked_by LEFT JOIN person d ON d.id = r.decided_by WHERE r.id IN (SELECT id FROM export_request WHERE org_id = $1 UNION SELECT x.id FROM org c JOIN export_request x ON x.org_id = c.id WHERE c.parent_id = $1) ORDER BY r.id DESC LIMIT 100"),
            args![org],
        )
        .await?)
}

pub(in crate::people) async fn find(cx: &mut Cx, id: i64, org: OrgId) -> Result<Option<Request>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT r.id, r.no, r.org_id, o.path, o.short_name, r.people, r.reason, r.state, r.asked_by, a.name, r.asked_at, r.expires_at, d.name, r.decided_at, r.job_id, r.payload FROM export_request r JOIN org o ON o.id = r.org_id JOIN person a ON a.id = r.asked_by LEFT JOIN person d ON d.id = r.decided_by WHERE r.id = $1 AND (r.org_id = $2 OR o.parent_id = $2)"),
            args![id, org],
        )
        .await?)
}

/// Decides one that is open; `false` when somebody was first.
pub(in crate::people) async fn decide(
    cx: &mut Cx,
    _: &Permit,
    id: i64,
    state: &str,
    by: PersonId,
    job: Option<i64>,
) -> Result<bool> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE export_request SET state = $1, decided_by = $2, decided_at = $3, job_id = $4 WHERE id = $5 AND state = 'open'"),
            args![state, by, cx.now(), job, id],
        )
        .await?
        == 1)
}

/// Whether somebody still is an administrator there.
pub(in crate::people) async fn still_admin(
    cx: &mut Cx,
    org: i64,
    person: PersonId,
) -> Result<bool> {
    let row: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("SELECT slot FROM admin_seat WHERE org_id = $1 AND person_id = $2 AND suspended_at IS NULL"),
            args![org, person],
        )
        .await?;
    Ok(row.is_some())
}

db::row! {
    /// Somebody looked at, took away or changed one's data.
    pub(in crate::people) struct Look {
        pub(in crate::people) id: i64,
        pub(in crate::people) at: i64,
        pub(in crate::people) kind: String,
        pub(in crate::people) detail: String,
        pub(in crate::people) org_name: Option<String>,
        pub(in crate::people) category: Option<String>,
        pub(in crate::people) depth: Option<i64>,
    }
}

pub(in crate::people) async fn looks(
    cx: &mut Cx,
    person: PersonId,
    before: i64,
    limit: i64,
) -> Result<Vec<Look>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT e.id, e.at, e.kind, e.detail, o.short_name, o.category, o.depth FROM event e LEFT JOIN org o ON o.id = e.acting_org WHERE e.person_id = $1 AND e.id < $2 AND e.kind IN ('person.revealed','person.exported','person.edited','person.looked_up') AND (e.actor_id IS NULL OR e.actor_id <> $1) ORDER BY e.id DESC LIMIT $3"),
            args![person, before, limit],
        )
        .await?)
}
