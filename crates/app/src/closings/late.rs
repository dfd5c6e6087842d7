//! Bringing an organisation back after the superior's thirty days: an act of operators, two of
//! them (O3). The organisation comes back empty: who was in it has been forgotten by then (D6).

use super::{
    Closing, Lost,
    restoration::{shown, tell},
    sql,
};
use crate::{
    Cx, Error, OrgRef, Permit, Result,
    orgs::{self, Category},
};

/// What bringing it back would do.
#[derive(Clone, Debug)]
pub struct Late {
    pub org: OrgRef,
    pub closing: Closing,
    pub parent: OrgRef,
    /// Its name from then on.
    pub name: String,
    /// What does not come back, in sentences.
    pub lost: Vec<String>,
}

/// What of this superior was closed for good, the latest first; two hundred at most. A holding
/// branch never comes back.
pub async fn late_below(cx: &mut Cx, parent: &OrgRef) -> Result<Vec<Closing>> {
    let rows = sql::ended(cx, parent.id, 200).await?;
    let now = cx.now();
    Ok(rows.into_iter().map(|r| shown(r, now)).collect())
}

/// Looks at bringing it back, under another name where one is given. Errors: `Invalid` (`closed`,
/// `short_name`).
pub async fn late(cx: &mut Cx, code: &str, name: &str) -> Result<Late> {
    let wrong = |code: &str, says: String| Err(Error::field("closed", code, says));
    let Some(ended) = orgs::ended_by_code(cx, code).await? else {
        return match orgs::by_code(cx, code).await {
            Ok(org) => wrong("org_back", format!("“{}”没有撤销,不用恢复。", org.short_name)),
            Err(Error::NotFound) => wrong("required", "请选择要恢复的组织。".into()),
            Err(e) => Err(e),
        };
    };
    let row = match sql::of_org(cx, ended.org.id).await? {
        Some(row) if ended.org.category != Category::Holding => row,
        _ => {
            let says = "这个组织是合并、拆分时结束的,或者是待接转团支部,不能恢复;需要时请新建。";
            return wrong("not_restorable", says.into());
        }
    };
    if row.state == "open" && row.until >= cx.now() {
        let says = format!(
            "还在可以由上级恢复的日子里({}以前)。请“{}”的管理员在“已撤销的组织”里恢复,连同还在待接转团支部的团员。",
            super::short_day(row.until),
            row.parent_name
        );
        return wrong("superiors_turn", says);
    }
    let Ok(parent) = orgs::by_code(cx, &row.parent_code).await else {
        let says = format!("它的上级“{}”也已经撤销,请先恢复上级。", row.parent_name);
        return wrong("org_parent_gone", says);
    };
    let typed = name.trim();
    let name = if typed.is_empty() { row.name.clone() } else { typed.to_owned() };
    if let Some(twin) = orgs::sister_named(cx, &parent, &name).await? {
        let says = format!(
            "“{}”下现在另有名为“{name}”的组织(组织码 {twin})。请填写另一个简称。",
            parent.short_name
        );
        return Err(Error::field("short_name", "org_name_taken", says));
    }
    let lost = Lost::read(&row.lost).said();
    let now = cx.now();
    Ok(Late { org: ended.org, parent, name, lost, closing: shown(row, now) })
}

/// Brings it back under the operators' permit. Errors as [`late`] and [`orgs::bring_back`].
pub(crate) async fn restore_late(
    cx: &mut Cx,
    permit: &Permit,
    code: &str,
    name: &str,
) -> Result<OrgRef> {
    let found = late(cx, code, name).await?;
    let Some(ended) = orgs::ended_by_code(cx, code).await? else { return Err(Error::Retry) };
    let row = sql::of_org(cx, ended.org.id).await?.ok_or(Error::NotFound)?;
    let lost = Lost::read(&row.lost);
    let school_code = lost.school_code.as_deref();
    let org = orgs::bring_back(cx, permit, &ended, &found.name, school_code).await?;
    if !sql::settle_late(cx, permit, row.id).await? {
        return Err(Error::Retry);
    }
    sql::forget_people(cx, permit, row.id).await?;
    tell(cx, &org, &[]).await?;
    Ok(org)
}
