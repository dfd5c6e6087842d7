//! Closing a child. The organisation's row is taken first: whoever puts people, business or
//! children into it waits there, and either comes before (and is seen here) or finds it closed.

use super::{
    Checklist, ClosingId,
    checklist::{self, after_end},
    restoration::{Lost, trace},
    short_day, sql, superior,
};
use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result, cadres,
    clock::{DAY, Millis, end_of_day_after},
    codes,
    events::{self, Event},
    imports,
    messages::{self, Message, To},
    orgs::{self, Category},
    people::{self, Brought, PersonId},
    transfers,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// What the page showed and what was typed.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// How many people the page said would be moved.
    pub people: i64,
    /// The organisation's 组织简称, typed; needed where there are people.
    pub typed: String,
}

/// What was done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Done {
    pub code: String,
    pub name: String,
    pub people: i64,
    /// 组织码 of the holding branch, where people went.
    pub holding: Option<String>,
    pub returned: i64,
    /// Whether it can be restored; a holding branch is gone for good.
    pub restorable: bool,
}

/// Closes a direct child. Errors: `Closed` (somebody was first); refused E19 with the steps that
/// are left; `Conflict` E22 (other people than the page showed), `org_moving`; `Invalid` (`typed`).
pub async fn close(cx: &mut Cx, code: &str, ask: &Ask) -> Result<Done> {
    let org = match orgs::by_code(cx, code).await {
        Err(Error::NotFound) => return Err(trace(cx, code).await),
        found => found?,
    };
    let permit = cx.permit(Action::CloseChild, &org)?;
    let parent = superior(cx, &org).await?;
    let before = checklist::checklist(cx, &org).await?;
    ready(&before)?;
    let school_code = orgs::end(cx, &permit, &org).await?;
    // Read again, now that nobody can come in any longer; whoever is leaving at this moment is waited
    // for, and nobody leaves after that.
    let people = people::hold_all_of(cx, &permit, &org).await?;
    let now = after_end(cx, &org, people.len()).await?;
    ready(&now)?;
    agreed(&now, &before.name, ask)?;
    let mut lost = Lost { school_code, ..Lost::default() };
    let holding = match now.people {
        0 => None,
        _ => Some(orgs::holding_below(cx, &permit, &parent).await?),
    };
    end_everything(cx, &permit, &org, &parent, holding.as_ref(), &mut lost).await?;
    let id = ClosingId(cx.new_id());
    let until = end_of_day_after(cx.now(), now.days);
    let closer = cx.actor_name().to_owned();
    let new = sql::New {
        id,
        org: org.id,
        parent: parent.id,
        holding: holding.as_ref().map(|h| h.id),
        by: cx.visitor().ok().map(|v| v.person),
        closer: &closer,
        people: people.len() as i64,
        lost: &lost.text(),
        until,
        is_final: org.category == Category::Holding,
    };
    sql::insert(cx, &permit, new).await?;
    let mut moved = Vec::new();
    if let Some(holding) = &holding {
        // Before they go: the way ends their marks.
        sql::note_people(cx, &permit, id, &org).await?;
        moved = people::move_these(cx, &permit, &org, holding, &people).await?;
        let first = end_of_day_after(cx.now(), 30);
        sql::watch_holding(cx, &permit, holding.id, first).await?;
    }
    let ids: Vec<PersonId> = moved.iter().map(|b| b.person).collect();
    if org.category == Category::Holding {
        sql::forget_holding(cx, &permit, org.id).await?;
    }
    tell(cx, &org, &parent, holding.as_ref(), &ids, &lost, until).await?;
    write_down(cx, &permit, &org, holding.as_ref(), &moved).await?;
    let done = Done {
        code: org.code.clone(),
        name: org.short_name.clone(),
        people: moved.len() as i64,
        holding: holding.as_ref().map(|h| h.code.clone()),
        returned: lost.returned.len() as i64,
        restorable: org.category != Category::Holding,
    };
    let detail = json!({
        "code": org.code, "short_name": org.short_name, "people": done.people,
        "holding": done.holding, "posts": lost.posts.len(), "returned": done.returned,
    });
    cx.record(permit, Event::new("org.closed", "org", org.id.0).at(&org.path).detail(detail))
        .await?;
    Ok(done)
}

