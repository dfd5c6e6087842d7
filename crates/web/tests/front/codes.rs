//! Registration codes and 管理员注册 as people meet them (B.1, B.2).

use crate::kit::{self, Browser, Kit, attribute};
use app::testkit::Tree;
use http::StatusCode;
use serde_json::json;

async fn ground() -> (Kit, Tree, Browser) {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let admin = kit.lab.admin(&tree.committee, "王芳").await;
    let browser = kit.sign_in_as(&admin).await;
    (kit, tree, browser)
}

/// The page's form fields that are hidden, as pairs.
fn idem(body: &str) -> String {
    let tag = body.split("name=\"_idem\"").nth(1).unwrap_or_default();
    attribute(&format!("<input {}", tag.split('>').next().unwrap_or_default()), "value")
}

/// The codes on a sheet's page with their links.
async fn issue(browser: &mut Browser, tree: &Tree) -> Vec<(String, String)> {
    let base = format!("/o/{}/children/codes", tree.committee.code);
    let page = browser.get(&base).await;
    assert!(page.body.contains("为 2 个组织生成注册码"), "{}", page.body);
    let made = browser.post_once(&base, &[("_idem", &idem(&page.body)), ("all", "1")]).await;
    let to = made.redirect().unwrap();
    let sheet = browser.json(&to).await.value();
    assert_eq!(sheet["total"], 2);
    sheet["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            let link = r["link"].as_str().unwrap();
            assert!(r["message"].as_str().unwrap().contains(link), "{r}");
            let path = link.split_once("//").unwrap().1.split_once('/').unwrap().1;
            (r["name"].as_str().unwrap().to_owned(), format!("/{path}"))
        })
        .collect()
}

fn form(kit: &Kit) -> Vec<(&'static str, String)> {
    vec![
        ("name", "孙丽".into()),
        ("id_number", kit.lab.next_id_number()),
        ("mobile", "13812346021".into()),
        ("post", "secretary".into()),
        ("password", "Hefei-Binhu-77".into()),
        ("password_again", "Hefei-Binhu-77".into()),
    ]
}

fn pairs<'a>(form: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    form.iter().map(|(k, v)| (*k, v.as_str())).collect()
}

