//! Single messages and lists of messages.

use serde_json::{Value, json};

use crate::support::{
    App,
    actors::{ApiClient, TestResponse, field},
};

async fn post(client: &ApiClient, text: &str) -> Value {
    let response = client.post("/messages", json!({ "text": text })).await;
    assert_eq!(response.status, 201, "{response:?}");
    response.json()
}

fn path(message: &Value) -> String {
    format!("/messages/{}", message["id"])
}

#[track_caller]
fn body(response: &TestResponse) -> Value {
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

#[tokio::test]
async fn a_posted_message_is_found_at_its_location() {
    let app = App::start().await;
    let ann = app.api_user("Ann B").await;
    let response = ann.post("/messages", json!({"text": " <b>hello</b> 🦀\n"})).await;
    assert_eq!(response.status, 201, "{response:?}");
    let message = response.json();
    assert_eq!(message["author"], "Ann B");
    assert_eq!(message["text"], " <b>hello</b> 🦀\n");
    assert_eq!(message["edited_at"], Value::Null);
    assert_eq!(response.header("location"), format!("/api/v1{}", path(&message)));
    assert_eq!(body(&app.api().get(&path(&message)).await), message);
    app.anonymous().get("/public").await.says("&lt;b&gt;hello&lt;/b&gt; 🦀");
}

#[tokio::test]
async fn an_invalid_message_is_rejected_with_all_errors() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    for body in
        [json!({}), json!({"text": " \n"}), json!({"text": "é".repeat(281)}), json!({"text": 7})]
    {
        assert_eq!(ann.post("/messages", body).await.rejected_fields(422), ["text"]);
    }
    for key in [&b"a b"[..], b"", "é".as_bytes(), b"\xff"] {
        let request = ann.request(reqwest::Method::POST, "/messages").json(&json!({"text": ""}));
        let response = TestResponse::of(request.header("Idempotency-Key", key)).await;
        assert_eq!(response.rejected_fields(422), ["text", "Idempotency-Key"], "{key:?}");
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
}

#[tokio::test]
async fn only_the_author_can_edit_a_message() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    let first = post(&ann, "helo").await;
    let second = post(&ann, "second").await;

    let edited = body(&ann.patch(&path(&first), json!({"text": "hello"})).await);
    assert_eq!(edited["text"], "hello");
    assert!(edited["edited_at"].as_str() >= first["published_at"].as_str(), "{edited}");
    assert_eq!(edited["published_at"], first["published_at"]);
    let again = body(&ann.patch(&path(&first), json!({"text": "hello"})).await);
    assert_eq!(again, edited, "the same text again changes nothing");

    bob.patch(&path(&first), json!({"text": "mine"})).await.problem(403);
    let response = ann.patch(&path(&first), json!({"text": ""})).await;
    assert_eq!(response.rejected_fields(422), ["text"]);
    assert_eq!(body(&app.api().get("/messages").await)["items"], json!([second, edited]));
}

#[tokio::test]
async fn only_the_author_can_delete_a_message() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    let message = post(&ann, "hello").await;
    bob.delete(&path(&message)).await.problem(403);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
    let response = ann.delete(&path(&message)).await;
    assert_eq!((response.status, response.body.as_str()), (204, ""));
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
    for response in [
        ann.get(&path(&message)).await,
        ann.delete(&path(&message)).await,
        bob.delete(&path(&message)).await,
        ann.patch(&path(&message), json!({"text": "back"})).await,
    ] {
        response.problem(404);
    }
}

#[tokio::test]
async fn an_id_that_no_message_can_have_is_not_found() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    for id in ["0", "-1", "x", "1.5", "9223372036854775807", "9223372036854775808"] {
        ann.get(&format!("/messages/{id}")).await.problem(404);
        ann.delete(&format!("/messages/{id}")).await.problem(404);
    }
}

#[tokio::test]
async fn a_flagged_message_is_hidden_even_from_its_author() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let message = post(&ann, "unspeakable").await;
    app.execute("UPDATE messages SET flagged = true").await;
    ann.get(&path(&message)).await.problem(404);
    ann.patch(&path(&message), json!({"text": "spoken"})).await.problem(404);
    ann.delete(&path(&message)).await.problem(404);
    for list in ["/messages", "/timeline", "/users/ann/messages", "/search?q=unspeakable"] {
        assert_eq!(body(&ann.get(list).await)["items"], json!([]), "{list}");
    }
    assert_eq!(body(&ann.get("/users/ann").await)["messages"], 0);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1, "the row stays for operators");
}

/// Reads a list to its end; `author` posts a message before each further page.
async fn read_while_messages_arrive(
    reader: &ApiClient,
    list: &str,
    author: &ApiClient,
) -> Vec<Value> {
    let mut page = reader.get(&format!("{list}?limit=3")).await;
    let mut items = page.items();
    loop {
        post(author, "added").await;
        let Some(next) = reader.follow_link(&page).await else { return items };
        let found = next.items();
        assert!(!found.is_empty() && found.len() <= 3, "{found:?}");
        items.extend(found);
        page = next;
    }
}

#[tokio::test]
async fn each_message_is_listed_once_while_messages_are_posted() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    app.api_user("carol").await;
    assert_eq!(ann.put("/following/bob").await.status, 204);
    // All have the same time, so that only the ids order them.
    app.execute(
        "INSERT INTO messages (author_id, text, published_at)
         SELECT user_id, username || ' ' || number, '2020-02-20Z'
         FROM generate_series(1, 10) AS number, users ORDER BY number, username",
    )
    .await;
    let texts_of = |names: &[&str]| {
        let numbers = (1..=10).rev();
        let texts =
            numbers.flat_map(|number| names.iter().map(move |name| format!("{name} {number}")));
        texts.collect::<Vec<String>>()
    };
    for (reader, list, names) in [
        (&app.api(), "/messages", &["carol", "bob", "ann"][..]),
        (&ann, "/timeline", &["bob", "ann"]),
        (&ann, "/users/bob/messages", &["bob"]),
    ] {
        let seen = read_while_messages_arrive(reader, list, &bob).await;
        assert_eq!(field(&seen, "text"), texts_of(names), "{list}");
        app.execute("DELETE FROM messages WHERE text = 'added'").await;
    }
    app.api().get("/users/unknown/messages").await.problem(404);
    for list in ["/messages", "/timeline", "/users/bob/messages"] {
        let response = ann.get(&format!("{list}?limit=101&cursor=x")).await;
        assert_eq!(response.rejected_fields(422), ["limit", "cursor"], "{list}");
    }
}
