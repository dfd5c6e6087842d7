//! 毕业标记 against a real database: marking, the rehearsed and repeated conversion, marks of people,
//! special branches, and the races between them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, OrgRef, Who, act,
    clock::{DAY, HOUR},
    graduation::{self, Tab},
    jobs, messages, orgs,
    orgs::Category,
    people::{self, PersonId, list::GradWord},
    rules::graduation::{Absent, Mark, PersonMark, Reason},
    testkit::{self, Lab, Tree},
    transfers,
};

/// A school with a general branch; its administrators, the county's and a branch's.
struct World {
    lab: Lab,
    tree: Tree,
    committee: Who,
    general: Who,
    county: Who,
    branch: Who,
}

async fn world() -> World {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    World {
        committee: lab.admin(&tree.committee, "赵书记").await,
        general: lab.admin(&tree.general, "钱老师").await,
        county: lab.admin(&tree.county, "孙部长").await,
        branch: lab.admin(&tree.branch, "李同学").await,
        lab,
        tree,
    }
}

const JUNE: &str = "2026-06";

impl World {
    async fn mark(
        &self,
        who: &Who,
        orgs: &[&OrgRef],
        word: &str,
    ) -> app::Result<graduation::Marked> {
        let codes: Vec<String> = orgs.iter().map(|o| o.code.clone()).collect();
        let mark = Mark::read(word).unwrap();
        act!(self.lab.house, who.clone(), |cx| graduation::mark(cx, &codes, mark).await)
    }
    async fn marks(
        &self,
        who: &Who,
        people: &[PersonId],
        mark: Option<PersonMark>,
        until: &str,
    ) -> app::Result<graduation::PeopleMarked> {
        let mut codes = Vec::new();
        for person in people {
            codes.push(self.code(*person).await);
        }
        let until = until.parse().ok();
        act!(self.lab.house, who.clone(), |cx| graduation::mark_people(cx, &codes, mark, until)
            .await)
    }
    async fn code(&self, person: PersonId) -> String {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        people::person::read(&mut cx, person).await.unwrap().code
    }
    /// The branch's category and the person's mark.
    async fn standing(&self, person: PersonId) -> (Category, Option<String>) {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        let member = people::person::read(&mut cx, person).await.unwrap().membership.unwrap();
        (member.org.category, member.graduation.map(|g| g.label()))
    }
    async fn tab(&self, who: &Who, tab: Tab) -> Vec<graduation::Branch> {
        let mut cx = self.lab.house.read(who.clone()).await.unwrap();
        let org = cx.org().unwrap().clone();
        graduation::branches(&mut cx, &org, tab, None, 100).await.unwrap().rows
    }
    /// To a day of this summer, at ten in the morning.
    fn on(&self, month: i64, day: i64) {
        let days = [day - 15, 15 + day, 46 + day][usize::try_from(month - 6).unwrap()];
        self.lab.clock.advance(testkit::START + days * DAY - self.lab.house.now());
    }
    async fn org(&self, org: &OrgRef) -> OrgRef {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        orgs::by_id(&mut cx, org.id).await.unwrap()
    }
    async fn titles(&self, org: &OrgRef) -> Vec<String> {
        let who = self.lab.acting(
            PersonId(1),
            "x",
            org,
            app::access::admin_role(org.category, org.depth()),
        );
        let mut cx = self.lab.house.read(who).await.unwrap();
        let items = messages::of_org(&mut cx, false, None, 50).await.unwrap();
        items.into_iter().map(|m| m.title).collect()
    }
    async fn number(&self, statement: &str) -> i64 {
        let mut tx = self.lab.house.db().read().await.unwrap();
        let (n,): (i64,) = tx.one(db::Sql::built(statement.into()), &[]).await.unwrap();
        n
    }
}

fn is_field(result: Result<impl std::fmt::Debug, Error>, code: &str) {
    match result {
        Err(Error::Invalid(list)) => assert_eq!(list[0].code, code),
        other => panic!("{other:?} instead of {code}"),
    }
}

