//! Sign-ins: how long they last, how they end, and that they can't be planted.

use crate::kit::{self, Account, Browser, Kit, PASSWORD};
use app::clock::{HOUR, MINUTE};
use http::StatusCode;

async fn somebody(kit: &Kit) -> Account {
    let tree = kit.lab.tree().await;
    kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await
}

/// Whether the sign-in still opens pages.
async fn is_in(browser: &mut Browser) -> bool {
    browser.json("/me/settings").await.status == StatusCode::OK
}

/// Visits a page and waits until the use of the sign-in was noted, which happens after the answer.
async fn visit(kit: &Kit, browser: &mut Browser) {
    assert!(is_in(browser).await);
    for _ in 0..500 {
        let seen = kit.number("SELECT MAX(seen_at) FROM session").await;
        if seen > kit.lab.house.now() - MINUTE {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the use of the sign-in was not noted");
}

#[tokio::test]
async fn half_an_hour_without_a_visit_ends_a_sign_in_and_visits_prolong_it() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let mut browser = kit.sign_in(&account).await;
    for _ in 0..3 {
        kit.lab.clock.advance(29 * MINUTE);
        visit(&kit, &mut browser).await;
    }
    kit.lab.clock.advance(30 * MINUTE + 1);
    assert!(!is_in(&mut browser).await);
    let page = browser.get("/me/settings").await;
    assert!(page.url.starts_with("/login?next=%2Fme%2Fsettings"), "{}", page.url);
    // A late visit does not call it back to life.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(!is_in(&mut browser).await);
}

#[tokio::test]
async fn twelve_hours_end_a_sign_in_however_busy() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let mut browser = kit.sign_in(&account).await;
    for _ in 0..28 {
        kit.lab.clock.advance(25 * MINUTE);
        visit(&kit, &mut browser).await;
    }
    kit.lab.clock.advance(12 * HOUR - 28 * 25 * MINUTE + 1);
    assert!(!is_in(&mut browser).await);
}

#[tokio::test]
async fn a_cookie_planted_before_the_sign_in_opens_nothing() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let mut browser = kit.browser();
    browser.cookies.insert("sid".into(), "PLANTED".into());
    browser.sign_in(&account.id_number, PASSWORD).await;
    let first = browser.cookies["sid"].clone();
    assert_ne!(first, "PLANTED");
    let mut planter = kit.browser();
    planter.cookies.insert("sid".into(), "PLANTED".into());
    assert!(!is_in(&mut planter).await);
    // Every sign-in has a secret of its own, long enough to be one.
    browser.sign_in(&account.id_number, PASSWORD).await;
    assert_ne!(browser.cookies["sid"], first);
    assert!(first.len() >= 32);
    assert_eq!(kit.number("SELECT COUNT(*) FROM session").await, 2);
}

#[tokio::test]
async fn cookies_are_out_of_reach_of_scripts_and_secure_behind_https() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let fields = [("id_number", &*account.id_number), ("password", PASSWORD)];
    let plain = kit.browser().post_once("/login", &fields).await;
    let cookie = plain.header("set-cookie").to_owned();
    assert!(cookie.starts_with("sid=") && !cookie.contains("Secure"), "{cookie}");
    for word in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let site = web::site::Site::new(kit.lab.house.clone(), true, Vec::new(), None);
    let mut browser = Browser::of(&site);
    let secure = browser.post_once("/login", &fields).await;
    let cookie = secure.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-sid=") && cookie.contains("Secure"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert!(secure.header("strict-transport-security").contains("max-age=31536000"));
    assert!(is_in(&mut browser).await);
}

#[tokio::test]
async fn leaving_ends_the_sign_in_for_the_cookie_s_thief_as_well() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let mut browser = kit.sign_in(&account).await;
    let mut thief = browser.clone();
    let page = browser.post("/logout", &[]).await;
    assert_eq!(page.url, "/login");
    assert!(!browser.cookies.contains_key("sid"));
    assert!(!is_in(&mut thief).await);
}

#[tokio::test]
async fn a_new_password_ends_all_other_sign_ins_and_keeps_this_one() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let (mut here, mut there) = (kit.sign_in(&account).await, kit.sign_in(&account).await);
    let page = here.get("/me/settings").await;
    let wrong =
        [("old", "no-2026-no"), ("password", "tianzhu-2026"), ("password_again", "tianzhu-2026")];
    let answer = here.submit(&page, "/me/password", &wrong).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("原密码不正确") && !answer.body.contains("tianzhu-2026"));
    assert!(is_in(&mut there).await);
    let fields =
        [("old", PASSWORD), ("password", "tianzhu-2026"), ("password_again", "tianzhu-2026")];
    let answer = here.submit(&page, "/me/password", &fields).await;
    assert_eq!(answer.url, "/me/settings");
    assert!(answer.body.contains("密码已修改"));
    assert!(is_in(&mut here).await && !is_in(&mut there).await);
    // The very same form again, as by a double click: the same answer, nothing done twice.
    let answer = here.submit(&page, "/me/password", &fields).await;
    assert!(answer.body.contains("密码已修改"), "{}", answer.status);
    assert_eq!(
        kit.number("SELECT COUNT(*) FROM event WHERE kind = 'account.password_changed'").await,
        1
    );
    assert_eq!(kit.browser().sign_in(&account.id_number, PASSWORD).await.url, "/login");
    assert_eq!(kit.browser().sign_in(&account.id_number, "tianzhu-2026").await.url, "/me");
}

#[tokio::test]
async fn one_sees_ones_sign_ins_and_ends_them_but_nobody_elses() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let (mut here, mut there) = (kit.sign_in(&account).await, kit.sign_in(&account).await);
    there.headers =
        vec![("user-agent".into(), "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0".into())];
    there.sign_in(&account.id_number, PASSWORD).await;
    let page = here.get("/me/sessions").await;
    assert!(page.body.contains("现在有3处登录") && page.body.contains("Firefox(Windows)"));
    assert!(page.body.contains("192.0.2.7") && page.body.contains("本机"));
    // Somebody else can't end it, whatever id she sends.
    let stranger = kit.lab.person("李娜").await;
    let stranger = kit.account(stranger).await;
    let mut stranger = kit.sign_in(&stranger).await;
    let list = here.json("/me/sessions").await.value();
    let other = list["list"].as_array().unwrap().iter().find(|s| s["present"] == false).unwrap();
    let id = other["id"].as_str().unwrap().to_owned();
    stranger.post("/me/sessions/end", &[("id", &id)]).await;
    assert!(here.get("/me/sessions").await.body.contains("现在有3处登录"));
    // She ends one, then all others; two buttons of one page are two pieces of work.
    let ended = here.submit(&page, "/me/sessions/end", &[("id", &id)]).await;
    assert!(ended.body.contains("已注销1处登录"), "{}", ended.status);
    let page_again = page;
    let rest: Vec<(String, String)> = page_again.hidden("/me/sessions/end");
    let idem = rest.iter().find(|(k, _)| k == "_idem").unwrap().1.clone();
    let ended = here.post("/me/sessions/end", &[("_idem", &idem)]).await;
    assert!(ended.body.contains("已注销1处登录"));
    assert!(is_in(&mut here).await && !is_in(&mut there).await);
    let ended = here.post("/me/sessions/end", &[("id", "not-a-number")]).await;
    assert_eq!(ended.status, StatusCode::UNPROCESSABLE_ENTITY, "nonsense ends nothing");
}
