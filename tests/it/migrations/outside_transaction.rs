//! Migrations that run outside a transaction: concurrent starts, crashes, and requests during the build of an index.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use minitwit::db::migrations::{self, MigrationSet};

use super::{execute, versions};
use crate::support::{App, cluster::TestDatabase};

const TWO_INDEXES: &str = "-- minitwit:no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS first_idx ON messages (published_at);
COMMENT ON INDEX first_idx IS 'A comment.';
CREATE INDEX CONCURRENTLY IF NOT EXISTS second_idx ON users (created_at);
";

/// The migrations of this program and two later ones, such as the next release could add.
async fn next_release() -> (MigrationSet, [String; 2]) {
    let last = *versions().await.last().expect("a version");
    let names = [format!("V{}__indexes", last + 1), format!("V{}__column", last + 2)];
    let set = MigrationSet::embedded()
        .with(&names[0], TWO_INDEXES)
        .and_then(|set| set.with(&names[1], "ALTER TABLE users ADD COLUMN pronouns text"));
    (set.expect("names"), names)
}

/// The name, the object id and the validity of each of the two indexes.
async fn indexes(database: &TestDatabase) -> Vec<(String, i64, bool)> {
    let query = "SELECT relname::text, oid::bigint, indisvalid
                 FROM pg_class JOIN pg_index ON indexrelid = oid
                 WHERE relname IN ('first_idx', 'second_idx') ORDER BY relname";
    sqlx::query_as(query).fetch_all(&mut database.connect().await).await.expect(query)
}

async fn apply_to(database: &TestDatabase, set: &MigrationSet) -> Result<Vec<String>, String> {
    let mut connection = migrations::connect(&database.options()).await.expect("connected");
    set.apply(&mut connection, None).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn replicas_that_start_during_an_index_build_wait_for_it() {
    let database = TestDatabase::fresh().await;
    let (set, names) = next_release().await;
    // The build waits for this transaction.
    let writer = database.hold("LOCK TABLE messages IN ROW EXCLUSIVE MODE").await;
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let (database, set) = (database.clone(), set.clone());
            tokio::spawn(async move { apply_to(&database, &set).await })
        })
        .collect();
    database.waiting_statements(1).await;
    migrating_connections(&database, 4).await;
    // Longer than `deadlock_timeout`, and longer than the lock time-out of migrations in a transaction.
    let long_wait = "bool_or(wait_event_type = 'Lock'
                             AND clock_timestamp() - query_start > interval '1200 ms')";
    database.wait_for_backends(&format!("COALESCE({long_wait}, false)")).await;
    writer.release().await;
    let mut applied = Vec::new();
    for replica in starting {
        applied.extend(replica.await.expect("no panic").expect("applied"));
    }
    assert_eq!(applied, names, "each is applied once, in order");
    assert!(indexes(&database).await.iter().all(|(_, _, valid)| *valid));
}

/// Waits until `count` connections of migrating programs are open.
pub(super) async fn migrating_connections(database: &TestDatabase, count: i64) {
    let condition =
        format!("count(*) FILTER (WHERE application_name = 'minitwit migrate') >= {count}");
    database.wait_for_backends(&condition).await;
}

/// Applies the set while a transaction on `table` blocks the build, and kills the backend that builds.
async fn crash(database: &TestDatabase, set: &MigrationSet, table: &str) {
    let writer = database.hold(&format!("LOCK TABLE {table} IN ROW EXCLUSIVE MODE")).await;
    let migrating = tokio::spawn({
        let (database, set) = (database.clone(), set.clone());
        async move { apply_to(&database, &set).await }
    });
    database.waiting_statements(1).await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
    execute(&mut database.connect().await, kill).await;
    migrating.await.expect("no panic").expect_err("the backend was killed");
    writer.release().await;
}

