//! 管理员: numbered seats that hang on posts (28, 30). The key of the table is the last word: a
//! fourth can't be sat on, whatever happens at once (I4).

use super::{posts, reaches, sql};
use crate::{
    Cx, Error, OrgRef, Permit, Refusal, Result, clock::Millis, orgs, people::PersonId, rules::Rules,
};

/// A taken seat.
#[derive(Clone, Debug)]
pub struct Seat {
    pub slot: i64,
    pub person: PersonId,
    pub person_code: String,
    pub name: String,
    pub post: String,
    pub granted_at: Millis,
    /// When the superior last confirmed it.
    pub confirmed_at: Millis,
    /// Since when it rests, because nobody used it.
    pub suspended_at: Option<Millis>,
}

/// How many administrators an organisation of this category may have (28).
pub fn seats_of(org: &OrgRef) -> i64 {
    i64::from(Rules::builtin().tree.category(org.category).admin_seats)
}

/// The administrators of an organisation, by seat.
pub async fn seats(cx: &mut Cx, org: &OrgRef) -> Result<Vec<Seat>> {
    sql::seats(cx, org.id).await
}

/// Gives a cadre of this very organisation the next free seat and returns its number. Refused:
/// `no_post` (30), `already_admin`, `seats_full` (28).
pub async fn seat(cx: &mut Cx, permit: &Permit, org: &OrgRef, person: PersonId) -> Result<i64> {
    reaches(permit, org)?;
    posts::living(cx, permit, org).await?;
    // Holding the post's row keeps it from being ended until the seat is there to be found.
    let Some(cadre) = sql::hold(cx, permit, org.id, person).await? else {
        return Err(no_post(cx, org, person).await?);
    };
    let most = seats_of(org);
    loop {
        let taken = sql::seats(cx, org.id).await?;
        if taken.iter().any(|s| s.person == person) {
            return Err(Error::refused(Refusal::new(
                "already_admin",
                "此人已经是本组织的管理员,不用再设。",
            )));
        }
        let free = (1..=most).find(|slot| taken.iter().all(|s| s.slot != *slot));
        let Some(slot) = free else { return Err(full(org, &taken)) };
        if sql::sit(cx, permit, org, slot, cadre, person).await? {
            return Ok(slot);
        }
        // Somebody sat down there at this moment: look again.
    }
}

/// Takes the seat away and leaves the post (33). `false` when she had none.
pub async fn unseat(cx: &mut Cx, permit: &Permit, org: &OrgRef, person: PersonId) -> Result<bool> {
    reaches(permit, org)?;
    orgs::lock(cx, permit, org.id).await?;
    sql::leave(cx, permit, org.id, person).await
}

async fn no_post(cx: &mut Cx, org: &OrgRef, person: PersonId) -> Result<Error> {
    let says = match posts::held(cx, org, person).await? {
        Some(held) => return Ok(posts::changed_meanwhile(&held.name)),
        None => format!(
            "管理员只能从{}的团干部中选。请先为此人录入团内职务,再设为管理员。",
            org.short_name
        ),
    };
    Ok(Error::refused(Refusal::new("no_post", says)))
}

fn full(org: &OrgRef, taken: &[Seat]) -> Error {
    let names: Vec<&str> = taken.iter().map(|s| s.name.as_str()).collect();
    let says = match seats_of(org) {
        0 => format!("{}由直属上级管理,不设管理员。", org.category.label()),
        most => format!(
            "{}已有 {most} 位管理员({}),不能再增加。请先撤销一位。",
            org.short_name,
            names.join("、")
        ),
    };
    Error::refused(Refusal::new("seats_full", says))
}
