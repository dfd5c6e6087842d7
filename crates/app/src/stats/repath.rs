//! When a subtree moves: its counters go with it, its figures leave the ancestors that it had and
//! join those that it gets. The tables of counters are keyed by path, so this is a matter of ranges.

use super::{Figures, Span, parent, sql};
use crate::{Cx, House, Permit, Result, Who, act};
use std::collections::BTreeSet;

/// Counters on the hour that follow in one transaction.
const PIECE: i64 = 2000;

/// Carries the counters of the subtree at `from` to `to`, in the caller's transaction and before
/// the organisations' own paths change. Changes that are noted and not folded follow their
/// organisation by themselves and are folded at the new place. The figures on the hour follow
/// within seconds ([`move_history`]): there may be many.
pub(crate) async fn repath(cx: &mut Cx, permit: &Permit, from: &str, to: &str) -> Result<()> {
    let _ = permit.action();
    sql::take_turn(cx).await?;
    let moved = sql::counters(cx, from).await?;
    let own = moved.get(&Span::Own).copied().unwrap_or_default();
    // What of the subtree stands in every ancestor's counters: all of it, and by sector.
    let spans: Vec<(Span, Figures)> = moved
        .into_iter()
        .filter(|(span, _)| matches!(span, Span::Subtree | Span::Sector(_)))
        .collect();
    let sides = [(from, true), (to, false)];
    let touched = || {
        sides.into_iter().flat_map(|(path, gone)| {
            let above = (1..path.len() / 3).filter_map(move |n| path.get(..n * 3));
            let spans = &spans;
            above
                .flat_map(move |at| spans.iter().map(move |(span, f)| (at, *span, *f, gone)))
                .chain(parent(path).map(|at| (at, Span::Direct, own, gone)))
        })
    };
    let keys: BTreeSet<(&str, Span)> = touched().map(|(at, span, ..)| (at, span)).collect();
    let mut tally = sql::hold(cx, &keys).await?;
    for (at, span, figures, gone) in touched() {
        let counter = &mut tally.entry((at.to_owned(), span)).or_default().0;
        *counter = if gone { *counter - figures } else { *counter + figures };
    }
    sql::store(cx, &tally).await?;
    sql::move_tally(cx, from, to).await?;
    sql::note_move(cx, from, to).await
}

/// Carries the figures on the hour of everything that has moved after it, move by move in their
/// order. For the clockwork; a crash between two pieces is gone on from.
pub async fn move_history(house: &House) -> Result<()> {
    loop {
        let left = act!(house, Who::System("history"), |cx| {
            sql::take_turn(cx).await?;
            let Some((id, from, to)) = sql::next_move(cx).await? else { return Ok(false) };
            if sql::move_hours(cx, &from, &to, PIECE).await? == 0 {
                sql::close_move(cx, id).await?;
            }
            Ok(true)
        })?;
        if !left {
            return Ok(());
        }
    }
}

/// The figures of the organisation at a path with its subtree, as last folded; for previews of what
/// a move changes, whoever may see them.
pub(crate) async fn subtree(cx: &mut Cx, path: &str) -> Result<Figures> {
    Ok(sql::counters(cx, path).await?.get(&Span::Subtree).copied().unwrap_or_default())
}
