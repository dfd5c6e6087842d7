//! `channels`: trying out how messages leave the program.

use super::{Place, Running, open, say, serve};
use anyhow::Result;
use std::process::ExitCode;

/// `tuanjian channels test`.
pub(super) async fn test(place: Place, running: Running, to: Option<String>) -> Result<ExitCode> {
    serve::logs_above("error");
    let opening =
        open::Opening { place: &place, running: Some(&running), access: open::Access::Write };
    let house = open::house(opening).await?;
    let tried = app::messages::try_out(&house, to.as_deref()).await;
    house.db().close().await;
    let worked = !tried.is_empty() && tried.iter().all(|one| one.said.is_ok());
    if place.json {
        let lines: Vec<_> = tried
            .iter()
            .map(|one| serde_json::json!({
                "channel": one.channel, "sent": one.said.is_ok(), "error": one.said.as_ref().err(),
            }))
            .collect();
        say(&serde_json::json!({ "channels": lines }).to_string())?;
    } else if tried.is_empty() {
        say(
            "No channel is configured: messages are read in the program only. See --smtp and --webhook.",
        )?;
    }
    for one in tried.iter().filter(|_| !place.json) {
        match &one.said {
            Ok(()) => say(&format!("{}: sent; the other side took it", one.channel))?,
            Err(why) => say(&format!("{}: not sent: {why}", one.channel))?,
        }
    }
    Ok(ExitCode::from(u8::from(!worked)))
}
