//! 观察员 (92, decision 9): somebody who looks at the subtree, masked, changes nothing, until a day.

use super::{notices, rights, sql};
use crate::{
    Action, Cx, Error, FieldError, OrgRef, Refusal, Result,
    clock::{Millis, day, end_of_day_after, say_day},
    events::Event,
    orgs,
    people::{self, Named},
    rules::{Rules, person::RawCell},
};
use jiff::civil::Date;
use serde_json::json;

/// An observer of an organisation; expired ones are shown until somebody takes them off the list.
#[derive(Clone, Debug)]
pub struct Observer {
    pub person_code: String,
    pub name: String,
    pub granted_at: Millis,
    pub expires_at: Millis,
}

/// The observers of the organisation acted for.
pub async fn observers(cx: &mut Cx) -> Result<Vec<Observer>> {
    let org = own(cx)?;
    sql::observers(cx, org.id).await
}

/// The last day that the policy allows, counted from today.
pub fn latest(cx: &Cx) -> Date {
    let days = Rules::builtin().policy.cadres.observer_max_days;
    day(end_of_day_after(cx.now(), days))
}

/// What the form brings.
#[derive(Clone, Debug, Default)]
pub struct NewObserver {
    pub name: String,
    pub id_number: RawCell,
    /// The last day, `YYYY-MM-DD`.
    pub until: String,
}

/// Appoints somebody who is in the system, named by name and ID number, until the end of a day; an
/// observer who is one already gets the new day. Nobody of that name and number: E05, whether the
/// number exists or not; then `Ok(None)`, to be committed. Returns the name.
pub async fn appoint(cx: &mut Cx, new: &NewObserver) -> Result<Option<String>> {
    let org = own(cx)?;
    let permit = cx.permit(Action::AppointObserver, &org)?;
    let today = day(cx.now());
    let named = Named::read(&new.name, &new.id_number, "", today);
    let until = last_day(cx, &new.until);
    let (named, until) = match (named, until) {
        (Ok(named), Ok(until)) => (named, until),
        (Err(Error::Invalid(mut one)), Err(Error::Invalid(two))) => {
            one.extend(two);
            return Err(Error::Invalid(one));
        }
        (Err(e), _) | (_, Err(e)) => return Err(e),
    };
    let Some(person) = people::find_named(cx, &permit, &named).await? else {
        cx.record(permit, Event::new("observer.refused", "org", org.id.0)).await?;
        return Ok(None);
    };
    orgs::hold_living(cx, &org).await?;
    if rights::is_me(cx, person) || sql::is_seated(cx, org.id, person).await? {
        let says = format!("{}已经是本组织的管理员,能看到的比观察员多,不用再设。", named.name);
        return Err(Error::refused(Refusal::new("already_admin", says)));
    }
    let most = Rules::builtin().policy.cadres.observers_max;
    if sql::observers(cx, org.id).await?.iter().filter(|o| o.expires_at > cx.now()).count() >= most
    {
        let says = format!("一个组织最多 {most} 位观察员,请先结束不再需要的。");
        return Err(Error::refused(Refusal::new("observers_full", says)));
    }
    sql::observe(cx, &permit, org.id, person, until).await?;
    notices::observer(cx, &org, person, Some(&say_day(until))).await?;
    let event = Event::new("observer.appointed", "org", org.id.0).about(person).at(&org.path);
    let detail = json!({ "name": named.name, "until": say_day(until) });
    cx.record(permit, event.detail(detail)).await?;
    Ok(Some(named.name))
}

/// Takes the right away at once, or an expired one off the list. Returns the name.
pub async fn dismiss(cx: &mut Cx, code: &str) -> Result<String> {
    let org = own(cx)?;
    let permit = cx.permit(Action::AppointObserver, &org)?;
    let (person, name) = super::admins::named(cx, code).await?;
    let Some(until) = sql::dismiss(cx, &permit, org.id, person).await? else {
        let says = "这位观察员已经不在名单里,可能刚刚被其他人结束。";
        return Err(Error::conflict(Refusal::new("E22", says)));
    };
    if until > cx.now() {
        notices::observer(cx, &org, person, None).await?;
    }
    let event = Event::new("observer.dismissed", "org", org.id.0).about(person).at(&org.path);
    cx.record(permit, event.detail(json!({ "name": name }))).await?;
    Ok(name)
}

fn own(cx: &Cx) -> Result<OrgRef> {
    let org = cx.org()?.clone();
    if cx.may(Action::AppointObserver, &org.path) {
        Ok(org)
    } else {
        Err(cx.forbidden(Action::AppointObserver, &org))
    }
}

/// The end of the last day, in Beijing.
fn last_day(cx: &Cx, typed: &str) -> Result<Millis> {
    let wrong = |says: String| Error::Invalid(vec![FieldError::new("until", "date", says)]);
    let (today, latest) = (day(cx.now()), latest(cx));
    let typed: Date =
        typed.trim().parse().map_err(|_| wrong(format!("请填写到期日,例如 {latest}。")))?;
    if typed < today || typed > latest {
        return Err(wrong(format!("到期日请在 {today} 到 {latest} 之间;到期后可以再设。")));
    }
    let days = i64::from((typed - today).get_days());
    Ok(end_of_day_after(cx.now(), days))
}

/// Nobody observes what is no more: ends what every observer of an organisation may see.
pub(crate) async fn dismiss_all(cx: &mut Cx, permit: &crate::Permit, org: &OrgRef) -> Result<()> {
    sql::dismiss_all(cx, permit, org.id).await.map(|_| ())
}
