//! Rows that carry authority against their keyed marks: what other hands than the program's changed,
//! added or took away (security a-33). One pass over each table in the order of its key.

use super::Check;
use crate::{
    Result,
    marks::{self, MARKED, Stand},
};
use db::Watched;

pub(super) async fn all(check: &mut Check<'_>) -> Result<()> {
    for table in MARKED {
        let fitting = rows(check, table).await?;
        gone(check, table, fitting).await?;
    }
    Ok(())
}

/// Looks at every row; returns how many have a mark.
async fn rows(check: &mut Check<'_>, table: &'static Watched) -> Result<i64> {
    let (mut after, mut marked) = (None, 0);
    loop {
        let rows = marks::page(&mut check.cx, table, after.as_deref()).await?;
        let Some(last) = rows.last() else { return Ok(marked) };
        after = Some(last[..table.key.len()].to_vec());
        check.looked_at(rows.len());
        let stands = marks::stand(&mut check.cx, table, &rows).await?;
        for (row, stand) in rows.iter().zip(stands) {
            marked += i64::from(stand != Stand::Unmarked);
            let found = match stand {
                Stand::Fits => continue,
                Stand::Changed => "changed by other hands",
                Stand::Unmarked => "added by other hands",
            };
            check.found("marks", marks::name_of(table, row), "as the program wrote it", found);
        }
    }
}

/// Marks that were left by rows taken away.
async fn gone(check: &mut Check<'_>, table: &'static Watched, marked: i64) -> Result<()> {
    if !marks::has_numbers(table) {
        let left = marks::count(&mut check.cx, table).await? - marked;
        if left > 0 {
            let found = format!("{left} rows deleted by other hands");
            check.found("marks", table.table, "as the program left it", found);
        }
        return Ok(());
    }
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let left = marks::left_over(&mut check.cx, table, after).await?;
        let Some(last) = left.last() else { return Ok(()) };
        after = *last;
        for (id, no) in left {
            let key = [db::Value::from(id), db::Value::from(no)];
            let key = marks::name_of(table, &key);
            check.found("marks", key, "the row that the program wrote", "deleted by other hands");
        }
    }
}
