//! True numbers: live counters of organisations, members and cadres for every organisation, its
//! direct children and its subtree (decision 11). Every room that changes what is counted calls
//! [`change`] in its own transaction; [`fold()`] carries the changes upwards within seconds.
//!
//! This room calls no other room, so that every other room may call it.

mod bodies;
mod fold;
mod hours;
mod lacks;
mod progress;
mod recount;
mod repath;
mod sector;
mod sql;

pub use bodies::{Bodies, BodyPage, BodyRow, bodies, bodies_workbook};
pub use fold::{fold, settle, turn};
pub use hours::{Hourly, at_hour, between, snapshot};
pub use lacks::{Incomplete, Lack, branch_lacks, org_lacks, org_missing};
pub(crate) use progress::share;
pub use progress::{Asked, Page, Progress, Sort, children, workbook};
pub use recount::{Difference, Walk, recount};
pub use repath::move_history;
pub(crate) use repath::{repath, subtree};
pub use sector::Sector;

use crate::{
    Action, Cx, Error, OrgRef, Permit, Result,
    clock::{HOUR, Millis, hour_of},
    rules::{Rules, completeness},
};
use schemars::JsonSchema;
use sector::Effect;
use serde::Serialize;
use std::ops::{Add, AddAssign, Sub};

/// What came (positive) or went (negative) at one organisation.
#[derive(Clone, Debug, Default)]
pub struct Change<'a> {
    /// The organisation itself; its ancestors follow by the fold.
    pub org_path: &'a str,
    /// 1 when it becomes living (`ACTIVE` or `MIGRATING`), −1 when it ends.
    pub orgs: i64,
    /// As `orgs`, for the categories that own members.
    pub branches: i64,
    /// Rows of `member`, whatever their status.
    pub members: i64,
    /// Rows of `member` that are complete (row 151).
    pub members_done: i64,
    /// Rows of `cadre` that have not ended.
    pub cadres: i64,
    /// Rows of `cadre` that have not ended and are complete.
    pub cadres_done: i64,
}

/// Notes a change of the counters in the caller's transaction. A change of nothing but the
/// category or the industry is an all-zero `Change`: it has the organisation's completeness and
/// sector looked at again.
pub async fn change(cx: &mut Cx, permit: &Permit, change: Change<'_>) -> Result<()> {
    // The counters follow from what the permit allowed; it is asked for so that no reading path
    // can write here.
    let _ = permit.action();
    sql::note(cx, &change).await
}

/// Has the completeness of the next organisations in path order looked at again, at most `limit`;
/// returns their paths.
pub(crate) async fn look_again(
    cx: &mut Cx,
    permit: &Permit,
    after: &str,
    limit: i64,
) -> Result<Vec<String>> {
    let _ = permit.action();
    let paths = sql::counted_after(cx, after, limit).await?;
    sql::note_again(cx, &paths).await?;
    Ok(paths)
}

/// The eight figures that are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Figures {
    /// Living organisations, branches among them.
    pub orgs: i64,
    /// Organisations that own members.
    pub branches: i64,
    /// Branches that are complete (row 152).
    pub branches_done: i64,
    /// Other organisations whose cadres are complete (rows 153, 154).
    pub bodies_done: i64,
    pub members: i64,
    /// Members whose profile is complete (row 151).
    pub members_done: i64,
    pub cadres: i64,
    pub cadres_done: i64,
}

impl Figures {
    fn map2(self, other: Self, op: impl Fn(i64, i64) -> i64) -> Self {
        Self {
            orgs: op(self.orgs, other.orgs),
            branches: op(self.branches, other.branches),
            branches_done: op(self.branches_done, other.branches_done),
            bodies_done: op(self.bodies_done, other.bodies_done),
            members: op(self.members, other.members),
            members_done: op(self.members_done, other.members_done),
            cadres: op(self.cadres, other.cadres),
            cadres_done: op(self.cadres_done, other.cadres_done),
        }
    }
    /// Whether nothing is there.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}
impl Add for Figures {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.map2(other, |a, b| a + b)
    }
}
impl Sub for Figures {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.map2(other, |a, b| a - b)
    }
}
impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// The figures of one organisation with its completeness judged anew.
fn judged(own: Figures, kind: sector::Kind) -> Figures {
    let rules = Rules::builtin();
    let (branch, body) = if own.orgs <= 0 {
        (false, false)
    } else if own.branches > 0 {
        let (people, done) = (own.members + kind.guests.0, own.members_done + kind.guests.1);
        (completeness::branch_complete(people, done, rules), false)
    } else {
        let complete = |c| completeness::cadres_complete(c, own.cadres, own.cadres_done, rules);
        (false, kind.category.is_some_and(complete))
    };
    Figures { branches_done: i64::from(branch), bodies_done: i64::from(body), ..own }
}

