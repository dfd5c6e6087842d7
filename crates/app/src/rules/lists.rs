//! Public code lists (民族, 政治面貌, 学历, 团干部性质) and the words for yes, no and nothing.
//! Forms draw their choices from here; imports find codes by name, synonym or code.

use serde::Deserialize;
use std::collections::BTreeMap;

use super::{Column, Validity, text};

/// The lists of codes.toml.
#[derive(Debug, Deserialize)]
pub struct Codes {
    /// First two digits of ID numbers.
    pub id_regions: Vec<String>,
    /// Oldest year of birth that is believed.
    pub oldest_birth_year: i16,
    blanks: Vec<String>,
    yes: Vec<String>,
    no: Vec<String>,
    /// What is written where somebody holds no post.
    pub no_post: Vec<String>,
    /// Posts of the class, which are none of the League.
    pub class_posts: Vec<String>,
    /// What may stand before a post's name.
    pub post_prefixes: Vec<String>,
    /// Words beside an education that say nothing about it.
    pub education_fillers: Vec<String>,
    /// What people write before a value, besides the titles of its column.
    pub labels: BTreeMap<Column, Vec<String>>,
    /// How names are written.
    pub name: NameRule,
    /// How mobile numbers begin.
    pub mobile: MobileRule,
    /// GB/T 3304.
    pub ethnic: Vec<CodeRow>,
    /// GB/T 4762.
    pub political: Vec<CodeRow>,
    /// The short list of GB/T 4658.
    pub education: Vec<CodeRow>,
    /// 专职, 兼职, 挂职.
    pub post_nature: Vec<CodeRow>,
}

/// One code with its name and synonyms.
#[derive(Debug, Deserialize)]
pub struct CodeRow {
    /// The stored code.
    pub code: String,
    /// The word on pages.
    pub name: String,
    /// Other words that mean the same.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Words that mean it in the opinion of most; whoever wrote one is told how it was read.
    #[serde(default)]
    pub noted: Vec<String>,
    /// The standard's code in letters.
    #[serde(default)]
    pub letters: Option<String>,
    /// False: accepted in files, not offered in a picker.
    #[serde(default = "yes")]
    pub listed: bool,
    /// When the row counts.
    #[serde(flatten)]
    pub validity: Validity,
}

/// Length of a name and the dots that may divide it.
#[derive(Debug, Deserialize)]
pub struct NameRule {
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// Characters that are stored as U+00B7.
    pub dots: Vec<char>,
}

/// Shape of a mobile number.
#[derive(Debug, Deserialize)]
pub struct MobileRule {
    /// Number of digits.
    pub length: usize,
    /// Accepted beginnings.
    pub prefixes: Vec<String>,
}

impl Codes {
    /// True for an empty cell and for what people type to say "nothing" (无, /, -).
    pub fn is_blank(&self, raw: &str) -> bool {
        // Asked for every cell: most are told by their first character.
        let Some(first) = text::first(raw) else { return true };
        let may_be = |word: &&String| text::first(word) == Some(first);
        self.blanks.iter().filter(may_be).any(|word| text::same(raw, word))
    }

    /// Yes or no in any usual spelling; `None` when it is neither.
    pub fn yes_no(&self, raw: &str) -> Option<bool> {
        let key = text::key(raw);
        let key = text::whole(&key);
        if self.yes.iter().any(|word| word == key) {
            Some(true)
        } else if self.no.iter().any(|word| word == key) {
            Some(false)
        } else {
            None
        }
    }
}

/// The row that a typed word means: by name, synonym, or code. Several words that say the same
/// (`01 汉族`, `大学本科/学士`) are one.
pub fn find<'a>(rows: &'a [CodeRow], raw: &str) -> Option<&'a CodeRow> {
    find_by(&text::key(raw), &|word| one(rows, word), &[])
}

/// As [`find`], with a way of its own to find a word, and with words that say nothing.
pub(super) fn find_by<'a>(
    key: &str,
    one: &dyn Fn(&str) -> Option<&'a CodeRow>,
    fillers: &[String],
) -> Option<&'a CodeRow> {
    let alone = |word: &str| one(word).or_else(|| one(without(word, fillers)?));
    alone(key).or_else(|| {
        let parts = parts(key).into_iter().filter(|part| !fillers.iter().any(|f| f == part));
        let mut rows = parts.map(alone);
        let first = rows.next()??;
        rows.all(|row| row.is_some_and(|row| row.code == first.code)).then_some(first)
    })
}

pub(super) fn one<'a>(rows: &'a [CodeRow], key: &str) -> Option<&'a CodeRow> {
    let digits = text::whole(key);
    if key.is_empty() {
        return None;
    }
    rows.iter().find(|row| {
        text::same(&row.name, key)
            || row.aliases.iter().any(|alias| text::same(alias, key))
            || row.noted.iter().any(|word| text::same(word, key))
            || row.letters.as_ref().is_some_and(|code| text::same(code, key))
            || row.code == digits
            || (text::all_digits(digits) && row.code.trim_start_matches('0') == digits)
    })
}

/// The words in a word: what stands between brackets and marks, and digits beside it.
fn parts(key: &str) -> Vec<&str> {
    let marks = |c: char| {
        text::hyphen(c)
            || matches!(
                c,
                '(' | ')'
                    | '['
                    | ']'
                    | '【'
                    | '】'
                    | '〔'
                    | '〕'
                    | '/'
                    | '、'
                    | ','
                    | ';'
                    | '|'
                    | ':'
            )
    };
    let mut found = Vec::new();
    for word in key.split(marks).filter(|word| !word.is_empty()) {
        let digit = |c: char| c.is_ascii_digit();
        let cut = match word.starts_with(digit) {
            true => word.find(|c| !digit(c)),
            false => word.find(digit),
        };
        let (before, behind) = word.split_at(cut.unwrap_or(word.len()));
        found.extend([before, behind].into_iter().filter(|part| !part.is_empty()));
    }
    found
}

/// The word without one filler before and behind; `None` when there is none.
fn without<'a>(word: &'a str, fillers: &[String]) -> Option<&'a str> {
    let longest = |rests: Vec<&'a str>| rests.into_iter().min_by_key(|rest| rest.len());
    let before = longest(fillers.iter().filter_map(|f| word.strip_prefix(f.as_str())).collect());
    let rest = before.unwrap_or(word);
    let behind = longest(fillers.iter().filter_map(|f| rest.strip_suffix(f.as_str())).collect());
    behind.or(before).filter(|rest| !rest.is_empty())
}

impl CodeRow {
    /// What is told to whoever wrote that word; `None` when it needs no word.
    pub fn note(&self, raw: &str) -> Option<String> {
        let wrote = |word: &&String| text::key(raw).contains(text::key(word).as_str());
        let word = self.noted.iter().find(wrote)?;
        Some(format!("“{word}”按“{}”读取", self.name))
    }
}

/// The name that belongs to a stored code; `None` for an unknown code.
pub fn name_of<'a>(rows: &'a [CodeRow], code: &str) -> Option<&'a str> {
    rows.iter().find(|row| row.code == code).map(|row| row.name.as_str())
}

pub(super) fn yes() -> bool {
    true
}
