//! The tree's statements; private to the room.

use super::{Category, Edit, Narrow, OrgId, create::Entry};
use crate::{Cx, Error, OrgRef, Permit, Result, rules::graduation::Mark};
use db::{Rows, args, sql};

db::row! {
    pub(super) struct Found {
        id: i64,
        code: String,
        path: String,
        short_name: String,
        category: String,
        province: String,
    }
}
impl Found {
    pub(super) fn org(self) -> Option<OrgRef> {
        Some(OrgRef {
            id: OrgId(self.id),
            code: self.code,
            path: self.path,
            short_name: self.short_name,
            category: Category::from_code(&self.category)?,
            province: self.province,
        })
    }
}

pub(super) async fn by_code(cx: &mut Cx, code: &str) -> Result<Option<OrgRef>> {
    let found: Option<Found> = cx
        .tx
        .opt(
            sql!("SELECT id, code, path, short_name, category, province FROM org WHERE code = $1 AND status <> 'DELETED'"),
            args![code],
        )
        .await?;
    Ok(found.and_then(Found::org))
}

pub(super) async fn by_id(cx: &mut Cx, id: OrgId) -> Result<Option<OrgRef>> {
    let found: Option<Found> = cx
        .tx
        .opt(
            sql!("SELECT id, code, path, short_name, category, province FROM org WHERE id = $1"),
            args![id],
        )
        .await?;
    Ok(found.and_then(Found::org))
}

pub(super) async fn by_paths(cx: &mut Cx, paths: Vec<String>) -> Result<Vec<OrgRef>> {
    let rows = paths.into_iter().map(|p| vec![p.into()]).collect();
    let found: Vec<Found> = cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.code, o.path, o.short_name, o.category, o.province FROM {rows: path text} AS v JOIN org o ON o.path = v.path ORDER BY o.path"),
            &[],
            rows,
        )
        .await?;
    Ok(found.into_iter().filter_map(Found::org).collect())
}

db::row! {
    /// The parent's row after it gave a number away.
    pub(super) struct Seat {
        pub(super) number: i64,
        pub(super) path: String,
        pub(super) category: String,
        pub(super) full_name: String,
        pub(super) province: String,
    }
}

/// Takes the next child's number; the parent's row is locked until the transaction ends.
pub(super) async fn next_child(cx: &mut Cx, _: &Permit, parent: OrgId) -> Result<Option<Seat>> {
    Ok(cx
        .tx
        .opt(
            sql!("UPDATE org SET next_child = next_child + 1 WHERE id = $1 AND status = 'ACTIVE' AND next_child < 46656 RETURNING next_child - 1, path, category, full_name, province"),
            args![parent],
        )
        .await?)
}

/// Locks a row, so that what hangs on it is decided by one at a time.
pub(super) async fn lock(cx: &mut Cx, _: &Permit, org: OrgId) -> Result<()> {
    cx.tx.run(sql!("UPDATE org SET next_child = next_child WHERE id = $1"), args![org]).await?;
    Ok(())
}

/// Puts the next election off until a day.
pub(super) async fn put_election_off(
    cx: &mut Cx,
    _: &Permit,
    org: OrgId,
    until: &str,
) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE org SET term_until = $1, version = version + 1, updated_at = $2 WHERE id = $3 AND status <> 'DELETED'"),
            args![until, cx.now(), org],
        )
        .await?;
    Ok(())
}

pub(super) async fn set_elected_on(cx: &mut Cx, _: &Permit, org: OrgId, day: &str) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE org SET elected_on = $1, term_until = NULL, version = version + 1, updated_at = $2 WHERE id = $3"),
            args![day, cx.now(), org],
        )
        .await?;
    Ok(())
}

pub(super) async fn sister_named(
    cx: &mut Cx,
    parent: OrgId,
    short_name: &str,
) -> Result<Option<(String, String)>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT code, short_name FROM org WHERE parent_id = $1 AND name_key = $2 AND status <> 'DELETED' LIMIT 1"),
            args![parent, db::fold(short_name)],
        )
        .await?)
}

