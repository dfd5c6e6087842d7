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
    Action, Error, FieldError, OrgRef,
    access::reach,
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
    /// The name for which the advice was read; sent by the page.
    pub advised: String,
    /// `1` goes on with the next one.
    pub again: String,
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
    categories: Vec<(&'static str, &'static str, String)>,
    industries: Vec<(&'static str, String)>,
    /// What is only pointed out.
    advice: Vec<FieldError>,
    /// Ways on when the name is taken.
    ways: Vec<Way>,
    /// Whether many may be created at once from a workbook (37).
    may_import: bool,
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
    if v.face() != crate::face::Face::Json
        && let Some(advice) = unread(&mut v, &org, &typed).await?
    {
        let advised = typed.short_name.clone();
        let mut page = blank(&mut v, &org, NewForm { advised, ..typed }).await?;
        page.advice = advice;
        return v.invalid(page).await;
    }
    let made = match typed.read() {
        Ok(new) => orgs::create_child(&mut v.cx, &org, new).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(child) => {
            let words =
                format!("已创建“{}”,组织码 {}。", child.short_name, orgs::code::show(&child.code));
            let data = serde_json::json!({ "code": child.code });
            let to = match typed.again.as_str() {
                "1" => {
                    let kept = [("category", &typed.category), ("industry", &typed.industry)];
                    let query = serde_html_form::to_string(kept).unwrap_or_default();
                    format!("{}/children/new?{query}", v.base()?)
                }
                _ => format!("{}/children", v.base()?),
            };
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

/// What should be looked at before this name is kept, unless the page has said it already.
async fn unread(
    v: &mut Visit,
    org: &OrgRef,
    typed: &NewForm,
) -> Result<Option<Vec<FieldError>>, Failure> {
    let Ok(new) = typed.read() else { return Ok(None) };
    if typed.advised == typed.short_name {
        return Ok(None);
    }
    let above = orgs::batch::sites(&mut v.cx, &[org.id]).await?;
    let above = above.first().map_or("", |site| site.full_name.as_str());
    let preview = orgs::preview(above, org.category, &new);
    let told = preview.errors.is_empty() && !preview.advice.is_empty();
    Ok(told.then_some(preview.advice))
}

async fn blank(v: &mut Visit, org: &OrgRef, mut form: NewForm) -> Result<NewPage, Failure> {
    let tree = &Rules::builtin().tree;
    let guide = &Rules::builtin().policy.guide;
    let note = |category: Category| match category {
        Category::Branch => format!(
            "团员直接所在的组织。一般 {} 至 {} 人;{} 人以上选举支部委员会,不足的设书记",
            guide.branch_min, guide.branch_max, guide.committee_election_from
        ),
        Category::General => {
            format!("下面只能设团支部。团员 {} 人以上的单位一般设团总支", guide.general_min)
        }
        Category::Committee => {
            format!("基层团委。团员 {} 人以上的单位一般设团委", guide.committee_min)
        }
        Category::Work => "团的工作委员会,上级团委派出".to_owned(),
        Category::Lead => "市、县级及相当的团委".to_owned(),
        _ => String::new(),
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
        industries: super::industries(""),
        advice: Vec::new(),
        ways: Vec::new(),
        may_import: reach(Action::ImportMembers, v.cx.acting()?.role).is_some(),
        base: v.base()?,
        parent: org.short_name.clone(),
    })
}
