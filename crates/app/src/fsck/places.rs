//! I19 for lists of organisations: every staged row has its place in the tree that the file will
//! make, places hang together from the top down, and what was made stands at the row that made it.

use super::Check;
use crate::Result;
use db::{args, sql};
use std::collections::{HashMap, HashSet};

db::row! {
    struct Row {
        no: i64,
        state: Option<String>,
        placed: Option<i64>,
        ord: i64,
        level: i64,
        parent_row: Option<i64>,
        parent_org: Option<i64>,
        org: Option<i64>,
    }
}

/// The places of one import; `mapping`: its rows have not been judged yet and have none.
pub(super) async fn of(
    check: &mut Check<'_>,
    import: i64,
    orgs: bool,
    mapping: bool,
) -> Result<()> {
    if !orgs {
        return none(check, import).await;
    }
    let rows: Vec<Row> = check
        .cx
        .tx
        .all(
            sql!("SELECT r.row_no, r.state, p.row_no, COALESCE(p.ord, 0), COALESCE(p.level, 0), p.parent_row, p.parent_org, p.org_id FROM import_row r LEFT JOIN import_place p ON p.import_id = r.import_id AND p.row_no = r.row_no WHERE r.import_id = $1 UNION ALL SELECT p.row_no, NULL, p.row_no, p.ord, p.level, p.parent_row, p.parent_org, p.org_id FROM import_place p LEFT JOIN import_row r ON r.import_id = p.import_id AND r.row_no = p.row_no WHERE p.import_id = $1 AND r.row_no IS NULL ORDER BY 1 LIMIT 100000"),
            args![import],
        )
        .await?;
    check.looked_at(rows.len());
    let levels: HashMap<i64, i64> =
        rows.iter().filter(|r| r.placed.is_some()).map(|r| (r.no, r.level)).collect();
    let (mut ords, mut made) = (HashSet::new(), HashSet::new());
    for row in &rows {
        let key = format!("row {} of import {import}", row.no);
        let Some(state) = &row.state else {
            check.found("I19", key, "a row for its place", "none");
            continue;
        };
        if row.placed.is_none() {
            if !mapping {
                check.found("I19", key, "a place in the tree", "none");
            }
            continue;
        }
        stands(check, &key, row, &levels);
        if !ords.insert(row.ord) {
            check.found("I19", &key, "a turn of its own", format!("ord {} twice", row.ord));
        }
        let came = matches!(state.as_str(), "imported" | "undone" | "kept");
        check.same("I19", &key, "an organisation made:", (came, row.org.is_some()));
        if row.org.is_some_and(|org| !made.insert(org)) {
            check.found("I19", key, "an organisation of its own", "another row's");
        }
    }
    Ok(())
}

/// Where a row stands fits what it stands below.
fn stands(check: &mut Check<'_>, key: &str, row: &Row, levels: &HashMap<i64, i64>) {
    match (row.parent_row, row.parent_org) {
        (Some(_), Some(_)) => check.found("I19", key, "one superior", "two"),
        (Some(above), None) => match levels.get(&above) {
            None => check.found("I19", key, "its superior's row", format!("no row {above}")),
            Some(level) => check.same("I19", key, "level", (level + 1, row.level)),
        },
        _ if row.level < 1 => check.found("I19", key, "level 1 or more", row.level.to_string()),
        _ => {}
    }
}

/// People stand in no tree.
async fn none(check: &mut Check<'_>, import: i64) -> Result<()> {
    let found: Option<(i64,)> = check
        .cx
        .tx
        .opt(
            sql!("SELECT row_no FROM import_place WHERE import_id = $1 ORDER BY row_no LIMIT 1"),
            args![import],
        )
        .await?;
    if let Some((no,)) = found {
        let key = format!("row {no} of import {import}");
        check.found("I19", key, "no place: it is no list of organisations", "one");
    }
    Ok(())
}
