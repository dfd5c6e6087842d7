//! 团干部, 管理员, 换届, 观察员: posts and what hangs on them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use app::{
    Action, Error, House, OrgRef, Result, Role, Who, act,
    cadres::{
        self, admins,
        change::{self, EnteredCadre, NewCadre, PostForm},
        election::{self, Election, Fate, LEAVES, Newcomer},
        idle,
        observers::{self, NewObserver},
    },
    clock::DAY,
    closings,
    orgs::Category,
    people::{self, Entered, Named, PersonId},
    rules::person::{PostDraft, RawCell},
    testkit::{self, Lab},
};
use db::sql;

fn post(code: &str) -> PostDraft {
    PostDraft {
        code: code.into(),
        is_secretary: code == "secretary",
        since: Some("2026-06".into()),
        nature: None,
        in_party_committee: None,
    }
}

async fn give(house: &House, org: &OrgRef, person: PersonId, code: &str) -> Result<()> {
    act!(house, Who::System("test"), |cx| {
        let permit = cx.permit(Action::ChangePosts, org)?;
        cadres::give_post(cx, &permit, org, person, &post(code)).await?;
        cx.record(permit, app::events::Event::new("test.given", "org", org.id.0)).await
    })
}

async fn sit(house: &House, org: &OrgRef, person: PersonId) -> Result<i64> {
    act!(house, Who::System("test"), |cx| {
        let permit = cx.permit(Action::ManageAdmins, org)?;
        let slot = cadres::seat(cx, &permit, org, person).await?;
        cx.record(permit, app::events::Event::new("test.sat", "org", org.id.0)).await?;
        Ok(slot)
    })
}

async fn end(house: &House, org: &OrgRef, person: PersonId) -> Result<Option<cadres::Ended>> {
    act!(house, Who::System("test"), |cx| {
        let permit = cx.permit(Action::ChangePosts, org)?;
        let ended = cadres::end_post(cx, &permit, org, person, "离任").await?;
        cx.record(permit, app::events::Event::new("test.ended", "org", org.id.0)).await?;
        Ok(ended)
    })
}

async fn seated(lab: &Lab, org: &OrgRef) -> usize {
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    cadres::seats(&mut cx, org).await.unwrap().len()
}

