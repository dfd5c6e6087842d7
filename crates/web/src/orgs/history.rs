//! 修改记录 of the own organisation and, for the superior, of a child.

use crate::{answer::Answer, error::Failure, form::Query, frame::Frame, page, visit::Visit};
use app::{OrgRef, orgs};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 修改记录.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/history.html")]
pub struct HistoryPage {
    #[serde(skip)]
    frame: Frame,
    history: orgs::History,
    org_name: String,
    /// Address of the next page.
    next: Option<String>,
    #[serde(skip)]
    back: String,
}
page!(HistoryPage);

/// Mark of the page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    before: String,
}

/// `GET /o/{org}/info/history`.
pub async fn show(v: Visit, Query(q): Query<Asked>) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let back = format!("{}/info", v.base()?);
    let here = format!("{back}/history");
    of(v, org, q, (back, here, "/info")).await
}

/// `GET /o/{org}/orgs/{code}/history`.
pub async fn show_of(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
    Query(q): Query<Asked>,
) -> Result<Answer, Failure> {
    let org = super::below(&mut v.cx, &code).await?;
    let back = format!("{}/orgs/{code}", v.base()?);
    let here = format!("{back}/history");
    of(v, org, q, (back, here, "/children")).await
}

async fn of(
    mut v: Visit,
    org: OrgRef,
    q: Asked,
    (back, here, at): (String, String, &str),
) -> Result<Answer, Failure> {
    let before = Some(q.before.as_str()).filter(|b| !b.is_empty());
    let history = orgs::history(&mut v.cx, &org, before, 50).await?;
    let page = HistoryPage {
        frame: v.frame("修改记录", at).await?,
        next: history.next.as_ref().map(|mark| format!("{here}?before={mark}")),
        history,
        org_name: org.short_name,
        back,
    };
    v.show(page).await
}
