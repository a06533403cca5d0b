//! Signals drain and stop a server that has open connections.

use std::process::ExitStatus;

use nix::sys::signal::{Signal, kill};
use serde_json::json;

use crate::support::{actors::Browser, cluster::TestDatabase, eventually, process::ServerProcess};

async fn serving(database: &TestDatabase, arguments: &[&str]) -> (ServerProcess, Browser) {
    let url = database.url();
    let serving = ServerProcess::start(&[&["--database-url", &url], arguments].concat());
    let browser = Browser::new(serving.base.clone());
    assert_eq!(browser.get("/readyz").await.status, 200);
    (serving, browser)
}

/// Sends SIGTERM, and waits until the server reports that it is not ready.
async fn drain(serving: &ServerProcess, browser: &Browser) {
    kill(serving.pid(), Signal::SIGTERM).expect("it runs");
    eventually("the server drains", || async {
        let response = browser.get("/readyz").await;
        (response.status == 503).then_some(response)
    })
    .await;
}

fn assert_drained_and_stopped(status: ExitStatus, serving: &ServerProcess) {
    assert!(status.success(), "{status}: {}", serving.output());
    let log = serving.output();
    let draining = log.find("draining").expect("it is in the log");
    let stopped = log.find("stopped").expect("it is in the log");
    assert!(draining < stopped, "{log}");
}

#[tokio::test]
async fn a_draining_server_serves_and_reports_that_it_is_not_ready() {
    let database = TestDatabase::fresh().await;
    let (mut serving, browser) = serving(&database, &["--drain", "600"]).await;
    assert_eq!(browser.get("/public").await.header("connection"), "");
    drain(&serving, &browser).await;

    let response = browser.get("/readyz").await;
    let reason = "the server is about to stop";
    assert_eq!(response.json(), json!({"status": "not ready", "reason": reason}));
    assert_eq!(response.header("retry-after"), "2");
    assert_eq!(browser.get("/healthz").await.status, 200);
    let other = Browser::new(serving.base.clone());
    other.sign_up("drained").await;
    other.sign_in("drained").await;
    let page = browser.get("/public").await;
    assert_eq!((page.status, page.header("connection")), (200, "close"));

    // A second signal stops the server at once.
    let status = serving.end(Signal::SIGTERM);
    assert_drained_and_stopped(status, &serving);
}

#[tokio::test]
async fn a_server_stops_after_the_drain_time() {
    let database = TestDatabase::fresh().await;
    let (mut serving, browser) = serving(&database, &["--drain", "1"]).await;
    kill(serving.pid(), Signal::SIGTERM).expect("it runs");
    let status = serving.wait();
    assert_drained_and_stopped(status, &serving);
    drop(browser);
}

#[tokio::test]
async fn ctrl_c_does_not_drain() {
    let database = TestDatabase::fresh().await;
    let (mut serving, _browser) = serving(&database, &["--drain", "600"]).await;
    assert!(serving.end(Signal::SIGINT).success());
    assert!(!serving.output().contains("draining"), "{}", serving.output());
}
