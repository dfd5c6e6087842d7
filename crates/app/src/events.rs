//! The audit book: one row for every change, in the same transaction. Each row carries a keyed
//! hash of its own (a row that we did not write does not verify) and is later linked into a chain
//! by the sealer (a row that vanished leaves a hole). `verify` reads it all back.

use crate::{
    Cx, Error, House, Permit, Result, Who, act, clock::Millis, keys::Keys, orgs::OrgId,
    people::PersonId,
};
use db::{args, sql};
use serde_json::Value as Json;

/// What happened. Details carry no personal datum but masked ones.
#[derive(Debug)]
pub struct Event {
    kind: &'static str,
    object: &'static str,
    object_id: i64,
    org_path: Option<String>,
    person: Option<PersonId>,
    detail: Json,
}
impl Event {
    /// `Event::new("transfer.approved", "transfer", id)`.
    pub fn new(kind: &'static str, object: &'static str, object_id: i64) -> Self {
        Self { kind, object, object_id, org_path: None, person: None, detail: Json::Null }
    }
    /// Whom it concerns.
    #[must_use]
    pub fn about(mut self, person: PersonId) -> Self {
        self.person = Some(person);
        self
    }
    /// Where it happened, when that is not the organisation of the permit.
    #[must_use]
    pub fn at(mut self, org_path: &str) -> Self {
        self.org_path = Some(org_path.into());
        self
    }
    /// Old and new values and the like; never an ID number or a telephone number.
    #[must_use]
    pub fn detail(mut self, detail: Json) -> Self {
        self.detail = detail;
        self
    }
}

db::row! {
    /// A row of the book as it is hashed.
    #[derive(Clone, Debug)]
    pub struct Row {
        pub id: i64,
        pub at: i64,
        pub actor_id: Option<i64>,
        pub actor: String,
        pub acting_org: Option<i64>,
        pub kind: String,
        pub object: String,
        pub object_id: i64,
        pub org_path: String,
        pub person_id: Option<i64>,
        pub detail: String,
        pub request_id: String,
        pub mac: Vec<u8>,
    }
}
impl Row {
    /// The row's content as one text, for hashing.
    fn text(&self) -> String {
        serde_json::json!([
            self.id,
            self.at,
            self.actor_id,
            self.actor,
            self.acting_org,
            self.kind,
            self.object,
            self.object_id,
            self.org_path,
            self.person_id,
            self.detail,
            self.request_id
        ])
        .to_string()
    }
    fn sign(&self, keys: &Keys) -> [u8; 32] {
        keys.audit_mac(&[b"event", self.text().as_bytes()])
    }
}

pub(crate) async fn write(cx: &mut Cx, permit: &Permit, event: Event) -> Result<()> {
    let path = event.org_path.clone().unwrap_or_else(|| permit.org_path().to_owned());
    insert(cx, event, path).await
}

pub(crate) async fn write_plain(cx: &mut Cx, event: Event) -> Result<()> {
    let path = event.org_path.clone().unwrap_or_default();
    insert(cx, event, path).await
}

async fn insert(cx: &mut Cx, event: Event, org_path: String) -> Result<()> {
    let row = signed(cx, event, org_path, cx.now());
    cx.tx
        .run(
            sql!("INSERT INTO event (id, at, actor_id, actor, acting_org, kind, object, object_id, org_path, person_id, detail, request_id, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"),
            args![
                row.id, row.at, row.actor_id, &row.actor, row.acting_org, &row.kind, &row.object,
                row.object_id, &row.org_path, row.person_id, &row.detail, &row.request_id, row.mac
            ],
        )
        .await?;
    cx.tx.run(sql!("INSERT INTO event_unsealed (event_id) VALUES ($1)"), args![row.id]).await?;
    Ok(())
}

fn signed(cx: &Cx, event: Event, org_path: String, at: Millis) -> Row {
    let (actor_id, acting_org): (Option<PersonId>, Option<OrgId>) = match cx.who() {
        Who::Person(v) => (Some(v.person), v.acting.as_ref().map(|g| g.org.id)),
        _ => (None, None),
    };
    let mut row = Row {
        id: cx.new_id(),
        at,
        actor_id: actor_id.map(|p| p.0),
        actor: cx.actor_name().to_owned(),
        acting_org: acting_org.map(|o| o.0),
        kind: event.kind.into(),
        object: event.object.into(),
        object_id: event.object_id,
        org_path,
        person_id: event.person.map(|p| p.0),
        detail: event.detail.to_string(),
        request_id: cx.origin().request_id.clone(),
        mac: Vec::new(),
    };
    row.mac = row.sign(cx.house().keys()).to_vec();
    row
}

