//! Importing ten thousand rows from `.xlsx`, from the file to the last member, beside parsing the
//! same file and putting the same rows into the same tables without judging, sealing or staging.

use crate::Options;
use crate::measure::Meter;
use crate::table::{Bench, Outcome, Side};
use crate::works::ground::{ENGINES, Ground, broken, found};
use anyhow::{Result, ensure};
use app::demo::{Plan, Scale, workbooks};
use app::imports::{self, Mode, Source};
use app::{OrgRef, Who, clock, jobs};
use db::{Rows, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    let goal = "≤ 2 s CPU, ≥ half of raw";
    bench.row("import of 10,000 rows: review and commit", goal, sqlite, postgres);
    Ok(())
}

async fn measured(ground: &Ground, meter: &Meter, options: &Options) -> Result<Side> {
    let (who, org) = (ground.acting("branch").await?, ground.org("branch").await?);
    let (rows, rounds) = if options.quick { (1_000, 1) } else { (10_000, 3) };
    let today = clock::day(ground.house.now());
    let mut files = vec![];
    for round in 1..=rounds {
        let file = ground.folder.path().join(format!("big{round}.xlsx"));
        workbooks::big(&file, rows, round, &org.province, today).map_err(broken)?;
        files.push(file);
    }
    let ours = async |n: u32| import(ground, &who, &org, &files[n as usize], rows).await;
    let ours = meter.repeat(rounds, ours).await?;
    let raw = async |n: u32| plainly(ground, &org, &files[n as usize], rows).await;
    let raw = meter.repeat(rounds, raw).await?;
    let most = Duration::from_secs(2) * rows / 10_000;
    let side = Side::new(ours).beside(raw);
    Ok(side.judged(|ours, speed| ours.cost() <= most && speed >= Some(0.5)))
}

/// All four steps, as the pages take them.
async fn import(ground: &Ground, who: &Who, org: &OrgRef, file: &Path, rows: u32) -> Result<()> {
    let house = &ground.house;
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
    let mut cx = ground.read(who).await?;
    let (import, _) = imports::find(&mut cx, import.id).await.map_err(broken)?;
    ensure!(import.imported == i64::from(rows), "{} of {rows} came in", import.imported);
    Ok(())
}

/// The same file parsed and the same number of rows put in, five thousand a statement.
async fn plainly(ground: &Ground, org: &OrgRef, file: &PathBuf, rows: u32) -> Result<()> {
    let bytes = std::fs::read(file)?;
    let book = sheet::read(&bytes, "big.xlsx", &sheet::Limits::default())?;
    let parsed = book.sheets.first().map_or(0, |sheet| sheet.rows.len());
    found("workbook", parsed.saturating_sub(1))?;
    let ids: Vec<i64> = (0..rows).map(|_| ground.house.new_id()).collect();
    let mut tx = ground.house.db().write().await?;
    for piece in ids.chunks(5_000) {
        let people: Rows = piece.iter().map(|id| person(*id)).collect();
        tx.run_of(db::sql!("INSERT INTO person (id, code, name, name_py, id_ct, id_bi, id_bi_ver, sex, birth_ym, mobile_ct, mobile_bi, ethnic, political, education, missing, complete, created_at, updated_at) SELECT id, code, name, name_py, id_ct, id_bi, 0, 'male', '2006-05', id_ct, id_bi, '01', '03', '20', '', TRUE, 0, 0 FROM {rows: id int, code text, name text, name_py text, id_ct blob, id_bi blob} AS v"), &[], people).await?;
        let members: Rows =
            piece.iter().map(|id| vec![Value::from(*id), id.to_string().into()]).collect();
        tx.run_of(db::sql!("INSERT INTO member (person_id, org_id, org_category, org_path, name, name_py, joined, dev_number, complete, entered_at) SELECT id, $1, 'BRANCH', $2, '王小明', 'wxm', '2022-05', number, TRUE, 0 FROM {rows: id int, number text} AS v"), db::args![org.id, &org.path], members).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn person(id: i64) -> Vec<Value> {
    // As random as a code and an index are, from the id alone.
    let mixed = (id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    let mut sealed = mixed.repeat(6);
    sealed.truncate(46);
    vec![
        id.into(),
        format!("{:026x}", u64::from_be_bytes(mixed)).into(),
        "王小明".into(),
        "wxm".into(),
        sealed.into(),
        [mixed, id.to_be_bytes()].concat().into(),
    ]
}
