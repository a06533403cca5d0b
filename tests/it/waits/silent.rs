//! Servers that accept a connection and stop responding: at once, or after some messages.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixStream},
};

use super::{Running, STOPPING};
use crate::support::{
    cluster::{TestDatabase, server},
    process::minitwit,
};

/// A proxy before the server of the tests that passes this number of messages of each client, and then nothing.
async fn silent_after(messages: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let socket = server().socket_directory().join(".s.PGSQL.5432");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                let mut upstream = UnixStream::connect(socket).await.expect("a server");
                let mut buffer = vec![0; 65_536];
                for _ in 0..messages {
                    let Ok(read @ 1..) = client.read(&mut buffer).await else { return };
                    upstream.write_all(&buffer[..read]).await.expect("sent");
                    let read = upstream.read(&mut buffer).await.expect("a response");
                    client.write_all(&buffer[..read]).await.expect("sent");
                }
                std::future::pending::<()>().await;
            });
        }
    });
    port
}

fn url(database: &TestDatabase, port: u16) -> String {
    let name = database.options().get_database().expect("a name").to_owned();
    format!("postgres://minitwit@127.0.0.1:{port}/{name}?sslmode=disable")
}

/// The commands that use a database. `{}` is a directory.
const COMMANDS: &[&str] = &[
    "serve --listen 127.0.0.1:0",
    "serve --listen 127.0.0.1:0 --no-migrate",
    "serve --listen 127.0.0.1:0 --no-migrate --await-migrations 600",
    "migrate",
    "migrate --status",
    "seed --yes --users 10 --messages 10 --follows 10",
    "user list",
    "user disable ann",
    "message show 1",
    "export {}/export",
    "import sqlite {}/old.db",
    "import sqlite {}/old.db --dry-run",
    "backup --logical {}/dump",
    "restore {}/old.db",
];

#[tokio::test]
async fn every_command_reports_a_silent_server_and_ends_on_a_signal() {
    let database = TestDatabase::fresh().await;
    let directory = TempDir::new().expect("a directory");
    let old = rusqlite::Connection::open(directory.path().join("old.db")).expect("a file");
    let schema = "CREATE TABLE user (user_id integer primary key, username text, email text, pw_hash text);
                  CREATE TABLE message (message_id integer primary key, author_id integer, text text,
                                        pub_date integer, flagged integer);
                  CREATE TABLE follower (who_id integer, whom_id integer);";
    old.execute_batch(schema).expect(schema);
    let directory = directory.path().to_str().expect("text");
    // Before the first response, and before that of the first query.
    for messages in [0, 1] {
        let url = url(&database, silent_after(messages).await);
        let mut all: Vec<Running> = Vec::new();
        for command in COMMANDS {
            let command = command.replace("{}", directory);
            let arguments: Vec<&str> = command.split(' ').collect();
            all.push(Running::start_with(&arguments, &[("DATABASE_URL", &url)]));
        }
        for (mut command, signal) in all.into_iter().zip(STOPPING.into_iter().cycle()) {
            let line = command.line("waiting for").await;
            assert!(line.contains("since") && line.contains("limit_seconds"), "{line}");
            command.stopped_by(signal);
        }
    }
}

#[tokio::test]
async fn the_limit_of_a_silent_server_is_a_setting_that_the_error_names() {
    let database = TestDatabase::fresh().await;
    for messages in [0, 1, 2, 3] {
        let url = url(&database, silent_after(messages).await);
        for (command, setting) in [
            ("migrate", "--connect-timeout"),
            ("user list", "--connect-timeout"),
            ("serve --no-migrate --await-migrations 1", "--await-migrations"),
        ] {
            let arguments: Vec<&str> = command.split(' ').collect();
            let limits = [("MINITWIT_CONNECT_TIMEOUT", "1"), ("MINITWIT_START_TIMEOUT", "1")];
            let command_line = minitwit(&arguments).env("DATABASE_URL", &url).envs(limits).output();
            let output = command_line.expect("it runs");
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command}, {messages}: {text}");
            let names_it = text.contains(setting) || text.contains("--start-timeout");
            assert!(names_it, "{command}, {messages}: {text}");
        }
    }
}

#[tokio::test]
async fn a_pending_migration_is_awaited_as_long_as_the_setting_says() {
    let database = TestDatabase::empty().await;
    let arguments = ["serve", "--no-migrate", "--await-migrations", "2"];
    let output =
        minitwit(&arguments).env("DATABASE_URL", database.url()).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("pending"), "{text}");
}

#[tokio::test]
async fn an_address_that_does_not_respond_is_one_that_is_waited_for() {
    // The queue of connections is full, so further ones get no response, as behind a firewall.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let listener = socket.listen(0).expect("listening");
    let address = listener.local_addr().expect("an address");
    let connected = Arc::new(AtomicUsize::new(0));
    let mut filling = Vec::new();
    for _ in 0..4 {
        let connected = Arc::clone(&connected);
        filling.push(tokio::spawn(async move {
            let stream = tokio::net::TcpStream::connect(address).await;
            connected.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
            drop(stream);
        }));
    }
    let url = format!("postgres://ann@{address}/x");
    let mut command = Running::start(&["migrate", "--database-url", &url]);
    let line = command.line("waiting for").await;
    assert!(line.contains(&address.to_string()), "{line}");
    command.stopped_by(Signal::SIGTERM);
}
