//! Exceptions (row 133, decision 31): people for whom a rule of age does not count. One operator of the
//! centre puts one in with the statement attached, a second one agrees (see [`crate::proposals`]); then
//! exactly this person may be entered into exactly this organisation, until a date. Whoever has come in
//! under one keeps it when her data are edited.

mod sql;

use crate::{
    Action, Cx, Error, OrgRef, Permit, Result,
    clock::{Millis, day, end_of_day_after},
    events::Event,
    files::{self, About, FileId},
    keys::Place,
    messages::{self, Message, To},
    orgs::{self, OrgId},
    people::PersonId,
    pii::IdNumber,
    proposals::Judged,
    rekey,
    rules::{
        Problem, Rules,
        age::{self, Excepted, ExceptionKind},
        fields, id_number,
        person::NewPerson,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use std::io::{Read, Seek};

db::id!(
    /// An exception.
    ExceptionId
);

const ID_COLUMN: &str = "exception.id_ct";
const STATEMENT: &str = "exception.statement";
/// Bytes of a statement that are sealed at a time.
const PIECE: usize = 512 << 10;
/// Exceptions whose numbers and statements are sealed anew in one transaction.
const RESEALED: i64 = 4;

/// What a statement may be: how the file begins, its type, the ending of its name.
const MIMES: &[(&[u8], &str, &str)] = &[
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
];

/// One exception.
#[derive(Debug)]
pub struct Exception {
    pub id: ExceptionId,
    /// Number of the proposal by which it was asked for.
    pub no: String,
    /// As stored.
    pub kind: String,
    pub org: OrgId,
    pub name: String,
    pub id_number: IdNumber,
    pub mime: String,
    pub asked_at: Millis,
    pub granted_at: Option<Millis>,
    pub expires_at: Option<Millis>,
    pub ended_at: Option<Millis>,
    /// Who came in under it.
    pub person: Option<PersonId>,
    pub used_at: Option<Millis>,
    file: i64,
}

impl Exception {
    /// The kind, on pages.
    pub fn kind_name(&self) -> &'static str {
        kind_of(&self.kind).map_or("特殊情况", |kind| kind.name.as_str())
    }
    /// Where it stands, with the look of the page's chip.
    pub fn state(&self, now: Millis) -> (&'static str, &'static str) {
        match (self.granted_at, self.ended_at, self.used_at) {
            (None, None, _) => ("now", "待第二人办理"),
            (None, Some(_), _) => ("off", "没有获准"),
            (Some(_), Some(_), _) => ("off", "已收回"),
            (Some(_), None, Some(_)) => ("ok", "已录入"),
            (Some(_), None, None) if self.has_run_out(now) => ("err", "已过期"),
            (Some(_), None, None) => ("ok", "可以录入"),
        }
    }
    fn has_run_out(&self, now: Millis) -> bool {
        self.used_at.is_none() && self.expires_at.is_some_and(|until| until < now)
    }
    fn is_in_force(&self, now: Millis) -> bool {
        self.granted_at.is_some() && self.ended_at.is_none() && !self.has_run_out(now)
    }
    fn excepted(self) -> Excepted {
        Excepted { id: self.id.0, kind: self.kind, id_number: self.id_number, name: self.name }
    }
}

/// The kinds that may be granted.
pub fn kinds() -> &'static [ExceptionKind] {
    &Rules::builtin().age.exception
}

fn kind_of(code: &str) -> Option<&'static ExceptionKind> {
    kinds().iter().find(|kind| kind.kind == code)
}

/// What an operator typed, and the statement in a temporary file.
#[derive(Debug)]
pub struct Asked<'a> {
    pub kind: &'a str,
    /// 组织码.
    pub org: &'a str,
    pub name: &'a str,
    pub id_number: &'a str,
    pub reason: &'a str,
    pub statement: Option<&'a std::path::Path>,
}

/// An exception that is put in.
pub(crate) struct New<'a> {
    kind: &'a str,
    name: &'a str,
    mime: &'static str,
}

