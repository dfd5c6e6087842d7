//! 撤销审批 (B.6): whoever has just decided may take it back within minutes, as long as nothing
//! else has happened to the person. Everything is as before: branch, posts and seat, counters, and
//! the transfer waits with its old deadline.

use super::{Transfer, notices, read, sql};
use crate::{
    Action, Cx, Error, House, Permit, Refusal, Result, Who, access, act,
    business::{
        self, Matter, Turn,
        machine::{self, State, Verb},
    },
    cadres,
    clock::{MINUTE, Millis, show_time},
    events::Event,
    people::{self, Moved},
    rules::Rules,
};

const PIECE: i64 = 500;

/// How a transfer stood before a decision.
#[derive(Clone, Copy)]
pub(super) struct Before {
    state: State,
    deadline: Option<Millis>,
}
impl Before {
    pub(super) fn of(t: &Transfer) -> Self {
        Self { state: t.state, deadline: t.deadline }
    }
}

/// A decision that can still be taken back.
#[derive(Clone, Debug)]
pub struct Undoable {
    /// 业务编号.
    pub no: String,
    pub version: i64,
    pub person_name: String,
    /// Until when.
    pub until: Millis,
}

/// Minutes within which a decision may be taken back.
fn window() -> Millis {
    Rules::builtin().transfer.undo_minutes("approval") * MINUTE
}

/// Notes how things stood, with the decision itself.
pub(super) async fn note(
    cx: &mut Cx,
    permit: &Permit,
    t: &Transfer,
    before: Before,
    moved: Option<Moved>,
) -> Result<()> {
    let moved = moved.map(|m| serde_json::to_string(&m)).transpose();
    let moved = moved.map_err(|e| Error::Broken(e.to_string()))?;
    let until = cx.now() + window();
    sql::note_undo(cx, permit, t, (before.state, before.deadline), until, moved).await
}

/// Until when whoever acts may take the last decision back, if that was hers.
pub(super) async fn until(cx: &mut Cx, t: &Transfer) -> Result<Option<Millis>> {
    if !matches!(t.state, State::Done | State::PendingAlloc) {
        return Ok(None);
    }
    Ok(find(cx, t).await?.map(|noted| noted.until).filter(|until| *until > cx.now()))
}

/// What is noted for this very version, if the decision was that of whoever acts, for the
/// organisation that she acts for.
async fn find(cx: &mut Cx, t: &Transfer) -> Result<Option<sql::Undo>> {
    let Ok(acting) = cx.org().cloned() else { return Ok(None) };
    let me = cx.visitor()?.person;
    let noted = sql::undo_of(cx, t.id).await?;
    Ok(noted.filter(|n| n.version == t.version && n.by_person == me && n.by_org == acting.id))
}

/// Takes one's own decision back. `Conflict`: `undo_late` after the minutes, `moved_on` when
/// something has happened since, E22 when the transfer has gone on.
pub async fn undo(cx: &mut Cx, no: &str, version: i64) -> Result<Transfer> {
    let mut t = read(cx, no).await?;
    let acting = cx.org()?.clone();
    let permit = cx.permit(Action::DecideTransfer, &acting)?;
    let Some(noted) = find(cx, &t).await? else {
        return Err(not_hers(cx, &t, version).await);
    };
    if t.version != version {
        return Err(business::too_late(cx, &t).await);
    }
    let before = noted.before()?;
    if noted.until <= cx.now() {
        return Err(late(&t, noted.until));
    }
    if before.1.is_some_and(|end| end < cx.now()) {
        return Err(late(&t, before.1.unwrap_or_default()));
    }
    if !machine::leads_back(t.variant, t.state, before.0) {
        return Err(Error::Broken("a decision that does not lead back was noted".into()));
    }
    if !sql::is_active(cx, t.from.id).await? {
        let says = format!("不能撤销:{}正在调整或已经撤销。", t.from.short_name);
        return Err(Error::conflict(Refusal::new("moved_on", says)));
    }
    if t.state.ended() && sql::open_of(cx, t.person).await?.is_some() {
        let says = format!(
            "不能撤销：审批之后，{} 又办理了另一笔转接，现在正在办理。需要更正的，请在那一笔里撤回或退回。",
            t.person_name
        );
        return Err(Error::conflict(Refusal::new("moved_on", says)));
    }
    let reached = (t.state, t.branch);
    put_back(cx, &permit, &mut t, before).await?;
    match (noted.moved()?, reached) {
        (Some(moved), (State::Done, Some(branch))) => {
            let here = crate::orgs::by_id(cx, branch).await?;
            people::move_back(cx, &permit, t.person, &moved, &here).await?;
            if moved.was_administrator() {
                let whom = [(t.person, t.person_name.clone())];
                cadres::followed(cx, &permit, &t.from, &whom, cadres::With::Undo).await?;
            }
        }
        (None, (State::PendingAlloc, _)) => {}
        _ => return Err(Error::Broken("a move was not noted with its decision".into())),
    }
    sql::forget_undo(cx, &permit, t.id).await?;
    notices::undone(cx, &t).await?;
    t.record(cx, permit, Verb::Undo).await?;
    Ok(t)
}

