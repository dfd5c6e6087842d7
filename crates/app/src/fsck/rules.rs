//! Rules that operators changed: who was entered was judged by the rules of that day.

use super::Check;
use crate::{
    Result,
    clock::day,
    people,
    rules::{Rules, SOURCES},
};
use db::{args, sql};

/// So many changes back an entry may have been judged.
const MOST: usize = 50;

/// Finds out which rules have counted, and whether completeness is being judged anew.
pub(super) async fn before(check: &mut Check<'_>) -> Result<()> {
    check.rejudging = people::rejudging(&mut check.cx).await?;
    let today = day(check.cx.now()).to_string();
    let found: Vec<(String, String)> = check
        .cx
        .tx
        .all(
            sql!("SELECT name, value FROM rule_change WHERE valid_from <= $1 ORDER BY valid_from, id LIMIT 10000"),
            args![today],
        )
        .await?;
    let tables = ["row.min_join_age.", "row.entry_age.", "row.dev_number.", "row.range."];
    let about_entry = |(name, _): &(String, String)| tables.iter().any(|t| name.starts_with(t));
    let changes: Vec<(String, String)> = found.into_iter().filter(about_entry).collect();
    let first = changes.len().saturating_sub(MOST);
    let of_files = SOURCES.map(|(_, text)| text);
    check.rules.extend(Rules::from_sources(of_files).ok());
    for until in first..changes.len() {
        check.rules.extend(Rules::with(&changes[..=until]).ok());
    }
    Ok(())
}