#[tokio::test]
async fn a_season_from_the_mark_to_the_marks_of_people() {
    let w = world().await;
    let (a, b) =
        (w.lab.member(&w.tree.branch, "张伟").await, w.lab.member(&w.tree.sister, "王芳").await);
    // Names suggest; one button takes the suggestions over, the odd one is marked by hand.
    let rows = w.tab(&w.committee, Tab::Unmarked).await;
    let said: Vec<_> = rows.iter().map(|r| r.suggestion.map(Mark::word)).collect();
    assert_eq!(said, [Some("2028-06".into()), Some("2028-06".into()), Some("teachers".into())]);
    let done =
        act!(w.lab.house, w.committee.clone(), |cx| graduation::mark_suggested(cx).await).unwrap();
    assert_eq!((done.done, done.skipped.len()), (3, 0));
    assert_eq!(w.mark(&w.general, &[&w.tree.branch], JUNE).await.unwrap().done, 1);
    // Rehearsed: the page tells, nothing changes.
    let mut cx = w.lab.house.read(w.committee.clone()).await.unwrap();
    let shown = graduation::rehearse(&mut cx, &w.tree.committee, None).await.unwrap();
    drop(cx);
    assert_eq!((shown.day.as_str(), shown.branches, shown.in_days), ("2026-07-01", 1, 16));
    assert_eq!(graduation::convert_due(&w.lab.house).await.unwrap(), 0, "not before its day");
    // For the whole nation on the command line: by school, then the province, then all.
    let mut lines = Vec::new();
    let on = "2026-07-01".parse().unwrap();
    let all = graduation::rehearse_all(&w.lab.house, on, &mut |line| lines.push(line.clone()))
        .await
        .unwrap();
    let said: Vec<_> =
        lines.iter().map(|l| (l.name.as_deref(), l.sum.branches, l.sum.unmarked)).collect();
    let (here, other) = (Some("合肥第一中学团委"), Some("合肥第六中学团委"));
    assert_eq!(
        said,
        [(Some("南京大学团委"), 0, 1), (None, 0, 1), (here, 1, 0), (other, 0, 1), (None, 1, 1)]
    );
    assert_eq!((all.branches, all.unmarked), (1, 2));
    // Two weeks ahead schools are told, once.
    w.on(6, 18);
    for _ in 0..2 {
        w.lab.clock.advance(HOUR);
        jobs::tick(&w.lab.house).await.unwrap();
    }
    let ahead = |titles: Vec<String>| -> Vec<String> {
        titles.into_iter().filter(|title| title.starts_with("7 月 1 日")).collect()
    };
    assert_eq!(
        ahead(w.titles(&w.tree.committee).await),
        ["7 月 1 日有 1 个团支部转为毕业生团组织"]
    );
    assert_eq!(
        ahead(w.titles(&w.tree.other_committee).await),
        ["7 月 1 日转换毕业生团组织:还有 1 个团支部未标记"]
    );
    w.on(7, 1);
    jobs::tick(&w.lab.house).await.unwrap();
    assert_eq!(graduation::convert_due(&w.lab.house).await.unwrap(), 0, "once is enough");
    assert_eq!(w.standing(a).await, (Category::Graduate, Some("毕业生".into())));
    assert_eq!(w.standing(b).await, (Category::Branch, None));
    assert_eq!(w.number("SELECT COUNT(*) FROM event WHERE kind = 'org.graduated'").await, 1);
    for told in [&w.tree.general, &w.tree.committee] {
        let titles = w.titles(told).await;
        let turned = titles.iter().filter(|t| *t == "1 个团支部已转为毕业生团组织").count();
        assert_eq!(turned, 1, "{titles:?}");
    }
    assert_eq!(w.number("SELECT COUNT(*) FROM graduation_notice").await, 0);
    let turned = w.org(&w.tree.branch).await;
    assert!(w.titles(&turned).await.contains(&"本支部已转为毕业生团组织".into()));
    // Whoever comes now is a graduate as well; its administrator works on as before.
    let late = w.lab.member(&turned, "刘洋").await;
    assert_eq!(w.standing(late).await.1.as_deref(), Some("毕业生"));
    // 125, 126: 延迟毕业 with its date, 教师 at once, 流动 from August on.
    is_field(w.marks(&w.general, &[a], Some(PersonMark::Delayed), "").await, "grad_until");
    assert_eq!(
        w.marks(&w.general, &[a], Some(PersonMark::Delayed), "2027-06").await.unwrap().done,
        1
    );
    assert_eq!(w.standing(a).await.1.as_deref(), Some("延迟毕业(至 2027-06)"));
    is_field(w.marks(&w.committee, &[late], Some(PersonMark::Mobile), "").await, "grad_nobody");
    w.on(8, 1);
    assert_eq!(w.marks(&w.committee, &[late], Some(PersonMark::Mobile), "").await.unwrap().done, 1);
    // The list by mark, and what a class elsewhere says.
    let some = w.marks(&w.committee, &[late, b], Some(PersonMark::Teacher), "").await.unwrap();
    assert_eq!((some.done, some.skipped[0].name.as_str()), (1, "王芳"));
    let mut cx = w.lab.house.read(w.committee.clone()).await.unwrap();
    let filter = people::list::Filter { grad: Some(GradWord::Any), ..Default::default() };
    let page = people::list::members(&mut cx, &w.tree.committee, &filter, None, 50).await.unwrap();
    drop(cx);
    assert_eq!(page.rows.len(), 2);
    app::stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test]
