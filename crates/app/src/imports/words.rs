//! Words that no list knows (`汗族` for `汉族`): told once for all rows that have them, so that they
//! can be mended once.

use super::{
    Finding, Import,
    rows::{self, place_of},
    sql,
};
use crate::{Cx, Result, rules::Column};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Words that are told at most.
const MOST: usize = 20;

/// A word that stands in several rows and is understood in none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unknown {
    /// Our column's key.
    pub column: &'static str,
    pub label: &'static str,
    pub word: String,
    /// In so many rows.
    pub rows: usize,
}

/// Whether a column holds words of a list (or months), and nothing that says who somebody is.
pub(super) fn is_word(column: Column) -> bool {
    use Column as C;
    let words = [
        C::Ethnic,
        C::Political,
        C::Education,
        C::Joined,
        C::IsCadre,
        C::Post,
        C::PostSince,
        C::PostNature,
        C::InPartyCommittee,
        C::OrgCategory,
        C::OrgIndustry,
    ];
    words.contains(&column)
}

/// The words of the rows that have to be put right which stand in more than one of them, those that
/// spoil most rows first.
pub async fn unknown(cx: &mut Cx, import: &Import) -> Result<Vec<Unknown>> {
    if import.to_fix < 2 {
        return Ok(Vec::new());
    }
    let (mapping, house) = (import.columns(), cx.house().clone());
    let mut counts: BTreeMap<(Column, String), usize> = BTreeMap::new();
    for row in sql::rows_in(cx, import.id, ["to_fix"; 3], 0, i64::from(u32::MAX)).await? {
        let findings: Vec<Finding> = serde_json::from_str(&row.problems).unwrap_or_default();
        let mut wrong: Vec<Column> = findings
            .iter()
            .filter(|f| f.forbids() && is_word(f.column))
            .map(|f| f.column)
            .collect();
        wrong.dedup();
        if wrong.is_empty() {
            continue;
        }
        let cells = rows::open(&house, import.id, &row)?;
        for column in wrong.into_iter().filter(|c| place_of(&mapping, *c).is_some()) {
            let word = cells.in_column(&mapping, column).trim().to_owned();
            *counts.entry((column, word)).or_default() += 1;
        }
    }
    let mut words: Vec<Unknown> = counts
        .into_iter()
        .filter(|((_, word), rows)| *rows > 1 && !word.is_empty())
        .map(|((c, word), rows)| Unknown { column: c.key(), label: c.label(), word, rows })
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.rows));
    words.truncate(MOST);
    Ok(words)
}
