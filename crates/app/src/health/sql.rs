//! The statements of the check-up; private to the room. They write without a permit: the bits follow
//! from changes that had their own, and looking again gives the same.

use crate::{Cx, Result, clock::Millis};
use db::{Rows, Sql, args, sql};

db::row! {
    /// An organisation to be judged.
    pub(super) struct Looked {
        pub(super) id: i64,
        pub(super) category: String,
        pub(super) status: String,
        pub(super) industry: Option<String>,
        pub(super) elected_on: Option<String>,
        pub(super) term_until: Option<String>,
        pub(super) created_at: i64,
        pub(super) ill: i64,
        pub(super) members: i64,
        pub(super) guests: i64,
        pub(super) branches: i64,
        pub(super) members_below: i64,
        pub(super) has_admin: bool,
        pub(super) has_unplaced: bool,
        pub(super) has_phone: bool,
    }
}

/// Everything that is asked about these organisations.
/// `young`: the month of birth of whoever is 28 now.
pub(super) async fn look_at(cx: &mut Cx, young: &str, paths: Rows) -> Result<Vec<Looked>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.category, o.status, o.industry, o.elected_on, o.term_until, o.created_at, o.ill, COALESCE(own.members, 0), CASE WHEN o.category IN ('BRANCH','GRADUATE') THEN (SELECT COUNT(*) FROM cadre g WHERE g.org_path = o.path AND g.org_id = o.id AND g.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM member m WHERE m.person_id = g.person_id AND m.org_id = o.id)) ELSE 0 END, COALESCE(sub.branches, 0), COALESCE(sub.members, 0), EXISTS (SELECT 1 FROM admin_seat s WHERE s.org_id = o.id AND s.suspended_at IS NULL), EXISTS (SELECT 1 FROM cadre u JOIN person q ON q.id = u.person_id WHERE u.org_path = o.path AND u.org_id = o.id AND u.ended_at IS NULL AND q.political = '03' AND q.birth_ym > $1 AND NOT EXISTS (SELECT 1 FROM member n WHERE n.person_id = u.person_id)), EXISTS (SELECT 1 FROM cadre c JOIN person p ON p.id = c.person_id WHERE c.org_id = o.id AND c.post = '书记' AND c.ended_at IS NULL AND p.mobile_bi IS NOT NULL) FROM {rows: path text} AS v JOIN org o ON o.path = v.path LEFT JOIN tally own ON own.org_path = o.path AND own.scope = 'self' LEFT JOIN tally sub ON sub.org_path = o.path AND sub.scope = 'subtree'"),
            args![young],
            paths,
        )
        .await?)
}

/// Stores what was judged: `(id, ill)`.
pub(super) async fn store(cx: &mut Cx, rows: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE org SET ill = v.ill FROM {rows: id int, ill int} AS v WHERE org.id = v.id AND org.ill <> v.ill"),
            &[],
            rows,
        )
        .await?)
}

/// Where the clockwork stands.
pub(super) async fn mark(cx: &mut Cx, name: &str) -> Result<String> {
    let found: Option<(String,)> =
        cx.tx.opt(sql!("SELECT value FROM setting WHERE name = $1"), args![name]).await?;
    Ok(found.map(|(value,)| value).unwrap_or_default())
}

pub(super) async fn set_mark(cx: &mut Cx, name: &str, value: &str) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"),
            args![name, value],
        )
        .await?;
    Ok(())
}

/// What was sealed into the book after a seal: its number, where it happened, whom it concerned.
pub(super) async fn sealed_after(
    cx: &mut Cx,
    seq: i64,
    limit: i64,
) -> Result<Vec<(i64, String, Option<i64>)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT s.seq, e.org_path, e.person_id FROM seal s JOIN event e ON e.id = s.event_id WHERE s.seq > $1 ORDER BY s.seq LIMIT $2"),
            args![seq, limit],
        )
        .await?)
}

