//! 组织关系转接: one open transfer a person, and the machine that moves it on (`machine.rs`). Pages
//! and programs call the use-cases here; the clockwork calls `expire_due` and `remind_due`.

mod approval;
mod batch;
mod closing;
mod expiry;
mod incoming;
mod lead;
mod list;
mod list_sql;
/// Steps and who may take them, as data.
pub mod machine;
mod notices;
mod pass;
mod reminders;
mod show;
mod sql;
mod start;
mod undo;
mod withdrawal;

pub use approval::{allocate, approve, give_back};
pub use batch::{Choice, MOST, Outcome, decide_many, keep_results, results};
pub use closing::{Left, Open, bring_home, leave_closed, open_at};
pub use expiry::{cancel_orphans, expire_due};
pub use incoming::{Candidate, NewIn, Origin, again_in, candidate, check_in, start_in};
pub use lead::{Lead, LookedUp, Row, by_name, by_number, from_row, lead, masked, of_elsewhere};
pub use list::{
    Line, Page, Summary, Tab, Waiting, branches_of, decided, list, list_below, of_me, of_person,
    started, summary, waiting,
};
pub use pass::{Colleague, colleagues, pass_on};
pub use reminders::{remind_due, urge};
pub use show::{Rights, Shown, Step, again, by_no};
pub use start::{Checked, New, Started, check, start};
pub use undo::{Undoable, forget_undos, undo, undoable};
pub use withdrawal::withdraw;

use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result, Who,
    clock::{Millis, beijing, day},
    events::Event,
    keys::Place,
    orgs::{OrgId, parent_path},
    people::{self, PersonId},
    rekey,
    rules::Rules,
};
use machine::{Party, State, Variant, Verb};
use serde_json::json;

db::id!(
    /// A transfer.
    TransferId
);

/// A transfer as the use-cases know it.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub id: TransferId,
    /// 业务编号.
    pub no: String,
    /// Grows with every step; forms carry it.
    pub version: i64,
    pub variant: Variant,
    pub state: State,
    pub person: PersonId,
    pub person_code: String,
    pub person_name: String,
    pub started_by: PersonId,
    pub starter_name: String,
    pub started_org: OrgRef,
    pub from: OrgRef,
    pub to: OrgRef,
    /// Code of the rules' reason.
    pub reason: String,
    pub remark: String,
    /// The end of the last day of the present step; `None` when it does not lapse.
    pub deadline: Option<Millis>,
    /// The organisation in whose hands it is; `None` when it has ended.
    pub waits_for: Option<OrgId>,
    /// Where the person came in the end.
    pub branch: Option<OrgId>,
    /// Code of the rules' return reason.
    pub return_reason: Option<String>,
    pub return_note: Option<String>,
    pub urged_at: Option<Millis>,
    pub created_at: Millis,
    pub ended_at: Option<Millis>,
    fields_ct: Option<Vec<u8>>,
}

impl Transfer {
    fn from_stored(row: sql::Stored) -> Result<Self> {
        let (started_org, from, to) = row.orgs()?;
        Ok(Self {
            variant: row.variant()?,
            state: row.state()?,
            id: row.id,
            no: row.no,
            version: row.version,
            person: row.person,
            person_code: row.person_code,
            person_name: row.person_name,
            started_by: row.started_by,
            starter_name: row.starter_name,
            started_org,
            from,
            to,
            reason: row.reason,
            remark: row.remark,
            deadline: row.deadline,
            waits_for: row.waits_for,
            branch: row.branch,
            return_reason: row.return_reason,
            return_note: row.return_note,
            urged_at: row.urged_at,
            created_at: row.created_at,
            ended_at: row.ended_at,
            fields_ct: row.fields_ct,
        })
    }

    /// What an organisation is to it (security 29: computed, never posted).
    pub fn parties(&self, acting: &OrgRef) -> Vec<Party> {
        let is_above = |org: &OrgRef| parent_path(&org.path) == Some(acting.path.as_str());
        let mut parties = Vec::new();
        for (holds, party) in [
            (acting.id == self.started_org.id, Party::Starter),
            (acting.id == self.from.id, Party::Source),
            (is_above(&self.from), Party::SourceSuperior),
            (acting.id == self.to.id, Party::Target),
            (is_above(&self.to), Party::TargetSuperior),
        ] {
            if holds {
                parties.push(party);
            }
        }
        parties
    }

    /// The organisation in whose hands it is.
    pub fn holder(&self) -> Option<&OrgRef> {
        [&self.to, &self.from, &self.started_org].into_iter().find(|o| Some(o.id) == self.waits_for)
    }

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

