//! 登录 (1): ID number, password, captcha by policy. The same answer whether an account exists,
//! is unclaimed, or was never there; attempts are counted by what was typed.

use super::{
    attempts, captcha,
    devices::{self, Owner},
    password::{self, Lane},
    sessions, sql,
};
use crate::{
    Captcha, Cx, Error, House, Result, Who, act,
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
    /// Signed in.
    In(Signed),
    /// The initial password was right: this ticket opens the activation page (decision 5).
    Activate(String),
    /// Not signed in; with the attempts so far and whether a captcha is asked next.
    Wrong { failures: i64, captcha: bool, captcha_wrong: bool },
}

/// What a browser keeps of a sign-in.
#[derive(Debug)]
pub struct Signed {
    /// The session's secret.
    pub secret: String,
    /// The marks of the accounts that this device is known for, with this one.
    pub marks: String,
}

/// Whether the sign-in page shows a captcha before anything was typed: always, or while many
/// accounts are being guessed at and the device has signed in nobody yet.
pub async fn asks_at_once(house: &House, device: &Device) -> Result<bool> {
    if house.settings().captcha != Captcha::AfterFailures || !device.marks.is_empty() {
        return Ok(house.settings().captcha == Captcha::Always);
    }
    let mut cx = house.read(Who::Nobody).await?;
    attempts::sprayed(&mut cx).await
}

/// How an attempt at signing in goes on.
enum Turn {
    /// Counted, and to be judged.
    Judge(i64),
    /// A captcha is asked and was not answered: nothing is judged, nothing counted.
    Unanswered(i64),
    /// It was answered wrongly, which counts.
    Misread(i64),
}

/// Tries to sign in. Opens its own transactions: hashing must not hold one open. The attempt is
/// counted before its password is looked at.
pub async fn try_in(house: &House, form: &SignIn, device: &Device) -> Result<Outcome> {
    let id = id_number::parse(&form.id_number, crate::clock::day(house.now())).ok();
    let mut cx = house.read(Who::Nobody).await?;
    let known = match &id {
        Some(id) => {
            let indexes = cx.house().keys().indexes("person.id", id.reveal());
            sql::known(&mut cx, indexes).await?
        }
        None => None,
    };
    drop(cx);
    let claimed = known.as_ref().filter(|k| k.password_hash.is_some());
    let tried = Tried {
        account: key_of(house, id.as_ref().map_or(&*form.id_number, |i| i.reveal())),
        address: attempts::network(&device.address),
        device: claimed.and_then(|k| devices::known(house, &device.marks, owner(k))),
    };
    let count = match admit(house, form, &tried).await? {
        Turn::Judge(count) => count,
        Turn::Unanswered(failures) | Turn::Misread(failures) => {
            return Ok(Outcome::Wrong { failures, captcha: true, captcha_wrong: true });
        }
    };
    let lane = if tried.device.is_some() { Lane::Known } else { Lane::Stranger };
    let hash = known.as_ref().and_then(|k| k.password_hash.clone());
    let claimed = hash.is_some();
    let right = match password::fits(house, lane, &form.password, hash).await {
        // Not judged for want of a place: the attempt is given back.
        Err(Error::Busy) => {
            act!(house, Who::Nobody, |cx| attempts::give_back(cx, &tried).await)?;
            return Err(Error::Busy);
        }
        right => right?,
    };
    match (known, id) {
        (Some(k), _) if claimed && right => welcome(house, &tried, &k, device).await,
        (Some(k), Some(id))
            if !claimed && form.password.trim().eq_ignore_ascii_case(id.last8()) =>
        {
            activate(house, &tried, k.person).await
        }
        _ => refuse(house, &tried, count).await,
    }
}

/// Counts the attempt, in the transaction that lets it pass.
async fn admit(house: &House, form: &SignIn, tried: &Tried) -> Result<Turn> {
    act!(house, Who::Nobody, |cx| {
        let sprayed = asks_after_failures(cx.house())
            && tried.device.is_none()
            && attempts::sprayed(cx).await?;
        let before = attempts::check(cx, tried).await?;
        if asks(house, before, sprayed) && form.captcha.trim().is_empty() {
            return Ok(Turn::Unanswered(before));
        }
        let count = attempts::begin(cx, tried).await?;
        if asks(house, count - 1, sprayed)
            && !captcha::answered(cx, &form.captcha_id, &form.captcha).await?
        {
            return Ok(Turn::Misread(count));
        }
        Ok(Turn::Judge(count))
    })
}

fn asks_after_failures(house: &House) -> bool {
    house.settings().captcha == Captcha::AfterFailures
}

/// Whether an attempt needs a captcha after so many before it.
fn asks(house: &House, failures: i64, sprayed: bool) -> bool {
    let after = i64::from(Rules::builtin().policy.sign_in.captcha_after);
    match house.settings().captcha {
        Captcha::Always => true,
        Captcha::Off => false,
        Captcha::AfterFailures => sprayed || failures >= after,
    }
}

async fn refuse(house: &House, tried: &Tried, failures: i64) -> Result<Outcome> {
    let sprayed = if tried.device.is_none() {
        act!(house, Who::Nobody, |cx| {
            if failures == 1 {
                attempts::note(cx, true).await?;
            }
            Ok(asks_after_failures(cx.house()) && attempts::sprayed(cx).await?)
        })?
    } else {
        false
    };
    metrics::counter!("sign_ins_total", "result" => "wrong").increment(1);
    Ok(Outcome::Wrong { failures, captcha: asks(house, failures, sprayed), captcha_wrong: false })
}

/// What is counted instead of the number itself.
fn key_of(house: &House, typed: &str) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(&house.keys().code_hash("attempt", typed.trim())[..12])
}

fn owner(known: &sql::Known) -> Owner {
    Owner { person: known.person, changed_at: known.changed_at }
}

async fn welcome(
    house: &House,
    tried: &Tried,
    known: &sql::Known,
    device: &Device,
) -> Result<Outcome> {
    let secret = act!(house, Who::Nobody, |cx| {
        passed(cx, tried).await?;
        sessions::open(cx, known.person, device).await
    })?;
    let marks = devices::remember(house, &device.marks, owner(known));
    metrics::counter!("sign_ins_total", "result" => "in").increment(1);
    Ok(Outcome::In(Signed { secret, marks }))
}

async fn passed(cx: &mut Cx, tried: &Tried) -> Result<()> {
    attempts::succeeded(cx, tried).await?;
    if tried.device.is_none() {
        attempts::note(cx, false).await?;
    }
    Ok(())
}

async fn activate(house: &House, tried: &Tried, person: PersonId) -> Result<Outcome> {
    let secret = house.new_secret();
    let hash = house.keys().code_hash("activation", &secret);
    let until = house.now() + 30 * crate::clock::MINUTE;
    act!(house, Who::Nobody, |cx| {
        passed(cx, tried).await?;
        sql::keep_ticket(cx, hash, "activation", Some(person), until).await
    })?;
    Ok(Outcome::Activate(secret))
}

/// An error whose text is the same for every reason (security a-1).
pub fn wrong(failures: i64) -> Error {
    let left = i64::from(Rules::builtin().policy.sign_in.captcha_after) - failures;
    let more = if left > 0 {
        format!("还可再试{left}次，之后要填验证码。")
    } else {
        "之后每次要多等一会儿。".to_owned()
    };
    Error::field(
        "password",
        "sign_in",
        format!(
            "证件号或密码不正确，{more}第一次登录请用证件号后八位；忘记密码请找本支部或上级管理员。"
        ),
    )
}
