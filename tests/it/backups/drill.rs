//! Drills: what a restored copy must have, and what a drill rejects.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::Path,
    process::Command,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use minitwit::db::backup_note::{NOTED_TABLES, UNNOTED_TABLES};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection, PgConnection};

use super::{Machine, failure, messages, query, simulator, stop, success, tweet};
use crate::support::{
    App,
    process::{ServerProcess, minitwit},
};

/// All files below a directory.
fn files(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        if entry.path().is_dir() {
            files(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

/// Inserts rows into the tables that this test does not fill otherwise: three of each, where it can.
async fn fill_every_table(machine: &Machine) {
    let rows = include_str!("every_table.sql");
    let options = embedded_postgres::running(&machine.path("data"), "minitwit").expect("it runs");
    let mut connection = PgConnection::connect_with(&options).await.expect("connected");
    sqlx::raw_sql(rows).execute(&mut connection).await.expect("inserted");
}

/// The parts of a note's line: the checksum of the columns that never change, that of the others, and the
/// version. The key is before them.
const PARTS: [usize; 3] = [1, 2, 3];

/// Changes the note in the data directory, so that the next backup differs from it: in each table each
/// part of a line, in another row. Returns the keys by table.
fn damage_note(machine: &Machine) -> Vec<(&'static str, Vec<String>)> {
    let directory = machine.path("data/postgres/minitwit_note");
    let summary = directory.join("note.json");
    let mut note: Value =
        serde_json::from_slice(&fs::read(&summary).expect("a note")).expect("JSON");
    let mut damaged = Vec::new();
    for table in NOTED_TABLES {
        let file = directory.join(format!("{}.tsv.gz", table.name));
        let mut text = String::new();
        GzDecoder::new(File::open(&file).expect("a file")).read_to_string(&mut text).expect("text");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert!(!lines.is_empty(), "no row of {}", table.name);
        let mut keys = Vec::new();
        for (part, line) in PARTS.iter().zip(lines.iter_mut().rev()) {
            let mut parts: Vec<String> = line.split('\t').map(str::to_owned).collect();
            let number: i64 = parts[*part].parse().expect("a number");
            parts[*part] = (number ^ 1).to_string();
            keys.push(parts[0].clone());
            *line = parts.join("\t");
        }
        let text = lines.join("\n") + "\n";
        let mut encoder = GzEncoder::new(File::create(&file).expect("a file"), Compression::fast());
        encoder.write_all(text.as_bytes()).expect("written");
        encoder.finish().expect("written");
        let hash: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        note["tables"][table.name][1] = hash.into();
        damaged.push((table.name, keys));
    }
    fs::write(&summary, note.to_string()).expect("written");
    damaged
}

/// Makes a backup as `minitwit backup` does, with the note that is in the data directory already.
fn back_up_without_note(machine: &Machine) {
    let options = embedded_postgres::running(&machine.path("data"), "minitwit").expect("it runs");
    let socket = options.get_socket().expect("a socket").display().to_string();
    let owner = fs::metadata(machine.path("data/postgres")).expect("a directory");
    let output = Command::new("pgbackrest")
        .arg(format!("--config={}", machine.text("data/pgbackrest/pgbackrest.conf")))
        .args([
            "--stanza=minitwit",
            "--type=incr",
            &format!("--pg1-socket-path={socket}"),
            "backup",
        ])
        .current_dir("/")
        .gid(owner.gid())
        .uid(owner.uid())
        .output();
    success(output.expect("it runs"));
}

#[tokio::test]
async fn a_drill_finds_what_was_noted_and_a_copy_archives_nothing() {
    let machine = Machine::new();
    let server = machine.serve();
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    tweet(&server, &["one", "two", "three"]).await;
    fill_every_table(&machine).await;
    success(machine.run(&["backup"]));
    machine
        .query("WITH gone AS (DELETE FROM messages WHERE text = 'two' RETURNING 1) SELECT 'x'")
        .await;
    machine.query("WITH done AS (UPDATE messages SET text = 'new', edited_at = now() + interval '2 minutes'
                   WHERE text = 'three' RETURNING 1) SELECT 'x'").await;
    machine
        .query(
            "WITH done AS (UPDATE users SET email = 'x@y.z'
                   WHERE username = 'ann' RETURNING 1) SELECT 'x'",
        )
        .await;
    for again in [
        "WITH gone AS (DELETE FROM follows WHERE (follower_id, followee_id) = (1, 2) RETURNING 1)
         SELECT 'x'",
        "WITH again AS (INSERT INTO follows (follower_id, followee_id) VALUES (1, 2) RETURNING 1)
         SELECT 'x'",
    ] {
        machine.query(again).await;
    }
    machine.archive().await;

    let report = success(machine.run(&["drill"]));
    for text in [
        "(RTO)",
        "messages: 6 rows noted before the backup, 1 deleted since: 2; 1 changed since: 3\n",
        "users: 4 rows noted before the backup, 0 deleted since; 1 changed since: 1\n",
        "sessions: 4 rows noted before the backup, 0 deleted since\n",
        // Followed again: another row.
        "follows: 6 rows noted before the backup, 1 deleted since: 1 2 ",
        "the drill passed",
    ] {
        assert!(report.contains(text), "{report}");
    }
    assert!(machine.entries("minitwit-drill").is_empty(), "the copy is removed");
    let result = fs::read(machine.path("data/pgbackrest/drill.json")).expect("a result");
    let result: Value = serde_json::from_slice(&result).expect("JSON");
    assert_eq!(result["passed"], true);

    let damaged = damage_note(&machine);
    back_up_without_note(&machine);
    let errors = failure(machine.run(&["drill"]));
    for (table, mut keys) in damaged {
        let (_, found) =
            errors.split_once(&format!("{table}: rows differ from the note: ")).expect(table);
        let mut found: Vec<&str> =
            found.split([';', '\n']).next().unwrap_or_default().split(", ").collect();
        found.sort_unstable();
        keys.sort();
        assert_eq!(found, keys, "{table}");
    }

    let copy = machine.path("copy");
    success(machine.run(&["restore", "--target-dir", copy.to_str().expect("text")]));
    a_copy_does_not_archive_into_the_repository_of_its_original(&machine);
    let list = success(machine.run(&["backup", "--list"]));
    assert_eq!(list.lines().count(), 4, "a copy makes no backup: {list}");
    assert_eq!(
        messages(&server).await,
        ["one", "new", "4", "5", "6"],
        "the server ran all the time"
    );
    stop(server);

    // The passphrase encrypts everything: no file has the frame of its compression.
    let mut stored = Vec::new();
    files(&machine.path("backups"), &mut stored);
    assert!(stored.len() > 10);
    for file in stored {
        let bytes = fs::read(&file).expect("readable");
        assert!(bytes.starts_with(b"Salted__") || bytes.is_empty(), "{}", file.display());
    }
    assert!(!query_of_copy(&copy).await.is_empty());
    a_copy_becomes_a_database_of_its_own_in_an_empty_repository(&machine).await;
}

/// The settings of the machine, but with the data directory of the copy.
fn copy_settings(machine: &Machine) -> Vec<String> {
    let mut settings = machine.settings();
    settings[1] = machine.text("copy");
    settings
}

fn a_copy_does_not_archive_into_the_repository_of_its_original(machine: &Machine) {
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["backup"], &["restore", "--yes"]] {
        let output = minitwit(command).args(copy_settings(machine)).output();
        let text = failure(output.expect("it runs"));
        assert!(text.contains("is a restored copy"), "{command:?}: {text}");
    }
    // Commands that name no repository remember none.
    let data = ["--data-dir", &machine.text("copy")];
    let output = minitwit(&["migrate", "--status"]).args(data).output();
    success(output.expect("it runs"));
    assert!(!machine.path("copy/pgbackrest/pgbackrest.conf").exists());
}

async fn a_copy_becomes_a_database_of_its_own_in_an_empty_repository(machine: &Machine) {
    let mut settings = copy_settings(machine);
    settings[3] = machine.text("new-backups");
    for _start in 0..2 {
        let arguments: Vec<&str> = settings.iter().map(String::as_str).collect();
        let server = ServerProcess::start(&arguments);
        let mode = query(&machine.path("copy"), "SELECT current_setting('archive_mode')").await;
        assert_eq!(mode, "on");
        stop(server);
    }
}

async fn query_of_copy(copy: &Path) -> String {
    let data = copy.to_str().expect("text");
    let server = ServerProcess::start(&["--data-dir", data]);
    let mode = query(copy, "SELECT current_setting('archive_mode')").await;
    assert_eq!(mode, "off");
    let texts = messages(&server).await.join(",");
    stop(server);
    texts
}

#[tokio::test]
async fn each_table_is_noted_or_exempt_with_a_reason() {
    let app = App::start().await;
    let query = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let mut tables: Vec<String> =
        sqlx::query_scalar(query).fetch_all(&mut app.database.connect().await).await.expect("rows");
    let noted = NOTED_TABLES.iter().map(|table| table.name);
    let mut known: Vec<&str> = noted.chain(UNNOTED_TABLES.iter().map(|(name, _)| *name)).collect();
    tables.sort();
    known.sort_unstable();
    assert_eq!(tables, known);
}
