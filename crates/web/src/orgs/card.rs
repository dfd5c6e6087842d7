//! 组织名片 (row 63) at `/o/{org}/orgs/{code}`: names for everybody, the rest by right.

use crate::{answer::Answer, error::Failure, frame::Crumb, frame::Frame, page, visit::Visit};
use app::{Action, orgs};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::Serialize;

/// 组织名片.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/card.html")]
pub struct CardPage {
    #[serde(skip)]
    frame: Frame,
    card: orgs::Card,
    shown_code: String,
    may_edit: bool,
    may_see_history: bool,
    /// The newest registration code, for the direct superior.
    code_row: Option<app::codes::Row>,
    /// Whether posts and administrators may be changed from here.
    may_staff: bool,
    may_see_cadres: bool,
    term: Option<crate::cadres::Term>,
    may_close: bool,
    /// Whether its election may be put off from here.
    may_put_off: bool,
    /// Of a 待接转团支部: how long it has been there, and how many wait in it.
    holding: Option<app::closings::Age>,
    /// Whether it can be merged and split from here.
    may_reshape: bool,
    #[serde(skip)]
    base: String,
}
page!(CardPage);

/// `GET /o/{org}/orgs/{code}`.
pub async fn show(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    // Whoever only looks at the home of an organisation finds no other one from there.
    let own = v.cx.org()?.clone();
    if code != own.code && !v.cx.may(Action::SeeOrg, &own.path) {
        return Err(app::Error::NotFound.into());
    }
    let card = match orgs::card(&mut v.cx, &code).await {
        // Closed: where its people went, for those who may know.
        Err(app::Error::NotFound) => {
            return Err(app::closings::trace(&mut v.cx, &code).await.into());
        }
        found => found?,
    };
    let org = orgs::by_code(&mut v.cx, &code).await?;
    let holding = app::closings::holding_of(&mut v.cx, &org).await?;
    let code_row = app::codes::of_child(&mut v.cx, &org).await?;
    let mut frame = v.frame("组织名片", "/orgs").await?;
    let base = v.base()?;
    if let Some(last) = frame.crumbs.last_mut() {
        *last = Crumb { label: card.short_name.clone(), href: None };
    }
    let sees = v.cx.may(Action::SeeCadres, &org.path);
    let term = if sees { crate::cadres::term_of(&mut v, &org).await? } else { None };
    let page = CardPage {
        frame,
        may_staff: v.cx.may(Action::ChangePosts, &org.path) && app::cadres::seats_of(&org) > 0,
        may_see_cadres: sees,
        may_put_off: term.is_some() && v.cx.may(Action::PutOffElection, &org.path),
        term,
        shown_code: orgs::code::show(&card.code),
        may_edit: v.cx.may(Action::EditOrg, &org.path) && holding.is_none(),
        may_close: v.cx.may(Action::CloseChild, &org.path),
        may_see_history: v.cx.may(Action::SeeEvents, &org.path),
        code_row,
        holding: holding.filter(|_| v.cx.may(Action::SeeOrg, &org.path)),
        may_reshape: v.cx.may(Action::ReshapeChildren, &org.path)
            && !matches!(
                org.category,
                orgs::Category::Lead | orgs::Category::Holding | orgs::Category::Graduate
            ),
        card,
        base,
    };
    v.show(page).await
}
