//! The page's questions: how many of each kind, and which.

use super::{Ill, sql, term_over};
use crate::{
    Action, Cx, Error, OrgRef, Result, Scope,
    clock::{Millis, day, days_since},
    orgs::Category,
};
use schemars::JsonSchema;
use serde::Serialize;

/// How many organisations have one fault.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Count {
    pub kind: Ill,
    pub label: String,
    pub advice: String,
    /// Counted to [`MOST`]; more are not counted.
    pub count: i64,
    /// Whether there are more than were counted.
    pub more: bool,
}

/// The summary of a subtree.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Summary {
    pub counts: Vec<Count>,
    /// The moment up to which every change is in the figures; `None` before the first look.
    pub as_of: Option<Millis>,
}

/// So many are counted; a page says 500+ above.
const MOST: i64 = 500;

fn scope(cx: &Cx, under: &OrgRef) -> Result<Scope> {
    cx.scope(Action::SeeOrg)?.within(&under.path).ok_or(Error::NotFound)
}

/// How many organisations at and below `under` need a hand, by kind.
pub async fn summary(cx: &mut Cx, under: &OrgRef) -> Result<Summary> {
    let scope = scope(cx, under)?;
    let bits = Ill::ALL.map(Ill::bit);
    let found = sql::counts(cx, (&scope.lo, &scope.hi), bits, MOST + 1).await?;
    let count = |ill: Ill| {
        let count = found.iter().find(|(bit, _)| *bit == ill.bit()).map_or(0, |(_, n)| *n);
        Count {
            kind: ill,
            label: ill.label(),
            advice: ill.advice().to_owned(),
            count: count.min(MOST),
            more: count > MOST,
        }
    };
    let counts = Ill::ALL.into_iter().map(count).collect();
    Ok(Summary { counts, as_of: sql::looked_at(cx).await? })
}

/// The moment up to which every change is in the lists; `None` before the first look.
pub async fn as_of(cx: &mut Cx) -> Result<Option<Millis>> {
    sql::looked_at(cx).await
}

/// An organisation that needs a hand.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Row {
    pub code: String,
    pub name: String,
    pub category: Category,
    pub category_name: String,
    pub members: i64,
    pub secretary: Option<String>,
    /// What exactly is wrong, in words.
    pub finding: String,
    pub superior: String,
    pub superior_code: String,
    #[serde(skip)]
    pub path: String,
    #[serde(skip)]
    pub superior_path: String,
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Page {
    pub rows: Vec<Row>,
    /// Mark of the next page.
    pub next: Option<String>,
}

/// The organisations at and below `under` with one fault, in organisation order.
pub async fn list(
    cx: &mut Cx,
    under: &OrgRef,
    kind: Ill,
    after: Option<&str>,
    limit: i64,
) -> Result<Page> {
    let scope = scope(cx, under)?;
    list_in(cx, &scope, kind, after.unwrap_or_default(), limit).await
}

/// As [`list`], in a range that was decided before.
pub(super) async fn list_in(
    cx: &mut Cx,
    scope: &Scope,
    kind: Ill,
    after: &str,
    limit: i64,
) -> Result<Page> {
    let limit = limit.clamp(1, 1000);
    let mut found = sql::list(cx, (&scope.lo, &scope.hi), kind.bit(), after, limit + 1).await?;
    let more = found.len() as i64 > limit;
    if more {
        found.pop();
    }
    let next = found.last().filter(|_| more).map(|row| row.path.clone());
    let now = cx.now();
    Ok(Page { rows: found.into_iter().filter_map(|row| shown(row, kind, now)).collect(), next })
}

fn shown(row: sql::Found, kind: Ill, now: Millis) -> Option<Row> {
    let category = Category::from_code(&row.category)?;
    let finding = match kind {
        Ill::Empty => "没有团员".to_owned(),
        Ill::Few | Ill::Many => format!("{} 人", row.members),
        Ill::NoPhone => match &row.secretary {
            Some(name) => format!("书记{name}没有登记手机号"),
            None => "没有书记".to_owned(),
        },
        Ill::NoAdmin => "没有管理员".to_owned(),
        Ill::Unplaced => "团干部名单里有人没有团支部".to_owned(),
        Ill::TermOver => {
            let elected = row.elected_on.as_deref().unwrap_or_default();
            let over = term_over(
                category,
                row.industry.as_deref(),
                (Some(elected), row.term_until.as_deref()),
                day(now),
            );
            let said = if over { ",任期已满" } else { ",刚刚换届" };
            format!("上次换届 {elected}{said}")
        }
        Ill::Holding => format!("已 {} 天,{} 人", days_since(row.created_at, now), row.members),
        Ill::SmallGeneral | Ill::SmallCommittee => {
            format!("各团支部共 {} 人", row.members_below)
        }
        Ill::NoBranch => "下面没有团支部".to_owned(),
    };
    Some(Row {
        category,
        category_name: category.label().to_owned(),
        code: row.code,
        name: row.short_name,
        members: row.members,
        secretary: row.secretary,
        finding,
        superior: row.parent_name.unwrap_or_default(),
        superior_code: row.parent_code.unwrap_or_default(),
        path: row.path,
        superior_path: row.parent_path.unwrap_or_default(),
    })
}
