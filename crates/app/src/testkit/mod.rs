//! The laboratory for tests (feature `testkit`): a fresh migrated database with a clock that moves
//! when told to, a small tree, people with roles. Rows are planted by plain statements, so that a
//! room's test doesn't depend on another room's use-cases. Never part of the program.
//!
//! `TUANJIAN_TEST_DB=postgres` (with `TUANJIAN_TEST_PG=postgres://…/postgres`) runs the same tests
//! on PostgreSQL, `TUANJIAN_TEST_ISOLATION=serializable` at SERIALIZABLE.

mod people;
mod tree;

pub use tree::Tree;

use crate::{
    Captcha, House, Settings,
    clock::{SeededChance, SetClock},
    jobs::JobId,
    keys::Keys,
};
use db::scratch::{Ground, Scratch};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};
use tempfile::TempDir;

/// When every laboratory's clock starts: 2026-06-15 10:02 in Beijing.
pub const START: crate::clock::Millis = 1_781_488_920_000;

/// Jobs that fall at every attempt.
static FALLING: Mutex<Vec<JobId>> = Mutex::new(Vec::new());

/// Lets a job panic whenever it is run, for the tests of what happens then.
pub fn let_fall(job: JobId) {
    FALLING.lock().unwrap_or_else(PoisonError::into_inner).push(job);
}
pub(crate) fn fall_if_told(job: JobId) {
    let falls = FALLING.lock().unwrap_or_else(PoisonError::into_inner).contains(&job);
    assert!(!falls, "a job fell, as it was told to");
}

/// A laboratory: everything in it is thrown away with it.
pub struct Lab {
    pub house: House,
    pub clock: Arc<SetClock>,
    /// The database, to be opened once more or vandalised.
    pub scratch: Scratch,
    /// Numbers people, so that no two share an ID number.
    people: AtomicI64,
    nodes: AtomicU64,
    /// Numbers organisation codes.
    orgs: AtomicU64,
    dir: TempDir,
}

/// A fresh laboratory: an empty migrated database, no captcha, no channels.
pub async fn fresh() -> Lab {
    fresh_with(Settings { captcha: Captcha::Off, ..Settings::default() }).await
}

/// A fresh laboratory with settings of one's own.
pub async fn fresh_with(settings: Settings) -> Lab {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let scratch = Scratch::make(&ground(&dir)).await.expect("a scratch database can be made");
    let keys = dir.path().join("keys.toml");
    Keys::create(&keys, &SeededChance::new(1)).expect("a key file can be written");
    let clock = Arc::new(SetClock::at(START));
    let house = open(&scratch, keys, clock.clone(), settings, 2).await;
    Lab {
        house,
        clock,
        scratch,
        people: AtomicI64::new(0),
        nodes: AtomicU64::new(3),
        orgs: AtomicU64::new(1),
        dir,
    }
}

impl Lab {
    /// The same database and keys opened once more, as by a second program node (or after a
    /// restart), with the same clock.
    pub async fn second_node(&self) -> House {
        self.node_with_keys(self.keys_file()).await
    }
    /// As [`Lab::second_node`], with a key file of its own.
    pub async fn node_with_keys(&self, keys: PathBuf) -> House {
        self.node(keys, self.house.settings().clone()).await
    }
    /// As [`Lab::second_node`], with settings of its own.
    pub async fn node_with(&self, settings: Settings) -> House {
        self.node(self.keys_file(), settings).await
    }
    async fn node(&self, keys: PathBuf, settings: Settings) -> House {
        // Another seed, so that the nodes' ids differ.
        let seed = self.nodes.fetch_add(1, Ordering::Relaxed);
        open(&self.scratch, keys, self.clock.clone(), settings, seed).await
    }
    /// Plants rows by a plain statement past every guard, and has them taken for the program's own.
    pub async fn plant(&self, statements: &str) -> crate::Result<()> {
        self.scratch.vandalise(statements).await?;
        crate::marks::remake(&self.house).await
    }
    /// Changes rows past every guard, as somebody with access to the database would.
    pub async fn plant_without_marks(&self, statements: &str) {
        self.scratch.vandalise(statements).await.expect("the statements run");
    }
    /// Expects that no invariant is broken: for the end of a test that changed many things.
    pub async fn is_whole(&self) {
        let report = crate::fsck::run(&self.house, true).await.expect("fsck can read");
        assert!(report.is_clean(), "{:#?}", report.findings);
    }
    /// The key file.
    pub fn keys_file(&self) -> PathBuf {
        self.dir.path().join("keys.toml")
    }
    /// A folder for the test's own files.
    pub fn folder(&self) -> &std::path::Path {
        self.dir.path()
    }
}

async fn open(
    scratch: &Scratch,
    keys: PathBuf,
    clock: Arc<SetClock>,
    settings: Settings,
    seed: u64,
) -> House {
    let db = scratch.open().await.expect("the scratch database opens");
    let keys = Keys::open(&keys).expect("the key file opens");
    House::open(db, keys, clock, SeededChance::new(seed), settings).await.expect("the house opens")
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration but the environment")]
fn ground(dir: &TempDir) -> Ground {
    if std::env::var("TUANJIAN_TEST_DB").as_deref() != Ok("postgres") {
        return Ground::Folder(dir.path().to_owned());
    }
    let url = std::env::var("TUANJIAN_TEST_PG")
        .expect("TUANJIAN_TEST_PG names the server for tests on PostgreSQL");
    let isolation = match std::env::var("TUANJIAN_TEST_ISOLATION").as_deref() {
        Ok("serializable") => db::Isolation::Serializable,
        _ => db::Isolation::ReadCommitted,
    };
    Ground::Server(url, isolation)
}
