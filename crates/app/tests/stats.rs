//! True numbers: what the counters promise after any mixture of changes, folds, crashes and
//! several nodes at once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use app::{
    Action, OrgRef, Who, act,
    clock::{HOUR, hour_of},
    orgs::Category,
    stats::{self, Asked, Change, Figures, Sector, Sort, Span},
    testkit::{self, Lab},
};

/// Notes a change the way every room does: with a permit and an audit row.
async fn note(house: &app::House, change: Change<'_>) {
    let change = &change;
    act!(house, Who::System("test"), |cx| {
        let permit = cx.permit_system(Action::RunSystem)?;
        stats::change(cx, &permit, change.clone()).await?;
        cx.record(permit, app::events::Event::new("test.changed", "org", 1)).await
    })
    .unwrap();
}

async fn card(lab: &Lab, org: &OrgRef) -> stats::Card {
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    stats::of(&mut cx, org).await.unwrap()
}

/// Of all sectors, in this order.
fn by(sort: Sort) -> Asked {
    Asked { sector: None, sort }
}

async fn wrong(house: &app::House) -> Vec<stats::Difference> {
    let mut cx = house.snapshot(Who::System("test")).await.unwrap();
    let mut walk = stats::Walk::begin(&mut cx).await.unwrap();
    let mut found = Vec::new();
    while let Some(piece) = walk.next(&mut cx).await.unwrap() {
        found.extend(piece.into_iter().filter(stats::Difference::is_wrong));
    }
    found
}

#[tokio::test]
async fn three_complete_members_show_at_every_level_before_and_after_the_fold() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    for name in ["张伟", "王芳", "李娜"] {
        lab.member(&tree.branch, name).await;
    }
    let admin = lab.person("赵敏").await;
    lab.cadre(&tree.committee, admin, "书记").await;
    let before = [card(&lab, &tree.branch).await, card(&lab, &tree.committee).await];
    stats::settle(&lab.house).await.unwrap();
    let after = [card(&lab, &tree.branch).await, card(&lab, &tree.committee).await];
    assert_eq!(before, after, "noted changes are on the page before they are folded");
    assert_eq!(after[0].own, after[0].subtree);
    assert_eq!((after[0].own.members, after[0].own.branches_done), (3, 1));
    let committee = &after[1];
    assert_eq!((committee.own.members, committee.own.cadres, committee.own.orgs), (0, 1, 1));
    assert_eq!((committee.direct.orgs, committee.direct.branches), (2, 1));
    let below = committee.subtree;
    assert_eq!((below.orgs, below.branches, below.branches_done), (5, 3, 1));
    assert_eq!((below.members, below.members_done, below.cadres), (3, 3, 1));
    assert_eq!(below.bodies_done, 0, "a committee needs two cadres");
    let root = card(&lab, &tree.centre).await.subtree;
    assert_eq!((root.orgs, root.branches, root.members), (14, 5, 3));
    assert_eq!(wrong(&lab.house).await, []);
}

#[tokio::test]
async fn the_second_cadre_completes_a_committee_and_an_ended_one_undoes_it() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    for (name, post) in [("赵敏", "书记"), ("钱进", "副书记")] {
        let person = lab.person(name).await;
        lab.cadre(&tree.committee, person, post).await;
    }
    stats::settle(&lab.house).await.unwrap();
    assert_eq!(card(&lab, &tree.county).await.direct.bodies_done, 1);
    assert_eq!(card(&lab, &tree.centre).await.subtree.bodies_done, 1);
    let path = &tree.committee.path;
    note(&lab.house, Change { org_path: path, cadres: -1, cadres_done: -1, ..Change::default() })
        .await;
    assert_eq!(card(&lab, &tree.county).await.direct.bodies_done, 0);
    stats::settle(&lab.house).await.unwrap();
    assert_eq!(card(&lab, &tree.centre).await.subtree.bodies_done, 0);
}

#[tokio::test]
async fn several_nodes_folding_at_once_count_everything_exactly_once() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let nodes = [lab.house.clone(), lab.second_node().await, lab.second_node().await];
    let work = nodes.iter().enumerate().map(|(n, house)| {
        let branches = [&tree.branch, &tree.sister, &tree.direct, &tree.far_branch];
        async move {
            for turn in 0..12 {
                let org = branches[(turn + n) % 4];
                let one = Change { org_path: &org.path, members: 1, ..Change::default() };
                note(house, one).await;
                stats::fold(house, None).await.unwrap();
            }
        }
    });
    futures::future::join_all(work).await;
    stats::settle(&lab.house).await.unwrap();
    assert_eq!(card(&lab, &tree.centre).await.subtree.members, 36);
    assert_eq!(card(&lab, &tree.far_province).await.subtree.members, 9);
    assert_eq!(card(&lab, &tree.committee).await.subtree.members, 27);
}

