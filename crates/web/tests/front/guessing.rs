//! Guessing at sign-ins, many at once and at many accounts: what is counted, who is held up, who
//! is not, and who is told. Bounded loops against the pages themselves.

use crate::kit::{self, Account, Answer, Browser, Kit, PASSWORD};
use app::{Captcha, Settings, clock::DAY, keys::Place};
use http::StatusCode;

fn after_failures() -> Settings {
    Settings { captcha: Captcha::AfterFailures, ..Settings::default() }
}

/// A browser in a network of its own.
fn from_network(kit: &Kit, n: usize) -> Browser {
    let mut browser = kit.browser();
    let (a, b) = (u8::try_from(n / 200).unwrap(), u8::try_from(n % 200).unwrap());
    browser.peer = std::net::SocketAddr::from(([10, a, b, 9], 40000));
    browser
}

async fn guess(browser: &mut Browser, id: &str, password: &str) -> Answer {
    browser.post_once("/login", &[("id_number", id), ("password", password)]).await
}

async fn somebody(kit: &Kit) -> Account {
    let tree = kit.lab.tree().await;
    kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await
}

fn was_judged(page: &Answer) -> bool {
    page.status == StatusCode::UNPROCESSABLE_ENTITY && page.body.contains("证件号或密码不正确")
}

/// What a captcha says, as somebody who sees or hears it knows.
pub(crate) async fn said(kit: &Kit, id: &str) -> String {
    let mut tx = kit.lab.house.db().read().await.unwrap();
    let (sealed,): (Vec<u8>,) =
        tx.one(db::sql!("SELECT spoken FROM captcha WHERE id = $1"), db::args![id]).await.unwrap();
    let place = Place { column: "captcha.spoken", row: 0 };
    kit.lab.house.keys().unseal(place, &sealed).unwrap().to_string()
}

pub(crate) fn captcha_id(page: &Answer) -> String {
    let hidden = page.hidden("/login");
    hidden.into_iter().find(|(name, _)| name == "captcha_id").map(|(_, id)| id).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_guesses_at_once_ten_at_most_are_judged() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let guesses = (0..80).map(|n| {
        let (mut browser, id) = (from_network(&kit, n), account.id_number.clone());
        async move { guess(&mut browser, &id, &format!("guess-{n}-2026")).await }
    });
    let answers = futures::future::join_all(guesses).await;
    let judged = answers.iter().filter(|a| was_judged(a)).count();
    let held = answers.iter().filter(|a| a.status == StatusCode::TOO_MANY_REQUESTS).count();
    let busy = answers.iter().filter(|a| a.status == StatusCode::SERVICE_UNAVAILABLE).count();
    assert!((1..=10).contains(&judged), "{judged} of 80 were judged");
    assert_eq!(judged + held + busy, 80);
    // And the right one among them would not have been told either.
    let late = guess(&mut from_network(&kit, 90), &account.id_number, PASSWORD).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_quarter_of_an_hour_gives_ten_guesses_and_a_day_a_hundred_and_twenty() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let begun = kit.lab.house.now();
    let mut judged: Vec<i64> = Vec::new();
    let mut n = 0;
    while kit.lab.house.now() < begun + DAY {
        n += 1;
        let page = guess(&mut from_network(&kit, n), &account.id_number, "wrong-2026").await;
        if was_judged(&page) {
            judged.push(kit.lab.house.now());
        } else {
            let wait: i64 = page.header("retry-after").parse().unwrap();
            kit.lab.clock.advance(wait * 1000);
        }
    }
    assert!(judged.len() <= 120, "{} in a day", judged.len());
    let quarter = 15 * app::clock::MINUTE;
    let densest =
        judged.iter().map(|at| judged.iter().filter(|o| (*at..at + quarter).contains(*o)).count());
    assert!(densest.max().unwrap() <= 10);
}

#[tokio::test]
async fn strangers_who_guess_do_not_lock_out_the_owners_own_device() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let mut own = kit.sign_in(&account).await;
    assert!(own.cookies.contains_key("dev"));
    let page = own.get("/me").await;
    own.submit(&page, "/logout", &[]).await;
    assert!(!own.cookies.contains_key("sid"), "signed out");
    for n in 0..6 {
        guess(&mut from_network(&kit, n), &account.id_number, "wrong-2026").await;
    }
    // Also strangers in her own network.
    for n in 0..70 {
        guess(&mut kit.browser(), &format!("nobody-{n}"), "wrong-2026").await;
    }
    let stranger = guess(&mut kit.browser(), &account.id_number, PASSWORD).await;
    assert_eq!(stranger.status, StatusCode::TOO_MANY_REQUESTS);
    let page = own.sign_in(&account.id_number, PASSWORD).await;
    assert_eq!(page.url, "/me", "no wait and no captcha: {}", page.status);
    // The mark opens nothing by itself, and is nobody else's.
    let mut thief = kit.browser();
    thief.cookies.insert("dev".into(), own.cookies["dev"].clone());
    assert!(thief.get("/me").await.url.starts_with("/login"));
    let other = kit.lab.person("赵敏").await;
    let other = kit.account(other).await;
    for n in 0..9 {
        guess(&mut from_network(&kit, n), &other.id_number, "wrong-2026").await;
    }
    let page = guess(&mut thief, &other.id_number, PASSWORD).await;
    assert_ne!(page.redirect().as_deref(), Some("/me"), "a mark of somebody else's account");
    // Guessing with a stolen mark is held up as well.
    let mut judged = 0;
    for _ in 0..20 {
        judged += i32::from(was_judged(&guess(&mut thief, &account.id_number, "wrong-2026").await));
    }
    assert!(judged <= 4, "{judged}");
}

