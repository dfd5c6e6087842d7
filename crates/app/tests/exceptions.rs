//! Exceptions from rules of age (row 133): asked for with a statement, agreed to by a second operator,
//! for one person into one organisation until a day.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Error, OrgRef, Who, act,
    clock::DAY,
    exceptions::{self, Asked, ExceptionId},
    imports::{self, Mode, Show, Source, commit, review},
    people::{self, PersonId, edit::Changes},
    pii::check_char,
    proposals::{self, Act, Proposal},
    rules::{
        Column,
        person::{Draft, RawCell},
    },
    testkit::{self, Lab, Tree},
};
use std::io::Write;

const PDF: &[u8] = b"%PDF-1.7 the statement";

struct World {
    lab: Lab,
    tree: Tree,
    one: Who,
    two: Who,
    admin: Who,
}

async fn world() -> World {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let one = lab.operator(&tree.centre, "钱进").await;
    let two = lab.operator(&tree.centre, "孙明").await;
    let admin = lab.admin(&tree.branch, "王老师").await;
    World { lab, tree, one, two, admin }
}

/// Somebody of twelve.
fn young(n: u32) -> String {
    let first = format!("34010320140105{n:03}");
    format!("{first}{}", check_char(&first).unwrap())
}

fn draft(name: &str, id: &str) -> Draft {
    let text = RawCell::text;
    Draft {
        name: text(name),
        id_number: text(id),
        ethnic: text("汉族"),
        political: text("共青团员"),
        education: text("初中"),
        joined: text("2026-05"),
        dev_number: RawCell::text(format!("202634{}", &id[11..17])),
        mobile: text("13912345678"),
        ..Draft::default()
    }
}

fn code_of(error: &Error) -> String {
    match error {
        Error::Conflict(r) | Error::Refused(r) => r.code.clone(),
        Error::Invalid(fields) => {
            let codes: Vec<String> =
                fields.iter().map(|f| format!("{}:{}", f.field, f.code)).collect();
            codes.join(" ")
        }
        other => other.to_string(),
    }
}

fn file_of(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

impl World {
    async fn ask_of(
        &self,
        org: &OrgRef,
        name: &str,
        id: &str,
        bytes: &[u8],
    ) -> app::Result<String> {
        let file = file_of(bytes);
        act!(self.lab.house, self.one.clone(), |cx| {
            let asked = Asked {
                kind: "underage",
                org: &org.code,
                name,
                id_number: id,
                reason: "皖团〔2026〕12号",
                statement: Some(file.path()),
            };
            proposals::propose_exception(cx, &asked).await
        })
    }
    async fn ask(&self, name: &str, id: &str) -> String {
        self.ask_of(&self.tree.branch, name, id, PDF).await.unwrap()
    }
    async fn approve(&self, no: &str) -> app::Result<Proposal> {
        act!(self.lab.house, self.two.clone(), |cx| proposals::approve(cx, no, 1).await)
    }
    /// Asked for and agreed to.
    async fn granted(&self, name: &str, id: &str) -> i64 {
        let no = self.ask(name, id).await;
        exception_of(&self.approve(&no).await.unwrap())
    }
    async fn add(&self, name: &str, id: &str) -> app::Result<PersonId> {
        act!(self.lab.house, self.admin.clone(), |cx| {
            people::add(cx, &self.tree.branch, &draft(name, id)).await
        })
    }
    async fn take_back(&self, exception: i64) {
        let no = act!(self.lab.house, self.one.clone(), |cx| {
            proposals::propose(cx, &Act::EndException { exception }, "批错了人").await
        });
        self.approve(&no.unwrap()).await.unwrap();
    }
    async fn is_sound(&self) {
        let report = app::fsck::run(&self.lab.house, true).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.findings);
    }
}

fn exception_of(p: &Proposal) -> i64 {
    let Act::Exception { exception } = p.act else { panic!("{:?}", p.act) };
    exception
}

const BOTH: &str = "id_number:too_young_now joined:too_young_at_joining";

#[tokio::test]
async fn an_exception_lets_exactly_that_person_in_after_a_second_operator_has_agreed() {
    let w = world().await;
    let (id, other) = (young(1), young(2));
    assert_eq!(code_of(&w.add("周小雨", &id).await.unwrap_err()), BOTH);
    let no = w.ask("周 小雨", &id).await;
    assert_eq!(code_of(&w.add("周小雨", &id).await.unwrap_err()), BOTH, "nobody agreed yet");
    let own = act!(w.lab.house, w.one.clone(), |cx| proposals::approve(cx, &no, 1).await);
    assert_eq!(code_of(&own.unwrap_err()), "second_person");
    w.approve(&no).await.unwrap();
    assert_eq!(code_of(&w.add("周小雨", &other).await.unwrap_err()), BOTH, "another number");
    assert_eq!(code_of(&w.add("周大雨", &id).await.unwrap_err()), BOTH, "another name");
    let elsewhere = w.lab.admin(&w.tree.other_branch, "李老师").await;
    let elsewhere = act!(w.lab.house, elsewhere, |cx| {
        people::add(cx, &w.tree.other_branch, &draft("周小雨", &id)).await
    });
    assert_eq!(code_of(&elsewhere.unwrap_err()), BOTH, "another organisation");
    let person = w.add("周小雨", &id).await.unwrap();
    let mut cx = w.lab.house.read(w.admin.clone()).await.unwrap();
    let found = exceptions::of_person(&mut cx, person).await.unwrap().unwrap();
    assert_eq!((found.no.as_str(), found.kind_name()), (no.as_str(), "入团年龄不足"));
    drop(cx);
    w.is_sound().await;
}

