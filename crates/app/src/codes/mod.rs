//! 管理员注册码 (rows 22-27, decision 7): a superior's administrators issue codes for their direct
//! children; each makes one person administrator of the organisation that it was issued for. Only
//! a keyed hash of a code is stored; the plain codes of one issue stay sealed in a file of whoever
//! issued them, for as long as they can be of use.

mod issue;
mod join;
mod list;
mod reminders;
/// The plain codes of one issue: page, workbook, slips.
pub mod sheet;
mod sql;

pub use issue::{Issued, Order, issue, issue_all, revoke, revoke_all, run, waiting_for};
pub use join::{Bind, Joining, Offer, PostChoice, bind, offer, register};
pub use list::{Counts, List, Row, counts, list, of_child};
pub use reminders::remind_due;

use crate::{
    clock::Millis,
    rules::{Rules, fields},
};
use issue::hash;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

db::id!(
    /// A registration code.
    CodeId
);

/// Where the newest code of an organisation stands (D1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// 未生成.
    None,
    /// 待使用.
    Waiting,
    /// 已使用.
    Used,
    /// 已过期.
    Expired,
    /// 已作废.
    Revoked,
}
impl State {
    /// All of them, in the order of the page's tabs.
    pub const ALL: [Self; 5] =
        [Self::None, Self::Waiting, Self::Used, Self::Expired, Self::Revoked];
    /// As stored and in addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Waiting => "waiting",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
    /// As stored, read back; a waiting code whose time is over has run out.
    pub(crate) fn read(code: Option<&str>, expires_at: Option<Millis>, now: Millis) -> Self {
        match code {
            Some("waiting") if expires_at.is_some_and(|at| at > now) => Self::Waiting,
            Some("waiting" | "expired") => Self::Expired,
            Some("used") => Self::Used,
            Some("revoked") => Self::Revoked,
            _ => Self::None,
        }
    }
    /// The word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "未生成",
            Self::Waiting => "待使用",
            Self::Used => "已使用",
            Self::Expired => "已过期",
            Self::Revoked => "已作废",
        }
    }
}

/// What somebody typed or pasted as a code, as it is hashed: capitals without spaces and hyphens.
/// A label before it (`注册码：`), its link or the whole message that it came in are left aside;
/// `None` when no code, or more than one, can be found.
pub fn tidy(typed: &str) -> Option<String> {
    let length = Rules::builtin().policy.codes.registration_length;
    let text: String = fields::plain(typed).to_ascii_uppercase();
    let hyphen = |c: char| matches!(c, '-' | '‐' | '‑' | '–' | '—' | '−' | '_' | '.');
    let code: String = text.chars().filter(|c| !c.is_whitespace() && !hyphen(*c)).collect();
    let is_code =
        |code: &str| code.len() == length && code.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_code(&code) {
        return Some(code);
    }
    // The address says it for certain.
    let linked = text.split("/JOIN/").skip(1).map(|rest| {
        rest.chars()
            .filter(|c| !hyphen(*c))
            .take_while(char::is_ascii_alphanumeric)
            .collect::<String>()
    });
    let mut linked: Vec<String> = linked.filter(|code| is_code(code)).collect();
    linked.dedup();
    if let [code] = linked.as_slice() {
        return Some(code.clone());
    }
    let whole = |c: char| c.is_ascii_alphanumeric() || hyphen(c);
    let mut runs: Vec<String> = text
        .split(|c| !whole(c))
        .map(|run| run.chars().filter(|c| !hyphen(*c)).collect::<String>())
        .filter(|run| !run.is_empty())
        .collect();
    // `K7QM 2RDX`: the halves of a code that was copied with a blank.
    let halves = runs.windows(2).filter(|pair| pair.iter().all(|run| run.len() * 2 == length));
    let halves: Vec<String> = halves.map(<[String]>::concat).collect();
    runs.retain(|run| is_code(run));
    let mut found = if runs.is_empty() { halves } else { runs };
    found.sort_unstable();
    found.dedup();
    // A day (20261208) has no letters, a word no digits.
    let mixed = |code: &String| {
        code.bytes().any(|b| b.is_ascii_digit()) && code.bytes().any(|b| b.is_ascii_alphabetic())
    };
    if found.len() > 1 {
        found.retain(mixed);
    }
    match found.as_slice() {
        [code] => Some(code.clone()),
        _ => None,
    }
}

/// A code as people read it: `K7QM-2RDX`.
pub fn grouped(code: &str) -> String {
    match code.split_at_checked(code.len() / 2) {
        Some((left, right)) if !left.is_empty() => format!("{left}-{right}"),
        _ => code.to_owned(),
    }
}

/// Whole days until `end`, at least 1 while any time is left.
pub(crate) fn days_left(end: Millis, now: Millis) -> i64 {
    let days = crate::clock::day(now).until(crate::clock::day(end)).unwrap_or_default();
    i64::from(days.get_days()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_in_any_case_with_spaces_hyphens_and_wide_letters() {
        for typed in [
            "k7qm2rdx",
            "K7QM-2RDX",
            " k7qm 2rdx ",
            "\u{FF2B}7QM\u{FF12}RDX",
            "K7QM—2RDX",
            "注册码 K7QM-2RDX",
            "注册码：k7qm 2rdx。",
            "（K7QM-2RDX）",
            "\u{200B}K7QM\u{2011}2RDX\u{FEFF}",
            "https://tuan.example/join/K7QM2RDX",
            "tuan.example/join/k7qm-2rdx?from=wechat",
            "【庐州大学】请“软件学院”的管理员打开 https://tuan.example/join/K7QM2RDX 注册，20261208 24:00 前有效。也可以输入注册码 K7QM-2RDX。",
        ] {
            assert_eq!(tidy(typed).as_deref(), Some("K7QM2RDX"), "{typed}");
        }
        for typed in ["", "K7QM2RD", "K7QM2RDXX", "注册码注册码注册", "K7QM2RD'"] {
            assert_eq!(tidy(typed), None, "{typed}");
        }
        assert_eq!(grouped("K7QM2RDX"), "K7QM-2RDX");
    }

    #[test]
    fn a_waiting_code_ends_with_its_last_millisecond() {
        let read = |at| State::read(Some("waiting"), Some(1000), at);
        assert_eq!(read(999), State::Waiting);
        assert_eq!(read(1000), State::Expired);
        assert_eq!(State::read(None, None, 0), State::None);
    }
}