/// Writes the rows of many people or things at once, a thousand a statement; each where its event
/// says, or at the permit's organisation. The permit itself is still owed its own row.
pub(crate) async fn write_many(cx: &mut Cx, permit: &Permit, events: Vec<Event>) -> Result<()> {
    // One moment for all of them: each is signed with the very moment that is stored.
    let at = cx.now();
    let mut rows: db::Rows = Vec::with_capacity(events.len());
    for event in events {
        let path = event.org_path.clone().unwrap_or_else(|| permit.org_path().to_owned());
        let row = signed(cx, event, path, at);
        rows.push(vec![
            row.id.into(),
            row.kind.into(),
            row.object.into(),
            row.object_id.into(),
            row.org_path.into(),
            row.person_id.into(),
            row.detail.into(),
            row.mac.into(),
        ]);
    }
    let actor = cx.actor_name().to_owned();
    let request = cx.origin().request_id.clone();
    let (actor_id, acting_org) = match cx.who() {
        Who::Person(v) => (Some(v.person), v.acting.as_ref().map(|g| g.org.id)),
        _ => (None, None),
    };
    for piece in rows.chunks(1000) {
        cx.tx
            .run_of(
                sql!("INSERT INTO event (id, at, actor_id, actor, acting_org, kind, object, object_id, org_path, person_id, detail, request_id, mac) SELECT id, CAST($1 AS BIGINT), CAST($2 AS BIGINT), $3, CAST($4 AS BIGINT), kind, object, object_id, org_path, person_id, detail, $5, mac FROM {rows: id int, kind text, object text, object_id int, org_path text, person_id int, detail text, mac blob} AS v"),
                args![at, actor_id, &actor, acting_org, &request],
                piece.to_vec(),
            )
            .await?;
        let ids = piece.iter().filter_map(|row| row.first().cloned()).map(|id| vec![id]).collect();
        cx.tx
            .run_of(
                sql!("INSERT INTO event_unsealed (event_id) SELECT id FROM {rows: id int} AS v"),
                &[],
                ids,
            )
            .await?;
    }
    Ok(())
}

/// Links events that are not yet in the chain into it, at most `limit`. Run by one node at a time.
/// Returns how many were linked and the newest seal.
pub async fn seal(house: &House, limit: i64) -> Result<(u64, Option<Seal>)> {
    act!(house, Who::System("seal"), |cx| {
        let rows: Vec<Row> = cx
                .tx
                .all(
                    sql!("SELECT e.id, e.at, e.actor_id, e.actor, e.acting_org, e.kind, e.object, e.object_id, e.org_path, e.person_id, e.detail, e.request_id, e.mac FROM event_unsealed u CROSS JOIN event e WHERE e.id = u.event_id ORDER BY u.event_id LIMIT $1"),
                    args![limit],
                )
                .await?;
        let mut last = newest(cx).await?;
        let mut seals = Vec::with_capacity(rows.len());
        for row in &rows {
            last = Some(last.as_ref().map_or(Seal::FIRST, Seal::clone).next(house.keys(), row));
            let made = last.clone().unwrap_or(Seal::FIRST);
            seals.push(vec![made.seq.into(), row.id.into(), made.hash.to_vec().into()]);
        }
        let ids = rows.iter().map(|r| vec![r.id.into()]).collect();
        let count = cx
                .tx
                .run_of(
                    sql!("INSERT INTO seal (seq, event_id, hash) SELECT seq, event_id, hash FROM {rows: seq int, event_id int, hash blob} AS v"),
                    &[],
                    seals,
                )
                .await?;
        cx.tx
                .run_of(
                    sql!("DELETE FROM event_unsealed WHERE event_id IN (SELECT id FROM {rows: id int} AS v)"),
                    &[],
                    ids,
                )
                .await?;
        Ok((count, last))
    })
}

/// A link of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub seq: i64,
    pub hash: Vec<u8>,
}
impl Seal {
    const FIRST: Self = Self { seq: 0, hash: Vec::new() };
    fn next(&self, keys: &Keys, row: &Row) -> Self {
        let hash = keys.audit_mac(&[b"seal", &self.hash, &row.mac, row.text().as_bytes()]);
        Self { seq: self.seq + 1, hash: hash.to_vec() }
    }
}

