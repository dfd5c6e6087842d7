//! How typed text is folded before it is judged. Private to the rules room.

/// Full-width forms to half-width, every kind of space to one blank.
pub(super) fn half(raw: &str) -> String {
    raw.chars().map(half_char).collect()
}

fn half_char(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

/// True for characters that nobody means to type: controls, bidi marks, zero-width characters.
pub(super) fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Half-width, without any blank or invisible character: for numbers and codes.
pub(super) fn compact(raw: &str) -> String {
    if raw.bytes().all(|b| b.is_ascii_graphic()) {
        return raw.to_owned();
    }
    compacted(raw).collect()
}

fn compacted(raw: &str) -> impl Iterator<Item = char> {
    raw.chars().map(half_char).filter(|&c| c != ' ' && !invisible(c))
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
