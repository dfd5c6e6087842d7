//! 参数与字典 (O7): every rule table as it is in force, the figures that can be changed, the
//! province-level organs, and the history of changes.

use crate::{answer::Answer, error::Failure, frame::Frame, page, visit::Visit};
use app::{
    Error,
    proposals::{self, Planned},
    rules::{Rules, SOURCES, changes, rows},
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
    /// Its last day has passed.
    over: bool,
}

/// A rule table whose rows can be changed.
#[derive(Serialize, JsonSchema)]
pub struct RowTableView {
    name: &'static str,
    label: &'static str,
    /// How many changes of its rows are in force or planned.
    changed: usize,
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
    row_tables: Vec<RowTableView>,
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
    let row_tables = rows::tables().iter().map(|table| RowTableView {
        name: &table.name,
        label: &table.label,
        changed: planned.iter().filter(|c| of_table(c, table)).count(),
    });
    let tables = SOURCES.iter().map(|(file, _)| TableView {
        file,
        label: LABELS.iter().find(|(f, _)| f == file).map_or(*file, |(_, label)| *label),
    });
    let page = RulesPage {
        figures: figures.collect(),
        provinces: provinces.collect(),
        changes: planned.iter().map(|c| change_view(c, &base, &today)).collect(),
        row_tables: row_tables.collect(),
        tables: tables.collect(),
        frame: v.frame("参数与字典", "/ops").await?,
        base,
    };
    v.show(page).await
}

fn of_table(change: &Planned, table: &rows::Table) -> bool {
    rows::read_name(&change.name).is_some_and(|(of, _)| of.name == table.name)
}

fn change_view(c: &Planned, base: &str, today: &str) -> ChangeView {
    let (label, value) = c.row().unwrap_or_else(|| (label_of(&c.name), c.value.clone()));
    let until = c.valid_until.as_ref().map(|until| format!(" 到 {until}"));
    ChangeView {
        label,
        value,
        who: format!("{}提出,{}同意", c.proposer, c.decider),
        href: format!("{base}/ops/p/{}", c.no),
        later: c.valid_from.as_str() > today,
        over: c.valid_until.as_deref().is_some_and(|until| until < today),
        from: format!("{}{}", c.valid_from, until.unwrap_or_default()),
    }
}

/// A row of a table that can be changed.
#[derive(Serialize, JsonSchema)]
pub struct RowView {
    key: String,
    cells: Vec<String>,
    ended: bool,
    href: String,
    /// Where it is ended; empty when it can't be.
    end_href: String,
}

/// 规则表: its rows in force, and the changes of them.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "ops/rows.html")]
pub struct RowsPage {
    #[serde(skip)]
    frame: Frame,
    name: &'static str,
    label: &'static str,
    affects: &'static str,
    heads: Vec<&'static str>,
    rows: Vec<RowView>,
    changes: Vec<ChangeView>,
    /// Where a row is added; empty when none can be.
    add: String,
    #[serde(skip)]
    base: String,
}
page!(RowsPage);

/// `GET /o/{org}/ops/rows/{name}`.
pub async fn rows(
    mut v: Visit,
    Path((_, name)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let base = v.base()?;
    let table = rows::table(&name).ok_or(Error::NotFound)?;
    let planned = proposals::planned(&mut v.cx).await?;
    let today = app::clock::day(v.cx.now()).to_string();
    let rules = Rules::builtin();
    let address = |pairs: &[(&str, &str)]| {
        let query = serde_html_form::to_string(pairs).unwrap_or_default();
        format!("{base}/ops/new/row?{query}")
    };
    let of = [("table", table.name.as_str())];
    let view = |row: rows::Row| RowView {
        cells: table
            .fields
            .iter()
            .map(|field| table.shown(field, &row.cells[&field.name], rules))
            .collect(),
        ended: row.ended,
        href: address(&[of[0], ("key", row.key.as_str())]),
        end_href: if table.end && !row.ended {
            address(&[of[0], ("key", row.key.as_str()), ("end", "1")])
        } else {
            String::new()
        },
        key: row.key,
    };
    let changes = planned.iter().filter(|c| of_table(c, table));
    let page = RowsPage {
        name: &table.name,
        label: &table.label,
        affects: &table.affects,
        heads: table.fields.iter().map(|field| field.label.as_str()).collect(),
        rows: table.rows(rules).into_iter().map(view).collect(),
        changes: changes.map(|c| change_view(c, &base, &today)).collect(),
        add: if table.add { address(&of) } else { String::new() },
        frame: v.frame(&table.label, "/ops").await?,
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
