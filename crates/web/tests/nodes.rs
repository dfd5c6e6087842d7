//! Two nodes behind pgbouncer in transaction mode, TLS on both sides: the main job works whichever node
//! answers, and nothing of a transaction is left for the next one on the same connection.
//!
//! Ignored in ordinary runs: `cargo xtask test --only nodes` starts the pooler and names it in
//! `TUANJIAN_POOLER_URL`.

#![expect(clippy::unwrap_used, reason = "what a test sets up either is there or fails it")]

mod program;

use db::sqlx::{ConnectOptions, Connection, Executor, postgres::PgConnectOptions};
use program::{Program, env};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

/// Makes an empty database behind the pooler and returns its address.
async fn database(name: &str) -> String {
    let url = env("TUANJIAN_POOLER_URL").expect("`cargo xtask test --only nodes` sets it");
    let options: PgConnectOptions = url.parse().unwrap();
    // A setting of the session, which this pooler refuses.
    let mut connection = options.extra_float_digits(None).connect().await.unwrap();
    for text in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        ),
    ] {
        connection.execute(db::sqlx::raw_sql(db::sqlx::AssertSqlSafe(text))).await.unwrap();
    }
    connection.close().await.unwrap();
    url.replacen("/postgres?", &format!("/{name}?"), 1)
}

fn client() -> reqwest::Client {
    app::messages::use_tls();
    reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap()
}

/// A command of the program on that database.
fn command(data: &Path, url: &str, words: &[&str]) -> Output {
    let program = env("TUANJIAN_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_tuanjian").into());
    Command::new(program)
        .args(words)
        .args(["--json", "--pooler", "--database", url, "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{} {}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

async fn ask(client: &reqwest::Client, url: &str, token: &str) -> Value {
    let answer =
        client.get(url).bearer_auth(token).header("accept", "application/json").send().await;
    let answer = answer.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{url}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

async fn post(client: &reqwest::Client, url: &str, token: &str, body: &Value) -> Value {
    let answer = client.post(url).bearer_auth(token).header("accept", "application/json");
    let answer = answer.json(body).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{url}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
#[ignore = "needs the pooler of `cargo xtask test --only nodes`"]
async fn two_nodes_behind_a_pooler_do_the_main_job_together() {
    let url = database("smoke").await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let made = command(data, &url, &["demo", "--scale", "school", "--make-only"]);
    let line: Value =
        serde_json::from_slice(&made.stdout).unwrap_or_else(|_| panic!("{}", said(&made)));
    let role = |role: &str| {
        let all = line["sign_ins"].as_array().unwrap();
        let one = all.iter().find(|s| s["role"] == role).unwrap();
        (one["org"].as_str().unwrap().to_owned(), one["token"].as_str().unwrap().to_owned())
    };
    let client = client();
    let (log_a, log_b) = (data.join("a.log"), data.join("b.log"));
    let (a, b) = tokio::join!(
        Program::start(data, &url, Some(&log_a), &client, &["--pooler"]),
        Program::start(data, &url, Some(&log_b), &client, &["--pooler"]),
    );

    // An import that begins on one node, is committed on the other and shows on both.
    let (org, token) = role("branch");
    let paste = json!({ "paste": "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t手机号码\n\
        赵小满\t340103200103159874\t汉族\t共青团员\t大学本科\t2016-05\t13812346021" });
    let up = post(&client, &format!("{}/o/{org}/imports", a.base), &token, &paste).await;
    let import = up["data"]["id"].as_str().unwrap().to_owned();
    let commit = format!("{}/o/{org}/imports/{import}/commit", b.base);
    post(&client, &commit, &token, &json!({ "mode": "all" })).await;
    let result = format!("{}/o/{org}/imports/{import}/result", a.base);
    let mut state = Value::Null;
    for _ in 0..300 {
        state = ask(&client, &result, &token).await["import"].clone();
        if state["state"] == "done" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        (state["state"].as_str(), state["imported"].as_i64()),
        (Some("done"), Some(1)),
        "{state}"
    );

    // Many visitors at once on both nodes, with far fewer connections behind the pooler.
    let pages = ["", "/members", "/children", "/stats", "/inbox"];
    let visits = (0..200).map(|n| {
        let base = if n % 2 == 0 { &a.base } else { &b.base };
        let (org, token) = role(["branch", "general-branch", "committee"][n % 3]);
        let (client, page) = (&client, pages[n % pages.len()]);
        async move {
            let answer = client
                .get(format!("{base}/o/{org}{page}"))
                .bearer_auth(token)
                .header("accept", "application/json")
                .send()
                .await
                .unwrap();
            answer.status().as_u16()
        }
    });
    let answers = futures::future::join_all(visits).await;
    assert!(answers.iter().all(|status| *status < 500), "{answers:?}");

    // A change of keys with both running.
    let rotated = command(data, &url, &["keys", "rotate"]);
    assert!(rotated.status.success(), "{}", said(&rotated));
    let used = command(data, &url, &["keys", "use"]);
    assert!(used.status.success(), "{}", said(&used));
    let (org, token) = role("general-branch");
    for base in [&a.base, &b.base] {
        ask(&client, &format!("{base}/o/{org}/members?q=赵小满"), &token).await;
    }

    // One node dies, the other goes on; the data is whole.
    drop(a);
    ask(&client, &format!("{}/o/{org}/members", b.base), &token).await;
    drop(b);
    let checked = command(data, &url, &["fsck", "--deep"]);
    assert!(checked.status.success(), "{}", said(&checked));
    let verified = command(data, &url, &["audit", "verify"]);
    assert!(verified.status.success(), "{}", said(&verified));
    for log in [log_a, log_b] {
        let text = std::fs::read_to_string(log).unwrap();
        assert!(!text.contains("prepared statement"), "{text}");
    }
}

#[tokio::test]
#[ignore = "needs the pooler of `cargo xtask test --only nodes`"]
async fn two_nodes_that_start_on_an_empty_database_make_its_schema_once() {
    let url = database("fresh").await;
    let folder = tempfile::tempdir().unwrap();
    let client = client();
    // The keys first: two nodes share them, as the operator's manual says.
    let made = command(folder.path(), &url, &["migrate"]);
    assert!(made.status.success(), "{}", said(&made));
    let second = database("fresh_too").await;
    let (a, b) = tokio::join!(
        Program::start(folder.path(), &second, None, &client, &["--pooler"]),
        Program::start(folder.path(), &second, None, &client, &["--pooler"]),
    );
    drop((a, b));
}

#[tokio::test]
#[ignore = "needs the pooler of `cargo xtask test --only nodes`"]
async fn a_server_that_cannot_prove_who_it_is_gets_no_data() {
    let url = database("unproved").await;
    let folder = tempfile::tempdir().unwrap();
    let without = url.split("&sslrootcert=").next().unwrap();
    let tried = command(folder.path(), without, &["migrate"]);
    assert!(!tried.status.success() && said(&tried).contains("sslrootcert"), "{}", said(&tried));
}
