//! `minitwit serve`: puts the layers together, serves, and takes them apart again.

use std::{
    convert::Infallible,
    future,
    io::{self, Write},
    net::SocketAddr,
    num::NonZero,
    process, thread,
    time::Duration,
};

use listener::{ConnectionLimits, Shutdown};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, MissedTickBehavior},
};
use tracing_appender::non_blocking::ErrorCounter;

use super::{Failure, database::Source, open_files, start_logs};
use crate::{
    api,
    config::{LogFormat, ServeArgs},
    db::{Connection, Database, PoolSettings, migrations},
    http::middleware::{request_limits::RequestLimits, trusted_proxies::TrustedProxies},
    server::{self, Server, watchdog},
    service::{PasswordSettings, RateLimits, Service, Settings, StreamSettings},
    simulator_api,
    telemetry::metrics,
};

/// How often histograms are folded, which would otherwise grow while nobody scrapes them.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// How often what is left of ended sessions and tokens is removed.
const SWEEP: Duration = Duration::from_secs(3_600);
/// How often changes of counts are folded. The more of one user's are folded at once, the less it
/// costs; the fewer there are, the less it costs to read that user's counts.
const COUNT_FOLDING: Duration = Duration::from_millis(500);
/// How many batches of new messages are kept for clients of the stream that are slow to take them.
/// There are ten a second at most, so that it is more than six seconds' worth.
const STREAM_BACKLOG: usize = 64;
/// How far the stream may fall behind when more is posted than it sends, before it has its clients
/// reload the timeline: nobody reads that much, and what is newer matters more.
const STREAM_BEHIND: Duration = Duration::from_secs(10);
/// How often it is looked whether the migrations that somebody else applies are done.
const SCHEMA_LOOK: Duration = Duration::from_secs(1);
/// How long the log is given to tell why a server that hangs is ended.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// The exit code of one that was.
const HUNG: i32 = 70;
/// How often a client of the stream hears something within the time after which its connection would be
/// closed.
const HEARTBEATS: u32 = 5;

pub(super) fn run(settings: &ServeArgs) -> Result<(), Failure> {
    settings.check_production()?;
    let logs = start_logs(&settings.log)?;
    if settings.has_well_known_password() {
        tracing::warn!("the simulator's password is the contract's, which keeps nobody out");
    }
    open_files::raise_file_limit();
    let metrics = metrics::start()?;
    let source = Source::open(&settings.database, settings.pool.database_connections)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(serve(settings, &source, metrics, logs.dropped()));
    source.close();
    result
}

async fn serve(
    settings: &ServeArgs,
    source: &Source,
    metrics: PrometheusHandle,
    dropped_lines: ErrorCounter,
) -> Result<(), Failure> {
    let shutdown = shut_down_by_signal(settings.limits.drain)?;
    source.prepare().await?;
    let migrated = async {
        apply_migrations(settings, source).await?;
        await_migrations(settings, source).await
    };
    tokio::select! {
        migrated = migrated => migrated?,
        // There are no requests yet to drain.
        () = shutdown.told() => return Ok(()),
    }
    let database = Database::new(source.options.clone(), &pool_settings(settings));
    let service = Service::new(database, &service_settings(settings));
    let server = Server::bind(server_settings(settings), service.clone(), metrics.clone()).await?;
    announce(settings, server.address()?, server.simulator_address()?);
    let upkeep = tokio::spawn(keep_up(service.clone(), metrics, dropped_lines));
    let folding = tokio::spawn(fold_counts(service.clone()));
    let served = async {
        let served = server.run(shutdown.clone()).await;
        // Also a server that failed is stopped.
        shutdown.stop();
        served
    };
    let asked_to_stop = async {
        shutdown.stopped().await;
        Instant::now()
    };
    let life = live(settings.limits.watchdog)?;
    let (served, asked_to_stop) = tokio::select! {
        ended = async { tokio::join!(served, asked_to_stop) } => ended,
        never = life => match never {},
    };
    upkeep.abort();
    folding.abort();
    // Writes whose clients went away are finished, unless the database is gone, too.
    let deadline = asked_to_stop + settings.limits.shutdown_timeout;
    let finished = tokio::time::timeout_at(deadline, service.shut_down()).await;
    if finished.is_err() {
        tracing::warn!("writes were still under way at the end");
    }
    tracing::info!("stopped");
    Ok(served?)
}

async fn apply_migrations(settings: &ServeArgs, source: &Source) -> Result<(), Failure> {
    if settings.no_migrate {
        return Ok(());
    }
    let mut connection = source.connect().await?;
    let applied = migrations::apply(&mut connection, None).await;
    for migration in applied.map_err(|error| source.failure(error))? {
        tracing::info!(migration, "applied");
    }
    connection.close().await?;
    Ok(())
}

/// Waits until the schema is the one that this program needs, if somebody is to bring it up to date.
/// Whoever does may also start the database anew, or first of all.
async fn await_migrations(settings: &ServeArgs, source: &Source) -> Result<(), Failure> {
    let deadline = Instant::now() + settings.await_migrations.unwrap_or_default();
    let mut told = None;
    loop {
        let Err(error) = check_schema(source).await else { return Ok(()) };
        if !error.passes() || Instant::now() >= deadline {
            return Err(source.failure(error));
        }
        let why = error.to_string();
        if told.as_ref() != Some(&why) {
            tracing::info!(why, "waiting for migrations");
            told = Some(why);
        }
        tokio::time::sleep(SCHEMA_LOOK).await;
    }
}

