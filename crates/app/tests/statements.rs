//! Every `sql!("…")` of the house, prepared on every engine against the migrated schema: what
//! compile-time checking would do if it could serve two engines. And its plan: none walks a table.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where a statement stands and what it says.
struct Found {
    place: String,
    text: String,
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let found = all_statements();
    assert!(found.len() > 30, "the reader of marks found only {}", found.len());
    let lab = app::testkit::fresh().await;
    let db = lab.house.db();
    let mut wrong = Vec::new();
    for statement in &found {
        let (text, _) = db::expand(&statement.text.clone().into(), db.engine());
        let mut tx = db.write().await.unwrap();
        if let Err(e) = tx.prepare(text.to_string()).await {
            wrong.push(format!("{}: {e}\n    {}", statement.place, statement.text));
        }
    }
    assert!(wrong.is_empty(), "{} statements are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Where walking is the work (checking everything, counting anew, reencrypting, making and testing).
const WALKERS: [&str; 6] =
    ["/fsck/", "/recount.rs", "/rekey.rs", "/demo/", "/testkit/", "crates/bench/"];
/// Tables that stay small however large the nation is: `key_node` has a row for each running program,
/// `migration` one for each file.
const SMALL: [&str; 7] =
    ["operator", "rule_change", "proposal", "key_node", "migration", "channel", "lease"];
/// Statements that read an index or a table from one end and stop at their bound, by their beginning.
const STOPPING: [&str; 12] = [
    // The newest of the jobs that were set aside, by their own index.
    "SELECT j.id, j.kind, j.attempts, j.error, j.created_at, COALESCE(j.ended_at, j.created_at), o.short_name FROM job j",
    // What was written in the last seconds.
    "SELECT e.id, e.at, e.actor_id, e.actor, e.acting_org, e.kind, e.object, e.object_id, e.org_path, e.person_id, e.detail, e.request_id, e.mac FROM event_unsealed",
    // The newest of each.
    "SELECT seq, hash FROM seal ORDER BY seq DESC LIMIT 1",
    "SELECT person_id FROM account LIMIT 1",
    "SELECT id FROM event ORDER BY id LIMIT 1",
    // What waits, from one end of its own index.
    "SELECT u.event_id FROM event_unsealed u LEFT JOIN",
    "UPDATE reg_code SET state = 'revoked', ended_at = $1 WHERE org_id IN (SELECT org_id FROM reg_code WHERE state = 'waiting' ORDER BY org_id LIMIT",
    "UPDATE outbox SET state = 'failed' WHERE $1 >= 0 AND id IN (SELECT id FROM outbox WHERE state = 'waiting' ORDER BY channel",
    // By age, and the old ones go at once.
    "DELETE FROM delta WHERE id IN (SELECT id FROM delta WHERE at < $1 ORDER BY id",
    "SELECT id, from_path, to_path FROM path_move WHERE NOT done ORDER BY id LIMIT 1",
    // "A thousand or more" of what an operator's change of a figure touches.
    "SELECT COUNT(*) FROM (SELECT 1 FROM import WHERE state IN",
    "SELECT COUNT(*) FROM (SELECT 1 FROM message LIMIT",
];

/// What has a plan; the rest (`SET`, `LOCK`) has none.
const PLANNED: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];

#[tokio::test]
async fn no_statement_walks_a_table_that_grows() {
    let lab = app::testkit::fresh().await;
    let db = lab.house.db();
    let mut walking = Vec::new();
    for statement in all_statements() {
        let place = statement.place.replace('\\', "/");
        if WALKERS.iter().any(|part| place.contains(part))
            || STOPPING.iter().any(|begins| statement.text.starts_with(begins))
            || !PLANNED.iter().any(|verb| statement.text.starts_with(verb))
        {
            continue;
        }
        let (text, _) = db::expand(&statement.text.clone().into(), db.engine());
        let walked = match db.engine() {
            db::Engine::Sqlite => walked_on_sqlite(db, &text).await,
            db::Engine::Postgres => walked_on_postgres(db, &text).await,
        };
        let walked = walked.into_iter().filter(|table| !SMALL.contains(&table.as_str()));
        walking.extend(walked.map(|table| format!("{place} walks {table}: {}", statement.text)));
    }
    assert!(walking.is_empty(), "{} statements:\n{}", walking.len(), walking.join("\n"));
}

/// The tables of which SQLite's plan reads every row, or every row of an index.
async fn walked_on_sqlite(db: &db::Db, text: &str) -> Vec<String> {
    let mut tx = db.read().await.unwrap();
    let plan: Vec<(i64, i64, i64, String)> =
        tx.all(db::Sql::built(format!("EXPLAIN QUERY PLAN {text}")), &[]).await.unwrap();
    let scanned = plan.iter().filter_map(|(.., line)| line.strip_prefix("SCAN "));
    let scanned =
        scanned.filter(|line| !line.contains("VIRTUAL TABLE") && !line.starts_with("CONSTANT"));
    let tables = scanned.filter_map(|line| table_of(text, line.split(' ').next()?));
    let mut walked = Vec::new();
    for table in tables {
        let known =
            db::sql!("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1");
        let (known,): (i64,) = tx.one(known, db::args![&table]).await.unwrap();
        walked.extend((known > 0).then_some(table));
    }
    walked
}

/// The table that goes by `name` in a statement; none for a derived one.
fn table_of(text: &str, name: &str) -> Option<String> {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '(')
        .filter(|w| !w.is_empty())
        .collect();
    words.windows(2).find_map(|pair| {
        let begins = ["FROM", "JOIN", "INTO", "UPDATE"].contains(&pair[0].trim_start_matches('('));
        let at = words.iter().position(|w| std::ptr::eq(*w, pair[1]))?;
        let alias = words.get(at + 1).filter(|w| **w != "AS").or(words.get(at + 2));
        let named = pair[1] == name || alias.is_some_and(|alias| *alias == name);
        (begins && named && !pair[1].starts_with('(')).then(|| pair[1].to_owned())
    })
}

