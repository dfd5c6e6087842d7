//! Sets of rows as SQLite gets them: one JSONB array of arrays (sqlite.org/jsonb.html). No limit on
//! variables, one call to the driver's thread, nothing to parse; as text every column of every row
//! would be written out and read again by `json_each`.

use crate::value::{Rows, Value};
use std::io::Write;

const NULL: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const INT: u8 = 3;
/// Text as it is, whatever characters are in it. A blob travels as such a text and is cast back.
const RAW: u8 = 10;
const ARRAY: u8 = 11;
/// A header of one byte and four of length, which may be longer than it need be.
const LONG: usize = 5;

/// The rows, each with its first `width` values; a missing one is NULL.
pub(crate) fn of(rows: &Rows, width: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(LONG + rows.len() * (LONG + width * 16));
    open(&mut out);
    for row in rows {
        let begin = out.len();
        open(&mut out);
        for at in 0..width {
            value(&mut out, row.get(at));
        }
        close(&mut out, begin);
    }
    close(&mut out, 0);
    out
}

fn value(out: &mut Vec<u8>, value: Option<&Value>) {
    match value {
        Some(Value::Int(Some(x))) => {
            let begin = out.len();
            out.extend([0xC0 | INT, 0]);
            let written = write!(out, "{x}");
            debug_assert!(written.is_ok(), "writing into a Vec can't fail");
            // Twenty characters at most.
            out[begin + 1] = u8::try_from(out.len() - begin - 2).unwrap_or_default();
        }
        Some(Value::Bool(Some(x))) => out.push(if *x { TRUE } else { FALSE }),
        Some(Value::Text(Some(x))) => element(out, RAW, x.as_bytes()),
        Some(Value::Blob(Some(x))) => element(out, RAW, x),
        _ => out.push(NULL),
    }
}

/// Header and content of a value.
fn element(out: &mut Vec<u8>, kind: u8, content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    match length {
        [0, 0, 0, n @ 0..=11] => out.push((n << 4) | kind),
        [0, 0, 0, n] => out.extend([0xC0 | kind, n]),
        [0, 0, a, b] => out.extend([0xD0 | kind, a, b]),
        [a, b, c, d] => out.extend([0xE0 | kind, a, b, c, d]),
    }
    out.extend_from_slice(content);
}

/// Begins an array whose length is not known yet.
fn open(out: &mut Vec<u8>) {
    out.extend([0xE0 | ARRAY, 0, 0, 0, 0]);
}

/// Writes the length of the array that was begun at `begin`.
fn close(out: &mut [u8], begin: usize) {
    let length = u32::try_from(out.len() - begin - LONG).unwrap_or(u32::MAX);
    out[begin + 1..begin + LONG].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use crate::{Db, Options, sql};

    /// Every byte, every length at which the header changes, every kind of value.
    #[tokio::test]
    async fn what_is_bound_as_a_row_set_is_what_sqlite_reads() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&Options::file(&folder.path().join("x.sqlite"))).await.unwrap();
        let mut tx = db.write().await.unwrap();
        for length in [0, 1, 11, 12, 255, 256, 65_535, 65_536] {
            let bytes: Vec<u8> = (0..=255_u8).cycle().take(length).collect();
            let text: String = "团\"\\\n\u{1}a".chars().cycle().take(length).collect();
            let number = i64::MIN + length as i64;
            let rows = vec![
                vec![number.into(), text.as_str().into(), true.into(), bytes.clone().into()],
                vec![None::<i64>.into(), None::<&str>.into(), false.into(), None::<&[u8]>.into()],
                vec![],
            ];
            type Read = (Option<i64>, Option<String>, Option<bool>, Option<Vec<u8>>);
            let read: Vec<Read> = tx
                .all_of(
                    sql!("SELECT i, t, b, x FROM {rows: i int, t text, b bool, x blob} AS v"),
                    &[],
                    rows,
                )
                .await
                .unwrap();
            assert_eq!(read[0], (Some(number), Some(text), Some(true), Some(bytes)), "{length}");
            assert_eq!(read[1..], [(None, None, Some(false), None), (None, None, None, None)]);
        }
    }
}
