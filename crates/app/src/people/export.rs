//! Member lists as workbooks (77, W2 导出): what the list shows, ID numbers as text and masked
//! unless full ones are asked for with a reason. Short lists at once, long ones as a job; every
//! export is in the book, and its sheet 说明 says what it is, as of when and by whom.

use super::{
    Check,
    list::{self, Filter},
    person, quota,
    sql::list::{Ask as Question, Wide, wide},
};
use crate::{
    Action, Cx, Error, House, OrgRef, Origin, Result, Who, act, clock,
    events::{self, Event},
    files::{self, About, FileId},
    jobs::{self, Job, JobId, Turn},
    orgs::{Category, OrgId},
    pii::{IdNumber, Mobile},
    rules::{Column, Rules, lists},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sheet::{Column as SheetColumn, Kind, Layout, Value, WriteError, Writer};

/// Rows that are read at a time.
const PIECE: i64 = 500;
/// Rows of a sheet; a longer list goes on in the next one.
const SHEET_ROWS: i64 = 500_000;

/// What somebody wants to take away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ask {
    pub filter: Filter,
    /// The codes of chosen persons (at most 200); empty for all that fit the filter.
    pub only: Vec<String>,
    /// Whole ID and mobile numbers instead of masked ones; needs a reason.
    pub full: bool,
    pub reason: String,
}

/// A long export on its way: what was allowed, to whom, when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    ask: Ask,
    /// The chosen persons.
    ids: Vec<i64>,
    org: i64,
    org_name: String,
    category: Category,
    lo: String,
    hi: String,
    maker: i64,
    maker_name: String,
    /// 导出编号: stands in the file, in the book and in the record of everybody in it.
    #[serde(default)]
    no: String,
    /// What whoever asked is, and for which organisation she acted.
    #[serde(default)]
    maker_role: String,
    #[serde(default)]
    maker_org: String,
}

