//! The superiors decide, the mover takes back. The last consent moves the subtree in the same
//! transaction, judged once more on the locked tree: whatever happened meanwhile, no circle.

use super::{Relocation, carried, carry, notices, record};
use crate::{
    Action, Cx, Error, Permit, Refusal, Result, access,
    business::{
        self, Matter, Turn,
        machine::{self, Party, State, Verb},
        take,
    },
    orgs::{self, Mandate},
};

const SHORTEST_NOTE: usize = 6;
const LONGEST_NOTE: usize = 200;

/// Consents for the organisation acted for. Errors: `Conflict` E22 (somebody was first), E27 (the
/// days have run out), or what stands against the move by now (`org_…`); refused
/// `approver_is_starter`. When one of the organisations is no more, it goes back by itself and comes
/// back as [`State::Rejected`].
pub async fn approve(cx: &mut Cx, no: &str, version: i64) -> Result<Relocation> {
    let acting = cx.org()?.clone();
    let first: Relocation = business::read(cx, no).await?;
    let permit = side(cx, &first, &acting)?;
    orgs::lock_tree(cx, &permit).await?;
    let mut r: Relocation = business::read(cx, no).await?;
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
    if let Some(against) = orgs::against_moving(cx, &r.org, &r.to, Mandate::Own).await? {
        let says = format!("现在不能同意:{}可以退回申请,请对方处理后重新提交。", against.message);
        let org = cx.org()?;
        let refusal = Refusal::new(&against.code, says).way("查看", r.href(org));
        return Err(Error::conflict(refusal));
    }
    take(cx, &permit, &mut r, (Verb::Approve, to), Turn::default()).await?;
    if to != State::Done {
        notices::passed_on(cx, &r).await?;
        r.record(cx, permit, Verb::Approve).await?;
        return Ok(r);
    }
    let moved = carry(cx, &permit, &r.org, &r.to, Mandate::Own).await?;
    r.org = moved.org.clone();
    notices::done(cx, &r, &moved.after).await?;
    record(cx, permit, Verb::Approve, &r, carried(&moved)).await?;
    Ok(r)
}

/// 退回 with a reason of at least six characters, which the mover sees.
pub async fn give_back(cx: &mut Cx, no: &str, version: i64, note: &str) -> Result<Relocation> {
    let acting = cx.org()?.clone();
    let mut r: Relocation = business::read(cx, no).await?;
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
    business::without_numbers("note", note)?;
    let turn = Turn { return_note: Some(note), note: note.to_owned(), ..Turn::default() };
    take(cx, &permit, &mut r, (Verb::Return, to), turn).await?;
    notices::returned(cx, &r, &acting.short_name).await?;
    r.record(cx, permit, Verb::Return).await?;
    Ok(r)
}

/// Leave for one of the two superiors.
fn side(cx: &mut Cx, r: &Relocation, acting: &crate::OrgRef) -> Result<Permit> {
    if ![r.from.id, r.to.id].contains(&acting.id) {
        let why = format!(
            "组织迁移由原上级“{}”和新上级“{}”审批，“{}”不能代办。",
            r.from.short_name, r.to.short_name, acting.short_name
        );
        return Err(access::forbidden_because(Action::DecideRelocation, why));
    }
    cx.permit(Action::DecideRelocation, acting)
}

/// Where a decision leads: not too late, of the right hand, not past its day.
async fn still_open(cx: &mut Cx, r: &Relocation, version: i64, verb: Verb) -> Result<State> {
    business::still_open(cx, r, version, verb).await?;
    r.next(verb, cx.org()?).ok_or_else(|| {
        let holder = r.holder().map_or("另一个上级", |o| o.short_name.as_str());
        let why = format!("现在由“{holder}”审批，还没有轮到本组织。轮到时会收到消息。");
        access::forbidden_because(Action::DecideRelocation, why)
    })
}

/// Why the request is about organisations that are no longer so; asked under the tree's lock.
pub(super) async fn no_longer_whole(cx: &mut Cx, r: &Relocation) -> Result<Option<String>> {
    for org in [&r.org, &r.from, &r.to] {
        if !super::sql::is_active(cx, org.id).await? {
            return Ok(Some(format!("“{}”已经撤销或正在调整", org.short_name)));
        }
    }
    let above = orgs::parent_path(&r.org.path).unwrap_or_default();
    if above != r.from.path {
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
    let Some(to) = machine::next(r.variant, r.state, Verb::Cancel, &[Party::Clock]) else {
        return Err(business::too_late(cx, &r).await);
    };
    let turn = Turn { return_note: Some(says), note: says.to_owned(), ..Turn::default() };
    take(cx, &permit, &mut r, (Verb::Cancel, to), turn).await?;
    notices::returned(cx, &r, "系统").await?;
    r.record(cx, permit, Verb::Cancel).await?;
    Ok(r)
}
