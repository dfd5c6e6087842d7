//! The statements of registration codes; private to the room.

use super::{CodeId, State};
use crate::{
    Cx, OrgRef, Permit, Result,
    clock::Millis,
    files::FileId,
    orgs::{Category, OrgId},
    people::PersonId,
};
use db::{Rows, args, sql};

db::row! {
    /// A direct child for which a code is to be issued.
    #[derive(Clone, Debug)]
    pub(super) struct Target {
        pub(super) id: i64,
        pub(super) sort_no: i64,
        pub(super) code: String,
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) category: String,
        pub(super) admins: i64,
    }
}
impl Target {
    /// As the table of rights wants it.
    pub(super) fn org(&self, parent: &OrgRef) -> OrgRef {
        OrgRef {
            id: OrgId(self.id),
            code: self.code.clone(),
            path: self.path.clone(),
            short_name: self.short_name.clone(),
            category: Category::from_code(&self.category).unwrap_or(Category::Branch),
            province: parent.province.clone(),
        }
    }
}

/// These direct children of `parent`, with their administrators counted.
pub(super) async fn by_codes(cx: &mut Cx, parent: OrgId, codes: &[String]) -> Result<Vec<Target>> {
    let rows = codes.iter().map(|c| vec![c.as_str().into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.sort_no, o.code, o.path, o.short_name, o.category, (SELECT COUNT(*) FROM admin_seat s WHERE s.org_id = o.id) FROM {rows: code text} AS v JOIN org o ON o.code = v.code WHERE o.parent_id = $1 AND o.status <> 'DELETED' ORDER BY o.sort_no, o.id"),
            args![parent],
            rows,
        )
        .await?)
}

/// The next direct children with neither an administrator nor a code that can be used. Holding
/// branches are run by the superior and never get one.
pub(super) async fn without(
    cx: &mut Cx,
    parent: OrgId,
    (sort_no, id): (i64, i64),
    limit: i64,
) -> Result<Vec<Target>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.id, o.sort_no, o.code, o.path, o.short_name, o.category, CAST(0 AS BIGINT) FROM org o WHERE o.parent_id = $1 AND (o.sort_no, o.id) > ($2, $3) AND o.status <> 'DELETED' AND o.category <> 'HOLDING' AND NOT EXISTS (SELECT 1 FROM admin_seat s WHERE s.org_id = o.id) AND NOT EXISTS (SELECT 1 FROM reg_code c WHERE c.org_id = o.id AND c.state = 'waiting' AND c.expires_at > $4) ORDER BY o.sort_no, o.id LIMIT $5"),
            args![parent, sort_no, id, cx.now(), limit],
        )
        .await?)
}

/// Ends what waits for these organisations: as run out where its time is over, else as void.
/// Returns how many were still good.
pub(super) async fn void(cx: &mut Cx, _: &Permit, orgs: Vec<OrgId>) -> Result<u64> {
    let rows: Rows = orgs.into_iter().map(|o| vec![o.into()]).collect();
    let now = cx.now();
    cx.tx
        .run_of(
            sql!("UPDATE reg_code SET state = 'expired', ended_at = $1 WHERE state = 'waiting' AND expires_at <= $1 AND org_id IN (SELECT v.org_id FROM {rows: org_id int} AS v)"),
            args![now],
            rows.clone(),
        )
        .await?;
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE reg_code SET state = 'revoked', ended_at = $1 WHERE state = 'waiting' AND expires_at > $1 AND org_id IN (SELECT v.org_id FROM {rows: org_id int} AS v)"),
            args![now],
            rows,
        )
        .await?)
}

/// What all codes of one issue have in common.
pub(super) struct Issue {
    pub(super) issuer: OrgId,
    pub(super) maker: PersonId,
    pub(super) sheet: FileId,
    pub(super) expires_at: Millis,
}

/// Puts codes in; fewer than asked for when one waits already.
pub(super) async fn insert(cx: &mut Cx, _: &Permit, issue: &Issue, rows: Rows) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("INSERT INTO reg_code (id, org_id, issuer_org, issued_by, sheet_id, hash, issued_at, expires_at) SELECT v.id, v.org_id, $1, $2, $3, v.hash, $4, $5 FROM {rows: id int, org_id int, hash blob} AS v WHERE TRUE ON CONFLICT DO NOTHING"),
            args![issue.issuer, issue.maker, issue.sheet, cx.now(), issue.expires_at],
            rows,
        )
        .await?)
}

