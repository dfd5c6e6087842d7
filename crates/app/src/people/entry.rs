//! Entering people: the one way by which anybody comes into an organisation, whether typed (A18),
//! imported or made for the demonstration. A person exists once (row 21), a development number
//! belongs to one person (row 136), an organisation has one 书记.

use super::{
    Person, PersonId, Told, counts,
    merge::{self, Merged},
    person, quota, sql,
};
use crate::{
    Action, Cx, Error, FieldError, OrgRef, Permit, Result, Who, clock,
    events::{self, Event},
    exceptions,
    keyring::{self, Held},
    keys::Place,
    orgs::{self, Category, pinyin},
    pii::IdNumber,
    rules::{
        Column, Problem, Rules, SheetKind, YearMonth, age, id_number,
        person::{self as judged, Draft, NewPerson, PostDraft},
        seats::{self, Seats},
        tree,
    },
};
use db::{Rows, Value};
use jiff::civil::Date;
use serde_json::json;
use std::collections::{HashMap, HashSet};

/// What became of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Entered.
    Added(PersonId),
    /// In this very organisation already; something that was not known has been put in.
    Filled(PersonId),
    /// In this very organisation already, or entered earlier in the same batch: nothing to do.
    Here(PersonId),
    /// In the system, but not here (E03a): a transfer brings the person.
    Elsewhere,
    /// The development number belongs to somebody else (E08).
    NumberTaken,
    /// Somebody sits there already; says who ([`seats`]).
    PostTaken(Problem),
}
impl Outcome {
    /// The finding that says why the person was not entered.
    pub fn problem(self) -> Option<Problem> {
        match self {
            Self::Added(_) | Self::Filled(_) => None,
            Self::Here(_) => Some(Problem::already_here()),
            Self::Elsewhere => Some(Problem::already_elsewhere()),
            Self::NumberTaken => Some(Problem::dev_number_taken()),
            Self::PostTaken(problem) => Some(problem),
        }
    }
}

/// What is known about an ID number that is about to be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdCheck {
    /// Nobody has it.
    New,
    /// Somebody of this organisation.
    Here { code: String, name: String },
    /// Somebody of another organisation, which is not told (E03a); for a 转入.
    Elsewhere(PersonId),
    /// Not here; whether elsewhere, is not told any more today. The form may be filled and decides.
    Untold,
}

/// Where somebody whose ID number is asked for stands, seen from one organisation.
#[derive(Clone, Debug)]
pub struct Known {
    pub person: PersonId,
    pub code: String,
    pub name: String,
    /// Member of the organisation asked for, or holder of a post there when it has no members.
    pub here: bool,
    /// Member of no branch: may be taken into one when the name agrees.
    pub free: bool,
    /// The post that she holds in the organisation asked for.
    pub post: Option<String>,
    check_state: String,
}

/// Who of these ID numbers is in the system, in the order asked.
pub async fn known(cx: &mut Cx, org: &OrgRef, ids: &[&IdNumber]) -> Result<Vec<Option<Known>>> {
    let mut asked: Rows = Vec::with_capacity(ids.len());
    for (at, id) in (0_i64..).zip(ids) {
        for (index, version) in cx.house().keys().indexes(person::ID_INDEX, id.reveal()) {
            asked.push(vec![at.into(), index.into(), version.into()]);
        }
    }
    let mut found: Vec<Option<Known>> = ids.iter().map(|_| None).collect();
    for row in sql::entry::known(cx, org.id.0, asked).await? {
        let owns = org.category.owns_members();
        let slot = usize::try_from(row.at).ok().and_then(|at| found.get_mut(at));
        if let Some(slot) = slot {
            *slot = Some(Known {
                person: PersonId(row.person),
                code: row.code,
                name: row.name,
                here: if owns { row.branch == Some(org.id.0) } else { row.post.is_some() },
                free: !owns || row.branch.is_none(),
                check_state: row.check_state,
                post: row.post,
            });
        }
    }
    Ok(found)
}

/// Who sits on the limited posts of an organisation now.
pub async fn seats(cx: &mut Cx, org: &OrgRef) -> Result<Seats<'static>> {
    let (category, rules) = (category_of(org), Rules::builtin());
    let posts = sql::entry::texts(seats::limited(category, rules).map(|row| row.name.as_str()));
    Ok(Seats::of(category, sql::entry::holders(cx, org, posts).await?, rules))
}

