//! What pages offer and say: a picker that never offers what would be refused, forms that come back
//! with everything chosen, steps that stand at an address of their own, no success that is none,
//! the tables of what was entered and of what was done.

use crate::kit::{self, Kit};
use app::{Who, testkit::Tree};
use http::{Method, StatusCode};
use serde_json::json;

struct World {
    kit: Kit,
    tree: Tree,
}

async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    World { kit, tree }
}

async fn code_of(w: &World, person: app::people::PersonId) -> String {
    let mut cx = w.kit.lab.house.read(Who::System("test")).await.unwrap();
    app::people::person::read(&mut cx, person).await.unwrap().code
}

#[tokio::test]
async fn the_picker_of_a_transfer_offers_nothing_that_would_be_refused_and_says_why() {
    let w = world().await;
    let admin = w.kit.lab.admin(&w.tree.branch, "王老师").await;
    let person = w.kit.lab.member(&w.tree.branch, "张三").await;
    let code = code_of(&w, person).await;
    let mut browser = w.kit.sign_in_as(&admin).await;
    let base = format!("/o/{}", w.tree.branch.code);
    let picker = format!("{base}/picker?for=transfer&of={}&back={base}/t", w.tree.branch.code);
    let (mut offered, mut grey) = (0, 0);
    for at in [&w.tree.centre, &w.tree.city, &w.tree.county, &w.tree.general] {
        let url = format!("{picker}&at={}", at.code);
        let page = browser.get(&url).await;
        let told = browser.json(&url).await.value();
        for row in told["rows"].as_array().unwrap() {
            let to = row["code"].as_str().unwrap();
            let why = row["why_not"].as_str().unwrap();
            let form = json!({ "person": code, "to": to, "reason": "job_change" });
            let said = browser.post_json(&format!("{base}/transfers/out/new"), &form).await;
            let wrong = said.value()["errors"].as_array().cloned().unwrap_or_default();
            let refused = wrong.iter().find(|e| e["field"] == "to");
            assert_eq!(refused.is_some(), !why.is_empty(), "{to}: {}", said.body);
            let link = page.body.contains(&format!("to={to}\""));
            assert_eq!(link, why.is_empty(), "{to}: {}", page.body);
            match refused {
                Some(error) => {
                    assert_eq!(error["message"], why);
                    assert!(page.body.contains(&format!("不能选：{why}")), "{}", page.body);
                    grey += 1;
                }
                None => offered += 1,
            }
        }
    }
    assert!(offered > 1 && grey > 3, "{offered} offered, {grey} not");
}

#[tokio::test]
async fn the_picker_of_an_allocation_knows_the_transfer_that_it_is_for() {
    let w = world().await;
    let source = w.kit.lab.admin(&w.tree.branch, "王老师").await;
    let target = w.kit.lab.admin(&w.tree.committee, "孙书记").await;
    let person = w.kit.lab.member(&w.tree.branch, "张三").await;
    let code = code_of(&w, person).await;
    let mut from = w.kit.sign_in_as(&source).await;
    let form = json!({ "person": code, "to": w.tree.committee.code, "reason": "reorganised" });
    let begun =
        from.post_json(&format!("/o/{}/transfers", w.tree.branch.code), &form).await.value();
    let no = begun["data"]["no"].as_str().unwrap().to_owned();
    let mut browser = w.kit.sign_in_as(&target).await;
    let base = format!("/o/{}", w.tree.committee.code);
    let url = format!("{base}/picker?for=allocation&of={no}&at={}", w.tree.general.code);
    let told = browser.json(&url).await.value();
    let why = |code: &str| {
        let rows = told["rows"].as_array().unwrap();
        rows.iter().find(|r| r["code"] == code).unwrap()["why_not"].as_str().unwrap().to_owned()
    };
    assert!(why(&w.tree.branch.code).contains("这就是原来的团支部"));
    assert_eq!(why(&w.tree.sister.code), "");
    // The whole committee sees its administrator's number masked, calls him, and that is noted.
    let page = browser.get(&format!("{base}/t/{no}")).await;
    assert!(page.body.contains("原组织管理员手机"), "{}", page.body);
    assert!(page.body.contains("由合肥第一中学团委分配团支部"), "{}", page.body);
    let called = browser.post(&format!("{base}/t/{no}/contact"), &[]).await;
    assert_eq!(called.status, StatusCode::OK, "{}", called.body);
    assert!(called.body.contains("原组织管理员电话"), "{}", called.body);
    let noted = w.kit.number("SELECT COUNT(*) FROM event WHERE kind = 'transfer.called'").await;
    assert_eq!(noted, 1);
    let mut other = w.kit.sign_in_as(&source).await;
    let not_hers = other.post(&format!("/o/{}/t/{no}/contact", w.tree.branch.code), &[]).await;
    assert_eq!(not_hers.status, StatusCode::NOT_FOUND, "{}", not_hers.body);
}

