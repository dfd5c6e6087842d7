//! Reads a stranger's file in a child process with hard limits, so that the worst file costs its
//! sender an error message and nobody else anything. Decision 12.
//!
//! The program calls [`child_main`] first thing in `main` when its first argument is
//! [`CHILD_ARG`]; the file is the child's standard input, the book its standard output, framed
//! with its length so that a child that died half-way is never believed.

use crate::{Book, Limits, ReadError, read_any};
use rlimit::Resource;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The hidden first argument that turns the program into a reading child.
pub const CHILD_ARG: &str = "--sheet-child";

/// The program's allocator (mimalloc) reserves a gibibyte before `main` begins. Under an address
/// space of half of that every later mapping would fail, at random: so it reserves little pieces
/// in the child. [`confine`] checks that it does.
const ARENA: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "32MiB");

type Reply = Result<Book, ReadError>;

/// Marks a reply; what comes from a child that failed early is something else.
const MAGIC: &[u8; 8] = b"SHEETv1\n";

/// Reads `file` in a child process running `exe`. Blocks: call it through `spawn_blocking`.
///
/// A child that died is tried once more: an allocation may be refused because the machine was short
/// of memory, and a start may fail for want of a process. What dies twice in the same way has met
/// its own limit.
///
/// # Errors
/// [`ReadError::TooBig`] and [`ReadError::TooSlow`] when the child met a hard limit,
/// [`ReadError::Broken`] when it could not work at all or was not given the time, else what the
/// reader found.
pub fn read_isolated(exe: &Path, file: &Path, limits: &Limits) -> Result<Book, ReadError> {
    match attempt(exe, file, limits)? {
        Ended::Answered(reply) => reply,
        Ended::Died(_) => {
            thread::sleep(PAUSE);
            match attempt(exe, file, limits)? {
                Ended::Answered(reply) => reply,
                Ended::Died(cause) => Err(cause),
            }
        }
    }
}

/// How long a failed child is left behind before the next one is started.
const PAUSE: Duration = Duration::from_millis(200);

/// How one child ended.
enum Ended {
    Answered(Reply),
    /// Without a word; what that means if it happens again.
    Died(ReadError),
}

fn attempt(exe: &Path, file: &Path, limits: &Limits) -> Result<Ended, ReadError> {
    let input = File::open(file).map_err(|error| broken("opening the file", &error))?;
    let size = input.metadata().map_err(|error| broken("sizing the file", &error))?.len();
    if size > limits.file_bytes {
        return Err(ReadError::TooBig);
    }
    // Only the extension: a file name may hold a person's name, and arguments show in `ps`.
    let hint = file.extension().and_then(OsStr::to_str).unwrap_or("");
    let mut child = match spawn(exe, hint, input, limits) {
        Ok(child) => child,
        Err(error) => return Ok(Ended::Died(error)),
    };
    let outcome = collect(&mut child, limits);
    // Whatever happened, the child ends here and is reaped.
    let killed = child.kill();
    let status = child.wait().map_err(|error| broken("waiting for the child", &error))?;
    match outcome {
        Outcome::Reply(reply) => Ok(Ended::Answered(reply)),
        // Its own clock, the CPU time, had not run out: the machine was too busy, not the file too
        // long. There is no second try, whoever waits has waited long enough.
        Outcome::Late => Err(ReadError::Broken("the child was not given the time".into())),
        Outcome::TooLong => Err(ReadError::TooBig),
        Outcome::Cut => Ok(Ended::Died(cause(status, killed))),
    }
}

/// The whole life of the child process: limits itself, reads standard input, answers.
///
/// Call it before any thread is started and before anything else is set up.
#[must_use]
pub fn child_main() -> ExitCode {
    let mut arguments = std::env::args().skip(2);
    let (Some(limits), Some(hint)) = (arguments.next(), arguments.next()) else {
        return ExitCode::from(2);
    };
    let Ok(limits) = serde_json::from_str::<Limits>(&limits) else { return ExitCode::from(2) };
    if confine(&limits).is_err() {
        return ExitCode::from(3);
    }
    match answer(&limits, &hint) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(4),
    }
}

fn spawn(exe: &Path, hint: &str, input: File, limits: &Limits) -> Result<Child, ReadError> {
    let limits = serde_json::to_string(limits)
        .map_err(|error| ReadError::Broken(format!("writing the limits: {error}")))?;
    Command::new(exe)
        .args([CHILD_ARG, &limits, &format!("x.{hint}")])
        // No secrets of the server in the environment of a process that reads strangers' bytes.
        .env_clear()
        .env(ARENA.0, ARENA.1)
        .current_dir("/")
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| broken("starting the child", &error))
}

