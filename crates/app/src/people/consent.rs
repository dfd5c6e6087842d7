//! The word of a second person on an export of whole numbers of many people (security a-10): another
//! administrator of the same organisation, or one of its direct superior. Then a job makes the file,
//! for whoever asked.

pub use super::sql::consent::Request;
use super::{export::Order, sql::consent};
use crate::{
    Action, Cx, Error, Permit, Refusal, Result, clock,
    events::Event,
    jobs::{self, Job},
    messages::{self, Message, To},
    orgs::{self, OrgId, parent_path},
    rules::Rules,
};
use serde_json::json;

const KIND: &str = "export";

/// Asks for the word of a second person; returns the number of the request.
pub(super) async fn ask(
    cx: &mut Cx,
    permit: &Permit,
    order: &Order,
    people: i64,
    reason: &str,
) -> Result<i64> {
    let payload = serde_json::to_string(order).map_err(|e| Error::Broken(e.to_string()))?;
    let days = Rules::builtin().policy.exports.consent_days;
    let new = consent::New {
        no: order.no(),
        org: cx.org()?.id,
        payload: &payload,
        people,
        reason,
        asked_by: cx.visitor()?.person,
        expires_at: clock::end_of_day_after(cx.now(), days),
    };
    let expires_at = new.expires_at;
    let id = consent::insert(cx, permit, new).await?;
    // Either of them can agree, so both are told.
    let org = cx.org()?.clone();
    let superior = match parent_path(&org.path) {
        Some(path) => orgs::names_to(cx, path).await?.pop(),
        None => None,
    };
    for reader in [Some(org.clone()), superior].into_iter().flatten() {
        let message = Message {
            to: To::Org(reader.id),
            kind: KIND,
            title: format!("{}申请导出{people}人的完整号码，等待同意", cx.actor_name()),
            body: format!(
                "{}，导出编号{}，原因：{reason}。{}前有效，由另一位管理员同意后才生成表格。",
                org.short_name,
                order.no(),
                clock::show_day(expires_at),
            ),
            href: format!("/o/{}/exports", reader.code),
        };
        messages::send(cx, message).await?;
    }
    Ok(id)
}

/// What was asked for in the organisation acted for and directly below it, newest first.
pub async fn list(cx: &mut Cx) -> Result<Vec<Request>> {
    cx.scope(Action::ExportMembers)?;
    let org = cx.org()?.id;
    consent::list(cx, org).await
}

/// Whether it may still be decided.
pub fn is_open(request: &Request, now: clock::Millis) -> bool {
    request.state == "open" && request.expires_at >= now
}

/// Agrees: the file is made for whoever asked.
pub async fn agree(cx: &mut Cx, id: i64) -> Result<Request> {
    let (request, permit) = to_decide(cx, id).await?;
    let me = cx.visitor()?.person;
    if request.asked_by == me {
        return Err(said(
            "own_request",
            "自己申请的导出要由另一位管理员同意：本组织的另一位，或直接上级的管理员。",
        ));
    }
    if !consent::still_admin(cx, request.org_id, request.asked_by).await? {
        return Err(said(
            "no_longer_admin",
            "申请人已不是这个组织的管理员，这次导出不能再办理，请点“不同意”。",
        ));
    }
    let order: Order =
        serde_json::from_str(&request.payload).map_err(|e| Error::Broken(e.to_string()))?;
    let org = orgs::by_id(cx, OrgId(request.org_id)).await?;
    let job = Job::ExportMembers(Box::new(order));
    let job =
        jobs::enqueue_for(cx, &job, Some(&org), request.people, Some(request.asked_by)).await?;
    decided(cx, permit, &request, "agreed", Some(job.0)).await?;
    Ok(request)
}

/// Refuses; whoever asked takes it back by the same way.
pub async fn refuse(cx: &mut Cx, id: i64) -> Result<Request> {
    let (request, permit) = to_decide(cx, id).await?;
    let own = request.asked_by == cx.visitor()?.person;
    decided(cx, permit, &request, if own { "withdrawn" } else { "refused" }, None).await?;
    Ok(request)
}

async fn to_decide(cx: &mut Cx, id: i64) -> Result<(Request, Permit)> {
    let org = cx.org()?.id;
    let request = consent::find(cx, id, org).await?.ok_or(Error::NotFound)?;
    if !is_open(&request, cx.now()) {
        return Err(said("E22", "这次导出已经有结果或已过期，请刷新列表再看。"));
    }
    let permit = cx.permit_here(Action::ExportMembers)?;
    Ok((request, permit))
}

async fn decided(
    cx: &mut Cx,
    permit: Permit,
    request: &Request,
    state: &'static str,
    job: Option<i64>,
) -> Result<()> {
    let me = cx.visitor()?.person;
    if !consent::decide(cx, &permit, request.id, state, me, job).await? {
        return Err(said("E22", "这次导出已经有结果，请刷新列表再看。"));
    }
    if request.asked_by != me {
        let (title, then) = match job {
            Some(_) => ("已同意", "表格正在后台生成，完成后在“导出审批”里下载。"),
            None => ("没有同意", "没有生成表格。需要时请说明用途后重新申请。"),
        };
        let org = orgs::by_id(cx, OrgId(request.org_id)).await?;
        let message = Message {
            to: To::Person(request.asked_by),
            kind: KIND,
            title: format!("导出{}{title}", request.no),
            body: format!("{}办理。{then}", cx.actor_name()),
            href: format!("/o/{}/exports", org.code),
        };
        messages::send(cx, message).await?;
    }
    let event = Event::new("export.decided", "export_request", request.id)
        .at(&request.org_path)
        .detail(json!({ "no": request.no, "state": state, "people": request.people }));
    cx.record(permit, event).await
}

fn said(code: &str, message: &str) -> Error {
    Error::conflict(Refusal::new(code, message))
}
