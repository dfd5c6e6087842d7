//! 管理员注册 (P5, B.1): the code decides the organisation; its whole path is shown before anything
//! is entered. Somebody with an account binds it; anybody else fills in one form.

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::Form,
    frame::Frame,
    meta::show_open,
    page,
    users::{Stranger, session_cookie},
    visit::Visit,
};
use app::{
    Error, FieldError, Who,
    codes::{self, Bind, Joining, Offer},
    error::Way,
};
use askama::Template;
use axum::{extract::Path, response::IntoResponse};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A code to type, and what is wrong with one that was opened.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "codes/enter.html")]
pub struct Enter {
    #[serde(skip)]
    frame: Frame,
    /// As typed.
    code: String,
    ways: Vec<Way>,
}
page!(Enter);

/// The typed code.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CodeForm {
    code: String,
}

/// `GET /register/admin`.
pub async fn enter(s: Stranger) -> Result<Answer, Failure> {
    let page = Enter { frame: s.frame("管理员注册"), code: String::new(), ways: Vec::new() };
    show_open(s.face(), &page)
}

/// `POST /register/admin`: leads on to the code's own page.
pub async fn find(s: Stranger, Form(f): Form<CodeForm>) -> Result<Answer, Failure> {
    if f.code.trim().is_empty() {
        let error = Error::field("code", "E10", "请填写注册码。");
        return again(&s, f.code, error);
    }
    match codes::offer(s.house(), Who::Nobody, &f.code, &s.device().address).await {
        Ok(_) => {
            let to = format!("/join/{}", codes::tidy(&f.code).unwrap_or_default());
            if s.face() == Face::Json {
                let body = axum::Json(serde_json::json!({ "to": to }));
                return Ok(Answer::open(body.into_response()));
            }
            Ok(Answer::open(axum::response::Redirect::to(&to).into_response()))
        }
        Err(error) => again(&s, f.code, error),
    }
}

/// The page for typing a code with what is wrong; anything else is dressed as usual.
fn again(s: &Stranger, code: String, error: Error) -> Result<Answer, Failure> {
    let mut frame = s.frame("管理员注册");
    let (errors, ways) = match error {
        Error::Invalid(errors) if s.face() != Face::Json => (errors, Vec::new()),
        Error::Refused(refusal) if s.face() != Face::Json => {
            (vec![FieldError::new("code", &refusal.code, refusal.message)], refusal.ways)
        }
        other => return Err(other.into()),
    };
    frame.errors = errors;
    let page = Enter { frame, code, ways };
    Answer::page(s.face(), StatusCode::UNPROCESSABLE_ENTITY, &page, false)
}

/// What the code is for, before anything is entered.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "codes/offer.html")]
pub struct OfferPage {
    #[serde(skip)]
    frame: Frame,
    offer: Offer,
    code: String,
    /// Who is signed in.
    visitor: Option<String>,
    /// The post chosen before.
    post: String,
}
page!(OfferPage);

/// `GET /join/{code}`.
pub async fn show(mut v: Visit, s: Stranger, Path(code): Path<String>) -> Result<Answer, Failure> {
    match opened(&v, &s, &code).await {
        Ok(offer) => {
            let page = offer_page(&mut v, &s, offer, code, String::new()).await?;
            v.show(page).await
        }
        Err(error) => again(&s, String::new(), error),
    }
}

async fn opened(v: &Visit, s: &Stranger, code: &str) -> Result<Offer, Error> {
    codes::offer(s.house(), v.cx.who().clone(), code, &s.device().address).await
}

async fn offer_page(
    v: &mut Visit,
    s: &Stranger,
    offer: Offer,
    code: String,
    post: String,
) -> Result<OfferPage, Failure> {
    let visitor = v.cx.visitor().ok().map(|who| who.name.clone());
    let frame = match visitor {
        Some(_) => v.personal_frame("管理员注册").await?,
        None => s.frame("管理员注册"),
    };
    Ok(OfferPage { frame, offer, code, visitor, post })
}

/// 不是我的组织.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "codes/other.html")]
pub struct Other {
    #[serde(skip)]
    frame: Frame,
    offer: Offer,
    code: String,
}
page!(Other);

