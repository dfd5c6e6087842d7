//! Marks of people (rows 125-127): 延迟毕业, 教师 and 毕业学生流动团员 in 毕业生团组织, and the
//! graduating persons of mixed branches one by one.

use super::{marks::Skipped, sql};
use crate::{
    Action, Cx, Error, OrgRef, Result, clock,
    events::Event,
    messages::{Message, To, send},
    orgs::{Category, OrgId},
    people::PersonId,
    rules::{
        Rules, YearMonth,
        graduation::{PersonMark, Standing, judge_person},
    },
};
use db::Rows;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// People that are marked in one go.
const MOST: usize = 500;

/// What became of a marking of people.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct PeopleMarked {
    pub done: usize,
    pub skipped: Vec<Skipped>,
}

/// Gives people a mark, or takes it away (`None`, in mixed branches). `codes` are public person
/// codes. Who can't get it is left out and told; when nobody can, it is an error of the form.
pub async fn mark_people(
    cx: &mut Cx,
    codes: &[String],
    mark: Option<PersonMark>,
    until: Option<YearMonth>,
) -> Result<PeopleMarked> {
    if codes.is_empty() || codes.len() > MOST {
        let says = format!("请先勾选团员,一次最多 {MOST} 人。");
        return Err(Error::field("only", "grad_none_chosen", says));
    }
    let until = until.filter(|_| mark == Some(PersonMark::Delayed));
    let rows: Rows = codes.iter().map(|code| vec![code.as_str().into()]).collect();
    let people = locked(cx, rows).await?;
    let mut done = PeopleMarked::default();
    if people.len() < codes.len() {
        let name = format!("{} 名团员", codes.len() - people.len());
        let why = "已不在本级及下级组织,可能刚刚转出。";
        done.skipped.push(Skipped { name, why: why.into() });
    }
    let mut by_branch: BTreeMap<String, (OrgRef, Vec<sql::Somebody>)> = BTreeMap::new();
    for somebody in people {
        let here = branch_of(&somebody)?;
        match why_not(cx, &somebody, &here, mark, until) {
            // The date is one field for all: it is wrong for all of them.
            Some(("grad_until", says)) => return Err(Error::field("until", "grad_until", says)),
            Some((_, why)) => done.skipped.push(Skipped { name: somebody.name, why }),
            None => {
                let entry = by_branch.entry(here.path.clone());
                entry.or_insert_with(|| (here, Vec::new())).1.push(somebody);
            }
        }
    }
    if by_branch.is_empty() {
        let why = done.skipped.first().map(|s| s.why.clone()).unwrap_or_default();
        return Err(Error::field("only", "grad_nobody", why));
    }
    for (_, (branch, people)) in by_branch {
        done.done += people.len();
        store(cx, &branch, people, mark, until).await?;
    }
    Ok(done)
}

/// The people, after their branches were locked. Who is not to be seen from here (any more) is left
/// out, whoever it is.
async fn locked(cx: &mut Cx, codes: Rows) -> Result<Vec<sql::Somebody>> {
    let mut people = sql::somebodies(cx, codes.clone()).await?;
    people.retain(|p| cx.may(Action::SeeMembers, &p.org_path));
    let by = cx.org()?.clone();
    let permit = cx.permit(Action::MarkGraduates, &by)?;
    let mut orgs: Vec<i64> = people.iter().map(|p| p.org_id).collect();
    orgs.dedup();
    sql::lock(cx, &permit, orgs.iter().map(|id| vec![(*id).into()]).collect()).await?;
    cx.return_unused(permit);
    let mut people = sql::somebodies(cx, codes).await?;
    people.retain(|p| cx.may(Action::SeeMembers, &p.org_path) && orgs.contains(&p.org_id));
    Ok(people)
}

fn branch_of(somebody: &sql::Somebody) -> Result<OrgRef> {
    Ok(OrgRef {
        id: OrgId(somebody.org_id),
        code: somebody.org_code.clone(),
        path: somebody.org_path.clone(),
        short_name: somebody.org_name.clone(),
        category: Category::from_code(&somebody.org_category)
            .ok_or_else(|| Error::Broken("an organisation has an unknown category".into()))?,
        province: somebody.org_province.clone(),
    })
}

fn why_not(
    cx: &Cx,
    somebody: &sql::Somebody,
    here: &OrgRef,
    mark: Option<PersonMark>,
    until: Option<YearMonth>,
) -> Option<(&'static str, String)> {
    if !cx.may(Action::MarkGraduates, &here.path) {
        let says = "不是本级或直属下级的团员,请由所在学校的团委标记。";
        return Some(("grad_far_org", says.into()));
    }
    let standing = Standing::of(here.category, somebody.branch_mark());
    let today = clock::day(cx.now());
    judge_person(standing, mark, until, &here.province, today, Rules::builtin()).err()
}

async fn store(
    cx: &mut Cx,
    branch: &OrgRef,
    people: Vec<sql::Somebody>,
    mark: Option<PersonMark>,
    until: Option<YearMonth>,
) -> Result<()> {
    let (code, until) = (mark.map(PersonMark::code), until.map(|month| month.to_string()));
    let differs = |p: &sql::Somebody| {
        p.graduation.as_deref() != code || p.until.as_deref() != until.as_deref()
    };
    let people: Vec<sql::Somebody> = people.into_iter().filter(differs).collect();
    if people.is_empty() {
        return Ok(());
    }
    let permit = cx.permit(Action::MarkGraduates, branch)?;
    let ids: Rows = people.iter().map(|p| vec![p.id.into()]).collect();
    sql::mark_persons(cx, &permit, branch, ids, code, until.as_deref()).await?;
    cx.return_unused(permit);
    for somebody in &people {
        let permit = cx.permit(Action::MarkGraduates, branch)?;
        let detail = json!({ "before": somebody.graduation, "after": code, "until": until });
        let event = Event::new("member.graduation_marked", "person", somebody.id)
            .at(&branch.path)
            .about(PersonId(somebody.id));
        cx.record(permit, event.detail(detail)).await?;
        tell(cx, somebody, mark, until.as_deref()).await?;
    }
    Ok(())
}

async fn tell(
    cx: &mut Cx,
    somebody: &sql::Somebody,
    mark: Option<PersonMark>,
    until: Option<&str>,
) -> Result<()> {
    let by = cx.org()?.short_name.clone();
    let (title, body) = match mark {
        Some(PersonMark::Delayed) => (
            "你已标记为延迟毕业".to_owned(),
            format!(
                "{by}登记的新毕业时间是 {},在此之前不用办理毕业转出。有误的,请联系团支部。",
                until.unwrap_or_default()
            ),
        ),
        Some(PersonMark::Mobile) => (
            "你已标记为毕业学生流动团员".to_owned(),
            format!("{by}暂时保留你的组织关系,一般 6 个月,最长 12 个月。落实去向后请及时转出。"),
        ),
        Some(mark) => (
            format!("你的毕业标记是“{}”", mark.label()),
            format!("由{by}登记。有误的,请联系团支部。"),
        ),
        None => ("你的毕业标记已取消".to_owned(), format!("由{by}办理。有误的,请联系团支部。")),
    };
    let to = To::Person(PersonId(somebody.id));
    send(cx, Message { to, kind: "graduation", title, body, href: "/me".into() }).await
}