impl Order {
    /// Whose members it is about.
    pub fn org_name(&self) -> &str {
        &self.org_name
    }
    /// 导出编号.
    pub fn no(&self) -> &str {
        &self.no
    }
    /// Whether whole numbers go out.
    pub fn is_full(&self) -> bool {
        self.ask.full
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Export {
    /// The workbook itself.
    Ready { name: String, bytes: Vec<u8> },
    /// A job makes it; its result holds the file's number.
    Job(JobId),
    /// A second person has to agree first: 导出编号.
    Asked(String),
}

/// Exports the members below `org` that fit the filter. Opens its own transactions, so that the
/// workbook is written while none is open.
pub async fn export(
    house: &House,
    who: Who,
    origin: Origin,
    org: &OrgRef,
    ask: Ask,
) -> Result<Export> {
    let mut cx = house.enter(who.clone(), false, origin.clone()).await?;
    let order = order(&mut cx, org, ask).await?;
    let at_once = i64::try_from(Rules::builtin().policy.exports.job_above).unwrap_or(i64::MAX - 1);
    let rows = first_rows(&mut cx, &order, at_once + 1).await?;
    drop(cx);
    let whole = rows.len() as i64 <= at_once;
    let made_at = house.now();
    let full = order.ask.full;
    let bytes = if whole {
        let lines: Vec<Line> =
            rows.iter().map(|r| line(house, r, order.ask.full)).collect::<Result<_>>()?;
        Some(workbook(&order, made_at, &lines).map_err(broken)?)
    } else {
        None
    };
    let count = rows.len();
    let mut cx = house.enter(who.clone(), true, origin.clone()).await?;
    let permit = cx.permit(Action::ExportMembers, org)?;
    // Each person in it is looked at in full; what went out before on this day counts with it.
    if full && !quota::take_exported(&mut cx, &permit, count as i64).await? {
        drop(cx);
        return ask_second(house, who, origin, org, &order, count as i64).await;
    }
    if full {
        events::write_many(&mut cx, &permit, records(&order, &rows)).await?;
    }
    let order = &order;
    let detail = json!({ "no": order.no, "rows": whole.then_some(count), "full": order.ask.full, "reason": super::reveal::without_digits(&order.ask.reason), "filtered": !order.ask.filter.is_empty() });
    let job = if whole {
        None
    } else {
        Some(
            jobs::enqueue(&mut cx, &Job::ExportMembers(Box::new(order.clone())), Some(org), 0)
                .await?,
        )
    };
    cx.record(permit, Event::new("members.exported", "org", org.id.0).detail(detail)).await?;
    cx.commit().await?;
    Ok(match (job, bytes) {
        (Some(job), _) => Export::Job(job),
        (None, bytes) => {
            Export::Ready { name: file_name(order, made_at), bytes: bytes.unwrap_or_default() }
        }
    })
}

/// Asks for the word of a second person instead of exporting.
async fn ask_second(
    house: &House,
    who: Who,
    origin: Origin,
    org: &OrgRef,
    order: &Order,
    people: i64,
) -> Result<Export> {
    let mut cx = house.enter(who, true, origin).await?;
    let permit = cx.permit(Action::ExportMembers, org)?;
    let reason = super::reveal::without_digits(order.ask.reason.trim());
    let id = super::consent::ask(&mut cx, &permit, order, people, &reason).await?;
    let detail = json!({ "no": order.no, "people": people, "reason": reason });
    let event = Event::new("export.asked", "export_request", id).detail(detail);
    cx.record(permit, event).await?;
    cx.commit().await?;
    Ok(Export::Asked(order.no.clone()))
}

/// What each person in the list finds under 谁看过我.
fn records(order: &Order, rows: &[Wide]) -> Vec<Event> {
    let detail = json!({
        "no": order.no, "org": order.maker_org, "role": order.maker_role,
        "reason": super::reveal::without_digits(order.ask.reason.trim()),
    });
    rows.iter()
        .map(|row| {
            Event::new("person.exported", "person", row.person)
                .about(super::PersonId(row.person))
                .at(&row.org_path)
                .detail(detail.clone())
        })
        .collect()
}

async fn order(cx: &mut Cx, org: &OrgRef, ask: Ask) -> Result<Order> {
    if !cx.may(Action::SeeMembers, &org.path) {
        return Err(Error::NotFound);
    }
    if !cx.may(Action::ExportMembers, &org.path) {
        return Err(cx.forbidden(Action::ExportMembers, org));
    }
    if ask.full && !(2..=100).contains(&ask.reason.trim().chars().count()) {
        return Err(Error::field(
            "reason",
            "required",
            "导出完整证件号和手机号,请填写原因(2 至 100 个字),会记入操作记录。",
        ));
    }
    let scope = cx.scope(Action::ExportMembers)?.within(&org.path).ok_or(Error::NotFound)?;
    let mut ids = Vec::with_capacity(ask.only.len());
    for code in ask.only.iter().take(200) {
        ids.extend(super::sql::person::id_of(cx, code).await?.map(|id| id.0));
    }
    if !ask.only.is_empty() && ids.is_empty() {
        return Err(Error::NotFound);
    }
    let no =
        format!("DC{}-{:06}", clock::day(cx.now()).strftime("%Y%m%d"), cx.new_id() % 1_000_000);
    let acting = cx.acting()?.clone();
    let maker = cx.visitor()?;
    Ok(Order {
        no,
        maker_role: crate::access::role_name(acting.role).to_owned(),
        maker_org: acting.org.short_name,
        ask,
        ids,
        org: org.id.0,
        org_name: org.short_name.clone(),
        category: org.category,
        maker: maker.person.0,
        maker_name: maker.name.clone(),
        lo: scope.lo,
        hi: scope.hi,
    })
}

/// The rows behind `from`, in the order of the list.
async fn rows_from(
    cx: &mut Cx,
    order: &Order,
    from: Option<&Wide>,
    limit: i64,
) -> Result<Vec<Wide>> {
    use super::sql::list::Order as By;
    let scope = crate::Scope { lo: order.lo.clone(), hi: order.hi.clone() };
    let (filter, within) = list::read(cx, &scope, &order.ask.filter).await?;
    let by = list::order_of(&filter, order.category);
    let (range, conditions, valued) = list::conditions(&filter, by);
    let from = from.map(|r| {
        let keys = match by {
            By::Org => (r.org_path.clone(), r.name_py.clone(), r.person),
            By::Name => (super::sql::list::key_of(&r.name), r.org_path.clone(), r.person),
            By::Pinyin => (r.name_py.clone(), r.org_path.clone(), r.person),
        };
        (keys, false)
    });
    let question = Question {
        order: by,
        range,
        conditions,
        valued,
        from,
        limit,
        within,
        only: order.ids.clone(),
    };
    wide(cx, &order.lo, &order.hi, question).await
}

async fn first_rows(cx: &mut Cx, order: &Order, limit: i64) -> Result<Vec<Wide>> {
    rows_from(cx, order, None, limit).await
}

/// A line of the workbook.
type Line = Vec<String>;

const TITLES: [(&str, f64); 14] = [
    ("姓名", 12.0),
    ("身份证号码", 22.0),
    ("性别", 6.0),
    ("出生年月", 10.0),
    ("民族", 10.0),
    ("政治面貌", 14.0),
    ("学历", 14.0),
    ("入团年月", 10.0),
    ("发展团员编号", 16.0),
    ("手机号码", 14.0),
    ("团支部", 34.0),
    ("身份校验", 10.0),
    ("资料缺少", 24.0),
    ("状态", 10.0),
];

fn line(house: &House, row: &Wide, full: bool) -> Result<Line> {
    let keys = house.keys();
    let codes = &Rules::builtin().codes;
    let word = |rows: &[lists::CodeRow], code: &Option<String>| {
        code.as_deref().map_or(String::new(), |c| lists::name_of(rows, c).unwrap_or(c).to_owned())
    };
    let id = person::unseal(keys, person::ID_COLUMN, row.person, &row.id_ct)?;
    let id = IdNumber::from_stored(&id);
    let id = id.map(|id| if full { id.reveal().to_owned() } else { id.masked() });
    let mobile = match &row.mobile_ct {
        Some(sealed) => {
            Mobile::from_stored(&person::unseal(keys, person::MOBILE_COLUMN, row.person, sealed)?)
        }
        None => None,
    };
    let mobile = mobile.map(|m| if full { m.reveal().to_owned() } else { m.masked() });
    let lacks: Vec<&str> =
        person::columns_from(&row.missing).into_iter().map(Column::label).collect();
    Ok(vec![
        row.name.clone(),
        id.unwrap_or_default(),
        person::sex_from(&row.sex).label().to_owned(),
        row.birth_ym.clone(),
        word(&codes.ethnic, &row.ethnic),
        word(&codes.political, &row.political),
        word(&codes.education, &row.education),
        row.joined.clone(),
        row.dev_number.clone().unwrap_or_default(),
        mobile.unwrap_or_default(),
        row.org_name.clone(),
        Check::from_code(&row.check_state).unwrap_or(Check::Unchecked).label().to_owned(),
        lacks.join("、"),
        if row.moving { "转接中" } else { "正常" }.to_owned(),
    ])
}

/// Who took it away, for what: at the foot of each page, in the file's properties and in 说明.
fn mark(order: &Order, at: clock::Millis) -> String {
    format!(
        "导出编号{}　{}{}{}　{}　原因：{}",
        order.no,
        order.maker_org,
        order.maker_role,
        order.maker_name,
        clock::show_time(at),
        order.ask.reason.trim()
    )
}

fn layout(order: &Order, at: clock::Millis, number: i64) -> Layout {
    let column = |(title, width)| SheetColumn::new(title, width, Kind::Text);
    let name = if number == 1 { "团员名单".into() } else { format!("团员名单{number}") };
    let foot = if order.ask.full { mark(order, at) } else { String::new() };
    Layout { name, foot, columns: TITLES.into_iter().map(column).collect(), ..Layout::default() }
}

fn cells(line: &[String]) -> Vec<Value<'_>> {
    line.iter().map(|text| Value::from(text.as_str())).collect()
}

fn workbook(
    order: &Order,
    at: clock::Millis,
    lines: &[Line],
) -> std::result::Result<Vec<u8>, WriteError> {
    let folder = tempfile::tempdir().map_err(|e| WriteError::Xlsx(e.into()))?;
    let mut writer = Writer::in_folder(folder.path())?;
    writer.properties("团员名单", &order.maker_name, &order.maker_org, &mark(order, at))?;
    let mut page = writer.sheet(&layout(order, at, 1))?;
    for line in lines {
        page.row(&cells(line))?;
    }
    let notes = notes(order, at, lines.len() as i64);
    writer.notes("说明", &notes.iter().map(String::as_str).collect::<Vec<_>>())?;
    writer.finish()
}

/// The sheet 说明: what it is, as of when, by whom, for which organisation.
fn notes(order: &Order, at: clock::Millis, rows: i64) -> Vec<String> {
    let numbers = if order.ask.full {
        format!("证件号和手机号为完整号码。导出原因：{}", order.ask.reason.trim())
    } else {
        "证件号和手机号已遮盖中间几位。".to_owned()
    };
    vec![
        format!("组织：{}", order.org_name),
        "口径：本组织及全部下级组织的在册团员（含转接中）。".to_owned(),
        format!(
            "条件：{}",
            if order.ids.is_empty() { said(&order.ask.filter) } else { "所选人员".into() }
        ),
        format!("截至时间：{}（北京时间）", clock::show_time(at)),
        format!("人数：{rows}"),
        format!("导出编号：{}", order.no),
        format!("操作人：{}{}{}", order.maker_org, order.maker_role, order.maker_name),
        numbers,
        "本表含个人信息，只供团的工作使用，用后请及时删除，不要转发。".to_owned(),
    ]
}

fn said(filter: &Filter) -> String {
    let mut words = Vec::new();
    if !filter.q.trim().is_empty() {
        words.push(format!("姓名以“{}”开头", filter.q.trim()));
    }
    let mut push = |yes: bool, word: &str| {
        if yes {
            words.push(word.to_owned());
        }
    };
    push(filter.sex == Some(list::SexWord::Male), "男");
    push(filter.sex == Some(list::SexWord::Female), "女");
    push(filter.complete == Some(true), "资料完整");
    push(filter.complete == Some(false), "资料未完善");
    push(filter.check == Some(list::CheckWord::Unchecked), "未校验");
    push(filter.check == Some(list::CheckWord::Passed), "校验已通过");
    push(filter.check == Some(list::CheckWord::Failed), "校验未通过");
    push(filter.check == Some(list::CheckWord::Offline), "线下通过");
    push(filter.moving == Some(true), "转接中");
    push(filter.moving == Some(false), "不在转接中");
    push(filter.cadre == Some(true), "任团干部");
    push(filter.cadre == Some(false), "未任团干部");
    push(filter.import.is_some(), "同一次导入");
    let grad = filter.grad.map(|grad| match grad {
        list::GradWord::Any => "有毕业标记",
        list::GradWord::Graduate => "毕业生",
        list::GradWord::Delayed => "延迟毕业",
        list::GradWord::Teacher => "教师",
        list::GradWord::Mobile => "毕业学生流动团员",
    });
    push(grad.is_some(), grad.unwrap_or_default());
    if words.is_empty() { "全部".to_owned() } else { words.join("、") }
}

fn file_name(order: &Order, at: clock::Millis) -> String {
    let safe: String = order
        .org_name
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '(' | ')' | '-'))
        .take(40)
        .collect();
    format!("团员名单-{safe}-{}.xlsx", clock::show_day(at))
}

