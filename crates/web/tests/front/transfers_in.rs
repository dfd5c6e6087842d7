//! 办理转入 through the front door: found by name and number, asked for, agreed to, taken back; the
//! ways there from single entry, a search and an import row; several decisions at once; 转交.

use crate::kit::{self, Answer, Browser, Kit};
use app::{OrgRef, Who, people::PersonId, testkit::Tree};
use http::StatusCode;
use serde_json::json;

struct World {
    kit: Kit,
    tree: Tree,
    /// Administrator of `branch`, where people come from.
    source: Who,
    /// Administrator of `far_branch`, which asks.
    asker: Who,
    person: PersonId,
    number: String,
}

async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let source = kit.lab.admin(&tree.branch, "王老师").await;
    let asker = kit.lab.admin(&tree.far_branch, "李干事").await;
    let person = kit.lab.member(&tree.branch, "张三").await;
    let number = kit.id_number(person).await;
    World { kit, tree, source, asker, person, number }
}

fn base(org: &OrgRef) -> String {
    format!("/o/{}", org.code)
}

/// From the page where the reason is asked to the transfer's own page.
async fn finish(browser: &mut Browser, at: &str, page: &Answer) -> Answer {
    let new = format!("{at}/transfers/in/new");
    let (_, query) = page.url.split_once('?').unwrap_or_default();
    let ticket = query.strip_prefix("t=").expect("a ticket").split('&').next().unwrap();
    // The page has two forms of this address; the first one only changes the reason.
    let why = browser.get(&format!("{new}?t={ticket}&reason=job_change")).await;
    assert!(why.body.contains("单位名称"), "{}", why.body);
    let check = browser
        .submit(&why, &new, &[("ticket", ticket), ("reason", "job_change"), ("unit_name", "六中")])
        .await;
    assert!(check.body.contains("核对后提交") && check.body.contains("六中"), "{}", check.body);
    browser.submit(&check, &format!("{at}/transfers/in"), &[]).await
}

/// Asks and follows by hand, so that the page's address is known.
async fn lead(browser: &mut Browser, url: &str, fields: &[(&str, &str)]) -> Answer {
    let first = browser.post_once(url, fields).await;
    let to = first.redirect().unwrap_or_else(|| panic!("{}: {}", first.status, first.body));
    browser.get(&to).await
}

