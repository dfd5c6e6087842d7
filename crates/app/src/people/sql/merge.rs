//! Statements of merging what was typed into people who are known, thousands at once.

use crate::{Cx, Permit, Result};
use db::{Rows, args, sql};

/// The paths where these people hold posts now.
pub(in crate::people) async fn post_paths(cx: &mut Cx, ids: Rows) -> Result<Vec<(i64, String)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT c.person_id, c.org_path FROM {rows: id int} AS v JOIN cadre c ON c.person_id = v.id AND c.ended_at IS NULL"),
            &[],
            ids,
        )
        .await?)
}

/// Stores persons whose version nobody has changed; returns how many.
pub(in crate::people) async fn persons(cx: &mut Cx, _: &Permit, rows: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE person SET mobile_ct = v.mobile_ct, mobile_bi = v.mobile_bi, contact_ct = v.contact_ct, ethnic = v.ethnic, political = v.political, education = v.education, missing = v.missing, complete = (v.missing = ''), updated_at = $1, version = person.version + 1 FROM {rows: id int, ver int, mobile_ct blob, mobile_bi blob, contact_ct blob, ethnic text, political text, education text, missing text} AS v WHERE person.id = v.id AND person.version = v.ver"),
            args![cx.now()],
            rows,
        )
        .await?)
}

/// Stores what belongs to memberships; the persons' rows, changed before, guard them.
pub(in crate::people) async fn members(cx: &mut Cx, _: &Permit, rows: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE member SET joined = v.joined, dev_number = v.dev_number, complete = v.complete, version = member.version + 1 FROM {rows: id int, joined text, dev_number text, complete bool} AS v WHERE member.person_id = v.id"),
            &[],
            rows,
        )
        .await?)
}

/// Posts say as well whether their holders are complete; returns person and path of those that
/// changed.
pub(in crate::people) async fn posts_complete(
    cx: &mut Cx,
    _: &Permit,
    rows: Rows,
) -> Result<Vec<(i64, String)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("UPDATE cadre SET complete = v.complete FROM {rows: id int, complete bool} AS v WHERE cadre.person_id = v.id AND cadre.ended_at IS NULL AND cadre.complete <> v.complete RETURNING person_id, org_path"),
            &[],
            rows,
        )
        .await?)
}
