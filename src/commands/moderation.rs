//! Shared by the operators' commands `user` and `message`: a service on the database, and
//! formatting. A server may use the same database at the same time.

use std::time::Duration;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Failure, database::Source, start_logs, stop::Stop};
use crate::{
    config::{DatabaseArgs, LogArgs},
    db::{Connection, Database, PoolSettings, ReadSettings},
    domain::PasswordRules,
    service::{PasswordSettings, RateLimits, Service, Settings, StreamSettings},
};

const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs `command` with a service on the database. Fails if the schema is not up to date.
pub(super) fn with_service<F: Future<Output = Result<(), Failure>>>(
    database: &DatabaseArgs,
    log: &LogArgs,
    password_cost: u32,
    stop: &Stop,
    command: impl FnOnce(Service) -> F,
) -> Result<(), Failure> {
    let _log = start_logs(log)?;
    let source = Source::existing(database, stop)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let mut connection = source.connect().await?;
        source.check(&mut connection).await?;
        connection.close().await?;
        let service = service(&source, password_cost);
        let result = stop.interrupt(command(service.clone())).await;
        service.shut_down().await;
        result
    });
    source.close();
    result
}

fn service(source: &Source, password_cost: u32) -> Service {
    let pool = PoolSettings {
        max_connections: 2,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: STATEMENT_TIMEOUT,
        reads: ReadSettings::with_timeout(STATEMENT_TIMEOUT),
    };
    let settings = Settings {
        passwords: PasswordSettings {
            cost: password_cost,
            workers: 1,
            simulator_workers: 0,
            queue: 1,
        },
        // The commands create no session.
        password_rules: PasswordRules::default(),
        session_lifetime: Duration::from_secs(1),
        limits: RateLimits::default(),
        // The commands open no stream.
        streams: StreamSettings {
            clients: 0,
            backlog: 1,
            heartbeat: Duration::MAX,
            max_lag: Duration::MAX,
        },
    };
    Service::new(Database::new(source.options.clone(), &pool), &settings)
}

/// Escapes control characters of users' text, which could control the terminal or break the line.
pub(super) fn escape(text: &str) -> String {
    let escape = |character: char| match character {
        '\\' => String::from(r"\\"),
        _ if character.is_control() => character.escape_default().to_string(),
        _ => character.to_string(),
    };
    text.chars().map(escape).collect()
}

pub(super) fn format_time(time: OffsetDateTime) -> Result<String, Failure> {
    Ok(time.replace_nanosecond(0)?.format(&Rfc3339)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_backslashes_are_escaped() {
        assert_eq!(escape("a\u{1b}[2J\nb\u{9b}\\ é🦀"), r"a\u{1b}[2J\nb\u{9b}\\ é🦀");
    }
}
