//! For tests: a service whose database accepts connections and never responds, and a database that is
//! not reachable.

use std::time::Duration;

use super::{PasswordSettings, RateLimits, Service, Settings, StreamSettings};
use crate::db::{Database, PgConnectOptions, PoolSettings, ReadSettings};

/// The acquire time-out and the statement time-out of the service's pool.
pub(crate) const DATABASE_TIMEOUT: Duration = Duration::from_secs(3);

/// A database at a port that nothing listens on.
pub(crate) fn unreachable_database() -> Database {
    database_at(1)
}

fn database_at(port: u16) -> Database {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port);
    let pool = PoolSettings {
        max_connections: 4,
        acquire_timeout: DATABASE_TIMEOUT,
        statement_timeout: DATABASE_TIMEOUT,
        reads: ReadSettings::with_timeout(DATABASE_TIMEOUT),
    };
    Database::new(options, &pool)
}

pub(crate) fn service_at(port: u16) -> Service {
    let settings = Settings {
        passwords: PasswordSettings { cost: 4, workers: 1, simulator_workers: 0, queue: 1 },
        password_rules: crate::domain::PasswordRules::default(),
        session_lifetime: Duration::from_secs(3),
        limits: RateLimits::default(),
        streams: StreamSettings {
            clients: 1,
            backlog: 1,
            heartbeat: Duration::from_secs(3),
            max_lag: Duration::from_secs(3),
        },
    };
    Service::new(database_at(port), &settings)
}
