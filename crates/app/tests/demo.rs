//! The generator of demonstrations against a real database: counters, seats, sign-ins, repeatability.

use app::{
    House, Who,
    demo::{Made, Plan, Scale, make},
    stats::Walk,
    testkit::{Lab, fresh},
};
use db::sql;

async fn made(plan: &Plan) -> (Lab, House, Made) {
    let lab = fresh().await;
    let house = lab.house.clone();
    let made = make(&house, plan).await.expect("the demonstration is made");
    (lab, house, made)
}

async fn number(house: &House, sql: db::Sql) -> i64 {
    let mut tx = house.db().read().await.expect("a fresh house");
    let (n,): (i64,) = tx.one(sql, &[]).await.expect("a fresh house");
    n
}

#[tokio::test]
async fn a_school_has_a_thousand_members_and_one_sign_in_of_every_role() {
    let (_dir, house, made) = made(&Plan::of(Scale::School)).await;
    assert!((800..1_300).contains(&made.members), "{}", made.members);
    let roles: Vec<&str> = made.sign_ins.iter().map(|s| s.role).collect();
    assert_eq!(
        roles,
        [
            "operator",
            "centre",
            "province",
            "county",
            "committee",
            "general-branch",
            "branch",
            "member",
            "second-operator"
        ]
    );
    // One more registered with her code.
    assert_eq!(number(&house, sql!("SELECT count(*) FROM account")).await, 10);
    assert_eq!(number(&house, sql!("SELECT count(*) FROM token")).await, 9);
    assert!(made.samples.here.is_some() && made.samples.elsewhere.is_some());
    assert!(!made.samples.branch.0.is_empty() && made.samples.taken_number.is_some());
}

#[tokio::test]
async fn the_counters_are_what_counting_gives() {
    let (_dir, house, made) = made(&Plan::of(Scale::School)).await;
    let mut view = house.snapshot(Who::System("test")).await.unwrap();
    let mut walk = Walk::begin(&mut view).await.unwrap();
    while let Some(found) = walk.next(&mut view).await.unwrap() {
        assert_eq!(found, []);
    }
    assert_eq!(
        number(&house, sql!("SELECT count(*) FROM tally WHERE scope = 'self' AND orgs = 1")).await,
        made.orgs as i64
    );
    assert_eq!(
        number(
            &house,
            sql!("SELECT members FROM tally WHERE org_path = '000' AND scope = 'subtree'")
        )
        .await,
        made.members as i64
    );
    assert_eq!(number(&house, sql!("SELECT count(*) FROM delta")).await, 0);
    assert_eq!(
        number(&house, sql!("SELECT count(*) FROM event WHERE kind = 'demo.made'")).await,
        1
    );
}

#[tokio::test]
async fn every_invariant_holds() {
    let (_lab, house, _made) = made(&Plan::of(Scale::School)).await;
    let report = app::fsck::run(&house, true).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert!(report.looked_at > 1_000);
}

#[tokio::test]
async fn every_organisation_has_an_administrator_and_some_people_are_incomplete() {
    let (_dir, house, made) = made(&Plan::of(Scale::School)).await;
    let empty = sql!(
        "SELECT count(*) FROM org o WHERE o.status <> 'DELETED' AND o.category <> 'HOLDING' AND NOT EXISTS (SELECT 1 FROM admin_seat s JOIN cadre c ON c.id = s.cadre_id AND c.org_id = s.org_id WHERE s.org_id = o.id)"
    );
    assert!(number(&house, sql!("SELECT count(*) FROM org WHERE ill > 0")).await >= 2);
    assert!(
        number(&house, sql!("SELECT count(*) FROM member WHERE org_category = 'HOLDING'")).await
            > 10
    );
    // But a few new ones: those with registration codes in every state, the one of the check-up.
    assert!((6..=12).contains(&number(&house, empty).await));
    for state in ["waiting", "used", "revoked"] {
        let text = format!("SELECT count(*) FROM reg_code WHERE state = '{state}'");
        assert!(number(&house, db::Sql::built(text)).await > 0, "{state}");
    }
    let gaps = number(&house, sql!("SELECT count(*) FROM member WHERE NOT complete")).await;
    let share = gaps * 100 / made.members as i64;
    assert!((3..=14).contains(&share), "{share} %");
    assert!(
        number(&house, sql!("SELECT count(*) FROM member WHERE check_state = 'failed'")).await > 0
    );
    assert!(number(&house, sql!("SELECT count(*) FROM org WHERE next_child <> (SELECT count(*) FROM org x WHERE x.parent_id = org.id)")).await == 0);
    let complete = sql!("SELECT count(*) FROM tally WHERE scope = 'self' AND branches_done = 1");
    assert!(number(&house, complete).await >= 10);
}

