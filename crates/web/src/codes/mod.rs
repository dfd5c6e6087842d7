//! 管理员注册码 (A10): where the code of each direct child stands, issuing and voiding. The plain
//! codes are on the page of their sheet; registering with one is `join`.

/// 管理员注册: with a link or a typed code.
pub mod join;
/// A code as a square to photograph.
mod qr;
/// The plain codes of one issue.
pub mod sheet;

use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query, tick},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Error,
    codes::{self, Counts, Issued, Row, State},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const SIZE: i64 = 50;

/// What stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `none`, `waiting`, `used`, `expired`, `revoked`; empty for all.
    state: String,
    /// Mark of the page.
    after: String,
}

/// A way to look at the list.
#[derive(Serialize, JsonSchema)]
pub struct Tab {
    pub label: &'static str,
    pub href: String,
    pub current: bool,
    pub count: Option<i64>,
}

/// 管理员注册码.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "codes/list.html")]
pub struct ListPage {
    #[serde(skip)]
    frame: Frame,
    rows: Vec<Row>,
    counts: Counts,
    #[serde(skip)]
    tabs: Vec<Tab>,
    /// Address of the next page.
    next: Option<String>,
    first_page: bool,
    filtered: bool,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    org_base: String,
}
page!(ListPage);

/// The look of a state's chip.
pub(crate) fn look(row: &Row) -> &'static str {
    match row.state {
        State::None => "off",
        State::Waiting if row.days_left.is_some_and(|d| d <= 3) => "warn",
        State::Waiting => "now",
        State::Used => "ok",
        State::Expired => "warn",
        State::Revoked => "off",
    }
}

/// The day of what the state says.
pub(crate) fn day(row: &Row) -> &str {
    row.on.as_deref().unwrap_or_default()
}

/// `GET /o/{org}/children/codes`.
pub async fn list(mut v: Visit, Query(asked): Query<Asked>) -> Result<Answer, Failure> {
    let base = format!("{}/children/codes", v.base()?);
    let state = State::ALL.into_iter().find(|s| s.code() == asked.state);
    let after = Some(asked.after.as_str()).filter(|a| !a.is_empty());
    let found = codes::list(&mut v.cx, state, after, SIZE).await?;
    let counts = codes::counts(&mut v.cx).await?;
    let word = state.map_or("", State::code);
    let page = ListPage {
        frame: v.frame("管理员注册码", "/children/codes").await?,
        next: found.next.map(|mark| format!("{base}?state={word}&after={mark}")),
        rows: found.rows,
        tabs: tabs(&base, state, &counts),
        counts,
        first_page: after.is_none(),
        filtered: state.is_some(),
        org_base: v.base()?,
        base,
    };
    v.show(page).await
}

fn tabs(base: &str, now: Option<State>, counts: &Counts) -> Vec<Tab> {
    let mut tabs = vec![Tab {
        label: "全部",
        href: base.to_owned(),
        current: now.is_none(),
        count: Some(counts.all()).filter(|_| !counts.more),
    }];
    tabs.extend(State::ALL.into_iter().map(|state| Tab {
        label: state.label(),
        href: format!("{base}?state={}", state.code()),
        current: now == Some(state),
        count: Some(counts.of(state)).filter(|_| !counts.more),
    }));
    tabs
}

/// Direct children that were chosen.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Chosen {
    /// 组织码, one or more.
    org: Vec<String>,
}

/// What will happen before it does: issuing to those who have a code already, or voiding.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "codes/check.html")]
pub struct CheckPage {
    #[serde(skip)]
    frame: Frame,
    /// Voiding instead of issuing.
    voids: bool,
    /// Those that get a new code, or lose theirs.
    rows: Vec<Row>,
    /// Names of those whose waiting code becomes void.
    replaced: Vec<String>,
    /// Names of those who have all their administrators or, when voiding, no code that waits.
    left_out: Vec<String>,
    #[serde(skip)]
    base: String,
}
page!(CheckPage);

