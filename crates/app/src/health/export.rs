//! A list of the check-up as a workbook: short ones at once, long ones as a job.

use super::{Ill, list};
use crate::{
    Action, Cx, Error, House, OrgRef, Origin, Result, Scope, Who, act,
    clock::{DAY, show_day, show_time},
    events::Event,
    files::{self, About},
    jobs::{self, Job, JobId, Turn},
    orgs::OrgId,
    people::PersonId,
    rules::Rules,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sheet::{Column, Kind, Layout, Value, WriteError, Writer};

/// Rows read at a time.
const PIECE: i64 = 1000;
/// Rows of a sheet.
const SHEET_ROWS: usize = 500_000;

/// What somebody wants to take away, as it was allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    ill: Ill,
    org: i64,
    org_name: String,
    lo: String,
    hi: String,
    maker: i64,
    maker_name: String,
}

impl Order {
    /// Below which organisation it looks.
    pub fn org_name(&self) -> &str {
        &self.org_name
    }
    /// Which fault it lists.
    pub fn ill(&self) -> Ill {
        self.ill
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Export {
    /// The workbook itself.
    Ready { name: String, bytes: Vec<u8> },
    /// A job makes it.
    Job(JobId),
}

/// The organisations at and below `under` with one fault as a workbook. Opens its own transactions,
/// so that the workbook is written while none is open.
pub async fn export(
    house: &House,
    who: Who,
    origin: Origin,
    under: &OrgRef,
    ill: Ill,
) -> Result<Export> {
    let mut cx = house.enter(who.clone(), false, origin.clone()).await?;
    let order = order(&cx, under, ill)?;
    let at_once = i64::try_from(Rules::builtin().policy.exports.job_above).unwrap_or(5000);
    let rows = rows(&mut cx, &order, at_once + 1).await?;
    drop(cx);
    let short = rows.len() as i64 <= at_once;
    let bytes = match short {
        true => Some(workbook(house, &order, &rows).map_err(broken)?),
        false => None,
    };
    let order = &order;
    let mut cx = house.enter(who, true, origin).await?;
    let permit = cx.permit(Action::SeeOrg, under)?;
    let job = match bytes {
        Some(_) => None,
        None => {
            let work = Job::ExportHealth(Box::new(order.clone()));
            let acting = cx.org()?.clone();
            Some(jobs::enqueue(&mut cx, &work, Some(&acting), 0).await?)
        }
    };
    let detail = json!({ "kind": ill.code(), "rows": short.then_some(rows.len()) });
    let event = Event::new("health.exported", "org", under.id.0).at(&under.path).detail(detail);
    cx.record(permit, event).await?;
    cx.commit().await?;
    Ok(match (job, bytes) {
        (Some(job), _) => Export::Job(job),
        (None, bytes) => {
            Export::Ready { name: file_name(house, order), bytes: bytes.unwrap_or_default() }
        }
    })
}

fn order(cx: &Cx, under: &OrgRef, kind: Ill) -> Result<Order> {
    let scope = cx.scope(Action::SeeOrg)?.within(&under.path).ok_or(Error::NotFound)?;
    let maker = cx.visitor()?;
    Ok(Order {
        ill: kind,
        org: under.id.0,
        org_name: under.short_name.clone(),
        lo: scope.lo,
        hi: scope.hi,
        maker: maker.person.0,
        maker_name: maker.name.clone(),
    })
}

async fn rows(cx: &mut Cx, order: &Order, most: i64) -> Result<Vec<list::Row>> {
    let scope = Scope { lo: order.lo.clone(), hi: order.hi.clone() };
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = list::list_in(cx, &scope, order.ill, &after, PIECE).await?;
        all.extend(page.rows);
        match page.next {
            Some(next) if (all.len() as i64) < most => after = next,
            _ => return Ok(all),
        }
    }
}

const TITLES: [(&str, f64); 7] = [
    ("组织简称", 34.0),
    ("组织码", 14.0),
    ("组织类别", 14.0),
    ("团员人数", 10.0),
    ("书记", 12.0),
    ("情况", 30.0),
    ("直接上级", 34.0),
];

fn layout(number: usize) -> Layout {
    let column = |(title, width)| Column::new(title, width, Kind::Text);
    let name =
        if number == 0 { "组织体检".into() } else { format!("组织体检{}", number + 1) };
    Layout { name, columns: TITLES.into_iter().map(column).collect(), ..Layout::default() }
}

fn cells<'a>(row: &'a list::Row, members: &'a str) -> [&'a str; 7] {
    [
        &row.name,
        &row.code,
        &row.category_name,
        members,
        row.secretary.as_deref().unwrap_or_default(),
        &row.finding,
        &row.superior,
    ]
}

