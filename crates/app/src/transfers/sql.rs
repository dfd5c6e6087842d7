//! The transfers' statements; private to the room.

use crate::{Cx, Result, orgs::OrgId};
use db::{args, sql};

pub(super) async fn count_waiting(cx: &mut Cx, org: OrgId) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT id FROM transfer WHERE waits_for = $1 AND ended_at IS NULL LIMIT 100) AS t"),
            args![org],
        )
        .await?;
    Ok(count)
}
