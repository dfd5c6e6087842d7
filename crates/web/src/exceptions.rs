//! How to ask for an exception (row 133): who to write to, and the statement as a form to print. Open to
//! everybody; with the names of those above for whoever acts for an organisation.

use crate::{
    answer::Answer,
    error::Failure,
    frame::Frame,
    help::Reader,
    meta::show_open,
    page,
    visit::{RequestId, Visit},
};
use app::orgs;
use askama::Template;
use axum::Extension;
use axum_extra::extract::CookieJar;
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Serialize;

/// 特殊情况录入, for everybody.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "help/exceptions.html")]
pub struct HowToAsk {
    #[serde(skip)]
    frame: Frame,
    /// Full name of the organisation, where it is known.
    org: String,
    /// To whom it goes, one after the other.
    above: Vec<String>,
    #[serde(skip)]
    back: String,
}
/// The same inside the organisation that is acted for.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "help/exceptions_of.html")]
pub struct HowToAskHere {
    #[serde(skip)]
    frame: Frame,
    /// Full name of the organisation.
    org: String,
    /// To whom it goes, one after the other.
    above: Vec<String>,
    #[serde(skip)]
    back: String,
}
page!(HowToAsk, HowToAskHere);

/// `GET /help/exceptions`.
pub async fn everybody(
    jar: CookieJar,
    headers: HeaderMap,
    Extension(id): Extension<RequestId>,
) -> Result<Answer, Failure> {
    let reader = Reader::new(&jar, &headers, &id, "特殊情况录入");
    let above = ["直接上级团组织", "县级团委", "市级团委", "省级团委"];
    let page = HowToAsk {
        frame: reader.frame,
        org: String::new(),
        above: above.map(str::to_owned).to_vec(),
        back: "/help".into(),
    };
    show_open(reader.face, &page)
}

/// `GET /o/{org}/exceptions`.
pub async fn here(mut v: Visit) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    let mut names = orgs::names_to(&mut v.cx, &org.path).await?;
    // The centre itself and the own organisation are named apart.
    names.retain(|o| o.depth() > 1 && o.id != org.id);
    names.reverse();
    let page = HowToAskHere {
        org: orgs::full_name(&mut v.cx, org.id).await?,
        above: names.into_iter().map(|o| o.short_name).collect(),
        back: v.base()?,
        frame: v.frame("特殊情况录入", "").await?,
    };
    v.show(page).await
}
