//! First sign-in: the initial password opens the activation page and nothing else.

use crate::kit::{self, Answer, Browser, Kit, PASSWORD};
use app::clock::MINUTE;
use http::StatusCode;

struct Newcomer {
    kit: Kit,
    id: String,
}

async fn newcomer(name: &str) -> Newcomer {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let person = kit.lab.member(&tree.branch, name).await;
    let id = kit.id_number(person).await;
    Newcomer { kit, id }
}

impl Newcomer {
    /// A browser that stands on the activation page.
    async fn at_the_page(&self) -> (Browser, Answer) {
        let mut browser = self.kit.browser();
        let page = browser.sign_in(&self.id, &self.id[10..]).await;
        assert_eq!((page.status, page.url.as_str()), (StatusCode::OK, "/activate"));
        (browser, page)
    }
    async fn accounts(&self) -> i64 {
        self.kit.number("SELECT COUNT(*) FROM account").await
    }
}

fn filled(name: &'static str, password: &'static str) -> [(&'static str, &'static str); 3] {
    [("name", name), ("password", password), ("password_again", password)]
}

#[tokio::test]
async fn name_and_new_password_open_the_account_and_the_initial_one_is_void() {
    let new = newcomer("买买提·艾力").await;
    let (mut browser, page) = new.at_the_page().await;
    assert!(!browser.cookies.contains_key("sid"), "nobody is signed in yet");
    assert!(!page.body.contains("买买提"), "the page does not give the name away");
    assert_eq!(new.accounts().await, 0);
    // The dot may be any of the dots that keyboards give.
    let page = browser.submit(&page, "/activate", &filled("买买提.艾力", PASSWORD)).await;
    assert_eq!(page.url, "/me");
    assert_eq!(new.accounts().await, 1);
    assert!(browser.get("/me/sessions").await.body.contains("现在有1处登录"));
    assert!(!browser.cookies.contains_key("activation"));
    let mut other = new.kit.browser();
    assert_eq!(other.sign_in(&new.id, &new.id[10..]).await.url, "/login");
    assert_eq!(other.sign_in(&new.id, PASSWORD).await.url, "/me");
    assert_eq!(
        new.kit.number("SELECT COUNT(*) FROM event WHERE kind = 'account.activated'").await,
        1
    );
}

#[tokio::test]
async fn a_wrong_name_or_a_weak_password_is_said_and_the_page_stays() {
    let new = newcomer("张伟").await;
    let (mut browser, page) = new.at_the_page().await;
    let answer = browser.submit(&page, "/activate", &filled("张玮", PASSWORD)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("与组织录入的姓名不一致") && answer.body.contains("张玮"));
    let birth: &'static str = Box::leak(new.id[6..14].to_owned().into_boxed_str());
    let own: &'static str = Box::leak(format!("a{birth}z").into_boxed_str());
    let initial: &'static str = Box::leak(new.id[10..].to_owned().into_boxed_str());
    for weak in ["", "abc", "12345678", "password", "huangshan", initial, own, "aaaaaaa1"] {
        let answer = browser.submit(&page, "/activate", &filled("张伟", weak)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{weak:?} was taken");
        assert!(answer.body.contains("f-password"), "{weak:?}");
    }
    let different = [("name", "张伟"), ("password", PASSWORD), ("password_again", "other-2026x")];
    let answer = browser.submit(&page, "/activate", &different).await;
    assert!(answer.body.contains("两次输入的新密码不一样"));
    assert!(!answer.body.contains(PASSWORD));
    assert_eq!(new.accounts().await, 0);
    assert_eq!(browser.submit(&page, "/activate", &filled("张伟", PASSWORD)).await.url, "/me");
}

#[tokio::test]
async fn guessing_the_name_gets_slow() {
    let new = newcomer("张伟").await;
    let (mut browser, page) = new.at_the_page().await;
    let mut refused = 0;
    for _ in 0..10 {
        let answer = browser.submit(&page, "/activate", &filled("李娜", PASSWORD)).await;
        refused += i32::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused >= 5, "{refused}");
}

#[tokio::test]
async fn a_ticket_opens_once_and_for_half_an_hour() {
    let new = newcomer("张伟").await;
    let (mut browser, page) = new.at_the_page().await;
    let mut twin = browser.clone();
    assert_eq!(browser.submit(&page, "/activate", &filled("张伟", PASSWORD)).await.url, "/me");
    let late = twin.submit(&page, "/activate", &filled("张伟", "another-2026")).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("直接用新密码登录"));
    assert_eq!(twin.get("/activate").await.url, "/login", "the page is closed");
    assert_eq!(new.kit.browser().sign_in(&new.id, PASSWORD).await.url, "/me");

    let new = newcomer("李娜").await;
    let (mut browser, page) = new.at_the_page().await;
    new.kit.lab.clock.advance(30 * MINUTE + 1);
    let late = browser.submit(&page, "/activate", &filled("李娜", PASSWORD)).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert_eq!(new.accounts().await, 0);
    assert_eq!(new.kit.browser().get("/activate").await.url, "/login", "no ticket, no page");
}

#[tokio::test]
async fn two_at_once_make_one_account() {
    let new = newcomer("张伟").await;
    // One from the same ticket, one from a ticket of its own.
    let (mut a, page) = new.at_the_page().await;
    let mut b = a.clone();
    let (mut c, _) = new.at_the_page().await;
    let (fa, fb, fc) = (
        filled("张伟", PASSWORD),
        filled("张伟", "huangshan-2027"),
        filled("张伟", "huangshan-2028"),
    );
    let (x, y, z) = tokio::join!(
        a.submit(&page, "/activate", &fa),
        b.submit(&page, "/activate", &fb),
        c.submit(&page, "/activate", &fc)
    );
    let opened = [&x, &y, &z].iter().filter(|p| p.url == "/me").count();
    let closed = [&x, &y, &z].iter().filter(|p| p.status == StatusCode::CONFLICT).count();
    assert_eq!((opened, closed), (1, 2), "{} {} {}", x.status, y.status, z.status);
    assert_eq!(new.accounts().await, 1);
}
