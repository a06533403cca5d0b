//! The constraints of the schema reject invalid rows, and accept every value that the domain types accept.

mod violations;

use std::{collections::BTreeSet, time::Duration};

use minitwit::{
    db::{
        Database, PoolSettings, ReadSettings,
        messages::posting::{self, Inserted, NewMessage},
        users::{self, Insertion, names::NameRule},
    },
    domain::{Email, MessageText, PasswordHash, Username},
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use sqlx::{AssertSqlSafe, PgConnection};

use self::violations::VIOLATIONS;
use crate::support::cluster::TestDatabase;

/// A hash in bcrypt's format.
const HASH: &str = "$2b$10$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu";
/// The number of generated values per test.
const CASES: usize = 200;

/// Valid rows, which [`VIOLATIONS`] change or conflict with: the users 1 and 2, and rows in each other table.
const VALID_ROWS: &str = "
    INSERT INTO users (username, email, password_hash)
        SELECT name, 'a@b', '$2b$10$' || repeat('a', 53) FROM unnest(ARRAY['ann', 'bob']) AS name;
    INSERT INTO messages (author_id, text) VALUES (1, 'hello');
    INSERT INTO follows (follower_id, followee_id) VALUES (1, 2), (2, 1);
    INSERT INTO sessions (token_hash, user_id, expires_at)
        VALUES (decode(repeat('00', 32), 'hex'), 1, now() + interval '1 day');
    INSERT INTO api_tokens (user_id, token_hash, name, expires_at, scopes)
        VALUES (1, decode(repeat('00', 32), 'hex'), 'phone', now() + interval '1 day', '{read}');
    INSERT INTO known_clients (user_id, client_hash) VALUES (1, decode(repeat('00', 32), 'hex'));
    INSERT INTO search_blocks VALUES ('-infinity', 0, '2020-02-20Z', 1, '');
    INSERT INTO user_counts (user_id) VALUES (1);
    INSERT INTO idempotency_keys VALUES (1, 'key', 1, 'hello', now(), sha256('hello'));
    INSERT INTO simulator_latest (server_id, arrival, value) VALUES (1, 1, 0);
    INSERT INTO instance DEFAULT VALUES;
    INSERT INTO program_compatibility (migration, oldest_program) VALUES (1, '0.1.0');
    INSERT INTO publication_floor (published_at) VALUES (now());
    INSERT INTO write_probes (padding) VALUES ('x');
    INSERT INTO import_sources (name, system) VALUES ('old.db', 'sqlite');
    INSERT INTO imported_users VALUES (1, '7', 1);
    INSERT INTO imported_messages VALUES (1, 1, '7');
    INSERT INTO imported_follows VALUES (1, 2, 1);
    INSERT INTO import_passwords VALUES (1, '8', '$2b$10$' || repeat('a', 53));";

async fn run(connection: &mut PgConnection, statement: &'static str) -> Result<u64, sqlx::Error> {
    sqlx::raw_sql(statement).execute(connection).await.map(|done| done.rows_affected())
}

/// The first column of each row.
async fn texts(connection: &mut PgConnection, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query).fetch_all(connection).await.expect(query)
}

/// A pool of one connection.
fn pool(database: &TestDatabase) -> Database {
    let settings = PoolSettings {
        max_connections: 1,
        acquire_timeout: Duration::from_secs(20),
        statement_timeout: Duration::from_secs(20),
        reads: ReadSettings::with_timeout(Duration::from_secs(20)),
    };
    Database::new(database.options(), &settings)
}

#[tokio::test]
async fn every_table_and_index_has_a_comment() {
    let database = TestDatabase::fresh().await;
    let without_comment = texts(
        &mut database.connect().await,
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND obj_description(oid, 'pg_class') IS NULL
           AND (relkind = 'r' OR relkind = 'i' AND NOT EXISTS (
                SELECT FROM pg_constraint WHERE conindid = pg_class.oid))
           AND relname <> 'refinery_schema_history'",
    )
    .await;
    assert!(without_comment.is_empty(), "{without_comment:?}");
}

#[tokio::test]
async fn each_constraint_rejects_invalid_rows() {
    let database = TestDatabase::fresh().await;
    let connection = &mut database.connect().await;
    run(connection, VALID_ROWS).await.expect("valid rows");
    for (constraint, statements) in VIOLATIONS {
        for statement in *statements {
            let error = run(connection, statement).await.expect_err(statement);
            let violation = error.as_database_error().expect(statement);
            assert_eq!(violation.constraint(), Some(*constraint), "{statement}: {violation}");
        }
    }
    let all = texts(
        connection,
        "SELECT conname::text FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace
           AND conrelid <> 'refinery_schema_history'::regclass AND contype IN ('c', 'f', 'p', 'u')",
    )
    .await;
    let all: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    let tested: BTreeSet<&str> = VIOLATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(tested, all, "each constraint has statements that violate it");
}