#[tokio::test]
async fn a_new_password_renews_the_sign_in_and_forgets_the_devices_of_the_old_one() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let mut elsewhere = kit.sign_in(&account).await;
    let mut own = kit.sign_in(&account).await;
    let before = own.cookies.clone();
    kit.lab.clock.advance(1000);
    let fields =
        [("old", PASSWORD), ("password", "new-lake-2027"), ("password_again", "new-lake-2027")];
    let page = own.get("/me/settings").await;
    let page = own.submit(&page, "/me/password", &fields).await;
    assert!(page.body.contains("密码已修改"), "{}", page.status);
    assert_ne!(own.cookies["sid"], before["sid"], "a new secret");
    assert_ne!(own.cookies["dev"], before["dev"]);
    let mut old = kit.browser();
    old.cookies = before.clone();
    assert!(old.get("/me").await.url.starts_with("/login"), "the old secret opens nothing");
    assert!(elsewhere.get("/me").await.url.starts_with("/login"), "nor do other sign-ins");
    assert_eq!(own.get("/me").await.url, "/me");
    // The old mark counts as a stranger's; the new one does not.
    for n in 0..6 {
        guess(&mut from_network(&kit, n), &account.id_number, "wrong-2026").await;
    }
    old.cookies.remove("sid");
    let held = guess(&mut old, &account.id_number, "new-lake-2027").await;
    assert_eq!(held.status, StatusCode::TOO_MANY_REQUESTS);
    let open = guess(&mut own, &account.id_number, "new-lake-2027").await;
    assert_eq!(open.redirect().as_deref(), Some("/me"));
}

#[tokio::test]
async fn the_captcha_can_be_seen_and_heard_and_no_text_of_the_page_answers_it() {
    let kit = kit::open_with(Settings { captcha: Captcha::Always, ..Settings::default() }).await;
    let account = somebody(&kit).await;
    let mut browser = kit.browser();
    let page = browser.get("/login").await;
    let id = captcha_id(&page);
    let answer = said(&kit, &id).await;
    assert_eq!(answer.len(), 5);
    assert!(page.body.contains("data:image/png;base64,") && page.body.contains("<audio"));
    for word in ["等于几", &*answer] {
        let text = page.body.replace(&id, "");
        let text = text.split("base64,").map(|p| p.split_once('"').map_or(p, |(_, rest)| rest));
        assert!(!text.collect::<String>().contains(word), "{word}");
    }
    let json = browser.json("/login").await.value()["captcha"].clone();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "image", "sound"]);
    // The sound is a file that players know, and is not the same twice.
    let sound = format!("/captcha/{id}/sound");
    let (one, two) = (browser.get(&sound).await, browser.get(&sound).await);
    assert_eq!(one.header("content-type"), "audio/wav");
    assert!(one.bytes.starts_with(b"RIFF") && one.bytes.len() > 100_000);
    assert_ne!(one.bytes, two.bytes);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("media-src 'self'"), "{policy}");
    // Full width and small letters are as good.
    let typed: String = answer
        .to_lowercase()
        .chars()
        .map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap())
        .collect();
    let fields = [("id_number", &*account.id_number), ("password", PASSWORD), ("captcha", &*typed)];
    assert_eq!(browser.submit(&page, "/login", &fields).await.url, "/me");
    assert_eq!(browser.get(&sound).await.status, StatusCode::NOT_FOUND, "used up");
}

