//! The counters' statements; private to the room. They write without a permit: what they write
//! follows from changes that had their own.

use super::{Change, Difference, Figures, Sector, Span, recount::Piece, sector::Kind};
use crate::{Cx, Result, Scope, clock::Millis, orgs::Category, people::PersonId};
use db::{Rows, Value, args, sql};
use std::collections::{BTreeMap, BTreeSet, HashMap};

db::row! {
    /// A noted change.
    pub(super) struct Noted {
        pub(super) id: i64,
        pub(super) org_path: String,
        orgs: i64,
        branches: i64,
        members: i64,
        members_done: i64,
        cadres: i64,
        cadres_done: i64,
        pub(super) at: i64,
    }
}
impl Noted {
    pub(super) fn figures(&self) -> Figures {
        Figures {
            orgs: self.orgs,
            branches: self.branches,
            branches_done: 0,
            bodies_done: 0,
            members: self.members,
            members_done: self.members_done,
            cadres: self.cadres,
            cadres_done: self.cadres_done,
        }
    }
}

db::row! {
    /// A counter.
    pub(super) struct Counter {
        pub(super) org_path: String,
        pub(super) scope: String,
        sector: Option<String>,
        orgs: i64,
        branches: i64,
        branches_done: i64,
        bodies_done: i64,
        members: i64,
        members_done: i64,
        cadres: i64,
        cadres_done: i64,
    }
}
impl Counter {
    pub(super) fn figures(&self) -> Figures {
        Figures {
            orgs: self.orgs,
            branches: self.branches,
            branches_done: self.branches_done,
            bodies_done: self.bodies_done,
            members: self.members,
            members_done: self.members_done,
            cadres: self.cadres,
            cadres_done: self.cadres_done,
        }
    }
    fn keyed(self) -> Option<((String, Span), Held)> {
        let span = Span::from_code(&self.scope)?;
        let held = (self.figures(), self.sector.as_deref().and_then(Sector::from_code));
        Some(((self.org_path, span), held))
    }
}

/// What a counter holds; of an organisation's own one also the sector that it was added to.
pub(super) type Held = (Figures, Option<Sector>);

pub(super) async fn note(cx: &mut Cx, c: &Change<'_>) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO delta (id, org_path, orgs, branches, members, members_done, cadres, cadres_done, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
            args![
                cx.new_id(), c.org_path, c.orgs, c.branches, c.members, c.members_done, c.cadres,
                c.cadres_done, cx.now()
            ],
        )
        .await?;
    Ok(())
}

/// Organisations with people of their own counter, in path order.
pub(super) async fn counted_after(cx: &mut Cx, after: &str, limit: i64) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = cx
        .tx
        .all(
            sql!("SELECT path FROM org WHERE path > $1 AND status <> 'DELETED' ORDER BY path LIMIT $2"),
            args![after, limit],
        )
        .await?;
    Ok(rows.into_iter().map(|(path,)| path).collect())
}

/// Notes changes of nothing, so that the fold looks at these organisations again.
pub(super) async fn note_again(cx: &mut Cx, paths: &[String]) -> Result<()> {
    let row = |path: &String| vec![cx.new_id().into(), path.as_str().into()];
    let rows = paths.iter().map(row).collect();
    cx.tx
        .run_of(
            sql!("INSERT INTO delta (id, org_path, at) SELECT id, path, CAST($1 AS BIGINT) FROM {rows: id int, path text} AS v"),
            args![cx.now()],
            rows,
        )
        .await?;
    Ok(())
}

/// Whoever changes counters holds this row until the end of the transaction, so that folds,
/// snapshots and recounts of several nodes come one after the other.
pub(super) async fn take_turn(cx: &mut Cx) -> Result<()> {
    let now = cx.now();
    cx.tx
        .run(
            sql!("INSERT INTO lease (name, owner, until, ran_at) VALUES ('tally', '', 0, $1) ON CONFLICT (name) DO UPDATE SET ran_at = excluded.ran_at"),
            args![now],
        )
        .await?;
    Ok(())
}

/// To be said first in a transaction: it sees what others have committed since it began, also
/// where the house runs at SERIALIZABLE.
pub(super) async fn see_newest(cx: &mut Cx) -> Result<()> {
    cx.tx
        .run(sql!("{pg: SET TRANSACTION ISOLATION LEVEL READ COMMITTED}{lite: SELECT 1}"), &[])
        .await?;
    Ok(())
}