/// Which of these development numbers somebody has already.
pub async fn numbers_taken(cx: &mut Cx, numbers: &[&str]) -> Result<HashSet<String>> {
    let rows = sql::entry::texts(numbers.iter().copied());
    Ok(sql::entry::numbers_taken(cx, rows).await?.into_iter().map(|(n, _)| n).collect())
}

/// Looks an ID number up before the rest of the form is filled (A18). Answers about people of
/// other organisations are counted, limited and noted: they tell that somebody exists.
pub async fn check_id(cx: &mut Cx, org: &OrgRef, raw: &str) -> Result<IdCheck> {
    let permit = cx.permit(Action::AddMember, org)?;
    let id = id_number::parse(raw, clock::day(cx.now())).map_err(|p| invalid(vec![p]))?;
    let known = known(cx, org, &[&id]).await?.into_iter().next().flatten();
    if let Some(k) = known.as_ref().filter(|k| k.here) {
        cx.return_unused(permit);
        return Ok(IdCheck::Here { code: k.code.clone(), name: k.name.clone() });
    }
    // Whoever belongs to no branch is entered like somebody new; only the name tells who she is.
    let known = known.filter(|k| !k.free);
    // Behind the day's last answer "new" would tell what the answers may not.
    if quota::is_used_up(cx, quota::LOOKUPS).await? {
        cx.return_unused(permit);
        return Ok(IdCheck::Untold);
    }
    let Some(known) = known else {
        cx.return_unused(permit);
        return Ok(IdCheck::New);
    };
    quota::take(cx, &permit, quota::LOOKUPS).await?;
    let event = Event::new("person.looked_up", "org", org.id.0);
    cx.record(permit, event.detail(json!({ "found": "elsewhere" }))).await?;
    Ok(IdCheck::Elsewhere(known.person))
}

/// What came of one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub person: PersonId,
    /// Whether she was in this organisation before.
    pub was_here: bool,
    /// What was known of her already and what was put in.
    pub told: Told,
}

/// As [`add_taking`], keeping whatever is known.
pub async fn add(cx: &mut Cx, org: &OrgRef, draft: &Draft) -> Result<PersonId> {
    Ok(add_taking(cx, org, draft, &[]).await?.person)
}

/// Enters one person from the form; for somebody who is known fills what is empty (decision 27), and
/// replaces the contact values of `take`. [`Error::Invalid`] names every field that forbids it; commit
/// also then: an answer about somebody of another organisation is counted.
pub async fn add_taking(
    cx: &mut Cx,
    org: &OrgRef,
    draft: &Draft,
    take: &[Column],
) -> Result<Entry> {
    let permit = cx.permit(Action::AddMember, org)?;
    let place = place_for(cx, org).await?;
    let judged = judged::judge(draft, &place, clock::day(cx.now()), Rules::builtin());
    let Some(mut person) = judged.person else {
        cx.return_unused(permit);
        return Err(invalid(judged.problems.into_iter().filter(Problem::forbids).collect()));
    };
    person.take = take.to_vec();
    let name = person.name.clone();
    let not_asked = judged.problems.iter().filter(|p| p.code == judged::NOT_ASKED);
    let not_asked: Vec<Column> = not_asked.map(|p| p.column).collect();
    let mut outcomes = enter(cx, &permit, org, &[person], None, true).await?;
    for (_, told) in &mut outcomes {
        told.not_asked.clone_from(&not_asked);
    }
    match outcomes.into_iter().next() {
        Some((Outcome::Added(person), told)) => {
            let event = Event::new("member.added", "person", person.0).about(person);
            cx.record(permit, event.detail(json!({ "name": name }))).await?;
            Ok(Entry { person, was_here: false, told })
        }
        Some((Outcome::Filled(person), told)) => {
            let event = Event::new("member.filled", "person", person.0).about(person);
            cx.record(permit, event.detail(json!({ "name": name }))).await?;
            Ok(Entry { person, was_here: true, told })
        }
        Some((Outcome::Here(person), told)) if !told.is_empty() => {
            cx.return_unused(permit);
            Ok(Entry { person, was_here: true, told })
        }
        Some((Outcome::Elsewhere, _)) if matches!(cx.who(), Who::Person(_)) => {
            quota::take(cx, &permit, quota::LOOKUPS).await?;
            let event = Event::new("person.looked_up", "org", org.id.0);
            cx.record(permit, event.detail(json!({ "found": "elsewhere" }))).await?;
            Err(invalid(vec![Problem::already_elsewhere()]))
        }
        Some((other, _)) => {
            cx.return_unused(permit);
            Err(invalid(other.problem().into_iter().collect()))
        }
        None => Err(Error::Broken("entering one person had no outcome".into())),
    }
}

