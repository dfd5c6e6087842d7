//! Judging completeness anew.

use crate::{Cx, Permit, Result, people::PersonId};
use db::{args, sql};

db::row! {
    /// What decides whether a person is complete.
    pub(in crate::people) struct Row {
        pub(in crate::people) id: i64,
        pub(in crate::people) version: i64,
        pub(in crate::people) has_mobile: bool,
        pub(in crate::people) contact_ct: Option<Vec<u8>>,
        pub(in crate::people) ethnic: Option<String>,
        pub(in crate::people) political: Option<String>,
        pub(in crate::people) education: Option<String>,
        pub(in crate::people) missing: String,
        pub(in crate::people) joined: Option<String>,
        pub(in crate::people) dev_number: Option<String>,
        pub(in crate::people) province: Option<String>,
    }
}

pub(in crate::people) async fn after(cx: &mut Cx, after: i64, limit: i64) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT p.id, p.version, p.mobile_ct IS NOT NULL, p.contact_ct, p.ethnic, p.political, p.education, p.missing, m.joined, m.dev_number, o.province FROM person p LEFT JOIN member m ON m.person_id = p.id LEFT JOIN org o ON o.id = m.org_id WHERE p.id > $1 ORDER BY p.id LIMIT $2"),
            args![after, limit],
        )
        .await?)
}

/// The first and the last person.
pub(in crate::people) async fn ends(cx: &mut Cx) -> Result<(i64, i64)> {
    let first: Option<(i64,)> = cx
        .tx
        .opt(sql!("SELECT id FROM person WHERE id > $1 ORDER BY id LIMIT 1"), args![i64::MIN])
        .await?;
    let last: Option<(i64,)> = cx
        .tx
        .opt(sql!("SELECT id FROM person WHERE id < $1 ORDER BY id DESC LIMIT 1"), args![i64::MAX])
        .await?;
    Ok((first.map_or(0, |(id,)| id), last.map_or(0, |(id,)| id)))
}

/// Stores what is missing if nobody changed the person since; `false` otherwise.
pub(in crate::people) async fn store(
    cx: &mut Cx,
    _: &Permit,
    row: &Row,
    missing: &str,
) -> Result<bool> {
    let changed = cx
        .tx
        .run(
            sql!("UPDATE person SET missing = $1, complete = $2, updated_at = $3, version = version + 1 WHERE id = $4 AND version = $5"),
            args![missing, missing.is_empty(), cx.now(), row.id, row.version],
        )
        .await?;
    Ok(changed == 1)
}

/// The membership says it as well; returns its path when it changed.
pub(in crate::people) async fn member(
    cx: &mut Cx,
    _: &Permit,
    person: PersonId,
    complete: bool,
) -> Result<Option<String>> {
    let row: Option<(String,)> = cx
        .tx
        .opt(
            sql!("UPDATE member SET complete = $1, version = version + 1 WHERE person_id = $2 AND complete <> $1 RETURNING org_path"),
            args![complete, person],
        )
        .await?;
    Ok(row.map(|(path,)| path))
}

pub(in crate::people) async fn setting(cx: &mut Cx, name: &str) -> Result<Option<String>> {
    let row: Option<(String,)> =
        cx.tx.opt(sql!("SELECT value FROM setting WHERE name = $1"), args![name]).await?;
    Ok(row.map(|(value,)| value))
}

pub(in crate::people) async fn set(cx: &mut Cx, _: &Permit, name: &str, value: &str) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"),
            args![name, value],
        )
        .await?;
    Ok(())
}
