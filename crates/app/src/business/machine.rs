//! The machine of every kind of business (D4, D5) as data: which step leads where, and who may take
//! it. Pure; the use-cases ask it and do what it says. A further kind of approval, or a further
//! variant of a transfer (V5-V11), is a few more rows in [`EDGES`] and [`WAITS`].

use crate::{
    clock::{DAY, HOUR, Millis, days_since, end_of_day_after},
    rules::transfer::{OnTimeout, Step},
};
use schemars::JsonSchema;
use serde::Serialize;

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 组织关系转接: of a person.
    Transfer,
    /// 组织迁移: of an organisation.
    Relocation,
}

/// How a transfer was begun and where it goes, or what else it is; decides its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Variant {
    /// 转入 begun by a branch: the source agrees.
    V1,
    /// 转出 to a branch.
    V2,
    /// 转出 to a committee, work committee or general branch, which allocates a branch.
    V3,
    /// 转入 begun by an organisation that is no branch: the source agrees, the starter allocates.
    V4,
    /// 组织迁移: the present direct superior agrees, then the new one.
    R,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not yet submitted; never stored.
    Draft,
    PendingSource,
    PendingTarget,
    PendingAlloc,
    /// The present direct superior of what moves has not answered.
    PendingOld,
    /// The new one has not answered.
    PendingNew,
    Done,
    Rejected,
    Withdrawn,
    Expired,
}

/// What can be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Submit,
    Approve,
    /// 分配团支部.
    Allocate,
    /// 退回, with a reason.
    Return,
    /// 撤销申请.
    Withdraw,
    /// 超期退回.
    Expire,
    /// It goes back by itself: an organisation that it needs is no more, or stands elsewhere.
    Cancel,
    /// 撤销审批, within minutes, by whoever decided; see [`BACK`].
    Undo,
    /// 催办 by the side that waits; the state stays.
    Urge,
    /// 转交: a colleague or the superior is asked to look; the state stays.
    Pass,
    /// The clockwork reminds the holder; no step, only an event.
    Remind,
}

/// Who somebody is to it. Computed from the organisation acted for, never posted. The source of a
/// relocation is the present direct superior, its target the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// The side that began it.
    Starter,
    Source,
    SourceSuperior,
    Target,
    TargetSuperior,
    /// Whom a transfer is about (decision 29): she may take it back, whoever began it.
    Person,
    /// The program itself.
    Clock,
}

/// One line of the table.
pub struct Edge {
    /// For which variants.
    pub of: &'static [Variant],
    pub from: State,
    pub verb: Verb,
    /// Who may take it.
    pub by: &'static [Party],
    pub to: State,
}

use Party::{Clock, Person, Source, SourceSuperior, Starter, Target, TargetSuperior};
use State::{
    Done, Draft, Expired, PendingAlloc, PendingNew, PendingOld, PendingSource, PendingTarget,
    Rejected, Withdrawn,
};
use Variant::{R, V1, V2, V3, V4};
use Verb::{Allocate, Approve, Cancel, Expire, Pass, Remind, Return, Submit, Undo, Urge, Withdraw};

const SOURCE: &[Party] = &[Source, SourceSuperior];
const TAKERS_BACK: &[Party] = &[Starter, Person];

const fn edge(
    of: &'static [Variant],
    from: State,
    verb: Verb,
    by: &'static [Party],
    to: State,
) -> Edge {
    Edge { of, from, verb, by, to }
}

