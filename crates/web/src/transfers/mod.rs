//! 业务办理 (A33): the hub of transfers, and what the pages of this room share. Beginning one is in
//! `start.rs` (转出) and `incoming.rs` (转入), the page of one and its decisions in `show.rs`,
//! several decisions at once in `batch.rs`.

pub mod batch;
pub mod incoming;
pub mod show;
pub mod start;

use crate::{
    answer::Answer,
    business::{Row, TabItem, row},
    error::Failure,
    form::Query,
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Action,
    transfers::{self, Tab},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lines of a page.
const SIZE: i64 = 50;

/// 组织关系转接办理.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "transfers/hub.html")]
pub struct Hub {
    #[serde(skip)]
    frame: Frame,
    /// Which tab is open.
    tab: Tab,
    /// How the names begin.
    name: String,
    /// Whether the direct children's transfers are listed instead of the own ones.
    below: bool,
    rows: Vec<Row>,
    /// Address of the next page.
    next: Option<String>,
    #[serde(skip)]
    tabs: Vec<TabItem>,
    #[serde(skip)]
    has_children: bool,
    #[serde(skip)]
    may_start: bool,
    #[serde(skip)]
    may_ask: bool,
    #[serde(skip)]
    base: String,
}
page!(Hub);

/// What the address chooses.
#[derive(Deserialize, JsonSchema)]
pub struct HubChoice {
    /// open, done, rejected, expired, withdrawn or all.
    #[serde(default)]
    state: String,
    /// Beginning of the name.
    #[serde(default)]
    name: String,
    /// `1`: of the direct children.
    #[serde(default, deserialize_with = "crate::form::tick")]
    below: bool,
    /// Mark of the page.
    #[serde(default)]
    from: Option<String>,
}

impl HubChoice {
    fn address(&self, base: &str, tab: Tab, from: Option<&str>) -> String {
        let mut pairs = vec![("state", tab.code())];
        if !self.name.is_empty() {
            pairs.push(("name", &self.name));
        }
        if self.below {
            pairs.push(("below", "1"));
        }
        pairs.extend(from.map(|mark| ("from", mark)));
        format!("{base}/transfers?{}", serde_html_form::to_string(pairs).unwrap_or_default())
    }
}

/// `GET /o/{org}/transfers`.
pub async fn hub(mut v: Visit, Query(q): Query<HubChoice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let tab = Tab::from_code(&q.state);
    let has_children = !org.category.owns_members();
    let from = q.from.as_deref();
    let found = if q.below && has_children {
        transfers::list_below(&mut v.cx, tab, &q.name, from, SIZE).await?
    } else {
        transfers::list(&mut v.cx, tab, &q.name, from, SIZE).await?
    };
    let frame = v.frame("组织关系转接办理", "/transfers").await?;
    let tabs = Tab::ALL.iter().map(|(each, _, label)| TabItem {
        label,
        href: q.address(&base, *each, None),
        current: *each == tab,
        count: None,
    });
    let page = Hub {
        frame,
        tabs: tabs.collect(),
        next: found.next.as_deref().map(|mark| q.address(&base, tab, Some(mark))),
        rows: found.lines.into_iter().map(|line| row(line, &base)).collect(),
        tab,
        below: q.below && has_children,
        name: q.name,
        has_children,
        may_start: v.cx.may(Action::StartTransferOut, &org.path),
        may_ask: v.cx.may(Action::StartTransferIn, &org.path),
        base,
    };
    v.show(page).await
}

/// 我的组织关系转接历史 (M6).
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "transfers/mine.html")]
pub struct Mine {
    #[serde(skip)]
    frame: Frame,
    rows: Vec<Row>,
}
page!(Mine);

/// `GET /me/transfers`.
pub async fn mine(mut v: Visit) -> Result<Answer, Failure> {
    let lines = transfers::of_me(&mut v.cx).await?;
    let rows = lines.into_iter().map(|line| row(line, "/me")).collect();
    let page = Mine { frame: v.personal_frame("我的组织关系转接历史").await?, rows };
    v.show(page).await
}
