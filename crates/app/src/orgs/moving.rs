//! A subtree under another superior: the one place that changes paths. Rooms above decide whether
//! it may move and tell everybody; here it is judged once more on locked rows, and moved whole.

use super::{Category, grams, path_part, sql};
use crate::{Cx, Error, OrgRef, Permit, Refusal, Result, error::Way, rules::Rules, stats};
use db::Rows;

/// What a move carries along, counted before and after (I10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Load {
    pub orgs: i64,
    pub members: i64,
    pub cadres: i64,
}

/// A move that was made.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Where it stands now.
    pub org: OrgRef,
    pub from_path: String,
    pub before: Load,
    pub after: Load,
}

/// Who wants a move; decides what may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mandate {
    /// The organisation itself, inside its province.
    Own,
    /// The direct superior, merging and splitting its children: what the system made goes along.
    Superior,
    /// Two operators: between provinces as well, moving and merging.
    Operators,
}

/// Nobody else changes the shape of the tree from now until the end of the transaction. To be
/// called before anything is read that the decision rests on.
pub(crate) async fn lock_tree(cx: &mut Cx, permit: &Permit) -> Result<()> {
    sql::lock_tree(cx, permit).await
}

/// Keeps everybody else from putting anything into an organisation, or closing it, until the end of
/// the transaction; whoever was about to has finished.
pub(crate) async fn seize(cx: &mut Cx, permit: &Permit, org: &OrgRef) -> Result<()> {
    sql::lock(cx, permit, org.id).await
}

/// What stands against `org` moving below `to`, asked of the tree as it is; `None`: nothing does.
/// Codes: `org_gone`, `org_root`, `org_stays`,
/// `org_cycle`, `E14`, `org_nesting`, `org_depth`, `org_name_taken`, `org_full`.
pub async fn against_moving(
    cx: &mut Cx,
    org: &OrgRef,
    to: &OrgRef,
    mandate: Mandate,
) -> Result<Option<Refusal>> {
    let found = against_moving_to(cx, org, std::slice::from_ref(to), mandate).await?;
    Ok(found.into_iter().next().flatten())
}

/// The same for each of several superiors, in their order: what a picker shows.
pub async fn against_moving_to(
    cx: &mut Cx,
    org: &OrgRef,
    tos: &[OrgRef],
    mandate: Mandate,
) -> Result<Vec<Option<Refusal>>> {
    let (here, parent) = sql::standing(cx, org.id).await?.ok_or(Error::NotFound)?;
    let active = active(cx, tos).await?;
    let mut deepest = None;
    let mut found = Vec::with_capacity(tos.len());
    for to in tos {
        let there = active.contains(&to.id.0);
        let mut refusal = judge(org, here == "ACTIVE", parent, to, there, mandate);
        if refusal.is_none() {
            let levels = match deepest {
                Some(levels) => levels,
                None => *deepest.insert(sql::deepest(cx, &org.path).await?),
            };
            refusal = too_deep(org, to, levels);
        }
        if refusal.is_none() {
            refusal = name_taken(cx, org, to).await?;
        }
        found.push(refusal);
    }
    Ok(found)
}

/// Which of these are neither closed nor being closed, by id.
pub async fn active(cx: &mut Cx, orgs: &[OrgRef]) -> Result<std::collections::HashSet<i64>> {
    let ids: Vec<i64> = orgs.iter().map(|org| org.id.0).collect();
    Ok(sql::active_of(cx, ids).await?.into_iter().map(|(id,)| id).collect())
}

fn too_deep(org: &OrgRef, to: &OrgRef, deepest: i64) -> Option<Refusal> {
    let limit = Rules::builtin().tree.depth_limit;
    let levels = usize::try_from(deepest).unwrap_or(0).saturating_sub(org.depth()) + 1;
    (to.depth() + levels > limit).then(|| {
        Refusal::new(
            "org_depth",
            format!(
                "“{}”连同下级共 {levels} 级，迁到“{}”下面会超过 {limit} 级。\
                 请选择层级更高的上级，或先减少下级的层级。",
                org.short_name, to.short_name
            ),
        )
    })
}

async fn name_taken(cx: &mut Cx, org: &OrgRef, to: &OrgRef) -> Result<Option<Refusal>> {
    if let Some((code,)) = sql::sister_named(cx, to.id, &org.short_name).await? {
        return Ok(Some(Refusal {
            code: "org_name_taken".into(),
            message: format!(
                "“{}”下面已有名为“{}”的组织,迁入后会重名。请先修改其中一个的简称。",
                to.short_name, org.short_name
            ),
            ways: vec![Way {
                label: "查看同名组织".into(),
                href: format!("/o/{}/orgs/{code}", org.code),
            }],
        }));
    }
    Ok(None)
}

