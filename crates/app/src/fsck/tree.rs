//! The tree (I8, I9) and its search index.

use super::{Check, PIECE};
use crate::{
    Result,
    orgs::{Category, code, grams},
    rules::Rules,
};
use db::{args, sql};

db::row! {
    struct Org {
        code: String,
        parent_id: Option<i64>,
        path: String,
        depth: i64,
        category: String,
        status: String,
        version: i64,
        parent_path: Option<String>,
        parent_category: Option<String>,
        parent_status: Option<String>,
        parent_next: Option<i64>,
        below: i64,
    }
}

/// Every organisation against its parent. That each path is its parent's plus one level rules out
/// circles; that each parent lives makes the walk from the root reach every living one.
pub(super) async fn orgs(check: &mut Check<'_>) -> Result<()> {
    let mut after = String::new();
    let mut roots = 0;
    loop {
        let found: Vec<Org> = check
            .cx
            .tx
            .all(
                sql!("SELECT o.code, o.parent_id, o.path, o.depth, o.category, o.status, o.version, p.path, p.category, p.status, p.next_child, CASE WHEN o.status = 'DELETED' THEN (SELECT COUNT(*) FROM member m WHERE m.org_id = o.id) + (SELECT COUNT(*) FROM cadre c WHERE c.org_id = o.id AND c.ended_at IS NULL) + (SELECT COUNT(*) FROM admin_seat s WHERE s.org_id = o.id) + (SELECT COUNT(*) FROM business t WHERE t.kind = 'transfer' AND t.ended_at IS NULL AND (t.from_org = o.id OR t.to_org = o.id OR t.waits_for = o.id)) + (SELECT COUNT(*) FROM observer b WHERE b.org_id = o.id) + (SELECT COUNT(*) FROM import i WHERE i.org_id = o.id AND i.state IN ('mapping','review','running')) + (SELECT COUNT(*) FROM reg_code k WHERE k.org_id = o.id AND k.state = 'waiting') ELSE 0 END FROM org o LEFT JOIN org p ON p.id = o.parent_id WHERE o.path > $1 ORDER BY o.path LIMIT $2"),
                args![&after, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { break };
        after = last.path.clone();
        check.looked_at(found.len());
        for org in found {
            roots += i64::from(org.parent_id.is_none() && org.status != "DELETED");
            against_itself(check, &org);
            if org.parent_id.is_some() {
                against_parent(check, &org);
            }
        }
    }
    if roots > 1 {
        check.found("I8", "tree", "one root", format!("{roots} roots"));
    }
    Ok(())
}

fn against_itself(check: &mut Check<'_>, org: &Org) {
    let key = format!("org {}", org.code);
    let levels = i64::try_from(org.path.len() / 3).unwrap_or(0);
    check.same("I8", &key, "depth", (levels, org.depth));
    let most = i64::try_from(Rules::builtin().tree.depth_limit).unwrap_or(12);
    if org.depth > most {
        check.found("I8", &key, format!("at most {most} levels"), org.depth.to_string());
    }
    if org.parent_id.is_none() && org.path.len() != 3 {
        check.found("I8", &key, "a parent", "none");
    }
    if org.version < 1 {
        check.found("I25", &key, "version 1 or more", org.version.to_string());
    }
    if code::read(&org.code).as_ref() != Some(&org.code) {
        check.found("I8", &key, "a code with its check digit", "another digit");
    }
    if org.below > 0 {
        let found = format!(
            "{} members, cadres, seats, observers, codes, open transfers or imports",
            org.below
        );
        check.found("I9", &key, "nothing left in a deleted organisation", found);
    }
}

fn against_parent(check: &mut Check<'_>, org: &Org) {
    let key = format!("org {}", org.code);
    let Some(parent_path) = &org.parent_path else {
        return check.found("I8", &key, "a parent that exists", "none");
    };
    let (above, own) = org.path.split_at(org.path.len().saturating_sub(3));
    check.same("I8", &key, "parent at", (above, parent_path.as_str()));
    let number = i64::from_str_radix(own, 36).unwrap_or(i64::MAX);
    if org.parent_next.is_some_and(|next| number >= next) {
        check.found("I8", &key, "a number below the parent's next one", own);
    }
    // What the system makes of branches stands where branches may (rows 50, 123).
    let category = |text: &str| {
        Category::from_code(text).map(|c| if c.owns_members() { Category::Branch } else { c })
    };
    if let (Some(parent), Some(child)) =
        (org.parent_category.as_deref().and_then(category), category(&org.category))
        && !Rules::builtin().tree.can_contain(parent, child)
    {
        let (parent, child) = (parent.code(), child.code());
        check.found("I8", &key, format!("a child that {parent} may have"), child);
    }
    if org.status != "DELETED" && org.parent_status.as_deref() == Some("DELETED") {
        check.found("I9", &key, "a living parent", "DELETED");
    }
}

/// I9, I20: a closing that can still be undone belongs to a closed organisation, and nobody is
/// remembered of any other; holding branches have no administrators and no posts (row 52).
pub(super) async fn closings(check: &mut Check<'_>) -> Result<()> {
    let wrong: Vec<(String, String, String)> = check
        .cx
        .tx
        .all(
            sql!("SELECT o.code, o.status, c.state FROM closing c JOIN org o ON o.id = c.org_id WHERE c.state = 'open' AND o.status <> 'DELETED' ORDER BY c.id LIMIT 1000"),
            &[],
        )
        .await?;
    for (code, status, state) in wrong {
        check.found(
            "I20",
            format!("org {code}"),
            format!("closed: its closing is {state}"),
            status,
        );
    }
    let remembered: Vec<(i64, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT p.closing_id, COUNT(*) FROM closing_person p LEFT JOIN closing c ON c.id = p.closing_id AND c.state = 'open' WHERE c.id IS NULL GROUP BY p.closing_id ORDER BY p.closing_id LIMIT 1000"),
            &[],
        )
        .await?;
    for (id, count) in remembered {
        check.found("I20", format!("closing {id}"), "nobody remembered", count.to_string());
    }
    let seated: Vec<(String, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT o.code, (SELECT COUNT(*) FROM admin_seat s WHERE s.org_id = o.id) + (SELECT COUNT(*) FROM cadre c WHERE c.org_path = o.path AND c.org_id = o.id AND c.ended_at IS NULL) FROM org o WHERE o.category = 'HOLDING' AND o.status <> 'DELETED' ORDER BY o.path LIMIT 100000"),
            &[],
        )
        .await?;
    for (code, count) in seated.into_iter().filter(|(_, count)| *count > 0) {
        check.found("I9", format!("org {code}"), "no posts in a holding branch", count.to_string());
    }
    Ok(())
}

/// The search index holds for every living organisation what its names say, and nothing else.
/// Without `deep` every fiftieth organisation is looked at.
pub(super) async fn search_index(check: &mut Check<'_>) -> Result<()> {
    let mut after = String::new();
    let mut expected: i64 = 0;
    loop {
        let found: Vec<(String, String, String, String, String, String, String)> = check
            .cx
            .tx
            .all(
                sql!("SELECT o.path, o.code, o.short_name, o.full_name, o.category, o.status, COALESCE(p.full_name, '') FROM org o LEFT JOIN org p ON p.id = o.parent_id WHERE o.path > $1 ORDER BY o.path LIMIT $2"),
                args![&after, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { break };
        after = last.0.clone();
        let mut rows = Vec::new();
        for (at, (path, code, short, full, category, status, parent)) in found.iter().enumerate() {
            let Some(category) = Category::from_code(category).filter(|_| status != "DELETED")
            else {
                continue;
            };
            let grams = grams::of_org(short, full, parent, category);
            expected += i64::try_from(grams.len()).unwrap_or(0);
            if check.deep || at % 50 == 0 {
                let depth = i64::try_from(path.len() / 3).unwrap_or(0);
                rows.extend(
                    grams
                        .into_iter()
                        .map(|gram| vec![gram.into(), depth.into(), path.into(), code.into()]),
                );
            }
        }
        let missing: Vec<(String, i64)> = check
            .cx
            .tx
            .all_of(
                sql!("SELECT v.code, COUNT(*) FROM {rows: gram text, depth int, path text, code text} AS v LEFT JOIN org_gram g ON g.gram = v.gram AND g.depth = v.depth AND g.path = v.path WHERE g.path IS NULL GROUP BY v.code ORDER BY v.code"),
                &[],
                rows,
            )
            .await?;
        for (code, count) in missing {
            let found = format!("{count} missing");
            check.found("search", format!("org {code}"), "all parts of its names", found);
        }
    }
    if check.deep {
        let (stored,): (i64,) = check.cx.tx.one(sql!("SELECT COUNT(*) FROM org_gram"), &[]).await?;
        check.same("search", "index", "rows", (expected, stored));
    }
    Ok(())
}
