//! The statements of imports; private to the room. Counters are counted anew from the rows in the
//! transaction that changed them, so they can't drift.

use super::{Import, ImportId, Kind, RowState};
use crate::{Cx, OrgRef, Permit, Result, clock::Millis, jobs::JobId, orgs::OrgId};
use db::{Rows, args, sql};

pub(super) struct NewImport<'a> {
    pub(super) id: ImportId,
    pub(super) org: &'a OrgRef,
    pub(super) acting: OrgId,
    pub(super) person: i64,
    pub(super) kind: Kind,
    pub(super) file_name: &'a str,
    pub(super) digest: Vec<u8>,
    pub(super) beside: i64,
    pub(super) template: &'a str,
    pub(super) state: &'a str,
    pub(super) header: &'a str,
    pub(super) mapping: &'a str,
    pub(super) notes: &'a str,
    pub(super) rows: i64,
}

db::row! {
    /// A staged row as stored.
    pub(super) struct Stored {
        pub(super) no: i64,
        pub(super) state: String,
        pub(super) cells_ct: Vec<u8>,
        pub(super) problems: String,
        pub(super) id_bi: Option<Vec<u8>>,
        pub(super) seat: Option<String>,
        pub(super) person_id: Option<i64>,
        pub(super) version: i64,
        /// Whether its contact values replace those of a person who is known.
        pub(super) take: bool,
    }
}

/// `false` when the same file is an open draft already (`import_one_draft`).
pub(super) async fn insert(cx: &mut Cx, _: &Permit, new: NewImport<'_>) -> Result<bool> {
    let now = cx.now();
    let inserted = cx
        .tx
        .run(
            sql!("INSERT INTO import (id, org_id, org_path, acting_org, person_id, kind, file_name, template, state, header, mapping, notes, rows, created_at, updated_at, digest, beside) VALUES ($1, $2, $3, $4, $5, $14, $6, $7, $8, $9, $10, $11, $12, $13, $13, $15, $16) ON CONFLICT DO NOTHING"),
            args![
                new.id, new.org.id, &new.org.path, new.acting, new.person, new.file_name,
                new.template, new.state, new.header, new.mapping, new.notes, new.rows, now,
                new.kind.code(), new.digest, new.beside
            ],
        )
        .await?;
    Ok(inserted == 1)
}

db::row! {
    /// The same file, uploaded before.
    pub(super) struct Twin {
        pub(super) id: ImportId,
        pub(super) acting_org: OrgId,
        pub(super) acting_name: String,
        pub(super) by_name: Option<String>,
        pub(super) state: String,
        pub(super) created_at: i64,
        pub(super) ended_at: Option<i64>,
        pub(super) ready: i64,
        pub(super) to_fix: i64,
        pub(super) imported: i64,
    }
}

/// The newest import of the same file into an organisation that has not ended.
pub(super) async fn open_twin(
    cx: &mut Cx,
    org: OrgId,
    kind: Kind,
    digests: Rows,
) -> Result<Option<Twin>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT i.id, i.acting_org, a.short_name, p.name, i.state, i.created_at, i.ended_at, i.ready, i.to_fix, i.imported FROM {rows: digest blob} AS v CROSS JOIN import i JOIN org a ON a.id = i.acting_org LEFT JOIN person p ON p.id = i.person_id WHERE i.org_id = $1 AND i.digest = v.digest AND i.kind = $2 AND i.state IN ('mapping','review','running') ORDER BY i.id DESC LIMIT 1"),
            args![org, kind.code()],
            digests,
        )
        .await?
        .into_iter()
        .next())
}