/// Puts in what is asked for, with its statement; [`proposals`](crate::proposals) proposes it. Errors:
/// `Invalid` by field, all at once.
pub(crate) async fn put(
    cx: &mut Cx,
    permit: &Permit,
    asked: &Asked<'_>,
) -> Result<(ExceptionId, Event)> {
    let acting = cx.org()?.clone();
    let (mut wrong, rules) = (Vec::new(), Rules::builtin());
    let mut bad = |field: &str, code: &str, says: &str| {
        wrong.push(crate::FieldError::new(field, code, says.to_owned()));
    };
    if kind_of(asked.kind).is_none() {
        bad("kind", "required", "请选择是哪一种特殊情况。");
    }
    let org = match orgs::by_code(cx, asked.org.trim()).await {
        Err(Error::NotFound) => {
            bad("org", "org_gone", "没有这个组织，可能已经撤销。请重新选择。");
            None
        }
        found => Some(found?),
    };
    let name = match fields::name(asked.name, rules) {
        Ok(clean) => clean.value,
        Err(p) => {
            bad("name", p.code, &p.message);
            String::new()
        }
    };
    let id = match id_number::parse(asked.id_number, day(cx.now())) {
        Ok(id) => Some(id),
        Err(p) => {
            bad("id_number", p.code, &p.message);
            None
        }
    };
    let mut statement = None;
    match asked.statement.map(open_statement).transpose()? {
        None => bad("file", "required", "请选择情况说明（盖章后的扫描件或照片）。"),
        Some((_, _, 0)) => bad("file", "empty", "这个文件是空的，请重新选择。"),
        Some((_, None, _)) => {
            bad("file", "file_kind", "只收PDF、JPG、PNG文件。请把说明扫描或拍照后再上传。");
        }
        Some((_, _, size)) if size > rules.policy.operations.statement_bytes => {
            bad("file", "too_large", &too_large());
        }
        Some((file, Some(mime), _)) => statement = Some((file, mime)),
    }
    let (Some(org), Some(id_number), Some((file, mime)), true) =
        (org, id, statement, wrong.is_empty())
    else {
        return Err(Error::Invalid(wrong));
    };
    // One at a time decides about an organisation: a twin of this one is seen below.
    orgs::lock(cx, permit, org.id).await?;
    orgs::hold_living(cx, &org).await?;
    for living in of_org(cx, org.id).await? {
        if living.kind == asked.kind && living.id_number.reveal() == id_number.reveal() {
            let says = match living.granted_at {
                None => {
                    format!("这个人的特殊情况已经提出（{}），正等另一位运营人员办理。", living.no)
                }
                Some(_) => format!("这个人的特殊情况已经批准（{}），不用再提出。", living.no),
            };
            return Err(Error::field("id_number", "exception_open", &says));
        }
    }
    let id = ExceptionId(cx.new_id());
    let about = About {
        job: 0,
        org: acting.id,
        maker: cx.visitor()?.person,
        name: "情况说明".to_owned(),
        mime: files::SEALED,
        expires_at: end_of_day_after(cx.now(), rules.policy.operations.statement_days),
    };
    let kept = files::create(cx, permit, &about, 0).await?;
    store_statement(cx, permit, kept, file).await?;
    let house = cx.house();
    let place = Place { column: ID_COLUMN, row: id.0 };
    let sealed = house.keys().seal(place, id_number.reveal(), house.chance_source());
    let new = New { kind: asked.kind, name: &name, mime };
    sql::insert(cx, permit, (id, org.id, &new), sealed, kept).await?;
    let event = Event::new("exception.asked", "exception", id.0).at(&org.path);
    Ok((id, event.detail(json!({ "name": name }))))
}

/// Notes by which proposal it was asked for.
pub(crate) async fn set_no(cx: &mut Cx, permit: &Permit, id: ExceptionId, no: &str) -> Result<()> {
    sql::set_no(cx, permit, id, no).await
}

/// What is said of a statement that is longer than may be.
pub fn too_large() -> String {
    let most = Rules::builtin().policy.operations.statement_bytes >> 20;
    format!("文件超过{most} MB，没有保存。请压缩图片，或只扫描盖章的那几页。")
}

