//! 换届 (A30): the list of who sits with what becomes of each, who comes, who is administrator; then
//! every effect in words; then done.

use super::{At, Term, org_at, posts_of, query_at, term_of};
use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Carried, Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    FieldError, OrgRef,
    cadres::election::{self, Ballot, Election, Fate, Newcomer},
    rules::person::RawCell,
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many lines for newcomers the page has.
const LINES: usize = 6;

/// The election as a form: beside these, for everybody who sits `p-{code}` (a post, `leave`, or empty
/// for no change) and `a-{code}` (`1`: administrator afterwards); for newcomers, n from 1 on,
/// `new-{n}-member` (code of a member of the branch) or `new-{n}-name`, `new-{n}-id_number` and
/// `new-{n}-mobile`, with `new-{n}-post` and `new-{n}-admin`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ElectionForm {
    /// 组织码 of the organisation; empty for the own one.
    at: String,
    /// What the page has seen.
    seen: String,
    /// `YYYY-MM-DD`.
    elected_on: String,
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}
impl ElectionForm {
    fn get(&self, name: &str) -> &str {
        self.rest.get(name).map_or("", String::as_str)
    }
    fn election(&self, now: &Ballot) -> Election {
        let fate = |s: &election::Sitting| Fate {
            post: self.get(&format!("p-{}", s.code)).to_owned(),
            admin: self.is_on(&format!("a-{}", s.code)),
            code: s.code.clone(),
        };
        let newcomer = |n: usize| {
            let at = |field: &str| self.get(&format!("new-{n}-{field}")).to_owned();
            Newcomer {
                member: at("member"),
                name: at("name"),
                id_number: RawCell::text(at("id_number")),
                mobile: at("mobile"),
                post: at("post"),
                admin: self.is_on(&format!("new-{n}-admin")),
            }
        };
        Election {
            seen: self.seen.clone(),
            elected_on: self.elected_on.clone(),
            fates: now.sitting.iter().map(fate).collect(),
            newcomers: (1..=LINES).map(newcomer).collect(),
        }
    }
    fn is_on(&self, name: &str) -> bool {
        matches!(self.get(name), "1" | "on" | "true")
    }
    /// Everything that was typed, to be sent again by the last button.
    fn sent(&self) -> Vec<(String, String)> {
        let own = [("at", &self.at), ("seen", &self.seen), ("elected_on", &self.elected_on)];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
        let rest = self.rest.iter().filter(|(_, value)| !value.is_empty());
        own.chain(rest.map(|(name, value)| (name.clone(), value.clone()))).collect()
    }
}

/// Somebody who sits.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    code: String,
    name: String,
    post: String,
    /// Chosen: empty for no change.
    choice: String,
    admin: bool,
}
/// A line for somebody who comes.
#[derive(Serialize, JsonSchema)]
pub struct Line {
    n: usize,
    member: String,
    name: String,
    id_number: String,
    mobile: String,
    post: String,
    admin: bool,
    open: bool,
}

