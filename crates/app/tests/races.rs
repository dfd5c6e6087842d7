//! What happens at the same moment as an approval: each pair in many turns, the later one a little
//! later every turn. Whoever wins, the house is whole.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, OrgRef, Result, Role, Who, act,
    business::machine::State,
    cadres, closings, orgs,
    orgs::Category,
    people::{self, PersonId},
    relocations,
    rules::person::{Draft, RawCell},
    stats,
    testkit::{self, Lab, Tree},
    transfers::{self, LookedUp, NewIn, Origin, Transfer},
};
use std::time::Duration;

/// Turns of every pair.
const TURNS: u64 = 8;
const NAMES: [&str; 8] = ["张一", "张二", "张三", "张四", "张五", "张六", "张七", "张八"];

struct World {
    lab: Lab,
    tree: Tree,
    /// Of the committee above `general` and `direct`.
    above: Who,
    /// Of the other committee.
    other: Who,
}

async fn world() -> World {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let above = lab.admin(&tree.committee, "钱多").await;
    let other = lab.admin(&tree.other_committee, "孙部长").await;
    World { lab, tree, above, other }
}

/// Runs an act until the house is not too busy for it.
macro_rules! try_act {
    ($house:expr, $who:expr, |$cx:ident| $work:expr) => {{
        let mut tries = 0;
        loop {
            match act!($house, $who.clone(), |$cx| $work) {
                Err(Error::Busy | Error::Retry) if tries < 100 => tries += 1,
                done => break done,
            }
            tokio::task::yield_now().await;
        }
    }};
}

impl World {
    /// One who acts for an organisation made by the test.
    async fn acting(&self, org: &OrgRef, role: Role) -> Who {
        let person = self.lab.person("代理").await;
        self.lab.acting(person, "代理", org, role)
    }
    /// The number of a relocation that waits for its new superior.
    async fn moving(&self, mover: &OrgRef, role: Role, from: &Who, to: &OrgRef) -> String {
        let who = self.acting(mover, role).await;
        let new = relocations::New { to: to.code.clone(), reason: "并入新校区管理".into() };
        let no = act!(self.lab.house, who, |cx| relocations::start(cx, &new).await).unwrap().no;
        act!(self.lab.house, from.clone(), |cx| relocations::approve(cx, &no, 1).await).unwrap();
        no
    }
    async fn move_on(&self, who: &Who, no: &str) -> Result<relocations::Relocation> {
        try_act!(self.lab.house, who, |cx| relocations::approve(cx, no, 2).await)
    }
    /// Closes it, however many people there are by then.
    async fn close(&self, who: &Who, org: &OrgRef) -> Result<i64> {
        for people in [0, 1, 2, 0, 1, 2, 0, 1, 2] {
            let ask = closings::Ask { people, typed: org.short_name.clone() };
            let done =
                try_act!(self.lab.house, who, |cx| closings::close(cx, &org.code, &ask).await);
            match done {
                Err(Error::Conflict(r)) if r.code == "E22" => {}
                done => return done.map(|d| d.people),
            }
        }
        panic!("the number of people does not settle")
    }
    async fn transfer(&self, who: &Who, person: PersonId, to: &OrgRef) -> String {
        let new = transfers::New {
            person: self.person(person).await.code,
            to: to.code.clone(),
            reason: "job_change".into(),
            fields: [("unit_name".to_owned(), "六中".to_owned())].into(),
            remark: String::new(),
        };
        act!(self.lab.house, who.clone(), |cx| transfers::start(cx, &new).await).unwrap().no
    }
    /// The number of a 转入 that `who` asks for.
    async fn asked(&self, who: &Who, person: PersonId) -> String {
        let found = self.person(person).await;
        let (name, number) = (found.name.clone(), found.id_number.reveal().to_owned());
        let looked = act!(self.lab.house, who.clone(), |cx| {
            transfers::by_number(cx, &name, &number).await
        });
        let LookedUp::Found(ticket) = looked.unwrap() else { panic!("{name} was not found") };
        let new = NewIn {
            origin: Origin::Ticket(ticket),
            reason: "job_change".into(),
            fields: [("unit_name".to_owned(), "六中".to_owned())].into(),
            remark: String::new(),
        };
        act!(self.lab.house, who.clone(), |cx| Ok(transfers::start_in(cx, &new).await?.0.no))
            .unwrap()
    }
    async fn approve(&self, who: &Who, no: &str, version: i64) -> Result<Transfer> {
        try_act!(self.lab.house, who, |cx| transfers::approve(cx, no, version, None).await)
    }
    async fn person(&self, person: PersonId) -> people::Person {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        people::person::read(&mut cx, person).await.unwrap()
    }
    async fn now(&self, org: &OrgRef) -> OrgRef {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        orgs::by_id(&mut cx, org.id).await.unwrap()
    }
    async fn is_whole(&self) {
        stats::settle(&self.lab.house).await.unwrap();
        self.lab.is_whole().await;
    }
}

async fn later(turn: u64) {
    tokio::time::sleep(Duration::from_micros(turn * 400)).await;
}

