//! One address, three faces: what a page shows, its fragment and its JSON fit together and fit the
//! OpenAPI document; no link leads nowhere.

use crate::{
    crawl,
    furnished::{self, Furnished},
    kit,
};
use http::{Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeSet;

/// Routes whose page needs something that only happens outside of a walk, each with the test that
/// renders it.
const ELSEWHERE: &[(&str, &str)] = &[
    ("/", "redirects to /me"),
    ("/health", "text; trouble.rs"),
    ("/captcha/{id}/sound", "a sound file; guessing.rs"),
    ("/metrics", "text, only where metrics are kept"),
    ("/assets/{file}", "static files; safety.rs"),
    ("/openapi.json", "this file"),
    ("/activate", "needs a ticket; activation.rs"),
    ("/setup", "needs an empty database; setup.rs of app"),
    ("/files/{file}", "a finished export"),
    ("/o/{org}/graduation/correction/{code}", "two levels above; graduation.rs"),
    ("/o/{org}/imports/{id}", "leads on to the step at hand; imports.rs"),
    ("/o/{org}/imports/{id}/rows", "leads on to the review; imports.rs"),
    ("/o/{org}/imports/{id}/rows/{row}", "leads on to the review; imports.rs"),
];

#[tokio::test]
async fn every_page_is_rendered_and_its_json_fits_the_document_and_no_link_is_dead() {
    let house = furnished::house().await;
    let document = kit::Browser::of(&house.kit.site).json("/openapi.json").await.value();
    let table = crawl::table();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut wrong: Vec<String> = Vec::new();
    for (who, mut browser, starts) in house.visitors().await {
        let starts: Vec<&str> = starts.iter().map(String::as_str).collect();
        let walk = crawl::walk(&mut browser, &starts).await;
        wrong.extend(walk.dead.iter().map(|d| format!("{who}: dead link {d}")));
        for page in walk.pages {
            let Some(route) = crawl::route_of(&table, "GET", &page.url) else {
                wrong.push(format!("{who}: {} is in no route", page.url));
                continue;
            };
            seen.insert(route.path);
            if !page.header("content-type").starts_with("text/html") {
                continue;
            }
            wrong
                .extend(page_faults(&page).into_iter().map(|f| format!("{who} {}: {f}", page.url)));
            let fragment = browser.fragment(&page.url).await;
            if fragment.status != StatusCode::OK
                || fragment.body.contains("<html")
                || !fragment.body.contains("<title>")
            {
                wrong.push(format!("{who} {}: no fragment", page.url));
            }
            let json = browser.json(&page.url).await;
            if json.header("content-type") != "application/json" {
                wrong.push(format!("{who} {}: no JSON but {}", page.url, json.status));
                continue;
            }
            let schema = &document["paths"][route.path]["get"]["responses"]["200"]["content"]["application/json"]
                ["schema"];
            let mut faults = Vec::new();
            fits(&document, schema, &json.value(), "", &mut faults);
            wrong.extend(faults.into_iter().map(|f| format!("{who} {}: JSON {f}", page.url)));
        }
    }
    for route in table.iter().filter(|r| r.method == Method::GET) {
        let elsewhere = ELSEWHERE.iter().any(|(path, _)| *path == route.path);
        if !elsewhere && !seen.contains(route.path) {
            wrong.push(format!("{} was never shown", route.path));
        }
    }
    assert!(seen.len() > 15, "the walk has lost its way: {seen:?}");
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

/// What every page must have (ux E 7), as far as text can tell.
fn page_faults(page: &kit::Answer) -> Vec<String> {
    let mut faults = Vec::new();
    for (what, wanted) in [("<h1", 1), ("<main", 1), ("<title>", 1), ("lang=\"zh-CN\"", 1)] {
        let count = page.body.matches(what).count();
        if count != wanted {
            faults.push(format!("{count} of {what}"));
        }
    }
    if !page.body.contains("· 智慧团建</title>") {
        faults.push("the title does not name the program".into());
    }
    if page.bytes.len() > 60 * 1024 {
        faults.push(format!("{} bytes of HTML", page.bytes.len()));
    }
    for handler in [" onclick=", " onload=", " style=", "javascript:", "<script>"] {
        if page.body.contains(handler) {
            faults.push(format!("holds {handler}"));
        }
    }
    // A form that writes is a plain form with an address (ux E 9).
    for tag in page.body.split("<form ").skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let action = kit::attribute(tag, "action");
        if action.is_empty() {
            faults.push(format!("a form without address: {tag}"));
        }
        let method = kit::attribute(tag, "method");
        let known = crawl::route_of(
            &crawl::table(),
            if method == "post" { "POST" } else { "GET" },
            &action,
        )
        .is_some();
        if action.starts_with('/') && !known {
            faults.push(format!("a form to nowhere: {method} {action}"));
        }
    }
    faults
}

/// Whether a value fits a schema, as far as our schemas go; unknown fields are faults.
fn fits(doc: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if let Some(target) = schema["$ref"].as_str() {
        let pointer = target.trim_start_matches('#');
        return match doc.pointer(pointer) {
            Some(schema) => fits(doc, schema, value, at, faults),
            None => faults.push(format!("{at}: {target} resolves to nothing")),
        };
    }
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(options) = schema[word].as_array() {
            let good = options.iter().any(|option| {
                let mut inner = Vec::new();
                fits(doc, option, value, at, &mut inner);
                inner.is_empty()
            });
            if !good {
                faults.push(format!("{at}: fits none of {word}"));
            }
            return;
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fits(doc, part, value, at, faults);
    }
    if let Some(kind) = schema["type"].as_str() {
        let good = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            _ => value.is_null(),
        };
        if !good {
            return faults.push(format!("{at}: is no {kind}"));
        }
    }
    if let Some(options) = schema["enum"].as_array()
        && !options.contains(value)
    {
        faults.push(format!("{at}: {value} is not among the words"));
    }
    if let Some(fields) = value.as_object() {
        object_fits(doc, schema, fields, at, faults);
    }
    if let Some(items) = value.as_array()
        && schema["items"].is_object()
    {
        for (n, item) in items.iter().enumerate() {
            fits(doc, &schema["items"], item, &format!("{at}/{n}"), faults);
        }
    }
}

