//! 图形验证码: an image of five characters, and beside it a question in words for those who can't
//! see the image; either answer will do (decision 6). Each is good for one answer, for ten minutes.

use super::sql;
use crate::{Cx, Error, Result, clock::MINUTE};
use base64::{Engine, prelude::BASE64_STANDARD};

/// A captcha to show.
#[derive(Clone, Debug)]
pub struct Shown {
    pub id: String,
    /// A `data:` address of a PNG.
    pub image: String,
    /// The same in words: "三加五等于几?".
    pub question: String,
}

const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
const LETTERS: &[u8] = b"ACDEFHJKMNPRTUVWXY3479";

/// Makes a captcha and keeps its answers, hashed.
pub async fn make(cx: &mut Cx) -> Result<Shown> {
    let (text, png) = tokio::task::spawn_blocking(draw)
        .await
        .map_err(|e| Error::Broken(format!("captcha: {e}")))?
        .ok_or_else(|| Error::Broken("captcha: no image".into()))?;
    let mut two = [0_u8; 2];
    cx.house().chance(&mut two);
    let (a, b) = (usize::from(two[0] % 10), usize::from(two[1] % 10));
    let id = cx.house().new_code(24);
    let keys = cx.house().keys();
    let mut answers = keys.code_hash("captcha", &format!("{id}{text}")).to_vec();
    answers.extend(keys.code_hash("captcha", &format!("{id}{}", a + b)));
    sql::keep_captcha(cx, &id, answers, cx.now() + 10 * MINUTE).await?;
    Ok(Shown {
        id,
        image: format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png)),
        question: format!("{}加{}等于几?(填数字)", DIGITS[a], DIGITS[b]),
    })
}

/// Whether the answer is right; the captcha is used up either way.
pub async fn answered(cx: &mut Cx, id: &str, answer: &str) -> Result<bool> {
    let Some(answers) = sql::take_captcha(cx, id).await? else { return Ok(false) };
    let typed: String =
        answer.trim().to_uppercase().chars().filter(|c| !c.is_whitespace()).collect();
    let typed = cx.house().keys().code_hash("captcha", &format!("{id}{typed}"));
    Ok(answers.chunks(32).any(|right| subtle::ConstantTimeEq::ct_eq(right, &typed[..]).into()))
}

fn draw() -> Option<(String, Vec<u8>)> {
    use captcha::filters::{Dots, Noise, Wave};
    let letters: Vec<char> = LETTERS.iter().map(|b| char::from(*b)).collect();
    let mut image = captcha::Captcha::new();
    image
        .set_chars(&letters)
        .add_chars(5)
        .apply_filter(Noise::new(0.1))
        .apply_filter(Wave::new(2.0, 12.0).horizontal())
        .view(220, 90)
        .apply_filter(Dots::new(6));
    image.as_tuple().map(|(text, png)| (text.to_uppercase(), png))
}
