//! The statements of marks; private to the room. The marks stand on `org` and `member` themselves,
//! so that the lists of those rooms show and filter them without a join.

use crate::{Cx, OrgRef, Permit, Result, orgs::OrgId, rules::graduation::Mark};
use db::{Rows, args, sql};

db::row! {
    /// A branch with its mark.
    #[derive(Clone)]
    pub(super) struct Row {
        pub(super) id: i64,
        pub(super) code: String,
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) category: String,
        pub(super) industry: Option<String>,
        pub(super) province: String,
        pub(super) special_kind: String,
        graduates: Option<String>,
        no_graduation: Option<String>,
        pub(super) graduated_at: Option<i64>,
        pub(super) members: i64,
        /// The direct superior's name.
        pub(super) superior: Option<String>,
    }
}
impl Row {
    pub(super) fn mark(&self) -> Option<Mark> {
        Mark::stored(self.graduates.as_deref(), self.no_graduation.as_deref())
    }
}

/// Branches of a subtree in organisation order from behind `after`, by the state of their mark.
pub(super) async fn list(
    cx: &mut Cx,
    tab: super::Tab,
    (after, hi): (&str, &str),
    limit: i64,
) -> Result<Vec<Row>> {
    use super::Tab;
    let statement = match tab {
        Tab::Unmarked => {
            sql!(
                "SELECT o.id, o.code, o.path, o.short_name, o.category, o.industry, o.province, o.special_kind, o.graduates, o.no_graduation, o.graduated_at, COALESCE(t.members, 0), u.short_name FROM org o LEFT JOIN org u ON u.id = o.parent_id LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'self' WHERE o.path > $1 AND o.path < $2 AND o.category = 'BRANCH' AND o.graduates IS NULL AND o.no_graduation IS NULL AND o.status <> 'DELETED' AND o.industry IN (SELECT v.code FROM {rows: code text} AS v) ORDER BY o.path LIMIT $3"
            )
        }
        Tab::Marked => {
            sql!(
                "SELECT o.id, o.code, o.path, o.short_name, o.category, o.industry, o.province, o.special_kind, o.graduates, o.no_graduation, o.graduated_at, COALESCE(t.members, 0), u.short_name FROM org o LEFT JOIN org u ON u.id = o.parent_id LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'self' WHERE o.path > $1 AND o.path < $2 AND o.category = 'BRANCH' AND o.graduates IS NOT NULL AND o.status <> 'DELETED' AND o.industry IN (SELECT v.code FROM {rows: code text} AS v) ORDER BY o.path LIMIT $3"
            )
        }
        Tab::Exempt => {
            sql!(
                "SELECT o.id, o.code, o.path, o.short_name, o.category, o.industry, o.province, o.special_kind, o.graduates, o.no_graduation, o.graduated_at, COALESCE(t.members, 0), u.short_name FROM org o LEFT JOIN org u ON u.id = o.parent_id LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'self' WHERE o.path > $1 AND o.path < $2 AND o.category = 'BRANCH' AND o.no_graduation IS NOT NULL AND o.status <> 'DELETED' AND o.industry IN (SELECT v.code FROM {rows: code text} AS v) ORDER BY o.path LIMIT $3"
            )
        }
        Tab::Graduated => {
            sql!(
                "SELECT o.id, o.code, o.path, o.short_name, o.category, o.industry, o.province, o.special_kind, o.graduates, o.no_graduation, o.graduated_at, COALESCE(t.members, 0), u.short_name FROM org o LEFT JOIN org u ON u.id = o.parent_id LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'self' WHERE o.path > $1 AND o.path < $2 AND o.category = 'GRADUATE' AND o.status <> 'DELETED' AND o.industry IN (SELECT v.code FROM {rows: code text} AS v) ORDER BY o.path LIMIT $3"
            )
        }
    };
    Ok(cx.tx.all_of(statement, args![after, hi, limit], super::markable()).await?)
}

