//! People from the first entry to the last move, against a real database.

#![expect(clippy::unwrap_used, reason = "what a test sets up either is there or fails it")]

use app::{
    Action, Error, Who, act, files, jobs,
    keys::Keys,
    people::{
        self, Check, IdCheck, Kept, Outcome, PersonId,
        edit::Changes,
        entry,
        export::{self, Ask, Export},
        list::{self, CheckWord, Filter, Row},
        members, person, profile, reveal,
        search::{self, ByNumber, Kind},
    },
    pii::{IdNumber, check_char},
    rules::{
        Column, Rules,
        person::{Draft, NewPerson, RawCell, judge},
    },
    testkit::{Lab, Tree, fresh},
};
use db::{args, sql};
use std::collections::BTreeMap;

/// A valid ID number of somebody born in 2008.
fn id_number(n: u32) -> String {
    let first =
        format!("3401032008{:02}{:02}{:03}", n / 27_000 % 12 + 1, n / 999 % 27 + 1, n % 999 + 1);
    format!("{first}{}", check_char(&first).unwrap())
}

fn draft(name: &str, n: u32) -> Draft {
    let text = RawCell::text;
    Draft {
        name: text(name),
        id_number: RawCell::text(id_number(n)),
        ethnic: text("汉族"),
        political: text("共青团员"),
        education: text("普通高中"),
        joined: text("2023-05"),
        dev_number: RawCell::text(format!("202334{n:06}")),
        mobile: RawCell::text(format!("139{n:08}")),
        email: text("canary@example.test"),
        ..Draft::default()
    }
}

fn judged(draft: &Draft, org: &app::OrgRef) -> NewPerson {
    let today = app::clock::day(app::testkit::START);
    let verdict = judge(draft, &entry::place_of(org), today, Rules::builtin());
    verdict.person.unwrap_or_else(|| panic!("{:?}", verdict.problems))
}

async fn setting() -> (Lab, Tree, Who) {
    let lab = fresh().await;
    let tree = lab.tree().await;
    let admin = lab.admin(&tree.branch, "管理员甲").await;
    (lab, tree, admin)
}

async fn add_many(lab: &Lab, who: &Who, org: &app::OrgRef, people: &[NewPerson]) -> Vec<Outcome> {
    act!(lab.house, who.clone(), |cx| {
        let permit = cx.permit(Action::ImportMembers, org)?;
        let outcomes = people::add_many(cx, &permit, org, people.to_vec(), Some(7)).await?;
        cx.record(permit, app::events::Event::new("import.done", "import", 7)).await?;
        Ok(outcomes)
    })
    .unwrap()
}

fn added(outcomes: &[Outcome]) -> Vec<PersonId> {
    let id = |o: &Outcome| match o {
        Outcome::Added(id) => Some(*id),
        _ => None,
    };
    outcomes.iter().filter_map(id).collect()
}

async fn count(lab: &Lab, table: &'static str) -> i64 {
    let mut tx = lab.house.db().read().await.unwrap();
    let text = match table {
        "person" => sql!("SELECT COUNT(*) FROM person"),
        "member" => sql!("SELECT COUNT(*) FROM member"),
        _ => sql!("SELECT COUNT(*) FROM cadre WHERE ended_at IS NULL"),
    };
    tx.one::<(i64,)>(text, &[]).await.unwrap().0
}

/// What the deltas of one organisation add up to: members, complete ones, cadres, complete ones.
async fn counted(lab: &Lab, path: &str) -> (i64, i64, i64, i64) {
    let mut tx = lab.house.db().read().await.unwrap();
    tx.one(
        sql!("SELECT CAST(COALESCE(SUM(members), 0) AS BIGINT), CAST(COALESCE(SUM(members_done), 0) AS BIGINT), CAST(COALESCE(SUM(cadres), 0) AS BIGINT), CAST(COALESCE(SUM(cadres_done), 0) AS BIGINT) FROM delta WHERE org_path = $1"),
        args![path],
    )
    .await
    .unwrap()
}

/// What stands in the tables for the same organisation.
async fn standing(lab: &Lab, path: &str) -> (i64, i64, i64, i64) {
    let mut tx = lab.house.db().read().await.unwrap();
    tx.one(
        sql!("SELECT (SELECT COUNT(*) FROM member WHERE org_path = $1), (SELECT COUNT(*) FROM member WHERE org_path = $1 AND complete), (SELECT COUNT(*) FROM cadre WHERE org_path = $1 AND ended_at IS NULL), (SELECT COUNT(*) FROM cadre WHERE org_path = $1 AND ended_at IS NULL AND complete)"),
        args![path],
    )
    .await
    .unwrap()
}

async fn page(lab: &Lab, who: &Who, under: &app::OrgRef, filter: &Filter) -> Vec<Row> {
    let mut cx = lab.house.read(who.clone()).await.unwrap();
    list::members(&mut cx, under, filter, None, 50).await.unwrap().rows
}

async fn card(lab: &Lab, who: &Who, id: PersonId) -> people::Person {
    let mut cx = lab.house.read(who.clone()).await.unwrap();
    person::read(&mut cx, id).await.unwrap()
}

async fn code_of(lab: &Lab, who: &Who, id: PersonId) -> String {
    card(lab, who, id).await.code
}

