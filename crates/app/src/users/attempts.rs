//! Counted attempts: guessing gets slow, the owner is never locked out for long, and nothing here
//! tells whether an account exists, because what was typed is counted, not what was found.

use super::sql;
use crate::{
    Cx, Error, Result,
    clock::{HOUR, MINUTE, Millis},
    rules::Rules,
};

/// What is being tried.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Blind index of the ID number as typed, or a hash of whatever was typed.
    pub account: String,
    /// The visitor's address, cut to its network.
    pub address: String,
}

/// The network of an address: /24 for IPv4, /64 for IPv6.
pub fn network(address: &str) -> String {
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0")
        }
        Ok(std::net::IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
        Err(_) => "unknown".into(),
    }
}

/// Failures of the account that are remembered, or how long to wait.
pub async fn check(cx: &mut Cx, tried: &Tried) -> Result<i64> {
    let now = cx.now();
    let mut failures = 0;
    for (key, is_account) in [
        (format!("account:{}", tried.account), true),
        (format!("address:{}", tried.address), false),
    ] {
        let Some((count, since, blocked)) = sql::attempt(cx, &key).await? else { continue };
        if blocked > now {
            return Err(Error::TooMany { seconds: (blocked - now) / 1000 + 1 });
        }
        if is_account && since >= now - account_window() {
            failures = count;
        }
    }
    Ok(failures)
}

/// Counts a failure and makes the next attempt wait: one second, doubling, from the policy's
/// number of failures on, and never longer than the policy's minutes.
pub async fn failed(cx: &mut Cx, tried: &Tried) -> Result<i64> {
    let rule = &Rules::builtin().policy.sign_in;
    let longest = rule.lock_minutes * MINUTE;
    let now = cx.now();
    let account = format!("account:{}", tried.account);
    let failures = sql::count_failure(cx, &account, account_window()).await?;
    let over = failures - i64::from(rule.captcha_after);
    if over > 0 {
        let wait = (1000_i64 << over.min(20)).min(longest);
        sql::block(cx, &account, now + wait).await?;
    }
    let address = format!("address:{}", tried.address);
    if sql::count_failure(cx, &address, address_window()).await?
        >= i64::from(rule.attempts_per_address)
    {
        sql::block(cx, &address, now + MINUTE).await?;
    }
    Ok(failures)
}

/// Whether this key may be tried once more, or how long to wait. Counts nothing.
pub async fn may_try(cx: &mut Cx, key: &str) -> Result<()> {
    let now = cx.now();
    match sql::attempt(cx, key).await? {
        Some((_, _, blocked)) if blocked > now => {
            Err(Error::TooMany { seconds: (blocked - now) / 1000 + 1 })
        }
        _ => Ok(()),
    }
}

/// Counts a wrong try of this key; from `most` in an hour on it waits an hour.
pub async fn wrong_try(cx: &mut Cx, key: &str, most: i64) -> Result<()> {
    if sql::count_failure(cx, key, HOUR).await? >= most {
        sql::block(cx, key, cx.now() + HOUR).await?;
    }
    Ok(())
}

/// Forgets the account's failures after a success.
pub async fn succeeded(cx: &mut Cx, tried: &Tried) -> Result<()> {
    sql::forget_failures(cx, &format!("account:{}", tried.account)).await
}

/// A day: within it the wait only grows, so that 10,000 guesses a day come to about a hundred.
fn account_window() -> Millis {
    Rules::builtin().policy.sign_in.attempts_account_hours * HOUR
}

fn address_window() -> Millis {
    Rules::builtin().policy.sign_in.attempts_window_minutes * MINUTE
}
