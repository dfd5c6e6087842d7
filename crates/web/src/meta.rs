//! Addresses about the program itself: front door, health, metrics, static files, the OpenAPI
//! document.

use crate::{
    answer::Answer,
    error::{Failure, Problem, Wrong},
    face::Face,
    routes,
    site::Site,
    visit::Page,
    vitals,
};
use app::Error;
use axum::{
    Extension,
    extract::{ConnectInfo, Path, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::net::{IpAddr, SocketAddr};

/// `/`: to one's own page, which asks for the sign-in when there is none.
pub async fn front() -> Redirect {
    Redirect::to("/me")
}

/// `/health`: 200 while this program can be sent visitors; the first word says why not.
pub async fn health(State(site): State<Site>, headers: HeaderMap) -> Response {
    let health = vitals::health(&site).await;
    let status = match health.is_good() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    match Face::of(&headers) {
        Face::Json => (status, axum::Json(health.json())).into_response(),
        _ => (status, health.text()).into_response(),
    }
}

/// `/metrics`: Prometheus text, not for the public.
pub async fn metrics(
    State(site): State<Site>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Response {
    let peer = peer.map(|Extension(ConnectInfo(address))| address.ip());
    if may_read_metrics(&site, peer, &headers) {
        return metrics_text(&site).await;
    }
    let said =
        "Not for the public: ask from this machine, at --metrics-listen, or with the token.\n";
    (StatusCode::FORBIDDEN, said).into_response()
}

/// What a proxy says about whom it speaks for.
const FORWARDED: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-real-ip", "x-forwarded-proto", "via"];

fn may_read_metrics(site: &Site, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
    let whom = site.metrics_for();
    let brought = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "));
    if let (Some(token), Some(brought)) = (&whom.token, brought) {
        return app::keys::is_same(token.as_bytes(), brought.as_bytes());
    }
    let forwarded = FORWARDED.iter().any(|name| headers.contains_key(*name));
    whom.this_machine && !forwarded && peer.is_some_and(|ip| ip.is_loopback())
}

async fn metrics_text(site: &Site) -> Response {
    let mut text = site.metrics().unwrap_or_default();
    text.push_str(&vitals::gauges(site).await);
    text.into_response()
}

/// What an operator's own address serves: `/health` and `/metrics`, to whoever reaches it.
pub fn operators_router(site: &Site) -> axum::Router {
    let metrics = async |State(site): State<Site>| metrics_text(&site).await;
    axum::Router::new()
        .route("/health", axum::routing::get(health))
        .route("/metrics", axum::routing::get(metrics))
        .with_state(site.clone())
}

/// A static file by its hashed name, compressed ahead, kept for ever.
pub async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Failure> {
    let asset = assets::find(&format!("/assets/{file}")).ok_or(Error::NotFound)?;
    let accepts = |what: &str| {
        headers
            .get(header::ACCEPT_ENCODING)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|v| v.split(',').any(|e| e.trim().split(';').next() == Some(what)))
    };
    let (encoding, bytes) = match () {
        () if accepts("br") => (Some("br"), asset.br),
        () if accepts("gzip") => (Some("gzip"), asset.gz),
        () => (None, asset.raw),
    };
    let mut response = (
        [
            (header::CONTENT_TYPE, asset.mime),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (header::VARY, "Accept-Encoding"),
        ],
        bytes,
    )
        .into_response();
    if let Some(encoding) = encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

/// Nothing at this address.
pub async fn nothing_here() -> Failure {
    Error::NotFound.into()
}
/// The address is there, the method is not.
pub async fn wrong_method() -> Failure {
    Failure::wrong(Wrong::Method)
}
/// The last resort: a page instead of a closed connection.
#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
pub fn panicked(what: Box<dyn std::any::Any + Send>) -> Response {
    let text = what.downcast_ref::<&str>().copied().unwrap_or("a panic");
    Failure::from(Error::Broken(format!("panic: {text}"))).into_response()
}

/// What programs are told about tokens.
const TOKENS: &str = "A personal token (我的令牌, /me/tokens, or `tuanjian token`): reading only or reading and changing, \
    for one organisation or all of its owner's, until a date. A token makes no tokens and changes no password; \
    a change of password ends all of them.";

/// `/openapi.json`: made from the table of routes and the structs of pages and forms.
pub async fn openapi() -> Response {
    let mut generator = schemars::generate::SchemaSettings::openapi3().into_generator();
    let problem = generator.subschema_for::<Problem>();
    let kept = generator.subschema_for::<crate::answer::Kept>();
    let mut paths = serde_json::Map::new();
    for route in routes::table() {
        let answer = route.answer.map_or_else(
            || serde_json::to_value(&kept).unwrap_or_default(),
            |of| of(&mut generator).to_value(),
        );
        let mut operation = serde_json::json!({
            "summary": route.title,
            "responses": {
                "200": { "description": "ok", "content": { "application/json": { "schema": answer } } },
                "default": { "description": "problem", "content": { "application/problem+json": { "schema": problem } } },
            },
        });
        if route.needs != routes::Needs::Nothing {
            operation["security"] = serde_json::json!([{ "token": [] }]);
        }
        let parameters: Vec<_> = route
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| serde_json::json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
            .collect();
        operation["parameters"] = parameters.into();
        if let Some(form) = route.form {
            let schema = form(&mut generator).to_value();
            operation["requestBody"] = serde_json::json!({ "content": {
                "application/json": { "schema": schema.clone() },
                "application/x-www-form-urlencoded": { "schema": schema },
            } });
        }
        let entry = paths.entry(route.path).or_insert_with(|| serde_json::json!({}));
        entry[route.method.as_str().to_lowercase()] = operation;
    }
    let document = serde_json::json!({
        "openapi": "3.0.3",
        "info": { "title": "智慧团建 tuanjian", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "token": {
                "type": "http", "scheme": "bearer", "description": TOKENS,
            } },
        },
    });
    axum::Json(document).into_response()
}

pub(crate) fn show_open<P: Page>(face: Face, page: &P) -> Result<Answer, Failure> {
    Answer::page(face, StatusCode::OK, page, false)
}
