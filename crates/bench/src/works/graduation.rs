//! A thousand branches with forty thousand members are marked and turn into 毕业生团组织, while somebody
//! else keeps writing; and the rehearsal of a nation's conversion, which only reads.

use crate::Options;
use crate::measure::{Figure, Meter};
use crate::table::{Bench, Outcome, Side};
use crate::works::ground::{ENGINES, Ground, acting, beside_a_writer, broken};
use crate::works::reshaping::{college, fill};
use anyhow::{Context, Result, ensure};
use app::demo::{Plan, Scale};
use app::people::PersonId;
use app::{Role, Who, act, clock, graduation, rules::graduation::Mark};
use std::time::Duration;

const NAMES: [(&str, &str); 4] = [
    ("1,000 branches are marked", "≤ 2 s"),
    ("1,000 branches with 40,000 members turn into graduates", "≤ 10 s"),
    ("… another writer waits meanwhile, at most", "≤ 1 s"),
    ("the conversion of 1,000 branches is rehearsed", "≤ 3 s"),
];
const CODES: &str = "SELECT code FROM org WHERE short_name LIKE '测量专业%' ORDER BY path";
const SOMEBODY: &str = "SELECT CAST(id AS TEXT) FROM person ORDER BY id LIMIT 1";

pub(crate) async fn work(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    let mut columns = vec![];
    for engine in ENGINES {
        let Some(ground) = Ground::make(options, engine, &Plan::of(Scale::School)).await? else {
            columns.push(None);
            continue;
        };
        let old = ground.org("committee").await?;
        let college = college(&ground, &old, if options.quick { 2 } else { 20 }).await?;
        fill(&ground, engine).await?;
        let person = ground.raw.texts(SOMEBODY).await?.pop().context("there is nobody")?;
        let who = acting(PersonId(person.parse()?), college, Role::Group);
        columns.push(Some(measured(&ground, meter, &who).await?.into_iter()));
        ground.end().await?;
    }
    for (name, goal) in NAMES {
        let mut next = |at: usize| {
            let side = columns.get_mut(at).and_then(Option::as_mut).and_then(Iterator::next);
            side.map_or(Outcome::NotRun("no server"), Outcome::Measured)
        };
        let (lite, pg) = (next(0), next(1));
        bench.row(name, goal, lite, pg);
    }
    Ok(())
}

async fn measured(ground: &Ground, meter: &Meter, who: &Who) -> Result<Vec<Side>> {
    let house = &ground.house;
    let codes = ground.raw.texts(CODES).await?;
    let year = clock::day(house.now()).year() - 1;
    let mark = Mark::read(&format!("{year}-06")).context("a month")?;
    let marked = meter
        .repeat(1, async |_| {
            for piece in codes.chunks(graduation::MOST) {
                let done = act!(house, who.clone(), |cx| graduation::mark(cx, piece, mark).await);
                let done = done.map_err(broken)?;
                ensure!(done.done == piece.len(), "{:?}", done.skipped.first());
            }
            Ok(())
        })
        .await?;
    let today = clock::day(house.now());
    let rehearsed = meter
        .repeat(3, async |_| {
            let sum = graduation::rehearse_all(house, today, &mut |_| {}).await.map_err(broken)?;
            ensure!(sum.branches >= codes.len() as i64, "{sum:?}");
            Ok(())
        })
        .await?;
    let turning = async || -> Result<()> {
        let turned = graduation::convert_due(house).await.map_err(broken)?;
        ensure!(turned >= codes.len(), "not all have turned");
        Ok(())
    };
    let (turned, waited) = beside_a_writer(ground, meter, turning).await?;
    let within = |figure, most| Side::new(figure).judged(move |f: &Figure, _| f.wall <= most);
    Ok(vec![
        within(marked, Duration::from_secs(2)),
        within(turned, Duration::from_secs(10)),
        within(waited, Duration::from_secs(1)),
        within(rehearsed, Duration::from_secs(3)),
    ])
}
