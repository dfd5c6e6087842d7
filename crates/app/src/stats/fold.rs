//! The fold: takes noted changes and adds them to the counters of all ancestors, in one
//! transaction. A crash before its commit leaves the changes noted, a crash after it finds them
//! gone: nothing is counted twice and nothing forgotten.

use super::{Figures, Span, sector::Effect, sql, touched};
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
        let kinds = sql::kinds(cx, &paths).await?;
        // The counters of the organisations themselves first: what they hold decides what is added
        // where. One order for everybody, so that two transactions never wait for each other.
        let own = sql::hold(cx, &paths.iter().map(|p| (*p, Span::Own)).collect()).await?;
        let effects: BTreeMap<&str, Effect> = changes
            .iter()
            .map(|(path, change)| {
                let (own, was) = own.get(&(path.clone(), Span::Own)).copied().unwrap_or_default();
                let kind = kinds.get(path).copied().unwrap_or_default();
                (path.as_str(), Effect::of(own, was, *change, kind))
            })
            .collect();
        let all = || effects.iter().flat_map(|(path, effect)| touched(path, effect));
        let keys: BTreeSet<(&str, Span)> = all().map(|(at, span, _)| (at, span)).collect();
        let mut tally = sql::hold(cx, &keys).await?;
        for (at, span, added) in all() {
            tally.entry((at.to_owned(), span)).or_default().0 += added;
        }
        for path in &paths {
            if let Some(held) = tally.get_mut(&((*path).to_owned(), Span::Own)) {
                held.1 = kinds.get(*path).and_then(|kind| kind.sector);
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
