//! Step 1: from a file or pasted cells to staged, judged rows. Reading happens in a child process
//! before any transaction begins (decision 12); staging is one transaction.

use super::{
    Import, ImportId, Kind, Notes, children,
    judge::{self, Judgement},
    mapping, rows, sql, table,
    table::Table,
};
use crate::{
    Action, Cx, Error, House, OrgRef, Permit, Refusal, Result, Who,
    clock::{DAY, Millis},
    events::Event,
    keys::sha256,
    orgs::{self, OrgId},
    rules::{Rules, SheetKind},
};
use db::Rows;
use sheet::{Book, Found, Limits, ReadError};
use std::{collections::BTreeMap, path::PathBuf};

/// Under which name digests of files are keyed.
const DIGEST: &str = "import.file";
/// Rows written by one statement.
const PIECE: usize = 2_000;

/// Where the rows come from.
#[derive(Debug)]
pub enum Source {
    /// A file that was uploaded; its path carries the extension of its name.
    File { path: PathBuf, name: String },
    /// Cells pasted from a spreadsheet.
    Pasted(String),
}

/// A file that was read: the table found in it.
#[derive(Debug)]
pub struct Upload {
    name: String,
    table: Table,
    /// SHA-256 of the bytes, to be keyed before it is stored.
    digest: String,
    /// The draft beside which it is uploaded once more on purpose.
    beside: Option<ImportId>,
}
impl Upload {
    /// Uploaded once more on purpose, though that draft of the same file is open.
    pub fn beside(self, draft: ImportId) -> Self {
        Self { beside: Some(draft), ..self }
    }
}

/// The same file, uploaded before by somebody.
#[derive(Clone, Debug)]
pub struct Twin {
    pub id: ImportId,
    /// For which organisation.
    pub acting: OrgId,
    pub acting_name: String,
    /// Who; empty for the command line.
    pub by: String,
    pub state: String,
    pub begun_at: Millis,
    /// When something of it was imported last.
    pub ended_at: Option<Millis>,
    pub ready: i64,
    pub to_fix: i64,
    pub imported: i64,
}
impl From<sql::Twin> for Twin {
    fn from(t: sql::Twin) -> Self {
        Self {
            id: t.id,
            acting: t.acting_org,
            acting_name: t.acting_name,
            by: t.by_name.unwrap_or_default(),
            state: t.state,
            begun_at: t.created_at,
            ended_at: t.ended_at,
            ready: t.ready,
            to_fix: t.to_fix,
            imported: t.imported,
        }
    }
}

/// An open import of the same file into the same organisation, unless this upload is meant to be
/// another one beside it.
pub async fn open_twin(
    cx: &mut Cx,
    kind: Kind,
    org: &OrgRef,
    upload: &Upload,
) -> Result<Option<Twin>> {
    let digests = cx.house().keys().indexes(DIGEST, &upload.digest);
    let digests = digests.into_iter().map(|(digest, _)| vec![digest.into()]).collect();
    let found = sql::open_twin(cx, org.id, kind, digests).await?;
    Ok(found.filter(|twin| upload.beside != Some(twin.id)).map(Twin::from))
}

/// The same file as that of an import, of which something came in within the last day.
pub async fn done_twin(cx: &mut Cx, import: &Import) -> Result<Option<Twin>> {
    let since = cx.now() - DAY;
    Ok(sql::done_twin(cx, import.id, since).await?.map(Twin::from))
}

/// Whether members may be imported into this organisation by whoever acts (67): the branch's own
/// administrators, or those directly above it. Says what to do instead.
pub fn check_target(cx: &Cx, org: &OrgRef) -> Result<()> {
    if !cx.may(Action::SeeOrg, &org.path) {
        return Err(Error::NotFound);
    }
    if org.category == orgs::Category::Holding {
        return Err(orgs::made_by_the_system());
    }
    if !org.category.owns_members() {
        let message =
            format!("“{}”不是团支部,团员只能导入团支部。请选择一个直属的团支部。", org.short_name);
        return Err(Error::refused(Refusal::new("import_target", message)));
    }
    if !cx.may(Action::ImportMembers, &org.path) {
        let message = format!(
            "“{}”不是本组织的直属团支部,只能由该支部或它的直接上级导入。请把文件交给他们,或切换到那个组织再导入。",
            org.short_name
        );
        return Err(Error::refused(Refusal::new("import_target", message)));
    }
    Ok(())
}

