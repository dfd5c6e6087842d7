//! What becomes of open transfers when an organisation is closed (D4, race rules; security 27): who
//! was coming is told that the target is no more; who was going goes on from the holding branch, in
//! the hands of the superior.

use super::{Transfer, approval, sql};
use crate::{
    Cx, OrgRef, Permit, Result,
    business::{found, machine::Verb},
    people::PersonId,
};

pub use super::sql::Open;

/// Open transfers of an organisation that is about to be closed.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// Towards it.
    pub coming: Vec<Open>,
    /// Out of it.
    pub going: Vec<Open>,
}

/// The open transfers towards and out of an organisation, `limit` of each.
pub async fn open_at(cx: &mut Cx, org: &OrgRef, limit: i64) -> Result<Left> {
    Ok(Left {
        coming: sql::open_to(cx, org.id, limit).await?,
        going: sql::open_from(cx, org.id, limit).await?,
    })
}

/// Returns what was coming, and lets what was going continue from `holding`, begun by `superior`.
/// The organisation is closed already, so that nothing new comes meanwhile. Returns what was
/// returned and how many go on.
pub async fn leave_closed(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    superior: &OrgRef,
    holding: Option<&OrgRef>,
) -> Result<(Vec<Open>, u64)> {
    let coming = sql::open_to(cx, org.id, 1000).await?;
    sql::hand_over(cx, permit, org.id, superior.id).await?;
    for open in &coming {
        let mut t: Transfer = found(cx, &open.no).await?;
        approval::cancel_under(cx, permit, &mut t).await?;
        for path in [&t.from.path, &t.to.path] {
            cx.note(t.event(Verb::Cancel).at(path)).await?;
        }
    }
    let going = match holding {
        Some(holding) => sql::leave_from(cx, permit, org.id, holding).await?,
        None => 0,
    };
    Ok((coming, going))
}

/// The open transfers of people who come back from a holding branch with their own.
pub async fn bring_home(
    cx: &mut Cx,
    permit: &Permit,
    holding: &OrgRef,
    home: &OrgRef,
    people: &[PersonId],
) -> Result<()> {
    for piece in people.chunks(5000) {
        let rows = piece.iter().map(|id| vec![(*id).into()]).collect();
        sql::leave_from_of(cx, permit, holding.id, home, rows).await?;
    }
    Ok(())
}
