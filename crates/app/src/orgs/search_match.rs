//! How a typed word meets an organisation's names; pure functions, private to the room.

use super::{grams, pinyin, search_sql::Names};
use std::collections::BTreeSet;

/// How well a word meets a name, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    Code,
    Exact,
    Stem,
    Initials,
    Prefix,
    Inside,
    InitialsInside,
    FullName,
    Abbreviation,
    Slip,
    Worst,
}
impl How {
    /// Said beside the hit.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Code => "组织码",
            Self::Exact | Self::Stem | Self::Prefix | Self::Inside => "简称",
            Self::Initials | Self::InitialsInside => "拼音首字母",
            Self::FullName => "全称",
            Self::Abbreviation => "缩写",
            Self::Slip => "相近",
            Self::Worst => "上级组织",
        }
    }
}

/// A word of the query.
#[derive(Clone, Debug)]
pub(super) struct Word {
    /// Folded.
    pub(super) text: String,
    /// Latin letters (and digits) only: pinyin initials, most likely.
    pub(super) is_letters: bool,
    /// What it is found by; empty when it stands everywhere or is too short.
    pub(super) grams: BTreeSet<String>,
}

impl Word {
    /// The words of a query, at most six: cut at spaces, punctuation and signs.
    pub(super) fn read(text: &str) -> Vec<Self> {
        let cut = |c: char| {
            !c.is_alphanumeric() && !matches!(c, '·' | '(' | ')' | '\u{FF08}' | '\u{FF09}')
        };
        let words = text.split(cut).map(grams::fold).filter(|word| !word.is_empty());
        words.take(6).map(Self::new).collect()
    }

    fn new(text: String) -> Self {
        let text: String = text.chars().take(40).collect();
        let is_letters = text.is_ascii() && text.contains(|c: char| c.is_ascii_lowercase());
        let mut found = BTreeSet::new();
        match (is_letters, text.len()) {
            (true, 2) => grams::of_initials(&text, &mut found),
            (true, _) => grams::triples(&text, &mut found),
            _ => grams::of_word(&text, &mut found),
        }
        Self { text, is_letters, grams: found }
    }

    /// Sets of grams that one wrong character may have left: those that exist at all, those of
    /// either half, and the initials of the word (for another character of the same sound).
    pub(super) fn slips(&self, exists: impl Fn(&str) -> bool) -> Vec<BTreeSet<String>> {
        let characters: Vec<char> = self.text.chars().collect();
        if characters.len() < 3 {
            return Vec::new();
        }
        let known: BTreeSet<String> = self.grams.iter().filter(|g| exists(g)).cloned().collect();
        let mut sets = vec![known];
        let (first, second) = characters.split_at(characters.len() / 2);
        for half in [first, second] {
            let mut set = BTreeSet::new();
            let half: String = half.iter().collect();
            if self.is_letters {
                grams::triples(&half, &mut set);
            } else {
                grams::of_word(&half, &mut set);
            }
            sets.push(set);
        }
        if !self.is_letters {
            let mut set = BTreeSet::new();
            grams::triples(&pinyin::initials(&self.text), &mut set);
            sets.push(set);
        }
        sets.retain(|set| !set.is_empty() && *set != self.grams);
        sets.dedup();
        sets
    }
}

/// How `word` meets these names, `loose` allowing one slip; `None` when it doesn't.
pub(super) fn how(word: &Word, names: &Names, loose: bool) -> Option<How> {
    let text = word.text.as_str();
    let short = grams::fold(&names.org.short_name);
    let stem = grams::stem(&short);
    if short == text {
        return Some(How::Exact);
    }
    if stem == text || stem.trim_start_matches('团') == text {
        return Some(How::Stem);
    }
    if word.is_letters
        && let Some(at) = names.name_py.find(text)
    {
        let whole = pinyin::initials(stem) == text;
        return Some(match at {
            0 if whole => How::Initials,
            0 => How::Prefix,
            _ => How::InitialsInside,
        });
    }
    match short.find(text) {
        Some(0) => return Some(How::Prefix),
        Some(_) => return Some(How::Inside),
        None => {}
    }
    let full = grams::fold(&names.full_name);
    if full.contains(text) {
        return Some(How::FullName);
    }
    if !word.is_letters && abbreviates(text, stem) {
        return Some(How::Abbreviation);
    }
    if !loose {
        return None;
    }
    let near = if word.is_letters {
        nearly_inside(text, &names.name_py)
    } else {
        nearly_inside(text, &short) || nearly_inside(text, &full)
    };
    near.then_some(How::Slip)
}

/// Whether the characters of `short` stand in `long` in this order, the first one at its beginning
/// (or behind 团): 合工大, 合肥工业大学.
fn abbreviates(short: &str, long: &str) -> bool {
    if !(2..=8).contains(&short.chars().count()) || short.is_ascii() {
        return false;
    }
    let long = long.trim_start_matches('团');
    if !long.starts_with(short.chars().next().unwrap_or(' ')) {
        return false;
    }
    let mut rest = long.chars();
    short.chars().all(|c| rest.any(|d| d == c))
}

/// Whether `word` (at least three characters) stands in `text` with at most one character wrong,
/// missing or too many.
fn nearly_inside(word: &str, text: &str) -> bool {
    let word: Vec<char> = word.chars().collect();
    if word.len() < 3 {
        return false;
    }
    // Edit distance to the best part of the text: row[i] is that of the first i characters.
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for c in text.chars() {
        let mut diagonal = row[0];
        for (at, w) in word.iter().enumerate() {
            let change = diagonal + usize::from(*w != c);
            diagonal = row[at + 1];
            row[at + 1] = change.min(row[at] + 1).min(diagonal + 1);
        }
        if row[word.len()] <= 1 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_forgiven_and_two_are_not() {
        assert!(nearly_inside("合肥工叶大学", "合肥工业大学团委"));
        assert!(nearly_inside("合肥工大学", "合肥工业大学团委"));
        assert!(nearly_inside("合肥工工业大学", "合肥工业大学团委"));
        assert!(!nearly_inside("合非工叶大学", "合肥工业大学团委"));
        assert!(!nearly_inside("机", "机械"));
    }

    #[test]
    fn an_abbreviation_keeps_the_order_and_the_beginning() {
        assert!(abbreviates("合工大", "合肥工业大学"));
        assert!(abbreviates("皖", "安徽") == abbreviates("工大", "合肥工业大学"));
        assert!(!abbreviates("大工合", "合肥工业大学"));
    }

    #[test]
    fn words_that_stand_everywhere_have_no_grams() {
        let words = Word::read("合肥工业大学,机械 团支部 26");
        assert_eq!(words.len(), 4);
        assert!(words[0].grams.len() == 5 && !words[1].grams.is_empty());
        assert!(words[2].grams.is_empty() && words[3].grams.is_empty());
    }
}
