//! 待接转团支部 (row 52): run by the superior, its age visible, and every month a word to the
//! superior for as long as somebody waits there.

use super::{sql, superior};
use crate::{
    Action, Cx, Error, House, OrgRef, Result, Who, act,
    clock::{DAY, days_since, end_of_day_after},
    events::Event,
    messages::{self, Message, To},
    orgs::{self, Category, OrgId},
    people,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// How old a holding branch is and how many wait in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Age {
    pub days: i64,
    pub people: i64,
}

/// The age of a holding branch; `None` for any other organisation.
pub async fn holding_of(cx: &mut Cx, org: &OrgRef) -> Result<Option<Age>> {
    if org.category != Category::Holding {
        return Ok(None);
    }
    let made = sql::made_at(cx, org.id).await?;
    let people = people::count_of(cx, org, 100_000).await?;
    Ok(Some(Age { days: days_since(made, cx.now()), people }))
}

/// Days between two reminders.
const EVERY: i64 = 30;

/// Reminds superiors of holding branches in which people still wait. For the clockwork.
pub async fn remind_due(house: &House) -> Result<()> {
    loop {
        let mut cx = house.read(Who::System("holding branches")).await?;
        let due = sql::holdings_due(&mut cx, 100).await?;
        drop(cx);
        for (org,) in &due {
            match act!(house, Who::System("holding branches"), |cx| remind(cx, *org).await) {
                // Somebody closed it or reminded at the same moment.
                Ok(()) | Err(Error::Conflict(_)) => {}
                Err(e) => return Err(e),
            }
        }
        if due.is_empty() {
            return Ok(());
        }
    }
}

async fn remind(cx: &mut Cx, id: OrgId) -> Result<()> {
    let permit = cx.permit_system(Action::CloseChild)?;
    let next = end_of_day_after(cx.now(), EVERY - 1) + DAY;
    if !sql::set_reminder(cx, &permit, id, next).await? {
        cx.return_unused(permit);
        return Ok(());
    }
    let org = orgs::by_id(cx, id).await?;
    let age = holding_of(cx, &org).await?.unwrap_or(Age { days: 0, people: 0 });
    let parent = superior(cx, &org).await?;
    let (title, body) = if age.people > 0 {
        (
            format!("{}里还有 {} 人等待转出", org.short_name, age.people),
            format!("已存在 {} 天。请逐人联系,办理转出到他们现在所在的团支部。", age.days),
        )
    } else {
        (format!("{}已空,可以撤销", org.short_name), "里面没有人了,撤销后不会影响任何团员。".into())
    };
    let href = if age.people > 0 {
        format!("/o/{}/members?under={}", parent.code, org.code)
    } else {
        format!("/o/{}/children/{}/close", parent.code, org.code)
    };
    let message = Message { to: To::Org(parent.id), kind: "org", title, body, href };
    messages::send(cx, message).await?;
    let event = Event::new("org.holding_reminded", "org", id.0).at(&org.path);
    cx.record(permit, event.detail(json!({ "people": age.people, "days": age.days }))).await
}
