//! `restore-acknowledge`: the database came back from a backup, and somebody says so.

use super::{Place, say, upkeep};
use anyhow::Result;
use std::process::ExitCode;

/// `tuanjian restore-acknowledge`.
pub(super) async fn acknowledge(place: Place, reason: &str, anyway: bool) -> Result<ExitCode> {
    let house = upkeep::house(&place).await?;
    let done = app::restore::acknowledge(&house, reason, anyway).await;
    house.db().close().await;
    let ended = done.map_err(upkeep::plain)?;
    if place.json {
        say(&serde_json::to_string(&ended)?)?;
    } else {
        say(&format!(
            "Epoch {} begins. Ended: {} sign-ins, {} tokens, {} registration codes, {} tickets; {} letters \
             that waited in the backup will not be sent. Everybody signs in anew.",
            ended.epoch, ended.sessions, ended.tokens, ended.codes, ended.tickets, ended.letters
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
