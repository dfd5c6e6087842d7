//! 撤销与恢复: what stands against it, what goes with it, what comes back, and that nobody is ever
//! left in a dead organisation whatever happens at the same moment.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, OrgRef, Result, Who, act,
    business::machine::State,
    clock::DAY,
    closings::{self, Ask, Done, Restore},
    codes, graduation, imports, jobs, messages,
    orgs::{self, Category, New},
    people::{self, PersonId},
    rules::{
        graduation::{Mark, PersonMark},
        person::{Draft, RawCell},
    },
    stats,
    testkit::{self, Lab, Tree},
    transfers,
};

struct World {
    lab: Lab,
    tree: Tree,
    /// Of the general branch above `branch` and `sister`.
    superior: Who,
}

async fn world() -> World {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let superior = lab.admin(&tree.general, "王老师").await;
    World { lab, tree, superior }
}

async fn close_as(lab: &Lab, who: &Who, org: &OrgRef, people: i64) -> Result<Done> {
    let ask = Ask { people, typed: org.short_name.clone() };
    act!(lab.house, who.clone(), |cx| closings::close(cx, &org.code, &ask).await)
}

impl World {
    async fn close(&self, org: &OrgRef, people: i64) -> Result<Done> {
        close_as(&self.lab, &self.superior, org, people).await
    }
    async fn restore(&self, org: &OrgRef, how: Restore) -> Result<(OrgRef, i64)> {
        act!(self.lab.house, self.superior.clone(), |cx| closings::restore(cx, &org.code, &how)
            .await)
    }
    async fn branch_of(&self, person: PersonId) -> (String, bool) {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        let member = people::person::read(&mut cx, person).await.unwrap().membership.unwrap();
        (member.org.short_name, member.moving)
    }
    async fn own_letters(&self, person: PersonId) -> Vec<String> {
        let mut cx = self.lab.house.read(self.lab.alone(person, "本人")).await.unwrap();
        let items = messages::of_me(&mut cx, false, None, 200).await.unwrap();
        items.into_iter().map(|m| m.title).collect()
    }
    async fn count(&self, text: &str) -> i64 {
        let mut tx = self.lab.house.db().read().await.unwrap();
        let (n,): (i64,) = tx.one(db::Sql::built(text.into()), &[]).await.unwrap();
        n
    }
    async fn members(&self, branch: &OrgRef, n: usize) -> Vec<PersonId> {
        let mut all = Vec::new();
        for i in 0..n {
            all.push(self.lab.member(branch, ["张三", "李四", "王五", "赵六"][i % 4]).await);
        }
        all
    }
    /// A transfer out of `from`, begun by its superior.
    async fn transfer(&self, who: &Who, person: PersonId, to: &OrgRef) -> transfers::Started {
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        let code = people::person::read(&mut cx, person).await.unwrap().code;
        drop(cx);
        let new = transfers::New {
            person: code,
            to: to.code.clone(),
            reason: "job_change".into(),
            fields: [("unit_name".to_owned(), "南京大学".to_owned())].into(),
            remark: String::new(),
        };
        act!(self.lab.house, who.clone(), |cx| transfers::start(cx, &new).await).unwrap()
    }
    async fn shown(&self, who: &Who, no: &str) -> transfers::Shown {
        let mut cx = self.lab.house.read(who.clone()).await.unwrap();
        transfers::by_no(&mut cx, no).await.unwrap()
    }
}

fn code_of<T>(result: Result<T>) -> String {
    match result {
        Err(Error::Conflict(r) | Error::Refused(r) | Error::Closed(r)) => r.code,
        Err(Error::Invalid(fields)) => {
            fields.iter().map(|f| format!("{}:{}", f.field, f.code)).collect()
        }
        Err(other) => other.to_string(),
        Ok(_) => "ok".into(),
    }
}

fn new(name: &str, category: Category) -> New {
    New {
        short_name: name.into(),
        full_name: None,
        category,
        industry: Some("school_senior".into()),
    }
}

