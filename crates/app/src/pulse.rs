//! Whether the background work of this program is alive: each of its tasks says when it last looked,
//! and how often it fell. `/health`, `/metrics` and the operators' page read it.

use crate::clock::Millis;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A scheduled task.
    Scheduled,
    /// Runs jobs of one class.
    Worker,
    /// Sends the letters of one channel.
    Delivery,
}
impl Kind {
    /// One word, for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Worker => "worker",
            Self::Delivery => "delivery",
        }
    }
}

/// One task as it was last seen.
#[derive(Clone, Debug)]
pub struct Beat {
    pub name: String,
    pub kind: Kind,
    /// When it last looked for work, or came forward with some.
    pub at: Millis,
    /// A task that was not heard of for longer has stopped.
    pub patience: Millis,
    /// Turns that ended in an error, and in a panic.
    pub failures: u64,
    pub panics: u64,
}
impl Beat {
    /// How long ago it was last heard of.
    pub fn age(&self, now: Millis) -> Millis {
        (now - self.at).max(0)
    }
    /// Not heard of for too long.
    pub fn is_stale(&self, now: Millis) -> bool {
        self.age(now) > self.patience
    }
}

/// The beats of one program.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<BTreeMap<String, Beat>>);

impl Pulse {
    fn beats(&self) -> MutexGuard<'_, BTreeMap<String, Beat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// A task begins.
    pub(crate) fn join(&self, name: &str, kind: Kind, patience: Millis, now: Millis) {
        let beat = Beat { name: name.into(), kind, at: now, patience, failures: 0, panics: 0 };
        self.beats().insert(name.into(), beat);
    }
    /// A task ends because the program does.
    pub(crate) fn leave(&self, name: &str) {
        self.beats().remove(name);
    }
    /// A task is alive.
    pub(crate) fn beat(&self, name: &str, now: Millis) {
        self.change(name, |beat| beat.at = beat.at.max(now));
    }
    pub(crate) fn failed(&self, name: &str) {
        self.change(name, |beat| beat.failures += 1);
    }
    pub(crate) fn panicked(&self, name: &str) {
        self.change(name, |beat| beat.panics += 1);
    }
    fn change(&self, name: &str, change: impl FnOnce(&mut Beat)) {
        if let Some(beat) = self.beats().get_mut(name) {
            change(beat);
        }
    }
    /// Every task that runs here, by name.
    pub fn all(&self) -> Vec<Beat> {
        self.beats().values().cloned().collect()
    }
}
