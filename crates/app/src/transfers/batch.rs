//! 批量办理 (B.6): several decisions of one administrator, each in a transaction of its own, each
//! with its own result. What one of them meets does not stop the others.

use super::{Transfer, allocate, approve, read};
use crate::{
    Action, Cx, Error, House, Origin, Result, Who, business::machine::State, clock, events::Event,
    people::tickets,
};
use serde::{Deserialize, Serialize};

/// Most decisions at once.
pub const MOST: usize = 50;
/// How long the results may be looked at.
const LIFE: clock::Millis = clock::HOUR;
/// The purpose of the ticket of its results.
const TICKET: &str = "transfers decided";

/// One of them.
#[derive(Clone, Debug)]
pub struct Choice {
    /// 业务编号.
    pub no: String,
    /// The version that the page showed.
    pub version: i64,
    /// 组织码 of the branch; `None` when there is nothing to allocate, or not yet.
    pub branch: Option<String>,
}

/// What became of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub no: String,
    pub person_name: String,
    pub done: bool,
    pub says: String,
}

/// Approves or allocates every one of them, one after the other.
pub async fn decide_many(
    house: &House,
    who: &Who,
    origin: &Origin,
    choices: &[Choice],
) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(choices.len());
    for choice in choices.iter().take(MOST) {
        let outcome = match one(house, who, origin, choice).await {
            Ok(t) => Outcome {
                no: t.no.clone(),
                person_name: t.person_name.clone(),
                done: t.state != State::Rejected,
                says: done_words(&t),
            },
            Err(error) => Outcome {
                no: choice.no.clone(),
                person_name: name_of(house, who, &choice.no).await.unwrap_or_default(),
                done: false,
                says: words(&error),
            },
        };
        outcomes.push(outcome);
    }
    outcomes
}

/// One decision, run again when another transaction was in the way.
async fn one(house: &House, who: &Who, origin: &Origin, choice: &Choice) -> Result<Transfer> {
    let mut turn = 0;
    loop {
        let mut cx = house.enter(who.clone(), true, origin.clone()).await?;
        let done = decide(&mut cx, choice).await;
        if let Some(done) = house.settle(cx, done, &mut turn).await {
            return done;
        }
    }
}

async fn decide(cx: &mut Cx, choice: &Choice) -> Result<Transfer> {
    let t = read(cx, &choice.no).await?;
    let branch = choice.branch.as_deref();
    if t.state == State::PendingAlloc {
        allocate(cx, &choice.no, choice.version, branch.unwrap_or_default()).await
    } else {
        approve(cx, &choice.no, choice.version, branch).await
    }
}

async fn name_of(house: &House, who: &Who, no: &str) -> Result<String> {
    let mut cx = house.read(who.clone()).await?;
    Ok(read(&mut cx, no).await?.person_name)
}

fn done_words(t: &Transfer) -> String {
    match t.state {
        State::Done => "已同意,转接完成。".into(),
        State::PendingAlloc if t.variant.comes_from_target() => "已同意,由对方分配团支部。".into(),
        State::PendingAlloc => "已同意,还要分配团支部。".into(),
        _ => format!("{} 已不再接收转入,这条申请已自动退回。", t.to.short_name),
    }
}

fn words(error: &Error) -> String {
    match error {
        Error::Conflict(refusal) | Error::Refused(refusal) => refusal.message.clone(),
        Error::Invalid(fields) => {
            fields.first().map_or_else(String::new, |field| field.message.clone())
        }
        Error::NotFound => "没有这条申请,或者不归本组织办理。".into(),
        Error::Forbidden { may, why, .. } if why.is_empty() => format!("这一步由{may}办理。"),
        Error::Forbidden { why, .. } => why.clone(),
        other => {
            tracing::warn!(error = %other, "one of several decisions failed");
            "系统忙,这一条没有办理。请稍后单独再试。".into()
        }
    }
}

/// Keeps the results for whoever decided; returns the ticket of their page.
pub async fn keep_results(cx: &mut Cx, outcomes: &[Outcome]) -> Result<String> {
    let org = cx.org()?.clone();
    let permit = cx.permit(Action::DecideTransfer, &org)?;
    let secret = tickets::keep(cx, &permit, TICKET, &outcomes, LIFE).await?;
    let done = outcomes.iter().filter(|o| o.done).count();
    let detail = serde_json::json!({ "done": done, "all": outcomes.len() });
    let event = Event::new("transfers.decided", "org", org.id.0).detail(detail);
    cx.record(permit, event).await?;
    Ok(secret)
}

/// One's own results; [`Error::Gone`] when they are no longer kept.
pub async fn results(cx: &mut Cx, ticket: &str) -> Result<Vec<Outcome>> {
    tickets::open(cx, TICKET, ticket).await?.ok_or(Error::Gone)
}
