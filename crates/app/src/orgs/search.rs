//! The organisation picker (W7): any fragment, 简称, pinyin initials, 组织码, words in any order of
//! which some may name the organisations above, one slip of the finger. Over millions of
//! organisations every statement stays bounded: see `search_sql.rs`.
//!
//! How: words are searched by their rarest grams, nearest the root first. The word that says most
//! gives the anchors (合肥工业大学); what is left of the query is then searched inside their subtrees.

use super::{
    Category, code, grams,
    search_match::{How, Word, how},
    search_sql::{self, Names},
};
use crate::{Cx, Error, OrgRef, Result, Scope, Who};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap, HashSet};

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub text: String,
    /// Only inside this organisation's subtree.
    pub under: Option<String>,
    /// Only these categories; none means all.
    pub categories: Vec<Category>,
    /// At most so many hits (up to 50).
    pub limit: usize,
}

/// One organisation that was found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Hit {
    pub code: String,
    pub short_name: String,
    pub full_name: String,
    pub category_name: String,
    /// Names from the root down to the organisation itself.
    pub full_path: Vec<String>,
    /// Why it is in the list, in a word or two.
    pub why: String,
    /// Where it stands.
    #[serde(skip)]
    pub org: OrgRef,
}

/// How many paths of a gram are read at first; most words have a gram that is rarer than that.
const GLANCE: i64 = 150;
/// How many are read of words whose grams are all common.
const SCAN: i64 = 600;
/// How many candidates of a word are compared by name at most: reading a name costs more than
/// finding its path.
const COMPARED: usize = 100;
/// How many anchors are searched below.
const ANCHORS: usize = 12;
/// How many scopes one search may look into.
const TURNS: usize = 30;

/// The paths that have a gram, nearest the root first, and whether there are more.
struct List {
    paths: Vec<String>,
    cut: bool,
}
type Lists = HashMap<String, List>;

/// How far the search goes to find something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Effort {
    /// As typed, and abbreviations.
    Plain,
    /// With one wrong, missing or additional character.
    Typo,
}

/// Finds organisations, best first. Names are public to everybody who has signed in.
/// Errors: `Invalid` (`q`: `too_short`) for a single character.
pub async fn search(cx: &mut Cx, query: &Query) -> Result<Vec<Hit>> {
    if matches!(cx.who(), Who::Nobody) {
        return Err(Error::SignedOut);
    }
    let scope = Scope::subtree(query.under.as_deref().unwrap_or(""));
    let mut hits = by_code(cx, &query.text, &scope).await?;
    if hits.is_empty() {
        hits = by_words(cx, &query.text, &scope).await?;
    }
    let wanted = |found: &Found| {
        query.categories.is_empty() || query.categories.contains(&found.names.org.category)
    };
    hits.retain(wanted);
    hits.sort_by_cached_key(Found::rank);
    hits.truncate(query.limit.clamp(1, 50));
    shown(cx, hits).await
}

/// An organisation with how each word met it or its superiors.
#[derive(Clone)]
struct Found {
    names: Names,
    how: How,
    /// How many of the words name the organisation itself.
    own: usize,
}
impl Found {
    fn rank(&self) -> (How, usize, usize, usize, String) {
        let path = &self.names.org.path;
        let length = self.names.org.short_name.chars().count();
        (self.how, 8 - self.own.min(8), path.len(), length, path.clone())
    }
}

async fn by_code(cx: &mut Cx, text: &str, scope: &Scope) -> Result<Vec<Found>> {
    let Some(digits) = code::digits(text).filter(|d| (5..=9).contains(&d.len())) else {
        return Ok(Vec::new());
    };
    let found = search_sql::with_code(cx, &digits, 20).await?;
    let inside = found.into_iter().filter(|names| scope.holds(&names.org.path));
    Ok(inside.map(|names| Found { names, how: How::Code, own: 1 }).collect())
}

