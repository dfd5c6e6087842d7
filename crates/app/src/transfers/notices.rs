//! What the parties of a transfer are told, and when. Names and organisations only: no numbers, no
//! addresses. Written with the step that it tells of.

use super::Transfer;
use crate::{
    Cx, OrgRef, Result,
    business::{
        SOURCE,
        machine::{State, Verb},
    },
    clock::short_day,
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

/// To several organisations, each once.
async fn to_orgs(
    cx: &mut Cx,
    t: &Transfer,
    orgs: &[OrgRef],
    title: String,
    body: impl Fn(&OrgRef) -> String,
) -> Result<()> {
    let mut told = Vec::new();
    for org in orgs {
        if !told.contains(&org.id) {
            told.push(org.id);
            to_org(cx, t, org, title.clone(), body(org)).await?;
        }
    }
    Ok(())
}

/// Whoever waits for an answer: the organisation that began it, and the side that has not decided.
fn askers(t: &Transfer) -> Vec<OrgRef> {
    let other = if t.variant.comes_from_target() { &t.to } else { &t.from };
    vec![t.started_org.clone(), other.clone()]
}

fn until(t: &Transfer) -> String {
    t.deadline.map(|end| format!("，请在{}前办理", short_day(end))).unwrap_or_default()
}

/// From where to where, as far as it is told to `org`.
fn way(t: &Transfer, org: &OrgRef) -> String {
    let from = if t.hides_source_from(org) { SOURCE } else { &t.from.short_name };
    format!("{from} → {}", t.to.short_name)
}

/// As the person herself reads it.
fn own_way(t: &Transfer) -> String {
    format!("{} → {}", t.from.short_name, t.to.short_name)
}

pub(super) async fn submitted(cx: &mut Cx, t: &Transfer) -> Result<()> {
    if t.variant.comes_from_target() {
        return submitted_in(cx, t).await;
    }
    let title = format!("{}申请转入，等待审批", t.person_name);
    let body = format!(
        "{}，由{}（{}）发起{}。到期未审批会自动退回。",
        way(t, &t.to),
        t.starter_name,
        t.started_org.short_name,
        until(t)
    );
    to_org(cx, t, &t.to.clone(), title, body).await?;
    if t.from.id != t.started_org.id {
        let title = format!("{}的转出已由上级发起", t.person_name);
        to_org(cx, t, &t.from.clone(), title, own_way(t)).await?;
    }
    let body = format!("{}，现等待{}审批。", own_way(t), t.to.short_name);
    to_person(cx, t, "你的团组织关系正在转出", body).await
}

async fn submitted_in(cx: &mut Cx, t: &Transfer) -> Result<()> {
    let title = format!("{}申请转出，等待你们审批", t.person_name);
    let body = format!(
        "{}，由转入方{}（{}）发起{}。到期未审批会自动退回。",
        own_way(t),
        t.starter_name,
        t.started_org.short_name,
        until(t)
    );
    to_org(cx, t, &t.from.clone(), title, body).await?;
    let body = format!("{}，由{}发起，现等待原支部审批。", own_way(t), t.to.short_name);
    to_person(cx, t, "你的团组织关系正在转出", body).await
}

pub(super) async fn approved(cx: &mut Cx, t: &Transfer) -> Result<()> {
    let in_words = if t.variant.comes_from_target() {
        "请分配团支部"
    } else {
        "待对方分配团支部"
    };
    let title = format!("{}的转接已同意，{in_words}", t.person_name);
    let mut told = askers(t);
    // Whoever allocates is told what to do instead.
    told.retain(|org| org.id != t.to.id);
    to_orgs(cx, t, &told, title, |org| way(t, org)).await?;
    let title = format!("请为{}分配团支部", t.person_name);
    let body = "申请已同意，分配到团支部后转接才完成。".to_owned();
    to_org(cx, t, &t.to.clone(), title, body).await?;
    let agreed = if t.variant.comes_from_target() {
        format!("{}已同意转出，{}正在分配团支部。", t.from.short_name, t.to.short_name)
    } else {
        format!("{}已同意接收，正在分配团支部。", t.to.short_name)
    };
    let title = if t.variant.comes_from_target() {
        "原支部已同意转出"
    } else {
        "转入组织已同意"
    };
    to_person(cx, t, title, agreed).await
}

pub(super) async fn arrived(cx: &mut Cx, t: &Transfer, branch: &OrgRef) -> Result<()> {
    let body = |_: &OrgRef| format!("{} → {}，转接已完成。", t.from.short_name, branch.short_name);
    let receiving = [branch.clone(), t.to.clone()];
    let mut leaving = vec![t.from.clone(), t.started_org.clone()];
    leaving.retain(|org| receiving.iter().all(|there| there.id != org.id));
    to_orgs(cx, t, &leaving, format!("{}已转出", t.person_name), body).await?;
    to_orgs(cx, t, &receiving, format!("{}已转入", t.person_name), body).await?;
    let body = format!("你的团组织关系已转到{}。", branch.short_name);
    to_person(cx, t, "组织关系转接已完成", body).await
}

/// A decision was taken back: everybody who was told of it.
pub(super) async fn undone(cx: &mut Cx, t: &Transfer) -> Result<()> {
    let holder = t.holder().map(|o| o.short_name.clone()).unwrap_or_default();
    let said = |way: String, holder: &str| {
        format!("{way}，审批已由办理人撤销，恢复到审批前，现等待{holder}办理。")
    };
    let body =
        |org: &OrgRef| said(way(t, org), if t.hides_source_from(org) { SOURCE } else { &holder });
    let title = format!("{}的转接审批已撤销", t.person_name);
    let told = [t.from.clone(), t.started_org.clone(), t.to.clone()];
    to_orgs(cx, t, &told, title, body).await?;
    to_person(cx, t, "组织关系转接的审批已撤销", said(own_way(t), &holder)).await
}

pub(super) async fn returned(cx: &mut Cx, t: &Transfer) -> Result<()> {
    let reason = t.return_reason.as_deref();
    let reason = reason.and_then(|code| Rules::builtin().transfer.return_reason(code));
    let why = [reason.map(|r| r.name.as_str()), t.return_note.as_deref()]
        .into_iter()
        .flatten()
        .filter(|s| !s.is_empty())
        .collect::<Vec<_>>()
        .join("：");
    let hint = reason.map_or("", |r| r.hint.as_str());
    let title = format!("{}的转接被退回", t.person_name);
    let decider = t.decider(Verb::Return).0.short_name.clone();
    let said = |by: &str| format!("{by}退回：{why}。{hint}");
    let body = |org: &OrgRef| said(if t.hides_source_from(org) { SOURCE } else { &decider });
    to_orgs(cx, t, &askers(t), title, body).await?;
    to_person(cx, t, "组织关系转接被退回", said(&decider)).await
}

pub(super) async fn withdrawn(cx: &mut Cx, t: &Transfer, held: Option<&OrgRef>) -> Result<()> {
    let said = |way: String| format!("{way}，发起方已撤销，不用再办理。");
    // Whoever takes it back knows it.
    let others = |org: &&OrgRef| org.id != t.started_org.id;
    let told: Vec<OrgRef> = held.into_iter().chain([&t.from]).filter(others).cloned().collect();
    let title = format!("{}的{}申请已撤销", t.person_name, asked(t));
    to_orgs(cx, t, &told, title, |org| said(way(t, org))).await?;
    to_person(cx, t, "组织关系转接已撤销", said(own_way(t))).await
}

/// What the holder was asked for.
fn asked(t: &Transfer) -> &'static str {
    if t.variant.comes_from_target() { "转出" } else { "转入" }
}

