//! `minitwit export`: writes all users, messages and follows to files.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, database::Source, start_logs, stop::Stop};
use crate::{
    config::ExportArgs,
    db::Connection as _,
    service::export::{self, Manifest},
};

/// The number of rows is unknown, since counting them takes as long as exporting them.
const PROGRESS: &str = "{spinner} {human_pos} rows, {per_sec}";
const TICK: Duration = Duration::from_millis(200);

pub(super) fn run(settings: &ExportArgs, stop: &Stop) -> Result<(), Failure> {
    let _log = start_logs(&settings.log)?;
    let began = Instant::now();
    let source = Source::existing(&settings.database, stop)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Without a terminal, nothing is drawn.
    let progress = ProgressBar::new_spinner().with_style(ProgressStyle::with_template(PROGRESS)?);
    progress.enable_steady_tick(TICK);
    let manifest = runtime.block_on(export(&source, settings, &progress));
    progress.finish_and_clear();
    source.close();
    report(&manifest?, settings, began);
    Ok(())
}

async fn export(
    source: &Source,
    settings: &ExportArgs,
    progress: &ProgressBar,
) -> Result<Manifest, Failure> {
    let mut connection = source.connect().await?;
    source.check(&mut connection).await?;
    let on_rows = |rows| progress.inc(rows);
    let export =
        export::export(&mut connection, &settings.directory, settings.password_hashes, &on_rows);
    let manifest = source.waits().stop().interrupt(export).await?;
    connection.close().await?;
    Ok(manifest)
}

fn report(manifest: &Manifest, settings: &ExportArgs, began: Instant) {
    for file in &manifest.files {
        println!("{:<9} {} rows, {} bytes", file.table.name(), file.rows, file.bytes);
    }
    let hashes = if manifest.password_hashes { "with" } else { "without" };
    println!(
        "exported to {} {hashes} password hashes in {:.1} s; the files contain e-mail addresses",
        settings.directory.display(),
        began.elapsed().as_secs_f64()
    );
}
