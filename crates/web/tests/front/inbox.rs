//! 操作中心 through the front door: business of every kind in one list, narrowed by the address alone,
//! one after the other, and what stands there when all is done.

use crate::kit::{self, Kit};
use app::{Who, act, relocations, testkit::Tree, transfers};
use http::StatusCode;

struct World {
    kit: Kit,
    tree: Tree,
    target: Who,
}

/// What waits for the other committee: two transfers to it and a relocation.
async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let target = kit.lab.admin(&tree.other_committee, "孙部长").await;
    let source = kit.lab.admin(&tree.branch, "王老师").await;
    for name in ["张一", "张二"] {
        let person = kit.lab.member(&tree.branch, name).await;
        let mut cx = kit.lab.house.read(Who::System("test")).await.unwrap();
        let code = app::people::person::read(&mut cx, person).await.unwrap().code;
        drop(cx);
        let new = transfers::New {
            person: code,
            to: tree.other_committee.code.clone(),
            reason: "job_change".into(),
            fields: [("unit_name".to_owned(), "六中".to_owned())].into(),
            remark: String::new(),
        };
        act!(kit.lab.house, source.clone(), |cx| transfers::start(cx, &new).await).unwrap();
    }
    let mover = kit.lab.admin(&tree.general, "赵静").await;
    let above = kit.lab.admin(&tree.committee, "钱多").await;
    let new = relocations::New {
        to: tree.other_committee.code.clone(),
        reason: "学院合并到新校区".into(),
    };
    let no = act!(kit.lab.house, mover, |cx| relocations::start(cx, &new).await).unwrap().no;
    act!(kit.lab.house, above, |cx| relocations::approve(cx, &no, 1).await).unwrap();
    World { kit, tree, target }
}

#[tokio::test]
async fn every_tab_is_narrowed_by_its_address_and_says_so_when_nothing_fits() {
    let w = world().await;
    let mut browser = w.kit.sign_in_as(&w.target).await;
    let inbox = format!("/o/{}/inbox", w.tree.other_committee.code);
    let rows = async |browser: &mut kit::Browser, query: &str| {
        let page = browser.json(&format!("{inbox}{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}: {}", page.body);
        page.value()["rows"].as_array().unwrap().len()
    };
    assert_eq!(rows(&mut browser, "").await, 3);
    assert_eq!(rows(&mut browser, "?type=transfer").await, 2);
    assert_eq!(rows(&mut browser, "?type=relocation").await, 1);
    assert_eq!(rows(&mut browser, "?type=allocation").await, 0);
    assert_eq!(rows(&mut browser, "?from=2026-06-15&to=2026-06-15").await, 3);
    assert_eq!(rows(&mut browser, "?to=2026-06-14").await, 0);
    assert_eq!(rows(&mut browser, "?type=nonsense&from=yesterday&after=x").await, 3);
    let none = browser.get(&format!("{inbox}?type=allocation")).await;
    assert!(none.body.contains("没有符合条件的事项") && none.body.contains("清除筛选"));
    let letters = browser.json(&format!("{inbox}?tab=system&type=relocation")).await.value();
    assert_eq!(letters["notes"].as_array().unwrap().len(), 1, "{letters}");
    let letters = browser.json(&format!("{inbox}?tab=system&to=2026-06-14")).await.value();
    assert!(letters["notes"].as_array().unwrap().is_empty());
    for tab in ["mine", "done"] {
        let page = browser.get(&format!("{inbox}?tab={tab}&type=relocation&from=2026-01-01")).await;
        assert!(page.body.contains("没有符合条件的记录"), "{}", page.body);
    }
}

#[tokio::test]
async fn after_a_decision_the_next_one_of_the_same_list_comes_and_in_the_end_the_lately_decided() {
    let w = world().await;
    let mut browser = w.kit.sign_in_as(&w.target).await;
    let inbox = format!("/o/{}/inbox", w.tree.other_committee.code);
    let page = browser.get(&format!("{inbox}?type=incoming")).await;
    assert!(page.body.contains("张一 的转接") && !page.body.contains("迁移的组织"));
    let address = |page: &str, folder: &str| {
        let no = page.split(folder).nth(1).unwrap().split('/').next().unwrap();
        format!("/o/{}{folder}{no}/approval", w.tree.other_committee.code)
    };
    let branch = w.tree.other_branch.code.as_str();
    let next = browser.submit(&page, &address(&page.body, "/t/"), &[("branch", branch)]).await;
    assert!(next.body.contains("张二 的转接") && next.body.contains("返回列表"), "{}", next.body);
    let to = address(
        next.body.split("id=\"f-branch\"").next().unwrap().rsplit_once("<form").unwrap().1,
        "/t/",
    );
    let none = browser.submit(&next, &to, &[("branch", branch)]).await;
    assert!(none.body.contains("没有符合条件的事项"), "still narrowed: {}", none.body);
    let page = browser.get(&inbox).await;
    assert!(page.body.contains("高一年级团总支 的迁移") && page.body.contains("同意迁入"));
    let done = browser.submit(&page, &address(&page.body, "/r/"), &[]).await;
    assert!(
        done.body.contains("今天的都办完了") && done.body.contains("最近办结"),
        "{}",
        done.body
    );
    assert!(done.body.contains("张二") && done.body.contains("高一年级团总支"), "{}", done.body);
    w.kit.lab.is_whole().await;
}
