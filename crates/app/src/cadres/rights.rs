//! Who may take a right away, asked while the organisation's row is locked: what the permit said is
//! a moment old, and two who revoke one another at the same instant must leave one (I6).

use super::{Seat, sql};
use crate::{Cx, Error, OrgRef, Refusal, Result, Role, Who, orgs, people::PersonId};

/// Whoever acts is still what she was when her visit began. Ask it after the row was locked.
pub(super) async fn still_admin(cx: &mut Cx) -> Result<()> {
    let Who::Person(visitor) = cx.who().clone() else { return Ok(()) };
    let Some(acting) = &visitor.acting else { return Ok(()) };
    if matches!(
        acting.role,
        Role::Operator | Role::Observer | Role::Cadre | Role::Member | Role::System
    ) {
        return Ok(());
    }
    if sql::is_seated(cx, acting.org.id, visitor.person).await? {
        return Ok(());
    }
    let says = format!(
        "你在{}的管理员身份刚刚被撤销,这次操作没有生效。有疑问请联系本组织其他管理员或直属上级。",
        acting.org.short_name
    );
    Err(Error::conflict(Refusal::new("E22", says).way("回到个人中心", "/me")))
}

/// May whoever acts take this seat away? Never her own (32); never the last one, unless the
/// superior or the operator does it. Returns how many are left.
pub(super) async fn may_unseat(cx: &mut Cx, org: &OrgRef, person: PersonId) -> Result<i64> {
    let taken = sql::seats(cx, org.id).await?;
    if is_me(cx, person) && taken.iter().any(|s| s.person == person) {
        return Err(own_right(cx, org, &taken).await?);
    }
    let left = taken.iter().filter(|s| s.person != person).count();
    if left == 0 && is_own(cx, org) {
        return Err(last_one(cx, org).await?);
    }
    Ok(i64::try_from(left).unwrap_or(0))
}

/// Whether whoever acts is this person.
pub(super) fn is_me(cx: &Cx, person: PersonId) -> bool {
    matches!(cx.who(), Who::Person(v) if v.person == person)
}

/// Whether the organisation is the one acted for.
pub(super) fn is_own(cx: &Cx, org: &OrgRef) -> bool {
    cx.org().is_ok_and(|own| own.id == org.id)
}

/// The direct superior.
pub(super) async fn superior(cx: &mut Cx, org: &OrgRef) -> Result<Option<OrgRef>> {
    let Some(path) = orgs::parent_path(&org.path).map(str::to_owned) else { return Ok(None) };
    Ok(orgs::names_to(cx, &path).await?.pop())
}

/// 「张三、李四(本组织其他管理员)或直属上级团XX委」: who can do what she can't.
pub(super) async fn who_can(cx: &mut Cx, org: &OrgRef, taken: &[Seat]) -> Result<String> {
    let me = match cx.who() {
        Who::Person(v) => Some(v.person),
        _ => None,
    };
    let others = taken.iter().filter(|s| Some(s.person) != me).map(|s| s.name.as_str());
    let others = others.collect::<Vec<_>>().join("、");
    let above = superior(cx, org).await?.map(|s| s.short_name);
    Ok(match (others.is_empty(), above) {
        (true, Some(above)) => format!("直属上级{above}的管理员"),
        (true, None) => "系统运营".to_owned(),
        (false, Some(above)) => {
            format!("本组织其他管理员({others})或直属上级{above}的管理员")
        }
        (false, None) => format!("本组织其他管理员({others})"),
    })
}

async fn own_right(cx: &mut Cx, org: &OrgRef, taken: &[Seat]) -> Result<Error> {
    let who = who_can(cx, org, taken).await?;
    let says = format!("不能撤销自己的管理员身份,以免组织没有人管。请{who}办理。");
    Ok(Error::refused(Refusal::new("own_right", says)))
}

async fn last_one(cx: &mut Cx, org: &OrgRef) -> Result<Error> {
    let above = superior(cx, org).await?.map_or("系统运营".to_owned(), |s| s.short_name);
    let says = format!(
        "这是{}唯一的管理员,撤销后组织就没有人管了。请先添加一位接任的管理员,或请{above}办理。",
        org.short_name
    );
    Ok(Error::refused(Refusal::new("last_admin", says)))
}