pub(super) async fn expired(cx: &mut Cx, t: &Transfer, held: Option<&OrgRef>) -> Result<()> {
    let title = format!("{}的转接超期，已自动退回", t.person_name);
    let other = if t.variant.comes_from_target() { "" } else { "，或换一个转入组织" };
    let said = |way: String| {
        format!("{way}，10天内未审批，系统自动终止。资料都在，可以直接重新提交{other}。")
    };
    to_orgs(cx, t, &askers(t), title, |org| said(way(t, org))).await?;
    if let Some(holder) = held {
        let title = format!("{}的{}申请超期，已自动退回", t.person_name, asked(t));
        to_org(cx, t, holder, title, way(t, holder)).await?;
    }
    to_person(cx, t, "组织关系转接超期退回", said(own_way(t))).await
}

/// 转交 to a colleague: she finds it among her own messages.
pub(super) async fn passed_on(
    cx: &mut Cx,
    t: &Transfer,
    acting: &OrgRef,
    person: crate::people::PersonId,
    note: &str,
) -> Result<()> {
    let (title, body) = passed(cx, t, acting, note);
    let to = To::Person(person);
    send(cx, Message { to, kind: KIND, title, body, href: t.href(acting) }).await
}

/// 转交 to the direct superior.
pub(super) async fn passed_up(
    cx: &mut Cx,
    t: &Transfer,
    superior: &OrgRef,
    note: &str,
) -> Result<()> {
    let (title, body) = passed(cx, t, superior, note);
    to_org(cx, t, superior, title, body).await
}

