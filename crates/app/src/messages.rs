//! 消息: to an organisation's administrators or to one person, always in the program, and by
//! e-mail or webhook where that is configured (decision 8). Put in with the transaction that
//! causes them; what leaves the program goes through the outbox.

mod channel;
mod delivery;

pub use channel::{
    Channel, OPENS, announce, channels, letters, send_again, unserved, warn_unserved,
};
pub use delivery::{
    Fault, Letter, Sender, Senders, Sent, Tried, deliver, deliver_by, deliver_channel, try_out,
    use_tls,
};

use crate::{
    Action, Cx, Error, House, Permit, Result, Who, act,
    clock::{DAY, start_of_day},
    keys::Place,
    orgs::OrgId,
    people::{self, PersonId},
    rekey,
    rules::Rules,
};
use db::{args, sql};
use jiff::civil::Date;

/// How messages leave the program. Both may be absent: then they are read in the program.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    pub smtp: Option<Smtp>,
    pub webhook: Option<Webhook>,
}
/// An e-mail server.
#[derive(Clone)]
pub struct Smtp {
    /// `smtps://user:password@host:465`.
    pub url: String,
    pub from: String,
}
/// A web address that gets every message, signed.
#[derive(Clone)]
pub struct Webhook {
    pub url: String,
    pub secret: String,
}
impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smtp({})", self.from)
    }
}
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhook(…)")
    }
}

/// For whom a message is.
#[derive(Clone, Copy, Debug)]
pub enum To {
    Org(OrgId),
    Person(PersonId),
}

/// A message; its texts carry names but no ID or telephone numbers.
#[derive(Debug)]
pub struct Message {
    pub to: To,
    /// What it is about: `transfer`, `import`, …
    pub kind: &'static str,
    pub title: String,
    pub body: String,
    /// The page that it is about.
    pub href: String,
}

