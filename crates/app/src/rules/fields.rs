//! How single fields are read: names, phones, contacts, codes, yes and no, posts. Each function
//! takes what was typed and gives the normalised value or one Problem with a stable code.

use super::lists::{CodeRow, find};
use super::text::{all_digits, compact, half, invisible, scientific, whole};
use super::tree::{Category, PostRow};
use super::{Clean, Column, Problem, Rules};
use crate::pii::Mobile;

/// The dot between parts of a minority name, as it is stored.
pub const NAME_DOT: char = '\u{00B7}';

/// Reads a person's name (C4): Han characters, the dot, Latin letters with blanks between words.
/// Problem codes: `required`, `name_length`, `name_invisible`, `name_digit`, `name_dot`, `name_character`.
pub fn name(raw: &str, rules: &Rules) -> Result<Clean<String>, Problem> {
    let typed = half(raw);
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(Problem::required(Column::Name));
    }
    if raw.trim().chars().any(invisible) {
        return Err(name_problem("name_invisible", "姓名里有看不见的字符,请删去后重新输入。"));
    }
    let dotted = unify_dots(typed, rules);
    let value = close_gaps(&dotted);
    judge_name(&value, rules)?;
    let notes = if value == raw.trim() {
        vec![]
    } else {
        vec!["姓名去掉空格、统一间隔号".to_owned()]
    };
    Ok(Clean { value, notes })
}

fn judge_name(value: &str, rules: &Rules) -> Result<(), Problem> {
    let rule = &rules.codes.name;
    let length = value.chars().count();
    if value.chars().any(|c| c.is_numeric() && !is_han(c)) {
        return Err(name_problem("name_digit", "姓名里有数字,请核对是否填错了列。"));
    }
    if length < rule.min || length > rule.max {
        let message = format!("姓名应为 {} 至 {} 个字,这里是 {length} 个字。", rule.min, rule.max);
        return Err(name_problem("name_length", message));
    }
    if value.starts_with(NAME_DOT) || value.ends_with(NAME_DOT) || value.contains("··") {
        return Err(name_problem("name_dot", "姓名的间隔号“·”只能在两个字之间,且不能连写。"));
    }
    let allowed = |c| is_han(c) || is_latin(c) || matches!(c, NAME_DOT | ' ' | '-' | '\'');
    let edge = |c: Option<char>| c.is_some_and(|c| matches!(c, '-' | '\''));
    if !value.chars().all(allowed) || edge(value.chars().next()) || edge(value.chars().last()) {
        let message = "姓名只能有汉字、字母和间隔号“·”,请与身份证核对,不要加括号或备注。";
        return Err(name_problem("name_character", message));
    }
    Ok(())
}

/// Reads a mobile number (i7): +86, blanks, hyphens and the `.0` of number cells are removed.
/// Problem codes: `required`, `mobile_lost_digits`, `mobile_malformed` (E09).
pub fn mobile(raw: &str, column: Column, rules: &Rules) -> Result<Clean<Mobile>, Problem> {
    let text = phone_digits(raw);
    if text.is_empty() {
        return Err(Problem::required(column));
    }
    if scientific(&text) {
        let message = "手机号被表格写成了科学计数,请把这一格设为文本格式后重新填写。";
        return Err(Problem::fix(column, "mobile_lost_digits", message));
    }
    let rule = &rules.codes.mobile;
    let good = text.len() == rule.length
        && all_digits(&text)
        && rule.prefixes.iter().any(|prefix| text.starts_with(prefix.as_str()));
    match Mobile::from_stored(&text).filter(|_| good) {
        Some(value) => {
            let notes = if text == raw.trim() {
                vec![]
            } else {
                vec!["手机号去掉空格、+86 等".to_owned()]
            };
            Ok(Clean { value, notes })
        }
        None => Err(Problem::fix(
            column,
            "mobile_malformed",
            "手机号应为 11 位数字,以 1 开头。请核对。",
        )),
    }
}