fn draft(lab: &Lab, name: &str) -> Draft {
    let cell = |text: &str| RawCell::text(text);
    Draft {
        name: cell(name),
        id_number: cell(&lab.next_id_number()),
        ethnic: cell("汉族"),
        political: cell("共青团员"),
        education: cell("大学本科"),
        joined: cell("2015-09"),
        mobile: cell("13812345678"),
        ..Draft::default()
    }
}

#[tokio::test]
async fn an_empty_child_goes_at_once_and_its_name_is_free_again() {
    let w = world().await;
    let done = w.close(&w.tree.sister, 0).await.unwrap();
    assert_eq!((done.people, done.holding), (0, None));
    let mut cx = w.lab.house.read(w.superior.clone()).await.unwrap();
    let children = orgs::children(&mut cx, &w.tree.general, None, 50).await.unwrap().rows;
    assert!(children.iter().all(|c| c.code != w.tree.sister.code), "out of the list");
    assert!(matches!(orgs::by_code(&mut cx, &w.tree.sister.code).await, Err(Error::NotFound)));
    drop(cx);
    let again = act!(w.lab.house, w.superior.clone(), |cx| {
        orgs::create_child(cx, &w.tree.general, new(&w.tree.sister.short_name, Category::Branch))
            .await
    })
    .unwrap();
    assert_ne!(again.path, w.tree.sister.path, "a number is never used again");
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test]
async fn what_stands_against_it_is_told_as_steps_with_ways() {
    let w = world().await;
    let above = w.lab.admin(&w.tree.committee, "赵书记").await;
    let Err(Error::Refused(said)) = close_of(&w, &above, &w.tree.general).await else {
        panic!("it has children and cadres")
    };
    assert_eq!(said.code, "E19");
    assert!(said.message.contains("还差 2 步"), "{}", said.message);
    assert!(said.message.contains("下级组织 2") && said.message.contains("团干部 1 人"));
    assert!(said.ways.iter().any(|way| way.href.contains("/children?view=tree")));
    let mut cx = w.lab.house.read(above.clone()).await.unwrap();
    let list = closings::checklist(&mut cx, &w.tree.general).await.unwrap();
    assert_eq!(list.left(), 2);
    assert_eq!(list.steps[0].names, ["高一1班团支部", "高一2班团支部"]);
    // Grandchildren belong to their own superior; sisters and strangers see nothing.
    assert!(matches!(
        closings::checklist(&mut cx, &w.tree.branch).await,
        Err(Error::Forbidden { .. })
    ));
    drop(cx);
    let stranger = w.lab.admin(&w.tree.other_committee, "外人").await;
    assert!(matches!(close_of(&w, &stranger, &w.tree.branch).await, Err(Error::NotFound)));
    let centre = w.lab.admin(&w.tree.centre, "中央").await;
    assert_eq!(code_of(close_of(&w, &centre, &w.tree.far_province).await), "E19");
}

async fn close_of(w: &World, who: &Who, org: &OrgRef) -> Result<Done> {
    close_as(&w.lab, who, org, 0).await
}