#[tokio::test]
async fn two_clicks_make_codes_and_workbook_slips_and_messages_are_there_again_later() {
    let (_kit, tree, mut browser) = ground().await;
    let codes = issue(&mut browser, &tree).await;
    assert_eq!(codes.len(), 2);
    let base = format!("/o/{}/children/codes", tree.committee.code);
    let list = browser.get(&base).await;
    assert!(list.body.contains("剩 20 天"), "{}", list.body);
    assert!(list.body.contains("已完成"), "nobody is left without: {}", list.body);
    let children = browser.get(&format!("/o/{}/children", tree.committee.code)).await;
    assert!(children.body.contains("码未用</span> <span class=\"hint nowrap\">剩 20 天"));
    let sheet = kit_link(&list.body, "/sheets/");
    let slips = browser.get(&format!("{sheet}/slips")).await;
    assert_eq!(slips.body.matches("<img class=\"qr\"").count(), 2);
    assert!(slips.body.contains("团合肥市委") && slips.body.contains("高一年级团总支"));
    assert!(slips.body.len() < 60_000, "{}", slips.body.len());
    let book = browser.get(&format!("{sheet}/codes.xlsx")).await;
    assert!(book.bytes.starts_with(b"PK") && book.header("content-type").contains("spreadsheet"));
    let text = browser.get(&format!("{sheet}/messages.txt")).await;
    assert_eq!(text.body.matches("/join/").count(), 2, "{}", text.body);
    // Issuing again says what becomes void, before it is done; so does voiding.
    let again = browser.get(&format!("{base}/new?org={}", tree.general.code)).await;
    assert!(again.body.contains("旧的马上作废:高一年级团总支"), "{}", again.body);
    let gone = browser
        .post_once(&format!("{base}/revocation"), &[("org", tree.general.code.as_str())])
        .await;
    assert_eq!(gone.redirect().unwrap(), base);
    let list = browser.get(&format!("{base}?state=revoked")).await;
    assert!(list.body.contains("高一年级团总支") && !list.body.contains("教工团支部"));
    let opened = browser.get(&codes[0].1).await;
    assert_eq!(opened.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(opened.body.contains("作废") && opened.body.contains("合肥第一中学团委"));
}

#[tokio::test]
async fn slips_of_many_codes_come_in_printings_that_stay_small() {
    let (kit, tree, mut browser) = ground().await;
    for n in 0..58 {
        let name = format!("计算机科学与技术专业2022级{n}班团支部");
        kit.lab.org(Some(&tree.committee), app::orgs::Category::Branch, &name).await;
    }
    let base = format!("/o/{}/children/codes", tree.committee.code);
    let page = browser.get(&base).await;
    let made = browser.post_once(&base, &[("_idem", &idem(&page.body)), ("all", "1")]).await;
    let sheet = made.redirect().unwrap();
    let page = browser.get(&sheet).await;
    assert!(page.body.contains("打印领取单,分 2 批"), "{}", page.body);
    let first = browser.get(&format!("{sheet}/slips")).await;
    assert_eq!(first.body.matches("<img class=\"qr\"").count(), 40);
    assert!(first.body.contains("第 1–40 张,共 60 张") && first.body.contains("slips?from=40"));
    assert!(first.body.len() < 60_000, "{}", first.body.len());
    let last = browser.get(&format!("{sheet}/slips?from=40")).await;
    assert_eq!(last.body.matches("<img class=\"qr\"").count(), 20);
    assert!(last.body.contains("第 41–60 张") && !last.body.contains("下一批"));
}

fn kit_link(body: &str, part: &str) -> String {
    let found = crate::crawl::links(body).into_iter().find(|l| l.contains(part));
    found.unwrap_or_else(|| panic!("no link with {part}: {body}"))
}

#[tokio::test]
async fn whoever_opens_a_link_sees_the_whole_path_first_and_ends_at_the_task_list() {
    let (kit, tree, mut browser) = ground().await;
    let (_, link) = issue(&mut browser, &tree).await.remove(0);
    let mut new = kit.browser();
    let typed = link.trim_start_matches("/join/").to_lowercase();
    let entered = new.post_once("/register/admin", &[("code", &format!(" {typed} "))]).await;
    assert_eq!(entered.redirect().unwrap(), link);
    let page = new.get(&link).await;
    for words in
        ["团合肥市委", "团庐阳区委", "合肥第一中学团委", "高一年级团总支", "第 1 位,最多 3 位"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains("id_number"), "nothing is asked before");
    let other = new.get(&format!("{link}/other")).await;
    assert!(other.body.contains("合肥第一中学团委"));
    let mut fields = form(&kit);
    fields[5].1 = "other".into();
    fields[2].1 = "138".into();
    let wrong = new.post_once(&format!("{link}/form"), &pairs(&fields)).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("孙丽") && wrong.body.contains("两次输入的密码不一样"));
    assert!(wrong.body.contains(&fields[1].1), "what was typed is kept");
    assert!(!wrong.body.contains("Hefei-Binhu-77"), "but no password");
    (fields[5].1, fields[2].1) = ("Hefei-Binhu-77".into(), "13812346021".into());
    let done = new.post_once(&format!("{link}/form"), &pairs(&fields)).await;
    let to = done.redirect().unwrap();
    assert_eq!(to, format!("/o/{}/info", tree.general.code));
    let list = new.get(&to).await;
    assert!(list.body.contains("书记信息") && list.body.contains("组织信息"), "{}", list.body);
    // A twin of the click is signed in again instead of being told that the code is used.
    let twin = kit.browser().post_once(&format!("{link}/form"), &pairs(&fields)).await;
    assert_eq!(twin.redirect().unwrap(), to);
    let late = kit.browser().get(&link).await;
    assert!(late.body.contains("已在") && late.body.contains("被使用"), "{}", late.body);
}

