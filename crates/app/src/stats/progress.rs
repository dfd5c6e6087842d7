//! 团员录入进度 (rows 157, 158; A21): one row for each direct child, with shares in two decimals
//! (row 160), one sentence that sums up, and the same table as a workbook. Reads counters only, so
//! it costs the same wherever one stands.

use super::{Figures, Pending, Sector, Span, pending, sql, visible};
use crate::{
    Cx, Error, OrgRef, Result,
    clock::{Millis, show_time},
    orgs::Category,
    rules::Rules,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sheet::{Column, Kind, Layout, Value, Writer};

/// The order of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Organisation order (decision 10).
    #[default]
    Org,
    /// By the share of complete branches.
    BranchesRising,
    BranchesFalling,
    /// By the share of complete members.
    MembersRising,
    MembersFalling,
}

/// One direct child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Progress {
    /// 组织码.
    pub code: String,
    /// 组织名称.
    pub name: String,
    pub category: Category,
    /// 下级团支部总数: in the child's subtree, a branch counting itself.
    pub branches: i64,
    /// 已完成录入的下级团支部总数.
    pub branches_done: i64,
    /// 完成录入的团支部占比.
    pub branch_share: String,
    /// 已录入的团员总数.
    pub members: i64,
    /// 已完成录入的团员总数.
    pub members_done: i64,
    /// 个人资料录入完整的团员占比.
    pub member_share: String,
    /// Whether there are organisations below it to look into (查看).
    pub opens: bool,
}

/// One page of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Page {
    /// The sentence above the table (row 158).
    pub summary: String,
    pub rows: Vec<Progress>,
    /// The subtree of the organisation itself.
    pub total: Figures,
    /// How many direct children there are.
    pub count: i64,
    /// 1 is the first page.
    pub page: i64,
    pub pages: i64,
    pub sort: Sort,
    /// The sector that the figures are of; all when none was chosen.
    pub sector: Option<Sector>,
    /// The moment up to which every change is in the figures.
    pub as_of: Millis,
}

/// Which figures, in which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Of one sector only (分领域, row 159).
    pub sector: Option<Sector>,
    pub sort: Sort,
}

/// A page of the direct children of `parent`. [`Error::NotFound`] outside of what the visitor may
/// see.
pub async fn children(cx: &mut Cx, parent: &OrgRef, asked: Asked, page: i64) -> Result<Page> {
    visible(cx, parent)?;
    let size = i64::from(Rules::builtin().policy.pages.max);
    let count = sql::count_children(cx, parent.id.0).await?;
    let pages = ((count + size - 1) / size).max(1);
    let page = page.clamp(1, pages);
    let pending = pending(cx, &parent.path).await?;
    let found = rows(cx, parent, asked, (size, (page - 1) * size)).await?;
    let rows = with_pending(found, &pending, asked.sector);
    let total = below(cx, parent, &pending, asked.sector).await?;
    Ok(Page {
        summary: summary(parent, asked.sector, &total, pending.as_of),
        rows,
        total,
        count,
        page,
        pages,
        sort: asked.sort,
        sector: asked.sector,
        as_of: pending.as_of,
    })
}

/// The whole table as a workbook. Asks for the right to see the figures, like the page.
pub async fn workbook(cx: &mut Cx, parent: &OrgRef, asked: Asked) -> Result<Vec<u8>> {
    visible(cx, parent)?;
    let pending = pending(cx, &parent.path).await?;
    let total = below(cx, parent, &pending, asked.sector).await?;
    let note = summary(parent, asked.sector, &total, pending.as_of);
    // An organisation has at most 46,656 direct children: the numbers of a path's level.
    let found = rows(cx, parent, asked, (46_656, 0)).await?;
    write(&with_pending(found, &pending, asked.sector), note)
        .map_err(|e| Error::Broken(e.to_string()))
}

async fn rows(
    cx: &mut Cx,
    parent: &OrgRef,
    asked: Asked,
    range: (i64, i64),
) -> Result<Vec<sql::Child>> {
    let span = Span::below(asked.sector);
    let by = match asked.sort {
        Sort::Org => return sql::children(cx, parent.id.0, span, range).await,
        Sort::BranchesRising => (false, 1),
        Sort::BranchesFalling => (false, -1),
        Sort::MembersRising => (true, 1),
        Sort::MembersFalling => (true, -1),
    };
    sql::children_by_share(cx, parent.id.0, span, by, range).await
}

