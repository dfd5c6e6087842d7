//! Imports against a real database: what each kind of bad input gets for an answer, repairing,
//! committing in pieces that may be cut off anywhere, taking back.

#![expect(clippy::unwrap_used, reason = "the functions of a test are part of it")]

use app::{
    Error, House, OrgRef, Result, Who, act,
    clock::{DAY, HOUR},
    imports::{
        self, Import, ImportId, Mode, RowState, Show, Source, commit, fix, mapping, review,
        templates::{Template, workbook},
        undo, words,
    },
    jobs,
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
    let who = lab.admin(&tree.branch, "王老师").await;
    Desk { lab, tree, who }
}

const HEAD: &str = "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t发展团员编号\t手机号码";

/// A good row; the name tells rows apart.
fn row(name: &str, id: &str) -> String {
    format!("{name}\t{id}\t汉\t共青团员\t本科\t2016-05\t\t13812346021")
}

impl Desk {
    fn house(&self) -> &House {
        &self.lab.house
    }
    fn good(&self, name: &str) -> String {
        row(name, &self.lab.next_id_number())
    }
    fn many(&self, n: usize) -> String {
        let rows: Vec<String> = (0..n).map(|i| self.good(&name_of(i))).collect();
        format!("{HEAD}\n{}", rows.join("\n"))
    }
    async fn paste(&self, text: &str) -> Result<Import> {
        self.paste_as(&self.who, &self.tree.branch, text).await
    }
    async fn paste_as(&self, who: &Who, org: &OrgRef, text: &str) -> Result<Import> {
        let read = imports::read(self.house(), Source::Pasted(text.into())).await?;
        act!(self.house(), who.clone(), |cx| imports::stage(cx, org, &read).await)
    }
    /// The same file once more on purpose, though that draft of it is open.
    async fn paste_beside(&self, draft: ImportId, text: &str) -> Import {
        let read = imports::read(self.house(), Source::Pasted(text.into())).await.unwrap();
        let read = read.beside(draft);
        act!(self.house(), self.who.clone(), |cx| {
            imports::stage(cx, &self.tree.branch, &read).await
        })
        .unwrap()
    }
    /// What the page does: to the open draft of the same file, or a new one.
    async fn upload_as(&self, who: &Who, text: &str) -> ImportId {
        let org = &self.tree.branch;
        let read = imports::read(self.house(), Source::Pasted(text.into())).await.unwrap();
        act!(self.house(), who.clone(), |cx| {
            match imports::open_twin(cx, imports::Kind::Members, org, &read).await? {
                Some(twin) => Ok(twin.id),
                None => Ok(imports::stage(cx, org, &read).await?.id),
            }
        })
        .unwrap()
    }
    async fn file(&self, name: &str, bytes: &[u8]) -> Result<Import> {
        let path = self.lab.folder().join(name);
        std::fs::write(&path, bytes).unwrap();
        let source = Source::File { path, name: name.into() };
        let read = imports::read(self.house(), source).await?;
        act!(self.house(), self.who.clone(), |cx| {
            imports::stage(cx, &self.tree.branch, &read).await
        })
    }
    async fn find(&self, id: ImportId) -> Import {
        let mut cx = self.house().read(self.who.clone()).await.unwrap();
        let import = imports::find(&mut cx, id).await.unwrap().0;
        drop(cx);
        self.counters_are_true(&import).await;
        import
    }
    async fn lines(&self, id: ImportId, show: Show) -> Vec<imports::Line> {
        let mut cx = self.house().read(self.who.clone()).await.unwrap();
        review::page(&mut cx, id, show, 0, 100_000).await.unwrap().lines
    }
    async fn counters_are_true(&self, import: &Import) {
        let count = async |show| self.lines(import.id, show).await;
        let all = count(Show::All).await;
        let n =
            |states: &[RowState]| all.iter().filter(|l| states.contains(&l.state)).count() as i64;
        assert_eq!(import.rows, all.len() as i64);
        assert_eq!(import.ready, n(&[RowState::Ready, RowState::Warned]), "ready");
        assert_eq!(import.warned, n(&[RowState::Warned]), "warned");
        assert_eq!(import.to_fix, n(&[RowState::ToFix]), "to_fix");
        assert_eq!(import.skipped, n(&[RowState::Skipped]), "skipped");
        assert_eq!(import.imported, n(&[RowState::Imported]), "imported");
        assert_eq!(import.failed, n(&[RowState::Failed]), "failed");
    }
    async fn fix(&self, id: ImportId, no: i64, column: Column, text: &str) -> Result<usize> {
        let line = self.lines(id, Show::All).await.into_iter().find(|l| l.row == no).unwrap();
        self.fix_from(id, no, line.version, column, text).await
    }
    async fn fix_from(
        &self,
        id: ImportId,
        no: i64,
        version: i64,
        column: Column,
        text: &str,
    ) -> Result<usize> {
        let change = fix::Change { row: no, version, cells: vec![(column, text.to_owned())] };
        act!(self.house(), self.who.clone(), |cx| fix::fix(cx, id, std::slice::from_ref(&change))
            .await)
    }
    async fn commit(&self, id: ImportId, mode: Mode) -> Result<jobs::JobId> {
        act!(self.house(), self.who.clone(), |cx| imports::commit(cx, id, mode).await)
    }
    async fn import_good(&self, id: ImportId) -> Import {
        self.commit(id, Mode::Good).await.unwrap();
        jobs::run_all(self.house()).await.unwrap();
        self.find(id).await
    }
    async fn members(&self, org: &OrgRef) -> i64 {
        let mut tx = self.house().db().read().await.unwrap();
        let (n,): (i64,) = tx
            .one(db::sql!("SELECT COUNT(*) FROM member WHERE org_id = $1"), db::args![org.id])
            .await
            .unwrap();
        n
    }
}

