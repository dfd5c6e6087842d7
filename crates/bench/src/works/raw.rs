//! The baseline: the same statements through the driver alone, without our `db`, without sealing,
//! judging or auditing.

use anyhow::{Context, Result};
use db::Engine;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool, Row, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use std::sync::atomic::{AtomicU32, Ordering};

/// A bound value.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// A statement with its values.
pub(crate) type Statement = (&'static str, Vec<Arg>);

/// The driver's own pools.
pub(crate) enum Raw {
    Lite(SqlitePool),
    Pg { pool: PgPool, server: Box<PgConnectOptions>, name: String },
}

macro_rules! bound {
    ($text:expr, $args:expr) => {{
        let mut query = sqlx::query($text);
        for arg in $args {
            query = match arg {
                Arg::Int(x) => query.bind(*x),
                Arg::Text(x) => query.bind(x.clone()),
                Arg::Blob(x) => query.bind(x.clone()),
            };
        }
        query
    }};
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Raw {
    /// Makes an empty database on the server and returns its address.
    pub(crate) async fn fresh_database(server: &str) -> Result<String> {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bench_{}_{n}", std::process::id());
        let mut connection = PgConnection::connect(server).await?;
        let text = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
        connection.execute(AssertSqlSafe(text)).await?;
        let (front, _) =
            server.rsplit_once('/').context("the server's address names a database")?;
        Ok(format!("{front}/{name}"))
    }

    /// Opens the database once more, with the settings that the house has measured as best.
    pub(crate) async fn open(engine: Engine, url: &str) -> Result<Raw> {
        Ok(match engine {
            Engine::Sqlite => {
                let options = SqliteConnectOptions::new()
                    .filename(url)
                    .pragma("mmap_size", "2147483648")
                    .foreign_keys(true)
                    .row_buffer_size(200)
                    .disable_statement_logging();
                let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
                Raw::Lite(pool.connect_with(options).await?)
            }
            Engine::Postgres => {
                let options: PgConnectOptions = url.parse()?;
                let name = options.get_database().unwrap_or_default().to_owned();
                let server = Box::new(options.clone().database("postgres"));
                let pool = PgPoolOptions::new().max_connections(4).test_before_acquire(false);
                let pool = pool.connect_with(options.disable_statement_logging()).await?;
                Raw::Pg { pool, server, name }
            }
        })
    }

    /// Lets the planner know the data, as an operator does after a large import. SQLite plans
    /// without statistics, as the program does.
    pub(crate) async fn analyze(&self) -> Result<()> {
        if let Raw::Pg { pool, .. } = self {
            pool.execute("VACUUM ANALYZE").await?;
        }
        Ok(())
    }

    /// Reads all rows in a transaction, touching every column; returns how many there were.
    pub(crate) async fn rows(&self, statements: &[Statement]) -> Result<usize> {
        let mut count = 0;
        match self {
            Raw::Lite(pool) => {
                let mut tx = pool.begin().await?;
                for (text, args) in statements {
                    let rows = bound!(*text, args).fetch_all(&mut *tx).await?;
                    count += rows
                        .iter()
                        .map(|row| touch(row.len(), |n| row.try_get_raw(n).is_ok()))
                        .sum::<usize>();
                }
                tx.commit().await?;
            }
            Raw::Pg { pool, .. } => {
                let mut tx = pool.begin().await?;
                for (text, args) in statements {
                    let rows = bound!(*text, args).fetch_all(&mut *tx).await?;
                    count += rows
                        .iter()
                        .map(|row| touch(row.len(), |n| row.try_get_raw(n).is_ok()))
                        .sum::<usize>();
                }
                tx.commit().await?;
            }
        }
        Ok(count)
    }

    /// Carries out writing statements in one transaction; returns how many rows they changed.
    pub(crate) async fn run(&self, statements: &[Statement]) -> Result<u64> {
        let mut count = 0;
        match self {
            Raw::Lite(pool) => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                for (text, args) in statements {
                    count += bound!(*text, args).execute(&mut *tx).await?.rows_affected();
                }
                tx.commit().await?;
            }
            Raw::Pg { pool, .. } => {
                let mut tx = pool.begin().await?;
                for (text, args) in statements {
                    count += bound!(*text, args).execute(&mut *tx).await?.rows_affected();
                }
                tx.commit().await?;
            }
        }
        Ok(count)
    }

    /// One column of text of all rows: what a work looks for.
    pub(crate) async fn texts(&self, text: &'static str) -> Result<Vec<String>> {
        Ok(match self {
            Raw::Lite(pool) => sqlx::query_scalar(text).fetch_all(pool).await?,
            Raw::Pg { pool, .. } => sqlx::query_scalar(text).fetch_all(pool).await?,
        })
    }

    /// One column of bytes of all rows.
    pub(crate) async fn blobs(&self, text: &'static str) -> Result<Vec<Vec<u8>>> {
        Ok(match self {
            Raw::Lite(pool) => sqlx::query_scalar(text).fetch_all(pool).await?,
            Raw::Pg { pool, .. } => sqlx::query_scalar(text).fetch_all(pool).await?,
        })
    }

    /// Closes the pools; drops a server's database.
    pub(crate) async fn end(self) -> Result<()> {
        match self {
            Raw::Lite(pool) => pool.close().await,
            Raw::Pg { pool, server, name } => {
                pool.close().await;
                let mut connection = server.connect().await?;
                let text = format!("DROP DATABASE {name} WITH (FORCE)");
                connection.execute(AssertSqlSafe(text)).await?;
            }
        }
        Ok(())
    }
}

/// Counts a row whose every column can be read.
fn touch(columns: usize, read: impl Fn(usize) -> bool) -> usize {
    usize::from((0..columns).all(read))
}
