//! The server: the router with everything around it, and a graceful stop.

use crate::{
    crowd::{self, Crowd, Seat},
    error::{Failure, Wrong},
    replay::replay,
    routes,
    site::Site,
    wire::Patient,
};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, DefaultBodyLimit},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{net::SocketAddr, time::Duration};
use tokio::task::JoinSet;
use tower::ServiceExt;
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
        .layer(fixed("cross-origin-opener-policy", "same-origin"))
        .layer(fixed("permissions-policy", "camera=(), microphone=(), geolocation=()"))
        .layer(tower::util::option_layer(hsts))
        .with_state(site.clone())
}

fn refuse_cross_site(_: tower_http::csrf::ProtectionError) -> Response {
    Failure::wrong(Wrong::CrossSite).into_response()
}

/// How long a request's head may take, and how long a connection may be silent between two.
const HEAD: Duration = Duration::from_secs(30);
/// The longest head: what browsers send, many times over.
const HEAD_BYTES: usize = 32 << 10;
/// How long what is under way may take once the program is told to stop.
const ENDING: Duration = Duration::from_secs(25);

/// Serves until `stop`, then finishes what is under way, at most 25 seconds.
pub async fn serve(
    listener: tokio::net::TcpListener,
    site: &Site,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    site.listens(listener.local_addr()?);
    let app = application(site);
    let crowd = Crowd::new(crowd::room(raise_files()));
    tracing::info!(connections = crowd.most(), "connections at most");
    let (end, ended) = tokio::sync::watch::channel(false);
    let mut talks = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        while talks.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                // Without a place the stream is dropped: everybody else is being served.
                if let Some(seat) = crowd.sit(peer.ip()) {
                    talks.spawn(talk(stream, peer, app.clone(), seat, ended.clone()));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                crowd.send_one_away();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    drop(listener);
    let _ = end.send(true);
    let all = async { while talks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(ENDING, all).await;
    Ok(())
}

/// One connection, until it ends, is silent too long, or its place is needed.
async fn talk(
    stream: tokio::net::TcpStream,
    peer: SocketAddr,
    app: Router,
    seat: Seat,
    mut ended: tokio::sync::watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let own = seat.clone();
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let (app, seat) = (app.clone(), own.clone());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(seat.clone());
            let response = app.oneshot(request).await;
            seat.waits();
            response
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    let ends = tokio::select! {
        _ = connection.as_mut() => false,
        () = seat.needed() => false,
        () = told(&mut ended) => true,
    };
    if ends {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

async fn told(ended: &mut tokio::sync::watch::Receiver<bool>) {
    let _ = ended.wait_for(|e| *e).await;
}

/// As many files as the system allows; a low limit is said, because it bounds who can be connected.
fn raise_files() -> usize {
    const FEW: u64 = 8192;
    let files = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => files,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
        }
    };
    if files < FEW {
        tracing::warn!(
            files,
            "few files may be open; raise the hard limit (LimitNOFILE) to 8192 or more"
        );
    }
    usize::try_from(files).unwrap_or(usize::MAX)
}