async fn by_words(cx: &mut Cx, text: &str, scope: &Scope) -> Result<Vec<Found>> {
    let words = Word::read(text);
    if words.iter().map(|w| w.text.chars().count()).sum::<usize>() < 2 {
        return Err(Error::field("q", "too_short", "请至少输入两个字,例如学校简称或拼音首字母。"));
    }
    let mut hunt = Hunt { turns: TURNS, chains: HashMap::new(), effort: Effort::Plain };
    let found = hunt.find(cx, scope, words.clone()).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    if let [word] = &words[..] {
        let found = hunt.find_in_pieces(cx, scope, word).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    hunt.effort = Effort::Typo;
    hunt.turns = TURNS;
    hunt.find(cx, scope, words).await
}

/// One search under way.
struct Hunt {
    turns: usize,
    /// Names at the paths met so far.
    chains: HashMap<String, Names>,
    effort: Effort,
}

impl Hunt {
    /// Organisations in `scope` that, with their superiors, meet all words.
    async fn find(&mut self, cx: &mut Cx, scope: &Scope, words: Vec<Word>) -> Result<Vec<Found>> {
        let mut open = vec![(scope.clone(), words)];
        let mut found: Vec<Found> = Vec::new();
        let mut seen = HashSet::new();
        while let Some((scope, words)) = open.pop() {
            if self.turns == 0 {
                break;
            }
            self.turns -= 1;
            let anchors = self.anchors(cx, &scope, &words).await?;
            self.learn_chains(cx, &anchors).await?;
            let mut below = Vec::new();
            for names in anchors {
                let (rest, own, how) = self.compare(&names, &words);
                if rest.is_empty() {
                    if seen.insert(names.org.path.clone()) {
                        found.push(Found { names, how, own });
                    }
                } else if below.len() < ANCHORS && rest.len() < words.len() {
                    let covered = |(scope, _): &(Scope, Vec<Word>)| scope.holds(&names.org.path);
                    if !below.iter().any(covered) {
                        below.push((Scope::subtree(&names.org.path), rest));
                    }
                }
            }
            open.extend(below.into_iter().rev());
            if found.len() >= 200 {
                break;
            }
        }
        Ok(found)
    }

    /// The organisations that the most telling word finds, nearest the root first.
    async fn anchors(&mut self, cx: &mut Cx, scope: &Scope, words: &[Word]) -> Result<Vec<Names>> {
        let all: BTreeSet<String> = words.iter().flat_map(|w| w.grams.iter().cloned()).collect();
        if all.is_empty() {
            // Words that stand everywhere: only a small subtree can be looked through.
            let near = search_sql::in_scope(cx, scope, 500).await?;
            return Ok(near
                .into_iter()
                .filter(|n| words.iter().any(|w| how(w, n, false).is_some()))
                .collect());
        }
        let asked: Vec<&BTreeSet<String>> = words.iter().map(|w| &w.grams).collect();
        let lists = lists_of(cx, all, scope, &asked).await?;
        let mut found = Vec::new();
        for word in words.iter().filter(|w| !w.grams.is_empty()) {
            let mut paths = candidates(&word.grams, &lists);
            if paths.is_empty() {
                paths = self.second_try(cx, scope, word, &lists).await?;
            }
            // A word that nothing in the scope has: all others would be searched in vain.
            let Some(first) = paths.first() else { return Ok(Vec::new()) };
            // Few matches say much; among many the one nearest the root says most.
            let many = paths.len() >= 50;
            let weight = if many { 1_000 * first.len() } else { paths.len() };
            found.push((weight, word, paths));
        }
        found.sort_by_key(|(weight, _, _)| *weight);
        for (_, word, paths) in found {
            let near = search_sql::at_paths(cx, &paths[..paths.len().min(COMPARED)]).await?;
            let loose = self.effort == Effort::Typo;
            let mut near: Vec<Names> =
                near.into_iter().filter(|n| how(word, n, loose).is_some()).collect();
            if !near.is_empty() {
                near.sort_by(|a, b| place(&a.org.path).cmp(&place(&b.org.path)));
                return Ok(near);
            }
        }
        Ok(Vec::new())
    }

    /// Where a word's own grams found nothing: as an abbreviation, and then with a slip.
    async fn second_try(
        &self,
        cx: &mut Cx,
        scope: &Scope,
        word: &Word,
        lists: &Lists,
    ) -> Result<Vec<String>> {
        let mut tries: Vec<BTreeSet<String>> = Vec::new();
        let length = word.text.chars().count();
        if (2..=8).contains(&length) && !word.is_letters {
            tries.push(grams::of_abbreviated(&word.text));
        }
        if self.effort == Effort::Typo {
            tries.extend(word.slips(|gram| lists.get(gram).is_some_and(|l| !l.paths.is_empty())));
        }
        let all = tries.iter().flatten().cloned().collect();
        let asked: Vec<&BTreeSet<String>> = tries.iter().collect();
        let lists = lists_of(cx, all, scope, &asked).await?;
        let mut found: Vec<String> = Vec::new();
        for grams in tries {
            found.extend(candidates(&grams, &lists).into_iter().take(COMPARED / 2));
        }
        found.sort_by(|a, b| place(a).cmp(&place(b)));
        found.dedup();
        Ok(found)
    }

    /// `合肥工业大学机械`: one word that names two organisations is cut where both halves find one.
    async fn find_in_pieces(
        &mut self,
        cx: &mut Cx,
        scope: &Scope,
        word: &Word,
    ) -> Result<Vec<Found>> {
        let characters: Vec<char> = word.text.chars().collect();
        let mut all = word.grams.clone();
        all.extend(grams::of_abbreviated(&word.text));
        let lists = read_lists(cx, all, scope, 1).await?;
        let exists = |gram: &String| lists.get(gram).is_some_and(|list| !list.paths.is_empty());
        // A piece that is nowhere need not be asked for.
        let stands = |piece: &Word| {
            piece.grams.iter().all(exists) || grams::of_abbreviated(&piece.text).iter().all(exists)
        };
        self.turns = TURNS / 2;
        for cut in (2..characters.len().saturating_sub(1)).rev() {
            let (first, second) = characters.split_at(cut);
            let text = format!(
                "{} {}",
                first.iter().collect::<String>(),
                second.iter().collect::<String>()
            );
            let pieces = Word::read(&text);
            if self.turns == 0 || !pieces.iter().all(stands) {
                continue;
            }
            let found = self.find(cx, scope, pieces).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// Reads the names of all superiors that are not known yet, in one statement.
    async fn learn_chains(&mut self, cx: &mut Cx, anchors: &[Names]) -> Result<()> {
        let mut unknown = BTreeSet::new();
        for names in anchors {
            let path = &names.org.path;
            let above = (1..super::depth_of(path)).filter_map(|n| path.get(..n * 3));
            unknown.extend(above.filter(|p| !self.chains.contains_key(*p)).map(str::to_owned));
        }
        let unknown: Vec<String> = unknown.into_iter().collect();
        if !unknown.is_empty() {
            for names in search_sql::at_paths(cx, &unknown).await? {
                self.chains.insert(names.org.path.clone(), names);
            }
        }
        Ok(())
    }

    /// The words that neither the organisation nor its superiors meet; how many it meets itself,
    /// and how well.
    fn compare(&self, names: &Names, words: &[Word]) -> (Vec<Word>, usize, How) {
        let loose = self.effort == Effort::Typo;
        let path = &names.org.path;
        let (mut rest, mut own, mut best) = (Vec::new(), 0, How::Worst);
        for word in words {
            if let Some(how) = how(word, names, loose) {
                own += 1;
                best = best.min(how);
                continue;
            }
            let above =
                (1..super::depth_of(path)).filter_map(|n| self.chains.get(path.get(..n * 3)?));
            if !above.into_iter().any(|n| how(word, n, loose).is_some()) {
                rest.push(word.clone());
            }
        }
        (rest, own, best)
    }
}

/// Nearest the root first, then in tree order: the order in which lists are read and cut off.
fn place(path: &str) -> (usize, &str) {
    (path.len(), path)
}

/// The lists of these grams inside the scope; short ones when every word has a rare gram.
async fn lists_of(
    cx: &mut Cx,
    grams: BTreeSet<String>,
    scope: &Scope,
    words: &[&BTreeSet<String>],
) -> Result<Lists> {
    let mut lists = read_lists(cx, grams, scope, GLANCE).await?;
    let is_cut = |gram: &String| lists.get(gram).is_some_and(|list| list.cut);
    let common: BTreeSet<String> = words
        .iter()
        .filter(|word| !word.is_empty() && word.iter().all(is_cut))
        .flat_map(|word| word.iter().cloned())
        .collect();
    lists.extend(read_lists(cx, common, scope, SCAN).await?);
    Ok(lists)
}

async fn read_lists(
    cx: &mut Cx,
    grams: BTreeSet<String>,
    scope: &Scope,
    limit: i64,
) -> Result<Lists> {
    let grams: Vec<String> = grams.into_iter().collect();
    if grams.is_empty() {
        return Ok(Lists::new());
    }
    let full = usize::try_from(limit).unwrap_or(usize::MAX);
    let found = search_sql::paths_with(cx, &grams, scope, limit).await?;
    let list = |paths: Vec<String>| List { cut: paths.len() >= full, paths };
    Ok(found.into_iter().map(|(gram, paths)| (gram, list(paths))).collect())
}

/// Paths that every gram has, judged by lists that may be cut off: behind a list's last path
/// nothing is known, and the names decide later.
fn candidates(grams: &BTreeSet<String>, lists: &Lists) -> Vec<String> {
    let mut lists: Vec<&List> = match grams.iter().map(|g| lists.get(g)).collect() {
        Some(lists) => lists,
        None => return Vec::new(),
    };
    lists.sort_by_key(|list| (list.cut, list.paths.len()));
    let Some((rarest, others)) = lists.split_first() else { return Vec::new() };
    let others: Vec<(HashSet<&str>, Option<&String>)> = others
        .iter()
        .map(|list| {
            let cut = list.cut.then(|| list.paths.last()).flatten();
            (list.paths.iter().map(String::as_str).collect(), cut)
        })
        .collect();
    let has = |path: &&String| {
        others.iter().all(|(set, cut)| {
            set.contains(path.as_str()) || cut.is_some_and(|last| place(path) > place(last))
        })
    };
    rarest.paths.iter().filter(has).cloned().collect()
}

/// Puts the names of the superiors to the hits.
async fn shown(cx: &mut Cx, hits: Vec<Found>) -> Result<Vec<Hit>> {
    let prefixes: BTreeSet<String> = hits
        .iter()
        .flat_map(|hit| {
            let path = &hit.names.org.path;
            (1..=super::depth_of(path)).filter_map(|n| path.get(..n * 3)).map(str::to_owned)
        })
        .collect();
    let prefixes: Vec<String> = prefixes.into_iter().collect();
    let names: HashMap<String, String> = super::sql::by_paths(cx, prefixes)
        .await?
        .into_iter()
        .map(|org| (org.path, org.short_name))
        .collect();
    let hit = |found: Found| {
        let org = found.names.org;
        let above = (1..=super::depth_of(&org.path)).filter_map(|n| org.path.get(..n * 3));
        Hit {
            full_path: above.filter_map(|p| names.get(p).cloned()).collect(),
            code: org.code.clone(),
            short_name: org.short_name.clone(),
            full_name: found.names.full_name,
            category_name: org.category.label().to_owned(),
            why: found.how.label().to_owned(),
            org,
        }
    };
    Ok(hits.into_iter().map(hit).collect())
}
