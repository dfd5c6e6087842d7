//! The end of an organisation and its way back (D6, rows 48-52). The room `closings` decides; here
//! the tree's own part is done. Whoever puts people or business into an organisation asks
//! [`hold_living`] first: a closing then comes before it or after it, never in between.

use super::{
    Category, OrgId,
    create::{Entry, store},
    grams, parent_path, path_part, sql,
};
use crate::{
    Cx, Error, OrgRef, Permit, Refusal, Result,
    events::Event,
    stats::{self, Change},
};
use serde_json::json;
use std::collections::HashMap;

/// Keeps a living organisation from being closed until the transaction ends. `Conflict`
/// (`org_gone`) when it was closed meanwhile; run again when it was moved.
pub async fn hold_living(cx: &mut Cx, org: &OrgRef) -> Result<()> {
    match sql::hold_status(cx, org.id).await? {
        Some((status, _)) if status == "DELETED" => Err(gone(org)),
        Some((_, path)) if path != org.path => Err(Error::Retry),
        Some(_) => Ok(()),
        None => Err(Error::NotFound),
    }
}

/// As [`hold_living`] for many at once: those of `ids` that live, each with its path.
pub async fn hold_all_living(cx: &mut Cx, ids: &[OrgId]) -> Result<HashMap<OrgId, String>> {
    let rows = ids.iter().map(|id| vec![(*id).into()]).collect();
    let held = sql::hold_many(cx, rows).await?;
    Ok(held.into_iter().map(|(id, path)| (OrgId(id), path)).collect())
}

/// What is said to somebody who comes too late.
pub fn gone(org: &OrgRef) -> Error {
    let says = format!("“{}”刚刚已被撤销,不能再办理。请刷新后选择其他组织。", org.short_name);
    Error::conflict(Refusal::new("org_gone", says))
}

/// What is said to whoever would change a holding branch, or put people into it (row 52).
pub fn made_by_the_system() -> Error {
    Error::refused(Refusal::new(
        "org_holding",
        "待接转团支部由系统自动建立,只存放已撤销团支部的团员,不能编辑,也不能添加、导入团员或设管理员。请把这些团员办理转出;空了以后可以撤销。",
    ))
}

/// Marks an organisation as closed: out of the search index and the counters, without its school
/// code, which is returned. `Conflict` (`org_gone`, `org_moving`) when it is no longer active.
pub async fn end(cx: &mut Cx, permit: &Permit, org: &OrgRef) -> Result<Option<String>> {
    let Some(row) = sql::info_by_code(cx, &org.code).await? else { return Err(gone(org)) };
    if !sql::end(cx, permit, org.id).await? {
        let says = format!(
            "“{}”正在调整(例如组织迁移)或已被撤销,现在不能撤销。请等迁移办完或撤回后再办理。",
            org.short_name
        );
        return Err(Error::conflict(Refusal::new("org_moving", says)));
    }
    sql::drop_all_grams(cx, permit, &org.path).await?;
    count(cx, permit, org, -1).await?;
    Ok(row.school_code)
}

/// The children that an organisation has now; at most `limit`, by name.
pub async fn living_children(
    cx: &mut Cx,
    org: &OrgRef,
    limit: i64,
) -> Result<Vec<(String, String)>> {
    sql::living_children(cx, org.id, limit).await
}

/// Whether an organisation has sisters by that name; for the way back.
pub async fn sister_named(cx: &mut Cx, parent: &OrgRef, name: &str) -> Result<Option<String>> {
    Ok(sql::sister_named(cx, parent.id, name).await?.map(|(code, _)| code))
}

/// A closed organisation as it was.
#[derive(Clone, Debug)]
pub struct Ended {
    pub org: OrgRef,
    pub full_name: String,
}

/// The closed organisation with this code.
pub async fn ended_by_code(cx: &mut Cx, code: &str) -> Result<Option<Ended>> {
    Ok(sql::ended_by_code(cx, code)
        .await?
        .and_then(|(found, full_name)| Some(Ended { org: found.org()?, full_name })))
}

