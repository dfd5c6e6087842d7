//! Where a person is, and her way from one branch to another. Transfers and imports decide; here
//! it is carried out.

use super::{PersonId, counts, person, sql};
use crate::{Cx, Error, OrgRef, Permit, Refusal, Result, orgs, pii::IdNumber};
use db::Rows;
use std::collections::HashMap;

/// A person found by ID number.
#[derive(Clone, Debug)]
pub struct Found {
    pub person: PersonId,
    pub code: String,
    pub name: String,
    /// Her branch; `None` when she is a cadre only.
    pub branch: Option<OrgRef>,
}

/// The person with this ID number, wherever she is. What may be *told* of it is for the caller to
/// decide: that somebody exists is itself something that not everybody may learn.
pub async fn find_by_id_number(cx: &mut Cx, id: &IdNumber) -> Result<Option<Found>> {
    let found = sql::search::placed(cx, &id_indexes(cx, id)).await?;
    Ok(found.map(|row| Found {
        person: row.id,
        branch: row.branch(),
        code: row.code,
        name: row.name,
    }))
}

/// The blind indexes of an ID number under every index key.
pub(super) fn id_indexes(cx: &Cx, id: &IdNumber) -> Vec<(Vec<u8>, i64)> {
    cx.house().keys().indexes(person::ID_INDEX, id.reveal())
}

/// Brings a member into another branch (D4, on DONE): posts and the administrator's seat in the
/// old branch end, posts elsewhere stay, both sides' counters change. Returns the old branch.
/// [`Error::Conflict`] when the person is no member or was moved by somebody else meanwhile.
pub async fn move_to(cx: &mut Cx, permit: &Permit, id: PersonId, to: &OrgRef) -> Result<OrgRef> {
    let standing = sql::members::standing(cx, id).await?.ok_or_else(not_a_member)?;
    let from = standing.branch().ok_or_else(not_a_member)?;
    // A branch that is closed at this moment takes nobody in (security 27).
    orgs::hold_living(cx, to).await?;
    if !to.category.owns_members() || from.id == to.id {
        return Err(Error::refused(Refusal::new("E11", "团员只能转入另一个团支部,请重新选择。")));
    }
    if !sql::members::move_member(cx, permit, id, standing.version, to).await? {
        return Err(moved_meanwhile());
    }
    // First the post, then the seat: whoever gives her a seat at the same moment holds the post's row
    // and is seen here, or comes later and finds the post ended.
    let ended = sql::members::end_posts(cx, permit, id, &from, "组织关系转出").await?;
    sql::members::leave_seat(cx, permit, id, &from).await?;
    let done = i64::from(standing.complete);
    let left = counts::Counts {
        members: -1,
        members_done: -done,
        cadres: -(ended.len() as i64),
        cadres_done: -(ended.iter().filter(|complete| **complete).count() as i64),
    };
    counts::add(cx, permit, &from.path, left).await?;
    let came = counts::Counts { members: 1, members_done: done, ..Default::default() };
    counts::add(cx, permit, &to.path, came).await?;
    Ok(from)
}

/// Somebody whom [`move_these`] brought to another branch.
#[derive(Clone, Debug)]
pub struct Brought {
    pub person: PersonId,
    pub name: String,
}

/// Brings those of these people who still are members of `from` into `to`, whatever their business:
/// for a branch that is closed or comes back. Statements for the whole set, thousands at once; both
/// sides' counters follow. Posts are the caller's.
pub async fn move_these(
    cx: &mut Cx,
    permit: &Permit,
    from: &OrgRef,
    to: &OrgRef,
    ids: &[PersonId],
) -> Result<Vec<Brought>> {
    let mut brought = Vec::with_capacity(ids.len());
    let mut done = 0;
    for piece in ids.chunks(5000) {
        let rows = piece.iter().map(|id| vec![(*id).into()]).collect();
        for (person, name, complete) in
            sql::members::move_members(cx, permit, from, to, rows).await?
        {
            done += i64::from(complete);
            brought.push(Brought { person, name });
        }
    }
    let members = brought.len() as i64;
    let came = counts::Counts { members, members_done: done, ..Default::default() };
    let left = counts::Counts { members: -members, members_done: -done, ..Default::default() };
    counts::add(cx, permit, &from.path, left).await?;
    counts::add(cx, permit, &to.path, came).await?;
    Ok(brought)
}

/// The members of one branch, by pinyin.
pub async fn ids_of(cx: &mut Cx, branch: &OrgRef) -> Result<Vec<PersonId>> {
    sql::members::ids_of(cx, branch).await
}

