//! The opened program: database, keys, clock, chance, policy. One for each process; [`Cx`]s are
//! made from it.

use crate::{
    Cx, Error, Result, Who,
    clock::{Chance, Clock, Ids, Millis},
    cx::Origin,
    keys::{KeyError, Keys},
    messages::Senders,
    pulse::Pulse,
    read_only::Switch,
};
use db::Db;
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};
use tokio::sync::Semaphore;

/// The opened program. Cloning shares it.
#[derive(Clone)]
pub struct House(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) keys: Keys,
    clock: Box<dyn Clock>,
    chance: Box<dyn Chance>,
    ids: Ids,
    settings: Settings,
    /// This program's name among the nodes.
    node: String,
    pulse: Pulse,
    senders: Senders,
    read_only: AtomicBool,
    /// The switch as this node last saw it; the first look decides nothing for a program that was
    /// started as read-only.
    switch_seen: Mutex<Option<Option<Switch>>>,
    /// The database came back from a backup and nobody has acknowledged it.
    restored: AtomicBool,
    /// When this node last compared the database with the note outside it.
    anchor_seen: AtomicI64,
    /// When this node last looked whether figures of the rules were changed.
    rules_seen: AtomicI64,
    /// Places for password hashing: each takes 19 MiB, so the places are the bound on memory.
    hash_places: Semaphore,
    /// Those of them that strangers may have: a known device is never behind more than one of them.
    strangers_places: Semaphore,
    /// Places for workbooks being read in child processes.
    sheet_places: Semaphore,
}

/// What is fixed when the program starts.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The program itself, started again for reading workbooks; `None` reads them in-process,
    /// which only tests may do.
    pub sheet_reader: Option<PathBuf>,
    /// Where the newest seal of the audit book is noted outside the database.
    pub audit_anchor: Option<PathBuf>,
    /// How messages leave the program (decision 8); both may be absent.
    pub channels: crate::messages::Channels,
    /// Address under which people reach the program, for links in messages.
    pub public_url: String,
    /// Captcha policy; tests switch it off.
    pub captcha: Captcha,
    /// This program's name among the nodes, the same after a restart; empty: a new one each time.
    pub node: String,
    /// Names of programs that ran beside it and surely run no more.
    pub dead_nodes: Vec<String>,
}

/// How often a node looks for changed figures, in milliseconds.
const RULES_EVERY: Millis = 5000;
/// How often a node looks whether the database is the one that it knew, in milliseconds.
const ANCHOR_EVERY: Millis = 30_000;

/// When the sign-in page asks for a captcha (decision 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Captcha {
    #[default]
    AfterFailures,
    Always,
    Off,
}

impl House {
    /// Puts the house together and checks that keys and database belong together. The database
    /// must have been migrated.
    pub async fn open(
        db: Db,
        keys: Keys,
        clock: impl Clock + 'static,
        chance: impl Chance + 'static,
        settings: Settings,
    ) -> Result<Self> {
        let mut node = [0_u8; 2];
        chance.fill(&mut node);
        let mut mark = [0_u8; 8];
        chance.fill(&mut mark);
        let name = match settings.node.as_str() {
            "" => format!("{:016x}", u64::from_be_bytes(mark)),
            name => name.to_owned(),
        };
        let senders = Senders::of(&settings.channels);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let house = Self(Arc::new(Inner {
            db,
            keys,
            clock: Box::new(clock),
            chance: Box::new(chance),
            ids: Ids::new(u16::from_be_bytes(node)),
            settings,
            node: name,
            pulse: Pulse::default(),
            senders,
            read_only: AtomicBool::new(false),
            switch_seen: Mutex::new(None),
            restored: AtomicBool::new(false),
            anchor_seen: AtomicI64::new(i64::MIN),
            rules_seen: AtomicI64::new(0),
            hash_places: Semaphore::new(cores),
            strangers_places: Semaphore::new(cores.saturating_sub(1).max(1)),
            sheet_places: Semaphore::new(cores),
        }));
        house.check_keys().await?;
        house.look_at_anchor().await?;
        Ok(house)
    }

