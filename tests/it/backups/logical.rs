//! Logical backups: one file of pg_dump, restored into the embedded PostgreSQL and into a given one.

use std::fs;

use sqlx::{AssertSqlSafe, PgConnection};

use super::{Machine, failure, messages, recover::Procedure, stop, success};
use crate::support::{
    App,
    cluster::TestDatabase,
    process::{ServerProcess, minitwit},
};

/// All rows of the tables that users fill, as text.
async fn rows(connection: &mut PgConnection) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["users", "messages", "follows", "api_tokens", "user_counts"] {
        let query = AssertSqlSafe(format!("SELECT t::text FROM {table} AS t ORDER BY t::text"));
        all.extend(
            sqlx::query_scalar::<_, String>(query).fetch_all(&mut *connection).await.expect("rows"),
        );
    }
    all
}

#[tokio::test]
async fn a_file_restores_the_same_rows_everywhere() {
    let app = App::start().await;
    app.api_user("ann").await;
    assert_eq!(app.simulator().register("zoë 🦀").await.status, 204);
    assert_eq!(app.simulator().tweet("zoë 🦀", "tab\there ’quoted’ 🐦").await.status, 204);
    assert_eq!(app.simulator().follow("ann", "zoë 🦀").await.status, 204);
    let machine = Machine::new();
    let file = machine.text("backup.dump");
    let url = app.database.url();
    let dump = || minitwit(&["backup", "--logical", &file, "--database-url", &url]).output();
    assert!(success(dump().expect("it runs")).contains("backed up to"));
    assert!(failure(dump().expect("it runs")).contains("exists already"));

    let restore =
        |url: &str| minitwit(&["restore", &file, "--database-url", url]).output().expect("it runs");
    assert!(failure(restore(&url)).contains("has tables already"));
    let fresh = TestDatabase::empty().await;
    success(restore(&fresh.url()));
    assert_eq!(
        rows(&mut fresh.connect().await).await,
        rows(&mut app.database.connect().await).await
    );

    success(machine.run(&["restore", &file]));
    assert!(failure(machine.run(&["restore", &file])).contains("confirm with --yes"));
    let mut procedure = Procedure::of("Only a file of a logical backup");
    let (copy, data) = (machine.text("copy"), machine.text("data"));
    procedure.run(&machine, &[("FILE", &file), ("/tmp/copy", &copy)]);
    let server = ServerProcess::start(&["--data-dir", &copy]);
    assert_eq!(messages(&server).await, ["tab\there ’quoted’ 🐦"]);
    stop(server);
    assert!(machine.entries("postgres.before-restore-").is_empty(), "a copy replaces nothing");
    procedure.run(&machine, &[("FILE", &file)]);
    assert_eq!(machine.entries("postgres.before-restore-").len(), 1);
    assert!(machine.entries("restore").is_empty(), "the scratch directory is removed");
    let server = machine.serve();
    assert_eq!(messages(&server).await, ["tab\there ’quoted’ 🐦"]);
    assert!(procedure.run(&machine, &[]).contains("(full)"));
    procedure.end();
    stop(server);

    fs::write(machine.path("damaged"), &fs::read(&file).expect("a file")[..500]).expect("written");
    let text = failure(machine.run(&["restore", &machine.text("damaged"), "--yes"]));
    assert!(text.contains("pg_restore failed"), "{text}");
    let server = ServerProcess::start(&["--data-dir", &data]);
    assert_eq!(messages(&server).await.len(), 1, "a failed restore changes nothing");
    stop(server);
}
