//! `minitwit export` and `minitwit import jsonl`: a round trip is equal byte by byte.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use crate::support::{App, cluster::TestDatabase, process::minitwit};

const FILES: [&str; 4] = ["manifest.json", "users.jsonl", "messages.jsonl", "follows.jsonl"];

#[track_caller]
fn text(output: Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(if code == 0 { output.stdout } else { output.stderr }).expect("text")
}

fn export(database: &TestDatabase, directory: &Path, hashes: bool) -> Output {
    let url = database.url();
    let mut command =
        minitwit(&["export", directory.to_str().expect("text"), "--database-url", &url]);
    command.args(hashes.then_some("--password-hashes")).output().expect("it runs")
}

fn import(database: &TestDatabase, directory: &Path, flags: &[&str]) -> Output {
    let (url, directory) = (database.url(), directory.to_str().expect("text"));
    let arguments = ["import", "jsonl", directory, "--database-url", &url, "--password-cost", "10"];
    minitwit(&[&arguments[..], flags].concat()).output().expect("it runs")
}

fn read(directory: &Path) -> Vec<String> {
    FILES.map(|name| fs::read_to_string(directory.join(name)).expect("a file")).into()
}

/// Names of the entries of a directory.
fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// A system with each kind of row: edited, flagged, disabled, with and without optional columns.
async fn filled() -> App {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let bob = app.signed_in("bob the \"2nd\" Zoë 🐦").await;
    for text in ["first", "two\r\nlines\tand \"quotes\" \\ 🐦 \u{2028}", "flagged", "deleted"] {
        alice.say(text).await;
    }
    bob.say("of bob").await;
    alice.submit("/message/5/reply", &[("text", "a reply")]).await;
    alice.submit("/message/4/reply", &[("text", "a reply to a deleted one")]).await;
    bob.post("/alice/follow", &[]).await;
    for statement in [
        "UPDATE users SET bio = 'a\r\nb', display_name = 'Ålice' WHERE username = 'alice'",
        "UPDATE users SET disabled_at = '2024-02-29 12:00:00.000001+00' WHERE username <> 'alice'",
        "UPDATE messages SET edited_at = now() WHERE text = 'first'",
        "UPDATE messages SET flagged = true WHERE text = 'flagged'",
        "UPDATE messages SET published_at = '0001-01-01 00:00:00.5+00' WHERE text = 'of bob'",
        "DELETE FROM messages WHERE text = 'deleted'",
    ] {
        app.execute(statement).await;
    }
    app
}

