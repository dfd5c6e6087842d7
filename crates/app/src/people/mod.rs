//! Persons, members (团员) and cadres (团干部): entering, finding, showing, changing, moving,
//! exporting. Everything personal is sealed before it is stored and masked when it is printed.

/// A second person's word on an export of whole numbers.
pub mod consent;
/// Changing what may be changed (A17, M2).
pub mod edit;
/// Entering people (A18), one or ten thousand.
pub mod entry;
/// Member lists as workbooks.
pub mod export;
/// 团员列表 (A16).
pub mod list;
/// Where a person is and goes: finding by ID number, moving, the undo of an import.
pub mod members;
/// One person's card (A17).
pub mod person;
/// One's own page (M1, M2).
pub mod profile;
/// Showing a masked value in full, with a reason.
pub mod reveal;
/// 全局搜索 (A3).
pub mod search;
/// 谁看过我: who looked at, exported or changed one's own data.
pub mod seen;

/// What was typed about somebody who is known already.
pub mod merge;

mod counts;
/// Everybody of one organisation, or some of them, into another: merging and splitting.
mod gather;
mod named;
mod quota;
mod rejudge;
mod rekey;
mod sql;
/// What one's own form has found, behind a secret in the next page's address.
pub mod tickets;

pub use entry::{Entry, IdCheck, Outcome, add, add_looked_for, add_many, add_taking, check_id};
pub(crate) use gather::{carry_posts, end_posts, end_posts_of, move_all, move_some};
pub use members::{
    Brought, Found, Kept, Met, Missed, Moved, count_of, find_by_id_number, hold_all_of, look_up,
    look_up_again, move_back, move_noting, move_these, move_to, remove_many, set_moving,
    start_moving,
};
pub use merge::{Differing, Told};
pub use named::{
    Entered, Named, Seen, find_named, find_or_fill, find_or_make, look, supply_own_mobile,
};
pub use person::{Check, Contact, Membership, Person, Post};
pub(crate) use quota::{Answers, per_day as answers_per_day};
pub(crate) use rejudge::run as rejudge;
pub use rejudge::{Sample, look as look_at_rules, minutes_for, rejudging, sample};
pub(crate) use rekey::rekey;

db::id!(
    /// A person.
    PersonId
);

/// People made until this moment were planted (the demonstration does so): the book does not tell
/// how they came in.
pub(crate) async fn planted_until(cx: &mut crate::Cx) -> crate::Result<i64> {
    sql::store::planted_until(cx).await
}
