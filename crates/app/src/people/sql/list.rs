//! The member list: one statement put together from fixed pieces, so that each filter meets the
//! index made for it. A page costs the same with a thousand members and with a million.

use crate::{Cx, Result};
use db::{Sql, Value};

/// By which index the list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::people) enum Order {
    /// Organisation order, inside it by pinyin.
    Org,
    /// By name: for a search by its beginning in a large subtree.
    Name,
    /// By pinyin initials, likewise.
    Pinyin,
}
impl Order {
    fn columns(self) -> [&'static str; 3] {
        match self {
            Self::Org => ["m.org_path", "m.name_py", "m.person_id"],
            Self::Name => ["m.name", "m.org_path", "m.person_id"],
            Self::Pinyin => ["m.name_py", "m.org_path", "m.person_id"],
        }
    }
}

/// A list's statement as its pieces.
pub(in crate::people) struct Ask {
    pub(in crate::people) order: Order,
    /// Fixed conditions; `$n` in them count from 3 on as `args` after lo and hi.
    pub(in crate::people) conditions: Vec<&'static str>,
    /// Conditions with one value each: `m.name >= `.
    pub(in crate::people) valued: Vec<(&'static str, Value)>,
    /// Where the page begins, and whether it runs backwards.
    pub(in crate::people) from: Option<([Value; 3], bool)>,
    pub(in crate::people) limit: i64,
    /// These persons only; empty for all.
    pub(in crate::people) only: Vec<i64>,
}

db::row! {
    /// A row of the list as stored.
    pub(in crate::people) struct Stored {
        pub(in crate::people) person: i64,
        pub(in crate::people) name_py: String,
        pub(in crate::people) org_path: String,
        pub(in crate::people) joined: String,
        pub(in crate::people) moving: bool,
        pub(in crate::people) check_state: String,
        pub(in crate::people) code: String,
        pub(in crate::people) name: String,
        pub(in crate::people) id_ct: Vec<u8>,
        pub(in crate::people) sex: String,
        pub(in crate::people) birth_ym: String,
        pub(in crate::people) missing: String,
        pub(in crate::people) org_code: String,
        pub(in crate::people) org_name: String,
    }
}

db::row! {
    /// A row of the exported list as stored.
    pub(in crate::people) struct Wide {
        pub(in crate::people) person: i64,
        pub(in crate::people) name_py: String,
        pub(in crate::people) org_path: String,
        pub(in crate::people) joined: String,
        pub(in crate::people) moving: bool,
        pub(in crate::people) check_state: String,
        pub(in crate::people) name: String,
        pub(in crate::people) id_ct: Vec<u8>,
        pub(in crate::people) sex: String,
        pub(in crate::people) birth_ym: String,
        pub(in crate::people) missing: String,
        pub(in crate::people) org_name: String,
        pub(in crate::people) dev_number: Option<String>,
        pub(in crate::people) mobile_ct: Option<Vec<u8>>,
        pub(in crate::people) ethnic: Option<String>,
        pub(in crate::people) political: Option<String>,
        pub(in crate::people) education: Option<String>,
    }
}

const STORED: &str = "m.person_id, m.name_py, m.org_path, m.joined, m.status = 'moving', m.check_state, p.code, m.name, p.id_ct, p.sex, p.birth_ym, p.missing, o.code, o.short_name";
const WIDE: &str = "m.person_id, m.name_py, m.org_path, m.joined, m.status = 'moving', m.check_state, m.name, p.id_ct, p.sex, p.birth_ym, p.missing, o.short_name, m.dev_number, p.mobile_ct, p.ethnic, p.political, p.education";

/// The rows of a page, in the direction of the question.
pub(in crate::people) async fn page(
    cx: &mut Cx,
    lo: &str,
    hi: &str,
    ask: Ask,
) -> Result<Vec<Stored>> {
    let (text, args) = build(STORED, lo, hi, ask);
    Ok(cx.tx.all(Sql::built(text), &args).await?)
}

/// The same rows with everything that is exported.
pub(in crate::people) async fn wide(
    cx: &mut Cx,
    lo: &str,
    hi: &str,
    ask: Ask,
) -> Result<Vec<Wide>> {
    let (text, args) = build(WIDE, lo, hi, ask);
    Ok(cx.tx.all(Sql::built(text), &args).await?)
}

fn build(columns: &str, lo: &str, hi: &str, ask: Ask) -> (String, Vec<Value>) {
    use std::fmt::Write;
    // CROSS JOIN keeps SQLite's planner on the member's index; PostgreSQL reads it as any join.
    let mut text = format!(
        "SELECT {columns} FROM member m CROSS JOIN person p CROSS JOIN org o WHERE p.id = m.person_id AND o.id = m.org_id AND m.org_path >= $1 AND m.org_path < $2",
    );
    let mut args: Vec<Value> = vec![lo.into(), hi.into()];
    for condition in &ask.conditions {
        text.push_str(" AND ");
        text.push_str(condition);
    }
    for (condition, value) in ask.valued {
        args.push(value);
        let _ = write!(text, " AND {condition}${}", args.len());
    }
    if !ask.only.is_empty() {
        let first = args.len() + 1;
        args.extend(ask.only.iter().map(|id| Value::from(*id)));
        let list: Vec<String> = (first..=args.len()).map(|n| format!("${n}")).collect();
        let _ = write!(text, " AND m.person_id IN ({})", list.join(", "));
    }
    let [a, b, c] = ask.order.columns();
    let mut down = "";
    if let Some((from, backwards)) = ask.from {
        let n = args.len();
        args.extend(from);
        let than = if backwards { '<' } else { '>' };
        let _ = write!(text, " AND ({a}, {b}, {c}) {than} (${}, ${}, ${})", n + 1, n + 2, n + 3);
        if backwards {
            down = " DESC";
        }
    }
    args.push(ask.limit.into());
    let _ = write!(text, " ORDER BY {a}{down}, {b}{down}, {c}{down} LIMIT ${}", args.len());
    (text, args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_bound_and_none_is_written_into_the_text() {
        let ask = Ask {
            order: Order::Name,
            conditions: vec!["NOT m.complete"],
            valued: vec![("m.name >= ", "张'; DROP".into())],
            from: Some((["a".into(), "b".into(), 1_i64.into()], true)),
            limit: 51,
            only: vec![],
        };
        let (text, args) = build(STORED, "000", "000~", ask);
        assert!(text.ends_with("AND NOT m.complete AND m.name >= $3 AND (m.name, m.org_path, m.person_id) < ($4, $5, $6) ORDER BY m.name DESC, m.org_path DESC, m.person_id DESC LIMIT $7"));
        assert!(!text.contains("DROP"));
        assert_eq!(args.len(), 7);
    }
}