#[tokio::test]
async fn a_person_entered_from_the_form_stands_in_the_branch_with_everything_typed() {
    let (lab, tree, admin) = setting().await;
    let mut form = draft("张小明", 1);
    form.is_cadre = RawCell::text("是");
    form.post = RawCell::text("团支书");
    let id =
        act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &form).await).unwrap();
    let seen = card(&lab, &admin, id).await;
    assert_eq!(seen.name, "张小明");
    assert_eq!(seen.id_number.reveal(), id_number(1));
    assert_eq!(seen.mobile.as_ref().map(|m| m.reveal()), Some("13900000001"));
    assert_eq!(seen.contact.reveal(Column::Email), Some("canary@example.test"));
    assert_eq!(seen.membership.as_ref().map(|m| m.org.id), Some(tree.branch.id));
    assert_eq!(seen.posts.first().map(|p| p.post.as_str()), Some("书记"));
    assert_eq!(seen.shown(Column::Education).as_deref(), Some("普通高中"));
    assert!(seen.complete() && seen.check == Check::Unchecked);
    assert_eq!(standing(&lab, &tree.branch.path).await, counted(&lab, &tree.branch.path).await);
}

#[tokio::test]
async fn one_person_exists_once_and_a_number_and_the_secretary_as_well() {
    let (lab, tree, admin) = setting().await;
    lab.member(&tree.other_branch, "别处一").await;
    let far = draft("别处二", 9);
    let far_admin = lab.admin(&tree.far_branch, "远方").await;
    act!(lab.house, far_admin, |cx| people::add(cx, &tree.far_branch, &far).await).unwrap();

    let here = judged(&draft("李甲", 1), &tree.branch);
    let mut same_number = draft("李乙", 2);
    same_number.dev_number = RawCell::text("202334000001");
    let mut first = draft("李丙", 3);
    first.post = RawCell::text("书记");
    let mut second = draft("李丁", 4);
    second.post = RawCell::text("书记");
    let batch: Vec<NewPerson> =
        [draft("李甲", 1), same_number, first, second, far, draft("李甲", 1)]
            .iter()
            .map(|d| judged(d, &tree.branch))
            .collect();
    let outcomes = add_many(&lab, &admin, &tree.branch, &batch).await;
    let ids = added(&outcomes);
    let Outcome::PostTaken(taken) = outcomes[3].clone() else { panic!("{outcomes:?}") };
    assert!(taken.message.contains("书记李丙"), "{}", taken.message);
    assert_eq!(
        outcomes,
        [
            Outcome::Added(ids[0]),
            Outcome::NumberTaken,
            Outcome::Added(ids[1]),
            Outcome::PostTaken(taken),
            Outcome::Elsewhere,
            Outcome::Here(ids[0]),
        ]
    );
    assert_eq!(add_many(&lab, &admin, &tree.branch, &[here]).await, [Outcome::Here(ids[0])]);
    assert_eq!(standing(&lab, &tree.branch.path).await, counted(&lab, &tree.branch.path).await);
}

#[expect(clippy::disallowed_methods, reason = "twenty visitors at once need twenty tasks")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_person_entered_by_twenty_at_once_exists_once() {
    let (lab, tree, admin) = setting().await;
    let form = draft("赵同时", 5);
    let mut tasks = Vec::new();
    for _ in 0..20 {
        let (house, admin, org, form) =
            (lab.house.clone(), admin.clone(), tree.branch.clone(), form.clone());
        tasks.push(tokio::spawn(async move {
            act!(house, admin.clone(), |cx| people::add(cx, &org, &form).await)
        }));
    }
    let mut entered = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => entered += 1,
            Err(Error::Invalid(fields)) => assert_eq!(fields[0].code, "id_here"),
            Err(e) => panic!("{e}"),
        }
    }
    assert_eq!(entered, 1);
    assert_eq!((count(&lab, "person").await, count(&lab, "member").await), (2, 1));
    assert_eq!(standing(&lab, &tree.branch.path).await, counted(&lab, &tree.branch.path).await);
}

#[tokio::test]
async fn the_id_number_is_looked_up_before_the_form_and_elsewhere_is_limited() {
    let (lab, tree, admin) = setting().await;
    let far_admin = lab.admin(&tree.far_branch, "远方").await;
    let far = draft("远方人", 8);
    act!(lab.house, far_admin, |cx| people::add(cx, &tree.far_branch, &far).await).unwrap();
    let here =
        act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &draft("本地人", 1))
            .await);
    let code = code_of(&lab, &admin, here.unwrap()).await;
    let ask = async |n: u32| {
        let raw = id_number(n);
        act!(lab.house, admin.clone(), |cx| people::check_id(cx, &tree.branch, &raw).await)
    };
    assert_eq!(ask(1).await.unwrap(), IdCheck::Here { code, name: "本地人".into() });
    assert_eq!(ask(2).await.unwrap(), IdCheck::New);
    for _ in 0..30 {
        assert!(matches!(ask(8).await.unwrap(), IdCheck::Elsewhere(_)));
    }
    // Behind the last answer somebody new is not told from somebody elsewhere, but may be entered.
    assert_eq!((ask(8).await.unwrap(), ask(3).await.unwrap()), (IdCheck::Untold, IdCheck::Untold));
    let enter = async |name: &str, n: u32| {
        act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &draft(name, n)).await)
    };
    assert!(matches!(enter("远方人", 8).await, Err(Error::TooMany { .. })));
    enter("新来的", 3).await.unwrap();
    lab.clock.advance(app::clock::DAY);
    assert!(matches!(ask(8).await.unwrap(), IdCheck::Elsewhere(_)));
}

