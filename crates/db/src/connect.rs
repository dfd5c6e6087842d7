//! Opening a database: which engine, which settings, how many connections.

use crate::{DbError, Result, Tx, migrate, migrate::Schema, tx::Inner};
use sqlx::{
    ConnectOptions, Connection, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};
use std::{
    net::{IpAddr, ToSocketAddrs},
    path::Path,
    time::Duration,
};

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
    /// A pooler in transaction mode (pgbouncer) stands before PostgreSQL: nothing may outlive a
    /// transaction, neither prepared statements nor settings of the session.
    pub pooler: bool,
    /// Only reading: a standby, or a copy that must stay as it is.
    pub read_only: bool,
}

impl Options {
    /// The usual settings for a database at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            isolation: Isolation::default(),
            connections: 8,
            patience: Duration::from_secs(10),
            pooler: false,
            read_only: false,
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
    /// No writer where the database was opened for reading alone.
    Lite { read: SqlitePool, write: Option<SqlitePool> },
    Pg {
        pool: PgPool,
        /// Whether prepared statements are kept for the next transaction.
        keep: bool,
    },
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
            Pools::Pg { .. } => Engine::Postgres,
        }
    }

    /// A transaction that only reads; a stable view on SQLite.
    pub async fn read(&self) -> Result<Tx> {
        Ok(Tx::new(match &self.pools {
            Pools::Lite { read, .. } => Inner::Lite(read.begin().await?),
            Pools::Pg { pool, keep } => Inner::Pg(
                pool.begin_with(match self.isolation {
                    Isolation::ReadCommitted => "BEGIN READ ONLY",
                    Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY",
                })
                .await?,
                *keep,
            ),
        }))
    }

    /// A transaction that only reads and sees one moment, however long it lasts: for checks, recounts
    /// and exports.
    pub async fn snapshot(&self) -> Result<Tx> {
        Ok(Tx::new(match &self.pools {
            Pools::Lite { read, .. } => Inner::Lite(read.begin().await?),
            Pools::Pg { pool, keep } => Inner::Pg(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
                *keep,
            ),
        }))
    }

    /// A transaction that writes. On SQLite it holds the only writer's place: nothing slow inside.
    pub async fn write(&self) -> Result<Tx> {
        Ok(Tx::new(match &self.pools {
            Pools::Lite { write, .. } => {
                let write = write.as_ref().ok_or(DbError::Full)?;
                Inner::Lite(write.begin_with("BEGIN IMMEDIATE").await?)
            }
            Pools::Pg { pool, keep } => Inner::Pg(
                pool.begin_with(match self.isolation {
                    Isolation::ReadCommitted => "BEGIN",
                    Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
                })
                .await?,
                *keep,
            ),
        }))
    }

    /// Brings the schema up to date; harmless when it is. Of several programs that start at once one
    /// does it, the others wait and find it done.
    pub async fn migrate(&self) -> Result<()> {
        for turn in 0.. {
            let mut tx = self.write().await?;
            match migrate::apply(&mut tx).await {
                Ok(0) => return Ok(()),
                Ok(_) => return tx.commit().await,
                // Another program made the same table at once: PostgreSQL tells the second by a unique
                // index of its catalogue.
                Err(DbError::Retry | DbError::Unique { .. }) if turn < MIGRATION_TURNS => {
                    drop(tx);
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Where the schema stands; changes nothing.
    pub async fn schema(&self) -> Result<Schema> {
        migrate::state(&mut self.read().await?).await
    }

    /// Closes all connections; SQLite folds its write-ahead log into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Lite { read, write } => {
                read.close().await;
                if let Some(write) = write {
                    write.close().await;
                }
            }
            Pools::Pg { pool, .. } => pool.close().await,
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
    let read = SqlitePoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(options.patience)
        .test_before_acquire(false)
        .connect_lazy_with(base.clone().read_only(true).create_if_missing(false));
    if options.read_only {
        // Fail at the start, not with the first statement.
        read.acquire().await?;
        return Ok(Pools::Lite { read, write: None });
    }
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
        .connect_with(base.pragma("cache_size", "-16384").pragma("wal_autocheckpoint", "4000"))
        .await?;
    Ok(Pools::Lite { read, write: Some(write) })
}

/// Each text is planned once for a connection, whatever its values; and since every statement is
/// bounded, workers and compiled plans cost more than they could save (decision 0023). Sent when the
/// connection starts. Behind a pooler the role or the database carries them (docs/operating.md).
const PLANNING: [(&str, &str); 3] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
];

/// How often `migrate` looks again when another program is at it, a fifth of a second apart.
const MIGRATION_TURNS: u32 = 50;

async fn open_postgres(options: &Options) -> Result<Pools> {
    let connect: PgConnectOptions = options.url.parse()?;
    let connect = in_private(connect, is_told(&options.url))?.disable_statement_logging();
    if options.pooler {
        // Also `extra_float_digits` is a setting of the session; we read no floats.
        let connect = connect.extra_float_digits(None).statement_cache_capacity(0);
        return Ok(Pools::Pg { pool: pg_pool(options, connect).await?, keep: false });
    }
    let connect = connect.statement_cache_capacity(256);
    let pool = match pg_pool(options, connect.clone().options(PLANNING)).await {
        // An engine that does not know these settings does as it likes.
        Err(DbError::Broken(_)) => pg_pool(options, connect).await?,
        pool => pool?,
    };
    Ok(Pools::Pg { pool, keep: true })
}

async fn pg_pool(options: &Options, connect: PgConnectOptions) -> Result<PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(options.patience)
        .test_before_acquire(false)
        .connect_lazy_with(connect);
    // Fail at the start, not with the first visitor.
    pool.acquire().await?;
    Ok(pool)
}

