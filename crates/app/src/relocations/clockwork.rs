//! What happens to relocations by itself: the lapse of a step and reminders as for all business, and
//! the return when an organisation is no more. Each in a transaction of its own.

use super::{Relocation, decision, sql};
use crate::{
    Action, Error, House, Result, Who, act,
    business::{self, found},
};

const PIECE: i64 = 100;

/// Ends every relocation whose step has lapsed; returns how many.
pub async fn expire_due(house: &House) -> Result<u64> {
    business::expire_due::<Relocation>(house).await
}

/// Sends every reminder that is due; returns how many.
pub async fn remind_due(house: &House) -> Result<u64> {
    business::remind_due::<Relocation>(house).await
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