fn code<T: std::fmt::Debug>(done: Result<T>) -> String {
    match done.unwrap_err() {
        Error::Refused(r) | Error::Conflict(r) => r.code,
        Error::Invalid(fields) => fields.into_iter().map(|f| f.code).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_post_a_person_and_one_secretary_an_organisation() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let (a, b) = (lab.person("张三").await, lab.person("李四").await);
    give(&lab.house, &tree.committee, a, "secretary").await.unwrap();
    assert_eq!(code(give(&lab.house, &tree.committee, a, "deputy").await), "post_here");
    assert_eq!(code(give(&lab.house, &tree.committee, b, "secretary").await), "secretary_taken");
    assert_eq!(code(give(&lab.house, &tree.branch, b, "standing").await), "post_unknown");
    // The same person may be 书记 of several organisations (40).
    give(&lab.house, &tree.branch, a, "secretary").await.unwrap();
    lab.is_whole().await;
}

#[tokio::test]
async fn only_a_cadre_gets_a_seat_and_the_seat_ends_with_the_post() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let a = lab.person("张三").await;
    assert_eq!(code(sit(&lab.house, &tree.county, a).await), "no_post");
    give(&lab.house, &tree.county, a, "secretary").await.unwrap();
    assert_eq!(sit(&lab.house, &tree.county, a).await.unwrap(), 1);
    assert_eq!(code(sit(&lab.house, &tree.county, a).await), "already_admin");
    for (name, post) in [("李四", "deputy"), ("王五", "member")] {
        let person = lab.person(name).await;
        give(&lab.house, &tree.county, person, post).await.unwrap();
        let done = sit(&lab.house, &tree.county, person).await;
        // A leading organ has two seats (28).
        if name == "李四" {
            assert_eq!(done.unwrap(), 2);
        } else {
            assert_eq!(code(done), "seats_full");
        }
    }
    assert_eq!(end(&lab.house, &tree.county, a).await.unwrap(), Some(cadres::Ended { seat: true }));
    assert_eq!(end(&lab.house, &tree.county, a).await.unwrap(), None);
    assert_eq!(seated(&lab, &tree.county).await, 1);
    lab.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_for_the_last_seat_and_one_gets_it() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let org = &tree.committee;
    lab.admin(org, "甲").await;
    lab.admin(org, "乙").await;
    let mut people = Vec::new();
    for n in 0..8 {
        let person = lab.person(&format!("候选{}", ["一", "二", "三", "四"][n % 4])).await;
        lab.cadre(org, person, "委员").await;
        people.push(person);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for person in people {
        let (house, org) = (lab.house.clone(), org.clone());
        tasks.spawn(async move {
            loop {
                match sit(&house, &org, person).await {
                    Err(Error::Busy | Error::Retry) => {}
                    done => return done.is_ok(),
                }
            }
        });
    }
    let won = tasks.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!((won, seated(&lab, org).await), (1, 3));
    lab.is_whole().await;
}

#[tokio::test]
async fn somebody_new_is_made_without_an_account_and_another_name_learns_nothing() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let admin = lab.admin(&tree.committee, "王芳").await;
    let id = lab.next_id_number();
    let named = |name: &str, mobile: &str| {
        Named::read(name, &RawCell::text(&id), mobile, app::clock::day(testkit::START))
    };
    let find = async |named: Named| {
        let named = &named;
        act!(lab.house, admin.clone(), |cx| {
            let permit = cx.permit(Action::ChangePosts, &tree.committee)?;
            let found = people::find_or_make(cx, &permit, named).await?;
            cx.record(permit, app::events::Event::new("test.found", "org", 0)).await?;
            Ok(found)
        })
    };
    let Entered::Made(person) = find(named("赵六", "").unwrap()).await.unwrap() else {
        panic!("nobody had that number")
    };
    assert_eq!(find(named("赵六", "").unwrap()).await.unwrap(), Entered::Known(person));
    assert_eq!(find(named("赵七", "").unwrap()).await.unwrap(), Entered::OtherName);
    let mut tx = lab.house.db().read().await.unwrap();
    let (accounts,): (i64,) = tx.one(sql!("SELECT COUNT(*) FROM account"), &[]).await.unwrap();
    drop(tx);
    assert_eq!(accounts, 0, "nobody's password can be guessed who has none");
    assert_eq!(code(named("赵六", "123")), "mobile_malformed");
    for _ in 0..28 {
        find(named("赵七", "").unwrap()).await.unwrap();
    }
    assert!(matches!(find(named("赵七", "").unwrap()).await, Err(Error::TooMany { .. })));
    lab.is_whole().await;
}

#[tokio::test]
async fn closing_an_organisation_ends_posts_seats_and_observers_at_once() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    lab.admin(&tree.branch, "甲").await;
    let b = lab.person("乙").await;
    give(&lab.house, &tree.branch, b, "secretary").await.unwrap();
    lab.observer(&tree.branch, "丙").await;
    let org = &tree.branch;
    let closed = act!(lab.house, Who::System("test"), |cx| {
        let permit = cx.permit(Action::CloseChild, org)?;
        let closed = cadres::end_all(cx, &permit, org, "组织撤销").await?;
        cx.record(permit, app::events::Event::new("test.closed", "org", org.id.0)).await?;
        Ok(closed)
    })
    .unwrap();
    assert_eq!((closed.cadres.len(), closed.admins.len(), closed.observers.len()), (2, 1, 1));
    lab.is_whole().await;
}

async fn code_of(lab: &Lab, person: PersonId) -> String {
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    people::person::read(&mut cx, person).await.unwrap().code
}

fn person_of(who: &Who) -> PersonId {
    match who {
        Who::Person(visitor) => visitor.person,
        _ => panic!("not a person"),
    }
}

/// Tries until the database has time for it.
async fn patiently<T, F: Future<Output = Result<T>>>(mut work: impl FnMut() -> F) -> Result<T> {
    loop {
        match work().await {
            Err(Error::Busy | Error::Retry) => {}
            done => return done,
        }
    }
}

