//! Tests of the command line.

use clap::{Command, CommandFactory, Parser, builder::PossibleValue};

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
