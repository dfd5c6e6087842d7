//! The list of works: one line each, one module each beside this file. A work measures itself
//! with the `Meter` and adds its rows to the `Bench`.

mod children;
mod codes;
mod fold;
mod graduation;
mod ground;
mod health;
mod imports;
mod million;
mod picker;
mod raw;
mod reshaping;
mod served;
mod transfers;

use crate::Options;
use crate::measure::Meter;
use crate::table::{Bench, Outcome, Side};
use anyhow::Result;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub(crate) use imports::child as import_child;

/// A work that is under way.
pub(crate) type Working<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// Measures, and adds rows.
pub(crate) type Work = for<'a> fn(&'a Options, &'a Meter, &'a mut Bench) -> Working<'a>;

/// In the order of the table.
pub(crate) const WORKS: &[(&str, Work)] = &[
    ("meter", |options, meter, bench| Box::pin(meter_itself(options, meter, bench))),
    ("import", |options, meter, bench| Box::pin(imports::work(options, meter, bench))),
    ("million", |options, meter, bench| Box::pin(million::work(options, meter, bench))),
    ("transfer", |options, meter, bench| Box::pin(transfers::work(options, meter, bench))),
    ("fold", |options, meter, bench| Box::pin(fold::work(options, meter, bench))),
    ("picker", |options, meter, bench| Box::pin(picker::work(options, meter, bench))),
    ("codes", |options, meter, bench| Box::pin(codes::work(options, meter, bench))),
    ("relocation", |options, meter, bench| Box::pin(reshaping::work(options, meter, bench))),
    ("graduation", |options, meter, bench| Box::pin(graduation::work(options, meter, bench))),
    ("health", |options, meter, bench| Box::pin(health::work(options, meter, bench))),
    ("served", |options, meter, bench| Box::pin(served::work(options, meter, bench))),
];

/// What measuring costs and how steady it is: an empty work beside itself, so that tiny figures
/// and ratios elsewhere can be judged.
async fn meter_itself(options: &Options, meter: &Meter, bench: &mut Bench) -> Result<()> {
    let times = if options.quick { 1_000_000 } else { 3_000_000 };
    let nothing = async |n| {
        std::hint::black_box(n);
        Ok(())
    };
    let raw = meter.repeat(times, nothing).await?;
    let side = Side::new(meter.repeat(times, nothing).await?).beside(raw);
    let side = side.judged(|ours, _| ours.cost() <= Duration::from_micros(1));
    let other = Outcome::NotRun("touches no database");
    bench.row("nothing (the meter itself)", "≤ 1 µs", Outcome::Measured(side), other);
    Ok(())
}
