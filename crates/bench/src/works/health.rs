//! Pages about many branches at once: the check-up and the marks of graduation over a subtree of a
//! thousand and of a hundred thousand branches. Each must cost the same at both sizes.

use crate::Options;
use crate::measure::Meter;
use crate::table::{Bench, Outcome, Side};
use crate::works::ground::{ENGINES, Ground, broken, found};
use anyhow::Result;
use app::demo::{Plan, Scale};
use app::graduation::{self, Tab};
use app::health::{self, Ill};
use app::{OrgRef, Who};
use std::time::Duration;

const NAMES: [(&str, Duration); 6] = [
    ("a round of the check-up", Duration::from_secs(60)),
    ("check-up, summary", Duration::from_millis(5)),
    ("check-up, a list of 50", Duration::from_millis(3)),
    ("marks, the unmarked 50 with suggestions", Duration::from_millis(10)),
    ("marks, the hint on 组织首页", Duration::from_millis(2)),
    ("conversion, its rehearsal on the page", Duration::from_millis(20)),
];
/// Half of the branches are marked for the next conversion, all are of a school.
const MARKED: &str = "UPDATE org SET graduates = '2027-06', no_graduation = NULL, industry = 'school_senior' WHERE category = 'BRANCH' AND special_kind = 'NONE' AND sort_no % 2 = 0";
const SCHOOLS: &str = "UPDATE org SET graduates = NULL, no_graduation = NULL, industry = 'school_senior' WHERE category = 'BRANCH' AND special_kind = 'NONE' AND sort_no % 2 = 1";

pub(crate) async fn work(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    for (said, members) in [("1,000", 25_000), ("100,000", 2_500_000)] {
        let members = if options.quick { members / 10 } else { members };
        let mut columns = vec![];
        for engine in ENGINES {
            let plan = Plan { members_per_branch: Some(0), ..Plan::of(Scale::Nation(members)) };
            let Some(ground) = Ground::make(options, engine, &plan).await? else {
                columns.push(None);
                continue;
            };
            bench.fact(
                &format!("{said} branches on {engine:?}"),
                &format!(
                    "{} organisations in {:.1} s",
                    ground.made.orgs,
                    ground.took.as_secs_f64()
                ),
            );
            columns.push(Some(measured(&ground, meter, options).await?.into_iter()));
            ground.end().await?;
        }
        for (name, most) in NAMES {
            let mut next = |at: usize| {
                let side = columns.get_mut(at).and_then(Option::as_mut).and_then(Iterator::next);
                side.map_or(Outcome::NotRun("no server"), Outcome::Measured)
            };
            let (lite, pg) = (next(0), next(1));
            bench.row(&format!("{name}, {said} branches"), &format!("≤ {most:?} CPU"), lite, pg);
        }
    }
    Ok(())
}

async fn measured(ground: &Ground, meter: &Meter, options: &Options) -> Result<Vec<Side>> {
    for text in [MARKED, SCHOOLS] {
        let mut tx = ground.house.db().write().await?;
        tx.run(db::Sql::built(text.to_owned()), &[]).await?;
        tx.commit().await?;
    }
    let who = ground.acting("centre").await?;
    let top = ground.org("centre").await?;
    let round =
        meter.repeat(1, async |_| health::look_at_all(&ground.house).await.map_err(broken)).await?;
    ground.raw.analyze().await?;
    let times = if options.quick { 50 } else { 300 };
    let mut sides = vec![Side::new(round)];
    let page = Page { ground, who: &who, top: &top, times };
    sides.push(Side::new(page.summary(meter).await?));
    sides.push(Side::new(page.list(meter).await?));
    sides.push(Side::new(page.unmarked(meter).await?));
    sides.push(Side::new(page.hint(meter).await?));
    sides.push(Side::new(page.rehearsal(meter).await?));
    Ok(sides
        .into_iter()
        .zip(NAMES)
        .map(|(side, (_, most))| side.judged(move |ours, _| ours.cost() <= most))
        .collect())
}

struct Page<'a> {
    ground: &'a Ground,
    who: &'a Who,
    top: &'a OrgRef,
    times: u32,
}

impl Page<'_> {
    async fn summary(&self, meter: &Meter) -> Result<crate::measure::Figure> {
        meter
            .repeat(self.times, async |_| {
                let mut cx = self.ground.read(self.who).await?;
                let page = health::summary(&mut cx, self.top).await.map_err(broken)?;
                found("kinds", page.counts.iter().filter(|c| c.count > 0).count())
            })
            .await
    }
    async fn list(&self, meter: &Meter) -> Result<crate::measure::Figure> {
        meter
            .repeat(self.times, async |_| {
                let mut cx = self.ground.read(self.who).await?;
                let page = health::list(&mut cx, self.top, Ill::Empty, None, 50).await;
                found("ill", page.map_err(broken)?.rows.len())
            })
            .await
    }
    async fn unmarked(&self, meter: &Meter) -> Result<crate::measure::Figure> {
        meter
            .repeat(self.times, async |_| {
                let mut cx = self.ground.read(self.who).await?;
                let page = graduation::branches(&mut cx, self.top, Tab::Unmarked, None, 50).await;
                found("unmarked", page.map_err(broken)?.rows.len())?;
                graduation::suggested(&mut cx, self.top).await.map_err(broken)?;
                Ok(())
            })
            .await
    }
    async fn hint(&self, meter: &Meter) -> Result<crate::measure::Figure> {
        meter
            .repeat(self.times, async |_| {
                let mut cx = self.ground.read(self.who).await?;
                graduation::hint(&mut cx, self.top).await.map_err(broken)?;
                Ok(())
            })
            .await
    }
    async fn rehearsal(&self, meter: &Meter) -> Result<crate::measure::Figure> {
        meter
            .repeat(self.times, async |_| {
                let mut cx = self.ground.read(self.who).await?;
                let page = graduation::rehearse(&mut cx, self.top, None).await.map_err(broken)?;
                found("coming", page.rows.len())
            })
            .await
    }
}