type Opened = (std::fs::File, Option<&'static str>, u64);

fn open_statement(path: &std::path::Path) -> Result<Opened> {
    let broken = |e: std::io::Error| Error::Broken(format!("reading an upload: {}", e.kind()));
    let mut file = std::fs::File::open(path).map_err(broken)?;
    let size = file.metadata().map_err(broken)?.len();
    let mut head = Vec::with_capacity(16);
    (&mut file).take(16).read_to_end(&mut head).map_err(broken)?;
    file.rewind().map_err(broken)?;
    let mime = MIMES.iter().find(|(begins, ..)| head.starts_with(begins)).map(|(_, mime, _)| *mime);
    Ok((file, mime, size))
}

async fn store_statement(
    cx: &mut Cx,
    permit: &Permit,
    id: FileId,
    mut file: std::fs::File,
) -> Result<()> {
    for no in 0.. {
        let mut bytes = Vec::with_capacity(PIECE);
        (&mut file)
            .take(PIECE as u64)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::Broken(format!("reading an upload: {}", e.kind())))?;
        if bytes.is_empty() {
            break;
        }
        let house = cx.house();
        let text = BASE64_STANDARD.encode(bytes);
        let sealed = house.keys().seal(place_of_piece(id.0, no), &text, house.chance_source());
        files::append(cx, permit, id, sealed).await?;
    }
    Ok(())
}

fn place_of_piece(file: i64, no: i64) -> Place {
    Place { column: STATEMENT, row: file.wrapping_add(no) }
}

/// The statement of an exception, for operators: name, type, content.
pub async fn statement(cx: &mut Cx, id: ExceptionId) -> Result<(String, String, Vec<u8>)> {
    let found = by_id(cx, id).await?;
    let file = files::open_of_room(cx, FileId(found.file)).await?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.size).unwrap_or(0));
    for no in 0.. {
        let Some(sealed) = files::piece(cx, &file, no).await? else { break };
        let text = cx.house().keys().unseal(place_of_piece(found.file, no), &sealed);
        let text = text.map_err(|e| Error::Broken(e.to_string()))?;
        let piece = BASE64_STANDARD.decode(text.as_bytes());
        bytes.extend(piece.map_err(|e| Error::Broken(e.to_string()))?);
    }
    let ending = MIMES.iter().find(|(_, mime, _)| *mime == found.mime).map_or("bin", |m| m.2);
    Ok((format!("情况说明-{}.{ending}", found.no), found.mime, bytes))
}

/// One of them, for operators.
pub async fn by_id(cx: &mut Cx, id: ExceptionId) -> Result<Exception> {
    cx.scope(Action::Operate)?;
    read(cx, id).await
}

async fn read(cx: &mut Cx, id: ExceptionId) -> Result<Exception> {
    sql::by_id(cx, id).await?.ok_or(Error::NotFound)?.read(cx)
}

/// A page of them for operators, the newest first, and where the next one begins.
pub async fn page(
    cx: &mut Cx,
    from: Option<&str>,
    size: i64,
) -> Result<(Vec<Exception>, Option<String>)> {
    cx.scope(Action::Operate)?;
    let before = from.and_then(|mark| mark.parse().ok()).unwrap_or(i64::MAX);
    let size = size.clamp(1, 200);
    let mut rows = sql::page(cx, before, size + 1).await?;
    let more = rows.len() > usize::try_from(size).unwrap_or(usize::MAX);
    if more {
        rows.pop();
    }
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let found = rows.into_iter().map(|row| row.read(cx)).collect::<Result<_>>()?;
    Ok((found, next))
}

async fn of_org(cx: &mut Cx, org: OrgId) -> Result<Vec<Exception>> {
    let rows = sql::living(cx, org).await?;
    rows.into_iter().map(|row| row.read(cx)).collect()
}

/// For whom a rule does not count when somebody is entered into this organisation now.
pub(crate) async fn in_force(cx: &mut Cx, org: &OrgRef) -> Result<Vec<Excepted>> {
    let (now, all) = (cx.now(), of_org(cx, org.id).await?);
    Ok(all.into_iter().filter(|e| e.is_in_force(now)).map(Exception::excepted).collect())
}

/// Whether an exception sets this problem aside for somebody who came in under one.
pub(crate) async fn excuses(
    cx: &mut Cx,
    person: PersonId,
    (id_number, name): (&IdNumber, &str),
    problem: &Problem,
) -> Result<bool> {
    let rows = sql::of_person(cx, person).await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let found = row.read(cx)?;
        if found.ended_at.is_none() {
            all.push(found.excepted());
        }
    }
    Ok(age::excuse(&all, (id_number, name), problem, Rules::builtin()).is_some())
}