#[tokio::test]
async fn whoever_has_an_account_is_sent_to_sign_in_and_binds_with_one_click() {
    let (kit, tree, mut browser) = ground().await;
    let mut codes = issue(&mut browser, &tree).await;
    let (first, second) = (codes.remove(0).1, codes.remove(0).1);
    let mut fields = form(&kit);
    let mut new = kit.browser();
    new.post_once(&format!("{first}/form"), &pairs(&fields)).await;
    fields[3].1 = "deputy".into();
    let again = kit.browser().post_once(&format!("{second}/form"), &pairs(&fields)).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.body.contains(&format!("/login?next={second}")), "{}", again.body);
    let page = new.get(&second).await;
    assert!(page.body.contains("用你的账号(孙丽)"), "{}", page.body);
    let none = new.post_once(&format!("{second}/binding"), &[]).await;
    assert!(none.body.contains("请选择你在本组织的职务"), "{}", none.body);
    let bound = new.post_once(&format!("{second}/binding"), &[("post", "deputy")]).await;
    assert_eq!(bound.redirect().unwrap(), format!("/o/{}/info", tree.direct.code));
}

#[tokio::test]
async fn a_wrong_code_has_one_answer_and_ten_of_them_an_hours_rest() {
    let (kit, ..) = ground().await;
    let mut browser = kit.browser();
    let empty = browser.post_once("/register/admin", &[("code", "")]).await;
    assert!(empty.body.contains("请填写注册码"));
    for _ in 0..10 {
        let wrong = browser.post_once("/register/admin", &[("code", "ABCD-2345")]).await;
        assert!(wrong.body.contains("没有找到这个注册码") && wrong.body.contains("ABCD-2345"));
    }
    let rest = browser.get("/join/ABCD2345").await;
    assert_eq!(rest.status, StatusCode::TOO_MANY_REQUESTS);
    let program = browser.post_json("/register/admin", &json!({ "code": "ABCD2345" })).await;
    assert_eq!(program.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn the_category_changes_once_after_its_effects_were_read_and_the_history_says_who() {
    let (kit, tree, _) = ground().await;
    let admin = kit.lab.admin(&tree.sister, "赵敏").await;
    let mut browser = kit.sign_in_as(&admin).await;
    let info = format!("/o/{}/info", tree.sister.code);
    let page = browser.get(&format!("{info}/category")).await;
    assert!(page.body.contains("只能改一次"), "{}", page.body);
    // A general branch takes nothing but branches: no other category may stand here.
    assert!(page.body.contains("没有可以改成的类别"), "{}", page.body);
    let admin = kit.lab.admin(&tree.direct, "李娜").await;
    let mut browser = kit.sign_in_as(&admin).await;
    let info = format!("/o/{}/info", tree.direct.code);
    let list = browser.get(&info).await;
    assert!(list.body.contains("只能改一次"), "said so before: {}", list.body);
    let unsure = browser
        .post_once(&format!("{info}/category"), &[("version", "1"), ("category", "GENERAL")])
        .await;
    assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [("version", "1"), ("category", "GENERAL"), ("sure", "1")];
    let done = browser.post_once(&format!("{info}/category"), &fields).await;
    assert_eq!(done.redirect().unwrap(), info);
    let again = browser
        .post_once(
            &format!("{info}/category"),
            &[("version", "2"), ("category", "BRANCH"), ("sure", "1")],
        )
        .await;
    assert!(again.body.contains("组织类别只能改一次,已于"), "{}", again.body);
    let history = browser.get(&format!("{info}/history")).await;
    assert!(
        history.body.contains("团支部 → 团总支") && history.body.contains("李娜"),
        "{}",
        history.body
    );
}