#[tokio::test]
async fn the_list_pages_forth_and_back_over_a_subtree_without_losing_anybody() {
    let (lab, tree, _) = setting().await;
    let admin = lab.admin(&tree.committee, "团委").await;
    let names = ["张三", "李四", "王五", "张三丰", "赵六", "单雨"];
    for (n, org) in
        (0_u32..).zip([&tree.branch, &tree.sister, &tree.direct].into_iter().cycle().take(130))
    {
        let name = format!("{}{}", names[n as usize % 6], ["甲", "乙", "丙"][n as usize % 3]);
        let new = judged(&draft(&name, n + 1), org);
        add_many(&lab, &Who::System("test"), org, &[new]).await;
    }
    lab.member(&tree.other_branch, "张三不见").await;
    for filter in [
        Filter::default(),
        Filter { q: "张三".into(), ..Filter::default() },
        Filter { q: "zs".into(), ..Filter::default() },
        Filter { sex: Some(list::SexWord::Male), ..Filter::default() },
        Filter { complete: Some(true), ..Filter::default() },
        Filter { check: Some(CheckWord::Unchecked), moving: Some(false), ..Filter::default() },
        Filter { cadre: Some(false), ..Filter::default() },
        Filter { import: Some(7), ..Filter::default() },
    ] {
        let mut cx = lab.house.read(admin.clone()).await.unwrap();
        let mut forth = Vec::new();
        let mut last = None;
        let mut from = None;
        loop {
            let page = list::members(&mut cx, &tree.committee, &filter, from, 20).await.unwrap();
            forth.extend(page.rows.iter().map(|r| r.person));
            last = page.prev.or(last);
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        let mut distinct = forth.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), forth.len(), "{filter:?}");
        let expected = match &filter {
            f if f.q.is_empty() && f.sex.is_none() => 130,
            f if f.q == "张三" => 44,
            f if f.q == "zs" => 44,
            _ => 65,
        };
        assert_eq!(forth.len(), expected, "{filter:?}");
        // Back from the last page: everything before it, in the same order.
        let mut back = Vec::new();
        while let Some(cursor) = last {
            let page =
                list::members(&mut cx, &tree.committee, &filter, Some(cursor), 20).await.unwrap();
            let rows: Vec<PersonId> = page.rows.iter().map(|r| r.person).collect();
            back.splice(0..0, rows);
            last = page.prev;
        }
        assert_eq!(back, forth[..back.len()], "{filter:?}");
        assert!(forth.len() - back.len() <= 20, "{filter:?}");
    }
}

#[tokio::test]
async fn nobody_sees_members_beside_her_own_subtree() {
    let (lab, tree, admin) = setting().await;
    let mine = lab.member(&tree.branch, "自己人").await;
    let other = lab.member(&tree.sister, "别人").await;
    assert_eq!(page(&lab, &admin, &tree.branch, &Filter::default()).await.len(), 1);
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    let beside = list::members(&mut cx, &tree.sister, &Filter::default(), None, 50).await;
    assert!(matches!(beside, Err(Error::NotFound)));
    let code = code_of(&lab, &admin, other).await;
    assert!(matches!(person::card(&mut cx, &code).await, Err(Error::NotFound)));
    let code = code_of(&lab, &admin, mine).await;
    assert_eq!(person::card(&mut cx, &code).await.unwrap().id, mine);
}

fn changes(version: i64, fields: &[(Column, &str)]) -> Changes {
    let fields: BTreeMap<Column, String> = fields.iter().map(|(c, t)| (*c, (*t).into())).collect();
    Changes { version, fields }
}

#[tokio::test]
async fn an_edit_is_judged_guarded_and_moves_completeness_with_its_counters() {
    let (lab, tree, admin) = setting().await;
    let id =
        act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &draft("张小明", 1))
            .await)
        .unwrap();
    let code = code_of(&lab, &admin, id).await;
    let edit = async |c: Changes| {
        act!(lab.house, admin.clone(), |cx| people::edit::edit(cx, &code, &c).await)
    };

    edit(changes(1, &[(Column::Mobile, ""), (Column::Address, "徽州大道1号")])).await.unwrap();
    let now = card(&lab, &admin, id).await;
    assert_eq!(now.missing, [Column::Mobile]);
    assert_eq!(now.contact.reveal(Column::Address), Some("徽州大道1号"));
    let row =
        &page(&lab, &admin, &tree.branch, &Filter { complete: Some(false), ..Filter::default() })
            .await[0];
    assert_eq!(row.missing, [Column::Mobile]);
    assert_eq!(standing(&lab, &tree.branch.path).await, counted(&lab, &tree.branch.path).await);

    let stale =
        edit(changes(1, &[(Column::Mobile, "13700000001"), (Column::Address, "别处")])).await;
    let Err(Error::Stale(differences)) = stale else { panic!("{stale:?}") };
    assert_eq!(differences.len(), 2);
    assert_eq!(differences[1].theirs, "徽州大道1号");

    let wrong = edit(changes(
        2,
        &[(Column::Mobile, "12"), (Column::Name, "改名"), (Column::Joined, "2019-01")],
    ))
    .await;
    let Err(Error::Invalid(fields)) = wrong else { panic!("{wrong:?}") };
    assert_eq!(fields.len(), 2, "{fields:?}");

    let young =
        edit(changes(2, &[(Column::Joined, "2019-01"), (Column::DevNumber, "201934000001")])).await;
    let Err(Error::Invalid(fields)) = young else { panic!("{young:?}") };
    assert_eq!(fields[0].code, "too_young_at_joining");

    edit(changes(2, &[(Column::Mobile, "137 0000 0001")])).await.unwrap();
    assert!(card(&lab, &admin, id).await.complete());
    assert_eq!(standing(&lab, &tree.branch.path).await, counted(&lab, &tree.branch.path).await);
}

#[tokio::test]
async fn a_member_corrects_her_own_number_but_takes_nobody_elses() {
    let (lab, tree, admin) = setting().await;
    let id =
        act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &draft("张小明", 1))
            .await)
        .unwrap();
    act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &draft("李小红", 2)).await)
        .unwrap();
    let me = lab.alone(id, "张小明");
    let edit = async |c: Changes| act!(lab.house, me.clone(), |cx| profile::edit_own(cx, &c).await);
    let taken = edit(changes(1, &[(Column::DevNumber, "202334000002")])).await;
    let Err(Error::Invalid(fields)) = taken else { panic!("{taken:?}") };
    assert_eq!(fields[0].code, "dev_number_taken");
    let political = edit(changes(1, &[(Column::Political, "中共党员")])).await;
    assert!(matches!(political, Err(Error::Invalid(_))), "only administrators change that");
    edit(changes(1, &[(Column::DevNumber, "202334009999")])).await.unwrap();
    let mut cx = lab.house.read(me.clone()).await.unwrap();
    let home = profile::home(&mut cx).await.unwrap();
    let number = home.person.membership.and_then(|m| m.dev_number);
    assert_eq!(number.as_deref(), Some("202334009999"));
    assert_eq!(home.way.last().map(|o| o.id), Some(tree.branch.id));
    assert_eq!(home.contacts[0].names, ["管理员甲"]);
}