/// `GET /o/{org}/children/codes/new?org=…`.
pub async fn check(v: Visit, Query(chosen): Query<Chosen>) -> Result<Answer, Failure> {
    preview(v, chosen, false).await
}
/// `GET /o/{org}/children/codes/revocation?org=…`.
pub async fn check_revocation(v: Visit, Query(chosen): Query<Chosen>) -> Result<Answer, Failure> {
    preview(v, chosen, true).await
}

async fn preview(mut v: Visit, chosen: Chosen, voids: bool) -> Result<Answer, Failure> {
    let base = format!("{}/children/codes", v.base()?);
    let mut found = Vec::new();
    for code in chosen.org.iter().take(200) {
        let child = app::orgs::by_code(&mut v.cx, code).await?;
        found.push(codes::of_child(&mut v.cx, &child).await?.ok_or(Error::NotFound)?);
    }
    if found.is_empty() {
        return v.lead(&base);
    }
    let fits = |row: &Row| if voids { row.state == State::Waiting } else { row.may_issue() };
    let (rows, out): (Vec<Row>, Vec<Row>) = found.into_iter().partition(fits);
    let waiting = rows.iter().filter(|r| r.state == State::Waiting);
    let title = if voids { "作废注册码" } else { "生成注册码" };
    let page = CheckPage {
        frame: v.frame(title, "/children/codes").await?,
        voids,
        replaced: waiting.map(|r| r.short_name.clone()).collect(),
        left_out: out.into_iter().map(|r| r.short_name).collect(),
        rows,
        base,
    };
    v.show(page).await
}

/// For whom codes are to be made.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct IssueForm {
    /// 组织码 of direct children.
    org: Vec<String>,
    /// All direct children with neither an administrator nor a usable code.
    #[serde(deserialize_with = "tick")]
    all: bool,
}

/// `POST /o/{org}/children/codes`.
pub async fn issue(mut v: Visit, Form(form): Form<IssueForm>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let issued = if form.all {
        codes::issue_all(&mut v.cx).await?
    } else {
        codes::issue(&mut v.cx, &form.org).await?
    };
    let data = serde_json::json!({
        "sheet": issued.sheet.to_string(), "count": issued.count,
        "job": issued.job.map(|j| j.to_string()),
    });
    if issued.job.is_none() && issued.count == 0 {
        let why = match issued.full.is_empty() {
            true => "没有生成注册码：直属下级都已有管理员或待使用的注册码。".to_owned(),
            false => format!("没有生成注册码：{}的管理员已满。", issued.full.join("、")),
        };
        return v.nothing(format!("{base}/children/codes"), why, data).await;
    }
    match issued.job {
        Some(job) => {
            let words = "正在生成注册码,完成后可以下载和打印。";
            v.done_with(format!("{base}/jobs/{job}"), words, data).await
        }
        None => {
            let to = format!("{base}/children/codes/sheets/{}", issued.sheet);
            v.done_with(to, said(&issued), data).await
        }
    }
}

fn said(issued: &Issued) -> String {
    let mut words = format!("已生成 {} 个注册码。", issued.count);
    if issued.replaced > 0 {
        words.push_str(&format!("{} 个旧的注册码已作废。", issued.replaced));
    }
    if !issued.full.is_empty() {
        words.push_str(&format!("管理员已满、没有生成的:{}。", issued.full.join("、")));
    }
    words
}

/// `POST /o/{org}/children/codes/revocation`.
pub async fn revoke(mut v: Visit, Form(form): Form<Chosen>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let gone = codes::revoke(&mut v.cx, &form.org).await?;
    let to = format!("{base}/children/codes");
    if gone == 0 {
        let words = "没有作废任何注册码：勾选的组织现在没有待使用的注册码（可能已经用掉、到期或作废），\
                     下面是最新的状态。";
        return v.nothing(to, words, serde_json::Value::Null).await;
    }
    let words = format!("已作废{gone}个注册码，不能再用来注册。需要时可以重新生成。");
    v.done(to, words).await
}
