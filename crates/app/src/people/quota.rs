//! How often somebody may do in a day what is open to her but easily abused: showing values in
//! full, asking about people of other organisations (security a-2, a-7).

use super::{PersonId, sql};
use crate::{
    Cx, Error, Permit, Result, clock,
    rules::{Rules, policy::Quotas},
};

use std::collections::{HashMap, HashSet};

/// A daily allowance; how large it is says the policy.
#[derive(Clone, Copy)]
pub(super) struct Allowance {
    name: &'static str,
    per_day: fn(&Quotas) -> i64,
}
/// Values shown in full.
pub(super) const REVEALS: Allowance =
    Allowance { name: "reveal", per_day: |quotas| quotas.reveals_per_day };
/// Answers about people of other organisations.
pub(super) const LOOKUPS: Allowance =
    Allowance { name: "lookup", per_day: |quotas| quotas.lookups_per_day };
/// Rows of imports whose name is compared with that of a person registered elsewhere.
pub(super) const ROWS: Allowance =
    Allowance { name: "row", per_day: |quotas| quotas.import_answers_per_day };

/// Takes one from today's allowance of whoever acts; [`Error::TooMany`] when it is used up.
pub(super) async fn take(cx: &mut Cx, permit: &Permit, allowance: Allowance) -> Result<()> {
    let actor = cx.visitor()?.person;
    let now = cx.now();
    let day_ends = clock::end_of_day_after(now, 0);
    let key = format!("{}:{actor}", allowance.name);
    let used = sql::store::count_attempt(cx, permit, &key, day_ends + 1 - clock::DAY).await?;
    if used > (allowance.per_day)(quotas()) {
        return Err(Error::TooMany { seconds: (day_ends - now) / 1000 + 1 });
    }
    Ok(())
}

/// Takes `n` persons, whose whole numbers are exported, from what whoever acts may take away in a day
/// without a second person; tells whether so many were left. What is refused is not taken.
pub(super) async fn take_exported(cx: &mut Cx, permit: &Permit, n: i64) -> Result<bool> {
    let key = format!("export:{}", cx.visitor()?.person);
    let since = clock::end_of_day_after(cx.now(), 0) + 1 - clock::DAY;
    let used = sql::store::count_attempts(cx, permit, &key, since, n).await?;
    Ok(used <= Rules::builtin().policy.exports.second_person_above)
}

/// Whether today's allowance of whoever acts is used up; takes nothing.
pub(super) async fn is_used_up(cx: &mut Cx, allowance: Allowance) -> Result<bool> {
    let key = format!("{}:{}", allowance.name, cx.visitor()?.person);
    let since = clock::end_of_day_after(cx.now(), 0) + 1 - clock::DAY;
    let used = sql::store::attempts_of_today(cx, &key, since).await?;
    Ok(used >= (allowance.per_day)(quotas()))
}

