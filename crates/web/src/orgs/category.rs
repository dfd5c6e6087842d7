//! 更改组织类别 (row 45): the page says beforehand what it does and that it can be done once.

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Form, tick},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Error, FieldError, OrgRef,
    orgs::{self, Category, CategoryChange, Choice},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 更改组织类别.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/category.html")]
pub struct CategoryPage {
    #[serde(skip)]
    frame: Frame,
    change: CategoryChange,
    chosen: String,
    members: i64,
    /// Without itself.
    organisations: i64,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    org_name: String,
}
page!(CategoryPage);
impl CategoryPage {
    fn open(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        let free = self.change.choices.iter().filter(|c| c.blocks.is_empty());
        free.map(|c| (c.category.code(), c.name, "")).collect()
    }
    fn blocked(&self) -> Vec<&Choice> {
        self.change.choices.iter().filter(|c| !c.blocks.is_empty()).collect()
    }
    fn back(&self) -> String {
        format!("{}/info", self.base)
    }
}

/// The new category.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct CategoryForm {
    pub version: i64,
    /// `COMMITTEE`, `WORK`, `GENERAL`, `BRANCH` or `LEAD`.
    pub category: String,
    /// It is known that this can be done once.
    #[serde(deserialize_with = "tick")]
    pub sure: bool,
}

/// `GET /o/{org}/info/category`.
pub async fn form(mut v: Visit) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let page = blank(&mut v, &org, String::new()).await?;
    v.show(page).await
}

/// `POST /o/{org}/info/category`.
pub async fn save(mut v: Visit, Form(f): Form<CategoryForm>) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let done = match (Category::from_code(&f.category), f.sure) {
        (None, _) => Err(Error::field("category", "required", "请选择新的组织类别。")),
        (_, false) => {
            Err(Error::field("sure", "required", "请先核对,并勾选“知道组织类别只能改这一次”。"))
        }
        (Some(to), true) => orgs::change_category(&mut v.cx, &org, f.version, to).await,
    };
    match done {
        Ok(()) => {
            let to = format!("{}/info", v.base()?);
            v.done(to, "组织类别已更改。请核对组织简称、全称和各项信息。").await
        }
        Err(Error::Invalid(errors)) => refuse(v, &org, f.category, errors).await,
        Err(Error::Refused(refusal)) if v.face() != Face::Json => {
            let error = FieldError::new("category", &refusal.code, refusal.message);
            refuse(v, &org, f.category, vec![error]).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn refuse(
    mut v: Visit,
    org: &OrgRef,
    chosen: String,
    errors: Vec<FieldError>,
) -> Result<Answer, Failure> {
    let mut page = blank(&mut v, org, chosen).await?;
    page.frame.errors = errors;
    v.invalid(page).await
}

async fn blank(v: &mut Visit, org: &OrgRef, chosen: String) -> Result<CategoryPage, Failure> {
    let change = orgs::category_choices(&mut v.cx, org).await?;
    let info = orgs::info(&mut v.cx, org).await?;
    Ok(CategoryPage {
        frame: v.frame("更改组织类别", "/info").await?,
        change,
        chosen,
        members: info.subtree.0,
        organisations: (info.subtree.1 - 1).max(0),
        base: v.base()?,
        org_name: org.short_name.clone(),
    })
}
