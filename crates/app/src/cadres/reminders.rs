//! The yearly confirmation (a-24): superiors are asked once, and again every month until they
//! answer.

use super::sql;
use crate::{
    Action, Cx, House, Result, Who, act,
    clock::DAY,
    events::Event,
    messages::{Message, To, send},
    orgs::OrgId,
    rules::Rules,
};
use std::collections::BTreeMap;

const PIECE: i64 = 500;

/// Asks every superior of seats that are due; returns how many messages were sent. For the
/// clockwork: each seat is taken once, also when several nodes look at the same time.
pub async fn remind_confirmations(house: &House) -> Result<u64> {
    let mut sent = 0;
    loop {
        let taken = act!(house, Who::System("confirmations"), |cx| piece(cx).await)?;
        sent += taken.1;
        if taken.0 < PIECE {
            return Ok(sent);
        }
    }
}

/// One piece: how many seats were taken and how many messages sent.
async fn piece(cx: &mut Cx) -> Result<(i64, u64)> {
    let permit = cx.permit_system(Action::RunSystem)?;
    let every = super::admins::confirm_every();
    let noted = sql::set_reminders(cx, &permit, every, PIECE).await?;
    let again = cx.now() + Rules::builtin().policy.cadres.confirm_again_days * DAY;
    let due = sql::seats_due(cx, &permit, again, PIECE).await?;
    if due.is_empty() {
        cx.return_unused(permit);
        return Ok((i64::try_from(noted).unwrap_or(0), 0));
    }
    let taken = i64::try_from(due.len()).unwrap_or(PIECE);
    let mut by_superior: BTreeMap<i64, i64> = BTreeMap::new();
    for (org,) in due {
        *by_superior.entry(org).or_default() += 1;
    }
    let superiors = sql::superiors(cx, by_superior).await?;
    let count = superiors.len() as u64;
    for (parent, code, seats) in superiors {
        let title = format!("请确认下级组织的管理员:{seats} 位已满一年");
        let body = "请核对他们是否仍在岗位上,可以一次确认多位;不再合适的,在同一页撤销。";
        let message = Message {
            to: To::Org(OrgId(parent)),
            kind: "cadre",
            title,
            body: body.into(),
            href: format!("/o/{code}/admins/confirm"),
        };
        send(cx, message).await?;
    }
    let event = Event::new("admin.confirmation_asked", "org", 0);
    cx.record(permit, event.detail(serde_json::json!({ "seats": taken }))).await?;
    Ok((taken, count))
}
