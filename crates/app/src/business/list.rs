//! The lists of 操作中心 (A4): what waits, what was begun, what was decided, of every kind and
//! narrowed by kind and days. Keyset pages; what waits, the most urgent first.

use super::{
    BusinessId, SOURCE, hides_source,
    machine::{Kind, State, Variant, Verb},
    sql::{self, Bound, Row},
};
use crate::{
    Action, Cx, Result,
    clock::{DAY, Millis, days_since, start_of_day},
};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

/// What a list can be narrowed to (`type=` in addresses).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    Transfer,
    /// 转入审批.
    Incoming,
    /// 转出审批.
    Outgoing,
    /// 分配团支部.
    Allocation,
    Relocation,
}
impl Sort {
    /// Code in addresses, words, kind, and the state in which it waits (empty: any).
    const TABLE: [(Self, &'static str, &'static str, Kind, &'static str); 5] = [
        (Self::Transfer, "transfer", "组织关系转接", Kind::Transfer, ""),
        (Self::Incoming, "incoming", "转入审批", Kind::Transfer, "pending_target"),
        (Self::Outgoing, "outgoing", "转出审批", Kind::Transfer, "pending_source"),
        (Self::Allocation, "allocation", "分配团支部", Kind::Transfer, "pending_alloc"),
        (Self::Relocation, "relocation", "组织迁移", Kind::Relocation, ""),
    ];
    /// Out of an address; anything unknown narrows nothing.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.1 == code).map(|row| row.0)
    }
    /// Codes and words, for choices; `waiting`: also those that tell one step from another.
    pub fn choices(waiting: bool) -> Vec<(&'static str, &'static str)> {
        let rows = Self::TABLE.iter().filter(|row| waiting || row.4.is_empty());
        rows.map(|row| (row.1, row.2)).collect()
    }
    fn bound(sort: Option<Self>) -> (&'static str, &'static str) {
        let row = Self::TABLE.iter().find(|row| Some(row.0) == sort);
        row.map_or(("", ""), |row| (row.3.code(), row.4))
    }
}

/// What a page of a list asks.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub sort: Option<Sort>,
    /// Begun (待办, 我发起) or decided (已办) on this day or later.
    pub since: Option<Date>,
    /// On this day or earlier.
    pub until: Option<Date>,
    /// Mark of the page.
    pub mark: Option<String>,
}

/// A line of a list.
#[derive(Clone, Debug)]
pub struct Line {
    pub no: String,
    pub kind: Kind,
    pub variant: Variant,
    pub state: State,
    /// Of the person or the organisation that it is about.
    pub name: String,
    pub from: String,
    /// The organisation that was asked, or the new superior.
    pub to: String,
    /// The branch where the person came in the end.
    pub branch: Option<String>,
    pub starter_name: String,
    /// In whose hands it is.
    pub waits_for: Option<String>,
    pub deadline: Option<Millis>,
    /// Calendar days until the deadline.
    pub days_left: Option<i64>,
    pub created_at: Millis,
    pub ended_at: Option<Millis>,
    /// When and what was decided, in 已办.
    pub decided: Option<(Millis, &'static str)>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    pub lines: Vec<Line>,
    /// Mark of the next page; `None` when this was the last.
    pub next: Option<String>,
}

/// The kind that a number belongs to, by its letters.
pub fn kind_of(no: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| no.starts_with(kind.letters()))
}

/// How many wait for the organisation acted for, counted to 100 at most (the badge shows 99+).
pub async fn count_waiting(cx: &mut Cx, kind: Option<Kind>) -> Result<i64> {
    let org = cx.org()?.id;
    sql::count_waiting(cx, org, kind.map_or("", Kind::code)).await
}

/// In the hands of the organisation acted for (待办).
pub async fn waiting(cx: &mut Cx, ask: &Ask, size: i64) -> Result<Page> {
    let bound = bound(cx, ask, size, (i64::MIN, i64::MIN))?;
    let rows = sql::waiting_for(cx, &bound).await?;
    Ok(page(cx, rows, bound.limit, urgency))
}

/// In the hands of its direct children, but it may decide as well; empty for a branch.
pub async fn waiting_below(cx: &mut Cx, ask: &Ask, size: i64) -> Result<Page> {
    let bound = bound(cx, ask, size, (i64::MIN, i64::MIN))?;
    if cx.org()?.category.owns_members() {
        return Ok(Page { lines: Vec::new(), next: None });
    }
    let rows = sql::waiting_below(cx, &bound).await?;
    Ok(page(cx, rows, bound.limit, urgency))
}