/// The newest other import of the same file into the same organisation of which something came in
/// after `since`.
pub(super) async fn done_twin(
    cx: &mut Cx,
    import: ImportId,
    since: Millis,
) -> Result<Option<Twin>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT i.id, i.acting_org, a.short_name, p.name, i.state, i.created_at, i.ended_at, i.ready, i.to_fix, i.imported FROM import x JOIN import i ON i.org_id = x.org_id AND i.digest = x.digest JOIN org a ON a.id = i.acting_org LEFT JOIN person p ON p.id = i.person_id WHERE x.id = $1 AND i.id <> x.id AND i.kind = x.kind AND i.state IN ('review','done') AND i.imported > 0 AND i.ended_at > $2 ORDER BY i.id DESC LIMIT 1"),
            args![import, since],
        )
        .await?)
}

/// Rows of `(row_no, state, cells_ct, problems, id_bi, seat)`.
pub(super) async fn insert_rows(
    cx: &mut Cx,
    _: &Permit,
    import: ImportId,
    rows: Rows,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("INSERT INTO import_row (import_id, row_no, state, cells_ct, problems, id_bi, seat) SELECT $1, no, state, cells, problems, id_bi, seat FROM {rows: no int, state text, cells blob, problems text, id_bi blob, seat text} AS v"),
            args![import],
            rows,
        )
        .await?)
}

pub(super) async fn find(cx: &mut Cx, id: ImportId) -> Result<Option<Import>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT id, org_id, acting_org, person_id, kind, file_name, template, state, header, mapping, notes, job_id, rows, ready, to_fix, warned, skipped, imported, failed, version, created_at, updated_at, ended_at FROM import WHERE id = $1"),
            args![id],
        )
        .await?)
}

/// The newest imports made for one organisation, before `before`.
pub(super) async fn list(
    cx: &mut Cx,
    acting: OrgId,
    before: i64,
    limit: i64,
) -> Result<Vec<Import>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, org_id, acting_org, person_id, kind, file_name, template, state, header, mapping, notes, job_id, rows, ready, to_fix, warned, skipped, imported, failed, version, created_at, updated_at, ended_at FROM import WHERE acting_org = $1 AND id < $2 ORDER BY id DESC LIMIT $3"),
            args![acting, before, limit],
        )
        .await?)
}

/// How the same header was mapped before.
pub(super) async fn mapping_of(
    cx: &mut Cx,
    acting: OrgId,
    kind: Kind,
    header: &str,
) -> Result<Option<String>> {
    let row: Option<(String,)> = cx
        .tx
        .opt(
            sql!("SELECT mapping FROM import WHERE acting_org = $1 AND header = $2 AND kind = $3 AND state <> 'mapping' ORDER BY id DESC LIMIT 1"),
            args![acting, header, kind.code()],
        )
        .await?;
    Ok(row.map(|(mapping,)| mapping))
}

/// Takes hold of an import in this state; `false` when it is in another one. Whoever changes an
/// import begins with this, so that changes of one import come one after another.
pub(super) async fn hold(cx: &mut Cx, _: &Permit, id: ImportId, state: &str) -> Result<bool> {
    let held = cx
        .tx
        .run(
            sql!("UPDATE import SET updated_at = $1, version = version + 1 WHERE id = $2 AND state = $3"),
            args![cx.now(), id, state],
        )
        .await?;
    Ok(held == 1)
}

pub(super) async fn set_state(cx: &mut Cx, _: &Permit, id: ImportId, state: &str) -> Result<()> {
    cx.tx.run(sql!("UPDATE import SET state = $1 WHERE id = $2"), args![state, id]).await?;
    Ok(())
}

pub(super) async fn set_job(cx: &mut Cx, _: &Permit, id: ImportId, job: JobId) -> Result<()> {
    cx.tx.run(sql!("UPDATE import SET job_id = $1 WHERE id = $2"), args![job, id]).await?;
    Ok(())
}

pub(super) async fn set_ended(cx: &mut Cx, _: &Permit, id: ImportId) -> Result<()> {
    cx.tx.run(sql!("UPDATE import SET ended_at = $1 WHERE id = $2"), args![cx.now(), id]).await?;
    Ok(())
}