/// Enters judged people into one organisation: members (and their posts) into a branch, holders of
/// posts elsewhere. One outcome for each, in order; one event and one change of the counters for
/// the whole batch. Bound the batch (20,000 at most): it is one transaction.
pub async fn add_many(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    people: Vec<NewPerson>,
    import_id: Option<i64>,
) -> Result<Vec<Outcome>> {
    enter_many(cx, permit, org, &people, import_id, true).await
}

/// As [`add_many`], for people who were looked for before and not found: nobody asks again, the
/// unique indexes decide. [`Error::Retry`] when one of them was there after all; nothing may be
/// kept then, and the next turn takes [`add_many`].
pub async fn add_looked_for(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    people: Vec<NewPerson>,
    import_id: Option<i64>,
) -> Result<Vec<Outcome>> {
    // While index keys are being changed a person may stand under an older one, which the unique
    // index of the newest does not see.
    let ask = cx.house().keys().indexes(person::ID_INDEX, "").len() > 1;
    enter_many(cx, permit, org, &people, import_id, ask).await
}

async fn enter_many(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    people: &[NewPerson],
    import_id: Option<i64>,
    ask: bool,
) -> Result<Vec<Outcome>> {
    let outcomes = enter(cx, permit, org, people, import_id, ask).await?;
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(|(outcome, _)| outcome).collect();
    let added: Vec<String> = outcomes
        .iter()
        .filter_map(|o| match o {
            Outcome::Added(id) => Some(id.to_string()),
            _ => None,
        })
        .collect();
    if !added.is_empty() {
        let detail = json!({ "import": import_id.map(|i| i.to_string()), "people": added });
        let event = Event::new("members.added", "org", org.id.0).at(&org.path).detail(detail);
        events::write(cx, permit, event).await?;
    }
    Ok(outcomes)
}

/// Where a person is judged for.
pub fn place_of(org: &OrgRef) -> judged::Place {
    let sheet = if org.category.owns_members() { SheetKind::Members } else { SheetKind::Cadres };
    let (category, region) = (category_of(org), org.province.clone());
    judged::Place { category, region, sheet, exceptions: vec![] }
}

/// The same, with the people for whom a rule does not count there now.
pub async fn place_for(cx: &mut Cx, org: &OrgRef) -> Result<judged::Place> {
    let exceptions = exceptions::in_force(cx, org).await?;
    Ok(judged::Place { exceptions, ..place_of(org) })
}

/// The rules' word for the organisation's category.
pub(super) fn category_of(org: &OrgRef) -> tree::Category {
    tree::Category::from_code(org.category.code()).unwrap_or(tree::Category::Branch)
}

/// Findings as field errors of a form.
pub(super) fn invalid(problems: Vec<Problem>) -> Error {
    let field = |p: Problem| FieldError::new(p.column.key(), p.code, p.message);
    Error::Invalid(problems.into_iter().map(field).collect())
}

/// What is to be done with one person of a batch.
enum Fate {
    New(PersonId),
    /// In the system: gets a place of this kind, unless she has one, and what was empty is filled.
    Known(Known, Box<Merged>),
    /// In this organisation; nothing that was typed changes anything.
    Same(PersonId, Box<Merged>),
    Not(Outcome),
}

