//! Starting servers: data, settings, accounts and errors.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::PathBuf,
    thread,
    time::Duration,
};

use embedded_postgres::{Archiving, Data, Embedded, Error, Settings};
use nix::unistd::{User, geteuid};

use crate::{
    block_on, directory, eventually, query, rerun, settings, start, start_error, try_query,
};

#[test]
fn data_is_kept_and_is_utf8() {
    let directory = directory();
    let data = directory.path().join("not/yet/made");
    let server = start(&data);
    query(&server, "CREATE TABLE kept (text text)");
    query(&server, "INSERT INTO kept VALUES ('Grüße 🐦')");
    let first = server.pid().unwrap();
    server.stop();
    server.stop();
    assert_eq!(server.pid(), None);
    assert!(try_query(&server, "SELECT 1").is_err());

    let server = start(&data);
    assert_ne!(server.pid().unwrap(), first);
    assert_eq!(query(&server, "SELECT text FROM kept"), ["Grüße 🐦"]);
    assert_eq!(query(&server, "SHOW server_encoding"), ["UTF8"]);
    assert_eq!(query(&server, "SELECT lower('GRÜSSE')"), ["grüsse"]);
}

#[test]
fn the_environment_does_not_affect_the_server() {
    let mut rerun = rerun("start::data_is_kept_and_is_utf8");
    rerun.command.env("LC_ALL", "C").env("LANG", "de_DE.ISO-8859-1").env("LANGUAGE", "de");
    rerun.command.env("PGDATA", "/nonexistent").env("PGPORT", "1").env("PGHOST", "nowhere.invalid");
    rerun
        .command
        .env("PGUSER", "nobody")
        .env("PGSSLMODE", "require")
        .env("PGCLIENTENCODING", "SQL_ASCII");
    rerun.passes();
}

#[test]
fn an_unprivileged_user_can_run_the_server() {
    let mut rerun = rerun("start::data_is_kept_and_is_utf8");
    if geteuid().is_root() {
        let nobody = User::from_name("nobody").unwrap().unwrap();
        rerun.command.gid(nobody.gid.as_raw()).uid(nobody.uid.as_raw());
    }
    rerun.passes();
}

#[test]
fn commits_are_durable_and_statements_stay_out_of_the_log() {
    let directory = directory();
    let server = start(directory.path());
    for (name, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("max_connections", "60"),
        ("shared_buffers", "128MB"),
        ("jit", "off"),
        ("log_min_error_statement", "panic"),
        ("log_parameter_max_length_on_error", "0"),
    ] {
        assert_eq!(query(&server, &format!("SHOW {name}")), [value], "{name}");
    }
}

