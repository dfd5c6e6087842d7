//! One error for the whole business; only `web` knows status codes and pages for it.

use crate::clash::{self, Clash};
use db::DbError;
use schemars::JsonSchema;
use serde::Serialize;

/// What a use-case returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be done, in words for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not to be seen by this visitor: the same answer for both.
    #[error("not found")]
    NotFound,
    /// Nobody is signed in, or the sign-in has ended.
    #[error("signed out")]
    SignedOut,
    /// Seen, but not allowed (E21); `may` says which roles can do it at all, `why` what stands in the
    /// way here and who can, in a sentence; empty where nothing more is known.
    #[error("forbidden: {action}")]
    Forbidden { action: &'static str, may: String, why: String },
    /// Somebody else was first (E22), or the thing is no longer in the state for it.
    #[error("conflict")]
    Conflict(Box<Refusal>),
    /// The page was older than the data: both values are shown (E22).
    #[error("stale")]
    Stale(Vec<Difference>),
    /// Some fields are not right; the form comes back with everything typed.
    #[error("invalid")]
    Invalid(Vec<FieldError>),
    /// A rule stands against it; said with its reason and what to do now.
    #[error("refused: {}", .0.code)]
    Refused(Box<Refusal>),
    /// Too many attempts; try again after so many seconds.
    #[error("too many attempts")]
    TooMany { seconds: i64 },
    /// The program takes no changes at present.
    #[error("read-only")]
    ReadOnly,
    /// The database came back from a backup, and nobody has acknowledged it yet.
    #[error("the database came back from a backup; run `tuanjian restore-acknowledge`")]
    Restored,
    /// More work than places; try again in a moment.
    #[error("busy")]
    Busy,
    /// No longer kept.
    #[error("gone")]
    Gone,
    /// An organisation that was closed: where its people went, for those who may know.
    #[error("closed: {}", .0.code)]
    Closed(Box<Refusal>),
    /// Another transaction was in the way: the whole request is run again by `web`.
    #[error("to be run again")]
    Retry,
    /// A constraint of the schema refused what a twin or a repeated action had made impossible. The
    /// request is run again some times, so that the use-case sees it and says it better; then this
    /// says what it means.
    #[error("clash on {}", .0.name)]
    Clash(&'static Clash),
    /// A permit was given but no audit row written: a mistake of ours, and nothing is committed.
    #[error("a permit was used without an audit row")]
    Unrecorded,
    /// The database can't be reached or has no space.
    #[error("storage: {0}")]
    Storage(&'static str),
    /// A sound file could not be read because of us: its reader did not start, died or was not
    /// given the time. The text goes to the log.
    #[error("a file was not read: {0}")]
    Unread(String),
    /// A mistake of ours. The text goes to the log, never to the page.
    #[error("broken: {0}")]
    Broken(String),
}

/// One field that is not right.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name in the form and in JSON.
    pub field: String,
    /// A stable code of the catalogue (`ux.md` F).
    pub code: String,
    /// The sentence that stands beside the field.
    pub message: String,
}
impl FieldError {
    /// A field error.
    pub fn new(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
    /// Whether the centre may set it aside for somebody (row 133): pages say how to ask for it.
    pub fn may_be_excused(&self) -> bool {
        crate::rules::age::may_be_excused(&self.code, crate::rules::Rules::builtin())
    }
}

/// A refusal with its reason and the ways on.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq)]
pub struct Refusal {
    /// A stable code of the catalogue (`ux.md` F).
    pub code: String,
    /// What happened and why.
    pub message: String,
    /// What can be done now.
    pub ways: Vec<Way>,
}

/// A link that leads on.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq)]
pub struct Way {
    pub label: String,
    pub href: String,
}

/// A field whose stored value changed while the page was open. The values may be personal: they go
/// onto the page of whoever edits, and never print themselves.
#[derive(Clone, Serialize, JsonSchema, PartialEq, Eq)]
pub struct Difference {
    pub label: String,
    pub yours: String,
    pub theirs: String,
}

impl std::fmt::Debug for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Difference({})", self.label)
    }
}

impl Refusal {
    /// A refusal without ways on.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), ways: Vec::new() }
    }
    /// Adds a way on.
    #[must_use]
    pub fn way(mut self, label: &str, href: impl Into<String>) -> Self {
        self.ways.push(Way { label: label.into(), href: href.into() });
        self
    }
}

impl Error {
    /// One wrong field.
    pub fn field(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, code, message)])
    }
    /// A rule that stands against it.
    pub fn refused(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
    /// Whether running the whole again may go better: another transaction was in the way, or has
    /// done meanwhile what this one was about to do. `turn` counts the runs before.
    pub fn is_worth_another_turn(&self, turn: u32) -> bool {
        match self {
            Self::Retry => true,
            // Whatever was in the way is there for all to see: looking again once or twice is enough.
            Self::Clash(_) => turn < 3,
            _ => false,
        }
    }
    /// Somebody was first, or the state has changed.
    pub fn conflict(refusal: Refusal) -> Self {
        Self::Conflict(Box::new(refusal))
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Retry => Self::Retry,
            DbError::NoRow => Self::NotFound,
            DbError::Full => Self::Storage("full"),
            DbError::Gone => Self::Storage("gone"),
            DbError::Unique { on } => clash::of_unique(&on),
            DbError::Constraint { on } => clash::of_check(&on),
            DbError::Foreign { .. } => Self::Clash(&clash::REFERENCE),
            other => Self::Broken(other.to_string()),
        }
    }
}
