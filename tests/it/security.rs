//! Each mitigation in SECURITY.md names existing tests, and the workflows pin all that they use.
//!
//! zizmor (`make lint-files`) rejects write permissions without a comment; these tests cover what it accepts.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of the rows of the table with this heading.
fn rows<'a>(document: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let table = document.lines().skip_while(|line| !line.starts_with(heading));
    let lines = table.skip(2).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The code spans that name a test as `FILE::NAME`.
fn tests_in(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter(|code| code.contains("::")).collect()
}

/// Whether the source contains a function of this name with a test attribute.
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

/// Whether a script of `tests/deployment` defines a function of this name, and calls it or passes it on.
fn has_check(source: &str, name: &str) -> bool {
    let call = format!("{name}(");
    source.contains(&format!("\ndef {call}"))
        && (source.matches(&call).count() > 1 || source.contains(&format!(", {name},")))
}

/// Whether a test exists. It does not find tests in macros such as `proptest!`; SECURITY.md names none.
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
            "{name}: no mitigation or no test"
        );
    }
    let missing: Vec<&str> = tests_in(&document).into_iter().filter(|it| !exists(it)).collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that do not exist: {missing:#?}");
}

#[test]
fn names_that_are_not_tests_are_rejected() {
    let this = "tests/it/security.rs";
    assert!(exists(&format!("{this}::names_that_are_not_tests_are_rejected")));
    for name in ["names_that_are", "exists", "read", "no_such_test"] {
        assert!(!exists(&format!("{this}::{name}")), "{name}");
    }
    assert!(!exists("tests/it/no_such_file.rs::names_that_are_not_tests_are_rejected"));
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
fn each_action_is_pinned_by_commit_and_names_its_version() {
    for (path, text) in workflows() {
        let uses = text.lines().filter_map(|line| {
            line.trim().trim_start_matches("- ").strip_prefix("uses: ").map(str::trim)
        });
        let unpinned: Vec<&str> = uses.filter(|action| !is_pinned(action)).collect();
        assert!(unpinned.is_empty(), "{}: {unpinned:?}", path.display());
    }
    for unpinned in ["actions/checkout@v7", "actions/checkout@main # v7.0.1", "actions/checkout"] {
        assert!(!is_pinned(unpinned), "{unpinned}");
    }
}

/// zizmor accepts read permissions for a whole workflow, so this test rejects them.
#[test]
fn no_workflow_grants_permissions_to_all_jobs() {
    for (path, text) in workflows() {
        assert!(text.contains("\npermissions: {}\n"), "{}", path.display());
    }
}

/// The directories that contain a tracked file of this name.
fn directories_with(name: &str) -> Vec<String> {
    let pattern = format!("*{name}");
    let listed =
        Command::new("git").args(["ls-files", "--", &pattern]).current_dir(root()).output();
    let listed = String::from_utf8(listed.expect("git").stdout).expect("UTF-8");
    let mut paths = listed.lines().filter_map(|path| path.strip_suffix(name)).peekable();
    assert!(paths.peek().is_some(), "there is no {name}");
    paths.map(|path| format!("/{}", path.trim_end_matches('/'))).collect()
}

/// The directories where Dependabot updates this ecosystem.
fn dependabot_directories(ecosystem: &str) -> Vec<String> {
    let settings = read(".github/dependabot.yml");
    let entries = settings.split("  - package-ecosystem: ").skip(1);
    let ours = entries.filter(|entry| entry.lines().next() == Some(ecosystem));
    let lines = ours.flat_map(|entry| entry.lines().nth(1));
    let listed = lines.flat_map(|line| line.split(['[', ']', ',', ' ']));
    listed.filter(|word| word.starts_with('/')).map(str::to_owned).collect()
}

#[test]
fn updates_are_proposed_for_all_pinned_versions() {
    for (file, kind) in [
        ("Cargo.lock", "cargo"),
        ("requirements.txt", "pip"),
        ("package-lock.json", "npm"),
        ("compose.yaml", "docker-compose"),
    ] {
        let updated = dependabot_directories(kind);
        for directory in directories_with(file) {
            assert!(updated.contains(&directory), "{kind} {directory}: {updated:?}");
        }
    }
    assert_eq!(dependabot_directories("github-actions"), ["/"]);
}

/// The images with a digest that this text names.
fn images_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| c.is_whitespace() || "{}\"'`".contains(c));
    let words = words.map(|word| word.rsplit_once(":-").map_or(word, |(_, default)| default));
    words
        .map(|word| word.trim_start_matches("image=").trim_start_matches("generator="))
        .filter(|word| word.contains("@sha256:"))
        .collect()
}