/// Whether the address or the environment says how the connection is to be protected.
fn is_told(url: &str) -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "a variable of PostgreSQL's own, which the driver reads"
    )]
    let variable = std::env::var_os("PGSSLMODE");
    url.contains("sslmode=") || url.contains("ssl-mode=") || variable.is_some()
}

/// Personal data crosses no network in the clear unless somebody says so: beyond this machine the
/// server must prove who it is, or the address names another `sslmode`.
///
/// # Errors
/// For modes that leave it to the server whether the connection is encrypted.
fn in_private(connect: PgConnectOptions, told: bool) -> Result<PgConnectOptions> {
    if connect.get_socket().is_some() || is_this_machine(connect.get_host()) {
        // Nobody listens between; encrypting would only cost.
        return Ok(if told { connect } else { connect.ssl_mode(PgSslMode::Disable) });
    }
    match connect.get_ssl_mode() {
        _ if !told => Ok(connect.ssl_mode(PgSslMode::VerifyFull)),
        PgSslMode::Prefer | PgSslMode::Allow => Err(DbError::Unprotected),
        _ => Ok(connect),
    }
}

fn is_this_machine(host: &str) -> bool {
    if host.starts_with('/') || host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        // A name of this machine, as in a file of hosts.
        Err(_) => (bare, 0).to_socket_addrs().is_ok_and(|mut found| {
            let mut any = false;
            found.all(|a| {
                any = true;
                a.ip().is_loopback()
            }) && any
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> Result<PgSslMode> {
        in_private(url.parse().unwrap(), is_told(url)).map(|c| c.get_ssl_mode())
    }

    #[test]
    fn beyond_this_machine_the_server_must_prove_who_it_is_unless_the_address_says_otherwise() {
        assert!(matches!(mode("postgres://u@10.0.0.7/d"), Ok(PgSslMode::VerifyFull)));
        assert!(matches!(mode("postgres://u@db.example/d"), Ok(PgSslMode::VerifyFull)));
        assert!(matches!(mode("postgres://u@10.0.0.7/d?sslmode=require"), Ok(PgSslMode::Require)));
        assert!(matches!(
            mode("postgres://u@10.0.0.7/d?sslmode=verify-ca"),
            Ok(PgSslMode::VerifyCa)
        ));
        assert!(matches!(mode("postgres://u@10.0.0.7/d?sslmode=disable"), Ok(PgSslMode::Disable)));
    }

    #[test]
    fn a_mode_that_may_fall_back_to_the_clear_is_refused_beyond_this_machine() {
        for sslmode in ["prefer", "allow"] {
            let url = format!("postgres://u@10.0.0.7/d?sslmode={sslmode}");
            assert!(matches!(mode(&url), Err(DbError::Unprotected)), "{url}");
        }
    }

    #[test]
    fn on_this_machine_everything_goes_and_nothing_is_encrypted_unasked() {
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            let unasked = mode(&format!("postgres://u@{host}/d"));
            assert!(matches!(unasked, Ok(PgSslMode::Disable)), "{host}");
            assert!(mode(&format!("postgres://u@{host}/d?sslmode=prefer")).is_ok());
        }
    }
}
