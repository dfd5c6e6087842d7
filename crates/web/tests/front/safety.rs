//! What every answer carries, what is refused at once, and what never comes out: foreign pages'
//! forms, large bodies, other people's numbers, other people's scripts.

use crate::{
    crawl,
    furnished::{self, Furnished},
    kit::{self, Kit},
};
use http::{Method, StatusCode};
use serde_json::json;
use std::{cell::RefCell, io::Write};

#[tokio::test]
async fn every_answer_carries_the_headers_that_guard_it() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let mut browser = kit.sign_in_as(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let css = browser.get("/login").await;
    let css = css
        .body
        .split("href=\"")
        .find(|h| h.starts_with("/assets/") && h.contains(".css"))
        .unwrap();
    let css = css.split('"').next().unwrap().to_owned();
    let answers = [
        browser.get("/login").await,
        browser.get(&format!("/o/{}", tree.branch.code)).await,
        browser.json(&format!("/o/{}", tree.branch.code)).await,
        browser.fragment("/me/settings").await,
        browser.get("/no/such/page").await,
        browser.get("/logout").await,
        browser.get(&css).await,
        browser.get("/health").await,
        browser.post_once("/me/sessions/end", &[]).await,
        browser.post("/me/password", &[]).await,
        kit.browser().post("/me/look", &[]).await,
        kit.browser().post("/login", &[]).await,
        browser.once(Method::POST, "/me/look", &[], vec![b'x'; 2 << 20]).await,
        browser
            .once(Method::POST, "/me/look", &[("origin", "https://evil.example")], Vec::new())
            .await,
        browser.once(Method::TRACE, "/login", &[], Vec::new()).await,
    ];
    for answer in &answers {
        let what = format!("{} {}", answer.url, answer.status);
        let csp = answer.header("content-security-policy");
        for word in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(csp.contains(word), "{what}: {csp}");
        }
        assert!(!csp.contains("unsafe") && !csp.contains("http"), "{what}: {csp}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
        assert!(answer.header("x-request-id").starts_with("req-"), "{what}");
        if answer.url.starts_with("/assets/") {
            assert!(answer.header("cache-control").contains("immutable"), "{what}");
        } else {
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
            let vary: Vec<_> = answer
                .headers
                .get_all("vary")
                .iter()
                .map(|v| v.to_str().unwrap().to_lowercase())
                .collect();
            let vary = vary.join(", ");
            assert!(
                vary.contains("accept") && vary.contains("hx-request") && vary.contains("cookie"),
                "{what}: {vary}"
            );
        }
    }
}

