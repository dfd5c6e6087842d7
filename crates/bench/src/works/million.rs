//! Reading among a million members: the list, finding a person, and the full recount; the list
//! also among ten thousand, because a page must not cost more where there are more.

use crate::Options;
use crate::measure::{Figure, Meter};
use crate::table::{Bench, Outcome, Side};
use crate::works::ground::{ENGINES, Ground, broken, found};
use crate::works::raw::Arg;
use anyhow::Result;
use app::demo::{Plan, Scale};
use app::people::{list, search};
use app::rules::id_number;
use app::{Who, clock};
use std::time::Duration;

const NAMES: [(&str, &str); 4] = [
    ("member list of 50, a million members", "≤ 1 ms CPU"),
    ("person by ID number, a million members", "≤ 0.5 ms CPU"),
    ("people by beginning of name in a province", "p95 ≤ 50 ms"),
    ("full recount of all counters, a million members", "printed"),
];
/// The page of the list as one statement, for the baseline.
const PAGE: &str = "SELECT m.person_id, m.name_py, m.org_path, m.joined, m.status = 'moving', m.check_state, p.code, m.name, p.id_ct, p.sex, p.birth_ym, p.missing, o.code, o.short_name FROM member m CROSS JOIN person p CROSS JOIN org o WHERE p.id = m.person_id AND o.id = m.org_id AND m.org_path >= $1 AND m.org_path < $2 ORDER BY m.org_path, m.name_py, m.person_id LIMIT $3";
const BY_NAME: &str = "SELECT m.person_id, p.code, m.name, p.sex, p.birth_ym, m.org_path, m.status = 'moving', m.complete FROM member m CROSS JOIN person p WHERE p.id = m.person_id AND m.name >= $1 AND m.name < $2 AND m.org_path >= $3 AND m.org_path < $4 ORDER BY m.name, m.org_path, m.person_id LIMIT $5";
const BY_ID: &str = "SELECT id FROM person WHERE id_bi = $1 AND id_bi_ver = 1";
/// What a recount reads.
const COUNTED: [&str; 3] = [
    "SELECT path, category FROM org ORDER BY path",
    "SELECT org_path, count(*) FROM member GROUP BY org_path ORDER BY org_path",
    "SELECT org_path, scope, orgs, branches, branches_done, bodies_done, members, members_done, cadres, cadres_done FROM tally ORDER BY org_path, scope",
];
/// Beginnings of names as people type them: common, rarer, and whole.
const TYPED: [&str; 6] = ["王", "欧阳", "李伟", "张静", "诸葛", "陈晨"];

pub(crate) async fn work(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    let mut columns: Vec<Option<Vec<Side>>> = vec![];
    for engine in ENGINES {
        let large = if options.quick { Scale::Nation(40_000) } else { Scale::Province };
        let Some(small) = Ground::make(options, engine, &Plan::of(Scale::Nation(10_000))).await?
        else {
            columns.push(None);
            continue;
        };
        let (ten_thousand, _) = lists(&small, meter, options).await?;
        small.end().await?;
        let Some(ground) = Ground::make(options, engine, &Plan::of(large)).await? else { continue };
        let size = format!(
            "{} members, {} organisations in {:.1} s",
            ground.made.members,
            ground.made.orgs,
            ground.took.as_secs_f64()
        );
        bench.fact(&format!("generator on {engine:?}"), &size);
        columns.push(Some(measured(&ground, meter, options, &ten_thousand).await?));
        ground.end().await?;
    }
    let mut columns = columns.into_iter().map(|c| c.map(Vec::into_iter));
    let (mut lite, mut pg) = (columns.next().flatten(), columns.next().flatten());
    for (name, goal) in NAMES {
        let next = |side: &mut Option<std::vec::IntoIter<Side>>| match side
            .as_mut()
            .and_then(Iterator::next)
        {
            Some(side) => Outcome::Measured(side),
            None => Outcome::NotRun("no server"),
        };
        let (a, b) = (next(&mut lite), next(&mut pg));
        bench.row(name, goal, a, b);
    }
    Ok(())
}

