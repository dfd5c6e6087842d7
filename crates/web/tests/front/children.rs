//! 管理下级组织 and 批量创建下级组织 by the pages.

use crate::kit::{self, Browser, Kit};
use app::testkit::Tree;
use http::StatusCode;

struct Desk {
    kit: Kit,
    tree: Tree,
    browser: Browser,
}

async fn desk() -> Desk {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let who = kit.lab.admin(&tree.committee, "王老师").await;
    let browser = kit.sign_in_as(&who).await;
    Desk { kit, tree, browser }
}

const LIST: &str = "组织简称\t组织类别\t单位所属行业类别\t上级组织\n文学院团委\t团委\t普通高中\t\n文学院1班团支部\t团支部\t\t文学院团委\n文学院2班团支部\t学生会\t\t文学院团委\n教工团支部\t团支部\t普通高中\t";

#[tokio::test]
async fn without_scripts_a_list_is_pasted_repaired_shown_as_a_tree_made_and_taken_back() {
    let mut d = desk().await;
    let base = format!("/o/{}", d.tree.committee.code);
    let list = d.browser.get(&format!("{base}/children")).await;
    assert!(list.body.contains("批量创建"));
    let page = d.browser.get(&format!("{base}/imports/new?kind=orgs")).await;
    assert!(page.body.contains("合肥第一中学团委") && page.body.contains("template/orgs"));
    let imports = format!("{base}/imports");
    let review = d.browser.submit(&page, &imports, &[("paste", LIST)]).await;
    assert!(review.body.contains("2 行可创建,2 行需修改"), "{}", review.body);
    // The organisation that is there already is one click away.
    assert!(review.body.contains(&format!("{base}/orgs/{}", d.tree.direct.code)));
    let at = review.url.split("/review").next().unwrap().to_owned();
    let version = review.body.split("name=\"v4\" value=\"").nth(1).unwrap();
    let version = version.split('"').next().unwrap().to_owned();
    let fields = [("v4", version.as_str()), ("c4.org_category", "团支部")];
    let page = d.browser.submit(&review, &format!("{at}/rows"), &fields).await;
    assert!(page.body.contains("还有 1 行需修改"), "{}", page.body);
    let page = d.browser.submit(&page, &format!("{at}/skip"), &[]).await;
    assert!(page.body.contains("已跳过1行（已有的组织）"), "{}", page.body);
    let tree = d.browser.get(&format!("{at}/tree")).await;
    assert!(tree.body.contains("class=\"lv2\"") && tree.body.contains("创建 3 个组织"));
    let result = d.browser.submit(&tree, &format!("{at}/commit"), &[("mode", "good")]).await;
    assert!(result.body.contains("正在创建"), "{}", result.body);
    app::jobs::run_all(&d.kit.lab.house).await.unwrap();
    let result = d.browser.get(&format!("{at}/result")).await;
    assert!(result.body.contains("成功创建 3 个组织,0 行没有创建"), "{}", result.body);
    let list = d.browser.get(&format!("{base}/children")).await;
    assert!(list.body.contains("文学院团委"));
    let undo = d.browser.get(&format!("{at}/undo")).await;
    assert!(undo.body.contains("将撤销 3 个组织") && undo.body.contains("文学院1班团支部"));
    let done = d.browser.submit(&undo, &format!("{at}/undo"), &[]).await;
    assert!(done.body.contains("撤销 3 个组织"), "{}", done.body);
    let list = d.browser.get(&format!("{base}/children")).await;
    assert!(!list.body.contains("文学院团委"));
}

#[tokio::test]
async fn the_other_template_is_named_and_a_branch_creates_nothing() {
    let mut d = desk().await;
    let base = format!("/o/{}", d.tree.committee.code);
    let imports = format!("{base}/imports");
    let page = d.browser.get(&format!("{imports}/new?kind=orgs")).await;
    let people = "姓名\t身份证号码\t是否团干部\n赵伟\t1\t否";
    let again = d.browser.submit(&page, &imports, &[("paste", people)]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.body.contains("这是人员名单") && again.body.contains("赵伟"), "{}", again.body);
    let template = d.browser.get(&format!("{imports}/template/orgs")).await;
    assert_eq!(template.status, StatusCode::OK);
    let who = d.kit.lab.admin(&d.tree.branch, "赵敏").await;
    let mut branch = d.kit.sign_in_as(&who).await;
    let page = branch.get(&format!("/o/{}/imports/new?kind=orgs", d.tree.branch.code)).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_order_is_changed_by_buttons_and_by_a_number() {
    let mut d = desk().await;
    let base = format!("/o/{}/children", d.tree.committee.code);
    let page = d.browser.get(&format!("{base}/order")).await;
    let at = format!("{base}/{}/order", d.tree.direct.code);
    let moved = d.browser.submit(&page, &at, &[("to", "up")]).await;
    assert!(moved.body.contains("“教工团支部”现在排在第 1 位。"), "{}", moved.body);
    let wrong = d.browser.submit(&moved, &at, &[("to", "place"), ("place", "x")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("请填写要排到第几位"));
    let back = d.browser.submit(&wrong, &at, &[("to", "place"), ("place", "2")]).await;
    assert!(back.body.contains("第 2 位"), "{}", back.body);
    let list = d.browser.get(&base).await;
    let place = |name: &str| list.body.find(name).unwrap();
    assert!(place("高一年级团总支</a>") < place("教工团支部</a>"));
    assert!(list.body.contains("<summary>全称"));
    let narrowed = d.browser.get(&format!("{base}?name=%E6%95%99%E5%B7%A5")).await;
    assert!(narrowed.body.contains("教工团支部</a>") && !narrowed.body.contains("年级团总支</a>"));
    let nobody = d.browser.get(&format!("{base}?name=%E6%9C%88%E7%90%83")).await;
    assert!(nobody.body.contains("没有符合条件的"));
}

#[tokio::test]
async fn advice_comes_before_a_name_is_kept_and_the_next_one_is_begun_at_once() {
    let mut d = desk().await;
    let new = format!("/o/{}/children/new", d.tree.committee.code);
    let page = d.browser.get(&new).await;
    assert!(page.body.contains("保存并继续创建") && page.body.contains("一般 3 至 50 人"));
    let typed = [
        ("category", "BRANCH"),
        ("short_name", "团支部"),
        ("industry", "school_senior"),
        ("again", "1"),
    ];
    let told = d.browser.submit(&page, &new, &typed).await;
    assert!(told.body.contains("建议写全") && told.body.contains("还没有创建"), "{}", told.body);
    let done = d.browser.submit(&told, &new, &typed).await;
    assert!(done.body.contains("已创建“团支部”"), "{}", done.body);
    assert!(done.url.contains("category=BRANCH") && done.body.contains("checked"));
}

#[tokio::test]
async fn how_close_rows_stand_is_chosen_in_the_list_and_leaves_the_skin_alone() {
    let mut d = desk().await;
    let list = format!("/o/{}/children", d.tree.committee.code);
    d.browser.post("/me/look", &[("theme", "blue"), ("size", "large")]).await;
    let page = d.browser.get(&list).await;
    assert!(page.body.contains("data-rows=\"normal\"") && page.body.contains("class=\"density\""));
    d.browser.post("/me/look", &[("rows", "compact")]).await;
    let page = d.browser.get(&list).await;
    assert!(page.body.contains("data-theme=\"blue\" data-size=\"large\" data-rows=\"compact\""));
    let settings = d.browser.get("/me/settings").await;
    assert!(settings.body.contains("表格密度"));
}