/// The rules that need no further question.
fn judge(
    org: &OrgRef,
    here: bool,
    parent: Option<i64>,
    to: &OrgRef,
    there: bool,
    mandate: Mandate,
) -> Option<Refusal> {
    let no = |code: &str, says: String| Some(Refusal::new(code, says));
    if !here || !there {
        let gone = if here { to } else { org };
        return no("org_gone", format!("“{}”已被撤销或正在调整,不能办理迁移。", gone.short_name));
    }
    let made = matches!(org.category, Category::Holding | Category::Graduate);
    if made && mandate == Mandate::Own {
        return no(
            "org_kind",
            format!("{}由系统设置,跟着上级组织走,不能单独迁移。", org.category.label()),
        );
    }
    let province_level = org.depth() == 2 && org.category == Category::Lead;
    if org.depth() == 1 || province_level && mandate != Mandate::Operators {
        return no("org_level", "团中央和省级团委不能迁移。".into());
    }
    if org.covers(&to.path) {
        return no(
            "org_cycle",
            format!(
                "“{}”就在“{}”下面,不能迁到自己的下级。请选择其他上级。",
                to.short_name, org.short_name
            ),
        );
    }
    if parent == Some(to.id.0) {
        return no(
            "org_stays",
            format!("“{}”现在的直接上级就是“{}”,不用迁移。", org.short_name, to.short_name),
        );
    }
    if org.province != to.province && mandate != Mandate::Operators {
        return no("E14", "跨省迁移不能在线办理,请由省级团委联系团中央后台。".into());
    }
    if !made && !Rules::builtin().tree.can_contain(to.category, org.category) {
        return no(
            "org_nesting",
            format!("{}下面不能设{}。请选择其他上级。", to.category.label(), org.category.label()),
        );
    }
    None
}

/// Moves `org` with everything below it under `to`: paths, depth, province, search index,
/// counters; copies of paths on members, cadres, imports and noted changes follow by their foreign
/// keys. The caller has called [`lock_tree`]. `Conflict` with what stands against it.
pub(crate) async fn move_below(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    to: &OrgRef,
    mandate: Mandate,
) -> Result<Moved> {
    let (org, to) = (super::by_id(cx, org.id).await?, super::by_id(cx, to.id).await?);
    if let Some(refusal) = against_moving(cx, &org, &to, mandate).await? {
        return Err(Error::conflict(refusal));
    }
    let full = || Refusal::new("org_full", "新的上级已不能再增加下级组织,请联系系统运营。");
    let seat = sql::next_child(cx, permit, to.id).await?.ok_or_else(|| Error::conflict(full()))?;
    let part = path_part(seat.number).ok_or_else(|| Error::conflict(full()))?;
    let path = format!("{}{part}", seat.path);
    let before = sql::load(cx, &org.path).await?;
    let names = sql::names_below(cx, &org.path).await?;
    drop_index(cx, permit, &names).await?;
    stats::repath(cx, permit, &org.path, &path).await?;
    sql::move_rows(cx, permit, &org.path, &path, &to.province).await?;
    sql::settle_below(cx, permit, org.id, to.id, seat.number).await?;
    add_index(cx, permit, &names, (&org.path, &path), &seat.full_name).await?;
    let after = sql::load(cx, &path).await?;
    if before != after {
        // Where transactions see one another's commits somebody has come or gone in between (a
        // transfer out of the subtree): counted once more from the beginning.
        tracing::warn!(?before, ?after, "a move was not counted the same before and after");
        return Err(Error::Retry);
    }
    let from_path = org.path.clone();
    Ok(Moved { org: OrgRef { path, province: to.province, ..org }, from_path, before, after })
}

/// Made without the superior's name these are all that can ever have been written.
async fn drop_index(cx: &mut Cx, permit: &Permit, names: &[sql::Named]) -> Result<()> {
    let mut rows = Rows::new();
    for org in names {
        let Some(category) = Category::from_code(&org.category) else { continue };
        let found = grams::of_org(&org.short_name, &org.full_name, "", category);
        rows.extend(index_rows(found, &org.path));
    }
    for piece in rows.chunks(5000) {
        sql::drop_index(cx, permit, piece.to_vec()).await?;
    }
    Ok(())
}

async fn add_index(
    cx: &mut Cx,
    permit: &Permit,
    names: &[sql::Named],
    (from, to): (&str, &str),
    above: &str,
) -> Result<()> {
    let mut rows = Rows::new();
    for org in names {
        let Some(category) = Category::from_code(&org.category) else { continue };
        let parent = if org.path == from { above } else { &org.parent_full };
        let found = grams::of_org(&org.short_name, &org.full_name, parent, category);
        rows.extend(index_rows(found, &format!("{to}{}", &org.path[from.len()..])));
    }
    for piece in rows.chunks(5000) {
        sql::add_index(cx, permit, piece.to_vec()).await?;
    }
    Ok(())
}

/// An organisation has another full name: what its direct children's own names add to it is another
/// part of them now.
pub(super) async fn renew_children(
    cx: &mut Cx,
    permit: &Permit,
    parent: super::OrgId,
    full_name: &str,
) -> Result<()> {
    let mut after = String::new();
    loop {
        let mut names = sql::names_of_children(cx, parent, &after, 500).await?;
        let Some(last) = names.last() else { return Ok(()) };
        after.clone_from(&last.path);
        drop_index(cx, permit, &names).await?;
        for name in &mut names {
            full_name.clone_into(&mut name.parent_full);
        }
        add_index(cx, permit, &names, ("", ""), full_name).await?;
    }
}

fn index_rows(grams: Vec<String>, path: &str) -> impl Iterator<Item = Vec<db::Value>> {
    let depth = i64::try_from(super::depth_of(path)).unwrap_or(0);
    grams.into_iter().map(move |gram| vec![gram.into(), depth.into(), path.into()])
}
