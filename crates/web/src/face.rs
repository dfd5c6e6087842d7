//! The three faces of every address (decision 14): a page, the fragment for htmx, JSON.

use http::{HeaderMap, header};

/// Which face was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    Page,
    Fragment,
    Json,
}

impl Face {
    /// From `Accept`, `HX-Request` and the kind of what was posted.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name: header::HeaderName| {
            headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
        };
        let accept = text(header::ACCEPT);
        let json_in = text(header::CONTENT_TYPE).starts_with("application/json");
        let wants_html = accept.contains("text/html");
        if !wants_html && (accept.contains("json") || json_in) {
            Self::Json
        } else if headers.contains_key("hx-request")
            && !headers.contains_key("hx-history-restore-request")
        {
            Self::Fragment
        } else {
            Self::Page
        }
    }
}
