//! 参数与字典 (O7): every rule table as it is in force, the figures that can be changed, the
//! province-level organs, and the history of changes.

use crate::{answer::Answer, error::Failure, frame::Frame, page, visit::Visit};
use app::{
    Error,
    proposals::{self, Planned},
    rules::{Rules, SOURCES, changes},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::Serialize;

/// A figure that can be changed.
#[derive(Serialize, JsonSchema)]
pub struct FigureView {
    name: String,
    label: String,
    value: String,
    /// The next change: from when, to what.
    planned: String,
    href: String,
}

/// A province-level organ of the list (C15).
#[derive(Serialize, JsonSchema)]
pub struct ProvinceView {
    code: String,
    name: String,
    former: String,
    merged: String,
    regional: bool,
    system_href: String,
    merge_href: String,
}

/// A change that was agreed on.
#[derive(Serialize, JsonSchema)]
pub struct ChangeView {
    label: String,
    value: String,
    from: String,
    who: String,
    href: String,
    /// Its day has not come.
    later: bool,
}

/// A rule table of the repository.
#[derive(Serialize, JsonSchema)]
pub struct TableView {
    file: &'static str,
    label: &'static str,
}

/// 参数与字典.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "ops/rules.html")]
pub struct RulesPage {
    #[serde(skip)]
    frame: Frame,
    figures: Vec<FigureView>,
    provinces: Vec<ProvinceView>,
    changes: Vec<ChangeView>,
    tables: Vec<TableView>,
    #[serde(skip)]
    base: String,
}
page!(RulesPage);

const LABELS: &[(&str, &str)] = &[
    ("columns.toml", "导入模板的列"),
    ("codes.toml", "民族、政治面貌、学历等代码"),
    ("age.toml", "入团年龄(按年份)"),
    ("dev_number.toml", "发展团员编号(按年份)"),
    ("tree.toml", "组织类别、职务、行业、省级名录"),
    ("transfer.toml", "转接原因、退回原因、审批天数"),
    ("policy.toml", "期限、次数和保留时间"),
    ("graduation.toml", "毕业时间与毕业团员"),
];

fn label_of(name: &str) -> String {
    if let Some(figure) = changes::figure(name) {
        return figure.label.clone();
    }
    let code = name.split('.').nth(1).unwrap_or_default();
    let row = Rules::builtin().tree.province(code).map_or(code, |p| p.short_name.as_str());
    let what = if name.ends_with("regional_system") { "有自己的系统" } else { "并入" };
    format!("{row}:{what}")
}

/// `GET /o/{org}/ops/rules`.
pub async fn show(mut v: Visit) -> Result<Answer, Failure> {
    let base = v.base()?;
    let planned = proposals::planned(&mut v.cx).await?;
    let today = app::clock::day(v.cx.now()).to_string();
    let rules = Rules::builtin();
    let next = |name: &str| {
        let later = planned.iter().filter(|c| c.name == name && c.valid_from > today);
        later.map(|c| c.valid_from.clone()).min().map(|from| {
            let to = planned.iter().find(|c| c.name == name && c.valid_from == from);
            format!("{from} 起 {}", to.map_or("", |c| c.value.as_str()))
        })
    };
    let figures = changes::figures().iter().map(|f| FigureView {
        value: format!("{} {}", changes::value_in(rules, &f.name).unwrap_or_default(), f.unit),
        planned: next(&f.name).unwrap_or_default(),
        href: format!("{base}/ops/new/rule?name={}", f.name),
        name: f.name.clone(),
        label: f.label.clone(),
    });
    let provinces = rules.tree.provinces.iter().map(|p| {
        let name = |code: &String| rules.tree.province(code).map(|row| row.short_name.clone());
        ProvinceView {
            merged: p.merged_into.as_ref().and_then(name).unwrap_or_default(),
            former: p.former_name.clone().unwrap_or_default(),
            regional: p.regional_system,
            system_href: format!("{base}/ops/new/rule?name=province.{}.regional_system", p.code),
            merge_href: format!("{base}/ops/new/rule?name=province.{}.merged_into", p.code),
            code: p.code.clone(),
            name: p.short_name.clone(),
        }
    });
    let view = |c: &Planned| ChangeView {
        label: label_of(&c.name),
        value: c.value.clone(),
        who: format!("{}提出,{}同意", c.proposer, c.decider),
        href: format!("{base}/ops/p/{}", c.no),
        later: c.valid_from > today,
        from: c.valid_from.clone(),
    };
    let tables = SOURCES.iter().map(|(file, _)| TableView {
        file,
        label: LABELS.iter().find(|(f, _)| f == file).map_or(*file, |(_, label)| *label),
    });
    let page = RulesPage {
        figures: figures.collect(),
        provinces: provinces.collect(),
        changes: planned.iter().map(view).collect(),
        tables: tables.collect(),
        frame: v.frame("参数与字典", "/ops").await?,
        base,
    };
    v.show(page).await
}

/// One rule table with the validity of its rows, as it stands in the repository.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "ops/table.html")]
pub struct TablePage {
    #[serde(skip)]
    frame: Frame,
    file: &'static str,
    label: &'static str,
    text: &'static str,
    #[serde(skip)]
    base: String,
}
page!(TablePage);

/// `GET /o/{org}/ops/tables/{name}`.
pub async fn table(
    mut v: Visit,
    Path((_, name)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let (file, text) = SOURCES.iter().find(|(file, _)| *file == name).ok_or(Error::NotFound)?;
    let label = LABELS.iter().find(|(f, _)| f == file).map_or(*file, |(_, label)| *label);
    let page =
        TablePage { frame: v.frame(label, "/ops").await?, file, label, text, base: v.base()? };
    v.show(page).await
}
