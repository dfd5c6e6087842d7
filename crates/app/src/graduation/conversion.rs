//! The turn into 毕业生团组织 on the set day (row 123): rehearsed on a page, carried out by the
//! clockwork in pieces that may be cut off and repeated, and corrected by the superior afterwards.

use super::{list, marks, notices, org, sql};
use crate::{
    Action, Cx, Error, House, OrgRef, Refusal, Result, Who, act, clock,
    events::Event,
    messages::{Message, To, send},
    orgs::{self, Category, OrgId},
    rules::{
        Rules,
        graduation::{Absent, Mark, Target, absent},
    },
};
use db::Rows;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::HashSet;

/// Branches turned in one transaction: with fifty people each a fraction of a second.
const PIECE: i64 = 30;
/// Pieces in one turn of the clockwork, so that its other wheels are not kept waiting.
const PIECES: usize = 20;

/// What would happen on the next day of conversion, here and below.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Rehearsal {
    /// `2026-07-01`.
    pub day: String,
    pub year: i16,
    /// Days from today.
    pub in_days: i64,
    /// Branches that will turn, counted to 5,000.
    pub branches: i64,
    /// People who will be flagged.
    pub members: i64,
    pub rows: Vec<super::Branch>,
    pub next: Option<String>,
    /// Branches without a mark: nothing happens to them.
    pub unmarked: i64,
}

impl Rehearsal {
    /// What is said beside figures that were not counted to their end.
    pub fn bound(&self) -> &'static str {
        if self.branches >= sql::COUNTED { "只数到 5000 个,其余按页查看" } else { "" }
    }
}

/// Shows the next conversion and changes nothing; the names in pages of fifty.
pub async fn rehearse(cx: &mut Cx, under: &OrgRef, after: Option<&str>) -> Result<Rehearsal> {
    let scope = list::within(cx, under)?;
    let graduation = &Rules::builtin().graduation;
    let today = clock::day(cx.now());
    let year = graduation.turned_year(&under.province, today).saturating_add(1);
    let day = graduation.turns_on(year, &under.province).unwrap_or(today);
    let before = before(year);
    let coming = sql::coming(cx, &scope.lo, &scope.hi, &before).await?;
    let from = after.filter(|mark| scope.holds(mark)).unwrap_or(&scope.lo).to_owned();
    let mut rows = sql::coming_rows(cx, (&from, &scope.hi), &before, 51).await?;
    let more = rows.len() > 50;
    rows.truncate(50);
    let by = cx.org()?.clone();
    let unmarked = sql::count_unmarked(cx, &scope.lo, &scope.hi, 1000).await?;
    Ok(Rehearsal {
        day: day.to_string(),
        year,
        in_days: i64::from((day - today).get_days()),
        branches: coming.branches,
        members: coming.members,
        next: rows.last().filter(|_| more).map(|row| row.path.clone()),
        rows: rows.iter().map(|row| list::branch(row, &by, today)).collect::<Result<_>>()?,
        unmarked,
    })
}

/// Months of `year` and earlier come before this text.
pub(super) fn before(year: i16) -> String {
    year.saturating_add(1).to_string()
}

/// For the clockwork: turns what is due, a bounded amount of it at a time.
pub async fn turn(house: &House) -> Result<()> {
    convert(house, PIECES).await.map(|_| ())
}

/// Turns everything that is due; returns how many branches.
pub async fn convert_due(house: &House) -> Result<usize> {
    convert(house, usize::MAX).await
}

async fn convert(house: &House, pieces: usize) -> Result<usize> {
    let today = clock::day(house.now());
    let mut provinces: Vec<&str> =
        Rules::builtin().tree.provinces.iter().map(|row| row.code.as_str()).collect();
    provinces.push("00");
    let (mut turned, mut left) = (0, pieces);
    for province in provinces {
        let before = before(Rules::builtin().graduation.turned_year(province, today));
        while left > 0 {
            let mut cx = house.read(Who::System("graduation")).await?;
            let due = sql::due(&mut cx, province, &before, PIECE).await?;
            drop(cx);
            if due.is_empty() {
                notices::tell(house, province).await?;
                break;
            }
            left -= 1;
            let (due, before) = (&due, &before);
            let done = act!(house, Who::System("系统"), |cx| piece(cx, due, before).await)?;
            turned += done;
        }
    }
    Ok(turned)
}

/// One piece in one transaction. What was turned, marked anew or deleted since it was read is left
/// alone: the statement asks again.
async fn piece(cx: &mut Cx, due: &[sql::Due], before: &str) -> Result<usize> {
    let permit = cx.permit_system(Action::MarkGraduation)?;
    let ids: Rows = due.iter().map(|row| vec![row.id.into()]).collect();
    let turned: HashSet<i64> = sql::convert(cx, &permit, ids, before).await?.into_iter().collect();
    let ids: Rows = turned.iter().map(|id| vec![(*id).into()]).collect();
    let flagged = sql::flag(cx, &permit, ids).await?;
    let due: Vec<&sql::Due> = due.iter().filter(|row| turned.contains(&row.id)).collect();
    let mut events = Vec::with_capacity(due.len());
    for row in &due {
        let event = Event::new("org.graduated", "org", row.id).at(&row.path);
        events.push(event.detail(json!({ "graduates": row.graduates })));
        tell_branch(cx, row).await?;
    }
    notices::note(cx, &permit, &due, &flagged).await?;
    super::record_all(cx, permit, events).await?;
    Ok(turned.len())
}

