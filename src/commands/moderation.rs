//! What the commands of operators share: the operations on a database that a server may be using,
//! and how things are printed.

use std::time::Duration;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Failure, database::Source, start_logs};
use crate::{
    config::{DatabaseArgs, LogArgs},
    db::{Connection, Database, PoolSettings, migrations},
    service::{PasswordSettings, RateLimits, Service, Settings, StreamSettings},
};

/// Runs `command` with all operations on the database, whose schema must be up to date.
pub(super) fn moderate<F: Future<Output = Result<(), Failure>>>(
    database: &DatabaseArgs,
    log: &LogArgs,
    password_cost: u32,
    command: impl FnOnce(Service) -> F,
) -> Result<(), Failure> {
    let _log = start_logs(log)?;
    let source = Source::join(database)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let mut connection = source.connect().await?;
        migrations::check(&mut connection).await.map_err(|error| source.failure(error))?;
        connection.close().await?;
        let service = service(&source, password_cost);
        let done = command(service.clone()).await;
        service.shut_down().await;
        done
    });
    source.close();
    done
}

fn service(source: &Source, password_cost: u32) -> Service {
    let pool = PoolSettings {
        max_connections: 2,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(60),
    };
    let settings = Settings {
        passwords: PasswordSettings { cost: password_cost, workers: 1, queue: 1 },
        // No session begins here.
        session_lifetime: Duration::from_secs(1),
        limits: RateLimits::default(),
        // Nor does anybody listen.
        streams: StreamSettings {
            clients: 0,
            backlog: 1,
            heartbeat: Duration::MAX,
            behind: Duration::MAX,
        },
    };
    Service::new(Database::new(source.options.clone(), &pool), &settings)
}

/// What others have written, so that no character of it commands the terminal or breaks a line.
pub(super) fn printable(text: &str) -> String {
    let escaped = |character: char| match character {
        '\\' => String::from(r"\\"),
        _ if character.is_control() => character.escape_default().to_string(),
        _ => character.to_string(),
    };
    text.chars().map(escaped).collect()
}

pub(super) fn time(time: OffsetDateTime) -> Result<String, Failure> {
    Ok(time.replace_nanosecond(0)?.format(&Rfc3339)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_commands_the_terminal() {
        assert_eq!(printable("a\u{1b}[2J\nb\u{9b}\\ é🦀"), r"a\u{1b}[2J\nb\u{9b}\\ é🦀");
    }
}
