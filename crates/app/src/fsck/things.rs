//! What carries the business: sessions (I17), kept answers (I18), imports (I16, I19), files (I23),
//! jobs, and the audit book (I15).

use super::{Check, PIECE, places};
use crate::{
    Result,
    clock::HOUR,
    events::{self, Fault, Seal},
    keys::Place,
    rules::Rules,
};
use db::{args, sql};

/// I17: a session belongs to an account and lives no longer than its absolute limit; so do tokens.
pub(super) async fn sessions(check: &mut Check<'_>) -> Result<()> {
    let longest = Rules::builtin().policy.session.absolute_hours * HOUR;
    let found: Vec<(i64, Option<i64>, i64, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT s.id, a.person_id, s.expires_at - s.created_at, s.seen_at - s.created_at FROM session s LEFT JOIN account a ON a.person_id = s.person_id WHERE a.person_id IS NULL OR s.expires_at - s.created_at > $1 OR s.seen_at < s.created_at OR s.seen_at > s.expires_at ORDER BY s.id LIMIT 1000"),
            args![longest],
        )
        .await?;
    for (id, account, lives, _) in found {
        let key = format!("session {id}");
        if account.is_none() {
            check.found("I17", key, "an account", "none");
        } else if lives > longest {
            check.found("I17", key, format!("at most {longest} ms"), lives.to_string());
        } else {
            check.found("I17", key, "seen between its beginning and its end", "otherwise");
        }
    }
    let tokens: Vec<(i64,)> = check
        .cx
        .tx
        .all(
            sql!("SELECT t.id FROM token t LEFT JOIN account a ON a.person_id = t.person_id WHERE a.person_id IS NULL ORDER BY t.id LIMIT 1000"),
            &[],
        )
        .await?;
    for (id,) in tokens {
        check.found("I17", format!("token {id}"), "an account", "none");
    }
    answers(check).await
}

/// I18: one kept answer for each form of somebody, and an answer in it.
async fn answers(check: &mut Check<'_>) -> Result<()> {
    let found: Vec<(String, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT actor, COUNT(*) FROM idem GROUP BY actor, key HAVING COUNT(*) > 1 OR MIN(answer) = '' ORDER BY actor LIMIT 1000"),
            &[],
        )
        .await?;
    for (actor, count) in found {
        check.found("I18", format!("forms of {actor}"), "one answer a form", count.to_string());
    }
    Ok(())
}

db::row! {
    struct Import {
        id: i64,
        kind: String,
        state: String,
        rows: i64,
        ready: i64,
        to_fix: i64,
        warned: i64,
        skipped: i64,
        imported: i64,
        failed: i64,
        ended_at: Option<i64>,
    }
}

/// I19: an import's counters are those of its rows, and every row of an ended one has a result.
pub(super) async fn imports(check: &mut Check<'_>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<Import> = check
            .cx
            .tx
            .all(
                sql!("SELECT id, kind, state, rows, ready, to_fix, warned, skipped, imported, failed, ended_at FROM import WHERE id > $1 ORDER BY id LIMIT 200"),
                args![after],
            )
            .await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.id;
        check.looked_at(found.len());
        for import in found {
            let counted: Vec<(String, i64)> = check
                .cx
                .tx
                .all(
                    sql!(
                        "SELECT state, COUNT(*) FROM import_row WHERE import_id = $1 GROUP BY state"
                    ),
                    args![import.id],
                )
                .await?;
            one_import(check, &import, &counted);
            let (orgs, mapping) = (import.kind == "orgs", import.state == "mapping");
            places::of(check, import.id, orgs, mapping).await?;
            if check.deep {
                cells(check, import.id).await?;
            }
        }
    }
}

fn one_import(check: &mut Check<'_>, import: &Import, counted: &[(String, i64)]) {
    let key = format!("import {}", import.id);
    let of = |state: &str| counted.iter().find(|(s, _)| s == state).map_or(0, |(_, n)| *n);
    check.same("I19", &key, "rows", (counted.iter().map(|(_, n)| n).sum(), import.rows));
    // While columns are being mapped the rows have not been judged.
    if import.state == "mapping" {
        return;
    }
    let counters = [
        ("ready", of("ready") + of("warned"), import.ready),
        ("to_fix", of("to_fix"), import.to_fix),
        ("warned", of("warned"), import.warned),
        ("skipped", of("skipped") + of("handed"), import.skipped),
        ("imported", of("imported"), import.imported),
        ("failed", of("failed"), import.failed),
    ];
    for (what, expected, found) in counters {
        check.same("I19", &key, what, (expected, found));
    }
    let over = matches!(import.state.as_str(), "done" | "undone");
    let open = of("ready") + of("warned") + of("to_fix");
    if over && open > 0 {
        check.found("I19", &key, "a result for every row", format!("{open} without"));
    }
    // One that goes on after a first commit keeps the time of that.
    if over && import.ended_at.is_none() {
        check.found("I19", key, "the time of its end", "none");
    }
}

