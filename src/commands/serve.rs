//! `minitwit serve`: starts the layers, serves, and stops them in reverse order.

use std::{
    io::{self, Write},
    num::NonZero,
    path::Path,
    process,
    sync::Arc,
    thread,
    time::Duration,
};

use listener::{ConnectionLimits, Shutdown};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};
use tracing_appender::non_blocking::ErrorCounter;

use super::{
    Failure, backup_metrics,
    database::{self, Source},
    new_data, open_files, panics, repository, schema, start_server_logs,
    stop::{Stop, StopSignal},
    text_rules,
};
use crate::{
    api,
    config::{LogFormat, RateArgs, ReadArgs, ServeArgs},
    db::{Database, PoolSettings, ReadBounds, ReadSettings},
    domain::PasswordRules,
    http::middleware::{request_limits::RequestLimits, trusted_proxies::TrustedProxies},
    server::{self, Server, watchdog},
    service::{self, PasswordSettings, Rate, RateLimits, Service, Settings, StreamSettings},
    simulator_api,
    telemetry::{
        metrics,
        rejected_commands::{self, Writing},
        saturation,
    },
    web,
};

/// How often the exporter aggregates histograms, which otherwise grow until the next scrape.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// How often the lag of the event loop is measured.
const LAG_INTERVAL: Duration = Duration::from_millis(250);
/// How often ended sessions and tokens and old idempotency keys are deleted.
const SWEEP: Duration = Duration::from_secs(3_600);
/// How often changes of counts are folded. A longer interval makes folding cheaper, since it folds
/// more changes of one user at once; a shorter one makes reading counts cheaper.
const COUNT_FOLDING: Duration = Duration::from_millis(500);
/// How many deliveries are kept for slow subscribers. There are at most 10 per second, so these
/// last more than 6 s.
const STREAM_BACKLOG: usize = 64;
/// How far streams may fall behind the posts before they report a gap. Users cannot read messages
/// at such a rate, and newer messages matter more.
const STREAM_MAX_LAG: Duration = Duration::from_secs(10);
/// How often messages are indexed for search. Until then, each search scans them.
const INDEXING: Duration = Duration::from_millis(500);
/// The number of heartbeats on a stream within the idle time-out of its connection.
const HEARTBEATS: u32 = 5;
/// How long the watchdog waits for the log to be written before it ends the process.
const LOG_FLUSH: Duration = Duration::from_millis(200);
/// The exit code of a server that the watchdog ended: `EX_SOFTWARE` of `sysexits.h`.
const EXIT_HUNG: i32 = 70;
/// The file of rejected commands in the data directory.
const REJECTED_COMMANDS: &str = "rejected-commands.jsonl";

