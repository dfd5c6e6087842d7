//! How much a piece of long work takes in one transaction, so that other writers wait no longer than
//! a tenth of a second for it on a fast machine and a slow one. What a piece is made of does not
//! matter to what comes of it, so it may follow the machine's own time.

use std::time::Duration;

/// How long a piece should hold its transaction; half of what others may be kept waiting.
const GOAL: Duration = Duration::from_millis(50);
/// The first piece, and the bounds of every other.
const FIRST: i64 = 50;
const LEAST: i64 = 10;
const MOST: i64 = 1_000;

/// The size of the next piece.
#[derive(Clone, Copy, Debug)]
pub struct Pace(i64);
impl Default for Pace {
    fn default() -> Self {
        Self(FIRST)
    }
}
impl Pace {
    /// Rows of the next piece.
    pub fn rows(&self) -> i64 {
        self.0
    }
    /// Learns from a piece: at most twice as many next, as few as needed.
    pub fn took(&mut self, rows: usize, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX).max(1);
        let goal = i64::try_from(GOAL.as_micros()).unwrap_or(i64::MAX);
        let rows = i64::try_from(rows).unwrap_or(MOST).clamp(1, MOST);
        self.0 = (rows * goal / micros).min(2 * rows.max(self.0 / 2)).clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes of pieces on a machine where a transaction costs `fixed` and each row `each` (µs).
    fn settled(fixed: u64, each: u64) -> (i64, u64) {
        let mut pace = Pace::default();
        let mut longest_after_a_few = 0;
        for turn in 0..40 {
            let rows = pace.rows();
            let time = fixed + each * rows.unsigned_abs();
            if turn > 4 {
                longest_after_a_few = longest_after_a_few.max(time);
            }
            pace.took(usize::try_from(rows).unwrap(), Duration::from_micros(time));
        }
        (pace.rows(), longest_after_a_few)
    }

    #[test]
    fn pieces_follow_the_machine_and_keep_others_waiting_less_than_a_tenth_of_a_second() {
        for each in [20, 50, 200, 1_000, 3_000, 8_000] {
            let (rows, longest) = settled(5_000, each);
            assert!(longest < 100_000, "{each} µs a row: {rows} rows, {longest} µs");
        }
        assert!(settled(5_000, 20).0 > 500, "a fast machine takes many");
        assert_eq!(settled(5_000, 30_000).0, LEAST, "a slow one still goes on");
    }

    #[test]
    fn one_slow_piece_is_answered_at_once_and_a_short_last_one_changes_little() {
        let mut pace = Pace(400);
        pace.took(400, Duration::from_millis(400));
        assert_eq!(pace.rows(), 50);
        let mut pace = Pace(400);
        pace.took(3, Duration::from_millis(1));
        assert!(pace.rows() >= 100, "{pace:?}");
    }
}
