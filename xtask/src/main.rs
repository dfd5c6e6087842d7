//! The one entry for people and CI: `cargo xtask setup | demo | check | test | build | bench |
//! screenshots`. It needs Rust and Node; what else a task needs it fetches or starts itself.

mod bench;
mod cluster;
mod demo;
mod pooler;
mod run;
mod setup;
mod steps;
mod suite;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Everything one does with this repository")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Fetch the pinned browser assets; with --test also what tests and benchmarks need
    Setup {
        /// Debian packages (PostgreSQL, Chromium, a CJK font, LibreOffice) and Python libraries
        #[arg(long)]
        test: bool,
    },
    /// Build and serve a realistic demonstration on a throw-away data folder
    Demo {
        /// Passed on to `tuanjian demo` (--scale, --listen, --json …); --release builds optimised
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// The quick list for every edit: formatting, lints, rules, house
    Check,
    /// Everything that CI runs, on both databases
    Test {
        /// Run these steps only (repeat, or separate with commas)
        #[arg(long, value_delimiter = ',', value_name = "NAME")]
        only: Vec<String>,
        /// Print the names of the steps and stop
        #[arg(long)]
        list: bool,
    },
    /// The optimised program: target/release/tuanjian
    Build,
    /// Measure against raw baselines and write docs/benchmarks.md
    Bench {
        /// Small numbers, for trying out; the table goes to target/ instead of docs/
        #[arg(long)]
        quick: bool,
        /// Passed on to the benchmark program
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Make docs/screenshots anew from a running demonstration
    Screenshots,
}

fn main() -> ExitCode {
    match perform(Cli::parse().task) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<ExitCode> {
    match task {
        Task::Setup { test } => {
            setup::browser_assets()?;
            if test {
                setup::everything_for_tests()?;
            }
        }
        Task::Demo { args } => demo::serve(args)?,
        Task::Check => return suite::check(),
        Task::Test { list: true, .. } => suite::list()?,
        Task::Test { only, .. } => return suite::test(&only),
        Task::Build => {
            setup::browser_assets()?;
            run::run(run::cargo().args(["build", "--release", "-p", "web"]))?;
            run::say(&format!("built {}", run::target().join("release/tuanjian").display()));
        }
        Task::Bench { quick, args } => bench::bench(quick, &args)?,
        Task::Screenshots => demo::screenshots()?,
    }
    Ok(ExitCode::SUCCESS)
}