#[tokio::test]
async fn forms_of_foreign_pages_are_refused_and_change_nothing() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let mut browser = kit.sign_in(&account).await;
    let before = kit.rows().await;
    let foreign = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "http://tuanjian.test.evil.example"),
        ("origin", "null"),
    ];
    for (name, value) in foreign {
        browser.headers = vec![(name.into(), value.into())];
        for url in ["/me/sessions/end", "/logout", "/login", "/activate"] {
            let page = browser
                .post(url, &[("id_number", &account.id_number), ("password", kit::PASSWORD)])
                .await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{url} {name}: {value}");
            assert!(
                page.body.contains("不是从本系统的页面发出的") && page.body.contains("req-"),
                "{url}"
            );
        }
        let json = browser.post_json("/me/sessions/end", &json!({})).await;
        assert_eq!(json.value()["code"], "cross_site");
    }
    assert_eq!(kit.rows().await, before);
    browser.headers = vec![
        ("origin".into(), "http://tuanjian.test".into()),
        ("sec-fetch-site".into(), "same-origin".into()),
    ];
    assert_eq!(browser.post("/me/sessions/end", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_unreadable_is_answered_in_words() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let mut browser = kit.sign_in_as(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let long = "长".repeat(400_000);
    let page = browser.post("/me/look", &[("theme", &long)]).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(page.body.contains("不能超过 1 MB"));
    let head = [("accept", "application/json"), ("content-type", "application/json")];
    for body in ["{", "[]", "null", "{\"theme\":7}", "\"x\""] {
        let answer = browser.once(Method::POST, "/me/look", &head, body.into()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(answer.value()["code"], "invalid", "{body}");
        assert!(!answer.value()["errors"].as_array().unwrap().is_empty(), "{body}");
    }
}

thread_local! {
    /// What this test's thread logged, once [`record`] was called.
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Writes what is logged to the log of its own thread. One subscriber for the whole program:
/// whether a log line is made at all is decided once for all threads.
struct Log;
impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.as_mut().map(|l| l.extend_from_slice(bytes)));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn record() {
    LOG.set(Some(Vec::new()));
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(|| Log)
        .finish();
    // Another test of this program may have set the same one before.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

fn recorded() -> String {
    String::from_utf8(LOG.take().unwrap_or_default()).unwrap()
}

/// The ID and telephone numbers of everybody in the house.
async fn numbers(kit: &Kit) -> Vec<String> {
    let mut tx = kit.lab.house.db().read().await.unwrap();
    let people: Vec<(i64, Vec<u8>, Option<Vec<u8>>)> =
        tx.all(db::sql!("SELECT id, id_ct, mobile_ct FROM person ORDER BY id"), &[]).await.unwrap();
    let open = |column, row, sealed: &[u8]| {
        let place = app::keys::Place { column, row };
        kit.lab.house.keys().unseal(place, sealed).unwrap().to_string()
    };
    let mut all = Vec::new();
    for (id, id_ct, mobile) in people {
        all.push(open("person.id_ct", id, &id_ct));
        all.extend(mobile.map(|m| open("person.mobile_ct", id, &m)));
    }
    all
}

#[tokio::test]
async fn no_full_number_comes_out_in_a_page_a_log_line_an_address_or_the_audit_book() {
    record();
    let house = furnished::house().await;
    let numbers = numbers(&house.kit).await;
    assert!(numbers.len() > 20);
    let mut sinks: Vec<(String, String)> = Vec::new();
    for (who, mut browser, starts) in house.visitors().await {
        let starts: Vec<&str> = starts.iter().map(String::as_str).collect();
        for page in crawl::walk(&mut browser, &starts).await.pages {
            let json = browser.json(&page.url).await;
            sinks.push((format!("{who}: the address {}", page.url), page.url.clone()));
            sinks.push((format!("{who}: the JSON of {}", page.url), json.body));
            sinks.push((format!("{who}: the page {}", page.url), page.body));
        }
    }
    // The numbers go in by forms as well: signing in, searching, activating with a wrong name.
    let Furnished { kit, tree, committee, member, .. } = &house;
    let id = kit.id_number(kit::person_of(member)).await;
    let mut browser = kit.browser();
    browser.sign_in(&id, "wrong-2026").await;
    browser.sign_in(&id, kit::PASSWORD).await;
    let mut browser = kit.sign_in_as(committee).await;
    for q in [&id, &numbers[1]] {
        let url = format!("/o/{}/search", tree.committee.code);
        let answer = browser.post_once(&url, &[("q", q)]).await;
        sinks.push(("where a search leads".into(), answer.header("location").into()));
    }
    sinks.push(("the log".into(), recorded()));
    sinks.push(("the audit book".into(), texts(kit, "SELECT detail FROM event").await));
    sinks.push((
        "the messages".into(),
        texts(kit, "SELECT title || body || href FROM message").await,
    ));
    sinks.push(("the jobs".into(), texts(kit, "SELECT payload FROM job").await));
    assert!(sinks.iter().any(|(name, text)| name == "the log" && text.contains("request")));
    let mut out: Vec<String> = Vec::new();
    for (name, text) in &sinks {
        for number in &numbers {
            if text.contains(number.as_str()) || text.contains(&number.to_lowercase()) {
                out.push(name.clone());
            }
        }
    }
    out.dedup();
    assert!(out.is_empty(), "full numbers in:\n{}", out.join("\n"));
}

async fn texts(kit: &Kit, statement: &str) -> String {
    let mut tx = kit.lab.house.db().read().await.unwrap();
    let rows: Vec<(String,)> = tx.all(db::Sql::built(statement.into()), &[]).await.unwrap();
    rows.into_iter().map(|(text,)| text).collect::<Vec<_>>().join("\n")
}

/// Texts that would run, leave their place or turn the line round if a page took them as they are.
const EVIL: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "javascript:alert(1)//<a href=x>",
    "&lt;script&gt;alert(1)&lt;/script&gt;<b>",
    "\" autofocus onfocus=alert(1) x=\"",
    "<!--<img src=\"--><img src=x onerror=alert(1)//\">",
];

#[tokio::test]
async fn what_people_type_stays_text_on_every_page() {
    let house = furnished::house().await;
    let document = house.kit.browser().json("/openapi.json").await.value();
    let table = crawl::table();
    let mut browser = house.kit.sign_in_as(&house.committee).await;
    let base = format!("/o/{}", house.tree.committee.code);
    let mut forms = 0;
    let mut wrong = Vec::new();
    // Every field of every form of the document, once with each text.
    for route in table.iter().filter(|r| r.method == Method::POST && r.path != "/logout") {
        let operation = &document["paths"][route.path]["post"];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let names = fields(&document, schema);
        let url = route.path.replace("/o/{org}", &base);
        let url = url
            .split('/')
            .map(|p| if p.starts_with('{') { "1" } else { p })
            .collect::<Vec<_>>()
            .join("/");
        for evil in EVIL {
            let pairs: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), *evil)).collect();
            let answer = browser.post(&url, &pairs).await;
            if answer.status.is_server_error() {
                wrong.push(format!("{url}: {}", answer.status));
            }
            if runs(&answer, evil) {
                wrong.push(format!("{url} gives {evil} back as it is"));
            }
        }
        forms += usize::from(!names.is_empty());
    }
    assert!(forms > 5);
    // And in the addresses.
    for route in table.iter().filter(|r| r.method == Method::GET && !r.path.contains("{file}")) {
        let url = route.path.replace("/o/{org}", &base);
        for evil in EVIL {
            let word = serde_html_form::to_string([
                ("q", evil),
                ("from", evil),
                ("next", evil),
                ("tab", evil),
                ("name", evil),
                ("kind", evil),
            ])
            .unwrap();
            let part = word.split('&').next().unwrap().trim_start_matches("q=").replace('+', "%20");
            let url = url
                .split('/')
                .map(|p| if p.starts_with('{') { &*part } else { p })
                .collect::<Vec<_>>()
                .join("/");
            let answer = browser.get(&format!("{url}?{word}")).await;
            if answer.status.is_server_error() || runs(&answer, evil) {
                wrong.push(format!("{url}?{word}: {}", answer.status));
            }
        }
    }
    // Names that are in the database already, whoever put them there.
    let evil_org =
        house.kit.lab.org(Some(&house.tree.committee), app::orgs::Category::Branch, EVIL[1]).await;
    for evil in EVIL {
        house.kit.lab.member(&evil_org, evil).await;
    }
    let walk = crawl::walk(
        &mut browser,
        &[&base, &format!("{base}/members"), &format!("{base}/children")],
    )
    .await;
    assert!(walk.pages.iter().any(|p| p.body.contains("onerror=alert(1)")), "the names are shown");
    for page in &walk.pages {
        wrong.extend(
            EVIL.iter().filter(|e| runs(page, e)).map(|e| format!("{} shows {e}", page.url)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a text with markup stands in a page as it was typed.
fn runs(answer: &kit::Answer, evil: &str) -> bool {
    let html = answer.header("content-type").starts_with("text/html");
    html && (answer.body.contains(evil)
        || answer.body.contains("<script>")
        || answer.body.contains("<img src=x"))
}

/// The names of a form's fields.
fn fields(document: &serde_json::Value, schema: &serde_json::Value) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}
