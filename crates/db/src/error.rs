//! What can go wrong with a database, sorted by what the caller can do about it.

/// A database error. Messages carry table and constraint names, never values.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Another transaction was in the way (40001, 40P01, SQLITE_BUSY): run the whole again.
    #[error("another transaction was in the way")]
    Retry,
    /// A unique index refused the row; `on` names the table and columns or the index.
    #[error("already there: {on}")]
    Unique { on: String },
    /// A CHECK (or NOT NULL) refused the row.
    #[error("refused by a constraint: {on}")]
    Constraint { on: String },
    /// A foreign key: what the row refers to is no more, or somebody still refers to it.
    #[error("a reference is gone or still there: {on}")]
    Foreign { on: String },
    /// No space left, or the file may not be written.
    #[error("the storage is full or read-only")]
    Full,
    /// The database can't be reached for now.
    #[error("the database can't be reached")]
    Gone,
    /// Rows of watched tables were changed and nobody asked which before the commit.
    #[error("watched rows were changed and not asked for")]
    Unasked,
    /// No row where exactly one was asked for.
    #[error("no such row")]
    NoRow,
    /// The database's address would let personal data cross a network in the clear.
    #[error(
        "the connection to PostgreSQL might not be encrypted: say sslmode=verify-full (with \
         sslrootcert=FILE for a CA of your own), or sslmode=disable where the network is trusted"
    )]
    Unprotected,
    /// The server could not prove who it is, or speaks no TLS.
    #[error(
        "no protected connection to PostgreSQL: {0}; beyond this machine its certificate is checked: name \
         the CA with sslrootcert=FILE in the address, or say sslmode=disable where the network is trusted"
    )]
    Tls(String),
    /// Anything else; a mistake of ours.
    #[error("database: {0}")]
    Broken(String),
}

impl DbError {
    /// Whether a unique index whose name or columns contain `what` refused the row.
    pub fn is_unique_on(&self, what: &str) -> bool {
        matches!(self, Self::Unique { on } if on.contains(what))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::NoRow,
            // So the driver tells that the certificate did not hold.
            sqlx::Error::Io(e) if e.kind() == std::io::ErrorKind::InvalidData => {
                Self::Tls(e.to_string())
            }
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_) => Self::Gone,
            // Cut off while the connection was being made: the driver reads a byte that never came.
            sqlx::Error::Protocol(what) if what.contains("SSLRequest") => Self::Gone,
            sqlx::Error::Tls(e) => Self::Tls(e.to_string()),
            sqlx::Error::Database(e) => from_engine(e.as_ref()),
            other => Self::Broken(without_values(&other.to_string())),
        }
    }
}

fn from_engine(e: &dyn sqlx::error::DatabaseError) -> DbError {
    let code = e.code().map(|c| c.into_owned()).unwrap_or_default();
    let on = e.constraint().map_or_else(
        || without_values(e.message()),
        |c| format!("{} {c}", e.table().unwrap_or_default()),
    );
    if let Ok(lite) = code.parse::<i32>()
        && code.len() < 5
    {
        return match lite & 0xff {
            5 | 6 => DbError::Retry,
            13 | 8 => DbError::Full,
            10 | 14 => DbError::Gone,
            _ if e.is_unique_violation() => DbError::Unique { on },
            19 if e.is_foreign_key_violation() => DbError::Foreign { on },
            19 => DbError::Constraint { on },
            _ => DbError::Broken(without_values(e.message())),
        };
    }
    match code.as_str() {
        "40001" | "40P01" => DbError::Retry,
        // The branch was turned into another category since it was read.
        "23503" if on.contains("category") => DbError::Retry,
        "23505" => DbError::Unique { on },
        // A copied path that is no more: the organisation was moved since it was read.
        "23503" if on.ends_with("_path_fkey") => DbError::Retry,
        "53100" | "25006" => DbError::Full,
        "23503" => DbError::Foreign { on },
        c if c.starts_with("23") => DbError::Constraint { on },
        c if c.starts_with("08") || c.starts_with("57P") || c.starts_with("53") => DbError::Gone,
        _ => DbError::Broken(without_values(e.message())),
    }
}

/// PostgreSQL may quote a value in its message ("invalid input … \"x\""): cut from there.
fn without_values(message: &str) -> String {
    message.split(": \"").next().unwrap_or_default().to_owned()
}