    /// Calendar days left until the deadline, today not counted.
    pub fn days_left(&self, now: Millis) -> Option<i64> {
        self.deadline.map(|end| machine::days_since(now, end))
    }

    /// Its page for somebody who acts for `org`.
    pub fn href(&self, org: &OrgRef) -> String {
        format!("/o/{}/t/{}", org.code, self.no)
    }
    /// Its page for the person herself.
    pub fn own_href(&self) -> String {
        format!("/me/t/{}", self.no)
    }
}

/// How many transfers wait for the organisation acted for, counted to 100 at most (the badge
/// shows 99+).
pub async fn count_waiting(cx: &mut Cx) -> Result<i64> {
    let org = cx.org()?.id;
    sql::count_waiting(cx, org).await
}

/// A subtree has moved to `path`: the copies of paths on its transfers follow. Open transfers of
/// its people go on (D5).
pub(crate) async fn repath(cx: &mut Cx, permit: &Permit, path: &str) -> Result<()> {
    let below = crate::Scope::subtree(path);
    sql::repath(cx, permit, &below.lo, &below.hi).await
}

/// The transfer with this number, if whoever acts is a party of it, or it lies in her scope.
async fn read(cx: &mut Cx, no: &str) -> Result<Transfer> {
    let row = sql::by_no(cx, no).await?.ok_or(Error::NotFound)?;
    let transfer = Transfer::from_stored(row)?;
    if sees(cx, &transfer).await? { Ok(transfer) } else { Err(Error::NotFound) }
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

/// What one step brings with it.
#[derive(Default)]
struct Turn<'a> {
    branch: Option<&'a OrgRef>,
    return_reason: Option<&'a str>,
    return_note: Option<&'a str>,
    /// What stands in the timeline.
    note: String,
}

/// Takes one step of the machine and everything that hangs on it: the row, the timeline, the
/// person's membership. `permit` is for all of it; the caller writes messages and the event.
async fn take(
    cx: &mut Cx,
    permit: &Permit,
    t: &mut Transfer,
    step: (Verb, State),
    turn: Turn<'_>,
) -> Result<Option<people::Moved>> {
    let (verb, to) = step;
    let at = standing(cx, t.variant, to, &t.from, &t.to)?;
    let ending = sql::Ending {
        branch: turn.branch.map(|b| b.id),
        return_reason: turn.return_reason,
        return_note: turn.return_note,
    };
    if !sql::step_to(cx, permit, (t.id, t.version, t.state), at, ending).await? {
        return Err(too_late(cx, t).await);
    }
    sql::add_step(cx, permit, t.id, verb.code(), to, &turn.note).await?;
    let mut moved = None;
    match (to, turn.branch) {
        (State::Done, Some(branch)) => {
            moved = Some(people::move_noting(cx, permit, t.person, branch).await?.1);
        }
        (state, _) if state.ended() => stay(cx, permit, t.person).await?,
        _ => {}
    }
    t.version += 1;
    t.state = to;
    t.deadline = at.deadline;
    t.waits_for = at.waits_for;
    t.branch = turn.branch.map(|b| b.id);
    t.return_reason = turn.return_reason.map(str::to_owned);
    t.return_note = turn.return_note.map(str::to_owned);
    t.ended_at = to.ended().then(|| cx.now());
    Ok(moved)
}

/// The person stays where she is and is no longer 转接中.
async fn stay(cx: &mut Cx, permit: &Permit, person: PersonId) -> Result<()> {
    match people::set_moving(cx, permit, person, false).await {
        // Nobody was marked: then there is nothing to take back.
        Err(Error::Conflict(_)) | Ok(()) => Ok(()),
        Err(e) => Err(e),
    }
}

/// In whose hands a transfer comes with a state, and until when.
fn standing(
    cx: &Cx,
    variant: Variant,
    state: State,
    from: &OrgRef,
    to: &OrgRef,
) -> Result<sql::Standing> {
    let Some((party, step)) = machine::waits(variant, state) else {
        return Ok(sql::Standing { state, waits_for: None, deadline: None, remind_at: None });
    };
    let step = Rules::builtin()
        .transfer
        .step(step)
        .ok_or_else(|| Error::Broken(format!("the rules don't know the step {step}")))?;
    let holder = match party {
        Party::Source | Party::SourceSuperior | Party::Starter => from.id,
        Party::Target | Party::TargetSuperior | Party::Clock => to.id,
    };
    let now = cx.now();
    Ok(sql::Standing {
        state,
        waits_for: Some(holder),
        deadline: machine::deadline(step, now),
        remind_at: machine::next_reminder(step, now, now),
    })
}

