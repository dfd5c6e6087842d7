//! Step 1: a file or pasted cells. The file is read from the network into a temporary file while no
//! transaction is open, up to the policy's size.

use super::{Card, frame_of};
use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Posted, Query, unfit},
    frame::Frame,
    page,
    site::Site,
    visit::Visit,
};
use app::{
    Error, OrgRef,
    imports::{self, Import, ImportId, Kind, Source, Twin},
    orgs,
    rules::Rules,
};
use axum::extract::{FromRequest, Multipart, Request, State, multipart::Field};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// 上传 (step 1).
#[derive(askama::Template, Serialize, JsonSchema)]
#[template(path = "imports/new.html")]
pub struct New {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    /// `members` or `orgs`.
    kind: Kind,
    /// Where members may be imported: 组织码 and name.
    targets: Vec<(String, String)>,
    /// 组织码 of the chosen branch.
    to: String,
    /// The organisation acted for.
    #[serde(skip)]
    own: String,
    #[serde(skip)]
    paste: String,
    /// The open draft of the same file beside which another one is meant.
    anew: String,
    /// The same file is somebody's open draft: to be ticked, or left.
    #[serde(skip)]
    ask_anew: bool,
    max_rows: usize,
    max_megabytes: u64,
}
page!(New);

/// What the address chooses.
#[derive(Deserialize, JsonSchema)]
pub struct Choice {
    /// 组织码 of the branch.
    #[serde(default)]
    to: String,
    /// `members` or `orgs`.
    #[serde(default)]
    kind: String,
    /// The draft that stays beside the new one.
    #[serde(default)]
    anew: String,
}

/// Cells pasted from a spreadsheet, instead of a file.
#[derive(Deserialize, JsonSchema, Default)]
pub struct UploadForm {
    /// 组织码 of the branch; the own one when empty.
    #[serde(default)]
    to: String,
    /// Tab-separated cells with a line of titles. A file goes as `multipart/form-data`, field `file`.
    #[serde(default)]
    paste: String,
    /// `members` (as is understood without it), or `orgs` to create organisations below the own one.
    #[serde(default)]
    kind: String,
    /// The number of the open draft of the same file, to upload it once more on purpose; without it
    /// the same file leads to that draft.
    #[serde(default)]
    anew: String,
}

/// `GET /o/{org}/imports/new`.
pub async fn start(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let form = UploadForm { to: q.to, kind: q.kind, anew: q.anew, paste: String::new() };
    let page = new_page(&mut v, form).await?;
    v.show(page).await
}

async fn new_page(v: &mut Visit, form: UploadForm) -> Result<New, Failure> {
    let kind = Kind::from_code(&form.kind);
    let own = v.cx.org()?.clone();
    may(v, kind, &own)?;
    let title = if kind == Kind::Orgs { "批量创建下级组织" } else { "上传名单" };
    let frame = frame_of(v, title, kind).await?;
    let policy = &Rules::builtin().policy.imports;
    let UploadForm { to, paste, anew, .. } = form;
    Ok(New {
        frame,
        base: v.base()?,
        kind,
        targets: match kind {
            Kind::Members => imports::targets(&mut v.cx).await?,
            Kind::Orgs => vec![(own.code, own.short_name.clone())],
        },
        own: own.short_name,
        to,
        paste,
        anew: anew.parse::<ImportId>().map(|id| id.to_string()).unwrap_or_default(),
        ask_anew: false,
        max_rows: match kind {
            Kind::Members => policy.max_rows,
            Kind::Orgs => policy.max_orgs,
        },
        max_megabytes: policy.max_bytes >> 20,
    })
}

/// Organisations are made by whoever may make them one by one.
fn may(v: &Visit, kind: Kind, own: &OrgRef) -> Result<(), Failure> {
    if kind == Kind::Orgs && !v.cx.may(kind.action(), &own.path) {
        return Err(v.cx.forbidden(kind.action(), own).into());
    }
    Ok(())
}

/// What arrived.
#[derive(Default)]
struct Arrived {
    form: UploadForm,
    file: Option<(tempfile::NamedTempFile, String)>,
}

