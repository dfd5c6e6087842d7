//! What goes when somebody leaves an organisation: her post and her seat there, said with names
//! before it happens, and to the superior when nobody is left to run it.

use super::{posts, rights, sql};
use crate::{
    Cx, OrgRef, Result,
    messages::{Message, To, send},
    people::PersonId,
};

/// What ends in `org` when this person leaves it, in sentences; nothing when she has no post there.
pub async fn leaving(
    cx: &mut Cx,
    org: &OrgRef,
    person: PersonId,
    name: &str,
) -> Result<Vec<String>> {
    let Some(held) = posts::held(cx, org, person).await? else { return Ok(Vec::new()) };
    let here = &org.short_name;
    let also = if held.slot.is_some() { "、管理员" } else { "" };
    let mut said = vec![format!("{name}在“{here}”任{}{also}，离开后同时结束。", held.post)];
    if held.is_secretary() {
        said.push(format!("“{here}”将没有书记，请尽快推选新的书记。"));
    }
    if held.slot.is_some() {
        let seats = sql::seats(cx, org.id).await?;
        let left = seats.iter().filter(|s| s.person != person && s.suspended_at.is_none());
        let left: Vec<&str> = left.map(|s| s.name.as_str()).collect();
        said.push(match left.is_empty() {
            true => format!("“{here}”将没有管理员，直接上级会收到提醒。请先设好接任的管理员。"),
            false => format!("“{here}”还有管理员：{}。", left.join("、")),
        });
    }
    Ok(said)
}

/// Tells the superior that an organisation has no 书记, or nobody who administers it, since this
/// person left (`was`: 书记, administrator). Says nothing while there is still one.
pub(crate) async fn tell_of_loss(
    cx: &mut Cx,
    org: &OrgRef,
    name: &str,
    was: (bool, bool),
    how: &str,
) -> Result<()> {
    let no_secretary = was.0 && sql::secretary(cx, org.id).await?.is_none();
    let active = |seats: Vec<super::Seat>| seats.iter().any(|s| s.suspended_at.is_none());
    let no_admin = was.1 && !active(sql::seats(cx, org.id).await?);
    let (what, was) = match (no_secretary, no_admin) {
        (false, false) => return Ok(()),
        (true, false) => ("书记", "书记"),
        (false, true) => ("管理员", "最后一位管理员"),
        (true, true) => ("书记和管理员", "书记和最后一位管理员"),
    };
    let Some(above) = rights::superior(cx, org).await? else { return Ok(()) };
    let title = format!("{}没有{what}了", org.short_name);
    let body = format!("{name}是{was}，{how}。请为该组织设置新的{what}。");
    let href = match no_admin {
        true => format!("/o/{}/admins?at={}", above.code, org.code),
        false => format!("/o/{}/orgs/{}", above.code, org.code),
    };
    send(cx, Message { to: To::Org(above.id), kind: "cadre", title, body, href }).await
}
