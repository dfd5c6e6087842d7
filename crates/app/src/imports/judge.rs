//! Judging staged rows: the rules for each, what the database knows, and what stands twice in the
//! file. One function for the upload, for every repair and for the commit.

use super::{
    Finding, Import, ImportId, Kind, Mapping, RowState, children, mapping,
    rows::{self, Cells},
    sql::{self, Stored},
};
use crate::{
    Cx, OrgRef, Permit, Result, clock,
    people::{self, Answers, PersonId, entry},
    pii::IdNumber,
    rules::{
        Column, Problem, Rules, Severity, id_number, person,
        seats::{self, Rival},
    },
};
use db::Rows;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The code of a development number that stands twice in the file.
const NUMBER_TWICE: &str = "dev_number_duplicate_in_file";
/// And at the row where it stands first: either may be the wrong one.
const NUMBER_AGAIN: &str = "dev_number_again_in_file";
/// Up to so many rows everything is judged anew after a change; in longer files only the row and
/// those that share an ID number with it.
const SMALL: i64 = 1_000;
/// Rows asked of the database or written at a time.
const PIECE: usize = 2_000;
/// Rows that a row is told of that claim the same post.
const RIVALS: usize = 8;

/// A row about to be judged.
pub(super) struct Judgement {
    pub(super) no: i64,
    pub(super) id_number: Option<IdNumber>,
    pub(super) id_bi: Option<Vec<u8>>,
    pub(super) name: String,
    pub(super) judged: person::Judged,
    /// Whether its contact values replace those of a person who is known.
    pub(super) take: bool,
    /// The limited post that it claims.
    pub(super) seat: Option<String>,
    said: Said,
}

/// What was said before about a row's ID number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// Nothing: it is new, or the day's answers were used up.
    Nothing,
    /// That nobody elsewhere has it.
    Free,
    /// That somebody elsewhere has it.
    Elsewhere,
}