#[tokio::test]
async fn people_posts_and_business_go_where_they_belong() {
    let w = world().await;
    let people = w.members(&w.tree.branch, 12).await;
    let admin = w.lab.admin(&w.tree.branch, "团支书").await;
    w.lab.cadre(&w.tree.branch, people[0], "组织委员").await;
    w.lab.observer(&w.tree.branch, "观察员").await;
    let far = w.lab.admin(&w.tree.far_branch, "李干事").await;
    // One leaves, one comes.
    let going = w.transfer(&admin, people[1], &w.tree.far_branch).await;
    let guest = w.lab.member(&w.tree.far_branch, "来客").await;
    let coming = w.transfer(&far, guest, &w.tree.branch).await;
    // Nothing goes without the name typed, or with other people than were shown.
    let wrong = Ask { people: 12, typed: "别的支部".into() };
    let refused = act!(w.lab.house, w.superior.clone(), |cx| {
        closings::close(cx, &w.tree.branch.code, &wrong).await
    });
    assert_eq!(code_of(refused), "typed:confirm");
    assert_eq!(code_of(w.close(&w.tree.branch, 11).await), "E22");

    let done = w.close(&w.tree.branch, 12).await.unwrap();
    assert_eq!((done.people, done.returned), (12, 1));
    for person in &people {
        assert_eq!(w.branch_of(*person).await.0, orgs::HOLDING_NAME);
    }
    assert!(w.branch_of(people[1]).await.1, "still 转接中");
    assert_eq!(w.branch_of(guest).await, (w.tree.far_branch.short_name.clone(), false));
    let back = w.shown(&far, &coming.no).await;
    assert_eq!(back.transfer.state, State::Rejected);
    assert!(back.transfer.return_note.as_ref().unwrap().contains("已经撤销"));
    assert!(w.own_letters(people[3]).await.contains(&"你所在的团支部已撤销".to_owned()));
    assert!(w.own_letters(people[0]).await.contains(&"你的任职因组织撤销而结束".to_owned()));
    assert_eq!(
        w.count("SELECT COUNT(*) FROM event WHERE kind = 'member.held' AND person_id IS NOT NULL")
            .await,
        12
    );
    // The superior runs what goes on, and the receiver decides as before, with the same version.
    let there = w.shown(&w.superior, &going.no).await;
    assert_eq!(there.transfer.from.category, Category::Holding);
    assert!(there.rights.withdraw, "the superior may take it back");
    act!(w.lab.house, far.clone(), |cx| transfers::approve(cx, &going.no, 1, None).await).unwrap();
    assert_eq!(w.branch_of(people[1]).await.0, w.tree.far_branch.short_name);
    // From the holding branch people leave by 办理转出 of the superior; nobody comes in by hand.
    w.transfer(&w.superior, people[2], &w.tree.far_branch).await;
    let holding = {
        let mut cx = w.lab.house.read(w.superior.clone()).await.unwrap();
        orgs::by_code(&mut cx, done.holding.as_deref().unwrap()).await.unwrap()
    };
    let draft = draft(&w.lab, "新人");
    let entered =
        act!(w.lab.house, w.superior.clone(), |cx| people::add(cx, &holding, &draft).await);
    assert_eq!(code_of(entered), "org_holding");
    let edited = act!(w.lab.house, w.superior.clone(), |cx| {
        orgs::edit(cx, &holding, 1, orgs::Edit::default()).await
    });
    assert_eq!(code_of(edited), "org_holding");
    assert_eq!(code_of(w.close(&holding, 11).await), "E19", "not while somebody waits there");
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test]
async fn a_closed_organisation_comes_back_with_those_who_still_wait() {
    let w = world().await;
    let people = w.members(&w.tree.branch, 5).await;
    let admin = w.lab.admin(&w.tree.branch, "团支书").await;
    let going = w.transfer(&admin, people[4], &w.tree.far_branch).await;
    w.close(&w.tree.branch, 5).await.unwrap();
    let far = w.lab.admin(&w.tree.far_branch, "李干事").await;
    act!(w.lab.house, far, |cx| transfers::approve(cx, &going.no, 1, None).await).unwrap();
    // Meanwhile a sister took the name.
    act!(w.lab.house, w.superior.clone(), |cx| {
        orgs::create_child(cx, &w.tree.general, new(&w.tree.branch.short_name, Category::Branch))
            .await
    })
    .unwrap();
    w.lab.clock.advance(29 * DAY);
    let moving = w.transfer(&w.superior, people[3], &w.tree.far_branch).await;
    let mut cx = w.lab.house.read(w.superior.clone()).await.unwrap();
    let page = closings::list(&mut cx, None).await.unwrap();
    assert_eq!((page.rows.len(), page.rows[0].days_left), (1, 1));
    let back = closings::preview(&mut cx, &w.tree.branch.code).await.unwrap();
    assert_eq!((back.waiting, back.gone), (4, 1));
    assert!(back.twin.is_some());
    assert!(back.lost[0].contains("团支书(副书记、管理员)"), "{:?}", back.lost);
    // What its address says meanwhile.
    let Error::Closed(said) = closings::trace(&mut cx, &w.tree.branch.code).await else { panic!() };
    assert!(said.message.contains("5 位团员转入了高一年级团总支下的“待接转团支部”"));
    assert_eq!(said.ways.len(), 3);
    drop(cx);
    let plain = Restore { short_name: String::new(), people: true };
    assert_eq!(
        code_of(w.restore(&w.tree.branch, plain.clone()).await),
        "short_name:org_name_taken"
    );
    let renamed = Restore { short_name: "高一1班(原)团支部".into(), people: true };
    let (org, came) = w.restore(&w.tree.branch, renamed).await.unwrap();
    assert_eq!((org.path.as_str(), came), (w.tree.branch.path.as_str(), 4));
    assert_eq!(w.branch_of(people[0]).await.0, "高一1班(原)团支部");
    assert_eq!(w.branch_of(people[3]).await, ("高一1班(原)团支部".into(), true));
    let there = w.shown(&w.superior, &moving.no).await;
    assert_eq!(there.transfer.from.id, w.tree.branch.id);
    assert_eq!(code_of(w.restore(&w.tree.branch, plain).await), "E22");
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test]
async fn marks_of_graduation_and_the_day_of_entry_come_back_with_the_people() {
    let w = world().await;
    let people = w.members(&w.tree.branch, 3).await;
    let mut codes = Vec::new();
    let mut cx = w.lab.house.read(Who::System("test")).await.unwrap();
    for person in &people {
        codes.push(people::person::read(&mut cx, *person).await.unwrap().code);
    }
    drop(cx);
    let mixed = Mark::read("mixed").unwrap();
    act!(w.lab.house, w.superior.clone(), |cx| {
        graduation::mark(cx, std::slice::from_ref(&w.tree.branch.code), mixed).await?;
        let until = "2027-06".parse().ok();
        graduation::mark_people(cx, &codes[..1], Some(PersonMark::Delayed), until).await?;
        graduation::mark_people(cx, &codes[1..2], Some(PersonMark::Teacher), None).await
    })
    .unwrap();
    let text = "SELECT CAST(COALESCE(SUM(entered_at), 0) AS BIGINT) FROM member WHERE graduation IS NOT NULL OR entered_at < 0 OR name = '王五'";
    let entered = w.count(text).await;
    w.lab.clock.advance(DAY);
    w.close(&w.tree.branch, 3).await.unwrap();
    assert_eq!(w.count("SELECT COUNT(graduation) FROM member").await, 0, "the way ends marks");
    w.lab.clock.advance(DAY);
    let mut cx = w.lab.house.read(w.superior.clone()).await.unwrap();
    assert_eq!(closings::preview(&mut cx, &w.tree.branch.code).await.unwrap().marked, 2);
    drop(cx);
    let how = Restore { short_name: String::new(), people: true };
    assert_eq!(w.restore(&w.tree.branch, how).await.unwrap().1, 3);
    let marks = "SELECT COUNT(*) FROM member WHERE (graduation = 'delayed' AND graduation_until = '2027-06') OR (graduation = 'teacher' AND graduation_until IS NULL)";
    assert_eq!(w.count(marks).await, 2);
    assert_eq!(w.count(text).await, entered, "since when they are here");
    w.lab.is_whole().await;
}