async fn measured(
    ground: &Ground,
    meter: &Meter,
    options: &Options,
    small: &Figure,
) -> Result<Vec<Side>> {
    let (ours, raw) = lists(ground, meter, options).await?;
    let grown = ours.cost().as_secs_f64() / small.cost().as_secs_f64();
    let list = Side::new(ours)
        .beside(raw)
        .judged(|ours, _| ours.cost() <= Duration::from_millis(1) && grown <= 1.3);
    Ok(vec![
        list,
        by_id(ground, meter, options).await?,
        by_name(ground, meter, options).await?,
        recount(ground, meter).await?,
    ])
}

/// Pages of fifty of the province's list, and the same statement alone.
async fn lists(ground: &Ground, meter: &Meter, options: &Options) -> Result<(Figure, Figure)> {
    let who = ground.acting("province").await?;
    let org = ground.org("province").await?;
    let times = if options.quick { 200 } else { 2_000 };
    let filter = list::Filter::default();
    let ours = async |_| {
        let mut cx = ground.read(&who).await?;
        let page = list::members(&mut cx, &org, &filter, None, 50).await.map_err(broken)?;
        found("list", page.rows.len())
    };
    let args = vec![Arg::Text(org.path.clone()), Arg::Text(format!("{}~", org.path)), Arg::Int(51)];
    let raw = async |_| found("list", ground.raw.rows(&[(PAGE, args.clone())]).await?);
    ours(0).await?;
    raw(0).await?;
    Ok((meter.repeat(times, ours).await?, meter.repeat(times, raw).await?))
}

async fn by_id(ground: &Ground, meter: &Meter, options: &Options) -> Result<Side> {
    let today = clock::day(ground.house.now());
    let typed = &ground.made.sign_ins.last().map(|s| s.id_number.clone()).unwrap_or_default();
    let times = if options.quick { 500 } else { 5_000 };
    let who = Who::System("bench");
    let ours = async |_| {
        let mut cx = ground.read(&who).await?;
        let id = id_number::parse(typed, today).map_err(|p| anyhow::anyhow!("{}", p.code))?;
        let hit = app::people::find_by_id_number(&mut cx, &id).await.map_err(broken)?;
        found("person", usize::from(hit.is_some()))
    };
    // Other people each time, so that the baseline does not read one page again and again.
    let indexes = ground.raw.blobs("SELECT id_bi FROM person ORDER BY id_bi LIMIT 500").await?;
    let raw = async |n: u32| {
        let index = indexes[n as usize % indexes.len()].clone();
        found("person", ground.raw.rows(&[(BY_ID, vec![Arg::Blob(index)])]).await?)
    };
    let ours = meter.repeat(times, ours).await?;
    let side = Side::new(ours).beside(meter.repeat(times, raw).await?);
    Ok(side.judged(|ours, _| ours.cost() <= Duration::from_micros(500)))
}

async fn by_name(ground: &Ground, meter: &Meter, options: &Options) -> Result<Side> {
    let who = ground.acting("province").await?;
    let org = ground.org("province").await?;
    let times = if options.quick { 60 } else { 600 };
    let ours = async |n: u32| {
        let mut cx = ground.read(&who).await?;
        let typed = TYPED[n as usize % TYPED.len()];
        search::people(&mut cx, &org, typed).await.map_err(broken)?;
        Ok(())
    };
    let (lo, hi) = (org.path.clone(), format!("{}~", org.path));
    let raw = async |n: u32| {
        let typed = TYPED[n as usize % TYPED.len()];
        let args = vec![
            Arg::Text(typed.into()),
            Arg::Text(format!("{typed}\u{10FFFF}")),
            Arg::Text(lo.clone()),
            Arg::Text(hi.clone()),
            Arg::Int(51),
        ];
        ground.raw.rows(&[(BY_NAME, args)]).await.map(|_| ())
    };
    let ours = meter.repeat(times, ours).await?;
    let side = Side::new(ours).beside(meter.repeat(times, raw).await?);
    Ok(side.judged(|ours, _| ours.p95 <= Some(Duration::from_millis(50))))
}

async fn recount(ground: &Ground, meter: &Meter) -> Result<Side> {
    let ours = async |_| {
        let changed = app::stats::recount(&ground.house).await.map_err(broken)?;
        anyhow::ensure!(changed == 0, "{changed} counters were wrong from the beginning");
        Ok(())
    };
    let statements = COUNTED.map(|text| (text, vec![]));
    let raw = async |_| found("counters", ground.raw.rows(&statements).await?);
    let ours = meter.repeat(1, ours).await?;
    Ok(Side::new(ours).beside(meter.repeat(1, raw).await?))
}