/// E19: 还差 n 步, each with its way.
fn ready(list: &Checklist) -> Result<()> {
    let left: Vec<_> = list.steps.iter().filter(|s| !s.is_done()).collect();
    if left.is_empty() {
        return Ok(());
    }
    let said: Vec<&str> = left.iter().map(|s| s.label.as_str()).collect();
    let says = format!("还不能撤销“{}”,还差 {} 步:{}。", list.name, left.len(), said.join(";"));
    let mut refusal = Refusal::new("E19", says);
    for way in left.iter().flat_map(|s| &s.ways) {
        refusal = refusal.way(&way.label, way.href.clone());
    }
    Err(Error::refused(refusal))
}

/// The page showed what is still so, and the name was typed where people are concerned.
fn agreed(now: &Checklist, name: &str, ask: &Ask) -> Result<()> {
    if now.people != ask.people {
        let says = format!(
            "打开页面以后,“{name}”的团员人数变了:页面上是 {} 人,现在是 {} 人。没有办理,请重新核对名单。",
            ask.people, now.people
        );
        return Err(Error::conflict(Refusal::new("E22", says)));
    }
    if now.people > 0 && ask.typed.trim() != name {
        let says = format!("请原样输入组织简称“{name}”,确认要撤销的是这个组织。");
        return Err(Error::field("typed", "confirm", says));
    }
    Ok(())
}

/// Posts, seats, observers, codes, imports and transfers.
async fn end_everything(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    parent: &OrgRef,
    holding: Option<&OrgRef>,
    lost: &mut Lost,
) -> Result<()> {
    lost.posts = sql::posts(cx, org.id).await?.iter().map(sql::Post::said).collect();
    let (returned, going) = transfers::leave_closed(cx, permit, org, parent, holding).await?;
    lost.returned =
        returned.into_iter().map(|t| format!("{}({} → {})", t.name, t.from, t.to)).collect();
    lost.going = i64::try_from(going).unwrap_or(0);
    let ended = cadres::end_all(cx, permit, org, "组织撤销").await?;
    lost.cadres = ended.cadres;
    lost.observers = ended.observers.len() as i64;
    lost.codes = i64::try_from(codes::revoke_all(cx, permit, org).await?).unwrap_or(0);
    lost.imports = imports::end_all(cx, permit, org).await?;
    Ok(())
}

/// The people, those whose posts ended, and the superior's other administrators.
async fn tell(
    cx: &mut Cx,
    org: &OrgRef,
    parent: &OrgRef,
    holding: Option<&OrgRef>,
    people: &[PersonId],
    lost: &Lost,
    until: Millis,
) -> Result<()> {
    if let Some(holding) = holding {
        let body = format!(
            "{}已撤销,你的团组织关系暂时放在“{}”,由{}管理。请尽快联系{}办理转出,转到你现在学习、工作或生活的地方的团支部。",
            org.short_name, holding.short_name, parent.short_name, parent.short_name
        );
        messages::send_to_people(cx, people, "org", "你所在的团支部已撤销", &body, "/me").await?;
    }
    let posts = format!("{}已撤销,你在那里的职务和管理权限已结束,账号不受影响。", org.short_name);
    messages::send_to_people(
        cx,
        &lost.cadres,
        "org",
        "你的任职因组织撤销而结束",
        &posts,
        "/me/posts",
    )
    .await?;
    if org.category == Category::Holding {
        return Ok(());
    }
    let went = holding
        .map_or_else(String::new, |h| format!(",团员 {} 人转入“{}”", people.len(), h.short_name));
    let message = Message {
        to: To::Org(parent.id),
        kind: "org",
        title: format!("{}已撤销", org.short_name),
        body: format!("由 {} 办理{went}。{}前可以恢复。", cx.actor_name(), short_day(until + DAY)),
        href: format!("/o/{}/closed/{}", parent.code, org.code),
    };
    messages::send(cx, message).await
}

/// The history of everybody who was moved.
async fn write_down(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    holding: Option<&OrgRef>,
    moved: &[Brought],
) -> Result<()> {
    let Some(holding) = holding else { return Ok(()) };
    let event = |b: &Brought| {
        Event::new("member.held", "person", b.person.0).about(b.person).at(&holding.path).detail(
            json!({ "from": org.code, "from_name": org.short_name, "to": holding.code, "to_name": holding.short_name }),
        )
    };
    events::write_many(cx, permit, moved.iter().map(event).collect()).await
}
