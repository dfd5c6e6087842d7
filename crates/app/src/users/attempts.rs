//! Counted attempts: guessing gets slow, the owner is never locked out for long, and nothing here
//! tells whether an account exists, because what was typed is counted, not what was found.
//!
//! An attempt is counted before anything is judged, in the statement that says whether it may be
//! made, so that any number of them at once get no more answers than as many in a row. What turns
//! out right is taken back afterwards.

use super::sql;
use crate::{
    Cx, Error, Result,
    clock::{HOUR, MINUTE, Millis},
    messages,
    rules::Rules,
};

/// What is being tried.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Blind index of the ID number as typed, or a hash of whatever was typed.
    pub account: String,
    /// The visitor's address, cut to its network.
    pub address: String,
    /// A device that the owner has signed in with before. It is counted by itself: strangers who
    /// guess at the account, or from the same network, don't hold it up.
    pub device: Option<String>,
}

impl Tried {
    fn key(&self) -> String {
        match &self.device {
            Some(device) => format!("device:{device}"),
            None => format!("account:{}", self.account),
        }
    }
    fn address_key(&self) -> Option<String> {
        self.device.is_none().then(|| format!("address:{}", self.address))
    }
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

/// Attempts that are remembered, or how long to wait. Counts nothing.
pub async fn check(cx: &mut Cx, tried: &Tried) -> Result<i64> {
    let now = cx.now();
    if let Some(key) = tried.address_key() {
        may_try(cx, &key).await?;
    }
    let Some((count, since, blocked)) = sql::attempt(cx, &tried.key()).await? else {
        return Ok(0);
    };
    refuse_until(now, blocked)?;
    Ok(if since >= now - account_window() { count } else { 0 })
}

/// Counts this attempt, or says how long to wait; the number of attempts with this one. From the
/// policy's number on the next one waits, each time four times as long and never longer than the
/// policy's minutes: at most nine in a quarter of an hour, about a hundred in a day.
pub async fn begin(cx: &mut Cx, tried: &Tried) -> Result<i64> {
    let rule = &Rules::builtin().policy.sign_in;
    let now = cx.now();
    if let Some(key) = tried.address_key() {
        let (count, blocked) = sql::count_attempt(cx, &key, address_window()).await?;
        refuse_until(now, blocked)?;
        if count >= i64::from(rule.attempts_per_address) {
            sql::block(cx, &key, now + MINUTE).await?;
        }
    }
    let key = tried.key();
    let (count, blocked) = sql::count_attempt(cx, &key, account_window()).await?;
    refuse_until(now, blocked)?;
    let over = count - i64::from(rule.captcha_after);
    if over > 0 {
        let wait = (500_i64 << (2 * over).min(30)).min(rule.lock_minutes * MINUTE);
        sql::block(cx, &key, now + wait).await?;
    }
    Ok(count)
}

/// Takes back an attempt that was not judged.
pub async fn give_back(cx: &mut Cx, tried: &Tried) -> Result<()> {
    if let Some(key) = tried.address_key() {
        sql::take_back(cx, &key).await?;
    }
    sql::take_back(cx, &tried.key()).await
}

/// Takes the attempt back after a success. A few slips of the owner are forgotten with it; a long
/// row of them was somebody else's, and stays.
pub async fn succeeded(cx: &mut Cx, tried: &Tried) -> Result<()> {
    // The address first, as in `begin`: who waits for whom is the same everywhere.
    if let Some(key) = tried.address_key() {
        sql::take_back(cx, &key).await?;
    }
    let slips = i64::from(Rules::builtin().policy.sign_in.captcha_after) + 1;
    let most = if tried.device.is_some() { i64::MAX } else { slips };
    sql::forget_attempts(cx, &tried.key(), most).await?;
    sql::take_back(cx, &tried.key()).await
}

fn refuse_until(now: Millis, blocked: Millis) -> Result<()> {
    if blocked > now {
        return Err(Error::TooMany { seconds: (blocked - now) / 1000 + 1 });
    }
    Ok(())
}

/// Whether this key may be tried once more, or how long to wait. Counts nothing.
pub async fn may_try(cx: &mut Cx, key: &str) -> Result<()> {
    let now = cx.now();
    match sql::attempt(cx, key).await? {
        Some((_, _, blocked)) => refuse_until(now, blocked),
        None => Ok(()),
    }
}

/// Counts one try of this key before it is judged; from `most` in an hour on it waits an hour.
pub async fn spend(cx: &mut Cx, key: &str, most: i64) -> Result<()> {
    let now = cx.now();
    let (count, blocked) = sql::count_attempt(cx, key, HOUR).await?;
    refuse_until(now, blocked)?;
    if count >= most {
        sql::block(cx, key, now + HOUR).await?;
    }
    Ok(())
}

/// Takes a try back that was no guess.
pub async fn refund(cx: &mut Cx, key: &str) -> Result<()> {
    sql::take_back(cx, key).await
}

/// Parts of the site-wide count, so that sign-ins don't wait for one another's row.
const SHARDS: u8 = 8;

/// Notes how an attempt of a strange device ended; of those that failed only the first of each
/// account. Tells the operators, once an hour, when many accounts are being guessed at.
pub async fn note(cx: &mut Cx, failed: bool) -> Result<()> {
    let mut byte = [0_u8; 1];
    cx.house().chance(&mut byte);
    let kind = if failed { "failed" } else { "passed" };
    let key = format!("site:{kind}:{}", byte[0] % SHARDS);
    sql::count_attempt(cx, &key, address_window()).await?;
    if !failed || !sprayed(cx).await? {
        return Ok(());
    }
    let (told, _) = sql::count_attempt(cx, "site:told", HOUR).await?;
    if told == 1 { tell(cx).await } else { Ok(()) }
}

/// Whether many accounts are being guessed at right now: more of them failed than the policy says,
/// and more than are usual among so many who sign in.
pub async fn sprayed(cx: &mut Cx) -> Result<bool> {
    let rule = &Rules::builtin().policy.sign_in;
    let (failed, passed) = site(cx).await?;
    Ok(failed >= rule.spray_accounts && failed * rule.spray_share > failed + passed)
}

async fn site(cx: &mut Cx) -> Result<(i64, i64)> {
    let since = cx.now() - address_window();
    let keys = |kind: &str| (0..SHARDS).map(|n| format!("site:{kind}:{n}")).collect();
    let failed = sql::counted(cx, keys("failed"), since).await?;
    Ok((failed, sql::counted(cx, keys("passed"), since).await?))
}

async fn tell(cx: &mut Cx) -> Result<()> {
    let (failed, passed) = site(cx).await?;
    metrics::counter!("sign_in_spray_total").increment(1);
    tracing::warn!(failed, passed, "many accounts are being guessed at");
    let body = format!(
        "最近15分钟，有{failed}个不同的证件号从没有登录过的设备上登录失败，成功的有{passed}次，像是有人在逐个试密码。系统已要求陌生设备每次登录都填验证码；常用设备不受影响。请查看访问日志里的来源地址，必要时在入口处限制；之后一小时内不再重复提醒。"
    );
    let operators = super::operators(cx).await?;
    let title = "有人在大量试探账号密码";
    messages::send_to_people(cx, &operators, "security", title, &body, "/status").await
}

/// A day: within it the wait only grows, so that 10,000 guesses a day come to about a hundred.
fn account_window() -> Millis {
    Rules::builtin().policy.sign_in.attempts_account_hours * HOUR
}

fn address_window() -> Millis {
    Rules::builtin().policy.sign_in.attempts_window_minutes * MINUTE
}
