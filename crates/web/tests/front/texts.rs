//! What no text that is stored may contain, over every form of the table; and what is no text at all.

use crate::{crawl, furnished, kit};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fields that fold what came along with pasting, or refuse it in their own words.
const OWN_RULES: &[&str] = &[
    "name",
    "id_number",
    "ethnic",
    "political",
    "education",
    "joined",
    "dev_number",
    "mobile",
    "qq",
    "email",
    "phone",
    "emergency_phone",
    "post",
    "post_since",
    "q",
    "code",
    "to",
    "typed",
    "paste",
    "cells",
    "password",
    "password_again",
];

fn properties(document: &Value, schema: &Value) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

#[tokio::test]
async fn no_form_takes_a_text_with_marks_that_nobody_sees_and_the_field_is_named() {
    let house = furnished::house().await;
    let document = house.kit.browser().json("/openapi.json").await.value();
    let mut browser = house.kit.sign_in_as(&house.committee).await;
    let base = format!("/o/{}", house.tree.committee.code);
    let (mut asked, mut wrong) = (BTreeSet::new(), Vec::new());
    for route in crawl::table().iter().filter(|r| r.method == Method::POST && r.path != "/logout") {
        let operation = &document["paths"][route.path]["post"];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let url = route.path.replace("/o/{org}", &base);
        let parts = url.split('/').map(|p| if p.starts_with('{') { "1" } else { p });
        let url = parts.collect::<Vec<_>>().join("/");
        for field in properties(&document, schema) {
            if OWN_RULES.contains(&field.as_str()) || route.path.contains("/rows") {
                continue;
            }
            for mark in ['\u{202E}', '\u{200D}', '\u{200B}', '\u{2066}', '\u{7}', '\u{FFFD}'] {
                let evil = format!("核对{mark}档案");
                let mut body = serde_json::Map::new();
                body.insert(field.clone(), json!(evil));
                let as_json = browser.post_json(&url, &Value::Object(body)).await;
                let as_form = browser.post(&url, &[(&field, &evil)]).await;
                for answer in [as_json, as_form] {
                    let closed = [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];
                    if closed.contains(&answer.status) {
                        continue;
                    }
                    asked.insert((route.path, field.clone()));
                    let told = answer.status == StatusCode::UNPROCESSABLE_ENTITY
                        && answer.body.contains("看不见的字符");
                    if !told {
                        let code = u32::from(mark);
                        wrong.push(format!("{url} {field} U+{code:04X}: {}", answer.status));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked.len() > 60, "only {} fields were asked", asked.len());
}

#[tokio::test]
async fn line_ends_tabs_and_hearts_are_text() {
    let house = furnished::house().await;
    let mut browser = house.kit.sign_in_as(&house.committee).await;
    let base = format!("/o/{}", house.tree.committee.code);
    let answer = browser
        .post(
            &format!("{base}/members/export"),
            &[("reason", "年底核对\r\n\t辛苦了\u{2764}\u{FE0F}")],
        )
        .await;
    assert!(!answer.body.contains("看不见的字符"), "{}", answer.body);
}

#[tokio::test]
async fn what_is_no_text_is_refused_and_never_stored() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let mut browser = kit.sign_in_as(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let base = format!("/o/{}", tree.branch.code);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let json = ("content-type", "application/json");
    let accept = ("accept", "application/json");
    let edit = format!("{base}/info/edit");
    let mut answers = Vec::new();
    for (url, kind, body) in [
        (edit.as_str(), form, b"address=%E5%90%88%FF%80".to_vec()),
        (edit.as_str(), form, b"address=\xE5\x90".to_vec()),
        (edit.as_str(), form, b"%FF=1".to_vec()),
        (edit.as_str(), form, b"address=a%00b".to_vec()),
        (edit.as_str(), json, b"{\"address\":\"\xE5\x90\"}".to_vec()),
        (&format!("{base}/search?x=%C0%AF"), form, b"q=%E5".to_vec()),
    ] {
        answers.push(browser.once(Method::POST, url, &[kind, accept], body).await);
    }
    for url in [
        format!("{base}/search?q=%FF"),
        format!("{base}/search?q=%00"),
        format!("{base}/members?q=%E5%90"),
        format!("{base}/people/%FF"),
        "/login?next=%ED%A0%80".to_owned(),
    ] {
        answers.push(browser.once(Method::GET, &url, &[accept], Vec::new()).await);
    }
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}: {}", answer.url, answer.body);
        assert_eq!(answer.value()["code"], "text_broken", "{}", answer.url);
    }
    // JSON can write half a character, or the character zero, in letters.
    for text in [r#"{"address":"\ud800"}"#, r#"{"address":"a\u0000b"}"#, r#"{"phone":"a\u0000b"}"#]
    {
        let answer = browser.once(Method::POST, &edit, &[json, accept], text.into()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{text}: {}", answer.body);
    }
    // A file's form.
    let multipart = ("content-type", "multipart/form-data; boundary=B");
    let part = |name: &str, bytes: &[u8]| {
        let mut body =
            format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--B--\r\n");
        body
    };
    for (name, bytes) in
        [("paste", &b"\xE5\x90"[..]), ("kind", &b"\xFF"[..]), ("kind", "a\u{202E}".as_bytes())]
    {
        let url = format!("{base}/imports");
        let answer =
            browser.once(Method::POST, &url, &[multipart, accept], part(name, bytes)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}: {}", answer.body);
    }
}
