//! No command shows a secret, whatever fails. The commands come from the command line itself, so a new
//! one is covered.

use std::{
    collections::VecDeque,
    fs,
    io::Write as _,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Output, Stdio},
    sync::Mutex,
    thread,
};

use clap::{Command, CommandFactory as _};
use minitwit::config::Cli;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::{
    outage,
    support::process::{ServerProcess, minitwit},
};

/// A part of every secret that a test sets.
const SECRET: &str = "sEcReT";
/// A password with every character that a URL must encode.
const PASSWORD: &str = "sEcReT/?#@%& :1";
const ENCODED: &str = "sEcReT%2F%3F%23%40%25%26%20%3A1";

/// The command lines of all actions.
fn commands(url: &str) -> Vec<Vec<String>> {
    fn add(command: &Command, before: &[String], url: &str, found: &mut Vec<Vec<String>>) {
        let mut line = before.to_vec();
        line.push(command.get_name().to_owned());
        let mut actions = command.get_subcommands().filter(|it| it.get_name() != "help").peekable();
        if actions.peek().is_some() {
            actions.for_each(|action| add(action, &line, url, found));
        }
        if !command.is_subcommand_required_set() {
            for argument in command.get_positionals().filter(|it| it.is_required_set()) {
                let values = argument.get_possible_values();
                let value = match (values.first(), argument.get_id().as_str()) {
                    (Some(value), _) => value.get_name().to_owned(),
                    (None, "url") => url.to_owned(),
                    (None, "base_url") => format!("http://u:{SECRET}@127.0.0.1:1/sim?t={SECRET}"),
                    (None, _) => "1".to_owned(),
                };
                let count = argument.get_num_args().map_or(1, |count| count.min_values());
                line.extend(std::iter::repeat_n(value, count));
            }
            found.push(line);
        }
    }
    let mut found = Vec::new();
    Cli::command().get_subcommands().for_each(|command| add(command, &[], url, &mut found));
    assert!(found.len() >= 15, "{found:?}");
    found
}

/// A server with the role `locked`, which needs [`PASSWORD`].
struct LockedServer {
    directory: TempDir,
    server: embedded_postgres::Embedded,
}

impl LockedServer {
    async fn start() -> Self {
        let (directory, server, options) = outage::separate_server().await;
        let rules = directory.path().join("postgres/pg_hba.conf");
        let old = fs::read_to_string(&rules).expect("rules");
        fs::write(&rules, format!("local all locked scram-sha-256\n{old}")).expect("written");
        let mut connection = PgConnection::connect_with(&options).await.expect("connected");
        let statements = format!(
            "CREATE ROLE locked SUPERUSER LOGIN PASSWORD '{PASSWORD}'; SELECT pg_reload_conf()"
        );
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.expect("a role");
        connection.close().await.expect("closed");
        Self { directory, server }
    }

    fn socket(&self) -> String {
        self.server.socket_directory().display().to_string().replace('/', "%2F")
    }

    fn url(&self) -> String {
        format!("postgres://locked:{ENCODED}@{}/minitwit", self.socket())
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
        path
    }
}

