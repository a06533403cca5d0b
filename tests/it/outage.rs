//! The database away, busy or slow, and more work than there is room for: the answer is 503, soon,
//! and all is well again by itself.

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
use tokio::task::JoinHandle;

use crate::support::{
    App, AppSettings,
    actors::{Answer, Simulator},
    cluster::TestDatabase,
    eventually,
    process::{wait, waiting_server},
};

/// So short that nobody waits for it, and long enough for every statement on this little data.
const SHORT: Duration = Duration::from_secs(1);

async fn start(directory: &Path) -> Embedded {
    let settings = Settings::new(Data::Directory(directory.to_owned()));
    let start = move || Embedded::start(&settings).expect("an embedded server");
    tokio::task::spawn_blocking(start).await.expect("no panic")
}

/// A PostgreSQL of the test's own with an up-to-date schema, where it is, and how to connect to it.
async fn own_server() -> (TempDir, Embedded, PgConnectOptions) {
    let directory = tempfile::tempdir().expect("a directory");
    let everybody = fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory.path(), everybody).expect("ours");
    let server = start(directory.path()).await;
    server.create_database("minitwit").await.expect("a database");
    let options = server.connect_options("minitwit");
    let mut connection = migrations::connect(&options).await.expect("connected");
    migrations::apply(&mut connection, None).await.expect("applied");
    connection.close().await.expect("closed");
    (directory, server, options)
}

async fn stop(server: Embedded) {
    tokio::task::spawn_blocking(move || server.stop()).await.expect("no panic");
}

/// Asserts that the API answers in JSON that it cannot now, and when to ask again.
#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("content-type").starts_with("application/json"), "{answer:?}");
    assert_eq!(answer.json()["status"], 503);
    assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{answer:?}");
}

#[tokio::test]
async fn a_database_that_goes_is_told_and_one_that_returns_is_used() {
    let (directory, server, options) = own_server().await;
    let app = App::start_with(TestDatabase::empty().await, |settings| {
        settings.database = options;
        settings.pool.acquire_timeout = SHORT;
    })
    .await;
    let (browser, simulator) = (app.signed_in("ann").await, app.simulator());
    browser.say("before").await.says("before");

    stop(server).await;
    for path in ["/", "/public", "/ann", "/readyz"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 503, "{path}: {answer:?}");
        assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{path}: {answer:?}");
    }
    let page = browser.get("/public").await;
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    browser.get("/readyz").await.says("not ready").does_not_say("error");
    assert_eq!(browser.sign_up("eve").await.status, 503);
    assert_eq!(browser.say("meanwhile").await.status, 503);
    for path in ["/latest", "/msgs", "/msgs/ann", "/fllws/ann"] {
        assert_unavailable(&simulator.get(path).await);
    }
    assert_unavailable(&simulator.register("bob").await);
    assert_unavailable(&simulator.tweet("ann", "meanwhile").await);
    assert_unavailable(&simulator.follow("ann", "bob").await);
    assert_eq!(browser.get("/healthz").await.status, 200);
    assert_eq!(browser.get("/openapi.json").await.status, 200);

    let server = start(directory.path()).await;
    eventually("ready again", || async {
        (browser.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    browser.visit("/").await.says("before").does_not_say("meanwhile");
    assert_eq!(simulator.tweet("ann", "after").await.status, 204);
    app.stop().await;
    stop(server).await;
}

/// A request that is under way.
fn tweeting(simulator: &Simulator, text: &'static str) -> JoinHandle<Answer> {
    let simulator = simulator.clone();
    tokio::spawn(async move { simulator.tweet("ann", text).await })
}

#[tokio::test]
async fn without_a_free_connection_requests_get_503_and_the_busy_ones_are_finished() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        settings.pool.max_connections = 2;
        settings.pool.acquire_timeout = SHORT;
    })
    .await;
    let simulator = app.simulator();
    simulator.register("ann").await;
    let lock = app.database.lock("messages").await;
    // One after the other, so that they do not share a statement.
    let mut busy = Vec::new();
    for (waiting, text) in (1..).zip(["one", "two"]) {
        busy.push(tweeting(&simulator, text));
        app.database.waiting_statements(waiting).await;
    }
    assert_unavailable(&simulator.tweet("ann", "too many").await);
    assert_unavailable(&simulator.get("/latest").await);
    let page = app.anonymous().get("/public").await;
    assert_eq!((page.status, page.header("retry-after")), (503, "5"), "{page:?}");

    lock.release().await;
    for request in busy {
        assert_eq!(request.await.expect("no panic").status, 204);
    }
    assert_eq!(simulator.tweet("ann", "three").await.status, 204);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 3);
    app.stop().await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_gets_503_and_leaves_nothing() {
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

/// The processes that serve connections of a database, and the one that would start more.
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
        kill(*process, signal).expect("a process of ours");
    }
}

