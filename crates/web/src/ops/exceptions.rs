//! 特殊情况录入 (row 133, O11): put in with the statement by one operator, agreed to by another one.

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Form, Query},
    frame::Frame,
    imports::upload,
    page,
    site::Site,
    visit::Visit,
};
use app::{
    Error, FieldError,
    clock::{say_day, show_time},
    exceptions::{self, Exception, ExceptionId},
    orgs,
    proposals::{self, Act},
    rules::Rules,
};
use askama::Template;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const SIZE: i64 = 30;

/// One of them.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    id: String,
    /// Number of the proposal.
    no: String,
    name: String,
    kind: &'static str,
    org: String,
    asked: String,
    /// Until when the person may be entered.
    until: String,
    state: &'static str,
    #[serde(skip)]
    look: &'static str,
    /// It is in force, or was used: it can be taken back.
    can_end: bool,
}

async fn row(v: &mut Visit, e: Exception) -> Result<Row, Failure> {
    let (look, state) = e.state(v.cx.now());
    Ok(Row {
        id: e.id.to_string(),
        kind: e.kind_name(),
        org: orgs::by_id(&mut v.cx, e.org).await?.short_name,
        asked: show_time(e.asked_at),
        until: e.expires_at.map(say_day).unwrap_or_default(),
        state,
        look,
        can_end: e.granted_at.is_some() && e.ended_at.is_none(),
        no: e.no,
        name: e.name,
    })
}

/// 特殊情况录入: all of them.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "ops/exceptions.html")]
pub struct List {
    #[serde(skip)]
    frame: Frame,
    rows: Vec<Row>,
    /// Address of the next page.
    next: Option<String>,
    #[serde(skip)]
    base: String,
}
page!(List);

/// `GET /o/{org}/ops/exceptions`.
pub async fn list(mut v: Visit, Query(q): Query<super::Choice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let (found, next) = exceptions::page(&mut v.cx, q.from.as_deref(), SIZE).await?;
    let mut rows = Vec::with_capacity(found.len());
    for e in found {
        rows.push(row(&mut v, e).await?);
    }
    let next = next.map(|mark| format!("{base}/ops/exceptions?from={mark}"));
    let frame = v.frame("特殊情况录入", "/ops").await?;
    v.show(List { frame, rows, next, base }).await
}

/// What an operator typed. The statement goes beside it as `multipart/form-data`, field `file`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AskForm {
    /// Key of the kind.
    kind: String,
    /// 组织码 of the organisation into which the person is to be entered.
    org: String,
    /// The same, as the picker brings it back.
    to: String,
    name: String,
    id_number: String,
    /// 4 to 200 characters: number of the province's letter.
    reason: String,
}

/// 提出特殊情况录入.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "ops/exception_new.html")]
pub struct New {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    f: AskForm,
    /// The organisation and those above it.
    way: Vec<String>,
    #[serde(skip)]
    kinds: Vec<(String, String)>,
    max_megabytes: u64,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    picker: String,
}
page!(New);

async fn new_page(v: &mut Visit, mut f: AskForm) -> Result<New, Failure> {
    let base = v.base()?;
    let way = match f.org.trim() {
        "" => Vec::new(),
        code => match orgs::by_code(&mut v.cx, code).await {
            Ok(org) => {
                let names = orgs::names_to(&mut v.cx, &org.path).await?;
                names.into_iter().map(|o| o.short_name).collect()
            }
            Err(Error::NotFound) => {
                f.org.clear();
                Vec::new()
            }
            Err(e) => return Err(e.into()),
        },
    };
    let back = format!("{base}/ops/exceptions/new");
    let query = [("for", "ops-exception"), ("back", back.as_str())];
    let query = serde_html_form::to_string(query).unwrap_or_default();
    let kinds: Vec<(String, String)> =
        exceptions::kinds().iter().map(|k| (k.kind.clone(), k.name.clone())).collect();
    if let ([(only, _)], true) = (kinds.as_slice(), f.kind.is_empty()) {
        f.kind.clone_from(only);
    }
    Ok(New {
        frame: v.frame("提出特殊情况录入", "/ops").await?,
        f,
        way,
        kinds,
        max_megabytes: Rules::builtin().policy.operations.statement_bytes >> 20,
        picker: format!("{base}/picker?{query}"),
        base,
    })
}

/// `GET /o/{org}/ops/exceptions/new`.
pub async fn new(mut v: Visit, Query(mut q): Query<AskForm>) -> Result<Answer, Failure> {
    if q.org.is_empty() {
        q.org = std::mem::take(&mut q.to);
    }
    // Of an address only the organisation is taken: people do not stand in addresses.
    let f = AskForm { org: q.org, ..AskForm::default() };
    let page = new_page(&mut v, f).await?;
    v.show(page).await
}

