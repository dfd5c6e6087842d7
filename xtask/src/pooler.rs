//! pgbouncer in transaction mode before a PostgreSQL server of its own, TLS on both sides: what a nation
//! runs, as small as a test.

use crate::cluster::{Certificates, Cluster, as_servant, give_to_servant};
use crate::run::{command, free_port, on_path, output, run};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// A running pooler and the server behind it. Dropping it stops both and removes their folder.
pub(crate) struct Pooler {
    pooler: Child,
    _server: Cluster,
    home: PathBuf,
    port: u16,
    authority: PathBuf,
}

impl Pooler {
    /// Starts both.
    ///
    /// # Errors
    /// When pgbouncer, openssl or PostgreSQL is missing, or one of them does not come up.
    pub(crate) fn start() -> Result<Pooler> {
        let home = PathBuf::from(format!("/tmp/tuanjian-pooler-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&home));
        std::fs::create_dir_all(&home)?;
        give_to_servant(&home)?;
        let certificates = certificates(&home)?;
        let server = Cluster::with_tls(home.join("server"), &certificates)?;
        let port = free_port()?;
        let settings = home.join("pgbouncer.ini");
        std::fs::write(&settings, configuration(&home, server.url(), port, &certificates)?)?;
        std::fs::write(home.join("users.txt"), "\"postgres\" \"\"\n")?;
        let log = std::fs::File::create(home.join("pooler.log"))?;
        let pooler = as_servant(&home, "pgbouncer".into())?
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("pgbouncer could not be started")?;
        let mut it =
            Pooler { pooler, _server: server, home, port, authority: certificates.authority };
        it.wait_until_ready()?;
        Ok(it)
    }

    /// Where programs connect, checking who answers.
    pub(crate) fn url(&self) -> String {
        let (port, authority) = (self.port, self.authority.display());
        format!(
            "postgres://postgres@localhost:{port}/postgres?sslmode=verify-full&sslrootcert={authority}"
        )
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        for _ in 0..100 {
            if let Some(status) = self.pooler.try_wait()? {
                let log = std::fs::read_to_string(self.home.join("pooler.log")).unwrap_or_default();
                bail!("pgbouncer ended at once ({status}):\n{log}");
            }
            if output(command("psql").args([&self.url(), "-Atc", "SELECT 1"])).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = std::fs::read_to_string(self.home.join("pooler.log")).unwrap_or_default();
        bail!("pgbouncer did not come up:\n{log}")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.pooler.kill());
        drop(self.pooler.wait());
        drop(std::fs::remove_dir_all(&self.home));
    }
}

/// An authority of our own and one certificate for `localhost`, made by openssl.
fn certificates(home: &Path) -> Result<Certificates> {
    if !on_path("openssl") {
        bail!("openssl is missing");
    }
    let at = |name: &str| home.join(name);
    let made = Certificates {
        authority: at("authority.crt"),
        certificate: at("server.crt"),
        key: at("server.key"),
    };
    let days = ["-days", "2", "-nodes", "-newkey", "rsa:2048"];
    run(command("openssl")
        .args(["req", "-x509", "-subj", "/CN=tuanjian test authority"])
        .args(days)
        .arg("-keyout")
        .arg(at("authority.key"))
        .arg("-out")
        .arg(&made.authority))?;
    run(command("openssl")
        .args(["req", "-x509", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(days)
        .arg("-CA")
        .arg(&made.authority)
        .arg("-CAkey")
        .arg(at("authority.key"))
        .arg("-keyout")
        .arg(&made.key)
        .arg("-out")
        .arg(&made.certificate))?;
    for file in [&made.authority, &made.certificate, &made.key] {
        give_to_servant(file)?;
    }
    Ok(made)
}

/// The pooler's file. Its pool is smaller than the programs' own pools, so that transactions of
/// different clients really take turns on one connection.
fn configuration(
    home: &Path,
    server: &str,
    port: u16,
    certificates: &Certificates,
) -> Result<String> {
    let server_port = server.rsplit(':').next().and_then(|rest| rest.split('/').next());
    let server_port = server_port.context("the server's address has no port")?;
    let (home, authority) = (home.display(), certificates.authority.display());
    let (certificate, key) = (certificates.certificate.display(), certificates.key.display());
    Ok(format!(
        "[databases]
* = host=localhost port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {home}/users.txt
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
server_reset_query =
client_tls_sslmode = require
client_tls_cert_file = {certificate}
client_tls_key_file = {key}
server_tls_sslmode = verify-full
server_tls_ca_file = {authority}
"
    ))
}