#[tokio::test]
async fn a_batch_comes_back_with_the_errors_at_their_fields_and_every_choice_kept() {
    let w = world().await;
    let source = w.kit.lab.admin(&w.tree.branch, "王老师").await;
    let target = w.kit.lab.admin(&w.tree.other_committee, "孙部长").await;
    let mut from = w.kit.sign_in_as(&source).await;
    let mut numbers = Vec::new();
    for name in ["李娜", "刘洋"] {
        let person = w.kit.lab.member(&w.tree.branch, name).await;
        let to = &w.tree.other_committee.code;
        let form =
            json!({ "person": code_of(&w, person).await, "to": to, "reason": "reorganised" });
        let begun = from.post_json(&format!("/o/{}/transfers", w.tree.branch.code), &form).await;
        numbers.push(begun.value()["data"]["no"].as_str().unwrap().to_owned());
    }
    let mut browser = w.kit.sign_in_as(&target).await;
    let batch = format!("/o/{}/inbox/batch", w.tree.other_committee.code);
    let page = browser.get(&format!("{batch}?no={}&no={}", numbers[0], numbers[1])).await;
    let (one, two) = (format!("b.{}", numbers[0]), format!("b.{}", numbers[1]));
    let foreign = w.tree.sister.code.as_str();
    let chosen = [("all", ""), (one.as_str(), "all"), (two.as_str(), foreign)];
    let wrong = browser.submit(&page, &batch, &chosen).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.body);
    assert!(wrong.body.contains("有1件选了“用统一的团支部”"), "{}", wrong.body);
    assert!(wrong.body.contains(&format!("id=\"e-{two}\"")), "{}", wrong.body);
    assert!(wrong.body.contains("不在本组织下面") && wrong.body.contains("李娜"));
    for no in &numbers {
        let t = browser.json(&format!("/o/{}/t/{no}", w.tree.other_committee.code)).await;
        assert_eq!(t.value()["rights"]["approve"], true, "nothing was decided: {}", t.body);
    }
    let branch = w.tree.other_branch.code.as_str();
    let right = [("all", branch), (one.as_str(), "all"), (two.as_str(), "all")];
    let done = browser.submit(&wrong, &batch, &right).await;
    assert!(done.body.contains("办理成功2件"), "{}", done.body);
}

#[tokio::test]
async fn a_step_that_is_checked_stands_at_an_address_of_its_own_and_belongs_to_one_person() {
    let w = world().await;
    let admin = w.kit.lab.admin(&w.tree.branch, "王老师").await;
    let second = w.kit.lab.admin(&w.tree.branch, "马老师").await;
    let person = w.kit.lab.member(&w.tree.branch, "张三").await;
    let code = code_of(&w, person).await;
    let mut browser = w.kit.sign_in_as(&admin).await;
    let new = format!("/o/{}/transfers/out/new", w.tree.branch.code);
    let to = w.tree.other_committee.code.as_str();
    let fields = [
        ("person", code.as_str()),
        ("to", to),
        ("reason", "job_change"),
        ("unit_name", "六中"),
        ("remark", "随专业调整"),
    ];
    let sent = browser.post_once(&new, &fields).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let at = sent.redirect().unwrap();
    assert!(!at.contains("unit_name") && at.contains("draft="), "{at}");
    for _ in 0..2 {
        let check = browser.get(&at).await;
        assert!(check.body.contains("核对后提交") && check.body.contains("随专业调整"));
    }
    let edit = browser.get(&format!("{at}&edit=1")).await;
    assert!(edit.body.contains("随专业调整") && edit.body.contains("六中"), "{}", edit.body);
    let mut other = w.kit.sign_in_as(&second).await;
    let foreign = other.get(&at).await;
    assert!(!foreign.body.contains("随专业调整"), "{}", foreign.body);
    assert!(foreign.body.contains("已过期，请重新填写"), "{}", foreign.body);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let body = serde_html_form::to_string(fields).unwrap().into_bytes();
    let headers = [("accept", "*/*"), ("hx-request", "true"), kind];
    let swapped = browser.once(Method::POST, &new, &headers, body).await;
    assert_eq!(swapped.status, StatusCode::OK);
    assert!(swapped.header("hx-redirect").contains("draft="), "{}", swapped.body);
    let kept = w.kit.number("SELECT COUNT(*) FROM idem WHERE answer LIKE '%随专业%'").await;
    assert_eq!(kept, 0, "what waits is sealed");
}