/// How many branches of a subtree wait for a mark, counted to `most`.
pub(super) async fn count_unmarked(cx: &mut Cx, lo: &str, hi: &str, most: i64) -> Result<i64> {
    let found: Vec<(i64,)> = cx
        .tx
        .all_of(
            sql!("SELECT COUNT(*) FROM (SELECT o.id FROM org o WHERE o.path > $1 AND o.path < $2 AND o.category = 'BRANCH' AND o.graduates IS NULL AND o.no_graduation IS NULL AND o.status <> 'DELETED' AND o.industry IN (SELECT v.code FROM {rows: code text} AS v) LIMIT $3) AS t"),
            args![lo, hi, most],
            super::markable(),
        )
        .await?;
    Ok(found.first().map_or(0, |(n,)| *n))
}

/// Branches by 组织码.
pub(super) async fn by_codes(cx: &mut Cx, codes: Rows) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.code, o.path, o.short_name, o.category, o.industry, o.province, o.special_kind, o.graduates, o.no_graduation, o.graduated_at, COALESCE(t.members, 0), u.short_name FROM {rows: code text} AS v JOIN org o ON o.code = v.code LEFT JOIN org u ON u.id = o.parent_id LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'self' WHERE o.status <> 'DELETED' ORDER BY o.path"),
            &[],
            codes,
        )
        .await?)
}

/// Locks branches, so that marks and conversions of one are decided one after the other.
pub(super) async fn lock(cx: &mut Cx, _: &Permit, ids: Rows) -> Result<()> {
    cx.tx
        .run_of(
            sql!("UPDATE org SET next_child = next_child WHERE id IN (SELECT v.id FROM {rows: id int} AS v)"),
            &[],
            ids,
        )
        .await?;
    Ok(())
}

/// Marks branches; those that are none any more are left out.
pub(super) async fn mark(cx: &mut Cx, _: &Permit, ids: Rows, mark: Mark) -> Result<u64> {
    let (graduates, no_graduation) = mark.columns();
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE org SET graduates = $1, no_graduation = $2, updated_at = $3 WHERE id IN (SELECT v.id FROM {rows: id int} AS v) AND category = 'BRANCH' AND status <> 'DELETED'"),
            args![graduates, no_graduation, cx.now()],
            ids,
        )
        .await?)
}

db::row! {
    /// How many people of a branch carry each mark.
    #[derive(Clone, Copy, Default)]
    pub(super) struct MarkCounts {
        pub(super) graduate: i64,
        pub(super) delayed: i64,
        pub(super) teacher: i64,
        pub(super) mobile: i64,
    }
}

/// The marks of people in one branch.
pub(super) async fn marks_in(cx: &mut Cx, org: OrgId) -> Result<MarkCounts> {
    Ok(cx
        .tx
        .one(
            sql!("SELECT COUNT(CASE WHEN graduation = 'graduate' THEN 1 END), COUNT(CASE WHEN graduation = 'delayed' THEN 1 END), COUNT(CASE WHEN graduation = 'teacher' THEN 1 END), COUNT(CASE WHEN graduation = 'mobile' THEN 1 END) FROM member WHERE org_id = $1"),
            args![org],
        )
        .await?)
}

/// Which of these branches hold people with marks of their own: (branch, how many).
pub(super) async fn holding_marks(cx: &mut Cx, ids: Rows) -> Result<Vec<(i64, i64)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT m.org_id, COUNT(*) FROM {rows: id int} AS v JOIN member m ON m.org_id = v.id WHERE m.graduation IS NOT NULL GROUP BY m.org_id"),
            &[],
            ids,
        )
        .await?)
}

db::row! {
    /// A branch that is due.
    #[derive(Clone)]
    pub(super) struct Due {
        pub(super) id: i64,
        pub(super) code: String,
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) graduates: String,
        pub(super) province: String,
        pub(super) parent_id: Option<i64>,
    }
}

/// Branches of a province whose graduation lies before `before` (a year), in organisation order of
/// each month.
pub(super) async fn due(cx: &mut Cx, province: &str, before: &str, limit: i64) -> Result<Vec<Due>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.id, o.code, o.path, o.short_name, o.graduates, o.province, o.parent_id FROM org o WHERE o.province = $1 AND o.graduates < $2 AND o.category = 'BRANCH' AND o.graduates IS NOT NULL AND o.status <> 'DELETED' ORDER BY o.graduates, o.path LIMIT $3"),
            args![province, before, limit],
        )
        .await?)
}

