//! `minitwit upgrade`: upgrades the embedded PostgreSQL's data to another major version.

use std::{path::Path, time::Instant};

use embedded_postgres::{Progress, Step, Upgrade, UpgradeSettings};

use super::{
    Failure,
    database::{Source, data_dir},
    repository, start_logs,
    stop::Stop,
};
use crate::config::UpgradeArgs;

#[derive(Debug, thiserror::Error)]
enum UpgradeRejected {
    #[error(
        "this command upgrades the embedded PostgreSQL only: omit --database-url (DATABASE_URL), and upgrade that \
         server with its own tools"
    )]
    GivenServer,
    #[error("a temporary PostgreSQL has no data to upgrade: omit --ephemeral (MINITWIT_EPHEMERAL)")]
    Ephemeral,
}

pub(super) fn run(settings: &UpgradeArgs, stop: &Stop) -> Result<(), Failure> {
    let _log = start_logs(&settings.log)?;
    let database = &settings.database;
    if !database.is_embedded() {
        return Err(UpgradeRejected::GivenServer.into());
    }
    if database.ephemeral {
        return Err(UpgradeRejected::Ephemeral.into());
    }
    let upgrade = UpgradeSettings {
        data_directory: data_dir(database)?,
        postgres_bin: database.postgres_bin.clone(),
        old_postgres_bin: settings.old_postgres_bin.clone(),
        postgres_user: database.postgres_user.clone(),
        check: settings.dry_run,
    };
    let began = Instant::now();
    let user = database.postgres_user.as_deref();
    let has_repository = upgrade.data_directory.exists()
        && !upgrade.check
        && repository::announce_upgrade(&upgrade.data_directory, user)?;
    let result = embedded_postgres::upgrade(&upgrade, stop.cancel(), &mut |progress| {
        println!("{}", line(&progress));
    })?;
    match result {
        Upgrade::UpToDate { version } => println!(
            "nothing to upgrade: the data in {} is of PostgreSQL {version}, and no newer major version is installed",
            upgrade.data_directory.display()
        ),
        Upgrade::Possible => println!("the upgrade is possible; nothing is changed"),
        Upgrade::Done { kept, old_settings } => {
            println!("upgraded in {:.1} s", began.elapsed().as_secs_f64());
            report(&kept, &old_settings);
            if has_repository {
                // The start makes the new cluster known to the repository.
                Source::open(database, 1, stop)?.close();
                println!(
                    "the backups so far are of the old version; make one of the new version: minitwit backup --full"
                );
            }
        }
    }
    Ok(())
}

fn line(progress: &Progress) -> String {
    match progress {
        Progress::Planned { from, to, size, free } => format!(
            "PostgreSQL {from} to {to}: {} MiB of data, {} MiB free",
            size.div_ceil(1 << 20),
            free >> 20
        ),
        Progress::Began(step) => format!("{}/{} {step}", number(*step), number(Step::Swap)),
        Progress::Ended(step, time) => {
            format!("{}/{} done in {:.1} s", number(*step), number(Step::Swap), time.as_secs_f64())
        }
    }
}

/// The position of a step in the upgrade, from 1.
fn number(step: Step) -> usize {
    step as usize + 1
}

fn report(kept: &Path, old_settings: &[String]) {
    let kept = kept.display();
    println!("the old data is kept in {kept}; remove it once the new server has proven itself");
    if !old_settings.is_empty() {
        println!(
            "the new server does not have these settings of ALTER SYSTEM: {}",
            old_settings.join(", ")
        );
    }
}
