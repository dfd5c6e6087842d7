//! 导入团员 (69, A20, B.3) and 批量创建下级组织 (37, A9): upload → columns → review and repair → commit
//! in pieces → undo. A file's rows are staged, sealed, with what is wrong in each; people come in
//! through `people::add_many` alone, organisations through `orgs::batch::create_many`. Called by
//! pages, the command line and the job queue.

/// What is its own with organisations: rows that stand below one another.
pub mod children;
/// Importing what is good, in pieces.
pub mod commit;
/// Repairing rows.
pub mod fix;
/// Which column of the file is which of ours.
pub mod mapping;
/// The rows as they are reviewed, and the problem rows as a workbook.
pub mod review;
/// The templates.
pub mod templates;
/// Taking a batch back.
pub mod undo;
/// From a file or pasted cells to staged rows.
pub mod upload;
pub mod words;

mod head;
mod judge;
mod rows;
mod sql;
mod table;

pub use commit::{Mode, commit, run};
pub use mapping::Mapping;
pub use review::{Line, Show};
pub(crate) use rows::rekey;
pub use upload::{Source, Twin, check_target, done_twin, open_twin, read, stage, stage_orgs};

use crate::{
    Action, Cx, Error, House, OrgRef, Permit, Refusal, Result, Who, act, clock,
    events::Event,
    orgs::{self, OrgId},
    rules::{Column, Problem, Rules, Severity, SheetKind},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

db::id!(
    /// An import.
    ImportId
);

/// What an import brings in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Members and cadres of a branch.
    #[default]
    Members,
    /// Organisations below the one that imports.
    Orgs,
}
impl Kind {
    /// As stored, and as it stands in addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Orgs => "orgs",
        }
    }
    /// As stored, read back.
    pub fn from_code(code: &str) -> Self {
        if code == "orgs" { Self::Orgs } else { Self::Members }
    }
    /// Who may: whoever may enter the same one by one.
    pub fn action(self) -> Action {
        match self {
            Self::Members => Action::ImportMembers,
            Self::Orgs => Action::CreateChild,
        }
    }
    /// Whose columns a file has.
    pub fn sheet(self) -> SheetKind {
        match self {
            Self::Members => SheetKind::Members,
            Self::Orgs => SheetKind::Orgs,
        }
    }
}

db::row! {
    /// An import as stored: the file's frame, the state, the counters.
    #[derive(Clone, Debug)]
    pub struct Import {
        pub id: ImportId,
        /// Where the people go.
        pub org_id: OrgId,
        /// For which organisation it is done.
        pub acting_org: OrgId,
        /// Who does it; 0 for the command line.
        pub person_id: i64,
        /// [`Kind`].
        pub kind: String,
        pub file_name: String,
        /// `members`, `cadres`, `orgs` or `other`.
        pub template: String,
        /// `mapping`, `review`, `running`, `done`, `undone`.
        pub state: String,
        /// JSON: the file's column titles.
        pub header: String,
        /// JSON: our column for each of the file's, then the columns that were added to it.
        pub mapping: String,
        /// JSON: [`Notes`].
        pub notes: String,
        pub job_id: Option<i64>,
        /// All rows.
        pub rows: i64,
        /// Rows that can be imported, those with warnings among them.
        pub ready: i64,
        pub to_fix: i64,
        /// Of the ready ones: those with warnings.
        pub warned: i64,
        /// Those that became a 转入 among them.
        pub skipped: i64,
        pub imported: i64,
        /// Rows given up.
        pub failed: i64,
        pub version: i64,
        pub created_at: i64,
        pub updated_at: i64,
        pub ended_at: Option<i64>,
    }
}

