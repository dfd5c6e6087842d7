//! The middleware around every page: a request number, a bound on work, the body read once, the
//! whole request run again when another transaction was in the way, errors dressed, one log line.

use crate::{
    answer::{Again, Answer},
    error::{Asked, dress},
    face::Face,
    form::{Posted, is_json, is_small_kind},
    site::Site,
    visit::{RequestId, look},
};
use app::Error;
use axum::{
    body::{Body, to_bytes},
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use axum_extra::extract::CookieJar;
use http::{HeaderValue, Method, header, request::Parts};
use std::{sync::Arc, time::Instant};

/// Turns that a request gets when transactions collide.
const TURNS: u32 = 8;
/// Forms and JSON; files have their own limit on their own route.
const MOST_BYTES: usize = 1 << 20;

/// Wraps every route.
pub(crate) async fn replay(State(site): State<Site>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let request_id = format!("req-{}", site.house().new_code(8));
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(RequestId(request_id.clone()));
    let route = parts.extensions.get::<MatchedPath>().map_or("-", |m| m.as_str()).to_owned();
    let method = parts.method.clone();
    let mut response = match site.places().try_acquire() {
        Ok(_place) => turns(&site, parts, body, next, &request_id).await,
        Err(_) => dress(&Error::Busy, asked(&parts, Posted::default(), &request_id)),
    };
    finish(&mut response, &request_id);
    let status = response.status().as_u16();
    let millis = begun.elapsed().as_millis();
    tracing::info!(route, method = %method, status, millis, request_id, "request");
    metrics::counter!("http_requests_total", "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("http_request_seconds", "route" => route)
        .record(begun.elapsed().as_secs_f64());
    response
}

async fn turns(
    site: &Site,
    mut parts: Parts,
    body: Body,
    next: Next,
    request_id: &str,
) -> Response {
    let small = is_small_kind(&parts.headers);
    let mut posted = Posted::default();
    let mut stream = Some(body);
    if small && let Some(body) = stream.take() {
        let Ok(bytes) = to_bytes(body, MOST_BYTES).await else {
            let big = app::Refusal::new(
                "too_large",
                "提交的内容太大(超过 1 MB)。名单请用“导入”上传文件。",
            );
            return dress(&Error::refused(big), asked(&parts, posted, request_id));
        };
        posted = Posted { bytes, json: is_json(&parts.headers) };
        parts.extensions.insert(posted.clone());
    }
    for turn in 0..TURNS {
        let body = stream.take().unwrap_or_else(|| Body::from(posted.bytes.clone()));
        let response = next.clone().run(Request::from_parts(parts.clone(), body)).await;
        let Some(error) = response.extensions().get::<Arc<Error>>().cloned() else {
            return match response.extensions().get::<Again>() {
                Some(again) => Answer::kept(Face::of(&parts.headers), &again.0).into_response(),
                None => response,
            };
        };
        // A file's stream is spent; its first transaction comes after reading, so this is rare.
        if !matches!(*error, Error::Retry) || turn + 1 == TURNS || !small {
            return dress(&error, asked(&parts, posted, request_id));
        }
        site.house().pause(turn).await;
    }
    dress(&Error::Busy, asked(&parts, posted, request_id))
}

fn asked(parts: &Parts, posted: Posted, request_id: &str) -> Asked {
    Asked {
        face: Face::of(&parts.headers),
        request_id: request_id.into(),
        path_and_query: parts.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned(),
        is_write: ![Method::GET, Method::HEAD].contains(&parts.method),
        posted,
        look: look(&CookieJar::from_headers(&parts.headers)),
    }
}

/// What every dynamic answer carries.
fn finish(response: &mut Response, request_id: &str) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept, HX-Request, Cookie"));
    }
}
