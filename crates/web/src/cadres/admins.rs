//! 管理员变更 (A14): seats, adding, revoking with its effect, and the yearly confirmation of the
//! children's administrators.

use super::{At, org_at, places, query_at, wrong};
use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    OrgRef, Role,
    cadres::{
        admins::{self, Board},
        idle,
    },
    clock,
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A taken seat.
#[derive(Serialize, JsonSchema)]
pub struct SeatRow {
    code: String,
    name: String,
    post: String,
    granted: String,
    confirmed: String,
    /// Whether it is the one who looks.
    me: bool,
    /// Since when it rests, because nobody used it; empty: it does not.
    rests: String,
}

/// 管理员变更.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/admins.html")]
pub struct Admins {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    org_name: String,
    org_code: String,
    own: bool,
    seats: Vec<SeatRow>,
    most: i64,
    /// Every seat is taken.
    full: bool,
    /// Cadres who could be added: code, words.
    candidates: Vec<(String, String)>,
    #[serde(skip)]
    person: String,
    #[serde(skip)]
    at: String,
    #[serde(skip)]
    places: Vec<(String, String)>,
    /// Operators name the organisation by its code.
    operator: bool,
    has_children: bool,
    /// How many seats of children wait for confirmation; at most 50 are counted.
    unconfirmed: usize,
}
page!(Admins);

async fn board(v: &mut Visit, org: &OrgRef, person: &str) -> Result<Admins, Failure> {
    let Board { seats, most, candidates, own } = admins::board(&mut v.cx, org).await?;
    let me = v.cx.visitor()?.person;
    let seat = |s: app::cadres::Seat| SeatRow {
        me: s.person == me,
        rests: s.suspended_at.map(clock::show_day).unwrap_or_default(),
        code: s.person_code,
        name: s.name,
        post: s.post,
        granted: clock::show_day(s.granted_at),
        confirmed: clock::show_day(s.confirmed_at),
    };
    let acting = v.cx.acting()?.clone();
    let unconfirmed = admins::unconfirmed(&mut v.cx, None).await?.0.len();
    Ok(Admins {
        frame: v.frame("管理员变更", "/admins").await?,
        base: v.base()?,
        org_name: org.short_name.clone(),
        org_code: org.code.clone(),
        own,
        full: i64::try_from(seats.len()).is_ok_and(|n| n >= most),
        seats: seats.into_iter().map(seat).collect(),
        most,
        candidates: candidates
            .into_iter()
            .map(|c| (c.code, format!("{}({})", c.name, c.post)))
            .collect(),
        person: person.to_owned(),
        at: query_at(&v.cx, org),
        places: places(&mut v.cx).await?,
        operator: acting.role == Role::Operator,
        has_children: !acting.org.category.owns_members(),
        unconfirmed,
    })
}

/// `GET /o/{org}/admins`.
pub async fn show(mut v: Visit, Query(q): Query<At>) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &q.at).await?;
    let page = board(&mut v, &org, "").await?;
    v.show(page).await
}

/// Who becomes administrator of what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AddForm {
    /// 组织码 of the organisation; empty for the own one.
    at: String,
    /// Code of one of its cadres.
    person: String,
}

/// `POST /o/{org}/admins`.
pub async fn add(mut v: Visit, Form(form): Form<AddForm>) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &form.at).await?;
    match admins::appoint(&mut v.cx, &org, &form.person).await {
        Ok(name) => {
            let to = format!("{}/admins{}", v.base()?, query_at(&v.cx, &org));
            v.done(to, format!("{name}已成为{}的管理员。", org.short_name)).await
        }
        Err(error) => {
            let errors = wrong(error)?;
            let mut page = board(&mut v, &org, &form.person).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
    }
}

/// 撤销管理员, with its effect.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/revocation.html")]
pub struct Revocation {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    code: String,
    name: String,
    post: String,
    org_name: String,
    org_code: String,
    /// Who is left.
    left: Vec<String>,
    /// Why whoever looks can't do it.
    hindrance: Option<String>,
    #[serde(skip)]
    back: String,
}
page!(Revocation);

/// `GET /o/{org}/admins/{pid}/revocation`.
pub async fn revocation(
    mut v: Visit,
    Path((_, pid)): Path<(String, String)>,
    Query(q): Query<At>,
) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &q.at).await?;
    let r = admins::revoking(&mut v.cx, &org, &pid).await?;
    let base = v.base()?;
    let page = Revocation {
        frame: v.frame("撤销管理员", "/admins").await?,
        code: r.code,
        name: r.name,
        post: r.post,
        left: r.left,
        hindrance: r.hindrance.map(|h| h.message),
        back: format!("{base}/admins{}", query_at(&v.cx, &org)),
        org_name: org.short_name,
        org_code: org.code,
        base,
    };
    v.show(page).await
}

