//! Keyed marks of the rows that carry authority (docs/decisions/0028). A transaction remembers which
//! of them it changed, and [`crate::Cx::commit`] marks each with a keyed hash over its table, its key
//! and what it says. A row changed by other hands does not fit its mark, a row added by them has
//! none, and of a row taken away the mark is left: `fsck --deep` reads them all back.

use crate::{Cx, House, Result, Who, keys::Keys};
use db::{Key, Kind, Kind::Blob, Kind::Bool, Kind::Int, Kind::Text, Rows, Sql, Value, Watched};

/// The rows that say who may do what, who belongs where and what was decided. `person` is not here:
/// its ciphertexts are bound to their row, and its name stands on `member` and `cadre` too.
pub const MARKED: &[Watched] = &[
    Watched {
        table: "org",
        key: &[("id", Int)],
        columns: &[
            ("code", Text),
            ("parent_id", Int),
            ("category", Text),
            ("status", Text),
            ("province", Text),
            ("special_kind", Text),
        ],
    },
    Watched {
        table: "member",
        key: &[("person_id", Int)],
        columns: &[("org_id", Int), ("joined", Text), ("dev_number", Text)],
    },
    Watched {
        table: "cadre",
        key: &[("id", Int)],
        columns: &[("person_id", Int), ("org_id", Int), ("post", Text), ("ended_at", Int)],
    },
    Watched {
        table: "admin_seat",
        key: &[("org_id", Int), ("person_id", Int)],
        columns: &[
            ("slot", Int),
            ("cadre_id", Int),
            ("granted_at", Int),
            ("confirmed_at", Int),
            ("suspended_at", Int),
        ],
    },
    Watched {
        table: "observer",
        key: &[("person_id", Int), ("org_id", Int)],
        columns: &[("expires_at", Int), ("granted_at", Int)],
    },
    Watched { table: "operator", key: &[("person_id", Int)], columns: &[("granted_at", Int)] },
    Watched { table: "account", key: &[("person_id", Int)], columns: &[("password_hash", Text)] },
    Watched {
        table: "session",
        key: &[("id", Int)],
        columns: &[
            ("token_hash", Blob),
            ("person_id", Int),
            ("created_at", Int),
            ("expires_at", Int),
            ("ended_at", Int),
        ],
    },
    Watched {
        table: "token",
        key: &[("id", Int)],
        columns: &[
            ("token_hash", Blob),
            ("person_id", Int),
            ("scope", Text),
            ("org_id", Int),
            ("created_at", Int),
            ("expires_at", Int),
            ("ended_at", Int),
        ],
    },
    Watched {
        table: "ticket",
        key: &[("hash", Blob)],
        columns: &[
            ("purpose", Text),
            ("person_id", Int),
            ("payload", Text),
            ("expires_at", Int),
            ("used_at", Int),
        ],
    },
    Watched {
        table: "reg_code",
        key: &[("id", Int)],
        columns: &[
            ("org_id", Int),
            ("issuer_org", Int),
            ("issued_by", Int),
            ("hash", Blob),
            ("state", Text),
            ("issued_at", Int),
            ("expires_at", Int),
            ("used_by", Int),
            ("cadre_id", Int),
        ],
    },
    Watched {
        table: "business",
        key: &[("id", Int)],
        columns: &[
            ("no", Text),
            ("kind", Text),
            ("variant", Text),
            ("person_id", Int),
            ("org_id", Int),
            ("started_by", Int),
            ("started_org", Int),
            ("from_org", Int),
            ("to_org", Int),
            ("reason", Text),
            ("state", Text),
            ("waits_for", Int),
            ("deadline", Int),
            ("branch_id", Int),
            ("ended_at", Int),
        ],
    },
    Watched {
        table: "business_step",
        key: &[("business_id", Int), ("no", Int)],
        columns: &[
            ("at", Int),
            ("verb", Text),
            ("actor", Text),
            ("actor_id", Int),
            ("org_id", Int),
            ("state", Text),
            ("note", Text),
        ],
    },
    Watched {
        table: "transfer_undo",
        key: &[("transfer_id", Int)],
        columns: &[
            ("version", Int),
            ("by_person", Int),
            ("by_org", Int),
            ("until", Int),
            ("state", Text),
            ("deadline", Int),
            ("moved", Text),
        ],
    },
    Watched {
        table: "closing",
        key: &[("id", Int)],
        columns: &[
            ("org_id", Int),
            ("parent_id", Int),
            ("holding_id", Int),
            ("closed_by", Int),
            ("state", Text),
            ("until", Int),
        ],
    },
    Watched {
        table: "closing_person",
        key: &[("closing_id", Int), ("person_id", Int)],
        columns: &[("entered_at", Int)],
    },
    Watched {
        table: "proposal",
        key: &[("id", Int)],
        columns: &[
            ("no", Text),
            ("kind", Text),
            ("payload", Text),
            ("org_id", Int),
            ("reason", Text),
            ("state", Text),
            ("proposed_by", Int),
            ("expires_at", Int),
            ("decided_by", Int),
            ("decided_at", Int),
        ],
    },
    Watched {
        table: "exception",
        key: &[("id", Int)],
        columns: &[
            ("kind", Text),
            ("org_id", Int),
            ("name", Text),
            ("file_id", Int),
            ("granted_at", Int),
            ("expires_at", Int),
            ("ended_at", Int),
            ("person_id", Int),
        ],
    },
    Watched {
        table: "rule_change",
        key: &[("id", Int)],
        columns: &[
            ("name", Text),
            ("value", Text),
            ("valid_from", Text),
            ("valid_until", Text),
            ("proposal_id", Int),
        ],
    },
    Watched {
        table: "export_request",
        key: &[("id", Int)],
        columns: &[
            ("no", Text),
            ("org_id", Int),
            ("payload", Text),
            ("people", Int),
            ("reason", Text),
            ("state", Text),
            ("asked_by", Int),
            ("expires_at", Int),
            ("decided_by", Int),
        ],
    },
    Watched { table: "setting", key: &[("name", Text)], columns: &[("value", Text)] },
];

