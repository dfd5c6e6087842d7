//! A season of graduation in the demonstration, made by the use-cases themselves: marked and unmarked
//! classes, one that has turned with people of every mark, special branches.

use super::{Known, Place};
use crate::{
    Error, Grant, House, OrgRef, Result, Role, Visitor, Who,
    access::admin_role,
    act,
    clock::{self, DAY},
    events::Event,
    graduation,
    orgs::{self, Category, New, OrgId},
    people::{self, PersonId},
    rules::{
        Rules, YearMonth,
        graduation::{Mark, PersonMark},
    },
};
use std::sync::Arc;

/// Makes it; returns how many organisations were created. Nothing where there is no school.
pub(super) async fn make(house: &House, cast: &[Place]) -> Result<u64> {
    let Some((college, class)) = stage(cast) else { return Ok(0) };
    let Some(admin) = &college.admin else { return Ok(0) };
    let org = by_id(house, college.at.id).await?;
    let who = acting(admin, &org);
    let today = clock::day(house.now());
    let year = Rules::builtin().graduation.turned_year(&org.province, today);
    graduated(house, &who, &org, class, year).await?;
    for kind in ["DELAYED_GRADUATION", "SCHOOL_MOBILE"] {
        let made = act!(house, who.clone(), |cx| graduation::create_special(cx, kind, "").await)?;
        if kind == "SCHOOL_MOBILE" {
            move_in(house, &who, class.members.iter().rev().skip(6).take(2), &made, 230).await?;
        }
    }
    marks(house, &who, class, year).await?;
    // Next summer's classes turn then, as the rehearsal shows.
    let next = format!("{}级", year - 3);
    let leaving = |p: &&Place| {
        p.at.category == Category::Branch
            && p.at.path.starts_with(&college.at.path)
            && p.short.starts_with(&next)
    };
    let codes: Vec<String> =
        cast.iter().filter(leaving).take(2).map(|p| p.at.code.clone()).collect();
    if let Some(month) = YearMonth::new(year.saturating_add(1), 6).filter(|_| !codes.is_empty()) {
        act!(house, who.clone(), |cx| graduation::mark(cx, &codes, Mark::Time(month)).await)?;
    }
    // Some classes of the youngest are marked already; the others wait.
    if let Some(general) = cast.iter().find(|p| p.star && p.at.category == Category::General) {
        let codes = below(cast, general);
        if let Some(month) = YearMonth::new(year.saturating_add(3), 6) {
            act!(house, who.clone(), |cx| {
                graduation::mark(cx, &codes, Mark::Time(month)).await
            })?;
        }
    }
    crate::stats::settle(house).await?;
    Ok(3)
}

/// The college of the demonstration and a class of it whose people nothing else uses.
fn stage(cast: &[Place]) -> Option<(&Place, &Place)> {
    let star = |p: &&Place| p.star && p.at.category == Category::Committee;
    let college = cast.iter().filter(star).max_by_key(|p| p.at.path.len())?;
    let fit = |p: &&Place| {
        !p.star
            && p.at.category == Category::Branch
            && p.at.path.starts_with(&college.at.path)
            && p.members.len() > 12
    };
    let class = cast.iter().filter(fit).nth(1)?;
    Some((college, class))
}

/// 组织码 of two classes of a general branch.
fn below(cast: &[Place], general: &Place) -> Vec<String> {
    let inside =
        |p: &&Place| p.at.category == Category::Branch && p.at.path.starts_with(&general.at.path);
    cast.iter().filter(inside).take(2).map(|p| p.at.code.clone()).collect()
}

async fn by_id(house: &House, id: i64) -> Result<OrgRef> {
    orgs::by_id(&mut house.read(Who::System("demo")).await?, OrgId(id)).await
}

fn acting(admin: &Known, org: &OrgRef) -> Who {
    let role: Role = admin_role(org.category, org.depth());
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

/// Last year's class, with six people, turned.
async fn graduated(
    house: &House,
    who: &Who,
    college: &OrgRef,
    class: &Place,
    year: i16,
) -> Result<OrgRef> {
    let new = New {
        short_name: format!("{}级软件工程1班团支部", year - 4),
        full_name: None,
        category: Category::Branch,
        industry: Some("school_university".into()),
    };
    let made = act!(house, who.clone(), |cx| orgs::create_child(cx, college, new.clone()).await)?;
    move_in(house, who, class.members.iter().rev().take(6), &made, 0).await?;
    let codes = vec![made.code.clone()];
    let month = YearMonth::new(year, 6).ok_or_else(|| Error::Broken("no such month".into()))?;
    act!(house, who.clone(), |cx| graduation::mark(cx, &codes, Mark::Time(month)).await)?;
    graduation::convert_due(house).await?;
    by_id(house, made.id.0).await
}

/// Brings people into a branch, as if they had come `days` ago.
async fn move_in<'a>(
    house: &House,
    who: &Who,
    people: impl Iterator<Item = &'a Known>,
    to: &OrgRef,
    days: i64,
) -> Result<()> {
    let ids: Vec<PersonId> = people.map(|known| PersonId(known.id)).collect();
    act!(house, who.clone(), |cx| {
        for id in &ids {
            let permit = cx.permit(crate::Action::EditMember, to)?;
            people::move_to(cx, &permit, *id, to).await?;
            let since = cx.now() - days * DAY;
            cx.tx
                .run(
                    db::sql!("UPDATE member SET entered_at = $1 WHERE person_id = $2"),
                    db::args![since, *id],
                )
                .await?;
            let event = Event::new("member.moved", "person", id.0).at(&to.path).about(*id);
            cx.record(permit, event).await?;
        }
        Ok(())
    })
}

/// One of every mark, as far as the day allows.
async fn marks(house: &House, who: &Who, class: &Place, year: i16) -> Result<()> {
    let mut cx = house.read(who.clone()).await?;
    let mut codes = Vec::new();
    for known in class.members.iter().rev().take(3) {
        codes.push(people::person::read(&mut cx, PersonId(known.id)).await?.code);
    }
    drop(cx);
    let until = YearMonth::new(year.saturating_add(1), 12);
    let marks = [PersonMark::Delayed, PersonMark::Teacher, PersonMark::Mobile];
    for (code, mark) in codes.into_iter().zip(marks) {
        let codes = [code];
        let done = act!(house, who.clone(), |cx| {
            graduation::mark_people(cx, &codes, Some(mark), until).await
        });
        match done {
            // 毕业学生流动团员 can't be marked before its day.
            Ok(_) | Err(Error::Invalid(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}
