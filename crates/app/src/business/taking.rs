//! Taking a step: what every kind does alike around the effect that is its own. Guarded by state
//! and version (D4): a lost race, a double click and a stale page end in the same E22.

use super::{BusinessId, Case, Matter, SOURCE, Step, URGE_EVERY, machine, new_number, sql};
use crate::{
    Cx, Error, OrgRef, Permit, Refusal, Result, access,
    clock::{Millis, short_time, show_time},
    orgs::OrgId,
    people::PersonId,
    rules::Rules,
};
use machine::{Party, State, Variant, Verb};

/// What is begun.
pub(crate) struct New<'a> {
    pub(crate) id: BusinessId,
    pub(crate) variant: Variant,
    pub(crate) person: Option<PersonId>,
    pub(crate) org: Option<&'a OrgRef>,
    pub(crate) from: &'a OrgRef,
    pub(crate) to: &'a OrgRef,
    pub(crate) reason: &'a str,
    pub(crate) fields_ct: Option<Vec<u8>>,
    pub(crate) remark: &'a str,
    /// The branch that is meant, where one is allocated later.
    pub(crate) wish: Option<OrgId>,
}

/// Where it stands: the columns that every step sets anew.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) waits_for: Option<OrgId>,
    pub(crate) deadline: Option<Millis>,
    pub(crate) remind_at: Option<Millis>,
}

/// What one step brings with it.
#[derive(Default)]
pub(crate) struct Turn<'a> {
    pub(crate) branch: Option<&'a OrgRef>,
    pub(crate) return_reason: Option<&'a str>,
    pub(crate) return_note: Option<&'a str>,
    /// What stands in the timeline.
    pub(crate) note: String,
}

/// Puts it in, submitted by whoever acts; messages and the event are the caller's.
pub(crate) async fn begin<M: Matter>(cx: &mut Cx, permit: &Permit, new: New<'_>) -> Result<M> {
    let no = new_number(cx, M::KIND).await?;
    let Some(state) = machine::next(new.variant, State::Draft, Verb::Submit, &[Party::Starter])
    else {
        return Err(Error::Broken("the machine has no beginning".into()));
    };
    let at = standing(cx, new.variant, state, new.from, new.to)?;
    let id = new.id;
    sql::insert(cx, permit, &no, new, at).await?;
    sql::add_step(cx, permit, id, Verb::Submit, state, "").await?;
    found(cx, &no).await
}

/// The one with this number, whoever asks.
pub(crate) async fn found<M: Matter>(cx: &mut Cx, no: &str) -> Result<M> {
    M::of(sql::by_no(cx, no, M::KIND).await?.ok_or(Error::NotFound)?.read()?)
}

/// The one with this number, if whoever acts may see it.
pub(crate) async fn read<M: Matter>(cx: &mut Cx, no: &str) -> Result<M> {
    let m: M = found(cx, no).await?;
    if m.sees(cx).await? { Ok(m) } else { Err(Error::NotFound) }
}

/// In whose hands it comes with a state, and until when.
pub(crate) fn standing(
    cx: &Cx,
    variant: Variant,
    state: State,
    from: &OrgRef,
    to: &OrgRef,
) -> Result<Standing> {
    let Some((party, step)) = machine::waits(variant, state) else {
        return Ok(Standing { state, waits_for: None, deadline: None, remind_at: None });
    };
    let step = Rules::builtin()
        .transfer
        .step(step)
        .ok_or_else(|| Error::Broken(format!("the rules don't know the step {step}")))?;
    let holder = match party {
        Party::Source | Party::SourceSuperior | Party::Starter => from.id,
        Party::Target | Party::TargetSuperior | Party::Person | Party::Clock => to.id,
    };
    let now = cx.now();
    Ok(Standing {
        state,
        waits_for: Some(holder),
        deadline: machine::deadline(step, now),
        remind_at: machine::next_reminder(step, now, now),
    })
}

/// Takes one step of the machine: the row, the timeline, and when it ends without effect what was
/// held for it. The caller brings the effect about, tells everybody and writes the event.
pub(crate) async fn take<M: Matter>(
    cx: &mut Cx,
    permit: &Permit,
    m: &mut M,
    (verb, to): (Verb, State),
    turn: Turn<'_>,
) -> Result<()> {
    let case = m.case();
    let at = standing(cx, case.variant, to, &case.from, &case.to)?;
    if !sql::step_to(cx, permit, case, at, &turn).await? {
        return Err(too_late(cx, m).await);
    }
    sql::add_step(cx, permit, case.id, verb, to, &turn.note).await?;
    note_taken(cx, m.case_mut(), at, &turn);
    if to.ended() && to != State::Done { m.unwind(cx, permit).await } else { Ok(()) }
}

/// What the row says after a step.
pub(crate) fn note_taken(cx: &Cx, case: &mut Case, at: Standing, turn: &Turn<'_>) {
    case.version += 1;
    case.state = at.state;
    case.deadline = at.deadline;
    case.waits_for = at.waits_for;
    case.branch = turn.branch.map(|b| b.id);
    case.return_reason = turn.return_reason.map(str::to_owned);
    case.return_note = turn.return_note.map(str::to_owned);
    case.ended_at = at.state.ended().then(|| cx.now());
}

