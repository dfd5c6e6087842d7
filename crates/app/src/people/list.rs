//! 团员列表 (A16, W2): filters, keyset pages in both directions, masked ID numbers. What a page
//! costs does not depend on how many members there are: nothing is counted here.

use super::{
    Check, PersonId, person, search,
    sql::list::{Ask, Order, Stored, below, key_of, page},
};
use crate::{
    Action, Cx, Error, OrgRef, Result, Scope,
    clock::Millis,
    keys::Place,
    orgs::Category,
    pii::{IdNumber, Sex},
    rules::{Column, Rules, fields, graduation::PersonMark},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use db::Value;
use serde::{Deserialize, Serialize};

/// What the list is narrowed to; the form of the page and its address. Empty means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Beginning of the name, or pinyin initials.
    pub q: String,
    pub sex: Option<SexWord>,
    /// 资料完整: `true` complete, `false` 未完善.
    pub complete: Option<bool>,
    pub check: Option<CheckWord>,
    /// `true`: 转接中 only.
    pub moving: Option<bool>,
    /// `true`: holders of a post only.
    pub cadre: Option<bool>,
    /// Those who came with this import.
    pub import: Option<i64>,
    /// 毕业标记.
    pub grad: Option<GradWord>,
}

/// 毕业标记 as a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GradWord {
    /// Whoever carries any of them.
    Any,
    Graduate,
    Delayed,
    Teacher,
    Mobile,
}

/// 性别 as a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SexWord {
    Male,
    Female,
}
/// 校验状态 as a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckWord {
    Unchecked,
    Passed,
    Failed,
    Offline,
}

impl Filter {
    /// Whether anything is narrowed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A row of the list.
#[derive(Clone, Debug)]
pub struct Row {
    pub person: PersonId,
    pub code: String,
    pub name: String,
    pub id_masked: String,
    pub sex: Sex,
    pub birth_ym: String,
    pub org_code: String,
    pub org_name: String,
    pub org_path: String,
    pub joined: String,
    pub check: Check,
    pub moving: bool,
    /// What 未完善 lacks, by name (row 151).
    pub missing: Vec<Column>,
    /// 毕业标记 (rows 123-127).
    pub graduation: Option<Graduation>,
    /// When she came to this branch.
    pub entered_at: Millis,
    /// `org.special_kind` of the branch.
    pub special_kind: String,
}

/// A member's mark of graduation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graduation {
    pub mark: PersonMark,
    /// 延迟毕业: until then, `YYYY-MM`.
    pub until: Option<String>,
    /// Marked so since.
    pub since: Millis,
}
impl Graduation {
    /// From the columns.
    pub(super) fn stored(
        mark: Option<&str>,
        until: Option<&str>,
        since: Option<Millis>,
    ) -> Option<Self> {
        let mark = PersonMark::from_code(mark?)?;
        Some(Self { mark, until: until.map(str::to_owned), since: since? })
    }
    /// On pages: `延迟毕业(至 2027-06)`.
    pub fn label(&self) -> String {
        match &self.until {
            Some(until) => format!("{}(至 {until})", self.mark.label()),
            None => self.mark.label().to_owned(),
        }
    }
}

/// Where a page begins: opaque in addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    keys: (String, String, i64),
    backwards: bool,
}
impl Cursor {
    /// As it stands in an address.
    pub fn text(&self) -> String {
        let whole = serde_json::json!([self.keys.0, self.keys.1, self.keys.2, self.backwards]);
        BASE64_URL_SAFE_NO_PAD.encode(whole.to_string())
    }
    /// Out of an address; `None` when it is none of ours.
    pub fn read(text: &str) -> Option<Self> {
        let whole = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (a, b, id, backwards) = serde_json::from_slice(&whole).ok()?;
        Some(Self { keys: (a, b, id), backwards })
    }
}

/// A page of the list.
#[derive(Clone, Debug)]
pub struct Page {
    pub rows: Vec<Row>,
    /// The page before, if there is one.
    pub prev: Option<Cursor>,
    /// The page after, if there is one.
    pub next: Option<Cursor>,
}

/// Members of `under` and of everything below it, as far as the visitor sees.
pub async fn members(
    cx: &mut Cx,
    under: &OrgRef,
    filter: &Filter,
    from: Option<Cursor>,
    size: i64,
) -> Result<Page> {
    let scope = cx.scope(Action::SeeMembers)?.within(&under.path).ok_or(Error::NotFound)?;
    members_in(cx, &scope, under.category, filter, from, size).await
}

