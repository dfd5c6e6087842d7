//! The codes of the direct children (A10): where each stands, by whom it was used.

use super::{State, days_left, issue::seats_of, sql};
use crate::{
    Action, Cx, Error, OrgRef, Result,
    clock::{Millis, say_day},
    orgs::Category,
    rules::Rules,
};
use schemars::JsonSchema;
use serde::Serialize;

/// A direct child and its newest code.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Row {
    pub code: String,
    pub short_name: String,
    pub full_name: String,
    pub category_name: String,
    /// Administrators now.
    pub admins: i64,
    /// How many it may have (row 28).
    pub seats: i64,
    pub state: State,
    pub state_name: &'static str,
    /// Days until the waiting code ends.
    pub days_left: Option<i64>,
    /// Who used it.
    pub used_by: Option<String>,
    /// The day of what the state says, Beijing time.
    pub on: Option<String>,
    /// The sheet with the plain code, while it is kept and hers.
    pub sheet: Option<String>,
}
impl Row {
    /// Whether a code may be issued.
    pub fn may_issue(&self) -> bool {
        self.admins < self.seats
    }
    /// Whether it is run by its superior and never gets a code.
    pub fn is_run_above(&self) -> bool {
        self.seats == 0
    }
    /// Whether it has neither an administrator nor a usable code.
    pub fn waits_for_code(&self) -> bool {
        self.admins == 0 && self.seats > 0 && self.state != State::Waiting
    }
}

/// A page of direct children.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct List {
    pub rows: Vec<Row>,
    /// Mark of the next page; `None` when this was the last.
    pub next: Option<String>,
}

/// How many direct children are in each state, counted to a thousand children.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct Counts {
    pub none: i64,
    pub waiting: i64,
    pub used: i64,
    pub expired: i64,
    pub revoked: i64,
    /// Without an administrator and without a usable code.
    pub without: i64,
    /// There are more children than were counted.
    pub more: bool,
}
impl Counts {
    /// Of one state.
    pub fn of(&self, state: State) -> i64 {
        match state {
            State::None => self.none,
            State::Waiting => self.waiting,
            State::Used => self.used,
            State::Expired => self.expired,
            State::Revoked => self.revoked,
        }
    }
    /// All children counted.
    pub fn all(&self) -> i64 {
        State::ALL.into_iter().map(|s| self.of(s)).sum()
    }
}

/// Children that are counted at most.
const COUNTED: i64 = 1000;

/// The direct children of the organisation acted for, `limit` from the mark `after` on, those in
/// one state if one is given.
pub async fn list(
    cx: &mut Cx,
    state: Option<State>,
    after: Option<&str>,
    limit: i64,
) -> Result<List> {
    let parent = visible(cx)?;
    let limit = limit.clamp(1, 200);
    let mark = after.and_then(read_mark).unwrap_or((i64::MIN, i64::MIN));
    let mut found = sql::list(cx, parent.id, mark, state, limit + 1).await?;
    let more = found.len() as i64 > limit;
    if more {
        found.pop();
    }
    let next = found.last().filter(|_| more).map(|r| format!("{}-{}", r.sort_no, r.id));
    let (now, me) = (cx.now(), cx.visitor()?.person.0);
    Ok(List { rows: found.into_iter().map(|r| row(r, now, me)).collect(), next })
}

/// How many are in each state.
pub async fn counts(cx: &mut Cx) -> Result<Counts> {
    let parent = visible(cx)?;
    let mut counts = Counts::default();
    for (category, state, seated, n) in sql::counts(cx, parent.id, COUNTED).await? {
        let state = State::ALL.into_iter().find(|s| s.code() == state).unwrap_or(State::None);
        let slot = match state {
            State::None => &mut counts.none,
            State::Waiting => &mut counts.waiting,
            State::Used => &mut counts.used,
            State::Expired => &mut counts.expired,
            State::Revoked => &mut counts.revoked,
        };
        *slot += n;
        if !seated && state != State::Waiting && seats_of(&category) > 0 {
            counts.without += n;
        }
    }
    counts.more = counts.all() >= COUNTED;
    Ok(counts)
}

/// One direct child's newest code, for its card; `None` when the visitor does not issue for it.
pub async fn of_child(cx: &mut Cx, child: &OrgRef) -> Result<Option<Row>> {
    if !cx.may(Action::IssueCodes, &child.path) {
        return Ok(None);
    }
    let (now, me) = (cx.now(), cx.visitor()?.person.0);
    Ok(sql::one(cx, child.id).await?.map(|r| row(r, now, me)))
}

fn visible(cx: &Cx) -> Result<OrgRef> {
    let parent = cx.org()?.clone();
    let role = cx.acting()?.role;
    if crate::access::reach(Action::IssueCodes, role).is_none() {
        return Err(Error::NotFound);
    }
    Ok(parent)
}

fn row(found: sql::Found, now: Millis, me: i64) -> Row {
    let state = State::read(found.state.as_deref(), found.expires_at, now);
    let on = match state {
        State::None => None,
        State::Waiting | State::Expired => found.expires_at,
        State::Used | State::Revoked => found.ended_at,
    };
    let category = Category::from_code(&found.category).unwrap_or(Category::Branch);
    let sheet = found.sheet_id.filter(|_| found.sheet_of == Some(me));
    Row {
        category_name: category.label().to_owned(),
        seats: i64::from(Rules::builtin().tree.category(category).admin_seats),
        code: found.code,
        short_name: found.short_name,
        full_name: found.full_name,
        admins: found.admins,
        state,
        state_name: state.label(),
        days_left: found
            .expires_at
            .filter(|_| state == State::Waiting)
            .map(|end| days_left(end, now)),
        used_by: found.used_by,
        on: on.map(say_day),
        sheet: sheet.filter(|_| state == State::Waiting).map(|id| id.to_string()),
    }
}

fn read_mark(mark: &str) -> Option<(i64, i64)> {
    let (sort_no, id) = mark.rsplit_once('-')?;
    Some((sort_no.parse().ok()?, id.parse().ok()?))
}
