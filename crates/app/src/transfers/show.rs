//! One transfer for its page (A41, M7): where it stands, in whose hands, until when, what was done,
//! and what whoever looks at it may do now.

use super::{
    Transfer, pass, read, sql,
    start::{FIELDS_COLUMN, New, labelled},
    undo,
};
use crate::{
    Action, Cx, Error, OrgRef, Result, Who,
    business::{
        self, SOURCE, Step,
        machine::{self, Party, State, Verb},
    },
    cadres,
    clock::Millis,
    keys::Place,
    orgs,
    people::{
        self, Person,
        profile::{Callee, ContactCard},
    },
    rules::Rules,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What may be done now by whoever looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rights {
    pub approve: bool,
    /// Together with the approval, or after it.
    pub allocate: bool,
    pub give_back: bool,
    pub withdraw: bool,
    pub urge: bool,
    /// Begin the same once more, filled in.
    pub again: bool,
    /// 转交.
    pub pass_on: bool,
    /// Take one's own decision of the last minutes back.
    pub undo: bool,
}

/// A transfer with everything that its page shows.
#[derive(Debug)]
pub struct Shown {
    pub transfer: Transfer,
    /// The person's data; pages mask them. `None` for the person herself.
    pub person: Option<Person>,
    /// Whoever looks has asked for her (转入) and the source has not agreed: sex, month of birth and
    /// masked number are all that is shown, and not where she is (security a-2).
    pub limited: bool,
    /// What ends in her branch when she leaves, in sentences; only while it is open, for those who may
    /// know.
    pub effects: Vec<String>,
    /// Whom to ask at the source (102); only for organisations.
    pub source_contact: Option<ContactCard>,
    /// The administrators of the source with their numbers, masked, for whoever decides (102).
    pub source_admins: Vec<Callee>,
    /// In whose hands it is.
    pub holder: Option<String>,
    /// Whom to ask where it waits (P4).
    pub holder_contact: Option<ContactCard>,
    /// Names from the root down to source and target.
    pub from_names: Vec<String>,
    pub to_names: Vec<String>,
    pub branch: Option<OrgRef>,
    pub reason_name: String,
    /// Label and value of what the reason asks.
    pub fields: Vec<(&'static str, String)>,
    pub return_reason: Option<&'static str>,
    /// What the starter can do after a return.
    pub return_hint: Option<&'static str>,
    pub steps: Vec<Step>,
    pub rights: Rights,
    /// From when on the starter may 催办.
    pub urge_from: Millis,
    /// Until when the decision may be taken back by whoever looks, if it was hers.
    pub undo_until: Option<Millis>,
    /// The branch that is suggested for the allocation: 组织码.
    pub suggested: Option<String>,
}

impl Rights {
    /// Whether it is in her hands now.
    pub fn decides(self) -> bool {
        self.approve || self.allocate
    }
}

/// The transfer with this number for whoever acts (or for the person herself, who acts for no
/// organisation). `NotFound` for everybody who is no party of it.
pub async fn by_no(cx: &mut Cx, no: &str) -> Result<Shown> {
    let t = read(cx, no).await?;
    let mut steps = business::timeline(cx, &t).await?;
    let person = match cx.who() {
        Who::Person(v) if v.acting.is_some() => Some(people::person::read(cx, t.person).await?),
        _ => None,
    };
    let branch = match t.branch {
        Some(id) => Some(orgs::by_id(cx, id).await?),
        None => None,
    };
    let rules = &Rules::builtin().transfer;
    let returned = t.return_reason.as_deref().and_then(|code| rules.return_reason(code));
    let undo_until = undo::until(cx, &t).await?;
    let mut rights = rights(cx, &t);
    rights.undo = undo_until.is_some();
    let limited = is_limited(cx, &t);
    if let Ok(acting) = cx.org() {
        for step in steps.iter_mut().filter(|step| t.is_of_source(step, acting)) {
            (step.actor, step.org) = (SOURCE.to_owned(), None);
        }
    }
    let source_contact = match person {
        Some(_) if !limited => people::profile::contact_of(cx, &t.from).await?,
        _ => None,
    };
    let effects = match t.state.ended() || limited {
        false => cadres::leaving(cx, &t.from, t.person, &t.person_name).await?,
        true => Vec::new(),
    };
    let source_admins = match rights.decides() && !limited {
        true => people::profile::admins_of(cx, &t.from).await?,
        false => Vec::new(),
    };
    let holder_contact = match t.holder().cloned() {
        Some(_) if limited => None,
        Some(holder) => people::profile::contact_of(cx, &holder).await?,
        None => None,
    };
    Ok(Shown {
        effects,
        source_contact,
        source_admins,
        holder_contact,
        from_names: match limited {
            true => vec![SOURCE.to_owned()],
            false => names(cx, &t.from).await?,
        },
        holder: t.holder().map(|holder| match limited {
            true => SOURCE.to_owned(),
            false => holder.short_name.clone(),
        }),
        to_names: names(cx, &t.to).await?,
        branch,
        reason_name: rules.reason(&t.reason).map_or_else(|| t.reason.clone(), |r| r.name.clone()),
        fields: labelled(&answers(cx, &t)?),
        return_reason: returned.map(|r| r.name.as_str()),
        return_hint: returned.map(|r| r.hint.as_str()),
        steps,
        urge_from: t.urge_from(),
        suggested: suggest(cx, &t, rights).await?,
        rights,
        limited,
        undo_until,
        person,
        transfer: t,
    })
}

/// The numbers of the source's administrators in full, for whoever decides now; `NotFound` for all
/// others.
pub async fn call_source(cx: &mut Cx, no: &str) -> Result<Vec<Callee>> {
    let t = read(cx, no).await?;
    let rights = rights(cx, &t);
    if !rights.decides() || is_limited(cx, &t) {
        return Err(Error::NotFound);
    }
    let (action, verb) = match rights.approve {
        true => (Action::DecideTransfer, Verb::Approve),
        false => (Action::AllocateTransfer, Verb::Allocate),
    };
    let permit = cx.permit(action, t.decider(verb).0)?;
    people::profile::call_admins(cx, permit, &t.from, &t.no).await
}

/// What a transfer was begun with, to begin it once more (P4: nothing is typed twice).
pub async fn again(cx: &mut Cx, no: &str) -> Result<New> {
    let t = read(cx, no).await?;
    if t.variant.comes_from_target() || !cx.may(Action::StartTransferOut, &t.from.path) {
        return Err(Error::NotFound);
    }
    Ok(New {
        person: t.person_code.clone(),
        to: t.to.code.clone(),
        reason: t.reason.clone(),
        fields: answers(cx, &t)?,
        remark: t.remark.clone(),
    })
}

/// Whether whoever looks belongs to the side that asked for the person and is not (yet) given her.
fn is_limited(cx: &Cx, t: &Transfer) -> bool {
    cx.org().is_ok_and(|acting| t.hides_source_from(acting))
}

async fn names(cx: &mut Cx, org: &OrgRef) -> Result<Vec<String>> {
    Ok(orgs::names_to(cx, &org.path).await?.into_iter().map(|o| o.short_name).collect())
}

/// What the reason asked, out of its ciphertext.
pub(super) fn answers(cx: &Cx, t: &Transfer) -> Result<BTreeMap<String, String>> {
    let Some(sealed) = &t.fields_ct else { return Ok(BTreeMap::new()) };
    let place = Place { column: FIELDS_COLUMN, row: t.id.0 };
    let text = cx
        .house()
        .keys()
        .unseal(place, sealed)
        .map_err(|e| Error::Broken(format!("{FIELDS_COLUMN}: {e}")))?;
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// The same questions that the use-cases ask, for the buttons.
fn rights(cx: &Cx, t: &Transfer) -> Rights {
    let Ok(acting) = cx.org().cloned() else {
        let own = cx.visitor().is_ok_and(|v| v.person == t.person);
        let back = machine::next(t.variant, t.state, Verb::Withdraw, &[Party::Person]);
        return Rights { withdraw: own && back.is_some(), ..Rights::default() };
    };
    let parties = t.parties(&acting);
    let may = |action, org: &OrgRef, verb| {
        cx.may(action, &org.path) && machine::next(t.variant, t.state, verb, &parties).is_some()
    };
    let lapsed = t.has_lapsed(cx.now());
    let is_starter = cx.visitor().is_ok_and(|v| v.person == t.started_by);
    let side = t.decider(Verb::Approve).0;
    let approve = may(Action::DecideTransfer, side, Verb::Approve) && !lapsed && !is_starter;
    let starting =
        parties.contains(&Party::Starter) && cx.may(Action::WithdrawTransfer, &acting.path);
    let came_back = t.state.ended() && t.state != State::Done;
    // Whoever decides a 转出 of the other side allocates with it; a 转入 is allocated afterwards.
    let with_it = approve
        && !t.variant.comes_from_target()
        && machine::is_open_to(t.variant, State::PendingAlloc, Verb::Allocate)
        && cx.may(Action::AllocateTransfer, &t.to.path);
    Rights {
        approve,
        allocate: may(Action::AllocateTransfer, &t.to, Verb::Allocate) || with_it,
        give_back: may(Action::DecideTransfer, side, Verb::Return) && !lapsed,
        withdraw: may(Action::WithdrawTransfer, &acting, Verb::Withdraw),
        urge: starting && t.may_be_urged_by(&acting, cx.now()),
        again: came_back && may_repeat(cx, t, &acting),
        pass_on: pass::may(cx, t) && !lapsed,
        undo: false,
    }
}

fn may_repeat(cx: &Cx, t: &Transfer, acting: &OrgRef) -> bool {
    if t.variant.comes_from_target() {
        t.started_org.id == acting.id && cx.may(Action::StartTransferIn, &acting.path)
    } else {
        cx.may(Action::StartTransferOut, &t.from.path)
    }
}

/// A branch for the allocation: the one that was meant when it began, the only one, or the one whose
/// name the answers mention.
async fn suggest(cx: &mut Cx, t: &Transfer, rights: Rights) -> Result<Option<String>> {
    if !rights.allocate {
        return Ok(None);
    }
    if let Some(meant) = t.wish {
        let branch = orgs::by_id(cx, meant).await?;
        let active = sql::seems_active(cx, branch.id).await?;
        if super::approval::against_branch(t, &branch, active).is_none() {
            return Ok(Some(branch.code));
        }
    }
    let branches = super::branches_of(cx, &t.to).await?;
    let words: Vec<String> =
        answers(cx, t)?.into_values().chain([t.remark.clone()]).filter(|w| !w.is_empty()).collect();
    let fits = |name: &str| {
        let core = name.trim_end_matches("团支部");
        !core.is_empty() && words.iter().any(|w| w.contains(core))
    };
    let own = |(code, _): &&(String, String)| *code != t.from.code;
    let mut named = branches.iter().filter(own).filter(|(_, name)| fits(name));
    let found = match (named.next(), branches.iter().filter(own).count()) {
        (Some((code, _)), _) => Some(code),
        (None, 1) => branches.iter().find(own).map(|(code, _)| code),
        _ => None,
    };
    Ok(found.cloned())
}
