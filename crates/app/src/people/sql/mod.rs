//! The room's statements by topic; private to the room. Every statement that changes something
//! names the permit under which it does.

pub(super) mod consent;
pub(super) mod entry;
pub(super) mod gather;
pub(super) mod list;
pub(super) mod members;
pub(super) mod merge;
pub(super) mod person;
pub(super) mod rejudge;
pub(super) mod search;
pub(super) mod store;

use crate::{
    OrgRef,
    orgs::{Category, OrgId},
};

/// An organisation out of a row's columns; `None` when there is none in the row.
fn org_of(
    id: Option<i64>,
    code: Option<&str>,
    path: Option<&str>,
    short_name: Option<&str>,
    category: Option<&str>,
    province: Option<&str>,
) -> Option<OrgRef> {
    Some(OrgRef {
        id: OrgId(id?),
        code: code?.to_owned(),
        path: path?.to_owned(),
        short_name: short_name?.to_owned(),
        category: Category::from_code(category?)?,
        province: province?.to_owned(),
    })
}
