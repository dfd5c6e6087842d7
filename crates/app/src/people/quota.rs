//! How often somebody may do in a day what is open to her but easily abused: showing values in
//! full, asking about people of other organisations (security a-2, a-7).

use super::{PersonId, sql};
use crate::{Cx, Error, Permit, Result, clock};

/// A daily allowance.
#[derive(Clone, Copy)]
pub(super) struct Allowance {
    name: &'static str,
    per_day: i64,
}
/// Values shown in full.
pub(super) const REVEALS: Allowance = Allowance { name: "reveal", per_day: 200 };
/// Answers about people of other organisations.
pub(super) const LOOKUPS: Allowance = Allowance { name: "lookup", per_day: 30 };

/// Takes one from today's allowance of whoever acts; [`Error::TooMany`] when it is used up.
pub(super) async fn take(cx: &mut Cx, permit: &Permit, allowance: Allowance) -> Result<()> {
    let actor = cx.visitor()?.person;
    let now = cx.now();
    let day_ends = clock::end_of_day_after(now, 0);
    let key = format!("{}:{actor}", allowance.name);
    let used = sql::store::count_attempt(cx, permit, &key, day_ends + 1 - clock::DAY).await?;
    if used > allowance.per_day {
        return Err(Error::TooMany { seconds: (day_ends - now) / 1000 + 1 });
    }
    Ok(())
}

/// Misses in a row that make a pause, and how long it lasts (E05).
const MISSES: i64 = 5;
const PAUSE: clock::Millis = 30 * clock::MINUTE;
/// Organisations that may ask about one person a day.
const SUBJECT: i64 = 5;

/// One more organisation asks about this person today. [`Error::TooMany`] for the sixth; the same
/// one may ask again.
pub(super) async fn subject(cx: &mut Cx, permit: &Permit, person: PersonId) -> Result<()> {
    let org = cx.org()?.id;
    let now = cx.now();
    let day_ends = clock::end_of_day_after(now, 0);
    let since = day_ends + 1 - clock::DAY;
    let pair = format!("asked:{person}:{org}");
    if sql::store::count_attempt(cx, permit, &pair, since).await? > 1 {
        return Ok(());
    }
    let orgs = sql::store::count_attempt(cx, permit, &format!("asked:{person}"), since).await?;
    if orgs > SUBJECT {
        return Err(Error::TooMany { seconds: (day_ends - now) / 1000 + 1 });
    }
    Ok(())
}

fn misses_of(cx: &Cx) -> Result<String> {
    Ok(format!("missed:{}", cx.visitor()?.person))
}

/// [`Error::TooMany`] while whoever acts pauses after too many misses.
pub(super) async fn not_paused(cx: &mut Cx) -> Result<()> {
    let until = sql::store::blocked_until(cx, &misses_of(cx)?).await?;
    let left = until - cx.now();
    if left > 0 { Err(Error::TooMany { seconds: left / 1000 + 1 }) } else { Ok(()) }
}

/// One more miss; returns how many are left before the pause, 0 when it begins now.
pub(super) async fn missed(cx: &mut Cx, permit: &Permit) -> Result<i64> {
    let key = misses_of(cx)?;
    let now = cx.now();
    let left = MISSES - sql::store::count_miss(cx, permit, &key, now - PAUSE).await?;
    if left > 0 {
        return Ok(left);
    }
    sql::store::block(cx, permit, &key, now + PAUSE).await?;
    Ok(0)
}

/// A hit ends the row of misses.
pub(super) async fn forget_misses(cx: &mut Cx, permit: &Permit) -> Result<()> {
    sql::store::forget_attempts(cx, permit, &misses_of(cx)?).await
}
