//! A restore of the data alone, into a database that has the schema already.

use std::{fs, path::Path, process::Command};

use sqlx::{AssertSqlSafe, Connection as _};

use super::{MIGRATE, Role};
use crate::support::{
    App,
    cluster::{TestDatabase, server},
    process::ServerProcess,
};

/// The tables whose rows the migrations insert, as the how-to excludes them.
const EXCLUDED: [&str; 2] =
    ["--exclude-table=refinery_schema_history", "--exclude-table=program_compatibility"];

/// Users of each kind: with folded and unfolded counts, flagged and imported messages, none at all.
const ROWS: &str = "
    INSERT INTO users (username, email, password_hash)
        SELECT 'user ' || n, 'a@b', '$2b$10$' || repeat('a', 53) FROM generate_series(1, 20) AS n;
    INSERT INTO messages (author_id, text, flagged, imported, published_at)
        SELECT 1 + n % 13, 'water ' || n, n % 7 = 0, n % 5 = 0, now() - n * interval '1 minute'
        FROM generate_series(1, 600) AS n;
    INSERT INTO follows (follower_id, followee_id)
        SELECT a, b FROM generate_series(1, 20) AS a, generate_series(1, 20) AS b
        WHERE a < b AND b % 3 > 0;
    INSERT INTO sessions (token_hash, user_id, expires_at)
        VALUES (sha256('session'), 1, now() + interval '1 day');
    DELETE FROM messages WHERE author_id = 3;
    UPDATE messages SET text = 'earth' WHERE message_id % 11 = 0";

/// The counts that profiles show.
const COUNTS: &str = "
    SELECT username || ': ' || counts.messages || ' ' || counts.followers || ' ' || counts.following
    FROM users CROSS JOIN LATERAL counts_of(user_id) AS counts ORDER BY username";

/// The same, counted.
const COUNTED: &str = "
    SELECT username || ': ' ||
           (SELECT count(*) FROM messages WHERE author_id = user_id AND NOT flagged) || ' ' ||
           (SELECT count(*) FROM follows WHERE followee_id = user_id) || ' ' ||
           (SELECT count(*) FROM follows WHERE follower_id = user_id)
    FROM users ORDER BY username";

async fn texts(database: &TestDatabase, query: &str) -> Vec<String> {
    let mut connection = database.connect().await;
    let rows = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await;
    let rows = rows.expect(query);
    connection.close().await.expect("closed");
    rows
}

async fn execute(database: &TestDatabase, statements: &str) {
    let mut connection = database.connect().await;
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.expect(statements);
    connection.close().await.expect("closed");
}

/// Runs a client program of PostgreSQL with a database. Returns its error output.
#[track_caller]
fn client(program: &str, database: &TestDatabase, arguments: &[&str]) -> String {
    let options = database.options();
    let output = Command::new(program)
        .args(arguments)
        .env("PGHOST", server().socket_directory())
        .env("PGPORT", options.get_port().to_string())
        .env("PGUSER", options.get_username())
        .env("PGDATABASE", database.name())
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    text
}

/// A kind of dump and its restore, without an error.
fn copy(from: &TestDatabase, to: &TestDatabase, file: &Path, custom: bool, options: &[&str]) {
    let file = file.to_str().expect("text");
    let format = if custom { "--format=custom" } else { "--format=plain" };
    let dump = [&["--data-only", format, "--file", file], &EXCLUDED[..], options].concat();
    client("pg_dump", from, &dump);
    if custom {
        let triggers: Vec<&str> =
            options.iter().copied().filter(|option| *option == "--disable-triggers").collect();
        let restore = ["--data-only", "--exit-on-error", "--dbname", to.name(), file];
        client("pg_restore", to, &[&restore[..], &triggers].concat());
    } else {
        client("psql", to, &["-q", "-v", "ON_ERROR_STOP=1", "-f", file]);
    }
}

/// Restores the data of a dump that has all tables and the schema, by the list of the how-to.
fn copy_from_whole(from: &TestDatabase, to: &TestDatabase, directory: &Path) {
    let file = directory.join("whole").to_str().expect("text").to_owned();
    let list = directory.join("list").to_str().expect("text").to_owned();
    client("pg_dump", from, &["--format=custom", "--file", &file]);
    client("pg_restore", from, &["--list", "--file", &list, &file]);
    let entries = fs::read_to_string(&list).expect("a list");
    let kept = entries.lines().filter(|line| {
        !line.contains(" refinery_schema_history ") && !line.contains(" program_compatibility ")
    });
    fs::write(&list, kept.collect::<Vec<_>>().join("\n")).expect("written");
    let options =
        ["--data-only", "--disable-triggers", "--single-transaction", "--use-list", &list];
    client("pg_restore", to, &[&options[..], &["--dbname", to.name(), &file]].concat());
}

