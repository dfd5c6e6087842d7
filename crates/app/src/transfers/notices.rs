//! What the parties of a transfer are told, and when. Names and organisations only: no numbers, no
//! addresses. Written with the step that it tells of.

use super::{Transfer, machine::State, short_day};
use crate::{
    Cx, OrgRef, Result,
    messages::{Message, To, send},
    orgs::{self, Category, parent_path},
    rules::Rules,
};

const KIND: &str = "transfer";

async fn to_org(
    cx: &mut Cx,
    t: &Transfer,
    org: &OrgRef,
    title: String,
    body: String,
) -> Result<()> {
    // A holding branch has nobody who reads: its superior runs it (row 52).
    let superior = match parent_path(&org.path) {
        Some(path) if org.category == Category::Holding => orgs::names_to(cx, path).await?.pop(),
        _ => None,
    };
    let org = superior.as_ref().unwrap_or(org);
    let message = Message { to: To::Org(org.id), kind: KIND, title, body, href: t.href(org) };
    send(cx, message).await
}

async fn to_person(cx: &mut Cx, t: &Transfer, title: &str, body: String) -> Result<()> {
    let to = To::Person(t.person);
    let message = Message { to, kind: KIND, title: title.to_owned(), body, href: t.own_href() };
    send(cx, message).await
}

/// The side that began it, and the source where that is another organisation.
async fn to_starting_side(cx: &mut Cx, t: &Transfer, title: String, body: String) -> Result<()> {
    to_org(cx, t, &t.started_org, title.clone(), body.clone()).await?;
    if t.from.id != t.started_org.id {
        to_org(cx, t, &t.from, title, body).await?;
    }
    Ok(())
}

fn until(t: &Transfer) -> String {
    t.deadline.map(|end| format!(",请在 {} 前办理", short_day(end))).unwrap_or_default()
}

fn way(t: &Transfer) -> String {
    format!("{} → {}", t.from.short_name, t.to.short_name)
}

pub(super) async fn submitted(cx: &mut Cx, t: &Transfer) -> Result<()> {
    let title = format!("{} 申请转入,等待审批", t.person_name);
    let body = format!(
        "{},由 {}({})发起{}。到期未审批会自动退回。",
        way(t),
        t.starter_name,
        t.started_org.short_name,
        until(t)
    );
    to_org(cx, t, &t.to.clone(), title, body).await?;
    if t.from.id != t.started_org.id {
        let title = format!("{} 的转出已由上级发起", t.person_name);
        to_org(cx, t, &t.from.clone(), title, way(t)).await?;
    }
    let body = format!("{},现等待 {} 审批。", way(t), t.to.short_name);
    to_person(cx, t, "你的团组织关系正在转出", body).await
}

pub(super) async fn approved(cx: &mut Cx, t: &Transfer) -> Result<()> {
    let title = format!("{} 的转接已同意,待对方分配团支部", t.person_name);
    to_starting_side(cx, t, title, way(t)).await?;
    let title = format!("请为 {} 分配团支部", t.person_name);
    let body = "申请已同意,分配到团支部后转接才完成。".to_owned();
    to_org(cx, t, &t.to.clone(), title, body).await?;
    let body = format!("{} 已同意接收,正在分配团支部。", t.to.short_name);
    to_person(cx, t, "转入组织已同意", body).await
}

pub(super) async fn arrived(cx: &mut Cx, t: &Transfer, branch: &OrgRef) -> Result<()> {
    let title = format!("{} 已转出", t.person_name);
    let body = format!("{} → {},转接已完成。", t.from.short_name, branch.short_name);
    to_starting_side(cx, t, title, body.clone()).await?;
    let title = format!("{} 已转入", t.person_name);
    to_org(cx, t, branch, title.clone(), body.clone()).await?;
    if branch.id != t.to.id {
        to_org(cx, t, &t.to.clone(), title, body).await?;
    }
    let body = format!("你的团组织关系已转到 {}。", branch.short_name);
    to_person(cx, t, "组织关系转接已完成", body).await
}