/// Whether somebody came in under an exception that set this problem aside, also when it was taken back
/// afterwards. For `fsck`.
pub(crate) async fn excused(cx: &mut Cx, person: PersonId, problem: &Problem) -> Result<bool> {
    let waives = |kind: &str| {
        kind_of(kind).is_some_and(|kind| kind.waives.iter().any(|code| code == problem.code))
    };
    Ok(sql::of_person(cx, person).await?.iter().any(|row| waives(&row.kind)))
}

/// The exception under which somebody came in, for her page: its number and its kind.
pub async fn of_person(cx: &mut Cx, person: PersonId) -> Result<Option<Exception>> {
    match sql::of_person(cx, person).await?.into_iter().next() {
        Some(row) => Ok(Some(row.read(cx)?)),
        None => Ok(None),
    }
}

/// Notes who came in under which exception. [`Error::Retry`] when one was taken back or ran out
/// meanwhile: who is judged anew is refused then.
pub(crate) async fn take(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    came_in: &[(&NewPerson, PersonId)],
) -> Result<()> {
    for (new, person) in came_in {
        let Some(id) = new.exception.map(ExceptionId) else { continue };
        if !sql::take(cx, permit, (id, org.id), *person).await? {
            return Err(Error::Retry);
        }
        let event = Event::new("exception.used", "exception", id.0).about(*person);
        cx.note(event.at(&org.path).detail(json!({ "name": new.name }))).await?;
    }
    Ok(())
}

/// What granting would do now. Errors: `Invalid` when there is nothing to grant any more.
pub(crate) async fn judge_granting(cx: &mut Cx, id: i64) -> Result<Judged> {
    let found = read(cx, ExceptionId(id)).await?;
    if found.ended_at.is_some() || found.granted_at.is_some() {
        return Err(Error::field("exception", "exception_ended", "这一件已经办过了。"));
    }
    let org = orgs::by_id(cx, found.org).await?;
    // Not held: the page asks this too, and only reads. The entry holds the branch itself.
    if orgs::active(cx, std::slice::from_ref(&org)).await?.is_empty() {
        return Err(Error::field("org", "org_gone", "要录入的组织已经撤销。"));
    }
    let kind = kind_of(&found.kind).ok_or(Error::NotFound)?;
    let names: Vec<String> =
        orgs::names_to(cx, &org.path).await?.into_iter().map(|o| o.short_name).collect();
    let age = age::completed_years(found.id_number.birth(), day(cx.now()));
    Ok(Judged {
        title: format!("准许“{}”作为特殊情况（{}）录入“{}”", found.name, kind.name, org.short_name),
        org: Some(org.id),
        effects: vec![
            ("姓名", found.name.clone()),
            ("证件号", found.id_number.reveal().to_owned()),
            ("现在", format!("{age}周岁，{}出生", found.id_number.birth())),
            ("录入的组织", names.join(" › ")),
            (
                "同意以后",
                format!(
                    "只有姓名和证件号都一致的这一个人，可以在{}天内录入这个组织，不受年龄限制；\
                     其他规则照旧。该组织会收到消息。",
                    kind.days
                ),
            ),
            ("撤回", "还没有录入的，可以再提出一次“收回”，也要两个人办理。".to_owned()),
        ],
    })
}

/// Puts it in force and tells the organisation.
pub(crate) async fn grant(cx: &mut Cx, permit: &Permit, id: i64, no: &str) -> Result<()> {
    let found = read(cx, ExceptionId(id)).await?;
    let kind = kind_of(&found.kind).ok_or(Error::NotFound)?;
    let until = end_of_day_after(cx.now(), kind.days);
    if !sql::grant(cx, permit, found.id, until).await? {
        return Err(Error::Retry);
    }
    let org = orgs::by_id(cx, found.org).await?;
    let event = Event::new("exception.granted", "exception", id).at(&org.path);
    cx.note(event.detail(json!({ "no": no, "name": found.name, "until": until }))).await?;
    let page = if org.category.owns_members() { "members/new" } else { "cadres/new" };
    let message = Message {
        to: To::Org(org.id),
        kind: "org",
        title: format!("“{}”的特殊情况已批准，可以录入", found.name),
        body: format!(
            "{}。请在{}以前用一致的姓名和证件号录入，逐个录入或导入都可以；别人不受影响。",
            kind.name,
            crate::clock::say_day(until)
        ),
        href: format!("/o/{}/{page}", org.code),
    };
    messages::send(cx, message).await
}

