//! 申请组织迁移 (A13): choose the new superior, see what goes along, say why, send.

use super::{Going, going};
use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Action, Error, FieldError,
    error::Way,
    orgs,
    relocations::{self, Effect, New},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands in the address.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Chosen {
    /// 组织码 of the new superior, as the picker brings it back.
    to: String,
}

/// The new superior, and what the move brings.
#[derive(Serialize, JsonSchema)]
pub struct Preview {
    to: String,
    old_parent: String,
    new_parent: String,
    effect: Effect,
    going: Vec<Going>,
}

/// 申请组织迁移.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "relocations/new.html")]
pub struct NewPage {
    #[serde(skip)]
    frame: Frame,
    org: Vec<String>,
    preview: Option<Preview>,
    reason: String,
    /// Why the chosen superior can't be, or why nothing can be begun now.
    problem: String,
    ways: Vec<Way>,
    /// It lies in another province: by paper (E14).
    across: bool,
    #[serde(skip)]
    closed: bool,
    #[serde(skip)]
    to: String,
    #[serde(skip)]
    picker: String,
    #[serde(skip)]
    base: String,
}
page!(NewPage);

/// `GET /o/{org}/relocations/new`.
pub async fn new(mut v: Visit, Query(q): Query<Chosen>) -> Result<Answer, Failure> {
    let page = blank(&mut v, q.to.trim(), String::new()).await?;
    v.show(page).await
}

/// What is sent.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewForm {
    /// 组织码 of the new direct superior.
    to: String,
    reason: String,
}

/// `POST /o/{org}/relocations`.
pub async fn create(mut v: Visit, Form(f): Form<NewForm>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let new = New { to: f.to.clone(), reason: f.reason.clone() };
    let errors: Vec<FieldError> = match relocations::start(&mut v.cx, &new).await {
        Ok(begun) => {
            let data = serde_json::json!({ "no": begun.no });
            let said = "已提交迁移申请,先由原上级、再由新上级审批。审批完成前可以随时撤销。";
            return v.done_with(format!("{base}/r/{}", begun.no), said, data).await;
        }
        Err(Error::Invalid(errors)) if v.face() != Face::Json => errors,
        Err(e) => return Err(e.into()),
    };
    let mut page = blank(&mut v, f.to.trim(), f.reason).await?;
    page.frame.errors = errors;
    v.invalid(page).await
}

async fn blank(v: &mut Visit, to: &str, reason: String) -> Result<NewPage, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    if !v.cx.may(Action::StartRelocation, &org.path) {
        return Err(v.cx.forbidden(Action::StartRelocation, &org).into());
    }
    let frame = v.frame("申请组织迁移", "/relocations").await?;
    let names = orgs::names_to(&mut v.cx, &org.path).await?;
    let back = format!("{base}/relocations/new");
    let query = [("for", "relocation"), ("kind", "body"), ("back", back.as_str())];
    let mut page = NewPage {
        frame,
        org: names.into_iter().map(|o| o.short_name).collect(),
        preview: None,
        reason,
        problem: String::new(),
        ways: Vec::new(),
        across: false,
        closed: false,
        to: to.to_owned(),
        picker: format!("{base}/picker?{}", serde_html_form::to_string(query).unwrap_or_default()),
        base,
    };
    match relocations::check(&mut v.cx, to).await {
        Ok(checked) => {
            page.preview = Some(Preview {
                to: checked.new_parent.code.clone(),
                old_parent: checked.old_parent.short_name,
                new_parent: checked.new_parent.short_name,
                going: going(&checked.effect),
                effect: checked.effect,
            });
        }
        Err(Error::Invalid(errors)) => {
            if let Some(error) = errors.into_iter().next().filter(|e| e.code != "required") {
                page.across = error.code == "E14";
                page.problem = error.message;
            }
        }
        Err(Error::Refused(refusal)) => {
            page.closed = true;
            page.problem = refusal.message;
            page.ways = refusal.ways;
        }
        Err(e) => return Err(e.into()),
    }
    Ok(page)
}

/// 跨省迁移申请单, to be printed, signed and handed to the provincial committee (E14).
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "relocations/application.html")]
pub struct Application {
    #[serde(skip)]
    frame: Frame,
    org: orgs::Card,
    org_path: Vec<String>,
    to: orgs::Card,
    to_path: Vec<String>,
    going: Vec<Going>,
    today: String,
    #[serde(skip)]
    back: String,
}
page!(Application);

/// `GET /o/{org}/relocations/application`.
pub async fn application(mut v: Visit, Query(q): Query<Chosen>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let to = orgs::by_code(&mut v.cx, q.to.trim()).await?;
    let Some(old) = orgs::parent_path(&org.path) else { return Err(Error::NotFound.into()) };
    let old = orgs::names_to(&mut v.cx, old).await?.pop().ok_or(Error::NotFound)?;
    let effect = relocations::effect_of(&mut v.cx, &org, &old, &to).await?;
    let mut paths = Vec::new();
    for path in [&org.path, &to.path] {
        let names = orgs::names_to(&mut v.cx, path).await?;
        paths.push(names.into_iter().map(|o| o.short_name).collect::<Vec<_>>());
    }
    let to_path = paths.pop().unwrap_or_default();
    let page = Application {
        frame: v.frame("跨省迁移申请单", "/relocations").await?,
        org: orgs::card(&mut v.cx, &org.code).await?,
        org_path: paths.pop().unwrap_or_default(),
        to: orgs::card(&mut v.cx, &to.code).await?,
        to_path,
        going: going(&effect),
        today: app::clock::say_day(v.cx.now()),
        back: format!("{base}/relocations/new?to={}", to.code),
    };
    v.show(page).await
}