async fn enter(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    people: &[NewPerson],
    import_id: Option<i64>,
    ask: bool,
) -> Result<Vec<(Outcome, Told)>> {
    if !org.path.starts_with(permit.org_path()) {
        return Err(Error::Broken("a permit for another organisation".into()));
    }
    if org.category == Category::Holding {
        return Err(orgs::made_by_the_system());
    }
    orgs::hold_living(cx, org).await?;
    let ring = keyring::hold(cx).await?;
    let fates = decide(cx, org, people, ask).await?;
    let mut batch = Batch {
        org,
        ring,
        persons: vec![],
        members: vec![],
        cadres: vec![],
        counts: counts::Counts::default(),
    };
    let mut merged: Vec<&Merged> = Vec::new();
    for (person, fate) in people.iter().zip(&fates) {
        match fate {
            Fate::New(id) => {
                batch.persons.push(person_row(cx, *id, person));
                batch.place(cx, *id, person, None);
            }
            Fate::Known(known, result) => {
                merged.push(result);
                batch.place(cx, known.person, person, Some((known, result)));
            }
            Fate::Same(..) | Fate::Not(_) => {}
        }
    }
    // First what people have: a post that they get now is counted with what it says.
    merge::store(cx, permit, &merged).await?;
    batch.store(cx, permit, import_id).await?;
    let came_in = people.iter().zip(&fates).filter_map(|(person, fate)| match fate {
        Fate::New(id) => Some((person, *id)),
        Fate::Known(known, _) => Some((person, known.person)),
        Fate::Same(..) | Fate::Not(_) => None,
    });
    let came_in: Vec<(&NewPerson, PersonId)> = came_in.collect();
    exceptions::take(cx, permit, org, &came_in).await?;
    tell(cx, fates).await
}

/// The outcomes, with what may be told of people who were known.
async fn tell(cx: &mut Cx, fates: Vec<Fate>) -> Result<Vec<(Outcome, Told)>> {
    let known = fates.iter().filter_map(|fate| match fate {
        Fate::Known(_, merged) | Fate::Same(_, merged) if merged.tells() => Some(&merged.after),
        _ => None,
    });
    let known: Vec<&Person> = known.collect();
    // With the place that they have now: whoever entered them sees them.
    let seen = match known.is_empty() {
        true => HashMap::new(),
        false => merge::visible(cx, &known).await?,
    };
    let sees = |id: &PersonId| seen.get(id).copied().unwrap_or(false);
    let told = |fate| match fate {
        Fate::New(id) => (Outcome::Added(id), Told::default()),
        Fate::Known(known, merged) => {
            let told = merged.told(sees(&known.person));
            match known.here {
                true => (Outcome::Filled(known.person), told),
                false => (Outcome::Added(known.person), told),
            }
        }
        Fate::Same(id, merged) => (Outcome::Here(id), merged.told(sees(&id))),
        Fate::Not(outcome) => (outcome, Told::default()),
    };
    Ok(fates.into_iter().map(told).collect())
}

/// What is typed about people who are known: merged, for everybody whose name agrees and who is here or
/// in no branch.
pub(crate) async fn merges(
    cx: &mut Cx,
    org: &OrgRef,
    people: &[(&NewPerson, &Known)],
) -> Result<HashMap<PersonId, Merged>> {
    let agrees = |(person, known): &&(&NewPerson, &Known)| {
        (known.here || known.free) && known.name == person.name
    };
    let ids: Vec<PersonId> = people.iter().filter(agrees).map(|(_, k)| k.person).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let before = merge::read(cx, ids).await?;
    let today = clock::day(cx.now());
    let mut found = HashMap::with_capacity(before.len());
    for (person, known) in people.iter().filter(agrees) {
        let Some(before) = before.get(&known.person) else { continue };
        let joins = org.category.owns_members() && !known.here && is_member(person, today);
        let place = joins.then(|| merge::joining(cx, org, person));
        let home = match joins {
            true => Some(org),
            false => before.home(),
        };
        let take = merge::may_take(cx, home.or(Some(org)), &person.take);
        let merged = merge::merge(before, person, place, &take, today);
        found.entry(known.person).or_insert(merged);
    }
    Ok(found)
}