async fn revoke(house: &House, who: &Who, org: &OrgRef, code: &str) -> Result<String> {
    patiently(|| async { act!(house, who.clone(), |cx| admins::revoke(cx, org, code).await) }).await
}

#[tokio::test]
async fn administrators_are_appointed_and_revoked_by_others_only() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let org = &tree.general;
    let own = lab.admin(org, "甲").await;
    let above = lab.admin(&tree.committee, "上级").await;
    let outside = lab.admin(&tree.county, "区委").await;
    let b = lab.person("乙").await;
    lab.cadre(org, b, "委员").await;
    let (own_code, b_code) = (code_of(&lab, person_of(&own)).await, code_of(&lab, b).await);
    let appoint = async |who: &Who| {
        act!(lab.house, who.clone(), |cx| admins::appoint(cx, org, &b_code).await)
    };
    assert!(matches!(appoint(&outside).await, Err(Error::Forbidden { .. })), "two levels below");
    appoint(&own).await.unwrap();
    assert_eq!(code(revoke(&lab.house, &own, org, &own_code).await), "own_right");
    // 33: the post stays. The superior may take the last one away, the organisation itself not.
    revoke(&lab.house, &own, org, &b_code).await.unwrap();
    assert_eq!(code(revoke(&lab.house, &own, org, &b_code).await), "E22");
    revoke(&lab.house, &above, org, &own_code).await.unwrap();
    assert_eq!(seated(&lab, org).await, 0);
    // What she was when her visit began, she is no longer.
    assert_eq!(code(appoint(&own).await), "E22");
    appoint(&lab.operator(&tree.centre, "运营").await).await.unwrap();
    assert_eq!(seated(&lab, org).await, 1);
    lab.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_revoke_one_another_at_once_leave_one() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let org = &tree.committee;
    let (a, b) = (lab.admin(org, "甲").await, lab.admin(org, "乙").await);
    let codes = [code_of(&lab, person_of(&a)).await, code_of(&lab, person_of(&b)).await];
    for round in 0..100 {
        let (one, two) = tokio::join!(
            revoke(&lab.house, &a, org, &codes[1]),
            revoke(&lab.house, &b, org, &codes[0]),
        );
        let won = usize::from(one.is_ok()) + usize::from(two.is_ok());
        assert_eq!((won, seated(&lab, org).await), (1, 1), "round {round}: {one:?} {two:?}");
        // Whoever is left lets the other one in again.
        let (left, other) = if one.is_ok() { (&a, &codes[1]) } else { (&b, &codes[0]) };
        act!(lab.house, left.clone(), |cx| admins::appoint(cx, org, other).await).unwrap();
    }
    lab.is_whole().await;
}

fn form(post: &str) -> PostForm {
    PostForm { post: post.into(), since: "2026-05".into(), ..PostForm::default() }
}

