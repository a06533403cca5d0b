//! The schema's history: the files of `migrations/`, embedded, and refinery, which applies them.
//!
//! Refinery runs over the same kind of connection as every query, so that one `DATABASE_URL`, with
//! its TLS settings, means the same to both. It takes no lock of its own: an advisory lock lets one
//! of many servers that start at once apply what is pending, and the others find it done.

use std::time::Duration;

use refinery_core::{
    Migration, Runner, SchemaVersion,
    traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction},
};
use semver::Version;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, PgConnection, Row, postgres::PgConnectOptions,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::error;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The key of the advisory lock; any number that nothing else in the database uses ("minitwit").
const LOCK_KEY: i64 = 0x6d69_6e69_7477_6974;

/// The longest that a migration waits for a table. Who comes meanwhile waits behind it, and PostgreSQL
/// looks after 1 s (`deadlock_timeout`) whether two wait for each other: before that, the migration
/// gives way, so that no request is the one that fails.
const WAIT_FOR_A_TABLE: &str = "SET LOCAL lock_timeout = '250ms'";
/// How long it then leaves the tables to the requests, and how often it comes back: over a minute in all,
/// which is longer than any statement of the servers takes.
const GIVE_WAY: Duration = Duration::from_millis(250);
const TRIES: u32 = 150;
/// The SQLSTATEs of a table that is in use: `lock_not_available`, `deadlock_detected`.
const IN_USE: [&str; 2] = ["55P03", "40P01"];

/// Why a schema cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or a statement failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The database does not store text as UTF-8.
    #[error("the database's encoding is {0}; MiniTwit needs UTF8")]
    Encoding(String),
    /// A migration failed, or is not what was applied before.
    #[error("{0}")]
    Refinery(#[from] refinery_core::Error),
    /// An applied migration is not the one that this program embeds.
    #[error("migration V{0} was changed after it was applied to this database")]
    Changed(SchemaVersion),
    /// Migrations wait, and this program was told not to apply them.
    #[error("{0} migration(s) are pending; run `minitwit migrate` first")]
    Pending(usize),
    /// The schema has moved on too far for this program.
    #[error(
        "this program is version {program}, but the database's schema needs {oldest} or newer \
         (migration V{migration})"
    )]
    ProgramTooOld {
        /// This program's version.
        program: Version,
        /// The oldest that works.
        oldest: Version,
        /// The migration that says so.
        migration: i32,
    },
}

impl Error {
    /// Whether it may be over by itself: somebody migrates, or the database is away for now.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Pending(_) => true,
            Self::Database(error) => error::is_temporary(error),
            _ => false,
        }
    }
}

/// A migration that this program knows or that the database has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub version: SchemaVersion,
    /// Its name.
    pub name: String,
    /// When it was applied; `None` while it is pending.
    pub applied_on: Option<OffsetDateTime>,
    /// Whether this program embeds it. An older program does not know the newest ones.
    pub known: bool,
}

/// A connection for migrations: without the time-outs of the pool, since an index may take long.
///
/// # Errors
/// When the database cannot be reached, or its encoding is not UTF-8.
pub async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let options = options
        .clone()
        .application_name("minitwit migrate")
        .disable_statement_logging()
        // Refinery makes its table "if not exists", and PostgreSQL would tell that it does.
        .options([("client_min_messages", "warning")]);
    let mut connection = options.connect().await?;
    let encoding: String =
        sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut connection).await?;
    if encoding != "UTF8" {
        return Err(Error::Encoding(encoding));
    }
    Ok(connection)
}

/// Applies what is pending, up to `target` or all of it. Returns what it applied.
///
/// # Errors
/// When the schema is too new for this program, an applied migration was changed, or one fails; the
/// migrations before that one stay applied.
pub async fn apply(
    connection: &mut PgConnection,
    target: Option<SchemaVersion>,
) -> Result<Vec<String>, Error> {
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK_KEY).execute(&mut *connection).await?;
    let applied = apply_locked(connection, target).await;
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(LOCK_KEY).execute(&mut *connection).await?;
    applied
}