/// What is to be done with each, asking the database (unless `ask` is false) who is there already.
async fn decide(cx: &mut Cx, org: &OrgRef, people: &[NewPerson], ask: bool) -> Result<Vec<Fate>> {
    let asked = if ask { people } else { &[] };
    let numbers: Vec<&str> = asked.iter().filter_map(|p| p.dev_number.as_deref()).collect();
    let mut numbers_taken = numbers_taken(cx, &numbers).await?;
    // The numbers first: somebody entered between the two questions is then found as a person, and
    // it isn't said that her own number were somebody else's.
    let ids: Vec<&IdNumber> = asked.iter().map(|p| &p.id_number).collect();
    let mut known = known(cx, org, &ids).await?;
    known.resize(people.len(), None);
    let pairs = people.iter().zip(&known).filter_map(|(p, k)| k.as_ref().map(|k| (p, k)));
    let pairs: Vec<(&NewPerson, &Known)> = pairs.collect();
    let mut merges = merges(cx, org, &pairs).await?;
    let mut seats = match people.iter().any(|p| p.post.is_some()) {
        true => seats(cx, org).await?,
        false => Seats::of(category_of(org), [], Rules::builtin()),
    };
    let mut seen: HashMap<&str, PersonId> = HashMap::new();
    let mut fates = Vec::with_capacity(people.len());
    for (person, known) in people.iter().zip(known) {
        // Whoever holds a post here keeps it; the row's is not given.
        let claims =
            person.post.as_ref().filter(|_| known.as_ref().is_none_or(|k| k.post.is_none()));
        let claims = claims.map(|post| post.code.as_str());
        let seat_taken = claims.and_then(|code| seats.judge(code, &[]));
        let number_taken = person.dev_number.as_ref().is_some_and(|n| numbers_taken.contains(n));
        let merged = known.as_ref().and_then(|k| merges.remove(&k.person));
        let fate = match (known, merged, seat_taken) {
            _ if seen.contains_key(person.id_number.reveal()) => {
                Fate::Not(Outcome::Here(seen[person.id_number.reveal()]))
            }
            (Some(k), None, _) if k.here => Fate::Not(Outcome::Here(k.person)),
            (Some(k), Some(m), _) if k.here && !m.changes() && claims.is_none() => {
                Fate::Same(k.person, Box::new(m))
            }
            (Some(_), None, _) => Fate::Not(Outcome::Elsewhere),
            // It may be her own post: ask who she is.
            (_, _, Some(_)) if !ask => return Err(Error::Retry),
            (_, _, Some(taken)) => Fate::Not(Outcome::PostTaken(taken)),
            (Some(k), Some(m), _) if k.here && (!m.fills(Column::DevNumber) || !number_taken) => {
                Fate::Known(k, Box::new(m))
            }
            _ if number_taken => Fate::Not(Outcome::NumberTaken),
            (Some(k), Some(m), None) => Fate::Known(k, Box::new(m)),
            (None, _, None) => Fate::New(PersonId(cx.new_id())),
        };
        let entered = match &fate {
            Fate::New(id) | Fate::Same(id, _) => Some(*id),
            Fate::Known(k, _) => Some(k.person),
            Fate::Not(_) => None,
        };
        if let Some(id) = entered {
            seen.insert(person.id_number.reveal(), id);
            numbers_taken.extend(person.dev_number.clone());
            if let Some(code) = claims {
                seats.sit(code, &person.name);
            }
        }
        fates.push(fate);
    }
    Ok(fates)
}

