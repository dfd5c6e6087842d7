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
    /// When it was looked at, Beijing time.
    now: String,
    may_see_history: bool,
    /// What comes next when everything is filled in.
    next: Vec<Way>,
    #[serde(skip)]
    base: String,
}
page!(InfoPage);

impl InfoPage {
    /// Whether the organisation has staffing numbers at all.
    fn has_posts(&self) -> bool {
        self.info.needed.iter().any(|field| field == "admin_posts")
            || !self.info.fields.admin_posts.is_empty()
    }
    /// Parts that this category must fill in.
    fn shown(&self) -> usize {
        self.info.tasks.iter().filter(|t| !t.not_needed && !t.optional).count()
    }
    /// How many of them are done.
    fn done(&self) -> usize {
        let needed = self.info.tasks.iter().filter(|t| !t.not_needed && !t.optional);
        needed.filter(|t| t.is_done()).count()
    }
    /// Where a part is filled in, for those who may.
    fn way(&self, task: &orgs::Task) -> Option<String> {
        self.info.may_edit.then(|| way(&self.base, task)).flatten()
    }
}

/// The page on which a part of the task list is filled in.
pub(crate) fn way(base: &str, task: &orgs::Task) -> Option<String> {
    let page = match task.part {
        _ if task.not_needed => return None,
        orgs::Part::Basic => "/info/edit",
        orgs::Part::Posts => "/info/edit#f-admin_posts",
        orgs::Part::Secretary => "/info/secretary",
        orgs::Part::SchoolCode => "/schools/code",
    };
    let path = format!("/o/{{org}}{}", page.split('#').next().unwrap_or_default());
    crate::routes::needs(&http::Method::GET, &path)?;
    Some(format!("{base}{page}"))
}

/// `GET /o/{org}/info`.
pub async fn show(mut v: Visit) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let info = orgs::info(&mut v.cx, &org).await?;
    let frame = v.frame("组织信息", "/info").await?;
    let base = v.base()?;
    let term = crate::cadres::term_of(&mut v, &org).await?;
    let page = InfoPage {
        frame,
        shown_code: orgs::code::show(&info.code),
        now: app::clock::show_time(v.cx.now()),
        may_see_history: v.cx.may(Action::SeeEvents, &org.path),
        next: next_ways(&v, &org, &base),
        info,
        term,
        base,
    };
    v.show(page).await
}

/// What a new organisation does when its information is complete.
fn next_ways(v: &Visit, org: &OrgRef, base: &str) -> Vec<Way> {
    let ways: &[(Action, &str, &str)] = if org.category.owns_members() {
        &[(Action::ImportMembers, "导入团员", "/imports/new")]
    } else {
        &[
            (Action::CreateChild, "创建下级组织", "/children/new"),
            (Action::IssueCodes, "生成注册码", "/children/codes"),
        ]
    };
    let Ok(acting) = v.cx.acting() else { return Vec::new() };
    ways.iter()
        .filter(|(action, ..)| app::access::reach(*action, acting.role).is_some())
        .map(|(_, label, to)| Way { label: (*label).into(), href: format!("{base}{to}") })
        .collect()
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
        return Err(v.cx.forbidden(Action::EditOrg, org).into());
    }
    let info = orgs::info(&mut v.cx, org).await?;
    let own = v.cx.org()?.id == org.id;
    let frame = v.frame("编辑组织信息", if own { "/info" } else { "/children" }).await?;
    let base = v.base()?;
    let action =
        if own { format!("{base}/info/edit") } else { format!("{base}/orgs/{}/edit", org.code) };
    let industries = super::industries(&info.fields.industry);
    Ok(EditPage {
        frame,
        code: info.code,
        name: org.short_name.clone(),
        category_name: info.category_name,
        form: typed.unwrap_or(EditForm { version: info.version, fields: info.fields }),
        frozen: info.frozen,
        leading: org.category == orgs::Category::Lead,
        needed: info.needed,
        industries,
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
