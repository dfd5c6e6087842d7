//! 组织关系转接 from beginning to end against a real database: whole lives, every refusal, races,
//! deadlines, reminders, and who may see what.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, OrgRef, Who, act,
    business::{self, Ask, machine::State},
    clock::{DAY, HOUR, MINUTE, show_time},
    error::FieldError,
    jobs, messages,
    people::{self, PersonId},
    testkit::{self, Lab, Tree},
    transfers::{self, New, Started, Tab, Transfer},
};
use std::collections::BTreeSet;

/// A laboratory with the administrators that a transfer needs.
struct World {
    lab: Lab,
    tree: Tree,
    branch_admin: Who,
    target_admin: Who,
    superior: Who,
    committee_admin: Who,
}

async fn world() -> World {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    World {
        branch_admin: lab.admin(&tree.branch, "王老师").await,
        target_admin: lab.admin(&tree.far_branch, "李干事").await,
        superior: lab.admin(&tree.far_committee, "赵书记").await,
        committee_admin: lab.admin(&tree.other_committee, "孙部长").await,
        lab,
        tree,
    }
}

impl World {
    async fn code(&self, person: PersonId) -> String {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        people::person::read(&mut cx, person).await.unwrap().code
    }
    async fn branch_of(&self, person: PersonId) -> (String, bool) {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        let member = people::person::read(&mut cx, person).await.unwrap().membership.unwrap();
        (member.org.short_name, member.moving)
    }
    async fn ask(&self, person: PersonId, to: &OrgRef) -> New {
        New {
            person: self.code(person).await,
            to: to.code.clone(),
            reason: "job_change".into(),
            fields: [("unit_name".to_owned(), "南京大学".to_owned())].into(),
            remark: "请接收".into(),
        }
    }
    async fn start_as(&self, who: &Who, new: &New) -> app::Result<Started> {
        act!(self.lab.house, who.clone(), |cx| transfers::start(cx, new).await)
    }
    async fn begun(&self, name: &str, to: &OrgRef) -> (PersonId, Started) {
        let person = self.lab.member(&self.tree.branch, name).await;
        let new = self.ask(person, to).await;
        (person, self.start_as(&self.branch_admin, &new).await.unwrap())
    }
    async fn approve(&self, who: &Who, no: &str, version: i64) -> app::Result<Transfer> {
        act!(self.lab.house, who.clone(), |cx| transfers::approve(cx, no, version, None).await)
    }
    async fn approve_into(&self, who: &Who, no: &str, branch: &OrgRef) -> app::Result<Transfer> {
        act!(self.lab.house, who.clone(), |cx| transfers::approve(cx, no, 1, Some(&branch.code))
            .await)
    }
    async fn give_back(&self, who: &Who, no: &str, why: &str, note: &str) -> app::Result<Transfer> {
        act!(self.lab.house, who.clone(), |cx| transfers::give_back(cx, no, 1, why, note).await)
    }
    async fn withdraw(&self, who: &Who, no: &str) -> app::Result<Transfer> {
        act!(self.lab.house, who.clone(), |cx| transfers::withdraw(cx, no, 1).await)
    }
    async fn shown(&self, who: &Who, no: &str) -> app::Result<transfers::Shown> {
        let mut cx = self.lab.house.read(who.clone()).await.unwrap();
        transfers::by_no(&mut cx, no).await
    }
    async fn letters(&self, who: &Who) -> Vec<String> {
        let mut cx = self.lab.house.read(who.clone()).await.unwrap();
        let items = messages::of_org(&mut cx, false, None, 200).await.unwrap();
        items.into_iter().map(|m| m.title).collect()
    }
    async fn own_letters(&self, person: PersonId) -> Vec<String> {
        let mut cx = self.lab.house.read(self.lab.alone(person, "本人")).await.unwrap();
        let items = messages::of_me(&mut cx, false, None, 200).await.unwrap();
        items.into_iter().map(|m| m.title).collect()
    }
    async fn events(&self, no: i64) -> Vec<String> {
        let mut tx = self.lab.house.db().read().await.unwrap();
        let text =
            "SELECT kind FROM event WHERE object = 'transfer' AND object_id = $1 ORDER BY id";
        let found: Vec<(String,)> =
            tx.all(db::Sql::built(text.into()), db::args![no]).await.unwrap();
        found.into_iter().map(|(kind,)| kind).collect()
    }
}