async fn tell_branch(cx: &mut Cx, row: &sql::Due) -> Result<()> {
    let message = Message {
        to: To::Org(OrgId(row.id)),
        kind: "graduation",
        title: "本支部已转为毕业生团组织".into(),
        body: format!(
            "预计毕业时间 {},到转换日自动办理。支部和团员都还在,功能不变;请提醒大家登记去向并办理转出。延迟毕业的、教师和暂留学校的,由上级团委标记。",
            row.graduates
        ),
        href: format!("/o/{}/graduation", row.code),
    };
    send(cx, message).await
}

/// What a correction of a 毕业生团组织 would do; for the page before it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reversal {
    pub code: String,
    pub name: String,
    pub mark: Option<Mark>,
    /// When it turned.
    pub turned_on: String,
    pub members: i64,
    /// How many carry which mark: label and number.
    pub marks: Vec<(&'static str, i64)>,
    /// Why it can't be corrected from here.
    pub absent: Option<Absent>,
}

/// Looks at a 毕业生团组织 before its mark is corrected.
pub async fn reversal(cx: &mut Cx, code: &str) -> Result<Reversal> {
    let row = graduate(cx, code).await?;
    let counts = sql::marks_in(cx, OrgId(row.id)).await?;
    let marks = [
        ("毕业生", counts.graduate),
        ("延迟毕业", counts.delayed),
        ("教师", counts.teacher),
        ("毕业学生流动团员", counts.mobile),
    ];
    let by = cx.org()?.clone();
    let today = clock::day(cx.now());
    Ok(Reversal {
        absent: list::branch(&row, &by, today)?.absent,
        mark: row.mark(),
        turned_on: row.graduated_at.map(clock::show_day).unwrap_or_default(),
        members: marks.iter().map(|(_, n)| n).sum(),
        marks: marks.into_iter().filter(|(_, n)| *n > 0).collect(),
        code: row.code,
        name: row.short_name,
    })
}

async fn graduate(cx: &mut Cx, code: &str) -> Result<sql::Row> {
    let row = sql::by_codes(cx, vec![vec![code.into()]]).await?.pop().ok_or(Error::NotFound)?;
    let is_graduate = row.category == Category::Graduate.code();
    if !cx.may(Action::SeeOrg, &row.path) || !is_graduate {
        return Err(Error::NotFound);
    }
    Ok(row)
}

/// Corrects the mark of a 毕业生团组织 (conflict 14: by the superior). A month that is still due
/// keeps it one; any other mark makes it a branch again and takes the marks of its people away.
/// Returns how many people lost their mark.
pub async fn correct(cx: &mut Cx, code: &str, mark: Mark) -> Result<u64> {
    let row = graduate(cx, code).await?;
    let here = org(&row)?;
    let permit = cx.permit(Action::MarkGraduation, &here)?;
    marks::plausible(cx, mark)?;
    let by = cx.org()?.clone();
    let target =
        Target { category: here.category, industry: row.industry.as_deref(), path: &row.path };
    if let Some(absent) = absent(target, &by.path, by.category, Rules::builtin()) {
        return Err(Error::refused(Refusal::new("grad_absent", absent.says())));
    }
    sql::lock(cx, &permit, vec![vec![row.id.into()]]).await?;
    let today = clock::day(cx.now());
    let due = |month| Rules::builtin().graduation.is_due(month, &row.province, today);
    let (done, lost) = match mark.month().filter(|month| due(*month)) {
        Some(month) => (sql::correct_month(cx, &permit, &here, &month.to_string()).await?, 0),
        None => {
            let done = sql::revert(cx, &permit, &here, mark).await?;
            (done, sql::unflag(cx, &permit, &here).await?)
        }
    };
    if !done {
        let says = "这个组织刚刚被其他人改动,你的操作未生效。请刷新后再看。";
        return Err(Error::conflict(Refusal::new("E22", says)));
    }
    let detail = json!({
        "before": row.mark().map(Mark::word), "after": mark.word(), "marks_taken_away": lost,
    });
    let event = Event::new("org.graduation_corrected", "org", row.id).at(&row.path).detail(detail);
    cx.record(permit, event).await?;
    tell_corrected(cx, &here, mark, lost).await?;
    Ok(lost)
}

async fn tell_corrected(cx: &mut Cx, here: &OrgRef, mark: Mark, lost: u64) -> Result<()> {
    let by = cx.org()?.clone();
    let parent = match orgs::parent_path(&here.path) {
        Some(path) => orgs::names_to(cx, path).await?.pop(),
        None => None,
    };
    let effect = match lost {
        0 => String::new(),
        n => format!("已恢复为团支部,{n} 名团员的毕业标记已取消。"),
    };
    for to in [Some(here.clone()), parent.filter(|p| p.id != by.id)].into_iter().flatten() {
        let message = Message {
            to: To::Org(to.id),
            kind: "graduation",
            title: format!("{}的毕业时间已更正", here.short_name),
            body: format!("{}更正为“{}”。{effect}", by.short_name, mark.label()),
            href: format!("/o/{}/graduation", to.code),
        };
        send(cx, message).await?;
    }
    Ok(())
}
