//! The picker's statements; private to the room. Each is bounded: ranges of the index with a
//! limit, or look-ups by key.

use super::{Category, OrgId};
use crate::{Cx, OrgRef, Result, Scope};
use db::{Sql, args, sql};

/// Deepest level of the tree, as the schema checks it.
const DEEPEST: usize = 12;

db::row! {
    struct NamesRow {
        id: i64,
        code: String,
        path: String,
        short_name: String,
        category: String,
        province: String,
        full_name: String,
        name_py: String,
    }
}

/// An organisation with everything that words are compared with.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) org: OrgRef,
    pub(super) full_name: String,
    pub(super) name_py: String,
}
impl NamesRow {
    fn names(self) -> Option<Names> {
        let org = OrgRef {
            id: OrgId(self.id),
            code: self.code,
            path: self.path,
            short_name: self.short_name,
            category: Category::from_code(&self.category)?,
            province: self.province,
        };
        Some(Names { org, full_name: self.full_name, name_py: self.name_py })
    }
}

fn names(rows: Vec<NamesRow>) -> Vec<Names> {
    rows.into_iter().filter_map(NamesRow::names).collect()
}

/// For each gram the paths inside `scope` that have it, nearest the root first, at most `limit`.
pub(super) async fn paths_with(
    cx: &mut Cx,
    grams: &[String],
    scope: &Scope,
    limit: i64,
) -> Result<Vec<(String, Vec<String>)>> {
    let rows = grams.iter().map(|gram| vec![gram.into()]).collect();
    let found: Vec<(String, Option<String>)> = if scope.lo.is_empty() {
        cx.tx
            .all_of(
                sql!("SELECT w.gram, (SELECT STRING_AGG(s.path, ',') FROM (SELECT g.path FROM org_gram g WHERE g.gram = w.gram ORDER BY g.depth, g.path LIMIT $1) AS s) FROM {rows: gram text} AS w"),
                args![limit],
                rows,
            )
            .await?
    } else {
        let text = text_below(super::depth_of(&scope.lo));
        cx.tx.all_of(text, args![limit, &scope.lo, &scope.hi], rows).await?
    };
    let split = |paths: Option<String>| -> Vec<String> {
        paths.unwrap_or_default().split(',').filter(|p| !p.is_empty()).map(str::to_owned).collect()
    };
    Ok(found.into_iter().map(|(gram, paths)| (gram, split(paths))).collect())
}

/// Inside a subtree every level is a range of its own in the index (gram, depth, path).
fn text_below(depth: usize) -> Sql {
    let levels: Vec<String> = (depth..=DEEPEST)
        .map(|depth| {
            format!("SELECT * FROM (SELECT g.path FROM org_gram g WHERE g.gram = w.gram AND g.depth = {depth} AND g.path >= $2 AND g.path < $3 ORDER BY g.path LIMIT $1) AS l{depth}")
        })
        .collect();
    Sql::built(format!(
        "SELECT w.gram, (SELECT STRING_AGG(s.path, ',') FROM (SELECT * FROM ({}) AS u LIMIT $1) AS s) FROM {{rows: gram text}} AS w",
        levels.join(" UNION ALL ")
    ))
}

/// The organisations at these paths.
pub(super) async fn at_paths(cx: &mut Cx, paths: &[String]) -> Result<Vec<Names>> {
    let rows = paths.iter().map(|path| vec![path.into()]).collect();
    let found = cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.code, o.path, o.short_name, o.category, o.province, o.full_name, o.name_py FROM {rows: path text} AS v JOIN org o ON o.path = v.path WHERE o.status <> 'DELETED'"),
            &[],
            rows,
        )
        .await?;
    Ok(names(found))
}

/// What stands in a scope, in tree order: for words that no gram can find.
pub(super) async fn in_scope(cx: &mut Cx, scope: &Scope, limit: i64) -> Result<Vec<Names>> {
    let found = cx
        .tx
        .all(
            sql!("SELECT id, code, path, short_name, category, province, full_name, name_py FROM org WHERE path >= $1 AND path < $2 AND status <> 'DELETED' ORDER BY path LIMIT $3"),
            args![&scope.lo, &scope.hi, limit],
        )
        .await?;
    Ok(names(found))
}

/// Organisations whose 组织码 begins so.
pub(super) async fn with_code(cx: &mut Cx, digits: &str, limit: i64) -> Result<Vec<Names>> {
    let found = cx
        .tx
        .all(
            sql!("SELECT id, code, path, short_name, category, province, full_name, name_py FROM org WHERE code >= $1 AND code < $2 AND status <> 'DELETED' ORDER BY code LIMIT $3"),
            args![digits, format!("{digits}~"), limit],
        )
        .await?;
    Ok(names(found))
}
