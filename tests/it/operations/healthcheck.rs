//! `minitwit healthcheck`, as a container's supervisor runs it.

use std::{net::TcpListener, process::Output};

use nix::sys::signal::{Signal, kill};

use crate::support::{
    App,
    process::{Serving, minitwit},
};

fn check(address: &str, arguments: &[&str]) -> Output {
    let mut command = minitwit(&[&["healthcheck"], arguments].concat());
    command.env("MINITWIT_LISTEN", address).output().expect("it runs")
}

#[track_caller]
fn well(checked: &Output) -> &str {
    assert!(checked.status.success(), "{checked:?}");
    str::from_utf8(&checked.stdout).expect("text").trim()
}

#[track_caller]
fn unwell(checked: &Output) -> &str {
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    assert!(checked.stdout.is_empty(), "{checked:?}");
    str::from_utf8(&checked.stderr).expect("text").trim()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_ready_lives() {
    let app = App::start().await;
    let address = app.address.to_string();
    assert_eq!(well(&check(&address, &[])), r#"{"status":"ok"}"#);
    assert_eq!(well(&check(&address, &["--ready"])), r#"{"status":"ready"}"#);
    let everywhere = format!("0.0.0.0:{}", app.address.port());
    assert_eq!(well(&check(&everywhere, &["--ready"])), r#"{"status":"ready"}"#);

    app.execute("INSERT INTO program_compatibility VALUES (1000, '99.0.0')").await;
    assert_eq!(well(&check(&address, &[])), r#"{"status":"ok"}"#);
    let checked = check(&address, &["--ready"]);
    let reason = unwell(&checked);
    assert!(reason.contains("/readyz answers 503") && reason.contains("99.0.0"), "{reason}");
}

#[test]
fn where_nothing_listens_nothing_is_well() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("bound").to_string();
    drop(free);
    let checked = check(&address, &[]);
    let reason = unwell(&checked);
    assert!(reason.contains(&format!("no server at {address}: ")), "{reason}");
}

#[tokio::test]
async fn a_server_that_hangs_is_not_waited_for() {
    let database = crate::support::cluster::TestDatabase::fresh().await;
    let mut serving = Serving::start(&["--database-url", &database.url()]);
    let address = serving.base.trim_start_matches("http://").to_owned();
    well(&check(&address, &[]));

    kill(serving.pid(), Signal::SIGSTOP).expect("it runs");
    let checked = check(&address, &["--timeout", "1"]);
    assert_eq!(unwell(&checked), format!("minitwit: no answer from {address} in time"));

    kill(serving.pid(), Signal::SIGCONT).expect("it runs");
    assert!(serving.end(Signal::SIGTERM).success());
}
