//! Query plans: no query in `.sqlx` scans a growing table, and each index serves a query. `.sqlx` matches the source and
//! the schema.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use sqlx::{
    AssertSqlSafe, Column, Either, Executor, PgConnection, SqlSafeStr, Statement, TypeInfo,
};

use crate::support::{cluster::TestDatabase, source};

/// 2,000 users, each with 20 followees. The first 100 have 600 messages each, of which one in 51 is flagged.
const ROWS: &str = "
    INSERT INTO users (username, email, password_hash)
        SELECT 'user ' || n, 'a@b', '$2b$10$' || repeat('a', 53) FROM generate_series(1, 2000) AS n;
    INSERT INTO messages (author_id, text, published_at, flagged)
        SELECT n % 100 + 1, CASE WHEN n % 20 = 0 THEN '東京 ' WHEN n % 300 = 0 THEN '#rust ' ELSE 'message ' END || n, '2020-02-20Z'::timestamptz + n * interval '1 minute',
               n % 51 = 0
        FROM generate_series(1, 60000) AS n;
    -- The first 1,000 messages have 10 replies each.
    UPDATE messages SET parent_id = message_id % 1000 + 1, parent_author_id = (message_id % 1000 + 1) % 100 + 1
        WHERE message_id > 50000;
    INSERT INTO follows (follower_id, followee_id, created_at)
        SELECT follower, (follower + step * 7) % 2000 + 1, '2020-02-20Z'::timestamptz + step * interval '1 day'
        FROM generate_series(1, 2000) AS follower, generate_series(1, 20) AS step;
    INSERT INTO sessions (token_hash, user_id, created_at, expires_at)
        SELECT sha256(n::text::bytea), n % 200 + 1, '2020-02-20Z',
               CASE WHEN n % 100 = 0 THEN now() - interval '1 day' ELSE now() + interval '9 days' END
        FROM generate_series(1, 5000) AS n;
    INSERT INTO api_tokens (user_id, token_hash, name, scopes, created_at, expires_at)
        SELECT n % 200 + 1, sha256(n::text::bytea), 'phone', '{read,write}', '2020-02-20Z',
               CASE WHEN n % 100 = 0 THEN now() - interval '1 day' ELSE now() + interval '9 days' END
        FROM generate_series(1, 5000) AS n;
    INSERT INTO known_clients
        SELECT n % 200 + 1, sha256(n::text::bytea),
               now() - CASE WHEN n % 100 = 0 THEN interval '300 days' ELSE interval '9 days' END
        FROM generate_series(1, 5000) AS n;
    INSERT INTO search_blocks
        SELECT '2010-01-01Z'::timestamptz + n * interval '1 hour', n,
               '2010-01-01Z'::timestamptz + (n + 1) * interval '1 hour', n + 1,
               to_tsvector('simple', 'word' || n)
        FROM generate_series(1, 5000) AS n;
    INSERT INTO simulator_latest VALUES (1, 1, 1), (2, 2, 2);
    INSERT INTO idempotency_keys
        SELECT n % 200 + 1, n::text, n, 'hello', '2020-02-20Z'::timestamptz + n * interval '1 day',
               sha256(n::text::bytea)
        FROM generate_series(1, 5000) AS n;
    INSERT INTO user_count_changes (user_id) SELECT n FROM generate_series(1, 2000) AS n;
    INSERT INTO user_counts (user_id) SELECT n FROM generate_series(1, 2000) AS n;
    ANALYZE;";

/// The tables that grow with use. A sequential scan of one becomes slower over time.
const GROWING: &[&str] = &[
    "users",
    "messages",
    "follows",
    "sessions",
    "api_tokens",
    "known_clients",
    "search_blocks",
    "idempotency_keys",
    "user_counts",
];
/// The limit of a page's query: one message more than the page shows.
const LIMIT: i64 = 31;

