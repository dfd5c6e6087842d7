//! 运营维护 (A.5 O3, O7): acts that need two operators. This file: what waits, what was decided, one
//! proposal and the decision on it. Proposing is in `act.rs`, the rules in `rules.rs`.

/// Proposing an act.
pub mod act;
/// 后台与维护.
pub mod engine;
/// 特殊情况录入.
pub mod exceptions;
/// Rule tables and the figures that can be changed.
pub mod rules;

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Error,
    clock::show_time,
    proposals::{self, Act, Line, Proposal, Rights, State},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const SIZE: i64 = 30;

/// A proposal in a list.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    no: String,
    href: String,
    title: String,
    proposer: String,
    proposed: String,
    /// Whoever looks proposed it herself: another one has to decide.
    own: bool,
    until: String,
    state: State,
    state_name: &'static str,
    decider: String,
    decided: String,
    #[serde(skip)]
    look: &'static str,
}

fn row(line: Line, base: &str) -> Row {
    Row {
        href: format!("{base}/ops/p/{}", line.no),
        no: line.no,
        title: line.title,
        proposer: line.proposer,
        proposed: show_time(line.proposed_at),
        own: line.own,
        until: app::clock::say_day(line.expires_at),
        state: line.state,
        state_name: line.state.label(),
        look: line.state.look(),
        decider: line.decider.unwrap_or_default(),
        decided: line.decided_at.map(show_time).unwrap_or_default(),
    }
}

/// 运营维护.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "ops/home.html")]
pub struct Home {
    #[serde(skip)]
    frame: Frame,
    waiting: Vec<Row>,
    history: Vec<Row>,
    /// Address of the next page of the history.
    next: Option<String>,
    #[serde(skip)]
    kinds: &'static [(&'static str, &'static str, &'static str)],
    #[serde(skip)]
    base: String,
}
page!(Home);

/// What the address chooses.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Choice {
    /// Mark of the page.
    from: Option<String>,
}

/// `GET /o/{org}/ops`.
pub async fn home(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let waiting = proposals::waiting(&mut v.cx).await?;
    let found = proposals::history(&mut v.cx, q.from.as_deref(), SIZE).await?;
    let frame = v.frame("运营维护", "/ops").await?;
    let page = Home {
        frame,
        waiting: waiting.into_iter().map(|line| row(line, &base)).collect(),
        history: found.lines.into_iter().map(|line| row(line, &base)).collect(),
        next: found.next.map(|mark| format!("{base}/ops?from={mark}")),
        kinds: act::KINDS,
        base,
    };
    v.show(page).await
}

/// What changes, in words.
#[derive(Serialize, JsonSchema)]
pub struct EffectView {
    label: &'static str,
    words: String,
}
fn effects(judged: proposals::Judged) -> Vec<EffectView> {
    judged.effects.into_iter().map(|(label, words)| EffectView { label, words }).collect()
}

/// 运营提议.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "ops/show.html")]
pub struct Show {
    #[serde(skip)]
    frame: Frame,
    no: String,
    version: i64,
    kind_name: &'static str,
    title: String,
    reason: String,
    proposer: String,
    proposed: String,
    until: String,
    state: State,
    state_name: &'static str,
    decider: String,
    decided: String,
    said: String,
    effects: Vec<EffectView>,
    against: Vec<String>,
    rights: Rights,
    /// Where the statement is that is attached to it.
    statement: Option<String>,
    note: String,
    #[serde(skip)]
    look: &'static str,
    #[serde(skip)]
    href: String,
    #[serde(skip)]
    base: String,
}
page!(Show);

async fn blank(v: &mut Visit, no: &str) -> Result<Show, Failure> {
    let base = v.base()?;
    let shown = proposals::by_no(&mut v.cx, no).await?;
    let p = shown.proposal;
    Ok(Show {
        frame: v.frame("运营提议", "/ops").await?,
        version: p.version,
        statement: match &p.act {
            Act::Exception { exception } => {
                Some(format!("{base}/ops/exceptions/{exception}/statement"))
            }
            _ => None,
        },
        kind_name: p.act.label(),
        proposed: show_time(p.proposed_at),
        until: app::clock::say_day(p.expires_at),
        state: p.state,
        state_name: p.state.label(),
        look: p.state.look(),
        decider: p.decider.unwrap_or_default(),
        decided: p.decided_at.map(show_time).unwrap_or_default(),
        said: p.note,
        effects: shown.judged.map(effects).unwrap_or_default(),
        against: shown.against,
        rights: shown.rights,
        note: String::new(),
        href: format!("{base}/ops/p/{}", p.no),
        title: p.title,
        reason: p.reason,
        proposer: p.proposer,
        no: p.no,
        base,
    })
}

/// `GET /o/{org}/ops/p/{no}`.
pub async fn show(mut v: Visit, Path((_, no)): Path<(String, String)>) -> Result<Answer, Failure> {
    let page = blank(&mut v, &no).await?;
    v.show(page).await
}

/// A decision on a proposal.
#[derive(Deserialize, JsonSchema)]
pub struct Decision {
    /// The version that the page showed.
    version: i64,
    /// Why not, when it is refused.
    #[serde(default)]
    note: String,
}

/// `POST /o/{org}/ops/p/{no}/approval`.
pub async fn approve(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<Decision>,
) -> Result<Answer, Failure> {
    let p = proposals::approve(&mut v.cx, &no, f.version).await?;
    let said = format!("已办理:{}。", p.title);
    done(v, &p, said).await
}

/// `POST /o/{org}/ops/p/{no}/return`.
pub async fn refuse(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<Decision>,
) -> Result<Answer, Failure> {
    match proposals::refuse(&mut v.cx, &no, f.version, &f.note).await {
        Ok(p) => done(v, &p, "没有同意,提议人会看到原因。".into()).await,
        Err(Error::Invalid(errors)) if v.face() != Face::Json => {
            let mut page = blank(&mut v, &no).await?;
            page.note = f.note;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}

/// `POST /o/{org}/ops/p/{no}/withdrawal`.
pub async fn withdraw(
    mut v: Visit,
    Path((_, no)): Path<(String, String)>,
    Form(f): Form<Decision>,
) -> Result<Answer, Failure> {
    let p = proposals::withdraw(&mut v.cx, &no, f.version).await?;
    done(v, &p, "已撤回提议,什么都没有改变。".into()).await
}

async fn done(v: Visit, p: &Proposal, said: String) -> Result<Answer, Failure> {
    let to = format!("{}/ops/p/{}", v.base()?, p.no);
    let data = serde_json::json!({ "no": p.no, "state": p.state, "version": p.version });
    v.done_with(to, said, data).await
}