/// The variables of a run.
type Variables = Vec<(&'static str, String)>;

/// Databases that cannot be used, or can.
fn situations(server: &LockedServer) -> Vec<Variables> {
    let socket = server.socket();
    let url = |text: String| vec![("DATABASE_URL", text)];
    let missing = server.path(&format!("missing-{}", "ca"));
    let user = format!("locked:{ENCODED}");
    // A password whose lines do not match, and one that is malformed.
    let passfile = server.file("pgpass", &format!("sEcReT\n*:*:*:other:{SECRET}\n{SECRET}:x\n"));
    let password_file = server.file("password", &format!("{PASSWORD}\n"));
    let mut all: Vec<Variables> = [
        server.url(),
        format!("postgres://u:{SECRET}@127.0.0.1:1/minitwit"),
        format!("postgres://u:{SECRET}@no.such.host.invalid/minitwit"),
        format!("postgres://locked:{SECRET}@{socket}/minitwit"),
        format!("postgres://{user}@{socket}/missing"),
        format!("postgres://{user}@{socket}/minitwit?sslpassword={SECRET}"),
        format!("postgres://{user}@{socket}/minitwit?sslpasword={SECRET}"),
        format!("postgres://{user}@{socket}/minitwit?password={SECRET}&{SECRET}=1"),
        format!("postgres://u:{SECRET}@h/d?sslmode={SECRET}"),
        format!("postgres://u:{SECRET}@h/d?sslmode=verify-full&sslrootcert={missing}"),
        format!("postgres://u:{SECRET}@h/d?sslmode=require&sslcert={missing}&sslkey={missing}"),
        format!("postgres://u:1?{SECRET}@h/d"),
        format!("postgres://u:1/{SECRET}@h/d"),
        format!("postgres://u:1#{SECRET}@h/d"),
        format!("postgres://u:1@{SECRET}@h/d"),
        format!("postgres://u:1%{SECRET}@h/d"),
        format!("postgres://u:{SECRET}@h1,h2/d"),
        format!("mysql://u:{SECRET}@h/d"),
        format!("host=h password={SECRET}"),
        format!("'postgres://u:{SECRET}@h/d'"),
        SECRET.to_owned(),
    ]
    .into_iter()
    .map(url)
    .collect();
    let open = format!("postgres://locked@{socket}/minitwit");
    all.push(vec![("DATABASE_URL", open.clone()), ("PGPASSFILE", passfile)]);
    all.push(vec![("DATABASE_URL", open.clone()), ("PGPASSWORD", SECRET.to_owned())]);
    all.push(vec![("DATABASE_URL", open), ("MINITWIT_DATABASE_PASSWORD_FILE", password_file)]);
    // Without a database, and with the secrets of a backup repository.
    let file = server.file("file", "");
    let repository = vec![
        ("MINITWIT_DATA_DIR", file),
        ("MINITWIT_BACKUP_S3_BUCKET", "bucket".to_owned()),
        ("MINITWIT_BACKUP_S3_ENDPOINT", "127.0.0.1:1".to_owned()),
        ("MINITWIT_BACKUP_S3_KEY_FILE", server.file("key", SECRET)),
        ("MINITWIT_BACKUP_S3_SECRET_FILE", server.file("secret", SECRET)),
        ("MINITWIT_BACKUP_PASSPHRASE_FILE", server.file("passphrase", &SECRET.repeat(4))),
    ];
    all.push(repository);
    all
}

fn run(line: &[String], variables: &Variables, json: bool, listen: &str) -> Output {
    let arguments: Vec<&str> = line.iter().map(String::as_str).collect();
    let mut command = minitwit(&arguments);
    for name in ["PGPASSWORD", "PGPASSFILE", "PGHOST", "PGUSER", "PGDATABASE"] {
        command.env_remove(name);
    }
    command.env("MINITWIT_SIMULATOR_PASSWORD", SECRET).env("MINITWIT_LOG", "trace");
    command.env("MINITWIT_LOG_FORMAT", if json { "json" } else { "text" });
    // No server stays: this machine does not have the address.
    let listen = if line[0] == "serve" { "192.0.2.1:1" } else { listen };
    command.env("MINITWIT_LISTEN", listen).env("RUST_BACKTRACE", "1");
    command.env("MINITWIT_IMPORT_URL", format!("postgres://u:{SECRET}@127.0.0.1:1/d"));
    command.envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let directory = tempfile::tempdir().expect("a directory");
    command.current_dir(&directory).stdin(Stdio::null()).output().expect("it runs")
}

#[track_caller]
fn assert_no_secret(output: &Output, what: &str) {
    for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let text = String::from_utf8_lossy(stream);
        let shown = text.lines().find(|line| line.contains(SECRET));
        assert_eq!(shown, None, "{name} of {what}");
        assert!(!text.contains(" at line "), "{name} of {what}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_shows_a_secret_in_any_situation() {
    let server = LockedServer::start().await;
    // Accepts and closes connections, so that a health check fails at once.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || for _connection in listener.incoming() {});
    let mut runs = VecDeque::new();
    for (number, variables) in situations(&server).into_iter().enumerate() {
        let url = variables.iter().find(|(name, _)| *name == "DATABASE_URL");
        // An import into the database that it reads would wait for itself.
        let old = url.map_or("postgres://", |(_, url)| url).replace("/minitwit", "/postgres");
        let lines = commands(&old);
        // A situation of the URL alone is the same for all commands that parse it.
        let is_parsed =
            url.is_none_or(|(_, url)| minitwit::config::DatabaseUrl::parse(url).is_ok());
        for (place, line) in lines.into_iter().enumerate() {
            if is_parsed || place % 4 == number % 4 || line[0] == "import" {
                runs.push_back((line, variables.clone(), (number + place).is_multiple_of(2)));
            }
        }
    }
    let runs = Mutex::new(runs);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let next = runs.lock().expect("no panic").pop_front();
                    let Some((line, variables, json)) = next else { return };
                    let output = run(&line, &variables, json, &listen);
                    assert_no_secret(&output, &format!("{line:?} with {variables:?}"));
                }
            });
        }
    });
    let LockedServer { directory: _directory, server } = server;
    outage::stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_logs_everything_shows_no_secret() {
    let server = LockedServer::start().await;
    let url = server.url();
    for format in ["json", "text"] {
        let arguments =
            ["--log", "trace", "--log-format", format, "--simulator-password", "sEcReT-two"];
        let mut serving = ServerProcess::start_with(&arguments, &[("DATABASE_URL", &url)]);
        let simulator = crate::support::actors::Simulator::new(format!("{}/sim", serving.base));
        simulator.register("ann").await;
        serving.end(nix::sys::signal::Signal::SIGTERM);
        let output = serving.complete_output();
        let shown = output.lines().find(|line| line.contains(SECRET));
        assert_eq!(shown, None, "{format}");
    }
    let LockedServer { directory: _directory, server } = server;
    outage::stop(server).await;
}

