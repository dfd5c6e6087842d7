//! `tuanjian fsck`: checks every invariant of `security.md` (b) that exists so far, reading only,
//! in pieces, in one view of the database. Never repairs. Each check asks the base tables anew and
//! shares no statement with the rooms, so that a mistake there is not repeated here.
//!
//! Findings carry keys (organisation codes, person codes, row ids) and states, never personal data.

mod business;
mod cadres;
mod codes;
mod conservation;
mod counters;
mod graduation;
mod marks;
mod people;
mod places;
mod rules;
mod things;
mod tree;

use crate::{Cx, House, Result, Who, events};
use serde::Serialize;
use std::collections::BTreeMap;

/// One violation; `Display` (JSON) is one line of the output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Number of `security.md` (b), or a word where it has none: `copies`, `complete`, `search`,
    /// `jobs`.
    pub invariant: &'static str,
    /// What it is about: `org 123456785`, `person P…`, `transfer ZJ…`.
    pub key: String,
    pub expected: String,
    pub found: String,
}
impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::json!(self).to_string())
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Violations by invariant.
    pub violations: BTreeMap<&'static str, u64>,
    /// The first thousand of them.
    pub findings: Vec<Finding>,
    /// Rows that were looked at.
    pub looked_at: u64,
}
impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
    /// What the command ends with: 0 clean, 1 violations (2, could not run, is an error of `run`).
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.is_clean())
    }
}

/// Checks everything. `deep` also opens every ciphertext of imports and compares the whole search
/// index instead of every fiftieth organisation's part.
pub async fn run(house: &House, deep: bool) -> Result<Report> {
    run_with(house, deep, &mut |_| {}).await
}

/// As [`run`], telling each finding as it comes: a long run prints from its first minute on.
pub async fn run_with(
    house: &House,
    deep: bool,
    tell: &mut (dyn FnMut(&Finding) + Send),
) -> Result<Report> {
    // Read first: the book may only have grown since.
    let noted = events::noted(house)?.map(|n| n.seal);
    let cx = house.snapshot(Who::System("fsck")).await?;
    let mut check =
        Check { cx, report: Report::default(), tell, deep, rejudging: false, rules: Vec::new() };
    rules::before(&mut check).await?;
    tree::orgs(&mut check).await?;
    tree::closings(&mut check).await?;
    tree::search_index(&mut check).await?;
    people::persons(&mut check).await?;
    conservation::all(&mut check).await?;
    people::cadres(&mut check).await?;
    people::seats(&mut check).await?;
    people::twins(&mut check).await?;
    cadres::posts(&mut check).await?;
    cadres::observers(&mut check).await?;
    cadres::revocations(&mut check).await?;
    codes::all(&mut check).await?;
    graduation::branches(&mut check).await?;
    graduation::persons(&mut check).await?;
    counters::all(&mut check).await?;
    business::all(&mut check).await?;
    business::undos(&mut check).await?;
    business::moves(&mut check).await?;
    things::sessions(&mut check).await?;
    things::imports(&mut check).await?;
    things::files(&mut check).await?;
    things::jobs(&mut check).await?;
    things::book(&mut check, noted).await?;
    if deep {
        marks::all(&mut check).await?;
    }
    Ok(check.report)
}

/// A run in progress.
struct Check<'a> {
    cx: Cx,
    report: Report,
    tell: &'a mut (dyn FnMut(&Finding) + Send),
    deep: bool,
    /// Completeness is being judged anew: some still stand as the rules before said.
    rejudging: bool,
    /// The rules by which those who are entered were judged: all that ever counted.
    rules: Vec<crate::rules::Rules>,
}
impl Check<'_> {
    /// Notes a violation.
    fn found(
        &mut self,
        invariant: &'static str,
        key: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        let (key, expected, found) = (key.into(), expected.into(), found.into());
        let finding = Finding { invariant, key, expected, found };
        (self.tell)(&finding);
        *self.report.violations.entry(invariant).or_default() += 1;
        if self.report.findings.len() < 1000 {
            self.report.findings.push(finding);
        }
    }
    /// Notes a violation unless both are the same.
    fn same<T: PartialEq + ToString>(
        &mut self,
        invariant: &'static str,
        key: &str,
        what: &str,
        (expected, found): (T, T),
    ) {
        if expected != found {
            let text = |value: &T| format!("{what} {}", value.to_string());
            self.found(invariant, key, text(&expected), text(&found));
        }
    }
    fn looked_at(&mut self, rows: usize) {
        self.report.looked_at += rows as u64;
    }
}

/// Rows read in one statement.
const PIECE: i64 = 2000;
