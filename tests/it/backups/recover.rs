//! The procedures of `docs/how-to/recover.md`, as an operator types them.

use std::{fs, path::Path, process::Command};

use sqlx::{Connection, PgConnection};

use super::{Machine, messages, query, simulator, stop, success, tweet};
use crate::support::process::{ServerProcess, minitwit};

const NOW: &str =
    "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";

/// The shell commands of the document that copy a user's rows.
fn copy_commands(copy: &Path, live: &Path, user: &str) -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/how-to/recover.md");
    let document = fs::read_to_string(document).expect("a document");
    let block = document.split("```sh").nth(1).and_then(|it| it.split("```").next());
    let commands = block.expect("commands").replace("/tmp/copy", copy.to_str().expect("text"));
    let commands = commands.replace("/var/lib/minitwit", live.to_str().expect("text"));
    commands
        .replace(" = 7)", &format!(" = {user})"))
        .replace("WHERE 7 IN", &format!("WHERE {user} IN"))
}

#[tokio::test]
async fn a_dropped_table_and_a_deleted_account_come_back() {
    let machine = Machine::new();
    let server = machine.serve();
    for name in ["ann", "bob"] {
        assert_eq!(simulator(&server).register(name).await.status, 204);
    }
    assert_eq!(simulator(&server).follow("bob", "ann").await.status, 204);
    tweet(&server, &["one"]).await;
    success(machine.run(&["backup", "--full"]));
    tweet(&server, &["two"]).await;
    let before = machine.query(NOW).await;
    drop_messages(&machine).await;
    stop(server);
    success(machine.run(&["restore", "--to", &before, "--yes"]));
    let server = machine.serve();
    assert_eq!(messages(&server).await, ["one", "two"], "the table is back");

    // A user is deleted by mistake, and another one goes on.
    let before = machine.query(NOW).await;
    let user =
        machine.query("DELETE FROM users WHERE username = 'ann' RETURNING user_id::text").await;
    assert_eq!(simulator(&server).tweet("bob", "three").await.status, 204);
    assert_eq!(messages(&server).await, ["three"]);
    machine.archive().await;
    let copy = machine.path("copy");
    success(machine.run(&[
        "restore",
        "--to",
        &before,
        "--target-dir",
        copy.to_str().expect("text"),
    ]));
    let copied = ServerProcess::start(&["--data-dir", copy.to_str().expect("text")]);
    let commands = copy_commands(&copy, &machine.path("data"), &user);
    success(Command::new("sh").args(["-ec", &commands]).output().expect("it runs"));
    stop(copied);
    assert_eq!(messages(&server).await, ["one", "two", "three"]);
    let follows = simulator(&server).get("/fllws/bob").await;
    follows.says("ann");
    stop(server);
}

async fn drop_messages(machine: &Machine) {
    let dropped = "DO $$ BEGIN DROP TABLE messages CASCADE; END $$";
    let options = embedded_postgres::running(&machine.path("data"), "minitwit").expect("it runs");
    let mut connection = PgConnection::connect_with(&options).await.expect("connected");
    sqlx::raw_sql(dropped).execute(&mut connection).await.expect("dropped");
}

#[tokio::test]
async fn a_new_machine_gets_the_database_and_a_new_repository() {
    let machine = Machine::new();
    let server = machine.serve();
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    tweet(&server, &["good"]).await;
    success(machine.run(&["backup", "--full"]));
    let before = machine.query(NOW).await;
    tweet(&server, &["ransom"]).await;
    stop(server);

    // Another machine: nothing but the repository and the passphrase.
    let data = machine.path("other/data");
    let data = data.to_str().expect("text");
    let mut settings = machine.settings();
    settings[1] = data.to_owned();
    let restore = minitwit(&["restore", "--to", &before]).args(settings).output();
    success(restore.expect("it runs"));
    fs::write(machine.path("new-passphrase"), "another battery horse staple").expect("written");
    let (repository, passphrase) = (machine.text("new-backups"), machine.text("new-passphrase"));
    let settings = [
        "--data-dir",
        data,
        "--backup-repository",
        &repository,
        "--backup-passphrase-file",
        &passphrase,
    ];
    let server = ServerProcess::start(&settings);
    assert_eq!(messages(&server).await, ["good"]);
    let run = |command: &[&str]| {
        success(minitwit(command).args(["--data-dir", data]).output().expect("it runs"))
    };
    assert!(run(&["backup"]).contains("(full)"), "the new repository is empty");
    assert_eq!(run(&["backup", "--list"]).lines().count(), 3);
    assert_eq!(query(Path::new(data), "SELECT current_setting('archive_mode')").await, "on");
    stop(server);
}