/// Today's answers about people of other organisations for the rows of imports. They are counted by
/// person: the same one, met again today in another file, costs nothing.
pub(crate) struct Answers {
    /// Whose; `None` for the command line, which is not limited.
    actor: Option<PersonId>,
    since: i64,
    left: i64,
    /// Told today, before or now.
    told: HashSet<PersonId>,
    /// Told now, for the first time today.
    new: Vec<PersonId>,
}
impl Answers {
    /// Holds the counter until the transaction ends: two files at once get no more than one.
    pub(crate) async fn open(cx: &mut Cx, permit: &Permit) -> Result<Self> {
        let actor = cx.visitor().ok().map(|v| v.person);
        let since = clock::end_of_day_after(cx.now(), 0) + 1 - clock::DAY;
        let left = match actor {
            Some(actor) => {
                let used =
                    sql::store::count_attempts(cx, permit, &answers_of(actor), since, 0).await?;
                per_day() - used
            }
            None => i64::MAX,
        };
        Ok(Self { actor, since, left, told: HashSet::new(), new: Vec::new() })
    }
    /// Finds out who of these was told of today already.
    pub(crate) async fn recall(&mut self, cx: &mut Cx, people: &[PersonId]) -> Result<()> {
        let Some(actor) = self.actor.filter(|_| !people.is_empty()) else { return Ok(()) };
        let keys = people.iter().map(|p| (told_to(actor, *p), *p)).collect::<HashMap<_, _>>();
        let known = sql::store::attempted(cx, keys.keys().cloned().collect(), self.since).await?;
        self.told.extend(known.iter().filter_map(|key| keys.get(key)));
        Ok(())
    }
    /// Whether it may be told of a person that she is registered elsewhere.
    pub(crate) fn may_tell(&mut self, person: PersonId) -> bool {
        if self.told.contains(&person) {
            return true;
        }
        if self.left <= 0 {
            return false;
        }
        self.left -= 1;
        self.told.insert(person);
        self.new.push(person);
        true
    }
    /// Nothing is left: whoever is not registered elsewhere may not be told from whoever is.
    pub(crate) fn are_used_up(&self) -> bool {
        self.left <= 0
    }
    /// Writes down who was told of.
    pub(crate) async fn close(self, cx: &mut Cx, permit: &Permit) -> Result<()> {
        let Some(actor) = self.actor.filter(|_| !self.new.is_empty()) else { return Ok(()) };
        let keys = self.new.iter().map(|p| told_to(actor, *p)).collect();
        sql::store::set_attempted(cx, permit, keys, self.since).await?;
        let count = i64::try_from(self.new.len()).unwrap_or(i64::MAX);
        sql::store::count_attempts(cx, permit, &answers_of(actor), self.since, count).await?;
        Ok(())
    }
}

/// How many people of other organisations the rows of imports may tell of in a day.
pub(crate) fn per_day() -> i64 {
    quotas().import_answers_per_day
}

fn answers_of(actor: PersonId) -> String {
    format!("import-answers:{actor}")
}

fn told_to(actor: PersonId, person: PersonId) -> String {
    format!("told:{actor}:{person}")
}

fn quotas() -> &'static Quotas {
    &Rules::builtin().policy.quotas
}

/// One more organisation asks about this person today. [`Error::TooMany`] for the sixth; the same
/// one may ask again.
pub(super) async fn subject(cx: &mut Cx, permit: &Permit, person: PersonId) -> Result<()> {
    let org = cx.org()?.id;
    let now = cx.now();
    let day_ends = clock::end_of_day_after(now, 0);
    let since = day_ends + 1 - clock::DAY;
    let pair = format!("asked:{person}:{org}");
    if sql::store::count_attempt(cx, permit, &pair, since).await? > 1 {
        return Ok(());
    }
    let orgs = sql::store::count_attempt(cx, permit, &format!("asked:{person}"), since).await?;
    if orgs > quotas().orgs_per_subject {
        return Err(Error::TooMany { seconds: (day_ends - now) / 1000 + 1 });
    }
    Ok(())
}

fn misses_of(cx: &Cx) -> Result<String> {
    Ok(format!("missed:{}", cx.visitor()?.person))
}

/// [`Error::TooMany`] while whoever acts pauses after too many misses.
pub(super) async fn not_paused(cx: &mut Cx) -> Result<()> {
    let until = sql::store::blocked_until(cx, &misses_of(cx)?).await?;
    let left = until - cx.now();
    if left > 0 { Err(Error::TooMany { seconds: left / 1000 + 1 }) } else { Ok(()) }
}

/// One more miss; returns how many are left before the pause, 0 when it begins now.
pub(super) async fn missed(cx: &mut Cx, permit: &Permit) -> Result<i64> {
    let key = misses_of(cx)?;
    let now = cx.now();
    let pause = quotas().pause_minutes * clock::MINUTE;
    let left = quotas().misses_before_pause
        - sql::store::count_miss(cx, permit, &key, now - pause).await?;
    if left > 0 {
        return Ok(left);
    }
    sql::store::block(cx, permit, &key, now + pause).await?;
    Ok(0)
}

/// A hit ends the row of misses.
pub(super) async fn forget_misses(cx: &mut Cx, permit: &Permit) -> Result<()> {
    sql::store::forget_attempts(cx, permit, &misses_of(cx)?).await
}
