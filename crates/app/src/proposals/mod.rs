//! Acts of operators that need two people (O3, O7; security d-27): one proposes, another one decides
//! on a page that says what will happen, with counts. A further act is one more variant of [`Act`].
//!
//! Also the figures of the rules that are changed this way: [`keep_rules_in_force`] brings them onto
//! every node within seconds.

mod acts;
mod in_force;
mod list;
mod rules;
mod sql;

pub use acts::Act;
pub use in_force::{Planned, keep_rules_in_force, planned};
pub use list::{Line, Page, Rights, Shown, by_no, history, waiting};

use crate::{
    Action, Cx, Error, House, OrgRef, Permit, Refusal, Result, Who, act,
    clock::{Millis, beijing, end_of_day_after},
    events::Event,
    exceptions,
    messages::{self, Message, To},
    orgs::OrgId,
    people::PersonId,
    rules::Rules,
    users,
};
use serde_json::{Value as Json, json};

db::id!(
    /// A proposal.
    ProposalId
);

const SHORTEST_REASON: usize = 4;
const LONGEST_REASON: usize = 200;

/// Where a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Open,
    /// A second operator agreed and it was carried out.
    Done,
    Refused,
    Withdrawn,
    Expired,
}
impl State {
    const ALL: [Self; 5] = [Self::Open, Self::Done, Self::Refused, Self::Withdrawn, Self::Expired];
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
    /// As stored, read back.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }
    /// The word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Open => "待第二人办理",
            Self::Done => "已办理",
            Self::Refused => "未同意",
            Self::Withdrawn => "已撤回",
            Self::Expired => "已过期",
        }
    }
    /// The kind of the page's chip.
    pub fn look(self) -> &'static str {
        match self {
            Self::Open => "now",
            Self::Done => "ok",
            Self::Refused | Self::Expired => "err",
            Self::Withdrawn => "off",
        }
    }
}

/// A proposal as the use-cases know it.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub id: ProposalId,
    /// 业务编号.
    pub no: String,
    pub version: i64,
    pub act: Act,
    /// What it does, in a sentence, as it was when proposed.
    pub title: String,
    pub reason: String,
    pub state: State,
    pub proposed_by: PersonId,
    pub proposer: String,
    pub proposed_at: Millis,
    pub expires_at: Millis,
    pub decider: Option<String>,
    pub decided_at: Option<Millis>,
    pub note: String,
}

