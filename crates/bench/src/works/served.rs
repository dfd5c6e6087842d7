//! The program from outside: memory when nobody asks anything, memory and CPU while 64 connections
//! ask for pages, each beside a constant page of the same program.

use crate::Options;
use crate::measure::{Figure, Meter, percentile};
use crate::proc;
use crate::table::{Bench, Outcome, Side};
use crate::works::raw::Raw;
use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const IDLE: u64 = 64 << 20;
const BUSY: u64 = 256 << 20;
const CONNECTIONS: usize = 64;

pub(crate) async fn work(options: &Options, _meter: &Meter, bench: &mut Bench) -> Result<()> {
    let Some(program) = &options.program else {
        for name in ["idle memory", "memory under 64 connections"] {
            bench.row(name, "", Outcome::NotRun("no program"), Outcome::NotRun("no program"));
        }
        return Ok(());
    };
    let (idle, busy) = measured(options, program, None).await?;
    let (pg_idle, pg_busy) = match &options.pg {
        Some(server) => {
            let url = Raw::fresh_database(server).await?;
            let (idle, busy) = measured(options, program, Some(&url)).await?;
            Raw::open(db::Engine::Postgres, &url).await?.end().await?;
            (Outcome::Measured(idle), Outcome::Measured(busy))
        }
        None => (Outcome::NotRun("no server"), Outcome::NotRun("no server")),
    };
    bench.row("idle memory", "≤ 64 MiB", Outcome::Measured(idle), pg_idle);
    let name = "组织首页 under 64 connections (raw: /health)";
    bench.row(name, "≤ 256 MiB", Outcome::Measured(busy), pg_busy);
    Ok(())
}

async fn measured(
    options: &Options,
    program: &Path,
    database: Option<&str>,
) -> Result<(Side, Side)> {
    let folder = tempfile::tempdir()?;
    let place = |command: &mut Command| {
        command.arg("--data").arg(folder.path());
        if let Some(url) = database {
            command.args(["--database", url]);
        }
    };
    let mut make = Command::new(program);
    make.arg("demo");
    place(&mut make);
    make.args(["--scale", "school", "--make-only", "--json", "--listen", "127.0.0.1:0"]);
    let made = make.stderr(Stdio::null()).output().context("starting the program")?;
    let told: serde_json::Value =
        serde_json::from_slice(&made.stdout).context("the demonstration was not made")?;
    let branch =
        told["sign_ins"].as_array().and_then(|all| all.iter().find(|s| s["role"] == "branch"));
    let branch = branch.context("the demonstration has no branch")?;
    let (org, token) = (branch["org"].as_str(), branch["token"].as_str());
    let (org, token) = (org.context("no org")?, token.context("no token")?);

    let address = free_address()?;
    let mut serve = Command::new(program);
    serve.arg("serve");
    place(&mut serve);
    serve.args(["--listen", &address.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let served = Served(serve.spawn().context("serving")?);
    let pid = served.0.id();
    until_ready(address).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let idle = figure(proc::peak_memory(pid)?);

    let times = if options.quick { 10 } else { 100 };
    let constant = flood(address, "/health", "", pid, times).await?;
    let page = flood(address, &format!("/o/{org}"), token, pid, times).await?;
    Ok((
        Side::new(idle).judged(|f, _| f.peak <= Some(IDLE)),
        Side::new(page).beside(constant).judged(|f, _| f.peak <= Some(BUSY)),
    ))
}

/// Ends the program with this value; only the one that we started.
struct Served(Child);
impl Drop for Served {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn figure(peak: u64) -> Figure {
    let none = Duration::ZERO;
    Figure { times: 1, cpu: none, server_cpu: None, wall: none, p95: None, peak: Some(peak) }
}

fn free_address() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

async fn until_ready(address: SocketAddr) -> Result<()> {
    let begun = Instant::now();
    while ask(address, "/health", "").await.is_err() {
        ensure!(begun.elapsed() < Duration::from_secs(60), "the program does not answer");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Every connection asks `times` times, all at once.
async fn flood(
    address: SocketAddr,
    path: &str,
    token: &str,
    pid: u32,
    times: u32,
) -> Result<Figure> {
    let before = proc::cpu(pid)?;
    let begun = Instant::now();
    let one = async || -> Result<Vec<Duration>> {
        let mut samples = vec![];
        for _ in 0..times {
            let begun = Instant::now();
            ask(address, path, token).await?;
            samples.push(begun.elapsed());
        }
        Ok(samples)
    };
    let mut samples = try_join_all((0..CONNECTIONS).map(|_| one())).await?.concat();
    Ok(Figure {
        times: times * CONNECTIONS as u32,
        cpu: proc::cpu(pid)?.saturating_sub(before),
        server_cpu: None,
        wall: begun.elapsed(),
        p95: percentile(&mut samples, 95),
        peak: Some(proc::peak_memory(pid)?),
    })
}

/// One request on a connection of its own; fails unless the answer is 200.
async fn ask(address: SocketAddr, path: &str, token: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let rights =
        if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\n{rights}Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let line = answer.split(|b| *b == b'\r').next().unwrap_or_default();
    ensure!(line.ends_with(b" 200 OK"), "{path}: {}", String::from_utf8_lossy(line));
    Ok(())
}
