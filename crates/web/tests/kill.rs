//! kill -9 over imports: the real program is shot at moments drawn from a seed, started again, and
//! what it had acknowledged must be there, nobody twice, counters right, the import at its end.
//!
//! `TUANJIAN_KILL_CYCLES` says how often (3 otherwise), `TUANJIAN_BIN` which program.

#![expect(clippy::unwrap_used, reason = "what a test sets up either is there or fails it")]

use app::{
    OrgRef,
    clock::{Chance, SeededChance},
    testkit::{self, Lab},
};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Rows of a list: two pieces of the commit.
const ROWS: usize = 1_200;
/// The latest moment of a shot after the upload has begun, milliseconds.
const LATEST: u64 = 2_500;

struct Program {
    child: Child,
    base: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        // SIGKILL: the program is given no moment to tidy up.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration but the environment")]
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Program {
    /// Starts the program on the laboratory's database and waits until it answers.
    async fn start(lab: &Lab, client: &reqwest::Client) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = env("TUANJIAN_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_tuanjian").into());
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(lab.folder().join("program.log"))
            .unwrap();
        let child = Command::new(program)
            .args(["serve", "--captcha", "off", "--data"])
            .arg(lab.folder())
            .args(["--database", &lab.scratch.options().url])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
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
        let log = std::fs::read_to_string(lab.folder().join("program.log")).unwrap_or_default();
        panic!("the program does not answer: {log}");
    }
}

/// What was acknowledged before the shot.
#[derive(Default)]
struct Acknowledged {
    import: Option<String>,
    committed: bool,
}

struct Caller {
    client: reqwest::Client,
    token: String,
    org: OrgRef,
}

