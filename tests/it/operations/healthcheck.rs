//! `minitwit healthcheck`, as a container engine runs it.

use std::{net::TcpListener, process::Output};

use nix::sys::signal::{Signal, kill};

use crate::support::{
    App,
    process::{ServerProcess, minitwit},
};

fn check(address: &str, arguments: &[&str]) -> Output {
    let mut command = minitwit(&[&["healthcheck"], arguments].concat());
    command.env("MINITWIT_LISTEN", address).output().expect("it runs")
}

#[track_caller]
fn healthy(checked: &Output) -> &str {
    assert!(checked.status.success(), "{checked:?}");
    str::from_utf8(&checked.stdout).expect("text").trim()
}

#[track_caller]
fn unhealthy(checked: &Output) -> &str {
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    assert!(checked.stdout.is_empty(), "{checked:?}");
    str::from_utf8(&checked.stderr).expect("text").trim()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_ready_is_alive() {
    let app = App::start().await;
    let address = app.address.to_string();
    assert_eq!(healthy(&check(&address, &[])), r#"{"status":"ok"}"#);
    assert_eq!(healthy(&check(&address, &["--ready"])), r#"{"status":"ready"}"#);
    let all_addresses = format!("0.0.0.0:{}", app.address.port());
    assert_eq!(healthy(&check(&all_addresses, &["--ready"])), r#"{"status":"ready"}"#);

    app.execute("INSERT INTO program_compatibility VALUES (1000, '99.0.0')").await;
    assert_eq!(healthy(&check(&address, &[])), r#"{"status":"ok"}"#);
    let checked = check(&address, &["--ready"]);
    let reason = unhealthy(&checked);
    assert!(reason.contains("/readyz returned 503") && reason.contains("99.0.0"), "{reason}");
}

#[test]
fn an_address_without_a_server_is_unhealthy() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("bound").to_string();
    drop(free);
    let checked = check(&address, &[]);
    let reason = unhealthy(&checked);
    assert!(reason.contains(&format!("no server at {address}: ")), "{reason}");
}

#[tokio::test]
async fn a_server_that_hangs_is_unhealthy_after_the_time_out() {
    let database = crate::support::cluster::TestDatabase::fresh().await;
    let mut serving = ServerProcess::start(&["--database-url", &database.url()]);
    let address = serving.base.trim_start_matches("http://").to_owned();
    healthy(&check(&address, &[]));

    kill(serving.pid(), Signal::SIGSTOP).expect("it runs");
    let checked = check(&address, &["--timeout", "1"]);
    assert_eq!(unhealthy(&checked), format!("minitwit: no response from {address} in time"));

    kill(serving.pid(), Signal::SIGCONT).expect("it runs");
    assert!(serving.end(Signal::SIGTERM).success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_for_operations_is_preferred() {
    let app = App::start_with(crate::support::cluster::TestDatabase::fresh().await, |settings| {
        settings.server.operations_listen = Some(settings.server.listen);
    })
    .await;
    let operations = app.operations_address.expect("set").to_string();
    // Nothing listens at the other address.
    let mut command = minitwit(&["healthcheck", "--listen", "127.0.0.1:1"]);
    let checked = command.env("MINITWIT_OPERATIONS_LISTEN", operations).output().expect("it runs");
    assert_eq!(healthy(&checked), r#"{"status":"ok"}"#);
}
