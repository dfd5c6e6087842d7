//! The preview: what will be made, as the tree that it will be.

use super::sql;
use crate::{
    Cx, OrgRef, Result,
    imports::{Finding, Import, ImportId, RowState, find, rows},
    rules::Column,
};
use schemars::JsonSchema;
use serde::Serialize;

/// One organisation of the preview.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Leaf {
    /// As numbered in the sheet.
    pub row: i64,
    /// 1: directly below the organisation that imports.
    pub level: i64,
    pub name: String,
    pub category: String,
    pub state: RowState,
    /// The first thing that has to be put right.
    pub problem: Option<String>,
    /// As the file names it, when it stands below an organisation that is there already.
    pub parent: String,
}

/// A page of the preview.
pub struct TreePage {
    pub import: Import,
    pub org: OrgRef,
    pub leaves: Vec<Leaf>,
    /// Where the next page begins.
    pub next: Option<i64>,
}

/// The preview after place `after`, at most `limit` organisations.
pub async fn tree(cx: &mut Cx, id: ImportId, after: i64, limit: i64) -> Result<TreePage> {
    let (import, org) = find(cx, id).await?;
    let mut found = sql::leaves(cx, id, after, limit + 1).await?;
    let more = found.len() as i64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| more).map(|l| l.ord);
    let (house, mapping) = (cx.house().clone(), import.columns());
    let mut leaves = Vec::with_capacity(found.len());
    for row in found {
        let cells = rows::open(&house, id, &row.stored())?;
        let raw = super::raw::Raw::of(&cells, &mapping);
        let problems: Vec<Finding> = serde_json::from_str(&row.problems).unwrap_or_default();
        let outside = row.parent_org.is_some_and(|o| o != org.id.0);
        let typed = cells.in_column(&mapping, Column::OrgCategory).trim().to_owned();
        leaves.push(Leaf {
            row: row.no,
            level: row.level,
            name: raw.name.clone(),
            category: raw.category().map_or(typed, |c| c.label().to_owned()),
            state: RowState::from_code(&row.state),
            problem: problems.into_iter().find(Finding::forbids).map(|f| f.message),
            parent: if outside { raw.parent.clone() } else { String::new() },
        });
    }
    Ok(TreePage { import, org, leaves, next })
}
