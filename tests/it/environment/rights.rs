//! Roles with few rights, standbys, and databases of other programs.

use super::{MIGRATE, Role, SERVE};
use crate::support::{
    App,
    actors::{Browser, Simulator},
    cluster::TestDatabase,
    process::ServerProcess,
};

/// What a role needs for an up-to-date schema.
const ROW_RIGHTS: &str =
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO $role;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO $role;
    REVOKE CREATE ON SCHEMA public FROM PUBLIC";

fn for_role(statements: &str, role: &Role) -> String {
    statements.replace("$role", &role.quoted())
}

#[tokio::test]
async fn a_role_that_may_only_read_and_write_rows_serves_an_up_to_date_schema() {
    let database = TestDatabase::fresh().await;
    let role = Role::new(&database, "").await;
    role.execute(&for_role(ROW_RIGHTS, &role)).await;
    role.succeeds(MIGRATE);
    let server = ServerProcess::start_with(&[], &[("DATABASE_URL", &role.url())]);
    let simulator = Simulator::new(format!("{}/sim", server.base));
    assert_eq!(simulator.register("ann").await.status, 204);
    assert_eq!(simulator.tweet("ann", "hello").await.status, 204);
    assert!(!server.output().contains("permission denied"), "{}", server.output());
}

#[tokio::test]
async fn a_missing_right_is_named_once_with_the_grant() {
    let database = TestDatabase::fresh().await;
    let role = Role::new(&database, "").await;
    role.execute(&for_role(ROW_RIGHTS, &role)).await;
    let grant = for_role(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO $role",
        &role,
    );
    for (right, on) in [
        ("SELECT", "messages"),
        ("INSERT", "messages"),
        ("UPDATE", "user_counts"),
        ("DELETE", "sessions"),
        ("SELECT", "refinery_schema_history"),
        ("SELECT", "program_compatibility"),
        ("INSERT", "write_probes"),
    ] {
        role.execute(&for_role(&format!("REVOKE {right} ON {on} FROM $role"), &role)).await;
        role.is_refused(SERVE, &["--database-url", &format!("lacks {right} on {on}"), &grant]);
        role.execute(&for_role(&format!("GRANT {right} ON {on} TO $role"), &role)).await;
    }
    let sequence = "users_user_id_seq";
    role.execute(&for_role(&format!("REVOKE USAGE ON SEQUENCE {sequence} FROM $role"), &role))
        .await;
    role.is_refused(
        SERVE,
        &[&format!("lacks USAGE on {sequence}"), "GRANT USAGE ON ALL SEQUENCES"],
    );
}

#[tokio::test]
async fn a_role_that_may_not_migrate_is_refused_with_the_grant_and_leaves_nothing_behind() {
    let empty = TestDatabase::empty().await;
    let role = Role::new(&empty, "").await;
    role.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
    for command in [MIGRATE, SERVE] {
        let grant = for_role("GRANT USAGE, CREATE ON SCHEMA public TO $role", &role);
        role.is_refused(command, &["lacks CREATE on schema public", &grant]);
    }
    assert_eq!(relations(&empty).await, 0);
    let path = "CREATE SCHEMA \"Site One\"; GRANT USAGE ON SCHEMA \"Site One\" TO $role;
                ALTER ROLE $role SET search_path = \"Site One\"";
    role.execute(&for_role(path, &role)).await;
    let grant = for_role("GRANT USAGE, CREATE ON SCHEMA \"Site One\" TO $role", &role);
    role.is_refused(SERVE, &["run `minitwit migrate` with the role that is to own", &grant]);

    // The owner's tables, with a migration that this program has and the database has not.
    let database = TestDatabase::fresh().await;
    let role = Role::owner(&database).await;
    role.execute(&for_role(ROW_RIGHTS, &role)).await;
    role.execute("DELETE FROM refinery_schema_history WHERE version = (SELECT max(version) FROM refinery_schema_history)").await;
    role.is_refused(MIGRATE, &["lacks the ownership of the tables of", "`minitwit migrate`"]);
}

async fn relations(database: &TestDatabase) -> i64 {
    let query = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    sqlx::query_scalar(query).fetch_one(&mut database.connect().await).await.expect("a count")
}

/// Databases of other programs, and what the refusal says.
const FOREIGN: [(&str, &str); 6] = [
    (
        "CREATE TABLE refinery_schema_history (id int, script text)",
        "the table refinery_schema_history is another program's",
    ),
    (
        "CREATE TABLE refinery_schema_history
            (version text, name text, applied_on text, checksum text);
         INSERT INTO refinery_schema_history VALUES ('1', 'x', 'x', 'x')",
        "the table refinery_schema_history is another program's",
    ),
    (
        "CREATE TABLE refinery_schema_history
            (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255),
             checksum varchar(255));
         INSERT INTO refinery_schema_history VALUES (1, 'books', '2026-11-20T12:00:00Z', '7')",
        "schema V1 (books) belongs to no release",
    ),
    (
        "CREATE TABLE refinery_schema_history
            (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255),
             checksum varchar(255));
         INSERT INTO refinery_schema_history VALUES (2026, 'books', '2026-11-20T12:00:00Z', '7')",
        "schema V2026 (books) belongs to no release",
    ),
    ("CREATE TABLE users (id int)", "the table users is another program's"),
    (
        "CREATE FUNCTION publication_time() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "the function publication_time is another program's",
    ),
];

#[tokio::test]
async fn a_database_of_another_program_is_refused_by_every_command_and_unchanged() {
    for (statements, text) in FOREIGN {
        let database = TestDatabase::empty().await;
        let role = Role::owner(&database).await;
        role.execute(&format!("SET ROLE {}; {statements}", role.quoted())).await;
        let before = relations(&database).await;
        for command in [MIGRATE, SERVE] {
            role.is_refused(command, &[text, "has changed nothing in it"]);
        }
        assert_eq!(relations(&database).await, before, "{statements}");
    }
}

#[tokio::test]
async fn a_read_only_database_with_an_up_to_date_schema_serves_reads() {
    let database = TestDatabase::fresh().await;
    let role = Role::new(&database, "").await;
    role.execute(&for_role(ROW_RIGHTS, &role)).await;
    let app = App::start_on(database).await;
    let simulator = app.simulator();
    simulator.register("ann").await;
    simulator.tweet("ann", "hello").await;
    app.anonymous().visit("/public").await;
    role.execute(&for_role("ALTER ROLE $role SET default_transaction_read_only = on", &role)).await;
    let server = ServerProcess::start_with(&[], &[("DATABASE_URL", &role.url())]);
    let browser = Browser::new(server.base.clone());
    browser.visit("/public").await.says("hello");
    assert_eq!(browser.get("/readyz").await.status, 503);
    let simulator = Simulator::new(format!("{}/sim", server.base));
    assert_eq!(simulator.tweet("ann", "lost").await.status, 503);
    app.stop().await;
}
