//! Carrying an election out.

use super::{
    Election, Plan,
    judge::{Coming, Decided, Judged, judged, plan},
};
use crate::{
    Action, Cx, Error, OrgRef, Permit, Result,
    cadres::{admins, notices, posts, rights, seats, sql},
    events::Event,
    orgs,
    people::{self, Entered, PersonId},
};
use serde_json::json;

/// Holds an election: everything of [`plan`], or nothing. What was judged is judged again with the
/// organisation's row locked.
pub async fn hold(cx: &mut Cx, org: &OrgRef, election: &Election) -> Result<Judged> {
    let permit = cx.permit(Action::ChangePosts, org)?;
    orgs::lock(cx, &permit, org.id).await?;
    rights::still_admin(cx).await?;
    let plan = match judged(plan(cx, &permit, org, election).await)? {
        Ok(plan) => plan,
        Err(errors) => {
            let event = Event::new("election.judged", "org", org.id.0).at(&org.path);
            cx.record(permit, event).await?;
            return Ok(Err(errors));
        }
    };
    let left = i64::try_from(plan.admins.len()).unwrap_or(0);
    for gone in plan.sitting.iter().filter(|d| d.was_admin && !d.admin) {
        seats::unseat(cx, &permit, org, gone.person).await?;
        admins::note_revoked(cx, &permit, org, (gone.person, &gone.name), left).await?;
    }
    for gone in plan.sitting.iter().filter(|d| d.after.is_none()) {
        posts::end_post(cx, &permit, org, gone.person, "换届").await?;
    }
    // The 书记 who gets another post makes room before the new one comes.
    let mut changing: Vec<&Decided> = plan.sitting.iter().collect();
    changing.sort_by_key(|d| d.is_secretary);
    for d in changing {
        let Some(Some(post)) = &d.after else { continue };
        let held = posts::held(cx, org, d.person).await?;
        let held = held.ok_or_else(|| posts::changed_meanwhile(&d.name))?;
        let mut post = post.clone();
        post.since = month_of(&plan);
        post.nature = held.nature.clone();
        post.in_party_committee = held.in_party_committee;
        posts::change_post(cx, &permit, org, &held, &post).await?;
    }
    let mut new_admins: Vec<(PersonId, &str)> = Vec::new();
    for d in plan.sitting.iter().filter(|d| d.admin && !d.was_admin) {
        new_admins.push((d.person, &d.name));
    }
    for c in &plan.coming {
        let person = bring(cx, &permit, org, (c, &plan)).await?;
        if c.admin {
            new_admins.push((person, &c.name));
        }
    }
    for (person, name) in &new_admins {
        seats::seat(cx, &permit, org, *person).await?;
        notices::appointed(cx, org, *person, name).await?;
    }
    orgs::set_elected_on(cx, &permit, org, plan.elected_on).await?;
    tell(cx, org, &plan, left).await?;
    let event = Event::new("election.held", "org", org.id.0).at(&org.path);
    let detail = json!({ "elected_on": plan.elected_on.to_string(), "effects": plan.effects });
    cx.record(permit, event.detail(detail)).await?;
    Ok(Ok(plan))
}

fn month_of(plan: &Plan) -> Option<String> {
    Some(plan.elected_on.strftime("%Y-%m").to_string())
}

/// Makes or finds a newcomer and gives the post.
async fn bring(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    (c, plan): (&Coming, &Plan),
) -> Result<PersonId> {
    let person = match (c.person, &c.named) {
        (Some(person), _) => person,
        (None, Some(named)) => match people::find_or_make(cx, permit, named).await? {
            Entered::Made(person) | Entered::Known(person) => person,
            // Somebody entered the number with another name since it was judged.
            Entered::OtherName => return Err(Error::Retry),
        },
        (None, None) => return Err(Error::Broken("a newcomer without a name".into())),
    };
    let mut post = c.post.clone();
    post.since = month_of(plan);
    posts::give_post(cx, permit, org, person, &post).await?;
    notices::post_given(cx, org, person, (&c.name, &c.words)).await?;
    Ok(person)
}

async fn tell(cx: &mut Cx, org: &OrgRef, plan: &Plan, left: i64) -> Result<()> {
    for d in &plan.sitting {
        match &d.after {
            None => {
                let seat = d.was_admin;
                notices::post_ended(cx, org, d.person, (&d.name, &d.before), seat).await?;
            }
            Some(Some(post)) => {
                let row = posts::post_row(cx, org.category, &post.code);
                let words = row.map_or("", |row| row.name.as_str());
                notices::post_given(cx, org, d.person, (&d.name, words)).await?;
            }
            Some(None) if d.was_admin && !d.admin => {
                notices::revoked(cx, org, d.person, &d.name, left).await?;
            }
            Some(None) => {}
        }
    }
    if let Some(d) = plan.sitting.iter().find(|d| d.was_admin).filter(|_| left == 0) {
        crate::cadres::tell_of_loss(cx, org, &d.name, (false, true), "换届后不再是管理员").await?;
    }
    let elected_on = plan.elected_on.to_string();
    notices::elected(cx, org, &plan.secretary, &elected_on).await?;
    // The row of the 书记 is there now; asked once more, because the page will say so.
    debug_assert!(sql::secretary(cx, org.id).await?.is_some());
    Ok(())
}
