//! Posts, seats and observers of an organisation that is closed.

use super::sql;
use crate::{
    Cx, OrgRef, Permit, Result,
    people::PersonId,
    stats::{self, Change},
};

/// What went with an organisation that is closed.
#[derive(Clone, Debug, Default)]
pub(super) struct Closed {
    pub(super) cadres: Vec<PersonId>,
    pub(super) observers: Vec<PersonId>,
}

pub(super) async fn end_all(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    reason: &str,
) -> Result<Closed> {
    let ended = sql::end_posts(cx, permit, org, reason).await?;
    sql::leave_seats(cx, permit, org.id).await?;
    let observers = sql::dismiss(cx, permit, org.id).await?;
    let done = ended.iter().filter(|(_, complete)| *complete).count();
    let change = Change {
        org_path: &org.path,
        cadres: -(ended.len() as i64),
        cadres_done: -(done as i64),
        ..Change::default()
    };
    stats::change(cx, permit, change).await?;
    Ok(Closed { cadres: ended.into_iter().map(|(id, _)| id).collect(), observers })
}

pub(super) async fn revoke_all(_: &mut Cx, _: &Permit, _: &OrgRef) -> Result<i64> {
    Ok(0)
}
