//! `scripts/release take` accepts only releases that change nothing but the version, the changelog and the API documents.
//! The job that makes a release runs code of dependencies, so its result is not trusted.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

const BUNDLE: &str = "../release.bundle";

fn git(directory: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
    let done = Command::new("git").args(identity).args(arguments).current_dir(directory).output();
    let done = done.expect("git runs");
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn replace(path: &Path, what: &str, with: &str) {
    let text = fs::read_to_string(path).expect("a file");
    assert!(text.contains(what), "{}: no {what:?}", path.display());
    fs::write(path, text.replacen(what, with, 1)).expect("a file");
}

/// Creates a repository of one commit: files that a release may change, and others.
fn repository(directory: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [
        "Cargo.toml",
        "Cargo.lock",
        "CHANGELOG.md",
        "openapi/api.json",
        "scripts/release",
        "build.rs",
    ];
    for file in files {
        let copy = directory.join(file);
        fs::create_dir_all(copy.parent().expect("a directory")).expect("a directory");
        fs::copy(root.join(file), copy).expect("a file");
    }
    git(directory, &["init", "--quiet"]);
    git(directory, &["add", "."]);
    git(directory, &["commit", "--quiet", "--message", "Begin"]);
}

fn make_version(directory: &Path) {
    let now = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    replace(&directory.join("Cargo.toml"), &now, "version = \"99.0.0\"");
    let ours = "name = \"minitwit\"\n";
    replace(
        &directory.join("Cargo.lock"),
        &format!("{ours}{now}"),
        &format!("{ours}version = \"99.0.0\""),
    );
    replace(&directory.join("CHANGELOG.md"), "## Unreleased\n", "## Unreleased\n\n## 99.0.0\n");
}

/// Whether the script accepts a release with this additional change. Asserts that a rejected release changes nothing.
fn is_accepted(change: impl Fn(&Path)) -> bool {
    let directory = TempDir::new().expect("a directory");
    let (made, taken) = (directory.path().join("made"), directory.path().join("taken"));
    fs::create_dir(&made).expect("a directory");
    repository(&made);
    git(&made, &["clone", "--quiet", ".", "../taken"]);
    make_version(&made);
    change(&made);
    git(&made, &["add", "--all"]);
    git(&made, &["commit", "--quiet", "--message", "Release 99.0.0"]);
    git(&made, &["tag", "--annotate", "--message", "99.0.0", "v99.0.0"]);
    git(&made, &["bundle", "create", "--quiet", BUNDLE, "v99.0.0"]);
    let script = Command::new("scripts/release")
        .args(["take", "99.0.0", BUNDLE])
        .current_dir(&taken)
        .output()
        .expect("the script runs");
    let manifest = fs::read_to_string(taken.join("Cargo.toml")).expect("a file");
    assert_eq!(script.status.success(), manifest.contains("version = \"99.0.0\""));
    script.status.success()
}

#[test]
fn a_release_that_changes_only_the_version_is_accepted() {
    assert!(is_accepted(|_| ()));
    assert!(is_accepted(|it| replace(&it.join("openapi/api.json"), "\"version\"", "\"version\" ")));
}

#[test]
fn a_release_that_changes_anything_else_is_rejected() {
    let appended = |file: &'static str| {
        move |it: &Path| {
            let text = fs::read_to_string(it.join(file)).expect("a file");
            fs::write(it.join(file), text + "\nevil = \"1\"\n").expect("a file");
        }
    };
    for file in ["build.rs", "scripts/release", "Cargo.toml", "Cargo.lock"] {
        assert!(!is_accepted(appended(file)), "{file}");
    }
    assert!(!is_accepted(|it| replace(&it.join("Cargo.lock"), "checksum = \"", "checksum = \"0")));
    assert!(!is_accepted(|it| fs::write(it.join("openapi/new.json"), "{}").expect("a file")));
    assert!(!is_accepted(|it| fs::remove_file(it.join("CHANGELOG.md")).expect("a file")));
    // Two commits: the last one hides the change of the first.
    assert!(!is_accepted(|it| git(
        it,
        &["commit", "--quiet", "--allow-empty", "--message", "More"]
    )));
}
