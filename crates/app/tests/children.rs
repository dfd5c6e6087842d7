//! Many organisations at once against a real database: where rows stand, what is refused and why,
//! repairing, making them in pieces that may be cut off anywhere, taking them back.

#![expect(clippy::unwrap_used, reason = "the functions of a test are part of it")]

use app::{
    Error, House, OrgRef, Result, Who, act,
    clock::HOUR,
    imports::{
        self, Import, ImportId, Line, Mode, Show, Source, children, commit, fix, review, undo,
    },
    jobs, orgs,
    orgs::{Category, Move, New},
    pace::Pace,
    rules::Column,
    testkit::{Lab, Tree, fresh},
};

struct Desk {
    lab: Lab,
    tree: Tree,
    who: Who,
}

async fn desk() -> Desk {
    let lab = fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.committee, "王老师").await;
    Desk { lab, tree, who }
}

const HEAD: &str = "组织简称\t组织类别\t单位所属行业类别\t上级组织";

/// Rows of `name|category|parent`; the industry is the school's.
fn sheet(rows: &[&str]) -> String {
    let mut text = HEAD.to_owned();
    for row in rows {
        let mut parts = row.split('|');
        let mut next = || parts.next().unwrap_or_default();
        let (name, category, parent) = (next(), next(), next());
        text.push_str(&format!("\n{name}\t{category}\t普通高中\t{parent}"));
    }
    text
}

impl Desk {
    fn house(&self) -> &House {
        &self.lab.house
    }
    async fn paste(&self, text: &str) -> Result<Import> {
        self.stage(Source::Pasted(text.into())).await
    }
    async fn file(&self, name: &str, bytes: &[u8]) -> Result<Import> {
        let path = self.lab.folder().join(name);
        std::fs::write(&path, bytes).unwrap();
        self.stage(Source::File { path, name: name.into() }).await
    }
    async fn stage(&self, source: Source) -> Result<Import> {
        let read = imports::read(self.house(), source).await?;
        let org = &self.tree.committee;
        act!(self.house(), self.who.clone(), |cx| imports::stage_orgs(cx, org, &read).await)
    }
    async fn find(&self, id: ImportId) -> Import {
        let mut cx = self.house().read(self.who.clone()).await.unwrap();
        imports::find(&mut cx, id).await.unwrap().0
    }
    async fn lines(&self, id: ImportId, show: Show) -> Vec<Line> {
        let mut cx = self.house().read(self.who.clone()).await.unwrap();
        review::page(&mut cx, id, show, 0, 100_000).await.unwrap().lines
    }
    async fn leaves(&self, id: ImportId) -> Vec<children::Leaf> {
        let mut cx = self.house().read(self.who.clone()).await.unwrap();
        children::tree(&mut cx, id, 0, 100_000).await.unwrap().leaves
    }
    /// `row: code` of everything that has to be put right.
    async fn faults(&self, id: ImportId) -> Vec<String> {
        let lines = self.lines(id, Show::Fix).await;
        let codes = |l: &Line| {
            let found: Vec<&str> =
                l.problems.iter().filter(|p| p.forbids()).map(|p| p.code.as_str()).collect();
            format!("{}: {}", l.row, found.join(" "))
        };
        lines.iter().map(codes).collect()
    }
    async fn fix(&self, id: ImportId, no: i64, column: Column, text: &str) {
        let line = self.lines(id, Show::All).await.into_iter().find(|l| l.row == no).unwrap();
        let change =
            fix::Change { row: no, version: line.version, cells: vec![(column, text.into())] };
        act!(self.house(), self.who.clone(), |cx| fix::fix(cx, id, std::slice::from_ref(&change))
            .await)
        .unwrap();
    }
    async fn make(&self, id: ImportId) -> Import {
        act!(self.house(), self.who.clone(), |cx| imports::commit(cx, id, Mode::Good).await)
            .unwrap();
        jobs::run_all(self.house()).await.unwrap();
        self.find(id).await
    }
    async fn undo(&self, id: ImportId) -> Result<undo::Undo> {
        act!(self.house(), self.who.clone(), |cx| undo::undo(cx, id).await)
    }
    /// `parent > child` of everything below the committee that the tests have made.
    async fn below(&self) -> Vec<String> {
        let mut tx = self.house().db().read().await.unwrap();
        let found: Vec<(String, String)> = tx
            .all(
                db::sql!("SELECT p.short_name, o.short_name FROM org o JOIN org p ON p.id = o.parent_id WHERE o.path > $1 AND o.path < $2 AND o.status <> 'DELETED' AND o.short_name LIKE '%院%' ORDER BY o.path"),
                db::args![&self.tree.committee.path, format!("{}~", self.tree.committee.path)],
            )
            .await
            .unwrap();
        found.into_iter().map(|(p, o)| format!("{p} > {o}")).collect()
    }
    async fn org_named(&self, name: &str) -> OrgRef {
        let mut tx = self.house().db().read().await.unwrap();
        let (code,): (String,) = tx
            .one(
                db::sql!("SELECT code FROM org WHERE short_name = $1 AND status <> 'DELETED'"),
                db::args![name],
            )
            .await
            .unwrap();
        drop(tx);
        let mut cx = self.house().read(self.who.clone()).await.unwrap();
        orgs::by_code(&mut cx, &code).await.unwrap()
    }
}

