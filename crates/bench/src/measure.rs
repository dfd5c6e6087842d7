//! Measuring one work: CPU time of this process and of the database server, wall time with
//! percentiles, peak memory. Used by every work, for ours and for the raw baseline alike.

use crate::proc;
use anyhow::Result;
use std::time::{Duration, Instant};

/// What a run of `times` repetitions cost in all.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Repetitions; never 0.
    pub(crate) times: u32,
    /// CPU time of the program.
    pub(crate) cpu: Duration,
    /// CPU time of the database server's processes, when it runs on this machine.
    pub(crate) server_cpu: Option<Duration>,
    /// From begin to end.
    pub(crate) wall: Duration,
    /// 95 of 100 repetitions were not slower than this.
    pub(crate) p95: Option<Duration>,
    /// Highest resident memory in bytes while it ran.
    pub(crate) peak: Option<u64>,
}

impl Figure {
    /// CPU time of program and server for one repetition: what ratios compare.
    pub(crate) fn cost(&self) -> Duration {
        (self.cpu + self.server_cpu.unwrap_or_default()) / self.times
    }
}

/// Measures; knows where the database server is.
pub(crate) struct Meter {
    server: Option<u32>,
}

impl Meter {
    /// `server` is the process id of the PostgreSQL server's head. SQLite needs none.
    pub(crate) fn new(server: Option<u32>) -> Meter {
        Meter { server }
    }

    /// Runs `work` `times` times one after the other; it gets the number of the repetition.
    ///
    /// # Errors
    /// The first error of the work, or when /proc cannot be read.
    pub(crate) async fn repeat(
        &self,
        times: u32,
        mut work: impl AsyncFnMut(u32) -> Result<()>,
    ) -> Result<Figure> {
        let times = times.max(1);
        let mut samples = Vec::with_capacity(times as usize);
        proc::forget_peak();
        let server_before = self.server_cpu()?;
        let before = proc::cpu(std::process::id())?;
        let begun = Instant::now();
        for n in 0..times {
            let one = Instant::now();
            work(n).await?;
            samples.push(one.elapsed());
        }
        let wall = begun.elapsed();
        let cpu = proc::cpu(std::process::id())?.saturating_sub(before);
        let server_cpu =
            self.server_cpu()?.zip(server_before).map(|(now, was)| now.saturating_sub(was));
        let peak = proc::peak_memory(std::process::id()).ok();
        Ok(Figure { times, cpu, server_cpu, wall, p95: percentile(&mut samples, 95), peak })
    }

    /// CPU time so far of all processes of the server.
    fn server_cpu(&self) -> Result<Option<Duration>> {
        self.server.map(proc::cpu_of_family).transpose()
    }
}

/// The smallest sample that `percent` of 100 samples do not exceed; none of no samples.
pub(crate) fn percentile(samples: &mut [Duration], percent: usize) -> Option<Duration> {
    samples.sort_unstable();
    let rank = (samples.len() * percent).div_ceil(100).max(1);
    samples.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut samples: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut samples, 95), Some(Duration::from_millis(95)));
        assert_eq!(percentile(&mut samples, 50), Some(Duration::from_millis(50)));
        assert_eq!(percentile(&mut samples[..1], 95), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&mut [], 95), None);
    }

    #[tokio::test]
    async fn work_that_burns_the_processor_is_seen_in_its_cpu_time() {
        let burn = async |_| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(60) {
                std::hint::black_box(begun);
            }
            Ok(())
        };
        let figure = Meter::new(None).repeat(3, burn).await.expect("/proc can be read");
        assert!(figure.cpu >= Duration::from_millis(20), "{figure:?}");
        assert!(figure.wall >= Duration::from_millis(180));
        assert!(figure.p95 >= Some(Duration::from_millis(60)));
    }
}
