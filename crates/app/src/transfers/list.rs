//! Lists of transfers: 业务办理's hub, 组织首页's summary, a person's history. Keyset pages, the newest
//! first. What waits stands in 操作中心 (`business`).

use super::list_sql::{self, Ask};
use crate::{
    Action, Cx, Error, OrgRef, Result, Scope,
    business::{self, Line, Page, Row, from_rows, machine::Kind, mark_of},
    clock::{DAY, end_of_day_after},
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
    Ok(from_rows(cx, rows, ask.limit))
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
    Ok(from_rows(cx, rows, ask.limit))
}

/// What 组织首页 tells of the organisation acted for.
pub async fn summary(cx: &mut Cx) -> Result<Summary> {
    cx.scope(Action::SeeTransfers)?;
    let (org, now) = (cx.org()?.clone(), cx.now());
    let below = business::waiting_below(cx, &of_transfers(), 100).await?.lines.len();
    let came_back = list_sql::came_back(cx, org.id, now - 30 * DAY).await?.len();
    Ok(Summary {
        waiting: business::count_waiting(cx, Some(Kind::Transfer)).await?,
        due_soon: list_sql::count_due(cx, org.id, end_of_day_after(now, 1)).await?,
        below: i64::try_from(below).unwrap_or(0),
        came_back: i64::try_from(came_back).unwrap_or(0),
    })
}

/// A person's transfers as far as the organisation acted for may see them; for her card.
pub async fn of_person(cx: &mut Cx, person: PersonId) -> Result<Vec<Line>> {
    let scope = cx.scope(Action::SeeTransfers)?;
    let rows = list_sql::of_person(cx, person).await?;
    let rows = rows.into_iter().filter(|row| in_scope(&scope, row)).collect();
    Ok(from_rows(cx, rows, i64::MAX).lines)
}

/// One's own transfers (M6).
pub async fn of_me(cx: &mut Cx) -> Result<Vec<Line>> {
    let me = cx.visitor()?.person;
    let rows = list_sql::of_person(cx, me).await?;
    Ok(from_rows(cx, rows, i64::MAX).lines)
}

/// The branches of the organisation acted for that can be allocated: 组织码 and name, at most 200.
pub async fn branches_of(cx: &mut Cx, org: &OrgRef) -> Result<Vec<(String, String)>> {
    if !cx.may(Action::SeeOrg, &org.path) {
        return Err(Error::NotFound);
    }
    let below = Scope::subtree(&org.path);
    list_sql::branches_below(cx, &below.lo, &below.hi, 200).await
}

fn in_scope(scope: &Scope, row: &Row) -> bool {
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
        before: mark_of(from),
        // One more than a page tells whether there is a next one.
        limit: size.clamp(1, 200) + 1,
    })
}

fn of_transfers() -> business::Ask {
    business::Ask { sort: Some(business::Sort::Transfer), ..business::Ask::default() }
}
