//! 标记 (A48, B.8 first tab): the branches of a subtree by the state of their mark, with what their
//! names suggest, and the hint of the season on 组织首页.

use super::{org, sql};
use crate::{
    Action, Cx, Error, OrgRef, Result, Scope, clock,
    orgs::Category,
    rules::{
        Rules,
        graduation::{Absent, Mark, Target, absent},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which branches are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tab {
    /// 未标记.
    #[default]
    Unmarked,
    /// 已标记.
    Marked,
    /// 教师支部、混合支部.
    Exempt,
    /// 已转为毕业生团组织.
    Graduated,
}

/// A branch of the list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Branch {
    pub code: String,
    pub name: String,
    /// Name of the direct superior.
    pub superior: String,
    /// Members as last folded.
    pub members: i64,
    pub mark: Option<Mark>,
    /// What the name suggests.
    pub suggestion: Option<Mark>,
    /// The day on which it turns, or turned: `2026-07-01`.
    pub turns_on: Option<String>,
    /// Whether the suggestion would turn it at once: its day has passed.
    pub at_once: bool,
    /// Why it can't be marked from here (row 121).
    pub absent: Option<Absent>,
    pub special: bool,
    #[serde(skip)]
    pub path: String,
}

/// Branches in organisation order.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Page {
    pub rows: Vec<Branch>,
    /// Mark of the next page; `None` when this was the last.
    pub next: Option<String>,
}

/// The branches of `under` and below, a hundred at most, from the mark `after` on.
pub async fn branches(
    cx: &mut Cx,
    under: &OrgRef,
    tab: Tab,
    after: Option<&str>,
    limit: i64,
) -> Result<Page> {
    let scope = within(cx, under)?;
    let from = after.filter(|mark| scope.holds(mark)).unwrap_or(&scope.lo).to_owned();
    let limit = limit.clamp(1, 100);
    let mut rows = sql::list(cx, tab, (&from, &scope.hi), limit + 1).await?;
    let more = rows.len() as i64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(100));
    let next = rows.last().filter(|_| more).map(|row| row.path.clone());
    let by = cx.org()?.clone();
    let today = clock::day(cx.now());
    let rows = rows.iter().map(|row| branch(row, &by, today)).collect::<Result<_>>()?;
    Ok(Page { rows, next })
}

/// What of a subtree may be read here; a branch administrator sees her own.
pub(super) fn within(cx: &Cx, under: &OrgRef) -> Result<Scope> {
    cx.scope(Action::SeeOrg)?.within(&under.path).ok_or(Error::NotFound)
}

pub(super) fn branch(row: &sql::Row, by: &OrgRef, today: jiff::civil::Date) -> Result<Branch> {
    let rules = Rules::builtin();
    let here = org(row)?;
    let mark = row.mark();
    let suggestion = match (mark, here.category) {
        (None, Category::Branch) => {
            rules.graduation.suggest(&row.short_name, row.industry.as_deref(), today)
        }
        _ => None,
    };
    let month = mark.or(suggestion).and_then(Mark::month);
    let turned = row.graduated_at.map(clock::show_day);
    let turns_on = turned.or_else(|| {
        let day = rules.graduation.turns_on(month?.year(), &row.province)?;
        Some(day.to_string())
    });
    let at_once = mark.is_none()
        && month.is_some_and(|month| rules.graduation.is_due(month, &row.province, today));
    let target =
        Target { category: here.category, industry: row.industry.as_deref(), path: &row.path };
    Ok(Branch {
        absent: absent(target, &by.path, by.category, rules),
        special: row.special_kind != "NONE",
        code: row.code.clone(),
        name: row.short_name.clone(),
        superior: row.superior.clone().unwrap_or_default(),
        members: row.members,
        mark,
        suggestion,
        turns_on,
        at_once,
        path: row.path.clone(),
    })
}

/// Branches that are to be marked, and how many of them their names answer for.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct Unmarked {
    /// Counted to a thousand.
    pub branches: i64,
    /// Those among the first three hundred whose suggestion does not turn them at once.
    pub suggested: usize,
}

/// How many branches wait for a mark below, and for how many a suggestion can be taken over.
pub async fn suggested(cx: &mut Cx, under: &OrgRef) -> Result<(Unmarked, Vec<Branch>)> {
    let scope = within(cx, under)?;
    let count = sql::count_unmarked(cx, &scope.lo, &scope.hi, 1000).await?;
    let most = i64::try_from(super::MOST).unwrap_or(300);
    let rows = sql::list(cx, Tab::Unmarked, (&scope.lo, &scope.hi), most).await?;
    let (by, today) = (cx.org()?.clone(), clock::day(cx.now()));
    let mut taken = Vec::new();
    for row in &rows {
        let branch = branch(row, &by, today)?;
        if branch.suggestion.is_some() && !branch.at_once && branch.absent.is_none() {
            taken.push(branch);
        }
    }
    Ok((Unmarked { branches: count, suggested: taken.len() }, taken))
}

/// For 组织首页: how many branches of a school are unmarked (counted to 100); 0 where nothing is
/// to be marked from here.
pub async fn hint(cx: &mut Cx, org: &OrgRef) -> Result<i64> {
    let is_group = matches!(org.category, Category::Committee | Category::Work | Category::General);
    if !is_group || !cx.may(Action::MarkGraduation, &org.path) {
        return Ok(0);
    }
    let scope = Scope::subtree(&org.path);
    sql::count_unmarked(cx, &scope.lo, &scope.hi, 100).await
}