/// Turns branches that are still due into 毕业生团组织; their members' and seats' category follows
/// by the foreign key. Returns which were turned.
pub(super) async fn convert(cx: &mut Cx, _: &Permit, ids: Rows, before: &str) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = cx
        .tx
        .all_of(
            sql!("UPDATE org SET category = 'GRADUATE', graduated_at = $1, updated_at = $1 WHERE id IN (SELECT v.id FROM {rows: id int} AS v) AND category = 'BRANCH' AND graduates < $2 AND status <> 'DELETED' RETURNING id"),
            args![cx.now(), before],
            ids,
        )
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Flags everybody in these branches as graduate (row 123); returns the branch of each.
pub(super) async fn flag(cx: &mut Cx, _: &Permit, ids: Rows) -> Result<Vec<(i64,)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("UPDATE member SET graduation = 'graduate', graduation_at = $1 WHERE org_id IN (SELECT v.id FROM {rows: id int} AS v) AND graduation IS NULL RETURNING org_id"),
            args![cx.now()],
            ids,
        )
        .await?)
}

/// Adds to what organisations will be told: rows of id, branches, members, first names.
pub(super) async fn note(cx: &mut Cx, _: &Permit, province: &str, rows: Rows) -> Result<()> {
    cx.tx
        .run_of(
            sql!("INSERT INTO graduation_notice (org_id, province, branches, members, names) SELECT id, $1, branches, members, names FROM {rows: id int, branches int, members int, names text} AS v WHERE true ON CONFLICT (org_id) DO UPDATE SET branches = graduation_notice.branches + excluded.branches, members = graduation_notice.members + excluded.members"),
            args![province],
            rows,
        )
        .await?;
    Ok(())
}

db::row! {
    /// What an organisation is to be told.
    pub(super) struct Notice {
        pub(super) org: OrgId,
        pub(super) branches: i64,
        pub(super) members: i64,
        pub(super) names: String,
    }
}

/// Takes the next notices of a province away, to be sent in the same transaction.
pub(super) async fn take_notices(
    cx: &mut Cx,
    _: &Permit,
    province: &str,
    limit: i64,
) -> Result<Vec<Notice>> {
    Ok(cx
        .tx
        .all(
            sql!("DELETE FROM graduation_notice WHERE org_id IN (SELECT org_id FROM graduation_notice WHERE province = $1 ORDER BY org_id LIMIT $2) RETURNING org_id, branches, members, names"),
            args![province, limit],
        )
        .await?)
}

/// Whether anything waits to be told in a province.
pub(super) async fn has_notices(cx: &mut Cx, province: &str) -> Result<bool> {
    let found: Option<(OrgId,)> = cx
        .tx
        .opt(
            sql!("SELECT org_id FROM graduation_notice WHERE province = $1 LIMIT 1"),
            args![province],
        )
        .await?;
    Ok(found.is_some())
}

/// 组织码 and path of organisations.
pub(super) async fn addresses(cx: &mut Cx, ids: Rows) -> Result<Vec<(OrgId, String, String)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.code, o.path FROM {rows: id int} AS v JOIN org o ON o.id = v.id WHERE o.status <> 'DELETED' ORDER BY o.id"),
            &[],
            ids,
        )
        .await?)
}

/// How far schools have been told of a coming day: the path of the last one, `~` when all were.
pub(super) async fn told_until(cx: &mut Cx, name: &str) -> Result<String> {
    let found: Option<(String,)> =
        cx.tx.opt(sql!("SELECT value FROM setting WHERE name = $1"), args![name]).await?;
    Ok(found.map(|(value,)| value).unwrap_or_default())
}

/// Moves that mark on; `false` when somebody else did.
pub(super) async fn set_told(
    cx: &mut Cx,
    _: &Permit,
    name: &str,
    was: &str,
    now: &str,
) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE setting.value = $3"),
            args![name, now, was],
        )
        .await?;
    Ok(done == 1)
}

/// Corrects the month of a 毕业生团组织 that stays one.
pub(super) async fn correct_month(
    cx: &mut Cx,
    _: &Permit,
    org: &OrgRef,
    month: &str,
) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE org SET graduates = $1, graduated_at = $2, updated_at = $2 WHERE id = $3 AND category = 'GRADUATE' AND status <> 'DELETED'"),
            args![month, cx.now(), org.id],
        )
        .await?;
    Ok(done == 1)
}

