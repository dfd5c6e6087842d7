//! What people change of the live counters of their organisation.

use crate::{Cx, Permit, Result, stats};

/// Changes of the four figures that people make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) members: i64,
    pub(super) members_done: i64,
    pub(super) cadres: i64,
    pub(super) cadres_done: i64,
}

/// Tells the counters; nothing is told when nothing changed.
pub(super) async fn add(cx: &mut Cx, permit: &Permit, org_path: &str, by: Counts) -> Result<()> {
    if by == Counts::default() {
        return Ok(());
    }
    let Counts { members, members_done, cadres, cadres_done } = by;
    let change = stats::Change {
        org_path,
        members,
        members_done,
        cadres,
        cadres_done,
        ..Default::default()
    };
    stats::change(cx, permit, change).await
}
