//! 团干部 and what hangs on their posts: the seats of administrators (管理员变更), elections (换届)
//! and observers (观察员). Rooms that make or close organisations call `give_post`, `end_post`,
//! `end_all` and `seat`; each writes under the caller's permit, and the caller writes the event.
//!
//! Whoever changes seats or the 书记 locks the organisation's row first ([`crate::orgs::lock`]), so
//! that two who do so at once come one after the other.

/// 管理员变更 and the yearly confirmation.
pub mod admins;
/// 录入本级团干部, 团干部职务变更.
pub mod change;
/// 换届.
pub mod election;
/// 下载团干部录入情况.
pub mod export;
/// Rights that nobody uses.
pub mod idle;
mod leaving;
mod list;
mod notices;
/// 观察员.
pub mod observers;
mod posts;
mod reminders;
mod rights;
mod seats;
mod secretary;
mod sql;
/// 任期.
pub mod terms;

pub(crate) use admins::{With, followed};
pub use change::{EnteredCadre, NewCadre, PostForm};
pub use leaving::leaving;
pub(crate) use leaving::tell_of_loss;
pub use list::{Line, Past, Whose, history, list, posts_of_home};
pub use posts::{Closed, Ended, Held, change_post, end_all, end_post, give_post, held};
pub use reminders::remind_confirmations;
pub use seats::{Seat, seat, seats, seats_of, unseat};
pub use secretary::{NewSecretary, Secretary, secretary, set_secretary};
pub use terms::{Term, latest_of, put_off, remind_terms, term_of};

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
