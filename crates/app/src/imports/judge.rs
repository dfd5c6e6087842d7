//! Judging staged rows: the rules for each, what the database knows, and what stands twice in the
//! file. One function for the upload, for every repair and for the commit.

use super::{
    Finding, Import, ImportId, Kind, Mapping, RowState, children, mapping,
    rows::{self, Cells},
    sql::{self, Stored},
};
use crate::{
    Cx, OrgRef, Permit, Result, clock,
    people::entry,
    pii::IdNumber,
    rules::{Column, Problem, Rules, Severity, id_number, person},
};
use db::Rows;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The code of a development number that stands twice in the file.
const NUMBER_TWICE: &str = "dev_number_duplicate_in_file";
/// Up to so many rows everything is judged anew after a change; in longer files only the row and
/// those that share an ID number with it.
const SMALL: i64 = 1_000;
/// Rows asked of the database or written at a time.
const PIECE: usize = 2_000;

/// A row about to be judged.
pub(super) struct Judgement {
    pub(super) no: i64,
    pub(super) id_number: Option<IdNumber>,
    pub(super) id_bi: Option<Vec<u8>>,
    pub(super) name: String,
    pub(super) judged: person::Judged,
}

/// Which rows are to be judged anew.
pub(super) enum Which {
    All,
    /// These rows, and those that share an ID number with them now or did before.
    Near {
        rows: BTreeSet<i64>,
        indexes: Vec<Vec<u8>>,
    },
}
impl Which {
    /// What a change of these rows makes necessary.
    pub(super) fn after(
        import: &Import,
        rows: BTreeSet<i64>,
        indexes: Vec<Vec<u8>>,
        all: bool,
    ) -> Self {
        if all || import.rows <= SMALL { Self::All } else { Self::Near { rows, indexes } }
    }
}

/// The rules' judgement of one row.
pub(super) fn one(cx: &Cx, org: &OrgRef, mapping: &Mapping, no: i64, cells: &Cells) -> Judgement {
    let today = clock::day(cx.now());
    let draft = cells.draft(mapping);
    let judged = person::judge(&draft, &mapping::place(org), today, Rules::builtin());
    let id = &draft.id_number;
    let id_number = match &judged.person {
        Some(person) => Some(person.id_number.clone()),
        None => id_number::read(&id.text, id.was_number, today).ok().map(|clean| clean.value),
    };
    let id_bi = id_number.as_ref().map(|id| cx.house().keys().index("import.id", id.reveal()).0);
    let name = judged.person.as_ref().map(|p| p.name.clone());
    let name = name.unwrap_or_else(|| draft.name.text.trim().to_owned());
    Judgement { no, id_number, id_bi, name, judged }
}

/// Adds what the database knows: people who are here or elsewhere, numbers that are taken.
pub(super) async fn against_database(
    cx: &mut Cx,
    org: &OrgRef,
    rows: &mut [Judgement],
) -> Result<()> {
    for piece in rows.chunks_mut(PIECE) {
        let asked: Vec<(usize, &IdNumber)> = piece
            .iter()
            .enumerate()
            .filter_map(|(at, r)| r.id_number.as_ref().map(|id| (at, id)))
            .collect();
        let ids: Vec<&IdNumber> = asked.iter().map(|(_, id)| *id).collect();
        let places: Vec<usize> = asked.iter().map(|(at, _)| *at).collect();
        let known = entry::known(cx, org, &ids).await?;
        let numbers: Vec<&str> = piece.iter().filter_map(number_of).collect();
        let taken = entry::numbers_taken(cx, &numbers).await?;
        let mut found: Vec<(usize, Problem)> = Vec::new();
        for (at, known) in places.into_iter().zip(known) {
            match known {
                Some(k) if k.here => found.push((at, Problem::already_here())),
                Some(k) if !k.free || k.name != piece[at].name => {
                    found.push((at, Problem::already_elsewhere()));
                }
                _ => {}
            }
        }
        for (at, row) in piece.iter().enumerate() {
            let told = found.iter().any(|(a, _)| *a == at);
            if !told && number_of(row).is_some_and(|n| taken.contains(n)) {
                found.push((at, Problem::dev_number_taken()));
            }
        }
        for (at, problem) in found {
            piece[at].refuse(problem);
        }
    }
    Ok(())
}

/// Adds what stands twice: E15 for every ID number after its first row, and the development
/// numbers. `first` knows rows that are not judged here.
fn against_each_other(rows: &mut [Judgement], others: &[(i64, Vec<u8>)]) {
    let mut first: HashMap<Vec<u8>, i64> = HashMap::new();
    for (no, index) in others {
        let at = first.entry(index.clone()).or_insert(*no);
        *at = (*at).min(*no);
    }
    for row in rows.iter() {
        if let Some(index) = &row.id_bi {
            let at = first.entry(index.clone()).or_insert(row.no);
            *at = (*at).min(row.no);
        }
    }
    let mut numbers: HashMap<String, i64> = HashMap::new();
    for row in rows.iter_mut() {
        let earlier = row.id_bi.as_ref().and_then(|i| first.get(i)).copied();
        if let Some(earlier) = earlier.filter(|e| *e < row.no && !row.is_known()) {
            row.refuse(Problem::duplicate_in_file(u32::try_from(earlier).unwrap_or(0)));
            continue;
        }
        let Some(number) = number_of(row).map(str::to_owned) else { continue };
        let earlier = *numbers.entry(number).or_insert(row.no);
        if earlier < row.no {
            let message = format!("与第 {earlier} 行的发展团员编号相同,请核对后改正其中一行。");
            row.refuse(Problem::fix(Column::DevNumber, NUMBER_TWICE, message));
        }
    }
}