pub(super) async fn returned(cx: &mut Cx, t: &Transfer) -> Result<()> {
    let reason = t.return_reason.as_deref();
    let reason = reason.and_then(|code| Rules::builtin().transfer.return_reason(code));
    let why = [reason.map(|r| r.name.as_str()), t.return_note.as_deref()]
        .into_iter()
        .flatten()
        .filter(|s| !s.is_empty())
        .collect::<Vec<_>>()
        .join(":");
    let hint = reason.map_or("", |r| r.hint.as_str());
    let title = format!("{} 的转接被退回", t.person_name);
    let body = format!("{} 退回:{why}。{hint}", t.to.short_name);
    to_starting_side(cx, t, title, body.clone()).await?;
    to_person(cx, t, "组织关系转接被退回", body).await
}

pub(super) async fn withdrawn(cx: &mut Cx, t: &Transfer, held: Option<&OrgRef>) -> Result<()> {
    let body = format!("{},发起方已撤销,不用再办理。", way(t));
    if let Some(holder) = held {
        to_org(cx, t, holder, format!("{} 的转入申请已撤销", t.person_name), body.clone()).await?;
    }
    if t.from.id != t.started_org.id {
        let title = format!("{} 的转出已撤销", t.person_name);
        to_org(cx, t, &t.from.clone(), title, body.clone()).await?;
    }
    to_person(cx, t, "组织关系转接已撤销", body).await
}

pub(super) async fn expired(cx: &mut Cx, t: &Transfer, held: Option<&OrgRef>) -> Result<()> {
    let title = format!("{} 的转接超期,已自动退回", t.person_name);
    let body = format!(
        "{},10 天内未审批,系统自动终止。资料都在,可以直接重新提交,或换一个转入组织。",
        way(t)
    );
    to_starting_side(cx, t, title, body.clone()).await?;
    if let Some(holder) = held {
        let title = format!("{} 的转入申请超期,已自动退回", t.person_name);
        to_org(cx, t, holder, title, way(t)).await?;
    }
    to_person(cx, t, "组织关系转接超期退回", body).await
}

/// To the holder; `escalate`: to the holder's direct superior as well.
pub(super) async fn reminder(cx: &mut Cx, t: &Transfer, escalate: bool) -> Result<()> {
    let Some(holder) = t.holder().cloned() else { return Ok(()) };
    let (title, body) = match (t.state, t.days_left(cx.now())) {
        (State::PendingAlloc, _) => (
            format!("提醒:{} 还没有分配团支部", t.person_name),
            "申请已同意,分配到团支部后转接才完成。".to_owned(),
        ),
        (_, left) => (
            format!("提醒:{} 的转入申请还剩 {} 天", t.person_name, left.unwrap_or(0)),
            format!("{}{}。到期未审批会自动退回。", way(t), until(t)),
        ),
    };
    to_org(cx, t, &holder, title, body).await?;
    if !escalate {
        return Ok(());
    }
    let Some(path) = parent_path(&holder.path) else { return Ok(()) };
    let Some(superior) = orgs::names_to(cx, path).await?.pop() else { return Ok(()) };
    let title = format!("{} 有一条转入申请即将超期", holder.short_name);
    let body = format!("{}:{}{}。请提醒或协助办理。", t.person_name, way(t), until(t));
    to_org(cx, t, &superior, title, body).await
}

pub(super) async fn urged(cx: &mut Cx, t: &Transfer) -> Result<()> {
    let Some(holder) = t.holder().cloned() else { return Ok(()) };
    let what = if t.state == State::PendingAlloc { "分配团支部" } else { "审批" };
    let title = format!("催办:{} 的转入申请等待{what}", t.person_name);
    let body =
        format!("{}({})请你们尽快办理{}。", t.starter_name, t.started_org.short_name, until(t));
    to_org(cx, t, &holder, title, body).await
}