fn code_of(error: &Error) -> String {
    match error {
        Error::Conflict(r) | Error::Refused(r) => r.code.clone(),
        Error::Invalid(fields) => {
            fields.iter().map(|f: &FieldError| format!("{}:{}", f.field, f.code)).collect()
        }
        other => other.to_string(),
    }
}

#[tokio::test]
async fn a_member_goes_from_branch_to_branch_and_everybody_is_told() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.far_branch).await;
    assert!(begun.no.starts_with("ZJ20260615-") && begun.no.len() == 17, "{}", begun.no);
    assert_eq!(w.branch_of(person).await, ("高一1班团支部".into(), true));
    let waiting = w.shown(&w.target_admin, &begun.no).await.unwrap();
    assert!(waiting.rights.approve && waiting.rights.give_back && !waiting.rights.withdraw);
    assert_eq!(show_time(waiting.transfer.deadline.unwrap()), "2026-06-25 23:59");
    assert_eq!(waiting.transfer.days_left(w.lab.house.now()), Some(10));
    assert_eq!(waiting.transfer.holder().unwrap().id, w.tree.far_branch.id);
    assert_eq!(waiting.fields, [("单位名称", "南京大学".to_owned())]);
    let source = w.shown(&w.branch_admin, &begun.no).await.unwrap();
    assert!(source.rights.withdraw && !source.rights.approve && !source.rights.urge);

    let done = w.approve(&w.target_admin, &begun.no, 1).await.unwrap();
    assert_eq!((done.state, done.branch), (State::Done, Some(w.tree.far_branch.id)));
    assert_eq!(w.branch_of(person).await, ("文学院2025级1班团支部".into(), false));
    let shown = w.shown(&w.branch_admin, &begun.no).await.unwrap();
    let steps: Vec<&str> = shown.steps.iter().map(|s| s.verb.as_str()).collect();
    assert_eq!(steps, ["submit", "approve"]);
    assert_eq!(shown.steps[1].actor, "李干事");
    assert_eq!(
        w.events(begun.id.0).await,
        ["transfer.submitted", "transfer.submitted", "transfer.approved", "transfer.approved"]
    );
    assert_eq!(w.letters(&w.branch_admin).await, ["张三已转出"]);
    assert_eq!(w.letters(&w.target_admin).await, ["张三已转入", "张三申请转入，等待审批"]);
    assert_eq!(w.own_letters(person).await, ["组织关系转接已完成", "你的团组织关系正在转出"]);
}

#[tokio::test]
async fn the_direct_superior_may_approve_for_a_branch_and_sees_it_apart_from_its_own() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.far_branch).await;
    let mut cx = w.lab.house.read(w.superior.clone()).await.unwrap();
    let own = business::waiting(&mut cx, &Ask::default(), 50).await.unwrap();
    let below = business::waiting_below(&mut cx, &Ask::default(), 50).await.unwrap();
    assert_eq!((own.lines.len(), below.lines.len()), (0, 1));
    assert_eq!(business::count_waiting(&mut cx, None).await.unwrap(), 0);
    drop(cx);
    w.approve(&w.superior, &begun.no, 1).await.unwrap();
    assert_eq!(w.branch_of(person).await.0, "文学院2025级1班团支部");
}

#[tokio::test]
async fn a_committee_approves_and_allocates_in_one_action() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.other_committee).await;
    let shown = w.shown(&w.committee_admin, &begun.no).await.unwrap();
    assert!(shown.rights.approve && shown.rights.allocate);
    assert_eq!(shown.suggested.as_deref(), Some(w.tree.other_branch.code.as_str()));
    let done = w.approve_into(&w.committee_admin, &begun.no, &w.tree.other_branch).await.unwrap();
    assert_eq!((done.state, done.version), (State::Done, 3));
    assert_eq!(w.branch_of(person).await, ("高二1班团支部".into(), false));
    let steps = w.shown(&w.branch_admin, &begun.no).await.unwrap().steps;
    assert_eq!(
        steps.iter().map(|s| s.verb.as_str()).collect::<Vec<_>>(),
        ["submit", "approve", "allocate"]
    );
}

