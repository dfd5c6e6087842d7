//! Judging anew who is complete (rows 151-154) when the rules that say so have changed: by two
//! operators, or with a release. A job in pieces; what it has not reached yet counts as before.

use super::{PersonId, counts, person, sql};
use crate::{
    Action, Cx, House, Result, Who, act,
    clock::{self, MINUTE},
    events::Event,
    jobs::{self, Job, Turn},
    rules::{Column, Rules, SheetKind, completeness},
    stats,
};
use jiff::civil::Date;
use serde_json::{Value as Json, json};

const PIECE: i64 = 300;

/// What everybody was judged by, as kept in the table of settings.
const JUDGED_BY: &str = "judged_by";
/// Where a job stands.
const STANDS_AT: &str = "judging_at";

fn mark() -> String {
    let rules = Rules::builtin();
    format!("{}|{}", rules.mark_of_completeness(), rules.mark_of_thresholds())
}

/// Whether somebody may still stand as the rules before said.
pub async fn rejudging(cx: &mut Cx) -> Result<bool> {
    let judged_by = sql::rejudge::setting(cx, JUDGED_BY).await?;
    Ok(judged_by.is_some_and(|by| by != mark()))
}

/// Starts the job when the rules are others than those that everybody was judged by. For the
/// clockwork. Every node reads changed rules within seconds; the job waits for the last of them.
pub async fn look(house: &House) -> Result<()> {
    let mut cx = house.read(Who::System("rejudge")).await?;
    let judged_by = sql::rejudge::setting(&mut cx, JUDGED_BY).await?;
    drop(cx);
    let mark = mark();
    if judged_by.as_ref() == Some(&mark) {
        return Ok(());
    }
    act!(house, Who::System("rejudge"), |cx| {
        if judged_by.is_some() {
            jobs::enqueue(cx, &Job::Rejudge, None, 0).await?;
            return Ok(());
        }
        // The first look at a new database: everybody in it was judged by these rules.
        let permit = cx.permit_system(Action::RunSystem)?;
        sql::rejudge::set(cx, &permit, JUDGED_BY, &mark).await?;
        cx.record(permit, Event::new("completeness.noted", "setting", 0)).await
    })
}

/// The job: every person, then every organisation.
pub(crate) async fn run(turn: &Turn<'_>) -> Result<Json> {
    let by = mark();
    let (mut changed, mut done) = (0, 0);
    let mut at = act!(turn.house, Who::System("rejudge"), |cx| resume(cx).await)?;
    loop {
        let step = act!(turn.house, Who::System("rejudge"), |cx| piece(cx, turn, at, done).await)?;
        (done, changed) = (done + step.looked, changed + step.changed);
        let Some(last) = step.last else { break };
        at = last;
    }
    let mut path = String::new();
    loop {
        let last =
            act!(turn.house, Who::System("rejudge"), |cx| orgs(cx, turn, &path, done).await)?;
        let Some((last, count)) = last else { break };
        (path, done) = (last, done + count);
        // Folded at once, so that the changes noted by others do not wait behind ours.
        stats::settle(turn.house).await?;
    }
    let by = &by;
    act!(turn.house, Who::System("rejudge"), |cx| {
        let permit = cx.permit_system(Action::RunSystem)?;
        sql::rejudge::set(cx, &permit, JUDGED_BY, by).await?;
        sql::rejudge::set(cx, &permit, STANDS_AT, "").await?;
        let event = Event::new("completeness.judged", "job", turn.id.0);
        cx.record(permit, event.detail(json!({ "changed": changed }))).await
    })?;
    Ok(json!({ "looked": done, "changed": changed }))
}

/// Where a job of the same rules was cut off; another one begins from the start.
async fn resume(cx: &mut Cx) -> Result<i64> {
    let stands = sql::rejudge::setting(cx, STANDS_AT).await?.unwrap_or_default();
    let at = stands.split_once(' ').filter(|(_, by)| *by == mark());
    Ok(at.and_then(|(id, _)| id.parse().ok()).unwrap_or(i64::MIN))
}

#[derive(Default)]
struct Step {
    last: Option<i64>,
    looked: i64,
    changed: i64,
}

