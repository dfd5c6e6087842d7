//! The organisation picker over a million organisations: what people type in W7.

use crate::Options;
use crate::measure::Meter;
use crate::table::{Bench, Outcome, Side};
use crate::works::ground::{ENGINES, Ground, broken};
use crate::works::raw::Arg;
use anyhow::Result;
use app::demo::{Plan, Scale};
use app::orgs::{Query, search};
use std::time::Duration;

/// Fragments, 简称, pinyin initials, words in any order, and one that finds nothing.
const TYPED: [&str; 12] = [
    "庐州大学",
    "计算机 庐州",
    "软件工程1班",
    "2025级软件",
    "lzdx",
    "蜀山区",
    "稻香村街道",
    "杭州师范大学 外国语",
    "hfs",
    "第三中学",
    "紫蓬镇",
    "并不存在的组织",
];
/// One gram of what was typed, read alone.
const GRAM: &str = "SELECT g.path, o.short_name, o.full_name FROM org_gram g JOIN org o ON o.path = g.path WHERE g.gram = $1 ORDER BY g.gram, g.depth, g.path LIMIT 240";

pub(crate) async fn work(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    let organisations = if options.quick { 20_000 } else { 1_000_000 };
    let plan = Plan { members_per_branch: Some(0), ..Plan::of(Scale::Nation(organisations * 25)) };
    let mut outcomes = vec![];
    for engine in ENGINES {
        let Some(ground) = Ground::make(options, engine, &plan).await? else {
            outcomes.push(Outcome::NotRun("no server"));
            continue;
        };
        let size = format!("{} in {:.1} s", ground.made.orgs, ground.took.as_secs_f64());
        bench.fact(&format!("organisations of the picker on {engine:?}"), &size);
        outcomes.push(Outcome::Measured(measured(&ground, meter, options).await?));
        ground.end().await?;
    }
    let postgres = outcomes.pop().unwrap_or(Outcome::NotRun("no server"));
    let sqlite = outcomes.pop().unwrap_or(Outcome::NotRun("not run"));
    bench.row("organisation picker, a million organisations", "p95 ≤ 50 ms", sqlite, postgres);
    Ok(())
}

async fn measured(ground: &Ground, meter: &Meter, options: &Options) -> Result<Side> {
    let who = ground.acting("province").await?;
    let times = if options.quick { 60 } else { 600 };
    let ours = async |n: u32| {
        let mut cx = ground.read(&who).await?;
        let text = TYPED[n as usize % TYPED.len()].to_owned();
        let query = Query { text, limit: 20, ..Query::default() };
        search(&mut cx, &query).await.map_err(broken)?;
        Ok(())
    };
    let raw = async |n: u32| {
        let typed: String = TYPED[n as usize % TYPED.len()].chars().take(2).collect();
        ground.raw.rows(&[(GRAM, vec![Arg::Text(typed)])]).await.map(|_| ())
    };
    let ours = meter.repeat(times, ours).await?;
    let side = Side::new(ours).beside(meter.repeat(times, raw).await?);
    Ok(side.judged(|ours, _| ours.p95 <= Some(Duration::from_millis(50))))
}
