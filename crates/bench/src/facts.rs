//! What one must know about the machine to read the figures.

use crate::Options;
use std::process::Command;

/// Processor, cores, memory, kernel, compiler, and the commit that was measured.
pub(crate) fn of_this_machine() -> Vec<(String, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let changed = !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
    let commit = said("git", &["rev-parse", "--short", "HEAD"]);
    let facts = [
        ("processor", format!("{}, {cores} cores", line_of("/proc/cpuinfo", "model name"))),
        ("memory", line_of("/proc/meminfo", "MemTotal")),
        ("kernel", line_of("/proc/sys/kernel/osrelease", "")),
        ("compiler", said("rustc", &["--version"])),
        ("commit", commit + if changed { " with local changes" } else { "" }),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Version of the PostgreSQL server and size of the program, where they are given.
pub(crate) fn of_what_is_measured(options: &Options) -> Vec<(&'static str, String)> {
    let mut facts = vec![];
    if let Some(url) = &options.pg {
        facts.push(("PostgreSQL", said("psql", &[url, "-Atc", "SHOW server_version"])));
    }
    if let Some(Ok(file)) = options.program.as_ref().map(std::fs::metadata) {
        facts.push(("program", format!("{} MiB", file.len().div_ceil(1 << 20))));
    }
    facts
}

/// The value of the first line that begins with `key`, or "unknown".
fn line_of(file: &str, key: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with(key)).unwrap_or("unknown");
    line.split_once(':').map_or(line, |(_, value)| value).trim().to_owned()
}

fn said(program: &str, args: &[&str]) -> String {
    let out = Command::new(program).args(args).output();
    out.map_or_else(|_| String::new(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
