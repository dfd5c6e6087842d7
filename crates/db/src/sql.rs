//! Statement texts: written once, expanded for the engine at hand.
//!
//! Three marks may stand in a text: `{rows: id int, name text}` is a derived table of the rows
//! bound beside the arguments; `{lite: …}` and `{pg: …}` hold what one engine alone needs
//! (the only dialect switch of the house).

use crate::{Engine, value::Kind};
use std::borrow::Cow;

/// A statement text; made by [`sql!`] so that the statement test finds and prepares it on both
/// engines, or by [`Sql::built`] where a text is put together from fixed pieces.
#[derive(Clone, Debug)]
pub struct Sql(pub(crate) Cow<'static, str>);

impl Sql {
    /// Called by [`sql!`] alone.
    #[doc(hidden)]
    pub const fn marked(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
    /// A text put together from fixed pieces; values are never written into it.
    pub fn built(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// Marks a statement: `sql!("SELECT …")`. The statement test reads these marks out of the source.
#[macro_export]
macro_rules! sql {
    ($text:literal) => {
        $crate::Sql::marked($text)
    };
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
                    Kind::Blob => format!("unhex(value->>{i}) AS {name}"),
                    _ => format!("value->>{i} AS {name}"),
                })
                .collect();
            format!("(SELECT {} FROM json_each(${first}))", picks.join(", "))
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
            "INSERT INTO t (a, b) SELECT a, b FROM (SELECT value->>0 AS a, unhex(value->>1) AS b FROM json_each($3)) AS v WHERE $2 > $1"
        );
        assert_eq!(spec.map(|s| s.len()), Some(2));
        let (pg, _) = expand(&text, Engine::Postgres);
        assert_eq!(
            pg,
            "INSERT INTO t (a, b) SELECT a, b FROM (SELECT * FROM UNNEST($3::bigint[], $4::bytea[]) AS u(a, b)) AS v WHERE $2 > $1FOR UPDATE"
        );
    }
}
