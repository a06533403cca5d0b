//! Tests of the command line.

use clap::{CommandFactory, Parser};

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
        let refusal = Cli::try_parse_from(["minitwit", "serve", flag, value]).expect_err(flag);
        assert!(refusal.to_string().contains(flag), "{refusal}");
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