impl Caller {
    async fn post(&self, base: &str, path: &str, body: &Value) -> Option<Value> {
        let url = format!("{base}/o/{}{path}", self.org.code);
        let answer = self.client.post(url).bearer_auth(&self.token).json(body).send().await.ok()?;
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        answer.json().await.ok()
    }
    async fn state(&self, base: &str, import: &str) -> Value {
        let url = format!("{base}/o/{}/imports/{import}/result", self.org.code);
        let answer = self
            .client
            .get(url)
            .bearer_auth(&self.token)
            .header("accept", "application/json")
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "an acknowledged import is gone");
        answer.json::<Value>().await.unwrap()["import"].clone()
    }
    /// Uploads and commits, noting what was acknowledged; ends when the program is dead.
    async fn import(&self, base: &str, list: &str, seen: &tokio::sync::Mutex<Acknowledged>) {
        let Some(up) = self.post(base, "/imports", &json!({ "paste": list })).await else { return };
        let import = up["data"]["id"].as_str().unwrap().to_owned();
        seen.lock().await.import = Some(import.clone());
        if self.commit(base, &import).await {
            seen.lock().await.committed = true;
        }
        std::future::pending::<()>().await;
    }
    async fn commit(&self, base: &str, import: &str) -> bool {
        let path = format!("/imports/{import}/commit");
        self.post(base, &path, &json!({ "mode": "all" })).await.is_some()
    }
    async fn wait_for_the_end(&self, base: &str, import: &str) -> Value {
        for _ in 0..600 {
            let state = self.state(base, import).await;
            if state["state"] == "done" {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the import does not come to its end: {}", self.state(base, import).await);
    }
}

fn list(lab: &Lab, cycle: usize) -> String {
    let mut text =
        "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t发展团员编号\t手机号码".to_owned();
    let words: Vec<char> = "伟芳娜敏静丽强磊军洋".chars().collect();
    for i in 0..ROWS {
        let id = lab.next_id_number();
        let (a, b) = (words[i % 10], words[(i / 10 + cycle) % 10]);
        text.push_str(&format!("\n李{a}{b}\t{id}\t汉\t共青团员\t本科\t2016-05\t\t13812346021"));
    }
    text
}

/// An account that nobody signs in with; its owner has a token.
async fn open_account(lab: &Lab, person: app::people::PersonId) {
    let mut tx = lab.house.db().write().await.unwrap();
    tx.run(
        db::sql!("INSERT INTO account (person_id, password_hash, created_at, changed_at) VALUES ($1, '-', $2, $2)"),
        db::args![person, lab.house.now()],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

/// Two minutes later, so to speak: the lease of the dead program's job has run out.
async fn let_leases_run_out(lab: &Lab) {
    let mut tx = lab.house.db().write().await.unwrap();
    tx.run(db::sql!("UPDATE job SET lease_until = 0 WHERE state = 'running'"), &[]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn count(lab: &Lab, sql: db::Sql) -> i64 {
    let mut tx = lab.house.db().read().await.unwrap();
    let (n,): (i64,) = tx.one(sql, &[]).await.unwrap();
    n
}

/// Everything that must hold at any moment, also with an import half-way.
async fn nothing_is_half(lab: &Lab, planted: i64) {
    let members = count(lab, db::sql!("SELECT COUNT(*) FROM member")).await;
    let imported =
        count(lab, db::sql!("SELECT CAST(COALESCE(SUM(imported), 0) AS BIGINT) FROM import")).await;
    let rows =
        count(lab, db::sql!("SELECT COUNT(*) FROM import_row WHERE state = 'imported'")).await;
    assert_eq!((members - planted, rows), (imported, imported), "members, rows, counters");
    let twice = count(lab, db::sql!("SELECT COUNT(*) - COUNT(DISTINCT id_bi) FROM person")).await;
    assert_eq!(twice, 0, "somebody came in twice");
    let ragged = count(
        lab,
        db::sql!("SELECT COUNT(*) FROM import i WHERE i.rows <> (SELECT COUNT(*) FROM import_row r WHERE r.import_id = i.id)"),
    )
    .await;
    assert_eq!(ragged, 0, "an upload was stored half");
    let report = app::fsck::run(&lab.house, false).await.unwrap();
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(report.is_clean(), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_survives_kill_nine_and_every_import_comes_to_its_end() {
    let cycles: usize = env("TUANJIAN_KILL_CYCLES").and_then(|n| n.parse().ok()).unwrap_or(3);
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.branch, "王老师").await;
    let person = match &who {
        app::Who::Person(visitor) => visitor.person,
        _ => unreachable!("an administrator is a person"),
    };
    open_account(&lab, person).await;
    // The laboratory's clock stands still, the program's does not.
    let token = app::users::tokens::make(&lab.house, person, "kill", 3_650).await.unwrap();
    app::messages::use_tls();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let caller = Caller { client, token, org: tree.branch.clone() };
    let chance = SeededChance::new(9);
    let planted = count(&lab, db::sql!("SELECT COUNT(*) FROM member")).await;
    let (mut before_upload, mut before_commit, mut in_commit) = (0, 0, 0);
    for cycle in 0..cycles {
        let rows = list(&lab, cycle);
        let seen = tokio::sync::Mutex::new(Acknowledged::default());
        let program = Program::start(&lab, &caller.client).await;
        let mut byte = [0_u8; 2];
        chance.fill(&mut byte);
        let shot = Duration::from_millis(u64::from(u16::from_be_bytes(byte)) % LATEST);
        tokio::select! {
            () = caller.import(&program.base, &rows, &seen) => {}
            () = tokio::time::sleep(shot) => {}
        }
        drop(program);
        nothing_is_half(&lab, planted).await;
        let seen = seen.into_inner();
        let_leases_run_out(&lab).await;
        let program = Program::start(&lab, &caller.client).await;
        match seen.import {
            None => before_upload += 1,
            Some(import) => {
                if seen.committed {
                    in_commit += 1;
                } else {
                    before_commit += 1;
                    // Not acknowledged: it may have begun or not; asking again is harmless.
                    let state = caller.state(&program.base, &import).await;
                    if state["state"] == "review" {
                        assert_eq!(state["importable"], ROWS);
                        assert!(caller.commit(&program.base, &import).await);
                    }
                }
                let end = caller.wait_for_the_end(&program.base, &import).await;
                assert_eq!(end["imported"], ROWS, "cycle {cycle}: {end}");
            }
        }
        drop(program);
        nothing_is_half(&lab, planted).await;
    }
    assert_eq!(before_upload + before_commit + in_commit, cycles);
    // Fifty shots meet the upload and the commit; three need not.
    assert!(cycles < 20 || (before_upload > 0 && in_commit > 0), "the shots all missed");
}
