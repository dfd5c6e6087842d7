//! 书记信息 (40, 41): who the 书记 is, entered by the organisation or its direct superior while there
//! is none. Whoever follows in office comes by an election (`election.rs`).

use super::{CadreId, Held, notices, posts, rights, sql};
use crate::{
    Action, Cx, Error, OrgRef, Permit, Refusal, Result,
    clock::day,
    events::Event,
    orgs,
    people::{self, Entered, Named, PersonId},
    rules::{
        YearMonth,
        person::{PostDraft, RawCell},
    },
};
use serde_json::json;

/// The 书记 and what her organisation should know of her.
#[derive(Clone, Debug)]
pub struct Secretary {
    pub person_code: String,
    pub held: Held,
    /// Without her telephone the organisation is not complete (28 of f).
    pub has_mobile: bool,
}

/// The 书记, if there is one.
pub async fn secretary(cx: &mut Cx, org: &OrgRef) -> Result<Option<Secretary>> {
    let Some(held) = sql::secretary(cx, org.id).await? else { return Ok(None) };
    let (person_code, has_mobile) = sql::reachable(cx, held.person).await?;
    Ok(Some(Secretary { person_code, held, has_mobile }))
}

/// What the form brings.
#[derive(Clone, Debug, Default)]
pub struct NewSecretary {
    /// 「我就是书记」: nothing else is asked but the telephone, when it is missing.
    pub myself: bool,
    pub name: String,
    pub id_number: RawCell,
    pub mobile: String,
    /// 任现职年月; this month when empty.
    pub since: String,
}

/// Enters the 书记: a new person (no account is made, she activates it herself), or anybody in the
/// system, whose other posts stay. A holder of another post here is promoted and keeps her seat.
/// Refused `secretary_taken`. `None`: the ID number is somebody's with another name; commit and show
/// [`Entered::other_name`].
pub async fn set_secretary(
    cx: &mut Cx,
    org: &OrgRef,
    new: &NewSecretary,
) -> Result<Option<String>> {
    let permit = cx.permit(Action::ChangePosts, org)?;
    let post = post(cx, org, &new.since)?;
    let named = if new.myself { None } else { Some(read(cx, new)?) };
    orgs::lock(cx, &permit, org.id).await?;
    rights::still_admin(cx).await?;
    if let Some(held) = sql::secretary(cx, org.id).await? {
        return Err(taken(cx, org, &held));
    }
    let person = match &named {
        None => {
            let me = cx.visitor()?.person;
            people::supply_own_mobile(cx, &permit, &new.mobile).await?;
            me
        }
        Some(named) => match people::find_or_make(cx, &permit, named).await? {
            Entered::Made(person) | Entered::Known(person) => person,
            Entered::OtherName => {
                cx.record(permit, Event::new("cadre.refused", "org", org.id.0)).await?;
                return Ok(None);
            }
        },
    };
    let name = sql::name_of(cx, person).await?;
    let id = install(cx, &permit, org, person, &post).await?;
    notices::post_given(cx, org, person, (&name, posts::SECRETARY)).await?;
    let event = Event::new("cadre.entered", "cadre", id.0).about(person).at(&org.path);
    cx.record(permit, event.detail(json!({ "name": name, "post": posts::SECRETARY }))).await?;
    Ok(Some(name))
}

fn read(cx: &Cx, new: &NewSecretary) -> Result<Named> {
    let named = Named::read(&new.name, &new.id_number, &new.mobile, day(cx.now()))?;
    Ok(named)
}

/// Gives the post, or changes the one that she has here. Refused `E12` when she is on her way out of
/// this very organisation: the post would end with the transfer.
pub(super) async fn install(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    person: PersonId,
    post: &PostDraft,
) -> Result<CadreId> {
    if let Some((no, to)) = sql::leaving(cx, org.id, person).await? {
        return Err(leaving(cx, org, person, (&no, &to)).await?);
    }
    match posts::held(cx, org, person).await? {
        Some(held) => posts::change_post(cx, permit, org, &held, post).await,
        None => posts::give_post(cx, permit, org, person, post).await,
    }
}

async fn leaving(
    cx: &mut Cx,
    org: &OrgRef,
    person: PersonId,
    (no, to): (&str, &str),
) -> Result<Error> {
    let name = sql::name_of(cx, person).await?;
    let base = cx.org().map(|own| format!("/o/{}", own.code)).unwrap_or_default();
    let to = if to.is_empty() { String::new() } else { format!(",转往 {to}") };
    let says = format!(
        "{name}的组织关系正在从{}转出({no}{to}),办完以后在这里的职务会一起结束,所以现在不能设为书记。要留任的,请先撤回这次转接;否则请先登记主持工作的其他人。",
        org.short_name
    );
    let again = match cx.org().is_ok_and(|own| own.id == org.id) {
        true => format!("{base}/info/secretary"),
        false => format!("{base}/orgs/{}/secretary", org.code),
    };
    let refusal = Refusal::new("E12", says).way("看这次转接", format!("{base}/t/{no}"));
    Ok(Error::refused(refusal.way("登记其他人", again)))
}

fn post(cx: &Cx, org: &OrgRef, since: &str) -> Result<PostDraft> {
    let form = super::PostForm {
        post: posts::SECRETARY.into(),
        since: since.to_owned(),
        ..super::PostForm::default()
    };
    let mut post = form.read(cx, org)?.ok_or_else(|| posts::no_such_post(org))?;
    if post.since.is_none() {
        post.since = YearMonth::of(day(cx.now())).map(|ym| ym.to_string());
    }
    Ok(post)
}

fn taken(cx: &Cx, org: &OrgRef, held: &Held) -> Error {
    let base = cx.org().map(|own| format!("/o/{}", own.code)).unwrap_or_default();
    let says = format!(
        "{}已有书记{},一个组织只有一位书记。换了书记请办理换届:原书记免职、新书记任职和管理员交接一次办完。",
        org.short_name, held.name
    );
    let refusal = Refusal::new("secretary_taken", says);
    Error::refused(refusal.way("办理换届", format!("{base}/elections/new?at={}", org.code)))
}
