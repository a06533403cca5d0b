//! `docs/reference/configuration.md` and the help contain every setting; errors name the setting.

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use clap::{Arg, CommandFactory};
use minitwit::config::Cli;

use crate::support::{cluster::TestDatabase, process::minitwit};

/// Flags that are not settings.
const OTHER_FLAGS: &[&str] = &["--help", "--version", "--status", "--yes", "--password-hashes"];

/// Commands that run once. Their own flags have no environment variables.
const ONE_SHOT: &[&str] =
    &["backup", "drill", "healthcheck", "import", "restore", "seed", "simulate", "upgrade"];

/// A setting of the command line.
struct Setting {
    flag: String,
    variable: Option<String>,
    /// The setting's row in `docs/reference/configuration.md`.
    row: String,
}

impl Setting {
    fn of(command: &str, argument: &Arg) -> Option<Self> {
        let flag = format!("--{}", argument.get_long()?);
        if OTHER_FLAGS.contains(&flag.as_str()) {
            return None;
        }
        let variable = argument.get_env().map(|name| name.to_str().expect("text").to_owned());
        assert!(variable.is_some() || ONE_SHOT.contains(&command), "{flag} has no variable");
        let takes_value = argument.get_action().takes_values();
        let names = argument.get_value_names().filter(|_| takes_value).unwrap_or_default();
        let spelled = names.iter().fold(flag.clone(), |spelled, name| format!("{spelled} {name}"));
        let help = argument.get_help().expect("a help").to_string();
        let (meaning, explained) = match help.split_once(" [default: ") {
            Some((meaning, default)) => (meaning, default.trim_end_matches(']')),
            None => (help.as_str(), if takes_value { "–" } else { "off" }),
        };
        let default = match argument.get_default_values() {
            [] => explained.to_owned(),
            [empty] if empty.is_empty() => "–".to_owned(),
            values => format!("`{}`", values[0].to_string_lossy()),
        };
        let variable_cell = variable.iter().map(|name| format!(" `{name}` |")).collect::<String>();
        let row = format!("| `{spelled}` |{variable_cell} {default} | {meaning} |");
        Some(Self { flag, variable, row })
    }

    /// All settings of a command, or of all commands.
    fn all(command: Option<&str>) -> Vec<Self> {
        let cli = Cli::command();
        let commands =
            cli.get_subcommands().filter(|it| command.is_none_or(|c| it.get_name() == c));
        let settings = |it: &clap::Command| -> Vec<Self> {
            it.get_arguments().filter_map(|argument| Self::of(it.get_name(), argument)).collect()
        };
        commands.flat_map(settings).collect()
    }
}

fn reference() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/configuration.md");
    fs::read_to_string(path).expect("a document")
}

#[test]
fn the_reference_has_exactly_one_row_per_setting() {
    let reference = reference();
    let rows: Vec<&str> = reference.lines().filter(|line| line.starts_with("| `--")).collect();
    let written: BTreeSet<&str> = rows.iter().copied().collect();
    assert_eq!(written.len(), rows.len(), "each row appears once");
    let settings = Setting::all(None);
    let expected: BTreeSet<&str> = settings.iter().map(|setting| setting.row.as_str()).collect();
    let missing: Vec<_> = expected.difference(&written).copied().collect();
    let wrong: Vec<_> = written.difference(&expected).copied().collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "docs/reference/configuration.md lacks\n{}\nand must not say\n{}",
        missing.join("\n"),
        wrong.join("\n")
    );
}

/// The words of a text that look like a flag or an environment variable of the program.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let words = text.split(|character| !is_part(character));
    words.filter(|word| word.starts_with("MINITWIT_") || is_flag(word)).collect()
}

/// Whether a word is a flag; false for the dashes of a table border.
fn is_flag(word: &str) -> bool {
    word.strip_prefix("--").is_some_and(|name| name.starts_with(|it: char| it.is_alphabetic()))
}