fn name_of(i: usize) -> String {
    const WORDS: [char; 10] = ['伟', '芳', '娜', '敏', '静', '丽', '强', '磊', '军', '洋'];
    let digit = |n: usize| WORDS[n % 10];
    [digit(i / 1000), digit(i / 100), digit(i / 10), digit(i)].into_iter().fold(
        String::from("李"),
        |mut name, c| {
            name.push(c);
            name
        },
    )
}

fn codes(line: &imports::Line) -> Vec<&str> {
    line.problems.iter().map(|p| p.code.as_str()).collect()
}

fn refusal(error: Error) -> (String, String) {
    match error {
        Error::Refused(r) | Error::Conflict(r) => (r.code, r.message),
        Error::Invalid(mut fields) => {
            let field = fields.remove(0);
            (field.code, field.message)
        }
        other => panic!("no refusal: {other:?}"),
    }
}

#[tokio::test]
async fn good_rows_are_reviewed_and_imported_and_the_importer_is_told() {
    let d = desk().await;
    let import = d.paste(&d.many(3)).await.unwrap();
    assert_eq!((import.state.as_str(), import.ready, import.to_fix), ("review", 3, 0));
    let import = d.import_good(import.id).await;
    assert_eq!((import.state.as_str(), import.imported, import.ready), ("done", 3, 0));
    assert_eq!(d.members(&d.tree.branch).await, 3);
    assert_eq!(commit::sentence(&import), "成功导入 3 位,0 位导入失败");
    let mut tx = d.house().db().read().await.unwrap();
    let (title,): (String,) =
        tx.one(db::sql!("SELECT title FROM message WHERE kind = 'import'"), &[]).await.unwrap();
    assert!(title.contains("成功导入 3 位"), "{title}");
}

#[tokio::test]
async fn bad_rows_are_named_as_in_the_sheet_and_repaired_in_place() {
    let d = desk().await;
    let bad = d.good("钱敏").replace("2016-05", "2012-02");
    let wrong_id = row("孙芳", "340103200101010013");
    let text = format!("名册\t\n{HEAD}\n{}\n\n{bad}\n{wrong_id}", d.good("赵伟"));
    let import = d.paste(&text).await.unwrap();
    assert_eq!((import.ready, import.to_fix), (1, 2));
    let lines = d.lines(import.id, Show::Fix).await;
    assert_eq!(lines.iter().map(|l| l.row).collect::<Vec<_>>(), [5, 6]);
    assert_eq!(codes(&lines[0]), ["too_young_at_joining"]);
    assert_eq!(lines[0].cells[0].value, "2012-02");
    d.fix(import.id, 5, Column::Joined, "2016年9月").await.unwrap();
    assert_eq!(d.find(import.id).await.ready, 2);
    let id = d.lab.next_id_number();
    d.fix(import.id, 6, Column::IdNumber, &id).await.unwrap();
    let import = d.import_good(import.id).await;
    assert_eq!((import.imported, import.to_fix), (3, 0));
}

#[tokio::test]
async fn what_is_good_goes_in_now_and_the_rest_later() {
    let d = desk().await;
    let bad = d.good("钱敏").replace("2016-05", "");
    let import = d.paste(&format!("{}\n{bad}", d.many(2))).await.unwrap();
    let (code, message) = refusal(d.commit(import.id, Mode::All).await.unwrap_err());
    assert!(code == "import_not_ready" && message.contains("1 行"), "{message}");
    let import = d.import_good(import.id).await;
    assert_eq!((import.state.as_str(), import.imported, import.to_fix), ("review", 2, 1));
    d.fix(import.id, 4, Column::Joined, "2016-05").await.unwrap();
    let import = d.import_good(import.id).await;
    assert_eq!((import.state.as_str(), import.imported), ("done", 3));
    assert_eq!(d.members(&d.tree.branch).await, 3);
}

#[tokio::test]
async fn a_person_who_stands_twice_is_named_with_the_other_row_and_free_when_that_is_left_out() {
    let d = desk().await;
    let id = d.lab.next_id_number();
    let text = format!("{HEAD}\n{}\n{}", row("赵伟", &id), row("赵伟", &id.to_lowercase()));
    let import = d.paste(&text).await.unwrap();
    let lines = d.lines(import.id, Show::Fix).await;
    assert_eq!((lines.len(), lines[0].row), (1, 3));
    assert_eq!(codes(&lines[0]), ["id_duplicate_in_file"]);
    assert!(lines[0].problems[0].message.contains("第 2 行"));
    act!(d.house(), d.who.clone(), |cx| fix::skip(cx, import.id, 2, true).await).unwrap();
    let now = d.find(import.id).await;
    assert_eq!((now.ready, now.to_fix, now.skipped), (1, 0, 1));
    act!(d.house(), d.who.clone(), |cx| fix::skip(cx, import.id, 2, false).await).unwrap();
    assert_eq!(d.find(import.id).await.to_fix, 1);
}

#[tokio::test]
async fn a_repair_that_repeats_another_row_is_found_at_once() {
    let d = desk().await;
    let (first, second) = (d.lab.next_id_number(), d.lab.next_id_number());
    let text = format!("{HEAD}\n{}\n{}", row("赵伟", &first), row("钱敏", &second));
    let import = d.paste(&text).await.unwrap();
    d.fix(import.id, 3, Column::IdNumber, &first).await.unwrap();
    assert_eq!(codes(&d.lines(import.id, Show::Fix).await[0]), ["id_duplicate_in_file"]);
    d.fix(import.id, 2, Column::IdNumber, &second).await.unwrap();
    assert_eq!(d.find(import.id).await.to_fix, 0);
}

