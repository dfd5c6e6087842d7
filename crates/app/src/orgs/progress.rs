//! 组织录入进度 (rows 155, 157; A12): of every direct child whether its information is complete, and
//! what is missing when it is not; by sector where asked for; the same table as a workbook.

use super::{Category, Child, list};
use crate::{
    Action, Cx, Error, OrgRef, Result,
    clock::show_time,
    stats::{self, Sector},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sheet::{Column, Kind, Layout, Value, Writer};

/// Direct children that are looked at; far more than any organisation has.
const MOST: usize = 5_000;
const PIECE: i64 = 200;
const SIZE: usize = 50;

/// Which children are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// 分领域.
    pub sector: Option<Sector>,
    pub state: State,
}

/// Complete ones, the others, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    #[default]
    All,
    Done,
    Missing,
}
impl State {
    /// With the words of the choice.
    pub const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::All, "all", "全部"),
        (Self::Missing, "missing", "未完善"),
        (Self::Done, "done", "已完善"),
    ];
}

/// One direct child.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Row {
    /// 组织码.
    pub code: String,
    pub name: String,
    pub category: Category,
    pub category_name: String,
    /// 领域; empty for leading organs.
    pub sector: &'static str,
    /// 信息完善.
    pub complete: bool,
    /// Why not: what is missing, in the words of the form.
    pub missing: Vec<&'static str>,
    pub administrators: i64,
    /// Whether there are organisations below it to look into.
    pub opens: bool,
}

/// One page of the table.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Page {
    pub summary: String,
    pub rows: Vec<Row>,
    /// How many direct children fit.
    pub count: usize,
    pub page: usize,
    pub pages: usize,
}

/// A page of the direct children of `parent`. [`Error::NotFound`] outside of what may be seen.
pub async fn progress(cx: &mut Cx, parent: &OrgRef, asked: Asked, page: usize) -> Result<Page> {
    let (rows, summary) = read(cx, parent, asked).await?;
    let count = rows.len();
    let pages = count.div_ceil(SIZE).max(1);
    let page = page.clamp(1, pages);
    let rows = rows.into_iter().skip((page - 1) * SIZE).take(SIZE).collect();
    Ok(Page { summary, rows, count, page, pages })
}

/// The whole table as a workbook.
pub async fn progress_workbook(cx: &mut Cx, parent: &OrgRef, asked: Asked) -> Result<Vec<u8>> {
    let (rows, summary) = read(cx, parent, asked).await?;
    write(&rows, summary).map_err(|e| Error::Broken(e.to_string()))
}

async fn read(cx: &mut Cx, parent: &OrgRef, asked: Asked) -> Result<(Vec<Row>, String)> {
    if !cx.may(Action::SeeStats, &parent.path) {
        return Err(Error::NotFound);
    }
    let mut all: Vec<Child> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let piece = list::children(cx, parent, after.as_deref(), PIECE).await?;
        all.extend(piece.rows);
        after = piece.next;
        if after.is_none() || all.len() >= MOST {
            break;
        }
    }
    all.retain(|c| asked.sector.is_none_or(|sector| c.sector == Some(sector)));
    let (count, done) = (all.len(), all.iter().filter(|c| c.missing == 0).count());
    let summary = summary(cx, parent, asked.sector, (count, done));
    let wanted = |c: &Child| match asked.state {
        State::All => true,
        State::Done => c.missing == 0,
        State::Missing => c.missing > 0,
    };
    Ok((all.into_iter().filter(wanted).map(row).collect(), summary))
}

fn row(c: Child) -> Row {
    Row {
        code: c.code,
        name: c.short_name,
        category: c.category,
        category_name: c.category_name,
        sector: c.sector.map_or("", Sector::label),
        complete: c.missing == 0,
        missing: c.lacks,
        administrators: c.administrators,
        opens: c.has_children && !c.category.owns_members(),
    }
}

fn summary(
    cx: &Cx,
    parent: &OrgRef,
    sector: Option<Sector>,
    (count, done): (usize, usize),
) -> String {
    let place = sector.map_or(String::new(), |s| format!("“{}”领域的", s.label()));
    let part = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    format!(
        "截至{}，{}共有{place}直属下级组织{count}个，其中信息已完善{done}个，占{}。\
         必填的组织信息都已填写、书记已登记、书记本人的手机号码已填写，即为信息完善；组织的联系电话不能代替书记的手机号码。",
        show_time(cx.now()),
        parent.short_name,
        stats::share(part(done), part(count)),
    )
}

fn write(rows: &[Row], note: String) -> std::result::Result<Vec<u8>, sheet::WriteError> {
    let layout = Layout {
        name: "组织录入进度".into(),
        columns: vec![
            Column::new("组织码", 12.0, Kind::Text),
            Column::new("组织名称", 32.0, Kind::Text),
            Column::new("组织类别", 14.0, Kind::Text),
            Column::new("领域", 16.0, Kind::Text),
            Column::new("信息完善", 10.0, Kind::Text),
            Column::new("未完善的原因", 48.0, Kind::Text),
            Column::new("管理员人数", 12.0, Kind::General),
        ],
        note,
        ..Layout::default()
    };
    let whys: Vec<String> = rows.iter().map(Row::why).collect();
    Writer::table(
        &layout,
        rows.iter().zip(&whys).map(|(row, why)| {
            [
                Value::from(row.code.as_str()),
                Value::from(row.name.as_str()),
                Value::from(row.category_name.as_str()),
                Value::from(row.sector),
                Value::from(if row.complete { "是" } else { "否" }),
                Value::from(why.as_str()),
                Value::from(row.administrators),
            ]
        }),
    )
}

impl Row {
    /// Why it is not complete; empty when it is.
    pub fn why(&self) -> String {
        if self.missing.is_empty() {
            return String::new();
        }
        format!("缺{}", self.missing.join("、"))
    }
}