pub(super) async fn code_is_taken(cx: &mut Cx, code: &str) -> Result<bool> {
    let found: Option<(i64,)> =
        cx.tx.opt(sql!("SELECT id FROM org WHERE code = $1"), args![code]).await?;
    Ok(found.is_some())
}

pub(super) async fn insert(
    cx: &mut Cx,
    _: &Permit,
    id: OrgId,
    code: &str,
    initials: &str,
    entry: &Entry,
) -> Result<()> {
    let depth = i64::try_from(super::depth_of(&entry.path)).unwrap_or(i64::MAX);
    cx.tx
        .run(
            sql!("INSERT INTO org (id, code, parent_id, path, depth, sort_no, short_name, full_name, name_py, category, industry, province, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)"),
            args![
                id, code, entry.parent, &entry.path, depth, entry.sort_no, &entry.short_name,
                &entry.full_name, initials, entry.category.code(), entry.industry.clone(),
                &entry.province, cx.now()
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn add_grams(
    cx: &mut Cx,
    _: &Permit,
    path: &str,
    grams: Vec<String>,
) -> Result<()> {
    let depth = i64::try_from(super::depth_of(path)).unwrap_or(i64::MAX);
    let rows = grams.into_iter().map(|gram| vec![gram.into()]).collect();
    cx.tx
        .run_of(
            sql!("INSERT INTO org_gram (gram, depth, path) SELECT v.gram, $1, $2 FROM {rows: gram text} AS v WHERE TRUE ON CONFLICT DO NOTHING"),
            args![depth, path],
            rows,
        )
        .await?;
    Ok(())
}

pub(super) async fn drop_grams(
    cx: &mut Cx,
    _: &Permit,
    path: &str,
    grams: Vec<String>,
) -> Result<()> {
    let depth = i64::try_from(super::depth_of(path)).unwrap_or(i64::MAX);
    let rows = grams.into_iter().map(|gram| vec![gram.into()]).collect();
    cx.tx
        .run_of(
            sql!("DELETE FROM org_gram WHERE depth = $1 AND path = $2 AND gram IN (SELECT v.gram FROM {rows: gram text} AS v)"),
            args![depth, path],
            rows,
        )
        .await?;
    Ok(())
}

db::row! {
    pub(super) struct InfoRow {
        pub(super) id: i64,
        pub(super) parent_id: Option<i64>,
        pub(super) code: String,
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) full_name: String,
        category: String,
        pub(super) industry: Option<String>,
        pub(super) phone: Option<String>,
        pub(super) email: Option<String>,
        admin_posts: Option<i64>,
        admin_filled: Option<i64>,
        staff_posts: Option<i64>,
        staff_filled: Option<i64>,
        pub(super) address: Option<String>,
        founded_on: Option<String>,
        elected_on: Option<String>,
        pub(super) school_code: Option<String>,
        pub(super) is_township: Option<bool>,
        pub(super) version: i64,
        graduates: Option<String>,
        no_graduation: Option<String>,
        pub(super) category_changed: bool,
    }
}
impl InfoRow {
    pub(super) fn category(&self) -> Result<Category> {
        Category::from_code(&self.category)
            .ok_or_else(|| Error::Broken("an organisation has an unknown category".into()))
    }
    /// The mark of a school branch (row 119).
    pub(super) fn graduation(&self) -> Option<Mark> {
        Mark::stored(self.graduates.as_deref(), self.no_graduation.as_deref())
    }
    /// The row in the form's shape.
    pub(super) fn fields(&self) -> Edit {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let number = |value: Option<i64>| value.map(|n| n.to_string()).unwrap_or_default();
        Edit {
            short_name: self.short_name.clone(),
            full_name: self.full_name.clone(),
            industry: text(&self.industry),
            phone: text(&self.phone),
            email: text(&self.email),
            admin_posts: number(self.admin_posts),
            admin_filled: number(self.admin_filled),
            staff_posts: number(self.staff_posts),
            staff_filled: number(self.staff_filled),
            address: text(&self.address),
            founded_on: text(&self.founded_on),
            elected_on: text(&self.elected_on),
        }
    }
}

pub(super) async fn info_by_code(cx: &mut Cx, code: &str) -> Result<Option<InfoRow>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT id, parent_id, code, path, short_name, full_name, category, industry, phone, email, admin_posts, admin_filled, staff_posts, staff_filled, address, founded_on, elected_on, school_code, is_township, version, graduates, no_graduation, category_changed FROM org WHERE code = $1 AND status <> 'DELETED'"),
            args![code],
        )
        .await?)
}

