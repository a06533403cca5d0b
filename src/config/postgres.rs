//! The settings of `minitwit postgres`.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use clap::Args;
use time::{Time, Weekday, format_description::BorrowedFormatItem, macros::format_description};

use super::{
    DatabaseArgs, LogArgs, RepositoryArgs,
    values::{Secret, secret_file},
};

/// A time of day.
const TIME_OF_DAY: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]");

/// The names of days, as [`Weekday`] spells them.
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The settings of `minitwit postgres`.
#[derive(Debug, Args)]
pub struct PostgresArgs {
    /// Address at which PostgreSQL listens, on port 5432
    #[arg(
        long,
        env = "MINITWIT_POSTGRES_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1"
    )]
    pub postgres_listen: IpAddr,

    /// Password of the role minitwit, from this file; without it, only the Unix socket accepts connections
    #[arg(
        long,
        env = "MINITWIT_POSTGRES_PASSWORD_FILE",
        value_name = "FILE",
        value_parser = secret_file
    )]
    pub postgres_password_file: Option<Secret>,

    /// Number of connections that PostgreSQL accepts
    #[arg(
        long,
        env = "MINITWIT_POSTGRES_CONNECTIONS",
        value_name = "NUMBER",
        default_value_t = 100,
        value_parser = clap::value_parser!(u16).range(10..)
    )]
    pub postgres_connections: u16,

    /// Further settings of PostgreSQL, as name=value, separated by commas
    #[arg(
        long,
        env = "MINITWIT_POSTGRES_OPTIONS",
        value_name = "OPTIONS",
        default_value = "",
        value_parser = options
    )]
    pub postgres_options: Options,

    /// Serve health checks and metrics at this address
    #[arg(
        long,
        env = "MINITWIT_OPERATIONS_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    pub operations_listen: SocketAddr,

    /// Schedule.
    #[command(flatten)]
    pub schedule: ScheduleArgs,

    /// Backup repository.
    #[command(flatten)]
    pub repository: RepositoryArgs,

    /// Database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// When to back up and to drill. Times are UTC.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Schedule")]
pub struct ScheduleArgs {
    /// Time of the daily backup (UTC)
    #[arg(
        long,
        env = "MINITWIT_BACKUP_TIME",
        value_name = "HH:MM",
        default_value = "03:00",
        value_parser = time_of_day
    )]
    pub backup_time: Time,

    /// Day of the weekly backup of all files; on other days only changes are backed up
    #[arg(
        long,
        env = "MINITWIT_FULL_BACKUP_DAY",
        value_name = "DAY",
        default_value = "Sunday",
        value_parser = day
    )]
    pub full_backup_day: Weekday,

    /// Day of the weekly drill, which follows that day's backup
    #[arg(
        long,
        env = "MINITWIT_DRILL_DAY",
        value_name = "DAY",
        default_value = "Monday",
        value_parser = day
    )]
    pub drill_day: Weekday,
}

/// Settings of PostgreSQL, each as `name=value`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(pub Vec<String>);

fn options(list: &str) -> Result<Options, String> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"._".contains(&it))
    };
    let option = |item: &str| match item.split_once('=') {
        Some((name, value)) if is_name(name) && !value.is_empty() => Ok(item.to_owned()),
        _ => Err(format!("{item:?} is not name=value")),
    };
    let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(option).collect::<Result<_, _>>().map(Options)
}

fn time_of_day(text: &str) -> Result<Time, String> {
    Time::parse(text, TIME_OF_DAY)
        .map_err(|_| "must be a time of day in UTC, such as 03:00".to_owned())
}

/// Parses the name of a day, in any case.
fn day(text: &str) -> Result<Weekday, String> {
    let name = DAYS.iter().find(|name| name.eq_ignore_ascii_case(text));
    name.and_then(|name| Weekday::from_str(name).ok())
        .ok_or_else(|| format!("must be one of {}", DAYS.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_a_name_and_a_value() {
        let parsed = options("shared_buffers=256MB, work_mem=8MB,").expect("valid");
        assert_eq!(parsed.0, ["shared_buffers=256MB", "work_mem=8MB"]);
        assert_eq!(options(""), Ok(Options::default()));
        for wrong in ["work_mem", "=8MB", "work_mem=", "a b=1", "work_mem=8MB,-c"] {
            assert!(options(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_and_days_are_parsed() {
        assert_eq!(time_of_day("23:59"), Ok(time::macros::time!(23:59)));
        for wrong in ["24:00", "3", "03:00:00", ""] {
            assert!(time_of_day(wrong).is_err(), "{wrong}");
        }
        for name in DAYS {
            assert_eq!(day(&name.to_lowercase()).expect("a day").to_string(), name);
        }
        assert!(day("Sun").is_err() && day("").is_err());
    }
}
