//! Transfer rules as data (C7): reasons and what they ask, return reasons and the ones that policy
//! forbids, days and reminders of each step, batch size, undo windows. The transfers room asks here.

use serde::{Deserialize, Serialize};

use super::{Rules, Validity, text};

/// The tables of transfer.toml.
#[derive(Debug, Deserialize)]
pub struct Transfers {
    /// People per batch; the server splits larger selections (decision 4).
    pub batch_size: usize,
    /// Why somebody is transferred.
    #[serde(rename = "reason")]
    pub reasons: Vec<Reason>,
    /// The extra fields of reasons.
    #[serde(rename = "field")]
    pub fields: Vec<Field>,
    /// Why a request is sent back (退回原因).
    #[serde(rename = "return_reason")]
    pub return_reasons: Vec<ReturnReason>,
    #[serde(rename = "guard_rail")]
    guard_rails: Vec<GuardRail>,
    /// Waiting steps.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
    #[serde(rename = "undo")]
    undo: Vec<Undo>,
}

/// One transfer reason.
#[derive(Debug, Deserialize)]
pub struct Reason {
    /// Stored code.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// Who may choose it.
    pub audience: Audience,
    /// Whether a target is chosen.
    pub target: Target,
    /// Codes of the fields that must be filled besides the target.
    pub fields: Vec<String>,
    /// Kinds of target that it excludes: `township`, `school`.
    #[serde(default)]
    pub not_to: Vec<String>,
    /// Marks of members for whom it is offered first.
    #[serde(default)]
    pub fits: Vec<String>,
    /// The destination rule as a sentence.
    pub where_to: String,
    /// False: ended by operators; what names it already keeps it, nothing new may.
    #[serde(default = "super::lists::yes")]
    pub listed: bool,
    /// When the row counts.
    #[serde(flatten)]
    pub validity: Validity,
}

/// Who may choose a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Graduates of this year.
    Graduate,
    /// Everybody else.
    Other,
    /// Everybody.
    Both,
}

/// What kind of target a reason has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// An organisation is chosen.
    Org,
    /// None: special unit, decided by the province (row 105).
    None,
    /// A special branch of the own school.
    Stay,
}

/// One extra field of a reason.
#[derive(Debug, Deserialize)]
pub struct Field {
    /// Key in forms.
    pub code: String,
    /// Chinese name.
    pub label: String,
    /// Fixed choices; empty = free text.
    #[serde(default)]
    pub choices: Vec<String>,
}

/// One return reason.
#[derive(Debug, Deserialize)]
pub struct ReturnReason {
    /// Stored code.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// What the starter can do next.
    pub hint: String,
    /// True when free text must be added.
    #[serde(default)]
    pub needs_text: bool,
    /// False: ended by operators; what names it already keeps it, nothing new may.
    #[serde(default = "super::lists::yes")]
    pub listed: bool,
    /// When the row counts.
    #[serde(flatten)]
    pub validity: Validity,
}

#[derive(Debug, Deserialize)]
struct GuardRail {
    /// What the clause is about.
    words: Vec<String>,
    /// What makes a reason of it; empty: naming it does.
    #[serde(default)]
    lacks: Vec<String>,
    /// What says that all is well with it.
    #[serde(default)]
    unless: Vec<String>,
    says: String,
}
impl GuardRail {
    /// Whether a clause gives this as the reason, and does not only mention it.
    fn is_reason(&self, clause: &str) -> bool {
        let has = |words: &[String]| words.iter().any(|word| clause.contains(word.as_str()));
        has(&self.words) && (self.lacks.is_empty() || has(&self.lacks)) && !has(&self.unless)
    }
}

/// How long a step waits.
#[derive(Debug, Deserialize)]
pub struct Step {
    /// `source`, `target`, `allocation`, `province`, `external`.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// Calendar days.
    pub days: i64,
    /// What happens after them.
    pub on_timeout: OnTimeout,
    /// Days after the start on which the approver is reminded.
    pub reminders: Vec<i64>,
}

/// What happens when a step has waited too long (conflict 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// Ends and goes back (超期退回).
    Return,
    /// Passes by itself.
    Approve,
    /// Stays open, with a reminder.
    Remind,
}

#[derive(Debug, Deserialize)]
struct Undo {
    what: String,
    #[serde(default)]
    hours: i64,
    #[serde(default)]
    minutes: i64,
}

impl Transfers {
    /// The reasons that a graduate (or somebody else) may choose on that day, in list order.
    pub fn reasons_for(
        &self,
        graduate: bool,
        today: jiff::civil::Date,
    ) -> impl Iterator<Item = &Reason> {
        let own = if graduate { Audience::Graduate } else { Audience::Other };
        self.reasons.iter().filter(move |row| {
            (row.audience == own || row.audience == Audience::Both)
                && row.listed
                && row.validity.covers(today)
        })
    }

    /// The reasons that lead to an organisation for somebody with this mark of graduation, those
    /// that fit her mark first (decision 30). Graduates have a list of their own.
    pub fn offered(&self, mark: Option<&str>, today: jiff::civil::Date) -> Vec<&Reason> {
        let mut rows: Vec<&Reason> = self
            .reasons_for(mark == Some("graduate"), today)
            .filter(|row| row.target == Target::Org)
            .collect();
        rows.sort_by_key(|row| !mark.is_some_and(|mark| row.fits.iter().any(|fit| fit == mark)));
        rows
    }

