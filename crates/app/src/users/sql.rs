//! The statements of accounts and sign-ins; private to the room.

use crate::{Cx, Permit, Result, clock::Millis, people::PersonId};
use db::{args, sql};

db::row! {
    pub(super) struct GrantRow {
        pub(super) id: i64,
        pub(super) code: String,
        pub(super) path: String,
        pub(super) short_name: String,
        pub(super) category: String,
        pub(super) province: String,
        pub(super) kind: String,
    }
}

pub(super) async fn grants(cx: &mut Cx, person: PersonId) -> Result<Vec<GrantRow>> {
    let now = cx.now();
    Ok(cx
        .tx
        .all(
            sql!("SELECT o.id, o.code, o.path, o.short_name, o.category, o.province, g.kind FROM (SELECT org_id, 'admin' AS kind FROM admin_seat WHERE person_id = $1 AND suspended_at IS NULL UNION ALL SELECT org_id, 'observer' FROM observer WHERE person_id = $1 AND expires_at > $2 UNION ALL SELECT r.id, 'operator' FROM operator p JOIN org r ON r.path = '000' WHERE p.person_id = $1 UNION ALL SELECT c.org_id, 'seatless' FROM cadre c WHERE c.person_id = $1 AND c.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM admin_seat s WHERE s.org_id = c.org_id AND s.person_id = $1)) g JOIN org o ON o.id = g.org_id WHERE o.status <> 'DELETED' ORDER BY o.path, g.kind LIMIT 500"),
            args![person, now],
        )
        .await?)
}

db::row! {
    pub(super) struct Known {
        pub(super) person: PersonId,
        pub(super) name: String,
        pub(super) id_ct: Vec<u8>,
        pub(super) mobile_ct: Option<Vec<u8>>,
        pub(super) password_hash: Option<String>,
        /// When the password was set; 0 without an account.
        pub(super) changed_at: i64,
    }
}

/// The person with this blind index (under any of the index keys) and the account, if claimed.
pub(super) async fn known(cx: &mut Cx, indexes: Vec<(Vec<u8>, i64)>) -> Result<Option<Known>> {
    let rows = indexes.into_iter().map(|(bi, v)| vec![bi.into(), v.into()]).collect();
    let found: Vec<Known> = cx
        .tx
        .all_of(
            sql!("SELECT p.id, p.name, p.id_ct, p.mobile_ct, a.password_hash, COALESCE(a.changed_at, 0) FROM {rows: bi blob, ver int} AS v CROSS JOIN person p LEFT JOIN account a ON a.person_id = p.id WHERE p.id_bi = v.bi AND p.id_bi_ver = v.ver LIMIT 1"),
            &[],
            rows,
        )
        .await?;
    Ok(found.into_iter().next())
}

pub(super) async fn known_person(cx: &mut Cx, person: PersonId) -> Result<Option<Known>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT p.id, p.name, p.id_ct, p.mobile_ct, a.password_hash, COALESCE(a.changed_at, 0) FROM person p LEFT JOIN account a ON a.person_id = p.id WHERE p.id = $1"),
            args![person],
        )
        .await?)
}

pub(super) async fn open_account(
    cx: &mut Cx,
    person: PersonId,
    hash: &str,
    now: Millis,
) -> Result<bool> {
    Ok(cx
        .tx
        .run(
            sql!("INSERT INTO account (person_id, password_hash, created_at, changed_at) VALUES ($1, $2, $3, $3) ON CONFLICT (person_id) DO NOTHING"),
            args![person, hash, now],
        )
        .await?
        == 1)
}

pub(super) async fn change_password(
    cx: &mut Cx,
    _: &Permit,
    person: PersonId,
    (old, new): (&str, &str),
    now: Millis,
) -> Result<bool> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE account SET password_hash = $1, changed_at = $2, version = version + 1 WHERE person_id = $3 AND password_hash = $4"),
            args![new, now, person, old],
        )
        .await?
        == 1)
}

pub(super) struct NewSession<'a> {
    pub(super) hash: [u8; 32],
    pub(super) person: PersonId,
    pub(super) expires: Millis,
    pub(super) address: &'a str,
    pub(super) device: &'a str,
}

/// Also notes on the account that it is used (security 24).
pub(super) async fn open_session(cx: &mut Cx, s: NewSession<'_>) -> Result<i64> {
    let id = cx.new_id();
    cx.tx
        .run(
            sql!("INSERT INTO session (id, token_hash, person_id, created_at, seen_at, expires_at, address, device) VALUES ($1, $2, $3, $4, $4, $5, $6, $7)"),
            args![id, s.hash, s.person, cx.now(), s.expires, s.address, s.device],
        )
        .await?;
    cx.tx
        .run(
            sql!("UPDATE account SET signed_in_at = $1 WHERE person_id = $2"),
            args![cx.now(), s.person],
        )
        .await?;
    Ok(id)
}

