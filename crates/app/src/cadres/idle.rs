//! An administrator's right that nobody uses rests (a-24, security 24): told two weeks before, then
//! suspended, never ended. The post and the seat stay; the superior, a fellow administrator, or she
//! herself while the superior's yearly confirmation counts, gives it back with one click.

use super::{Seat, admins, notices, rights, seats, sql};
use crate::{
    Action, Cx, Error, House, OrgRef, Refusal, Result, Who, act,
    clock::{DAY, Millis, say_day, show_day},
    events::{self, Event},
    messages::{self, Message, To},
    orgs::{self, OrgId},
    people::PersonId,
    rules::Rules,
};
use serde_json::json;
use std::collections::BTreeMap;

const PIECE: i64 = 200;

/// A right of one's own that rests.
#[derive(Clone, Debug)]
pub struct Resting {
    pub org_code: String,
    pub org_name: String,
    pub since: Millis,
    /// She may take it up again herself; otherwise the superior or a fellow administrator.
    pub own_way: bool,
}

/// Seats that are due are looked at: told of, suspended, or put off because they were used.
/// Returns how many were suspended. For the clockwork.
pub async fn rest_unused(house: &House) -> Result<u64> {
    let mut suspended = 0;
    loop {
        let (looked, rested) = act!(house, Who::System("idle"), |cx| piece(cx).await)?;
        suspended += rested;
        if looked < PIECE {
            return Ok(suspended);
        }
    }
}

/// What a look at a seat comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Used since: looked at again then.
    Later(Millis),
    /// Told of, and suspended then.
    Warn(Millis),
    Suspend,
}

/// The pure rule. `last`: the last use; `warned`: when she was told.
fn turn(last: Millis, warned: Option<Millis>, now: Millis) -> Turn {
    let policy = &Rules::builtin().policy.cadres;
    let (idle, notice) = (policy.idle_days * DAY, policy.idle_notice_days * DAY);
    match warned.filter(|warned| *warned >= last) {
        Some(_) if now >= last + idle => Turn::Suspend,
        Some(_) => Turn::Later(last + idle),
        None if now >= last + idle - notice => Turn::Warn((last + idle).max(now + notice)),
        None => Turn::Later(last + idle - notice),
    }
}

async fn piece(cx: &mut Cx) -> Result<(i64, u64)> {
    let permit = cx.permit_system(Action::RunSystem)?;
    let due = sql::idle_due(cx, PIECE).await?;
    let (looked, now) = (due.len() as i64, cx.now());
    let (mut rows, mut warned, mut rested) = (Vec::new(), Vec::new(), Vec::new());
    for seat in due {
        let last = seat.granted_at.max(seat.confirmed_at).max(seat.used_at).max(seat.signed_in_at);
        match turn(last, seat.warned_at, now) {
            Turn::Later(at) => {
                let warned = seat.warned_at.filter(|warned| *warned >= last);
                rows.push(seat.later(at, warned));
            }
            Turn::Warn(at) => {
                rows.push(seat.later(at, Some(now)));
                warned.push((seat, at));
            }
            // Nobody stands above the centre who could give it back.
            Turn::Suspend if seat.parent_id.is_none() => {
                let at = now + Rules::builtin().policy.cadres.idle_notice_days * DAY;
                rows.push(seat.later(at, seat.warned_at));
            }
            Turn::Suspend => rested.push(seat),
        }
    }
    sql::look_again(cx, &permit, rows).await?;
    sql::suspend(cx, &permit, rested.iter().map(sql::IdleSeat::key).collect()).await?;
    tell_warned(cx, &warned).await?;
    tell_rested(cx, &rested).await?;
    let event = |kind, s: &sql::IdleSeat| {
        Event::new(kind, "org", s.org_id)
            .about(PersonId(s.person_id))
            .at(&s.path)
            .detail(json!({ "name": s.name }))
    };
    let mut all: Vec<Event> = warned.iter().map(|(s, _)| event("admin.warned", s)).collect();
    all.extend(rested.iter().map(|s| event("admin.suspended", s)));
    if all.is_empty() {
        cx.return_unused(permit);
        return Ok((looked, 0));
    }
    events::write_many(cx, &permit, all).await?;
    let detail = json!({ "warned": warned.len(), "suspended": rested.len() });
    cx.record(permit, Event::new("admin.idle_looked", "org", 0).detail(detail)).await?;
    Ok((looked, rested.len() as u64))
}