async fn check_schema(source: &Source) -> Result<(), migrations::Error> {
    let mut connection = migrations::connect(&source.options).await?;
    migrations::check(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Gives signs of life to the watchdog, if there is to be one, and never ends.
fn live(patience: Option<Duration>) -> io::Result<impl Future<Output = Infallible>> {
    let watched = patience.map(|patience| watchdog::start(patience, end_hung)).transpose()?;
    Ok(async {
        if let Some(watched) = watched {
            watched.live().await;
        }
        future::pending().await
    })
}

/// Ends a process that can do nothing properly any more.
fn end_hung() {
    tracing::error!("no sign of life: the server hangs, and is ended");
    thread::sleep(LAST_WORDS);
    process::exit(HUNG);
}

fn pool_settings(settings: &ServeArgs) -> PoolSettings {
    PoolSettings {
        max_connections: settings.pool.database_connections.into(),
        acquire_timeout: settings.pool.database_acquire_timeout,
        statement_timeout: settings.pool.database_statement_timeout,
    }
}

fn service_settings(settings: &ServeArgs) -> Settings {
    let accounts = &settings.accounts;
    // Half of the processors: the other half stays free for everything that is not a password.
    let workers = accounts.password_workers.map_or_else(
        || thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2),
        usize::from,
    );
    Settings {
        passwords: PasswordSettings {
            cost: accounts.passwords.password_cost,
            workers,
            queue: accounts.password_queue.into(),
        },
        session_lifetime: Duration::from_secs(u64::from(accounts.session_lifetime) * 24 * 60 * 60),
        limits: RateLimits {
            sign_ins_per_account: NonZero::new(settings.rates.sign_ins_per_account),
            sign_ins_per_address: NonZero::new(settings.rates.sign_ins_per_address),
            registrations_per_address: NonZero::new(settings.rates.registrations_per_address),
            posts_per_account: NonZero::new(settings.rates.posts_per_account),
        },
        streams: StreamSettings {
            clients: settings.limits.stream_clients as usize,
            backlog: STREAM_BACKLOG,
            heartbeat: settings.limits.idle_timeout / HEARTBEATS,
            behind: STREAM_BEHIND,
        },
    }
}

fn server_settings(settings: &ServeArgs) -> server::Settings {
    let limits = &settings.limits;
    server::Settings {
        listen: settings.address.listen,
        simulator_listen: settings.simulator_listen,
        credentials: simulator_api::Credentials::new(
            settings.credentials.simulator_username.clone(),
            settings.credentials.password().expose().to_owned(),
        ),
        trusted_proxies: TrustedProxies::new(&settings.trusted_proxies.0),
        connections: ConnectionLimits {
            idle: limits.idle_timeout,
            header: limits.header_timeout,
            write: limits.write_timeout,
            max_connections: limits.max_connections as usize,
        },
        requests: RequestLimits {
            body: limits.body_limit as usize,
            body_timeout: limits.body_timeout,
        },
        shutdown_timeout: limits.shutdown_timeout,
    }
}

/// Says where things are: in the log, and where that is for people, in lines of their own.
fn announce(settings: &ServeArgs, address: SocketAddr, simulator: Option<SocketAddr>) {
    let base = format!("http://{address}");
    let own_simulator = simulator.map(|address| format!("http://{address}/"));
    tracing::info!(base, simulator = own_simulator, "serving");
    if settings.log.log_format == LogFormat::Json {
        return;
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
    if let Some(own) = own_simulator {
        lines.push_str(&format!("                 {own}\n"));
    }
    lines.push_str(&format!("  metrics        {base}/metrics\n"));
    // Nobody need read them.
    let _ = io::stdout().write_all(lines.as_bytes());
}

/// Ends the server when the process is asked to end: by SIGTERM after it has drained for as long as
/// `drain` says, by Ctrl-C or by a second signal at once.
fn shut_down_by_signal(drain: Option<Duration>) -> Result<Shutdown, Failure> {
    let shutdown = Shutdown::default();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            let drain = tokio::select! {
                _ = terminate.recv() => drain,
                _ = interrupt.recv() => None,
            };
            if let Some(drain) = drain {
                tracing::info!(seconds = drain.as_secs(), "draining");
                shutdown.drain();
                tokio::select! {
                    () = tokio::time::sleep(drain) => {}
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            tracing::info!("stopping");
            shutdown.stop();
        }
    });
    Ok(shutdown)
}

/// What a server does now and then.
async fn keep_up(service: Service, metrics: PrometheusHandle, dropped_lines: ErrorCounter) {
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
                    tracing::warn!(%error, "ended sessions and tokens were not removed");
                }
                if let Err(error) = service.sweep_idempotency_keys().await {
                    tracing::warn!(%error, "old idempotency keys were not removed");
                }
            }
        }
    }
}

/// Folds changes of counts, again and again. Of failures in a row the first is logged.
async fn fold_counts(service: Service) {
    let mut ticks = tokio::time::interval(COUNT_FOLDING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        let folded = service.fold_counts().await;
        if let Err(error) = &folded
            && !failing
        {
            tracing::warn!(%error, "counts were not folded");
        }
        failing = folded.is_err();
    }
}
