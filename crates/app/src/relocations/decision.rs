//! The superiors decide, the mover takes back. The last consent moves the subtree in the same
//! transaction, judged once more on the locked tree: whatever happened meanwhile, no circle.

use super::{
    Relocation, Turn, carried, carry, links, machine, notices, read, record, start, take, too_late,
};
use crate::{
    Action, Cx, Error, Permit, Refusal, Result, access,
    orgs::{self, Mandate},
};
use machine::{Party, State, Verb};
use serde_json::Value as Json;

const SHORTEST_NOTE: usize = 6;
const LONGEST_NOTE: usize = 200;

/// Consents for the organisation acted for. Errors: `Conflict` E22 (somebody was first), E27 (the
/// days have run out), or what stands against the move by now (`org_…`); refused
/// `approver_is_starter`. When one of the organisations is no more, it goes back by itself and comes
/// back as [`State::Rejected`].
pub async fn approve(cx: &mut Cx, no: &str, version: i64) -> Result<Relocation> {
    let acting = cx.org()?.clone();
    let first = read(cx, no).await?;
    let permit = side(cx, &first, &acting)?;
    orgs::lock_tree(cx, &permit).await?;
    let mut r = read(cx, no).await?;
    let to = still_open(cx, &r, version, Verb::Approve).await?;
    if cx.visitor()?.person == r.started_by {
        return Err(Error::refused(Refusal::new(
            "approver_is_starter",
            "这笔迁移是你自己发起的,不能由你审批。请本组织的其他管理员办理。",
        )));
    }
    if let Some(says) = no_longer_whole(cx, &r).await? {
        return cancel(cx, permit, r, &says).await;
    }
    if let Some(against) = orgs::against_moving(cx, &r.org, &r.new_parent, Mandate::Own).await? {
        let says = format!("现在不能同意:{}可以退回申请,请对方处理后重新提交。", against.message);
        return Err(Error::conflict(links(cx, Refusal::new(&against.code, says), &r)));
    }
    take(cx, &permit, &mut r, (Verb::Approve, to), Turn::default()).await?;
    if to != State::Done {
        notices::passed_on(cx, &r).await?;
        record(cx, permit, Verb::Approve, &r, Json::Null).await?;
        return Ok(r);
    }
    let moved = carry(cx, &permit, &r.org, &r.new_parent, Mandate::Own).await?;
    r.org = moved.org.clone();
    notices::done(cx, &r, &moved.after).await?;
    record(cx, permit, Verb::Approve, &r, carried(&moved)).await?;
    Ok(r)
}

/// 退回 with a reason of at least six characters, which the mover sees.
pub async fn give_back(cx: &mut Cx, no: &str, version: i64, note: &str) -> Result<Relocation> {
    let acting = cx.org()?.clone();
    let mut r = read(cx, no).await?;
    let permit = side(cx, &r, &acting)?;
    let to = still_open(cx, &r, version, Verb::Return).await?;
    let note = note.trim();
    let length = note.chars().count();
    if !(SHORTEST_NOTE..=LONGEST_NOTE).contains(&length) {
        return Err(Error::field(
            "note",
            "required",
            "请写清退回原因(6 至 200 个字),申请的组织会看到。",
        ));
    }
    start::without_numbers("note", note)?;
    let turn = Turn { return_note: Some(note), note: note.to_owned() };
    take(cx, &permit, &mut r, (Verb::Return, to), turn).await?;
    notices::returned(cx, &r, &acting.short_name).await?;
    record(cx, permit, Verb::Return, &r, Json::Null).await?;
    Ok(r)
}

/// 撤销申请 by the mover, before it has ended. `Conflict` E22 when it has ended or gone on.
pub async fn withdraw(cx: &mut Cx, no: &str, version: i64) -> Result<Relocation> {
    let mut r = read(cx, no).await?;
    let acting = cx.org()?.clone();
    let parties = r.parties(&acting);
    if !parties.contains(&Party::Mover) {
        return Err(access::forbidden(Action::StartRelocation));
    }
    let permit = cx.permit(Action::StartRelocation, &acting)?;
    let to = machine::next(r.state, Verb::Withdraw, &parties).filter(|_| r.version == version);
    let Some(to) = to else { return Err(too_late(cx, &r).await) };
    let held = r.holder().cloned();
    take(cx, &permit, &mut r, (Verb::Withdraw, to), Turn::default()).await?;
    notices::withdrawn(cx, &r, held.as_ref()).await?;
    record(cx, permit, Verb::Withdraw, &r, Json::Null).await?;
    Ok(r)
}

/// Leave for one of the two superiors.
fn side(cx: &mut Cx, r: &Relocation, acting: &crate::OrgRef) -> Result<Permit> {
    let parties = r.parties(acting);
    if !parties.contains(&Party::OldParent) && !parties.contains(&Party::NewParent) {
        return Err(access::forbidden(Action::DecideRelocation));
    }
    cx.permit(Action::DecideRelocation, acting)
}

/// Where a decision leads: not too late, of the right hand, not past its day.
async fn still_open(cx: &mut Cx, r: &Relocation, version: i64, verb: Verb) -> Result<State> {
    if r.version != version || !machine::is_open_to(r.state, verb) {
        return Err(too_late(cx, r).await);
    }
    let parties = r.parties(&cx.org()?.clone());
    let Some(to) = machine::next(r.state, verb, &parties) else {
        return Err(access::forbidden(Action::DecideRelocation));
    };
    if r.deadline.is_some_and(|end| end < cx.now()) {
        let end = r.deadline.map(super::short_day).unwrap_or_default();
        let says = format!(
            "这笔迁移没有在期限内审批,已在 {end} 到期并自动退回,不能再办理。申请的组织可以重新提交。"
        );
        return Err(Error::conflict(links(cx, Refusal::new("E27", says), r)));
    }
    Ok(to)
}

/// Why the request is about organisations that are no longer so; asked under the tree's lock.
pub(super) async fn no_longer_whole(cx: &mut Cx, r: &Relocation) -> Result<Option<String>> {
    for org in [&r.org, &r.old_parent, &r.new_parent] {
        if !super::sql::is_active(cx, org.id).await? {
            return Ok(Some(format!("“{}”已经撤销或正在调整", org.short_name)));
        }
    }
    let above = orgs::parent_path(&r.org.path).unwrap_or_default();
    if above != r.old_parent.path {
        return Ok(Some(format!("“{}”的上级已经变了", r.org.short_name)));
    }
    Ok(None)
}

/// It goes back by itself.
pub(super) async fn cancel(
    cx: &mut Cx,
    permit: Permit,
    mut r: Relocation,
    says: &str,
) -> Result<Relocation> {
    let Some(to) = machine::next(r.state, Verb::Cancel, &[Party::Clock]) else {
        return Err(too_late(cx, &r).await);
    };
    let turn = Turn { return_note: Some(says), note: says.to_owned() };
    take(cx, &permit, &mut r, (Verb::Cancel, to), turn).await?;
    notices::returned(cx, &r, "系统").await?;
    record(cx, permit, Verb::Cancel, &r, Json::Null).await?;
    Ok(r)
}