fn broken(error: WriteError) -> Error {
    Error::Broken(error.to_string())
}

/// Makes a long export; run by the worker. Repeated after a crash it begins anew and leaves no
/// second file behind that anybody could find.
pub async fn run(turn: &Turn<'_>, order: Order) -> Result<Json> {
    let house = turn.house;
    let made_at = house.now();
    let folder = tempfile::tempdir().map_err(|_| Error::Storage("full"))?;
    let path = folder.path().join("export.xlsx");
    let rows = write_long(turn, &order, folder.path(), &path, made_at).await?;
    let name = file_name(&order, made_at);
    let file = store(turn, &order, &path, &name).await?;
    Ok(json!({ "file": file.to_string(), "name": name, "rows": rows }))
}

async fn write_long(
    turn: &Turn<'_>,
    order: &Order,
    folder: &std::path::Path,
    path: &std::path::Path,
    made_at: clock::Millis,
) -> Result<i64> {
    let mut writer = Writer::in_folder(folder).map_err(broken)?;
    let mark = mark(order, made_at);
    writer.properties("团员名单", &order.maker_name, &order.maker_org, &mark).map_err(broken)?;
    let (mut count, mut last, mut number) = (0_i64, None::<Wide>, 0);
    loop {
        number += 1;
        let mut page = writer.sheet(&layout(order, made_at, number)).map_err(broken)?;
        let full_at = count + SHEET_ROWS;
        let mut ended = false;
        while count < full_at && !ended {
            let mut cx = turn.house.read(Who::System("export")).await?;
            let rows = rows_from(&mut cx, order, last.as_ref(), PIECE).await?;
            drop(cx);
            for row in &rows {
                page.row(&cells(&line(turn.house, row, order.ask.full)?)).map_err(broken)?;
            }
            count += rows.len() as i64;
            ended = (rows.len() as i64) < PIECE;
            act!(turn.house, Who::System("export"), |cx| {
                if order.ask.full && !rows.is_empty() {
                    let permit = cx.permit_system(Action::ExportMembers)?;
                    events::write_many(cx, &permit, records(order, &rows)).await?;
                    let event = Event::new("export.written", "org", order.org).at(&order.lo);
                    cx.record(permit, event.detail(json!({ "no": order.no, "rows": rows.len() })))
                        .await?;
                }
                turn.progress(cx, count, 0).await
            })?;
            last = rows.into_iter().last().or(last);
        }
        if ended {
            break;
        }
    }
    let notes = notes(order, made_at, count);
    writer.notes("说明", &notes.iter().map(String::as_str).collect::<Vec<_>>()).map_err(broken)?;
    writer.save(path).map_err(broken)?;
    Ok(count)
}

/// Full numbers stay for a day, masked ones for a week.
async fn store(
    turn: &Turn<'_>,
    order: &Order,
    path: &std::path::Path,
    name: &str,
) -> Result<FileId> {
    let bytes = std::fs::read(path).map_err(|_| Error::Storage("full"))?;
    let days = if order.ask.full { 1 } else { 7 };
    let about = About {
        job: turn.id.0,
        org: OrgId(order.org),
        maker: super::PersonId(order.maker),
        name: name.to_owned(),
        mime: files::XLSX,
        expires_at: turn.house.now() + days * clock::DAY,
    };
    act!(turn.house, Who::System("export"), |cx| {
        let permit = cx.permit_system(Action::ExportMembers)?;
        let id = files::create(cx, &permit, &about, bytes.len() as i64).await?;
        for (no, piece) in (0_i64..).zip(bytes.chunks(files::PIECE)) {
            files::put(cx, &permit, id, no, piece.to_vec()).await?;
        }
        let event = Event::new("export.made", "file", id.0).at(&order.lo);
        cx.record(permit, event).await?;
        turn.progress(cx, 1, 1).await?;
        Ok(id)
    })
}
