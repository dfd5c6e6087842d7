//! 组织类别 may be changed once, by the own administrators at the first check (row 45); the centre
//! and the province-level organs never (row 46). What stands in the way is named beforehand, with
//! the way that removes it.

use super::{Category, edit, grams, sql};
use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result,
    clock::show_day,
    events::Event,
    rules::Rules,
    stats::{self, Change as Counted},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// A category that could be chosen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Choice {
    pub category: Category,
    pub name: &'static str,
    /// Why not; nothing when it may be chosen.
    pub blocks: Vec<String>,
}

/// What the page shows before anything is changed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Change {
    pub now: Category,
    pub now_name: &'static str,
    pub choices: Vec<Choice>,
    /// Why it can't be changed at all (E13, row 46).
    pub closed: Option<String>,
    /// Posts that the chosen categories may not know.
    pub posts: Vec<String>,
    pub version: i64,
}

/// What is known when a change is judged.
struct Facts {
    parent: Option<Category>,
    children: Vec<Category>,
    has_members: bool,
    has_transfers: bool,
    admins: i64,
}

/// The categories that the organisation could become, each with what stands in the way.
pub async fn category_choices(cx: &mut Cx, org: &OrgRef) -> Result<Change> {
    if !cx.may(Action::ChangeCategory, &org.path) {
        return Err(cx.forbidden(Action::ChangeCategory, org));
    }
    let row = sql::info_by_code(cx, &org.code).await?.ok_or(Error::NotFound)?;
    let now = row.category()?;
    let facts = facts(cx, row.id).await?;
    let tree = &Rules::builtin().tree;
    let choices = Category::ALL
        .into_iter()
        .filter(|to| *to != now && tree.category(*to).creatable)
        .filter(|to| facts.parent.is_none_or(|p| tree.can_contain(p, *to)))
        .map(|to| Choice { category: to, name: to.label(), blocks: blocks(&facts, to) })
        .collect();
    Ok(Change {
        now,
        now_name: now.label(),
        choices,
        closed: closed(cx, &row, now).await?,
        posts: sql::posts_held(cx, row.id).await?,
        version: row.version,
    })
}

async fn closed(cx: &mut Cx, row: &sql::InfoRow, now: Category) -> Result<Option<String>> {
    if !Rules::builtin().tree.category(now).creatable {
        let says = format!(
            "{}由系统自动转成,类别不能自己更改。毕业时间有误的,请上级在“毕业时间与毕业团员”里更正。",
            now.label()
        );
        return Ok(Some(says));
    }
    if edit::is_frozen(&row.path, now) {
        let says = "团中央和省级团委的名称、类别和行业由系统统一确定,不能修改。";
        return Ok(Some(says.to_owned()));
    }
    if !row.category_changed {
        return Ok(None);
    }
    let on = sql::category_changed_at(cx, row.id).await?.map(show_day);
    let on = on.map(|day| format!(",已于 {day} 改过")).unwrap_or_default();
    Ok(Some(format!("组织类别只能改一次{on}。确需更改,请由上级撤销后重建,或联系系统运营。")))
}

async fn facts(cx: &mut Cx, org: i64) -> Result<Facts> {
    let found = sql::category_facts(cx, org).await?;
    let children = sql::child_categories(cx, org).await?;
    Ok(Facts {
        parent: found.parent.as_deref().and_then(Category::from_code),
        children: children.iter().filter_map(|c| Category::from_code(c)).collect(),
        has_members: found.members,
        has_transfers: found.transfers,
        admins: sql::slots(cx, org).await?.len() as i64,
    })
}