#[tokio::test]
async fn data_restored_alone_has_right_counts_after_a_recount() {
    let app = App::start().await;
    execute(&app.database, ROWS).await;
    app.service.fold_counts().await.expect("folded");
    app.index_messages().await;
    execute(&app.database, "INSERT INTO messages (author_id, text) VALUES (1, 'unfolded')").await;
    let expected = texts(&app.database, COUNTED).await;
    assert_eq!(texts(&app.database, COUNTS).await, expected);

    let directory = tempfile::tempdir().expect("a directory");
    let cases: [(bool, &[&str]); 6] = [
        (false, &[]),
        (false, &["--disable-triggers"]),
        (true, &[]),
        (true, &["--disable-triggers"]),
        (false, &["--inserts"]),
        (false, &["--exclude-table=user_count*", "--disable-triggers"]),
    ];
    for (number, (custom, options)) in cases.into_iter().enumerate() {
        let restored = TestDatabase::fresh().await;
        copy(&app.database, &restored, &directory.path().join(number.to_string()), custom, options);
        client("psql", &restored, &["-q", "-c", "SELECT recount()"]);
        assert_eq!(texts(&restored, COUNTS).await, expected, "{custom} {options:?}");
        let again = texts(&restored, "SELECT recount()::text").await;
        assert_eq!(again, ["0"], "{custom} {options:?}");

        let server = ServerProcess::start(&["--database-url", &restored.url()]);
        let page = reqwest::get(format!("{}/search?q=unfold", server.base)).await.expect("a page");
        assert!(page.text().await.expect("text").contains("unfolded"), "{custom} {options:?}");
        let ready = reqwest::get(format!("{}/readyz", server.base)).await.expect("a response");
        assert_eq!(ready.status(), 200, "{custom} {options:?}");
        drop(server);
        execute(&restored, "INSERT INTO messages (author_id, text) VALUES (1, 'new')").await;
        assert_eq!(texts(&restored, COUNTS).await, texts(&restored, COUNTED).await);
    }
    let restored = TestDatabase::fresh().await;
    copy_from_whole(&app.database, &restored, directory.path());
    client("psql", &restored, &["-q", "-c", "SELECT recount()"]);
    assert_eq!(texts(&restored, COUNTS).await, expected);
    app.stop().await;
}

/// Tables that hide those of the schema from functions that follow the session's path.
const HIDING: &str = "
    CREATE TEMPORARY TABLE user_count_changes (LIKE public.user_count_changes);
    CREATE TEMPORARY TABLE user_counts (LIKE public.user_counts);
    CREATE TEMPORARY TABLE messages (LIKE public.messages);
    CREATE TEMPORARY TABLE sessions (LIKE public.sessions);
    CREATE TEMPORARY TABLE search_late (LIKE public.search_late)";

/// Writes that run every trigger.
const WRITES: &str = "
    INSERT INTO public.messages (author_id, text) VALUES (1, 'posted'), (2, 'posted');
    INSERT INTO public.messages (author_id, text, published_at) VALUES (1, 'past', '2020-02-20Z');
    UPDATE public.messages SET flagged = NOT flagged WHERE author_id = 5;
    UPDATE public.messages SET text = 'changed' WHERE author_id = 2;
    DELETE FROM public.messages WHERE author_id = 4;
    INSERT INTO public.follows (follower_id, followee_id) VALUES (20, 1);
    UPDATE public.follows SET followee_id = 3 WHERE follower_id = 20;
    DELETE FROM public.follows WHERE follower_id = 2;
    INSERT INTO public.write_probes (padding) VALUES ('x'), ('y');
    UPDATE public.users SET password_hash = '$2b$10$' || repeat('b', 53) WHERE user_id = 1;
    SELECT public.sign_in(1, '', '{}'), public.recount()";

#[tokio::test]
async fn functions_find_their_tables_whatever_the_search_path_is() {
    for path in ["''", "pg_temp", "pg_temp, public", "pg_catalog", "elsewhere"] {
        let database = TestDatabase::fresh().await;
        execute(&database, ROWS).await;
        execute(&database, &format!("{HIDING}; SET search_path = {path}; {WRITES}")).await;
        assert_eq!(texts(&database, COUNTS).await, texts(&database, COUNTED).await, "{path}");
        assert_eq!(texts(&database, "SELECT count(*)::text FROM sessions").await, ["0"], "{path}");
        execute(&database, &format!("SET search_path = {path}; TRUNCATE public.messages")).await;
        execute(&database, &format!("SET search_path = {path}; TRUNCATE public.follows")).await;
        assert_eq!(texts(&database, COUNTS).await, texts(&database, COUNTED).await, "{path}");
    }
}

#[tokio::test]
async fn functions_find_their_tables_in_a_schema_of_the_operators_choice() {
    let database = TestDatabase::empty().await;
    let role = Role::owner(&database).await;
    role.execute(&format!(
        "CREATE SCHEMA own AUTHORIZATION {0}; ALTER ROLE {0} SET search_path = own",
        role.quoted()
    ))
    .await;
    role.succeeds(MIGRATE);
    let rows = format!("SET search_path = own; {ROWS}");
    execute(&database, &format!("{rows}; SET search_path = ''; SELECT own.recount()")).await;
    let wrong = "SELECT own.recount()::text";
    assert_eq!(texts(&database, wrong).await, ["0"]);
    // The list of required objects does not depend on the schema's name.
    let server = ServerProcess::start_with(&[], &[("DATABASE_URL", &role.url())]);
    let ready = reqwest::get(format!("{}/readyz", server.base)).await.expect("a response");
    assert_eq!(ready.status(), 200);
}
