//! What the kernel knows about processes: CPU time and memory, read from /proc (Linux only).

use anyhow::{Context, Result};
use std::collections::HashMap;
use std::time::Duration;

/// /proc counts CPU time in ticks; Linux has shown user space 100 a second on every machine.
const TICK: Duration = Duration::from_millis(10);

/// The numbers of /proc/PID/stat that we use.
struct Stat {
    parent: u32,
    own: Duration,
    /// Of children that have ended and been waited for.
    ended_children: Duration,
}

/// CPU time (user and system) of a process and of its ended children. Steps of 10 ms: repeat a
/// work until it takes a second or more.
///
/// # Errors
/// When there is no such process.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = stat(pid)?;
    Ok(stat.own + stat.ended_children)
}

/// CPU time of a process and of all its descendants, living and ended. For a PostgreSQL server
/// this is everything that was done for us, whether the session still stands or not.
///
/// # Errors
/// When there is no such process.
pub(crate) fn cpu_of_family(head: u32) -> Result<Duration> {
    let mut sum = cpu(head)?;
    let mut living = HashMap::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        // A process may end while we look at it: then its parent has its time.
        if let Some((pid, stat)) = pid.and_then(|pid| Some((pid, stat(pid).ok()?))) {
            living.insert(pid, stat);
        }
    }
    for (&pid, stat) in &living {
        if pid != head && descends(pid, head, &living) {
            sum += stat.own + stat.ended_children;
        }
    }
    Ok(sum)
}

/// Highest resident memory of a process in bytes, since it began or since `forget_peak`.
///
/// # Errors
/// When there is no such process.
pub(crate) fn peak_memory(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}

/// Starts the peak of our own process anew. Where the kernel refuses, peaks are of the whole run.
pub(crate) fn forget_peak() {
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

fn stat(pid: u32) -> Result<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid}"))?;
    parse(&text).with_context(|| format!("/proc/{pid}/stat reads unexpectedly"))
}

/// The second field is the program's name in parentheses and may itself hold blanks and `)`.
fn parse(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let ticks = |i: usize| Some(TICK * fields.get(i)?.parse::<u32>().ok()?);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)? + ticks(12)?,
        ended_children: ticks(13)? + ticks(14)?,
    })
}

fn descends(mut pid: u32, head: u32, living: &HashMap<u32, Stat>) -> bool {
    while let Some(stat) = living.get(&pid) {
        if stat.parent == head {
            return true;
        }
        pid = stat.parent;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_blanks_and_brackets_does_not_shift_the_fields() {
        let line = "42 (a ) b) S 7 1 1 0 -1 0 0 0 0 0 250 50 10 5 20 0 1 0";
        let stat = parse(line).expect("it reads");
        assert_eq!(stat.parent, 7);
        assert_eq!(stat.own, Duration::from_secs(3));
        assert_eq!(stat.ended_children, Duration::from_millis(150));
    }

    #[test]
    fn our_own_process_has_memory_and_belongs_to_its_parents_family() {
        assert!(peak_memory(std::process::id()).expect("we exist") > 100_000);
        let parent = stat(std::process::id()).expect("we exist").parent;
        let (ours, theirs) = (cpu(std::process::id()), cpu_of_family(parent));
        assert!(theirs.expect("the parent exists") >= ours.expect("we exist"));
    }
}
