//! Bringing a closed child back within its days, and what the address of a closed organisation
//! says. A restore is the organisation and those of its people who still wait in the holding
//! branch; everything else is told, so that nobody relies on it.

use super::{short_day, sql, superior};
use crate::{
    Action, Cx, Error, House, OrgRef, Refusal, Result, Who, act,
    clock::{Millis, days_since, show_time},
    events::{self, Event},
    messages::{self, Message, To},
    orgs::{self, Category, OrgId},
    people::{self, PersonId},
    transfers,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What a closing ended for good; names only.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Lost {
    /// 张三(书记、管理员).
    pub posts: Vec<String>,
    /// Applications that were returned.
    pub returned: Vec<String>,
    /// Outgoing applications that went on from the holding branch.
    pub going: i64,
    pub codes: i64,
    pub imports: i64,
    pub observers: i64,
    /// 学校机构编号, given back unless another has it by then.
    pub school_code: Option<String>,
    #[serde(skip)]
    pub(super) cadres: Vec<PersonId>,
}
impl Lost {
    pub(super) fn text(&self) -> String {
        // Of very many the first tell enough; the book has them all.
        let mut short = self.clone();
        short.posts.truncate(50);
        short.returned.truncate(50);
        serde_json::to_string(&short).unwrap_or_else(|_| "{}".into())
    }
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
    /// What a restore does not bring back, in sentences.
    pub fn said(&self) -> Vec<String> {
        let mut said = Vec::new();
        let mut push = |yes: bool, words: String| {
            if yes {
                said.push(words);
            }
        };
        push(
            !self.posts.is_empty(),
            format!("职务和管理员身份要重新任命:{}", self.posts.join("、")),
        );
        push(
            !self.returned.is_empty(),
            format!("已退回的转入申请要由对方重新提交:{}", self.returned.join("、")),
        );
        push(self.codes > 0, "作废的管理员注册码要重新生成".into());
        push(self.imports > 0, format!("结束的 {} 次导入要重新上传", self.imports));
        push(self.observers > 0, format!("{} 位观察员要重新设置", self.observers));
        said
    }
}

/// A closing that can still be undone.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Closing {
    pub code: String,
    pub name: String,
    pub category_name: String,
    pub closed_by: String,
    /// Beijing time.
    pub closed_at: String,
    /// The last day on which it can be restored.
    pub until: String,
    /// Days left, today not counted.
    pub days_left: i64,
    /// How many people were moved.
    pub people: i64,
    pub holding: Option<String>,
}

/// A page of them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Page {
    pub rows: Vec<Closing>,
    /// Mark of the next page.
    pub next: Option<String>,
}

/// What of the organisation acted for was closed and can be restored, the latest first.
pub async fn list(cx: &mut Cx, after: Option<&str>) -> Result<Page> {
    let org = own(cx)?;
    let before = after.and_then(|a| a.parse().ok()).unwrap_or(i64::MAX);
    let mut rows = sql::list(cx, org.id, before, 51).await?;
    let more = rows.len() > 50;
    rows.truncate(50);
    let next = rows.last().filter(|_| more).map(|r| r.id.to_string());
    let now = cx.now();
    Ok(Page { rows: rows.into_iter().map(|r| shown(r, now)).collect(), next })
}

/// The organisation acted for, if its administrators may close and restore.
fn own(cx: &Cx) -> Result<OrgRef> {
    let acting = cx.acting()?;
    match crate::access::reach(Action::CloseChild, acting.role) {
        Some(_) => Ok(acting.org.clone()),
        None => Err(cx.forbidden(Action::CloseChild, &acting.org)),
    }
}

pub(super) fn shown(row: sql::Stored, now: Millis) -> Closing {
    Closing {
        category_name: Category::from_code(&row.category).map_or("", Category::label).to_owned(),
        code: row.code,
        name: row.name,
        closed_by: row.closer,
        closed_at: show_time(row.closed_at),
        until: short_day(row.until),
        days_left: days_since(now, row.until),
        people: row.people,
        holding: row.holding_name,
    }
}

/// What a restore would bring back and what not.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Back {
    pub closing: Closing,
    /// Those who still wait in the holding branch; the first of them by name.
    pub waiting: i64,
    pub names: Vec<String>,
    /// How many of a branch's people had a mark of graduation, which comes back with them.
    pub marked: i64,
    /// How many have gone elsewhere since.
    pub gone: i64,
    /// What does not come back, in sentences.
    pub lost: Vec<String>,
    /// Code of a sister that has its name by now.
    pub twin: Option<String>,
}

