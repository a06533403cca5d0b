//! Posting and reading messages.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::contents;
use crate::support::{
    App,
    actors::{Simulator, encode},
};

async fn users(app: &App, names: &[&str]) -> Simulator {
    let simulator = app.simulator();
    for name in names {
        assert_eq!(simulator.register(name).await.status, 204);
    }
    simulator
}

/// Inserts alice's messages `1` to `count`, in this order.
async fn post_many(app: &App, count: i32) {
    let statement = "INSERT INTO messages (author_id, text, published_at)
                     SELECT user_id, number::text, now() - interval '1 day' + number * interval '1 s'
                     FROM users, generate_series(1, $1) AS number WHERE username = 'alice'";
    sqlx::query(statement).bind(count).execute(&app.rows).await.expect("inserted");
}

fn countdown(from: usize, count: usize) -> Vec<String> {
    (0..count).map(|index| (from - index).to_string()).collect()
}

#[tokio::test]
async fn a_message_is_posted_and_read() {
    let app = App::start().await;
    let simulator = users(&app, &["Roger Histand"]).await;
    let before = OffsetDateTime::now_utc().unix_timestamp();
    assert_eq!(simulator.tweet("Roger Histand", "hello").await.status, 204);
    let after = OffsetDateTime::now_utc().unix_timestamp();
    for path in ["/msgs", "/msgs/Roger%20Histand"] {
        let response = simulator.get(path).await;
        assert!(response.header("content-type").starts_with("application/json"), "{response:?}");
        let messages = response.json();
        let published = messages[0]["pub_date"].as_i64().expect("an integer");
        // Database and test read the same clock, truncated to seconds.
        assert!((before..=after).contains(&published), "{before} {published} {after}");
        let expected =
            json!([{"content": "hello", "pub_date": published, "user": "Roger Histand"}]);
        assert_eq!(messages, expected, "exactly these fields");
    }
}

#[tokio::test]
async fn the_date_is_in_whole_seconds_utc() {
    let app = App::start().await;
    let simulator = users(&app, &["alice"]).await;
    simulator.tweet("alice", "old").await;
    app.execute("UPDATE messages SET published_at = '2020-02-20 12:01:00.999+02'").await;
    assert_eq!(simulator.get("/msgs").await.json()[0]["pub_date"], json!(1_582_192_860));
}

#[tokio::test]
async fn messages_are_listed_newest_first() {
    let app = App::start().await;
    let simulator = users(&app, &["alice", "bob", "carol"]).await;
    for (name, text) in [("alice", "1"), ("bob", "2"), ("alice", "3"), ("bob", "4")] {
        assert_eq!(simulator.tweet(name, text).await.status, 204);
    }
    assert_eq!(contents(&simulator, "/msgs").await, ["4", "3", "2", "1"]);
    assert_eq!(contents(&simulator, "/msgs/alice").await, ["3", "1"]);
    assert_eq!(contents(&simulator, "/msgs/bob").await, ["4", "2"]);
    assert_eq!(contents(&simulator, "/msgs/carol").await, [""; 0]);
    app.execute("UPDATE messages SET published_at = '2020-02-20'").await;
    assert_eq!(
        contents(&simulator, "/msgs").await,
        ["4", "3", "2", "1"],
        "messages of one time are sorted by id"
    );
}

#[tokio::test]
async fn the_parameter_no_limits_the_number_of_messages() {
    let app = App::start().await;
    let simulator = users(&app, &["alice"]).await;
    post_many(&app, 1_100).await;
    for path in ["/msgs", "/msgs/alice"] {
        for (no, count) in [
            ("", 100),
            ("?no=0", 0),
            ("?no=1", 1),
            ("?no=20&latest=3", 20),
            ("?no=1000", 1_000),
            ("?no=1001", 1_000),
            ("?no=65536", 1_000),
            ("?no=4294967296", 1_000),
            ("?no=99999999999999999999999999", 1_000),
            ("?no=0005", 5),
        ] {
            let path = format!("{path}{no}");
            assert_eq!(contents(&simulator, &path).await, countdown(1_100, count), "{path}");
        }
    }
}

