//! 延期换届 (62): the superior puts the election of a direct child off.

use super::{Term, term_of, wrong};
use crate::{answer::Answer, error::Failure, form::Form, frame::Frame, page, visit::Visit};
use app::{Action, OrgRef, cadres, orgs};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Until when, and why.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TermForm {
    /// The last day, `YYYY-MM-DD`.
    until: String,
    reason: String,
}

/// 延期换届.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/term.html")]
pub struct TermPage {
    #[serde(skip)]
    frame: Frame,
    org_name: String,
    term: Option<Term>,
    /// The last day to which it may be put off.
    latest: String,
    #[serde(skip)]
    form: TermForm,
    #[serde(skip)]
    back: String,
}
page!(TermPage);

/// A direct child; whoever may see another organisation learns why it is not hers to decide.
async fn child(v: &mut Visit, code: &str) -> Result<OrgRef, Failure> {
    let code = orgs::code::digits(code).unwrap_or_default();
    let org = orgs::by_code(&mut v.cx, &code).await?;
    if !v.cx.may(Action::SeeOrg, &org.path) {
        return Err(app::Error::NotFound.into());
    }
    if !v.cx.may(Action::PutOffElection, &org.path) {
        return Err(v.cx.forbidden(Action::PutOffElection, &org).into());
    }
    Ok(org)
}

async fn filled(v: &mut Visit, org: &OrgRef, form: TermForm) -> Result<TermPage, Failure> {
    let latest = cadres::latest_of(&mut v.cx, org).await?;
    Ok(TermPage {
        frame: v.frame("延期换届", "/children").await?,
        org_name: org.short_name.clone(),
        term: term_of(v, org).await?,
        latest: latest.map(|day| day.to_string()).unwrap_or_default(),
        form,
        back: format!("{}/orgs/{}", v.base()?, org.code),
    })
}

/// `GET /o/{org}/orgs/{code}/term`.
pub async fn show(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let org = child(&mut v, &code).await?;
    let page = filled(&mut v, &org, TermForm::default()).await?;
    v.show(page).await
}

/// `POST /o/{org}/orgs/{code}/term`.
pub async fn save(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
    Form(form): Form<TermForm>,
) -> Result<Answer, Failure> {
    let org = child(&mut v, &code).await?;
    match cadres::put_off(&mut v.cx, &org, &form.until, &form.reason).await {
        Ok(term) => {
            let to = format!("{}/orgs/{}", v.base()?, org.code);
            let said =
                format!("已批准“{}”延期换届，到 {}。对方会收到消息。", org.short_name, term.ends);
            v.done(to, said).await
        }
        Err(error) => {
            let errors = wrong(error)?;
            let mut page = filled(&mut v, &org, form).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
    }
}
