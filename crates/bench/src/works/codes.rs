//! Registration codes for three thousand direct children: ordered, made by the job, and written as the
//! workbook that the superior downloads.

use crate::Options;
use crate::measure::Meter;
use crate::table::{Bench, Outcome, Side};
use crate::works::ground::{ENGINES, Ground, acting, broken};
use anyhow::{Context, Result, ensure};
use app::demo::{Plan, Scale};
use app::orgs::Category;
use app::people::PersonId;
use app::{Role, Who, act, codes, jobs};
use std::time::Duration;

/// From the order to the workbook.
const LONGEST: Duration = Duration::from_secs(5);
const SOMEBODY: &str = "SELECT CAST(id AS TEXT) FROM person ORDER BY id LIMIT 1";

pub(crate) async fn work(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    let mut outcomes = vec![];
    for engine in ENGINES {
        let Some(ground) = Ground::make(options, engine, &Plan::of(Scale::School)).await? else {
            outcomes.push(Outcome::NotRun("no server"));
            continue;
        };
        outcomes.push(Outcome::Measured(measured(&ground, meter, options).await?));
        ground.end().await?;
    }
    let postgres = outcomes.pop().unwrap_or(Outcome::NotRun("no server"));
    let sqlite = outcomes.pop().unwrap_or(Outcome::NotRun("not run"));
    bench.row("3,000 registration codes with their workbook", "≤ 5 s", sqlite, postgres);
    Ok(())
}

async fn measured(ground: &Ground, meter: &Meter, options: &Options) -> Result<Side> {
    let house = &ground.house;
    let children = if options.quick { 400 } else { 3_000 };
    let above = ground.org("committee").await?;
    let parent = ground.child(&above, Category::Committee, "测量学院团委".into()).await?;
    for n in 1..=children {
        ground.child(&parent, Category::Branch, format!("测量专业{n}班团支部")).await?;
    }
    ground.raw.analyze().await?;
    let person = ground.raw.texts(SOMEBODY).await?.pop().context("there is nobody")?;
    let who: Who = acting(PersonId(person.parse()?), parent.clone(), Role::Group);
    let figure = meter
        .repeat(1, async |_| {
            let issued = act!(house, who.clone(), |cx| codes::issue_all(cx).await);
            jobs::run_all(house).await.map_err(broken)?;
            let mut cx = ground.read(&who).await?;
            let sheet = issued.map_err(broken)?.sheet;
            let sheet = codes::sheet::open(&mut cx, sheet).await.map_err(broken)?;
            ensure!(sheet.entries.len() == children, "{} codes", sheet.entries.len());
            let base = "https://example.cn";
            codes::sheet::workbook(&sheet, &parent.short_name, base, house.now())
                .map(|_| ())
                .map_err(broken)
        })
        .await?;
    Ok(Side::new(figure).judged(|ours, _| ours.wall <= LONGEST))
}
