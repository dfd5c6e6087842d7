//! 录入本级团干部 (84-86, A28), 团干部职务变更 (87, A29) and removing a cadre who has left (88, 89).

use super::{CadreId, Held, admins, notices, posts, rights, sql};
use crate::{
    Action, Cx, Error, FieldError, OrgRef, Permit, Refusal, Result,
    clock::day,
    events::Event,
    orgs,
    people::{self, Entered, Named, PersonId},
    rules::{
        Column, Problem, Rules, YearMonth, fields, month,
        person::{PostDraft, RawCell},
    },
};
use serde_json::json;

/// A post as typed.
#[derive(Clone, Debug, Default)]
pub struct PostForm {
    /// Name, synonym or code of a post of the category; 无职务 or empty for none.
    pub post: String,
    /// 任现职年月.
    pub since: String,
    pub nature: String,
    pub in_party_committee: String,
}

impl PostForm {
    /// Reads a post of this organisation; `None` for 无职务. Fields: `post`, `post_since`,
    /// `post_nature`, `in_party_committee`.
    pub fn read(&self, cx: &Cx, org: &OrgRef) -> Result<Option<PostDraft>> {
        let (rules, today) = (Rules::builtin(), day(cx.now()));
        let mut wrong: Vec<Problem> = Vec::new();
        let row = fields::post(&self.post, org.category, rules);
        let row = row.map_err(|p| wrong.push(p)).ok().flatten();
        let blank = |text: &str| rules.codes.is_blank(text);
        let since = if blank(&self.since) {
            None
        } else {
            let read = month::parse(&self.since, false, Column::PostSince);
            read.map_err(|p| wrong.push(p)).ok()
        };
        if since.zip(YearMonth::of(today)).is_some_and(|(since, now)| since > now) {
            let says = "任现职年月在今天之后,请核对。";
            wrong.push(Problem::fix(Column::PostSince, "post_since_in_future", says));
        }
        let nature = if blank(&self.nature) {
            None
        } else {
            fields::post_nature(&self.nature, rules).map_err(|p| wrong.push(p)).ok()
        };
        let party = if blank(&self.in_party_committee) {
            None
        } else {
            let read = fields::yes_no(&self.in_party_committee, Column::InPartyCommittee, rules);
            read.map_err(|p| wrong.push(p)).ok()
        };
        if !wrong.is_empty() {
            let field = |p: Problem| FieldError::new(p.column.key(), p.code, p.message);
            return Err(Error::Invalid(wrong.into_iter().map(field).collect()));
        }
        Ok(row.map(|row| PostDraft {
            code: row.code.clone(),
            is_secretary: row.is_secretary,
            since: since.map(|ym| ym.to_string()),
            nature: nature.map(|row| row.code.clone()),
            in_party_committee: party,
        }))
    }
}

