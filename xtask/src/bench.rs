//! `cargo xtask bench`: optimised build, a PostgreSQL server that writes as carefully as shipped,
//! and the benchmark program, which writes docs/benchmarks.md.

use crate::cluster::{Care, Cluster};
use crate::run::{cargo, command, root, run, target};
use crate::setup;
use anyhow::Result;

/// Measures; `quick` uses small numbers and leaves docs/ alone.
///
/// # Errors
/// When something cannot be set up, built or measured.
pub(crate) fn bench(quick: bool, args: &[String]) -> Result<()> {
    setup::browser_assets()?;
    setup::debian_packages()?;
    run(cargo().args(["build", "--release", "-p", "web", "-p", "bench"]))?;
    let cluster = Cluster::start(Care::Full)?;
    let out = if quick {
        target().join("benchmarks-quick.md")
    } else {
        root().join("docs/benchmarks.md")
    };
    let mut cmd = command(target().join("release/bench"));
    cmd.args(["--pg", cluster.url(), "--out"]).arg(out);
    cmd.arg("--program").arg(target().join("release/tuanjian"));
    if let Some(pid) = cluster.pid() {
        cmd.args(["--pg-pid", &pid.to_string()]);
    }
    if quick {
        cmd.arg("--quick");
    }
    run(cmd.args(args))
}
