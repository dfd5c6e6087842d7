//! What was typed about somebody who is known already (decision 27). Every door by which people come
//! in ends here: the form, an import, 管理员注册, the 书记, an election, a cadre. What is empty is
//! filled; what differs stays, except contact values that whoever acts has chosen to replace. Name,
//! ID number and admission data never change here. Completeness is judged again with the place that
//! the person gets.

use super::{Person, PersonId, counts, edit, person, sql};
use crate::{
    Action, Cx, Error, OrgRef, Permit, Result, events,
    rules::{Column, person::NewPerson},
};
use db::{Rows, Value};
use std::collections::{BTreeMap, HashMap};

/// The values that may be replaced by choice.
pub const CONTACTS: [Column; 8] = [
    Column::Mobile,
    Column::Weibo,
    Column::Qq,
    Column::Email,
    Column::Wechat,
    Column::EmergencyName,
    Column::EmergencyPhone,
    Column::Address,
];

/// The values that are merged, in the order in which they are told.
const MERGED: [Column; 13] = [
    Column::Ethnic,
    Column::Political,
    Column::Education,
    Column::Joined,
    Column::DevNumber,
    Column::Mobile,
    Column::Email,
    Column::Qq,
    Column::Wechat,
    Column::Weibo,
    Column::EmergencyName,
    Column::EmergencyPhone,
    Column::Address,
];

/// A value that was typed otherwise than it is known.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Differing {
    pub column: Column,
    /// The Chinese name of the value.
    pub label: String,
    /// What is known, masked as on pages; `None` for whoever may not see the person.
    pub known: Option<String>,
    /// What was typed, masked.
    pub typed: String,
    /// Whether the typed value counts now.
    pub replaced: bool,
}

/// What a merge did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Told {
    /// Values that were empty and are not any more.
    pub filled: Vec<Column>,
    pub differing: Vec<Differing>,
    /// What was typed, is not asked of cadres and was not stored (decision 26).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_asked: Vec<Column>,
}
impl Told {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.filled.is_empty() && self.differing.is_empty()
    }
    /// The differing values that may be chosen and were kept.
    pub fn to_choose(&self) -> impl Iterator<Item = &Differing> {
        self.differing.iter().filter(|d| !d.replaced && CONTACTS.contains(&d.column))
    }
    /// In a sentence or two; empty when there is nothing to tell.
    pub fn says(&self) -> String {
        let mut says = String::new();
        if !self.filled.is_empty() {
            let labels: Vec<&str> = self.filled.iter().map(|c| c.label()).collect();
            says.push_str(&format!("系统里原来空着的{}已补上。", labels.join("、")));
        }
        for d in &self.differing {
            says.push_str(&d.says(false));
        }
        if !self.not_asked.is_empty() {
            let labels: Vec<&str> = self.not_asked.iter().map(|c| c.label()).collect();
            let labels = labels.join("、");
            says.push_str(&format!("{labels}只登记团员的，此人按团干部录入，没有保存。"));
        }
        says
    }
}
impl Differing {
    /// Both values and which one counts; `ahead` before it is done.
    pub fn says(&self, ahead: bool) -> String {
        let Self { label, typed, .. } = self;
        let known = match &self.known {
            Some(known) => format!("“{known}”"),
            None => "另一个值（为保护隐私不显示）".to_owned(),
        };
        let what = format!("{label}：已登记的是{known}，这次填的是“{typed}”，");
        let will = if ahead { "将" } else { "已" };
        match (self.replaced, CONTACTS.contains(&self.column)) {
            (true, _) => format!("{what}{will}改用这次填的。"),
            (false, true) => format!("{what}{will}保留登记的。"),
            (false, false) => format!("{what}{will}保留登记的；确有错误的，请按更正办理。"),
        }
    }
}

/// The outcome of a merge, not stored yet.
#[derive(Clone, Debug)]
pub(crate) struct Merged {
    pub(super) before: Person,
    pub(crate) after: Person,
    filled: Vec<Column>,
    replaced: Vec<Column>,
    kept: Vec<Column>,
    typed: BTreeMap<Column, String>,
}
impl Merged {
    /// The person with what is filled and replaced.
    pub(crate) fn person(&self) -> &Person {
        &self.after
    }
    /// Whether the typed values change anything, or could.
    pub(crate) fn tells(&self) -> bool {
        !(self.filled.is_empty() && self.replaced.is_empty() && self.kept.is_empty())
    }
    /// Whether a value of the person changes.
    pub(crate) fn changes(&self) -> bool {
        !(self.filled.is_empty() && self.replaced.is_empty())
    }
    /// Whether an empty value of that column is filled.
    pub(crate) fn fills(&self, column: Column) -> bool {
        self.filled.contains(&column)
    }
    /// Whether a contact value differs, so that there is something to choose.
    pub(crate) fn offers(&self) -> bool {
        self.kept.iter().chain(&self.replaced).any(|c| CONTACTS.contains(c))
    }
    /// What whoever may see the person, or may not, is told.
    pub(crate) fn told(&self, visible: bool) -> Told {
        let differing = MERGED.iter().filter_map(|column| {
            let replaced = self.replaced.contains(column);
            (replaced || self.kept.contains(column)).then(|| Differing {
                column: *column,
                label: column.label().to_owned(),
                known: self.before.shown(*column).filter(|_| visible),
                typed: self.typed.get(column).cloned().unwrap_or_default(),
                replaced,
            })
        });
        Told { filled: self.filled.clone(), differing: differing.collect(), ..Told::default() }
    }
}

