//! Business of organisations that waits: a relocation for the university to decide, and a proposal
//! for the operator. Made by the use-cases themselves, so that everything that belongs to it is there.

use super::{Known, Place};
use crate::{
    Cx, Grant, House, OrgRef, Result, Visitor, Who, access, act,
    clock::day,
    imports,
    orgs::{self, Category, Mandate, OrgId},
    people::PersonId,
    proposals::{self, Act},
    relocations,
};
use std::sync::Arc;

/// Puts it in; nothing where the tree has no place for it.
pub(super) async fn make(house: &House, cast: &[Place], operators: &[Known; 2]) -> Result<()> {
    relocation(house, cast).await?;
    draft(house, cast).await?;
    whole_lists(house, cast, operators).await?;
    proposal(house, cast, &operators[1]).await
}

fn acting(who: &Known, org: OrgRef, role: access::Role) -> Who {
    let grant = Grant { org, role };
    Who::Person(Arc::new(Visitor {
        person: PersonId(who.id),
        name: who.name.clone(),
        session: None,
        token: None,
        grants: vec![grant.clone()],
        acting: Some(grant),
    }))
}

async fn at(house: &House, place: &Place) -> Result<OrgRef> {
    let mut cx = house.read(Who::System("demo")).await?;
    orgs::by_id(&mut cx, OrgId(place.at.id)).await
}

/// A child of the university wants to go under another body of the same province.
async fn relocation(house: &House, cast: &[Place]) -> Result<()> {
    let university = cast.iter().find(|p| p.star && p.at.category == Category::Committee);
    let Some(university) = university else { return Ok(()) };
    let parent = |p: &Place| orgs::parent_path(&p.at.path).map(str::to_owned);
    let movers = cast.iter().filter(|p| !p.star && parent(p).as_ref() == Some(&university.at.path));
    let mut movers: Vec<&Place> = movers.filter(|p| p.admin.is_some()).collect();
    movers.sort_by_key(|p| p.at.category.owns_members());
    let bodies = || cast.iter().filter(|p| !p.at.category.owns_members());
    for mover in movers.into_iter().take(3) {
        let Some(admin) = &mover.admin else { continue };
        let org = at(house, mover).await?;
        for body in bodies() {
            let to = at(house, body).await?;
            if !fits(house, &org, &to).await? {
                continue;
            }
            let role = access::admin_role(org.category, org.depth());
            let new = relocations::New {
                to: to.code.clone(), reason: "机构调整,归口管理".into()
            };
            act!(house, acting(admin, org.clone(), role), |cx| {
                relocations::start(cx, &new).await.map(|_| ())
            })?;
            return Ok(());
        }
    }
    Ok(())
}

/// A pasted list that waits for its repair in the demonstration's branch: two rows are good, two not.
async fn draft(house: &House, cast: &[Place]) -> Result<()> {
    let branch = cast.iter().find(|p| p.star && p.at.category.owns_members());
    let Some((branch, admin)) = branch.and_then(|b| Some((b, b.admin.as_ref()?))) else {
        return Ok(());
    };
    let org = at(house, branch).await?;
    let row = |name: &str, first: &str, joined: &str, n: u32| {
        let check = crate::pii::check_char(first).map(String::from).unwrap_or_default();
        format!("{name}\t{first}{check}\t汉族\t共青团员\t大学本科\t{joined}\t1390000{n:04}\n")
    };
    let text = format!(
        "姓名\t身份证号码\t民族\t政治面貌\t学历\t入团年月\t手机号码\n{}{}{}{}",
        row("谢晚晴", "34011120060312801", "2020-05", 7001),
        row("段知远", "34011120061109803", "2016-12", 7002),
        row("白若水", "34011120060722805", "", 7003),
        row("尹清和", "34011120060722807", "二〇二〇年某月", 7004),
    );
    let read = imports::read(house, imports::Source::Pasted(text)).await?;
    let (read, role) = (&read, access::admin_role(org.category, org.depth()));
    act!(house, acting(admin, org.clone(), role), |cx| {
        imports::stage(cx, &org, read).await.map(|_| ())
    })
}

async fn fits(house: &House, org: &OrgRef, to: &OrgRef) -> Result<bool> {
    let mut cx: Cx = house.read(Who::System("demo")).await?;
    Ok(orgs::against_moving(&mut cx, org, to, Mandate::Own).await?.is_none())
}

/// Everybody here is made up, and trials compare whole lists: the operators have raised the number of
/// people whose numbers one person may take away in a day.
async fn whole_lists(house: &House, cast: &[Place], operators: &[Known; 2]) -> Result<()> {
    let Some(root) = cast.first() else { return Ok(()) };
    let root = at(house, root).await?;
    let by = |n: usize| acting(&operators[n], root.clone(), access::Role::Operator);
    let more = Act::Rule {
        name: "exports.second_person_above".into(),
        value: "5000".into(),
        valid_from: day(house.now()).to_string(),
        valid_until: None,
    };
    let no = act!(house, by(1), |cx| {
        proposals::propose(cx, &more, "演示数据里没有真人，便于试用时核对整份名单").await
    })?;
    act!(house, by(0), |cx| proposals::approve(cx, &no, 1).await.map(|_| ()))
}

/// The second operator has proposed something for the first one to decide.
async fn proposal(house: &House, cast: &[Place], proposer: &Known) -> Result<()> {
    let (Some(root), Some(county)) = (
        cast.first(),
        cast.iter().find(|p| p.star && p.at.category == Category::Lead && p.at.path.len() == 12),
    ) else {
        return Ok(());
    };
    let who = acting(proposer, at(house, root).await?, access::Role::Operator);
    let below = |p: &&Place| orgs::parent_path(&p.at.path) == Some(county.at.path.as_str());
    let Some(street) = cast.iter().filter(below).find(|p| !p.at.category.owns_members()) else {
        return Ok(());
    };
    let flag = Act::Township { orgs: vec![street.at.code.clone()], to: Some(true) };
    act!(house, who, |cx| {
        match proposals::propose(cx, &flag, "逐级上报的更正申请").await {
            // It is one already: then nothing waits.
            Ok(_) | Err(crate::Error::Invalid(_)) => Ok(()),
            Err(e) => Err(e),
        }
    })
}