const COLLEGES: &[&str] = &[
    "数学院1班团支部|团支部|数学院团总支",
    "数学院团总支|团总支|",
    "文学院团委|团委|",
    "文学院大一团总支|团总支|文学院团委",
    "文学院大一1班团支部|团支部|文学院大一团总支",
    "法学院团支部|团支部|",
];
const COLLEGE_TREE: [&str; 6] = [
    "合肥第一中学团委 > 数学院团总支",
    "数学院团总支 > 数学院1班团支部",
    "合肥第一中学团委 > 文学院团委",
    "文学院团委 > 文学院大一团总支",
    "文学院大一团总支 > 文学院大一1班团支部",
    "合肥第一中学团委 > 法学院团支部",
];

#[tokio::test]
async fn levels_below_are_shown_as_a_tree_and_made_from_the_top_down() {
    let d = desk().await;
    let import = d.paste(&sheet(COLLEGES)).await.unwrap();
    assert_eq!((import.kind.as_str(), import.state.as_str()), ("orgs", "review"));
    assert_eq!((import.ready, import.to_fix), (6, 0), "{:?}", d.faults(import.id).await);
    let leaves = d.leaves(import.id).await;
    let shown: Vec<(i64, i64)> = leaves.iter().map(|l| (l.level, l.row)).collect();
    assert_eq!(shown, [(1, 3), (2, 2), (1, 4), (2, 5), (3, 6), (1, 7)]);
    let import = d.make(import.id).await;
    assert_eq!((import.state.as_str(), import.imported), ("done", 6));
    assert_eq!(commit::sentence(&import), "成功创建 6 个组织,0 行没有创建");
    assert_eq!(d.below().await, COLLEGE_TREE);
    d.lab.is_whole().await;
}

#[tokio::test]
async fn csv_workbook_and_paste_of_the_same_list_say_the_same() {
    let d = desk().await;
    let text = sheet(COLLEGES);
    let rows: Vec<Vec<String>> =
        text.lines().map(|l| l.split('\t').map(str::to_owned).collect()).collect();
    let pasted = d.paste(&text).await.unwrap();
    let csv = d.file("组织.csv", text.replace('\t', ",").as_bytes()).await.unwrap();
    let columns = rows[0].iter().map(|title| sheet::Column {
        title: title.clone(),
        width: 20.0,
        ..Default::default()
    });
    let layout =
        sheet::Layout {
            name: "下级组织".into(), columns: columns.collect(), ..Default::default()
        };
    let mut writer = sheet::Writer::new();
    let mut page = writer.sheet(&layout).unwrap();
    for row in &rows[1..] {
        let values: Vec<sheet::Value<'_>> = row.iter().map(|c| c.as_str().into()).collect();
        page.row(&values).unwrap();
    }
    let xlsx = d.file("组织.xlsx", &writer.finish().unwrap()).await.unwrap();
    let mut seen = Vec::new();
    for import in [pasted, csv, xlsx] {
        let leaves = d.leaves(import.id).await;
        seen.push(
            leaves
                .into_iter()
                .map(|l| (l.row, l.level, l.name, l.category, l.state))
                .collect::<Vec<_>>(),
        );
    }
    assert!(seen[0].len() == 6 && seen[0] == seen[1] && seen[0] == seen[2], "{seen:#?}");
}

