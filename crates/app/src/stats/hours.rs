//! The figures on the hour (row 156): kept for history and comparisons. An hour in which nothing
//! changed has no row; reading takes the newest one up to the hour asked for.

use super::{Figures, Span, fold::fold, sql, visible};
use crate::{
    Cx, House, OrgRef, Result, Who, act,
    clock::{MINUTE, Millis, hour_of},
};
use schemars::JsonSchema;
use serde::Serialize;

/// Keeps the figures of the hour that has begun, once. Changes noted before the hour are folded
/// first and later ones wait, so that the figures are those of the hour itself. Returns whether it
/// was due.
pub async fn snapshot(house: &House) -> Result<bool> {
    let hour = hour_of(house.now());
    let mut cx = house.read(Who::System("snapshot")).await?;
    let last = sql::last_snapshot(&mut cx).await?;
    drop(cx);
    if last.is_some_and(|(last, _)| last >= hour) {
        return Ok(false);
    }
    while fold(house, Some(hour)).await? > 0 {}
    act!(house, Who::System("snapshot"), |cx| {
        sql::take_turn(cx).await?;
        let since = match sql::last_snapshot(cx).await? {
            // Another node was faster.
            Some((last, _)) if last >= hour => return Ok(false),
            // A minute more, in case the nodes' clocks differ; a row too many says the same again.
            Some((_, taken)) => taken - MINUTE,
            None => 0,
        };
        sql::keep_hour(cx, hour, since).await?;
        sql::note_snapshot(cx, hour).await?;
        Ok(true)
    })
}

/// The figures of one hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hourly {
    /// The full hour.
    pub hour: Millis,
    pub own: Figures,
    pub direct: Figures,
    pub subtree: Figures,
}

/// The figures as they were at the full hour at or before `at`; zeros before the first snapshot.
pub async fn at_hour(cx: &mut Cx, org: &OrgRef, at: Millis) -> Result<Hourly> {
    visible(cx, org)?;
    let hour = hour_of(at);
    Ok(Hourly {
        hour,
        own: sql::figures_at(cx, &org.path, Span::Own, hour).await?,
        direct: sql::figures_at(cx, &org.path, Span::Direct, hour).await?,
        subtree: sql::figures_at(cx, &org.path, Span::Subtree, hour).await?,
    })
}

/// What changed in the subtree of `org` between two full hours.
pub async fn between(cx: &mut Cx, org: &OrgRef, from: Millis, to: Millis) -> Result<Figures> {
    Ok(at_hour(cx, org, to).await?.subtree - at_hour(cx, org, from).await?.subtree)
}
