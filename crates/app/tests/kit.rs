//! What the laboratory promises to every other test: a database of its own, a tree, people who may
//! act, and a clock that stands still.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use app::{Action, Who, act, testkit};

#[tokio::test]
async fn a_laboratory_is_empty_its_own_and_its_clock_stands() {
    let (one, two) = (testkit::fresh().await, testkit::fresh().await);
    one.tree().await;
    assert_eq!(count(&one.house).await, 14);
    assert_eq!(count(&two.house).await, 0);
    assert_eq!(one.house.now(), testkit::START);
    one.clock.advance(app::clock::DAY);
    assert_eq!(one.house.now(), testkit::START + app::clock::DAY);
    let node = one.second_node().await;
    assert_eq!(count(&node).await, 14);
}

#[tokio::test]
async fn an_administrator_may_act_below_and_an_outsider_sees_nothing() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let admin = lab.admin(&tree.committee, "王芳").await;
    let other = lab.admin(&tree.other_committee, "李娜").await;
    let member = lab.member(&tree.direct, "张伟").await;
    let mut cx = lab.house.write(admin).await.unwrap();
    let permit = cx.permit(Action::AddMember, &tree.direct).unwrap();
    cx.return_unused(permit);
    assert!(cx.permit(Action::AddMember, &tree.branch).is_err(), "a grandchild is out of reach");
    drop(cx);
    let mut cx = lab.house.write(other).await.unwrap();
    assert!(matches!(cx.permit(Action::SeeMembers, &tree.direct), Err(app::Error::NotFound)));
    drop(cx);
    let own = lab.alone(member, "张伟");
    let mut cx = lab.house.write(own).await.unwrap();
    let permit = cx.permit_own(Action::EditOwnProfile).unwrap();
    cx.return_unused(permit);
    drop(cx);
    lab.observer(&tree.city, "赵敏").await;
    lab.operator(&tree.centre, "钱进").await;
}

#[tokio::test]
async fn vandals_get_past_the_guards_that_hold_everybody_else() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let away = || format!("UPDATE org SET parent_id = 1 WHERE id = {}", tree.branch.id);
    let done: app::Result<u64> = act!(lab.house, Who::System("test"), |cx| {
        let mut tx = cx.house().db().read().await?;
        let (found,): (i64,) =
            tx.one(db::Sql::built("SELECT COUNT(*) FROM org".into()), &[]).await?;
        Ok(u64::try_from(found).unwrap_or(0))
    });
    assert_eq!(done.unwrap(), 14);
    let mut tx = lab.house.db().write().await.unwrap();
    assert!(tx.run(db::Sql::built(away()), &[]).await.is_err(), "a foreign key holds");
    drop(tx);
    lab.scratch.vandalise(&away()).await.unwrap();
}

async fn count(house: &app::House) -> i64 {
    let mut tx = house.db().read().await.unwrap();
    let (n,): (i64,) = tx.one(db::sql!("SELECT COUNT(*) FROM org"), &[]).await.unwrap();
    n
}