#[tokio::test]
async fn an_export_with_hashes_is_imported_and_equal() {
    let app = filled().await;
    let directory = tempfile::tempdir().expect("a directory");
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    let said = text(export(&app.database, &first, true), 0);
    assert!(said.contains("users     2 rows") && said.contains("messages  6 rows"), "{said}");
    assert!(said.contains("with password hashes"), "{said}");
    let files = read(&first);
    assert!(
        files[1].contains(r#""password_scheme":"bcrypt","password_hash":"$2b$"#),
        "{}",
        files[1]
    );
    assert!(files[2].contains(r#""text":"two\nlines\tand \"quotes\" \\ 🐦 "#), "{}", files[2]);

    let database = TestDatabase::empty().await;
    let report = directory.path().join("report.json");
    let flags = ["--dry-run", "--report", report.to_str().expect("text")];
    assert!(text(import(&database, &first, &flags), 0).contains("nothing was changed"));
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(report).expect("a report")).expect("JSON");
    assert_eq!(report["tables"]["users"]["imported"], 2, "{report}");
    let said = text(import(&database, &first, &[]), 0);
    assert!(said.contains("messages  read 6, imported 6, changed 0, skipped 0"), "{said}");
    text(export(&database, &second, true), 0);
    assert_eq!(read(&second), files);

    let copy = App::start_on(database).await;
    let alice = copy.anonymous();
    alice.sign_in("alice").await.says("You were logged in");
    alice.say("a new one").await;
    // After all ids of the import.
    assert_eq!(copy.count("SELECT count(*) FROM messages WHERE message_id > 7").await, 1);
    copy.anonymous().get("/alice").await.says("a new one").says("two").does_not_say("flagged");
}

#[tokio::test]
async fn an_export_has_no_hash_unless_asked_for() {
    let app = filled().await;
    let directory = tempfile::tempdir().expect("a directory");
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    assert!(text(export(&app.database, &first, false), 0).contains("without password hashes"));
    let files = read(&first);
    assert!(
        files.iter().all(|file| !file.contains("$2b$") && !file.contains("password_hash\":\""))
    );

    let database = TestDatabase::empty().await;
    let said = text(import(&database, &first, &[]), 0);
    assert!(said.contains("messages  read 6, imported 6, changed 0, skipped 0"), "{said}");
    text(export(&database, &second, false), 0);
    assert_eq!(read(&second), files);
    let copy = App::start_on(database).await;
    copy.anonymous().sign_in("alice").await.says("Invalid password");
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let app = filled().await;
    let directory = tempfile::tempdir().expect("a directory");
    let existing = directory.path().join("existing");
    fs::create_dir(&existing).expect("created");
    let said = text(export(&app.database, &existing, false), 1);
    assert!(said.contains("existing exists: name a new directory"), "{said}");
    assert_eq!(entries(directory.path()), [existing]);

    let exported = directory.path().join("exported");
    text(export(&app.database, &exported, true), 0);
    let before = app.count("SELECT count(*) FROM messages").await;
    let said = text(import(&app.database, &exported, &[]), 1);
    assert!(said.contains("contains users already"), "{said}");
    assert_eq!(app.count("SELECT count(*) FROM messages").await, before);
}

#[tokio::test]
async fn a_damaged_export_leaves_the_database_empty() {
    let app = filled().await;
    let directory = tempfile::tempdir().expect("a directory");
    let whole = directory.path().join("whole");
    text(export(&app.database, &whole, true), 0);
    let database = TestDatabase::fresh().await;
    let replace =
        |from: &'static str, to: &'static str| move |text: String| text.replacen(from, to, 1);
    type Damage = Box<dyn Fn(String) -> String>;
    let cases: Vec<(&str, Damage, &str)> = vec![
        (
            "messages.jsonl",
            Box::new(replace("first", "fIrst")),
            "messages.jsonl is damaged: the manifest has",
        ),
        (
            "messages.jsonl",
            Box::new(|text| text[..text.len() / 2].to_owned()),
            "not a row of messages",
        ),
        (
            "messages.jsonl",
            Box::new(|text| text.lines().take(1).collect()),
            "the manifest has 6 rows",
        ),
        (
            "users.jsonl",
            Box::new(replace("\"bio\"", "\"bios\"")),
            "users.jsonl, line 1: not a row of users",
        ),
        (
            "follows.jsonl",
            Box::new(|_| String::new()),
            "the manifest has 1 rows, and the file has 0",
        ),
        ("manifest.json", Box::new(replace("\"format\": 1", "\"format\": 2")), "has the format 2"),
        ("manifest.json", Box::new(replace("follows", "users")), "names other files"),
        ("manifest.json", Box::new(|_| "{".to_owned()), "is not the manifest of an export"),
    ];
    for (file, damage, expected) in cases {
        let damaged = directory.path().join("damaged");
        fs::create_dir(&damaged).expect("created");
        for name in FILES {
            let text = fs::read_to_string(whole.join(name)).expect("a file");
            let text = if name == file { damage(text) } else { text };
            fs::write(damaged.join(name), text).expect("written");
        }
        let said = text(import(&database, &damaged, &[]), 1);
        assert!(said.contains(expected), "{file}: {said}");
        fs::remove_dir_all(&damaged).expect("removed");
    }
    let mut connection = database.connect().await;
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(&mut connection)
        .await
        .expect("counted");
    assert_eq!(users, 0);
}
