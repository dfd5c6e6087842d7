//! The table of results: rows of works with one line per database, written as Markdown.

use crate::measure::Figure;
use std::fmt::Write;
use std::time::Duration;

/// One database's side of a row.
pub(crate) enum Outcome {
    /// Figures.
    Measured(Side),
    /// Why there are none.
    NotRun(&'static str),
}

/// Our figure, the baseline of the same run, and whether the goal was met.
pub(crate) struct Side {
    ours: Figure,
    raw: Option<Figure>,
    met: Option<bool>,
}

impl Side {
    /// Without baseline or verdict.
    pub(crate) fn new(ours: Figure) -> Side {
        Side { ours, raw: None, met: None }
    }

    /// The same work through the driver (or parser) alone, measured in this run.
    pub(crate) fn beside(mut self, raw: Figure) -> Side {
        self.raw = Some(raw);
        self
    }

    /// The verdict; the judge sees our figure and the speed in parts of the raw speed.
    pub(crate) fn judged(mut self, judge: impl FnOnce(&Figure, Option<f64>) -> bool) -> Side {
        self.met = Some(judge(&self.ours, self.speed()));
        self
    }

    /// Our speed in parts of the raw speed: 0.5 means that we cost twice as much CPU time.
    pub(crate) fn speed(&self) -> Option<f64> {
        let ours = self.ours.cost().as_secs_f64();
        let raw = self.raw.as_ref()?.cost().as_secs_f64();
        (ours > 0.0).then(|| raw / ours)
    }
}

/// Gathers the rows of one run.
pub(crate) struct Bench {
    facts: Vec<(String, String)>,
    quick: bool,
    lines: Vec<[String; 10]>,
}

const HEAD: [&str; 10] = [
    "work",
    "goal",
    "database",
    "CPU each",
    "server CPU each",
    "wall p95",
    "peak memory",
    "raw CPU each",
    "speed of raw",
    "met",
];

impl Bench {
    /// With the machine's facts.
    pub(crate) fn new(facts: Vec<(String, String)>, quick: bool) -> Bench {
        Bench { facts, quick, lines: vec![] }
    }

    /// A fact that only a work can know, such as the server's version or how many rows there are.
    pub(crate) fn fact(&mut self, name: &str, value: &str) {
        self.facts.push((name.to_owned(), value.to_owned()));
    }

    /// Adds a work with what was measured on each database.
    pub(crate) fn row(&mut self, work: &str, goal: &str, sqlite: Outcome, postgres: Outcome) {
        for (database, outcome) in [("SQLite", sqlite), ("PostgreSQL", postgres)] {
            let cells = match outcome {
                Outcome::Measured(side) => side.cells(),
                Outcome::NotRun(why) => {
                    let mut cells = [const { String::new() }; 7];
                    cells[0] = why.to_owned();
                    cells
                }
            };
            let head = [work, goal, database].map(str::to_owned);
            let mut all = head.into_iter().chain(cells);
            self.lines.push(std::array::from_fn(|_| all.next().unwrap_or_default()));
        }
    }

    /// The whole document.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("# Benchmarks\n\nMade by `cargo xtask bench");
        text.push_str(if self.quick {
            " --quick`: small numbers, for trying out.\n"
        } else {
            "`.\n"
        });
        text.push_str("CPU is user and system time of the program; the server's processes stand ");
        text.push_str("beside it. “Raw” is the same work through the driver or parser alone, ");
        text.push_str("measured in the same run; ratios compare program and server together.\n\n");
        for (name, value) in &self.facts {
            writeln!(text, "* {name}: {value}").expect("a String takes all that is written");
        }
        text.push('\n');
        push_line(&mut text, HEAD.iter());
        push_line(&mut text, ["---"; HEAD.len()].iter());
        for line in &self.lines {
            push_line(&mut text, line.iter());
        }
        text
    }
}

impl Side {
    fn cells(&self) -> [String; 7] {
        let each = |figure: &Figure| time(figure.cpu / figure.times);
        let mib = |bytes: u64| format!("{} MiB", bytes.div_ceil(1 << 20));
        [
            each(&self.ours),
            self.ours.server_cpu.map_or_else(dash, |cpu| time(cpu / self.ours.times)),
            self.ours.p95.map_or_else(|| time(self.ours.wall / self.ours.times), time),
            self.ours.peak.map_or_else(dash, mib),
            self.raw.as_ref().map_or_else(dash, |raw| time(raw.cost())),
            self.speed().map_or_else(dash, |part| format!("{:.0} %", part * 100.0)),
            self.met.map_or_else(dash, |met| if met { "yes" } else { "**no**" }.to_owned()),
        ]
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn push_line(text: &mut String, cells: impl Iterator<Item = impl AsRef<str>>) {
    for cell in cells {
        write!(text, "| {} ", cell.as_ref().replace('|', "\\|"))
            .expect("a String takes all that is written");
    }
    text.push_str("|\n");
}

/// Three digits and the unit that suits.
fn time(t: Duration) -> String {
    match t.as_secs_f64() {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 0.001 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.2} µs", s * 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(cpu_ms: u64, server_ms: u64) -> Figure {
        Figure {
            times: 10,
            cpu: Duration::from_millis(cpu_ms),
            server_cpu: Some(Duration::from_millis(server_ms)),
            wall: Duration::from_millis(500),
            p95: None,
            peak: Some(3 << 20),
        }
    }

    #[test]
    fn speed_compares_program_and_server_together() {
        let side = Side::new(figure(150, 50)).beside(figure(50, 50));
        assert_eq!(side.speed(), Some(0.5));
    }

    #[test]
    fn a_missed_goal_is_shown_as_missed() {
        let side = Side::new(figure(200, 0)).beside(figure(50, 0));
        let mut bench = Bench::new(vec![("cores".into(), "2".into())], false);
        let judged = side.judged(|_, speed| speed >= Some(0.5));
        bench.row("import", "≥ half", Outcome::Measured(judged), Outcome::NotRun("no server"));
        let text = bench.markdown();
        assert!(text.contains(
            "| import | ≥ half | SQLite | 20.00 ms | 0.00 µs | 50.00 ms | 3 MiB | 5.00 ms | 25 % | **no** |"
        ), "{text}");
        assert!(text.contains("| PostgreSQL | no server |"), "{text}");
        assert!(text.contains("* cores: 2"));
    }
}
