//! 超期退回 (101): what has waited longer than the rules allow ends by itself. Each transfer in a
//! transaction of its own; a person who decides at the same moment wins or loses as against anybody.

use super::{Transfer, Turn, approval, machine, notices, record, sql, take};
use crate::{Action, Cx, Error, House, Result, Who, act, clock::DAY, rules::Rules};
use machine::{Party, Verb};

const PIECE: i64 = 100;
/// How far back the hourly look for transfers without a target goes.
const ORPHANED_DAYS: i64 = 3;

/// Ends every transfer whose deadline has passed; returns how many. For the clockwork.
pub async fn expire_due(house: &House) -> Result<u64> {
    let mut ended = 0;
    loop {
        let mut cx = house.read(Who::System("系统")).await?;
        let due = sql::overdue(&mut cx, PIECE).await?;
        drop(cx);
        let mut here = 0;
        for (no,) in &due {
            match act!(house, Who::System("系统"), |cx| expire(cx, no).await) {
                Ok(lapsed) => here += u64::from(lapsed),
                // Somebody decided in the same moment: then it is decided.
                Err(Error::Conflict(_)) => {}
                Err(e) => tracing::warn!(error = %e, "a transfer could not lapse"),
            }
        }
        ended += here;
        if here == 0 {
            return Ok(ended);
        }
    }
}

async fn expire(cx: &mut Cx, no: &str) -> Result<bool> {
    let permit = cx.permit_system(Action::DecideTransfer)?;
    let mut t = Transfer::from_stored(sql::by_no(cx, no).await?.ok_or(Error::NotFound)?)?;
    let verb = machine::waits(t.variant, t.state)
        .and_then(|(_, step)| machine::timeout(Rules::builtin().transfer.step(step)?))
        .filter(|verb| *verb == Verb::Expire && t.deadline.is_some_and(|end| end < cx.now()));
    let to = verb.and_then(|verb| machine::next(t.variant, t.state, verb, &[Party::Clock]));
    let Some(to) = to else {
        cx.return_unused(permit);
        return Ok(false);
    };
    let held = t.holder().cloned();
    take(cx, &permit, &mut t, (Verb::Expire, to), Turn::default()).await?;
    notices::expired(cx, &t, held.as_ref()).await?;
    record(cx, permit, Verb::Expire, &t).await?;
    Ok(true)
}

/// Returns every open transfer whose target was closed in the last days and that the closing itself
/// did not return; returns how many. For the clockwork; a decision meets the same check.
pub async fn cancel_orphans(house: &House) -> Result<u64> {
    let mut cx = house.read(Who::System("系统")).await?;
    let since = cx.now() - ORPHANED_DAYS * DAY;
    let orphans = sql::without_target(&mut cx, since, 10 * PIECE).await?;
    drop(cx);
    let mut ended = 0;
    for (no,) in &orphans {
        let done = act!(house, Who::System("系统"), |cx| {
            let permit = cx.permit_system(Action::DecideTransfer)?;
            let t = Transfer::from_stored(sql::by_no(cx, no).await?.ok_or(Error::NotFound)?)?;
            approval::cancel(cx, permit, t).await
        });
        match done {
            Ok(_) => ended += 1,
            Err(Error::Conflict(_)) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(ended)
}