/// A query of the program, as sqlx describes it.
struct Query {
    text: String,
    parameters: Vec<String>,
    columns: Vec<(String, String)>,
}

fn queries() -> Vec<Query> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let files = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry"));
    files.map(|file| query(&fs::read_to_string(file.path()).expect("a text"))).collect()
}

fn query(file: &str) -> Query {
    let file: Value = serde_json::from_str(file).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let described = &file["describe"];
    Query {
        text: text(&file["query"]),
        parameters: list(&described["parameters"]["Left"]).iter().map(text).collect(),
        columns: list(&described["columns"])
            .iter()
            .map(|column| (text(&column["name"]), text(&column["type_info"])))
            .collect(),
    }
}

/// The start of a page: the newest row, or a row far back in the list.
#[derive(Clone, Copy)]
enum Start {
    Newest,
    Deep,
}

/// A value for a parameter of this type. A number is a key or a limit.
fn value(parameter: &str, start: Start) -> String {
    match (parameter, start) {
        ("Text", _) => "'user 7'".to_owned(),
        ("TextArray", _) => "ARRAY['user 7', 'user 8']".to_owned(),
        ("Int4", _) => "1".to_owned(),
        ("Int8", _) => LIMIT.to_string(),
        ("Int8Array", _) => format!("ARRAY[{LIMIT}, {LIMIT}]::bigint[]"),
        ("Bool", _) => "true".to_owned(),
        ("ByteaArray", _) => "ARRAY[sha256('7')]".to_owned(),
        ("Bytea", _) => "sha256('7')".to_owned(),
        ("Interval", _) => "interval '30 days'".to_owned(),
        ("TimestamptzArray", _) => "ARRAY[NULL, NULL]::timestamptz[]".to_owned(),
        ("BoolArray", _) => "ARRAY[true, false]".to_owned(),
        ("Timestamptz", Start::Newest) => "NULL".to_owned(),
        ("Timestamptz", Start::Deep) => "timestamptz '2020-03-12Z'".to_owned(),
        _ => panic!("there is no value for a parameter of the type {parameter}"),
    }
}

/// The query plan. `mode` is a value of `plan_cache_mode`; `explain` are additional options of EXPLAIN.
async fn plan(
    connection: &mut PgConnection,
    query: &Query,
    (mode, start): (&str, Start),
    explain: &str,
) -> Value {
    let values: Vec<String> = query.parameters.iter().map(|type_| value(type_, start)).collect();
    let arguments =
        if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    let text = &query.text;
    execute(connection, format!("SET plan_cache_mode = {mode}; SET jit = off")).await;
    execute(connection, format!("DEALLOCATE ALL; PREPARE planned AS {text}")).await;
    let explained = format!("EXPLAIN (FORMAT JSON{explain}) EXECUTE planned{arguments}");
    // EXPLAIN EXECUTE needs the simple protocol.
    let row = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(explained))).await;
    let row = row.unwrap_or_else(|error| panic!("{text}: {error}"));
    let plan = sqlx::Row::try_get_unchecked::<String, _>(&row, 0).expect("a plan");
    serde_json::from_str(&plan).expect("JSON")
}

async fn execute(connection: &mut PgConnection, statements: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(statements.as_str())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{statements}: {error}"));
}

/// Every node of a plan, outer nodes first.
fn nodes(plan: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut open = vec![plan];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => {
                found.extend(fields.get("Node Type").map(|_| value));
                open.extend(fields.values());
            }
            _ => {}
        }
    }
    found
}

async fn filled() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::fresh().await;
    let mut connection = database.connect().await;
    execute(&mut connection, ROWS.to_owned()).await;
    (database, connection)
}

/// PostgreSQL plans a query for its actual values (custom plan) or for any values (generic plan).
const MODES: &[(&str, Start)] = &[
    ("force_generic_plan", Start::Newest),
    ("force_custom_plan", Start::Newest),
    ("force_custom_plan", Start::Deep),
];

