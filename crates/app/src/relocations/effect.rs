//! What a relocation brings with it, with counts: shown before it is begun and before each consent.

use super::sql;
use crate::{Cx, OrgRef, Result, codes, stats};
use schemars::JsonSchema;
use serde::Serialize;

/// The figures of a superior's subtree now and afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Before {
    pub orgs: i64,
    pub orgs_after: i64,
    pub members: i64,
    pub members_after: i64,
}

/// What goes along, and what changes for both superiors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Effect {
    /// The organisation itself among them.
    pub orgs: i64,
    pub branches: i64,
    pub members: i64,
    pub cadres: i64,
    pub administrators: i64,
    /// Open transfers from here; they go on. Counted to 1000.
    pub transfers_out: i64,
    /// Open transfers to here; they go on. Counted to 1000.
    pub transfers_in: i64,
    /// Imports that are not finished; they go on. Counted to 1000.
    pub imports: i64,
    /// Registration codes of the organisation itself that nobody has used; they end.
    pub codes: i64,
    pub old_parent: Before,
    pub new_parent: Before,
    /// The superior that both have in common, whose figures stay as they are.
    pub common: Option<String>,
}

/// Judges nothing, only counts; the figures are those last folded (seconds ago).
pub async fn effect_of(cx: &mut Cx, org: &OrgRef, old: &OrgRef, new: &OrgRef) -> Result<Effect> {
    let moves = stats::subtree(cx, &org.path).await?;
    let business = sql::business(cx, &org.path).await?;
    let common = common(&old.path, &new.path);
    let mut sides = Vec::new();
    for (side, leaves) in [(old, true), (new, false)] {
        let now = stats::subtree(cx, &side.path).await?;
        // A superior that stands above the other one keeps what it had.
        let stays = side.path == common;
        let change = |n: i64| match (stays, leaves) {
            (true, _) => 0,
            (false, true) => -n,
            (false, false) => n,
        };
        sides.push(Before {
            orgs: now.orgs,
            orgs_after: now.orgs + change(moves.orgs),
            members: now.members,
            members_after: now.members + change(moves.members),
        });
    }
    let name = crate::orgs::names_to(cx, common).await?.pop().map(|o| o.short_name);
    Ok(Effect {
        orgs: moves.orgs,
        branches: moves.branches,
        members: moves.members,
        cadres: moves.cadres,
        administrators: business.administrators,
        transfers_out: business.transfers_out,
        transfers_in: business.transfers_in,
        imports: business.imports,
        codes: codes::waiting_for(cx, org).await?,
        old_parent: sides[0],
        new_parent: sides[1],
        common: name,
    })
}

/// The deepest path that both begin with.
fn common<'a>(one: &'a str, other: &str) -> &'a str {
    let mut levels = 0;
    while one.get(..levels + 3).is_some_and(|p| other.starts_with(p)) {
        levels += 3;
    }
    &one[..levels]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_common_superior_is_the_deepest_one() {
        assert_eq!(super::common("000001002", "000001003"), "000001");
        assert_eq!(super::common("000001", "000001003"), "000001");
        assert_eq!(super::common("000001002", "000002"), "000");
    }
}
