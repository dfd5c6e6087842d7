//! The steps of `cargo xtask test`, one function each, in the order in which they run. A step
//! whose test files are not in the tree fails: what is promised must be there.

use crate::pooler::Pooler;
use crate::run::{cargo, command, env, on_path, root, shown, speak, target};
use crate::setup;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a step asks of the machine before it can run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Need {
    /// node_modules as the lock file says.
    Assets,
    /// PostgreSQL, Chromium, a CJK font, LibreOffice.
    Packages,
    /// Python with the workbook libraries.
    Python,
    /// A running PostgreSQL server.
    Postgres,
}

/// What has been prepared for the steps.
#[derive(Default)]
pub(crate) struct Ground {
    /// Address of the PostgreSQL server, superuser, database `postgres`.
    pub(crate) postgres: Option<String>,
    /// The interpreter of target/venv.
    pub(crate) python: Option<PathBuf>,
}

/// How a step ended when it did not fail.
pub(crate) enum Outcome {
    /// With the closing lines of its test runners.
    Passed(Vec<String>),
    /// With the reason.
    Skipped(&'static str),
}

/// One line of the list.
pub(crate) struct Step {
    /// As in `--only NAME`.
    pub(crate) name: &'static str,
    /// One line for people.
    pub(crate) what: &'static str,
    /// Prepared before the first step runs.
    pub(crate) needs: &'static [Need],
    /// Does it.
    pub(crate) run: fn(&Ground) -> Result<Outcome>,
}

/// Everything that CI runs.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "fmt", what: "formatting", needs: &[], run: fmt },
    Step { name: "clippy", what: "lint law, whole workspace", needs: &[Need::Assets], run: clippy },
    Step { name: "build", what: "the program and all tests", needs: &[Need::Assets], run: build },
    Step { name: "sqlite", what: "all tests on SQLite", needs: &[Need::Assets], run: sqlite },
    Step { name: "doc", what: "examples in the documentation", needs: &[Need::Assets], run: doc },
    Step {
        name: "postgres",
        what: "tests on PostgreSQL",
        needs: &[Need::Assets, Need::Packages, Need::Postgres],
        run: postgres,
    },
    Step {
        name: "serializable",
        what: "tests on PostgreSQL at SERIALIZABLE",
        needs: &[Need::Assets, Need::Packages, Need::Postgres],
        run: serializable,
    },
    Step {
        name: "nodes",
        what: "two nodes behind pgbouncer with TLS",
        needs: &[Need::Assets, Need::Packages],
        run: nodes,
    },
    Step {
        name: "workbooks",
        what: "workbooks written by other programs",
        needs: &[Need::Assets, Need::Packages, Need::Python],
        run: workbooks,
    },
    Step {
        name: "browser",
        what: "a real browser walks the main jobs",
        needs: &[Need::Assets, Need::Packages],
        run: browser,
    },
    Step {
        name: "kill",
        what: "kill -9 over imports, 50 times on SQLite, 10 on PostgreSQL",
        needs: &[Need::Assets, Need::Packages, Need::Postgres],
        run: kill,
    },
    Step { name: "deny", what: "licences and sources of crates", needs: &[], run: deny },
    Step { name: "machete", what: "crates that nobody uses", needs: &[], run: machete },
];

/// `cargo fmt --check` over the workspace.
pub(crate) fn fmt(_: &Ground) -> Result<Outcome> {
    passed(cargo().args(["fmt", "--all", "--check"]))
}