db::row! {
    /// A child with its newest code.
    pub(super) struct Found {
        pub(super) id: i64,
        pub(super) sort_no: i64,
        pub(super) code: String,
        pub(super) short_name: String,
        pub(super) full_name: String,
        pub(super) category: String,
        pub(super) admins: i64,
        pub(super) state: Option<String>,
        pub(super) expires_at: Option<i64>,
        pub(super) ended_at: Option<i64>,
        pub(super) used_by: Option<String>,
        pub(super) sheet_id: Option<i64>,
        pub(super) sheet_of: Option<i64>,
    }
}

pub(super) async fn list(
    cx: &mut Cx,
    parent: OrgId,
    (sort_no, id): (i64, i64),
    state: Option<State>,
    limit: i64,
) -> Result<Vec<Found>> {
    let state = state.map_or("", State::code);
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.id, o.sort_no, o.code, o.short_name, o.full_name, o.category, (SELECT COUNT(*) FROM admin_seat s WHERE s.org_id = o.id), c.state, c.expires_at, c.ended_at, p.name, f.id, f.person_id FROM org o LEFT JOIN reg_code c ON c.id = (SELECT MAX(k.id) FROM reg_code k WHERE k.org_id = o.id) LEFT JOIN person p ON p.id = c.used_by LEFT JOIN file f ON f.id = c.sheet_id AND f.expires_at > $4 WHERE o.parent_id = $1 AND (o.sort_no, o.id) > ($2, $3) AND o.status <> 'DELETED' AND ($5 = '' OR $5 = CASE WHEN c.id IS NULL THEN 'none' WHEN c.state = 'waiting' AND c.expires_at <= $4 THEN 'expired' ELSE c.state END) ORDER BY o.sort_no, o.id LIMIT $6"),
            args![parent, sort_no, id, cx.now(), state, limit],
        )
        .await?)
}

pub(super) async fn one(cx: &mut Cx, org: OrgId) -> Result<Option<Found>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT o.id, o.sort_no, o.code, o.short_name, o.full_name, o.category, (SELECT COUNT(*) FROM admin_seat s WHERE s.org_id = o.id), c.state, c.expires_at, c.ended_at, p.name, f.id, f.person_id FROM org o LEFT JOIN reg_code c ON c.id = (SELECT MAX(k.id) FROM reg_code k WHERE k.org_id = o.id) LEFT JOIN person p ON p.id = c.used_by LEFT JOIN file f ON f.id = c.sheet_id AND f.expires_at > $2 WHERE o.id = $1 AND o.status <> 'DELETED'"),
            args![org, cx.now()],
        )
        .await?)
}

/// How many of the first `most` children are in each state: category, state, whether anybody
/// administers it, number.
pub(super) async fn counts(
    cx: &mut Cx,
    parent: OrgId,
    most: i64,
) -> Result<Vec<(String, String, bool, i64)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT category, state, seated, COUNT(*) FROM (SELECT o.category AS category, CASE WHEN c.id IS NULL THEN 'none' WHEN c.state = 'waiting' AND c.expires_at <= $2 THEN 'expired' ELSE c.state END AS state, EXISTS (SELECT 1 FROM admin_seat s WHERE s.org_id = o.id) AS seated FROM org o LEFT JOIN reg_code c ON c.id = (SELECT MAX(k.id) FROM reg_code k WHERE k.org_id = o.id) WHERE o.parent_id = $1 AND o.status <> 'DELETED' ORDER BY o.sort_no, o.id LIMIT $3) AS t GROUP BY category, state, seated"),
            args![parent, cx.now(), most],
        )
        .await?)
}

db::row! {
    pub(super) struct OfSheet {
        pub(super) id: i64,
        pub(super) org_code: String,
        pub(super) short_name: String,
        pub(super) full_name: String,
        pub(super) path: String,
        pub(super) state: String,
        pub(super) expires_at: i64,
    }
}

