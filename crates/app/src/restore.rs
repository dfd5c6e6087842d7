//! A database that came back from a backup. Its sign-ins, tokens and codes are alive again although
//! they were ended, and its book is shorter than the note outside the database says (or goes on
//! differently). Until somebody acknowledges that (`tuanjian restore-acknowledge`) the program takes
//! no changes and lets nobody in; the acknowledgement ends what was revived, stands in the audit book
//! and begins a new epoch, whose number the other nodes find in the database and take over.

use crate::{
    Cx, Error, House, Refusal, Result, Who, act,
    events::{self, Event, Noted, Seal},
    keys::Keys,
};
use db::{args, sql};

/// How many rows are ended in one transaction.
const PIECE: i64 = 1000;
const WHO: Who = Who::System("restore");

/// What the acknowledgement ended.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Ended {
    pub epoch: i64,
    pub sessions: u64,
    pub tokens: u64,
    pub codes: u64,
    pub tickets: u64,
    /// Letters that waited in the backup: they were probably sent since.
    pub letters: u64,
}

/// Whether the database is older than the note outside it, or another one. Also moves this node's
/// note forward, so that every node's is at most half a minute old.
pub async fn look(house: &House) -> Result<bool> {
    // The note first: the database may only have grown since.
    let Some(noted) = events::noted(house)? else { return Ok(false) };
    let mut cx = Cx::new(house.clone(), house.db().read().await?, WHO, crate::Origin::default());
    // A standby may lag behind the note.
    let (standby,): (bool,) =
        cx.tx.one(sql!("SELECT {lite: 1 = 0}{pg: pg_is_in_recovery()}"), &[]).await?;
    if standby {
        return Ok(false);
    }
    let epoch = epoch(&mut cx).await?;
    let newest = newest(&mut cx).await?;
    // A new, empty database beside an old note: nothing in it could be revived.
    if newest.is_none() && is_empty(&mut cx).await? {
        drop(cx);
        return events::forget_note(house).map(|()| false);
    }
    let restored = match epoch.cmp(&noted.epoch) {
        // Acknowledged on another node.
        std::cmp::Ordering::Greater => false,
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Equal => !holds(&mut cx, &noted.seal).await?,
    };
    drop(cx);
    if let (false, Some(seal)) = (restored, newest) {
        events::note(house, &Noted { seal, epoch })?;
    }
    if restored && !house.is_restored() {
        tracing::error!(
            noted = noted.seal.seq,
            "the database came back from a backup: it is older than the note of the audit book. Nothing can be changed and nobody can sign in until `tuanjian restore-acknowledge` has been run"
        );
    }
    house.set_restored(restored);
    Ok(restored)
}

/// Ends what the backup revived and begins a new epoch. `anyway` also where nothing shows that the
/// database was restored (the note came back with it).
pub async fn acknowledge(house: &House, reason: &str, anyway: bool) -> Result<Ended> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::field(
            "reason",
            "E10",
            "请写明为什么恢复，例如“磁盘损坏，恢复到昨日备份”。",
        ));
    }
    if !look(house).await? && !anyway {
        let said = "The database is not older than the note of the audit book: there is nothing to acknowledge. \
            If the whole folder came back from a backup, say --anyway.";
        return Err(Error::refused(Refusal::new("not_restored", said)));
    }
    let mut ended = Ended {
        sessions: in_pieces(house, Kind::Sessions).await?,
        tokens: in_pieces(house, Kind::Tokens).await?,
        codes: in_pieces(house, Kind::Codes).await?,
        tickets: in_pieces(house, Kind::Tickets).await?,
        letters: in_pieces(house, Kind::Letters).await?,
        ..Ended::default()
    };
    let before = events::noted(house)?;
    let known = before.as_ref().map_or(0, |n| n.epoch);
    ended.epoch = act!(house, WHO, |cx| {
        let next = epoch(cx).await?.max(known) + 1;
        let value = written(cx.house().keys(), next);
        cx.tx
            .run(
                sql!("INSERT INTO setting (name, value) VALUES ('epoch', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"),
                args![value],
            )
            .await?;
        let event = Event::new("system.restore_acknowledged", "system", next).detail(serde_json::json!({
            "reason": reason, "noted": before.as_ref().map(|n| n.seal.seq), "sessions": ended.sessions,
            "tokens": ended.tokens, "codes": ended.codes, "tickets": ended.tickets, "letters": ended.letters,
        }));
        cx.note(event).await?;
        Ok(next)
    })?;
    // The book goes on from here; what is sealed now is the first note of the epoch.
    let sealed = loop {
        match events::seal(house, 2000).await? {
            (2000.., _) => {}
            (_, newest) => break newest,
        }
    };
    if let Some(seal) = sealed {
        events::note(house, &Noted { seal, epoch: ended.epoch })?;
    }
    house.set_restored(false);
    Ok(ended)
}

