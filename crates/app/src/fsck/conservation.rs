//! I24, conservation of people: everybody has come in by an act that the book tells, nobody is gone
//! without one, and whoever was taken back is gone. Transfers, moves and closings make and end
//! nobody, because they write no such act.

use super::{Check, PIECE};
use crate::{Result, people};
use db::{args, sql};
use std::collections::HashSet;

/// What the book tells: ids, eight bytes for each person that came in one by one or by import.
#[derive(Default)]
struct Told {
    came: HashSet<i64>,
    went: HashSet<i64>,
}

/// Everybody who is there against everybody who came and went.
pub(super) async fn all(check: &mut Check<'_>) -> Result<()> {
    let mut told = Told::default();
    read_book(check, &mut told).await?;
    // Whoever was planted before (the demonstration) is in no book.
    let planted = people::planted_until(&mut check.cx).await?;
    let mut after = i64::MIN;
    loop {
        let found: Vec<(i64, String, i64)> = check
            .cx
            .tx
            .all(
                sql!("SELECT id, code, created_at FROM person WHERE id > $1 ORDER BY id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some((last, ..)) = found.last() else { break };
        after = *last;
        for (id, code, created) in found {
            let key = format!("person {code}");
            if !told.came.remove(&id) && created > planted {
                check.found("I24", &key, "an event by which she came in", "none");
            }
            if told.went.contains(&id) {
                check.found("I24", key, "gone: the import was taken back", "there");
            }
        }
    }
    let mut gone: Vec<i64> = told.came.difference(&told.went).copied().collect();
    gone.sort_unstable();
    for id in gone {
        check.found("I24", format!("person {id}"), "there, or an event by which she went", "gone");
    }
    Ok(())
}

async fn read_book(check: &mut Check<'_>, told: &mut Told) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let found: Vec<(i64, String, Option<i64>, String)> = check
            .cx
            .tx
            .all(
                sql!("SELECT id, kind, person_id, detail FROM event WHERE id > $1 AND kind IN ('member.added','members.added','person.made','import.undone') ORDER BY id LIMIT $2"),
                args![after, PIECE],
            )
            .await?;
        let Some((last, ..)) = found.last() else { return Ok(()) };
        after = *last;
        for (_, kind, person, detail) in found {
            match kind.as_str() {
                "members.added" => told.came.extend(named(&detail)),
                "import.undone" => told.went.extend(named(&detail)),
                _ => told.came.extend(person),
            }
        }
    }
}

/// The people whom an event names.
fn named(detail: &str) -> Vec<i64> {
    let detail: serde_json::Value = serde_json::from_str(detail).unwrap_or_default();
    let people = detail["people"].as_array().into_iter().flatten();
    people.filter_map(|id| id.as_str()?.parse().ok()).collect()
}
