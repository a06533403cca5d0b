//! Watches a migration from a second connection: logs what it waits for and who holds it, and ends it.

use std::time::Duration;

use sqlx::{ConnectOptions as _, PgConnection, Row as _, postgres::PgConnectOptions};
use tokio::time::{sleep, timeout};

/// The key of the advisory lock: "minitwit" in ASCII.
pub(super) const LOCK_KEY: i64 = 0x6d69_6e69_7477_6974;
/// The time after which a migration is logged.
const ANNOUNCED: Duration = Duration::from_secs(1);
/// The interval between two looks. A wait for a table's lock lasts at least 250 ms.
const LOOK: Duration = Duration::from_millis(100);
/// The longest time to end a backend.
const TERMINATE: Duration = Duration::from_secs(1);

/// The process of the server that applies migrations.
#[derive(Debug, Clone, Copy)]
pub struct Backend(i32);

impl Backend {
    /// The process behind this connection. If the client disappears, the server soon ends its statement.
    pub async fn of(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        // PostgreSQL 14 and newer have this setting; some systems reject it.
        let _ = sqlx::query(
            "SELECT set_config(name, '500', false) FROM pg_settings WHERE name = 'client_connection_check_interval'",
        )
        .execute(&mut *connection)
        .await;
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await?;
        Ok(Self(pid))
    }

    /// Ends the process, so that it does not complete the statement of a client that has gone.
    pub async fn terminate(self, options: &PgConnectOptions) {
        let terminate = async {
            let mut connection = options.connect().await?;
            // The name guards against a process of a pooler that serves another client by now.
            let query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE pid = $1 AND application_name = 'minitwit migrate' AND pid <> pg_backend_pid()";
            sqlx::query(query).bind(self.0).execute(&mut connection).await?;
            Ok::<_, sqlx::Error>(())
        };
        match timeout(TERMINATE, terminate).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot end the migration's connection"),
            Err(_) => tracing::warn!("cannot end the migration's connection in time"),
        }
    }

    /// Logs what a migration of this process waits for. Never completes.
    pub(super) async fn watch(self, options: &PgConnectOptions, limit: Duration) {
        sleep(ANNOUNCED).await;
        if let Err(error) = self.look(options, limit).await {
            tracing::info!(%error, "migrating; cannot ask the server what the migration waits for");
        }
        std::future::pending().await
    }

    async fn look(self, options: &PgConnectOptions, limit: Duration) -> Result<(), sqlx::Error> {
        let mut connection = options.clone().application_name("minitwit").connect().await?;
        let limit_seconds = limit.as_secs();
        let mut logged = None;
        let mut running_logged = false;
        loop {
            if let Some(wait) = self.wait(&mut connection).await? {
                if logged.as_ref() != Some(&wait) {
                    let Wait { what, holder } = &wait;
                    tracing::info!(holder, limit_seconds, "waiting for {what}");
                    logged = Some(wait);
                }
            } else if !running_logged {
                running_logged = true;
                tracing::info!("migrating; a signal ends it");
            }
            sleep(LOOK).await;
        }
    }

    /// What this process waits for at the moment, if anything.
    async fn wait(self, connection: &mut PgConnection) -> Result<Option<Wait>, sqlx::Error> {
        if let Some((pid, holder)) = holder(connection).await?
            && pid != Some(self.0)
        {
            return Ok(Some(Wait { what: "the lock of migrations", holder }));
        }
        let query = format!(
            "SELECT {DESCRIPTION} FROM unnest(pg_blocking_pids($1)) AS blocking (pid)
             LEFT JOIN pg_stat_activity AS a ON a.pid = blocking.pid ORDER BY 1 LIMIT 5"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(query)).bind(self.0);
        let rows = query.fetch_all(connection).await?;
        let holders: Vec<String> =
            rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let holder = holders.join("; ");
        Ok(Some(Wait { what: "the lock of a table", holder }).filter(|it| !it.holder.is_empty()))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Wait {
    what: &'static str,
    holder: String,
}

/// A session in words. Its statement is not shown, since it may hold secrets. Prepared transactions have no
/// session.
const DESCRIPTION: &str = "CASE WHEN a.pid IS NULL
    THEN 'a prepared transaction (pg_prepared_xacts)'
    ELSE concat_ws(', ', 'pid ' || a.pid, 'application ' || quote_literal(a.application_name),
                   'role ' || a.usename, 'client ' || host(a.client_addr), a.state,
                   'transaction since ' || to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))
    END";

/// The session that holds the advisory lock: its process, and a description.
pub(super) async fn holder(
    connection: &mut PgConnection,
) -> Result<Option<(Option<i32>, String)>, sqlx::Error> {
    let query = format!(
        "SELECT l.pid, {DESCRIPTION} FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a USING (pid)
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (l.classid::bigint << 32) | l.objid::bigint = $1 LIMIT 1"
    );
    let row =
        sqlx::query(sqlx::AssertSqlSafe(query)).bind(LOCK_KEY).fetch_optional(connection).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}