/// What stands against becoming `to`; the pure rule.
fn blocks(facts: &Facts, to: Category) -> Vec<String> {
    let tree = &Rules::builtin().tree;
    let row = tree.category(to);
    let mut found = Vec::new();
    if facts.parent.is_some_and(|p| !tree.can_contain(p, to)) {
        found.push(format!("上级组织下面不能设{}", to.label()));
    }
    let wrong: Vec<&str> =
        facts.children.iter().filter(|c| !row.children.contains(c)).map(|c| c.label()).collect();
    if !wrong.is_empty() {
        found.push(format!("现有下级组织中有{},{}下面不能有", wrong.join("、"), to.label()));
    }
    if facts.has_members && !row.owns_members {
        found.push(format!("{}不直接管团员,请先把团员转到团支部", to.label()));
    }
    if facts.admins > i64::from(row.admin_seats) {
        found.push(format!(
            "{}最多 {} 位管理员,现有 {} 位,请先由上级撤销",
            to.label(),
            row.admin_seats,
            facts.admins
        ));
    }
    if facts.has_transfers {
        found.push("有等待本组织办理的组织关系转接,请先办完".to_owned());
    }
    found
}

/// Gives the organisation another category, for the first and last time. Refused: `E13` (changed
/// already), `org_frozen`, `category_blocked`; `Conflict` when it was edited meanwhile.
pub async fn change_category(cx: &mut Cx, org: &OrgRef, version: i64, to: Category) -> Result<()> {
    let permit = cx.permit(Action::ChangeCategory, org)?;
    // First the row: whoever creates below or enters people waits here and then sees the new one.
    sql::lock(cx, &permit, org.id).await?;
    let row = sql::info_by_code(cx, &org.code).await?.ok_or(Error::NotFound)?;
    let now = row.category()?;
    if let Some(says) = closed(cx, &row, now).await? {
        let code = if row.category_changed { "E13" } else { "org_frozen" };
        return Err(Error::refused(Refusal::new(code, says)));
    }
    if to == now || !Rules::builtin().tree.category(to).creatable {
        return Err(Error::field("category", "required", "请选择新的组织类别。"));
    }
    let against = blocks(&facts(cx, row.id).await?, to);
    if !against.is_empty() {
        let says = format!("现在还不能改为{}:{}。", to.label(), against.join(";"));
        return Err(Error::refused(Refusal::new("category_blocked", says)));
    }
    turn_into(cx, &permit, &row, (now, to), (version, false)).await?;
    let what = format!("把组织类别由{}改为{}", now.label(), to.label());
    edit::tell_other_side(cx, org, row.parent_id, &what).await?;
    cx.record(permit, changed(&row, now, to)).await
}

fn changed(row: &sql::InfoRow, now: Category, to: Category) -> Event {
    let detail = json!({
        "before": { "category": now.code() }, "after": { "category": to.code() },
    });
    Event::new("org.category_changed", "org", row.id).at(&row.path).detail(detail)
}

async fn turn_into(
    cx: &mut Cx,
    permit: &Permit,
    row: &sql::InfoRow,
    (now, to): (Category, Category),
    (version, again): (i64, bool),
) -> Result<()> {
    close_ranks(cx, permit, row.id, to).await?;
    if !sql::set_category(cx, permit, row.id, (version, again), to).await? {
        let says = "打开页面以后,本组织的信息被人修改过。请刷新后核对,再办理。";
        return Err(Error::conflict(Refusal::new("E22", says)));
    }
    renew(cx, permit, row, now, to).await?;
    let branches = i64::from(to.owns_members()) - i64::from(now.owns_members());
    let counted = Counted { org_path: &row.path, branches, ..Counted::default() };
    stats::change(cx, permit, counted).await
}

/// What operators see before they correct a category (O3).
#[derive(Clone, Debug)]
pub struct Correction {
    pub now: Category,
    /// What stands in the way.
    pub blocks: Vec<String>,
    /// Posts that the new category may not know.
    pub posts: Vec<String>,
    pub children: usize,
    pub admins: i64,
}