/// How many members a branch has, counted up to `most`.
pub(super) async fn members_at_most(cx: &mut Cx, branch: &OrgRef, most: i64) -> Result<i64> {
    let (count,) = cx
        .tx
        .one(
            sql!("SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT person_id FROM member WHERE org_path = $1 LIMIT $2) AS m"),
            args![&branch.path, most],
        )
        .await?;
    Ok(count)
}

pub(super) async fn set_mapping(
    cx: &mut Cx,
    _: &Permit,
    id: ImportId,
    mapping: &str,
    notes: &str,
) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE import SET mapping = $1, notes = $2 WHERE id = $3"),
            args![mapping, notes, id],
        )
        .await?;
    Ok(())
}

/// Rows in any of three states after a row number, in order.
pub(super) async fn rows_in(
    cx: &mut Cx,
    import: ImportId,
    states: [&str; 3],
    after: i64,
    limit: i64,
) -> Result<Vec<Stored>> {
    let [a, b, c] = states;
    Ok(cx
        .tx
        .all(
            sql!("SELECT row_no, state, cells_ct, problems, id_bi, seat, person_id, version, take FROM import_row WHERE import_id = $1 AND state IN ($2, $3, $4) AND row_no > $5 ORDER BY row_no LIMIT $6"),
            args![import, a, b, c, after, limit],
        )
        .await?)
}

/// Rows in whatever state after a row number, in order.
pub(super) async fn rows_after(
    cx: &mut Cx,
    import: ImportId,
    after: i64,
    limit: i64,
) -> Result<Vec<Stored>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT row_no, state, cells_ct, problems, id_bi, seat, person_id, version, take FROM import_row WHERE import_id = $1 AND row_no > $2 ORDER BY row_no LIMIT $3"),
            args![import, after, limit],
        )
        .await?)
}

pub(super) async fn row(cx: &mut Cx, import: ImportId, no: i64) -> Result<Option<Stored>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT row_no, state, cells_ct, problems, id_bi, seat, person_id, version, take FROM import_row WHERE import_id = $1 AND row_no = $2"),
            args![import, no],
        )
        .await?)
}

/// The rows of these people (by blind index).
pub(super) async fn rows_of(
    cx: &mut Cx,
    import: ImportId,
    indexes: Vec<Vec<u8>>,
) -> Result<Vec<Stored>> {
    let rows: Rows = indexes.into_iter().map(|i| vec![i.into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT r.row_no, r.state, r.cells_ct, r.problems, r.id_bi, r.seat, r.person_id, r.version, r.take FROM {rows: id_bi blob} AS v CROSS JOIN import_row r WHERE r.import_id = $1 AND r.id_bi = v.id_bi ORDER BY r.row_no"),
            args![import],
            rows,
        )
        .await?)
}

/// The open rows that claim a limited post.
pub(super) async fn rows_claiming(cx: &mut Cx, import: ImportId) -> Result<Vec<Stored>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT row_no, state, cells_ct, problems, id_bi, seat, person_id, version, take FROM import_row WHERE import_id = $1 AND seat IS NOT NULL AND state IN ('to_fix','ready','warned') ORDER BY row_no LIMIT 20000"),
            args![import],
        )
        .await?)
}

/// New content of a row; `false` when somebody else has changed it since `version`.
pub(super) async fn set_cells(
    cx: &mut Cx,
    _: &Permit,
    import: ImportId,
    no: i64,
    cells: Vec<u8>,
    version: i64,
) -> Result<bool> {
    let set = cx
        .tx
        .run(
            sql!("UPDATE import_row SET cells_ct = $1, version = version + 1 WHERE import_id = $2 AND row_no = $3 AND version = $4 AND state IN ('ready','warned','to_fix')"),
            args![cells, import, no, version],
        )
        .await?;
    Ok(set == 1)
}

/// The import stands in each row of a set: were it an argument of the statement, SQLite would walk
/// the whole import for every row of the set instead of looking each up by its key.
fn of_import(import: ImportId, rows: Rows) -> Rows {
    rows.into_iter()
        .map(|mut row| {
            row.insert(0, import.into());
            row
        })
        .collect()
}

