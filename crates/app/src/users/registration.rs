//! Accounts for those who register with a code of their superior (管理员注册). The code is the
//! credential; nothing here tells strangers who has an account.

use super::{password, sessions, sql};
use crate::{
    Cx, Error, FieldError, House, Result, Who, act,
    events::Event,
    people::PersonId,
    pii::{IdNumber, Mobile},
    rules::{
        Rules,
        policy::{PasswordOwner, judge_password},
    },
    users::sessions::Device,
};

/// Judges a new password against what its owner typed of herself, field by field (`password`,
/// `password_again`).
pub fn judge(
    (name, id, mobile): (&str, Option<&IdNumber>, Option<&Mobile>),
    new: &str,
    again: &str,
) -> Vec<FieldError> {
    let owner = PasswordOwner { id_number: id, mobile, name };
    let mut errors: Vec<FieldError> = judge_password(new, owner, Rules::builtin())
        .into_iter()
        .map(|message| FieldError::new("password", "password", message))
        .collect();
    if new != again {
        let says = "两次输入的密码不一样,请重新输入。";
        errors.push(FieldError::new("password_again", "password_again", says));
    }
    errors
}

/// Makes the account of a person who has none and signs her in; `None` when she has one already.
pub async fn open(
    cx: &mut Cx,
    person: PersonId,
    hash: &str,
    device: &Device,
) -> Result<Option<String>> {
    if !sql::open_account(cx, person, hash, cx.now()).await? {
        return Ok(None);
    }
    cx.note(Event::new("account.activated", "person", person.0).about(person)).await?;
    sessions::open(cx, person, device).await.map(Some)
}

/// Signs in whoever sends the same registration twice: the person who was just registered, with
/// the very password that she chose. `None` for anybody else.
pub async fn again(
    house: &House,
    person: PersonId,
    id: &IdNumber,
    typed: &str,
    device: &Device,
) -> Result<Option<String>> {
    let mut cx = house.read(Who::Nobody).await?;
    let indexes = house.keys().indexes("person.id", id.reveal());
    let known = sql::known(&mut cx, indexes).await?;
    drop(cx);
    let hash = known.filter(|k| k.person == person).and_then(|k| k.password_hash);
    if !password::fits(house, password::Lane::Stranger, typed, hash).await? {
        return Ok(None);
    }
    let secret = act!(house, Who::Nobody, |cx| sessions::open(cx, person, device).await)?;
    Ok(Some(secret))
}

/// Whether a person has claimed her account.
pub async fn has_account(cx: &mut Cx, person: PersonId) -> Result<bool> {
    let known = sql::known_person(cx, person).await?.ok_or(Error::NotFound)?;
    Ok(known.password_hash.is_some())
}
