//! Which ring of keys is written with (decision 34). A rotation distributes first and uses after: the
//! new ring goes into the key file of every node, then its number goes into the database, and from
//! that commit on everybody writes with it. A node that lacks it reads but does not write.
//!
//! One person stands once also while two rings are in force: whoever makes a person holds the number
//! for the length of the transaction ([`hold`]) before looking for her under every ring, so nobody
//! writes with the old ring any more when the first one writes with the new.

use crate::{
    Action, Cx, Error, House, Result, Who, act,
    clock::{HOUR, MINUTE, Millis},
    events::Event,
    jobs::{self, Job},
};
use db::{args, sql};
use serde_json::json;

/// The ring in use, held for this transaction: nobody can put another one in use before it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held(i64);

impl Held {
    pub(crate) fn number(self) -> i64 {
        self.0
    }
}

/// Holds the ring in use.
///
/// # Errors
/// [`Error::ReadOnly`] when this node does not have it.
pub(crate) async fn hold(cx: &mut Cx) -> Result<Held> {
    let (number,): (i64,) = cx
        .tx
        .one(
            sql!(
                "SELECT CAST(value AS BIGINT) FROM setting WHERE name = 'key_ring' {pg: FOR SHARE}"
            ),
            &[],
        )
        .await?;
    let house = cx.house();
    if house.keys().ring_in_use() != number {
        follow(house, number);
    }
    if house.keys().has_ring_in_use() { Ok(Held(number)) } else { Err(Error::ReadOnly) }
}

/// What every node does now and then: asks which ring is in use, and reads the key file anew when it
/// lacks it.
pub(crate) async fn look(cx: &mut Cx) -> Result<()> {
    if let Some(number) = in_use(cx).await? {
        follow(cx.house(), number);
    }
    Ok(())
}

fn follow(house: &House, number: i64) {
    let keys = house.keys();
    keys.use_ring(number);
    if !keys.has_ring_in_use()
        && let Err(e) = keys.reload()
    {
        tracing::error!(error = %e, ring = number, "the key file could not be read again");
    }
    if !keys.has_ring_in_use() {
        tracing::error!(
            ring = number,
            "the key file lacks the ring in use: nothing can be written here"
        );
    }
}

async fn in_use(cx: &mut Cx) -> Result<Option<i64>> {
    let found: Option<(i64,)> = cx
        .tx
        .opt(sql!("SELECT CAST(value AS BIGINT) FROM setting WHERE name = 'key_ring'"), &[])
        .await?;
    Ok(found.map(|(number,)| number))
}

/// Tells the others which rings this node has, so that [`put_in_use`] can wait for all of them. To be
/// called every few seconds by every running program.
pub async fn report(house: &House) -> Result<()> {
    if let Err(e) = house.keys().reload() {
        tracing::error!(error = %e, "the key file could not be read again");
    }
    let (name, newest, now) = (house.node(), house.keys().newest_ring(), house.now());
    let mut tx = house.db().write().await?;
    tx.run(
        sql!(
            "INSERT INTO key_node (node, newest, seen_at) VALUES ($1, $2, $3)
             ON CONFLICT (node) DO UPDATE SET newest = excluded.newest, seen_at = excluded.seen_at"
        ),
        args![name, newest, now],
    )
    .await?;
    tx.run(sql!("DELETE FROM key_node WHERE seen_at < $1"), args![now - 24 * HOUR]).await?;
    Ok(tx.commit().await?)
}

/// Reports for ever, beside the pages or the background work. A database that can't be written at
/// present, as one that is away or a standby, is asked again.
pub async fn watch(house: House) {
    loop {
        if let Err(e) = report(&house).await {
            tracing::debug!(error = %e, "the rings of this program could not be reported");
        }
        tokio::time::sleep(REPORT_EVERY).await;
    }
}

const REPORT_EVERY: std::time::Duration = std::time::Duration::from_secs(10);

/// A running program that has reported within this time counts as there.
const SEEN: Millis = MINUTE;

/// The programs that run and lack a ring, by name.
pub async fn lacking(house: &House, ring: i64) -> Result<Vec<String>> {
    let mut tx = house.db().read().await?;
    let found: Vec<(String,)> = tx
        .all(
            sql!("SELECT node FROM key_node WHERE seen_at > $1 AND newest < $2 ORDER BY node LIMIT 1000"),
            args![house.now() - SEEN, ring],
        )
        .await?;
    Ok(found.into_iter().map(|(node,)| node).collect())
}

/// How long the move of stored data waits, so that nodes which look only every few seconds have
/// stopped to write with the old ring.
const REST: Millis = MINUTE;

/// Puts the newest ring of our key file in use, and puts the job in that moves what is stored over to
/// it. Returns its number; doing it twice is harmless.
pub async fn put_in_use(house: &House) -> Result<i64> {
    house.keys().reload().map_err(|e| Error::Broken(e.to_string()))?;
    let ring = house.keys().newest_ring();
    act!(house, Who::System("keys"), |cx| {
        let permit = cx.permit_system(Action::RunSystem)?;
        let changed = cx
            .tx
            .run(
                sql!(
                    "UPDATE setting SET value = $1
                     WHERE name = 'key_ring' AND CAST(value AS BIGINT) < $2"
                ),
                args![ring.to_string(), ring],
            )
            .await?;
        let job = jobs::enqueue(cx, &Job::Rekey, None, 0).await?;
        if changed == 0 {
            cx.return_unused(permit);
            return Ok(());
        }
        cx.tx
            .run(
                sql!("UPDATE job SET run_at = $1 WHERE id = $2 AND state = 'waiting'"),
                args![cx.now() + REST, job],
            )
            .await?;
        cx.record(permit, Event::new("keys.put_in_use", "job", 0).detail(json!({ "ring": ring })))
            .await
    })?;
    follow(house, ring);
    Ok(ring)
}

/// Where a change of keys stands.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Status {
    /// The ring that is written with.
    pub in_use: i64,
    /// The newest ring of this key file.
    pub newest: i64,
    /// Running programs that lack the newest ring.
    pub lacking: Vec<String>,
    /// Whether stored data waits for being moved to the ring in use.
    pub moving: bool,
}

/// Tells where a change of keys stands.
pub async fn status(house: &House) -> Result<Status> {
    let mut cx = house.read(Who::System("keys")).await?;
    let in_use = in_use(&mut cx).await?.ok_or(Error::NotFound)?;
    let moving: Option<(i64,)> = cx
        .tx
        .opt(sql!("SELECT id FROM person WHERE id_bi_ver < $1 LIMIT 1"), args![in_use])
        .await?;
    drop(cx);
    let newest = house.keys().newest_ring();
    Ok(Status { in_use, newest, lacking: lacking(house, newest).await?, moving: moving.is_some() })
}
