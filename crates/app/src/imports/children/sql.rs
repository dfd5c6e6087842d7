//! Statements on where the rows of a list of organisations will stand; private to it.

use super::judge;
use crate::{
    Cx, Permit, Result,
    clock::Millis,
    imports::{ImportId, sql::Stored},
    orgs::OrgId,
};
use db::{Rows, args, sql};

db::row! {
    pub(super) struct Place {
        pub(super) row_no: i64,
        ord: i64,
        level: i64,
        parent_row: Option<i64>,
        parent_org: Option<i64>,
        pub(super) org_id: Option<i64>,
    }
}
impl Place {
    /// Whether the row stands there already.
    pub(super) fn is(&self, place: &judge::Place) -> bool {
        (self.ord, self.level) == (place.ord, place.level)
            && (self.parent_row, self.parent_org) == (place.parent_row, place.parent_org)
    }
}

pub(super) async fn places(cx: &mut Cx, import: ImportId) -> Result<Vec<Place>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT row_no, ord, level, parent_row, parent_org, org_id FROM import_place WHERE import_id = $1"),
            args![import],
        )
        .await?)
}

/// `(import, row_no, ord, level, parent_row, parent_org)`.
pub(super) async fn put_places(cx: &mut Cx, _: &Permit, rows: Rows) -> Result<()> {
    cx.tx
        .run_of(
            sql!("INSERT INTO import_place (import_id, row_no, ord, level, parent_row, parent_org) SELECT v.import, v.no, v.ord, v.level, v.parent_row, v.parent_org FROM {rows: import int, no int, ord int, level int, parent_row int, parent_org int} AS v WHERE TRUE ON CONFLICT (import_id, row_no) DO UPDATE SET ord = excluded.ord, level = excluded.level, parent_row = excluded.parent_row, parent_org = excluded.parent_org"),
            &[],
            rows,
        )
        .await?;
    Ok(())
}

db::row! {
    /// A row whose turn it is, with the superior that it waits for.
    pub(super) struct Next {
        pub(super) no: i64,
        pub(super) state: String,
        cells_ct: Vec<u8>,
        pub(super) problems: String,
        version: i64,
        pub(super) ord: i64,
        pub(super) level: i64,
        pub(super) parent_row: Option<i64>,
        pub(super) parent_org: Option<i64>,
    }
}
impl Next {
    /// As the rows of every import are stored.
    pub(super) fn stored(&self) -> Stored {
        Stored {
            no: self.no,
            state: self.state.clone(),
            cells_ct: self.cells_ct.clone(),
            problems: self.problems.clone(),
            id_bi: None,
            seat: None,
            person_id: None,
            version: self.version,
            take: false,
        }
    }
}

/// Rows that can be made, those nearest the top first.
pub(super) async fn next_rows(cx: &mut Cx, import: ImportId, limit: i64) -> Result<Vec<Next>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT r.row_no, r.state, r.cells_ct, r.problems, r.version, p.ord, p.level, p.parent_row, p.parent_org FROM import_place p JOIN import_row r ON r.import_id = p.import_id AND r.row_no = p.row_no WHERE p.import_id = $1 AND r.state IN ('ready','warned') ORDER BY p.level, p.row_no LIMIT $2"),
            args![import, limit],
        )
        .await?)
}

/// Rows in the order of the preview.
pub(super) async fn leaves(
    cx: &mut Cx,
    import: ImportId,
    after: i64,
    limit: i64,
) -> Result<Vec<Next>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT r.row_no, r.state, r.cells_ct, r.problems, r.version, p.ord, p.level, p.parent_row, p.parent_org FROM import_place p JOIN import_row r ON r.import_id = p.import_id AND r.row_no = p.row_no WHERE p.import_id = $1 AND p.ord > $2 ORDER BY p.ord LIMIT $3"),
            args![import, after, limit],
        )
        .await?)
}

/// What was made of these rows: (row, organisation).
pub(super) async fn made_of(
    cx: &mut Cx,
    import: ImportId,
    rows: Vec<i64>,
) -> Result<Vec<(i64, i64)>> {
    let rows: Rows = rows.into_iter().map(|no| vec![import.into(), no.into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT p.row_no, p.org_id FROM {rows: import int, no int} AS v CROSS JOIN import_place p WHERE p.import_id = v.import AND p.row_no = v.no AND p.org_id IS NOT NULL"),
            &[],
            rows,
        )
        .await?)
}

/// `(import, row_no, org_id)`.
pub(super) async fn set_made(cx: &mut Cx, _: &Permit, rows: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE import_place SET org_id = v.org FROM {rows: import int, no int, org int} AS v WHERE import_place.import_id = v.import AND import_place.row_no = v.no"),
            &[],
            rows,
        )
        .await?)
}

db::row! {
    /// An organisation that the import has made.
    pub(super) struct Made {
        pub(super) row_no: i64,
        pub(super) org_id: i64,
        pub(super) name: String,
    }
}

/// Everything that the import has made and not taken back, in the file's order.
pub(super) async fn made(cx: &mut Cx, import: ImportId) -> Result<Vec<Made>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT p.row_no, p.org_id, o.short_name FROM import_place p JOIN import_row r ON r.import_id = p.import_id AND r.row_no = p.row_no JOIN org o ON o.id = p.org_id WHERE p.import_id = $1 AND r.state = 'imported' ORDER BY p.row_no"),
            args![import],
        )
        .await?)
}

/// Organisations that were there already and have administrators, with the number of children that
/// the import made below them after `since`: (id, code, number).
pub(super) async fn made_below(
    cx: &mut Cx,
    import: ImportId,
    target: OrgId,
    since: Millis,
) -> Result<Vec<(i64, String, i64)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.id, o.code, COUNT(*) FROM import_place p JOIN org o ON o.id = p.parent_org JOIN org c ON c.id = p.org_id WHERE p.import_id = $1 AND p.parent_org <> $2 AND c.created_at > $3 AND EXISTS (SELECT 1 FROM admin_seat s WHERE s.org_id = o.id) GROUP BY o.id, o.code ORDER BY o.id LIMIT 500"),
            args![import, target, since],
        )
        .await?)
}