#[test]
fn the_reference_names_only_existing_flags_and_variables() {
    let settings = Setting::all(None);
    let mut known: BTreeSet<&str> = OTHER_FLAGS.iter().copied().collect();
    known.extend(settings.iter().map(|it| it.flag.as_str()));
    known.extend(settings.iter().filter_map(|it| it.variable.as_deref()));
    let reference = reference();
    let unknown: Vec<_> = names(&reference).difference(&known).copied().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_help_of_each_command_lists_its_settings_and_variables() {
    for command in [
        "serve",
        "healthcheck",
        "migrate",
        "seed",
        "simulate",
        "backup",
        "restore",
        "drill",
        "postgres",
        "import",
        "upgrade",
    ] {
        let help = minitwit(&[command, "--help"]).output().expect("it runs");
        // The help wraps lines, also within the entry of a setting.
        let help = String::from_utf8(help.stdout).expect("text");
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let settings = Setting::all(Some(command));
        assert!(settings.len() > 2);
        for Setting { flag, variable, .. } in settings {
            assert!(help.contains(&format!("{flag} ")), "{flag}: {help}");
            let named = |variable| help.contains(&format!("[env: {variable}"));
            assert!(variable.iter().all(named), "{variable:?}: {help}");
        }
    }
}

/// Invalid values of settings.
const INVALID: &[(&str, &str)] = &[
    ("--listen", "nonsense"),
    ("--listen", "127.0.0.1"),
    ("--simulator-listen", "5001"),
    ("--simulator-password-file", "/does/not/exist"),
    ("--simulator-password-file", "/dev/null"),
    ("--simulator-password-file", "/dev/zero"),
    ("--production", "perhaps"),
    ("--no-migrate", "perhaps"),
    ("--await-migrations", "0"),
    ("--watchdog", "4"),
    ("--trusted-proxies", "10.0.0.0/99"),
    ("--security-contact", "nonsense"),
    ("--security-contact", "http://example.org"),
    ("--rejected-commands", "/does/not/exist"),
    ("--ephemeral", "perhaps"),
    ("--database-password-file", "/does/not/exist"),
    ("--database-connections", "1"),
    ("--database-acquire-timeout", "0"),
    ("--database-statement-timeout", "1.5"),
    ("--search-connections", "0"),
    ("--search-connections", "9"),
    ("--search-queue", "-1"),
    ("--search-timeout", "0"),
    ("--timeline-connections", "9"),
    ("--timeline-queue", "long"),
    ("--timeline-timeout", "0.5"),
    ("--list-connections", "many"),
    ("--list-queue", "70000"),
    ("--list-timeout", ""),
    ("--password-cost", "9"),
    ("--password-minimum", "0"),
    ("--password-minimum", "65"),
    ("--password-workers", "0"),
    ("--password-queue", "-1"),
    ("--session-lifetime", "0"),
    ("--sign-ins-per-account", "-1"),
    ("--sign-ins-per-address", "many"),
    ("--registrations-per-address", "1.5"),
    ("--posts-per-account", ""),
    ("--post-burst", "0"),
    ("--changes-per-account", ""),
    ("--downloads-per-account", "-1"),
    ("--body-limit", "12"),
    ("--body-timeout", "soon"),
    ("--header-timeout", ""),
    ("--idle-timeout", "0"),
    ("--write-timeout", "10s"),
    ("--max-connections", "0"),
    ("--drain", "0"),
    ("--shutdown-timeout", "never"),
    ("--watchdog", "0"),
    ("--log-format", "xml"),
    ("--log", "minitwit=loud"),
];

/// Invalid values of the settings of `postgres`.
const INVALID_FOR_POSTGRES: &[(&str, &str)] = &[
    ("--postgres-listen", "127.0.0.1:5432"),
    ("--postgres-password-file", "/dev/null"),
    ("--postgres-connections", "9"),
    ("--postgres-options", "work_mem"),
    ("--operations-listen", "8080"),
    ("--backup-time", "24:00"),
    ("--full-backup-day", "someday"),
    ("--drill-day", ""),
];

/// Invalid values of the settings of `simulate`.
const INVALID_FOR_SIMULATE: &[(&str, &str)] = &[
    ("--seed", "chance"),
    ("--users", "0"),
    ("--commands", "0"),
    ("--concurrency", "0"),
    ("--rate", "0"),
    ("--rate", "fast"),
    ("--ramp", "10"),
    ("--ramp", "10..nan"),
    ("--duration", "0"),
    ("--timeout", "0.3"),
    ("--register-first", "perhaps"),
    ("--check", "perhaps"),
    ("--restart-command", "true"),
    ("--keep-alive", "perhaps"),
    ("--verify", "perhaps"),
    ("--json", "/does/not/exist"),
    ("--report", "/does/not/exist"),
    ("--scenario", "/does/not/exist"),
    ("--write-scenario", "/does/not/exist"),
    ("--record", "/does/not/exist"),
];

#[track_caller]
fn assert_rejected(mut command: Command, flag: &str) {
    let Output { status, stderr, .. } = command.output().expect("it runs");
    let text = String::from_utf8(stderr).expect("text");
    assert!(matches!(status.code(), Some(1 | 2)), "{flag}: {status}: {text}");
    assert!(text.contains(flag), "{flag}: {text}");
}

/// Asserts that each value is rejected, as a flag and as an environment variable. `argument` is the
/// command's positional argument; empty if it has none.
#[track_caller]
fn assert_all_rejected(command: &str, argument: &str, invalid: &[(&str, &str)]) {
    let settings = Setting::all(Some(command));
    let arguments = [command, argument];
    let arguments = if argument.is_empty() { &arguments[..1] } else { &arguments[..] };
    for (flag, value) in invalid {
        assert_rejected(minitwit(&[arguments, &[&format!("{flag}={value}")]].concat()), flag);
        let setting = settings.iter().find(|it| it.flag == *flag).expect("a setting");
        if let Some(variable) = &setting.variable {
            let mut command = minitwit(arguments);
            command.env(variable, value);
            assert_rejected(command, flag);
        }
    }
}

#[test]
fn an_invalid_value_is_rejected_and_the_error_names_the_setting() {
    assert_all_rejected("serve", "", INVALID);
    assert_all_rejected("healthcheck", "", &[("--listen", "nonsense"), ("--timeout", "0.3")]);
    assert_all_rejected("postgres", "", INVALID_FOR_POSTGRES);
    assert_all_rejected("simulate", "http://127.0.0.1:1", INVALID_FOR_SIMULATE);
}

#[tokio::test]
async fn an_address_in_use_is_rejected_and_the_error_names_the_setting() {
    let database = TestDatabase::fresh().await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let url = database.url();
    let arguments = ["serve", "--database-url", &url, "--listen", &address];
    assert_rejected(minitwit(&arguments), &format!("--listen: cannot listen on {address}"));
    let arguments = [
        "serve",
        "--database-url",
        &url,
        "--listen",
        "127.0.0.1:0",
        "--simulator-listen",
        &address,
    ];
    assert_rejected(
        minitwit(&arguments),
        &format!("--simulator-listen: cannot listen on {address}"),
    );
}

#[test]
fn a_flag_overrides_its_environment_variable() {
    let mut command = minitwit(&["serve", "--password-cost", "8"]);
    command.env("MINITWIT_PASSWORD_COST", "12");
    let text = String::from_utf8(command.output().expect("it runs").stderr).expect("text");
    assert!(text.contains("8 is not in 10..=16"), "{text}");
}

#[test]
fn the_default_build_has_the_optional_commands() {
    let help = minitwit(&["--help"]).output().expect("it runs");
    let help = String::from_utf8(help.stdout).expect("text");
    for command in ["seed", "simulate"] {
        let is_listed = |line: &str| line.split_whitespace().next() == Some(command);
        assert!(help.lines().any(is_listed), "{command}: {help}");
    }
}

/// The pairs of a variable and its default in the shell's form, `${NAME:-default}`.
fn shell_defaults(text: &str) -> Vec<(&str, &str)> {
    let expansions = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
    expansions.filter_map(|expansion| expansion.split_once(":-")).collect()
}

#[test]
fn nginx_and_the_containers_have_the_limits_of_the_server() {
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").expect("a command");
    let default = |variable: &str| {
        let setting =
            serve.get_arguments().find(|it| it.get_env().is_some_and(|it| it == variable));
        let setting = setting.unwrap_or_else(|| panic!("{variable} is no setting"));
        setting.get_default_values()[0].to_str().expect("text").to_owned()
    };
    let read = |path: &str| fs::read_to_string(path).expect(path);
    let start = read("compose/nginx/start.sh");
    let limits: Vec<_> = shell_defaults(&start)
        .into_iter()
        .filter(|(variable, _)| variable.starts_with("MINITWIT_"))
        .collect();
    assert!(limits.len() >= 6, "{limits:?}");
    for (variable, value) in &limits {
        assert_eq!(default(variable), *value, "{variable} of nginx");
    }
    for file in ["compose.yaml", "compose/compose.swarm.yaml"] {
        let text = read(file);
        let defaults = shell_defaults(&text);
        for (variable, value) in &limits {
            let name = variable.trim_start_matches("MINITWIT_");
            assert!(
                text.contains(&format!("  {variable}: ${{{name}:-{value}}}\n")),
                "{file}: {name}"
            );
            assert!(defaults.contains(&(name, value)), "{file}: {name}");
        }
    }
}