/// Reads a landline with area code, for example `021-62345678`; stored as area, hyphen, number.
/// Problem code: `landline_malformed`.
pub fn landline(raw: &str, column: Column) -> Result<String, Problem> {
    let text: String = phone_digits(raw);
    let area = if text.starts_with("010") || text.starts_with("02") { 3 } else { 4 };
    match (text.get(..area), text.get(area..)) {
        (Some(code), Some(number))
            if code.starts_with('0')
                && !code.starts_with("00")
                && all_digits(code)
                && all_digits(number)
                && matches!(number.len(), 7 | 8)
                && !number.starts_with('0') =>
        {
            Ok(format!("{code}-{number}"))
        }
        _ => Err(Problem::fix(
            column,
            "landline_malformed",
            "电话应为区号加 7 至 8 位号码,例如 021-62345678,或 11 位手机号。",
        )),
    }
}

/// Reads the phone of an organisation (C1) or an emergency contact: mobile or landline.
pub fn phone(raw: &str, column: Column, rules: &Rules) -> Result<String, Problem> {
    match mobile(raw, column, rules) {
        Ok(clean) => Ok(clean.value.reveal().to_owned()),
        Err(problem) if problem.code == "required" => Err(problem),
        Err(_) => landline(raw, column),
    }
}

/// Reads an e-mail address; the part behind the @ in lower case. Problem code: `email_malformed`.
pub fn email(raw: &str) -> Result<String, Problem> {
    let text = compact(raw);
    let good = |local: &str, host: &str| {
        let letters =
            |s: &str, more: &str| s.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
        (1..=64).contains(&local.len())
            && letters(local, "._%+-")
            && host.len() <= 190
            && host.contains('.')
            && host.split('.').all(|part| !part.is_empty() && letters(part, "-"))
    };
    match text.rsplit_once('@') {
        Some((local, host)) if good(local, host) => Ok(format!("{local}@{}", host.to_lowercase())),
        _ => Err(Problem::fix(
            Column::Email,
            "email_malformed",
            "电子邮箱的写法不对,应像 name@example.cn。没有的可以留空。",
        )),
    }
}

/// Reads a QQ number: 5 to 12 digits. Problem code: `qq_malformed`.
pub fn qq(raw: &str) -> Result<String, Problem> {
    let text = compact(raw);
    let text = whole(&text);
    if (5..=12).contains(&text.len()) && all_digits(text) && !text.starts_with('0') {
        return Ok(text.to_owned());
    }
    Err(Problem::fix(Column::Qq, "qq_malformed", "QQ 号应为 5 至 12 位数字。没有的可以留空。"))
}

/// Reads free text of one line (微博, 微信, 地址, 紧急联系人): trimmed, at most `max` characters.
/// Problem codes: `text_length`, `text_invisible`.
pub fn line(raw: &str, column: Column, max: usize) -> Result<String, Problem> {
    let text = raw.trim();
    if text.chars().any(invisible) {
        let message = format!("“{}”里有看不见的字符,请删去后重新输入。", column.label());
        return Err(Problem::fix(column, "text_invisible", message));
    }
    if text.chars().count() > max {
        let message = format!("“{}”最多 {max} 个字,请缩短。", column.label());
        return Err(Problem::fix(column, "text_length", message));
    }
    Ok(text.to_owned())
}

/// Reads an ethnic group, with or without 族. Problem code: `ethnic_unknown`.
pub fn ethnic<'a>(raw: &str, rules: &'a Rules) -> Result<&'a CodeRow, Problem> {
    let rows = &rules.codes.ethnic;
    find(rows, raw).or_else(|| find(rows, &format!("{}族", compact(raw)))).ok_or_else(|| {
        let message = "没有这个民族。请填写 56 个民族之一,例如“汉族”;未识别的填“其他”。";
        Problem::fix(Column::Ethnic, "ethnic_unknown", message)
    })
}