#[tokio::test]
async fn a_value_shown_in_full_is_counted_and_leaves_its_reason_in_the_book() {
    let (lab, tree, admin) = setting().await;
    let id =
        act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &draft("张小明", 1))
            .await)
        .unwrap();
    let code = code_of(&lab, &admin, id).await;
    let show = async |who: &Who, why: &str| {
        act!(lab.house, who.clone(), |cx| reveal::reveal(cx, &code, Column::IdNumber, why).await)
    };
    assert!(matches!(show(&admin, " ").await, Err(Error::Invalid(_))));
    assert_eq!(show(&admin, "核对原件").await.unwrap(), id_number(1));
    let observer = lab.observer(&tree.county, "观察员").await;
    assert!(matches!(show(&observer, "看看").await, Err(Error::Forbidden { .. })));
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    let person = person::card(&mut cx, &code).await.unwrap();
    let book = person::record_of(&mut cx, &person).await.unwrap();
    assert_eq!(book[0].kind, "person.revealed");
    assert!(book[0].detail.contains("核对原件"));
    for _ in 0..199 {
        show(&admin, "核对原件").await.unwrap();
    }
    assert!(matches!(show(&admin, "核对原件").await, Err(Error::TooMany { .. })));
}

#[tokio::test]
async fn a_move_ends_the_post_and_seat_in_the_old_branch_and_counts_on_both_sides() {
    let (lab, tree, _) = setting().await;
    let id = lab.member(&tree.branch, "要走的").await;
    lab.cadre(&tree.branch, id, "书记").await;
    lab.cadre(&tree.committee, id, "委员").await;
    let system = Who::System("transfer");
    let go = async |moving: bool| {
        act!(lab.house, system.clone(), |cx| {
            let permit = cx.permit(Action::DecideTransfer, &tree.branch)?;
            if moving {
                people::set_moving(cx, &permit, id, true).await?;
            } else {
                people::move_to(cx, &permit, id, &tree.far_branch).await?;
            }
            cx.record(permit, app::events::Event::new("t", "t", 1)).await
        })
    };
    go(true).await.unwrap();
    assert!(matches!(go(true).await, Err(Error::Conflict(_))));
    go(false).await.unwrap();
    let now = card(&lab, &system, id).await;
    let member = now.membership.as_ref().unwrap();
    assert_eq!((member.org.id, member.moving), (tree.far_branch.id, false));
    let posts: Vec<&str> = now.present_posts().map(|p| p.post.as_str()).collect();
    assert_eq!(posts, ["委员"]);
    for org in [&tree.branch, &tree.far_branch, &tree.committee] {
        assert_eq!(
            standing(&lab, &org.path).await,
            counted(&lab, &org.path).await,
            "{}",
            org.short_name
        );
    }
    assert!(matches!(go(false).await, Err(Error::Refused(_))), "she is there already");
}

#[tokio::test]
async fn taking_an_import_back_leaves_whoever_has_been_used_since() {
    let (lab, tree, admin) = setting().await;
    let batch: Vec<NewPerson> =
        (1..=4).map(|n| judged(&draft("张小明", n), &tree.branch)).collect();
    let ids = added(&add_many(&lab, &admin, &tree.branch, &batch).await);
    let code = code_of(&lab, &admin, ids[0]).await;
    act!(lab.house, admin.clone(), |cx| {
        people::edit::edit(cx, &code, &changes(1, &[(Column::Qq, "123456")])).await
    })
    .unwrap();
    act!(lab.house, Who::System("t"), |cx| {
        let permit = cx.permit(Action::DecideTransfer, &tree.branch)?;
        people::move_to(cx, &permit, ids[1], &tree.sister).await?;
        cx.record(permit, app::events::Event::new("t", "t", 1)).await
    })
    .unwrap();
    let kept = act!(lab.house, admin.clone(), |cx| {
        let permit = cx.permit(Action::ImportMembers, &tree.branch)?;
        let kept = members::remove_many(cx, &permit, &tree.branch, &ids).await?;
        cx.record(permit, app::events::Event::new("import.undone", "import", 7)).await?;
        Ok(kept)
    })
    .unwrap();
    assert_eq!(kept, [(ids[0], Kept::Edited), (ids[1], Kept::Moved)]);
    assert_eq!(count(&lab, "member").await, 2);
    assert_eq!(standing(&lab, &tree.branch.path).await, counted(&lab, &tree.branch.path).await);
}

#[tokio::test]
async fn a_search_finds_by_name_initials_phone_and_number_in_the_subtree_only() {
    let (lab, tree, _) = setting().await;
    let admin = lab.admin(&tree.committee, "团委").await;
    let id =
        act!(lab.house, Who::System("t"), |cx| people::add(cx, &tree.branch, &draft("单雨桐", 1))
            .await)
        .unwrap();
    lab.member(&tree.other_branch, "单雨别").await;
    let chief = lab.person("单雨干").await;
    lab.cadre(&tree.committee, chief, "委员").await;
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    for (typed, kind, found) in [
        ("单雨", Kind::Name, 2),
        ("syt", Kind::Pinyin, 1),
        ("139 0000 0001", Kind::Mobile, 0),
        ("202334000001", Kind::DevNumber, 1),
        ("单", Kind::Other, 0),
    ] {
        let hits = search::people(&mut cx, &tree.committee, typed).await.unwrap();
        assert_eq!((hits.kind, hits.people.len()), (kind, found), "{typed}");
    }
    let hits = search::people(&mut cx, &tree.committee, "单雨桐").await.unwrap();
    assert_eq!(hits.people[0].person, id);
    assert_eq!(hits.people[0].way, "高一年级团总支 › 高一1班团支部");
}

