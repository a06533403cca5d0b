//! Programs and servers that do not respond: initdb, PostgreSQL, pgBackRest, a bucket.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::{Running, STOPPING};

/// A directory that the account of PostgreSQL can enter.
fn directory() -> TempDir {
    let directory = TempDir::new().expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    directory
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("ours");
}

/// Whether a process has this text in its command line.
fn runs(text: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("Linux").flatten();
    processes
        .filter_map(|it| fs::read(it.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(text))
}

#[tokio::test]
async fn a_start_of_postgresql_that_takes_long_is_reported_and_ends_on_a_signal() {
    // initdb does not end; PostgreSQL does not become ready.
    for (initdb, postgres) in [
        ("exec sleep 600", "exec sleep 600"),
        ("sleep 600 & wait", "exec sleep 600"),
        ("mkdir -p \"$2\"; echo 15 > \"$2/PG_VERSION\"", "exec sleep 600"),
    ] {
        let directory = directory();
        let bin = directory.path().join("bin");
        fs::create_dir(&bin).expect("created");
        script(&bin.join("initdb"), initdb);
        let version = "[ \"$1\" = --version ] && echo 'postgres (PostgreSQL) 15.9' && exit";
        script(&bin.join("postgres"), &format!("{version}\n{postgres}"));
        for (arguments, signal) in [
            (&["serve", "--listen", "127.0.0.1:0"][..], Signal::SIGTERM),
            (&["migrate"], Signal::SIGINT),
        ] {
            let data = directory.path().join(arguments[0]);
            let data = data.to_str().expect("text");
            let bin = bin.to_str().expect("text");
            let settings = ["--data-dir", data, "--postgres-bin", bin];
            let mut command = Running::start(&[arguments, &settings].concat());
            command.line("waiting for the start of the embedded PostgreSQL").await;
            command.stopped_by(signal);
            crate::support::eventually("the end of the server", || async {
                (!runs(&format!("{data}/postgres"))).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test]
async fn the_start_of_postgresql_has_a_limit() {
    let directory = directory();
    script(&directory.path().join("initdb"), "mkdir -p \"$2\"; echo 15 > \"$2/PG_VERSION\"");
    let version = "[ \"$1\" = --version ] && echo 'postgres (PostgreSQL) 15.9' && exit";
    script(&directory.path().join("postgres"), &format!("{version}\nexec sleep 600"));
    let path = directory.path().to_str().expect("text");
    let data = directory.path().join("data");
    let data = data.to_str().expect("text");
    let arguments = ["migrate", "--start-timeout", "1", "--data-dir", data, "--postgres-bin", path];
    let (status, output) = Running::start(&arguments).end();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("was not ready within 1 s"), "{output}");
}

#[tokio::test]
async fn a_repository_that_does_not_respond_is_reported_and_ends_on_a_signal() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name).to_str().expect("text").to_owned();
    fs::create_dir(path("bin")).expect("created");
    let marker = path("repository");
    script(
        &directory.path().join("bin/pgbackrest"),
        &format!(
            "[ \"$1\" = version ] && echo 'pgBackRest 2.50' && exit\nsleep 600 {marker}x & wait"
        ),
    );
    // The sleeping process is found by its arguments.
    script(&directory.path().join("bin/sleep"), "exec /bin/sleep 600");
    let search = format!("{}:{}", path("bin"), std::env::var("PATH").unwrap_or_default());
    let settings = ["--data-dir", &path("data"), "--backup-repository", &marker];
    for (arguments, signal) in [
        (&["backup", "--list"][..], STOPPING[0]),
        (&["backup", "--verify"], STOPPING[1]),
        (&["restore"], STOPPING[2]),
        (&["drill"], STOPPING[3]),
        (&["serve", "--listen", "127.0.0.1:0"], STOPPING[4]),
    ] {
        let mut command =
            Running::start_with(&[arguments, &settings].concat(), &[("PATH", &search)]);
        command.line("waiting for the").await;
        command.stopped_by(signal);
        crate::support::eventually("the end of pgBackRest", || async {
            (!runs(&format!("{}/pgbackrest", path("bin")))).then_some(())
        })
        .await;
    }
    let limited = [&["backup", "--list", "--start-timeout", "1"], &settings[..]].concat();
    let (status, output) = Running::start_with(&limited, &[("PATH", &search)]).end();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("--start-timeout"), "{output}");
}
