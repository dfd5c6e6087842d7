//! Signing in: the same answer whoever is asked for, captcha, waiting times, the way back.

use crate::kit::{self, Answer, Browser, PASSWORD};
use app::{
    Captcha, Settings,
    clock::{DAY, HOUR, MINUTE},
};
use http::StatusCode;

const NOBODYS: &str = "340103199912319995";

fn after_failures() -> Settings {
    Settings { captcha: Captcha::AfterFailures, ..Settings::default() }
}

#[tokio::test]
async fn the_right_password_opens_and_a_wrong_one_says_what_to_do() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let mut browser = kit.browser();
    let page = browser.sign_in(&account.id_number, "wrong-2026").await;
    assert_eq!((page.status, page.url.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "/login"));
    assert!(page.body.contains("证件号或密码不正确") && page.body.contains("<title>错误:"));
    assert!(page.body.contains(&account.id_number), "the number stays in its field");
    assert!(!page.body.contains("wrong-2026"), "a password is never shown again");
    assert!(browser.cookies.is_empty());
    let page = browser.sign_in(&account.id_number, PASSWORD).await;
    assert_eq!(page.url, "/me");
    assert!(browser.cookies.contains_key("sid"));
    // The number may be typed with spaces and a small x.
    let typed = account.id_number.to_lowercase();
    let typed = format!(" {} {} ", &typed[..6], &typed[6..]);
    assert_eq!(kit.browser().sign_in(&typed, PASSWORD).await.url, "/me");
}

#[tokio::test]
async fn what_is_missing_is_said_at_its_field() {
    let kit = kit::open().await;
    let page = kit.browser().sign_in("", "").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("请填写证件号。") && page.body.contains("请填写密码。"));
    let json = kit.browser().post_json("/login", &serde_json::json!({})).await;
    let fields: Vec<_> =
        json.value()["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(fields, ["id_number", "password"]);
}

#[tokio::test]
async fn nobody_learns_from_the_answer_whether_an_account_exists() {
    let kit = kit::open_with(after_failures()).await;
    let tree = kit.lab.tree().await;
    let claimed = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await.id_number;
    let unclaimed = kit.lab.member(&tree.branch, "张伟").await;
    let unclaimed = kit.id_number(unclaimed).await;
    let mut all = Vec::new();
    for typed in [&*claimed, &*unclaimed, NOBODYS, "340103200102299999", "abc"] {
        let mut answers = Vec::new();
        for _ in 0..3 {
            let page = kit.browser().sign_in(typed, "wrong-2026").await;
            let headers: Vec<String> = page.headers.keys().map(ToString::to_string).collect();
            answers.push((page.status, headers, sameness(&page, typed)));
        }
        all.push(answers);
    }
    for other in &all[1..] {
        for (turn, (one, two)) in all[0].iter().zip(other).enumerate() {
            assert_eq!(one, two, "turn {turn}");
        }
    }
}

/// A sign-in page without what must differ: the number as typed, the captcha, the request's number.
fn sameness(page: &Answer, typed: &str) -> String {
    let mut text = page.timeless().replace(typed, "TYPED");
    for hidden in page.hidden("/login") {
        if hidden.0 == "captcha_id" {
            text = text.replace(&hidden.1, "CAPTCHA");
        }
    }
    let cut = |text: &str, from: &str, to: &str| match text.split_once(from) {
        Some((before, rest)) => format!("{before}{}", rest.split_once(to).map_or("", |r| r.1)),
        None => text.to_owned(),
    };
    cut(&text, "data:image/png;base64,", "\"")
}

#[tokio::test]
async fn after_three_failures_a_captcha_is_asked() {
    let kit = kit::open_with(after_failures()).await;
    let tree = kit.lab.tree().await;
    let id = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await.id_number;
    let mut browser = kit.browser();
    assert!(!browser.get("/login").await.body.contains("captcha_id"));
    for left in [2, 1] {
        let page = browser.sign_in(&id, "wrong-2026").await;
        assert!(page.body.contains(&format!("还可再试{left}次")), "{left}");
        assert!(!page.body.contains("captcha_id"));
    }
    let page = browser.sign_in(&id, "wrong-2026").await;
    assert!(page.body.contains("data:image/png;base64,") && page.body.contains("<audio"));
    // The right password without an answer, or with a wrong one, does not open.
    let page = browser.sign_in(&id, PASSWORD).await;
    assert!(page.body.contains("请填写验证码"), "{}", page.status);
    let fields = [("id_number", &*id), ("password", PASSWORD), ("captcha", "999")];
    let page = browser.submit(&page, "/login", &fields).await;
    assert!(page.body.contains("验证码不正确"));
    kit.lab.clock.advance(5000);
    let answer = crate::guessing::said(&kit, &crate::guessing::captcha_id(&page)).await;
    let fields = [("id_number", &*id), ("password", PASSWORD), ("captcha", &*answer)];
    assert_eq!(browser.submit(&page, "/login", &fields).await.url, "/me");
    // Each captcha is good for one answer.
    let again = kit.browser().submit(&page, "/login", &fields).await;
    assert!(again.url == "/me" || again.body.contains("验证码"), "{}", again.status);
}

