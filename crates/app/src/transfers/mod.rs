//! 组织关系转接: one open transfer a person, and the machine that moves it on.

mod sql;

use crate::{Cx, Result};

/// How many transfers wait for the organisation acted for, counted to 100 at most (the badge
/// shows 99+).
pub async fn count_waiting(cx: &mut Cx) -> Result<i64> {
    let org = cx.org()?.id;
    sql::count_waiting(cx, org).await
}
