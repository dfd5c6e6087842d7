//! Marking branches, singly and many at once (rows 119-121, conflicts 14-16).

use super::{list, org, sql};
use crate::{
    Action, Cx, Error, OrgRef, Result, clock,
    error::FieldError,
    events::Event,
    orgs::Category,
    rules::{
        Rules,
        graduation::{Absent, Mark, Reason, Target, absent},
    },
};
use db::Rows;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;

/// What became of a marking.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Marked {
    /// Branches that carry the mark now.
    pub done: usize,
    /// Of these, how many turn into 毕业生团组织 at once, because their day has passed.
    pub at_once: usize,
    /// Those left out, and why.
    pub skipped: Vec<Skipped>,
}

/// A branch or a person that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Skipped {
    pub name: String,
    pub why: String,
}

/// Marks branches below the organisation acted for. Errors: `Invalid` for nothing chosen or a
/// month out of reach; `NotFound` for a branch that isn't hers. What can't be marked is left out
/// and told.
pub async fn mark(cx: &mut Cx, codes: &[String], mark: Mark) -> Result<Marked> {
    if codes.is_empty() || codes.len() > super::MOST {
        let says = format!("请勾选要标记的团支部,一次最多 {} 个。", super::MOST);
        return Err(Error::field("only", "grad_none_chosen", says));
    }
    plausible(cx, mark)?;
    let rows = locked(cx, codes).await?;
    let mut done = Marked::default();
    let mut good = Vec::new();
    let held = held_marks(cx, &rows, mark).await?;
    for row in rows {
        match why_not(cx, &row, mark, &held)? {
            Some(why) => done.skipped.push(Skipped { name: row.short_name, why }),
            None => good.push(row),
        }
    }
    store(cx, good, mark, &mut done).await?;
    Ok(done)
}

/// Marks every branch below as its name suggests; those whose day has passed are left for a look.
pub async fn mark_suggested(cx: &mut Cx) -> Result<Marked> {
    let by = cx.org()?.clone();
    let (_, branches) = list::suggested(cx, &by).await?;
    let mut by_mark: HashMap<Mark, Vec<String>> = HashMap::new();
    for branch in branches {
        if let Some(mark) = branch.suggestion {
            by_mark.entry(mark).or_default().push(branch.code);
        }
    }
    if by_mark.is_empty() {
        let says = "现在没有能按名称建议标记的团支部,请刷新后核对。";
        return Err(Error::field("only", "grad_none_suggested", says));
    }
    let mut sorted: Vec<_> = by_mark.into_iter().collect();
    sorted.sort_by_key(|(mark, _)| mark.word());
    let mut all = Marked::default();
    for (mark, codes) in sorted {
        let rows = locked(cx, &codes).await?;
        // Somebody may have marked one meanwhile: hers stays.
        let rows = rows.into_iter().filter(|row| row.mark().is_none()).collect();
        store(cx, rows, mark, &mut all).await?;
    }
    Ok(all)
}

/// Whether a month lies near enough to be meant.
pub(super) fn plausible(cx: &Cx, mark: Mark) -> Result<()> {
    let today = clock::day(cx.now());
    match mark.month() {
        Some(month) if !Rules::builtin().graduation.is_plausible(month, today) => {
            let says = format!(
                "预计毕业时间 {month} 离今天太远,请核对年份,例如 {}-06。",
                today.year().saturating_add(1)
            );
            Err(Error::Invalid(vec![FieldError::new("mark", "grad_far", says)]))
        }
        _ => Ok(()),
    }
}

/// The branches of these codes, locked and as they stand; all of them must be to be seen.
async fn locked(cx: &mut Cx, codes: &[String]) -> Result<Vec<sql::Row>> {
    let rows: Rows = codes.iter().map(|code| vec![code.as_str().into()]).collect();
    let found = sql::by_codes(cx, rows.clone()).await?;
    let by = cx.org()?.clone();
    if found.len() < codes.len() || found.iter().any(|row| !cx.may(Action::SeeOrg, &row.path)) {
        return Err(Error::NotFound);
    }
    let permit = cx.permit(Action::MarkGraduation, &by)?;
    sql::lock(cx, &permit, ids(&found)).await?;
    cx.return_unused(permit);
    sql::by_codes(cx, rows).await
}

pub(super) fn ids(rows: &[sql::Row]) -> Rows {
    rows.iter().map(|row| vec![row.id.into()]).collect()
}

/// How many people with marks of their own are in mixed branches that would stop being mixed.
async fn held_marks(cx: &mut Cx, rows: &[sql::Row], mark: Mark) -> Result<HashMap<i64, i64>> {
    let mixed = |row: &&sql::Row| row.mark() == Some(Mark::Exempt(Reason::Mixed));
    let leaves: Rows = rows.iter().filter(mixed).map(|row| vec![row.id.into()]).collect();
    if mark == Mark::Exempt(Reason::Mixed) || leaves.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(sql::holding_marks(cx, leaves).await?.into_iter().collect())
}

fn why_not(
    cx: &Cx,
    row: &sql::Row,
    mark: Mark,
    held: &HashMap<i64, i64>,
) -> Result<Option<String>> {
    let by = cx.org()?;
    let here = org(row)?;
    let target =
        Target { category: here.category, industry: row.industry.as_deref(), path: &row.path };
    if let Some(absent) = absent(target, &by.path, by.category, Rules::builtin()) {
        return Ok(Some(absent.says().to_owned()));
    }
    if here.category == Category::Graduate {
        let says = "它已经转为毕业生团组织,请点“更正”逐个办理:先看影响,再确认。";
        return Ok(Some(says.to_owned()));
    }
    if row.special_kind != "NONE" && mark != Mark::Exempt(Reason::Mixed) {
        let says = "特殊团支部里的人毕业时间不同,固定为“混合支部”,按人标记。";
        return Ok(Some(says.to_owned()));
    }
    Ok(held.get(&row.id).map(|n| {
        format!(
            "支部里有 {n} 名单独标记过的团员。请先在“名单”里取消他们的标记,再改支部的毕业时间。"
        )
    }))
}

async fn store(cx: &mut Cx, rows: Vec<sql::Row>, mark: Mark, done: &mut Marked) -> Result<()> {
    let today = clock::day(cx.now());
    let changed: Vec<sql::Row> = rows
        .into_iter()
        .inspect(|_| done.done += 1)
        .filter(|row| row.mark() != Some(mark))
        .collect();
    let Some(first) = changed.first() else { return Ok(()) };
    let permit = cx.permit(Action::MarkGraduation, &org(first)?)?;
    sql::mark(cx, &permit, ids(&changed), mark).await?;
    let mut events = Vec::with_capacity(changed.len());
    for row in &changed {
        let here: OrgRef = org(row)?;
        // Leave for each of them: the statement above falls with the transaction otherwise.
        let also = cx.permit(Action::MarkGraduation, &here)?;
        cx.return_unused(also);
        let detail = json!({ "before": row.mark().map(Mark::word), "after": mark.word() });
        let event = Event::new("org.graduation_marked", "org", row.id).at(&row.path);
        events.push(event.detail(detail));
        let due = |month| Rules::builtin().graduation.is_due(month, &row.province, today);
        done.at_once += usize::from(mark.month().is_some_and(due));
    }
    super::record_all(cx, permit, events).await
}

impl Absent {
    /// Whether the reason lies in who asks and not in the branch.
    pub fn is_about_asker(self) -> bool {
        matches!(self, Self::OwnBranch | Self::Turned)
    }
}
