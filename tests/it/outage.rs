//! Requests get 503 within a time-out while the database is stopped, busy, slow or unresponsive, or
//! while a queue is full. The server recovers without a restart.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use embedded_postgres::{Data, Embedded, Settings};
use futures_util::future::join_all;
use minitwit::{
    db::{Connection, Database, PgConnectOptions, migrations},
    domain::{MessageText, Registration, Username},
    service::{Origin, Service},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::Method;
use serde_json::json;
use sqlx::ConnectOptions as _;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinHandle,
};

use crate::support::{
    App, AppSettings,
    actors::{Simulator, TestResponse},
    cluster::TestDatabase,
    eventually,
    process::{wait, waiting_server},
};

/// A time-out that a test can wait for, and that statements on little data do not exceed.
const SHORT: Duration = Duration::from_secs(1);

async fn start(directory: &Path) -> Embedded {
    let settings = Settings::new(Data::Directory(directory.to_owned()));
    let start = move || Embedded::start(&settings).expect("an embedded server");
    tokio::task::spawn_blocking(start).await.expect("no panic")
}

/// A PostgreSQL server for one test, with its directory and options to connect to its migrated
/// database.
pub async fn separate_server() -> (TempDir, Embedded, PgConnectOptions) {
    let directory = tempfile::tempdir().expect("a directory");
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory.path(), permissions).expect("set");
    let (server, options) = separate_server_in(directory.path()).await;
    (directory, server, options)
}

/// Like [`separate_server`], in a given directory.
pub async fn separate_server_in(directory: &Path) -> (Embedded, PgConnectOptions) {
    let server = start(directory).await;
    server.create_database("minitwit").await.expect("a database");
    let options = server.connect_options("minitwit");
    let mut connection = migrations::connect(&options).await.expect("connected");
    migrations::apply(&mut connection, None).await.expect("applied");
    connection.close().await.expect("closed");
    (server, options)
}

pub async fn stop(server: Embedded) {
    tokio::task::spawn_blocking(move || server.stop()).await.expect("no panic");
}

/// Asserts a 503 in JSON with `Retry-After`.
#[track_caller]
fn assert_unavailable(response: &TestResponse) {
    assert_eq!(response.status, 503, "{response:?}");
    assert!(response.header("content-type").starts_with("application/json"), "{response:?}");
    assert_eq!(response.json()["status"], 503);
    assert!(response.header("retry-after").parse::<u32>().is_ok(), "{response:?}");
}

