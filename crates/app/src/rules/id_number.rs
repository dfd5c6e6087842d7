//! Reading an ID number (身份证号码, domain i1) however it was typed: full-width, lower-case x,
//! spaces, 15 digits. Used by entry, import, registration and sign-in. Messages never repeat it.

use jiff::civil::Date;

use super::text::{self, all_digits, digit_meant, scientific, whole};
use super::{Clean, Column, Problem, Rules};
use crate::pii::{IdNumber, check_char};

/// Reads a typed ID number. `today` refuses births in the future.
/// Problem codes: see [`read`].
pub fn parse(raw: &str, today: Date) -> Result<IdNumber, Problem> {
    read(raw, false, today).map(|clean| clean.value)
}

/// Reads a typed ID number or a cell (`was_number`: the cell held a number) and says what was tidied.
/// Problem codes: `required`, `id_lost_digits`, `id_length`, `id_character`, `id_birth`,
/// `id_region`, `id_checksum`.
pub fn read(raw: &str, was_number: bool, today: Date) -> Result<Clean<IdNumber>, Problem> {
    let text = text::number(raw, Column::IdNumber, Rules::builtin());
    let text: String = text.chars().map(|c| if text::ex(c) { 'X' } else { c }).collect();
    if text.is_empty() {
        return Err(Problem::required(Column::IdNumber));
    }
    if lost_digits(&text, was_number) {
        return Err(problem(
            "id_lost_digits",
            "证件号被表格当作数字存了起来,末尾几位已经丢失,无法恢复。请把这一格设为文本格式后重新填写 18 位证件号。",
        ));
    }
    let text = if was_number { whole(&text) } else { &text };
    let text: String = text.chars().filter(|c| !text::hyphen(*c)).collect();
    let text = text.as_str();
    let mut notes = Vec::new();
    if text != raw.trim() {
        notes.push(tidied(raw));
    }
    let full = match text.chars().count() {
        18 => text.to_owned(),
        15 if all_digits(text) => {
            notes.push("15 位证件号换算为 18 位".to_owned());
            lengthen(text)
        }
        36 if text.get(..17).is_some_and(all_digits) => {
            let message = "这一格里有两个证件号，请只留本人的一个。";
            return Err(problem("id_length", message));
        }
        n => {
            return Err(problem(
                "id_length",
                format!("证件号应为18位，这里是{n}位，请核对是否漏填或多填。"),
            ));
        }
    };
    check(&full, today)?;
    match IdNumber::from_stored(&full) {
        Some(value) => Ok(Clean { value, notes }),
        // Three zeros at the end of a wrong number are what a spreadsheet leaves of the last digits.
        None if full.ends_with("000") => Err(problem(
            "id_lost_digits",
            "证件号末尾的三个 0 多半是表格丢失了原来的数字。请把这一格设为文本格式后重新填写。",
        )),
        None => Err(problem("id_checksum", "证件号校验位不符,请与身份证原件逐位核对。")),
    }
}

/// True when a spreadsheet has rounded the number: more than 15 digits do not fit into its numbers.
fn lost_digits(text: &str, was_number: bool) -> bool {
    let float = text.split_once('.').is_some_and(|(digits, rest)| {
        digits.len() >= 16 && all_digits(digits) && rest.bytes().all(|b| b == b'0')
    });
    scientific(text)
        || float
        || (was_number && text.bytes().filter(u8::is_ascii_digit).count() >= 16)
}

fn check(full: &str, today: Date) -> Result<(), Problem> {
    let shape = full.char_indices().all(|(at, c)| c.is_ascii_digit() || (at == 17 && c == 'X'));
    if !shape {
        return Err(problem("id_character", strange(full)));
    }
    let codes = &Rules::builtin().codes;
    if !codes.id_regions.iter().any(|region| full.starts_with(region.as_str())) {
        return Err(problem("id_region", "证件号前两位不是任何省份的代码,请与身份证原件核对。"));
    }
    let birth = birth_of(full).filter(|b| *b <= today && b.year() >= codes.oldest_birth_year);
    match birth {
        Some(_) => Ok(()),
        None => Err(problem(
            "id_birth",
            "证件号第 7 至 14 位不是一个真实的出生日期,请与身份证原件核对。",
        )),
    }
}

