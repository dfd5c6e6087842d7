//! Policy figures (policy.toml): sessions, sign-in, codes, passwords, imports, pages, retention.
//! Every room reads its figures here instead of writing them into code.

use serde::Deserialize;

use super::completeness::OrgItem;
use super::tree::Category;
use super::{Rules, YearMonth};
use crate::pii::{IdNumber, Mobile};

macro_rules! figures {
    ($(#[doc = $about:literal] $name:ident { $(#[doc = $says:literal] $field:ident: $kind:ty,)+ })+) => {
        $(
            #[doc = $about]
            #[derive(Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $(#[doc = $says] pub $field: $kind,)+
            }
        )+
    };
}

figures! {
    /// All policy figures.
    Policy {
        /// Sessions.
        session: Session,
        /// Personal tokens for programs.
        tokens: Tokens,
        /// Signing in.
        sign_in: SignIn,
        /// One-time codes.
        codes: OneTimeCodes,
        /// Passwords.
        password: PasswordRule,
        /// Daily allowances.
        quotas: Quotas,
        /// Imports.
        imports: Imports,
        /// Exports.
        exports: Exports,
        /// Lists.
        pages: Pages,
        /// Thresholds of completeness.
        completeness: Thresholds,
        /// Guide values for the health list.
        guide: Guide,
        /// Cadres, administrators, observers.
        cadres: CadrePolicy,
        /// How long things are kept.
        retention: Retention,
        /// Electronic archive.
        archive: Archive,
        /// Disputed rules about organisations (conflicts 2, 4, 5).
        orgs: OrgPolicy,
        /// Disputed rules about transfers (conflict 13).
        transfers: TransferPolicy,
        /// Acts of operators.
        operations: Operations,
        /// Mandatory facts of organisations.
        org_needs: Vec<OrgNeeds>,
    }
    /// Sessions.
    Session {
        /// Minutes without a request after which a session ends.
        idle_minutes: i64,
        /// Hours after which a session ends in any case.
        absolute_hours: i64,
    }
    /// Personal tokens for programs.
    Tokens {
        /// Days that a token lives when nothing is said.
        default_days: i64,
        /// Days that one lives at most.
        max_days: i64,
        /// Living tokens of one person at most.
        at_once: i64,
    }
    /// Signing in.
    SignIn {
        /// Decision 5.
        initial_password: InitialPassword,
        /// Decision 6.
        captcha: Captcha,
        /// Failures after which a captcha is asked.
        captcha_after: u32,
        /// Hours for which an account's failures are remembered, so that its waits stay long.
        attempts_account_hours: i64,
        /// Attempts per address and window.
        attempts_per_address: u32,
        /// The window of addresses in minutes.
        attempts_window_minutes: i64,
        /// Accounts that fail within a window from which on it is told as guessing at many.
        spray_accounts: i64,
        /// And only while more than one in so many who try fails.
        spray_share: i64,
        /// Minutes that an account waits after too many failures.
        lock_minutes: i64,
    }
    /// One-time codes.
    OneTimeCodes {
        /// Days that a registration code lives.
        registration_days: i64,
        /// Characters of a registration code.
        registration_length: usize,
        /// Wrong codes that one address may try in an hour (security a-13).
        registration_tries_per_hour: i64,
        /// Days before the end of unused codes at which the superior is told.
        remind_days: i64,
        /// Days that the sealed sheet with the plain codes is kept for whoever issued them.
        sheet_days: i64,
        /// So many codes are issued while the page waits; more become a job.
        issue_at_once: i64,
        /// Days that a reset code lives.
        reset_days: i64,
        /// Characters of a reset code.
        reset_length: usize,
        /// Wrong attempts that a code survives.
        attempts: u32,
        /// Days after which an undecided self-registration ends (row 18).
        self_registration_days: i64,
        /// Last month of admission that may register itself (row 20).
        self_registration_joined_until: YearMonth,
    }
    /// Passwords (row 3).
    PasswordRule {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// Kinds of characters (letters, digits, signs) that must occur.
        kinds: usize,
        /// Longest run (1234, aaaa, dcba) that is accepted.
        longest_run: usize,
        /// Characters that must stand outside runs of three and more.
        outside_runs: usize,
        /// Length of a piece of the own ID or phone number that is refused.
        own_digits: usize,
        /// Guesses that an attacker with a dictionary should need at least.
        least_guesses: u64,
        /// Common words here, lower case; refused where they make up most of the password.
        denied: Vec<String>,
        /// Words of the system and of organisations, lower case.
        house_words: Vec<String>,
    }
    /// What one person may do in a day (security a-2, a-7).
    Quotas {
        /// Masked values shown in full.
        reveals_per_day: i64,
        /// Answers about people of other organisations, one by one.
        lookups_per_day: i64,
        /// People of other organisations of whom the rows of imports may tell.
        import_answers_per_day: i64,
        /// Organisations that may ask about one person.
        orgs_per_subject: i64,
        /// Names that did not fit an ID number, in a row, after which one pauses (E05).
        misses_before_pause: i64,
        /// How long that pause is.
        pause_minutes: i64,
    }
    /// Imports.
    Imports {
        /// Rows of a file.
        max_rows: usize,
        /// Organisations of a file.
        max_orgs: usize,
        /// Bytes of a file.
        max_bytes: u64,
        /// Hours within which an import may be undone.
        undo_hours: i64,
        /// Days that a draft is kept.
        draft_days: i64,
    }
    /// Exports.
    Exports {
        /// Rows above which an export becomes a job.
        job_above: u64,
        /// People above which an export of whole numbers needs a second person.
        second_person_above: i64,
        /// Days within which the second person decides.
        consent_days: i64,
    }
    /// Lists.
    Pages {
        /// Rows of a page.
        size: u32,
        /// Most rows of a page.
        max: u32,
    }
    /// Thresholds of completeness (rows 152-154).
    Thresholds {
        /// Least people of a branch.
        branch_members: i64,
        /// Least cadres of a committee, work committee or general branch.
        cadres: i64,
        /// Least cadres of a leading organ.
        leading_cadres: i64,
    }
    /// Guide values (rows 60, 61).
    Guide {
        /// Members of a branch, least.
        branch_min: i64,
        /// Members of a branch, normally most.
        branch_max: i64,
        /// Members from which a general branch is usual.
        general_min: i64,
        /// Members from which a committee is usual.
        committee_min: i64,
        /// Members from which a branch elects a committee.
        committee_election_from: i64,
        /// Days after which a holding branch with people in it lingers.
        holding_days: i64,
    }
    /// Cadres, administrators, observers.
    CadrePolicy {
        /// Days for which a superior's confirmation of an administrator counts (a-24).
        confirm_days: i64,
        /// Days after which an unanswered superior is asked again.
        confirm_again_days: i64,
        /// Days without signing in after which an administrator's right rests (a-24).
        idle_days: i64,
        /// Days before that on which she and the superior are told.
        idle_notice_days: i64,
        /// Days before the end of a term on which it is said (row 62).
        term_notice_days: i64,
        /// Days of an observer's right, at most (decision 9).
        observer_max_days: i64,
        /// Observers of an organisation, at most.
        observers_max: usize,
        /// Fewest and most members of a branch committee (row 61).
        branch_committee: (usize, usize),
    }
    /// How long things are kept.
    Retention {
        /// Months that a school keeps a graduate without a job.
        school_mobile_months: i64,
        /// Months at most.
        school_mobile_max_months: i64,
        /// Days that uploaded import files are kept.
        import_files_days: i64,
        /// Days that deleted records can be restored.
        deleted_days: i64,
        /// Days that messages are kept.
        messages_days: i64,
    }
    /// Electronic archive (row 169).
    Archive {
        /// Admissions from this year on need one.
        from_year: i16,
        /// Bytes of a file.
        max_bytes: u64,
        /// Days after the approval of the admission.
        days: i64,
    }
    /// Disputed rules about organisations.
    OrgPolicy {
        /// Conflict 2: edits wait for the superior.
        edit_requires_approval: bool,
        /// Conflict 4: who may delete members.
        member_delete_min_level: String,
        /// Conflict 5: `holding` or `forbid`.
        branch_delete_with_people: String,
    }
    /// Disputed rules about transfers.
    TransferPolicy {
        /// Conflict 13: a member's own request waits for the source as well.
        source_consent_for_member_started: bool,
    }
    /// Acts of operators.
    Operations {
        /// Days that a proposal waits for a second operator.
        proposal_days: i64,
        /// Bytes of a statement (row 133).
        statement_bytes: u64,
        /// Days that the statement of an exception is kept.
        statement_days: i64,
        /// The same where it was not agreed to.
        statement_days_refused: i64,
    }
    /// Mandatory facts of some categories (C1).
    OrgNeeds {
        /// For which categories.
        categories: Vec<Category>,
        /// What they must have.
        items: Vec<OrgItem>,
    }
}

