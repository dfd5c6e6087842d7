//! Time, chance and ids: handed in, so that a test says "eleven days later" in one line.
//! Only this file reads the machine's clock and its source of chance.

pub use jiff::civil::Date;
use jiff::{Timestamp, Zoned, tz::TimeZone};
use std::sync::{
    Mutex,
    atomic::{AtomicI64, Ordering},
};

/// A moment, as milliseconds since 1970 UTC: how times are stored.
pub type Millis = i64;

/// Milliseconds of a day.
pub const DAY: Millis = 24 * HOUR;
/// Milliseconds of an hour.
pub const HOUR: Millis = 60 * MINUTE;
/// Milliseconds of a minute.
pub const MINUTE: Millis = 60_000;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Millis;
}

/// Where chance comes from.
pub trait Chance: Send + Sync {
    /// Fills the bytes with chance.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
pub struct SystemClock;
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Millis {
        Timestamp::now().as_millisecond()
    }
}

/// A clock that moves only when told to; for tests and the demonstration.
pub struct SetClock(AtomicI64);
impl SetClock {
    /// A clock that stands at `now`.
    pub fn at(now: Millis) -> Self {
        Self(AtomicI64::new(now))
    }
    /// Lets time pass.
    pub fn advance(&self, by: Millis) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}
impl Clock for SetClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}
impl<T: Clock> Clock for std::sync::Arc<T> {
    fn now(&self) -> Millis {
        (**self).now()
    }
}

/// The operating system's chance, by way of each thread's own generator (ChaCha, seeded by the
/// system and again every 64 KiB): a bulk of rows asks for tens of thousands of nonces and codes.
pub struct SystemChance;
impl Chance for SystemChance {
    #[expect(clippy::disallowed_methods, reason = "this is where the house's chance comes from")]
    fn fill(&self, bytes: &mut [u8]) {
        use rand::RngCore;
        // Panics when the system gives no seed: without chance there are no secrets.
        rand::rng().fill_bytes(bytes);
    }
}

/// Chance that repeats for the same seed; for tests and the demonstration only.
pub struct SeededChance(Mutex<rand::rngs::StdRng>);
impl SeededChance {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        use rand::SeedableRng;
        Self(Mutex::new(rand::rngs::StdRng::seed_from_u64(seed)))
    }
}
impl Chance for SeededChance {
    fn fill(&self, bytes: &mut [u8]) {
        use rand::RngCore;
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// Makes 64-bit ids in order of time: 41 bits of milliseconds since 2024, 10 bits of node, 12 bits
/// of sequence; it borrows from the next millisecond when a bulk needs more than 4,096.
pub struct Ids {
    last: AtomicI64,
    node: i64,
}
const EPOCH: Millis = 1_704_067_200_000;
impl Ids {
    /// `node` tells program nodes apart; only its low ten bits count.
    pub fn new(node: u16) -> Self {
        Self { last: AtomicI64::new(0), node: i64::from(node) & 0x3ff }
    }
    /// The next id.
    pub fn next(&self, now: Millis) -> i64 {
        let now = (now - EPOCH).max(0) << 12;
        let step = |last: i64| now.max(last + 1);
        let last = self
            .last
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |last| Some(step(last)))
            .unwrap_or_default();
        let n = step(last);
        (n >> 12) << 22 | self.node << 12 | (n & 0xfff)
    }
}

/// Beijing time, whatever the machine's zone says (decision 2).
pub fn beijing(at: Millis) -> Zoned {
    let moment = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.to_zoned(TimeZone::fixed(jiff::tz::offset(8)))
}
/// The day in Beijing.
pub fn day(at: Millis) -> Date {
    beijing(at).date()
}
/// `2026-06-15 10:02`, for tables.
pub fn show_time(at: Millis) -> String {
    beijing(at).strftime("%Y-%m-%d %H:%M").to_string()
}
/// `2026-06-15`.
pub fn show_day(at: Millis) -> String {
    beijing(at).strftime("%Y-%m-%d").to_string()
}
/// `2026年6月15日`, for sentences.
pub fn say_day(at: Millis) -> String {
    let z = beijing(at);
    format!("{}年{}月{}日", z.year(), z.month(), z.day())
}
/// The full hour that has begun.
pub fn hour_of(at: Millis) -> Millis {
    at - at.rem_euclid(HOUR)
}
/// The end of the `days`-th calendar day after `from` (Beijing): deadlines run in calendar days.
pub fn end_of_day_after(from: Millis, days: i64) -> Millis {
    let midnight = (from + 8 * HOUR).div_euclid(DAY);
    (midnight + days + 1) * DAY - 8 * HOUR - 1
}
/// Calendar days (Beijing) between two moments.
pub fn days_since(from: Millis, to: Millis) -> i64 {
    let span = day(from).until(day(to)).unwrap_or_default();
    i64::from(span.get_days())
}
/// The moment at which a day begins in Beijing.
pub fn start_of_day(day: Date) -> Millis {
    let midnight = day.to_zoned(TimeZone::fixed(jiff::tz::offset(8)));
    midnight.map_or(0, |z| z.timestamp().as_millisecond())
}
/// `6月12日`, for sentences about this year.
pub fn short_day(at: Millis) -> String {
    let z = beijing(at);
    format!("{}月{}日", z.month(), z.day())
}
/// `10:21` today, `6月12日 10:21` on another day.
pub fn short_time(at: Millis, now: Millis) -> String {
    let time = beijing(at).strftime("%H:%M");
    if day(at) == day(now) { time.to_string() } else { format!("{} {time}", short_day(at)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_never_repeat_and_keep_growing_even_in_one_millisecond() {
        let ids = Ids::new(3);
        let made: Vec<i64> = (0..10_000).map(|_| ids.next(EPOCH + 5)).collect();
        assert!(made.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn a_deadline_of_ten_days_ends_with_the_tenth_day_in_beijing() {
        let from = 1_781_488_920_000; // 2026-06-15 10:02 in Beijing
        assert_eq!(show_time(from), "2026-06-15 10:02");
        assert_eq!(show_time(end_of_day_after(from, 10)), "2026-06-25 23:59");
    }
}
