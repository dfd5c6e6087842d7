//! 组织体检 (X5, rows 60-62): how many organisations need a hand, by kind; the list of a kind, each
//! row with what mends it; the list as a workbook.

use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::{Crumb, Frame},
    page,
    routes::needs,
    visit::Visit,
};
use app::{
    Action, Error, OrgRef,
    clock::show_time,
    error::Way,
    files,
    health::{self, Export, Ill},
    orgs,
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One kind.
#[derive(Serialize, JsonSchema)]
pub struct Kind {
    #[serde(flatten)]
    count: health::Count,
    /// 0, 12, 500+.
    shown: String,
    #[serde(skip)]
    href: String,
}

/// 组织体检.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "health/summary.html")]
pub struct Summary {
    #[serde(skip)]
    frame: Frame,
    /// 组织码 of the organisation whose subtree it is about.
    under: String,
    under_name: String,
    kinds: Vec<Kind>,
    /// Whether nothing is wrong.
    is_well: bool,
    /// Beijing time.
    as_of: Option<String>,
    /// Direct children, to narrow it.
    #[serde(skip)]
    children: Vec<(String, String)>,
    /// Whether the visitor may close and restore.
    may_close: bool,
    #[serde(skip)]
    base: String,
}
page!(Summary);

/// What the address chooses.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Asked {
    /// 组织码 of an organisation below; empty for the own one.
    under: String,
    /// Mark of the page.
    after: String,
}

async fn below(v: &mut Visit, code: &str) -> Result<OrgRef, Failure> {
    let own = v.cx.org()?.clone();
    if code.is_empty() || code == own.code {
        return Ok(own);
    }
    let org = orgs::by_code(&mut v.cx, code).await?;
    if v.cx.may(Action::SeeOrg, &org.path) { Ok(org) } else { Err(Error::NotFound.into()) }
}

/// `&under=…`, where it is not the own organisation.
async fn narrowed(v: &mut Visit, under: &OrgRef) -> Result<String, Failure> {
    let own = v.cx.org()?;
    Ok(if under.id == own.id { String::new() } else { format!("under={}", under.code) })
}

/// `GET /o/{org}/health`.
pub async fn summary(mut v: Visit, Query(q): Query<Asked>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let own = v.cx.org()?.clone();
    let under = below(&mut v, &q.under).await?;
    let found = health::summary(&mut v.cx, &under).await?;
    let narrow = narrowed(&mut v, &under).await?;
    let kind = |count: health::Count| Kind {
        shown: if count.more { format!("{}+", count.count) } else { count.count.to_string() },
        href: format!("{base}/health/{}?{narrow}", count.kind.code()),
        count,
    };
    let kinds: Vec<Kind> = found.counts.into_iter().map(kind).collect();
    let mut children = Vec::new();
    if !own.category.owns_members() {
        let rows = orgs::children(&mut v.cx, &own, None, 200).await?.rows;
        children = rows.into_iter().map(|c| (c.code, c.short_name)).collect();
    }
    let page = Summary {
        frame: v.frame("组织体检", "/health").await?,
        under: if under.id == own.id { String::new() } else { under.code },
        under_name: under.short_name,
        is_well: kinds.iter().all(|k| k.count.count == 0),
        kinds,
        as_of: found.as_of.map(show_time),
        children,
        may_close: app::access::reach(Action::CloseChild, v.cx.acting()?.role).is_some(),
        base,
    };
    v.show(page).await
}

/// An organisation of a list.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    #[serde(flatten)]
    row: health::Row,
    /// What mends it, for whom it is a direct child or the own organisation.
    ways: Vec<Way>,
}

/// One kind's list.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "health/list.html")]
pub struct List {
    #[serde(skip)]
    frame: Frame,
    kind: Ill,
    label: String,
    advice: &'static str,
    under: String,
    under_name: String,
    rows: Vec<Row>,
    next: Option<String>,
    first_page: bool,
    as_of: Option<String>,
    #[serde(skip)]
    base: String,
}
page!(List);

/// `GET /o/{org}/health/{kind}`.
pub async fn list(
    mut v: Visit,
    Path((_, kind)): Path<(String, String)>,
    Query(q): Query<Asked>,
) -> Result<Answer, Failure> {
    let kind = Ill::from_code(&kind).ok_or(Error::NotFound)?;
    let base = v.base()?;
    let under = below(&mut v, &q.under).await?;
    let narrow = narrowed(&mut v, &under).await?;
    let after = Some(q.after.as_str()).filter(|a| !a.is_empty());
    let found = health::list(&mut v.cx, &under, kind, after, 50).await?;
    let own = v.cx.org()?.clone();
    let row = |row: health::Row| Row { ways: ways(&v, &base, &own, kind, &row), row };
    let rows = found.rows.into_iter().map(row).collect();
    let as_of = health::as_of(&mut v.cx).await?.map(show_time);
    let mut frame = v.frame("组织体检", "/health").await?;
    if let Some(last) = frame.crumbs.last_mut() {
        last.href = Some(format!("{base}/health?{narrow}"));
    }
    frame.crumbs.push(Crumb { label: kind.label(), href: None });
    frame.title = kind.label();
    let page = List {
        frame,
        kind,
        label: kind.label(),
        advice: kind.advice(),
        under: if under.id == own.id { String::new() } else { under.code },
        under_name: under.short_name,
        rows,
        next: found.next.map(|mark| format!("{base}/health/{}?{narrow}&after={mark}", kind.code())),
        first_page: after.is_none(),
        as_of,
        base,
    };
    v.show(page).await
}

