//! `minitwit import`: imports the data of an older system, or an export of this program.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use legacy_data::{Table, Unit};

use super::{
    Failure,
    database::{Source, data_dir},
    import_jsonl, start_logs,
    stop::Stop,
};
use crate::{
    config::{ImportArgs, ImportSource},
    db::{Database, PoolSettings, ReadSettings, migrations},
    service::import::{
        Amount, Dialect, Observer, Outcome, Plan, Settings, Step, Summary, Target, Totals,
    },
};

/// The progress bar; `msg` is the current step.
const KNOWN: &str = "{msg:<16} {bar:30} {human_pos} of {human_len}, {per_sec}, {eta} left";
const UNKNOWN: &str = "{msg:<16} {spinner} {human_pos}, {per_sec}";
/// A part of a file that is read.
const BYTES: &str = "{msg:<16} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
const TICK: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn run(settings: &ImportArgs, stop: &Stop) -> Result<(), Failure> {
    let _log = start_logs(&settings.log)?;
    let started = Instant::now();
    let report = settings.report.as_deref().map(ReportFile::create).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let progress = Arc::new(Progress::new()?);
    let summary = import(&runtime, settings, report.as_ref(), Arc::clone(&progress), stop);
    progress.finish();
    let summary = summary?;
    if let Some(report) = report {
        report.complete(settings, &summary)?;
    }
    // A closed output, such as that of a pager, changes nothing: the import is complete.
    let _ = print_summary(&summary, settings.dry_run, started);
    Ok(())
}

/// Reads the source before a database is opened or created.
fn import(
    runtime: &tokio::runtime::Runtime,
    settings: &ImportArgs,
    report: Option<&ReportFile>,
    progress: Arc<Progress>,
    stop: &Stop,
) -> Result<Summary, Failure> {
    let (old_system, dialect) = match &settings.source {
        ImportSource::Sqlite { file } => (legacy_data::sqlite(file)?, Dialect::Sql),
        ImportSource::Postgres { url } => {
            (legacy_data::postgres(url.driver_url().expose())?, Dialect::Sql)
        }
        ImportSource::Mongo { path } => (legacy_data::mongo(path)?, Dialect::Mongo),
        ImportSource::Jsonl { directory } => {
            return import_jsonl::import(runtime, settings, directory, progress.as_ref(), stop);
        }
    };
    let plan =
        runtime.block_on(stop.interrupt(Plan::read(old_system.into(), dialect, progress)))?;
    let findings = report.map(ReportFile::findings).transpose()?;
    let system = kind(&settings.source);
    let task = Settings {
        name: settings.name.clone().unwrap_or_else(|| system.to_owned()),
        system,
        password_cost: settings.passwords.password_cost,
        findings,
    };
    if settings.dry_run && !exists(settings)? {
        return runtime.block_on(stop.interrupt(plan.run(task, Target::DryRun(None))));
    }
    let database = Source::join(&settings.database, stop)?;
    let summary = runtime.block_on(async {
        let target = target(&database, &plan, settings.dry_run).await?;
        stop.interrupt(plan.run(task, target)).await
    });
    database.close();
    summary
}

/// Whether there is a database. A dry run creates none.
fn exists(settings: &ImportArgs) -> Result<bool, Failure> {
    let database = &settings.database;
    if database.ephemeral {
        return Ok(false);
    }
    Ok(!database.is_embedded() || data_dir(database)?.join("postgres").exists())
}

async fn target(database: &Source, plan: &Plan, dry_run: bool) -> Result<Target, Failure> {
    if dry_run {
        let mut connection = database.connect().await?;
        plan.check_target(&mut connection).await?;
        let is_new = migrations::is_empty(&mut connection).await?;
        if !is_new {
            database.check(&mut connection).await?;
        }
        return Ok(Target::DryRun(Some(connection).filter(|_| !is_new)));
    }
    database.prepare().await?;
    // Before the migrations, which would wait too.
    plan.check_target(&mut database.connect().await?).await?;
    let (mut connection, _) = database.migrate().await?;
    database.check(&mut connection).await?;
    let pool = PoolSettings {
        max_connections: 2,
        acquire_timeout: TIMEOUT,
        statement_timeout: TIMEOUT,
        reads: ReadSettings::with_timeout(TIMEOUT),
    };
    Ok(Target::Database { connection, database: Database::new(database.options.clone(), &pool) })
}

fn kind(source: &ImportSource) -> &'static str {
    match source {
        ImportSource::Sqlite { .. } => "sqlite",
        ImportSource::Mongo { .. } => "mongo",
        ImportSource::Postgres { .. } => "postgres",
        ImportSource::Jsonl { .. } => "jsonl",
    }
}

