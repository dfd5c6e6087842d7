//! What the pages of all kinds of business share: a line of a list, the words of a deadline, the
//! timeline, whom to ask, and the way on after a decision.

use crate::{error::Failure, visit::Visit};
use app::{
    business::{
        Line, Step,
        machine::{Kind, State, Verb},
    },
    clock::{say_day, show_time},
    people::profile::ContactCard,
};
use schemars::JsonSchema;
use serde::Serialize;

/// Business in a list.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Row {
    /// 业务编号.
    pub no: String,
    /// Its page.
    pub href: String,
    pub kind: Kind,
    /// 组织关系转接 or 组织迁移.
    pub kind_name: &'static str,
    /// 转出, 转入 or 迁移.
    pub what: &'static str,
    /// Of the person or the organisation that it is about.
    pub name: String,
    pub from: String,
    /// The branch where the person came, or the organisation that was asked.
    pub to: String,
    pub starter: String,
    pub state: State,
    pub state_name: &'static str,
    /// In whose hands it is.
    pub waits_for: Option<String>,
    /// How long is left, in words.
    pub left: String,
    /// One day or less is left.
    pub urgent: bool,
    /// Beijing time.
    pub created: String,
    pub ended: Option<String>,
    /// What was decided and when, in 已办.
    pub decided: Option<String>,
    #[serde(skip)]
    pub look: &'static str,
}

impl Row {
    /// Whether several of its kind can be decided at once.
    pub(crate) fn in_batch(&self) -> bool {
        self.kind == Kind::Transfer
    }
}

/// A line of a list as pages show it; `base` is `/o/{org}` or `/me`.
pub(crate) fn row(line: Line, base: &str) -> Row {
    let folder = match line.kind {
        Kind::Transfer => "t",
        Kind::Relocation => "r",
    };
    Row {
        href: format!("{base}/{folder}/{}", line.no),
        no: line.no,
        kind: line.kind,
        kind_name: line.kind.label(),
        what: line.variant.label(),
        name: line.name,
        from: line.from,
        to: line.branch.unwrap_or(line.to),
        starter: line.starter_name,
        state_name: line.state.label(),
        look: line.state.look(),
        state: line.state,
        waits_for: line.waits_for,
        left: left(line.days_left),
        urgent: line.days_left.is_some_and(|d| d <= 1),
        created: show_time(line.created_at),
        ended: line.ended_at.map(show_time),
        decided: line.decided.map(|(at, did)| format!("{} {did}", show_time(at))),
    }
}

/// `剩 3 天`, `明天到期`, `今天到期`, `已到期`.
pub(crate) fn left(days: Option<i64>) -> String {
    match days {
        None => String::new(),
        Some(0) => "今天到期".into(),
        Some(1) => "明天到期".into(),
        Some(days) if days > 1 => format!("剩 {days} 天"),
        Some(_) => "已到期".into(),
    }
}

/// `2026年6月25日`-like end of a deadline, empty when none runs.
pub(crate) fn until(deadline: Option<i64>) -> String {
    deadline.map(say_day).unwrap_or_default()
}

/// A tab of a list.
#[derive(Clone, Debug)]
pub struct TabItem {
    pub label: &'static str,
    pub href: String,
    pub current: bool,
    pub count: Option<i64>,
}

/// Whom to ask.
#[derive(Serialize, JsonSchema)]
pub struct ContactView {
    pub org: String,
    pub names: Vec<String>,
    pub phone: Option<String>,
}
impl From<ContactCard> for ContactView {
    fn from(card: ContactCard) -> Self {
        Self { org: card.org, names: card.names, phone: card.phone }
    }
}

/// A step of the timeline.
#[derive(Serialize, JsonSchema)]
pub struct StepView {
    /// done, now, todo or bad.
    pub state: &'static str,
    pub at: String,
    pub title: String,
    pub detail: String,
}

/// What was done, and while it is open what comes: the present step with its deadline, then `later`.
pub(crate) fn timeline(
    taken: &[Step],
    now: Option<(String, Option<i64>)>,
    later: &[String],
) -> Vec<StepView> {
    let mut steps: Vec<StepView> = taken.iter().map(done).collect();
    let Some((title, deadline)) = now else { return steps };
    let until = until(deadline);
    let at = if until.is_empty() { until } else { format!("{until} 到期") };
    steps.push(StepView { state: "now", at, title, detail: String::new() });
    steps.extend(later.iter().map(|title| StepView {
        state: "todo",
        at: String::new(),
        title: title.clone(),
        detail: String::new(),
    }));
    steps
}

fn done(step: &Step) -> StepView {
    let who = match &step.org {
        Some(org) => format!("{}({org})", step.actor),
        None => step.actor.clone(),
    };
    let bad = matches!(step.verb.as_str(), "return" | "expire" | "cancel");
    StepView {
        state: if bad { "bad" } else { "done" },
        at: show_time(step.at),
        title: Verb::did(&step.verb).to_owned(),
        detail: if step.note.is_empty() { who } else { format!("{who} · {}", step.note) },
    }
}

/// What the organisation that began it may do, for `parts/decide.html`.
pub(crate) struct Starter {
    pub(crate) again: Option<String>,
    pub(crate) urge: bool,
    /// From when on; empty when there is nobody else to be urged.
    pub(crate) urge_from: String,
    pub(crate) withdraw: bool,
}
impl Starter {
    pub(crate) fn may_anything(&self) -> bool {
        self.again.is_some() || self.urge || self.withdraw
    }
}

/// Where whoever has decided goes on: to the next one of the list in 操作中心 that she came from, or
/// back to the page of this one. `place` is `inbox` with the list's own query, or empty.
pub(crate) async fn way_on(
    v: &mut Visit,
    place: &str,
    no: &str,
    own: String,
) -> Result<String, Failure> {
    match crate::inbox::query_of(place) {
        Some(query) => crate::inbox::next(v, query, no).await,
        None => Ok(own),
    }
}