async fn newest(cx: &mut Cx) -> Result<Option<Seal>> {
    let row: Option<(i64, Vec<u8>)> =
        cx.tx.opt(sql!("SELECT seq, hash FROM seal ORDER BY seq DESC LIMIT 1"), &[]).await?;
    Ok(row.map(|(seq, hash)| Seal { seq, hash }))
}

/// One thing wrong with the book.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The row's own hash does not fit: it was edited, or inserted by other hands.
    Forged { event: i64 },
    /// A link says that the row was there; it is gone.
    Deleted { event: i64, seq: i64 },
    /// The chain does not fit at this link: rows before it were changed, removed or reordered.
    Broken { seq: i64 },
    /// A row neither linked nor waiting to be linked.
    Unlinked { event: i64 },
    /// A row that waited to be linked is gone.
    Vanished { event: i64 },
    /// The chain ends before the seal that was noted outside the database.
    CutOff { seq: i64, noted: i64 },
}

/// Reads the whole book and tells how many rows there are and every fault; `noted` is the seal kept outside the database.
pub async fn verify(house: &House, noted: Option<Seal>) -> Result<(u64, Vec<Fault>)> {
    verify_in(&mut house.snapshot(Who::System("verify")).await?, noted).await
}

/// As [`verify`], in an open view.
pub(crate) async fn verify_in(cx: &mut Cx, noted: Option<Seal>) -> Result<(u64, Vec<Fault>)> {
    let mut faults = Vec::new();
    let mut last = Seal::FIRST;
    let mut count = 0;
    loop {
        let links: Vec<Link> = cx
            .tx
            .all(
                sql!("SELECT s.seq, s.event_id, s.hash, e.id, e.at, e.actor_id, e.actor, e.acting_org, e.kind, e.object, e.object_id, e.org_path, e.person_id, e.detail, e.request_id, e.mac FROM seal s LEFT JOIN event e ON e.id = s.event_id WHERE s.seq > $1 ORDER BY s.seq LIMIT 1000"),
                args![last.seq],
            )
            .await?;
        if links.is_empty() {
            break;
        }
        for link in links {
            count += 1;
            last = check(cx.house().keys(), last, link, noted.as_ref(), &mut faults);
        }
    }
    if let Some(noted) = noted.filter(|n| n.seq > last.seq) {
        faults.push(Fault::CutOff { seq: last.seq, noted: noted.seq });
    }
    unlinked(cx, &mut faults).await?;
    vanished(cx, &mut faults).await?;
    Ok((count, faults))
}

db::row! {
    struct Link {
        seq: i64,
        event_id: i64,
        hash: Vec<u8>,
        id: Option<i64>,
        at: Option<i64>,
        actor_id: Option<i64>,
        actor: Option<String>,
        acting_org: Option<i64>,
        kind: Option<String>,
        object: Option<String>,
        object_id: Option<i64>,
        org_path: Option<String>,
        person_id: Option<i64>,
        detail: Option<String>,
        request_id: Option<String>,
        mac: Option<Vec<u8>>,
    }
}
impl Link {
    fn row(self) -> Option<Row> {
        Some(Row {
            id: self.id?,
            at: self.at?,
            actor_id: self.actor_id,
            actor: self.actor?,
            acting_org: self.acting_org,
            kind: self.kind?,
            object: self.object?,
            object_id: self.object_id?,
            org_path: self.org_path?,
            person_id: self.person_id,
            detail: self.detail?,
            request_id: self.request_id?,
            mac: self.mac?,
        })
    }
}

fn check(
    keys: &Keys,
    last: Seal,
    link: Link,
    noted: Option<&Seal>,
    faults: &mut Vec<Fault>,
) -> Seal {
    let (seq, event, hash) = (link.seq, link.event_id, link.hash.clone());
    let here = Seal { seq, hash };
    if noted.is_some_and(|n| n.seq == seq && n.hash != here.hash) || seq != last.seq + 1 {
        faults.push(Fault::Broken { seq });
        return here;
    }
    match link.row() {
        None => faults.push(Fault::Deleted { event, seq }),
        Some(row) => {
            if row.sign(keys).as_slice() != row.mac.as_slice() {
                faults.push(Fault::Forged { event });
            } else if last.next(keys, &row) != here {
                faults.push(Fault::Broken { seq });
            }
        }
    }
    here
}

