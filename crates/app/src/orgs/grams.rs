//! What of an organisation's names is in the search index, and how typed words are folded.
//! `create`, `edit`, `search` and generators of whole trees share it; see docs/decisions.

use super::{Category, pinyin};
use std::collections::BTreeSet;

/// Pairs that stand in nearly every name: they find nothing and would fill the index.
const EVERYWHERE: &[&str] = &["团支", "支部", "委员", "员会", "tzb", "wyh"];
/// What all full names begin with.
const LEAGUE: &str = "中国共产主义青年团";
/// Usual endings of names, longest first: what is left is what people say.
const ENDINGS: &[&str] = &[
    "支部委员会",
    "工作委员会",
    "总支部委员会",
    "委员会",
    "总支部",
    "团工委",
    "团总支",
    "团支部",
    "团委",
    "总支",
    "支部",
    "工委",
    "委",
];

/// Folded for comparison: half-width, lower case, without spaces and punctuation.
pub(super) fn fold(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
            c => c,
        })
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The name without its usual ending: 合肥工业大学委员会 → 合肥工业大学.
pub fn stem(name: &str) -> &str {
    let ending = ENDINGS.iter().find(|e| name.ends_with(*e) && name.len() > e.len() + 3);
    ending.map_or(name, |e| &name[..name.len() - e.len()])
}

/// The rows of `org_gram` for an organisation. `parent_full` is the full name of its superior
/// (empty for the root): what it repeats of that is not indexed again, or every class would stand
/// under the name of its university.
pub fn of_org(short: &str, full: &str, parent_full: &str, category: Category) -> Vec<String> {
    let mut grams = BTreeSet::new();
    let short = fold(short);
    of_word(&short, &mut grams);
    let (full, parent_full) = (fold(full), fold(parent_full));
    let own = own_part(&full, &parent_full);
    if !short.contains(own) {
        of_word(own, &mut grams);
    }
    of_initials(&pinyin::initials(&short), &mut grams);
    if !category.owns_members() {
        of_abbreviations(stem(&short), &mut grams);
    }
    grams.into_iter().collect()
}

/// The part of a full name that the superior's does not already say.
fn own_part<'a>(full: &'a str, parent_full: &str) -> &'a str {
    let common: usize = full
        .chars()
        .zip(parent_full.chars())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let rest = &full[common..];
    rest.strip_prefix(LEAGUE).unwrap_or(rest)
}

/// The grams that a folded word of Chinese characters and digits is found by: pairs of
/// neighbours, and runs of three or more digits as one.
pub(super) fn of_word(word: &str, grams: &mut BTreeSet<String>) {
    let characters: Vec<char> = word.chars().collect();
    for pair in characters.windows(2) {
        if pair.iter().all(char::is_ascii_digit) {
            continue;
        }
        let gram: String = pair.iter().collect();
        if !EVERYWHERE.contains(&gram.as_str()) {
            grams.insert(gram);
        }
    }
    for run in characters.split(|c| !c.is_ascii_digit()).filter(|run| run.len() > 2) {
        grams.insert(run.iter().collect());
    }
}

/// The grams of pinyin initials: triples of letters, and `^` with the first two.
pub(super) fn of_initials(initials: &str, grams: &mut BTreeSet<String>) {
    let bytes = initials.as_bytes();
    if let [a @ b'a'..=b'z', b @ b'a'..=b'z', ..] = bytes {
        grams.insert(format!("^{}{}", char::from(*a), char::from(*b)));
    }
    triples(initials, grams);
}

/// Triples of letters.
pub(super) fn triples(letters: &str, grams: &mut BTreeSet<String>) {
    for run in letters.split(|c: char| !c.is_ascii_lowercase()) {
        for at in 0..run.len().saturating_sub(2) {
            let gram = &run[at..at + 3];
            if !EVERYWHERE.contains(&gram) {
                grams.insert(gram.to_owned());
            }
        }
    }
}

/// Pairs a few characters apart, so that 合工大 finds 合肥工业大学; `~` marks them.
fn of_abbreviations(stem: &str, grams: &mut BTreeSet<String>) {
    let characters: Vec<char> = stem.chars().filter(|c| !c.is_ascii()).take(16).collect();
    for (at, first) in characters.iter().enumerate() {
        for second in characters.iter().skip(at + 1).take(4) {
            grams.insert(format!("~{first}{second}"));
        }
    }
}

/// The grams by which an abbreviation such as 合工大 is found.
pub(super) fn of_abbreviated(word: &str) -> BTreeSet<String> {
    let characters: Vec<char> = word.chars().collect();
    characters.windows(2).map(|pair| format!("~{}{}", pair[0], pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_not_indexed_under_the_name_of_its_university() {
        let grams = of_org(
            "2026级机械1班团支部",
            "中国共产主义青年团合肥工业大学机械工程学院2026级机械1班支部",
            "中国共产主义青年团合肥工业大学机械工程学院委员会",
            Category::Branch,
        );
        assert!(grams.contains(&"机械".to_owned()) && grams.contains(&"2026".to_owned()));
        assert!(!grams.contains(&"合肥".to_owned()) && !grams.contains(&"支部".to_owned()));
        assert!(grams.len() < 20, "{grams:?}");
    }

    #[test]
    fn every_part_of_a_name_is_in_its_grams() {
        let full = "中国共产主义青年团合肥工业大学委员会";
        let grams =
            of_org("合肥工业大学团委", full, "中国共产主义青年团安徽省委员会", Category::Committee);
        for gram in ["合肥", "业大", "^hf", "gyd", "~合工", "~工大"] {
            assert!(grams.contains(&gram.to_owned()), "{gram} in {grams:?}");
        }
    }

    #[test]
    fn names_are_folded_and_stemmed() {
        assert_eq!(fold(" 2026级 机械(1)班-A"), "2026级机械1班a");
        assert_eq!(stem("合肥工业大学委员会"), "合肥工业大学");
        assert_eq!(stem("团委"), "团委");
    }
}