/// Which rows are to be judged anew.
pub(super) enum Which {
    All,
    /// These rows, those that share an ID number with them now or did before, and all that claim a
    /// limited post.
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
pub(super) fn one(
    cx: &Cx,
    place: &person::Place,
    mapping: &Mapping,
    (no, cells): (i64, &Cells),
) -> Judgement {
    let today = clock::day(cx.now());
    let draft = cells.draft(mapping);
    let mut judged = person::judge(&draft, place, today, Rules::builtin());
    rows::object(&mut judged, cells.objections(mapping));
    let id = &draft.id_number;
    let id_number = match &judged.person {
        Some(person) => Some(person.id_number.clone()),
        None => id_number::read(&id.text, id.was_number, today).ok().map(|clean| clean.value),
    };
    let id_bi = id_number.as_ref().map(|id| cx.house().keys().index("import.id", id.reveal()).0);
    let name = judged.person.as_ref().map(|p| p.name.clone());
    let name = name.unwrap_or_else(|| draft.name.text.trim().to_owned());
    let limited = |code: &String| {
        seats::limited(place.category, Rules::builtin()).any(|row| &row.code == code)
    };
    let seat = judged.claims.clone().filter(limited);
    Judgement { no, id_number, id_bi, name, judged, take: false, seat, said: Said::Nothing }
}

/// Adds what the database knows: people who are here or elsewhere, numbers and posts that are taken.
/// Answers about people elsewhere are counted; when the day's are used up, whoever is not here waits
/// until tomorrow, registered elsewhere or not: otherwise the silence would be an answer.
async fn against_database(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    rows: &mut [Judgement],
) -> Result<()> {
    let unsaid = |r: &Judgement| r.id_number.is_some() && r.said == Said::Nothing;
    let mut answers = match rows.iter().any(unsaid) {
        true => Some(Answers::open(cx, permit).await?),
        false => None,
    };
    for piece in rows.chunks_mut(PIECE) {
        against_people(cx, org, piece, &mut answers).await?;
    }
    if let Some(answers) = answers {
        answers.close(cx, permit).await?;
    }
    against_seats(cx, org, rows).await
}

async fn against_people(
    cx: &mut Cx,
    org: &OrgRef,
    piece: &mut [Judgement],
    answers: &mut Option<Answers>,
) -> Result<()> {
    let (places, ids): (Vec<usize>, Vec<&IdNumber>) = piece
        .iter()
        .enumerate()
        .filter_map(|(at, r)| r.id_number.as_ref().map(|id| (at, id)))
        .unzip();
    let known = entry::known(cx, org, &ids).await?;
    let numbers: Vec<&str> = piece.iter().filter_map(number_of).collect();
    let taken = entry::numbers_taken(cx, &numbers).await?;
    let elsewhere = |k: &entry::Known, row: &Judgement| !k.here && (!k.free || k.name != row.name);
    if let Some(answers) = answers {
        let met = places.iter().zip(&known).filter_map(|(at, k)| k.as_ref().map(|k| (at, k)));
        let met: Vec<PersonId> =
            met.filter(|(at, k)| elsewhere(k, &piece[**at])).map(|(_, k)| k.person).collect();
        answers.recall(cx, &met).await?;
    }
    for (at, known) in places.iter().zip(&known) {
        let Judgement { take, judged, .. } = &mut piece[*at];
        if let (true, Some(person), Some(_)) = (*take, &mut judged.person, known) {
            person.take = people::merge::CONTACTS.to_vec();
        }
    }
    let pairs = places
        .iter()
        .zip(&known)
        .filter_map(|(at, known)| Some((piece[*at].judged.person.as_ref()?, known.as_ref()?)));
    let pairs: Vec<_> = pairs.collect();
    let merges = entry::merges(cx, org, &pairs).await?;
    let told: Vec<&people::Person> = merges.values().map(|m| m.person()).collect();
    let seen = match told.is_empty() {
        true => HashMap::new(),
        false => people::merge::visible(cx, &told).await?,
    };
    let mut known: HashMap<usize, Option<entry::Known>> = places.into_iter().zip(known).collect();
    for (at, row) in piece.iter_mut().enumerate() {
        let known = known.remove(&at);
        let merged = known.iter().flatten().find_map(|k| merges.get(&k.person));
        let merged = merged.filter(|_| row.judged.person.is_some());
        let found = match &known {
            Some(Some(k)) if k.here && merged.is_some_and(|m| m.changes() || m.offers()) => None,
            Some(Some(k)) if k.here => Some(Problem::already_here()),
            Some(Some(k)) if elsewhere(k, row) => {
                let told = row.said == Said::Elsewhere
                    || answers.as_mut().is_none_or(|a| a.may_tell(k.person));
                Some(if told { Problem::already_elsewhere() } else { not_told() })
            }
            Some(_) if row.said == Said::Nothing => {
                answers.as_ref().is_some_and(Answers::are_used_up).then(not_told)
            }
            _ => None,
        };
        if let Some(problem) = found {
            row.refuse(problem);
            continue;
        }
        let here = known.as_ref().and_then(Option::as_ref).is_some_and(|k| k.here);
        if let Some(m) = merged {
            let id = m.person().id;
            row.is_merged(m, here, here || seen.get(&id).copied().unwrap_or(false));
        }
        let own = here && !merged.is_some_and(|m| m.fills(Column::DevNumber));
        if !own && number_of(row).is_some_and(|n| taken.contains(n)) {
            row.refuse(Problem::dev_number_taken());
        }
        if let Some(held) = known.flatten().and_then(|k| k.post) {
            row.keeps(org, &held);
        }
    }
    Ok(())
}

fn not_told() -> Problem {
    Problem::not_told_today(people::answers_per_day())
}

/// Adds what is wrong with the posts: somebody sits there, or several rows claim the same one. All
/// rows of the pair are told, because nobody but the administrator knows which is wrong.
async fn against_seats(cx: &mut Cx, org: &OrgRef, rows: &mut [Judgement]) -> Result<()> {
    let mut claims: HashMap<String, Vec<Rival>> = HashMap::new();
    for row in rows.iter().filter(|row| !row.is_known()) {
        if let Some(code) = &row.seat {
            let claim = Rival { row: row.no, name: row.name.clone() };
            claims.entry(code.clone()).or_default().push(claim);
        }
    }
    if claims.is_empty() {
        return Ok(());
    }
    let seats = entry::seats(cx, org).await?;
    for row in rows.iter_mut().filter(|row| !row.is_known()) {
        let Some(code) = row.seat.clone() else { continue };
        let all = claims.get(&code).map(Vec::as_slice).unwrap_or_default();
        let rivals: Vec<Rival> =
            all.iter().filter(|r| r.row != row.no).take(RIVALS).cloned().collect();
        if let Some(problem) = seats.judge(&code, &rivals) {
            row.refuse(problem);
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
    let mut again: HashMap<i64, i64> = HashMap::new();
    for row in rows.iter_mut() {
        let earlier = row.id_bi.as_ref().and_then(|i| first.get(i)).copied();
        if let Some(earlier) = earlier.filter(|e| *e < row.no && !row.is_known()) {
            row.refuse(Problem::duplicate_in_file(u32::try_from(earlier).unwrap_or(0)));
            continue;
        }
        let Some(number) = number_of(row).map(str::to_owned) else { continue };
        let earlier = *numbers.entry(number).or_insert(row.no);
        if earlier < row.no {
            again.entry(earlier).or_insert(row.no);
            let message = format!("与第{earlier}行的发展团员编号相同，请核对后改正其中一行。");
            row.refuse(Problem::fix(Column::DevNumber, NUMBER_TWICE, message));
        }
    }
    for row in rows.iter_mut() {
        if let Some(later) = again.get(&row.no) {
            let message = format!("第{later}行写了同一个发展团员编号，请核对是哪一行写错了。");
            row.point_out(Problem::warn(Column::DevNumber, NUMBER_AGAIN, message));
        }
    }
}

fn number_of(row: &Judgement) -> Option<&str> {
    row.judged.person.as_ref()?.dev_number.as_deref()
}

impl Judgement {
    fn refuse(&mut self, problem: Problem) {
        self.judged.person = None;
        self.point_out(problem);
    }
    fn point_out(&mut self, problem: Problem) {
        self.judged.problems.push(problem);
        self.judged.problems.sort_by_key(|p| p.column);
    }
    /// Says what becomes of the values of somebody who is known (decision 27); what is known of her
    /// is not missing.
    fn is_merged(&mut self, merged: &people::merge::Merged, here: bool, visible: bool) {
        let has = |column| merged.person().has(column);
        self.judged.problems.retain(|p| p.code != "missing_later" || !has(p.column));
        let told = merged.told(visible);
        if told.is_empty() {
            return;
        }
        let mut says = match here {
            true => "这个人已在本支部，不会重复录入".to_owned(),
            false => "系统里已有这个人（还没有所在支部），导入后加入本支部".to_owned(),
        };
        if !told.filled.is_empty() {
            let labels: Vec<&str> = told.filled.iter().map(|c| c.label()).collect();
            says.push_str(&format!("，并补上原来空着的{}", labels.join("、")));
        }
        says.push('。');
        let problems = &mut self.judged.problems;
        problems.push(Problem::warn(Column::IdNumber, "known_person", says));
        for d in &told.differing {
            problems.push(Problem::warn(d.column, "known_differs", d.says(true)));
        }
        problems.sort_by_key(|p| p.column);
    }
    /// Whoever holds a post here keeps it: the row claims none, and says so where it names another.
    fn keeps(&mut self, org: &OrgRef, held: &str) {
        let Some(claimed) = self.judged.claims.take() else { return };
        self.seat = None;
        let place = mapping::place(org);
        let mut posts = Rules::builtin().tree.posts_of(place.category);
        if !posts.any(|row| row.code == claimed && row.name == held) {
            self.judged.problems.push(Problem::post_kept(held));
            self.judged.problems.sort_by_key(|p| p.column);
        }
    }
    /// Takes over what was said about the same ID number when the row was judged before.
    fn remember(&mut self, before: &Stored) {
        if self.id_bi.is_none() || self.id_bi != before.id_bi {
            return;
        }
        let stored: Vec<Finding> = serde_json::from_str(&before.problems).unwrap_or_default();
        let has = |code: &str| stored.iter().any(|f| f.code == code);
        self.said = match (has("id_elsewhere"), has("id_not_told_today")) {
            (true, _) => Said::Elsewhere,
            (_, true) => Said::Nothing,
            _ => Said::Free,
        };
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
    permit: &Permit,
    org: &OrgRef,
    mapping: &Mapping,
    cells: &[(i64, Cells)],
) -> Result<Vec<Judgement>> {
    let place = entry::place_for(cx, org).await?;
    let mut rows: Vec<Judgement> =
        cells.iter().map(|(no, cells)| one(cx, &place, mapping, (*no, cells))).collect();
    against_database(cx, permit, org, &mut rows).await?;
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
    let place = entry::place_for(cx, org).await?;
    let house = cx.house().clone();
    let mut rows = Vec::new();
    let mut old: HashMap<i64, &Stored> = HashMap::new();
    let mut others = Vec::new();
    for row in &stored {
        match RowState::from_code(&row.state) {
            state if state.is_open() => {
                let cells = rows::open(&house, import.id, row)?;
                let mut judgement = one(cx, &place, &mapping, (row.no, &cells));
                judgement.remember(row);
                judgement.take = row.take;
                rows.push(judgement);
                old.insert(row.no, row);
            }
            // Already in: whoever comes again is `here`, which the database says.
            _ => others
                .extend(row.id_bi.clone().filter(|_| row.state == "imported").map(|i| (row.no, i))),
        }
    }
    against_database(cx, permit, org, &mut rows).await?;
    against_each_other(&mut rows, &others);
    let mut changed: Rows = Vec::new();
    for row in &mut rows {
        let Some(before) = old.get(&row.no) else { continue };
        if near {
            carry_over(row, before);
        }
        let (state, problems) = (row.state().code(), findings_text(&row.findings()));
        let same = (state, &problems, &row.id_bi, &row.seat)
            == (before.state.as_str(), &before.problems, &before.id_bi, &before.seat);
        if !same {
            let (index, seat) = (row.id_bi.clone(), row.seat.clone());
            let no = row.no.into();
            changed.push(vec![no, state.into(), problems.into(), index.into(), seat.into()]);
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
    for kept in stored {
        let told = row.judged.problems.iter().any(|p| p.code == kept.code);
        if told || row.judged.person.is_none() {
            continue;
        }
        match kept.code.as_str() {
            NUMBER_TWICE => row.refuse(Problem::fix(kept.column, NUMBER_TWICE, kept.message)),
            NUMBER_AGAIN => row.point_out(Problem::warn(kept.column, NUMBER_AGAIN, kept.message)),
            _ => {}
        }
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
            indexes.extend(one(cx, &mapping::place(org), mapping, (no, &cells)).id_bi);
            found.insert(no, row);
        }
    }
    // Whoever claims a limited post stands against all others who do.
    let claiming = sql::rows_claiming(cx, import).await?;
    for row in sql::rows_of(cx, import, indexes).await?.into_iter().chain(claiming) {
        found.entry(row.no).or_insert(row);
    }
    Ok(found.into_values().collect())
}

pub(super) fn findings_text(findings: &[Finding]) -> String {
    serde_json::to_string(findings).unwrap_or_else(|_| "[]".into())
}
