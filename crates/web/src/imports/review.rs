//! Step 3 (W3): rows page by page, each bad cell an input. With scripts a changed row is checked by
//! itself and swapped; without them one button checks all inputs of the page.

use super::{Before, Card, address, before, column, frame_of, number};
use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Form, Posted, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Action, Error,
    imports::{
        self, ImportId, Line, Notes, Show,
        fix::{self, Change},
        review,
    },
    rules::Column,
};
use axum::extract::{FromRequest, Path, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows of a page.
const PAGE: i64 = 50;

/// One of the quick filters above the rows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tab {
    pub label: &'static str,
    pub href: String,
    pub current: bool,
    pub count: Option<i64>,
}

/// 核对与修改.
#[derive(askama::Template, Serialize, JsonSchema)]
#[template(path = "imports/review.html")]
pub struct Review {
    #[serde(skip)]
    frame: Frame,
    /// The import's address.
    #[serde(skip)]
    at: String,
    #[serde(skip)]
    oob: bool,
    import: Card,
    /// The same file was imported already today.
    before: Option<Before>,
    notes: Notes,
    show: Show,
    /// The row after which this page begins.
    after: i64,
    rows: Vec<Line>,
    /// The next page, when there is one.
    next: Option<String>,
    #[serde(skip)]
    tabs: Vec<Tab>,
    /// Our columns: key and name, for giving one value to many rows.
    #[serde(skip)]
    columns: Vec<(&'static str, &'static str)>,
    /// What cells of a column may say, to choose from.
    #[serde(skip)]
    choices: Vec<(&'static str, Vec<String>)>,
    /// Whether whoever sees the page may start a transfer out of another branch herself.
    #[serde(skip)]
    may_transfer: bool,
    #[serde(skip)]
    base: String,
}
page!(Review);

/// A row that was checked, with the counters above the table.
#[derive(askama::Template, Serialize, JsonSchema)]
#[template(path = "imports/row.html")]
pub struct Checked {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    at: String,
    #[serde(skip)]
    oob: bool,
    import: Card,
    row: Line,
    #[serde(skip)]
    tabs: Vec<Tab>,
    #[serde(skip)]
    may_transfer: bool,
    #[serde(skip)]
    base: String,
}
page!(Checked);

/// What the address chooses.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Choice {
    show: Show,
    after: i64,
}

/// `GET /o/{org}/imports/{id}/review`.
pub async fn show(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
    Query(q): Query<Choice>,
) -> Result<Answer, Failure> {
    let page = review_page(&mut v, number(&id)?, q).await?;
    v.show(page).await
}

async fn review_page(v: &mut Visit, id: ImportId, q: Choice) -> Result<Review, Failure> {
    let found = review::page(&mut v.cx, id, q.show, q.after.max(0), PAGE).await?;
    let base = v.base()?;
    let at = format!("{base}/imports/{id}");
    let card = Card::of(&base, &found.import, &found.org, v.cx.now());
    let frame = frame_of(v, "核对与修改", card.kind).await?;
    let next = found.next.map(|n| format!("{at}/review?show={}&after={n}", q.show.code()));
    let mapped = found.import.columns();
    let columns = Column::ALL
        .iter()
        .filter(|c| mapped.contains(&Some(**c)))
        .map(|c| (c.key(), c.label()))
        .collect();
    Ok(Review {
        frame,
        tabs: tabs(&at, &card, Some(q.show)),
        oob: false,
        before: before(v, &found.import).await?,
        notes: found.import.notes(),
        import: card,
        show: q.show,
        after: q.after.max(0),
        rows: found.lines,
        next,
        columns,
        choices: mapped
            .into_iter()
            .flatten()
            .map(|c| (c.key(), imports::templates::choices(c)))
            .filter(|(_, list)| !list.is_empty())
            .collect(),
        may_transfer: may_transfer(v)?,
        at,
        base,
    })
}

fn may_transfer(v: &Visit) -> Result<bool, Failure> {
    let org = v.cx.org()?;
    Ok(v.cx.may(Action::StartTransferIn, &org.path))
}

/// The filters; a list of organisations has its tree beside them, which is current when none is.
pub(super) fn tabs(at: &str, card: &Card, show: Option<Show>) -> Vec<Tab> {
    let (ready, made) =
        if card.is_orgs() { ("可创建", "已创建") } else { ("可导入", "已导入") };
    let all = [
        ("需修改", Show::Fix, card.to_fix + card.failed),
        (ready, Show::Ready, card.importable),
        ("提醒", Show::Warn, card.warnings),
        ("已跳过", Show::Skipped, card.skipped),
        (made, Show::Imported, card.imported),
        ("全部", Show::All, card.rows),
    ];
    let tree = card.is_orgs().then(|| Tab {
        label: "组织树",
        href: format!("{at}/tree"),
        current: show.is_none(),
        count: None,
    });
    let rows = all
        .into_iter()
        .filter(|(_, which, count)| {
            *count > 0 || !matches!(which, Show::Skipped | Show::Imported) || Some(*which) == show
        })
        .map(|(label, which, count)| Tab {
            label,
            href: format!("{at}/review?show={}", which.code()),
            current: Some(which) == show,
            count: Some(count),
        });
    tree.into_iter().chain(rows).collect()
}