/// `POST /o/{org}/imports`: a file as `multipart/form-data`, or pasted cells as a form or JSON.
pub async fn upload(
    State(site): State<Site>,
    v: Visit,
    request: Request,
) -> Result<Answer, Failure> {
    let paused = v.pause().await?;
    let arrived = arrive(request).await;
    let mut v = paused.resume().await?;
    let (arrived, errors) = match arrived {
        Ok(arrived) => (arrived, Vec::new()),
        Err(Error::Invalid(errors)) => (Arrived::default(), errors),
        Err(e) => return Err(e.into()),
    };
    let Arrived { form, file } = arrived;
    if !errors.is_empty() {
        return again(v, form, errors).await;
    }
    let kind = Kind::from_code(&form.kind);
    let org = match kind {
        Kind::Members => target(&mut v, &form.to).await?,
        Kind::Orgs => v.cx.org()?.clone(),
    };
    match kind {
        Kind::Members => imports::check_target(&v.cx, &org)?,
        Kind::Orgs => may(&v, kind, &org)?,
    }
    let paused = v.pause().await?;
    // Held until the file has been read: dropping it takes it away.
    let (_held, source) = match file {
        Some((held, name)) => {
            let path = held.path().to_owned();
            (Some(held), Source::File { path, name })
        }
        None => (None, Source::Pasted(form.paste.clone())),
    };
    let read = imports::read(site.house(), source).await;
    let mut v = paused.resume().await?;
    let read = match read {
        Ok(read) => read,
        Err(Error::Invalid(errors)) => return again(v, form, errors).await,
        Err(e) => return Err(e.into()),
    };
    let read = match form.anew.parse() {
        Ok(draft) => read.beside(draft),
        Err(_) => read,
    };
    let mut turn = 0;
    let import = loop {
        if let Some(twin) = imports::open_twin(&mut v.cx, kind, &org, &read).await? {
            return to_twin(v, twin, form, &org).await;
        }
        let staged = match kind {
            Kind::Members => imports::stage(&mut v.cx, &org, &read).await,
            Kind::Orgs => imports::stage_orgs(&mut v.cx, &org, &read).await,
        };
        match staged {
            // A file's stream can't be sent again, so the turn is taken here.
            Err(ref e) if e.is_worth_another_turn(turn) && turn < 5 => {
                turn += 1;
                site.house().pause(turn).await;
                v = v.pause().await?.resume().await?;
            }
            Err(Error::Invalid(errors)) => return again(v, form, errors).await,
            other => break other?,
        }
    };
    lead_on(v, &import, &org).await
}

async fn lead_on(v: Visit, import: &Import, org: &OrgRef) -> Result<Answer, Failure> {
    let card = Card::of(&v.base()?, import, org, v.cx.now());
    let to = card.href.clone();
    let said = if import.state == "mapping" {
        "文件已读取，请先对应各列。".to_owned()
    } else {
        let (rows, ready, bad, verb) = (import.rows, import.ready, import.to_fix, card.verb());
        let aside = match import.skipped {
            0 => String::new(),
            n => format!("，{n} 行在表格里是隐藏的或画了删除线，已跳过"),
        };
        let nobody = match import.notes().left_out {
            0 => String::new(),
            n => format!("另有 {n} 行不是名单（小计、落款、空行等），没有读取。"),
        };
        format!("已读取 {rows} 行：{ready} 行可{verb}，{bad} 行需修改{aside}。{nobody}")
    };
    let data = serde_json::to_value(card).map_err(|e| Error::Broken(e.to_string()))?;
    v.done_with(to, said, data).await
}

/// The same file is an open draft: there, with a word; or, where it was begun for another
/// organisation and can't be opened from here, back to the form with the question.
async fn to_twin(
    mut v: Visit,
    twin: Twin,
    form: UploadForm,
    org: &OrgRef,
) -> Result<Answer, Failure> {
    let said = told(&v, &twin, org)?;
    if twin.acting == v.cx.org()?.id {
        let (import, _) = imports::find(&mut v.cx, twin.id).await?;
        let card = Card::of(&v.base()?, &import, org, v.cx.now());
        let to = card.href.clone();
        let mut data = serde_json::to_value(card).map_err(|e| Error::Broken(e.to_string()))?;
        data["same_file"] = true.into();
        let said = format!("{said}已打开那份草稿,没有另建。要另外再传一份,请按“重新上传”。");
        return v.done_with(to, said, data).await;
    }
    let form = UploadForm { anew: twin.id.to_string(), ..form };
    let says = format!(
        "{said}请先和对方说一下,免得两边各导一遍;仍要自己导入的,请勾选“还是要重新上传一份”后再提交。"
    );
    let mut page = new_page(&mut v, form).await?;
    page.frame.errors = vec![app::FieldError::new("file", "same_file", says)];
    page.ask_anew = true;
    v.invalid(page).await
}

/// Whose draft of the same file it is, when it was begun, how far it is.
fn told(v: &Visit, twin: &Twin, org: &OrgRef) -> Result<String, Failure> {
    let me = v.cx.visitor().map(|visitor| visitor.name.clone()).unwrap_or_default();
    let who = match (twin.acting == v.cx.org()?.id, twin.by.as_str()) {
        (true, by) if by == me => "你".to_owned(),
        (true, "") => "本组织".to_owned(),
        (true, by) => by.to_owned(),
        (false, by) => format!("{} {by}", twin.acting_name),
    };
    let far = match (twin.state.as_str(), twin.imported) {
        ("mapping", _) => "还没有对应好各列".to_owned(),
        ("running", _) => "正在导入".to_owned(),
        (_, 0) => {
            format!("还没有提交:{} 行可导入,{} 行需修改", twin.ready, twin.to_fix)
        }
        (_, done) => format!("已导入 {done} 行,还有 {} 行需修改", twin.to_fix),
    };
    let when = app::clock::show_time(twin.begun_at);
    Ok(format!("这份文件{who}已于 {when} 上传到 {},{far}。", org.short_name))
}

