//! 组织迁移, 合并 and 拆分 through the front door.

use crate::kit::{self, Kit};
use app::{Who, testkit::Tree};
use http::StatusCode;
use serde_json::json;

struct World {
    kit: Kit,
    tree: Tree,
    mover: Who,
    old: Who,
    new: Who,
}

async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let leaf = "UPDATE org SET industry = 'school_senior' WHERE industry = 'school'";
    kit.lab.scratch.vandalise(leaf).await.unwrap();
    let mover = kit.lab.admin(&tree.general, "周杰").await;
    let old = kit.lab.admin(&tree.committee, "王芳").await;
    let new = kit.lab.admin(&tree.other_committee, "吴刚").await;
    kit.lab.member(&tree.branch, "张伟").await;
    World { kit, tree, mover, old, new }
}

#[tokio::test]
async fn an_organisation_asks_to_move_and_both_superiors_agree() {
    let w = world().await;
    let mut mover = w.kit.sign_in_as(&w.mover).await;
    let base = format!("/o/{}", w.tree.general.code);
    let list = mover.get(&format!("{base}/relocations")).await;
    assert!(list.body.contains("申请组织迁移"), "{}", list.body);
    let new = format!("{base}/relocations/new");
    let page = mover.get(&new).await;
    assert!(page.body.contains("/picker?for=relocation"), "{}", page.body);
    let far = mover.get(&format!("{new}?to={}", w.tree.far_committee.code)).await;
    assert!(
        far.body.contains("跨省迁移不能在线办理") && far.body.contains("打印申请单"),
        "{}",
        far.body
    );
    let paper = mover
        .get(&format!("{base}/relocations/application?to={}", w.tree.far_committee.code))
        .await;
    assert!(
        paper.body.contains("团组织跨省迁移申请单") && paper.body.contains("盖章"),
        "{}",
        paper.body
    );
    let inside = mover.get(&format!("{new}?to={}", w.tree.branch.code)).await;
    assert!(inside.body.contains("不能迁到自己的下级"), "{}", inside.body);
    let page = mover.get(&format!("{new}?to={}", w.tree.other_committee.code)).await;
    assert!(
        page.body.contains("一起迁移的内容") && page.body.contains("先由原上级"),
        "{}",
        page.body
    );
    let send = format!("{base}/relocations");
    let wrong = mover.submit(&page, &send, &[("reason", "搬")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("请写明迁移原因") && wrong.body.contains(">\n搬</textarea>"),
        "{}",
        wrong.body
    );
    let sent = mover.submit(&wrong, &send, &[("reason", "并入新校区管理")]).await;
    assert!(sent.body.contains("待原上级审批") && sent.body.contains("撤销申请"), "{}", sent.body);
    let again = mover.get(&new).await;
    assert!(
        again.body.contains("已有一笔迁移正在办理") && again.body.contains("查看"),
        "{}",
        again.body
    );

    let mut old = w.kit.sign_in_as(&w.old).await;
    let there = format!("/o/{}", w.tree.committee.code);
    let home = old.get(&there).await;
    assert!(home.body.contains("组织迁移审批"), "{}", home.body);
    let inbox = old.get(&format!("{there}/inbox")).await;
    assert!(inbox.body.contains("同意迁出"), "{}", inbox.body);
    assert!(mover.get(&format!("{base}/inbox?tab=mine")).await.body.contains("待原上级审批"));
    let no = inbox.body.split("/r/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let page = old.get(&format!("{there}/r/{no}")).await;
    assert!(
        page.body.contains("同意迁出") && page.body.contains("两个上级的统计变化"),
        "{}",
        page.body
    );
    let curt = old.submit(&page, &format!("{there}/r/{no}/return"), &[("note", "不行")]).await;
    assert_eq!(curt.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(curt.body.contains("6 至 200 个字"), "{}", curt.body);
    let agreed = old.submit(&page, &format!("{there}/r/{no}/approval"), &[]).await;
    assert!(agreed.body.contains("待新上级审批"), "{}", agreed.body);
    let decided = old.get(&format!("{there}/inbox?tab=done&type=relocation")).await;
    assert!(decided.body.contains("同意") && decided.body.contains(&no), "{}", decided.body);
    let late =
        old.submit(&page, &format!("{there}/r/{no}/return"), &[("note", "再想一想再说")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);

    let mut new = w.kit.sign_in_as(&w.new).await;
    let here = format!("/o/{}", w.tree.other_committee.code);
    let page = new.get(&format!("{here}/r/{no}")).await;
    let done = new.submit(&page, &format!("{here}/r/{no}/approval"), &[]).await;
    assert!(done.body.contains("迁移完成"), "{}", done.body);
    let letters = new.get(&format!("{here}/inbox?tab=system")).await;
    assert!(letters.body.contains("已迁入"), "{}", letters.body);
    // The mover goes on working in the same session, at the new place.
    let members = mover.get(&format!("{base}/members")).await;
    assert!(members.body.contains("张伟"), "{}", members.body);
    let children = new.get(&format!("{here}/children")).await;
    assert!(children.body.contains("高一年级团总支"), "{}", children.body);
}

#[tokio::test]
async fn children_are_merged_and_split_after_a_page_that_counts() {
    let w = world().await;
    let mut admin = w.kit.sign_in_as(&w.mover).await;
    let base = format!("/o/{}", w.tree.general.code);
    let (from, into) = (&w.tree.branch.code, &w.tree.sister.code);
    let card = admin.get(&format!("{base}/orgs/{from}")).await;
    assert!(
        card.body.contains("children/merge?from=") && card.body.contains("拆分"),
        "{}",
        card.body
    );
    let page = admin.get(&format!("{base}/children/merge?from={from}&into={into}")).await;
    assert!(page.body.contains("确认合并") && page.body.contains("不能自动撤回"), "{}", page.body);
    // The page has two forms of this address; the first one only chooses.
    let merge = [("posts", "end"), ("from", from.as_str()), ("into", into.as_str())];
    let done = admin.submit(&page, &format!("{base}/children/merge"), &merge).await;
    assert!(done.body.contains("合并完成") && done.body.contains("高一2班团支部"), "{}", done.body);
    w.kit.lab.member(&w.tree.sister, "李娜").await;

    let split = format!("{base}/children/split");
    let page = admin.get(&format!("{split}?from={into}")).await;
    assert!(page.body.contains("李娜") && page.body.contains("张伟"), "{}", page.body);
    let code = page
        .body
        .split("name=\"picks\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let wrong = admin.submit(&page, &split, &[("short_name", "高一3班团支部")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("请勾选") && wrong.body.contains("高一3班团支部"),
        "{}",
        wrong.body
    );
    let check =
        admin.submit(&wrong, &split, &[("short_name", "高一3班团支部"), ("picks", &code)]).await;
    assert!(
        check.body.contains("确认拆分") && check.body.contains("高一3班团支部"),
        "{}",
        check.body
    );
    let done = admin.submit(&check, &split, &[]).await;
    assert!(done.body.contains("已新建“高一3班团支部”"), "{}", done.body);
    let said =
        admin.post_json(&split, &json!({ "from": into, "short_name": "", "picks": [] })).await;
    assert_eq!(said.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn many_children_are_chosen_page_by_page_or_all_that_fit_a_name() {
    let w = world().await;
    for n in 0..230 {
        let name = format!("{}级{n}班团支部", 2023 + n % 2);
        w.kit.lab.org(Some(&w.tree.general), app::orgs::Category::Branch, &name).await;
    }
    let mut admin = w.kit.sign_in_as(&w.old).await;
    let base = format!("/o/{}", w.tree.committee.code);
    let split = format!("{base}/children/split");
    let first = admin.get(&format!("{split}?from={}", w.tree.general.code)).await;
    assert!(first.body.contains("第 1 / 2 页") && first.body.len() < 60_000);
    let named = [("name", "2024级"), ("go", "all"), ("short_name", "高二年级团总支")];
    let chosen = admin.submit(&first, &split, &named).await;
    assert!(chosen.body.contains("已选 <span class=\"num\">115</span>"), "{}", chosen.body);
    // What a browser sends besides: the ticks of the page that was shown, and the name.
    let sent = |page: &str, more: &[(&'static str, &'static str)]| {
        let boxes = page.split("name=\"picks\" value=\"").skip(1);
        let ticked = boxes.filter(|b| b.split('>').next().unwrap().contains(" checked"));
        let picks = ticked.map(|b| ("picks", b.split('"').next().unwrap().to_owned()));
        let name = [("short_name", "高二年级团总支".to_owned())];
        let more = more.iter().map(|(k, v)| (*k, (*v).to_owned()));
        picks.chain(name).chain(more).collect::<Vec<_>>()
    };
    let fields = sent(&chosen.body, &[("name", ""), ("go", "next")]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let all = admin.submit(&chosen, &split, &fields).await;
    assert!(all.body.contains("第 2 / 2 页") && all.body.contains(">115</span>"), "{}", all.body);
    let fields = sent(&all.body, &[]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let check = admin.submit(&all, &split, &fields).await;
    assert!(check.body.contains("确认拆分") && check.body.contains("等 115 个"), "{}", check.body);
    assert!(check.body.len() < 60_000);
    let back = admin.submit(&check, &split, &[("go", "edit"), ("confirm", "")]).await;
    assert!(back.body.contains(">115</span>") && back.body.contains("高二年级团总支"));
    let done = admin.submit(&check, &split, &[]).await;
    assert!(done.body.contains("115 个下级组织已转过去"), "{}", done.body);
}