/// New values for one row, as JSON.
#[derive(Deserialize, JsonSchema)]
pub struct RowForm {
    /// The row's version as it was read.
    pub version: i64,
    /// Our column's key → new value.
    pub cells: BTreeMap<String, String>,
}

/// New values for many rows, as JSON.
#[derive(Deserialize, JsonSchema)]
pub struct RowsForm {
    pub rows: Vec<NumberedRow>,
}

/// One of many rows.
#[derive(Deserialize, JsonSchema)]
pub struct NumberedRow {
    /// As numbered in the sheet.
    pub row: i64,
    pub version: i64,
    pub cells: BTreeMap<String, String>,
}

/// What was sent about rows: a form's fields `v9` (version of row 9) and `c9.joined` (a cell of
/// it), or JSON.
pub struct Sent {
    posted: Posted,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Failure;
    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self { posted: request.extensions().get::<Posted>().cloned().unwrap_or_default() })
    }
}

impl Sent {
    fn changes(&self, only: Option<i64>) -> Result<Vec<Change>, Failure> {
        if self.posted.json {
            return self.as_json(only);
        }
        let mut rows: BTreeMap<i64, Change> = BTreeMap::new();
        for (name, value) in self.posted.pairs() {
            let Some((row, key)) = field(&name) else { continue };
            let change = rows.entry(row).or_insert(Change { row, version: 0, cells: Vec::new() });
            match key {
                None => change.version = value.parse().unwrap_or(0),
                Some(key) => change.cells.push((column(key)?, value)),
            }
        }
        Ok(rows.into_values().filter(|c| only.is_none_or(|row| row == c.row)).collect())
    }

    fn as_json(&self, only: Option<i64>) -> Result<Vec<Change>, Failure> {
        let unreadable = || Error::field("rows", "form", "请求的内容读不懂,请对照接口说明检查。");
        let rows = match only {
            Some(row) => {
                let one: RowForm =
                    serde_json::from_slice(&self.posted.bytes).map_err(|_| unreadable())?;
                vec![NumberedRow { row, version: one.version, cells: one.cells }]
            }
            None => {
                let many: RowsForm =
                    serde_json::from_slice(&self.posted.bytes).map_err(|_| unreadable())?;
                many.rows
            }
        };
        let mut changes = Vec::with_capacity(rows.len());
        for row in rows {
            let mut cells = Vec::with_capacity(row.cells.len());
            for (key, value) in row.cells {
                cells.push((column(&key)?, value));
            }
            changes.push(Change { row: row.row, version: row.version, cells });
        }
        Ok(changes)
    }
    fn text(&self, name: &str) -> String {
        let pairs = self.posted.pairs();
        pairs.into_iter().find(|(n, _)| n == name).map(|(_, v)| v).unwrap_or_default()
    }
}

/// `v9` is the version of row 9, `c9.joined` its cell in that column.
fn field(name: &str) -> Option<(i64, Option<&str>)> {
    if let Some(row) = name.strip_prefix('v') {
        return Some((row.parse().ok()?, None));
    }
    let (row, key) = name.strip_prefix('c')?.split_once('.')?;
    Some((row.parse().ok()?, Some(key)))
}

/// `POST /o/{org}/imports/{id}/rows/{row}`: checks one row with its new values.
pub async fn fix_row(
    mut v: Visit,
    Path((_, id, row)): Path<(String, String, String)>,
    sent: Sent,
) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let row: i64 = row.parse().map_err(|_| Error::NotFound)?;
    let changes = sent.changes(Some(row))?;
    fix::fix(&mut v.cx, id, &changes).await?;
    after_row(v, id, row).await
}

/// `GET …/rows` and `…/rows/{row}`: nothing to see there; to the review (the way on from E22).
pub async fn rows(
    mut v: Visit,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Answer, Failure> {
    let part = |name: &str| path.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
    let id = number(part("id").unwrap_or_default())?;
    let (import, _) = imports::find(&mut v.cx, id).await?;
    let to = address(&v, import.id, "review")?;
    let row = part("row").and_then(|r| r.parse::<i64>().ok());
    v.lead(&row.map_or_else(|| to.clone(), |row| format!("{to}#r{row}")))
}

/// The row by itself for scripts and programs, the page for everybody else.
async fn after_row(mut v: Visit, id: ImportId, row: i64) -> Result<Answer, Failure> {
    if v.face() == Face::Page {
        let to = address(&v, id, "review")?;
        return v.done(format!("{to}#r{row}"), format!("第 {row} 行已重新校验。")).await;
    }
    let line = review::one(&mut v.cx, id, row).await?;
    let (import, org) = imports::find(&mut v.cx, id).await?;
    let base = v.base()?;
    let at = format!("{base}/imports/{id}");
    let card = Card::of(&base, &import, &org, v.cx.now());
    let page = Checked {
        frame: v.personal_frame("").await?,
        tabs: tabs(&at, &card, Some(Show::Fix)),
        oob: true,
        import: card,
        row: line,
        may_transfer: may_transfer(&v)?,
        at,
        base,
    };
    v.done_showing(page).await
}

/// `POST /o/{org}/imports/{id}/rows`: checks all inputs of a page.
pub async fn fix_rows(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
    sent: Sent,
) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let changes = sent.changes(None)?;
    let changed = fix::fix(&mut v.cx, id, &changes).await?;
    if changes.is_empty() {
        fix::recheck(&mut v.cx, id).await?;
    }
    let (import, _) = imports::find(&mut v.cx, id).await?;
    let said = format!(
        "已重新校验:改了 {changed} 行,还有 {} 行需修改,{} 行可{}。",
        import.to_fix,
        import.ready,
        if import.kind() == imports::Kind::Orgs { "创建" } else { "导入" }
    );
    let data = serde_json::json!({
        "changed": changed, "importable": import.ready, "to_fix": import.to_fix, "warnings": import.warned,
    });
    let to = back(&v, id, &sent)?;
    v.done_with(to, said, data).await
}