/// I16: the cells of an import open in their place. Old ones have been emptied.
async fn cells(check: &mut Check<'_>, import: i64) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<(i64, Vec<u8>)> = check
            .cx
            .tx
            .all(
                sql!("SELECT row_no, cells_ct FROM import_row WHERE import_id = $1 AND row_no > $2 ORDER BY row_no LIMIT $3"),
                args![import, after, PIECE],
            )
            .await?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = *last;
        let house = check.cx.house().clone();
        for (no, sealed) in found.into_iter().filter(|(_, sealed)| !sealed.is_empty()) {
            // A row has no id of its own: import and number together make one.
            let place = Place { column: "import_row.cells_ct", row: import.rotate_left(20) ^ no };
            if let Err(e) = house.keys().unseal(place, &sealed) {
                let key = format!("row {no} of import {import}");
                check.found("I16", key, "cells_ct opens", e.to_string());
            }
        }
    }
}

/// I23: every file has its pieces, every piece its file, every file of a job its job.
pub(super) async fn files(check: &mut Check<'_>) -> Result<()> {
    let found: Vec<(i64, i64, i64, Option<i64>)> = check
        .cx
        .tx
        .all(
            sql!("SELECT f.id, f.size, CAST(COALESCE((SELECT SUM(LENGTH(p.bytes)) FROM file_piece p WHERE p.file_id = f.id), 0) AS BIGINT), CASE WHEN f.job_id = 0 THEN 0 ELSE j.id END FROM file f LEFT JOIN job j ON j.id = f.job_id ORDER BY f.id LIMIT 100000"),
            &[],
        )
        .await?;
    check.looked_at(found.len());
    for (id, size, stored, job) in found {
        let key = format!("file {id}");
        check.same("I23", &key, "bytes", (size, stored));
        if job.is_none() {
            check.found("I23", key, "the job that made it", "none");
        }
    }
    let pieces: Vec<(i64, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT p.file_id, COUNT(*) FROM file_piece p LEFT JOIN file f ON f.id = p.file_id WHERE f.id IS NULL GROUP BY p.file_id ORDER BY p.file_id LIMIT 1000"),
            &[],
        )
        .await?;
    for (id, count) in pieces {
        check.found(
            "I23",
            format!("file {id}"),
            "a file for its pieces",
            format!("{count} orphans"),
        );
    }
    Ok(())
}

/// Jobs are in one of four states, each with what belongs to it.
pub(super) async fn jobs(check: &mut Check<'_>) -> Result<()> {
    let found: Vec<(i64, String)> = check
        .cx
        .tx
        .all(
            sql!("SELECT id, state FROM job WHERE (state IN ('done','failed','dropped')) <> (ended_at IS NOT NULL) OR (state = 'running') <> (owner IS NOT NULL) OR (state = 'running' AND attempts < 1) OR done < 0 OR (total > 0 AND done > total) OR state NOT IN ('waiting','running','done','failed','dropped') ORDER BY id LIMIT 1000"),
            &[],
        )
        .await?;
    for (id, state) in found {
        check.found("jobs", format!("job {id}"), format!("what belongs to {state}"), "otherwise");
    }
    let twins: Vec<(String, i64)> = check
        .cx
        .tx
        .all(
            sql!("SELECT kind, COUNT(*) FROM job WHERE unique_key IS NOT NULL AND state IN ('waiting','running') GROUP BY kind, unique_key HAVING COUNT(*) > 1 ORDER BY kind LIMIT 1000"),
            &[],
        )
        .await?;
    for (kind, count) in twins {
        check.found("jobs", format!("jobs {kind}"), "one of a key", count.to_string());
    }
    Ok(())
}

/// I15: the audit book.
pub(super) async fn book(check: &mut Check<'_>, noted: Option<Seal>) -> Result<()> {
    let (count, faults) = events::verify_in(&mut check.cx, noted).await?;
    check.looked_at(usize::try_from(count).unwrap_or(0));
    for fault in faults {
        let (key, found) = match fault {
            Fault::Forged { event } => (format!("event {event}"), "forged"),
            Fault::Deleted { event, .. } => (format!("event {event}"), "deleted"),
            Fault::Broken { seq } => (format!("seal {seq}"), "broken"),
            Fault::Unlinked { event } => (format!("event {event}"), "not in the chain"),
            Fault::Vanished { event } => (format!("event {event}"), "deleted"),
            Fault::CutOff { seq, .. } => (format!("seal {seq}"), "cut off behind it"),
        };
        check.found("I15", key, "as it was written", found);
    }
    Ok(())
}