#[tokio::test]
async fn a_fold_that_is_cut_off_leaves_everything_for_the_next_one() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    lab.member(&tree.branch, "张伟").await;
    {
        // Dropped at some await point, as a killed process would leave it.
        let fold = stats::fold(&lab.house, None);
        let _ = tokio::time::timeout(std::time::Duration::from_micros(300), fold).await;
    }
    stats::settle(&lab.house).await.unwrap();
    assert_eq!(card(&lab, &tree.centre).await.subtree.members, 1);
    assert_eq!(wrong(&lab.house).await, []);
}

#[tokio::test]
async fn a_recount_repairs_what_was_spoilt_and_drops_only_changes_that_it_saw() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    lab.member(&tree.branch, "张伟").await;
    stats::settle(&lab.house).await.unwrap();
    lab.member(&tree.sister, "王芳").await;
    lab.scratch
        .vandalise(&format!(
            "UPDATE tally SET members = 7 WHERE org_path = '{}' AND scope = 'subtree'; DELETE FROM tally WHERE org_path = '{}'",
            tree.county.path, tree.branch.path
        ))
        .await
        .unwrap();
    let found = wrong(&lab.house).await;
    // The county's subtree, and the branch's own, sector's and subtree figures.
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(stats::recount(&lab.house).await.unwrap() > 0);
    assert_eq!(wrong(&lab.house).await, []);
    stats::settle(&lab.house).await.unwrap();
    assert_eq!(wrong(&lab.house).await, []);
    assert_eq!(card(&lab, &tree.centre).await.subtree.members, 2);
    assert_eq!(stats::recount(&lab.house).await.unwrap(), 0, "a second one finds nothing to do");
}

#[tokio::test]
async fn recounts_while_changes_and_folds_go_on_find_nothing_wrong() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let adding = async {
        for n in 0..15 {
            let branch = if n % 2 == 0 { &tree.branch } else { &tree.other_branch };
            lab.member(branch, "张伟").await;
            stats::fold(&lab.house, None).await.unwrap();
        }
    };
    let checking = async {
        for _ in 0..15 {
            assert_eq!(wrong(&lab.house).await, []);
            stats::recount(&lab.house).await.unwrap();
        }
    };
    futures::future::join(adding, checking).await;
    stats::settle(&lab.house).await.unwrap();
    assert_eq!(wrong(&lab.house).await, []);
    assert_eq!(card(&lab, &tree.county).await.subtree.members, 15);
}

#[tokio::test]
async fn the_hour_keeps_what_was_noted_before_it_and_not_what_came_after() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    lab.member(&tree.branch, "张伟").await;
    app::jobs::tick(&lab.house).await.unwrap();
    let first = hour_of(lab.house.now()) + HOUR;
    lab.member(&tree.branch, "王芳").await;
    lab.clock.advance(HOUR);
    // Noted after the full hour, before the clockwork's next turn.
    lab.member(&tree.branch, "李娜").await;
    app::jobs::tick(&lab.house).await.unwrap();
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    let kept = stats::at_hour(&mut cx, &tree.centre, first).await.unwrap();
    assert_eq!(kept.subtree.members, 2);
    assert_eq!(stats::of(&mut cx, &tree.centre).await.unwrap().subtree.members, 3);
    drop(cx);
    lab.clock.advance(3 * HOUR);
    app::jobs::tick(&lab.house).await.unwrap();
    assert!(!stats::snapshot(&lab.house).await.unwrap(), "an hour is kept once");
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    let between = stats::between(&mut cx, &tree.county, first, first + 3 * HOUR).await.unwrap();
    assert_eq!(
        between,
        Figures { members: 1, members_done: 1, branches_done: 1, ..Figures::default() }
    );
    let (other,): (i64,) = {
        let mut tx = lab.house.db().read().await.unwrap();
        let text = format!(
            "SELECT COUNT(*) FROM tally_hour WHERE org_path = '{}' AND hour > {}",
            tree.far_branch.path, first
        );
        tx.one(db::Sql::built(text), &[]).await.unwrap()
    };
    assert_eq!(other, 0, "an hour without a change has no row");
}

