//! Registration codes of the demonstration: organisations without an administrator below the
//! demonstration's committee, one for every state of a code.

use super::Place;
use crate::{
    Cx, Grant, House, Result, Role, Visitor, Who, act,
    clock::{DAY, Millis},
    codes,
    orgs::{self, Category, New, OrgId},
    people::PersonId,
};
use db::{args, sql};
use std::sync::Arc;

/// The new organisations and what became of their codes: days until the end, or void.
const NEW: [(&str, Fate); 5] = [
    ("大学生艺术团团支部", Fate::Ends(20)),
    ("青年志愿者协会团支部", Fate::Ends(2)),
    ("学生社团联合会团支部", Fate::Ends(-5)),
    ("研究生支教团团支部", Fate::Void),
    ("创新创业协会团支部", Fate::None),
];
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Ends(Millis),
    Void,
    None,
}

/// Puts them in; returns how many organisations were made. After the accounts: a used code has one.
pub(super) async fn make(house: &House, cast: &[Place]) -> Result<u64> {
    let Some(committee) = cast
        .iter()
        .find(|p| p.star && p.at.category == Category::Committee && p.at.path.len() == 12)
    else {
        return Ok(0);
    };
    let Some(admin) = &committee.admin else { return Ok(0) };
    let code = &committee.at.code;
    let who = act!(house, Who::System("demo"), |cx| {
        let org = orgs::by_code(cx, code).await?;
        let grant = Grant { org, role: Role::Group };
        Ok(Who::Person(Arc::new(Visitor {
            person: PersonId(admin.id),
            name: admin.name.clone(),
            session: None,
            token: None,
            grants: vec![grant.clone()],
            acting: Some(grant),
        })))
    })?;
    act!(house, who.clone(), |cx| waiting(cx).await)?;
    let below =
        |p: &&Place| p.star && p.at.path.len() == 15 && p.at.path.starts_with(&committee.at.path);
    if let Some((child, holder)) =
        cast.iter().find(below).and_then(|c| Some((c, c.admin.as_ref()?)))
    {
        let (issuer, org) = (OrgId(committee.at.id), OrgId(child.at.id));
        let hash = crate::users::password::hash(house, super::PASSWORD).await?;
        let hash = &hash;
        act!(house, who.clone(), |cx| used(cx, issuer, org, (PersonId(holder.id), hash)).await)?;
    }
    crate::stats::settle(house).await?;
    Ok(NEW.len() as u64)
}

async fn waiting(cx: &mut Cx) -> Result<()> {
    let parent = cx.org()?.clone();
    let industry = orgs::info(cx, &parent).await?.fields.industry;
    let (mut made, mut ends) = (Vec::new(), Vec::new());
    for (name, fate) in NEW {
        let new = New {
            short_name: name.into(),
            full_name: None,
            category: Category::Branch,
            industry: Some(industry.clone()),
        };
        let org = orgs::create_child(cx, &parent, new).await?;
        if fate != Fate::None {
            made.push(org.code.clone());
        }
        ends.push((org, fate));
    }
    codes::issue(cx, &made).await?;
    for (org, fate) in ends {
        match fate {
            Fate::Ends(days) => {
                let end = crate::clock::end_of_day_after(cx.now(), days);
                cx.tx
                    .run(
                        sql!(
                            "UPDATE reg_code SET issued_at = $1, expires_at = $2 WHERE org_id = $3"
                        ),
                        args![end - 21 * DAY, end, org.id],
                    )
                    .await?;
            }
            Fate::Void => {
                codes::revoke(cx, &[org.code]).await?;
            }
            Fate::None => {}
        }
    }
    Ok(())
}

/// The code with which the administrator of a child has registered.
async fn used(
    cx: &mut Cx,
    issuer: OrgId,
    org: OrgId,
    (holder, password): (PersonId, &str),
) -> Result<()> {
    let (id, now, me) = (cx.new_id(), cx.now(), cx.visitor()?.person);
    cx.tx
        .run(
            sql!("INSERT INTO account (person_id, password_hash, created_at, changed_at) VALUES ($1, $2, $3, $3) ON CONFLICT (person_id) DO NOTHING"),
            args![holder, password, now - 9 * DAY],
        )
        .await?;
    let hash = cx.house().keys().code_hash("registration", &cx.house().new_secret());
    cx.tx
        .run(
            sql!("INSERT INTO reg_code (id, org_id, issuer_org, issued_by, sheet_id, hash, state, issued_at, expires_at, used_by, cadre_id, ended_at) SELECT $1, $2, $3, $4, 0, $5, 'used', $6, $7, a.person_id, c.id, $8 FROM cadre c JOIN account a ON a.person_id = c.person_id WHERE c.org_id = $2 AND c.person_id = $9 AND c.ended_at IS NULL"),
            args![id, org, issuer, me, hash, now - 12 * DAY, now + 9 * DAY, now - 9 * DAY, holder],
        )
        .await?;
    Ok(())
}