db::row! {
    pub(super) struct Open {
        pub(super) id: i64,
        pub(super) person: PersonId,
        pub(super) name: String,
        pub(super) seen_at: i64,
        pub(super) expires_at: i64,
    }
}

pub(super) async fn session(cx: &mut Cx, hash: [u8; 32]) -> Result<Option<Open>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT s.id, s.person_id, p.name, s.seen_at, s.expires_at FROM session s JOIN person p ON p.id = s.person_id WHERE s.token_hash = $1 AND s.ended_at IS NULL"),
            args![hash],
        )
        .await?)
}

/// When a sign-in ends at the latest.
pub(super) async fn session_ends(cx: &mut Cx, id: i64) -> Result<Option<(Millis,)>> {
    Ok(cx.tx.opt(sql!("SELECT expires_at FROM session WHERE id = $1"), args![id]).await?)
}

pub(super) async fn touch(cx: &mut Cx, id: i64) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE session SET seen_at = $1 WHERE id = $2 AND ended_at IS NULL AND seen_at < $1"),
            args![cx.now(), id],
        )
        .await?;
    Ok(())
}

db::row! {
    /// A sign-in as its owner sees it.
    #[derive(Clone, Debug)]
    pub struct SignedIn {
        pub id: i64,
        pub created_at: i64,
        pub seen_at: i64,
        pub address: String,
        pub device: String,
    }
}

pub(super) async fn sessions(
    cx: &mut Cx,
    person: PersonId,
    alive: Millis,
) -> Result<Vec<SignedIn>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, created_at, seen_at, address, device FROM session WHERE person_id = $1 AND ended_at IS NULL AND seen_at > $2 AND expires_at > $3 ORDER BY id DESC LIMIT 50"),
            args![person, alive, cx.now()],
        )
        .await?)
}

/// Ends sign-ins of a person: one (`only`), or all but one (`except`).
pub(super) async fn end_sessions(
    cx: &mut Cx,
    person: PersonId,
    only: Option<i64>,
    except: Option<i64>,
) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE session SET ended_at = $1 WHERE person_id = $2 AND ended_at IS NULL AND (CAST($3 AS BIGINT) IS NULL OR id = $3) AND (CAST($4 AS BIGINT) IS NULL OR id <> $4)"),
            args![cx.now(), person, only, except],
        )
        .await?)
}

/// Forgets what has run out: old sign-ins, tickets, captchas, counted attempts, answered forms.
pub(super) async fn sweep(cx: &mut Cx, day_ago: Millis, two_days_ago: Millis) -> Result<()> {
    cx.tx.run(sql!("DELETE FROM session WHERE expires_at < $1"), args![day_ago]).await?;
    cx.tx.run(sql!("DELETE FROM ticket WHERE expires_at < $1"), args![day_ago]).await?;
    cx.tx.run(sql!("DELETE FROM captcha WHERE expires_at < $1"), args![cx.now()]).await?;
    cx.tx
        .run(
            sql!("DELETE FROM attempt WHERE window_start < $1 AND blocked_until < $1"),
            args![two_days_ago],
        )
        .await?;
    cx.tx.run(sql!("DELETE FROM idem WHERE created_at < $1"), args![two_days_ago]).await?;
    Ok(())
}

db::row! {
    /// A token that is shown at the door.
    pub(super) struct Living {
        pub(super) id: i64,
        pub(super) person: PersonId,
        pub(super) name: String,
        pub(super) writes: bool,
        pub(super) org: Option<crate::orgs::OrgId>,
        pub(super) used_at: Option<i64>,
    }
}

pub(super) async fn token(cx: &mut Cx, hash: [u8; 32]) -> Result<Option<Living>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT t.id, t.person_id, p.name, t.scope = 'write', t.org_id, t.used_at FROM token t JOIN person p ON p.id = t.person_id WHERE t.token_hash = $1 AND t.ended_at IS NULL AND t.expires_at > $2"),
            args![hash, cx.now()],
        )
        .await?)
}

pub(super) async fn touch_token(cx: &mut Cx, id: i64) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE token SET used_at = $1 WHERE id = $2 AND ended_at IS NULL"),
            args![cx.now(), id],
        )
        .await?;
    Ok(())
}

