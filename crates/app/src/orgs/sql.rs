//! The tree's statements; private to the room.

use super::{Category, OrgId};
use crate::{Cx, OrgRef, Result};
use db::{args, sql};

db::row! {
    struct Found {
        id: i64,
        code: String,
        path: String,
        short_name: String,
        category: String,
        province: String,
    }
}
impl Found {
    fn org(self) -> Option<OrgRef> {
        Some(OrgRef {
            id: OrgId(self.id),
            code: self.code,
            path: self.path,
            short_name: self.short_name,
            category: Category::from_code(&self.category)?,
            province: self.province,
        })
    }
}

pub(super) async fn by_code(cx: &mut Cx, code: &str) -> Result<Option<OrgRef>> {
    let found: Option<Found> = cx
        .tx
        .opt(
            sql!("SELECT id, code, path, short_name, category, province FROM org WHERE code = $1 AND status <> 'DELETED'"),
            args![code],
        )
        .await?;
    Ok(found.and_then(Found::org))
}

pub(super) async fn by_id(cx: &mut Cx, id: OrgId) -> Result<Option<OrgRef>> {
    let found: Option<Found> = cx
        .tx
        .opt(
            sql!("SELECT id, code, path, short_name, category, province FROM org WHERE id = $1"),
            args![id],
        )
        .await?;
    Ok(found.and_then(Found::org))
}

pub(super) async fn by_paths(cx: &mut Cx, paths: Vec<String>) -> Result<Vec<OrgRef>> {
    let rows = paths.into_iter().map(|p| vec![p.into()]).collect();
    let found: Vec<Found> = cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.code, o.path, o.short_name, o.category, o.province FROM {rows: path text} AS v JOIN org o ON o.path = v.path ORDER BY o.path"),
            &[],
            rows,
        )
        .await?;
    Ok(found.into_iter().filter_map(Found::org).collect())
}
