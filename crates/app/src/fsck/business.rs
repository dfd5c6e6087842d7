//! Business: the steps replay to the state (I12), every step has its audit row (I14), nothing waits
//! past its deadline. A finished transfer has its effect and an open one has none; at most one
//! relocation is open on a way up and down, a finished one lost and found nobody (I10). Proposals:
//! two people.

use super::{Check, PIECE};
use crate::{Result, clock::HOUR, keys::Place};
use db::{args, sql};

db::row! {
    struct Row {
        id: i64,
        no: String,
        kind: String,
        variant: String,
        state: String,
        started_by: i64,
        deadline: Option<i64>,
        ended_at: Option<i64>,
        from_org: i64,
        to_org: i64,
        branch_id: Option<i64>,
        waits_for: Option<i64>,
        fields_ct: Option<Vec<u8>>,
        open_path: Option<String>,
        from_path: String,
        branch_category: Option<String>,
        member_org: Option<i64>,
        member_category: Option<String>,
        entered_at: Option<i64>,
        path: Option<String>,
        later: i64,
        events: i64,
        inside: i64,
    }
}

db::row! {
    struct Step {
        business_id: i64,
        no: i64,
        verb: String,
        state: String,
        actor_id: Option<i64>,
    }
}

/// The edges of D4 and D5, written down once more: from, verb, to.
const EDGES: &[(&str, &str, &str)] = &[
    ("", "submit", "pending_target"),
    ("", "submit", "pending_source"),
    ("pending_source", "approve", "pending_target"),
    ("pending_source", "approve", "done"),
    ("pending_source", "approve", "pending_alloc"),
    ("pending_source", "cancel", "rejected"),
    ("pending_source", "return", "rejected"),
    ("pending_source", "withdraw", "withdrawn"),
    ("pending_source", "expire", "expired"),
    ("pending_target", "approve", "done"),
    ("pending_target", "approve", "pending_alloc"),
    ("pending_target", "return", "rejected"),
    ("pending_target", "cancel", "rejected"),
    ("pending_target", "withdraw", "withdrawn"),
    ("pending_target", "expire", "expired"),
    ("pending_alloc", "allocate", "done"),
    ("pending_alloc", "return", "rejected"),
    ("pending_alloc", "cancel", "rejected"),
    ("pending_alloc", "withdraw", "withdrawn"),
    ("pending_alloc", "expire", "expired"),
    ("done", "undo", "pending_source"),
    ("done", "undo", "pending_target"),
    ("done", "undo", "pending_alloc"),
    ("pending_alloc", "undo", "pending_source"),
    ("pending_alloc", "undo", "pending_target"),
    ("", "submit", "pending_old"),
    ("pending_old", "approve", "pending_new"),
    ("pending_new", "approve", "done"),
    ("pending_old", "return", "rejected"),
    ("pending_new", "return", "rejected"),
    ("pending_old", "cancel", "rejected"),
    ("pending_new", "cancel", "rejected"),
    ("pending_old", "withdraw", "withdrawn"),
    ("pending_new", "withdraw", "withdrawn"),
    ("pending_old", "expire", "expired"),
    ("pending_new", "expire", "expired"),
];
/// Steps that leave the state as it is.
const STILL: &[&str] = &["urge", "pass"];

