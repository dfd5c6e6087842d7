//! `token`: personal tokens for programs, made, listed and ended.

use super::{MakeToken, Place, TokenWhat, say, upkeep};
use anyhow::{Context, Result};
use app::{
    clock,
    users::tokens::{self, Token, Wish},
};
use std::{io::BufRead, process::ExitCode};

/// `tuanjian token [list|end]`.
pub(super) async fn token(
    place: Place,
    what: Option<TokenWhat>,
    make: MakeToken,
) -> Result<ExitCode> {
    let house = upkeep::house(&place).await?;
    let done = match what {
        None => made(&place, &house, make).await,
        Some(TokenWhat::List { id_number }) => list(&place, &house, id_number).await,
        Some(TokenWhat::End { id: Some(id), .. }) => {
            ended(&place, tokens::end_one(&house, id).await)
        }
        Some(TokenWhat::End { id: None, id_number }) => {
            let id_number = asked(id_number)?;
            ended(&place, tokens::end_for(&house, &id_number).await)
        }
    };
    house.db().close().await;
    done
}

/// Not as a flag where others can read it in the list of processes.
fn asked(id_number: Option<String>) -> Result<String> {
    match id_number {
        Some(id) => Ok(id),
        None => Ok(std::io::stdin()
            .lock()
            .lines()
            .next()
            .context("no ID number on standard input")??),
    }
}

async fn made(place: &Place, house: &app::House, make: MakeToken) -> Result<ExitCode> {
    let id_number = asked(make.id_number)?;
    let wish = Wish { label: make.label, writes: !make.read_only, org: make.org, days: make.days };
    let token = tokens::make_for(house, &id_number, &wish).await.map_err(upkeep::plain)?;
    if place.json {
        say(&serde_json::json!({ "token": token }).to_string())?
    } else {
        say(&token)?
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(place: &Place, house: &app::House, id_number: Option<String>) -> Result<ExitCode> {
    let mut told = Ok(());
    let mut tell = |t: &Token| {
        if told.is_ok() {
            told = say(&line(place, t));
        }
    };
    match id_number {
        Some(id) => {
            let list = tokens::list_for(house, &id).await.map_err(upkeep::plain)?;
            list.iter().for_each(&mut tell);
        }
        None => tokens::list_all(house, &mut tell).await?,
    }
    told?;
    Ok(ExitCode::SUCCESS)
}

fn line(place: &Place, t: &Token) -> String {
    let scope = if t.writes { "write" } else { "read" };
    if place.json {
        return serde_json::json!({
            "id": t.id.to_string(), "person": t.person, "label": t.label, "scope": scope, "org": t.org,
            "made": clock::show_time(t.created_at), "used": t.used_at.map(clock::show_time),
            "expires": clock::show_time(t.expires_at),
        })
        .to_string();
    }
    format!(
        "{}  {}  {}  {scope}  {}  made {}  used {}  until {}",
        t.id,
        t.person,
        t.label,
        t.org.as_deref().unwrap_or("all"),
        clock::show_time(t.created_at),
        t.used_at.map_or_else(|| "never".to_owned(), clock::show_time),
        clock::show_time(t.expires_at),
    )
}

/// Exit code 1 when there was none to end.
fn ended(place: &Place, ended: app::Result<u64>) -> Result<ExitCode> {
    let ended = ended.map_err(upkeep::plain)?;
    if place.json {
        say(&serde_json::json!({ "ended": ended }).to_string())?;
    } else {
        say(&format!("{ended} tokens ended."))?;
    }
    Ok(if ended == 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
