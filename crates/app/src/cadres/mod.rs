//! 团干部 and what hangs on their posts: the seats of administrators (管理员变更), elections (换届)
//! and observers (观察员). Rooms that make or close organisations call `give_post`, `end_post`,
//! `end_all` and `seat`; each writes under the caller's permit, and the caller writes the event.
//!
//! Whoever changes seats or the 书记 locks the organisation's row first ([`crate::orgs::lock`]), so
//! that two who do so at once come one after the other.

mod posts;
mod seats;
mod sql;

pub use posts::{Closed, Ended, Held, change_post, end_all, end_post, give_post, held};
pub use seats::{Seat, seat, seats, seats_of, unseat};

use crate::{Error, OrgRef, Permit, Result};

db::id!(
    /// A post in an organisation.
    CadreId
);

/// A permit reaches the organisation for which it was given, and what lies below it.
fn reaches(permit: &Permit, org: &OrgRef) -> Result<()> {
    if org.path.starts_with(permit.org_path()) {
        Ok(())
    } else {
        Err(Error::Broken("a permit for another organisation".into()))
    }
}
