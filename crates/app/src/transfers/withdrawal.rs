//! 撤销申请 (100): the side that began a transfer takes it back before it has ended.

use super::{Transfer, Turn, machine, notices, read, record, take, too_late};
use crate::{Action, Cx, Result, access};
use machine::{Party, Verb};

/// Takes a transfer back; the person stays where she is. `Conflict` E22 when it has ended or gone
/// on meanwhile. It may still be taken back on the way to its lapse: nobody is hurt by that.
pub async fn withdraw(cx: &mut Cx, no: &str, version: i64) -> Result<Transfer> {
    let mut t = read(cx, no).await?;
    let acting = cx.org()?.clone();
    let parties = t.parties(&acting);
    if !parties.contains(&Party::Starter) {
        return Err(access::forbidden(Action::WithdrawTransfer));
    }
    let permit = cx.permit(Action::WithdrawTransfer, &acting)?;
    if t.version != version {
        return Err(too_late(cx, &t).await);
    }
    let Some(to) = machine::next(t.variant, t.state, Verb::Withdraw, &parties) else {
        return Err(too_late(cx, &t).await);
    };
    let held = t.holder().cloned();
    take(cx, &permit, &mut t, (Verb::Withdraw, to), Turn::default()).await?;
    notices::withdrawn(cx, &t, held.as_ref()).await?;
    record(cx, permit, Verb::Withdraw, &t).await?;
    Ok(t)
}
