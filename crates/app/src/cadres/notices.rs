//! What those concerned are told. Names and organisations only.

use super::rights;
use crate::{
    Cx, OrgRef, Result,
    messages::{Message, To, send},
    people::PersonId,
};

async fn to_person(cx: &mut Cx, person: PersonId, title: String, body: String) -> Result<()> {
    // Whoever did it knows.
    if rights::is_me(cx, person) {
        return Ok(());
    }
    let href = "/me/posts".to_owned();
    send(cx, Message { to: To::Person(person), kind: "cadre", title, body, href }).await
}

/// The other side: the organisation when its superior acted, else nobody.
async fn to_org(cx: &mut Cx, org: &OrgRef, page: &str, title: String, body: String) -> Result<()> {
    if rights::is_own(cx, org) {
        return Ok(());
    }
    let href = format!("/o/{}{page}", org.code);
    send(cx, Message { to: To::Org(org.id), kind: "cadre", title, body, href }).await
}

/// 「合肥一中团委 的 王老师」.
fn by(cx: &Cx) -> String {
    match cx.org() {
        Ok(org) => format!("{}的{}", org.short_name, cx.actor_name()),
        Err(_) => "系统".to_owned(),
    }
}

pub(super) async fn appointed(
    cx: &mut Cx,
    org: &OrgRef,
    person: PersonId,
    name: &str,
) -> Result<()> {
    let by = by(cx);
    let title = format!("你已成为{}的管理员", org.short_name);
    let body = format!("由{by}设置。登录后点顶部的组织名即可切换到{}。", org.short_name);
    to_person(cx, person, title, body).await?;
    to_org(cx, org, "/admins", format!("{name}已成为本组织管理员"), format!("由{by}设置。")).await
}

pub(super) async fn revoked(
    cx: &mut Cx,
    org: &OrgRef,
    person: PersonId,
    name: &str,
    left: i64,
) -> Result<()> {
    let by = by(cx);
    let title = format!("你不再是{}的管理员", org.short_name);
    let body = format!("由{by}撤销。你的账号、团员身份和其他组织的职务不受影响。");
    to_person(cx, person, title, body).await?;
    let body = format!("由{by}撤销。本组织现有管理员 {left} 位。");
    to_org(cx, org, "/admins", format!("{name}的管理员身份已撤销"), body).await
}

pub(super) async fn resumed(cx: &mut Cx, org: &OrgRef, person: PersonId, name: &str) -> Result<()> {
    let by = by(cx);
    let title = format!("你在{}的管理员身份已恢复", org.short_name);
    to_person(cx, person, title, format!("由{by}办理,现在就可以使用。")).await?;
    to_org(cx, org, "/admins", format!("{name}的管理员身份已恢复"), format!("由{by}办理。")).await
}

/// An administrator has left with her membership.
pub(super) async fn went(cx: &mut Cx, org: &OrgRef, name: &str, left: i64) -> Result<()> {
    let title = format!("{name}已转出,不再是本组织管理员");
    let body = format!("在本组织的职务和管理员身份随组织关系结束。本组织现有管理员 {left} 位。");
    let href = format!("/o/{}/admins", org.code);
    send(cx, Message { to: To::Org(org.id), kind: "cadre", title, body, href }).await
}

pub(super) async fn came_back(cx: &mut Cx, org: &OrgRef, name: &str) -> Result<()> {
    let title = format!("{name}的管理员身份已恢复");
    let body = "转接审批已撤销,职务和管理员身份恢复到审批之前。".to_owned();
    let href = format!("/o/{}/admins", org.code);
    send(cx, Message { to: To::Org(org.id), kind: "cadre", title, body, href }).await
}

pub(super) async fn post_given(
    cx: &mut Cx,
    org: &OrgRef,
    person: PersonId,
    (name, post): (&str, &str),
) -> Result<()> {
    let by = by(cx);
    let title = format!("你已任{}{post}", org.short_name);
    to_person(cx, person, title, format!("由{by}录入。有误请联系该组织的管理员更正。")).await?;
    to_org(cx, org, "/cadres", format!("{name}已任本组织{post}"), format!("由{by}录入。")).await
}

pub(super) async fn post_ended(
    cx: &mut Cx,
    org: &OrgRef,
    person: PersonId,
    (name, post): (&str, &str),
    seat: bool,
) -> Result<()> {
    let by = by(cx);
    let with = if seat { ",管理员身份同时结束" } else { "" };
    let title = format!("你在{}的{post}职务已结束{with}", org.short_name);
    to_person(cx, person, title, format!("由{by}办理。你的团员身份和其他职务不受影响。")).await?;
    let title = format!("{name}的{post}职务已结束{with}");
    to_org(cx, org, "/cadres", title, format!("由{by}办理。")).await
}

/// The other side of an election: the superior when the organisation held it itself.
pub(super) async fn elected(
    cx: &mut Cx,
    org: &OrgRef,
    secretary: &str,
    elected_on: &str,
) -> Result<()> {
    let by = by(cx);
    let title = format!("{}已完成换届,书记{secretary}", org.short_name);
    let body = format!("换届时间 {elected_on},由{by}办理。");
    if !rights::is_own(cx, org) {
        return to_org(cx, org, "/cadres", title, body).await;
    }
    let Some(above) = rights::superior(cx, org).await? else { return Ok(()) };
    let href = format!("/o/{}/orgs/{}", above.code, org.code);
    send(cx, Message { to: To::Org(above.id), kind: "cadre", title, body, href }).await
}

pub(super) async fn observer(
    cx: &mut Cx,
    org: &OrgRef,
    person: PersonId,
    until: Option<&str>,
) -> Result<()> {
    let by = by(cx);
    let (title, body) = match until {
        Some(day) => (
            format!("你已成为{}的观察员", org.short_name),
            format!("由{by}设置,可以查看该组织及下级的情况,到 {day} 为止;不能修改。"),
        ),
        None => (format!("你不再是{}的观察员", org.short_name), format!("由{by}结束。")),
    };
    to_person(cx, person, title, body).await
}