#[tokio::test]
async fn no_query_scans_a_growing_table_sequentially() {
    let (_database, mut connection) = filled().await;
    // A query whether any row exists reads one. At its end, an import counts all rows once, and those
    // that it has to index.
    let exempt = [
        "SELECT EXISTS (SELECT FROM users)",
        "SELECT (SELECT count(*) FROM users)",
        "WITH last AS MATERIALIZED",
    ];
    let is_checked = |query: &Query| !exempt.iter().any(|start| query.text.starts_with(start));
    for query in queries().into_iter().filter(is_checked) {
        for mode in MODES {
            let plan = plan(&mut connection, &query, *mode, "").await;
            for node in nodes(&plan) {
                let table = node["Relation Name"].as_str().unwrap_or_default();
                let is_full_scan = node["Node Type"] == "Seq Scan" && GROWING.contains(&table);
                assert!(
                    !is_full_scan,
                    "{} ({}) scans {table} sequentially: {plan:#}",
                    query.text, mode.0
                );
            }
        }
    }
}

#[tokio::test]
async fn every_index_is_used_by_a_query() {
    let (_database, mut connection) = filled().await;
    let mut used = BTreeSet::new();
    for query in queries() {
        for mode in MODES {
            let plan = plan(&mut connection, &query, *mode, "").await;
            let names = nodes(&plan).into_iter().filter_map(|node| node["Index Name"].as_str());
            used.extend(names.map(ToOwned::to_owned));
        }
    }
    // A constraint and a unique index hold a rule, even if no query uses the index.
    let existing: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class
         WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = pg_class.oid)
           AND NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = pg_class.oid AND indisunique)",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the indexes");
    assert!(!existing.is_empty());
    let unused: Vec<_> = existing.iter().filter(|name| !used.contains(*name)).collect();
    assert!(unused.is_empty(), "no query uses {unused:?}; they use {used:?}");
}

#[tokio::test]
async fn a_timeline_query_reads_only_the_messages_of_its_page() {
    let (_database, mut connection) = filled().await;
    let timelines = queries();
    let timelines = timelines.iter().filter(|query| {
        query.text.contains("FROM messages")
            && query.text.contains("ORDER BY published_at DESC")
            && !query.text.contains("query_for_words")
    });
    let mut count = 0;
    for query in timelines {
        count += 1;
        for mode in MODES {
            let plan = plan(&mut connection, query, *mode, ", ANALYZE, TIMING off").await;
            let scans = nodes(&plan);
            let scans: Vec<_> =
                scans.iter().filter(|node| node["Relation Name"] == "messages").collect();
            assert!(!scans.is_empty(), "{plan:#}");
            // For a scan of several authors, PostgreSQL reports the rounded mean, which may be 0.
            let rows = |scan: &&&Value| scan["Actual Rows"].as_f64().expect("a number");
            assert!(scans.iter().any(|scan| rows(scan) > 0.0), "{}: {plan:#}", query.text);
            for scan in &scans {
                // At most one page per author. EXPLAIN ANALYZE executes generic plans with values, too.
                assert!(rows(scan) <= LIMIT as f64, "{}: {plan:#}", query.text);
                let removed = scan.get("Rows Removed by Filter").and_then(Value::as_f64);
                assert_eq!(removed.unwrap_or_default(), 0.0, "{}: {plan:#}", query.text);
            }
        }
    }
    assert_eq!(count, 4, "the public, the own and an author's timeline, and several authors'");
}

/// The blocks of the messages of [`ROWS`]. The oldest 40 blocks have the term "rare", but no message has it, so a search
/// scans as many blocks as it may.
const BLOCKS: &str = "
    DELETE FROM search_blocks;
    DELETE FROM search_late;
    INSERT INTO search_blocks
        SELECT '2020-02-20Z'::timestamptz + n * interval '256 minutes', n * 256,
               '2020-02-20Z'::timestamptz + (n + 1) * interval '256 minutes', (n + 1) * 256,
               to_tsvector('simple', CASE WHEN n < 40 THEN 'rare' ELSE 'common' END)
        FROM generate_series(0, 233) AS n;
    ANALYZE search_blocks;";

