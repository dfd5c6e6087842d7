//! The statements of closings; private to the room.

use super::ClosingId;
use crate::{Cx, OrgRef, Permit, Result, clock::Millis, orgs::OrgId, people::PersonId};
use db::{args, sql};

pub(super) async fn status(cx: &mut Cx, org: OrgId) -> Result<String> {
    let (status,): (String,) =
        cx.tx.one(sql!("SELECT status FROM org WHERE id = $1"), args![org]).await?;
    Ok(status)
}

db::row! {
    /// A post that is held.
    pub(super) struct Post {
        pub(super) name: String,
        pub(super) post: String,
        pub(super) is_admin: bool,
    }
}
impl Post {
    /// 张三(书记、管理员).
    pub(super) fn said(&self) -> String {
        let also = if self.is_admin { "、管理员" } else { "" };
        format!("{}({}{also})", self.name, self.post)
    }
}

/// The posts of an organisation, administrators first; two hundred at most.
pub(super) async fn posts(cx: &mut Cx, org: OrgId) -> Result<Vec<Post>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT c.name, c.post, s.slot IS NOT NULL FROM org o JOIN cadre c ON c.org_path = o.path AND c.org_id = o.id AND c.ended_at IS NULL LEFT JOIN admin_seat s ON s.cadre_id = c.id WHERE o.id = $1 ORDER BY s.slot IS NULL, s.slot, c.name_py, c.id LIMIT 200"),
            args![org],
        )
        .await?)
}

pub(super) async fn count_observers(cx: &mut Cx, org: OrgId) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT 1 FROM observer WHERE org_id = $1 LIMIT 100) AS t"),
            args![org],
        )
        .await?;
    Ok(count)
}

/// A closing as it is written down.
pub(super) struct New<'a> {
    pub(super) id: ClosingId,
    pub(super) org: OrgId,
    pub(super) parent: OrgId,
    pub(super) holding: Option<OrgId>,
    pub(super) by: Option<PersonId>,
    pub(super) closer: &'a str,
    pub(super) people: i64,
    pub(super) lost: &'a str,
    pub(super) until: Millis,
    /// Nothing can be brought back: a holding branch.
    pub(super) is_final: bool,
}

pub(super) async fn insert(cx: &mut Cx, _: &Permit, new: New<'_>) -> Result<()> {
    let now = cx.now();
    let (state, ended) = if new.is_final { ("final", Some(now)) } else { ("open", None) };
    cx.tx
        .run(
            sql!("INSERT INTO closing (id, org_id, parent_id, holding_id, closed_by, closer, people, lost, state, closed_at, until, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"),
            args![
                new.id, new.org, new.parent, new.holding, new.by, new.closer, new.people, new.lost,
                state, now, new.until, ended
            ],
        )
        .await?;
    Ok(())
}

/// Notes who is in an organisation now, since when and how marked; returns how many.
pub(super) async fn note_people(
    cx: &mut Cx,
    _: &Permit,
    id: ClosingId,
    org: &OrgRef,
) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("INSERT INTO closing_person (closing_id, person_id, entered_at, graduation, graduation_until, graduation_at) SELECT CAST($1 AS BIGINT), person_id, entered_at, graduation, graduation_until, graduation_at FROM member WHERE org_path = $2 AND org_id = $3"),
            args![id, &org.path, org.id],
        )
        .await?)
}

/// How many of those who were in it had a mark of graduation.
pub(super) async fn count_marked(cx: &mut Cx, id: ClosingId) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(sql!("SELECT COUNT(graduation) FROM closing_person WHERE closing_id = $1"), args![id])
        .await?;
    Ok(count)
}

