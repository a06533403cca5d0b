//! `minitwit seed` adds exactly the requested rows, with users who can sign in.

use std::process::Output;

use minitwit::seed::{PASSWORD, username};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{App, cluster::TestDatabase, process::minitwit};

/// More users than the 500 that the reader (the user `user 000500`) follows.
const NUMBERS: [&str; 3] = ["--users=700", "--messages=3000", "--follows=6000"];

fn seed(database: &TestDatabase, arguments: &[&str]) -> Output {
    let url = database.url();
    let all = [&["seed", "--database-url", &url], arguments].concat();
    minitwit(&all).output().expect("it runs")
}

/// Seeds this database with few rows, and returns the program's output.
#[track_caller]
fn seeded(database: &TestDatabase, seed_number: &str) -> String {
    let output = seed(database, &[&NUMBERS[..], &["--yes", "--seed", seed_number]].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[track_caller]
fn rejection(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

async fn number(connection: &mut PgConnection, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(connection).await.expect(query)
}

/// A hash of all rows of a table.
async fn digest(connection: &mut PgConnection, table: &str) -> String {
    let query =
        format!("SELECT md5(string_agg(rows::text, ',' ORDER BY rows)) FROM {table} AS rows");
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(connection).await.expect("a digest")
}

#[tokio::test]
async fn the_number_of_rows_is_exactly_as_requested() {
    // The command applies the migrations.
    let database = TestDatabase::empty().await;
    let output = seeded(&database, "1");
    assert!(output.contains("700 users, 3000 messages and 6000 follows"), "{output}");
    assert!(output.contains(PASSWORD) && output.contains("\"user 000500\" follows exactly 500"));
    let connection = &mut database.connect().await;
    for (query, expected) in [
        ("SELECT count(*) FROM users", 700),
        ("SELECT count(*) FROM messages", 3_000),
        ("SELECT count(*) FROM follows", 6_000),
        ("SELECT count(DISTINCT password_hash) FROM users", 1),
        ("SELECT count(*) FROM follows WHERE follower_id = 500", 500),
        ("SELECT count(*) FROM messages WHERE published_at >= now()", 0),
        // Message ids and times have the same order.
        (
            "SELECT count(*) FROM (SELECT published_at, lag(published_at) OVER (ORDER BY message_id)
             AS before FROM messages) AS pairs WHERE before >= published_at",
            0,
        ),
    ] {
        assert_eq!(number(connection, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn rows_depend_only_on_the_seed() {
    let databases =
        [TestDatabase::fresh().await, TestDatabase::fresh().await, TestDatabase::fresh().await];
    for (database, seed_number) in databases.iter().zip(["1", "1", "2"]) {
        seeded(database, seed_number);
    }
    let [one, same, other] = &databases;
    for table in ["users", "messages", "follows"] {
        let expected = digest(&mut one.connect().await, table).await;
        assert_eq!(digest(&mut same.connect().await, table).await, expected, "{table}");
        let differs = digest(&mut other.connect().await, table).await != expected;
        // Users do not depend on the seed.
        assert_eq!(differs, table != "users", "{table}");
    }
}

#[tokio::test]
async fn seeding_leaves_the_schema_unchanged() {
    let (filled, empty) = (TestDatabase::fresh().await, TestDatabase::fresh().await);
    seeded(&filled, "1");
    let schema = "SELECT string_agg(pg_get_indexdef(indexrelid)
                      || coalesce(obj_description(indexrelid, 'pg_class'), ''), ',' ORDER BY indexrelid::regclass::text)
                  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
                  WHERE relnamespace = 'public'::regnamespace";
    let of = async |database: &TestDatabase| -> String {
        sqlx::query_scalar(schema).fetch_one(&mut database.connect().await).await.expect(schema)
    };
    assert_eq!(of(&filled).await, of(&empty).await);
}

#[tokio::test]
async fn a_seeded_user_can_sign_in_and_post() {
    let database = TestDatabase::fresh().await;
    seeded(&database, "1");
    let app = App::start_with(database, |_| {}).await;
    for user in [1, 500, 504, 508] {
        let name = username(user).expect("valid");
        let browser = app.anonymous();
        let form = [("username", name.as_str()), ("password", PASSWORD)];
        browser.submit("/login", &form).await.says("You were logged in");
        browser.say("new here").await;
    }
    app.anonymous().sign_up("newcomer").await.says("You were successfully registered");
    let newest = app.count("SELECT max(message_id) FROM messages WHERE text = 'new here'").await;
    assert!(newest > 3_000, "{newest}");
    assert!(app.count("SELECT user_id FROM users WHERE username = 'newcomer'").await > 700);
}

#[tokio::test]
async fn a_database_with_a_user_is_rejected() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let rejected = rejection(seed(&app.database, &["--users=5", "--follows=5", "--yes"]));
    assert!(rejected.contains("contains users already"), "{rejected}");
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn nothing_is_added_without_confirmation_or_with_too_many_follows() {
    let database = TestDatabase::fresh().await;
    let rejected = rejection(seed(&database, &["--users=5", "--follows=5"]));
    assert!(rejected.contains("--yes"), "{rejected}");
    let rejected = rejection(seed(&database, &["--users=5", "--follows=21", "--yes"]));
    assert!(rejected.contains("--follows is 21"), "{rejected}");
    assert_eq!(number(&mut database.connect().await, "SELECT count(*) FROM users").await, 0);
}
