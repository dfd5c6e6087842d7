//! Sign-ins (会话): a secret in a cookie, its hash in the database, an idle and an absolute limit.

use super::sql;
pub use super::sql::SignedIn;
use crate::{
    Action, Cx, House, Result, Who, act,
    clock::{HOUR, MINUTE, Millis},
    events::Event,
    people::PersonId,
    rules::Rules,
};

/// Where a sign-in comes from, for its owner's list.
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub address: String,
    pub name: String,
}

fn idle() -> Millis {
    Rules::builtin().policy.session.idle_minutes * MINUTE
}

/// Opens a sign-in and gives its secret.
pub(super) async fn open(cx: &mut Cx, person: PersonId, device: &Device) -> Result<String> {
    let secret = cx.house().new_secret();
    let hash = cx.house().keys().code_hash("session", &secret);
    let expires = cx.now() + Rules::builtin().policy.session.absolute_hours * HOUR;
    let name: String = device.name.chars().take(120).collect();
    let new = sql::NewSession { hash, person, expires, address: &device.address, device: &name };
    let id = sql::open_session(cx, new).await?;
    cx.note(Event::new("account.signed_in", "session", id).about(person)).await?;
    Ok(secret)
}

/// Who signed in with this secret, while neither limit has passed.
pub(super) async fn find(
    cx: &mut Cx,
    secret: &str,
) -> Result<Option<(PersonId, String, Option<i64>)>> {
    let hash = cx.house().keys().code_hash("session", secret);
    let now = cx.now();
    let open = sql::session(cx, hash).await?;
    Ok(open
        .filter(|s| s.expires_at > now && s.seen_at > now - idle())
        .map(|s| (s.person, s.name, Some(s.id))))
}

/// Until when the present sign-in lasts however busy one is; `None` for a program's token.
pub async fn ends_at(cx: &mut Cx) -> Result<Option<Millis>> {
    let Some(id) = cx.visitor()?.session else { return Ok(None) };
    Ok(sql::session_ends(cx, id).await?.map(|(at,)| at))
}

/// Notes that a sign-in is in use. Called after the answer has gone out; writes at most once a
/// minute and sign-in, in a transaction of its own.
pub async fn touch(house: &House, secret: &str) -> Result<()> {
    let hash = house.keys().code_hash("session", secret);
    let mut cx = house.read(Who::System("session")).await?;
    let Some(open) = sql::session(&mut cx, hash).await? else { return Ok(()) };
    drop(cx);
    let now = house.now();
    if open.seen_at > now - MINUTE || open.seen_at < now - idle() || open.expires_at < now {
        return Ok(());
    }
    act!(house, Who::System("session"), |cx| sql::touch(cx, open.id).await)
}

/// One's own sign-ins that are alive, newest first.
pub async fn mine(cx: &mut Cx) -> Result<Vec<SignedIn>> {
    let me = cx.visitor()?.person;
    sql::sessions(cx, me, cx.now() - idle()).await
}

/// Ends one of one's own sign-ins, or all but the present one.
pub async fn end(cx: &mut Cx, one: Option<i64>) -> Result<u64> {
    let permit = cx.permit_own(Action::ManageOwnSignIns)?;
    let (me, present) = (cx.visitor()?.person, cx.visitor()?.session);
    let ended = match one {
        Some(id) => sql::end_sessions(cx, me, Some(id), None).await?,
        None => sql::end_sessions(cx, me, None, present).await?,
    };
    let event = Event::new("account.signed_out", "person", me.0)
        .about(me)
        .detail(serde_json::json!({ "ended": ended }));
    cx.record(permit, event).await?;
    Ok(ended)
}

/// Forgets what has run out (clockwork).
pub async fn sweep(house: &House) -> Result<()> {
    let now = house.now();
    act!(house, Who::System("sweep"), |cx| {
        sql::sweep(cx, now - 24 * HOUR, now - 48 * HOUR).await
    })
}
