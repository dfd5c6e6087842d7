//! Reminders to whoever holds a transfer: by the clockwork on the days of the rules, and 催办 by the
//! starting side once in 24 hours (P4).

use super::{Transfer, machine, notices, read, sql};
use crate::{
    Action, Cx, Error, House, Refusal, Result, Who, access, act,
    clock::{HOUR, show_time},
    events::Event,
    rules::Rules,
};
use machine::Party;

const PIECE: i64 = 200;
/// One 催办 in so many hours; the submission itself counts as the first.
const URGE_EVERY: i64 = 24 * HOUR;

/// Sends every reminder that is due; returns how many. For the clockwork; each is sent once, also
/// when several nodes look at the same time.
pub async fn remind_due(house: &House) -> Result<u64> {
    let mut sent = 0;
    loop {
        let mut cx = house.read(Who::System("系统")).await?;
        let due = sql::to_remind(&mut cx, PIECE).await?;
        drop(cx);
        let mut here = 0;
        for (no,) in &due {
            here += u64::from(act!(house, Who::System("系统"), |cx| remind(cx, no).await)?);
        }
        sent += here;
        if here == 0 {
            return Ok(sent);
        }
    }
}

async fn remind(cx: &mut Cx, no: &str) -> Result<bool> {
    let permit = cx.permit_system(Action::DecideTransfer)?;
    let t = Transfer::from_stored(sql::by_no(cx, no).await?.ok_or(Error::NotFound)?)?;
    let step = machine::waits(t.variant, t.state)
        .and_then(|(_, step)| Rules::builtin().transfer.step(step));
    let Some(step) = step else {
        cx.return_unused(permit);
        return Ok(false);
    };
    let (entered, now) = (sql::entered(cx, t.id, t.state).await?, cx.now());
    let next = machine::next_reminder(step, entered, now);
    if !sql::set_reminder(cx, &permit, t.id, next).await? {
        cx.return_unused(permit);
        return Ok(false);
    }
    let escalate = machine::escalates(step, entered, now);
    notices::reminder(cx, &t, escalate).await?;
    cx.record(permit, Event::new("transfer.reminded", "transfer", t.id.0).at(&t.to.path)).await?;
    Ok(true)
}

/// 催办 by the side that began it. Refused `urged` within 24 hours of the last one.
pub async fn urge(cx: &mut Cx, no: &str) -> Result<Transfer> {
    let t = read(cx, no).await?;
    let acting = cx.org()?.clone();
    if !t.parties(&acting).contains(&Party::Starter) {
        return Err(access::forbidden(Action::WithdrawTransfer));
    }
    let permit = cx.permit(Action::WithdrawTransfer, &acting)?;
    if t.state.ended() {
        return Err(super::too_late(cx, &t).await);
    }
    let now = cx.now();
    if !sql::urge(cx, &permit, t.id, now - URGE_EVERY).await? {
        let again = t.urged_at.unwrap_or(t.created_at) + URGE_EVERY;
        return Err(Error::refused(Refusal::new(
            "urged",
            format!(
                "24 小时内只能催办一次,对方已经收到提醒。{} 以后可以再次催办;急事请直接电话联系。",
                show_time(again)
            ),
        )));
    }
    sql::add_step(cx, &permit, t.id, "urge", t.state, "").await?;
    notices::urged(cx, &t).await?;
    let event = Event::new("transfer.urged", "transfer", t.id.0).about(t.person).at(&t.from.path);
    cx.record(permit, event).await?;
    Ok(t)
}

/// From when on a 催办 is possible.
pub(super) fn urge_from(t: &Transfer) -> i64 {
    t.urged_at.unwrap_or(t.created_at) + URGE_EVERY
}
