//! 书记信息 (40, 41), of the own organisation or of a direct child.

use super::{Term, term_of, wrong};
use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, tick},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Action, Error, OrgRef,
    cadres::{self, NewSecretary},
    people::Entered,
    rules::person::RawCell,
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The 书记 to be entered.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SecretaryForm {
    /// 我就是书记.
    #[serde(deserialize_with = "tick")]
    myself: bool,
    name: String,
    id_number: String,
    mobile: String,
    post_since: String,
}

/// 书记信息.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/secretary.html")]
pub struct SecretaryPage {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    org_name: String,
    /// The present 书记.
    secretary: Option<Known>,
    term: Option<Term>,
    /// Whether whoever looks could tick 我就是书记.
    may_be_me: bool,
    #[serde(skip)]
    form: SecretaryForm,
    #[serde(skip)]
    action: String,
    #[serde(skip)]
    at: String,
    #[serde(skip)]
    back: String,
}
page!(SecretaryPage);

/// The present 书记.
#[derive(Serialize, JsonSchema)]
pub struct Known {
    code: String,
    name: String,
    since: String,
    admin: bool,
    has_mobile: bool,
    may_edit: bool,
}

async fn blank(v: &mut Visit, org: &OrgRef, form: SecretaryForm) -> Result<SecretaryPage, Failure> {
    if !v.cx.may(Action::ChangePosts, &org.path) {
        return Err(v.cx.forbidden(Action::ChangePosts, org).into());
    }
    let known = cadres::secretary(&mut v.cx, org).await?;
    let own = v.cx.org()?.id == org.id;
    let base = v.base()?;
    let (action, back) = if own {
        (format!("{base}/info/secretary"), format!("{base}/info"))
    } else {
        let card = format!("{base}/orgs/{}", org.code);
        (format!("{card}/secretary"), card)
    };
    let secretary = known.map(|s| Known {
        code: s.person_code,
        name: s.held.name.clone(),
        since: s.held.since.clone().unwrap_or_default(),
        admin: s.held.slot.is_some(),
        has_mobile: s.has_mobile,
        may_edit: v.cx.may(Action::EditMember, &org.path),
    });
    Ok(SecretaryPage {
        frame: v.frame("书记信息", if own { "/info" } else { "/children" }).await?,
        org_name: org.short_name.clone(),
        secretary,
        term: term_of(v, org).await?,
        may_be_me: own,
        form,
        action,
        at: super::query_at(&v.cx, org),
        back,
        base,
    })
}

/// `GET /o/{org}/info/secretary`.
pub async fn show(mut v: Visit) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let form = SecretaryForm { myself: false, ..SecretaryForm::default() };
    let page = blank(&mut v, &org, form).await?;
    v.show(page).await
}
/// `GET /o/{org}/orgs/{code}/secretary`.
pub async fn show_of(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let org = super::org_at(&mut v.cx, &code).await?;
    let page = blank(&mut v, &org, SecretaryForm::default()).await?;
    v.show(page).await
}
/// `POST /o/{org}/info/secretary`.
pub async fn save(v: Visit, Form(form): Form<SecretaryForm>) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    store(v, org, form).await
}
/// `POST /o/{org}/orgs/{code}/secretary`.
pub async fn save_of(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
    Form(form): Form<SecretaryForm>,
) -> Result<Answer, Failure> {
    let org = super::org_at(&mut v.cx, &code).await?;
    store(v, org, form).await
}

async fn store(mut v: Visit, org: OrgRef, form: SecretaryForm) -> Result<Answer, Failure> {
    let own = v.cx.org()?.id == org.id;
    let new = NewSecretary {
        myself: form.myself && own,
        name: form.name.clone(),
        id_number: RawCell::text(form.id_number.as_str()),
        mobile: form.mobile.clone(),
        since: form.post_since.clone(),
    };
    match cadres::set_secretary(&mut v.cx, &org, &new).await {
        Ok(Some(name)) => {
            let base = v.base()?;
            let to = if own { format!("{base}/info") } else { format!("{base}/orgs/{}", org.code) };
            v.done(to, format!("已登记{}的书记:{name}。", org.short_name)).await
        }
        Ok(None) => {
            let mut page = blank(&mut v, &org, form).await?;
            if let Error::Invalid(errors) = Entered::other_name() {
                page.frame.errors = errors;
            }
            v.invalid_but_counted(page).await
        }
        Err(error) => {
            let errors = wrong(error)?;
            let mut page = blank(&mut v, &org, form).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
    }
}