/// Merges what was typed into what is known: the decision, without a database. `place` is the
/// membership that the person gets with it, for whoever had none; `take` names the contact values
/// in which the typed one counts.
pub(super) fn merge(
    before: &Person,
    typed: &NewPerson,
    place: Option<person::Membership>,
    take: &[Column],
    today: jiff::civil::Date,
) -> Merged {
    let mut after = before.clone();
    let gains = before.membership.is_none() && place.is_some();
    if gains {
        after.membership = place;
    }
    let mut shadow = after.clone();
    shadow.mobile.clone_from(&typed.mobile);
    shadow.ethnic.clone_from(&typed.ethnic);
    shadow.political.clone_from(&typed.political);
    shadow.education.clone_from(&typed.education);
    shadow.contact = super::entry::contact_of(typed);
    if let Some(member) = &mut shadow.membership {
        member.joined.clone_from(&typed.joined);
        member.dev_number.clone_from(&typed.dev_number);
    }
    let mut merged = Merged {
        before: before.clone(),
        after: before.clone(),
        filled: vec![],
        replaced: vec![],
        kept: vec![],
        typed: BTreeMap::new(),
    };
    // A number goes with its month: with another month than the known one it is not this person's.
    let month_differs = before
        .membership
        .as_ref()
        .is_some_and(|m| m.joined.is_some() && typed.joined.is_some() && m.joined != typed.joined);
    for column in MERGED {
        let admission = matches!(column, Column::Joined | Column::DevNumber);
        if admission && (gains || before.membership.is_none()) {
            continue;
        }
        let (Some(new), known) = (shadow.in_full(column), before.in_full(column)) else { continue };
        if known.as_ref() == Some(&new) {
            continue;
        }
        merged.typed.insert(column, shadow.shown(column).unwrap_or_default());
        let number_alone = column == Column::DevNumber && month_differs;
        match known {
            None if number_alone => {}
            None => merged.filled.push(column),
            Some(_) if take.contains(&column) && CONTACTS.contains(&column) => {
                merged.replaced.push(column);
            }
            Some(_) => {
                merged.kept.push(column);
                continue;
            }
        }
        if !number_alone {
            copy(&mut after, &shadow, column);
        }
    }
    if before.membership.is_none() && after.membership.is_none() {
        let lacked = |c: &Column| !(*c == Column::Joined && typed.joined.is_some());
        after.missing.retain(lacked);
    }
    after.missing = edit::missing_on(today, &after);
    merged.after = after;
    merged
}

fn copy(to: &mut Person, from: &Person, column: Column) {
    match column {
        Column::Mobile => to.mobile.clone_from(&from.mobile),
        Column::Ethnic => to.ethnic.clone_from(&from.ethnic),
        Column::Political => to.political.clone_from(&from.political),
        Column::Education => to.education.clone_from(&from.education),
        Column::Joined | Column::DevNumber => {
            if let (Some(to), Some(from)) = (&mut to.membership, &from.membership) {
                match column {
                    Column::Joined => to.joined.clone_from(&from.joined),
                    _ => to.dev_number.clone_from(&from.dev_number),
                }
            }
        }
        other => to.contact.set(other, from.contact.reveal(other).map(str::to_owned)),
    }
}

/// The membership that somebody gets in a branch, for judging.
pub(super) fn joining(cx: &Cx, branch: &OrgRef, typed: &NewPerson) -> person::Membership {
    person::Membership {
        org: branch.clone(),
        joined: typed.joined.clone(),
        dev_number: typed.dev_number.clone(),
        moving: false,
        entered_at: cx.now(),
        import_id: None,
        version: 1,
        graduation: None,
    }
}

/// Which of `take` whoever acts may replace: who answers for the person may edit her.
pub(super) fn may_take(cx: &Cx, home: Option<&OrgRef>, take: &[Column]) -> Vec<Column> {
    let may = home.is_some_and(|home| cx.may(Action::EditMember, &home.path));
    if may { take.to_vec() } else { Vec::new() }
}

