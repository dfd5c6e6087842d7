//! Opening a database: which engine, which settings, how many connections.

use crate::{DbError, Result, Tx, tx::Inner};
use sqlx::{
    ConnectOptions, Connection, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};
use std::{path::Path, time::Duration};

/// Which engine serves; asked only by the statement test, the benchmark and `migrate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// PostgreSQL's isolation level; the house is correct at both (`store.md`, settled).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    #[default]
    ReadCommitted,
    Serializable,
}

/// How to open a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// `postgres://…`, or the path of a SQLite file.
    pub url: String,
    pub isolation: Isolation,
    /// Connections for reading (SQLite) or in all (PostgreSQL).
    pub connections: u32,
    /// How long a request may wait for a connection.
    pub patience: Duration,
}

impl Options {
    /// The usual settings for a database at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            isolation: Isolation::default(),
            connections: 8,
            patience: Duration::from_secs(10),
        }
    }
    /// A SQLite file.
    pub fn file(path: &Path) -> Self {
        Self { connections: 4, ..Self::at(path.to_string_lossy()) }
    }
}

/// An open database. Cloning shares the pools.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    isolation: Isolation,
}

#[derive(Clone)]
enum Pools {
    /// One writer and several readers, each with its own pool: writers queue here, not in SQLite.
    Lite {
        read: SqlitePool,
        write: SqlitePool,
    },
    Pg(PgPool),
}

impl Db {
    /// Opens the database, creating a SQLite file that isn't there yet. Runs no migration.
    pub async fn open(options: &Options) -> Result<Self> {
        let pools = if options.url.starts_with("postgres") {
            open_postgres(options).await?
        } else {
            open_sqlite(options).await?
        };
        Ok(Self { pools, isolation: options.isolation })
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self.pools {
            Pools::Lite { .. } => Engine::Sqlite,
            Pools::Pg(_) => Engine::Postgres,
        }
    }

    /// A transaction that only reads; a stable view on SQLite.
    pub async fn read(&self) -> Result<Tx> {
        Ok(Tx::new(match &self.pools {
            Pools::Lite { read, .. } => Inner::Lite(read.begin().await?),
            Pools::Pg(pool) => Inner::Pg(
                pool.begin_with(match self.isolation {
                    Isolation::ReadCommitted => "BEGIN READ ONLY",
                    Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY",
                })
                .await?,
            ),
        }))
    }

    /// A transaction that only reads and sees one moment, however long it lasts: for checks, recounts
    /// and exports.
    pub async fn snapshot(&self) -> Result<Tx> {
        Ok(Tx::new(match &self.pools {
            Pools::Lite { read, .. } => Inner::Lite(read.begin().await?),
            Pools::Pg(pool) => {
                Inner::Pg(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        }))
    }

    /// A transaction that writes. On SQLite it holds the only writer's place: nothing slow inside.
    pub async fn write(&self) -> Result<Tx> {
        Ok(Tx::new(match &self.pools {
            Pools::Lite { write, .. } => Inner::Lite(write.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Pg(pool) => Inner::Pg(
                pool.begin_with(match self.isolation {
                    Isolation::ReadCommitted => "BEGIN",
                    Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
                })
                .await?,
            ),
        }))
    }

    /// Brings the schema up to date; harmless when it is.
    pub async fn migrate(&self) -> Result<()> {
        let migrator = crate::migrate::migrator(self.engine());
        match &self.pools {
            Pools::Lite { write, .. } => migrator.run(write).await,
            Pools::Pg(pool) => migrator.run(pool).await,
        }
        .map_err(|e| DbError::Broken(format!("migration: {e}")))
    }

    /// Closes all connections; SQLite folds its write-ahead log into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Lite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pools::Pg(pool) => pool.close().await,
        }
    }
}

async fn open_sqlite(options: &Options) -> Result<Pools> {
    let base = SqliteConnectOptions::new()
        .filename(&options.url)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .auto_vacuum(SqliteAutoVacuum::None)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        .pragma("mmap_size", "2147483648")
        .pragma("cache_size", "-2048")
        .pragma("temp_store", "memory")
        .statement_cache_capacity(256)
        .row_buffer_size(200)
        .disable_statement_logging();
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.patience)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        // A full disk makes SQLite end the transaction by itself; the driver then believes for
        // ever that it is inside one. Such a connection is closed and the next one opened.
        .before_acquire(|conn, _| Box::pin(async move { Ok(!conn.is_in_transaction()) }))
        // A bulk touches most pages of every index; with less they are read again and again.
        // They would also be copied into the file after each piece.
        .connect_with(
            base.clone().pragma("cache_size", "-16384").pragma("wal_autocheckpoint", "4000"),
        )
        .await?;
    let read = SqlitePoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(options.patience)
        .test_before_acquire(false)
        .connect_lazy_with(base.read_only(true).create_if_missing(false));
    Ok(Pools::Lite { read, write })
}

/// Each text is planned once for a connection, whatever its values; and since every statement is
/// bounded, workers and compiled plans cost more than they could save.
const PLANNING: [&str; 3] = [
    "SET plan_cache_mode = force_generic_plan",
    "SET max_parallel_workers_per_gather = 0",
    "SET jit = off",
];

async fn open_postgres(options: &Options) -> Result<Pools> {
    let connect: PgConnectOptions = options.url.parse()?;
    let connect = connect.statement_cache_capacity(256).disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(options.patience)
        .test_before_acquire(false)
        // Decision 0023; an engine without these settings does as it likes.
        .after_connect(|conn, _| {
            Box::pin(async move {
                for setting in PLANNING {
                    sqlx::query(setting).execute(&mut *conn).await.ok();
                }
                Ok(())
            })
        })
        .connect_lazy_with(connect);
    // Fail at the start, not with the first visitor.
    pool.acquire().await?;
    Ok(Pools::Pg(pool))
}
