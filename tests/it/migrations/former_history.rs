//! The program rejects a database of the development before the first release, and does not change it.

use std::fs;

use embedded_postgres::{Data, Embedded, Settings};
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};

use super::{COMMANDS, execute, rejection, run};
use crate::support::{cluster::TestDatabase, process::minitwit};

/// The migration history of such a database, and a table. The checksums do not matter.
const FORMER: &str = "
    CREATE TABLE refinery_schema_history
        (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255));
    INSERT INTO refinery_schema_history
        SELECT number, name, '2026-11-20T12:00:00Z', 100 + number
        FROM unnest(ARRAY['users_messages_follows', 'sessions', 'simulator_latest', 'timeline_indexes',
                          'program_compatibility', 'api_accounts', 'user_counts',
                          'message_edits_and_idempotency_keys', 'search', 'publication_time',
                          'new_password', 'tags', 'search_by_week', 'former_search_indexes'])
             WITH ORDINALITY AS former (name, number);
    CREATE TABLE users (user_id bigint)";

/// Everything that a command could change: the history, and all relations and functions.
const CONTENTS: &str = "
    SELECT string_agg(item, E'\\n' ORDER BY item)
    FROM (SELECT history::text AS item FROM refinery_schema_history AS history
          UNION ALL SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
          UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
         AS items";

async fn contents(options: &PgConnectOptions) -> String {
    let mut connection = options.connect().await.expect("connected");
    let contents = sqlx::query_scalar(CONTENTS).fetch_one(&mut connection).await.expect(CONTENTS);
    connection.close().await.expect("closed");
    contents
}

#[tokio::test]
async fn a_former_schema_at_a_url_is_rejected_and_unchanged() {
    let database = TestDatabase::empty().await;
    execute(&mut database.connect().await, FORMER).await;
    let before = contents(&database.options()).await;
    let commands = [COMMANDS, &[&["user", "list"]]].concat();
    for command in commands {
        let text = rejection(&run(&database, command));
        for part in [
            "schema V14 (former_search_indexes) belongs to no release",
            "database test_",
            "has changed nothing in it",
            "name another database in --database-url (DATABASE_URL)",
        ] {
            assert!(text.contains(part), "{command:?}: {text}");
        }
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    assert_eq!(contents(&database.options()).await, before);
}

#[tokio::test]
async fn a_password_in_the_url_is_not_printed() {
    let database = TestDatabase::empty().await;
    execute(&mut database.connect().await, FORMER).await;
    let url = database.options().password("hunter2").to_url_lossy().to_string();
    let output = minitwit(&["migrate"]).env("DATABASE_URL", url).output().expect("it runs");
    let text = rejection(&output);
    assert!(text.contains("V14") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_former_schema_in_a_data_directory_is_rejected_and_another_directory_works() {
    let parent = tempfile::tempdir().expect("a directory");
    // PostgreSQL may run as another user.
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(parent.path(), readable).expect("readable");
    let former = parent.path().join("former");
    let settings = Settings::new(Data::Directory(former.clone()));
    let start = || {
        let settings = settings.clone();
        tokio::task::spawn_blocking(move || Embedded::start(&settings).expect("it starts"))
    };
    let server = start().await.expect("no panic");
    server.create_database("minitwit").await.expect("created");
    let options = server.connect_options("minitwit");
    execute(&mut options.connect().await.expect("connected"), FORMER).await;
    let before = contents(&options).await;
    server.stop();

    let migrate = |directory: &std::path::Path| {
        let mut command = minitwit(&["migrate", "--data-dir"]);
        command.arg(directory).output().expect("it runs")
    };
    let text = rejection(&migrate(&former));
    let location =
        format!("data directory {}: schema V14 (former_search_indexes)", former.display());
    assert!(text.contains(&location), "{text}");
    assert!(text.contains("name another directory with --data-dir"), "{text}");
    let server = start().await.expect("no panic");
    assert_eq!(contents(&server.connect_options("minitwit")).await, before);
    server.stop();

    super::printed(&migrate(&parent.path().join("new")));
}