#[tokio::test]
async fn only_optional_columns_are_nullable() {
    let database = TestDatabase::fresh().await;
    let connection = &mut database.connect().await;
    let mut nullable = texts(
        connection,
        "SELECT table_name || '.' || column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND is_nullable = 'YES'
           AND table_name <> 'refinery_schema_history'",
    )
    .await;
    // Optional profile fields, what a message replies to, and times of events that most rows have not had.
    nullable.sort();
    assert_eq!(
        nullable,
        [
            "api_tokens.last_used_at",
            "import_sources.finished_at",
            "messages.edited_at",
            "messages.parent_author_id",
            "messages.parent_id",
            "users.bio",
            "users.disabled_at",
            "users.display_name",
            "users.password_renewed_at"
        ]
    );
}

#[tokio::test]
async fn deleting_a_user_deletes_all_rows_of_that_user() {
    let database = TestDatabase::fresh().await;
    let connection = &mut database.connect().await;
    run(connection, VALID_ROWS).await.expect("valid rows");
    assert_eq!(run(connection, "DELETE FROM users WHERE user_id = 1").await.expect("deleted"), 1);
    let left = texts(
        connection,
        "SELECT 'message' FROM messages UNION ALL SELECT 'follow' FROM follows
         UNION ALL SELECT 'session' FROM sessions UNION ALL SELECT 'token' FROM api_tokens
         UNION ALL SELECT 'counts' FROM user_counts UNION ALL SELECT key FROM idempotency_keys
         UNION ALL SELECT username FROM users",
    )
    .await;
    assert_eq!(left, ["bob"]);
}

/// The schema accepts the stored form of each hash that the program verifies, and no other.
#[tokio::test]
async fn the_schema_and_the_program_accept_the_same_password_hashes() {
    let database = TestDatabase::fresh().await;
    let connection = &mut database.connect().await;
    run(connection, VALID_ROWS).await.expect("valid rows");
    let base64 = |bytes: usize| format!("{}==", "AQEB".repeat(bytes / 3) + "AQ");
    let mut cases = vec![
        ("predecessor_pbkdf2", format!("{}${}", base64(70), base64(70))),
        ("predecessor_pbkdf2", format!("{}${}", base64(1), base64(70))),
        ("predecessor_pbkdf2", format!("{}${}", "AQEB".repeat(171), base64(70))),
        ("predecessor_pbkdf2", format!("{}${}", "AQEB".repeat(172), base64(70))),
        ("predecessor_pbkdf2", format!("{}${}", base64(70), base64(67))),
        ("predecessor_pbkdf2", format!("${}", base64(70))),
        ("predecessor_pbkdf2", format!("AQE${}", base64(70))),
        ("predecessor_pbkdf2", "secret".to_owned()),
        ("plain", "secret".to_owned()),
    ];
    for cost in ["03", "04", "16", "17", "31", "4"] {
        cases.push(("bcrypt", format!("$2b${cost}${}", "a".repeat(53))));
    }
    for (digest, digits) in [("sha1", 40), ("sha256", 64), ("sha512", 128), ("md5", 32)] {
        for iterations in ["0", "1", "999999", "1000000", "2000000", "2000001", "10000000", ""] {
            let key = "0a".repeat(digits / 2);
            cases.push(("werkzeug_pbkdf2", format!("pbkdf2:{digest}:{iterations}$s~${key}")));
        }
        let key = "0a".repeat(digits / 2 - 1);
        cases.push(("werkzeug_pbkdf2", format!("pbkdf2:{digest}:1000$s${key}")));
    }
    for salt in ["", "!#%~", "a b", "é", "\n", "a$b", &"s".repeat(128), &"s".repeat(129)] {
        cases.push(("werkzeug_pbkdf2", format!("pbkdf2:sha1:1${salt}${}", "0a".repeat(20))));
        cases.push(("werkzeug_scrypt", format!("scrypt:2:1:1${salt}${}", "0a".repeat(64))));
    }
    for parameters in [
        "32768:8:1",
        "131072:8:4",
        "2:1:1",
        "262144:8:1",
        "3:8:1",
        "1:8:1",
        "2:9:1",
        "2:0:1",
        "2:8:5",
        "2:8:0",
        "2:8",
        "-2:8:1",
    ] {
        cases.push(("werkzeug_scrypt", format!("scrypt:{parameters}$s${}", "0a".repeat(64))));
    }
    let mut accepted = 0;
    for (scheme, hash) in cases {
        let update = "UPDATE users SET password_scheme = $1, password_hash = $2 WHERE user_id = 1";
        let updated = sqlx::query(update).bind(scheme).bind(&hash).execute(&mut *connection).await;
        let parsed = PasswordHash::from_stored(scheme, &hash);
        assert_eq!(updated.is_ok(), parsed.is_ok(), "{scheme} {hash}: {updated:?} {parsed:?}");
        accepted += u32::from(parsed.is_ok_and(|parsed| parsed.expose() == hash));
    }
    assert_eq!(accepted, 24);
}