pub(super) async fn take(cx: &mut Cx, limit: i64, before: Option<Millis>) -> Result<Vec<Noted>> {
    Ok(cx
        .tx
        .all(
            sql!("DELETE FROM delta WHERE id IN (SELECT id FROM delta WHERE at < $1 ORDER BY id LIMIT $2) RETURNING id, org_path, orgs, branches, members, members_done, cadres, cadres_done, at"),
            args![before.unwrap_or(Millis::MAX), limit],
        )
        .await?)
}

pub(super) async fn waiting(cx: &mut Cx, limit: i64) -> Result<Vec<Noted>> {
    waiting_after(cx, i64::MIN, limit).await
}

pub(super) async fn waiting_after(cx: &mut Cx, after: i64, limit: i64) -> Result<Vec<Noted>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, org_path, orgs, branches, members, members_done, cadres, cadres_done, at FROM delta WHERE id > $1 ORDER BY id LIMIT $2"),
            args![after, limit],
        )
        .await?)
}

pub(super) async fn forget(cx: &mut Cx, ids: &[i64]) -> Result<u64> {
    let mut count = 0;
    for piece in ids.chunks(5000) {
        let rows = piece.iter().map(|id| vec![(*id).into()]).collect();
        count += cx
            .tx
            .run_of(
                sql!("DELETE FROM delta WHERE id IN (SELECT id FROM {rows: id int} AS v)"),
                &[],
                rows,
            )
            .await?;
    }
    Ok(count)
}

/// How the organisations at these paths are counted.
pub(super) async fn kinds(cx: &mut Cx, paths: &[&str]) -> Result<HashMap<String, Kind>> {
    let found: Vec<(String, String, Option<String>, i64, i64)> = cx
        .tx
        .all_of(
            sql!("SELECT o.path, o.category, o.industry, CASE WHEN o.category IN ('BRANCH','GRADUATE') THEN (SELECT COUNT(*) FROM cadre g WHERE g.org_id = o.id AND g.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM member m WHERE m.person_id = g.person_id AND m.org_id = o.id)) ELSE 0 END, CASE WHEN o.category IN ('BRANCH','GRADUATE') THEN (SELECT COUNT(*) FROM cadre g WHERE g.org_id = o.id AND g.ended_at IS NULL AND g.complete AND NOT EXISTS (SELECT 1 FROM member m WHERE m.person_id = g.person_id AND m.org_id = o.id)) ELSE 0 END FROM {rows: path text} AS v JOIN org o ON o.path = v.path"),
            &[],
            one_column(paths),
        )
        .await?;
    let kind_of = |(path, c, industry, all, done): (String, String, Option<String>, i64, i64)| {
        (path, kind(&c, industry.as_deref(), (all, done)))
    };
    Ok(found.into_iter().map(kind_of).collect())
}

fn kind(category: &str, industry: Option<&str>, guests: (i64, i64)) -> Kind {
    let category = Category::from_code(category);
    Kind { category, sector: category.and_then(|c| Sector::of(c, industry)), guests }
}

pub(super) async fn own_figures(cx: &mut Cx, paths: &[&str]) -> Result<HashMap<String, Held>> {
    let found: Vec<Counter> = cx
        .tx
        .all_of(
            sql!("SELECT t.org_path, t.scope, t.sector, t.orgs, t.branches, t.branches_done, t.bodies_done, t.members, t.members_done, t.cadres, t.cadres_done FROM {rows: path text} AS v JOIN tally t ON t.org_path = v.path AND t.scope = 'self'"),
            &[],
            one_column(paths),
        )
        .await?;
    Ok(found.into_iter().filter_map(Counter::keyed).map(|((path, _), held)| (path, held)).collect())
}

fn one_column(paths: &[&str]) -> Rows {
    paths.iter().map(|p| vec![Value::from(*p)]).collect()
}