#[tokio::test]
async fn an_approved_one_waits_for_its_branch_without_an_end_and_is_allocated_later() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.other_committee).await;
    let half = w.approve(&w.committee_admin, &begun.no, 1).await.unwrap();
    assert_eq!((half.state, half.deadline), (State::PendingAlloc, None));
    assert_eq!(w.branch_of(person).await, ("高一1班团支部".into(), true), "not yet moved");
    w.lab.clock.advance(40 * DAY);
    assert_eq!(transfers::expire_due(&w.lab.house).await.unwrap(), 0);
    let wrong = [
        (&w.tree.far_branch, "branch:branch"),
        (&w.tree.other_committee, "branch:branch"),
        (&w.tree.branch, "branch:branch"),
    ];
    for (org, code) in wrong {
        let said = act!(w.lab.house, w.committee_admin.clone(), |cx| {
            transfers::allocate(cx, &begun.no, 2, &org.code).await
        });
        assert_eq!(code_of(&said.unwrap_err()), code, "{}", org.short_name);
    }
    let done = act!(w.lab.house, w.committee_admin.clone(), |cx| {
        transfers::allocate(cx, &begun.no, 2, &w.tree.other_branch.code).await
    });
    assert_eq!(done.unwrap().state, State::Done);
    assert_eq!(w.branch_of(person).await.0, "高二1班团支部");
}

#[tokio::test]
async fn a_second_transfer_is_refused_with_who_when_where_and_how_long() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.far_branch).await;
    w.lab.clock.advance(3 * DAY);
    let new = w.ask(person, &w.tree.other_committee).await;
    let Err(Error::Refused(said)) = w.start_as(&w.branch_admin, &new).await else {
        panic!("it must be refused")
    };
    assert_eq!(said.code, "E04");
    for part in ["王老师", "6月15日", "文学院2025级1班团支部", "剩 7 天"] {
        assert!(said.message.contains(part), "{part} in {}", said.message);
    }
    let ways: Vec<&str> = said.ways.iter().map(|w| w.label.as_str()).collect();
    assert_eq!(ways, ["查看", "撤销该申请"]);
    assert!(said.ways[0].href.ends_with(&begun.no));
    w.withdraw(&w.branch_admin, &begun.no).await.unwrap();
    assert!(!w.branch_of(person).await.1, "no longer 转接中");
    w.start_as(&w.branch_admin, &new).await.expect("free again");
}

#[tokio::test]
async fn targets_that_cannot_receive_and_people_that_cannot_go_are_refused_with_a_way_on() {
    let w = world().await;
    let person = w.lab.member(&w.tree.branch, "张三").await;
    let holding =
        w.lab.org(Some(&w.tree.far_committee), app::orgs::Category::Holding, "存放支部").await;
    for (to, code) in [(&w.tree.county, "to:E11"), (&w.tree.branch, "to:E11"), (&holding, "to:E11")]
    {
        let new = w.ask(person, to).await;
        let said = w.start_as(&w.branch_admin, &new).await.unwrap_err();
        assert_eq!(code_of(&said), code, "{}", to.short_name);
    }
    w.lab
        .scratch
        .vandalise(&format!(
            "UPDATE org SET status = 'DELETED' WHERE id = {}",
            w.tree.far_branch.id
        ))
        .await
        .unwrap();
    let new = w.ask(person, &w.tree.far_branch).await;
    assert_eq!(code_of(&w.start_as(&w.branch_admin, &new).await.unwrap_err()), "to:E11");

    let good = w.ask(person, &w.tree.other_committee).await;
    for (new, code) in [
        (New { reason: "army_or_secret".into(), ..good.clone() }, "reason:E11"),
        (New { reason: "no_such".into(), ..good.clone() }, "reason:required"),
        (New { fields: Default::default(), ..good.clone() }, "unit_name:required"),
        (New { to: String::new(), ..good.clone() }, "to:required"),
        (New { remark: "电话13812345678".into(), ..good.clone() }, "remark:personal"),
        (New { remark: "长".repeat(201), ..good.clone() }, "remark:too_long"),
    ] {
        assert_eq!(code_of(&w.start_as(&w.branch_admin, &new).await.unwrap_err()), code);
    }
    let Who::Person(admin) = &w.branch_admin else { panic!() };
    let cadre = w.ask(admin.person, &w.tree.other_committee).await;
    assert_eq!(code_of(&w.start_as(&w.branch_admin, &cadre).await.unwrap_err()), "E17");
    for stranger in [&w.target_admin, &w.committee_admin] {
        assert!(matches!(w.start_as(stranger, &good).await, Err(Error::NotFound)));
    }
    let superior = w.lab.admin(&w.tree.general, "上级").await;
    let begun = w.start_as(&superior, &good).await.expect("the direct superior may start");
    assert!(w.letters(&w.branch_admin).await.iter().any(|t| t.contains("已由上级发起")));
    assert!(matches!(w.withdraw(&w.branch_admin, &begun.no).await, Err(Error::Forbidden { .. })));
    w.withdraw(&superior, &begun.no).await.unwrap();
}

