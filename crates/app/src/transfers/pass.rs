//! 转交 (B.6): whoever holds a transfer asks a colleague of the same organisation, or the direct
//! superior, to look at it. A message with a link and a line in the timeline; it stays in the same
//! hands and its deadline runs on.

use super::{Transfer, notices, read, sql};
use crate::{
    Action, Cx, Error, OrgRef, Refusal, Result, access,
    business::{
        self, Matter,
        machine::{self, Verb},
    },
    clock::HOUR,
    orgs::parent_path,
    people::PersonId,
};

const LONGEST_NOTE: usize = 100;
/// The superior stands for itself in the choice.
const SUPERIOR: &str = "superior";
/// Times that one transfer may be passed on in 24 hours.
const MOST: i64 = 5;

/// To whom it can be passed on.
#[derive(Clone, Debug)]
pub struct Colleague {
    /// What is sent: the person's code, or `superior`.
    pub choice: String,
    /// As it stands on the page.
    pub label: String,
}

/// The other administrators of the organisation acted for, and its direct superior.
pub async fn colleagues(cx: &mut Cx) -> Result<Vec<Colleague>> {
    let org = cx.org()?.clone();
    let me = cx.visitor()?.person;
    let mut found: Vec<Colleague> = Vec::new();
    for (id, code, name) in sql::administrators(cx, org.id).await? {
        if id != me {
            found.push(Colleague { choice: code, label: format!("{name}(本组织管理员)") });
        }
    }
    if let Some(superior) = superior(cx, &org).await? {
        let label = format!("{}(直接上级)", superior.short_name);
        found.push(Colleague { choice: SUPERIOR.into(), label });
    }
    Ok(found)
}

async fn superior(cx: &mut Cx, org: &OrgRef) -> Result<Option<OrgRef>> {
    match parent_path(&org.path) {
        Some(path) => Ok(crate::orgs::names_to(cx, path).await?.pop()),
        None => Ok(None),
    }
}

/// Whether whoever acts may pass this transfer on: she could decide it.
pub(super) fn may(cx: &Cx, t: &Transfer) -> bool {
    let Ok(acting) = cx.org() else { return false };
    let parties = t.parties(acting);
    let steps = [Verb::Approve, Verb::Allocate];
    steps.into_iter().any(|verb| {
        let side = t.decider(verb).0;
        machine::next(t.variant, t.state, verb, &parties).is_some()
            && cx.may(Action::DecideTransfer, &side.path)
    })
}

/// Passes a transfer on. `Invalid` (`to`, `message`); refused `passed` after five times in a day.
pub async fn pass_on(cx: &mut Cx, no: &str, to: &str, note: &str) -> Result<(Transfer, String)> {
    let t = read(cx, no).await?;
    if !may(cx, &t) {
        if t.state.ended() {
            return Err(business::too_late(cx, &t).await);
        }
        let holder = t.holder().map_or("对方", |o| o.short_name.as_str());
        let why = format!("这一件现在由“{holder}”办理，只有它能转交。");
        return Err(access::forbidden_because(Action::DecideTransfer, why));
    }
    let acting = cx.org()?.clone();
    let permit = cx.permit(Action::DecideTransfer, &acting)?;
    let note = note.trim();
    if note.chars().count() > LONGEST_NOTE {
        return Err(Error::field("message", "too_long", "留言请不超过 100 个字。"));
    }
    business::without_numbers("message", note)?;
    if sql::passes_since(cx, t.id, cx.now() - 24 * HOUR).await? >= MOST {
        return Err(Error::refused(Refusal::new(
            "passed",
            "24 小时内已转交 5 次,对方都收到了提醒。请直接联系,或由本组织办理。",
        )));
    }
    let name = tell(cx, &t, &acting, to.trim(), note).await?;
    let said = if note.is_empty() { format!("给 {name}") } else { format!("给 {name}:{note}") };
    business::note_step(cx, &permit, &t, Verb::Pass, &said).await?;
    t.record(cx, permit, Verb::Pass).await?;
    Ok((t, name))
}

async fn tell(cx: &mut Cx, t: &Transfer, acting: &OrgRef, to: &str, note: &str) -> Result<String> {
    let wrong = || Error::field("to", "required", "请选择转交给谁。");
    if to == SUPERIOR {
        let superior = superior(cx, acting).await?.ok_or_else(wrong)?;
        notices::passed_up(cx, t, &superior, note).await?;
        return Ok(superior.short_name);
    }
    let me = cx.visitor()?.person;
    let others = sql::administrators(cx, acting.id).await?;
    let chosen: Option<(PersonId, String, String)> =
        others.into_iter().find(|(id, code, _)| code == to && *id != me);
    let (person, _, name) = chosen.ok_or_else(wrong)?;
    notices::passed_on(cx, t, acting, person, note).await?;
    Ok(name)
}
