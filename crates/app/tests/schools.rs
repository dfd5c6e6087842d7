//! 学校专区 against a real database: numbers, schools below, statements.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, OrgRef, Who, act, messages,
    orgs::{Category, New},
    schools::{self, Kind, Statement, WhyNot},
    testkit::{self, Lab, Tree},
};

async fn world() -> (Lab, Tree) {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    (lab, tree)
}

async fn set(lab: &Lab, who: &Who, was: &str, number: &str) -> app::Result<String> {
    act!(lab.house, who.clone(), |cx| schools::set_code(cx, was, number).await)
}

async fn seat(lab: &Lab, who: &Who) -> schools::Seat {
    let mut cx = lab.house.read(who.clone()).await.unwrap();
    let org: OrgRef = cx.org().unwrap().clone();
    schools::seat(&mut cx, &org).await.unwrap()
}

#[tokio::test]
async fn a_number_is_filled_changed_cleared_and_is_unique() {
    let (lab, tree) = world().await;
    let (one, other) = (
        lab.admin(&tree.committee, "赵书记").await,
        lab.admin(&tree.other_committee, "钱书记").await,
    );
    assert_eq!(set(&lab, &one, "", "34100 00001").await.unwrap(), "3410000001");
    match set(&lab, &other, "", "3410000001").await {
        Err(Error::Invalid(list)) => {
            assert_eq!(list[0].code, "school_code_taken");
            assert!(
                list[0].message.contains("编号已被“合肥第一中学团委”使用"),
                "{}",
                list[0].message
            );
        }
        done => panic!("{done:?}"),
    }
    assert!(matches!(set(&lab, &one, "3410000001", "12").await, Err(Error::Invalid(_))));
    set(&lab, &one, "3410000001", "3410000002").await.unwrap();
    let stale = set(&lab, &one, "3410000001", "3410000003").await;
    assert!(matches!(stale, Err(Error::Stale(_))), "the form was older: {stale:?}");
    act!(lab.house, one.clone(), |cx| schools::clear_code(cx, "3410000002").await).unwrap();
    assert_eq!(seat(&lab, &one).await.school_code, None);
    // Two at once for one number: one has it.
    let (a, b) =
        tokio::join!(set(&lab, &one, "", "3410000009"), set(&lab, &other, "", "3410000009"));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    lab.is_whole().await;
}

#[tokio::test]
async fn organs_colleges_and_others_have_no_number_and_are_told_why() {
    let (lab, tree) = world().await;
    let county = lab.admin(&tree.county, "孙部长").await;
    let general = lab.admin(&tree.general, "李老师").await;
    let branch = lab.admin(&tree.branch, "周同学").await;
    assert_eq!(seat(&lab, &county).await.why_not, Some(WhyNot::LeadingOrgan));
    let part = WhyNot::PartOf { school: "合肥第一中学团委".into() };
    assert_eq!(seat(&lab, &general).await.why_not, Some(part.clone()));
    assert_eq!(seat(&lab, &branch).await.why_not, Some(part));
    assert!(matches!(set(&lab, &general, "", "3410000001").await, Err(Error::Refused(_))));
    assert!(matches!(set(&lab, &county, "", "3410000001").await, Err(Error::Forbidden { .. })));
    // A school that is one branch fills in its number itself.
    let alone = lab.org(Some(&tree.county), Category::Branch, "庐阳小学团支部").await;
    let admin = lab.admin(&alone, "吴老师").await;
    set(&lab, &admin, "", "3410000007").await.unwrap();
}

#[tokio::test]
async fn superiors_see_schools_in_order_without_their_colleges() {
    let (lab, tree) = world().await;
    let county = lab.admin(&tree.county, "孙部长").await;
    lab.member(&tree.branch, "张伟").await;
    app::stats::settle(&lab.house).await.unwrap();
    let new = New {
        short_name: "庐阳职业学校团委".into(),
        full_name: None,
        category: Category::Committee,
        industry: Some("school_secondary_vocational".into()),
    };
    let wrong = New { industry: Some("organ".into()), ..new.clone() };
    let refused = act!(lab.house, county.clone(), |cx| schools::create(cx, wrong.clone()).await);
    assert!(matches!(refused, Err(Error::Invalid(_))));
    act!(lab.house, county.clone(), |cx| schools::create(cx, new.clone()).await).unwrap();
    app::stats::settle(&lab.house).await.unwrap();
    let mut cx = lab.house.read(county).await.unwrap();
    let page = schools::schools(&mut cx, &tree.county, None, 2).await.unwrap();
    let names: Vec<&str> = page.rows.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["合肥第一中学团委", "合肥第六中学团委"]);
    assert_eq!((page.rows[0].branches, page.rows[0].members), (3, 1));
    let rest = schools::schools(&mut cx, &tree.county, page.next.as_deref(), 2).await.unwrap();
    assert_eq!(rest.rows.len(), 1);
    assert!(rest.next.is_none() && !rest.rows[0].has_administrator);
    assert!(schools::workbook(&mut cx, &tree.county).await.unwrap().starts_with(b"PK"));
}

#[tokio::test]
async fn a_statement_reaches_the_superior() {
    let (lab, tree) = world().await;
    let school = lab.admin(&tree.committee, "赵书记").await;
    let general = lab.admin(&tree.general, "李老师").await;
    let county = lab.admin(&tree.county, "孙部长").await;
    let said = Statement { kind: Some(Kind::Merged), text: "2026年6月并入第六中学".into() };
    let to = act!(lab.house, school.clone(), |cx| schools::state(cx, &said).await).unwrap();
    assert_eq!(to, "团庐阳区委");
    let empty = Statement { kind: None, text: " ".into() };
    match act!(lab.house, school.clone(), |cx| schools::state(cx, &empty).await) {
        Err(Error::Invalid(list)) => assert_eq!(list.len(), 2),
        other => panic!("{other:?}"),
    }
    let part = act!(lab.house, general.clone(), |cx| schools::state(cx, &said).await);
    assert!(matches!(part, Err(Error::Refused(_))));
    let mut cx = lab.house.read(county).await.unwrap();
    let got = messages::of_org(&mut cx, true, None, 10).await.unwrap();
    assert_eq!(got[0].title, "合肥第一中学团委:学校已合并");
}
