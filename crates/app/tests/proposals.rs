//! Acts of operators: one proposes, another one decides; figures in force on every node.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, OrgRef, Who, act,
    clock::DAY,
    closings, jobs, messages,
    orgs::{self, Category},
    proposals::{self, Act, Proposal, State},
    rules::Rules,
    stats,
    testkit::{self, Lab, Tree},
};

struct World {
    lab: Lab,
    tree: Tree,
    one: Who,
    two: Who,
}

async fn world() -> World {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let one = lab.operator(&tree.centre, "钱进").await;
    let two = lab.operator(&tree.centre, "孙明").await;
    World { lab, tree, one, two }
}

impl World {
    async fn propose(&self, act: &Act) -> app::Result<String> {
        act!(self.lab.house, self.one.clone(), |cx| {
            proposals::propose(cx, act, "来文〔2026〕12 号").await
        })
    }
    async fn approve(&self, who: &Who, no: &str) -> app::Result<Proposal> {
        act!(self.lab.house, who.clone(), |cx| proposals::approve(cx, no, 1).await)
    }
    async fn done(&self, act: &Act) -> Proposal {
        let no = self.propose(act).await.unwrap();
        self.approve(&self.two, &no).await.unwrap()
    }
    async fn now(&self, org: &OrgRef) -> OrgRef {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        orgs::by_id(&mut cx, org.id).await.unwrap()
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
async fn nothing_happens_until_a_second_operator_has_agreed() {
    let w = world().await;
    let t = &w.tree;
    let flag = Act::Township { orgs: vec![t.committee.code.clone()], to: Some(true) };
    let admin = w.lab.admin(&t.committee, "王芳").await;
    let stranger =
        act!(w.lab.house, admin.clone(), |cx| proposals::propose(cx, &flag, "来文一份").await);
    assert!(matches!(stranger, Err(Error::Forbidden { .. })));
    let no = w.propose(&flag).await.unwrap();
    assert_eq!(code_of(&w.approve(&w.one, &no).await.unwrap_err()), "second_person");
    let mut cx = w.lab.house.read(w.two.clone()).await.unwrap();
    let shown = proposals::by_no(&mut cx, &no).await.unwrap();
    assert!(shown.rights.decide && !shown.rights.withdraw);
    assert_eq!(shown.judged.unwrap().title, "把“合肥第一中学团委”的乡镇街道团委标识改为“是”");
    assert_eq!(messages::of_me(&mut cx, true, None, 9).await.unwrap().len(), 1);
    drop(cx);
    let township = || async {
        let mut cx = w.lab.house.read(admin.clone()).await.unwrap();
        orgs::info(&mut cx, &t.committee).await.unwrap().township
    };
    assert_eq!(township().await, None);
    let p = w.approve(&w.two, &no).await.unwrap();
    assert_eq!((p.state, p.decider.as_deref()), (State::Done, Some("孙明")));
    assert_eq!(township().await, Some(true));
    assert_eq!(code_of(&w.approve(&w.two, &no).await.unwrap_err()), "E22");
    assert_eq!(code_of(&w.propose(&flag).await.unwrap_err()), "to:same");
    let unguarded = match w.lab.house.db().engine() {
        db::Engine::Postgres => "ALTER TABLE proposal DROP CONSTRAINT proposal_two_people; ",
        db::Engine::Sqlite => "",
    };
    let alone =
        format!("{unguarded}UPDATE proposal SET decided_by = proposed_by WHERE no = '{no}'");
    w.lab.is_whole().await;
    w.lab.scratch.vandalise(&alone).await.unwrap();
    let report = app::fsck::run(&w.lab.house, true).await.unwrap();
    assert!(report.violations.contains_key("d-27"), "{:?}", report.violations);
}

#[tokio::test]
async fn a_proposal_is_refused_with_a_reason_withdrawn_or_lapses() {
    let w = world().await;
    let flag = Act::Township { orgs: vec![w.tree.committee.code.clone()], to: Some(true) };
    let no = w.propose(&flag).await.unwrap();
    let two = w.two.clone();
    let short = act!(w.lab.house, two.clone(), |cx| proposals::refuse(cx, &no, 1, "不").await);
    assert_eq!(code_of(&short.unwrap_err()), "note:required");
    let p = act!(w.lab.house, two, |cx| proposals::refuse(cx, &no, 1, "依据不足").await).unwrap();
    assert_eq!((p.state, p.note.as_str()), (State::Refused, "依据不足"));
    let no = w.propose(&flag).await.unwrap();
    let p = act!(w.lab.house, w.one.clone(), |cx| proposals::withdraw(cx, &no, 1).await).unwrap();
    assert_eq!(p.state, State::Withdrawn);
    let no = w.propose(&flag).await.unwrap();
    w.lab.clock.advance(8 * DAY);
    assert_eq!(code_of(&w.approve(&w.two, &no).await.unwrap_err()), "E27");
    jobs::tick(&w.lab.house).await.unwrap();
    let mut cx = w.lab.house.read(w.one.clone()).await.unwrap();
    assert_eq!(proposals::by_no(&mut cx, &no).await.unwrap().proposal.state, State::Expired);
    assert!(proposals::waiting(&mut cx).await.unwrap().is_empty());
    assert_eq!(proposals::history(&mut cx, None, 2).await.unwrap().lines.len(), 2);
    drop(cx);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn a_changed_figure_is_in_force_from_its_day_on() {
    let w = world().await;
    let rule = |value: &str, from: &str| Act::Rule {
        name: "step.relocation.days".into(),
        value: value.into(),
        valid_from: from.into(),
        valid_until: None,
    };
    let days = || Rules::builtin().transfer.step("relocation").unwrap().days;
    assert_eq!(code_of(&w.propose(&rule("0", "2026-06-15")).await.unwrap_err()), "value:value");
    assert_eq!(
        code_of(&w.propose(&rule("20", "2026-06-14")).await.unwrap_err()),
        "valid_from:date"
    );
    w.done(&rule("20", "2026-06-15")).await;
    w.done(&rule("15", "2026-06-17")).await;
    w.lab.clock.advance(6_000);
    drop(w.lab.house.read(Who::Nobody).await.unwrap());
    assert_eq!(days(), 20);
    w.lab.clock.advance(2 * DAY);
    drop(w.lab.house.read(Who::Nobody).await.unwrap());
    assert_eq!(days(), 15);
    let mut cx = w.lab.house.read(w.one.clone()).await.unwrap();
    assert_eq!(proposals::planned(&mut cx).await.unwrap().len(), 2);
    let unknown = Act::Rule {
        name: "password.min".into(),
        value: "1".into(),
        valid_from: "2026-06-17".into(),
        valid_until: None,
    };
    assert!(matches!(proposals::check(&mut cx, &unknown).await, Err(Error::Invalid(_))));
}

fn row(table: &str, key: &str, cells: Option<&[(&str, &str)]>) -> Act {
    let cell = |(name, value): &(&str, &str)| {
        let values = value.split('|').filter(|v| !v.is_empty()).map(str::to_owned).collect();
        ((*name).to_owned(), values)
    };
    Act::Row {
        table: table.into(),
        key: key.into(),
        cells: cells.map(|cells| cells.iter().map(cell).collect()),
        valid_from: "2026-06-16".into(),
        valid_until: Some("2026-06-17".into()),
    }
}

#[tokio::test]
async fn a_row_of_a_table_counts_from_its_first_to_its_last_day() {
    let w = world().await;
    let years = || {
        let (joined, today) = ("2026-06".parse().unwrap(), jiff::civil::date(2026, 6, 16));
        app::rules::age::min_join_age(joined, "34", today, Rules::builtin())
    };
    let age = |years| {
        [("region", "34"), ("join_from", "2026-01"), ("years", years), ("says", "安徽须满 16 周岁")]
    };
    let wrong = w.propose(&row("min_join_age", "", Some(&age("99")))).await.unwrap_err();
    assert_eq!(code_of(&wrong), "c_years:value");
    let end = row("post", "BRANCH+GRADUATE.secretary", None);
    assert_eq!(code_of(&w.propose(&end).await.unwrap_err()), "row:unsound");
    let p = w.done(&row("min_join_age", "", Some(&age("16")))).await;
    assert!(p.title.contains("新增“安徽须满 16 周岁”"), "{}", p.title);
    let mut seen = Vec::new();
    for _ in 0..4 {
        drop(w.lab.house.read(Who::Nobody).await.unwrap());
        seen.push(years());
        w.lab.clock.advance(DAY);
    }
    assert_eq!(seen, [Some(14), Some(16), Some(16), Some(14)]);
    let mut cx = w.lab.house.read(w.one.clone()).await.unwrap();
    let planned = proposals::planned(&mut cx).await.unwrap();
    assert_eq!(planned[0].row().unwrap().0, "入团最低年龄:安徽须满 16 周岁");
    drop(cx);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn when_more_is_asked_of_people_a_job_judges_everybody_anew() {
    let w = world().await;
    for name in ["张伟", "李娜", "王强"] {
        w.lab.member(&w.tree.branch, name).await;
    }
    jobs::tick(&w.lab.house).await.unwrap();
    let figures = async || {
        stats::settle(&w.lab.house).await.unwrap();
        let mut cx = w.lab.house.read(w.one.clone()).await.unwrap();
        let all = stats::of(&mut cx, &w.tree.centre).await.unwrap().subtree;
        (all.members, all.members_done, all.branches_done)
    };
    assert_eq!(figures().await, (3, 3, 1));
    let act = row("need", "email", Some(&[("members", "complete"), ("cadres", "optional")]));
    let mut cx = w.lab.house.read(w.one.clone()).await.unwrap();
    let judged = proposals::check(&mut cx, &act).await.unwrap();
    let said: Vec<&str> = judged.effects.iter().map(|(_, words)| words.as_str()).collect();
    assert!(said.contains(&"未完善的人:现在 0 人,修改后 3 人"), "{said:?}");
    drop(cx);
    w.done(&act).await;
    w.lab.clock.advance(DAY);
    for (members_done, branches_done) in [(0, 0), (3, 1)] {
        jobs::tick(&w.lab.house).await.unwrap();
        w.lab.is_whole().await;
        jobs::run_all(&w.lab.house).await.unwrap();
        assert_eq!(figures().await, (3, members_done, branches_done));
        w.lab.is_whole().await;
        // The day after the last one nothing more is asked.
        w.lab.clock.advance(2 * DAY);
    }
    let least = |n: &str| Act::Rule {
        name: "completeness.branch_members".into(),
        value: n.into(),
        valid_from: "2026-06-20".into(),
        valid_until: None,
    };
    w.done(&least("4")).await;
    w.lab.clock.advance(DAY);
    jobs::tick(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
    jobs::run_all(&w.lab.house).await.unwrap();
    assert_eq!(figures().await, (3, 3, 0));
    w.lab.is_whole().await;
}

#[tokio::test]
async fn a_closed_organisation_comes_back_empty_when_its_superior_is_too_late() {
    let w = world().await;
    let t = &w.tree;
    w.lab.member(&t.branch, "张伟").await;
    let superior = w.lab.admin(&t.general, "王老师").await;
    let ask = closings::Ask { people: 1, typed: t.branch.short_name.clone() };
    act!(w.lab.house, superior, |cx| closings::close(cx, &t.branch.code, &ask).await).unwrap();
    let back = |name: &str| Act::Restore { org: t.branch.code.clone(), short_name: name.into() };
    assert_eq!(code_of(&w.propose(&back("")).await.unwrap_err()), "closed:superiors_turn");
    w.lab.clock.advance(31 * DAY);
    jobs::tick(&w.lab.house).await.unwrap();
    let no = w.propose(&back("")).await.unwrap();
    let second = w.propose(&back("")).await.unwrap();
    w.approve(&w.two, &no).await.unwrap();
    let late = w.approve(&w.two, &second).await.unwrap_err();
    assert_eq!(code_of(&late), "proposal_stale");
    let org = w.now(&t.branch).await;
    assert_eq!(org.short_name, t.branch.short_name);
    let mut cx = w.lab.house.read(w.one.clone()).await.unwrap();
    assert_eq!(stats::of(&mut cx, &org).await.unwrap().own.members, 0);
    assert!(closings::late_below(&mut cx, &t.general).await.unwrap().is_empty());
    drop(cx);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn a_category_chosen_wrongly_twice_is_corrected_by_two_operators() {
    let w = world().await;
    let t = &w.tree;
    let own = w.lab.admin(&t.sister, "李老师").await;
    let correct = |category| Act::Category { org: t.sister.code.clone(), category };
    let early = w.propose(&correct(Category::General)).await.unwrap_err();
    assert_eq!(code_of(&early), "org:own_turn");
    let version = {
        let mut cx = w.lab.house.read(own.clone()).await.unwrap();
        orgs::info(&mut cx, &t.sister).await.unwrap().version
    };
    // A branch below a general branch can become nothing else: under the committee it could.
    let moved = Act::Relocate { org: t.sister.code.clone(), to: t.committee.code.clone() };
    w.done(&moved).await;
    let sister = w.now(&t.sister).await;
    let mut own = own;
    if let Who::Person(v) = &own {
        let mut acting = v.acting.clone().unwrap();
        acting.org = sister.clone();
        let v = app::Visitor {
            person: v.person,
            name: v.name.clone(),
            session: v.session,
            token: None,
            grants: vec![acting.clone()],
            acting: Some(acting),
        };
        own = Who::Person(std::sync::Arc::new(v));
    }
    let changed = act!(w.lab.house, own, |cx| {
        orgs::change_category(cx, &sister, version + 1, Category::General).await
    });
    changed.unwrap();
    w.done(&correct(Category::Branch)).await;
    assert_eq!(w.now(&t.sister).await.category, Category::Branch);
    w.lab.member(&w.now(&t.sister).await, "张伟").await;
    let blocked = w.propose(&correct(Category::General)).await.unwrap_err();
    assert_eq!(code_of(&blocked), "category:category_blocked");
    w.lab.is_whole().await;
}

#[tokio::test]
async fn an_organisation_moves_to_another_province_with_its_people() {
    let w = world().await;
    let t = &w.tree;
    w.lab.member(&t.branch, "张伟").await;
    stats::settle(&w.lab.house).await.unwrap();
    let away = Act::Relocate { org: t.committee.code.clone(), to: t.far_province.code.clone() };
    w.done(&away).await;
    let (moved, branch) = (w.now(&t.committee).await, w.now(&t.branch).await);
    assert_eq!((moved.province.as_str(), branch.province.as_str()), ("32", "32"));
    assert!(moved.path.starts_with(&t.far_province.path));
    stats::settle(&w.lab.house).await.unwrap();
    let mut cx = w.lab.house.read(Who::System("test")).await.unwrap();
    assert_eq!(stats::of(&mut cx, &t.far_province).await.unwrap().subtree.members, 1);
    assert_eq!(stats::of(&mut cx, &t.province).await.unwrap().subtree.members, 0);
    drop(cx);
    let round = Act::Relocate { org: t.far_province.code.clone(), to: t.committee.code.clone() };
    assert_eq!(code_of(&w.propose(&round).await.unwrap_err()), "to:org_cycle");
    w.lab.is_whole().await;
}

#[tokio::test]
async fn frozen_names_are_changed_and_found_and_provinces_are_merged() {
    let w = world().await;
    let t = &w.tree;
    let name = |org: &OrgRef, short: &str| Act::Identity {
        org: org.code.clone(),
        short_name: short.into(),
        full_name: format!("中国共产主义青年团{short}员会"),
        industry: String::new(),
    };
    assert_eq!(
        code_of(&w.propose(&name(&t.city, "团巢湖市委")).await.unwrap_err()),
        "short_name:org_not_frozen"
    );
    assert_eq!(
        code_of(&w.propose(&name(&t.province, "团江苏省委")).await.unwrap_err()),
        "short_name:org_name_taken"
    );
    w.done(&name(&t.far_province, "团江海省委")).await;
    assert_eq!(w.now(&t.far_province).await.short_name, "团江海省委");
    let centre = w.lab.admin(&t.centre, "郑云").await;
    let early = act!(w.lab.house, centre, |cx| {
        let posts = app::relocations::Posts::End;
        app::relocations::merge(cx, &t.far_province.code, &t.province.code, posts).await
    });
    assert_eq!(code_of(&early.unwrap_err()), "merge_against");
    w.done(&Act::Merge { from: t.far_province.code.clone(), into: t.province.code.clone() }).await;
    let moved = w.now(&t.far_branch).await;
    assert!(moved.path.starts_with(&t.province.path) && moved.province == "34");
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_second_persons_at_once_do_it_once() {
    let w = world().await;
    let three = w.lab.operator(&w.tree.centre, "李强").await;
    for _ in 0..10 {
        let place = w.now(&w.tree.general).await;
        let target = if place.path.starts_with(&w.tree.committee.path) {
            &w.tree.other_committee
        } else {
            &w.tree.committee
        };
        let act = Act::Relocate { org: place.code.clone(), to: target.code.clone() };
        let no = w.propose(&act).await.unwrap();
        let (a, b) = tokio::join!(w.approve(&w.two, &no), w.approve(&three, &no));
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    }
    w.lab.is_whole().await;
}