/// What opens the activation page of a new account (decision 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitialPassword {
    /// The last eight characters of the ID number.
    IdLast8,
    /// A printed one-time slip.
    ClaimCode,
}

/// When a captcha is asked (decision 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Captcha {
    /// After some failures.
    AfterFailures,
    /// Always.
    Always,
    /// Never (tests).
    Off,
}

/// Whose password is judged: his own numbers may not be in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct PasswordOwner<'a> {
    /// ID number.
    pub id_number: Option<&'a IdNumber>,
    /// Mobile number.
    pub mobile: Option<&'a Mobile>,
    /// Name; refused as a part of the password.
    pub name: &'a str,
}

/// Judges a new password (row 3); empty = good. Each sentence says what to change.
pub fn judge_password(password: &str, owner: PasswordOwner<'_>, rules: &Rules) -> Vec<String> {
    let rule = &rules.policy.password;
    // What looks the same to its typist is judged as the same: full-width digits are digits.
    let folded = folded(password);
    let password = folded.as_str();
    let chars: Vec<char> = password.chars().collect();
    let mut found = Vec::new();
    if chars.len() < rule.min || chars.len() > rule.max {
        found.push(format!(
            "密码应为 {} 至 {} 个字符,现在是 {} 个。",
            rule.min,
            rule.max,
            chars.len()
        ));
    }
    if kinds(&chars) < rule.kinds && chars.len() < PHRASE {
        found.push(format!("请至少用到字母、数字、符号中的 {} 种。", rule.kinds));
    }
    if too_plain(&chars, rule) {
        found.push("不要用连续或重复的字符,例如 123456、abcdef、aaaaaa。".to_owned());
    }
    if holds_own_number(password, owner, rule.own_digits) {
        found.push(format!(
            "不要用本人证件号或手机号里连续 {} 位以上的数字,别人容易猜到。",
            rule.own_digits
        ));
    }
    let name = owner.name.trim();
    if name.chars().count() >= 2 && password.contains(name) {
        found.push("不要把姓名放进密码,别人容易猜到。".to_owned());
    }
    if is_common(password, owner, rule) {
        found.push("这个密码太常见,请换一个别人想不到的。".to_owned());
    }
    found
}

