//! The HTTP server: addresses, routes and operator endpoints.
//!
//! `connections` hands requests to poem. `operations` serves health checks, metrics and API
//! documents; `database_checks` serves those of `minitwit postgres`. `watchdog` ends a server that hangs. `probe` is the client of `minitwit healthcheck`.
//! Middleware belongs in `http`, and handlers in the surfaces.

mod connections;
pub mod database_checks;
mod operations;
pub mod probe;
pub mod watchdog;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use listener::{ConnectionLimits, Shutdown};
use metrics_exporter_prometheus::PrometheusHandle;
use poem::{Endpoint, IntoEndpoint, Response, Route};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    api,
    http::{
        error_entry::ErrorCatalogue,
        middleware::{
            self, access_log::AccessLog, request_limits::RequestLimits,
            trusted_proxies::TrustedProxies,
        },
    },
    service::Service,
    simulator_api,
    web::{self, templates::Templates},
};

pub use self::connections::serve;

/// How long a starting server waits for the name of its instance.
const INSTANCE_TIMEOUT: Duration = Duration::from_secs(1);

/// The settings of a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that serves all routes.
    pub listen: SocketAddr,
    /// A second address, which serves the simulator API at its root.
    pub simulator_listen: Option<SocketAddr>,
    /// A further address, which serves only health checks and metrics.
    pub operations_listen: Option<SocketAddr>,
    /// The simulator's credentials.
    pub credentials: simulator_api::Credentials,
    /// The proxies whose forwarding headers count.
    pub trusted_proxies: TrustedProxies,
    /// The contact in `security.txt`.
    pub security_contact: web::SecurityContact,
    /// The limits of each connection.
    pub connections: ConnectionLimits,
    /// The limits of each request.
    pub requests: RequestLimits,
    /// The longest time for a stopping server to finish requests and writes.
    pub shutdown_timeout: Duration,
}

/// A failure to start the server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The server cannot listen on an address.
    #[error("{setting}: cannot listen on {address}")]
    Bind {
        /// The setting that names the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// A template does not parse.
    #[error(transparent)]
    Templates(#[from] web::templates::TemplateError),
}

/// A server with bound addresses.
pub struct Server {
    settings: Settings,
    service: Service,
    templates: Arc<Templates>,
    metrics: PrometheusHandle,
    main: TcpListener,
    simulator: Option<TcpListener>,
    operations: Option<TcpListener>,
}

impl Server {
    /// Parses the templates and binds the addresses.
    pub async fn bind(
        settings: Settings,
        service: Service,
        metrics: PrometheusHandle,
    ) -> Result<Self, StartError> {
        let templates = Arc::new(Templates::new()?);
        // Requests read the instance if the database is unreachable now.
        let _ = timeout(INSTANCE_TIMEOUT, service.instance()).await;
        let main = bind("--listen", settings.listen).await?;
        let simulator = bind_optional("--simulator-listen", settings.simulator_listen).await?;
        let operations = bind_optional("--operations-listen", settings.operations_listen).await?;
        Ok(Self { settings, service, templates, metrics, main, simulator, operations })
    }

    /// The address that serves all routes, with the actual port if port 0 was given.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.main.local_addr()
    }

    /// The address that serves the simulator API alone, with the actual port.
    pub fn simulator_address(&self) -> io::Result<Option<SocketAddr>> {
        self.simulator.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// The address that serves health checks and metrics alone, with the actual port.
    pub fn operations_address(&self) -> io::Result<Option<SocketAddr>> {
        self.operations.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Serves until `shutdown` stops, then finishes the requests and writes in flight and closes the
    /// database pool, for at most [`Settings::shutdown_timeout`].
    pub async fn run(self, shutdown: Shutdown) {
        let simulator_only = self.around(self.simulator_api());
        let operations_only = self.around(self.operations(&shutdown));
        let everything = self.around(self.everything(&shutdown));
        let Self { settings, service, main, simulator, operations, .. } = self;
        let Settings { connections: limits, shutdown_timeout: timeout, trusted_proxies, .. } =
            settings;
        let exempt = |peer| trusted_proxies.contain(peer);
        let serve_main = serve(main, limits, everything, &shutdown, timeout, exempt);
        let serve_simulator = async {
            if let Some(simulator) = simulator {
                serve(simulator, limits, simulator_only, &shutdown, timeout, exempt).await;
            }
        };
        let serve_operations = async {
            if let Some(operations) = operations {
                serve(operations, limits, operations_only, &shutdown, timeout, exempt).await;
            }
        };
        let stop = async {
            shutdown.stopping().await;
            // Streams never end by themselves.
            service.end_streams();
            Instant::now() + timeout
        };
        let ((), (), (), deadline) =
            tokio::join!(serve_main, serve_simulator, serve_operations, stop);
        // Writes of disconnected clients may still run.
        if timeout_at(deadline, service.shut_down()).await.is_err() {
            tracing::warn!("abandoning writes that exceed --shutdown-timeout");
        }
    }

    fn simulator_api(&self) -> impl Endpoint<Output = Response> + 'static {
        let credentials = self.settings.credentials.clone();
        simulator_api::endpoint(self.service.clone(), credentials, self.settings.requests)
    }

    fn operations(&self, shutdown: &Shutdown) -> impl Endpoint<Output = Response> + 'static {
        operations::add_checks(Route::new(), &self.service, &self.metrics, shutdown).into_endpoint()
    }

    fn everything(&self, shutdown: &Shutdown) -> impl Endpoint<Output = Response> + 'static {
        let templates = Arc::clone(&self.templates);
        let limits = self.settings.requests;
        let catalogue = ErrorCatalogue(api::error_codes());
        let contact = self.settings.security_contact.clone();
        let pages = web::endpoint(self.service.clone(), templates, limits, catalogue, contact);
        let api = api::endpoint(self.service.clone(), limits);
        let routes =
            Route::new().nest(simulator_api::PREFIX, self.simulator_api()).nest(api::PREFIX, api);
        operations::add_to(routes, &self.service, &self.metrics, shutdown)
            .nest_no_strip("/", pages)
            .into_endpoint()
    }

    fn around(
        &self,
        endpoint: impl Endpoint<Output = Response> + 'static,
    ) -> impl Endpoint<Output = Response> + 'static {
        let log = AccessLog { template: route_template, ready_path: operations::READY };
        middleware::stack(endpoint, self.settings.trusted_proxies.clone(), log)
    }
}

async fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| StartError::Bind { setting, address, source })
}

async fn bind_optional(
    setting: &'static str,
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, StartError> {
    match address {
        Some(address) => bind(setting, address).await.map(Some),
        None => Ok(None),
    }
}

const UNMATCHED: &str = "unmatched";

/// The label of a matched route. A request that matched only the prefix of nested routes counts as
/// unmatched.
fn route_template(pattern: &str) -> String {
    if ["", api::PREFIX, simulator_api::PREFIX].contains(&pattern) {
        return UNMATCHED.to_owned();
    }
    // At its second address, the simulator API has no prefix.
    if pattern.starts_with(api::PREFIX) {
        api::route_template(pattern)
    } else if pattern.starts_with(simulator_api::PREFIX) {
        simulator_api::route_template(pattern)
    } else {
        web::route_template(&simulator_api::route_template(pattern))
    }
}