/// The rows of one batch.
struct Batch<'a> {
    org: &'a OrgRef,
    ring: Held,
    persons: Rows,
    members: Rows,
    cadres: Rows,
    counts: counts::Counts,
}
impl Batch<'_> {
    /// Membership and post of one person.
    fn place(
        &mut self,
        cx: &Cx,
        id: PersonId,
        person: &NewPerson,
        known: Option<(&Known, &Merged)>,
    ) {
        let complete = known.map_or(person.missing.is_empty(), |(_, m)| m.after.complete());
        let known = known.map(|(known, _)| known);
        let initials = pinyin::person_initials(&person.name);
        let joins = self.org.category.owns_members() && known.is_none_or(|k| !k.here);
        if joins && is_member(person, clock::day(cx.now())) {
            let check = known.map_or("unchecked", |k| k.check_state.as_str());
            self.members.push(vec![
                id.into(),
                (&person.name).into(),
                (&initials).into(),
                // Party members may be entered before the month is known; then it is missing.
                person.joined.as_deref().unwrap_or_default().into(),
                person.dev_number.clone().into(),
                complete.into(),
                check.into(),
            ]);
            self.counts.members += 1;
            self.counts.members_done += i64::from(complete);
        }
        if let Some(post) = person.post.as_ref().filter(|_| known.is_none_or(|k| k.post.is_none()))
        {
            let (name, nature) = post_words(self.org, post);
            self.cadres.push(vec![
                cx.new_id().into(),
                id.into(),
                (&person.name).into(),
                initials.into(),
                name.into(),
                post.since.clone().into(),
                nature.into(),
                post.in_party_committee.into(),
                complete.into(),
            ]);
            self.counts.cadres += 1;
            self.counts.cadres_done += i64::from(complete);
        }
    }

    /// Stores everything or nothing: whoever was beaten by another transaction is run again and
    /// then sees what the other one did.
    async fn store(self, cx: &mut Cx, permit: &Permit, import_id: Option<i64>) -> Result<()> {
        let counts = [self.persons.len(), self.members.len(), self.cadres.len()];
        let [persons, members, cadres] = counts.map(|n| n as u64);
        if persons > 0 && sql::entry::persons(cx, permit, self.ring, self.persons).await? < persons
        {
            return Err(Error::Retry);
        }
        if members > 0
            && sql::entry::members(cx, permit, self.org, import_id, self.members).await? < members
        {
            return Err(Error::Retry);
        }
        if cadres > 0
            && sql::entry::cadres(cx, permit, self.org, import_id, self.cadres).await? < cadres
        {
            return Err(Error::Retry);
        }
        counts::add(cx, permit, &self.org.path, self.counts).await
    }
}

/// Whoever is neither a League nor a Party member, or is past the age of members, stands in a branch
/// only with a post (decision 26).
fn is_member(person: &NewPerson, today: Date) -> bool {
    if person.post.is_some() && age::is_past_membership(person.birth, today, Rules::builtin()) {
        return false;
    }
    person.joined.is_some()
        || person.post.is_none()
        || matches!(person.political.as_deref(), None | Some("01" | "02" | "03"))
}

/// Post and nature as stored: the words of the rule tables.
fn post_words(org: &OrgRef, post: &PostDraft) -> (String, Option<String>) {
    let rules = Rules::builtin();
    let row = rules.tree.posts_of(category_of(org)).find(|row| row.code == post.code);
    let name = row.map_or_else(|| post.code.clone(), |row| row.name.clone());
    let nature = post.nature.as_deref().map(|code| {
        crate::rules::lists::name_of(&rules.codes.post_nature, code).unwrap_or(code).to_owned()
    });
    (name, nature)
}

pub(super) fn person_row(cx: &Cx, id: PersonId, new: &NewPerson) -> Vec<Value> {
    let house = cx.house();
    let place = Place { column: person::ID_COLUMN, row: id.0 };
    let id_ct = house.keys().seal(place, new.id_number.reveal(), house.chance_source());
    let (id_bi, _) = house.keys().index(person::ID_INDEX, new.id_number.reveal());
    let mobile = new.mobile.as_ref().map(|m| person::seal_mobile(house, id.0, m));
    let (mobile_ct, mobile_bi) = mobile.unzip();
    let birth = YearMonth::of(new.birth).map(|ym| ym.to_string()).unwrap_or_default();
    vec![
        id.into(),
        house.new_code(12).into(),
        (&new.name).into(),
        pinyin::person_initials(&new.name).into(),
        id_ct.into(),
        id_bi.into(),
        person::sex_code(new.sex).into(),
        birth.into(),
        mobile_ct.into(),
        mobile_bi.into(),
        person::seal_contact(house, id.0, &contact_of(new)).into(),
        new.ethnic.clone().into(),
        new.political.clone().into(),
        new.education.clone().into(),
        person::columns_text(&new.missing).into(),
    ]
}

pub(super) fn contact_of(new: &NewPerson) -> person::Contact {
    use Column as C;
    let mut contact = person::Contact::default();
    for (column, value) in [
        (C::Weibo, &new.weibo),
        (C::Qq, &new.qq),
        (C::Email, &new.email),
        (C::Wechat, &new.wechat),
        (C::EmergencyName, &new.emergency_name),
        (C::EmergencyPhone, &new.emergency_phone),
        (C::Address, &new.address),
    ] {
        contact.set(column, value.as_ref().map(|v| v.reveal().clone()));
    }
    contact
}
