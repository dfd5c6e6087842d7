//! The statements of the school zone; private to the room.

use crate::{Cx, OrgRef, Permit, Result};
use db::{Rows, args, sql};

db::row! {
    /// A school with the counters of everything below it.
    pub(super) struct Row {
        pub(super) code: String,
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) category: String,
        pub(super) industry: Option<String>,
        pub(super) school_code: Option<String>,
        pub(super) parent_name: Option<String>,
        pub(super) branches: i64,
        pub(super) branches_done: i64,
        pub(super) members: i64,
        pub(super) members_done: i64,
        pub(super) administrators: i64,
    }
}

/// The schools of `lo <= path < hi` in organisation order. Each step finds the next organisation of
/// the school sector and jumps over everything below it, so that colleges and classes cost nothing.
pub(super) async fn schools(cx: &mut Cx, lo: &str, hi: &str, limit: i64) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("WITH RECURSIVE step (path, n) AS (SELECT (SELECT o.path FROM org o WHERE o.path >= $1 AND o.path < $2 AND o.industry >= 'school_' AND o.industry < 'school~' AND o.status <> 'DELETED' ORDER BY o.path LIMIT 1), 1 UNION ALL SELECT (SELECT o.path FROM org o WHERE o.path >= s.path || '~' AND o.path < $2 AND o.industry >= 'school_' AND o.industry < 'school~' AND o.status <> 'DELETED' ORDER BY o.path LIMIT 1), s.n + 1 FROM step s WHERE s.path IS NOT NULL AND s.n < $3) SELECT o.code, o.path, o.short_name, o.category, o.industry, o.school_code, p.short_name, COALESCE(t.branches, 0), COALESCE(t.branches_done, 0), COALESCE(t.members, 0), COALESCE(t.members_done, 0), (SELECT COUNT(*) FROM admin_seat a WHERE a.org_id = o.id) FROM step s CROSS JOIN org o LEFT JOIN org p ON p.id = o.parent_id LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'subtree' WHERE o.path = s.path ORDER BY o.path"),
            args![lo, hi, limit],
        )
        .await?)
}

db::row! {
    /// What decides about the number of a school.
    pub(super) struct Facts {
        pub(super) industry: Option<String>,
        pub(super) school_code: Option<String>,
    }
}

pub(super) async fn facts(cx: &mut Cx, org: &OrgRef) -> Result<Facts> {
    Ok(cx
        .tx
        .one(sql!("SELECT industry, school_code FROM org WHERE id = $1"), args![org.id])
        .await?)
}

/// Which of these organisations are of the school sector, by their paths.
pub(super) async fn of_the_sector(cx: &mut Cx, paths: Rows) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.path FROM {rows: path text} AS v JOIN org o ON o.path = v.path WHERE o.industry >= 'school_' AND o.industry < 'school~' ORDER BY o.path"),
            &[],
            paths,
        )
        .await?)
}

/// The paths of the next schools: as [`schools`] finds them, without their counters.
pub(super) async fn next(cx: &mut Cx, lo: &str, hi: &str, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("WITH RECURSIVE step (path, n) AS (SELECT (SELECT o.path FROM org o WHERE o.path >= $1 AND o.path < $2 AND o.industry >= 'school_' AND o.industry < 'school~' AND o.status <> 'DELETED' ORDER BY o.path LIMIT 1), 1 UNION ALL SELECT (SELECT o.path FROM org o WHERE o.path >= s.path || '~' AND o.path < $2 AND o.industry >= 'school_' AND o.industry < 'school~' AND o.status <> 'DELETED' ORDER BY o.path LIMIT 1), s.n + 1 FROM step s WHERE s.path IS NOT NULL AND s.n < $3) SELECT path FROM step WHERE path IS NOT NULL ORDER BY path"),
            args![lo, hi, limit],
        )
        .await?)
}

/// The nearest the root of these organisations that is of the school sector: its name.
pub(super) async fn school_above(cx: &mut Cx, paths: Rows) -> Result<Option<(String,)>> {
    let found: Vec<(String,)> = cx
        .tx
        .all_of(
            sql!("SELECT o.short_name FROM {rows: path text} AS v JOIN org o ON o.path = v.path WHERE o.industry >= 'school_' AND o.industry < 'school~' ORDER BY o.path LIMIT 1"),
            &[],
            paths,
        )
        .await?;
    Ok(found.into_iter().next())
}

/// Who has a number: code, name.
pub(super) async fn holder(cx: &mut Cx, number: &str) -> Result<Option<(String, String, String)>> {
    Ok(cx
        .tx
        .opt(sql!("SELECT code, short_name, path FROM org WHERE school_code = $1"), args![number])
        .await?)
}

/// Stores the number if the old one still stands; `false` otherwise.
pub(super) async fn set_code(
    cx: &mut Cx,
    _: &Permit,
    org: &OrgRef,
    was: &str,
    number: Option<&str>,
) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE org SET school_code = $1, updated_at = $2 WHERE id = $3 AND COALESCE(school_code, '') = $4 AND status <> 'DELETED'"),
            args![number, cx.now(), org.id, was],
        )
        .await?;
    Ok(done == 1)
}
