//! Statement texts: written once, expanded for the engine at hand.
//!
//! Three marks may stand in a text: `{rows: id int, name text}` is a derived table of the rows
//! bound beside the arguments; `{lite: …}` and `{pg: …}` hold what one engine alone needs
//! (the only dialect switch of the house).

use crate::{
    Engine,
    value::Kind,
    watched::{self, Watched},
};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use std::{borrow::Cow, sync::OnceLock};

/// A statement text; made by [`sql!`] so that the statement test finds and prepares it on both
/// engines, or by [`Sql::built`] where a text is put together from fixed pieces.
#[derive(Clone, Debug)]
pub struct Sql(Text);

#[derive(Clone, Debug)]
enum Text {
    Fixed(&'static Place),
    Built(String),
}

/// Where a [`sql!`] stands: its text, and what it became for each engine. Expanding a text costs
/// more than binding its values, so it is done once.
#[doc(hidden)]
#[derive(Debug)]
pub struct Place {
    text: &'static str,
    lite: OnceLock<Expanded>,
    pg: OnceLock<Expanded>,
    watched: OnceLock<Option<Watch>>,
}

/// What a statement does to a watched table: its number in the list, and the text that also gives
/// back the keys of the rows that it changed.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) table: usize,
    text: String,
    lite: OnceLock<Expanded>,
    pg: OnceLock<Expanded>,
}

type Expanded = (Cow<'static, str>, Option<RowsSpec>);

impl Place {
    /// Called by [`sql!`] alone.
    #[doc(hidden)]
    pub const fn new(text: &'static str) -> Self {
        Self { text, lite: OnceLock::new(), pg: OnceLock::new(), watched: OnceLock::new() }
    }
}

impl Watch {
    fn of(text: &str, tables: &[Watched]) -> Option<Self> {
        let (table, text) = watched::keys_of(text, tables)?;
        Some(Self { table, text, lite: OnceLock::new(), pg: OnceLock::new() })
    }
    fn at(&self, engine: Engine) -> (SqlStr, RowsSpec) {
        let known = if engine == Engine::Sqlite { &self.lite } else { &self.pg };
        let (text, spec) = known.get_or_init(|| expand(&Cow::Owned(self.text.clone()), engine));
        (AssertSqlSafe(text.clone().into_owned()).into_sql_str(), spec.clone().unwrap_or_default())
    }
}

impl Sql {
    /// Called by [`sql!`] alone.
    #[doc(hidden)]
    pub const fn marked(place: &'static Place) -> Self {
        Self(Text::Fixed(place))
    }
    /// A text put together from fixed pieces; values are never written into it.
    pub fn built(text: String) -> Self {
        Self(Text::Built(text))
    }

    /// The number of the watched table that the statement changes, with its text and the columns of
    /// its row set; `None` for a statement that changes none.
    pub(crate) fn watched_at(
        &self,
        engine: Engine,
        tables: &'static [Watched],
    ) -> Option<(usize, SqlStr, RowsSpec)> {
        if tables.is_empty() {
            return None;
        }
        let of = |watch: &Watch| {
            let (text, spec) = watch.at(engine);
            (watch.table, text, spec)
        };
        match &self.0 {
            // One list a program: what a text does to it is found out once.
            Text::Fixed(place) => {
                place.watched.get_or_init(|| Watch::of(place.text, tables)).as_ref().map(of)
            }
            Text::Built(text) => Watch::of(text, tables).as_ref().map(of),
        }
    }

    /// The text for `engine` as the driver takes it, and the columns of its row set.
    pub(crate) fn at(self, engine: Engine) -> (SqlStr, Cow<'static, [(String, Kind)]>) {
        match self.0 {
            Text::Fixed(place) => {
                let known = if engine == Engine::Sqlite { &place.lite } else { &place.pg };
                let (text, spec) = known.get_or_init(|| expand(&Cow::Borrowed(place.text), engine));
                let spec = spec.as_deref().unwrap_or_default();
                (text.as_ref().into_sql_str(), Cow::Borrowed(spec))
            }
            Text::Built(text) => {
                let (text, spec) = expand(&Cow::Owned(text), engine);
                let text = AssertSqlSafe(text.into_owned()).into_sql_str();
                (text, Cow::Owned(spec.unwrap_or_default()))
            }
        }
    }
}

/// Marks a statement: `sql!("SELECT …")`. The statement test reads these marks out of the source.
#[macro_export]
macro_rules! sql {
    ($text:literal) => {{
        static PLACE: $crate::Place = $crate::Place::new($text);
        $crate::Sql::marked(&PLACE)
    }};
}

/// The columns announced by `{rows: …}`, in order.
pub type RowsSpec = Vec<(String, Kind)>;

/// The text for `engine` and the columns of its row set, if it has one.
#[expect(clippy::ptr_arg, reason = "a fixed text without marks is handed on without a copy")]
pub fn expand(text: &Cow<'static, str>, engine: Engine) -> (Cow<'static, str>, Option<RowsSpec>) {
    if !text.contains('{') {
        return (text.clone(), None);
    }
    let first_free = highest_argument(text) + 1;
    let mut out = String::with_capacity(text.len() + 64);
    let mut spec = None;
    let mut rest: &str = text;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let Some(len) = rest[open..].find('}') else { break };
        let (word, body) =
            rest[open + 1..open + len].split_once(':').unwrap_or((&rest[open + 1..open + len], ""));
        match (word, engine) {
            ("rows", _) => {
                let columns = columns_of(body);
                out.push_str(&derived_table(&columns, engine, first_free));
                spec = Some(columns);
            }
            ("lite", Engine::Sqlite) | ("pg", Engine::Postgres) => out.push_str(body.trim()),
            _ => {}
        }
        rest = &rest[open + len + 1..];
    }
    out.push_str(rest);
    (Cow::Owned(out), spec)
}

