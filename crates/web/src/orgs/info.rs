//! 组织信息 (A6): what is filled in and what is missing, and the form for it; the direct superior
//! uses the same form for a child.

use crate::{
    answer::Answer, error::Failure, face::Face, form::Form, frame::Frame, page, visit::Visit,
};
use app::{
    Action, Error, FieldError, OrgRef,
    error::Way,
    orgs::{self, Edit},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 组织信息.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/info.html")]
pub struct InfoPage {
    #[serde(skip)]
    frame: Frame,
    info: orgs::Info,
    term: Option<crate::cadres::Term>,
    shown_code: String,
    #[serde(skip)]
    base: String,
}
page!(InfoPage);

impl InfoPage {
    /// How many fields of a section are still missing.
    fn open(&self, section: &str) -> usize {
        let of = |field: &str| match field {
            "secretary" => "people",
            field if field.contains("posts") || field.contains("filled") => "posts",
            _ => "basic",
        };
        self.info.missing.iter().filter(|m| of(&m.field) == section).count()
    }
    /// Whether the organisation has staffing numbers at all.
    fn has_posts(&self) -> bool {
        self.info.needed.iter().any(|field| field == "admin_posts")
            || !self.info.fields.admin_posts.is_empty()
    }
}

/// `GET /o/{org}/info`.
pub async fn show(mut v: Visit) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let info = orgs::info(&mut v.cx, &org).await?;
    let frame = v.frame("组织信息", "/info").await?;
    let base = v.base()?;
    let term = crate::cadres::term_of(&mut v, &org).await?;
    let page = InfoPage { frame, shown_code: orgs::code::show(&info.code), info, term, base };
    v.show(page).await
}

/// The form's fields and the version that it was made from.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct EditForm {
    pub version: i64,
    #[serde(flatten)]
    pub fields: Edit,
}

/// 编辑组织信息.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/edit.html")]
pub struct EditPage {
    #[serde(skip)]
    frame: Frame,
    code: String,
    name: String,
    category_name: String,
    form: EditForm,
    frozen: bool,
    leading: bool,
    /// Fields that this category must fill in.
    needed: Vec<String>,
    industries: Vec<(&'static str, String)>,
    ways: Vec<Way>,
    #[serde(skip)]
    action: String,
    #[serde(skip)]
    back: String,
}
page!(EditPage);

/// `GET /o/{org}/info/edit`.
pub async fn form(mut v: Visit) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let page = blank(&mut v, &org, None).await?;
    v.show(page).await
}
/// `GET /o/{org}/orgs/{code}/edit`.
pub async fn form_of(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let org = super::below(&mut v.cx, &code).await?;
    let page = blank(&mut v, &org, None).await?;
    v.show(page).await
}
/// `POST /o/{org}/info/edit`.
pub async fn save(v: Visit, Form(typed): Form<EditForm>) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    store(v, org, typed).await
}
/// `POST /o/{org}/orgs/{code}/edit`.
pub async fn save_of(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
    Form(typed): Form<EditForm>,
) -> Result<Answer, Failure> {
    let org = super::below(&mut v.cx, &code).await?;
    store(v, org, typed).await
}

async fn store(mut v: Visit, org: OrgRef, typed: EditForm) -> Result<Answer, Failure> {
    let (errors, ways) =
        match orgs::edit(&mut v.cx, &org, typed.version, typed.fields.clone()).await {
            Ok(()) => {
                let to = back(&v, &org)?;
                return v.done(to, format!("已保存“{}”的组织信息。", org.short_name)).await;
            }
            Err(Error::Invalid(errors)) => (errors, Vec::new()),
            Err(Error::Conflict(refusal)) if v.face() != Face::Json => {
                let error = FieldError::new("short_name", &refusal.code, refusal.message.clone());
                (vec![error], refusal.ways)
            }
            Err(other) => return Err(other.into()),
        };
    let mut page = blank(&mut v, &org, Some(typed)).await?;
    page.frame.errors = errors;
    page.ways = ways;
    v.invalid(page).await
}

fn back(v: &Visit, org: &OrgRef) -> Result<String, Failure> {
    let base = v.base()?;
    Ok(if v.cx.org()?.id == org.id {
        format!("{base}/info")
    } else {
        format!("{base}/orgs/{}", org.code)
    })
}

async fn blank(v: &mut Visit, org: &OrgRef, typed: Option<EditForm>) -> Result<EditPage, Failure> {
    if !v.cx.may(Action::EditOrg, &org.path) {
        return Err(app::access::forbidden(Action::EditOrg).into());
    }
    let info = orgs::info(&mut v.cx, org).await?;
    let own = v.cx.org()?.id == org.id;
    let frame = v.frame("编辑组织信息", if own { "/info" } else { "/children" }).await?;
    let base = v.base()?;
    let action =
        if own { format!("{base}/info/edit") } else { format!("{base}/orgs/{}/edit", org.code) };
    Ok(EditPage {
        frame,
        code: info.code,
        name: org.short_name.clone(),
        category_name: info.category_name,
        form: typed.unwrap_or(EditForm { version: info.version, fields: info.fields }),
        frozen: info.frozen,
        leading: org.category == orgs::Category::Lead,
        needed: info.needed,
        industries: super::industries(),
        ways: Vec::new(),
        action,
        back: back(v, org)?,
    })
}

impl EditPage {
    fn optional(&self, field: &str) -> bool {
        !self.needed.iter().any(|n| n == field)
    }
}
