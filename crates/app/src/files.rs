//! Files that the program made for somebody: exports, reports. Kept in the database in pieces of a
//! megabyte, so that every program node can hand them out; for their maker alone, until a date.

use crate::{Cx, Error, Permit, Result, clock::Millis, orgs::OrgId, people::PersonId};
use db::{args, sql};

db::id!(
    /// A file.
    FileId
);

/// The type of workbooks.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// The type of files whose pieces are sealed: rooms open them, nobody downloads them.
pub const SEALED: &str = "application/vnd.tuanjian.sealed";
/// Bytes of a piece.
pub const PIECE: usize = 1 << 20;

/// What is said about a file when it is stored.
#[derive(Clone, Debug)]
pub struct About {
    /// The job that makes it; 0 for none.
    pub job: i64,
    pub org: OrgId,
    /// For whom it is.
    pub maker: PersonId,
    pub name: String,
    pub mime: &'static str,
    pub expires_at: Millis,
}

db::row! {
    /// A file as its maker sees it.
    #[derive(Clone, Debug)]
    pub struct File {
        pub id: FileId,
        pub org_id: i64,
        pub person_id: i64,
        pub name: String,
        pub mime: String,
        pub size: i64,
        pub created_at: i64,
        pub expires_at: i64,
    }
}

/// Announces a file; its pieces follow with [`put`], in the same transaction or in later ones.
/// Until the last one is there, `size` tells what is missing.
pub async fn create(cx: &mut Cx, _: &Permit, about: &About, size: i64) -> Result<FileId> {
    let id = FileId(cx.new_id());
    cx.tx
        .run(
            sql!("INSERT INTO file (id, job_id, org_id, person_id, name, mime, size, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
            args![id, about.job, about.org, about.maker, &about.name, about.mime, size, cx.now(), about.expires_at],
        )
        .await?;
    Ok(id)
}

/// Stores the piece number `no` (from 0).
pub async fn put(cx: &mut Cx, _: &Permit, id: FileId, no: i64, bytes: Vec<u8>) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO file_piece (file_id, no, bytes) VALUES ($1, $2, $3) ON CONFLICT (file_id, no) DO UPDATE SET bytes = excluded.bytes"),
            args![id, no, bytes],
        )
        .await?;
    Ok(())
}

/// Puts one more piece at the end of a file that grows; returns the piece's number.
pub async fn append(cx: &mut Cx, _: &Permit, id: FileId, bytes: Vec<u8>) -> Result<i64> {
    let grown = cx
        .tx
        .run(
            sql!("UPDATE file SET size = size + $1 WHERE id = $2"),
            args![i64::try_from(bytes.len()).unwrap_or(i64::MAX), id],
        )
        .await?;
    if grown == 0 {
        return Err(Error::Gone);
    }
    let (no,): (i64,) = cx
        .tx
        .one(
            sql!("INSERT INTO file_piece (file_id, no, bytes) VALUES ($1, (SELECT COALESCE(MAX(no), -1) + 1 FROM file_piece WHERE file_id = $1), $2) RETURNING no"),
            args![id, bytes],
        )
        .await?;
    Ok(no)
}

/// A file of one's own; [`Error::Gone`] when its time has run out, [`Error::NotFound`] when it is
/// somebody else's.
pub async fn open(cx: &mut Cx, id: FileId) -> Result<File> {
    let file = find(cx, id).await?;
    if file.mime == SEALED { Err(Error::NotFound) } else { Ok(file) }
}

/// As [`open`], for a room that keeps something sealed: its pieces are ciphertext.
pub(crate) async fn open_sealed(cx: &mut Cx, id: FileId) -> Result<File> {
    let file = find(cx, id).await?;
    if file.mime == SEALED { Ok(file) } else { Err(Error::NotFound) }
}

/// As [`open_sealed`], for a room that has judged itself who may read it, whoever made it.
pub(crate) async fn open_of_room(cx: &mut Cx, id: FileId) -> Result<File> {
    let file: File = cx
        .tx
        .opt(
            sql!("SELECT id, org_id, person_id, name, mime, size, created_at, expires_at FROM file WHERE id = $1"),
            args![id],
        )
        .await?
        .ok_or(Error::Gone)?;
    if file.mime != SEALED {
        return Err(Error::NotFound);
    }
    if file.expires_at <= cx.now() { Err(Error::Gone) } else { Ok(file) }
}

/// Changes until when a file is kept.
pub(crate) async fn keep_until(cx: &mut Cx, _: &Permit, id: FileId, until: Millis) -> Result<()> {
    cx.tx.run(sql!("UPDATE file SET expires_at = $1 WHERE id = $2"), args![until, id]).await?;
    Ok(())
}

async fn find(cx: &mut Cx, id: FileId) -> Result<File> {
    let me = cx.visitor()?.person;
    let file: File = cx
        .tx
        .opt(
            sql!("SELECT id, org_id, person_id, name, mime, size, created_at, expires_at FROM file WHERE id = $1 AND person_id = $2"),
            args![id, me],
        )
        .await?
        .ok_or(Error::NotFound)?;
    if file.expires_at <= cx.now() { Err(Error::Gone) } else { Ok(file) }
}

/// A piece of an opened file; `None` behind the last.
pub async fn piece(cx: &mut Cx, file: &File, no: i64) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = cx
        .tx
        .opt(
            sql!("SELECT bytes FROM file_piece WHERE file_id = $1 AND no = $2"),
            args![file.id, no],
        )
        .await?;
    Ok(row.map(|(bytes,)| bytes))
}

/// Takes away files whose time has run out, at most a hundred; returns how many.
pub async fn sweep(cx: &mut Cx, _: &Permit) -> Result<u64> {
    let old: Vec<(i64,)> = cx
        .tx
        .all(
            sql!("SELECT id FROM file WHERE expires_at <= $1 ORDER BY expires_at LIMIT 100"),
            args![cx.now()],
        )
        .await?;
    let rows: db::Rows = old.into_iter().map(|(id,)| vec![id.into()]).collect();
    if rows.is_empty() {
        return Ok(0);
    }
    cx.tx
        .run_of(
            sql!("DELETE FROM file_piece WHERE file_id IN (SELECT id FROM {rows: id int} AS v)"),
            &[],
            rows.clone(),
        )
        .await?;
    Ok(cx
        .tx
        .run_of(
            sql!("DELETE FROM file WHERE id IN (SELECT id FROM {rows: id int} AS v)"),
            &[],
            rows,
        )
        .await?)
}
