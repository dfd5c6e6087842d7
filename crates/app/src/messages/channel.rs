//! The ways out of the program as the whole installation knows them: which are served, which one
//! is broken off. After several failures in a row nothing is sent for a while; then one letter
//! tries, and when it comes through all go on (a circuit breaker). Its state is a row, so that it
//! holds for every node and over restarts.

use super::{CLAIM, Letter, delivery::Fault};
use crate::{
    Action, Cx, Error, House, Refusal, Result, Who, act,
    clock::{DAY, MINUTE, Millis},
    events::Event,
};
use db::{args, sql};

/// Failures in a row after which a channel is left alone.
pub const OPENS: i64 = 5;
/// How long at first; twice as long after each letter that tried in vain.
const REST: Millis = MINUTE / 2;
const LONGEST_REST: Millis = 10 * MINUTE;
/// Letters are still written for a channel that nobody has served for so long.
const REMEMBERED: Millis = 7 * DAY;
/// A channel that no node has spoken of for so long is served by nobody at present.
const SILENT: Millis = 10 * MINUTE;

db::row! {
    /// A channel.
    #[derive(Clone, Debug)]
    pub struct Channel {
        pub name: String,
        pub served_at: i64,
        pub failures: i64,
        pub until: i64,
        pub error: Option<String>,
        pub changed_at: i64,
    }
}
impl Channel {
    /// `closed` (letters go out), `open` (left alone), `half_open` (one letter tries).
    pub fn state(&self, now: Millis) -> &'static str {
        match (self.failures >= OPENS, self.until > now) {
            (false, _) => "closed",
            (true, true) => "open",
            (true, false) => "half_open",
        }
    }
    /// No node says that it serves it.
    pub fn is_silent(&self, now: Millis) -> bool {
        self.served_at <= now - SILENT
    }
}

/// Every channel that some node serves or has served.
pub async fn channels(cx: &mut Cx) -> Result<Vec<Channel>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT name, served_at, failures, until, error, changed_at FROM channel ORDER BY name LIMIT 10"),
            &[],
        )
        .await?)
}

/// Letters of a channel that wait, and that were given up; each counted to 1,000 at most.
pub async fn letters(cx: &mut Cx, channel: &str) -> Result<(i64, i64)> {
    let (waiting,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT id FROM outbox WHERE channel = $1 AND state = 'waiting' LIMIT 1000) AS t"),
            args![channel],
        )
        .await?;
    let (failed,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT id FROM outbox WHERE channel = $1 AND state = 'failed' LIMIT 1000) AS t"),
            args![channel],
        )
        .await?;
    Ok((waiting, failed))
}

/// An operator sends again what was given up, at most 1,000 letters; returns how many.
pub async fn send_again(cx: &mut Cx, channel: &str) -> Result<u64> {
    let permit = cx.permit_here(Action::Operate)?;
    let letters = cx
        .tx
        .run(
            sql!("UPDATE outbox SET state = 'waiting', attempts = 0, next_at = $1 WHERE id IN (SELECT id FROM outbox WHERE channel = $2 AND state = 'failed' ORDER BY id LIMIT 1000)"),
            args![cx.now(), channel],
        )
        .await?;
    if letters == 0 {
        let said = "这个渠道没有发送失败的消息，可能已由他人重新发送。";
        return Err(Error::conflict(Refusal::new("letters_elsewhere", said)));
    }
    let detail = serde_json::json!({ "channel": channel, "letters": letters });
    cx.record(permit, Event::new("letters.again", "channel", 0).detail(detail)).await?;
    Ok(letters)
}

/// Which channels letters are written for: what this program serves, and what any other node of the
/// installation has served lately.
pub(super) async fn served(cx: &mut Cx) -> Result<Vec<String>> {
    let since = cx.now() - REMEMBERED;
    let found: Vec<(String,)> = cx
        .tx
        .all(sql!("SELECT name FROM channel WHERE served_at > $1 LIMIT 10"), args![since])
        .await?;
    let mut names: Vec<String> = found.into_iter().map(|(name,)| name).collect();
    for own in cx.house().senders().channels() {
        if !names.iter().any(|name| name == own) {
            names.push(own.to_owned());
        }
    }
    Ok(names)
}

/// Says to the other nodes which channels this program serves.
pub async fn announce(house: &House) -> Result<()> {
    for name in house.senders().channels() {
        act!(house, Who::System("outbox"), |cx| note_served(cx, name).await)?;
    }
    Ok(())
}

