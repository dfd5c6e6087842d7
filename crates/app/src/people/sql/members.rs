//! Where members are: moving, marking, taking back.

use super::org_of;
use crate::{Cx, OrgRef, Permit, Result, orgs::Category, people::PersonId};
use db::{Rows, args, sql};

db::row! {
    /// Where a member stands, for a change of that.
    pub(in crate::people) struct Standing {
        pub(in crate::people) version: i64,
        pub(in crate::people) complete: bool,
        org_id: i64,
        org_code: String,
        org_path: String,
        org_name: String,
        org_category: String,
        org_province: String,
    }
}
impl Standing {
    /// The branch.
    pub(in crate::people) fn branch(&self) -> Option<OrgRef> {
        org_of(
            Some(self.org_id),
            Some(&self.org_code),
            Some(&self.org_path),
            Some(&self.org_name),
            Some(&self.org_category),
            Some(&self.org_province),
        )
    }
}

pub(in crate::people) async fn standing(cx: &mut Cx, id: PersonId) -> Result<Option<Standing>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT m.version, m.complete, o.id, o.code, o.path, o.short_name, o.category, o.province FROM member m JOIN org o ON o.id = m.org_id WHERE m.person_id = $1"),
            args![id],
        )
        .await?)
}

/// The mark that a member gets who comes to a branch: whoever comes to a 毕业生团组织 is a
/// graduate (row 123), and everybody else's mark ends with the way (D7).
pub(in crate::people) fn mark_on_arrival(to: &OrgRef) -> Option<&'static str> {
    (to.category == Category::Graduate).then_some("graduate")
}

/// Puts a member into another branch; `false` when somebody else moved her meanwhile.
pub(in crate::people) async fn move_member(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    version: i64,
    to: &OrgRef,
) -> Result<bool> {
    let moved = cx
        .tx
        .run(
            sql!("UPDATE member SET org_id = $1, org_category = $2, org_path = $3, status = 'active', entered_at = $4, graduation = CAST($7 AS TEXT), graduation_until = NULL, graduation_at = CASE WHEN CAST($7 AS TEXT) IS NULL THEN NULL ELSE $4 END, version = version + 1 WHERE person_id = $5 AND version = $6"),
            args![to.id, to.category.code(), &to.path, cx.now(), id, version, mark_on_arrival(to)],
        )
        .await?;
    Ok(moved == 1)
}

/// Puts members of one branch into another one; returns who was moved and whether complete.
pub(in crate::people) async fn move_members(
    cx: &mut Cx,
    _: &Permit,
    from: &OrgRef,
    to: &OrgRef,
    ids: Rows,
) -> Result<Vec<(PersonId, String, bool)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("UPDATE member SET org_id = $1, org_category = $2, org_path = $3, entered_at = $4, graduation = CAST($6 AS TEXT), graduation_until = NULL, graduation_at = CASE WHEN CAST($6 AS TEXT) IS NULL THEN NULL ELSE $4 END, version = version + 1 WHERE org_id = $5 AND person_id IN (SELECT id FROM {rows: id int} AS v) RETURNING person_id, name, complete"),
            args![to.id, to.category.code(), &to.path, cx.now(), from.id, mark_on_arrival(to)],
            ids,
        )
        .await?)
}

pub(in crate::people) async fn ids_of(cx: &mut Cx, branch: &OrgRef) -> Result<Vec<PersonId>> {
    let rows: Vec<(PersonId,)> = cx
        .tx
        .all(
            sql!("SELECT person_id FROM member WHERE org_path = $1 AND org_id = $2 ORDER BY name_py, person_id"),
            args![&branch.path, branch.id],
        )
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(in crate::people) async fn count_of(cx: &mut Cx, branch: &OrgRef, most: i64) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT 1 FROM member WHERE org_path = $1 LIMIT $2) AS t"),
            args![&branch.path, most],
        )
        .await?;
    Ok(count)
}

