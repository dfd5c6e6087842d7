//! A closed branch whose people wait in a 待接转团支部, and organisations that the check-up finds:
//! done by the rooms themselves, in the name of the superior's administrator.

use super::{Known, Place};
use crate::{
    Grant, House, OrgRef, Result, Visitor, Who, access, act,
    clock::DAY,
    closings::{self, Ask},
    health,
    orgs::{self, Category, New, OrgId},
    people::PersonId,
    stats,
};
use db::{args, sql};
use std::sync::Arc;

/// Larger trees are looked at by the clockwork's rounds.
const MOST_ORGS: u64 = 20_000;

/// Leaves traces of tidying; returns how many living organisations were added.
pub(super) async fn make(house: &House, cast: &[Place], orgs: u64) -> Result<i64> {
    let added = match stage(cast) {
        Some((general, admin, branch)) => tidy(house, general, admin, branch).await?,
        None => 0,
    };
    stats::settle(house).await?;
    if orgs < MOST_ORGS {
        health::look_at_all(house).await?;
    }
    Ok(added)
}

/// The demonstration's general branch, its administrator, and a branch of its that nobody needs.
fn stage(cast: &[Place]) -> Option<(&Place, &Known, &Place)> {
    let general = cast.iter().find(|p| p.star && p.at.category == Category::General)?;
    let below = |p: &&Place| {
        p.at.category.owns_members()
            && !p.star
            && p.at.path.len() == general.at.path.len() + 3
            && p.at.path.starts_with(&general.at.path)
            && !p.members.is_empty()
    };
    // The last one: the first has business of its own.
    let mut branches: Vec<&Place> = cast.iter().filter(below).collect();
    let branch = branches.pop().filter(|_| !branches.is_empty())?;
    Some((general, general.admin.as_ref()?, branch))
}

async fn tidy(house: &House, general: &Place, admin: &Known, branch: &Place) -> Result<i64> {
    let org = {
        let mut cx = house.read(Who::System("demo")).await?;
        orgs::by_id(&mut cx, OrgId(general.at.id)).await?
    };
    let who = acting(admin, &org);
    let industry = {
        let mut cx = house.read(Who::System("demo")).await?;
        let found: Vec<(Option<String>,)> =
            cx.tx.all(sql!("SELECT industry FROM org WHERE id = $1"), args![branch.at.id]).await?;
        found.into_iter().next().and_then(|(industry,)| industry)
    };
    let people = act!(house, who.clone(), |cx| {
        let (n,): (i64,) = cx
            .tx
            .one(sql!("SELECT COUNT(*) FROM member WHERE org_id = $1"), args![branch.at.id])
            .await?;
        Ok(n)
    })?;
    let ask = Ask { people, typed: branch.short.clone() };
    let done = act!(house, who.clone(), |cx| closings::close(cx, &branch.at.code, &ask).await)?;
    let empty = New {
        short_name: "2027级筹备团支部".into(),
        full_name: None,
        category: Category::Branch,
        industry,
    };
    act!(house, who, |cx| orgs::create_child(cx, &org, empty.clone()).await)?;
    let holding = done.holding.unwrap_or_default();
    act!(house, Who::System("demo"), |cx| {
        // It has been waiting for a while, so that the check-up has something to say.
        let now = cx.now();
        cx.tx
            .run(
                sql!("UPDATE org SET created_at = $1 WHERE code = $2"),
                args![now - 40 * DAY, &holding],
            )
            .await?;
        Ok(())
    })?;
    // The holding branch and the new one came, the closed one went.
    Ok(1)
}

fn acting(admin: &Known, org: &OrgRef) -> Who {
    let role = access::admin_role(org.category, org.depth());
    let grant = Grant { org: org.clone(), role };
    Who::Person(Arc::new(Visitor {
        person: PersonId(admin.id),
        name: admin.name.clone(),
        session: None,
        token: None,
        grants: vec![grant.clone()],
        acting: Some(grant),
    }))
}