pub(super) struct NewToken<'a> {
    pub(super) hash: [u8; 32],
    pub(super) person: PersonId,
    pub(super) label: &'a str,
    pub(super) scope: &'static str,
    pub(super) org: Option<crate::orgs::OrgId>,
    pub(super) expires: Millis,
}

pub(super) async fn insert_token(cx: &mut Cx, t: NewToken<'_>) -> Result<i64> {
    let id = cx.new_id();
    cx.tx
        .run(
            sql!("INSERT INTO token (id, token_hash, person_id, label, scope, org_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
            args![id, t.hash, t.person, t.label, t.scope, t.org, cx.now(), t.expires],
        )
        .await?;
    Ok(id)
}

db::row! {
    /// A living token as its owner and the operator see it.
    #[derive(Clone, Debug)]
    pub struct Token {
        pub id: i64,
        pub person: String,
        pub label: String,
        pub writes: bool,
        pub org: Option<String>,
        pub org_name: Option<String>,
        pub created_at: i64,
        pub expires_at: i64,
        pub used_at: Option<i64>,
    }
}

pub(super) async fn tokens(cx: &mut Cx, person: PersonId) -> Result<Vec<Token>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.id, p.name, t.label, t.scope = 'write', o.code, o.short_name, t.created_at, t.expires_at, t.used_at FROM token t JOIN person p ON p.id = t.person_id LEFT JOIN org o ON o.id = t.org_id WHERE t.person_id = $1 AND t.ended_at IS NULL AND t.expires_at > $2 ORDER BY t.id DESC LIMIT 200"),
            args![person, cx.now()],
        )
        .await?)
}

/// Living tokens of everybody, a piece of them in the order of their ends.
pub(super) async fn all_tokens(cx: &mut Cx, after: (Millis, i64)) -> Result<Vec<Token>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT t.id, p.name, t.label, t.scope = 'write', o.code, o.short_name, t.created_at, t.expires_at, t.used_at FROM token t JOIN person p ON p.id = t.person_id LEFT JOIN org o ON o.id = t.org_id WHERE t.ended_at IS NULL AND (t.expires_at, t.id) > ($1, $2) ORDER BY t.expires_at, t.id LIMIT 500"),
            args![after.0, after.1],
        )
        .await?)
}

pub(super) async fn token_owner(cx: &mut Cx, id: i64) -> Result<Option<PersonId>> {
    let row: Option<(PersonId,)> = cx
        .tx
        .opt(sql!("SELECT person_id FROM token WHERE id = $1 AND ended_at IS NULL"), args![id])
        .await?;
    Ok(row.map(|(person,)| person))
}

/// Ends tokens of a person: one, or all.
pub(super) async fn end_tokens(cx: &mut Cx, person: PersonId, only: Option<i64>) -> Result<u64> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE token SET ended_at = $1 WHERE person_id = $2 AND ended_at IS NULL AND (CAST($3 AS BIGINT) IS NULL OR id = $3)"),
            args![cx.now(), person, only],
        )
        .await?)
}

pub(super) async fn attempt(cx: &mut Cx, key: &str) -> Result<Option<(i64, i64, i64)>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT failures, window_start, blocked_until FROM attempt WHERE key = $1"),
            args![key],
        )
        .await?)
}

/// Counts one attempt in a window that begins anew when the old one is over; with how many there
/// are now and until when they wait. The row is the counter's own until the transaction's end.
pub(super) async fn count_attempt(cx: &mut Cx, key: &str, window: Millis) -> Result<(i64, Millis)> {
    let now = cx.now();
    Ok(cx
        .tx
        .one(
            sql!("INSERT INTO attempt (key, failures, window_start) VALUES ($1, 1, $2) ON CONFLICT (key) DO UPDATE SET failures = CASE WHEN attempt.window_start < $3 THEN 1 ELSE attempt.failures + 1 END, window_start = CASE WHEN attempt.window_start < $3 THEN $2 ELSE attempt.window_start END RETURNING failures, blocked_until"),
            args![key, now, now - window],
        )
        .await?)
}

/// The sum of some counters whose window is not over.
pub(super) async fn counted(cx: &mut Cx, keys: Vec<String>, since: Millis) -> Result<i64> {
    let rows = keys.into_iter().map(|key| vec![key.into()]).collect();
    let found: Vec<(i64,)> = cx
        .tx
        .all_of(
            sql!("SELECT a.failures FROM {rows: key text} AS v CROSS JOIN attempt a WHERE a.key = v.key AND a.window_start >= $1 LIMIT 100"),
            args![since],
            rows,
        )
        .await?;
    Ok(found.into_iter().map(|(n,)| n).sum())
}

