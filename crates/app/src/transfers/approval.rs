//! The other side decides: 同意 (and 分配团支部 with it), 分配, 退回. One wins when several decide at
//! once; what the losers did has no effect and they are told who was first.

use super::{Transfer, notices, read, take, undo};
use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result, access,
    business::{
        self, Matter, Turn,
        machine::{self, Party, State, Verb},
    },
    error::FieldError,
    orgs,
    people::Moved,
    rules::Rules,
};

/// Fewest characters of a return note where one is needed.
const SHORTEST_NOTE: usize = 6;
const LONGEST_NOTE: usize = 200;

/// Approves a transfer: a 转出 by the target (between branches also by its direct superior), a 转入
/// by the source or its direct superior. With `branch`, the 组织码 of one of the target's branches,
/// a V3 is allocated and done at once; without one, and always for a V4, it waits for the
/// allocation. `version` is the one that the page showed.
///
/// Errors: `Conflict` E22 (somebody was first), E27 (the days have run out); refused
/// `approver_is_starter`; `Invalid` (`branch`). When the target takes nobody in any longer the
/// transfer is returned and comes back as [`State::Rejected`].
pub async fn approve(
    cx: &mut Cx,
    no: &str,
    version: i64,
    branch: Option<&str>,
) -> Result<Transfer> {
    let mut t = read(cx, no).await?;
    let (permit, to) = leave(cx, &t, version, Verb::Approve).await?;
    if cx.visitor()?.person == t.started_by {
        return Err(Error::refused(Refusal::new("approver_is_starter", own_words(&t))));
    }
    if !takes_in(cx, &t).await? {
        return cancel(cx, permit, t).await;
    }
    let before = undo::Before::of(&t);
    let chosen = branch.map(str::trim).filter(|code| !code.is_empty());
    let chosen = chosen.filter(|_| !t.variant.comes_from_target());
    let mut moved = None;
    match (to, chosen) {
        (State::Done, _) => {
            let into = t.to.clone();
            moved = take(cx, &permit, &mut t, (Verb::Approve, to), into_branch(&into)).await?;
            notices::arrived(cx, &t, &into).await?;
        }
        (_, None) => {
            take(cx, &permit, &mut t, (Verb::Approve, to), Turn::default()).await?;
            notices::approved(cx, &t).await?;
        }
        (_, Some(code)) => {
            let into = branch_of(cx, &t, code).await?;
            take(cx, &permit, &mut t, (Verb::Approve, to), Turn::default()).await?;
            moved = settle(cx, &permit, &mut t, &into).await?;
        }
    }
    undo::note(cx, &permit, &t, before, moved).await?;
    t.record(cx, permit, Verb::Approve).await?;
    Ok(t)
}

fn own_words(t: &Transfer) -> &'static str {
    if t.variant.comes_from_target() {
        "这条转接是你自己发起的,不能由你审批。请转出组织的其他管理员或上级办理。"
    } else {
        "这条转接是你自己发起的,不能由你审批。请转入组织的其他管理员或上级办理。"
    }
}

/// Puts the person of an approved V3 or V4 into one of the target's branches.
pub async fn allocate(cx: &mut Cx, no: &str, version: i64, branch: &str) -> Result<Transfer> {
    let mut t = read(cx, no).await?;
    let (permit, _) = leave(cx, &t, version, Verb::Allocate).await?;
    let before = undo::Before::of(&t);
    let into = branch_of(cx, &t, branch.trim()).await?;
    let moved = settle(cx, &permit, &mut t, &into).await?;
    undo::note(cx, &permit, &t, before, moved).await?;
    t.record(cx, permit, Verb::Allocate).await?;
    Ok(t)
}

/// 退回 with a reason of the rules; 其他 needs a note of at least six characters. Reasons that the
/// policy forbids (missing paper file, probation) are answered with what is right instead.
pub async fn give_back(
    cx: &mut Cx,
    no: &str,
    version: i64,
    reason: &str,
    note: &str,
) -> Result<Transfer> {
    let mut t = read(cx, no).await?;
    let (permit, to) = leave(cx, &t, version, Verb::Return).await?;
    let (reason, note) = judge_return(reason.trim(), note.trim())?;
    let turn = Turn {
        return_reason: Some(reason.code.as_str()),
        return_note: Some(note),
        note: [reason.name.as_str(), note]
            .iter()
            .filter(|s| !s.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(":"),
        ..Turn::default()
    };
    take(cx, &permit, &mut t, (Verb::Return, to), turn).await?;
    notices::returned(cx, &t).await?;
    t.record(cx, permit, Verb::Return).await?;
    Ok(t)
}

/// Leave for a step, and where it leads: not too late, on the right side, of the right hand.
async fn leave(cx: &mut Cx, t: &Transfer, version: i64, verb: Verb) -> Result<(Permit, State)> {
    let acting = cx.org()?.clone();
    let parties = t.parties(&acting);
    let action =
        if verb == Verb::Allocate { Action::AllocateTransfer } else { Action::DecideTransfer };
    // First the side, so that an outsider does not learn how things stand.
    let (side, hands) = t.decider(verb);
    if !hands.iter().any(|party| parties.contains(party)) {
        return Err(access::forbidden(action));
    }
    let permit = cx.permit(action, side)?;
    business::still_open(cx, t, version, verb).await?;
    match machine::next(t.variant, t.state, verb, &parties) {
        Some(to) => Ok((permit, to)),
        None => Err(access::forbidden(action)),
    }
}

fn into_branch(branch: &OrgRef) -> Turn<'_> {
    Turn { branch: Some(branch), note: format!("编入 {}", branch.short_name), ..Turn::default() }
}

