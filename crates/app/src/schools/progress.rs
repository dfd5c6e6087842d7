//! 学校团组织录入进度 (row 55 c): the schools below with their numbers and how far each has come.

use super::sql;
use crate::{
    Action, Cx, Error, OrgRef, Result,
    clock::show_time,
    orgs::{Category, industry_name},
    rules::Rules,
    stats::share,
};
use schemars::JsonSchema;
use serde::Serialize;
use sheet::{Column, Kind, Layout, Value, Writer};

/// A school.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct School {
    pub code: String,
    pub name: String,
    pub superior: String,
    pub category_name: String,
    pub industry: String,
    /// 学校机构编号.
    pub school_code: Option<String>,
    /// Whether somebody administers it yet.
    pub has_administrator: bool,
    pub branches: i64,
    pub branches_done: i64,
    pub branch_share: String,
    pub members: i64,
    pub members_done: i64,
    pub member_share: String,
    #[serde(skip)]
    pub path: String,
}

/// Schools in organisation order.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Page {
    pub rows: Vec<School>,
    /// Mark of the next page; `None` when this was the last.
    pub next: Option<String>,
}

/// The schools of `under` and below, from behind the mark `after` on. A school is an organisation of
/// the school sector with none above it; a school itself sees itself.
pub async fn schools(cx: &mut Cx, under: &OrgRef, after: Option<&str>, limit: i64) -> Result<Page> {
    let scope = cx.scope(Action::SeeStats)?.within(&under.path).ok_or(Error::NotFound)?;
    let from = match after.filter(|mark| scope.holds(mark)) {
        Some(mark) => format!("{mark}~"),
        None => scope.lo.clone(),
    };
    let limit = limit.clamp(1, MOST);
    let mut rows = sql::schools(cx, &from, &scope.hi, limit + 1).await?;
    let more = rows.len() as i64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(50));
    let next = rows.last().filter(|_| more).map(|row| row.path.clone());
    Ok(Page { rows: rows.into_iter().map(school).collect(), next })
}

/// Rows of one workbook at most: more schools than any province has.
const MOST: i64 = 20_000;

fn school(row: sql::Row) -> School {
    let category = Category::from_code(&row.category);
    School {
        category_name: category.map_or("", Category::label).to_owned(),
        industry: industry_name(category.unwrap_or(Category::Branch), row.industry.as_deref()),
        superior: row.parent_name.unwrap_or_default(),
        branch_share: share(row.branches_done, row.branches),
        member_share: share(row.members_done, row.members),
        has_administrator: row.administrators > 0,
        code: row.code,
        name: row.short_name,
        school_code: row.school_code,
        branches: row.branches,
        branches_done: row.branches_done,
        members: row.members,
        members_done: row.members_done,
        path: row.path,
    }
}

/// All schools of `under` as a workbook.
pub async fn workbook(cx: &mut Cx, under: &OrgRef) -> Result<Vec<u8>> {
    let page = schools(cx, under, None, MOST).await?;
    let least = Rules::builtin().policy.completeness.branch_members;
    let note = format!(
        "截至{},{}及下级共有学校 {} 所。团支部录入不少于{least}名团员、且每名团员的资料都完整,即为完成录入。",
        show_time(cx.now()),
        under.short_name,
        page.rows.len()
    );
    write(&page.rows, note).map_err(|e| Error::Broken(format!("a workbook: {e}")))
}

fn write(rows: &[School], note: String) -> std::result::Result<Vec<u8>, sheet::WriteError> {
    let layout = Layout {
        name: "学校团组织录入进度".into(),
        columns: vec![
            Column::new("组织码", 12.0, Kind::Text),
            Column::new("学校团组织", 32.0, Kind::Text),
            Column::new("直属上级", 24.0, Kind::Text),
            Column::new("学校种类", 16.0, Kind::Text),
            Column::new("学校机构编号", 16.0, Kind::Text),
            Column::new("管理员", 10.0, Kind::Text),
            Column::new("团支部总数", 12.0, Kind::General),
            Column::new("已完成录入的团支部", 20.0, Kind::General),
            Column::new("完成录入的团支部占比", 22.0, Kind::Text),
            Column::new("团员总数", 12.0, Kind::General),
            Column::new("资料完整的团员", 16.0, Kind::General),
            Column::new("资料完整的团员占比", 20.0, Kind::Text),
        ],
        note,
        ..Layout::default()
    };
    Writer::table(
        &layout,
        rows.iter().map(|row| {
            [
                Value::from(row.code.as_str()),
                Value::from(row.name.as_str()),
                Value::from(row.superior.as_str()),
                Value::from(row.industry.as_str()),
                Value::from(row.school_code.as_deref().unwrap_or_default()),
                Value::from(if row.has_administrator { "有" } else { "还没有" }),
                Value::from(row.branches),
                Value::from(row.branches_done),
                Value::from(row.branch_share.as_str()),
                Value::from(row.members),
                Value::from(row.members_done),
                Value::from(row.member_share.as_str()),
            ]
        }),
    )
}
