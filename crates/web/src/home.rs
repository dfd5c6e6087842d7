//! 组织首页 (A1): what needs me, the organisation's card, live numbers, shortcuts.

use crate::{answer::Answer, error::Failure, frame::Frame, page, visit::Visit};
use askama::Template;
use schemars::JsonSchema;
use serde::Serialize;

/// 组织首页.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "home/home.html")]
pub struct Home {
    #[serde(skip)]
    frame: Frame,
    name: String,
    code: String,
    above: Vec<String>,
    todo: Vec<Task>,
}
page!(Home);

/// Something that waits.
#[derive(Serialize, JsonSchema)]
pub struct Task {
    pub name: &'static str,
    pub count: i64,
    pub note: String,
    pub href: String,
}

/// `GET /o/{org}`.
pub async fn show(mut v: Visit) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let names = app::orgs::names_to(&mut v.cx, &org.path).await?;
    let frame = v.frame("组织首页", "").await?;
    let waiting = Task {
        name: "转接审批",
        count: frame.todo,
        note: String::new(),
        href: format!("{base}/inbox"),
    };
    let page = Home {
        frame,
        name: org.short_name.clone(),
        code: org.code.clone(),
        above: names
            .iter()
            .take(names.len().saturating_sub(1))
            .map(|o| o.short_name.clone())
            .collect(),
        todo: Some(waiting).into_iter().filter(|t| t.count > 0).collect(),
    };
    v.show(page).await
}
