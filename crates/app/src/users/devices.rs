//! Known devices (设备): a long-lived signed mark in a cookie, bound to the account and to its
//! present password. It opens nothing; whoever brings it is counted by itself and served before
//! strangers, so that guessing at an account does not lock its owner out.

use crate::{House, people::PersonId};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// Accounts that one device is remembered for: a shared computer.
const MOST: usize = 6;
/// Longer than any cookie of ours.
const MOST_BYTES: usize = 600;

/// Whose device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub(super) person: PersonId,
    /// When the password was set: a new one forgets the devices of the old one.
    pub(super) changed_at: i64,
}

fn mark(house: &House, owner: Owner, nonce: &str) -> String {
    let text = format!("{}:{}:{nonce}", owner.person.0, owner.changed_at);
    BASE64_URL_SAFE_NO_PAD.encode(&house.keys().code_hash("device", &text)[..18])
}

fn marks(cookie: &str) -> impl Iterator<Item = (&str, &str)> {
    let cookie = if cookie.len() <= MOST_BYTES { cookie } else { "" };
    cookie.split('~').filter_map(|one| one.split_once('.')).take(MOST)
}

/// The device's own word, when the owner has signed in with it before.
pub(super) fn known(house: &House, cookie: &str, owner: Owner) -> Option<String> {
    let fits = |(nonce, given): &(&str, &str)| {
        let right = mark(house, owner, nonce);
        bool::from(subtle::ConstantTimeEq::ct_eq(right.as_bytes(), given.as_bytes()))
    };
    marks(cookie).find(fits).map(|(nonce, _)| nonce.to_owned())
}

/// The cookie with a mark for this owner, the newest first; an older one of hers is replaced.
pub(super) fn remember(house: &House, cookie: &str, owner: Owner) -> String {
    let nonce = house.new_code(16);
    let fresh = format!("{nonce}.{}", mark(house, owner, &nonce));
    let old = known(house, cookie, owner);
    let others = marks(cookie)
        .filter(|(nonce, _)| old.as_deref() != Some(*nonce))
        .map(|(nonce, mark)| format!("{nonce}.{mark}"));
    std::iter::once(fresh).chain(others).take(MOST).collect::<Vec<_>>().join("~")
}
