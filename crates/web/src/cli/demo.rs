//! `demo`: a throw-away demonstration, made and served.

use super::{Demonstration, Place, open, say, serve};
use anyhow::{Context, Result};
use app::demo::{Made, Plan, Scale};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// `tuanjian demo`.
pub(super) async fn demo(mut place: Place, demo: Demonstration) -> Result<ExitCode> {
    serve::logs_above("warn");
    let file = open::file(&place)?;
    let listen = demo.serving.listen.or(file.listen);
    let listen = listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
    // Bound first, so that a port in use is told before minutes of work; what is only made needs none.
    let listener = match demo.make_only {
        true => None,
        false => Some(
            tokio::net::TcpListener::bind(listen)
                .await
                .with_context(|| format!("listening on {listen}; choose another with --listen"))?,
        ),
    };
    let kept;
    if place.data.is_none() {
        kept = tempfile::Builder::new().prefix("tuanjian-demo-").tempdir()?;
        place.data = Some(kept.path().to_owned());
    }
    let opening = || open::Opening {
        place: &place,
        running: Some(&demo.serving.running),
        access: open::Access::Create,
    };
    // The same seed draws the same codes. What is served afterwards draws its secrets by chance.
    let chance = app::clock::SeededChance::new(demo.seed);
    let house = open::house_with(opening(), chance).await?;
    let plan = Plan {
        members_per_branch: demo.members_per_branch,
        seed: demo.seed,
        ..Plan::of(scale(&demo.scale)?)
    };
    let made = app::demo::make(&house, &plan).await?;
    let folder = place.data.clone().unwrap_or_default().join("workbooks");
    std::fs::create_dir_all(&folder)?;
    let workbooks = app::demo::workbooks::write(&folder, &made, app::clock::day(house.now()))?;
    let url = demo.serving.running.public_url.clone();
    let address = url.unwrap_or_else(|| format!("http://{}", shown(listener.as_ref(), listen)));
    announce(&place, &address, &made, &workbooks)?;
    house.db().close().await;
    drop(house);
    let Some(listener) = listener else { return Ok(ExitCode::SUCCESS) };
    let house = open::house(opening()).await?;
    let site = serve::site(&house, &demo.serving, &file);
    serve::run(listener, site, serve::Way::demonstration()).await?;
    Ok(ExitCode::SUCCESS)
}

fn shown(listener: Option<&tokio::net::TcpListener>, asked: SocketAddr) -> String {
    let bound = listener.and_then(|l| l.local_addr().ok());
    bound.unwrap_or(asked).to_string()
}

fn scale(word: &str) -> Result<Scale> {
    Ok(match word {
        "school" => Scale::School,
        "city" => Scale::City,
        "province" => Scale::Province,
        "nation" => Scale::Nation(75_000_000),
        number => Scale::Nation(
            number
                .parse()
                .context("the scale is school, city, province, nation or a number of members")?,
        ),
    })
}

/// Says where it is and how to sign in: one JSON line for programs, a short table for people.
fn announce(place: &Place, address: &str, made: &Made, workbooks: &[PathBuf]) -> Result<()> {
    if place.json {
        let line = serde_json::json!({
            "address": address,
            "sign_ins": made.sign_ins,
            "workbooks": workbooks.iter().map(|p| p.display().to_string()).collect::<Vec<_>>(),
            "orgs": made.orgs,
            "members": made.members,
        });
        say(&line.to_string())?;
        return Ok(());
    }
    say(&format!("智慧团建 演示:{address}   ({} 个组织,{} 名团员)", made.orgs, made.members))?;
    say("")?;
    for s in &made.sign_ins {
        say(&format!(
            "  {:<15} {}  证件号 {}  密码 {}  {address}/o/{}",
            s.role, s.name, s.id_number, s.password, s.org
        ))?;
    }
    say("")?;
    say("  示例表格(有好的行,也有要改的行):")?;
    for path in workbooks {
        say(&format!("    {}", Path::new(path).display()))?;
    }
    say("")?;
    say("  数据都是虚构的,程序结束后就清除。按 Ctrl-C 结束。")?;
    Ok(())
}
