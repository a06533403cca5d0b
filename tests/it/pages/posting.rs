//! Posting a message.

use super::messages;
use crate::support::{App, actors::Browser};

#[tokio::test]
async fn a_message_is_recorded() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let response = alice.post("/add_message", &[("text", "hello")]).await;
    assert_eq!((response.status, response.header("location")), (302, "/"));
    let page = alice.get("/").await;
    page.says("<li>Your message was recorded</li>");
    assert_eq!(messages(&page), ["hello"]);
    alice.get("/").await.does_not_say("Your message was recorded");
}

#[tokio::test]
async fn posting_requires_a_session() {
    let app = App::start().await;
    for text in ["hello", ""] {
        let page = app.anonymous().post("/add_message", &[("text", text)]).await;
        assert_eq!(page.status, 401);
        page.says("<h2>Unauthorized</h2>");
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
}

#[tokio::test]
async fn a_rejected_message_shows_the_text_and_the_rule() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("kept").await;
    let (long, long_crabs) = ("a".repeat(281), "🦀".repeat(281));
    for (text, rule) in [
        ("", "You have to enter a message"),
        (" \u{3000}\u{a0}", "You have to enter a message"),
        (&long, "The message must be at most 280 characters long"),
        (&long_crabs, "The message must be at most 280 characters long"),
        ("a\u{0}b", "The message must not contain a NUL character"),
    ] {
        let page = alice.post("/add_message", &[("text", text)]).await;
        assert_eq!(page.status, 400, "{text}");
        page.says(&format!("<strong>Error:</strong> {rule}</div>"))
            .says(&format!(">\n{text}</textarea>"))
            .says("dir=\"auto\">kept</span>");
    }
    let page = alice.post("/add_message", &[("other", "x")]).await;
    assert_eq!(page.status, 400);
    page.says("You have to enter a message");
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
}

#[tokio::test]
async fn a_message_has_at_most_280_code_points() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for text in ["a".repeat(280), "🦀".repeat(280), "e\u{301}".repeat(140)] {
        alice.say(&text).await.says("Your message was recorded");
        assert_eq!(messages(&alice.get("/").await)[0], text);
    }
}

/// The once-only key in the form of the viewer's timeline.
async fn form_key(browser: &Browser) -> String {
    let page = browser.get("/").await;
    let (_, rest) = page.body.split_once("name=\"key\" value=\"").expect("a key");
    rest.split('"').next().expect("a value").to_owned()
}

#[tokio::test]
async fn a_form_that_is_sent_again_posts_once_unless_the_text_differs() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let (key, other_key) = (form_key(&alice).await, form_key(&alice).await);
    assert_ne!(key, other_key);
    let rows = "SELECT count(*) FROM messages";
    for (text, key, expected) in [
        ("hello", key.as_str(), 1),
        ("hello", &key, 1),
        ("edited", &key, 2),
        ("edited", &key, 2),
        ("hello", &other_key, 3),
        // Old clients send no key.
        ("hello", "", 4),
        ("hello", "", 5),
    ] {
        let answer = alice.submit("/add_message", &[("text", text), ("key", key)]).await;
        answer.says("Your message was recorded");
        assert_eq!(app.count(rows).await, expected, "{text} {key}");
    }
    let form = [("text", "at once"), ("key", key.as_str())];
    let clicks = [alice.post("/add_message", &form), alice.post("/add_message", &form)];
    let [first, second] = clicks;
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, second.status), (302, 302));
    assert_eq!(app.count(rows).await, 6, "a double click");
    // Equal keys of different users are independent.
    let bob = app.signed_in("bob").await;
    bob.post("/add_message", &[("text", "hello"), ("key", &key)]).await;
    assert_eq!(app.count(rows).await, 7);
}

#[tokio::test]
async fn the_end_of_a_session_clears_the_cache_and_settings_are_not_stored() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for path in ["/settings", "/settings/tokens", "/settings/account/delete"] {
        let page = alice.get(path).await;
        assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{path}");
    }
    // Only a script can hide a page that the browser keeps.
    for cache_control in ["no-store", "private, no-cache"] {
        for path in ["/", "/public", "/alice"] {
            assert_eq!(alice.get(path).await.header("cache-control"), cache_control, "{path}");
        }
        alice.run_scripts();
    }
    let rejected = alice.post("/settings/profile", &[("email", "")]).await;
    assert_eq!((rejected.status, rejected.header("cache-control")), (400, "no-store"));
    for path in ["/logout", "/settings/sessions/end"] {
        alice.sign_in("alice").await;
        let answer = alice.post(path, &[]).await;
        assert_eq!((answer.status, answer.header("clear-site-data")), (302, "\"cache\""), "{path}");
    }
}
