//! The schema's history: the files of `migrations/`, embedded in the program, and refinery, which applies them.
//!
//! Refinery uses an sqlx connection like every query, so `DATABASE_URL` and its TLS settings apply to both. Refinery
//! takes no lock. If several servers start simultaneously, an advisory lock lets one apply the pending migrations; the
//! others wait, and find none pending.

mod error;
pub mod objects;
mod outside_transaction;
mod rights;
mod runner;
mod watch;

use std::time::{Duration, Instant};

use refinery_core::{Migration, Runner, SchemaVersion, Target};
use semver::Version;
use sqlx::{ConnectOptions, PgConnection, Row, postgres::PgConnectOptions};
use time::OffsetDateTime;

pub use self::{error::Error, watch::Backend};
use self::{
    runner::{Adapter, is_table_in_use},
    watch::LOCK_KEY,
};
use super::{
    cause::Cause,
    connection_settings::{self, Timeout},
};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The interval between attempts to take the advisory lock.
const LOCK_POLL: Duration = Duration::from_millis(250);

/// A role may have default time-outs; migrations have none.
const TIMEOUTS: [Timeout; 4] = [
    ("statement_timeout", 0),
    ("lock_timeout", 0),
    ("idle_in_transaction_session_timeout", 0),
    ("idle_session_timeout", 0),
];

/// A migration that this program embeds or that the database records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The number.
    pub version: SchemaVersion,
    /// The name.
    pub name: String,
    /// The time at which it was applied; `None` while it is pending.
    pub applied_on: Option<OffsetDateTime>,
    /// True if this program embeds it. A program does not embed the migrations of a later release.
    pub known: bool,
}

/// Opens a connection for migrations, without time-outs: the build of an index may take minutes.
///
/// Returns an error if the database cannot be reached or its encoding is not UTF-8.
pub async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let options = connection_settings::request(options.clone(), &TIMEOUTS)
        .application_name("minitwit migrate")
        .disable_statement_logging()
        // Suppresses the notice of `CREATE TABLE IF NOT EXISTS`, which refinery executes.
        .options([("client_min_messages", "warning")]);
    let mut connection = options.connect().await?;
    connection_settings::establish(&mut connection, &TIMEOUTS).await?;
    let encoding: String =
        sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut connection).await?;
    if encoding != "UTF8" {
        return Err(Error::Encoding(encoding));
    }
    Ok(connection)
}

/// Applies the embedded migrations that are pending, up to `target` or all. Returns their names.
///
/// If one fails, the migrations before it stay applied.
pub async fn apply(
    connection: &mut PgConnection,
    target: Option<SchemaVersion>,
) -> Result<Vec<String>, Error> {
    MigrationSet::embedded().apply(connection, target).await
}

/// The longest time of each wait for a lock, and the setting that says so.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The time.
    pub limit: Duration,
    /// The setting.
    pub setting: &'static str,
}

impl Default for Patience {
    fn default() -> Self {
        Self { limit: Duration::from_secs(600), setting: "this program" }
    }
}

/// Like [`apply`], and logs from a second connection what the migrations wait for.
pub async fn apply_watched(
    connection: &mut PgConnection,
    backend: Backend,
    options: &PgConnectOptions,
    patience: Patience,
) -> Result<Vec<String>, Error> {
    let migrations = MigrationSet::embedded();
    tokio::select! {
        applied = migrations.apply_within(connection, None, patience) => applied,
        () = backend.watch(options, patience.limit) => Ok(Vec::new()),
    }
}

/// Lists every migration that this program or the database knows, in order.
pub async fn status(connection: &mut PgConnection) -> Result<Vec<Status>, Error> {
    MigrationSet::embedded().status(connection).await
}

/// Checks that this program can serve on the schema: every migration that it embeds is applied and
/// unchanged, and no contracting migration needs a newer program.
pub async fn check(connection: &mut PgConnection) -> Result<(), Error> {
    MigrationSet::embedded().check(connection).await
}

/// Checks that the role may do with the rows what a server does: read and write them; only read them
/// on a standby.
pub async fn check_rights(connection: &mut PgConnection) -> Result<(), Error> {
    Ok(rights::check_rows(connection).await?)
}

