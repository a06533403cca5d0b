//! Concurrent requests for the same row, on one replica or two: the database serializes them.

use std::time::Duration;

use futures_util::future::join_all;
use minitwit::{
    db::{Database, PoolSettings, ReadSettings, users::moderation},
    domain::Username,
};
use serde_json::json;

use crate::support::{
    App,
    actors::{Browser, Simulator, TestResponse},
    cluster::TestDatabase,
    eventually,
    process::ServerProcess,
};

const POOL: PoolSettings = PoolSettings {
    max_connections: 1,
    acquire_timeout: Duration::from_secs(30),
    statement_timeout: Duration::from_secs(30),
    reads: ReadSettings::with_timeout(Duration::from_secs(30)),
};
const USERNAME_TAKEN: &str = "The username is already taken";

/// Registers one username with a hundred concurrent requests, spread over the simulators.
async fn register_one_username(app: &App, simulators: &[Simulator]) {
    let clients = simulators.iter().cycle().take(100);
    let responses = join_all(clients.enumerate().map(|(number, simulator)| async move {
        let email = format!("user{number}@example.org");
        simulator.post("/register", json!({"username": "a b", "email": email, "pwd": "x"})).await
    }))
    .await;
    let (accepted, rejected): (Vec<_>, Vec<_>) =
        responses.into_iter().partition(|response| response.status == 204);
    assert_eq!(accepted.len(), 1);
    assert_eq!(rejected.len(), 99);
    for response in rejected {
        assert_eq!(response.failure(400), USERNAME_TAKEN);
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_a_hundred_concurrent_registrations_of_a_username_succeeds() {
    let app = App::start().await;
    register_one_username(&app, &[app.simulator()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_a_hundred_registrations_on_two_replicas_succeeds() {
    let app = App::start().await;
    let replica = app.replica().await;
    let simulators = [app.simulator(), replica.simulator(), replica.simulator_at_root()];
    register_one_username(&app, &simulators).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_concurrent_registrations_by_form_and_simulator_succeeds() {
    let app = App::start().await;
    let simulator = app.simulator();
    let browsers: Vec<_> = (0..20).map(|_| app.anonymous()).collect();
    let form = [("username", "bob"), ("email", "a@b"), ("password", "x"), ("password2", "x")];
    let (pages, responses) = tokio::join!(
        join_all(browsers.iter().map(|browser| browser.post("/register", &form))),
        join_all((0..20).map(|_| simulator.register("bob"))),
    );
    let registered = |response: &&TestResponse| matches!(response.status, 204 | 302);
    assert_eq!(pages.iter().chain(&responses).filter(registered).count(), 1);
    for page in pages.iter().filter(|page| page.status != 302) {
        assert_eq!(page.status, 200);
        page.says(USERNAME_TAKEN);
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

/// Waits until a statement waits for a lock.
async fn wait_for_lock_wait(app: &App) {
    app.database.wait_for_backends("COALESCE(bool_or(wait_event_type = 'Lock'), false)").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_with_the_old_password_fails_during_a_change_of_the_password() {
    let app = App::start().await;
    let (browser, client) = (app.anonymous(), app.api());
    browser.sign_up("alice").await;
    let mut change = app.rows.begin().await.expect("begun");
    let new = "UPDATE users SET password_hash = $1";
    let hash = bcrypt::hash("safer", 4).expect("a hash");
    sqlx::query(new).bind(hash).execute(&mut *change).await.expect(new);
    let (page, response, ()) =
        tokio::join!(browser.sign_in("alice"), client.make_token("alice", "secret"), async {
            wait_for_lock_wait(&app).await;
            change.commit().await.expect("committed");
        });
    page.says("Invalid password");
    response.problem(401);
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM api_tokens").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_password_ends_the_session_of_a_concurrent_sign_in() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let mut sign_in = app.rows.begin().await.expect("begun");
    // A sign-in inserts a session and locks the row of its user, as this statement does.
    let session = "INSERT INTO sessions (token_hash, user_id, expires_at)
                   SELECT sha256('other'), user_id, now() + interval '1 day' FROM users FOR SHARE";
    sqlx::query(session).execute(&mut *sign_in).await.expect(session);
    let form = [("current", "secret"), ("new", "safer"), ("repeated", "safer")];
    let (response, ()) = tokio::join!(alice.post("/settings/password", &form), async {
        wait_for_lock_wait(&app).await;
        sign_in.commit().await.expect("committed");
    });
    assert_eq!(response.status, 302);
    let other = "SELECT count(*) FROM sessions WHERE token_hash = sha256('other')";
    assert_eq!(app.count(other).await, 0);
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
    assert_eq!(alice.get("/").await.status, 200);
}

/// The session of that sign-in would otherwise become valid when the account is enabled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling_an_account_ends_the_session_of_a_concurrent_sign_in() {
    let app = App::start().await;
    app.signed_in("alice").await;
    let mut sign_in = app.rows.begin().await.expect("begun");
    let session = "INSERT INTO sessions (token_hash, user_id, expires_at)
                   SELECT sha256('other'), user_id, now() + interval '1 day' FROM users FOR SHARE";
    sqlx::query(session).execute(&mut *sign_in).await.expect(session);
    let alice = Username::parse("alice").expect("a name");
    let database = Database::new(app.database.options(), &POOL);
    let (disabled, ()) = tokio::join!(moderation::disable(&database, &alice), async {
        wait_for_lock_wait(&app).await;
        sign_in.commit().await.expect("committed");
    });
    assert!(disabled.expect("no error"));
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_follows_and_unfollows_never_fail() {
    let app = App::start().await;
    let replica = app.replica().await;
    let simulators = [app.simulator(), replica.simulator()];
    for name in ["alice", "bob"] {
        simulators[0].register(name).await;
    }
    let responses = join_all((0..100).map(|number| {
        let simulator = &simulators[number % 2];
        async move {
            match number % 3 {
                0 => simulator.unfollow("alice", "bob").await,
                1 => simulator.follow("alice", "bob").await,
                _ => simulator.follow("bob", "alice").await,
            }
        }
    }))
    .await;
    for response in responses {
        assert_eq!(response.status, 204, "{response:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_follows_insert_one_row() {
    let app = App::start().await;
    let replica = app.replica().await;
    let simulators = [app.simulator(), replica.simulator()];
    for name in ["alice", "bob"] {
        simulators[0].register(name).await;
    }
    let responses =
        join_all((0..60).map(|number| simulators[number % 2].follow("alice", "bob"))).await;
    assert!(responses.iter().all(|response| response.status == 204), "{responses:?}");
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_messages_are_all_kept() {
    let app = App::start().await;
    let replica = app.replica().await;
    let simulators = [app.simulator(), replica.simulator()];
    simulators[0].register("alice").await;
    let texts: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    let responses = join_all(
        texts.iter().enumerate().map(|(number, text)| simulators[number % 2].tweet("alice", text)),
    )
    .await;
    assert!(responses.iter().all(|response| response.status == 204), "{responses:?}");
    assert_eq!(app.count("SELECT count(DISTINCT text) FROM messages").await, 100);
}

/// A trigger rejects one row, as a violated constraint would.
#[tokio::test]
async fn a_message_that_the_database_rejects_does_not_fail_its_batch() {
    let database = TestDatabase::fresh().await;
    // In this process, the gauge of requests in flight would count the requests of other tests.
    let server = ServerProcess::start(&["--database-url", &database.url()]);
    let browser = Browser::new(server.base.clone());
    let simulator = Simulator::new(format!("{}/sim", server.base));
    simulator.register("ann").await;
    let mut connection = database.connect().await;
    sqlx::raw_sql(
        "CREATE FUNCTION reject() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'rejected'; END $$;
         CREATE TRIGGER rejected BEFORE INSERT ON messages
             FOR EACH ROW WHEN (NEW.text = 'invalid') EXECUTE FUNCTION reject()",
    )
    .execute(&mut connection)
    .await
    .expect("created");
    // Not against reads: the search index reads messages in the background, and must not count as waiting.
    let lock = database.lock_against_writes("messages").await;
    let mut posts = Vec::new();
    for (number, text) in (1..).zip(["one", "two", "three", "invalid", "four"]) {
        let simulator = simulator.clone();
        posts.push(tokio::spawn(async move { simulator.tweet("ann", text).await.status }));
        // The first two posts have a statement each. The others wait for them, and then share one.
        database.waiting_statements(number.min(2)).await;
        eventually("all posts in flight", async || {
            let metrics = browser.get("/metrics").await.body;
            // The request for the metrics is in flight, too.
            let expected = format!("minitwit_http_requests_in_flight {}", number + 1);
            metrics.lines().any(|line| line == expected).then_some(())
        })
        .await;
    }
    lock.release().await;
    let statuses = join_all(posts).await.into_iter().map(|status| status.expect("no panic"));
    assert_eq!(statuses.collect::<Vec<_>>(), [204, 204, 204, 500, 204]);
    let counts: (i64, i64) = sqlx::query_as("SELECT count(DISTINCT text), count(*) FROM messages")
        .fetch_one(&mut connection)
        .await
        .expect("counted");
    assert_eq!(counts, (4, 4));
}