fn number_of(row: &Judgement) -> Option<&str> {
    row.judged.person.as_ref()?.dev_number.as_deref()
}

impl Judgement {
    fn refuse(&mut self, problem: Problem) {
        self.judged.person = None;
        self.judged.problems.push(problem);
        self.judged.problems.sort_by_key(|p| p.column);
    }
    fn is_known(&self) -> bool {
        self.judged.problems.iter().any(|p| matches!(p.code, "id_here" | "id_elsewhere"))
    }
    pub(super) fn state(&self) -> RowState {
        state_of(self.judged.problems.iter().map(|p| p.severity))
    }
    pub(super) fn findings(&self) -> Vec<Finding> {
        self.judged.problems.iter().cloned().map(Finding::from).collect()
    }
}

pub(super) fn state_of(severities: impl Iterator<Item = Severity>) -> RowState {
    match severities.max_by_key(|s| *s == Severity::Fix) {
        None => RowState::Ready,
        Some(Severity::Warn) => RowState::Warned,
        Some(Severity::Fix) => RowState::ToFix,
    }
}

/// Judges rows that are not stored yet, all of a file.
pub(super) async fn fresh(
    cx: &mut Cx,
    org: &OrgRef,
    mapping: &Mapping,
    cells: &[(i64, Cells)],
) -> Result<Vec<Judgement>> {
    let mut rows: Vec<Judgement> =
        cells.iter().map(|(no, cells)| one(cx, org, mapping, *no, cells)).collect();
    against_database(cx, org, &mut rows).await?;
    against_each_other(&mut rows, &[]);
    Ok(rows)
}

/// How many rows were tidied in each way.
pub(super) fn tidied(rows: &[Judgement]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let notes: BTreeSet<&String> = row.judged.notes.iter().collect();
        for note in notes {
            *counts.entry(note.clone()).or_insert(0) += 1;
        }
    }
    counts
}

/// Judges stored rows anew and stores what has changed; the counters follow. Returns what was
/// tidied in the rows that were judged.
pub(super) async fn rejudge(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    import: &Import,
    which: Which,
) -> Result<BTreeMap<String, i64>> {
    if import.kind() == Kind::Orgs {
        return children::rejudge(cx, permit, org, import).await;
    }
    let mapping = import.columns();
    let near = matches!(which, Which::Near { .. });
    let stored = load(cx, org, import.id, &mapping, which).await?;
    let house = cx.house().clone();
    let mut rows = Vec::new();
    let mut old: HashMap<i64, &Stored> = HashMap::new();
    let mut others = Vec::new();
    for row in &stored {
        match RowState::from_code(&row.state) {
            state if state.is_open() => {
                let cells = rows::open(&house, import.id, row)?;
                rows.push(one(cx, org, &mapping, row.no, &cells));
                old.insert(row.no, row);
            }
            // Already in: whoever comes again is `here`, which the database says.
            _ => others
                .extend(row.id_bi.clone().filter(|_| row.state == "imported").map(|i| (row.no, i))),
        }
    }
    against_database(cx, org, &mut rows).await?;
    against_each_other(&mut rows, &others);
    let mut changed: Rows = Vec::new();
    for row in &mut rows {
        let Some(before) = old.get(&row.no) else { continue };
        if near {
            carry_over(row, before);
        }
        let (state, problems) = (row.state().code(), findings_text(&row.findings()));
        if state != before.state || problems != before.problems || row.id_bi != before.id_bi {
            let index = row.id_bi.clone();
            changed.push(vec![row.no.into(), state.into(), problems.into(), index.into()]);
        }
    }
    for piece in changed.chunks(PIECE) {
        sql::set_verdicts(cx, permit, import.id, piece.to_vec()).await?;
    }
    sql::recount(cx, permit, import.id).await?;
    Ok(tidied(&rows))
}

/// Of a long file only some rows are judged: what was found before by comparing all development
/// numbers stays until everything is judged again.
fn carry_over(row: &mut Judgement, before: &Stored) {
    let stored: Vec<Finding> = serde_json::from_str(&before.problems).unwrap_or_default();
    if let Some(kept) = stored.into_iter().find(|f| f.code == NUMBER_TWICE)
        && !row.judged.problems.iter().any(|p| p.code == NUMBER_TWICE)
        && row.judged.person.is_some()
    {
        row.refuse(Problem::fix(kept.column, NUMBER_TWICE, kept.message));
    }
}

async fn load(
    cx: &mut Cx,
    org: &OrgRef,
    import: ImportId,
    mapping: &Mapping,
    which: Which,
) -> Result<Vec<Stored>> {
    let Which::Near { rows: near, mut indexes } = which else {
        return sql::rows_after(cx, import, 0, i64::from(u32::MAX)).await;
    };
    let house = cx.house().clone();
    let mut found: BTreeMap<i64, Stored> = BTreeMap::new();
    for no in near {
        if let Some(row) = sql::row(cx, import, no).await? {
            let cells = rows::open(&house, import, &row)?;
            indexes.extend(one(cx, org, mapping, no, &cells).id_bi);
            found.insert(no, row);
        }
    }
    for row in sql::rows_of(cx, import, indexes).await? {
        found.entry(row.no).or_insert(row);
    }
    Ok(found.into_values().collect())
}

pub(super) fn findings_text(findings: &[Finding]) -> String {
    serde_json::to_string(findings).unwrap_or_else(|_| "[]".into())
}
