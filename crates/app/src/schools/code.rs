//! 学校机构编号 (row 56, A50): ten digits, unique, for independent schools alone.

use super::{is_school, sql};
use crate::{
    Action, Cx, Error, OrgRef, Refusal, Result, error::Difference, events::Event, orgs::Category,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// Why an organisation has no number of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum WhyNot {
    /// 团的领导机关.
    LeadingOrgan,
    /// Not of the school sector.
    NotASchool,
    /// A college, a class: the school above has the number.
    PartOf { school: String },
}
impl WhyNot {
    /// In words: why, and what to do.
    pub fn says(&self) -> String {
        match self {
            Self::LeadingOrgan => {
                "团的领导机关没有学校机构编号。下级学校由学校团委自己填写,你可以在学校专区看到填写情况。".into()
            }
            Self::NotASchool => {
                "只有学校才有学校机构编号。如果本组织是学校,请先在组织信息里把“单位所属行业类别”改为学校。".into()
            }
            Self::PartOf { school } => format!(
                "学校机构编号由独立设置的学校填写,院系、年级和班级不用填。本组织属于“{school}”,编号在那里填写。"
            ),
        }
    }
}

/// What the page of the number shows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Seat {
    pub school_code: Option<String>,
    /// Whether it is of the school sector.
    pub is_school: bool,
    /// Why it has no number of its own.
    pub why_not: Option<WhyNot>,
    /// Whether the visitor may change it.
    pub may_edit: bool,
}

/// How the organisation stands to 学校机构编号.
pub async fn seat(cx: &mut Cx, org: &OrgRef) -> Result<Seat> {
    if !cx.may(Action::SeeOrg, &org.path) {
        return Err(Error::NotFound);
    }
    let facts = sql::facts(cx, org).await?;
    let school = facts.industry.as_deref().is_some_and(is_school);
    let mut why_not = match org.category {
        Category::Lead => Some(WhyNot::LeadingOrgan),
        _ if !school => Some(WhyNot::NotASchool),
        _ => None,
    };
    if why_not.is_none() {
        let above = (1..org.path.len() / 3).filter_map(|n| org.path.get(..n * 3));
        let above = above.map(|path| vec![path.into()]).collect();
        why_not = sql::school_above(cx, above).await?.map(|(school,)| WhyNot::PartOf { school });
    }
    Ok(Seat {
        may_edit: why_not.is_none() && cx.may(Action::SetSchoolCode, &org.path),
        school_code: facts.school_code,
        is_school: school,
        why_not,
    })
}

/// Fills in or changes the number of the organisation acted for. `was` is the number that the form
/// was made from. Errors: `Invalid` (`school_code_format`, `school_code_taken`), `Refused` for those
/// who have none, `Stale` with both values when it was changed meanwhile.
pub async fn set_code(cx: &mut Cx, was: &str, typed: &str) -> Result<String> {
    let number = digits(typed).ok_or_else(|| {
        let says = "学校机构编号是 10 位数字(教育部的学校(机构)标识码),请核对后重新填写;没有编号的不用填。";
        Error::field("number", "school_code_format", says)
    })?;
    if let Some((_, name, path)) = holder_else(cx, &number).await? {
        // Names of organisations are public; where it stands is told to those who may see it.
        let place = if cx.may(Action::SeeOrg, &path) { "本级管理范围内的" } else { "" };
        let says = format!(
            "编号已被{place}“{name}”使用。请核对编号;确认无误的,请联系上级协调:对方先清空编号,你再填写。"
        );
        return Err(Error::field("number", "school_code_taken", says));
    }
    store(cx, was, Some(&number)).await?;
    Ok(number)
}

/// Clears the number (清空编号).
pub async fn clear_code(cx: &mut Cx, was: &str) -> Result<()> {
    store(cx, was, None).await
}

async fn holder_else(cx: &mut Cx, number: &str) -> Result<Option<(String, String, String)>> {
    let own = cx.org()?.code.clone();
    Ok(sql::holder(cx, number).await?.filter(|(code, ..)| *code != own))
}

async fn store(cx: &mut Cx, was: &str, number: Option<&str>) -> Result<()> {
    let org = cx.org()?.clone();
    let permit = cx.permit(Action::SetSchoolCode, &org)?;
    let seat = seat(cx, &org).await?;
    if let Some(why) = seat.why_not {
        return Err(Error::refused(Refusal::new("school_code_absent", why.says())));
    }
    let now = seat.school_code.unwrap_or_default();
    let wanted = number.unwrap_or_default();
    // Unchanged on an old page is no wish: nothing is saved then, and both values are said.
    if was != now && wanted != now {
        return Err(stale(wanted, &now));
    }
    if wanted == now {
        cx.return_unused(permit);
        return Ok(());
    }
    if !sql::set_code(cx, &permit, &org, was, number).await? {
        return Err(Error::Retry);
    }
    let event = Event::new("org.school_code", "org", org.id.0).at(&org.path);
    cx.record(permit, event.detail(json!({ "before": was, "after": number }))).await
}

fn stale(yours: &str, theirs: &str) -> Error {
    Error::Stale(vec![Difference {
        label: "学校机构编号".into(),
        yours: yours.into(),
        theirs: theirs.into(),
    }])
}

/// Ten digits however they were typed: full-width, with blanks or hyphens.
fn digits(typed: &str) -> Option<String> {
    let plain: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c {
            '\u{FF10}'..='\u{FF19}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            c => c,
        })
        .collect();
    (plain.len() == 10 && plain.bytes().all(|b| b.is_ascii_digit())).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn ten_digits_are_read_however_they_are_typed() {
        assert_eq!(digits(" 41340-10359 ").as_deref(), Some("4134010359"));
        assert_eq!(digits("41340 10359").as_deref(), Some("4134010359"));
        for wrong in ["", "413401035", "41340103590", "41340l0359"] {
            assert_eq!(digits(wrong), None, "{wrong}");
        }
    }
}