async fn who_may_mark_and_what_stays_unmarked() {
    let w = world().await;
    assert!(matches!(
        w.mark(&w.branch, &[&w.tree.branch], JUNE).await,
        Err(Error::Forbidden { .. })
    ));
    let far = w.mark(&w.committee, &[&w.tree.other_branch], JUNE).await;
    assert!(matches!(far, Err(Error::NotFound)));
    let done = w.mark(&w.committee, &[&w.tree.general, &w.tree.branch], JUNE).await.unwrap();
    assert_eq!((done.done, done.skipped[0].why.as_str()), (1, Absent::NotABranch.says()));
    is_field(w.mark(&w.committee, &[&w.tree.branch], "2062-06").await, "grad_far");
    is_field(w.mark(&w.committee, &[], JUNE).await, "grad_none_chosen");
    for (industry, absent) in [
        ("'school_primary'", Absent::Primary),
        ("'organ'", Absent::NotASchool),
        ("NULL", Absent::NoIndustry),
    ] {
        let set = format!("UPDATE org SET industry = {industry} WHERE id = {}", w.tree.sister.id);
        w.lab.plant(&set).await.unwrap();
        let done = w.mark(&w.committee, &[&w.tree.sister], JUNE).await.unwrap();
        assert_eq!((done.done, done.skipped[0].why.as_str()), (0, absent.says()));
        assert_eq!(w.tab(&w.committee, Tab::Unmarked).await.len(), 1, "only the teachers' branch");
    }
    // The hint of the season counts what the list shows.
    let mut cx = w.lab.house.read(w.committee.clone()).await.unwrap();
    assert_eq!(graduation::hint(&mut cx, &w.tree.committee).await.unwrap(), 1);
}

#[tokio::test]
async fn after_the_turn_only_the_superior_corrects_and_sees_the_effect_first() {
    let w = world().await;
    let a = w.lab.member(&w.tree.branch, "张伟").await;
    w.mark(&w.general, &[&w.tree.branch], JUNE).await.unwrap();
    w.mark(&w.general, &[&w.tree.branch], "2026-12").await.unwrap();
    w.on(7, 2);
    assert_eq!(graduation::convert_due(&w.lab.house).await.unwrap(), 1);
    let code = w.tree.branch.code.clone();
    let to = |word: &str| Mark::read(word).unwrap();
    let late =
        act!(w.lab.house, w.general.clone(), |cx| graduation::correct(cx, &code, to("2027-06"))
            .await);
    assert!(matches!(late, Err(Error::Refused(_))), "{late:?}");
    let mut cx = w.lab.house.read(w.committee.clone()).await.unwrap();
    let effect = graduation::reversal(&mut cx, &code).await.unwrap();
    drop(cx);
    assert_eq!((effect.absent, effect.marks), (None, vec![("毕业生", 1)]));
    let kept =
        act!(w.lab.house, w.committee.clone(), |cx| graduation::correct(cx, &code, to("2025-06"))
            .await);
    assert_eq!(kept.unwrap(), 0);
    assert_eq!(w.standing(a).await.0, Category::Graduate);
    w.lab.is_whole().await;
    let lost =
        act!(w.lab.house, w.committee.clone(), |cx| graduation::correct(cx, &code, to("2027-06"))
            .await);
    assert_eq!(lost.unwrap(), 1);
    assert_eq!(w.standing(a).await, (Category::Branch, None));
    assert_eq!(graduation::convert_due(&w.lab.house).await.unwrap(), 0);
    assert!(w.titles(&w.tree.branch).await.contains(&"高一1班团支部的毕业时间已更正".into()));
    w.lab.is_whole().await;
}

