//! Tests of the command line.

use std::path::Path;

use clap::{Arg, Command, CommandFactory, Parser, builder::PossibleValue};

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn an_invalid_value_is_rejected_with_the_name_of_the_setting() {
    for (flag, value) in [
        ("--listen", "nowhere"),
        ("--trusted-proxies", "10.0.0.0/99"),
        ("--password-cost", "9"),
        ("--idle-timeout", "0"),
        ("--database-connections", "many"),
        ("--log-format", "xml"),
    ] {
        let rejection = Cli::try_parse_from(["minitwit", "serve", flag, value]).expect_err(flag);
        assert!(rejection.to_string().contains(flag), "{rejection}");
    }
}

/// clap lists the possible values only for a wrong value, not for a missing one.
#[test]
fn the_name_of_a_positional_argument_lists_its_possible_values() {
    fn check(command: &Command) {
        for argument in command.get_positionals() {
            let values = argument.get_possible_values();
            let values: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
            let named = argument.get_value_names().unwrap_or_default();
            if !values.is_empty() {
                assert_eq!(named, [values.join("|").as_str()], "{}", command.get_name());
            }
        }
        command.get_subcommands().for_each(check);
    }
    check(&Cli::command());
    let missing = Cli::try_parse_from(["minitwit", "openapi"]).expect_err("missing");
    assert!(missing.to_string().contains("<api|simulator>"), "{missing}");
}

/// The command lines of all actions, with a value for each required argument.
fn actions() -> Vec<Vec<String>> {
    fn add(command: &Command, before: &[String], found: &mut Vec<Vec<String>>) {
        let mut line = before.to_vec();
        line.push(command.get_name().to_owned());
        let actions: Vec<&Command> =
            command.get_subcommands().filter(|it| it.get_name() != "help").collect();
        if actions.is_empty() {
            for argument in command.get_positionals().filter(|it| it.is_required_set()) {
                let values = argument.get_possible_values();
                let is_url = argument.get_id() == "url";
                let any = if is_url { "postgres://h/d" } else { "1" };
                let value = values.first().map_or(any, PossibleValue::get_name);
                let count = argument.get_num_args().map_or(1, |count| count.min_values());
                line.extend(std::iter::repeat_n(value.to_owned(), count));
            }
            let options = command.get_arguments().filter(|it| it.is_required_set());
            for name in options.filter_map(Arg::get_long) {
                line.extend([format!("--{name}"), "1".to_owned()]);
            }
            found.push(line);
            return;
        }
        for action in actions {
            add(action, &line, found);
        }
    }
    let mut found = Vec::new();
    for command in Cli::command().get_subcommands() {
        add(command, &["minitwit".to_owned()], &mut found);
    }
    found
}