/// The same while nothing is sent: at most once a minute.
pub(super) async fn announce_now_and_then(house: &House, name: &str) -> Result<()> {
    let mut cx = house.read(Who::System("outbox")).await?;
    let (now, row) = (cx.now(), seen(&mut cx, name).await?);
    drop(cx);
    if row.is_some_and(|served_at| served_at > now - MINUTE) {
        return Ok(());
    }
    act!(house, Who::System("outbox"), |cx| note_served(cx, name).await)
}

async fn seen(cx: &mut Cx, name: &str) -> Result<Option<Millis>> {
    let row: Option<(Millis,)> =
        cx.tx.opt(sql!("SELECT served_at FROM channel WHERE name = $1"), args![name]).await?;
    Ok(row.map(|(at,)| at))
}

async fn note_served(cx: &mut Cx, name: &str) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO channel (name, served_at, changed_at) VALUES ($1, $2, $2) ON CONFLICT (name) DO UPDATE SET served_at = excluded.served_at"),
            args![name, cx.now()],
        )
        .await?;
    Ok(())
}

/// Letters that wait for a channel which no node serves at present: channel and count.
pub async fn unserved(cx: &mut Cx) -> Result<Vec<(String, i64)>> {
    let now = cx.now();
    let own = cx.house().senders().channels();
    let mut found = Vec::new();
    for channel in channels(cx).await? {
        if channel.is_silent(now) && !own.contains(&channel.name.as_str()) {
            let (waiting, _) = letters(cx, &channel.name).await?;
            if waiting > 0 {
                found.push((channel.name, waiting));
            }
        }
    }
    Ok(found)
}

/// Says in the log which letters wait for nobody. For the clockwork.
pub async fn warn_unserved(house: &House) -> Result<()> {
    let mut cx = house.read(Who::System("outbox")).await?;
    for (channel, letters) in unserved(&mut cx).await? {
        tracing::warn!(channel, letters, "letters wait for a channel that no program here serves");
    }
    Ok(())
}

/// Whether letters of a channel may be claimed now, and how many at once.
pub(super) async fn allowance(cx: &mut Cx, name: &str, at_once: i64) -> Result<i64> {
    let now = cx.now();
    let row = one(cx, name).await?;
    let row = match row {
        Some(row) => row,
        None => {
            note_served(cx, name).await?;
            one(cx, name).await?.ok_or(Error::NotFound)?
        }
    };
    if row.served_at < now - MINUTE {
        note_served(cx, name).await?;
    }
    match row.state(now) {
        "closed" => Ok(at_once),
        "open" => Ok(0),
        _ => {
            // While this one tries, no other node does.
            cx.tx
                .run(
                    sql!("UPDATE channel SET until = $1 WHERE name = $2"),
                    args![now + CLAIM, name],
                )
                .await?;
            Ok(1)
        }
    }
}

async fn one(cx: &mut Cx, name: &str) -> Result<Option<Channel>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT name, served_at, failures, until, error, changed_at FROM channel WHERE name = $1 {pg: FOR UPDATE}"),
            args![name],
        )
        .await?)
}

/// Notes what a letter's fate says about its channel.
pub(super) async fn learn(
    cx: &mut Cx,
    letter: &Letter,
    said: std::result::Result<(), &Fault>,
) -> Result<()> {
    let now = cx.now();
    let Some(row) = one(cx, &letter.channel).await? else { return Ok(()) };
    match said {
        Ok(()) | Err(Fault::Letter(_)) if row.failures == 0 => {}
        Ok(()) | Err(Fault::Letter(_)) => {
            cx.tx
                .run(
                    sql!("UPDATE channel SET failures = 0, until = 0, error = NULL, changed_at = $1 WHERE name = $2"),
                    args![now, &letter.channel],
                )
                .await?;
        }
        Err(Fault::Channel(why)) => {
            // Of several that fail together only the one that tried alone prolongs the rest.
            let failures =
                if letter.tries { row.failures + 1 } else { (row.failures + 1).min(OPENS) };
            let until = if failures < OPENS { row.until } else { now + rest(failures) };
            if failures >= OPENS && row.failures < OPENS {
                tracing::error!(channel = row.name, why, "a channel is left alone for a while");
            }
            cx.tx
                .run(
                    sql!("UPDATE channel SET failures = $1, until = $2, error = $3, changed_at = $4 WHERE name = $5"),
                    args![failures, until, why, now, &letter.channel],
                )
                .await?;
        }
    }
    Ok(())
}

fn rest(failures: i64) -> Millis {
    (REST << (failures - OPENS).clamp(0, 10)).min(LONGEST_REST)
}