#[tokio::test]
async fn wrong_captchas_are_counted_like_wrong_passwords_and_empty_ones_are_not() {
    let kit = kit::open_with(after_failures()).await;
    let account = somebody(&kit).await;
    for n in 0..3 {
        assert!(was_judged(
            &guess(&mut from_network(&kit, n), &account.id_number, "wrong-2026").await
        ));
    }
    for n in 0..20 {
        let page = guess(&mut from_network(&kit, n), &account.id_number, "wrong-2026").await;
        assert!(page.body.contains("请填写验证码"), "{n}: {}", page.status);
    }
    let mut held = 0;
    for n in 0..10 {
        let mut browser = from_network(&kit, n);
        let fields = [
            ("id_number", &*account.id_number),
            ("password", "wrong-2026"),
            ("captcha_id", "x"),
            ("captcha", "AAAAA"),
        ];
        let page = browser.post_once("/login", &fields).await;
        assert!(!was_judged(&page));
        held += i32::from(page.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(held, 9);
}

#[tokio::test]
async fn guessing_at_many_accounts_is_told_to_operators_and_asks_strangers_for_a_captcha() {
    let kit = kit::open_with(after_failures()).await;
    let tree = kit.lab.tree().await;
    let operator = kit.lab.operator(&tree.centre, "何运维").await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let mut own = kit.sign_in(&account).await;
    let asked = |page: &Answer| !captcha_id(page).is_empty();
    // One guess each, from as many networks.
    for n in 0..49 {
        let page = guess(&mut from_network(&kit, n), &format!("nobody-{n}"), "wrong-2026").await;
        assert!(was_judged(&page), "{n}");
    }
    assert!(!asked(&kit.browser().get("/login").await));
    guess(&mut from_network(&kit, 49), "nobody-49", "wrong-2026").await;
    guess(&mut from_network(&kit, 50), "nobody-50", "wrong-2026").await;
    assert!(asked(&kit.browser().get("/login").await), "strangers are asked at once");
    let page = guess(&mut from_network(&kit, 51), "nobody-51", "wrong-2026").await;
    assert!(page.body.contains("请填写验证码") && asked(&page));
    // Whoever has signed in here before is not.
    own.cookies.remove("sid");
    let page = own.get("/login").await;
    assert!(!asked(&page));
    assert_eq!(own.sign_in(&account.id_number, PASSWORD).await.url, "/me");
    let told = "SELECT COUNT(*) FROM message WHERE kind = 'security'";
    assert_eq!(kit.number(told).await, 1, "once, not for every guess");
    let mut desk = kit.sign_in_as(&operator).await;
    let messages = desk.get("/me/messages").await;
    assert!(messages.body.contains("有人在大量试探账号密码"), "{}", messages.body);
    // A quarter of an hour of quiet, and nobody is asked any more.
    kit.lab.clock.advance(16 * app::clock::MINUTE);
    assert!(!asked(&kit.browser().get("/login").await));
}

#[tokio::test]
async fn a_class_that_mistypes_now_and_then_is_no_attack() {
    let kit = kit::open_with(after_failures()).await;
    let account = somebody(&kit).await;
    for n in 0..60 {
        guess(&mut from_network(&kit, n), &format!("nobody-{n}"), "wrong-2026").await;
        if n < 45 {
            for more in 0..4 {
                let mut browser = from_network(&kit, 200 + n * 4 + more);
                let page = guess(&mut browser, &account.id_number, PASSWORD).await;
                assert_eq!(page.redirect().as_deref(), Some("/me"));
            }
        }
    }
    assert!(captcha_id(&kit.browser().get("/login").await).is_empty());
}

#[tokio::test]
async fn a_password_longer_than_any_is_refused_without_being_hashed() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let long = "长".repeat(100_000);
    assert!(was_judged(&guess(&mut kit.browser(), &account.id_number, &long).await));
    let phrase: String =
        "蓝鲸 在 图书馆 三楼 看 雨 ".repeat(8).chars().take(127).chain(['!']).collect();
    assert_eq!(phrase.chars().count(), 128);
    let mut own = kit.sign_in(&account).await;
    let page = own.get("/me/settings").await;
    let fields = [("old", PASSWORD), ("password", &*phrase), ("password_again", &*phrase)];
    let page = own.submit(&page, "/me/password", &fields).await;
    assert!(page.body.contains("密码已修改"), "{}", page.body);
    assert_eq!(kit.browser().sign_in(&account.id_number, &phrase).await.url, "/me");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_registration_codes_tried_at_once_no_more_are_answered_than_in_a_row() {
    let kit = kit::open().await;
    kit.lab.tree().await;
    let tries = (0..40).map(|n: u32| {
        let mut browser = kit.browser();
        async move {
            let code: String = format!("ABCD{n:04}").replace(['0', '1'], "Z");
            browser.post_once("/register/admin", &[("code", &code)]).await
        }
    });
    let answers = futures::future::join_all(tries).await;
    let answered = answers.iter().filter(|a| a.status == StatusCode::UNPROCESSABLE_ENTITY).count();
    assert!((1..=10).contains(&answered), "{answered} of 40 were answered");
}

#[tokio::test]
async fn signing_out_takes_away_what_the_browser_keeps_and_leaves_the_device_known() {
    let kit = kit::open().await;
    let account = somebody(&kit).await;
    let mut own = kit.sign_in(&account).await;
    let page = own.get("/me").await;
    let hidden = page.hidden("/logout");
    let fields: Vec<(&str, &str)> = hidden.iter().map(|(k, v)| (&**k, &**v)).collect();
    let answer = own.post_once("/logout", &fields).await;
    assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(!own.cookies.contains_key("sid") && own.cookies.contains_key("dev"));
}
