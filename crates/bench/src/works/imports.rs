//! Importing ten thousand rows from `.xlsx`, from the file to the last member, beside the least that
//! any import must do: parse the same file, stage its rows once, put the same people into the same
//! tables with their indexes (see [`plainly`]). Memory is measured in a process of its own.

use crate::Options;
use crate::measure::Meter;
use crate::proc;
use crate::table::{Bench, Outcome, Side};
use crate::works::ground::{self, ENGINES, Ground, acting, broken};
use anyhow::{Context, Result, bail, ensure};
use app::demo::{Plan, Scale, workbooks};
use app::imports::{self, Mode, Source};
use app::people::PersonId;
use app::rules::Column;
use app::{House, OrgRef, Role, Who, clock, jobs};
use db::{Rows, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// What an import may add to the memory of the process that does it, reading the file included.
const GROWTH: u64 = 64 << 20;
/// Rows of a statement of the baseline: what `store.md` measured as best.
const PIECE: usize = 5_000;

pub(crate) async fn work(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    let mut outcomes = vec![];
    for engine in ENGINES {
        let Some(ground) = Ground::make(options, engine, &Plan::of(Scale::School)).await? else {
            outcomes.push(Outcome::NotRun("no server"));
            continue;
        };
        outcomes.push(Outcome::Measured(measured(&ground, meter, options).await?));
        ground.end().await?;
    }
    let postgres = outcomes.pop().unwrap_or(Outcome::NotRun("no server"));
    let sqlite = outcomes.pop().unwrap_or(Outcome::NotRun("not run"));
    let goal = "≤ 2 s CPU, ≥ half of raw, memory + 64 MiB";
    let name =
        "import of 10,000 rows: review and commit (memory: what a process of its own grows by)";
    bench.row(name, goal, sqlite, postgres);
    Ok(())
}

async fn measured(ground: &Ground, meter: &Meter, options: &Options) -> Result<Side> {
    let (who, org) = (ground.acting("branch").await?, ground.org("branch").await?);
    let (rows, rounds) = if options.quick { (1_000, 1) } else { (10_000, 3) };
    let today = clock::day(ground.house.now());
    let mut files = vec![];
    // The last two are for memory: a small one first, so that pools and rules stand.
    for (round, rows) in
        (1..=rounds).map(|r| (r, rows)).chain([(rounds + 1, 20), (rounds + 2, rows)])
    {
        let file = ground.folder.path().join(format!("big{round}.xlsx"));
        workbooks::big(&file, rows, round, &org.province, today).map_err(broken)?;
        files.push(file);
    }
    let ours = async |n: u32| import(&ground.house, &who, &org, &files[n as usize], rows).await;
    let mut ours = meter.repeat(rounds, ours).await?;
    ours.peak = Some(growth(ground, &org, &files[rounds as usize..], rows).await?);
    let raw = async |n: u32| plainly(ground, &org, &files[n as usize], rows).await;
    let raw = meter.repeat(rounds, raw).await?;
    let most = Duration::from_secs(2) * rows / 10_000;
    let side = Side::new(ours).beside(raw);
    Ok(side.judged(|ours, speed| {
        ours.cost() <= most && speed >= Some(0.5) && ours.peak <= Some(GROWTH)
    }))
}

/// All four steps, as the pages take them.
async fn import(house: &House, who: &Who, org: &OrgRef, file: &Path, rows: u32) -> Result<()> {
    let source = Source::File { path: file.to_owned(), name: "big.xlsx".into() };
    let upload = imports::read(house, source).await.map_err(broken)?;
    let mut cx = house.write(who.clone()).await.map_err(broken)?;
    let import = imports::stage(&mut cx, org, &upload).await.map_err(broken)?;
    cx.commit().await.map_err(broken)?;
    ensure!(import.ready == i64::from(rows), "{} of {rows} rows are good", import.ready);
    let mut cx = house.write(who.clone()).await.map_err(broken)?;
    imports::commit(&mut cx, import.id, Mode::All).await.map_err(broken)?;
    cx.commit().await.map_err(broken)?;
    jobs::run_all(house).await.map_err(broken)?;
    let mut cx = house.read(who.clone()).await.map_err(broken)?;
    let (import, _) = imports::find(&mut cx, import.id).await.map_err(broken)?;
    ensure!(import.imported == i64::from(rows), "{} of {rows} came in", import.imported);
    Ok(())
}

/// How much a process grows that opens the program and imports the second of two files.
async fn growth(ground: &Ground, org: &OrgRef, files: &[PathBuf], rows: u32) -> Result<u64> {
    let mut child = Command::new(std::env::current_exe()?);
    child.arg("--import-child").arg(&ground.url).arg(ground.folder.path()).args(files);
    let said = child.arg(&org.code).arg(rows.to_string()).output().await?;
    let text = String::from_utf8_lossy(&said.stdout);
    text.trim().parse().with_context(|| String::from_utf8_lossy(&said.stderr).into_owned())
}

/// The other side of [`growth`]: what the process was started with, and what it prints.
pub(crate) async fn child(told: &[String]) -> Result<u64> {
    let [url, folder, small, big, code, rows] = told else { bail!("six words are needed") };
    let place = db::Options::at(url);
    let house = ground::open(&place, &Path::new(folder).join("keys.toml")).await?;
    let mut cx = house.read(Who::System("bench")).await.map_err(broken)?;
    let org = app::orgs::by_code(&mut cx, code).await.map_err(broken)?;
    drop(cx);
    let who = acting(PersonId(1), org.clone(), Role::Branch);
    import(&house, &who, &org, Path::new(small), 20).await?;
    proc::forget_peak();
    let before = proc::peak_memory(std::process::id())?;
    import(&house, &who, &org, Path::new(big), rows.parse()?).await?;
    Ok(proc::peak_memory(std::process::id())?.saturating_sub(before))
}

/// Parse plus raw insert: the file is parsed once by the same parser, every row is staged once as
/// the product must store it (cells as ciphertext, blind index), and every person is put in with all
/// columns that the product fills, ciphertexts of the same length, into the tables as they are,
/// every index live. One transaction, [`PIECE`] rows a statement, the statements of the product.
/// Left out is what only the product does: judging, asking who is there, encrypting, hashing,
/// reading staged rows back, noting what became of them, counters, audit.
async fn plainly(ground: &Ground, org: &OrgRef, file: &Path, rows: u32) -> Result<()> {
    let bytes = std::fs::read(file)?;
    let book = sheet::read(&bytes, "big.xlsx", &sheet::Limits::default())?;
    let table = book.sheets.first().map(|sheet| sheet.rows.as_slice()).unwrap_or_default();
    let (titles, table) = table.split_first().context("an empty workbook")?;
    ensure!(table.len() == rows as usize, "{} rows", table.len());
    let place = |column: Column| {
        let found = titles.cells.iter().position(|cell| cell.text() == column.label());
        found.with_context(|| format!("no column {}", column.label()))
    };
    let [name, joined, number] =
        [place(Column::Name)?, place(Column::Joined)?, place(Column::DevNumber)?];
    let import = ground.house.new_id();
    let mut tx = ground.house.db().write().await?;
    tx.run(db::sql!("INSERT INTO import (id, org_id, org_path, acting_org, person_id, kind, file_name, template, state, header, mapping, rows, created_at, updated_at) VALUES ($1, $2, $3, $2, 0, 'members', 'raw', 'members', 'done', '[]', '[]', $4, 0, 0)"), db::args![import, org.id, &org.path, rows]).await?;
    for piece in table.chunks(PIECE) {
        let staged: Rows = piece.iter().map(staged).collect();
        tx.run_of(db::sql!("INSERT INTO import_row (import_id, row_no, state, cells_ct, problems, id_bi) SELECT $1, no, state, cells, problems, id_bi FROM {rows: no int, state text, cells blob, problems text, id_bi blob} AS v"), db::args![import], staged).await?;
        let ids: Vec<i64> = piece.iter().map(|_| ground.house.new_id()).collect();
        let each = || ids.iter().copied().zip(piece);
        let people: Rows = each().map(|(id, row)| person(id, &row.cell(name).text())).collect();
        tx.run_of(db::sql!("INSERT INTO person (id, code, name, name_py, id_ct, id_bi, id_bi_ver, sex, birth_ym, mobile_ct, mobile_bi, contact_ct, ethnic, political, education, missing, complete, created_at, updated_at) SELECT id, code, name, name_py, id_ct, id_bi, $1, sex, birth_ym, mobile_ct, mobile_bi, contact_ct, ethnic, political, education, missing, missing = '', $2, $2 FROM {rows: id int, code text, name text, name_py text, id_ct blob, id_bi blob, sex text, birth_ym text, mobile_ct blob, mobile_bi blob, contact_ct blob, ethnic text, political text, education text, missing text} AS v WHERE true ON CONFLICT DO NOTHING"), db::args![0, 0], people).await?;
        let member = |(id, row): (i64, &sheet::Row)| {
            let text = |at: usize| row.cell(at).text().into_owned();
            let letters = letters(&text(name));
            vec![
                Value::from(id),
                text(name).into(),
                letters.into(),
                text(joined).into(),
                // Another beginning, or the numbers of the product's import would stand in the way.
                format!("R{}", &text(number).get(1..).unwrap_or_default()).into(),
                true.into(),
                "unchecked".into(),
            ]
        };
        let members: Rows = each().map(member).collect();
        let put = tx.run_of(db::sql!("INSERT INTO member (person_id, org_id, org_category, org_path, name, name_py, joined, dev_number, complete, check_state, import_id, entered_at) SELECT person_id, $1, $2, $3, name, name_py, joined, dev_number, complete, check_state, $4, $5 FROM {rows: person_id int, name text, name_py text, joined text, dev_number text, complete bool, check_state text} AS v WHERE true ON CONFLICT DO NOTHING"), db::args![org.id, org.category.code(), &org.path, import, 0], members).await?;
        ensure!(put == piece.len() as u64, "only {put} of {} came in", piece.len());
    }
    tx.commit().await?;
    Ok(())
}

/// A staged row: as many bytes as its cells come to when they are sealed.
fn staged(row: &sheet::Row) -> Vec<Value> {
    let length: usize = row.cells.iter().map(|cell| cell.text().len() + 3).sum();
    let index = mixed(i64::from(row.number)).repeat(2);
    let number = i64::from(row.number);
    vec![number.into(), "ready".into(), vec![7_u8; 34 + length].into(), "[]".into(), index.into()]
}

fn person(id: i64, name: &str) -> Vec<Value> {
    let mixed = mixed(id);
    let sealed = |length: usize| -> Value {
        mixed.iter().copied().cycle().take(length).collect::<Vec<u8>>().into()
    };
    vec![
        id.into(),
        format!("{:012x}", u64::from_be_bytes(mixed) >> 16).into(),
        name.into(),
        letters(name).into(),
        sealed(50),
        [mixed, id.to_be_bytes()].concat().into(),
        "male".into(),
        "2006-05".into(),
        sealed(43),
        [id.to_be_bytes(), mixed].concat().into(),
        None::<Vec<u8>>.into(),
        "01".into(),
        "03".into(),
        "20".into(),
        "".into(),
    ]
}

/// As random as a code and an index are, from a number alone.
fn mixed(number: i64) -> [u8; 8] {
    (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()
}

/// As many and as different letters as the initials of a name, without looking them up.
fn letters(name: &str) -> String {
    let letter = |c: char| char::from(b'a' + (u32::from(c) % 26) as u8);
    name.chars().map(letter).collect()
}