#[tokio::test]
async fn requests_get_503_until_a_stopped_database_runs_again() {
    let (directory, server, options) = separate_server().await;
    let app = App::start_with(TestDatabase::empty().await, |settings| {
        settings.database = options;
        settings.pool.acquire_timeout = SHORT;
    })
    .await;
    let (browser, simulator) = (app.signed_in("ann").await, app.simulator());
    browser.say("before").await.says("before");

    stop(server).await;
    for path in ["/", "/public", "/ann", "/readyz"] {
        let response = browser.get(path).await;
        assert_eq!(response.status, 503, "{path}: {response:?}");
        assert!(response.header("retry-after").parse::<u32>().is_ok(), "{path}: {response:?}");
    }
    let page = browser.get("/public").await;
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    browser.get("/readyz").await.says("not ready").does_not_say("error");
    assert_eq!(browser.sign_up("eve").await.status, 503);
    assert_eq!(browser.say("during the outage").await.status, 503);
    for path in ["/latest", "/msgs", "/msgs/ann", "/fllws/ann"] {
        assert_unavailable(&simulator.get(path).await);
    }
    assert_unavailable(&simulator.register("bob").await);
    assert_unavailable(&simulator.tweet("ann", "during the outage").await);
    assert_unavailable(&simulator.follow("ann", "bob").await);
    assert_eq!(browser.get("/healthz").await.status, 200);
    assert_eq!(browser.get("/openapi.json").await.status, 200);

    let server = start(directory.path()).await;
    eventually("ready again", || async {
        (browser.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    // A connection of this page that was used just before the stop fails once.
    eventually("the page again", || async { (browser.get("/").await.status == 200).then_some(()) })
        .await;
    browser.visit("/").await.says("before").does_not_say("during the outage");
    assert_eq!(simulator.tweet("ann", "after").await.status, 204);
    app.stop().await;
    stop(server).await;
}

/// What a client of PostgreSQL may get instead of a connection: from HAProxy without a primary, a port
/// of another program, a server that starts, stops, is full, or rejects the user or the database.
fn failed_connections() -> Vec<(&'static str, Vec<u8>)> {
    let error = |code: &str| {
        let fields = format!("SFATAL\0VFATAL\0C{code}\0Mrefused\0\0");
        let length = u32::try_from(fields.len() + 4).expect("short").to_be_bytes();
        // "N" refuses TLS first.
        [b"NE".as_slice(), &length, fields.as_bytes()].concat()
    };
    let mut responses = vec![
        ("nothing", Vec::new()),
        ("a zero byte", vec![0]),
        ("an unknown byte", b"X".to_vec()),
        ("another protocol", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("TLS that breaks off", b"S".to_vec()),
        ("no TLS, then nothing", b"N".to_vec()),
        ("no TLS, then garbage", b"N\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        ("an unknown message", b"N?\0\0\0\x04".to_vec()),
        ("an unknown authentication", b"NR\0\0\0\x08\0\0\0\x63".to_vec()),
    ];
    for code in ["28000", "28P01", "3D000", "42501", "53300", "57P03", "57P01", "08P01", "XX000"] {
        responses.push((code, error(code)));
    }
    responses
}

#[tokio::test]
async fn a_connection_that_fails_in_any_way_is_an_outage() {
    let expected = failed_connections();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let (choose, chosen) = tokio::sync::watch::channel(Vec::new());
    let answering = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.read(&mut [0; 1024]).await;
            let response = chosen.borrow().clone();
            let _ = stream.write_all(&response).await;
        }
    });
    let app = App::start_with(TestDatabase::empty().await, |settings| {
        settings.database = PgConnectOptions::new().host("127.0.0.1").port(port).username("a");
        settings.pool.acquire_timeout = SHORT;
    })
    .await;
    for (what, response) in expected {
        choose.send_replace(response);
        let simulator = app.simulator();
        let (read, write) = tokio::join!(simulator.get("/msgs"), simulator.register("ann"));
        for response in [read, write] {
            assert_eq!(response.status, 503, "{what}: {response:?}");
            assert!(response.header("retry-after").parse::<u32>().is_ok(), "{what}: {response:?}");
        }
    }
    answering.abort();
}

/// Sends a post in the background.
fn spawn_tweet(simulator: &Simulator, text: &'static str) -> JoinHandle<TestResponse> {
    let simulator = simulator.clone();
    tokio::spawn(async move { simulator.tweet("ann", text).await })
}

#[tokio::test]
async fn without_a_free_connection_new_requests_get_503_and_earlier_ones_finish() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        // Half of them are for reads.
        settings.pool.max_connections = 4;
        settings.pool.acquire_timeout = SHORT;
    })
    .await;
    let simulator = app.simulator();
    simulator.register("ann").await;
    let lock = app.database.lock("messages").await;
    // One after the other, so that each is a batch of its own.
    let mut busy = Vec::new();
    for (waiting, text) in (1..).zip(["one", "two"]) {
        busy.push(spawn_tweet(&simulator, text));
        app.database.waiting_statements(waiting).await;
    }
    assert_unavailable(&simulator.tweet("ann", "too many").await);
    assert_unavailable(&simulator.get("/latest").await);
    let page = app.anonymous().get("/public").await;
    assert_eq!((page.status, page.header("retry-after")), (503, "2"), "{page:?}");

    lock.release().await;
    for request in busy {
        assert_eq!(request.await.expect("no panic").status, 204);
    }
    assert_eq!(simulator.tweet("ann", "three").await.status, 204);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 3);
    app.stop().await;
}

