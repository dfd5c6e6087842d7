//! Lists of relocations and one of them with everything that its page shows.

use super::{Effect, Relocation, effect, machine, read, sql, sql::Step};
use crate::{
    Action, Cx, Result,
    clock::Millis,
    orgs::Mandate,
    people::{self, profile::ContactCard},
    transfers::machine::days_since,
};
use machine::{State, Verb};
use schemars::JsonSchema;
use serde::Serialize;

/// A line of a list.
#[derive(Clone, Debug)]
pub struct Line {
    pub no: String,
    pub org: String,
    pub from: String,
    pub to: String,
    pub starter_name: String,
    pub state: State,
    /// In whose hands it is.
    pub waits_for: Option<String>,
    /// Calendar days until the deadline.
    pub days_left: Option<i64>,
    pub created_at: Millis,
    pub ended_at: Option<Millis>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    pub lines: Vec<Line>,
    /// Mark of the next page; `None` when this was the last.
    pub next: Option<String>,
}

/// Relocations of the organisation acted for, from it and to it, the newest first.
pub async fn list(cx: &mut Cx, from: Option<&str>, size: i64) -> Result<Page> {
    cx.scope(Action::SeeOrg)?;
    let org = cx.org()?.id;
    let before = from.and_then(|mark| mark.parse().ok()).unwrap_or(i64::MAX);
    let size = size.clamp(1, 200);
    let mut rows = sql::of_org(cx, org, before, size + 1).await?;
    let more = rows.len() > usize::try_from(size).unwrap_or(usize::MAX);
    if more {
        rows.pop();
    }
    let next = rows.last().filter(|_| more).map(|row| row.id.0.to_string());
    let now = cx.now();
    Ok(Page { lines: rows.into_iter().map(|row| line(now, row)).collect(), next })
}

/// What waits for the organisation acted for, the most urgent first.
pub async fn waiting(cx: &mut Cx, limit: i64) -> Result<Vec<Line>> {
    cx.scope(Action::SeeOrg)?;
    let (org, now) = (cx.org()?.id, cx.now());
    let rows = sql::waiting_for(cx, org, limit.clamp(1, 200)).await?;
    Ok(rows.into_iter().map(|row| line(now, row)).collect())
}

fn line(now: Millis, row: sql::Line) -> Line {
    Line {
        no: row.no,
        org: row.org_name,
        from: row.from_name,
        to: row.to_name,
        starter_name: row.starter_name,
        // The column's CHECK knows the same words.
        state: State::from_code(&row.state).unwrap_or(State::Draft),
        waits_for: row.waits_name,
        days_left: row.deadline.map(|end| days_since(now, end)),
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}

/// What may be done now by whoever looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rights {
    pub approve: bool,
    pub give_back: bool,
    pub withdraw: bool,
    /// Begin the same once more.
    pub again: bool,
}

/// A relocation with everything that its page shows.
#[derive(Debug)]
pub struct Shown {
    pub relocation: Relocation,
    pub steps: Vec<Step>,
    pub rights: Rights,
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
    let r = read(cx, no).await?;
    let steps = sql::steps(cx, r.id).await?;
    let (mut effect, mut against) = (None, None);
    if !r.state.ended() {
        effect = Some(effect::effect_of(cx, &r.org, &r.old_parent, &r.new_parent).await?);
        against = crate::orgs::against_moving(cx, &r.org, &r.new_parent, Mandate::Own).await?;
    }
    let holder_contact = match r.holder().cloned() {
        Some(holder) => people::profile::contact_of(cx, &holder).await?,
        None => None,
    };
    let mut names = Vec::new();
    for path in [&r.org.path, &r.old_parent.path, &r.new_parent.path] {
        let found = crate::orgs::names_to(cx, path).await?;
        names.push(found.into_iter().map(|o| o.short_name).collect());
    }
    let [org_names, old_names, new_names] = <[Vec<String>; 3]>::try_from(names).unwrap_or_default();
    Ok(Shown {
        rights: rights(cx, &r),
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
    let parties = r.parties(&acting);
    let lapsed = r.deadline.is_some_and(|end| end < cx.now());
    let is_starter = cx.visitor().is_ok_and(|v| v.person == r.started_by);
    let may = |action, verb| {
        cx.may(action, &acting.path) && machine::next(r.state, verb, &parties).is_some()
    };
    let mover =
        parties.contains(&machine::Party::Mover) && cx.may(Action::StartRelocation, &acting.path);
    Rights {
        approve: may(Action::DecideRelocation, Verb::Approve) && !lapsed && !is_starter,
        give_back: may(Action::DecideRelocation, Verb::Return) && !lapsed,
        withdraw: may(Action::StartRelocation, Verb::Withdraw),
        again: mover && matches!(r.state, State::Rejected | State::Expired | State::Withdrawn),
    }
}
