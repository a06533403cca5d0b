//! What SECURITY.md says holds: each mitigation names tests that exist, and what the pipelines use is pinned.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of the lines of the table that begins with this heading.
fn rows<'a>(document: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let table = document.lines().skip_while(|line| !line.starts_with(heading));
    let lines = table.skip(2).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The words in code that name a test, as `FILE::NAME`.
fn tests_in(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter(|code| code.contains("::")).collect()
}

/// Whether this source has a test of this name: a function right below an attribute that makes it one.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let declares = |line: &str| {
        let function = line.trim_start_matches("async ").strip_prefix("fn ");
        function.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    let attributes = |above: usize| {
        lines[..above].iter().rev().copied().take_while(|line| line.starts_with("#["))
    };
    let is_test = |line: &str| line == "#[test]" || line.starts_with("#[tokio::test");
    (0..lines.len()).any(|it| declares(lines[it]) && attributes(it).any(is_test))
}

/// Whether this script has a check of this name, and makes it: those of `tests/deployment` are functions.
fn has_check(source: &str, name: &str) -> bool {
    let call = format!("{name}(");
    source.contains(&format!("\ndef {call}")) && source.matches(&call).count() > 1
}

/// A test within a macro, such as `proptest!`, would not be found: none is named.
fn exists(test: &str) -> bool {
    let (file, name) = test.split_once("::").expect("FILE::NAME");
    let path = root().join(file);
    let has = if file.ends_with(".py") { has_check } else { has_test };
    path.is_file() && has(&read(path), name)
}

#[test]
fn each_mitigation_names_tests_that_exist() {
    let document = read("SECURITY.md");
    let threats = rows(&document, "| threat |");
    assert!(threats.len() > 20, "{}", threats.len());
    for threat in &threats {
        let [name, likelihood, impact, mitigation, proofs] = threat[..] else {
            panic!("five cells: {threat:?}");
        };
        assert!(["low", "medium", "high"].contains(&likelihood), "{name}: {likelihood}");
        assert!(["low", "medium", "high", "critical"].contains(&impact), "{name}: {impact}");
        assert!(
            !mitigation.is_empty() && !tests_in(proofs).is_empty(),
            "{name}: nothing proves it"
        );
    }
    let missing: Vec<&str> = tests_in(&document).into_iter().filter(|it| !exists(it)).collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that do not exist: {missing:#?}");
}

#[test]
fn what_is_no_test_proves_nothing() {
    let this = "tests/it/security.rs";
    assert!(exists(&format!("{this}::what_is_no_test_proves_nothing")));
    for name in ["what_is_no_test", "exists", "read", "what_is_gone"] {
        assert!(!exists(&format!("{this}::{name}")), "{name}");
    }
    assert!(!exists("tests/it/gone.rs::what_is_no_test_proves_nothing"));
    let script = "import json\n\ndef made():\n    pass\n\ndef left_out():\n    pass\n\nmade()\n";
    assert!(has_check(script, "made") && !has_check(script, "left_out"));
}

fn workflows() -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(root().join(".github/workflows")).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let found: Vec<_> = paths.map(|path| (path.clone(), read(path))).collect();
    assert!(found.len() >= 5, "{found:?}");
    found
}

/// `OWNER/NAME@COMMIT # vVERSION`, or a workflow of this repository at the same commit.
fn is_pinned(action: &str) -> bool {
    let is_commit = |it: &str| it.len() == 40 && it.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_version =
        |it: &str| it.strip_prefix('v').is_some_and(|number| number.split('.').count() == 3);
    action.starts_with("$/")
        || action
            .split_once('@')
            .and_then(|(_, pin)| pin.split_once(" # "))
            .is_some_and(|(commit, version)| is_commit(commit) && is_version(version))
}

#[test]
fn each_action_is_pinned_by_its_commit() {
    for (path, text) in workflows() {
        let uses = text.lines().filter_map(|line| {
            line.trim().trim_start_matches("- ").strip_prefix("uses: ").map(str::trim)
        });
        let loose: Vec<&str> = uses.filter(|action| !is_pinned(action)).collect();
        assert!(loose.is_empty(), "{}: {loose:?}", path.display());
    }
    for loose in ["actions/checkout@v7", "actions/checkout@main # v7.0.1", "actions/checkout"] {
        assert!(!is_pinned(loose), "{loose}");
    }
}

#[test]
fn no_workflow_has_rights_that_its_jobs_do_not_name() {
    for (path, text) in workflows() {
        assert!(text.contains("\npermissions: {}\n"), "{}", path.display());
        for right in text.lines().filter(|line| line.trim_end().contains(": write")) {
            assert!(right.contains(" # to "), "{}: {right} says no reason", path.display());
        }
    }
}

#[test]
fn each_tool_is_pinned_by_its_hash() {
    for directory in [".ci/linters", ".ci/release", "tests/contract"] {
        let wanted = read(format!("{directory}/requirements.in"));
        let pinned = read(format!("{directory}/requirements.txt"));
        for tool in wanted.lines() {
            assert!(pinned.contains(&format!("{tool} \\\n    --hash=sha256:")), "{tool}");
        }
    }
}