#[tokio::test]
async fn a_stale_school_code_is_never_said_to_be_saved() {
    let w = world().await;
    let one = w.kit.lab.admin(&w.tree.committee, "赵老师").await;
    let two = w.kit.lab.admin(&w.tree.committee, "钱老师").await;
    let base = format!("/o/{}", w.tree.committee.code);
    let at = format!("{base}/schools/code");
    let mut first = w.kit.sign_in_as(&one).await;
    let mut second = w.kit.sign_in_as(&two).await;
    first.post_json(&at, &json!({ "number": "3410000001", "was": "" })).await;
    let old = second.get(&at).await;
    let moved = json!({ "number": "3410000002", "was": "3410000001" });
    assert_eq!(first.post_json(&at, &moved).await.status, StatusCode::OK);
    let stale = second.submit(&old, &at, &[("number", "3410000001")]).await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.body);
    assert!(!stale.body.contains("已保存"), "{}", stale.body);
    assert!(stale.body.contains("3410000001") && stale.body.contains("3410000002"));
    let cleared = second.submit(&old, &format!("{at}/clearance"), &[]).await;
    assert_eq!(cleared.status, StatusCode::CONFLICT, "{}", cleared.body);
    assert!(second.get(&at).await.body.contains("3410000002"));
}

#[tokio::test]
async fn nothing_done_is_no_success() {
    let w = world().await;
    let admin = w.kit.lab.admin(&w.tree.committee, "赵老师").await;
    let mut browser = w.kit.sign_in_as(&admin).await;
    let base = format!("/o/{}", w.tree.committee.code);
    let page = browser
        .post(&format!("{base}/children/codes/revocation"), &[("org", &w.tree.general.code)])
        .await;
    assert!(!page.body.contains("已作废"), "{}", page.body);
    // A token ends no sign-ins: this one signs in by the form.
    let mut browser = w.kit.sign_in(&w.kit.account_of(&admin).await).await;
    let none = browser.post("/me/sessions/end", &[]).await;
    assert!(none.body.contains("没有别处的登录需要注销"), "{}", none.body);
    assert!(none.body.contains("flash warn"), "{}", none.body);
}

#[tokio::test]
async fn the_progress_of_organisations_says_yes_or_no_and_why() {
    let w = world().await;
    let admin = w.kit.lab.admin(&w.tree.committee, "赵老师").await;
    let mut browser = w.kit.sign_in_as(&admin).await;
    let base = format!("/o/{}", w.tree.committee.code);
    let page = browser.get(&format!("{base}/progress/orgs")).await;
    assert!(page.body.contains("直属下级组织2个") && page.body.contains("缺"), "{}", page.body);
    let told = browser.json(&format!("{base}/progress/orgs?state=missing")).await.value();
    for row in told["table"]["rows"].as_array().unwrap() {
        assert_eq!(row["complete"], false);
        assert!(row["missing"].as_array().unwrap().iter().any(|m| m == "书记"), "{row}");
    }
    let done = browser.json(&format!("{base}/progress/orgs?state=done")).await.value();
    assert_eq!(done["table"]["count"], 0);
    let sheet = browser.get(&format!("{base}/progress/orgs.xlsx")).await;
    assert!(sheet.header("content-type").contains("spreadsheet"), "{}", sheet.status);
    let cadres = browser.get(&format!("{base}/progress/cadres?domain=school")).await;
    assert!(cadres.body.contains("在“学校”领域"), "{}", cadres.body);
    assert!(cadres.body.contains("基层团组织总数"), "{}", cadres.body);
}

#[tokio::test]
async fn the_records_of_an_organisation_are_read_by_its_administrators_alone() {
    let w = world().await;
    let admin = w.kit.lab.admin(&w.tree.committee, "赵老师").await;
    let outsider = w.kit.lab.admin(&w.tree.far_committee, "周老师").await;
    let mut browser = w.kit.sign_in_as(&admin).await;
    let base = format!("/o/{}", w.tree.committee.code);
    let form = json!({ "category": "BRANCH", "short_name": "高三1班团支部", "industry": "school_senior", "again": "" });
    let made = browser.post_json(&format!("{base}/children/new"), &form).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let page = browser.get(&format!("{base}/audit")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("赵老师") && page.body.contains("创建组织"), "{}", page.body);
    assert!(page.body.contains("高三1班团支部"), "where it was done: {}", page.body);
    let none = browser.get(&format!("{base}/audit?about=transfers")).await;
    assert!(none.body.contains("没有符合条件的记录"), "{}", none.body);
    let later = browser.get(&format!("{base}/audit?from=2099-01-01")).await;
    assert!(later.body.contains("没有符合条件的记录"), "{}", later.body);
    let sheet = browser.get(&format!("{base}/audit.xlsx")).await;
    assert!(sheet.header("content-type").contains("spreadsheet"), "{}", sheet.status);
    let mut other = w.kit.sign_in_as(&outsider).await;
    assert_eq!(other.get(&format!("{base}/audit")).await.status, StatusCode::NOT_FOUND);
}
