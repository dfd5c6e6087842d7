//! 组织迁移 from beginning to end against a real database: what moves along, every refusal, races,
//! lapse and reminders. The bench at the end is run by hand.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, OrgRef, Role, Who, act,
    business::{
        self,
        machine::{Kind, State},
    },
    clock::{DAY, HOUR},
    jobs, messages,
    orgs::{self, Category},
    people::PersonId,
    relocations::{self, New, Relocation, Shown, Started},
    stats,
    testkit::{self, Lab, Tree},
};

/// A laboratory in which `general` (with two branches) wants to move from one school's committee to
/// another one's.
struct World {
    lab: Lab,
    tree: Tree,
    mover: Who,
    old: Who,
    new: Who,
}

async fn world() -> World {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    // A leaf of the industries, as the form asks for one.
    let leaf = "UPDATE org SET industry = 'school_senior' WHERE industry = 'school'";
    lab.plant(leaf).await.unwrap();
    World {
        mover: lab.admin(&tree.general, "周杰").await,
        old: lab.admin(&tree.committee, "王芳").await,
        new: lab.admin(&tree.other_committee, "吴刚").await,
        lab,
        tree,
    }
}

impl World {
    async fn start_as(&self, who: &Who, to: &OrgRef) -> app::Result<Started> {
        start(&self.lab, who, to).await
    }
    async fn begun(&self) -> Started {
        self.start_as(&self.mover, &self.tree.other_committee).await.unwrap()
    }
    async fn approve(&self, who: &Who, no: &str, version: i64) -> app::Result<Relocation> {
        approve(&self.lab, who, no, version).await
    }
    async fn shown(&self, who: &Who, no: &str) -> app::Result<Shown> {
        let mut cx = self.lab.house.read(who.clone()).await.unwrap();
        relocations::by_no(&mut cx, no).await
    }
    async fn letters(&self, who: &Who) -> Vec<String> {
        let mut cx = self.lab.house.read(who.clone()).await.unwrap();
        let items = messages::of_org(&mut cx, false, None, 200).await.unwrap();
        items.into_iter().map(|m| m.title).collect()
    }
    async fn now(&self, org: &OrgRef) -> OrgRef {
        now(&self.lab, org).await
    }
    async fn figures(&self, org: &OrgRef) -> stats::Card {
        let org = self.now(org).await;
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        stats::of(&mut cx, &org).await.unwrap()
    }
}