async fn tell_warned(cx: &mut Cx, warned: &[(sql::IdleSeat, Millis)]) -> Result<()> {
    let mut above: BTreeMap<i64, (i64, Millis)> = BTreeMap::new();
    for (seat, at) in warned {
        let days = Rules::builtin().policy.cadres.idle_days;
        let title = format!("你在{}的管理员身份将在{}暂停", seat.org_name, say_day(*at));
        let body = format!(
            "因为快满 {days} 天没有登录。在那以前登录一次就不会暂停;不再担任的,请本组织其他管理员或上级撤销。"
        );
        let href = format!("/o/{}", seat.org_code);
        let to = To::Person(PersonId(seat.person_id));
        messages::send(cx, Message { to, kind: "cadre", title, body, href }).await?;
        if let Some(parent) = seat.parent_id {
            let sum = above.entry(parent).or_insert((0, *at));
            *sum = (sum.0 + 1, sum.1.min(*at));
        }
    }
    for (parent, (count, at)) in above {
        let title = format!("{count} 位下级管理员长期没有登录");
        let body = format!(
            "最早的将在{}暂停管理员身份。仍在岗位上的请提醒登录,或在这一页确认;不再合适的撤销。",
            say_day(at)
        );
        tell_superior(cx, parent, title, body).await?;
    }
    Ok(())
}

async fn tell_rested(cx: &mut Cx, rested: &[sql::IdleSeat]) -> Result<()> {
    let mut above: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for seat in rested {
        let org = OrgId(seat.org_id);
        let active = seats_in_use(cx, org).await?;
        let title = format!("你在{}的管理员身份已暂停", seat.org_name);
        let body = "因为长期没有登录。职务和账号不受影响;登录后在个人首页可以看到怎样恢复。".into();
        let to = To::Person(PersonId(seat.person_id));
        let message = Message { to, kind: "cadre", title, body, href: "/me".into() };
        messages::send(cx, message).await?;
        if active > 0 {
            let title = format!("{}的管理员身份已暂停", seat.name);
            let body = "因为长期没有登录。仍在岗位上的,点“恢复”;不再担任的,撤销。".into();
            let href = format!("/o/{}/admins", seat.org_code);
            messages::send(cx, Message { to: To::Org(org), kind: "cadre", title, body, href })
                .await?;
        }
        if let Some(parent) = seat.parent_id {
            let none = if active == 0 { ",现在没有能办事的管理员" } else { "" };
            above
                .entry(parent)
                .or_default()
                .push(format!("{}的{}{none}", seat.org_name, seat.name));
        }
    }
    for (parent, names) in above {
        let title = format!("{} 位下级管理员的身份已暂停", names.len());
        let first = names.iter().take(5).cloned().collect::<Vec<_>>().join(";");
        let rest = if names.len() > 5 { "等" } else { "" };
        let body =
            format!("{first}{rest}。仍在岗位上的在这一页确认,立即恢复;不再担任的请另设管理员。");
        tell_superior(cx, parent, title, body).await?;
    }
    Ok(())
}

async fn tell_superior(cx: &mut Cx, parent: i64, title: String, body: String) -> Result<()> {
    let Ok(above) = orgs::by_id(cx, OrgId(parent)).await else { return Ok(()) };
    let href = format!("/o/{}/admins/confirm", above.code);
    messages::send(cx, Message { to: To::Org(above.id), kind: "cadre", title, body, href }).await
}

/// How many of an organisation's administrators can act.
async fn seats_in_use(cx: &mut Cx, org: OrgId) -> Result<usize> {
    Ok(sql::seats(cx, org).await?.iter().filter(|s| s.suspended_at.is_none()).count())
}

/// The rights of whoever looks that rest, at most twenty.
pub async fn mine(cx: &mut Cx) -> Result<Vec<Resting>> {
    let me = cx.visitor()?.person;
    let since = cx.now() - admins::confirm_every();
    let rows = sql::resting_of(cx, me).await?;
    let own = |r: sql::RestingRow| Resting {
        own_way: r.confirmed_at > since,
        org_code: r.code,
        org_name: r.short_name,
        since: r.suspended_at,
    };
    Ok(rows.into_iter().map(own).collect())
}

