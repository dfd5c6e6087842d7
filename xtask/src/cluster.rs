//! A throw-away PostgreSQL cluster for tests and benchmarks: made, started, and gone again when
//! this value is dropped. If xtask itself is killed, the server stops with it and the next start
//! sweeps the folder away. `TUANJIAN_TEST_PG` names a server to be used instead.

use crate::run::{command, env, free_port, output, root, say};
use crate::setup::{is_root, postgres_bin};
use anyhow::{Context, Result, bail};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How the folders under /tmp begin; the process id of their xtask ends them.
const FOLDER: &str = "tuanjian-pg-";

/// How carefully the server writes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Care {
    /// Nothing survives a crash of the machine; fastest. For tests.
    None,
    /// As PostgreSQL ships. For benchmarks.
    Full,
}

/// A running server. Dropping it stops the server and removes its folder, if they are ours.
pub(crate) struct Cluster {
    url: String,
    own: Option<Own>,
}

/// What a server shows to prove that it is `localhost`, and who vouches for it.
pub(crate) struct Certificates {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

struct Own {
    server: Child,
    home: PathBuf,
}

impl Cluster {
    /// The server named by `TUANJIAN_TEST_PG`, else a new one of our own.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or its server does not come up within 30 seconds.
    pub(crate) fn start(care: Care) -> Result<Cluster> {
        if let Some(url) = env("TUANJIAN_TEST_PG") {
            say("using the PostgreSQL server named by TUANJIAN_TEST_PG");
            return Ok(Cluster { url, own: None });
        }
        let bin =
            postgres_bin().context("PostgreSQL is missing: run `cargo xtask setup --test`")?;
        sweep();
        let home = folder_prefix().with_extension(std::process::id().to_string());
        let mut own = Own::new(&bin, home, care, None)?;
        let url = own.wait_until_ready(&bin)?;
        say("started a throw-away PostgreSQL server");
        Ok(Cluster { url, own: Some(own) })
    }

    /// A new server that speaks TLS with these certificates.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub(crate) fn with_tls(home: PathBuf, certificates: &Certificates) -> Result<Cluster> {
        let bin =
            postgres_bin().context("PostgreSQL is missing: run `cargo xtask setup --test`")?;
        let mut own = Own::new(&bin, home, Care::None, Some(certificates))?;
        let url = own.wait_until_ready(&bin)?;
        Ok(Cluster { url, own: Some(own) })
    }

    /// Where the server is: `postgres://…/postgres`, as superuser.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The process id of the server's head, when it is ours: the benchmark sums its CPU time.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.own.as_ref().map(|own| own.server.id())
    }
}

impl Own {
    fn new(
        bin: &Path,
        home: PathBuf,
        care: Care,
        certificates: Option<&Certificates>,
    ) -> Result<Own> {
        std::fs::create_dir_all(&home)?;
        give_to_servant(&home)?;
        let data = home.join("data");
        output(
            as_servant(&home, bin.join("initdb"))?
                .args(["--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8"])
                .args(["--no-sync", "--no-instructions", "-D"])
                .arg(&data),
        )
        .context("cannot make a PostgreSQL cluster")?;
        let port = free_port()?;
        std::fs::write(home.join("port"), port.to_string())?;
        let log = std::fs::File::create(home.join("log"))?;
        let mut cmd = as_servant(&home, bin.join("postgres"))?;
        cmd.arg("-D").arg(&data).args([
            "-p",
            &port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
        ]);
        cmd.arg("-c").arg(format!("unix_socket_directories={}", home.display()));
        cmd.args(["-c", "max_connections=200", "-c", "timezone=UTC"]);
        if care == Care::None {
            for setting in ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] {
                cmd.args(["-c", setting]);
            }
        }
        if let Some(certificates) = certificates {
            cmd.args(["-c", "ssl=on", "-c"]);
            cmd.arg(format!("ssl_cert_file={}", certificates.certificate.display()));
            cmd.args(["-c", &format!("ssl_key_file={}", certificates.key.display())]);
        }
        let server = cmd.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Own { server, home })
    }

    fn wait_until_ready(&mut self, bin: &Path) -> Result<String> {
        let port = std::fs::read_to_string(self.home.join("port"))?;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if let Some(status) = self.server.try_wait()? {
                let log = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
                bail!("the PostgreSQL server ended at once ({status}):\n{log}");
            }
            let ask =
                output(command(bin.join("pg_isready")).args(["-h", "127.0.0.1", "-p", &port]));
            if ask.is_ok() {
                return Ok(format!("postgres://postgres@127.0.0.1:{port}/postgres"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("the PostgreSQL server did not come up within 30 seconds")
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Fast shutdown (SIGINT): sessions are cut, files closed. Killed outright if it takes long.
        drop(output(command("kill").args(["-INT", &self.server.id().to_string()])));
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if !matches!(self.server.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(self.server.kill());
        drop(self.server.wait());
        drop(std::fs::remove_dir_all(&self.home));
    }
}

/// The common beginning of this repository's cluster folders. Under /tmp, because the servant
/// user cannot reach into a home folder, and a socket's path may not be long.
fn folder_prefix() -> PathBuf {
    let mut hash = DefaultHasher::new();
    root().hash(&mut hash);
    PathBuf::from(format!("/tmp/{FOLDER}{:08x}", hash.finish() as u32))
}

/// Removes folders whose xtask is gone (it was killed before it could tidy up), of this clone of
/// the repository or another.
fn sweep() {
    for entry in std::fs::read_dir("/tmp").into_iter().flatten().flatten() {
        let path = entry.path();
        let pid = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let ours = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(FOLDER));
        if ours && pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists() {
            drop(std::fs::remove_dir_all(&path));
        }
    }
}

/// The user that runs the server, because PostgreSQL refuses root: none when we are not root.
fn servant() -> Result<Option<(u32, u32)>> {
    if !is_root() {
        return Ok(None);
    }
    let id = |flag: &str| -> Result<u32> {
        Ok(output(command("id").args([flag, "postgres"]))?.trim().parse()?)
    };
    Ok(Some((id("-u")?, id("-g")?)))
}

/// Gives a file or folder to that user.
pub(crate) fn give_to_servant(path: &Path) -> Result<()> {
    if let Some((uid, gid)) = servant()? {
        std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
    }
    Ok(())
}

/// A command as that user, in the cluster's folder, that gets SIGINT when xtask dies.
pub(crate) fn as_servant(home: &Path, program: PathBuf) -> Result<Command> {
    let mut cmd = command("setpriv");
    cmd.args(["--pdeathsig", "INT"]);
    if let Some((uid, gid)) = servant()? {
        cmd.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into()]);
    }
    cmd.arg("--").arg(program).current_dir(home).env("HOME", home);
    Ok(cmd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_answers_and_leaves_nothing_behind() {
        if postgres_bin().is_none() || env("TUANJIAN_TEST_PG").is_some() {
            return;
        }
        let cluster = Cluster::start(Care::None).expect("a server starts");
        let home = cluster.own.as_ref().expect("it is ours").home.clone();
        let pid = cluster.pid().expect("it is ours");
        let answer = output(command("psql").args([cluster.url(), "-Atc", "SHOW lc_collate"]));
        assert_eq!(answer.expect("psql connects").trim(), "C");
        drop(cluster);
        assert!(!home.exists());
        assert!(!Path::new("/proc").join(pid.to_string()).exists());
    }
}
