//! 操作中心 (A4, W5): what waits for the organisation, the most urgent first, with the detail beside
//! the list (on a phone: list, then detail); what it began, what it has done, messages.

use crate::{
    answer::Answer,
    error::Failure,
    form::Query,
    frame::Frame,
    messages::Note,
    page,
    transfers::{Row, TabItem, row, show},
    visit::Visit,
};
use app::{messages, transfers};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lines of a page.
const SIZE: i64 = 50;

/// A decision that can still be taken back.
#[derive(Serialize, JsonSchema)]
pub struct Undoable {
    no: String,
    version: i64,
    person: String,
    until: String,
}

/// 操作中心.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "inbox/inbox.html")]
pub struct Inbox {
    #[serde(skip)]
    frame: Frame,
    /// todo, mine, done or system.
    tab: &'static str,
    /// In the organisation's own hands, or what the tab lists.
    rows: Vec<Row>,
    /// Relocations in the organisation's hands.
    relocations: Vec<crate::relocations::Row>,
    /// In the hands of direct children; it may be decided here as well.
    below: Vec<Row>,
    notes: Vec<Note>,
    /// The newest message, for 全部已读.
    newest: Option<String>,
    unread: i64,
    /// The one that stands on the right.
    item: Option<show::Detail>,
    /// One's own decisions of the last minutes.
    undoable: Vec<Undoable>,
    /// Address of the next page.
    next: Option<String>,
    #[serde(skip)]
    tabs: Vec<TabItem>,
    /// Whether one was chosen: then a phone shows it instead of the list.
    #[serde(skip)]
    chosen: bool,
    #[serde(skip)]
    may_read: bool,
    #[serde(skip)]
    base: String,
}
page!(Inbox);

impl Inbox {
    /// Whether ticking makes sense: there is more than one.
    fn has_several(&self) -> bool {
        self.may_read && self.rows.len() + self.below.len() > 1
    }
    fn is_shown(&self, row: &Row) -> bool {
        self.item.as_ref().is_some_and(|d| d.no == row.no)
    }
}

/// What the address chooses.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Choice {
    /// todo, mine, done or system.
    tab: String,
    /// 业务编号 of the one to be shown.
    item: String,
    /// 组织码 of a branch that the picker brings back.
    to: String,
    /// Mark of the page.
    from: Option<String>,
}

const TABS: [(&str, &str); 4] =
    [("todo", "待办"), ("mine", "我发起"), ("done", "已办"), ("system", "消息")];

/// `GET /o/{org}/inbox`.
pub async fn show(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let tab = TABS.iter().find(|(code, _)| *code == q.tab).map_or("todo", |(code, _)| *code);
    let frame = v.frame("操作中心", "/inbox").await?;
    let unread = messages::unread_of_org(&mut v.cx).await?;
    let mut page = Inbox {
        tabs: tabs(&base, tab, frame.todo, unread),
        frame,
        tab,
        rows: Vec::new(),
        relocations: Vec::new(),
        below: Vec::new(),
        notes: Vec::new(),
        newest: None,
        unread,
        item: None,
        undoable: Vec::new(),
        next: None,
        chosen: !q.item.is_empty(),
        may_read: v.cx.may(app::Action::DecideTransfer, &org.path),
        base,
    };
    fill(&mut v, &mut page, &q).await?;
    if tab == "todo" {
        page.undoable = undoable(&mut v).await?;
        let first = page.rows.first().or(page.below.first()).map(|r| r.no.clone());
        let no = if q.item.is_empty() { first } else { Some(q.item.clone()) };
        if let Some(no) = no {
            page.item = Some(show::detail(&mut v, &no, "inbox", &q.to).await?);
        }
    }
    v.show(page).await
}

async fn undoable(v: &mut Visit) -> Result<Vec<Undoable>, Failure> {
    let found = transfers::undoable(&mut v.cx).await?;
    Ok(found
        .into_iter()
        .map(|u| Undoable {
            no: u.no,
            version: u.version,
            person: u.person_name,
            until: app::clock::show_time(u.until),
        })
        .collect())
}

fn tabs(base: &str, tab: &str, todo: i64, unread: i64) -> Vec<TabItem> {
    let count = |code: &str| match code {
        "todo" => Some(todo).filter(|n| *n > 0),
        "system" => Some(unread).filter(|n| *n > 0),
        _ => None,
    };
    TABS.iter()
        .map(|(code, label)| TabItem {
            label,
            href: format!("{base}/inbox?tab={code}"),
            current: *code == tab,
            count: count(code),
        })
        .collect()
}

async fn fill(v: &mut Visit, page: &mut Inbox, q: &Choice) -> Result<(), Failure> {
    let from = q.from.as_deref();
    let base = page.base.clone();
    let found = match page.tab {
        "todo" => {
            let waiting = transfers::waiting(&mut v.cx, 100).await?;
            page.rows = waiting.own.into_iter().map(|line| row(line, &base)).collect();
            let moves = app::relocations::waiting(&mut v.cx, 100).await?;
            page.relocations =
                moves.into_iter().map(|line| crate::relocations::row(line, &base)).collect();
            page.below = waiting.below.into_iter().map(|line| row(line, &base)).collect();
            return Ok(());
        }
        "system" => {
            let before = from.and_then(|mark| mark.parse().ok());
            let items = messages::of_org(&mut v.cx, false, before, SIZE).await?;
            page.newest = items.first().map(|m| m.id.to_string());
            let more = i64::try_from(items.len()).unwrap_or(0) == SIZE;
            let last = items.last().filter(|_| more).map(|m| m.id);
            page.next = last.map(|id| format!("{base}/inbox?tab=system&from={id}"));
            page.notes = items.into_iter().map(Note::of).collect();
            return Ok(());
        }
        "mine" => transfers::started(&mut v.cx, from, SIZE).await?,
        _ => transfers::decided(&mut v.cx, from, SIZE).await?,
    };
    page.next = found.next.map(|mark| format!("{base}/inbox?tab={}&from={mark}", page.tab));
    page.rows = found.lines.into_iter().map(|line| row(line, &base)).collect();
    Ok(())
}
