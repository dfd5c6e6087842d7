//! The doors: every address of the table × nobody, an outsider, a reader, a member without a post,
//! an administrator. Expectations come from the table itself, so that a new address is tested the
//! moment it is written.

use crate::kit::{self, Browser, Kit};
use app::{Role, access::reach};
use http::{Method, StatusCode};
use web::routes::{self, Needs, Route};

/// An address with its parameters filled in. A parameter that this test does not know fails it.
fn address(route: &Route, org: &str) -> String {
    let part = |part: &str| match part {
        "{org}" => org.to_owned(),
        "{file}" => "nothing.css".into(),
        "{code}" | "{pid}" => "ABCD2345".into(),
        "{kind}" | "{what}" | "{name}" | "{template}" => "standard".into(),
        "{row}" => "2".into(),
        "{id}" | "{person}" | "{child}" | "{job}" | "{import}" | "{transfer}" | "{no}"
        | "{member}" | "{message}" | "{target}" => "1".into(),
        other if other.starts_with('{') => panic!("fill in {other} of {}", route.path),
        plain => plain.into(),
    };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// What a wrong or empty form may be answered with.
fn is_calm(status: StatusCode) -> bool {
    !status.is_server_error()
}

async fn knock(browser: &mut Browser, route: &Route, url: &str, json: bool) -> kit::Answer {
    let accept = ("accept", if json { "application/json" } else { "text/html" });
    let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
    if route.method == Method::GET {
        return browser.once(Method::GET, url, &[accept], Vec::new()).await;
    }
    let body = if json { b"{}".to_vec() } else { Vec::new() };
    browser.once(route.method.clone(), url, &[accept, ("content-type", kind)], body).await
}

fn is_problem(answer: &kit::Answer, status: StatusCode) {
    assert_eq!(answer.status, status, "{}: {}", answer.url, answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.url);
    let problem = answer.value();
    assert_eq!(problem["status"], status.as_u16(), "{}", answer.url);
    assert!(problem["code"].as_str().is_some_and(|c| !c.is_empty()), "{}", answer.url);
}

#[tokio::test]
async fn nobody_gets_to_the_sign_in_and_programs_get_401() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    for route in routes::table() {
        let url = address(&route, &tree.committee.code);
        let mut browser = kit.browser();
        let page = knock(&mut browser, &route, &url, false).await;
        let json = knock(&mut browser, &route, &url, true).await;
        match route.needs {
            Needs::Nothing => {
                assert!(is_calm(page.status), "{url}: {}", page.status);
                assert_ne!(page.status, StatusCode::UNAUTHORIZED, "{url}");
            }
            Needs::SignedIn | Needs::Right(_) if route.method == Method::GET => {
                let to = page.redirect().unwrap_or_default();
                assert!(to.starts_with("/login?next=%2F"), "{url}: {} {to}", page.status);
                is_problem(&json, StatusCode::UNAUTHORIZED);
            }
            Needs::SignedIn | Needs::Right(_) => {
                assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{url}");
                assert!(page.body.contains("登录已过期"), "{url}");
                is_problem(&json, StatusCode::UNAUTHORIZED);
            }
        }
    }
}