/// Rows marked in one statement.
const PIECE: usize = 1000;

/// How one row stands to its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    Fits,
    /// The row says something else than what was marked.
    Changed,
    /// The row was never marked.
    Unmarked,
}

/// Marks what the transaction changed; asked by every commit.
pub(crate) async fn write(cx: &mut Cx) -> Result<()> {
    for (table, keys) in cx.tx.take_touched() {
        for piece in keys.chunks(PIECE) {
            mark(cx, table, piece).await?;
        }
    }
    Ok(())
}

async fn mark(cx: &mut Cx, table: &'static Watched, keys: &[Vec<Key>]) -> Result<()> {
    let wanted: Rows = keys.iter().map(|key| key.iter().map(Value::from).collect()).collect();
    let rows = cx.tx.values(Sql::built(reading(table)), &[], Some(wanted), &kinds(table)).await?;
    let mut there = std::collections::BTreeSet::new();
    let mut marks: Rows = Vec::with_capacity(rows.len());
    for row in &rows {
        let place = place(&row[..table.key.len()]);
        there.insert(place);
        let mac = mac(cx.house().keys(), table, row);
        marks.push(vec![place.0.into(), place.1.into(), mac.into()]);
    }
    let gone: Rows = keys
        .iter()
        .map(|key| place(&key.iter().map(Value::from).collect::<Vec<_>>()))
        .filter(|place| !there.contains(place))
        .map(|(id, no)| vec![id.into(), no.into()])
        .collect();
    if !marks.is_empty() {
        cx.tx
            .run_of(
                db::sql!("INSERT INTO row_mark (kind, id, no, mac) SELECT $1, id, no, mac FROM {rows: id int, no int, mac blob} AS v WHERE TRUE ON CONFLICT (kind, id, no) DO UPDATE SET mac = excluded.mac"),
                db::args![table.table],
                marks,
            )
            .await?;
    }
    if !gone.is_empty() {
        cx.tx
            .run_of(
                db::sql!("DELETE FROM row_mark WHERE kind = $1 AND (id, no) IN (SELECT id, no FROM {rows: id int, no int} AS v)"),
                db::args![table.table],
                gone,
            )
            .await?;
    }
    Ok(())
}

