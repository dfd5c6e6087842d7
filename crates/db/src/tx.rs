//! A transaction: four verbs (`all`, `opt`, `one`, `run`) for single values, three of them again
//! for whole sets of rows.

use crate::{
    DbError, Engine, Result, Sql, jsonb,
    value::{Kind, Rows, Value},
};
use sqlx::{
    AssertSqlSafe, FromRow, Postgres, SqlSafeStr, Sqlite, Transaction, postgres::PgRow,
    sqlite::SqliteRow,
};

/// An open transaction; dropped without [`Tx::commit`] it leaves no trace.
pub struct Tx {
    inner: Inner,
}

pub(crate) enum Inner {
    Lite(Transaction<'static, Sqlite>),
    /// With whether prepared statements may outlive the transaction; behind a pooler in transaction
    /// mode they may not.
    Pg(Transaction<'static, Postgres>, bool),
}

/// A row that both drivers can decode: any tuple, or a struct made by `row!`.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{}

macro_rules! bind {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for value in $args {
            query = match value.clone() {
                Value::Int(x) => query.bind(x),
                Value::Text(x) => query.bind(x),
                Value::Bool(x) => query.bind(x),
                Value::Blob(x) => query.bind(x),
            };
        }
        query
    }};
}

macro_rules! bind_columns {
    ($query:expr, $spec:expr, $rows:expr) => {{
        let mut query = $query;
        for (at, (_, kind)) in $spec.iter().enumerate() {
            query = match kind {
                Kind::Int => query.bind(column(&$rows, at, |v| match v {
                    Value::Int(x) => *x,
                    _ => None,
                })),
                Kind::Text => query.bind(column(&$rows, at, |v| match v {
                    Value::Text(x) => x.as_deref(),
                    _ => None,
                })),
                Kind::Bool => query.bind(column(&$rows, at, |v| match v {
                    Value::Bool(x) => *x,
                    _ => None,
                })),
                Kind::Blob => query.bind(column(&$rows, at, |v| match v {
                    Value::Blob(x) => x.as_deref(),
                    _ => None,
                })),
            };
        }
        query
    }};
}

impl Tx {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner }
    }

    /// Which engine the transaction runs on.
    pub fn engine(&self) -> Engine {
        match self.inner {
            Inner::Lite(_) => Engine::Sqlite,
            Inner::Pg(..) => Engine::Postgres,
        }
    }

    /// All rows. The statement itself must carry a LIMIT or be bounded by a key.
    pub async fn all<T: Row>(&mut self, sql: Sql, args: &[Value]) -> Result<Vec<T>> {
        let (text, _) = sql.at(self.engine());
        Ok(match &mut self.inner {
            Inner::Lite(tx) => bind!(sqlx::query_as(text), args).fetch_all(&mut **tx).await?,
            Inner::Pg(tx, keep) => {
                bind!(sqlx::query_as(text).persistent(*keep), args).fetch_all(&mut **tx).await?
            }
        })
    }

    /// One row or none.
    pub async fn opt<T: Row>(&mut self, sql: Sql, args: &[Value]) -> Result<Option<T>> {
        let (text, _) = sql.at(self.engine());
        Ok(match &mut self.inner {
            Inner::Lite(tx) => bind!(sqlx::query_as(text), args).fetch_optional(&mut **tx).await?,
            Inner::Pg(tx, keep) => {
                bind!(sqlx::query_as(text).persistent(*keep), args)
                    .fetch_optional(&mut **tx)
                    .await?
            }
        })
    }

    /// Exactly one row; [`DbError::NoRow`] otherwise.
    pub async fn one<T: Row>(&mut self, sql: Sql, args: &[Value]) -> Result<T> {
        self.opt(sql, args).await?.ok_or(DbError::NoRow)
    }

    /// Changes something; returns how many rows.
    pub async fn run(&mut self, sql: Sql, args: &[Value]) -> Result<u64> {
        let (text, _) = sql.at(self.engine());
        Ok(match &mut self.inner {
            Inner::Lite(tx) => {
                bind!(sqlx::query(text), args).execute(&mut **tx).await?.rows_affected()
            }
            Inner::Pg(tx, keep) => bind!(sqlx::query(text).persistent(*keep), args)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
        })
    }

    /// As [`Tx::all`], for a statement with a `{rows: …}` part.
    pub async fn all_of<T: Row>(&mut self, sql: Sql, args: &[Value], rows: Rows) -> Result<Vec<T>> {
        let (text, spec) = sql.at(self.engine());
        Ok(match &mut self.inner {
            Inner::Lite(tx) => {
                bind!(sqlx::query_as(text), args)
                    .bind(jsonb::of(&rows, spec.len()))
                    .fetch_all(&mut **tx)
                    .await?
            }
            Inner::Pg(tx, keep) => {
                bind_columns!(bind!(sqlx::query_as(text).persistent(*keep), args), spec, rows)
                    .fetch_all(&mut **tx)
                    .await?
            }
        })
    }

    /// As [`Tx::run`], for a statement with a `{rows: …}` part: thousands of rows in one statement.
    pub async fn run_of(&mut self, sql: Sql, args: &[Value], rows: Rows) -> Result<u64> {
        let (text, spec) = sql.at(self.engine());
        Ok(match &mut self.inner {
            Inner::Lite(tx) => bind!(sqlx::query(text), args)
                .bind(jsonb::of(&rows, spec.len()))
                .execute(&mut **tx)
                .await?
                .rows_affected(),
            Inner::Pg(tx, keep) => {
                bind_columns!(bind!(sqlx::query(text).persistent(*keep), args), spec, rows)
                    .execute(&mut **tx)
                    .await?
                    .rows_affected()
            }
        })
    }

    /// Asks the engine to prepare `text` (already expanded); the statement test's question.
    pub async fn prepare(&mut self, text: String) -> Result<()> {
        use sqlx::Executor;
        let text = AssertSqlSafe(text).into_sql_str();
        match &mut self.inner {
            Inner::Lite(tx) => (&mut **tx).prepare(text).await.map(|_| ())?,
            Inner::Pg(tx, _) => (&mut **tx).prepare(text).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Runs several statements without values, as the migrations have them.
    pub(crate) async fn script(&mut self, text: String) -> Result<()> {
        let text = AssertSqlSafe(text).into_sql_str();
        match &mut self.inner {
            Inner::Lite(tx) => sqlx::raw_sql(text).execute(&mut **tx).await.map(|_| ())?,
            Inner::Pg(tx, _) => sqlx::raw_sql(text).execute(&mut **tx).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Makes everything that was done lasting, at once.
    pub async fn commit(self) -> Result<()> {
        match self.inner {
            Inner::Lite(tx) => tx.commit().await?,
            Inner::Pg(tx, _) => tx.commit().await?,
        }
        Ok(())
    }
}

fn column<'r, T>(
    rows: &'r Rows,
    at: usize,
    pick: impl Fn(&'r Value) -> Option<T>,
) -> Vec<Option<T>> {
    rows.iter().map(|row| row.get(at).and_then(&pick)).collect()
}
