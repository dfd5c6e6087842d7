//! 团干部, 管理员, 换届, 观察员: posts and what hangs on them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use app::{
    Action, Error, House, OrgRef, Result, Who, act, cadres,
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