#[tokio::test]
async fn an_import_row_is_judged_by_the_same_exception_and_others_keep_their_refusal() {
    let w = world().await;
    w.granted("周小雨", &young(1)).await;
    let head = "姓名\t证件号\t民族\t政治面貌\t学历\t入团年月\t发展团员编号\t手机号码";
    let row = |name: &str, id: String| {
        format!("{name}\t{id}\t汉\t共青团员\t初中\t2026-05\t202634{}\t13912345678", &id[11..17])
    };
    let text = format!("{head}\n{}\n{}", row("周小雨", young(1)), row("吴小风", young(2)));
    let read = imports::read(&w.lab.house, Source::Pasted(text)).await.unwrap();
    let import = act!(w.lab.house, w.admin.clone(), |cx| {
        imports::stage(cx, &w.tree.branch, &read).await
    })
    .unwrap();
    assert_eq!((import.ready, import.to_fix), (1, 1));
    let mut cx = w.lab.house.read(w.admin.clone()).await.unwrap();
    let lines = review::page(&mut cx, import.id, Show::Fix, 0, 10).await.unwrap().lines;
    drop(cx);
    let says = serde_json::to_string(&lines).unwrap();
    assert!(says.contains("省级团委") && says.contains("/help/exceptions"), "{says}");
    act!(w.lab.house, w.admin.clone(), |cx| commit::commit(cx, import.id, Mode::Good).await)
        .unwrap();
    app::jobs::run_all(&w.lab.house).await.unwrap();
    let mut cx = w.lab.house.read(w.admin.clone()).await.unwrap();
    let import = imports::find(&mut cx, import.id).await.unwrap().0;
    assert_eq!((import.imported, import.to_fix), (1, 1));
    drop(cx);
    w.is_sound().await;
}

#[tokio::test]
async fn what_was_refused_taken_back_or_has_run_out_lets_nobody_in() {
    let w = world().await;
    let refused = w.ask("周小雨", &young(1)).await;
    act!(w.lab.house, w.two.clone(), |cx| {
        proposals::refuse(cx, &refused, 1, "说明没有盖章").await
    })
    .unwrap();
    assert_eq!(code_of(&w.add("周小雨", &young(1)).await.unwrap_err()), BOTH);
    assert_eq!(code_of(&w.approve(&refused).await.unwrap_err()), "E22");
    // It may be asked for again.
    let again = w.granted("周小雨", &young(1)).await;
    w.take_back(again).await;
    assert_eq!(code_of(&w.add("周小雨", &young(1)).await.unwrap_err()), BOTH);
    let withdrawn = w.ask("周小雨", &young(1)).await;
    act!(w.lab.house, w.one.clone(), |cx| proposals::withdraw(cx, &withdrawn, 1).await).unwrap();
    assert_eq!(code_of(&w.add("周小雨", &young(1)).await.unwrap_err()), BOTH);
    w.granted("吴小风", &young(2)).await;
    w.lab.clock.advance(182 * DAY);
    assert_eq!(code_of(&w.add("吴小风", &young(2)).await.unwrap_err()), BOTH, "after its days");
    let late = w.ask("周小雨", &young(1)).await;
    w.lab.clock.advance(30 * DAY);
    proposals::expire_due(&w.lab.house).await.unwrap();
    assert_eq!(code_of(&w.approve(&late).await.unwrap_err()), "E22");
    assert_eq!(code_of(&w.add("周小雨", &young(1)).await.unwrap_err()), BOTH);
}

#[tokio::test]
async fn whoever_came_in_under_one_may_be_edited_until_it_is_taken_back() {
    let w = world().await;
    let exception = w.granted("周小雨", &young(1)).await;
    let id = w.add("周小雨", &young(1)).await.unwrap();
    w.lab.clock.advance(300 * DAY);
    let mut tx = w.lab.house.db().read().await.unwrap();
    let (code,): (String,) =
        tx.one(db::sql!("SELECT code FROM person WHERE id = $1"), db::args![id]).await.unwrap();
    drop(tx);
    let edit = async |month: &str| {
        act!(w.lab.house, w.admin.clone(), |cx| {
            let version = people::person::card(cx, &code).await?.version;
            let fields = [(Column::Joined, month.to_owned())].into();
            people::edit::edit(cx, &code, &Changes { version, fields }).await
        })
    };
    edit("2026-04").await.unwrap();
    w.take_back(exception).await;
    let refused = edit("2026-03").await.unwrap_err();
    assert_eq!(code_of(&refused), "joined:too_young_at_joining");
    w.is_sound().await;
}