/// The page of the review that the form came from.
fn back(v: &Visit, id: ImportId, sent: &Sent) -> Result<String, Failure> {
    let to = address(v, id, "review")?;
    let known = ["fix", "ready", "warn", "skipped", "imported", "all"];
    let show = sent.text("show");
    let show = known.into_iter().find(|s| *s == show).unwrap_or("fix");
    let after: i64 = sent.text("after").parse().unwrap_or(0);
    Ok(format!("{to}?show={show}&after={after}"))
}

/// One value for many rows.
#[derive(Deserialize, JsonSchema)]
pub struct BulkForm {
    /// Our column's key.
    #[serde(default)]
    pub column: String,
    /// The value that is there now; empty for empty cells.
    #[serde(default)]
    pub from: String,
    /// The value that it becomes.
    #[serde(default)]
    pub to: String,
}

/// `POST /o/{org}/imports/{id}/bulk`.
pub async fn bulk(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
    Form(form): Form<BulkForm>,
) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let column = column(&form.column)?;
    let applied = fix::apply(&mut v.cx, id, column, &form.from, &form.to).await;
    let rows = match applied {
        Ok(rows) => rows,
        Err(Error::Invalid(errors)) => {
            let mut page = review_page(&mut v, id, Choice::default()).await?;
            page.frame.errors = errors;
            return v.invalid(page).await;
        }
        Err(e) => return Err(e.into()),
    };
    let to = address(&v, id, "review")?;
    if rows == 0 {
        let words = format!(
            "没有改动任何一行：没有哪一行的“{}”是这个值，可能刚刚已经改过。下面是现在的样子。",
            column.label()
        );
        return v.nothing(to, words, serde_json::json!({ "changed": 0 })).await;
    }
    let said = format!("已把 {rows} 行的“{}”改好并重新校验。", column.label());
    v.done_with(to, said, serde_json::json!({ "changed": rows })).await
}

/// Leaves a row out or takes it up again.
#[derive(Deserialize, JsonSchema)]
pub struct SkipForm {
    /// `1` takes the row up again.
    #[serde(default, deserialize_with = "crate::form::tick")]
    pub undo: bool,
}

/// `POST /o/{org}/imports/{id}/rows/{row}/skip`.
pub async fn skip_row(
    mut v: Visit,
    Path((_, id, row)): Path<(String, String, String)>,
    Form(form): Form<SkipForm>,
) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let row: i64 = row.parse().map_err(|_| Error::NotFound)?;
    fix::skip(&mut v.cx, id, row, !form.undo).await?;
    after_row(v, id, row).await
}

/// `POST /o/{org}/imports/{id}/rows/{row}/transfer`: from a row whose person is registered elsewhere
/// to 办理转入, filled in (E03a).
pub async fn transfer_row(
    mut v: Visit,
    Path((_, id, row)): Path<(String, String, String)>,
) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let row: i64 = row.parse().map_err(|_| Error::NotFound)?;
    let ticket = fix::lead_away(&mut v.cx, id, row).await?;
    let data = serde_json::json!({ "ticket": ticket });
    let to = format!("{}/transfers/in/new?t={ticket}", v.base()?);
    v.done_with(to, "", data).await
}

/// `POST /o/{org}/imports/{id}/skip`: everybody who is in the branch already, or every organisation
/// that is there already.
pub async fn skip_here(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let rows = fix::skip_here(&mut v.cx, id).await?;
    let (import, _) = imports::find(&mut v.cx, id).await?;
    let to = address(&v, id, "review")?;
    let whom = match import.kind() {
        imports::Kind::Members => "已在本支部的人",
        imports::Kind::Orgs => "已有的组织",
    };
    if rows == 0 {
        let words = format!("没有要跳过的行：名单里没有{whom}。");
        return v.nothing(to, words, serde_json::json!({ "skipped": 0 })).await;
    }
    let said = format!("已跳过{rows}行（{whom}）。");
    v.done_with(to, said, serde_json::json!({ "skipped": rows })).await
}