/// Puts a message in, and into the outbox of every channel that can reach its receiver.
pub async fn send(cx: &mut Cx, message: Message) -> Result<()> {
    let id = cx.new_id();
    let (org, person) = match message.to {
        To::Org(org) => (Some(org), None),
        To::Person(person) => (None, Some(person)),
    };
    cx.tx
        .run(
            sql!("INSERT INTO message (id, to_org, to_person, kind, title, body, href, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
            args![id, org, person, message.kind, &message.title, &message.body, &message.href, cx.now()],
        )
        .await?;
    let served = channel::served(cx).await?;
    if served.iter().any(|name| name == "webhook") {
        put_out(cx, id, "webhook", None, &message).await?;
    }
    if served.iter().any(|name| name == "smtp") {
        let readers = match (org, person) {
            (Some(org), _) => administrators(cx, org).await?,
            (None, person) => person.into_iter().collect(),
        };
        let addresses = people::person::emails(cx, &readers).await?;
        for address in readers.iter().filter_map(|reader| addresses.get(&reader.0)) {
            put_out(cx, id, "smtp", Some(address), &message).await?;
        }
    }
    Ok(())
}

/// Who reads the messages to an organisation; there are at most three.
async fn administrators(cx: &mut Cx, org: OrgId) -> Result<Vec<PersonId>> {
    let found: Vec<(PersonId,)> = cx
        .tx
        .all(
            sql!("SELECT person_id FROM admin_seat WHERE org_id = $1 AND suspended_at IS NULL ORDER BY slot"),
            args![org],
        )
        .await?;
    Ok(found.into_iter().map(|(person,)| person).collect())
}

/// Says the same to many people, thousands in one statement each; by other channels as [`send`].
pub async fn send_to_people(
    cx: &mut Cx,
    people: &[PersonId],
    kind: &'static str,
    title: &str,
    body: &str,
    href: &str,
) -> Result<()> {
    let ids: Vec<i64> = people.iter().map(|_| cx.new_id()).collect();
    let rows: db::Rows =
        ids.iter().zip(people).map(|(id, who)| vec![(*id).into(), (*who).into()]).collect();
    let now = cx.now();
    for piece in rows.chunks(5000) {
        cx.tx
            .run_of(
                sql!("INSERT INTO message (id, to_person, kind, title, body, href, created_at) SELECT id, person, $1, $2, $3, $4, CAST($5 AS BIGINT) FROM {rows: id int, person int} AS v"),
                args![kind, title, body, href, now],
                piece.to_vec(),
            )
            .await?;
    }
    let served = channel::served(cx).await?;
    if served.iter().any(|name| name == "webhook") {
        let letters = ids.iter().map(|id| (*id, None)).collect();
        put_many_out(cx, "webhook", title, body, letters).await?;
    }
    if served.iter().any(|name| name == "smtp") {
        let addresses = people::person::emails(cx, people).await?;
        let letters = ids
            .iter()
            .zip(people)
            .filter_map(|(id, who)| Some((*id, Some(addresses.get(&who.0)?.clone()))))
            .collect();
        put_many_out(cx, "smtp", title, body, letters).await?;
    }
    Ok(())
}

/// Letters of one text: the message each belongs to, and the address where there is one.
async fn put_many_out(
    cx: &mut Cx,
    channel: &str,
    title: &str,
    body: &str,
    letters: Vec<(i64, Option<zeroize::Zeroizing<String>>)>,
) -> Result<()> {
    let house = cx.house().clone();
    let mut rows: db::Rows = Vec::with_capacity(letters.len());
    for (message, address) in letters {
        let id = cx.new_id();
        let place = Place { column: RECIPIENT, row: id };
        let sealed = address.map(|a| house.keys().seal(place, &a, house.chance_source()));
        rows.push(vec![id.into(), message.into(), sealed.into()]);
    }
    let now = cx.now();
    for piece in rows.chunks(2000) {
        cx.tx
            .run_of(
                sql!("INSERT INTO outbox (id, message_id, channel, recipient_ct, subject, body, next_at, created_at) SELECT id, message, $1, recipient, $2, $3, CAST($4 AS BIGINT), CAST($4 AS BIGINT) FROM {rows: id int, message int, recipient blob} AS v"),
                args![channel, title, body, now],
                piece.to_vec(),
            )
            .await?;
    }
    Ok(())
}

const RECIPIENT: &str = "outbox.recipient_ct";

async fn put_out(
    cx: &mut Cx,
    message: i64,
    channel: &str,
    recipient: Option<&str>,
    said: &Message,
) -> Result<()> {
    let id = cx.new_id();
    let house = cx.house().clone();
    let place = Place { column: RECIPIENT, row: id };
    let sealed = recipient.map(|r| house.keys().seal(place, r, house.chance_source()));
    cx.tx
        .run(
            sql!("INSERT INTO outbox (id, message_id, channel, recipient_ct, subject, body, next_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"),
            args![id, message, channel, sealed, &said.title, &said.body, cx.now()],
        )
        .await?;
    Ok(())
}

db::row! {
    /// A message as its readers see it.
    #[derive(Clone, Debug)]
    pub struct Item {
        pub id: i64,
        pub kind: String,
        pub title: String,
        pub body: String,
        pub href: String,
        pub created_at: i64,
        pub read_at: Option<i64>,
    }
}

/// What messages can be narrowed to: the code that they are sent with, and words.
pub const ABOUT: [(&str, &str); 8] = [
    ("transfer", "组织关系转接"),
    ("relocation", "组织迁移"),
    ("import", "导入"),
    ("org", "组织调整"),
    ("cadre", "团干部与管理员"),
    ("codes", "注册码"),
    ("graduation", "毕业"),
    ("school", "学校"),
];

/// Which of an organisation's messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Narrow {
    pub unread: bool,
    /// A code of [`ABOUT`]; empty for all.
    pub about: &'static str,
    /// Sent on this day or later.
    pub since: Option<Date>,
    /// On this day or earlier.
    pub until: Option<Date>,
    /// The id of the last one of the page before.
    pub before: Option<i64>,
}

/// Messages to the organisation acted for, the newest first; `before`: the id of the last one of
/// the page before.
pub async fn of_org(
    cx: &mut Cx,
    unread: bool,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Item>> {
    narrowed(cx, &Narrow { unread, before, ..Narrow::default() }, limit).await
}

/// The same, narrowed.
pub async fn narrowed(cx: &mut Cx, narrow: &Narrow, limit: i64) -> Result<Vec<Item>> {
    cx.scope(Action::SeeTransfers)?;
    let org = cx.org()?.id;
    let since = narrow.since.map_or(0, start_of_day);
    let until = narrow.until.map_or(i64::MAX, |day| start_of_day(day) + DAY);
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, kind, title, body, href, created_at, read_at FROM message WHERE to_org = $1 AND id < $2 AND (CAST($3 AS TEXT) = '' OR kind = $3) AND created_at >= $4 AND created_at < $5 AND (read_at IS NULL OR NOT $6) ORDER BY id DESC LIMIT $7"),
            args![org, narrow.before.unwrap_or(i64::MAX), narrow.about, since, until, narrow.unread,
                limit.clamp(1, 200)],
        )
        .await?)
}