#[tokio::test]
async fn blanks_before_a_name_or_a_column_of_levels_say_the_same_as_naming_the_superior() {
    let d = desk().await;
    let blanks = "组织简称\t组织类别\t行业\n文学院团委\t团委\t普通高中\n\u{3000}文学院大一团总支\t团总支\t\n\u{3000}\u{3000}文学院大一1班团支部\t团支部\t\n法学院团支部\t\t普通高中";
    let levels = "层级\t组织简称\t组织类别\t行业\n1\t文学院团委\t团委\t普通高中\n二级\t文学院大一团总支\t团总支\t\n3\t文学院大一1班团支部\t团支部\t\n1\t法学院团支部\t\t普通高中";
    for text in [blanks, levels] {
        let import = d.paste(text).await.unwrap();
        assert_eq!(import.to_fix, 0, "{:?}", d.faults(import.id).await);
        let shown: Vec<i64> = d.leaves(import.id).await.iter().map(|l| l.level).collect();
        assert_eq!(shown, [1, 2, 3, 1]);
        let tidied = import.notes().tidied;
        assert_eq!(tidied.get("组织类别留空,已按名称判断"), Some(&1));
        assert_eq!(tidied.get("行业类别留空,已按上级组织填写"), Some(&2));
        // A repaired name keeps its place.
        d.fix(import.id, 3, Column::OrgShortName, "文学院一年级团总支").await;
        let shown: Vec<i64> = d.leaves(import.id).await.iter().map(|l| l.level).collect();
        assert_eq!(shown, [1, 2, 3, 1]);
    }
    let gap = d.paste("层级\t组织简称\t组织类别\t行业\n1\t文学院团委\t团委\t普通高中\n3\t文学院1班团支部\t团支部\t\n").await.unwrap();
    assert_eq!(d.faults(gap.id).await, ["3: org_parent_unknown"]);
}

#[tokio::test]
async fn every_kind_of_bad_row_is_told_with_its_own_reason() {
    let d = desk().await;
    let import = d
        .paste(&sheet(&[
            "教工团支部|团支部|",
            "理学院团委|团委|",
            "理学院团委|团总支|",
            "某厂青工委|团工委|",
            "工学院团支部|学生会|",
            "工学院1班团支部|团支部|没有的学院",
            "班团委|团委|高一年级团总支",
            "甲院团委|团委|乙院团委",
            "乙院团委|团委|甲院团委",
            "丙院团支部|团支部|理学院团委",
            "丁院1班团支部|团支部|戊院青年部",
            "戊院青年部|团委|",
            "团支部|团支部|",
            "|团支部|",
            "远处团支部|团支部|100000000",
            "长长长长长长长长长长长长长长长长长长长长长长长长长团支部|团支部|",
        ]))
        .await
        .unwrap();
    assert_eq!(
        d.faults(import.id).await,
        [
            "2: org_exists",
            "4: org_name_twice",
            "5: org_name_not_league",
            "6: org_category",
            "7: org_parent_unknown",
            "8: org_nesting",
            "9: org_parent_unknown",
            "10: org_parent_unknown",
            "12: org_parent_bad",
            "13: org_name_not_league",
            "15: required",
            "16: org_parent_unknown",
            "17: org_name_length",
        ]
    );
    let lines = d.lines(import.id, Show::All).await;
    let line = |row: i64| lines.iter().find(|l| l.row == row).unwrap();
    assert_eq!(line(2).problems[0].org.as_deref(), Some(d.tree.direct.code.as_str()));
    assert!(line(4).problems[0].message.contains("第 3 行"));
    assert!(line(12).problems[0].message.contains("第 13 行"), "{:?}", line(12).problems);
    // Advice alone does not hold anything up.
    assert_eq!(line(14).problems[0].code, "org_name_plain_branch");
    assert_eq!((import.ready, import.warned), (3, 1));
}

