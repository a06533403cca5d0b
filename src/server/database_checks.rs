//! Health checks and metrics of `minitwit postgres`.

use std::{io, net::SocketAddr, time::Duration};

use listener::{ConnectionLimits, Shutdown};
use metrics_exporter_prometheus::PrometheusHandle;
use poem::{IntoEndpoint as _, Route};
use tokio::net::TcpListener;

use super::{StartError, bind as bind_address, connections::serve, operations};
use crate::db::PgConnectOptions;

/// The clients are a supervisor and a few collectors of metrics.
const LIMITS: ConnectionLimits = ConnectionLimits {
    idle: Duration::from_secs(75),
    header: Duration::from_secs(10),
    write: Duration::from_secs(30),
    max_connections: 100,
    per_address: 100,
};

/// The bound server of the checks.
pub struct DatabaseChecks {
    listener: TcpListener,
    options: PgConnectOptions,
    metrics: PrometheusHandle,
}

/// Binds the address of `--operations-listen`.
pub async fn bind(
    address: SocketAddr,
    options: PgConnectOptions,
    metrics: PrometheusHandle,
) -> Result<DatabaseChecks, StartError> {
    let listener = bind_address("--operations-listen", address).await?;
    Ok(DatabaseChecks { listener, options, metrics })
}

impl DatabaseChecks {
    /// The address, with the actual port if port 0 was given.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until dropped.
    pub async fn serve(self) {
        let Self { listener, options, metrics } = self;
        let routes = operations::add_database_checks(Route::new(), options, metrics);
        let shutdown = Shutdown::default();
        serve(listener, LIMITS, routes.into_endpoint(), &shutdown, Duration::ZERO, |_| true).await;
    }
}
