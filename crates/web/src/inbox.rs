//! 操作中心 (A4, A37, W5): what waits for the organisation, of every kind, the most urgent first, with
//! the detail beside the list (on a phone: list, then detail); what it began, what it has decided,
//! messages. Every tab is narrowed by `type`, `from` and `to`; the address is all of it, so that a
//! list looked at often is a bookmark.

use crate::{
    answer::Answer,
    business::{Row, TabItem, row},
    error::Failure,
    form::Query,
    frame::Frame,
    messages::Note,
    page, relocations,
    transfers::show,
    visit::Visit,
};
use app::{
    business::{self, Ask, Sort, machine::Kind},
    clock::Date,
    messages::{self, Narrow},
    proposals, transfers,
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lines of a page.
const SIZE: i64 = 50;
/// Lines of what waits below, under one's own.
const BELOW: i64 = 20;
/// The lately decided, when nothing waits.
const LATELY: i64 = 5;

/// A decision that can still be taken back.
#[derive(Serialize, JsonSchema)]
pub struct Undoable {
    no: String,
    version: i64,
    person: String,
    until: String,
}

/// An operators' proposal that waits for a second person.
#[derive(Serialize, JsonSchema)]
pub struct Proposal {
    title: String,
    proposer: String,
    href: String,
}

/// 操作中心.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "inbox/inbox.html")]
pub struct Inbox {
    #[serde(skip)]
    frame: Frame,
    /// todo, mine, done or system.
    tab: &'static str,
    /// What the list is narrowed to.
    narrowed: Narrowed,
    /// In the organisation's own hands, or what the tab lists.
    rows: Vec<Row>,
    /// In the hands of direct children; it may be decided here as well.
    below: Vec<Row>,
    /// Address of all that is below, when there is more.
    all_below: Option<String>,
    /// The lately decided, when nothing waits.
    lately: Vec<Row>,
    notes: Vec<Note>,
    /// The newest message, for 全部已读.
    newest: Option<String>,
    unread: i64,
    /// The transfer that stands on the right.
    item: Option<show::Detail>,
    /// The relocation that stands on the right.
    relocation: Option<relocations::show::Detail>,
    /// One's own decisions of the last minutes.
    undoable: Vec<Undoable>,
    proposals: Vec<Proposal>,
    /// Address of the next page.
    next: Option<String>,
    #[serde(skip)]
    tabs: Vec<TabItem>,
    #[serde(skip)]
    types: Vec<(&'static str, &'static str)>,
    /// Whether one was chosen: then a phone shows it instead of the list.
    #[serde(skip)]
    chosen: bool,
    #[serde(skip)]
    may_read: bool,
    #[serde(skip)]
    base: String,
    /// Address of the list as it is narrowed, to which `item=` is added.
    #[serde(skip)]
    here: String,
    /// Address of the tab, narrowed to nothing.
    #[serde(skip)]
    whole: String,
}
page!(Inbox);

/// What a list is narrowed to; empty for everything.
#[derive(Clone, Default, Serialize, JsonSchema)]
pub struct Narrowed {
    /// Code of a type.
    r#type: String,
    /// YYYY-MM-DD.
    from: String,
    to: String,
}
impl Narrowed {
    fn is_empty(&self) -> bool {
        self.r#type.is_empty() && self.from.is_empty() && self.to.is_empty()
    }
}

impl Inbox {
    /// Whether ticking makes sense: there is more than one.
    fn has_several(&self) -> bool {
        let some = self.rows.iter().chain(&self.below).filter(|row| row.in_batch());
        self.may_read && some.count() > 1
    }
    fn is_shown(&self, row: &Row) -> bool {
        let shown = self.item.as_ref().map(|d| &d.no);
        shown.or(self.relocation.as_ref().map(|d| &d.no)) == Some(&row.no)
    }
    fn is_quiet(&self) -> bool {
        self.rows.is_empty()
            && self.below.is_empty()
            && self.item.is_none()
            && self.relocation.is_none()
    }
    /// Whether there is a list to be narrowed: not beside one that was chosen (a phone shows that
    /// alone), nor when there is nothing at all.
    fn is_listed(&self) -> bool {
        let empty = self.is_quiet() && self.notes.is_empty() && self.narrowed.is_empty();
        !self.chosen && !empty
    }
    fn item_href(&self, row: &Row) -> String {
        let join = if self.here.contains('?') { '&' } else { '?' };
        format!("{}{join}item={}", self.here, row.no)
    }
}

/// What the address chooses.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Choice {
    /// todo, mine, done or system.
    tab: String,
    /// transfer, incoming, outgoing, allocation or relocation; of messages what they are about.
    r#type: String,
    /// YYYY-MM-DD: begun, decided or sent on this day or later.
    from: String,
    /// YYYY-MM-DD: on this day or earlier. With `item` also the 组织码 of a branch that the picker
    /// brings back.
    to: String,
    /// `1`: what is in the hands of direct children.
    #[serde(deserialize_with = "crate::form::tick")]
    under: bool,
    /// 业务编号 of the one to be shown.
    item: String,
    /// Mark of the page.
    after: Option<String>,
}