pub(super) async fn full_name(cx: &mut Cx, id: i64) -> Result<String> {
    let (name,): (String,) =
        cx.tx.one(sql!("SELECT full_name FROM org WHERE id = $1"), args![id]).await?;
    Ok(name)
}

/// Writes the form's fields if the row still has `version`; says whether it had.
pub(super) async fn update(
    cx: &mut Cx,
    _: &Permit,
    id: i64,
    version: i64,
    to: &Edit,
    initials: &str,
) -> Result<bool> {
    let text = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    let number = |value: &str| value.parse::<i64>().ok();
    let changed = cx
        .tx
        .run(
            sql!("UPDATE org SET short_name = $3, full_name = $4, name_py = $5, industry = $6, phone = $7, email = $8, admin_posts = $9, admin_filled = $10, staff_posts = $11, staff_filled = $12, address = $13, founded_on = $14, elected_on = $15, term_until = CASE WHEN elected_on = $15 THEN term_until ELSE NULL END, version = version + 1, updated_at = $16 WHERE id = $1 AND version = $2 AND status <> 'DELETED'"),
            args![
                id, version, &to.short_name, &to.full_name, initials, text(&to.industry),
                text(&to.phone), text(&to.email), number(&to.admin_posts), number(&to.admin_filled),
                number(&to.staff_posts), number(&to.staff_filled), text(&to.address),
                text(&to.founded_on), text(&to.elected_on), cx.now()
            ],
        )
        .await?;
    Ok(changed == 1)
}

db::row! {
    /// What decides whether an organisation may become another category.
    pub(super) struct CategoryFacts {
        pub(super) parent: Option<String>,
        pub(super) members: bool,
        pub(super) transfers: bool,
    }
}

pub(super) async fn category_facts(cx: &mut Cx, org: i64) -> Result<CategoryFacts> {
    Ok(cx
        .tx
        .one(
            sql!("SELECT p.category, EXISTS (SELECT 1 FROM member m WHERE m.org_path = o.path), EXISTS (SELECT 1 FROM business t WHERE t.waits_for = o.id AND t.ended_at IS NULL AND t.kind = 'transfer') FROM org o LEFT JOIN org p ON p.id = o.parent_id WHERE o.id = $1"),
            args![org],
        )
        .await?)
}

/// The categories of the direct children.
pub(super) async fn child_categories(cx: &mut Cx, org: i64) -> Result<Vec<String>> {
    let found: Vec<(String,)> = cx
        .tx
        .all(
            sql!("SELECT DISTINCT category FROM org WHERE parent_id = $1 AND status <> 'DELETED' LIMIT 10"),
            args![org],
        )
        .await?;
    Ok(found.into_iter().map(|(category,)| category).collect())
}

/// Taken seats by number.
pub(super) async fn slots(cx: &mut Cx, org: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = cx
        .tx
        .all(sql!("SELECT slot FROM admin_seat WHERE org_id = $1 ORDER BY slot"), args![org])
        .await?;
    Ok(found.into_iter().map(|(slot,)| slot).collect())
}

/// Moves a seat to a lower number.
pub(super) async fn move_slot(cx: &mut Cx, _: &Permit, org: i64, from: i64, to: i64) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE admin_seat SET slot = $3 WHERE org_id = $1 AND slot = $2"),
            args![org, from, to],
        )
        .await?;
    Ok(())
}

