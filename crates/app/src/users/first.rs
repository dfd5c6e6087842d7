//! The first administrator of an empty database: a one-time link that `serve` prints.

use super::sql;
use crate::{House, Result, Who, act, clock::DAY};

/// A fresh one-time code for `/setup/{code}`, or none when somebody has an account already.
pub async fn invite(house: &House) -> Result<Option<String>> {
    let mut cx = house.read(Who::System("setup")).await?;
    if sql::anybody(&mut cx).await? {
        return Ok(None);
    }
    drop(cx);
    let code = house.new_secret();
    let hash = house.keys().code_hash("setup", &code);
    let until = house.now() + 2 * DAY;
    act!(house, Who::System("setup"), |cx| sql::keep_ticket(cx, hash, "setup", None, until).await)?;
    Ok(Some(code))
}