    /// The keys' mark and the number of their ring are written into an empty database; the mark is
    /// compared ever after. A database that is only read, as a standby, is asked and not written.
    async fn check_keys(&self) -> Result<()> {
        let mark = self.keys().mark();
        let stored = match self.setting("key_mark").await? {
            Some(stored) => stored,
            None => {
                let tx = self.0.db.write().await?;
                let mut cx = Cx::new(self.clone(), tx, Who::System("keys"), Origin::default());
                let ring = self.keys().newest_ring().to_string();
                for (name, value) in [("key_mark", &mark), ("key_ring", &ring)] {
                    cx.tx
                        .run(
                            db::sql!(
                                "INSERT INTO setting (name, value) VALUES ($1, $2)
                                 ON CONFLICT (name) DO NOTHING"
                            ),
                            db::args![name, value],
                        )
                        .await?;
                }
                cx.commit().await?;
                self.setting("key_mark").await?.unwrap_or_default()
            }
        };
        if stored != mark {
            return Err(Error::Broken(KeyError::NotOurs.to_string()));
        }
        let ring = self.setting("key_ring").await?.and_then(|number| number.parse().ok());
        self.keys().use_ring(ring.unwrap_or_else(|| self.keys().newest_ring()));
        Ok(())
    }

    async fn setting(&self, name: &str) -> Result<Option<String>> {
        let mut tx = self.0.db.read().await?;
        let found: Option<(String,)> =
            tx.opt(db::sql!("SELECT value FROM setting WHERE name = $1"), db::args![name]).await?;
        Ok(found.map(|(value,)| value))
    }

    /// Opens a reading transaction for somebody.
    pub async fn read(&self, who: Who) -> Result<Cx> {
        self.enter(who, false, Origin::default()).await
    }
    /// Opens a reading transaction that sees one moment, however long it lasts.
    pub async fn snapshot(&self, who: Who) -> Result<Cx> {
        let tx = self.0.db.snapshot().await?;
        Ok(Cx::new(self.clone(), tx, who, Origin::default()))
    }
    /// Opens a writing transaction for somebody.
    pub async fn write(&self, who: Who) -> Result<Cx> {
        self.enter(who, true, Origin::default()).await
    }
    /// Opens a transaction for somebody who came from `origin`.
    pub async fn enter(&self, who: Who, writes: bool, origin: Origin) -> Result<Cx> {
        self.look_at_anchor().await?;
        if writes && self.is_restored() && !matches!(who, Who::System("restore" | "seal" | "keys"))
        {
            return Err(Error::Restored);
        }
        // Nobody yet: signing in is possible, and the doors of `web` refuse the rest.
        if writes && self.is_read_only() && matches!(who, Who::Person(_)) {
            return Err(Error::ReadOnly);
        }
        // What it wrote could not be found by the others, and what they wrote not by it.
        if writes && !self.keys().has_ring_in_use() {
            return Err(Error::ReadOnly);
        }
        let tx = if writes { self.0.db.write().await? } else { self.0.db.read().await? };
        let mut cx = Cx::new(self.clone(), tx, who, origin);
        // Every node for itself, at most once in so many seconds.
        let (now, seen) = (self.now(), self.0.rules_seen.load(Ordering::Relaxed));
        if (now - seen).abs() >= RULES_EVERY {
            self.0.rules_seen.store(now, Ordering::Relaxed);
            crate::proposals::keep_rules_in_force(&mut cx).await?;
            crate::keyring::look(&mut cx).await?;
        }
        Ok(cx)
    }

    /// Every node for itself, at most once in so many seconds.
    pub(crate) async fn look_at_anchor(&self) -> Result<()> {
        let (now, seen) = (self.now(), self.0.anchor_seen.load(Ordering::Relaxed));
        if self.0.settings.audit_anchor.is_none() || now.saturating_sub(seen).abs() < ANCHOR_EVERY {
            return Ok(());
        }
        self.0.anchor_seen.store(now, Ordering::Relaxed);
        // The note can be unreadable for a moment: that stops nobody, and is told.
        if let Err(e) = crate::restore::look(self).await {
            tracing::error!(error = %e, "the database could not be compared with the note outside it");
        }
        Ok(())
    }

    /// What [`act!`] does after the work: commit it, or say (`None`) that it must be run again
    /// because another transaction was in the way.
    #[doc(hidden)]
    pub async fn settle<T>(&self, cx: Cx, done: Result<T>, turn: &mut u32) -> Option<Result<T>> {
        let done = match done {
            Ok(value) => cx.commit().await.map(|()| value),
            Err(e) => {
                drop(cx);
                Err(e)
            }
        };
        match done {
            Err(ref e) if e.is_worth_another_turn(*turn) && *turn < 10 => {
                self.pause(*turn).await;
                *turn += 1;
                None
            }
            Err(Error::Retry) => Some(Err(Error::Busy)),
            done => Some(done),
        }
    }

    /// Waits a little, longer each turn and by chance, before something is tried again.
    pub async fn pause(&self, turn: u32) {
        let mut byte = [0_u8; 1];
        self.chance(&mut byte);
        let millis = (1_u64 << turn.min(7)) + u64::from(byte[0]) % 8;
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    }

