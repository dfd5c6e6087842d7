//! How single fields are read: names, phones, contacts, codes, yes and no, posts. Each function
//! takes what was typed and gives the normalised value or one Problem with a stable code.

use super::lists::{CodeRow, find, find_by};
use super::text::{
    self, all_digits, compact, composed, deceptive, half, invisible, key, scientific, whole,
};
use super::tree::{Category, PostRow};
use super::{Clean, Column, Problem, Rules};
use crate::pii::{Mobile, Sex};

/// The dot between parts of a minority name, as it is stored.
pub const NAME_DOT: char = '\u{00B7}';

/// Reads a person's name (C4): Han characters, the dot, Latin letters with blanks between words.
/// Problem codes: `required`, `name_length`, `name_invisible`, `name_digit`, `name_dot`, `name_character`.
pub fn name(raw: &str, rules: &Rules) -> Result<Clean<String>, Problem> {
    let folded = half(raw);
    if folded.trim().is_empty() {
        return Err(Problem::required(Column::Name));
    }
    if folded.chars().any(deceptive) {
        return Err(name_problem("name_invisible", "姓名里有看不见的字符，请删去后重新输入。"));
    }
    if folded.chars().any(text::private) {
        let message = "姓名里有一个字是本机自造的字，别的电脑显示不出来。请用输入法的生僻字功能重新输入这个字，写法与身份证一致。";
        return Err(name_problem("name_private", message));
    }
    let seen: String = folded.chars().filter(|c| !invisible(*c)).collect();
    let typed = composed(seen.trim());
    let value = close_gaps(&unify_dots(&typed, rules));
    judge_name(&value, rules)?;
    let mut notes = Vec::new();
    let alike = |c: &char| !c.is_whitespace() && text::half_one(*c) != *c;
    if raw.chars().filter(|c| !matches!(c, '\u{FF01}'..='\u{FF5E}')).any(|c| alike(&c)) {
        notes.push("姓名里形近的部首、旧编码的字按正字读取".to_owned());
    }
    if seen.chars().count() < folded.chars().count() {
        notes.push("姓名去掉看不见的字符".to_owned());
    }
    if notes.is_empty() && value != raw.trim() {
        notes.push("姓名去掉空格、统一间隔号".to_owned());
    }
    Ok(Clean { value, notes })
}

fn judge_name(value: &str, rules: &Rules) -> Result<(), Problem> {
    let rule = &rules.codes.name;
    let length = value.chars().count();
    if value.chars().any(|c| c.is_numeric() && !is_han(c)) {
        return Err(name_problem("name_digit", "姓名里有数字，请核对是否填错了列。"));
    }
    // One character alone is a name (a few hundred people have one), one letter is none.
    if length < rule.min || length > rule.max || (length == 1 && !value.chars().all(is_han)) {
        let message = format!("姓名最多{}个字，这里是{length}个字，请与身份证核对。", rule.max);
        let short = "姓名不能只有一个字母或符号，请与身份证核对。".to_owned();
        return Err(name_problem("name_length", if length > 1 { message } else { short }));
    }
    if value.starts_with(NAME_DOT) || value.ends_with(NAME_DOT) || value.contains("··") {
        return Err(name_problem("name_dot", "姓名的间隔号“·”只能在两个字之间，且不能连写。"));
    }
    let allowed = |c| is_han(c) || is_latin(c) || matches!(c, NAME_DOT | ' ' | '-' | '\'');
    let chars: Vec<char> = value.chars().collect();
    let latin = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| is_latin(*c));
    // Hyphen and apostrophe belong to Latin words.
    let stray = chars.iter().enumerate().any(|(at, c)| {
        matches!(c, '-' | '\'') && !(latin(at.checked_sub(1)) && latin(Some(at + 1)))
    });
    if !value.chars().all(allowed) || stray {
        let message = "姓名只能有汉字、字母和间隔号“·”，请与身份证核对，不要加括号或备注。";
        return Err(name_problem("name_character", message));
    }
    Ok(())
}

/// What a name is found by: as [`name`] stores it, without dots and blanks. What people type into a
/// search box and what stands in the database are folded by this one function.
pub fn name_key(raw: &str) -> String {
    let seen: String = half(raw).chars().filter(|c| !invisible(*c)).collect();
    let dots = &Rules::builtin().codes.name.dots;
    composed(&seen).chars().filter(|c| *c != ' ' && *c != NAME_DOT && !dots.contains(c)).collect()
}

