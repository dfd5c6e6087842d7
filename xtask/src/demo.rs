//! Starts the built program as a demonstration: for a person, and for making the screenshots.

use crate::run::{cargo, command, free_port, output, root, run, target};
use crate::setup;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

/// `cargo xtask demo`: builds, then becomes `tuanjian demo`.
///
/// # Errors
/// When the assets cannot be fetched or the build fails; it does not return otherwise.
pub(crate) fn serve(mut args: Vec<String>) -> Result<()> {
    let release = args.iter().any(|a| a == "--release");
    args.retain(|a| a != "--release");
    setup::browser_assets()?;
    let program = build(release)?;
    // The program takes our place, so that Ctrl-C reaches it and nobody else.
    let refused = command(&program).arg("demo").args(args).exec();
    Err(refused).with_context(|| format!("cannot start {}", program.display()))
}

/// `cargo xtask screenshots`: docs/screenshots made anew from a running demonstration. The script
/// gets BASE (address), DEMO (the line that `demo --json` printed) and OUT (folder).
///
/// # Errors
/// When the demonstration does not come up or the script fails.
pub(crate) fn screenshots() -> Result<()> {
    setup::browser_assets()?;
    setup::debian_packages()?;
    let program = build(false)?;
    let listen = format!("127.0.0.1:{}", free_port()?);
    let child = command(program)
        .args(["demo", "--scale", "school", "--json", "--listen", &listen])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the demonstration")?;
    let mut demo = Demo(child);
    let out = demo.0.stdout.take().context("the demonstration has no output")?;
    let mut ready = String::new();
    BufReader::new(out).read_line(&mut ready)?;
    let told: serde_json::Value =
        serde_json::from_str(&ready).context("the demonstration ended before it was ready")?;
    let base = told["address"].as_str().context("the demonstration told no address")?;
    run(command("node")
        .arg("tests/browser/screenshots.mjs")
        .env("BASE", base)
        .env("DEMO", ready.trim())
        .env("OUT", root().join("docs/screenshots")))
}

/// A running demonstration; ends with this value.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        // Politely, so that it removes its throw-away folder.
        drop(output(command("kill").args(["-TERM", &self.0.id().to_string()])));
        drop(self.0.wait());
    }
}

fn build(release: bool) -> Result<std::path::PathBuf> {
    let mut cmd = cargo();
    // Standard output belongs to the demonstration.
    cmd.args(["build", "-p", "web", "--bin", "tuanjian"]).stdout(std::io::stderr());
    if release {
        cmd.arg("--release");
    }
    run(&mut cmd)?;
    Ok(target().join(if release { "release" } else { "debug" }).join("tuanjian"))
}
