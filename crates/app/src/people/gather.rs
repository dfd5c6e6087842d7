//! Everybody of one organisation, or some of them, into another: for merging and splitting. Whoever
//! calls has judged it and writes the event; the counters follow here.

use super::{PersonId, counts::Counts, counts::add, sql};
use crate::{Cx, OrgRef, Permit, Result};
use db::Rows;

/// All members of a branch go into another one; returns how many.
pub(crate) async fn move_all(
    cx: &mut Cx,
    permit: &Permit,
    from: &OrgRef,
    to: &OrgRef,
) -> Result<i64> {
    let moved = sql::gather::all(cx, permit, from, to).await?;
    moved_on(cx, permit, from, to, &moved).await
}

/// Some members of a branch go into another one; returns how many went. Whoever is 转接中 stays.
pub(crate) async fn move_some(
    cx: &mut Cx,
    permit: &Permit,
    ids: &[PersonId],
    from: &OrgRef,
    to: &OrgRef,
) -> Result<i64> {
    let rows: Rows = ids.iter().map(|id| vec![(*id).into()]).collect();
    let moved = sql::gather::some(cx, permit, from, to, rows).await?;
    moved_on(cx, permit, from, to, &moved).await
}

async fn moved_on(
    cx: &mut Cx,
    permit: &Permit,
    from: &OrgRef,
    to: &OrgRef,
    moved: &[bool],
) -> Result<i64> {
    let (members, members_done) = (count(moved.len()), count(moved.iter().filter(|c| **c).count()));
    let left = Counts { members: -members, members_done: -members_done, ..Counts::default() };
    add(cx, permit, &from.path, left).await?;
    let came = Counts { members, members_done, ..Counts::default() };
    add(cx, permit, &to.path, came).await?;
    Ok(members)
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Ends every post and seat in an organisation; returns how many posts.
pub(crate) async fn end_posts(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    reason: &str,
) -> Result<i64> {
    sql::gather::leave_seats(cx, permit, org).await?;
    let ended = sql::gather::end_posts(cx, permit, org, reason).await?;
    ended_there(cx, permit, org, &ended).await
}

/// Ends the posts and seats of some people in an organisation; returns how many posts.
pub(crate) async fn end_posts_of(
    cx: &mut Cx,
    permit: &Permit,
    ids: &[PersonId],
    org: &OrgRef,
    reason: &str,
) -> Result<i64> {
    let mut ended = Vec::new();
    for id in ids {
        sql::members::leave_seat(cx, permit, *id, org).await?;
        let posts = sql::members::end_posts(cx, permit, *id, org, reason).await?;
        ended.extend(posts.into_iter().map(|(_, _, complete)| complete));
    }
    ended_there(cx, permit, org, &ended).await
}

async fn ended_there(cx: &mut Cx, permit: &Permit, org: &OrgRef, ended: &[bool]) -> Result<i64> {
    let (all, done) = (count(ended.len()), count(ended.iter().filter(|c| **c).count()));
    add(cx, permit, &org.path, Counts { cadres: -all, cadres_done: -done, ..Counts::default() })
        .await?;
    Ok(all)
}

/// Whoever holds a post in `from` gets the same in `to`, a 书记 that of a 副书记; whoever has one
/// there keeps it. To be called before the posts in `from` are ended; returns how many were given.
pub(crate) async fn carry_posts(
    cx: &mut Cx,
    permit: &Permit,
    from: &OrgRef,
    to: &OrgRef,
) -> Result<i64> {
    let posts = sql::gather::posts(cx, from, to).await?;
    let mut given = Counts::default();
    let rows: Rows = posts
        .into_iter()
        .map(|p| {
            given.cadres += 1;
            given.cadres_done += i64::from(p.complete);
            let post = if p.post == "书记" { "副书记".to_owned() } else { p.post };
            vec![
                cx.new_id().into(),
                p.person_id.into(),
                p.name.into(),
                p.name_py.into(),
                post.into(),
                p.since.into(),
                p.nature.into(),
                p.in_party_committee.into(),
                p.complete.into(),
            ]
        })
        .collect();
    sql::entry::cadres(cx, permit, to, None, rows).await?;
    let all = given.cadres;
    add(cx, permit, &to.path, given).await?;
    Ok(all)
}
