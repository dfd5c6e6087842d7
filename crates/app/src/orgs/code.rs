//! 组织码: what people see, type and read out instead of an id. Nine digits, the last one a check
//! digit, so that a slip of the finger is told at once. Any room may call it.

use crate::rules::fields;

const SPAN: u64 = 90_000_000;
const FIRST: u64 = 10_000_000;

/// The code with this number, for generators of whole trees: different numbers below 90 million
/// give different codes, and neighbours look unlike each other.
pub fn nth(number: u64) -> String {
    // The factor has no divisor in common with the span, so the mapping is one-to-one.
    with_check(FIRST + number % SPAN * 7_654_321 % SPAN)
}

/// A code drawn by chance; the caller asks whether it is still free.
pub fn drawn(chance: [u8; 8]) -> String {
    with_check(FIRST + u64::from_be_bytes(chance) % SPAN)
}

/// What somebody typed as a code: spaces, hyphens and full-width digits are fine.
/// `None` unless it has nine digits and the check digit is right.
pub fn read(typed: &str) -> Option<String> {
    let digits = digits(typed)?;
    let (body, check) = digits.split_at_checked(8)?;
    (digits.len() == 9 && check == check_digit(body).to_string()).then_some(digits)
}

/// The digits of a code or of the beginning of one; `None` when anything else is in it. A label
/// before it (`组织码：`), the marks around it and the rest of an address are left aside.
pub fn digits(typed: &str) -> Option<String> {
    let text = fields::plain(typed);
    let text = match text.split_once("/o/") {
        Some((_, rest)) => rest.split(['/', '?', '#', ' ']).next().unwrap_or_default(),
        None => text.trim(),
    };
    let label = |c: char| {
        matches!(
            c,
            '组' | '织'
                | '团'
                | '编'
                | '代'
                | '码'
                | '号'
                | '为'
                | '是'
                | ':'
                | '('
                | ')'
                | '【'
                | '】'
                | '['
                | ']'
                | '#'
                | '。'
                | ','
                | ' '
        )
    };
    let bare = text.trim_matches(label);
    let mut out = String::with_capacity(9);
    for c in bare.chars() {
        match c {
            '0'..='9' => out.push(c),
            ' ' | '-' | '‐' | '‑' | '–' | '—' => {}
            _ => return None,
        }
    }
    (!out.is_empty()).then_some(out)
}

/// `1026-5512-3`: how a code is shown.
pub fn show(code: &str) -> String {
    match (code.get(..4), code.get(4..8), code.get(8..)) {
        (Some(a), Some(b), Some(c)) => format!("{a}-{b}-{c}"),
        _ => code.to_owned(),
    }
}

fn with_check(body: u64) -> String {
    let body = body.to_string();
    format!("{body}{}", check_digit(&body))
}

/// ISO 7064, MOD 11,10: finds every single wrong digit and nearly every swap of neighbours.
fn check_digit(body: &str) -> u32 {
    let rest = body.chars().filter_map(|c| c.to_digit(10)).fold(10, |rest, digit| {
        let sum = (rest + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - rest) % 10
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn different_numbers_give_different_codes_of_nine_digits() {
        let codes: HashSet<String> = (0..100_000).map(nth).collect();
        assert_eq!(codes.len(), 100_000);
        assert!(codes.iter().all(|c| c.len() == 9 && read(c).as_ref() == Some(c)));
    }

    #[test]
    fn every_single_wrong_digit_is_noticed() {
        let code = nth(4_711);
        for at in 0..9 {
            for digit in '0'..='9' {
                let mut wrong: Vec<char> = code.chars().collect();
                if wrong[at] != digit {
                    wrong[at] = digit;
                    assert_eq!(read(&wrong.iter().collect::<String>()), None);
                }
            }
        }
    }

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let code = nth(7);
        assert_eq!(read(&show(&code)), Some(code.clone()));
        assert_eq!(read(&format!(" {} {} ", &code[..4], &code[4..])), Some(code.clone()));
        for typed in [
            format!("组织码：{}", show(&code)),
            format!("组织码 {code}。"),
            format!("（{code}）"),
            format!("https://tuan.example/o/{code}/members?q=1"),
            format!("\u{200B}{code}\u{FEFF}"),
        ] {
            assert_eq!(read(&typed), Some(code.clone()), "{typed}");
        }
        assert_eq!(read("机械"), None);
        assert_eq!(digits("1026"), Some("1026".into()));
    }
}