/// Whose figures a counter holds. In the order of the database's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Of the direct children.
    Direct,
    /// Of what in the subtree belongs to one sector.
    Sector(Sector),
    /// Of the organisation alone.
    #[serde(rename = "self")]
    Own,
    /// Of the organisation and everything below it.
    Subtree,
}
impl Span {
    /// How many there are.
    pub const COUNT: usize = 3 + Sector::ALL.len();
    /// All of them, in their order.
    pub fn all() -> impl Iterator<Item = Self> {
        let sectors = Sector::ALL.into_iter().map(Self::Sector);
        [Self::Direct].into_iter().chain(sectors).chain([Self::Own, Self::Subtree])
    }
    /// Its place in that order.
    fn index(self) -> usize {
        match self {
            Self::Direct => 0,
            Self::Sector(sector) => 1 + sector as usize,
            Self::Own => Self::COUNT - 2,
            Self::Subtree => Self::COUNT - 1,
        }
    }
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Sector(sector) => sector.code(),
            Self::Own => "self",
            Self::Subtree => "subtree",
        }
    }
    fn from_code(code: &str) -> Option<Self> {
        Self::all().find(|s| s.code() == code)
    }
    /// Of everything below, or of one sector of it.
    pub fn below(sector: Option<Sector>) -> Self {
        sector.map_or(Self::Subtree, Self::Sector)
    }
}

/// The counters that a change at `path` touches, with what is added to each.
fn touched<'a>(
    path: &'a str,
    effect: &'a Effect,
) -> impl Iterator<Item = (&'a str, Span, Figures)> {
    let above = || (1..=path.len() / 3).filter_map(|n| path.get(..n * 3));
    let sectors = effect
        .sectors
        .iter()
        .flat_map(move |(s, figures)| above().map(|p| (p, Span::Sector(*s), *figures)));
    above()
        .map(|p| (p, Span::Subtree, effect.all))
        .chain(sectors)
        .chain([(path, Span::Own, effect.all)])
        .chain(parent(path).map(|p| (p, Span::Direct, effect.all)))
}

/// The path above.
fn parent(path: &str) -> Option<&str> {
    path.len().checked_sub(3).filter(|n| *n > 0).and_then(|n| path.get(..n))
}

/// The figures of an organisation as a page shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Card {
    /// Of the organisation alone.
    pub own: Figures,
    /// Of its direct children.
    pub direct: Figures,
    /// Of itself and everything below.
    pub subtree: Figures,
    /// The moment up to which every change is in the figures.
    pub as_of: Millis,
    /// When the figures are next kept for comparison (row 156).
    pub next_snapshot: Millis,
}

/// The figures of an organisation, with changes that are not folded yet. Costs the same in a
/// school and in the nation. [`Error::NotFound`] outside of what the visitor may see.
pub async fn of(cx: &mut Cx, org: &OrgRef) -> Result<Card> {
    visible(cx, org)?;
    let mut figures = sql::counters(cx, &org.path).await?;
    let pending = pending(cx, &org.path).await?;
    for (path, effect) in &pending.effects {
        for (_, span, added) in touched(path, effect).filter(|(at, ..)| *at == org.path) {
            *figures.entry(span).or_default() += added;
        }
    }
    let of = |span| figures.get(&span).copied().unwrap_or_default();
    Ok(Card {
        own: of(Span::Own),
        direct: of(Span::Direct),
        subtree: of(Span::Subtree),
        as_of: pending.as_of,
        next_snapshot: hour_of(cx.now()) + HOUR,
    })
}

fn visible(cx: &Cx, org: &OrgRef) -> Result<()> {
    if cx.scope(Action::SeeStats)?.holds(&org.path) { Ok(()) } else { Err(Error::NotFound) }
}

/// Changes below one path that no counter holds yet.
struct Pending {
    effects: Vec<(String, Effect)>,
    as_of: Millis,
}

