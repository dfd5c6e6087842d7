//! `keys`: a change of keys in two steps, first distributed, then used (decision 34).

use super::{Place, open, say};
use anyhow::{Result, bail};
use app::{House, keyring};
use std::{process::ExitCode, time::Duration};

/// `tuanjian keys rotate`: changes the file alone.
pub(super) fn rotate(place: &Place) -> Result<ExitCode> {
    let file = open::file(place)?;
    let keys = open::folder(place, &file).join("keys.toml");
    let ring = app::keys::Keys::rotate(&keys, &app::clock::SystemChance)?;
    if place.json {
        say(&serde_json::json!({ "ring": ring }).to_string())?;
    } else {
        let name = keys.display();
        say(&format!(
            "Ring {ring} is in {name}; nothing is written with it yet. Copy the file to every node \
             (running programs read it by themselves) and into your safe, then run: tuanjian keys use. \
             Keep the old rings in it: stored data and backups need them."
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Tries, a second apart, until every running program must have read its file.
const TRIES: u32 = 30;

/// `tuanjian keys use`.
pub(super) async fn put_in_use(place: &Place, force: bool) -> Result<ExitCode> {
    let house = house(place).await?;
    if !force {
        wait_for_all(&house).await?;
    }
    let ring = keyring::put_in_use(&house).await?;
    house.db().close().await;
    if place.json {
        say(&serde_json::json!({ "in_use": ring }).to_string())?;
    } else {
        say(&format!(
            "Ring {ring} is in use. Stored data moves over in the background; `tuanjian keys status` tells when it is done."
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn wait_for_all(house: &House) -> Result<()> {
    let ring = house.keys().newest_ring();
    let mut lacking = vec![];
    for _ in 0..TRIES {
        lacking = keyring::lacking(house, ring).await?;
        if lacking.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    bail!(
        "these running programs lack ring {ring}: {}. Copy keys.toml to them and try again; with --force they \
         stop to write until they have it",
        lacking.join(", ")
    )
}

/// `tuanjian keys status`.
pub(super) async fn status(place: &Place) -> Result<ExitCode> {
    let house = house(place).await?;
    let status = keyring::status(&house).await?;
    house.db().close().await;
    if place.json {
        say(&serde_json::to_string(&status)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("In use: ring {}. Newest in keys.toml: ring {}.", status.in_use, status.newest))?;
    if !status.lacking.is_empty() {
        say(&format!("Programs without the newest: {}.", status.lacking.join(", ")))?;
    }
    let moving =
        if status.moving { "Stored data still moves over." } else { "All persons stand under it." };
    say(moving)?;
    Ok(ExitCode::SUCCESS)
}

async fn house(place: &Place) -> Result<House> {
    open::house(open::Opening { place, running: None, access: open::Access::Write }).await
}