/// Clippy over every target with warnings as errors.
pub(crate) fn clippy(_: &Ground) -> Result<Outcome> {
    passed(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// The unit tests of every crate (rules included) and the house tests: quick, on SQLite.
pub(crate) fn rules(_: &Ground) -> Result<Outcome> {
    let mut cmd = cargo();
    cmd.args(["test", "--quiet", "--workspace", "--exclude", "xtask", "--lib"]);
    if test_file("house").is_ok() {
        cmd.args(["--test", "house"]);
    }
    passed(&mut cmd)
}

/// The program, together with the tests: built alone it would choose other features for shared
/// crates, and everything would be compiled twice.
fn build(_: &Ground) -> Result<Outcome> {
    passed(cargo().args(["build", "--workspace", "--all-targets"]))
}

fn sqlite(_: &Ground) -> Result<Outcome> {
    passed(&mut tests(&[]))
}

fn doc(_: &Ground) -> Result<Outcome> {
    passed(cargo().args(["test", "--quiet", "--workspace", "--doc"]))
}

fn postgres(ground: &Ground) -> Result<Outcome> {
    passed(&mut on_postgres(ground, tests(WITHOUT_DATABASE)))
}

fn serializable(ground: &Ground) -> Result<Outcome> {
    let mut cmd = on_postgres(ground, tests(WITHOUT_DATABASE));
    // Isolation decides about transactions that meet. What walks every page alone has been seen by
    // the two runs before, and would take a fifth of this one.
    if on_path("cargo-nextest") {
        cmd.args(["-E", &format!("not test(/^({})::/)", WALKS.join("|"))]);
    } else {
        cmd.arg("--").args(WALKS.iter().flat_map(|walk| ["--skip", walk]));
    }
    passed(cmd.env("TUANJIAN_TEST_ISOLATION", "serializable"))
}

/// Tests of this step are those in `tests/nodes.rs`, ignored elsewhere: they need the pooler.
fn nodes(_: &Ground) -> Result<Outcome> {
    test_file("nodes")?;
    let pooler = Pooler::start()?;
    let mut cmd = cargo();
    cmd.args(["test", "--workspace", "--test", "nodes", "--", "--ignored", "--nocapture"]);
    plain(&mut cmd);
    passed(cmd.env("TUANJIAN_POOLER_URL", pooler.url()))
}

/// Tests of this step are those in `tests/others.rs` of a crate, or with `others` in their name;
/// they find the workbooks in the folder named by `TUANJIAN_OTHERS`.
fn workbooks(ground: &Ground) -> Result<Outcome> {
    let script = root().join("crates/sheet/tests/others.py");
    if !script.exists() {
        bail!("crates/sheet/tests/others.py is not in the tree");
    }
    let folder = target().join("others");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder)?;
    let Some(python) = &ground.python else { bail!("Python has not been prepared") };
    passed(command(python).arg(script).arg(&folder))?;
    let mut cmd = match test_file("others") {
        Ok(_) => one_file("others"),
        Err(_) => named("others"),
    };
    let outcome = passed(cmd.env("TUANJIAN_OTHERS", folder))?;
    match &outcome {
        Outcome::Passed(closing) if crate::suite::counts(closing).starts_with("0 passed") => {
            bail!("no test reads the workbooks of others")
        }
        _ => Ok(outcome),
    }
}

fn browser(ground: &Ground) -> Result<Outcome> {
    let files = browser_tests(&root().join("tests/browser"));
    if files.is_empty() {
        bail!("tests/browser holds no *.test.mjs");
    }
    build(ground)?;
    let mut cmd = command("node");
    // One file after the other: each starts its own program and browser, on two cores.
    cmd.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]);
    passed(cmd.args(files).env("TUANJIAN_BIN", program()))
}

fn kill(ground: &Ground) -> Result<Outcome> {
    test_file("kill")?;
    let cycles: u32 = env("TUANJIAN_KILL_CYCLES").and_then(|n| n.parse().ok()).unwrap_or(50);
    let mut closing = Vec::new();
    // In two runs, each on a database of its own: fsck after every shot reads all that is there.
    for some in [cycles / 2, cycles - cycles / 2] {
        let mut cmd = one_file("kill");
        if let Outcome::Passed(more) = passed(cmd.env("TUANJIAN_KILL_CYCLES", some.to_string()))? {
            closing.extend(more);
        }
    }
    // A fifth there: the program is the same, and PostgreSQL's own recovery is not ours to test.
    let on_pg_cycles = cycles.div_ceil(5).to_string();
    let mut on_pg = on_postgres(ground, one_file("kill"));
    if let Outcome::Passed(more) = passed(on_pg.env("TUANJIAN_KILL_CYCLES", on_pg_cycles))? {
        closing.extend(more);
    }
    Ok(Outcome::Passed(closing))
}

