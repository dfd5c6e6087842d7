//! 特殊团支部 (row 128): their conditions, creating one, how long their people are kept (row 195).

use super::{TabLink, tabs};
use crate::{
    answer::Answer, error::Failure, face::Face, form::Form, frame::Frame, page, visit::Visit,
};
use app::{
    Action, Error, FieldError,
    error::Way,
    graduation::{self, Kept},
    orgs,
    rules::Rules,
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind with its condition.
#[derive(Serialize, JsonSchema)]
pub struct Kind {
    kind: &'static str,
    name: &'static str,
    who: &'static str,
    condition: &'static str,
}

/// 特殊团支部.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "graduation/special.html")]
pub struct Special {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    tabs: Vec<TabLink>,
    kinds: Vec<Kind>,
    branches: Vec<Kept>,
    may_create: bool,
    usual: i64,
    most: i64,
    #[serde(skip)]
    choices: Vec<(&'static str, &'static str, &'static str)>,
    #[serde(skip)]
    ways: Vec<Way>,
    #[serde(skip)]
    form: SpecialForm,
    #[serde(skip)]
    base: String,
}
page!(Special);

/// A new special branch.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SpecialForm {
    /// `DELAYED_GRADUATION`, `ABROAD_STUDY` or `SCHOOL_MOBILE`.
    pub kind: String,
    /// 组织简称; the kind's name when left out.
    pub short_name: String,
}

/// `GET /o/{org}/graduation/special`.
pub async fn show(mut v: Visit) -> Result<Answer, Failure> {
    let page = blank(&mut v, SpecialForm::default()).await?;
    v.show(page).await
}

async fn blank(v: &mut Visit, form: SpecialForm) -> Result<Special, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let kinds: Vec<Kind> = graduation::kinds()
        .iter()
        .map(|row| Kind {
            kind: &row.kind,
            name: &row.name,
            who: &row.who,
            condition: &row.condition,
        })
        .collect();
    let retention = &Rules::builtin().policy.retention;
    let leads = org.category == orgs::Category::Lead;
    Ok(Special {
        frame: v.frame("特殊团支部", "/graduation").await?,
        tabs: tabs(&base, "/special"),
        choices: kinds.iter().map(|k| (k.kind, k.name, k.who)).collect(),
        kinds,
        branches: graduation::special_branches(&mut v.cx, &org).await?,
        may_create: v.cx.may(Action::CreateChild, &org.path)
            && !org.category.owns_members()
            && !leads,
        usual: retention.school_mobile_months,
        most: retention.school_mobile_max_months,
        ways: Vec::new(),
        form,
        base,
    })
}

/// `POST /o/{org}/graduation/special`.
pub async fn create(mut v: Visit, Form(form): Form<SpecialForm>) -> Result<Answer, Failure> {
    match graduation::create_special(&mut v.cx, &form.kind, &form.short_name).await {
        Ok(made) => {
            let words = format!("已创建“{}”。接着把团员在校内转入这里。", made.short_name);
            let to = format!("{}/graduation/special", v.base()?);
            v.done_with(to, words, serde_json::json!({ "code": made.code })).await
        }
        Err(Error::Invalid(errors)) => {
            let mut page = blank(&mut v, form).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(Error::Conflict(refusal) | Error::Refused(refusal)) if v.face() != Face::Json => {
            let mut page = blank(&mut v, form).await?;
            page.frame.errors =
                vec![FieldError::new("short_name", &refusal.code, refusal.message.clone())];
            page.ways = refusal.ways;
            v.invalid(page).await
        }
        Err(other) => Err(other.into()),
    }
}
