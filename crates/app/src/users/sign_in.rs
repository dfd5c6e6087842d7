//! 登录 (1): ID number, password, captcha by policy. The same answer whether an account exists,
//! is unclaimed, or was never there; attempts are counted by what was typed.

use super::{attempts, captcha, password, sessions, sql};
use crate::{
    Captcha, Error, House, Result, Who, act,
    people::PersonId,
    rules::{Rules, id_number},
    users::{attempts::Tried, sessions::Device},
};

/// What the sign-in form brings.
#[derive(Clone, Debug, Default)]
pub struct SignIn {
    pub id_number: String,
    pub password: String,
    pub captcha_id: String,
    pub captcha: String,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// Signed in; the session's secret.
    In(String),
    /// The initial password was right: this ticket opens the activation page (decision 5).
    Activate(String),
    /// Not signed in; with the failures so far and whether a captcha is asked next.
    Wrong { failures: i64, captcha: bool, captcha_wrong: bool },
}

/// Whether the sign-in page shows a captcha for this visitor after so many failures.
pub fn asks_captcha(house: &House, failures: i64) -> bool {
    match house.settings().captcha {
        Captcha::Always => true,
        Captcha::Off => false,
        Captcha::AfterFailures => {
            failures >= i64::from(Rules::builtin().policy.sign_in.captcha_after)
        }
    }
}

/// Tries to sign in. Opens its own transactions: hashing must not hold one open.
pub async fn try_in(house: &House, form: &SignIn, device: &Device) -> Result<Outcome> {
    let id = id_number::parse(&form.id_number, crate::clock::day(house.now())).ok();
    let tried = Tried {
        account: key_of(house, id.as_ref().map_or(&*form.id_number, |i| i.reveal())),
        address: attempts::network(&device.address),
    };
    let tried_ref = &tried;
    let failures = act!(house, Who::Nobody, |cx| attempts::check(cx, tried_ref).await)?;
    if asks_captcha(house, failures) {
        let right = act!(house, Who::Nobody, |cx| {
            captcha::answered(cx, &form.captcha_id, &form.captcha).await
        })?;
        if !right {
            return Ok(Outcome::Wrong { failures, captcha: true, captcha_wrong: true });
        }
    }
    let mut cx = house.read(Who::Nobody).await?;
    let known = match &id {
        Some(id) => {
            let indexes = cx.house().keys().indexes("person.id", id.reveal());
            sql::known(&mut cx, indexes).await?
        }
        None => None,
    };
    drop(cx);
    let hash = known.as_ref().and_then(|k| k.password_hash.clone());
    let claimed = hash.is_some();
    let right = password::fits(house, &form.password, hash).await?;
    match (known, id) {
        (Some(k), _) if claimed && right => welcome(house, &tried, k.person, device).await,
        (Some(k), Some(id))
            if !claimed && form.password.trim().eq_ignore_ascii_case(id.last8()) =>
        {
            activate(house, &tried, k.person).await
        }
        _ => {
            let failures = act!(house, Who::Nobody, |cx| attempts::failed(cx, tried_ref).await)?;
            Ok(Outcome::Wrong {
                failures,
                captcha: asks_captcha(house, failures),
                captcha_wrong: false,
            })
        }
    }
}

/// What is counted instead of the number itself.
fn key_of(house: &House, typed: &str) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(&house.keys().code_hash("attempt", typed.trim())[..12])
}

async fn welcome(
    house: &House,
    tried: &Tried,
    person: PersonId,
    device: &Device,
) -> Result<Outcome> {
    let secret = act!(house, Who::Nobody, |cx| {
        attempts::succeeded(cx, tried).await?;
        sessions::open(cx, person, device).await
    })?;
    Ok(Outcome::In(secret))
}

async fn activate(house: &House, tried: &Tried, person: PersonId) -> Result<Outcome> {
    let secret = house.new_secret();
    let hash = house.keys().code_hash("activation", &secret);
    let until = house.now() + 30 * crate::clock::MINUTE;
    act!(house, Who::Nobody, |cx| {
        attempts::succeeded(cx, tried).await?;
        sql::keep_ticket(cx, hash, "activation", Some(person), until).await
    })?;
    Ok(Outcome::Activate(secret))
}

/// An error whose text is the same for every reason (security a-1).
pub fn wrong(failures: i64) -> Error {
    let left = i64::from(Rules::builtin().policy.sign_in.captcha_after) - failures;
    let more = if left > 0 {
        format!("还可再试 {left} 次,之后要填验证码。")
    } else {
        "之后每次要多等一会儿。".to_owned()
    };
    Error::field(
        "password",
        "sign_in",
        format!(
            "证件号或密码不正确,{more}第一次登录请用证件号后八位;忘记密码请找本支部或上级管理员。"
        ),
    )
}
