//! An import that is killed continues, and leaves nothing half done.

use std::process::Stdio;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{OldSystem, PBKDF2, digest, rows};
use crate::support::{
    App,
    cluster::TestDatabase,
    process::{minitwit, wait},
};

fn old_system() -> OldSystem {
    OldSystem::sqlite(&format!(
        "INSERT INTO user VALUES (1, 'ann', 'a@b', '{PBKDF2}'), (2, 'bob', 'a@b', '{PBKDF2}'),
                                 (3, 'ann', 'a@b', '{PBKDF2}');
         WITH RECURSIVE numbers (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < 700)
         INSERT INTO message SELECT value, 1 + value % 3, 'message ' || value, 1233065594 + value, 0 FROM numbers;
         INSERT INTO follower VALUES (1, 2), (2, 1), (3, 1), (3, 3);"
    ))
}

/// Starts an import, and kills it while it waits for the lock of a table.
async fn kill_at(database: &TestDatabase, table: &str, arguments: &[&str]) {
    let lock = database.lock_against_writes(table).await;
    let url = database.url();
    let mut import = minitwit(&[&["import"], arguments, &["--database-url", &url]].concat())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    database.waiting_statements(1).await;
    let pid = Pid::from_raw(import.id().try_into().expect("a pid"));
    kill(pid, Signal::SIGKILL).expect("it runs");
    wait(&mut import);
    lock.release().await;
    // The server process of the import ends when it notices.
    database.wait_for_backends("count(*) = 1").await;
}

#[tokio::test]
async fn an_import_into_an_empty_database_is_all_or_nothing() {
    let (database, undisturbed) = (TestDatabase::fresh().await, TestDatabase::fresh().await);
    let old = old_system();
    kill_at(&database, "imported_messages", &["sqlite", &old.path("old.db")]).await;
    let connection = &mut database.connect().await;
    let count = "SELECT count(*)::text FROM users";
    assert_eq!(rows(connection, count).await, ["0"]);
    let indexes = "SELECT count(*)::text FROM pg_indexes WHERE tablename = 'messages'";
    assert_eq!(rows(connection, indexes).await, ["5"]);

    let continued = old.imported(&database, &[]);
    let expected = old.imported(&undisturbed, &[]);
    assert_eq!(continued.0["tables"], expected.0["tables"]);
    let texts =
        "SELECT md5(string_agg(text || username || published_at, ',' ORDER BY published_at))
                 FROM messages JOIN users ON user_id = author_id";
    let of = async |database: &TestDatabase| rows(&mut database.connect().await, texts).await;
    assert_eq!(of(&database).await, of(&undisturbed).await);
}

#[tokio::test]
async fn an_import_into_a_live_system_continues_after_its_last_batch() {
    let app = App::start().await;
    app.api_user("ann").await;
    let database = app.stop().await;
    let old = old_system();
    for table in ["imported_messages", "imported_follows"] {
        kill_at(&database, table, &["sqlite", &old.path("old.db")]).await;
    }
    let connection = &mut database.connect().await;
    let count = "SELECT count(*)::text FROM messages";
    assert_eq!(rows(connection, count).await, ["700"], "the messages are committed");

    let report = old.imported(&database, &[]);
    assert_eq!(report.counts("users"), [3, 1, 2, 0]);
    assert_eq!(report.counts("messages"), [700, 700, 0, 0]);
    assert_eq!(report.counts("follows"), [4, 3, 0, 1]);
    let expected = ["follows 3 -> 3 follow_of_self", "users 1 name_taken", "users 3 name_taken"];
    assert_eq!(report.findings(), expected);
    let names = rows(connection, "SELECT username FROM users ORDER BY user_id").await;
    assert_eq!(names, ["ann", "ann-2", "bob", "ann-3"]);
    assert_eq!(rows(connection, count).await, ["700"]);
    // Short transactions, so that streams do not wait for the import.
    let batches = "SELECT (count(DISTINCT xmin::text) > 2)::text FROM messages";
    assert_eq!(rows(connection, batches).await, ["true"]);
    let counts = "SELECT username || ' ' || messages || ' ' || followers || ' ' || following
                  FROM users, counts_of(user_id) ORDER BY user_id";
    let expected = ["ann 0 0 0", "ann-2 233 2 1", "bob 234 1 1", "ann-3 233 0 1"];
    assert_eq!(rows(connection, counts).await, expected);
    let before = digest(&database).await;
    old.imported(&database, &[]);
    assert_eq!(digest(&database).await, before);
}

#[tokio::test]
async fn no_password_is_hashed_twice() {
    let database = TestDatabase::fresh().await;
    let old = OldSystem::new();
    let users = (1..=3).map(|number| {
        format!(
            r#"{{"_id": {{"$oid": "603cd740000000000000000{number}"}}, "Name": "user {number}",
                "Password": "password {number}", "PasswordSalt": null, "Email": "a@b"}}"#
        )
        .replace('\n', " ")
    });
    let users: Vec<String> = users.collect();
    std::fs::write(old.path("users.json"), users.join("\n")).expect("written");
    let directory = old.directory.path().to_str().expect("text");
    kill_at(&database, "imported_users", &["mongo", directory]).await;
    let connection = &mut database.connect().await;
    let kept = rows(connection, "SELECT password_hash FROM import_passwords ORDER BY old_id").await;
    assert_eq!(kept.len(), 3);

    let output = super::import(&database, &["mongo", directory], &old.report());
    assert!(output.status.success(), "{output:?}");
    let used = rows(connection, "SELECT password_hash FROM users ORDER BY username").await;
    assert_eq!(used, kept);
    let left = "SELECT count(*)::text FROM import_passwords";
    assert_eq!(rows(connection, left).await, ["0"]);
    let app = App::start_on(database).await;
    let form = [("username", "user 2"), ("password", "password 2")];
    app.anonymous().submit("/login", &form).await.says("You were logged in");
}