#[tokio::test]
async fn repairing_the_superior_frees_all_that_stand_below_it() {
    let d = desk().await;
    let rows = [
        "文学院青年部|团委|",
        "文学院1班团支部|团支部|文学院青年部",
        "文学院2班团支部|团支部|文学院青年部",
    ];
    let import = d.paste(&sheet(&rows)).await.unwrap();
    assert_eq!(import.to_fix, 3);
    let made = d.paste(&sheet(&["法学院团支部|团支部|"])).await.unwrap();
    d.make(made.id).await;
    d.fix(import.id, 2, Column::OrgShortName, "文学院团委").await;
    // Those below named the old name: they are told so, and one value for many rows mends them.
    assert_eq!(d.faults(import.id).await, ["3: org_parent_unknown", "4: org_parent_unknown"]);
    let rows = act!(d.house(), d.who.clone(), |cx| {
        fix::apply(cx, import.id, Column::OrgParent, "文学院青年部", "文学院团委").await
    })
    .unwrap();
    assert_eq!((rows, d.find(import.id).await.ready), (2, 3));
}

#[tokio::test]
async fn an_organisation_that_is_there_takes_the_new_ones_below_it_and_its_administrators_are_told()
{
    let d = desk().await;
    d.lab.admin(&d.tree.general, "李老师").await;
    let code = orgs::code::show(&d.tree.general.code);
    let import = d
        .paste(&sheet(&[
            "高一年级团总支|团总支|",
            "院高一8班团支部|团支部|高一年级团总支",
            &format!("院高一9班团支部|团支部|{code}"),
            "院高一10班团支部|团支部|合肥第一中学团委/高一年级团总支",
        ]))
        .await
        .unwrap();
    assert_eq!(d.faults(import.id).await, ["2: org_exists"]);
    let left = act!(d.house(), d.who.clone(), |cx| fix::skip_here(cx, import.id).await).unwrap();
    assert_eq!(left, 1);
    let import = d.make(import.id).await;
    assert_eq!((import.imported, import.skipped), (3, 1));
    assert!(d.below().await.iter().all(|o| o.starts_with("高一年级团总支 > ")));
    let mut tx = d.house().db().read().await.unwrap();
    let told: Vec<(String,)> = tx
        .all(db::sql!("SELECT title FROM message WHERE to_org = $1"), db::args![d.tree.general.id])
        .await
        .unwrap();
    assert!(told.len() == 1 && told[0].0.contains("3 个"), "{told:?}");
}

#[tokio::test]
async fn what_is_good_is_made_now_and_the_rest_below_it_later() {
    let d = desk().await;
    let import = d
        .paste(&sheet(&[
            "文学院团委|团委|",
            "文学院1班团支部|团支部|文学院团委",
            "文学院2班青年部|团支部|文学院团委",
        ]))
        .await
        .unwrap();
    let import = d.make(import.id).await;
    assert_eq!((import.state.as_str(), import.imported, import.to_fix), ("review", 2, 1));
    d.fix(import.id, 4, Column::OrgShortName, "文学院2班团支部").await;
    let import = d.make(import.id).await;
    assert_eq!((import.state.as_str(), import.imported), ("done", 3));
    assert_eq!(d.below().await.len(), 3);
}

#[tokio::test]
async fn a_commit_that_was_cut_off_goes_on_and_makes_nothing_twice() {
    let d = desk().await;
    let mut rows: Vec<String> = (0..30).map(|n| format!("院{n}团委|团委|")).collect();
    for n in 0..450 {
        rows.push(format!("院{}第{n}团支部|团支部|院{}团委", n % 30, n % 30));
    }
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let import = d.paste(&sheet(&rows)).await.unwrap();
    assert_eq!(import.ready, 480);
    act!(d.house(), d.who.clone(), |cx| imports::commit(cx, import.id, Mode::All).await).unwrap();
    // Two pieces by a worker that dies, then the job as if it had never begun.
    for _ in 0..2 {
        let pace = &mut Pace::default();
        assert!(commit::step(d.house(), import.id, None, pace).await.unwrap().is_none());
    }
    // The 30 of the first level, and the first piece of the second.
    assert_eq!(d.find(import.id).await.imported, 30 + Pace::default().rows());
    jobs::run_all(d.house()).await.unwrap();
    let import = d.find(import.id).await;
    assert_eq!((import.state.as_str(), import.imported), ("done", 480));
    assert_eq!(d.below().await.len(), 480);
    d.lab.is_whole().await;
}

