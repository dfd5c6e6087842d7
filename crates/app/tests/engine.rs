//! The background work as tasks that do not wait for one another: what hangs, fails, panics or is
//! killed keeps nothing else waiting, and is seen.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, House, Settings, Who, act,
    clock::MINUTE,
    clockwork::Wheel,
    engine,
    imports::{self, Mode, Source},
    jobs::{self, Class, Job, JobId},
    messages::{self, Channels, Message, To, Webhook},
    testkit::{self, Lab, Tree},
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::net::TcpListener;

/// The longest that a test waits for something that comes by itself; nothing is timed.
const LOOKS: u32 = 3_000;

/// Runs the background work beside `test`, until that is over.
async fn beside<T>(
    house: &House,
    wheels: Option<&'static [Wheel]>,
    test: impl Future<Output = T>,
) -> T {
    let never = std::future::pending::<()>();
    let work = async {
        match wheels {
            Some(wheels) => engine::work_with(house.clone(), wheels, never).await,
            None => engine::work(house.clone(), never).await,
        }
    };
    tokio::select! {
        () = work => unreachable!("it works for ever"),
        done = test => done,
    }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..LOOKS {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came that {what}");
}

async fn count(house: &House, text: &str) -> i64 {
    let mut tx = house.db().read().await.unwrap();
    let (n,): (i64,) = tx.one(db::Sql::built(text.to_owned()), &[]).await.unwrap();
    n
}

async fn state(house: &House, id: JobId) -> jobs::State {
    let mut cx = house.read(Who::System("test")).await.unwrap();
    jobs::state(&mut cx, id).await.unwrap()
}

/// A job that panics whenever it is run.
async fn falling(lab: &Lab) -> JobId {
    let put = act!(lab.house, Who::System("test"), |cx| {
        jobs::enqueue(cx, &Job::Rejudge, None, 0).await
    });
    let job = put.unwrap();
    testkit::let_fall(job);
    job
}

/// A list that is ready to be imported, and the job that was put in for it.
async fn started_import(lab: &Lab, tree: &Tree, rows: usize) -> JobId {
    let who = lab.admin(&tree.branch, "王老师").await;
    let head = "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t发展团员编号\t手机号码";
    let mut text = head.to_owned();
    for _ in 0..rows {
        let id = lab.next_id_number();
        text.push_str(&format!("\n李明\t{id}\t汉\t共青团员\t本科\t2016-05\t\t13812346021"));
    }
    let read = imports::read(&lab.house, Source::Pasted(text)).await.unwrap();
    let import = act!(lab.house, who.clone(), |cx| imports::stage(cx, &tree.branch, &read).await);
    let id = import.unwrap().id;
    act!(lab.house, who.clone(), |cx| imports::commit(cx, id, Mode::Good).await).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_never_answers_keeps_neither_imports_nor_counters_nor_deadlines_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let webhook = Some(Webhook { url, secret: "s".into() });
    let settings = Settings {
        channels: Channels { webhook, smtp: None },
        captcha: app::Captcha::Off,
        ..Settings::default()
    };
    let lab = testkit::fresh_with(settings).await;
    let tree = lab.tree().await;
    for n in 0..180 {
        act!(lab.house, Who::System("test"), |cx| {
            let message = Message {
                to: To::Org(tree.branch.id),
                kind: "test",
                title: format!("第{n}件"),
                body: "正文".into(),
                href: "/".into(),
            };
            messages::send(cx, message).await
        })
        .unwrap();
    }
    let job = started_import(&lab, &tree, 3).await;
    assert!(count(&lab.house, "SELECT COUNT(*) FROM event_unsealed").await > 0);
    // Accepts every call, and keeps it.
    let held = async {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.unwrap());
        }
    };
    let test = async {
        until("letters hang", async || {
            count(&lab.house, "SELECT COUNT(*) FROM outbox WHERE attempts > 0").await > 0
        })
        .await;
        until("the import is done", async || state(&lab.house, job).await.state == "done").await;
        until("the counters are folded", async || {
            lab.clock.advance(1_000);
            count(&lab.house, "SELECT COUNT(*) FROM delta").await == 0
        })
        .await;
        until("the audit book is sealed", async || {
            lab.clock.advance(1_000);
            count(&lab.house, "SELECT COUNT(*) FROM event_unsealed").await == 0
        })
        .await;
        until("deadlines were looked at", async || {
            lab.clock.advance(1_000);
            count(&lab.house, "SELECT COUNT(*) FROM lease WHERE name LIKE 'overdue %'").await == 3
        })
        .await;
        let sent = count(&lab.house, "SELECT COUNT(*) FROM outbox WHERE state = 'sent'").await;
        assert_eq!(sent, 0, "the letters still hang");
    };
    tokio::select! {
        () = beside(&lab.house, None, test) => {}
        () = held => unreachable!("it holds for ever"),
    }
}

