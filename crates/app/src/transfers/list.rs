//! Lists of transfers: 业务办理's hub, what waits in 操作中心, a person's history. Keyset pages, the
//! newest first; what waits, the most urgent first.

use super::{
    list_sql::{self, Ask},
    machine::{State, Variant, days_since},
};
use crate::{
    Action, Cx, Error, OrgRef, Result, Scope,
    clock::{DAY, Millis, end_of_day_after},
    people::PersonId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tabs of the hub (A33).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tab {
    /// 进行中.
    #[default]
    Open,
    /// 已完成.
    Done,
    /// 退回.
    Rejected,
    /// 超期.
    Expired,
    /// 撤销.
    Withdrawn,
    /// 全部.
    All,
}
impl Tab {
    /// All of them, with the words on pages.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Open, "open", "进行中"),
        (Self::Done, "done", "已完成"),
        (Self::Rejected, "rejected", "退回"),
        (Self::Expired, "expired", "超期"),
        (Self::Withdrawn, "withdrawn", "已撤销"),
        (Self::All, "all", "全部"),
    ];
    /// As it stands in addresses.
    pub fn code(self) -> &'static str {
        Self::ALL.iter().find(|(tab, ..)| *tab == self).map_or("open", |(_, code, _)| code)
    }
    /// Out of an address; anything unknown is 进行中.
    pub fn from_code(code: &str) -> Self {
        Self::ALL.iter().find(|(_, c, _)| *c == code).map_or(Self::Open, |(tab, ..)| *tab)
    }
    fn state(self) -> &'static str {
        if self == Self::All { "" } else { self.code() }
    }
}

/// A line of a list.
#[derive(Clone, Debug)]
pub struct Line {
    pub no: String,
    pub person_name: String,
    pub from: String,
    /// The organisation that was asked.
    pub to: String,
    /// The branch where the person came in the end.
    pub branch: Option<String>,
    pub starter_name: String,
    pub state: State,
    pub variant: Variant,
    /// In whose hands it is.
    pub waits_for: Option<String>,
    pub deadline: Option<Millis>,
    /// Calendar days until the deadline.
    pub days_left: Option<i64>,
    pub created_at: Millis,
    pub ended_at: Option<Millis>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    pub lines: Vec<Line>,
    /// Mark of the next page; `None` when this was the last.
    pub next: Option<String>,
}

/// What waits for the organisation acted for.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// In its own hands.
    pub own: Vec<Line>,
    /// In the hands of direct children, which it may decide as well (V1, V2, V4).
    pub below: Vec<Line>,
}

/// What 组织首页 tells (A1).
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// Waiting for this organisation, at most 100.
    pub waiting: i64,
    /// Of these, until the end of tomorrow.
    pub due_soon: i64,
    /// Waiting for direct children, at most 100.
    pub below: i64,
    /// Begun here, sent back or lapsed within 30 days, and not begun again.
    pub came_back: i64,
}

/// Transfers from, to or begun by the organisation acted for.
pub async fn list(
    cx: &mut Cx,
    tab: Tab,
    name: &str,
    from: Option<&str>,
    size: i64,
) -> Result<Page> {
    let ask = ask(cx, tab, name, from, size)?;
    let rows = list_sql::of_org(cx, &ask).await?;
    Ok(page(cx.now(), rows, &ask))
}

/// Transfers from or to its direct children; empty for a branch.
pub async fn list_below(
    cx: &mut Cx,
    tab: Tab,
    name: &str,
    from: Option<&str>,
    size: i64,
) -> Result<Page> {
    let ask = ask(cx, tab, name, from, size)?;
    let rows = list_sql::of_children(cx, &ask).await?;
    Ok(page(cx.now(), rows, &ask))
}

/// What the organisation acted for has begun (我发起).
pub async fn started(cx: &mut Cx, from: Option<&str>, size: i64) -> Result<Page> {
    let ask = ask(cx, Tab::All, "", from, size)?;
    let rows = list_sql::started_by(cx, &ask).await?;
    Ok(page(cx.now(), rows, &ask))
}

/// What came to the organisation acted for and has ended (已办).
pub async fn decided(cx: &mut Cx, from: Option<&str>, size: i64) -> Result<Page> {
    let ask = ask(cx, Tab::All, "", from, size)?;
    let rows = list_sql::decided_by(cx, &ask).await?;
    Ok(page(cx.now(), rows, &ask))
}