async fn piece(cx: &mut Cx, turn: &Turn<'_>, after: i64, done: i64) -> Result<Step> {
    let rows = sql::rejudge::after(cx, after, PIECE).await?;
    let Some(last) = rows.last().map(|row| row.id) else { return Ok(Step::default()) };
    let permit = cx.permit_system(Action::RunSystem)?;
    let today = clock::day(cx.now());
    let mut changed = 0;
    for row in &rows {
        let missing = missing(cx, row, Rules::builtin(), today)?;
        let text = person::columns_text(&missing);
        if text == row.missing {
            continue;
        }
        // Whoever is edited at this moment is judged by that edit.
        if !sql::rejudge::store(cx, &permit, row, &text).await? {
            continue;
        }
        changed += 1;
        let complete = text.is_empty();
        let flip = i64::from(complete) - i64::from(row.missing.is_empty());
        if flip == 0 {
            continue;
        }
        if let Some(path) = sql::rejudge::member(cx, &permit, PersonId(row.id), complete).await? {
            let by = counts::Counts { members_done: flip, ..Default::default() };
            counts::add(cx, &permit, &path, by).await?;
        }
        let posts = sql::store::posts_complete(cx, &permit, PersonId(row.id), complete).await?;
        for path in posts {
            let by = counts::Counts { cadres_done: flip, ..Default::default() };
            counts::add(cx, &permit, &path, by).await?;
        }
    }
    let looked = rows.len() as i64;
    sql::rejudge::set(cx, &permit, STANDS_AT, &format!("{last} {}", mark())).await?;
    turn.progress(cx, done + looked, done + looked).await?;
    if changed == 0 {
        cx.return_unused(permit);
    } else {
        let event = Event::new("completeness.changed", "job", turn.id.0);
        cx.record(permit, event.detail(json!({ "persons": changed }))).await?;
    }
    Ok(Step { last: Some(last), looked, changed })
}

/// Has a piece of the organisations' completeness looked at again.
async fn orgs(
    cx: &mut Cx,
    turn: &Turn<'_>,
    after: &str,
    done: i64,
) -> Result<Option<(String, i64)>> {
    let permit = cx.permit_system(Action::RunSystem)?;
    let seen = stats::look_again(cx, &permit, after, 1000).await?;
    let count = seen.len() as i64;
    turn.progress(cx, done + count, done + count).await?;
    cx.return_unused(permit);
    Ok(seen.into_iter().next_back().map(|last| (last, count)))
}

/// What a person misses by these rules, as [`super::edit`] judges it.
fn missing(cx: &Cx, row: &sql::rejudge::Row, rules: &Rules, today: Date) -> Result<Vec<Column>> {
    let contact = match &row.contact_ct {
        Some(sealed) => Some(person::Contact::read(&person::unseal(
            cx.house().keys(),
            person::CONTACT_COLUMN,
            row.id,
            sealed,
        )?)),
        None => None,
    };
    let member = row.joined.is_some();
    let facts = completeness::Facts {
        sheet: if member { SheetKind::Members } else { SheetKind::Cadres },
        political: row.political.as_deref(),
        joined: row.joined.as_deref().and_then(|j| j.parse().ok()),
        region: row.province.as_deref().unwrap_or_default(),
        today,
    };
    let lacked = |column: Column| row.missing.split(',').any(|key| key == column.key());
    let filled = |column: Column| match column {
        Column::Name | Column::IdNumber => true,
        Column::Mobile => row.has_mobile,
        Column::Ethnic => row.ethnic.is_some(),
        Column::Political => row.political.is_some(),
        Column::Education => row.education.is_some(),
        // Who is no member has no place for them: it stays as it was entered.
        Column::Joined | Column::DevNumber if !member => !lacked(column),
        Column::Joined => row.joined.as_ref().is_some_and(|j| !j.is_empty()),
        Column::DevNumber => row.dev_number.is_some(),
        other => contact.as_ref().is_some_and(|c| c.has(other)),
    };
    Ok(completeness::missing_of_person(&facts, filled, rules))
}

/// People looked at to estimate what other rules would say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    pub looked: i64,
    /// Whether they are everybody.
    pub all: bool,
    /// Incomplete by the rules in force, and by the others.
    pub now: i64,
    pub then: i64,
}

/// At most 1,000 people, taken in forty places of the register, judged by both rules.
pub async fn sample(cx: &mut Cx, then: &Rules) -> Result<Sample> {
    let today = clock::day(cx.now());
    let mut rows = sql::rejudge::after(cx, i64::MIN, 1001).await?;
    let all = rows.len() <= 1000;
    if !all {
        let (first, last) = sql::rejudge::ends(cx).await?;
        rows.clear();
        let step = (last - first) / 40;
        for place in 0..40 {
            rows.extend(sql::rejudge::after(cx, first + place * step - 1, 25).await?);
        }
        rows.sort_by_key(|row| row.id);
        rows.dedup_by_key(|row| row.id);
    }
    let mut sample = Sample { looked: rows.len() as i64, all, ..Sample::default() };
    for row in &rows {
        sample.now += i64::from(!missing(cx, row, Rules::builtin(), today)?.is_empty());
        sample.then += i64::from(!missing(cx, row, then, today)?.is_empty());
    }
    Ok(sample)
}

/// How long everybody takes, in minutes: measured at some thousand persons a second.
pub fn minutes_for(people: i64) -> i64 {
    (people / (1000 * MINUTE / 1000)).max(1)
}
