//! 导入团员 (A20, B.3) and 批量创建下级组织 (A9): the list, step 1 (upload) and 2 (columns), the result,
//! taking a batch back, files to take away. Step 3 is in `review.rs` and `tree.rs`.

pub mod review;
pub mod tree;
pub(crate) mod upload;

pub use upload::{New, UploadForm, start, upload};

use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::{Crumb, Frame},
    page,
    visit::Visit,
};
use app::{
    Error, OrgRef,
    clock::{say_day, show_time},
    imports::{
        self, Import, ImportId, Kind, Mode, Notes, fix, mapping, templates::Template,
        undo as undoing,
    },
    jobs,
    rules::Column,
};
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What every page of an import says about it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Card {
    pub id: String,
    /// `members` or `orgs`.
    pub kind: Kind,
    /// `mapping`, `review`, `running`, `done`, `undone`.
    pub state: String,
    pub state_label: &'static str,
    pub file_name: String,
    /// Where the people go: 组织码 and name.
    pub org: String,
    pub org_name: String,
    pub rows: i64,
    /// Rows that can be imported, those with warnings among them.
    pub importable: i64,
    pub to_fix: i64,
    pub warnings: i64,
    pub skipped: i64,
    pub imported: i64,
    pub failed: i64,
    /// Beijing time.
    pub saved_at: String,
    pub kept_until: String,
    pub undo_until: Option<String>,
    /// The page where it goes on.
    pub href: String,
    /// 成功导入 n 位,m 位导入失败.
    pub sentence: String,
}

impl Card {
    fn of(base: &str, import: &Import, org: &OrgRef, now: i64) -> Self {
        let at = format!("{base}/imports/{}", import.id);
        let page = match import.state.as_str() {
            "mapping" => "map",
            // A list of organisations without faults is shown as the tree that it makes.
            "review" if import.kind() == Kind::Orgs && import.to_fix == 0 => "tree",
            "review" => "review",
            _ => "result",
        };
        Self {
            id: import.id.to_string(),
            kind: import.kind(),
            state: import.state.clone(),
            state_label: import.state_label(),
            file_name: import.file_name.clone(),
            org: org.code.clone(),
            org_name: org.short_name.clone(),
            rows: import.rows,
            importable: import.ready,
            to_fix: import.to_fix,
            warnings: import.warned,
            skipped: import.skipped,
            imported: import.imported,
            failed: import.failed,
            saved_at: show_time(import.updated_at),
            kept_until: say_day(import.kept_until()),
            undo_until: import.undo_until(now).map(show_time),
            href: format!("{at}/{page}"),
            sentence: imports::commit::sentence(import),
        }
    }
}

/// The same file, of which something was imported within the last day.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Before {
    /// Beijing time.
    pub at: String,
    pub count: i64,
    pub by: String,
    /// Its result, where whoever looks may see it.
    pub href: String,
}

async fn before(v: &mut Visit, import: &Import) -> Result<Option<Before>, Failure> {
    if import.state != "review" && import.state != "mapping" {
        return Ok(None);
    }
    let Some(twin) = imports::done_twin(&mut v.cx, import).await? else { return Ok(None) };
    let mine = v.cx.org()?.id == twin.acting;
    Ok(Some(Before {
        at: show_time(twin.ended_at.unwrap_or(twin.begun_at)),
        count: twin.imported,
        href: if mine { address(v, twin.id, "result")? } else { String::new() },
        by: twin.by,
    }))
}