#[tokio::test]
async fn a_statement_that_exceeds_its_time_out_gets_503_and_is_rolled_back() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        settings.pool.statement_timeout = SHORT;
    })
    .await;
    let simulator = app.simulator();
    simulator.register("ann").await;
    let lock = app.database.lock("messages").await;
    assert_unavailable(&simulator.tweet("ann", "too slow").await);
    assert_unavailable(&simulator.get("/msgs").await);
    lock.release().await;
    assert_eq!(simulator.tweet("ann", "quick").await.status, 204);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
    app.stop().await;
}

/// The postmaster, and the backends of MiniTwit in this database.
async fn database_processes(server: &Embedded, options: &PgConnectOptions) -> Vec<Pid> {
    let mut connection = migrations::connect(options).await.expect("connected");
    let query = "SELECT pid FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'minitwit'";
    let backends: Vec<i32> =
        sqlx::query_scalar(query).fetch_all(&mut connection).await.expect(query);
    assert!(!backends.is_empty());
    connection.close().await.expect("closed");
    let postmaster = server.pid().expect("it runs").cast_signed();
    std::iter::once(postmaster).chain(backends).map(Pid::from_raw).collect()
}

fn signal_all(processes: &[Pid], signal: Signal) {
    for process in processes {
        kill(*process, signal).expect("a process of this test");
    }
}

