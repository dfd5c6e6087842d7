//! Names and industry where they are fixed (row 46): changed by two operators alone. The room of
//! proposals decides; here it is judged and done.

use super::{
    Category,
    create::{industry_error, judge_names, tidy},
    edit::{is_frozen, refuse_twin, renew_grams},
    pinyin, sql,
};
use crate::{
    Cx, Error, OrgRef, Permit, Result,
    events::Event,
    stats::{self, Change},
};
use serde_json::json;

/// What is fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub short_name: String,
    pub full_name: String,
    /// Key of a leaf of the industries; none for leading organs.
    pub industry: String,
}
impl Identity {
    fn of(fields: &super::Edit) -> Self {
        Self {
            short_name: fields.short_name.clone(),
            full_name: fields.full_name.clone(),
            industry: fields.industry.clone(),
        }
    }
    fn tidied(&self, category: Category) -> Self {
        let lead = category == Category::Lead;
        Self {
            short_name: tidy(&self.short_name),
            full_name: tidy(&self.full_name),
            industry: if lead { String::new() } else { self.industry.trim().to_owned() },
        }
    }
    fn against(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            ("short_name", self.short_name == other.short_name),
            ("full_name", self.full_name == other.full_name),
            ("industry", self.industry == other.industry),
        ];
        pairs.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect()
    }
}

/// What stands there now, and which fields would change. Errors: `Invalid` by field.
pub async fn judge_identity_change(
    cx: &mut Cx,
    org: &OrgRef,
    to: &Identity,
) -> Result<(Identity, Vec<&'static str>)> {
    let row = sql::info_by_code(cx, &org.code).await?.ok_or(Error::NotFound)?;
    if !is_frozen(&row.path, org.category) {
        let says = "这个组织的信息可以由本组织或直接上级修改,不用系统运营办理。";
        return Err(Error::field("short_name", "org_not_frozen", says));
    }
    let (now, to) = (Identity::of(&row.fields()), to.tidied(org.category));
    let changed = to.against(&now);
    let (mut wrong, _) = judge_names(&to.short_name, &to.full_name, org.category);
    if to.full_name.is_empty() {
        wrong.push(crate::FieldError::new("full_name", "required", "请填写“组织全称”。"));
    }
    if changed.contains(&"industry") {
        wrong.extend(industry_error(org.category, Some(&to.industry)));
    }
    if let Some(parent) = row.parent_id
        && let Some((code, there)) =
            sql::sister_named(cx, super::OrgId(parent), &to.short_name).await?
        && code != org.code
    {
        let says = format!("同一上级下已有“{there}”，不能重名。");
        wrong.push(crate::FieldError::new("short_name", "org_name_taken", says));
    }
    if wrong.is_empty() { Ok((now, changed)) } else { Err(Error::Invalid(wrong)) }
}

/// Changes what is fixed. The caller writes its own event; the organisation's history gets one too.
pub(crate) async fn set_identity(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    to: &Identity,
) -> Result<()> {
    let row = sql::info_by_code(cx, &org.code).await?.ok_or(Error::NotFound)?;
    let before = row.fields();
    let to = to.tidied(org.category);
    let after = super::Edit {
        short_name: to.short_name.clone(),
        full_name: to.full_name.clone(),
        industry: to.industry.clone(),
        ..before.clone()
    };
    if after.short_name != before.short_name {
        refuse_twin(cx, permit, &row, &after.short_name).await?;
    }
    let initials = pinyin::initials(&after.short_name);
    if !sql::update(cx, permit, row.id, row.version, &after, &initials).await? {
        return Err(Error::Retry);
    }
    renew_grams(cx, permit, &row, &before, &after).await?;
    if after.industry != before.industry {
        let change = Change { org_path: &row.path, ..Change::default() };
        stats::change(cx, permit, change).await?;
    }
    let shown = |e: &super::Edit| json!({ "short_name": e.short_name, "full_name": e.full_name, "industry": e.industry });
    let detail = json!({ "before": shown(&before), "after": shown(&after) });
    cx.note(Event::new("org.edited", "org", row.id).at(&row.path).detail(detail)).await
}
