//! 图形验证码: an image of five characters, which can be heard as well by those who can't see it
//! (decision 6). Each is good for one answer, for ten minutes; nothing on the page tells the answer.

use super::{attempts, sql};
use crate::{Cx, Error, Result, clock::MINUTE, keys::Place};
use base64::{Engine, prelude::BASE64_STANDARD};

/// A captcha to show.
#[derive(Clone, Debug)]
pub struct Shown {
    pub id: String,
    /// A `data:` address of a PNG.
    pub image: String,
}

/// None that look or sound like another one.
const LETTERS: &[u8] = b"ACFHJKRTUWXY3479";
const LENGTH: u32 = 5;
/// Images made, and listened to, for one network in an hour: a big school on its busiest day.
const MOST_MADE: i64 = 3000;
const MOST_HEARD: i64 = 300;
/// Of the library's recordings: 22,050 samples of two bytes a second.
const HEAD: usize = 44;
const BYTES_PER_SECOND: usize = 44_100;

fn place() -> Place {
    Place { column: "captcha.spoken", row: 0 }
}

/// Makes a captcha and keeps its answer, hashed, and what is to be heard, sealed.
pub async fn make(cx: &mut Cx, address: &str) -> Result<Shown> {
    attempts::spend(cx, &format!("captcha:{}", attempts::network(address)), MOST_MADE).await?;
    let (text, png) = tokio::task::spawn_blocking(draw)
        .await
        .map_err(|e| Error::Broken(format!("captcha: {e}")))?
        .ok_or_else(|| Error::Broken("captcha: no image".into()))?;
    let id = cx.house().new_code(24);
    let keys = cx.house().keys();
    let answer = keys.code_hash("captcha", &format!("{id}{text}"));
    let spoken = keys.seal(place(), &text, cx.house().chance_source());
    sql::keep_captcha(cx, &id, answer, spoken, cx.now() + 10 * MINUTE).await?;
    let image = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png));
    Ok(Shown { id, image })
}

/// Whether the answer is right; the captcha is used up either way.
pub async fn answered(cx: &mut Cx, id: &str, answer: &str) -> Result<bool> {
    use crate::rules::half_width;
    let Some(right) = sql::take_captcha(cx, id).await? else { return Ok(false) };
    let typed = answer.chars().filter(|c| !c.is_whitespace()).map(half_width);
    let typed: String = typed.map(|c| c.to_ascii_uppercase()).collect();
    let typed = cx.house().keys().code_hash("captcha", &format!("{id}{typed}"));
    Ok(subtle::ConstantTimeEq::ct_eq(&right[..], &typed[..]).into())
}

/// What the characters of a captcha sound like, as a WAV file; as often as needed until it is
/// answered, each time with other noise and other pauses.
pub async fn sound(cx: &mut Cx, id: &str, address: &str) -> Result<Vec<u8>> {
    attempts::spend(cx, &format!("sound:{}", attempts::network(address)), MOST_HEARD).await?;
    let (sealed,) = sql::captcha(cx, id).await?.ok_or(Error::NotFound)?;
    let text =
        cx.house().keys().unseal(place(), &sealed).map_err(|e| Error::Broken(e.to_string()))?;
    let mut pauses = [0_u8; LENGTH as usize];
    cx.house().chance(&mut pauses);
    tokio::task::spawn_blocking(move || speak(&text, &pauses))
        .await
        .map_err(|e| Error::Broken(format!("captcha: {e}")))?
        .ok_or_else(|| Error::Broken("captcha: no sound".into()))
}

/// The recordings of the characters one after the other, under the head of the first.
fn speak(text: &str, pauses: &[u8]) -> Option<Vec<u8>> {
    let mut file = Vec::new();
    for (letter, pause) in text.chars().zip(pauses) {
        let mut one = captcha::Captcha::new();
        one.set_chars(&[letter]).add_char();
        let wav = one.as_wav().pop()??;
        if file.is_empty() {
            file.extend(wav.get(..HEAD)?);
        }
        file.extend(wav.get(HEAD..)?);
        // A third to a whole second, in whole samples.
        let silence = BYTES_PER_SECOND / 3 + usize::from(*pause) * BYTES_PER_SECOND / 384;
        file.resize(file.len() + (silence & !1), 0);
    }
    let size = |n: usize| u32::try_from(n).map(u32::to_le_bytes).ok();
    let (all, data) = (size(file.len() - 8)?, size(file.len() - HEAD)?);
    file.get_mut(4..8)?.copy_from_slice(&all);
    file.get_mut(HEAD - 4..HEAD)?.copy_from_slice(&data);
    Some(file)
}

fn draw() -> Option<(String, Vec<u8>)> {
    use captcha::filters::{Dots, Noise, Wave};
    let letters: Vec<char> = LETTERS.iter().map(|b| char::from(*b)).collect();
    let mut image = captcha::Captcha::new();
    image
        .set_chars(&letters)
        .add_chars(LENGTH)
        .apply_filter(Noise::new(0.1))
        .apply_filter(Wave::new(2.0, 12.0).horizontal())
        .view(220, 90)
        .apply_filter(Dots::new(6));
    image.as_tuple().map(|(text, png)| (text.to_uppercase(), png))
}