/// The same of PostgreSQL, which is told to walk only where there is no other way.
async fn walked_on_postgres(db: &db::Db, text: &str) -> Vec<String> {
    let values = (1..=40).rev().find(|n| text.contains(&format!("${n}"))).unwrap_or(0);
    let mut tx = db.write().await.unwrap();
    let mut run = async |text: String| {
        let lines: Vec<(String,)> = tx.all(db::Sql::built(text), &[]).await.unwrap();
        lines
    };
    run("SET LOCAL enable_seqscan = off".into()).await;
    run(format!("PREPARE plan_of AS {text}")).await;
    let nothing =
        if values == 0 { String::new() } else { format!("({})", vec!["NULL"; values].join(", ")) };
    let plan = run(format!("EXPLAIN EXECUTE plan_of{nothing}")).await;
    run("DEALLOCATE plan_of".into()).await;
    let scanned = plan.iter().filter_map(|(line,)| line.split_once("Seq Scan on "));
    scanned.filter_map(|(_, rest)| Some(rest.split(' ').next()?.to_owned())).collect()
}

#[test]
fn a_statement_tells_which_table_goes_by_a_name() {
    let text = "SELECT 1 FROM event_unsealed u JOIN event AS e ON e.id = u.id WHERE x IN (SELECT t.y FROM (SELECT 1) AS t)";
    assert_eq!(table_of(text, "u").as_deref(), Some("event_unsealed"));
    assert_eq!(table_of(text, "e").as_deref(), Some("event"));
    assert_eq!(table_of(text, "event").as_deref(), Some("event"));
    assert_eq!(table_of(text, "t"), None);
}

#[test]
fn the_reader_finds_plain_continued_and_raw_literals_and_skips_comments() {
    let mark = concat!("sq", "l!");
    let source = format!(
        "a({mark}(\"SELECT \\\"x\\\" \\\n   FROM t\"))\n// {mark}(\"no\")\nb({mark}(\n  r#\"SELECT 'y'\"#))"
    );
    let texts: Vec<String> = statements_in(&source).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["SELECT \"x\" FROM t", "SELECT 'y'"]);
}

fn all_statements() -> Vec<Found> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for house in fs::read_dir(crates).unwrap() {
        for file in sources(&house.unwrap().path().join("src")) {
            let source = fs::read_to_string(&file).unwrap();
            for (line, text) in statements_in(&source) {
                found.push(Found { place: format!("{}:{line}", file.display()), text });
            }
        }
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path) } else { vec![path] }
        })
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}

/// The literals behind the mark, with their line numbers.
fn statements_in(source: &str) -> Vec<(usize, String)> {
    let mark = concat!("sq", "l!(");
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = source[from..].find(mark) {
        let at = from + at;
        from = at + mark.len();
        let line_start = source[..at].rfind('\n').map_or(0, |n| n + 1);
        if source[line_start..at].trim_start().starts_with("//") {
            continue;
        }
        if let Some(text) = literal(source[from..].trim_start()) {
            found.push((source[..at].matches('\n').count() + 1, text));
        }
    }
    found
}

/// The string literal that `source` begins with, as the compiler reads it.
fn literal(source: &str) -> Option<String> {
    if let Some(raw) = source.strip_prefix('r') {
        let hashes = raw.chars().take_while(|c| *c == '#').count();
        let end = format!("\"{}", "#".repeat(hashes));
        let body = raw[hashes..].strip_prefix('"')?;
        return body.split(&end).next().map(str::to_owned);
    }
    let mut chars = source.strip_prefix('"')?.chars().peekable();
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => match chars.next()? {
                '\n' => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                'n' => text.push('\n'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}
