//! What the pages share: the house and how this program is reached.

use crate::intake::Intake;
use crate::vitals::Vitals;
use app::{
    House,
    clock::{MINUTE, Millis},
};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tokio::sync::Semaphore;

/// The state of every handler. Cloning shares it.
#[derive(Clone)]
pub struct Site(Arc<Shared>);

struct Shared {
    house: House,
    secure: bool,
    trusted_proxies: Vec<std::net::IpAddr>,
    places: Semaphore,
    file_places: Semaphore,
    long_places: Semaphore,
    intake: Intake,
    listens_at: OnceLock<String>,
    touched: Mutex<HashMap<u64, Millis>>,
    metrics: Option<metrics_exporter_prometheus::PrometheusHandle>,
    vitals: Vitals,
    metrics_for: OnceLock<MetricsFor>,
}

/// Who may read `/metrics` at the public address; nobody, unless it was said.
#[derive(Clone, Debug, Default)]
pub struct MetricsFor {
    /// Programs on this machine, where no proxy stands before us.
    pub this_machine: bool,
    /// Whoever brings this word as a bearer token.
    pub token: Option<String>,
}

/// Requests in work at once; more are told to come back (security 34).
const PLACES: usize = 512;
/// Of which bring a file.
const FILE_PLACES: usize = 16;
/// Of which hold a long form in memory, up to a megabyte each.
const LONG_PLACES: usize = 16;
/// Sign-ins remembered as used within the last minute, before the list is cleared.
const MOST_TOUCHED: usize = 100_000;

impl Site {
    /// `secure`: reached over https, so cookies are marked Secure. `trusted_proxies`: whose
    /// X-Forwarded-For is believed; nobody's by default.
    pub fn new(
        house: House,
        secure: bool,
        trusted_proxies: Vec<std::net::IpAddr>,
        metrics: Option<metrics_exporter_prometheus::PrometheusHandle>,
    ) -> Self {
        Self(Arc::new(Shared {
            house,
            secure,
            trusted_proxies,
            places: Semaphore::new(PLACES),
            file_places: Semaphore::new(FILE_PLACES),
            long_places: Semaphore::new(LONG_PLACES),
            intake: Intake::default(),
            listens_at: OnceLock::new(),
            touched: Mutex::new(HashMap::new()),
            metrics,
            vitals: Vitals::new(),
            metrics_for: OnceLock::new(),
        }))
    }
    /// Says who may read `/metrics`; the first word counts.
    pub fn open_metrics(&self, whom: MetricsFor) {
        drop(self.0.metrics_for.set(whom));
    }
    pub(crate) fn metrics_for(&self) -> MetricsFor {
        self.0.metrics_for.get().cloned().unwrap_or_default()
    }
    pub(crate) fn vitals(&self) -> &Vitals {
        &self.0.vitals
    }
    /// From now on `/health` says that this program is about to stop.
    pub fn say_stopping(&self) {
        self.0.vitals.stop();
    }
    pub fn house(&self) -> &House {
        &self.0.house
    }
    pub(crate) fn secure(&self) -> bool {
        self.0.secure
    }
    pub(crate) fn places(&self) -> &Semaphore {
        &self.0.places
    }
    pub(crate) fn file_places(&self) -> &Semaphore {
        &self.0.file_places
    }
    pub(crate) fn long_places(&self) -> &Semaphore {
        &self.0.long_places
    }
    pub(crate) fn intake(&self) -> &Intake {
        &self.0.intake
    }
    /// Notes after the answer that a sign-in is in use; asks the database at most once a minute
    /// and sign-in, and never inside the visit's own transaction.
    pub(crate) fn touch_later(&self, secret: String, is_token: bool) {
        if !self.is_due(&secret) {
            return;
        }
        let house = self.house().clone();
        let work = async move {
            let noted = if is_token {
                app::users::tokens::touch(&house, &secret).await
            } else {
                app::users::sessions::touch(&house, &secret).await
            };
            if let Err(e) = noted {
                tracing::warn!(error = %e, "a sign-in's use could not be noted");
            }
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "no answer waits for it, and the next visit does it again"
        )]
        drop(tokio::spawn(work));
    }
    fn is_due(&self, secret: &str) -> bool {
        let now = self.house().now();
        let mut hasher = DefaultHasher::new();
        secret.hash(&mut hasher);
        let mut touched = self.0.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if touched.len() >= MOST_TOUCHED {
            touched.clear();
        }
        let last = touched.entry(hasher.finish()).or_insert(Millis::MIN);
        let due = *last <= now - MINUTE;
        if due {
            *last = now;
        }
        due
    }
    /// Where it listens, once it does; for links while no public address is configured.
    pub(crate) fn listens_at(&self) -> String {
        self.0.listens_at.get().cloned().unwrap_or_else(|| "http://127.0.0.1".into())
    }
    pub(crate) fn listens(&self, address: std::net::SocketAddr) {
        let scheme = if self.0.secure { "https" } else { "http" };
        let _ = self.0.listens_at.set(format!("{scheme}://{address}"));
    }
    pub(crate) fn metrics(&self) -> Option<String> {
        self.0.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render)
    }
    /// The visitor's address: the socket's, or what a trusted proxy in front of us says.
    pub(crate) fn address(
        &self,
        peer: Option<std::net::IpAddr>,
        headers: &http::HeaderMap,
    ) -> String {
        let Some(peer) = peer else { return String::new() };
        let said = self.0.trusted_proxies.contains(&peer).then(|| {
            let list = headers.get("x-forwarded-for")?.to_str().ok()?;
            // The last address was written by our own proxy; those before it by anybody.
            list.rsplit(',').next()?.trim().parse::<std::net::IpAddr>().ok()
        });
        said.flatten().unwrap_or(peer).to_string()
    }
    /// The cookie by which a device is known that has signed in before.
    pub(crate) fn device_cookie(&self) -> &'static str {
        if self.0.secure { "__Host-dev" } else { "dev" }
    }
    /// The cookie of the sign-in. The `__Host-` prefix needs https.
    pub(crate) fn session_cookie(&self) -> &'static str {
        if self.0.secure { "__Host-sid" } else { "sid" }
    }
}