#[tokio::test]
async fn there_is_business_in_every_state_and_movers_are_marked() {
    let (_dir, house, _made) = made(&Plan::of(Scale::School)).await;
    for state in [
        "pending_source",
        "pending_target",
        "pending_alloc",
        "done",
        "rejected",
        "withdrawn",
        "expired",
    ] {
        let mut tx = house.db().read().await.unwrap();
        let (n,): (i64,) = tx
            .one(
                sql!("SELECT count(*) FROM business WHERE kind = 'transfer' AND state = $1"),
                db::args![state],
            )
            .await
            .unwrap();
        assert!(n > 0, "{state}");
    }
    let open = number(
        &house,
        sql!("SELECT count(*) FROM business WHERE kind = 'transfer' AND ended_at IS NULL"),
    )
    .await;
    assert_eq!(
        number(&house, sql!("SELECT count(*) FROM member WHERE status = 'moving'")).await,
        open
    );
    let elsewhere = sql!(
        "SELECT count(*) FROM business t JOIN member m ON m.person_id = t.person_id WHERE t.ended_at IS NULL AND m.org_id <> t.from_org"
    );
    assert_eq!(number(&house, elsewhere).await, 0);
    assert!(number(&house, sql!("SELECT count(*) FROM message")).await >= open);
}

#[tokio::test]
async fn the_same_seed_makes_the_same_people() {
    let (_a, _, one) = made(&Plan::of(Scale::School)).await;
    let (_b, _, two) = made(&Plan::of(Scale::School)).await;
    let ids = |made: &Made| {
        made.sign_ins
            .iter()
            .map(|s| (s.name.clone(), s.id_number.clone(), s.org.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&one), ids(&two));
    let (_c, _, other) = self::made(&Plan { seed: 5, ..Plan::of(Scale::School) }).await;
    assert_ne!(ids(&one), ids(&other));
}

#[tokio::test]
async fn organisations_alone_can_be_made_for_the_picker() {
    let plan = Plan { members_per_branch: Some(0), ..Plan::of(Scale::Nation(25 * 3_000)) };
    let (_dir, house, made) = made(&plan).await;
    assert_eq!(made.members, 0);
    assert_eq!(
        number(&house, sql!("SELECT count(*) FROM org WHERE category = 'BRANCH'")).await,
        3_000
    );
    assert!(number(&house, sql!("SELECT count(*) FROM org_gram")).await > 20_000);
    assert!(made.sign_ins.iter().any(|s| s.role == "centre"));
}

#[tokio::test]
async fn the_sample_list_of_colleges_is_good_and_the_faulty_one_shows_every_reason() {
    use app::imports::{self, Source};
    use std::collections::BTreeSet;
    let (lab, house, made) = made(&Plan::of(Scale::School)).await;
    let today = app::clock::day(house.now());
    let paths = app::demo::workbooks::write(lab.folder(), &made, today).expect("written");
    let committee = made.sign_ins.iter().find(|s| s.role == "committee").expect("it works");
    let mut seen: Vec<(i64, i64, BTreeSet<String>)> = Vec::new();
    for path in paths.iter().filter(|p| p.to_string_lossy().contains("下级组织")) {
        let source = Source::File { path: path.clone(), name: "组织.xlsx".into() };
        let read = imports::read(&house, source).await.expect("it works");
        let mut cx = house.write(Who::System("test")).await.expect("it works");
        let org = app::orgs::by_code(&mut cx, &committee.org).await.expect("it works");
        let import = imports::stage_orgs(&mut cx, &org, &read).await.expect("it works");
        let page = imports::review::page(&mut cx, import.id, imports::Show::Fix, 0, 99)
            .await
            .expect("it works");
        let codes = page.lines.iter().flat_map(|l| &l.problems).filter(|p| p.forbids());
        seen.push((import.ready, import.to_fix, codes.map(|p| p.code.clone()).collect()));
    }
    assert_eq!((seen[0].0, seen[0].1), (20, 0), "{seen:?}");
    assert!(seen[1].2.len() >= 10 && seen[1].2.contains("org_exists"), "{seen:?}");
}
