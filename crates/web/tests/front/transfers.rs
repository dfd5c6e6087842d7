//! Moving somebody through the front door: begun step by step, approved and allocated from
//! 操作中心, followed by the person; the same by a program.

use crate::kit::{self, Kit};
use app::{Who, testkit::Tree};
use http::StatusCode;
use serde_json::json;

struct World {
    kit: Kit,
    tree: Tree,
    source: Who,
    target: Who,
    person: app::people::PersonId,
    code: String,
}

async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let source = kit.lab.admin(&tree.branch, "王老师").await;
    let target = kit.lab.admin(&tree.other_committee, "孙部长").await;
    let person = kit.lab.member(&tree.branch, "张三").await;
    let mut cx = kit.lab.house.read(Who::System("test")).await.unwrap();
    let code = app::people::person::read(&mut cx, person).await.unwrap().code;
    drop(cx);
    World { kit, tree, source, target, person, code }
}

#[tokio::test]
async fn a_superior_chooses_among_her_direct_branches_however_many_stand_before_them() {
    let w = world().await;
    for n in 0..55 {
        w.kit.lab.member(&w.tree.branch, &format!("李{n}")).await;
    }
    let committee = w.kit.lab.admin(&w.tree.committee, "赵书记").await;
    let mut browser = w.kit.sign_in_as(&committee).await;
    let new = format!("/o/{}/transfers/out/new", w.tree.committee.code);
    let nobody = browser.get(&new).await;
    assert!(nobody.body.contains("直属的团支部里还没有团员"), "{}", nobody.body);
    w.kit.lab.member(&w.tree.direct, "周老师").await;
    let page = browser.get(&new).await;
    assert!(page.body.contains("周老师") && !page.body.contains("李0"), "{}", page.body);
    let page = browser.get(&format!("{new}?who=zls")).await;
    assert!(page.body.contains("周老师"), "{}", page.body);
    let wrong = browser.get(&format!("{new}?who=%E6%9D%8E")).await;
    assert!(wrong.body.contains("没有找到这样的团员"), "{}", wrong.body);
}

