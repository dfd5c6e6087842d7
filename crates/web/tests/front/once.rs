//! One form, one effect: double clicks, retries of programs, and forms that outlive a sign-in (E23).

use crate::kit::{self, Browser, Kit, PASSWORD};
use app::clock::MINUTE;
use http::{Method, StatusCode};
use serde_json::json;

const ENDED: &str = "SELECT COUNT(*) FROM event WHERE kind = 'account.signed_out'";

async fn somebody(kit: &Kit) -> (kit::Account, Browser) {
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let browser = kit.sign_in(&account).await;
    (account, browser)
}

#[tokio::test]
async fn the_same_form_twice_has_one_effect_and_one_answer() {
    let kit = kit::open().await;
    let (account, mut browser) = somebody(&kit).await;
    kit.sign_in(&account).await;
    let form = [("_idem", "K1")];
    let first = browser.post("/me/sessions/end", &form).await;
    let second = browser.post("/me/sessions/end", &form).await;
    for page in [&first, &second] {
        assert!(page.body.contains("已注销1处登录"), "{}", page.body);
    }
    assert_eq!(kit.number(ENDED).await, 1);
    // Another key is another form.
    let third = browser.post("/me/sessions/end", &[("_idem", "K2")]).await;
    assert!(third.body.contains("没有别处的登录需要注销"));
}

#[tokio::test]
async fn the_same_form_many_times_at_once_has_one_effect_and_one_answer() {
    let kit = kit::open().await;
    let (account, browser) = somebody(&kit).await;
    kit.sign_in(&account).await;
    let clicks = (0..8).map(|_| {
        let mut browser = browser.clone();
        async move { browser.post_once("/me/sessions/end", &[("_idem", "K1")]).await }
    });
    let answers = futures::future::join_all(clicks).await;
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        assert_eq!(answer.header("set-cookie"), answers[0].header("set-cookie"));
    }
    assert_eq!(kit.number(ENDED).await, 1);
}

#[tokio::test]
async fn a_program_repeats_with_its_key_and_may_not_reuse_it() {
    let kit = kit::open().await;
    let (account, mut browser) = somebody(&kit).await;
    kit.sign_in(&account).await;
    browser.headers = vec![("idempotency-key".into(), "job-1".into())];
    let first = browser.post_json("/me/sessions/end", &json!({})).await;
    let second = browser.post_json("/me/sessions/end", &json!({})).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.value(), second.value());
    assert!(first.value()["flash"].as_str().unwrap().contains("1 处"));
    assert_eq!(kit.number(ENDED).await, 1);
    let other = browser.post_json("/me/sessions/end", &json!({ "id": "1" })).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.value()["errors"][0]["field"], "idempotency-key");
    assert_eq!(kit.number(ENDED).await, 1);
    // The key of somebody else is none of mine.
    let stranger = kit.lab.person("李娜").await;
    let stranger = kit.account(stranger).await;
    let mut stranger = kit.sign_in(&stranger).await;
    stranger.headers = vec![("idempotency-key".into(), "job-1".into())];
    assert_eq!(stranger.post_json("/me/sessions/end", &json!({})).await.status, StatusCode::OK);
    assert_eq!(kit.number(ENDED).await, 2);
}