/// 换届.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/election.html")]
pub struct New {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    org_name: String,
    at: String,
    seen: String,
    elected_on: String,
    today: String,
    term: Option<Term>,
    rows: Vec<Row>,
    more: bool,
    most: i64,
    lines: Vec<Line>,
    /// Members of the branch without a post.
    members: Vec<(String, String)>,
    posts: Vec<(&'static str, &'static str)>,
    #[serde(skip)]
    labels: [&'static str; 2],
    #[serde(skip)]
    back: String,
}
page!(New);

/// Every effect, before it happens.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/election_check.html")]
pub struct Check {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    org_name: String,
    elected_on: String,
    secretary: String,
    admins: Vec<String>,
    effects: Vec<String>,
    hints: Vec<String>,
    #[serde(skip)]
    sent: Vec<(String, String)>,
    #[serde(skip)]
    edit: String,
    #[serde(skip)]
    labels: [&'static str; 2],
}
page!(Check);

const LABELS: [&str; 2] = ["填写换届结果", "核对并完成"];

async fn blank(
    v: &mut Visit,
    org: &OrgRef,
    now: Ballot,
    typed: Option<&ElectionForm>,
) -> Result<New, Failure> {
    let row = |s: &election::Sitting| {
        let choice = typed.map_or("", |t| t.get(&format!("p-{}", s.code)));
        Row {
            choice: choice.to_owned(),
            admin: typed.map_or(s.admin, |t| t.is_on(&format!("a-{}", s.code))),
            code: s.code.clone(),
            name: s.name.clone(),
            post: s.post.clone(),
        }
    };
    let line = |n: usize| {
        let at = |f: &str| typed.map_or("", |t| t.get(&format!("new-{n}-{f}"))).to_owned();
        let line = Line {
            n,
            member: at("member"),
            name: at("name"),
            id_number: at("id_number"),
            mobile: at("mobile"),
            post: at("post"),
            admin: typed.is_some_and(|t| t.is_on(&format!("new-{n}-admin"))),
            open: false,
        };
        let filled = [&line.member, &line.name, &line.id_number, &line.post];
        Line { open: n == 1 || filled.iter().any(|t| !t.is_empty()), ..line }
    };
    let today = app::clock::day(v.cx.now()).to_string();
    let base = v.base()?;
    Ok(New {
        frame: v.frame("换届", "/elections/new").await?,
        org_name: org.short_name.clone(),
        at: org.code.clone(),
        seen: now.seen.clone(),
        elected_on: typed.map(|t| t.elected_on.clone()).unwrap_or_default(),
        today,
        term: term_of(v, org).await?,
        rows: now.sitting.iter().map(row).collect(),
        more: now.more,
        most: now.most,
        lines: (1..=LINES).map(line).collect(),
        members: now.members,
        posts: posts_of(org),
        labels: LABELS,
        back: format!("{base}/cadres{}", query_at(&v.cx, org).replace("at=", "of=")),
        base,
    })
}

impl New {
    /// What is wrong with a line, all in one.
    fn line_errors(&self, n: &usize) -> Vec<&FieldError> {
        let start = format!("new-{n}-");
        self.frame.errors.iter().filter(|e| e.field.starts_with(&start)).collect()
    }
}

/// `GET /o/{org}/elections/new`.
pub async fn new(
    mut v: Visit,
    Query(q): Query<At>,
    Query(c): Query<Carried>,
) -> Result<Answer, Failure> {
    if let Some((form, plan)) = v.carried_with::<ElectionForm, Planned>(&c.draft).await? {
        let org = org_at(&mut v.cx, &form.at).await?;
        if !c.edit {
            let edit = format!("{}/elections/new?edit=1&draft={}", v.base()?, c.draft);
            let page = shown(&mut v, org, &form, plan, edit).await?;
            return v.show(page).await;
        }
        let now = election::ballot(&mut v.cx, &org).await?;
        let page = blank(&mut v, &org, now, Some(&form)).await?;
        return v.show(page).await;
    }
    let org = org_at(&mut v.cx, &q.at).await?;
    let now = election::ballot(&mut v.cx, &org).await?;
    let page = blank(&mut v, &org, now, None).await?;
    v.show(page).await
}

/// `POST /o/{org}/elections/new`: judged; every effect is shown at an address of its own. What was
/// found out is kept with the form: asking about people by ID number is counted.
pub async fn check(mut v: Visit, Form(form): Form<ElectionForm>) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &form.at).await?;
    let now = election::ballot(&mut v.cx, &org).await?;
    let judged = election::preview(&mut v.cx, &org, &form.election(&now)).await?;
    let plan = match judged {
        Ok(plan) => plan,
        Err(errors) => return wrong(v, org, &form, errors).await,
    };
    let planned = Planned {
        elected_on: plan.elected_on.to_string(),
        secretary: plan.secretary,
        admins: plan.admins,
        effects: plan.effects,
        hints: plan.hints,
    };
    if v.face() != Face::Json {
        let to = format!("{}/elections/new", v.base()?);
        return v.carry_with(&to, &planned).await;
    }
    let page = shown(&mut v, org, &form, planned, String::new()).await?;
    v.done_showing(page).await
}

/// What the page shows of a plan.
#[derive(Serialize, Deserialize)]
struct Planned {
    elected_on: String,
    secretary: String,
    admins: Vec<String>,
    effects: Vec<String>,
    hints: Vec<String>,
}

async fn shown(
    v: &mut Visit,
    org: OrgRef,
    form: &ElectionForm,
    plan: Planned,
    edit: String,
) -> Result<Check, Failure> {
    Ok(Check {
        frame: v.frame("核对换届", "/elections/new").await?,
        base: v.base()?,
        org_name: org.short_name,
        elected_on: plan.elected_on,
        secretary: plan.secretary,
        admins: plan.admins,
        effects: plan.effects,
        hints: plan.hints,
        sent: form.sent(),
        edit,
        labels: LABELS,
    })
}

/// `POST /o/{org}/elections`.
pub async fn hold(mut v: Visit, Form(form): Form<ElectionForm>) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &form.at).await?;
    let now = election::ballot(&mut v.cx, &org).await?;
    match election::hold(&mut v.cx, &org, &form.election(&now)).await? {
        Ok(plan) => {
            let at = query_at(&v.cx, &org).replace("at=", "of=");
            let to = format!("{}/cadres{at}", v.base()?);
            let says = format!(
                "{}换届已完成:书记{},管理员 {}。",
                org.short_name,
                plan.secretary,
                plan.admins.join("、")
            );
            v.done_with(to, says, serde_json::json!({ "effects": plan.effects })).await
        }
        Err(errors) => wrong(v, org, &form, errors).await,
    }
}

async fn wrong(
    mut v: Visit,
    org: OrgRef,
    form: &ElectionForm,
    errors: Vec<FieldError>,
) -> Result<Answer, Failure> {
    let now = election::ballot(&mut v.cx, &org).await?;
    let mut page = blank(&mut v, &org, now, Some(form)).await?;
    page.frame.errors = errors;
    v.invalid_but_counted(page).await
}