fn no_of(page: &Answer) -> String {
    let at = page.body.find("ZJ2026").expect("a number");
    page.body[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

#[tokio::test]
async fn somebody_is_found_asked_for_given_and_taken_back() {
    let w = world().await;
    let mut asker = w.kit.sign_in_as(&w.asker).await;
    let there = base(&w.tree.far_branch);
    let find = format!("{there}/transfers/in/person");
    let page = asker.get(&format!("{there}/transfers/in/new")).await;
    assert!(page.body.contains("身份证号码"), "{}", page.body);
    let wrong = asker.submit(&page, &find, &[("name", "李四"), ("id_number", &w.number)]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("姓名与证件号对不上") && wrong.body.contains("还可以试 4 次"));
    assert!(wrong.body.contains("value=\"李四\""), "what was typed is kept");
    assert!(!wrong.body.contains("张三") && !wrong.body.contains("高一1班"), "{}", wrong.body);
    let nobody = w.kit.lab.next_id_number();
    let none = asker.post_json(&find, &json!({ "name": "张三", "id_number": nobody })).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", none.body);
    assert!(none.body.contains("E05") && none.body.contains("还可以试 3 次"), "{}", none.body);

    let page = lead(&mut asker, &find, &[("name", "张三"), ("id_number", &w.number)]).await;
    assert!(!page.url.contains(&w.number) && !page.body.contains(&w.number), "{}", page.url);
    let place = "高一1班团支部";
    assert!(page.body.contains("张三") && !page.body.contains(place), "{}", page.body);
    let done = finish(&mut asker, &there, &page).await;
    assert!(done.body.contains("待转出方审批") && done.body.contains("撤销申请"), "{}", done.body);
    assert!(done.body.contains("原支部同意后显示"), "{}", done.body);
    assert!(!done.body.contains("紧急联系人"), "not yet given: {}", done.body);
    let no = no_of(&done);
    // Nothing that the asking side can read tells where she is before the source agrees.
    for url in ["/transfers", "/inbox?box=started", "/messages", "/audit"] {
        let list = asker.get(&format!("{there}{url}")).await;
        assert!(!list.body.contains(place), "{url}: {}", list.body);
    }
    let json = asker.json(&format!("{there}/t/{no}")).await;
    assert!(!json.body.contains(place) && json.body.contains("原支部"), "{}", json.body);

    let mut source = w.kit.sign_in_as(&w.source).await;
    let here = base(&w.tree.branch);
    let inbox = source.get(&format!("{here}/inbox")).await;
    assert!(inbox.body.contains("同意转出") && inbox.body.contains("转交"), "{}", inbox.body);
    let approval = format!("{here}/t/{no}/approval");
    let next = source.submit(&inbox, &approval, &[]).await;
    assert!(next.body.contains("刚刚办理了"), "{}", next.body);
    let given = asker.get(&format!("{there}/t/{no}")).await;
    assert!(given.body.contains("已完成") && !given.body.contains("原支部同意后显示"));
    assert!(given.body.contains(place), "it is told now: {}", given.body);
    let back = source.submit(&next, &format!("{here}/t/{no}/undo"), &[]).await;
    assert!(back.body.contains("待转出方审批") && back.body.contains("同意转出"), "{}", back.body);
    let late = source.submit(&next, &format!("{here}/t/{no}/undo"), &[("version", "9")]).await;
    assert!(late.status == StatusCode::CONFLICT, "{}: {}", late.status, late.body);

    let silly = source.submit(&back, &format!("{here}/t/{no}/handover"), &[("to", "")]).await;
    assert_eq!(silly.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", silly.body);
    assert!(silly.body.contains("请选择转交给谁"));
    let passed =
        source.submit(&back, &format!("{here}/t/{no}/handover"), &[("to", "superior")]).await;
    assert!(passed.body.contains("给 高一年级团总支"), "{}", passed.body);

    let card = source.json(&format!("{here}/members")).await.value();
    let code = card["members"][0]["code"].as_str().unwrap().to_owned();
    let card = source.get(&format!("{here}/people/{code}?tab=org")).await;
    assert!(card.body.contains(&format!("/t/{no}")), "{}", card.body);
}

#[tokio::test]
async fn single_entry_a_search_and_an_import_row_lead_to_the_filled_form() {
    let w = world().await;
    let mut asker = w.kit.sign_in_as(&w.asker).await;
    let there = base(&w.tree.far_branch);
    let way = |page: &Answer| {
        let links = crate::crawl::links(&page.body);
        let found = links.into_iter().find(|l| l.contains("/transfers/in/new?t="));
        found.unwrap_or_else(|| panic!("no way on: {}", page.body))
    };
    let new = format!("{there}/members/new");
    let page = asker.get(&new).await;
    let known = asker.submit(&page, &new, &[("id_number", &w.number)]).await;
    assert!(known.body.contains("该证件号已在系统中"), "{}", known.body);
    let named = asker.get(&way(&known)).await;
    assert!(named.body.contains("刚才填写的") && !named.body.contains("张三"), "{}", named.body);
    let find = format!("{there}/transfers/in/person");
    let wrong = asker.submit(&named, &find, &[("name", "张珊")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.body);
    let right = asker.submit(&wrong, &find, &[("name", "张三")]).await;
    assert!(right.body.contains("原支部同意后显示"), "{}", right.body);
    assert!(!right.body.contains("高一1班团支部"), "{}", right.body);

    let search = asker.post(&format!("{there}/search"), &[("q", &w.number)]).await;
    let named = asker.get(&way(&search)).await;
    assert!(named.body.contains("刚才填写的"), "{}", named.body);

    let head = "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t发展团员编号\t手机号码";
    let row =
        |name: &str, id: &str| format!("{name}\t{id}\t汉\t共青团员\t本科\t2016-05\t\t13812346021");
    let other = w.kit.lab.member(&w.tree.branch, "李四").await;
    let other = w.kit.id_number(other).await;
    let text = format!("{head}\n{}\n{}", row("张三", &w.number), row("李四儿", &other));
    let made = asker.post_json(&format!("{there}/imports"), &json!({ "paste": text })).await;
    let id = made.value()["data"]["id"].as_str().unwrap().to_owned();
    let at = format!("{there}/imports/{id}");
    let review = asker.get(&format!("{at}/review")).await;
    assert!(review.body.contains("改为转入申请"), "{}", review.body);
    let second = lead(&mut asker, &format!("{at}/rows/3/transfer"), &[]).await;
    assert!(second.body.contains("对不上") && second.body.contains("李四儿"), "{}", second.body);
    assert!(!second.body.contains("高一1班"), "{}", second.body);
    let first = lead(&mut asker, &format!("{at}/rows/2/transfer"), &[]).await;
    assert!(first.body.contains("原支部同意后显示"), "{}", first.body);
    let done = finish(&mut asker, &there, &first).await;
    assert!(done.body.contains("待转出方审批"), "{}", done.body);
    let review = asker.json(&format!("{at}/review?show=skipped")).await.value();
    assert_eq!(review["rows"][0]["state"], "handed", "{review}");
    assert!(review["rows"][0]["problems"][0]["message"].as_str().unwrap().contains("ZJ2026"));
    let again = asker.post_once(&format!("{at}/rows/2/transfer"), &[]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "handed over: {}", again.body);
    w.kit.lab.is_whole().await;
    assert!(w.person.0 > 0);
}

#[tokio::test]
async fn several_are_decided_at_once_and_each_has_its_result() {
    let w = world().await;
    let other = w.kit.lab.admin(&w.tree.other_committee, "孙部长").await;
    let mut source = w.kit.sign_in_as(&w.source).await;
    let here = base(&w.tree.branch);
    let mut numbers = Vec::new();
    for name in ["李娜", "刘洋", "欧阳春晓"] {
        let person = w.kit.lab.member(&w.tree.branch, name).await;
        let mut cx = w.kit.lab.house.read(Who::System("test")).await.unwrap();
        let code = app::people::person::read(&mut cx, person).await.unwrap().code;
        drop(cx);
        let form = json!({ "person": code, "to": w.tree.other_committee.code, "reason": "job_change", "unit_name": "六中" });
        let begun = source.post_json(&format!("{here}/transfers"), &form).await;
        numbers.push(begun.value()["data"]["no"].as_str().unwrap().to_owned());
    }
    let mut target = w.kit.sign_in_as(&other).await;
    let there = base(&w.tree.other_committee);
    let inbox = target.get(&format!("{there}/inbox")).await;
    assert!(inbox.body.contains("批量办理"), "{}", inbox.body);
    let batch = format!("{there}/inbox/batch");
    let ticked = format!("{batch}?no={}&no={}&no={}", numbers[0], numbers[1], numbers[2]);
    let page = target.get(&ticked).await;
    assert!(page.body.contains("下面 3 件") && page.body.contains("（推荐）"), "{}", page.body);
    // Meanwhile the source takes one back.
    let gone = json!({ "version": 1 });
    source.post_json(&format!("{here}/t/{}/withdrawal", numbers[1]), &gone).await;
    let branch = w.tree.other_branch.code.as_str();
    let (one, two, three) =
        (format!("b.{}", numbers[0]), format!("b.{}", numbers[1]), format!("b.{}", numbers[2]));
    let chosen =
        [("all", branch), (one.as_str(), "all"), (two.as_str(), "all"), (three.as_str(), "")];
    let result = target.submit(&page, &batch, &chosen).await;
    assert!(result.body.contains("办理成功2件，未办理1件"), "{}", result.body);
    assert!(result.body.contains("转接完成") && result.body.contains("你的操作未生效"));
    assert!(result.body.contains("还要分配团支部"), "{}", result.body);
    let late = target.get(&ticked).await;
    assert!(late.body.contains("下面 1 件") && late.body.contains("已经办结"), "{}", late.body);
    let silly = target.post_once(&batch, &[("all", branch)]).await;
    assert_eq!(silly.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", silly.body);
    let program = json!({ format!("v.{}", numbers[2]): "2", three: branch });
    let done = target.post_json(&batch, &program).await;
    assert_eq!(done.value()["data"]["done"], 1, "{}", done.body);
    w.kit.lab.is_whole().await;
}
