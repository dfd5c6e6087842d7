//! What a change adds to the live counters of its organisation.

use crate::{Cx, Permit, Result};
use db::{args, sql};

/// Changes of the four figures that people make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::people) struct Counts {
    pub(in crate::people) members: i64,
    pub(in crate::people) members_done: i64,
    pub(in crate::people) cadres: i64,
    pub(in crate::people) cadres_done: i64,
}

/// Tells the counters; nothing is written when nothing changed.
pub(in crate::people) async fn add(
    cx: &mut Cx,
    _: &Permit,
    org_path: &str,
    by: Counts,
) -> Result<()> {
    if by == Counts::default() {
        return Ok(());
    }
    cx.tx
        .run(
            sql!("INSERT INTO delta (id, org_path, members, members_done, cadres, cadres_done, at) VALUES ($1, $2, $3, $4, $5, $6, $7)"),
            args![cx.new_id(), org_path, by.members, by.members_done, by.cadres, by.cadres_done, cx.now()],
        )
        .await?;
    Ok(())
}