/// Makes sure that the counters are there, holds them until the end of the transaction (in the
/// order of the set) and reads them.
pub(super) async fn hold(
    cx: &mut Cx,
    keys: &BTreeSet<(&str, Span)>,
) -> Result<BTreeMap<(String, Span), Held>> {
    let keys: Vec<&(&str, Span)> = keys.iter().collect();
    let now = cx.now();
    let mut held = BTreeMap::new();
    for piece in keys.chunks(5000) {
        let rows = piece.iter().map(|(p, s)| vec![(*p).into(), s.code().into()]).collect();
        let found: Vec<Counter> = cx
            .tx
            .all_of(
                sql!("INSERT INTO tally (org_path, scope, changed_at) SELECT org_path, scope, $1 FROM {rows: org_path text, scope text} AS v WHERE TRUE ORDER BY org_path, scope ON CONFLICT (org_path, scope) DO UPDATE SET changed_at = excluded.changed_at RETURNING org_path, scope, sector, orgs, branches, branches_done, bodies_done, members, members_done, cadres, cadres_done"),
                args![now],
                rows,
            )
            .await?;
        held.extend(found.into_iter().filter_map(Counter::keyed));
    }
    Ok(held)
}

/// Writes counters that are held.
pub(super) async fn store(cx: &mut Cx, tally: &BTreeMap<(String, Span), Held>) -> Result<()> {
    let all: Vec<_> = tally.iter().collect();
    for piece in all.chunks(5000) {
        let rows = piece
            .iter()
            .map(|((path, span), (f, sector))| {
                vec![
                    path.into(),
                    span.code().into(),
                    sector.map(Sector::code).into(),
                    f.orgs.into(),
                    f.branches.into(),
                    f.branches_done.into(),
                    f.bodies_done.into(),
                    f.members.into(),
                    f.members_done.into(),
                    f.cadres.into(),
                    f.cadres_done.into(),
                ]
            })
            .collect();
        cx.tx
            .run_of(
                sql!("UPDATE tally SET sector = v.sector, orgs = v.orgs, branches = v.branches, branches_done = v.branches_done, bodies_done = v.bodies_done, members = v.members, members_done = v.members_done, cadres = v.cadres, cadres_done = v.cadres_done FROM {rows: org_path text, scope text, sector text, orgs int, branches int, branches_done int, bodies_done int, members int, members_done int, cadres int, cadres_done int} AS v WHERE tally.org_path = v.org_path AND tally.scope = v.scope"),
                &[],
                rows,
            )
            .await?;
    }
    Ok(())
}

/// The counters of one organisation.
pub(super) async fn counters(cx: &mut Cx, path: &str) -> Result<BTreeMap<Span, Figures>> {
    let found: Vec<Counter> = cx
        .tx
        .all(
            sql!("SELECT org_path, scope, sector, orgs, branches, branches_done, bodies_done, members, members_done, cadres, cadres_done FROM tally WHERE org_path = $1"),
            args![path],
        )
        .await?;
    Ok(found.into_iter().filter_map(Counter::keyed).map(|((_, span), (f, _))| (span, f)).collect())
}

pub(super) async fn figures_at(
    cx: &mut Cx,
    path: &str,
    span: Span,
    hour: Millis,
) -> Result<Figures> {
    let found: Option<Counter> = cx
        .tx
        .opt(
            sql!("SELECT org_path, scope, NULL, orgs, branches, branches_done, bodies_done, members, members_done, cadres, cadres_done FROM tally_hour WHERE org_path = $1 AND scope = $2 AND hour <= $3 ORDER BY hour DESC LIMIT 1"),
            args![path, span.code(), hour],
        )
        .await?;
    Ok(found.map(|c| c.figures()).unwrap_or_default())
}

/// The last hour that was kept and the moment when that was done.
pub(super) async fn last_snapshot(cx: &mut Cx) -> Result<Option<(Millis, Millis)>> {
    let found: Option<(String,)> =
        cx.tx.opt(sql!("SELECT value FROM setting WHERE name = 'snapshot'"), &[]).await?;
    Ok(found.and_then(|(v,)| {
        let (hour, taken) = v.split_once(' ')?;
        Some((hour.parse().ok()?, taken.parse().ok()?))
    }))
}

pub(super) async fn keep_hour(cx: &mut Cx, hour: Millis, since: Millis) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("INSERT INTO tally_hour (org_path, scope, hour, orgs, branches, branches_done, bodies_done, members, members_done, cadres, cadres_done) SELECT org_path, scope, $1, orgs, branches, branches_done, bodies_done, members, members_done, cadres, cadres_done FROM tally WHERE changed_at >= $2 ON CONFLICT (org_path, scope, hour) DO NOTHING"),
            args![hour, since],
        )
        .await?)
}

