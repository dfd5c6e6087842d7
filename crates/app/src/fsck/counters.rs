//! I11: every counter is what a full recount says, noted changes included.

use super::Check;
use crate::{
    Result,
    stats::{Figures, Walk},
};

pub(super) async fn all(check: &mut Check<'_>) -> Result<()> {
    let mut walk = Walk::begin(&mut check.cx).await?;
    while let Some(found) = walk.next(&mut check.cx).await? {
        for wrong in found.iter().filter(|d| d.is_wrong()) {
            let judged = |f: Figures| Figures { branches_done: 0, bodies_done: 0, ..f };
            let now = wrong.stored + wrong.pending;
            if check.rejudging && judged(wrong.counted) == judged(now) {
                continue;
            }
            let key = format!("{} at {}", wrong.span.code(), wrong.path);
            check.found("I11", key, figures(&wrong.counted), figures(&now));
        }
    }
    Ok(())
}

fn figures(f: &Figures) -> String {
    format!(
        "orgs {} branches {}/{} bodies {} members {}/{} cadres {}/{}",
        f.orgs,
        f.branches_done,
        f.branches,
        f.bodies_done,
        f.members_done,
        f.members,
        f.cadres_done,
        f.cadres
    )
}
