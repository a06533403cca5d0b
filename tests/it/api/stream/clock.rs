//! A clock that steps back: messages that are posted later still come later, on pages and in streams.
//!
//! A message with a time in the future stands for one that was posted before the step.

use serde_json::json;

use super::stream_request;
use crate::support::{App, actors::field, stream::Stream};

/// As if the clock had stepped back by an hour since the last message was posted.
const STEP_BACK: &str = "UPDATE messages SET published_at = published_at + interval '1 hour'";

async fn public_texts(app: &App) -> Vec<String> {
    field(&app.api().get("/messages?limit=100").await.items(), "text")
}

#[tokio::test]
async fn messages_after_a_step_come_later_than_those_before_it() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let browser = app.signed_in("bob").await;
    app.simulator().tweet("ann", "before").await;
    app.execute(STEP_BACK).await;

    app.simulator().tweet("ann", "simulator").await;
    ann.post("/messages", json!({"text": "api"})).await;
    let key = ann.request(reqwest::Method::POST, "/messages").header("Idempotency-Key", "a-key");
    assert_eq!(key.json(&json!({"text": "with a key"})).send().await.expect("sent").status(), 201);
    browser.say("form").await;
    let expected = ["form", "with a key", "api", "simulator", "before"];
    assert_eq!(public_texts(&app).await, expected);
    let distinct = app.count("SELECT count(DISTINCT published_at) FROM messages").await;
    assert_eq!(distinct, 5, "no two statements share a time");
}

#[tokio::test]
async fn streams_send_messages_after_a_step_at_once_and_on_every_replica() {
    let app = App::start().await;
    let replica = app.replica().await;
    app.api_user("ann").await;
    let (mut stream, _) = Stream::open(stream_request(&app.api(), "")).await;
    app.simulator().tweet("ann", "before").await;
    assert_eq!(stream.text().await, "before");
    app.execute(STEP_BACK).await;
    // The step moved this message behind the position of the stream.
    assert_eq!(stream.text().await, "before");
    for text in ["one", "two", "three"] {
        app.simulator().tweet("ann", text).await;
        replica.simulator().tweet("ann", &format!("{text} on the replica")).await;
        assert_eq!(stream.text().await, text);
        assert_eq!(stream.text().await, format!("{text} on the replica"));
    }
}

/// As if the clock had stepped back by an hour after the servers polled, and before the next message.
const STEP_BACK_WITHOUT_MESSAGE: &str = "
    CREATE OR REPLACE FUNCTION publication_time() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        PERFORM pg_current_xact_id();
        RETURN GREATEST(clock_timestamp() - interval '1 hour',
                        latest_publication() + interval '1 microsecond');
    END $$";

#[tokio::test]
async fn streams_send_the_first_message_after_a_step_that_no_message_preceded() {
    for earlier in ["", "UPDATE messages SET published_at = published_at - interval '2 hours'"] {
        let app = App::start().await;
        let replica = app.replica().await;
        app.api_user("ann").await;
        if !earlier.is_empty() {
            app.simulator().tweet("ann", "earlier").await;
            app.execute(earlier).await;
        }
        let (mut stream, begin) = Stream::open(stream_request(&app.api(), "")).await;
        app.execute(STEP_BACK_WITHOUT_MESSAGE).await;
        app.simulator().tweet("ann", "one").await;
        replica.simulator().tweet("ann", "two").await;
        assert_eq!([stream.text().await, stream.text().await], ["one", "two"], "{earlier}");
        let resumed = stream_request(&replica.api(), "").header("Last-Event-ID", begin);
        let (mut resumed, _) = Stream::open(resumed).await;
        assert_eq!([resumed.text().await, resumed.text().await], ["one", "two"], "{earlier}");
    }
}

#[tokio::test]
async fn the_removal_of_the_latest_message_does_not_take_the_time_back() {
    for removal in [
        "DELETE FROM messages",
        "UPDATE messages SET flagged = true",
        "DELETE FROM users WHERE username = 'ann'",
    ] {
        let app = App::start().await;
        app.api_user("ann").await;
        let bob = app.api_user("bob").await;
        let (mut stream, _) = Stream::open(stream_request(&app.api(), "")).await;
        app.simulator().tweet("ann", "before").await;
        assert_eq!(stream.text().await, "before");
        app.execute(STEP_BACK).await;
        assert_eq!(stream.text().await, "before");
        app.execute(removal).await;
        bob.post("/messages", json!({"text": "after"})).await;
        assert_eq!(stream.text().await, "after", "{removal}");
        let future = "SELECT count(*) FROM messages WHERE text = 'after'
                      AND published_at > now() + interval '59 minutes'";
        assert_eq!(app.count(future).await, 1, "{removal}");
    }
}