pub(super) async fn note_snapshot(cx: &mut Cx, hour: Millis) -> Result<()> {
    let value = format!("{hour} {}", cx.now());
    cx.tx
        .run(
            sql!("INSERT INTO setting (name, value) VALUES ('snapshot', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"),
            args![value],
        )
        .await?;
    Ok(())
}

db::row! {
    /// A direct child with the counters of its subtree.
    pub(super) struct Child {
        pub(super) code: String,
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) category: String,
        orgs: i64,
        branches: i64,
        branches_done: i64,
        bodies_done: i64,
        members: i64,
        members_done: i64,
        cadres: i64,
        cadres_done: i64,
    }
}
impl Child {
    pub(super) fn figures(&self) -> Figures {
        Figures {
            orgs: self.orgs,
            branches: self.branches,
            branches_done: self.branches_done,
            bodies_done: self.bodies_done,
            members: self.members,
            members_done: self.members_done,
            cadres: self.cadres,
            cadres_done: self.cadres_done,
        }
    }
}

pub(super) async fn count_children(cx: &mut Cx, parent: i64) -> Result<i64> {
    let (n,): (i64,) = cx
        .tx
        .one(
            sql!(
                "SELECT COUNT(*) FROM org WHERE parent_id = $1 AND status IN ('ACTIVE','MIGRATING')"
            ),
            args![parent],
        )
        .await?;
    Ok(n)
}

/// In organisation order.
pub(super) async fn children(
    cx: &mut Cx,
    parent: i64,
    span: Span,
    (limit, offset): (i64, i64),
) -> Result<Vec<Child>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.code, o.path, o.short_name, o.category, COALESCE(t.orgs, 0), COALESCE(t.branches, 0), COALESCE(t.branches_done, 0), COALESCE(t.bodies_done, 0), COALESCE(t.members, 0), COALESCE(t.members_done, 0), COALESCE(t.cadres, 0), COALESCE(t.cadres_done, 0) FROM org o LEFT JOIN tally t ON t.org_path = o.path AND t.scope = $4 WHERE o.parent_id = $1 AND o.status IN ('ACTIVE','MIGRATING') ORDER BY o.sort_no, o.id LIMIT $2 OFFSET $3"),
            args![parent, limit, offset, span.code()],
        )
        .await?)
}

/// By the share of complete branches (`by_members` false) or members, `sign` 1 rising, −1
/// falling; organisations without any come last, equals in organisation order.
pub(super) async fn children_by_share(
    cx: &mut Cx,
    parent: i64,
    span: Span,
    (by_members, sign): (bool, i64),
    (limit, offset): (i64, i64),
) -> Result<Vec<Child>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.code, o.path, o.short_name, o.category, COALESCE(t.orgs, 0), COALESCE(t.branches, 0), COALESCE(t.branches_done, 0), COALESCE(t.bodies_done, 0), COALESCE(t.members, 0), COALESCE(t.members_done, 0), COALESCE(t.cadres, 0), COALESCE(t.cadres_done, 0) FROM org o LEFT JOIN tally t ON t.org_path = o.path AND t.scope = $6 WHERE o.parent_id = $1 AND o.status IN ('ACTIVE','MIGRATING') ORDER BY CASE WHEN COALESCE(CASE WHEN CAST($2 AS BIGINT) = 1 THEN t.members ELSE t.branches END, 0) = 0 THEN 1 ELSE 0 END, CAST($3 AS BIGINT) * (CASE WHEN CAST($2 AS BIGINT) = 1 THEN t.members_done * 100000 / NULLIF(t.members, 0) ELSE t.branches_done * 100000 / NULLIF(t.branches, 0) END), o.sort_no, o.id LIMIT $4 OFFSET $5"),
            args![parent, i64::from(by_members), sign, limit, offset, span.code()],
        )
        .await?)
}