fn passed(cx: &Cx, t: &Transfer, to: &OrgRef, note: &str) -> (String, String) {
    let title = format!("转交：请办理{}的转接", t.person_name);
    let said = if note.is_empty() { String::new() } else { format!("留言：{note}") };
    (title, format!("{}，由{}转交{}。{said}", way(t, to), cx.actor_name(), until(t)))
}

/// To the holder; `above`: to its direct superior as well.
pub(super) async fn reminder(
    cx: &mut Cx,
    t: &Transfer,
    holder: &OrgRef,
    above: Option<&OrgRef>,
) -> Result<()> {
    let (title, body) = match (t.state, t.days_left(cx.now())) {
        (State::PendingAlloc, _) => (
            format!("提醒：{}还没有分配团支部", t.person_name),
            "申请已同意，分配到团支部后转接才完成。".to_owned(),
        ),
        (_, left) => (
            format!("提醒：{}的{}申请还剩{}天", t.person_name, asked(t), left.unwrap_or(0)),
            format!("{}{}。到期未审批会自动退回。", way(t, holder), until(t)),
        ),
    };
    to_org(cx, t, holder, title, body).await?;
    let Some(superior) = above else { return Ok(()) };
    let title = format!("{}有一条{}申请即将超期", holder.short_name, asked(t));
    let way = way(t, superior);
    let body = format!("{}：{way}{}。请提醒或协助办理。", t.person_name, until(t));
    to_org(cx, t, superior, title, body).await
}

pub(super) async fn urged(cx: &mut Cx, t: &Transfer, holder: &OrgRef) -> Result<()> {
    let what = if t.state == State::PendingAlloc { "分配团支部" } else { "审批" };
    let title = format!("催办：{}的{}申请等待{what}", t.person_name, asked(t));
    let body =
        format!("{}（{}）请你们尽快办理{}。", t.starter_name, t.started_org.short_name, until(t));
    to_org(cx, t, holder, title, body).await
}

/// The person has taken it back herself: whoever began it and whoever holds it read why.
pub(super) async fn withdrawn_by_her(
    cx: &mut Cx,
    t: &Transfer,
    held: Option<&OrgRef>,
    why: &str,
) -> Result<()> {
    let mut told = vec![t.started_org.clone(), t.from.clone()];
    told.extend(held.cloned());
    let title = format!("{}已由本人撤回转接", t.person_name);
    let body = |org: &OrgRef| format!("{}。本人写的原因：{why}。组织关系不变。", way(t, org));
    to_orgs(cx, t, &told, title, body).await
}
