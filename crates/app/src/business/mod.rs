//! 业务: what every kind of approval has in common. A row that waits in somebody's hands until a
//! day, its steps with actor, time and reason, reminders and 催办, lapse, withdrawal, and the lists
//! of 操作中心. A kind ([`Matter`]) is a few rows of the machine and a room of its own that says what
//! an approval brings about and what the parties are told (`transfers`, `relocations`).

mod clockwork;
mod list;
/// Steps and who may take them, as data.
pub mod machine;
mod sql;
mod taking;

pub use list::{
    Ask, Line, Page, Sort, count_waiting, decided, kind_of, started, waiting, waiting_below,
};
pub use sql::Step;

pub(crate) use clockwork::{expire_due, remind_due};
pub(crate) use list::{from_rows, mark_of};
pub(crate) use sql::{Row, entered, step_to};
pub(crate) use taking::{
    New, Standing, Turn, begin, found, note_step, note_taken, read, standing, still_open, take,
    timeline, too_late, urge, withdraw,
};

use crate::{
    Action, Cx, Error, OrgRef, Permit, Result,
    clock::{DAY, Millis, days_since},
    orgs::{OrgId, parent_path},
    people::PersonId,
};
use machine::{Kind, Party, State, Variant, Verb};

db::id!(
    /// A row of business.
    BusinessId
);

/// What stands for the source where its name is not told.
pub(crate) const SOURCE: &str = "原支部";

/// Whether an organisation that asked for somebody (转入) is not told where she is: until the source
/// has agreed, and for good when it never does (security a-2).
pub(crate) fn hides_source(
    variant: Variant,
    state: State,
    from_path: &str,
    viewer: &OrgRef,
) -> bool {
    let agreed = matches!(state, State::PendingAlloc | State::Done);
    variant.comes_from_target() && !agreed && !viewer.covers(from_path)
}

/// One 催办 in a day; the submission itself counts as the first.
const URGE_EVERY: Millis = DAY;

/// What it is about.
#[derive(Clone, Debug)]
pub enum Subject {
    Person {
        id: PersonId,
        code: String,
        name: String,
    },
    /// Where it stands now.
    Org(OrgRef),
}

/// One application, of whatever kind.
#[derive(Clone, Debug)]
pub struct Case {
    pub id: BusinessId,
    /// 业务编号.
    pub no: String,
    /// Grows with every step; forms carry it.
    pub version: i64,
    pub variant: Variant,
    pub state: State,
    pub subject: Subject,
    pub started_by: PersonId,
    pub starter_name: String,
    pub started_org: OrgRef,
    /// Where it leads from: the source, or the present superior.
    pub from: OrgRef,
    /// Where it leads to: the target, or the new superior.
    pub to: OrgRef,
    /// Code of the rules' reason, or the reason in words.
    pub reason: String,
    pub remark: String,
    /// The branch that was meant when it began.
    pub wish: Option<OrgId>,
    /// The end of the last day of the present step; `None` when it does not lapse.
    pub deadline: Option<Millis>,
    /// The organisation in whose hands it is; `None` when it has ended.
    pub waits_for: Option<OrgId>,
    /// Where the person came in the end.
    pub branch: Option<OrgId>,
    /// Code of the rules' return reason.
    pub return_reason: Option<String>,
    pub return_note: Option<String>,
    pub urged_at: Option<Millis>,
    pub created_at: Millis,
    pub ended_at: Option<Millis>,
    pub(crate) fields_ct: Option<Vec<u8>>,
}