/// An update of only one of both files would leave different versions.
#[test]
fn both_compose_files_name_the_same_images() {
    let (compose, swarm) = (read("compose.yaml"), read(stack_file()));
    assert_eq!(images_in(&compose), images_in(&swarm));
    assert!(images_in(&compose).len() >= 3);
}

#[test]
fn each_image_of_a_workflow_is_pinned_by_digest() {
    for (path, text) in workflows() {
        let images = ["trufflehog:", "buildkit:", "buildkit-syft-scanner:"];
        for line in text.lines().filter(|line| images.iter().any(|image| line.contains(image))) {
            assert_eq!(images_in(line).len(), 1, "{}: {line}", path.display());
        }
        let unpinned = ["sbom: true", ":latest"];
        assert!(!unpinned.iter().any(|it| text.contains(it)), "{}", path.display());
    }
}

/// The path of the stack file in deploy.yml.
fn stack_file() -> String {
    let workflow = read(".github/workflows/deploy.yml");
    let (_, rest) = workflow.split_once("exec scripts/deploy ").expect("a deployment");
    rest.split(' ').next().expect("a path").to_owned()
}

/// If the workflow omits a setting, the next release resets it to its default.
#[test]
fn a_release_passes_every_setting_of_the_stack() {
    let (workflow, stack) = (read(".github/workflows/deploy.yml"), read(stack_file()));
    let names =
        stack.split("${").skip(1).filter_map(|rest| rest.split([':', '-', '?', '}']).next());
    let ours = |name: &&str| {
        *name == "MINITWIT_IMAGE" || !(name.ends_with("_IMAGE") || name.ends_with("CONFIG_VERSION"))
    };
    let names: BTreeSet<&str> = names.filter(ours).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(workflow.contains(&format!("\n          {name}: ${{{{ ")), "{name}");
    }
}

/// These jobs run build scripts of dependencies.
#[test]
fn a_job_that_runs_code_of_dependencies_cannot_write() {
    let builds =
        ["make ", "cargo ", "scripts/release make", "scripts/release pack", "scripts/install-"];
    for (path, text) in workflows() {
        for job in text.split("\n    name: ").skip(1) {
            let runs = job
                .lines()
                .any(|line| builds.iter().any(|it| line.contains(&format!("run: {it}"))));
            // Linters may write their findings, because they are pinned by hash.
            let may = job
                .lines()
                .any(|line| line.contains(": write") && !line.contains("security-events"));
            assert!(!(runs && may), "{}: {job}", path.display());
        }
    }
}

#[test]
fn each_tool_is_pinned_by_hash() {
    for directory in [".ci/linters", ".ci/release", "tests/contract"] {
        let wanted = read(format!("{directory}/requirements.in"));
        let pinned = read(format!("{directory}/requirements.txt"));
        for tool in wanted.lines() {
            assert!(pinned.contains(&format!("{tool} \\\n    --hash=sha256:")), "{tool}");
        }
    }
}

/// The image layer of the dependencies needs the manifest and an empty library of each workspace crate.
#[test]
fn the_dockerfile_names_each_workspace_crate() {
    let dockerfile = read("Dockerfile");
    let crates = fs::read_dir(root().join("crates")).expect("a directory");
    let names = crates.map(|entry| entry.expect("an entry").file_name());
    let names: Vec<String> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    assert!(!names.is_empty());
    for name in names {
        let manifest = format!("COPY crates/{name}/Cargo.toml crates/{name}/\n");
        assert!(dockerfile.contains(&manifest), "{name}: the Dockerfile copies no manifest");
        for path in [format!(" crates/{name}/src "), format!(" crates/{name}/src/lib.rs ")] {
            assert!(dockerfile.contains(&path), "{name}: the Dockerfile creates no{path}");
        }
    }
    // cargo rejects a manifest that names a missing target.
    let manifest = read("Cargo.toml");
    let targets = manifest.lines().filter_map(|line| line.strip_prefix("path = "));
    for path in targets.map(|path| path.trim_matches('"')) {
        assert!(dockerfile.contains(&format!(" {path} ")), "the Dockerfile creates no {path}");
    }
}