#[tokio::test]
async fn people_are_found_as_they_are_written_and_with_words_of_their_organisation() {
    let (lab, tree, _) = setting().await;
    let admin = lab.admin(&tree.committee, "团委").await;
    for (n, (org, name)) in (1..).zip([
        (&tree.branch, "古力娜·艾山江"),
        (&tree.branch, "欧阳小满"),
        (&tree.sister, "欧阳小满"),
        (&tree.direct, "Nurlan Abdukerim"),
    ]) {
        add_many(&lab, &Who::System("t"), org, &[judged(&draft(name, n), org)]).await;
    }
    let chief = lab.person("热娜·吐地").await;
    lab.cadre(&tree.committee, chief, "委员").await;
    let branch = &tree.branch.short_name;
    let mut cx = lab.house.read(admin).await.unwrap();
    for (typed, here, listed) in [
        ("古力娜·艾山江", 1, 1),
        ("古力娜•艾山江", 1, 1),
        ("古力娜.艾山江", 1, 1),
        ("古力娜．艾山江", 1, 1),
        ("古力娜\u{A78F}艾山江", 1, 1),
        ("古力娜 · 艾山江", 1, 1),
        ("古力娜艾山江", 1, 1),
        ("古力娜 艾山江", 1, 1),
        ("古力娜", 1, 1),
        ("古力娜艾", 1, 1),
        ("\u{FEFF}古力娜\u{200B}·艾山江\u{202C}", 1, 1),
        ("欧 阳小满", 2, 2),
        ("欧阳　小满", 2, 2),
        ("ｏｙｘｍ", 2, 2),
        ("Nurlan Abdukerim", 1, 1),
        ("nurlan abdukerim", 1, 1),
        ("热娜.吐地", 1, 0),
        (&format!("欧阳小满 {branch}"), 1, 1),
        (&format!("{branch} 欧阳小满"), 1, 1),
        (&format!("{branch} 欧 阳小满"), 1, 1),
        ("欧阳小满 高一2班", 1, 1),
        ("高一年级 欧阳小满", 2, 2),
        ("高一1班 张三", 0, 0),
        ("欧阳小满 高三9班", 0, 0),
    ] {
        let hits = search::people(&mut cx, &tree.committee, typed).await.unwrap();
        assert_eq!(hits.people.len(), here, "{typed}");
        let filter = Filter { q: typed.into(), ..Filter::default() };
        let page = list::members(&mut cx, &tree.committee, &filter, None, 20).await.unwrap();
        assert_eq!(page.rows.len(), listed, "the list, {typed}");
    }
    let picked = list::of_children(&mut cx, &tree.general, "古力娜艾山江", 10).await.unwrap();
    assert_eq!(picked.len(), 1);
}

#[tokio::test]
async fn a_list_narrowed_by_name_and_place_pages_without_losing_anybody() {
    let (lab, tree, _) = setting().await;
    let admin = lab.admin(&tree.committee, "团委").await;
    for (n, org) in (0_u32..).zip([&tree.branch, &tree.sister].into_iter().cycle().take(30)) {
        let new =
            judged(&draft(&format!("欧阳·{}", ["甲", "乙", "丙"][n as usize % 3]), n + 1), org);
        add_many(&lab, &Who::System("test"), org, &[new]).await;
    }
    let mut cx = lab.house.read(admin).await.unwrap();
    for (q, all) in [("欧阳", 30), (format!("欧阳 {}", tree.branch.short_name).as_str(), 15)] {
        let filter = Filter { q: q.into(), ..Filter::default() };
        let (mut seen, mut from) = (std::collections::BTreeSet::new(), None);
        loop {
            let page = list::members(&mut cx, &tree.committee, &filter, from, 4).await.unwrap();
            seen.extend(page.rows.iter().map(|r| r.person));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), all, "{q}");
    }
}

#[tokio::test]
async fn a_search_with_too_many_hits_offers_where_to_narrow_it() {
    let (lab, tree, _) = setting().await;
    let admin = lab.admin(&tree.committee, "团委").await;
    let batch: Vec<NewPerson> = (1..=60).map(|n| judged(&draft("王伟", n), &tree.branch)).collect();
    add_many(&lab, &Who::System("t"), &tree.branch, &batch).await;
    let mut cx = lab.house.read(admin).await.unwrap();
    let hits = search::people(&mut cx, &tree.committee, "王伟").await.unwrap();
    assert!(hits.too_many && hits.people.len() == search::MOST);
    assert_eq!(hits.chips.len(), 1);
    assert_eq!((hits.chips[0].org_name.as_str(), hits.chips[0].at_least), ("高一年级团总支", 60));
}