    /// The reason with that code.
    pub fn reason(&self, code: &str) -> Option<&Reason> {
        self.reasons.iter().find(|row| row.code == code)
    }

    /// The extra field with that code.
    pub fn field(&self, code: &str) -> Option<&Field> {
        self.fields.iter().find(|row| row.code == code)
    }

    /// The return reason with that code.
    pub fn return_reason(&self, code: &str) -> Option<&ReturnReason> {
        self.return_reasons.iter().find(|row| row.code == code)
    }

    /// The step with that code.
    pub fn step(&self, code: &str) -> Option<&Step> {
        self.steps.iter().find(|row| row.code == code)
    }

    /// Hours within which the thing may be undone; 0 when it may not.
    pub fn undo_hours(&self, what: &str) -> i64 {
        self.undo.iter().find(|row| row.what == what).map_or(0, |row| row.hours)
    }

    /// Minutes within which the thing may be undone; 0 when it may not.
    pub fn undo_minutes(&self, what: &str) -> i64 {
        let row = self.undo.iter().find(|row| row.what == what);
        row.map_or(0, |row| row.hours * 60 + row.minutes)
    }

    /// The sentence that answers a forbidden return reason (missing paper file, probation);
    /// `None` when the text is fine. The reason is judged, not the mention: clause by clause.
    pub fn guard_rail(&self, free_text: &str) -> Option<&str> {
        let text = text::compact(free_text);
        let mut clauses =
            text.split(['，', ',', '。', '；', ';', '！', '!', '？', '?', '、', ':', '：']);
        let hit = |clause: &str| self.guard_rails.iter().find(|rail| rail.is_reason(clause));
        clauses.find_map(hit).map(|rail| rail.says.as_str())
    }
}

/// The fields of a reason that are not filled: (code, Chinese name). `target_starts`: the target
/// side starts the transfer. An unknown reason misses nothing; ask [`Transfers::reason`] first.
pub fn missing_fields<'a>(
    reason: &Reason,
    filled: impl Fn(&str) -> bool,
    rules: &'a Rules,
) -> Vec<(&'a str, &'a str)> {
    let missing = reason.fields.iter().filter(|code| !filled(code));
    missing
        .filter_map(|code| rules.transfer.field(code))
        .map(|field| (field.code.as_str(), field.label.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 21);

    fn transfers() -> &'static Transfers {
        &Rules::builtin().transfer
    }

    #[test]
    fn graduates_and_others_have_eight_reasons_each() {
        assert_eq!(transfers().reasons_for(true, TODAY).count(), 8);
        assert_eq!(transfers().reasons_for(false, TODAY).count(), 8);
    }

    #[test]
    fn what_fits_the_marks_is_offered_first_and_graduates_have_their_own_list() {
        let first = |mark| transfers().offered(mark, TODAY).first().map(|r| r.code.as_str());
        assert_eq!(first(Some("teacher")), Some("job_change"));
        assert_eq!(first(Some("mobile")), Some("left_job"));
        assert_eq!(first(None), Some("study_or_change_school"));
        let codes: Vec<&str> =
            transfers().offered(Some("graduate"), TODAY).iter().map(|r| r.code.as_str()).collect();
        assert!(codes.contains(&"further_study") && !codes.contains(&"job_change"), "{codes:?}");
    }

    #[test]
    fn every_field_that_a_reason_names_exists() {
        for reason in &transfers().reasons {
            let missing = missing_fields(reason, |_| false, Rules::builtin());
            assert_eq!(missing.len(), reason.fields.len(), "{}", reason.code);
        }
    }

    #[test]
    fn a_special_unit_has_no_target_but_needs_a_remark() {
        let reason = transfers().reason("special_unit").expect("exists");
        assert_eq!(reason.target, Target::None);
        let missing = missing_fields(reason, |_| false, Rules::builtin());
        assert_eq!(missing, [("remark", "备注")]);
    }

    #[test]
    fn forbidden_return_reasons_are_answered() {
        let answer = |text| transfers().guard_rail(text);
        assert!(answer("纸质 档案还没到").is_some_and(|says| says.contains("不能作为退回的理由")));
        assert!(answer("还在试用期").is_some_and(|says| says.contains("已就业")));
        for lack in
            ["档案没有寄来", "请先补交志愿书", "团员证没带", "档案不全，请补齐", "纸质介绍信未到"]
        {
            assert!(answer(lack).is_some(), "{lack}");
        }
        for fine in [
            "不在我单位工作",
            "已核对档案，姓名写错",
            "已核对档案,姓名写错",
            "档案里的姓名和系统不一致，请更正姓名",
            "档案没有问题，转入组织选错了",
            "试用期已满，已转到分公司",
        ] {
            assert_eq!(answer(fine), None, "{fine}");
        }
    }

    #[test]
    fn approval_steps_wait_ten_days_and_go_back() {
        for code in ["source", "target", "province", "external"] {
            let step = transfers().step(code).expect("exists");
            assert_eq!((step.days, step.on_timeout), (10, OnTimeout::Return));
            assert_eq!(step.reminders, [3, 7, 9]);
        }
        let step = transfers().step("allocation").expect("exists");
        assert_eq!(step.on_timeout, OnTimeout::Remind);
        assert_eq!((transfers().batch_size, transfers().undo_hours("batch_transfer")), (30, 24));
    }
}
