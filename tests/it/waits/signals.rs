//! What each signal does to a server and to a command.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::{Running, STOPPING};
use crate::support::{
    App,
    cluster::TestDatabase,
    process::{PROGRAM, ServerProcess, minitwit},
};

/// Signals that end or stop a process whatever it does, or report a fault.
const UNTOUCHED: [i32; 12] = [4, 5, 6, 7, 8, 9, 11, 19, 20, 21, 22, 31];
/// Signals that are ignored without a line: SIGPIPE, SIGCHLD, SIGCONT, SIGURG, SIGXFSZ, SIGWINCH.
const SILENT: [i32; 6] = [13, 17, 18, 23, 25, 28];

fn send(number: i32, pid: nix::unistd::Pid) {
    let status = Command::new("sh").args(["-c", &format!("kill -{number} {pid}")]).status();
    assert!(status.expect("it runs").success(), "{number}");
}

#[tokio::test]
async fn a_server_ignores_every_other_signal_with_a_line_that_names_it() {
    let database = TestDatabase::fresh().await;
    let url = database.url();
    let mut server = Running::start(&["serve", "--listen", "127.0.0.1:0", "--database-url", &url]);
    server.line("serving base").await;
    let stopping = STOPPING.map(|signal| signal as i32);
    // The C library uses 32 and 33 itself.
    let others = (1..=64).filter(|it| ![32, 33].contains(it) && !stopping.contains(it));
    for number in others.filter(|it| !UNTOUCHED.contains(it)) {
        send(number, server.pid());
        if !SILENT.contains(&number) {
            let name = match Signal::try_from(number) {
                Ok(signal) => signal.as_str().to_owned(),
                Err(_) => format!("SIGRTMIN+{}", number - 34),
            };
            let line = server.line(&format!("\"{name}\"")).await;
            assert!(line.contains("ignored a signal"), "{line}");
        }
    }
    server.stopped_by(Signal::SIGTERM);
}

#[tokio::test]
async fn each_stop_signal_stops_a_server_in_order() {
    let database = TestDatabase::fresh().await;
    let url = database.url();
    for signal in STOPPING {
        let arguments = ["--database-url", &url, "--drain", "600"];
        let mut server = ServerProcess::start(&arguments);
        let page = reqwest::get(format!("{}/public", server.base)).await.expect("a response");
        assert_eq!(page.status(), 200);
        if signal == Signal::SIGTERM {
            // The first one begins to drain.
            nix::sys::signal::kill(server.pid(), signal).expect("it runs");
            crate::support::eventually("draining", || async {
                server.output().contains("draining").then_some(())
            })
            .await;
        }
        let status = server.end(signal);
        let output = server.complete_output();
        assert!(status.success(), "{signal}: {output}");
        assert!(output.contains("stopping") && output.contains("stopped"), "{signal}: {output}");
    }
}

#[tokio::test]
async fn a_lost_terminal_stops_the_embedded_postgresql_in_order() {
    let directory = TempDir::new().expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    let data = directory.path().join("data");
    let mut server = ServerProcess::start(&["--data-dir", data.to_str().expect("text")]);
    assert!(data.join("postgres/postmaster.pid").exists());
    assert!(server.end(Signal::SIGHUP).success(), "{}", server.output());
    assert!(!data.join("postgres/postmaster.pid").exists());
}

#[tokio::test]
async fn a_hangup_that_nohup_ignores_stays_ignored() {
    let database = TestDatabase::fresh().await;
    let url = database.url();
    let mut command = Command::new("sh");
    let script = r#"trap "" HUP QUIT; exec "$0" serve --listen 127.0.0.1:0 --database-url "$1""#;
    command.args(["-c", script, PROGRAM, &url]);
    let mut server = Running::of(command, "serve");
    server.line("serving base").await;
    server.signal(Signal::SIGHUP);
    server.signal(Signal::SIGQUIT);
    server.signal(Signal::SIGUSR1);
    server.line("SIGUSR1").await;
    let output = server.stopped_by(Signal::SIGINT);
    assert!(!output.contains("SIGHUP") && !output.contains("SIGQUIT"), "{output}");
}

#[tokio::test]
async fn an_interrupted_command_changes_nothing_after_the_signal() {
    let app = App::start().await;
    app.signed_in("ann").await;
    let database = app.stop().await;
    let url = database.url();
    let directory = TempDir::new().expect("a directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("text").to_owned();
    let lock = database.lock("users").await;
    let mut running = Vec::new();
    let (dump, export) = (path("dump"), path("export"));
    for command in [
        &["user", "disable", "ann"][..],
        &["user", "reset-password", "ann"],
        &["export", &export],
        &["backup", "--logical", &dump],
        &["seed", "--yes"],
    ] {
        running.push(Running::start_with(command, &[("DATABASE_URL", &url)]));
    }
    database.waiting_statements(5).await;
    for (command, signal) in running.into_iter().zip(STOPPING) {
        command.stopped_by(signal);
    }
    lock.release().await;
    let none = "count(*) FILTER (WHERE application_name <> '' AND pid <> pg_backend_pid()) = 0";
    database.wait_for_backends(none).await;
    let output = minitwit(&["user", "show", "ann", "--database-url", &url]).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("disabled   no"), "{text}");
    let left = fs::read_dir(directory.path()).expect("readable").flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_process_without_threads_ends_with_an_error() {
    for threads in 1..=12 {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nproc={threads}:{threads}"));
        // Root has no limit, and other processes of a user count too.
        if nix::unistd::geteuid().is_root() {
            command.args(["setpriv", "--reuid=61234", "--clear-groups"]);
        }
        command.args([PROGRAM, "serve", "--database-url", "postgres://ann@127.0.0.1:1/x"]);
        let (status, output) = Running::of(command, "serve").end();
        assert!(status.code().is_some_and(|code| code != 0), "{threads}: {status} {output}");
        let is_explained = output.contains("ulimit -u")
            || output.contains("os error 11")
            || output.contains("cannot use the database");
        assert!(is_explained, "{threads}: {output}");
    }
}
