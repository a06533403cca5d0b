//! Upgrades by the real `pg_upgrade`, which also accepts equal versions. `make upgrade-test` upgrades from 15 to 17.

#![allow(clippy::panic, reason = "tests fail by panicking")]

use std::{fs, os::unix::fs::PermissionsExt as _};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tempfile::TempDir;

use super::*;
use crate::Embedded;

/// A temporary directory that PostgreSQL's account can enter.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

fn query(directory: &Path, sql: &str) -> Vec<String> {
    let server = Embedded::start(&Settings::new(Data::Directory(directory.to_owned()))).unwrap();
    let options = server.connect_options("postgres");
    let query = async {
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.try_get_unchecked(0).unwrap()).collect()
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(query)
}

/// Upgrades to the version that the data has already. Cancels the upgrade when `cancel_at` begins.
fn upgrade_to_same(
    directory: &Path,
    only_check: bool,
    cancel_at: Option<Step>,
) -> (Result<Upgrade, Error>, Vec<Step>) {
    let (data, os_user) =
        DataDirectory::open(&Data::Directory(directory.to_owned()), None).unwrap();
    remove_unfinished(data.path()).unwrap();
    let binaries = Binaries::find(None, &data.pgdata(), None).unwrap();
    let cancel = Cancel::default();
    let mut ended = Vec::new();
    let mut progress = |progress| match progress {
        Progress::Began(step) if cancel_at == Some(step) => cancel.cancel(),
        Progress::Planned { .. } | Progress::Began(_) => {}
        Progress::Ended(step, _) => ended.push(step),
    };
    let mut upgrader = Upgrader {
        data: &data,
        os_user: &os_user,
        old: binaries.clone(),
        new: binaries,
        cancel: &cancel,
        progress: &mut progress,
    };
    let result = upgrader.run(only_check);
    (result, ended)
}

fn entries(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_upgrade_keeps_the_data_and_the_old_cluster() {
    let directory = directory();
    query(directory.path(), "CREATE TABLE kept AS SELECT 'Grüße 🐦' AS text");
    query(directory.path(), "ALTER SYSTEM SET work_mem = '5MB'");

    let (result, steps) = upgrade_to_same(directory.path(), true, None);
    assert_eq!(result.unwrap(), Upgrade::Possible);
    assert_eq!(steps, [Step::Close, Step::Create, Step::Copy]);
    assert_eq!(entries(directory.path()), ["lock", "postgres", "run"]);

    let (result, _) = upgrade_to_same(directory.path(), false, Some(Step::Copy));
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(entries(directory.path()), ["lock", "postgres", "run"]);

    let (result, steps) = upgrade_to_same(directory.path(), false, None);
    let Ok(Upgrade::Done { kept, old_settings }) = result else { panic!("{result:?}") };
    assert_eq!(steps, [Step::Close, Step::Create, Step::Copy, Step::Analyze, Step::Swap]);
    assert_eq!(old_settings, ["work_mem = '5MB'"]);
    assert_eq!(query(directory.path(), "SELECT text FROM kept"), ["Grüße 🐦"]);
    let analyzed = "SELECT reltuples::text FROM pg_class WHERE relname = 'kept'";
    assert_eq!(query(directory.path(), analyzed), ["1"]);

    // The old cluster is usable.
    fs::rename(directory.path().join("postgres"), directory.path().join("new")).unwrap();
    fs::rename(kept, directory.path().join("postgres")).unwrap();
    assert_eq!(query(directory.path(), "SELECT text FROM kept"), ["Grüße 🐦"]);
}

#[test]
fn a_failed_program_leaves_the_data_and_its_log() {
    let directory = directory();
    query(directory.path(), "CREATE TABLE kept AS SELECT 'kept' AS text");
    // pg_upgrade rejects it.
    query(directory.path(), "ALTER SYSTEM SET max_prepared_transactions = 1");
    query(directory.path(), "BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'open'");
    let (result, _) = upgrade_to_same(directory.path(), false, None);
    let error = result.unwrap_err();
    let Error::Tool { program: "pg_upgrade", directory: work, .. } = &error else {
        panic!("{error}")
    };
    assert!(error.to_string().contains("prepared transactions"), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(work.join("cluster/pg_upgrade_output.d").exists());

    query(directory.path(), "ROLLBACK PREPARED 'open'");
    assert!(!work.exists());
    assert_eq!(query(directory.path(), "SELECT text FROM kept"), ["kept"]);
}

#[test]
fn an_upgrade_needs_data_and_a_newer_version() {
    let directory = directory();
    let settings = UpgradeSettings {
        data_directory: directory.path().to_owned(),
        postgres_bin: None,
        old_postgres_bin: None,
        postgres_user: None,
        check: false,
    };
    let upgrade = || upgrade(&settings, &Cancel::default(), &mut |_| panic!("it begins"));
    assert!(matches!(upgrade(), Err(Error::NothingToUpgrade(_))));
    assert_eq!(entries(directory.path()), Vec::<String>::new());

    let pgdata = directory.path().join("postgres");
    fs::create_dir(&pgdata).unwrap();
    fs::write(pgdata.join("PG_VERSION"), "99\n").unwrap();
    let error = upgrade().unwrap_err().to_string();
    assert!(error.contains("is of PostgreSQL 99, but only"), "{error}");
    assert!(error.contains("apt-get install postgresql-99"), "{error}");

    fs::write(pgdata.join("PG_VERSION"), "13\n").unwrap();
    let error = upgrade().unwrap_err().to_string();
    assert!(error.contains("apt-get install postgresql-13"), "{error}");
    assert!(error.contains("then type: minitwit upgrade --data-dir /"), "{error}");

    let newest = Binaries::find(None, &pgdata, None).unwrap();
    fs::write(pgdata.join("PG_VERSION"), newest.major().to_string()).unwrap();
    assert_eq!(upgrade().unwrap(), Upgrade::UpToDate { version: newest.version() });
    assert_eq!(entries(directory.path()), ["lock", "postgres"]);
}
