//! What the tree promises: nobody gets a number twice, names stay honest, edits don't overwrite
//! each other, and everybody sees only what is hers.

use app::{
    Error, OrgRef, Result, Who, act,
    orgs::{self, Category, Edit, New},
    testkit::{self, Lab},
};
use std::collections::HashSet;

fn branch(name: &str) -> New {
    New {
        short_name: name.into(),
        full_name: None,
        category: Category::Branch,
        industry: Some("school_senior".into()),
    }
}
fn committee(name: &str) -> New {
    New { category: Category::Committee, ..branch(name) }
}
async fn create(lab: &Lab, who: &Who, parent: &OrgRef, new: New) -> Result<OrgRef> {
    act!(lab.house, who.clone(), |cx| orgs::create_child(cx, parent, new.clone()).await)
}
async fn rows(lab: &Lab, text: &str) -> Vec<(String, i64)> {
    let mut tx = lab.house.db().read().await.expect("the database answers");
    tx.all(db::Sql::built(text.to_owned()), &[]).await.expect("the database answers")
}

#[tokio::test]
async fn a_child_stands_below_its_superior_with_a_code_an_event_and_a_count() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.committee, "王芳").await;
    let org = create(&lab, &who, &tree.committee, branch("高三1班团支部")).await.unwrap();
    assert!(tree.committee.covers(&org.path) && org.depth() == tree.committee.depth() + 1);
    assert_eq!(orgs::code::read(&org.code).as_ref(), Some(&org.code));
    assert_eq!(org.province, "34");
    let deltas = rows(
        &lab,
        &format!("SELECT org_path, branches FROM delta WHERE org_path = '{}'", org.path),
    )
    .await;
    assert_eq!(deltas, [(org.path.clone(), 1)]);
    let events = rows(
        &lab,
        &format!(
            "SELECT detail, id FROM event WHERE kind = 'org.created' AND object_id = {}",
            org.id
        ),
    )
    .await;
    assert!(events.len() == 1 && events[0].0.contains("高三1班团支部"));
    let grams =
        rows(&lab, &format!("SELECT gram, depth FROM org_gram WHERE path = '{}'", org.path)).await;
    assert!(grams.iter().any(|(gram, depth)| gram == "高三" && *depth == 6));
}

#[tokio::test]
async fn a_second_sister_of_the_same_name_is_refused_with_the_way_to_the_first() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.committee, "王芳").await;
    let first = create(&lab, &who, &tree.committee, branch("高三1班团支部")).await.unwrap();
    match create(&lab, &who, &tree.committee, branch(" 高三 1班团支部")).await {
        Err(Error::Conflict(refusal)) => assert!(refusal.ways[0].href.ends_with(&first.code)),
        other => panic!("{other:?}"),
    }
    // A cousin may have the name.
    let other = lab.admin(&tree.general, "李娜").await;
    create(&lab, &other, &tree.general, branch("高三1班团支部")).await.unwrap();
}

#[tokio::test]
async fn what_is_no_league_organisation_or_stands_in_the_wrong_place_is_refused() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.general, "李娜").await;
    let codes = |result: Result<OrgRef>| match result {
        Err(Error::Invalid(list)) => list.into_iter().map(|e| e.code).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let nested = create(&lab, &who, &tree.general, committee("学生会团委")).await;
    assert_eq!(codes(nested), ["org_nesting"]);
    let foreign = create(&lab, &who, &tree.general, branch("某厂青工委")).await;
    assert_eq!(codes(foreign), ["org_name_not_league"]);
    let long = create(&lab, &who, &tree.general, branch(&"长".repeat(26))).await;
    assert_eq!(codes(long), ["org_name_length"]);
    let below = act!(lab.house, lab.admin(&tree.branch, "赵敏").await, |cx| {
        orgs::create_child(cx, &tree.branch, branch("小组")).await
    });
    assert!(matches!(below, Err(Error::Forbidden { .. })), "a branch administrator makes nothing");
    let outside = create(&lab, &who, &tree.other_committee, branch("一班团支部")).await;
    assert!(matches!(outside, Err(Error::NotFound)), "another school is nobody's business");
}