#[tokio::test]
async fn flagged_messages_never_appear() {
    let app = App::start().await;
    let simulator = users(&app, &["alice"]).await;
    post_many(&app, 9).await;
    app.execute("UPDATE messages SET flagged = true WHERE text::integer % 2 = 0").await;
    for path in ["/msgs", "/msgs/alice"] {
        assert_eq!(contents(&simulator, path).await, ["9", "7", "5", "3", "1"]);
        assert_eq!(contents(&simulator, &format!("{path}?no=2")).await, ["9", "7"]);
    }
    app.execute("UPDATE messages SET flagged = true").await;
    for path in ["/msgs", "/msgs/alice"] {
        assert_eq!(contents(&simulator, path).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    let app = App::start().await;
    let simulator = users(&app, &["alice"]).await;
    for name in
        ["nobody", "Alice", "alice%20", "alice%00", "%FF", "a%2Fb", "login", "%20", "public"]
    {
        let path = format!("/msgs/{name}");
        simulator.get(&path).await.failure(404);
        simulator.post(&path, json!({"content": "hello"})).await.failure(404);
    }
    let long = format!("/msgs/{}", "a".repeat(65));
    simulator.get(&long).await.failure(404);
    simulator.post(&long, json!({"content": "hello"})).await.failure(404);
    let text = simulator.get("/msgs/nobody").await.failure(404);
    assert!(text.contains("nobody"), "{text}");
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
}

#[tokio::test]
async fn content_has_1_to_280_code_points_and_is_not_blank() {
    let app = App::start().await;
    let simulator = users(&app, &["alice"]).await;
    for (body, rule) in [
        (json!({}), "enter a message"),
        (json!({"content": null}), "enter a message"),
        (json!({"content": ""}), "enter a message"),
        (json!({"content": " \t\r\n\u{a0}\u{2003}\u{3000}"}), "enter a message"),
        (json!({"content": "a".repeat(281)}), "280 characters"),
        (json!({"content": "🦀".repeat(281)}), "280 characters"),
        (json!({"content": "e\u{301}".repeat(141)}), "280 characters"),
        (json!({"content": " ".repeat(280) + "a"}), "280 characters"),
        (json!({"content": "a\u{0}b"}), "NUL"),
        (json!({"content": "\u{0}"}), "NUL"),
    ] {
        let text = simulator.post("/msgs/alice", body.clone()).await.failure(400);
        assert!(text.contains("content") && text.contains(rule), "{body}: {text}");
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
    for content in ["a".repeat(280), "🦀".repeat(280), "e\u{301}".repeat(140)] {
        assert_eq!(simulator.tweet("alice", &content).await.status, 204);
        assert_eq!(contents(&simulator, "/msgs?no=1").await, [content]);
    }
}

#[tokio::test]
async fn content_is_stored_byte_for_byte() {
    let app = App::start().await;
    let simulator = users(&app, &["alice"]).await;
    for content in [
        "  leading and trailing \n",
        "<script>alert(\"1\")</script> & 'quotes'",
        "e\u{301} stays decomposed, é composed",
        "\u{1}\u{7f}\u{85}\u{feff}\u{202e}\u{fffd}",
        "a\r\nb\tc\\n\\u0041",
        "'; DROP TABLE messages; -- $1 %s {{ 1 }}",
        "😀👩‍👩‍👧‍👦 مرحبا 李",
        "{\"content\": \"x\"}",
    ] {
        assert_eq!(simulator.tweet("alice", content).await.status, 204, "{content}");
        for path in ["/msgs?no=1", "/msgs/alice?no=1"] {
            assert_eq!(contents(&simulator, path).await, [content]);
        }
    }
}

#[tokio::test]
async fn the_same_text_may_be_posted_again() {
    let app = App::start().await;
    let simulator = users(&app, &["alice"]).await;
    for _ in 0..2 {
        assert_eq!(simulator.tweet("alice", "again").await.status, 204);
    }
    assert_eq!(contents(&simulator, &format!("/msgs/{}", encode("alice"))).await, ["again"; 2]);
}

#[tokio::test]
async fn a_user_without_messages_has_an_empty_list() {
    let app = App::start().await;
    let simulator = users(&app, &[]).await;
    let response = simulator.get("/msgs").await;
    assert_eq!((response.status, response.json()), (200, Value::Array(Vec::new())));
}
