//! 创建下级组织 (A8): name, category, industry; the full name is suggested and may be changed.

use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Error, FieldError, OrgRef,
    error::Way,
    orgs::{self, Category, New},
    rules::Rules,
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The form's fields, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewForm {
    pub short_name: String,
    /// Left empty it is suggested from the superior's.
    pub full_name: String,
    /// `COMMITTEE`, `WORK`, `GENERAL`, `BRANCH` or `LEAD`, as the superior allows.
    pub category: String,
    /// Key of an industry.
    pub industry: String,
}
impl NewForm {
    fn read(&self) -> Result<New, Error> {
        let category = Category::from_code(&self.category)
            .ok_or_else(|| Error::field("category", "required", "请选择“组织类别”。"))?;
        let text = |value: &str| (!value.trim().is_empty()).then(|| value.to_owned());
        Ok(New {
            short_name: self.short_name.clone(),
            full_name: text(&self.full_name),
            category,
            industry: text(&self.industry),
        })
    }
}

/// 创建下级组织.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/new.html")]
pub struct NewPage {
    #[serde(skip)]
    frame: Frame,
    form: NewForm,
    /// Categories that may stand here: key and name.
    categories: Vec<(&'static str, &'static str, &'static str)>,
    industries: Vec<(&'static str, String)>,
    /// What is only pointed out.
    advice: Vec<FieldError>,
    /// Ways on when the name is taken.
    ways: Vec<Way>,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    parent: String,
}
page!(NewPage);

/// `GET /o/{org}/children/new`; with a name in the address the full name is filled in (预览).
pub async fn form(mut v: Visit, Query(mut typed): Query<NewForm>) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let mut advice = Vec::new();
    let mut errors = Vec::new();
    if !typed.short_name.trim().is_empty() {
        let info = orgs::info(&mut v.cx, &org).await?;
        match typed.read() {
            Ok(new) => {
                let preview = orgs::preview(&info.fields.full_name, org.category, &new);
                typed.full_name = preview.full_name;
                (advice, errors) = (preview.advice, preview.errors);
            }
            Err(Error::Invalid(list)) => errors = list,
            Err(other) => return Err(other.into()),
        }
    }
    let mut page = blank(&mut v, &org, typed).await?;
    page.advice = advice;
    page.frame.errors = errors;
    v.show(page).await
}

/// `POST /o/{org}/children/new`.
pub async fn save(mut v: Visit, Form(typed): Form<NewForm>) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let made = match typed.read() {
        Ok(new) => orgs::create_child(&mut v.cx, &org, new).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(child) => {
            let words =
                format!("已创建“{}”,组织码 {}。", child.short_name, orgs::code::show(&child.code));
            let data = serde_json::json!({ "code": child.code });
            let to = format!("{}/children", v.base()?);
            v.done_with(to, words, data).await
        }
        Err(Error::Invalid(errors)) => {
            let mut page = blank(&mut v, &org, typed).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(Error::Conflict(refusal)) if v.face() != crate::face::Face::Json => {
            let mut page = blank(&mut v, &org, typed).await?;
            page.frame.errors =
                vec![FieldError::new("short_name", &refusal.code, refusal.message.clone())];
            page.ways = refusal.ways;
            v.invalid(page).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn blank(v: &mut Visit, org: &OrgRef, mut form: NewForm) -> Result<NewPage, Failure> {
    let tree = &Rules::builtin().tree;
    let note = |category: Category| match category {
        Category::Branch => "团员直接所在的组织",
        Category::General => "下面只能设团支部",
        Category::Committee => "基层团委",
        Category::Work => "团的工作委员会",
        Category::Lead => "市、县级及相当的团委",
        _ => "",
    };
    let row = tree.category(org.category);
    let categories: Vec<_> = row
        .children
        .iter()
        .filter(|c| tree.category(**c).creatable)
        .map(|c| (c.code(), c.label(), note(*c)))
        .collect();
    if let ([(only, _, _)], true) = (&categories[..], form.category.is_empty()) {
        form.category = (*only).to_owned();
    }
    Ok(NewPage {
        frame: v.frame("创建下级组织", "/children").await?,
        form,
        categories,
        industries: super::industries(),
        advice: Vec::new(),
        ways: Vec::new(),
        base: v.base()?,
        parent: org.short_name.clone(),
    })
}