/// Marks every row of every table as it stands: after rows were planted past the program.
pub async fn remake(house: &House) -> Result<()> {
    for table in MARKED {
        crate::act!(house, Who::System("marks"), |cx| {
            cx.tx
                .run(db::sql!("DELETE FROM row_mark WHERE kind = $1"), db::args![table.table])
                .await?;
            Ok(())
        })?;
        let mut after = None;
        loop {
            let next = crate::act!(house, Who::System("marks"), |cx| {
                let rows = page(cx, table, after.as_deref()).await?;
                let keys: Vec<Vec<Key>> = rows.iter().map(|row| key_of(table, row)).collect();
                mark(cx, table, &keys).await?;
                Ok(rows.last().map(|row| row[..table.key.len()].to_vec()))
            })?;
            match next {
                Some(last) => after = Some(last),
                None => break,
            }
        }
    }
    Ok(())
}

/// The rows of a table behind a key, a piece of them: the key's values and then the columns'.
pub(crate) async fn page(
    cx: &mut Cx,
    table: &'static Watched,
    after: Option<&[Value]>,
) -> Result<Vec<Vec<Value>>> {
    let keys: Vec<&str> = table.key.iter().map(|(name, _)| *name).collect();
    let keys = keys.join(", ");
    let behind = match (after, table.key.len()) {
        (None, _) => String::new(),
        (Some(_), 1) => format!("WHERE {keys} > $1"),
        (Some(_), _) => format!("WHERE ({keys}) > ($1, $2)"),
    };
    let text = format!(
        "SELECT {} FROM {} {behind} ORDER BY {keys} LIMIT {PIECE}",
        all_columns(table, ""),
        table.table
    );
    Ok(cx.tx.values(Sql::built(text), after.unwrap_or_default(), None, &kinds(table)).await?)
}

/// How rows read by [`page`] stand to their marks.
pub(crate) async fn stand(
    cx: &mut Cx,
    table: &'static Watched,
    rows: &[Vec<Value>],
) -> Result<Vec<Stand>> {
    let places: Vec<(i64, i64)> = rows.iter().map(|row| place(&row[..table.key.len()])).collect();
    let wanted = places.iter().map(|(id, no)| vec![(*id).into(), (*no).into()]).collect();
    let found: Vec<(i64, i64, Vec<u8>)> = cx
        .tx
        .all_of(
            db::sql!("SELECT m.id, m.no, m.mac FROM {rows: id int, no int} AS v CROSS JOIN row_mark m WHERE m.kind = $1 AND m.id = v.id AND m.no = v.no"),
            db::args![table.table],
            wanted,
        )
        .await?;
    let marks: std::collections::BTreeMap<(i64, i64), Vec<u8>> =
        found.into_iter().map(|(id, no, mac)| ((id, no), mac)).collect();
    let keys = cx.house().keys();
    Ok(rows
        .iter()
        .zip(places)
        .map(|(row, place)| match marks.get(&place) {
            None => Stand::Unmarked,
            Some(found) if *found == mac(keys, table, row) => Stand::Fits,
            Some(_) => Stand::Changed,
        })
        .collect())
}

/// Marks whose row is gone, behind `after`: the numbers of its key. Only of tables with numbers for
/// keys; of the others the marks are counted.
pub(crate) async fn left_over(
    cx: &mut Cx,
    table: &'static Watched,
    after: (i64, i64),
) -> Result<Vec<(i64, i64)>> {
    let joins = match table.key {
        [(id, Int)] => format!("t.{id} = m.id"),
        [(id, Int), (no, Int)] => format!("t.{id} = m.id AND t.{no} = m.no"),
        _ => return Ok(Vec::new()),
    };
    let text = format!(
        "SELECT m.id, m.no FROM row_mark m LEFT JOIN {0} t ON {joins} WHERE m.kind = $1 AND (m.id, m.no) > ($2, $3) AND t.{1} IS NULL ORDER BY m.id, m.no LIMIT {PIECE}",
        table.table, table.key[0].0
    );
    Ok(cx.tx.all(Sql::built(text), db::args![table.table, after.0, after.1]).await?)
}