#[tokio::test]
async fn a_refused_form_is_not_taken_for_carried_out() {
    let kit = kit::open().await;
    let (_, mut browser) = somebody(&kit).await;
    let wrong = [("_idem", "K1"), ("old", "x"), ("password", "y"), ("password_again", "y")];
    assert_eq!(browser.post("/me/password", &wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let right = [
        ("_idem", "K1"),
        ("old", PASSWORD),
        ("password", "tianzhu-2026"),
        ("password_again", "tianzhu-2026"),
    ];
    assert!(browser.post("/me/password", &right).await.body.contains("密码已修改"));
}

#[tokio::test]
async fn a_form_that_outlives_the_sign_in_is_kept_and_sent_on_once() {
    let kit = kit::open().await;
    let (account, mut browser) = somebody(&kit).await;
    let typed = "<b>\"深蓝\"&'色'</b>\r\n第二行";
    let form = [
        ("theme", "blue"),
        ("note", typed),
        ("part", "一"),
        ("part", "二"),
        ("_idem", "K1"),
        ("password", "geheim-2026"),
    ];
    kit.lab.clock.advance(31 * MINUTE);
    let page = browser.post("/me/look", &form).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(page.body.contains("刚才填写的内容已保留") && page.body.contains("name=\"id_number\""));
    assert!(!page.body.contains("geheim-2026"), "a password is not kept");
    // A wrong password in between loses nothing.
    let wrong = [("id_number", &*account.id_number), ("password", "wrong-2026")];
    let hidden = page.form("/login");
    let page = send(&mut browser, &page, &wrong).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{hidden}");
    let right = [("id_number", &*account.id_number), ("password", PASSWORD)];
    let page = send(&mut browser, &page, &right).await;
    assert!(page.body.contains("继续提交"), "{}", page.body);
    let kept = page.hidden("/me/look");
    let expected: Vec<(String, String)> = form
        .iter()
        .filter(|(k, _)| *k != "password")
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    assert_eq!(kept, expected);
    assert!(!browser.cookies.contains_key("theme"), "nothing is sent by itself");
    let fields: Vec<(&str, &str)> = kept.iter().map(|(k, v)| (&**k, &**v)).collect();
    browser.post("/me/look", &fields).await;
    assert_eq!(browser.cookies["theme"], "blue");
}

/// Sends the sign-in form with all its hidden fields, repeated ones as well.
async fn send(browser: &mut Browser, page: &kit::Answer, fields: &[(&str, &str)]) -> kit::Answer {
    let hidden = page.hidden("/login");
    let mut all: Vec<(&str, &str)> = hidden.iter().map(|(k, v)| (&**k, &**v)).collect();
    all.extend_from_slice(fields);
    browser.post("/login", &all).await
}

#[tokio::test]
async fn a_file_that_outlives_the_sign_in_leads_back_to_its_page() {
    let kit = kit::open().await;
    let (account, mut browser) = somebody(&kit).await;
    kit.lab.clock.advance(31 * MINUTE);
    browser.headers = vec![("referer".into(), "http://tuanjian.test/me/settings?x=1".into())];
    let head = [("accept", "text/html"), ("content-type", "multipart/form-data; boundary=x")];
    let page = browser.once(Method::POST, "/me/look", &head, b"--x--\r\n".to_vec()).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(!page.body.contains("内容已保留"), "a file is not kept, and the page does not say so");
    let fields = [("id_number", &*account.id_number), ("password", PASSWORD)];
    assert_eq!(send(&mut browser, &page, &fields).await.url, "/me/settings?x=1");
}

#[tokio::test]
async fn while_nothing_may_be_changed_a_form_is_kept_for_another_try() {
    let kit = kit::open().await;
    let (_, mut browser) = somebody(&kit).await;
    kit.site.house().set_read_only(true);
    let page = browser.get("/me/settings").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("现在只能查看、不能办理"));
    let page = browser.post("/me/sessions/end", &[("id", "12"), ("_idem", "K1")]).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(page.header("retry-after"), "20");
    assert!(page.body.contains("系统正在维护") && page.body.contains("重新提交"));
    let kept = page.hidden("/me/sessions/end");
    assert_eq!(kept, [("id".to_owned(), "12".to_owned()), ("_idem".into(), "K1".into())]);
    let json = browser.post_json("/me/sessions/end", &json!({})).await;
    assert_eq!(json.value()["code"], "read_only");
    assert!(kit.browser().get("/status").await.body.contains("维护中"));
    kit.site.house().set_read_only(false);
    let page = browser.submit(&page, "/me/sessions/end", &[("id", "")]).await;
    assert!(page.body.contains("已注销"));
}
