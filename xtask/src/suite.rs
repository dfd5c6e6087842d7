//! Runs lists of steps: prepares what they need, runs all of them even when one fails, and sums
//! up with times. `check` is the quick list, `test` the list that CI runs.

use crate::cluster::{Care, Cluster};
use crate::run::say;
use crate::setup;
use crate::steps::{self, Ground, Need, Outcome, STEPS, Step};
use anyhow::{Result, bail};
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const CHECK: &[Step] = &[
    Step { name: "fmt", what: "formatting", needs: &[], run: steps::fmt },
    Step { name: "clippy", what: "lint law", needs: &[Need::Assets], run: steps::clippy },
    Step { name: "rules", what: "rules and house", needs: &[Need::Assets], run: steps::rules },
];

/// The end of one step.
struct Ended {
    name: &'static str,
    took: Duration,
    result: Result<Outcome>,
}

/// `cargo xtask check`.
pub(crate) fn check() -> Result<ExitCode> {
    run_all(&CHECK.iter().collect::<Vec<_>>())
}

/// `cargo xtask test`, all of it or the steps named.
///
/// # Errors
/// When a name is not in the list.
pub(crate) fn test(only: &[String]) -> Result<ExitCode> {
    if let Some(name) = only.iter().find(|n| STEPS.iter().all(|s| s.name != n.as_str())) {
        bail!("there is no step `{name}`; `cargo xtask test --list` shows them");
    }
    let chosen: Vec<_> =
        STEPS.iter().filter(|s| only.is_empty() || only.iter().any(|n| n == s.name)).collect();
    run_all(&chosen)
}

/// `cargo xtask test --list`.
pub(crate) fn list() -> Result<()> {
    let mut out = std::io::stdout().lock();
    for step in STEPS {
        writeln!(out, "{:<13} {}", step.name, step.what)?;
    }
    Ok(())
}

fn run_all(steps: &[&'static Step]) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut prepared = Prepared::default();
    let mut ended = vec![];
    let setup = Instant::now();
    prepared.all(steps);
    let setup = setup.elapsed();
    for step in steps {
        say(&format!("── {}: {}", step.name, step.what));
        let begun = Instant::now();
        let result = match prepared.obstacle(step) {
            Some(why) => Err(anyhow::anyhow!("{why}")),
            None => (step.run)(&prepared.ground),
        };
        let took = begun.elapsed();
        if let Err(e) = &result {
            say(&format!("{} FAILED: {e:#}", step.name));
        }
        ended.push(Ended { name: step.name, took, result });
    }
    drop(prepared);
    sum_up(&ended, setup, begun.elapsed())
}

/// What has been prepared, and what could not be.
#[derive(Default)]
struct Prepared {
    ground: Ground,
    cluster: Option<Cluster>,
    obstacles: Vec<(Need, String)>,
}

impl Prepared {
    fn all(&mut self, steps: &[&Step]) {
        for need in [Need::Assets, Need::Packages, Need::Python, Need::Postgres] {
            if steps.iter().any(|s| s.needs.contains(&need))
                && let Err(e) = self.one(need)
            {
                say(&format!("{e:#}"));
                self.obstacles.push((need, format!("{e:#}")));
            }
        }
    }

    fn one(&mut self, need: Need) -> Result<()> {
        match need {
            Need::Assets => setup::browser_assets()?,
            Need::Packages => setup::debian_packages()?,
            Need::Python => self.ground.python = Some(setup::python_libraries()?),
            Need::Postgres => {
                let cluster = Cluster::start(Care::None)?;
                self.ground.postgres = Some(cluster.url().to_owned());
                self.cluster = Some(cluster);
            }
        }
        Ok(())
    }

    fn obstacle(&self, step: &Step) -> Option<&str> {
        // A server that runs is enough, even where the other packages could not be installed.
        let matters = |need: &Need| {
            step.needs.contains(need)
                && !(*need == Need::Packages
                    && step.needs.contains(&Need::Postgres)
                    && self.ground.postgres.is_some())
        };
        self.obstacles.iter().find(|(need, _)| matters(need)).map(|(_, why)| why.as_str())
    }
}

fn sum_up(ended: &[Ended], setup: Duration, whole: Duration) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n══ summary")?;
    writeln!(out, "       {:<13}{:>7.1} s", "setup", setup.as_secs_f32())?;
    for Ended { name, took, result } in ended {
        let (word, note) = match result {
            Ok(Outcome::Passed(closing)) => ("ok", counts(closing)),
            Ok(Outcome::Skipped(why)) => ("skip", (*why).to_owned()),
            Err(e) => ("FAILED", format!("{e:#}")),
        };
        let line = format!("{word:<7}{name:<13}{:>7.1} s  {note}", took.as_secs_f32());
        writeln!(out, "{}", line.trim_end())?;
    }
    let failed = ended.iter().filter(|e| e.result.is_err()).count();
    let steps = ended.len();
    let took = whole.as_secs_f32();
    if failed > 0 {
        writeln!(out, "══ FAILED: {failed} of {steps} steps, {took:.0} s")?;
        return Ok(ExitCode::FAILURE);
    }
    writeln!(out, "══ ok: {steps} steps, {took:.0} s")?;
    Ok(ExitCode::SUCCESS)
}

/// The closing lines of test runners added up: "12 passed, 1 failed, 2 skipped". Empty when no
/// runner spoke.
pub(crate) fn counts(closing: &[String]) -> String {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for line in closing {
        let words: Vec<_> = line.split([' ', ',', ';', ':']).filter(|w| !w.is_empty()).collect();
        for pair in words.windows(2) {
            // Cargo and nextest say "3 passed", Node says "pass 3".
            match (pair[0].parse::<u64>(), pair[1], pair[0], pair[1].parse::<u64>()) {
                (Ok(n), "passed", ..) | (.., "pass", Ok(n)) => passed += n,
                (Ok(n), "failed", ..) | (.., "fail", Ok(n)) => failed += n,
                (Ok(n), "timed", ..) => failed += n,
                (Ok(n), "ignored" | "skipped", ..) => skipped += n,
                _ => {}
            }
        }
    }
    if closing.is_empty() {
        return String::new();
    }
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_all_three_runners_add_up() {
        let lines = [
            "test result: ok. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out",
            "Summary [   1.204s] 42 tests run: 40 passed (1 slow), 1 failed, 1 timed out, 5 skipped",
            "ℹ tests 8",
            "ℹ pass 7",
            "ℹ fail 1",
        ];
        let lines: Vec<_> = lines.iter().map(|l| (*l).to_owned()).collect();
        assert_eq!(counts(&lines), "50 passed, 4 failed, 7 skipped");
        assert_eq!(counts(&[]), "");
    }
}
