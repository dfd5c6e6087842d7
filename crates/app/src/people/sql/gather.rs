//! Everybody of an organisation at once: merging and splitting.

use super::members::mark_on_arrival;
use crate::{Cx, OrgRef, Permit, Result};
use db::{Rows, args, sql};

/// Puts all members of a branch into another one; returns whether each is complete.
pub(in crate::people) async fn all(
    cx: &mut Cx,
    _: &Permit,
    from: &OrgRef,
    to: &OrgRef,
) -> Result<Vec<bool>> {
    let rows: Vec<(bool,)> = cx
        .tx
        .all(
            sql!("UPDATE member SET org_id = $1, org_category = $2, org_path = $3, entered_at = $4, graduation = CAST($7 AS TEXT), graduation_until = NULL, graduation_at = CASE WHEN CAST($7 AS TEXT) IS NULL THEN NULL ELSE CAST($4 AS BIGINT) END, version = version + 1 WHERE org_path = $5 AND org_id = $6 RETURNING complete"),
            args![to.id, to.category.code(), &to.path, cx.now(), &from.path, from.id, mark_on_arrival(to)],
        )
        .await?;
    Ok(rows.into_iter().map(|(complete,)| complete).collect())
}

/// Puts some members of a branch into another one, but nobody who is 转接中.
pub(in crate::people) async fn some(
    cx: &mut Cx,
    _: &Permit,
    from: &OrgRef,
    to: &OrgRef,
    ids: Rows,
) -> Result<Vec<bool>> {
    let rows: Vec<(bool,)> = cx
        .tx
        .all_of(
            sql!("UPDATE member SET org_id = $1, org_category = $2, org_path = $3, entered_at = $4, graduation = CAST($6 AS TEXT), graduation_until = NULL, graduation_at = CASE WHEN CAST($6 AS TEXT) IS NULL THEN NULL ELSE CAST($4 AS BIGINT) END, version = version + 1 WHERE person_id IN (SELECT v.id FROM {rows: id int} AS v) AND org_id = $5 AND status = 'active' RETURNING complete"),
            args![to.id, to.category.code(), &to.path, cx.now(), from.id, mark_on_arrival(to)],
            ids,
        )
        .await?;
    Ok(rows.into_iter().map(|(complete,)| complete).collect())
}

pub(in crate::people) async fn leave_seats(cx: &mut Cx, _: &Permit, org: &OrgRef) -> Result<u64> {
    Ok(cx.tx.run(sql!("DELETE FROM admin_seat WHERE org_id = $1"), args![org.id]).await?)
}

/// Ends every post in an organisation; returns whether each was of a complete person.
pub(in crate::people) async fn end_posts(
    cx: &mut Cx,
    _: &Permit,
    org: &OrgRef,
    reason: &str,
) -> Result<Vec<bool>> {
    let rows: Vec<(bool,)> = cx
        .tx
        .all(
            sql!("UPDATE cadre SET ended_at = $1, end_reason = $2, version = version + 1 WHERE org_path = $3 AND ended_at IS NULL RETURNING complete"),
            args![cx.now(), reason, &org.path],
        )
        .await?;
    Ok(rows.into_iter().map(|(complete,)| complete).collect())
}

db::row! {
    /// A post that goes along.
    pub(in crate::people) struct Post {
        pub(in crate::people) person_id: i64,
        pub(in crate::people) name: String,
        pub(in crate::people) name_py: String,
        pub(in crate::people) post: String,
        pub(in crate::people) since: Option<String>,
        pub(in crate::people) nature: Option<String>,
        pub(in crate::people) in_party_committee: Option<bool>,
        pub(in crate::people) complete: bool,
    }
}

/// The posts in `from` of people who hold none in `to`.
pub(in crate::people) async fn posts(cx: &mut Cx, from: &OrgRef, to: &OrgRef) -> Result<Vec<Post>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT c.person_id, c.name, c.name_py, c.post, c.since, c.nature, c.in_party_committee, c.complete FROM cadre c WHERE c.org_path = $1 AND c.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM cadre x WHERE x.person_id = c.person_id AND x.org_id = $2 AND x.ended_at IS NULL) ORDER BY c.id LIMIT 1000"),
            args![&from.path, to.id],
        )
        .await?)
}
