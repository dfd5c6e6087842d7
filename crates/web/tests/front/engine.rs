//! The program itself as its operators see it: health, metrics, what was set aside, the switch.

use crate::kit::{self, Kit};
use app::{
    Who, act,
    clock::MINUTE,
    clockwork::Wheel,
    engine,
    jobs::{self, Job},
    testkit::{self, Tree},
};
use http::{Method, StatusCode};
use std::time::Duration;

struct World {
    kit: Kit,
    tree: Tree,
    operator: Who,
}

async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let operator = kit.lab.operator(&tree.centre, "钱进").await;
    World { kit, tree, operator }
}

#[tokio::test]
async fn while_nothing_may_be_changed_people_sign_in_and_read_and_operators_end_it_on_their_page() {
    let w = world().await;
    let base = format!("/o/{}", w.tree.centre.code);
    let mut operator = w.kit.sign_in_as(&w.operator).await;
    let page = operator.get(&format!("{base}/ops/engine")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let switch = format!("{base}/ops/read-only");
    let on = operator.submit(&page, &switch, &[("reason", "今晚22:00前恢复")]).await;
    assert!(on.body.contains("已进入只读状态"), "{}", on.body);
    let health = w.kit.browser().get("/health").await;
    assert_eq!(health.status, StatusCode::OK);
    assert!(health.body.contains("mode read_only"), "{}", health.body);
    // Signing in, reading, signing out.
    let account = w.kit.account_of(&w.kit.lab.admin(&w.tree.branch, "王芳").await).await;
    let mut admin = w.kit.sign_in(&account).await;
    let home = admin.get(&format!("/o/{}", w.tree.branch.code)).await;
    assert_eq!(home.status, StatusCode::OK, "{}", home.body);
    assert!(home.body.contains("今晚22:00前恢复"), "{}", home.body);
    let new = format!("/o/{}/members/new", w.tree.branch.code);
    let refused = admin.post(&new, &[("name", "张伟"), ("mobile", "13812346021")]).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        refused.body.contains("系统正在维护") && refused.body.contains("张伟"),
        "{}",
        refused.body
    );
    assert_eq!(admin.post_json(&new, &serde_json::json!({})).await.value()["code"], "read_only");
    // Strangers change nothing either.
    let join = w.kit.browser().post("/activate", &[("name", "x")]).await;
    assert_eq!(join.status, StatusCode::SERVICE_UNAVAILABLE);
    let out = admin.post("/logout", &[]).await;
    assert!(out.status.is_success() || out.status.is_redirection(), "{}", out.status);
    // Another node follows, and so does this one when the switch is set back.
    let node = w.kit.lab.second_node().await;
    app::read_only::follow(&node).await.unwrap();
    assert!(node.is_read_only());
    let page = operator.get(&format!("{base}/ops/engine")).await;
    assert!(
        page.body.contains("今晚22:00前恢复") && page.body.contains("结束只读状态"),
        "{}",
        page.body
    );
    let off = operator.submit(&page, &switch, &[]).await;
    assert!(off.body.contains("已结束只读状态"), "{}", off.body);
    app::read_only::follow(&node).await.unwrap();
    assert!(!node.is_read_only() && !w.kit.lab.house.is_read_only());
    w.kit.lab.is_whole().await;
}

#[tokio::test]
async fn a_program_started_as_read_only_stays_so_until_somebody_sets_the_switch() {
    let w = world().await;
    let house = &w.kit.lab.house;
    house.set_read_only(true);
    app::read_only::follow(house).await.unwrap();
    assert!(house.is_read_only(), "the first look decides nothing");
    app::read_only::set_by_command(house, false, "").await.unwrap();
    app::read_only::follow(house).await.unwrap();
    assert!(!house.is_read_only());
}

#[tokio::test]
async fn metrics_are_not_for_the_public() {
    let w = world().await;
    let mut browser = w.kit.browser();
    assert_eq!(browser.get("/metrics").await.status, StatusCode::FORBIDDEN);
    w.kit
        .site
        .open_metrics(web::site::MetricsFor { this_machine: false, token: Some("offen".into()) });
    for (token, status) in [("zu", StatusCode::FORBIDDEN), ("offen", StatusCode::OK)] {
        let head = [("authorization", &*format!("Bearer {token}"))];
        let answer = browser.once(Method::GET, "/metrics", &head, Vec::new()).await;
        assert_eq!(answer.status, status, "{token}");
        assert_eq!(answer.body.contains("tuanjian_jobs_failed 0"), status == StatusCode::OK);
    }
}

#[tokio::test]
async fn health_says_that_the_program_stops_before_it_does() {
    let w = world().await;
    assert!(w.kit.browser().get("/health").await.body.starts_with("ok\nversion "));
    w.kit.site.say_stopping();
    let health = w.kit.browser().get("/health").await;
    assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(health.body.starts_with("stopping\n"), "{}", health.body);
}

static HANGS: [Wheel; 1] =
    [Wheel { name: "hangs", every: 1, always: false, turn: |_| Box::pin(std::future::pending()) }];

#[tokio::test]
async fn health_turns_bad_when_a_task_of_the_background_has_stopped() {
    let w = world().await;
    let house = w.kit.lab.house.clone();
    let test = async {
        let mut tasks = Vec::new();
        for _ in 0..500 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let health = w.kit.browser().json("/health").await.value();
            tasks = health["tasks"].as_array().unwrap().clone();
            if !tasks.is_empty() {
                assert_eq!(health["status"], "ok");
                break;
            }
        }
        assert!(tasks.iter().any(|task| task["name"] == "scheduled:hangs"), "{tasks:?}");
        w.kit.lab.clock.advance(4 * MINUTE);
        let health = w.kit.browser().get("/health").await;
        assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(health.body.starts_with("background\n"), "{}", health.body);
        let line = health.body.lines().find(|l| l.starts_with("scheduled:hangs")).unwrap();
        assert_eq!(line, "scheduled:hangs 240000 ms stale");
    };
    tokio::select! {
        () = engine::work_with(house, &HANGS, std::future::pending()) => unreachable!(),
        () = test => {}
    }
}

#[tokio::test]
async fn a_job_that_was_set_aside_is_shown_to_operators_who_retry_or_drop_it() {
    let w = world().await;
    let house = &w.kit.lab.house;
    let put = act!(house, Who::System("test"), |cx| jobs::enqueue(cx, &Job::Rekey, None, 0).await);
    let job = put.unwrap();
    testkit::let_fall(job);
    for _ in 0..8 {
        jobs::run_all(house).await.unwrap();
        w.kit.lab.clock.advance(2 * MINUTE);
    }
    let mut operator = w.kit.sign_in_as(&w.operator).await;
    let at = format!("/o/{}/ops/engine", w.tree.centre.code);
    let page = operator.get(&at).await;
    assert!(
        page.body.contains("更换加密密钥") && page.body.contains("a job fell"),
        "{}",
        page.body
    );
    let again = operator.submit(&page, &format!("{at}/jobs/{}/retry", job.0), &[]).await;
    assert!(again.body.contains("已重新排队"), "{}", again.body);
    for _ in 0..8 {
        jobs::run_all(house).await.unwrap();
        w.kit.lab.clock.advance(2 * MINUTE);
    }
    let page = operator.get(&at).await;
    let dropped = operator.submit(&page, &format!("{at}/jobs/{}/drop", job.0), &[]).await;
    assert!(dropped.body.contains("已放弃这项任务"), "{}", dropped.body);
    w.kit.lab.is_whole().await;
}