async fn wrong_once(browser: &mut Browser, id: &str) -> Answer {
    let page = browser.get("/login").await;
    browser.submit(&page, "/login", &[("id_number", id), ("password", "wrong-2026")]).await
}

#[tokio::test]
async fn guessing_gets_slow_and_the_owner_is_never_out_for_more_than_a_quarter_of_an_hour() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let mut attacker = kit.browser();
    let (mut waits, mut evaluated) = (Vec::new(), 0);
    let begun = kit.lab.house.now();
    while kit.lab.house.now() < begun + DAY - HOUR {
        let page = wrong_once(&mut attacker, &account.id_number).await;
        if page.status == StatusCode::TOO_MANY_REQUESTS {
            let wait: i64 = page.header("retry-after").parse().unwrap();
            assert!(page.body.contains("为了保护账号") && page.body.contains(&wait.to_string()));
            waits.push(wait);
            kit.lab.clock.advance(wait * 1000);
        } else {
            evaluated += 1;
        }
    }
    assert!(waits.windows(2).all(|w| w[0] <= w[1]), "{waits:?}");
    assert!(waits[1] >= 2 * waits[0] - 1 && waits[2] >= 2 * waits[1] - 1, "doubles: {waits:?}");
    let longest = *waits.last().unwrap();
    assert!((600..=901).contains(&longest), "{waits:?}");
    assert!(evaluated <= 120, "{evaluated} guesses in a day");
    // While the attack goes on the owner waits; a quarter of an hour later she is in.
    wrong_once(&mut attacker, &account.id_number).await;
    let page = kit.browser().sign_in(&account.id_number, PASSWORD).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    kit.lab.clock.advance(15 * MINUTE + 1000);
    assert_eq!(kit.browser().sign_in(&account.id_number, PASSWORD).await.url, "/me");
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_waits_whatever_it_says_of_itself() {
    let kit = kit::open().await;
    let mut spraying = kit.browser();
    let mut stopped = None;
    for n in 0..80 {
        spraying.headers = vec![
            ("x-forwarded-for".into(), format!("203.0.113.{n}")),
            ("forwarded".into(), format!("for=203.0.113.{n}")),
            ("x-real-ip".into(), format!("203.0.113.{n}")),
        ];
        let page = wrong_once(&mut spraying, &format!("nobody-{n}")).await;
        if page.status == StatusCode::TOO_MANY_REQUESTS {
            stopped = Some(n);
            break;
        }
    }
    assert_eq!(stopped, Some(60));
    // Somebody in another network is not held up.
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let mut other = kit.browser();
    other.peer = std::net::SocketAddr::from(([198, 51, 100, 1], 5));
    assert_eq!(other.sign_in(&account.id_number, PASSWORD).await.url, "/me");
    assert!(other.get("/me/sessions").await.body.contains("198.51.100.1"));
    // A proxy that the operator trusts is believed, but only its own last word.
    let site =
        web::site::Site::new(kit.lab.house.clone(), false, vec![[192, 0, 2, 7].into()], None);
    let mut behind = Browser::of(&site);
    behind.headers = vec![("x-forwarded-for".into(), "6.6.6.6, 198.51.100.77".into())];
    assert_eq!(behind.sign_in(&account.id_number, PASSWORD).await.url, "/me");
    let list = behind.get("/me/sessions").await.body;
    assert!(list.contains("198.51.100.77") && !list.contains("6.6.6.6"));
}

#[tokio::test]
async fn the_way_back_leads_only_to_our_own_pages() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    for (next, to) in [
        ("/me/settings", "/me/settings"),
        ("/o/x?a=1&b=2", "/o/x?a=1&b=2"),
        ("//evil.example/", "/me"),
        ("https://evil.example", "/me"),
        ("/\\evil.example", "/me"),
        ("/\t/evil.example", "/me"),
        ("javascript:alert(1)", "/me"),
        ("/login?next=/login", "/me"),
        ("", "/me"),
    ] {
        let mut browser = kit.browser();
        let query = serde_html_form::to_string([("next", next)]).unwrap();
        let page = browser.get(&format!("/login?{query}")).await;
        let mut fields: Vec<(String, String)> = page.hidden("/login");
        fields.push(("id_number".into(), account.id_number.clone()));
        fields.push(("password".into(), PASSWORD.into()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (&**k, &**v)).collect();
        let answer = browser.post_once("/login", &fields).await;
        assert_eq!(answer.redirect().as_deref(), Some(to), "{next:?}");
        // And when it stands in the posted form itself.
        let fields = [("id_number", &*account.id_number), ("password", PASSWORD), ("next", next)];
        let answer = kit.browser().post_once("/login", &fields).await;
        assert_eq!(answer.redirect().as_deref(), Some(to), "{next:?}");
    }
}