async fn apply_locked(
    connection: &mut PgConnection,
    target: Option<SchemaVersion>,
) -> Result<Vec<String>, Error> {
    check_program(connection, &program_version()).await?;
    // Refuses what was changed, in the words that everything else uses.
    status(connection).await?;
    let target = target.map_or(refinery_core::Target::Latest, refinery_core::Target::Version);
    // An older program meets migrations that it does not know: they are not "missing" to it.
    let runner: Runner = embedded::migrations::runner().set_abort_missing(false).set_target(target);
    let report = runner.run_async(&mut Adapter(connection)).await?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// Every migration that this program or the database knows, in order.
///
/// # Errors
/// When the database fails, or an applied migration was changed.
pub async fn status(connection: &mut PgConnection) -> Result<Vec<Status>, Error> {
    let runner = embedded::migrations::runner();
    let history: bool =
        sqlx::query_scalar("SELECT to_regclass('refinery_schema_history') IS NOT NULL")
            .fetch_one(&mut *connection)
            .await?;
    let applied = if history {
        runner.get_applied_migrations_async(&mut Adapter(connection)).await?
    } else {
        Vec::new()
    };
    let mut all: Vec<Status> = Vec::new();
    for migration in runner.get_migrations() {
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

/// Whether this program can serve on the schema as it is: all that it knows is applied and
/// unchanged, and no contracting migration has left it behind.
///
/// # Errors
/// Why it cannot.
pub async fn check(connection: &mut PgConnection) -> Result<(), Error> {
    let pending =
        status(connection).await?.iter().filter(|migration| migration.applied_on.is_none()).count();
    if pending > 0 {
        return Err(Error::Pending(pending));
    }
    check_program(connection, &program_version()).await
}

async fn check_program(connection: &mut PgConnection, program: &Version) -> Result<(), Error> {
    let recorded: bool =
        sqlx::query_scalar("SELECT to_regclass('program_compatibility') IS NOT NULL")
            .fetch_one(&mut *connection)
            .await?;
    if !recorded {
        return Ok(());
    }
    let rows = sqlx::query("SELECT migration, oldest_program FROM program_compatibility")
        .fetch_all(&mut *connection)
        .await?;
    for row in rows {
        let migration: i32 = row.try_get(0)?;
        let oldest: String = row.try_get(1)?;
        // A constraint holds these to the form of a version; what is not one excludes nobody.
        let Ok(oldest) = Version::parse(&oldest) else { continue };
        if *program < oldest {
            return Err(Error::ProgramTooOld { program: program.clone(), oldest, migration });
        }
    }
    Ok(())
}

/// The version of this program, without what sets a pre-release apart.
fn program_version() -> Version {
    let part = |text: &str| text.parse().unwrap_or(0);
    Version::new(
        part(env!("CARGO_PKG_VERSION_MAJOR")),
        part(env!("CARGO_PKG_VERSION_MINOR")),
        part(env!("CARGO_PKG_VERSION_PATCH")),
    )
}

/// Lets refinery speak through an sqlx connection.
struct Adapter<'c>(&'c mut PgConnection);

impl AsyncTransaction for Adapter<'_> {
    type Error = sqlx::Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, sqlx::Error> {
        let queries: Vec<&str> = queries.collect();
        for _ in 1..TRIES {
            match self.execute_at_once(&queries).await {
                Err(error) if is_in_use(&error) => tokio::time::sleep(GIVE_WAY).await,
                done => return done,
            }
        }
        self.execute_at_once(&queries).await
    }
}

impl Adapter<'_> {
    /// Runs these, or none of them, unless a table is in use.
    async fn execute_at_once(&mut self, queries: &[&str]) -> Result<usize, sqlx::Error> {
        let mut transaction = self.0.begin().await?;
        sqlx::raw_sql(WAIT_FOR_A_TABLE).execute(&mut *transaction).await?;
        for query in queries {
            // Safe: the texts are the embedded migrations and refinery's own statements.
            sqlx::raw_sql(AssertSqlSafe(*query)).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(queries.len())
    }
}

/// Whether a statement failed since somebody else uses a table, who will be done with it.
fn is_in_use(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|cause| cause.code());
    code.is_some_and(|code| IN_USE.contains(&code.as_ref()))
}

impl AsyncQuery<Vec<Migration>> for Adapter<'_> {
    async fn query(&mut self, query: &str) -> Result<Vec<Migration>, sqlx::Error> {
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut *self.0).await?;
        rows.iter().map(applied_migration).collect()
    }
}

impl AsyncMigrate for Adapter<'_> {}

/// A row of refinery's history: version, name, time (RFC 3339) and checksum (decimal), as text.
fn applied_migration(row: &sqlx::postgres::PgRow) -> Result<Migration, sqlx::Error> {
    let decode = |error: Box<dyn std::error::Error + Send + Sync>| sqlx::Error::Decode(error);
    let applied_on: &str = row.try_get(2)?;
    let applied_on = OffsetDateTime::parse(applied_on, &Rfc3339).map_err(|e| decode(e.into()))?;
    let checksum: &str = row.try_get(3)?;
    let checksum = checksum.parse().map_err(|e: std::num::ParseIntError| decode(e.into()))?;
    Ok(Migration::applied(row.try_get(0)?, row.try_get(1)?, applied_on, checksum))
}