/// The names of posts that are held in an organisation.
pub(super) async fn posts_held(cx: &mut Cx, org: i64) -> Result<Vec<String>> {
    let found: Vec<(String,)> = cx
        .tx
        .all(
            sql!("SELECT DISTINCT c.post FROM org o JOIN cadre c ON c.org_path = o.path AND c.org_id = o.id AND c.ended_at IS NULL WHERE o.id = $1 LIMIT 40"),
            args![org],
        )
        .await?;
    Ok(found.into_iter().map(|(post,)| post).collect())
}

/// Gives an organisation another category, once; `false` when it was changed meanwhile.
pub(super) async fn set_category(
    cx: &mut Cx,
    _: &Permit,
    org: i64,
    (version, again): (i64, bool),
    to: Category,
) -> Result<bool> {
    let set = cx
        .tx
        .run(
            sql!("UPDATE org SET category = $3, industry = CASE WHEN $3 = 'LEAD' THEN NULL ELSE industry END, graduates = NULL, no_graduation = NULL, category_changed = TRUE, version = version + 1, updated_at = $4 WHERE id = $1 AND version = $2 AND (NOT category_changed OR $5) AND status <> 'DELETED'"),
            args![org, version, to.code(), cx.now(), again],
        )
        .await;
    // Somebody who is entered at this very moment makes a clash: run again, and she is seen.
    Ok(set? == 1)
}

db::row! {
    /// An event of an organisation's history.
    pub(super) struct Told {
        pub(super) id: i64,
        pub(super) at: i64,
        pub(super) actor: String,
        pub(super) acting: Option<String>,
        pub(super) kind: String,
        pub(super) detail: String,
    }
}

/// What was done with an organisation itself, newest first.
pub(super) async fn history(cx: &mut Cx, org: i64, before: i64, limit: i64) -> Result<Vec<Told>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT e.id, e.at, e.actor, a.short_name, e.kind, e.detail FROM event e LEFT JOIN org a ON a.id = e.acting_org WHERE e.object = 'org' AND e.object_id = $1 AND e.id < $2 AND e.kind >= 'org.' AND e.kind < 'org/' ORDER BY e.id DESC LIMIT $3"),
            args![org, before, limit],
        )
        .await?)
}

db::row! {
    /// A record of what was done in an organisation.
    pub(super) struct AuditRow {
        pub(super) id: i64,
        pub(super) at: i64,
        pub(super) actor: String,
        pub(super) by_person: bool,
        pub(super) acting: Option<String>,
        pub(super) kind: String,
        /// The organisation where it was done.
        pub(super) place: Option<String>,
        pub(super) path: String,
        pub(super) person: Option<String>,
        pub(super) detail: String,
    }
}

/// What was done in an organisation and by it elsewhere, newest first; of these kinds alone unless
/// there are none.
pub(super) async fn audit(
    cx: &mut Cx,
    org: &OrgRef,
    kinds: Vec<String>,
    (since, until): (i64, i64),
    before: i64,
    limit: i64,
) -> Result<Vec<AuditRow>> {
    let all = kinds.is_empty();
    let rows = kinds.into_iter().map(|kind| vec![kind.into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("WITH wanted AS (SELECT v.kind FROM {rows: kind text} AS v), found AS (SELECT x.id FROM (SELECT id FROM event WHERE org_path = $1 AND id < $2 AND at >= $3 AND at < $4 AND ($5 OR kind IN (SELECT w.kind FROM wanted w)) ORDER BY id DESC LIMIT $6) AS x UNION SELECT y.id FROM (SELECT id FROM event WHERE acting_org = $7 AND id < $2 AND at >= $3 AND at < $4 AND ($5 OR kind IN (SELECT w.kind FROM wanted w)) ORDER BY id DESC LIMIT $6) AS y) SELECT e.id, e.at, e.actor, e.actor_id IS NOT NULL, a.short_name, e.kind, o.short_name, e.org_path, p.name, e.detail FROM found f CROSS JOIN event e LEFT JOIN org a ON a.id = e.acting_org LEFT JOIN org o ON o.path = e.org_path LEFT JOIN person p ON p.id = e.person_id WHERE e.id = f.id ORDER BY e.id DESC LIMIT $6"),
            args![&org.path, before, since, until, all, limit, org.id],
            rows,
        )
        .await?)
}

