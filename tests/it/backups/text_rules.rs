//! Indexes of texts after PostgreSQL or the C library has changed.

use embedded_postgres::{Data, Embedded, Settings};
use nix::sys::signal::Signal;
use sqlx::{Connection, PgConnection};

use super::{Machine, simulator};
use crate::support::{cluster::TestDatabase, process::ServerProcess};

const CHECK: &str = "SELECT bt_index_check('users_lowercase_username_idx', true)::text";

/// Lets the database look as if another C library had built its index: one that sorted a name elsewhere.
const OTHER_LIBRARY: &str = "
    CREATE EXTENSION amcheck;
    UPDATE pg_index SET indisready = false WHERE indexrelid = 'users_lowercase_username_idx'::regclass;
    INSERT INTO users (username, email, password_hash) VALUES ('Zoë', 'a@b.c', '$2b$04$' || repeat('a', 53));
    UPDATE pg_index SET indisready = true WHERE indexrelid = 'users_lowercase_username_idx'::regclass;
    ALTER DATABASE minitwit SET minitwit.text_rules = 'another C library';";

#[tokio::test]
async fn indexes_of_texts_are_built_again_when_their_rules_change() {
    let machine = Machine::new();
    let data = machine.text("data");
    let rebuilt = "built the indexes of texts again";
    let mut server = ServerProcess::start(&["--data-dir", &data]);
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    server.end(Signal::SIGTERM);
    assert!(!server.complete_output().contains(rebuilt), "a new database has the right indexes");

    let postgres = Embedded::start(&Settings::new(Data::Directory(machine.path("data"))));
    let postgres = postgres.expect("it starts");
    let mut connection =
        PgConnection::connect_with(&postgres.connect_options("minitwit")).await.expect("connected");
    sqlx::raw_sql(OTHER_LIBRARY).execute(&mut connection).await.expect("changed");
    let missing = sqlx::query(CHECK).execute(&mut connection).await.expect_err("a row is missing");
    assert!(missing.to_string().contains("lacks matching index tuple"), "{missing}");
    connection.close().await.expect("closed");
    postgres.stop();

    for changed in [true, false] {
        let mut server = ServerProcess::start(&["--data-dir", &data]);
        machine.query(CHECK).await;
        server.end(Signal::SIGTERM);
        let output = server.complete_output();
        assert_eq!(output.contains(rebuilt), changed, "{output}");
        assert_eq!(output.contains("another C library"), changed, "{output}");
    }
}

#[tokio::test]
async fn a_given_database_with_another_collation_version_is_warned_of() {
    let database = TestDatabase::empty().await;
    let warning = "were built with another version of its collation";
    for changed in [false, true] {
        let mut server = ServerProcess::start(&["--database-url", &database.url()]);
        server.end(Signal::SIGTERM);
        let output = server.complete_output();
        assert_eq!(output.contains(warning), changed, "{output}");
        let update =
            "UPDATE pg_database SET datcollversion = '2.0' WHERE datname = current_database()";
        let mut connection = database.connect().await;
        sqlx::raw_sql(update).execute(&mut connection).await.expect("changed");
    }
}