/// What a restore of this organisation would do now.
pub async fn preview(cx: &mut Cx, code: &str) -> Result<Back> {
    let (ended, row) = find(cx, code).await?;
    let parent = superior(cx, &ended.org).await?;
    let waiting = waiting(cx, &row).await?;
    let twin = orgs::sister_named(cx, &parent, &row.name).await?;
    let marked = sql::count_marked(cx, row.id).await?;
    let now = cx.now();
    Ok(Back {
        lost: Lost::read(&row.lost).said(),
        waiting: waiting.len() as i64,
        names: waiting.iter().take(20).map(|(_, name)| name.clone()).collect(),
        gone: row.people - waiting.len() as i64,
        marked,
        twin,
        closing: shown(row, now),
    })
}

/// The closed child with this code and its closing; `NotFound` when it is not the acting
/// organisation's, `Closed` when its days have passed.
async fn find(cx: &mut Cx, code: &str) -> Result<(orgs::Ended, sql::Stored)> {
    let Some(ended) = orgs::ended_by_code(cx, code).await? else { return Err(Error::NotFound) };
    if !cx.may(Action::SeeOrg, &ended.org.path) {
        return Err(Error::NotFound);
    }
    if !cx.may(Action::CloseChild, &ended.org.path) {
        return Err(cx.forbidden(Action::CloseChild, &ended.org));
    }
    let row = sql::of_org(cx, ended.org.id).await?.ok_or(Error::NotFound)?;
    if row.state != "open" || row.until < cx.now() {
        return Err(trace(cx, code).await);
    }
    Ok((ended, row))
}

const MOST_PEOPLE: i64 = 100_000;

async fn waiting(cx: &mut Cx, row: &sql::Stored) -> Result<Vec<(PersonId, String)>> {
    match row.holding_id {
        Some(holding) => sql::still_held(cx, row.id, OrgId(holding), MOST_PEOPLE).await,
        None => Ok(Vec::new()),
    }
}

/// How the superior wants it back.
#[derive(Clone, Debug, Default)]
pub struct Restore {
    /// 组织简称; empty for the old one.
    pub short_name: String,
    /// Whether those who still wait in the holding branch come back.
    pub people: bool,
}

/// Brings a closed child back. Returns it and how many people came with it. Errors: as
/// [`preview`]; those of [`orgs::bring_back`].
pub async fn restore(cx: &mut Cx, code: &str, how: &Restore) -> Result<(OrgRef, i64)> {
    let (ended, row) = match orgs::by_code(cx, code).await {
        // Somebody was first.
        Ok(org) if cx.may(Action::CloseChild, &org.path) => return Err(already(cx, &org)),
        _ => find(cx, code).await?,
    };
    let permit = cx.permit(Action::CloseChild, &ended.org)?;
    let lost = Lost::read(&row.lost);
    let typed = how.short_name.trim();
    let name = if typed.is_empty() { row.name.as_str() } else { typed };
    let org = orgs::bring_back(cx, &permit, &ended, name, lost.school_code.as_deref()).await?;
    if !sql::settle(cx, &permit, row.id, "restored").await? {
        return Err(already(cx, &org));
    }
    let mut moved = Vec::new();
    if let (true, Some(holding)) = (how.people, row.holding_id) {
        let holding = orgs::by_id(cx, OrgId(holding)).await?;
        let ids: Vec<PersonId> = waiting(cx, &row).await?.into_iter().map(|(id, _)| id).collect();
        transfers::bring_home(cx, &permit, &holding, &org, &ids).await?;
        moved = people::move_these(cx, &permit, &holding, &org, &ids).await?;
        sql::give_back(cx, &permit, row.id, &org).await?;
        let back = |b: &people::Brought| {
            Event::new("member.brought_back", "person", b.person.0).about(b.person).at(&org.path).detail(
                json!({ "from": holding.code, "from_name": holding.short_name, "to": org.code, "to_name": org.short_name }),
            )
        };
        events::write_many(cx, &permit, moved.iter().map(back).collect()).await?;
    }
    sql::forget_people(cx, &permit, row.id).await?;
    tell(cx, &org, &moved).await?;
    let came = moved.len() as i64;
    let detail = json!({ "code": org.code, "short_name": org.short_name, "before": row.name, "people": came });
    cx.record(permit, Event::new("org.restored", "org", org.id.0).at(&org.path).detail(detail))
        .await?;
    Ok((org, came))
}

fn already(cx: &Cx, org: &OrgRef) -> Error {
    let base = cx.org().map(|o| format!("/o/{}", o.code)).unwrap_or_default();
    let says = format!("“{}”已经恢复,不用再办理。", org.short_name);
    Error::conflict(Refusal::new("E22", says).way("查看组织", format!("{base}/orgs/{}", org.code)))
}

