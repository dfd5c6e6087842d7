//! Moving the persons' ciphertexts and blind indexes over to the newest keys after a rotation.

use super::{person, sql};
use crate::{
    Action, Cx, Error, Result, Who, act, events::Event, jobs::Turn, keyring, keys::Place,
    pii::Mobile,
};
use db::Value;
use serde_json::json;

const PIECE: i64 = 500;

/// Moves ciphertexts and blind indexes over to the newest keys, 500 persons a transaction; may be
/// stopped and repeated at any time. Somebody who is edited meanwhile is taken in a later piece.
/// Returns how many were moved.
pub(crate) async fn rekey(turn: &Turn<'_>) -> Result<i64> {
    let ring = turn.house.keys().index_version();
    // Counted once: it is shown as progress, and counting is a walk over all that is left.
    let mut cx = turn.house.read(Who::System("rekey")).await?;
    let total = sql::store::count_to_rekey(&mut cx, ring).await?;
    drop(cx);
    let mut done = 0;
    loop {
        let walk = Walk { ring, done, total };
        let moved = act!(turn.house, Who::System("rekey"), |cx| piece(cx, turn, walk).await)?;
        if moved == 0 {
            return Ok(done);
        }
        done += moved;
    }
}

/// Where the move stands.
#[derive(Clone, Copy)]
struct Walk {
    ring: i64,
    done: i64,
    total: i64,
}

async fn piece(cx: &mut Cx, turn: &Turn<'_>, walk: Walk) -> Result<i64> {
    let permit = cx.permit_system(Action::RunSystem)?;
    if keyring::hold(cx).await?.number() != walk.ring {
        // Another ring was put in use meanwhile: its own job moves everything there.
        return Err(Error::Retry);
    }
    let old = sql::store::to_rekey(cx, walk.ring, PIECE).await?;
    if old.is_empty() {
        cx.return_unused(permit);
        return Ok(0);
    }
    let rows = old.iter().map(|row| sealed_anew(cx, row)).collect::<Result<_>>()?;
    let moved = sql::store::rekeyed(cx, &permit, walk.ring, rows).await?;
    let moved = i64::try_from(moved).unwrap_or(0);
    let done = walk.done + moved;
    turn.progress(cx, done, walk.total.max(done)).await?;
    let event = Event::new("keys.moved", "job", turn.id.0);
    cx.record(permit, event.detail(json!({ "persons": moved, "ring": walk.ring }))).await?;
    Ok(moved)
}

fn sealed_anew(cx: &Cx, row: &sql::store::Sealed) -> Result<Vec<Value>> {
    let house = cx.house();
    let id = person::unseal(house.keys(), person::ID_COLUMN, row.id, &row.id_ct)?;
    let place = Place { column: person::ID_COLUMN, row: row.id };
    let id_ct = house.keys().seal(place, &id, house.chance_source());
    let (id_bi, _) = house.keys().index(person::ID_INDEX, &id);
    let mobile = match &row.mobile_ct {
        Some(sealed) => {
            let text = person::unseal(house.keys(), person::MOBILE_COLUMN, row.id, sealed)?;
            Mobile::from_stored(&text).map(|m| person::seal_mobile(house, row.id, &m))
        }
        None => None,
    };
    let contact = match &row.contact_ct {
        Some(sealed) => {
            let text = person::unseal(house.keys(), person::CONTACT_COLUMN, row.id, sealed)?;
            let place = Place { column: person::CONTACT_COLUMN, row: row.id };
            Some(house.keys().seal(place, &text, house.chance_source()))
        }
        None => None,
    };
    let (mobile_ct, mobile_bi) = mobile.unzip();
    Ok(vec![
        row.id.into(),
        row.version.into(),
        id_ct.into(),
        id_bi.into(),
        mobile_ct.into(),
        mobile_bi.into(),
        contact.into(),
    ])
}