/// Where a staged row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// Can be imported.
    Ready,
    /// Can be imported, with something to be supplied later.
    Warned,
    /// Has to be put right first.
    ToFix,
    /// Left out on purpose.
    Skipped,
    /// Registered elsewhere: a 转入 was begun instead (E03a).
    Handed,
    /// Imported.
    Imported,
    /// Given up: never put right.
    Failed,
    /// Imported and taken back.
    Undone,
    /// Imported, and left in when the batch was taken back.
    Kept,
}
impl RowState {
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Warned => "warned",
            Self::ToFix => "to_fix",
            Self::Skipped => "skipped",
            Self::Handed => "handed",
            Self::Imported => "imported",
            Self::Failed => "failed",
            Self::Undone => "undone",
            Self::Kept => "kept",
        }
    }
    /// As stored, read back.
    pub fn from_code(code: &str) -> Self {
        match code {
            "ready" => Self::Ready,
            "warned" => Self::Warned,
            "skipped" => Self::Skipped,
            "handed" => Self::Handed,
            "imported" => Self::Imported,
            "failed" => Self::Failed,
            "undone" => Self::Undone,
            "kept" => Self::Kept,
            _ => Self::ToFix,
        }
    }
    /// The word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ready => "可导入",
            Self::Warned => "可导入,有提醒",
            Self::ToFix => "需修改",
            Self::Skipped => "已跳过",
            Self::Handed => "已改为转入申请",
            Self::Imported => "已导入",
            Self::Failed => "未导入",
            Self::Undone => "已撤销",
            Self::Kept => "撤销时保留",
        }
    }
    /// The word on pages; organisations are made, people imported.
    pub fn label_of(self, orgs: bool) -> &'static str {
        match self {
            Self::Ready if orgs => "可创建",
            Self::Warned if orgs => "可创建,有提醒",
            Self::Imported if orgs => "已创建",
            Self::Failed if orgs => "未创建",
            other => other.label(),
        }
    }
    /// The shape of the word on pages.
    pub fn chip(self) -> &'static str {
        match self {
            Self::Ready | Self::Imported => "ok",
            Self::Warned => "warn",
            Self::ToFix | Self::Failed => "err",
            Self::Skipped | Self::Handed | Self::Undone | Self::Kept => "off",
        }
    }
    /// Whether the row may still be changed.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Ready | Self::Warned | Self::ToFix)
    }
}

/// One finding about one cell, as stored with its row and as programs get it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Our column.
    pub column: Column,
    /// 组织码 of the organisation that it speaks of, to look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// A stable code.
    pub code: String,
    /// What happened, why, what to do now.
    pub message: String,
    /// `fix` forbids the entry, `warn` only points something out.
    pub severity: Severity,
}
impl From<Problem> for Finding {
    fn from(p: Problem) -> Self {
        Self {
            column: p.column,
            org: None,
            code: p.code.into(),
            message: p.message,
            severity: p.severity,
        }
    }
}
impl Finding {
    /// Whether somebody sits on the post that the row claims: an election changes that.
    pub fn is_taken_post(&self) -> bool {
        self.code == crate::rules::seats::TAKEN
    }
    /// Whether the centre may set it aside for somebody (row 133): pages say how to ask for it.
    pub fn may_be_excused(&self) -> bool {
        crate::rules::age::may_be_excused(&self.code, crate::rules::Rules::builtin())
    }
    /// Whether the row can't be imported because of it.
    pub fn forbids(&self) -> bool {
        self.severity == Severity::Fix
    }
}

/// What is said about a file besides its rows.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Notes {
    /// Sentences: which sheet, which rows and columns were left out.
    pub file: Vec<String>,
    /// What was tidied automatically, with the number of rows.
    pub tidied: BTreeMap<String, i64>,
    /// What only a person can say, and the page of columns asks: sentences.
    pub asks: Vec<String>,
    /// Nothing but the page can settle the columns: a column of unknown content may be needed.
    pub must_ask: bool,
    /// Rows that stand hidden or struck out in the sheet, and were left out at first.
    pub aside: i64,
    /// Rows below the header that are nobody, and are not among the rows of the import.
    pub left_out: i64,
    /// The word that was mended last in all its rows; it can be taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mended: Option<Mended>,
}