/// An act looked at: what it would do now.
#[derive(Debug)]
pub struct Judged {
    /// In a sentence.
    pub title: String,
    /// The organisation concerned.
    pub org: Option<OrgId>,
    /// What changes: label and words, with counts.
    pub effects: Vec<(&'static str, String)>,
}

/// Looks at an act without proposing it: what it would do, or what is wrong. Errors: `Invalid` by
/// the act's fields.
pub async fn check(cx: &mut Cx, act: &Act) -> Result<Judged> {
    operator(cx)?;
    acts::judge(cx, act).await
}

/// Proposes an act; the other operators are told. Returns its number. Errors: as [`check`], and
/// `reason`.
pub async fn propose(cx: &mut Cx, act: &Act, reason: &str) -> Result<String> {
    let permit = operator_permit(cx)?;
    let judged = acts::judge(cx, act).await?;
    let reason = reason.trim();
    let length = reason.chars().count();
    if !(SHORTEST_REASON..=LONGEST_REASON).contains(&length) {
        let says = "请写明依据(4 至 200 个字),例如申请单、来文的编号,第二位运营人员会看到。";
        return Err(Error::field("reason", "required", says));
    }
    let (id, no) = (ProposalId(cx.new_id()), new_number(cx).await?);
    let days = Rules::builtin().policy.operations.proposal_days;
    let row = sql::New {
        id,
        no: &no,
        act,
        judged: &judged,
        reason,
        proposed_by: cx.visitor()?.person,
        expires_at: end_of_day_after(cx.now(), days),
    };
    sql::insert(cx, &permit, row).await?;
    tell_others(cx, &no, &judged.title).await?;
    let detail = json!({ "no": no, "title": judged.title });
    cx.record(permit, Event::new("proposal.made", "proposal", id.0).detail(detail)).await?;
    Ok(no)
}

/// Proposes an exception from a rule of age, which is put in with its statement (row 133). Returns the
/// number. Errors: `Invalid` by field, all at once.
pub async fn propose_exception(cx: &mut Cx, asked: &exceptions::Asked<'_>) -> Result<String> {
    let permit = operator_permit(cx)?;
    match put_and_propose(cx, &permit, asked).await {
        Ok((no, event)) => {
            cx.record(permit, event).await?;
            Ok(no)
        }
        Err(e) => {
            // Whatever was put in goes with the transaction.
            cx.return_unused(permit);
            Err(e)
        }
    }
}

async fn put_and_propose(
    cx: &mut Cx,
    permit: &Permit,
    asked: &exceptions::Asked<'_>,
) -> Result<(String, Event)> {
    let (id, event) = exceptions::put(cx, permit, asked).await?;
    let no = propose(cx, &Act::Exception { exception: id.0 }, asked.reason).await?;
    exceptions::set_no(cx, permit, id, &no).await?;
    Ok((no, event))
}

/// A second operator agrees, and the act is carried out in the same transaction. Errors: refused
/// `second_person`; `Conflict` E22, E27, or what stands against the act by now.
pub async fn approve(cx: &mut Cx, no: &str, version: i64) -> Result<Proposal> {
    let permit = operator_permit(cx)?;
    let p = second(cx, no, version).await?;
    let judged = match acts::judge(cx, &p.act).await {
        Err(Error::Invalid(errors)) => {
            let why: String = errors.into_iter().map(|e| e.message).collect();
            let says = format!("情况有变化,现在不能办理:{why}请不同意这个提议,由提议人重新提出。");
            return Err(Error::conflict(Refusal::new("proposal_stale", says)));
        }
        judged => judged?,
    };
    settle(cx, &permit, &p, State::Done, "").await?;
    let done = acts::carry_out(cx, &permit, &p).await?;
    tell_proposer(cx, &p, "已由第二人同意并办理").await?;
    let detail = json!({ "no": p.no, "title": judged.title, "done": done });
    cx.record(permit, Event::new("proposal.done", "proposal", p.id.0).detail(detail)).await?;
    read(cx, no).await
}

/// A second operator does not agree, with a reason.
pub async fn refuse(cx: &mut Cx, no: &str, version: i64, note: &str) -> Result<Proposal> {
    let permit = operator_permit(cx)?;
    let p = second(cx, no, version).await?;
    let note = note.trim();
    if !(SHORTEST_REASON..=LONGEST_REASON).contains(&note.chars().count()) {
        return Err(Error::field("note", "required", "请写明不同意的原因(4 至 200 个字)。"));
    }
    settle(cx, &permit, &p, State::Refused, note).await?;
    tell_proposer(cx, &p, &format!("没有通过:{note}")).await?;
    note_end(cx, permit, &p, "proposal.refused").await?;
    read(cx, no).await
}

/// The proposer takes it back.
pub async fn withdraw(cx: &mut Cx, no: &str, version: i64) -> Result<Proposal> {
    let permit = operator_permit(cx)?;
    let p = read(cx, no).await?;
    if p.proposed_by != cx.visitor()?.person {
        return Err(Error::refused(Refusal::new("not_yours", "只有提议人可以撤回。")));
    }
    if p.version != version || p.state != State::Open {
        return Err(too_late(cx, &p));
    }
    settle(cx, &permit, &p, State::Withdrawn, "").await?;
    note_end(cx, permit, &p, "proposal.withdrawn").await?;
    read(cx, no).await
}

/// Ends every proposal that nobody decided in time. For the clockwork.
pub async fn expire_due(house: &House) -> Result<()> {
    let mut cx = house.read(Who::System("系统")).await?;
    let due = sql::overdue(&mut cx, 100).await?;
    drop(cx);
    for (no,) in &due {
        let done = act!(house, Who::System("系统"), |cx| {
            let permit = cx.permit_system(Action::RunSystem)?;
            let p = sql::by_no(cx, no).await?.ok_or(Error::NotFound)?.read()?;
            settle(cx, &permit, &p, State::Expired, "").await?;
            tell_proposer(cx, &p, "没有人在期限内办理,已过期。需要时请重新提出").await?;
            note_end(cx, permit, &p, "proposal.expired").await
        });
        match done {
            Ok(()) | Err(Error::Conflict(_)) => {}
            Err(e) => tracing::warn!(error = %e, "a proposal could not lapse"),
        }
    }
    Ok(())
}

/// The organisation that operators act for, if she is one.
fn operator(cx: &Cx) -> Result<OrgRef> {
    let org = cx.org()?.clone();
    cx.scope(Action::Operate)?;
    Ok(org)
}

fn operator_permit(cx: &mut Cx) -> Result<Permit> {
    let org = operator(cx)?;
    cx.permit(Action::Operate, &org)
}

async fn read(cx: &mut Cx, no: &str) -> Result<Proposal> {
    sql::by_no(cx, no).await?.ok_or(Error::NotFound)?.read()
}

/// The proposal for somebody who is not its proposer, not too late.
async fn second(cx: &mut Cx, no: &str, version: i64) -> Result<Proposal> {
    let p = read(cx, no).await?;
    if p.proposed_by == cx.visitor()?.person {
        return Err(Error::refused(Refusal::new(
            "second_person",
            "这是你自己的提议,要由另一位运营人员办理。",
        )));
    }
    if p.version != version || p.state != State::Open {
        return Err(too_late(cx, &p));
    }
    if p.expires_at < cx.now() {
        let says = "这个提议已经过期,不能再办理。需要时请提议人重新提出。";
        return Err(Error::conflict(Refusal::new("E27", says)));
    }
    Ok(p)
}

fn too_late(cx: &Cx, p: &Proposal) -> Error {
    let who = p.decider.clone().unwrap_or_else(|| p.proposer.clone());
    let says = format!("{who} 已经办理了这个提议({}),你的操作未生效。", p.state.label());
    let refusal = Refusal::new("E22", says);
    Error::conflict(match cx.org() {
        Ok(org) => refusal.way("看结果", format!("/o/{}/ops/p/{}", org.code, p.no)),
        Err(_) => refusal,
    })
}

async fn settle(cx: &mut Cx, permit: &Permit, p: &Proposal, to: State, note: &str) -> Result<()> {
    let by = match to {
        State::Done | State::Refused => Some(cx.visitor()?.person),
        _ => None,
    };
    if !sql::settle(cx, permit, p, to, by, note).await? {
        return Err(too_late(cx, p));
    }
    if let (Act::Exception { exception }, true) = (&p.act, to != State::Done) {
        exceptions::drop_asked(cx, permit, *exception).await?;
    }
    Ok(())
}

async fn note_end(cx: &mut Cx, permit: Permit, p: &Proposal, kind: &'static str) -> Result<()> {
    let detail = json!({ "no": p.no, "title": p.title });
    cx.record(permit, Event::new(kind, "proposal", p.id.0).detail(detail)).await
}

async fn tell_others(cx: &mut Cx, no: &str, title: &str) -> Result<()> {
    let (me, org) = (cx.visitor()?.person, cx.org()?.clone());
    for other in users::operators(cx).await? {
        if other == me {
            continue;
        }
        let message = Message {
            to: To::Person(other),
            kind: "proposal",
            title: "有一个运营提议等你办理".into(),
            body: format!("{}:{title}", cx.actor_name()),
            href: format!("/o/{}/ops/p/{no}", org.code),
        };
        messages::send(cx, message).await?;
    }
    Ok(())
}

async fn tell_proposer(cx: &mut Cx, p: &Proposal, what: &str) -> Result<()> {
    let Some(root) = crate::orgs::names_to(cx, "000").await?.pop() else { return Ok(()) };
    let message = Message {
        to: To::Person(p.proposed_by),
        kind: "proposal",
        title: format!("你的运营提议{what}"),
        body: p.title.clone(),
        href: format!("/o/{}/ops/p/{}", root.code, p.no),
    };
    messages::send(cx, message).await
}

/// `YW20260615-0048`.
async fn new_number(cx: &mut Cx) -> Result<String> {
    let today = beijing(cx.now()).strftime("%Y%m%d").to_string();
    for _ in 0..12 {
        let mut bytes = [0_u8; 8];
        cx.house().chance(&mut bytes);
        let no = format!("YW{today}-{:04}", u64::from_be_bytes(bytes) % 10_000);
        if sql::by_no(cx, &no).await?.is_none() {
            return Ok(no);
        }
    }
    Err(Error::Busy)
}

/// What a change left behind, for the audit book.
type Trace = Json;
