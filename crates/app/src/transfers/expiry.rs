//! What happens to transfers by itself: the lapse of a step and reminders as for all business, and
//! the return when the target is no more.

use super::{Transfer, approval, sql};
use crate::{
    Action, Error, House, Result, Who, act,
    business::{self, found},
    clock::DAY,
};

const PIECE: i64 = 1000;
/// How far back the hourly look for transfers without a target goes.
const ORPHANED_DAYS: i64 = 3;

/// Ends every transfer whose step has lapsed; returns how many. For the clockwork.
pub async fn expire_due(house: &House) -> Result<u64> {
    business::expire_due::<Transfer>(house).await
}

/// Sends every reminder that is due; returns how many. For the clockwork.
pub async fn remind_due(house: &House) -> Result<u64> {
    business::remind_due::<Transfer>(house).await
}

/// Returns every open transfer whose target was closed in the last days and that the closing itself
/// did not return; returns how many. For the clockwork; a decision meets the same check.
pub async fn cancel_orphans(house: &House) -> Result<u64> {
    let mut cx = house.read(Who::System("系统")).await?;
    let since = cx.now() - ORPHANED_DAYS * DAY;
    let orphans = sql::without_target(&mut cx, since, PIECE).await?;
    drop(cx);
    let mut ended = 0;
    for (no,) in &orphans {
        let done = act!(house, Who::System("系统"), |cx| {
            let permit = cx.permit_system(Action::DecideTransfer)?;
            let t = found(cx, no).await?;
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
