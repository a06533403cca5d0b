//! The cached public page for clients without a session: it is never outdated, it is compressed, and a
//! client that has it gets 304.

use std::io::Read;

use flate2::read::GzDecoder;
use reqwest::{Client, Method, header};

use super::messages;
use crate::support::{App, actors::TestResponse, eventually};

#[tokio::test]
async fn the_next_request_shows_a_new_message() {
    let app = App::start().await;
    let (simulator, reader) = (app.simulator(), app.anonymous());
    let alice = app.signed_in("alice").await;
    assert!(reader.get("/public").await.says("no message so far").header("etag").starts_with("W/"));
    for number in 0..20 {
        let (tweeted, shared) = (format!("tweet {number}"), format!("share {number}"));
        assert_eq!(simulator.tweet("alice", &tweeted).await.status, 204);
        assert_eq!(messages(&reader.get("/public").await)[0], tweeted);
        assert_eq!(alice.post("/add_message", &[("text", &shared)]).await.status, 302);
        assert_eq!(messages(&reader.get("/public").await)[..2], [shared, tweeted]);
    }
}

#[tokio::test]
async fn every_replica_shows_a_message_and_hides_a_flagged_one() {
    let app = App::start().await;
    let replica = app.replica().await;
    let reader = replica.anonymous();
    app.signed_in("alice").await.say("from elsewhere").await;
    eventually("the message is on the replica's page", || async {
        let page = reader.get("/public").await;
        (messages(&page).first() == Some(&"from elsewhere")).then_some(())
    })
    .await;
    app.execute("UPDATE messages SET flagged = true").await;
    eventually("the flagged message is gone", || async {
        messages(&reader.get("/public").await).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_unchanged_page_gets_304() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("first").await;
    let reader = app.anonymous();
    let etag = reader.get("/public").await.header("etag").to_owned();
    let again = || {
        let request = reader.request(Method::GET, "/public");
        TestResponse::of(request.header(header::IF_NONE_MATCH, etag.as_str()))
    };

    let unchanged = again().await;
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    assert_eq!(unchanged.header("etag"), etag);

    alice.say("second").await;
    let changed = again().await;
    assert_eq!(messages(&changed), ["second", "first"]);
    assert_ne!(changed.header("etag"), etag);
}

#[tokio::test]
async fn a_session_or_a_flash_message_bypasses_the_cache() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    app.anonymous().get("/public").await.says("sign in").does_not_say("alice");
    let page = alice.get("/public").await;
    page.says("sign out [alice]");
    assert_eq!(page.header("etag"), "");

    alice.post("/logout", &[]).await;
    alice.get("/public").await.says("You were logged out");
    alice.get("/public").await.does_not_say("You were logged out");
}

#[tokio::test]
async fn pages_are_compressed_if_the_client_accepts_it() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for number in 0..30 {
        alice.say(&format!("message {number}")).await;
    }
    for path in ["/public", "/alice", "/login"] {
        let plain = app.anonymous().get(path).await;
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        assert!(plain.header("vary").contains("accept-encoding"), "{path}");

        let request = Client::new().get(app.url(path)).header(header::ACCEPT_ENCODING, "br, gzip");
        let response = request.send().await.expect("a response");
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip", "{path}");
        let compressed = response.bytes().await.expect("a body");
        let mut text = String::new();
        GzDecoder::new(&compressed[..]).read_to_string(&mut text).expect("gzip");
        assert_eq!(text, plain.body, "{path}");
        assert!(compressed.len() < plain.body.len() * 2 / 3, "{path}: {}", compressed.len());
    }
}
