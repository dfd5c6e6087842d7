//! The program: `tuanjian serve | work | migrate | demo | import | fsck | audit | token | keys`.

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = cli::Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(cli::run(options)),
        Err(e) => cli::fail(&anyhow::Error::from(e)),
    }
}
