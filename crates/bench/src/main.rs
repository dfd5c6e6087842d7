//! The benchmark program behind `cargo xtask bench`: measures the works listed in `works.rs` on
//! SQLite and PostgreSQL, each beside its raw baseline of the same run, and writes one table.

mod facts;
mod measure;
mod proc;
mod table;
mod works;

use anyhow::{Context, Result};
use clap::Parser;
use measure::Meter;
use std::io::Write;
use std::path::PathBuf;

/// The program's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the works may ask for.
#[derive(Parser)]
#[command(about = "Measures tuanjian against raw baselines")]
pub(crate) struct Options {
    /// PostgreSQL server, superuser, database `postgres`: works make their own databases in it
    #[arg(long)]
    pub(crate) pg: Option<String>,
    /// Process id of that server's head, when it runs on this machine
    #[arg(long)]
    pub(crate) pg_pid: Option<u32>,
    /// The optimised program, for works that measure it from outside
    #[arg(long)]
    pub(crate) program: Option<PathBuf>,
    /// Where the table goes
    #[arg(long, required_unless_present = "import_child")]
    out: Option<PathBuf>,
    /// Small numbers, for trying out
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only works whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// For the bench itself: import a file and print by how much this process grew
    #[arg(long, hide = true, num_args = 6)]
    import_child: Option<Vec<String>>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(told) = &options.import_child {
        let grown = works::import_child(told).await?;
        return Ok(writeln!(std::io::stdout(), "{grown}")?);
    }
    let mut bench = table::Bench::new(facts::of_this_machine(), options.quick);
    for (name, value) in facts::of_what_is_measured(&options) {
        bench.fact(name, &value);
    }
    let meter = Meter::new(options.pg_pid);
    let mut log = std::io::stderr();
    for (name, work) in works::WORKS {
        if options.only.as_ref().is_some_and(|part| !name.contains(part.as_str())) {
            continue;
        }
        writeln!(log, "bench: {name}")?;
        work(&options, &meter, &mut bench).await.with_context(|| format!("work `{name}`"))?;
    }
    let table = bench.markdown();
    write!(std::io::stdout(), "{table}")?;
    if let Some(out) = &options.out {
        std::fs::write(out, &table)?;
        writeln!(log, "bench: written to {}", out.display())?;
    }
    Ok(())
}