/// Which character does not belong there; letters that look like digits are asked about.
fn strange(full: &str) -> String {
    let bad =
        full.chars().enumerate().find(|(at, c)| !(c.is_ascii_digit() || (*at == 17 && *c == 'X')));
    let meant = bad.and_then(|(at, c)| digit_meant(c).map(|digit| (at + 1, c, digit)));
    match (meant, bad) {
        (Some((at, c, digit)), _) => {
            format!("证件号第{at}位是字母“{c}”，是不是数字{digit}？请与身份证原件核对后改正。")
        }
        (None, Some((17, _))) => {
            "证件号最后一位只能是数字或X，请与身份证原件核对后改正。".to_owned()
        }
        _ => "证件号只能是数字，最后一位可以是X。请核对有没有写错的字符。".to_owned(),
    }
}

fn birth_of(full: &str) -> Option<Date> {
    let year = full.get(6..10)?.parse().ok()?;
    let month = full.get(10..12)?.parse().ok()?;
    Date::new(year, month, full.get(12..14)?.parse().ok()?).ok()
}

/// 15 digits to 18: all holders of the short form were born in the 1900s.
fn lengthen(short: &str) -> String {
    let first = format!("{}19{}", &short[..6], &short[6..]);
    match check_char(&first) {
        Some(check) => format!("{first}{check}"),
        None => first,
    }
}

fn tidied(raw: &str) -> String {
    if raw.contains(|c| c != 'X' && text::ex(text::half_one(c))) {
        "证件号 x→X".to_owned()
    } else {
        "证件号去掉空格、标点和全角字符".to_owned()
    }
}

