//! `serve` and `work`.

use super::{Place, Serving, open, say};
use anyhow::{Context, Result};
use app::House;
use std::{net::SocketAddr, process::ExitCode};
use web::{serve as server, site::Site};

/// `tuanjian serve`.
pub(super) async fn serve(place: Place, serving: Serving) -> Result<ExitCode> {
    logs();
    let opening = open::Opening { place: &place, serving: Some(&serving), may_create: true };
    let house = open::house(opening).await?;
    let file = open::file(&place)?;
    let site = site(&house, &serving, &file);
    let listen = serving.listen.or(file.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening on {listen}"))?;
    let address = listener.local_addr()?;
    greet(&place, &house, &serving, address).await?;
    run(listener, site, !(serving.no_work || file.no_work)).await?;
    Ok(ExitCode::SUCCESS)
}

/// Serves, with the background work beside it, until the program is told to stop.
pub(super) async fn run(listener: tokio::net::TcpListener, site: Site, works: bool) -> Result<()> {
    let house = site.house().clone();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let worker = works.then(|| {
        let mut stopped = stopped.clone();
        background(app::jobs::work(house.clone(), async move {
            let _ = stopped.wait_for(|s| *s).await;
        }))
    });
    server::serve(listener, &site, async move {
        signal().await;
        let _ = stop.send(true);
    })
    .await?;
    if let Some(worker) = worker {
        let _ = tokio::time::timeout(std::time::Duration::from_secs(20), worker).await;
    }
    house.db().close().await;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the one worker beside the server")]
fn background(work: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    tokio::spawn(work)
}

/// The site that serves a house.
pub(super) fn site(house: &House, serving: &Serving, file: &open::File) -> Site {
    let url = serving.public_url.clone().or_else(|| file.public_url.clone()).unwrap_or_default();
    let proxies = if serving.trusted_proxies.is_empty() {
        file.trusted_proxies.clone()
    } else {
        serving.trusted_proxies.clone()
    };
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .set_buckets(&[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
        .and_then(|b| b.install_recorder())
        .ok();
    Site::new(house.clone(), url.starts_with("https://"), proxies, metrics)
}

/// An empty database has nobody who could sign in: the first administrator gets a link.
async fn greet(place: &Place, house: &House, serving: &Serving, address: SocketAddr) -> Result<()> {
    let base = serving.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let invite = match house.is_restored() {
        false => app::users::first::invite(house).await?,
        true => None,
    };
    let link = invite.map(|code| format!("{base}/setup/{code}"));
    if place.json {
        say(&serde_json::json!({ "address": base, "setup": link }).to_string())?;
    } else {
        say(&format!("智慧团建 is served at {base}"))?;
        if let Some(link) = link {
            say(&format!(
                "Nobody can sign in yet. The first administrator opens (once, within two days): {link}"
            ))?;
        }
    }
    Ok(())
}

/// `tuanjian work`.
pub(super) async fn work(place: Place) -> Result<ExitCode> {
    logs();
    let house =
        open::house(open::Opening { place: &place, serving: None, may_create: false }).await?;
    app::jobs::work(house.clone(), signal()).await;
    house.db().close().await;
    Ok(ExitCode::SUCCESS)
}

/// Ends when the program is asked to stop.
async fn signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}

/// Structured lines on standard error; their fields never hold personal data. `RUST_LOG` chooses.
pub(super) fn logs() {
    logs_above("info");
}

/// As [`logs`], with another level when `RUST_LOG` says nothing.
pub(super) fn logs_above(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}
