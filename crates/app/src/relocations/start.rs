//! 申请组织迁移 (53, 54): by the organisation that moves, and nobody else. The page's preview and the
//! program's call ask the same [`check`].

use super::{Effect, Relocation, effect, notices, sql};
use crate::{
    Action, Cx, Error, OrgRef, Refusal, Result,
    business::{
        self, BusinessId, Matter,
        machine::{Variant, Verb},
    },
    orgs::{self, Mandate, parent_path},
};

const LONGEST_REASON: usize = 200;
const SHORTEST_REASON: usize = 4;

/// What a relocation is begun with.
#[derive(Clone, Debug, Default)]
pub struct New {
    /// 组织码 of the new direct superior.
    pub to: String,
    pub reason: String,
}

/// What was judged and may be begun.
#[derive(Debug)]
pub struct Checked {
    pub org: OrgRef,
    pub old_parent: OrgRef,
    pub new_parent: OrgRef,
    pub effect: Effect,
}

/// A relocation that was begun.
#[derive(Clone, Debug)]
pub struct Started {
    pub id: BusinessId,
    /// 业务编号.
    pub no: String,
}

/// Judges a relocation of the organisation acted for without beginning it. Errors: `Invalid` with
/// `to` (`required`, `org_…`, `E14`, `org_name_taken`); refused `relocation_open` with the one that
/// is open above, here or below.
pub async fn check(cx: &mut Cx, to: &str) -> Result<Checked> {
    let (org, old_parent) = mover(cx).await?;
    none_open(cx, &org).await?;
    if to.trim().is_empty() {
        return Err(Error::field("to", "required", "请选择新的直接上级。"));
    }
    let new_parent = match orgs::by_code(cx, to.trim()).await {
        Err(Error::NotFound) => {
            return Err(Error::field("to", "org_gone", "没有这个组织,可能已经撤销。请重新选择。"));
        }
        found => found?,
    };
    if let Some(refusal) = orgs::against_moving(cx, &org, &new_parent, Mandate::Own).await? {
        return Err(Error::field("to", &refusal.code, refusal.message));
    }
    let effect = effect::effect_of(cx, &org, &old_parent, &new_parent).await?;
    Ok(Checked { org, old_parent, new_parent, effect })
}

/// Why the organisation acted for can't move below each of these, in their order.
pub async fn against(cx: &mut Cx, tos: &[OrgRef]) -> Result<Vec<Option<String>>> {
    let (org, _) = mover(cx).await?;
    let found = orgs::against_moving_to(cx, &org, tos, Mandate::Own).await?;
    Ok(found.into_iter().map(|refusal| refusal.map(|r| r.message)).collect())
}

/// Begins a relocation: from now on its present superior has it in its hands.
pub async fn start(cx: &mut Cx, new: &New) -> Result<Started> {
    let permit = {
        let org = cx.org()?.clone();
        cx.permit(Action::StartRelocation, &org)?
    };
    // Two that begin at once on one way up and down are seen by one another here.
    orgs::lock_tree(cx, &permit).await?;
    let Checked { org, old_parent, new_parent, .. } = check(cx, &new.to).await?;
    let reason = reason_of(&new.reason)?;
    let new = business::New {
        id: BusinessId(cx.new_id()),
        variant: Variant::R,
        person: None,
        org: Some(&org),
        from: &old_parent,
        to: &new_parent,
        reason: &reason,
        fields_ct: None,
        remark: "",
        wish: None,
    };
    let begun: Relocation = business::begin(cx, &permit, new).await?;
    notices::submitted(cx, &begun).await?;
    begun.record(cx, permit, Verb::Submit).await?;
    Ok(Started { id: begun.id, no: begun.no.clone() })
}

/// The organisation acted for as it stands now, and its direct superior.
async fn mover(cx: &mut Cx) -> Result<(OrgRef, OrgRef)> {
    let acting = cx.org()?.id;
    let org = orgs::by_id(cx, acting).await?;
    if !cx.may(Action::StartRelocation, &org.path) {
        return Err(crate::access::forbidden(Action::StartRelocation));
    }
    let level = || {
        Error::refused(Refusal::new(
            "org_level",
            "团中央、省级团委和没有上级的组织不能申请迁移。确需调整的,请联系系统运营。",
        ))
    };
    let Some(path) = parent_path(&org.path) else { return Err(level()) };
    let parent = orgs::names_to(cx, path).await?.pop().ok_or_else(level)?;
    Ok((org, parent))
}

/// At most one open relocation on the way from the root through the organisation and down (D5).
async fn none_open(cx: &mut Cx, org: &OrgRef) -> Result<()> {
    let Some(no) = sql::open_on(cx, &org.path).await? else { return Ok(()) };
    let open: Relocation = business::found(cx, &no).await?;
    let said = if open.org.id == org.id {
        format!(
            "本组织已有一笔迁移正在办理({} → {},{}),不能重复申请。目的地不对的,撤销后重新申请。",
            open.from.short_name,
            open.to.short_name,
            open.state.label()
        )
    } else {
        let side = if open.org.covers(&org.path) { "上级" } else { "下级" };
        format!(
            "{side}“{}”正在办理迁移({} → {}),办结之前本组织不能申请迁移。请等它办结。",
            open.org.short_name, open.from.short_name, open.to.short_name
        )
    };
    let refusal = Refusal::new("relocation_open", said);
    let seen = open.sees(cx).await?;
    Err(Error::refused(if seen { refusal.way("查看", open.href(cx.org()?)) } else { refusal }))
}

fn reason_of(typed: &str) -> Result<String> {
    let reason = typed.trim().to_owned();
    let length = reason.chars().count();
    if length < SHORTEST_REASON {
        return Err(Error::field(
            "reason",
            "required",
            "请写明迁移原因(至少 4 个字),两个上级审批时会看到,例如“随学院并入新校区”。",
        ));
    }
    if length > LONGEST_REASON {
        return Err(Error::field("reason", "too_long", "迁移原因请不超过 200 个字。"));
    }
    business::without_numbers("reason", &reason)?;
    Ok(reason)
}