/// Who is to be entered.
#[derive(Clone, Debug, Default)]
pub struct NewCadre {
    pub name: String,
    pub id_number: RawCell,
    pub mobile: String,
    pub post: PostForm,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnteredCadre {
    /// She has the post; whether she was in the system before, and her name.
    /// `also`: a post that she holds in another branch, `2班团支部的书记` (decision 28: allowed, said).
    Done { person: PersonId, was_known: bool, name: String, also: Option<String> },
    /// The ID number is somebody's with another name: commit and show [`Entered::other_name`].
    OtherName,
}

/// 录入本级团干部: a new person, or one who is in the system already and keeps her branch and her
/// other posts (85). Only of the organisation acted for (84).
pub async fn enter(cx: &mut Cx, org: &OrgRef, new: &NewCadre) -> Result<EnteredCadre> {
    if !rights::is_own(cx, org) {
        return Err(own_level_only(cx, org));
    }
    let permit = cx.permit(Action::ChangePosts, org)?;
    let (named, post) = read(cx, org, new)?;
    let entered = people::find_or_make(cx, &permit, &named).await?;
    let (Entered::Made(person) | Entered::Known(person)) = entered else {
        let event = Event::new("cadre.refused", "org", org.id.0);
        cx.record(permit, event).await?;
        return Ok(EnteredCadre::OtherName);
    };
    let id = posts::give_post(cx, &permit, org, person, &post).await?;
    told(cx, permit, org, (person, &named.name), (id, &post.code)).await?;
    let was_known = matches!(entered, Entered::Known(_));
    let also = match org.category.owns_members() {
        true => other_branch_post(cx, org, person).await?,
        false => None,
    };
    Ok(EnteredCadre::Done { person, was_known, name: named.name, also })
}

/// The first post that she holds in another branch.
async fn other_branch_post(cx: &mut Cx, org: &OrgRef, person: PersonId) -> Result<Option<String>> {
    let person = people::person::read(cx, person).await?;
    let mut posts = person.present_posts();
    let other = posts.find(|p| p.org.category.owns_members() && p.org.id != org.id);
    Ok(other.map(|p| format!("{}的{}", p.org.short_name, p.post)))
}

/// Person and post together, so that everything wrong is said at once.
fn read(cx: &Cx, org: &OrgRef, new: &NewCadre) -> Result<(Named, PostDraft)> {
    let named = Named::read(&new.name, &new.id_number, &new.mobile, day(cx.now()));
    let post = new.post.read(cx, org).and_then(|post| {
        post.ok_or_else(|| Error::field("post", "required", "请选择“现任团内职务”。"))
    });
    match (named, post) {
        (Ok(named), Ok(post)) => Ok((named, post)),
        (Err(Error::Invalid(mut one)), Err(Error::Invalid(two))) => {
            one.extend(two);
            Err(Error::Invalid(one))
        }
        (Err(e), _) | (_, Err(e)) => Err(e),
    }
}

fn own_level_only(cx: &Cx, org: &OrgRef) -> Error {
    let own = cx.org().map(|o| o.short_name.clone()).unwrap_or_default();
    Error::refused(Refusal::new(
        "own_level_only",
        format!(
            "这里只录入{own}本级的团干部。{}的团干部由它自己的管理员录入;设书记、换届可以由上级办理。",
            org.short_name
        ),
    ))
}

/// The message and the event of a post that was given; uses the permit up.
async fn told(
    cx: &mut Cx,
    permit: Permit,
    org: &OrgRef,
    (person, name): (PersonId, &str),
    (id, code): (CadreId, &str),
) -> Result<()> {
    let words = posts::post_row(cx, org.category, code).map_or("", |row| row.name.as_str());
    notices::post_given(cx, org, person, (name, words)).await?;
    let event = Event::new("cadre.entered", "cadre", id.0).about(person).at(&org.path);
    cx.record(permit, event.detail(json!({ "name": name, "post": words }))).await
}

/// 团干部职务变更, shown: what somebody is in an organisation, and what stands against changing it.
#[derive(Clone, Debug)]
pub struct Changing {
    pub person: PersonId,
    pub code: String,
    pub name: String,
    /// `None` when she has no post there yet.
    pub held: Option<Held>,
    /// Why her post can't be ended by whoever looks (her seat would go with it).
    pub cannot_end: Option<Refusal>,
}

/// Reads that for a person of the organisation: a holder of a post there, or a member of the branch.
pub async fn changing(cx: &mut Cx, org: &OrgRef, code: &str) -> Result<Changing> {
    if !cx.may(Action::ChangePosts, &org.path) {
        return Err(cx.forbidden(Action::ChangePosts, org));
    }
    let (person, name) = admins::named(cx, code).await?;
    let held = posts::held(cx, org, person).await?;
    if held.is_none() && !sql::is_member_of(cx, org.id, person).await? {
        return Err(Error::NotFound);
    }
    let cannot_end = match &held {
        None => None,
        Some(held) => match admins::seat_goes(cx, org, held).await {
            Err(Error::Refused(refusal)) => Some(*refusal),
            Err(e) => return Err(e),
            Ok(_) => None,
        },
    };
    Ok(Changing { person, code: code.to_owned(), name, held, cannot_end })
}

/// Gives a member of the branch a post, or changes the post of a holder. The seat of an
/// administrator goes along. `version` is that of the post which the page showed, 0 for none.
/// 无职务 is [`remove`]. Returns her name and the new post.
pub async fn change(
    cx: &mut Cx,
    org: &OrgRef,
    code: &str,
    version: i64,
    form: &PostForm,
) -> Result<(String, String)> {
    let now = changing(cx, org, code).await?;
    let permit = cx.permit(Action::ChangePosts, org)?;
    let Some(post) = form.read(cx, org)? else {
        return Err(Error::field(
            "post",
            "required",
            "请选择新的职务;不再任职的,请办理“免去职务”。",
        ));
    };
    fresh(&now, version)?;
    orgs::lock(cx, &permit, org.id).await?;
    rights::still_admin(cx).await?;
    let words = posts::post_row(cx, org.category, &post.code).map_or("", |row| row.name.as_str());
    let Some(held) = &now.held else {
        let id = posts::give_post(cx, &permit, org, now.person, &post).await?;
        told(cx, permit, org, (now.person, &now.name), (id, &post.code)).await?;
        return Ok((now.name, words.to_owned()));
    };
    if held.is_secretary() && !post.is_secretary && rights::is_me(cx, now.person) {
        return Err(own_secretary(cx, org).await?);
    }
    let id = posts::change_post(cx, &permit, org, held, &post).await?;
    notices::post_given(cx, org, now.person, (&now.name, words)).await?;
    super::tell_of_loss(cx, org, &now.name, (held.is_secretary(), false), "已改任其他职务").await?;
    let event = Event::new("cadre.changed", "cadre", id.0).about(now.person).at(&org.path);
    let detail = json!({ "name": now.name, "from": held.post, "to": words });
    cx.record(permit, event.detail(detail)).await?;
    Ok((now.name, words.to_owned()))
}

/// Ends a post (无职务, or somebody who has left); the administrator's seat ends with it, which
/// whoever acts must be allowed to do (32). Membership and other posts stay (89). Returns the name,
/// and whether a seat went with it.
pub async fn remove(
    cx: &mut Cx,
    org: &OrgRef,
    code: &str,
    version: i64,
    reason: &str,
) -> Result<(String, bool)> {
    let now = changing(cx, org, code).await?;
    let permit = cx.permit(Action::ChangePosts, org)?;
    fresh(&now, version)?;
    let Some(held) = &now.held else { return Err(posts::changed_meanwhile(&now.name)) };
    orgs::lock(cx, &permit, org.id).await?;
    rights::still_admin(cx).await?;
    if held.is_secretary() && rights::is_me(cx, now.person) {
        return Err(own_secretary(cx, org).await?);
    }
    let left = admins::seat_goes(cx, org, held).await?;
    let reason = if REASONS.contains(&reason) { reason } else { "离任" };
    let ended = posts::end_post(cx, &permit, org, now.person, reason).await?;
    let Some(ended) = ended else { return Err(posts::changed_meanwhile(&now.name)) };
    if let Some(left) = left.filter(|_| ended.seat) {
        admins::note_revoked(cx, &permit, org, (now.person, &now.name), left).await?;
    }
    notices::post_ended(cx, org, now.person, (&now.name, &held.post), ended.seat).await?;
    let was = (held.is_secretary(), ended.seat);
    super::tell_of_loss(cx, org, &now.name, was, "职务已结束").await?;
    let event = Event::new("cadre.ended", "cadre", held.id.0).about(now.person).at(&org.path);
    let detail = json!({ "name": now.name, "post": held.post, "reason": reason });
    cx.record(permit, event.detail(detail)).await?;
    Ok((now.name, ended.seat))
}

/// Why a post ends, as stored in the history.
pub const REASONS: [&str; 4] = ["无职务", "离任", "调离", "录入有误"];

fn fresh(now: &Changing, version: i64) -> Result<()> {
    let stored = now.held.as_ref().map_or(0, |held| held.version);
    if stored == version { Ok(()) } else { Err(posts::changed_meanwhile(&now.name)) }
}

/// Row 42: the 书记 does not end her own term; who can is said.
pub(super) async fn own_secretary(cx: &mut Cx, org: &OrgRef) -> Result<Error> {
    let taken = sql::seats(cx, org.id).await?;
    let who = rights::who_can(cx, org, &taken).await?;
    let says = format!("书记不能变更自己的书记职务。请{who}用“换届”办理。");
    Ok(Error::refused(Refusal::new("own_secretary", says)))
}