async fn start(lab: &Lab, who: &Who, to: &OrgRef) -> app::Result<Started> {
    let new = New { to: to.code.clone(), reason: "并入新校区管理".into() };
    act!(lab.house, who.clone(), |cx| relocations::start(cx, &new).await)
}
async fn approve(lab: &Lab, who: &Who, no: &str, version: i64) -> app::Result<Relocation> {
    act!(lab.house, who.clone(), |cx| relocations::approve(cx, no, version).await)
}
async fn now(lab: &Lab, org: &OrgRef) -> OrgRef {
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    orgs::by_id(&mut cx, org.id).await.unwrap()
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
async fn an_organisation_moves_with_everything_below_it_and_all_figures_are_right() {
    let w = world().await;
    let t = &w.tree;
    for name in ["张伟", "李娜", "刘洋"] {
        w.lab.member(&t.branch, name).await;
    }
    stats::settle(&w.lab.house).await.unwrap();
    stats::snapshot(&w.lab.house).await.unwrap();
    // This one is noted and not folded when the move comes.
    w.lab.member(&t.sister, "赵敏").await;
    let begun = w.begun().await;
    assert!(begun.no.starts_with("QY20260615-"), "{}", begun.no);
    assert_eq!(w.letters(&w.old).await, ["高一年级团总支 申请迁出,等待审批"]);
    let seen = w.shown(&w.old, &begun.no).await.unwrap();
    let effect = seen.effect.unwrap();
    assert_eq!((effect.orgs, effect.branches, effect.members), (3, 2, 3));
    assert_eq!((effect.old_parent.orgs, effect.old_parent.orgs_after), (5, 2));
    assert_eq!((effect.new_parent.orgs, effect.new_parent.orgs_after), (2, 5));
    assert_eq!(effect.common.as_deref(), Some("团庐阳区委"));
    assert!(seen.rights.approve && !seen.rights.withdraw);
    let early = w.shown(&w.new, &begun.no).await.unwrap();
    assert!(!early.rights.approve, "the new superior comes second");
    assert_eq!(
        code_of(&w.approve(&w.new, &begun.no, 1).await.unwrap_err()),
        "forbidden: 审批组织迁移"
    );

    let half = w.approve(&w.old, &begun.no, 1).await.unwrap();
    assert_eq!((half.state, half.days_left(w.lab.house.now())), (State::PendingNew, Some(10)));
    let done = w.approve(&w.new, &begun.no, 2).await.unwrap();
    assert_eq!(done.state, State::Done);
    assert_eq!(w.letters(&w.mover).await, ["组织迁移已完成", "组织迁移:原上级已同意"]);
    let moved = w.now(&t.general).await;
    assert_eq!(moved.path, format!("{}001", t.other_committee.path));
    assert_eq!(w.now(&t.branch).await.path, format!("{}000", moved.path));
    let (old, new) = (w.figures(&t.committee).await, w.figures(&t.other_committee).await);
    assert_eq!((old.subtree.orgs, old.subtree.members, old.direct.orgs), (2, 0, 1));
    assert_eq!((new.subtree.orgs, new.subtree.members, new.direct.orgs), (5, 4, 2));
    assert_eq!(w.figures(&t.county).await.subtree.members, 4);
    stats::settle(&w.lab.house).await.unwrap();
    assert_eq!(w.figures(&t.other_committee).await.subtree.members, 4);

    // What was kept on the hour is found at the new place.
    w.lab.clock.advance(HOUR);
    jobs::tick(&w.lab.house).await.unwrap();
    let mut cx = w.lab.house.read(Who::System("test")).await.unwrap();
    let then = stats::at_hour(&mut cx, &moved, testkit::START).await.unwrap();
    assert_eq!(then.subtree.members, 3);
    let query = orgs::Query {
        text: "高一1班".into(),
        under: Some(t.other_committee.path.clone()),
        categories: vec![],
        limit: 5,
    };
    drop(cx);
    let root = w.lab.operator(&t.centre, "钱进").await;
    let mut cx = w.lab.house.read(root).await.unwrap();
    let hits = orgs::search(&mut cx, &query).await.unwrap();
    assert_eq!(hits.first().map(|h| h.code.clone()), Some(t.branch.code.clone()));
    drop(cx);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn what_may_not_move_is_refused_with_its_reason() {
    let w = world().await;
    let t = &w.tree;
    let told = |e: app::Result<Started>| code_of(&e.unwrap_err());
    assert_eq!(told(w.start_as(&w.mover, &t.committee).await), "to:org_stays");
    assert_eq!(told(w.start_as(&w.mover, &t.branch).await), "to:org_cycle");
    assert_eq!(told(w.start_as(&w.mover, &t.general).await), "to:org_cycle");
    assert_eq!(told(w.start_as(&w.mover, &t.far_committee).await), "to:E14");
    assert_eq!(told(w.start_as(&w.mover, &t.other_branch).await), "to:org_nesting");
    let top = w.lab.acting(PersonId(1), "省", &t.province, Role::Province);
    assert!(matches!(w.start_as(&top, &t.far_province).await, Err(Error::Forbidden { .. })));
    w.lab.org(Some(&t.other_committee), Category::General, "高一年级团总支").await;
    assert_eq!(told(w.start_as(&w.mover, &t.other_committee).await), "to:org_name_taken");
    // Twelve levels at most: a chain of committees nearly as deep as that.
    let mut deep = t.other_committee.clone();
    while deep.depth() < 11 {
        deep = w.lab.org(Some(&deep), Category::Committee, "下级团委").await;
    }
    assert_eq!(told(w.start_as(&w.mover, &deep).await), "to:org_depth");
}

#[tokio::test]
async fn only_one_relocation_is_open_on_the_way_up_and_down() {
    let w = world().await;
    let t = &w.tree;
    let begun = w.begun().await;
    let branch = w.lab.admin(&t.branch, "李娜").await;
    let committee = w.lab.admin(&t.committee, "赵敏").await;
    let second = |who: Who, to: OrgRef| async move { (who, to) };
    for (who, to) in [
        second(w.mover.clone(), t.county.clone()).await,
        second(branch.clone(), t.other_committee.clone()).await,
        second(committee.clone(), t.city.clone()).await,
    ] {
        assert_eq!(code_of(&w.start_as(&who, &to).await.unwrap_err()), "relocation_open");
    }
    let r = act!(w.lab.house, w.mover.clone(), |cx| relocations::withdraw(cx, &begun.no, 1).await)
        .unwrap();
    assert_eq!(r.state, State::Withdrawn);
    assert_eq!(code_of(&w.approve(&w.old, &begun.no, 1).await.unwrap_err()), "E22");
    let again = w.start_as(&branch, &t.other_committee).await.unwrap();
    let note = "本支部学生没有换校区";
    let back = act!(w.lab.house, w.lab.acting(PersonId(1), "x", &t.general, Role::Group), |cx| {
        relocations::give_back(cx, &again.no, 1, note).await
    });
    assert_eq!(back.unwrap().return_note.as_deref(), Some(note));
    let mut cx = w
        .lab
        .house
        .read(w.lab.acting(PersonId(1), "路人", &t.far_branch, Role::Branch))
        .await
        .unwrap();
    assert!(matches!(relocations::by_no(&mut cx, &again.no).await, Err(Error::NotFound)));
    drop(cx);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn a_step_is_reminded_of_lapses_and_can_not_be_decided_late() {
    let w = world().await;
    let begun = w.begun().await;
    for day in 1..=9 {
        w.lab.clock.advance(DAY);
        jobs::tick(&w.lab.house).await.unwrap();
        let mut letters = w.letters(&w.old).await;
        letters.retain(|title| title.contains("迁"));
        let due = 1 + [3, 7, 9].iter().filter(|d| **d <= day).count();
        assert_eq!(letters.len(), due, "day {day}: {letters:?}");
    }
    w.lab.clock.advance(2 * DAY);
    assert_eq!(code_of(&w.approve(&w.old, &begun.no, 1).await.unwrap_err()), "E27");
    jobs::tick(&w.lab.house).await.unwrap();
    let shown = w.shown(&w.mover, &begun.no).await.unwrap();
    assert_eq!(shown.relocation.state, State::Expired);
    assert!(shown.rights.again);
    let mut cx = w.lab.house.read(w.old.clone()).await.unwrap();
    assert_eq!(business::count_waiting(&mut cx, Some(Kind::Relocation)).await.unwrap(), 0);
    drop(cx);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn when_the_target_is_closed_meanwhile_it_goes_back_by_itself() {
    let w = world().await;
    let begun = w.begun().await;
    w.approve(&w.old, &begun.no, 1).await.unwrap();
    w.lab
        .plant(&format!("UPDATE org SET status = 'DRAFT' WHERE id = {}", w.tree.other_committee.id))
        .await
        .unwrap();
    let r = w.approve(&w.new, &begun.no, 2).await.unwrap();
    assert_eq!(r.state, State::Rejected);
    assert!(r.return_note.as_ref().unwrap().contains("已经撤销"));
}

/// A under B ‖ B under A, in one hundred pairs: never both, never a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn opposing_relocations_in_a_hundred_pairs_make_no_circle() {
    let lab = testkit::fresh().await;
    let t = lab.tree().await;
    let boss = lab.person("王芳").await;
    let starter = lab.person("李娜").await;
    let superior = lab.acting(boss, "王芳", &t.county, Role::Lead);
    let as_group = |p: PersonId, org: &OrgRef| lab.acting(p, "某", org, Role::Group);
    let mut moved = 0;
    for pair in 0..100 {
        let a = lab.org(Some(&t.county), Category::Committee, &format!("甲{pair}团委")).await;
        let b = lab.org(Some(&t.county), Category::Committee, &format!("乙{pair}团委")).await;
        let ab = start(&lab, &as_group(starter, &a), &b).await.unwrap().no;
        let ba = start(&lab, &as_group(starter, &b), &a).await.unwrap().no;
        for no in [&ab, &ba] {
            approve(&lab, &superior, no, 1).await.unwrap();
        }
        let (by_b, by_a) = (as_group(boss, &b), as_group(boss, &a));
        let (one, two) = tokio::join!(approve(&lab, &by_b, &ab, 2), approve(&lab, &by_a, &ba, 2));
        let done = |r: &app::Result<Relocation>| r.as_ref().is_ok_and(|r| r.state == State::Done);
        assert!(done(&one) != done(&two), "{one:?} {two:?}");
        moved += 1;
        let (a, b) = (now(&lab, &a).await, now(&lab, &b).await);
        assert!(a.covers(&b.path) != b.covers(&a.path));
    }
    assert_eq!(moved, 100);
    lab.is_whole().await;
}

/// The move against everything else that is done below it at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_is_done_below_in_the_same_moment_lands_at_the_new_place() {
    for turn in 0..12 {
        let w = world().await;
        let t = &w.tree;
        let begun = w.begun().await;
        w.approve(&w.old, &begun.no, 1).await.unwrap();
        let person = w.lab.member(&t.branch, "张伟").await;
        let code = {
            let mut cx = w.lab.house.read(Who::System("test")).await.unwrap();
            app::people::person::read(&mut cx, person).await.unwrap().code
        };
        let branch = w.lab.admin(&t.branch, "孙丽").await;
        let house = &w.lab.house;
        let pause = |n: u64| tokio::time::sleep(std::time::Duration::from_micros(n * turn * 150));
        let new = orgs::New {
            short_name: "高一3班团支部".into(),
            full_name: None,
            category: Category::Branch,
            industry: Some("school_senior".into()),
        };
        let out = app::transfers::New {
            person: code,
            to: t.far_branch.code.clone(),
            reason: "job_change".into(),
            fields: [("unit_name".to_owned(), "南京大学".to_owned())].into(),
            remark: String::new(),
        };
        let (moved, child, gone, ()) = tokio::join!(
            async {
                pause(1).await;
                w.approve(&w.new, &begun.no, 2).await
            },
            async {
                act!(house, w.mover.clone(), |cx| orgs::create_child(cx, &t.general, new.clone())
                    .await)
            },
            async { act!(house, branch.clone(), |cx| app::transfers::start(cx, &out).await) },
            async { stats::settle(house).await.unwrap() },
        );
        assert_eq!(moved.unwrap().state, State::Done);
        // Whoever is overtaken stands no longer where she was and looks again.
        if let Ok(child) = child {
            assert!(
                now(&w.lab, &child).await.path.starts_with(&now(&w.lab, &t.general).await.path)
            );
        }
        assert!(matches!(gone, Ok(_) | Err(Error::NotFound)), "{gone:?}");
        stats::settle(house).await.unwrap();
        w.lab.is_whole().await;
    }
}

/// By hand: `cargo nextest run -p app --test relocations --run-ignored only --no-capture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn a_thousand_branches_with_forty_thousand_members_move() {
    let lab = testkit::fresh().await;
    let t = lab.tree().await;
    let (old, new) = (&t.committee, &t.other_committee);
    let college = lab.org(Some(old), Category::Committee, "大学团委").await;
    for _ in 0..20 {
        let general = lab.org(Some(&college), Category::General, "年级团总支").await;
        for n in 0..50 {
            lab.org(
                Some(&general),
                Category::Branch,
                &format!("机械设计制造及其自动化专业2024级{n}班团支部"),
            )
            .await;
        }
    }
    let mut tx = lab.house.db().write().await.unwrap();
    let fill = |text: &str| db::Sql::built(text.to_owned());
    let person = "INSERT INTO person (id, code, name, name_py, id_ct, id_bi, id_bi_ver, sex, birth_ym, missing, complete, created_at, updated_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) SELECT 900000000 + i, 'X' || i, '王' || i, 'w' || i, CAST('x' AS {lite: BLOB}{pg: BYTEA}), CAST('' || i AS {lite: BLOB}{pg: BYTEA}), 77, 'male', '2005-01', '', TRUE, 1, 1 FROM n";
    tx.run(fill(person), &[]).await.unwrap();
    let member = "INSERT INTO member (person_id, org_id, org_category, org_path, name, name_py, joined, complete, entered_at) SELECT 900000001 + b.k * 40 + p.k, b.id, b.category, b.path, '王' || p.k, 'w' || p.k, '2019-01', TRUE, 1 FROM (SELECT id, category, path, ROW_NUMBER() OVER (ORDER BY path) - 1 AS k FROM org WHERE category = 'BRANCH' AND short_name LIKE '机械%') AS b CROSS JOIN (WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k < 39) SELECT k FROM n) AS p";
    assert_eq!(tx.run(fill(member), &[]).await.unwrap(), 40_000);
    let noted = "INSERT INTO delta (id, org_path, members, members_done, at) SELECT 1000 + ROW_NUMBER() OVER (ORDER BY org_path), org_path, COUNT(*), COUNT(*), 1 FROM member WHERE person_id > 900000000 GROUP BY org_path";
    tx.run(fill(noted), &[]).await.unwrap();
    tx.commit().await.unwrap();
    stats::settle(&lab.house).await.unwrap();
    stats::snapshot(&lab.house).await.unwrap();
    let who = |p: PersonId, org: &OrgRef| lab.acting(p, "某", org, Role::Group);
    let (a, b) = (lab.person("甲").await, lab.person("乙").await);
    let no = start(&lab, &who(a, &college), new).await.unwrap().no;
    approve(&lab, &who(b, old), &no, 1).await.unwrap();
    // Another writer elsewhere in the tree, all the while: how long did it wait at most?
    let house = lab.house.clone();
    let elsewhere = lab.acting(b, "乙", &t.far_committee, Role::Group);
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let halt = stop.clone();
    #[expect(clippy::disallowed_methods, reason = "somebody else's work, in a thread of its own")]
    let others = tokio::spawn(async move {
        let mut longest = std::time::Duration::ZERO;
        while !halt.load(std::sync::atomic::Ordering::Relaxed) {
            let begun = std::time::Instant::now();
            act!(house, elsewhere.clone(), |cx| cx
                .note(app::events::Event::new("test", "org", 1))
                .await)
            .unwrap();
            longest = longest.max(begun.elapsed());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        longest
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let begun = std::time::Instant::now();
    let done = approve(&lab, &who(b, new), &no, 2).await.unwrap();
    let took = begun.elapsed();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let longest = others.await.unwrap();
    assert_eq!(done.state, State::Done);
    let begun = std::time::Instant::now();
    stats::move_history(&lab.house).await.unwrap();
    eprintln!(
        "moved in {took:?}; another writer waited {longest:?} at most; history after {:?}",
        begun.elapsed()
    );
    stats::settle(&lab.house).await.unwrap();
}

#[tokio::test]
async fn one_branch_goes_up_in_its_sister_with_people_and_posts() {
    let w = world().await;
    let t = &w.tree;
    for name in ["张伟", "李娜"] {
        w.lab.member(&t.branch, name).await;
    }
    let secretary = w.lab.member(&t.branch, "刘洋").await;
    w.lab.cadre(&t.branch, secretary, "书记").await;
    let away = w.lab.admin(&t.branch, "孙丽").await;
    let (from, into) = (t.branch.code.clone(), t.sister.code.clone());
    let mut cx = w.lab.house.read(w.mover.clone()).await.unwrap();
    let seen = relocations::merge_preview(&mut cx, &from, &into).await.unwrap();
    assert_eq!((seen.members, seen.cadres, seen.administrators, seen.against.len()), (3, 2, 1, 0));
    let odd = relocations::merge_preview(&mut cx, &from, &from).await.unwrap();
    assert_eq!(odd.against.len(), 1);
    drop(cx);
    let merged = act!(w.lab.house, w.mover.clone(), |cx| relocations::merge(
        cx,
        &from,
        &into,
        relocations::Posts::Carry
    )
    .await)
    .unwrap();
    assert_eq!((merged.members, merged.posts), (3, 2));
    let Who::Person(gone) = away else { panic!("a person") };
    let mut cx = w.lab.house.read(w.lab.alone(gone.person, "孙丽")).await.unwrap();
    let letters = messages::of_me(&mut cx, false, None, 9).await.unwrap();
    assert_eq!(letters[0].title, "“高一1班团支部”已并入“高一2班团支部”");
    drop(cx);
    let again = act!(w.lab.house, w.mover.clone(), |cx| relocations::merge(
        cx,
        &from,
        &into,
        relocations::Posts::End
    )
    .await);
    assert!(matches!(again, Err(Error::NotFound)));
    w.lab.is_whole().await;
    let sister = w.figures(&t.sister).await;
    assert_eq!((sister.own.members, sister.own.cadres), (3, 2));
    assert_eq!(w.figures(&t.general).await.subtree.orgs, 2);
}

#[tokio::test]
async fn a_committee_is_merged_with_its_branches_and_split_again() {
    let w = world().await;
    let t = &w.tree;
    let county = w.lab.admin(&t.county, "郑云").await;
    for (branch, name) in [(&t.branch, "张伟"), (&t.direct, "李娜"), (&t.other_branch, "陈静")]
    {
        w.lab.member(branch, name).await;
    }
    let (from, into) = (t.committee.code.clone(), t.other_committee.code.clone());
    let begun = w.begun().await;
    let merge = || async {
        act!(w.lab.house, county.clone(), |cx| relocations::merge(
            cx,
            &from,
            &into,
            relocations::Posts::End
        )
        .await)
    };
    let refused = merge().await.unwrap_err();
    assert_eq!(code_of(&refused), "merge_against");
    act!(w.lab.house, w.mover.clone(), |cx| relocations::withdraw(cx, &begun.no, 1).await).unwrap();
    let merged = merge().await.unwrap();
    assert_eq!(merged.children, 2);
    assert!(now(&w.lab, &t.branch).await.path.starts_with(&t.other_committee.path));
    stats::settle(&w.lab.house).await.unwrap();
    assert_eq!(w.figures(&t.other_committee).await.subtree.members, 3);

    let picks = vec![t.general.code.clone(), t.direct.code.clone()];
    let wrong = act!(w.lab.house, county.clone(), |cx| relocations::split(
        cx,
        &into,
        "合肥第六中学团委",
        &picks
    )
    .await);
    assert_eq!(code_of(&wrong.unwrap_err()), "org_name_taken");
    let split = act!(w.lab.house, county.clone(), |cx| relocations::split(
        cx,
        &into,
        "合肥第一中学团委",
        &picks
    )
    .await)
    .unwrap();
    assert_eq!(split.moved, 2);
    assert!(now(&w.lab, &t.branch).await.path.starts_with(&split.sister.path));
    stats::settle(&w.lab.house).await.unwrap();
    assert_eq!(w.figures(&split.sister).await.subtree.members, 2);
    w.lab.is_whole().await;
}

/// By hand, as above: a committee of a thousand branches is split in halves and put together again.
#[tokio::test]
#[ignore = "minutes; for the figures"]
async fn a_thousand_children_are_split_and_merged() {
    let w = world().await;
    let county = w.lab.admin(&w.tree.county, "县委").await;
    let big = w.lab.org(Some(&w.tree.county), Category::Committee, "大学团委").await;
    for n in 0..1000 {
        w.lab.org(Some(&big), Category::Branch, &format!("第{n}团支部")).await;
    }
    let all = {
        let mut cx = w.lab.house.read(county.clone()).await.unwrap();
        relocations::split_choices(&mut cx, &big.code).await.unwrap().picks
    };
    assert_eq!(all.len(), 1000);
    let half: Vec<String> = all.into_iter().take(500).map(|p| p.code).collect();
    let clock = std::time::Instant::now();
    let done = act!(w.lab.house, county.clone(), |cx| {
        relocations::split(cx, &big.code, "大学第二团委", &half).await
    })
    .unwrap();
    println!("split of 500 children: {:?}", clock.elapsed());
    let clock = std::time::Instant::now();
    let merged = act!(w.lab.house, county.clone(), |cx| {
        relocations::merge(cx, &done.sister.code, &big.code, relocations::Posts::End).await
    })
    .unwrap();
    println!("merger of 500 children: {:?}", clock.elapsed());
    assert_eq!(merged.children, 500);
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test]
async fn some_members_go_into_a_new_branch_and_lose_their_posts_in_the_old_one() {
    let w = world().await;
    let t = &w.tree;
    let mut codes = Vec::new();
    for name in ["张伟", "李娜", "刘洋"] {
        let person = w.lab.member(&t.branch, name).await;
        let mut cx = w.lab.house.read(Who::System("test")).await.unwrap();
        codes.push(app::people::person::read(&mut cx, person).await.unwrap().code);
        drop(cx);
        if name == "张伟" {
            w.lab.cadre(&t.branch, person, "书记").await;
        }
    }
    let split = |codes: Vec<String>| {
        let (house, who, code) = (w.lab.house.clone(), w.mover.clone(), t.branch.code.clone());
        async move {
            act!(house, who.clone(), |cx| relocations::split(cx, &code, "高一3班团支部", &codes)
                .await)
        }
    };
    assert_eq!(code_of(&split(codes.clone()).await.unwrap_err()), "picks:all");
    assert_eq!(code_of(&split(Vec::new()).await.unwrap_err()), "picks:required");
    let done = split(codes[..2].to_vec()).await.unwrap();
    assert_eq!(done.moved, 2);
    let (old, new) = (w.figures(&t.branch).await, w.figures(&done.sister).await);
    assert_eq!((old.own.members, old.own.cadres, new.own.members, new.own.cadres), (1, 0, 2, 0));
    w.lab.is_whole().await;
}

#[tokio::test]
async fn the_checker_finds_what_is_wrong_with_relocations() {
    let w = world().await;
    let t = &w.tree;
    let begun = w.begun().await;
    w.approve(&w.old, &begun.no, 1).await.unwrap();
    w.approve(&w.new, &begun.no, 2).await.unwrap();
    let open =
        start(&w.lab, &w.lab.admin(&t.direct, "何苗").await, &t.other_committee).await.unwrap();
    w.lab.is_whole().await;
    let (done, id) = (begun.id.0, open.id.0);
    for (what, breach) in [
        (
            "I10",
            format!(
                "UPDATE event SET detail = REPLACE(detail, '\"before\":{{\"cadres\":', '\"before\":{{\"cadres\":9') WHERE object_id = {done}"
            ),
        ),
        (
            "I14",
            format!(
                "DELETE FROM event WHERE object = 'relocation' AND object_id = {done} AND kind = 'relocation.approved'"
            ),
        ),
        (
            "I12",
            format!(
                "UPDATE business_step SET verb = 'return' WHERE business_id = {done} AND no = 2"
            ),
        ),
        ("I12", format!("DELETE FROM business_step WHERE business_id = {done} AND no = 3")),
        ("copies", format!("UPDATE business SET open_path = '{}' WHERE id = {id}", t.sister.path)),
        (
            "I8",
            format!(
                "INSERT INTO business (id, no, kind, variant, org_id, open_path, from_org, to_org, started_by, started_org, reason, state, waits_for, created_at) SELECT 7, 'QY7', kind, variant, {0}, '{1}', {2}, to_org, started_by, started_org, reason, state, {2}, created_at FROM business WHERE id = {id}",
                t.committee.id, t.committee.path, t.county.id
            ),
        ),
    ] {
        w.lab.plant(&breach).await.unwrap();
        let report = app::fsck::run(&w.lab.house, true).await.unwrap();
        assert!(
            report.violations.contains_key(what),
            "{what} after {breach}: {:?}",
            report.violations
        );
    }
}

#[tokio::test]
async fn nobody_observes_an_organisation_that_was_merged() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let above = lab.admin(&tree.general, "钱多").await;
    lab.observer(&tree.branch, "周观察").await;
    act!(lab.house, above.clone(), |cx| {
        relocations::merge(cx, &tree.branch.code, &tree.sister.code, relocations::Posts::End).await
    })
    .unwrap();
    app::stats::settle(&lab.house).await.unwrap();
    lab.is_whole().await;
}