/// Direct children that are no branches, by the share of complete ones among them and below
/// (`by_cadres` false) or of complete cadres; `sign` 0 for the organisations' own order. `of`: 0
/// all, 1 leading organs, 2 the others.
pub(super) async fn bodies(
    cx: &mut Cx,
    parent: i64,
    (span, of): (Span, i64),
    (by_cadres, sign): (bool, i64),
    (limit, offset): (i64, i64),
) -> Result<Vec<Child>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.code, o.path, o.short_name, o.category, COALESCE(t.orgs, 0), COALESCE(t.branches, 0), COALESCE(t.branches_done, 0), COALESCE(t.bodies_done, 0), COALESCE(t.members, 0), COALESCE(t.members_done, 0), COALESCE(t.cadres, 0), COALESCE(t.cadres_done, 0) FROM org o LEFT JOIN tally t ON t.org_path = o.path AND t.scope = $6 WHERE o.parent_id = $1 AND o.status IN ('ACTIVE','MIGRATING') AND o.category IN ('LEAD','COMMITTEE','WORK','GENERAL') AND (CAST($7 AS BIGINT) = 0 OR CASE WHEN o.category = 'LEAD' THEN 1 ELSE 2 END = CAST($7 AS BIGINT)) ORDER BY CASE WHEN CAST($3 AS BIGINT) <> 0 AND COALESCE(CASE WHEN CAST($2 AS BIGINT) = 1 THEN t.cadres ELSE t.orgs - t.branches END, 0) = 0 THEN 1 ELSE 0 END, CAST($3 AS BIGINT) * COALESCE(CASE WHEN CAST($2 AS BIGINT) = 1 THEN t.cadres_done * 100000 / NULLIF(t.cadres, 0) ELSE t.bodies_done * 100000 / NULLIF(t.orgs - t.branches, 0) END, 0), o.sort_no, o.id LIMIT $4 OFFSET $5"),
            args![parent, i64::from(by_cadres), sign, limit, offset, span.code(), of],
        )
        .await?)
}

/// How many direct children there are of that kind.
pub(super) async fn count_bodies(cx: &mut Cx, parent: i64, of: i64) -> Result<i64> {
    let (n,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM org WHERE parent_id = $1 AND status IN ('ACTIVE','MIGRATING') AND category IN ('LEAD','COMMITTEE','WORK','GENERAL') AND (CAST($2 AS BIGINT) = 0 OR CASE WHEN category = 'LEAD' THEN 1 ELSE 2 END = CAST($2 AS BIGINT))"),
            args![parent, of],
        )
        .await?;
    Ok(n)
}

/// Living organisations in path order.
pub(super) async fn count_orgs(cx: &mut Cx, after: &str, limit: i64) -> Result<Vec<Piece>> {
    let found: Vec<(String, String, Option<String>, String, i64, i64)> = cx
        .tx
        .all(
            sql!("SELECT o.path, o.category, o.industry, o.status, CASE WHEN o.category IN ('BRANCH','GRADUATE') THEN (SELECT COUNT(*) FROM cadre g WHERE g.org_id = o.id AND g.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM member m WHERE m.person_id = g.person_id AND m.org_id = o.id)) ELSE 0 END, CASE WHEN o.category IN ('BRANCH','GRADUATE') THEN (SELECT COUNT(*) FROM cadre g WHERE g.org_id = o.id AND g.ended_at IS NULL AND g.complete AND NOT EXISTS (SELECT 1 FROM member m WHERE m.person_id = g.person_id AND m.org_id = o.id)) ELSE 0 END FROM org o WHERE o.path > $1 ORDER BY o.path LIMIT $2"),
            args![after, limit],
        )
        .await?;
    Ok(found
        .into_iter()
        .map(|(path, category, industry, status, guests, done)| {
            let kind = kind(&category, industry.as_deref(), (guests, done));
            let lives = matches!(status.as_str(), "ACTIVE" | "MIGRATING");
            let branch = lives && kind.category.is_some_and(Category::owns_members);
            let figures = Figures {
                orgs: i64::from(lives),
                branches: i64::from(branch),
                ..Figures::default()
            };
            Piece { path, figures, kind, span: Span::Own }
        })
        .collect())
}

/// All members, as if all were complete; [`count_unready`] takes back those who are not. Two
/// statements, because each is answered from an index alone.
pub(super) async fn count_members(cx: &mut Cx, after: &str, limit: i64) -> Result<Vec<Piece>> {
    let found: Vec<(String, i64)> = cx
        .tx
        .all(
            sql!("SELECT org_path, COUNT(*) FROM member WHERE org_path > $1 GROUP BY org_path ORDER BY org_path LIMIT $2"),
            args![after, limit],
        )
        .await?;
    Ok(pieces(found, |n| Figures { members: n, members_done: n, ..Figures::default() }))
}

