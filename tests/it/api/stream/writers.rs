//! Streams wait for the transactions that may still commit a message, and for no others.
//!
//! No test measures time: the longest wait is an hour, so a message that waits for a transaction arrives
//! only after its end.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::stream_request;
use crate::{
    outage,
    support::{
        App, AppSettings, actors::ApiClient, cluster::TestDatabase, eventually,
        process::ServerProcess, stream::Stream,
    },
};

const HOUR: Duration = Duration::from_secs(3_600);
/// Creates the first user of a database.
const USER: &str = "INSERT INTO users (username, email, password_hash)
                    VALUES ('bob', 'a@b', '$2b$04$' || repeat('a', 53))";

fn wait_for_an_hour(settings: &mut AppSettings) {
    settings.pool.statement_timeout = HOUR;
    settings.service.streams.max_lag = HOUR;
}

async fn execute(connection: &mut PgConnection, statement: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

#[tokio::test]
async fn transactions_that_cannot_commit_a_message_here_delay_no_stream() {
    // Both are copies of one template: their tables have the same object ids.
    let other = TestDatabase::fresh().await;
    let app = App::start_with(TestDatabase::fresh().await, wait_for_an_hour).await;
    app.api_user("ann").await;
    execute(&mut other.connect().await, USER).await;
    let _elsewhere = other.hold("INSERT INTO messages (author_id, text) VALUES (1, 'x')").await;
    let database = app.database.clone();
    let _others = [
        database.hold("SELECT pg_current_xact_id()").await,
        database.hold("UPDATE users SET email = email; LOCK messages IN ACCESS SHARE MODE").await,
        database.hold("SELECT pg_current_xact_id(); SELECT 1 FROM messages FOR KEY SHARE").await,
        // It will write, but gets its number and its time later.
        database.hold("LOCK messages IN ROW EXCLUSIVE MODE").await,
    ];
    let (mut stream, begin) = Stream::open(stream_request(&app.api(), "")).await;
    app.simulator().tweet("ann", "at once").await;
    assert_eq!(stream.text().await, "at once");
    let query = format!("?after={begin}");
    let (mut resumed, _) = Stream::open(stream_request(&app.replica().await.api(), &query)).await;
    assert_eq!(resumed.text().await, "at once");
}

#[tokio::test]
async fn a_role_without_rights_to_statistics_waits_for_writers_of_other_roles() {
    let database = TestDatabase::fresh().await;
    execute(
        &mut database.connect().await,
        "CREATE ROLE stream_reader LOGIN;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO stream_reader;
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO stream_reader",
    )
    .await;
    let app = App::start_with(database, |settings| {
        wait_for_an_hour(settings);
        settings.database = settings.database.clone().username("stream_reader");
    })
    .await;
    app.api_user("ann").await;
    let (mut stream, _) = Stream::open(stream_request(&app.api(), "")).await;
    let database = app.database.clone();
    let insert = "INSERT INTO messages (author_id, text) VALUES (1, 'first')";
    for statement in [
        insert.to_owned(),
        format!("SAVEPOINT one; {insert}; RELEASE one"),
        format!("LOCK messages IN SHARE ROW EXCLUSIVE MODE; {insert}"),
    ] {
        let late = database.hold(&statement).await;
        let posted = tokio::spawn({
            let simulator = app.simulator();
            async move { simulator.tweet("ann", "second").await }
        });
        // The third writer blocks the post itself.
        if !statement.starts_with("LOCK") {
            posted.await.expect("posted");
            late.commit().await;
        } else {
            database.waiting_statements(1).await;
            late.commit().await;
            posted.await.expect("posted");
        }
        assert_eq!(stream.text().await, "first", "{statement}");
        assert_eq!(stream.text().await, "second", "{statement}");
    }
}

/// A generator of numbers that does not change between runs.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// The connection of a writer, and the number of messages in its open transaction.
struct Writer {
    connection: PgConnection,
    open: bool,
    here: bool,
}

impl Writer {
    /// Begins, writes, or ends a transaction.
    async fn step(&mut self, numbers: &mut Numbers, next: &mut u64) {
        let text = format!("'{next}'");
        let insert = format!("INSERT INTO messages (author_id, text) VALUES (1, {text})");
        let (statement, open) = match (self.open, numbers.below(8)) {
            (false, 0) => ("BEGIN; SELECT pg_current_xact_id()".to_owned(), true),
            (false, 1) => ("BEGIN; LOCK messages IN ROW EXCLUSIVE MODE".to_owned(), true),
            (false, 2) => (insert.clone(), false),
            (false, _) => (format!("BEGIN; {insert}"), true),
            (true, 0 | 1) => (insert.clone(), true),
            (true, 2) => (format!("SAVEPOINT s; {insert}; RELEASE s"), true),
            (true, 3) => (format!("SAVEPOINT s; {insert}; ROLLBACK TO s"), true),
            (true, 4) => ("ROLLBACK".to_owned(), false),
            (true, _) => ("COMMIT".to_owned(), false),
        };
        *next += 1;
        self.open = open;
        execute(&mut self.connection, &statement).await;
    }
}

/// Random interleavings of writers here and in another database, while two streams read.
#[tokio::test(flavor = "multi_thread")]
async fn every_interleaving_of_writers_is_streamed_once_and_in_order() {
    const STEPS: usize = 600;
    let other = TestDatabase::fresh().await;
    let app = App::start_with(TestDatabase::fresh().await, wait_for_an_hour).await;
    let replica = app.replica().await;
    app.api_user("ann").await;
    execute(&mut other.connect().await, USER).await;
    let mut writers = Vec::new();
    for number in 0..8 {
        let here = number < 6;
        let database = if here { &app.database } else { &other };
        let connection = database.connect().await;
        writers.push(Writer { connection, open: false, here });
    }
    let (here, _) = Stream::open(stream_request(&app.api(), "")).await;
    let (there, _) = Stream::open(stream_request(&replica.api(), "")).await;
    let readers = [here, there].map(|mut stream| {
        tokio::spawn(async move {
            let mut texts = Vec::new();
            loop {
                match stream.text().await {
                    end if end == "end" => return texts,
                    text => texts.push(text),
                }
            }
        })
    });
    let mut numbers = Numbers(7);
    let mut next = 0;
    for _ in 0..STEPS {
        let writer = numbers.below(writers.len() as u64) as usize;
        writers[writer].step(&mut numbers, &mut next).await;
    }
    // Those of the other database stay open.
    for writer in writers.iter_mut().filter(|writer| writer.here && writer.open) {
        execute(&mut writer.connection, "COMMIT").await;
    }
    app.simulator().tweet("ann", "end").await;
    let all = "SELECT text FROM messages WHERE text <> 'end' ORDER BY published_at, message_id";
    let expected: Vec<String> = sqlx::query_scalar(all).fetch_all(&app.rows).await.expect(all);
    assert!(expected.len() > STEPS / 4, "{}", expected.len());
    for reader in readers {
        assert_eq!(reader.await.expect("no panic"), expected);
    }
}

#[tokio::test]
async fn a_forgotten_prepared_transaction_is_named_and_delays_no_stream_for_ever() {
    let (directory, server, options) = outage::separate_server().await;
    let mut connection = PgConnection::connect_with(&options).await.expect("connected");
    execute(&mut connection, "ALTER SYSTEM SET max_prepared_transactions = 9").await;
    connection.close().await.expect("closed");
    outage::stop(server).await;
    let (server, options) = outage::separate_server_in(directory.path()).await;
    server.create_database("other").await.expect("created");
    let other = server.connect_options("other");
    let mut connection = PgConnection::connect_with(&other).await.expect("connected");
    let prepare = "CREATE TABLE messages (id int);
                   BEGIN; INSERT INTO messages VALUES (1); PREPARE TRANSACTION 'elsewhere'";
    execute(&mut connection, prepare).await;
    let mut connection = PgConnection::connect_with(&options).await.expect("connected");
    execute(&mut connection, USER).await;
    let prepare = "BEGIN; UPDATE users SET email = 'c@d'; PREPARE TRANSACTION 'harmless';
                   BEGIN; INSERT INTO messages (author_id, text) VALUES (1, 'late');
                   PREPARE TRANSACTION 'for''gotten'";
    execute(&mut connection, prepare).await;
    let url = sqlx::ConnectOptions::to_url_lossy(&options).to_string();
    for _ in 0..2 {
        let arguments = ["--database-url", &url, "--database-statement-timeout", "1"];
        let mut serving = ServerProcess::start(&arguments);
        let api = ApiClient::new(serving.base.clone());
        let ann = match api.sign_up("ann").await.status {
            201 | 409 => api.signed_in("ann").await,
            status => panic!("{status}"),
        };
        let (mut stream, _) = Stream::open(stream_request(&ann, "")).await;
        let message = serde_json::json!({"text": "new"});
        assert_eq!(ann.post("/messages", message).await.status, 201);
        assert_eq!(stream.text().await, "new");
        eventually("the log", async || {
            serving.output().contains("a prepared transaction holds").then_some(())
        })
        .await;
        drop(stream);
        serving.end(nix::sys::signal::Signal::SIGTERM);
        let output = serving.complete_output();
        let lines: Vec<&str> =
            output.lines().filter(|it| it.contains("a prepared transaction holds")).collect();
        assert_eq!(lines.len(), 1, "{output}");
        assert!(lines[0].contains("gid=\"for'gotten\" since="), "{output}");
    }
    // Neither statement may follow another one in one text.
    execute(&mut connection, "COMMIT PREPARED 'for''gotten'").await;
    execute(&mut connection, "ROLLBACK PREPARED 'harmless'").await;
    connection.close().await.expect("closed");
    outage::stop(server).await;
}
