//! What the pages share: the house and how this program is reached.

use app::House;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The state of every handler. Cloning shares it.
#[derive(Clone)]
pub struct Site(Arc<Shared>);

struct Shared {
    house: House,
    secure: bool,
    trusted_proxies: Vec<std::net::IpAddr>,
    places: Semaphore,
    metrics: Option<metrics_exporter_prometheus::PrometheusHandle>,
}

/// Requests in work at once; more are told to come back (security 34).
const PLACES: usize = 512;

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
            metrics,
        }))
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
    /// The cookie of the sign-in. The `__Host-` prefix needs https.
    pub(crate) fn session_cookie(&self) -> &'static str {
        if self.0.secure { "__Host-sid" } else { "sid" }
    }
}
