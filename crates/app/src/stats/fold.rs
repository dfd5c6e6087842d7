//! The fold: takes noted changes and adds them to the counters of all ancestors, in one
//! transaction. A crash before its commit leaves the changes noted, a crash after it finds them
//! gone: nothing is counted twice and nothing forgotten.

use super::{Figures, Span, effect, sql, touched};
use crate::{House, Result, Who, act, clock::Millis};
use std::collections::{BTreeMap, BTreeSet};

/// How many noted changes one transaction takes.
const PIECE: i64 = 5000;

/// The clockwork's turn, every second: keeps the figures on the hour when it is due, then folds
/// everything that is noted.
pub async fn turn(house: &House) -> Result<()> {
    super::snapshot(house).await?;
    settle(house).await
}

/// Folds until nothing is left.
pub async fn settle(house: &House) -> Result<()> {
    while fold(house, None).await? > 0 {}
    Ok(())
}

/// Folds one piece, of the changes noted before `before` where that is given. Returns how many
/// were folded. Any number of nodes may call it at once: they take turns.
pub async fn fold(house: &House, before: Option<Millis>) -> Result<usize> {
    act!(house, Who::System("fold"), |cx| {
        sql::take_turn(cx).await?;
        let taken = sql::take(cx, PIECE, before).await?;
        let count = taken.len();
        if count == 0 {
            return Ok(0);
        }
        let changes = grouped(taken);
        let paths: Vec<&str> = changes.keys().map(String::as_str).collect();
        let categories = sql::categories(cx, &paths).await?;
        // One order for everybody, so that two transactions never wait for each other.
        let keys: BTreeSet<(&str, Span)> = paths.iter().flat_map(|p| touched(p)).collect();
        let mut tally = sql::hold(cx, &keys).await?;
        for (path, change) in &changes {
            let own = tally.get(&(path.clone(), Span::Own)).copied().unwrap_or_default();
            let effect = effect(own, *change, categories.get(path).copied());
            for (at, span) in touched(path) {
                *tally.entry((at.to_owned(), span)).or_default() += effect;
            }
        }
        sql::store(cx, &tally).await?;
        Ok(count)
    })
}

/// Changes of one organisation added up.
pub(super) fn grouped(rows: impl IntoIterator<Item = sql::Noted>) -> BTreeMap<String, Figures> {
    let mut sums: BTreeMap<String, Figures> = BTreeMap::new();
    for row in rows {
        let figures = row.figures();
        *sums.entry(row.org_path).or_default() += figures;
    }
    sums
}