pub(super) fn run(settings: &ServeArgs, stop: &Stop) -> Result<(), Failure> {
    settings.check_production()?;
    pool_settings(settings).check()?;
    let logs = start_server_logs(&settings.log)?;
    if settings.has_well_known_password() {
        tracing::warn!(
            "the simulator's password is the default, which is public; set --simulator-password"
        );
    }
    let max_connections = open_files::fit_connections(settings);
    let metrics = metrics::start()?;
    // An unusable file is an error before PostgreSQL starts.
    let given = settings.rejected_commands.as_deref().map(record_rejected).transpose()?;
    let mut _made = None;
    if settings.database.is_embedded() && !settings.database.ephemeral {
        let directory = database::data_dir(&settings.database)?;
        _made = Some(new_data::check_new(&directory)?);
        repository::configure_or_forget(&directory, &settings.database, &settings.repository)?;
    }
    let connections = settings.pool.database_connections;
    let source = match Source::open(&settings.database, connections, stop) {
        Err(_) if stop.requested().is_some() => return stopped(stop),
        source => source?,
    };
    let default = source.data_dir().filter(|_| given.is_none());
    let default = default.map(|directory| record_rejected(&directory.join(REJECTED_COMMANDS)));
    let rejected_commands = given.or(default.transpose()?);
    if rejected_commands.is_none() {
        tracing::info!(
            "rejected commands are not recorded; --rejected-commands names a file for them"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = server_settings(settings, max_connections);
    let result = runtime.block_on(serve(settings, server, &source, metrics, logs.dropped()));
    let is_stopped = result.is_err() && stop.requested().is_some();
    source.close();
    drop(rejected_commands);
    if is_stopped { stopped(stop) } else { result }
}

/// Ends a start that a signal has stopped.
fn stopped(stop: &Stop) -> Result<(), Failure> {
    let signal = stop.requested().map(StopSignal::name);
    tracing::info!(signal, "stopped before the start was complete");
    Ok(())
}

fn record_rejected(path: &Path) -> Result<Writing, Failure> {
    rejected_commands::start(path).map_err(|error| {
        format!("--rejected-commands: cannot open {}: {error}", path.display()).into()
    })
}

async fn serve(
    settings: &ServeArgs,
    server_settings: server::Settings,
    source: &Source,
    metrics: PrometheusHandle,
    dropped_lines: ErrorCounter,
) -> Result<(), Failure> {
    let stop = source.waits().stop();
    source.prepare().await?;
    schema::apply_migrations(settings, source).await?;
    schema::await_migrations(settings, source).await?;
    stop.interrupt(text_rules::check(source)).await?;
    let database = Database::new(source.options.clone(), &pool_settings(settings));
    let service = Service::new(database, &service_settings(settings));
    let bind = Server::bind(server_settings, service.clone(), metrics.clone());
    let server = stop.interrupt(bind).await?;
    let shutdown = shut_down_by_signal(stop.clone(), settings.limits.drain);
    panics::serving();
    announce(settings, &server)?;
    let mut background = vec![
        tokio::spawn(measure_lag()),
        tokio::spawn(maintain(service.clone(), metrics, dropped_lines)),
        tokio::spawn(fold_counts(service.clone())),
        tokio::spawn(index_messages(service)),
    ];
    if let Some(sources) = backup_metrics::Sources::of(source, &settings.database)? {
        background.push(tokio::spawn(backup_metrics::record_forever(sources, Arc::default())));
    }
    // The watchdog also covers the task that accepts connections, so both share this task.
    match settings.limits.watchdog {
        Some(timeout) => watchdog::watch(timeout, exit_hung, server.run(shutdown)).await?,
        None => server.run(shutdown).await,
    }
    background.iter().for_each(JoinHandle::abort);
    tracing::info!("stopped");
    Ok(())
}

fn exit_hung() {
    tracing::error!("the async runtime hangs; ending the process");
    thread::sleep(LOG_FLUSH);
    process::exit(EXIT_HUNG);
}

fn pool_settings(settings: &ServeArgs) -> PoolSettings {
    PoolSettings {
        max_connections: settings.pool.database_connections.into(),
        acquire_timeout: settings.pool.database_acquire_timeout,
        statement_timeout: settings.pool.database_statement_timeout,
        reads: read_settings(&settings.reads),
    }
}

fn read_settings(reads: &ReadArgs) -> ReadSettings {
    let bounds = |connections: Option<u16>, queue: u16, statement_timeout| ReadBounds {
        connections: connections.map(u32::from),
        queue: queue.into(),
        statement_timeout,
    };
    let ReadArgs { search, timelines, lists } = reads;
    ReadSettings {
        search: bounds(search.connections, search.queue, search.timeout),
        timelines: bounds(timelines.connections, timelines.queue, timelines.timeout),
        lists: bounds(lists.connections, lists.queue, lists.timeout),
    }
}

fn rate_limits(rates: &RateArgs) -> RateLimits {
    RateLimits {
        sign_ins_per_account: Rate::per_minute(rates.sign_ins_per_account),
        sign_ins_per_address: Rate::per_minute(rates.sign_ins_per_address),
        registrations_per_address: Rate::per_minute(rates.registrations_per_address),
        posts_per_account: Rate::new(rates.post_burst, rates.posts_per_account),
        changes_per_account: Rate::per_minute(rates.changes_per_account),
        downloads_per_account: Rate::per_minute(rates.downloads_per_account),
    }
}

fn service_settings(settings: &ServeArgs) -> Settings {
    let accounts = &settings.accounts;
    // Half of the processors; the other half serves all other requests.
    let workers = accounts.password_workers.map_or_else(
        || thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2),
        usize::from,
    );
    Settings {
        passwords: PasswordSettings {
            cost: accounts.passwords.password_cost,
            workers,
            simulator_workers: workers,
            queue: accounts.password_queue.into(),
        },
        password_rules: PasswordRules::new(settings.password_minimum()),
        session_lifetime: Duration::from_secs(u64::from(accounts.session_lifetime) * 24 * 60 * 60),
        limits: rate_limits(&settings.rates),
        streams: StreamSettings {
            clients: settings.limits.stream_clients as usize,
            backlog: STREAM_BACKLOG,
            heartbeat: settings.limits.idle_timeout / HEARTBEATS,
            max_lag: STREAM_MAX_LAG,
        },
    }
}

fn server_settings(settings: &ServeArgs, max_connections: usize) -> server::Settings {
    let limits = &settings.limits;
    server::Settings {
        listen: settings.address.listen,
        simulator_listen: settings.simulator_listen,
        operations_listen: settings.address.operations_listen,
        credentials: simulator_api::Credentials::new(
            settings.credentials.simulator_username.clone(),
            settings.credentials.password().expose().to_owned(),
        ),
        trusted_proxies: TrustedProxies::new(&settings.trusted_proxies.0),
        security_contact: web::SecurityContact(settings.security_contact.0.clone()),
        connections: ConnectionLimits {
            idle: limits.idle_timeout,
            header: limits.header_timeout,
            write: limits.write_timeout,
            max_connections,
            per_address: limits.connections_per_address as usize,
        },
        requests: RequestLimits {
            body: limits.body_limit as usize,
            body_timeout: limits.body_timeout,
        },
        shutdown_timeout: limits.shutdown_timeout,
    }
}

/// Logs the addresses. Also prints them unless the log is JSON.
fn announce(settings: &ServeArgs, server: &Server) -> io::Result<()> {
    let base = format!("http://{}", server.address()?);
    let simulator_base = server.simulator_address()?.map(|address| format!("http://{address}/"));
    let operations_base = server.operations_address()?.map(|address| format!("http://{address}"));
    tracing::info!(base, simulator = simulator_base, operations = operations_base, "serving");
    if settings.log.log_format == LogFormat::Json {
        return Ok(());
    }
    let mut lines = format!(
        "MiniTwit is serving (stop it with Ctrl-C):\n  \
         pages          {base}/\n  \
         Swagger UI     {base}/docs\n  \
         API            {base}{}\n  \
         simulator API  {base}{}\n",
        api::PREFIX,
        simulator_api::PREFIX,
    );
    if let Some(base) = simulator_base {
        lines.push_str(&format!("                 {base}\n"));
    }
    let operations_base = operations_base.as_ref().unwrap_or(&base);
    lines.push_str(&format!("  metrics        {operations_base}/metrics\n"));
    // A closed standard output is no reason to stop.
    let _ = io::stdout().write_all(lines.as_bytes());
    Ok(())
}

/// Shuts the server down by signal. SIGTERM first drains it for `drain`. The other stop signals and any second
/// signal stop it at once.
fn shut_down_by_signal(stop: Stop, drain: Option<Duration>) -> Shutdown {
    stop.take_over();
    let shutdown = Shutdown::default();
    tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            let signal = stop.first().await;
            if let Some(drain) = drain.filter(|_| signal.allows_drain()) {
                tracing::info!(seconds = drain.as_secs(), "draining");
                shutdown.drain();
                tokio::select! {
                    () = tokio::time::sleep(drain) => {}
                    () = stop.second() => {}
                }
            }
            tracing::info!(signal = signal.name(), "stopping");
            shutdown.stop();
        }
    });
    shutdown
}

