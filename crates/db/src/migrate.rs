//! One ordered list of migrations, written once for both engines.
//!
//! Tokens: `{id}` primary key, `{int}` 64-bit, `{text}` compared by bytes, `{bool}`, `{blob}`,
//! `{strict}` and `{clustered}` after the closing parenthesis. An applied file is never edited:
//! its checksum is verified at every start.
//!
//! The driver's own migrator is not used: it takes a session's advisory lock and leaves named
//! prepared statements behind, and neither survives a pooler in transaction mode (decision 35).

use crate::{DbError, Engine, Result, Tx};

macro_rules! files {
    ($($version:literal $name:literal),* $(,)?) => {
        &[$(($version, $name, include_str!(concat!("../migrations/", $name, ".sql")))),*]
    };
}

const FILES: &[(i64, &str, &str)] = files![
    1 "0001_tree",
    2 "0002_people",
    3 "0003_users",
    4 "0004_work",
    5 "0005_imports",
    6 "0006_business",
    7 "0007_transfer_undo",
    9 "0009_codes",
    10 "0010_terms",
    11 "0011_children",
    12 "0012_closings",
    13 "0013_relocations",
    16 "0016_graduation",
    24 "0024_trust",
    25 "0025_exceptions",
];

/// Where a database's schema stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// As this program expects it.
    Current,
    /// Empty, or made by an older program: `migrate` brings it up to date.
    Behind,
}

/// Where the schema stands.
///
/// # Errors
/// When an applied migration has been edited since, or a newer program was here.
pub(crate) async fn state(tx: &mut Tx) -> Result<Schema> {
    let there: Option<(i64,)> = tx
        .opt(
            crate::sql!(
                "{lite: SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration'}
                 {pg: SELECT CAST(1 AS BIGINT) FROM pg_class WHERE oid = to_regclass('migration')}"
            ),
            &[],
        )
        .await?;
    if there.is_none() {
        return Ok(Schema::Behind);
    }
    let applied = applied(tx).await?;
    Ok(if applied == FILES.len() { Schema::Current } else { Schema::Behind })
}

/// Applies what is missing, in the caller's transaction; returns how many files were applied.
pub(crate) async fn apply(tx: &mut Tx) -> Result<usize> {
    let engine = tx.engine();
    tx.script(for_engine(TABLE, engine)).await?;
    let done = applied(tx).await?;
    for &(version, name, text) in &FILES[done..] {
        // Claimed first: of two programs that start at once the second waits here, then sees it.
        let mine = tx
            .run(
                crate::sql!(
                    "INSERT INTO migration (version, name, checksum) VALUES ($1, $2, $3)
                     ON CONFLICT (version) DO NOTHING"
                ),
                crate::args![version, name, checksum(text)],
            )
            .await?;
        if mine == 0 {
            return Err(DbError::Retry);
        }
        tx.script(for_engine(text, engine)).await?;
    }
    Ok(FILES.len() - done)
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (
  version {id},
  name {text} NOT NULL,
  checksum {int} NOT NULL
) {strict};";

/// How many of the files are applied: always the first ones, each as it stands here.
async fn applied(tx: &mut Tx) -> Result<usize> {
    let rows: Vec<(i64, i64)> = tx
        .all(
            crate::sql!("SELECT version, checksum FROM migration ORDER BY version LIMIT 10000"),
            &[],
        )
        .await?;
    for (at, (version, sum)) in rows.iter().enumerate() {
        match FILES.get(at) {
            Some((ours, _, text)) if ours == version && checksum(text) == *sum => {}
            Some((ours, name, _)) if ours == version => {
                return Err(DbError::Broken(format!(
                    "migration {name} was applied in another form: this database was made by another build"
                )));
            }
            _ => {
                return Err(DbError::Broken(format!(
                    "migration {version} is unknown here: a newer program was at work on this database"
                )));
            }
        }
    }
    Ok(rows.len())
}

/// FNV-1a: it must be the same in every build, which the standard hasher does not promise.
fn checksum(text: &str) -> i64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.cast_signed()
}

/// A mark of the schema: another one after every change of a migration.
#[cfg(feature = "scratch")]
pub(crate) fn mark(engine: Engine) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for (version, _, text) in FILES {
        (version, for_engine(text, engine)).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

fn for_engine(text: &str, engine: Engine) -> String {
    let tokens: [(&str, &str, &str); 7] = [
        ("{id}", "INTEGER NOT NULL PRIMARY KEY", "BIGINT NOT NULL PRIMARY KEY"),
        ("{int}", "INTEGER", "BIGINT"),
        ("{text}", "TEXT", "TEXT COLLATE \"C\""),
        ("{bool}", "INTEGER", "BOOLEAN"),
        ("{blob}", "BLOB", "BYTEA"),
        ("{strict}", "STRICT", ""),
        ("{clustered}", "STRICT, WITHOUT ROWID", ""),
    ];
    let text = tokens.iter().fold(text.to_owned(), |text, (token, lite, pg)| {
        text.replace(token, if engine == Engine::Sqlite { lite } else { pg })
    });
    // A column that says how a name is compared.
    const FOLD: &str = "{fold name_key short_name}";
    if !text.contains(FOLD) {
        return text;
    }
    let column = match engine {
        Engine::Sqlite => crate::fold::lite("name_key", "short_name"),
        Engine::Postgres => crate::fold::pg("name_key", "short_name"),
    };
    text.replace(FOLD, &column)
}