#[tokio::test]
async fn persons_of_a_mixed_branch_are_marked_one_by_one_and_hold_its_mark() {
    let w = world().await;
    let a = w.lab.member(&w.tree.branch, "张伟").await;
    is_field(w.marks(&w.general, &[a], Some(PersonMark::Graduate), "").await, "grad_nobody");
    w.mark(&w.general, &[&w.tree.branch], "mixed").await.unwrap();
    w.marks(&w.general, &[a], Some(PersonMark::Graduate), "").await.unwrap();
    assert_eq!(w.standing(a).await, (Category::Branch, Some("毕业生".into())));
    let held = w.mark(&w.general, &[&w.tree.branch], JUNE).await.unwrap();
    assert!(held.skipped[0].why.contains("1 名单独标记过的团员"));
    w.lab.is_whole().await;
    w.marks(&w.general, &[a], None, "").await.unwrap();
    assert_eq!(w.mark(&w.general, &[&w.tree.branch], JUNE).await.unwrap().done, 1);
    let far = w.marks(&w.county, &[a], Some(PersonMark::Graduate), "").await;
    is_field(far, "grad_nobody");
    w.lab.is_whole().await;
}

#[tokio::test]
async fn special_branches_are_made_by_schools_and_count_their_months() {
    let w = world().await;
    let refused = act!(w.lab.house, w.county.clone(), |cx| graduation::create_special(
        cx,
        "SCHOOL_MOBILE",
        ""
    )
    .await);
    assert!(matches!(refused, Err(Error::Refused(_))));
    let made = act!(w.lab.house, w.committee.clone(), |cx| graduation::create_special(
        cx,
        "SCHOOL_MOBILE",
        ""
    )
    .await)
    .unwrap();
    w.lab.member(&made, "刘洋").await;
    let twin = act!(w.lab.house, w.committee.clone(), |cx| graduation::create_special(
        cx,
        "SCHOOL_MOBILE",
        ""
    )
    .await);
    assert!(matches!(twin, Err(Error::Conflict(_))), "the name is taken: {twin:?}");
    let marked = w.mark(&w.committee, &[&made], JUNE).await.unwrap();
    assert_eq!(marked.done, 0, "a special branch stays mixed");
    w.lab.clock.advance(190 * DAY);
    let mut cx = w.lab.house.read(w.committee.clone()).await.unwrap();
    let kept = graduation::special_branches(&mut cx, &w.tree.committee).await.unwrap();
    drop(cx);
    assert_eq!((kept[0].members, kept[0].over_usual, kept[0].over_most), (1, 1, 0));
    w.lab.is_whole().await;
}

#[tokio::test]
async fn marks_and_conversions_at_once_leave_every_branch_whole() {
    let w = world().await;
    let mut branches = Vec::new();
    for n in 1..=8 {
        let name = format!("2023级{n}班团支部");
        let branch = w.lab.org(Some(&w.tree.general), Category::Branch, &name).await;
        w.lab.member(&branch, "张伟").await;
        w.lab.member(&branch, "王芳").await;
        w.mark(&w.general, &[&branch], JUNE).await.unwrap();
        branches.push(branch);
    }
    w.on(7, 1);
    let node = w.lab.second_node().await;
    let anew = async {
        let mut results = Vec::new();
        for branch in &branches {
            results.push(w.mark(&w.general, &[branch], "2027-06").await.unwrap());
        }
        results
    };
    let (one, two, marked) =
        tokio::join!(graduation::convert_due(&w.lab.house), graduation::convert_due(&node), anew);
    let (one, two) = (one.unwrap(), two.unwrap());
    let anew = marked.iter().filter(|m| m.skipped.is_empty()).count();
    assert_eq!(one + two + anew, 8, "turned {one} and {two}, marked anew {anew}");
    let turned = w.number("SELECT COUNT(*) FROM org WHERE category = 'GRADUATE'").await;
    assert_eq!(usize::try_from(turned).unwrap(), one + two);
    let events = w.number("SELECT COUNT(*) FROM event WHERE kind = 'org.graduated'").await;
    assert_eq!(events, turned, "each once");
    w.lab.is_whole().await;
}