pub(super) async fn all(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<Row> = check
            .cx
            .tx
            .all(
                sql!("SELECT t.id, t.no, t.kind, t.variant, t.state, t.started_by, t.deadline, t.ended_at, t.from_org, t.to_org, t.branch_id, t.waits_for, t.fields_ct, t.open_path, f.path, b.category, m.org_id, m.org_category, m.entered_at, o.path, (SELECT COUNT(*) FROM business l WHERE l.person_id = t.person_id AND l.kind = 'transfer' AND l.state = 'done' AND l.ended_at > t.ended_at), (SELECT COUNT(*) FROM event e WHERE e.object = t.kind AND e.object_id = t.id), (SELECT COUNT(*) FROM business x WHERE x.open_path > t.open_path AND x.open_path < t.open_path || '~') FROM business t JOIN org f ON f.id = t.from_org LEFT JOIN org b ON b.id = t.branch_id LEFT JOIN member m ON m.person_id = t.person_id LEFT JOIN org o ON o.id = t.org_id WHERE t.id > $1 ORDER BY t.id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { return Ok(()) };
        let steps: Vec<Step> = check
            .cx
            .tx
            .all(
                sql!("SELECT business_id, no, verb, state, actor_id FROM business_step WHERE business_id > $1 AND business_id <= $2 ORDER BY business_id, no"),
                args![after, last.id],
            )
            .await?;
        after = last.id;
        check.looked_at(found.len() + steps.len());
        let mut steps = steps.as_slice();
        for row in found {
            let before = steps.iter().take_while(|s| s.business_id < row.id).count();
            steps = &steps[before..];
            let count = steps.iter().take_while(|s| s.business_id == row.id).count();
            let (own, rest) = steps.split_at(count);
            replay(check, &row, own);
            waiting(check, &row);
            match row.kind.as_str() {
                "transfer" => effect(check, &row),
                _ => standing(check, &row),
            }
            steps = rest;
        }
    }
}

fn key(row: &Row) -> String {
    format!("{} {}", row.kind, row.no)
}

fn replay(check: &mut Check<'_>, row: &Row, steps: &[Step]) {
    let key = key(row);
    let mut state = "";
    let mut changes = 0;
    for (at, step) in (1..).zip(steps) {
        check.same("I12", &key, "step", (at, step.no));
        if STILL.contains(&step.verb.as_str()) {
            continue;
        }
        changes += 1;
        if step.verb == "approve" && step.actor_id == Some(row.started_by) {
            check.found("I13", &key, "an approval by somebody else than the starter", "her own");
        }
        if !EDGES.contains(&(state, step.verb.as_str(), step.state.as_str())) {
            let found = format!("{} to {}", step.verb, step.state);
            check.found("I12", &key, format!("a step that leads on from {state:?}"), found);
        }
        state = &step.state;
    }
    check.same("I12", &key, "state", (state, row.state.as_str()));
    // Those of the generator have no audit rows at all; a real one has one for every step.
    if row.events > 0 && row.events < changes {
        let found = row.events.to_string();
        check.found("I14", &key, format!("an event for each of {changes} steps"), found);
    }
}

/// The clockwork sweeps every minute at least; two hours are its grace.
fn waiting(check: &mut Check<'_>, row: &Row) {
    let open = row.ended_at.is_none();
    if open != row.state.starts_with("pending_") {
        check.found("I12", key(row), "an end in an ended state only", &row.state);
    }
    if open && row.waits_for != Some(row.to_org) && row.waits_for != Some(row.from_org) {
        check.found("I12", key(row), "in the hands of one of the two sides", "another's");
    }
    let now = check.cx.now();
    if open && row.deadline.is_some_and(|d| d + 2 * HOUR < now) {
        check.found("I12", key(row), "ended at its deadline", &row.state);
    }
}

/// What a transfer did to its person, and what an open one has not done yet.
fn effect(check: &mut Check<'_>, t: &Row) {
    let key = key(t);
    let open = t.ended_at.is_none();
    if (t.state == "done") != t.branch_id.is_some() {
        check.found("I12", &key, "a branch in the end when done only", &t.state);
    }
    if !matches!(t.branch_category.as_deref(), None | Some("BRANCH" | "GRADUATE" | "HOLDING")) {
        check.found("I12", &key, "a branch that owns members", "another organisation");
    }
    if open && t.member_org.is_some_and(|at| at != t.from_org) {
        check.found("I12", &key, "the person still where she came from", "elsewhere");
    }
    // Where the person is now tells of the newest finished transfer only.
    if t.state == "done"
        && t.later == 0
        && let (Some(at), Some(entered), Some(ended)) = (t.member_org, t.entered_at, t.ended_at)
    {
        // The branch may have been closed in the very same moment.
        let held = t.member_category.as_deref() == Some("HOLDING");
        let elsewhere = entered == ended && t.branch_id != Some(at) && !held;
        if entered < ended || elsewhere {
            check.found("I12", &key, "the person in the branch", "never moved there");
        }
    }
    let place = Place { column: "transfer.fields_ct", row: t.id };
    let house = check.cx.house().clone();
    if let Some(Err(e)) = t.fields_ct.as_ref().map(|sealed| house.keys().unseal(place, sealed)) {
        check.found("I16", &key, "fields_ct opens", e.to_string());
    }
    if matches!(t.variant.as_str(), "V1" | "V2") && t.state == "pending_alloc" {
        check.found("I12", &key, "no allocation between branches", &t.state);
    }
}

/// Where the organisation of an open relocation stands.
fn standing(check: &mut Check<'_>, r: &Row) {
    let Some(open) = &r.open_path else { return };
    let key = key(r);
    let path = r.path.as_deref().unwrap_or_default();
    check.same("copies", &key, "path", (path, open.as_str()));
    if r.inside > 0 {
        check.found("I8", &key, "one open on a way up and down", format!("{} below", r.inside + 1));
    }
    // The clockwork returns it within the hour when its superior is another one by now.
    if path.get(..path.len().saturating_sub(3)) != Some(r.from_path.as_str()) {
        check.found("I12", &key, "the present superior as the old one", "another one");
    }
}

/// What is noted for taking decisions back fits these decisions.
pub(super) async fn undos(check: &mut Check<'_>) -> Result<()> {
    let rows: Vec<(String, String)> = check
        .cx
        .tx
        .all(
            sql!("SELECT t.no, t.state FROM transfer_undo u JOIN business t ON t.id = u.transfer_id WHERE u.version > t.version OR (u.version = t.version AND (t.state NOT IN ('done','pending_alloc') OR (t.state = 'done') <> (u.moved IS NOT NULL))) ORDER BY t.no LIMIT 1000"),
            &[],
        )
        .await?;
    for (no, state) in rows {
        check.found("I12", format!("transfer {no}"), "a way back that fits its state", state);
    }
    Ok(())
}

/// What every move carried, as the audit book tells: as much before as after.
pub(super) async fn moves(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<(i64, i64, String)> = check
            .cx
            .tx
            .all(
                sql!("SELECT e.id, r.id, e.detail FROM business r JOIN event e ON e.object = 'relocation' AND e.object_id = r.id WHERE r.id > $1 AND r.kind = 'relocation' AND r.state = 'done' AND e.kind = 'relocation.approved' ORDER BY r.id, e.id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some((_, last, _)) = found.last() else { break };
        after = *last;
        check.looked_at(found.len());
        for (event, _, detail) in &found {
            let detail: serde_json::Value = serde_json::from_str(detail).unwrap_or_default();
            let moved = &detail["moved"];
            if moved["before"] != moved["after"] {
                let (expected, now) = (moved["before"].to_string(), moved["after"].to_string());
                check.found("I10", format!("event {event}"), expected, now);
            }
        }
    }
    let alone: Vec<(String,)> = check
        .cx
        .tx
        .all(
            sql!("SELECT no FROM proposal WHERE decided_by = proposed_by OR (state = 'done' AND decided_by IS NULL) ORDER BY id LIMIT $1"),
            args![PIECE],
        )
        .await?;
    for (no,) in alone {
        check.found("d-27", format!("proposal {no}"), "decided by a second person", "by one alone");
    }
    Ok(())
}
