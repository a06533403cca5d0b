//! Errors of settings, repositories and restores.

use std::{fs, net::TcpListener, process::Output};

use nix::sys::signal::Signal;

use super::{Machine, failure, simulator, stop, success};
use crate::support::process::{ServerProcess, minitwit};

#[test]
fn unsafe_repositories_are_rejected_before_anything_is_made() {
    let machine = Machine::new();
    let serve = |settings: &[(&str, &str)]| {
        let mut arguments = vec!["serve".to_owned(), "--listen".into(), "127.0.0.1:0".into()];
        arguments.extend(machine.data_settings());
        for (flag, value) in settings {
            arguments.extend([(*flag).to_owned(), machine.text(value)]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        failure(minitwit(&arguments).output().expect("it runs"))
    };
    let repository = "--backup-repository";
    let passphrase = "--backup-passphrase-file";
    for (settings, error) in [
        (&[(repository, "data/backups")][..], "both would be lost together"),
        (&[(repository, "")], "both would be lost together"),
        (&[(repository, "backups"), (passphrase, "missing")], "No such file"),
        (&[(repository, "no/parent")], "--backup-repository: cannot create"),
    ] {
        let text = serve(settings);
        assert!(text.contains(error), "{text}");
    }
    fs::create_dir(machine.path("backups")).expect("made");
    fs::write(machine.path("backups/key"), "correct horse battery staple").expect("written");
    let text = serve(&[(repository, "backups"), (passphrase, "backups/key")]);
    assert!(text.contains("keep the passphrase elsewhere"), "{text}");
    fs::write(machine.path("short"), "hunter2").expect("written");
    let text = serve(&[(repository, "backups"), (passphrase, "short")]);
    assert!(text.contains("less than 16 characters") && text.contains(passphrase), "{text}");
    assert!(!machine.path("data/postgres").exists());
}

#[test]
fn a_missing_pgbackrest_is_reported_with_what_to_install() {
    let machine = Machine::new();
    for command in ["serve", "backup", "restore", "drill"] {
        let output =
            minitwit(&[command]).args(machine.settings()).env("PATH", "/nonexistent").output();
        let text = failure(output.expect("it runs"));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("apt-get install pgbackrest"), "{text}");
    }
}

#[test]
fn commands_without_a_repository_say_how_to_name_one() {
    for command in ["backup", "restore", "drill"] {
        let machine = Machine::new();
        let text = failure(machine.run(&[command]));
        assert!(text.contains("--backup-repository (MINITWIT_BACKUP_REPOSITORY)"), "{text}");
        let text = failure(machine.run_with_repository(&[command]));
        assert!(text.contains("no backups") || text.contains("no database in"), "{text}");
    }
    let given = minitwit(&["backup", "--database-url", "postgres://127.0.0.1:1/x"]).output();
    assert!(failure(given.expect("it runs")).contains("--logical FILE"));
}

#[tokio::test]
async fn a_wrong_passphrase_another_database_and_unknown_backups_are_errors() {
    let machine = Machine::new();
    let server = machine.serve();
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    success(machine.run(&["backup", "--full"]));
    let text = failure(machine.run(&["restore", "--yes"]));
    assert!(text.contains("uses the data directory"), "{text}");
    stop(server);

    for (arguments, error) in [
        (
            &["restore", "--yes", "--set", "20200101-000000F"][..],
            "there is no backup 20200101-000000F",
        ),
        (
            &["restore", "--yes", "--to", "2020-01-01T00:00:00Z"],
            "the earliest time that can be restored is",
        ),
        (&["restore", "--yes", "--to", "yesterday"], "--to"),
        (
            &["restore", "--yes", "--to", "2999-01-01T00:00:00Z"],
            "no transaction after that time is archived",
        ),
    ] {
        let text = failure(machine.run(arguments));
        assert!(text.contains(error), "{text}");
    }
    // The last of these replaced the data, and put it back.
    assert_eq!(machine.entries("postgres.failed-").len(), 1);
    let server = machine.serve();
    assert_eq!(simulator(&server).get("/fllws/ann").await.status, 200);
    stop(server);

    fs::write(machine.path("passphrase"), "another passphrase of a thief").expect("written");
    for command in [&["backup", "--list"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        is_rejected_for_its_passphrase(machine.run_with_repository(command));
    }
    let settings = machine.settings();
    let without = minitwit(&["serve", "--listen", "127.0.0.1:0"]).args(&settings[..4]).output();
    is_rejected_for_its_passphrase(without.expect("it runs"));
    fs::write(machine.path("passphrase"), "correct horse battery staple").expect("written");

    // A new database must not archive into the repository of another one.
    let other = Machine::new();
    let data = other.data_settings();
    stop(ServerProcess::start(&data.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut settings = machine.settings();
    settings[1] = other.path("data").to_str().expect("text").to_owned();
    let output = minitwit(&["serve", "--listen", "127.0.0.1:0"]).args(settings).output();
    let text = failure(output.expect("it runs"));
    assert!(text.contains("belongs to another database"), "{text}");
}

fn is_rejected_for_its_passphrase(output: Output) {
    let text = failure(output);
    let line = text.lines().last().unwrap_or_default();
    assert!(line.contains("give the passphrase that it was made with"), "{text}");
    assert!(line.len() < 300 && !text.contains("thief") && !text.contains("HINT"), "{text}");
}

#[tokio::test]
async fn a_repository_without_a_passphrase_is_warned_of_and_keeps_none() {
    let machine = Machine::new();
    let settings = machine.settings();
    let open: Vec<&str> = settings[..4].iter().map(String::as_str).collect();
    let warning = "the backup repository is not encrypted";
    let mut server = ServerProcess::start(&open);
    let output = machine.run(&["backup"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.matches(warning).count(), 1, "{text}");
    assert!(!success(output).contains(warning), "the log is not among the results");
    server.end(Signal::SIGTERM);
    let text = server.complete_output();
    assert_eq!(text.matches(warning).count(), 1, "{text}");
    for command in
        [&["backup", "--list"][..], &["serve", "--listen", "127.0.0.1:0"], &["restore", "--yes"]]
    {
        is_rejected_for_its_passphrase(machine.run_with_repository(command));
    }
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_delays_the_start_only_briefly() {
    let machine = Machine::new();
    let data = machine.data_settings();
    stop(ServerProcess::start(&data.iter().map(String::as_str).collect::<Vec<_>>()));
    // Connections are accepted by the kernel, and nothing is ever sent.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = silent.local_addr().expect("an address").to_string();
    let passphrase = machine.text("passphrase");
    let mut settings: Vec<&str> = data.iter().map(String::as_str).collect();
    settings.extend(["--backup-s3-bucket", "b", "--backup-s3-endpoint", &endpoint]);
    settings.extend(["--backup-s3-key-file", &passphrase, "--backup-s3-secret-file", &passphrase]);
    settings.extend(["--backup-passphrase-file", &passphrase]);
    let mut server = ServerProcess::start(&settings);
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    drop(silent);
    server.end(Signal::SIGKILL);
    let text = server.complete_output();
    assert!(text.contains("the backup repository has not answered for 3 s"), "{text}");
}
