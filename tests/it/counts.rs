//! Counts are exact after every kind of write, before and after folding.

use std::time::Duration;

use futures_util::future::join_all;
use minitwit::db::{Database, PoolSettings, ReadSettings, user_counts};
use serde_json::Value;

use crate::support::{
    App, actors::encode, cluster::TestDatabase, eventually, process::ServerProcess,
};

/// The number of users whose counts are wrong.
const WRONG: &str = "
    SELECT count(*) FROM users CROSS JOIN LATERAL counts_of(user_id) AS counts
    WHERE counts.messages <> (SELECT count(*) FROM messages WHERE author_id = user_id AND NOT flagged)
       OR counts.followers <> (SELECT count(*) FROM follows WHERE followee_id = user_id)
       OR counts.following <> (SELECT count(*) FROM follows WHERE follower_id = user_id)";

/// The number of users whose folded counts are wrong.
const WRONGLY_FOLDED: &str = "
    SELECT count(*) FROM users LEFT JOIN user_counts AS counts USING (user_id)
    WHERE COALESCE(counts.messages, 0) <>
              (SELECT count(*) FROM messages WHERE author_id = user_id AND NOT flagged)
       OR COALESCE(counts.followers, 0) <>
              (SELECT count(*) FROM follows WHERE followee_id = user_id)
       OR COALESCE(counts.following, 0) <>
              (SELECT count(*) FROM follows WHERE follower_id = user_id)";

const UNFOLDED: &str = "SELECT count(*) FROM user_count_changes";

/// Ten users, with messages and follows.
const ROWS: &str = "
    INSERT INTO users (username, email, password_hash)
        SELECT 'user ' || n, 'a@b', '$2b$10$' || repeat('a', 53) FROM generate_series(1, 10) AS n;
    INSERT INTO messages (author_id, text, flagged)
        SELECT 1 + n % 5, 'message ' || n, n % 7 = 0 FROM generate_series(1, 100) AS n;
    INSERT INTO follows (follower_id, followee_id)
        SELECT a, b FROM generate_series(1, 10) AS a, generate_series(1, 10) AS b WHERE a < b;";

fn pool(database: &TestDatabase) -> Database {
    let settings = PoolSettings {
        max_connections: 2,
        acquire_timeout: Duration::from_secs(20),
        statement_timeout: Duration::from_secs(20),
        reads: ReadSettings::with_timeout(Duration::from_secs(20)),
    };
    Database::new(database.options(), &settings)
}

async fn counts(app: &App, name: &str) -> (Value, Value, Value) {
    let profile = app.api().get(&format!("/users/{}", encode(name))).await.json();
    let count = |field: &str| profile[field].clone();
    (count("messages"), count("followers"), count("following"))
}

#[tokio::test]
async fn a_profile_shows_each_change_of_its_counts_immediately() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let simulator = app.simulator();
    simulator.register("Bob Q").await;
    assert_eq!(counts(&app, "ann").await, (0.into(), 0.into(), 0.into()));
    for round in 1..=3 {
        ann.post("/messages", serde_json::json!({"text": "hello"})).await;
        simulator.tweet("Bob Q", "hello").await;
        ann.put("/following/Bob%20Q").await;
        simulator.follow("Bob Q", "ann").await;
        assert_eq!(counts(&app, "ann").await, (round.into(), 1.into(), 1.into()));
        assert_eq!(counts(&app, "Bob Q").await, (round.into(), 1.into(), 1.into()));
        app.service.fold_counts().await.expect("folded");
        assert_eq!(counts(&app, "ann").await, (round.into(), 1.into(), 1.into()));
    }
    let id = app.count("SELECT min(message_id) FROM messages").await;
    ann.delete(&format!("/messages/{id}")).await;
    ann.delete("/following/Bob%20Q").await;
    assert_eq!(counts(&app, "ann").await, (2.into(), 1.into(), 0.into()));
    assert_eq!(counts(&app, "Bob Q").await, (3.into(), 0.into(), 1.into()));
}

#[tokio::test]
async fn every_kind_of_write_is_counted() {
    let app = App::start().await;
    app.execute(ROWS).await;
    assert_eq!(app.count(WRONG).await, 0);
    for statement in [
        "UPDATE messages SET flagged = NOT flagged WHERE message_id % 3 = 0",
        "UPDATE messages SET text = text || '!'",
        "UPDATE messages SET author_id = 9 WHERE author_id = 2",
        "DELETE FROM messages WHERE message_id % 4 = 0",
        "DELETE FROM follows WHERE follower_id = 3",
        "UPDATE follows SET followee_id = 1 WHERE follower_id = 4 AND followee_id = 5",
        "INSERT INTO follows SELECT * FROM follows ON CONFLICT DO NOTHING",
        "DELETE FROM users WHERE user_id IN (1, 6)",
        "WITH new AS (INSERT INTO messages (author_id, text) VALUES (3, 'x'), (3, 'y') RETURNING *)
         INSERT INTO follows SELECT 7, author_id, now() FROM new ON CONFLICT DO NOTHING",
        "BEGIN; DELETE FROM messages; DELETE FROM follows; ROLLBACK",
    ] {
        app.execute(statement).await;
        assert_eq!(app.count(WRONG).await, 0, "{statement}");
        app.service.fold_counts().await.expect("folded");
        assert_eq!(app.count(WRONG).await, 0, "{statement}, folded");
        assert_eq!(app.count(WRONGLY_FOLDED).await, 0, "{statement}, folded");
        assert_eq!(app.count(UNFOLDED).await, 0, "{statement}");
    }
    let mut copy = app.rows.acquire().await.expect("a connection");
    let mut copy =
        copy.copy_in_raw("COPY messages (author_id, text) FROM STDIN").await.expect("begun");
    copy.send(&b"2\tone\n2\ttwo\n3\tthree\n"[..]).await.expect("sent");
    copy.finish().await.expect("copied");
    assert_eq!(app.count(WRONG).await, 0, "COPY");
    for statement in ["TRUNCATE messages", "TRUNCATE follows"] {
        app.execute(statement).await;
        assert_eq!(app.count(WRONG).await, 0, "{statement}");
    }
}

