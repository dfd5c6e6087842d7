//! Watched tables: a transaction that was told to watch them remembers the key of every row whose
//! watched columns it inserts, changes or deletes. Whoever commits gets the list and cannot commit
//! without having asked for it: what has to follow each such change can't be forgotten.
//!
//! The statement itself says what it does, so the text is read once and asked to give the keys back.

use crate::value::Kind;

/// A table whose changes are remembered.
#[derive(Debug)]
pub struct Watched {
    pub table: &'static str,
    /// The columns that name a row; no statement changes them.
    pub key: &'static [(&'static str, Kind)],
    /// The columns that matter. A change of other columns alone is not remembered.
    pub columns: &'static [(&'static str, Kind)],
}

/// Which table of the list `text` changes, and the text that also returns its keys.
pub(crate) fn keys_of(text: &str, tables: &[Watched]) -> Option<(usize, String)> {
    let main = main_statement(text);
    let (verb, rest) = ["INSERT INTO ", "UPDATE ", "DELETE FROM "]
        .iter()
        .find_map(|verb| Some((*verb, main.strip_prefix(verb)?)))?;
    let mut words = rest.split([' ', '(']).filter(|w| !w.is_empty());
    let name = words.next()?;
    let table = tables.iter().position(|t| t.table == name)?;
    let alias = match (words.next(), words.next()) {
        (Some("AS"), Some(alias)) => alias,
        _ => name,
    };
    let watched = &tables[table];
    if verb == "UPDATE " && !watched.columns.iter().any(|(c, _)| has_word(set_part(rest), c)) {
        return None;
    }
    let keys: Vec<String> = watched.key.iter().map(|(k, _)| format!("{alias}.{k}")).collect();
    let joint = if outermost(rest, " RETURNING ").is_some() { ", " } else { " RETURNING " };
    Some((table, format!("{text}{joint}{}", keys.join(", "))))
}

/// What follows a leading `WITH … AS (…)`.
fn main_statement(text: &str) -> &str {
    if !text.starts_with("WITH ") {
        return text;
    }
    [" INSERT INTO ", " UPDATE ", " DELETE FROM "]
        .iter()
        .filter_map(|verb| outermost(text, verb))
        .min()
        .map_or(text, |at| &text[at + 1..])
}

/// Between SET and what follows it.
fn set_part(rest: &str) -> &str {
    let Some(from) = outermost(rest, " SET ") else { return rest };
    let rest = &rest[from + 5..];
    let end = [" FROM ", " WHERE ", " RETURNING "].iter().filter_map(|w| outermost(rest, w)).min();
    &rest[..end.unwrap_or(rest.len())]
}

/// Where `word` stands outside of parentheses, braces and quotes.
fn outermost(text: &str, word: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0_i32, false);
    for (at, c) in text.char_indices() {
        if depth == 0 && !quoted && text[at..].starts_with(word) {
            return Some(at);
        }
        match c {
            '\'' => quoted = !quoted,
            '(' | '{' if !quoted => depth += 1,
            ')' | '}' if !quoted => depth -= 1,
            _ => {}
        }
    }
    None
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &[Watched] = &[
        Watched {
            table: "seat",
            key: &[("org_id", Kind::Int), ("slot", Kind::Int)],
            columns: &[("person_id", Kind::Int)],
        },
        Watched { table: "org", key: &[("id", Kind::Int)], columns: &[("parent_id", Kind::Int)] },
    ];
    fn text(sql: &str) -> Option<String> {
        keys_of(sql, TABLES).map(|(_, text)| text)
    }

    #[test]
    fn every_change_of_a_watched_column_gives_its_keys_back() {
        let keys = "seat.org_id, seat.slot";
        for sql in [
            "INSERT INTO seat (org_id, slot) VALUES ($1, $2)",
            "INSERT INTO seat(org_id) SELECT id FROM {rows: id int} AS v ON CONFLICT DO NOTHING",
            "DELETE FROM seat WHERE person_id = $1",
            "UPDATE seat SET person_id = $1 WHERE slot = 2",
            "UPDATE seat SET used_at = 1, person_id = CASE WHEN slot = 1 THEN $1 ELSE $2 END WHERE slot = 2",
            "UPDATE seat SET (used_at, person_id) = (SELECT 1, id FROM x WHERE id = 2)",
        ] {
            assert_eq!(text(sql), Some(format!("{sql} RETURNING {keys}")), "{sql}");
        }
        let returning = "DELETE FROM seat WHERE slot = 2 RETURNING person_id";
        assert_eq!(text(returning), Some(format!("{returning}, {keys}")));
        let aliased =
            "UPDATE org AS o SET parent_id = v.p FROM {rows: id int, p int} AS v WHERE o.id = v.id";
        assert_eq!(text(aliased), Some(format!("{aliased} RETURNING o.id")));
        let with = "WITH v AS (SELECT id FROM org WHERE id = $1) UPDATE org SET parent_id = 1 WHERE id IN (SELECT id FROM v)";
        assert_eq!(text(with), Some(format!("{with} RETURNING org.id")));
    }

    #[test]
    fn other_statements_stay_as_they_are() {
        for sql in [
            "SELECT person_id FROM seat",
            "UPDATE seat SET used_at = $1 WHERE person_id = $2",
            "UPDATE seat SET used_at = (SELECT 1) WHERE person_id = 3 RETURNING person_id",
            "INSERT INTO seat_of (org_id) SELECT org_id FROM seat",
            "DELETE FROM delta WHERE id IN (SELECT parent_id FROM org)",
        ] {
            assert_eq!(text(sql), None, "{sql}");
        }
    }
}
