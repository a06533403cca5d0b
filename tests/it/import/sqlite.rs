//! The SQLite file of the original.

use std::process::Stdio;

use serde_json::Value;

use super::{OldSystem, PASSWORD, PBKDF2, Report, SCRYPT, digest, rows};
use crate::support::{
    App,
    cluster::TestDatabase,
    process::{minitwit, wait},
};

fn old_system() -> OldSystem {
    OldSystem::sqlite(&format!(
        "INSERT INTO user VALUES (1, 'Roger Histand', 'Roger+Histand@hotmail.com', '{PBKDF2}'),
                                 (2, 'login', 'login@example.org', '{SCRYPT}'),
                                 (7, 'Zoë', 'zoe@example.org', '{PBKDF2}');
         INSERT INTO message VALUES (1, 1, 'the first', 1233065594, 0), (2, 1, 'hidden', 1233065595, 1),
                                    (3, 7, 'the last', 1233065596, 0);
         INSERT INTO follower VALUES (1, 7), (2, 1), (2, 7);"
    ))
}

#[tokio::test]
async fn an_old_system_moves_into_a_new_database() {
    // The command applies the migrations.
    let database = TestDatabase::empty().await;
    let old = old_system();
    let report = old.imported(&database, &[]);
    assert_eq!(report.counts("users"), [3, 3, 0, 0]);
    assert_eq!(report.counts("messages"), [3, 3, 0, 0]);
    assert_eq!(report.counts("follows"), [3, 3, 0, 0]);
    assert_eq!(report.findings(), ["users 2 name_kept"]);

    let app = App::start_on(database).await;
    let connection = &mut app.database.connect().await;
    let query = "SELECT username || ' ' || email || ' ' || password_scheme || ' '
                     || extract(epoch FROM created_at)::bigint % 10000000 * (user_id % 2)
                 FROM users ORDER BY user_id";
    let users = rows(connection, query).await;
    assert!(
        users[0].starts_with("Roger Histand Roger+Histand@hotmail.com werkzeug_pbkdf2 3065594")
    );
    assert!(users[1].starts_with("login login@example.org werkzeug_scrypt"), "{users:?}");
    let query = "SELECT text || ' ' || flagged || ' ' || extract(epoch FROM published_at)::bigint
                 FROM messages ORDER BY message_id";
    let expected =
        ["the first false 1233065594", "hidden true 1233065595", "the last false 1233065596"];
    assert_eq!(rows(connection, query).await, expected);
    let query = "SELECT username || ' ' || messages || ' ' || followers || ' ' || following
                 FROM users, counts_of(user_id) ORDER BY user_id";
    assert_eq!(rows(connection, query).await, ["Roger Histand 1 1 1", "login 0 0 2", "Zoë 1 2 0"]);

    app.anonymous()
        .visit("/public")
        .await
        .says("the first")
        .says("the last")
        .does_not_say("hidden");
    for name in ["Roger Histand", "login"] {
        let form = [("username", name), ("password", PASSWORD)];
        app.anonymous().submit("/login", &form).await.says("You were logged in");
    }
    let schemes = rows(connection, "SELECT password_scheme FROM users ORDER BY user_id").await;
    assert_eq!(schemes, ["bcrypt", "bcrypt", "werkzeug_pbkdf2"]);
}

#[tokio::test]
async fn the_log_has_the_figures_of_each_step_as_numbers() {
    let database = TestDatabase::empty().await;
    let output = old_system().import(&database, &["--log-format", "json"]);
    let log = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    let lines = log.iter().flat_map(|it| it.lines());
    let steps: Vec<Value> = lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == "step of the import ended")
        .collect();
    assert!(steps.iter().any(|it| it["step"] == "messages" && it["records"] == 3), "{steps:?}");
    assert!(steps.iter().all(|it| it["milliseconds"].is_u64()), "{steps:?}");
}