impl Card {
    /// Where another file is uploaded, or the same once more on purpose.
    fn anew_href(&self, base: &str) -> String {
        let what = if self.is_orgs() { "kind=orgs".to_owned() } else { format!("to={}", self.org) };
        format!("{base}/imports/new?{what}&anew={}", self.id)
    }
    /// The shape of its state.
    fn chip(&self) -> &'static str {
        match self.state.as_str() {
            "done" => "ok",
            "undone" => "off",
            _ => "now",
        }
    }
    /// What ending it now means.
    fn end_label(&self) -> &'static str {
        match (self.imported > 0, self.kind) {
            (true, Kind::Members) => "结束,其余不再导入",
            (true, Kind::Orgs) => "结束,其余不再创建",
            (false, _) => "放弃这个草稿",
        }
    }
    /// Whether it makes organisations.
    fn is_orgs(&self) -> bool {
        self.kind == Kind::Orgs
    }
    /// What is done with the rows.
    fn verb(&self) -> &'static str {
        if self.is_orgs() { "创建" } else { "导入" }
    }
    /// How what came of them is counted.
    fn unit(&self) -> &'static str {
        if self.is_orgs() { "个" } else { "位" }
    }
    /// What it brings in, for the list.
    fn what(&self) -> &'static str {
        if self.is_orgs() { "下级组织" } else { "团员" }
    }
    /// The button that leaves out what is there already.
    fn skip_label(&self) -> &'static str {
        if self.is_orgs() {
            "跳过全部已有的组织"
        } else {
            "跳过全部已在本支部的人"
        }
    }
    /// What taking it back does.
    fn undo_words(&self, going: &usize) -> String {
        if self.is_orgs() {
            format!("撤销 {going} 个组织")
        } else {
            format!("移除 {going} 人")
        }
    }
    /// Whether there is a page that hands out registration codes.
    fn has_codes(&self) -> bool {
        crate::routes::needs(&http::Method::GET, "/o/{org}/children/codes").is_some()
    }
    /// Where they go.
    fn toward(&self) -> String {
        let name = &self.org_name;
        if self.is_orgs() { format!("建在 {name} 下面") } else { format!("导入到 {name}") }
    }
}

/// The address of an import's page.
fn address(v: &Visit, id: ImportId, page: &str) -> Result<String, Failure> {
    Ok(format!("{}/imports/{id}/{page}", v.base()?))
}

/// The number in the address; anything else is nowhere.
fn number(text: &str) -> Result<ImportId, Failure> {
    text.parse().map_err(|_| Error::NotFound.into())
}

/// The frame of an import's page, with the way back to the list.
async fn frame_of(v: &mut Visit, title: &str, kind: Kind) -> Result<Frame, Failure> {
    let base = v.base()?;
    let (at, back) = match kind {
        Kind::Members => ("/imports", vec![("导入团员", "/imports")]),
        Kind::Orgs => ("/children", vec![("管理下级组织", "/children"), ("导入记录", "/imports")]),
    };
    let mut frame = v.frame(title, at).await?;
    for (label, path) in back {
        let crumb = Crumb { label: label.into(), href: Some(format!("{base}{path}")) };
        let at = frame.crumbs.len().saturating_sub(1);
        frame.crumbs.insert(at, crumb);
    }
    Ok(frame)
}

async fn card(v: &mut Visit, id: ImportId) -> Result<(Card, Import), Failure> {
    let base = v.base()?;
    let (import, org) = imports::find(&mut v.cx, id).await?;
    let now = v.cx.now();
    Ok((Card::of(&base, &import, &org, now), import))
}

/// 导入记录.
#[derive(askama::Template, Serialize, JsonSchema)]
#[template(path = "imports/list.html")]
pub struct List {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    list: Vec<Card>,
    /// The next page, when there is one.
    next: Option<String>,
}
page!(List);

/// From where the list goes on.
#[derive(Deserialize, JsonSchema)]
pub struct OlderThan {
    #[serde(default)]
    before: String,
}

/// `GET /o/{org}/imports`.
pub async fn list(mut v: Visit, Query(q): Query<OlderThan>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let frame = v.frame("导入记录", "/imports").await?;
    let before = q.before.parse().ok();
    let found = imports::list(&mut v.cx, before).await?;
    let next = found.last().filter(|_| found.len() == 50);
    let next = next.map(|i| format!("{base}/imports?before={}", i.id));
    let now = v.cx.now();
    let mut list = Vec::with_capacity(found.len());
    for import in &found {
        let org = app::orgs::by_id(&mut v.cx, import.org_id).await?;
        list.push(Card::of(&base, import, &org, now));
    }
    v.show(List { frame, base, list, next }).await
}

/// `GET /o/{org}/imports/{id}`: to the page where it goes on.
pub async fn show(mut v: Visit, Path((_, id)): Path<(String, String)>) -> Result<Answer, Failure> {
    let (card, _) = card(&mut v, number(&id)?).await?;
    if v.face() == crate::face::Face::Json {
        return result_page(v, number(&id)?).await;
    }
    v.lead(&card.href)
}