fn print_summary(summary: &Summary, dry_run: bool, started: Instant) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for table in Table::ALL {
        let counts = summary.counts(table);
        writeln!(
            output,
            "{:<9} read {}, imported {}, changed {}, skipped {}",
            table.name(),
            counts.read,
            counts.imported,
            counts.changed,
            counts.skipped,
        )?;
    }
    for (table, rule, count) in summary.rules() {
        let outcome = match rule.outcome() {
            Outcome::Imported => "kept",
            Outcome::Changed => "changed",
            Outcome::Skipped => "skipped",
        };
        let (table, rule_name, meaning) = (table.name(), rule.name(), rule.meaning());
        writeln!(output, "  {count} {table} {outcome}: {rule_name}: {meaning}")?;
    }
    if let Some(rows) = summary.database {
        let Totals { users, messages, flagged, follows } = rows;
        writeln!(
            output,
            "the database has {users} users, {messages} messages ({flagged} flagged) and {follows} follows"
        )?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let end = if dry_run { "nothing was changed (--dry-run)" } else { "the import is complete" };
    writeln!(output, "{end}, after {seconds:.0} s")
}

/// The report, and a file beside it with the findings so far.
struct ReportFile {
    path: PathBuf,
    findings_path: PathBuf,
    findings: File,
}

impl ReportFile {
    /// Creates the file of findings. Only its owner can read it, since it contains old data.
    fn create(path: &Path) -> Result<Self, Failure> {
        let mut findings_path = path.as_os_str().to_owned();
        findings_path.push(".part");
        let findings_path = PathBuf::from(findings_path);
        let findings = private_file(&findings_path)?;
        Ok(Self { path: path.to_owned(), findings_path, findings })
    }

    fn findings(&self) -> Result<Box<dyn Write + Send>, Failure> {
        Ok(Box::new(BufWriter::new(self.findings.try_clone()?)))
    }

    /// Writes the report, and removes the file of findings.
    fn complete(mut self, settings: &ImportArgs, summary: &Summary) -> Result<(), Failure> {
        let kind = kind(&settings.source);
        let mut head = serde_json::json!({
            "source": settings.name.as_deref().unwrap_or(kind),
            "kind": kind,
            "dry_run": settings.dry_run,
        });
        if let (Some(head), serde_json::Value::Object(summary)) =
            (head.as_object_mut(), summary.json())
        {
            head.extend(summary);
        }
        let head = serde_json::to_string_pretty(&head)?;
        let mut report = BufWriter::new(private_file(&self.path)?);
        // The findings, which may be many, follow as the last member.
        let open = head.strip_suffix("\n}").unwrap_or(&head);
        write!(report, "{open},\n  \"findings\": [")?;
        self.findings.seek(SeekFrom::Start(0))?;
        io::copy(&mut self.findings, &mut report)?;
        write!(report, "\n  ]\n}}\n")?;
        report.flush()?;
        std::fs::remove_file(&self.findings_path)?;
        Ok(())
    }
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        // Gone if the report is complete.
        let _ = std::fs::remove_file(&self.findings_path);
    }
}

fn private_file(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(true).mode(0o600);
    let named = |error| format!("--report {}: {error}", path.display());
    Ok(options.open(path).map_err(named)?)
}

/// A progress bar on the terminal; without one, nothing is drawn. The log has a line for each step.
struct Progress {
    bar: ProgressBar,
    step: Mutex<Option<(Step, Instant)>>,
    /// Records of the step.
    records: AtomicU64,
}

impl Progress {
    fn new() -> Result<Self, Failure> {
        // The templates are valid, so the observer's functions cannot fail.
        for template in [KNOWN, UNKNOWN, BYTES] {
            ProgressStyle::with_template(template)?;
        }
        let bar = ProgressBar::new(0);
        bar.enable_steady_tick(TICK);
        Ok(Self { bar, step: Mutex::new(None), records: AtomicU64::new(0) })
    }

    /// Logs the end of the current step, and replaces it.
    fn replace_step(&self, next: Option<Step>) {
        // No code panics while it holds the lock.
        let mut step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((ended, since)) = *step {
            let records = self.records.swap(0, Ordering::Relaxed);
            // The JSON format writes numbers of 128 bits as texts.
            let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(step = ended.name(), records, milliseconds, "step of the import ended");
        }
        *step = next.map(|next| (next, Instant::now()));
    }

    fn draw(&self, template: &str, total: u64) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.set_length(total);
    }

    fn finish(&self) {
        self.replace_step(None);
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn begin(&self, step: Step, total: u64) {
        self.replace_step(Some(step));
        self.bar.reset();
        self.draw(if total > 0 { KNOWN } else { UNKNOWN }, total);
        self.bar.set_message(step.name());
    }

    fn advance(&self, records: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bar.inc(records);
    }

    fn read(&self, records: u64, amount: Amount) {
        self.records.fetch_add(records, Ordering::Relaxed);
        // The size is known only after reading has begun.
        if amount.total > 0 && self.bar.length() != Some(amount.total) {
            self.draw(if amount.unit == Unit::Bytes { BYTES } else { KNOWN }, amount.total);
        }
        self.bar.set_position(amount.done);
    }
}
