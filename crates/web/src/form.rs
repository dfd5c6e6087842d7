//! What a visitor sends: [`Form`] from a form or from JSON, [`Query`] from the address. Ours
//! instead of axum's, for repeated fields, for words instead of bare 4xx, and because the body has
//! been read before (it may be needed again, see `replay.rs`).

use crate::error::Failure;
use app::Error;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
};
use http::{header, request::Parts};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

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