#[tokio::test]
async fn cadres_are_entered_changed_and_let_go() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let org = &tree.committee;
    let own = lab.admin(org, "甲").await;
    let member = lab.member(&tree.far_branch, "远方").await;
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    let id = people::person::read(&mut cx, member).await.unwrap().id_number.reveal().to_owned();
    drop(cx);
    let enter = async |name: &str, id: &str, at: &OrgRef| {
        let new = NewCadre {
            name: name.into(),
            id_number: RawCell::text(id),
            mobile: String::new(),
            post: form("委员"),
        };
        let new = &new;
        act!(lab.house, own.clone(), |cx| change::enter(cx, at, new).await)
    };
    let done = enter("远方", &id, org).await.unwrap();
    assert!(matches!(done, EnteredCadre::Done { was_known: true, .. }), "85: attached");
    assert_eq!(enter("另一个", &id, org).await.unwrap(), EnteredCadre::OtherName);
    assert_eq!(code(enter("远方", &id, org).await), "post_here");
    assert_eq!(code(enter("远方", &id, &tree.general).await), "own_level_only");
    let far = code_of(&lab, member).await;
    let version = async || {
        let mut cx = lab.house.read(own.clone()).await.unwrap();
        change::changing(&mut cx, org, &far).await.unwrap().held.map_or(0, |h| h.version)
    };
    let seen = version().await;
    let alter = async |version: i64, post: &str| {
        let form = form(post);
        let form = &form;
        act!(lab.house, own.clone(), |cx| change::change(cx, org, &far, version, form).await)
    };
    sit(&lab.house, org, member).await.unwrap();
    assert_eq!(code(alter(seen + 7, "副书记").await), "E22");
    alter(seen, "副书记").await.unwrap();
    assert_eq!(seated(&lab, org).await, 2, "the seat goes along with a changed post");
    let version = version().await;
    let (name, seat) =
        act!(lab.house, own.clone(), |cx| change::remove(cx, org, &far, version, "调离").await)
            .unwrap();
    assert_eq!((name.as_str(), seat, seated(&lab, org).await), ("远方", true, 1));
    // Nobody ends her own post and with it her own right.
    let me = code_of(&lab, person_of(&own)).await;
    let own_end = act!(lab.house, own.clone(), |cx| change::remove(cx, org, &me, 1, "离任").await);
    assert_eq!(code(own_end), "own_right");
    let mut cx = lab.house.read(own.clone()).await.unwrap();
    let history = cadres::history(&mut cx, member).await.unwrap();
    let told: Vec<_> = history.iter().map(|p| (p.post.as_str(), p.end_reason.clone())).collect();
    assert_eq!(told, [("副书记", Some("调离".into())), ("委员", Some("职务变更".into()))]);
    let (rows, _) = cadres::list(&mut cx, cadres::Whose::Of(org), None).await.unwrap();
    assert_eq!(rows.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["甲"]);
    drop(cx);
    lab.is_whole().await;
}

#[tokio::test]
async fn lists_of_cadres_go_through_the_children_page_by_page() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let own = lab.admin(&tree.general, "甲").await;
    for n in 0..30 {
        for org in [&tree.branch, &tree.sister] {
            let person = lab.person(&format!("干部{}", char::from(b'A' + n))).await;
            lab.cadre(org, person, "组织委员").await;
        }
    }
    let mut cx = lab.house.read(own).await.unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let (mut after, mut pages) = (None, 0);
    loop {
        let whose = cadres::Whose::Children(&tree.general);
        let (rows, next) = cadres::list(&mut cx, whose, after.as_deref()).await.unwrap();
        seen.extend(rows.into_iter().map(|r| r.person_code));
        pages += 1;
        match next {
            Some(mark) => after = Some(mark),
            None => break,
        }
    }
    assert_eq!((seen.len(), pages), (60, 2));
}

#[tokio::test]
async fn the_first_secretary_is_entered_and_the_next_one_elected() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let org = &tree.branch;
    let above = lab.admin(&tree.general, "上级").await;
    let own = lab.admin(org, "甲某").await;
    let new = cadres::NewSecretary { myself: true, ..Default::default() };
    let new = &new;
    let set = act!(lab.house, own.clone(), |cx| cadres::set_secretary(cx, org, new).await);
    assert_eq!(set.unwrap().as_deref(), Some("甲某"), "我就是书记");
    assert_eq!(seated(&lab, org).await, 1, "she keeps her seat");
    let again = cadres::NewSecretary {
        name: "乙某".into(),
        id_number: RawCell::text(lab.next_id_number()),
        ..Default::default()
    };
    let again = &again;
    let taken = act!(lab.house, above.clone(), |cx| cadres::set_secretary(cx, org, again).await);
    assert_eq!(code(taken), "secretary_taken");
    // The same person for another organisation, where the superior enters her (40).
    let id = {
        let mut cx = lab.house.read(Who::System("test")).await.unwrap();
        let me = people::person::read(&mut cx, person_of(&own)).await.unwrap();
        me.id_number.reveal().to_owned()
    };
    let shared = cadres::NewSecretary {
        name: "甲某".into(),
        id_number: RawCell::text(id),
        ..Default::default()
    };
    let shared = &shared;
    let sister = &tree.sister;
    act!(lab.house, above.clone(), |cx| cadres::set_secretary(cx, sister, shared).await).unwrap();
    lab.is_whole().await;
}