/// Allocates: the second half of "同意并分配", or all of "分配".
async fn settle(
    cx: &mut Cx,
    permit: &Permit,
    t: &mut Transfer,
    into: &OrgRef,
) -> Result<Option<Moved>> {
    let Some(to) = machine::next(t.variant, t.state, Verb::Allocate, &[Party::Target]) else {
        return Err(Error::Broken("an approved transfer can't be allocated".into()));
    };
    let moved = take(cx, permit, t, (Verb::Allocate, to), into_branch(into)).await?;
    notices::arrived(cx, t, into).await?;
    Ok(moved)
}

/// A branch of the target's subtree that takes members in.
async fn branch_of(cx: &mut Cx, t: &Transfer, code: &str) -> Result<OrgRef> {
    let wrong = |says: &str| Error::field("branch", "branch", says);
    if code.is_empty() {
        return Err(wrong("请选择要分配的团支部。"));
    }
    let found = match orgs::by_code(cx, code).await {
        Err(Error::NotFound) => return Err(wrong("没有这个团支部,可能已经撤销。请重新选择。")),
        found => found?,
    };
    let active = super::sql::is_active(cx, found.id).await?;
    match against_branch(t, &found, active) {
        Some(says) => Err(wrong(says)),
        None => Ok(found),
    }
}

/// Why the person of a transfer can't be put into this branch; `None` when she can. Judges the row
/// of a picker, the suggestion and what is submitted alike.
pub(super) fn against_branch(t: &Transfer, branch: &OrgRef, active: bool) -> Option<&'static str> {
    if !branch.category.owns_members() || !super::start::receives(branch.category) {
        return Some("只能分配到团支部。请重新选择。");
    }
    if !t.to.covers(&branch.path) {
        return Some("这个团支部不在本组织下面。请从本组织的团支部中选择。");
    }
    if branch.id == t.from.id {
        return Some("这就是原来的团支部。请选择另一个团支部，或者退回申请。");
    }
    (!active).then_some("这个团支部正在调整或已经撤销。请选择另一个团支部。")
}

/// [`against_branch`] for each of several, in their order; `NotFound` for a transfer of others.
pub async fn against_branches(
    cx: &mut Cx,
    no: &str,
    branches: &[OrgRef],
) -> Result<Vec<Option<&'static str>>> {
    let t = read(cx, no).await?;
    let active = orgs::active(cx, branches).await?;
    Ok(branches.iter().map(|b| against_branch(&t, b, active.contains(&b.id.0))).collect())
}

/// Whether the target (still) takes people in.
async fn takes_in(cx: &mut Cx, t: &Transfer) -> Result<bool> {
    let fits = super::start::receives(t.to.category) || t.variant.allocates();
    Ok(fits && super::sql::is_active(cx, t.to.id).await?)
}

/// The target takes nobody in any longer: the transfer goes back by itself (D4, race rules).
pub(super) async fn cancel(cx: &mut Cx, permit: Permit, mut t: Transfer) -> Result<Transfer> {
    cancel_under(cx, &permit, &mut t).await?;
    t.record(cx, permit, Verb::Cancel).await?;
    Ok(t)
}

/// As [`cancel`], as a part of something larger whose event the caller writes.
pub(super) async fn cancel_under(cx: &mut Cx, permit: &Permit, t: &mut Transfer) -> Result<()> {
    let Some(to) = machine::next(t.variant, t.state, Verb::Cancel, &[Party::Clock]) else {
        return Err(business::too_late(cx, t).await);
    };
    let says = format!("{}已经撤销或正在调整,不再接收转入", t.to.short_name);
    let turn = Turn {
        return_reason: Some("wrong_target"),
        return_note: Some(&says),
        note: says.clone(),
        ..Turn::default()
    };
    take(cx, permit, t, (Verb::Cancel, to), turn).await?;
    notices::returned(cx, t).await
}

fn judge_return<'a>(
    code: &str,
    note: &'a str,
) -> Result<(&'static crate::rules::transfer::ReturnReason, &'a str)> {
    let rules = &Rules::builtin().transfer;
    let Some(reason) = rules.return_reason(code) else {
        return Err(Error::field("reason", "required", "请选择退回原因,转出方会看到。"));
    };
    let length = note.chars().count();
    if reason.needs_text && length < SHORTEST_NOTE {
        return Err(Error::field(
            "note",
            "required",
            format!("请写清退回说明(至少 {SHORTEST_NOTE} 个字),让对方知道怎么改。"),
        ));
    }
    if length > LONGEST_NOTE {
        return Err(Error::field("note", "too_long", "退回说明请不超过 200 个字。"));
    }
    if let Some(says) = rules.guard_rail(note) {
        return Err(Error::Invalid(vec![FieldError::new("note", "guard_rail", says)]));
    }
    business::without_numbers("note", note)?;
    Ok((reason, note))
}