#[tokio::test]
async fn a_batch_is_taken_back_but_for_what_has_been_used_and_what_stands_above_it() {
    let d = desk().await;
    let import = d.paste(&sheet(COLLEGES)).await.unwrap();
    d.make(import.id).await;
    let used = d.org_named("文学院大一1班团支部").await;
    d.lab.member(&used, "赵伟").await;
    let preview = {
        let mut cx = d.house().read(d.who.clone()).await.unwrap();
        undo::preview(&mut cx, import.id).await.unwrap()
    };
    assert_eq!((preview.going, preview.staying.len()), (3, 3));
    let done = d.undo(import.id).await.unwrap();
    let staying: Vec<(i64, &str)> = done.staying.iter().map(|s| (s.row, s.why.as_str())).collect();
    assert_eq!(
        staying,
        [(4, "它下面有要保留的组织"), (5, "它下面有要保留的组织"), (6, "已录入团员或团干部")]
    );
    assert_eq!(d.below().await.len(), 3);
    let import = d.find(import.id).await;
    assert_eq!(import.state, "undone");
    d.lab.is_whole().await;
    // The names are free again.
    let again = d.paste(&sheet(&["法学院团支部|团支部|"])).await.unwrap();
    assert_eq!(d.make(again.id).await.imported, 1);
    d.lab.is_whole().await;
}

