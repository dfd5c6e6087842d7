//! The program: `tuanjian serve | work | migrate | demo | import | fsck | audit | token | keys`.

mod cli;

/// Gives memory back after the bursts of hashing and importing; the system's allocator keeps it.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: the child that reads one workbook lives under hard limits, and must
    // not spend them on a command line or on threads.
    if std::env::args_os().nth(1).is_some_and(|word| word == "--sheet-child") {
        return app::read_sheet();
    }
    let options = cli::Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(cli::run(options)),
        Err(e) => cli::fail(&anyhow::Error::from(e)),
    }
}
