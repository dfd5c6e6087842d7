//! 组织迁移 (C8, D5): an organisation with everything below it goes under another superior. It alone
//! begins, its present and its new direct superior agree, and the last consent moves it in one
//! transaction. Also 合并 and 拆分 of direct children. Pages call the use-cases here; the clockwork
//! calls `expire_due`, `cancel_orphans` and `remind_due`.

mod clockwork;
mod decision;
mod effect;
mod list;
/// Steps and who may take them, as data.
pub mod machine;
mod merge;
mod notices;
mod split;
mod sql;
mod start;

pub use clockwork::{cancel_orphans, expire_due, remind_due};
pub use decision::{approve, give_back, withdraw};
pub use effect::{Before, Effect, effect_of};
pub use list::{Line, Page, Rights, Shown, by_no, list, waiting};
pub use merge::{Merged, Merging, Posts, merge, merge_preview};
pub(crate) use merge::{merge_by_operators, merging};
pub use split::{Pick, Split, Splitting, split, split_check, split_choices};
pub use sql::Step;
pub use start::{Checked, New, Started, check, start};

use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result, Who,
    clock::{Millis, beijing, day},
    codes,
    events::Event,
    orgs::{self, Mandate, Moved, OrgId},
    people::PersonId,
    rules::Rules,
    transfers,
};
use machine::{Party, State, Verb};
use serde_json::{Value as Json, json};

db::id!(
    /// A relocation.
    RelocationId
);

/// A relocation as the use-cases know it.
#[derive(Clone, Debug)]
pub struct Relocation {
    pub id: RelocationId,
    /// 业务编号.
    pub no: String,
    /// Grows with every step; forms carry it.
    pub version: i64,
    pub state: State,
    /// The organisation that moves, where it stands now.
    pub org: OrgRef,
    pub old_parent: OrgRef,
    pub new_parent: OrgRef,
    pub started_by: PersonId,
    pub starter_name: String,
    pub reason: String,
    /// The end of the last day of the present step.
    pub deadline: Option<Millis>,
    pub waits_for: Option<OrgId>,
    pub return_note: Option<String>,
    pub created_at: Millis,
    pub ended_at: Option<Millis>,
}

impl Relocation {
    /// What an organisation is to it (security 29: computed, never posted).
    pub fn parties(&self, acting: &OrgRef) -> Vec<Party> {
        [
            (&self.org, Party::Mover),
            (&self.old_parent, Party::OldParent),
            (&self.new_parent, Party::NewParent),
        ]
        .into_iter()
        .filter(|(org, _)| org.id == acting.id)
        .map(|(_, party)| party)
        .collect()
    }
    /// The organisation in whose hands it is.
    pub fn holder(&self) -> Option<&OrgRef> {
        [&self.old_parent, &self.new_parent].into_iter().find(|o| Some(o.id) == self.waits_for)
    }
    /// Calendar days left until the deadline, today not counted.
    pub fn days_left(&self, now: Millis) -> Option<i64> {
        self.deadline.map(|end| transfers::machine::days_since(now, end))
    }
    /// Its page for somebody who acts for `org`.
    pub fn href(&self, org: &OrgRef) -> String {
        format!("/o/{}/r/{}", org.code, self.no)
    }
}

/// How many relocations wait for the organisation acted for, counted to 100 at most.
pub async fn count_waiting(cx: &mut Cx) -> Result<i64> {
    let org = cx.org()?.id;
    sql::count_waiting(cx, org).await
}

/// Moves `org` below `to` with everything that hangs on it, in the open transaction. The rooms that
/// keep copies of paths without a foreign key are told here.
pub(crate) async fn carry(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    to: &OrgRef,
    mandate: Mandate,
) -> Result<Moved> {
    let moved = orgs::move_below(cx, permit, org, to, mandate).await?;
    transfers::repath(cx, permit, &moved.org.path).await?;
    // Codes that the former superior gave out don't make administrators under the new one.
    codes::revoke_all(cx, permit, &moved.org).await?;
    Ok(moved)
}

/// As [`carry`], between provinces as well and without anybody's consent but that of two operators.
pub(crate) async fn carry_across(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    to: &OrgRef,
) -> Result<Moved> {
    orgs::lock_tree(cx, permit).await?;
    if let Some(no) = open_on(cx, org).await? {
        let says = format!("这个组织或它的上下级正在办理组织迁移({no}),请先撤销或退回。");
        return Err(Error::conflict(Refusal::new("relocation_open", says)));
    }
    carry(cx, permit, org, to, Mandate::Operators).await
}

/// The number of an open relocation of an organisation, above or below it.
pub(crate) async fn open_on(cx: &mut Cx, org: &OrgRef) -> Result<Option<String>> {
    sql::open_on(cx, &org.path).await
}