/// Checks that the database has the objects that this program's migrations create: columns,
/// constraints, triggers, functions. Succeeds if a later program has changed the schema, because this
/// program does not know those objects.
pub async fn check_objects(connection: &mut PgConnection) -> Result<(), Error> {
    let all = status(connection).await?;
    if all.iter().any(|migration| !migration.known) {
        return Ok(());
    }
    let missing = objects::missing(connection).await?;
    if missing.is_empty() { Ok(()) } else { Err(Error::Damaged(missing)) }
}

/// The migrations of one program.
#[derive(Debug, Clone)]
pub struct MigrationSet(Vec<Migration>);

impl MigrationSet {
    /// The files of `migrations/`.
    pub fn embedded() -> Self {
        Self(embedded::migrations::runner().get_migrations().clone())
    }

    /// Adds a migration, named like a file (`V7__name`), as a later release would.
    ///
    /// Returns an error if the name has another form.
    pub fn with(mut self, name: &str, sql: &str) -> Result<Self, Error> {
        self.0.push(Migration::unapplied(name, sql)?);
        Ok(self)
    }

    /// See [`apply`].
    pub async fn apply(
        &self,
        connection: &mut PgConnection,
        target: Option<SchemaVersion>,
    ) -> Result<Vec<String>, Error> {
        self.apply_within(connection, target, Patience::default()).await
    }

    /// Like [`Self::apply`], with a limit of each wait for a lock.
    pub async fn apply_within(
        &self,
        connection: &mut PgConnection,
        target: Option<SchemaVersion>,
        patience: Patience,
    ) -> Result<Vec<String>, Error> {
        // A role that may only read and write rows, or a standby, can use an up-to-date schema.
        if !self.is_pending(connection, target).await? {
            check_program(connection, &program_version()).await?;
            return Ok(Vec::new());
        }
        rights::check_schema_changes(connection).await?;
        lock(connection, patience).await?;
        let applied = self.apply_locked(connection, target, patience).await;
        let unlocked = sqlx::query("SELECT pg_advisory_unlock($1)").bind(LOCK_KEY);
        let unlocked = unlocked.execute(&mut *connection).await;
        // If both failed, the first failure is the cause.
        let applied = applied?;
        unlocked?;
        Ok(applied)
    }

    /// Whether a migration up to `target` is pending.
    async fn is_pending(
        &self,
        connection: &mut PgConnection,
        target: Option<SchemaVersion>,
    ) -> Result<bool, Error> {
        let all = self.status(connection).await?;
        Ok(all.iter().any(|migration| {
            migration.applied_on.is_none() && target.is_none_or(|last| migration.version <= last)
        }))
    }

    async fn apply_locked(
        &self,
        connection: &mut PgConnection,
        target: Option<SchemaVersion>,
        patience: Patience,
    ) -> Result<Vec<String>, Error> {
        // Checks before the first write, so that a rejected schema stays unchanged.
        self.status(connection).await?;
        check_program(connection, &program_version()).await?;
        if is_empty(connection).await?
            && let Some(object) = objects::conflicting(connection).await?
        {
            return Err(Error::ForeignObject(object));
        }
        let target = target.map_or(Target::Latest, Target::Version);
        // The database may have migrations of a newer program.
        let runner = Runner::new(&self.0).set_abort_missing(false).set_target(target);
        let applied = runner.run_async(&mut Adapter::new(connection, patience.limit)).await;
        let report = applied.map_err(|error| failure(error, patience))?;
        Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
    }

    /// See [`status`].
    pub async fn status(&self, connection: &mut PgConnection) -> Result<Vec<Status>, Error> {
        let applied = self.applied(connection).await?;
        let mut all: Vec<Status> = Vec::new();
        for migration in &self.0 {
            let done = applied.iter().find(|done| done.version() == migration.version());
            if done.is_some_and(|done| done.checksum() != migration.checksum()) {
                return Err(Error::Changed(migration.version()));
            }
            all.push(Status {
                version: migration.version(),
                name: migration.name().to_owned(),
                applied_on: done.and_then(|done| done.applied_on().copied()),
                known: true,
            });
        }
        for done in applied {
            if !all.iter().any(|known| known.version == done.version()) {
                all.push(Status {
                    version: done.version(),
                    name: done.name().to_owned(),
                    applied_on: done.applied_on().copied(),
                    known: false,
                });
            }
        }
        all.sort_by_key(|migration| migration.version);
        Ok(all)
    }

