//! Statements on many organisations at once; private to the room.

use super::{Category, OrgId, batch::Site};
use crate::{Cx, Permit, Result};
use db::{Rows, args, sql};

/// A superior's row, held until the transaction ends.
pub(super) struct Seat {
    /// The next child's number.
    pub(super) number: i64,
    pub(super) path: String,
    pub(super) category: String,
    pub(super) full_name: String,
    pub(super) province: String,
    /// Where its last child stands in the order.
    pub(super) last: i64,
    /// Numbers given away since.
    pub(super) taken: i64,
}

/// Holds a living superior's row; none when it is not living.
pub(super) async fn seat(cx: &mut Cx, permit: &Permit, org: OrgId) -> Result<Option<Seat>> {
    let found: Option<(i64, String, String, String, String)> = cx
        .tx
        .opt(
            sql!("UPDATE org SET next_child = next_child WHERE id = $1 AND status = 'ACTIVE' RETURNING next_child, path, category, full_name, province"),
            args![org],
        )
        .await?;
    let Some((number, path, category, full_name, province)) = found else { return Ok(None) };
    let last = last_place(cx, permit, org).await?;
    Ok(Some(Seat { number, path, category, full_name, province, last, taken: 0 }))
}

/// The place of the last child in the order; -1 without children.
pub(super) async fn last_place(cx: &mut Cx, _: &Permit, parent: OrgId) -> Result<i64> {
    let found: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("SELECT sort_no FROM org WHERE parent_id = $1 ORDER BY sort_no DESC, id DESC LIMIT 1"),
            args![parent],
        )
        .await?;
    Ok(found.map_or(-1, |(n,)| n))
}

pub(super) async fn take(cx: &mut Cx, _: &Permit, parent: OrgId, count: i64) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE org SET next_child = next_child + $2 WHERE id = $1"),
            args![parent, count],
        )
        .await?;
    Ok(())
}

db::row! {
    struct SiteRow {
        parent_id: Option<i64>,
        id: i64,
        code: String,
        path: String,
        short_name: String,
        full_name: String,
        category: String,
        industry: Option<String>,
        numbers: i64,
        status: String,
    }
}
impl SiteRow {
    fn site(self) -> Option<Site> {
        Some(Site {
            id: OrgId(self.id),
            code: self.code,
            path: self.path,
            short_name: self.short_name,
            full_name: self.full_name,
            category: Category::from_code(&self.category)?,
            industry: self.industry,
            numbers: self.numbers,
            living: self.status == "ACTIVE",
        })
    }
}

/// `(id)`.
pub(super) async fn sites(cx: &mut Cx, ids: Rows) -> Result<Vec<Site>> {
    let found: Vec<SiteRow> = cx
        .tx
        .all_of(
            sql!("SELECT o.parent_id, o.id, o.code, o.path, o.short_name, o.full_name, o.category, o.industry, o.next_child, o.status FROM {rows: id int} AS v CROSS JOIN org o WHERE o.id = v.id AND o.status <> 'DELETED'"),
            &[],
            ids,
        )
        .await?;
    Ok(found.into_iter().filter_map(SiteRow::site).collect())
}

/// `(code)`.
pub(super) async fn sites_by_code(cx: &mut Cx, codes: Rows) -> Result<Vec<Site>> {
    let found: Vec<SiteRow> = cx
        .tx
        .all_of(
            sql!("SELECT o.parent_id, o.id, o.code, o.path, o.short_name, o.full_name, o.category, o.industry, o.next_child, o.status FROM {rows: code text} AS v CROSS JOIN org o WHERE o.code = v.code AND o.status <> 'DELETED'"),
            &[],
            codes,
        )
        .await?;
    Ok(found.into_iter().filter_map(SiteRow::site).collect())
}

/// `(parent, name)`.
pub(super) async fn sisters(cx: &mut Cx, names: Rows) -> Result<Vec<(OrgId, Site)>> {
    let found: Vec<SiteRow> = cx
        .tx
        .all_of(
            sql!("SELECT o.parent_id, o.id, o.code, o.path, o.short_name, o.full_name, o.category, o.industry, o.next_child, o.status FROM {rows: parent int, name text} AS v CROSS JOIN org o WHERE o.parent_id = v.parent AND o.name_key = v.name AND o.status <> 'DELETED'"),
            &[],
            names,
        )
        .await?;
    let pair = |row: SiteRow| Some((OrgId(row.parent_id?), row.site()?));
    Ok(found.into_iter().filter_map(pair).collect())
}

