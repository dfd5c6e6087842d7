//! 毕业标记 and 学校专区 through the front door: suggestions, ticks, everything that is said no to,
//! the rehearsed conversion, marks of people, numbers of schools.

use crate::kit::{self, Kit};
use app::{Who, clock::DAY, testkit::Tree};
use http::StatusCode;
use serde_json::json;

struct World {
    kit: Kit,
    tree: Tree,
    committee: Who,
}

async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let committee = kit.lab.admin(&tree.committee, "赵书记").await;
    World { kit, tree, committee }
}

#[tokio::test]
async fn branches_are_marked_by_suggestion_by_hand_and_turn_on_their_day() {
    let w = world().await;
    kit_members(&w).await;
    let mut browser = w.kit.sign_in_as(&w.committee).await;
    let base = format!("/o/{}", w.tree.committee.code);
    let home = browser.get(&base).await;
    assert!(home.body.contains("下级有 3 个团支部还没有标记毕业时间"), "{}", home.body);
    let page = browser.get(&format!("{base}/graduation")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(
        page.body.contains("按名称建议:2028 年 6 月毕业") && page.body.contains("2026年7月1日")
    );
    let marks = format!("{base}/graduation/marks");
    let branch = w.tree.branch.code.as_str();
    // The first form of the page takes the suggestions over: it is not the one meant here.
    let send = |fields: Vec<(&'static str, String)>| {
        let mut all = vec![("_idem", "k1".to_owned()), ("tab", "unmarked".to_owned())];
        all.extend(fields);
        all
    };
    let only = ("only", branch.to_owned());
    for (fields, says) in [
        (vec![only.clone()], "请填写预计毕业时间,或者选择无法确定的理由"),
        (vec![only.clone(), ("month", "2026-06".into()), ("reason", "mixed".into())], "只能填一项"),
        (vec![only.clone(), ("month", "明年".into())], "请写成 2026-06 的样子"),
        (vec![only.clone(), ("month", "2066-06".into())], "离今天太远"),
        (vec![("month", "2026-06".into())], "请勾选要标记的团支部"),
    ] {
        let fields = send(fields);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let wrong = browser.post(&marks, &fields).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{says}");
        assert!(wrong.body.contains(says), "{says}: {}", wrong.body);
    }
    let done = browser.post(&marks, &[("only", branch), ("month", "2026-06")]).await;
    assert!(done.body.contains("已标记1个团支部"), "{}", done.body);
    let done = browser.post(&marks, &[("suggested", "1")]).await;
    assert!(done.body.contains("已标记2个团支部"), "{}", done.body);
    let card = browser.get(&format!("{base}/orgs/{branch}")).await;
    assert!(card.body.contains("2026 年 6 月毕业"), "{}", card.body);
    let shown = browser.get(&format!("{base}/graduation/conversion")).await;
    assert!(shown.body.contains("还有 16 天") && shown.body.contains("高一1班团支部"));
    // A month whose day has passed is looked at first.
    let check = browser.post(&marks, &[("only", branch), ("month", "2025-06")]).await;
    assert!(check.body.contains("核对:马上转换"), "{}", check.body);
    assert_eq!(w.kit.number("SELECT COUNT(*) FROM org WHERE graduates = '2025-06'").await, 0);
    w.kit.lab.clock.advance(16 * DAY);
    app::jobs::tick(&w.kit.lab.house).await.unwrap();

    let mut browser = w.kit.sign_in_as(&w.committee).await;
    let page = browser.get(&format!("{base}/graduation?tab=graduated")).await;
    assert!(page.body.contains("高一1班团支部") && page.body.contains("更正"), "{}", page.body);
    let late = browser.post(&marks, &[("only", branch), ("month", "2027-06")]).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(late.body.contains("已经转为毕业生团组织,请点“更正”"), "{}", late.body);
    let people = format!("{base}/graduation/people");
    let list = browser.json(&people).await.value();
    let code = list["people"][0]["code"].as_str().unwrap().to_owned();
    assert_eq!(list["people"][0]["mark"], "毕业生");
    let page = browser.get(&people).await;
    let wrong = browser.submit(&page, &people, &[("only", &code), ("mark", "delayed")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("要在本月以后"), "{}", wrong.body);
    let early = browser.submit(&page, &people, &[("only", &code), ("mark", "mobile")]).await;
    assert!(early.body.contains("2026 年 8 月 1 日起才能标记"), "{}", early.body);
    let delayed = [("only", code.as_str()), ("mark", "delayed"), ("until", "2027-06")];
    let done = browser.submit(&page, &people, &delayed).await;
    assert!(done.body.contains("已标记1名团员"), "{}", done.body);
    let members = browser.get(&format!("{base}/members?grad=delayed")).await;
    assert!(members.body.contains("延迟毕业(至 2027-06)"), "{}", members.body);
    let chosen = browser.get(&format!("{people}?only={code}")).await;
    assert!(chosen.body.contains("你勾选的 1 名团员"), "{}", chosen.body);
    // The correction shows what would be lost.
    let correction = format!("{base}/graduation/correction/{branch}");
    let page = browser.get(&correction).await;
    assert!(page.body.contains("延迟毕业 1 人") && page.body.contains("不能自动找回"));
    let done = browser.submit(&page, &correction, &[("month", "2027-06")]).await;
    assert!(done.body.contains("2 名团员的毕业标记已取消"), "{}", done.body);
    w.kit.lab.is_whole().await;
}

async fn kit_members(w: &World) {
    for name in ["张伟", "王芳"] {
        w.kit.lab.member(&w.tree.branch, name).await;
    }
    app::stats::settle(&w.kit.lab.house).await.unwrap();
}

#[tokio::test]
async fn a_branch_is_told_why_it_does_not_mark_and_a_reader_only_looks() {
    let w = world().await;
    let branch = w.kit.lab.admin(&w.tree.branch, "李同学").await;
    let mut browser = w.kit.sign_in_as(&branch).await;
    let base = format!("/o/{}", w.tree.branch.code);
    let page = browser.get(&format!("{base}/graduation")).await;
    assert!(page.body.contains("团支部管理员不能标记本支部的毕业时间"), "{}", page.body);
    let people = browser.get(&format!("{base}/graduation/people")).await;
    assert!(people.body.contains("由上级团委、团工委或团总支标记"), "{}", people.body);
    let no = browser.post(&format!("{base}/graduation/marks"), &[("month", "2026-06")]).await;
    assert_eq!(no.status, StatusCode::FORBIDDEN);
    let reader = w.kit.lab.observer(&w.tree.committee, "赵敏").await;
    let mut browser = w.kit.sign_in_as(&reader).await;
    let page = browser.get(&format!("/o/{}/graduation", w.tree.committee.code)).await;
    assert!(page.body.contains("高一1班团支部") && !page.body.contains("name=\"only\""));
}

#[tokio::test]
async fn special_branches_are_created_with_their_conditions() {
    let w = world().await;
    let mut browser = w.kit.sign_in_as(&w.committee).await;
    let at = format!("/o/{}/graduation/special", w.tree.committee.code);
    let page = browser.get(&at).await;
    assert!(page.body.contains("一般保留 6 个月,最长 12 个月"), "{}", page.body);
    let wrong = browser.submit(&page, &at, &[("short_name", "延毕支部")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = browser.submit(&page, &at, &[("kind", "DELAYED_GRADUATION")]).await;
    assert!(done.body.contains("已创建“延迟毕业团支部”"), "{}", done.body);
    let twin = browser.submit(&done, &at, &[("kind", "DELAYED_GRADUATION")]).await;
    assert!(
        twin.body.contains("不能重名") && twin.body.contains("查看已有的组织"),
        "{}",
        twin.body
    );
    let made = browser.post_json(&at, &json!({ "kind": "ABROAD_STUDY" })).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
}

#[tokio::test]
async fn schools_are_listed_numbered_and_created() {
    let w = world().await;
    let county = w.kit.lab.admin(&w.tree.county, "孙部长").await;
    let mut school = w.kit.sign_in_as(&w.committee).await;
    let base = format!("/o/{}/schools", w.tree.committee.code);
    let code = format!("{base}/code");
    let page = school.get(&code).await;
    let wrong = school.submit(&page, &code, &[("number", "12345")]).await;
    assert!(wrong.body.contains("是 10 位数字") && wrong.body.contains("12345"), "{}", wrong.body);
    let done = school.submit(&page, &code, &[("number", "3410000001")]).await;
    assert!(done.body.contains("已保存:3410000001"), "{}", done.body);
    let card = school.get(&format!("/o/{0}/orgs/{0}", w.tree.committee.code)).await;
    assert!(card.body.contains("3410000001"));
    let other = w.kit.lab.admin(&w.tree.other_committee, "吴书记").await;
    let mut twin = w.kit.sign_in_as(&other).await;
    let there = format!("/o/{}/schools/code", w.tree.other_committee.code);
    let page = twin.get(&there).await;
    let taken = twin.submit(&page, &there, &[("number", "3410000001")]).await;
    assert!(taken.body.contains("编号已被“合肥第一中学团委”使用"), "{}", taken.body);

    let mut browser = w.kit.sign_in_as(&county).await;
    let zone = format!("/o/{}/schools", w.tree.county.code);
    let page = browser.get(&zone).await;
    assert!(page.body.contains("3410000001") && page.body.contains("团的领导机关没有学校机构编号"));
    let file = browser.get(&format!("{zone}.xlsx")).await;
    assert!(file.bytes.starts_with(b"PK"), "a workbook");
    let new = format!("{zone}/new");
    let page = browser.get(&new).await;
    let wrong = browser.submit(&page, &new, &[("short_name", "庐阳职业学校团委")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [
        ("short_name", "庐阳职业学校团委"),
        ("category", "COMMITTEE"),
        ("industry", "school_secondary_vocational"),
        ("issue", "1"),
    ];
    assert!(page.body.contains("name=\"issue\" value=\"1\" checked"), "{}", page.body);
    let done = browser.submit(&page, &new, &fields).await;
    assert!(done.body.contains("已创建“庐阳职业学校团委”"), "{}", done.body);
    assert!(done.url.contains("/children/codes/sheets/") && done.body.contains("/join/"));
    let statement = format!("{base}/statement");
    let page = school.get(&statement).await;
    let empty = school.submit(&page, &statement, &[("text", "")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [("kind", "renamed"), ("text", "2026年5月更名为合肥市第一中学")];
    let sent = school.submit(&page, &statement, &fields).await;
    assert!(sent.body.contains("情况说明已发给团庐阳区委"), "{}", sent.body);
    let page = school.get(&code).await;
    let cleared = school.submit(&page, &format!("{code}/clearance"), &[]).await;
    assert!(cleared.body.contains("已清空"), "{}", cleared.body);
}