#[test]
fn archiving_begins_with_the_first_start_and_ends_with_the_setting() {
    let (directory, archive) = (directory(), directory());
    fs::set_permissions(archive.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let archiving = Archiving {
        command: format!("cp \"%p\" '{}/%f'", archive.path().display()),
        timeout: Duration::from_secs(7),
    };
    let settings = Settings { archiving: Some(archiving), ..settings(directory.path()) };
    let server = Embedded::start(&settings).unwrap();
    assert_eq!(query(&server, "SHOW archive_timeout"), ["7s"]);
    query(&server, "CREATE TABLE first (x int)");
    let segment = query(&server, "SELECT pg_walfile_name(pg_switch_wal())").remove(0);
    eventually("the segment is archived", || archive.path().join(&segment).exists().then_some(()));
    query(&server, "CREATE TABLE second (x int)");
    let last = query(&server, "SELECT pg_walfile_name(pg_current_wal_lsn())").remove(0);
    server.stop();
    assert!(archive.path().join(last).exists(), "a stop archives the last WAL");

    // The time-out holds from the start on, although the checkpointer is asleep.
    let archiving =
        settings.archiving.map(|it| Archiving { timeout: Duration::from_secs(1), ..it });
    let settings = Settings { archiving, ..self::settings(directory.path()) };
    let server = Embedded::start(&settings).unwrap();
    query(&server, "CREATE TABLE third (x int)");
    let segment = query(&server, "SELECT pg_walfile_name(pg_current_wal_insert_lsn())").remove(0);
    eventually("the time-out holds", || archive.path().join(&segment).exists().then_some(()));
    server.stop();

    let server = start(directory.path());
    assert_eq!(query(&server, "SHOW archive_mode"), ["off"]);
}

#[test]
fn the_socket_is_private_and_the_only_listener() {
    let directory = directory();
    let server = start(directory.path());
    let run = fs::metadata(directory.path().join("run")).unwrap();
    assert_eq!(run.mode() & 0o777, 0o700);

    let fds = fs::read_dir(format!("/proc/{}/fd", server.pid().unwrap())).unwrap();
    let targets = fds.filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
    let sockets: Vec<String> = targets
        .filter_map(|path| Some(path.to_str()?.strip_prefix("socket:[")?.replace(']', "")))
        .collect();
    let inodes_of = |table: &str, column: usize| -> Vec<String> {
        let text = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        text.lines().filter_map(|l| Some(l.split_whitespace().nth(column)?.to_owned())).collect()
    };
    let in_table = |inodes: Vec<String>| sockets.iter().filter(|s| inodes.contains(s)).count();
    assert!(in_table(inodes_of("unix", 6)) >= 1);
    assert_eq!(in_table(inodes_of("tcp", 9)) + in_table(inodes_of("tcp6", 9)), 0);
}

#[test]
fn long_paths_and_special_characters_work() {
    let directory = directory();
    let long = directory.path().join(r#"a "quoted", special 'näme' "#).join("x".repeat(200));
    let server = start(&long);
    let run = fs::read_link(long.join("run")).unwrap();
    let mode = fs::metadata(&run).unwrap().mode();
    assert!(run.starts_with("/tmp") && mode & 0o777 == 0o700, "{} {mode:o}", run.display());
    assert_eq!(query(&server, "SELECT 'hello'"), ["hello"]);
    server.stop();
    assert!(!run.exists() && !long.join("run").is_symlink());

    let special = directory.path().join(r#"a "quoted", special 'näme' "#).join("y");
    let server = start(&special);
    assert!(special.join("run/.s.PGSQL.5432").exists());
    assert_eq!(query(&server, "SELECT 'hello'"), ["hello"]);
}

#[test]
fn only_the_owner_can_lock_the_data_directory() {
    let directory = directory();
    let lock = directory.path().join("lock");
    // An earlier version created it like this.
    fs::write(&lock, "").unwrap();
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o644)).unwrap();
    let _server = start(directory.path());
    assert_eq!(fs::metadata(&lock).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_second_server_on_the_same_data_is_rejected() {
    let directory = directory();
    let server = start(directory.path());
    let error = start_error(&settings(directory.path())).to_string();
    let holder = format!("another MiniTwit (process {}) uses", std::process::id());
    assert!(error.contains(&holder), "{error}");
    assert!(error.contains(directory.path().to_str().unwrap()), "{error}");
    drop(server);
    start(directory.path());
}

#[test]
fn an_invalid_setting_is_named() {
    let directory = directory();
    let mut invalid = settings(directory.path());
    invalid.postgres_bin = Some("/nonexistent".into());
    let error = start_error(&invalid).to_string();
    assert!(error.contains("--postgres-bin (MINITWIT_POSTGRES_BIN) is /nonexistent"), "{error}");

    let mut invalid = settings(directory.path());
    invalid.postgres_user = Some("no-such-account".into());
    let error = start_error(&invalid).to_string();
    assert!(error.contains("--postgres-user (MINITWIT_POSTGRES_USER) is no-such-a"), "{error}");
}

#[test]
fn a_foreign_or_too_old_cluster_is_left_untouched() {
    let directory = directory();
    let foreign = directory.path().join("postgres/foreign");
    fs::create_dir(foreign.parent().unwrap()).unwrap();
    fs::write(&foreign, "data").unwrap();
    let error = start_error(&settings(directory.path()));
    assert!(matches!(error, Error::NotACluster(_)), "{error}");

    fs::write(directory.path().join("postgres/PG_VERSION"), "12\n").unwrap();
    let error = start_error(&settings(directory.path())).to_string();
    assert!(error.contains("is of PostgreSQL 12"), "{error}");
    assert_eq!(fs::read_to_string(foreign).unwrap(), "data");
}

#[test]
fn a_failed_start_reports_the_log() {
    let directory = directory();
    start(directory.path()).stop();
    fs::remove_file(directory.path().join("postgres/global/pg_control")).unwrap();
    let error = start_error(&settings(directory.path())).to_string();
    assert!(error.contains("could not find the database system"), "{error}");
}

#[test]
fn a_directory_that_postgres_cannot_enter_is_rejected() {
    // Only root runs PostgreSQL as another user.
    if !geteuid().is_root() {
        return;
    }
    let private = directory();
    fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = start_error(&settings(&private.path().join("deep/data"))).to_string();
    assert!(error.contains(&format!("cannot enter {}.", private.path().display())), "{error}");
    assert_eq!(fs::read_dir(private.path()).unwrap().count(), 0);
}

#[test]
fn an_ephemeral_server_removes_its_data() {
    let server = Embedded::start(&Settings::new(Data::Ephemeral)).unwrap();
    let pgdata = PathBuf::from(&query(&server, "SHOW data_directory")[0]);
    let home = pgdata.parent().unwrap();
    let name = home.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("minitwit-ephemeral-"), "{name}");
    assert_eq!(query(&server, "SHOW fsync"), ["off"]);
    assert!(home.exists());
    server.stop();
    assert!(!home.exists());
}

#[test]
fn concurrent_creations_of_a_database_succeed() {
    let server = Embedded::start(&Settings::new(Data::Ephemeral)).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| block_on(server.create_database(r#"mini"twit"#)).unwrap());
        }
    });
    let sql = "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'mini\"twit'";
    assert_eq!(query(&server, sql), ["UTF8"]);
}
