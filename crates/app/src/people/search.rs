//! 全局搜索 (rows 167a, 167b; A3, B.9): what was typed decides what is looked for. Only the own
//! organisation and what lies below it; nothing is counted over large sets.

use super::{
    PersonId,
    list::{after_prefix, is_pinyin},
    members, person, quota, sql, tickets,
};
use crate::{
    Action, Cx, Error, OrgRef, Result, Scope, clock,
    events::Event,
    pii::{Mobile, Sex},
    rules::id_number,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Most hits on a page.
pub const MOST: usize = 50;
/// How long the result of a search by ID number may be looked at.
const TICKET_LIFE: clock::Millis = 10 * clock::MINUTE;
/// The purpose of a search's ticket.
const TICKET: &str = "search";

/// What a typed text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 证件号: must be posted, never stands in an address.
    IdNumber,
    /// Posted as well.
    Mobile,
    /// 发展团员编号.
    DevNumber,
    Name,
    Pinyin,
    /// Too short or of no kind that people are found by; organisations may still match.
    Other,
}

/// Decides what is looked for.
pub fn kind_of(typed: &str) -> Kind {
    let text: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let length = text.chars().count();
    let all_digits = digits == length;
    let id_like = (length == 18 && digits >= 17) || (length == 15 && all_digits);
    if id_like {
        Kind::IdNumber
    } else if length == 11 && all_digits {
        Kind::Mobile
    } else if length >= 12 && all_digits {
        Kind::DevNumber
    } else if digits == 0 && length >= 2 && is_pinyin(&text) {
        Kind::Pinyin
    } else if digits == 0 && length >= 2 {
        Kind::Name
    } else {
        Kind::Other
    }
}

/// A person found.
#[derive(Clone, Debug)]
pub struct Hit {
    pub person: PersonId,
    pub code: String,
    pub name: String,
    pub sex: Sex,
    pub birth_ym: String,
    /// The post, when she was found as a cadre.
    pub post: Option<String>,
    pub moving: bool,
    pub complete: bool,
    pub org_code: String,
    /// The names from below the organisation searched in down to her own.
    pub way: String,
}

