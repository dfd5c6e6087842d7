//! What every kind of business has in common, as 操作中心 shows it: one list of all that waits, was
//! begun, was decided; narrowed, in pages; 催办 of a relocation as of a transfer.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, OrgRef, Who, act,
    business::{self, Ask, Page, Sort, machine::Kind},
    clock::{DAY, HOUR, day},
    messages, people, relocations,
    testkit::{self, Lab, Tree},
    transfers,
};

struct World {
    lab: Lab,
    tree: Tree,
    branch: Who,
    target: Who,
    mover: Who,
    above: Who,
}

/// Three transfers to a branch of another committee, begun on three days, and the relocation of the
/// general branch.
async fn world() -> World {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let branch = lab.admin(&tree.branch, "王芳").await;
    let target = lab.admin(&tree.other_committee, "李娜").await;
    let mover = lab.admin(&tree.general, "赵静").await;
    let above = lab.admin(&tree.committee, "钱多").await;
    World { lab, tree, branch, target, mover, above }
}

impl World {
    async fn transfer(&self, name: &str, to: &OrgRef) -> String {
        let person = self.lab.member(&self.tree.branch, name).await;
        let mut cx = self.lab.house.read(Who::System("test")).await.unwrap();
        let code = people::person::read(&mut cx, person).await.unwrap().code;
        drop(cx);
        let new = transfers::New {
            person: code,
            to: to.code.clone(),
            reason: "job_change".into(),
            fields: [("unit_name".to_owned(), "合肥六中".to_owned())].into(),
            remark: String::new(),
        };
        act!(self.lab.house, self.branch.clone(), |cx| transfers::start(cx, &new).await).unwrap().no
    }
    async fn relocation(&self) -> String {
        let new = relocations::New {
            to: self.tree.other_committee.code.clone(),
            reason: "学院合并到新校区".into(),
        };
        act!(self.lab.house, self.mover.clone(), |cx| relocations::start(cx, &new).await)
            .unwrap()
            .no
    }
    async fn waiting(&self, who: &Who, ask: &Ask, size: i64) -> Page {
        let mut cx = self.lab.house.read(who.clone()).await.unwrap();
        business::waiting(&mut cx, ask, size).await.unwrap()
    }
    async fn letters(&self, who: &Who) -> Vec<String> {
        let mut cx = self.lab.house.read(who.clone()).await.unwrap();
        let items = messages::of_org(&mut cx, false, None, 200).await.unwrap();
        items.into_iter().map(|m| m.title).collect()
    }
}

fn names(page: &Page) -> Vec<&str> {
    page.lines.iter().map(|line| line.name.as_str()).collect()
}