fn object_fits(
    doc: &Value,
    schema: &Value,
    fields: &serde_json::Map<String, Value>,
    at: &str,
    faults: &mut Vec<String>,
) {
    let known = schema["properties"].as_object();
    for (name, value) in fields {
        let at = format!("{at}/{name}");
        match known.and_then(|k| k.get(name)) {
            Some(schema) => fits(doc, schema, value, &at, faults),
            None if schema["additionalProperties"].is_object() => {
                fits(doc, &schema["additionalProperties"], value, &at, faults);
            }
            None if known.is_some() => faults.push(format!("{at}: not in the document")),
            None => {}
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            faults.push(format!("{at}/{name}: missing"));
        }
    }
}

#[tokio::test]
async fn the_document_holds_every_route_and_all_its_references_resolve() {
    let kit = kit::open().await;
    let document = kit.browser().json("/openapi.json").await.value();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for route in crawl::table() {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        assert!(operation["responses"]["200"].is_object(), "{} {}", route.method, route.path);
        assert_eq!(operation["summary"], route.title);
        let names: Vec<_> =
            operation["parameters"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
        for part in route.path.split('/').filter_map(|p| p.strip_prefix('{')) {
            assert!(names.contains(&part.trim_end_matches('}').into()), "{}", route.path);
        }
        if route.needs != web::routes::Needs::Nothing {
            assert!(operation["security"].is_array(), "{}", route.path);
        }
    }
    let mut open = vec![&document];
    let mut count = 0;
    while let Some(value) = open.pop() {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            count += 1;
            let pointer = target.strip_prefix('#').expect("references stay inside");
            assert!(document.pointer(pointer).is_some(), "{target}");
        }
        match value {
            Value::Object(map) => open.extend(map.values()),
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    assert!(count > 10);
}

#[tokio::test]
async fn an_error_is_the_same_in_all_three_faces() {
    let Furnished { kit, tree, .. } = furnished::house().await;
    let who = kit.lab.observer(&tree.committee, "赵敏").await;
    let mut browser = kit.sign_in_as(&who).await;
    let base = format!("/o/{}", tree.committee.code);
    let cases = [
        (format!("{base}/no-such-page"), StatusCode::NOT_FOUND, "not_found", "没有找到这一页"),
        (format!("{base}/members/new"), StatusCode::FORBIDDEN, "E21", "你现在的身份不能办这件事"),
        ("/logout".into(), StatusCode::METHOD_NOT_ALLOWED, "method", "这个地址不能这样打开"),
    ];
    for (url, status, code, title) in cases {
        let page = browser.get(&url).await;
        let fragment = browser.fragment(&url).await;
        let json = browser.json(&url).await;
        for answer in [&page, &fragment, &json] {
            assert_eq!(answer.status, status, "{url}");
            let number = answer.header("x-request-id");
            assert!(number.starts_with("req-") && answer.body.contains(number), "{url}");
            assert!(answer.body.contains(title), "{url}: {}", answer.body);
        }
        assert!(page.body.contains("<html") && !fragment.body.contains("<html"), "{url}");
        assert_eq!(json.header("content-type"), "application/problem+json");
        assert_eq!(json.value()["code"], code);
        assert_eq!(json.value()["status"], status.as_u16());
    }
}

#[tokio::test]
async fn a_personal_token_is_the_person_and_a_wrong_or_old_one_nobody() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let admin = kit.lab.admin(&tree.branch, "王芳").await;
    let mut browser = kit.sign_in_as(&admin).await;
    let home = browser.json(&format!("/o/{}", tree.branch.code)).await;
    assert_eq!(home.status, StatusCode::OK);
    assert!(browser.bearer.as_ref().unwrap().starts_with("tjt_"));
    kit.lab.clock.advance(app::clock::DAY + 1);
    assert_eq!(browser.json("/me/settings").await.status, StatusCode::UNAUTHORIZED);
    browser.bearer = Some("tjt_NOSUCHTOKEN".into());
    assert_eq!(browser.json("/me/settings").await.status, StatusCode::UNAUTHORIZED);
    // A wrong token does not fall back to somebody's cookie.
    let account = kit.account_of(&admin).await;
    let mut both = kit.sign_in(&account).await;
    both.bearer = Some("tjt_NOSUCHTOKEN".into());
    assert_eq!(both.json("/me/settings").await.status, StatusCode::UNAUTHORIZED);
}