fn problem(code: &'static str, message: impl Into<String>) -> Problem {
    Problem::fix(Column::IdNumber, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    const TODAY: Date = date(2026, 11, 21);

    fn code(raw: &str, was_number: bool) -> Result<String, &'static str> {
        read(raw, was_number, TODAY).map(|c| c.value.reveal().to_owned()).map_err(|p| p.code)
    }

    #[test]
    fn the_known_valid_numbers_are_accepted() {
        for raw in
            ["11010519491231002X", "440106200503140016", "650100200412311028", "370101199911301223"]
        {
            assert_eq!(code(raw, false), Ok(raw.to_owned()));
        }
    }

    #[test]
    fn fifteen_digits_are_converted_and_it_is_said() {
        let clean = read("130503670401001", false, TODAY).expect("valid");
        assert_eq!(clean.value.reveal(), "130503196704010016");
        assert_eq!(clean.notes, ["15 位证件号换算为 18 位"]);
        assert_eq!(code("130503670401001", true), Ok("130503196704010016".to_owned()));
    }

    #[test]
    fn spaces_full_width_and_small_x_are_tidied_with_a_note() {
        let clean = read(" 110105 19491231 002x ", false, TODAY).expect("valid");
        assert_eq!(clean.value.reveal(), "11010519491231002X");
        assert_eq!(clean.notes, ["证件号 x→X"]);
        assert_eq!(
            code("\u{FF11}\u{FF11}0105 19491231 002\u{FF38}", false),
            Ok("11010519491231002X".to_owned())
        );
        assert_eq!(read(" 440106200503140016", false, TODAY).expect("valid").notes.len(), 0);
    }

    #[test]
    fn what_stands_for_x_and_what_stands_around_the_number_is_tidied() {
        for raw in [
            "11010519491231002×",
            "11010519491231002\u{425}",
            "11010519491231002\u{445}",
            "11010519491231002\u{3A7}",
            "11010519491231002\u{2169}",
            "11010519491231002\u{2179}",
            "身份证：11010519491231002X",
            "身份证号码 11010519491231002x",
            "公民身份号码:11010519491231002X。",
            "ID: 11010519491231002X",
            "110105-19491231-002X",
            "110105\u{2011}19491231\u{2013}002X",
            "110105.19491231.002X",
            "11〇10519491231○02X",
            "'11010519491231002X",
            "“11010519491231002X”",
            "【11010519491231002X】",
            "=\"11010519491231002X\"",
            "\u{202D}11010519491231002X\u{202C}",
            "11010519491231002X\u{A0}\t",
            "\u{FEFF}110105 1949\u{3000}1231 002X",
        ] {
            let clean = read(raw, false, TODAY).unwrap_or_else(|p| panic!("{raw}: {}", p.message));
            assert_eq!(clean.value.reveal(), "11010519491231002X", "{raw}");
            assert_eq!(clean.notes.is_empty(), raw.trim() == clean.value.reveal(), "{raw}");
        }
    }

    #[test]
    fn letters_that_look_like_digits_are_asked_about_at_their_place() {
        for (raw, says) in [
            ("44O106200503140016", "第3位是字母“O”，是不是数字0"),
            ("4401o6200503140016", "第5位是字母“o”，是不是数字0"),
            ("44010620050314001l", "第18位是字母“l”，是不是数字1"),
            ("440I06200503140016", "第4位是字母“I”，是不是数字1"),
            ("11010519491231002*", "最后一位只能是数字或X"),
        ] {
            let problem = read(raw, false, TODAY).expect_err(raw);
            assert_eq!(problem.code, "id_character");
            assert!(problem.message.contains(says), "{}", problem.message);
        }
        let two = read("440106200503140016 11010519491231002X", false, TODAY).expect_err("two");
        assert!(two.message.contains("两个证件号"), "{}", two.message);
        let turned = read("\u{202E}440106200503140016", false, TODAY).expect_err("turned round");
        assert_eq!(turned.code, "id_length");
    }

    #[test]
    fn numbers_that_lost_digits_are_their_own_problem() {
        for (raw, was_number) in [
            ("3.40104E+17", false),
            ("3.40104e+17", true),
            ("340104200305151000.0", false),
            ("340104200305151000", true),
            ("440106200503140016", true),
            ("440106200503140000", false),
        ] {
            assert_eq!(code(raw, was_number), Err("id_lost_digits"), "{raw}");
        }
    }

    #[test]
    fn each_mistake_has_its_own_code() {
        for (raw, expected) in [
            ("", "required"),
            ("44010620050314001", "id_length"),
            ("44010620050314001A", "id_character"),
            ("990106200503140016", "id_region"),
            ("440106200513140016", "id_birth"),
            ("440106203003140016", "id_birth"),
            ("440106200503140017", "id_checksum"),
            ("440106180003140016", "id_birth"),
            ("四四零一零六二零零五零三一四零零一六", "id_character"),
        ] {
            assert_eq!(code(raw, false), Err(expected), "{raw}");
        }
    }

    #[test]
    fn no_message_repeats_the_number() {
        let problem = read("440106200503140017", false, TODAY).expect_err("wrong check digit");
        assert!(!problem.message.contains("4401"), "{}", problem.message);
    }

    proptest! {
        #[test]
        fn reading_twice_changes_nothing_more(raw in "[ 0-9xX0-9]{15,20}|[1-6][1-5]010[1-9](19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|2[0-8])[0-9]{3}[0-9xX]") {
            if let Ok(once) = read(&raw, false, TODAY) {
                let again = read(once.value.reveal(), false, TODAY).expect("a read number reads again");
                prop_assert_eq!(&again.value, &once.value);
                prop_assert_eq!(again.notes.len(), 0);
            }
        }

        #[test]
        fn reading_any_text_never_panics(raw in any::<String>(), was_number in any::<bool>()) {
            let _ = read(&raw, was_number, TODAY);
        }
    }
}