/// A clock that goes on at every look.
struct Ticking(std::sync::atomic::AtomicI64);
impl app::clock::Clock for Ticking {
    fn now(&self) -> i64 {
        self.0.fetch_add(7, std::sync::atomic::Ordering::Relaxed)
    }
}

#[tokio::test]
async fn the_book_of_a_closing_verifies_though_time_goes_on_while_it_is_written() {
    let w = world().await;
    w.members(&w.tree.branch, 5).await;
    let (db, keys) = (w.lab.scratch.open().await.unwrap(), w.lab.keys_file());
    let clock = Ticking(std::sync::atomic::AtomicI64::new(w.lab.house.now()));
    let chance = app::clock::SeededChance::new(77);
    let settings = w.lab.house.settings().clone();
    let keys = app::keys::Keys::open(&keys).unwrap();
    let house = app::House::open(db, keys, clock, chance, settings).await.unwrap();
    let ask = Ask { people: 5, typed: w.tree.branch.short_name.clone() };
    act!(house, w.superior.clone(), |cx| closings::close(cx, &w.tree.branch.code, &ask).await)
        .unwrap();
    app::events::seal(&house, 2000).await.unwrap();
    assert_eq!(app::events::verify(&house, None).await.unwrap().1, []);
}

#[tokio::test]
async fn after_thirty_days_it_is_final_and_a_dead_parent_takes_nothing_back() {
    let w = world().await;
    w.members(&w.tree.branch, 3).await;
    w.close(&w.tree.branch, 3).await.unwrap();
    w.lab.clock.advance(31 * DAY);
    jobs::tick(&w.lab.house).await.unwrap();
    let how = Restore { short_name: String::new(), people: true };
    assert_eq!(code_of(w.restore(&w.tree.branch, how.clone()).await), "org_closed");
    assert_eq!(w.count("SELECT COUNT(*) FROM closing_person").await, 0);
    // The superior was reminded of those who wait.
    let mut cx = w.lab.house.read(w.superior.clone()).await.unwrap();
    let titles = messages::of_org(&mut cx, false, None, 50).await.unwrap();
    assert!(titles.iter().any(|m| m.title.contains("待接转团支部里还有 3 人等待转出")));
    drop(cx);
    // A child of a committee that is closed in its turn.
    let school = w.lab.admin(&w.tree.committee, "赵书记").await;
    let group = act!(w.lab.house, school.clone(), |cx| {
        orgs::create_child(cx, &w.tree.committee, new("高二年级团总支", Category::General)).await
    })
    .unwrap();
    let class = w.lab.org(Some(&group), Category::Branch, "高二1班团支部").await;
    let person = w.lab.person("代理").await;
    let acting = w.lab.acting(person, "代理", &group, app::Role::Group);
    close_as(&w.lab, &acting, &class, 0).await.unwrap();
    close_as(&w.lab, &school, &group, 0).await.unwrap();
    let orphan =
        act!(w.lab.house, acting.clone(), |cx| closings::restore(cx, &class.code, &how).await);
    assert_eq!(code_of(orphan), "org_parent_gone");
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test]
async fn five_thousand_people_are_moved_in_one_act() {
    let w = world().await;
    plant_many(&w.lab, &w.tree.branch, 5000).await;
    let begun = std::time::Instant::now();
    let done = w.close(&w.tree.branch, 5000).await.unwrap();
    assert_eq!(done.people, 5000);
    let took = begun.elapsed();
    assert!(took.as_secs() < 20, "took {took:?}");
    let how = Restore { short_name: String::new(), people: true };
    assert_eq!(w.restore(&w.tree.branch, how).await.unwrap().1, 5000);
    println!("closing 5,000 people took {took:?}");
    assert_eq!(w.count("SELECT COUNT(*) FROM message WHERE to_person IS NOT NULL").await, 10_000);
}