impl Pending {
    /// The figures of a child's row with what waits below it.
    fn within(&self, child: &sql::Child, sector: Option<Sector>) -> Figures {
        let below = self.effects.iter().filter(|(path, _)| path.starts_with(&child.path));
        below.fold(child.figures(), |sum, (_, effect)| sum + effect.within(sector))
    }
}

/// More waiting changes than this are not added by a page; it shows an earlier as-of time instead.
const MOST_PENDING: i64 = 500;

async fn pending(cx: &mut Cx, path: &str) -> Result<Pending> {
    let rows = sql::waiting(cx, MOST_PENDING + 1).await?;
    if rows.len() > usize::try_from(MOST_PENDING).unwrap_or(usize::MAX) {
        // `at` of the oldest: everything before it has been folded.
        let oldest = rows.iter().map(|r| r.at).min().unwrap_or_else(|| cx.now());
        return Ok(Pending { effects: Vec::new(), as_of: oldest });
    }
    let grouped = fold::grouped(rows.into_iter().filter(|r| r.org_path.starts_with(path)));
    let paths: Vec<&str> = grouped.keys().map(String::as_str).collect();
    let kinds = sql::kinds(cx, &paths).await?;
    let own = sql::own_figures(cx, &paths).await?;
    let effects = grouped
        .into_iter()
        .map(|(path, change)| {
            let (before, was) = own.get(&path).copied().unwrap_or_default();
            let kind = kinds.get(&path).copied().unwrap_or_default();
            let effect = Effect::of(before, was, change, kind);
            (path, effect)
        })
        .collect();
    Ok(Pending { effects, as_of: cx.now() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orgs::Category;
    use sector::Kind;

    fn effect(own: Figures, change: Figures) -> Figures {
        Effect::of(own, None, change, BRANCH_KIND).all
    }

    const BRANCH_KIND: Kind =
        Kind { category: Some(Category::Branch), sector: None, guests: (0, 0) };

    const BRANCH: Figures = Figures {
        orgs: 1,
        branches: 1,
        branches_done: 0,
        bodies_done: 0,
        members: 2,
        members_done: 2,
        cadres: 0,
        cadres_done: 0,
    };

    #[test]
    fn the_third_complete_member_completes_the_branch_and_an_incomplete_fourth_undoes_it() {
        let one = Figures { members: 1, members_done: 1, ..Figures::default() };
        let third = effect(BRANCH, one);
        assert_eq!((third.members, third.branches_done), (1, 1));
        let fourth = Figures { members_done: 0, ..one };
        let undone = effect(BRANCH + third, fourth);
        assert_eq!((undone.members, undone.members_done, undone.branches_done), (1, 0, -1));
    }

    #[test]
    fn a_cadre_who_is_no_member_is_one_of_the_three_people_of_a_branch() {
        let with = |guests| judged(BRANCH, Kind { guests, ..BRANCH_KIND }).branches_done;
        assert_eq!([with((0, 0)), with((1, 0)), with((1, 1)), with((2, 1))], [0, 0, 1, 0]);
    }

    #[test]
    fn an_organisation_that_ends_is_no_longer_complete() {
        let own = judged(Figures { members: 3, members_done: 3, ..BRANCH }, BRANCH_KIND);
        let end =
            Figures { orgs: -1, branches: -1, members: -3, members_done: -3, ..Figures::default() };
        assert!((own + effect(own, end)).is_zero());
    }

    #[test]
    fn a_change_touches_itself_its_parent_and_every_subtree_above() {
        let one = Figures { members: 1, ..Figures::default() };
        let effect = Effect { all: one, sectors: vec![(Sector::School, one)] };
        let found: Vec<_> = touched("000001", &effect).map(|(p, s, _)| (p, s)).collect();
        let school = Span::Sector(Sector::School);
        assert_eq!(
            found,
            [
                ("000", Span::Subtree),
                ("000001", Span::Subtree),
                ("000", school),
                ("000001", school),
                ("000001", Span::Own),
                ("000", Span::Direct)
            ]
        );
        let plain = Effect { all: one, sectors: vec![] };
        assert_eq!(touched("000", &plain).count(), 2);
    }

    #[test]
    fn the_order_of_the_counters_is_the_databases() {
        let codes: Vec<&str> = Span::all().map(Span::code).collect();
        assert!(codes.is_sorted() && codes.len() == Span::COUNT);
        for (at, span) in Span::all().enumerate() {
            assert_eq!((span.index(), Span::from_code(span.code())), (at, Some(span)));
        }
    }
}