/// A word that was mended in all rows that had it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mended {
    /// Our column's key.
    pub column: String,
    pub label: String,
    pub from: String,
    pub to: String,
    /// As numbered in the sheet.
    pub rows: Vec<i64>,
}

impl Import {
    /// What it brings in.
    pub fn kind(&self) -> Kind {
        Kind::from_code(&self.kind)
    }
    /// The file's column titles, those added to it behind.
    pub fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = serde_json::from_str(&self.header).unwrap_or_default();
        let added = self.columns().into_iter().skip(titles.len()).flatten();
        titles.extend(added.map(|c| c.label().to_owned()).collect::<Vec<_>>());
        titles
    }
    /// Our column for each of the file's.
    pub fn columns(&self) -> Mapping {
        serde_json::from_str(&self.mapping).unwrap_or_default()
    }
    /// What is said about the file.
    pub fn notes(&self) -> Notes {
        serde_json::from_str(&self.notes).unwrap_or_default()
    }
    /// Until when the batch can be taken back, if anything was imported and the time has not run
    /// out at `now`.
    pub fn undo_until(&self, now: i64) -> Option<i64> {
        let until = self.ended_at? + Rules::builtin().policy.imports.undo_hours * clock::HOUR;
        let open = matches!(self.state.as_str(), "review" | "done");
        (open && self.imported > 0 && now < until).then_some(until)
    }
    /// Until when a draft is kept.
    pub fn kept_until(&self) -> i64 {
        self.updated_at + Rules::builtin().policy.imports.draft_days * clock::DAY
    }
    /// The word for the state on pages.
    pub fn state_label(&self) -> &'static str {
        match self.state.as_str() {
            "mapping" => "待对应列",
            "review" if self.imported > 0 => "部分已导入",
            "review" => "待核对",
            "running" => "正在导入",
            "undone" => "已撤销",
            _ => "已完成",
        }
    }
}

/// What an import brings in, where, out of which file: for the list of jobs.
pub async fn told(cx: &mut Cx, id: ImportId) -> Result<Option<(Kind, String, String)>> {
    let Some(import) = sql::find(cx, id).await? else { return Ok(None) };
    let org = orgs::by_id(cx, import.org_id).await?;
    Ok(Some((Kind::from_code(&import.kind), org.short_name, import.file_name)))
}

/// An import of the organisation acted for, and where its people go. [`Error::NotFound`] for
/// anybody else's.
pub async fn find(cx: &mut Cx, id: ImportId) -> Result<(Import, OrgRef)> {
    let import = sql::find(cx, id).await?.ok_or(Error::NotFound)?;
    if let Who::Person(_) = cx.who()
        && cx.org()?.id != import.acting_org
    {
        return Err(Error::NotFound);
    }
    let org = orgs::by_id(cx, import.org_id).await?;
    if !cx.may(import.kind().action(), &org.path) {
        return Err(Error::NotFound);
    }
    Ok((import, org))
}

/// The imports of the organisation acted for, newest first, at most fifty; `before` is the last
/// one of the page before.
pub async fn list(cx: &mut Cx, before: Option<ImportId>) -> Result<Vec<Import>> {
    let org = cx.org()?.clone();
    if !cx.may(Action::ImportMembers, &org.path) {
        return Err(crate::access::forbidden(Action::ImportMembers));
    }
    sql::list(cx, org.id, before.map_or(i64::MAX, |b| b.0), 50).await
}

/// Where members may be imported by whoever acts (67), as 组织码 and name: the own branch, or the
/// branches directly below in their order, two hundred at most.
pub async fn targets(cx: &mut Cx) -> Result<Vec<(String, String)>> {
    let org = cx.org()?.clone();
    if org.category.owns_members() {
        return Ok(vec![(org.code, org.short_name)]);
    }
    sql::branches_below(cx, org.id, 200).await
}

