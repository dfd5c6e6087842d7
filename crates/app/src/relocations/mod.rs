//! 组织迁移 (C8, D5): an organisation with everything below it goes under another superior. It alone
//! begins, its present and its new direct superior agree, and the last consent moves it in one
//! transaction. Also 合并 and 拆分 of direct children. Pages call the use-cases here; the clockwork
//! calls `expire_due`, `cancel_orphans` and `remind_due`.

mod clockwork;
mod decision;
mod effect;
mod list;
mod merge;
mod notices;
mod split;
mod sql;
mod start;

pub use clockwork::{cancel_orphans, expire_due, remind_due};
pub use decision::{approve, give_back};
pub use effect::{Before, Effect, effect_of};
pub use list::{Rights, Shown, by_no, list};
pub use merge::{Merged, Merging, Posts, against_pair, merge, merge_preview};
pub(crate) use merge::{merge_by_operators, merging};
pub use split::{Pick, Split, Splitting, split, split_check, split_choices};
pub use start::{Checked, New, Started, against, check, start};

use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result, Who,
    business::{
        self, Case, Matter, Subject,
        machine::{Kind, State, Verb},
    },
    clock::short_day,
    codes,
    events::Event,
    orgs::{self, Mandate, Moved},
};
use serde_json::{Value as Json, json};
use std::ops::{Deref, DerefMut};

/// A relocation as the use-cases know it: business about an organisation, from its present direct
/// superior to the new one.
#[derive(Clone, Debug)]
pub struct Relocation {
    case: Case,
    /// The organisation that moves, where it stands now.
    pub org: OrgRef,
}
impl Deref for Relocation {
    type Target = Case;
    fn deref(&self) -> &Case {
        &self.case
    }
}
impl DerefMut for Relocation {
    fn deref_mut(&mut self) -> &mut Case {
        &mut self.case
    }
}

impl Matter for Relocation {
    const KIND: Kind = Kind::Relocation;
    const DECIDE: Action = Action::DecideRelocation;
    const TAKE_BACK: Action = Action::StartRelocation;
    fn of(case: Case) -> Result<Self> {
        let Subject::Org(org) = case.subject.clone() else {
            return Err(Error::Broken("a relocation of no organisation".into()));
        };
        Ok(Self { case, org })
    }
    fn case(&self) -> &Case {
        &self.case
    }
    fn case_mut(&mut self) -> &mut Case {
        &mut self.case
    }
    /// The three organisations, and whoever stands above the one that moves.
    async fn sees(&self, cx: &mut Cx) -> Result<bool> {
        match cx.who() {
            Who::System(_) => Ok(true),
            Who::Nobody => Ok(false),
            Who::Person(_) => {
                let acting = cx.org()?.id;
                let party = [self.org.id, self.from.id, self.to.id].contains(&acting);
                Ok(party || cx.scope(Action::SeeOrg)?.holds(&self.org.path))
            }
        }
    }
    async fn unwind(&self, _: &mut Cx, _: &Permit) -> Result<()> {
        Ok(())
    }
    fn lapsed(&self) -> String {
        let end = self.deadline.map(short_day).unwrap_or_default();
        format!(
            "这笔迁移没有在期限内审批,已在 {end} 到期并自动退回,不能再办理。申请的组织可以重新提交。"
        )
    }
    fn again(&self, base: &str) -> String {
        format!("{base}/relocations/new?to={}", self.to.code)
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
        record(cx, permit, verb, self, Json::Null).await
    }
}

/// 撤销申请 by the organisation that moves, before it has ended.
pub async fn withdraw(cx: &mut Cx, no: &str, version: i64) -> Result<Relocation> {
    business::withdraw(cx, no, version).await
}

/// 催办 by the organisation that moves. Refused `urged` within 24 hours of the last one.
pub async fn urge(cx: &mut Cx, no: &str) -> Result<Relocation> {
    business::urge(cx, no).await
}

/// Moves `org` below `to` with everything that hangs on it, in the open transaction.
pub(crate) async fn carry(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    to: &OrgRef,
    mandate: Mandate,
) -> Result<Moved> {
    let moved = orgs::move_below(cx, permit, org, to, mandate).await?;
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

/// Uses the permit up with the step's event, at the place where the organisation stands; what else
/// is to be known of it goes into `more`.
async fn record(cx: &mut Cx, permit: Permit, verb: Verb, r: &Relocation, more: Json) -> Result<()> {
    let detail = json!({
        "no": r.no, "state": r.state.code(), "org": r.org.code,
        "from": r.from.code, "to": r.to.code, "moved": more,
    });
    let kind = Kind::Relocation.event(verb);
    let event = |path: &str| Event::new(kind, "relocation", r.id.0).at(path).detail(detail.clone());
    cx.record(permit, event(&r.org.path)).await?;
    let other = if verb == Verb::Approve && r.state == State::Done { &r.from } else { &r.to };
    cx.note(event(&other.path)).await
}

/// What a move carried, for the audit book (I10).
pub(crate) fn carried(moved: &Moved) -> Json {
    json!({
        "from_path": moved.from_path, "to_path": moved.org.path,
        "before": moved.before, "after": moved.after,
    })
}