/// When the category was changed.
pub(super) async fn category_changed_at(cx: &mut Cx, org: i64) -> Result<Option<i64>> {
    let found: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("SELECT at FROM event WHERE object = 'org' AND object_id = $1 AND kind = 'org.category_changed' ORDER BY id DESC LIMIT 1"),
            args![org],
        )
        .await?;
    Ok(found.map(|(at,)| at))
}

db::row! {
    pub(super) struct ChildRow {
        pub(super) id: i64,
        pub(super) sort_no: i64,
        pub(super) code: String,
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) full_name: String,
        pub(super) category: String,
        pub(super) industry: Option<String>,
        pub(super) phone: Option<String>,
        pub(super) is_township: Option<bool>,
        pub(super) administrators: i64,
        pub(super) members: i64,
        pub(super) members_done: i64,
        pub(super) has_children: bool,
        pub(super) graduates: Option<String>,
        pub(super) no_graduation: Option<String>,
        pub(super) has_secretary: bool,
        pub(super) has_mobile: bool,
        pub(super) email: Option<String>,
        pub(super) admin_posts: Option<i64>,
        pub(super) admin_filled: Option<i64>,
        pub(super) staff_posts: Option<i64>,
        pub(super) staff_filled: Option<i64>,
        /// When the registration code that waits for it ends.
        pub(super) code_until: Option<i64>,
    }
}
pub(super) async fn children(
    cx: &mut Cx,
    parent: OrgId,
    narrow: &Narrow,
    (sort_no, id): (i64, i64),
    limit: i64,
) -> Result<Vec<ChildRow>> {
    let word = super::tidy(&narrow.name);
    let initials = word.to_ascii_lowercase();
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.id, o.sort_no, o.code, o.path, o.short_name, o.full_name, o.category, o.industry, o.phone, o.is_township, (SELECT COUNT(*) FROM admin_seat s WHERE s.org_id = o.id), COALESCE(t.members, 0), COALESCE(t.members_done, 0), EXISTS (SELECT 1 FROM org c WHERE c.parent_id = o.id AND c.status <> 'DELETED'), o.graduates, o.no_graduation, EXISTS (SELECT 1 FROM cadre k WHERE k.org_id = o.id AND k.post = '书记' AND k.ended_at IS NULL), EXISTS (SELECT 1 FROM cadre k JOIN person p ON p.id = k.person_id WHERE k.org_id = o.id AND k.post = '书记' AND k.ended_at IS NULL AND p.mobile_ct IS NOT NULL), o.email, o.admin_posts, o.admin_filled, o.staff_posts, o.staff_filled, (SELECT c.expires_at FROM reg_code c WHERE c.org_id = o.id AND c.state = 'waiting' AND c.expires_at > $9) FROM org o LEFT JOIN tally t ON t.org_path = o.path AND t.scope = 'subtree' WHERE o.parent_id = $1 AND (o.sort_no, o.id) > ($2, $3) AND o.status <> 'DELETED' AND ($5 = '' OR {lite: instr}{pg: strpos}(o.short_name, $5) > 0 OR {lite: instr}{pg: strpos}(o.full_name, $5) > 0 OR {lite: instr}{pg: strpos}(o.name_py, $6) > 0) AND ($7 = '' OR o.category = $7) AND (NOT $8 OR NOT EXISTS (SELECT 1 FROM admin_seat s WHERE s.org_id = o.id)) ORDER BY o.sort_no, o.id LIMIT $4"),
            args![parent, sort_no, id, limit, &word, &initials, narrow.category.map_or("", Category::code), narrow.unmanned, cx.now()],
        )
        .await?)
}

/// Members and organisations of a subtree, as last folded.
pub(super) async fn subtree_counts(cx: &mut Cx, path: &str) -> Result<(i64, i64)> {
    let found: Option<(i64, i64)> = cx
        .tx
        .opt(
            sql!("SELECT members, orgs FROM tally WHERE org_path = $1 AND scope = 'subtree'"),
            args![path],
        )
        .await?;
    Ok(found.unwrap_or_default())
}