/// `GET /o/{org}/imports/template/{template}`.
pub async fn template(
    v: Visit,
    Path((_, which)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let which = Template::from_code(&which).ok_or(Error::NotFound)?;
    let bytes = imports::templates::workbook(which)?;
    v.file(which.file_name(), app::files::XLSX, bytes).await
}

/// 对应列 (step 2).
#[derive(askama::Template, Serialize, JsonSchema)]
#[template(path = "imports/map.html")]
pub struct Map {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    at: String,
    #[serde(skip)]
    base: String,
    import: Card,
    /// `members`, `cadres` or `other`.
    template: String,
    columns: Vec<mapping::FileColumn>,
    /// What only a person can say, as sentences.
    asks: Vec<String>,
    /// What was left out of the sheet, as sentences.
    notes: Vec<String>,
    /// Rows that stand hidden or struck out in the sheet.
    aside: i64,
    /// Needed columns that the file lacks.
    missing: Vec<&'static str>,
    /// Our columns: key and name.
    ours: Vec<(&'static str, &'static str)>,
}
page!(Map);

/// Our column's key for each of the file's, in order; empty leaves a column out.
#[derive(Deserialize, JsonSchema)]
pub struct MapForm {
    #[serde(default)]
    pub column: Vec<String>,
    /// Not empty: rows that stand hidden or struck out in the sheet are taken in as well.
    #[serde(default)]
    pub hidden: String,
}

/// `GET /o/{org}/imports/{id}/map`.
pub async fn map(mut v: Visit, Path((_, id)): Path<(String, String)>) -> Result<Answer, Failure> {
    let page = map_page(&mut v, number(&id)?).await?;
    v.show(page).await
}

async fn map_page(v: &mut Visit, id: ImportId) -> Result<Map, Failure> {
    let found = mapping::columns(&mut v.cx, id).await?;
    let (card, _) = card(v, id).await?;
    let frame = frame_of(v, "对应列", card.kind).await?;
    let sheet = card.kind.sheet();
    Ok(Map {
        frame,
        at: address(v, id, "map")?,
        base: v.base()?,
        import: card,
        template: found.import.template.clone(),
        asks: found.import.notes().asks,
        notes: found.import.notes().file,
        aside: found.import.notes().aside,
        columns: found.columns,
        missing: found.missing.iter().map(|c| c.label()).collect(),
        ours: mapping::ours(sheet).into_iter().map(|c| (c.key(), c.label())).collect(),
    })
}

/// `POST /o/{org}/imports/{id}/map`.
pub async fn settle(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
    Form(form): Form<MapForm>,
) -> Result<Answer, Failure> {
    let id = number(&id)?;
    match mapping::settle(&mut v.cx, id, &form.column).await {
        Ok(()) => {}
        Err(Error::Invalid(errors)) => {
            let mut page = map_page(&mut v, id).await?;
            for (column, key) in page.columns.iter_mut().zip(&form.column) {
                column.column.clone_from(key);
            }
            page.frame.errors = errors;
            return v.invalid(page).await;
        }
        Err(e) => return Err(e.into()),
    }
    if !form.hidden.is_empty() {
        fix::take_up(&mut v.cx, id).await?;
    }
    let to = address(&v, id, "review")?;
    v.done(to, "列已对应好，请核对每一行。").await
}

/// 结果 (step 4): how far it is, and what came of it.
#[derive(askama::Template, Serialize, JsonSchema)]
#[template(path = "imports/result.html")]
pub struct Outcome {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    at: String,
    #[serde(skip)]
    base: String,
    import: Card,
    notes: Notes,
    /// Rows done and all rows of the running commit.
    done: i64,
    total: i64,
    /// The job has given up; it can be started again.
    stuck: bool,
    /// The job waits for its turn: it has not begun, or was cut off and goes on by itself.
    queued: bool,
    /// Seconds until the page looks again.
    #[serde(skip)]
    wait: u32,
    #[serde(skip)]
    next_turn: u32,
    /// Of the four steps; 5 when all are done.
    #[serde(skip)]
    step: usize,
}
page!(Outcome);

/// How often the page has looked already.
#[derive(Deserialize, JsonSchema)]
pub struct Turn {
    #[serde(default)]
    turn: u32,
}

/// `GET /o/{org}/imports/{id}/result`.
pub async fn result(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
    Query(q): Query<Turn>,
) -> Result<Answer, Failure> {
    let mut page = outcome(&mut v, number(&id)?).await?;
    page.wait = [1, 2, 5].get(q.turn as usize).copied().unwrap_or(5);
    page.next_turn = q.turn.saturating_add(1).min(9);
    v.show(page).await
}

async fn result_page(mut v: Visit, id: ImportId) -> Result<Answer, Failure> {
    let page = outcome(&mut v, id).await?;
    v.show(page).await
}

async fn outcome(v: &mut Visit, id: ImportId) -> Result<Outcome, Failure> {
    let (card, import) = card(v, id).await?;
    let title = if card.is_orgs() { "创建结果" } else { "导入结果" };
    let frame = frame_of(v, title, card.kind).await?;
    let job = match import.job_id {
        Some(job) => jobs::state(&mut v.cx, jobs::JobId(job)).await.ok(),
        None => None,
    };
    let running = import.state == "running";
    Ok(Outcome {
        frame,
        at: format!("{}/imports/{id}", v.base()?),
        base: v.base()?,
        notes: import.notes(),
        done: job.as_ref().map_or(0, |j| j.done),
        total: job.as_ref().map_or(0, |j| j.total),
        queued: running && job.as_ref().is_some_and(|j| j.state == "waiting"),
        stuck: running && job.is_some_and(|j| j.is_over_undone()),
        import: card,
        wait: 1,
        next_turn: 1,
        step: if running { 4 } else { 5 },
    })
}

/// What is to be imported.
#[derive(Deserialize, JsonSchema)]
pub struct CommitForm {
    /// `good`: what can be imported now; `all`: only when nothing has to be put right.
    #[serde(default)]
    pub mode: Mode,
}

/// `POST /o/{org}/imports/{id}/commit`.
pub async fn commit(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
    Form(form): Form<CommitForm>,
) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let job = imports::commit(&mut v.cx, id, form.mode).await?;
    let (card, _) = card(&mut v, id).await?;
    let to = address(&v, id, "result")?;
    let said = format!("已开始{},可以关闭本页,完成后会有消息。", card.verb());
    let data = serde_json::json!({ "import": id.to_string(), "job": job.to_string() });
    v.done_with(to, said, data).await
}

