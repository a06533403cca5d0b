//! Requests that race. The database decides, whichever server they reached.

use std::time::Duration;

use futures_util::future::join_all;
use minitwit::{
    db::{Database, PoolSettings, moderation},
    domain::Username,
};
use serde_json::json;

use crate::support::{
    App,
    actors::{Answer, Browser, Simulator},
    cluster::TestDatabase,
    eventually,
    process::Serving,
};

const POOL: PoolSettings = PoolSettings {
    max_connections: 1,
    acquire_timeout: Duration::from_secs(30),
    statement_timeout: Duration::from_secs(30),
};
const TAKEN: &str = "The username is already taken";

/// Registers one name with a hundred requests at once, in turn by each of these.
async fn race_for_one_name(app: &App, simulators: &[Simulator]) {
    let racers = simulators.iter().cycle().take(100);
    let answers = join_all(racers.enumerate().map(|(number, simulator)| async move {
        let email = format!("racer{number}@example.org");
        simulator.post("/register", json!({"username": "a b", "email": email, "pwd": "x"})).await
    }))
    .await;
    let (winners, losers): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 204);
    assert_eq!(winners.len(), 1);
    assert_eq!(losers.len(), 99);
    for loser in losers {
        assert_eq!(loser.failure(400), TAKEN);
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_who_race_for_one_name_one_wins() {
    let app = App::start().await;
    race_for_one_name(&app, &[app.simulator()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_who_race_on_two_servers_one_wins() {
    let app = App::start().await;
    let replica = app.replica().await;
    let simulators = [app.simulator(), replica.simulator(), replica.simulator_at_root()];
    race_for_one_name(&app, &simulators).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_form_and_the_simulator_race_for_one_name() {
    let app = App::start().await;
    let simulator = app.simulator();
    let people: Vec<_> = (0..20).map(|_| app.anonymous()).collect();
    let form = [("username", "bob"), ("email", "a@b"), ("password", "x"), ("password2", "x")];
    let (pages, answers) = tokio::join!(
        join_all(people.iter().map(|person| person.post("/register", &form))),
        join_all((0..20).map(|_| simulator.register("bob"))),
    );
    let registered = |answer: &&Answer| matches!(answer.status, 204 | 302);
    assert_eq!(pages.iter().chain(&answers).filter(registered).count(), 1);
    for page in pages.iter().filter(|page| page.status != 302) {
        assert_eq!(page.status, 200);
        page.says(TAKEN);
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

/// Waits until some statement waits for a lock.
async fn somebody_waits(app: &App) {
    eventually("a wait for a lock", || async {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        (app.count(waiting).await > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_with_the_old_password_waits_for_the_new_one_and_fails() {
    let app = App::start().await;
    let (browser, client) = (app.anonymous(), app.api());
    browser.sign_up("alice").await;
    let mut change = app.rows.begin().await.expect("begun");
    let new = "UPDATE users SET password_hash = $1";
    let hash = bcrypt::hash("safer", 4).expect("a hash");
    sqlx::query(new).bind(hash).execute(&mut *change).await.expect(new);
    let (page, answer, ()) =
        tokio::join!(browser.sign_in("alice"), client.make_token("alice", "secret"), async {
            somebody_waits(&app).await;
            change.commit().await.expect("committed");
        });
    page.says("Invalid password");
    answer.problem(401);
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM api_tokens").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_waits_for_a_sign_in_with_the_old_one_and_ends_its_session() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let mut sign_in = app.rows.begin().await.expect("begun");
    // As signing in does.
    let session = "INSERT INTO sessions (token_hash, user_id, expires_at)
                   SELECT sha256('thief'), user_id, now() + interval '1 day' FROM users FOR SHARE";
    sqlx::query(session).execute(&mut *sign_in).await.expect(session);
    let form = [("current", "secret"), ("new", "safer"), ("repeated", "safer")];
    let (answer, ()) = tokio::join!(alice.post("/settings/password", &form), async {
        somebody_waits(&app).await;
        sign_in.commit().await.expect("committed");
    });
    assert_eq!(answer.status, 302);
    let thieves = "SELECT count(*) FROM sessions WHERE token_hash = sha256('thief')";
    assert_eq!(app.count(thieves).await, 0);
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
    assert_eq!(alice.get("/").await.status, 200);
}

/// Its session would be good again as soon as the user is enabled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_disabled_while_signing_in_has_no_session() {
    let app = App::start().await;
    app.signed_in("alice").await;
    let mut sign_in = app.rows.begin().await.expect("begun");
    let session = "INSERT INTO sessions (token_hash, user_id, expires_at)
                   SELECT sha256('late'), user_id, now() + interval '1 day' FROM users FOR SHARE";
    sqlx::query(session).execute(&mut *sign_in).await.expect(session);
    let alice = Username::parse("alice").expect("a name");
    let database = Database::new(app.database.options(), &POOL);
    let (disabled, ()) = tokio::join!(moderation::disable(&database, &alice), async {
        somebody_waits(&app).await;
        sign_in.commit().await.expect("committed");
    });
    assert!(disabled.expect("no error"));
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn follows_and_unfollows_that_race_never_fail() {
    let app = App::start().await;
    let replica = app.replica().await;
    let simulators = [app.simulator(), replica.simulator()];
    for name in ["alice", "bob"] {
        simulators[0].register(name).await;
    }
    let answers = join_all((0..100).map(|number| {
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
    for answer in answers {
        assert_eq!(answer.status, 204, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn follows_that_race_leave_one_row() {
    let app = App::start().await;
    let replica = app.replica().await;
    let simulators = [app.simulator(), replica.simulator()];
    for name in ["alice", "bob"] {
        simulators[0].register(name).await;
    }
    let answers =
        join_all((0..60).map(|number| simulators[number % 2].follow("alice", "bob"))).await;
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_race_are_all_kept() {
    let app = App::start().await;
    let replica = app.replica().await;
    let simulators = [app.simulator(), replica.simulator()];
    simulators[0].register("alice").await;
    let texts: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    let answers = join_all(
        texts.iter().enumerate().map(|(number, text)| simulators[number % 2].tweet("alice", text)),
    )
    .await;
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
    assert_eq!(app.count("SELECT count(DISTINCT text) FROM messages").await, 100);
}

/// The trigger refuses one row, as a broken constraint would.
#[tokio::test]
async fn a_message_that_the_database_refuses_fails_alone() {
    let database = TestDatabase::fresh().await;
    // A process of its own: the gauge of requests in flight counts those of all tests in this one.
    let serving = Serving::start(&["--database-url", &database.url()]);
    let browser = Browser::new(serving.base.clone());
    let simulator = Simulator::new(format!("{}/sim", serving.base));
    simulator.register("ann").await;
    let mut connection = database.connect().await;
    sqlx::raw_sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'not this one'; END $$;
         CREATE TRIGGER refused BEFORE INSERT ON messages
             FOR EACH ROW WHEN (NEW.text = 'poison') EXECUTE FUNCTION refuse()",
    )
    .execute(&mut connection)
    .await
    .expect("created");
    let lock = database.lock("messages").await;
    let mut posts = Vec::new();
    for (number, text) in (1..).zip(["one", "two", "three", "poison", "four"]) {
        let simulator = simulator.clone();
        posts.push(tokio::spawn(async move { simulator.tweet("ann", text).await.status }));
        // Two posts have a statement each; the others share the next.
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
