//! Each check fails against a server that breaks its rule, and no other check does.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod rule_breaker;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rule_breaker::RuleBreaker;
use serde_json::{Value, json};
use simulator::{CheckError, CheckReport, CheckResult, CheckSettings};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// The number of servers that are checked at the same time.
const AT_ONCE: usize = 8;

fn settings(base_url: &str, restart_command: Option<String>) -> CheckSettings {
    CheckSettings {
        base_url: base_url.to_owned(),
        username: "simulator".to_owned(),
        password: "super_safe!".to_owned(),
        keep_alive: false,
        restart_command,
    }
}

/// Checks a server that breaks this rule only; `None` breaks none.
async fn check(broken: Option<&'static str>) -> CheckReport {
    // The other checks need no restart.
    let restarts = broken.is_none_or(|rule| rule.starts_with("restart"));
    let directory = tempfile::tempdir().expect("a directory");
    let marker = directory.path().join("restart");
    let command = restarts.then(|| format!("touch '{}'", marker.display()));
    let server = RuleBreaker::start(broken.unwrap_or_default(), marker).await;
    // A connection for each of some 30,000 requests would take long.
    let settings =
        CheckSettings { keep_alive: broken.is_some(), ..settings(&server.base, command) };
    simulator::check(settings, CancellationToken::new()).await.expect("a response")
}

fn failed(report: &CheckReport) -> Vec<&'static str> {
    let checks = report.checks.iter();
    let failed = checks.filter(|it| matches!(it.result, CheckResult::Failed(_)));
    failed.map(|it| it.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_breaks_no_rule_passes_every_check() {
    let report = check(None).await;
    let table = simulator::check_table(&report);
    assert_eq!(failed(&report), [""; 0], "{table}");
    assert!(report.passed());
    let count = simulator::check_ids().len();
    let last = format!("{count} checks: {count} passed, 0 failed, 0 skipped\n");
    assert!(table.ends_with(&last), "{table}");
    let json = simulator::check_json(&report);
    assert_eq!((&json["report"], &json["passed"]), (&json!("check"), &json!(count)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_check_of_a_broken_rule_fails() {
    let (rules, next) = (Arc::new(simulator::check_ids()), Arc::new(AtomicUsize::new(0)));
    let mut checking = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (rules, next) = (Arc::clone(&rules), Arc::clone(&next));
        checking.spawn(async move {
            let mut wrong = Vec::new();
            while let Some(rule) = rules.get(next.fetch_add(1, Ordering::Relaxed)) {
                let report = check(Some(rule)).await;
                if failed(&report) != [*rule] {
                    let failures = simulator::check_table(&report);
                    wrong.push(format!("{rule}: {:?}\n{failures}", failed(&report)));
                }
            }
            wrong
        });
    }
    let wrong: Vec<String> = checking.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_failure_is_reported_with_request_expectation_and_response() {
    let report = check(Some("follow-oneself")).await;
    let table = simulator::check_table(&report);
    for line in ["FAILED   follow-oneself", "expected: status 400", "actual:   status 204"] {
        assert!(table.contains(line), "{line}: {table}");
    }
    let json = simulator::check_json(&report);
    assert_eq!((&json["failed"], &json["skipped"]), (&json!(1), &json!(2)));
    let named = |name: &str| -> Value {
        let checks = json["checks"].as_array().expect("a list").iter();
        checks.clone().find(|it| it["check"] == name).expect("a check").clone()
    };
    let failure = named("follow-oneself");
    assert_eq!(failure["result"], "failed");
    assert_eq!(failure["expected"], "status 400");
    assert_eq!(failure["actual"], "status 204, empty body");
    assert!(failure["request"].as_str().is_some_and(|it| it.starts_with("POST /fllws/")));
    assert_eq!(named("restart-data")["reason"], "no --restart-command");
}

#[tokio::test]
async fn a_restart_command_that_fails_is_a_failure() {
    let server = RuleBreaker::start("", "/does/not/exist".into()).await;
    let settings = settings(&server.base, Some("exit 3".to_owned()));
    let report = simulator::check(settings, CancellationToken::new()).await.expect("a response");
    assert_eq!(failed(&report), ["restart-latest", "restart-data"]);
    assert!(simulator::check_table(&report).contains("exit status: 3"));
}

#[tokio::test]
async fn latest_has_its_earlier_value_after_the_check() {
    let server = RuleBreaker::start("", "/does/not/exist".into()).await;
    server.set_latest(4_711);
    let settings = settings(&server.base, None);
    simulator::check(settings, CancellationToken::new()).await.expect("a response");
    assert_eq!(server.latest(), 4_711);
}

#[tokio::test]
async fn a_stopped_check_skips_the_rest() {
    let server = RuleBreaker::start("", "/does/not/exist".into()).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let report = simulator::check(settings(&server.base, None), stop).await.expect("a response");
    assert!(report.checks.iter().all(|it| matches!(it.result, CheckResult::Skipped(_))));
}

#[tokio::test]
async fn without_a_server_there_is_an_error_instead_of_a_report() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let result = simulator::check(settings(&base, None), CancellationToken::new()).await;
    let error = result.expect_err("nothing listens");
    assert!(matches!(error, CheckError::NoResponse(_)), "{error}");
}