fn kinds(chars: &[char]) -> usize {
    let digit = chars.iter().any(char::is_ascii_digit);
    let letter = chars.iter().any(|c| c.is_alphabetic());
    let sign = chars.iter().any(|c| !c.is_ascii_digit() && !c.is_alphabetic());
    usize::from(digit) + usize::from(letter) + usize::from(sign)
}

/// Too long a run, or hardly anything outside runs.
fn too_plain(chars: &[char], rule: &PasswordRule) -> bool {
    let runs = runs(chars);
    let longest = runs.iter().copied().max().unwrap_or(0);
    let inside: usize = runs.iter().filter(|&&run| run >= 3).sum();
    longest > rule.longest_run || chars.len().saturating_sub(inside) < rule.outside_runs
}

/// Lengths of the runs of equal, rising or falling characters, one after the other.
fn runs(chars: &[char]) -> Vec<usize> {
    let step = |a: char, b: char| match b as i64 - a as i64 {
        step @ -1..=1 => Some(step),
        _ => None,
    };
    let (mut runs, mut length, mut direction) = (Vec::new(), 1, None);
    for pair in chars.windows(2) {
        let now = step(pair[0], pair[1]);
        if now.is_some() && (direction.is_none() || now == direction) {
            length += 1;
            direction = now;
        } else {
            runs.push(length);
            // The character that ends one run begins the next: "aabcd" holds "aa" and "abcd".
            length = if now.is_some() { 2 } else { 1 };
            direction = now;
        }
    }
    runs.push(length);
    runs
}