/// The digits (and the X) of an ID, mobile or development number typed with a label, marks or a
/// prefix; without them when there is no such number in it. For deciding what a search looks for.
pub fn bare_number(raw: &str) -> String {
    let rules = Rules::builtin();
    let columns = [Column::IdNumber, Column::Mobile, Column::DevNumber];
    let bare = columns.map(|column| text::number(raw, column, rules));
    let shortest = bare.into_iter().min_by_key(String::len).unwrap_or_default();
    let shortest = shortest.strip_suffix('号').unwrap_or(&shortest);
    let plain: String = shortest
        .chars()
        .filter(|c| !text::hyphen(*c) && !matches!(c, '(' | ')'))
        .map(|c| if text::ex(c) { 'X' } else { c })
        .collect();
    let mobile = plain.strip_prefix("+86").or_else(|| plain.strip_prefix("0086"));
    let mobile = mobile.or_else(|| plain.strip_prefix("86").filter(|rest| rest.len() == 11));
    let plain = mobile.filter(|rest| rest.len() == 11 && all_digits(rest)).unwrap_or(&plain);
    // A name beside it: the number alone is looked for, and never stands in an address.
    let mut runs = plain.split(|c: char| !c.is_ascii_digit() && c != 'X').filter(|r| r.len() >= 11);
    match (runs.next(), runs.next()) {
        (Some(run), None) => run.to_owned(),
        _ => plain.to_owned(),
    }
}

/// Half-width, without what nobody sees: for codes and addresses out of messages.
pub fn plain(raw: &str) -> String {
    half(raw).chars().filter(|c| !invisible(*c)).collect()
}

/// Whether a text has something in it that nobody sees and that may not be stored: controls, marks
/// of the direction, joiners, characters of no width, what is left of broken text.
pub fn unfit(raw: &str) -> bool {
    raw.chars().any(text::unfit)
}

/// Reads a mobile number (i7): a label, +86, blanks, hyphens and the `.0` of number cells are removed.
/// Problem codes: `required`, `mobile_lost_digits`, `mobile_two`, `mobile_malformed` (E09).
pub fn mobile(raw: &str, column: Column, rules: &Rules) -> Result<Clean<Mobile>, Problem> {
    if several(raw) {
        let message = "这一格里有两个号码，请只留一个本人的手机号。";
        return Err(Problem::fix(column, "mobile_two", message));
    }
    let text = phone_digits(raw, column, rules);
    if text.is_empty() {
        return Err(Problem::required(column));
    }
    if scientific(&text) {
        let message = "手机号被表格写成了科学计数，请把这一格设为文本格式后重新填写。";
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
        None => {
            let letter = text
                .chars()
                .enumerate()
                .find_map(|(at, c)| text::digit_meant(c).map(|digit| (at + 1, c, digit)));
            let message = letter.map_or(
                "手机号应为11位数字，以1开头。请核对。".into(),
                |(at, c, digit)| {
                    format!("手机号第{at}位是字母“{c}”，是不是数字{digit}？请核对后改正。")
                },
            );
            Err(Problem::fix(column, "mobile_malformed", message))
        }
    }
}

/// Whether two numbers stand in one cell: divided by a mark, or as two whole ones by a blank.
fn several(raw: &str) -> bool {
    let text = half_lines(raw);
    let marks = ['/', '\\', '、', ',', ';', '|', '或', '和', '&', '\n'];
    let long = |part: &&str, least| part.chars().filter(char::is_ascii_digit).count() >= least;
    text.split(marks).filter(|part| long(part, 7)).count() > 1
        || text.split(' ').filter(|part| long(part, 10)).count() > 1
}

fn half_lines(raw: &str) -> String {
    raw.lines().map(half).collect::<Vec<_>>().join("\n")
}