enum Outcome {
    Reply(Reply),
    Late,
    TooLong,
    Cut,
}

/// Waits for the reply; the thread ends when the child's output closes, at the latest by the kill.
fn collect(child: &mut Child, limits: &Limits) -> Outcome {
    let Some(output) = child.stdout.take() else { return Outcome::Cut };
    let (sender, receiver) = mpsc::sync_channel(1);
    let most = limits.child_reply_bytes;
    let reading = thread::Builder::new().name("sheet-reply".into()).spawn(move || {
        // The receiver is gone if the time is up; the reply is then not wanted any more.
        let _unwanted = sender.send(read_reply(output, most));
    });
    if reading.is_err() {
        return Outcome::Cut;
    }
    let patience = Duration::from_secs(limits.child_wall_seconds);
    match receiver.recv_timeout(patience) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => Outcome::Late,
        Err(mpsc::RecvTimeoutError::Disconnected) => Outcome::Cut,
    }
}

fn read_reply(output: ChildStdout, most: u64) -> Outcome {
    let mut output = BufReader::with_capacity(64 * 1024, output);
    let mut head = [0; 16];
    if output.read_exact(&mut head).is_err() || !head.starts_with(MAGIC) {
        return Outcome::Cut;
    }
    let mut length = [0; 8];
    length.copy_from_slice(&head[8..]);
    let length = u64::from_le_bytes(length);
    if length > most {
        return Outcome::TooLong;
    }
    let mut body = output.take(length);
    match serde_json::from_reader::<_, Reply>(&mut body) {
        Ok(reply) if body.limit() == 0 => Outcome::Reply(reply),
        _ => Outcome::Cut,
    }
}

/// Why a child ended without an answer.
fn cause(status: ExitStatus, killed: io::Result<()>) -> ReadError {
    const ABORT: i32 = 6;
    const SEGMENT: i32 = 11;
    const CPU_TIME: i32 = 24;
    const PANIC: i32 = 101;
    match (status.signal(), status.code()) {
        // Rust aborts when an allocation is refused; a refused stack page is a segment fault.
        (Some(ABORT | SEGMENT), _) => ReadError::TooBig,
        (Some(CPU_TIME), _) => ReadError::TooSlow,
        (_, Some(PANIC)) => ReadError::Damaged,
        (signal, code) => ReadError::Broken(format!(
            "child ended with signal {signal:?}, code {code:?}, kill {}",
            if killed.is_ok() { "sent" } else { "not sent" }
        )),
    }
}

/// Sets the limits, unless so much of the address space is gone already that the limit would not
/// mean what it says: then no file is judged, because each would fail sooner or later.
fn confine(limits: &Limits) -> io::Result<()> {
    if reserved()? > limits.child_memory_bytes / 2 {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let cpu = limits.child_cpu_seconds;
    Resource::CORE.set(0, 0)?;
    Resource::FSIZE.set(0, 0)?;
    Resource::CPU.set(cpu, cpu + 1)?;
    Resource::AS.set(limits.child_memory_bytes, limits.child_memory_bytes)
}

/// Bytes of this process's address space; 0 where the system does not tell.
fn reserved() -> io::Result<u64> {
    if !cfg!(target_os = "linux") {
        return Ok(0);
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.strip_suffix("kB"));
    let kib = kib.and_then(|kib| kib.trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn answer(limits: &Limits, hint: &str) -> io::Result<()> {
    let mut bytes = Vec::new();
    // One byte more than allowed, so that too big a file is noticed without being read whole.
    io::stdin().lock().take(limits.file_bytes + 1).read_to_end(&mut bytes)?;
    let reply: Reply = read_any(&bytes, hint, limits);
    drop(bytes);
    let body = serde_json::to_vec(&reply)?;
    drop(reply);
    let mut output = BufWriter::new(io::stdout().lock());
    output.write_all(MAGIC)?;
    output.write_all(&(body.len() as u64).to_le_bytes())?;
    output.write_all(&body)?;
    output.flush()
}

fn broken(doing: &str, error: &io::Error) -> ReadError {
    ReadError::Broken(format!("{doing}: {}", error.kind()))
}
