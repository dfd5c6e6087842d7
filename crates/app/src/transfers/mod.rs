//! 组织关系转接: one open transfer a person, moved on by the machine of all business. Pages and
//! programs call the use-cases here; the clockwork calls `expire_due` and `remind_due`.

mod approval;
mod batch;
mod closing;
mod expiry;
mod incoming;
mod lead;
mod list;
mod list_sql;
mod notices;
mod pass;
mod show;
mod sql;
mod start;
mod undo;

pub use approval::{against_branches, allocate, approve, give_back};
pub use batch::{Choice, MOST, Outcome, decide_many, keep_results, results};
pub use closing::{Left, Open, bring_home, leave_closed, open_at};
pub use expiry::{cancel_orphans, expire_due, remind_due};
pub use incoming::{Candidate, NewIn, Origin, again_in, candidate, check_in, start_in};
pub use lead::{Lead, LookedUp, Row, by_name, by_number, from_row, lead, masked, of_elsewhere};
pub use list::{Summary, Tab, branches_of, list, list_below, of_me, of_person, summary};
pub use pass::{Colleague, colleagues, pass_on};
pub use show::{Rights, Shown, again, by_no};
pub use start::{Checked, New, Started, against_target, against_targets, check, start};
pub use undo::{Undoable, forget_undos, undo, undoable};

use crate::{
    Action, Cx, Error, OrgRef, Permit, Result, Who,
    business::{
        self, Case, Matter, Subject, Turn,
        machine::{Kind, Party, State, Verb},
    },
    cadres,
    clock::short_day,
    events::Event,
    keys::Place,
    people::{self, PersonId},
    rekey,
};
use serde_json::json;
use std::ops::{Deref, DerefMut};

/// A transfer as the use-cases know it: business about a person.
#[derive(Clone, Debug)]
pub struct Transfer {
    case: Case,
    pub person: PersonId,
    pub person_code: String,
    pub person_name: String,
}
impl Deref for Transfer {
    type Target = Case;
    fn deref(&self) -> &Case {
        &self.case
    }
}
impl DerefMut for Transfer {
    fn deref_mut(&mut self) -> &mut Case {
        &mut self.case
    }
}

impl Transfer {
    /// On whose side `verb` is taken, and by which parties. Whoever allocates is the target; what
    /// the target has begun is decided by the source.
    fn decider(&self, verb: Verb) -> (&OrgRef, [Party; 2]) {
        let by_source = self.variant.comes_from_target() && verb != Verb::Allocate;
        if by_source {
            (&self.from, [Party::Source, Party::SourceSuperior])
        } else {
            (&self.to, [Party::Target, Party::TargetSuperior])
        }
    }
    /// Its page for the person herself.
    pub fn own_href(&self) -> String {
        format!("/me/t/{}", self.no)
    }
    /// The event of a step, at the source; what it tells stands in the timeline as well.
    fn event(&self, verb: Verb) -> Event {
        Event::new(Kind::Transfer.event(verb), "transfer", self.id.0)
            .about(self.person)
            .at(&self.from.path)
            .detail(json!({
                "no": self.no, "state": self.state.code(),
                "from": self.from.code, "to": self.to.code,
            }))
    }
}

impl Matter for Transfer {
    const KIND: Kind = Kind::Transfer;
    const DECIDE: Action = Action::DecideTransfer;
    const TAKE_BACK: Action = Action::WithdrawTransfer;
    fn of(case: Case) -> Result<Self> {
        let Subject::Person { id, code, name } = case.subject.clone() else {
            return Err(Error::Broken("a transfer of nobody".into()));
        };
        Ok(Self { case, person: id, person_code: code, person_name: name })
    }
    fn case(&self) -> &Case {
        &self.case
    }
    fn case_mut(&mut self) -> &mut Case {
        &mut self.case
    }
    async fn sees(&self, cx: &mut Cx) -> Result<bool> {
        sees(cx, self).await
    }
    /// The person stays where she is and is no longer 转接中.
    async fn unwind(&self, cx: &mut Cx, permit: &Permit) -> Result<()> {
        match people::set_moving(cx, permit, self.person, false).await {
            // Nobody was marked: then there is nothing to take back.
            Err(Error::Conflict(_)) | Ok(()) => Ok(()),
            Err(e) => Err(e),
        }
    }
    fn lapsed(&self) -> String {
        let end = self.deadline.or(self.ended_at).map(short_day).unwrap_or_default();
        let who = if self.variant.comes_from_target() {
            "转入方可以直接重新提交"
        } else {
            "转出方可以直接重新提交,或换一个转入组织"
        };
        format!("这条申请 10 天内未审批,已在 {end} 到期并自动退回,不能再办理。资料都在,{who}。")
    }
    fn again(&self, base: &str) -> String {
        let way = if self.variant.comes_from_target() { "in" } else { "out" };
        format!("{base}/transfers/{way}/new?again={}", self.no)
    }
    async fn tell_withdrawn(&self, cx: &mut Cx, held: Option<&OrgRef>) -> Result<()> {
        notices::withdrawn(cx, self, held).await
    }
    async fn tell_expired(&self, cx: &mut Cx, held: Option<&OrgRef>) -> Result<()> {
        notices::expired(cx, self, held).await
    }
    async fn tell_urged(&self, cx: &mut Cx, holder: &OrgRef) -> Result<()> {
        notices::urged(cx, self, holder).await
    }
    async fn tell_reminder(
        &self,
        cx: &mut Cx,
        holder: &OrgRef,
        above: Option<&OrgRef>,
    ) -> Result<()> {
        notices::reminder(cx, self, holder, above).await
    }
    async fn record(&self, cx: &mut Cx, permit: Permit, verb: Verb) -> Result<()> {
        cx.record(permit, self.event(verb)).await?;
        cx.note(self.event(verb).at(&self.to.path)).await
    }
}

