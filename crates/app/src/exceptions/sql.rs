//! The statements of exceptions; private to the room.

use super::{Exception, ExceptionId, New};
use crate::{Cx, Permit, Result, clock::Millis, orgs::OrgId, people::PersonId};
use db::{args, sql};

/// Exceptions of one organisation that are read at once: more than anybody has.
const MOST: i64 = 500;

db::row! {
    pub(super) struct Row {
        pub(super) id: ExceptionId,
        pub(super) no: String,
        pub(super) kind: String,
        pub(super) org_id: OrgId,
        pub(super) name: String,
        pub(super) id_ct: Vec<u8>,
        pub(super) file_id: i64,
        pub(super) file_mime: String,
        pub(super) asked_at: i64,
        pub(super) granted_at: Option<i64>,
        pub(super) expires_at: Option<i64>,
        pub(super) ended_at: Option<i64>,
        pub(super) person_id: Option<i64>,
        pub(super) used_at: Option<i64>,
    }
}

pub(super) async fn insert(
    cx: &mut Cx,
    _: &Permit,
    (id, org, new): (ExceptionId, OrgId, &New<'_>),
    id_ct: Vec<u8>,
    file: crate::files::FileId,
) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO exception (id, no, kind, org_id, name, id_ct, file_id, file_mime, asked_at) VALUES ($1, '', $2, $3, $4, $5, $6, $7, $8)"),
            args![id, new.kind, org, new.name, id_ct, file, new.mime, cx.now()],
        )
        .await?;
    Ok(())
}

pub(super) async fn set_no(cx: &mut Cx, _: &Permit, id: ExceptionId, no: &str) -> Result<()> {
    cx.tx.run(sql!("UPDATE exception SET no = $1 WHERE id = $2"), args![no, id]).await?;
    Ok(())
}

pub(super) async fn by_id(cx: &mut Cx, id: ExceptionId) -> Result<Option<Row>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT id, no, kind, org_id, name, id_ct, file_id, file_mime, asked_at, granted_at, expires_at, ended_at, person_id, used_at FROM exception WHERE id = $1"),
            args![id],
        )
        .await?)
}

/// Those of one organisation that are asked for or granted, neither ended nor run out unused.
pub(super) async fn living(cx: &mut Cx, org: OrgId) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, no, kind, org_id, name, id_ct, file_id, file_mime, asked_at, granted_at, expires_at, ended_at, person_id, used_at FROM exception WHERE org_id = $1 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at >= $2 OR used_at IS NOT NULL) ORDER BY id LIMIT $3"),
            args![org, cx.now(), MOST],
        )
        .await?)
}

/// Those under which somebody came in, the newest first, those that were taken back afterwards too.
pub(super) async fn of_person(cx: &mut Cx, person: PersonId) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, no, kind, org_id, name, id_ct, file_id, file_mime, asked_at, granted_at, expires_at, ended_at, person_id, used_at FROM exception WHERE person_id = $1 ORDER BY id DESC LIMIT 20"),
            args![person],
        )
        .await?)
}

/// The newest, for operators.
pub(super) async fn page(cx: &mut Cx, before: i64, limit: i64) -> Result<Vec<Row>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, no, kind, org_id, name, id_ct, file_id, file_mime, asked_at, granted_at, expires_at, ended_at, person_id, used_at FROM exception WHERE id < $1 ORDER BY id DESC LIMIT $2"),
            args![before, limit],
        )
        .await?)
}

/// Puts one in force; `false` when it has ended, or was in force before.
pub(super) async fn grant(cx: &mut Cx, _: &Permit, id: ExceptionId, until: Millis) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE exception SET granted_at = $1, expires_at = $2 WHERE id = $3 AND granted_at IS NULL AND ended_at IS NULL"),
            args![cx.now(), until, id],
        )
        .await?;
    Ok(done == 1)
}

/// Ends one; `false` when it had ended.
pub(super) async fn end(cx: &mut Cx, _: &Permit, id: ExceptionId) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE exception SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL"),
            args![cx.now(), id],
        )
        .await?;
    Ok(done == 1)
}

/// Notes who came in under it; `false` when it is not in force any more.
pub(super) async fn take(
    cx: &mut Cx,
    _: &Permit,
    (id, org): (ExceptionId, OrgId),
    person: PersonId,
) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE exception SET person_id = $1, used_at = $2 WHERE id = $3 AND org_id = $4 AND granted_at IS NOT NULL AND ended_at IS NULL AND (expires_at >= $2 OR used_at IS NOT NULL)"),
            args![person, cx.now(), id, org],
        )
        .await?;
    Ok(done == 1)
}

/// Sealed ID numbers behind a mark, with their statements.
pub(super) async fn sealed_after(
    cx: &mut Cx,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, Vec<u8>, i64)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, id_ct, file_id FROM exception WHERE id > $1 ORDER BY id LIMIT $2"),
            args![after, limit],
        )
        .await?)
}

pub(super) async fn reseal(cx: &mut Cx, _: &Permit, id: i64, id_ct: Vec<u8>) -> Result<()> {
    cx.tx.run(sql!("UPDATE exception SET id_ct = $1 WHERE id = $2"), args![id_ct, id]).await?;
    Ok(())
}

impl Row {
    pub(super) fn read(self, cx: &Cx) -> Result<Exception> {
        Ok(Exception {
            id_number: super::unseal(cx, self.id, &self.id_ct)?,
            id: self.id,
            no: self.no,
            kind: self.kind,
            org: self.org_id,
            name: self.name,
            file: self.file_id,
            mime: self.file_mime,
            asked_at: self.asked_at,
            granted_at: self.granted_at,
            expires_at: self.expires_at,
            ended_at: self.ended_at,
            person: self.person_id.map(PersonId),
            used_at: self.used_at,
        })
    }
}