/// Brings a closed organisation back under its superior, under the same or another name. The
/// superior's row is held, so that no sister takes the name at the same moment. Errors: `Invalid`
/// (`short_name`); `Conflict` (`org_parent_gone`, `org_back`); refused (`org_nesting`).
pub async fn bring_back(
    cx: &mut Cx,
    permit: &Permit,
    ended: &Ended,
    short_name: &str,
    school_code: Option<&str>,
) -> Result<OrgRef> {
    let Some(parent) = hold_parent(cx, permit, &ended.org).await? else {
        return Err(Error::conflict(Refusal::new(
            "org_parent_gone",
            "它的上级组织已经撤销,不能恢复。请先恢复上级组织,或在其他组织下新建。",
        )));
    };
    let rules = crate::rules::Rules::builtin();
    let kind = match ended.org.category {
        Category::Graduate | Category::Holding => Category::Branch,
        other => other,
    };
    if !rules.tree.can_contain(parent.category, kind) {
        let says = format!(
            "上级现在是{},下面不能有{},不能恢复。请在合适的上级组织下新建。",
            parent.category.label(),
            ended.org.category.label()
        );
        return Err(Error::refused(Refusal::new("org_nesting", says)));
    }
    let short = super::create::tidy(short_name);
    let (wrong, _) = super::create::judge_names(&short, &ended.full_name, ended.org.category);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    if let Some((code, there)) = sql::sister_named(cx, parent.id, &short).await? {
        let says = format!(
            "“{}”下现在另有“{there}”（组织码{code}）。请改一个简称再恢复。",
            parent.short_name
        );
        return Err(Error::field("short_name", "org_name_taken", says));
    }
    let initials = super::pinyin::initials(&short);
    if !sql::bring_back(cx, permit, ended.org.id, &short, &initials, school_code).await? {
        let says = format!("“{}”已经恢复,不用再办理。", ended.org.short_name);
        return Err(Error::conflict(Refusal::new("org_back", says)));
    }
    let org = OrgRef { short_name: short, ..ended.org.clone() };
    let parent_full = sql::full_name(cx, parent.id.0).await?;
    let grams = grams::of_org(&org.short_name, &ended.full_name, &parent_full, org.category);
    sql::add_grams(cx, permit, &org.path, grams).await?;
    count(cx, permit, &org, 1).await?;
    Ok(org)
}

/// The superior of an organisation, its row held until the transaction ends; `None` when it has
/// been closed.
async fn hold_parent(cx: &mut Cx, permit: &Permit, org: &OrgRef) -> Result<Option<OrgRef>> {
    let Some(path) = parent_path(&org.path) else { return Ok(None) };
    let Some(parent) = sql::by_paths(cx, vec![path.to_owned()]).await?.into_iter().next() else {
        return Err(Error::Retry);
    };
    sql::lock(cx, permit, parent.id).await?;
    match sql::hold_status(cx, parent.id).await? {
        Some((status, _)) if status == "DELETED" => Ok(None),
        _ => Ok(Some(parent)),
    }
}

/// What a holding branch is called.
pub const HOLDING_NAME: &str = "待接转团支部";

/// The 待接转团支部 below `parent`; made when there is none. The superior's row is held, and the
/// schema allows one alone, so that two who need one at the same moment get the same.
pub async fn holding_below(cx: &mut Cx, permit: &Permit, parent: &OrgRef) -> Result<OrgRef> {
    sql::lock(cx, permit, parent.id).await?;
    if let Some(there) = sql::holding_below(cx, parent.id).await? {
        return Ok(there);
    }
    let Some(seat) = sql::next_child(cx, permit, parent.id).await? else {
        return Err(gone(parent));
    };
    let Some(part) = path_part(seat.number) else {
        return Err(Error::refused(Refusal::new(
            "org_full",
            "直属下级组织的编号已用完,不能建立待接转团支部。请联系系统运营。",
        )));
    };
    let short_name = free_name(cx, parent.id).await?;
    let full_name =
        super::naming::full_name(&seat.full_name, parent.category, &short_name, Category::Holding);
    let entry = Entry {
        parent: Some(parent.id),
        parent_full: seat.full_name.clone(),
        path: format!("{}{part}", seat.path),
        sort_no: seat.number,
        short_name,
        full_name,
        category: Category::Holding,
        industry: None,
        province: seat.province.clone(),
    };
    let made = store(cx, permit, &entry).await?;
    let event = Event::new("org.created", "org", made.id.0).at(&made.path).detail(json!({
        "code": made.code, "short_name": made.short_name, "full_name": entry.full_name,
        "category": made.category.code(),
    }));
    cx.note(event).await?;
    Ok(made)
}

/// The usual name, or one with a number where somebody has given it to a branch of her own.
async fn free_name(cx: &mut Cx, parent: OrgId) -> Result<String> {
    let mut name = HOLDING_NAME.to_owned();
    for n in 2..20 {
        if sql::sister_named(cx, parent, &name).await?.is_none() {
            break;
        }
        name = format!("{HOLDING_NAME}({n})");
    }
    Ok(name)
}

async fn count(cx: &mut Cx, permit: &Permit, org: &OrgRef, by: i64) -> Result<()> {
    let branches = if org.category.owns_members() { by } else { 0 };
    let change = Change { org_path: &org.path, orgs: by, branches, ..Change::default() };
    stats::change(cx, permit, change).await
}
