//! The fold of counters under load: how far it lags behind while changes come as fast as the
//! database takes them.

use crate::Options;
use crate::measure::Meter;
use crate::table::{Bench, Outcome, Side};
use crate::works::ground::{ENGINES, Ground, broken};
use crate::works::raw::Arg;
use anyhow::Result;
use app::demo::{Plan, Scale};
use std::time::{Duration, Instant};

/// One change of a random branch, as every use-case notes it.
const CHANGE: &str =
    "INSERT INTO delta (id, org_path, members, members_done, at) VALUES ($1, $2, 1, 1, $3)";
const BRANCHES: &str = "SELECT path FROM org WHERE category = 'BRANCH' ORDER BY path LIMIT 2000";
/// What the fold comes down to for one change of one branch, five levels deep.
const ADD: &str = "UPDATE tally SET members = members + 1, members_done = members_done + 1, changed_at = $1 WHERE org_path = $2 AND scope = 'subtree'";

pub(crate) async fn work(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    let mut outcomes = vec![];
    for engine in ENGINES {
        let scale = if options.quick { Scale::School } else { Scale::City };
        let Some(ground) = Ground::make(options, engine, &Plan::of(scale)).await? else {
            outcomes.push(Outcome::NotRun("no server"));
            continue;
        };
        outcomes.push(Outcome::Measured(measured(&ground, meter, options).await?));
        ground.end().await?;
    }
    let postgres = outcomes.pop().unwrap_or(Outcome::NotRun("no server"));
    let sqlite = outcomes.pop().unwrap_or(Outcome::NotRun("not run"));
    let name = "a change noted and folded, with changes coming in (wall p95 is the fold's lag)";
    bench.row(name, "lag ≤ 5 s", sqlite, postgres);
    Ok(())
}

async fn measured(ground: &Ground, meter: &Meter, options: &Options) -> Result<Side> {
    let branches = ground.raw.texts(BRANCHES).await?;
    let load = Duration::from_secs(if options.quick { 2 } else { 20 });
    let begun = Instant::now();
    let mut noted = 0_u32;
    let mut lags = vec![];
    let mut turn_at = begun;
    let figure = meter
        .repeat(1, async |_| {
            while begun.elapsed() < load {
                let path = branches[noted as usize % branches.len()].clone();
                note(ground, path).await?;
                noted += 1;
                // The clockwork turns every second: a change waits for the turn and for its end.
                if turn_at.elapsed() >= Duration::from_secs(1) {
                    app::stats::settle(&ground.house).await.map_err(broken)?;
                    lags.push(turn_at.elapsed());
                    turn_at = Instant::now();
                }
            }
            app::stats::settle(&ground.house).await.map_err(broken)?;
            lags.push(turn_at.elapsed());
            Ok(())
        })
        .await?;
    let mut ours = figure;
    ours.times = noted.max(1);
    ours.p95 = crate::measure::percentile(&mut lags, 95);
    let raw = async |n: u32| {
        let path = branches[n as usize % branches.len()].clone();
        let now = Arg::Int(ground.house.now());
        let above = (1..=path.len() / 3).filter_map(|level| path.get(..level * 3));
        let mut statements = vec![];
        statements.extend(above.map(|p| (ADD, vec![now.clone(), Arg::Text(p.into())])));
        ground.raw.run(&statements).await.map(|_| ())
    };
    let raw = meter.repeat(if options.quick { 200 } else { 2_000 }, raw).await?;
    Ok(Side::new(ours).beside(raw).judged(|ours, _| ours.p95 <= Some(Duration::from_secs(5))))
}

async fn note(ground: &Ground, path: String) -> Result<()> {
    let id = Arg::Int(ground.house.new_id());
    let now = Arg::Int(ground.house.now());
    ground.raw.run(&[(CHANGE, vec![id, Arg::Text(path), now])]).await.map(|_| ())
}
