//! Pinyin initials of names: 合肥工业大学 → hfgydx. For sorting and for finding; any room may call
//! it, for organisations and for people alike.

use pinyin::ToPinyin;

/// Words whose characters are read otherwise than each alone.
const READINGS: &[(&str, &str)] = &[
    ("重庆", "cq"),
    ("重点", "zd"),
    ("厦门", "xm"),
    ("长", "c"),
    ("校长", "xz"),
    ("银行", "yh"),
    ("音乐", "yy"),
    ("朝阳", "cy"),
    ("六安", "la"),
    ("台州", "tz"),
    ("蚌埠", "bb"),
    ("亳州", "bz"),
    ("什邡", "sf"),
    ("番禺", "py"),
    ("会计", "kj"),
    ("都江堰", "djy"),
    ("成都", "cd"),
    ("首都", "sd"),
    ("地质", "dz"),
    ("行政", "xz"),
    ("行业", "hy"),
    ("单县", "sx"),
    ("乐山", "ls"),
    ("乐清", "yq"),
];

/// Surnames that are read otherwise than the character usually is.
const SURNAMES: &[(char, char)] = &[
    ('单', 's'),
    ('仇', 'q'),
    ('曾', 'z'),
    ('解', 'x'),
    ('查', 'z'),
    ('区', 'o'),
    ('朴', 'p'),
    ('覃', 'q'),
    ('翟', 'z'),
    ('盖', 'g'),
    ('尉', 'y'),
    ('任', 'r'),
    ('缪', 'm'),
    ('乐', 'y'),
    ('重', 'c'),
    ('种', 'c'),
    ('黑', 'h'),
    ('盛', 's'),
    ('沈', 's'),
    ('员', 'y'),
    ('召', 's'),
    ('繁', 'p'),
    ('折', 's'),
    ('万', 'w'),
    ('燕', 'y'),
    ('谌', 'c'),
    ('洗', 'x'),
    ('冼', 'x'),
];

/// The initials of an organisation's name, in lower case; digits and Latin letters stand for
/// themselves, everything else is left out.
pub fn initials(text: &str) -> String {
    let mut out = String::with_capacity(text.len() / 3 + 1);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let known = READINGS.iter().filter(|(word, _)| rest.starts_with(word));
        if let Some((word, reading)) = known.max_by_key(|(word, _)| word.len()) {
            out.push_str(reading);
            rest = &rest[word.len()..];
            continue;
        }
        out.extend(initial(c));
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// The initials of a person's name: the first character is read as a surname.
pub fn person_initials(name: &str) -> String {
    let mut characters = name.chars();
    let Some(first) = characters.next() else { return String::new() };
    let surname = SURNAMES.iter().find(|(c, _)| *c == first).map(|(_, letter)| *letter);
    let given = characters.filter_map(initial);
    surname.or_else(|| initial(first)).into_iter().chain(given).collect()
}

fn initial(c: char) -> Option<char> {
    if c.is_ascii_alphanumeric() {
        return Some(c.to_ascii_lowercase());
    }
    // Full-width letters and digits.
    if let '\u{FF10}'..='\u{FF19}' | '\u{FF21}'..='\u{FF3A}' | '\u{FF41}'..='\u{FF5A}' = c {
        return char::from_u32(c as u32 - 0xFEE0).map(|c| c.to_ascii_lowercase());
    }
    c.to_pinyin().and_then(|reading| reading.first_letter().chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_their_initials() {
        assert_eq!(initials("合肥工业大学委员会"), "hfgydxwyh");
        assert_eq!(initials("2026级机械1班团支部"), "2026jjx1btzb");
        assert_eq!(initials("重庆市第八中学"), "cqsdbzx");
        assert_eq!(initials("长沙银行\u{FF21}座"), "csyhaz");
        assert_eq!(initials("(·)"), "");
    }

    #[test]
    fn surnames_have_their_own_readings() {
        assert_eq!(person_initials("单雨桐"), "syt");
        assert_eq!(person_initials("仇小明"), "qxm");
        assert_eq!(person_initials("阿依古丽·买买提"), "ayglmmt");
        assert_eq!(person_initials(""), "");
    }
}