#[tokio::test]
async fn a_batch_can_be_taken_back_for_a_day_and_not_longer() {
    let d = desk().await;
    let import = d.paste(&sheet(COLLEGES)).await.unwrap();
    d.make(import.id).await;
    d.lab.clock.advance(25 * HOUR);
    match d.undo(import.id).await {
        Err(Error::Conflict(r)) => assert!(r.message.contains("24 小时"), "{}", r.message),
        other => panic!("{:?}", other.map(|u| u.going)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_lists_of_the_same_names_at_once_make_each_organisation_once() {
    let d = desk().await;
    let rows: Vec<String> = (0..40).map(|n| format!("院{n}团支部|团支部|")).collect();
    let mut rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let mut ids = Vec::new();
    for _ in 0..2 {
        // Not the very same file, which would be told from the first upload.
        rows.reverse();
        let import = d.paste(&sheet(&rows)).await.unwrap();
        act!(d.house(), d.who.clone(), |cx| imports::commit(cx, import.id, Mode::Good).await)
            .unwrap();
        ids.push(import.id);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for id in ids.clone() {
        let house = d.house().clone();
        tasks.spawn(async move {
            let mut pace = Pace::default();
            while commit::step(&house, id, None, &mut pace).await.unwrap().is_none() {}
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let (a, b) = (d.find(ids[0]).await, d.find(ids[1]).await);
    assert_eq!((a.imported + b.imported, a.to_fix + b.to_fix), (40, 40));
    assert_eq!(d.below().await.len(), 40);
    let loser = if a.imported == 0 { a } else { b };
    let line = &d.lines(loser.id, Show::Fix).await[0];
    assert_eq!(line.problems[0].code, "org_exists");
    assert!(line.problems[0].org.is_some());
    jobs::run_all(d.house()).await.unwrap();
    d.lab.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn taking_back_against_a_child_being_made_leaves_no_orphan() {
    let d = desk().await;
    for round in 0..6 {
        let name = format!("院{round}团委");
        let import = d.paste(&sheet(&[&format!("{name}|团委|")])).await.unwrap();
        d.make(import.id).await;
        let parent = d.org_named(&name).await;
        let house = d.house().clone();
        #[expect(clippy::disallowed_methods, reason = "the other administrator, at the same time")]
        let child = tokio::spawn(async move {
            let new = New {
                short_name: "院内团支部".into(),
                full_name: None,
                category: Category::Branch,
                industry: Some("school_senior".into()),
            };
            act!(house, Who::System("test"), |cx| {
                orgs::create_child(cx, &parent, new.clone()).await
            })
            .is_ok()
        });
        let undone = d.undo(import.id).await.unwrap();
        let made = child.await.unwrap();
        assert_eq!(undone.going == 0, made, "either the child or the undo");
    }
    d.lab.is_whole().await;
}

/// The names of the committee's children in their order.
async fn order(d: &Desk) -> Vec<String> {
    let mut cx = d.house().read(d.who.clone()).await.unwrap();
    let list = orgs::children(&mut cx, &d.tree.committee, None, 200).await.unwrap();
    list.rows.into_iter().map(|c| c.short_name).collect()
}

async fn go(d: &Desk, name: &str, to: Move) -> Result<i64> {
    let child = d.org_named(name).await;
    act!(d.house(), d.who.clone(), |cx| orgs::reorder(cx, &child, to).await)
}

#[tokio::test]
async fn children_are_put_up_down_on_top_at_the_bottom_and_to_a_number() {
    let d = desk().await;
    for name in ["甲院团支部", "乙院团支部", "丙院团支部"] {
        d.lab.org(Some(&d.tree.committee), Category::Branch, name).await;
    }
    let expect = async |names: &str| {
        let now: String = order(&d).await.iter().filter_map(|n| n.chars().next()).collect();
        assert_eq!(now, names);
    };
    expect("高教甲乙丙").await;
    assert_eq!(go(&d, "丙院团支部", Move::Up).await.unwrap(), 4);
    expect("高教甲丙乙").await;
    assert_eq!(go(&d, "高一年级团总支", Move::Down).await.unwrap(), 2);
    expect("教高甲丙乙").await;
    assert_eq!(go(&d, "乙院团支部", Move::Top).await.unwrap(), 1);
    expect("乙教高甲丙").await;
    assert_eq!(go(&d, "教工团支部", Move::Bottom).await.unwrap(), 5);
    expect("乙高甲丙教").await;
    assert_eq!(go(&d, "丙院团支部", Move::Place(2)).await.unwrap(), 2);
    expect("乙丙高甲教").await;
    assert_eq!(go(&d, "乙院团支部", Move::Up).await.unwrap(), 1);
    assert_eq!(go(&d, "乙院团支部", Move::Place(99)).await.unwrap(), 5);
    expect("丙高甲教乙").await;
    // A page that begins behind somebody with a negative number.
    let mut cx = d.house().read(d.who.clone()).await.unwrap();
    let first = orgs::children(&mut cx, &d.tree.committee, None, 1).await.unwrap();
    let rest = orgs::children(&mut cx, &d.tree.committee, first.next.as_deref(), 9).await.unwrap();
    assert_eq!((first.rows.len(), rest.rows.len()), (1, 4));
    drop(cx);
    // New ones come last.
    let import = d.paste(&sheet(&["丁院团支部|团支部|"])).await.unwrap();
    d.make(import.id).await;
    expect("丙高甲教乙丁").await;
    for _ in 0..40 {
        go(&d, "丁院团支部", Move::Place(2)).await.unwrap();
        go(&d, "乙院团支部", Move::Place(2)).await.unwrap();
    }
    expect("丙乙丁高甲教").await;
    d.lab.is_whole().await;
}

#[tokio::test]
async fn only_the_superior_orders_and_only_her_own_children() {
    let d = desk().await;
    let grandchild =
        act!(d.house(), d.who.clone(), |cx| orgs::reorder(cx, &d.tree.branch, Move::Top).await);
    assert!(matches!(grandchild, Err(Error::Conflict(_))), "{grandchild:?}");
    let who = d.lab.admin(&d.tree.direct, "赵敏").await;
    let branch =
        act!(d.house(), who.clone(), |cx| orgs::reorder(cx, &d.tree.direct, Move::Top).await);
    assert!(matches!(branch, Err(Error::Forbidden { .. })), "{branch:?}");
}

#[tokio::test]
async fn the_list_says_what_each_child_lacks_and_is_narrowed_down() {
    let d = desk().await;
    d.lab.admin(&d.tree.general, "李老师").await;
    let ask = async |narrow: orgs::Narrow| {
        let mut cx = d.house().read(d.who.clone()).await.unwrap();
        let list = orgs::narrowed(&mut cx, &d.tree.committee, &narrow, None, 50).await.unwrap();
        list.rows
    };
    let all = ask(orgs::Narrow::default()).await;
    assert_eq!(all.iter().map(|c| c.administrators).collect::<Vec<_>>(), [1, 0]);
    assert!(all.iter().all(|c| c.missing > 0), "nobody has a secretary yet");
    let unmanned = ask(orgs::Narrow { unmanned: true, ..Default::default() }).await;
    assert_eq!(unmanned[0].code, d.tree.direct.code);
    for name in ["年级", "gynj"] {
        let found = ask(orgs::Narrow { name: name.into(), ..Default::default() }).await;
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].code, d.tree.general.code);
    }
    let branches =
        ask(orgs::Narrow { category: Some(Category::Branch), ..Default::default() }).await;
    assert_eq!(branches.len(), 1);
}