#[tokio::test]
async fn members_of_another_branch_get_one_general_reason_and_those_of_this_one_can_be_left_out() {
    let d = desk().await;
    let (here, there) = (d.lab.next_id_number(), d.lab.next_id_number());
    let first = d.paste(&format!("{HEAD}\n{}", row("赵伟", &here))).await.unwrap();
    d.import_good(first.id).await;
    let other = d.lab.admin(&d.tree.sister, "李老师").await;
    let text = format!("{HEAD}\n{}", row("钱敏", &there));
    let second = d.paste_as(&other, &d.tree.sister, &text).await.unwrap();
    act!(d.house(), other.clone(), |cx| imports::commit(cx, second.id, Mode::Good).await).unwrap();
    jobs::run_all(d.house()).await.unwrap();
    let text =
        format!("{HEAD}\n{}\n{}\n{}", row("赵伟", &here), row("钱敏", &there), d.good("孙芳"));
    let import = d.paste(&text).await.unwrap();
    let lines = d.lines(import.id, Show::Fix).await;
    assert_eq!(codes(&lines[0]), ["id_here"]);
    assert_eq!(codes(&lines[1]), ["id_elsewhere"]);
    assert!(!lines[1].problems[0].message.contains("高一2班"), "the branch is not told");
    let left = act!(d.house(), d.who.clone(), |cx| fix::skip_here(cx, import.id).await).unwrap();
    assert_eq!(left, 1);
    let import = d.import_good(import.id).await;
    assert_eq!((import.imported, import.skipped, import.to_fix), (1, 1, 1));
}

#[tokio::test]
async fn numbers_and_dates_of_every_spelling_are_read_and_the_tidying_is_said() {
    let d = desk().await;
    let spellings = ["2016-05", "2016.05", "2016年5月", "2016/5/1", "201605", "20160504", "2016-5"];
    let mut rows: Vec<String> = spellings
        .iter()
        .enumerate()
        .map(|(i, s)| d.good(&name_of(i)).replace("2016-05", s))
        .collect();
    rows.push(row("周静", "3.40104E+17"));
    rows.push(d.good("吴洋").replace("2016-05", "2016"));
    let import = d.paste(&format!("{HEAD}\n{}", rows.join("\n"))).await.unwrap();
    assert_eq!((import.ready, import.to_fix), (7, 2));
    let lines = d.lines(import.id, Show::Fix).await;
    assert_eq!(codes(&lines[0]), ["id_lost_digits"]);
    assert_eq!(codes(&lines[1]), ["month_year_only"]);
    assert!(import.notes().tidied.values().any(|n| *n >= 5), "{:?}", import.notes());
}

#[tokio::test]
async fn one_value_is_given_to_many_rows() {
    let d = desk().await;
    let text = d.many(4).replace("2016-05", "待定");
    let import = d.paste(&text).await.unwrap();
    assert_eq!(import.to_fix, 4);
    let changed = act!(d.house(), d.who.clone(), |cx| {
        fix::apply(cx, import.id, Column::Joined, "待定", "2016-05").await
    })
    .unwrap();
    assert_eq!((changed, d.find(import.id).await.ready), (4, 4));
    let none = act!(d.house(), d.who.clone(), |cx| {
        fix::apply(cx, import.id, Column::Joined, "待定", "2016-05").await
    });
    assert_eq!(refusal(none.unwrap_err()).0, "nothing_to_change");
}

#[tokio::test]
async fn a_word_that_nobody_knows_is_told_once_mended_once_and_taken_back_exactly() {
    let d = desk().await;
    // Four rows with a slip, one that says the right word already, one with another slip.
    let mut lines: Vec<String> = d.many(6).lines().map(str::to_owned).collect();
    for line in &mut lines[1..5] {
        *line = line.replace("\t汉\t", "\t汗族\t");
    }
    lines[5] = lines[5].replace("\t汉\t", "\t汉族\t");
    lines[6] = lines[6].replace("\t本科\t", "\t大本科班\t");
    let import = d.paste(&lines.join("\n")).await.unwrap();
    assert_eq!((import.to_fix, import.ready), (5, 1));
    let mut cx = d.house().read(d.who.clone()).await.unwrap();
    let unknown = words::unknown(&mut cx, &import).await.unwrap();
    drop(cx);
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert_eq!(
        (unknown[0].column, unknown[0].word.as_str(), unknown[0].rows),
        ("ethnic", "汗族", 4)
    );
    let mend = async || {
        act!(d.house(), d.who.clone(), |cx| {
            fix::apply(cx, import.id, Column::Ethnic, "汗族", "汉族").await
        })
    };
    assert_eq!(mend().await.unwrap(), 4);
    let found = d.find(import.id).await;
    assert_eq!((found.to_fix, found.ready), (1, 5));
    assert_eq!(found.notes().mended.unwrap().rows, [2, 3, 4, 5]);
    // One of them was put right differently since; it stays.
    d.fix(import.id, 3, Column::Ethnic, "回族").await.unwrap();
    let back = async || act!(d.house(), d.who.clone(), |cx| fix::take_back(cx, import.id).await);
    assert_eq!(back().await.unwrap().rows, [2, 4, 5]);
    let found = d.find(import.id).await;
    assert_eq!((found.to_fix, found.ready), (4, 2), "row 6 said 汉族 before");
    assert_eq!(refusal(back().await.unwrap_err()).0, "E22");
}

#[tokio::test]
async fn more_than_fifty_in_a_branch_are_a_hint_and_no_obstacle() {
    let d = desk().await;
    let import = d.paste(&d.many(50)).await.unwrap();
    let crowded = async |import: &Import| {
        let mut cx = d.house().read(d.who.clone()).await.unwrap();
        review::crowded(&mut cx, import, &d.tree.branch).await.unwrap()
    };
    assert_eq!(crowded(&import).await, None);
    d.lab.member(&d.tree.branch, "早就在的").await;
    let said = crowded(&import).await.expect("51 people");
    assert!(said.contains("现有1人") && said.contains("照常导入"), "{said}");
    assert_eq!(d.import_good(import.id).await.imported, 50);
}

