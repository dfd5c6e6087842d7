//! Relocations: the steps replay to the state (I12), every step has its audit row (I14), at most one
//! is open on a way up and down, a finished one lost and found nobody (I10). Proposals: two people.

use super::{Check, PIECE};
use crate::{Result, clock::HOUR};
use db::{args, sql};

db::row! {
    struct Relocation {
        id: i64,
        no: String,
        state: String,
        deadline: Option<i64>,
        ended_at: Option<i64>,
        open_path: Option<String>,
        path: String,
        parent_path: Option<String>,
        events: i64,
        inside: i64,
    }
}

db::row! {
    struct Step {
        relocation_id: i64,
        no: i64,
        verb: String,
        state: String,
    }
}

/// The edges of D5, written down once more: from, verb, to.
const EDGES: &[(&str, &str, &str)] = &[
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

pub(super) async fn all(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<Relocation> = check
            .cx
            .tx
            .all(
                sql!("SELECT r.id, r.no, r.state, r.deadline, r.ended_at, r.open_path, o.path, f.path, (SELECT COUNT(*) FROM event e WHERE e.object = 'relocation' AND e.object_id = r.id), (SELECT COUNT(*) FROM relocation x WHERE x.open_path > r.open_path AND x.open_path < r.open_path || '~') FROM relocation r JOIN org o ON o.id = r.org_id JOIN org f ON f.id = r.old_parent WHERE r.id > $1 ORDER BY r.id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { return moves(check).await };
        let steps: Vec<Step> = check
            .cx
            .tx
            .all(
                sql!("SELECT relocation_id, no, verb, state FROM relocation_step WHERE relocation_id > $1 AND relocation_id <= $2 ORDER BY relocation_id, no"),
                args![after, last.id],
            )
            .await?;
        after = last.id;
        check.looked_at(found.len() + steps.len());
        for relocation in &found {
            let own: Vec<&Step> =
                steps.iter().filter(|s| s.relocation_id == relocation.id).collect();
            replay(check, relocation, &own);
            standing(check, relocation);
        }
    }
}

fn replay(check: &mut Check<'_>, r: &Relocation, steps: &[&Step]) {
    let key = format!("relocation {}", r.no);
    let mut state = "";
    for (at, step) in (1..).zip(steps) {
        check.same("I12", &key, "step", (at, step.no));
        if !EDGES.contains(&(state, step.verb.as_str(), step.state.as_str())) {
            let found = format!("{} to {}", step.verb, step.state);
            check.found("I12", &key, format!("a step that leads on from {state:?}"), found);
        }
        state = &step.state;
    }
    check.same("I12", &key, "state", (state, r.state.as_str()));
    let changes = i64::try_from(steps.len()).unwrap_or(0);
    // Those of the demonstration have no audit rows at all; a real one has one for every step.
    if r.events > 0 && r.events < changes {
        let found = r.events.to_string();
        check.found("I14", &key, format!("an event for each of {changes} steps"), found);
    }
}

fn standing(check: &mut Check<'_>, r: &Relocation) {
    let key = format!("relocation {}", r.no);
    if (r.ended_at.is_none()) != r.state.starts_with("pending_") {
        check.found("I12", &key, "an end in an ended state only", &r.state);
    }
    let Some(open) = &r.open_path else { return };
    check.same("copies", &key, "path", (r.path.as_str(), open.as_str()));
    if r.inside > 0 {
        check.found("I8", &key, "one open on a way up and down", format!("{} below", r.inside + 1));
    }
    let above = r.path.get(..r.path.len().saturating_sub(3));
    // The clockwork returns it within the hour when its superior is another one by now.
    if above != r.parent_path.as_deref() {
        check.found("I12", &key, "the present superior as the old one", "another one");
    }
    let now = check.cx.now();
    if r.deadline.is_some_and(|d| d + 2 * HOUR < now) {
        check.found("I12", &key, "ended at its deadline", &r.state);
    }
}

/// What every move carried, as the audit book tells: as much before as after.
async fn moves(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<(i64, i64, String)> = check
            .cx
            .tx
            .all(
                sql!("SELECT e.id, r.id, e.detail FROM relocation r JOIN event e ON e.object = 'relocation' AND e.object_id = r.id WHERE r.id > $1 AND r.state = 'done' AND e.kind = 'relocation.approved' ORDER BY r.id, e.id LIMIT $2"),
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