/// What mends it: pages that are there, and that whoever looks may use.
fn ways(v: &Visit, base: &str, own: &OrgRef, kind: Ill, row: &health::Row) -> Vec<Way> {
    let code = &row.code;
    let is_own = row.path == own.path;
    let is_child = row.superior_path == own.path;
    if !is_own && !is_child {
        return Vec::new();
    }
    let close = (
        "撤销",
        "/o/{org}/children/{code}/close",
        format!("{base}/children/{code}/close"),
        Action::CloseChild,
    );
    let members = (
        "团员名单",
        "/o/{org}/members",
        format!("{base}/members?under={code}"),
        Action::SeeMembers,
    );
    let all = match kind {
        Ill::Empty => vec![
            (
                "导入团员",
                "/o/{org}/imports/new",
                format!("{base}/imports/new?org={code}"),
                Action::ImportMembers,
            ),
            close,
        ],
        Ill::Few => vec![
            (
                "并入其他支部",
                "/o/{org}/children/merge",
                format!("{base}/children/merge?from={code}"),
                Action::ReshapeChildren,
            ),
            members,
            close,
        ],
        Ill::Many => vec![
            (
                "拆分",
                "/o/{org}/children/split",
                format!("{base}/children/split?from={code}"),
                Action::ReshapeChildren,
            ),
            members,
        ],
        Ill::NoPhone => vec![(
            "登记书记和电话",
            "/o/{org}/orgs/{code}/secretary",
            format!("{base}/orgs/{code}/secretary"),
            Action::ChangePosts,
        )],
        Ill::NoAdmin => vec![
            (
                "生成注册码",
                "/o/{org}/children/codes",
                format!("{base}/children/codes"),
                Action::IssueCodes,
            ),
            (
                "指定管理员",
                "/o/{org}/admins",
                format!("{base}/admins?at={code}"),
                Action::ManageAdmins,
            ),
        ],
        Ill::Unplaced => vec![(
            "团干部名单",
            "/o/{org}/cadres",
            format!("{base}/cadres?of={code}"),
            Action::SeeCadres,
        )],
        Ill::TermOver => vec![(
            "办理换届",
            "/o/{org}/elections/new",
            format!("{base}/elections/new?at={code}"),
            Action::ChangePosts,
        )],
        Ill::Holding => vec![(
            "办理转出",
            "/o/{org}/members",
            format!("{base}/members?under={code}"),
            Action::StartTransferOut,
        )],
        Ill::NoBranch if is_own => vec![(
            "创建团支部",
            "/o/{org}/children/new",
            format!("{base}/children/new"),
            Action::CreateChild,
        )],
        Ill::NoBranch => vec![close],
        Ill::SmallGeneral | Ill::SmallCommittee if is_own => {
            vec![("管理下级组织", "/o/{org}/children", format!("{base}/children"), Action::SeeOrg)]
        }
        Ill::SmallGeneral | Ill::SmallCommittee => vec![(
            "下级组织",
            "/o/{org}/children",
            format!("{base}/children?view=tree&open={code}"),
            Action::SeeOrg,
        )],
    };
    let may = |action: Action| match action {
        // These stand below the organisation itself.
        Action::CloseChild | Action::ReshapeChildren | Action::IssueCodes => {
            is_child && v.cx.may(action, &row.path)
        }
        _ => v.cx.may(action, &row.path),
    };
    all.into_iter()
        .filter(|(_, route, _, action)| needs(&http::Method::GET, route).is_some() && may(*action))
        .map(|(label, _, href, _)| Way { label: label.to_owned(), href })
        .collect()
}

/// Which list is to be taken away.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ExportForm {
    /// 组织码 of an organisation below; empty for the own one.
    under: String,
}

/// `POST /o/{org}/health/{kind}/export`.
pub async fn export(
    mut v: Visit,
    Path((_, kind)): Path<(String, String)>,
    Form(form): Form<ExportForm>,
) -> Result<Answer, Failure> {
    let kind = Ill::from_code(&kind).ok_or(Error::NotFound)?;
    let base = v.base()?;
    let under = below(&mut v, &form.under).await?;
    let (house, who, origin) = (v.cx.house().clone(), v.cx.who().clone(), v.cx.origin().clone());
    let paused = v.pause().await?;
    let made = health::export(&house, who, origin, &under, kind).await;
    let v = paused.resume().await?;
    match made? {
        Export::Ready { name, bytes } => v.file(&name, files::XLSX, bytes).await,
        Export::Job(id) => {
            v.done(format!("{base}/jobs/{id}"), "名单较长,正在后台生成表格,完成后在这里下载。")
                .await
        }
    }
}