/// Makes a 毕业生团组织 a branch again, with another mark.
pub(super) async fn revert(cx: &mut Cx, _: &Permit, org: &OrgRef, mark: Mark) -> Result<bool> {
    let (graduates, no_graduation) = mark.columns();
    let done = cx
        .tx
        .run(
            sql!("UPDATE org SET category = 'BRANCH', graduated_at = NULL, graduates = $1, no_graduation = $2, updated_at = $3 WHERE id = $4 AND category = 'GRADUATE' AND status <> 'DELETED'"),
            args![graduates, no_graduation, cx.now(), org.id],
        )
        .await?;
    Ok(done == 1)
}

/// Takes the marks of everybody in a branch away; returns how many had one.
pub(super) async fn unflag(cx: &mut Cx, _: &Permit, org: &OrgRef) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE member SET graduation = NULL, graduation_until = NULL, graduation_at = NULL WHERE org_id = $1 AND graduation IS NOT NULL"),
            args![org.id],
        )
        .await?)
}

db::row! {
    /// Branches of a subtree that will turn, in numbers.
    pub(super) struct Coming {
        pub(super) branches: i64,
        pub(super) members: i64,
    }
}

/// So many branches are counted for the rehearsal on a page.
pub(super) const COUNTED: i64 = 5000;

/// How many branches of a subtree graduate before a year and how many people are in them; counted
/// to [`COUNTED`] branches.
pub(super) async fn coming(cx: &mut Cx, lo: &str, hi: &str, before: &str) -> Result<Coming> {
    Ok(cx
        .tx
        .one(
            sql!("SELECT COUNT(*), CAST(COALESCE(SUM(x.members), 0) AS BIGINT) FROM (SELECT COALESCE(t.members, 0) AS members FROM org o LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'self' WHERE o.path > $1 AND o.path < $2 AND o.category = 'BRANCH' AND o.graduates IS NOT NULL AND o.status <> 'DELETED' AND o.graduates < $3 LIMIT $4) AS x"),
            args![lo, hi, before, COUNTED],
        )
        .await?)
}

/// The branches of [`coming`], fifty at a time.
pub(super) async fn coming_rows(
    cx: &mut Cx,
    (after, hi): (&str, &str),
    before: &str,
    limit: i64,
) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.id, o.code, o.path, o.short_name, o.category, o.industry, o.province, o.special_kind, o.graduates, o.no_graduation, o.graduated_at, COALESCE(t.members, 0), u.short_name FROM org o LEFT JOIN org u ON u.id = o.parent_id LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'self' WHERE o.path > $1 AND o.path < $2 AND o.category = 'BRANCH' AND o.graduates IS NOT NULL AND o.status <> 'DELETED' AND o.graduates < $3 ORDER BY o.path LIMIT $4"),
            args![after, hi, before, limit],
        )
        .await?)
}

db::row! {
    /// A member with her mark and her branch's.
    #[derive(Clone)]
    pub(super) struct Somebody {
        pub(super) id: i64,
        pub(super) name: String,
        pub(super) graduation: Option<String>,
        pub(super) until: Option<String>,
        pub(super) org_id: i64,
        pub(super) org_code: String,
        pub(super) org_path: String,
        pub(super) org_name: String,
        pub(super) org_category: String,
        pub(super) org_province: String,
        graduates: Option<String>,
        no_graduation: Option<String>,
    }
}
impl Somebody {
    pub(super) fn branch_mark(&self) -> Option<Mark> {
        Mark::stored(self.graduates.as_deref(), self.no_graduation.as_deref())
    }
}

/// Members by their public codes.
pub(super) async fn somebodies(cx: &mut Cx, codes: Rows) -> Result<Vec<Somebody>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT p.id, p.name, m.graduation, m.graduation_until, o.id, o.code, o.path, o.short_name, o.category, o.province, o.graduates, o.no_graduation FROM {rows: code text} AS v JOIN person p ON p.code = v.code JOIN member m ON m.person_id = p.id JOIN org o ON o.id = m.org_id ORDER BY o.path, p.id"),
            &[],
            codes,
        )
        .await?)
}