/// Gives those who came back what the way had taken: since when they are here, and their marks.
pub(super) async fn give_back(cx: &mut Cx, _: &Permit, id: ClosingId, org: &OrgRef) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE member SET entered_at = c.entered_at, graduation = COALESCE(c.graduation, member.graduation), graduation_until = CASE WHEN c.graduation IS NULL THEN member.graduation_until ELSE c.graduation_until END, graduation_at = COALESCE(c.graduation_at, member.graduation_at) FROM closing_person c WHERE c.closing_id = $1 AND member.person_id = c.person_id AND member.org_id = $2"),
            args![id, org.id],
        )
        .await?;
    Ok(())
}

db::row! {
    /// A closing with the names that it is about.
    pub(super) struct Stored {
        pub(super) id: ClosingId,
        pub(super) code: String,
        pub(super) name: String,
        pub(super) full_name: String,
        pub(super) category: String,
        pub(super) path: String,
        pub(super) closer: String,
        pub(super) people: i64,
        pub(super) lost: String,
        pub(super) state: String,
        pub(super) closed_at: i64,
        pub(super) until: i64,
        pub(super) holding_id: Option<i64>,
        pub(super) holding_code: Option<String>,
        pub(super) holding_name: Option<String>,
        pub(super) holding_path: Option<String>,
        pub(super) holding_status: Option<String>,
        pub(super) parent_code: String,
        pub(super) parent_name: String,
    }
}

/// What can still be brought back below a superior, the latest first.
pub(super) async fn list(
    cx: &mut Cx,
    parent: OrgId,
    before: i64,
    limit: i64,
) -> Result<Vec<Stored>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT c.id, o.code, o.short_name, o.full_name, o.category, o.path, c.closer, c.people, c.lost, c.state, c.closed_at, c.until, h.id, h.code, h.short_name, h.path, h.status, p.code, p.short_name FROM closing c JOIN org o ON o.id = c.org_id JOIN org p ON p.id = c.parent_id LEFT JOIN org h ON h.id = c.holding_id WHERE c.parent_id = $1 AND c.state = 'open' AND c.until >= $2 AND c.id < $3 ORDER BY c.id DESC LIMIT $4"),
            args![parent, cx.now(), before, limit],
        )
        .await?)
}

/// What was closed for good below a superior, the latest first; no holding branches.
pub(super) async fn ended(cx: &mut Cx, parent: OrgId, limit: i64) -> Result<Vec<Stored>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT c.id, o.code, o.short_name, o.full_name, o.category, o.path, c.closer, c.people, c.lost, c.state, c.closed_at, c.until, h.id, h.code, h.short_name, h.path, h.status, p.code, p.short_name FROM closing c JOIN org o ON o.id = c.org_id JOIN org p ON p.id = c.parent_id LEFT JOIN org h ON h.id = c.holding_id WHERE c.parent_id = $1 AND c.state = 'final' AND o.status = 'DELETED' AND o.category <> 'HOLDING' ORDER BY c.id DESC LIMIT $2"),
            args![parent, limit],
        )
        .await?)
}

/// Operators bring back what was closed for good.
pub(super) async fn settle_late(cx: &mut Cx, _: &Permit, id: ClosingId) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE closing SET state = 'restored', ended_at = $1 WHERE id = $2 AND state <> 'restored'"),
            args![cx.now(), id],
        )
        .await?;
    Ok(done == 1)
}

/// The last closing of a closed organisation.
pub(super) async fn of_org(cx: &mut Cx, org: OrgId) -> Result<Option<Stored>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT c.id, o.code, o.short_name, o.full_name, o.category, o.path, c.closer, c.people, c.lost, c.state, c.closed_at, c.until, h.id, h.code, h.short_name, h.path, h.status, p.code, p.short_name FROM closing c JOIN org o ON o.id = c.org_id JOIN org p ON p.id = c.parent_id LEFT JOIN org h ON h.id = c.holding_id WHERE c.org_id = $1 ORDER BY c.id DESC LIMIT 1"),
            args![org],
        )
        .await?)
}