/// Where a search that found too many can be narrowed.
#[derive(Clone, Debug)]
pub struct Chip {
    pub org_code: String,
    pub org_name: String,
    /// At least so many there.
    pub at_least: i64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Hits {
    pub kind: Kind,
    pub people: Vec<Hit>,
    /// There are more than are shown: add a condition.
    pub too_many: bool,
    pub chips: Vec<Chip>,
}

/// Looks for people below `under`; ID and mobile numbers are not looked for here (see
/// [`by_number`]).
pub async fn people(cx: &mut Cx, under: &OrgRef, typed: &str) -> Result<Hits> {
    let scope = cx.scope(Action::Search)?.within(&under.path).ok_or(Error::NotFound)?;
    let text = typed.trim();
    let kind = kind_of(text);
    let mut hits = Hits { kind, people: vec![], too_many: false, chips: vec![] };
    match kind {
        Kind::Name | Kind::Pinyin => by_name(cx, under, &scope, text, &mut hits).await?,
        Kind::DevNumber => {
            let number: String = text.chars().filter(char::is_ascii_digit).collect();
            let found = sql::search::by_dev_number(cx, &number).await?;
            hits.people = cards(cx, under, &scope, found.into_iter().collect()).await?;
        }
        Kind::IdNumber | Kind::Mobile | Kind::Other => {}
    }
    Ok(hits)
}

async fn by_name(
    cx: &mut Cx,
    under: &OrgRef,
    scope: &Scope,
    text: &str,
    hits: &mut Hits,
) -> Result<()> {
    let pinyin = hits.kind == Kind::Pinyin;
    let from = if pinyin { text.to_ascii_lowercase() } else { text.to_owned() };
    let to = after_prefix(&from);
    let range = (from.as_str(), to.as_str());
    let limit = i64::try_from(MOST).unwrap_or(50) + 1;
    let mut found = sql::search::by_name(cx, pinyin, range, scope, limit).await?;
    // A cadre who is a member too is one hit: the membership, with the post written beside it.
    let mut merged: Vec<sql::search::Hit> = Vec::with_capacity(found.len());
    for hit in found.drain(..) {
        match merged.iter_mut().find(|h| h.person == hit.person) {
            Some(there) => there.post = there.post.take().or(hit.post),
            None => merged.push(hit),
        }
    }
    merged.sort_by(|a, b| (&a.name, &a.org_path, a.person).cmp(&(&b.name, &b.org_path, b.person)));
    hits.too_many = merged.len() > MOST;
    merged.truncate(MOST);
    hits.people = named(cx, under, merged).await?;
    if hits.too_many {
        hits.chips = chips(cx, under, pinyin, range, scope).await?;
    }
    Ok(())
}

async fn chips(
    cx: &mut Cx,
    under: &OrgRef,
    pinyin: bool,
    range: (&str, &str),
    scope: &Scope,
) -> Result<Vec<Chip>> {
    let length = i64::try_from(under.path.len() + 3).unwrap_or(6);
    let counts = sql::search::spread(cx, pinyin, range, scope, length).await?;
    let paths = counts.iter().map(|(path, _)| path.clone()).collect();
    let orgs = sql::search::org_names(cx, paths).await?;
    let chip = |(path, org_code, org_name): (String, String, String)| {
        let at_least = counts.iter().find(|(p, _)| *p == path)?.1;
        (path != under.path).then_some(Chip { org_code, org_name, at_least })
    };
    Ok(orgs.into_iter().filter_map(chip).collect())
}

/// Persons as hits, those alone who stand inside the scope.
async fn cards(cx: &mut Cx, under: &OrgRef, scope: &Scope, ids: Vec<PersonId>) -> Result<Vec<Hit>> {
    let mut rows = Vec::new();
    for id in ids {
        let person = person::read(cx, id).await?;
        let branch = person.membership.as_ref().map(|m| (m.org.path.clone(), m.moving));
        let post = person.present_posts().find(|p| scope.holds(&p.org.path));
        let place = branch.clone().filter(|(path, _)| scope.holds(path)).map(|(path, _)| path);
        let Some(org_path) = place.or_else(|| post.map(|p| p.org.path.clone())) else { continue };
        rows.push(sql::search::Hit {
            person: person.id.0,
            post: post.map(|p| p.post.clone()),
            moving: branch.is_some_and(|(_, moving)| moving),
            complete: person.complete(),
            sex: person::sex_code(person.sex).to_owned(),
            birth_ym: person.birth_ym.clone(),
            code: person.code.clone(),
            name: person.name.clone(),
            org_path,
        });
    }
    named(cx, under, rows).await
}

/// Gives each hit the names of the organisations on the way down to it.
async fn named(cx: &mut Cx, under: &OrgRef, rows: Vec<sql::search::Hit>) -> Result<Vec<Hit>> {
    let start = under.path.len();
    let mut paths: Vec<String> = Vec::new();
    for row in &rows {
        let steps =
            (start / 3 + 1..=row.org_path.len() / 3).filter_map(|n| row.org_path.get(..n * 3));
        paths.extend(steps.map(str::to_owned));
    }
    paths.push(under.path.clone());
    paths.sort_unstable();
    paths.dedup();
    let orgs = sql::search::org_names(cx, paths).await?;
    let hit = |row: sql::search::Hit| {
        let below = |path: &str| path.len() > start && row.org_path.starts_with(path);
        let way: Vec<&str> =
            orgs.iter().filter(|(p, _, _)| below(p)).map(|(_, _, name)| name.as_str()).collect();
        let own = orgs.iter().find(|(p, _, _)| *p == row.org_path);
        Hit {
            person: PersonId(row.person),
            sex: person::sex_from(&row.sex),
            org_code: own.map(|(_, code, _)| code.clone()).unwrap_or_default(),
            way: if way.is_empty() { under.short_name.clone() } else { way.join(" › ") },
            code: row.code,
            name: row.name,
            birth_ym: row.birth_ym,
            post: row.post,
            moving: row.moving,
            complete: row.complete,
        }
    };
    Ok(rows.into_iter().map(hit).collect())
}

/// What a search by ID or mobile number came to; kept behind a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum ByNumber {
    /// In this subtree, by their codes.
    Here { codes: Vec<String> },
    /// Not in this subtree, but in the system; where, is not told. Who it is stands in the ticket
    /// for a 转入 alone.
    Elsewhere { person: i64 },
    /// In the system, but in no branch: nobody has to agree, a branch enters her.
    Unplaced,
    /// Nowhere.
    Nowhere,
}

