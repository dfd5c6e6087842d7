//! Over a million organisations: the picker (what people type in W7), and on the same ground the
//! pages of `children.rs`.

use crate::Options;
use crate::measure::{Meter, percentile};
use crate::table::{Bench, Outcome, Side};
use crate::works::children;
use crate::works::ground::{ENGINES, Ground, broken};
use crate::works::raw::Arg;
use anyhow::Result;
use app::demo::{Plan, Scale};
use app::orgs::{Query, search};
use std::time::{Duration, Instant};

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
const ROWS: [(&str, &str); 3] = [
    ("organisation picker, a million organisations", "p95 ≤ 50 ms"),
    ("list of direct children, 50 a page, a million organisations", "≤ 1.5 ms CPU"),
    ("checklist before closing, a million organisations", "≤ 1.5 ms CPU"),
];
/// One gram of what was typed, read alone.
const GRAM: &str = "SELECT g.path, o.short_name, o.full_name FROM org_gram g JOIN org o ON o.path = g.path WHERE g.gram = $1 ORDER BY g.gram, g.depth, g.path LIMIT 240";

pub(crate) async fn work(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    // Branches; with their superiors there are about a tenth more (of few branches: twice as many).
    let branches = if options.quick { 20_000 } else { 900_000 };
    let plan = Plan { members_per_branch: Some(0), ..Plan::of(Scale::Nation(branches * 25)) };
    let mut columns: Vec<[Outcome; 3]> = vec![];
    for engine in ENGINES {
        let Some(ground) = Ground::make(options, engine, &plan).await? else {
            columns.push([const { Outcome::NotRun("no server") }; 3]);
            continue;
        };
        let size = format!("{} in {:.1} s", ground.made.orgs, ground.took.as_secs_f64());
        bench.fact(&format!("organisations of the picker on {engine:?}"), &size);
        let (picker, slowest) = measured(&ground, meter, options).await?;
        bench.fact(&format!("slowest of the picker's texts on {engine:?}"), &slowest);
        let [list, closing] = children::measured(&ground, meter, options).await?;
        columns.push([picker, list, closing].map(Outcome::Measured));
        ground.end().await?;
    }
    let mut columns = columns.into_iter().map(IntoIterator::into_iter);
    let (mut lite, mut pg) = (columns.next(), columns.next());
    let next = |column: &mut Option<std::array::IntoIter<Outcome, 3>>| {
        column.as_mut().and_then(Iterator::next).unwrap_or(Outcome::NotRun("not run"))
    };
    for (name, goal) in ROWS {
        bench.row(name, goal, next(&mut lite), next(&mut pg));
    }
    Ok(())
}

/// The row, and which text took longest (the median of its turns).
async fn measured(ground: &Ground, meter: &Meter, options: &Options) -> Result<(Side, String)> {
    let who = ground.acting("province").await?;
    let times = if options.quick { 60 } else { 600 };
    let mut turns: [Vec<Duration>; TYPED.len()] = std::array::from_fn(|_| vec![]);
    let ours = async |n: u32| {
        let begun = Instant::now();
        let mut cx = ground.read(&who).await?;
        let at = n as usize % TYPED.len();
        let query = Query { text: TYPED[at].to_owned(), limit: 20, ..Query::default() };
        search(&mut cx, &query).await.map_err(broken)?;
        turns[at].push(begun.elapsed());
        Ok(())
    };
    let raw = async |n: u32| {
        let typed: String = TYPED[n as usize % TYPED.len()].chars().take(2).collect();
        ground.raw.rows(&[(GRAM, vec![Arg::Text(typed)])]).await.map(|_| ())
    };
    let ours = meter.repeat(times, ours).await?;
    let side = Side::new(ours).beside(meter.repeat(times, raw).await?);
    let medians = turns.iter_mut().map(|t| percentile(t, 50).unwrap_or_default());
    let mut medians: Vec<(Duration, &str)> = medians.zip(TYPED).collect();
    medians.sort_unstable_by(|a, b| b.cmp(a));
    let said = medians.iter().take(4).map(|(t, text)| format!("{text} {t:.1?}"));
    let side = side.judged(|ours, _| ours.p95 <= Some(Duration::from_millis(50)));
    Ok((side, said.collect::<Vec<_>>().join(", ")))
}