const TABS: [(&str, &str); 4] =
    [("todo", "待办"), ("mine", "我发起"), ("done", "已办"), ("system", "消息")];

impl Choice {
    fn tab(&self) -> &'static str {
        TABS.iter().find(|(code, _)| *code == self.tab).map_or("todo", |(code, _)| *code)
    }
    fn sort(&self) -> Option<Sort> {
        Sort::from_code(&self.r#type)
    }
    fn about(&self) -> &'static str {
        messages::ABOUT.iter().find(|(code, _)| *code == self.r#type).map_or("", |(code, _)| *code)
    }
    fn days(&self) -> (Option<Date>, Option<Date>) {
        (self.from.parse().ok(), self.to.parse().ok())
    }
    fn narrowed(&self) -> Narrowed {
        let known =
            if self.tab() == "system" { !self.about().is_empty() } else { self.sort().is_some() };
        let day = |day: Option<Date>| day.map(|d| d.to_string()).unwrap_or_default();
        let (from, to) = self.days();
        let r#type = if known { self.r#type.clone() } else { String::new() };
        Narrowed { r#type, from: day(from), to: day(to) }
    }
    fn ask(&self) -> Ask {
        let (since, until) = self.days();
        Ask { sort: self.sort(), since, until, mark: self.after.clone() }
    }
    /// Only what was understood comes back into addresses.
    fn query(&self, after: Option<&str>) -> String {
        let n = self.narrowed();
        let mut pairs = Vec::new();
        if self.tab() != "todo" {
            pairs.push(("tab", self.tab()));
        }
        let known = [("type", &n.r#type), ("from", &n.from), ("to", &n.to)];
        pairs.extend(known.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (*k, v.as_str())));
        if self.under {
            pairs.push(("under", "1"));
        }
        pairs.extend(after.map(|mark| ("after", mark)));
        serde_html_form::to_string(pairs).unwrap_or_default()
    }
    fn address(&self, base: &str, after: Option<&str>) -> String {
        let query = self.query(after);
        if query.is_empty() { format!("{base}/inbox") } else { format!("{base}/inbox?{query}") }
    }
}

/// The list that a decision was sent from, out of the form's `place`; `None` for one's own page.
pub(crate) fn query_of(place: &str) -> Option<Choice> {
    let query = place.strip_prefix("inbox")?;
    Some(serde_html_form::from_str(query.trim_start_matches('?')).unwrap_or_default())
}

/// The next one of that list after `no`; the list itself when it was the last.
pub(crate) async fn next(v: &mut Visit, q: Choice, no: &str) -> Result<String, Failure> {
    let here = q.address(&v.base()?, None);
    let mut lines = waiting(v, &q, 2).await?.lines;
    if lines.iter().all(|line| line.no == no) && !q.under {
        lines.extend(business::waiting_below(&mut v.cx, &q.ask(), 2).await?.lines);
    }
    let join = if here.contains('?') { '&' } else { '?' };
    Ok(match lines.into_iter().find(|line| line.no != no) {
        Some(line) => format!("{here}{join}item={}", line.no),
        None => here,
    })
}

async fn waiting(v: &mut Visit, q: &Choice, size: i64) -> Result<business::Page, Failure> {
    Ok(if q.under {
        business::waiting_below(&mut v.cx, &q.ask(), size).await?
    } else {
        business::waiting(&mut v.cx, &q.ask(), size).await?
    })
}

/// `GET /o/{org}/inbox`.
pub async fn show(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let tab = q.tab();
    let frame = v.frame("操作中心", "/inbox").await?;
    let unread = messages::unread_of_org(&mut v.cx).await?;
    let bare = Choice { tab: tab.to_owned(), ..Choice::default() };
    let mut page = Inbox {
        tabs: tabs(&base, &q, frame.todo, unread),
        frame,
        tab,
        narrowed: q.narrowed(),
        rows: Vec::new(),
        below: Vec::new(),
        all_below: None,
        lately: Vec::new(),
        notes: Vec::new(),
        newest: None,
        unread,
        item: None,
        relocation: None,
        undoable: Vec::new(),
        proposals: Vec::new(),
        next: None,
        types: if tab == "system" {
            messages::ABOUT.to_vec()
        } else {
            Sort::choices(tab == "todo")
        },
        chosen: !q.item.is_empty(),
        may_read: v.cx.may(app::Action::DecideTransfer, &org.path),
        here: q.address(&base, None),
        whole: bare.address(&base, None),
        base,
    };
    match tab {
        "todo" => todo(&mut v, &mut page, &q).await?,
        "system" => system(&mut v, &mut page, &q).await?,
        "mine" => {
            let found = business::started(&mut v.cx, &q.ask(), SIZE).await?;
            list(&mut page, found, &q);
        }
        _ => {
            let found = business::decided(&mut v.cx, &q.ask(), SIZE).await?;
            list(&mut page, found, &q);
        }
    }
    v.show(page).await
}

fn tabs(base: &str, q: &Choice, todo: i64, unread: i64) -> Vec<TabItem> {
    let count = |code: &str| match code {
        "todo" => Some(todo).filter(|n| *n > 0),
        "system" => Some(unread).filter(|n| *n > 0),
        _ => None,
    };
    TABS.iter()
        .map(|(code, label)| TabItem {
            label,
            href: format!("{base}/inbox?tab={code}"),
            current: *code == q.tab(),
            count: count(code),
        })
        .collect()
}

fn list(page: &mut Inbox, found: business::Page, q: &Choice) {
    page.next = found.next.map(|mark| q.address(&page.base, Some(&mark)));
    page.rows = found.lines.into_iter().map(|line| row(line, &page.base)).collect();
}

/// What waits; the chosen or first one in full.
async fn todo(v: &mut Visit, page: &mut Inbox, q: &Choice) -> Result<(), Failure> {
    let found = waiting(v, q, SIZE).await?;
    list(page, found, q);
    if !q.under && q.after.is_none() {
        let below = business::waiting_below(&mut v.cx, &q.ask(), BELOW).await?;
        let all = Choice { under: true, ..q.clone() };
        page.all_below = below.next.map(|_| all.address(&page.base, None));
        page.below = below.lines.into_iter().map(|line| row(line, &page.base)).collect();
    }
    page.undoable = undoable(v).await?;
    page.proposals = proposed(v, &page.base).await?;
    let first = page.rows.first().or(page.below.first()).map(|r| r.no.clone());
    let no = if q.item.is_empty() { first } else { Some(q.item.clone()) };
    let Some(no) = no else {
        if page.narrowed.is_empty() {
            let lately = business::decided(&mut v.cx, &Ask::default(), LATELY).await?;
            page.lately = lately.lines.into_iter().map(|line| row(line, &page.base)).collect();
        }
        return Ok(());
    };
    let place = match q.query(None) {
        query if query.is_empty() => "inbox".to_owned(),
        query => format!("inbox?{query}"),
    };
    match business::kind_of(&no) {
        Some(Kind::Relocation) => {
            page.relocation = Some(relocations::show::detail(v, &no, &place).await?);
        }
        _ => page.item = Some(show::detail(v, &no, &place, &q.to).await?),
    }
    Ok(())
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

/// What other operators have proposed, for operators.
async fn proposed(v: &mut Visit, base: &str) -> Result<Vec<Proposal>, Failure> {
    if v.cx.scope(app::Action::Operate).is_err() {
        return Ok(Vec::new());
    }
    let found = proposals::waiting(&mut v.cx).await?;
    Ok(found
        .into_iter()
        .filter(|p| !p.own)
        .map(|p| Proposal {
            href: format!("{base}/ops/p/{}", p.no),
            title: p.title,
            proposer: p.proposer,
        })
        .collect())
}

async fn system(v: &mut Visit, page: &mut Inbox, q: &Choice) -> Result<(), Failure> {
    let (since, until) = q.days();
    let before = q.after.as_deref().and_then(|mark| mark.parse().ok());
    let narrow = Narrow { unread: false, about: q.about(), since, until, before };
    let items = messages::narrowed(&mut v.cx, &narrow, SIZE).await?;
    page.newest = items.first().map(|m| m.id.to_string());
    let more = i64::try_from(items.len()).unwrap_or(0) == SIZE;
    let last = items.last().filter(|_| more).map(|m| m.id.to_string());
    page.next = last.map(|id| q.address(&page.base, Some(&id)));
    page.notes = items.into_iter().map(Note::of).collect();
    Ok(())
}
