//! 团员录入进度 (A21) and 团干部录入进度 (A31): one row for each direct child, drill-down, sorting by
//! share, download.

use crate::{
    answer::Answer,
    error::Failure,
    form::Query,
    frame::{Crumb, Frame},
    page,
    visit::Visit,
};
use app::{
    Error, OrgRef,
    clock::show_time,
    stats::{self, Asked, Bodies, BodyPage, Page, Sector, Sort},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 团员录入进度.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "stats/progress.html")]
pub struct Progress {
    #[serde(skip)]
    frame: Frame,
    /// 组织码 of the organisation whose direct children are listed.
    under: String,
    under_name: String,
    table: Page,
    /// Beijing time.
    as_of: String,
    /// 分领域: address, name, chosen.
    #[serde(skip)]
    tabs: Vec<(String, &'static str, bool)>,
    /// What the address keeps besides the page's number.
    #[serde(skip)]
    kept: String,
    #[serde(skip)]
    sorts: Vec<(&'static str, &'static str, bool)>,
    #[serde(skip)]
    base: String,
}
page!(Progress);

/// What the address chooses.
#[derive(Deserialize, JsonSchema)]
pub struct Choice {
    /// 组织码 to look into; the own organisation when absent.
    #[serde(default)]
    under: String,
    /// One sector only (分领域).
    #[serde(default)]
    domain: Option<Sector>,
    #[serde(default)]
    sort: Sort,
    #[serde(default)]
    page: Option<i64>,
}
impl Choice {
    fn asked(&self) -> Asked {
        Asked { sector: self.domain, sort: self.sort }
    }
}

const SORTS: &[(&str, &str, Sort)] = &[
    ("org", "组织顺序", Sort::Org),
    ("branches_falling", "支部完成占比从高到低", Sort::BranchesFalling),
    ("branches_rising", "支部完成占比从低到高", Sort::BranchesRising),
    ("members_falling", "资料完整占比从高到低", Sort::MembersFalling),
    ("members_rising", "资料完整占比从低到高", Sort::MembersRising),
];

/// `GET /o/{org}/progress/members`.
pub async fn progress(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let under = chosen(&mut v, &q.under).await?;
    let table = stats::children(&mut v.cx, &under, q.asked(), q.page.unwrap_or(1)).await?;
    let mut frame = v.frame("团员录入进度", "/progress/members").await?;
    drill(&mut v, &mut frame, &under, "/progress/members").await?;
    let sort = SORTS.iter().find(|(_, _, sort)| *sort == q.sort).map_or("org", |(key, ..)| key);
    let address = |sector: Option<Sector>| {
        let domain = sector.map_or(String::new(), |s| format!("&domain={}", s.key()));
        format!("?under={}{domain}&sort={sort}", under.code)
    };
    let all = [(address(None), "全部", q.domain.is_none())];
    let each = Sector::ALL.map(|s| (address(Some(s)), s.label(), q.domain == Some(s)));
    let page = Progress {
        tabs: all.into_iter().chain(each).collect(),
        kept: address(q.domain),
        frame,
        under: under.code.clone(),
        under_name: under.short_name.clone(),
        as_of: show_time(table.as_of),
        table,
        sorts: SORTS.iter().map(|(key, label, sort)| (*key, *label, *sort == q.sort)).collect(),
        base,
    };
    v.show(page).await
}

/// `GET /o/{org}/progress/members.xlsx`.
pub async fn download(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let under = chosen(&mut v, &q.under).await?;
    let bytes = stats::workbook(&mut v.cx, &under, q.asked()).await?;
    let sector = q.domain.map_or(String::new(), |s| format!("-{}", s.label()));
    let name = format!("团员录入进度-{}{sector}.xlsx", under.short_name);
    v.file(&name, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", bytes).await
}

pub(crate) async fn chosen(v: &mut Visit, under: &str) -> Result<OrgRef, Failure> {
    let own = v.cx.org()?.clone();
    if under.is_empty() || under == own.code {
        return Ok(own);
    }
    let org = app::orgs::by_code(&mut v.cx, under).await?;
    if own.covers(&org.path) || v.cx.may(app::Action::SeeStats, &org.path) {
        Ok(org)
    } else {
        Err(Error::NotFound.into())
    }
}

/// 团干部录入进度.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "stats/bodies.html")]
pub struct CadreProgress {
    #[serde(skip)]
    frame: Frame,
    /// 组织码 of the organisation whose direct children are listed.
    under: String,
    under_name: String,
    table: BodyPage,
    /// Beijing time.
    as_of: String,
    /// Address, name, chosen.
    #[serde(skip)]
    tabs: Vec<(String, &'static str, bool)>,
    /// 分领域: address, name, chosen.
    #[serde(skip)]
    sectors: Vec<(String, &'static str, bool)>,
    #[serde(skip)]
    of: &'static str,
    #[serde(skip)]
    kept: String,
    #[serde(skip)]
    sorts: Vec<(&'static str, &'static str, bool)>,

    #[serde(skip)]
    base: String,
}
page!(CadreProgress);

/// What the address chooses.
#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub struct CadreChoice {
    /// 组织码 to look into; the own organisation when absent.
    under: String,
    /// Leading organs or the others only.
    of: Bodies,
    /// One sector only (分领域).
    domain: Option<Sector>,
    sort: Sort,
    page: i64,
}
impl Default for CadreChoice {
    fn default() -> Self {
        Self { under: String::new(), of: Bodies::All, domain: None, sort: Sort::Org, page: 1 }
    }
}
impl CadreChoice {
    fn asked(&self) -> (Asked, Bodies) {
        (Asked { sector: self.domain, sort: self.sort }, self.of)
    }
}

const CADRE_SORTS: &[(&str, &str, Sort)] = &[
    ("org", "组织顺序", Sort::Org),
    ("branches_falling", "团组织完成占比从高到低", Sort::BranchesFalling),
    ("branches_rising", "团组织完成占比从低到高", Sort::BranchesRising),
    ("members_falling", "资料完整占比从高到低", Sort::MembersFalling),
    ("members_rising", "资料完整占比从低到高", Sort::MembersRising),
];

/// `GET /o/{org}/progress/cadres`.
pub async fn cadres(mut v: Visit, Query(q): Query<CadreChoice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let under = chosen(&mut v, &q.under).await?;
    let table = stats::bodies(&mut v.cx, &under, q.asked(), q.page).await?;
    let mut frame = v.frame("团干部录入进度", "/progress/cadres").await?;
    drill(&mut v, &mut frame, &under, "/progress/cadres").await?;
    let sorts = CADRE_SORTS.iter();
    let sort = sorts.clone().find(|(_, _, sort)| *sort == q.sort).map_or("org", |(key, ..)| key);
    let address = |of: &str, sector: Option<Sector>| {
        let domain = sector.map_or(String::new(), |s| format!("&domain={}", s.key()));
        format!("?under={}&of={of}{domain}&sort={sort}", under.code)
    };
    let tabs = Bodies::ALL.iter();
    let of = tabs.clone().find(|(of, ..)| *of == q.of).map_or("all", |(_, key, _)| key);
    let page = CadreProgress {
        tabs: tabs.map(|(of, key, label)| (address(key, q.domain), *label, *of == q.of)).collect(),
        sectors: [(address(of, None), "全部领域", q.domain.is_none())]
            .into_iter()
            .chain(Sector::ALL.map(|s| (address(of, Some(s)), s.label(), q.domain == Some(s))))
            .collect(),
        kept: address(of, q.domain),
        of,
        frame,

        under: under.code.clone(),
        under_name: under.short_name.clone(),
        as_of: show_time(table.as_of),
        table,
        sorts: sorts.map(|(key, label, sort)| (*key, *label, *sort == q.sort)).collect(),
        base,
    };
    v.show(page).await
}

/// `GET /o/{org}/progress/cadres.xlsx` (row 91).
pub async fn cadres_download(
    mut v: Visit,
    Query(q): Query<CadreChoice>,
) -> Result<Answer, Failure> {
    let under = chosen(&mut v, &q.under).await?;
    let bytes = stats::bodies_workbook(&mut v.cx, &under, q.asked()).await?;
    let sector = q.domain.map_or(String::new(), |s| format!("-{}", s.label()));
    let name = format!("团干部录入进度-{}{sector}.xlsx", under.short_name);
    v.file(&name, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", bytes).await
}

/// The way down from the own organisation, as breadcrumbs that lead back up.
pub(crate) async fn drill(
    v: &mut Visit,
    frame: &mut Frame,
    under: &OrgRef,
    page: &str,
) -> Result<(), Failure> {
    let own = v.cx.org()?.clone();
    if under.path == own.path {
        return Ok(());
    }
    let page = format!("{}{page}", v.base()?);
    if let Some(last) = frame.crumbs.last_mut() {
        last.href = Some(page.clone());
    }
    for step in app::orgs::names_to(&mut v.cx, &under.path).await? {
        if step.path.len() > own.path.len() {
            let here = step.path == under.path;
            let href = (!here).then(|| format!("{page}?under={}", step.code));
            frame.crumbs.push(Crumb { label: step.short_name, href });
        }
    }
    Ok(())
}
