//! 组织体检: every fault is found within one turn of the clockwork, mended ones vanish, a list stays
//! inside its subtree, and a page never counts the nation.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    OrgRef, Who, act,
    clock::{DAY, MINUTE},
    closings::{self, Ask},
    events::Event,
    health::{self, Export, Ill},
    jobs,
    testkit::{self, Lab},
};

/// The clockwork turns once more.
async fn turn(lab: &Lab) {
    lab.clock.advance(MINUTE);
    jobs::tick(&lab.house).await.unwrap();
}

async fn names(lab: &Lab, who: &Who, under: &OrgRef, kind: Ill) -> Vec<String> {
    let mut cx = lab.house.read(who.clone()).await.unwrap();
    let page = health::list(&mut cx, under, kind, None, 50).await.unwrap();
    page.rows.into_iter().map(|row| row.name).collect()
}

#[tokio::test]
async fn what_is_changed_is_looked_at_again_within_one_turn() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let school = lab.admin(&tree.committee, "王芳").await;
    turn(&lab).await;
    let of = |kind| names(&lab, &school, &tree.committee, kind);
    assert_eq!(of(Ill::Empty).await, ["高一1班团支部", "高一2班团支部", "教工团支部"]);
    assert_eq!(of(Ill::NoAdmin).await.len(), 4, "all but the school's committee");
    assert_eq!(of(Ill::NoBranch).await, [""; 0]);
    for _ in 0..2 {
        lab.member(&tree.branch, "张三").await;
    }
    turn(&lab).await;
    assert_eq!(of(Ill::Few).await, ["高一1班团支部"]);
    assert_eq!(of(Ill::SmallGeneral).await, ["高一年级团总支"]);
    assert_eq!(of(Ill::SmallCommittee).await, ["合肥第一中学团委"]);
    assert_eq!(of(Ill::Empty).await.len(), 2);
    for _ in 0..49 {
        lab.member(&tree.branch, "李四").await;
    }
    turn(&lab).await;
    assert_eq!(of(Ill::Many).await, ["高一1班团支部"]);
    assert_eq!(of(Ill::SmallGeneral).await, [""; 0]);
    // A secretary with a telephone, an administrator: told by the book alone, no counter moves.
    let secretary = lab.person("周杰").await;
    lab.cadre(&tree.branch, secretary, "书记").await;
    turn(&lab).await;
    assert!(!of(Ill::NoPhone).await.contains(&"高一1班团支部".to_owned()));
    let phone =
        format!("UPDATE person SET mobile_ct = NULL, mobile_bi = NULL WHERE id = {secretary}");
    lab.plant(&phone).await.unwrap();
    act!(lab.house, Who::System("test"), |cx| {
        cx.note(Event::new("person.edited", "person", secretary.0).about(secretary)).await
    })
    .unwrap();
    turn(&lab).await;
    assert!(of(Ill::NoPhone).await.contains(&"高一1班团支部".to_owned()));
    // Another school's list holds none of this.
    let other = lab.admin(&tree.other_committee, "吴刚").await;
    assert_eq!(names(&lab, &other, &tree.other_committee, Ill::Many).await, [""; 0]);
    let mut cx = lab.house.read(other.clone()).await.unwrap();
    assert!(health::list(&mut cx, &tree.committee, Ill::Many, None, 50).await.is_err());
    let summary = health::summary(&mut cx, &tree.other_committee).await.unwrap();
    assert_eq!(summary.as_of, Some(lab.house.now()));
    let empty = summary.counts.iter().find(|c| c.kind == Ill::Empty).unwrap();
    assert_eq!((empty.count, empty.more), (1, false));
}