/// Messages to whoever is signed in, the newest first.
pub async fn of_me(
    cx: &mut Cx,
    unread: bool,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Item>> {
    let me = cx.visitor()?.person;
    Ok(cx
        .tx
        .all(
            sql!("SELECT id, kind, title, body, href, created_at, read_at FROM message WHERE to_person = $1 AND id < $2 AND (read_at IS NULL OR NOT $3) ORDER BY id DESC LIMIT $4"),
            args![me, before.unwrap_or(i64::MAX), unread, limit.clamp(1, 200)],
        )
        .await?)
}

/// How many messages the organisation acted for has not read, counted to 100 at most.
pub async fn unread_of_org(cx: &mut Cx) -> Result<i64> {
    let org = cx.org()?.id;
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT id FROM message WHERE to_org = $1 AND read_at IS NULL LIMIT 100) AS t"),
            args![org],
        )
        .await?;
    Ok(count)
}

/// How many messages whoever is signed in has not read, counted to 100 at most.
pub async fn unread_of_me(cx: &mut Cx) -> Result<i64> {
    let me = cx.visitor()?.person;
    let (count,): (i64,) = cx
        .tx
        .one(
            sql!("SELECT COUNT(*) FROM (SELECT id FROM message WHERE to_person = $1 AND read_at IS NULL LIMIT 100) AS t"),
            args![me],
        )
        .await?;
    Ok(count)
}

/// Marks the organisation's messages up to `newest` as read. Only for those who act for it:
/// whoever merely looks on changes nothing.
pub async fn read_of_org(cx: &mut Cx, newest: i64) -> Result<()> {
    let org = cx.org()?.clone();
    if !cx.may(Action::DecideTransfer, &org.path) {
        return Err(Error::NotFound);
    }
    cx.tx
        .run(
            sql!(
                "UPDATE message SET read_at = $1 WHERE to_org = $2 AND read_at IS NULL AND id <= $3"
            ),
            args![cx.now(), org.id, newest],
        )
        .await?;
    Ok(())
}

/// Marks one's own messages up to `newest` as read.
pub async fn read_of_me(cx: &mut Cx, newest: i64) -> Result<()> {
    let me = cx.visitor()?.person;
    cx.tx
        .run(
            sql!("UPDATE message SET read_at = $1 WHERE to_person = $2 AND read_at IS NULL AND id <= $3"),
            args![cx.now(), me, newest],
        )
        .await?;
    Ok(())
}

/// Forgets messages and sent letters that are older than the policy keeps them. For the clockwork.
pub async fn forget_old(house: &House) -> Result<()> {
    loop {
        let gone = act!(house, Who::System("messages"), |cx| {
            let before = cx.now() - Rules::builtin().policy.retention.messages_days * DAY;
            let letters = cx
                .tx
                .run(
                    sql!("DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE created_at < $1 AND state <> 'waiting' LIMIT 2000)"),
                    args![before],
                )
                .await?;
            let messages = cx
                .tx
                .run(
                    sql!("DELETE FROM message WHERE id IN (SELECT id FROM message WHERE created_at < $1 ORDER BY created_at LIMIT 2000)"),
                    args![before],
                )
                .await?;
            Ok(letters + messages)
        })?;
        if gone == 0 {
            return Ok(());
        }
    }
}

db::row! {
    struct Waiting {
        id: i64,
        channel: String,
        recipient_ct: Option<Vec<u8>>,
        subject: String,
        body: String,
        attempts: i64,
        kind: String,
        href: String,
        created_at: i64,
        to_org: Option<String>,
        to_person: Option<String>,
    }
}

/// Letters that nobody could send after so many tries are given up.
const MOST_ATTEMPTS: i64 = 12;
/// How long a claimed letter is left to its sender; a crash in between costs so much time.
const CLAIM: i64 = 2 * crate::clock::MINUTE;

/// Whether a letter of a channel is due; asked before anything is written.
async fn is_due(house: &House, channel: &str) -> Result<bool> {
    let mut cx = house.read(Who::System("outbox")).await?;
    let now = cx.now();
    let due: Option<(i64,)> = cx
        .tx
        .opt(
            sql!("SELECT id FROM outbox WHERE channel = $1 AND state = 'waiting' AND next_at <= $2 ORDER BY next_at, id LIMIT 1"),
            args![channel, now],
        )
        .await?;
    Ok(due.is_some())
}