/// Rows that wait for the chain and are no more.
async fn vanished(cx: &mut Cx, faults: &mut Vec<Fault>) -> Result<()> {
    let gone: Vec<(i64,)> = cx
        .tx
        .all(
            sql!("SELECT u.event_id FROM event_unsealed u LEFT JOIN event e ON e.id = u.event_id WHERE e.id IS NULL ORDER BY u.event_id LIMIT 1000"),
            &[],
        )
        .await?;
    faults.extend(gone.into_iter().map(|(event,)| Fault::Vanished { event }));
    Ok(())
}

/// Rows that are not in the chain yet: how many there are, and what is wrong with them.
async fn unlinked(cx: &mut Cx, faults: &mut Vec<Fault>) -> Result<u64> {
    let mut after = i64::MIN;
    let mut count = 0;
    loop {
        let rows: Vec<(i64, Option<i64>)> = cx
            .tx
            .all(
                sql!("SELECT e.id, u.event_id FROM event e LEFT JOIN seal s ON s.event_id = e.id LEFT JOIN event_unsealed u ON u.event_id = e.id WHERE e.id > $1 AND s.seq IS NULL ORDER BY e.id LIMIT 1000"),
                args![after],
            )
            .await?;
        let Some(&(last, _)) = rows.last() else { return Ok(count) };
        after = last;
        count += rows.len() as u64;
        for (event, waiting) in rows {
            match waiting {
                None => faults.push(Fault::Unlinked { event }),
                Some(_) => {
                    let row: Row = cx
                        .tx
                        .one(
                            sql!("SELECT id, at, actor_id, actor, acting_org, kind, object, object_id, org_path, person_id, detail, request_id, mac FROM event WHERE id = $1"),
                            args![event],
                        )
                        .await?;
                    if row.sign(cx.house().keys()).as_slice() != row.mac.as_slice() {
                        faults.push(Fault::Forged { event });
                    }
                }
            }
        }
    }
}

/// What is noted outside the database: the newest seal, and how often a restored database was
/// acknowledged until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    pub seal: Seal,
    pub epoch: i64,
}

/// Notes the newest seal outside the database, so that a book cut off at its end is found out.
pub fn note_seal(house: &House, seal: &Seal) -> Result<()> {
    let epoch = noted(house)?.map_or(0, |n| n.epoch);
    note(house, &Noted { seal: seal.clone(), epoch })
}

/// As [`note_seal`], with the epoch. The note never goes back: the anchor may be one for all nodes.
pub(crate) fn note(house: &House, new: &Noted) -> Result<()> {
    let Some(path) = &house.settings().audit_anchor else { return Ok(()) };
    if noted(house)?.is_some_and(|n| (n.epoch, n.seal.seq) >= (new.epoch, new.seal.seq)) {
        return Ok(());
    }
    let hash: String = new.seal.hash.iter().map(|b| format!("{b:02x}")).collect();
    // Each writer has a file of its own to rename: nodes may share the folder.
    let beside = path.with_extension(format!("new-{}", house.new_id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let line = format!("{} {hash} {}\n", new.seal.seq, new.epoch);
    options
        .open(&beside)
        .and_then(|mut out| std::io::Write::write_all(&mut out, line.as_bytes()))
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|e| Error::Broken(format!("the audit anchor {}: {e}", path.display())))
}

/// Forgets the note: the database is a new one.
pub(crate) fn forget_note(house: &House) -> Result<()> {
    let Some(path) = &house.settings().audit_anchor else { return Ok(()) };
    std::fs::remove_file(path).map_err(|e| Error::Broken(format!("the audit anchor: {e}")))
}

/// What was noted outside the database, if anything was.
pub fn noted(house: &House) -> Result<Option<Noted>> {
    let Some(path) = &house.settings().audit_anchor else { return Ok(None) };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::Broken(format!("the audit anchor {}: {e}", path.display()))),
    };
    let broken = || Error::Broken("the audit anchor is not in order".into());
    let mut words = text.split_whitespace();
    let (seq, hash) = words.next().zip(words.next()).ok_or_else(broken)?;
    let epoch = words.next().map_or(Ok(0), |n| n.parse().map_err(|_| broken()))?;
    let byte = |at: usize| hash.get(at..at + 2).and_then(|b| u8::from_str_radix(b, 16).ok());
    let hash = (0..hash.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>();
    let seq = seq.parse().map_err(|_| broken())?;
    Ok(Some(Noted { seal: Seal { seq, hash: hash.ok_or_else(broken)? }, epoch }))
}
