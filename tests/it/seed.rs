//! `minitwit seed`: exactly the rows that were asked for, and users who can sign in.

use std::process::Output;

use minitwit::seed::{PASSWORD, username};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{App, cluster::TestDatabase, process::minitwit};

/// More users than the reader follows.
const NUMBERS: [&str; 3] = ["--users=700", "--messages=3000", "--follows=6000"];

/// Runs `minitwit seed` on this database.
fn seed(database: &TestDatabase, arguments: &[&str]) -> Output {
    let url = database.url();
    let all = [&["seed", "--database-url", &url], arguments].concat();
    minitwit(&all).output().expect("it runs")
}

/// Fills this database with few rows, and returns what the program says.
#[track_caller]
fn seeded(database: &TestDatabase, seed_number: &str) -> String {
    let output = seed(database, &[&NUMBERS[..], &["--yes", "--seed", seed_number]].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[track_caller]
fn refusal(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

async fn number(connection: &mut PgConnection, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(connection).await.expect(query)
}

/// A digest of all that a table holds.
async fn digest(connection: &mut PgConnection, table: &str) -> String {
    let query =
        format!("SELECT md5(string_agg(rows::text, ',' ORDER BY rows)) FROM {table} AS rows");
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(connection).await.expect("a digest")
}

#[tokio::test]
async fn there_are_exactly_as_many_rows_as_were_asked_for() {
    // It applies the migrations itself.
    let database = TestDatabase::empty().await;
    let said = seeded(&database, "1");
    assert!(said.contains("700 users, 3000 messages and 6000 follows"), "{said}");
    assert!(said.contains(PASSWORD) && said.contains("\"user 000500\" follows exactly 500"));
    let connection = &mut database.connect().await;
    for (query, expected) in [
        ("SELECT count(*) FROM users", 700),
        ("SELECT count(*) FROM messages", 3_000),
        ("SELECT count(*) FROM follows", 6_000),
        ("SELECT count(DISTINCT password_hash) FROM users", 1),
        ("SELECT count(*) FROM follows WHERE follower_id = 500", 500),
        ("SELECT count(*) FROM messages WHERE published_at >= now()", 0),
        // The newest message is also the one with the highest key, and so on.
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
async fn the_same_seed_makes_the_same_rows() {
    let databases =
        [TestDatabase::fresh().await, TestDatabase::fresh().await, TestDatabase::fresh().await];
    for (database, seed_number) in databases.iter().zip(["1", "1", "2"]) {
        seeded(database, seed_number);
    }
    let [one, same, other] = &databases;
    for table in ["users", "messages", "follows"] {
        let made = digest(&mut one.connect().await, table).await;
        assert_eq!(digest(&mut same.connect().await, table).await, made, "{table}");
        let differs = digest(&mut other.connect().await, table).await != made;
        // Users are called the same in every world.
        assert_eq!(differs, table != "users", "{table}");
    }
}

#[tokio::test]
async fn it_leaves_the_schema_as_the_migrations_make_it() {
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
async fn a_seeded_user_signs_in_and_posts_after_all_others() {
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
async fn a_database_that_has_a_user_is_left_alone() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let refused = refusal(seed(&app.database, &["--users=5", "--follows=5", "--yes"]));
    assert!(refused.contains("there are users already"), "{refused}");
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn without_a_yes_and_for_the_impossible_nothing_is_added() {
    let database = TestDatabase::fresh().await;
    let refused = refusal(seed(&database, &["--users=5", "--follows=5"]));
    assert!(refused.contains("--yes"), "{refused}");
    let refused = refusal(seed(&database, &["--users=5", "--follows=21", "--yes"]));
    assert!(refused.contains("--follows is 21"), "{refused}");
    assert_eq!(number(&mut database.connect().await, "SELECT count(*) FROM users").await, 0);
}