/// Replaces a program by one that records its arguments and its environment's names first.
fn record(directory: &Path, name: &str, real: &Path, log: &Path) {
    let path = directory.join(name);
    let _ = fs::remove_file(&path);
    let (log, real) = (log.display(), real.display());
    let script = format!("#!/bin/sh\necho \"{name} $*\" >> {log}\nexec {real} \"$@\"\n");
    let mut file = fs::File::create(&path).expect("created");
    file.write_all(script.as_bytes()).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
}

/// Other users of the machine can read the arguments of a process.
#[tokio::test(flavor = "multi_thread")]
async fn no_program_gets_a_secret_as_an_argument() {
    let server = LockedServer::start().await;
    let log = server.directory.path().join("arguments");
    fs::write(&log, "").expect("written");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o666)).expect("ours");
    let bin = server.directory.path().join("bin");
    fs::create_dir(&bin).expect("made");
    let real = embedded_postgres::program("postgres", None, None).expect("installed");
    let real = real.parent().expect("a directory");
    for program in fs::read_dir(real).expect("readable").flatten() {
        symlink(program.path(), bin.join(program.file_name())).expect("linked");
    }
    for name in ["pg_dump", "pg_restore"] {
        record(&bin, name, &real.join(name), &log);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let backup = std::env::split_paths(&path).map(|it| it.join("pgbackrest"));
    let backup = backup.into_iter().find(|it| it.is_file()).expect("pgBackRest is installed");
    record(&bin, "pgbackrest", &backup, &log);

    let dump = server.path("dump");
    let bin_text = bin.display().to_string();
    let line = ["backup", "--logical", &dump, "--postgres-bin", &bin_text].map(str::to_owned);
    let output = run(&line, &vec![("DATABASE_URL", server.url())], false, "127.0.0.1:1");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let repository = vec![
        ("MINITWIT_DATA_DIR", server.path("data")),
        ("MINITWIT_BACKUP_REPOSITORY", server.path("repository")),
        ("MINITWIT_BACKUP_PASSPHRASE_FILE", server.file("passphrase", &SECRET.repeat(4))),
        ("PATH", format!("{bin_text}:{path}")),
    ];
    let line = ["backup", "--list"].map(str::to_owned);
    let output = run(&line, &repository, false, "127.0.0.1:1");
    assert_no_secret(&output, "backup --list");

    let arguments = fs::read_to_string(&log).expect("readable");
    for name in ["pg_dump ", "pg_restore ", "pgbackrest "] {
        assert!(arguments.contains(name), "{name} in {arguments}");
    }
    assert!(!arguments.contains(SECRET), "{arguments}");
    let LockedServer { directory: _directory, server } = server;
    outage::stop(server).await;
}
