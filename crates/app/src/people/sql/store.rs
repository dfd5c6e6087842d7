//! Small changes: the counted attempts, a person's fields, tickets.

use crate::{Cx, Permit, Result, people::PersonId};
use db::{Rows, args, sql};

/// Counts one more attempt of the day that began at `since`; returns how many there were today.
pub(in crate::people) async fn count_attempt(
    cx: &mut Cx,
    _: &Permit,
    key: &str,
    since: i64,
) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("INSERT INTO attempt (key, failures, window_start) VALUES ($1, 1, $2) ON CONFLICT (key) DO UPDATE SET failures = CASE WHEN attempt.window_start = $2 THEN attempt.failures + 1 ELSE 1 END, window_start = $2 RETURNING failures"),
            args![key, since],
        )
        .await?;
    Ok(count)
}

/// As [`count_attempt`] with `n` at once; holds the counter until the transaction ends.
pub(in crate::people) async fn count_attempts(
    cx: &mut Cx,
    _: &Permit,
    key: &str,
    since: i64,
    n: i64,
) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("INSERT INTO attempt (key, failures, window_start) VALUES ($1, $3, $2) ON CONFLICT (key) DO UPDATE SET failures = CASE WHEN attempt.window_start = $2 THEN attempt.failures + $3 ELSE $3 END, window_start = $2 RETURNING failures"),
            args![key, since, n],
        )
        .await?;
    Ok(count)
}

/// How many attempts there were on the day that began at `since`.
pub(in crate::people) async fn attempts_of_today(
    cx: &mut Cx,
    key: &str,
    since: i64,
) -> Result<i64> {
    let found: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("SELECT failures FROM attempt WHERE key = $1 AND window_start = $2"),
            args![key, since],
        )
        .await?;
    Ok(found.map_or(0, |(count,)| count))
}

/// Which of these keys were set on the day that began at `since`.
pub(in crate::people) async fn attempted(
    cx: &mut Cx,
    keys: Vec<String>,
    since: i64,
) -> Result<Vec<String>> {
    let rows: Rows = keys.into_iter().map(|key| vec![key.into()]).collect();
    let found: Vec<(String,)> = cx
        .tx
        .all_of(
            sql!("SELECT a.key FROM {rows: key text} AS v CROSS JOIN attempt a WHERE a.key = v.key AND a.window_start = $1"),
            args![since],
            rows,
        )
        .await?;
    Ok(found.into_iter().map(|(key,)| key).collect())
}

/// Sets keys for the day that began at `since`.
pub(in crate::people) async fn set_attempted(
    cx: &mut Cx,
    _: &Permit,
    keys: Vec<String>,
    since: i64,
) -> Result<()> {
    let rows: Rows = keys.into_iter().map(|key| vec![key.into()]).collect();
    cx.tx
        .run_of(
            sql!("INSERT INTO attempt (key, failures, window_start) SELECT v.key, 1, $1 FROM {rows: key text} AS v WHERE true ON CONFLICT (key) DO UPDATE SET failures = 1, window_start = $1"),
            args![since],
            rows,
        )
        .await?;
    Ok(())
}

/// Until when a key is blocked; 0 when it never was.
pub(in crate::people) async fn blocked_until(cx: &mut Cx, key: &str) -> Result<i64> {
    let found: Option<(i64,)> =
        cx.tx.opt(sql!("SELECT blocked_until FROM attempt WHERE key = $1"), args![key]).await?;
    Ok(found.map_or(0, |(until,)| until))
}

/// Counts one more miss in a row; the row begins anew when the last one lies before `since`.
pub(in crate::people) async fn count_miss(
    cx: &mut Cx,
    _: &Permit,
    key: &str,
    since: i64,
) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("INSERT INTO attempt (key, failures, window_start) VALUES ($1, 1, $2) ON CONFLICT (key) DO UPDATE SET failures = CASE WHEN attempt.window_start < $3 THEN 1 ELSE attempt.failures + 1 END, window_start = $2 RETURNING failures"),
            args![key, cx.now(), since],
        )
        .await?;
    Ok(count)
}

/// Blocks a key and begins counting anew.
pub(in crate::people) async fn block(cx: &mut Cx, _: &Permit, key: &str, until: i64) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE attempt SET failures = 0, blocked_until = $1 WHERE key = $2"),
            args![until, key],
        )
        .await?;
    Ok(())
}

/// Forgets what was counted under a key.
pub(in crate::people) async fn forget_attempts(cx: &mut Cx, _: &Permit, key: &str) -> Result<()> {
    cx.tx.run(sql!("DELETE FROM attempt WHERE key = $1"), args![key]).await?;
    Ok(())
}

/// The columns of a person that an edit changes.
pub(in crate::people) struct PersonRow {
    pub(in crate::people) mobile: Option<(Vec<u8>, Vec<u8>)>,
    pub(in crate::people) contact_ct: Option<Vec<u8>>,
    pub(in crate::people) ethnic: Option<String>,
    pub(in crate::people) political: Option<String>,
    pub(in crate::people) education: Option<String>,
    pub(in crate::people) missing: String,
}