#[tokio::test]
async fn progress_lists_direct_children_with_shares_in_either_order() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let third = lab.org(Some(&tree.committee), Category::Branch, "空团支部").await;
    for name in ["张伟", "王芳", "李娜"] {
        lab.member(&tree.direct, name).await;
    }
    lab.member(&tree.branch, "刘洋").await;
    stats::settle(&lab.house).await.unwrap();
    let admin = lab.admin(&tree.committee, "赵敏").await;
    let mut cx = lab.house.read(admin).await.unwrap();
    let page = stats::children(&mut cx, &tree.committee, by(Sort::Org), 1).await.unwrap();
    let names: Vec<&str> = page.rows.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["高一年级团总支", "教工团支部", "空团支部"]);
    let shares: Vec<_> = page
        .rows
        .iter()
        .map(|r| (r.branch_share.as_str(), r.member_share.as_str(), r.opens))
        .collect();
    assert_eq!(
        shares,
        [("0.00%", "100.00%", true), ("100.00%", "100.00%", false), ("0.00%", "—", false)]
    );
    assert_eq!((page.count, page.pages, page.total.branches), (3, 1, 4));
    assert!(
        page.summary.contains("下级组织5个,其中团支部4个,已完成录入1个,占25.00%"),
        "{}",
        page.summary
    );
    let page =
        stats::children(&mut cx, &tree.committee, by(Sort::BranchesFalling), 9).await.unwrap();
    assert_eq!(page.rows[0].name, "教工团支部");
    let page = stats::children(&mut cx, &tree.committee, by(Sort::MembersRising), 1).await.unwrap();
    assert_eq!(page.rows[2].code, third.code, "an organisation without members comes last");
    let book = stats::workbook(&mut cx, &tree.committee, by(Sort::Org)).await.unwrap();
    assert!(book.starts_with(b"PK"));
    assert!(matches!(
        stats::children(&mut cx, &tree.other_committee, by(Sort::Org), 1).await,
        Err(app::Error::NotFound)
    ));
}

#[tokio::test]
async fn what_a_branch_and_an_organisation_lack_is_named() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let person = lab.member(&tree.branch, "张伟").await;
    lab.scratch
        .vandalise(&format!(
            "UPDATE person SET missing = 'mobile', complete = FALSE WHERE id = {person}; UPDATE member SET complete = FALSE WHERE person_id = {person}"
        ))
        .await
        .unwrap();
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    let lack = stats::branch_lacks(&mut cx, &tree.branch).await.unwrap();
    assert_eq!((lack.members, lack.incomplete), (2, 1));
    assert_eq!(lack.people[0].name, "张伟");
    assert!(lack.people[0].missing[0].contains("手机"), "{:?}", lack.people[0].missing);
    let missing = stats::org_lacks(&mut cx, &tree.committee).await.unwrap();
    assert!(missing.contains(&"书记") && missing.contains(&"书记本人的手机号码"), "{missing:?}");
}

#[tokio::test]
async fn every_sector_has_its_own_figures_and_an_organisation_takes_its_along() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    for name in ["张伟", "王芳", "李娜"] {
        lab.member(&tree.direct, name).await;
    }
    let of = async |sector| {
        let asked = Asked { sector: Some(sector), sort: Sort::Org };
        let mut cx = lab.house.read(Who::System("test")).await.unwrap();
        let page = stats::children(&mut cx, &tree.county, asked, 1).await.unwrap();
        let first = &page.rows[0];
        (page.total.orgs, page.total.branches_done, first.branches, first.members, first.opens)
    };
    for folded in [false, true] {
        if folded {
            stats::settle(&lab.house).await.unwrap();
        }
        assert_eq!(of(Sector::School).await, (7, 1, 3, 3, true), "folded: {folded}");
        assert_eq!(of(Sector::Village).await, (0, 0, 0, 0, false));
    }
    // The branch changes its industry, and a member comes in the same moment.
    let admin = lab.admin(&tree.direct, "赵敏").await;
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    let info = app::orgs::info(&mut cx, &tree.direct).await.unwrap();
    drop(cx);
    let edit = app::orgs::Edit { industry: "rural_village".into(), ..info.fields };
    act!(lab.house, admin.clone(), |cx| {
        app::orgs::edit(cx, &tree.direct, info.version, edit.clone()).await
    })
    .unwrap();
    lab.member(&tree.direct, "刘洋").await;
    for folded in [false, true] {
        if folded {
            stats::settle(&lab.house).await.unwrap();
        }
        assert_eq!(of(Sector::School).await, (6, 0, 2, 0, true), "folded: {folded}");
        assert_eq!(of(Sector::Village).await, (1, 1, 1, 4, true));
        assert_eq!(wrong(&lab.house).await, []);
    }
    // Figures in the wrong sector are found and put right.
    lab.scratch
        .vandalise(&format!(
            "UPDATE org SET industry = 'school_junior' WHERE id = {}",
            tree.direct.id
        ))
        .await
        .unwrap();
    assert!(wrong(&lab.house).await.iter().any(|d| d.span == Span::Sector(Sector::School)));
    stats::recount(&lab.house).await.unwrap();
    assert_eq!(wrong(&lab.house).await, []);
    assert_eq!(of(Sector::School).await, (7, 1, 3, 4, true));
    assert_eq!(of(Sector::Village).await, (0, 0, 0, 0, false));
}