/// Those of a closing who still stand in its holding branch, at most `limit`, by pinyin.
pub(super) async fn still_held(
    cx: &mut Cx,
    id: ClosingId,
    holding: OrgId,
    limit: i64,
) -> Result<Vec<(PersonId, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT m.person_id, m.name FROM closing_person c JOIN member m ON m.person_id = c.person_id WHERE c.closing_id = $1 AND m.org_id = $2 ORDER BY m.name_py, m.person_id LIMIT $3"),
            args![id, holding, limit],
        )
        .await?)
}

/// Whether somebody was in an organisation when it was closed, or held a post there.
pub(super) async fn was_of(cx: &mut Cx, org: OrgId, person: PersonId) -> Result<bool> {
    let found: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("SELECT CAST(1 AS BIGINT) FROM closing c JOIN closing_person p ON p.closing_id = c.id AND p.person_id = $2 WHERE c.org_id = $1 UNION ALL SELECT CAST(1 AS BIGINT) FROM cadre WHERE person_id = $2 AND org_id = $1 LIMIT 1"),
            args![org, person],
        )
        .await?;
    Ok(found.is_some())
}

/// Ends a closing; `false` when somebody else did.
pub(super) async fn settle(cx: &mut Cx, _: &Permit, id: ClosingId, state: &str) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE closing SET state = $1, ended_at = $2 WHERE id = $3 AND state = 'open'"),
            args![state, cx.now(), id],
        )
        .await?;
    Ok(done == 1)
}

/// Closings whose days have passed.
pub(super) async fn due(cx: &mut Cx, limit: i64) -> Result<Vec<(ClosingId, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT c.id, o.path FROM closing c JOIN org o ON o.id = c.org_id WHERE c.state = 'open' AND c.until < $1 ORDER BY c.until, c.id LIMIT $2"),
            args![cx.now(), limit],
        )
        .await?)
}

/// Forgets who was in an organisation.
pub(super) async fn forget_people(cx: &mut Cx, _: &Permit, id: ClosingId) -> Result<()> {
    cx.tx.run(sql!("DELETE FROM closing_person WHERE closing_id = $1"), args![id]).await?;
    Ok(())
}

/// From when on the superior is asked to empty a holding branch.
pub(super) async fn watch_holding(
    cx: &mut Cx,
    _: &Permit,
    org: OrgId,
    remind_at: Millis,
) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO holding (org_id, remind_at) VALUES ($1, $2) ON CONFLICT (org_id) DO NOTHING"),
            args![org, remind_at],
        )
        .await?;
    Ok(())
}

pub(super) async fn forget_holding(cx: &mut Cx, _: &Permit, org: OrgId) -> Result<()> {
    cx.tx.run(sql!("DELETE FROM holding WHERE org_id = $1"), args![org]).await?;
    Ok(())
}

/// Holding branches whose superior is to be reminded now.
pub(super) async fn holdings_due(cx: &mut Cx, limit: i64) -> Result<Vec<(OrgId,)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT org_id FROM holding WHERE remind_at <= $1 ORDER BY remind_at, org_id LIMIT $2"),
            args![cx.now(), limit],
        )
        .await?)
}

/// Sets the next reminder; `false` when another node has sent this one.
pub(super) async fn set_reminder(
    cx: &mut Cx,
    _: &Permit,
    org: OrgId,
    next: Millis,
) -> Result<bool> {
    let done = cx
        .tx
        .run(
            sql!("UPDATE holding SET remind_at = $1 WHERE org_id = $2 AND remind_at <= $3"),
            args![next, org, cx.now()],
        )
        .await?;
    Ok(done == 1)
}

/// When an organisation was made.
pub(super) async fn made_at(cx: &mut Cx, org: OrgId) -> Result<Millis> {
    let (at,): (i64,) =
        cx.tx.one(sql!("SELECT created_at FROM org WHERE id = $1"), args![org]).await?;
    Ok(at)
}
