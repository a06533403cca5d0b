//! The command line as people type it.

use clap::{CommandFactory, Parser};

use super::*;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn a_wrong_value_is_refused_with_the_settings_name() {
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
fn secrets_do_not_print() {
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