    /// The migrations that the database records, in order.
    ///
    /// Returns an error if one has the number, but not the name, of an embedded migration.
    async fn applied(&self, connection: &mut PgConnection) -> Result<Vec<Migration>, Error> {
        if !has_table(connection, "refinery_schema_history").await? {
            return Ok(Vec::new());
        }
        let runner = Runner::new(&self.0);
        let mut adapter = Adapter::new(connection, Duration::ZERO);
        let applied = runner.get_applied_migrations_async(&mut adapter).await;
        let applied = match applied.map_err(Error::of_history) {
            Err(error) => {
                // Names the right if that is the cause.
                rights::check_rows(connection).await?;
                return Err(error);
            }
            Ok(applied) => applied,
        };
        let number = |migration: &Migration| migration.version();
        let renamed = |known: &Migration| {
            applied.iter().any(|it| number(it) == number(known) && it.name() != known.name())
        };
        // A later program adds migrations only after all of this program's.
        let pending =
            self.0.iter().any(|known| applied.iter().all(|it| number(it) != number(known)));
        let unknown =
            applied.iter().any(|it| self.0.iter().all(|known| number(it) != number(known)));
        match applied.last() {
            Some(last) if self.0.iter().any(renamed) || pending && unknown => {
                Err(Error::UnknownHistory { version: last.version(), name: last.name().to_owned() })
            }
            _ => Ok(applied),
        }
    }

    /// See [`check`].
    pub async fn check(&self, connection: &mut PgConnection) -> Result<(), Error> {
        let all = self.status(connection).await?;
        let pending = all.iter().filter(|migration| migration.applied_on.is_none()).count();
        if pending > 0 {
            return Err(Error::Pending(pending));
        }
        check_program(connection, &program_version()).await
    }
}

/// Whether no migration was ever applied to the database.
pub async fn is_empty(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(!has_table(connection, "refinery_schema_history").await?)
}

/// Adds the limit to the error of a migration that a table's lock has kept waiting.
fn failure(error: refinery_core::Error, patience: Patience) -> Error {
    let cause = std::error::Error::source(&error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<Cause>());
    if cause.is_some_and(|cause| is_table_in_use(&cause.0)) {
        let Patience { limit, setting } = patience;
        return Error::TableInUse { seconds: limit.as_secs(), setting, source: error };
    }
    error.into()
}

/// Waits for the advisory lock.
///
/// Polls, because the statement `pg_advisory_lock` would keep a snapshot while it waits. `CREATE INDEX CONCURRENTLY` of
/// the server with the lock would wait for the end of that snapshot.
async fn lock(connection: &mut PgConnection, patience: Patience) -> Result<(), Error> {
    let Patience { limit, setting } = patience;
    let began = Instant::now();
    let query = "SELECT pg_try_advisory_lock($1)";
    while !sqlx::query_scalar(query).bind(LOCK_KEY).fetch_one(&mut *connection).await? {
        if began.elapsed() >= limit {
            let holder = watch::holder(connection).await?;
            let holder = holder.map_or_else(|| "another session".to_owned(), |(_, it)| it);
            return Err(Error::Locked { seconds: limit.as_secs(), setting, holder });
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
    Ok(())
}

async fn has_table(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL");
    query.bind(name).fetch_one(connection).await
}

async fn check_program(connection: &mut PgConnection, program: &Version) -> Result<(), Error> {
    if !has_table(connection, "program_compatibility").await? {
        return Ok(());
    }
    let rows = sqlx::query("SELECT migration, oldest_program FROM program_compatibility")
        .fetch_all(&mut *connection)
        .await;
    let rows = match rows {
        Err(error) => {
            rights::check_rows(connection).await?;
            return Err(error.into());
        }
        Ok(rows) => rows,
    };
    for row in rows {
        let migration: i32 = row.try_get(0)?;
        let oldest: String = row.try_get(1)?;
        // A constraint guarantees the form of a version.
        let Ok(oldest) = Version::parse(&oldest) else { continue };
        if *program < oldest {
            return Err(Error::ProgramTooOld { program: program.clone(), oldest, migration });
        }
    }
    Ok(())
}

/// The version of this program, without a pre-release suffix.
fn program_version() -> Version {
    let part = |text: &str| text.parse().unwrap_or(0);
    Version::new(
        part(env!("CARGO_PKG_VERSION_MAJOR")),
        part(env!("CARGO_PKG_VERSION_MINOR")),
        part(env!("CARGO_PKG_VERSION_PATCH")),
    )
}