/// `POST /o/{org}/ops/exceptions/new`: everything and the statement at once.
pub async fn ask(State(site): State<Site>, v: Visit, request: Request) -> Result<Answer, Failure> {
    // The body is read while no transaction is open.
    let paused = v.pause().await?;
    let mut f = AskForm::default();
    let arrived = arrive(request, &mut f).await;
    let mut v = paused.resume().await?;
    let file = match arrived {
        Ok(file) => file,
        Err(Error::Invalid(errors)) => return again(v, f, errors).await,
        Err(e) => return Err(e.into()),
    };
    let mut turn = 0;
    loop {
        let asked = exceptions::Asked {
            kind: f.kind.trim(),
            org: &f.org,
            name: &f.name,
            id_number: &f.id_number,
            reason: &f.reason,
            statement: file.as_ref().map(tempfile::NamedTempFile::path),
        };
        match proposals::propose_exception(&mut v.cx, &asked).await {
            Ok(no) => {
                let to = format!("{}/ops/p/{no}", v.base()?);
                let data = serde_json::json!({ "no": no });
                let said = "已提出，等另一位运营人员核对情况说明后办理。";
                return v.done_with(to, said, data).await;
            }
            // A file's stream can't be sent again, so the turn is taken here.
            Err(ref e) if e.is_worth_another_turn(turn) && turn < 5 => {
                turn += 1;
                site.house().pause(turn).await;
                v = v.pause().await?.resume().await?;
            }
            Err(Error::Invalid(errors)) => return again(v, f, errors).await,
            Err(e) => return Err(e.into()),
        }
    }
}

async fn again(v: Visit, f: AskForm, mut errors: Vec<FieldError>) -> Result<Answer, Failure> {
    // What was begun is not kept: a new transaction shows the form.
    let mut v = v.pause().await?.resume().await?;
    if !errors.iter().any(|e| e.field == "file") && v.face() != Face::Json {
        let says = "改好其他内容后，请重新选择情况说明：浏览器不会保留已选的文件。";
        errors.push(FieldError::new("file", "again", says));
    }
    let mut page = new_page(&mut v, f).await?;
    page.frame.errors = errors;
    v.invalid(page).await
}

async fn arrive(
    request: Request,
    f: &mut AskForm,
) -> Result<Option<tempfile::NamedTempFile>, Error> {
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| Error::field("file", "form", "没有收到情况说明，请选择文件后再提交。"))?;
    let most = Rules::builtin().policy.operations.statement_bytes;
    let too_large = || Error::field("file", "too_large", exceptions::too_large());
    let mut kept = None;
    while let Some(field) = parts.next_field().await.map_err(|_| upload::cut_off())? {
        match field.name().unwrap_or_default() {
            "kind" => f.kind = upload::text(field).await?,
            "org" => f.org = upload::text(field).await?,
            "name" => f.name = upload::text(field).await?,
            "id_number" => f.id_number = upload::text(field).await?,
            "reason" => f.reason = upload::text(field).await?,
            "file" if !field.file_name().unwrap_or_default().is_empty() => {
                kept = Some(upload::keep(field, "", most, too_large).await?);
            }
            _ => {}
        }
    }
    Ok(kept)
}

/// One of them, to take it back.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "ops/exception.html")]
pub struct Show {
    #[serde(skip)]
    frame: Frame,
    row: Row,
    /// The grounds for taking it back, as typed.
    #[serde(skip)]
    reason: String,
    #[serde(skip)]
    base: String,
}
page!(Show);

async fn show_page(v: &mut Visit, id: &str, reason: String) -> Result<Show, Failure> {
    let found = exceptions::by_id(&mut v.cx, read(id)?).await?;
    let row = row(v, found).await?;
    let base = v.base()?;
    Ok(Show { frame: v.frame("特殊情况录入", "/ops").await?, row, reason, base })
}

fn read(id: &str) -> Result<ExceptionId, Error> {
    id.parse().map_err(|_| Error::NotFound)
}

/// `GET /o/{org}/ops/exceptions/{id}`.
pub async fn show(mut v: Visit, Path((_, id)): Path<(String, String)>) -> Result<Answer, Failure> {
    let page = show_page(&mut v, &id, String::new()).await?;
    v.show(page).await
}

/// `GET /o/{org}/ops/exceptions/{id}/statement`.
pub async fn statement(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    let (name, mime, bytes) = exceptions::statement(&mut v.cx, read(&id)?).await?;
    v.file(&name, &mime, bytes).await
}

/// On which grounds it is taken back.
#[derive(Deserialize, JsonSchema)]
#[serde(default)]
#[derive(Default)]
pub struct EndForm {
    reason: String,
}

/// `POST /o/{org}/ops/exceptions/{id}/end`: proposes to take it back.
pub async fn end(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
    Form(f): Form<EndForm>,
) -> Result<Answer, Failure> {
    let act = Act::EndException { exception: read(&id)?.0 };
    match proposals::propose(&mut v.cx, &act, &f.reason).await {
        Ok(no) => {
            let to = format!("{}/ops/p/{no}", v.base()?);
            let data = serde_json::json!({ "no": no });
            v.done_with(to, "已提出收回，等另一位运营人员办理。", data).await
        }
        Err(Error::Invalid(errors)) if v.face() != Face::Json => {
            let mut page = show_page(&mut v, &id, f.reason).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}
