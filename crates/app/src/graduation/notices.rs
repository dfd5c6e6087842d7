//! What superiors and schools are told of a conversion (row 123): some days before it what is going to
//! turn and what is still unmarked, and afterwards, in one message, what has turned.

use super::sql;
use crate::{
    Action, Cx, House, OrgRef, Permit, Result, Scope, Who, act, clock,
    events::Event,
    messages::{Message, To, send},
    orgs::OrgId,
    rules::Rules,
    schools,
};
use db::Rows;
use jiff::civil::Date;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Messages or schools in one transaction.
const PIECE: i64 = 50;
/// Pieces of the announcement in one turn of the clockwork: 2,000 schools.
const PIECES: usize = 40;
/// Branches that a message names.
const NAMED: usize = 5;

/// What the organisations concerned by these branches have to know, added up until [`tell`]: the
/// direct superior and the school, once where they are the same.
pub(super) async fn note(
    cx: &mut Cx,
    permit: &Permit,
    turned: &[&sql::Due],
    flagged: &[(i64,)],
) -> Result<()> {
    let Some(first) = turned.first() else { return Ok(()) };
    let mut people: HashMap<i64, i64> = HashMap::new();
    for (branch,) in flagged {
        *people.entry(*branch).or_default() += 1;
    }
    let paths: Vec<&str> = turned.iter().map(|row| row.path.as_str()).collect();
    let schools = schools::schools_of(cx, &paths).await?;
    // In the order of ids, so that two nodes never wait for each other.
    let mut concerned: BTreeMap<i64, Vec<&sql::Due>> = BTreeMap::new();
    for row in turned {
        let school = schools.get(&row.path).map(|school| school.id.0).filter(|id| *id != row.id);
        let to: BTreeSet<i64> = [row.parent_id, school].into_iter().flatten().collect();
        for id in to {
            concerned.entry(id).or_default().push(row);
        }
    }
    let rows: Rows = concerned
        .into_iter()
        .map(|(id, rows)| {
            let names: Vec<&str> =
                rows.iter().take(NAMED).map(|row| row.short_name.as_str()).collect();
            let members: i64 = rows.iter().filter_map(|row| people.get(&row.id)).sum();
            vec![id.into(), (rows.len() as i64).into(), members.into(), names.join("、").into()]
        })
        .collect();
    sql::note(cx, permit, &first.province, rows).await
}

/// One message each to those concerned, once nothing more of the province is due. Noted and sent in
/// one transaction: whatever happens, each is told once.
pub(super) async fn tell(house: &House, province: &str) -> Result<()> {
    let mut cx = house.read(Who::System("graduation")).await?;
    let mut more = sql::has_notices(&mut cx, province).await?;
    drop(cx);
    while more {
        let told = act!(house, Who::System("系统"), |cx| {
            let permit = cx.permit_system(Action::MarkGraduation)?;
            let notices = sql::take_notices(cx, &permit, province, PIECE).await?;
            if notices.is_empty() {
                cx.return_unused(permit);
                return Ok(0);
            }
            tell_all(cx, &notices).await?;
            let detail = json!({ "told": notices.len() });
            cx.record(permit, Event::new("graduation.told", "org", 0).detail(detail)).await?;
            Ok(notices.len() as i64)
        })?;
        more = told == PIECE;
    }
    Ok(())
}

async fn tell_all(cx: &mut Cx, notices: &[sql::Notice]) -> Result<()> {
    let ids: Rows = notices.iter().map(|notice| vec![notice.org.into()]).collect();
    let codes: HashMap<i64, (String, String)> = sql::addresses(cx, ids)
        .await?
        .into_iter()
        .map(|(id, code, path)| (id.0, (code, path)))
        .collect();
    for notice in notices {
        let Some((code, path)) = codes.get(&notice.org.0) else { continue };
        let scope = Scope::subtree(path);
        let unmarked = sql::count_unmarked(cx, &scope.lo, &scope.hi, 1000).await?;
        send(cx, turned(notice, code, unmarked)).await?;
    }
    Ok(())
}