/// Reads a political status. Problem code: `political_unknown`.
pub fn political<'a>(raw: &str, rules: &'a Rules) -> Result<&'a CodeRow, Problem> {
    find(&rules.codes.political, raw).ok_or_else(|| {
        let message = "没有这种政治面貌。请填写“共青团员”“中共党员”“中共预备党员”或“群众”等。";
        Problem::fix(Column::Political, "political_unknown", message)
    })
}

/// Reads an education. Problem code: `education_unknown`.
pub fn education<'a>(raw: &str, rules: &'a Rules) -> Result<&'a CodeRow, Problem> {
    find(&rules.codes.education, raw).ok_or_else(|| {
        let names: Vec<&str> =
            rules.codes.education.iter().filter(|r| r.listed).map(|r| r.name.as_str()).collect();
        let message = format!("没有这种学历。请填写:{}。", names.join("、"));
        Problem::fix(Column::Education, "education_unknown", message)
    })
}

/// Reads 专职, 兼职 or 挂职. Problem code: `post_nature_unknown`.
pub fn post_nature<'a>(raw: &str, rules: &'a Rules) -> Result<&'a CodeRow, Problem> {
    find(&rules.codes.post_nature, raw).ok_or_else(|| {
        let message = "团干部性质请填写“专职”“兼职”或“挂职”。";
        Problem::fix(Column::PostNature, "post_nature_unknown", message)
    })
}

/// Reads yes or no. Problem code: `yes_no_unknown`.
pub fn yes_no(raw: &str, column: Column, rules: &Rules) -> Result<bool, Problem> {
    rules.codes.yes_no(raw).ok_or_else(|| {
        let message = format!("“{}”请填写“是”或“否”。", column.label());
        Problem::fix(column, "yes_no_unknown", message)
    })
}

/// Reads a post of that category of organisation; 无职务 and empty give `None`.
/// Problem code: `post_unknown`.
pub fn post<'a>(
    raw: &str,
    category: Category,
    rules: &'a Rules,
) -> Result<Option<&'a PostRow>, Problem> {
    let key = compact(raw);
    if rules.codes.is_blank(&key) || key == "无职务" {
        return Ok(None);
    }
    match rules.tree.find_post(category, &key) {
        Some(row) => Ok(Some(row)),
        None => {
            let names: Vec<&str> =
                rules.tree.posts_of(category).map(|row| row.name.as_str()).collect();
            let message =
                format!("本组织没有这个团内职务。可以填写:{};没有职务的留空。", names.join("、"));
            Err(Problem::fix(Column::Post, "post_unknown", message))
        }
    }
}

fn unify_dots(text: &str, rules: &Rules) -> String {
    let chars: Vec<char> = text.chars().collect();
    let dots = &rules.codes.name.dots;
    let latin_at = |at: Option<usize>| at.and_then(|i| chars.get(i)).is_some_and(|&c| is_latin(c));
    chars
        .iter()
        .enumerate()
        .map(|(i, c)| match c {
            // "J. Smith" is refused as it stands: a full stop is a dot only beside Han characters.
            '.' if latin_at(i.checked_sub(1)) => '.',
            c if dots.contains(c) => NAME_DOT,
            c => *c,
        })
        .collect()
}

