//! 导出审批: exports of whole numbers that need a second person; and 谁看过我.

use crate::{answer::Answer, error::Failure, form::Query, frame::Frame, page, visit::Visit};
use app::{
    Error, clock,
    jobs::{self, JobId},
    people::{consent, seen},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 导出审批.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "people/exports.html")]
pub struct Exports {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    list: Vec<RequestView>,
}

/// 谁看过我.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "me/seen.html")]
pub struct SeenPage {
    #[serde(skip)]
    frame: Frame,
    list: Vec<SeenView>,
    /// `before` of the next page.
    next: Option<String>,
}
page!(Exports, SeenPage);

/// One request.
#[derive(Serialize, JsonSchema)]
pub struct RequestView {
    pub id: String,
    pub no: String,
    pub org: String,
    pub people: String,
    pub reason: String,
    pub asked: String,
    pub asked_at: String,
    pub until: String,
    /// open, agreed, refused, withdrawn or expired.
    pub state: &'static str,
    pub state_name: &'static str,
    pub decided: Option<String>,
    /// Whoever looks may agree.
    pub can_agree: bool,
    pub own: bool,
    /// The file, for whoever asked.
    pub href: Option<String>,
}

/// One entry of 谁看过我.
#[derive(Serialize, JsonSchema)]
pub struct SeenView {
    pub at: String,
    pub what: String,
    pub org: String,
    pub role: String,
}

/// `GET /o/{org}/exports`.
pub async fn list(mut v: Visit) -> Result<Answer, Failure> {
    let base = v.base()?;
    let (me, now) = (v.cx.visitor()?.person, v.cx.now());
    let mut list = Vec::new();
    for r in consent::list(&mut v.cx).await? {
        let own = r.asked_by == me;
        let open = consent::is_open(&r, now);
        let (state, state_name) = match r.state.as_str() {
            "open" if open => ("open", "等待同意"),
            "open" => ("expired", "已过期"),
            "agreed" => ("agreed", "已同意"),
            "refused" => ("refused", "不同意"),
            _ => ("withdrawn", "已撤回"),
        };
        let href = match r.job.filter(|_| own) {
            Some(job) => file_of(&mut v, JobId(job)).await?,
            None => None,
        };
        list.push(RequestView {
            id: r.id.to_string(),
            no: r.no.clone(),
            org: r.org_name.clone(),
            people: if r.people > 5000 {
                "5000人以上".into()
            } else {
                format!("{}人", r.people)
            },
            reason: r.reason.clone(),
            asked: r.asked_name.clone(),
            asked_at: clock::show_time(r.asked_at),
            until: clock::show_day(r.expires_at),
            state,
            state_name,
            decided: r.decided_name.clone(),
            can_agree: open && !own,
            own: open && own,
            href,
        });
    }
    let page = Exports { frame: v.frame("导出审批", "/members").await?, base, list };
    v.show(page).await
}

async fn file_of(v: &mut Visit, job: JobId) -> Result<Option<String>, Failure> {
    let Ok(state) = jobs::state(&mut v.cx, job).await else { return Ok(None) };
    let result: serde_json::Value = serde_json::from_str(&state.result).unwrap_or_default();
    Ok(result["file"].as_str().map(|f| format!("/files/{f}")))
}

fn number(id: &str) -> Result<i64, Error> {
    id.parse().map_err(|_| Error::NotFound)
}

/// `POST /o/{org}/exports/{id}/approval`.
pub async fn agree(mut v: Visit, Path((_, id)): Path<(String, String)>) -> Result<Answer, Failure> {
    let request = consent::agree(&mut v.cx, number(&id)?).await?;
    let to = format!("{}/exports", v.base()?);
    v.done(to, format!("已同意导出{}，表格只有申请人能下载。", request.no)).await
}

/// `POST /o/{org}/exports/{id}/refusal`.
pub async fn refuse(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let request = consent::refuse(&mut v.cx, number(&id)?).await?;
    let to = format!("{}/exports", v.base()?);
    v.done(to, format!("导出{}不再办理，没有生成表格。", request.no)).await
}

/// Where the page begins.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Before {
    before: String,
}

/// `GET /me/seen`.
pub async fn seen(mut v: Visit, Query(q): Query<Before>) -> Result<Answer, Failure> {
    let (list, more) = seen::mine(&mut v.cx, q.before.parse().ok()).await?;
    let next = if more { list.last().map(|s| s.id.to_string()) } else { None };
    let view = |s: seen::Seen| SeenView {
        at: clock::show_time(s.at),
        what: s.what,
        org: s.org,
        role: s.role,
    };
    let list = list.into_iter().map(view).collect();
    let page = SeenPage { frame: v.personal_frame("谁看过我").await?, list, next };
    v.show(page).await
}