/// Looks for an ID number or a mobile number (posted, because neither may stand in an address):
/// returns the secret of a ticket under which the result can be looked at for ten minutes. A wrong
/// number is [`Error::Invalid`] on the field `q` with its reason. Answers about ID numbers that are
/// not "here" are limited a day: they tell that somebody exists.
pub async fn by_number(cx: &mut Cx, under: &OrgRef, typed: &str) -> Result<String> {
    let permit = cx.permit(Action::Search, under)?;
    let scope = cx.scope(Action::Search)?.within(&under.path).ok_or(Error::NotFound)?;
    let mobile = kind_of(typed) == Kind::Mobile;
    let found = if mobile {
        by_mobile(cx, under, &scope, typed).await?
    } else {
        by_id_number(cx, under, &scope, typed).await?
    };
    if !mobile && !matches!(found, ByNumber::Here { .. }) {
        quota::take(cx, &permit, quota::LOOKUPS).await?;
    }
    let secret = tickets::keep(cx, &permit, TICKET, &found, TICKET_LIFE).await?;
    // Whom it found elsewhere is not for the book of this organisation.
    let told = match &found {
        ByNumber::Elsewhere { .. } => json!({ "found": "elsewhere" }),
        other => json!(other),
    };
    let event = Event::new("person.looked_up", "org", under.id.0).detail(told);
    cx.record(permit, event).await?;
    Ok(secret)
}

async fn by_id_number(cx: &mut Cx, under: &OrgRef, scope: &Scope, typed: &str) -> Result<ByNumber> {
    let id = id_number::parse(typed, clock::day(cx.now()))
        .map_err(|p| Error::field("q", p.code, p.message))?;
    let indexes = members::id_indexes(cx, &id);
    let Some(person) = sql::search::by_id_number(cx, &indexes).await? else {
        return Ok(ByNumber::Nowhere);
    };
    let here = cards(cx, under, scope, vec![person]).await?;
    Ok(match here.into_iter().next() {
        Some(hit) => ByNumber::Here { codes: vec![hit.code] },
        None if person::read(cx, person).await?.membership.is_none() => ByNumber::Unplaced,
        None => ByNumber::Elsewhere { person: person.0 },
    })
}

async fn by_mobile(cx: &mut Cx, under: &OrgRef, scope: &Scope, typed: &str) -> Result<ByNumber> {
    let number: String = typed.chars().filter(char::is_ascii_digit).collect();
    let wrong = || Error::field("q", "mobile_malformed", "手机号应为 11 位数字,以 1 开头。");
    let mobile = Mobile::from_stored(&number).ok_or_else(wrong)?;
    let indexes = cx.house().keys().indexes(person::MOBILE_INDEX, mobile.reveal());
    let found = sql::search::by_mobile(cx, &indexes).await?;
    let codes: Vec<String> =
        cards(cx, under, scope, found).await?.into_iter().map(|hit| hit.code).collect();
    Ok(if codes.is_empty() { ByNumber::Nowhere } else { ByNumber::Here { codes } })
}

/// Whom one's own search by number has found elsewhere, for a 转入; `None` when the ticket is
/// another's, has run out or found something else.
pub async fn elsewhere(cx: &mut Cx, secret: &str) -> Result<Option<PersonId>> {
    Ok(match tickets::open(cx, TICKET, secret).await? {
        Some(ByNumber::Elsewhere { person }) => Some(PersonId(person)),
        _ => None,
    })
}

/// The result behind one's own ticket, with the hits to show; [`Error::Gone`] when it has run out.
pub async fn ticket(cx: &mut Cx, under: &OrgRef, secret: &str) -> Result<(ByNumber, Vec<Hit>)> {
    let scope = cx.scope(Action::Search)?.within(&under.path).ok_or(Error::NotFound)?;
    let found: ByNumber = tickets::open(cx, TICKET, secret).await?.ok_or(Error::Gone)?;
    let mut ids = Vec::new();
    if let ByNumber::Here { codes } = &found {
        for code in codes {
            ids.extend(sql::person::id_of(cx, code).await?);
        }
    }
    let hits = cards(cx, under, &scope, ids).await?;
    Ok((found, hits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_decides_what_is_looked_for() {
        for (typed, kind) in [
            ("11010519491231002X", Kind::IdNumber),
            ("110105 19491231 002x", Kind::IdNumber),
            ("130503670401001", Kind::IdNumber),
            ("13812346021", Kind::Mobile),
            ("201934001234", Kind::DevNumber),
            ("张三", Kind::Name),
            ("阿依古丽·买买提", Kind::Name),
            ("zs", Kind::Pinyin),
            ("张", Kind::Other),
            ("2022级", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(kind_of(typed), kind, "{typed}");
        }
    }
}