/// Blanks stay only between Latin words, one at a time.
fn close_gaps(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let latin =
            out.chars().last().is_some_and(is_latin) && word.chars().next().is_some_and(is_latin);
        if latin {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

fn phone_digits(raw: &str) -> String {
    let text: String =
        compact(raw).chars().filter(|c| !matches!(c, '-' | '–' | '—' | '(' | ')' | '\'')).collect();
    let text = whole(&text);
    let bare = text
        .strip_prefix("+86")
        .or_else(|| text.strip_prefix("0086"))
        .or_else(|| text.strip_prefix("86").filter(|rest| rest.len() == 11));
    bare.unwrap_or(text).to_owned()
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3007}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{2FA1F}' | '\u{30000}'..='\u{3347F}')
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || (matches!(c, '\u{00C0}'..='\u{024F}' | '\u{1E00}'..='\u{1EFF}') && c.is_alphabetic())
}

fn name_problem(code: &'static str, message: impl Into<String>) -> Problem {
    Problem::fix(Column::Name, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn rules() -> &'static Rules {
        Rules::builtin()
    }

    fn read_name(raw: &str) -> Result<String, &'static str> {
        name(raw, rules()).map(|c| c.value).map_err(|p| p.code)
    }

    fn read_mobile(raw: &str) -> Result<String, &'static str> {
        mobile(raw, Column::Mobile, rules())
            .map(|c| c.value.reveal().to_owned())
            .map_err(|p| p.code)
    }

    #[test]
    fn names_of_all_peoples_are_accepted_and_unified() {
        for (raw, stored) in [
            ("张三", "张三"),
            (" 张 三 ", "张三"),
            ("欧阳\u{3000}娜娜", "欧阳娜娜"),
            ("买买提\u{2022}吐尔逊", "买买提·吐尔逊"),
            ("买买提\u{30FB}吐尔逊", "买买提·吐尔逊"),
            ("买买提.吐尔逊", "买买提·吐尔逊"),
            ("买买提 · 吐尔逊", "买买提·吐尔逊"),
            ("\u{20BB7}野家", "\u{20BB7}野家"),
            ("\u{30EDE}安", "\u{30EDE}安"),
            ("Anna  Li", "Anna Li"),
            ("\u{FF21}nna", "Anna"),
            ("㛃琳", "㛃琳"),
            ("O'Neil", "O'Neil"),
        ] {
            assert_eq!(read_name(raw).as_deref(), Ok(stored), "{raw}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_own_code() {
        for (raw, code) in [
            ("", "required"),
            ("张", "name_length"),
            ("张三3", "name_digit"),
            ("张\u{200B}三", "name_invisible"),
            ("张\u{202E}三", "name_invisible"),
            ("张三(大)", "name_character"),
            ("·张三", "name_dot"),
            ("买买提··吐尔逊", "name_dot"),
            ("=张三", "name_character"),
            ("张三😀", "name_character"),
        ] {
            assert_eq!(read_name(raw), Err(code), "{raw}");
        }
        assert_eq!(read_name(&"长".repeat(51)), Err("name_length"));
        assert_eq!(read_name(&"长".repeat(50)), Ok("长".repeat(50)));
    }

    #[test]
    fn mobile_numbers_are_read_however_they_are_written() {
        for raw in [
            "13812346021",
            "+86 138 1234 6021",
            "138-1234-6021",
            "8613812346021",
            "13812346021.0",
            "0086-13812346021",
            "\u{FF11}3812346021",
            "(+86)13812346021",
        ] {
            assert_eq!(read_mobile(raw).as_deref(), Ok("13812346021"), "{raw}");
        }
        assert_eq!(read_mobile("1381234602"), Err("mobile_malformed"));
        assert_eq!(read_mobile("12812346021"), Err("mobile_malformed"));
        assert_eq!(read_mobile("1.38123E+10"), Err("mobile_lost_digits"));
        assert_eq!(read_mobile("16612346021").as_deref(), Ok("16612346021"));
        assert_eq!(read_mobile("19912346021").as_deref(), Ok("19912346021"));
    }

    #[test]
    fn an_organisation_phone_is_a_landline_or_a_mobile() {
        let read = |raw| phone(raw, Column::Mobile, rules()).map_err(|p| p.code);
        assert_eq!(read("021 62345678").as_deref(), Ok("021-62345678"));
        assert_eq!(read("(0551)3456789").as_deref(), Ok("0551-3456789"));
        assert_eq!(read("13812346021").as_deref(), Ok("13812346021"));
        assert_eq!(read("62345678"), Err("landline_malformed"));
    }

    #[test]
    fn code_words_are_found_by_name_synonym_and_code() {
        let code = |row: Result<&CodeRow, Problem>| row.map(|r| r.code.clone()).map_err(|p| p.code);
        assert_eq!(code(ethnic("汉", rules())).as_deref(), Ok("01"));
        assert_eq!(code(ethnic("汉族", rules())).as_deref(), Ok("01"));
        assert_eq!(code(ethnic("1", rules())).as_deref(), Ok("01"));
        assert_eq!(code(ethnic("维吾尔", rules())).as_deref(), Ok("05"));
        assert_eq!(code(ethnic("其它", rules())).as_deref(), Ok("97"));
        assert_eq!(code(ethnic("火星族", rules())), Err("ethnic_unknown"));
        assert_eq!(code(political("团员", rules())).as_deref(), Ok("03"));
        assert_eq!(code(political("中共预备党员", rules())).as_deref(), Ok("02"));
        assert_eq!(code(political("少先队员", rules())), Err("political_unknown"));
        for (word, expected) in [
            ("本科", "20"),
            ("大专", "30"),
            ("高中", "60"),
            ("中专", "40"),
            ("硕士", "14"),
            ("研究生", "10"),
        ] {
            assert_eq!(code(education(word, rules())).as_deref(), Ok(expected), "{word}");
        }
    }

    #[test]
    fn posts_depend_on_the_category_and_know_synonyms() {
        let read = |raw, category| {
            post(raw, category, rules()).map(|row| row.map(|r| r.code.clone())).map_err(|p| p.code)
        };
        assert_eq!(read("团支书", Category::Branch), Ok(Some("secretary".into())));
        assert_eq!(read("组织委员", Category::Branch), Ok(Some("organisation".into())));
        assert_eq!(read("无职务", Category::Branch), Ok(None));
        assert_eq!(read("部长", Category::Committee), Ok(Some("department_head".into())));
        assert_eq!(read("部长", Category::Branch), Err("post_unknown"));
    }

    #[test]
    fn yes_and_no_are_read_in_many_spellings() {
        let read = |raw| yes_no(raw, Column::IsCadre, rules()).ok();
        for raw in ["是", "√", "Y", "有", "1", "1.0", "TRUE"] {
            assert_eq!(read(raw), Some(true), "{raw}");
        }
        for raw in ["否", "无", "N", "0", "false", "×"] {
            assert_eq!(read(raw), Some(false), "{raw}");
        }
        assert_eq!(read("也许"), None);
    }

    #[test]
    fn contacts_are_checked_but_not_pestered() {
        assert_eq!(email(" Li.Lei@Example.CN ").as_deref(), Ok("Li.Lei@example.cn"));
        assert_eq!(email("li@lei").map_err(|p| p.code), Err("email_malformed"));
        assert_eq!(qq("123456.0").as_deref(), Ok("123456"));
        assert_eq!(qq("1234").map_err(|p| p.code), Err("qq_malformed"));
    }

    proptest! {
        #[test]
        fn a_name_with_a_control_or_bidi_character_is_never_accepted(
            head in "[一-龥]{1,3}", tail in "[一-龥]{1,3}",
            bad in proptest::sample::select(vec!['\u{0}', '\u{7}', '\u{1B}', '\u{7F}', '\u{85}', '\u{200B}', '\u{200D}', '\u{200F}', '\u{202A}', '\u{202E}', '\u{2066}', '\u{2069}', '\u{FEFF}', '\u{E0041}']),
        ) {
            let code = read_name(&format!("{head}{bad}{tail}"));
            prop_assert_eq!(code, Err("name_invisible"));
        }

        #[test]
        fn an_accepted_name_has_no_strange_character_and_reads_the_same_again(raw in any::<String>()) {
            if let Ok(clean) = name(&raw, rules()) {
                prop_assert!(!clean.value.chars().any(|c| c.is_control() || invisible(c) || c.is_ascii_digit()));
                prop_assert_eq!(read_name(&clean.value), Ok(clean.value.clone()));
            }
        }

        #[test]
        fn an_accepted_mobile_reads_the_same_again(raw in "(\\+86|86|0086)?[ -]?1[0-9]{2}[ -]?[0-9]{4}[ -]?[0-9]{4}") {
            if let Ok(once) = read_mobile(&raw) {
                prop_assert_eq!(read_mobile(&once), Ok(once.clone()));
            }
        }
    }
}