/// Generates texts that match a pattern; the same ones in every run.
fn generated(pattern: &str) -> Vec<String> {
    let strategy = proptest::string::string_regex(pattern).expect("a pattern");
    let mut runner = TestRunner::deterministic();
    let mut text = || strategy.new_tree(&mut runner).expect("a text").current();
    (0..CASES).map(|_| text()).collect()
}

fn with(mut generated: Vec<String>, chosen: &[&str]) -> Vec<String> {
    generated.extend(chosen.iter().map(ToString::to_string));
    generated
}

#[tokio::test]
async fn every_valid_username_and_email_address_is_accepted() {
    let database = TestDatabase::fresh().await;
    let pool = pool(&database);
    let hash = PasswordHash::parse(HASH).expect("valid");
    let longest = ["é".repeat(64), "🐦".repeat(64), "e\u{301}".repeat(64), "ﬁ".repeat(64)];
    let mut chosen: Vec<&str> = longest.iter().map(String::as_str).collect();
    chosen.extend(["a", "Roger Histand", "%", "...", "a\\b", "'; --", "क्\u{200d}ष", "नमस्ते", "각"]);
    let address = Email::parse("a@b").expect("valid");
    let mut taken = BTreeSet::new();
    for raw in with(generated(r"\PC{1,70}"), &chosen) {
        let Ok(name) = Username::parse_new(&raw) else { continue };
        let inserted = users::insert(&pool, &name, &address, &hash, NameRule::Exact).await;
        let inserted = inserted.unwrap_or_else(|error| panic!("{raw:?}: {error:?}"));
        let expected = if taken.insert(name.as_str().to_owned()) {
            Insertion::Inserted
        } else {
            Insertion::UsernameTaken
        };
        assert_eq!(inserted, expected, "{raw:?}");
    }
    assert!(taken.len() > CASES / 2 && chosen.iter().all(|name| Username::parse(name).is_ok()));

    let longest = [format!("{}@b", "ä".repeat(252)), format!("a@{}", "🐦".repeat(252))];
    let mut chosen: Vec<&str> = longest.iter().map(String::as_str).collect();
    chosen.extend(["a@b", "@a@b", "_%@_%", "Roger+Histand@hotmail.com", "a b@c", "\\@\\"]);
    let mut accepted = 0;
    for (number, raw) in with(generated(r"\PC{0,80}@\PC{0,80}"), &chosen).iter().enumerate() {
        let Ok(address) = Email::parse(raw) else { continue };
        let name = Username::parse(&format!("owner {number}")).expect("valid");
        let inserted = users::insert(&pool, &name, &address, &hash, NameRule::Exact).await;
        assert!(matches!(inserted, Ok(Insertion::Inserted)), "{raw:?}: {inserted:?}");
        accepted += 1;
    }
    assert!(accepted > CASES / 2, "{accepted}");
    pool.close().await;
}

#[tokio::test]
async fn every_valid_message_is_accepted_and_stored_unchanged() {
    let database = TestDatabase::fresh().await;
    let pool = pool(&database);
    run(&mut database.connect().await, VALID_ROWS).await.expect("valid rows");
    let author = Username::parse("bob").expect("valid");
    let longest =
        ["a".repeat(280), "🐦".repeat(280), "\u{301}".repeat(280), "\r\n".repeat(279) + "."];
    let mut chosen: Vec<&str> = longest.iter().map(String::as_str).collect();
    chosen.extend([".", "\u{1}", "\u{7f}", "\u{85}.", "\u{200b}", "e\u{301}", "<b>&amp;", "\\0 %"]);
    let mut kept = Vec::new();
    for raw in with(generated(r"[\u{1}-\u{10ffff}]{1,290}"), &chosen) {
        let Ok(text) = MessageText::parse(&raw) else { continue };
        let message = NewMessage { author: author.clone(), text, parent: None };
        let inserted = posting::insert(&pool, &[message]).await;
        assert!(
            matches!(inserted.as_deref(), Ok([Inserted::Posted { .. }])),
            "{raw:?}: {inserted:?}"
        );
        kept.push(raw);
    }
    assert!(kept.len() > CASES / 2, "{}", kept.len());
    let query = "SELECT text FROM messages WHERE author_id = 2 ORDER BY message_id";
    assert_eq!(texts(&mut database.connect().await, query).await, kept);
    pool.close().await;
}

#[tokio::test]
async fn texts_are_compared_byte_by_byte() {
    let database = TestDatabase::fresh().await;
    let connection = &mut database.connect().await;
    let statement = format!(
        "INSERT INTO users (username, email, password_hash)
         SELECT name, 'a@b', '{HASH}' FROM unnest(ARRAY['é', 'a', 'Z', 'ä', 'B', 'Straße', 'STRASSE']) AS name"
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await.expect("all differ");
    let ordered = texts(connection, "SELECT username FROM users ORDER BY username").await;
    assert_eq!(ordered, ["B", "STRASSE", "Straße", "Z", "a", "ä", "é"]);
}