/// What an election of `org` starts from, for whoever asks.
async fn ballot(lab: &Lab, who: &Who, org: &OrgRef) -> election::Ballot {
    let mut cx = lab.house.read(who.clone()).await.unwrap();
    election::ballot(&mut cx, org).await.unwrap()
}

async fn hold(house: &House, who: &Who, org: &OrgRef, e: &Election) -> Result<election::Plan> {
    let held =
        patiently(|| async { act!(house, who.clone(), |cx| election::hold(cx, org, e).await) });
    held.await?.map_err(Error::Invalid)
}

fn fate(code: &str, post: &str, admin: bool) -> Fate {
    Fate { code: code.into(), post: post.into(), admin }
}

#[tokio::test]
async fn an_election_does_everything_in_one_step() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let org = &tree.branch;
    let above = lab.admin(&tree.general, "上级").await;
    let old = lab.admin(org, "旧书记").await;
    let deputy = lab.admin(org, "老副书记").await;
    act!(lab.house, old.clone(), |cx| {
        let new = cadres::NewSecretary { myself: true, ..Default::default() };
        cadres::set_secretary(cx, org, &new).await
    })
    .unwrap();
    let member = lab.member(org, "组织委员人选").await;
    let codes = [
        code_of(&lab, person_of(&old)).await,
        code_of(&lab, person_of(&deputy)).await,
        code_of(&lab, member).await,
    ];
    let seen = ballot(&lab, &above, org).await.seen;
    let election = Election {
        seen,
        elected_on: "2026-06-10".into(),
        fates: vec![fate(&codes[0], LEAVES, false), fate(&codes[1], "书记", true)],
        newcomers: vec![
            Newcomer {
                member: codes[2].clone(),
                post: "组织委员".into(),
                admin: true,
                ..Newcomer::default()
            },
            Newcomer {
                name: "新来的".into(),
                id_number: RawCell::text(lab.next_id_number()),
                mobile: "13912345678".into(),
                post: "宣传委员".into(),
                ..Newcomer::default()
            },
            Newcomer::default(),
        ],
    };
    assert_eq!(code(hold(&lab.house, &old, org, &election).await), "own_secretary", "42");
    let stale = Election { seen: "other".into(), ..election.clone() };
    assert_eq!(code(hold(&lab.house, &above, org, &stale).await), "E22");
    let two = Election {
        fates: vec![fate(&codes[1], "书记", true)],
        newcomers: vec![],
        ..election.clone()
    };
    assert_eq!(code(hold(&lab.house, &above, org, &two).await), "one_secretary");
    let nobody = Election {
        fates: vec![fate(&codes[0], "", false), fate(&codes[1], "", false)],
        newcomers: vec![],
        ..election.clone()
    };
    assert_eq!(code(hold(&lab.house, &above, org, &nobody).await), "admins");
    let plan = hold(&lab.house, &deputy, org, &election).await.unwrap();
    assert_eq!((plan.secretary.as_str(), plan.admins.len()), ("老副书记", 2));
    assert!(plan.effects.iter().any(|e| e.contains("撤销旧书记的管理员身份")), "{plan:?}");
    let now = ballot(&lab, &above, org).await;
    let names: Vec<_> = now.sitting.iter().map(|s| (s.name.as_str(), s.post.as_str())).collect();
    assert!(names.contains(&("老副书记", "书记")) && names.contains(&("新来的", "宣传委员")));
    assert_eq!((names.len(), now.elected_on.as_deref()), (3, Some("2026-06-10")));
    assert_eq!(seated(&lab, org).await, 2);
    // Once more, in one transaction or not at all: nothing of a refused election stays.
    let before = names.len();
    let twice = hold(&lab.house, &deputy, org, &election).await;
    assert_eq!(code(twice), "E22");
    assert_eq!(ballot(&lab, &above, org).await.sitting.len(), before);
    lab.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_election_and_a_revocation_at_once_leave_an_administrator_with_a_post() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    for round in 0..12 {
        let name = format!("第{round}轮团支部");
        let org = lab.org(Some(&tree.general), app::orgs::Category::Branch, &name).await;
        let (a, b) = (lab.admin(&org, "甲").await, lab.admin(&org, "乙").await);
        let codes = [code_of(&lab, person_of(&a)).await, code_of(&lab, person_of(&b)).await];
        let election = Election {
            seen: ballot(&lab, &a, &org).await.seen,
            elected_on: "2026-06-10".into(),
            fates: vec![fate(&codes[0], "书记", true), fate(&codes[1], LEAVES, false)],
            newcomers: vec![],
        };
        let (held, revoked) = tokio::join!(
            hold(&lab.house, &a, &org, &election),
            revoke(&lab.house, &b, &org, &codes[0]),
        );
        let won = usize::from(held.is_ok()) + usize::from(revoked.is_ok());
        assert_eq!((won, seated(&lab, &org).await), (1, 1), "{round}: {held:?} {revoked:?}");
    }
    lab.is_whole().await;
}