#[tokio::test]
async fn whoever_began_it_may_not_approve_it_not_even_with_a_second_post() {
    let w = world().await;
    let (_, begun) = w.begun("张三", &w.tree.far_branch).await;
    let Who::Person(starter) = &w.branch_admin else { panic!() };
    let twice = w.lab.acting(starter.person, "王老师", &w.tree.far_branch, app::Role::Branch);
    assert_eq!(code_of(&w.approve(&twice, &begun.no, 1).await.unwrap_err()), "approver_is_starter");
    assert!(!w.shown(&twice, &begun.no).await.unwrap().rights.approve);
    let forbidden = w.approve(&w.branch_admin, &begun.no, 1).await;
    assert!(matches!(forbidden, Err(Error::Forbidden { .. })), "the source can't approve");
    let far = w.lab.admin(&w.tree.far_province, "省里").await;
    let skipped = w.approve(&far, &begun.no, 1).await;
    assert!(matches!(skipped, Err(Error::Forbidden { .. })), "only the direct superior");
}

#[tokio::test]
async fn a_return_carries_its_reason_and_forbidden_reasons_are_answered() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.far_branch).await;
    let no = begun.no.as_str();
    for (why, note, code) in [
        ("", "", "reason:required"),
        ("other", "不要", "note:required"),
        ("other", "纸质档案还没有到", "note:guard_rail"),
        ("not_ours", "还在试用期", "note:guard_rail"),
        ("not_ours", "请打 13812345678", "note:personal"),
    ] {
        let said = w.give_back(&w.target_admin, no, why, note).await.unwrap_err();
        assert_eq!(code_of(&said), code, "{why} {note}");
    }
    let back = w.give_back(&w.target_admin, no, "wrong_target", "应转到学院团委").await.unwrap();
    assert_eq!(back.state, State::Rejected);
    assert_eq!(w.branch_of(person).await, ("高一1班团支部".into(), false));
    let shown = w.shown(&w.branch_admin, no).await.unwrap();
    assert_eq!(shown.return_reason, Some("转入组织选择错误"));
    assert!(shown.rights.again && shown.return_hint.is_some());
    let mut cx = w.lab.house.read(w.branch_admin.clone()).await.unwrap();
    assert_eq!(transfers::summary(&mut cx).await.unwrap().came_back, 1);
    let titles = messages::of_org(&mut cx, true, None, 10).await.unwrap();
    assert!(titles[0].body.contains("应转到学院团委"));
}

#[tokio::test]
async fn the_second_to_decide_learns_who_was_first() {
    let w = world().await;
    let (_, begun) = w.begun("张三", &w.tree.far_branch).await;
    w.lab.clock.advance(19 * MINUTE);
    w.approve(&w.target_admin, &begun.no, 1).await.unwrap();
    let Err(Error::Conflict(said)) = w.approve(&w.superior, &begun.no, 1).await else {
        panic!("it must be a conflict")
    };
    assert_eq!(said.code, "E22");
    assert!(said.message.contains("李干事已在 10:21"), "{}", said.message);
    assert!(said.message.contains("你的操作未生效"));
    let ways: Vec<&str> = said.ways.iter().map(|w| w.label.as_str()).collect();
    assert_eq!(ways, ["看结果", "下一件"]);
}

#[tokio::test]
async fn fifty_approvals_at_once_have_one_effect() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.far_branch).await;
    let tries = (0..50).map(|n| {
        let who = if n % 2 == 0 { &w.target_admin } else { &w.superior };
        w.approve(who, &begun.no, 1)
    });
    let said = futures::future::join_all(tries).await;
    assert_eq!(said.iter().filter(|s| s.is_ok()).count(), 1);
    for lost in said.iter().filter_map(|s| s.as_ref().err()) {
        assert!(["E22", "busy"].contains(&code_of(lost).as_str()), "{lost:?}");
    }
    assert_eq!(w.branch_of(person).await.0, "文学院2025级1班团支部");
    assert_eq!(w.shown(&w.branch_admin, &begun.no).await.unwrap().steps.len(), 2);
    assert_eq!(w.events(begun.id.0).await.len(), 4);
    let came = w.letters(&w.target_admin).await;
    assert_eq!(came.iter().filter(|t| t.contains("已转入")).count(), 1);
}

