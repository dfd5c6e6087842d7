//! Lists of whole numbers: counted as looks at each person in them, above the day's allowance only
//! with the word of a second person, told to everybody who stands in them.

use crate::kit::{self, Browser, Kit};
use app::{OrgRef, Who, clock::DAY, people::PersonId, testkit::Tree};
use http::StatusCode;

/// So many people that the fourth list of a day goes over the 500 that need no second person.
const PEOPLE: usize = 130;

struct World {
    kit: Kit,
    tree: Tree,
    first: Who,
    second: Who,
    member: PersonId,
}

async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let first = kit.lab.admin(&tree.branch, "王老师").await;
    let second = kit.lab.admin(&tree.branch, "李老师").await;
    let member = kit.lab.member(&tree.branch, "张三").await;
    for _ in 1..PEOPLE {
        kit.lab.member(&tree.branch, "李四").await;
    }
    World { kit, tree, first, second, member }
}

const FIELDS: [(&str, &str); 2] = [("full", "true"), ("reason", "年度团籍核对")];

fn at(org: &OrgRef, rest: &str) -> String {
    format!("/o/{}{rest}", org.code)
}

/// Asks `times` times beyond the day's allowance, each of which needs a second person.
async fn asked(browser: &mut Browser, branch: &OrgRef, times: usize) {
    for _ in 0..3 + times {
        let answer = browser.post(&at(branch, "/members/export"), &FIELDS).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    assert_eq!(requests(browser, branch).await.len(), times);
}

/// The requests as `browser` sees them.
async fn requests(browser: &mut Browser, org: &OrgRef) -> Vec<serde_json::Value> {
    browser.json(&at(org, "/exports")).await.value()["list"].as_array().unwrap().clone()
}

#[tokio::test]
async fn above_the_days_allowance_a_second_person_agrees_and_only_who_asked_gets_the_file() {
    let w = world().await;
    let branch = &w.tree.branch;
    let mut first = w.kit.sign_in_as(&w.first).await;
    for _ in 0..3 {
        let answer = first.post(&at(branch, "/members/export"), &FIELDS).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.header("content-disposition").contains("attachment"), "{}", answer.body);
    }
    let page = first.post(&at(branch, "/members/export"), &FIELDS).await;
    assert!(page.body.contains("需要另一位管理员"), "{}", page.body);
    assert!(page.body.contains("130人") && page.body.contains("撤回"), "{}", page.body);
    let list = requests(&mut first, branch).await;
    let (id, no) = (list[0]["id"].as_str().unwrap(), list[0]["no"].as_str().unwrap());
    let approval = at(branch, &format!("/exports/{id}/approval"));
    let own = first.post(&approval, &[]).await;
    assert_eq!(own.status, StatusCode::CONFLICT);
    assert!(own.body.contains("另一位管理员同意"), "{}", own.body);

    // Nobody from elsewhere sees it or decides it; both of those who can have been told.
    let far = w.kit.lab.admin(&w.tree.far_branch, "赵老师").await;
    let mut far = w.kit.sign_in_as(&far).await;
    let there = at(&w.tree.far_branch, &format!("/exports/{id}/approval"));
    assert_eq!(far.post(&there, &[]).await.status, StatusCode::NOT_FOUND);
    assert!(requests(&mut far, &w.tree.far_branch).await.is_empty());
    let told = format!("SELECT COUNT(*) FROM message WHERE body LIKE '%{no}%'");
    assert_eq!(w.kit.number(&told).await, 2);

    let mut second = w.kit.sign_in_as(&w.second).await;
    let agreed = second.post(&approval, &[]).await;
    assert!(agreed.body.contains("已同意导出"), "{}", agreed.body);
    let twice = second.post(&approval, &[]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT, "{}", twice.body);
    app::jobs::run_all(&w.kit.lab.house).await.unwrap();
    let mine = requests(&mut first, branch).await;
    let file = mine[0]["href"].as_str().expect("the file, for whoever asked").to_owned();
    assert!(first.get(&file).await.header("content-disposition").contains("attachment"));
    assert!(requests(&mut second, branch).await[0]["href"].is_null());
    assert_eq!(second.get(&file).await.status, StatusCode::NOT_FOUND);

    // Everybody in the lists reads who took her number away and why.
    let account = w.kit.account(w.member).await;
    let mut member = w.kit.sign_in(&account).await;
    let seen = member.get("/me/seen").await;
    assert!(seen.body.contains(no) && seen.body.contains("年度团籍核对"), "{}", seen.body);
    assert!(seen.body.contains(&branch.short_name), "{}", seen.body);
    let entries = member.json("/me/seen").await.value();
    assert_eq!(entries["list"].as_array().unwrap().len(), 4, "one for each list");
    w.kit.lab.is_whole().await;
}

#[tokio::test]
async fn a_request_is_refused_taken_back_or_lapses_and_no_file_is_made() {
    let w = world().await;
    let branch = &w.tree.branch;
    let mut first = w.kit.sign_in_as(&w.first).await;
    let superior = w.kit.lab.admin(&w.tree.general, "孙老师").await;
    let mut superior = w.kit.sign_in_as(&superior).await;
    asked(&mut first, branch, 3).await;
    let list = requests(&mut superior, &w.tree.general).await;
    assert_eq!(list.len(), 3, "its direct superior sees them");
    let way = |org: &OrgRef, n: usize, what: &str| {
        at(org, &format!("/exports/{}/{what}", list[n]["id"].as_str().unwrap()))
    };
    let no = superior.post(&way(&w.tree.general, 0, "refusal"), &[]).await;
    assert!(no.body.contains("不再办理"), "{}", no.body);
    let back = first.post(&way(branch, 1, "refusal"), &[]).await;
    assert!(back.body.contains("已撤回"), "{}", back.body);
    w.kit.lab.clock.advance(4 * DAY);
    let mut second = w.kit.sign_in_as(&w.second).await;
    let late = second.post(&way(branch, 2, "approval"), &[]).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
    let states: Vec<String> = requests(&mut second, branch)
        .await
        .iter()
        .map(|r| r["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["refused", "withdrawn", "expired"]);
    assert_eq!(w.kit.number("SELECT COUNT(*) FROM job WHERE kind LIKE '%export%'").await, 0);
}

#[tokio::test]
async fn two_who_agree_at_once_make_one_file() {
    let w = world().await;
    let branch = &w.tree.branch;
    let mut first = w.kit.sign_in_as(&w.first).await;
    asked(&mut first, branch, 1).await;
    let id = requests(&mut first, branch).await[0]["id"].as_str().unwrap().to_owned();
    let superior = w.kit.lab.admin(&w.tree.general, "孙老师").await;
    let mut superior = w.kit.sign_in_as(&superior).await;
    let mut second = w.kit.sign_in_as(&w.second).await;
    let (here, above) = (
        at(branch, &format!("/exports/{id}/approval")),
        at(&w.tree.general, &format!("/exports/{id}/approval")),
    );
    let (a, b) = tokio::join!(second.post(&here, &[]), superior.post(&above, &[]));
    let ok = [&a, &b].iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(ok, 1, "{} {}", a.status, b.status);
    assert_eq!(w.kit.number("SELECT COUNT(*) FROM job WHERE kind LIKE '%export%'").await, 1);
}