#[tokio::test]
async fn superiors_confirm_once_a_year_and_are_asked_to() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let above = lab.admin(&tree.general, "上级").await;
    let a = lab.person("甲").await;
    give(&lab.house, &tree.branch, a, "secretary").await.unwrap();
    sit(&lab.house, &tree.branch, a).await.unwrap();
    let waiting = async || {
        let mut cx = lab.house.read(above.clone()).await.unwrap();
        admins::unconfirmed(&mut cx, None).await.unwrap().0
    };
    assert!(waiting().await.is_empty());
    assert_eq!(cadres::remind_confirmations(&lab.house).await.unwrap(), 0);
    lab.clock.advance(366 * DAY);
    // Whoever came to her seat in another way than by an appointment is asked about as well.
    assert_eq!(cadres::remind_confirmations(&lab.house).await.unwrap(), 2);
    assert_eq!(cadres::remind_confirmations(&lab.house).await.unwrap(), 0, "once a month");
    let rows = waiting().await;
    let keys: Vec<String> = rows.iter().map(admins::Unconfirmed::key).collect();
    assert_eq!((keys.len(), rows[0].name.as_str()), (1, "甲"));
    let stranger = lab.admin(&tree.committee, "隔一级").await;
    let keys = &keys;
    let confirm = async |who: Who| act!(lab.house, who, |cx| admins::confirm(cx, keys).await);
    assert_eq!(code(confirm(stranger).await), "E22", "not a direct child");
    assert_eq!(confirm(above.clone()).await.unwrap(), 1);
    assert!(waiting().await.is_empty());
    lab.is_whole().await;
}

#[tokio::test]
async fn a_right_that_nobody_uses_rests_and_one_click_gives_it_back() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let above = lab.admin(&tree.general, "上级").await;
    let a = lab.person("甲").await;
    give(&lab.house, &tree.branch, a, "secretary").await.unwrap();
    sit(&lab.house, &tree.branch, a).await.unwrap();
    let grants = async || {
        let mut cx = lab.house.read(Who::System("test")).await.unwrap();
        app::users::grants_of(&mut cx, a).await.unwrap().len()
    };
    let told = async |who: &Who| {
        let mut cx = lab.house.read(who.clone()).await.unwrap();
        let all = app::messages::of_org(&mut cx, false, None, 50).await.unwrap();
        all.into_iter().map(|m| m.title).collect::<Vec<_>>().join(";")
    };
    assert_eq!(idle::rest_unused(&lab.house).await.unwrap(), 0);
    lab.clock.advance(77 * DAY);
    assert_eq!(idle::rest_unused(&lab.house).await.unwrap(), 0);
    assert!(told(&above).await.contains("1 位下级管理员长期没有登录"), "told before");
    lab.clock.advance(14 * DAY);
    // The superior's own seat rests as well; the centre above would be told.
    assert_eq!(idle::rest_unused(&lab.house).await.unwrap(), 2);
    assert_eq!(grants().await, 0, "no right");
    assert!(told(&above).await.contains("1 位下级管理员的身份已暂停"));
    let me = lab.alone(a, "甲");
    let mut cx = lab.house.read(me.clone()).await.unwrap();
    let mine = idle::mine(&mut cx).await.unwrap();
    assert!(mine.len() == 1 && mine[0].own_way, "{mine:?}");
    drop(cx);
    let resume = async || {
        act!(lab.house, me.clone(), |cx| idle::resume_own(cx, &tree.branch.code).await.map(|_| ()))
    };
    resume().await.unwrap();
    assert_eq!((grants().await, code(resume().await).as_str()), (1, "E22"));
    // Once more, and now the superior's confirmation of a year ago counts no longer.
    lab.clock.advance(280 * DAY);
    idle::rest_unused(&lab.house).await.unwrap();
    lab.clock.advance(14 * DAY);
    assert_eq!(idle::rest_unused(&lab.house).await.unwrap(), 1);
    assert_eq!(code(resume().await), "ask_superior");
    let stranger = lab.admin(&tree.sister, "别人").await;
    let pcode = {
        let mut cx = lab.house.read(Who::System("test")).await.unwrap();
        cadres::seats(&mut cx, &tree.branch).await.unwrap()[0].person_code.clone()
    };
    let other = act!(lab.house, stranger, |cx| idle::resume(cx, &tree.branch, &pcode).await);
    assert!(other.is_err());
    let next = lab.admin(&tree.general, "新上级").await;
    let keys = vec![format!("{}-{pcode}", tree.branch.code)];
    act!(lab.house, next, |cx| admins::confirm(cx, &keys).await).unwrap();
    assert_eq!(grants().await, 1);
    lab.is_whole().await;
}

