//! 任期 (62): how long a committee sits, when that is over, and the reminders to its organisation.

use super::sql;
use crate::{
    Action, Cx, House, OrgRef, Result, Who, act,
    clock::day,
    events::Event,
    messages::{Message, To, send},
    orgs::Category,
    rules::Rules,
};
use jiff::{ToSpan, civil::Date};

/// The term of a committee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Years at most.
    pub years: i64,
    pub elected_on: Date,
    /// The day before which the next election is due.
    pub ends: Date,
    /// Days until then; negative when it is over.
    pub days_left: i64,
}
impl Term {
    /// Whether the election is due.
    pub fn is_over(&self) -> bool {
        self.days_left < 0
    }
    /// Whether it is time to prepare it.
    pub fn ends_soon(&self) -> bool {
        !self.is_over() && self.days_left <= Rules::builtin().policy.cadres.term_notice_days
    }
}

/// The term of an organisation of that category and industry that elected on that day; `None`
/// where it never did, or the category has no term.
pub fn term(
    category: Category,
    industry: Option<&str>,
    elected_on: Option<&str>,
    today: Date,
) -> Option<Term> {
    let tree = &Rules::builtin().tree;
    let school = industry.and_then(|code| tree.industry(code)).is_some_and(|row| row.is_school);
    let years = tree.term_years(category, school, today)?;
    let elected_on: Date = elected_on?.parse().ok()?;
    let ends = elected_on.checked_add(years.years()).ok()?;
    Some(Term { years, elected_on, ends, days_left: i64::from((ends - today).get_days()) })
}

/// The term of an organisation.
pub async fn term_of(cx: &mut Cx, org: &OrgRef) -> Result<Option<Term>> {
    let (industry, elected_on) = sql::term_facts(cx, org.id).await?;
    Ok(term(org.category, industry.as_deref(), elected_on.as_deref(), day(cx.now())))
}

/// Reminds organisations whose term ends soon, and once more when it is over. For the clockwork;
/// each is said once.
pub async fn remind_terms(house: &House) -> Result<u64> {
    let mut sent = 0;
    let lead = Rules::builtin().policy.cadres.term_notice_days;
    for years in Rules::builtin().tree.term_lengths() {
        for soon in [true, false] {
            sent += remind_of(house, years, soon, lead).await?;
        }
    }
    Ok(sent)
}

async fn remind_of(house: &House, years: i64, soon: bool, lead: i64) -> Result<u64> {
    let today = day(house.now());
    let back = |days: i64| {
        let shifted = today.checked_add(days.days()).and_then(|d| d.checked_sub(years.years()));
        shifted.map(|d| d.to_string()).unwrap_or_default()
    };
    let kind = if soon { "soon" } else { "over" };
    let (from, to) = if soon { (back(0), back(lead)) } else { (back(-lead), back(-1)) };
    let (mut mark, mut sent) = ((from, 0_i64), 0);
    loop {
        let mut cx = house.read(Who::System("terms")).await?;
        let due = sql::terms_due(&mut cx, (&mark.0, mark.1), &to, kind).await?;
        drop(cx);
        let Some(last) = due.last() else { return Ok(sent) };
        mark = (last.elected_on.clone(), last.id);
        let due: Vec<_> = due
            .into_iter()
            .filter_map(|row| {
                let category = Category::from_code(&row.category)?;
                let of = term(category, row.industry.as_deref(), Some(&row.elected_on), today)?;
                (of.years == years).then_some((row, of))
            })
            .collect();
        let due = &due;
        sent += act!(house, Who::System("terms"), |cx| remind(cx, due, kind).await)?;
    }
}

async fn remind(cx: &mut Cx, due: &[(sql::Due, Term)], kind: &str) -> Result<u64> {
    if due.is_empty() {
        return Ok(0);
    }
    let permit = cx.permit_system(Action::RunSystem)?;
    let mut sent = 0;
    for (row, term) in due {
        if !sql::note_term(cx, &permit, row.id, &row.elected_on, kind).await? {
            continue;
        }
        let title = if term.is_over() {
            format!("本组织的任期已于 {} 届满", term.ends)
        } else {
            format!("本组织的任期将于 {} 届满,还有 {} 天", term.ends, term.days_left)
        };
        let body = format!(
            "上一次换届是 {},任期 {} 年。换届后请在“换届”里一次办完:免职、任职和管理员交接。",
            term.elected_on, term.years
        );
        let href = format!("/o/{}/elections/new", row.code);
        let to = To::Org(crate::orgs::OrgId(row.id));
        send(cx, Message { to, kind: "cadre", title, body, href }).await?;
        sent += 1;
    }
    let event = Event::new("terms.reminded", "org", 0);
    cx.record(permit, event.detail(serde_json::json!({ "orgs": sent }))).await?;
    Ok(sent)
}
