//! 分领域 (row 159): to which of the eight sectors an organisation's figures belong, and what a
//! change does to the counters of its sector. An organisation that changes its industry takes its
//! figures with it: the sector that they were last added to stands beside its own counter.

use super::{Figures, judged};
use crate::{orgs::Category, rules::Rules};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A sector.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Sector {
    School,
    Institution,
    StateOwned,
    Private,
    Social,
    Community,
    Village,
    Other,
}
use Sector as S;

impl Sector {
    /// All of them, in the order of the tabs and of the database's key.
    pub const ALL: [Self; 8] = [
        S::School,
        S::Institution,
        S::StateOwned,
        S::Private,
        S::Social,
        S::Community,
        S::Village,
        S::Other,
    ];
    /// As stored: the counter's scope.
    pub fn code(self) -> &'static str {
        match self {
            S::School => "sector1",
            S::Institution => "sector2",
            S::StateOwned => "sector3",
            S::Private => "sector4",
            S::Social => "sector5",
            S::Community => "sector6",
            S::Village => "sector7",
            S::Other => "sector8",
        }
    }
    pub(super) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }
    /// In addresses, the same word as in JSON.
    pub fn key(self) -> &'static str {
        match self {
            S::School => "school",
            S::Institution => "institution",
            S::StateOwned => "state_owned",
            S::Private => "private",
            S::Social => "social",
            S::Community => "community",
            S::Village => "village",
            S::Other => "other",
        }
    }
    /// On pages, as the industries' table names it.
    pub fn label(self) -> &'static str {
        match self {
            S::School => "学校",
            S::Institution => "机关事业单位",
            S::StateOwned => "国有企业",
            S::Private => "非公企业",
            S::Social => "新社会组织",
            S::Community => "城市社区",
            S::Village => "农村",
            S::Other => "其他",
        }
    }
    /// The sector of an organisation with this industry; leading organs stand in none, because the
    /// tabs are about the grassroots (基层).
    pub fn of(category: Category, industry: Option<&str>) -> Option<Self> {
        if category == Category::Lead {
            return None;
        }
        let row = Rules::builtin().tree.industry(industry?)?;
        Self::ALL.into_iter().find(|s| s.label() == row.sector)
    }
}

/// What decides how an organisation is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) category: Option<Category>,
    pub(super) sector: Option<Sector>,
    /// Cadres of a branch who are no members of it, and how many of them are complete (decision 26).
    /// Looked up and not counted on: whatever makes a guest of somebody is a noted change there.
    pub(super) guests: (i64, i64),
}

/// What has to be added because of a change at one organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// To its own counter, its parent's and all subtrees above.
    pub(super) all: Figures,
    /// To the counters of sectors, its own and above.
    pub(super) sectors: Vec<(Sector, Figures)>,
}
impl Effect {
    /// What `change` does to an organisation that had `own` in the sector `was`.
    pub(super) fn of(own: Figures, was: Option<Sector>, change: Figures, kind: Kind) -> Self {
        let after = judged(own + change, kind);
        let all = after - own;
        let was = was.filter(|_| !own.is_zero());
        let sectors = if was == kind.sector {
            kind.sector.map(|s| (s, all)).into_iter().collect()
        } else {
            let left = was.map(|s| (s, Figures::default() - own));
            left.into_iter().chain(kind.sector.map(|s| (s, after))).collect()
        };
        Self { all, sectors }
    }
    /// Of one sector, or of all.
    pub(super) fn within(&self, sector: Option<Sector>) -> Figures {
        match sector {
            None => self.all,
            Some(sector) => self
                .sectors
                .iter()
                .filter(|(s, _)| *s == sector)
                .fold(Figures::default(), |sum, (_, figures)| sum + *figures),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRANCH: Figures = Figures {
        orgs: 1,
        branches: 1,
        branches_done: 1,
        bodies_done: 0,
        members: 3,
        members_done: 3,
        cadres: 0,
        cadres_done: 0,
    };
    fn kind(sector: Sector) -> Kind {
        Kind { category: Some(Category::Branch), sector: Some(sector), ..Kind::default() }
    }

    #[test]
    fn every_sector_of_the_industries_has_its_counter() {
        for row in &Rules::builtin().tree.industries {
            assert!(
                Sector::of(Category::Branch, Some(&row.code)).is_some(),
                "{} has no counter",
                row.sector
            );
            assert_eq!(Sector::of(Category::Lead, Some(&row.code)), None);
        }
        for sector in Sector::ALL {
            assert_eq!(Sector::from_code(sector.code()), Some(sector));
        }
    }

    #[test]
    fn an_organisation_takes_its_figures_along_to_another_sector() {
        let one = Figures { members: 1, members_done: 1, ..Figures::default() };
        let stays = Effect::of(BRANCH, Some(S::School), one, kind(S::School));
        assert_eq!(stays.sectors, [(S::School, one)]);
        let goes = Effect::of(BRANCH, Some(S::School), one, kind(S::Village));
        assert_eq!(goes.all, one);
        assert_eq!(goes.within(Some(S::School)), Figures::default() - BRANCH);
        assert_eq!(goes.within(Some(S::Village)), BRANCH + one);
        assert_eq!(goes.within(Some(S::Other)), Figures::default());
        // Whoever had nothing leaves nothing behind.
        let new = Effect::of(Figures::default(), Some(S::School), BRANCH, kind(S::Village));
        assert_eq!(new.sectors, [(S::Village, BRANCH)]);
    }
}