#[tokio::test]
async fn observers_see_until_their_day_and_no_longer() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let own = lab.admin(&tree.committee, "甲").await;
    let person = lab.person("看看").await;
    let id = {
        let mut cx = lab.house.read(Who::System("test")).await.unwrap();
        people::person::read(&mut cx, person).await.unwrap().id_number.reveal().to_owned()
    };
    let appoint = async |name: &str, id: &str, until: &str| {
        let new =
            NewObserver { name: name.into(), id_number: RawCell::text(id), until: until.into() };
        let new = &new;
        act!(lab.house, own.clone(), |cx| observers::appoint(cx, new).await)
    };
    assert_eq!(code(appoint("看看", &id, "2027-12-31").await), "date", "the policy's longest");
    assert_eq!(appoint("别人", &id, "2026-06-20").await.unwrap(), None);
    let nobody = lab.next_id_number();
    assert_eq!(appoint("别人", &nobody, "2026-06-20").await.unwrap(), None, "the same answer");
    assert_eq!(appoint("看看", &id, "2026-06-20").await.unwrap().as_deref(), Some("看看"));
    let roles = async || {
        let mut cx = lab.house.read(Who::System("test")).await.unwrap();
        let grants = app::users::grants_of(&mut cx, person).await.unwrap();
        grants.into_iter().map(|g| g.role).collect::<Vec<_>>()
    };
    assert_eq!(roles().await, [Role::Observer]);
    lab.clock.advance(6 * DAY);
    assert!(roles().await.is_empty(), "expired by itself");
    let who = code_of(&lab, person).await;
    act!(lab.house, own.clone(), |cx| observers::dismiss(cx, &who).await).unwrap();
    let twice = act!(lab.house, own.clone(), |cx| observers::dismiss(cx, &who).await);
    assert_eq!(code(twice), "E22");
    lab.is_whole().await;
}

#[tokio::test]
async fn an_organisation_that_was_closed_in_the_same_moment_gets_no_observer() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let empty = lab.org(Some(&tree.committee), Category::Branch, "空团支部").await;
    let above = lab.admin(&tree.committee, "甲").await;
    let person = lab.person("代理").await;
    let own = lab.acting(person, "代理", &empty, Role::Branch);
    let seen = lab.person("看看").await;
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    let number = people::person::read(&mut cx, seen).await.unwrap().id_number.reveal().to_owned();
    drop(cx);
    let ask = closings::Ask { people: 0, typed: empty.short_name.clone() };
    act!(lab.house, above, |cx| closings::close(cx, &empty.code, &ask).await).unwrap();
    let new = NewObserver {
        name: "看看".into(),
        id_number: RawCell::text(number),
        until: "2026-06-20".into(),
    };
    let late = act!(lab.house, own, |cx| observers::appoint(cx, &new).await);
    assert_eq!(code(late), "org_gone");
    lab.is_whole().await;
}