/// A line of the timeline at the state that it has.
pub(crate) async fn note_step(
    cx: &mut Cx,
    permit: &Permit,
    case: &Case,
    verb: Verb,
    note: &str,
) -> Result<()> {
    sql::add_step(cx, permit, case.id, verb, case.state, note).await
}

/// Every step that was taken, the first one first.
pub(crate) async fn timeline(cx: &mut Cx, case: &Case) -> Result<Vec<Step>> {
    sql::steps(cx, case.id).await
}

/// Refuses what comes too late: somebody was first (E22), or the days have run out (E27).
pub(crate) async fn still_open<M: Matter>(
    cx: &mut Cx,
    m: &M,
    version: i64,
    verb: Verb,
) -> Result<()> {
    let case = m.case();
    if case.version != version || !machine::is_open_to(case.variant, case.state, verb) {
        return Err(too_late(cx, m).await);
    }
    if !case.has_lapsed(cx.now()) {
        return Ok(());
    }
    let org = cx.org()?;
    let base = format!("/o/{}", org.code);
    Err(Error::conflict(
        Refusal::new("E27", m.lapsed())
            .way("查看", case.href(org))
            .way("重新提交", m.again(&base))
            .way("下一件", format!("{base}/inbox")),
    ))
}

/// E22: who was first, when, and what she did.
pub(crate) async fn too_late<M: Matter>(cx: &mut Cx, m: &M) -> Error {
    match who_was_first(cx, m.case()).await {
        Ok(refusal) => Error::conflict(refusal),
        Err(e) => e,
    }
}

async fn who_was_first(cx: &mut Cx, case: &Case) -> Result<Refusal> {
    let steps = sql::steps(cx, case.id).await?;
    let last = steps.iter().rev().find(|s| !Verb::is_still(&s.verb));
    let said = last.map_or_else(
        || "这条申请的状态已经变了,你的操作未生效。".to_owned(),
        |step| {
            let (did, time) = (Verb::did(&step.verb), short_time(step.at, cx.now()));
            let actor = match cx.org() {
                Ok(org) if case.is_of_source(step, org) => SOURCE,
                _ => &step.actor,
            };
            format!("{actor}已在 {time} 办理了这一条（{did}），你的操作未生效。")
        },
    );
    let refusal = Refusal::new("E22", said);
    Ok(match cx.org() {
        Ok(org) => {
            refusal.way("看结果", case.href(org)).way("下一件", format!("/o/{}/inbox", org.code))
        }
        Err(_) => refusal,
    })
}

/// 撤销申请 (100) by the side that began it, before it has ended. `Conflict` E22 when it has ended or
/// gone on meanwhile. It may still be taken back on the way to its lapse: nobody is hurt by that.
pub(crate) async fn withdraw<M: Matter>(cx: &mut Cx, no: &str, version: i64) -> Result<M> {
    let mut m: M = read(cx, no).await?;
    let permit = starting(cx, &m)?;
    let acting = cx.org()?.clone();
    let case = m.case();
    let to = case.next(Verb::Withdraw, &acting).filter(|_| case.version == version);
    let Some(to) = to else { return Err(too_late(cx, &m).await) };
    let held = case.holder().cloned();
    take(cx, &permit, &mut m, (Verb::Withdraw, to), Turn::default()).await?;
    m.tell_withdrawn(cx, held.as_ref()).await?;
    m.record(cx, permit, Verb::Withdraw).await?;
    Ok(m)
}

/// 催办 by the side that began it (P4). Refused `urged` within a day of the last one, `own_hands`
/// when it waits for whoever asks.
pub(crate) async fn urge<M: Matter>(cx: &mut Cx, no: &str) -> Result<M> {
    let m: M = read(cx, no).await?;
    let permit = starting(cx, &m)?;
    let case = m.case();
    let Some(holder) = case.holder().cloned() else { return Err(too_late(cx, &m).await) };
    if holder.id == cx.org()?.id {
        let says = "这一件现在就由本组织办理,不用催办。请直接办理。";
        return Err(Error::refused(Refusal::new("own_hands", says)));
    }
    let now = cx.now();
    if !sql::urge(cx, &permit, case.id, now - URGE_EVERY).await? {
        return Err(Error::refused(Refusal::new(
            "urged",
            format!(
                "24 小时内只能催办一次,对方已经收到提醒。{} 以后可以再次催办;急事请直接电话联系。",
                show_time(case.urge_from())
            ),
        )));
    }
    note_step(cx, &permit, case, Verb::Urge, "").await?;
    m.tell_urged(cx, &holder).await?;
    m.record(cx, permit, Verb::Urge).await?;
    Ok(m)
}

/// Leave for the side that began it.
fn starting<M: Matter>(cx: &mut Cx, m: &M) -> Result<Permit> {
    let acting = cx.org()?.clone();
    if !m.case().parties(&acting).contains(&Party::Starter) {
        let case = m.case();
        let (starter, own) = (&case.started_org.short_name, &acting.short_name);
        let advice = match case.holder() {
            Some(holder) if holder.id == acting.id => "现在由本组织审批，不同意的请退回。",
            _ => "需要撤销或催办的，请联系发起方。",
        };
        let why =
            format!("这一件由“{starter}”发起，只有发起方能撤销和催办，“{own}”不能代办。{advice}");
        return Err(access::forbidden_because(M::TAKE_BACK, why));
    }
    cx.permit(M::TAKE_BACK, &acting)
}
