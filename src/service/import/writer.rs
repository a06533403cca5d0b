//! The order of an import's steps, and the two ways to write: one transaction, or batches.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use legacy_data::{Source, Table};
use time::OffsetDateTime;

use super::{
    error::Error,
    observer::{Observer, Step},
    report::Recorder,
    scan::Scan,
};
use crate::{
    db::{
        Database, PgConnection,
        import::{self, DroppedIndexes, search, sources, sources::Import, users::ImportedUser},
    },
    domain::UserId,
};

/// The duration that a batch should have; other transactions wait for it no longer than a second.
const BATCH_TIME: Duration = Duration::from_millis(400);
const BATCH_MIN: usize = 100;
const BATCH_MAX: usize = 50_000;
/// Rows of the first batch, which takes far less than a second on any machine.
const BATCH_FIRST: usize = 250;
/// The interval between attempts to take the lock of indexing.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// The state that all steps share.
pub(super) struct Writer {
    pub(super) source: Arc<dyn Source>,
    pub(super) scan: Arc<Scan>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) recorder: Recorder,
    /// `None` in a dry run without a database.
    pub(super) connection: Option<PgConnection>,
}

/// How rows are written.
pub(super) enum Mode {
    /// Not at all.
    DryRun,
    /// In the open transaction, into tables that were empty.
    Transaction(DroppedIndexes),
    /// In transactions of their own.
    Batches(BatchSize),
}

/// One run of an import.
pub(super) struct Session {
    pub(super) mode: Mode,
    /// `None` in a dry run of a source that was never imported.
    pub(super) import: Option<Import>,
    /// The time of the import.
    pub(super) imported_at: OffsetDateTime,
    /// The users of an earlier or interrupted import.
    pub(super) earlier: HashMap<String, ImportedUser>,
    /// Whether this connection holds the lock of indexing.
    pub(super) holds_search: bool,
    /// Whether a message was inserted, so that blocks of the search index are missing.
    pub(super) inserted: bool,
}

impl Session {
    pub(super) fn is_dry(&self) -> bool {
        matches!(self.mode, Mode::DryRun)
    }

    /// Whether a record that is already here belongs to this import, which was interrupted.
    pub(super) fn continues(&self) -> bool {
        self.import.is_some_and(|import| import.continues)
    }

    /// Rows of the next batch of messages or follows.
    pub(super) fn batch_rows(&self) -> Arc<AtomicUsize> {
        match &self.mode {
            Mode::Batches(size) => Arc::clone(&size.rows),
            Mode::DryRun | Mode::Transaction(_) => Arc::new(BATCH_MAX.into()),
        }
    }
}

/// The number of rows that a batch inserts in [`BATCH_TIME`].
pub(super) struct BatchSize {
    /// Shared with the thread that reads the next batch.
    rows: Arc<AtomicUsize>,
}

impl BatchSize {
    fn new() -> Self {
        Self { rows: Arc::new(BATCH_FIRST.into()) }
    }

    /// Adapts the size to a batch that inserted `rows` rows in `elapsed`.
    fn adapt(&mut self, rows: usize, elapsed: Duration) {
        let ratio = BATCH_TIME.as_secs_f64() / elapsed.as_secs_f64().max(0.001);
        // At most twice as many: a small batch tells little about a large one.
        let fitting = (rows as f64 * ratio.min(2.0)) as usize;
        let current = self.rows.load(Ordering::Relaxed);
        // Most rows of a quick batch may have been there already, so it is no reason for smaller ones.
        let fitting = if ratio > 1.0 { fitting.max(current) } else { fitting };
        self.rows.store(fitting.clamp(BATCH_MIN, BATCH_MAX), Ordering::Relaxed);
    }
}