static SLOW: AtomicU64 = AtomicU64::new(0);
static QUICK: AtomicU64 = AtomicU64::new(0);
static ONE_HANGS: [Wheel; 2] = [
    Wheel {
        name: "hangs",
        every: 1,
        always: false,
        turn: |_| {
            Box::pin(async {
                SLOW.fetch_add(1, Ordering::SeqCst);
                std::future::pending().await
            })
        },
    },
    Wheel {
        name: "goes on",
        every: 0,
        always: false,
        turn: |_| {
            Box::pin(async {
                QUICK.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        },
    },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_task_that_hangs_delays_no_other_and_is_seen() {
    let lab = testkit::fresh().await;
    let test = async {
        until("the other had three turns", async || QUICK.load(Ordering::SeqCst) >= 3).await;
        assert_eq!(SLOW.load(Ordering::SeqCst), 1);
        lab.clock.advance(4 * MINUTE);
        let stale = async || {
            let now = lab.house.now();
            let beats = lab.house.pulse().all();
            let stale = beats.into_iter().filter(|beat| beat.is_stale(now)).map(|beat| beat.name);
            stale.collect::<Vec<_>>()
        };
        until("only the one that hangs counts as stopped", async || {
            stale().await == ["scheduled:hangs"]
        })
        .await;
    };
    beside(&lab.house, Some(&ONE_HANGS), test).await;
}

static AFTER: AtomicU64 = AtomicU64::new(0);
static ONE_FALLS: [Wheel; 2] = [
    Wheel {
        name: "falls",
        every: 0,
        always: false,
        turn: |_| Box::pin(async { panic!("a scheduled task fell") }),
    },
    Wheel {
        name: "goes on",
        every: 0,
        always: false,
        turn: |_| {
            Box::pin(async {
                AFTER.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        },
    },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_and_jobs_that_panic_are_counted_begun_again_and_stop_nobody() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let fall = falling(&lab).await;
    let import = started_import(&lab, &tree, 3).await;
    let panics = |name: &'static str| {
        let beats = lab.house.pulse().all();
        beats.iter().find(|beat| beat.name == name).map_or(0, |beat| beat.panics)
    };
    let test = async {
        until("the task fell twice", async || panics("scheduled:falls") >= 2).await;
        until("the job fell twice", async || {
            lab.clock.advance(MINUTE);
            panics("worker:long:1") >= 2
        })
        .await;
        until("another task goes on", async || AFTER.load(Ordering::SeqCst) >= 3).await;
        until("another job is done", async || state(&lab.house, import).await.state == "done")
            .await;
        until("the job is set aside", async || {
            lab.clock.advance(2 * MINUTE);
            state(&lab.house, fall).await.state == "failed"
        })
        .await;
    };
    beside(&lab.house, Some(&ONE_FALLS), test).await;
    let (state, attempts) = planted(&lab, fall).await;
    assert_eq!((state.as_str(), attempts), ("failed", 8));
}

async fn planted(lab: &Lab, id: JobId) -> (String, i64) {
    let mut tx = lab.house.db().read().await.unwrap();
    tx.one(db::sql!("SELECT state, attempts FROM job WHERE id = $1"), db::args![id]).await.unwrap()
}

#[tokio::test]
async fn a_job_that_was_begun_too_often_is_set_aside_for_the_operators_and_begins_anew_by_their_word()
 {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let operator = lab.operator(&tree.centre, "钱进").await;
    let admin = lab.admin(&tree.branch, "王老师").await;
    let job = started_import(&lab, &tree, 2).await;
    let plant = format!("UPDATE job SET attempts = 500 WHERE id = {}", job.0);
    lab.scratch.vandalise(&plant).await.unwrap();
    jobs::run_all(&lab.house).await.unwrap();
    assert_eq!(planted(&lab, job).await, ("failed".into(), 500), "it is not run again");
    assert_eq!(count(&lab.house, "SELECT COUNT(*) FROM member").await, 0);
    let mut cx = lab.house.read(operator.clone()).await.unwrap();
    let shown = jobs::failed(&mut cx).await.unwrap();
    assert_eq!((shown.len(), shown[0].id, shown[0].attempts), (1, job, 500));
    drop(cx);
    lab.is_whole().await;
    let refused = act!(lab.house, admin.clone(), |cx| jobs::retry(cx, job).await);
    assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
    act!(lab.house, operator.clone(), |cx| jobs::retry(cx, job).await).unwrap();
    let twice = act!(lab.house, operator.clone(), |cx| jobs::retry(cx, job).await);
    assert!(matches!(twice, Err(Error::Conflict(_))), "{twice:?}");
    jobs::run_all(&lab.house).await.unwrap();
    assert_eq!(planted(&lab, job).await, ("done".into(), 1));
    assert_eq!(count(&lab.house, "SELECT COUNT(*) FROM member").await, 2);
    // One that is given up stays so.
    let fall = falling(&lab).await;
    lab.scratch
        .vandalise(&format!("UPDATE job SET attempts = 8 WHERE id = {}", fall.0))
        .await
        .unwrap();
    jobs::run_all(&lab.house).await.unwrap();
    act!(lab.house, operator.clone(), |cx| jobs::drop_failed(cx, fall).await).unwrap();
    jobs::run_all(&lab.house).await.unwrap();
    assert_eq!(planted(&lab, fall).await, ("dropped".into(), 8));
    lab.is_whole().await;
}

#[tokio::test]
async fn an_import_does_not_wait_for_the_long_jobs_before_it() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    for job in [Job::Rekey, Job::Rejudge] {
        act!(lab.house, Who::System("test"), |cx| jobs::enqueue(cx, &job, None, 0).await).unwrap();
    }
    let import = started_import(&lab, &tree, 2).await;
    assert!(jobs::run_next_of(&lab.house, Class::Urgent, "").await.unwrap());
    assert_eq!(state(&lab.house, import).await.state, "done");
    assert!(
        !jobs::run_next_of(&lab.house, Class::Urgent, "").await.unwrap(),
        "no long job is taken"
    );
    assert_eq!(count(&lab.house, "SELECT COUNT(*) FROM job WHERE state = 'waiting'").await, 2);
}

#[tokio::test]
async fn after_a_kill_a_node_takes_its_own_jobs_again_at_once_and_nobody_elses() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let import = started_import(&lab, &tree, 2).await;
    let fall = falling(&lab).await;
    // Claimed by two programs, and both leases still run.
    let until = lab.house.now() + MINUTE;
    for (node, job) in [("one", import), ("two", fall)] {
        let claimed = format!(
            "UPDATE job SET state = 'running', owner = 'X', node = '{node}', lease_until = {until}, attempts = 1 WHERE id = {}",
            job.0
        );
        lab.scratch.vandalise(&claimed).await.unwrap();
    }
    let again = |node: &str, dead: &[&str]| Settings {
        node: node.into(),
        dead_nodes: dead.iter().map(|node| (*node).to_owned()).collect(),
        ..lab.house.settings().clone()
    };
    let third = lab.node_with(again("three", &[])).await;
    jobs::take_back(&third).await.unwrap();
    jobs::run_all(&third).await.unwrap();
    assert_eq!(
        state(&lab.house, import).await.state,
        "running",
        "another node's job is left alone"
    );
    let one = lab.node_with(again("one", &[])).await;
    jobs::take_back(&one).await.unwrap();
    jobs::run_all(&one).await.unwrap();
    assert_eq!(planted(&lab, import).await, ("done".into(), 2));
    assert_eq!(state(&lab.house, fall).await.state, "running");
    // A program of this folder that surely runs no more.
    let heir = lab.node_with(again("four", &["two"])).await;
    jobs::take_back(&heir).await.unwrap();
    assert_eq!(state(&lab.house, fall).await.state, "waiting");
}

#[tokio::test]
async fn while_no_changes_are_taken_jobs_and_deadlines_wait_and_go_on_afterwards() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let job = started_import(&lab, &tree, 2).await;
    lab.house.set_read_only(true);
    jobs::run_all(&lab.house).await.unwrap();
    jobs::tick(&lab.house).await.unwrap();
    assert_eq!(state(&lab.house, job).await.state, "waiting");
    assert_eq!(count(&lab.house, "SELECT COUNT(*) FROM lease WHERE name LIKE 'overdue%'").await, 0);
    assert_eq!(
        count(&lab.house, "SELECT COUNT(*) FROM event_unsealed").await,
        0,
        "the book is sealed"
    );
    lab.house.set_read_only(false);
    jobs::run_all(&lab.house).await.unwrap();
    assert_eq!(state(&lab.house, job).await.state, "done");
}
