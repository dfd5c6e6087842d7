//! The only thing a handler may return. Made by [`crate::visit::Visit`] alone, so that a handler
//! that forgets its transaction can't answer.

use crate::{error::Failure, face::Face, visit::Page};
use app::Error;
use axum::response::{Html, IntoResponse, Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

/// An answer.
pub struct Answer(Response);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        self.0
    }
}

/// The answer to a form that was carried out, as it is kept for the same form sent twice.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Kept {
    /// The page that comes next.
    pub to: String,
    /// What was done, in a sentence.
    pub flash: String,
    /// Nothing was there to be done: what happened is no success.
    #[serde(default)]
    pub nothing: bool,
    /// For programs.
    #[serde(default)]
    pub data: serde_json::Value,
}

/// As it lies in the database: with what had been sent.
#[derive(Serialize, Deserialize)]
struct Noted {
    sent: String,
    #[serde(flatten)]
    kept: Kept,
}

impl Kept {
    /// For programs, and for the database together with what had been sent.
    pub(crate) fn write(&self, sent: &str) -> String {
        let noted = Noted { sent: sent.into(), kept: self.clone() };
        serde_json::to_string(&noted).unwrap_or_default()
    }
    /// The answer noted before; `None` when something else had been sent.
    pub(crate) fn read(text: &str, sent: &str) -> Option<Again> {
        let noted: Noted = serde_json::from_str(text).ok()?;
        (noted.sent == sent).then_some(Again(noted.kept))
    }
}

/// The same form again: its first answer is given once more.
#[derive(Clone, Debug)]
pub(crate) struct Again(pub(crate) Kept);

impl From<Again> for Failure {
    fn from(again: Again) -> Self {
        Failure::answered(again)
    }
}

impl Answer {
    pub(crate) fn page<P: Page>(
        face: Face,
        status: StatusCode,
        page: &P,
        flash_shown: bool,
    ) -> Result<Self, Failure> {
        let mut response = match face {
            Face::Json => {
                let body = serde_json::to_string(page).map_err(|e| Error::Broken(e.to_string()))?;
                ([(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
            Face::Page | Face::Fragment => {
                let html = page.render().map_err(|e| Error::Broken(format!("template: {e}")))?;
                Html(html).into_response()
            }
        };
        *response.status_mut() = status;
        if flash_shown && face != Face::Json {
            let gone =
                HeaderValue::from_static("flash=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
            response.headers_mut().append(header::SET_COOKIE, gone);
        }
        Ok(Self(response))
    }

    pub(crate) fn kept(face: Face, kept: &Kept) -> Self {
        if face == Face::Json {
            let body = serde_json::to_string(kept).unwrap_or_default();
            return Self(([(header::CONTENT_TYPE, "application/json")], body).into_response());
        }
        let to = HeaderValue::from_str(&kept.to).unwrap_or(HeaderValue::from_static("/"));
        let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
        if !kept.flash.is_empty() {
            let text = BASE64_URL_SAFE_NO_PAD.encode(&kept.flash);
            let kind = if kept.nothing { "warn" } else { "ok" };
            let cookie = format!("flash={kind}.{text}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        Self(response)
    }

    pub(crate) fn file(name: &str, mime: &str, bytes: Vec<u8>) -> Self {
        let encoded: String = name.bytes().map(|b| format!("%{b:02X}")).collect();
        let disposition = format!("attachment; filename=\"download\"; filename*=UTF-8''{encoded}");
        Self(
            ([(header::CONTENT_TYPE, mime), (header::CONTENT_DISPOSITION, &disposition)], bytes)
                .into_response(),
        )
    }

    /// For the few pages of nobody in particular: signing in, health, files of our own.
    pub(crate) fn open(response: Response) -> Self {
        Self(response)
    }
}