pub(super) async fn tell(cx: &mut Cx, org: &OrgRef, moved: &[people::Brought]) -> Result<()> {
    let ids: Vec<PersonId> = moved.iter().map(|b| b.person).collect();
    let body = format!("{}已恢复,你的团组织关系仍在{}。", org.short_name, org.short_name);
    messages::send_to_people(cx, &ids, "org", "你的团支部已恢复", &body, "/me").await?;
    let parent = superior(cx, org).await?;
    let message = Message {
        to: To::Org(parent.id),
        kind: "org",
        title: format!("{}已恢复", org.short_name),
        body: format!("由 {} 办理。职务和管理员要重新任命。", cx.actor_name()),
        href: format!("/o/{}/orgs/{}", parent.code, org.code),
    };
    messages::send(cx, message).await
}

/// What the address of an organisation that is not there says: where its people went, for those
/// who may see it; `NotFound` for everybody else.
pub async fn trace(cx: &mut Cx, code: &str) -> Error {
    match told(cx, code).await {
        Ok(Some(refusal)) => Error::Closed(Box::new(refusal)),
        Ok(None) => Error::NotFound,
        Err(e) => e,
    }
}

async fn told(cx: &mut Cx, code: &str) -> Result<Option<Refusal>> {
    let Some(ended) = orgs::ended_by_code(cx, code).await? else { return Ok(None) };
    if !cx.may(Action::SeeOrg, &ended.org.path) {
        return Ok(None);
    }
    let Some(row) = sql::of_org(cx, ended.org.id).await? else { return Ok(None) };
    let base = format!("/o/{}", cx.org()?.code);
    let mut refusal = Refusal::new("org_closed", said(&row));
    if row.state == "open" && row.until >= cx.now() && cx.may(Action::CloseChild, &row.path) {
        refusal = refusal.way("恢复这个组织", format!("{base}/closed/{}", row.code));
    }
    if let (Some(holding), Some(path)) = (&row.holding_code, &row.holding_path)
        && row.holding_status.as_deref() != Some("DELETED")
        && cx.may(Action::SeeMembers, path)
    {
        refusal = refusal.way("查看它的团员", format!("{base}/members?under={holding}"));
    }
    let parent = row.parent_code;
    Ok(Some(refusal.way("上级组织", format!("{base}/orgs/{parent}"))))
}

fn said(row: &sql::Stored) -> String {
    let went = match &row.holding_name {
        Some(holding) if row.people > 0 => {
            format!("它的 {} 位团员转入了{}下的“{holding}”。", row.people, row.parent_name)
        }
        _ => "撤销时没有团员。".to_owned(),
    };
    format!("“{}”已于 {} 由 {} 撤销。{went}", row.name, show_time(row.closed_at), row.closer)
}

/// As [`trace`], for somebody who has signed in and acts nowhere: she was one of its people or held
/// a post there, or she may see it from another organisation of hers.
pub async fn trace_of_own(cx: &mut Cx, code: &str) -> Result<Option<Error>> {
    let visitor = cx.visitor()?.clone();
    let Some(ended) = orgs::ended_by_code(cx, code).await? else { return Ok(None) };
    let Some(row) = sql::of_org(cx, ended.org.id).await? else { return Ok(None) };
    let above = visitor.grants.iter().find(|g| {
        crate::access::reach(Action::SeeOrg, g.role).is_some() && g.org.covers(&ended.org.path)
    });
    if above.is_none() && !sql::was_of(cx, ended.org.id, visitor.person).await? {
        return Ok(None);
    }
    let mut refusal = Refusal::new("org_closed", said(&row));
    if let Some(grant) = above {
        refusal = refusal.way("在上级组织查看", format!("/o/{}/orgs/{}", grant.org.code, row.code));
    }
    Ok(Some(Error::Closed(Box::new(refusal.way("个人首页", "/me")))))
}

/// What can no longer be restored is final, and who was in it is forgotten. For the clockwork.
pub async fn finish_due(house: &House) -> Result<()> {
    loop {
        let done = act!(house, Who::System("closings"), |cx| {
            let due = sql::due(cx, 50).await?;
            for (id, path) in &due {
                let permit = cx.permit_system(Action::CloseChild)?;
                if !sql::settle(cx, &permit, *id, "final").await? {
                    cx.return_unused(permit);
                    continue;
                }
                sql::forget_people(cx, &permit, *id).await?;
                let event = Event::new("org.closing_final", "closing", id.0).at(path);
                cx.record(permit, event).await?;
            }
            Ok(due.len())
        })?;
        if done == 0 {
            return Ok(());
        }
    }
}
