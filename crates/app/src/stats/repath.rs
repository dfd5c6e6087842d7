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
    let of = |span| moved.get(&span).copied().unwrap_or_default();
    let (own, subtree) = (of(Span::Own), of(Span::Subtree));
    let keys: BTreeSet<(&str, Span)> = above(from).chain(above(to)).collect();
    let mut tally = sql::hold(cx, &keys).await?;
    for (path, gone) in [(from, true), (to, false)] {
        for (at, span) in above(path) {
            let figures = if span == Span::Direct { own } else { subtree };
            let counter = tally.entry((at.to_owned(), span)).or_default();
            *counter = if gone { *counter - figures } else { *counter + figures };
        }
    }
    sql::store(cx, &tally).await?;
    sql::move_tally(cx, from, to).await?;
    sql::note_move(cx, from, to).await
}

/// The counters above a path that hold its figures.
fn above(path: &str) -> impl Iterator<Item = (&str, Span)> {
    (1..path.len() / 3)
        .filter_map(|n| path.get(..n * 3))
        .map(|p| (p, Span::Subtree))
        .chain(parent(path).map(|p| (p, Span::Direct)))
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
