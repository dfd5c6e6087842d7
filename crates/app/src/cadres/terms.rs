//! 任期 (62): how long a committee sits, when that is over, and the reminders to its organisation.

use super::sql;
use crate::{
    Action, Cx, Error, FieldError, House, OrgRef, Refusal, Result, Who, act,
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
    /// The day before which the next election is due, with what the superior has granted.
    pub ends: Date,
    /// Until when it is put off.
    pub put_off: Option<Date>,
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
    (elected_on, put_off): (Option<&str>, Option<&str>),
    today: Date,
) -> Option<Term> {
    let tree = &Rules::builtin().tree;
    let school = industry.and_then(|code| tree.industry(code)).is_some_and(|row| row.is_school);
    let years = tree.term_years(category, school, today)?;
    let elected_on: Date = elected_on?.parse().ok()?;
    let ends = elected_on.checked_add(years.years()).ok()?;
    let put_off = put_off.and_then(|day| day.parse::<Date>().ok()).filter(|day| *day > ends);
    let ends = put_off.unwrap_or(ends);
    Some(Term { years, elected_on, ends, put_off, days_left: i64::from((ends - today).get_days()) })
}

/// The term of an organisation.
pub async fn term_of(cx: &mut Cx, org: &OrgRef) -> Result<Option<Term>> {
    let (industry, elected_on, put_off) = sql::term_facts(cx, org.id).await?;
    let days = (elected_on.as_deref(), put_off.as_deref());
    Ok(term(org.category, industry.as_deref(), days, day(cx.now())))
}

/// The last day to which the superior may put the election off; `None` without a term.
pub async fn latest_of(cx: &mut Cx, org: &OrgRef) -> Result<Option<Date>> {
    let (industry, elected_on, _) = sql::term_facts(cx, org.id).await?;
    let today = day(cx.now());
    let plain = term(org.category, industry.as_deref(), (elected_on.as_deref(), None), today);
    let months = Rules::builtin().tree.extension_months(org.category, today);
    Ok(plain.and_then(|t| t.ends.checked_add(months.months()).ok()))
}

/// 延期换届: the superior puts the election of a direct child off (row 62), half a year at most for a
/// branch, a year otherwise. Errors: refused `no_term`; `Invalid` (`until`, `reason`).
pub async fn put_off(cx: &mut Cx, org: &OrgRef, until: &str, reason: &str) -> Result<Term> {
    let permit = cx.permit(Action::PutOffElection, org)?;
    crate::orgs::lock(cx, &permit, org.id).await?;
    crate::orgs::hold_living(cx, org).await?;
    let (Some(now), Some(latest)) = (term_of(cx, org).await?, latest_of(cx, org).await?) else {
        let says = format!(
            "“{}”还没有登记最近一次换届的时间，不能延期。请先在它的组织信息里填写换届时间。",
            org.short_name
        );
        return Err(Error::refused(Refusal::new("no_term", says)));
    };
    let (until, reason) = (until.trim(), reason.trim());
    let plain = now.elected_on.checked_add(now.years.years()).unwrap_or(now.ends);
    let mut wrong = Vec::new();
    let wanted = until.parse::<Date>().ok().filter(|day| *day > plain && *day <= latest);
    if wanted.is_none() {
        let months = Rules::builtin().tree.extension_months(org.category, day(cx.now()));
        let says = format!(
            "任期 {plain} 届满，{}最多延期 {months} 个月。请填写 {plain} 之后、{latest} 以前的日期。",
            org.category.label()
        );
        wrong.push(FieldError::new("until", "date", says));
    }
    if !(2..=200).contains(&reason.chars().count()) {
        wrong.push(FieldError::new("reason", "required", "请写明延期的原因（2 至 200 个字）。"));
    }
    let (Some(wanted), true) = (wanted, wrong.is_empty()) else {
        return Err(Error::Invalid(wrong));
    };
    crate::business::without_numbers("reason", reason)?;
    crate::orgs::put_election_off(cx, &permit, org, wanted).await?;
    let title = format!("本组织的换届可以延期到 {wanted}");
    let by = cx.org().map(|o| o.short_name.clone()).unwrap_or_default();
    let body = format!("由{by}的{}批准。原因：{reason}。请在延期内完成换届。", cx.actor_name());
    let href = format!("/o/{}/info", org.code);
    send(cx, Message { to: To::Org(org.id), kind: "cadre", title, body, href }).await?;
    let detail = serde_json::json!({
        "name": format!("到 {wanted}，{reason}"), "until": wanted.to_string(),
    });
    let event = Event::new("org.election_put_off", "org", org.id.0).at(&org.path).detail(detail);
    cx.record(permit, event).await?;
    let days_left = i64::from((wanted - day(cx.now())).get_days());
    Ok(Term { ends: wanted, put_off: Some(wanted), days_left, ..now })
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
    for soon in [true, false] {
        sent += remind_put_off(house, soon, lead).await?;
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
                let days = (Some(row.elected_on.as_str()), row.term_until.as_deref());
                let of = term(category, row.industry.as_deref(), days, today)?;
                // What was put off is spoken of at its own day.
                (of.years == years && of.put_off.is_none()).then_some((row, of))
            })
            .collect();
        let due = &due;
        sent += act!(house, Who::System("terms"), |cx| remind(cx, due, kind).await)?;
    }
}

/// The same for those whose election was put off, at the end of that.
async fn remind_put_off(house: &House, soon: bool, lead: i64) -> Result<u64> {
    let today = day(house.now());
    let shifted =
        |days: i64| today.checked_add(days.days()).map(|d| d.to_string()).unwrap_or_default();
    let kind = if soon { "put_off_soon" } else { "put_off_over" };
    let (from, to) = if soon { (shifted(0), shifted(lead)) } else { (shifted(-lead), shifted(-1)) };
    let (mut mark, mut sent) = ((from, 0_i64), 0);
    loop {
        let mut cx = house.read(Who::System("terms")).await?;
        let due = sql::put_off_due(&mut cx, (&mark.0, mark.1), &to, kind).await?;
        drop(cx);
        let Some(last) = due.last() else { return Ok(sent) };
        mark = (last.term_until.clone().unwrap_or_default(), last.id);
        let due: Vec<_> = due
            .into_iter()
            .filter_map(|row| {
                let category = Category::from_code(&row.category)?;
                let days = (Some(row.elected_on.as_str()), row.term_until.as_deref());
                let of = term(category, row.industry.as_deref(), days, today)?;
                of.put_off.is_some().then_some((row, of))
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
        let put_off = if term.put_off.is_some() { "，已批准延期" } else { "" };
        let body = format!(
            "上一次换届是 {},任期 {} 年{put_off}。换届后请在“换届”里一次办完:免职、任职和管理员交接。",
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
