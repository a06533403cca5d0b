//! Following and unfollowing.

use serde_json::json;

use super::follows;
use crate::support::{App, actors::Simulator};

async fn users(app: &App, names: &[&str]) -> Simulator {
    let simulator = app.simulator();
    for name in names {
        assert_eq!(simulator.register(name).await.status, 204);
    }
    simulator
}

#[tokio::test]
async fn followees_are_listed_oldest_first() {
    let app = App::start().await;
    let simulator = users(&app, &["alice", "bob", "carol", "dave"]).await;
    assert_eq!(follows(&simulator, "/fllws/alice").await, [""; 0]);
    for name in ["dave", "bob", "carol"] {
        let response = simulator.follow("alice", name).await;
        assert_eq!((response.status, response.body.as_str()), (204, ""));
    }
    assert_eq!(follows(&simulator, "/fllws/alice").await, ["dave", "bob", "carol"]);
    assert_eq!(simulator.unfollow("alice", "dave").await.status, 204);
    assert_eq!(simulator.follow("alice", "dave").await.status, 204);
    let response = simulator.get("/fllws/alice").await.json();
    assert_eq!(response, json!({"follows": ["bob", "carol", "dave"]}));
    assert_eq!(follows(&simulator, "/fllws/bob").await, [""; 0], "following is not mutual");
}

#[tokio::test]
async fn the_parameter_no_limits_the_number_of_followees() {
    let app = App::start().await;
    let simulator = users(&app, &["alice", "model"]).await;
    app.execute(
        "INSERT INTO users (username, email, password_hash)
         SELECT 'user' || number, email, password_hash
         FROM users, generate_series(1, 1100) AS number WHERE username = 'model';
         INSERT INTO follows (follower_id, followee_id, created_at)
         SELECT alice.user_id, users.user_id,
                '2020-01-01'::timestamptz + substr(users.username, 5)::integer * interval '1 s'
         FROM users AS alice, users WHERE alice.username = 'alice' AND users.username LIKE 'user%'",
    )
    .await;
    for (no, count) in [
        ("", 100),
        ("?no=0", 0),
        ("?no=1", 1),
        ("?latest=3&no=20", 20),
        ("?no=1001", 1_000),
        ("?no=99999999999999999999999999", 1_000),
    ] {
        let expected: Vec<_> = (1..=count).map(|number| format!("user{number}")).collect();
        assert_eq!(follows(&simulator, &format!("/fllws/alice{no}")).await, expected, "{no}");
    }
}

#[tokio::test]
async fn repeating_a_change_succeeds_and_changes_nothing() {
    let app = App::start().await;
    let simulator = users(&app, &["alice", "bob", "carol"]).await;
    let rows = "SELECT count(*) FROM follows";
    assert_eq!(simulator.unfollow("alice", "bob").await.status, 204, "never followed");
    for name in ["bob", "carol", "bob"] {
        assert_eq!(simulator.follow("alice", name).await.status, 204);
    }
    assert_eq!(
        follows(&simulator, "/fllws/alice").await,
        ["bob", "carol"],
        "the follow keeps its age"
    );
    assert_eq!(app.count(rows).await, 2);
    for _ in 0..2 {
        assert_eq!(simulator.unfollow("alice", "bob").await.status, 204);
        assert_eq!(follows(&simulator, "/fllws/alice").await, ["carol"]);
    }
}

#[tokio::test]
async fn following_oneself_is_rejected() {
    let app = App::start().await;
    let simulator = users(&app, &["alice", "Åse"]).await;
    for name in ["alice", "Åse"] {
        let text = simulator.follow(name, name).await.failure(400);
        assert!(text.contains("follow:"), "{text}");
        assert_eq!(simulator.unfollow(name, name).await.status, 204);
    }
    let decomposed = simulator.follow("Åse", "A\u{30a}se").await.failure(400);
    assert!(decomposed.contains("follow:"), "{decomposed}");
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);
}

#[tokio::test]
async fn both_or_neither_of_follow_and_unfollow_is_rejected() {
    let app = App::start().await;
    let simulator = users(&app, &["alice", "bob", "carol"]).await;
    for body in [
        json!({}),
        json!({"follow": null}),
        json!({"follow": "", "unfollow": ""}),
        json!({"follow": " \t", "unfollow": null}),
        json!({"Follow": "bob"}),
        json!({"follow": "bob", "unfollow": "bob"}),
        json!({"follow": "bob", "unfollow": "carol"}),
    ] {
        let text = simulator.post("/fllws/alice", body.clone()).await.failure(400);
        assert!(text.contains("follow") && text.contains("unfollow"), "{body}: {text}");
    }
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);
    for body in [
        json!({"follow": "bob", "unfollow": null}),
        json!({"follow": "carol", "unfollow": " "}),
        json!({"unfollow": "bob", "follow": ""}),
    ] {
        assert_eq!(simulator.post("/fllws/alice", body).await.status, 204);
    }
    assert_eq!(follows(&simulator, "/fllws/alice").await, ["carol"]);
}

#[tokio::test]
async fn a_nul_is_rejected_with_the_name_of_the_field() {
    let app = App::start().await;
    let simulator = users(&app, &["alice", "bob"]).await;
    for field in ["follow", "unfollow"] {
        let text = simulator.post("/fllws/alice", json!({field: "bob\u{0}"})).await.failure(400);
        assert!(text.starts_with(&format!("{field}: ")) && text.contains("NUL"), "{text}");
    }
}

#[tokio::test]
async fn an_unknown_follower_or_followee_is_not_found() {
    let app = App::start().await;
    let simulator = users(&app, &["alice"]).await;
    let long = "a".repeat(65);
    for name in ["nobody", "Alice", "alice ", "a/b", "..x/", &long] {
        for text in [
            simulator.follow("alice", name).await.failure(404),
            simulator.unfollow("alice", name).await.failure(404),
            simulator.follow(name, "alice").await.failure(404),
            simulator.unfollow(name, "alice").await.failure(404),
        ] {
            assert!(text.contains(name), "{text}");
        }
    }
    simulator.get("/fllws/nobody").await.failure(404);
    simulator.get(&format!("/fllws/{long}")).await.failure(404);
    simulator.get("/fllws/%FF").await.failure(404);
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);
}