pub(super) async fn secretary(cx: &mut Cx, org: i64) -> Result<Option<String>> {
    let found: Option<(String,)> = cx
        .tx
        .opt(
            sql!("SELECT name FROM cadre WHERE org_id = $1 AND post = '书记' AND ended_at IS NULL"),
            args![org],
        )
        .await?;
    Ok(found.map(|(name,)| name))
}

/// The administrators' names by seat; there are at most three.
pub(super) async fn administrators(cx: &mut Cx, org: i64) -> Result<Vec<String>> {
    let found: Vec<(String,)> = cx
        .tx
        .all(
            sql!("SELECT p.name FROM admin_seat s JOIN person p ON p.id = s.person_id WHERE s.org_id = $1 ORDER BY s.slot"),
            args![org],
        )
        .await?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

/// Nobody else adds, moves or closes organisations until the transaction ends; SQLite has one
/// writer anyway.
pub(super) async fn lock_tree(cx: &mut Cx, _: &Permit) -> Result<()> {
    cx.tx
        .run(sql!("{pg: LOCK TABLE org IN SHARE ROW EXCLUSIVE MODE}{lite: SELECT 1}"), &[])
        .await?;
    Ok(())
}

/// Status and superior.
pub(super) async fn standing(cx: &mut Cx, id: OrgId) -> Result<Option<(String, Option<i64>)>> {
    Ok(cx.tx.opt(sql!("SELECT status, parent_id FROM org WHERE id = $1"), args![id]).await?)
}

/// Which of these are active.
pub(super) async fn active_of(cx: &mut Cx, ids: Vec<i64>) -> Result<Vec<(i64,)>> {
    let rows = ids.into_iter().map(|id| vec![id.into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.id FROM {rows: id int} AS v JOIN org o ON o.id = v.id WHERE o.status = 'ACTIVE'"),
            &[],
            rows,
        )
        .await?)
}

/// The deepest level of a subtree.
pub(super) async fn deepest(cx: &mut Cx, path: &str) -> Result<i64> {
    let below = crate::Scope::subtree(path);
    let (depth,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COALESCE(MAX(depth), 0) FROM org WHERE path >= $1 AND path < $2 AND status <> 'DELETED'"),
            args![&below.lo, &below.hi],
        )
        .await?;
    Ok(depth)
}

/// What stands in a subtree.
pub(super) async fn load(cx: &mut Cx, path: &str) -> Result<super::moving::Load> {
    let below = crate::Scope::subtree(path);
    let (orgs, members, cadres): (i64, i64, i64) = cx
        .tx
        .one(
            sql!("SELECT (SELECT COUNT(*) FROM org WHERE path >= $1 AND path < $2), (SELECT COUNT(*) FROM member WHERE org_path >= $1 AND org_path < $2), (SELECT COUNT(*) FROM cadre WHERE org_path >= $1 AND org_path < $2)"),
            args![&below.lo, &below.hi],
        )
        .await?;
    Ok(super::moving::Load { orgs, members, cadres })
}

db::row! {
    /// An organisation as the search index knows it.
    pub(super) struct Named {
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) full_name: String,
        pub(super) category: String,
        pub(super) parent_full: String,
    }
}

/// The living organisations of a subtree with their names.
pub(super) async fn names_below(cx: &mut Cx, path: &str) -> Result<Vec<Named>> {
    let below = crate::Scope::subtree(path);
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.path, o.short_name, o.full_name, o.category, COALESCE(p.full_name, '') FROM org o LEFT JOIN org p ON p.id = o.parent_id WHERE o.path >= $1 AND o.path < $2 AND o.status <> 'DELETED' ORDER BY o.path"),
            args![&below.lo, &below.hi],
        )
        .await?)
}