fn workbook(
    house: &House,
    order: &Order,
    rows: &[list::Row],
) -> std::result::Result<Vec<u8>, WriteError> {
    let folder = tempfile::tempdir().map_err(|e| WriteError::Xlsx(e.into()))?;
    let mut writer = Writer::in_folder(folder.path())?;
    let mut page = writer.sheet(&layout(0))?;
    for row in rows {
        page.row(&cells(row, &row.members.to_string()).map(Value::from))?;
    }
    let notes = notes(house, order, rows.len());
    writer.notes("说明", &notes.iter().map(String::as_str).collect::<Vec<_>>())?;
    writer.finish()
}

/// The sheet 说明: what it is, as of when, by whom.
fn notes(house: &House, order: &Order, rows: usize) -> [String; 6] {
    [
        format!("组织:{}及全部下级组织", order.org_name),
        format!("内容:{}", order.ill.label()),
        format!("怎么办:{}", order.ill.advice()),
        format!("截至时间:{}(北京时间)", show_time(house.now())),
        format!("个数:{rows}"),
        format!("操作人:{}", order.maker_name),
    ]
}

fn file_name(house: &House, order: &Order) -> String {
    let safe: String = order.org_name.chars().filter(|c| c.is_alphanumeric()).take(40).collect();
    format!("组织体检-{}-{safe}-{}.xlsx", order.ill.label(), show_day(house.now()))
}

fn broken(error: WriteError) -> Error {
    Error::Broken(error.to_string())
}

/// Makes a long list; run by the worker. Repeated after a crash it begins anew.
pub async fn run(turn: &Turn<'_>, order: Order) -> Result<Json> {
    let folder = tempfile::tempdir().map_err(|_| Error::Storage("full"))?;
    let path = folder.path().join("list.xlsx");
    let count = write_long(turn, &order, folder.path(), &path).await?;
    let bytes = std::fs::read(&path).map_err(|_| Error::Storage("full"))?;
    let name = file_name(turn.house, &order);
    let about = About {
        job: turn.id.0,
        org: OrgId(order.org),
        maker: PersonId(order.maker),
        name: name.clone(),
        mime: files::XLSX,
        expires_at: turn.house.now() + 7 * DAY,
    };
    let (about, bytes, lo) = (&about, &bytes, &order.lo);
    let file = act!(turn.house, Who::System("export"), |cx| {
        let permit = cx.permit_system(Action::SeeOrg)?;
        let id = files::create(cx, &permit, about, bytes.len() as i64).await?;
        for (no, piece) in (0_i64..).zip(bytes.chunks(files::PIECE)) {
            files::put(cx, &permit, id, no, piece.to_vec()).await?;
        }
        cx.record(permit, Event::new("export.made", "file", id.0).at(lo)).await?;
        turn.progress(cx, 1, 1).await?;
        Ok(id)
    })?;
    Ok(json!({ "file": file.to_string(), "name": name, "rows": count }))
}

/// Writes the list piece by piece into a file: its length does not matter to the memory.
async fn write_long(
    turn: &Turn<'_>,
    order: &Order,
    folder: &std::path::Path,
    path: &std::path::Path,
) -> Result<usize> {
    let scope = Scope { lo: order.lo.clone(), hi: order.hi.clone() };
    let mut writer = Writer::in_folder(folder).map_err(broken)?;
    let (mut count, mut number, mut after) = (0, 0, Some(String::new()));
    while let Some(mut from) = after.take() {
        let mut page = writer.sheet(&layout(number)).map_err(broken)?;
        let full_at = count + SHEET_ROWS;
        loop {
            let mut cx = turn.house.read(Who::System("export")).await?;
            let piece = list::list_in(&mut cx, &scope, order.ill, &from, PIECE).await?;
            drop(cx);
            for row in &piece.rows {
                page.row(&cells(row, &row.members.to_string()).map(Value::from)).map_err(broken)?;
            }
            count += piece.rows.len();
            let done = i64::try_from(count).unwrap_or(0);
            act!(turn.house, Who::System("export"), |cx| turn.progress(cx, done, 0).await)?;
            match piece.next {
                None => break,
                Some(next) if count >= full_at => {
                    after = Some(next);
                    break;
                }
                Some(next) => from = next,
            }
        }
        number += 1;
    }
    let notes = notes(turn.house, order, count);
    writer.notes("说明", &notes.iter().map(String::as_str).collect::<Vec<_>>()).map_err(broken)?;
    writer.save(path).map_err(broken)?;
    Ok(count)
}
