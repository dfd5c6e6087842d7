//! 团干部录入进度 (rows 91, 153, 154, 157; A31): one row for each direct child that is no branch,
//! leading organs or the others where asked for, with shares, and the same table as a workbook.
//! Reads counters only. A branch's cadres are judged with its members (row 152).

use super::{
    Asked, Figures, Pending, Sector, Sort, Span, pending,
    progress::{below, share},
    sql, visible,
};
use crate::{
    Cx, Error, OrgRef, Result,
    clock::{Millis, show_time},
    orgs::Category,
    rules::Rules,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sheet::{Column, Kind, Layout, Value, Writer};

/// Which children: row 157 has the reader choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bodies {
    #[default]
    All,
    /// 团的领导机关.
    Lead,
    /// 团委、团工委、团总支.
    Group,
}
impl Bodies {
    /// All of them with the words of the tabs.
    pub const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::All, "all", "全部"),
        (Self::Lead, "lead", "团的领导机关"),
        (Self::Group, "group", "团委、团工委、团总支"),
    ];
    fn number(self) -> i64 {
        match self {
            Self::All => 0,
            Self::Lead => 1,
            Self::Group => 2,
        }
    }
}

/// One direct child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BodyRow {
    /// 组织码.
    pub code: String,
    pub name: String,
    pub category: Category,
    /// 基层团组织总数: branches among them; of a sector, those that stand in it (row 159).
    pub orgs: i64,
    /// 团组织总数 (without branches), the child itself among them.
    pub bodies: i64,
    /// 团干部已完成录入的团组织.
    pub bodies_done: i64,
    pub body_share: String,
    /// 已录入的团干部总数, those of branches among them.
    pub cadres: i64,
    pub cadres_done: i64,
    pub cadre_share: String,
    /// Whether there are others below it to look into.
    pub opens: bool,
}

/// One page of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BodyPage {
    pub summary: String,
    pub rows: Vec<BodyRow>,
    /// How many direct children are of the kind.
    pub count: i64,
    pub page: i64,
    pub pages: i64,
    pub sort: Sort,
    pub of: Bodies,
    pub sector: Option<Sector>,
    pub as_of: Millis,
}

/// A page of the direct children of `parent` that are no branches. [`Error::NotFound`] outside of
/// what the visitor may see.
pub async fn bodies(
    cx: &mut Cx,
    parent: &OrgRef,
    (asked, of): (Asked, Bodies),
    page: i64,
) -> Result<BodyPage> {
    visible(cx, parent)?;
    let size = i64::from(Rules::builtin().policy.pages.max);
    let count = sql::count_bodies(cx, parent.id.0, of.number()).await?;
    let pages = ((count + size - 1) / size).max(1);
    let page = page.clamp(1, pages);
    let pending = pending(cx, &parent.path).await?;
    let rows = rows(cx, parent, (asked, of), (size, (page - 1) * size), &pending).await?;
    let total = below(cx, parent, &pending, asked.sector).await?;
    Ok(BodyPage {
        summary: summary(parent, asked.sector, &total, pending.as_of),
        rows,
        count,
        page,
        pages,
        sort: asked.sort,
        of,
        sector: asked.sector,
        as_of: pending.as_of,
    })
}

/// The whole table as a workbook.
pub async fn bodies_workbook(
    cx: &mut Cx,
    parent: &OrgRef,
    (asked, of): (Asked, Bodies),
) -> Result<Vec<u8>> {
    visible(cx, parent)?;
    let pending = pending(cx, &parent.path).await?;
    let total = below(cx, parent, &pending, asked.sector).await?;
    let note = summary(parent, asked.sector, &total, pending.as_of);
    let rows = rows(cx, parent, (asked, of), (46_656, 0), &pending).await?;
    write(&rows, note).map_err(|e| Error::Broken(e.to_string()))
}

async fn rows(
    cx: &mut Cx,
    parent: &OrgRef,
    (asked, of): (Asked, Bodies),
    range: (i64, i64),
    pending: &Pending,
) -> Result<Vec<BodyRow>> {
    let by = match asked.sort {
        Sort::Org => (false, 0),
        Sort::BranchesRising => (false, 1),
        Sort::BranchesFalling => (false, -1),
        Sort::MembersRising => (true, 1),
        Sort::MembersFalling => (true, -1),
    };
    let span = Span::below(asked.sector);
    let found = sql::bodies(cx, parent.id.0, (span, of.number()), by, range).await?;
    let row = |child: sql::Child| {
        let f = pending.within(&child, asked.sector);
        let bodies = (f.orgs - f.branches).max(0);
        let category = Category::from_code(&child.category)?;
        // Leading organs stand in no sector: there the child itself is not among the counted.
        let itself = i64::from(asked.sector.is_none() || category != Category::Lead);
        Some(BodyRow {
            category,
            orgs: f.orgs,
            code: child.code,
            name: child.short_name,
            bodies,
            bodies_done: f.bodies_done,
            body_share: share(f.bodies_done, bodies),
            cadres: f.cadres,
            cadres_done: f.cadres_done,
            cadre_share: share(f.cadres_done, f.cadres),
            opens: bodies > itself,
        })
    };
    Ok(found.into_iter().filter_map(row).collect())
}

fn summary(org: &OrgRef, sector: Option<Sector>, all: &Figures, as_of: Millis) -> String {
    let least = &Rules::builtin().policy.completeness;
    let place = match sector {
        Some(sector) => format!("{}在“{}”领域", org.short_name, sector.label()),
        None => org.short_name.clone(),
    };
    let bodies = all.orgs - all.branches;
    format!(
        "截至{},{place}共有团组织(不含团支部){}个,其中团干部已完成录入{}个,占{};已录入团干部{}人,资料完整{}人,占{}。团委、团工委、团总支录入不少于{}名团干部、领导机关不少于{}名,且每名团干部的资料都完整,即为完成录入;团支部的团干部随团员一起判断。",
        show_time(as_of),
        bodies.max(0),
        all.bodies_done,
        share(all.bodies_done, bodies),
        all.cadres,
        all.cadres_done,
        share(all.cadres_done, all.cadres),
        least.cadres,
        least.leading_cadres,
    )
}

fn write(rows: &[BodyRow], note: String) -> std::result::Result<Vec<u8>, sheet::WriteError> {
    let layout = Layout {
        name: "团干部录入进度".into(),
        columns: vec![
            Column::new("组织码", 12.0, Kind::Text),
            Column::new("组织名称", 32.0, Kind::Text),
            Column::new("组织类别", 14.0, Kind::Text),
            Column::new("基层团组织总数", 18.0, Kind::General),
            Column::new("团组织总数（不含团支部）", 24.0, Kind::General),
            Column::new("团干部已完成录入的团组织", 26.0, Kind::General),
            Column::new("完成录入的团组织占比", 22.0, Kind::Text),
            Column::new("已录入的团干部总数", 20.0, Kind::General),
            Column::new("资料完整的团干部总数", 22.0, Kind::General),
            Column::new("资料完整的团干部占比", 22.0, Kind::Text),
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
                Value::from(row.category.label()),
                Value::from(row.orgs),
                Value::from(row.bodies),
                Value::from(row.bodies_done),
                Value::from(row.body_share.as_str()),
                Value::from(row.cadres),
                Value::from(row.cadres_done),
                Value::from(row.cadre_share.as_str()),
            ]
        }),
    )
}
