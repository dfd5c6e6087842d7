//! Number formats that show more than the number: text around the digits (`"+86 "0`), digits in
//! groups (`000 0000 0000`), a fixed number of decimals (`0.00`). Pure; used by the style sheets.

/// What a number format puts around and between the digits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Dress {
    /// From left to right, before the decimal point.
    pieces: Vec<Piece>,
    decimals: u8,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(String),
    /// A place of a digit; filled with 0 when the number is shorter.
    Must,
    /// A place of a digit, left out when the number is shorter.
    May,
}

/// Longer formats are nobody's numbers.
const LONGEST: usize = 64;

impl Dress {
    /// The dress of a format; `None` when the format shows nothing but the number, or is of a kind
    /// whose number is what counts (thousands, per cent, powers, fractions, text).
    pub(crate) fn of(format: &str) -> Option<Self> {
        let positive = format.split(';').next()?;
        if positive.len() > LONGEST || positive.to_ascii_lowercase().contains("general") {
            return None;
        }
        let (mut pieces, mut decimals, mut after_point) = (Vec::new(), 0_u8, false);
        let mut chars = positive.chars();
        while let Some(c) = chars.next() {
            let text = match c {
                '0' | '#' | '?' if after_point => {
                    decimals = decimals.checked_add(u8::from(c == '0'))?;
                    if c != '0' {
                        return None;
                    }
                    continue;
                }
                '0' => {
                    pieces.push(Piece::Must);
                    continue;
                }
                '#' | '?' => {
                    pieces.push(Piece::May);
                    continue;
                }
                '.' if !after_point => {
                    after_point = true;
                    continue;
                }
                '"' => chars.by_ref().take_while(|c| *c != '"').collect(),
                '\\' => chars.next()?.to_string(),
                // Room as wide as the next character, or filled with it.
                '_' | '*' => {
                    chars.next();
                    continue;
                }
                // A colour or a language; a condition would choose among formats.
                '[' => {
                    let group: String = chars.by_ref().take_while(|c| *c != ']').collect();
                    if group.starts_with(['<', '>', '=']) {
                        return None;
                    }
                    continue;
                }
                ',' | '%' | '@' | '/' | 'E' | 'e' => return None,
                other => other.to_string(),
            };
            if after_point {
                return None;
            }
            pieces.push(Piece::Text(text));
        }
        let places = pieces.iter().filter(|piece| !matches!(piece, Piece::Text(_))).count();
        let dressed = pieces.iter().any(|p| matches!(p, Piece::Text(t) if !t.trim().is_empty()));
        let grouped = pieces.iter().any(|p| matches!(p, Piece::Text(_))) && places > 1;
        (places > 0 && (dressed || grouped || decimals > 0)).then_some(Self { pieces, decimals })
    }

    /// What a person sees; `None` for numbers that the format does not show digit by digit.
    pub(crate) fn show(&self, value: f64) -> Option<String> {
        if !(0.0..1e15).contains(&value) {
            return None;
        }
        let plain = format!("{value:.*}", usize::from(self.decimals));
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut digits: Vec<char> = whole.chars().collect();
        let first = self.pieces.iter().position(|piece| !matches!(piece, Piece::Text(_)))?;
        let mut backwards: Vec<char> = Vec::new();
        for (at, piece) in self.pieces.iter().enumerate().rev() {
            match piece {
                Piece::Text(text) => backwards.extend(text.chars().rev()),
                // The leftmost place takes all digits that are left.
                _ if at == first && !digits.is_empty() => backwards.extend(digits.drain(..).rev()),
                Piece::Must => backwards.push(digits.pop().unwrap_or('0')),
                Piece::May => backwards.extend(digits.pop()),
            }
        }
        let mut shown: String = backwards.into_iter().rev().collect();
        if self.decimals > 0 {
            shown = format!("{shown}.{fraction}");
        }
        Some(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: &str, value: f64) -> Option<String> {
        Dress::of(format).and_then(|dress| dress.show(value))
    }

    #[test]
    fn a_number_is_shown_as_its_format_shows_it() {
        assert_eq!(shown("\"+86\"0", 13_800_138_000.0).as_deref(), Some("+8613800138000"));
        assert_eq!(shown("\"2021\"00000000", 34_000_123.0).as_deref(), Some("202134000123"));
        assert_eq!(shown("\"2021\"00000000", 123.0).as_deref(), Some("202100000123"));
        assert_eq!(shown("000\\ 0000\\ 0000", 13_800_138_000.0).as_deref(), Some("138 0013 8000"));
        assert_eq!(shown("000-0000-0000", 13_800_138_000.0).as_deref(), Some("138-0013-8000"));
        assert_eq!(shown("0.00", 2021.1).as_deref(), Some("2021.10"));
        assert_eq!(shown("0.00_ ", 2021.05).as_deref(), Some("2021.05"));
    }

    #[test]
    fn formats_that_add_nothing_dress_nothing() {
        for format in ["0", "#", "General", "@", "#,##0", "0%", "0.00E+00", "[>5]0;0.0", "# ?/?"] {
            assert_eq!(shown(format, 5.0), None, "{format}");
        }
    }
}
