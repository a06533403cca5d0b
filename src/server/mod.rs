//! The HTTP server: the routes, and what runs beside the handlers.
//!
//! The crate `listener` accepts and bounds connections. `http::middleware::stack` lists what a request
//! passes before its surface. `operations` has the paths for operators, `watchdog` ends a server whose
//! runtime hangs, and `probe` checks a server's health from outside.

mod operations;
pub mod probe;
pub mod watchdog;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use listener::{ConnectionLimits, LimitedAcceptor, Shutdown};
use metrics_exporter_prometheus::PrometheusHandle;
use poem::{Endpoint, IntoEndpoint, Response, Route, listener::TcpAcceptor};
use tokio::net::TcpListener;

use crate::{
    api,
    http::middleware::{
        self, access_log::AccessLog, request_limits::RequestLimits, trusted_proxies::TrustedProxies,
    },
    service::Service,
    simulator_api,
    web::{self, templates::Templates},
};

/// Where and how to serve.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of everything.
    pub listen: SocketAddr,
    /// The address at whose root the simulator API is served besides, if any.
    pub simulator_listen: Option<SocketAddr>,
    /// What the simulator has to know.
    pub credentials: simulator_api::Credentials,
    /// Which proxies are believed.
    pub trusted_proxies: TrustedProxies,
    /// What a connection may take.
    pub connections: ConnectionLimits,
    /// What a request may take.
    pub requests: RequestLimits,
    /// How long a stopping server goes on with the requests in flight.
    pub shutdown_timeout: Duration,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("{setting} {address}: cannot listen there")]
    Bind {
        /// The setting that names the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A template does not parse.
    #[error(transparent)]
    Templates(#[from] web::templates::TemplateError),
}

/// A server whose addresses are bound, and which serves once it runs.
pub struct Server {
    settings: Settings,
    service: Service,
    templates: Arc<Templates>,
    metrics: PrometheusHandle,
    main: TcpListener,
    simulator: Option<TcpListener>,
}

impl Server {
    /// Binds the addresses.
    ///
    /// # Errors
    /// When an address is taken or not this machine's.
    pub async fn bind(
        settings: Settings,
        service: Service,
        metrics: PrometheusHandle,
    ) -> Result<Self, StartError> {
        let templates = Arc::new(Templates::new()?);
        let main = bind("--listen", settings.listen).await?;
        let simulator = match settings.simulator_listen {
            Some(address) => Some(bind("--simulator-listen", address).await?),
            None => None,
        };
        Ok(Self { settings, service, templates, metrics, main, simulator })
    }

    /// The address of everything, with the port that the system chose if none was asked for.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.main.local_addr()
    }

    /// The address of the simulator API of its own, likewise.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn simulator_address(&self) -> io::Result<Option<SocketAddr>> {
        self.simulator.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Serves until `shutdown` says stop, and then what is in flight, as long as the settings allow.
    ///
    /// # Errors
    /// When a socket fails for good.
    pub async fn run(self, shutdown: Shutdown) -> io::Result<()> {
        let simulator_only = self.around(self.simulator_api());
        let everything = self.around(self.everything(&shutdown));
        let Self { settings, service, main, simulator, .. } = self;
        let serve_main = serve(&settings, main, everything, &shutdown);
        let serve_simulator = async {
            match simulator {
                Some(listener) => serve(&settings, listener, simulator_only, &shutdown).await,
                None => Ok(()),
            }
        };
        // What would never end by itself is not waited for.
        let end_streams = async {
            shutdown.stopped().await;
            service.end_streams();
        };
        let serve = async { tokio::try_join!(serve_main, serve_simulator).map(|_| ()) };
        tokio::pin!(serve);
        tokio::select! {
            served = &mut serve => served,
            () = end_streams => serve.await,
        }
    }

    fn simulator_api(&self) -> impl Endpoint<Output = Response> + 'static {
        let credentials = self.settings.credentials.clone();
        simulator_api::endpoint(self.service.clone(), credentials, self.settings.requests)
    }

    fn everything(&self, shutdown: &Shutdown) -> impl Endpoint<Output = Response> + 'static {
        let templates = Arc::clone(&self.templates);
        let pages = web::endpoint(self.service.clone(), templates, self.settings.requests);
        let api = api::endpoint(self.service.clone(), self.settings.requests);
        let routes =
            Route::new().nest(simulator_api::PREFIX, self.simulator_api()).nest(api::PREFIX, api);
        operations::add_to(routes, &self.service, &self.metrics, shutdown)
            .nest_no_strip("/", pages)
            .into_endpoint()
    }

    /// Puts the middleware of every request around `endpoint`.
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

async fn serve(
    settings: &Settings,
    listener: TcpListener,
    endpoint: impl Endpoint<Output = Response> + 'static,
    shutdown: &Shutdown,
) -> io::Result<()> {
    let acceptor = LimitedAcceptor::new(TcpAcceptor::from_tokio(listener)?, settings.connections);
    listener::serve(acceptor, endpoint, shutdown, settings.shutdown_timeout).await
}

/// The label of a request that no route took.
const UNMATCHED: &str = "unmatched";

/// What a matched route is called; where only the place matched that further routes are at, as if
/// nothing had.
fn route_template(pattern: &str) -> String {
    if ["", api::PREFIX, simulator_api::PREFIX].contains(&pattern) {
        return UNMATCHED.to_owned();
    }
    // On its port of its own the simulator API has no prefix.
    if pattern.starts_with(api::PREFIX) {
        api::route_template(pattern)
    } else if pattern.starts_with(simulator_api::PREFIX) {
        simulator_api::route_template(pattern)
    } else {
        web::route_template(&simulator_api::route_template(pattern))
    }
}