#[tokio::test]
async fn what_time_brings_is_found_by_the_round_and_what_is_closed_is_healthy() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let superior = lab.admin(&tree.general, "王老师").await;
    for _ in 0..3 {
        lab.member(&tree.branch, "张三").await;
    }
    let ask = Ask { people: 3, typed: tree.branch.short_name.clone() };
    act!(lab.house, superior.clone(), |cx| closings::close(cx, &tree.branch.code, &ask).await)
        .unwrap();
    turn(&lab).await;
    assert_eq!(names(&lab, &superior, &tree.general, Ill::Holding).await, [""; 0]);
    assert_eq!(names(&lab, &superior, &tree.general, Ill::NoAdmin).await, ["高一2班团支部"]);
    lab.clock.advance(31 * DAY);
    turn(&lab).await;
    turn(&lab).await;
    let mut cx = lab.house.read(superior.clone()).await.unwrap();
    let page = health::list(&mut cx, &tree.general, Ill::Holding, None, 50).await.unwrap();
    assert_eq!(page.rows[0].finding, "已 31 天,3 人");
    drop(cx);
    let sister = Ask::default();
    act!(lab.house, superior.clone(), |cx| closings::close(cx, &tree.sister.code, &sister).await)
        .unwrap();
    turn(&lab).await;
    assert_eq!(names(&lab, &superior, &tree.general, Ill::Empty).await, [""; 0]);
    // A holding branch is a branch: the general branch is not without one as long as it stands.
    assert_eq!(names(&lab, &superior, &tree.general, Ill::NoBranch).await, [""; 0]);
    lab.is_whole().await;
}

#[tokio::test]
async fn a_short_list_is_a_workbook_at_once_and_a_long_one_a_job() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let school = lab.admin(&tree.committee, "王芳").await;
    health::look_at_all(&lab.house).await.unwrap();
    let made = health::export(
        &lab.house,
        school.clone(),
        app::Origin::default(),
        &tree.committee,
        Ill::Empty,
    )
    .await
    .unwrap();
    let Export::Ready { name, bytes } = made else { panic!("it is short") };
    assert!(name.starts_with("组织体检-没有团员的团支部-合肥第一中学团委"), "{name}");
    assert!(bytes.starts_with(b"PK"));
    plant_many(&lab, &tree.general, 5500).await;
    health::look_at_all(&lab.house).await.unwrap();
    let mut cx = lab.house.read(school.clone()).await.unwrap();
    let summary = health::summary(&mut cx, &tree.committee).await.unwrap();
    let empty = summary.counts.iter().find(|c| c.kind == Ill::Empty).unwrap();
    assert!(empty.more, "500+");
    drop(cx);
    let made = health::export(
        &lab.house,
        school.clone(),
        app::Origin::default(),
        &tree.committee,
        Ill::Empty,
    )
    .await
    .unwrap();
    let Export::Job(job) = made else { panic!("it is long") };
    jobs::run_all(&lab.house).await.unwrap();
    let mut cx = lab.house.read(school).await.unwrap();
    let state = jobs::state(&mut cx, job).await.unwrap();
    assert!(state.result.contains("\"rows\":5503"), "{state:?}");
}

/// Many branches in one statement.
async fn plant_many(lab: &Lab, parent: &OrgRef, n: i64) {
    let hex = match lab.house.db().engine() {
        db::Engine::Sqlite => "printf('%04d', n)",
        db::Engine::Postgres => "lpad(CAST(n AS TEXT), 4, '0')",
    };
    // Two levels of digits are enough: paths only have to be different and of the right length.
    let path =
        format!("'{}' || 'z' || substr({hex}, 1, 2) || 'y' || substr({hex}, 3, 2)", parent.path);
    let insert = format!(
        "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < {}) INSERT INTO org (id, code, parent_id, path, depth, sort_no, short_name, full_name, name_py, category, province, created_at, updated_at) SELECT 1000 + n, 'X' || n, {}, {path}, {}, n, 'B' || n, 'B' || n, 'b', 'BRANCH', '34', 0, 0 FROM c",
        n - 1,
        parent.id,
        parent.path.len() / 3 + 2
    );
    lab.plant(&insert).await.unwrap();
}
