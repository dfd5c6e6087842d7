//! Where a person is, and her way from one branch to another. Transfers and imports decide; here
//! it is carried out.

use super::{PersonId, counts, person, quota, sql};
use crate::{Cx, Error, OrgRef, Permit, Refusal, Result, clock::Millis, orgs, pii::IdNumber};
use db::Rows;
use serde::{Deserialize, Serialize};
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

/// Where an ID number that is looked up was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// Typed into a form.
    Typed,
    /// In a row of an import that told already that its person is elsewhere: a class of fifty has
    /// an allowance of its own.
    InRow,
}

/// Looks up, for whoever acts, somebody of whom she has both name and ID number (A34): exact match
/// only; nobody with this number and another name are the same answer, `None`. Every question is
/// counted (security a-2): thirty a day for whoever asks, five organisations a day about one
/// person, and five misses in a row make a pause of half an hour. The caller must commit, or the
/// count is lost.
pub async fn look_up(
    cx: &mut Cx,
    permit: &Permit,
    id: &IdNumber,
    name: &str,
    met: Met,
) -> Result<std::result::Result<Found, Missed>> {
    let allowance = match met {
        Met::Typed => quota::LOOKUPS,
        Met::InRow => quota::ROWS,
    };
    quota::take(cx, permit, allowance).await?;
    quota::not_paused(cx).await?;
    let found = find_by_id_number(cx, id).await?.filter(|found| found.name == name);
    answered(cx, permit, found).await
}

/// The same about somebody whose number was typed a moment ago: now the name is.
pub async fn look_up_again(
    cx: &mut Cx,
    permit: &Permit,
    id: PersonId,
    name: &str,
) -> Result<std::result::Result<Found, Missed>> {
    quota::take(cx, permit, quota::LOOKUPS).await?;
    quota::not_paused(cx).await?;
    let row = sql::person::read(cx, id).await?.ok_or(Error::Gone)?;
    let branch = row.membership().map(|m| m.org);
    let found =
        (row.name == name).then_some(Found { person: id, code: row.code, name: row.name, branch });
    answered(cx, permit, found).await
}

/// Name and number do not belong together, or nobody has the number: not told which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// How many more misses make a pause; 0 when it has begun.
    pub left: i64,
}

async fn answered(
    cx: &mut Cx,
    permit: &Permit,
    found: Option<Found>,
) -> Result<std::result::Result<Found, Missed>> {
    match found {
        Some(found) => {
            quota::forget_misses(cx, permit).await?;
            quota::subject(cx, permit, found.person).await?;
            Ok(Ok(found))
        }
        None => Ok(Err(Missed { left: quota::missed(cx, permit).await? })),
    }
}

/// The blind indexes of an ID number under every index key.
pub(super) fn id_indexes(cx: &Cx, id: &IdNumber) -> Vec<(Vec<u8>, i64)> {
    cx.house().keys().indexes(person::ID_INDEX, id.reveal())
}

/// What a move has changed, so that it can be taken back for some minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The old branch.
    pub from: i64,
    entered_at: Millis,
    moved_at: Millis,
    /// Versions of membership and person after the move: whoever changes them afterwards closes
    /// the way back.
    version: i64,
    person_version: i64,
    /// Posts that ended with it: id, version, of a complete person.
    posts: Vec<(i64, i64, bool)>,
    /// The administrator's seat.
    seat: Option<Seat>,
    /// The mark of a graduate, until when, since when.
    mark: (Option<String>, Option<String>, Option<Millis>),
}

impl Moved {
    /// Whether she was administrator of the old branch until then.
    pub fn was_administrator(&self) -> bool {
        self.seat.is_some()
    }
}

db::row! {
    /// A seat as it was left.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct Seat {
        pub(super) slot: i64,
        pub(super) cadre: i64,
        pub(super) granted_at: i64,
        pub(super) confirmed_at: i64,
        pub(super) remind_at: i64,
    }
}

/// Brings a member into another branch (D4, on DONE): posts and the administrator's seat in the
/// old branch end, posts elsewhere stay, both sides' counters change. Returns the old branch.
/// [`Error::Conflict`] when the person is no member or was moved by somebody else meanwhile.
pub async fn move_to(cx: &mut Cx, permit: &Permit, id: PersonId, to: &OrgRef) -> Result<OrgRef> {
    Ok(move_noting(cx, permit, id, to).await?.0)
}