#[tokio::test]
async fn changes_of_deleted_users_are_dropped() {
    let app = App::start().await;
    app.execute(ROWS).await;
    app.execute("DELETE FROM users").await;
    assert!(app.count(UNFOLDED).await > 0);
    app.service.fold_counts().await.expect("folded");
    assert_eq!(app.count(UNFOLDED).await, 0);
    assert_eq!(app.count("SELECT count(*) FROM user_counts").await, 0);
}

#[tokio::test]
async fn a_killed_fold_neither_loses_nor_repeats_a_change() {
    let app = App::start().await;
    app.execute(ROWS).await;
    let pool = pool(&app.database);
    // The second fold deletes the pending changes, then waits for the lock on a row of counts.
    app.service.fold_counts().await.expect("folded");
    app.execute("INSERT INTO messages (author_id, text) VALUES (1, 'one more')").await;
    let row = app.database.hold("SELECT FROM user_counts WHERE user_id = 1 FOR UPDATE").await;
    let folding = tokio::spawn(async move { user_counts::fold(&pool).await });
    app.database.waiting_statements(1).await;
    app.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    .await;
    folding.await.expect("no panic").expect_err("killed");
    row.release().await;
    assert_eq!(app.count(WRONG).await, 0);
    assert_eq!(app.count(UNFOLDED).await, 1);
    app.service.fold_counts().await.expect("folded");
    assert_eq!(app.count(WRONGLY_FOLDED).await, 0);
}

#[tokio::test]
async fn a_fold_returns_without_waiting_while_another_one_runs() {
    let app = App::start().await;
    app.execute(ROWS).await;
    app.service.fold_counts().await.expect("folded");
    app.execute("INSERT INTO messages (author_id, text) VALUES (1, 'one more')").await;
    let row = app.database.hold("SELECT FROM user_counts WHERE user_id = 1 FOR UPDATE").await;
    let pool = pool(&app.database);
    let folding = tokio::spawn({
        let pool = pool.clone();
        async move { user_counts::fold(&pool).await }
    });
    app.database.waiting_statements(1).await;
    app.execute("INSERT INTO messages (author_id, text) VALUES (2, 'another')").await;
    app.service.fold_counts().await.expect("nothing to do");
    assert_eq!(app.count(UNFOLDED).await, 2);
    assert_eq!(app.count(WRONG).await, 0);
    row.release().await;
    folding.await.expect("no panic").expect("folded");
    app.service.fold_counts().await.expect("folded");
    assert_eq!(app.count(UNFOLDED).await, 0);
    assert_eq!(app.count(WRONGLY_FOLDED).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_exact_under_concurrent_writes_and_folds() {
    let app = App::start().await;
    app.execute(ROWS).await;
    let replica = app.replica().await;
    let simulators = [app.simulator(), replica.simulator()];
    let writing = join_all((0..150).map(|number| {
        let simulator = &simulators[number % 2];
        let name = |number: usize| format!("user {}", 1 + number % 10);
        async move {
            let (me, other) = (name(number), name(number + 1 + number % 9));
            match number % 3 {
                0 => simulator.tweet(&me, "hello").await,
                1 => simulator.follow(&me, &other).await,
                _ => simulator.unfollow(&me, &other).await,
            }
        }
    }));
    let done = std::sync::atomic::AtomicBool::new(false);
    let fold = async |service: &minitwit::service::Service| {
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            service.fold_counts().await.expect("folded");
            assert_eq!(app.count(WRONG).await, 0);
        }
    };
    let writing = async {
        let responses = writing.await;
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(responses.iter().all(|response| response.status == 204), "{responses:?}");
    };
    tokio::join!(writing, fold(&app.service), fold(&replica.service));
    app.service.fold_counts().await.expect("folded");
    assert_eq!(app.count(WRONG).await, 0);
    assert_eq!(app.count(WRONGLY_FOLDED).await, 0);
}

#[tokio::test]
async fn the_server_folds_periodically_and_recovers_after_a_failure() {
    let database = TestDatabase::fresh().await;
    let server = ServerProcess::start(&["--database-url", &database.url()]);
    let rows = sqlx::PgPool::connect_lazy_with(database.options());
    let unfolded = || async {
        let count: i64 = sqlx::query_scalar(UNFOLDED).fetch_one(&rows).await.expect(UNFOLDED);
        count
    };
    let folded = || async { (unfolded().await == 0).then_some(()) };
    sqlx::raw_sql(ROWS).execute(&rows).await.expect("rows");
    eventually("folded", folded).await;
    let broken = "ALTER TABLE user_counts RENAME TO broken";
    sqlx::raw_sql(broken).execute(&rows).await.expect(broken);
    let message = "INSERT INTO messages (author_id, text) VALUES (1, 'one more')";
    sqlx::raw_sql(message).execute(&rows).await.expect(message);
    eventually("a warning", || async {
        server.output().contains("cannot add changes to the users' counts").then_some(())
    })
    .await;
    assert_eq!(unfolded().await, 1);
    let repaired = "ALTER TABLE broken RENAME TO user_counts";
    sqlx::raw_sql(repaired).execute(&rows).await.expect(repaired);
    eventually("folded", folded).await;
    let wrong: i64 = sqlx::query_scalar(WRONGLY_FOLDED).fetch_one(&rows).await.expect("counted");
    assert_eq!(wrong, 0);
}