pub(super) async fn count_unready(cx: &mut Cx, after: &str, limit: i64) -> Result<Vec<Piece>> {
    let found: Vec<(String, i64)> = cx
        .tx
        .all(
            sql!("SELECT org_path, COUNT(*) FROM member WHERE NOT complete AND org_path > $1 GROUP BY org_path ORDER BY org_path LIMIT $2"),
            args![after, limit],
        )
        .await?;
    Ok(pieces(found, |n| Figures { members_done: -n, ..Figures::default() }))
}

pub(super) async fn count_cadres(cx: &mut Cx, after: &str, limit: i64) -> Result<Vec<Piece>> {
    let found: Vec<(String, i64, i64)> = cx
        .tx
        .all(
            sql!("SELECT org_path, COUNT(*), CAST(SUM(CASE WHEN complete THEN 1 ELSE 0 END) AS BIGINT) FROM cadre WHERE ended_at IS NULL AND org_path > $1 GROUP BY org_path ORDER BY org_path LIMIT $2"),
            args![after, limit],
        )
        .await?;
    Ok(found
        .into_iter()
        .map(|(path, cadres, cadres_done)| {
            let figures = Figures { cadres, cadres_done, ..Figures::default() };
            Piece { path, figures, kind: Kind::default(), span: Span::Own }
        })
        .collect())
}

fn pieces(found: Vec<(String, i64)>, figures: impl Fn(i64) -> Figures) -> Vec<Piece> {
    found
        .into_iter()
        .map(|(path, n)| Piece {
            path,
            figures: figures(n),
            kind: Kind::default(),
            span: Span::Own,
        })
        .collect()
}

/// Counters behind a path and span.
pub(super) async fn counters_after(
    cx: &mut Cx,
    (after, span): (&str, Span),
    limit: i64,
) -> Result<Vec<Piece>> {
    let found: Vec<Counter> = cx
        .tx
        .all(
            sql!("SELECT org_path, scope, sector, orgs, branches, branches_done, bodies_done, members, members_done, cadres, cadres_done FROM tally WHERE (org_path, scope) > ($1, $2) ORDER BY org_path, scope LIMIT $3"),
            args![after, span.code(), limit],
        )
        .await?;
    Ok(found
        .into_iter()
        .filter_map(Counter::keyed)
        .map(|((path, span), (figures, sector))| {
            let kind = Kind { sector, ..Kind::default() };
            Piece { path, figures, kind, span }
        })
        .collect())
}

/// Writes what was counted.
pub(super) async fn put(cx: &mut Cx, wrong: &[&Difference]) -> Result<()> {
    for piece in wrong.chunks(5000) {
        let keys: BTreeSet<(&str, Span)> =
            piece.iter().map(|d| (d.path.as_str(), d.span)).collect();
        let mut tally = hold(cx, &keys).await?;
        for d in piece {
            tally.insert((d.path.clone(), d.span), (d.counted, d.sector));
        }
        store(cx, &tally).await?;
    }
    Ok(())
}

/// How many members a branch has, and how many of them are incomplete.
pub(super) async fn members_of(cx: &mut Cx, path: &str) -> Result<(i64, i64)> {
    Ok(cx
        .tx
        .one(
            sql!("SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN complete THEN 0 ELSE 1 END), 0) AS BIGINT) FROM member WHERE org_path = $1"),
            args![path],
        )
        .await?)
}

/// Cadres of a branch who are no members of it, and how many of them are incomplete.
pub(super) async fn guests_of(cx: &mut Cx, org: i64) -> Result<(i64, i64)> {
    Ok(cx
        .tx
        .one(
            sql!("SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN g.complete THEN 0 ELSE 1 END), 0) AS BIGINT) FROM cadre g WHERE g.org_id = $1 AND g.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM member m WHERE m.person_id = g.person_id AND m.org_id = g.org_id)"),
            args![org],
        )
        .await?)
}

pub(super) async fn incomplete_guests_of(
    cx: &mut Cx,
    org: i64,
    limit: i64,
) -> Result<Vec<(PersonId, String, String, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT p.id, p.code, p.name, p.missing FROM cadre g JOIN person p ON p.id = g.person_id WHERE NOT g.complete AND g.org_id = $1 AND g.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM member m WHERE m.person_id = g.person_id AND m.org_id = g.org_id) ORDER BY g.name_py, g.person_id LIMIT $2"),
            args![org, limit],
        )
        .await?)
}

