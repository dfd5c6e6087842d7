//! The first administrator of an empty database, by the link that `serve` prints.

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Form, tick},
    frame::Frame,
    meta::show_open,
    page,
    users::{Stranger, session_cookie},
};
use app::{Error, FieldError, users::first};
use askama::Template;
use axum::response::IntoResponse;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The first administrator of an empty database.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "setup/setup.html")]
pub struct Setup {
    #[serde(skip)]
    frame: Frame,
    form: SetupForm,
    categories: Vec<(String, String)>,
    industries: Vec<(String, String)>,
    provinces: Vec<(String, String)>,
}
page!(Setup);

/// What the first administrator enters.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct SetupForm {
    /// The code that the program printed when it started.
    #[serde(default)]
    code: String,
    #[serde(default)]
    org_name: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    industry: String,
    #[serde(default)]
    province: String,
    #[serde(default)]
    name: String,
    #[serde(default, skip_serializing)]
    id_number: String,
    #[serde(default, skip_serializing)]
    password: String,
    #[serde(default, skip_serializing)]
    password_again: String,
    /// Also make the 38 province-level organs (for a national system).
    #[serde(default, deserialize_with = "tick")]
    provinces_too: bool,
}

fn setup_page(s: &Stranger, form: SetupForm, errors: Vec<FieldError>) -> Setup {
    let first::Choices { categories, industries, provinces } = first::choices();
    let mut frame = s.frame("设置第一位管理员");
    frame.errors = errors;
    Setup { frame, form, categories, industries, provinces }
}

/// `GET /setup`. The code is no part of the address: the link carries it behind `#`, which browsers
/// keep to themselves, and it goes with the form.
pub async fn show(s: Stranger) -> Result<Answer, Failure> {
    first::awaited(s.house()).await?;
    show_open(s.face(), &setup_page(&s, SetupForm::default(), Vec::new()))
}

/// `POST /setup`.
pub async fn finish(s: Stranger, Form(f): Form<SetupForm>) -> Result<Answer, Failure> {
    let first = first::First {
        code: f.code.trim().to_owned(),
        org_name: f.org_name.clone(),
        category: f.category.clone(),
        industry: f.industry.clone(),
        province: f.province.clone(),
        name: f.name.clone(),
        id_number: f.id_number.clone(),
        password: f.password.clone(),
        again: f.password_again.clone(),
        provinces_too: f.provinces_too,
    };
    match first::make(s.house(), &first, s.device()).await {
        Ok(secret) => {
            let jar = s.jar().add(session_cookie(s.site(), secret));
            Ok(Answer::open((jar, axum::response::Redirect::to("/me/posts")).into_response()))
        }
        Err(Error::Invalid(errors)) if s.face() != Face::Json => {
            let page = setup_page(&s, f, errors);
            Answer::page(s.face(), StatusCode::UNPROCESSABLE_ENTITY, &page, false)
        }
        Err(e) => Err(e.into()),
    }
}