/// Which organisation's right is taken away.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RevokeForm {
    /// 组织码 of the organisation; empty for the own one.
    at: String,
}

/// `POST /o/{org}/admins/{pid}/revocation`.
pub async fn revoke(
    mut v: Visit,
    Path((_, pid)): Path<(String, String)>,
    Form(form): Form<RevokeForm>,
) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &form.at).await?;
    let name = admins::revoke(&mut v.cx, &org, &pid).await?;
    let to = format!("{}/admins{}", v.base()?, query_at(&v.cx, &org));
    v.done(to, format!("已撤销{name}在{}的管理员身份,职务不变。", org.short_name)).await
}

/// `POST /o/{org}/admins/{pid}/resumption`.
pub async fn resume(
    mut v: Visit,
    Path((_, pid)): Path<(String, String)>,
    Form(form): Form<RevokeForm>,
) -> Result<Answer, Failure> {
    let org = org_at(&mut v.cx, &form.at).await?;
    let name = idle::resume(&mut v.cx, &org, &pid).await?;
    let to = format!("{}/admins{}", v.base()?, query_at(&v.cx, &org));
    v.done(to, format!("已恢复{name}在{}的管理员身份。", org.short_name)).await
}

/// A seat that waits for confirmation.
#[derive(Serialize, JsonSchema)]
pub struct Waiting {
    /// How the form names it.
    key: String,
    org_code: String,
    org: String,
    code: String,
    name: String,
    post: String,
    confirmed: String,
    /// What became of a right that nobody used; empty otherwise.
    idle: String,
    #[serde(skip)]
    rests: bool,
}

/// 管理员年度确认.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/confirm.html")]
pub struct Confirm {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    rows: Vec<Waiting>,
    next: Option<String>,
    first_page: bool,
}
page!(Confirm);

/// Where the page begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: String,
}

async fn confirm_page(v: &mut Visit, after: &str) -> Result<Confirm, Failure> {
    let mark = Some(after).filter(|a| !a.is_empty());
    let (rows, next) = admins::unconfirmed(&mut v.cx, mark).await?;
    let base = v.base()?;
    let row = |r: admins::Unconfirmed| Waiting {
        key: r.key(),
        org_code: r.org_code,
        org: r.org_name,
        code: r.person_code,
        name: r.name,
        post: r.post,
        confirmed: clock::show_day(r.confirmed_at.max(r.granted_at)),
        rests: r.suspended_at.is_some(),
        idle: match (r.suspended_at, r.rests_on) {
            (Some(since), _) => format!("长期没有登录,{} 已暂停", clock::show_day(since)),
            (None, Some(on)) => format!("长期没有登录,{} 将暂停", clock::show_day(on)),
            _ => String::new(),
        },
    };
    Ok(Confirm {
        frame: v.frame("下级管理员年度确认", "/admins").await?,
        rows: rows.into_iter().map(row).collect(),
        next: next.map(|mark| format!("{base}/admins/confirm?after={mark}")),
        first_page: after.is_empty(),
        base,
    })
}

/// `GET /o/{org}/admins/confirm`.
pub async fn confirm(mut v: Visit, Query(q): Query<After>) -> Result<Answer, Failure> {
    let page = confirm_page(&mut v, &q.after).await?;
    v.show(page).await
}

/// The seats that are right, as `{组织码}-{person code}`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConfirmForm {
    seat: Vec<String>,
}

/// `POST /o/{org}/admins/confirm`.
pub async fn confirm_many(mut v: Visit, Form(form): Form<ConfirmForm>) -> Result<Answer, Failure> {
    match admins::confirm(&mut v.cx, &form.seat).await {
        Ok(count) => {
            let to = format!("{}/admins/confirm", v.base()?);
            if count == 0 {
                let words = "没有确认任何管理员：他们刚刚已经由别人确认，或者已不再是管理员。\
                             下面是现在还要确认的名单。";
                return v.nothing(to, words, serde_json::Value::Null).await;
            }
            v.done(to, format!("已确认{count}位管理员，一年后再请你确认。")).await
        }
        Err(error) => {
            let errors = wrong(error)?;
            let mut page = confirm_page(&mut v, "").await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
    }
}
