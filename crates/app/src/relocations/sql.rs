//! The statements that only relocations, mergers and splits need; private to the room.

use crate::{Cx, OrgRef, Result, Scope, business::Row, orgs::OrgId, people::PersonId};
use db::{args, sql};

/// The number of an open relocation at this path, above or below it.
pub(super) async fn open_on(cx: &mut Cx, path: &str) -> Result<Option<String>> {
    let below = Scope::subtree(path);
    let above = (1..=path.len() / 3).filter_map(|n| path.get(..n * 3));
    let rows = above.map(|p| vec![p.into()]).collect();
    let found: Vec<(String,)> = cx
        .tx
        .all_of(
            sql!("SELECT no FROM business WHERE open_path IN (SELECT v.path FROM {rows: path text} AS v) UNION ALL SELECT no FROM business WHERE open_path >= $1 AND open_path < $2 LIMIT 1"),
            args![&below.lo, &below.hi],
            rows,
        )
        .await?;
    Ok(found.into_iter().next().map(|(no,)| no))
}

pub(super) async fn is_active(cx: &mut Cx, org: OrgId) -> Result<bool> {
    let (status,): (String,) =
        cx.tx.one(sql!("SELECT status FROM org WHERE id = $1"), args![org]).await?;
    Ok(status == "ACTIVE")
}

/// Open ones of which an organisation is no more, or whose mover has another superior by now.
pub(super) async fn orphans(cx: &mut Cx, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT r.no FROM business r JOIN org m ON m.id = r.org_id JOIN org f ON f.id = r.from_org JOIN org t ON t.id = r.to_org WHERE r.open_path IS NOT NULL AND (m.status <> 'ACTIVE' OR f.status <> 'ACTIVE' OR t.status <> 'ACTIVE' OR m.parent_id <> r.from_org) LIMIT $1"),
            args![limit],
        )
        .await?)
}

/// Of an organisation, from it and to it, the newest first.
pub(super) async fn of_org(cx: &mut Cx, org: OrgId, before: i64, limit: i64) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT r.id, r.no, r.variant, r.state, m.short_name, b.name, f.short_name, f.path, t.short_name, t.path, s.path, w.short_name, NULL, NULL, r.deadline, r.created_at, r.ended_at FROM business r JOIN org m ON m.id = r.org_id JOIN org f ON f.id = r.from_org JOIN org t ON t.id = r.to_org JOIN org s ON s.id = r.started_org JOIN person b ON b.id = r.started_by LEFT JOIN org w ON w.id = r.waits_for WHERE r.id IN (SELECT id FROM business WHERE org_id = $1 AND id < $2 UNION SELECT id FROM business WHERE from_org = $1 AND kind = 'relocation' AND id < $2 UNION SELECT id FROM business WHERE to_org = $1 AND kind = 'relocation' AND id < $2 AND state <> 'pending_old') ORDER BY r.id DESC LIMIT $3"),
            args![org, before, limit],
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
            sql!("SELECT (SELECT COUNT(*) FROM org o JOIN admin_seat s ON s.org_id = o.id WHERE o.path >= $1 AND o.path < $2), (SELECT COUNT(*) FROM (SELECT 1 FROM member WHERE org_path >= $1 AND org_path < $2 AND status = 'moving' LIMIT 1000) AS a), (SELECT COUNT(*) FROM (SELECT 1 FROM org o JOIN business t ON t.waits_for = o.id AND t.ended_at IS NULL AND t.kind = 'transfer' WHERE o.path >= $1 AND o.path < $2 LIMIT 1000) AS b), (SELECT COUNT(*) FROM (SELECT 1 FROM import WHERE org_path >= $1 AND org_path < $2 AND ended_at IS NULL LIMIT 1000) AS c)"),
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

/// The direct children in their order, at most `limit`.
pub(super) async fn children_of(cx: &mut Cx, org: OrgId, limit: i64) -> Result<Vec<Child>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, code, short_name FROM org WHERE parent_id = $1 AND status <> 'DELETED' ORDER BY sort_no, id LIMIT $2"),
            args![org, limit],
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
            sql!("SELECT (SELECT COUNT(*) FROM member WHERE org_path = $1), (SELECT COUNT(*) FROM cadre WHERE org_path = $1 AND ended_at IS NULL), (SELECT COUNT(*) FROM admin_seat WHERE org_id = $2), (SELECT COUNT(*) FROM (SELECT id FROM business WHERE from_org = $2 AND kind = 'transfer' AND ended_at IS NULL UNION SELECT id FROM business WHERE to_org = $2 AND kind = 'transfer' AND ended_at IS NULL) AS t), (SELECT COUNT(*) FROM import WHERE org_path = $1 AND ended_at IS NULL)"),
            args![&org.path, org.id],
        )
        .await?)
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
