//! Messages, one at a time and in lists.

use serde_json::{Value, json};

use crate::support::{
    App,
    actors::{Answer, ApiClient, field},
};

async fn post(client: &ApiClient, text: &str) -> Value {
    let answer = client.post("/messages", json!({ "text": text })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn path(message: &Value) -> String {
    format!("/messages/{}", message["id"])
}

#[track_caller]
fn shown(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn a_message_is_posted_and_found_where_the_answer_says() {
    let app = App::start().await;
    let ann = app.api_user("Ann B").await;
    let answer = ann.post("/messages", json!({"text": " <b>hello</b> 🦀\n"})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let message = answer.json();
    assert_eq!(message["author"], "Ann B");
    assert_eq!(message["text"], " <b>hello</b> 🦀\n");
    assert_eq!(message["edited_at"], Value::Null);
    assert_eq!(answer.header("location"), format!("/api/v1{}", path(&message)));
    assert_eq!(shown(&app.api().get(&path(&message)).await), message);
    app.anonymous().get("/public").await.says("&lt;b&gt;hello&lt;/b&gt; 🦀");
}

#[tokio::test]
async fn a_message_that_breaks_a_rule_is_refused_with_all_that_is_wrong() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    for body in
        [json!({}), json!({"text": " \n"}), json!({"text": "é".repeat(281)}), json!({"text": 7})]
    {
        assert_eq!(ann.post("/messages", body).await.refused_fields(422), ["text"]);
    }
    for key in [&b"a b"[..], b"", "é".as_bytes(), b"\xff"] {
        let request = ann.request(reqwest::Method::POST, "/messages").json(&json!({"text": ""}));
        let answer = Answer::of(request.header("Idempotency-Key", key)).await;
        assert_eq!(answer.refused_fields(422), ["text", "Idempotency-Key"], "{key:?}");
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
}

#[tokio::test]
async fn the_author_edits_a_message_and_nobody_else_does() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    let first = post(&ann, "helo").await;
    let second = post(&ann, "second").await;

    let edited = shown(&ann.patch(&path(&first), json!({"text": "hello"})).await);
    assert_eq!(edited["text"], "hello");
    assert!(edited["edited_at"].as_str() >= first["published_at"].as_str(), "{edited}");
    assert_eq!(edited["published_at"], first["published_at"]);
    let again = shown(&ann.patch(&path(&first), json!({"text": "hello"})).await);
    assert_eq!(again, edited, "the same text again changes nothing");

    bob.patch(&path(&first), json!({"text": "mine"})).await.problem(403);
    let refused = ann.patch(&path(&first), json!({"text": ""})).await;
    assert_eq!(refused.refused_fields(422), ["text"]);
    assert_eq!(shown(&app.api().get("/messages").await)["items"], json!([second, edited]));
}

#[tokio::test]
async fn the_author_deletes_a_message_and_nobody_else_does() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    let message = post(&ann, "hello").await;
    bob.delete(&path(&message)).await.problem(403);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
    let answer = ann.delete(&path(&message)).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
    for answer in [
        ann.get(&path(&message)).await,
        ann.delete(&path(&message)).await,
        bob.delete(&path(&message)).await,
        ann.patch(&path(&message), json!({"text": "back"})).await,
    ] {
        answer.problem(404);
    }
}

#[tokio::test]
async fn what_is_no_number_of_a_message_is_nothing() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    for id in ["0", "-1", "x", "1.5", "9223372036854775807", "9223372036854775808"] {
        ann.get(&format!("/messages/{id}")).await.problem(404);
        ann.delete(&format!("/messages/{id}")).await.problem(404);
    }
}

#[tokio::test]
async fn a_flagged_message_is_nowhere_even_for_its_author() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let message = post(&ann, "unspeakable").await;
    app.execute("UPDATE messages SET flagged = true").await;
    ann.get(&path(&message)).await.problem(404);
    ann.patch(&path(&message), json!({"text": "spoken"})).await.problem(404);
    ann.delete(&path(&message)).await.problem(404);
    for list in ["/messages", "/timeline", "/users/ann/messages", "/search?q=unspeakable"] {
        assert_eq!(shown(&ann.get(list).await)["items"], json!([]), "{list}");
    }
    assert_eq!(shown(&ann.get("/users/ann").await)["messages"], 0);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1, "operators still have it");
}

/// Reads a list to its end; before each further page somebody posts.
async fn read_while_messages_arrive(
    reader: &ApiClient,
    list: &str,
    author: &ApiClient,
) -> Vec<Value> {
    let mut page = reader.get(&format!("{list}?limit=3")).await;
    let mut items = shown(&page)["items"].as_array().expect("items").clone();
    loop {
        post(author, "meanwhile").await;
        let Some(next) = reader.follow_link(&page).await else { return items };
        let found = shown(&next)["items"].as_array().expect("items").clone();
        assert!(!found.is_empty() && found.len() <= 3, "{found:?}");
        items.extend(found);
        page = next;
    }
}

#[tokio::test]
async fn lists_show_each_message_once_while_others_arrive() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    app.api_user("carol").await;
    assert_eq!(ann.put("/following/bob").await.status, 204);
    // All of one moment, so that only their keys order them.
    app.execute(
        "INSERT INTO messages (author_id, text, published_at)
         SELECT user_id, username || ' ' || number, '2020-02-20Z'
         FROM generate_series(1, 10) AS number, users ORDER BY number, username",
    )
    .await;
    let of = |names: &[&str]| {
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
        assert_eq!(field(&seen, "text"), of(names), "{list}");
        app.execute("DELETE FROM messages WHERE text = 'meanwhile'").await;
    }
    app.api().get("/users/nobody/messages").await.problem(404);
    for list in ["/messages", "/timeline", "/users/bob/messages"] {
        let answer = ann.get(&format!("{list}?limit=101&cursor=x")).await;
        assert_eq!(answer.refused_fields(422), ["limit", "cursor"], "{list}");
    }
}
