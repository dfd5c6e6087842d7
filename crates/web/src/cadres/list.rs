//! 团干部列表 (A27): the own organisation's, those of all direct children, or of one of them.

use super::{Term, org_at, places, term_of};
use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Action,
    cadres::{self, Whose},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Empty: own; `children`: all direct children; or the 组织码 of one.
    of: String,
    after: String,
}

/// A row.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    pub code: String,
    pub name: String,
    pub org: String,
    pub org_code: String,
    pub post: String,
    pub since: String,
    pub admin: bool,
    /// Whether a telephone is known; the number itself is on the person's card.
    pub has_mobile: bool,
    pub complete: bool,
    pub may_change: bool,
}

/// 团干部列表.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/list.html")]
pub struct List {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    rows: Vec<Row>,
    /// Address of the next page.
    next: Option<String>,
    of: String,
    org_name: String,
    shows_org: bool,
    first_page: bool,
    term: Option<Term>,
    /// The organisation's category has a term but no election was noted.
    no_election: bool,
    may_enter: bool,
    may_elect: bool,
    may_appoint: bool,
    #[serde(skip)]
    at: String,
    #[serde(skip)]
    own: bool,
    #[serde(skip)]
    has_children: bool,
    #[serde(skip)]
    places: Vec<(String, String)>,
}
page!(List);

/// `GET /o/{org}/cadres`.
pub async fn show(mut v: Visit, Query(asked): Query<Asked>) -> Result<Answer, Failure> {
    let own = v.cx.org()?.clone();
    let children = asked.of == "children" && !own.category.owns_members();
    let org = if children { own.clone() } else { org_at(&mut v.cx, &asked.of).await? };
    let whose = if children { Whose::Children(&org) } else { Whose::Of(&org) };
    let after = Some(asked.after.as_str()).filter(|a| !a.is_empty());
    let (lines, next) = cadres::list(&mut v.cx, whose, after).await?;
    let base = v.base()?;
    let row = |line: cadres::Line| Row {
        may_change: v.cx.may(Action::ChangePosts, &line.org_path),
        code: line.person_code,
        name: line.name,
        org: line.org_name,
        org_code: line.org_code,
        post: line.post,
        since: line.since.unwrap_or_default(),
        admin: line.admin,
        has_mobile: line.has_mobile,
        complete: line.complete,
    };
    let rows = lines.into_iter().map(row).collect();
    let is_own = org.id == own.id && !children;
    let of = if children { "children".to_owned() } else { asked.of.clone() };
    let next = next.map(|mark| {
        let query = [("of", of.as_str()), ("after", mark.as_str())];
        format!("{base}/cadres?{}", serde_html_form::to_string(query).unwrap_or_default())
    });
    let term = if children { None } else { term_of(&mut v, &org).await? };
    let elects = !children && cadres::seats_of(&org) > 0;
    let page = List {
        frame: v.frame("团干部列表", "/cadres").await?,
        no_election: term.is_none() && elects,
        term,
        rows,
        next,
        of,
        first_page: after.is_none(),
        shows_org: children,
        may_enter: is_own && v.cx.may(Action::ChangePosts, &org.path) && elects,
        may_elect: elects && v.cx.may(Action::ChangePosts, &org.path),
        may_appoint: elects && v.cx.may(Action::ManageAdmins, &org.path),
        at: super::query_at(&v.cx, &org),
        own: is_own,
        has_children: !own.category.owns_members(),
        places: places(&mut v.cx).await?,
        org_name: org.short_name,
        base,
    };
    v.show(page).await
}

/// Whose cadres are taken away.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ExportForm {
    /// `children`, 组织码 of a direct child, or empty for the own organisation.
    of: String,
}

/// `POST /o/{org}/cadres/export` (row 91).
pub async fn export(mut v: Visit, Form(form): Form<ExportForm>) -> Result<Answer, Failure> {
    let own = v.cx.org()?.clone();
    let children = form.of == "children" && !own.category.owns_members();
    let org = if children { own } else { org_at(&mut v.cx, &form.of).await? };
    let (house, who, origin) = (v.cx.house().clone(), v.cx.who().clone(), v.cx.origin().clone());
    let paused = v.pause().await?;
    let made = cadres::export::export(&house, who, origin, &org, children).await;
    let v = paused.resume().await?;
    let (name, bytes) = made?;
    v.file(&name, app::files::XLSX, bytes).await
}