fn turned(notice: &sql::Notice, code: &str, unmarked: i64) -> Message {
    let named = notice.names.split('、').count() as i64;
    let more = if notice.branches > named { "等" } else { "" };
    let mut body = format!(
        "{}{more},共 {} 名团员标记为“毕业生”。请核对名单:延迟毕业团员、教师逐人标记,其余团员尽快转出。",
        notice.names, notice.members
    );
    if unmarked > 0 {
        body.push_str(&format!(
            "还有 {} 个团支部没有标记毕业时间,这次没有转换;其中有今年毕业的,请尽快标记。",
            up_to(unmarked, 1000)
        ));
    }
    Message {
        to: To::Org(notice.org),
        kind: "graduation",
        title: format!("{} 个团支部已转为毕业生团组织", notice.branches),
        body,
        href: format!("/o/{code}/graduation/people"),
    }
}

fn up_to(count: i64, most: i64) -> String {
    if count >= most { format!("{most} 以上") } else { count.to_string() }
}

/// Tells every school some days ahead what is going to turn below it. For the clockwork: a bounded
/// number of schools a turn, from where the last turn ended.
pub async fn announce(house: &House) -> Result<()> {
    let today = clock::day(house.now());
    for day in days_ahead(today) {
        let name = format!("graduation.announced.{day}");
        for _ in 0..PIECES {
            if !announce_piece(house, &name, day).await? {
                break;
            }
        }
    }
    Ok(())
}

/// The days of conversion that are announced today.
fn days_ahead(today: Date) -> BTreeSet<Date> {
    let rules = Rules::builtin();
    let provinces = rules.tree.provinces.iter().map(|row| row.code.as_str()).chain(["00"]);
    provinces.filter_map(|province| rules.graduation.announced(province, today)).collect()
}

/// The next schools; `false` when there are no more.
async fn announce_piece(house: &House, name: &str, day: Date) -> Result<bool> {
    act!(house, Who::System("系统"), |cx| {
        let was = sql::told_until(cx, name).await?;
        if was == "~" {
            return Ok(false);
        }
        let found = schools::next_schools(cx, &was, PIECE).await?;
        let more = found.len() as i64 == PIECE;
        let last = found.last().filter(|_| more).map_or("~", |school| school.path.as_str());
        let permit = cx.permit_system(Action::MarkGraduation)?;
        if !sql::set_told(cx, &permit, name, &was, last).await? {
            cx.return_unused(permit);
            return Ok(false);
        }
        let mut told = 0;
        for school in &found {
            told += usize::from(announce_to(cx, school, day).await?);
        }
        let detail = json!({ "day": day.to_string(), "schools": found.len(), "told": told });
        cx.record(permit, Event::new("graduation.announced", "org", 0).detail(detail)).await?;
        Ok(more)
    })
}

/// Whether the school had to be told. A school that is one branch can do nothing about its mark.
async fn announce_to(cx: &mut Cx, school: &OrgRef, day: Date) -> Result<bool> {
    let graduation = &Rules::builtin().graduation;
    let is_its_day = graduation.turns_on(day.year(), &school.province) == Some(day);
    if !is_its_day || school.category.owns_members() {
        return Ok(false);
    }
    let scope = Scope::subtree(&school.path);
    let before = super::conversion::before(day.year());
    let coming = sql::coming(cx, &scope.lo, &scope.hi, &before).await?;
    let unmarked = sql::count_unmarked(cx, &scope.lo, &scope.hi, 1000).await?;
    if coming.branches == 0 && unmarked == 0 {
        return Ok(false);
    }
    send(cx, ahead(school.id, &school.code, &coming, unmarked, day)).await?;
    Ok(true)
}

fn ahead(to: OrgId, code: &str, coming: &sql::Coming, unmarked: i64, day: Date) -> Message {
    let day = format!("{} 月 {} 日", day.month(), day.day());
    let mut body = match coming.branches {
        0 => format!("{day}没有已标记的团支部要转换。"),
        n => format!(
            "{n} 个团支部、{} 名团员到那天自动转为毕业生团组织,支部和团员都还在。请先核对名单和毕业时间,标错的现在改。",
            coming.members
        ),
    };
    let (title, href) = if unmarked > 0 {
        body.push_str(&format!(
            "另有 {} 个团支部没有标记毕业时间,不会转换;其中有今年毕业的,请在{day}前标记。",
            up_to(unmarked, 1000)
        ));
        let title = format!("{day}转换毕业生团组织:还有 {} 个团支部未标记", up_to(unmarked, 1000));
        (title, format!("/o/{code}/graduation"))
    } else {
        let title = format!("{day}有 {} 个团支部转为毕业生团组织", coming.branches);
        (title, format!("/o/{code}/graduation/conversion"))
    };
    Message { to: To::Org(to), kind: "graduation", title, body, href }
}