/// Gives members of locked branches their mark; those who left meanwhile are left out.
pub(super) async fn mark_persons(
    cx: &mut Cx,
    _: &Permit,
    org: &OrgRef,
    ids: Rows,
    mark: Option<&str>,
    until: Option<&str>,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE member SET graduation = CAST($1 AS TEXT), graduation_until = $2, graduation_at = CASE WHEN CAST($1 AS TEXT) IS NULL THEN NULL ELSE CAST($3 AS BIGINT) END WHERE person_id IN (SELECT v.id FROM {rows: id int} AS v) AND org_id = $4"),
            args![mark, until, cx.now(), org.id],
            ids,
        )
        .await?)
}

/// Makes a branch a special one of its school (row 128).
pub(super) async fn make_special(
    cx: &mut Cx,
    _: &Permit,
    org: &OrgRef,
    kind: &str,
) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE org SET special_kind = $1, graduates = NULL, no_graduation = 'mixed' WHERE id = $2 AND category = 'BRANCH' AND special_kind = 'NONE'"),
            args![kind, org.id],
        )
        .await?;
    Ok(done == 1)
}

db::row! {
    pub(super) struct SpecialRow {
        pub(super) code: String,
        pub(super) short_name: String,
        pub(super) kind: String,
        pub(super) members: i64,
        pub(super) over_usual: i64,
        pub(super) over_most: i64,
    }
}

/// The special branches of a subtree, fifty at most, and how many of their people came before two
/// moments (row 195).
pub(super) async fn special(
    cx: &mut Cx,
    (lo, hi): (&str, &str),
    usual: i64,
    most: i64,
) -> Result<Vec<SpecialRow>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.code, o.short_name, o.special_kind, (SELECT COUNT(*) FROM member m WHERE m.org_id = o.id), (SELECT COUNT(*) FROM member m WHERE m.org_id = o.id AND m.entered_at < $3), (SELECT COUNT(*) FROM member m WHERE m.org_id = o.id AND m.entered_at < $4) FROM org o WHERE o.path > $1 AND o.path < $2 AND o.special_kind <> 'NONE' AND o.special_kind IN ('DELAYED_GRADUATION','ABROAD_STUDY','SCHOOL_MOBILE') AND o.status <> 'DELETED' ORDER BY o.path LIMIT 50"),
            args![lo, hi, usual, most],
        )
        .await?)
}

/// 行业类别 of an organisation.
pub(super) async fn industry(cx: &mut Cx, org: OrgId) -> Result<Option<String>> {
    let (industry,): (Option<String>,) =
        cx.tx.one(sql!("SELECT industry FROM org WHERE id = $1"), args![org]).await?;
    Ok(industry)
}

db::row! {
    /// A branch that will turn, for the rehearsal of everything.
    pub(super) struct Ahead {
        pub(super) path: String,
        pub(super) graduates: String,
        pub(super) members: i64,
    }
}

/// The branches of [`due`] with their members, from behind one of them on.
pub(super) async fn ahead(
    cx: &mut Cx,
    province: &str,
    before: &str,
    after: (&str, &str),
    limit: i64,
) -> Result<Vec<Ahead>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.path, o.graduates, COALESCE(t.members, 0) FROM org o LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'self' WHERE o.province = $1 AND o.graduates < $2 AND o.category = 'BRANCH' AND o.graduates IS NOT NULL AND o.status <> 'DELETED' AND (o.graduates, o.path) > ($3, $4) ORDER BY o.graduates, o.path LIMIT $5"),
            args![province, before, after.0, after.1, limit],
        )
        .await?)
}

/// Unmarked branches from behind a path on: path and province.
pub(super) async fn unmarked_after(
    cx: &mut Cx,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, String)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.path, o.province FROM org o WHERE o.path > $1 AND o.category = 'BRANCH' AND o.graduates IS NULL AND o.no_graduation IS NULL AND o.status <> 'DELETED' AND o.industry IN (SELECT v.code FROM {rows: code text} AS v) ORDER BY o.path LIMIT $2"),
            args![after, limit],
            super::markable(),
        )
        .await?)
}