/// Refuses what comes too late: somebody was first (E22), or the days have run out (E27; the row's
/// deadline decides, not whether the clockwork has been here already).
async fn still_open(cx: &mut Cx, t: &Transfer, version: i64, verb: Verb) -> Result<()> {
    if t.version != version || !machine::is_open_to(t.variant, t.state, verb) {
        return Err(too_late(cx, t).await);
    }
    if t.deadline.is_some_and(|end| end < cx.now()) {
        let base = base(cx)?;
        return Err(Error::conflict(
            Refusal::new("E27", lapsed_text(t))
                .way("查看", format!("{base}/t/{}", t.no))
                .way("重新提交", again_href(&base, t))
                .way("下一件", format!("{base}/inbox")),
        ));
    }
    Ok(())
}

fn lapsed_text(t: &Transfer) -> String {
    let end = t.deadline.or(t.ended_at).map(short_day).unwrap_or_default();
    let who = if t.variant.comes_from_target() {
        "转入方可以直接重新提交"
    } else {
        "转出方可以直接重新提交,或换一个转入组织"
    };
    format!("这条申请 10 天内未审批,已在 {end} 到期并自动退回,不能再办理。资料都在,{who}。")
}

/// Where the same transfer can be begun once more, with everything filled in.
fn again_href(base: &str, t: &Transfer) -> String {
    let way = if t.variant.comes_from_target() { "in" } else { "out" };
    format!("{base}/transfers/{way}/new?again={}", t.no)
}

/// E22: who was first, when, and what she did.
async fn too_late(cx: &mut Cx, t: &Transfer) -> Error {
    match who_was_first(cx, t).await {
        Ok(refusal) => Error::conflict(refusal),
        Err(e) => e,
    }
}

async fn who_was_first(cx: &mut Cx, t: &Transfer) -> Result<Refusal> {
    let steps = sql::steps(cx, t.id).await?;
    let last = steps.iter().rev().find(|s| !sql::STILL.contains(&s.verb.as_str()));
    let said = last.map_or_else(
        || "这条申请的状态已经变了,你的操作未生效。".to_owned(),
        |step| {
            let did = Verb::did(&step.verb);
            let time = short_time(step.at, cx.now());
            format!("{} 已在 {time} 办理了这一条({did}),你的操作未生效。", step.actor)
        },
    );
    let refusal = Refusal::new("E22", said);
    Ok(match base(cx) {
        Ok(base) => refusal
            .way("看结果", format!("{base}/t/{}", t.no))
            .way("下一件", format!("{base}/inbox")),
        Err(_) => refusal,
    })
}

/// `10:21` today, `6月12日 10:21` on another day.
fn short_time(at: Millis, now: Millis) -> String {
    let z = beijing(at);
    let time = z.strftime("%H:%M");
    if day(at) == day(now) { time.to_string() } else { format!("{} {time}", short_day(at)) }
}

/// `6月12日`.
fn short_day(at: Millis) -> String {
    let z = beijing(at);
    format!("{}月{}日", z.month(), z.day())
}

/// The address of the organisation acted for.
fn base(cx: &Cx) -> Result<String> {
    Ok(format!("/o/{}", cx.org()?.code))
}

/// Who acts, for the timeline: name, person, organisation.
fn actor(cx: &Cx) -> (String, Option<PersonId>, Option<OrgId>) {
    match cx.who() {
        Who::Person(v) => (v.name.clone(), Some(v.person), v.acting.as_ref().map(|g| g.org.id)),
        _ => ("系统".to_owned(), None, None),
    }
}

/// The event of a step, at the source; what it tells stands in the timeline as well.
fn event(verb: Verb, t: &Transfer) -> Event {
    Event::new(verb.event(), "transfer", t.id.0).about(t.person).at(&t.from.path).detail(
        json!({ "no": t.no, "state": t.state.code(), "from": t.from.code, "to": t.to.code }),
    )
}

/// Uses the permit up with the step's event, written for both sides.
async fn record(cx: &mut Cx, permit: Permit, verb: Verb, t: &Transfer) -> Result<()> {
    let other_side = event(verb, t).at(&t.to.path);
    cx.record(permit, event(verb, t)).await?;
    cx.note(other_side).await
}

/// Free text must not carry ID or telephone numbers into lists, messages and the book.
fn without_numbers(field: &'static str, text: &str) -> Result<()> {
    let mut run = 0;
    for c in text.chars() {
        run = if c.is_numeric() { run + 1 } else { 0 };
        if run > 6 {
            return Err(Error::field(
                field,
                "personal",
                "请不要在这里写证件号或电话号码,它们会出现在双方的列表和消息里。",
            ));
        }
    }
    Ok(())
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
