//! The test harness: one PostgreSQL for all tests, a new database and a server for each test, and clients.

pub mod actors;
pub mod chromium;
pub mod cluster;
pub mod documents;
pub mod process;
pub mod raw;
pub mod source;
pub mod stream;
pub mod window;

use std::{
    net::SocketAddr,
    sync::OnceLock,
    time::{Duration, Instant},
};

use listener::{ConnectionLimits, Shutdown};
use metrics_exporter_prometheus::PrometheusHandle;
use minitwit::{
    db::{Database, PoolSettings, ReadSettings},
    domain::PasswordRules,
    http::middleware::{request_limits::RequestLimits, trusted_proxies::TrustedProxies},
    server::{Server, Settings},
    service::{self, PasswordSettings, RateLimits, Service, StreamSettings},
    simulator_api::Credentials,
    telemetry::metrics,
    web::SecurityContact,
};
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::task::JoinHandle;

use actors::{ApiClient, Browser, Simulator};
use cluster::TestDatabase;

/// The time-out of every wait. Longer than any successful wait, so it affects only failing tests.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// A server in this process, with its own database.
pub struct App {
    pub address: SocketAddr,
    pub simulator_address: SocketAddr,
    /// The address for health checks and metrics alone, if the settings have one.
    pub operations_address: Option<SocketAddr>,
    pub database: TestDatabase,
    /// A pool for the test to read rows.
    pub rows: PgPool,
    pub service: Service,
    shutdown: Shutdown,
    serving: JoinHandle<()>,
}

impl App {
    /// Starts a server on a fresh database.
    pub async fn start() -> Self {
        Self::start_on(TestDatabase::fresh().await).await
    }

    pub async fn start_on(database: TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    /// Starts another server on the same database.
    pub async fn replica(&self) -> Self {
        Self::start_on(self.database.clone()).await
    }

    /// Starts a server on this database, with settings changed by `change`.
    pub async fn start_with(database: TestDatabase, change: impl FnOnce(&mut AppSettings)) -> Self {
        let mut settings = AppSettings::new(database.options());
        change(&mut settings);
        let pool = Database::new(settings.database, &settings.pool);
        let service = Service::new(pool, &settings.service);
        let server = Server::bind(settings.server, service.clone(), recorder()).await;
        let server = server.expect("free ports");
        let address = server.address().expect("bound");
        let simulator_address = server.simulator_address().expect("bound").expect("asked for");
        let operations_address = server.operations_address().expect("bound");
        let shutdown = Shutdown::default();
        let serving = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { server.run(shutdown).await }
        });
        // The settings of a role or of a database under test must not cancel the test's own queries.
        let unlimited = [("statement_timeout", "0"), ("lock_timeout", "0")];
        let rows = PgPool::connect_lazy_with(database.options().options(unlimited));
        Self {
            address,
            simulator_address,
            operations_address,
            database,
            rows,
            service,
            shutdown,
            serving,
        }
    }

    /// Stops the server and returns its database.
    pub async fn stop(self) -> TestDatabase {
        self.shutdown.stop();
        self.serving.await.expect("stopped");
        self.rows.close().await;
        self.database
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A browser without a session.
    pub fn anonymous(&self) -> Browser {
        Browser::new(format!("http://{}", self.address))
    }

    /// A browser of a new, signed-in user with the password `secret`.
    pub async fn signed_in(&self, username: &str) -> Browser {
        let browser = self.anonymous();
        browser.sign_up(username).await;
        browser.sign_in(username).await;
        browser
    }

    /// The simulator, at `/sim`.
    pub fn simulator(&self) -> Simulator {
        Simulator::new(self.url("/sim"))
    }

    /// The simulator, at the root of its own port.
    pub fn simulator_at_root(&self) -> Simulator {
        Simulator::new(format!("http://{}", self.simulator_address))
    }

    pub fn api(&self) -> ApiClient {
        ApiClient::new(format!("http://{}", self.address))
    }

    /// A client of the JSON API with the token of a new user with the password `secret`.
    pub async fn api_user(&self, username: &str) -> ApiClient {
        let api = self.api();
        let response = api.sign_up(username).await;
        assert_eq!(response.status, 201, "{response:?}");
        api.signed_in(username).await
    }

    /// Indexes all messages for search, except the newest ones that do not fill a block.
    pub async fn index_messages(&self) {
        let left = "SELECT (SELECT count(*) FROM search_late WHERE (SELECT published_at FROM messages
                            WHERE messages.message_id = search_late.message_id) <=
                            (SELECT max(until_time) FROM search_blocks))
                         + (SELECT count(*) FROM messages WHERE NOT flagged AND published_at >
                            (SELECT COALESCE(max(until_time), '-infinity') FROM search_blocks)) / 256";
        eventually("the messages are indexed", || async {
            self.service.index_messages().await.expect("indexed");
            (self.count(left).await == 0).then_some(())
        })
        .await;
    }

    pub async fn execute(&self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&self.rows).await.expect(statement);
    }

    /// The single value that a query on this server's database returns.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.rows).await.expect(query)
    }
}

/// The settings of a test's server.
pub struct AppSettings {
    pub database: PgConnectOptions,
    pub pool: PoolSettings,
    pub service: service::Settings,
    pub server: Settings,
}

impl AppSettings {
    /// The settings of most tests, on this database.
    pub fn new(database: PgConnectOptions) -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            database,
            pool: PoolSettings {
                max_connections: 16,
                acquire_timeout: Duration::from_secs(20),
                statement_timeout: Duration::from_secs(20),
                reads: ReadSettings::with_timeout(Duration::from_secs(20)),
            },
            service: service::Settings {
                // The lowest cost of bcrypt; hashing time is not under test.
                passwords: PasswordSettings {
                    cost: 4,
                    workers: 1,
                    simulator_workers: 1,
                    queue: 256,
                },
                password_rules: PasswordRules::default(),
                session_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
                // No limits: tests send more requests than users.
                limits: RateLimits::default(),
                streams: StreamSettings {
                    clients: 100,
                    backlog: 64,
                    heartbeat: TIMEOUT,
                    max_lag: TIMEOUT,
                },
            },
            server: Settings {
                listen: any_port,
                simulator_listen: Some(any_port),
                operations_listen: None,
                credentials: Credentials::new("simulator".into(), "super_safe!".into()),
                trusted_proxies: TrustedProxies::default(),
                security_contact: SecurityContact::default(),
                connections: ConnectionLimits {
                    idle: TIMEOUT,
                    header: TIMEOUT,
                    write: TIMEOUT,
                    max_connections: 1_000,
                    per_address: 1_000,
                },
                requests: RequestLimits { body: 65_536, body_timeout: TIMEOUT },
                shutdown_timeout: Duration::from_secs(10),
            },
        }
    }
}

/// The metrics recorder of this process, which its servers share.
fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| metrics::start().expect("the only recorder")).clone()
}

/// Polls until `probe` returns a value; panics at the time-out.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut probe: impl FnMut() -> F,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(begun.elapsed() < TIMEOUT, "time-out: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
