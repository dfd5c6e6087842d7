//! 任务中心 (A5): work of the organisation that takes longer than a page; how far it is, what came of it.

use crate::{answer::Answer, error::Failure, frame::Frame, page, visit::Visit};
use app::{
    Cx, Error, OrgRef, Result as AppResult,
    clock::show_time,
    imports::{self, ImportId},
    jobs::{self, Job, JobId, State},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::Serialize;

/// A job as pages show it.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    pub id: String,
    /// What it does.
    pub name: String,
    /// For whom and with what: an organisation, a file.
    pub about: String,
    /// waiting, running, done or failed.
    pub state: String,
    pub state_name: &'static str,
    pub done: i64,
    pub total: i64,
    /// Beijing time.
    pub created: String,
    pub ended: Option<String>,
    /// The page or file of its result.
    pub result: Option<String>,
    pub result_label: &'static str,
    #[serde(skip)]
    pub look: &'static str,
}

/// 任务中心.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "jobs/list.html")]
pub struct List {
    #[serde(skip)]
    frame: Frame,
    rows: Vec<Row>,
    #[serde(skip)]
    base: String,
}
/// One job.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "jobs/show.html")]
pub struct Show {
    #[serde(skip)]
    frame: Frame,
    job: Row,
    #[serde(skip)]
    base: String,
}
page!(List, Show);

/// `GET /o/{org}/jobs`.
pub async fn list(mut v: Visit) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let base = v.base()?;
    let found = jobs::of_org(&mut v.cx, &org).await?;
    let me = v.cx.visitor()?.person.0;
    let mut rows = Vec::with_capacity(found.len());
    for state in &found {
        let told = tell(&mut v.cx, state, &org).await?;
        rows.push(row(state, told, &base, me));
    }
    let page = List { frame: v.frame("任务中心", "/jobs").await?, rows, base };
    v.show(page).await
}

/// `GET /o/{org}/jobs/{id}`.
pub async fn show(mut v: Visit, Path((_, id)): Path<(String, String)>) -> Result<Answer, Failure> {
    let id: JobId = id.parse().map_err(|_| Error::NotFound)?;
    let state = jobs::state(&mut v.cx, id).await?;
    let org = v.cx.org()?.clone();
    if state.org_id != Some(org.id.0) {
        return Err(Error::NotFound.into());
    }
    let base = v.base()?;
    let me = v.cx.visitor()?.person.0;
    let told = tell(&mut v.cx, &state, &org).await?;
    let job = row(&state, told, &base, me);
    let page = Show { frame: v.frame(&job.name, "/jobs").await?, job, base };
    v.show(page).await
}

/// What a job does and what it does it with, in words. Every kind has its own: a new one does not
/// compile without.
async fn tell(cx: &mut Cx, state: &State, org: &OrgRef) -> AppResult<(String, String)> {
    let own = org.short_name.clone();
    let Some(work) = state.work() else {
        return Ok(("旧版本程序留下的任务".into(), own));
    };
    Ok(match work {
        Job::Import { import, .. } => {
            let found = imports::told(cx, ImportId(import)).await?;
            let Some((kind, into, file)) = found else {
                return Ok(("导入名单".into(), own));
            };
            let name = match kind {
                imports::Kind::Members => "导入团员",
                imports::Kind::Orgs => "批量创建下级组织",
            };
            (name.to_owned(), format!("{into}，{file}"))
        }
        Job::ExportMembers(order) => {
            let name = if order.is_full() {
                "导出团员列表（完整号码）"
            } else {
                "导出团员列表"
            };
            (name.to_owned(), order.org_name().to_owned())
        }
        Job::ExportHealth(order) => {
            ("下载组织体检名单".into(), format!("{}，{}", order.org_name(), order.ill().label()))
        }
        Job::IssueCodes(_) => ("生成管理员注册码".into(), format!("{own}的直属下级")),
        Job::Rekey => ("更换加密密钥".into(), "全部资料".into()),
        Job::Rejudge => ("按新规则重新判断资料是否完善".into(), "全部团员和团干部".into()),
    })
}

fn row(state: &State, (name, about): (String, String), base: &str, me: i64) -> Row {
    let (result, result_label) = result(state, base, me);
    let (state_name, look) = match state.state.as_str() {
        "waiting" => ("排队中", "now"),
        "running" => ("进行中", "now"),
        "done" => ("已完成", "ok"),
        _ => ("未完成", "err"),
    };
    Row {
        id: state.id.to_string(),
        name,
        about,
        state: state.state.clone(),
        state_name,
        look,
        done: state.done,
        total: state.total,
        created: show_time(state.created_at),
        ended: state.ended_at.map(show_time),
        result,
        result_label,
    }
}

/// Where the result is. A file is its maker's alone.
fn result(state: &State, base: &str, me: i64) -> (Option<String>, &'static str) {
    if let Some(import) = state.import() {
        return (Some(format!("{base}/imports/{import}")), "查看导入结果");
    }
    if let Some(sheet) = state.code_sheet().filter(|_| state.person_id == Some(me)) {
        return (Some(format!("{base}/children/codes/sheets/{sheet}")), "查看注册码");
    }
    let said: serde_json::Value = serde_json::from_str(&state.result).unwrap_or_default();
    let file = said["file"].as_str().filter(|_| state.person_id == Some(me));
    (file.map(|file| format!("/files/{file}")), "下载文件（保留7天）")
}