pub(super) async fn incomplete_of(
    cx: &mut Cx,
    path: &str,
    limit: i64,
) -> Result<Vec<(PersonId, String, String, String)>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT p.id, p.code, p.name, p.missing FROM member m JOIN person p ON p.id = m.person_id WHERE NOT m.complete AND m.org_path = $1 ORDER BY m.name_py, m.person_id LIMIT $2"),
            args![path, limit],
        )
        .await?)
}

db::row! {
    /// Which facts an organisation has.
    pub(super) struct OrgFacts {
        pub(super) industry: bool,
        pub(super) phone: bool,
        pub(super) email: bool,
        pub(super) admin_posts: bool,
        pub(super) admin_filled: bool,
        pub(super) staff_posts: bool,
        pub(super) staff_filled: bool,
        pub(super) secretary: bool,
        pub(super) secretary_mobile: bool,
    }
}

pub(super) async fn org_facts(cx: &mut Cx, org: i64) -> Result<OrgFacts> {
    Ok(cx
        .tx
        .one(
            sql!("SELECT COALESCE(o.industry, '') <> '', COALESCE(o.phone, '') <> '', COALESCE(o.email, '') <> '', o.admin_posts IS NOT NULL, o.admin_filled IS NOT NULL, o.staff_posts IS NOT NULL, o.staff_filled IS NOT NULL, c.id IS NOT NULL, p.mobile_bi IS NOT NULL FROM org o LEFT JOIN cadre c ON c.org_id = o.id AND c.post = '书记' AND c.ended_at IS NULL LEFT JOIN person p ON p.id = c.person_id WHERE o.id = $1"),
            args![org],
        )
        .await?)
}

/// Counters of a subtree get their new paths.
pub(super) async fn move_tally(cx: &mut Cx, from: &str, to: &str) -> Result<u64> {
    let below = Scope::subtree(from);
    Ok(cx
        .tx
        .run(
            sql!("UPDATE tally SET org_path = $3 || SUBSTR(org_path, CAST($4 AS INT)), changed_at = $5 WHERE org_path >= $1 AND org_path < $2"),
            args![&below.lo, &below.hi, to, rest_of(from), cx.now()],
        )
        .await?)
}

/// Where what comes behind a prefix begins, counted from 1.
fn rest_of(prefix: &str) -> i64 {
    i64::try_from(prefix.len()).unwrap_or(0) + 1
}

pub(super) async fn note_move(cx: &mut Cx, from: &str, to: &str) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO path_move (id, from_path, to_path, at) VALUES ($1, $2, $3, $4)"),
            args![cx.new_id(), from, to, cx.now()],
        )
        .await?;
    Ok(())
}

/// The oldest move that the figures on the hour have not followed.
pub(super) async fn next_move(cx: &mut Cx) -> Result<Option<(i64, String, String)>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT id, from_path, to_path FROM path_move WHERE NOT done ORDER BY id LIMIT 1"),
            &[],
        )
        .await?)
}

/// A piece of the figures on the hour follows; returns how many rows.
pub(super) async fn move_hours(cx: &mut Cx, from: &str, to: &str, limit: i64) -> Result<u64> {
    let below = Scope::subtree(from);
    cx.tx
        .run(
            sql!("INSERT INTO tally_hour (org_path, scope, hour, orgs, branches, branches_done, bodies_done, members, members_done, cadres, cadres_done) SELECT $3 || SUBSTR(h.org_path, CAST($4 AS INT)), h.scope, h.hour, h.orgs, h.branches, h.branches_done, h.bodies_done, h.members, h.members_done, h.cadres, h.cadres_done FROM (SELECT * FROM tally_hour WHERE org_path >= $1 AND org_path < $2 ORDER BY org_path, scope, hour LIMIT $5) AS h WHERE TRUE ON CONFLICT (org_path, scope, hour) DO NOTHING"),
            args![&below.lo, &below.hi, to, rest_of(from), limit],
        )
        .await?;
    Ok(cx
        .tx
        .run(
            sql!("DELETE FROM tally_hour WHERE (org_path, scope, hour) IN (SELECT org_path, scope, hour FROM tally_hour WHERE org_path >= $1 AND org_path < $2 ORDER BY org_path, scope, hour LIMIT $3)"),
            args![&below.lo, &below.hi, limit],
        )
        .await?)
}

pub(super) async fn close_move(cx: &mut Cx, id: i64) -> Result<()> {
    cx.tx.run(sql!("UPDATE path_move SET done = TRUE WHERE id = $1"), args![id]).await?;
    Ok(())
}
