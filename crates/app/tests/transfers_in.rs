//! 办理转入 against a real database: finding somebody by name and number without learning more, the
//! source's decision, allocation by the starter; taking a decision back; 转交; the races of all of
//! them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, Who, act,
    business::{self, Ask, machine::State},
    clock::{DAY, MINUTE, show_time},
    messages,
    people::{self, PersonId},
    testkit::{self, Lab, Tree},
    transfers::{self, LookedUp, NewIn, Origin, Started, Transfer},
};
use std::collections::BTreeSet;

struct World {
    lab: Lab,
    tree: Tree,
    /// Of `branch`, where people come from.
    source: Who,
    /// Of `general`, its direct superior.
    superior: Who,
    /// Of `far_branch`, which asks (V1).
    asker: Who,
    /// Of `other_committee`, which asks and allocates (V4).
    committee: Who,
}

async fn world() -> World {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    World {
        source: lab.admin(&tree.branch, "王老师").await,
        superior: lab.admin(&tree.general, "总支").await,
        asker: lab.admin(&tree.far_branch, "李干事").await,
        committee: lab.admin(&tree.other_committee, "孙部长").await,
        lab,
        tree,
    }
}

impl World {
    /// A member of `branch` with her ID number.
    async fn member(&self, name: &str) -> (PersonId, String) {
        let person = self.lab.member(&self.tree.branch, name).await;
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        let found = people::person::read(&mut cx, person).await.unwrap();
        (person, found.id_number.reveal().to_owned())
    }
    async fn look(&self, who: &Who, name: &str, number: &str) -> app::Result<LookedUp> {
        act!(self.lab.house, who.clone(), |cx| transfers::by_number(cx, name, number).await)
    }
    async fn ticket(&self, who: &Who, name: &str, number: &str) -> String {
        match self.look(who, name, number).await.unwrap() {
            LookedUp::Found(ticket) => ticket,
            LookedUp::Missed { .. } => panic!("{name} was not found"),
        }
    }
    async fn start(&self, who: &Who, ticket: &str) -> app::Result<Started> {
        let new = asked(ticket);
        act!(self.lab.house, who.clone(), |cx| Ok(transfers::start_in(cx, &new).await?.0))
    }
    async fn begun(&self, who: &Who, name: &str) -> (PersonId, String) {
        let (person, number) = self.member(name).await;
        let ticket = self.ticket(who, name, &number).await;
        (person, self.start(who, &ticket).await.unwrap().no)
    }
    async fn approve(&self, who: &Who, no: &str, version: i64) -> app::Result<Transfer> {
        act!(self.lab.house, who.clone(), |cx| transfers::approve(cx, no, version, None).await)
    }
    async fn allocate(&self, no: &str, version: i64) -> app::Result<Transfer> {
        let branch = self.tree.other_branch.code.clone();
        act!(self.lab.house, self.committee.clone(), |cx| {
            transfers::allocate(cx, no, version, &branch).await
        })
    }
    async fn withdraw(&self, who: &Who, no: &str, version: i64) -> app::Result<Transfer> {
        act!(self.lab.house, who.clone(), |cx| transfers::withdraw(cx, no, version).await)
    }
    async fn undo(&self, who: &Who, no: &str, version: i64) -> app::Result<Transfer> {
        act!(self.lab.house, who.clone(), |cx| transfers::undo(cx, no, version).await)
    }
    async fn shown(&self, who: &Who, no: &str) -> app::Result<transfers::Shown> {
        let mut cx = self.lab.house.read(who.clone()).await.unwrap();
        transfers::by_no(&mut cx, no).await
    }
    async fn branch_of(&self, person: PersonId) -> (String, bool) {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        let member = people::person::read(&mut cx, person).await.unwrap().membership.unwrap();
        (member.org.short_name, member.moving)
    }
    async fn letters(&self, who: &Who) -> Vec<String> {
        let mut cx = self.lab.house.read(who.clone()).await.unwrap();
        let items = messages::of_org(&mut cx, false, None, 200).await.unwrap();
        items.into_iter().map(|m| m.title).collect()
    }
    async fn run(&self, statement: String) {
        let mut tx = self.lab.house.db().write().await.unwrap();
        tx.run(db::Sql::built(statement), &[]).await.unwrap();
        tx.commit().await.unwrap();
    }
    async fn number(&self, statement: &str) -> i64 {
        let mut tx = self.lab.house.db().read().await.unwrap();
        let (n,): (i64,) = tx.one(db::Sql::built(statement.into()), &[]).await.unwrap();
        n
    }
}

