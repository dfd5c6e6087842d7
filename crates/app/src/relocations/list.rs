//! Lists of relocations and one of them with everything that its page shows.

use super::{Effect, Relocation, effect, sql};
use crate::{
    Action, Cx, Result,
    business::{
        self, Page, Step, from_rows,
        machine::{Party, State, Verb},
        mark_of,
    },
    clock::Millis,
    orgs::Mandate,
    people::{self, profile::ContactCard},
};
use schemars::JsonSchema;
use serde::Serialize;

/// Relocations of the organisation acted for, from it and to it, the newest first.
pub async fn list(cx: &mut Cx, from: Option<&str>, size: i64) -> Result<Page> {
    cx.scope(Action::SeeOrg)?;
    let org = cx.org()?.id;
    let limit = size.clamp(1, 200) + 1;
    let rows = sql::of_org(cx, org, mark_of(from), limit).await?;
    Ok(from_rows(cx, rows, limit))
}

/// What may be done now by whoever looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rights {
    pub approve: bool,
    pub give_back: bool,
    pub withdraw: bool,
    /// 催办.
    pub urge: bool,
    /// Begin the same once more.
    pub again: bool,
}

/// A relocation with everything that its page shows.
#[derive(Debug)]
pub struct Shown {
    pub relocation: Relocation,
    pub steps: Vec<Step>,
    pub rights: Rights,
    /// From when on the mover may 催办.
    pub urge_from: Millis,
    /// What it would bring; `None` once it has ended.
    pub effect: Option<Effect>,
    /// What stands against it at present, for those who would decide.
    pub against: Option<String>,
    /// Whom to ask where it waits.
    pub holder_contact: Option<ContactCard>,
    /// Names from the root down.
    pub org_names: Vec<String>,
    pub old_names: Vec<String>,
    pub new_names: Vec<String>,
}

/// The relocation with this number for whoever acts; `NotFound` for everybody who is no party of it.
pub async fn by_no(cx: &mut Cx, no: &str) -> Result<Shown> {
    let r: Relocation = business::read(cx, no).await?;
    let steps = business::timeline(cx, &r).await?;
    let (mut effect, mut against) = (None, None);
    if !r.state.ended() {
        effect = Some(effect::effect_of(cx, &r.org, &r.from, &r.to).await?);
        against = crate::orgs::against_moving(cx, &r.org, &r.to, Mandate::Own).await?;
    }
    let holder_contact = match r.holder().cloned() {
        Some(holder) => people::profile::contact_of(cx, &holder).await?,
        None => None,
    };
    let mut names = Vec::new();
    for path in [&r.org.path, &r.from.path, &r.to.path] {
        let found = crate::orgs::names_to(cx, path).await?;
        names.push(found.into_iter().map(|o| o.short_name).collect());
    }
    let [org_names, old_names, new_names] = <[Vec<String>; 3]>::try_from(names).unwrap_or_default();
    Ok(Shown {
        rights: rights(cx, &r),
        urge_from: r.urge_from(),
        against: against.map(|refusal| refusal.message),
        relocation: r,
        steps,
        effect,
        holder_contact,
        org_names,
        old_names,
        new_names,
    })
}

/// The same questions that the use-cases ask, for the buttons.
fn rights(cx: &Cx, r: &Relocation) -> Rights {
    let Ok(acting) = cx.org().cloned() else { return Rights::default() };
    let lapsed = r.has_lapsed(cx.now());
    let is_starter = cx.visitor().is_ok_and(|v| v.person == r.started_by);
    let may = |action, verb| cx.may(action, &acting.path) && r.next(verb, &acting).is_some();
    let mover = r.parties(&acting).contains(&Party::Starter)
        && cx.may(Action::StartRelocation, &acting.path);
    Rights {
        approve: may(Action::DecideRelocation, Verb::Approve) && !lapsed && !is_starter,
        give_back: may(Action::DecideRelocation, Verb::Return) && !lapsed,
        withdraw: may(Action::StartRelocation, Verb::Withdraw),
        urge: mover && r.may_be_urged_by(&acting, cx.now()),
        again: mover && matches!(r.state, State::Rejected | State::Expired | State::Withdrawn),
    }
}