#[tokio::test]
async fn the_tree_ends_at_twelve_levels() {
    let lab = testkit::fresh().await;
    let mut org = lab.tree().await.committee;
    let system = Who::System("test");
    for level in org.depth() + 1..=12 {
        org = create(&lab, &system, &org, committee(&format!("第{level}级团委"))).await.unwrap();
    }
    assert_eq!(org.depth(), 12);
    match create(&lab, &system, &org, committee("再下一级团委")).await {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.code, "org_depth"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_children_created_at_once_get_fifty_places() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.committee, "王芳").await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (house, who, parent) = (lab.house.clone(), who.clone(), tree.committee.clone());
        tasks.spawn(async move {
            for _ in 0..20 {
                let new = branch(&format!("第{n}团支部"));
                let create = act!(house, who.clone(), |cx| {
                    orgs::create_child(cx, &parent, new.clone()).await
                });
                match create {
                    // More at once than the house tries to serve: come again, as a person would.
                    Err(Error::Busy) => {}
                    done => return done,
                }
            }
            Err(Error::Busy)
        });
    }
    let mut made = Vec::new();
    while let Some(task) = tasks.join_next().await {
        made.push(task.expect("no task breaks").expect("everybody gets a place in the end"));
    }
    let paths: HashSet<&str> = made.iter().map(|o| o.path.as_str()).collect();
    let codes: HashSet<&str> = made.iter().map(|o| o.code.as_str()).collect();
    assert_eq!((paths.len(), codes.len()), (50, 50));
    // Path, parent and depth agree everywhere, and the order is that of the numbers (I8).
    let crooked = rows(&lab, "SELECT o.path, o.depth FROM org o LEFT JOIN org p ON p.id = o.parent_id WHERE LENGTH(o.path) <> 3 * o.depth OR (o.parent_id IS NOT NULL AND (p.id IS NULL OR SUBSTR(o.path, 1, LENGTH(o.path) - 3) <> p.path OR o.depth <> p.depth + 1)) OR (o.parent_id IS NULL AND o.depth <> 1)").await;
    assert!(crooked.is_empty(), "{crooked:?}");
    let mut cx = lab.house.read(who).await.unwrap();
    let list = orgs::children(&mut cx, &tree.committee, None, 200).await.unwrap();
    let listed: Vec<&str> = list.rows.iter().map(|c| c.path.as_str()).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!((listed.len(), &listed), (52, &sorted));
}

#[tokio::test]
async fn children_come_in_pages_that_neither_miss_nor_repeat() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.committee, "王芳").await;
    for n in 0..7 {
        create(&lab, &who, &tree.committee, branch(&format!("第{n}团支部"))).await.unwrap();
    }
    let mut cx = lab.house.read(who).await.unwrap();
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = orgs::children(&mut cx, &tree.committee, after.as_deref(), 4).await.unwrap();
        names.extend(page.rows.into_iter().map(|c| c.short_name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names.len(), 9);
    assert_eq!(names[..3], ["高一年级团总支", "教工团支部", "第0团支部"]);
    let first = orgs::children_of(&mut cx, &tree.committee.path, None).await.unwrap();
    assert!(first.rows[0].has_children && !first.rows[1].has_children);
    let foreign = orgs::children(&mut cx, &tree.other_committee, None, 50).await;
    assert!(matches!(foreign, Err(Error::NotFound)));
}

