//! Reading one person.

use super::org_of;
use crate::{
    Cx, Result, Scope,
    people::{Membership, PersonId, Post, list::Graduation, person::Entry},
};
use db::{Rows, args, sql};

db::row! {
    pub(in crate::people) struct Stored {
        pub(in crate::people) id: i64,
        pub(in crate::people) code: String,
        pub(in crate::people) name: String,
        pub(in crate::people) id_ct: Vec<u8>,
        pub(in crate::people) sex: String,
        pub(in crate::people) birth_ym: String,
        pub(in crate::people) mobile_ct: Option<Vec<u8>>,
        pub(in crate::people) contact_ct: Option<Vec<u8>>,
        pub(in crate::people) ethnic: Option<String>,
        pub(in crate::people) political: Option<String>,
        pub(in crate::people) education: Option<String>,
        pub(in crate::people) check_state: String,
        pub(in crate::people) missing: String,
        pub(in crate::people) version: i64,
        pub(in crate::people) created_at: i64,
        joined: Option<String>,
        dev_number: Option<String>,
        status: Option<String>,
        entered_at: Option<i64>,
        import_id: Option<i64>,
        member_version: Option<i64>,
        org_id: Option<i64>,
        org_code: Option<String>,
        org_path: Option<String>,
        org_name: Option<String>,
        org_category: Option<String>,
        org_province: Option<String>,
        graduation: Option<String>,
        graduation_until: Option<String>,
        graduation_at: Option<i64>,
    }
}
impl Stored {
    /// The membership, if she has one.
    pub(in crate::people) fn membership(&self) -> Option<Membership> {
        Some(Membership {
            org: org_of(
                self.org_id,
                self.org_code.as_deref(),
                self.org_path.as_deref(),
                self.org_name.as_deref(),
                self.org_category.as_deref(),
                self.org_province.as_deref(),
            )?,
            joined: self.joined.clone().filter(|j| !j.is_empty()),
            dev_number: self.dev_number.clone(),
            moving: self.status.as_deref() == Some("moving"),
            entered_at: self.entered_at?,
            import_id: self.import_id,
            version: self.member_version?,
            graduation: Graduation::stored(
                self.graduation.as_deref(),
                self.graduation_until.as_deref(),
                self.graduation_at,
            ),
        })
    }
}

pub(in crate::people) async fn id_of(cx: &mut Cx, code: &str) -> Result<Option<PersonId>> {
    let row: Option<(PersonId,)> =
        cx.tx.opt(sql!("SELECT id FROM person WHERE code = $1"), args![code]).await?;
    Ok(row.map(|(id,)| id))
}

/// The ids of persons by their public codes.
pub(in crate::people) async fn ids_of(cx: &mut Cx, codes: &[String]) -> Result<Vec<i64>> {
    let rows = codes.iter().map(|code| vec![code.as_str().into()]).collect();
    let found: Vec<(i64,)> = cx
        .tx
        .all_of(
            sql!("SELECT p.id FROM {rows: code text} AS v JOIN person p ON p.code = v.code"),
            &[],
            rows,
        )
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

pub(in crate::people) async fn read(cx: &mut Cx, id: PersonId) -> Result<Option<Stored>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT p.id, p.code, p.name, p.id_ct, p.sex, p.birth_ym, p.mobile_ct, p.contact_ct, p.ethnic, p.political, p.education, p.check_state, p.missing, p.version, p.created_at, m.joined, m.dev_number, m.status, m.entered_at, m.import_id, m.version, o.id, o.code, o.path, o.short_name, o.category, o.province, m.graduation, m.graduation_until, m.graduation_at FROM person p LEFT JOIN member m ON m.person_id = p.id LEFT JOIN org o ON o.id = m.org_id WHERE p.id = $1"),
            args![id],
        )
        .await?)
}

/// As [`read`], for many.
pub(in crate::people) async fn read_these(cx: &mut Cx, ids: Rows) -> Result<Vec<Stored>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT p.id, p.code, p.name, p.id_ct, p.sex, p.birth_ym, p.mobile_ct, p.contact_ct, p.ethnic, p.political, p.education, p.check_state, p.missing, p.version, p.created_at, m.joined, m.dev_number, m.status, m.entered_at, m.import_id, m.version, o.id, o.code, o.path, o.short_name, o.category, o.province, m.graduation, m.graduation_until, m.graduation_at FROM {rows: id int} AS v JOIN person p ON p.id = v.id LEFT JOIN member m ON m.person_id = p.id LEFT JOIN org o ON o.id = m.org_id"),
            &[],
            ids,
        )
        .await?)
}

/// The sealed contacts of people, where there are any.
pub(in crate::people) async fn contacts(cx: &mut Cx, ids: Rows) -> Result<Vec<(i64, Vec<u8>)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT p.id, p.contact_ct FROM {rows: id int} AS v JOIN person p ON p.id = v.id WHERE p.contact_ct IS NOT NULL"),
            &[],
            ids,
        )
        .await?)
}

db::row! {
    struct StoredPost {
        id: i64,
        post: String,
        since: Option<String>,
        nature: Option<String>,
        in_party_committee: Option<bool>,
        started_at: i64,
        ended_at: Option<i64>,
        seat: Option<i64>,
        org_id: i64,
        org_code: String,
        org_path: String,
        org_name: String,
        org_category: String,
        org_province: String,
    }
}

/// Posts, present ones first, newest first; a hundred at most.
pub(in crate::people) async fn posts(cx: &mut Cx, id: PersonId) -> Result<Vec<Post>> {
    let rows: Vec<StoredPost> = cx
        .tx
        .all(
            sql!("SELECT c.id, c.post, c.since, c.nature, c.in_party_committee, c.started_at, c.ended_at, s.slot, o.id, o.code, o.path, o.short_name, o.category, o.province FROM cadre c JOIN org o ON o.id = c.org_id LEFT JOIN admin_seat s ON s.cadre_id = c.id WHERE c.person_id = $1 ORDER BY CASE WHEN c.ended_at IS NULL THEN 0 ELSE 1 END, c.id DESC LIMIT 100"),
            args![id],
        )
        .await?;
    let post = |r: StoredPost| {
        Some(Post {
            id: r.id,
            org: org_of(
                Some(r.org_id),
                Some(&r.org_code),
                Some(&r.org_path),
                Some(&r.org_name),
                Some(&r.org_category),
                Some(&r.org_province),
            )?,
            post: r.post,
            since: r.since,
            nature: r.nature,
            in_party_committee: r.in_party_committee,
            started_at: r.started_at,
            ended_at: r.ended_at,
            admin: r.seat.is_some(),
        })
    };
    Ok(rows.into_iter().filter_map(post).collect())
}

/// The newest fifty events about a person that happened inside `scope`.
pub(in crate::people) async fn events(
    cx: &mut Cx,
    id: PersonId,
    scope: &Scope,
) -> Result<Vec<Entry>> {
    let rows: Vec<(i64, String, String, String)> = cx
        .tx
        .all(
            sql!("SELECT at, actor, kind, detail FROM event WHERE person_id = $1 AND org_path >= $2 AND org_path < $3 ORDER BY id DESC LIMIT 50"),
            args![id, &scope.lo, &scope.hi],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(at, actor, kind, detail)| Entry { at, actor, kind, detail })
        .collect())
}
