//! Replies: posting them, the lists of threads, and the timelines that contain them.

use serde_json::{Value, json};

use super::stream::stream_request;
use crate::support::{
    App,
    actors::{ApiClient, field},
    stream::Stream,
};

/// Posts a message, a reply to `parent`. Returns its id.
async fn say(client: &ApiClient, text: &str, parent: Option<i64>) -> i64 {
    let posted = client.post("/messages", json!({"text": text, "in_reply_to": parent})).await;
    assert_eq!(posted.status, 201, "{posted:?}");
    posted.json()["id"].as_i64().expect("a number")
}

async fn texts(client: &ApiClient, path: &str) -> Vec<String> {
    field(&client.get(path).await.items(), "text")
}

#[tokio::test]
async fn a_reply_names_its_parent_in_every_response() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    let first = say(&ann, "first", None).await;
    let request = json!({"text": "second", "in_reply_to": first});
    let posted = bob.post("/messages", request.clone()).await;
    let expected = json!({"id": first, "username": "ann"});
    assert_eq!(posted.json()["in_reply_to"], expected, "{posted:?}");
    let second = posted.json()["id"].as_i64().expect("a number");

    let path = format!("/messages/{second}");
    assert_eq!(bob.get(&path).await.json(), posted.json());
    for list in [
        "/messages".to_owned(),
        "/users/bob/messages".to_owned(),
        "/timeline".to_owned(),
        format!("/messages/{first}/replies"),
    ] {
        assert_eq!(bob.get(&list).await.items()[0], posted.json(), "{list}");
    }
    assert_eq!(bob.get("/search?q=second").await.items()[0]["message"], posted.json());
    assert_eq!(ann.get("/messages").await.items()[1]["in_reply_to"], Value::Null);
    let edited = bob.patch(&path, json!({"text": "2nd"})).await.json();
    assert_eq!((&edited["text"], &edited["in_reply_to"]), (&json!("2nd"), &expected));

    ann.delete(&format!("/messages/{first}")).await;
    assert_eq!(bob.get(&path).await.json()["in_reply_to"], expected, "it stays a reply");
    app.execute("DELETE FROM users WHERE username = 'ann'").await;
    let orphaned = bob.get(&path).await.json();
    assert_eq!(orphaned["in_reply_to"], json!({"id": first, "username": null}));
}

#[tokio::test]
async fn only_an_existing_message_has_replies() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let [flagged, deleted] = [say(&ann, "flagged", None).await, say(&ann, "deleted", None).await];
    app.execute("UPDATE messages SET flagged = true WHERE text = 'flagged'").await;
    ann.delete(&format!("/messages/{deleted}")).await;
    let big = json!(9_223_372_036_854_775_808_u64);
    for parent in [json!(flagged), json!(deleted), json!(0), json!(-1), json!("1"), json!(1.5), big]
    {
        let request = json!({"text": "hello", "in_reply_to": parent});
        let rejected = ann.post("/messages", request.clone()).await;
        assert_eq!(rejected.rejected_fields(422), ["in_reply_to"], "{parent}");
        let keyed = ann.request(reqwest::Method::POST, "/messages").json(&request);
        let keyed = keyed.header("Idempotency-Key", parent.to_string());
        let rejected = crate::support::actors::TestResponse::of(keyed).await;
        assert_eq!(rejected.rejected_fields(422), ["in_reply_to"], "{parent}");
    }
    let both = ann.post("/messages", json!({"text": "", "in_reply_to": "x"})).await;
    assert_eq!(both.rejected_fields(422), ["text", "in_reply_to"]);
    assert!(texts(&ann, "/messages").await.is_empty());
    for list in ["replies", "parents"] {
        assert_eq!(
            ann.get(&format!("/messages/{flagged}/{list}")).await.problem(404)["code"],
            "unknown-message"
        );
    }
}

