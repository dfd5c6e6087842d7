//! 组织录入进度 (A12): one row for each direct child, whether its information is complete and what is
//! missing, by sector, drill-down, download.

use crate::{
    answer::Answer,
    error::Failure,
    form::Query,
    frame::Frame,
    page,
    stats::{chosen, drill},
    visit::Visit,
};
use app::{
    orgs::{self, ProgressAsked, ProgressPage, ProgressState},
    stats::Sector,
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 组织录入进度.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/progress.html")]
pub struct OrgProgress {
    #[serde(skip)]
    frame: Frame,
    /// 组织码 of the organisation whose direct children are listed.
    under: String,
    under_name: String,
    table: ProgressPage,
    /// 分领域: address, name, chosen.
    #[serde(skip)]
    tabs: Vec<(String, &'static str, bool)>,
    /// `(code, words, chosen)`.
    #[serde(skip)]
    states: Vec<(&'static str, &'static str, bool)>,
    /// Code of the chosen sector; empty for all.
    #[serde(skip)]
    domain: &'static str,
    /// What the address keeps besides the page's number.
    #[serde(skip)]
    kept: String,
    #[serde(skip)]
    base: String,
}
page!(OrgProgress);

/// What the address chooses.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Choice {
    /// 组织码 to look into; the own organisation when absent.
    under: String,
    /// One sector only (分领域).
    domain: Option<Sector>,
    /// Complete ones or the others only.
    state: ProgressState,
    page: usize,
}
impl Choice {
    fn asked(&self) -> ProgressAsked {
        ProgressAsked { sector: self.domain, state: self.state }
    }
}

/// `GET /o/{org}/progress/orgs`.
pub async fn show(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let under = chosen(&mut v, &q.under).await?;
    let table = orgs::progress(&mut v.cx, &under, q.asked(), q.page).await?;
    let mut frame = v.frame("组织录入进度", "/progress/orgs").await?;
    drill(&mut v, &mut frame, &under, "/progress/orgs").await?;
    let states = ProgressState::ALL;
    let state = states.iter().find(|(s, ..)| *s == q.state).map_or("all", |(_, code, _)| code);
    let address = |sector: Option<Sector>| {
        let domain = sector.map_or(String::new(), |s| format!("&domain={}", s.key()));
        format!("?under={}{domain}&state={state}", under.code)
    };
    let all = [(address(None), "全部", q.domain.is_none())];
    let each = Sector::ALL.map(|s| (address(Some(s)), s.label(), q.domain == Some(s)));
    let page = OrgProgress {
        frame,
        under: under.code.clone(),
        under_name: under.short_name.clone(),
        table,
        tabs: all.into_iter().chain(each).collect(),
        states: states.iter().map(|(s, code, label)| (*code, *label, *s == q.state)).collect(),
        domain: q.domain.map_or("", Sector::key),
        kept: address(q.domain),
        base,
    };
    v.show(page).await
}

/// `GET /o/{org}/progress/orgs.xlsx`.
pub async fn download(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let under = chosen(&mut v, &q.under).await?;
    let bytes = orgs::progress_workbook(&mut v.cx, &under, q.asked()).await?;
    let sector = q.domain.map_or(String::new(), |s| format!("-{}", s.label()));
    let name = format!("组织录入进度-{}{sector}.xlsx", under.short_name);
    v.file(&name, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", bytes).await
}
