//! Replies on pages: the form, the thread, and the timelines.

use super::{messages, newest};
use crate::support::{App, actors::Browser};

/// Replies to the message at `path`. Returns the path of the reply.
async fn reply(browser: &Browser, path: &str, text: &str) -> String {
    let response = browser.post(&format!("{path}/reply"), &[("text", text)]).await;
    assert_eq!(response.status, 302, "{response:?}");
    response.header("location").to_owned()
}

#[tokio::test]
async fn a_message_is_answered_on_its_page() {
    let app = App::start().await;
    let (alice, bob) = (app.signed_in("alice").await, app.signed_in("bob").await);
    alice.say("hello").await;
    let path = format!("/message/{}", newest(&app).await);
    let link = format!("<a class=\"reply\" href=\"{path}/reply\"");
    for page in ["/", "/public", "/alice", &path] {
        alice.get(page).await.says(&link);
        app.anonymous().get(page).await.does_not_say(&link);
    }
    app.anonymous()
        .get(&path)
        .await
        .says(&format!("<a href=\"{path}/reply\">Sign in to reply</a>"));
    let form = bob.get(&format!("{path}/reply")).await;
    form.says(&format!("<form action=\"{path}/reply\" method=\"post\">"))
        .says("Reply to alice</h3>")
        .says(" autofocus>");
    bob.get(&path).await.does_not_say("autofocus");

    let answer = reply(&bob, &path, "hi <b>").await;
    let page = bob.get(&answer).await;
    assert_eq!(messages(&page), ["hello", "hi &lt;b&gt;"], "the message above comes first");
    page.says("<li>Your message was recorded</li>").says("bob's Message");
    let page = alice.get(&path).await;
    assert_eq!(messages(&page), ["hello", "hi &lt;b&gt;"]);
    page.says("<h3 id=\"replies\">Replies</h3>").does_not_say("replying to");
    let line = format!("replying to <a href=\"{path}\">alice</a>");
    for page in ["/public", "/bob", "/"] {
        bob.get(page).await.says(&line);
    }
    app.anonymous().get("/bob.atom").await.says(&format!("href=\"{}\"/>", app.url(&path)));
    bob.get("/settings/data.json").await.says("\"in_reply_to\":{\"id\":1,\"username\":\"alice\"}");
}

#[tokio::test]
async fn a_thread_shows_the_messages_above_and_below() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("root").await;
    let root = format!("/message/{}", newest(&app).await);
    let one = reply(&alice, &root, "one").await;
    let mut deepest = one.clone();
    for text in ["one below", "two below", "three below"] {
        deepest = reply(&alice, &deepest, text).await;
    }
    for text in ["second", "third", "fourth"] {
        reply(&alice, &one, text).await;
    }
    reply(&alice, &root, "two").await;
    let page = alice.get(&root).await;
    assert_eq!(
        messages(&page),
        ["root", "one", "one below", "two below", "second", "two"],
        "each reply has two levels of at most two replies below it"
    );
    page.says("class=\"depth-1\"")
        .says("class=\"depth-2\"")
        .says(&format!("href=\"{one}\">More replies"));
    let page = alice.get(&deepest).await;
    assert_eq!(messages(&page), ["root", "one", "one below", "two below", "three below"]);

    for number in 0..31 {
        reply(&alice, &deepest, &format!("late {number}")).await;
    }
    let page = alice.get(&deepest).await;
    assert_eq!(messages(&page).len(), 5 + 30);
    let next = page
        .body
        .split('"')
        .find(|it| it.starts_with(&format!("{deepest}?before=")))
        .expect("a link");
    let page = alice.get(next).await;
    assert_eq!(messages(&page)[5..], ["late 30"]);
}

#[tokio::test]
async fn a_reply_to_a_deleted_message_says_so() {
    let app = App::start().await;
    let (alice, bob) = (app.signed_in("alice").await, app.signed_in("bob").await);
    alice.say("hello").await;
    let path = format!("/message/{}", newest(&app).await);
    let answer = reply(&bob, &path, "hi").await;
    let below = reply(&alice, &answer, "below").await;
    alice.submit(&format!("{path}/delete"), &[]).await;
    bob.get(&answer).await.says("This is a reply to a message that is deleted.");
    bob.get(&below).await.says("This conversation began with a message that is deleted.");
    app.execute("UPDATE users SET disabled_at = now() WHERE username = 'alice'").await;
    assert_eq!(
        messages(&bob.get(&answer).await),
        ["hi", "below"],
        "messages of disabled users stay"
    );
    app.execute("DELETE FROM users WHERE username = 'alice'").await;
    let page = bob.get(&answer).await;
    assert_eq!((page.status, messages(&page)), (200, vec!["hi"]));
    bob.get("/").await.says("replying to a deleted message");
    assert_eq!(bob.get(&below).await.status, 404);
}

#[tokio::test]
async fn the_text_of_a_failed_reply_is_shown_again() {
    let app = App::start().await;
    let (alice, bob) = (app.signed_in("alice").await, app.signed_in("bob").await);
    alice.say("hello").await;
    let path = format!("/message/{}", newest(&app).await);
    let action = format!("{path}/reply");
    let long = "a".repeat(281);
    let response = bob.post(&action, &[("text", &long)]).await;
    assert_eq!(response.status, 400);
    response.says(&long).says("aria-invalid=\"true\"").says("at most 280 characters");

    let visitor = app.anonymous();
    let response = visitor.post(&action, &[("text", "kept")]).await;
    assert_eq!(response.status, 401);
    response.says("kept").says(&format!("value=\"{action}\""));
    let fields = [
        ("username", "bob"),
        ("password", "secret"),
        ("next", &action),
        ("text", "kept"),
        ("key", "k"),
    ];
    let page = visitor.submit("/login", &fields).await;
    assert_eq!(messages(&page), ["hello", "kept"], "signing in posts the reply");

    alice.submit(&format!("{path}/delete"), &[]).await;
    let response = bob.post(&action, &[("text", "too late")]).await;
    assert_eq!(response.status, 404);
    response.says("does not exist any more").says("too late").says("action=\"/add_message\"");
    assert_eq!(bob.get(&action).await.status, 404);
}

#[tokio::test]
async fn a_form_sent_twice_replies_once() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("hello").await;
    let path = format!("/message/{}", newest(&app).await);
    let form = [("text", "once"), ("key", "0123")];
    let first = alice.post(&format!("{path}/reply"), &form).await;
    let second = alice.post(&format!("{path}/reply"), &form).await;
    assert_eq!((second.status, second.header("location")), (302, first.header("location")));
    assert_eq!(messages(&alice.get(&path).await), ["hello", "once"]);
}