/// Reads a file or pasted cells. Call it while no transaction is open. [`Error::Refused`] with the
/// code `E16` says why it can't be read and what to do.
pub async fn read(house: &House, source: Source) -> Result<Upload> {
    let policy = &Rules::builtin().policy.imports;
    let limits = Limits {
        rows: u32::try_from(policy.max_rows).unwrap_or(u32::MAX),
        file_bytes: policy.max_bytes,
        ..Limits::default()
    };
    let (name, digest, book) = match source {
        Source::Pasted(text) => {
            let digest = hex(&sha256(text.as_bytes()));
            ("粘贴的表格".to_owned(), digest, pasted(text, limits).await?)
        }
        Source::File { path, name } => {
            let digest = digest_of(path.clone()).await?;
            (name, digest, file(house, path, limits).await?)
        }
    };
    let book = book.map_err(|e| unreadable(&e))?;
    let table = table::find(&book).filter(|t| !t.rows.is_empty()).ok_or_else(no_rows)?;
    if table.rows.len() > policy.max_rows {
        return Err(too_many(table.rows.len(), policy.max_rows));
    }
    Ok(Upload { name: short(&name), table, digest, beside: None })
}

/// The file is no larger than the policy allows; whatever can't be read is told by the reader.
async fn digest_of(path: PathBuf) -> Result<String> {
    let bytes = tokio::task::spawn_blocking(move || std::fs::read(path).unwrap_or_default());
    let bytes = bytes.await.map_err(|e| Error::Broken(e.to_string()))?;
    Ok(hex(&sha256(&bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

async fn file(house: &House, path: PathBuf, limits: Limits) -> Result<Read> {
    let _place = house.sheet_places().acquire().await.map_err(|_| Error::Busy)?;
    let reader = house.settings().sheet_reader.clone();
    aside(move || match reader {
        Some(exe) => sheet::read_isolated(&exe, &path, &limits),
        // Only in tests, see `Settings::sheet_reader`.
        None => match std::fs::read(&path) {
            Ok(bytes) => sheet::read(&bytes, &path.to_string_lossy(), &limits),
            Err(e) => Err(ReadError::Broken(e.kind().to_string())),
        },
    })
    .await
}

async fn pasted(text: String, limits: Limits) -> Result<Read> {
    aside(move || sheet::read_pasted(&text, &limits)).await
}

type Read = std::result::Result<Book, ReadError>;

async fn aside(work: impl FnOnce() -> Read + Send + 'static) -> Result<Read> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Broken(e.to_string()))
}

/// Stages the rows of a file for an organisation and judges them, or leaves them for the mapping
/// page when the titles don't say enough. Ask [`open_twin`] before: [`Error::Retry`] while the same
/// file is an open draft.
pub async fn stage(cx: &mut Cx, org: &OrgRef, upload: &Upload) -> Result<Import> {
    check_target(cx, org)?;
    if upload.table.template == Some(SheetKind::Orgs) {
        return Err(refusal(
            "other_template",
            "这是『下级组织』的表格,不能用来导入团员。要创建下级组织,请到“管理下级组织 › 批量创建”上传;导入团员请下载团员模板。",
        ));
    }
    let permit = cx.permit(Action::ImportMembers, org)?;
    orgs::hold_living(cx, org).await?;
    let draft = Draft::of(cx, Kind::Members, org, upload).await?;
    let rows = if draft.clear {
        judge::fresh(cx, &permit, org, &draft.mapping, &upload.table.rows).await?
    } else {
        Vec::new()
    };
    let id = draft.insert(cx, &permit, org, upload, judge::tidied(&rows)).await?;
    store(cx, &permit, id, &upload.table, &rows).await?;
    sql::recount(cx, &permit, id).await?;
    let known = rows.iter().flat_map(|r| &r.judged.problems).filter(|p| p.code == "id_elsewhere");
    let detail = serde_json::json!({ "rows": upload.table.rows.len(), "elsewhere": known.count() });
    cx.record(permit, Event::new("import.uploaded", "import", id.0).detail(detail)).await?;
    sql::find(cx, id).await?.ok_or(Error::NotFound)
}

/// Stages a list of organisations to be made below `org` (row 37), as [`stage`] does with members.
pub async fn stage_orgs(cx: &mut Cx, org: &OrgRef, upload: &Upload) -> Result<Import> {
    let (table, most) = (&upload.table, Rules::builtin().policy.imports.max_orgs);
    if matches!(table.template, Some(SheetKind::Members | SheetKind::Cadres)) {
        return Err(refusal(
            "other_template",
            "这是人员名单,不能用来创建下级组织。要导入团员,请到“导入团员”上传;创建组织请下载下级组织模板。",
        ));
    }
    if table.rows.len() > most {
        return Err(too_many(table.rows.len(), most));
    }
    let permit = cx.permit(Action::CreateChild, org)?;
    if org.category.owns_members() {
        cx.return_unused(permit);
        let message = "团支部下面不能再设组织。";
        return Err(Error::refused(Refusal::new("org_nesting", message)));
    }
    orgs::hold_living(cx, org).await?;
    let draft = Draft::of(cx, Kind::Orgs, org, upload).await?;
    let (rows, tidied) = if draft.clear {
        children::fresh(cx, org, &draft.mapping, &table.rows).await?
    } else {
        (Vec::new(), Default::default())
    };
    let id = draft.insert(cx, &permit, org, upload, tidied).await?;
    children::store(cx, &permit, id, &table.rows, &rows).await?;
    sql::recount(cx, &permit, id).await?;
    let detail = serde_json::json!({ "rows": table.rows.len(), "kind": "orgs" });
    cx.record(permit, Event::new("import.uploaded", "import", id.0).detail(detail)).await?;
    sql::find(cx, id).await?.ok_or(Error::NotFound)
}

/// An import about to be staged: what its titles say.
struct Draft {
    kind: Kind,
    acting: OrgId,
    header: String,
    mapping: mapping::Mapping,
    /// The mapping page can be skipped.
    clear: bool,
    notes: Notes,
}

impl Draft {
    async fn of(cx: &mut Cx, kind: Kind, org: &OrgRef, upload: &Upload) -> Result<Self> {
        let (table, sheet) = (&upload.table, kind.sheet());
        let header = serde_json::to_string(&table.header).unwrap_or_default();
        let acting = match cx.who() {
            Who::Person(_) => cx.org()?.id,
            _ => org.id,
        };
        let guessed = mapping::guess(&table.header, sheet);
        let remembered: Option<mapping::Mapping> = sql::mapping_of(cx, acting, kind, &header)
            .await?
            .and_then(|text| serde_json::from_str(&text).ok());
        let cadres = table.template == Some(SheetKind::Cadres);
        let clear =
            !cadres && (remembered.is_some() || mapping::is_clear(&table.header, &guessed, sheet));
        let mapped = remembered.unwrap_or(guessed);
        let mut notes = Notes { file: table.notes.clone(), ..Notes::default() };
        let mapping = if clear {
            let whole = mapping::completed(mapped, table.header.len().max(1), sheet);
            notes.file.extend(mapping::remarks(&table.header, &whole, sheet));
            whole
        } else {
            mapped
        };
        Ok(Self { kind, acting, header, mapping, clear, notes })
    }

    async fn insert(
        mut self,
        cx: &mut Cx,
        permit: &Permit,
        org: &OrgRef,
        upload: &Upload,
        tidied: BTreeMap<String, i64>,
    ) -> Result<ImportId> {
        let id = ImportId(cx.new_id());
        self.notes.tidied = tidied;
        let new = sql::NewImport {
            id,
            org,
            acting: self.acting,
            person: cx.visitor().map_or(0, |v| v.person.0),
            kind: self.kind,
            file_name: &upload.name,
            digest: cx.house().keys().index(DIGEST, &upload.digest).0,
            // The command line is asked nothing; it may do what it likes.
            beside: match cx.who() {
                Who::Person(_) => upload.beside.map_or(0, |draft| draft.0),
                _ => id.0,
            },
            template: template_word(upload.table.template),
            state: if self.clear { "review" } else { "mapping" },
            header: &self.header,
            mapping: &mapping::text_of(&self.mapping),
            notes: &serde_json::to_string(&self.notes).unwrap_or_default(),
            rows: i64::try_from(upload.table.rows.len()).unwrap_or(i64::MAX),
        };
        if !sql::insert(cx, permit, new).await? {
            // The same file came twice at once: run again and find the other draft.
            return Err(Error::Retry);
        }
        Ok(id)
    }
}

async fn store(
    cx: &mut Cx,
    permit: &Permit,
    id: ImportId,
    table: &Table,
    judged: &[Judgement],
) -> Result<()> {
    let house = cx.house().clone();
    let mut piece: Rows = Vec::with_capacity(PIECE.min(table.rows.len()));
    for (at, (no, cells)) in table.rows.iter().enumerate() {
        let verdict = judged.get(at);
        let state = verdict.map_or("to_fix", |j| j.state().code());
        let problems = verdict.map_or_else(|| "[]".into(), |j| judge::findings_text(&j.findings()));
        let index = verdict.and_then(|j| j.id_bi.clone());
        let seat = verdict.and_then(|j| j.seat.clone());
        let sealed = rows::seal(&house, id, *no, cells)?;
        let (no, state, problems) = ((*no).into(), state.into(), problems.into());
        piece.push(vec![no, state, sealed.into(), problems, index.into(), seat.into()]);
        if piece.len() == PIECE {
            sql::insert_rows(cx, permit, id, std::mem::take(&mut piece)).await?;
        }
    }
    if !piece.is_empty() {
        sql::insert_rows(cx, permit, id, piece).await?;
    }
    Ok(())
}

fn template_word(template: Option<SheetKind>) -> &'static str {
    match template {
        Some(SheetKind::Members) => "members",
        Some(SheetKind::Cadres) => "cadres",
        Some(SheetKind::Orgs) => "orgs",
        None => "other",
    }
}

/// A file's name, as long as pages can show it.
fn short(name: &str) -> String {
    let bare = name.rsplit(['/', '\\']).next().unwrap_or(name);
    bare.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// E16: why a file can't be read and what to do.
fn unreadable(error: &ReadError) -> Error {
    let message = match error {
        ReadError::Broken(text) => return Error::Unread(text.clone()),
        ReadError::NeedsChild => return Error::Broken("a workbook needs its reader".into()),
        ReadError::Encrypted => {
            "打不开这个文件:它设了打开密码。请在 Excel 或 WPS 里打开,到“文件 › 信息 › 保护工作簿 › 用密码进行加密”把密码清空后保存,再上传;或直接复制表格粘贴。".into()
        }
        ReadError::Damaged => {
            "打不开这个文件:内容不完整或已损坏(可能没有传完)。请在 Excel 或 WPS 里重新另存为 .xlsx 后再上传,或直接复制表格粘贴。".into()
        }
        ReadError::NotAWorkbook { found } => not_a_workbook(*found),
        ReadError::TooManyRows { limit, row, .. } => format!(
            "表格太长:第 {row} 行还有内容,一次最多导入 {limit} 行。请分成几个文件;如果下面是误填的空行,请删掉它们再上传。"
        ),
        ReadError::TooManyColumns { limit, row, column, .. } => format!(
            "表格太宽:{} 单元格还有内容,最多 {limit} 列。请删掉右边多余的内容再上传。",
            sheet::address(*row, *column)
        ),
        ReadError::CellTooLong { row, column, limit, .. } => format!(
            "{} 单元格里的文字超过 {limit} 个字,不像名单里的内容。请改短后再上传。",
            sheet::address(*row, *column)
        ),
        ReadError::TooBig => {
            "文件太大:最多 20 MB,展开后的内容也有限度。请删掉图片和多余的工作表,只留名单,另存为 .xlsx 再上传;或直接复制表格粘贴。".into()
        }
        ReadError::TooSlow => {
            "这个文件读了太久还没有读完,已停止。请只留名单,另存为新的 .xlsx 再上传,或直接复制表格粘贴。".into()
        }
        ReadError::Empty => return no_rows(),
    };
    refusal(error.code(), &message)
}

fn not_a_workbook(found: Found) -> String {
    let what = match found {
        Found::Document => "这是文字文档(Word)",
        Found::Pdf => "这是 PDF",
        Found::Picture => "这是图片",
        Found::Archive => "这是压缩包,请先解压",
        Found::WebPage => "这是网页文件(有些系统导出的 .xls 其实是网页)",
        Found::OtherWorkbook => "这种表格格式读不了",
        Found::Unknown => "这不是 Excel 或 CSV 文件",
    };
    format!(
        "打不开这个文件:{what}。请用 Excel 或 WPS 打开名单,另存为 .xlsx 后再上传,或直接复制表格粘贴。"
    )
}

fn no_rows() -> Error {
    refusal("empty", "没有找到名单:表头下面没有任何一行内容。请填写后再上传,或直接复制表格粘贴。")
}

fn too_many(rows: usize, most: usize) -> Error {
    let message = format!("名单有 {rows} 行,一次最多导入 {most} 行。请分成几个文件,分几次导入。");
    refusal("too_many_rows", &message)
}

/// A field error at the file, with its own code (E16).
fn refusal(code: &str, message: &str) -> Error {
    Error::field("file", code, message)
}