/// How many members a branch has, counted to `most`.
pub async fn count_of(cx: &mut Cx, branch: &OrgRef, most: i64) -> Result<i64> {
    sql::members::count_of(cx, branch, most).await
}

/// Marks a member as 转接中, or as no longer so. [`Error::Conflict`] when that is so already.
pub async fn set_moving(cx: &mut Cx, permit: &Permit, id: PersonId, moving: bool) -> Result<()> {
    let status = if moving { "moving" } else { "active" };
    if sql::members::mark_moving(cx, permit, id, status).await? {
        Ok(())
    } else {
        Err(moved_meanwhile())
    }
}

/// Why a person that was entered stays when the entry is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// No longer there.
    Gone,
    /// In another branch by now.
    Moved,
    /// Her data were changed since.
    Edited,
    /// A transfer was begun.
    InTransfer,
    /// She has signed in.
    HasAccount,
    /// She is an administrator or observer.
    HasRight,
    /// She has got another post.
    HasPost,
    /// She has got messages.
    HasMessage,
}
impl Kept {
    /// The reason on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Gone => "已不在系统中",
            Self::Moved => "已转到其他团支部",
            Self::Edited => "导入后资料有修改",
            Self::InTransfer => "已办理组织关系转接",
            Self::HasAccount => "本人已登录使用",
            Self::HasRight => "已任管理员或观察员",
            Self::HasPost => "导入后任职有变动",
            Self::HasMessage => "已有业务消息",
        }
    }
}

/// Takes back entries into one organisation, leaving out whatever has been used since; returns who
/// was left and why. The counters follow; the caller writes the event.
pub async fn remove_many(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    ids: &[PersonId],
) -> Result<Vec<(PersonId, Kept)>> {
    let rows: Rows = ids.iter().map(|id| vec![(*id).into()]).collect();
    let traces = sql::members::traces(cx, org, rows).await?;
    let by_id: HashMap<i64, _> = traces.into_iter().map(|t| (t.id, t)).collect();
    let mut kept = Vec::new();
    let mut going: Rows = Vec::new();
    let mut counts = counts::Counts::default();
    for id in ids {
        let Some(trace) = by_id.get(&id.0) else {
            kept.push((*id, Kept::Gone));
            continue;
        };
        if let Some(why) = why_kept(trace, org) {
            kept.push((*id, why));
            continue;
        }
        let member = i64::from(trace.member_org.is_some());
        let done = i64::from(trace.complete);
        counts.members -= member;
        counts.members_done -= member * done;
        counts.cadres -= trace.posts_here;
        counts.cadres_done -= trace.posts_here * done;
        going.push(vec![(*id).into()]);
    }
    sql::members::remove(cx, permit, &going).await?;
    counts::add(cx, permit, &org.path, counts).await?;
    Ok(kept)
}

/// Who of these would be left, and why, if the entries were taken back now; changes nothing.
pub async fn would_stay(
    cx: &mut Cx,
    org: &OrgRef,
    ids: &[PersonId],
) -> Result<Vec<(PersonId, Kept)>> {
    let rows: Rows = ids.iter().map(|id| vec![(*id).into()]).collect();
    let traces = sql::members::traces(cx, org, rows).await?;
    let by_id: HashMap<i64, _> = traces.into_iter().map(|t| (t.id, t)).collect();
    let stays = |id: &PersonId| match by_id.get(&id.0) {
        None => Some((*id, Kept::Gone)),
        Some(trace) => why_kept(trace, org).map(|why| (*id, why)),
    };
    Ok(ids.iter().filter_map(stays).collect())
}

fn why_kept(trace: &sql::members::Trace, org: &OrgRef) -> Option<Kept> {
    let moved = trace.member_org.is_some_and(|id| id != org.id.0);
    let edited = trace.person_version > 1 || trace.member_version.is_some_and(|v| v > 1);
    [
        (trace.has_transfer, Kept::InTransfer),
        (moved, Kept::Moved),
        (trace.has_account, Kept::HasAccount),
        (trace.has_right, Kept::HasRight),
        (trace.posts_changed > 0, Kept::HasPost),
        (edited, Kept::Edited),
        (trace.has_message, Kept::HasMessage),
    ]
    .into_iter()
    .find(|(holds, _)| *holds)
    .map(|(_, why)| why)
}

fn not_a_member() -> Error {
    Error::conflict(Refusal::new("E17", "此人当前没有在册团员身份,不能转接。"))
}

fn moved_meanwhile() -> Error {
    Error::conflict(Refusal::new(
        "E22",
        "此人的组织关系刚刚被其他人改动,你的操作未生效。请刷新后再看。",
    ))
}