#[derive(Clone, Copy)]
enum Kind {
    Sessions,
    Tokens,
    Codes,
    Tickets,
    Letters,
}

async fn in_pieces(house: &House, kind: Kind) -> Result<u64> {
    let mut all = 0;
    loop {
        let ended = act!(house, WHO, |cx| end(cx, kind).await)?;
        all += ended;
        if ended == 0 {
            return Ok(all);
        }
    }
}

async fn end(cx: &mut Cx, kind: Kind) -> Result<u64> {
    let text = match kind {
        Kind::Sessions => {
            sql!(
                "UPDATE session SET ended_at = $1 WHERE id IN (SELECT id FROM session WHERE expires_at > $1 AND ended_at IS NULL ORDER BY expires_at LIMIT $2)"
            )
        }
        Kind::Tokens => {
            sql!(
                "UPDATE token SET ended_at = $1 WHERE id IN (SELECT id FROM token WHERE ended_at IS NULL AND expires_at > $1 ORDER BY expires_at, id LIMIT $2)"
            )
        }
        Kind::Codes => {
            sql!(
                "UPDATE reg_code SET state = 'revoked', ended_at = $1 WHERE org_id IN (SELECT org_id FROM reg_code WHERE state = 'waiting' ORDER BY org_id LIMIT $2) AND state = 'waiting'"
            )
        }
        Kind::Tickets => {
            sql!(
                "UPDATE ticket SET used_at = $1 WHERE hash IN (SELECT hash FROM ticket WHERE expires_at > $1 AND used_at IS NULL ORDER BY expires_at LIMIT $2)"
            )
        }
        Kind::Letters => {
            sql!(
                "UPDATE outbox SET state = 'failed' WHERE $1 >= 0 AND id IN (SELECT id FROM outbox WHERE state = 'waiting' ORDER BY channel, next_at, id LIMIT $2)"
            )
        }
    };
    Ok(cx.tx.run(text, args![cx.now(), PIECE]).await?)
}

/// Whether this very seal is part of the database's book.
async fn holds(cx: &mut Cx, seal: &Seal) -> Result<bool> {
    let found: Option<(Vec<u8>,)> =
        cx.tx.opt(sql!("SELECT hash FROM seal WHERE seq = $1"), args![seal.seq]).await?;
    Ok(seal.seq == 0 || found.is_some_and(|(hash,)| hash == seal.hash))
}

async fn newest(cx: &mut Cx) -> Result<Option<Seal>> {
    let row: Option<(i64, Vec<u8>)> =
        cx.tx.opt(sql!("SELECT seq, hash FROM seal ORDER BY seq DESC LIMIT 1"), &[]).await?;
    Ok(row.map(|(seq, hash)| Seal { seq, hash }))
}

async fn is_empty(cx: &mut Cx) -> Result<bool> {
    let account: Option<(i64,)> =
        cx.tx.opt(sql!("SELECT person_id FROM account LIMIT 1"), &[]).await?;
    let event: Option<(i64,)> =
        cx.tx.opt(sql!("SELECT id FROM event ORDER BY id LIMIT 1"), &[]).await?;
    Ok(account.is_none() && event.is_none())
}

/// How often a restored database was acknowledged. The number is keyed: nobody can raise it by hand.
async fn epoch(cx: &mut Cx) -> Result<i64> {
    let row: Option<(String,)> =
        cx.tx.opt(sql!("SELECT value FROM setting WHERE name = 'epoch'"), &[]).await?;
    let Some((value,)) = row else { return Ok(0) };
    let number = value.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    Ok(if value == written(cx.house().keys(), number) { number } else { 0 })
}

fn written(keys: &Keys, epoch: i64) -> String {
    let mac = keys.audit_mac(&[b"epoch", epoch.to_string().as_bytes()]);
    let mac: String = mac[..16].iter().map(|b| format!("{b:02x}")).collect();
    format!("{epoch} {mac}")
}