/// As [`members`], for a scope that was decided before: an export that runs as a job.
pub(super) async fn members_in(
    cx: &mut Cx,
    scope: &Scope,
    category: Category,
    filter: &Filter,
    from: Option<Cursor>,
    size: i64,
) -> Result<Page> {
    let size = size.clamp(1, i64::from(Rules::builtin().policy.pages.max));
    let backwards = from.as_ref().is_some_and(|c| c.backwards);
    let first_page = from.is_none();
    let (filter, within) = read(cx, scope, filter).await?;
    let order = order_of(&filter, category);
    let (range, conditions, valued) = conditions(&filter, order);
    let from = from.map(|c| (c.keys, c.backwards));
    let limit = size + 1;
    let ask = Ask { order, range, conditions, valued, from, limit, within, only: vec![] };
    let mut stored = page(cx, &scope.lo, &scope.hi, ask).await?;
    let more = stored.len() as i64 > size;
    stored.truncate(usize::try_from(size).unwrap_or(50));
    if backwards {
        stored.reverse();
    }
    let cursor = |row: Option<&Stored>, backwards| row.map(|r| cursor_at(r, order, backwards));
    let prev = if if backwards { more } else { !first_page } {
        cursor(stored.first(), true)
    } else {
        None
    };
    let next = if backwards || more { cursor(stored.last(), false) } else { None };
    let rows = stored.into_iter().map(|row| shown(cx, row)).collect::<Result<_>>()?;
    Ok(Page { rows, prev, next })
}

/// Ranges of paths that a list is narrowed to.
pub(super) type Within = Vec<(String, String)>;

/// The filter with its name as it is looked for, and where: `张三 软工2301` is a name with words of
/// the organisation, unless somebody is called so.
pub(super) async fn read(cx: &mut Cx, scope: &Scope, filter: &Filter) -> Result<(Filter, Within)> {
    let whole = Filter { q: query(&filter.q), ..filter.clone() };
    if !search::has_words(&filter.q) || search::anybody(cx, scope, &whole.q).await? {
        return Ok((whole, Vec::new()));
    }
    Ok(match search::with_place(cx, scope, &filter.q).await? {
        Some((name, places)) => {
            let within = places.into_iter().map(|place| (place.lo, place.hi)).collect();
            (Filter { q: name, ..whole }, within)
        }
        None => (whole, Vec::new()),
    })
}

/// What is typed to find somebody, folded as names are stored; letters are pinyin initials.
pub(super) fn query(typed: &str) -> String {
    let key = fields::name_key(typed);
    if is_pinyin(&key) { key.to_ascii_lowercase() } else { key }
}

/// The first members of the direct child branches of `parent` whose name (or pinyin initials) begins
/// with `q`, as far as the visitor sees: whom a superior may send on her way.
pub async fn of_children(cx: &mut Cx, parent: &OrgRef, q: &str, limit: i64) -> Result<Vec<Row>> {
    let scope = cx.scope(Action::SeeMembers)?;
    let q = query(q);
    let order = if is_pinyin(&q) { Order::Pinyin } else { Order::Name };
    let stored = below(cx, parent.id, order, (&q, &after_prefix(&q)), limit).await?;
    let seen = stored.into_iter().filter(|row| scope.holds(&row.org_path));
    seen.map(|row| shown(cx, row)).collect()
}

/// The members with these public codes, as far as the visitor sees; two hundred at most.
pub async fn chosen(cx: &mut Cx, codes: &[String]) -> Result<Vec<Row>> {
    let scope = cx.scope(Action::SeeMembers)?;
    let codes = codes.get(..codes.len().min(200)).unwrap_or_default();
    let only = super::sql::person::ids_of(cx, codes).await?;
    if only.is_empty() {
        return Ok(Vec::new());
    }
    let (order, limit) = (Order::Org, 200);
    let (within, from) = (vec![], None);
    let ask =
        Ask { order, range: None, conditions: vec![], valued: vec![], from, limit, within, only };
    let stored = page(cx, &scope.lo, &scope.hi, ask).await?;
    stored.into_iter().map(|row| shown(cx, row)).collect()
}

fn cursor_at(row: &Stored, order: Order, backwards: bool) -> Cursor {
    let keys = match order {
        Order::Org => (row.org_path.clone(), row.name_py.clone(), row.person),
        Order::Name => (key_of(&row.name), row.org_path.clone(), row.person),
        Order::Pinyin => (row.name_py.clone(), row.org_path.clone(), row.person),
    };
    Cursor { keys, backwards }
}

/// A branch has few members: its own index serves every question. In a subtree the beginning of a
/// name is found by the index of names.
pub(super) fn order_of(filter: &Filter, category: Category) -> Order {
    match filter.q.as_str() {
        "" => Order::Org,
        _ if category.owns_members() || filter.import.is_some() => Order::Org,
        q if is_pinyin(q) => Order::Pinyin,
        _ => Order::Name,
    }
}

