//! What happens to relocations by itself: the lapse of a step, reminders on the days of the rules,
//! the return when an organisation is no more. Each in a transaction of its own.

use super::{Relocation, Turn, decision, machine, notices, record, sql, take};
use crate::{Action, Cx, Error, House, Result, Who, act, events::Event, rules::Rules, transfers};
use machine::{Party, Verb};
use serde_json::Value as Json;

const PIECE: i64 = 100;

async fn found(cx: &mut Cx, no: &str) -> Result<Relocation> {
    sql::by_no(cx, no).await?.ok_or(Error::NotFound)?.read()
}

/// Ends every relocation whose step has lapsed; returns how many.
pub async fn expire_due(house: &House) -> Result<u64> {
    let mut cx = house.read(Who::System("系统")).await?;
    let due = sql::overdue(&mut cx, PIECE).await?;
    drop(cx);
    let mut ended = 0;
    for (no,) in &due {
        match act!(house, Who::System("系统"), |cx| expire(cx, no).await) {
            Ok(lapsed) => ended += u64::from(lapsed),
            // Somebody decided in the same moment: then it is decided.
            Err(Error::Conflict(_)) => {}
            Err(e) => tracing::warn!(error = %e, "a relocation could not lapse"),
        }
    }
    Ok(ended)
}

async fn expire(cx: &mut Cx, no: &str) -> Result<bool> {
    let permit = cx.permit_system(Action::DecideRelocation)?;
    let mut r = found(cx, no).await?;
    let late = r.deadline.is_some_and(|end| end < cx.now());
    let to = machine::next(r.state, Verb::Expire, &[Party::Clock]).filter(|_| late);
    let Some(to) = to else {
        cx.return_unused(permit);
        return Ok(false);
    };
    let held = r.holder().cloned();
    take(cx, &permit, &mut r, (Verb::Expire, to), Turn::default()).await?;
    notices::expired(cx, &r, held.as_ref()).await?;
    record(cx, permit, Verb::Expire, &r, Json::Null).await?;
    Ok(true)
}

/// Returns every open relocation of which one organisation is no more or stands elsewhere; returns
/// how many. A decision meets the same check.
pub async fn cancel_orphans(house: &House) -> Result<u64> {
    let mut cx = house.read(Who::System("系统")).await?;
    let orphans = sql::orphans(&mut cx, PIECE).await?;
    drop(cx);
    let mut ended = 0;
    for (no,) in &orphans {
        let done = act!(house, Who::System("系统"), |cx| {
            let permit = cx.permit_system(Action::DecideRelocation)?;
            let r = found(cx, no).await?;
            match decision::no_longer_whole(cx, &r).await? {
                Some(says) => decision::cancel(cx, permit, r, &says).await.map(|_| 1),
                None => {
                    cx.return_unused(permit);
                    Ok(0)
                }
            }
        });
        match done {
            Ok(n) => ended += n,
            Err(Error::Conflict(_)) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(ended)
}

/// Sends every reminder that is due; returns how many.
pub async fn remind_due(house: &House) -> Result<u64> {
    let mut cx = house.read(Who::System("系统")).await?;
    let due = sql::to_remind(&mut cx, PIECE).await?;
    drop(cx);
    let mut sent = 0;
    for (no,) in &due {
        sent += u64::from(act!(house, Who::System("系统"), |cx| remind(cx, no).await)?);
    }
    Ok(sent)
}

async fn remind(cx: &mut Cx, no: &str) -> Result<bool> {
    let permit = cx.permit_system(Action::DecideRelocation)?;
    let r = found(cx, no).await?;
    let step = Rules::builtin().transfer.step(machine::STEP).filter(|_| !r.state.ended());
    let Some(step) = step else {
        cx.return_unused(permit);
        return Ok(false);
    };
    let (entered, now) = (sql::entered(cx, r.id, r.state).await?, cx.now());
    let next = transfers::machine::next_reminder(step, entered, now);
    if !sql::set_reminder(cx, &permit, r.id, next).await? {
        cx.return_unused(permit);
        return Ok(false);
    }
    notices::reminder(cx, &r).await?;
    cx.record(permit, Event::new("relocation.reminded", "relocation", r.id.0).at(&r.org.path))
        .await?;
    Ok(true)
}