#[tokio::test]
async fn of_two_starts_at_once_one_is_told_of_the_other() {
    let w = world().await;
    let person = w.lab.member(&w.tree.branch, "张三").await;
    let one = w.ask(person, &w.tree.far_branch).await;
    let two = w.ask(person, &w.tree.other_committee).await;
    let said = futures::future::join_all(
        (0..8).map(|n| w.start_as(&w.branch_admin, if n % 2 == 0 { &one } else { &two })),
    )
    .await;
    assert_eq!(said.iter().filter(|s| s.is_ok()).count(), 1);
    for lost in said.iter().filter_map(|s| s.as_ref().err()) {
        assert_eq!(code_of(lost), "E04");
    }
}

#[tokio::test]
async fn approval_against_withdrawal_return_and_lapse_always_has_one_winner() {
    let w = world().await;
    let mut winners = BTreeSet::new();
    for round in 0..30 {
        let (person, begun) = w.begun(&format!("张{round}"), &w.tree.far_branch).await;
        let no = begun.no.as_str();
        let late = round % 3 == 2;
        if late {
            // A second before the deadline for the approver, after it for the clockwork.
            w.lab.clock.advance(11 * DAY);
        }
        let (approved, withdrawn, returned, lapsed) = tokio::join!(
            async {
                pause(round % 4).await;
                w.approve(&w.target_admin, no, 1).await.is_ok()
            },
            async {
                pause((round + 1) % 4).await;
                w.withdraw(&w.branch_admin, no).await.is_ok()
            },
            async {
                pause((round + 2) % 4).await;
                w.give_back(&w.superior, no, "not_ours", "").await.is_ok()
            },
            async {
                pause((round + 3) % 4).await;
                transfers::expire_due(&w.lab.house).await.unwrap() == 1
            },
        );
        let won = [approved, withdrawn, returned, lapsed];
        assert_eq!(won.iter().filter(|w| **w).count(), 1, "round {round}: {won:?}");
        let shown = w.shown(&w.branch_admin, no).await.unwrap();
        assert!(shown.transfer.state.ended());
        assert_eq!(shown.steps.len(), 2, "the beginning and one end");
        let (branch, moving) = w.branch_of(person).await;
        assert!(!moving);
        assert_eq!(branch == "文学院2025级1班团支部", approved, "moved if and only if approved");
        winners.insert(won);
    }
    assert!(winners.len() >= 2, "the race was none: {winners:?}");
}

async fn pause(turns: i32) {
    tokio::time::sleep(std::time::Duration::from_millis(u64::try_from(turns).unwrap() * 2)).await;
}

#[tokio::test]
async fn after_the_tenth_day_nobody_can_approve_and_the_clockwork_sends_it_back() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.far_branch).await;
    w.lab.clock.advance(10 * DAY);
    assert_eq!(show_time(w.lab.house.now()), "2026-06-25 10:02");
    assert_eq!(transfers::expire_due(&w.lab.house).await.unwrap(), 0, "the tenth day still counts");
    w.lab.clock.advance(14 * HOUR);
    let Err(Error::Conflict(said)) = w.approve(&w.target_admin, &begun.no, 1).await else {
        panic!("too late")
    };
    assert_eq!(said.code, "E27");
    assert!(said.message.contains("6月25日"), "{}", said.message);
    jobs::tick(&w.lab.house).await.unwrap();
    let shown = w.shown(&w.branch_admin, &begun.no).await.unwrap();
    assert_eq!(shown.transfer.state, State::Expired);
    assert_eq!(shown.steps[1].actor, "系统");
    assert_eq!(w.branch_of(person).await, ("高一1班团支部".into(), false));
    assert!(w.letters(&w.branch_admin).await[0].contains("超期"));
    assert!(w.own_letters(person).await[0].contains("超期"));
    let new = w.ask(person, &w.tree.other_committee).await;
    w.start_as(&w.branch_admin, &new).await.expect("it may be begun once more");
}

#[tokio::test]
async fn the_holder_is_reminded_on_days_3_7_and_9_once_each_and_the_superior_on_day_9() {
    let w = world().await;
    w.begun("张三", &w.tree.far_branch).await;
    let other = w.lab.second_node().await;
    let mut seen = Vec::new();
    for day in 1..=10 {
        w.lab.clock.advance(DAY);
        let (one, two) =
            tokio::join!(transfers::remind_due(&w.lab.house), transfers::remind_due(&other));
        if one.unwrap() + two.unwrap() > 0 {
            seen.push(day);
        }
    }
    assert_eq!(seen, [3, 7, 9]);
    let reminders = |titles: Vec<String>| titles.iter().filter(|t| t.contains("提醒")).count();
    assert_eq!(reminders(w.letters(&w.target_admin).await), 3);
    let above = w.letters(&w.superior).await;
    assert_eq!(above, ["文学院2025级1班团支部有一条转入申请即将超期"]);
}

