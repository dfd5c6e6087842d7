//! 团干部列表 (A27) and the history of somebody's posts (A29).

use super::{posts::SECRETARY, sql};
use crate::{Action, Cx, Error, OrgRef, Result, clock::Millis, people::PersonId};

/// A row of the list.
#[derive(Clone, Debug)]
pub struct Line {
    pub person_code: String,
    pub name: String,
    pub org_code: String,
    pub org_name: String,
    pub org_path: String,
    pub post: String,
    /// 任现职年月.
    pub since: Option<String>,
    pub nature: Option<String>,
    pub admin: bool,
    pub has_mobile: bool,
    pub complete: bool,
}
impl Line {
    /// Whether it is the 书记.
    pub fn is_secretary(&self) -> bool {
        self.post == SECRETARY
    }
}

/// Whose cadres are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Those of one organisation.
    Of(&'a OrgRef),
    /// Those of all its direct children, in their order.
    Children(&'a OrgRef),
}

/// Cadres, fifty from the mark `after` on, with the mark of the next page.
pub async fn list(
    cx: &mut Cx,
    whose: Whose<'_>,
    after: Option<&str>,
) -> Result<(Vec<Line>, Option<String>)> {
    let (Whose::Of(org) | Whose::Children(org)) = whose;
    if !cx.may(Action::SeeCadres, &org.path) {
        return Err(Error::NotFound);
    }
    let mark = after.and_then(sql::Mark::read).unwrap_or_default();
    let mut rows = match whose {
        Whose::Of(org) => sql::list_of(cx, org, &mark, 51).await?,
        Whose::Children(org) => sql::list_of_children(cx, org, &mark, 51).await?,
    };
    let more = rows.len() > 50;
    rows.truncate(50);
    let next = rows.last().filter(|_| more).map(|row| row.mark().write());
    Ok((rows.into_iter().map(Line::from).collect(), next))
}

/// Who holds which post of the organisation acted for, for those who only look at its home
/// (decision 28): name and post, at most fifty.
pub async fn posts_of_home(cx: &mut Cx) -> Result<Vec<(String, String)>> {
    let org = cx.org()?.clone();
    if !cx.may(Action::SeeHome, &org.path) {
        return Err(Error::NotFound);
    }
    let rows = sql::list_of(cx, &org, &sql::Mark::default(), 50).await?;
    Ok(rows.into_iter().map(Line::from).map(|line| (line.name, line.post)).collect())
}

/// Rows that can be taken away in one table.
pub(super) const MOST_TAKEN: usize = 5000;

/// All of them, one more than can be taken away at most.
pub(super) async fn all(cx: &mut Cx, whose: Whose<'_>) -> Result<Vec<Line>> {
    let (Whose::Of(org) | Whose::Children(org)) = whose;
    if !cx.may(Action::SeeCadres, &org.path) {
        return Err(Error::NotFound);
    }
    let (mut mark, mut lines) = (sql::Mark::default(), Vec::new());
    loop {
        let rows = match whose {
            Whose::Of(org) => sql::list_of(cx, org, &mark, 1000).await?,
            Whose::Children(org) => sql::list_of_children(cx, org, &mark, 1000).await?,
        };
        let (more, last) = (rows.len() == 1000, rows.last().map(sql::ListRow::mark));
        lines.extend(rows.into_iter().map(Line::from));
        match last {
            Some(last) if more && lines.len() <= MOST_TAKEN => mark = last,
            _ => return Ok(lines),
        }
    }
}

/// A post that somebody has or had.
#[derive(Clone, Debug)]
pub struct Past {
    pub org_code: String,
    pub org_name: String,
    pub post: String,
    pub since: Option<String>,
    pub started_at: Millis,
    pub ended_at: Option<Millis>,
    pub end_reason: Option<String>,
    pub admin: bool,
}

/// Every post of a person in the organisations that the visitor sees, newest first; a hundred at
/// most.
pub async fn history(cx: &mut Cx, person: PersonId) -> Result<Vec<Past>> {
    let scope = cx.scope(Action::SeeCadres)?;
    sql::history(cx, person, &scope).await
}