/// Every step that there is. What is not here can't happen.
pub const EDGES: &[Edge] = &[
    edge(&[V2, V3], Draft, Submit, &[Starter], PendingTarget),
    edge(&[V2], PendingTarget, Approve, &[Target, TargetSuperior], Done),
    edge(&[V2], PendingTarget, Return, &[Target, TargetSuperior], Rejected),
    edge(&[V3], PendingTarget, Approve, &[Target], PendingAlloc),
    edge(&[V3], PendingTarget, Return, &[Target], Rejected),
    edge(&[V3, V4], PendingAlloc, Allocate, &[Target], Done),
    edge(&[V3], PendingAlloc, Return, &[Target], Rejected),
    edge(&[V2, V3], PendingTarget, Withdraw, TAKERS_BACK, Withdrawn),
    edge(&[V3, V4], PendingAlloc, Withdraw, TAKERS_BACK, Withdrawn),
    edge(&[V2, V3], PendingTarget, Expire, &[Clock], Expired),
    edge(&[V2, V3], PendingTarget, Cancel, &[Clock], Rejected),
    edge(&[V3, V4], PendingAlloc, Cancel, &[Clock], Rejected),
    edge(&[V1, V4], Draft, Submit, &[Starter], PendingSource),
    edge(&[V1], PendingSource, Approve, SOURCE, Done),
    edge(&[V4], PendingSource, Approve, SOURCE, PendingAlloc),
    edge(&[V1, V4], PendingSource, Return, SOURCE, Rejected),
    edge(&[V1, V4], PendingSource, Withdraw, TAKERS_BACK, Withdrawn),
    edge(&[V1, V4], PendingSource, Expire, &[Clock], Expired),
    edge(&[V1, V4], PendingSource, Cancel, &[Clock], Rejected),
    edge(&[R], Draft, Submit, &[Starter], PendingOld),
    edge(&[R], PendingOld, Approve, &[Source], PendingNew),
    edge(&[R], PendingOld, Return, &[Source], Rejected),
    edge(&[R], PendingOld, Withdraw, &[Starter], Withdrawn),
    edge(&[R], PendingOld, Expire, &[Clock], Expired),
    edge(&[R], PendingOld, Cancel, &[Clock], Rejected),
    edge(&[R], PendingNew, Approve, &[Target], Done),
    edge(&[R], PendingNew, Return, &[Target], Rejected),
    edge(&[R], PendingNew, Withdraw, &[Starter], Withdrawn),
    edge(&[R], PendingNew, Expire, &[Clock], Expired),
    edge(&[R], PendingNew, Cancel, &[Clock], Rejected),
];

/// Where a decision may be taken back to within minutes (B.6): variants, after it, before it. Not
/// among [`EDGES`], because nothing else leads out of an ended state.
pub const BACK: &[(&[Variant], State, State)] = &[
    (&[V1], Done, PendingSource),
    (&[V2], Done, PendingTarget),
    (&[V3], PendingAlloc, PendingTarget),
    (&[V3], Done, PendingTarget),
    (&[V3, V4], Done, PendingAlloc),
    (&[V4], PendingAlloc, PendingSource),
];

/// In whose hands it waits, and which row of the rules (`transfer.toml`, `step`) says
/// how long: variants, state, holder, step.
pub const WAITS: &[(&[Variant], State, Party, &str)] = &[
    (&[V2, V3], PendingTarget, Target, "target"),
    (&[V1, V4], PendingSource, Source, "source"),
    (&[V3, V4], PendingAlloc, Target, "allocation"),
    (&[R], PendingOld, Source, "relocation"),
    (&[R], PendingNew, Target, "relocation"),
];

/// Where `verb` leads, when one of `parties` may take it.
pub fn next(variant: Variant, state: State, verb: Verb, parties: &[Party]) -> Option<State> {
    find(variant, state, verb).filter(|e| parties.iter().any(|p| e.by.contains(p))).map(|e| e.to)
}

/// Whether anybody at all may take `verb` now.
pub fn is_open_to(variant: Variant, state: State, verb: Verb) -> bool {
    find(variant, state, verb).is_some()
}

/// Whether a decision that led from `before` to `after` may be taken back.
pub fn leads_back(variant: Variant, after: State, before: State) -> bool {
    BACK.iter().any(|(of, a, b)| of.contains(&variant) && (*a, *b) == (after, before))
}

fn find(variant: Variant, state: State, verb: Verb) -> Option<&'static Edge> {
    EDGES.iter().find(|e| e.of.contains(&variant) && e.from == state && e.verb == verb)
}

/// Who holds it in this state, and its row of the rules; `None` when it does not wait.
pub fn waits(variant: Variant, state: State) -> Option<(Party, &'static str)> {
    WAITS
        .iter()
        .find(|(of, at, ..)| of.contains(&variant) && *at == state)
        .map(|(_, _, party, step)| (*party, *step))
}

