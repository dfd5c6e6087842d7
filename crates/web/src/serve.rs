//! The server: the router with everything around it, and a graceful stop.

use crate::{
    error::{Failure, Wrong},
    replay::replay,
    routes,
    site::Site,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, header};
use std::{net::SocketAddr, time::Duration};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, csrf::CsrfLayer,
    set_header::SetResponseHeaderLayer,
};

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; media-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The whole application, ready to be served or to be asked by a test.
pub fn application(site: &Site) -> Router {
    let fixed = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::overriding(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    let hsts = site.secure().then(|| {
        SetResponseHeaderLayer::overriding(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        )
    });
    routes::router()
        .fallback(crate::meta::nothing_here)
        .method_not_allowed_fallback(crate::meta::wrong_method)
        .layer(CatchPanicLayer::custom(crate::meta::panicked))
        .layer(DefaultBodyLimit::disable())
        .layer(CsrfLayer::new().with_rejection_response(refuse_cross_site))
        .layer(from_fn_with_state(site.clone(), replay))
        .layer(CompressionLayer::new().quality(tower_http::CompressionLevel::Fastest))
        .layer(fixed("content-security-policy", CSP))
        .layer(fixed("x-content-type-options", "nosniff"))
        .layer(fixed("referrer-policy", "same-origin"))
        .layer(fixed("cross-origin-opener-policy", "same-origin"))
        .layer(fixed("permissions-policy", "camera=(), microphone=(), geolocation=()"))
        .layer(tower::util::option_layer(hsts))
        .with_state(site.clone())
}

fn refuse_cross_site(_: tower_http::csrf::ProtectionError) -> Response {
    Failure::wrong(Wrong::CrossSite).into_response()
}

/// Serves until `stop`, then finishes what is under way, at most 25 seconds.
pub async fn serve(
    listener: tokio::net::TcpListener,
    site: &Site,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let app = application(site).into_make_service_with_connect_info::<SocketAddr>();
    let (told, hear) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        stop.await;
        let _ = told.send(());
    });
    let limit = async {
        let _ = hear.await;
        tokio::time::sleep(Duration::from_secs(25)).await;
    };
    tokio::select! {
        served = server => served,
        () = limit => Ok(()),
    }
}