/// The living direct children with their names, behind a path.
pub(super) async fn names_of_children(
    cx: &mut Cx,
    parent: OrgId,
    after: &str,
    limit: i64,
) -> Result<Vec<Named>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.path, o.short_name, o.full_name, o.category, '' FROM org o WHERE o.parent_id = $1 AND o.path > $2 AND o.status <> 'DELETED' ORDER BY o.path LIMIT $3"),
            args![parent, after, limit],
        )
        .await?)
}

/// Gives a subtree its new paths, levels and province.
pub(super) async fn move_rows(
    cx: &mut Cx,
    _: &Permit,
    from: &str,
    to: &str,
    province: &str,
) -> Result<u64> {
    let below = crate::Scope::subtree(from);
    let length = |path: &str| i64::try_from(path.len()).unwrap_or(0);
    let levels = (length(to) - length(from)) / 3;
    Ok(cx
        .tx
        .run(
            sql!("UPDATE org SET path = $3 || SUBSTR(path, CAST($4 AS INT)), depth = depth + $5, province = $6 WHERE path >= $1 AND path < $2"),
            args![&below.lo, &below.hi, to, length(from) + 1, levels, province],
        )
        .await?)
}

/// The moved organisation under its new superior.
pub(super) async fn settle_below(
    cx: &mut Cx,
    _: &Permit,
    id: OrgId,
    parent: OrgId,
    sort_no: i64,
) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE org SET parent_id = $2, sort_no = $3, version = version + 1, updated_at = $4 WHERE id = $1"),
            args![id, parent, sort_no, cx.now()],
        )
        .await?;
    Ok(())
}

pub(super) async fn drop_index(cx: &mut Cx, _: &Permit, rows: db::Rows) -> Result<()> {
    cx.tx
        .run_of(
            sql!("DELETE FROM org_gram WHERE (gram, depth, path) IN (SELECT v.gram, v.depth, v.path FROM {rows: gram text, depth int, path text} AS v)"),
            &[],
            rows,
        )
        .await?;
    Ok(())
}

pub(super) async fn add_index(cx: &mut Cx, _: &Permit, rows: db::Rows) -> Result<()> {
    cx.tx
        .run_of(
            sql!("INSERT INTO org_gram (gram, depth, path) SELECT v.gram, v.depth, v.path FROM {rows: gram text, depth int, path text} AS v WHERE TRUE ON CONFLICT DO NOTHING"),
            &[],
            rows,
        )
        .await?;
    Ok(())
}

/// Status and path of an organisation, kept from changing until the transaction ends.
pub(super) async fn hold_status(cx: &mut Cx, org: OrgId) -> Result<Option<(String, String)>> {
    Ok(cx
        .tx
        .opt(sql!("SELECT status, path FROM org WHERE id = $1 {pg: FOR SHARE}"), args![org])
        .await?)
}

/// The same for many at once: id and path of those that live, in the order of their ids.
pub(super) async fn hold_many(cx: &mut Cx, ids: db::Rows) -> Result<Vec<(i64, String)>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.path FROM org o WHERE o.id IN (SELECT v.id FROM {rows: id int} AS v) AND o.status <> 'DELETED' ORDER BY o.id {pg: FOR SHARE}"),
            &[],
            ids,
        )
        .await?)
}

/// Closes an organisation that is active; `false` when it is not.
pub(super) async fn end(cx: &mut Cx, _: &Permit, org: OrgId) -> Result<bool> {
    let ended = cx
        .tx
        .run(
            sql!("UPDATE org SET status = 'DELETED', school_code = NULL, version = version + 1, updated_at = $1 WHERE id = $2 AND status = 'ACTIVE'"),
            args![cx.now(), org],
        )
        .await?;
    Ok(ended == 1)
}