/// Where these people are 书记.
pub(super) async fn secretaries_at(cx: &mut Cx, people: Rows) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT c.org_path FROM {rows: id int} AS v JOIN cadre c ON c.person_id = v.id WHERE c.post = '书记' AND c.ended_at IS NULL"),
            &[],
            people,
        )
        .await?)
}

/// Counters that changed, in the order of their change.
pub(super) async fn counted_after(
    cx: &mut Cx,
    (at, path): (Millis, &str),
    limit: i64,
) -> Result<Vec<(i64, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT changed_at, org_path FROM tally WHERE (changed_at, org_path) > ($1, $2) ORDER BY changed_at, org_path LIMIT $3"),
            args![at, path, limit],
        )
        .await?)
}

/// The next organisations of a round.
pub(super) async fn next_paths(cx: &mut Cx, after: &str, limit: i64) -> Result<Vec<(String,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT path FROM org WHERE path > $1 AND status <> 'DELETED' ORDER BY path LIMIT $2"),
            args![after, limit],
        )
        .await?)
}

/// When the clockwork last looked at what was changed.
pub(super) async fn looked_at(cx: &mut Cx) -> Result<Option<Millis>> {
    let found: Option<(i64,)> =
        cx.tx.opt(sql!("SELECT ran_at FROM lease WHERE name = 'check-up'"), &[]).await?;
    Ok(found.map(|(at,)| at))
}

/// How many organisations of a range have each of these faults (by bit), counted to `most`.
pub(super) async fn counts(
    cx: &mut Cx,
    (lo, hi): (&str, &str),
    bits: [i64; 11],
    most: i64,
) -> Result<Vec<(i64, i64)>> {
    // Written out and not bound: only so the partial indexes are found.
    let count = |bit: &i64| {
        format!(
            "SELECT CAST({bit} AS BIGINT), (SELECT COUNT(*) FROM (SELECT 1 FROM org WHERE (ill & {bit}) > 0 AND path >= $1 AND path < $2 LIMIT $3) AS t)"
        )
    };
    let text = bits.iter().map(count).collect::<Vec<_>>().join(" UNION ALL ");
    Ok(cx.tx.all(Sql::built(text), args![lo, hi, most]).await?)
}

db::row! {
    /// An organisation of a list as stored.
    pub(super) struct Found {
        pub(super) path: String,
        pub(super) code: String,
        pub(super) short_name: String,
        pub(super) category: String,
        pub(super) industry: Option<String>,
        pub(super) elected_on: Option<String>,
        pub(super) term_until: Option<String>,
        pub(super) created_at: i64,
        pub(super) members: i64,
        pub(super) members_below: i64,
        pub(super) secretary: Option<String>,
        pub(super) parent_code: Option<String>,
        pub(super) parent_name: Option<String>,
        pub(super) parent_path: Option<String>,
    }
}

/// The organisations of a range with one fault, behind a path.
pub(super) async fn list(
    cx: &mut Cx,
    (lo, hi): (&str, &str),
    bit: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<Found>> {
    let text = format!(
        "SELECT o.path, o.code, o.short_name, o.category, o.industry, o.elected_on, o.term_until, o.created_at, COALESCE(t.members, 0), COALESCE(b.members, 0), (SELECT c.name FROM cadre c WHERE c.org_id = o.id AND c.post = '书记' AND c.ended_at IS NULL), p.code, p.short_name, p.path FROM (SELECT id, path, code, short_name, category, industry, elected_on, term_until, created_at, parent_id FROM org WHERE (ill & {bit}) > 0 AND path >= $1 AND path < $2 AND path > $3 ORDER BY path LIMIT $4) AS o LEFT JOIN org p ON p.id = o.parent_id LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'self' LEFT JOIN tally b ON b.org_path = o.path AND b.scope = 'subtree' ORDER BY o.path"
    );
    Ok(cx.tx.all(Sql::built(text), args![lo, hi, after, limit]).await?)
}