#[tokio::test]
async fn two_operators_at_once_decide_once_and_twins_ask_once() {
    let w = world().await;
    let three = w.lab.operator(&w.tree.centre, "周立").await;
    let no = w.ask("周小雨", &young(1)).await;
    let third = async {
        act!(w.lab.house, three.clone(), |cx| {
            proposals::refuse(cx, &no, 1, "说明没有盖章").await
        })
    };
    let (yes, not) = tokio::join!(w.approve(&no), third);
    assert_eq!(i32::from(yes.is_ok()) + i32::from(not.is_ok()), 1, "{yes:?} {not:?}");
    let entered = w.add("周小雨", &young(1)).await;
    assert_eq!(entered.is_ok(), yes.is_ok());
    let (id, branch) = (young(3), &w.tree.branch);
    let (a, b) =
        tokio::join!(w.ask_of(branch, "郑小雪", &id, PDF), w.ask_of(branch, "郑小雪", &id, PDF));
    let errors: Vec<String> = [a, b].iter().filter_map(|r| r.as_ref().err().map(code_of)).collect();
    assert_eq!(errors, ["id_number:exception_open"]);
    w.is_sound().await;
}

#[tokio::test]
async fn taking_one_back_while_its_person_comes_in_leaves_one_true_outcome() {
    let w = world().await;
    let exception = w.granted("周小雨", &young(1)).await;
    let no = act!(w.lab.house, w.one.clone(), |cx| {
        proposals::propose(cx, &Act::EndException { exception }, "批错了人").await
    })
    .unwrap();
    let id = young(1);
    let (entered, ended) = tokio::join!(w.add("周小雨", &id), w.approve(&no));
    ended.unwrap();
    let mut cx = w.lab.house.read(w.two.clone()).await.unwrap();
    let found = exceptions::by_id(&mut cx, ExceptionId(exception)).await.unwrap();
    drop(cx);
    assert_eq!(found.person, entered.as_ref().ok().copied());
    match entered {
        Ok(_) => {}
        Err(e) => assert_eq!(code_of(&e), BOTH),
    }
    w.is_sound().await;
}

#[tokio::test]
async fn the_statement_is_kept_sealed_and_read_by_operators_alone() {
    let w = world().await;
    let mut long = b"%PDF-1.7 ".to_vec();
    long.resize(1_300_000, b'x');
    let no = w.ask_of(&w.tree.branch, "周小雨", &young(1), &long).await.unwrap();
    let id = exception_of(&w.approve(&no).await.unwrap());
    let mut cx = w.lab.house.read(w.two.clone()).await.unwrap();
    let (name, mime, bytes) = exceptions::statement(&mut cx, ExceptionId(id)).await.unwrap();
    assert_eq!((name, mime.as_str()), (format!("情况说明-{no}.pdf"), "application/pdf"));
    assert!(bytes == long, "every byte of it");
    drop(cx);
    let mut cx = w.lab.house.read(w.admin.clone()).await.unwrap();
    let refused = exceptions::statement(&mut cx, ExceptionId(id)).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
    drop(cx);
    let mut tx = w.lab.house.db().read().await.unwrap();
    let pieces: Vec<(Vec<u8>,)> = tx
        .all(
            db::sql!("SELECT bytes FROM file_piece WHERE no < 100 ORDER BY file_id, no LIMIT 9"),
            &[],
        )
        .await
        .unwrap();
    assert_eq!(pieces.len(), 3);
    assert!(pieces.iter().all(|(p,)| !p.windows(8).any(|w| w == b"xxxxxxxx")), "in the clear");
    drop(tx);
    let wrong = w.ask_of(&w.tree.branch, "吴小风", &young(2), b"MZ a program").await;
    assert_eq!(code_of(&wrong.unwrap_err()), "file:file_kind");
    let large = vec![b'x'; 6 << 20];
    let large = [PDF, &large].concat();
    let wrong = w.ask_of(&w.tree.branch, "吴小风", &young(2), &large).await;
    assert_eq!(code_of(&wrong.unwrap_err()), "file:too_large");
    let wrong = w.ask_of(&w.tree.branch, "", "123", b"").await;
    let said = code_of(&wrong.unwrap_err());
    assert!(said.starts_with("name:required id_number:") && said.ends_with("file:empty"), "{said}");
    let outsider = act!(w.lab.house, w.admin.clone(), |cx| {
        let asked = Asked {
            kind: "underage",
            org: &w.tree.branch.code,
            name: "吴小风",
            id_number: &young(2),
            reason: "自己批准自己",
            statement: None,
        };
        proposals::propose_exception(cx, &asked).await
    });
    assert!(matches!(outsider, Err(Error::Forbidden { .. })), "{outsider:?}");
}