#[tokio::test]
async fn a_repeated_reply_gets_the_first_response_after_its_parent_is_deleted() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let parent = say(&ann, "first", None).await;
    let post = async || {
        let request = ann.request(reqwest::Method::POST, "/messages");
        let request = request.json(&json!({"text": "second", "in_reply_to": parent}));
        crate::support::actors::TestResponse::of(request.header("Idempotency-Key", "k")).await
    };
    let first = post().await;
    assert_eq!(first.json()["in_reply_to"], json!({"id": parent, "username": "ann"}));
    assert_eq!((post().await.status, post().await.json()), (201, first.json()));
    ann.delete(&format!("/messages/{parent}")).await;
    let again = post().await;
    assert_eq!((again.status, &again.json()["id"]), (201, &first.json()["id"]), "{again:?}");
    assert_eq!(again.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn a_thread_is_listed_up_and_down_in_order_of_time() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let mut above = vec![say(&ann, "0", None).await];
    for depth in 1..=25 {
        above.push(say(&ann, &depth.to_string(), above.last().copied()).await);
    }
    let parents = texts(&ann, &format!("/messages/{}/parents", above[25])).await;
    assert_eq!(parents, (5..25).map(|depth| depth.to_string()).collect::<Vec<_>>());
    assert!(texts(&ann, &format!("/messages/{}/parents", above[0])).await.is_empty());
    app.execute("UPDATE messages SET flagged = true WHERE text = '20'").await;
    let parents = texts(&ann, &format!("/messages/{}/parents", above[25])).await;
    assert_eq!(parents, ["21", "22", "23", "24"], "the list ends at a hidden message");

    let root = say(&ann, "root", None).await;
    let mut expected = Vec::new();
    for number in 0..5 {
        let text = format!("reply {number}");
        let reply = say(&ann, &text, Some(root)).await;
        say(&ann, "below", Some(reply)).await;
        expected.push(text);
    }
    let replies = ann.whole_list(&format!("/messages/{root}/replies?limit=2")).await;
    assert_eq!(field(&replies, "text"), expected);
}

#[tokio::test]
async fn an_own_timeline_has_replies_between_followees_and_to_the_reader() {
    let app = App::start().await;
    let [ann, bob, carol, dave] = [
        app.api_user("ann").await,
        app.api_user("bob").await,
        app.api_user("carol").await,
        app.api_user("dave").await,
    ];
    for name in ["bob", "carol"] {
        ann.put(&format!("/following/{name}")).await;
    }
    let [of_ann, of_carol, of_dave] = [
        say(&ann, "of ann", None).await,
        say(&carol, "of carol", None).await,
        say(&dave, "of dave", None).await,
    ];
    let (mut stream, begin) = Stream::open(stream_request(&ann, "?timeline=own")).await;
    say(&bob, "bob to dave", Some(of_dave)).await;
    say(&bob, "bob to carol", Some(of_carol)).await;
    say(&bob, "bob to ann", Some(of_ann)).await;
    say(&dave, "dave to ann", Some(of_ann)).await;
    say(&dave, "dave to carol", Some(of_carol)).await;
    say(&ann, "ann to dave", Some(of_dave)).await;
    say(&bob, "end", None).await;
    let sent = ["bob to carol", "bob to ann", "dave to ann", "ann to dave", "end"];
    for text in sent {
        assert_eq!(stream.text().await, text);
    }
    let query = format!("?timeline=own&after={begin}");
    let (mut later, _) = Stream::open(stream_request(&ann, &query)).await;
    for text in sent {
        assert_eq!(later.text().await, text, "missed messages obey the same rules");
    }
    let mut expected: Vec<&str> = sent.to_vec();
    expected.reverse();
    expected.extend(["of carol", "of ann"]);
    assert_eq!(texts(&ann, "/timeline").await, expected);
    for limit in 1..6 {
        let pages = ann.whole_list(&format!("/timeline?limit={limit}")).await;
        assert_eq!(field(&pages, "text"), expected, "{limit}");
    }
    assert_eq!(texts(&ann, "/messages").await.len(), 10, "the public timeline has all");
    assert_eq!(texts(&ann, "/users/bob/messages").await.len(), 4);
}

#[tokio::test]
async fn an_own_timeline_reads_on_if_it_omits_most_replies() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    let carol = app.api_user("carol").await;
    ann.put("/following/bob").await;
    say(&bob, "early", None).await;
    let parent = say(&carol, "of carol", None).await;
    for _ in 0..12 {
        say(&bob, "omitted", Some(parent)).await;
    }
    say(&bob, "late", None).await;
    assert_eq!(texts(&ann, "/timeline?limit=5").await, ["late", "early"]);
    assert_eq!(field(&ann.whole_list("/timeline?limit=1").await, "text"), ["late", "early"]);
}