/// Many members in two statements.
async fn plant_many(lab: &Lab, branch: &OrgRef, n: i64) {
    let bytes = match lab.house.db().engine() {
        db::Engine::Sqlite => "CAST(CAST(n AS TEXT) AS BLOB)",
        db::Engine::Postgres => "CAST(n AS TEXT)::bytea",
    };
    let numbers = "WITH RECURSIVE c(n) AS (SELECT 1000000 UNION ALL SELECT n + 1 FROM c WHERE n <";
    let last = 1_000_000 + n - 1;
    let insert = format!(
        "{numbers} {last}) INSERT INTO person (id, code, name, name_py, id_ct, id_bi, id_bi_ver, sex, birth_ym, missing, complete, created_at, updated_at) SELECT n, 'M' || n, '张三', 'zs', {bytes}, {bytes}, 1, 'male', '2001-01', '', TRUE, 0, 0 FROM c;
        {numbers} {last}) INSERT INTO member (person_id, org_id, org_category, org_path, name, name_py, joined, complete, entered_at) SELECT n, {}, 'BRANCH', '{}', '张三', 'zs', '2015-09', TRUE, 0 FROM c;
        INSERT INTO delta (id, org_path, members, members_done, at) VALUES (1, '{}', {n}, {n}, 0);",
        branch.id, branch.path, branch.path
    );
    lab.plant(&insert).await.unwrap();
}

