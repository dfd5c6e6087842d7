//! Lists of proposals and one of them for its page.

use super::{Judged, Proposal, State, acts, operator, read, sql};
use crate::{Cx, Error, Result, clock::Millis};
use schemars::JsonSchema;
use serde::Serialize;

/// A line of a list.
#[derive(Clone, Debug)]
pub struct Line {
    pub no: String,
    pub title: String,
    pub proposer: String,
    pub proposed_at: Millis,
    pub expires_at: Millis,
    pub state: State,
    pub decider: Option<String>,
    pub decided_at: Option<Millis>,
    /// Whoever looks proposed it herself.
    pub own: bool,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    pub lines: Vec<Line>,
    pub next: Option<String>,
}

/// What waits for a second operator, the most urgent first.
pub async fn waiting(cx: &mut Cx) -> Result<Vec<Line>> {
    operator(cx)?;
    let rows = sql::open(cx, 100).await?;
    rows.into_iter().map(|row| line(cx, row)).collect()
}

/// What was decided, the newest first.
pub async fn history(cx: &mut Cx, from: Option<&str>, size: i64) -> Result<Page> {
    operator(cx)?;
    let before = from.and_then(|mark| mark.parse().ok()).unwrap_or(i64::MAX);
    let size = size.clamp(1, 200);
    let mut rows = sql::ended(cx, before, size + 1).await?;
    let more = rows.len() > usize::try_from(size).unwrap_or(usize::MAX);
    if more {
        rows.pop();
    }
    let next = rows.last().filter(|_| more).map(|row| row.id.0.to_string());
    let lines = rows.into_iter().map(|row| line(cx, row)).collect::<Result<_>>()?;
    Ok(Page { lines, next })
}

fn line(cx: &Cx, row: sql::Line) -> Result<Line> {
    Ok(Line {
        own: row.proposed_by == cx.visitor()?.person,
        state: State::from_code(&row.state).unwrap_or(State::Open),
        no: row.no,
        title: row.title,
        proposer: row.proposer,
        proposed_at: row.proposed_at,
        expires_at: row.expires_at,
        decider: row.decider,
        decided_at: row.decided_at,
    })
}

/// What may be done now by whoever looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rights {
    /// Agree or not: only a second person.
    pub decide: bool,
    pub withdraw: bool,
}

/// A proposal with everything that its page shows.
#[derive(Debug)]
pub struct Shown {
    pub proposal: Proposal,
    pub rights: Rights,
    /// What it would do now; nothing once it has ended.
    pub judged: Option<Judged>,
    /// Why it can't be carried out at present.
    pub against: Vec<String>,
}

/// The proposal with this number, for operators.
pub async fn by_no(cx: &mut Cx, no: &str) -> Result<Shown> {
    operator(cx)?;
    let proposal = read(cx, no).await?;
    let open = proposal.state == State::Open;
    let (mut judged, mut against) = (None, Vec::new());
    if open {
        match acts::judge(cx, &proposal.act).await {
            Ok(found) => judged = Some(found),
            Err(Error::Invalid(errors)) => {
                against = errors.into_iter().map(|e| e.message).collect();
            }
            Err(e) => return Err(e),
        }
    }
    let own = proposal.proposed_by == cx.visitor()?.person;
    let late = proposal.expires_at < cx.now();
    Ok(Shown {
        rights: Rights { decide: open && !own && !late, withdraw: open && own },
        proposal,
        judged,
        against,
    })
}
