//! Putting people in, thousands in one statement, and asking beforehand who is there already.

use crate::{Cx, OrgRef, Permit, Result, keyring::Held};
use db::{Rows, Value, args, sql};

db::row! {
    /// Somebody whose ID number is in the system.
    pub(in crate::people) struct Known {
        /// Which of the asked numbers it is.
        pub(in crate::people) at: i64,
        pub(in crate::people) person: i64,
        pub(in crate::people) code: String,
        pub(in crate::people) name: String,
        pub(in crate::people) complete: bool,
        pub(in crate::people) check_state: String,
        pub(in crate::people) branch: Option<i64>,
        /// The post held in the organisation asked for.
        pub(in crate::people) post: Option<String>,
    }
}

/// Who of these blind indexes (position, index, version) is in the system.
pub(in crate::people) async fn known(cx: &mut Cx, org: i64, asked: Rows) -> Result<Vec<Known>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT v.at, p.id, p.code, p.name, p.complete, p.check_state, m.org_id, c.post FROM {rows: at int, bi blob, ver int} AS v JOIN person p ON p.id_bi = v.bi AND p.id_bi_ver = v.ver LEFT JOIN member m ON m.person_id = p.id LEFT JOIN cadre c ON c.person_id = p.id AND c.org_id = $1 AND c.ended_at IS NULL ORDER BY v.at"),
            args![org],
            asked,
        )
        .await?)
}

/// Which of these development numbers somebody has, and who.
pub(in crate::people) async fn numbers_taken(
    cx: &mut Cx,
    numbers: Rows,
) -> Result<Vec<(String, i64)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT m.dev_number, m.person_id FROM {rows: number text} AS v JOIN member m ON m.dev_number = v.number"),
            &[],
            numbers,
        )
        .await?)
}

/// Who holds one of these posts in the organisation: post and name.
pub(in crate::people) async fn holders(
    cx: &mut Cx,
    org: &OrgRef,
    posts: Rows,
) -> Result<Vec<(String, String)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT c.post, c.name FROM {rows: post text} AS v CROSS JOIN cadre c WHERE c.org_path = $1 AND c.post = v.post AND c.ended_at IS NULL ORDER BY c.id LIMIT 100"),
            args![&org.path],
            posts,
        )
        .await?)
}

/// Puts persons in; returns how many were not there yet.
///
/// The ring must have been held before anybody looked for them.
pub(in crate::people) async fn persons(
    cx: &mut Cx,
    _: &Permit,
    ring: Held,
    rows: Rows,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("INSERT INTO person (id, code, name, name_py, id_ct, id_bi, id_bi_ver, sex, birth_ym, mobile_ct, mobile_bi, contact_ct, ethnic, political, education, missing, complete, created_at, updated_at) SELECT id, code, name, name_py, id_ct, id_bi, $1, sex, birth_ym, mobile_ct, mobile_bi, contact_ct, ethnic, political, education, missing, missing = '', $2, $2 FROM {rows: id int, code text, name text, name_py text, id_ct blob, id_bi blob, sex text, birth_ym text, mobile_ct blob, mobile_bi blob, contact_ct blob, ethnic text, political text, education text, missing text} AS v WHERE true ON CONFLICT DO NOTHING"),
            args![ring.number(), cx.now()],
            rows,
        )
        .await?)
}

/// Makes persons members of a branch; returns how many became members.
pub(in crate::people) async fn members(
    cx: &mut Cx,
    _: &Permit,
    branch: &OrgRef,
    import_id: Option<i64>,
    rows: Rows,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("INSERT INTO member (person_id, org_id, org_category, org_path, name, name_py, joined, dev_number, complete, check_state, import_id, entered_at, graduation, graduation_at) SELECT person_id, $1, $2, $3, name, name_py, joined, dev_number, complete, check_state, $4, $5, CAST($6 AS TEXT), CASE WHEN CAST($6 AS TEXT) IS NULL THEN NULL ELSE CAST($5 AS BIGINT) END FROM {rows: person_id int, name text, name_py text, joined text, dev_number text, complete bool, check_state text} AS v WHERE true ON CONFLICT DO NOTHING"),
            args![
                branch.id, branch.category.code(), &branch.path, import_id, cx.now(),
                super::members::mark_on_arrival(branch)
            ],
            rows,
        )
        .await?)
}

/// Gives posts in an organisation; returns how many were given.
pub(in crate::people) async fn cadres(
    cx: &mut Cx,
    _: &Permit,
    org: &OrgRef,
    import_id: Option<i64>,
    rows: Rows,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("INSERT INTO cadre (id, person_id, org_id, org_path, name, name_py, post, since, nature, in_party_committee, complete, import_id, started_at) SELECT id, person_id, $1, $2, name, name_py, post, since, nature, in_party_committee, complete, $3, $4 FROM {rows: id int, person_id int, name text, name_py text, post text, since text, nature text, in_party_committee bool, complete bool} AS v WHERE true ON CONFLICT DO NOTHING"),
            args![org.id, &org.path, import_id, cx.now()],
            rows,
        )
        .await?)
}

/// One text column of a row set.
pub(in crate::people) fn texts<'a>(values: impl Iterator<Item = &'a str>) -> Rows {
    values.map(|v| vec![Value::from(v)]).collect()
}