fn columns_of(body: &str) -> RowsSpec {
    let column = |part: &str| {
        let mut words = part.split_whitespace();
        let name = words.next().unwrap_or_default().to_owned();
        let kind = match words.next() {
            Some("text") => Kind::Text,
            Some("bool") => Kind::Bool,
            Some("blob") => Kind::Blob,
            _ => Kind::Int,
        };
        (name, kind)
    };
    body.split(',').map(column).collect()
}

fn derived_table(columns: &RowsSpec, engine: Engine, first: usize) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    match engine {
        Engine::Sqlite => {
            let picks: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(i, (name, kind))| match kind {
                    Kind::Blob => format!("CAST(value->>{i} AS BLOB) AS {name}"),
                    _ => format!("value->>{i} AS {name}"),
                })
                .collect();
            format!("(SELECT {} FROM jsonb_each(${first}))", picks.join(", "))
        }
        Engine::Postgres => {
            let arrays: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(i, (_, kind))| {
                    let ty = match kind {
                        Kind::Int => "bigint",
                        Kind::Text => "text",
                        Kind::Bool => "boolean",
                        Kind::Blob => "bytea",
                    };
                    format!("${}::{ty}[]", first + i)
                })
                .collect();
            format!("(SELECT * FROM UNNEST({}) AS u({}))", arrays.join(", "), names.join(", "))
        }
    }
}

/// The highest `$n` in the text: the row set is bound behind the arguments.
fn highest_argument(text: &str) -> usize {
    text.split('$')
        .skip(1)
        .filter_map(|part| {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_set_is_bound_behind_the_arguments_on_both_engines() {
        let text = Cow::Borrowed(
            "INSERT INTO t (a, b) SELECT a, b FROM {rows: a int, b blob} AS v WHERE $2 > $1{pg: FOR UPDATE}",
        );
        let (lite, spec) = expand(&text, Engine::Sqlite);
        assert_eq!(
            lite,
            "INSERT INTO t (a, b) SELECT a, b FROM (SELECT value->>0 AS a, CAST(value->>1 AS BLOB) AS b FROM jsonb_each($3)) AS v WHERE $2 > $1"
        );
        assert_eq!(spec.map(|s| s.len()), Some(2));
        let (pg, _) = expand(&text, Engine::Postgres);
        assert_eq!(
            pg,
            "INSERT INTO t (a, b) SELECT a, b FROM (SELECT * FROM UNNEST($3::bigint[], $4::bytea[]) AS u(a, b)) AS v WHERE $2 > $1FOR UPDATE"
        );
    }
}