/// The end of the last day on which a step can be taken (calendar days, Beijing); `None` for a
/// step that only reminds.
pub fn deadline(step: &Step, entered: Millis) -> Option<Millis> {
    (step.on_timeout != OnTimeout::Remind).then(|| end_of_day_after(entered, step.days))
}

/// What the clockwork does when a step has waited too long.
pub fn timeout(step: &Step) -> Option<Verb> {
    match step.on_timeout {
        OnTimeout::Return => Some(Expire),
        OnTimeout::Approve => Some(Approve),
        OnTimeout::Remind => None,
    }
}

/// When the holder is reminded next: at nine in the morning of the days that the rules name, and
/// every day after these when the step does not lapse.
pub fn next_reminder(step: &Step, entered: Millis, now: Millis) -> Option<Millis> {
    let nine = |days: i64| end_of_day_after(entered, days) + 1 - DAY + 9 * HOUR;
    let named = step.reminders.iter().copied().map(nine).filter(|at| *at > now).min();
    let for_ever = || {
        let days = days_since(entered, now);
        [nine(days), nine(days + 1)].into_iter().find(|at| *at > now)
    };
    named.or_else(|| (step.on_timeout == OnTimeout::Remind).then(for_ever).flatten())
}

/// Whether the reminder of today also goes to the direct superior: the last one before the step
/// lapses.
pub fn escalates(step: &Step, entered: Millis, now: Millis) -> bool {
    let last = step.reminders.iter().copied().max();
    step.on_timeout != OnTimeout::Remind && last.is_some_and(|d| days_since(entered, now) >= d)
}

impl Kind {
    /// All of them, in the order of pages.
    pub const ALL: [Self; 2] = [Self::Transfer, Self::Relocation];
    /// As stored, as the object of its events and as the kind of its messages.
    pub fn code(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Relocation => "relocation",
        }
    }
    /// As stored, read back.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.code() == code)
    }
    /// As it is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Transfer => "组织关系转接",
            Self::Relocation => "组织迁移",
        }
    }
    /// Which of its addresses, behind the organisation's, its page is.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Transfer => "t",
            Self::Relocation => "r",
        }
    }
    /// How its numbers begin.
    pub(super) fn letters(self) -> &'static str {
        match self {
            Self::Transfer => "ZJ",
            Self::Relocation => "QY",
        }
    }
    /// The event of a step in the audit book.
    pub fn event(self, verb: Verb) -> &'static str {
        macro_rules! events {
            ($kind:literal) => {
                match verb {
                    Submit => concat!($kind, ".submitted"),
                    Approve => concat!($kind, ".approved"),
                    Allocate => concat!($kind, ".allocated"),
                    Return => concat!($kind, ".returned"),
                    Withdraw => concat!($kind, ".withdrawn"),
                    Expire => concat!($kind, ".expired"),
                    Cancel => concat!($kind, ".cancelled"),
                    Undo => concat!($kind, ".undone"),
                    Urge => concat!($kind, ".urged"),
                    Pass => concat!($kind, ".passed_on"),
                    Remind => concat!($kind, ".reminded"),
                }
            };
        }
        match self {
            Self::Transfer => events!("transfer"),
            Self::Relocation => events!("relocation"),
        }
    }
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 5] = [V1, V2, V3, V4, R];
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            V1 => "V1",
            V2 => "V2",
            V3 => "V3",
            V4 => "V4",
            R => "R",
        }
    }
    /// As stored, read back.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.code() == code)
    }
    /// Of which kind it is.
    pub fn kind(self) -> Kind {
        match self {
            V1 | V2 | V3 | V4 => Kind::Transfer,
            R => Kind::Relocation,
        }
    }
    /// 转入: the side that receives has begun it and the source decides.
    pub fn comes_from_target(self) -> bool {
        matches!(self, V1 | V4)
    }
    /// Whether the person is put into one of the target's branches.
    pub fn allocates(self) -> bool {
        matches!(self, V3 | V4)
    }
    /// As it is called: 转出, 转入 or 迁移.
    pub fn label(self) -> &'static str {
        match self {
            V1 | V4 => "转入",
            V2 | V3 => "转出",
            R => "迁移",
        }
    }
}

