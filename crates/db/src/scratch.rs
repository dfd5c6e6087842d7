//! Throw-away databases for tests, the benchmark and trials: a migrated template is made once and
//! copied for each. Only behind the feature `scratch`.

use crate::{Db, DbError, Engine, Isolation, Options, Result, migrate};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqlSafeStr,
    postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Where scratch databases are made.
#[derive(Clone, Debug)]
pub enum Ground {
    /// SQLite files in a folder that the caller owns.
    Folder(PathBuf),
    /// A PostgreSQL server: the address of its database `postgres`, as superuser.
    Server(String, Isolation),
}

/// A migrated database of its own; gone when dropped.
pub struct Scratch {
    options: Options,
    /// The server's own database, where this one is dropped.
    server: Option<PgConnectOptions>,
    name: String,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Scratch {
    /// Makes a fresh migrated database.
    pub async fn make(ground: &Ground) -> Result<Self> {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        match ground {
            Ground::Folder(folder) => {
                let file = folder.join(format!("t{n}.sqlite"));
                let template = sqlite_template().await?;
                std::fs::copy(template, &file).map_err(broken)?;
                let options = Options::file(&file);
                Ok(Self { options, server: None, name: String::new() })
            }
            Ground::Server(url, isolation) => {
                let server: PgConnectOptions = url.parse()?;
                let mut connection = server.clone().connect().await?;
                let template = postgres_template(&mut connection, &server).await?;
                let name = format!("tuanjian_test_{}_{n}", std::process::id());
                run(&mut connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    .await?;
                // Copying files is ten times faster than logging each page; servers before 15 know
                // no other way.
                let version = connection.server_version_num().unwrap_or(0);
                let strategy = if version >= 150_000 { " STRATEGY FILE_COPY" } else { "" };
                let text = format!("CREATE DATABASE {name} TEMPLATE {template}{strategy}");
                run(&mut connection, text).await?;
                connection.close().await?;
                let url = server.clone().database(&name).to_url_lossy().to_string();
                let options = Options { isolation: *isolation, ..Options::at(url) };
                Ok(Self { options, server: Some(server), name })
            }
        }
    }

    /// How to open it; may be opened several times, as by several program nodes.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Opens it.
    pub async fn open(&self) -> Result<Db> {
        Db::open(&self.options).await
    }

    /// Runs statements past every guard (foreign keys, triggers, on SQLite also CHECK): how a test
    /// plants corruption.
    pub async fn vandalise(&self, statements: &str) -> Result<()> {
        let text = AssertSqlSafe(statements.to_owned()).into_sql_str();
        if self.server.is_some() {
            let options: PgConnectOptions = self.options.url.parse()?;
            let mut connection = options.connect().await?;
            run(&mut connection, "SET session_replication_role = replica".into()).await?;
            connection.execute(sqlx::raw_sql(text)).await?;
            return Ok(connection.close().await?);
        }
        let mut connection = SqliteConnectOptions::new()
            .filename(&self.options.url)
            .foreign_keys(false)
            .pragma("ignore_check_constraints", "ON")
            .connect()
            .await?;
        connection.execute(sqlx::raw_sql(text)).await?;
        Ok(connection.close().await?)
    }
}

/// A test's database on a server goes with the test, also when the test fails.
impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(server) = self.server.take() else { return };
        let text = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread of its own, because a runtime can't be entered twice.
        let gone = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = server.connect().await.map_err(std::io::Error::other)?;
                run(&mut connection, text).await.map_err(std::io::Error::other)
            })
        });
        drop(gone.join());
    }
}

/// The migrated SQLite file that scratch files are copied from; one for each state of the schema.
async fn sqlite_template() -> Result<PathBuf> {
    static MADE: tokio::sync::OnceCell<PathBuf> = tokio::sync::OnceCell::const_new();
    let made = MADE
        .get_or_try_init(|| async {
            let mark = migrate::mark(Engine::Sqlite);
            let folder = std::env::temp_dir();
            let file = folder.join(format!("tuanjian-template-{mark}.sqlite"));
            if !file.exists() {
                // Made beside and renamed: test programs running at once never see half a file.
                let beside = folder.join(format!("tuanjian-template-{}", std::process::id()));
                forget(&beside);
                let db = Db::open(&Options::file(&beside)).await?;
                db.migrate().await?;
                db.close().await;
                std::fs::rename(&beside, &file).map_err(broken)?;
            }
            Ok::<_, DbError>(file)
        })
        .await?;
    Ok(made.clone())
}

fn forget(file: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        drop(std::fs::remove_file(PathBuf::from(name)));
    }
}

/// The migrated database on the server that scratch databases are copied from.
async fn postgres_template(
    connection: &mut PgConnection,
    server: &PgConnectOptions,
) -> Result<String> {
    let name = format!("tuanjian_template_{}", migrate::mark(Engine::Postgres));
    // Test programs running at once agree on who makes it.
    run(connection, "SELECT pg_advisory_lock(20260615)".into()).await?;
    let there: Option<(i32,)> = sqlx::query_as("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_optional(&mut *connection)
        .await?;
    if there.is_none() {
        let raw = format!("{name}_raw");
        run(connection, format!("DROP DATABASE IF EXISTS {raw} WITH (FORCE)")).await?;
        let text = format!(
            "CREATE DATABASE {raw} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        );
        run(connection, text).await?;
        let url = server.clone().database(&raw).to_url_lossy().to_string();
        let db = Db::open(&Options { connections: 1, ..Options::at(url) }).await?;
        db.migrate().await?;
        db.close().await;
        run(connection, format!("ALTER DATABASE {raw} RENAME TO {name}")).await?;
    }
    run(connection, "SELECT pg_advisory_unlock(20260615)".into()).await?;
    Ok(name)
}

async fn run(connection: &mut PgConnection, text: String) -> Result<()> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(text).into_sql_str())).await?;
    Ok(())
}

fn broken(error: std::io::Error) -> DbError {
    DbError::Broken(format!("scratch database: {error}"))
}