#[tokio::test]
async fn a_search_by_id_number_answers_through_a_ticket_of_ones_own() {
    let (lab, tree, admin) = setting().await;
    let far_admin = lab.admin(&tree.far_branch, "远方").await;
    act!(lab.house, far_admin.clone(), |cx| people::add(cx, &tree.far_branch, &draft("远方人", 8))
        .await)
    .unwrap();
    act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &draft("本地人", 1)).await)
        .unwrap();
    let ask = async |n: u32| {
        let raw = id_number(n);
        let ticket = act!(lab.house, admin.clone(), |cx| search::by_number(cx, &tree.branch, &raw)
            .await)
        .unwrap();
        let mut cx = lab.house.read(admin.clone()).await.unwrap();
        let seen = search::ticket(&mut cx, &tree.branch, &ticket).await.unwrap();
        (ticket, seen)
    };
    let phone = act!(lab.house, admin.clone(), |cx| {
        search::by_number(cx, &tree.branch, "139 0000 0001").await
    });
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    let (_, hits) = search::ticket(&mut cx, &tree.branch, &phone.unwrap()).await.unwrap();
    assert_eq!(hits[0].name, "本地人");
    drop(cx);
    let (ticket, (found, hit)) = ask(1).await;
    assert!(matches!(found, ByNumber::Here { .. }));
    assert_eq!(hit[0].name, "本地人");
    assert!(matches!(ask(8).await.1.0, ByNumber::Elsewhere { .. }));
    assert!(ask(8).await.1.1.is_empty(), "where she is, is not told");
    assert_eq!(ask(2).await.1.0, ByNumber::Nowhere);
    let mut cx = lab.house.read(far_admin).await.unwrap();
    let others = search::ticket(&mut cx, &tree.far_branch, &ticket).await;
    assert!(matches!(others, Err(Error::Gone)));
    drop(cx);
    lab.clock.advance(11 * app::clock::MINUTE);
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    assert!(matches!(search::ticket(&mut cx, &tree.branch, &ticket).await, Err(Error::Gone)));
    drop(cx);
    let wrong = act!(lab.house, admin.clone(), |cx| search::by_number(
        cx,
        &tree.branch,
        "340103200801010011"
    )
    .await);
    let Err(Error::Invalid(fields)) = wrong else { panic!("{wrong:?}") };
    assert_eq!(fields[0].field, "q");
}

#[tokio::test]
async fn persons_are_found_and_opened_after_a_rotation_of_keys_and_after_the_move_to_the_new_ones()
{
    let (lab, tree, admin) = setting().await;
    let id =
        act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &draft("张小明", 1))
            .await)
        .unwrap();
    Keys::rotate(&lab.keys_file(), &app::clock::SeededChance::new(9)).unwrap();
    let house = lab.second_node().await;
    let number = IdNumber::from_stored(&id_number(1)).unwrap();
    for round in 0..2 {
        let mut cx = house.read(admin.clone()).await.unwrap();
        let found = people::find_by_id_number(&mut cx, &number).await.unwrap().unwrap();
        assert_eq!((found.person, found.branch.map(|b| b.id)), (id, Some(tree.branch.id)));
        let seen = person::read(&mut cx, id).await.unwrap();
        assert_eq!(seen.mobile.as_ref().map(|m| m.reveal()), Some("13900000001"));
        assert_eq!(seen.contact.reveal(Column::Email), Some("canary@example.test"));
        drop(cx);
        let again =
            act!(house, admin.clone(), |cx| people::add(cx, &tree.branch, &draft("张小明", 1))
                .await);
        assert!(matches!(again, Err(Error::Invalid(_))), "once under every key");
        if round == 0 {
            app::keyring::put_in_use(&house).await.unwrap();
            lab.clock.advance(2 * app::clock::MINUTE);
            jobs::run_all(&house).await.unwrap();
        }
    }
    let mut tx = lab.house.db().read().await.unwrap();
    let (old,): (i64,) =
        tx.one(sql!("SELECT COUNT(*) FROM person WHERE id_bi_ver < 2"), &[]).await.unwrap();
    assert_eq!(old, 0);
}

#[tokio::test]
async fn an_export_masks_numbers_unless_a_reason_is_given() {
    let (lab, tree, admin) = setting().await;
    let batch: Vec<NewPerson> =
        (1..=3).map(|n| judged(&draft("张小明", n), &tree.branch)).collect();
    add_many(&lab, &admin, &tree.branch, &batch).await;
    let go = async |ask: Ask| {
        export::export(&lab.house, admin.clone(), app::Origin::default(), &tree.branch, ask).await
    };
    let Ok(Export::Ready { bytes, name }) = go(Ask::default()).await else { panic!() };
    assert!(name.ends_with(".xlsx"));
    let text = texts(&bytes);
    assert!(text.contains("张小明") && text.contains("3401****"), "{text}");
    assert!(!text.contains(&id_number(1)) && text.contains("截至时间"));
    assert!(matches!(go(Ask { full: true, ..Ask::default() }).await, Err(Error::Invalid(_))));
    let Ok(Export::Ready { bytes, .. }) =
        go(Ask { full: true, reason: "年度团籍核对".into(), ..Ask::default() }).await
    else {
        panic!()
    };
    let text = texts(&bytes);
    assert!(text.contains(&id_number(1)));
    // The sheet 说明 tells who took it away and why, with the number of the export.
    assert!(text.contains("导出编号：DC2026") && text.contains("导出原因：年度团籍核对"), "{text}");
    let observer = lab.observer(&tree.branch, "观察员").await;
    let refused =
        export::export(&lab.house, observer, app::Origin::default(), &tree.branch, Ask::default())
            .await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })));
}

/// Every text of a workbook.
fn texts(bytes: &[u8]) -> String {
    let book = sheet::read(bytes, "x.xlsx", &sheet::Limits::default()).unwrap();
    let cells = book.sheets.iter().flat_map(|s| &s.rows).flat_map(|r| &r.cells);
    cells
        .map(|c| if let sheet::Cell::Text(t) = c { t.as_str() } else { "" })
        .collect::<Vec<_>>()
        .join("|")
}