/// The row as it was before the decision, with its old deadline.
async fn put_back(
    cx: &mut Cx,
    permit: &Permit,
    t: &mut Transfer,
    before: (State, Option<Millis>),
) -> Result<()> {
    let (state, deadline) = before;
    let mut at = business::standing(cx, t.variant, state, &t.from, &t.to)?;
    at.deadline = deadline;
    let entered = business::entered(cx, t.id, state).await?;
    at.remind_at = machine::waits(t.variant, state)
        .and_then(|(_, step)| Rules::builtin().transfer.step(step))
        .and_then(|step| machine::next_reminder(step, entered, cx.now()));
    let turn = Turn::default();
    if !business::step_to(cx, permit, t, at, &turn).await? {
        return Err(business::too_late(cx, t).await);
    }
    business::note_taken(cx, t, at, &turn);
    business::note_step(cx, permit, t, Verb::Undo, "").await
}

/// Why there is nothing to take back: outsiders learn nothing, late comers who was first.
async fn not_hers(cx: &mut Cx, t: &Transfer, version: i64) -> Error {
    let acting = match cx.org() {
        Ok(acting) => acting.clone(),
        Err(e) => return e,
    };
    if t.parties(&acting).is_empty() {
        let why = format!("这条转接不由“{}”办理，不能在这里撤销审批。", acting.short_name);
        return access::forbidden_because(Action::DecideTransfer, why);
    }
    if t.version != version {
        return business::too_late(cx, t).await;
    }
    Error::refused(Refusal::new(
        "undo_not_yours",
        "只有办理这一步的人,在办理后 10 分钟内,可以撤销。需要更正的,请为此人重新办理转接。",
    ))
}

fn late(t: &Transfer, end: Millis) -> Error {
    let says = format!(
        "撤销的时间已过({} 截止),{} 的转接已经生效。需要更正的,请为此人重新办理转接。",
        show_time(end),
        t.person_name
    );
    Error::conflict(Refusal::new("undo_late", says))
}

/// One's own decisions of the last minutes, the newest first.
pub async fn undoable(cx: &mut Cx) -> Result<Vec<Undoable>> {
    let (me, org, now) = (cx.visitor()?.person, cx.org()?.id, cx.now());
    let rows = sql::undoable(cx, me, org, now).await?;
    let of = |(no, version, person_name, until)| Undoable { no, version, person_name, until };
    Ok(rows.into_iter().map(of).collect())
}

/// Forgets what can no longer be taken back. For the clockwork.
pub async fn forget_undos(house: &House) -> Result<u64> {
    let mut gone = 0;
    loop {
        let here = act!(house, Who::System("系统"), |cx| {
            let permit = cx.permit_system(Action::RunSystem)?;
            let here = sql::forget_old_undos(cx, &permit, PIECE).await?;
            if here == 0 {
                cx.return_unused(permit);
                return Ok(0);
            }
            let event = Event::new("transfer.undo_closed", "transfer", 0);
            cx.record(permit, event.detail(serde_json::json!({ "decisions": here }))).await?;
            Ok(here)
        })?;
        gone += here;
        if here == 0 {
            return Ok(gone);
        }
    }
}