/// The proposal came to nothing: so does what it asked for.
pub(crate) async fn drop_asked(cx: &mut Cx, permit: &Permit, id: i64) -> Result<()> {
    let found = read(cx, ExceptionId(id)).await?;
    sql::end(cx, permit, found.id).await?;
    let days = Rules::builtin().policy.operations.statement_days_refused;
    files::keep_until(cx, permit, FileId(found.file), end_of_day_after(cx.now(), days)).await
}

/// What taking it back would do now.
pub(crate) async fn judge_ending(cx: &mut Cx, id: i64) -> Result<Judged> {
    let found = read(cx, ExceptionId(id)).await?;
    if found.granted_at.is_none() || found.ended_at.is_some() {
        let says = "这一件没有获准，或者已经收回，不用再办。";
        return Err(Error::field("exception", "exception_ended", says));
    }
    let org = orgs::by_id(cx, found.org).await?;
    let words = match found.used_at {
        Some(_) => "此人已经录入，仍是团员；以后修改她的入团年月，要重新符合年龄规定。",
        None => "此人还没有录入，收回后不能再录入。",
    };
    Ok(Judged {
        title: format!("收回“{}”录入“{}”的特殊情况", found.name, org.short_name),
        org: Some(org.id),
        effects: vec![("影响", words.to_owned()), ("原来的提议", found.no)],
    })
}

/// Takes it back.
pub(crate) async fn end(cx: &mut Cx, permit: &Permit, id: i64) -> Result<()> {
    let found = read(cx, ExceptionId(id)).await?;
    if !sql::end(cx, permit, found.id).await? {
        return Err(Error::Retry);
    }
    let org = orgs::by_id(cx, found.org).await?;
    let event = Event::new("exception.ended", "exception", id).at(&org.path);
    cx.note(event.detail(json!({ "name": found.name }))).await?;
    let message = Message {
        to: To::Org(org.id),
        kind: "org",
        title: format!("“{}”的特殊情况已由团中央收回", found.name),
        body: "还没有录入的，不能再录入；已经录入的不受影响。".to_owned(),
        href: format!("/o/{}", org.code),
    };
    messages::send(cx, message).await
}

fn unseal(cx: &Cx, id: ExceptionId, sealed: &[u8]) -> Result<IdNumber> {
    let text = cx.house().keys().unseal(Place { column: ID_COLUMN, row: id.0 }, sealed);
    let text = text.map_err(|e| Error::Broken(e.to_string()))?;
    IdNumber::from_stored(&text).ok_or_else(|| Error::Broken("an exception can't be read".into()))
}

/// Moves sealed numbers and statements over to the ring of keys in use.
pub(crate) async fn rekey(
    cx: &mut Cx,
    permit: &Permit,
    after: rekey::Mark,
) -> Result<rekey::Piece> {
    let rows = sql::sealed_after(cx, after.0, RESEALED).await?;
    let last = rows.last().map(|row| (row.0, 0));
    let mut moved = 0;
    for (id, sealed, file) in rows {
        let place = Place { column: ID_COLUMN, row: id };
        if let Some(anew) = rekey::anew(cx, place, &sealed)? {
            sql::reseal(cx, permit, id, anew).await?;
            moved += 1;
        }
        // The statement of an old one may be gone.
        let Ok(kept) = files::open_of_room(cx, FileId(file)).await else { continue };
        for no in 0.. {
            let Some(sealed) = files::piece(cx, &kept, no).await? else { break };
            if let Some(anew) = rekey::anew(cx, place_of_piece(file, no), &sealed)? {
                files::put(cx, permit, FileId(file), no, anew).await?;
                moved += 1;
            }
        }
    }
    Ok(rekey::Piece { last, moved })
}
