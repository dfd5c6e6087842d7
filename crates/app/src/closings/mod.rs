//! 撤销与恢复 (D6, rows 48-52; conflicts 5 and 6): a superior closes a direct child. What stands
//! against it is told as steps with links; an empty child goes at once, a branch's people go into
//! the one 待接转团支部 of the same superior; for thirty days the superior can bring it back.

mod checklist;
mod closure;
mod holding;
mod late;
mod restoration;
mod sql;

pub use checklist::{Checklist, Effect, Step, checklist};
pub use closure::{Ask, Done, close};
pub use holding::{Age, holding_of, remind_due};
pub(crate) use late::restore_late;
pub use late::{Late, late, late_below};
pub use restoration::{
    Back, Closing, Lost, Page, Restore, finish_due, list, preview, restore, trace, trace_of_own,
};

use crate::{Cx, Error, OrgRef, Result, orgs};

db::id!(
    /// The closing of an organisation.
    ClosingId
);

/// The direct superior of an organisation.
async fn superior(cx: &mut Cx, org: &OrgRef) -> Result<OrgRef> {
    let path = orgs::parent_path(&org.path).ok_or(Error::NotFound)?;
    orgs::names_to(cx, path).await?.pop().ok_or(Error::Retry)
}

/// `6月12日`.
fn short_day(at: crate::clock::Millis) -> String {
    let z = crate::clock::beijing(at);
    format!("{}月{}日", z.month(), z.day())
}
