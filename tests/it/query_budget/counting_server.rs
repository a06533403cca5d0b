//! A PostgreSQL server that counts the statements it runs.

use embedded_postgres::{Embedded, Settings};
use minitwit::db::migrations;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

use crate::support::{cluster::ephemeral_data, eventually};

/// A server with the extension `pg_stat_statements`, and a migrated database.
pub struct CountingServer {
    pub server: Embedded,
    pub options: PgConnectOptions,
}

impl CountingServer {
    pub async fn start() -> Self {
        let start = || Embedded::start(&Settings::new(ephemeral_data())).expect("a server");
        let server = tokio::task::spawn_blocking(start).await.expect("no panic");
        let options = server.connect_options("counted");
        server.create_database("counted").await.expect("created");
        let mut connection = migrations::connect(&options).await.expect("connected");
        migrations::apply(&mut connection, None).await.expect("migrated");
        for setting in [
            "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'",
            "ALTER DATABASE counted SET pg_stat_statements.track = 'top'",
        ] {
            // The second setting is unknown until the library is loaded; its default is the same.
            let done = sqlx::raw_sql(setting).execute(&mut connection).await;
            assert!(done.is_ok() || setting.contains("track"), "{done:?}");
        }
        // The supervisor restarts the server, which then loads the library.
        let pid = server.pid().expect("a running server");
        kill(Pid::from_raw(pid.try_into().expect("a pid")), Signal::SIGINT).expect("a signal");
        eventually("a restarted server", || async {
            (server.pid().is_some_and(|now| now != pid)).then_some(())
        })
        .await;
        let mut connection =
            eventually("a connection", || async { options.connect().await.ok() }).await;
        let extension = "CREATE EXTENSION pg_stat_statements";
        sqlx::raw_sql(extension).execute(&mut connection).await.expect(extension);
        Self { server, options }
    }

    pub async fn connect(&self) -> PgConnection {
        self.options.connect().await.expect("connected")
    }
}

/// Returns the statements since the last call, without polls for new messages and the set-up of
/// connections.
pub async fn statements(counter: &mut PgConnection) -> Vec<String> {
    let query = "SELECT query FROM pg_stat_statements, generate_series(1, calls)
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND query NOT LIKE '%pg_stat_statements%'
                   AND query NOT LIKE '%pg_current_snapshot%'
                   AND query NOT LIKE '%AS given (name, required)%'
                   AND query NOT LIKE 'UPDATE api_tokens SET last_used_at%'";
    let counted = sqlx::query_scalar(query).fetch_all(&mut *counter).await.expect(query);
    let reset = "SELECT pg_stat_statements_reset()";
    sqlx::query(reset).execute(counter).await.expect(reset);
    counted
}