/// Which contact values count for open rows of people who are known; `None` for all rows.
pub(super) async fn set_take(
    cx: &mut Cx,
    _: &Permit,
    import: ImportId,
    no: Option<i64>,
    take: bool,
) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE import_row SET take = $1, version = version + 1 WHERE import_id = $2 AND row_no >= $3 AND row_no <= $4 AND state IN ('ready','warned','to_fix') AND take <> $1"),
            args![take, import, no.unwrap_or(0), no.unwrap_or(i64::from(u32::MAX))],
        )
        .await?)
}

/// New contents of many rows: `(row_no, cells_ct)`.
pub(super) async fn set_many_cells(
    cx: &mut Cx,
    _: &Permit,
    import: ImportId,
    rows: Rows,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE import_row SET cells_ct = v.cells, version = import_row.version + 1 FROM {rows: import int, no int, cells blob} AS v WHERE import_row.import_id = v.import AND import_row.row_no = v.no"),
            &[],
            of_import(import, rows),
        )
        .await?)
}

/// What was found in rows: `(row_no, state, problems, id_bi, seat)`.
pub(super) async fn set_verdicts(
    cx: &mut Cx,
    _: &Permit,
    import: ImportId,
    rows: Rows,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE import_row SET state = v.state, problems = v.problems, id_bi = v.id_bi, seat = v.seat FROM {rows: import int, no int, state text, problems text, id_bi blob, seat text} AS v WHERE import_row.import_id = v.import AND import_row.row_no = v.no"),
            &[],
            of_import(import, rows),
        )
        .await?)
}

/// What became of rows in the commit or the undo: `(row_no, state, problems, person_id)`.
pub(super) async fn set_outcomes(
    cx: &mut Cx,
    _: &Permit,
    import: ImportId,
    rows: Rows,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE import_row SET state = v.state, problems = v.problems, person_id = v.person_id, version = import_row.version + 1 FROM {rows: import int, no int, state text, problems text, person_id int} AS v WHERE import_row.import_id = v.import AND import_row.row_no = v.no"),
            &[],
            of_import(import, rows),
        )
        .await?)
}

/// Skips a row or takes it up again; `false` when its state or version is another one.
pub(super) async fn set_skipped(
    cx: &mut Cx,
    _: &Permit,
    import: ImportId,
    no: i64,
    skip: bool,
) -> Result<bool> {
    let (from, to) = if skip { ("to_fix", "skipped") } else { ("skipped", "to_fix") };
    let set = cx
        .tx
        .run(
            sql!("UPDATE import_row SET state = $1, version = version + 1 WHERE import_id = $2 AND row_no = $3 AND (state = $4 OR ($4 = 'to_fix' AND state IN ('ready','warned')))"),
            args![to, import, no, from],
        )
        .await?;
    Ok(set == 1)
}

/// A row that became a 转入; `false` when it is no longer open.
pub(super) async fn set_handed(
    cx: &mut Cx,
    _: &Permit,
    import: ImportId,
    no: i64,
    problems: &str,
) -> Result<bool> {
    let set = cx
        .tx
        .run(
            sql!("UPDATE import_row SET state = 'handed', problems = $1, version = version + 1 WHERE import_id = $2 AND row_no = $3 AND state IN ('to_fix','ready','warned')"),
            args![problems, import, no],
        )
        .await?;
    Ok(set == 1)
}

/// Gives up what has not been put right.
pub(super) async fn give_up(cx: &mut Cx, _: &Permit, import: ImportId) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE import_row SET state = 'failed' WHERE import_id = $1 AND state IN ('to_fix','ready','warned')"),
            args![import],
        )
        .await?)
}