fn done(r: &Result<relocations::Relocation>) -> bool {
    r.as_ref().is_ok_and(|r| r.state == State::Done)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_relocation_against_closing_what_moves_ends_in_one_of_both() {
    let w = world().await;
    for turn in 0..TURNS {
        let name = format!("第{turn}团支部");
        let mover = w.lab.org(Some(&w.tree.committee), Category::Branch, &name).await;
        w.lab.member(&mover, "张三").await;
        let no = w.moving(&mover, Role::Group, &w.above, &w.tree.other_committee).await;
        let (moved, closed) = tokio::join!(w.move_on(&w.other, &no), async {
            later(turn).await;
            w.close(&w.above, &mover).await
        });
        assert!(done(&moved) != closed.is_ok(), "{moved:?} {closed:?}");
        let stands = w.tree.other_committee.covers(&w.now(&mover).await.path);
        assert_eq!(stands, done(&moved), "closed where it stood, or open where it went");
    }
    w.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_relocation_against_closing_the_new_superior_leaves_nobody_below_the_dead() {
    let w = world().await;
    let county = w.lab.admin(&w.tree.county, "县委").await;
    for turn in 0..TURNS {
        let name = format!("第{turn}团委");
        let target = w.lab.org(Some(&w.tree.county), Category::Committee, &name).await;
        let mover =
            w.lab.org(Some(&w.tree.committee), Category::Branch, &format!("甲{turn}团支部")).await;
        w.lab.member(&mover, "张三").await;
        let no = w.moving(&mover, Role::Group, &w.above, &target).await;
        let receiver = w.acting(&target, Role::Group).await;
        let (moved, closed) = tokio::join!(w.move_on(&receiver, &no), async {
            later(turn).await;
            w.close(&county, &target).await
        });
        assert!(done(&moved) != closed.is_ok(), "{moved:?} {closed:?}");
        assert_eq!(target.covers(&w.now(&mover).await.path), done(&moved));
    }
    // What could not be decided any more goes back by itself.
    relocations::cancel_orphans(&w.lab.house).await.unwrap();
    w.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_relocation_against_a_transfer_out_and_an_entry_inside_does_all_three() {
    let w = world().await;
    let far = w.lab.admin(&w.tree.far_branch, "李干事").await;
    for turn in 0..TURNS {
        let name = format!("第{turn}团总支");
        let mover = w.lab.org(Some(&w.tree.committee), Category::General, &name).await;
        let inside = w.lab.org(Some(&mover), Category::Branch, "一班团支部").await;
        let leaver = w.lab.member(&inside, "张三").await;
        let secretary = w.acting(&inside, Role::Group).await;
        let out = w.transfer(&secretary, leaver, &w.tree.far_branch).await;
        let no = w.moving(&mover, Role::Group, &w.above, &w.tree.other_committee).await;
        let draft = draft("新人", &w.lab.next_id_number());
        let (moved, left, added) = tokio::join!(
            w.move_on(&w.other, &no),
            async {
                later(turn).await;
                w.approve(&far, &out, 1).await
            },
            async {
                later(turn / 2).await;
                // Whoever acts for a place that has just moved signs in anew, as a page does.
                let here = w.now(&inside).await;
                let who = w.acting(&here, Role::Group).await;
                try_act!(w.lab.house, who, |cx| {
                    let here = orgs::by_id(cx, inside.id).await?;
                    people::add(cx, &here, &draft).await
                })
            }
        );
        assert!(done(&moved), "{moved:?}");
        assert_eq!(left.unwrap().state, State::Done);
        let here = w.now(&inside).await;
        assert!(w.tree.other_committee.covers(&here.path));
        match added {
            Ok(person) => {
                let at = w.person(person).await.membership.unwrap().org;
                assert_eq!(at.path, here.path, "entered where it stands now");
            }
            Err(e) => assert!(matches!(e, Error::NotFound | Error::Forbidden { .. }), "{e:?}"),
        }
    }
    w.is_whole().await;
}

fn draft(name: &str, number: &str) -> Draft {
    let cell = |text: &str| RawCell::text(text);
    Draft {
        name: cell(name),
        id_number: cell(number),
        ethnic: cell("汉族"),
        political: cell("共青团员"),
        education: cell("大学本科"),
        joined: cell("2015-09"),
        mobile: cell("13812345678"),
        ..Draft::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn taking_an_approval_back_against_entering_the_same_person_leaves_her_in_one_place() {
    let w = world().await;
    let source = w.lab.admin(&w.tree.branch, "王老师").await;
    let target = w.lab.admin(&w.tree.other_branch, "赵静").await;
    let third = w.lab.admin(&w.tree.far_branch, "李干事").await;
    for turn in 0..TURNS {
        let name = NAMES[turn as usize].to_owned();
        let person = w.lab.member(&w.tree.branch, &name).await;
        let number = w.person(person).await.id_number.reveal().to_owned();
        let no = w.transfer(&source, person, &w.tree.other_branch).await;
        w.approve(&target, &no, 1).await.unwrap();
        let entry = draft(&name, &number);
        let post = cadres::NewCadre {
            name: name.clone(),
            id_number: RawCell::text(&number),
            mobile: "13812345678".into(),
            post: cadres::PostForm {
                post: "委员".into(),
                since: "2026-01".into(),
                ..Default::default()
            },
        };
        let (undone, entered, given) = tokio::join!(
            async { try_act!(w.lab.house, target, |cx| transfers::undo(cx, &no, 2).await) },
            async {
                later(turn).await;
                try_act!(w.lab.house, third, |cx| people::add(cx, &w.tree.far_branch, &entry).await)
            },
            async {
                later(turn).await;
                try_act!(w.lab.house, target, |cx| {
                    cadres::change::enter(cx, &w.tree.other_branch, &post).await
                })
            }
        );
        assert!(entered.is_err(), "she is a member elsewhere the whole time: {entered:?}");
        let at = w.person(person).await.membership.unwrap();
        match undone {
            Ok(_) => assert_eq!((at.org.id, at.moving), (w.tree.branch.id, true)),
            Err(Error::Conflict(r)) => {
                assert_eq!((at.org.id, at.moving), (w.tree.other_branch.id, false));
                assert!(r.code == "moved_on" && given.is_ok(), "{r:?} {given:?}");
            }
            Err(e) => panic!("{e:?}"),
        }
    }
    w.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transfer_in_against_closing_its_source_brings_her_over_or_leaves_her_waiting() {
    let w = world().await;
    let asker = w.lab.admin(&w.tree.other_branch, "赵静").await;
    for turn in 0..TURNS {
        let name = format!("第{turn}团支部");
        let source = w.lab.org(Some(&w.tree.committee), Category::Branch, &name).await;
        let person = w.lab.member(&source, NAMES[turn as usize]).await;
        let no = w.asked(&asker, person).await;
        let giver = w.acting(&source, Role::Group).await;
        let (given, closed) = tokio::join!(w.approve(&giver, &no, 1), async {
            later(turn).await;
            w.close(&w.above, &source).await
        });
        assert!(closed.is_ok(), "{closed:?}");
        let at = w.person(person).await.membership.unwrap();
        match given {
            Ok(t) => assert_eq!((t.state, at.org.id), (State::Done, w.tree.other_branch.id)),
            // The branch is no more; the request goes on from the holding branch, and its superior
            // can still give her.
            Err(_) => {
                assert_eq!((at.org.short_name.as_str(), at.moving), (orgs::HOLDING_NAME, true));
                let given = w.approve(&w.above, &no, 1).await.unwrap();
                assert_eq!(given.state, State::Done);
            }
        }
    }
    w.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transfer_out_against_closing_its_target_leaves_nobody_on_the_way() {
    let w = world().await;
    let source = w.lab.admin(&w.tree.branch, "王老师").await;
    let county = w.lab.admin(&w.tree.county, "县委").await;
    for turn in 0..TURNS {
        let name = format!("第{turn}团委");
        let target = w.lab.org(Some(&w.tree.county), Category::Committee, &name).await;
        let person = w.lab.member(&w.tree.branch, NAMES[turn as usize]).await;
        let no = w.transfer(&source, person, &target).await;
        let taker = w.acting(&target, Role::Group).await;
        let (taken, closed) = tokio::join!(w.approve(&taker, &no, 1), async {
            later(turn).await;
            w.close(&county, &target).await
        });
        assert!(closed.is_ok(), "{closed:?}");
        let at = w.person(person).await.membership.unwrap();
        assert_eq!((at.org.id, at.moving), (w.tree.branch.id, false), "{taken:?}");
        let mut cx = w.lab.house.read(source.clone()).await.unwrap();
        let t = transfers::by_no(&mut cx, &no).await.unwrap().transfer;
        assert_eq!(t.state, State::Rejected);
    }
    w.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_while_the_last_person_is_leaving_waits_for_her_and_asks_to_look_again() {
    let w = world().await;
    let asker = w.lab.admin(&w.tree.other_branch, "赵静").await;
    let source = w.lab.org(Some(&w.tree.committee), Category::Branch, "一团支部").await;
    let person = w.lab.member(&source, "张一").await;
    let no = w.asked(&asker, person).await;
    let giver = w.acting(&source, Role::Group).await;
    let mut open = w.lab.house.write(giver).await.unwrap();
    transfers::approve(&mut open, &no, 1, None).await.unwrap();
    let ask = closings::Ask { people: 1, typed: source.short_name.clone() };
    let closing = async {
        try_act!(w.lab.house, w.above, |cx| closings::close(cx, &source.code, &ask).await)
    };
    // She has left but nobody else sees it yet; the closing waits for her, or comes after her.
    let (closed, ()) = tokio::join!(closing, async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        open.commit().await.unwrap();
    });
    let Err(Error::Conflict(said)) = closed else { panic!("{closed:?}") };
    assert!(said.code == "E22" && said.message.contains("现在是 0 人"), "{said:?}");
    assert_eq!(w.close(&w.above, &source).await.unwrap(), 0);
    w.is_whole().await;
}