/// Who of these may be seen by whoever acts: the rule of her card ([`person::card`]), asked for many.
pub(crate) async fn visible(cx: &mut Cx, people: &[&Person]) -> Result<HashMap<PersonId, bool>> {
    let scope = cx.scope(Action::SeeMembers).ok();
    let sees = |path: &str| scope.as_ref().is_some_and(|scope| scope.holds(path));
    let mut seen: HashMap<PersonId, bool> = people
        .iter()
        .map(|p| (p.id, p.membership.as_ref().is_some_and(|m| sees(&m.org.path))))
        .collect();
    let rows = people.iter().map(|p| vec![p.id.into()]).collect();
    for (id, path) in sql::merge::post_paths(cx, rows).await? {
        if sees(&path) {
            seen.insert(PersonId(id), true);
        }
    }
    Ok(seen)
}

/// Stores merges: the persons, what their memberships and posts say of it, the counters, the book.
/// [`Error::Retry`] when somebody edited one of them at this very moment.
pub(super) async fn store(cx: &mut Cx, permit: &Permit, merged: &[&Merged]) -> Result<()> {
    let house = cx.house().clone();
    let (mut persons, mut members, mut done): (Rows, Rows, Rows) = (vec![], vec![], vec![]);
    let mut flips: HashMap<i64, i64> = HashMap::new();
    for m in merged {
        let (before, after) = (&m.before, &m.after);
        if !m.changes() && before.missing == after.missing {
            continue;
        }
        let id = before.id.0;
        let (mobile_ct, mobile_bi) =
            after.mobile.as_ref().map(|mobile| person::seal_mobile(&house, id, mobile)).unzip();
        persons.push(vec![
            id.into(),
            before.version.into(),
            mobile_ct.into(),
            mobile_bi.into(),
            person::seal_contact(&house, id, &after.contact).into(),
            after.ethnic.clone().into(),
            after.political.clone().into(),
            after.education.clone().into(),
            person::columns_text(&after.missing).into(),
        ]);
        let flip = i64::from(after.complete()) - i64::from(before.complete());
        flips.insert(id, flip);
        done.push(vec![id.into(), after.complete().into()]);
        if before.membership.is_some()
            && let Some(member) = &after.membership
        {
            members.push(vec![
                id.into(),
                member.joined.clone().unwrap_or_default().into(),
                member.dev_number.clone().into(),
                after.complete().into(),
            ]);
            let by = counts::Counts { members_done: flip, ..Default::default() };
            counts::add(cx, permit, &member.org.path, by).await?;
        }
    }
    if persons.is_empty() {
        return Ok(());
    }
    let expected = persons.len() as u64;
    if sql::merge::persons(cx, permit, persons).await? < expected {
        return Err(Error::Retry);
    }
    let expected = members.len() as u64;
    if expected > 0 && sql::merge::members(cx, permit, members).await? < expected {
        return Err(Error::Retry);
    }
    for (id, path) in sql::merge::posts_complete(cx, permit, done).await? {
        let flip = flips.get(&id).copied().unwrap_or_default();
        let by = counts::Counts { cadres_done: flip, ..Default::default() };
        counts::add(cx, permit, &path, by).await?;
    }
    for m in merged.iter().filter(|m| m.changes()) {
        let changed: Vec<Column> = m.filled.iter().chain(&m.replaced).copied().collect();
        events::write(cx, permit, edit::edited(&m.before, &m.after, &changed)).await?;
    }
    Ok(())
}

/// The persons with these ids, without their posts, whoever asks.
pub(super) async fn read(cx: &mut Cx, ids: Vec<PersonId>) -> Result<HashMap<PersonId, Person>> {
    let mut found = HashMap::with_capacity(ids.len());
    for piece in ids.chunks(1000) {
        let rows: Vec<Vec<Value>> = piece.iter().map(|id| vec![(*id).into()]).collect();
        for row in sql::person::read_these(cx, rows).await? {
            let person = person::open(cx.house(), row, vec![])?;
            found.insert(person.id, person);
        }
    }
    Ok(found)
}

/// Somebody named at a door that asks for a telephone only.
pub(super) async fn one(
    cx: &mut Cx,
    permit: &Permit,
    id: PersonId,
    typed: &NewPerson,
    take: &[Column],
) -> Result<Told> {
    let before = person::read(cx, id).await?;
    let mine = matches!(cx.who(), crate::Who::Person(v) if v.person == id);
    let take = if mine { take.to_vec() } else { may_take(cx, before.home(), take) };
    let merged = merge(&before, typed, None, &take, crate::clock::day(cx.now()));
    store(cx, permit, &[&merged]).await?;
    let seen = mine || visible(cx, &[&merged.before]).await?.get(&id).copied().unwrap_or(false);
    Ok(merged.told(seen))
}
