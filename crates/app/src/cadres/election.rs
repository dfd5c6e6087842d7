//! 换届 (A30, 42, D11): who leaves, who stays with which post, who comes, who is administrator
//! afterwards, said once, shown with every effect, carried out in one transaction in the one right
//! order: rights are taken, posts end, posts are given, rights are given.

mod carry;
mod judge;

pub use carry::hold;
pub use judge::{Judged, Plan, preview};

use super::{rights, sql};
use crate::{Action, Cx, OrgRef, Result, people::PersonId, rules::person::RawCell};

/// Cadres that a page shows; whoever stands behind them stays as she is.
pub(super) const SHOWN: usize = 60;

/// A cadre before the election.
#[derive(Clone, Debug)]
pub struct Sitting {
    pub person: PersonId,
    pub code: String,
    pub name: String,
    pub post: String,
    pub admin: bool,
    pub is_secretary: bool,
}

/// What the first page shows.
#[derive(Clone, Debug)]
pub struct Ballot {
    pub sitting: Vec<Sitting>,
    /// There are more cadres than a page shows; they stay.
    pub more: bool,
    /// Members of the branch without a post, to be chosen by name: code, name.
    pub members: Vec<(String, String)>,
    /// How many administrators there may be.
    pub most: i64,
    pub elected_on: Option<String>,
    /// What the page has seen; an election over something else is refused (E22).
    pub seen: String,
}

/// The election as typed.
#[derive(Clone, Debug, Default)]
pub struct Election {
    pub seen: String,
    /// `YYYY-MM-DD`.
    pub elected_on: String,
    /// By person code; who is not named stays as she is.
    pub fates: Vec<Fate>,
    pub newcomers: Vec<Newcomer>,
}

/// What becomes of a cadre.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    pub code: String,
    /// A post, `""` for the present one, [`LEAVES`] for none.
    pub post: String,
    pub admin: bool,
}
/// The word of a form for 离任.
pub const LEAVES: &str = "leave";

/// Somebody who comes: a member of the branch by code, or anybody by name and ID number.
#[derive(Clone, Debug, Default)]
pub struct Newcomer {
    pub member: String,
    pub name: String,
    pub id_number: RawCell,
    pub mobile: String,
    pub post: String,
    pub admin: bool,
}
impl Newcomer {
    /// Whether the line was left empty.
    pub fn is_blank(&self) -> bool {
        [&self.member, &self.name, &self.id_number.text, &self.mobile, &self.post]
            .iter()
            .all(|text| text.trim().is_empty())
    }
}

/// Reads what an election of this organisation starts from.
pub async fn ballot(cx: &mut Cx, org: &OrgRef) -> Result<Ballot> {
    for action in [Action::ChangePosts, Action::ManageAdmins] {
        if !cx.may(action, &org.path) {
            return Err(cx.forbidden(action, org));
        }
    }
    let mut rows = sql::sitting(cx, org, SHOWN + 1).await?;
    let more = rows.len() > SHOWN;
    rows.truncate(SHOWN);
    let members = if org.category.owns_members() {
        sql::members_without_post(cx, org).await?
    } else {
        vec![]
    };
    let elected_on = sql::term_facts(cx, org.id).await?.1;
    let mut text = elected_on.clone().unwrap_or_default();
    for row in &rows {
        text.push_str(&format!("/{}:{}:{}", row.id, row.version, row.slot.unwrap_or(0)));
    }
    let hash = cx.house().keys().code_hash("election", &text);
    let sitting = |row: sql::SittingRow| Sitting {
        is_secretary: row.post == super::posts::SECRETARY,
        admin: row.slot.is_some(),
        person: row.person,
        code: row.code,
        name: row.name,
        post: row.post,
    };
    Ok(Ballot {
        sitting: rows.into_iter().map(sitting).collect(),
        more,
        members,
        most: super::seats_of(org),
        elected_on,
        seen: hash.iter().take(9).map(|byte| format!("{byte:02x}")).collect(),
    })
}

/// Whether whoever acts is the sitting 书记 and acts for this organisation (42).
fn is_own_secretary(cx: &Cx, org: &OrgRef, ballot: &Ballot) -> bool {
    rights::is_own(cx, org)
        && ballot.sitting.iter().any(|s| s.is_secretary && rights::is_me(cx, s.person))
}
