//! For tests: the operations on a database that takes connections and says nothing.

use std::time::Duration;

use super::{PasswordSettings, RateLimits, Service, Settings, StreamSettings};
use crate::db::{Database, PgConnectOptions, PoolSettings};

/// How long an operation waits for the database.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// The operations on what listens at this port of this machine.
pub(crate) fn on(port: u16) -> Service {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port);
    let pool =
        PoolSettings { max_connections: 4, acquire_timeout: PATIENCE, statement_timeout: PATIENCE };
    let settings = Settings {
        passwords: PasswordSettings { cost: 4, workers: 1, queue: 1 },
        session_lifetime: PATIENCE,
        limits: RateLimits::default(),
        streams: StreamSettings { clients: 1, backlog: 1, heartbeat: PATIENCE, behind: PATIENCE },
    };
    Service::new(Database::new(options, &pool), &settings)
}