/// `POST /o/{org}/imports/{id}/end`: throw a draft away, or leave the rest.
pub async fn end(mut v: Visit, Path((_, id)): Path<(String, String)>) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let (card, _) = card(&mut v, id).await?;
    imports::end(&mut v.cx, id).await?;
    let to = format!("{}/imports", v.base()?);
    let said = match card.kind {
        Kind::Members => "已结束这次导入,没有导入的行不再保留。",
        Kind::Orgs => "已结束这次批量创建,没有创建的行不再保留。",
    };
    v.done(to, said).await
}

/// 撤销本次导入.
#[derive(askama::Template, Serialize, JsonSchema)]
#[template(path = "imports/undo.html")]
pub struct Undo {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    at: String,
    import: Card,
    /// How many people are taken out.
    going: usize,
    names: Vec<String>,
    /// Who stays and why.
    staying: Vec<undoing::Stay>,
}
page!(Undo);

/// `GET /o/{org}/imports/{id}/undo`.
pub async fn undo_preview(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let plan = undoing::preview(&mut v.cx, id).await?;
    let (card, _) = card(&mut v, id).await?;
    let title = format!("撤销本次{}", card.verb());
    let frame = frame_of(&mut v, &title, card.kind).await?;
    let page = Undo {
        frame,
        at: format!("{}/imports/{id}", v.base()?),
        import: card,
        going: plan.going,
        names: plan.names,
        staying: plan.staying,
    };
    v.show(page).await
}

/// `POST /o/{org}/imports/{id}/undo`.
pub async fn undo(mut v: Visit, Path((_, id)): Path<(String, String)>) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let done = undoing::undo(&mut v.cx, id).await?;
    let to = address(&v, id, "result")?;
    let (verb, unit) = match done.import.kind() {
        Kind::Members => ("导入:移除", "人"),
        Kind::Orgs => ("创建:撤销", "个组织"),
    };
    let mut said = format!("已撤销本次{verb} {} {unit}", done.going);
    if !done.staying.is_empty() {
        said.push_str(&format!(",保留 {} {unit}", done.staying.len()));
    }
    said.push('。');
    let data = serde_json::json!({ "removed": done.going, "kept": done.staying });
    v.done_with(to, said, data).await
}

/// `GET /o/{org}/imports/{id}/problems.xlsx`.
pub async fn problems(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let (name, bytes) = imports::review::problem_rows(&mut v.cx, number(&id)?).await?;
    v.file(&name, app::files::XLSX, bytes).await
}

/// A column's key from a form.
fn column(key: &str) -> Result<Column, Failure> {
    Column::from_key(key)
        .ok_or_else(|| Error::field("column", "column_missing", "请选择要修改的列。").into())
}