/// Claims the next letters of a channel: they are not due again while they are being sent.
async fn claim(house: &House, channel: &str, at_once: i64) -> Result<Vec<Letter>> {
    let public = house.settings().public_url.trim_end_matches('/').to_owned();
    let (rows, tries): (Vec<Waiting>, bool) = act!(house, Who::System("outbox"), |cx| {
        let now = cx.now();
        let most = channel::allowance(cx, channel, at_once).await?;
        if most == 0 {
            return Ok((Vec::new(), false));
        }
        let ids: Vec<(i64,)> = cx
            .tx
            .all(
                sql!("UPDATE outbox SET attempts = attempts + 1, next_at = $1 WHERE state = 'waiting' AND id IN (SELECT id FROM outbox WHERE channel = $3 AND state = 'waiting' AND next_at <= $2 ORDER BY next_at, id LIMIT $4 {pg: FOR UPDATE SKIP LOCKED}) RETURNING id"),
                args![now + CLAIM, now, channel, most],
            )
            .await?;
        let ids = ids.into_iter().map(|(id,)| vec![id.into()]).collect();
        let rows = cx
            .tx
            .all_of(
                sql!("SELECT o.id, o.channel, o.recipient_ct, o.subject, o.body, o.attempts, m.kind, m.href, o.created_at, g.code, p.code FROM {rows: id int} AS v JOIN outbox o ON o.id = v.id JOIN message m ON m.id = o.message_id LEFT JOIN org g ON g.id = m.to_org LEFT JOIN person p ON p.id = m.to_person ORDER BY o.id"),
                &[],
                ids,
            )
            .await?;
        Ok((rows, most < at_once))
    })?;
    let letter = |row: Waiting| Letter {
        recipient: row.recipient_ct.and_then(|sealed| delivery::unsealed(house, row.id, &sealed)),
        url: format!("{public}{}", row.href),
        id: row.id,
        channel: row.channel,
        subject: row.subject,
        body: row.body,
        kind: row.kind,
        to_org: row.to_org,
        to_person: row.to_person,
        created_at: row.created_at,
        attempts: row.attempts,
        tries,
    };
    Ok(rows.into_iter().map(letter).collect())
}

/// Notes what became of a letter: gone, to be tried again (after 10 s, then twice as long each
/// time, at most six hours), or given up.
async fn settle(
    house: &House,
    letter: &Letter,
    said: &std::result::Result<(), Fault>,
) -> Result<()> {
    let wait =
        (10_000_i64 << letter.attempts.clamp(1, 12).saturating_sub(1)).min(6 * crate::clock::HOUR);
    let state = match (said.is_ok(), letter.attempts >= MOST_ATTEMPTS) {
        (true, _) => "sent",
        (false, true) => "failed",
        (false, false) => "waiting",
    };
    act!(house, Who::System("outbox"), |cx| {
        cx.tx
            .run(
                sql!(
                    "UPDATE outbox SET state = $1, next_at = $2 WHERE id = $3 AND state = 'waiting'"
                ),
                args![state, cx.now() + wait, letter.id],
            )
            .await?;
        channel::learn(cx, letter, said.as_ref().copied()).await
    })
}

/// Seals the addresses of letters with the newest key, for the letters behind `after`.
pub(crate) async fn rekey(cx: &mut Cx, _: &Permit, after: rekey::Mark) -> Result<rekey::Piece> {
    let rows: Vec<(i64, Option<Vec<u8>>)> = cx
        .tx
        .all(
            sql!("SELECT id, recipient_ct FROM outbox WHERE id > $1 ORDER BY id LIMIT $2"),
            args![after.0, rekey::PIECE],
        )
        .await?;
    let last = rows.last().map(|row| (row.0, 0));
    let mut anew = Vec::new();
    for (id, sealed) in rows {
        let place = Place { column: RECIPIENT, row: id };
        let Some(sealed) = sealed else { continue };
        if let Some(sealed) = rekey::anew(cx, place, &sealed)? {
            anew.push(vec![id.into(), sealed.into()]);
        }
    }
    let moved = cx
        .tx
        .run_of(
            sql!("UPDATE outbox SET recipient_ct = v.sealed FROM {rows: id int, sealed blob} AS v WHERE outbox.id = v.id"),
            &[],
            anew,
        )
        .await?;
    Ok(rekey::Piece { last, moved })
}
