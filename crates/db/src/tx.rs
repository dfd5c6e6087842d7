//! A transaction: four verbs (`all`, `opt`, `one`, `run`) for single values, three of them again
//! for whole sets of rows.

use crate::{
    DbError, Engine, Result, Sql, jsonb,
    value::{Key, Kind, Rows, Value},
    watched::Watched,
};
use std::collections::BTreeSet;

use sqlx::{
    AssertSqlSafe, FromRow, Postgres, SqlSafeStr, Sqlite, Transaction, postgres::PgRow,
    sqlite::SqliteRow,
};

/// An open transaction; dropped without [`Tx::commit`] it leaves no trace.
pub struct Tx {
    inner: Inner,
    watched: &'static [Watched],
    /// By the number of the table: the keys of the rows that were changed.
    touched: BTreeSet<Touched>,
}

/// A row of a watched table that was inserted, changed or deleted.
type Touched = (usize, Vec<Key>);

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

/// Runs a statement that gives rows back: decodes each and reads the keys that stand at its end.
macro_rules! decode_touched {
    ($rows:expr, $table:expr, $keys:expr, $touched:expr) => {{
        let mut found = Vec::new();
        for row in &$rows {
            let end = sqlx::Row::len(row) - $keys.len();
            let mut key = Vec::with_capacity($keys.len());
            for (at, (_, kind)) in $keys.iter().enumerate() {
                key.push(key!(row, end + at, kind));
            }
            $touched.insert(($table, key));
            found.push(T::from_row(row)?);
        }
        found
    }};
}

macro_rules! key {
    ($row:expr, $at:expr, $kind:expr) => {
        match $kind {
            Kind::Int | Kind::Bool => Key::Int(sqlx::Row::try_get($row, $at)?),
            Kind::Text => Key::Text(sqlx::Row::try_get($row, $at)?),
            Kind::Blob => Key::Blob(sqlx::Row::try_get($row, $at)?),
        }
    };
}

macro_rules! values {
    ($row:expr, $kinds:expr) => {{
        let mut values = Vec::with_capacity($kinds.len());
        for (at, kind) in $kinds.iter().enumerate() {
            values.push(match kind {
                Kind::Int => Value::Int(sqlx::Row::try_get($row, at)?),
                Kind::Text => Value::Text(sqlx::Row::try_get($row, at)?),
                Kind::Bool => Value::Bool(sqlx::Row::try_get($row, at)?),
                Kind::Blob => Value::Blob(sqlx::Row::try_get($row, at)?),
            });
        }
        values
    }};
}

/// A row of which nothing is read.
struct Nothing;
impl<'r, R: sqlx::Row> FromRow<'r, R> for Nothing {
    fn from_row(_: &'r R) -> std::result::Result<Self, sqlx::Error> {
        Ok(Self)
    }
}

impl Tx {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner, watched: &[], touched: BTreeSet::new() }
    }

    /// Remembers from now on which rows of these tables are changed. One list a program: what a
    /// statement does to it is found out once.
    pub fn watch(&mut self, tables: &'static [Watched]) {
        self.watched = tables;
    }
    /// The rows of watched tables that were changed since the last question, by table.
    pub fn take_touched(&mut self) -> Vec<(&'static Watched, Vec<Vec<Key>>)> {
        let mut by_table: Vec<(&'static Watched, Vec<Vec<Key>>)> = Vec::new();
        let mut before = None;
        for (table, key) in std::mem::take(&mut self.touched) {
            if before != Some(table) {
                by_table.push((&self.watched[table], Vec::new()));
                before = Some(table);
            }
            if let Some((_, keys)) = by_table.last_mut() {
                keys.push(key);
            }
        }
        by_table
    }

    /// Runs a statement that changes a watched table, if it does; `None` when it does not.
    async fn noting<T: Row>(
        &mut self,
        sql: &Sql,
        args: &[Value],
        rows: Option<&Rows>,
    ) -> Result<Option<Vec<T>>> {
        let Some((table, text, spec)) = sql.watched_at(self.engine(), self.watched) else {
            return Ok(None);
        };
        let keys = self.watched[table].key;
        let found = match &mut self.inner {
            Inner::Lite(tx) => {
                let query = bind!(sqlx::query(text), args);
                let query = match rows {
                    Some(rows) => query.bind(jsonb::of(rows, spec.len())),
                    None => query,
                };
                let rows = query.fetch_all(&mut **tx).await?;
                decode_touched!(rows, table, keys, self.touched)
            }
            Inner::Pg(tx, keep) => {
                let query = bind!(sqlx::query(text).persistent(*keep), args);
                let rows = match rows {
                    Some(rows) => bind_columns!(query, spec, *rows).fetch_all(&mut **tx).await?,
                    None => query.fetch_all(&mut **tx).await?,
                };
                decode_touched!(rows, table, keys, self.touched)
            }
        };
        Ok(Some(found))
    }

    /// Rows whose columns are known only when the program runs, each as plain values of `kinds`.
    pub async fn values(
        &mut self,
        sql: Sql,
        args: &[Value],
        rows: Option<Rows>,
        kinds: &[Kind],
    ) -> Result<Vec<Vec<Value>>> {
        let (text, spec) = sql.at(self.engine());
        let mut found = Vec::new();
        match &mut self.inner {
            Inner::Lite(tx) => {
                let query = bind!(sqlx::query(text), args);
                let query = match &rows {
                    Some(rows) => query.bind(jsonb::of(rows, spec.len())),
                    None => query,
                };
                for row in &query.fetch_all(&mut **tx).await? {
                    found.push(values!(row, kinds));
                }
            }
            Inner::Pg(tx, keep) => {
                let query = bind!(sqlx::query(text).persistent(*keep), args);
                let got = match &rows {
                    Some(rows) => bind_columns!(query, spec, *rows).fetch_all(&mut **tx).await?,
                    None => query.fetch_all(&mut **tx).await?,
                };
                for row in &got {
                    found.push(values!(row, kinds));
                }
            }
        }
        Ok(found)
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
        if let Some(found) = self.noting(&sql, args, None).await? {
            return Ok(found);
        }
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
        if let Some(found) = self.noting(&sql, args, None).await? {
            return Ok(found.into_iter().next());
        }
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
        if let Some(found) = self.noting::<Nothing>(&sql, args, None).await? {
            return Ok(found.len() as u64);
        }
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
        if let Some(found) = self.noting(&sql, args, Some(&rows)).await? {
            return Ok(found);
        }
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
        if let Some(found) = self.noting::<Nothing>(&sql, args, Some(&rows)).await? {
            return Ok(found.len() as u64);
        }
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

    /// Makes everything that was done lasting, at once. Refused while changes of watched tables
    /// have not been asked for.
    pub async fn commit(self) -> Result<()> {
        if !self.touched.is_empty() {
            return Err(DbError::Unasked);
        }
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