#[tokio::test]
async fn what_waits_of_every_kind_stands_in_one_list_narrowed_and_in_pages() {
    let w = world().await;
    for name in ["张一", "张二", "张三"] {
        w.transfer(name, &w.tree.other_committee).await;
        w.lab.clock.advance(DAY);
    }
    let no = w.relocation().await;
    act!(w.lab.house, w.above.clone(), |cx| relocations::approve(cx, &no, 1).await).unwrap();

    let first = w.waiting(&w.target, &Ask::default(), 3).await;
    assert_eq!(names(&first), ["张一", "张二", "张三"], "the most urgent first");
    let ask = Ask { mark: first.next.clone(), ..Ask::default() };
    let second = w.waiting(&w.target, &ask, 3).await;
    assert_eq!(
        (names(&second), second.next.as_deref()),
        (vec![w.tree.general.short_name.as_str()], None)
    );
    assert_eq!(second.lines[0].kind, Kind::Relocation);

    let only = |sort| Ask { sort: Some(sort), ..Ask::default() };
    assert_eq!(w.waiting(&w.target, &only(Sort::Relocation), 50).await.lines.len(), 1);
    assert_eq!(w.waiting(&w.target, &only(Sort::Incoming), 50).await.lines.len(), 3);
    assert!(w.waiting(&w.target, &only(Sort::Allocation), 50).await.lines.is_empty());
    let second_day = day(testkit::START + DAY);
    let ask = Ask { since: Some(second_day), until: Some(second_day), ..Ask::default() };
    assert_eq!(names(&w.waiting(&w.target, &ask, 50).await), ["张二"]);

    let mut cx = w.lab.house.read(w.mover.clone()).await.unwrap();
    let begun = business::started(&mut cx, &Ask::default(), 50).await.unwrap();
    assert_eq!(begun.lines[0].no, no, "我发起");
    drop(cx);
    let mut cx = w.lab.house.read(w.above.clone()).await.unwrap();
    let decided = business::decided(&mut cx, &Ask::default(), 50).await.unwrap();
    assert_eq!(
        (decided.lines[0].no.as_str(), decided.lines[0].decided.unwrap().1),
        (no.as_str(), "同意")
    );
    drop(cx);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn approving_and_allocating_at_once_is_one_line_of_what_was_decided() {
    let w = world().await;
    let mut numbers = Vec::new();
    for name in ["张一", "张二", "张三"] {
        numbers.push(w.transfer(name, &w.tree.other_committee).await);
    }
    for no in &numbers {
        w.lab.clock.advance(HOUR);
        let branch = w.tree.other_branch.code.clone();
        act!(w.lab.house, w.target.clone(), |cx| {
            transfers::approve(cx, no, 1, Some(&branch)).await
        })
        .unwrap();
    }
    let mut cx = w.lab.house.read(w.target.clone()).await.unwrap();
    let first = business::decided(&mut cx, &Ask::default(), 2).await.unwrap();
    assert_eq!(names(&first), ["张三", "张二"]);
    assert_eq!(first.lines[0].decided.unwrap().1, "分配团支部");
    let ask = Ask { mark: first.next, ..Ask::default() };
    let rest = business::decided(&mut cx, &ask, 2).await.unwrap();
    assert_eq!((names(&rest), rest.next.is_none()), (vec!["张一"], true));
    let ask = Ask { since: Some(day(testkit::START + DAY)), ..Ask::default() };
    assert!(business::decided(&mut cx, &ask, 50).await.unwrap().lines.is_empty());
    drop(cx);
    w.lab.is_whole().await;
}

#[tokio::test]
async fn whoever_moves_urges_the_superior_that_holds_it_once_a_day() {
    let w = world().await;
    let no = w.relocation().await;
    let urge = |who: &Who| {
        let (house, who, no) = (w.lab.house.clone(), who.clone(), no.clone());
        async move { act!(house, who, |cx| relocations::urge(cx, &no).await) }
    };
    assert!(matches!(urge(&w.mover).await, Err(Error::Refused(r)) if r.code == "urged"));
    w.lab.clock.advance(DAY);
    assert!(matches!(urge(&w.above).await, Err(Error::Forbidden { .. })), "not by the holder");
    urge(&w.mover).await.unwrap();
    assert!(w.letters(&w.above).await[0].starts_with("催办"));
    w.lab.clock.advance(HOUR);
    assert!(matches!(urge(&w.mover).await, Err(Error::Refused(r)) if r.code == "urged"));
    // The new superior is urged when it is its turn, and nobody once it has ended.
    act!(w.lab.house, w.above.clone(), |cx| relocations::approve(cx, &no, 1).await).unwrap();
    w.lab.clock.advance(DAY);
    urge(&w.mover).await.unwrap();
    assert!(w.letters(&w.target).await[0].starts_with("催办"));
    act!(w.lab.house, w.mover.clone(), |cx| relocations::withdraw(cx, &no, 2).await).unwrap();
    w.lab.clock.advance(DAY);
    assert!(matches!(urge(&w.mover).await, Err(Error::Conflict(r)) if r.code == "E22"));
    w.lab.is_whole().await;
}

#[tokio::test]
async fn an_administrator_who_leaves_is_revoked_in_the_book_and_her_branch_and_its_superior_know() {
    let w = world().await;
    let Who::Person(admin) = &w.branch else { panic!("somebody") };
    let person = admin.person;
    // She is a member of her branch as well.
    let join = format!(
        "INSERT INTO member (person_id, org_id, org_category, org_path, name, name_py, joined, complete, entered_at) SELECT id, {}, 'BRANCH', '{}', name, name_py, '2015-09', complete, 0 FROM person WHERE id = {person};
        INSERT INTO delta (id, org_path, members, members_done, at) SELECT 7, '{}', 1, CASE WHEN complete THEN 1 ELSE 0 END, 0 FROM person WHERE id = {person};",
        w.tree.branch.id, w.tree.branch.path, w.tree.branch.path
    );
    w.lab.plant(&join).await.unwrap();
    let mut cx = w.lab.house.read(Who::System("test")).await.unwrap();
    let code = people::person::read(&mut cx, person).await.unwrap().code;
    drop(cx);
    let new = transfers::New {
        person: code,
        to: w.tree.other_branch.code.clone(),
        reason: "job_change".into(),
        fields: [("unit_name".to_owned(), "合肥六中".to_owned())].into(),
        remark: String::new(),
    };
    let no = act!(w.lab.house, w.mover.clone(), |cx| transfers::start(cx, &new).await).unwrap().no;
    let taker = w.lab.admin(&w.tree.other_branch, "孙丽").await;
    act!(w.lab.house, taker.clone(), |cx| transfers::approve(cx, &no, 1, None).await).unwrap();
    let seen = async || {
        let mut tx = w.lab.house.db().read().await.unwrap();
        let text = "SELECT kind, detail FROM event WHERE person_id = $1 AND kind LIKE 'admin.%' ORDER BY id";
        let found: Vec<(String, String)> =
            tx.all(db::Sql::built(text.into()), db::args![person]).await.unwrap();
        found
    };
    let book = seen().await;
    assert!(book[0].0 == "admin.revoked" && book[0].1.contains(r#""with":"transfer""#), "{book:?}");
    let told = w.letters(&w.mover).await;
    assert!(told.iter().any(|title| title.ends_with("没有管理员了")), "{told:?}");
    let mut cx = w
        .lab
        .house
        .read(w.lab.acting(person, "王芳", &w.tree.branch, app::Role::Group))
        .await
        .unwrap();
    let own = messages::of_org(&mut cx, false, None, 50).await.unwrap();
    assert!(own.iter().any(|m| m.title.contains("不再是本组织管理员")));
    drop(cx);
    w.lab.is_whole().await;
    act!(w.lab.house, taker.clone(), |cx| transfers::undo(cx, &no, 2).await).unwrap();
    assert_eq!(seen().await[1].0, "admin.appointed");
    let mut cx = w.lab.house.read(Who::System("test")).await.unwrap();
    assert_eq!(app::cadres::seats(&mut cx, &w.tree.branch).await.unwrap().len(), 1);
    drop(cx);
    w.lab.is_whole().await;
}