#[tokio::test]
async fn an_allocation_is_reminded_of_every_day() {
    let w = world().await;
    let (_, begun) = w.begun("张三", &w.tree.other_committee).await;
    w.approve(&w.committee_admin, &begun.no, 1).await.unwrap();
    for _ in 0..14 {
        w.lab.clock.advance(DAY);
        assert_eq!(transfers::remind_due(&w.lab.house).await.unwrap(), 1);
        assert_eq!(transfers::remind_due(&w.lab.house).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn the_starter_may_urge_once_a_day() {
    let w = world().await;
    let (_, begun) = w.begun("张三", &w.tree.far_branch).await;
    let urge = |who: &Who| {
        let (house, who, no) = (w.lab.house.clone(), who.clone(), begun.no.clone());
        async move { act!(house, who.clone(), |cx| transfers::urge(cx, &no).await) }
    };
    assert_eq!(code_of(&urge(&w.branch_admin).await.unwrap_err()), "urged", "told just now");
    w.lab.clock.advance(25 * HOUR);
    assert!(w.shown(&w.branch_admin, &begun.no).await.unwrap().rights.urge);
    urge(&w.branch_admin).await.unwrap();
    assert_eq!(code_of(&urge(&w.branch_admin).await.unwrap_err()), "urged");
    assert!(matches!(urge(&w.target_admin).await, Err(Error::Forbidden { .. })));
    assert!(w.letters(&w.target_admin).await[0].starts_with("催办"));
    w.approve(&w.target_admin, &begun.no, 1).await.expect("催办 does not change the version");
}

#[tokio::test]
async fn a_target_that_was_deleted_sends_the_request_back() {
    let w = world().await;
    let (person, one) = w.begun("张三", &w.tree.far_branch).await;
    let (_, two) = w.begun("李四", &w.tree.far_branch).await;
    let gone = format!("UPDATE org SET status = 'DELETED' WHERE id = {}", w.tree.far_branch.id);
    w.lab.scratch.vandalise(&gone).await.unwrap();
    let back = w.approve(&w.superior, &one.no, 1).await.unwrap();
    assert_eq!(back.state, State::Rejected);
    assert!(back.return_note.as_ref().unwrap().contains("不再接收转入"));
    assert_eq!(w.branch_of(person).await, ("高一1班团支部".into(), false));
    assert_eq!(transfers::cancel_orphans(&w.lab.house).await.unwrap(), 1);
    let shown = w.shown(&w.branch_admin, &two.no).await.unwrap();
    assert_eq!(shown.transfer.state, State::Rejected);
}

#[tokio::test]
async fn only_the_parties_and_those_above_them_see_a_transfer() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.far_branch).await;
    let no = begun.no.as_str();
    let source_superior = w.lab.admin(&w.tree.general, "总支").await;
    let watcher = w.lab.observer(&w.tree.far_committee, "观察").await;
    let me = w.lab.alone(person, "张三");
    for who in [&w.branch_admin, &w.target_admin, &w.superior, &source_superior, &watcher, &me] {
        assert!(w.shown(who, no).await.is_ok(), "{who:?}");
    }
    let seen = w.shown(&watcher, no).await.unwrap();
    assert_eq!(seen.rights, transfers::Rights::default(), "an observer changes nothing");
    assert!(matches!(w.approve(&watcher, no, 1).await, Err(Error::Forbidden { .. })));
    let outsider = w.lab.admin(&w.tree.sister, "邻班").await;
    let nobody = w.lab.alone(PersonId(1), "路人");
    for who in [&outsider, &w.committee_admin, &nobody] {
        assert!(matches!(w.shown(who, no).await, Err(Error::NotFound)), "{who:?}");
        assert!(matches!(
            w.approve(who, no, 1).await,
            Err(Error::NotFound | Error::Forbidden { .. } | Error::SignedOut)
        ));
    }
    assert!(w.shown(&me, no).await.unwrap().person.is_none());
    let mut cx = w.lab.house.read(me).await.unwrap();
    assert_eq!(transfers::of_me(&mut cx).await.unwrap().len(), 1);
    drop(cx);
    let mut cx = w.lab.house.read(outsider).await.unwrap();
    assert!(transfers::of_person(&mut cx, person).await.unwrap().is_empty());
}

#[tokio::test]
async fn lists_turn_their_pages_and_filter_by_state_and_name() {
    let w = world().await;
    for n in 0..5 {
        w.begun(&format!("张{n}"), &w.tree.far_branch).await;
        w.lab.clock.advance(MINUTE);
    }
    let (_, last) = w.begun("李四", &w.tree.other_committee).await;
    w.withdraw(&w.branch_admin, &last.no).await.unwrap();
    let mut cx = w.lab.house.read(w.branch_admin.clone()).await.unwrap();
    let first = transfers::list(&mut cx, Tab::Open, "", None, 2).await.unwrap();
    let names = |p: &business::Page| p.lines.iter().map(|l| l.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first), ["张4", "张3"]);
    let second = transfers::list(&mut cx, Tab::Open, "", first.next.as_deref(), 2).await.unwrap();
    assert_eq!(names(&second), ["张2", "张1"]);
    let third = transfers::list(&mut cx, Tab::Open, "", second.next.as_deref(), 2).await.unwrap();
    assert_eq!((names(&third), third.next), (vec!["张0".to_owned()], None));
    let gone = transfers::list(&mut cx, Tab::Withdrawn, "", None, 50).await.unwrap();
    assert_eq!(names(&gone), ["李四"]);
    let named = transfers::list(&mut cx, Tab::All, "张3", None, 50).await.unwrap();
    assert_eq!(names(&named), ["张3"]);
    assert_eq!(business::started(&mut cx, &Ask::default(), 50).await.unwrap().lines.len(), 6);
    drop(cx);
    let superior = w.lab.admin(&w.tree.general, "总支").await;
    let mut cx = w.lab.house.read(superior).await.unwrap();
    assert!(transfers::list(&mut cx, Tab::All, "", None, 50).await.unwrap().lines.is_empty());
    assert_eq!(
        transfers::list_below(&mut cx, Tab::All, "", None, 50).await.unwrap().lines.len(),
        6
    );
    drop(cx);
    let mut cx = w.lab.house.read(w.target_admin.clone()).await.unwrap();
    let summary = transfers::summary(&mut cx).await.unwrap();
    assert_eq!((summary.waiting, summary.due_soon), (5, 0));
    drop(cx);
    w.lab.clock.advance(9 * DAY);
    let mut cx = w.lab.house.read(w.target_admin.clone()).await.unwrap();
    assert_eq!(transfers::summary(&mut cx).await.unwrap().due_soon, 5);
}

