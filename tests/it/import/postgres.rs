//! The variants of the original on PostgreSQL.

use super::{OldSystem, PASSWORD, PBKDF2, Report, SCRYPT, import, rows};
use crate::support::{App, cluster::TestDatabase, process::minitwit};

/// The tables of a variant, in the order users, messages, follows, and its column of a time with a value for it.
struct Variant {
    tables: [&'static str; 3],
    time: (&'static str, &'static str),
    flagged: (&'static str, &'static str),
}

const VARIANTS: [Variant; 4] = [
    Variant {
        tables: ["\"user\"", "message", "follower"],
        time: ("integer", "1233065594"),
        flagged: ("integer", "1"),
    },
    Variant {
        tables: ["users", "messages", "followers"],
        time: ("timestamp", "'2009-01-27 14:13:14'"),
        flagged: ("boolean", "true"),
    },
    Variant {
        tables: ["public.\"User\"", "\"Message\"", "\"Follower\""],
        time: ("timestamptz", "'2009-01-27 15:13:14+01'"),
        flagged: ("smallint", "1"),
    },
    Variant {
        tables: ["users", "message", "follower"],
        time: ("bigint", "1233065594"),
        flagged: ("integer", "1"),
    },
];

/// A database of an old system with two users, three messages and two follows.
async fn old_database(variant: &Variant) -> TestDatabase {
    let [users, messages, follows] = variant.tables;
    let ((time, at), (flagged, yes)) = (variant.time, variant.flagged);
    let database = TestDatabase::empty().await;
    let statements = format!(
        "CREATE TABLE {users} (user_id serial PRIMARY KEY, username varchar(80) NOT NULL, email text, pw_hash text);
         CREATE TABLE {messages} (message_id serial PRIMARY KEY, author_id integer, text text, pub_date {time},
                                  flagged {flagged});
         CREATE TABLE {follows} (who_id integer, whom_id integer);
         INSERT INTO {users} VALUES (1, 'Roger Histand', 'roger@example.org', '{PBKDF2}'),
                                    (2, 'Zoë', 'zoe@example.org', '{SCRYPT}');
         INSERT INTO {messages} VALUES (1, 1, 'the first', {at}, NULL), (2, 2, 'hidden', {at}, {yes}),
                                       (3, 2, 'of no time', NULL, NULL);
         INSERT INTO {follows} VALUES (1, 2), (2, 2);"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements))
        .execute(&mut database.connect().await)
        .await
        .expect("the old system");
    database
}

#[tokio::test]
async fn a_database_is_not_imported_into_itself_whatever_its_address() {
    let site = TestDatabase::fresh().await;
    let old = old_database(&VARIANTS[0]).await;
    for database in [&site, &old] {
        // The same database by another URL.
        let separator = if database.url().contains('?') { '&' } else { '?' };
        let other = format!("{}{separator}application_name=other", database.url());
        for source in [database.url(), other] {
            let output = import(database, &["postgres", &source], &OldSystem::new().report());
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                !output.status.success() && error.contains("the source is the database"),
                "{error}"
            );
        }
    }
    // It was not migrated either.
    let history = "SELECT to_regclass('refinery_schema_history') IS NULL";
    let is_absent: bool =
        sqlx::query_scalar(history).fetch_one(&mut old.connect().await).await.expect("an answer");
    assert!(is_absent);
}

#[tokio::test]
async fn every_variant_moves_in() {
    for variant in &VARIANTS {
        let old_database = old_database(variant).await;
        let (old, database) = (OldSystem::new(), TestDatabase::fresh().await);
        let output = import(&database, &["postgres", &old_database.url()], &old.report());
        let tables = variant.tables;
        assert!(output.status.success(), "{tables:?}: {output:?}");
        let report = Report::read(&old.report());
        assert_eq!(report.counts("users"), [2, 2, 0, 0], "{tables:?}");
        assert_eq!(report.counts("messages"), [3, 1, 2, 0], "{tables:?}");
        let expected = [
            "follows 2 -> 2 follow_of_self",
            "messages 1 flag_unreadable",
            "messages 3 flag_unreadable",
            "messages 3 time_missing",
        ];
        let found = report.findings();
        let of_times = |finding: &&String| !finding.ends_with("time_converted");
        assert_eq!(found.iter().filter(of_times).collect::<Vec<_>>(), expected, "{tables:?}");
        let query =
            "SELECT text || ' ' || flagged || ' ' || extract(epoch FROM published_at)::bigint
                     FROM messages WHERE message_id < 3 ORDER BY message_id";
        let connection = &mut database.connect().await;
        let expected = ["the first false 1233065594", "hidden true 1233065594"];
        assert_eq!(rows(connection, query).await, expected, "{tables:?}");

        let output = import(&database, &["postgres", &old_database.url()], &old.report());
        assert!(output.status.success(), "{tables:?}: {output:?}");
        assert_eq!(Report::read(&old.report()).counts("messages"), [3, 0, 0, 3], "{tables:?}");
        let app = App::start_on(database).await;
        for name in ["Roger Histand", "Zoë"] {
            let form = [("username", name), ("password", PASSWORD)];
            app.anonymous().submit("/login", &form).await.says("You were logged in");
        }
    }
}

#[tokio::test]
async fn the_url_may_be_in_the_environment_and_no_error_shows_its_password() {
    let old_database = old_database(&VARIANTS[0]).await;
    let database = TestDatabase::empty().await;
    let run = |url: &str| {
        minitwit(&["import", "postgres", "--dry-run", "--database-url", &database.url()])
            .env("MINITWIT_IMPORT_URL", url)
            .output()
            .expect("it runs")
    };
    let output = run(&old_database.url());
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("users     read 2"), "{output:?}");
    for url in ["postgres://ann:hidden@127.0.0.1:1/old", "hidden", &database.url()] {
        let output = run(url);
        assert!(!output.status.success(), "{output:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!errors.is_empty() && !errors.contains("hidden"), "{errors}");
    }
}
