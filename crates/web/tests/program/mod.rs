//! The real program, started by a test; killed when the test is over.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) base: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        // SIGKILL: the program is given no moment to tidy up.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration but the environment")]
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Program {
    /// Starts the program (`TUANJIAN_BIN`, or the one just built) on a database and waits until it
    /// answers. What it says goes to `log`, or beside what the test says. `more` ends its command line.
    pub(crate) async fn start(
        data: &Path,
        url: &str,
        log: Option<&Path>,
        client: &reqwest::Client,
        more: &[&str],
    ) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = env("TUANJIAN_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_tuanjian").into());
        let said = log.map_or_else(Stdio::inherit, |log| {
            std::fs::File::options().append(true).create(true).open(log).unwrap().into()
        });
        let child = Command::new(program)
            .args(["serve", "--captcha", "off", "--data"])
            .arg(data)
            .args(["--database", url, "--listen", &format!("127.0.0.1:{port}")])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .unwrap();
        let program = Self { child, base: format!("http://127.0.0.1:{port}") };
        for _ in 0..300 {
            let health = client.get(format!("{}/health", program.base)).send().await;
            if health.is_ok_and(|r| r.status().is_success()) {
                return program;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = log.and_then(|log| std::fs::read_to_string(log).ok()).unwrap_or_default();
        panic!("the program does not answer: {log}");
    }
}