/// Takes away the seat of an administrator.
pub(in crate::people) async fn leave_seat(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    org: &OrgRef,
) -> Result<bool> {
    let left = cx
        .tx
        .run(sql!("DELETE FROM admin_seat WHERE org_id = $1 AND person_id = $2"), args![org.id, id])
        .await?;
    Ok(left > 0)
}

/// Ends the posts in an organisation; returns whether each was of a complete person.
pub(in crate::people) async fn end_posts(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    org: &OrgRef,
    reason: &str,
) -> Result<Vec<bool>> {
    let rows: Vec<(bool,)> = cx
        .tx
        .all(
            sql!("UPDATE cadre SET ended_at = $1, end_reason = $2, version = version + 1 WHERE person_id = $3 AND org_id = $4 AND ended_at IS NULL RETURNING complete"),
            args![cx.now(), reason, id, org.id],
        )
        .await?;
    Ok(rows.into_iter().map(|(complete,)| complete).collect())
}

/// Marks a member as being transferred, or no longer; `false` when that is so already.
pub(in crate::people) async fn mark_moving(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    status: &str,
) -> Result<bool> {
    let marked = cx
        .tx
        .run(
            sql!("UPDATE member SET status = $1, version = version + 1 WHERE person_id = $2 AND status <> $1"),
            args![status, id],
        )
        .await?;
    Ok(marked == 1)
}

db::row! {
    /// What of a person stands against taking the entry back.
    pub(in crate::people) struct Trace {
        pub(in crate::people) id: i64,
        pub(in crate::people) person_version: i64,
        pub(in crate::people) complete: bool,
        pub(in crate::people) member_org: Option<i64>,
        pub(in crate::people) member_version: Option<i64>,
        pub(in crate::people) posts_here: i64,
        pub(in crate::people) posts_changed: i64,
        pub(in crate::people) has_right: bool,
        pub(in crate::people) has_account: bool,
        pub(in crate::people) has_transfer: bool,
        pub(in crate::people) has_message: bool,
    }
}

/// The traces that these persons have left.
pub(in crate::people) async fn traces(cx: &mut Cx, org: &OrgRef, ids: Rows) -> Result<Vec<Trace>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT p.id, p.version, p.complete, m.org_id, m.version, (SELECT COUNT(*) FROM cadre c WHERE c.person_id = p.id AND c.org_id = $1 AND c.ended_at IS NULL), (SELECT COUNT(*) FROM cadre c WHERE c.person_id = p.id AND (c.org_id <> $1 OR c.version > 1)), EXISTS (SELECT 1 FROM admin_seat s WHERE s.person_id = p.id) OR EXISTS (SELECT 1 FROM observer b WHERE b.person_id = p.id) OR EXISTS (SELECT 1 FROM operator r WHERE r.person_id = p.id), EXISTS (SELECT 1 FROM account a WHERE a.person_id = p.id), EXISTS (SELECT 1 FROM transfer t WHERE t.person_id = p.id), EXISTS (SELECT 1 FROM message g WHERE g.to_person = p.id) FROM {rows: id int} AS v JOIN person p ON p.id = v.id LEFT JOIN member m ON m.person_id = p.id"),
            args![org.id],
            ids,
        )
        .await?)
}

/// Takes persons out with membership and posts.
pub(in crate::people) async fn remove(cx: &mut Cx, _: &Permit, ids: &Rows) -> Result<()> {
    for statement in [
        sql!("DELETE FROM cadre WHERE person_id IN (SELECT id FROM {rows: id int} AS v)"),
        sql!("DELETE FROM member WHERE person_id IN (SELECT id FROM {rows: id int} AS v)"),
        sql!("DELETE FROM person WHERE id IN (SELECT id FROM {rows: id int} AS v)"),
    ] {
        cx.tx.run_of(statement, &[], ids.clone()).await?;
    }
    Ok(())
}
