//! How often somebody may do in a day what is open to her but easily abused: showing values in
//! full, asking about people of other organisations (security a-2, a-7).

use super::sql;
use crate::{
    Cx, Error, Permit, Result, clock,
    rules::{Rules, policy::Quotas},
};

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

/// Takes one from today's allowance of whoever acts; [`Error::TooMany`] when it is used up.
pub(super) async fn take(cx: &mut Cx, permit: &Permit, allowance: Allowance) -> Result<()> {
    let actor = cx.visitor()?.person;
    let now = cx.now();
    let day_ends = clock::end_of_day_after(now, 0);
    let key = format!("{}:{actor}", allowance.name);
    let used = sql::store::count_attempt(cx, permit, &key, day_ends + 1 - clock::DAY).await?;
    if used > (allowance.per_day)(&Rules::builtin().policy.quotas) {
        return Err(Error::TooMany { seconds: (day_ends - now) / 1000 + 1 });
    }
    Ok(())
}