#[tokio::test]
async fn an_outsider_finds_nothing_in_somebody_elses_organisation() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let outsiders = [
        kit.lab.admin(&tree.far_committee, "陈静").await,
        kit.lab.admin(&tree.other_committee, "李娜").await,
        kit.lab.admin(&tree.branch, "周杰").await,
    ];
    let member = kit.lab.member(&tree.branch, "张伟").await;
    let member = kit.lab.alone(member, "张伟");
    for who in outsiders.iter().chain([&member]) {
        let mut browser = kit.sign_in_as(who).await;
        for route in routes::table() {
            let url = address(&route, &tree.committee.code);
            for json in [false, true] {
                let answer = knock(&mut browser, &route, &url, json).await;
                match route.needs {
                    Needs::Right(_) if route.path.starts_with("/o/{org}") => {
                        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{} {url}", route.method);
                        assert!(!answer.body.contains("合肥第一中学"), "{url} tells a name");
                    }
                    Needs::Nothing | Needs::SignedIn | Needs::Right(_) => {
                        assert!(
                            is_calm(answer.status),
                            "{} {url}: {}",
                            route.method,
                            answer.status
                        );
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_reader_passes_where_the_table_says_and_nowhere_else() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let reader = kit.lab.observer(&tree.committee, "赵敏").await;
    let browser = kit.sign_in_as(&reader).await;
    passes_where_the_table_says(browser, &tree.committee.code, Role::Observer).await;
}

#[tokio::test]
async fn a_cadre_without_a_seat_passes_where_the_table_says_and_nowhere_else() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let mut browser = seatless(&kit, &tree).await;
    // The seatless belong to their organisation alone.
    for org in [&tree.branch, &tree.general, &tree.county, &tree.far_branch] {
        let other = browser.get(&format!("/o/{}", org.code)).await;
        assert_eq!(other.status, StatusCode::NOT_FOUND, "{}", org.short_name);
        let card = format!("/o/{}/orgs/{}", tree.committee.code, org.code);
        assert_eq!(browser.get(&card).await.status, StatusCode::NOT_FOUND, "{card}");
    }
    passes_where_the_table_says(browser, &tree.committee.code, Role::Cadre).await;
}

async fn seatless(kit: &Kit, tree: &app::testkit::Tree) -> Browser {
    let person = kit.lab.person("钱多").await;
    kit.lab.cadre(&tree.committee, person, "委员").await;
    kit.sign_in_as(&kit.lab.alone(person, "钱多")).await
}

#[tokio::test]
async fn a_cadre_without_a_seat_switches_to_his_organisation_and_sees_home_card_and_posts() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    kit.lab.admin(&tree.committee, "王芳").await;
    kit.lab.member(&tree.branch, "张伟").await;
    let mut browser = seatless(&kit, &tree).await;
    let home = format!("/o/{}", tree.committee.code);
    for page in ["/o", "/me"] {
        let page = browser.get(page).await;
        assert!(page.body.contains(&format!("href=\"{home}\"")), "{}", page.body);
    }
    let page = browser.get(&home).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for there in ["王芳", "钱多", "委员", "没有管理员身份", "组织名片"] {
        assert!(page.body.contains(there), "{there}: {}", page.body);
    }
    for shut in ["/inbox", "/search", "/jobs", "/members", "/children", "/people/"] {
        assert!(!page.body.contains(&format!("{home}{shut}")), "{shut} is offered");
    }
    let json = browser.json(&home).await.value();
    assert!(json.get("figures").is_none() && json.get("todo").is_none(), "{json}");
    assert!(json["card"]["detail"].is_null(), "{json}");
    let card = browser.get(&format!("{home}/orgs/{}", tree.committee.code)).await;
    assert_eq!(card.status, StatusCode::OK);
    assert!(card.body.contains("组织码") && !card.body.contains("张伟"), "{}", card.body);
}

async fn passes_where_the_table_says(mut browser: Browser, org: &str, role: Role) {
    let mut refused = 0;
    for route in routes::table() {
        let Needs::Right(action) = route.needs else { continue };
        let url = address(&route, org);
        for json in [false, true] {
            let answer = knock(&mut browser, &route, &url, json).await;
            if reach(action, role).is_none() {
                refused += 1;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} {url}", route.method);
                assert!(answer.body.contains("E21"), "{url} says who may");
            } else {
                assert!(is_calm(answer.status), "{} {url}: {}", route.method, answer.status);
                assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{url}");
                if route.method == Method::GET && !route.path[8..].contains('{') {
                    assert_ne!(answer.status, StatusCode::FORBIDDEN, "{url}");
                }
            }
        }
    }
    let closed = routes::table()
        .iter()
        .filter(|r| matches!(r.needs, Needs::Right(a) if reach(a, role).is_none()))
        .count();
    assert_eq!(refused, 2 * closed);
}

#[tokio::test]
async fn whatever_is_sent_no_address_breaks() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let admins = [
        (kit.lab.admin(&tree.committee, "王芳").await, &tree.committee),
        (kit.lab.admin(&tree.branch, "周杰").await, &tree.branch),
        (kit.lab.admin(&tree.province, "吴刚").await, &tree.province),
    ];
    for (who, org) in &admins {
        let mut browser = kit.sign_in_as(who).await;
        for route in routes::table() {
            let url = address(&route, &org.code);
            if route.method == Method::GET {
                let odd = "?q=%00%FF%27%22%3C&page=-1&page=2&sort=;drop&after=x&from=9999999999999999999&status=%E2%80%AE&filter=";
                for url in [
                    url.clone(),
                    format!("{url}{odd}"),
                    url.replace("/1", "/99999999999999999999999"),
                    url.replace("/1", "/%00").replace("NOSUCHPERSON", "%00%ff%27"),
                ] {
                    let answer = knock(&mut browser, &route, &url, false).await;
                    assert!(is_calm(answer.status), "GET {url}: {} {}", answer.status, answer.body);
                }
                continue;
            }
            for (kind, body) in odd_bodies() {
                let head = [("accept", "text/html"), ("content-type", kind)];
                let answer = browser.once(route.method.clone(), &url, &head, body.clone()).await;
                let sent = String::from_utf8_lossy(&body).chars().take(60).collect::<String>();
                assert!(is_calm(answer.status), "{url} {kind} {sent}: {}", answer.status);
            }
        }
    }
}