#[tokio::test]
async fn a_list_above_the_limit_is_exported_by_a_job_into_a_file_that_only_its_maker_opens() {
    let (lab, tree, admin) = setting().await;
    let batch: Vec<NewPerson> =
        (1..=5_001).map(|n| judged(&draft("张小明", n), &tree.branch)).collect();
    add_many(&lab, &admin, &tree.branch, &batch).await;
    let ask = Ask::default();
    let made =
        export::export(&lab.house, admin.clone(), app::Origin::default(), &tree.branch, ask).await;
    let Ok(Export::Job(job)) = made else { panic!("{made:?}") };
    jobs::run_all(&lab.house).await.unwrap();
    let other = lab.admin(&tree.branch, "管理员乙").await;
    let mut cx = lab.house.read(admin).await.unwrap();
    let state = jobs::state(&mut cx, job).await.unwrap();
    let result: serde_json::Value = serde_json::from_str(&state.result).unwrap();
    assert_eq!((state.state.as_str(), result["rows"].as_i64()), ("done", Some(5_001)));
    let id = result["file"].as_str().unwrap().parse().unwrap();
    let file = files::open(&mut cx, id).await.unwrap();
    let mut bytes = Vec::new();
    for no in 0.. {
        let Some(piece) = files::piece(&mut cx, &file, no).await.unwrap() else { break };
        bytes.extend(piece);
    }
    assert_eq!(texts(&bytes).matches("张小明").count(), 5_001);
    let mut cx = lab.house.read(other).await.unwrap();
    assert!(matches!(files::open(&mut cx, id).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn no_id_number_phone_or_contact_comes_into_the_book_an_error_or_debug_output() {
    let (lab, tree, admin) = setting().await;
    let form = draft("张小明", 1);
    let id =
        act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &form).await).unwrap();
    let seen = card(&lab, &admin, id).await;
    let code = seen.code.clone();
    let change = changes(
        1,
        &[
            (Column::Mobile, "13988887777"),
            (Column::Email, "second@example.test"),
            (Column::Address, "金丝雀路9号"),
        ],
    );
    act!(lab.house, admin.clone(), |cx| people::edit::edit(cx, &code, &change).await).unwrap();
    act!(lab.house, admin.clone(), |cx| reveal::reveal(cx, &code, Column::Mobile, "联系本人")
        .await)
    .unwrap();
    let again = act!(lab.house, admin.clone(), |cx| people::add(cx, &tree.branch, &form).await);
    let wrong = changes(2, &[(Column::Mobile, "1398888")]);
    let refused = act!(lab.house, admin.clone(), |cx| people::edit::edit(cx, &code, &wrong).await);
    let new = judged(&draft("张小红", 2), &tree.branch);
    let mut said = format!("{seen:?} {again:?} {refused:?} {change:?} {form:?} {new:?}");
    let mut tx = lab.house.db().read().await.unwrap();
    let details: Vec<(String,)> =
        tx.all(sql!("SELECT detail FROM event ORDER BY id LIMIT 100"), &[]).await.unwrap();
    assert!(details.len() >= 3);
    said.extend(details.into_iter().map(|(d,)| d));
    for secret in [
        id_number(1),
        id_number(2),
        "13900000001".into(),
        "13988887777".into(),
        "1398888".into(),
        "canary".into(),
        "second@".into(),
        "丝雀".into(),
    ] {
        assert!(!said.contains(&secret), "{secret} in {said}");
    }
    assert!(said.contains("139****7777"), "the masked values are told: {said}");
}

/// Somebody who has a post in the committee and nothing but a telephone, as 录入本级团干部 makes her.
async fn a_cadre(lab: &Lab, tree: &Tree, name: &str, n: u32) -> PersonId {
    let admin = lab.admin(&tree.committee, "录入的人").await;
    let new = app::cadres::NewCadre {
        name: name.into(),
        id_number: RawCell::text(id_number(n)),
        mobile: "13812340000".into(),
        post: app::cadres::PostForm { post: "干事".into(), ..Default::default() },
    };
    let done =
        act!(lab.house, admin, |cx| app::cadres::change::enter(cx, &tree.committee, &new).await);
    match done.unwrap() {
        app::cadres::EnteredCadre::Done { person, .. } => person,
        other => panic!("{other:?}"),
    }
}

async fn read(lab: &Lab, id: PersonId) -> person::Person {
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    person::read(&mut cx, id).await.unwrap()
}

#[tokio::test]
async fn what_is_typed_about_a_cadre_who_becomes_a_member_is_kept_and_nothing_known_is_overwritten()
{
    let (lab, tree, admin) = setting().await;
    let known = a_cadre(&lab, &tree, "傅二二", 1).await;
    let mut form = draft("傅二二", 1);
    form.ethnic = RawCell::text("回族");
    let entry = act!(lab.house, admin.clone(), |cx| {
        people::add_taking(cx, &tree.branch, &form, &[]).await
    });
    let entry = entry.unwrap();
    assert_eq!((entry.person, entry.was_here), (known, false));
    assert!(
        entry.told.filled.contains(&Column::Ethnic) && !entry.told.filled.contains(&Column::Mobile)
    );
    let [differs] = &entry.told.differing[..] else { panic!("{:?}", entry.told) };
    assert_eq!((differs.column, differs.replaced), (Column::Mobile, false));
    let person = read(&lab, known).await;
    assert_eq!(person.shown(Column::Ethnic).as_deref(), Some("回族"));
    assert_eq!(person.shown(Column::Political).as_deref(), Some("共青团员"));
    assert_eq!(person.in_full(Column::Mobile).as_deref(), Some("13812340000"));
    assert_eq!(person.missing, []);
    // Again, with the choice: the number typed counts, the rest stays, nobody is there twice.
    let again = act!(lab.house, admin, |cx| {
        people::add_taking(cx, &tree.branch, &form, &[Column::Mobile]).await
    });
    assert!(again.unwrap().was_here);
    assert_eq!(read(&lab, known).await.in_full(Column::Mobile).as_deref(), Some("13900000001"));
    lab.is_whole().await;
}

#[tokio::test]
async fn a_batch_fills_what_is_empty_of_people_who_are_here() {
    let (lab, tree, admin) = setting().await;
    let mut first = draft("张小明", 1);
    (first.ethnic, first.mobile) = (RawCell::default(), RawCell::default());
    let first = judged(&first, &tree.branch);
    let ids = added(&add_many(&lab, &admin, &tree.branch, &[first]).await);
    assert_eq!(read(&lab, ids[0]).await.missing, [Column::Ethnic, Column::Mobile]);
    let mut second = judged(&draft("张小明", 1), &tree.branch);
    second.education = Some("00".into());
    let outcomes = add_many(&lab, &admin, &tree.branch, &[second.clone()]).await;
    assert_eq!(outcomes, [Outcome::Filled(ids[0])]);
    let person = read(&lab, ids[0]).await;
    assert_eq!(person.missing, []);
    assert_eq!(person.shown(Column::Education).as_deref(), Some("普通高中"), "never overwritten");
    let outcomes = add_many(&lab, &admin, &tree.branch, &[second]).await;
    assert_eq!(outcomes, [Outcome::Here(ids[0])], "a second time nothing is left to fill");
    lab.is_whole().await;
}

#[tokio::test]
async fn whoever_names_somebody_fills_her_telephone_but_never_another_ones() {
    let (lab, tree, admin) = setting().await;
    let mut form = draft("张小明", 1);
    form.mobile = RawCell::default();
    let id = act!(lab.house, admin, |cx| people::add(cx, &tree.branch, &form).await).unwrap();
    // The committee does not see into the branch of somebody else; it may fill all the same.
    let far = lab.admin(&tree.far_branch, "远方").await;
    let today = app::clock::day(app::testkit::START);
    for (typed, stands) in [("13812345678", "13812345678"), ("13987654321", "13812345678")] {
        let named =
            people::Named::read("张小明", &RawCell::text(id_number(1)), typed, today).unwrap();
        let named = &named;
        let (_, told) = act!(lab.house, far.clone(), |cx| {
            let permit = cx.permit(Action::ChangePosts, &tree.far_branch)?;
            let all = people::merge::CONTACTS;
            let found = people::find_or_fill(cx, &permit, named, &all).await?;
            cx.record(permit, app::events::Event::new("test.found", "org", 0)).await?;
            Ok(found)
        })
        .unwrap();
        assert_eq!(read(&lab, id).await.in_full(Column::Mobile).as_deref(), Some(stands));
        assert!(
            told.differing.iter().all(|d| d.known.is_none()),
            "what she may not see is not told"
        );
    }
    assert_eq!(read(&lab, id).await.missing, []);
    lab.is_whole().await;
}

#[tokio::test]
async fn somebody_past_28_with_a_post_is_a_cadre_of_the_branch_and_no_member() {
    let lab = fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.branch, "王老师").await;
    let first = "34010419850312123";
    let draft = Draft {
        id_number: RawCell::text(format!("{first}{}", check_char(first).unwrap())),
        is_cadre: RawCell::text("是"),
        post: RawCell::text("副书记"),
        joined: RawCell::default(),
        dev_number: RawCell::default(),
        ..draft("钱老师", 1)
    };
    let person =
        act!(lab.house, who.clone(), |cx| people::add(cx, &tree.branch, &draft).await).unwrap();
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    let read = people::person::read(&mut cx, person).await.unwrap();
    assert!(read.membership.is_none(), "no member of the branch");
    let posts: Vec<&str> = read.present_posts().map(|p| p.post.as_str()).collect();
    assert_eq!(posts, ["副书记"]);
    assert!(!read.missing.contains(&Column::Joined), "{:?}", read.missing);
    drop(cx);
    lab.is_whole().await;
}

