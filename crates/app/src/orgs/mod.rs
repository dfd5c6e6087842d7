//! 团组织: the tree. Every other room asks this one where an organisation stands.

/// 组织码.
pub mod code;
/// What of the names is in the search index.
pub mod grams;
/// Pinyin initials.
pub mod pinyin;
mod sql;

use crate::{Cx, Error, OrgRef, Result};
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

/// The names on the way from the root down to `path`, the root first and the organisation last.
pub async fn names_to(cx: &mut Cx, path: &str) -> Result<Vec<OrgRef>> {
    let prefixes = (1..=path.len() / 3).filter_map(|n| path.get(..n * 3));
    sql::by_paths(cx, prefixes.map(str::to_owned).collect()).await
}
