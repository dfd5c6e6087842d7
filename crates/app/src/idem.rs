//! One form, one effect: the answer to a form is kept with what it changed, so that a double
//! click, a reload or a retry gets the first answer again (I18).

use crate::{
    Cx, Result,
    clock::{HOUR, Millis},
    keys::Place,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use db::{args, sql};

/// The kept answer to a form of this actor, if it was carried out already.
pub async fn find(cx: &mut Cx, actor: &str, key: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = cx
        .tx
        .opt(sql!("SELECT answer FROM idem WHERE actor = $1 AND key = $2"), args![actor, key])
        .await?;
    Ok(row.map(|(answer,)| answer))
}

/// Keeps the answer, in the transaction of the change. When a twin was faster this fails with
/// `Retry`, nothing is changed, and the next turn finds the twin's answer.
pub async fn keep(cx: &mut Cx, actor: &str, key: &str, answer: &str) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO idem (actor, key, answer, created_at) VALUES ($1, $2, $3, $4)"),
            args![actor, key, answer, cx.now()],
        )
        .await?;
    Ok(())
}

/// How long a form that was checked waits for its last button.
const WAITS: Millis = 24 * HOUR;

/// Keeps a form between the step that fills it in and the step that checks it, so that the second
/// one has an address of its own. Only a hash of the word that is returned is stored, the text is
/// sealed with it, and nobody but this actor gets it back.
pub async fn carry(cx: &mut Cx, actor: &str, form: &str) -> Result<String> {
    let word = cx.house().new_secret();
    let (key, place) = carried_at(cx, &word);
    let sealed = cx.house().keys().seal(place, form, cx.house().chance_source());
    keep(cx, actor, &key, &BASE64_STANDARD.encode(sealed)).await?;
    Ok(word)
}

/// The form that was kept under this word; `None` when it is somebody else's or its time is over.
pub async fn carried(cx: &mut Cx, actor: &str, word: &str) -> Result<Option<String>> {
    let (key, place) = carried_at(cx, word);
    let row: Option<(String, i64)> = cx
        .tx
        .opt(
            sql!("SELECT answer, created_at FROM idem WHERE actor = $1 AND key = $2"),
            args![actor, key],
        )
        .await?;
    let Some((text, _)) = row.filter(|(_, at)| at + WAITS > cx.now()) else { return Ok(None) };
    let Ok(sealed) = BASE64_STANDARD.decode(text) else { return Ok(None) };
    // A key that has gone since makes the form run out, no more.
    Ok(cx.house().keys().unseal(place, &sealed).ok().map(|text| text.to_string()))
}

fn carried_at(cx: &Cx, word: &str) -> (String, Place) {
    let hash = cx.house().keys().code_hash("carried", word);
    let mut row = [0_u8; 8];
    row.copy_from_slice(&hash[24..]);
    let key = format!("carried {}", BASE64_STANDARD.encode(&hash[..24]));
    (key, Place { column: "idem.answer", row: i64::from_be_bytes(row) })
}