#[tokio::test]
async fn a_database_that_falls_silent_is_not_waited_for_for_ever() {
    // Its own: every other database of a server waits for its stopped processes, too.
    let (_directory, server, options) = own_server().await;
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
    // As when the host is gone: the connections stay, and nothing comes back.
    let processes = database_processes(&server, &rows).await;
    signal_all(&processes, Signal::SIGSTOP);
    let (read, write) =
        tokio::join!(simulator.get("/msgs?latest=1"), simulator.tweet("ann", "anybody?"));
    assert_unavailable(&read);
    assert_unavailable(&write);
    assert_eq!(app.anonymous().get("/readyz").await.status, 503);

    signal_all(&processes, Signal::SIGCONT);
    eventually("it serves again", || async {
        (simulator.get("/msgs?latest=2").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(simulator.latest().await, 2);
    app.stop().await;
    stop(server).await;
}

#[tokio::test]
async fn a_registration_whose_client_gives_up_is_finished_all_the_same() {
    let app = App::start().await;
    let simulator = app.simulator();
    // The name is looked up before the password is hashed: this holds up the very beginning.
    let lock = app.database.lock("users").await;
    let body = json!({"username": "ann", "email": "a@b", "pwd": "secret"});
    let request = simulator.request(Method::POST, "/register").json(&body);
    let request = tokio::spawn(request.send());
    app.database.waiting_statements(1).await;
    request.abort();
    assert!(request.await.is_err_and(|error| error.is_cancelled()));

    lock.release().await;
    eventually("ann is there", || async {
        (app.count("SELECT count(*) FROM users WHERE username = 'ann'").await == 1).then_some(())
    })
    .await;
    assert_eq!(simulator.tweet("ann", "I am here").await.status, 204);
    app.stop().await;
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_is_finished_all_the_same() {
    let database = TestDatabase::fresh().await;
    let settings = AppSettings::new(database.options());
    let pool = Database::new(settings.database, &settings.pool);
    let service = Service::new(pool, &settings.service);
    let name = |name| Username::parse(name).expect("valid");
    let registration = |name| Registration::parse(name, "a@b", "secret").expect("valid");
    service.register(registration("ann"), Origin::Simulator).await.expect("registered");
    service.register(registration("bob"), Origin::Simulator).await.expect("registered");

    let lock = database.lock("users").await;
    // A server drops these when a client hangs up.
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
    // Waits for the writes, as a stopping server does.
    service.shut_down().await;
    let query = "SELECT (SELECT count(*) FROM users WHERE username = 'eve')
                     + (SELECT count(*) FROM messages) + (SELECT count(*) FROM follows)";
    let connection = &mut database.connect().await;
    let count: i64 = sqlx::query_scalar(query).fetch_one(connection).await.expect(query);
    assert_eq!(count, 3);
}

#[tokio::test]
async fn registrations_beyond_the_queue_get_503_and_all_else_goes_on() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        (settings.service.passwords.workers, settings.service.passwords.queue) = (1, 2);
    })
    .await;
    let simulator = app.simulator();
    simulator.register("ann").await;
    // A registration holds its turn until its row is there, which this lock alone prevents.
    let lock = app.database.lock_against_writes("users").await;
    let names: Vec<String> = (0..8).map(|number| format!("user {number}")).collect();
    let registering = names.iter().map(|name| {
        let (simulator, name) = (simulator.clone(), name.clone());
        tokio::spawn(async move { simulator.register(&name).await })
    });
    let mut registering: Vec<JoinHandle<Answer>> = registering.collect();
    // One is being hashed and two wait; which of them, the network decides.
    eventually("five are refused", || async {
        (registering.iter().filter(|request| request.is_finished()).count() == 5).then_some(())
    })
    .await;
    app.database.waiting_statements(1).await;
    let (refused, waiting): (Vec<_>, Vec<_>) =
        registering.drain(..).partition(JoinHandle::is_finished);
    for answer in join_all(refused).await {
        assert_unavailable(&answer.expect("no panic"));
    }
    assert_eq!(simulator.tweet("ann", "meanwhile").await.status, 204);
    assert_eq!(simulator.get("/msgs").await.status, 200);
    assert_eq!(app.anonymous().get("/public").await.status, 200);

    lock.release().await;
    for answer in join_all(waiting).await {
        assert_eq!(answer.expect("no panic").status, 204);
    }
    assert_eq!(simulator.register("late").await.status, 204);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 5);
    app.stop().await;
}

#[tokio::test]
async fn who_waits_for_migrations_waits_for_the_database_too_and_ends_when_told() {
    let (directory, database, options) = own_server().await;
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
