//! Where members are: moving, marking, taking back.

use super::org_of;
use crate::{
    Cx, OrgRef, Permit, Result,
    orgs::Category,
    people::{PersonId, members::Seat},
};
use db::{Rows, args, sql};

db::row! {
    /// Where a member stands, for a change of that.
    pub(in crate::people) struct Standing {
        pub(in crate::people) version: i64,
        pub(in crate::people) complete: bool,
        pub(in crate::people) entered_at: i64,
        pub(in crate::people) person_version: i64,
        pub(in crate::people) graduation: Option<String>,
        pub(in crate::people) graduation_until: Option<String>,
        pub(in crate::people) graduation_at: Option<i64>,
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
            sql!("SELECT m.version, m.complete, m.entered_at, p.version, m.graduation, m.graduation_until, m.graduation_at, o.id, o.code, o.path, o.short_name, o.category, o.province FROM member m JOIN org o ON o.id = m.org_id JOIN person p ON p.id = m.person_id WHERE m.person_id = $1"),
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
            sql!("UPDATE member SET org_id = $1, org_category = $2, org_path = $3, status = 'active', entered_at = $4, graduation = CAST($7 AS TEXT), graduation_until = NULL, graduation_at = CASE WHEN CAST($7 AS TEXT) IS NULL THEN NULL ELSE CAST($4 AS BIGINT) END, version = version + 1 WHERE person_id = $5 AND version = $6"),
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
            sql!("UPDATE member SET org_id = $1, org_category = $2, org_path = $3, entered_at = $4, graduation = CAST($6 AS TEXT), graduation_until = NULL, graduation_at = CASE WHEN CAST($6 AS TEXT) IS NULL THEN NULL ELSE CAST($4 AS BIGINT) END, version = version + 1 WHERE org_id = $5 AND person_id IN (SELECT id FROM {rows: id int} AS v) RETURNING person_id, name, complete"),
            args![to.id, to.category.code(), &to.path, cx.now(), from.id, mark_on_arrival(to)],
            ids,
        )
        .await?)
}

pub(in crate::people) async fn hold_all_of(
    cx: &mut Cx,
    _: &Permit,
    branch: &OrgRef,
) -> Result<Vec<PersonId>> {
    let rows: Vec<(PersonId,)> = cx
        .tx
        .all(
            sql!("SELECT person_id FROM member WHERE org_path = $1 AND org_id = $2 ORDER BY name_py, person_id {pg: FOR UPDATE}"),
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

/// Takes away the seat of an administrator; returns it, if there was one.
pub(in crate::people) async fn leave_seat(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    org: &OrgRef,
) -> Result<Option<Seat>> {
    Ok(cx
        .tx
        .opt(
            sql!("DELETE FROM admin_seat WHERE org_id = $1 AND person_id = $2 RETURNING slot, cadre_id, granted_at, confirmed_at, remind_at"),
            args![org.id, id],
        )
        .await?)
}

/// Ends the posts in an organisation; returns id, version and whether each was of a complete
/// person.
pub(in crate::people) async fn end_posts(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    org: &OrgRef,
    reason: &str,
) -> Result<Vec<(i64, i64, bool)>> {
    Ok(cx
        .tx
        .all(
            sql!("UPDATE cadre SET ended_at = $1, end_reason = $2, version = version + 1 WHERE person_id = $3 AND org_id = $4 AND ended_at IS NULL RETURNING id, version, complete"),
            args![cx.now(), reason, id, org.id],
        )
        .await?)
}

db::row! {
    /// How a member stands some minutes after a move.
    pub(in crate::people) struct Since {
        pub(in crate::people) version: i64,
        pub(in crate::people) complete: bool,
        pub(in crate::people) person_version: i64,
        /// Posts begun or ended since.
        pub(in crate::people) posts: i64,
    }
}

pub(in crate::people) async fn since(
    cx: &mut Cx,
    id: PersonId,
    moved_at: i64,
) -> Result<Option<Since>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT m.version, m.complete, p.version, (SELECT COUNT(*) FROM cadre c WHERE c.person_id = p.id AND (c.started_at > $2 OR c.ended_at > $2)) FROM person p JOIN member m ON m.person_id = p.id WHERE p.id = $1"),
            args![id, moved_at],
        )
        .await?)
}

