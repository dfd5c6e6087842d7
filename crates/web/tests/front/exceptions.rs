//! 特殊情况录入 through the front door (row 133): asked for with a file, agreed to, used; and what
//! everybody below reads who meets the refusal.

use crate::kit::{self, Answer, Browser, Kit};
use app::{Who, pii::check_char, testkit::Tree};
use http::{Method, StatusCode};

struct World {
    kit: Kit,
    tree: Tree,
    one: Who,
    two: Who,
}

async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let one = kit.lab.operator(&tree.centre, "钱进").await;
    let two = kit.lab.operator(&tree.centre, "孙明").await;
    World { kit, tree, one, two }
}

/// Somebody of twelve.
fn young() -> String {
    let first = "34010320140105001";
    format!("{first}{}", check_char(first).unwrap())
}

async fn send(
    browser: &mut Browser,
    url: &str,
    accept: &str,
    (fields, file): (&[(&str, &str)], &[u8]),
) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    if !file.is_empty() {
        let head = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"扫描.pdf\"\r\nContent-Type: application/pdf\r\n\r\n";
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    let head = [("accept", accept), ("content-type", "multipart/form-data; boundary=XX")];
    browser.ask(Method::POST, url, &head, body).await
}

#[tokio::test]
async fn with_the_statement_and_a_second_operator_the_refused_person_is_entered() {
    let w = world().await;
    let admin = w.kit.lab.admin(&w.tree.branch, "王老师").await;
    let mut secretary = w.kit.sign_in_as(&admin).await;
    let id = young();
    let add = format!("/o/{}/members/new", w.tree.branch.code);
    let fields: &[(&str, &str)] = &[
        ("name", "周小雨"),
        ("id_number", &id),
        ("ethnic", "汉族"),
        ("political", "共青团员"),
        ("education", "初中"),
        ("joined", "2026-05"),
        ("dev_number", "202634000001"),
        ("mobile", "13912345678"),
    ];
    let page = secretary.get(&add).await;
    let page = secretary.submit(&page, &add, &[("id_number", &id)]).await;
    let refused = secretary.submit(&page, &add, fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    let how = format!("/o/{}/exceptions", w.tree.branch.code);
    assert!(refused.body.contains("逐级报省级团委") && refused.body.contains(&how));
    assert!(refused.body.contains("周小雨"), "what was typed is kept");
    let json: serde_json::Map<String, serde_json::Value> =
        fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect();
    let program = secretary.post_json(&add, &json.into()).await;
    assert!(program.body.contains("too_young_at_joining"), "{}", program.body);
    assert!(program.body.contains("/help/exceptions"), "{}", program.body);

    let mut one = w.kit.sign_in_as(&w.one).await;
    let new = format!("/o/{}/ops/exceptions/new", w.tree.centre.code);
    let list = one.get(&format!("/o/{}/ops/exceptions", w.tree.centre.code)).await;
    assert!(list.body.contains("还没有特殊情况") && list.body.contains(&new), "{}", list.body);
    let page = one.get(&new).await;
    assert!(page.body.contains("选择组织"), "{}", page.body);
    let page = one.get(&format!("{new}?to={}", w.tree.branch.code)).await;
    assert!(page.body.contains("multipart/form-data"), "{}", page.body);
    let org = w.tree.branch.code.as_str();
    let asked: &[(&str, &str)] =
        &[("kind", "underage"), ("org", org), ("name", "周小雨"), ("id_number", &id)];
    let pdf: &[u8] = b"%PDF-1.7 statement";
    let wrong = send(&mut one, &new, "text/html", (asked, pdf)).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.body);
    assert!(wrong.body.contains("请写明依据") && wrong.body.contains("周小雨"), "{}", wrong.body);
    assert!(wrong.body.contains("重新选择情况说明"), "{}", wrong.body);
    let full = [asked, &[("reason", "皖团〔2026〕12号")]].concat();
    let missing = send(&mut one, &new, "application/json", (&full, b"")).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(missing.body.contains("请选择情况说明"), "{}", missing.body);
    let made = send(&mut one, &new, "text/html", (&full, pdf)).await;
    assert!(made.body.contains("要由另一位运营人员办理"), "{}", made.body);
    let at = made.url.clone();
    let statement = made.body.split("/ops/exceptions/").nth(1).unwrap();
    let number = statement.split('/').next().unwrap().to_owned();
    let statement = format!("/o/{}/ops/exceptions/{number}/statement", w.tree.centre.code);

    let mut two = w.kit.sign_in_as(&w.two).await;
    let page = two.get(&at).await;
    assert!(page.body.contains(&id) && page.body.contains("周小雨"), "to be compared");
    let file = two.get(&statement).await;
    assert_eq!((file.header("content-type"), file.body.as_bytes()), ("application/pdf", pdf));
    assert!(file.header("content-disposition").starts_with("attachment"));
    let theirs = secretary.get(&statement).await;
    assert_eq!(theirs.status, StatusCode::NOT_FOUND, "{}", theirs.body);
    let done = two.submit(&page, &format!("{at}/approval"), &[]).await;
    assert!(done.body.contains("已办理") && !done.body.contains(&id), "{}", done.body);

    let page = secretary.get(&add).await;
    assert!(page.body.contains(&how), "the way is there before anybody is refused");
    let page = secretary.submit(&page, &add, &[("id_number", &id)]).await;
    let entered = secretary.submit(&page, &add, fields).await;
    assert!(entered.status.is_success(), "{}", entered.body);
    let people = secretary.get(&format!("/o/{}/members?q=周小雨", w.tree.branch.code)).await;
    let person = people.body.split("/people/").nth(1).unwrap();
    let person = person.split(['"', '?', '/']).next().unwrap();
    let card = secretary.get(&format!("/o/{}/people/{person}", w.tree.branch.code)).await;
    assert!(card.body.contains("特殊情况") && card.body.contains("团中央批准"), "{}", card.body);

    let show = format!("/o/{}/ops/exceptions/{number}", w.tree.centre.code);
    let page = one.get(&show).await;
    assert!(page.body.contains("已录入"), "{}", page.body);
    let short = one.submit(&page, &format!("{show}/end"), &[("reason", "无")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    let ending = one.submit(&short, &format!("{show}/end"), &[("reason", "批错了人")]).await;
    assert!(ending.body.contains("仍是团员"), "{}", ending.body);
}

#[tokio::test]
async fn who_to_write_to_is_said_to_everybody_with_a_form_to_print() {
    let w = world().await;
    let open = w.kit.browser().get("/help/exceptions").await;
    assert_eq!(open.status, StatusCode::OK);
    for words in ["省级团委", "情况说明", "发展单位（盖章）", "data-print"] {
        assert!(open.body.contains(words), "{words}: {}", open.body);
    }
    let admin = w.kit.lab.admin(&w.tree.branch, "王老师").await;
    let mut secretary = w.kit.sign_in_as(&admin).await;
    let page = secretary.get(&format!("/o/{}/exceptions", w.tree.branch.code)).await;
    let way = [&w.tree.general, &w.tree.committee, &w.tree.county, &w.tree.city, &w.tree.province];
    let way: Vec<&str> = way.iter().map(|o| o.short_name.as_str()).collect();
    let page = kit::plain(&page.body);
    assert!(page.contains(&way.join(" → ")), "{page}");
}
