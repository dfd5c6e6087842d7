//! Every `sql!("…")` of the house, prepared on every engine against the migrated schema: what
//! compile-time checking would do if it could serve two engines.

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
