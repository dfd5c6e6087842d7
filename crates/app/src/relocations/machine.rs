//! The machine of a relocation (D5) as data: which step leads where, and who may take it.

use schemars::JsonSchema;
use serde::Serialize;

/// Where a relocation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not yet submitted; never stored.
    Draft,
    /// The present direct superior has not answered.
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
    /// 退回, with a reason.
    Return,
    /// 撤销申请.
    Withdraw,
    /// 超期退回.
    Expire,
    /// One of the three organisations is no more, or stands elsewhere by now.
    Cancel,
}

/// Who somebody is to a relocation. Computed from the organisation acted for, never posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// The organisation that moves; only it begins (row 54).
    Mover,
    OldParent,
    NewParent,
    /// The program itself.
    Clock,
}

/// One line of the table: from, verb, by, to.
pub type Edge = (State, Verb, Party, State);

use Party::{Clock, Mover, NewParent, OldParent};
use State::{Done, Draft, Expired, PendingNew, PendingOld, Rejected, Withdrawn};
use Verb::{Approve, Cancel, Expire, Return, Submit, Withdraw};

/// Every step that there is. What is not here can't happen.
pub const EDGES: &[Edge] = &[
    (Draft, Submit, Mover, PendingOld),
    (PendingOld, Approve, OldParent, PendingNew),
    (PendingOld, Return, OldParent, Rejected),
    (PendingNew, Approve, NewParent, Done),
    (PendingNew, Return, NewParent, Rejected),
    (PendingOld, Withdraw, Mover, Withdrawn),
    (PendingNew, Withdraw, Mover, Withdrawn),
    (PendingOld, Expire, Clock, Expired),
    (PendingNew, Expire, Clock, Expired),
    (PendingOld, Cancel, Clock, Rejected),
    (PendingNew, Cancel, Clock, Rejected),
];

/// The row of the rules (`transfer.toml`, `step`) that says how long a superior has.
pub const STEP: &str = "relocation";

/// Where `verb` leads, when one of `parties` may take it.
pub fn next(state: State, verb: Verb, parties: &[Party]) -> Option<State> {
    let fits = |e: &&Edge| e.0 == state && e.1 == verb && parties.contains(&e.2);
    EDGES.iter().find(fits).map(|e| e.3)
}

/// Whether anybody at all may take `verb` now.
pub fn is_open_to(state: State, verb: Verb) -> bool {
    EDGES.iter().any(|e| e.0 == state && e.1 == verb)
}

/// Who holds it in this state; `None` when it does not wait.
pub fn waits(state: State) -> Option<Party> {
    EDGES.iter().find(|e| e.0 == state && e.1 == Approve).map(|e| e.2)
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] = [Draft, PendingOld, PendingNew, Done, Rejected, Withdrawn, Expired];
    /// Whether it is at its end.
    pub fn ended(self) -> bool {
        matches!(self, Done | Rejected | Withdrawn | Expired)
    }
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Draft => "draft",
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
    /// The word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Draft => "未提交",
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
            PendingOld | PendingNew => "now",
        }
    }
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 6] = [Submit, Approve, Return, Withdraw, Expire, Cancel];
    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Submit => "submit",
            Approve => "approve",
            Return => "return",
            Withdraw => "withdraw",
            Expire => "expire",
            Cancel => "cancel",
        }
    }
    /// The kind of its event in the audit book.
    pub fn event(self) -> &'static str {
        match self {
            Submit => "relocation.submitted",
            Approve => "relocation.approved",
            Return => "relocation.returned",
            Withdraw => "relocation.withdrawn",
            Expire => "relocation.expired",
            Cancel => "relocation.cancelled",
        }
    }
    /// What was done, for the timeline and for those who came too late.
    pub fn did(code: &str) -> &'static str {
        match code {
            "submit" => "提交迁移申请",
            "approve" => "同意迁移",
            "return" => "退回申请",
            "withdraw" => "撤销申请",
            "expire" => "超期,系统自动退回",
            "cancel" => "组织有变动,系统自动退回",
            _ => "办理",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    const PARTIES: [Party; 4] = [Mover, OldParent, NewParent, Clock];

    proptest! {
        #[test]
        fn whatever_is_tried_it_ends_at_most_once_and_nothing_leads_out_of_an_end(
            tries in prop::collection::vec((0..Verb::ALL.len(), 0..PARTIES.len()), 0..40),
        ) {
            let (mut state, mut endings) = (Draft, 0);
            for (verb, party) in tries {
                let Some(to) = next(state, Verb::ALL[verb], &[PARTIES[party]]) else { continue };
                endings += u32::from(to.ended());
                state = to;
            }
            prop_assert_eq!(endings, u32::from(state.ended()));
        }
    }

    #[test]
    fn both_superiors_must_agree_in_their_order_and_only_the_mover_takes_it_back() {
        assert_eq!(next(PendingOld, Approve, &[OldParent]), Some(PendingNew));
        assert_eq!(next(PendingNew, Approve, &[NewParent]), Some(Done));
        for party in PARTIES {
            assert_eq!(next(PendingOld, Approve, &[party]).is_some(), party == OldParent);
            assert_eq!(next(PendingNew, Withdraw, &[party]).is_some(), party == Mover);
        }
        assert_eq!(
            (waits(PendingOld), waits(PendingNew), waits(Done)),
            (Some(OldParent), Some(NewParent), None)
        );
    }
}
