//! `serve` and `work`.

use super::{Place, Running, Serving, open, say};
use anyhow::{Context, Result};
use app::House;
use std::{net::SocketAddr, process::ExitCode, time::Duration};
use tokio::{net::TcpListener, sync::watch};
use web::{
    serve as server,
    site::{MetricsFor, Site},
};

/// `tuanjian serve`.
pub(super) async fn serve(place: Place, serving: Serving) -> Result<ExitCode> {
    logs();
    let opening = open::Opening {
        place: &place,
        running: Some(&serving.running),
        access: open::Access::Create,
    };
    let house = open::house(opening).await?;
    let file = open::file(&place)?;
    let site = site(&house, &serving, &file);
    let listen = serving.listen.or(file.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening on {listen}"))?;
    let address = listener.local_addr()?;
    let way = Way {
        works: !(serving.no_work || file.no_work),
        drain: Duration::from_secs(serving.drain.or(file.drain).unwrap_or(DRAIN)),
        metrics: metrics_listener(&serving.running, &file).await?,
    };
    started(&house, "serve", &address.to_string(), way.works);
    greet(&place, &house, address).await?;
    run(listener, site, way).await?;
    Ok(ExitCode::SUCCESS)
}

/// Seconds of drain where nothing is said.
const DRAIN: u64 = 3;

/// How a server is run.
pub(super) struct Way {
    /// The background work beside it.
    works: bool,
    /// How long /health says "stopping" before the listener closes.
    drain: Duration,
    /// The operator's own address.
    metrics: Option<TcpListener>,
}
impl Way {
    /// One program that does all and stops at once.
    pub(super) fn demonstration() -> Self {
        Self { works: true, drain: Duration::ZERO, metrics: None }
    }
}

async fn metrics_listener(running: &Running, file: &open::File) -> Result<Option<TcpListener>> {
    let Some(listen) = running.metrics_listen.or(file.metrics_listen) else { return Ok(None) };
    let listener = TcpListener::bind(listen).await;
    Ok(Some(listener.with_context(|| format!("listening on {listen} for metrics"))?))
}

/// The first line of the log: what runs, of which version, on what.
fn started(house: &House, command: &str, address: &str, works: bool) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        command,
        address,
        works,
        node = house.node(),
        database = ?house.db().engine(),
        channels = house.senders().channels().join(","),
        public_url = house.settings().public_url,
        read_only = house.is_read_only(),
        "tuanjian starts"
    );
}

/// Serves, with the background work beside it, until the program is told to stop.
pub(super) async fn run(listener: TcpListener, site: Site, way: Way) -> Result<()> {
    let house = site.house().clone();
    let (stop, stopped) = watch::channel(false);
    let worker =
        way.works.then(|| background(app::engine::work(house.clone(), until(stopped.clone()))));
    let _follower = Aborted(background(follow(house.clone())));
    let _rings = Aborted(background(app::keyring::watch(house.clone())));
    let _operators = way.metrics.map(|at| Aborted(background(operators(at, site.clone()))));
    let saying = site.clone();
    server::serve(listener, &site, async move {
        signal().await;
        saying.say_stopping();
        // A second signal does not wait for load balancers.
        let _ = tokio::time::timeout(way.drain, signal()).await;
        let _ = stop.send(true);
    })
    .await?;
    if let Some(worker) = worker {
        let _ = tokio::time::timeout(Duration::from_secs(20), worker).await;
    }
    house.db().close().await;
    tracing::info!("tuanjian has stopped");
    Ok(())
}

/// Ends when the channel says so.
async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|over| *over).await;
}

/// Follows the switch for changes, which another node or a command may set.
async fn follow(house: House) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Err(e) = app::read_only::follow(&house).await {
            tracing::debug!(error = %e, "the switch for changes could not be read");
        }
    }
}

/// Serves /health and /metrics at the operator's own address.
async fn operators(listener: TcpListener, site: Site) {
    if let Err(e) = axum::serve(listener, web::meta::operators_router(&site)).await {
        tracing::warn!(error = %e, "the address for metrics is served no more");
    }
}

/// A task that ends with whoever began it.
struct Aborted(tokio::task::JoinHandle<()>);
impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "what runs beside the server")]
fn background(work: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    tokio::spawn(work)
}

/// The site that serves a house.
pub(super) fn site(house: &House, serving: &Serving, file: &open::File) -> Site {
    let proxies = if serving.trusted_proxies.is_empty() {
        file.trusted_proxies.clone()
    } else {
        serving.trusted_proxies.clone()
    };
    site_of(house, &serving.running, file, proxies)
}

fn site_of(
    house: &House,
    running: &Running,
    file: &open::File,
    proxies: Vec<std::net::IpAddr>,
) -> Site {
    let url = &house.settings().public_url;
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .set_buckets(&[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
        .and_then(|b| b.install_recorder())
        .ok();
    // Behind a proxy everybody comes from this machine.
    let alone = url.is_empty() && proxies.is_empty();
    let site = Site::new(house.clone(), url.starts_with("https://"), proxies, metrics);
    let token = running.metrics_token.clone().or_else(|| file.metrics_token.clone());
    site.open_metrics(MetricsFor { this_machine: alone, token });
    site
}

/// An empty database has nobody who could sign in: the first administrator gets a link.
async fn greet(place: &Place, house: &House, address: SocketAddr) -> Result<()> {
    let base = match house.settings().public_url.as_str() {
        "" => format!("http://{address}"),
        url => url.to_owned(),
    };
    let invite = match house.is_restored() {
        false => app::users::first::invite(house).await?,
        true => None,
    };
    let link = invite.map(|code| format!("{base}/setup#{code}"));
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
pub(super) async fn work(place: Place, running: Running) -> Result<ExitCode> {
    logs();
    let opening =
        open::Opening { place: &place, running: Some(&running), access: open::Access::Write };
    let house = open::house(opening).await?;
    let file = open::file(&place)?;
    let site = site_of(&house, &running, &file, Vec::new());
    let _operators = metrics_listener(&running, &file)
        .await?
        .map(|at| Aborted(background(operators(at, site.clone()))));
    started(&house, "work", "", true);
    say_unserved(&house).await;
    let _follower = Aborted(background(follow(house.clone())));
    let _rings = Aborted(background(app::keyring::watch(house.clone())));
    app::engine::work(house.clone(), async {
        signal().await;
        site.say_stopping();
    })
    .await;
    house.db().close().await;
    Ok(ExitCode::SUCCESS)
}

/// Letters that wait for a channel which neither this program nor another one serves.
async fn say_unserved(house: &House) {
    let Ok(mut cx) = house.read(app::Who::System("outbox")).await else { return };
    for (channel, letters) in app::messages::unserved(&mut cx).await.unwrap_or_default() {
        tracing::warn!(
            channel,
            letters,
            "letters wait, and this program was started without their channel: give it --{channel} as serve has it"
        );
    }
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
    // A panic is a line of the log like any other fault of ours.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let said = panic.payload_as_str().unwrap_or("a panic");
        tracing::error!(place, panic = said, "a panic");
    }));
}
