//! 组织名片 (row 63): what everybody sees of an organisation, and what only those see who may.

use super::{Category, industry_name, sql};
use crate::{Action, Cx, Error, OrgRef, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// One organisation on the way from the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    pub code: String,
    pub name: String,
    /// Whether the visitor may open it.
    pub open: bool,
}

/// The card.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Card {
    pub code: String,
    pub short_name: String,
    pub full_name: String,
    pub category: Category,
    pub category_name: String,
    pub industry: String,
    /// From the root down to the direct superior.
    pub superiors: Vec<Step>,
    pub secretary: Option<String>,
    /// How to reach its administrators: the organisation's telephone, never a person's.
    pub phone: Option<String>,
    /// How many administrators it has.
    pub administrators: usize,
    pub school_code: Option<String>,
    /// For those who may see the organisation.
    pub detail: Option<CardDetail>,
}

/// What is not for everybody.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CardDetail {
    /// By name.
    pub administrators: Vec<String>,
    pub email: Option<String>,
    pub address: Option<String>,
    pub founded_on: Option<String>,
    pub elected_on: Option<String>,
    /// 预计毕业时间, or why there is none; school branches alone have one (row 119).
    pub graduation: Option<String>,
    /// Of itself and everything below, as last folded.
    pub members: i64,
    pub organisations: i64,
}

/// The card of the organisation with this code, for anybody who has signed in.
pub async fn card(cx: &mut Cx, code: &str) -> Result<Card> {
    cx.visitor()?;
    let row = sql::info_by_code(cx, code).await?.ok_or(Error::NotFound)?;
    let category = row.category()?;
    let superiors = match super::parent_path(&row.path) {
        Some(path) => chain(cx, path).await?,
        None => Vec::new(),
    };
    let administrators = sql::administrators(cx, row.id).await?;
    let secretary = sql::secretary(cx, row.id).await?;
    let fields = row.fields();
    let text = |value: String| (!value.is_empty()).then_some(value);
    let count = administrators.len();
    let detail = if cx.may(Action::SeeOrg, &row.path) {
        let (members, organisations) = sql::subtree_counts(cx, &row.path).await?;
        Some(CardDetail {
            administrators,
            graduation: row.graduation().map(|mark| mark.label()),
            email: row.email,
            address: row.address,
            founded_on: text(fields.founded_on),
            elected_on: text(fields.elected_on),
            members,
            organisations,
        })
    } else {
        None
    };
    Ok(Card {
        code: row.code,
        short_name: row.short_name,
        full_name: row.full_name,
        category,
        category_name: category.label().to_owned(),
        industry: industry_name(category, row.industry.as_deref()),
        superiors,
        secretary,
        phone: row.phone,
        administrators: count,
        school_code: row.school_code,
        detail,
    })
}

/// The way from the root down to `path`, for a page: names and codes are public.
pub async fn chain(cx: &mut Cx, path: &str) -> Result<Vec<Step>> {
    let orgs = super::names_to(cx, path).await?;
    let step = |org: OrgRef| Step {
        open: cx.may(Action::SeeOrg, &org.path),
        code: org.code,
        name: org.short_name,
    };
    Ok(orgs.into_iter().map(step).collect())
}
