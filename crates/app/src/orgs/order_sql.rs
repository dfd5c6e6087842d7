//! Statements on the order of direct children; private to the room.

use super::OrgId;
use crate::{Cx, Permit, Result};
use db::{Rows, args, sql};

/// Code, short name and category of children by their places.
pub(super) async fn ranked(
    cx: &mut Cx,
    parent: OrgId,
    skip: i64,
    limit: i64,
) -> Result<Vec<(String, String, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT code, short_name, category FROM org WHERE parent_id = $1 AND status <> 'DELETED' ORDER BY sort_no, id LIMIT $2 OFFSET $3"),
            args![parent, limit, skip],
        )
        .await?)
}

/// Number and id of a living child.
pub(super) async fn place(cx: &mut Cx, parent: OrgId, child: OrgId) -> Result<Option<(i64, i64)>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT sort_no, id FROM org WHERE id = $2 AND parent_id = $1 AND status <> 'DELETED'"),
            args![parent, child],
        )
        .await?)
}

/// The place of whoever has this number, from 1. Walks the sisters before it.
pub(super) async fn rank(cx: &mut Cx, parent: OrgId, at: (i64, i64)) -> Result<i64> {
    let (before,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM org WHERE parent_id = $1 AND (sort_no, id) < ($2, $3) AND status <> 'DELETED'"),
            args![parent, at.0, at.1],
        )
        .await?;
    Ok(before + 1)
}

/// The numbers between which `child` has to stand to come to a place.
pub(super) async fn gap(
    cx: &mut Cx,
    parent: OrgId,
    child: OrgId,
    place: i64,
) -> Result<(Option<i64>, Option<i64>)> {
    if place > 1 && place < i64::MAX {
        let found: Vec<(i64,)> = cx
            .tx
            .all(
                sql!("SELECT sort_no FROM org WHERE parent_id = $1 AND id <> $2 AND status <> 'DELETED' ORDER BY sort_no, id LIMIT 2 OFFSET $3"),
                args![parent, child, place - 2],
            )
            .await?;
        if let Some((before,)) = found.first() {
            return Ok((Some(*before), found.get(1).map(|(n,)| *n)));
        }
    }
    if place == 1 {
        let first: Option<(i64,)> = cx
            .tx
            .opt(
                sql!("SELECT sort_no FROM org WHERE parent_id = $1 AND id <> $2 AND status <> 'DELETED' ORDER BY sort_no, id LIMIT 1"),
                args![parent, child],
            )
            .await?;
        return Ok((None, first.map(|(n,)| n)));
    }
    let end: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("SELECT sort_no FROM org WHERE parent_id = $1 AND id <> $2 AND status <> 'DELETED' ORDER BY sort_no DESC, id DESC LIMIT 1"),
            args![parent, child],
        )
        .await?;
    Ok((end.map(|(n,)| n), None))
}

/// The living children in their order; there are at most 46,656.
pub(super) async fn living(cx: &mut Cx, parent: OrgId) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = cx
        .tx
        .all(
            sql!("SELECT id FROM org WHERE parent_id = $1 AND status <> 'DELETED' ORDER BY sort_no, id LIMIT 46656"),
            args![parent],
        )
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// `(id, sort_no)`.
pub(super) async fn spread(cx: &mut Cx, _: &Permit, rows: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE org SET sort_no = v.sort_no FROM {rows: id int, sort_no int} AS v WHERE org.id = v.id"),
            &[],
            rows,
        )
        .await?)
}

pub(super) async fn set(cx: &mut Cx, _: &Permit, child: OrgId, number: i64) -> Result<()> {
    cx.tx.run(sql!("UPDATE org SET sort_no = $2 WHERE id = $1"), args![child, number]).await?;
    Ok(())
}
