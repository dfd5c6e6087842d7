//! What `/health` and `/metrics` say: whether the database answers, whether the program is about to
//! stop, whether its background work is alive. Asking is cheap: at most one look at the database is
//! under way, whoever asks, and nobody waits long for it.

use crate::site::Site;
use app::{House, Who, jobs, messages, pulse::Beat};
use std::{
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// The longest that somebody who asks waits for the database.
const WAIT: Duration = Duration::from_millis(80);
/// A database that is merely slow was good so lately.
const GRACE: Duration = Duration::from_secs(2);
/// The longest that figures of the database are waited for.
const FIGURES: Duration = Duration::from_secs(2);

/// The signs of life of one program.
pub(crate) struct Vitals {
    stopping: AtomicBool,
    look: Mutex<Look>,
    done: Notify,
}

struct Look {
    under_way: bool,
    /// Counts the looks that ended.
    ended: u64,
    good: bool,
    last_good: Instant,
}

impl Vitals {
    pub(crate) fn new() -> Self {
        let look = Look { under_way: false, ended: 0, good: true, last_good: Instant::now() };
        Self { stopping: AtomicBool::new(false), look: Mutex::new(look), done: Notify::new() }
    }
    fn look(&self) -> std::sync::MutexGuard<'_, Look> {
        self.look.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// From now on `/health` asks to be left alone.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// How the program is.
pub(crate) struct Health {
    /// `ok`, `stopping`, `database`, `background`.
    pub(crate) word: &'static str,
    pub(crate) read_only: bool,
    pub(crate) now: i64,
    pub(crate) beats: Vec<Beat>,
}
impl Health {
    pub(crate) fn is_good(&self) -> bool {
        // A restored database is read, and nothing else can be done with it here.
        matches!(self.word, "ok" | "restored")
    }
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.word);
        let mut line = |words: std::fmt::Arguments<'_>| {
            let written = writeln!(text, "{words}");
            debug_assert!(written.is_ok(), "writing into a String can't fail");
        };
        line(format_args!("version {}", env!("CARGO_PKG_VERSION")));
        line(format_args!("mode {}", if self.read_only { "read_only" } else { "normal" }));
        for beat in &self.beats {
            let stale = if beat.is_stale(self.now) { " stale" } else { "" };
            line(format_args!("{} {} ms{stale}", beat.name, beat.age(self.now)));
        }
        text
    }
    pub(crate) fn json(&self) -> serde_json::Value {
        let task = |beat: &Beat| {
            serde_json::json!({
                "name": beat.name, "kind": beat.kind.code(), "age_ms": beat.age(self.now),
                "stale": beat.is_stale(self.now), "failures": beat.failures, "panics": beat.panics,
            })
        };
        serde_json::json!({
            "status": self.word, "version": env!("CARGO_PKG_VERSION"), "read_only": self.read_only,
            "tasks": self.beats.iter().map(task).collect::<Vec<_>>(),
        })
    }
}

/// How the program is now; answers within a tenth of a second, whatever the database does.
pub(crate) async fn health(site: &Site) -> Health {
    let (house, vitals) = (site.house(), site.vitals());
    let stopping = vitals.is_stopping();
    let database = stopping || database(site).await;
    let (now, beats) = (house.now(), house.pulse().all());
    let word = match () {
        () if stopping => "stopping",
        () if !database => "database",
        () if house.is_restored() => "restored",
        () if beats.iter().any(|beat| beat.is_stale(now)) => "background",
        () => "ok",
    };
    Health { word, read_only: house.is_read_only(), now, beats }
}

async fn database(site: &Site) -> bool {
    let vitals = site.vitals();
    let done = vitals.done.notified();
    tokio::pin!(done);
    // In the list before the look begins, so that its end is not missed.
    done.as_mut().enable();
    let before = {
        let mut look = vitals.look();
        if !std::mem::replace(&mut look.under_way, true) {
            begin_look(site.clone());
        }
        look.ended
    };
    let _ = tokio::time::timeout(WAIT, done).await;
    let look = vitals.look();
    if look.ended != before { look.good } else { look.last_good.elapsed() < GRACE && look.good }
}

fn begin_look(site: Site) {
    let work = async move {
        let good = site.house().ping().await.is_ok();
        let mut look = site.vitals().look();
        look.under_way = false;
        look.ended += 1;
        look.good = good;
        if good {
            look.last_good = Instant::now();
        }
        drop(look);
        site.vitals().done.notify_waiters();
    };
    #[expect(clippy::disallowed_methods, reason = "whoever asks does not wait for it to its end")]
    drop(tokio::spawn(work));
}

/// What Prometheus reads besides the counters of the requests.
pub(crate) async fn gauges(site: &Site) -> String {
    let house = site.house();
    let mut text = String::new();
    let now = house.now();
    for beat in house.pulse().all() {
        let labels = format!("{{task=\"{}\",kind=\"{}\"}}", beat.name, beat.kind.code());
        let age = beat.age(now) as f64 / 1000.0;
        put(&mut text, &format!("tuanjian_task_age_seconds{labels}"), age);
        put(&mut text, &format!("tuanjian_task_stale{labels}"), f64::from(beat.is_stale(now)));
        put(&mut text, &format!("tuanjian_task_failures_total{labels}"), beat.failures as f64);
        put(&mut text, &format!("tuanjian_task_panics_total{labels}"), beat.panics as f64);
    }
    put(&mut text, "tuanjian_read_only", f64::from(house.is_read_only()));
    put(&mut text, "tuanjian_stopping", f64::from(site.vitals().is_stopping()));
    let version = env!("CARGO_PKG_VERSION");
    put(
        &mut text,
        &format!("tuanjian_info{{version=\"{version}\",node=\"{}\"}}", house.node()),
        1.0,
    );
    match tokio::time::timeout(FIGURES, figures(house)).await {
        Ok(Ok(figures)) => text.push_str(&figures),
        _ => put(&mut text, "tuanjian_figures_missing", 1.0),
    }
    text
}

/// Figures that the whole installation shares.
async fn figures(house: &House) -> app::Result<String> {
    let mut text = String::new();
    let mut cx = house.read(Who::System("metrics")).await?;
    for (class, _) in jobs::Class::ALL {
        let waiting = jobs::waiting(&mut cx, class).await?;
        let name = format!("tuanjian_jobs_waiting{{class=\"{}\"}}", class.code());
        put(&mut text, &name, waiting as f64);
    }
    put(&mut text, "tuanjian_jobs_failed", jobs::failed(&mut cx).await?.len() as f64);
    let now = house.now();
    for channel in messages::channels(&mut cx).await? {
        let (waiting, failed) = messages::letters(&mut cx, &channel.name).await?;
        let labels = format!("{{channel=\"{}\"}}", channel.name);
        let open = channel.state(now) != "closed";
        put(&mut text, &format!("tuanjian_channel_open{labels}"), f64::from(open));
        put(&mut text, &format!("tuanjian_channel_failures{labels}"), channel.failures as f64);
        put(&mut text, &format!("tuanjian_letters_waiting{labels}"), waiting as f64);
        put(&mut text, &format!("tuanjian_letters_failed{labels}"), failed as f64);
    }
    Ok(text)
}

fn put(text: &mut String, name: &str, value: f64) {
    let written = writeln!(text, "{name} {value}");
    debug_assert!(written.is_ok(), "writing into a String can't fail");
}
