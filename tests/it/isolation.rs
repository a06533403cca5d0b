//! Costly or anonymous requests do not delay the simulator's commands and sign-ins: each class of reads
//! has its own connections and queue, and each kind of password its own queue.

use futures_util::future::join_all;
use minitwit::db::ReadBounds;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{
    App,
    actors::{Simulator, TestResponse},
    cluster::TestDatabase,
    eventually,
};

/// The reads of one class, which wait for the advisory lock 7 after `block`.
struct Class {
    block: &'static str,
    paths: &'static [&'static str],
    /// A read of another class.
    other: &'static str,
}

const SEARCH: Class = Class {
    block:
        "CREATE OR REPLACE FUNCTION query_for_words(text) RETURNS tsquery LANGUAGE plpgsql STRICT
            AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END'",
    paths: &["/api/v1/search?q=hello", "/search?q=hello"],
    other: "/api/v1/users/ann/messages",
};

const TIMELINES: Class = Class {
    block: "CREATE OR REPLACE FUNCTION counts_of(counted_user bigint)
            RETURNS TABLE (messages bigint, followers bigint, following bigint) LANGUAGE plpgsql
            AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(7);
                      RETURN QUERY SELECT 0::bigint, 0::bigint, 0::bigint; END'",
    paths: &["/api/v1/users/ann/messages", "/ann", "/ann.atom"],
    other: "/api/v1/users",
};

const LISTS: Class = Class {
    block: "ALTER TABLE follows RENAME TO all_follows;
            CREATE FUNCTION visible_follows() RETURNS SETOF all_follows LANGUAGE plpgsql
            AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(7);
                      RETURN QUERY SELECT * FROM all_follows; END';
            CREATE VIEW follows AS SELECT * FROM visible_follows()",
    paths: &["/api/v1/users/ann/followers", "/ann/followers", "/ann/following"],
    other: "/api/v1/search?q=hello",
};

/// A server where one read of each class runs at once and another one waits.
async fn narrow() -> App {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        let reads = &mut settings.pool.reads;
        for bounds in [&mut reads.search, &mut reads.timelines, &mut reads.lists] {
            *bounds = ReadBounds { connections: Some(1), queue: 1, ..*bounds };
        }
    })
    .await;
    let simulator = app.simulator();
    simulator.register("ann").await;
    simulator.register("bob").await;
    simulator.tweet("ann", "hello").await;
    app
}

fn get(app: &App, path: &str) -> JoinHandle<TestResponse> {
    let request = app.anonymous().request(Method::GET, path);
    tokio::spawn(TestResponse::of(request))
}

/// Waits until all but `pending` of these are answered. Returns the answers and the others.
async fn all_but(
    pending: usize,
    requests: Vec<JoinHandle<TestResponse>>,
) -> (Vec<TestResponse>, Vec<JoinHandle<TestResponse>>) {
    let expected = requests.len() - pending;
    eventually("the others are rejected", || async {
        (requests.iter().filter(|it| it.is_finished()).count() == expected).then_some(())
    })
    .await;
    let (rejected, waiting): (Vec<_>, Vec<_>) =
        requests.into_iter().partition(JoinHandle::is_finished);
    let rejected = join_all(rejected).await.into_iter();
    (rejected.map(|it| it.expect("no panic")).collect(), waiting)
}

#[track_caller]
fn assert_rejected(response: &TestResponse) {
    assert_eq!(response.status, 503, "{response:?}");
    let seconds: u32 = response.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
}

/// What must work whatever reads wait. Each command has its own user, so that it can be repeated.
async fn assert_commands_work(app: &App, simulator: &Simulator) {
    assert_eq!(simulator.register("carol").await.status, 204);
    assert_eq!(simulator.tweet("carol", "hello").await.status, 204);
    assert_eq!(simulator.get("/msgs?latest=9").await.status, 200);
    assert_eq!(simulator.get("/msgs/carol").await.status, 200);
    assert_eq!(simulator.latest().await, 9);
    let form = [("username", "carol"), ("password", "secret")];
    assert_eq!(app.anonymous().post("/login", &form).await.status, 302);
    assert_eq!(app.anonymous().get("/public").await.status, 200);
    assert_eq!(app.api().get("/messages/1").await.status, 200);
}