async fn again(
    mut v: Visit,
    form: UploadForm,
    errors: Vec<app::FieldError>,
) -> Result<Answer, Failure> {
    let mut page = new_page(&mut v, form).await?;
    page.frame.errors = errors;
    v.invalid(page).await
}

/// The branch asked for; the own organisation when none is named.
async fn target(v: &mut Visit, code: &str) -> Result<OrgRef, Failure> {
    let own = v.cx.org()?.clone();
    if code.is_empty() || code == own.code {
        return Ok(own);
    }
    Ok(orgs::by_code(&mut v.cx, code.trim()).await?)
}

async fn arrive(request: Request) -> Result<Arrived, Error> {
    let is_form = request.extensions().get::<Posted>().is_some();
    if is_form {
        return match Form::<UploadForm>::from_request(request, &()).await {
            Ok(Form(form)) if form.paste.trim().is_empty() => Err(nothing(form)),
            Ok(Form(form)) => Ok(Arrived { form, file: None }),
            Err(failure) if failure.fields().iter().any(|f| f.code == "text_invisible") => {
                Err(Error::Invalid(failure.fields().to_vec()))
            }
            Err(_) => Err(Error::field("paste", "form", "提交的内容读不懂，请重新填写。")),
        };
    }
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| Error::field("file", "form", "没有收到文件,请重新选择后上传。"))?;
    let mut arrived = Arrived::default();
    while let Some(field) = parts.next_field().await.map_err(|_| cut_off())? {
        match field.name().unwrap_or_default() {
            "to" => arrived.form.to = text(field).await?,
            "anew" => arrived.form.anew = text(field).await?,
            "kind" => arrived.form.kind = text(field).await?,
            "paste" => arrived.form.paste = paste(field).await?,
            "file" if !field.file_name().unwrap_or_default().is_empty() => {
                arrived.file = Some(file(field).await?);
            }
            _ => {}
        }
    }
    if arrived.file.is_none() && arrived.form.paste.trim().is_empty() {
        return Err(nothing(arrived.form));
    }
    Ok(arrived)
}

/// The list's file.
async fn file(field: Field<'_>) -> Result<(tempfile::NamedTempFile, String), Error> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let most = Rules::builtin().policy.imports.max_bytes;
    Ok((keep(field, &suffix(&name), most, || too_big(most)).await?, name))
}

/// Reads a file piece by piece; nothing larger than `most` is ever kept.
pub(crate) async fn keep(
    mut field: Field<'_>,
    suffix: &str,
    most: u64,
    too_big: impl Fn() -> Error + Send,
) -> Result<tempfile::NamedTempFile, Error> {
    let broken = |e: std::io::Error| {
        if e.kind() == std::io::ErrorKind::StorageFull {
            Error::Storage("full")
        } else {
            Error::Broken(format!("keeping an upload: {}", e.kind()))
        }
    };
    let mut kept = tempfile::Builder::new()
        .prefix("tuanjian-import-")
        .suffix(suffix)
        .tempfile()
        .map_err(broken)?;
    let mut size = 0_u64;
    while let Some(piece) = field.chunk().await.map_err(|_| cut_off())? {
        size += piece.len() as u64;
        if size > most {
            return Err(too_big());
        }
        kept.write_all(&piece).map_err(broken)?;
    }
    kept.flush().map_err(broken)?;
    Ok(kept)
}

async fn paste(mut field: Field<'_>) -> Result<String, Error> {
    let most = Rules::builtin().policy.imports.max_bytes;
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| cut_off())? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > most {
            return Err(too_big(most));
        }
    }
    String::from_utf8(bytes).map_err(|_| no_text("paste"))
}

/// A field that names something.
pub(crate) async fn text(field: Field<'_>) -> Result<String, Error> {
    let name = field.name().unwrap_or_default().to_owned();
    let bytes = field.bytes().await.map_err(|_| cut_off())?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| no_text(&name))?;
    unfit(&name, &text).map_or(Ok(text), |wrong| Err(Error::Invalid(vec![wrong])))
}

fn no_text(field: &str) -> Error {
    let message = "内容在传送中损坏了（不是UTF-8文字），没有保存。请重新粘贴后再提交。";
    Error::field(field, "text_broken", message)
}

/// The extension of the name, which tells the reader what to expect.
fn suffix(name: &str) -> String {
    let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
    let plain: String = extension.chars().filter(char::is_ascii_alphanumeric).take(5).collect();
    if plain.is_empty() { String::new() } else { format!(".{}", plain.to_ascii_lowercase()) }
}

fn too_big(most: u64) -> Error {
    let message = format!(
        "文件超过 {} MB,没有读取。请删掉图片和多余的工作表,只留名单;名单很长的,请分成几个文件。",
        most >> 20
    );
    Error::field("file", "too_large", message)
}

pub(crate) fn cut_off() -> Error {
    Error::field("file", "cut_off", "文件没有传完(网络中断),没有读取。请重新选择文件再上传一次。")
}

fn nothing(_: UploadForm) -> Error {
    Error::field("file", "required", "请选择一个文件,或把表格粘贴到下面的框里。")
}