pub(super) async fn below(
    cx: &mut Cx,
    org: &OrgRef,
    pending: &Pending,
    sector: Option<Sector>,
) -> Result<Figures> {
    let stored = sql::counters(cx, &org.path).await?;
    let stored = stored.get(&Span::below(sector)).copied().unwrap_or_default();
    Ok(pending.effects.iter().fold(stored, |sum, (_, effect)| sum + effect.within(sector)))
}

fn with_pending(
    found: Vec<sql::Child>,
    pending: &Pending,
    sector: Option<Sector>,
) -> Vec<Progress> {
    let row = |child: sql::Child| {
        let figures = pending.within(&child, sector);
        progress(child, &figures, sector)
    };
    found.into_iter().filter_map(row).collect()
}

fn progress(child: sql::Child, figures: &Figures, sector: Option<Sector>) -> Option<Progress> {
    let category = Category::from_code(&child.category)?;
    // Leading organs stand in no sector: there the child itself is not among the counted.
    let itself = i64::from(sector.is_none() || category != Category::Lead);
    let below = figures.orgs > itself || figures.branches > 0;
    Some(Progress {
        category,
        code: child.code,
        name: child.short_name,
        branches: figures.branches,
        branches_done: figures.branches_done,
        branch_share: share(figures.branches_done, figures.branches),
        members: figures.members,
        members_done: figures.members_done,
        member_share: share(figures.members_done, figures.members),
        opens: below && !category.owns_members(),
    })
}

/// A share in two decimals, rounded half up; a dash where there is nothing to share.
pub(crate) fn share(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "—".into();
    }
    let hundredths = (i128::from(part) * 20_000 + i128::from(whole)) / (2 * i128::from(whole));
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn summary(org: &OrgRef, sector: Option<Sector>, all: &Figures, as_of: Millis) -> String {
    let least = Rules::builtin().policy.completeness.branch_members;
    if let Some(sector) = sector {
        return format!(
            "截至{},{}在“{}”领域共有基层团组织{}个,其中团支部{}个,已完成录入{}个,占{};已录入团员{}人,资料完整{}人,占{};已录入团干部{}人。",
            show_time(as_of),
            org.short_name,
            sector.label(),
            all.orgs,
            all.branches,
            all.branches_done,
            share(all.branches_done, all.branches),
            all.members,
            all.members_done,
            share(all.members_done, all.members),
            all.cadres,
        );
    }
    format!(
        "截至{},{}共有下级组织{}个,其中团支部{}个,已完成录入{}个,占{};已录入团员{}人,资料完整{}人,占{};已录入团干部{}人。团支部录入不少于{least}名团员、且每名团员的资料都完整,即为完成录入。",
        show_time(as_of),
        org.short_name,
        (all.orgs - 1).max(0),
        all.branches,
        all.branches_done,
        share(all.branches_done, all.branches),
        all.members,
        all.members_done,
        share(all.members_done, all.members),
        all.cadres,
    )
}

fn write(rows: &[Progress], note: String) -> std::result::Result<Vec<u8>, sheet::WriteError> {
    let layout = Layout {
        name: "团员录入进度".into(),
        columns: vec![
            Column::new("组织码", 12.0, Kind::Text),
            Column::new("组织名称", 32.0, Kind::Text),
            Column::new("下级团支部总数", 16.0, Kind::General),
            Column::new("已完成录入的下级团支部总数", 28.0, Kind::General),
            Column::new("完成录入的团支部占比", 22.0, Kind::Text),
            Column::new("已录入的团员总数", 18.0, Kind::General),
            Column::new("已完成录入的团员总数", 22.0, Kind::General),
            Column::new("个人资料录入完整的团员占比", 28.0, Kind::Text),
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

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_have_two_decimals_rounded_half_up() {
        assert_eq!(share(6066, 10_000), "60.66%");
        assert_eq!(share(1, 3), "33.33%");
        assert_eq!(share(2, 3), "66.67%");
        assert_eq!(share(1, 20_000), "0.01%");
        assert_eq!(share(5, 5), "100.00%");
        assert_eq!(share(0, 7), "0.00%");
        assert_eq!(share(0, 0), "—");
    }
}