fn asked(ticket: &str) -> NewIn {
    NewIn {
        origin: Origin::Ticket(ticket.into()),
        reason: "job_change".into(),
        fields: [("unit_name".to_owned(), "南京大学".to_owned())].into(),
        remark: String::new(),
    }
}

fn code_of(error: &Error) -> String {
    match error {
        Error::Conflict(r) | Error::Refused(r) => r.code.clone(),
        Error::Invalid(fields) => {
            fields.iter().map(|f| format!("{}:{}", f.field, f.code)).collect()
        }
        other => other.to_string(),
    }
}

#[tokio::test]
async fn a_branch_asks_for_somebody_and_the_source_agrees() {
    let w = world().await;
    let (person, no) = w.begun(&w.asker, "张三").await;
    assert_eq!(w.branch_of(person).await, ("高一1班团支部".into(), true));
    let waiting = w.shown(&w.source, &no).await.unwrap();
    assert_eq!(waiting.transfer.state, State::PendingSource);
    assert_eq!(waiting.transfer.holder().unwrap().id, w.tree.branch.id);
    assert!(waiting.rights.approve && waiting.rights.give_back && !waiting.rights.withdraw);
    assert!(!waiting.rights.allocate && !waiting.limited);
    assert_eq!(show_time(waiting.transfer.deadline.unwrap()), "2026-06-25 23:59");
    let mine = w.shown(&w.asker, &no).await.unwrap();
    assert!(mine.limited && mine.source_contact.is_none(), "not yet given");
    assert!(mine.rights.withdraw && !mine.rights.approve);
    let mut cx = w.lab.house.read(w.superior.clone()).await.unwrap();
    assert_eq!(business::waiting_below(&mut cx, &Ask::default(), 50).await.unwrap().lines.len(), 1);
    drop(cx);
    for stranger in [&w.asker, &w.committee] {
        let said = w.approve(stranger, &no, 1).await;
        assert!(matches!(said, Err(Error::Forbidden { .. } | Error::NotFound)), "{said:?}");
    }
    let done = w.approve(&w.superior, &no, 1).await.unwrap();
    assert_eq!((done.state, done.branch), (State::Done, Some(w.tree.far_branch.id)));
    assert_eq!(w.branch_of(person).await, ("文学院2025级1班团支部".into(), false));
    assert!(!w.shown(&w.asker, &no).await.unwrap().limited);
    assert_eq!(w.letters(&w.source).await, ["张三已转出", "张三申请转出，等待你们审批"]);
    assert_eq!(w.letters(&w.asker).await, ["张三已转入"]);
    let mut cx = w.lab.house.read(w.superior.clone()).await.unwrap();
    assert_eq!(business::decided(&mut cx, &Ask::default(), 50).await.unwrap().lines.len(), 1);
    drop(cx);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn a_committee_and_a_leading_organ_ask_and_allocate_after_the_source_agreed() {
    let w = world().await;
    let (person, no) = w.begun(&w.committee, "张三").await;
    assert_eq!(code_of(&w.allocate(&no, 1).await.unwrap_err()), "E22", "not agreed yet");
    let half = w.approve(&w.source, &no, 1).await.unwrap();
    assert_eq!((half.state, half.deadline), (State::PendingAlloc, None));
    let mine = w.shown(&w.committee, &no).await.unwrap();
    assert!(mine.rights.allocate && mine.rights.withdraw && !mine.limited);
    assert_eq!(mine.suggested.as_deref(), Some(w.tree.other_branch.code.as_str()));
    assert!(w.letters(&w.committee).await[0].starts_with("请为张三分配团支部"));
    assert_eq!(w.allocate(&no, 2).await.unwrap().state, State::Done);
    assert_eq!(w.branch_of(person).await, ("高二1班团支部".into(), false));

    let county = w.lab.admin(&w.tree.county, "区委").await;
    let (person, no) = w.begun(&county, "李四").await;
    w.approve(&w.source, &no, 1).await.unwrap();
    let into = w.tree.other_branch.code.clone();
    act!(w.lab.house, county.clone(), |cx| transfers::allocate(cx, &no, 2, &into).await).unwrap();
    assert_eq!(w.branch_of(person).await.0, "高二1班团支部");
    w.lab.is_whole().await;
}

#[tokio::test]
async fn what_is_answered_tells_nothing_to_whoever_does_not_know_name_and_number() {
    let w = world().await;
    let (_, number) = w.member("张三").await;
    let nobody = w.lab.next_id_number();
    let left = |said: app::Result<LookedUp>| match said.unwrap() {
        LookedUp::Missed { left } => left,
        LookedUp::Found(_) => panic!("found"),
    };
    // Another name and a number that nobody has: one and the same answer.
    assert_eq!(left(w.look(&w.asker, "李四", &number).await), 4);
    assert_eq!(left(w.look(&w.asker, "张三", &nobody).await), 3);
    w.ticket(&w.asker, " 张 三", &number.to_lowercase()).await;
    for wanted in [4, 3, 2, 1, 0] {
        assert_eq!(left(w.look(&w.asker, "李四", &number).await), wanted);
    }
    let paused = w.look(&w.asker, "张三", &number).await;
    assert!(matches!(paused, Err(Error::TooMany { seconds }) if seconds <= 1801), "{paused:?}");
    w.lab.clock.advance(31 * MINUTE);
    w.ticket(&w.asker, "张三", &number).await;
    let wrong = w.look(&w.asker, "", "123").await.unwrap_err();
    assert!(code_of(&wrong).starts_with("name:required"), "{}", code_of(&wrong));
    let foreign = w.ticket(&w.asker, "张三", &number).await;
    let said = w.start(&w.committee, &foreign).await;
    assert!(matches!(said, Err(Error::Gone)), "a ticket is its owner's: {said:?}");
    let last = loop {
        match w.look(&w.asker, "张三", &number).await {
            Ok(_) => {}
            Err(e) => break e,
        }
    };
    assert!(matches!(last, Error::TooMany { seconds } if seconds > 3600), "thirty a day: {last:?}");
    let ask = [&w.tree.county, &w.tree.city, &w.tree.province, &w.tree.direct, &w.tree.sister];
    let mut refused = 0;
    for (n, org) in ask.into_iter().enumerate() {
        let who = w.lab.admin(org, &format!("甲{n}")).await;
        refused += i32::from(w.look(&who, "张三", &number).await.is_err());
    }
    assert_eq!(refused, 1, "five organisations a day may ask about one person");
}

#[tokio::test]
async fn who_is_here_has_left_or_is_moving_is_said_as_such() {
    let w = world().await;
    let (person, number) = w.member("张三").await;
    let here = w.ticket(&w.source, "张三", &number).await;
    assert_eq!(code_of(&w.start(&w.source, &here).await.unwrap_err()), "already_here");
    let one = w.ticket(&w.asker, "张三", &number).await;
    w.start(&w.asker, &one).await.unwrap();
    let two = w.ticket(&w.committee, "张三", &number).await;
    let Err(Error::Refused(said)) = w.start(&w.committee, &two).await else { panic!("not_now") };
    assert_eq!(said.code, "not_now", "who is no party learns of no open transfer");
    assert!(!said.message.contains("李干事") && !said.message.contains("天"), "{}", said.message);
    assert!(said.ways.is_empty(), "no party of it: {:?}", said.ways);
    let again = w.ticket(&w.asker, "张三", &number).await;
    let Err(Error::Refused(said)) = w.start(&w.asker, &again).await else { panic!("E04") };
    let ways: Vec<&str> = said.ways.iter().map(|w| w.label.as_str()).collect();
    assert_eq!(ways, ["查看", "撤销该申请"]);
    let cadre = w.lab.person_with("老干部", &w.lab.next_id_number()).await;
    let mut cx = w.lab.house.read(Who::System("test")).await.unwrap();
    let number = people::person::read(&mut cx, cadre).await.unwrap().id_number.reveal().to_owned();
    drop(cx);
    let none = w.ticket(&w.asker, "老干部", &number).await;
    assert_eq!(code_of(&w.start(&w.asker, &none).await.unwrap_err()), "E17");
    assert!(w.branch_of(person).await.1);
}

#[tokio::test]
async fn whoever_asked_may_not_agree_for_the_source_and_a_returned_one_is_asked_again() {
    let w = world().await;
    let (person, no) = w.begun(&w.asker, "张三").await;
    let Who::Person(asker) = &w.asker else { panic!() };
    let twice = w.lab.acting(asker.person, "李干事", &w.tree.branch, app::Role::Branch);
    assert_eq!(code_of(&w.approve(&twice, &no, 1).await.unwrap_err()), "approver_is_starter");
    assert!(!w.shown(&twice, &no).await.unwrap().rights.approve);
    let back = act!(w.lab.house, w.source.clone(), |cx| {
        transfers::give_back(cx, &no, 1, "facts_differ", "").await
    });
    assert_eq!(back.unwrap().state, State::Rejected);
    assert_eq!(w.branch_of(person).await, ("高一1班团支部".into(), false));
    assert!(w.letters(&w.asker).await[0].contains("被退回"));
    let shown = w.shown(&w.asker, &no).await.unwrap();
    assert!(shown.rights.again && shown.limited);
    assert!(!w.shown(&w.source, &no).await.unwrap().rights.again);
    let mut cx = w.lab.house.read(w.asker.clone()).await.unwrap();
    let new = transfers::again_in(&mut cx, &no).await.unwrap();
    drop(cx);
    assert_eq!(new.fields["unit_name"], "南京大学");
    let begun = act!(w.lab.house, w.asker.clone(), |cx| transfers::start_in(cx, &new).await);
    let (begun, _) = begun.unwrap();
    w.lab.clock.advance(11 * DAY);
    assert_eq!(transfers::expire_due(&w.lab.house).await.unwrap(), 1);
    assert!(w.letters(&w.asker).await[0].contains("超期"));
    assert_eq!(code_of(&w.approve(&w.source, &begun.no, 1).await.unwrap_err()), "E22");
    w.lab.is_whole().await;
}

#[tokio::test]
async fn fifty_approvals_of_one_request_have_one_effect() {
    let w = world().await;
    let (person, no) = w.begun(&w.asker, "张三").await;
    let tries = (0..50).map(|n| {
        let who = if n % 2 == 0 { &w.source } else { &w.superior };
        w.approve(who, &no, 1)
    });
    let said = futures::future::join_all(tries).await;
    assert_eq!(said.iter().filter(|s| s.is_ok()).count(), 1);
    for lost in said.iter().filter_map(|s| s.as_ref().err()) {
        assert!(["E22", "busy"].contains(&code_of(lost).as_str()), "{lost:?}");
    }
    assert_eq!(w.branch_of(person).await.0, "文学院2025级1班团支部");
    assert_eq!(w.shown(&w.asker, &no).await.unwrap().steps.len(), 2);
    let came = w.letters(&w.asker).await;
    assert_eq!(came.iter().filter(|t| t.contains("已转入")).count(), 1);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn of_approval_and_withdrawal_one_wins() {
    let w = world().await;
    let mut winners = BTreeSet::new();
    for round in 0..20 {
        let (person, no) = w.begun(&w.asker, &format!("张{}", name(round))).await;
        let (approved, withdrawn) = tokio::join!(
            async {
                pause(round % 3).await;
                w.approve(&w.source, &no, 1).await.is_ok()
            },
            async {
                pause((round + 1) % 3).await;
                w.withdraw(&w.asker, &no, 1).await.is_ok()
            },
        );
        assert!(approved != withdrawn, "round {round}");
        let (branch, moving) = w.branch_of(person).await;
        assert!(!moving);
        assert_eq!(branch == "文学院2025级1班团支部", approved);
        winners.insert(approved);
        // Keeps the thirty questions of a day apart.
        w.lab.clock.advance(DAY);
    }
    assert_eq!(winners.len(), 2, "the race was none");
    w.lab.is_whole().await;
}

fn name(n: i32) -> char {
    "一二三四五六七八九十甲乙丙丁戊己庚辛壬癸".chars().nth(usize::try_from(n).unwrap()).unwrap()
}

async fn pause(turns: i32) {
    tokio::time::sleep(std::time::Duration::from_millis(u64::try_from(turns).unwrap() * 3)).await;
}

#[tokio::test]
async fn a_decision_is_taken_back_within_ten_minutes_with_posts_seat_and_counters() {
    let w = world().await;
    let (person, no) = w.begun(&w.asker, "张三").await;
    let post = w.lab.cadre(&w.tree.branch, person, "书记").await;
    w.run(format!(
        "INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at) VALUES ({}, 'BRANCH', 2, {post}, {}, 7)",
        w.tree.branch.id, person
    ))
    .await;
    let before = w.shown(&w.source, &no).await.unwrap().transfer;
    w.lab.clock.advance(DAY);
    w.approve(&w.source, &no, 1).await.unwrap();
    let seats = format!("SELECT COUNT(*) FROM admin_seat WHERE person_id = {person}");
    let posts =
        format!("SELECT COUNT(*) FROM cadre WHERE person_id = {person} AND ended_at IS NULL");
    assert_eq!((w.number(&seats).await, w.number(&posts).await), (0, 0));
    let shown = w.shown(&w.source, &no).await.unwrap();
    assert!(shown.rights.undo && !w.shown(&w.asker, &no).await.unwrap().rights.undo);
    let mut cx = w.lab.house.read(w.source.clone()).await.unwrap();
    assert_eq!(transfers::undoable(&mut cx).await.unwrap()[0].no, no);
    drop(cx);
    for other in [&w.asker, &w.superior] {
        assert_eq!(code_of(&w.undo(other, &no, 2).await.unwrap_err()), "undo_not_yours");
    }
    w.lab.clock.advance(9 * MINUTE);
    let back = w.undo(&w.source, &no, 2).await.unwrap();
    assert_eq!(
        (back.state, back.deadline, back.branch),
        (State::PendingSource, before.deadline, None)
    );
    assert_eq!(w.branch_of(person).await, ("高一1班团支部".into(), true));
    assert_eq!((w.number(&seats).await, w.number(&posts).await), (1, 1));
    assert_eq!(
        w.number(&format!("SELECT entered_at FROM member WHERE person_id = {person}")).await,
        testkit::START
    );
    assert!(w.letters(&w.asker).await[0].contains("审批已撤销"));
    w.lab.is_whole().await;
    // And forward again, then it is too late.
    w.approve(&w.source, &no, 3).await.unwrap();
    w.lab.clock.advance(10 * MINUTE);
    assert_eq!(code_of(&w.undo(&w.source, &no, 4).await.unwrap_err()), "undo_late");
    assert!(!w.shown(&w.source, &no).await.unwrap().rights.undo);
    w.lab.clock.advance(MINUTE);
    assert_eq!(transfers::forget_undos(&w.lab.house).await.unwrap(), 1);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn half_a_decision_an_allocation_and_both_together_are_taken_back_one_by_one() {
    let w = world().await;
    let (person, no) = w.begun(&w.committee, "张三").await;
    w.approve(&w.source, &no, 1).await.unwrap();
    let back = w.undo(&w.source, &no, 2).await.unwrap();
    assert_eq!((back.state, back.holder().unwrap().id), (State::PendingSource, w.tree.branch.id));
    w.approve(&w.source, &no, 3).await.unwrap();
    w.allocate(&no, 4).await.unwrap();
    assert_eq!(code_of(&w.undo(&w.source, &no, 5).await.unwrap_err()), "undo_not_yours");
    let back = w.undo(&w.committee, &no, 5).await.unwrap();
    assert_eq!((back.state, back.deadline), (State::PendingAlloc, None));
    assert_eq!(w.branch_of(person).await, ("高一1班团支部".into(), true));
    w.lab.is_whole().await;
    // A 转出 that was approved and allocated in one action goes all the way back.
    let person = w.lab.member(&w.tree.branch, "李四").await;
    let mut cx = w.lab.house.read(Who::System("test")).await.unwrap();
    let code = people::person::read(&mut cx, person).await.unwrap().code;
    drop(cx);
    let new = transfers::New {
        person: code,
        to: w.tree.other_committee.code.clone(),
        reason: "reorganised".into(),
        ..Default::default()
    };
    let no = act!(w.lab.house, w.source.clone(), |cx| transfers::start(cx, &new).await).unwrap().no;
    let into = w.tree.other_branch.code.clone();
    act!(w.lab.house, w.committee.clone(), |cx| {
        transfers::approve(cx, &no, 1, Some(&into)).await
    })
    .unwrap();
    let back = w.undo(&w.committee, &no, 3).await.unwrap();
    assert_eq!(back.state, State::PendingTarget);
    assert!(back.deadline.is_some());
    w.lab.is_whole().await;
}

#[tokio::test]
async fn what_has_happened_since_closes_the_way_back_politely() {
    let w = world().await;
    let (person, no) = w.begun(&w.asker, "张三").await;
    w.approve(&w.source, &no, 1).await.unwrap();
    w.run(format!("UPDATE person SET version = version + 1 WHERE id = {person}")).await;
    let Err(Error::Conflict(said)) = w.undo(&w.source, &no, 2).await else { panic!("refused") };
    assert_eq!(said.code, "moved_on");
    assert!(said.message.contains("重新办理转接"), "{}", said.message);
    assert_eq!(w.shown(&w.source, &no).await.unwrap().transfer.state, State::Done);

    let (person, no) = w.begun(&w.asker, "李四").await;
    let post = w.lab.cadre(&w.tree.branch, person, "书记").await;
    w.approve(&w.source, &no, 1).await.unwrap();
    let heir = w.lab.member(&w.tree.branch, "王五").await;
    w.lab.cadre(&w.tree.branch, heir, "书记").await;
    let Err(Error::Conflict(said)) = w.undo(&w.source, &no, 2).await else { panic!("refused") };
    assert!(said.message.contains("接任"), "{} {post}", said.message);
    w.lab.clock.advance(MINUTE);
    let (person, no) = w.begun(&w.asker, "赵六").await;
    w.approve(&w.source, &no, 1).await.unwrap();
    w.lab.clock.advance(MINUTE);
    w.lab.cadre(&w.tree.far_branch, person, "组织委员").await;
    assert_eq!(code_of(&w.undo(&w.source, &no, 2).await.unwrap_err()), "moved_on");
    w.lab.is_whole().await;
}

#[tokio::test]
async fn of_taking_back_and_moving_on_one_wins() {
    let w = world().await;
    let mut winners = BTreeSet::new();
    for round in 0..20 {
        let (person, no) = w.begun(&w.asker, &format!("张{}", name(round))).await;
        w.approve(&w.source, &no, 1).await.unwrap();
        let mut cx = w.lab.house.read(Who::System("test")).await.unwrap();
        let code = people::person::read(&mut cx, person).await.unwrap().code;
        drop(cx);
        let new = transfers::New {
            person: code,
            to: w.tree.other_committee.code.clone(),
            reason: "reorganised".into(),
            ..Default::default()
        };
        let (back, on) = tokio::join!(
            async {
                pause(round % 3).await;
                w.undo(&w.source, &no, 2).await.is_ok()
            },
            async {
                pause((round + 1) % 3).await;
                act!(w.lab.house, w.asker.clone(), |cx| transfers::start(cx, &new).await).is_ok()
            },
        );
        assert!(back != on, "round {round}: {back} {on}");
        let (branch, moving) = w.branch_of(person).await;
        assert!(moving);
        assert_eq!(branch == "高一1班团支部", back);
        winners.insert(back);
        w.lab.clock.advance(DAY);
    }
    assert_eq!(winners.len(), 2, "the race was none");
    w.lab.clock.advance(12 * DAY);
    transfers::expire_due(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test]
async fn it_is_passed_on_to_a_colleague_or_upwards_and_stays_where_it_is() {
    let w = world().await;
    let (_, no) = w.begun(&w.asker, "张三").await;
    let second = w.lab.admin(&w.tree.branch, "周老师").await;
    let mut cx = w.lab.house.read(w.source.clone()).await.unwrap();
    let choices = transfers::colleagues(&mut cx).await.unwrap();
    drop(cx);
    assert_eq!(choices.len(), 2, "the other administrator and the superior: {choices:?}");
    let pass = async |who: &Who, to: &str, note: &str| {
        act!(w.lab.house, who.clone(), |cx| transfers::pass_on(cx, &no, to, note).await)
    };
    let (t, name) = pass(&w.source, &choices[0].choice, "你认识本人").await.unwrap();
    assert_eq!((t.version, name.as_str()), (1, "周老师"));
    let Who::Person(second) = &second else { panic!() };
    let mut cx = w.lab.house.read(w.lab.alone(second.person, "周老师")).await.unwrap();
    let mine = messages::of_me(&mut cx, false, None, 10).await.unwrap();
    drop(cx);
    assert!(mine[0].title.starts_with("转交") && mine[0].body.contains("你认识本人"));
    pass(&w.source, "superior", "").await.unwrap();
    assert!(w.letters(&w.superior).await[0].starts_with("转交"));
    assert_eq!(code_of(&pass(&w.source, "", "").await.unwrap_err()), "to:required");
    let number = code_of(&pass(&w.source, "superior", "13812345678").await.unwrap_err());
    assert_eq!(number, "message:personal");
    let stranger = pass(&w.asker, "superior", "").await;
    assert!(matches!(stranger, Err(Error::Forbidden { .. })), "{stranger:?}");
    w.approve(&w.source, &no, 1).await.expect("nothing has changed hands");
    assert_eq!(code_of(&pass(&w.source, "superior", "").await.unwrap_err()), "E22");
    w.lab.is_whole().await;
}

#[tokio::test]
async fn a_ticket_from_elsewhere_asks_for_the_name_and_a_row_brings_it_along() {
    let w = world().await;
    let (person, number) = w.member("张三").await;
    let id = app::rules::id_number::parse(&number, app::clock::day(w.lab.house.now())).unwrap();
    let ticket = act!(w.lab.house, w.asker.clone(), |cx| transfers::of_elsewhere(cx, person).await);
    let ticket = ticket.unwrap();
    assert!(matches!(w.start(&w.asker, &ticket).await, Err(Error::Gone)), "no name yet");
    let named = act!(w.lab.house, w.asker.clone(), |cx| {
        transfers::by_name(cx, &ticket, "张三").await
    });
    let LookedUp::Found(named) = named.unwrap() else { panic!("found") };
    w.start(&w.asker, &named).await.unwrap();
    let row = transfers::Row { import: 5, no: 9, into: Some(w.tree.branch.id.0) };
    let found = async |name: &str| {
        let ticket = act!(w.lab.house, w.committee.clone(), |cx| {
            transfers::from_row(cx, row, name, &id).await
        });
        let ticket = ticket.unwrap();
        let mut cx = w.lab.house.read(w.committee.clone()).await.unwrap();
        transfers::lead(&mut cx, &ticket).await.unwrap()
    };
    let good = found("张 三").await;
    assert!(good.agreed && good.row == Some(row));
    let bad = found("张珊").await;
    assert!(!bad.agreed && bad.missed && bad.name == "张珊" && bad.row == Some(row));
}

#[tokio::test]
async fn a_row_of_an_import_suggests_its_branch_at_the_allocation_and_when_it_is_asked_again() {
    let w = world().await;
    let (_, number) = w.member("张三").await;
    let id = app::rules::id_number::parse(&number, app::clock::day(w.lab.house.now())).unwrap();
    // Two branches below: otherwise the only one is suggested anyhow.
    let meant = w.tree.direct.clone();
    let row = transfers::Row { import: 5, no: 9, into: Some(meant.id.0) };
    let county = w.lab.admin(&w.tree.county, "区委").await;
    let ticket = act!(w.lab.house, county.clone(), |cx| {
        transfers::from_row(cx, row, "张三", &id).await
    });
    let no = w.start(&county, &ticket.unwrap()).await.unwrap().no;
    w.approve(&w.source, &no, 1).await.unwrap();
    let suggested = w.shown(&county, &no).await.unwrap().suggested;
    assert_eq!(suggested.as_deref(), Some(meant.code.as_str()));
    w.withdraw(&county, &no, 2).await.unwrap();
    let again = act!(w.lab.house, county.clone(), |cx| {
        let new = transfers::again_in(cx, &no).await?;
        transfers::start_in(cx, &new).await
    });
    let no = again.unwrap().0.no;
    w.approve(&w.source, &no, 1).await.unwrap();
    let shown = w.shown(&county, &no).await.unwrap();
    assert_eq!(shown.suggested.as_deref(), Some(meant.code.as_str()));
    w.lab.is_whole().await;
}