pub(in crate::people) async fn seat_is_taken(cx: &mut Cx, org: &OrgRef, slot: i64) -> Result<bool> {
    let found: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("SELECT CAST(1 AS BIGINT) FROM admin_seat WHERE org_id = $1 AND slot = $2"),
            args![org.id, slot],
        )
        .await?;
    Ok(found.is_some())
}

/// Whether one of these ended posts is 书记 while somebody else is that now.
pub(in crate::people) async fn post_is_taken(cx: &mut Cx, org: &OrgRef, ids: Rows) -> Result<bool> {
    let rows: Vec<(i64,)> = cx
        .tx
        .all_of(
            sql!("SELECT c.id FROM {rows: id int} AS v JOIN cadre c ON c.id = v.id WHERE c.post = '书记' AND EXISTS (SELECT 1 FROM cadre o WHERE o.org_id = $1 AND o.post = '书记' AND o.ended_at IS NULL)"),
            args![org.id],
            ids,
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Puts a member back into the branch that she came from; `false` when she was changed meanwhile.
pub(in crate::people) async fn return_member(
    cx: &mut Cx,
    _: &Permit,
    read: (PersonId, i64),
    to: &OrgRef,
    entered_at: i64,
    mark: (Option<String>, Option<String>, Option<i64>),
) -> Result<bool> {
    let moved = cx
        .tx
        .run(
            sql!("UPDATE member SET org_id = $1, org_category = $2, org_path = $3, status = 'moving', entered_at = $4, graduation = $5, graduation_until = $6, graduation_at = $7, version = version + 1 WHERE person_id = $8 AND version = $9"),
            args![
                to.id, to.category.code(), &to.path, entered_at, mark.0, mark.1, mark.2, read.0,
                read.1
            ],
        )
        .await?;
    Ok(moved == 1)
}

/// Takes an ended post up again.
pub(in crate::people) async fn resume_post(
    cx: &mut Cx,
    _: &Permit,
    post: i64,
    version: i64,
) -> Result<bool> {
    let resumed = cx
        .tx
        .run(
            sql!("UPDATE cadre SET ended_at = NULL, end_reason = NULL, version = version + 1 WHERE id = $1 AND version = $2 AND ended_at IS NOT NULL"),
            args![post, version],
        )
        .await?;
    Ok(resumed == 1)
}

/// Gives a seat back as it was.
pub(in crate::people) async fn retake_seat(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    org: &OrgRef,
    seat: &Seat,
) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at, confirmed_at, remind_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
            args![
                org.id, org.category.code(), seat.slot, seat.cadre, id, seat.granted_at,
                seat.confirmed_at, seat.remind_at
            ],
        )
        .await?;
    Ok(())
}

/// Marks a member of this branch as being transferred; `false` when she is so already, or gone.
pub(in crate::people) async fn start_moving(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    from: &OrgRef,
) -> Result<bool> {
    let marked = cx
        .tx
        .run(
            sql!("UPDATE member SET status = 'moving', version = version + 1 WHERE person_id = $1 AND org_id = $2 AND status = 'active'"),
            args![id, from.id],
        )
        .await?;
    Ok(marked == 1)
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
            sql!("SELECT p.id, p.version, p.complete, m.org_id, m.version, (SELECT COUNT(*) FROM cadre c WHERE c.person_id = p.id AND c.org_id = $1 AND c.ended_at IS NULL), (SELECT COUNT(*) FROM cadre c WHERE c.person_id = p.id AND (c.org_id <> $1 OR c.version > 1)), EXISTS (SELECT 1 FROM admin_seat s WHERE s.person_id = p.id) OR EXISTS (SELECT 1 FROM observer b WHERE b.person_id = p.id) OR EXISTS (SELECT 1 FROM operator r WHERE r.person_id = p.id), EXISTS (SELECT 1 FROM account a WHERE a.person_id = p.id), EXISTS (SELECT 1 FROM business t WHERE t.person_id = p.id), EXISTS (SELECT 1 FROM message g WHERE g.to_person = p.id) FROM {rows: id int} AS v JOIN person p ON p.id = v.id LEFT JOIN member m ON m.person_id = p.id"),
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