#[tokio::test]
async fn a_transfer_is_begun_step_by_step_decided_in_the_inbox_and_followed_by_the_person() {
    let w = world().await;
    let mut source = w.kit.sign_in_as(&w.source).await;
    let base = format!("/o/{}", w.tree.branch.code);
    let new = format!("{base}/transfers/out/new");
    let page = source.get(&new).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains(&format!("?person={}", w.code)), "{}", page.body);
    let page = source.get(&format!("{new}?person={}", w.code)).await;
    assert!(page.body.contains("选择转入组织") && page.body.contains("/picker?for=transfer"));
    let bad = source.get(&format!("{new}?person={}&to={}", w.code, w.tree.county.code)).await;
    assert!(bad.body.contains("领导机关不直接接收"), "{}", bad.body);
    let chosen = format!("{new}?person={}&to={}", w.code, w.tree.other_committee.code);
    let page = source.get(&chosen).await;
    assert!(page.body.contains("工作调动"), "{}", page.body);
    let page = source.get(&format!("{chosen}&reason=job_change")).await;
    assert!(page.body.contains("单位名称"), "{}", page.body);
    // The page has two forms of this address; the first one only changes the reason.
    let reason = ("reason", "job_change");
    let wrong = source.submit(&page, &new, &[reason, ("unit_name", ""), ("remark", "尽快")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("请填写“单位名称”") && wrong.body.contains("尽快"));
    let check =
        source.submit(&wrong, &new, &[reason, ("unit_name", "六中"), ("remark", "尽快")]).await;
    assert!(check.body.contains("核对后提交") && check.body.contains("六中"), "{}", check.body);
    let done = source.submit(&check, &format!("{base}/transfers"), &[]).await;
    assert!(done.body.contains("待转入方审批") && done.body.contains("撤销申请"), "{}", done.body);
    let twice = source.submit(&check, &format!("{base}/transfers"), &[]).await;
    assert_eq!(twice.status, StatusCode::OK, "a double click is one transfer: {}", twice.body);
    let again = source.get(&format!("{new}?person={}", w.code)).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.body.contains("已有一笔转接正在办理") && again.body.contains("撤销该申请"));
    let hub = source.get(&format!("{base}/transfers")).await;
    assert!(hub.body.contains("张三") && hub.body.contains("剩 10 天"), "{}", hub.body);

    let mut target = w.kit.sign_in_as(&w.target).await;
    let there = format!("/o/{}", w.tree.other_committee.code);
    let home = target.get(&there).await;
    assert!(home.body.contains("转接审批"), "{}", home.body);
    let inbox = target.get(&format!("{there}/inbox")).await;
    assert_eq!(inbox.status, StatusCode::OK, "{}", inbox.body);
    assert!(inbox.body.contains("同意并分配") && inbox.body.contains("（推荐）"), "{}", inbox.body);
    assert!(!inbox.body.contains(&w.kit.id_number(w.person).await), "numbers are masked");
    let no = inbox.body.split("/t/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let approval = format!("{there}/t/{no}/approval");
    let returned = format!("{there}/t/{no}/return");
    let silly = target.submit(&inbox, &returned, &[("reason", "other"), ("note", "不")]).await;
    assert_eq!(silly.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(silly.body.contains("至少 6 个字"), "{}", silly.body);
    let branch = w.tree.other_branch.code.as_str();
    let next = target.submit(&inbox, &approval, &[("branch", branch)]).await;
    assert!(next.body.contains("今天的都办完了"), "{}", next.body);
    let late = target.submit(&inbox, &returned, &[("reason", "not_ours")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("你的操作未生效") && late.body.contains("看结果"), "{}", late.body);
    for tab in ["mine", "done", "system"] {
        let page = target.get(&format!("{there}/inbox?tab={tab}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    }

    let account = w.kit.account(w.person).await;
    let mut own = w.kit.sign_in(&account).await;
    let mine = own.get("/me/transfers").await;
    assert!(mine.body.contains("已完成"), "{}", mine.body);
    let page = own.get(&format!("/me/t/{no}")).await;
    assert!(page.body.contains("高二1班团支部"), "{}", page.body);
    let letters = own.get("/me/messages").await;
    assert!(letters.body.contains("组织关系转接已完成"), "{}", letters.body);
    let read = own.submit(&letters, "/me/messages/read", &[]).await;
    assert!(!read.body.contains("全部已读</button>"), "{}", read.body);
}

#[tokio::test]
async fn a_program_begins_lists_and_decides_by_the_version_it_read() {
    let w = world().await;
    let mut source = w.kit.sign_in_as(&w.source).await;
    let base = format!("/o/{}", w.tree.branch.code);
    let form = json!({ "person": w.code, "to": w.tree.other_committee.code, "reason": "job_change", "unit_name": "六中" });
    let begun = source.post_json(&format!("{base}/transfers"), &form).await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.body);
    let no = begun.value()["data"]["no"].as_str().unwrap().to_owned();
    let second = source.post_json(&format!("{base}/transfers"), &form).await;
    assert_eq!(
        (second.status, second.value()["code"].as_str()),
        (StatusCode::CONFLICT, Some("E04"))
    );

    let mut target = w.kit.sign_in_as(&w.target).await;
    let there = format!("/o/{}", w.tree.other_committee.code);
    let inbox = target.json(&format!("{there}/inbox")).await.value();
    assert_eq!(inbox["rows"][0]["no"], no.as_str());
    let detail = target.json(&format!("{there}/t/{no}")).await.value();
    assert_eq!(
        (detail["state"].as_str(), detail["version"].as_i64()),
        (Some("pending_target"), Some(1))
    );
    let stale = json!({ "version": 7, "branch": w.tree.other_branch.code });
    let refused = target.post_json(&format!("{there}/t/{no}/approval"), &stale).await;
    assert_eq!(refused.value()["code"], "E22");
    let fresh = json!({ "version": 1, "branch": w.tree.other_branch.code });
    let done = target.post_json(&format!("{there}/t/{no}/approval"), &fresh).await;
    assert_eq!(done.value()["data"]["state"], "done", "{}", done.body);
    let list = source.json(&format!("{base}/transfers?state=done")).await.value();
    assert_eq!(list["rows"][0]["no"], no.as_str());
    let stranger = w.kit.lab.admin(&w.tree.far_branch, "路人").await;
    let mut stranger = w.kit.sign_in_as(&stranger).await;
    let hidden = stranger.json(&format!("/o/{}/t/{no}", w.tree.far_branch.code)).await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_returned_transfer_is_begun_again_with_everything_filled_in() {
    let w = world().await;
    let mut source = w.kit.sign_in_as(&w.source).await;
    let base = format!("/o/{}", w.tree.branch.code);
    let form = json!({ "person": w.code, "to": w.tree.other_committee.code, "reason": "job_change", "unit_name": "合肥六中" });
    let begun = source.post_json(&format!("{base}/transfers"), &form).await;
    let no = begun.value()["data"]["no"].as_str().unwrap().to_owned();
    let mut target = w.kit.sign_in_as(&w.target).await;
    let there = format!("/o/{}/t/{no}", w.tree.other_committee.code);
    let back = json!({ "version": 1, "reason": "wrong_target", "note": "应转到初中部" });
    let said = target.post_json(&format!("{there}/return"), &back).await;
    assert_eq!(said.value()["data"]["state"], "rejected", "{}", said.body);
    let home = source.get(&base).await;
    assert!(home.body.contains("被退回的转接"), "{}", home.body);
    let page = source.get(&format!("{base}/t/{no}")).await;
    assert!(page.body.contains("应转到初中部") && page.body.contains("修改后重新提交"));
    let again = source.get(&format!("{base}/transfers/out/new?again={no}")).await;
    assert!(
        again.body.contains("合肥六中") && again.body.contains("合肥第六中学团委"),
        "{}",
        again.body
    );
    let jobs = source.get(&format!("{base}/jobs")).await;
    assert!(jobs.body.contains("还没有任务"), "{}", jobs.body);
}
