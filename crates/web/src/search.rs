//! 全局搜索 (A3, B.9): people and organisations of the own subtree. Numbers are posted and shown
//! behind a ticket, so that none stands in an address.

use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Action, Error,
    people::search::{self, ByNumber, Hit, Kind, kind_of},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A person found.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    code: String,
    name: String,
    sex: &'static str,
    birth: String,
    way: String,
    post: Option<String>,
    moving: bool,
    complete: bool,
}

/// An organisation found.
#[derive(Serialize, JsonSchema)]
pub struct FoundOrg {
    code: String,
    name: String,
    category: String,
    way: String,
}

/// Where to narrow the search.
#[derive(Serialize, JsonSchema)]
pub struct Narrow {
    label: String,
    href: String,
}

/// 全局搜索.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "people/search.html")]
pub struct Search {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    q: String,
    /// `here`, `elsewhere`, `unplaced`, `nowhere`, `name`, `short` or empty (nothing asked yet).
    outcome: &'static str,
    people: Vec<Found>,
    too_many: bool,
    narrow: Vec<Narrow>,
    orgs: Vec<FoundOrg>,
    can_add: bool,
    /// Where a 转入 of somebody who is elsewhere is begun.
    ask_for: Option<String>,
}
page!(Search);

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    /// The ticket of a search by number.
    t: String,
}

/// The search form.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SearchForm {
    q: String,
}

async fn blank(v: &mut Visit, q: &str) -> Result<Search, Failure> {
    let own = v.cx.org()?.clone();
    Ok(Search {
        base: v.base()?,
        frame: v.frame("搜索", "/search").await?,
        q: q.to_owned(),
        outcome: "",
        people: Vec::new(),
        too_many: false,
        narrow: Vec::new(),
        orgs: Vec::new(),
        can_add: v.cx.may(Action::AddMember, &own.path),
        ask_for: None,
    })
}

/// `GET /o/{org}/search`.
pub async fn show(mut v: Visit, Query(asked): Query<Asked>) -> Result<Answer, Failure> {
    let under = v.cx.org()?.clone();
    if !asked.t.is_empty() {
        let mut page = blank(&mut v, "").await?;
        let (found, hits) = search::ticket(&mut v.cx, &under, &asked.t).await?;
        page.outcome = match found {
            ByNumber::Here { .. } => "here",
            ByNumber::Elsewhere { .. } => "elsewhere",
            ByNumber::Unplaced => "unplaced",
            ByNumber::Nowhere => "nowhere",
        };
        if page.outcome == "elsewhere" && v.cx.may(Action::StartTransferIn, &under.path) {
            page.ask_for = Some(format!("{}/transfers/in/new?t={}", page.base, asked.t));
        }
        page.people = hits.into_iter().map(found_of).collect();
        return v.show(page).await;
    }
    let q = asked.q.trim().to_owned();
    // A number that came by an address is not shown again, nor looked for.
    let number = matches!(kind_of(&q), Kind::IdNumber | Kind::Mobile);
    let mut page = blank(&mut v, if number { "" } else { &q }).await?;
    if q.is_empty() || number {
        return v.show(page).await;
    }
    let hits = search::people(&mut v.cx, &under, &q).await?;
    page.outcome = if hits.kind == Kind::Other { "short" } else { "name" };
    page.too_many = hits.too_many;
    let base = page.base.clone();
    let narrow = |chip: search::Chip| {
        let query = [("q", q.as_str()), ("under", chip.org_code.as_str())];
        let query = serde_html_form::to_string(query).unwrap_or_default();
        let label = format!("{}({} 位以上)", chip.org_name, chip.at_least);
        Narrow { label, href: format!("{base}/members?{query}") }
    };
    page.narrow = hits.chips.into_iter().map(narrow).collect();
    page.people = hits.people.into_iter().map(found_of).collect();
    page.orgs = orgs(&mut v, &q).await?;
    v.show(page).await
}

fn found_of(hit: Hit) -> Found {
    Found {
        code: hit.code,
        name: hit.name,
        sex: hit.sex.label(),
        birth: hit.birth_ym,
        way: hit.way,
        post: hit.post,
        moving: hit.moving,
        complete: hit.complete,
    }
}

/// Organisations below the own one; none for what no organisation is called.
async fn orgs(v: &mut Visit, q: &str) -> Result<Vec<FoundOrg>, Error> {
    let own = v.cx.org()?.clone();
    let query = app::orgs::Query {
        text: q.to_owned(),
        under: Some(own.path.clone()),
        categories: Vec::new(),
        limit: 10,
    };
    let hits = match app::orgs::search(&mut v.cx, &query).await {
        Err(Error::Invalid(_)) => Vec::new(),
        other => other?,
    };
    let depth = own.depth();
    let found = |h: app::orgs::Hit| FoundOrg {
        way: h.full_path.iter().skip(depth).cloned().collect::<Vec<_>>().join(" › "),
        code: h.code,
        name: h.short_name,
        category: h.category_name,
    };
    Ok(hits.into_iter().map(found).collect())
}

/// `POST /o/{org}/search`: numbers get a ticket, everything else goes on by its address.
pub async fn post(mut v: Visit, Form(form): Form<SearchForm>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let q = form.q.trim().to_owned();
    if !matches!(kind_of(&q), Kind::IdNumber | Kind::Mobile) {
        let query = serde_html_form::to_string([("q", &q)]).unwrap_or_default();
        return v.done(format!("{base}/search?{query}"), "").await;
    }
    let under = v.cx.org()?.clone();
    match search::by_number(&mut v.cx, &under, &q).await {
        Ok(ticket) => v.done(format!("{base}/search?t={ticket}"), "").await,
        Err(Error::Invalid(errors)) => {
            let mut page = blank(&mut v, "").await?;
            page.q = q;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}
