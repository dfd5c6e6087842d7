//! Step 3: the rows as they are reviewed, page by page, and the problem rows as a workbook.

use super::{
    Finding, Import, ImportId, Mapping, RowState, find, mapping,
    rows::{self, Cells, place_of},
    sql::{self, Stored},
};
use crate::{
    Cx, Error, House, OrgRef, Result,
    orgs::Category,
    rules::{Column, Rules},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sheet::{Kind, Layout, Value, WriteError, Writer};

/// Which rows are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    /// What has to be put right.
    #[default]
    Fix,
    /// What can be imported.
    Ready,
    /// What can be imported and has warnings.
    Warn,
    /// What was left out.
    Skipped,
    /// What is in.
    Imported,
    /// Everything.
    All,
}
impl Show {
    /// As it stands in addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Ready => "ready",
            Self::Warn => "warn",
            Self::Skipped => "skipped",
            Self::Imported => "imported",
            Self::All => "all",
        }
    }
    fn states(self) -> Option<[&'static str; 3]> {
        match self {
            Self::Fix => Some(["to_fix", "failed", "failed"]),
            Self::Ready => Some(["ready", "warned", "warned"]),
            Self::Warn => Some(["warned"; 3]),
            Self::Skipped => Some(["skipped", "handed", "handed"]),
            Self::Imported => Some(["imported", "undone", "kept"]),
            Self::All => None,
        }
    }
}

/// A cell that may be put right on the page.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BadCell {
    /// Our column's key; the name of the field that puts it right.
    pub column: Column,
    pub label: String,
    /// As it stands in the file, or as it was typed since.
    pub value: String,
    /// The values of the file's columns for it, where they differ: one is to be typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub either: Vec<String>,
    pub findings: Vec<Finding>,
}

impl BadCell {
    /// The id of its field on the page.
    pub fn field_id(&self, row: &i64) -> String {
        format!("c{row}-{}", self.column.key())
    }
    /// Whether its column has a list to choose from.
    pub fn has_choices(&self) -> bool {
        matches!(self.column, Column::OrgCategory | Column::OrgIndustry)
    }
    /// Whether it has to be put right.
    pub fn is_bad(&self) -> bool {
        self.findings.iter().any(Finding::forbids)
    }
}

/// One row of the review.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Line {
    /// As numbered in the sheet.
    pub row: i64,
    pub name: String,
    pub state: RowState,
    /// To be sent back with a change: somebody else may have changed the row meanwhile.
    pub version: i64,
    /// Masked.
    pub id_number: String,
    pub joined: String,
    /// Of an organisation: its category as typed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub category: String,
    /// Of an organisation: its superior as typed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parent: String,
    /// Whether its contact values replace those of a person who is known with others.
    pub take: bool,
    /// Everything found: `column`, `code`, `message`, `severity`.
    pub problems: Vec<Finding>,
    /// The cells that findings speak of, with their values.
    pub cells: Vec<BadCell>,
}
impl Line {
    /// Whether the person is in the system, in another organisation (E03a).
    pub fn is_elsewhere(&self) -> bool {
        self.problems.iter().any(|p| p.code == "id_elsewhere")
    }
    /// Whether somebody is known with other contact values, so that there is something to choose.
    pub fn is_to_choose(&self) -> bool {
        let contact = |c: &Column| crate::people::merge::CONTACTS.contains(c);
        self.problems.iter().any(|p| p.code == "known_differs" && contact(&p.column))
    }
    /// Whether the person is in this branch already.
    pub fn is_here(&self) -> bool {
        self.problems.iter().any(|p| p.code == "id_here")
    }
    /// Whether something of the row has to be put right.
    pub fn is_bad(&self) -> bool {
        self.state == RowState::ToFix
    }
}

/// A page of the review.
#[derive(Clone, Debug)]
pub struct Review {
    pub import: Import,
    pub org: OrgRef,
    pub lines: Vec<Line>,
    /// The row after which the next page begins.
    pub next: Option<i64>,
}

/// Rows of the review after row `after`, at most `limit`.
pub async fn page(cx: &mut Cx, id: ImportId, show: Show, after: i64, limit: i64) -> Result<Review> {
    let (import, org) = find(cx, id).await?;
    let mut stored = match show.states() {
        Some(states) => sql::rows_in(cx, id, states, after, limit + 1).await?,
        None => sql::rows_after(cx, id, after, limit + 1).await?,
    };
    let more = stored.len() as i64 > limit;
    stored.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = stored.last().filter(|_| more).map(|r| r.no);
    let mapping = import.columns();
    let house = cx.house().clone();
    let lines = stored
        .iter()
        .map(|row| line(&house, &import, &mapping, row))
        .collect::<Result<Vec<_>>>()?;
    Ok(Review { import, org, lines, next })
}

