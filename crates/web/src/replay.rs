//! The middleware around every page: a request number, a bound on work, the body read once, the
//! whole request run again when another transaction was in the way, errors dressed, one log line.

use crate::{
    answer::{Again, Answer},
    error::{Asked, Trouble, Wrong, dress},
    face::Face,
    form::{Posted, came_from, is_json, is_small_kind},
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
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Turns that a request gets when transactions collide.
const TURNS: u32 = 8;
/// Forms and JSON; files have their own limit on their own route.
const MOST_BYTES: usize = 1 << 20;

/// How long a request may take: forms and pages, and those that bring a file over a slow line.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_FOR_FILES: Duration = Duration::from_secs(600);

/// Wraps every route.
pub(crate) async fn replay(State(site): State<Site>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let request_id = format!("req-{}", site.house().new_code(8));
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(RequestId(request_id.clone()));
    let route = parts.extensions.get::<MatchedPath>().map_or("-", |m| m.as_str()).to_owned();
    let method = parts.method.clone();
    let session = session(&site, &parts);
    let sends_fragment = Face::of(&parts.headers) == Face::Fragment
        && ![Method::GET, Method::HEAD].contains(&method);
    let mut response = within_bounds(&site, parts, body, next, &request_id).await;
    if sends_fragment {
        lead_browser(&mut response);
    }
    finish(&mut response, &request_id);
    let status = response.status().as_u16();
    if let Some(secret) = session.filter(|_| status < 500 && status != 401) {
        site.touch_later(secret.0, secret.1);
    }
    let millis = begun.elapsed().as_millis();
    tracing::info!(route, method = %method, status, millis, request_id, "request");
    metrics::counter!("http_requests_total", "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("http_request_seconds", "route" => route)
        .record(begun.elapsed().as_secs_f64());
    response
}

/// The sign-in's secret, when the visit brings one and no token that would count before it.
fn session(site: &Site, parts: &Parts) -> Option<(String, bool)> {
    if let Some(bearer) = parts.headers.get(header::AUTHORIZATION) {
        let token = bearer.to_str().ok()?.strip_prefix("Bearer ")?;
        return Some((token.to_owned(), true));
    }
    let jar = CookieJar::from_headers(&parts.headers);
    jar.get(site.session_cookie()).map(|c| (c.value().to_owned(), false))
}

/// Runs the request in a place of its class and within its time.
async fn within_bounds(
    site: &Site,
    parts: Parts,
    body: Body,
    next: Next,
    request_id: &str,
) -> Response {
    let small = is_small_kind(&parts.headers);
    let (places, patience) =
        if small { (site.places(), PATIENCE) } else { (site.file_places(), PATIENCE_FOR_FILES) };
    let Ok(_place) = places.try_acquire() else {
        let asked = asked(site, &parts, Posted::default(), request_id);
        return dress(Trouble::Error(&Error::Busy), asked);
    };
    let late = asked(site, &parts, Posted::default(), request_id);
    match tokio::time::timeout(patience, turns(site, parts, body, next, request_id)).await {
        Ok(response) => response,
        Err(_) => dress(Trouble::Wrong(Wrong::Slow), late),
    }
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
            return dress(Trouble::Wrong(Wrong::TooLarge), asked(site, &parts, posted, request_id));
        };
        posted = Posted { bytes, json: is_json(&parts.headers) };
        parts.extensions.insert(posted.clone());
    }
    for turn in 0..TURNS {
        let body = stream.take().unwrap_or_else(|| Body::from(posted.bytes.clone()));
        let response = next.clone().run(Request::from_parts(parts.clone(), body)).await;
        let said = response.extensions();
        if let Some(again) = said.get::<Again>() {
            return Answer::kept(Face::of(&parts.headers), &again.0).into_response();
        }
        if let Some(wrong) = said.get::<Wrong>() {
            return dress(Trouble::Wrong(*wrong), asked(site, &parts, posted, request_id));
        }
        let Some(error) = said.get::<Arc<Error>>().cloned() else { return response };
        // A file's stream is spent; its first transaction comes after reading, so this is rare.
        if !matches!(*error, Error::Retry) || turn + 1 == TURNS || !small {
            return dress(Trouble::Error(&error), asked(site, &parts, posted, request_id));
        }
        site.house().pause(turn).await;
    }
    dress(Trouble::Error(&Error::Busy), asked(site, &parts, posted, request_id))
}

fn asked(site: &Site, parts: &Parts, posted: Posted, request_id: &str) -> Asked {
    Asked {
        signed_in: session(site, parts).is_some(),
        face: Face::of(&parts.headers),
        request_id: request_id.into(),
        path_and_query: parts.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned(),
        is_write: ![Method::GET, Method::HEAD].contains(&parts.method),
        posted,
        came_from: came_from(&parts.headers),
        look: look(&CookieJar::from_headers(&parts.headers)),
    }
}

/// A form that was sent by htmx and carried out leads the whole browser on, so that the next page
/// comes with its own shell and its own entry in the history. What came back to be mended stays at
/// the address where it was filled in.
fn lead_browser(response: &mut Response) {
    let to = response.headers().get(header::LOCATION).cloned();
    // Going to a place of the same page would not load it again: that one is swapped in.
    let to = to.filter(|to| to.to_str().is_ok_and(|to| !to.contains('#')));
    if let (StatusCode::SEE_OTHER, Some(to)) = (response.status(), to) {
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().remove(header::LOCATION);
        response.headers_mut().insert("hx-redirect", to);
    } else if !response.status().is_redirection() {
        response.headers_mut().insert("hx-push-url", HeaderValue::from_static("false"));
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
        // One address, three faces, for one visitor: no cache between may mix them up.
        headers.append(
            header::VARY,
            HeaderValue::from_static("Accept, HX-Request, Cookie, Authorization"),
        );
    }
}