impl State {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Draft,
        PendingSource,
        PendingTarget,
        PendingAlloc,
        PendingOld,
        PendingNew,
        Done,
        Rejected,
        Withdrawn,
        Expired,
    ];
    /// Whether it is at its end.
    pub fn ended(self) -> bool {
        matches!(self, Done | Rejected | Withdrawn | Expired)
    }
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Draft => "draft",
            PendingSource => "pending_source",
            PendingTarget => "pending_target",
            PendingAlloc => "pending_alloc",
            PendingOld => "pending_old",
            PendingNew => "pending_new",
            Done => "done",
            Rejected => "rejected",
            Withdrawn => "withdrawn",
            Expired => "expired",
        }
    }
    /// As stored, read back.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }
    /// The word on pages (处理状态).
    pub fn label(self) -> &'static str {
        match self {
            Draft => "未提交",
            PendingSource => "待转出方审批",
            PendingTarget => "待转入方审批",
            PendingAlloc => "待分配团支部",
            PendingOld => "待原上级审批",
            PendingNew => "待新上级审批",
            Done => "已完成",
            Rejected => "已退回",
            Withdrawn => "已撤销",
            Expired => "超期退回",
        }
    }
    /// How it looks: the kinds of the page's chips.
    pub fn look(self) -> &'static str {
        match self {
            Done => "ok",
            Rejected | Expired => "err",
            Withdrawn | Draft => "off",
            _ => "now",
        }
    }
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 11] =
        [Submit, Approve, Allocate, Return, Withdraw, Expire, Cancel, Undo, Urge, Pass, Remind];
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Submit => "submit",
            Approve => "approve",
            Allocate => "allocate",
            Return => "return",
            Withdraw => "withdraw",
            Expire => "expire",
            Cancel => "cancel",
            Undo => "undo",
            Urge => "urge",
            Pass => "pass",
            Remind => "remind",
        }
    }
    /// Whether it leaves the state as it is.
    pub fn is_still(code: &str) -> bool {
        [Urge, Pass, Remind].iter().any(|verb| verb.code() == code)
    }
    /// What was done, for the timeline and for those who came too late.
    pub fn did(code: &str) -> &'static str {
        match code {
            "submit" => "提交申请",
            "approve" => "同意",
            "allocate" => "分配团支部",
            "return" => "退回申请",
            "withdraw" => "撤销申请",
            "expire" => "超期,系统自动退回",
            "cancel" => "情况有变,系统自动退回",
            "undo" => "撤销审批,恢复到审批前",
            "urge" => "催办",
            "pass" => "转交",
            _ => "办理",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

    const PARTIES: [Party; 7] =
        [Starter, Source, SourceSuperior, Target, TargetSuperior, Person, Clock];
    const BEGUN: Millis = 1_781_488_920_000; // 2026-06-15 10:02 in Beijing

    proptest! {
        #[test]
        fn whatever_is_tried_stays_in_the_table_and_ends_at_most_once(
            variant in 0..Variant::ALL.len(),
            tries in prop::collection::vec((0..Verb::ALL.len(), 0..PARTIES.len()), 0..40),
        ) {
            let variant = Variant::ALL[variant];
            let (mut state, mut endings) = (Draft, 0);
            for (verb, party) in tries {
                let (verb, party) = (Verb::ALL[verb], PARTIES[party]);
                let Some(to) = next(variant, state, verb, &[party]) else { continue };
                prop_assert!(!state.ended(), "nothing leads out of {state:?}");
                prop_assert!(EDGES.iter().any(|e| e.of.contains(&variant)
                    && (e.from, e.verb, e.to) == (state, verb, to) && e.by.contains(&party)));
                endings += u32::from(to.ended());
                state = to;
            }
            prop_assert_eq!(endings, u32::from(state.ended()));
        }

        #[test]
        fn a_reminder_always_lies_ahead_and_before_the_deadline(hours in 0_i64..24 * 30) {
            let now = BEGUN + hours * HOUR;
            for step in &Rules::builtin().transfer.steps {
                let Some(at) = next_reminder(step, BEGUN, now) else { continue };
                prop_assert!(at > now);
                prop_assert!(deadline(step, BEGUN).is_none_or(|end| at < end));
            }
        }
    }

    #[test]
    fn every_waiting_state_has_a_holder_a_rule_and_a_way_out() {
        for variant in Variant::ALL {
            for state in State::ALL {
                let reachable = EDGES.iter().any(|e| e.of.contains(&variant) && e.to == state);
                if !reachable || state.ended() {
                    continue;
                }
                let (_, step) = waits(variant, state).expect("somebody holds it");
                let step = Rules::builtin().transfer.step(step).expect("the rules know the step");
                assert!(is_open_to(variant, state, Withdraw));
                // Whoever allocates what she began herself takes it back instead of returning it.
                let own = variant == V4 && state == PendingAlloc;
                assert!(is_open_to(variant, state, Return) || own);
                if let Some(verb) = timeout(step) {
                    assert!(next(variant, state, verb, &[Clock]).is_some(), "{state:?} can lapse");
                }
            }
        }
    }

    #[test]
    fn what_is_taken_back_was_decided_before_and_waits_again() {
        for (of, after, before) in BACK {
            for variant in *of {
                let mut at = *before;
                while at != *after {
                    at = [Approve, Allocate]
                        .into_iter()
                        .find_map(|verb| find(*variant, at, verb))
                        .expect("a decision leads there")
                        .to;
                }
                assert!(waits(*variant, *before).is_some());
            }
        }
    }

    #[test]
    fn nobody_but_the_other_side_decides_and_only_the_starter_and_the_person_withdraw() {
        for party in PARTIES {
            let source = |variant, verb| next(variant, PendingSource, verb, &[party]).is_some();
            for variant in [V1, V4] {
                let decides = matches!(party, Source | SourceSuperior);
                assert_eq!(source(variant, Approve), decides);
                assert_eq!(source(variant, Return), decides);
                assert_eq!(source(variant, Withdraw), TAKERS_BACK.contains(&party));
            }
            let may = |variant, verb| next(variant, PendingTarget, verb, &[party]).is_some();
            let superior = party == TargetSuperior;
            assert_eq!(may(V2, Approve), party == Target || superior);
            assert_eq!(may(V3, Approve), party == Target);
            assert_eq!(may(V2, Withdraw), TAKERS_BACK.contains(&party));
            assert_eq!(may(V3, Expire), party == Clock);
        }
    }

    #[test]
    fn both_superiors_agree_to_a_relocation_in_their_order_and_only_the_mover_takes_it_back() {
        for party in PARTIES {
            let may = |state, verb| next(R, state, verb, &[party]);
            assert_eq!(may(PendingOld, Approve), (party == Source).then_some(PendingNew));
            assert_eq!(may(PendingNew, Approve), (party == Target).then_some(Done));
            assert_eq!(may(PendingNew, Withdraw).is_some(), party == Starter);
        }
    }

    #[test]
    fn the_approver_is_reminded_on_days_3_7_9_and_the_superior_on_day_9() {
        let step = Rules::builtin().transfer.step("target").expect("exists");
        let mut now = BEGUN;
        let mut days = Vec::new();
        while let Some(at) = next_reminder(step, BEGUN, now) {
            days.push((days_since(BEGUN, at), escalates(step, BEGUN, at)));
            now = at;
        }
        assert_eq!(days, [(3, false), (7, false), (9, true)]);
        let end = deadline(step, BEGUN).expect("it lapses");
        assert_eq!(crate::clock::show_time(end), "2026-06-25 23:59");
    }

    #[test]
    fn an_allocation_is_reminded_of_every_day_and_never_lapses() {
        let step = Rules::builtin().transfer.step("allocation").expect("exists");
        assert_eq!(deadline(step, BEGUN), None);
        let mut now = BEGUN;
        for wanted in 1..40 {
            now = next_reminder(step, BEGUN, now).expect("every day");
            assert_eq!(days_since(BEGUN, now), wanted);
        }
    }
}
