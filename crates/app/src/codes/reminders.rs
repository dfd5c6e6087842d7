//! Some days before unused codes end the superior is told once, with the number and a few names.

use super::sql;
use crate::{
    Action, House, Result, Who, act,
    clock::{DAY, say_day},
    events::Event,
    messages::{Message, To, send},
    orgs::{self, OrgId},
    rules::Rules,
};
use std::collections::BTreeMap;

/// Codes looked at in one transaction.
const PIECE: i64 = 2000;

/// Tells every superior whose codes end soon; returns how many were told. For the clockwork.
pub async fn remind_due(house: &House) -> Result<u64> {
    let mut told = 0;
    loop {
        let (codes, messages) = act!(house, Who::System("codes"), |cx| remind(cx).await)?;
        told += messages;
        if codes == 0 {
            return Ok(told);
        }
    }
}

async fn remind(cx: &mut crate::Cx) -> Result<(usize, u64)> {
    let soon = cx.now() + Rules::builtin().policy.codes.remind_days * DAY;
    let due = sql::to_remind(cx, soon, PIECE).await?;
    if due.is_empty() {
        return Ok((0, 0));
    }
    let permit = cx.permit_system(Action::IssueCodes)?;
    sql::reminded(cx, &permit, due.iter().map(|d| d.id).collect()).await?;
    let mut by_issuer: BTreeMap<i64, Vec<&sql::Due>> = BTreeMap::new();
    for code in &due {
        by_issuer.entry(code.issuer).or_default().push(code);
    }
    let told = by_issuer.len() as u64;
    for (issuer, codes) in by_issuer {
        let issuer = orgs::by_id(cx, OrgId(issuer)).await?;
        let first: Vec<&str> = codes.iter().take(5).map(|c| c.short_name.as_str()).collect();
        let more = if codes.len() > 5 { "等" } else { "" };
        let ends = codes.iter().map(|c| c.expires_at).min().unwrap_or_default();
        send(
            cx,
            Message {
                to: To::Org(issuer.id),
                kind: "codes",
                title: format!("{} 个注册码快到期了,还没有使用", codes.len()),
                body: format!(
                    "{}{more}:最早在 {} 到期。请提醒对方尽快注册;到期后要重新生成。",
                    first.join("、"),
                    say_day(ends)
                ),
                href: format!("/o/{}/children/codes?state=waiting", issuer.code),
            },
        )
        .await?;
    }
    let event = Event::new("codes.reminded", "org", 0);
    cx.record(permit, event.detail(serde_json::json!({ "codes": due.len() }))).await?;
    Ok((due.len(), told))
}