    /// The present moment.
    pub fn now(&self) -> Millis {
        self.0.clock.now()
    }
    /// A new id.
    pub fn new_id(&self) -> i64 {
        self.0.ids.next(self.now())
    }
    /// Fills bytes with chance.
    pub fn chance(&self, bytes: &mut [u8]) {
        self.0.chance.fill(bytes);
    }
    /// The source of chance.
    pub(crate) fn chance_source(&self) -> &dyn Chance {
        &*self.0.chance
    }
    /// A secret of 32 characters without look-alikes (158 bits).
    pub fn new_secret(&self) -> String {
        self.new_code(32)
    }
    /// A code of `length` characters without look-alikes (decision 7).
    pub fn new_code(&self, length: usize) -> String {
        const LETTERS: &[u8; 31] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
        let mut code = String::with_capacity(length);
        let mut bytes = [0_u8; 16];
        while code.len() < length {
            self.chance(&mut bytes);
            // The 32nd value is left out, so that no letter comes more often.
            let letters = bytes.iter().filter_map(|b| LETTERS.get(usize::from(b & 31)));
            code.extend(letters.take(length - code.len()).map(|letter| char::from(*letter)));
        }
        code
    }
    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }
    /// This program's name among the nodes.
    pub fn node(&self) -> &str {
        &self.0.node
    }
    /// Whether the background work of this program is alive.
    pub fn pulse(&self) -> &Pulse {
        &self.0.pulse
    }
    /// How letters leave this program.
    pub fn senders(&self) -> &Senders {
        &self.0.senders
    }
    /// What was fixed at the start.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }
    /// The database, for `migrate`, `fsck` and the statement test.
    pub fn db(&self) -> &Db {
        &self.0.db
    }
    pub(crate) fn hash_places(&self) -> &Semaphore {
        &self.0.hash_places
    }
    pub(crate) fn strangers_places(&self) -> &Semaphore {
        &self.0.strangers_places
    }
    pub(crate) fn sheet_places(&self) -> &Semaphore {
        &self.0.sheet_places
    }
    /// Whether the database came back from a backup and nobody has acknowledged it yet.
    pub fn is_restored(&self) -> bool {
        self.0.restored.load(Ordering::Relaxed)
    }
    pub(crate) fn set_restored(&self, on: bool) {
        self.0.restored.store(on, Ordering::Relaxed);
    }
    /// Whether changes are refused at present.
    pub fn is_read_only(&self) -> bool {
        self.0.read_only.load(Ordering::Relaxed)
    }
    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        let mut tx = self.0.db.read().await?;
        let _: Option<(String,)> =
            tx.opt(db::sql!("SELECT value FROM setting WHERE name = 'key_mark'"), &[]).await?;
        Ok(())
    }
    /// Does as the switch says, when it was set since the last look.
    pub(crate) fn obey(&self, found: Option<Switch>) {
        let mut seen = self.0.switch_seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref() == Some(&found) {
            return;
        }
        let on = found.as_ref().is_some_and(|switch| switch.on);
        if seen.is_some() || on {
            self.set_read_only(on);
            tracing::info!(read_only = on, "the switch for changes");
        }
        *seen = Some(found);
    }
    /// What everybody is to read while no changes are taken.
    pub fn read_only_reason(&self) -> String {
        let seen = self.0.switch_seen.lock().unwrap_or_else(PoisonError::into_inner);
        let switch = seen.as_ref().and_then(Option::as_ref).filter(|switch| switch.on);
        switch.map_or_else(String::new, |switch| switch.reason.clone())
    }
    /// Takes or refuses changes from now on.
    pub fn set_read_only(&self, on: bool) {
        self.0.read_only.store(on, Ordering::Relaxed);
    }
}

/// Runs work in a writing transaction of its own and commits it; again from the start when another
/// transaction was in the way (at most ten times). For jobs, commands and tests; pages get the
/// same from `web`.
///
/// `let n = act!(house, Who::System("sweep"), |cx| sql::sweep(cx).await)?;` The work is an
/// expression of type `Result`; `?` inside it leaves the work, not the function.
#[macro_export]
macro_rules! act {
    ($house:expr, $who:expr, |$cx:ident| $work:expr) => {{
        let house: &$crate::House = &$house;
        let who: $crate::Who = $who;
        let mut turn = 0_u32;
        loop {
            match house.write(who.clone()).await {
                Err($crate::Error::Retry) if turn < 10 => turn += 1,
                Err(e) => break Err(e),
                Ok(mut open) => {
                    let done = {
                        let $cx = &mut open;
                        async { $work }.await
                    };
                    if let Some(done) = house.settle(open, done, &mut turn).await {
                        break done;
                    }
                }
            }
        }
    }};
}