fn deny(_: &Ground) -> Result<Outcome> {
    let Some(deny) = setup::cargo_tool("cargo-deny", "0.20.2") else {
        return Ok(Outcome::Skipped("cargo-deny could not be installed"));
    };
    // Advisories need a fresh copy of their database: CONTRIBUTING.md says when to ask them.
    passed(command(deny).args(["check", "bans", "licenses", "sources"]))
}

fn machete(_: &Ground) -> Result<Outcome> {
    let Some(machete) = setup::cargo_tool("cargo-machete", "0.9.2") else {
        return Ok(Outcome::Skipped("cargo-machete could not be installed"));
    };
    // With this variable it takes itself for called by cargo, and its first word for its own name.
    passed(command(machete).env_remove("CARGO"))
}

/// Parts of the front tests in which one visitor walks over every page.
const WALKS: &[&str] = &["doors", "faces", "guessing", "safety", "texts"];

/// Crates whose tests never open a database, left out of the second and third run.
const WITHOUT_DATABASE: &[&str] = &["sheet", "assets", "xtask"];

/// All tests of the workspace but those of the named crates. One selection of features for every
/// run, so that nothing is compiled twice.
fn tests(without: &[&str]) -> Command {
    let mut cmd = cargo();
    if on_path("cargo-nextest") {
        cmd.args(["nextest", "run", "--status-level=slow"]);
    } else {
        cmd.args(["test", "--tests", "--quiet"]);
    }
    cmd.args(["--workspace", "--no-fail-fast"]);
    for name in without {
        cmd.args(["--exclude", name]);
    }
    plain(&mut cmd);
    cmd
}

fn one_file(name: &str) -> Command {
    let mut cmd = cargo();
    cmd.args(["test", "--workspace", "--test", name, "--", "--nocapture"]);
    plain(&mut cmd);
    cmd
}

fn named(part: &str) -> Command {
    let mut cmd = cargo();
    cmd.args(["test", "--workspace", "--tests", "--quiet", part]);
    plain(&mut cmd);
    cmd
}

/// The ordinary runs are on SQLite and try a few kill cycles only, whatever the caller's shell says.
fn plain(cmd: &mut Command) {
    cmd.env_remove("TUANJIAN_TEST_DB").env_remove("TUANJIAN_TEST_ISOLATION");
    cmd.env("TUANJIAN_KILL_CYCLES", "3").env("TUANJIAN_BIN", program());
}

fn on_postgres(ground: &Ground, mut cmd: Command) -> Command {
    cmd.env("TUANJIAN_TEST_DB", "postgres");
    cmd.env("TUANJIAN_TEST_PG", ground.postgres.as_deref().unwrap_or_default());
    cmd
}

fn program() -> PathBuf {
    target().join("debug/tuanjian")
}

/// Finds `tests/NAME.rs` or `tests/NAME/main.rs` of whichever crate has it.
fn test_file(name: &str) -> Result<PathBuf> {
    let crates = std::fs::read_dir(root().join("crates"))?;
    let found = crates
        .flatten()
        .map(|c| c.path().join("tests"))
        .flat_map(|tests| [tests.join(format!("{name}.rs")), tests.join(name).join("main.rs")])
        .find(|path| path.exists());
    found.ok_or_else(|| anyhow::anyhow!("no crate has tests/{name}.rs"))
}

fn browser_tests(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    files
}

fn passed(cmd: &mut Command) -> Result<Outcome> {
    let told = speak(cmd)?;
    if told.ok {
        return Ok(Outcome::Passed(told.closing));
    }
    let counts = crate::suite::counts(&told.closing);
    bail!("`{}` failed{}{counts}", shown(cmd), if counts.is_empty() { "" } else { ": " })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_names_are_unique_and_whoever_needs_a_server_also_installs_it() {
        for (i, step) in STEPS.iter().enumerate() {
            assert!(STEPS[i + 1..].iter().all(|other| other.name != step.name));
            if step.needs.contains(&Need::Postgres) {
                assert!(step.needs.contains(&Need::Packages), "{}", step.name);
            }
        }
    }
}