#[tokio::test]
async fn a_repeated_import_adds_only_what_is_new() {
    let database = TestDatabase::fresh().await;
    let old = old_system();
    old.imported(&database, &[]);
    let before = digest(&database).await;
    let report = old.imported(&database, &[]);
    assert_eq!(digest(&database).await, before);
    assert_eq!(report.counts("messages"), [3, 0, 0, 3]);
    assert_eq!(report.rule("users", "already_imported"), 3);
    assert_eq!(report.rule("follows", "already_imported"), 3);
    assert_eq!(report.findings(), [""; 0]);

    // What was deleted here stays deleted.
    let connection = &mut database.connect().await;
    for statement in [
        "DELETE FROM users WHERE username = 'login'",
        "DELETE FROM messages WHERE text = 'the first'",
        "DELETE FROM follows WHERE follower_id = 1",
    ] {
        sqlx::query(statement).execute(&mut *connection).await.expect(statement);
    }
    old.change(&format!(
        "INSERT INTO user VALUES (8, 'new', 'new@example.org', '{PBKDF2}');
         INSERT INTO message VALUES (4, 8, 'news', 1233065597, 0), (5, 2, 'of nobody', 1233065598, 0);
         INSERT INTO follower VALUES (7, 8), (8, 2);"
    ));
    let report = old.imported(&database, &[]);
    assert_eq!(report.counts("users"), [4, 1, 0, 3]);
    assert_eq!(report.counts("messages"), [5, 1, 0, 4]);
    assert_eq!(
        report.findings(),
        [
            "follows 2 -> 1 follow_user_unknown",
            "follows 2 -> 7 follow_user_unknown",
            "follows 8 -> 2 follow_user_unknown",
            "messages 5 author_unknown",
        ]
    );
    let texts = rows(connection, "SELECT text FROM messages ORDER BY message_id").await;
    assert_eq!(texts, ["hidden", "the last", "news"]);
    let query = "SELECT a.username || ' ' || b.username FROM follows
                 JOIN users AS a ON a.user_id = follower_id JOIN users AS b ON b.user_id = followee_id";
    assert_eq!(rows(connection, query).await, ["Zoë new"]);
}

#[tokio::test]
async fn another_old_system_needs_a_name_of_its_own() {
    let database = TestDatabase::fresh().await;
    old_system().imported(&database, &[]);
    let other = OldSystem::sqlite(&format!(
        "INSERT INTO user VALUES (1, 'someone', 'a@b', '{PBKDF2}'), (2, 'else', 'a@b', '{PBKDF2}');"
    ));
    let output = other.import(&database, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("--source"), "{errors}");
    let report = other.imported(&database, &["--source", "other"]);
    assert_eq!(report.counts("users"), [2, 2, 0, 0]);
}

#[tokio::test]
async fn a_dry_run_reports_the_same_and_changes_nothing() {
    let database = TestDatabase::fresh().await;
    let old = old_system();
    let before = digest(&database).await;
    let dry = old.imported(&database, &["--dry-run"]);
    assert_eq!(digest(&database).await, before);
    let real = old.imported(&database, &[]);
    for member in ["tables", "rules", "findings"] {
        assert_eq!(dry.0[member], real.0[member], "{member}");
    }
    // Without a schema, a dry run creates none.
    let empty = TestDatabase::empty().await;
    old.imported(&empty, &["--dry-run"]);
    let tables = "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(rows(&mut empty.connect().await, tables).await, ["0"]);
}

#[tokio::test]
async fn a_damaged_file_is_named_and_changes_nothing() {
    let database = TestDatabase::empty().await;
    let old = old_system();
    let path = old.path("old.db");
    let whole = std::fs::read(&path).expect("a file");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("written");
    let output = old.import(&database, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("old.db"), "{errors}");
    let tables = "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(rows(&mut database.connect().await, tables).await, ["0"]);
}

#[test]
fn global_options_work_after_a_subcommand() {
    let old = old_system();
    let directory = old.path("data");
    let arguments =
        ["import", "sqlite", &old.path("old.db"), "--data-dir", &directory, "--dry-run"];
    let output = minitwit(&arguments).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("users     read 3"), "{output:?}");
    assert!(!std::path::Path::new(&directory).exists(), "a dry run creates no database");
    let arguments = ["user", "list", "--database-url", "nonsense", "--log-format", "json"];
    let output = minitwit(&arguments).output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--database-url"), "{output:?}");
}

#[tokio::test]
async fn a_closed_output_does_not_lose_the_report() {
    let database = TestDatabase::fresh().await;
    let old = old_system();
    let (url, report) = (database.url(), old.report());
    let file = old.path("old.db");
    let arguments = ["import", "sqlite", &file, "--database-url", &url, "--report", &report];
    let mut import = minitwit(&arguments).stdout(Stdio::piped()).spawn().expect("it starts");
    drop(import.stdout.take());
    assert!(wait(&mut import).success());
    assert_eq!(Report::read(&report).counts("users"), [3, 3, 0, 0]);
}