pub(super) async fn block(cx: &mut Cx, key: &str, until: Millis) -> Result<()> {
    cx.tx
        .run(sql!("UPDATE attempt SET blocked_until = $1 WHERE key = $2"), args![until, key])
        .await?;
    Ok(())
}

/// Forgets a counter that has come no further than `most`.
pub(super) async fn forget_attempts(cx: &mut Cx, key: &str, most: i64) -> Result<()> {
    cx.tx
        .run(sql!("DELETE FROM attempt WHERE key = $1 AND failures <= $2"), args![key, most])
        .await?;
    Ok(())
}

/// Takes one attempt back, and the wait that it caused.
pub(super) async fn take_back(cx: &mut Cx, key: &str) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE attempt SET failures = failures - 1, blocked_until = 0 WHERE key = $1 AND failures > 0"),
            args![key],
        )
        .await?;
    Ok(())
}

pub(super) async fn keep_captcha(
    cx: &mut Cx,
    id: &str,
    answer: [u8; 32],
    spoken: Vec<u8>,
    until: Millis,
) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO captcha (id, answer, spoken, expires_at) VALUES ($1, $2, $3, $4)"),
            args![id, answer, spoken, until],
        )
        .await?;
    Ok(())
}

/// Takes a captcha away: each is good for one answer.
pub(super) async fn take_captcha(cx: &mut Cx, id: &str) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>, i64)> = cx
        .tx
        .opt(sql!("DELETE FROM captcha WHERE id = $1 RETURNING answer, expires_at"), args![id])
        .await?;
    Ok(row.filter(|(_, until)| *until > cx.now()).map(|(answer, _)| answer))
}

/// What a captcha says, sealed.
pub(super) async fn captcha(cx: &mut Cx, id: &str) -> Result<Option<(Vec<u8>,)>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT spoken FROM captcha WHERE id = $1 AND expires_at > $2"),
            args![id, cx.now()],
        )
        .await?)
}

pub(super) async fn keep_ticket(
    cx: &mut Cx,
    hash: [u8; 32],
    purpose: &str,
    person: Option<PersonId>,
    until: Millis,
) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO ticket (hash, purpose, person_id, payload, expires_at) VALUES ($1, $2, $3, '', $4)"),
            args![hash, purpose, person, until],
        )
        .await?;
    Ok(())
}

pub(super) async fn ticket(
    cx: &mut Cx,
    hash: [u8; 32],
    purpose: &str,
) -> Result<Option<(Option<PersonId>,)>> {
    Ok(cx
        .tx
        .opt(
            sql!("SELECT person_id FROM ticket WHERE hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3"),
            args![hash, purpose, cx.now()],
        )
        .await?)
}

/// Spends a ticket; `false` when it was spent already.
pub(super) async fn spend_ticket(cx: &mut Cx, hash: [u8; 32]) -> Result<bool> {
    Ok(cx
        .tx
        .run(
            sql!("UPDATE ticket SET used_at = $1 WHERE hash = $2 AND used_at IS NULL AND expires_at > $1"),
            args![cx.now(), hash],
        )
        .await?
        == 1)
}

pub(super) async fn anybody(cx: &mut Cx) -> Result<bool> {
    let row: Option<(i64,)> = cx.tx.opt(sql!("SELECT person_id FROM account LIMIT 1"), &[]).await?;
    Ok(row.is_some())
}

/// The first seat of the root and the operator's right, for its 书记.
pub(super) async fn seat_first(
    cx: &mut Cx,
    _: &Permit,
    org: &crate::OrgRef,
    person: PersonId,
) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at, confirmed_at) SELECT c.org_id, o.category, 1, c.id, c.person_id, $1, $1 FROM cadre c JOIN org o ON o.id = c.org_id WHERE c.org_id = $2 AND c.person_id = $3 AND c.ended_at IS NULL"),
            args![cx.now(), org.id, person],
        )
        .await?;
    cx.tx
        .run(
            sql!("INSERT INTO operator (person_id, granted_at) VALUES ($1, $2)"),
            args![person, cx.now()],
        )
        .await?;
    Ok(())
}

/// Who operates the system.
pub(super) async fn operators(cx: &mut Cx) -> Result<Vec<(PersonId,)>> {
    Ok(cx.tx.all(sql!("SELECT person_id FROM operator ORDER BY person_id LIMIT 50"), &[]).await?)
}