/// Both at once, with the retries that a page would make.
fn both<A: Future + Send, B: Future + Send>(
    one: A,
    two: B,
) -> std::pin::Pin<Box<futures::future::Join<A, B>>> {
    Box::pin(futures::future::join(one, two))
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
async fn close_against_create_a_child_leaves_no_child_without_a_parent() {
    let w = world().await;
    let school = w.lab.admin(&w.tree.committee, "赵书记").await;
    let (mut closed, mut refused) = (0, 0);
    for n in 0..10 {
        let group =
            w.lab.org(Some(&w.tree.committee), Category::General, &format!("第{n}团总支")).await;
        let person = w.lab.person("代理").await;
        let acting = w.lab.acting(person, "代理", &group, app::Role::Group);
        let (h1, h2) = (w.lab.house.clone(), w.lab.house.clone());
        let (who, g1, g2) = (school.clone(), group.clone(), group.clone());
        let (close, create) = both(
            async move {
                let ask = Ask::default();
                try_act!(h1, who, |cx| closings::close(cx, &g1.code, &ask).await)
            },
            async move {
                try_act!(h2, acting, |cx| orgs::create_child(
                    cx,
                    &g2,
                    new("一班团支部", Category::Branch)
                )
                .await)
            },
        )
        .await;
        assert!(close.is_ok() != create.is_ok(), "{close:?} {create:?}");
        closed += i32::from(close.is_ok());
        refused += i32::from(close.is_err());
    }
    assert_eq!(closed + refused, 10);
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn close_against_issuing_a_code_leaves_no_code_for_a_dead_organisation() {
    let w = world().await;
    for n in 0..10 {
        let branch =
            w.lab.org(Some(&w.tree.general), Category::Branch, &format!("第{n}团支部")).await;
        let (h1, h2) = (w.lab.house.clone(), w.lab.house.clone());
        let (closer, issuer) = (w.superior.clone(), w.superior.clone());
        let (b1, b2) = (branch.clone(), branch.clone());
        let (closed, issued) = both(
            async move {
                let ask = Ask::default();
                try_act!(h1, closer, |cx| closings::close(cx, &b1.code, &ask).await)
            },
            async move {
                let chosen = [b2.code.clone()];
                try_act!(h2, issuer, |cx| codes::issue(cx, &chosen).await.map(|i| i.count))
            },
        )
        .await;
        closed.unwrap();
        assert!(
            matches!(&issued, Ok(1) | Err(Error::NotFound))
                || issued
                    .as_ref()
                    .is_err_and(|e| matches!(e, Error::Conflict(r) if r.code == "org_gone")),
            "{issued:?}"
        );
    }
    let waiting = "SELECT COUNT(*) FROM reg_code c JOIN org o ON o.id = c.org_id WHERE c.state = 'waiting' AND o.status = 'DELETED'";
    assert_eq!(w.count(waiting).await, 0);
    w.lab.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn close_against_adding_and_approving_leaves_nobody_in_a_dead_branch() {
    let w = world().await;
    let far = w.lab.admin(&w.tree.far_branch, "李干事").await;
    for n in 0..8 {
        let branch =
            w.lab.org(Some(&w.tree.general), Category::Branch, &format!("第{n}团支部")).await;
        let guest = w.lab.member(&w.tree.far_branch, "来客").await;
        let coming = w.transfer(&far, guest, &branch).await;
        let (h1, h2, h3) = (w.lab.house.clone(), w.lab.house.clone(), w.lab.house.clone());
        let (closer, adder, approver) =
            (w.superior.clone(), w.superior.clone(), w.superior.clone());
        let (b1, b2) = (branch.clone(), branch.clone());
        let draft = draft(&w.lab, "新人");
        let no = coming.no.clone();
        let close = async move {
            // Whoever came in meanwhile is counted when the page is looked at again.
            for people in [0, 1, 2, 1, 0, 2] {
                let ask = Ask { people, typed: b1.short_name.clone() };
                let done = try_act!(h1, closer, |cx| closings::close(cx, &b1.code, &ask).await);
                match done {
                    Err(Error::Conflict(r)) if r.code == "E22" => {}
                    other => return other.map(|d| d.people),
                }
            }
            panic!("the number of people does not settle")
        };
        let others = async move {
            both(
                async move { try_act!(h2, adder, |cx| people::add(cx, &b2, &draft).await) },
                async move {
                    try_act!(h3, approver, |cx| transfers::approve(cx, &no, 1, None).await)
                },
            )
            .await
        };
        let (closed, (added, approved)) = both(close, others).await;
        let people = closed.unwrap();
        let arrived = approved.is_ok_and(|t| t.state == State::Done);
        assert_eq!(people, i64::from(added.is_ok()) + i64::from(arrived));
        let (at, moving) = w.branch_of(guest).await;
        assert!(!moving, "nothing is left open");
        assert_eq!(at == orgs::HOLDING_NAME, arrived, "{at}");
    }
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_closings_at_once_make_one_holding_branch_and_two_restores_bring_back_once() {
    let w = world().await;
    w.members(&w.tree.branch, 3).await;
    w.members(&w.tree.sister, 2).await;
    let close = |org: &OrgRef, people| {
        let (house, who, org) = (w.lab.house.clone(), w.superior.clone(), org.clone());
        let ask = Ask { people, typed: org.short_name.clone() };
        async move { try_act!(house, who, |cx| closings::close(cx, &org.code, &ask).await) }
    };
    let (one, two) = both(close(&w.tree.branch, 3), close(&w.tree.sister, 2)).await;
    assert_eq!(one.unwrap().holding, two.unwrap().holding);
    assert_eq!(w.count("SELECT COUNT(*) FROM org WHERE category = 'HOLDING'").await, 1);
    let restore = || {
        let (house, who, org) = (w.lab.house.clone(), w.superior.clone(), w.tree.branch.clone());
        let how = Restore { short_name: String::new(), people: true };
        async move { try_act!(house, who, |cx| closings::restore(cx, &org.code, &how).await) }
    };
    let (one, two) = both(restore(), restore()).await;
    let came: Vec<i64> = [&one, &two].into_iter().flatten().map(|(_, n)| *n).collect();
    assert_eq!(came, [3], "{one:?} {two:?}");
    // The same closed twice at once: one does it.
    let (one, two) = both(close(&w.tree.branch, 3), close(&w.tree.branch, 3)).await;
    assert!(one.is_ok() != two.is_ok());
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn close_against_a_running_import_leaves_nobody_behind() {
    let w = world().await;
    for n in 0..4 {
        let branch =
            w.lab.org(Some(&w.tree.general), Category::Branch, &format!("第{n}团支部")).await;
        let mut lines = "姓名\t身份证号码\t民族\t政治面貌\t学历\t入团年月\t手机号码\n".to_owned();
        for i in 0..30 {
            let id = w.lab.next_id_number();
            lines.push_str(&format!(
                "张三\t{id}\t汉族\t共青团员\t大学本科\t2015-09\t138123456{i:02}\n"
            ));
        }
        let upload = imports::read(&w.lab.house, imports::Source::Pasted(lines)).await.unwrap();
        let import = act!(w.lab.house, w.superior.clone(), |cx| {
            imports::stage(cx, &branch, &upload).await
        })
        .unwrap();
        act!(w.lab.house, w.superior.clone(), |cx| {
            imports::commit(cx, import.id, imports::Mode::Good).await
        })
        .unwrap();
        let (h1, h2, closer, b1) =
            (w.lab.house.clone(), w.lab.house.clone(), w.superior.clone(), branch.clone());
        let close = async move {
            for people in [0, 30, 0, 30] {
                let ask = Ask { people, typed: b1.short_name.clone() };
                match try_act!(h1, closer, |cx| closings::close(cx, &b1.code, &ask).await) {
                    Err(Error::Conflict(r)) if r.code == "E22" => {}
                    other => return other.map(|d| d.people),
                }
            }
            panic!("the number of people does not settle")
        };
        let (closed, ran) = both(close, async move { jobs::run_all(&h2).await }).await;
        closed.unwrap();
        ran.unwrap();
    }
    stats::settle(&w.lab.house).await.unwrap();
    w.lab.is_whole().await;
}
