//! What the three organisations of a relocation are told, and when.

use super::Relocation;
use crate::{
    Cx, OrgRef, Result,
    clock::short_day,
    messages::{Message, To, send},
    orgs::Load,
};

async fn to_org(
    cx: &mut Cx,
    r: &Relocation,
    org: &OrgRef,
    title: String,
    body: String,
) -> Result<()> {
    let message =
        Message { to: To::Org(org.id), kind: "relocation", title, body, href: r.href(org) };
    send(cx, message).await
}

fn way(r: &Relocation) -> String {
    format!("{} → {}", r.from.short_name, r.to.short_name)
}

fn until(r: &Relocation) -> String {
    r.deadline.map(|end| format!(",请在 {} 前办理", short_day(end))).unwrap_or_default()
}

pub(super) async fn submitted(cx: &mut Cx, r: &Relocation) -> Result<()> {
    let title = format!("{} 申请迁出,等待审批", r.org.short_name);
    let body = format!("{}{}。原因:{}。到期未审批会自动退回。", way(r), until(r), r.reason);
    to_org(cx, r, &r.from, title, body).await
}

pub(super) async fn passed_on(cx: &mut Cx, r: &Relocation) -> Result<()> {
    let title = format!("{} 申请迁入,等待审批", r.org.short_name);
    let body =
        format!("{},原上级已同意{}。原因:{}。到期未审批会自动退回。", way(r), until(r), r.reason);
    to_org(cx, r, &r.to, title, body).await?;
    let title = "组织迁移:原上级已同意".to_owned();
    let body = format!("{},现在等待 {} 审批。", way(r), r.to.short_name);
    to_org(cx, r, &r.org, title, body).await
}

pub(super) async fn done(cx: &mut Cx, r: &Relocation, load: &Load) -> Result<()> {
    let body = format!("{},共 {} 个组织、{} 名团员。", way(r), load.orgs, load.members);
    for (org, title) in [
        (&r.org, "组织迁移已完成".to_owned()),
        (&r.from, format!("{} 已迁出", r.org.short_name)),
        (&r.to, format!("{} 已迁入", r.org.short_name)),
    ] {
        to_org(cx, r, org, title, body.clone()).await?;
    }
    Ok(())
}

pub(super) async fn returned(cx: &mut Cx, r: &Relocation, by: &str) -> Result<()> {
    let why = r.return_note.clone().unwrap_or_default();
    let title = "组织迁移被退回".to_owned();
    let body = format!("{},{by} 退回:{why}。可以修改后重新提交。", way(r));
    to_org(cx, r, &r.org, title, body).await?;
    // The old superior agreed already when the new one returns.
    let told = format!("{} 的迁移已退回", r.org.short_name);
    to_org(cx, r, &r.from, told, format!("{},{by} 退回:{why}。组织关系不变。", way(r))).await
}

pub(super) async fn withdrawn(cx: &mut Cx, r: &Relocation, held: Option<&OrgRef>) -> Result<()> {
    let Some(holder) = held else { return Ok(()) };
    let title = format!("{} 的迁移申请已撤销", r.org.short_name);
    to_org(cx, r, holder, title, format!("{},不用再办理。", way(r))).await
}

pub(super) async fn expired(cx: &mut Cx, r: &Relocation, held: Option<&OrgRef>) -> Result<()> {
    let body = format!("{},没有在期限内审批,系统自动退回。可以直接重新提交。", way(r));
    to_org(cx, r, &r.org, "组织迁移超期,已自动退回".to_owned(), body).await?;
    let Some(holder) = held else { return Ok(()) };
    let title = format!("{} 的迁移申请超期,已自动退回", r.org.short_name);
    to_org(cx, r, holder, title, way(r)).await
}

/// To the holder; `above`: to its direct superior as well.
pub(super) async fn reminder(
    cx: &mut Cx,
    r: &Relocation,
    holder: &OrgRef,
    above: Option<&OrgRef>,
) -> Result<()> {
    let left = r.days_left(cx.now()).unwrap_or(0);
    let title = format!("提醒:{} 的迁移申请还剩 {left} 天", r.org.short_name);
    to_org(cx, r, holder, title, format!("{}{}。到期未审批会自动退回。", way(r), until(r))).await?;
    let Some(superior) = above else { return Ok(()) };
    let title = format!("{} 有一笔组织迁移即将超期", holder.short_name);
    let body = format!("{}:{}{}。请提醒它办理。", r.org.short_name, way(r), until(r));
    // It is no party and opens no page of the relocation: only that organisation's.
    let href = format!("/o/{}/orgs/{}", superior.code, holder.code);
    send(cx, Message { to: To::Org(superior.id), kind: "relocation", title, body, href }).await
}

pub(super) async fn urged(cx: &mut Cx, r: &Relocation, holder: &OrgRef) -> Result<()> {
    let title = format!("催办:{} 的迁移申请等待审批", r.org.short_name);
    let body =
        format!("{},{}({})请你们尽快办理{}。", way(r), r.starter_name, r.org.short_name, until(r));
    to_org(cx, r, holder, title, body).await
}