async fn assert_isolated(class: Class) {
    let app = narrow().await;
    app.execute(class.block).await;
    let lock = app.database.hold("SELECT pg_advisory_xact_lock(7)").await;
    let requests = (0..12).map(|number| get(&app, class.paths[number % class.paths.len()]));
    // One runs and one waits.
    let (rejected, waiting) = all_but(2, requests.collect()).await;
    rejected.iter().for_each(assert_rejected);
    app.database.waiting_statements(1).await;

    assert_commands_work(&app, &app.simulator()).await;
    assert_eq!(get(&app, class.other).await.expect("no panic").status, 200, "{}", class.other);
    lock.release().await;
    for request in waiting {
        assert_eq!(request.await.expect("no panic").status, 200);
    }
    assert_eq!(get(&app, class.paths[0]).await.expect("no panic").status, 200);
    app.stop().await;
}

#[tokio::test]
async fn searches_above_their_bound_get_503_and_delay_nothing_else() {
    assert_isolated(SEARCH).await;
}

#[tokio::test]
async fn timelines_above_their_bound_get_503_and_delay_nothing_else() {
    assert_isolated(TIMELINES).await;
}

#[tokio::test]
async fn lists_above_their_bound_get_503_and_delay_nothing_else() {
    assert_isolated(LISTS).await;
}

#[tokio::test]
async fn look_ups_leave_connections_for_commands() {
    let app = narrow().await;
    app.execute(TIMELINES.block).await;
    let lock = app.database.hold("SELECT pg_advisory_xact_lock(7)").await;
    // Profiles read counts, too, one by one.
    let profiles: Vec<_> = (0..40).map(|_| get(&app, "/api/v1/users/ann")).collect();
    // 16 connections, less a quarter for the simulator's reads and three for other reads; half of nine.
    app.database.waiting_statements(5).await;
    let simulator = app.simulator();
    assert_eq!(simulator.register("carol").await.status, 204);
    assert_eq!(simulator.tweet("carol", "hello").await.status, 204);
    assert_eq!(simulator.follow("carol", "ann").await.status, 204);
    lock.release().await;
    for profile in profiles {
        assert_eq!(profile.await.expect("no panic").status, 200);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_read_above_its_time_out_gets_503_and_leaves_its_connection() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        let search = &mut settings.pool.reads.search;
        search.connections = Some(1);
        search.statement_timeout = std::time::Duration::from_millis(200);
    })
    .await;
    app.execute(SEARCH.block).await;
    let lock = app.database.hold("SELECT pg_advisory_xact_lock(7)").await;
    assert_rejected(&get(&app, SEARCH.paths[0]).await.expect("no panic"));
    // The time-out of searches is not that of commands.
    app.database.waiting_statements(0).await;
    lock.release().await;
    assert_eq!(get(&app, SEARCH.paths[0]).await.expect("no panic").status, 200);
    app.stop().await;
}

#[tokio::test]
async fn anonymous_sign_ups_do_not_displace_registrations_by_the_simulator() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        (settings.service.passwords.workers, settings.service.passwords.queue) = (1, 2);
    })
    .await;
    // A registration keeps its worker until its row is inserted, which this lock prevents.
    let lock = app.database.lock_against_writes("users").await;
    let sign_up = |number: usize| {
        let user = json!({"username": format!("guest {number}"), "email": "a@b", "password": "x"});
        tokio::spawn(TestResponse::of(app.api().request(Method::POST, "/users").json(&user)))
    };
    // One is hashed and two wait.
    let (rejected, waiting) = all_but(3, (0..12).map(sign_up).collect()).await;
    rejected.iter().for_each(assert_rejected);
    let register = |number: usize| {
        let (simulator, name) = (app.simulator(), format!("user {number}"));
        tokio::spawn(async move { simulator.register(&name).await })
    };
    let registering: Vec<_> = (0..2).map(register).collect();
    lock.release().await;
    for request in registering {
        assert_eq!(request.await.expect("no panic").status, 204);
    }
    for request in waiting {
        assert_eq!(request.await.expect("no panic").status, 201);
    }
    app.stop().await;
}