async fn maintain(service: Service, metrics: PrometheusHandle, dropped_lines: ErrorCounter) {
    let mut upkeep = tokio::time::interval(METRICS_UPKEEP);
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = upkeep.tick() => {
                metrics.run_upkeep();
                metrics::log_lines_dropped(dropped_lines.dropped_lines());
            }
            _ = sweep.tick() => {
                if let Err(error) = service.sweep_ended().await {
                    tracing::warn!(%error, "cannot delete ended sessions and tokens");
                }
                if let Err(error) = service.sweep_idempotency_keys().await {
                    tracing::warn!(%error, "cannot delete old idempotency keys");
                }
            }
        }
    }
}

/// Measures by how much a timer and a new task run too late.
async fn measure_lag() {
    loop {
        let due = Instant::now() + LAG_INTERVAL;
        tokio::time::sleep_until(due).await;
        // It matters only when a worker runs it.
        let _ = tokio::spawn(async {}).await;
        saturation::event_loop_lag(due.elapsed());
    }
}

/// Folds changes of counts periodically.
async fn fold_counts(service: Service) {
    let what = "cannot add changes to the users' counts; retrying";
    repeat(COUNT_FOLDING, what, || {
        let service = service.clone();
        async move { service.fold_counts().await }
    })
    .await;
}

/// Indexes messages periodically.
async fn index_messages(service: Service) {
    let what = "cannot index messages for search; retrying";
    repeat(INDEXING, what, || {
        let service = service.clone();
        async move { service.index_messages().await }
    })
    .await;
}

/// Repeats an operation. Logs only the first of consecutive failures.
async fn repeat<F: Future<Output = Result<(), service::Error>>>(
    interval: Duration,
    failure: &'static str,
    operation: impl Fn() -> F,
) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        let result = operation().await;
        if let Err(error) = &result
            && !failing
        {
            tracing::warn!(%error, "{failure}");
        }
        failing = result.is_err();
    }
}
