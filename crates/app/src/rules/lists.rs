//! Public code lists (民族, 政治面貌, 学历, 团干部性质) and the words for yes, no and nothing.
//! Forms draw their choices from here; imports find codes by name, synonym or code.

use serde::Deserialize;

use super::{Validity, text};

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

/// The row that a typed word means: by name, synonym, or code.
pub fn find<'a>(rows: &'a [CodeRow], raw: &str) -> Option<&'a CodeRow> {
    let key = text::key(raw);
    let digits = text::whole(&key);
    if key.is_empty() {
        return None;
    }
    rows.iter().find(|row| {
        text::same(&row.name, &key)
            || row.aliases.iter().any(|alias| text::same(alias, &key))
            || row.code == digits
            || (text::all_digits(digits) && row.code.trim_start_matches('0') == digits)
    })
}

/// The name that belongs to a stored code; `None` for an unknown code.
pub fn name_of<'a>(rows: &'a [CodeRow], code: &str) -> Option<&'a str> {
    rows.iter().find(|row| row.code == code).map(|row| row.name.as_str())
}

pub(super) fn yes() -> bool {
    true
}