/// Brings a closed organisation back; `false` when it is not closed. The school code comes back
/// unless another one has it by now.
pub(super) async fn bring_back(
    cx: &mut Cx,
    _: &Permit,
    org: OrgId,
    short_name: &str,
    initials: &str,
    school_code: Option<&str>,
) -> Result<bool> {
    let back = cx
        .tx
        .run(
            sql!("UPDATE org SET status = 'ACTIVE', short_name = $1, name_py = $2, school_code = CASE WHEN EXISTS (SELECT 1 FROM org o WHERE o.school_code = $3) THEN NULL ELSE $3 END, version = version + 1, updated_at = $4 WHERE id = $5 AND status = 'DELETED'"),
            args![short_name, initials, school_code.map(str::to_owned), cx.now(), org],
        )
        .await?;
    Ok(back == 1)
}

/// Takes everything of one organisation out of the search index.
pub(super) async fn drop_all_grams(cx: &mut Cx, permit: &Permit, path: &str) -> Result<()> {
    let names: Vec<(String, String, String, String)> = cx
        .tx
        .all(
            sql!("SELECT o.short_name, o.full_name, o.category, COALESCE(p.full_name, '') FROM org o LEFT JOIN org p ON p.id = o.parent_id WHERE o.path = $1"),
            args![path],
        )
        .await?;
    for (short, full, category, above) in names {
        if let Some(category) = Category::from_code(&category) {
            let grams = super::grams::of_org(&short, &full, &above, category);
            drop_grams(cx, permit, path, grams).await?;
        }
    }
    Ok(())
}

/// Code and name of living children in their order.
pub(super) async fn living_children(
    cx: &mut Cx,
    org: OrgId,
    limit: i64,
) -> Result<Vec<(String, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT code, short_name FROM org WHERE parent_id = $1 AND status <> 'DELETED' ORDER BY sort_no, id LIMIT $2"),
            args![org, limit],
        )
        .await?)
}

/// The living holding branch below an organisation.
pub(super) async fn holding_below(cx: &mut Cx, parent: OrgId) -> Result<Option<OrgRef>> {
    let found: Option<Found> = cx
        .tx
        .opt(
            sql!("SELECT id, code, path, short_name, category, province FROM org WHERE parent_id = $1 AND category = 'HOLDING' AND status <> 'DELETED'"),
            args![parent],
        )
        .await?;
    Ok(found.and_then(Found::org))
}

/// The closed organisation with this code, and its full name.
pub(super) async fn ended_by_code(cx: &mut Cx, code: &str) -> Result<Option<(Found, String)>> {
    let found: Option<(i64, String, String, String, String, String, String)> = cx
        .tx
        .opt(
            sql!("SELECT id, code, path, short_name, category, province, full_name FROM org WHERE code = $1 AND status = 'DELETED'"),
            args![code],
        )
        .await?;
    Ok(found.map(|(id, code, path, short_name, category, province, full_name)| {
        (Found { id, code, path, short_name, category, province }, full_name)
    }))
}

db::row! {
    /// An organisation with its names.
    #[derive(Clone)]
    pub(super) struct FullNamed {
        pub(super) id: i64,
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) full_name: String,
        pub(super) category: String,
    }
}

/// The names of living organisations before a path, last path first.
pub(super) async fn named_before(cx: &mut Cx, before: &str, limit: i64) -> Result<Vec<FullNamed>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, path, short_name, full_name, category FROM org WHERE path < $1 AND status <> 'DELETED' ORDER BY path DESC LIMIT $2"),
            args![before, limit],
        )
        .await?)
}

/// The names at these paths.
pub(super) async fn named_at(cx: &mut Cx, paths: Rows) -> Result<Vec<FullNamed>> {
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.id, o.path, o.short_name, o.full_name, o.category FROM {rows: path text} AS v JOIN org o ON o.path = v.path"),
            &[],
            paths,
        )
        .await?)
}

/// Stores a full name where it is still the old one.
pub(super) async fn set_full_name(
    cx: &mut Cx,
    _: &Permit,
    id: OrgId,
    old: &str,
    new: &str,
) -> Result<bool> {
    let changed = cx
        .tx
        .run(
            sql!("UPDATE org SET full_name = $3, version = version + 1, updated_at = $4 WHERE id = $1 AND full_name = $2"),
            args![id, old, new, cx.now()],
        )
        .await?;
    Ok(changed == 1)
}
