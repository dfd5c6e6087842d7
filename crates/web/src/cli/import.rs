//! `tuanjian import`: the review of the page on the command line, and the import with --commit.

use super::{Place, open, say, upkeep::plain};
use anyhow::{Context, Result, bail};
use app::{
    House, OrgRef, Who, act,
    imports::{self, Finding, Import, ImportId, Line, RowState, Show, Source, commit, review},
};
use serde::Serialize;
use std::{path::Path, process::ExitCode};

/// The review as programs get it (decision 22).
#[derive(Serialize)]
struct Printed {
    importable: i64,
    to_fix: i64,
    warnings: i64,
    /// Rows that stand hidden or struck out in the sheet: not imported.
    skipped: i64,
    /// Rows below the header that are nobody: sums, footers, repeated headers.
    left_out: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    imported: Option<i64>,
    /// What was left out or tidied.
    notes: Vec<String>,
    rows: Vec<PrintedRow>,
}
#[derive(Serialize)]
struct PrintedRow {
    /// As numbered in the sheet.
    row: i64,
    name: String,
    state: RowState,
    problems: Vec<Finding>,
}

/// Whose contact values count for people who are known already (decision 27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Contacts {
    /// Those that are known.
    Keep,
    /// Those of the file.
    File,
}

fn who() -> Who {
    Who::System("import")
}

/// Exit code 0 when every row is right, 1 when some have to be put right.
pub(super) async fn import(
    place: Place,
    org: &str,
    file: &Path,
    (commits, contacts): (bool, Contacts),
) -> Result<ExitCode> {
    let house =
        open::house(open::Opening { place: &place, running: None, access: open::Access::Write })
            .await?;
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if !file.is_file() {
        bail!("{} is not there or is no file", file.display());
    }
    let source = Source::File { path: file.to_owned(), name };
    let read = imports::read(&house, source).await.map_err(plain)?;
    let printed = if commits {
        commit_now(&house, org, &read, contacts).await.map_err(plain)?
    } else {
        // Staged in a transaction that is never committed: nothing stays behind.
        let mut cx = house.write(who()).await?;
        let target = app::orgs::by_code(&mut cx, org).await.map_err(plain)?;
        let staged = stage(&mut cx, &target, &read, contacts).await.map_err(plain)?;
        printed(&mut cx, staged, None).await.map_err(plain)?
    };
    house.db().close().await;
    show(&place, &printed)?;
    Ok(if printed.to_fix == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Stages the rows; what the titles don't say is asked back.
async fn stage(
    cx: &mut app::Cx,
    org: &OrgRef,
    read: &imports::upload::Upload,
    contacts: Contacts,
) -> app::Result<Import> {
    let mut import = mapped(cx, org, read).await?;
    if contacts == Contacts::File {
        imports::fix::choose(cx, import.id, None, true).await?;
        import = imports::find(cx, import.id).await?.0;
    }
    Ok(import)
}

async fn mapped(
    cx: &mut app::Cx,
    org: &OrgRef,
    read: &imports::upload::Upload,
) -> app::Result<Import> {
    let import = imports::stage(cx, org, read).await?;
    if import.state != "mapping" {
        return Ok(import);
    }
    if import.template == "cadres" {
        let message = "这是『本级团干部』模板，不能用来导入团员。请改用团员团干部模板。";
        return Err(app::Error::refused(app::Refusal::new("other_template", message)));
    }
    let notes = import.notes();
    if notes.must_ask {
        let message = format!(
            "{}请给这一列写上标题再导入，或者到页面上导入、在“对应列”里指明。",
            notes.asks.concat()
        );
        return Err(app::Error::refused(app::Refusal::new("column_unclear", message)));
    }
    let keys: Vec<String> =
        import.columns().iter().map(|c| c.map_or(String::new(), |c| c.key().to_owned())).collect();
    imports::mapping::settle(cx, import.id, &keys).await?;
    Ok(imports::find(cx, import.id).await?.0)
}

async fn commit_now(
    house: &House,
    org: &str,
    read: &imports::upload::Upload,
    contacts: Contacts,
) -> app::Result<Printed> {
    let (import, review) = act!(house, who(), |cx| {
        let target = app::orgs::by_code(cx, org).await?;
        let import = stage(cx, &target, read, contacts).await?;
        let id = import.id;
        Ok((id, printed(cx, import, None).await?))
    })?;
    if review.importable == 0 {
        act!(house, who(), |cx| imports::end(cx, import).await)?;
        return Ok(Printed { imported: Some(0), ..review });
    }
    commit::run_here(house, import).await?;
    let mut cx = house.read(who()).await?;
    let after = imports::find(&mut cx, import).await?.0;
    let result = printed(&mut cx, after.clone(), Some(after.imported)).await?;
    drop(cx);
    if after.state == "review" {
        act!(house, who(), |cx| imports::end(cx, import).await)?;
    }
    Ok(result)
}

async fn printed(cx: &mut app::Cx, import: Import, imported: Option<i64>) -> app::Result<Printed> {
    let lines = lines(cx, import.id).await?;
    let notes = import.notes();
    let org = imports::find(cx, import.id).await?.1;
    let crowded = review::crowded(cx, &import, &org).await?;
    let tidied = notes.tidied.iter().map(|(what, rows)| format!("{what}：{rows} 行"));
    Ok(Printed {
        importable: import.ready,
        to_fix: import.to_fix,
        warnings: import.warned,
        skipped: import.skipped,
        left_out: notes.left_out,
        imported,
        notes: notes.file.iter().chain(&notes.asks).cloned().chain(tidied).chain(crowded).collect(),
        rows: lines
            .into_iter()
            .map(|l| PrintedRow { row: l.row, name: l.name, state: l.state, problems: l.problems })
            .collect(),
    })
}

async fn lines(cx: &mut app::Cx, id: ImportId) -> app::Result<Vec<Line>> {
    Ok(review::page(cx, id, Show::All, 0, i64::from(u32::MAX)).await?.lines)
}

fn show(place: &Place, printed: &Printed) -> Result<()> {
    if place.json {
        return Ok(say(&serde_json::to_string(printed).context("printing the review")?)?);
    }
    say(&format!(
        "可导入 {} 行，需修改 {} 行，提醒 {} 行；已跳过 {} 行，不是名单的 {} 行没有读取。",
        printed.importable, printed.to_fix, printed.warnings, printed.skipped, printed.left_out
    ))?;
    for note in &printed.notes {
        say(note)?;
    }
    for row in printed.rows.iter().filter(|r| !r.problems.is_empty()) {
        for p in &row.problems {
            say(&format!("第 {} 行 {} {}：{}", row.row, row.name, p.column.label(), p.message))?;
        }
    }
    if let Some(imported) = printed.imported {
        say(&format!("成功导入 {imported} 位，{} 位导入失败", printed.to_fix))?;
    }
    Ok(())
}
