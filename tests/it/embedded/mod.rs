//! The embedded PostgreSQL server: its life, its death, and who may run it.

mod deaths;

use std::{
    env, fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use embedded_postgres::{Data, Embedded, Error, Settings};
use nix::unistd::{User, geteuid};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tempfile::TempDir;

/// A directory that every account can enter.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

fn settings(directory: &Path) -> Settings {
    Settings::new(Data::Directory(directory.to_owned()))
}

fn start(directory: &Path) -> Embedded {
    Embedded::start(&settings(directory)).unwrap()
}

fn refusal(settings: &Settings) -> Error {
    Embedded::start(settings).map(drop).unwrap_err()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Runs a query on the database postgres, and returns the first column's text.
fn try_query(server: &Embedded, sql: &str) -> Result<Vec<String>, sqlx::Error> {
    block_on(async {
        let options = server.connect_options("postgres");
        let mut connection = PgConnection::connect_with(&options).await?;
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await?;
        rows.iter().map(|row| row.try_get_unchecked(0)).collect()
    })
}

fn query(server: &Embedded, sql: &str) -> Vec<String> {
    try_query(server, sql).unwrap()
}

/// Waits for something that other processes do.
fn eventually<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} took too long");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A run of one test in a process of its own, which every account can execute.
struct Rerun {
    command: Command,
    _directory: TempDir,
}

fn rerun(test: &str) -> Rerun {
    let directory = directory();
    let program = directory.path().join("it");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(program);
    command.args([&format!("embedded::{test}"), "--exact", "--include-ignored", "--nocapture"]);
    command.current_dir("/");
    Rerun { command, _directory: directory }
}

impl Rerun {
    fn passes(mut self) {
        let output = self.command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
    }
}

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
fn the_environment_changes_nothing() {
    let mut rerun = rerun("data_is_kept_and_is_utf8");
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
fn an_ordinary_user_runs_it() {
    let mut rerun = rerun("data_is_kept_and_is_utf8");
    if geteuid().is_root() {
        let nobody = User::from_name("nobody").unwrap().unwrap();
        rerun.command.gid(nobody.gid.as_raw()).uid(nobody.uid.as_raw());
    }
    rerun.passes();
}

#[test]
fn settings_are_durable_and_discreet() {
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
fn a_long_path_and_odd_characters_do_no_harm() {
    let directory = directory();
    let long = directory.path().join(r#"a "quoted", odd 'näme' "#).join("x".repeat(200));
    let server = start(&long);
    let run = fs::read_link(long.join("run")).unwrap();
    let mode = fs::metadata(&run).unwrap().mode();
    assert!(run.starts_with("/tmp") && mode & 0o777 == 0o700, "{} {mode:o}", run.display());
    assert_eq!(query(&server, "SELECT 'hello'"), ["hello"]);
    server.stop();
    assert!(!run.exists() && !long.join("run").is_symlink());

    let odd = directory.path().join(r#"a "quoted", odd 'näme' "#).join("y");
    let server = start(&odd);
    assert!(odd.join("run/.s.PGSQL.5432").exists());
    assert_eq!(query(&server, "SELECT 'hello'"), ["hello"]);
}

#[test]
fn a_second_instance_is_refused() {
    let directory = directory();
    let server = start(directory.path());
    let error = refusal(&settings(directory.path())).to_string();
    assert!(error.contains("another MiniTwit uses"), "{error}");
    assert!(error.contains(directory.path().to_str().unwrap()), "{error}");
    drop(server);
    start(directory.path());
}

#[test]
fn wrong_settings_are_named() {
    let directory = directory();
    let mut wrong = settings(directory.path());
    wrong.postgres_bin = Some("/nonexistent".into());
    let error = refusal(&wrong).to_string();
    assert!(error.contains("--postgres-bin (MINITWIT_POSTGRES_BIN) is /nonexistent"), "{error}");

    let mut wrong = settings(directory.path());
    wrong.postgres_user = Some("no-such-account".into());
    let error = refusal(&wrong).to_string();
    assert!(error.contains("--postgres-user (MINITWIT_POSTGRES_USER) is no-such-a"), "{error}");
}

#[test]
fn an_unknown_or_unusable_cluster_is_left_alone() {
    let directory = directory();
    let precious = directory.path().join("postgres/precious");
    fs::create_dir(precious.parent().unwrap()).unwrap();
    fs::write(&precious, "data").unwrap();
    let error = refusal(&settings(directory.path()));
    assert!(matches!(error, Error::NotACluster(_)), "{error}");

    fs::write(directory.path().join("postgres/PG_VERSION"), "12\n").unwrap();
    let error = refusal(&settings(directory.path())).to_string();
    assert!(error.contains("made by PostgreSQL 12"), "{error}");
    assert_eq!(fs::read_to_string(precious).unwrap(), "data");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let directory = directory();
    start(directory.path()).stop();
    fs::remove_file(directory.path().join("postgres/global/pg_control")).unwrap();
    let error = refusal(&settings(directory.path())).to_string();
    assert!(error.contains("could not find the database system"), "{error}");
}

#[test]
fn a_directory_that_postgres_cannot_enter_is_refused() {
    // Only root runs PostgreSQL as somebody else.
    if !geteuid().is_root() {
        return;
    }
    let private = directory();
    fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = refusal(&settings(&private.path().join("deep/data"))).to_string();
    assert!(error.contains(&format!("cannot enter {}.", private.path().display())), "{error}");
    assert_eq!(fs::read_dir(private.path()).unwrap().count(), 0);
}

#[test]
fn an_ephemeral_server_leaves_nothing() {
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
fn databases_are_made_once_by_many_at_once() {
    let server = Embedded::start(&Settings::new(Data::Ephemeral)).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| block_on(server.create_database(r#"mini"twit"#)).unwrap());
        }
    });
    let sql = "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'mini\"twit'";
    assert_eq!(query(&server, sql), ["UTF8"]);
}