/// Why an address of this organisation does not open for whoever knocks: her right there rests.
pub async fn rests_here(cx: &mut Cx, code: &str) -> Result<Option<Error>> {
    let Some(rest) = mine(cx).await?.into_iter().find(|r| r.org_code == code) else {
        return Ok(None);
    };
    let says = format!(
        "你在{}的管理员身份因为长期没有登录,已于 {} 暂停。在个人首页可以看到怎样恢复。",
        rest.org_name,
        show_day(rest.since)
    );
    let refusal = Refusal::new("seat_rests", says).way("去个人首页恢复", "/me");
    Ok(Some(Error::refused(refusal)))
}

/// She takes her own right up again. Refused: `ask_superior` when the superior's confirmation no
/// longer counts; `Conflict` when it does not rest any more.
pub async fn resume_own(cx: &mut Cx, code: &str) -> Result<OrgRef> {
    let org = orgs::by_code(cx, code).await?;
    let me = cx.visitor()?.person;
    let permit = cx.permit_own(Action::ManageOwnSignIns)?;
    orgs::lock(cx, &permit, org.id).await?;
    let seat = resting_seat(cx, &org, me).await?;
    if seat.confirmed_at <= cx.now() - admins::confirm_every() {
        let taken = sql::seats(cx, org.id).await?;
        let who = rights::who_can(cx, &org, &taken).await?;
        let says = format!(
            "上级对你的年度确认已经过期,不能自己恢复。请{who}在“管理员变更”里点一下“恢复”或“确认”。"
        );
        return Err(Error::refused(Refusal::new("ask_superior", says).way("个人首页", "/me")));
    }
    sql::resume(cx, &permit, org.id, me).await?;
    let name = cx.actor_name().to_owned();
    notices::resumed(cx, &org, me, &name).await?;
    cx.record(permit, resumed(&org, me, &name)).await?;
    Ok(org)
}

/// A fellow administrator or the superior gives it back. Returns her name.
pub async fn resume(cx: &mut Cx, org: &OrgRef, code: &str) -> Result<String> {
    let permit = cx.permit(Action::ManageAdmins, org)?;
    let (person, name) = admins::named(cx, code).await?;
    orgs::lock(cx, &permit, org.id).await?;
    rights::still_admin(cx).await?;
    resting_seat(cx, org, person).await?;
    sql::resume(cx, &permit, org.id, person).await?;
    notices::resumed(cx, org, person, &name).await?;
    cx.record(permit, resumed(org, person, &name)).await?;
    Ok(name)
}

async fn resting_seat(cx: &mut Cx, org: &OrgRef, person: PersonId) -> Result<Seat> {
    let taken = seats::seats(cx, org).await?;
    let seat = taken.into_iter().find(|s| s.person == person);
    match seat {
        Some(seat) if seat.suspended_at.is_some() => Ok(seat),
        Some(seat) => {
            let says = format!("{}的管理员身份已经恢复,不用再办理。", seat.name);
            Err(Error::conflict(Refusal::new("E22", says)))
        }
        None => {
            let says = format!("此人已经不是{}的管理员,请刷新后再看。", org.short_name);
            Err(Error::conflict(Refusal::new("E22", says)))
        }
    }
}

fn resumed(org: &OrgRef, person: PersonId, name: &str) -> Event {
    let event = Event::new("admin.resumed", "org", org.id.0).about(person).at(&org.path);
    event.detail(json!({ "name": name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unused_seat_is_told_of_two_weeks_before_and_then_rests() {
        let at = |day: i64| day * DAY;
        assert_eq!(turn(at(0), None, at(75)), Turn::Later(at(76)));
        assert_eq!(turn(at(0), None, at(76)), Turn::Warn(at(90)));
        assert_eq!(turn(at(0), None, at(200)), Turn::Warn(at(214)));
        assert_eq!(turn(at(0), Some(at(200)), at(214)), Turn::Suspend);
        assert_eq!(turn(at(0), Some(at(76)), at(80)), Turn::Later(at(90)));
        // Used after the warning: it begins anew.
        assert_eq!(turn(at(85), Some(at(76)), at(90)), Turn::Later(at(161)));
    }
}
