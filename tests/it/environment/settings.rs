//! Settings of a role or a database that would change the results of statements.

use minitwit::db::migrations::{self, objects};
use sqlx::{Connection as _, PgConnection};

use super::{MIGRATE, Role, SERVE};
use crate::support::{App, cluster::TestDatabase};

/// Settings that any role may have, each with a value that MiniTwit does not work with.
const SETTINGS: [(&str, &str); 17] = [
    ("standard_conforming_strings", "off"),
    ("transform_null_equals", "on"),
    ("array_nulls", "off"),
    ("exit_on_error", "on"),
    ("default_transaction_isolation", "serializable"),
    ("bytea_output", "escape"),
    ("intervalstyle", "sql_standard"),
    ("datestyle", "German"),
    ("timezone", "Asia/Kathmandu"),
    ("plpgsql.extra_errors", "all"),
    ("statement_timeout", "1"),
    ("lock_timeout", "1"),
    ("idle_in_transaction_session_timeout", "1"),
    ("idle_session_timeout", "1min"),
    ("client_encoding", "LATIN1"),
    ("extra_float_digits", "-15"),
    ("synchronous_commit", "off"),
];

async fn lines(connection: &mut PgConnection) -> Vec<String> {
    objects::list(connection).await.expect("a list")
}

/// Uses triggers, constraints and functions: a password change ends tokens; a deletion keeps the floor
/// of publication times.
async fn works(app: &App) {
    let simulator = app.simulator();
    assert_eq!(simulator.register("ann").await.status, 204);
    assert_eq!(simulator.tweet("ann", "back\\slash 'quote'").await.status, 204);
    app.anonymous().visit("/public").await.says("back\\slash");
    assert_eq!(app.anonymous().get("/readyz").await.status, 200);
    let counted =
        app.count("SELECT messages FROM users, counts_of(user_id) WHERE username = 'ann'");
    assert_eq!(counted.await, 1);
}

#[tokio::test]
async fn settings_of_a_role_or_a_database_do_not_change_the_schema_or_the_results() {
    let fresh = TestDatabase::fresh().await;
    let expected = lines(&mut fresh.connect().await).await;
    for of_role in [true, false] {
        let database = TestDatabase::empty().await;
        let role = Role::owner(&database).await;
        let target = match of_role {
            true => format!("ROLE {}", role.quoted()),
            false => format!("DATABASE {}", database.name()),
        };
        let set = |(name, value)| format!("ALTER {target} SET {name} = '{value}';");
        // In one connection, because the next one has the settings of the database.
        role.execute(&SETTINGS.map(set).concat()).await;
        role.succeeds(MIGRATE);
        let mut connection = migrations::connect(&role.options()).await.expect("connected");
        assert_eq!(lines(&mut connection).await, expected);
        connection.close().await.expect("closed");
        let app = App::start_with(database, |settings| settings.database = role.options()).await;
        works(&app).await;
        app.stop().await;
    }
}

/// Settings that only a superuser may change, and the rest of each refusal.
const SUPERUSER_SETTINGS: [(&str, &str); 3] = [
    ("session_replication_role", "replica"),
    ("session_replication_role", "local"),
    ("plpgsql.variable_conflict", "use_column"),
];

#[tokio::test]
async fn a_setting_that_the_role_may_not_change_is_refused_with_the_command_that_resets_it() {
    for (name, value) in SUPERUSER_SETTINGS {
        let database = TestDatabase::fresh().await;
        let role = Role::owner(&database).await;
        let all = format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}", role.quoted());
        role.execute(&all).await;
        let owned_by = format!("ALTER ROLE {} RESET {name}", role.quoted());
        role.execute(&format!("ALTER ROLE {} SET {name} = '{value}'", role.quoted())).await;
        for command in [MIGRATE, SERVE, &["user", "list"]] {
            role.is_refused(command, &[name, value, &owned_by]);
        }
        role.execute(&owned_by).await;

        let of_database = format!("ALTER DATABASE {} RESET {name}", database.name());
        role.execute(&format!("ALTER DATABASE {} SET {name} = '{value}'", database.name())).await;
        role.is_refused(SERVE, &[name, value, &of_database]);
        // A superuser may, so its connections have the right value.
        let app = App::start_on(database).await;
        works(&app).await;
        app.stop().await;
    }
}