impl Writer {
    /// Finds or records the import of this source.
    pub(super) async fn open(
        &mut self,
        name: &str,
        system: &str,
        dry: bool,
    ) -> Result<Session, Error> {
        let mut session = Session {
            mode: Mode::DryRun,
            import: None,
            imported_at: OffsetDateTime::now_utc(),
            earlier: HashMap::new(),
            holds_search: false,
            inserted: false,
        };
        let Some(connection) = &mut self.connection else { return Ok(session) };
        if !dry && !sources::lock(connection).await? {
            return Err(Error::Busy);
        }
        let (found, now) = sources::find(connection, name).await?;
        (session.import, session.imported_at) = (found, now);
        if let Some(import) = found {
            session.imported_at = import.imported_at;
            session.earlier = import::users::imported(connection, import.id).await?;
            self.scan.check_same(&session.earlier, name)?;
        }
        if dry {
            return Ok(session);
        }
        let import = sources::begin(connection, name, system).await?;
        (session.import, session.imported_at) = (Some(import), import.imported_at);
        session.mode = Mode::Batches(BatchSize::new());
        Ok(session)
    }

    /// Imports all tables.
    pub(super) async fn write(
        &mut self,
        mut session: Session,
        password_cost: u32,
        database: Option<&Database>,
    ) -> Result<(), Error> {
        if !session.is_dry() {
            self.hash_passwords(&session, password_cost).await?;
            self.choose_mode(&mut session).await?;
        }
        let users = self.import_users(&mut session).await?;
        let users: Arc<[Option<UserId>]> = users.into();
        self.import_messages(&mut session, &users).await?;
        self.import_follows(&mut session, &users).await?;
        self.import_latest(&mut session).await?;
        match database {
            Some(database) => self.finish(session, database).await,
            None => Ok(()),
        }
    }

    /// Begins the one transaction if the database has no user.
    async fn choose_mode(&mut self, session: &mut Session) -> Result<(), Error> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if !session.earlier.is_empty() || import::has_users(connection).await? {
            return Ok(());
        }
        lock_search(connection, session).await?;
        import::begin(connection).await?;
        match import::prepare_empty(connection).await? {
            Some(indexes) => {
                while search::delete_from(connection, OffsetDateTime::UNIX_EPOCH).await? {}
                session.mode = Mode::Transaction(indexes);
                session.inserted = true;
            }
            // A user has registered since.
            None => import::roll_back(connection).await?,
        }
        Ok(())
    }

    /// Rolls back what is not committed.
    pub(super) async fn abandon(&mut self) {
        if let Some(connection) = &mut self.connection {
            // Without a connection, PostgreSQL rolls back by itself.
            let _ = import::roll_back(connection).await;
        }
    }

    /// Begins a step with the number of its records.
    pub(super) fn begin_step(&self, step: Step, table: Table) {
        self.observer.begin(step, self.scan.records(table));
    }
}

/// Takes the lock of indexing, unless this connection has it.
pub(super) async fn lock_search(
    connection: &mut PgConnection,
    session: &mut Session,
) -> Result<(), Error> {
    if session.holds_search {
        return Ok(());
    }
    // A server holds it for the time of a statement.
    while !search::lock(connection).await? {
        tokio::time::sleep(LOCK_POLL).await;
    }
    session.holds_search = true;
    Ok(())
}

/// Runs `insert` in the open transaction, or in one of its own. Its duration adapts the size of
/// later batches of messages or follows, of which this one inserts `rows`.
pub(super) async fn in_transaction<E: From<crate::db::Error>>(
    connection: &mut PgConnection,
    mode: &mut Mode,
    rows: usize,
    insert: impl AsyncFnOnce(&mut PgConnection) -> Result<(), E>,
) -> Result<(), E> {
    let Mode::Batches(size) = mode else { return insert(connection).await };
    let started = Instant::now();
    import::begin_batch(connection).await?;
    if let Err(error) = insert(connection).await {
        import::roll_back(connection).await?;
        return Err(error);
    }
    import::commit(connection).await?;
    if rows > 0 {
        size.adapt(rows, started.elapsed());
    }
    Ok(())
}