/// 撤销申请: see [`business::Case`]; the person stays where she is.
pub async fn withdraw(cx: &mut Cx, no: &str, version: i64) -> Result<Transfer> {
    business::withdraw(cx, no, version).await
}

/// 催办 by the side that began it. Refused `urged` within 24 hours of the last one.
pub async fn urge(cx: &mut Cx, no: &str) -> Result<Transfer> {
    business::urge(cx, no).await
}

/// The transfer with this number, if whoever acts is a party of it, or it lies in her scope.
async fn read(cx: &mut Cx, no: &str) -> Result<Transfer> {
    business::read(cx, no).await
}

async fn sees(cx: &mut Cx, t: &Transfer) -> Result<bool> {
    let visitor = match cx.who() {
        Who::System(_) => return Ok(true),
        Who::Nobody => return Ok(false),
        Who::Person(visitor) => visitor.clone(),
    };
    if visitor.acting.is_none() {
        return Ok(visitor.person == t.person);
    }
    let scope = cx.scope(Action::SeeTransfers)?;
    let parties = [&t.from, &t.to, &t.started_org];
    if parties.iter().any(|org| scope.holds(&org.path)) {
        return Ok(true);
    }
    let acting = cx.org()?.clone();
    // A branch's own superior is a party even where the table gives nothing below it.
    if t.parties(&acting).iter().any(|p| *p != Party::Clock) {
        return Ok(true);
    }
    match t.branch {
        Some(branch) => Ok(scope.holds(&crate::orgs::by_id(cx, branch).await?.path)),
        None => Ok(false),
    }
}

/// Takes one step, and at the end of the way the person into the branch. `permit` is for all of it;
/// the caller writes messages and the event.
async fn take(
    cx: &mut Cx,
    permit: &Permit,
    t: &mut Transfer,
    step: (Verb, State),
    turn: Turn<'_>,
) -> Result<Option<people::Moved>> {
    let branch = turn.branch;
    business::take(cx, permit, t, step, turn).await?;
    match (t.state, branch) {
        (State::Done, Some(branch)) => {
            let (from, moved) = people::move_noting(cx, permit, t.person, branch).await?;
            if moved.was_administrator() {
                let whom = [(t.person, t.person_name.clone())];
                cadres::followed(cx, permit, &from, &whom, cadres::With::Transfer).await?;
            }
            Ok(Some(moved))
        }
        _ => Ok(None),
    }
}

/// The address of the organisation acted for.
fn base(cx: &Cx) -> Result<String> {
    Ok(format!("/o/{}", cx.org()?.code))
}

/// Seals what was asked for the reason with the newest key, for the rows behind `after`.
pub(crate) async fn rekey(
    cx: &mut Cx,
    permit: &Permit,
    after: rekey::Mark,
) -> Result<rekey::Piece> {
    let rows = sql::sealed_after(cx, after.0, rekey::PIECE).await?;
    let last = rows.last().map(|row| (row.0, 0));
    let mut anew = Vec::new();
    for (id, sealed) in rows {
        let place = Place { column: start::FIELDS_COLUMN, row: id };
        let Some(sealed) = sealed else { continue };
        if let Some(sealed) = rekey::anew(cx, place, &sealed)? {
            anew.push(vec![id.into(), sealed.into()]);
        }
    }
    let moved = sql::reseal(cx, permit, anew).await?;
    Ok(rekey::Piece { last, moved })
}