#[tokio::test]
async fn the_second_of_two_administrators_sees_both_values() {
    let d = desk().await;
    let text = d.many(2).replace("2016-05", "?");
    let import = d.paste(&text).await.unwrap();
    let version = d.lines(import.id, Show::Fix).await[0].version;
    d.fix_from(import.id, 2, version, Column::Joined, "2016-05").await.unwrap();
    let late = d.fix_from(import.id, 2, version, Column::Joined, "2016-06").await;
    let Err(Error::Stale(both)) = late else { panic!("{late:?}") };
    assert_eq!((both[0].yours.as_str(), both[0].theirs.as_str()), ("2016-06", "2016-05"));
}

#[tokio::test]
async fn a_double_click_on_commit_is_one_job() {
    let d = desk().await;
    let import = d.paste(&d.many(3)).await.unwrap();
    let first = d.commit(import.id, Mode::Good).await.unwrap();
    let second = d.commit(import.id, Mode::Good).await.unwrap();
    assert_eq!(first, second);
    let late = d.fix(import.id, 2, Column::Joined, "2016-06").await;
    assert!(refusal(late.unwrap_err()).1.contains("正在进行"));
    jobs::run_all(d.house()).await.unwrap();
    assert_eq!(d.members(&d.tree.branch).await, 3);
}

#[tokio::test]
async fn a_commit_cut_off_between_two_pieces_goes_on_and_nobody_comes_in_twice() {
    let d = desk().await;
    let import = d.paste(&d.many(1_100)).await.unwrap();
    d.commit(import.id, Mode::Good).await.unwrap();
    // The first piece of a worker that then dies.
    let mut pace = Pace::default();
    let first = pace.rows();
    assert!(commit::step(d.house(), import.id, None, &mut pace).await.unwrap().is_none());
    assert_eq!(d.find(import.id).await.imported, first);
    jobs::run_all(&d.lab.second_node().await).await.unwrap();
    let now = d.find(import.id).await;
    assert_eq!((now.state.as_str(), now.imported, now.ready), ("done", 1_100, 0));
    assert_eq!(d.members(&d.tree.branch).await, 1_100);
    // A turn thought lost that comes back finds nothing to do.
    assert!(commit::step(d.house(), import.id, None, &mut pace).await.unwrap().is_some());
    assert_eq!(d.members(&d.tree.branch).await, 1_100);
}

#[tokio::test]
async fn whoever_came_in_by_another_way_meanwhile_is_refused_in_the_commit_and_said() {
    let d = desk().await;
    let text = d.many(2);
    let first = d.paste(&text).await.unwrap();
    let second = d.paste_beside(first.id, &text).await;
    assert_eq!(d.import_good(first.id).await.imported, 2);
    let second = d.import_good(second.id).await;
    assert_eq!((second.imported, second.to_fix), (0, 2));
    assert!(codes(&d.lines(second.id, Show::Fix).await[0]).contains(&"id_here"));
}

