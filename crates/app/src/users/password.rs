//! Hashing and changing passwords. Argon2id; each hash takes 19 MiB, so the places are counted
//! and the waiting ends with "busy" instead of piling up.

use super::{
    devices::{self, Owner},
    sessions::Device,
    sign_in::Signed,
    sql,
};
use crate::{
    Action, Cx, Error, FieldError, House, Result,
    events::Event,
    keys::Place,
    pii::{IdNumber, Mobile},
    rules::{
        Rules,
        policy::{PasswordOwner, judge_password},
    },
};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::time::Duration;

/// How long a sign-in waits for a place to hash in.
const PATIENCE: Duration = Duration::from_secs(8);
/// The longest password in bytes: 128 characters of four. More is never hashed.
const MOST_BYTES: usize = 512;

/// Who waits for a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Somebody signed in, or a device that the owner has used before.
    Known,
    /// Everybody else; they leave a place for the others.
    Stranger,
}

/// Hashes a stranger's new password; takes a place and about 20 ms of a core.
pub async fn hash(house: &House, password: &str) -> Result<String> {
    hash_in(house, Lane::Stranger, password).await
}

async fn hash_in(house: &House, lane: Lane, password: &str) -> Result<String> {
    if password.len() > MOST_BYTES {
        let most = Rules::builtin().policy.password.max;
        return Err(Error::field(
            "password",
            "password",
            format!("密码最多{most}个字符，请改短一些。"),
        ));
    }
    let mut salt = [0_u8; 16];
    house.chance(&mut salt);
    let password = zeroize::Zeroizing::new(password.to_owned());
    in_a_place(house, lane, move || {
        Argon2::default()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(|h: PasswordHash| h.to_string())
            .map_err(|e| Error::Broken(format!("argon2: {e}")))
    })
    .await?
}

/// Whether the password fits the hash. Without a hash the same work is done for nothing, so that
/// the time does not tell whether an account exists.
pub(super) async fn fits(
    house: &House,
    lane: Lane,
    password: &str,
    hash: Option<String>,
) -> Result<bool> {
    // No password is so long; the work is done all the same.
    let (password, hash) = if password.len() > MOST_BYTES { ("", None) } else { (password, hash) };
    let Some(stored) = hash else {
        hash_in(house, lane, password).await?;
        return Ok(false);
    };
    let password = zeroize::Zeroizing::new(password.to_owned());
    in_a_place(house, lane, move || {
        PasswordHash::new(&stored)
            .is_ok_and(|h| Argon2::default().verify_password(password.as_bytes(), &h).is_ok())
    })
    .await
}

async fn in_a_place<T: Send + 'static>(
    house: &House,
    lane: Lane,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let places = async {
        let among_strangers = match lane {
            Lane::Known => None,
            Lane::Stranger => Some(house.strangers_places().acquire().await),
        };
        (among_strangers, house.hash_places().acquire().await)
    };
    let places = tokio::time::timeout(PATIENCE, places).await;
    let Ok((_among_strangers, Ok(_place))) = places else { return Err(Error::Busy) };
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Broken(format!("hashing: {e}")))
}

/// Judges a new password (3) against the person's own numbers and name.
pub(super) fn judge(house: &House, known: &sql::Known, new: &str, again: &str) -> Result<()> {
    let id = read_id(house, known);
    let mobile = known.mobile_ct.as_ref().and_then(|sealed| {
        let place = Place { column: "person.mobile_ct", row: known.person.0 };
        Mobile::from_stored(&house.keys().unseal(place, sealed).ok()?)
    });
    let owner =
        PasswordOwner { id_number: id.as_ref(), mobile: mobile.as_ref(), name: &known.name };
    let mut errors: Vec<FieldError> = judge_password(new, owner, Rules::builtin())
        .into_iter()
        .map(|message| FieldError::new("password", "password", message))
        .collect();
    if new != again {
        errors.push(FieldError::new(
            "password_again",
            "password_again",
            "两次输入的新密码不一样,请重新输入。",
        ));
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

pub(super) fn read_id(house: &House, known: &sql::Known) -> Option<IdNumber> {
    let place = Place { column: "person.id_ct", row: known.person.0 };
    IdNumber::from_stored(&house.keys().unseal(place, &known.id_ct).ok()?)
}

/// What the form "修改密码" brings.
#[derive(Clone)]
pub struct Change {
    pub old: String,
    pub new: String,
    pub again: String,
}

/// A change that was found right, with its hash made: what is left is to store it.
pub struct Prepared {
    old_hash: String,
    new_hash: String,
}

/// Judges a change of one's own password (4) and makes the hash; outside any transaction, because
/// hashing must not hold one open.
pub async fn prepare(house: &House, who: crate::Who, form: Change) -> Result<Prepared> {
    let mut cx = house.read(who).await?;
    let me = cx.visitor()?.person;
    let known = sql::known_person(&mut cx, me).await?.ok_or(Error::SignedOut)?;
    drop(cx);
    let Some(old_hash) = known.password_hash.clone() else { return Err(Error::SignedOut) };
    if !fits(house, Lane::Known, &form.old, Some(old_hash.clone())).await? {
        return Err(Error::field("old", "password_old", "原密码不正确,请重新输入。"));
    }
    judge(house, &known, &form.new, &form.again)?;
    let new_hash = hash_in(house, Lane::Known, &form.new).await?;
    Ok(Prepared { old_hash, new_hash })
}

/// Stores the new password, ends every sign-in of before and opens a new one for this device, in
/// the visit's own transaction: a form sent twice is carried out once. Somebody who changed it in
/// between makes this `Retry`. Programs, who bring a token, get no sign-in.
pub async fn store(cx: &mut Cx, prepared: Prepared, device: &Device) -> Result<Option<Signed>> {
    let permit = cx.permit_own(Action::ManageOwnSignIns)?;
    let (me, session) = (cx.visitor()?.person, cx.visitor()?.session);
    let now = cx.now();
    let hashes = (prepared.old_hash.as_str(), prepared.new_hash.as_str());
    if !sql::change_password(cx, &permit, me, hashes, now).await? {
        return Err(Error::Retry);
    }
    sql::end_sessions(cx, me, None, None).await?;
    super::tokens::end_with_password(cx, me).await?;
    let signed = match session {
        Some(_) => {
            let secret = super::sessions::open(cx, me, device).await?;
            let owner = Owner { person: me, changed_at: now };
            Some(Signed { secret, marks: devices::remember(cx.house(), &device.marks, owner) })
        }
        None => None,
    };
    cx.record(permit, Event::new("account.password_changed", "person", me.0).about(me)).await?;
    Ok(signed)
}
