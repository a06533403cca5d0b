//! `minitwit simulate compare`: one report of several runs or checks.

use std::process::Output;

use serde_json::{Value, json};

use super::{Files, LONG_TIMEOUT, text};
use crate::support::{App, process::minitwit};

fn compare(files: &Files, names: &[&str]) -> (Output, String) {
    let paths: Vec<_> = names.iter().map(|name| files.path(name)).collect();
    let mut arguments = vec!["simulate", "compare"];
    arguments.extend(paths.iter().map(|path| text(path)));
    let page = files.path("both.html");
    arguments.extend(["--report", text(&page)]);
    let output = minitwit(&arguments).output().expect("it runs");
    let shown = [&output.stdout[..], &output.stderr].concat();
    (output, String::from_utf8(shown).expect("text"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_are_shown_side_by_side() {
    let (app, files) = (App::start().await, Files::new());
    let plan = ["--commands", "200", "--users", "10", "--verify", "--timeout", LONG_TIMEOUT];
    for (name, seed, pace) in
        [("ours.json", "1", "--concurrency=4"), ("theirs.json", "2", "--rate=300")]
    {
        let arguments = [&plan[..], &["--seed", seed, pace]].concat();
        files.simulate(&app.url("/sim"), &arguments).await.assert_passed();
        std::fs::rename(files.path("run.json"), files.path(name)).expect("renamed");
    }
    let (output, shown) = compare(&files, &["ours.json", "theirs.json"]);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    let warning = "The runs differ in seed: 1, 2";
    assert!(shown.contains("A dash marks a run without such a phase"), "{shown}");
    assert!(!shown.contains("Errors begin at") && !shown.contains("existed before:"), "{shown}");
    let head = |line: &str| line.split_whitespace().eq(["ours", "theirs"]);
    assert!(shown.contains(warning) && shown.lines().any(head), "{shown}");
    let row = |label: &str| {
        let line = shown.lines().find(|line| line.trim_start().starts_with(label));
        line.unwrap_or_else(|| panic!("{label}: {shown}")).split_whitespace().last()
    };
    assert_eq!(row("registrations before the clock"), Some("10"));
    assert_eq!((row("passed"), row("uncertain commands")), (Some("yes"), Some("0")));
    assert!(row("tweet p99").is_some_and(|it| it.parse::<f64>().is_ok()), "{shown}");
    assert!(shown.contains("Uncertain: ") && shown.contains("Unverifiable: "), "{shown}");
    let page = files.text("both.html");
    assert_eq!(page.matches("<svg").count(), 2);
    for part in ["ours", "theirs", warning, "p99 over time", "Unverifiable: ", "tweet p99"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("href="), "the page is self-contained");
    std::fs::write(files.path("check.json"), check_report("passed").to_string()).expect("written");
    let (output, shown) = compare(&files, &["ours.json", "check.json"]);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("compare either runs or checks"), "{shown}");
}

/// A report of a check with one result of each kind.
fn check_report(result: &str) -> Value {
    let mut checked = json!({"check": "follow-oneself", "rule": "rejected", "result": result});
    if result == "failed" {
        checked["request"] = json!("POST /fllws/<b>");
        checked["expected"] = json!("status 400");
        checked["actual"] = json!("status 204");
    }
    let other = json!({"check": "register-open", "rule": "open", "result": "passed"});
    let failed = u8::from(result == "failed");
    json!({
        "report": "check", "base_url": "http://a", "started_at": "now", "duration_seconds": 1.5,
        "passed": 2 - failed, "failed": failed, "skipped": 0, "checks": [other, checked],
    })
}

#[test]
fn two_checks_are_shown_side_by_side_with_failures_first() {
    let files = Files::new();
    for (name, result) in [("a.json", "passed"), ("b.json", "failed")] {
        std::fs::write(files.path(name), check_report(result).to_string()).expect("written");
    }
    let (output, shown) = compare(&files, &["a.json", "b.json"]);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    let line = |name: &str| shown.lines().position(|line| line.trim_start().starts_with(name));
    assert!(line("follow-oneself: rejected") < line("register-open: open"), "{shown}");
    let cells = "passed  FAILED";
    assert!(shown.contains(cells) && shown.contains("b, follow-oneself\n"), "{shown}");
    assert!(shown.contains("expected: status 400\n  actual:   status 204"), "{shown}");
    let page = files.text("both.html");
    assert!(page.contains("POST /fllws/&lt;b&gt;") && !page.contains("<b>"), "values are escaped");
}

#[test]
fn files_that_do_not_belong_together_are_rejected_by_name() {
    let files = Files::new();
    std::fs::write(files.path("check.json"), check_report("passed").to_string()).expect("written");
    std::fs::write(files.path("other.json"), "{}").expect("written");
    for (names, complaint) in [
        (["check.json", "missing.json"], "missing.json"),
        (["check.json", "other.json"], "other.json is no JSON report"),
    ] {
        let (output, shown) = compare(&files, &names);
        assert_eq!(output.status.code(), Some(1), "{shown}");
        assert!(shown.contains(complaint), "{shown}");
    }
    let (output, shown) = compare(&files, &["check.json"]);
    assert_eq!(output.status.code(), Some(2), "one report cannot be compared: {shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparison_explains_only_what_it_shows_and_warns_about_a_repeated_seed() {
    let (app, files) = (App::start().await, Files::new());
    let plan = ["--commands", "40", "--seed", "1", "--timeout", LONG_TIMEOUT];
    for name in ["first.json", "second.json"] {
        files.simulate(&app.url("/sim"), &plan).await.assert_errors("all", &json!({}));
        std::fs::rename(files.path("run.json"), files.path(name)).expect("renamed");
    }
    let (_, shown) = compare(&files, &["first.json", "second.json"]);
    assert!(shown.contains("The runs differ in users who existed before: 0, 10;"), "{shown}");
    for term in ["before the clock:", "Uncertain:", "Errors begin at"] {
        assert!(!shown.contains(term), "{term}: {shown}");
    }
}