/// What waits for the organisation acted for, and for its direct children.
pub async fn waiting(cx: &mut Cx, limit: i64) -> Result<Waiting> {
    cx.scope(Action::SeeTransfers)?;
    let org = cx.org()?.clone();
    let own = list_sql::waiting_for(cx, org.id, limit).await?;
    let below = if org.category.owns_members() {
        Vec::new()
    } else {
        list_sql::waiting_below(cx, org.id, Variant::V2.code(), limit).await?
    };
    let now = cx.now();
    let lines = |rows: Vec<list_sql::Line>| rows.into_iter().map(|row| line(now, row)).collect();
    Ok(Waiting { own: lines(own), below: lines(below) })
}

/// What 组织首页 tells of the organisation acted for.
pub async fn summary(cx: &mut Cx) -> Result<Summary> {
    cx.scope(Action::SeeTransfers)?;
    let (org, now) = (cx.org()?.clone(), cx.now());
    let below = if org.category.owns_members() {
        0
    } else {
        list_sql::waiting_below(cx, org.id, Variant::V2.code(), 100).await?.len()
    };
    let came_back = list_sql::came_back(cx, org.id, now - 30 * DAY).await?.len();
    Ok(Summary {
        waiting: super::count_waiting(cx).await?,
        due_soon: list_sql::count_due(cx, org.id, end_of_day_after(now, 1)).await?,
        below: i64::try_from(below).unwrap_or(0),
        came_back: i64::try_from(came_back).unwrap_or(0),
    })
}

/// A person's transfers as far as the organisation acted for may see them; for her card.
pub async fn of_person(cx: &mut Cx, person: PersonId) -> Result<Vec<Line>> {
    let scope = cx.scope(Action::SeeTransfers)?;
    let rows = list_sql::of_person(cx, person).await?;
    let now = cx.now();
    Ok(rows.into_iter().filter(|row| in_scope(&scope, row)).map(|row| line(now, row)).collect())
}

/// One's own transfers (M6).
pub async fn of_me(cx: &mut Cx) -> Result<Vec<Line>> {
    let me = cx.visitor()?.person;
    let rows = list_sql::of_person(cx, me).await?;
    let now = cx.now();
    Ok(rows.into_iter().map(|row| line(now, row)).collect())
}

/// The branches of the organisation acted for that can be allocated: 组织码 and name, at most 200.
pub async fn branches_of(cx: &mut Cx, org: &OrgRef) -> Result<Vec<(String, String)>> {
    if !cx.may(Action::SeeOrg, &org.path) {
        return Err(Error::NotFound);
    }
    let below = Scope::subtree(&org.path);
    list_sql::branches_below(cx, &below.lo, &below.hi, 200).await
}

fn in_scope(scope: &Scope, row: &list_sql::Line) -> bool {
    let branch = row.branch_path.as_deref();
    [Some(row.from_path.as_str()), Some(&row.to_path), Some(&row.started_path), branch]
        .into_iter()
        .flatten()
        .any(|path| scope.holds(path))
}

fn ask<'a>(cx: &Cx, tab: Tab, name: &'a str, from: Option<&str>, size: i64) -> Result<Ask<'a>> {
    cx.scope(Action::SeeTransfers)?;
    Ok(Ask {
        org: cx.org()?.id,
        state: tab.state(),
        name: name.trim(),
        before: from.and_then(|mark| mark.parse().ok()).unwrap_or(i64::MAX),
        // One more than a page tells whether there is a next one.
        limit: size.clamp(1, 200) + 1,
    })
}

fn page(now: Millis, mut rows: Vec<list_sql::Line>, ask: &Ask<'_>) -> Page {
    let more = i64::try_from(rows.len()).unwrap_or(0) == ask.limit;
    if more {
        rows.pop();
    }
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    Page { lines: rows.into_iter().map(|row| line(now, row)).collect(), next }
}

fn line(now: Millis, row: list_sql::Line) -> Line {
    Line {
        no: row.no,
        person_name: row.person_name,
        from: row.from_name,
        to: row.to_name,
        branch: row.branch_name,
        starter_name: row.starter_name,
        // The column's CHECK knows the same words.
        state: State::from_code(&row.state).unwrap_or(State::Draft),
        variant: Variant::from_code(&row.variant).unwrap_or(Variant::V2),
        waits_for: row.waits_name,
        days_left: row.deadline.map(|end| days_since(now, end)),
        deadline: row.deadline,
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}
