//! The rules of the house that the compiler can't hold: statements stand in `sql.rs`, writing ones
//! ask for a permit, rooms don't run in circles.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Where statements may stand besides `sql.rs`: what every room uses, the checks, the laboratory,
/// the generator of demonstrations, which fills whole tables.
const STATEMENTS: &[&str] = &[
    "marks.rs",
    "restore.rs",
    "house.rs",
    "events.rs",
    "files.rs",
    "idem.rs",
    "jobs.rs",
    "keyring.rs",
    "clockwork.rs",
    "read_only.rs",
    "messages.rs",
    "messages/",
    "fsck/",
    "testkit/",
    "demo/",
];

/// Functions that write without a permit, each with its reason.
const WITHOUT_PERMIT: &[(&str, &str)] = &[
    ("stats/", "counters follow from changes that had their own permit; the fold is repeatable"),
    (
        "health/",
        "what is wrong with an organisation follows from changes that had their own permit",
    ),
    ("users/", "signing in happens before anybody may do anything; noted as events instead"),
];

#[test]
fn statements_stand_in_sql_files() {
    let mut wrong = Vec::new();
    for (name, source) in sources() {
        let allowed = name.ends_with("sql.rs")
            || name.contains("/sql/")
            || STATEMENTS.iter().any(|s| name.starts_with(s));
        if !allowed && code_of(&source).contains(concat!("sq", "l!(")) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "move the statements of {wrong:?} into the room's sql.rs");
}

#[test]
fn a_function_that_writes_asks_for_a_permit() {
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for (name, source) in sources() {
        if !(name.ends_with("sql.rs") || name.contains("/sql/")) {
            continue;
        }
        for function in code_of(&source).split("fn ").skip(1) {
            let body = function.split("#[cfg(test)]").next().unwrap_or_default();
            looked_at += 1;
            let head = body.split('{').next().unwrap_or_default();
            let writes = ["INSERT", "UPDATE", "DELETE"]
                .iter()
                .any(|verb| body.contains(&format!("{}(\"{verb}", concat!("sq", "l!"))));
            let spaced: String = body.split_whitespace().collect::<Vec<_>>().join("");
            let writes = writes
                || ["INSERT", "UPDATE", "DELETE"]
                    .iter()
                    .any(|verb| spaced.contains(&format!("{}(\"{verb}", concat!("sq", "l!"))));
            let excused = WITHOUT_PERMIT.iter().any(|(room, _)| name.starts_with(room));
            if writes && !head.contains("&Permit") && !excused {
                let called = head.split('(').next().unwrap_or_default();
                wrong.push(format!("{name}: {called}"));
            }
        }
    }
    assert!(looked_at > 3, "no functions were found: the test has lost its object");
    assert!(wrong.is_empty(), "these write without `&Permit`: {wrong:#?}");
}

#[test]
fn rooms_do_not_run_in_circles() {
    let rooms = rooms();
    assert!(rooms.contains("orgs"), "no rooms were found: the test has lost its object");
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, source) in sources() {
        let Some(room) = name.split('/').next().filter(|r| rooms.contains(*r)) else { continue };
        // A check, a test and the demonstration may look into every room.
        if matches!(room, "fsck" | "testkit" | "demo") {
            continue;
        }
        let code = code_of(&source);
        for other in rooms.iter().filter(|o| *o != room) {
            if calls_into(&code, other) {
                edges.entry(room.to_owned()).or_default().insert(other.clone());
            }
        }
    }
    for room in &rooms {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&String> = edges.get(room).into_iter().flatten().collect();
        while let Some(next) = open.pop() {
            assert_ne!(next, room, "the room `{room}` calls itself in a circle: {edges:#?}");
            if seen.insert(next) {
                open.extend(edges.get(next).into_iter().flatten());
            }
        }
    }
}

#[test]
fn the_driver_is_known_to_the_db_crate_alone() {
    for (name, source) in sources() {
        let code = code_of(&source);
        assert!(!code.contains("sqlx"), "{name} knows the driver: ask `db` instead");
    }
}

/// Whether the code uses a function or a module of `room`; types travel freely.
fn calls_into(code: &str, room: &str) -> bool {
    let start = format!("{room}::");
    code.match_indices(&start).any(|(at, _)| {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        // A table of the rules may have a room's name.
        if before.is_alphanumeric() || before == '_' || code[..at].ends_with("rules::") {
            return false;
        }
        let rest = &code[at + start.len()..];
        let items = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default(),
            None => rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""),
        };
        items.split(',').map(str::trim).any(|i| i.starts_with(|c: char| c.is_ascii_lowercase()))
    })
}

fn rooms() -> BTreeSet<String> {
    // The rules are no room: they have neither statements nor state.
    fs::read_dir(src())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.ends_with("rules"))
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file of the crate by its path below `src`, with its text.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(&src(), &mut found);
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(src()).unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The source without its comment lines.
fn code_of(source: &str) -> String {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}