#[tokio::test]
async fn an_interrupted_index_build_is_repeated() {
    let database = TestDatabase::fresh().await;
    let (set, names) = next_release().await;
    crash(&database, &set, "messages").await;
    let [(name, first, valid)] = &indexes(&database).await[..] else { panic!("one index") };
    assert_eq!((name.as_str(), *valid), ("first_idx", false));

    crash(&database, &set, "users").await;
    let [(_, repeated, true), (_, second, false)] = indexes(&database).await[..] else {
        panic!("{:?}", indexes(&database).await)
    };
    assert_ne!(repeated, *first, "the invalid index was dropped");
    assert!(set.check(&mut database.connect().await).await.is_err(), "pending");

    assert_eq!(apply_to(&database, &set).await, Ok(names.to_vec()));
    let [(_, kept, true), (_, rebuilt, true)] = indexes(&database).await[..] else {
        panic!("{:?}", indexes(&database).await)
    };
    assert_eq!(kept, repeated, "a finished index is not built again");
    assert_ne!(rebuilt, second);
    set.check(&mut database.connect().await).await.expect("applied");
    assert_eq!(apply_to(&database, &set).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_statement_without_concurrently_does_not_block_requests() {
    let database = TestDatabase::fresh().await;
    let last = *versions().await.last().expect("a version");
    let name = format!("V{}__column", last + 1);
    let statement =
        "-- minitwit:no-transaction\nALTER TABLE users ADD COLUMN IF NOT EXISTS pronouns text;\n";
    let set = MigrationSet::embedded().with(&name, statement).expect("a name");
    let reader = database.hold("LOCK TABLE users IN ACCESS SHARE MODE").await;
    let migrating = tokio::spawn({
        let database = database.clone();
        async move { apply_to(&database, &set).await }
    });
    database.waiting_statements(1).await;
    let mut other = database.connect().await;
    execute(&mut other, "SET lock_timeout = '500ms'; SELECT count(*) FROM users").await;
    reader.release().await;
    assert_eq!(migrating.await.expect("no panic"), Ok(vec![name]));
}

/// 300,000 messages. They are flagged, because the indexes of timelines and search omit flagged messages: this saves time.
const MANY_MESSAGES: &str = "
    SET session_replication_role = replica;
    INSERT INTO messages (author_id, text, flagged)
    SELECT 1, 'message ' || n || ' of #many', true FROM generate_series(1, 300000) AS n;
    SET session_replication_role = origin;";

/// An index that takes PostgreSQL seconds to build.
const SLOW_INDEX: &str = "-- minitwit:no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS slow_idx ON messages USING gin (to_tsvector('simple', text));
";

const TIMEOUT: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_an_index_of_300_000_messages_is_built() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        settings.pool.statement_timeout = TIMEOUT;
        let lock_timeout = [("lock_timeout", TIMEOUT.as_millis().to_string())];
        settings.database = settings.database.clone().options(lock_timeout);
    })
    .await;
    app.simulator().register("ann").await;
    execute(&mut app.database.connect().await, MANY_MESSAGES).await;
    let last = *versions().await.last().expect("a version");
    let set = MigrationSet::embedded().with(&format!("V{}__slow", last + 1), SLOW_INDEX);

    let (building, requests) = (AtomicBool::new(true), AtomicUsize::new(0));
    let build = async {
        let applied = apply_to(&app.database, &set.expect("a name")).await;
        building.store(false, Ordering::Relaxed);
        assert_eq!(applied.map(|applied| applied.len()), Ok(1));
    };
    let use_server = async || {
        let (simulator, browser) = (app.simulator(), app.anonymous());
        while building.load(Ordering::Relaxed) {
            let posted = simulator.tweet("ann", "during the build").await;
            assert_eq!(posted.status, 204, "{posted:?}");
            let page = browser.get("/public").await;
            assert_eq!(page.status, 200, "{page:?}");
            requests.fetch_add(2, Ordering::Relaxed);
        }
    };
    tokio::join!(build, use_server(), use_server());

    let requests = requests.load(Ordering::Relaxed);
    assert!(requests >= 100, "only {requests} requests during the build");
    let valid = "SELECT count(*) FROM pg_index
                 WHERE indexrelid = 'slow_idx'::regclass AND indisvalid";
    assert_eq!(app.count(valid).await, 1);
    let posts = "SELECT count(*) FROM messages WHERE text = 'during the build'";
    let posts = usize::try_from(app.count(posts).await).expect("a number");
    assert_eq!(posts, requests / 2);
    app.stop().await;
}
