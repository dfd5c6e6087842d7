//! Everything that a program does without being asked, as tasks that do not wait for one another:
//! each scheduled task with its own cadence, workers for each class of jobs, delivery for each
//! channel. A task that fails or panics is noted and begun again, later each time.

use crate::{
    House, Result,
    clock::{MINUTE, Millis},
    clockwork::{self, CLOCKWORK, Wheel},
    jobs::{self, Class},
    messages,
    pulse::Kind,
};
use futures::FutureExt;
use std::{any::Any, panic::AssertUnwindSafe, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// How soon a worker looks again when nothing is due.
const IDLE: Duration = Duration::from_millis(250);
/// The longest pause after a task has failed again and again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long tasks may finish what they are at when the program stops; a job that is cut off is due
/// again at once, here or on another node.
const PARTING: Duration = Duration::from_secs(15);
/// How long a worker may be at one piece of a job, and a task at one turn, before it counts as stuck.
const PATIENCE: Millis = 10 * MINUTE;
/// The same for tasks that look every few seconds.
const SHORT_PATIENCE: Millis = 3 * MINUTE;

/// Works for ever; ends soon after `stop` does.
pub async fn work(house: House, stop: impl Future<Output = ()>) {
    work_with(house, CLOCKWORK, stop).await;
}

/// The same with a list of scheduled tasks of one's own, for tests.
pub async fn work_with(house: House, wheels: &'static [Wheel], stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    tokio::select! {
        () = take_up(&house) => {}
        () = &mut stop => return,
    }
    let (told, hear) = watch::channel(false);
    let mut tasks = Tasks { house: house.clone(), stop: hear, set: JoinSet::new() };
    for wheel in wheels {
        let patience = if wheel.every <= MINUTE { SHORT_PATIENCE } else { PATIENCE };
        let name = format!("scheduled:{}", wheel.name);
        tasks.begin(&name, Kind::Scheduled, patience, move |house, _| async move {
            clockwork::turn(&house, wheel).await
        });
    }
    for (class, workers) in Class::ALL {
        for number in 1..=workers {
            let name = format!("worker:{}:{number}", class.code());
            tasks.begin(&name, Kind::Worker, PATIENCE, move |house, name| async move {
                let ran = jobs::run_next_of(&house, class, &name).await?;
                Ok(if ran { Duration::ZERO } else { IDLE })
            });
        }
    }
    for channel in house.senders().channels() {
        let name = format!("delivery:{channel}");
        tasks.begin(&name, Kind::Delivery, SHORT_PATIENCE, move |house, name| async move {
            messages::deliver_channel(&house, channel, &name).await
        });
    }
    stop.await;
    // Nobody listens any more when all tasks have ended.
    let _ = told.send(true);
    tasks.part().await;
}

/// What this node was at when it was cut off is due again; the channels that it serves are known.
async fn take_up(house: &House) {
    loop {
        let done = async {
            jobs::take_back(house).await?;
            messages::announce(house).await
        };
        match done.await {
            Ok(()) => return,
            Err(e) => tracing::warn!(error = %e, "the background work can't begin yet"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

struct Tasks {
    house: House,
    stop: watch::Receiver<bool>,
    set: JoinSet<()>,
}

impl Tasks {
    /// Begins a task: `turn` is done again and again, after the pause that it returns.
    fn begin<F, Fut>(&mut self, name: &str, kind: Kind, patience: Millis, turn: F)
    where
        F: Fn(House, String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Duration>> + Send + 'static,
    {
        self.house.pulse().join(name, kind, patience, self.house.now());
        let (house, mut stop, name) = (self.house.clone(), self.stop.clone(), name.to_owned());
        self.set.spawn(async move {
            let mut strikes = 0;
            while !*stop.borrow() {
                house.pulse().beat(&name, house.now());
                let done = caught(turn(house.clone(), name.clone())).await;
                house.pulse().beat(&name, house.now());
                let pause = match done {
                    Ok(Ok(pause)) => {
                        strikes = 0;
                        pause
                    }
                    Ok(Err(e)) => {
                        tracing::warn!(task = name, error = %e, "a task failed; it begins again");
                        house.pulse().failed(&name);
                        strikes += 1;
                        pause_after(strikes)
                    }
                    Err(said) => {
                        tracing::error!(task = name, panic = said, "a task fell; it begins again");
                        house.pulse().panicked(&name);
                        strikes += 1;
                        pause_after(strikes)
                    }
                };
                // Waits also for the program's end.
                let _ = tokio::time::timeout(pause, stop.wait_for(|over| *over)).await;
            }
            house.pulse().leave(&name);
        });
    }

    /// Waits for what is under way, then cuts it off and gives this node's jobs back.
    async fn part(mut self) {
        let all = async { while self.set.join_next().await.is_some() {} };
        if tokio::time::timeout(PARTING, all).await.is_err() {
            self.set.shutdown().await;
        }
        if let Err(e) = jobs::give_back(&self.house).await {
            tracing::warn!(error = %e, "the jobs under way could not be given back");
        }
    }
}

fn pause_after(strikes: u32) -> Duration {
    Duration::from_secs(1 << strikes.min(6)).min(LONGEST_PAUSE)
}

/// What came of some work, or what its panic said.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> std::result::Result<T, String> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|what| said(&*what))
}

fn said(what: &(dyn Any + Send)) -> String {
    let text = what.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| what.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
