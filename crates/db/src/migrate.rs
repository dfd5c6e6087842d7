//! One ordered list of migrations, written once for both engines.
//!
//! Tokens: `{id}` primary key, `{int}` 64-bit, `{text}` compared by bytes, `{bool}`, `{blob}`,
//! `{strict}` and `{clustered}` after the closing parenthesis. An applied file is never edited:
//! its checksum is verified at every start.

use crate::Engine;
use sqlx::{
    AssertSqlSafe, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

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
];

pub(crate) fn migrator(engine: Engine) -> Migrator {
    Migrator::with_migrations(
        FILES
            .iter()
            .map(|&(version, name, text)| {
                Migration::new(
                    version,
                    name.into(),
                    MigrationType::Simple,
                    AssertSqlSafe(for_engine(text, engine)).into_sql_str(),
                    false,
                )
            })
            .collect(),
    )
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
    tokens.iter().fold(text.to_owned(), |text, (token, lite, pg)| {
        text.replace(token, if engine == Engine::Sqlite { lite } else { pg })
    })
}