/// Throws a draft away, or ends an import of which something was imported: what has not been put
/// right is given up and marked as not imported.
pub async fn end(cx: &mut Cx, id: ImportId) -> Result<()> {
    let (import, org) = find(cx, id).await?;
    let permit = cx.permit(import.kind().action(), &org)?;
    if !matches!(import.state.as_str(), "mapping" | "review") {
        cx.return_unused(permit);
        return Err(changed_meanwhile(&import));
    }
    take_hold(cx, &permit, &import).await?;
    close(cx, &permit, id, import.imported).await?;
    let kind = if import.imported > 0 { "import.ended" } else { "import.discarded" };
    cx.record(permit, Event::new(kind, "import", id.0)).await
}

/// Throws away drafts that nobody touched for the policy's days and forgets the cells of imports
/// that ended so long ago. A wheel of the clockwork.
pub async fn sweep(house: &House) -> Result<()> {
    act!(house, Who::System("imports"), |cx| {
        let policy = &Rules::builtin().policy;
        let permit = cx.permit_system(Action::RunSystem)?;
        let old = sql::old_drafts(cx, cx.now() - policy.imports.draft_days * clock::DAY).await?;
        for (id, imported) in &old {
            close(cx, &permit, *id, *imported).await?;
        }
        let before = cx.now() - policy.retention.import_files_days * clock::DAY;
        let forgotten = sql::forget_cells(cx, &permit, before).await?;
        if old.is_empty() && forgotten == 0 {
            cx.return_unused(permit);
            return Ok(());
        }
        let detail = serde_json::json!({ "drafts": old.len(), "cells": forgotten });
        cx.record(permit, Event::new("imports.swept", "import", 0).detail(detail)).await
    })
}

/// Ends every import into an organisation that is being closed, also one that runs; returns how
/// many. What came in stays, what did not is given up.
pub async fn end_all(cx: &mut Cx, permit: &Permit, org: &OrgRef) -> Result<i64> {
    let open = sql::open_into(cx, org.id).await?;
    for (id, state, imported) in &open {
        if !sql::hold(cx, permit, *id, state).await? {
            return Err(Error::Retry);
        }
        close(cx, permit, *id, *imported).await?;
        if *imported > 0 {
            sql::set_ended(cx, permit, *id).await?;
        }
        let event = Event::new("import.ended", "import", id.0).at(&org.path);
        cx.note(event.detail(serde_json::json!({ "because": "org.closed" }))).await?;
    }
    Ok(open.len() as i64)
}

/// How many imports into an organisation have not ended.
pub async fn count_open(cx: &mut Cx, org: &OrgRef) -> Result<i64> {
    Ok(sql::open_into(cx, org.id).await?.len() as i64)
}

async fn close(cx: &mut Cx, permit: &Permit, id: ImportId, imported: i64) -> Result<()> {
    if imported == 0 {
        return sql::delete(cx, permit, id).await;
    }
    sql::give_up(cx, permit, id).await?;
    sql::set_state(cx, permit, id, "done").await?;
    sql::recount(cx, permit, id).await
}

/// Takes hold of an import in the state in which it was read; see [`sql::hold`].
async fn take_hold(cx: &mut Cx, permit: &Permit, import: &Import) -> Result<()> {
    if sql::hold(cx, permit, import.id, &import.state).await? {
        Ok(())
    } else {
        Err(changed_meanwhile(import))
    }
}

/// E22: the import is no longer in the state for it.
fn changed_meanwhile(import: &Import) -> Error {
    let message = match import.state.as_str() {
        "running" => "这次导入正在进行,请等它完成后再操作。",
        "done" => "这次导入已经完成,不能再修改。",
        "undone" => "这次导入已经撤销,不能再修改。",
        _ => "这次导入刚刚被其他人改动,你的操作未生效。请刷新后再看。",
    };
    Error::conflict(Refusal::new("E22", message))
}
