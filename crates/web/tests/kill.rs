//! kill -9 over imports and over the turn into graduates: the real program is shot at moments drawn
//! from a seed, started again, and what it had acknowledged must be there, nobody twice, counters
//! right, the import or the turn at its end.
//!
//! `TUANJIAN_KILL_CYCLES` says how often (3 otherwise), `TUANJIAN_BIN` which program.

#![expect(clippy::unwrap_used, reason = "what a test sets up either is there or fails it")]

mod program;

use app::{
    OrgRef,
    clock::{Chance, SeededChance},
    testkit::{self, Lab},
};
use program::{Program, env};
use serde_json::{Value, json};
use std::time::Duration;

/// Rows of a list: two pieces of the commit.
const ROWS: usize = 1_200;
/// The latest moment of a shot after the upload has begun, milliseconds.
const LATEST: u64 = 2_500;

/// The program on the laboratory's database.
async fn start(lab: &Lab, client: &reqwest::Client) -> Program {
    let (url, log) = (&lab.scratch.options().url, lab.folder().join("program.log"));
    Program::start(lab.folder(), url, Some(&log), client, &[]).await
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
        // A minute at most: half of what the lease of a job has.
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
    lab.account(person, "-").await;
    // The laboratory's clock stands still, the program's does not.
    let token = app::users::tokens::make(&lab.house, person, "kill", 365).await.unwrap();
    app::messages::use_tls();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let caller = Caller { client, token, org: tree.branch.clone() };
    let chance = SeededChance::new(9);
    let planted = count(&lab, db::sql!("SELECT COUNT(*) FROM member")).await;
    let (mut before_upload, mut before_commit, mut in_commit) = (0, 0, 0);
    for cycle in 0..cycles {
        let rows = list(&lab, cycle);
        let seen = tokio::sync::Mutex::new(Acknowledged::default());
        let program = start(&lab, &caller.client).await;
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
        // Nobody touches the lease of the dead program's job, which has two minutes to run: the one
        // that is started on the same folder knows the job for its own, and takes it up at once.
        let program = start(&lab, &caller.client).await;
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

/// Branches that are due: seven transactions of a turn.
const BRANCHES: i64 = 200;

/// A school's branches with three people each, due since June. The program's clock is the real one.
async fn plant_due(lab: &Lab, above: &OrgRef) {
    for n in 0..BRANCHES {
        let name = format!("2022级{n}班团支部");
        let branch = lab.org(Some(above), app::orgs::Category::Branch, &name).await;
        for _ in 0..3 {
            lab.member(&branch, "张伟").await;
        }
    }
    let due = "UPDATE org SET graduates = '2026-06' WHERE short_name LIKE '2022级%'";
    lab.plant(due).await.unwrap();
}

/// They are branches again, as if nobody had turned them; what was told of it stays told.
async fn turn_back(lab: &Lab) {
    let mut tx = lab.house.db().write().await.unwrap();
    for back in [
        db::sql!(
            "UPDATE member SET graduation = NULL, graduation_at = NULL WHERE graduation IS NOT NULL"
        ),
        db::sql!(
            "UPDATE org SET category = 'BRANCH', graduated_at = NULL WHERE category = 'GRADUATE'"
        ),
    ] {
        tx.run(back, &[]).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn turned(lab: &Lab) -> i64 {
    count(lab, db::sql!("SELECT COUNT(*) FROM org WHERE category = 'GRADUATE'")).await
}

/// At any moment: who was turned was flagged, written down and told, each once for each time.
async fn no_turn_is_half(lab: &Lab, before: i64) {
    let turned = turned(lab).await;
    let flagged =
        count(lab, db::sql!("SELECT COUNT(*) FROM member WHERE graduation = 'graduate'")).await;
    assert_eq!(flagged, 3 * turned, "of {turned} branches");
    let events =
        count(lab, db::sql!("SELECT COUNT(*) FROM event WHERE kind = 'org.graduated'")).await;
    let told = count(
        lab,
        db::sql!("SELECT COUNT(*) FROM message WHERE title = '本支部已转为毕业生团组织'"),
    )
    .await;
    assert_eq!((events, told), (before + turned, before + turned), "events, messages");
    let report = app::fsck::run(&lab.house, false).await.unwrap();
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(report.is_clean(), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_into_graduates_that_is_killed_goes_on_and_turns_nobody_twice() {
    let cycles: i64 = env("TUANJIAN_KILL_CYCLES").and_then(|n| n.parse().ok()).unwrap_or(3);
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    plant_due(&lab, &tree.general).await;
    app::messages::use_tls();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let chance = SeededChance::new(11);
    let mut half = 0;
    for cycle in 0..cycles {
        let mut byte = [0_u8; 2];
        chance.fill(&mut byte);
        let from = i64::from(byte[0]) * BRANCHES / 256;
        wheels_are_due(&lab).await;
        let program = start(&lab, &client).await;
        // Shot in the middle of it: when so many have turned, and a moment.
        while turned(&lab).await <= from {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(u64::from(byte[1]) % 20)).await;
        drop(program);
        no_turn_is_half(&lab, cycle * BRANCHES).await;
        half += i64::from(turned(&lab).await < BRANCHES);
        wheels_are_due(&lab).await;
        let program = start(&lab, &client).await;
        let told = "SELECT COUNT(*) FROM message WHERE title LIKE '%个团支部已转为毕业生团组织'";
        for _ in 0..600 {
            let done = count(&lab, db::Sql::built(told.to_owned())).await;
            if done == 2 * (cycle + 1) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        drop(program);
        assert_eq!(turned(&lab).await, BRANCHES, "cycle {cycle}");
        no_turn_is_half(&lab, cycle * BRANCHES).await;
        // The direct superior and the school: one message each, with the whole number.
        let whole = count(
            &lab,
            db::sql!("SELECT COUNT(*) FROM message WHERE title = '200 个团支部已转为毕业生团组织'"),
        )
        .await;
        assert_eq!(whole, 2 * (cycle + 1), "cycle {cycle}");
        turn_back(&lab).await;
    }
    assert!(half > 0, "no shot fell into a turn");
}

/// A minute later, so to speak: every wheel of the clockwork turns at the next start.
async fn wheels_are_due(lab: &Lab) {
    let mut tx = lab.house.db().write().await.unwrap();
    tx.run(db::sql!("UPDATE lease SET until = 0"), &[]).await.unwrap();
    tx.commit().await.unwrap();
}