/// Letters alone are pinyin initials.
pub(super) fn is_pinyin(q: &str) -> bool {
    q.bytes().all(|b| b.is_ascii_alphabetic())
}

/// The first text that no longer begins with `prefix`.
pub(super) fn after_prefix(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

pub(super) type Conditions =
    (Option<(String, String)>, Vec<&'static str>, Vec<(&'static str, Value)>);

const NAME_KEY_FROM: &str = "REPLACE(REPLACE(m.name, '·', ''), ' ', '') >= ";
const NAME_KEY_TO: &str = "REPLACE(REPLACE(m.name, '·', ''), ' ', '') < ";

/// The conditions of a filter that [`read`] has read.
pub(super) fn conditions(filter: &Filter, order: Order) -> Conditions {
    let mut fixed = Vec::new();
    let mut valued: Vec<(&'static str, Value)> = Vec::new();
    let q = filter.q.clone();
    let range = (order != Order::Org).then(|| (q.clone(), after_prefix(&q)));
    if order == Order::Org && !q.is_empty() {
        let by = if is_pinyin(&q) {
            ("m.name_py >= ", "m.name_py < ")
        } else {
            (NAME_KEY_FROM, NAME_KEY_TO)
        };
        valued.push((by.1, after_prefix(&q).into()));
        valued.push((by.0, q.into()));
    }
    // Written out and not bound: only so the partial indexes are found.
    fixed.extend(filter.complete.map(|yes| if yes { "m.complete" } else { "NOT m.complete" }));
    fixed.extend(filter.check.map(|check| match check {
        CheckWord::Unchecked => "m.check_state = 'unchecked'",
        CheckWord::Passed => "m.check_state = 'passed'",
        CheckWord::Failed => "m.check_state = 'failed'",
        CheckWord::Offline => "m.check_state = 'offline'",
    }));
    fixed.extend(
        filter.moving.map(|yes| if yes { "m.status = 'moving'" } else { "m.status = 'active'" }),
    );
    fixed.extend(filter.sex.map(|sex| match sex {
        SexWord::Male => "p.sex = 'male'",
        SexWord::Female => "p.sex = 'female'",
    }));
    fixed.extend(filter.cadre.map(|yes| {
        if yes {
            "EXISTS (SELECT 1 FROM cadre c WHERE c.person_id = m.person_id AND c.ended_at IS NULL)"
        } else {
            "NOT EXISTS (SELECT 1 FROM cadre c WHERE c.person_id = m.person_id AND c.ended_at IS NULL)"
        }
    }));
    fixed.extend(filter.grad.map(|grad| match grad {
        GradWord::Any => "m.graduation IS NOT NULL",
        GradWord::Graduate => "m.graduation = 'graduate'",
        GradWord::Delayed => "m.graduation = 'delayed'",
        GradWord::Teacher => "m.graduation = 'teacher'",
        GradWord::Mobile => "m.graduation = 'mobile'",
    }));
    if let Some(import) = filter.import {
        valued.push(("m.import_id = ", import.into()));
    }
    (range, fixed, valued)
}

fn shown(cx: &Cx, row: Stored) -> Result<Row> {
    let place = Place { column: person::ID_COLUMN, row: row.person };
    let id = cx
        .house()
        .keys()
        .unseal(place, &row.id_ct)
        .map_err(|e| Error::Broken(format!("person.id_ct: {e}")))?;
    Ok(Row {
        person: PersonId(row.person),
        id_masked: IdNumber::from_stored(&id).map(|id| id.masked()).unwrap_or_default(),
        code: row.code,
        name: row.name,
        sex: person::sex_from(&row.sex),
        birth_ym: row.birth_ym,
        org_code: row.org_code,
        org_name: row.org_name,
        org_path: row.org_path,
        joined: row.joined,
        check: Check::from_code(&row.check_state).unwrap_or(Check::Unchecked),
        moving: row.moving,
        missing: person::columns_from(&row.missing),
        graduation: Graduation::stored(
            row.graduation.as_deref(),
            row.graduation_until.as_deref(),
            row.graduation_at,
        ),
        entered_at: row.entered_at,
        special_kind: row.special_kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_an_address() {
        let cursor = Cursor { keys: ("000001".into(), "zs".into(), i64::MAX), backwards: true };
        assert_eq!(Cursor::read(&cursor.text()), Some(cursor));
        assert_eq!(Cursor::read("nonsense"), None);
    }

    #[test]
    fn the_end_of_a_prefix_lies_behind_every_name_with_it() {
        assert!(
            "张三丰" < after_prefix("张").as_str() && "李" > after_prefix("张").as_str()
                || "李" < "张"
        );
        assert!("张\u{20000}" < after_prefix("张").as_str());
    }
}
