//! Bad input and bad times at the front door of the real program: hostile and half files through
//! its reader in the child process, a disk that is full, a database that is away for a while.

#![expect(clippy::unwrap_used, reason = "what a test sets up either is there or fails it")]

#[expect(dead_code, reason = "the tests of `sheet` use more of it")]
#[path = "../../sheet/tests/craft/made.rs"]
mod craft;
mod program;

use app::{
    OrgRef,
    testkit::{self, Lab},
};
use craft::{inline, ole, rels, sheet, workbook, xlsx, xlsx_parts, zip};
use program::Program;
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// The most memory that the program ever held, bytes; `None` where the system does not tell.
fn peak(program: &Program) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// An answer: status and what stands in it.
struct Said {
    status: u16,
    body: Value,
}
impl Said {
    /// Codes and messages at their fields, of a refused form.
    fn words(&self) -> String {
        format!("{} {}", self.status, self.body)
    }
}

/// A program with a token, acting for one branch.
struct Caller {
    client: reqwest::Client,
    token: String,
    org: OrgRef,
}

impl Caller {
    async fn of(lab: &Lab, org: &OrgRef) -> Self {
        let who = lab.admin(org, "王老师").await;
        let app::Who::Person(visitor) = &who else { unreachable!("an administrator is a person") };
        let person = visitor.person;
        lab.account(person, "-").await;
        let token = app::users::tokens::make(&lab.house, person, "hard", 365).await.unwrap();
        app::messages::use_tls();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(90)).build().unwrap();
        Self { client, token, org: org.clone() }
    }
    async fn said(&self, request: reqwest::RequestBuilder) -> Said {
        let request = request.bearer_auth(&self.token).header("accept", "application/json");
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        Said { status, body: answer.json().await.unwrap_or_default() }
    }
    async fn post(&self, base: &str, path: &str, body: &Value) -> Said {
        let url = format!("{base}/o/{}{path}", self.org.code);
        self.said(self.client.post(url).json(body)).await
    }
    async fn get(&self, base: &str, path: &str) -> Said {
        let url = format!("{base}/o/{}{path}", self.org.code);
        self.said(self.client.get(url)).await
    }
    /// A file as the page's form sends it.
    async fn upload(&self, base: &str, name: &str, bytes: &[u8]) -> Said {
        let head = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--XX--\r\n"].concat();
        let url = format!("{base}/o/{}/imports", self.org.code);
        let kind = "multipart/form-data; boundary=XX";
        self.said(self.client.post(url).header("content-type", kind).body(body)).await
    }
    async fn state(&self, base: &str, import: &str) -> Value {
        self.get(base, &format!("/imports/{import}/result")).await.body["import"].clone()
    }
    /// Until the import has come to its end by itself.
    async fn at_its_end(&self, base: &str, import: &str) -> Value {
        for _ in 0..900 {
            let state = self.state(base, import).await;
            if state["state"] == "done" {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the import does not come to its end: {}", self.state(base, import).await);
    }
}

const HEAD: &str = "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t发展团员编号\t手机号码";

fn list(lab: &Lab, rows: usize) -> String {
    let words: Vec<char> = "伟芳娜敏静丽强磊军洋".chars().collect();
    (0..rows).fold(HEAD.to_owned(), |mut text, i| {
        let (id, a, b) = (lab.next_id_number(), words[i % 10], words[i / 10 % 10]);
        write!(text, "\n李{a}{b}\t{id}\t汉\t共青团员\t本科\t2016-05\t\t13812346021").unwrap();
        text
    })
}

/// The same list as a workbook, a cell a text.
fn as_workbook(list: &str) -> String {
    let mut data = String::new();
    for (row, line) in (1..).zip(list.lines()) {
        write!(data, "<row r=\"{row}\">").unwrap();
        for (column, text) in ('A'..).zip(line.split('\t')) {
            data.push_str(&inline(&format!("{column}{row}"), text));
        }
        data.push_str("</row>");
    }
    data
}

/// A sheet that inflates to half a gigabyte of blanks, and is some hundred kilobytes itself.
fn half_a_gigabyte_of_blanks() -> Vec<u8> {
    let blanks = vec![b' '; 1 << 20];
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1));
    let parts = [
        ("xl/workbook.xml", workbook(&[("一", "")])),
        ("xl/_rels/workbook.xml.rels", rels(1, false, false)),
    ];
    for (name, text) in parts {
        writer.start_file(name, options).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.start_file("xl/worksheets/sheet1.xml", options).unwrap();
    writer.write_all(b"<worksheet><sheetData>").unwrap();
    for _ in 0..512 {
        writer.write_all(&blanks).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Every bad file of issue 2, section 10: name, bytes, code of the refusal, a word of it.
fn bad_files(good: &str) -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let whole = xlsx(&as_workbook(good));
    let corner = format!("<row r=\"1048576\">{}</row>", inline("XFD1048576", "x"));
    let used: String = (1..=12_000).fold(String::new(), |mut data, row| {
        write!(data, r#"<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>"#).unwrap();
        data
    });
    let megabyte = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(1 << 20));
    let orgs = "组织简称\t组织类别\t上级组织\n高一1班团支部\t团支部\t";
    let long: String =
        (0..20_001).fold("姓名,身份证号".to_owned(), |text, _| text + "\n赵伟,1");
    vec![
        ("名单.xlsx", b"%PDF-1.7 ...".to_vec(), "not_a_workbook", "PDF"),
        ("名单.xlsx", b"\x89PNG\r\n\x1a\n....".to_vec(), "not_a_workbook", "图片"),
        ("名单.xlsx", zip(&[("word/document.xml", b"<a/>")]), "not_a_workbook", "Word"),
        ("加密.xlsx", ole("EncryptionInfo", b"x"), "encrypted", "打开密码"),
        ("半个.xlsx", whole[..whole.len() / 2].to_vec(), "damaged", "没有传完"),
        ("角上.xlsx", xlsx(&corner), "too_many_rows", "第 1048576 行"),
        ("长串.xlsx", xlsx_parts(&sheet(&used), &megabyte, ""), "cell_too_long", "A1"),
        ("空白.xlsx", half_a_gigabyte_of_blanks(), "too_big", "太大"),
        ("组织.csv", orgs.replace('\t', ",").into_bytes(), "other_template", "下级组织"),
        ("太长.csv", long.into_bytes(), "too_many_rows", "20000 行"),
        ("没有.csv", "姓名,身份证号\n".into(), "empty", "没有任何一行"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_file_gets_its_word_at_the_field_and_costs_nobody_anything() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let caller = Caller::of(&lab, &tree.branch).await;
    let program =
        Program::start(lab.folder(), &lab.scratch.options().url, None, &caller.client, &[]).await;
    let good = list(&lab, 3);
    let before = peak(&program);
    for (name, bytes, code, word) in bad_files(&good) {
        let said = caller.upload(&program.base, name, &bytes).await;
        let what = format!("{name} {code}: {}", said.words());
        assert_eq!(said.status, 422, "{what}");
        assert!(said.words().contains(&format!("\"{code}\"")), "{what}");
        assert!(said.words().contains(word) && said.words().contains("\"file\""), "{what}");
    }
    // The bombs were the child's: the program has kept what they sent, and that is all.
    if let (Some(before), Some(after)) = (before, peak(&program)) {
        assert!(after < before + (64 << 20), "{before} → {after}");
    }
    assert_eq!(caller.get(&program.base, "/imports").await.body["list"], json!([]));
    // Announced counts are not believed; the list in it is as good as any.
    let lying = sheet(&as_workbook(&good))
        .replace("<sheetData>", "<dimension ref=\"A1:XFD1048576\"/><sheetData>");
    let counts = r#"<sst count="4000000000" uniqueCount="4000000000"><si><t>甲</t></si></sst>"#;
    let said = caller.upload(&program.base, "四十亿.xlsx", &xlsx_parts(&lying, counts, "")).await;
    assert_eq!(
        (said.status, &said.body["data"]["importable"]),
        (200, &json!(3)),
        "{}",
        said.words()
    );
}

/// The program's allocator reserves a gibibyte at once unless it is told not to; under the reader's
/// limit of half of that, one sound workbook in a hundred was refused at random.
#[test]
fn the_programs_own_reader_reads_a_sound_workbook_every_time() {
    let exe = Path::new(env!("CARGO_BIN_EXE_tuanjian"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.xlsx");
    let data: String = (1..=60).fold(String::new(), |mut data, row| {
        write!(data, "<row r=\"{row}\">{}</row>", inline(&format!("A{row}"), "王小明")).unwrap();
        data
    });
    std::fs::write(&file, xlsx(&data)).unwrap();
    let limits = sheet::Limits::default();
    for turn in 0..200 {
        let book = sheet::read_isolated(exe, &file, &limits);
        assert!(book.is_ok_and(|book| book.sheets[0].rows.len() == 60), "reading {turn}");
    }
    // Started in another way it says that its limit would not mean what is written, and reads nothing.
    let limits = serde_json::to_string(&limits).unwrap();
    let bare = Command::new(exe)
        .args([sheet::CHILD_ARG, &limits, "x.xlsx"])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(bare.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workbook_as_people_have_them_is_read_row_by_row_and_cell_by_cell() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let caller = Caller::of(&lab, &tree.branch).await;
    let program =
        Program::start(lab.folder(), &lab.scratch.options().url, None, &caller.client, &[]).await;
    let [a, b, c] = [0; 3].map(|_| lab.next_id_number());
    // A merged title, a sheet beside it, formulas, a date cell, a month as a number, an ID number as a
    // number that has lost its digits, a column that nobody knows, one that is missing.
    let titles = ["姓名", "身份证号", "政治面貌", "入团年月", "宿舍", "手机号码"];
    let head: String =
        ('A'..).zip(titles).map(|(at, title)| inline(&format!("{at}3"), title)).collect();
    let row = |no: u32, name: &str, id: &str, month: &str| {
        format!(
            "<row r=\"{no}\">{}{id}{}{month}{}<c r=\"F{no}\"><v>13812346021</v></c></row>",
            inline(&format!("A{no}"), name),
            inline(&format!("C{no}"), "共青团员"),
            inline(&format!("E{no}"), "3栋")
        )
    };
    let text = |at: &str, id: &str| inline(at, id);
    let formula = format!("<c r=\"B5\" t=\"str\"><f>\"{b}\"</f><v>{b}</v></c>");
    let data = [
        format!("<row r=\"1\">{}</row><row r=\"3\">{head}</row>", inline("A1", "高一1班团员名册")),
        row(4, "赵伟", &text("B4", &a), "<c r=\"D4\" s=\"1\"><v>42491</v></c>"),
        row(5, "钱敏", &formula, "<c r=\"D5\"><v>201605</v></c>"),
        row(7, "孙芳", "<c r=\"B7\"><v>3.40104E+17</v></c>", &text("D7", "2016年5月")),
        row(8, "李强", &text("B8", &c), &text("D8", "2016")),
        row(9, "赵伟", &text("B9", &a), &text("D9", "2016.05")),
    ]
    .concat();
    let merged = sheet(&data).replace(
        "</worksheet>",
        "<mergeCells count=\"1\"><mergeCell ref=\"A1:F1\"/></mergeCells></worksheet>",
    );
    let other = sheet(&format!("<row r=\"1\">{}</row>", inline("A1", "填表要求")));
    let styles =
        "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>";
    let bytes = zip(&[
        ("xl/workbook.xml", workbook(&[("要求", ""), ("名册", "")]).as_bytes()),
        ("xl/_rels/workbook.xml.rels", rels(2, false, true).as_bytes()),
        ("xl/worksheets/sheet1.xml", other.as_bytes()),
        ("xl/worksheets/sheet2.xml", merged.as_bytes()),
        ("xl/styles.xml", styles.as_bytes()),
    ]);
    let said = caller.upload(&program.base, "名册.xlsx", &bytes).await;
    assert_eq!(said.status, 200, "{}", said.words());
    let import = said.body["data"]["id"].as_str().unwrap().to_owned();
    // Something needed may be in the column that nobody knows: the columns are asked.
    assert_eq!(said.body["data"]["state"], "mapping");
    let columns = ["name", "id_number", "political", "joined", "", "mobile"];
    let path = format!("/imports/{import}/map");
    let mapped = caller.post(&program.base, &path, &json!({ "column": columns })).await;
    assert_eq!(mapped.status, 200, "{}", mapped.words());
    let review =
        caller.get(&program.base, &format!("/imports/{import}/review?show=all")).await.body;
    let notes = review["notes"]["file"].to_string();
    for word in ["本次读取“名册”", "跳过了表头上面的", "宿舍", "民族"] {
        assert!(notes.contains(word), "{word}: {notes}");
    }
    let found: Vec<(i64, Vec<&str>)> = review["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let bad = row["problems"].as_array().unwrap().iter().filter(|p| p["severity"] == "fix");
            (row["row"].as_i64().unwrap(), bad.map(|p| p["code"].as_str().unwrap()).collect())
        })
        .collect();
    let expected = [
        (4, vec![]),
        (5, vec![]),
        (7, vec!["id_lost_digits"]),
        (8, vec!["month_year_only"]),
        (9, vec!["id_duplicate_in_file"]),
    ];
    assert_eq!(found, expected, "{review}");
    let done = caller.post(&program.base, &format!("/imports/{import}/commit"), &json!({})).await;
    assert_eq!(done.status, 200, "{}", done.words());
}

/// A file system of its own, taken away at the end.
struct Disk(PathBuf);
impl Disk {
    /// `None` where mounting is not permitted.
    fn of(folder: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(folder).ok()?;
        let size = format!("size={megabytes}m");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        done.is_ok_and(|s| s.success()).then(|| Self(folder.to_owned()))
    }
    /// Leaves not a byte.
    fn fill(&self) {
        let mut file =
            std::fs::File::options().append(true).create(true).open(self.0.join("filler")).unwrap();
        for size in [1 << 20, 4096, 1] {
            let block = vec![0_u8; size];
            while file.write_all(&block).is_ok() {}
        }
    }
    fn empty(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}
impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_disk_that_is_really_full_the_import_waits_and_goes_on_when_there_is_room() {
    let lab = testkit::fresh().await;
    if lab.house.db().engine() != db::Engine::Sqlite {
        return; // A server's disk is its own; the same error code is tested in `db`.
    }
    let Some(disk) = Disk::of(&lab.folder().join("disk"), 48) else {
        eprintln!("skipped: mounting a file system is not permitted here");
        return;
    };
    let tree = lab.tree().await;
    let caller = Caller::of(&lab, &tree.branch).await;
    let (small, large) = (list(&lab, 20), list(&lab, 3_000));
    let planted = count(&lab, db::sql!("SELECT COUNT(*) FROM member")).await;
    lab.house.db().close().await;
    // The data folder moves to the small disk.
    let file = disk.0.join("tuanjian.sqlite");
    let home = PathBuf::from(&lab.scratch.options().url);
    std::fs::copy(&home, &file).unwrap();
    std::fs::copy(lab.keys_file(), disk.0.join("keys.toml")).unwrap();
    let program = Program::start(&disk.0, &file.to_string_lossy(), None, &caller.client, &[]).await;
    let said = caller.post(&program.base, "/imports", &json!({ "paste": large })).await;
    assert_eq!((said.status, &said.body["data"]["importable"]), (200, &json!(3_000)));
    let import = said.body["data"]["id"].as_str().unwrap().to_owned();
    let begun = caller.post(&program.base, &format!("/imports/{import}/commit"), &json!({})).await;
    assert_eq!(begun.status, 200, "{}", begun.words());
    disk.fill();
    // Writing is refused in plain words, until the answer changes nothing; reading goes on.
    let mut refused = None;
    for n in 0..200 {
        let said = caller.post(&program.base, "/imports", &json!({ "paste": small })).await;
        if said.status != 200 {
            refused = Some(said);
            break;
        }
        let id = said.body["data"]["id"].as_str().unwrap().to_owned();
        caller.post(&program.base, &format!("/imports/{id}/end"), &json!({ "n": n })).await;
        disk.fill();
    }
    let refused = refused.expect("the disk gets full");
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (503, &json!("storage")),
        "{}",
        refused.words()
    );
    assert!(refused.words().contains("没有丢失"), "{}", refused.words());
    let state = caller.state(&program.base, &import).await;
    assert!(state["state"] == "running" || state["state"] == "done", "reading goes on: {state}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    // There is room again; nobody starts the program anew.
    disk.empty();
    let end = caller.at_its_end(&program.base, &import).await;
    assert_eq!(end["imported"], 3_000, "{end}");
    let again = caller.post(&program.base, "/imports", &json!({ "paste": small })).await;
    assert_eq!(
        (again.status, &again.body["data"]["importable"]),
        (200, &json!(20)),
        "{}",
        again.words()
    );
    drop(program);
    for part in ["", "-wal"] {
        let here = format!("{}{part}", file.display());
        drop(std::fs::copy(here, format!("{}{part}", home.display())));
    }
    let after = lab.second_node().await;
    let report = app::fsck::run(&after, true).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    let mut tx = after.db().read().await.unwrap();
    let (members,): (i64,) = tx.one(db::sql!("SELECT COUNT(*) FROM member"), &[]).await.unwrap();
    assert_eq!(members - planted, 3_000);
}

async fn count(lab: &Lab, sql: db::Sql) -> i64 {
    let mut tx = lab.house.db().read().await.unwrap();
    let (n,): (i64,) = tx.one(sql, &[]).await.unwrap();
    n
}

/// The way to the database, which can be cut.
struct Way {
    port: u16,
    open: Arc<AtomicBool>,
}
impl Way {
    #[expect(clippy::disallowed_methods, reason = "a proxy carries many connections at once")]
    async fn to(host: String, port: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let open = Arc::new(AtomicBool::new(true));
        let seen = open.clone();
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                let (host, open) = (host.clone(), seen.clone());
                tokio::spawn(async move {
                    if !open.load(Ordering::Relaxed) {
                        return;
                    }
                    let Ok(mut there) = tokio::net::TcpStream::connect((host.as_str(), port)).await
                    else {
                        return;
                    };
                    let cut = async {
                        while open.load(Ordering::Relaxed) {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                        () = cut => {}
                    }
                });
            }
        });
        Self { port: own, open }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_pages_say_so_and_a_commit_goes_on_when_it_is_back() {
    let lab = testkit::fresh().await;
    if lab.house.db().engine() != db::Engine::Postgres {
        return; // A file is never away for a while; the full disk has its own test.
    }
    let tree = lab.tree().await;
    let caller = Caller::of(&lab, &tree.branch).await;
    let planted = count(&lab, db::sql!("SELECT COUNT(*) FROM member")).await;
    let url = reqwest::Url::parse(&lab.scratch.options().url).unwrap();
    let way = Way::to(url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432)).await;
    let mut through = url.clone();
    through.set_host(Some("127.0.0.1")).unwrap();
    through.set_port(Some(way.port)).unwrap();
    let program = Program::start(lab.folder(), through.as_str(), None, &caller.client, &[]).await;
    let rows = list(&lab, 6_000);
    let said = caller.post(&program.base, "/imports", &json!({ "paste": rows })).await;
    assert_eq!(said.status, 200, "{}", said.words());
    let import = said.body["data"]["id"].as_str().unwrap().to_owned();
    for turn in 0..2 {
        let path = format!("/imports/{import}/commit");
        let begun = caller.post(&program.base, &path, &json!({})).await;
        assert!(begun.status == 200 || turn > 0, "{}", begun.words());
        // In the middle of a piece.
        tokio::time::sleep(Duration::from_millis(400)).await;
        way.open.store(false, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let away = caller.get(&program.base, &format!("/imports/{import}/result")).await;
        assert_eq!((away.status, &away.body["code"]), (503, &json!("storage")), "{}", away.words());
        assert!(away.words().contains("没有丢失"), "{}", away.words());
        tokio::time::sleep(Duration::from_secs(2)).await;
        way.open.store(true, Ordering::Relaxed);
    }
    let end = caller.at_its_end(&program.base, &import).await;
    assert_eq!(end["imported"], 6_000, "{end}");
    drop(program);
    assert_eq!(count(&lab, db::sql!("SELECT COUNT(*) FROM member")).await - planted, 6_000);
    let report = app::fsck::run(&lab.house, false).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
}