/// Looks at the correction of a category that its organisation can't change any more. Errors:
/// `Invalid` (`org`, `category`).
pub async fn judge_correction(cx: &mut Cx, org: &OrgRef, to: Category) -> Result<Correction> {
    let row = sql::info_by_code(cx, &org.code).await?.ok_or(Error::NotFound)?;
    let now = row.category()?;
    if edit::is_frozen(&row.path, now) || !Rules::builtin().tree.category(now).creatable {
        let says = "团中央、省级团委和系统自动转成的组织,类别不能更正。";
        return Err(Error::field("org", "org_frozen", says));
    }
    if !row.category_changed {
        let says = "这个组织还没有用过自己的一次更改,请它的管理员在“组织信息”里更改类别。";
        return Err(Error::field("org", "own_turn", says));
    }
    if to == now || !Rules::builtin().tree.category(to).creatable {
        return Err(Error::field("category", "required", "请选择新的组织类别。"));
    }
    let facts = facts(cx, row.id).await?;
    Ok(Correction {
        now,
        blocks: blocks(&facts, to),
        posts: sql::posts_held(cx, row.id).await?,
        children: facts.children.len(),
        admins: facts.admins,
    })
}

/// Corrects a category; judged a moment ago in the same transaction, after the row was locked.
pub(crate) async fn correct_category(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    to: Category,
) -> Result<()> {
    sql::lock(cx, permit, org.id).await?;
    let found = judge_correction(cx, org, to).await?;
    if !found.blocks.is_empty() {
        let says = format!("现在还不能改为{}:{}。", to.label(), found.blocks.join(";"));
        return Err(Error::conflict(Refusal::new("category_blocked", says)));
    }
    let row = sql::info_by_code(cx, &org.code).await?.ok_or(Error::NotFound)?;
    turn_into(cx, permit, &row, (found.now, to), (row.version, true)).await?;
    let what = format!("由系统运营把组织类别由{}更正为{}", found.now.label(), to.label());
    edit::tell_other_side(cx, org, row.parent_id, &what).await?;
    cx.note(changed(&row, found.now, to)).await
}

/// Seats beyond those of the new category move to lower numbers; the rule has seen that they fit.
async fn close_ranks(cx: &mut Cx, permit: &Permit, org: i64, to: Category) -> Result<()> {
    let seats = i64::from(Rules::builtin().tree.category(to).admin_seats);
    let mut taken = sql::slots(cx, org).await?;
    while let Some(high) = taken.iter().copied().find(|slot| *slot > seats) {
        let Some(free) = (1..=seats).find(|slot| !taken.contains(slot)) else { return Ok(()) };
        sql::move_slot(cx, permit, org, high, free).await?;
        taken.retain(|slot| *slot != high);
        taken.push(free);
    }
    Ok(())
}

/// The search index knows the category's usual ending.
async fn renew(
    cx: &mut Cx,
    permit: &Permit,
    row: &sql::InfoRow,
    was: Category,
    to: Category,
) -> Result<()> {
    let above = match row.parent_id {
        Some(id) => sql::full_name(cx, id).await?,
        None => String::new(),
    };
    let old = grams::of_org(&row.short_name, &row.full_name, "", was);
    sql::drop_grams(cx, permit, &row.path, old).await?;
    let new = grams::of_org(&row.short_name, &row.full_name, &above, to);
    sql::add_grams(cx, permit, &row.path, new).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            parent: Some(Category::Committee),
            children: vec![],
            has_members: false,
            has_transfers: false,
            admins: 1,
        }
    }

    #[test]
    fn an_empty_branch_becomes_a_general_branch_and_one_with_people_does_not() {
        assert!(blocks(&facts(), Category::General).is_empty());
        let full = Facts { has_members: true, ..facts() };
        assert_eq!(blocks(&full, Category::General).len(), 1);
        assert!(blocks(&full, Category::Branch).is_empty());
    }

    #[test]
    fn children_parents_seats_and_transfers_stand_in_the_way() {
        let above = Facts { children: vec![Category::Committee, Category::Branch], ..facts() };
        assert!(blocks(&above, Category::General)[0].contains("团委"));
        let general = Facts { parent: Some(Category::General), ..facts() };
        assert!(!blocks(&general, Category::Committee).is_empty());
        let three = Facts { parent: Some(Category::Lead), admins: 3, ..facts() };
        assert!(blocks(&three, Category::Lead)[0].contains("2 位"));
        assert_eq!(blocks(&Facts { has_transfers: true, ..facts() }, Category::Branch).len(), 1);
    }
}