/// The codes of a sheet in the order of their organisations.
pub(super) async fn of_sheet(cx: &mut Cx, ids: Vec<i64>) -> Result<Vec<OfSheet>> {
    let rows = ids.into_iter().map(|id| vec![id.into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT c.id, o.code, o.short_name, o.full_name, o.path, c.state, c.expires_at FROM {rows: id int} AS v JOIN reg_code c ON c.id = v.id JOIN org o ON o.id = c.org_id ORDER BY o.sort_no, o.id, c.id"),
            &[],
            rows,
        )
        .await?)
}

db::row! {
    /// A waiting code that ends soon.
    pub(super) struct Due {
        pub(super) id: i64,
        pub(super) issuer: i64,
        pub(super) short_name: String,
        pub(super) expires_at: i64,
    }
}

pub(super) async fn to_remind(cx: &mut Cx, until: Millis, limit: i64) -> Result<Vec<Due>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT c.id, c.issuer_org, o.short_name, c.expires_at FROM reg_code c JOIN org o ON o.id = c.org_id WHERE c.state = 'waiting' AND c.reminded_at IS NULL AND c.expires_at > $1 AND c.expires_at <= $2 ORDER BY c.expires_at, c.id LIMIT $3"),
            args![cx.now(), until, limit],
        )
        .await?)
}

pub(super) async fn reminded(cx: &mut Cx, _: &Permit, ids: Vec<i64>) -> Result<()> {
    let rows = ids.into_iter().map(|id| vec![id.into()]).collect();
    cx.tx
        .run_of(
            sql!("UPDATE reg_code SET reminded_at = $1 WHERE id IN (SELECT v.id FROM {rows: id int} AS v)"),
            args![cx.now()],
            rows,
        )
        .await?;
    Ok(())
}

db::row! {
    /// A code that was typed or opened.
    #[derive(Clone, Debug)]
    pub(super) struct Opened {
        pub(super) id: CodeId,
        pub(super) state: String,
        pub(super) issued_at: i64,
        pub(super) expires_at: i64,
        pub(super) ended_at: Option<i64>,
        pub(super) used_by: Option<PersonId>,
        pub(super) org_id: OrgId,
        pub(super) org_status: String,
        pub(super) still_below: bool,
        pub(super) issuer_id: OrgId,
        pub(super) issuer_name: String,
        pub(super) issuer_phone: Option<String>,
        pub(super) issuer_status: String,
        pub(super) issued_by: String,
        pub(super) admins: i64,
        pub(super) has_secretary: bool,
    }
}

/// The code with this hash, with everything that decides whether it can still be used: read anew
/// each time (security a-15).
pub(super) async fn opened(cx: &mut Cx, hash: [u8; 32]) -> Result<Option<Opened>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT c.id, c.state, c.issued_at, c.expires_at, c.ended_at, c.used_by, o.id, o.status, o.parent_id = c.issuer_org, i.id, i.short_name, i.phone, i.status, p.name, (SELECT COUNT(*) FROM admin_seat s WHERE s.org_id = o.id), EXISTS (SELECT 1 FROM cadre k WHERE k.org_id = o.id AND k.post = '书记' AND k.ended_at IS NULL) FROM reg_code c JOIN org o ON o.id = c.org_id JOIN org i ON i.id = c.issuer_org JOIN person p ON p.id = c.issued_by WHERE c.hash = $1"),
            args![hash],
        )
        .await?)
}

/// Spends a code that waits; `false` when somebody or something was faster.
pub(super) async fn spend(
    cx: &mut Cx,
    _: &Permit,
    id: CodeId,
    person: PersonId,
    cadre: i64,
) -> Result<bool> {
    let spent = cx
        .tx
        .run(
            sql!("UPDATE reg_code SET state = 'used', used_by = $1, cadre_id = $2, ended_at = $3 WHERE id = $4 AND state = 'waiting' AND expires_at > $3"),
            args![person, cadre, cx.now(), id],
        )
        .await?;
    Ok(spent == 1)
}

/// Takes hold of a waiting code, so that nobody else spends it meanwhile; `false` when it is gone.
pub(super) async fn hold(cx: &mut Cx, _: &Permit, id: CodeId) -> Result<bool> {
    let held = cx
        .tx
        .run(
            sql!("UPDATE reg_code SET reminded_at = reminded_at WHERE id = $1 AND state = 'waiting' AND expires_at > $2"),
            args![id, cx.now()],
        )
        .await?;
    Ok(held == 1)
}
