//! What a visitor sends: [`Form`] from a form or from JSON, [`Query`] from the address. Ours
//! instead of axum's, for repeated fields, for words instead of bare 4xx, and because the body has
//! been read before (it may be needed again, see `replay.rs`).

use crate::error::Failure;
use app::{Error, error::FieldError};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
};
use http::{header, request::Parts};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// The fields of a posted form; JSON with the same fields is as welcome.
pub struct Form<T>(pub T);

/// The fields of the address.
pub struct Query<T>(pub T);

/// The body as it came, kept for a second turn and for the way back from signing in.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    pub bytes: Bytes,
    pub json: bool,
}

impl Posted {
    /// The form's idempotency key (`_idem`), if it has one.
    pub fn idem(&self) -> Option<String> {
        self.pairs()
            .into_iter()
            .find(|(k, _)| k == "_idem")
            .map(|(_, v)| v)
            .filter(|v| !v.is_empty())
    }
    /// The fields as one text, without those that are the page's own (`_idem`).
    pub(crate) fn fields(&self) -> Result<String, Failure> {
        let fields: Vec<(String, String)> =
            self.pairs().into_iter().filter(|(k, _)| !k.starts_with('_')).collect();
        fit(fields.iter().filter_map(|(field, text)| unfit(field, text)).collect())?;
        serde_html_form::to_string(fields).map_err(unreadable)
    }
    /// The fields in order, as text; none for JSON.
    pub fn pairs(&self) -> Vec<(String, String)> {
        if self.json {
            return Vec::new();
        }
        serde_html_form::from_bytes(&self.bytes).unwrap_or_default()
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Failure;
    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let posted = request.extensions().get::<Posted>().cloned().unwrap_or_default();
        if posted.json {
            // Positions instead of names would be taken as well, and mean nothing.
            if !posted.bytes.trim_ascii_start().starts_with(b"{") {
                return Err(unreadable("no object"));
            }
            let value: Value = serde_json::from_slice(&posted.bytes).map_err(unreadable)?;
            let mut wrong = Vec::new();
            unfit_in(&value, "", &mut wrong);
            fit(wrong)?;
            return serde_json::from_slice(&posted.bytes).map(Self).map_err(unreadable);
        }
        read(&posted.fields()?).map(Self)
    }
}

/// A form out of its text.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_html_form::from_str(text).map_err(unreadable)
}

/// A form that was filled in and waits to be checked: [`crate::visit::Visit::carry`].
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Carried {
    /// The word under which it is kept.
    pub draft: String,
    /// `1`: it is to be changed once more.
    #[serde(deserialize_with = "tick")]
    pub edit: bool,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let text = parts.uri.query().unwrap_or_default();
        serde_html_form::from_str(text).map(Self).map_err(unreadable)
    }
}

/// Fields whose own rules read them: what came along with pasting is folded there and told, or
/// refused in the words of the field. Passwords are never touched. Everything else is refused here
/// when it has something in it that nobody sees, so that no text with it is ever stored.
const READ_BY_RULES: &[&str] = &[
    "name",
    "id_number",
    "ethnic",
    "political",
    "education",
    "joined",
    "dev_number",
    "mobile",
    "qq",
    "email",
    "phone",
    "emergency_phone",
    "post",
    "post_since",
    "q",
    "code",
    "to",
    "typed",
    "paste",
    "cells",
    "password",
    "password_again",
    "old_password",
];

/// What is wrong with a text of that field, if anything is.
pub(crate) fn unfit(field: &str, text: &str) -> Option<FieldError> {
    let own =
        READ_BY_RULES.contains(&field) || field.split_once('.').is_some_and(|(row, _)| is_row(row));
    let refused = text.contains('\0') || (!own && app::rules::fields::unfit(text));
    refused.then(|| {
        let message = "这里有看不见的字符（文字方向符、零宽字符等），保存后会显示错乱。请删去后重新输入；从别处复制来的，可以先粘贴到记事本再复制一次。";
        FieldError::new(field, "text_invisible", message)
    })
}

