//! Transfers: the steps replay to the state (I12), an ended one has its effect and an open one has
//! none, nothing waits past its deadline, and every step has its audit row (I14).

use super::{Check, PIECE};
use crate::{Result, clock::HOUR, keys::Place};
use db::{args, sql};

db::row! {
    struct Transfer {
        id: i64,
        no: String,
        variant: String,
        state: String,
        started_by: i64,
        deadline: Option<i64>,
        ended_at: Option<i64>,
        from_org: i64,
        from_path: String,
        to_org: i64,
        to_path: String,
        branch_id: Option<i64>,
        waits_for: Option<i64>,
        real_from: Option<String>,
        real_to: Option<String>,
        branch_category: Option<String>,
        member_org: Option<i64>,
        member_category: Option<String>,
        entered_at: Option<i64>,
        later: i64,
        events: i64,
        fields_ct: Option<Vec<u8>>,
    }
}

db::row! {
    struct Step {
        transfer_id: i64,
        no: i64,
        verb: String,
        state: String,
        actor_id: Option<i64>,
    }
}

/// The edges of D4, written down once more: from, verb, to.
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
];
/// Steps that leave the state as it is.
const STILL: &[&str] = &["remind", "urge", "pass"];

pub(super) async fn all(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<Transfer> = check
            .cx
            .tx
            .all(
                sql!("SELECT t.id, t.no, t.variant, t.state, t.started_by, t.deadline, t.ended_at, t.from_org, t.from_path, t.to_org, t.to_path, t.branch_id, t.waits_for, f.path, o.path, b.category, m.org_id, m.org_category, m.entered_at, (SELECT COUNT(*) FROM transfer l WHERE l.person_id = t.person_id AND l.state = 'done' AND l.ended_at > t.ended_at), (SELECT COUNT(*) FROM event e WHERE e.object = 'transfer' AND e.object_id = t.id), t.fields_ct FROM transfer t LEFT JOIN org f ON f.id = t.from_org LEFT JOIN org o ON o.id = t.to_org LEFT JOIN org b ON b.id = t.branch_id LEFT JOIN member m ON m.person_id = t.person_id WHERE t.id > $1 ORDER BY t.id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some(last) = found.last() else { return Ok(()) };
        let steps: Vec<Step> = check
            .cx
            .tx
            .all(
                sql!("SELECT transfer_id, no, verb, state, actor_id FROM transfer_step WHERE transfer_id > $1 AND transfer_id <= $2 ORDER BY transfer_id, no"),
                args![after, last.id],
            )
            .await?;
        after = last.id;
        check.looked_at(found.len() + steps.len());
        let mut steps = steps.as_slice();
        for transfer in found {
            let before = steps.iter().take_while(|s| s.transfer_id < transfer.id).count();
            steps = &steps[before..];
            let count = steps.iter().take_while(|s| s.transfer_id == transfer.id).count();
            let (own, rest) = steps.split_at(count);
            replay(check, &transfer, own);
            effect(check, &transfer);
            waiting(check, &transfer);
            steps = rest;
        }
    }
}

/// What is noted for taking decisions back fits these decisions.
pub(super) async fn undos(check: &mut Check<'_>) -> Result<()> {
    let rows: Vec<(String, String)> = check
        .cx
        .tx
        .all(
            sql!("SELECT t.no, t.state FROM transfer_undo u JOIN transfer t ON t.id = u.transfer_id WHERE u.version > t.version OR (u.version = t.version AND (t.state NOT IN ('done','pending_alloc') OR (t.state = 'done') <> (u.moved IS NOT NULL))) ORDER BY t.no LIMIT 1000"),
            &[],
        )
        .await?;
    for (no, state) in rows {
        check.found("I12", format!("transfer {no}"), "a way back that fits its state", state);
    }
    Ok(())
}

fn replay(check: &mut Check<'_>, transfer: &Transfer, steps: &[Step]) {
    let key = format!("transfer {}", transfer.no);
    let mut state = "";
    let mut changes = 0;
    for (at, step) in (1..).zip(steps) {
        check.same("I12", &key, "step", (at, step.no));
        if STILL.contains(&step.verb.as_str()) {
            continue;
        }
        changes += 1;
        if step.verb == "approve" && step.actor_id == Some(transfer.started_by) {
            check.found("I13", &key, "an approval by somebody else than the starter", "her own");
        }
        if !EDGES.contains(&(state, step.verb.as_str(), step.state.as_str())) {
            let found = format!("{} to {}", step.verb, step.state);
            check.found("I12", &key, format!("a step that leads on from {state:?}"), found);
        }
        state = &step.state;
    }
    check.same("I12", &key, "state", (state, transfer.state.as_str()));
    // Transfers of the generator have no audit rows at all; a real one has one for every step.
    if transfer.events > 0 && transfer.events < changes {
        let found = transfer.events.to_string();
        check.found("I14", &key, format!("an event for each of {changes} steps"), found);
    }
}

fn effect(check: &mut Check<'_>, t: &Transfer) {
    let key = format!("transfer {}", t.no);
    let open = t.ended_at.is_none();
    if open != t.state.starts_with("pending_") {
        check.found("I12", &key, "an end in an ended state only", &t.state);
    }
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
    let paths = [(&t.real_from, &t.from_path), (&t.real_to, &t.to_path)];
    for (real, stored) in paths {
        check.same("copies", &key, "path", (real.as_ref().unwrap_or(stored), stored));
    }
    if matches!(t.variant.as_str(), "V1" | "V2") && t.state == "pending_alloc" {
        check.found("I12", &key, "no allocation between branches", &t.state);
    }
    if open && t.waits_for != Some(t.to_org) && t.waits_for != Some(t.from_org) {
        check.found("I12", &key, "in the hands of one of the two sides", "another's");
    }
}

/// The clockwork sweeps every minute at least; two hours are its grace.
fn waiting(check: &mut Check<'_>, t: &Transfer) {
    let now = check.cx.now();
    if t.ended_at.is_none() && t.deadline.is_some_and(|d| d + 2 * HOUR < now) {
        check.found("I12", format!("transfer {}", t.no), "ended at its deadline", &t.state);
    }
}
