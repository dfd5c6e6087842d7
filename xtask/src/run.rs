//! Starting other programs: where things are, a clean environment for cargo, and a way to let a
//! command speak while its closing lines are kept for the summary.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What `cargo run` puts into our environment about xtask itself. Handed on, these make build
/// scripts that watch them (ring) rebuild on every other call.
const CARGO_LEFTOVERS: &[&str] = &[
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
    "CARGO_PRIMARY_PACKAGE",
    "LD_LIBRARY_PATH",
];

/// A variable of the environment, if set and not empty.
#[expect(clippy::disallowed_methods, reason = "xtask has no configuration file; this is its door")]
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    let here = env("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).parent().map(Path::to_path_buf).unwrap_or_else(|| PathBuf::from("."))
}

/// Cargo's target folder, which also holds what we make at run time.
pub(crate) fn target() -> PathBuf {
    env("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Says to the person (on standard error: standard output belongs to the program being run).
pub(crate) fn say(text: &str) {
    eprintln!("xtask: {text}");
}

/// A command that runs in the repository without traces of the cargo that started us.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut cmd = Command::new(program);
    cmd.current_dir(root());
    for name in CARGO_LEFTOVERS {
        cmd.env_remove(name);
    }
    cmd
}

/// `cargo`, the same one that started us.
pub(crate) fn cargo() -> Command {
    command(env("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Whether a program of this name stands on the PATH.
pub(crate) fn on_path(program: &str) -> bool {
    let path = env("PATH").unwrap_or_default();
    path.split(':').any(|dir| !dir.is_empty() && Path::new(dir).join(program).is_file())
}

/// What is typed to run this command, for messages.
pub(crate) fn shown(cmd: &Command) -> String {
    let words = std::iter::once(cmd.get_program()).chain(cmd.get_args());
    let words: Vec<_> = words.map(|w| w.to_string_lossy().into_owned()).collect();
    let program = words[0].rsplit('/').next().unwrap_or_default().to_owned();
    std::iter::once(program).chain(words[1..].iter().cloned()).collect::<Vec<_>>().join(" ")
}

/// Runs a command with our own input and output. An error when it cannot start or fails.
pub(crate) fn run(cmd: &mut Command) -> Result<()> {
    let status = cmd.status().with_context(|| format!("cannot start `{}`", shown(cmd)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(cmd));
    }
    Ok(())
}

/// Runs a command quietly and gives its standard output; an error carries what it complained of.
pub(crate) fn output(cmd: &mut Command) -> Result<String> {
    let out = cmd.output().with_context(|| format!("cannot start `{}`", shown(cmd)))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        bail!("`{}` failed ({}): {}", shown(cmd), out.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// What a finished command left: whether it succeeded, and the lines in which test runners sum up.
pub(crate) struct Spoken {
    /// It ended with status 0.
    pub(crate) ok: bool,
    /// In the order they came.
    pub(crate) closing: Vec<String>,
}

/// Runs a command, passes every line on at once, and keeps the closing lines of test runners.
///
/// # Errors
/// When the command cannot be started; its failure is in the answer.
pub(crate) fn speak(cmd: &mut Command) -> Result<Spoken> {
    let mut child = cmd
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", shown(cmd)))?;
    let err = child.stderr.take().context("the command has no standard error")?;
    let out = child.stdout.take().context("the command has no standard output")?;
    let on_err = std::thread::spawn(move || pass_on(err, std::io::stderr()));
    let mut closing = pass_on(out, std::io::stdout());
    closing.extend(on_err.join().unwrap_or_default());
    Ok(Spoken { ok: child.wait()?.success(), closing })
}

/// A port of the loopback interface that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn pass_on(from: impl Read, mut to: impl Write) -> Vec<String> {
    let mut closing = Vec::new();
    let mut line = Vec::new();
    let mut from = BufReader::new(from);
    while matches!(from.read_until(b'\n', &mut line), Ok(n) if n > 0) {
        // A closed terminal must not stop the tests.
        drop(to.write_all(&line).and_then(|()| to.flush()));
        let text = String::from_utf8_lossy(&line);
        if is_closing(text.trim()) {
            closing.push(text.trim().to_owned());
        }
        line.clear();
    }
    closing
}

fn is_closing(line: &str) -> bool {
    line.starts_with("test result:")
        || (line.starts_with("Summary [") && line.contains(" run: "))
        || ["ℹ tests ", "ℹ pass ", "ℹ fail "].iter().any(|p| line.starts_with(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_all_three_runners_are_kept_and_others_are_not() {
        assert!(is_closing("test result: ok. 3 passed; 0 failed; 0 ignored"));
        assert!(is_closing("Summary [   1.204s] 42 tests run: 42 passed, 0 skipped"));
        assert!(is_closing("ℹ pass 7"));
        assert!(!is_closing("running 3 tests"));
        assert!(!is_closing("ℹ duration_ms 12"));
    }

    #[test]
    fn a_failing_command_is_reported_and_its_closing_line_kept() {
        let told = speak(command("sh").args(["-c", "echo 'ℹ pass 0'; exit 3"])).expect("sh starts");
        assert!(!told.ok);
        assert_eq!(told.closing, ["ℹ pass 0"]);
    }
}