/// `GET /join/{code}/other`.
pub async fn other(s: Stranger, Path(code): Path<String>) -> Result<Answer, Failure> {
    match codes::offer(s.house(), Who::Nobody, &code, &s.device().address).await {
        Ok(offer) => show_open(s.face(), &Other { frame: s.frame("不是我的组织"), offer, code }),
        Err(error) => again(&s, String::new(), error),
    }
}

/// What somebody without an account fills in.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct JoinForm {
    name: String,
    #[serde(skip_serializing)]
    id_number: String,
    #[serde(skip_serializing)]
    mobile: String,
    /// Code of a post of the category.
    post: String,
    #[serde(skip_serializing)]
    password: String,
    #[serde(skip_serializing)]
    password_again: String,
}

/// 身份与密码.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "codes/join.html")]
pub struct Join {
    #[serde(skip)]
    frame: Frame,
    offer: Offer,
    code: String,
    form: JoinForm,
    /// Whether signing in may be the way on.
    known: bool,
}
page!(Join);
impl Join {
    fn posts(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        self.offer.posts.iter().map(|p| (p.code, p.name, "")).collect()
    }
}
impl OfferPage {
    fn posts(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        self.offer.posts.iter().map(|p| (p.code, p.name, "")).collect()
    }
}

/// `GET /join/{code}/form`.
pub async fn form(s: Stranger, Path(code): Path<String>) -> Result<Answer, Failure> {
    match codes::offer(s.house(), Who::Nobody, &code, &s.device().address).await {
        Ok(offer) => {
            let frame = s.frame("填写身份和密码");
            show_open(
                s.face(),
                &Join { frame, offer, code, form: JoinForm::default(), known: false },
            )
        }
        Err(error) => again(&s, String::new(), error),
    }
}

/// `POST /join/{code}/form`.
pub async fn register(
    s: Stranger,
    Path(code): Path<String>,
    Form(f): Form<JoinForm>,
) -> Result<Answer, Failure> {
    let joining = Joining {
        code: code.clone(),
        name: f.name.clone(),
        id_number: f.id_number.clone(),
        mobile: f.mobile.clone(),
        post: f.post.clone(),
        password: f.password.clone(),
        again: f.password_again.clone(),
    };
    match codes::register(s.house(), &joining, s.device()).await {
        Ok((secret, org)) => {
            let jar = s.jar().add(session_cookie(s.site(), secret));
            let to = format!("/o/{org}/info");
            if s.face() == Face::Json {
                let body = axum::Json(serde_json::json!({ "to": to }));
                return Ok(Answer::open((jar, body).into_response()));
            }
            Ok(Answer::open((jar, axum::response::Redirect::to(&to)).into_response()))
        }
        Err(Error::Invalid(errors)) if s.face() != Face::Json => {
            if errors.iter().any(|e| e.field == "code") {
                return again(&s, String::new(), Error::Invalid(errors));
            }
            let address = &s.device().address;
            let offer = codes::offer(s.house(), Who::Nobody, &code, address).await?;
            let known = errors.iter().any(|e| e.code == "register_known");
            let mut frame = s.frame("填写身份和密码");
            frame.errors = errors;
            let page = Join { frame, offer, code, form: f, known };
            Answer::page(s.face(), StatusCode::UNPROCESSABLE_ENTITY, &page, false)
        }
        Err(error) => again(&s, String::new(), error),
    }
}

/// The post that somebody who has an account takes.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct BindForm {
    post: String,
}

/// `POST /join/{code}/binding`.
pub async fn bind(
    v: Visit,
    s: Stranger,
    Path(code): Path<String>,
    Form(f): Form<BindForm>,
) -> Result<Answer, Failure> {
    // Looked at outside the writing transaction: a wrong code is counted in one of its own.
    let who = v.cx.who().clone();
    let paused = v.pause().await?;
    let offer = match codes::offer(s.house(), who, &code, &s.device().address).await {
        Ok(offer) => offer,
        Err(error) => return again(&s, String::new(), error),
    };
    let mut v = paused.resume().await?;
    match codes::bind(&mut v.cx, &Bind { code: code.clone(), post: f.post.clone() }).await {
        Ok(org) => {
            let words = format!("你已成为“{}”的管理员。请先核对并完善组织信息。", org.short_name);
            v.done(format!("/o/{}/info", org.code), words).await
        }
        Err(Error::Invalid(errors)) if v.face() != Face::Json => {
            let mut page = offer_page(&mut v, &s, offer, code, f.post).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(error) => again(&s, String::new(), error),
    }
}