/// Reads a landline with area code, for example `021-62345678`; stored as area, hyphen, number.
/// Problem code: `landline_malformed`.
pub fn landline(raw: &str, column: Column, rules: &Rules) -> Result<String, Problem> {
    let text = phone_digits(raw, column, rules);
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
        Err(_) => landline(raw, column, rules),
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

/// What a cell of 性别 says; `None` when it says nothing that is understood.
pub fn sex(raw: &str) -> Option<Sex> {
    match key(raw).as_str() {
        "男" | "男性" | "男生" | "1" | "1男" | "男1" | "m" | "male" => Some(Sex::Male),
        "女" | "女性" | "女生" | "2" | "2女" | "女2" | "f" | "female" => Some(Sex::Female),
        _ => None,
    }
}

/// Reads an ethnic group, with or without 族. Problem code: `ethnic_unknown`.
pub fn ethnic<'a>(raw: &str, rules: &'a Rules) -> Result<&'a CodeRow, Problem> {
    let rows = &rules.codes.ethnic;
    let one = |word: &str| {
        super::lists::one(rows, word).or_else(|| super::lists::one(rows, &format!("{word}族")))
    };
    find_by(&key(raw), &one, &[]).ok_or_else(|| {
        let message = "没有这个民族。请填写56个民族之一，例如“汉族”；未识别的填“其他”。";
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
    let one = |word: &str| super::lists::one(&rules.codes.education, word);
    find_by(&key(raw), &one, &rules.codes.education_fillers).ok_or_else(|| {
        let names: Vec<&str> =
            rules.codes.education.iter().filter(|r| r.listed).map(|r| r.name.as_str()).collect();
        let message = format!("没有这种学历。请填写：{}。", names.join("、"));
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
/// Problem codes: `post_unknown`, `post_of_class` (班长 is a post of the class), `post_two`.
pub fn post<'a>(
    raw: &str,
    category: Category,
    rules: &'a Rules,
) -> Result<Option<&'a PostRow>, Problem> {
    let word = compact(raw);
    let is = |list: &[String], word: &str| list.iter().any(|w| text::same(w, word));
    if rules.codes.is_blank(&word) || is(&rules.codes.no_post, &word) {
        return Ok(None);
    }
    if let Some(row) = post_named(&word, category, rules) {
        return Ok(Some(row));
    }
    if is(&rules.codes.class_posts, &word) {
        let message = format!(
            "“{word}”是班级的职务，不是团内职务。没有团内职务的，请把这一格留空；“是否团干部”填“否”。"
        );
        return Err(Problem::fix(Column::Post, "post_of_class", message));
    }
    let divides =
        |c: char| matches!(c, '兼' | '、' | '/' | ',' | ';' | '和' | '及' | '与' | '+' | '(' | ')');
    let parts = || word.split(divides).filter(|part| !part.is_empty());
    let found: Vec<&PostRow> =
        parts().filter_map(|part| post_named(part, category, rules)).collect();
    let others = parts().filter(|part| post_named(part, category, rules).is_none());
    let unknown = others.filter(|part| !is(&rules.codes.class_posts, part)).count();
    match found.as_slice() {
        [first, rest @ ..] if unknown == 0 => {
            if rest.iter().all(|row| row.code == first.code) {
                return Ok(Some(first));
            }
            let names: Vec<&str> = found.iter().map(|row| row.name.as_str()).collect();
            let message = format!(
                "这里写了几个职务（{}），一个人在一个组织里只登记一个，请留下主要的一个。",
                names.join("、")
            );
            Err(Problem::fix(Column::Post, "post_two", message))
        }
        _ => {
            let names: Vec<&str> =
                rules.tree.posts_of(category).map(|row| row.name.as_str()).collect();
            let message =
                format!("本组织没有这个团内职务。可以填写：{}；没有职务的留空。", names.join("、"));
            Err(Problem::fix(Column::Post, "post_unknown", message))
        }
    }
}

fn post_named<'a>(word: &str, category: Category, rules: &'a Rules) -> Option<&'a PostRow> {
    rules.tree.find_post(category, word).or_else(|| {
        let prefixes = rules.codes.post_prefixes.iter();
        let mut rests = prefixes.filter_map(|prefix| word.strip_prefix(prefix.as_str()));
        rests.find_map(|rest| rules.tree.find_post(category, rest))
    })
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

fn phone_digits(raw: &str, column: Column, rules: &Rules) -> String {
    let text = text::number(raw, column, rules);
    let text = whole(&text);
    if scientific(text) {
        return text.to_owned();
    }
    let marks = |c: &char| !text::hyphen(*c) && !matches!(c, '(' | ')' | '\'' | '/');
    let text: String = text.chars().filter(marks).collect();
    let bare = text
        .strip_prefix("+86")
        .or_else(|| text.strip_prefix("0086"))
        .or_else(|| text.strip_prefix("86").filter(|rest| rest.len() == 11));
    bare.unwrap_or(&text).to_owned()
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
            ("周〇五", "周〇五"),
            ("\u{323AF}安", "\u{323AF}安"),
            ("Nurlan Abdukerim", "Nurlan Abdukerim"),
            ("Zoe\u{301} Li", "Zo\u{E9} Li"),
            ("Anna-Maria", "Anna-Maria"),
            ("璟", "璟"),
            // The dot in all its code points.
            ("古丽\u{FF0E}艾山", "古丽·艾山"),
            ("古丽\u{FE52}艾山", "古丽·艾山"),
            ("古丽\u{A78F}艾山", "古丽·艾山"),
            ("古丽\u{2E31}艾山", "古丽·艾山"),
            ("古丽\u{2E33}艾山", "古丽·艾山"),
            ("古丽\u{1427}艾山", "古丽·艾山"),
            ("古丽\u{3002}艾山", "古丽·艾山"),
            ("古丽\u{FF61}艾山", "古丽·艾山"),
            ("古丽\u{25CF}艾山", "古丽·艾山"),
            ("古丽\u{22C5}艾山", "古丽·艾山"),
            ("古丽\u{2218}艾山", "古丽·艾山"),
            ("古丽\u{25E6}艾山", "古丽·艾山"),
            ("古丽\u{2981}艾山", "古丽·艾山"),
            ("古丽\u{FF65}艾山", "古丽·艾山"),
            // What old code pages, PDF files and OCR leave of a character.
            ("王\u{E863}", "王䶮"),
            ("王\u{E864}", "王\u{9FBB}"),
            ("\u{2F32}志明", "干志明"),
            ("\u{2EE2}超", "马超"),
            ("高\u{F9DC}明", "高隆明"),
            ("\u{2F8A6}明", "\u{6148}明"),
            // Marks that nobody sees come with pasting.
            ("陈小\u{200B}明", "陈小明"),
            ("陈小\u{200D}明", "陈小明"),
            ("赵\u{202D}四\u{202C}", "赵四"),
            ("\u{FEFF}钱多多", "钱多多"),
            ("葛\u{E0100}城", "葛城"),
            ("葛\u{FE00}城", "葛城"),
            ("孙 悟\u{3000}空", "孙悟空"),
            ("孙\u{A0}悟\t空", "孙悟空"),
            ("O'Neil", "O'Neil"),
        ] {
            assert_eq!(read_name(raw).as_deref(), Ok(stored), "{raw}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_own_code() {
        for (raw, code) in [
            ("", "required"),
            ("A", "name_length"),
            ("张-三", "name_character"),
            ("张三'", "name_character"),
            ("王\u{E000}", "name_private"),
            ("王\u{FFFD}", "name_invisible"),
            ("张三3", "name_digit"),
            ("张\u{7}三", "name_invisible"),
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
        for raw in [
            "86-138-1234-6021",
            "\u{202D}+86 138 1234 6021\u{202C}",
            "138\u{2011}1234\u{2011}6021",
            "138·1234·6021",
            "138.1234.6021",
            "138_1234_6021",
            "138/1234/6021",
            "0086138 12346021",
            "+86（138）12346021",
            "tel:13812346021",
            "Tel. 138 1234 6021",
            "手机：138-1234-6021",
            "手机13812346021",
            "手机号13812346021",
            "联系电话:+8613812346021",
            "本人手机 13812346021",
            "“13812346021”",
            "１３８１２３４６０２１",
        ] {
            assert_eq!(read_mobile(raw).as_deref(), Ok("13812346021"), "{raw}");
        }
        for (raw, code) in [
            ("135 12342292/0551-62345678", "mobile_two"),
            ("13812346021、13912346021", "mobile_two"),
            ("13812346021 13912346021", "mobile_two"),
            ("13812346021\n13912346021", "mobile_two"),
            ("13812346021(微信同号)", "mobile_malformed"),
            ("+86-0 13612342291", "mobile_malformed"),
            ("1381234602O", "mobile_malformed"),
            ("138123460219", "mobile_malformed"),
        ] {
            assert_eq!(read_mobile(raw), Err(code), "{raw}");
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
        for (word, expected) in [
            ("漢族", "01"),
            ("蒙族", "02"),
            ("蒙古", "02"),
            ("維吾爾族", "05"),
            ("畬族", "22"),
            ("01", "01"),
            ("01 汉族", "01"),
            ("01-汉", "01"),
            ("汉族(01)", "01"),
            ("汉族（01）", "01"),
            ("5.维吾尔族", "05"),
            ("HA", "01"),
            ("ug", "05"),
            ("僮族", "08"),
            ("崩龙族", "46"),
            ("哈族", "17"),
            ("穿青人", "97"),
            ("革家人", "97"),
            ("⼟家族", "15"),
        ] {
            assert_eq!(code(ethnic(word, rules())).as_deref(), Ok(expected), "{word}");
        }
        assert_eq!(code(ethnic("02 汉族", rules())), Err("ethnic_unknown"));
        assert_eq!(code(ethnic("汉族/回族", rules())), Err("ethnic_unknown"));
        assert_eq!(code(ethnic("火星族", rules())), Err("ethnic_unknown"));
        assert_eq!(code(political("团员", rules())).as_deref(), Ok("03"));
        assert_eq!(code(political("中共预备党员", rules())).as_deref(), Ok("02"));
        assert_eq!(code(political("党员（预备）", rules())).as_deref(), Ok("02"));
        assert_eq!(code(political("入党积极分子", rules())).as_deref(), Ok("03"));
        assert_eq!(code(political("共青团员（发展对象）", rules())).as_deref(), Ok("03"));
        assert_eq!(code(political("03 共青团员", rules())).as_deref(), Ok("03"));
        assert_eq!(code(political("少先队员", rules())), Err("political_unknown"));
        assert_eq!(code(political("党员/团员", rules())), Err("political_unknown"));
        for (word, expected) in [
            ("本科", "20"),
            ("大专", "30"),
            ("高中", "60"),
            ("中专", "40"),
            ("硕士", "14"),
            ("研究生", "10"),
            ("大学本科在读", "20"),
            ("本科（在读）", "20"),
            ("在读本科", "20"),
            ("全日制本科", "20"),
            ("大学本科/学士", "20"),
            ("20 大学本科", "20"),
            ("21", "20"),
            ("高职(专科)", "30"),
            ("大专学历", "30"),
            ("普高", "60"),
            ("高中在读", "60"),
            ("职高在读", "40"),
            ("中职/中专", "40"),
            ("初中毕业", "70"),
            ("硕士研究生在读", "14"),
            ("博士生在读", "11"),
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
        for (raw, code) in [
            ("书 记", "secretary"),
            ("团支部组织委员", "organisation"),
            ("支委", "other"),
            ("书记（兼）", "secretary"),
            ("团支书兼班长", "secretary"),
            ("团支书/书记", "secretary"),
        ] {
            assert_eq!(read(raw, Category::Branch), Ok(Some(code.into())), "{raw}");
        }
        for (raw, code) in [
            ("班长", "post_of_class"),
            ("学习委员", "post_of_class"),
            ("组织委员兼宣传委员", "post_two"),
            ("组织委员、宣传委员", "post_two"),
            ("书记兼校长", "post_unknown"),
        ] {
            assert_eq!(read(raw, Category::Branch), Err(code), "{raw}");
        }
        assert_eq!(read("团员", Category::Branch), Ok(None));
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
            // What merely came along with pasting is taken away; what turns the text round is refused.
            match read_name(&format!("{head}{bad}{tail}")) {
                Ok(value) => {
                    prop_assert_eq!(value, format!("{head}{tail}"));
                    prop_assert!(!deceptive(bad));
                }
                Err(code) => prop_assert_eq!(code, "name_invisible"),
            }
        }

        #[test]
        fn an_accepted_name_has_no_strange_character_and_reads_the_same_again(raw in any::<String>()) {
            if let Ok(clean) = name(&raw, rules()) {
                prop_assert!(!clean.value.chars().any(|c| c.is_control() || invisible(c) || c.is_ascii_digit()));
                prop_assert_eq!(read_name(&clean.value), Ok(clean.value.clone()));
            }
        }

        #[test]
        fn a_good_name_stays_good_and_is_found_however_it_is_written(
            parts in proptest::collection::vec("[一-龥]{1,4}", 1..4),
            dot in proptest::sample::select(vec!["·", "•", "．", ".", "・", " · ", "\u{A78F}", "\u{FE52}"]),
            mark in proptest::sample::select(vec!["", " ", "\u{3000}", "\u{200B}", "\u{FEFF}", "\u{202C}"]),
        ) {
            let stored = parts.join("·");
            let typed = format!("{mark}{}{mark}", parts.join(dot));
            prop_assert_eq!(read_name(&typed), Ok(stored.clone()));
            prop_assert_eq!(name_key(&typed), name_key(&stored));
            prop_assert_eq!(name_key(&name_key(&stored)), name_key(&stored));
        }

        #[test]
        fn folding_any_text_twice_changes_nothing_more(raw in any::<String>()) {
            prop_assert_eq!(half(&half(&raw)), half(&raw));
            prop_assert_eq!(name_key(&name_key(&raw)), name_key(&raw));
        }

        #[test]
        fn an_accepted_mobile_reads_the_same_again(raw in "(\\+86|86|0086)?[ -]?1[0-9]{2}[ -]?[0-9]{4}[ -]?[0-9]{4}") {
            if let Ok(once) = read_mobile(&raw) {
                prop_assert_eq!(read_mobile(&once), Ok(once.clone()));
            }
        }
    }
}