#[tokio::test]
async fn a_transfer_into_a_branch_that_turns_in_the_same_moment_arrives() {
    let w = world().await;
    let target = w.lab.admin(&w.tree.other_branch, "周老师").await;
    let other = w.lab.admin(&w.tree.other_committee, "吴书记").await;
    w.mark(&other, &[&w.tree.other_branch], JUNE).await.unwrap();
    w.mark(&w.general, &[&w.tree.branch], JUNE).await.unwrap();
    w.on(7, 1);
    let mut waiting = Vec::new();
    for n in 0..6 {
        let person = w.lab.member(&w.tree.branch, &format!("张伟{n}")).await;
        let new = transfers::New {
            person: w.code(person).await,
            to: w.tree.other_branch.code.clone(),
            reason: "job_change".into(),
            fields: [("unit_name".to_owned(), "某公司".to_owned())].into(),
            remark: String::new(),
        };
        let started =
            act!(w.lab.house, w.branch.clone(), |cx| transfers::start(cx, &new).await).unwrap();
        waiting.push((person, started));
    }
    let approving = async {
        for (_, started) in &waiting {
            let no = started.no.clone();
            act!(w.lab.house, target.clone(), |cx| {
                transfers::approve(cx, &no, 1, None).await.map(|_| ())
            })
            .unwrap();
        }
    };
    let (turned, ()) = tokio::join!(graduation::convert_due(&w.lab.house), approving);
    assert_eq!(turned.unwrap(), 2);
    for (person, _) in waiting {
        let (category, mark) = w.standing(person).await;
        assert_eq!((category, mark.as_deref()), (Category::Graduate, Some("毕业生")));
    }
    w.lab.is_whole().await;
}

/// Runs an act until the house is not too busy for it.
macro_rules! try_act {
    ($house:expr, $who:expr, |$cx:ident| $work:expr) => {
        loop {
            match act!($house, $who.clone(), |$cx| $work) {
                Err(Error::Busy | Error::Retry) => tokio::task::yield_now().await,
                done => break done,
            }
        }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_mark_of_a_person_the_turn_and_her_transfer_at_once_leave_her_whole() {
    let w = world().await;
    let target = w.lab.admin(&w.tree.other_branch, "周老师").await;
    w.on(7, 1);
    for n in 0..8 {
        let name = format!("2022级{n}班团支部");
        let branch = w.lab.org(Some(&w.tree.general), Category::Branch, &name).await;
        let person = w.lab.member(&branch, "张伟").await;
        let code = w.code(person).await;
        let new = transfers::New {
            person: code.clone(),
            to: w.tree.other_branch.code.clone(),
            reason: "job_change".into(),
            fields: [("unit_name".to_owned(), "某公司".to_owned())].into(),
            remark: String::new(),
        };
        let acting = w.lab.acting(PersonId(1), "x", &branch, app::Role::Branch);
        let started = act!(w.lab.house, w.general.clone(), |cx| transfers::start(cx, &new).await);
        let started = match started {
            Ok(started) => started,
            Err(_) => act!(w.lab.house, acting, |cx| transfers::start(cx, &new).await).unwrap(),
        };
        w.mark(&w.general, &[&branch], JUNE).await.unwrap();
        let (house, node) = (w.lab.house.clone(), w.lab.house.clone());
        let (marker, approver, no) = (w.general.clone(), target.clone(), started.no.clone());
        let marking = async move {
            let until = "2027-06".parse().ok();
            // Not before the turn, and not once she is gone: both are told, neither is harmful.
            for _ in 0..6 {
                let done = try_act!(house, marker, |cx| graduation::mark_people(
                    cx,
                    std::slice::from_ref(&code),
                    Some(PersonMark::Delayed),
                    until
                )
                .await);
                match done {
                    Ok(_) | Err(Error::Invalid(_)) => tokio::task::yield_now().await,
                    Err(e) => panic!("{e:?}"),
                }
            }
        };
        let approving = async move {
            try_act!(node, approver, |cx| transfers::approve(cx, &no, 1, None).await)
        };
        let (turned, approved, ()) =
            tokio::join!(graduation::convert_due(&w.lab.house), approving, marking);
        assert_eq!(turned.unwrap(), 1);
        approved.unwrap();
        assert_eq!(w.standing(person).await, (Category::Branch, None), "{n}");
    }
    app::stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test]
async fn leaving_ends_the_mark() {
    let w = world().await;
    let a = w.lab.member(&w.tree.branch, "张伟").await;
    w.mark(&w.general, &[&w.tree.branch], "mixed").await.unwrap();
    w.marks(&w.general, &[a], Some(PersonMark::Delayed), "2027-06").await.unwrap();
    let to = w.tree.sister.clone();
    let moved = act!(w.lab.house, w.general.clone(), |cx| {
        let permit = cx.permit(app::Action::EditMember, &w.tree.branch)?;
        people::move_to(cx, &permit, a, &to).await?;
        cx.record(permit, app::events::Event::new("test", "person", a.0)).await
    });
    moved.unwrap();
    assert_eq!(w.standing(a).await, (Category::Branch, None));
    w.lab.is_whole().await;
    assert_eq!(Mark::Exempt(Reason::Mixed).label(), "混合支部");
}
