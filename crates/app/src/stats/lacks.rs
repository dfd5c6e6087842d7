//! What is still missing, named: for a branch (rows 151, 152) and for an organisation's own page
//! (row 155).

use super::{sql, visible};
use crate::{
    Cx, OrgRef, Result,
    people::PersonId,
    rules::{
        Column, Rules,
        completeness::{self, OrgItem},
    },
};
use schemars::JsonSchema;
use serde::Serialize;

/// What a branch lacks until its entry is complete; nothing when it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lack {
    /// How many people more are needed: 团员 and 团干部 together (row 152, decision 26).
    pub members: i64,
    /// People whose profile is incomplete, at most 200 of each.
    pub people: Vec<Incomplete>,
    /// How many there are in all.
    pub incomplete: i64,
}
impl Lack {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.members == 0 && self.incomplete == 0
    }
}

/// Somebody whose profile is incomplete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Incomplete {
    #[serde(serialize_with = "number_as_text")]
    #[schemars(with = "String")]
    pub person: PersonId,
    /// The opaque code that pages use in links.
    pub code: String,
    pub name: String,
    /// The missing values by their Chinese names, in template order.
    pub missing: Vec<String>,
}

fn number_as_text<S: serde::Serializer>(
    id: &PersonId,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    to.collect_str(id)
}

/// What `branch` lacks.
pub async fn branch_lacks(cx: &mut Cx, branch: &OrgRef) -> Result<Lack> {
    visible(cx, branch)?;
    let (members, incomplete) = sql::members_of(cx, &branch.path).await?;
    let least = Rules::builtin().policy.completeness.branch_members;
    let (guests, incomplete_guests) = sql::guests_of(cx, branch.id.0).await?;
    let mut people = sql::incomplete_of(cx, &branch.path, 200).await?;
    if incomplete_guests > 0 {
        people.extend(sql::incomplete_guests_of(cx, branch.id.0, 200).await?);
    }
    let people = people
        .into_iter()
        .map(|(person, code, name, missing)| Incomplete {
            person,
            code,
            name,
            missing: labels(&missing),
        })
        .collect();
    Ok(Lack {
        members: (least - members - guests).max(0),
        people,
        incomplete: incomplete + incomplete_guests,
    })
}

/// Column keys as stored in `person.missing`, as Chinese names.
fn labels(missing: &str) -> Vec<String> {
    let keys = missing.split(',').filter(|k| !k.is_empty());
    keys.map(|k| Column::from_key(k).map_or_else(|| k.to_owned(), |c| c.label().to_owned()))
        .collect()
}

/// What the page of `org` lacks (row 155), by Chinese names, in the rules' order.
pub async fn org_lacks(cx: &mut Cx, org: &OrgRef) -> Result<Vec<&'static str>> {
    Ok(org_missing(cx, org).await?.into_iter().map(OrgItem::label).collect())
}

/// What the page of `org` lacks (row 155), in the rules' order; nothing when 信息完善.
pub async fn org_missing(cx: &mut Cx, org: &OrgRef) -> Result<Vec<OrgItem>> {
    visible(cx, org)?;
    let facts = sql::org_facts(cx, org.id.0).await?;
    let filled = |item: OrgItem| match item {
        OrgItem::Category | OrgItem::ShortName | OrgItem::FullName => true,
        OrgItem::Industry => facts.industry,
        OrgItem::Phone => facts.phone,
        OrgItem::Email => facts.email,
        OrgItem::StaffAdminPosts => facts.admin_posts,
        OrgItem::StaffAdminFilled => facts.admin_filled,
        OrgItem::StaffInstPosts => facts.staff_posts,
        OrgItem::StaffInstFilled => facts.staff_filled,
        OrgItem::Secretary => facts.secretary,
        OrgItem::SecretaryMobile => facts.secretary_mobile,
    };
    Ok(completeness::missing_of_org(org.category, filled, Rules::builtin()))
}