#[tokio::test]
async fn an_edit_is_audited_and_an_outdated_form_shows_both_values() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.county, "周杰").await;
    let org = create(&lab, &who, &tree.county, committee("合肥第八中学团委")).await.unwrap();
    let info = act!(lab.house, who.clone(), |cx| orgs::info(cx, &org).await).unwrap();
    assert!(info.may_edit && !info.frozen && info.missing.iter().any(|m| m.field == "admin_posts"));
    let typed = Edit {
        short_name: "合肥第九中学团委".into(),
        phone: "0551-62345678".into(),
        ..info.fields.clone()
    };
    act!(lab.house, who.clone(), |cx| orgs::edit(cx, &org, info.version, typed.clone()).await)
        .unwrap();
    let events = rows(&lab, "SELECT detail, id FROM event WHERE kind = 'org.edited'").await;
    assert!(events[0].0.contains("合肥第八中学团委") && events[0].0.contains("合肥第九中学团委"));
    let grams = |gram: &str| {
        format!("SELECT path, depth FROM org_gram WHERE path = '{}' AND gram = '{gram}'", org.path)
    };
    assert_eq!(rows(&lab, &grams("第九")).await.len(), 1);
    // The full name still says 第八.
    assert_eq!(rows(&lab, &grams("第八")).await.len(), 1);
    let late = Edit { phone: "0551-62340000".into(), ..info.fields };
    match act!(lab.house, who, |cx| orgs::edit(cx, &org, info.version, late.clone()).await) {
        Err(Error::Stale(both)) => {
            let phone = both.iter().find(|d| d.label == "联系电话").expect("the phone differs");
            assert_eq!(
                (phone.yours.as_str(), phone.theirs.as_str()),
                ("0551-62340000", "0551-62345678")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_new_name_takes_all_of_the_old_ones_place_in_the_index() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.county, "周杰").await;
    let org = create(&lab, &who, &tree.county, committee("合肥第八中学团委")).await.unwrap();
    let info = act!(lab.house, who.clone(), |cx| orgs::info(cx, &org).await).unwrap();
    let typed = Edit {
        short_name: "庐阳实验学校团委".into(),
        full_name: "中国共产主义青年团庐阳实验学校委员会".into(),
        ..info.fields
    };
    act!(lab.house, who, |cx| orgs::edit(cx, &org, info.version, typed.clone()).await).unwrap();
    let left =
        rows(&lab, &format!("SELECT gram, depth FROM org_gram WHERE path = '{}'", org.path)).await;
    let left: HashSet<String> = left.into_iter().map(|(gram, _)| gram).collect();
    let right: HashSet<String> = orgs::grams::of_org(
        "庐阳实验学校团委",
        "中国共产主义青年团庐阳实验学校委员会",
        "中国共产主义青年团团庐阳区委",
        Category::Committee,
    )
    .into_iter()
    .collect();
    assert_eq!(left, right);
}

#[tokio::test]
async fn names_of_provinces_are_fixed_and_a_sisters_name_is_taken() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let operator = lab.operator(&tree.centre, "钱进").await;
    let info =
        act!(lab.house, operator.clone(), |cx| orgs::info(cx, &tree.province).await).unwrap();
    let typed = Edit { short_name: "团皖委".into(), ..info.fields };
    let frozen =
        act!(lab.house, operator, |cx| orgs::edit(cx, &tree.province, info.version, typed.clone())
            .await);
    assert!(matches!(frozen, Err(Error::Invalid(list)) if list[0].code == "org_frozen"));
    let who = lab.admin(&tree.general, "李娜").await;
    let info = act!(lab.house, who.clone(), |cx| orgs::info(cx, &tree.branch).await).unwrap();
    let typed = Edit { short_name: tree.sister.short_name.clone(), ..info.fields };
    let taken =
        act!(lab.house, who, |cx| orgs::edit(cx, &tree.branch, info.version, typed.clone()).await);
    assert!(matches!(taken, Err(Error::Conflict(refusal)) if refusal.code == "org_name_taken"));
}

#[tokio::test]
async fn a_card_says_the_rest_only_to_those_who_may_see_the_organisation() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let inside = lab.admin(&tree.committee, "王芳").await;
    let outside = lab.admin(&tree.far_committee, "李娜").await;
    let card = act!(lab.house, inside, |cx| orgs::card(cx, &tree.committee.code).await).unwrap();
    let detail = card.detail.expect("her own organisation");
    assert_eq!(detail.administrators, ["王芳"]);
    assert_eq!(
        card.superiors.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
        ["团中央", "团安徽省委", "团合肥市委", "团庐阳区委"]
    );
    let card = act!(lab.house, outside, |cx| orgs::card(cx, &tree.committee.code).await).unwrap();
    assert!(card.detail.is_none() && card.superiors.iter().all(|s| !s.open));
    let mut nobody = lab.house.read(Who::Nobody).await.unwrap();
    assert!(matches!(orgs::card(&mut nobody, &tree.committee.code).await, Err(Error::SignedOut)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_of_category_against_a_child_being_made_leaves_no_child_below_a_branch() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let (mut changed, mut made) = (0, 0);
    for n in 0..10 {
        let name = format!("第{n}团总支");
        let group = lab.org(Some(&tree.committee), Category::General, &name).await;
        let own = lab.admin(&group, "王芳").await;
        let person = lab.person("代理").await;
        let also = lab.acting(person, "代理", &group, app::Role::Group);
        let version = act!(lab.house, own.clone(), |cx| orgs::category_choices(cx, &group).await)
            .unwrap()
            .version;
        let change = async {
            loop {
                let done = act!(lab.house, own.clone(), |cx| {
                    orgs::change_category(cx, &group, version, Category::Branch).await
                });
                match done {
                    Err(Error::Busy | Error::Retry) => tokio::task::yield_now().await,
                    done => return done,
                }
            }
        };
        let create = async {
            loop {
                match create(&lab, &also, &group, branch("一班团支部")).await {
                    Err(Error::Busy | Error::Retry) => tokio::task::yield_now().await,
                    done => return done,
                }
            }
        };
        let (change, create) = tokio::join!(change, create);
        assert!(change.is_ok() != create.is_ok(), "{change:?} {create:?}");
        changed += i32::from(change.is_ok());
        made += i32::from(create.is_ok());
    }
    assert_eq!(changed + made, 10);
    app::stats::settle(&lab.house).await.unwrap();
    lab.is_whole().await;
}
