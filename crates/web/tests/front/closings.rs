//! 撤销与恢复 as a superior walks it: the checklist, the effect, the typed name, the way back, and
//! what the address of a closed organisation says.

use crate::kit;
use http::StatusCode;

#[tokio::test]
async fn a_branch_is_closed_after_its_effect_was_shown_and_comes_back() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let superior = kit.lab.admin(&tree.general, "王老师").await;
    let member = kit.lab.member(&tree.branch, "张伟").await;
    kit.lab.member(&tree.branch, "李娜").await;
    let admin = kit.lab.admin(&tree.branch, "周杰").await;
    let mut browser = kit.sign_in_as(&superior).await;
    let (base, code) = (format!("/o/{}", tree.general.code), tree.branch.code.clone());
    let card = browser.get(&format!("{base}/orgs/{code}")).await;
    assert!(card.body.contains(&format!("{base}/children/{code}/close")), "{}", card.body);
    let page = browser.get(&format!("{base}/children/{code}/close")).await;
    for words in ["建议先办理转出", "2 位团员", "张伟", "周杰(副书记、管理员)", "输入组织简称"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let action = format!("{base}/children/{code}/closure");
    let wrong = browser.submit(&page, &action, &[("typed", "高一2班")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.body);
    assert!(wrong.body.contains("请原样输入组织简称") && wrong.body.contains("value=\"高一2班\""));
    let stale = browser.post(&action, &[("people", "1"), ("typed", "高一1班团支部")]).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.body.contains("页面上是 1 人,现在是 2 人"), "{}", stale.body);
    let done = browser.submit(&page, &action, &[("typed", "高一1班团支部")]).await;
    assert_eq!(done.url, format!("{base}/closed"));
    assert!(done.body.contains("高一1班团支部") && done.body.contains("2 人"), "{}", done.body);

    // Its address says where its people went; who was in it learns it too, a stranger nothing.
    let gone = browser.get(&format!("{base}/orgs/{code}")).await;
    assert_eq!(gone.status, StatusCode::GONE);
    assert!(gone.body.contains("2 位团员转入了") && gone.body.contains("查看它的团员"));
    let again = browser.post(&action, &[("people", "2"), ("typed", "高一1班团支部")]).await;
    assert_eq!(again.status, StatusCode::GONE);
    let mut before = kit.sign_in_as(&admin).await;
    let own = before.get(&format!("/o/{code}")).await;
    assert_eq!(own.status, StatusCode::GONE, "{}", own.body);
    let mut was = kit.sign_in_as(&kit.lab.alone(member, "张伟")).await;
    assert_eq!(was.get(&format!("/o/{code}")).await.status, StatusCode::GONE);
    let stranger = kit.lab.admin(&tree.other_committee, "外人").await;
    let mut stranger = kit.sign_in_as(&stranger).await;
    assert_eq!(stranger.get(&format!("/o/{code}")).await.status, StatusCode::NOT_FOUND);

    // The holding branch is run from here.
    let children = browser.json(&format!("{base}/children")).await.value();
    let holding = children["rows"].as_array().unwrap().iter().find(|r| r["category"] == "HOLDING");
    let holding = holding.unwrap()["code"].as_str().unwrap().to_owned();
    let list = browser.get(&format!("{base}/members?under={holding}")).await;
    assert!(list.body.contains("张伟"), "{}", list.body);
    let full = browser.get(&format!("{base}/children/{holding}/close")).await;
    assert!(full.body.contains("还差 1 步") && full.body.contains("去办理转出"), "{}", full.body);
    assert!(full.form(&format!("{base}/children/{holding}/closure")).is_empty());

    let back = browser.get(&format!("{base}/closed/{code}")).await;
    assert!(back.body.contains("职务和管理员身份要重新任命:周杰"), "{}", back.body);
    let action = format!("{base}/closed/{code}/restoration");
    let restored = browser.submit(&back, &action, &[("short_name", ""), ("people", "1")]).await;
    assert_eq!(restored.url, format!("{base}/orgs/{code}"), "{}", restored.body);
    assert!(restored.body.contains("2 位团员已一起回来"), "{}", restored.body);
    // And now the empty holding branch goes at once.
    let page = browser.get(&format!("{base}/children/{holding}/close")).await;
    let action = format!("{base}/children/{holding}/closure");
    let gone = browser.submit(&page, &action, &[]).await;
    assert!(gone.body.contains("已撤销“待接转团支部”"), "{}", gone.body);
}

#[tokio::test]
async fn steps_are_shown_before_the_button_and_the_closed_list_is_the_superiors() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let superior = kit.lab.admin(&tree.committee, "王芳").await;
    kit.lab.admin(&tree.general, "李老师").await;
    let mut browser = kit.sign_in_as(&superior).await;
    let base = format!("/o/{}", tree.committee.code);
    let page = browser.get(&format!("{base}/children/{}/close", tree.general.code)).await;
    for words in ["还差 2 步", "下级组织 2", "高一1班团支部", "团干部 1 人", "去撤销管理员"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let action = format!("{base}/children/{}/closure", tree.general.code);
    assert!(page.form(&action).is_empty(), "no button before the steps are done");
    let pressed = browser.post(&action, &[("people", "0")]).await;
    assert_eq!(pressed.status, StatusCode::CONFLICT);
    assert!(pressed.body.contains("还不能撤销"), "{}", pressed.body);
    let below = browser.get(&format!("{base}/children/{}/close", tree.branch.code)).await;
    assert_eq!(below.status, StatusCode::FORBIDDEN, "its own superior does that");
    let page = browser.get(&format!("{base}/children/{}/close", tree.direct.code)).await;
    let action = format!("{base}/children/{}/closure", tree.direct.code);
    let done = browser.submit(&page, &action, &[]).await;
    assert!(done.body.contains("教工团支部"), "{}", done.body);
    let general = kit.lab.admin(&tree.general, "赵老师").await;
    let mut other = kit.sign_in_as(&general).await;
    let list = other.get(&format!("/o/{}/closed", tree.general.code)).await;
    assert!(list.body.contains("没有撤销过"), "{}", list.body);
    let not_hers = format!("/o/{}/closed/{}", tree.general.code, tree.direct.code);
    assert_eq!(other.get(&not_hers).await.status, StatusCode::NOT_FOUND);
}