/// The pages of a plan's tables and indexes that the query reads.
fn pages_read(plan: &Value) -> f64 {
    let root = &plan[0]["Plan"];
    let pages = |name: &str| root[name].as_f64().expect("a number");
    pages("Shared Hit Blocks") + pages("Shared Read Blocks")
}

/// A scan of a block must start at the block: the newest messages are 50,000 rows away from it.
#[tokio::test]
async fn a_search_reads_only_the_messages_of_its_blocks() {
    let (_database, mut connection) = filled().await;
    execute(&mut connection, BLOCKS.to_owned()).await;
    let queries = queries();
    let search = queries.iter().find(|query| query.text.contains("query_for_words"));
    let text = &search.expect("the search").text;
    execute(&mut connection, "SET plan_cache_mode = force_generic_plan; SET jit = off".into())
        .await;
    execute(&mut connection, format!("DEALLOCATE ALL; PREPARE planned AS {text}")).await;
    let explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT JSON)
                   EXECUTE planned ('rare', NULL, NULL, '{}', NULL, NULL, 31, 8191, 31, 256)";
    let row = connection.fetch_one(sqlx::raw_sql(explain)).await.expect(explain);
    let plan = sqlx::Row::try_get_unchecked::<String, _>(&row, 0).expect("a plan");
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    // 31 blocks of 256 messages are on about 100 pages; each block adds a few pages of the index.
    let pages = pages_read(&plan);
    assert!((31.0..1_000.0).contains(&pages), "{pages} pages: {plan:#}");
}

/// The queries in the source: the first string of each sqlx macro.
fn texts_in_source() -> BTreeSet<String> {
    let files = source::files();
    let macros = ["query", "query_as", "query_scalar"];
    files.iter().flat_map(|file| source::macro_strings(&file.tokens, &macros)).collect()
}

#[test]
fn prepared_queries_match_the_source() {
    let prepared: BTreeSet<String> = queries().into_iter().map(|query| query.text).collect();
    let written = texts_in_source();
    let only_one: Vec<_> = prepared.symmetric_difference(&written).collect();
    assert!(only_one.is_empty(), "run `make queries`: {only_one:#?}");
    assert!(written.len() > 10, "{written:?}");
}

#[tokio::test]
async fn prepared_queries_match_the_schema() {
    let database = TestDatabase::fresh().await;
    let mut connection = database.connect().await;
    for query in queries() {
        let statement = AssertSqlSafe(query.text.as_str()).into_sql_str();
        let prepared = (&mut connection).prepare(statement).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{}: {error}", query.text));
        let Some(Either::Left(parameters)) = prepared.parameters() else {
            panic!("{}: the types of parameters are not known", query.text)
        };
        let names: Vec<String> = parameters.iter().map(|type_| type_.name().to_owned()).collect();
        assert_eq!(names, library_names(&query.parameters), "{}", query.text);
        let columns = prepared.columns().iter();
        let columns: Vec<(String, String)> = columns
            .map(|column| (column.name().to_owned(), column.type_info().name().to_owned()))
            .collect();
        let (names, types): (Vec<_>, Vec<_>) = query.columns.iter().cloned().unzip();
        let expected: Vec<_> = names.into_iter().zip(library_names(&types)).collect();
        assert_eq!(columns, expected, "{}", query.text);
    }
}

/// Converts names of types from the spelling in `.sqlx` to that of the sqlx library.
fn library_names(names: &[String]) -> Vec<String> {
    let upper = |name: &String| match name.strip_suffix("Array") {
        Some(element) => format!("{}[]", element.to_uppercase()),
        None => name.to_uppercase(),
    };
    names.iter().map(upper).collect()
}