/// How many marks there are of a table.
pub(crate) async fn count(cx: &mut Cx, table: &'static Watched) -> Result<i64> {
    let (count,): (i64,) = cx
        .tx
        .one(db::sql!("SELECT COUNT(*) FROM row_mark WHERE kind = $1"), db::args![table.table])
        .await?;
    Ok(count)
}

/// Whether a table's key is made of numbers alone.
pub(crate) fn has_numbers(table: &Watched) -> bool {
    table.key.iter().all(|(_, kind)| *kind == Int)
}

/// What a row is called in a finding; a key that is a secret's hash is not written out.
pub(crate) fn name_of(table: &Watched, row: &[Value]) -> String {
    let parts: Vec<String> = table
        .key
        .iter()
        .zip(row)
        .map(|((name, _), value)| match value {
            Value::Int(Some(x)) => format!("{name} {x}"),
            Value::Text(Some(x)) => format!("{name} {x}"),
            _ => (*name).to_owned(),
        })
        .collect();
    format!("{} {}", table.table, parts.join(" "))
}

fn key_of(table: &Watched, row: &[Value]) -> Vec<Key> {
    row[..table.key.len()]
        .iter()
        .map(|value| match value {
            Value::Text(Some(x)) => Key::Text(x.clone()),
            Value::Blob(Some(x)) => Key::Blob(x.clone()),
            Value::Int(Some(x)) => Key::Int(*x),
            _ => Key::Int(0),
        })
        .collect()
}

/// Where the mark of a key stands.
fn place(key: &[Value]) -> (i64, i64) {
    let number = |value: &Value| match value {
        Value::Int(Some(x)) => *x,
        Value::Text(Some(x)) => digest(x.as_bytes()),
        Value::Blob(Some(x)) => digest(x),
        _ => 0,
    };
    (key.first().map_or(0, number), key.get(1).map_or(0, number))
}

fn digest(bytes: &[u8]) -> i64 {
    let hash = crate::keys::sha256(bytes);
    i64::from_be_bytes(std::array::from_fn(|at| hash[at]))
}

fn mac(keys: &Keys, table: &Watched, row: &[Value]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = row
        .iter()
        .map(|value| match value {
            Value::Int(Some(x)) => [b"i", x.to_string().as_bytes()].concat(),
            Value::Text(Some(x)) => [b"t", x.as_bytes()].concat(),
            Value::Bool(Some(x)) => vec![b'b', u8::from(*x)],
            Value::Blob(Some(x)) => [b"x", x.as_slice()].concat(),
            _ => Vec::new(),
        })
        .collect();
    let mut all: Vec<&[u8]> = vec![b"row", table.table.as_bytes()];
    // The columns are named: a column that joins the list does not look like another's value.
    all.extend(table.key.iter().chain(table.columns).map(|(name, _)| name.as_bytes()));
    all.extend(parts.iter().map(Vec::as_slice));
    keys.audit_mac(&all)[..16].to_vec()
}

fn kinds(table: &Watched) -> Vec<Kind> {
    table.key.iter().chain(table.columns).map(|(_, kind)| *kind).collect()
}

fn all_columns(table: &Watched, of: &str) -> String {
    let names: Vec<String> =
        table.key.iter().chain(table.columns).map(|(name, _)| format!("{of}{name}")).collect();
    names.join(", ")
}

/// The rows of some keys, as [`page`] reads them.
fn reading(table: &Watched) -> String {
    let columns: Vec<String> = table
        .key
        .iter()
        .map(|(name, kind)| {
            let kind = match kind {
                Int => "int",
                Text => "text",
                Bool => "bool",
                Blob => "blob",
            };
            format!("k_{name} {kind}")
        })
        .collect();
    let joins: Vec<String> =
        table.key.iter().map(|(name, _)| format!("t.{name} = v.k_{name}")).collect();
    format!(
        "SELECT {} FROM {{rows: {}}} AS v CROSS JOIN {} t WHERE {}",
        all_columns(table, "t."),
        columns.join(", "),
        table.table,
        joins.join(" AND ")
    )
}