/// Counts the rows anew into the import.
pub(super) async fn recount(cx: &mut Cx, _: &Permit, import: ImportId) -> Result<()> {
    let counted: Vec<(String, i64)> = cx
        .tx
        .all(
            sql!("SELECT state, COUNT(*) FROM import_row WHERE import_id = $1 GROUP BY state"),
            args![import],
        )
        .await?;
    let of = |state: RowState| {
        counted.iter().find(|(name, _)| name == state.code()).map_or(0, |(_, n)| *n)
    };
    use RowState as S;
    cx.tx
        .run(
            sql!("UPDATE import SET ready = $1, warned = $2, to_fix = $3, skipped = $4, imported = $5, failed = $6, updated_at = $7 WHERE id = $8"),
            args![
                of(S::Ready) + of(S::Warned), of(S::Warned), of(S::ToFix),
                of(S::Skipped) + of(S::Handed),
                of(S::Imported), of(S::Failed), cx.now(), import
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn delete(cx: &mut Cx, _: &Permit, id: ImportId) -> Result<()> {
    cx.tx.run(sql!("DELETE FROM import_place WHERE import_id = $1"), args![id]).await?;
    cx.tx.run(sql!("DELETE FROM import_row WHERE import_id = $1"), args![id]).await?;
    cx.tx.run(sql!("DELETE FROM import WHERE id = $1"), args![id]).await?;
    Ok(())
}

/// Imports into an organisation that have not ended: number, state, how many came in.
pub(super) async fn open_into(cx: &mut Cx, org: OrgId) -> Result<Vec<(ImportId, String, i64)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, state, imported FROM import WHERE org_id = $1 AND state IN ('mapping','review','running') ORDER BY id LIMIT 1000"),
            args![org],
        )
        .await?)
}

/// Drafts that nobody has touched since `before`, and whether anything of them was imported.
pub(super) async fn old_drafts(cx: &mut Cx, before: Millis) -> Result<Vec<(ImportId, i64)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, imported FROM import WHERE state IN ('mapping','review') AND updated_at < $1 ORDER BY updated_at LIMIT 50"),
            args![before],
        )
        .await?)
}

/// Forgets the cells of imports that ended before `before`.
pub(super) async fn forget_cells(cx: &mut Cx, _: &Permit, before: Millis) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE import_row SET cells_ct = {lite: x''}{pg: ''::bytea}, id_bi = NULL, seat = NULL WHERE LENGTH(cells_ct) > 0 AND import_id IN (SELECT id FROM import WHERE state IN ('done','undone') AND updated_at < $1)"),
            args![before],
        )
        .await?)
}

/// The branches directly below an organisation, in its order.
pub(super) async fn branches_below(
    cx: &mut Cx,
    org: OrgId,
    limit: i64,
) -> Result<Vec<(String, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT code, short_name FROM org WHERE parent_id = $1 AND category IN ('BRANCH','GRADUATE') AND status = 'ACTIVE' ORDER BY sort_no LIMIT $2"),
            args![org, limit],
        )
        .await?)
}

db::row! {
    pub(super) struct Sealed {
        pub(super) import: i64,
        pub(super) no: i64,
        pub(super) version: i64,
        pub(super) cells_ct: Vec<u8>,
    }
}

/// Sealed cells in the order of their keys.
pub(super) async fn sealed_after(
    cx: &mut Cx,
    (import, no): (i64, i64),
    limit: i64,
) -> Result<Vec<Sealed>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT import_id, row_no, version, cells_ct FROM import_row WHERE (import_id, row_no) > ($1, $2) ORDER BY import_id, row_no LIMIT $3"),
            args![import, no, limit],
        )
        .await?)
}

/// The same cells under another key, unless somebody changed them meanwhile (they are new then).
/// Rows of `(import_id, row_no, version, cells_ct)`.
pub(super) async fn reseal(cx: &mut Cx, _: &Permit, rows: db::Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE import_row SET cells_ct = v.sealed FROM {rows: import int, no int, ver int, sealed blob} AS v WHERE import_row.import_id = v.import AND import_row.row_no = v.no AND import_row.version = v.ver"),
            &[],
            rows,
        )
        .await?)
}
