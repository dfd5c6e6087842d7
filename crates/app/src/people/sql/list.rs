//! The member list: one statement put together from fixed pieces, so that each filter meets the
//! index made for it. A page costs the same with a thousand members and with a million.

use crate::{Cx, Result, orgs::OrgId};
use db::{Sql, Value, args};

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
            Self::Name => [NAME_KEY, "m.org_path", "m.person_id"],
            Self::Pinyin => ["m.name_py", "m.org_path", "m.person_id"],
        }
    }
}

/// What members are found by: the name without dots and blanks, as the index has it and as
/// `fields::name_key` makes it of a query.
pub(in crate::people) const NAME_KEY: &str = "REPLACE(REPLACE(m.name, '·', ''), ' ', '')";

/// The key of a stored name, as the statements compute it.
pub(in crate::people) fn key_of(name: &str) -> String {
    name.replace(['·', ' '], "")
}

/// The keys of a row in its order: where a page begins.
pub(in crate::people) type Keys = (String, String, i64);

/// A list's statement as its pieces.
pub(in crate::people) struct Ask {
    pub(in crate::people) order: Order,
    /// What the first column of the order lies in; `None` for the scope (by organisation).
    pub(in crate::people) range: Option<(String, String)>,
    /// Fixed conditions.
    pub(in crate::people) conditions: Vec<&'static str>,
    /// Conditions with one value each: `m.name >= `.
    pub(in crate::people) valued: Vec<(&'static str, Value)>,
    /// Where the page begins, and whether it runs backwards.
    pub(in crate::people) from: Option<(Keys, bool)>,
    pub(in crate::people) limit: i64,
    /// Only inside one of these ranges of paths; empty for the whole scope.
    pub(in crate::people) within: Vec<(String, String)>,
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
        pub(in crate::people) graduation: Option<String>,
        pub(in crate::people) graduation_until: Option<String>,
        pub(in crate::people) graduation_at: Option<i64>,
        pub(in crate::people) entered_at: i64,
        pub(in crate::people) special_kind: String,
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

const STORED: &str = "m.person_id, m.name_py, m.org_path, m.joined, m.status = 'moving', m.check_state, p.code, m.name, p.id_ct, p.sex, p.birth_ym, p.missing, o.code, o.short_name, m.graduation, m.graduation_until, m.graduation_at, m.entered_at, o.special_kind";
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

/// Members of the direct child branches of `parent`, in the order of the children: name or pinyin
/// (as `order` says) in `range`.
pub(in crate::people) async fn below(
    cx: &mut Cx,
    parent: OrgId,
    order: Order,
    range: (&str, &str),
    limit: i64,
) -> Result<Vec<Stored>> {
    let by = if order == Order::Pinyin { "m.name_py" } else { NAME_KEY };
    let text = format!(
        "SELECT {STORED} FROM org o CROSS JOIN member m CROSS JOIN person p WHERE o.parent_id = $1 AND o.status <> 'DELETED' AND m.org_path = o.path AND {by} >= $2 AND {by} < $3 AND p.id = m.person_id ORDER BY o.sort_no, o.id, m.name_py, m.person_id LIMIT $4"
    );
    Ok(cx.tx.all(Sql::built(text), args![parent, range.0, range.1, limit]).await?)
}

fn build(columns: &str, lo: &str, hi: &str, ask: Ask) -> (String, Vec<Value>) {
    // CROSS JOIN keeps SQLite's planner on the member's index; PostgreSQL reads it as any join.
    let mut text = Text {
        sql: format!(
            "SELECT {columns} FROM member m CROSS JOIN person p CROSS JOIN org o WHERE p.id = m.person_id AND o.id = m.org_id"
        ),
        args: Vec::new(),
    };
    let [a, b, c] = ask.order.columns();
    let (first, last) = match ask.range {
        Some(range) => {
            text.and("m.org_path >= ", lo.into());
            text.and("m.org_path < ", hi.into());
            range
        }
        None => (lo.to_owned(), hi.to_owned()),
    };
    // Each end of the range is one condition, the cursor or the bound: with both, SQLite seeks by
    // the bound and walks over all pages before this one. A cursor from outside is pulled in.
    let (mut sign, mut keys, mut down) = ('>', (first.clone(), String::new(), i64::MIN), "");
    match ask.from {
        Some((from, true)) => {
            text.and(&format!("{a} >= "), first.into());
            keys = if from.0 < last { from } else { (last, String::new(), i64::MIN) };
            (sign, down) = ('<', " DESC");
        }
        Some((from, false)) => {
            text.and(&format!("{a} < "), last.into());
            keys = if from.0 >= first { from } else { keys };
        }
        None => text.and(&format!("{a} < "), last.into()),
    }
    text.and(&format!("({a}, {b}, {c}) {sign} ("), keys.0.into());
    text.then(", ", keys.1.into());
    text.then(", ", keys.2.into());
    text.sql.push(')');
    for condition in &ask.conditions {
        text.sql.push_str(" AND ");
        text.sql.push_str(condition);
    }
    let mut narrowed = false;
    for (condition, value) in ask.valued {
        text.and(condition, value);
    }
    for (i, (lo, hi)) in ask.within.into_iter().enumerate() {
        let open = if i == 0 { " AND (m.org_path >= " } else { " OR m.org_path >= " };
        text.then(open, lo.into());
        text.and("m.org_path < ", hi.into());
        narrowed = true;
    }
    if narrowed {
        text.sql.push(')');
    }
    for (i, id) in ask.only.iter().enumerate() {
        if i == 0 {
            text.and("m.person_id IN (", (*id).into())
        } else {
            text.then(", ", (*id).into())
        }
    }
    if !ask.only.is_empty() {
        text.sql.push(')');
    }
    text.then(&format!(" ORDER BY {a}{down}, {b}{down}, {c}{down} LIMIT "), ask.limit.into());
    (text.sql, text.args)
}

/// A statement and its values as they grow together.
struct Text {
    sql: String,
    args: Vec<Value>,
}
impl Text {
    fn and(&mut self, words: &str, value: Value) {
        self.sql.push_str(" AND ");
        self.then(words, value);
    }
    fn then(&mut self, words: &str, value: Value) {
        self.args.push(value);
        self.sql.push_str(words);
        self.sql.push('$');
        self.sql.push_str(&self.args.len().to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(from: Option<(Keys, bool)>) -> Ask {
        Ask {
            order: Order::Name,
            range: Some(("张'; DROP".into(), "李".into())),
            conditions: vec!["NOT m.complete"],
            valued: vec![("m.import_id = ", 7_i64.into())],
            from,
            limit: 51,
            within: vec![("000001".into(), "000001~".into()), ("000002".into(), "000002~".into())],
            only: vec![1, 2],
        }
    }

    #[test]
    fn every_value_is_bound_and_none_is_written_into_the_text() {
        let (text, args) = build(STORED, "000", "000~", ask(None));
        assert!(!text.contains("DROP"));
        assert!(text.ends_with(&format!("AND ({NAME_KEY}, m.org_path, m.person_id) > ($4, $5, $6) AND NOT m.complete AND m.import_id = $7 AND (m.org_path >= $8 AND m.org_path < $9 OR m.org_path >= $10 AND m.org_path < $11) AND m.person_id IN ($12, $13) ORDER BY {NAME_KEY}, m.org_path, m.person_id LIMIT $14")), "{text}");
        assert_eq!(args.len(), 14);
    }

    #[test]
    fn no_cursor_leads_out_of_the_scope() {
        let outside = (("0".to_owned(), "zz".to_owned(), 5), false);
        let by_org = Ask { order: Order::Org, range: None, ..ask(Some(outside)) };
        let (_, args) = build(STORED, "000", "000~", by_org);
        assert!(matches!(&args[1], Value::Text(Some(t)) if t == "000"));
        let outside = (("9".to_owned(), "zz".to_owned(), 5), true);
        let by_org = Ask { order: Order::Org, range: None, ..ask(Some(outside)) };
        let (_, args) = build(STORED, "000", "000~", by_org);
        assert!(matches!(&args[1], Value::Text(Some(t)) if t == "000~"));
    }
}
