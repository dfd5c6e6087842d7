//! What happens to business by itself: the lapse of a step, and reminders on the days of the rules.
//! Each in a transaction of its own, each once, also when several nodes look at the same time.

use super::{Matter, Turn, found, machine, sql, take};
use crate::{Cx, Error, House, Result, Who, act, events::Event, orgs, rules::Rules};
use machine::{Party, Verb};

const PIECE: i64 = 200;
const CLOCK: Who = Who::System("系统");

/// Ends everything of a kind whose step has lapsed; returns how many.
pub(crate) async fn expire_due<M: Matter>(house: &House) -> Result<u64> {
    let mut ended = 0;
    loop {
        let mut cx = house.read(CLOCK).await?;
        let due = sql::overdue(&mut cx, M::KIND, PIECE).await?;
        drop(cx);
        let mut here = 0;
        for (no,) in &due {
            match act!(house, CLOCK, |cx| expire::<M>(cx, no).await) {
                Ok(lapsed) => here += u64::from(lapsed),
                // Somebody decided in the same moment: then it is decided.
                Err(Error::Conflict(_)) => {}
                Err(e) => {
                    tracing::warn!(error = %e, kind = M::KIND.code(), "a step could not lapse")
                }
            }
        }
        ended += here;
        if here == 0 {
            return Ok(ended);
        }
    }
}

async fn expire<M: Matter>(cx: &mut Cx, no: &str) -> Result<bool> {
    let permit = cx.permit_system(M::DECIDE)?;
    let mut m: M = found(cx, no).await?;
    let case = m.case();
    let verb = machine::waits(case.variant, case.state)
        .and_then(|(_, step)| machine::timeout(Rules::builtin().transfer.step(step)?))
        .filter(|verb| *verb == Verb::Expire && case.has_lapsed(cx.now()));
    let to = verb.and_then(|verb| machine::next(case.variant, case.state, verb, &[Party::Clock]));
    let Some(to) = to else {
        cx.return_unused(permit);
        return Ok(false);
    };
    let held = case.holder().cloned();
    take(cx, &permit, &mut m, (Verb::Expire, to), Turn::default()).await?;
    m.tell_expired(cx, held.as_ref()).await?;
    m.record(cx, permit, Verb::Expire).await?;
    Ok(true)
}

/// Sends every reminder of a kind that is due; returns how many.
pub(crate) async fn remind_due<M: Matter>(house: &House) -> Result<u64> {
    let mut sent = 0;
    loop {
        let mut cx = house.read(CLOCK).await?;
        let due = sql::to_remind(&mut cx, M::KIND, PIECE).await?;
        drop(cx);
        let mut here = 0;
        for (no,) in &due {
            here += u64::from(act!(house, CLOCK, |cx| remind::<M>(cx, no).await)?);
        }
        sent += here;
        if here == 0 {
            return Ok(sent);
        }
    }
}

async fn remind<M: Matter>(cx: &mut Cx, no: &str) -> Result<bool> {
    let permit = cx.permit_system(M::DECIDE)?;
    let m: M = found(cx, no).await?;
    let case = m.case();
    let step = machine::waits(case.variant, case.state)
        .and_then(|(_, step)| Rules::builtin().transfer.step(step));
    let (Some(step), Some(holder)) = (step, case.holder().cloned()) else {
        cx.return_unused(permit);
        return Ok(false);
    };
    let (entered, now) = (sql::entered(cx, case.id, case.state).await?, cx.now());
    let next = machine::next_reminder(step, entered, now);
    if !sql::set_reminder(cx, &permit, case.id, next).await? {
        cx.return_unused(permit);
        return Ok(false);
    }
    let above = match orgs::parent_path(&holder.path) {
        Some(path) if machine::escalates(step, entered, now) => {
            orgs::names_to(cx, path).await?.pop()
        }
        _ => None,
    };
    m.tell_reminder(cx, &holder, above.as_ref()).await?;
    let event = Event::new(M::KIND.event(Verb::Remind), M::KIND.code(), case.id.0);
    cx.record(permit, event.at(&holder.path)).await?;
    Ok(true)
}