fn odd_bodies() -> Vec<(&'static str, Vec<u8>)> {
    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";
    let long = format!("name={0}&reason={0}&q={0}&id=1&to=1", "长".repeat(20_000));
    vec![
        (FORM, Vec::new()),
        (FORM, b"%ff%fe=%00&&&=&id=%zz&version=-1".to_vec()),
        (FORM, "id=99999999999999999999&id=2&version=x&page=-1&name=\u{202e}\0".as_bytes().to_vec()),
        (FORM, long.into_bytes()),
        (JSON, b"{}".to_vec()),
        (JSON, b"[1,2".to_vec()),
        (JSON, b"null".to_vec()),
        (JSON, br#"{"name":"\u0000","q":"\u0000","reason":"\u0000","id":"\u0000"}"#.to_vec()),
        (JSON, br#"{"id":{"a":[]},"name":7,"version":1e99,"rows":"x"}"#.to_vec()),
        (JSON, "[".repeat(50_000).into_bytes()),
        ("multipart/form-data; boundary=x", b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.xlsx\"\r\n\r\nPK\x03\x04\r\n--x--\r\n".to_vec()),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken".to_vec()),
        ("multipart/form-data", Vec::new()),
        ("text/plain", b"name=a".to_vec()),
    ]
}

#[tokio::test]
async fn methods_outside_the_table_are_405_and_trace_is_off() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let table = routes::table();
    for route in &table {
        let url = address(route, &tree.committee.code);
        let known: Vec<&Method> =
            table.iter().filter(|r| r.path == route.path).map(|r| &r.method).collect();
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::TRACE,
            Method::OPTIONS,
        ] {
            if known.contains(&&method) {
                continue;
            }
            let answer = kit.browser().once(method.clone(), &url, &[], Vec::new()).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {url}");
        }
        if known.contains(&&Method::GET) {
            let head = kit.browser().once(Method::HEAD, &url, &[], Vec::new()).await;
            let get = kit.browser().once(Method::GET, &url, &[], Vec::new()).await;
            assert_eq!(head.status, get.status, "HEAD {url}");
            assert!(head.bytes.is_empty(), "HEAD {url} has no body");
        }
    }
}

#[tokio::test]
async fn reading_changes_nothing() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    kit.lab.member(&tree.branch, "张伟").await;
    let mut browsers = all_kinds(&kit, &tree).await;
    // A wrong registration code is counted also when it is only opened: it is a guess.
    let rows = async || {
        let mut rows = kit.rows().await;
        rows.remove("attempt");
        rows
    };
    let before = rows().await;
    for route in routes::table().iter().filter(|r| r.method == Method::GET) {
        let url = address(route, &tree.committee.code);
        for browser in &mut browsers {
            browser.get(&url).await;
            browser.json(&url).await;
            browser.fragment(&url).await;
        }
    }
    assert_eq!(rows().await, before);
}

async fn all_kinds(kit: &Kit, tree: &app::testkit::Tree) -> Vec<Browser> {
    let admin = kit.lab.admin(&tree.committee, "王芳").await;
    let reader = kit.lab.observer(&tree.committee, "赵敏").await;
    let operator = kit.lab.operator(&tree.centre, "钱进").await;
    let mut browsers = vec![kit.browser()];
    for who in [&admin, &reader, &operator] {
        browsers.push(kit.sign_in_as(who).await);
    }
    browsers
}