#[tokio::test]
async fn undo_takes_the_batch_back_but_for_whoever_has_been_used_since() {
    let d = desk().await;
    let import = d.paste(&d.many(3)).await.unwrap();
    d.import_good(import.id).await;
    let person = {
        let mut tx = d.house().db().write().await.unwrap();
        let (person,): (i64,) = tx
            .one(
                db::sql!("SELECT person_id FROM import_row WHERE import_id = $1 AND row_no = 3"),
                db::args![import.id],
            )
            .await
            .unwrap();
        tx.run(
            db::sql!("UPDATE person SET version = version + 1 WHERE id = $1"),
            db::args![person],
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        person
    };
    assert!(person > 0);
    d.lab.clock.advance(23 * HOUR);
    let mut cx = d.house().read(d.who.clone()).await.unwrap();
    let plan = undo::preview(&mut cx, import.id).await.unwrap();
    drop(cx);
    assert_eq!((plan.going, plan.staying.len(), plan.staying[0].row), (2, 1, 3));
    assert!(plan.staying[0].why.contains("修改"));
    let done = act!(d.house(), d.who.clone(), |cx| undo::undo(cx, import.id).await).unwrap();
    assert_eq!((done.going, done.staying), (2, plan.staying));
    assert_eq!(d.members(&d.tree.branch).await, 1);
    let now = d.find(import.id).await;
    assert_eq!(now.state, "undone");
    let again = act!(d.house(), d.who.clone(), |cx| undo::undo(cx, import.id).await);
    assert!(refusal(again.unwrap_err()).1.contains("已经撤销"));
}

#[tokio::test]
async fn after_twenty_four_hours_a_batch_stays() {
    let d = desk().await;
    let import = d.paste(&d.many(1)).await.unwrap();
    d.import_good(import.id).await;
    d.lab.clock.advance(25 * HOUR);
    let late = act!(d.house(), d.who.clone(), |cx| undo::undo(cx, import.id).await);
    assert!(refusal(late.unwrap_err()).1.contains("24 小时"));
}

#[tokio::test]
async fn members_go_into_branches_of_ones_own_or_directly_below_only() {
    let d = desk().await;
    let text = d.many(1);
    let general = d.lab.admin(&d.tree.general, "赵书记").await;
    assert!(d.paste_as(&general, &d.tree.branch, &text).await.is_ok());
    let committee = d.lab.admin(&d.tree.committee, "钱书记").await;
    let far = d.paste_as(&committee, &d.tree.sister, &text).await.unwrap_err();
    assert!(refusal(far).1.contains("直属"));
    let wrong = d.paste_as(&committee, &d.tree.general, &text).await.unwrap_err();
    assert!(refusal(wrong).1.contains("不是团支部"));
    let stranger = d.paste(&d.many(1)).await.unwrap();
    let other = d.lab.admin(&d.tree.other_branch, "孙老师").await;
    let mut cx = d.house().read(other).await.unwrap();
    assert!(matches!(imports::find(&mut cx, stranger.id).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn the_cadres_template_is_recognised_and_used_for_members_only_when_said() {
    let d = desk().await;
    let bytes = workbook(Template::Cadres).unwrap();
    assert_eq!(refusal(d.file("本级.xlsx", &bytes).await.unwrap_err()).0, "empty");
    let head = "姓名\t身份证号\t政治面貌\t现任团内职务";
    let text = format!("{head}\n赵伟\t{}\t共青团员\t", d.lab.next_id_number());
    let import = d.paste(&text).await.unwrap();
    assert_eq!((import.state.as_str(), import.template.as_str()), ("mapping", "cadres"));
    let keys = ["name", "id_number", "political", "post"].map(str::to_owned);
    act!(d.house(), d.who.clone(), |cx| mapping::settle(cx, import.id, &keys).await).unwrap();
    let now = d.find(import.id).await;
    assert_eq!((now.state.as_str(), now.to_fix), ("review", 1), "the month is missing");
    d.fix(import.id, 2, Column::Joined, "2016-05").await.unwrap();
    assert_eq!(d.find(import.id).await.ready, 1);
}

#[tokio::test]
async fn unknown_titles_are_mapped_once_and_remembered() {
    let d = desk().await;
    let text = format!("甲\t乙\t丙\t备注\n赵伟\t{}\t2016-05\t无", d.lab.next_id_number());
    let import = d.paste(&text).await.unwrap();
    assert_eq!(import.state, "mapping");
    let mut cx = d.house().read(d.who.clone()).await.unwrap();
    let columns = mapping::columns(&mut cx, import.id).await.unwrap();
    drop(cx);
    assert!(columns.columns[1].samples[0].contains("****"), "samples are masked");
    let thrice = ["name", "name", "name"].map(str::to_owned);
    let wrong = act!(d.house(), d.who.clone(), |cx| mapping::settle(cx, import.id, &thrice).await);
    assert_eq!(refusal(wrong.unwrap_err()).0, "column_twice");
    let keys = ["name", "id_number", "joined", ""].map(str::to_owned);
    act!(d.house(), d.who.clone(), |cx| mapping::settle(cx, import.id, &keys).await).unwrap();
    assert_eq!(d.find(import.id).await.ready, 1);
    let text = format!("甲\t乙\t丙\t备注\n钱敏\t{}\t2016-05\t无", d.lab.next_id_number());
    assert_eq!(d.paste(&text).await.unwrap().state, "review");
}

#[tokio::test]
async fn extra_columns_are_left_out_with_a_word_and_missing_ones_are_named() {
    let d = desk().await;
    let text = format!("{HEAD}\t宿舍\n{}\t3栋", d.good("赵伟"));
    let import = d.paste(&text).await.unwrap();
    assert!(import.notes().file.iter().any(|n| n.contains("宿舍")));
    let text = format!("姓名\t身份证号\t宿舍\n赵伟\t{}\t3栋", d.lab.next_id_number());
    let import = d.paste(&text).await.unwrap();
    let mut cx = d.house().read(d.who.clone()).await.unwrap();
    let missing = mapping::columns(&mut cx, import.id).await.unwrap().missing;
    assert!(missing.contains(&Column::Joined), "{missing:?}");
}

#[tokio::test]
async fn our_template_comes_back_with_its_example_skipped() {
    let d = desk().await;
    let bytes = workbook(Template::Members).unwrap();
    let empty = refusal(d.file("模板.xlsx", &bytes).await.unwrap_err());
    assert!(empty.1.contains("没有任何一行"), "{}", empty.1);
}

#[tokio::test]
async fn problem_rows_are_taken_away_repaired_and_uploaded_again() {
    let d = desk().await;
    let bad = d.good("钱敏").replace("2016-05", "二月");
    let import = d.paste(&format!("{}\n{bad}", d.many(2))).await.unwrap();
    let mut cx = d.house().read(d.who.clone()).await.unwrap();
    let (name, bytes) = review::problem_rows(&mut cx, import.id).await.unwrap();
    drop(cx);
    assert!(name.ends_with("问题行.xlsx"));
    let book = sheet::read(&bytes, &name, &sheet::Limits::default()).unwrap();
    let rows = &book.sheets[0].rows;
    let titles: Vec<String> = rows[0].cells.iter().map(|c| c.text().into_owned()).collect();
    assert_eq!(titles.last().map(String::as_str), Some("原因"));
    assert_eq!(titles[1], "身份证号");
    assert_eq!((rows.len(), rows[1].cell(0).text().as_ref()), (2, "钱敏"));
    let again = d.file("问题行.xlsx", &bytes).await.unwrap();
    assert_eq!((again.state.as_str(), again.rows, again.to_fix), ("review", 1, 1));
    d.fix(again.id, 2, Column::Joined, "2016-02").await.unwrap();
    assert_eq!(d.import_good(again.id).await.imported, 1);
}

#[tokio::test]
async fn one_row_more_than_the_limit_is_refused_with_the_number() {
    let d = desk().await;
    let rows: String = (0..20_001).map(|_| "\n赵伟\t1").collect();
    let (code, message) = refusal(d.paste(&format!("姓名\t身份证号{rows}")).await.unwrap_err());
    assert_eq!(code, "too_many_rows");
    assert!(message.contains("20001") && message.contains("20000"), "{message}");
}

#[tokio::test]
async fn what_is_no_workbook_gets_an_answer_that_helps() {
    let d = desk().await;
    for (name, bytes, word) in [
        ("a.xlsx", &b"%PDF-1.7 ..."[..], "PDF"),
        ("b.xlsx", &b"\x89PNG\r\n\x1a\n...."[..], "图片"),
        ("c.xlsx", &b"PK\x03\x04 cut off"[..], ".xlsx"),
    ] {
        let (_, message) = refusal(d.file(name, bytes).await.unwrap_err());
        assert!(message.contains(word) && message.contains("粘贴"), "{name}: {message}");
    }
    let (code, _) = refusal(d.paste("  \n ").await.unwrap_err());
    assert_eq!(code, "empty");
}

#[tokio::test]
async fn drafts_are_swept_after_seven_days_and_cells_forgotten_after_the_end() {
    let d = desk().await;
    let draft = d.paste(&d.many(1)).await.unwrap();
    let done = d.paste(&d.many(2)).await.unwrap();
    d.import_good(done.id).await;
    d.lab.clock.advance(6 * DAY);
    imports::sweep(d.house()).await.unwrap();
    assert_eq!(d.find(draft.id).await.ready, 1);
    d.lab.clock.advance(2 * DAY);
    imports::sweep(d.house()).await.unwrap();
    let mut cx = d.house().read(d.who.clone()).await.unwrap();
    assert!(matches!(imports::find(&mut cx, draft.id).await, Err(Error::NotFound)));
    drop(cx);
    assert_eq!(d.lines(done.id, Show::All).await[0].name, "");
    assert_eq!(d.members(&d.tree.branch).await, 2);
}

#[tokio::test]
async fn no_stored_cell_is_readable_without_the_key_and_no_finding_repeats_a_number() {
    let d = desk().await;
    let id = d.lab.next_id_number();
    let import = d.paste(&format!("{HEAD}\n{}", row("赵伟", &id))).await.unwrap();
    let mut tx = d.house().db().read().await.unwrap();
    let (cells, problems): (Vec<u8>, String) = tx
        .one(
            db::sql!("SELECT cells_ct, problems FROM import_row WHERE import_id = $1"),
            db::args![import.id],
        )
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&cells).into_owned();
    assert!(!text.contains(&id) && !text.contains("赵伟") && !problems.contains(&id));
}

#[tokio::test]
async fn a_development_number_that_stands_twice_is_found_before_the_commit() {
    let d = desk().await;
    let with = |name: &str, number: &str| {
        format!(
            "{name}\t{}\t汉\t共青团员\t本科\t2019-05\t{number}\t13812346021",
            d.lab.next_id_number()
        )
    };
    let text =
        format!("{HEAD}\n{}\n{}", with("赵伟", "201934000123"), with("钱敏", "201934000123"));
    let import = d.paste(&text).await.unwrap();
    assert_eq!(codes(&d.lines(import.id, Show::Fix).await[0]), ["dev_number_duplicate_in_file"]);
    // Either may be the wrong one, so the first row is told as well and may be imported.
    assert_eq!(codes(&d.lines(import.id, Show::Warn).await[0]), ["dev_number_again_in_file"]);
    d.fix(import.id, 2, Column::DevNumber, "201934000124").await.unwrap();
    assert_eq!(d.find(import.id).await.to_fix, 0);
}

#[tokio::test]
async fn a_sheet_of_which_half_was_sorted_shows_by_sex_and_birth() {
    let d = desk().await;
    let (one, two) = (d.lab.next_id_number(), d.lab.next_id_number());
    let birth = |id: &str| format!("{}-{}-{}", &id[6..10], &id[10..12], &id[12..14]);
    let line = |name: &str, id: &str, birth: &str| {
        format!("{name}\t\t{birth}\t{id}\t汉\t共青团员\t本科\t2016-05\t\t13812346021")
    };
    let head = HEAD.replacen("姓名", "姓名\t性别\t出生日期", 1);
    let text = format!(
        "{head}\n{}\n{}",
        line("赵伟", &one, &birth(&one)),
        line("钱敏", &two, "1999-01-31")
    );
    let import = d.paste(&text).await.unwrap();
    assert_eq!((import.ready, import.to_fix, import.warned), (2, 0, 1));
    let warned = d.lines(import.id, Show::Warn).await;
    assert_eq!((warned[0].row, codes(&warned[0])), (3, vec!["row_mixed_up"]));
    let notes = d.find(import.id).await.notes();
    assert!(!notes.file.iter().any(|n| n.contains("没有用到的列")), "{:?}", notes.file);
    assert!(notes.tidied.keys().any(|n| n.contains("是否串行")), "{:?}", notes.tidied);
}

/// With posts.
const HEAD_POST: &str =
    "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t发展团员编号\t手机号码\t现任团内职务";

impl Desk {
    fn with_post(&self, name: &str, post: &str) -> String {
        let id = self.lab.next_id_number();
        format!("{name}\t{id}\t汉\t共青团员\t本科\t2016-05\t\t13812346021\t{post}")
    }
    async fn posts(&self) -> Vec<(String, String)> {
        let mut tx = self.house().db().read().await.unwrap();
        tx.all(
            db::sql!("SELECT name, post FROM cadre WHERE org_id = $1 AND ended_at IS NULL ORDER BY post, name"),
            db::args![self.tree.branch.id],
        )
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn two_secretaries_of_one_file_are_told_of_each_other_and_one_repair_frees_both() {
    let d = desk().await;
    let rows = [("赵伟", "团支书"), ("钱敏", ""), ("孙芳", "书记")].map(|(n, p)| d.with_post(n, p));
    let import = d.paste(&format!("{HEAD_POST}\n{}", rows.join("\n"))).await.unwrap();
    assert_eq!((import.ready, import.to_fix), (1, 2));
    let lines = d.lines(import.id, Show::Fix).await;
    for (line, other) in [(&lines[0], "第 4 行孙芳"), (&lines[1], "第 2 行赵伟")] {
        assert_eq!(codes(line), ["secretary_twice_in_file"]);
        assert_eq!(line.cells[0].column, Column::Post);
        assert!(line.problems[0].message.contains(other), "{}", line.problems[0].message);
    }
    d.fix(import.id, 4, Column::Post, "组织委员").await.unwrap();
    assert_eq!(d.find(import.id).await.to_fix, 0, "the other row is free as well");
    d.fix(import.id, 4, Column::Post, "书记").await.unwrap();
    assert_eq!(d.find(import.id).await.to_fix, 2);
    // Leaving one out frees the other, too.
    act!(d.house(), d.who.clone(), |cx| fix::skip(cx, import.id, 4, true).await).unwrap();
    let done = d.import_good(import.id).await;
    assert_eq!((done.state.as_str(), done.imported, done.skipped), ("done", 2, 1));
    assert!(d.posts().await.contains(&("赵伟".into(), "书记".into())));
    d.lab.is_whole().await;
}

#[tokio::test]
async fn a_post_that_somebody_holds_is_refused_in_the_review_with_her_name() {
    let d = desk().await;
    let wang = d.lab.person("王芳").await;
    d.lab.cadre(&d.tree.branch, wang, "书记").await;
    let text = format!("{HEAD_POST}\n{}", d.with_post("赵伟", "书记"));
    let import = d.paste(&text).await.unwrap();
    let line = d.lines(import.id, Show::Fix).await.remove(0);
    assert_eq!(codes(&line), ["secretary_taken"]);
    let said = &line.problems[0].message;
    assert!(said.contains("书记王芳") && said.contains("换届"), "{said}");
    assert!(line.problems[0].is_taken_post());
    d.fix(import.id, 2, Column::Post, "宣传委员").await.unwrap();
    assert_eq!(d.import_good(import.id).await.imported, 1);
    d.lab.is_whole().await;
}

#[tokio::test]
async fn the_branchs_own_secretary_is_imported_as_a_member_and_keeps_her_post() {
    let d = desk().await;
    // She registered with a code: a post, no membership yet.
    let (first, second) = (d.lab.next_id_number(), d.lab.next_id_number());
    let secretary = d.lab.person_with("王芳", &first).await;
    d.lab.cadre(&d.tree.branch, secretary, "书记").await;
    let deputy = d.lab.person_with("李娜", &second).await;
    d.lab.cadre(&d.tree.branch, deputy, "副书记").await;
    let own = |name: &str, id: &str, post: &str| {
        format!("{name}\t{id}\t汉\t共青团员\t本科\t2016-05\t\t13812346021\t{post}")
    };
    let text =
        format!("{HEAD_POST}\n{}\n{}", own("王芳", &first, "书记"), own("李娜", &second, "书记"));
    let import = d.paste(&text).await.unwrap();
    // Both have another telephone in the sheet than is known of them; that is said, too.
    assert_eq!((import.ready, import.warned, import.to_fix), (2, 2, 0));
    let warned = d.lines(import.id, Show::Warn).await;
    let kept = |line: &review::Line| line.problems.iter().any(|p| p.code == "post_kept");
    let kept: Vec<_> = warned.iter().filter(|line| kept(line)).collect();
    assert_eq!(kept.len(), 1, "{warned:?}");
    let said = kept[0].problems.iter().find(|p| p.code == "post_kept").unwrap();
    assert!(said.message.contains("副书记"), "{}", said.message);
    assert_eq!(d.import_good(import.id).await.imported, 2);
    let posts = d.posts().await;
    assert!(posts.contains(&("王芳".into(), "书记".into())));
    assert!(posts.contains(&("李娜".into(), "副书记".into())));
    assert_eq!(d.members(&d.tree.branch).await, 2);
    d.lab.is_whole().await;
}

#[tokio::test]
async fn in_a_long_file_the_other_row_of_a_pair_is_judged_anew_too() {
    let d = desk().await;
    let plain: Vec<String> = (0..1_100).map(|i| d.with_post(&name_of(i), "")).collect();
    let text = format!(
        "{HEAD_POST}\n{}\n{}\n{}",
        d.with_post("赵伟", "书记"),
        plain.join("\n"),
        d.with_post("孙芳", "书记")
    );
    let import = d.paste(&text).await.unwrap();
    assert_eq!(import.to_fix, 2);
    d.fix(import.id, 1_103, Column::Post, "").await.unwrap();
    assert_eq!(d.find(import.id).await.to_fix, 0);
    d.fix(import.id, 700, Column::Post, "书记").await.unwrap();
    let bad = d.lines(import.id, Show::Fix).await;
    assert_eq!(bad.iter().map(|l| l.row).collect::<Vec<_>>(), [2, 700]);
}

#[tokio::test]
async fn the_same_file_leads_to_its_open_draft_whoever_brings_it() {
    let d = desk().await;
    let text = d.many(2);
    let first = d.upload_as(&d.who, &text).await;
    assert_eq!(d.upload_as(&d.who, &text).await, first);
    let superior = d.lab.admin(&d.tree.general, "赵书记").await;
    assert_eq!(d.upload_as(&superior, &text).await, first);
    assert_ne!(d.upload_as(&d.who, &d.many(2)).await, first);
    // Once more on purpose; a second click on that makes no third.
    let second = d.paste_beside(first, &text).await;
    assert_ne!(second.id, first);
    assert_eq!(d.upload_as(&d.who, &text).await, second.id);
    // What is over is in nobody's way.
    for id in [first, second.id] {
        act!(d.house(), d.who.clone(), |cx| imports::end(cx, id).await).unwrap();
    }
    let third = d.upload_as(&d.who, &text).await;
    assert_ne!(third, second.id);
    d.import_good(third).await;
    let fourth = d.upload_as(&d.who, &text).await;
    assert_ne!(fourth, third);
    let fourth = d.find(fourth).await;
    let twin = async || {
        let mut cx = d.house().read(d.who.clone()).await.unwrap();
        imports::done_twin(&mut cx, &fourth).await.unwrap()
    };
    let warned = twin().await.unwrap();
    assert_eq!((warned.id, warned.imported, warned.by.as_str()), (third, 2, "王老师"));
    d.lab.clock.advance(25 * HOUR);
    assert!(twin().await.is_none());
    d.lab.is_whole().await;
}

#[expect(clippy::disallowed_methods, reason = "eight clicks at once need eight tasks")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_uploads_of_one_file_at_once_make_one_draft() {
    let d = std::sync::Arc::new(desk().await);
    let text = d.many(3);
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (d, text) = (d.clone(), text.clone());
        tasks.push(tokio::spawn(async move { d.upload_as(&d.who, &text).await }));
    }
    let mut drafts = std::collections::BTreeSet::new();
    for task in tasks {
        drafts.insert(task.await.unwrap());
    }
    assert_eq!(drafts.len(), 1);
    let mut cx = d.house().read(d.who.clone()).await.unwrap();
    assert_eq!(imports::list(&mut cx, None).await.unwrap().len(), 1);
}

/// People of another branch, as rows.
impl Desk {
    async fn strangers(&self, from: usize, to: usize) -> Vec<String> {
        let mut rows = Vec::new();
        for i in from..to {
            let id = self.lab.next_id_number();
            let person = self.lab.person_with(&name_of(i), &id).await;
            self.lab.joins(&self.tree.far_branch, person).await;
            rows.push(row(&name_of(i), &id));
        }
        rows
    }
    async fn told(&self, id: ImportId) -> (usize, usize, i64) {
        let lines = self.lines(id, Show::All).await;
        let with = |code: &str| lines.iter().filter(|l| codes(l).contains(&code)).count();
        (with("id_elsewhere"), with("id_not_told_today"), self.find(id).await.ready)
    }
}

#[tokio::test]
async fn an_import_tells_of_a_hundred_people_elsewhere_a_day_and_then_of_nobody() {
    let d = desk().await;
    // Fifty rows, twenty of them elsewhere, repaired and uploaded again: nothing is in the way.
    let mut class = d.strangers(0, 20).await;
    class.extend((0..30).map(|i| d.good(&name_of(1000 + i))));
    let honest = d.paste(&format!("{HEAD}\n{}", class.join("\n"))).await.unwrap();
    assert_eq!(d.told(honest.id).await, (20, 0, 30));
    d.fix(honest.id, 30, Column::Joined, "2015-05").await.unwrap();
    let again = d.paste(&format!("{HEAD}\t备注\n{}", class.join("\n"))).await.unwrap();
    assert_eq!(d.told(again.id).await, (20, 0, 30), "the same people cost nothing");
    // Eighty more are told of; behind the last one nobody is told from anybody.
    let mut probe = d.strangers(100, 200).await;
    probe.extend((0..10).map(|i| d.good(&name_of(2000 + i))));
    let probe = d.paste(&format!("{HEAD}\n{}", probe.join("\n"))).await.unwrap();
    assert_eq!(d.told(probe.id).await, (80, 30, 0));
    let lines = d.lines(probe.id, Show::All).await;
    let (elsewhere, nowhere) = (&lines[85], &lines[105]);
    assert_eq!(elsewhere.problems, nowhere.problems, "one and the same answer");
    assert!(elsewhere.problems[0].message.contains("明天"), "{:?}", elsewhere.problems);
    // A number typed into a cell, a file that was good before: the same.
    let new = d.good("吴洋");
    d.fix(probe.id, 100, Column::IdNumber, new.split('\t').nth(1).unwrap()).await.unwrap();
    assert_eq!(codes(&d.lines(probe.id, Show::All).await[98]), ["id_not_told_today"]);
    assert_eq!(d.told(honest.id).await, (20, 0, 30));
    assert_eq!(d.import_good(honest.id).await.imported, 30, "what was told stays told");
    // A colleague has answers of her own, the command line is not limited.
    let other = d.lab.admin(&d.tree.branch, "李老师").await;
    let one = d.strangers(300, 301).await.remove(0);
    let text = format!("{HEAD}\n{one}");
    let hers = d.paste_as(&other, &d.tree.branch, &text).await.unwrap();
    assert_eq!(d.told(hers.id).await, (1, 0, 0));
    let system = d.paste_as(&Who::System("import"), &d.tree.branch, &text).await.unwrap();
    assert_eq!(d.told(system.id).await, (1, 0, 0));
    // Tomorrow it goes on with the same draft.
    d.lab.clock.advance(DAY);
    act!(d.house(), d.who.clone(), |cx| fix::recheck(cx, probe.id).await).unwrap();
    assert_eq!(d.told(probe.id).await, (99, 0, 11));
    d.lab.is_whole().await;
}

#[tokio::test]
async fn two_files_at_once_get_no_more_answers_than_one() {
    let d = std::sync::Arc::new(desk().await);
    let rows = d.strangers(0, 160).await;
    let (one, two) = rows.split_at(80);
    let (one, two) = (format!("{HEAD}\n{}", one.join("\n")), format!("{HEAD}\n{}", two.join("\n")));
    let (one, two) = tokio::join!(d.paste(&one), d.paste(&two));
    let (one, two) = (d.told(one.unwrap().id).await, d.told(two.unwrap().id).await);
    assert_eq!((one.0 + two.0, one.1 + two.1), (100, 60));
}