#[test]
fn an_option_of_a_command_is_valid_at_every_place_after_its_name() {
    let mut with_database = 0;
    for line in actions() {
        let text = line.join(" ");
        let cli = Cli::try_read(&line).expect(&text);
        if cli.command.database().is_none() {
            continue;
        }
        with_database += 1;
        for place in 2..=line.len() {
            let mut line = line.clone();
            line.splice(place..place, ["--data-dir", "/x", "--log", "debug"].map(str::to_owned));
            let text = line.join(" ");
            let cli = Cli::try_read(&line).expect(&text);
            let database = cli.command.database().expect("a database");
            assert_eq!(database.data_dir.as_deref(), Some(Path::new("/x")), "{line:?}");
            assert!(format!("{cli:?}").contains(r#"log: "debug""#), "{line:?}");
        }
    }
    assert!(with_database >= 10, "{with_database}");
}

#[test]
fn options_that_contradict_each_other_are_rejected_at_every_place() {
    for (first, second) in [
        (&["--ephemeral"][..], &["--data-dir", "/x"][..]),
        (&["--ephemeral"], &["--database-url", "postgres://h/d"]),
    ] {
        for (before, after) in [(first, second), (second, first)] {
            let line = [&["minitwit", "user"], before, &["list"], after].concat();
            let error = Cli::try_read(&line).expect_err("a conflict").to_string();
            assert!(
                error.contains("--ephemeral") && error.contains("cannot be used with"),
                "{error}"
            );
            let line = [&["minitwit", "serve"], before, after].concat();
            Cli::try_read(&line).expect_err("a conflict");
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("password");
    std::fs::write(&file, "secret").expect("written");
    let file = file.to_str().expect("text");
    let line = ["minitwit", "serve", "--database-password-file", file];
    let error = Cli::try_read(line).expect_err("no URL").to_string();
    assert!(error.contains("requires '--database-url"), "{error}");
    let line = [
        "minitwit",
        "user",
        "--database-url",
        "postgres://h/d",
        "list",
        "--database-password-file",
        file,
    ];
    Cli::try_read(line).expect("both");
}

#[test]
fn an_error_shows_no_url_with_a_password() {
    let url = "postgres://u:hunter2@h/d";
    for arguments in [
        vec!["serve", url],
        vec![url],
        vec!["--database-url", url],
        vec!["serve", "--database-ulr", url],
        vec!["serve", "--database-ulr=postgres://u:hunter2@h/d"],
        vec!["serve", "--listen", url],
        vec!["serve", "--listen=postgres://u:hunter2@h/d"],
        vec!["serve", "--database-url", "postgres://u:hunt#hunter2@h/d"],
        vec!["user", "list", "host=h password=hunter2", "host=h password=hunter2"],
        vec!["import", "postgres", url, url],
    ] {
        let line = ["minitwit"].into_iter().chain(arguments);
        let error = Cli::try_read(line.clone()).expect_err("invalid");
        let text = error.to_string();
        assert!(text.starts_with("error: ") && !text.contains("hunter2"), "{text}");
        assert_eq!(error.exit_code(), 2, "{text}");
    }
}

#[test]
fn debug_hides_secrets() {
    let arguments = [
        "minitwit",
        "serve",
        "--database-url",
        "postgres://u:hunter2@h/d",
        "--simulator-password",
        "hunter3",
    ];
    let cli = Cli::try_parse_from(arguments).expect("valid");
    let printed = format!("{cli:?}");
    assert!(!printed.contains("hunter2") && !printed.contains("hunter3"), "{printed}");
}

#[test]
fn options_that_exclude_or_need_each_other_are_known() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "correct horse battery staple").expect("written");
    let file = file.path().to_str().expect("text");
    let s3 = ["--backup-s3-bucket", "b", "--backup-s3-endpoint", "h", "--backup-s3-key-file", file];
    let secrets = ["--backup-s3-secret-file", file, "--backup-passphrase-file", file];
    let bucket = [&s3[..], &secrets].concat();
    let parses =
        |arguments: &[&str]| Cli::try_parse_from([&["minitwit"], arguments].concat()).is_ok();
    for right in [
        &["backup", "--full"][..],
        &["backup", "--list", "--backup-repository", "x"],
        &[&["backup"], &bucket[..]].concat(),
        &["restore", "FILE", "--target-dir", "x"],
        &["restore", "--to", "2026-11-27T10:00:00Z", "--timeline", "2"],
        &["postgres", "--drill-day", "sunday"],
    ] {
        assert!(parses(right), "{right:?}");
    }
    for wrong in [
        &["backup", "--full", "--list"][..],
        &["backup", "--differential", "--verify"],
        &["backup", "--verify", "--logical", "x"],
        &["backup", "--full", "--differential"],
        &["backup", "--backup-repository", "x", "--ephemeral"],
        &["backup", "--backup-repository", "x", "--database-url", "postgres://x/y"],
        &[&["backup", "--backup-repository", "x"], &bucket[..]].concat(),
        &["backup", "--backup-s3-endpoint", "h"],
        &["backup", "--backup-s3-ca-file", "x"],
        &["backup", "--backup-s3-bucket", "b"],
        &["restore", "FILE", "--latest"],
        &["restore", "FILE", "--timeline", "2"],
        &["restore", "--latest", "--set", "x"],
        &["restore", "--to", "2026-11-27T10:00:00Z", "--set", "x"],
        &["postgres", "--drill-day", "sun"],
    ] {
        assert!(!parses(wrong), "{wrong:?}");
    }
}