fn holds_own_number(password: &str, owner: PasswordOwner<'_>, length: usize) -> bool {
    let folded = password.to_uppercase();
    let own = [owner.id_number.map(IdNumber::reveal), owner.mobile.map(Mobile::reveal)];
    own.into_iter().flatten().any(|number| {
        let backwards: String = number.chars().rev().collect();
        [number, backwards.as_str()].iter().any(|text| {
            (0..=text.len().saturating_sub(length))
                .filter_map(|at| text.get(at..at + length))
                .any(|piece| folded.contains(piece))
        })
    })
}

/// From so many characters on a password is a phrase, and its length does what kinds would.
const PHRASE: usize = 20;
/// What must be left beside words of the house and a year.
const OWN: usize = 6;
/// As much as the estimate reads: a longer password is only harder, and the work stays small.
const ESTIMATED: usize = 64;

/// Compatibility forms (full-width, circled, superscript) and Chinese numerals as plain digits.
fn folded(password: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    const NUMERALS: [&str; 10] =
        ["〇零", "一壹", "二贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖"];
    let text: String = password.nfkc().collect();
    // Single numerals are parts of words; four in a row are a number.
    let digit = |c: char| NUMERALS.iter().position(|forms| forms.contains(c));
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|c| digit(**c).is_some()).count();
        let plain = |c: &char| {
            digit(*c)
                .filter(|_| run >= 4)
                .and_then(|d| char::from_digit(u32::try_from(d).ok()?, 10))
        };
        let step = run.max(1);
        out.extend(chars[at..at + step].iter().map(|c| plain(c).unwrap_or(*c)));
        at += step;
    }
    out
}

/// Whether hardly anything is left when the words of the house, years and signs are taken away.
fn is_of_the_house(folded: &str, rule: &PasswordRule) -> bool {
    let mut rest = folded.to_owned();
    let mut words: Vec<&String> = rule.house_words.iter().collect();
    words.sort_by_key(|w| std::cmp::Reverse(w.len()));
    let mut found = false;
    for word in words {
        if rest.contains(word.as_str()) {
            found = true;
            rest = rest.replace(word.as_str(), " ");
        }
    }
    found && own_letters(&rest) < OWN
}

/// Letters and digits that are neither a year nor one more of the same.
fn own_letters(rest: &str) -> usize {
    let chars: Vec<char> = rest.chars().filter(|c| c.is_alphanumeric()).collect();
    // A year is one also with letters beside it.
    let own = |part: &[char]| {
        let year = part.len() >= 4 && matches!(part[..2], ['1', '9'] | ['2', '0']);
        let mut letters = part.to_vec();
        letters.dedup();
        if year && part[0].is_ascii_digit() { 0 } else { letters.len() }
    };
    chars.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()).map(own).sum()
}

/// A common password with a few characters around it is still a common one; so is what stands in
/// the dictionaries of attackers, a walk over the keyboard, or one's own name in pinyin with a year.
fn is_common(password: &str, owner: PasswordOwner<'_>, rule: &PasswordRule) -> bool {
    let folded = password.to_lowercase();
    let length = folded.chars().count();
    let mut denied = rule.denied.iter();
    if denied.any(|word| folded.contains(word.as_str()) && word.chars().count() * 2 >= length) {
        return true;
    }
    if is_of_the_house(&folded, rule) {
        return true;
    }
    let short: String = password.chars().take(ESTIMATED).collect();
    let spelled = spelled(owner.name);
    zxcvbn::zxcvbn(&short, &[owner.name, &spelled]).guesses() < rule.least_guesses
}

/// A name in pinyin, as people type it: 张三 → zhangsan.
fn spelled(name: &str) -> String {
    use pinyin::ToPinyin;
    name.to_pinyin().flatten().map(pinyin::Pinyin::plain).collect()
}

