//! The middleware around every page: a request number, a bound on work, the body read once, the
//! whole request run again when another transaction was in the way, errors dressed, one log line.

use crate::{
    answer::{Again, Answer},
    crowd::Seat,
    error::{Asked, Trouble, Wrong, dress},
    face::Face,
    form::{Posted, came_from, is_json, is_small_kind, is_text},
    intake::{Refused, Taken},
    site::Site,
    visit::{RequestId, TheForm, look, proof},
};
use app::{Error, people::PersonId, rules::Rules};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use axum_extra::extract::CookieJar;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// Turns that a request gets when transactions collide.
const TURNS: u32 = 8;
/// Forms and JSON; files have their own limit on their own route.
const MOST_BYTES: usize = 1 << 20;
/// The other fields and the separators of a form that brings a file.
const AROUND_A_FILE: usize = 1 << 20;
/// Answered whatever else there is to do.
const HEALTH: &str = "/health";

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
    let org = org_of(parts.uri.path()).to_owned();
    let sends_fragment = Face::of(&parts.headers) == Face::Fragment
        && ![Method::GET, Method::HEAD].contains(&method);
    let referrer = referrer_policy(&site, &parts);
    let mut response = within_bounds(&site, parts, body, next, &request_id).await;
    if sends_fragment {
        lead_browser(&mut response);
    }
    finish(&mut response, &request_id);
    let policy = HeaderValue::from_static(referrer);
    response.headers_mut().insert(header::REFERRER_POLICY, policy);
    let status = response.status().as_u16();
    if let Some(secret) = session.filter(|_| status < 500 && status != 401) {
        site.touch_later(secret.0, secret.1);
    }
    let millis = begun.elapsed().as_millis();
    tracing::info!(route, method = %method, org, status, millis, request_id, "request");
    metrics::counter!("http_requests_total", "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("http_request_seconds", "route" => route)
        .record(begun.elapsed().as_secs_f64());
    response
}

/// Addresses of pages are told to nobody. In the clear and beyond the own machine browsers leave out
/// the marks by which a form of somebody else is known, all but its origin, and with `no-referrer`
/// they would leave out that as well: there our own pages are told where a form came from.
fn referrer_policy(site: &Site, parts: &Parts) -> &'static str {
    let host = parts.headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let loopback = name == "localhost"
        || name.trim_matches(['[', ']']).parse().is_ok_and(|a: std::net::IpAddr| a.is_loopback());
    if site.secure() || loopback { "no-referrer" } else { "same-origin" }
}

/// 组织码 of the organisation that is acted for; empty elsewhere. It is cut short: anybody may write
/// anything into an address.
fn org_of(path: &str) -> &str {
    let code = path.strip_prefix("/o/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if code.len() <= 20 && code.bytes().all(|b| b.is_ascii_alphanumeric()) { code } else { "" }
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

/// Takes the body in, then runs the request in a place of its class and within its time: a place
/// is never held by somebody who is still sending. Whether the program is well is told in any case.
async fn within_bounds(
    site: &Site,
    mut parts: Parts,
    body: Body,
    next: Next,
    request_id: &str,
) -> Response {
    if parts.uri.path() == HEALTH && [Method::GET, Method::HEAD].contains(&parts.method) {
        return next.run(Request::from_parts(parts, Body::empty())).await;
    }
    let small = is_small_kind(&parts.headers);
    let late = asked(site, &parts, Posted::default(), request_id);
    let body = match take_in(site, &parts, body, small).await {
        Ok(taken) => taken,
        Err(Refused::TooLarge) => return dress(Trouble::Wrong(Wrong::TooLarge), late),
        Err(Refused::Slow) => return dress(Trouble::Wrong(Wrong::Slow), late),
        Err(Refused::Full) => return dress(Trouble::Error(&Error::Busy), late),
    };
    if let Some(seat) = parts.extensions.get::<Seat>() {
        seat.works();
    }
    let (places, patience) =
        if small { (site.places(), PATIENCE) } else { (site.file_places(), PATIENCE_FOR_FILES) };
    let Ok(_place) = places.try_acquire() else {
        // What was typed goes back with the answer.
        let posted = match body {
            Taken::Short(bytes) if small => Posted { bytes, json: is_json(&parts.headers) },
            _ => Posted::default(),
        };
        return dress(Trouble::Error(&Error::Busy), Asked { posted, ..late });
    };
    // A long form comes back from its file into memory: few of them at once.
    let long = matches!(body, Taken::Long(_)) && small;
    let _long_place = if long { site.long_places().acquire().await.ok() } else { None };
    let body = if small {
        let Ok(bytes) = body.whole() else {
            return dress(Trouble::Error(&Error::Busy), late);
        };
        parts.extensions.insert(Posted { bytes, json: is_json(&parts.headers) });
        Body::empty()
    } else {
        body.stream()
    };
    match tokio::time::timeout(patience, turns(site, parts, body, next, request_id)).await {
        Ok(response) => response,
        Err(_) => dress(Trouble::Wrong(Wrong::Slow), late),
    }
}

/// The body of a request. A file is taken only from somebody who is signed in; anybody else is
/// sent to do so without it.
async fn take_in(site: &Site, parts: &Parts, body: Body, small: bool) -> Result<Taken, Refused> {
    if body.is_end_stream() {
        return Ok(Taken::Short(Bytes::new()));
    }
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
    let address = site.address(peer, &parts.headers);
    if small {
        return site.intake().take(&address, body, MOST_BYTES, (PATIENCE, false)).await;
    }
    let Some(person) = signed_in(site, parts).await else {
        return Ok(Taken::Short(Bytes::new()));
    };
    // What is over the limit is told by the page that knows it.
    let most = usize::try_from(Rules::builtin().policy.imports.max_bytes).unwrap_or(usize::MAX);
    let most = most.saturating_add(AROUND_A_FILE);
    let bounds = (PATIENCE_FOR_FILES, true);
    site.intake().take(&format!("person {}", person.0), body, most, bounds).await
}

async fn signed_in(site: &Site, parts: &Parts) -> Option<PersonId> {
    let proof = proof(parts, &CookieJar::from_headers(&parts.headers), site);
    let mut cx = site.house().read(app::Who::Nobody).await.ok()?;
    match app::users::recognise(&mut cx, &proof, None).await.ok()? {
        app::Who::Person(visitor) => Some(visitor.person),
        _ => None,
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
    let posted = parts.extensions.get::<Posted>().cloned().unwrap_or_default();
    let mut stream = (!small).then_some(body);
    if !is_text(&parts.uri, &posted) {
        let wrong = Trouble::Wrong(Wrong::NoText);
        return dress(wrong, asked(site, &parts, Posted::default(), request_id));
    }
    let form = TheForm::default();
    parts.extensions.insert(form.clone());
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
        if !error.is_worth_another_turn(turn) || turn + 1 == TURNS || !small {
            // A double click: the first one was faster, so that this one met its effect.
            if let Some(again) = form.answered_meanwhile(site).await {
                return Answer::kept(Face::of(&parts.headers), &again.0).into_response();
            }
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
