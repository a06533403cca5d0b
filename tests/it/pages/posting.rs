//! Posting a message.

use super::messages;
use crate::support::App;

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
            .says(&format!("name=\"text\" value=\"{text}\""))
            .says("<p dir=\"auto\">kept</p>");
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