/// Decision 26: somebody over 28 with a post is one of the three people of a branch.
#[tokio::test]
async fn three_people_of_a_branch_are_its_members_and_cadres_counted_once() {
    let lab = fresh().await;
    let tree = lab.tree().await;
    let (admin, branch) = (lab.admin(&tree.general, "管理员甲").await, &tree.sister);
    let enter = async |draft: Draft| {
        let entry =
            act!(lab.house, admin.clone(), |cx| people::add_taking(cx, branch, &draft, &[]).await);
        entry.unwrap()
    };
    let stands = async || {
        app::stats::settle(&lab.house).await.unwrap();
        let mut cx = lab.house.read(admin.clone()).await.unwrap();
        let done = app::stats::of(&mut cx, branch).await.unwrap().subtree.branches_done;
        (done, app::stats::branch_lacks(&mut cx, branch).await.unwrap())
    };
    // A member with a post is one person, not two.
    let with_post = |draft: Draft, post: &str| Draft {
        is_cadre: RawCell::text("是"),
        post: RawCell::text(post),
        post_since: RawCell::text("2025-09"),
        post_nature: RawCell::text("兼职"),
        ..draft
    };
    enter(with_post(draft("陈一", 1), "组织委员")).await;
    enter(draft("陈二", 2)).await;
    let (done, lack) = stands().await;
    assert_eq!((done, lack.members, lack.incomplete), (0, 1, 0));
    let first = "34010319900101001";
    let old = Draft {
        id_number: RawCell::text(format!("{first}{}", check_char(first).unwrap())),
        mobile: RawCell::default(),
        ..with_post(draft("陈三", 3), "副书记")
    };
    let entry = enter(old.clone()).await;
    assert_eq!(entry.told.not_asked, [Column::Joined, Column::DevNumber]);
    assert!(entry.told.says().contains("没有保存"), "{}", entry.told.says());
    let (done, lack) = stands().await;
    assert_eq!((done, lack.members, lack.incomplete), (0, 0, 1), "{lack:?}");
    enter(Draft { mobile: RawCell::text("13812345678"), ..old }).await;
    let (done, lack) = stands().await;
    assert!(done == 1 && lack.is_empty(), "{done} {lack:?}");
    let report = app::fsck::run(&lab.house, true).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
}