#[tokio::test]
async fn an_approval_is_not_taken_back_once_the_person_is_on_her_next_way() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.far_branch).await;
    w.approve(&w.target_admin, &begun.no, 1).await.unwrap();
    let on = w.ask(person, &w.tree.other_committee).await;
    let next = w.start_as(&w.target_admin, &on).await.unwrap();
    let undo =
        act!(w.lab.house, w.target_admin.clone(), |cx| transfers::undo(cx, &begun.no, 2).await);
    let Err(Error::Conflict(said)) = undo else { panic!("{undo:?}") };
    assert_eq!(said.code, "moved_on");
    assert!(said.message.contains("又办理了另一笔转接"), "{}", said.message);
    w.withdraw(&w.target_admin, &next.no).await.unwrap();
    // She has been on her way since: still the same word.
    let undo =
        act!(w.lab.house, w.target_admin.clone(), |cx| transfers::undo(cx, &begun.no, 2).await);
    assert_eq!(code_of(&undo.unwrap_err()), "moved_on");
}

#[tokio::test]
async fn the_person_takes_back_what_others_began_and_the_starter_reads_why() {
    let w = world().await;
    let (person, begun) = w.begun("张三", &w.tree.far_branch).await;
    let herself = w.lab.alone(person, "张三");
    assert!(w.shown(&herself, &begun.no).await.unwrap().rights.withdraw);
    let back = |who: Who, why: &'static str| {
        let (house, no) = (w.lab.house.clone(), begun.no.clone());
        async move { act!(house, who.clone(), |cx| transfers::withdraw_own(cx, &no, 1, why).await) }
    };
    let silent = back(herself.clone(), " ").await.unwrap_err();
    assert_eq!(code_of(&silent), "why:required");
    let other = w.lab.member(&w.tree.branch, "李四").await;
    let stranger = back(w.lab.alone(other, "李四"), "不是我").await;
    assert!(matches!(stranger, Err(Error::NotFound)), "{stranger:?}");
    let done = back(herself.clone(), "我要读研，不转了").await.unwrap();
    assert_eq!(done.state, State::Withdrawn);
    assert_eq!(w.branch_of(person).await, ("高一1班团支部".into(), false));
    let mut cx = w.lab.house.read(w.branch_admin.clone()).await.unwrap();
    let told = messages::of_org(&mut cx, false, None, 20).await.unwrap();
    drop(cx);
    assert_eq!(told[0].title, "张三已由本人撤回转接");
    assert!(told[0].body.contains("我要读研，不转了"), "{}", told[0].body);
    let steps = w.shown(&w.branch_admin, &begun.no).await.unwrap().steps;
    assert!(steps.last().unwrap().note.contains("我要读研"));
    assert!(matches!(back(herself, "再来一次").await, Err(Error::Conflict(r)) if r.code == "E22"));
}