impl Guide {
    /// What is unusual about an organisation of that category with so many members in its subtree
    /// (rows 60, 61); nothing of an empty one, and never a reason to refuse.
    pub fn advice(&self, category: super::tree::Category, members: i64) -> Option<String> {
        use super::tree::Category as C;
        let fewest = match category {
            C::Branch => self.branch_min,
            C::General => self.general_min,
            C::Committee | C::Work => self.committee_min,
            _ => return None,
        };
        if category == C::Branch && members > self.branch_max {
            return Some(format!("超过 {} 人", self.branch_max));
        }
        (0 < members && members < fewest).then(|| format!("不足 {fewest} 人"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, proptest};

    fn id() -> IdNumber {
        IdNumber::from_stored("440106200503140016").expect("valid")
    }

    fn judge(password: &str) -> usize {
        let (id, mobile) = (id(), Mobile::from_stored("13812346021").expect("valid"));
        let owner = PasswordOwner { id_number: Some(&id), mobile: Some(&mobile), name: "张三" };
        judge_password(password, owner, Rules::builtin()).len()
    }

    #[test]
    fn good_passwords_pass_and_plain_ones_do_not() {
        let phrase = "蓝鲸 在 图书馆 三楼 看 雨, correct horse battery staple. ".repeat(3);
        let longest: String = phrase.chars().take(128).collect();
        for good in [
            "kite-7-river",
            "xk29mvq7",
            "山高水长Ab12!",
            "Tr0ub4dor&3",
            "correcthorsebatterystaple",
            "支部门口的第三棵树2019年开花",
            &longest,
        ] {
            assert_eq!(judge(good), 0, "{good}");
        }
        for bad in [
            "a1b2",
            "onlyletters",
            "12345678a",
            "abcdefg1",
            "aaaaaaa1",
            "Passw0rd!",
            "qwerty12",
            "Tuanjian1",
            "03140016ab",
            "13812346x",
            "张三ab12cd!",
            "abc12345",
            "aabcdefgX7",
            "zhangsan2024",
            "dragon1234",
            "football99",
            "iloveyou520",
            "zaq12wsx",
            // Words of the house with a year or a sign; full-width and Chinese digits.
            "智慧团建2026",
            "智慧团建２０２６",
            "智慧团建2026!!",
            "2026智慧团建",
            "共青团2026abc",
            "ZhihuiTuanjian2026",
            "tuanwei@2026",
            "团支部书记2025",
            "ａ２００５０３１４ｚ",
            "a２０050314kk",
            "x二〇〇五〇三一四x",
            "①③⑧①②③④⑥kq",
            "１２３４５６７８ａ",
        ] {
            assert!(judge(bad) > 0, "{bad}");
        }
        assert!(judge(&"aB3$".repeat(33)) > 0);
    }

    #[test]
    fn the_figures_of_the_decisions_are_in_the_file() {
        let policy = &Rules::builtin().policy;
        assert_eq!((policy.imports.max_rows, policy.imports.max_bytes), (20_000, 20 * 1024 * 1024));
        assert_eq!((policy.codes.registration_days, policy.codes.reset_days), (20, 2));
        assert_eq!((policy.session.idle_minutes, policy.session.absolute_hours), (30, 12));
        assert_eq!(policy.sign_in.initial_password, InitialPassword::IdLast8);
        assert_eq!(
            (policy.sign_in.captcha, policy.sign_in.captcha_after),
            (Captcha::AfterFailures, 3)
        );
    }

    proptest! {
        #[test]
        fn any_six_characters_of_the_own_id_number_are_refused_in_either_direction(at in 0usize..=12, back in any::<bool>()) {
            let id = id();
            let piece = &id.reveal()[at..at + 6];
            let piece: String = if back { piece.chars().rev().collect() } else { piece.to_owned() };
            let owner = PasswordOwner { id_number: Some(&id), ..PasswordOwner::default() };
            let found = judge_password(&format!("kW#{piece}v!"), owner, Rules::builtin());
            prop_assert!(found.iter().any(|says| says.contains("证件号")));
        }

        #[test]
        fn judging_any_password_never_panics(password in any::<String>()) {
            let _ = judge(&password);
        }
    }
}
