//! How the bits stay true: within seconds of a change (the audit book says where somebody acted, the
//! counters where numbers moved), and in rounds through the whole tree for what time alone brings.

use super::{Facts, judge, sql, term_over};
use crate::{
    Cx, House, Result, Who, act,
    clock::{MINUTE, day, days_since},
    orgs::Category,
};
use jiff::ToSpan;
use std::collections::BTreeSet;

/// Organisations judged in one transaction.
const PIECE: usize = 500;
/// Organisations that a round looks at in one turn.
const ROUND: i64 = 3000;
/// Counters are looked at once more for so long: a fold that began earlier may end later.
const OVERLAP: i64 = MINUTE;

/// Looks again at what was changed. For the clockwork.
pub async fn turn(house: &House) -> Result<()> {
    while book(house).await? {}
    counters(house).await
}

/// The next events of the book; `false` when there are no more.
async fn book(house: &House) -> Result<bool> {
    const EVENTS: i64 = 2000;
    let mut cx = house.read(Who::System("check-up")).await?;
    let after = sql::mark(&mut cx, "check-up.seal").await?.parse().unwrap_or(0);
    let events = sql::sealed_after(&mut cx, after, EVENTS).await?;
    let Some(last) = events.last().map(|(seq, ..)| *seq) else { return Ok(false) };
    let people: BTreeSet<i64> = events.iter().filter_map(|(_, _, person)| *person).collect();
    let people = people.into_iter().map(|id| vec![id.into()]).collect();
    let mut paths: BTreeSet<String> = events.iter().map(|(_, path, _)| path.clone()).collect();
    paths.extend(sql::secretaries_at(&mut cx, people).await?.into_iter().map(|(path,)| path));
    drop(cx);
    look_at(house, paths).await?;
    act!(house, Who::System("check-up"), |cx| {
        sql::set_mark(cx, "check-up.seal", &last.to_string()).await
    })?;
    Ok(events.len() as i64 == EVENTS)
}

async fn counters(house: &House) -> Result<()> {
    const COUNTERS: i64 = 3000;
    let begun = house.now();
    let mut cx = house.read(Who::System("check-up")).await?;
    let from: i64 = sql::mark(&mut cx, "check-up.tally").await?.parse().unwrap_or(0);
    drop(cx);
    let mut at = (from, String::new());
    loop {
        let mut cx = house.read(Who::System("check-up")).await?;
        let rows = sql::counted_after(&mut cx, (at.0, &at.1), COUNTERS).await?;
        drop(cx);
        let count = rows.len() as i64;
        if let Some(last) = rows.last() {
            at.clone_from(last);
        }
        look_at(house, rows.into_iter().map(|(_, path)| path).collect()).await?;
        if count < COUNTERS {
            break;
        }
    }
    let mark = (begun - OVERLAP).max(from);
    if mark == from {
        return Ok(());
    }
    act!(house, Who::System("check-up"), |cx| {
        sql::set_mark(cx, "check-up.tally", &mark.to_string()).await
    })
}

/// One piece of the round through the tree. For the clockwork.
pub async fn round(house: &House) -> Result<()> {
    let mut cx = house.read(Who::System("check-up")).await?;
    let after = sql::mark(&mut cx, "check-up.round").await?;
    drop(cx);
    let next = piece(house, &after).await?.unwrap_or_default();
    act!(house, Who::System("check-up"), |cx| sql::set_mark(cx, "check-up.round", &next).await)
}

/// Looks at every organisation at once. For the demonstration, tests and the first start.
pub async fn look_at_all(house: &House) -> Result<()> {
    let mut after = String::new();
    while let Some(last) = piece(house, &after).await? {
        after = last;
    }
    Ok(())
}

/// The organisations behind a path; the last of them, `None` when the round is over.
async fn piece(house: &House, after: &str) -> Result<Option<String>> {
    let mut cx = house.read(Who::System("check-up")).await?;
    let paths = sql::next_paths(&mut cx, after, ROUND).await?;
    drop(cx);
    let last = paths.last().map(|(path,)| path.clone());
    look_at(house, paths.into_iter().map(|(path,)| path).collect()).await?;
    Ok(last)
}

async fn look_at(house: &House, paths: BTreeSet<String>) -> Result<()> {
    let paths: Vec<String> = paths.into_iter().filter(|p| !p.is_empty()).collect();
    for piece in paths.chunks(PIECE) {
        let mut cx = house.read(Who::System("check-up")).await?;
        let judged = judged(&mut cx, piece).await?;
        drop(cx);
        if judged.is_empty() {
            continue;
        }
        let judged = &judged;
        act!(house, Who::System("check-up"), |cx| sql::store(cx, judged.clone()).await)?;
    }
    Ok(())
}

/// Those whose bits are other than what stands in their rows.
async fn judged(cx: &mut Cx, paths: &[String]) -> Result<db::Rows> {
    let now = cx.now();
    let today = day(now);
    let rows = paths.iter().map(|path| vec![path.as_str().into()]).collect();
    let young = today.checked_sub(28.years()).unwrap_or(today).strftime("%Y-%m").to_string();
    let found = sql::look_at(cx, &young, rows).await?;
    let judged = |row: sql::Looked| {
        let category = Category::from_code(&row.category)?;
        let facts = Facts {
            category,
            is_closed: row.status == "DELETED",
            members: row.members,
            guests: row.guests,
            branches: row.branches,
            members_below: row.members_below,
            has_phone: row.has_phone,
            has_admin: row.has_admin,
            has_unplaced: row.has_unplaced,
            term_over: term_over(
                category,
                row.industry.as_deref(),
                (row.elected_on.as_deref(), row.term_until.as_deref()),
                today,
            ),
            age: days_since(row.created_at, now),
        };
        let ill = judge(&facts);
        (ill != row.ill).then(|| vec![row.id.into(), ill.into()])
    };
    Ok(found.into_iter().filter_map(judged).collect())
}