#[tokio::test]
async fn requests_to_an_unresponsive_database_get_503() {
    // Suspending the shared server would affect other tests.
    let (_directory, server, options) = separate_server().await;
    let rows = options.clone();
    let app = App::start_with(TestDatabase::empty().await, |settings| {
        settings.database = options;
        settings.pool.max_connections = 2;
        settings.pool.acquire_timeout = SHORT;
        settings.pool.statement_timeout = SHORT;
    })
    .await;
    let simulator = app.simulator();
    assert_eq!(simulator.register("ann").await.status, 204);
    // Simulates a failed host: connections stay open, but get no response.
    let processes = database_processes(&server, &rows).await;
    signal_all(&processes, Signal::SIGSTOP);
    let (read, write) =
        tokio::join!(simulator.get("/msgs?latest=1"), simulator.tweet("ann", "no response"));
    assert_unavailable(&read);
    assert_unavailable(&write);
    assert_eq!(app.anonymous().get("/readyz").await.status, 503);

    signal_all(&processes, Signal::SIGCONT);
    eventually("the server recovers", || async {
        (simulator.get("/msgs?latest=2").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(simulator.latest().await, 2);
    app.stop().await;
    stop(server).await;
}

#[tokio::test]
async fn a_registration_is_finished_after_its_client_disconnects() {
    let app = App::start().await;
    let simulator = app.simulator();
    // The lock blocks the first step, which looks up the name.
    let lock = app.database.lock("users").await;
    let body = json!({"username": "ann", "email": "a@b", "pwd": "secret"});
    let request = simulator.request(Method::POST, "/register").json(&body);
    let request = tokio::spawn(request.send());
    app.database.waiting_statements(1).await;
    request.abort();
    assert!(request.await.is_err_and(|error| error.is_cancelled()));

    lock.release().await;
    eventually("ann exists", || async {
        (app.count("SELECT count(*) FROM users WHERE username = 'ann'").await == 1).then_some(())
    })
    .await;
    assert_eq!(simulator.tweet("ann", "I am here").await.status, 204);
    app.stop().await;
}

#[tokio::test]
async fn a_write_is_finished_after_its_request_is_cancelled() {
    let database = TestDatabase::fresh().await;
    let settings = AppSettings::new(database.options());
    let pool = Database::new(settings.database, &settings.pool);
    let service = Service::new(pool, &settings.service);
    let name = |name| Username::parse(name).expect("valid");
    let registration = |name| Registration::parse(name, "a@b", "secret").expect("valid");
    service.register(registration("ann"), Origin::Simulator).await.expect("registered");
    service.register(registration("bob"), Origin::Simulator).await.expect("registered");

    let lock = database.lock("users").await;
    // The server drops these futures when a client disconnects.
    {
        let registered = service.register(registration("eve"), Origin::Simulator);
        let posted = service.post(name("ann"), MessageText::parse("kept").expect("valid"));
        let followed = service.follow(name("ann"), name("bob"));
        tokio::select! {
            _ = async { tokio::join!(registered, posted, followed) } => panic!("the table is locked"),
            () = database.waiting_statements(3) => {}
        }
    }
    lock.release().await;
    // Waits for the writes, as at shutdown.
    service.shut_down().await;
    let query = "SELECT (SELECT count(*) FROM users WHERE username = 'eve')
                     + (SELECT count(*) FROM messages) + (SELECT count(*) FROM follows)";
    let connection = &mut database.connect().await;
    let count: i64 = sqlx::query_scalar(query).fetch_one(connection).await.expect(query);
    assert_eq!(count, 3);
}

#[tokio::test]
async fn registrations_beyond_the_queue_get_503_and_other_requests_succeed() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        let passwords = &mut settings.service.passwords;
        (passwords.workers, passwords.simulator_workers, passwords.queue) = (1, 0, 2);
    })
    .await;
    let simulator = app.simulator();
    simulator.register("ann").await;
    // A registration keeps its worker until its row is inserted, which this lock prevents.
    let lock = app.database.lock_against_writes("users").await;
    let names: Vec<String> = (0..8).map(|number| format!("user {number}")).collect();
    let registering = names.iter().map(|name| {
        let (simulator, name) = (simulator.clone(), name.clone());
        tokio::spawn(async move { simulator.register(&name).await })
    });
    let mut registering: Vec<JoinHandle<TestResponse>> = registering.collect();
    // One registration has the worker, and two wait in the queue; the order of arrival is random.
    eventually("five are rejected", || async {
        (registering.iter().filter(|request| request.is_finished()).count() == 5).then_some(())
    })
    .await;
    app.database.waiting_statements(1).await;
    let (rejected, waiting): (Vec<_>, Vec<_>) =
        registering.drain(..).partition(JoinHandle::is_finished);
    for response in join_all(rejected).await {
        assert_unavailable(&response.expect("no panic"));
    }
    assert_eq!(simulator.tweet("ann", "during the outage").await.status, 204);
    assert_eq!(simulator.get("/msgs").await.status, 200);
    assert_eq!(app.anonymous().get("/public").await.status, 200);

    lock.release().await;
    for response in join_all(waiting).await {
        assert_eq!(response.expect("no panic").status, 204);
    }
    assert_eq!(simulator.register("late").await.status, 204);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 5);
    app.stop().await;
}

#[tokio::test]
async fn a_server_that_awaits_migrations_waits_for_the_database_and_stops_on_sigterm() {
    let (directory, database, options) = separate_server().await;
    stop(database).await;
    let url = options.to_url_lossy().to_string();
    let (mut server, mut read_to) = waiting_server(&url);
    read_to("waiting for migrations");
    kill(Pid::from_raw(server.id().try_into().expect("a pid")), Signal::SIGTERM).expect("it runs");
    assert!(wait(&mut server).success());

    let (mut server, mut read_to) = waiting_server(&url);
    read_to("waiting for migrations");
    let database = start(directory.path()).await;
    read_to("serving");
    kill(Pid::from_raw(server.id().try_into().expect("a pid")), Signal::SIGTERM).expect("it runs");
    assert!(wait(&mut server).success());
    stop(database).await;
}