/// Stores a person's fields if nobody else did since; `false` otherwise.
pub(in crate::people) async fn person(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    version: i64,
    row: PersonRow,
) -> Result<bool> {
    let (mobile_ct, mobile_bi) = row.mobile.unzip();
    let complete = row.missing.is_empty();
    let changed = cx
        .tx
        .run(
            sql!("UPDATE person SET mobile_ct = $1, mobile_bi = $2, contact_ct = $3, ethnic = $4, political = $5, education = $6, missing = $7, complete = $8, updated_at = $9, version = version + 1 WHERE id = $10 AND version = $11"),
            args![mobile_ct, mobile_bi, row.contact_ct, row.ethnic, row.political, row.education, row.missing, complete, cx.now(), id, version],
        )
        .await?;
    Ok(changed == 1)
}

/// Stores what belongs to the membership. The row of the person, changed before, guards it.
pub(in crate::people) async fn membership(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    joined: &str,
    dev_number: Option<&str>,
    complete: bool,
) -> Result<()> {
    cx.tx
        .run(
            sql!("UPDATE member SET joined = $1, dev_number = $2, complete = $3, version = version + 1 WHERE person_id = $4"),
            args![joined, dev_number, complete, id],
        )
        .await?;
    Ok(())
}

/// Posts say as well whether their holder is complete; returns the paths of those that changed.
pub(in crate::people) async fn posts_complete(
    cx: &mut Cx,
    _: &Permit,
    id: PersonId,
    complete: bool,
) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = cx
        .tx
        .all(
            sql!("UPDATE cadre SET complete = $1 WHERE person_id = $2 AND ended_at IS NULL AND complete <> $1 RETURNING org_path"),
            args![complete, id],
        )
        .await?;
    Ok(rows.into_iter().map(|(path,)| path).collect())
}

/// Keeps a ticket of whoever acts.
pub(in crate::people) async fn ticket(
    cx: &mut Cx,
    _: &Permit,
    (purpose, hash): (&str, [u8; 32]),
    payload: &str,
    expires_at: i64,
) -> Result<()> {
    let person = cx.visitor()?.person;
    cx.tx
        .run(
            sql!("INSERT INTO ticket (hash, purpose, person_id, payload, expires_at) VALUES ($1, $2, $3, $4, $5)"),
            args![hash, purpose, person, payload, expires_at],
        )
        .await?;
    Ok(())
}

/// The payload of somebody's own ticket that has not run out.
pub(in crate::people) async fn ticket_payload(
    cx: &mut Cx,
    (purpose, hash): (&str, [u8; 32]),
    person: PersonId,
) -> Result<Option<String>> {
    let row: Option<(String,)> = cx
        .tx
        .opt(
            sql!("SELECT payload FROM ticket WHERE hash = $1 AND purpose = $2 AND person_id = $3 AND expires_at > $4"),
            args![hash, purpose, person, cx.now()],
        )
        .await?;
    Ok(row.map(|(payload,)| payload))
}

db::row! {
    /// What has to be sealed anew when keys change.
    pub(in crate::people) struct Sealed {
        pub(in crate::people) id: i64,
        pub(in crate::people) version: i64,
        pub(in crate::people) id_ct: Vec<u8>,
        pub(in crate::people) mobile_ct: Option<Vec<u8>>,
        pub(in crate::people) contact_ct: Option<Vec<u8>>,
    }
}

/// The next persons whose blind index is not of the newest key.
pub(in crate::people) async fn to_rekey(cx: &mut Cx, newest: i64, n: i64) -> Result<Vec<Sealed>> {
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, version, id_ct, mobile_ct, contact_ct FROM person WHERE id_bi_ver < $1 ORDER BY id_bi_ver LIMIT $2"),
            args![newest, n],
        )
        .await?)
}

/// How many persons are still to be moved to the newest keys.
pub(in crate::people) async fn count_to_rekey(cx: &mut Cx, newest: i64) -> Result<i64> {
    let (n,): (i64,) =
        cx.tx.one(sql!("SELECT COUNT(*) FROM person WHERE id_bi_ver < $1"), args![newest]).await?;
    Ok(n)
}

/// Stores what was sealed anew. The version stays: nothing changed that a form could show.
pub(in crate::people) async fn rekeyed(
    cx: &mut Cx,
    _: &Permit,
    newest: i64,
    rows: Rows,
) -> Result<u64> {
    Ok(cx
        .tx
        .run_of(
            sql!("UPDATE person SET id_ct = v.id_ct, id_bi = v.id_bi, id_bi_ver = $1, mobile_ct = v.mobile_ct, mobile_bi = v.mobile_bi, contact_ct = v.contact_ct FROM {rows: id int, version int, id_ct blob, id_bi blob, mobile_ct blob, mobile_bi blob, contact_ct blob} AS v WHERE person.id = v.id AND person.version = v.version"),
            args![newest],
            rows,
        )
        .await?)
}

/// The moment until which people were planted; the beginning of time when none were.
pub(in crate::people) async fn planted_until(cx: &mut Cx) -> Result<i64> {
    let found: Option<(String,)> = cx
        .tx
        .opt(sql!("SELECT value FROM setting WHERE name = 'people_planted_until'"), &[])
        .await?;
    Ok(found.and_then(|(at,)| at.parse().ok()).unwrap_or(i64::MIN))
}