/// What is said when a branch would have more members than is usual (row 61): a hint, no obstacle.
pub async fn crowded(cx: &mut Cx, import: &Import, org: &OrgRef) -> Result<Option<String>> {
    let most = Rules::builtin().policy.guide.branch_max;
    let branch = org.category == Category::Branch && import.kind() == super::Kind::Members;
    if !branch || import.state != "review" || import.ready == 0 {
        return Ok(None);
    }
    let there = sql::members_at_most(cx, org, most + 1).await?;
    // Nobody is counted beyond the figure.
    let now =
        if there > most { format!("已有{most}多人") } else { format!("现有{there}人") };
    Ok((there + import.ready > most).then(|| {
        format!(
            "导入后本支部会超过{most}人（{now}，这次可导入{}人）。可以照常导入；团支部一般不超过{most}人，人多的请与上级商量分设支部。",
            import.ready
        )
    }))
}

/// One row of the review.
pub async fn one(cx: &mut Cx, id: ImportId, no: i64) -> Result<Line> {
    let (import, _) = find(cx, id).await?;
    let row = sql::row(cx, id, no).await?.ok_or(Error::NotFound)?;
    let house = cx.house().clone();
    line(&house, &import, &import.columns(), &row)
}

fn line(house: &House, import: &Import, mapping: &Mapping, row: &Stored) -> Result<Line> {
    let cells = rows::open(house, import.id, row)?;
    let state = RowState::from_code(&row.state);
    let problems: Vec<Finding> = serde_json::from_str(&row.problems).unwrap_or_default();
    let text = |column| cells.in_column(mapping, column).trim().to_owned();
    let orgs = import.kind() == super::Kind::Orgs;
    Ok(Line {
        row: row.no,
        name: text(if orgs { Column::OrgShortName } else { Column::Name }),
        state,
        version: row.version,
        take: row.take,
        id_number: mapping::masked(&text(Column::IdNumber)),
        joined: text(Column::Joined),
        category: text(Column::OrgCategory),
        parent: text(Column::OrgParent),
        cells: if state.is_open() { bad_cells(&cells, mapping, &problems) } else { Vec::new() },
        problems,
    })
}

fn bad_cells(cells: &Cells, mapping: &Mapping, problems: &[Finding]) -> Vec<BadCell> {
    let mut bad: Vec<BadCell> = Vec::new();
    for finding in problems {
        if place_of(mapping, finding.column).is_none() {
            continue;
        }
        match bad.iter_mut().find(|b| b.column == finding.column) {
            Some(cell) => cell.findings.push(finding.clone()),
            None => {
                let either = cells.disputed(mapping, finding.column).unwrap_or_default();
                let value = cells.in_column(mapping, finding.column).trim();
                bad.push(BadCell {
                    column: finding.column,
                    label: finding.column.label().to_owned(),
                    value: if either.is_empty() { value.to_owned() } else { String::new() },
                    either: either.into_iter().map(str::to_owned).collect(),
                    findings: vec![finding.clone()],
                });
            }
        }
    }
    bad
}

/// The column titles that our problem workbooks add; they are ignored when one comes back.
const REASON: &str = "原因";

/// The rows that have to be put right, in the file's layout with a column 原因; name and bytes.
pub async fn problem_rows(cx: &mut Cx, id: ImportId) -> Result<(String, Vec<u8>)> {
    let (import, _) = find(cx, id).await?;
    let stored =
        sql::rows_in(cx, id, ["to_fix", "failed", "failed"], 0, i64::from(u32::MAX)).await?;
    let house = cx.house().clone();
    let mapping = import.columns();
    let titles = import.titles();
    let kept: Vec<usize> = (0..titles.len())
        .filter(|at| mapping.get(*at).copied().flatten().is_some() || titles[*at] != REASON)
        .collect();
    let mut writer = Writer::new();
    let layout = layout(&titles, &kept);
    let broken = |e: WriteError| Error::Broken(e.to_string());
    let mut sheet = writer.sheet(&layout).map_err(broken)?;
    for row in &stored {
        let cells = rows::open(&house, id, row)?;
        let problems: Vec<Finding> = serde_json::from_str(&row.problems).unwrap_or_default();
        let forbidding = problems.iter().filter(|p| p.forbids());
        let reason: Vec<&str> = forbidding.map(|p| p.message.as_str()).collect();
        let reason = reason.join("\n");
        let mut values: Vec<Value<'_>> = Vec::with_capacity(kept.len() + 1);
        for at in &kept {
            let column = mapping.get(*at).copied().flatten();
            let bad = column.is_some_and(|c| problems.iter().any(|p| p.column == c && p.forbids()));
            let text = cells.text(*at);
            values.push(if bad && !text.is_empty() { Value::Marked(text) } else { text.into() });
        }
        values.push(reason.as_str().into());
        sheet.row(&values).map_err(broken)?;
    }
    let name = import.file_name.rsplit_once('.').map_or(import.file_name.as_str(), |(n, _)| n);
    Ok((format!("{name}-问题行.xlsx"), writer.finish().map_err(broken)?))
}

fn layout(titles: &[String], kept: &[usize]) -> Layout {
    let mut columns: Vec<sheet::Column> =
        kept.iter().map(|at| sheet::Column::new(&titles[*at], 18.0, Kind::Text)).collect();
    columns.push(sheet::Column::new(REASON, 60.0, Kind::Reason));
    Layout { name: "问题行".into(), columns, ..Layout::default() }
}
