//! How typed text is folded before it is judged: full width, look-alike characters, what nobody sees.
//! The pairs of look-alikes are data (`crates/app/rules/folding.toml`).

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::{Column, Rules};
use serde::Deserialize;
use unicode_normalization::{UnicodeNormalization, char::decompose_canonical};

/// Full-width letters and digits, which Chinese keyboards make, as plain ones.
pub(crate) fn half_width(c: char) -> char {
    match u32::from(c) {
        n @ 0xFF01..=0xFF5E => char::from_u32(n - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

#[derive(Deserialize)]
struct File {
    radicals: Vec<String>,
    private: Vec<String>,
    ex: HashSet<char>,
    zero: HashSet<char>,
    hyphens: HashSet<char>,
}

struct Folding {
    /// What looks the same and is meant.
    alike: HashMap<char, char>,
    ex: HashSet<char>,
    zero: HashSet<char>,
    hyphens: HashSet<char>,
}

static FOLDING: LazyLock<Folding> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../rules/folding.toml"))
        .expect("a test reads the embedded file");
    let pair = |pair: &String| {
        let mut both = pair.chars();
        Some((both.next()?, both.next()?))
    };
    Folding {
        alike: file.radicals.iter().chain(&file.private).filter_map(pair).collect(),
        ex: file.ex,
        zero: file.zero,
        hyphens: file.hyphens,
    }
});

/// Full-width forms to half-width, every kind of space to one blank, radicals and compatibility
/// ideographs to the characters that they look like.
pub(super) fn half(raw: &str) -> String {
    raw.chars().map(half_one).collect()
}

pub(super) fn half_one(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        '\u{2E80}'..='\u{2FDF}' | '\u{E000}'..='\u{FAFF}' | '\u{2F800}'..='\u{2FA1F}' => {
            look_alike(c)
        }
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

fn look_alike(c: char) -> char {
    if let Some(meant) = FOLDING.alike.get(&c) {
        return *meant;
    }
    let mut meant = c;
    decompose_canonical(c, |part| meant = part);
    meant
}

/// Letters with their marks as one character each, as keyboards write them.
pub(super) fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// True for a character of the private use area: every computer shows another one, or none.
pub(super) fn private(c: char) -> bool {
    matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFD}')
}

/// True for characters that nobody means to type: controls, bidi marks, zero-width characters.
pub(super) fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// True for what is never taken away silently, because the rest would not be what was seen:
/// controls, marks that turn the direction round, tags, what is left of broken text.
pub(super) fn deceptive(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c, '\u{202B}' | '\u{202E}' | '\u{2067}' | '\u{FFF9}'..='\u{FFFD}' | '\u{E0000}'..='\u{E007F}')
}

/// True for what no text that is stored may contain. Line ends and tabs are text; the selectors
/// that make a heart red are harmless.
pub(crate) fn unfit(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' | '\u{FE00}'..='\u{FE0F}' | '\u{3000}' => false,
        c => invisible(c) || deceptive(c),
    }
}

/// The text without what stands around a number: a label (`身份证：`, `No.`), quotes and brackets.
/// Half-width, without blanks and marks that nobody sees.
pub(super) fn number(raw: &str, column: Column, rules: &Rules) -> String {
    if raw.bytes().all(|b| b.is_ascii_digit()) {
        return raw.to_owned();
    }
    if raw.chars().any(deceptive) {
        return raw.to_owned();
    }
    let text = compact(raw);
    let bare = text.trim_matches(around);
    let labels = rules.labels(column);
    let label = labels.filter_map(|label| after(bare, label)).min_by_key(|rest| rest.len());
    let labelled = label.map(|rest| rest.trim_start_matches(between));
    let rest = labelled.filter(|rest| rest.starts_with(|c: char| c == '+' || c.is_ascii_digit()));
    let rest = rest.unwrap_or(bare);
    rest.chars().map(|c| if FOLDING.zero.contains(&c) { '0' } else { c }).collect()
}

pub(super) fn around(c: char) -> bool {
    matches!(
        c,
        '\'' | '"'
            | '`'
            | '´'
            | '‘'
            | '’'
            | '“'
            | '”'
            | '='
            | '['
            | ']'
            | '【'
            | '】'
            | ';'
            | ','
            | '。'
    )
}

pub(super) fn between(c: char) -> bool {
    around(c) || matches!(c, ':' | '.' | '-' | '#' | '(' | ')' | '为' | '是' | '、' | '—' | '·')
}

/// What follows a label at the beginning, whatever its case.
pub(super) fn after<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for c in folded(label) {
        if !rest.next()?.to_lowercase().eq([c]) {
            return None;
        }
    }
    Some(rest.as_str())
}

/// The X of an ID number in all its shapes.
pub(super) fn ex(c: char) -> bool {
    matches!(c, 'x' | 'X') || FOLDING.ex.contains(&c)
}

/// What people write between the digits of a number.
pub(super) fn hyphen(c: char) -> bool {
    FOLDING.hyphens.contains(&c)
}

/// Whether a letter was typed where a digit was meant, most likely.
pub(super) fn digit_meant(c: char) -> Option<char> {
    match c {
        'O' | 'o' | 'Q' | 'D' | 'О' | 'о' | 'Ο' | 'ο' => Some('0'),
        'l' | 'I' | 'i' | '|' | 'L' | 'Ⅰ' | 'ⅰ' => Some('1'),
        _ => None,
    }
}

/// Half-width, without any blank or invisible character: for numbers and codes.
pub(super) fn compact(raw: &str) -> String {
    if raw.bytes().all(|b| b.is_ascii_graphic()) {
        return raw.to_owned();
    }
    compacted(raw).collect()
}

fn compacted(raw: &str) -> impl Iterator<Item = char> {
    raw.chars().map(half_one).filter(|&c| c != ' ' && !invisible(c))
}

/// `compact` in lower case: for comparing with lists.
pub(super) fn key(raw: &str) -> String {
    folded(raw).collect()
}

/// Whether both mean the same word: as comparing their [`key`]s, without writing them down. Lists
/// are gone through for every cell of an import.
pub(super) fn same(a: &str, b: &str) -> bool {
    a == b || folded(a).eq(folded(b))
}

/// The first character of the [`key`].
pub(super) fn first(raw: &str) -> Option<char> {
    folded(raw).next()
}

fn folded(raw: &str) -> impl Iterator<Item = char> {
    compacted(raw).flat_map(|c| {
        // Most characters are Chinese; asking the tables about them is most of the work.
        let caseless = ('\u{2E80}'..='\u{9FFF}').contains(&c);
        let lower = (!caseless).then(|| c.to_lowercase());
        caseless.then_some(c).into_iter().chain(lower.into_iter().flatten())
    })
}

/// Drops the `.0` that a spreadsheet adds to a whole number.
pub(super) fn whole(text: &str) -> &str {
    match text.split_once('.') {
        Some((digits, zeros)) if all_digits(digits) && zeros.bytes().all(|b| b == b'0') => digits,
        _ => text,
    }
}

/// One or more ASCII digits and nothing else.
pub(super) fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `3.40104E+17`: a number that a spreadsheet shortened, its last digits are lost.
pub(super) fn scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let exponent = exponent.trim_start_matches('+');
    all_digits(exponent)
        && exponent.len() <= 3
        && mantissa.starts_with(|c: char| c.is_ascii_digit())
        && mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