/// As [`move_to`]; returns as well what [`move_back`] needs.
pub async fn move_noting(
    cx: &mut Cx,
    permit: &Permit,
    id: PersonId,
    to: &OrgRef,
) -> Result<(OrgRef, Moved)> {
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
    let posts = sql::members::end_posts(cx, permit, id, &from, "组织关系转出").await?;
    let seat = sql::members::leave_seat(cx, permit, id, &from).await?;
    let done = i64::from(standing.complete);
    let came = counts::Counts { members: 1, members_done: done, ..Default::default() };
    counts::add(cx, permit, &from.path, left_behind(done, &posts)).await?;
    counts::add(cx, permit, &to.path, came).await?;
    let moved = Moved {
        from: from.id.0,
        entered_at: standing.entered_at,
        moved_at: cx.now(),
        version: standing.version + 1,
        person_version: standing.person_version,
        posts,
        seat,
        mark: (standing.graduation, standing.graduation_until, standing.graduation_at),
    };
    Ok((from, moved))
}

/// What leaves the counters of the old branch.
fn left_behind(done: i64, posts: &[(i64, i64, bool)]) -> counts::Counts {
    let complete = posts.iter().filter(|(.., complete)| *complete).count();
    counts::Counts {
        members: -1,
        members_done: -done,
        cadres: -(posts.len() as i64),
        cadres_done: -(complete as i64),
    }
}

/// Takes a move back and leaves the person 转接中: branch, posts and seat are as they were.
/// [`Error::Conflict`] `moved_on` when something has happened to the person since; the words say
/// what.
pub async fn move_back(
    cx: &mut Cx,
    permit: &Permit,
    id: PersonId,
    moved: &Moved,
    at: &OrgRef,
) -> Result<()> {
    let from = orgs::by_id(cx, orgs::OrgId(moved.from)).await?;
    orgs::hold_living(cx, &from).await?;
    let since = sql::members::since(cx, id, moved.moved_at)
        .await?
        .ok_or_else(|| moved_on("此人已不在册"))?;
    if since.person_version != moved.person_version || since.version != moved.version {
        return Err(moved_on("此人的资料或组织关系在审批之后又有了变化"));
    }
    if since.posts > 0 {
        return Err(moved_on("此人在审批之后任了新职务或免去了职务"));
    }
    if let Some(seat) = &moved.seat
        && sql::members::seat_is_taken(cx, &from, seat.slot).await?
    {
        return Err(moved_on("原团支部的管理员名额已由其他人接任"));
    }
    let posts: Rows = moved.posts.iter().map(|(id, ..)| vec![(*id).into()]).collect();
    if !posts.is_empty() && sql::members::post_is_taken(cx, &from, posts).await? {
        return Err(moved_on("此人在原团支部的职务已由其他人接任"));
    }
    let (version, entered) = (moved.version, moved.entered_at);
    let mut mark = moved.mark.clone();
    if mark.0.is_none()
        && let Some(now) = sql::members::mark_on_arrival(&from)
    {
        // The branch has become a 毕业生团组织 in these minutes.
        mark = (Some(now.to_owned()), None, Some(cx.now()));
    }
    if !sql::members::return_member(cx, permit, (id, version), &from, entered, mark).await? {
        return Err(moved_meanwhile());
    }
    for (post, version, _) in &moved.posts {
        if !sql::members::resume_post(cx, permit, *post, *version).await? {
            return Err(moved_on("此人的任职记录在审批之后又有了变化"));
        }
    }
    if let Some(seat) = &moved.seat {
        sql::members::retake_seat(cx, permit, id, &from, seat).await?;
    }
    let done = i64::from(since.complete);
    let counts::Counts { members, members_done, cadres, cadres_done } =
        left_behind(done, &moved.posts);
    let back = counts::Counts {
        members: -members,
        members_done: -members_done,
        cadres: -cadres,
        cadres_done: -cadres_done,
    };
    counts::add(cx, permit, &from.path, back).await?;
    let gone = counts::Counts { members: -1, members_done: -done, ..Default::default() };
    counts::add(cx, permit, &at.path, gone).await
}

fn moved_on(why: &str) -> Error {
    let says = format!("不能撤销:{why}。需要更正的,请为此人重新办理转接。");
    Error::conflict(Refusal::new("moved_on", says))
}

/// Marks a member of `from` as 转接中. [`Error::Conflict`] when she is so already or no longer
/// there.
pub async fn start_moving(cx: &mut Cx, permit: &Permit, id: PersonId, from: &OrgRef) -> Result<()> {
    if sql::members::start_moving(cx, permit, id, from).await? {
        Ok(())
    } else {
        Err(moved_meanwhile())
    }
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

/// The members of one branch, by pinyin, each held until the transaction ends: whoever is leaving
/// has gone, and nobody else can go.
pub async fn hold_all_of(cx: &mut Cx, permit: &Permit, branch: &OrgRef) -> Result<Vec<PersonId>> {
    sql::members::hold_all_of(cx, permit, branch).await
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