/// Which of these `(code)` somebody has.
pub(super) async fn taken(cx: &mut Cx, codes: Rows) -> Result<Vec<String>> {
    let found: Vec<(String,)> = cx
        .tx
        .all_of(
            sql!(
                "SELECT o.code FROM {rows: code text} AS v CROSS JOIN org o WHERE o.code = v.code"
            ),
            &[],
            codes,
        )
        .await?;
    Ok(found.into_iter().map(|(code,)| code).collect())
}

/// `(id, code, parent_id, path, depth, sort_no, short_name, full_name, name_py, category, industry, province)`.
pub(super) async fn insert(cx: &mut Cx, _: &Permit, rows: Rows) -> Result<u64> {
    let now = cx.now();
    Ok(cx
        .tx
        .run_of(
            sql!("INSERT INTO org (id, code, parent_id, path, depth, sort_no, short_name, full_name, name_py, category, industry, province, created_at, updated_at) SELECT id, code, parent_id, path, depth, sort_no, short_name, full_name, name_py, category, industry, province, $1, $1 FROM {rows: id int, code text, parent_id int, path text, depth int, sort_no int, short_name text, full_name text, name_py text, category text, industry text, province text} AS v"),
            args![now],
            rows,
        )
        .await?)
}

/// `(gram, depth, path)`.
pub(super) async fn add_grams(cx: &mut Cx, _: &Permit, rows: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("INSERT INTO org_gram (gram, depth, path) SELECT v.gram, v.depth, v.path FROM {rows: gram text, depth int, path text} AS v WHERE TRUE ON CONFLICT DO NOTHING"),
            &[],
            rows,
        )
        .await?)
}

/// `(gram, depth, path)`.
pub(super) async fn drop_grams(cx: &mut Cx, _: &Permit, rows: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("DELETE FROM org_gram WHERE (gram, depth, path) IN (SELECT v.gram, v.depth, v.path FROM {rows: gram text, depth int, path text} AS v)"),
            &[],
            rows,
        )
        .await?)
}

db::row! {
    /// What has happened to an organisation since it was made.
    pub(super) struct Trace {
        pub(super) id: i64,
        pub(super) parent_id: Option<i64>,
        pub(super) path: String,
        pub(super) status: String,
        pub(super) version: i64,
        pub(super) has_admin: bool,
        pub(super) has_people: bool,
        pub(super) had_business: bool,
    }
}

/// `(id)`.
pub(super) async fn traces(cx: &mut Cx, ids: Rows) -> Result<Vec<Trace>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.parent_id, o.path, o.status, o.version, EXISTS (SELECT 1 FROM admin_seat s WHERE s.org_id = o.id), EXISTS (SELECT 1 FROM member m WHERE m.org_path = o.path) OR EXISTS (SELECT 1 FROM cadre c WHERE c.org_path = o.path AND c.ended_at IS NULL), EXISTS (SELECT 1 FROM business t WHERE t.to_org = o.id) OR EXISTS (SELECT 1 FROM business t WHERE t.from_org = o.id) OR EXISTS (SELECT 1 FROM import i WHERE i.acting_org = o.id) OR EXISTS (SELECT 1 FROM import i WHERE i.org_id = o.id AND i.state IN ('mapping','review','running')) OR EXISTS (SELECT 1 FROM message n WHERE n.to_org = o.id) OR EXISTS (SELECT 1 FROM reg_code r WHERE r.org_id = o.id AND r.state = 'waiting') OR EXISTS (SELECT 1 FROM event e WHERE e.org_path = o.path AND e.kind NOT IN ('org.created','org.ordered')) FROM {rows: id int} AS v CROSS JOIN org o WHERE o.id = v.id"),
            &[],
            ids,
        )
        .await?)
}

/// The living children of these, as (superior, child).
pub(super) async fn children_of(cx: &mut Cx, ids: Rows) -> Result<Vec<(i64, i64)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT c.parent_id, c.id FROM {rows: id int} AS v CROSS JOIN org c WHERE c.parent_id = v.id AND c.status <> 'DELETED'"),
            &[],
            ids,
        )
        .await?)
}

/// Touches these rows, so that what hangs on them is decided by one at a time.
pub(super) async fn touch(cx: &mut Cx, _: &Permit, ids: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE org SET next_child = next_child WHERE id IN (SELECT v.id FROM {rows: id int} AS v)"),
            &[],
            ids,
        )
        .await?)
}

/// Ends organisations in which nothing has happened.
pub(super) async fn end(cx: &mut Cx, _: &Permit, ids: Rows) -> Result<u64> {
    let now = cx.now();
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE org SET status = 'DELETED', version = version + 1, updated_at = $1 WHERE id IN (SELECT v.id FROM {rows: id int} AS v) AND status = 'ACTIVE' AND version = 1"),
            args![now],
            ids,
        )
        .await?)
}
