//! 团组织: the tree. Every other room asks this one where an organisation stands.

/// Many at once.
pub mod batch;
mod batch_sql;
mod card;
mod category;
/// 组织码.
pub mod code;
mod create;
mod edit;
mod ending;
/// What of the names is in the search index.
pub mod grams;
mod history;
mod identity;
mod list;
mod moving;
mod order;
mod order_sql;
/// Pinyin initials.
pub mod pinyin;
mod search;
mod search_match;
mod search_sql;
mod sql;

pub use card::{Card, CardDetail, Step, card, chain};
pub(crate) use category::correct_category;
pub use category::{
    Change as CategoryChange, Choice, Correction, category_choices, change_category,
    judge_correction,
};
pub use create::{New, Preview, Root, create_child, create_root, preview, tidy};
pub use edit::{Edit, Info, Missing, Part, Task, edit, info, is_frozen};
pub use ending::{
    Ended, HOLDING_NAME, bring_back, end, ended_by_code, gone, hold_all_living, hold_living,
    holding_below, living_children, made_by_the_system, sister_named,
};
pub use history::{History, Step as HistoryStep, history};
pub(crate) use identity::set_identity;
pub use identity::{Identity, judge_identity_change};
pub use list::{Child, Children, Level, Narrow, Place, browse, children, children_of, narrowed};
pub use moving::{Load, Mandate, Moved, active, against_moving, against_moving_to};
pub(crate) use moving::{lock_tree, move_below, seize};
pub use order::{Move, Ranked, ranked, reorder};
pub use search::{Hit, Query, search};

use crate::{Cx, Error, OrgRef, Permit, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

db::id!(
    /// An organisation.
    OrgId
);

/// 组织类别 (C2), as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Category {
    Lead,
    Committee,
    Work,
    General,
    Branch,
    Graduate,
    Holding,
}
impl Category {
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Lead => "LEAD",
            Self::Committee => "COMMITTEE",
            Self::Work => "WORK",
            Self::General => "GENERAL",
            Self::Branch => "BRANCH",
            Self::Graduate => "GRADUATE",
            Self::Holding => "HOLDING",
        }
    }
    /// As stored, read back.
    pub fn from_code(code: &str) -> Option<Self> {
        [
            Self::Lead,
            Self::Committee,
            Self::Work,
            Self::General,
            Self::Branch,
            Self::Graduate,
            Self::Holding,
        ]
        .into_iter()
        .find(|c| c.code() == code)
    }
    /// Whether it owns members (C2).
    pub fn owns_members(self) -> bool {
        matches!(self, Self::Branch | Self::Graduate | Self::Holding)
    }
}

/// The organisation with this 组织码, wherever it stands. For the other side of a business; what
/// may be *shown* of it is decided by the caller.
pub async fn by_code(cx: &mut Cx, code: &str) -> Result<OrgRef> {
    sql::by_code(cx, code).await?.ok_or(Error::NotFound)
}

/// The organisation with this id.
pub async fn by_id(cx: &mut Cx, id: OrgId) -> Result<OrgRef> {
    sql::by_id(cx, id).await?.ok_or(Error::NotFound)
}

/// The full name of the organisation with this id.
pub async fn full_name(cx: &mut Cx, id: OrgId) -> Result<String> {
    sql::full_name(cx, id.0).await
}

/// Locks the organisation's row until the transaction ends, so that one at a time decides about its
/// administrators and its 书记.
pub async fn lock(cx: &mut Cx, permit: &Permit, id: OrgId) -> Result<()> {
    sql::lock(cx, permit, id).await
}

/// Notes the day of an election; elsewhere in the form of the organisation's information.
pub async fn set_elected_on(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    day: jiff::civil::Date,
) -> Result<()> {
    sql::set_elected_on(cx, permit, org.id, &day.to_string()).await
}

/// The organisations at these paths, in organisation order, closed ones too.
pub(crate) async fn at_paths(cx: &mut Cx, paths: Vec<String>) -> Result<Vec<OrgRef>> {
    sql::by_paths(cx, paths).await
}

/// The names on the way from the root down to `path`, the root first and the organisation last.
pub async fn names_to(cx: &mut Cx, path: &str) -> Result<Vec<OrgRef>> {
    let prefixes = (1..=path.len() / 3).filter_map(|n| path.get(..n * 3));
    sql::by_paths(cx, prefixes.map(str::to_owned).collect()).await
}

/// How deep a path is; the root is 1.
pub fn depth_of(path: &str) -> usize {
    path.len() / 3
}

/// The path of the direct superior; `None` for the root.
pub fn parent_path(path: &str) -> Option<&str> {
    path.len().checked_sub(3).filter(|len| *len > 0).and_then(|len| path.get(..len))
}

/// The end of a child's path: its number as three base-36 characters. `None` from 46,656 on.
pub fn path_part(number: i64) -> Option<String> {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let number = usize::try_from(number).ok().filter(|n| *n < 36 * 36 * 36)?;
    let digit = |n: usize| char::from(DIGITS[n % 36]);
    Some([digit(number / 1296), digit(number / 36), digit(number)].into_iter().collect())
}

/// The Chinese name of a leaf of the industries (C3); leading organs carry 党政机关.
pub fn industry_name(category: Category, industry: Option<&str>) -> String {
    match industry {
        None if category == Category::Lead => "党政机关".to_owned(),
        None => String::new(),
        Some(code) => crate::rules::Rules::builtin()
            .tree
            .industry(code)
            .map_or_else(|| code.to_owned(), |row| row.level2.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_number_becomes_three_characters_in_the_same_order() {
        let parts: Vec<String> = (0..46_656).filter_map(path_part).collect();
        assert_eq!(parts.len(), 46_656);
        assert!(parts.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(path_part(46_656), None);
        assert_eq!(parent_path("000001"), Some("000"));
        assert_eq!(parent_path("000"), None);
    }
}