#[tokio::test]
async fn moving_the_secretary_names_what_ends_and_tells_the_superior_who_is_missing() {
    let w = world().await;
    let person = w.lab.member(&w.tree.direct, "王芳").await;
    let secretary = w.lab.admin_with(&w.tree.direct, (person, "王芳"), "书记").await;
    let new = w.ask(person, &w.tree.far_branch).await;
    let mut cx = w.lab.house.read(secretary.clone()).await.unwrap();
    let effects = transfers::check(&mut cx, &new).await.unwrap().effects;
    drop(cx);
    let said = effects.join("");
    for part in ["王芳在“", "书记、管理员", "将没有书记", "将没有管理员"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let begun = w.start_as(&secretary, &new).await.unwrap();
    assert_eq!(w.shown(&w.target_admin, &begun.no).await.unwrap().effects, effects);
    w.approve(&w.target_admin, &begun.no, 1).await.unwrap();
    assert!(w.shown(&w.target_admin, &begun.no).await.unwrap().effects.is_empty());
    let above = w.lab.admin(&w.tree.committee, "钱多").await;
    let told = w.letters(&above).await;
    assert!(told.iter().any(|title| title.ends_with("没有书记和管理员了")), "{told:?}");
}

#[tokio::test]
async fn a_refusal_says_whose_step_it_is_and_what_is_left() {
    let w = world().await;
    let (_, begun) = w.begun("张三", &w.tree.far_branch).await;
    let other = w.lab.admin(&w.tree.branch, "周老师").await;
    let Err(Error::Forbidden { why, .. }) = w.approve(&other, &begun.no, 1).await else { panic!() };
    assert!(why.contains("由转入方“文学院2025级1班团支部”办理"), "{why}");
    assert!(why.contains("本组织可以催办或撤销申请"), "{why}");
    let Err(Error::Forbidden { why, .. }) = w.withdraw(&w.target_admin, &begun.no).await else {
        panic!()
    };
    assert!(why.contains("由“高一1班团支部”发起") && why.contains("不同意的请退回"), "{why}");
}

#[tokio::test]
async fn a_reason_that_excludes_a_kind_of_target_is_refused_with_where_it_leads() {
    let w = world().await;
    let person = w.lab.member(&w.tree.branch, "张三").await;
    let statement = format!(
        "UPDATE org SET is_township = {} WHERE id = {}",
        if w.lab.house.db().engine() == db::Engine::Postgres { "TRUE" } else { "1" },
        w.tree.far_branch.id.0
    );
    w.lab.scratch.vandalise(&statement).await.unwrap();
    let mut new = w.ask(person, &w.tree.far_branch).await;
    new.reason = "study_or_change_school".into();
    new.fields = [("school_name".to_owned(), "南京大学".to_owned())].into();
    let refused = w.start_as(&w.branch_admin, &new).await.unwrap_err();
    assert_eq!(code_of(&refused), "reason:E11");
    let graduates = New { reason: "employed_with_org".into(), ..new.clone() };
    let refused = w.start_as(&w.branch_admin, &graduates).await.unwrap_err();
    assert!(code_of(&refused).contains("reason") || code_of(&refused).contains("unit_name"));
    new.reason = "job_change".into();
    new.fields = [("unit_name".to_owned(), "镇政府".to_owned())].into();
    w.start_as(&w.branch_admin, &new).await.unwrap();
}
