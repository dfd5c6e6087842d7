//! Moving everything that is sealed over to the ring of keys in use, room by room, after another one was
//! put in use. May be stopped and repeated at any time: what is sealed with it already is left alone.

use crate::{
    Action, Cx, Error, Result, Who, act, events::Event, exceptions, imports, jobs::Turn, keyring,
    keys::Place, messages, people, transfers,
};
use serde_json::{Value as Json, json};

/// Rows looked at in one transaction.
pub(crate) const PIECE: i64 = 1000;

/// Where a walk stands: the key of the last row that was looked at.
pub(crate) type Mark = (i64, i64);

/// What one piece of a walk found.
pub(crate) struct Piece {
    /// The last row looked at; `None` behind the end.
    pub(crate) last: Option<Mark>,
    /// Rows sealed anew.
    pub(crate) moved: u64,
}

/// The rooms that keep sealed columns besides the persons', which also have blind indexes.
#[derive(Clone, Copy)]
enum Part {
    Transfers,
    ImportRows,
    Letters,
    Exceptions,
}

/// The job `rekey`.
pub(crate) async fn run(turn: &Turn<'_>) -> Result<Json> {
    // What is "the ring in use" is asked of the database: this program may have been started before
    // the rotation, and would else find nothing to do and say that it was done.
    keyring::look(&mut turn.house.read(Who::System("rekey")).await?).await?;
    let persons = people::rekey(turn).await?;
    let mut done = json!({ "persons": persons });
    for (part, name) in [
        (Part::Transfers, "transfers"),
        (Part::ImportRows, "import_rows"),
        (Part::Letters, "letters"),
        (Part::Exceptions, "exceptions"),
    ] {
        done[name] = walk(turn, part, persons).await?.into();
    }
    Ok(done)
}

async fn walk(turn: &Turn<'_>, part: Part, before: i64) -> Result<u64> {
    let mut after: Mark = (i64::MIN, i64::MIN);
    let mut moved = 0;
    loop {
        let piece =
            act!(turn.house, Who::System("rekey"), |cx| one(cx, turn, part, after, before).await)?;
        moved += piece.moved;
        match piece.last {
            Some(last) => after = last,
            None => return Ok(moved),
        }
    }
}

async fn one(cx: &mut Cx, turn: &Turn<'_>, part: Part, after: Mark, done: i64) -> Result<Piece> {
    let permit = cx.permit_system(Action::RunSystem)?;
    let piece = match part {
        Part::Transfers => transfers::rekey(cx, &permit, after).await?,
        Part::ImportRows => imports::rekey(cx, &permit, after).await?,
        Part::Letters => messages::rekey(cx, &permit, after).await?,
        Part::Exceptions => exceptions::rekey(cx, &permit, after).await?,
    };
    turn.progress(cx, done, done).await?;
    if piece.moved == 0 {
        cx.return_unused(permit);
    } else {
        let event = Event::new("keys.moved", "job", turn.id.0);
        cx.record(permit, event.detail(json!({ "rows": piece.moved }))).await?;
    }
    Ok(piece)
}

/// A ciphertext of `place` under the ring in use; `None` when it is under that one already.
pub(crate) fn anew(cx: &Cx, place: Place, sealed: &[u8]) -> Result<Option<Vec<u8>>> {
    let house = cx.house();
    house
        .keys()
        .reseal(place, sealed, house.chance_source())
        .map_err(|e| Error::Broken(e.to_string()))
}