impl Case {
    /// What an organisation is to it (security 29: computed, never posted).
    pub fn parties(&self, acting: &OrgRef) -> Vec<Party> {
        let is_above = |org: &OrgRef| parent_path(&org.path) == Some(acting.path.as_str());
        let mut parties = Vec::new();
        for (holds, party) in [
            (acting.id == self.started_org.id, Party::Starter),
            (acting.id == self.from.id, Party::Source),
            (is_above(&self.from), Party::SourceSuperior),
            (acting.id == self.to.id, Party::Target),
            (is_above(&self.to), Party::TargetSuperior),
        ] {
            if holds {
                parties.push(party);
            }
        }
        parties
    }
    /// The organisation in whose hands it is.
    pub fn holder(&self) -> Option<&OrgRef> {
        [&self.to, &self.from, &self.started_org].into_iter().find(|o| Some(o.id) == self.waits_for)
    }
    /// Calendar days left until the deadline, today not counted.
    pub fn days_left(&self, now: Millis) -> Option<i64> {
        self.deadline.map(|end| days_since(now, end))
    }
    /// Whether the last day is over; the row's deadline decides, not whether the clockwork has been
    /// here already.
    pub fn has_lapsed(&self, now: Millis) -> bool {
        self.deadline.is_some_and(|end| end < now)
    }
    /// From when on the side that waits may 催办.
    pub fn urge_from(&self) -> Millis {
        self.urged_at.unwrap_or(self.created_at) + URGE_EVERY
    }
    /// Whether 催办 makes sense now: it waits in another's hands, and a day has passed.
    pub(crate) fn may_be_urged_by(&self, acting: &OrgRef, now: Millis) -> bool {
        self.waits_for.is_some_and(|holder| holder != acting.id) && self.urge_from() <= now
    }
    /// Whether `viewer` asked for her and is not told where she is: see [`hides_source`].
    pub(crate) fn hides_source_from(&self, viewer: &OrgRef) -> bool {
        hides_source(self.variant, self.state, &self.from.path, viewer)
    }
    /// Whether a step was taken at the source, which `viewer` is not told of.
    pub(crate) fn is_of_source(&self, step: &Step, viewer: &OrgRef) -> bool {
        let at_source = [Verb::Approve, Verb::Return, Verb::Undo, Verb::Pass];
        self.hides_source_from(viewer)
            && step.org.is_some()
            && at_source.iter().any(|verb| verb.code() == step.verb)
    }
    /// Its page for somebody who acts for `org`.
    pub fn href(&self, org: &OrgRef) -> String {
        format!("/o/{}/{}/{}", org.code, self.variant.kind().folder(), self.no)
    }
    /// Where `verb` leads for whoever acts for `acting`; `None` when it is not hers to take.
    pub(crate) fn next(&self, verb: Verb, acting: &OrgRef) -> Option<State> {
        machine::next(self.variant, self.state, verb, &self.parties(acting))
    }
}

/// What one kind of business adds to what all have in common.
pub(crate) trait Matter: Sized {
    const KIND: Kind;
    /// The right of whoever decides.
    const DECIDE: Action;
    /// The right of whoever takes it back and urges.
    const TAKE_BACK: Action;
    /// `Broken` when the row is about something else.
    fn of(case: Case) -> Result<Self>;
    fn case(&self) -> &Case;
    fn case_mut(&mut self) -> &mut Case;
    /// Whether whoever acts may see it.
    async fn sees(&self, cx: &mut Cx) -> Result<bool>;
    /// It has ended without effect: what was held for it is free again.
    async fn unwind(&self, cx: &mut Cx, permit: &Permit) -> Result<()>;
    /// What is said to whoever decides after the last day.
    fn lapsed(&self) -> String;
    /// Where the same can be begun once more; `base` is the organisation's address.
    fn again(&self, base: &str) -> String;
    async fn tell_withdrawn(&self, cx: &mut Cx, held: Option<&OrgRef>) -> Result<()>;
    async fn tell_expired(&self, cx: &mut Cx, held: Option<&OrgRef>) -> Result<()>;
    /// To the holder.
    async fn tell_urged(&self, cx: &mut Cx, holder: &OrgRef) -> Result<()>;
    /// To the holder; `above`: to its direct superior as well.
    async fn tell_reminder(
        &self,
        cx: &mut Cx,
        holder: &OrgRef,
        above: Option<&OrgRef>,
    ) -> Result<()>;
    /// Uses the permit up with the step's event, written for everybody concerned.
    async fn record(&self, cx: &mut Cx, permit: Permit, verb: Verb) -> Result<()>;
}

/// Numbers like `ZJ20260615-004821`: the day, and a number by chance, so that no counter is in
/// everybody's way. Ten thousand a day still find a free one at once; nine digits when a day is
/// nearly full.
async fn new_number(cx: &mut Cx, kind: Kind) -> Result<String> {
    let today = crate::clock::beijing(cx.now()).strftime("%Y%m%d").to_string();
    for turn in 0..12 {
        let mut bytes = [0_u8; 8];
        cx.house().chance(&mut bytes);
        let drawn = u64::from_be_bytes(bytes);
        let (letters, six) = (kind.letters(), drawn % 1_000_000);
        let no = match turn {
            0..6 => format!("{letters}{today}-{six:06}"),
            _ => format!("{letters}{today}-{:09}", drawn % 1_000_000_000),
        };
        if !sql::is_taken(cx, &no).await? {
            return Ok(no);
        }
    }
    Err(Error::Busy)
}

/// Free text must not carry ID or telephone numbers into lists, messages and the book.
pub(crate) fn without_numbers(field: &'static str, text: &str) -> Result<()> {
    let longest = text.split(|c: char| !c.is_numeric()).map(|run| run.chars().count()).max();
    if longest.unwrap_or(0) > 6 {
        let says = "请不要在这里写证件号或电话号码,它们会出现在几方的列表和消息里。";
        return Err(Error::field(field, "personal", says));
    }
    Ok(())
}