#[tokio::test]
async fn a_term_that_ends_is_said_before_and_when_it_is_over() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let (org, today) = (&tree.committee, testkit::START);
    act!(lab.house, Who::System("test"), |cx| {
        let permit = cx.permit(Action::EditOrg, org)?;
        // Five years before 30 days from now.
        let day = app::clock::day(today + 30 * DAY);
        let day = day.checked_sub(jiff::ToSpan::years(5)).unwrap();
        app::orgs::set_elected_on(cx, &permit, org, day).await?;
        cx.record(permit, app::events::Event::new("test.elected", "org", org.id.0)).await
    })
    .unwrap();
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    let term = cadres::term_of(&mut cx, org).await.unwrap().unwrap();
    drop(cx);
    assert!(term.ends_soon() && term.years == 5 && term.days_left == 30, "{term:?}");
    assert_eq!(cadres::remind_terms(&lab.house).await.unwrap(), 1);
    assert_eq!(cadres::remind_terms(&lab.house).await.unwrap(), 0);
    lab.clock.advance(31 * DAY);
    assert_eq!(cadres::remind_terms(&lab.house).await.unwrap(), 1);
    assert_eq!(cadres::remind_terms(&lab.house).await.unwrap(), 0);
}

#[tokio::test]
async fn the_superior_puts_an_election_off_half_a_year_for_a_branch_and_reminders_follow() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let (org, now) = (&tree.direct, app::clock::day(testkit::START));
    let superior = lab.admin(&tree.committee, "钱多").await;
    let own = lab.admin(org, "周杰").await;
    let until = |days: i64| {
        let day = app::clock::day(testkit::START + days * DAY);
        day.to_string()
    };
    let put_off = |who: Who, days: i64, reason: &'static str| {
        let (house, org, until) = (lab.house.clone(), org.clone(), until(days));
        async move { act!(house, who.clone(), |cx| cadres::put_off(cx, &org, &until, reason).await) }
    };
    let none = put_off(superior.clone(), 10, "书记休产假").await;
    assert_eq!(code(none), "no_term");
    act!(lab.house, Who::System("test"), |cx| {
        let permit = cx.permit(Action::EditOrg, org)?;
        // A student branch: its year ended yesterday.
        let day = now.checked_sub(jiff::ToSpan::years(1).days(1)).unwrap();
        app::orgs::set_elected_on(cx, &permit, org, day).await?;
        cx.record(permit, app::events::Event::new("test.elected", "org", org.id.0)).await
    })
    .unwrap();
    assert_eq!(cadres::remind_terms(&lab.house).await.unwrap(), 1, "it is over");
    assert!(matches!(put_off(own, 10, "想晚一点").await, Err(Error::Forbidden { .. })));
    assert!(matches!(put_off(superior.clone(), 200, "太久").await, Err(Error::Invalid(_))));
    assert!(matches!(put_off(superior.clone(), -3, "倒退").await, Err(Error::Invalid(_))));
    assert!(matches!(put_off(superior.clone(), 100, "").await, Err(Error::Invalid(_))));
    let term = put_off(superior, 100, "书记休产假").await.unwrap();
    assert!(!term.is_over() && term.days_left == 100 && term.put_off.is_some(), "{term:?}");
    assert_eq!(cadres::remind_terms(&lab.house).await.unwrap(), 0);
    lab.clock.advance(60 * DAY);
    assert_eq!(cadres::remind_terms(&lab.house).await.unwrap(), 1, "it ends soon");
    lab.clock.advance(41 * DAY);
    assert_eq!(cadres::remind_terms(&lab.house).await.unwrap(), 1, "and is over");
    assert_eq!(cadres::remind_terms(&lab.house).await.unwrap(), 0);
    act!(lab.house, Who::System("test"), |cx| {
        let permit = cx.permit(Action::EditOrg, org)?;
        let day = app::clock::day(cx.now());
        app::orgs::set_elected_on(cx, &permit, org, day).await?;
        cx.record(permit, app::events::Event::new("test.elected", "org", org.id.0)).await
    })
    .unwrap();
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    let term = cadres::term_of(&mut cx, org).await.unwrap().unwrap();
    assert!(term.put_off.is_none(), "the election ended it");
}