/// What the organisation acted for has begun (我发起).
pub async fn started(cx: &mut Cx, ask: &Ask, size: i64) -> Result<Page> {
    let bound = bound(cx, ask, size, (i64::MAX, i64::MAX))?;
    let rows = sql::started_by(cx, &bound).await?;
    Ok(page(cx, rows, bound.limit, |row| row.created_at))
}

/// What was decided for the organisation acted for (已办), each decision a line.
pub async fn decided(cx: &mut Cx, ask: &Ask, size: i64) -> Result<Page> {
    let bound = bound(cx, ask, size, (i64::MAX, i64::MAX))?;
    let mut steps = sql::decided_by(cx, &bound).await?;
    let more = cut(&mut steps, bound.limit);
    let next = steps.last().filter(|_| more).map(|(at, id, _)| mark(*at, *id));
    let ids = steps.iter().map(|(_, id, _)| *id).collect();
    let rows = sql::with_ids(cx, ids).await?;
    let known: HashMap<i64, Line> = rows.into_iter().map(|row| (row.id.0, line(cx, row))).collect();
    let with = |(at, id, verb): (i64, BusinessId, String)| {
        let line = known.get(&id.0)?.clone();
        Some(Line { decided: Some((at, Verb::did(&verb))), ..line })
    };
    Ok(Page { lines: steps.into_iter().filter_map(with).collect(), next })
}

fn bound(cx: &Cx, ask: &Ask, size: i64, first: (i64, i64)) -> Result<Bound> {
    cx.scope(Action::SeeTransfers)?;
    let (kind, state) = Sort::bound(ask.sort);
    Ok(Bound {
        org: cx.org()?.id,
        kind,
        state,
        since: ask.since.map_or(0, start_of_day),
        until: ask.until.map_or(i64::MAX, |day| start_of_day(day) + DAY),
        mark: ask.mark.as_deref().and_then(read_mark).unwrap_or(first),
        // One more than a page tells whether there is a next one.
        limit: size.clamp(1, 200) + 1,
    })
}

fn mark(moment: i64, id: BusinessId) -> String {
    format!("{moment}.{}", id.0)
}

fn read_mark(mark: &str) -> Option<(i64, i64)> {
    let (moment, id) = mark.split_once('.')?;
    Some((moment.parse().ok()?, id.parse().ok()?))
}

fn urgency(row: &Row) -> i64 {
    row.deadline.unwrap_or(0)
}

/// Takes off what was only asked for to know whether there is more.
fn cut<T>(rows: &mut Vec<T>, limit: i64) -> bool {
    let more = i64::try_from(rows.len()).unwrap_or(0) == limit;
    if more {
        rows.pop();
    }
    more
}

fn page(cx: &Cx, mut rows: Vec<Row>, limit: i64, moment: impl Fn(&Row) -> i64) -> Page {
    let more = cut(&mut rows, limit);
    let next = rows.last().filter(|_| more).map(|row| mark(moment(row), row.id));
    Page { lines: rows.into_iter().map(|row| line(cx, row)).collect(), next }
}

/// A page of a list that is in the order of ids, the newest first; `limit` was one more than a page.
pub(crate) fn from_rows(cx: &Cx, mut rows: Vec<Row>, limit: i64) -> Page {
    let more = cut(&mut rows, limit);
    let next = rows.last().filter(|_| more).map(|row| row.id.0.to_string());
    Page { lines: rows.into_iter().map(|row| line(cx, row)).collect(), next }
}

/// The last id of the page before, out of an address.
pub(crate) fn mark_of(from: Option<&str>) -> i64 {
    from.and_then(|mark| mark.parse().ok()).unwrap_or(i64::MAX)
}

fn line(cx: &Cx, row: Row) -> Line {
    let now = cx.now();
    // The columns' CHECKs know the same words.
    let variant = Variant::from_code(&row.variant).unwrap_or(Variant::V2);
    let state = State::from_code(&row.state).unwrap_or(State::Draft);
    let viewer = cx.org().ok();
    let hidden = viewer.is_some_and(|org| hides_source(variant, state, &row.from_path, org));
    let shown = |name: String| if hidden { SOURCE.to_owned() } else { name };
    Line {
        no: row.no,
        kind: variant.kind(),
        variant,
        state,
        name: row.name,
        from: shown(row.from_name),
        to: row.to_name,
        branch: row.branch_name,
        starter_name: row.starter_name,
        waits_for: row.waits_name.map(shown),
        days_left: row.deadline.map(|end| days_since(now, end)),
        deadline: row.deadline,
        created_at: row.created_at,
        ended_at: row.ended_at,
        decided: None,
    }
}
