//! The only crate that knows SQLite, PostgreSQL and the driver library.
//!
//! One SQL text runs on both engines. `app` sees [`Db`], [`Tx`], [`Value`] and the macros
//! [`sql!`], [`args!`], [`row!`], [`id!`]; nobody else may import the driver.

mod connect;
mod error;
mod fold;
mod jsonb;
mod migrate;
#[cfg(feature = "scratch")]
pub mod scratch;
mod sql;
mod tx;
mod value;
mod watched;

pub use connect::{Db, Engine, Isolation, Options};
pub use error::DbError;
pub use fold::fold;
pub use migrate::Schema;
pub use sql::{Place, RowsSpec, Sql, expand};
pub use tx::{Row, Tx};
pub use value::{Id, Key, Kind, Rows, Value};
pub use watched::Watched;

#[doc(hidden)]
pub use sqlx;

/// What every function of this crate returns.
pub type Result<T> = std::result::Result<T, DbError>;