/// The relocation with this number, if whoever acts is a party of it, or it lies in her scope.
async fn read(cx: &mut Cx, no: &str) -> Result<Relocation> {
    let r = sql::by_no(cx, no).await?.ok_or(Error::NotFound)?.read()?;
    let sees = match cx.who() {
        Who::System(_) => true,
        Who::Nobody => false,
        Who::Person(_) => {
            let acting = cx.org()?.clone();
            let scope = cx.scope(Action::SeeOrg)?;
            !r.parties(&acting).is_empty() || scope.holds(&r.org.path)
        }
    };
    if sees { Ok(r) } else { Err(Error::NotFound) }
}

/// What one step brings with it.
#[derive(Default)]
struct Turn<'a> {
    return_note: Option<&'a str>,
    /// What stands in the timeline.
    note: String,
}

/// Takes one step: the row and the timeline. The caller writes messages and the event.
async fn take(
    cx: &mut Cx,
    permit: &Permit,
    r: &mut Relocation,
    (verb, to): (Verb, State),
    turn: Turn<'_>,
) -> Result<()> {
    let at = standing(cx, to, &r.old_parent, &r.new_parent)?;
    if !sql::step_to(cx, permit, r, at, turn.return_note).await? {
        return Err(too_late(cx, r).await);
    }
    sql::add_step(cx, permit, r.id, verb.code(), to, &turn.note).await?;
    r.version += 1;
    r.state = to;
    r.deadline = at.deadline;
    r.waits_for = at.waits_for;
    r.return_note = turn.return_note.map(str::to_owned);
    r.ended_at = to.ended().then(|| cx.now());
    Ok(())
}

/// In whose hands it comes with a state, and until when.
fn standing(cx: &Cx, state: State, old: &OrgRef, new: &OrgRef) -> Result<sql::Standing> {
    let holder = match machine::waits(state) {
        Some(Party::OldParent) => old.id,
        Some(_) => new.id,
        None => {
            return Ok(sql::Standing { state, waits_for: None, deadline: None, remind_at: None });
        }
    };
    let step = Rules::builtin()
        .transfer
        .step(machine::STEP)
        .ok_or_else(|| Error::Broken("the rules don't know the step of relocations".into()))?;
    let now = cx.now();
    Ok(sql::Standing {
        state,
        waits_for: Some(holder),
        deadline: transfers::machine::deadline(step, now),
        remind_at: transfers::machine::next_reminder(step, now, now),
    })
}

/// E22: who was first, when, and what she did.
async fn too_late(cx: &mut Cx, r: &Relocation) -> Error {
    let steps = match sql::steps(cx, r.id).await {
        Ok(steps) => steps,
        Err(e) => return e,
    };
    let said = steps.last().map_or_else(
        || "这条申请的状态已经变了,你的操作未生效。".to_owned(),
        |step| {
            let (did, time) = (Verb::did(&step.verb), short_time(step.at, cx.now()));
            format!("{} 已在 {time} 办理了这一条({did}),你的操作未生效。", step.actor)
        },
    );
    Error::conflict(links(cx, Refusal::new("E22", said), r))
}

fn links(cx: &Cx, refusal: Refusal, r: &Relocation) -> Refusal {
    match cx.org() {
        Ok(org) => {
            refusal.way("看结果", r.href(org)).way("操作中心", format!("/o/{}/inbox", org.code))
        }
        Err(_) => refusal,
    }
}

/// `10:21` today, `6月12日 10:21` on another day.
fn short_time(at: Millis, now: Millis) -> String {
    let time = beijing(at).strftime("%H:%M");
    if day(at) == day(now) { time.to_string() } else { format!("{} {time}", short_day(at)) }
}

/// `6月12日`.
fn short_day(at: Millis) -> String {
    let z = beijing(at);
    format!("{}月{}日", z.month(), z.day())
}

/// Uses the permit up with the step's event, at the place where the organisation stands; what else
/// is to be known of it goes into `more`.
async fn record(cx: &mut Cx, permit: Permit, verb: Verb, r: &Relocation, more: Json) -> Result<()> {
    let detail = json!({
        "no": r.no, "state": r.state.code(), "org": r.org.code,
        "from": r.old_parent.code, "to": r.new_parent.code, "moved": more,
    });
    let event =
        |path: &str| Event::new(verb.event(), "relocation", r.id.0).at(path).detail(detail.clone());
    cx.record(permit, event(&r.org.path)).await?;
    let other =
        if verb == Verb::Approve && r.state == State::Done { &r.old_parent } else { &r.new_parent };
    cx.note(event(&other.path)).await
}

/// What a move carried, for the audit book (I10).
pub(crate) fn carried(moved: &Moved) -> Json {
    json!({
        "from_path": moved.from_path, "to_path": moved.org.path,
        "before": moved.before, "after": moved.after,
    })
}