/// `c9` of `c9.joined`: a cell of an imported row, which is judged like the file's.
fn is_row(name: &str) -> bool {
    name.strip_prefix('c').is_some_and(|no| no.bytes().all(|b| b.is_ascii_digit()))
}

fn unfit_in(value: &Value, field: &str, wrong: &mut Vec<FieldError>) {
    match value {
        Value::String(text) => wrong.extend(unfit(field, text)),
        Value::Array(all) => all.iter().for_each(|one| unfit_in(one, field, wrong)),
        Value::Object(all) => all.iter().for_each(|(key, one)| {
            // Cells of an imported row go by their columns.
            unfit_in(one, if field == "cells" { field } else { key }, wrong);
        }),
        _ => {}
    }
}

fn fit(wrong: Vec<FieldError>) -> Result<(), Failure> {
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong).into()) }
}

/// Whether an address and what was posted are text at all: broken UTF-8 would be stored as marks of
/// replacement, and no database keeps the character zero.
pub(crate) fn is_text(uri: &http::Uri, posted: &Posted) -> bool {
    let good = |encoded: &[u8]| {
        let bytes: Vec<u8> = percent_encoding::percent_decode(encoded).collect();
        std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0'))
    };
    let body =
        if posted.json { std::str::from_utf8(&posted.bytes).is_ok() } else { good(&posted.bytes) };
    body && good(uri.path().as_bytes()) && uri.query().is_none_or(|query| good(query.as_bytes()))
}

/// Never repeats what was sent: it may be personal.
fn unreadable(error: impl std::fmt::Display) -> Failure {
    let text = error.to_string();
    let field = text.split('`').nth(1).unwrap_or("form").to_owned();
    tracing::info!(field, "a form could not be read");
    Error::field(&field, "form", "这一项的内容读不懂,请检查后重新填写。").into()
}

/// Whether a body of this kind is a form or JSON, which is read at once; files are not.
pub(crate) fn is_small_kind(headers: &http::HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    !kind.starts_with("multipart/") && !kind.starts_with("application/octet-stream")
}

/// Whether the body is JSON.
pub(crate) fn is_json(headers: &http::HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.starts_with("application/json"))
}

/// A tick box: absent is no; `on`, `true`, `1` and JSON `true` are yes. Use with
/// `#[serde(default, deserialize_with = "crate::form::tick")]`.
pub(crate) fn tick<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Bool(bool),
        Text(String),
    }
    Ok(match Said::deserialize(d)? {
        Said::Bool(b) => b,
        Said::Text(t) => matches!(t.as_str(), "on" | "true" | "1" | "yes"),
    })
}

/// The page that a request came from, as a path of our own; one's own page when it is not told or
/// not one of ours.
pub(crate) fn came_from(headers: &http::HeaderMap) -> String {
    headers
        .get(header::REFERER)
        .or_else(|| headers.get("hx-current-url"))
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<http::Uri>().ok())
        .and_then(|u| u.path_and_query().map(|p| safe_next(p.as_str())))
        .unwrap_or_else(|| "/me".into())
}

/// Only pages of our own; anything else leads home. Browsers drop tabs and line ends from an
/// address and take `\` for `/`, so none of them may be in it.
pub(crate) fn safe_next(next: &str) -> String {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace());
    if ours && !next.starts_with("/login") { next.to_owned() } else { "/me".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_never_leaves_the_program() {
        for own in ["/me", "/o/10264471/members?q=a&page=2", "/help#x"] {
            assert_eq!(safe_next(own), own);
        }
        for foreign in [
            "//evil.example",
            "/\\evil.example",
            "\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r/evil.example",
            "",
            "/login",
            "/login?next=/me",
            " /me",
        ] {
            assert_eq!(safe_next(foreign), "/me", "{foreign:?}");
        }
    }
}
