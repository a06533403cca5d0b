//! The page of a message, and how its author edits and deletes it.

use serde_json::json;

use super::{messages, newest};
use crate::support::{App, actors::Browser};

/// Signs in Alice, posts `text`, and returns her browser and the path of the message.
async fn alice_says(app: &App, text: &str) -> (Browser, String) {
    let alice = app.signed_in("alice").await;
    alice.say(text).await;
    (alice, format!("/message/{}", newest(app).await))
}

#[tokio::test]
async fn a_message_has_a_page_of_its_own() {
    let app = App::start().await;
    let (alice, path) = alice_says(&app, "hello").await;
    alice.say("another").await;
    app.execute("UPDATE messages SET published_at = '2020-02-09 01:05:59Z' WHERE text = 'hello'")
        .await;
    let page = app.anonymous().get(&path).await;
    assert_eq!(messages(&page), ["hello"]);
    page.says("<title>alice's Message | MiniTwit</title>")
        .says("<h2>alice's Message</h2>")
        .says("<a href=\"/alice\">alice</a>")
        .says("src=\"/avatar/alice\"")
        .says(&format!("<a href=\"{path}\"><time datetime=\"2020-02-09T01:05:59Z\">"))
        .does_not_say("edited")
        .does_not_say("Edit")
        .does_not_say("Delete")
        .does_not_say("Older messages");
    assert_eq!(page.header("cache-control"), "private, no-cache");
}

#[tokio::test]
async fn the_author_edits_a_message() {
    let app = App::start().await;
    let (alice, path) = alice_says(&app, "helo <b>").await;
    let edit = format!("{path}/edit");
    alice.get(&path).await.says(&format!("<a href=\"{edit}\">Edit</a>"));
    let form = alice.get(&edit).await;
    assert_eq!(form.status, 200);
    form.says(&format!("<form class=\"card\" action=\"{edit}\" method=\"post\">"))
        .says(">\nhelo &lt;b&gt;</textarea>");

    let response = alice.post(&edit, &[("text", "hello")]).await;
    assert_eq!((response.status, response.header("location")), (302, path.as_str()));
    app.execute("UPDATE messages SET edited_at = '2020-02-09 01:05:59Z'").await;
    let page = alice.get(&path).await;
    page.says("<li>Your message was changed</li>");
    let edited = "<span class=\"edited\" title=\"2020-02-09 @ 01:05\">edited</span>";
    for path in [&path, "/", "/public", "/alice"] {
        let page = alice.get(path).await;
        assert_eq!(messages(&page), ["hello"], "{path}");
        page.says(edited);
    }
    let cached = app.anonymous().get("/public").await;
    assert_eq!(messages(&cached), ["hello"], "the cached page changes at once");
}

#[tokio::test]
async fn an_unchanged_message_is_not_marked_as_edited() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    app.execute("INSERT INTO messages (author_id, text) SELECT user_id, E'\\na\\nb' FROM users")
        .await;
    let path = format!("/message/{}", newest(&app).await);
    // A browser drops the first line feed after the tag and sends the others as CR LF.
    alice.get(&format!("{path}/edit")).await.says(">\n\na\nb</textarea>");
    alice.post(&format!("{path}/edit"), &[("text", "\r\na\r\nb")]).await;
    let page = alice.get(&path).await;
    page.says("Your message was changed").does_not_say("class=\"edited\"");
    assert_eq!(messages(&page), ["\na\nb"]);
}

#[tokio::test]
async fn a_rejected_edit_shows_the_text_and_the_rule() {
    let app = App::start().await;
    let (alice, path) = alice_says(&app, "kept").await;
    let long = "<".repeat(281);
    for (text, escaped, rule) in [
        ("", "", "You have to enter a message"),
        (" \n", " \n", "You have to enter a message"),
        (&long, &"&lt;".repeat(281), "The message must be at most 280 characters long"),
    ] {
        let page = alice.post(&format!("{path}/edit"), &[("text", text)]).await;
        assert_eq!(page.status, 400, "{text}");
        page.says(&format!("<strong>Error:</strong> {rule}</div>"))
            .says(&format!(">\n{escaped}</textarea>"));
    }
    assert_eq!(alice.post(&format!("{path}/edit"), &[]).await.status, 400);
    assert_eq!(messages(&alice.get(&path).await), ["kept"]);
}

/// Browsers send each line break of a form as CR LF.
#[tokio::test]
async fn a_text_saved_unchanged_is_neither_changed_nor_edited() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let api = app.api().signed_in("alice").await;
    for text in [
        "one",
        "a\nb",
        "a\r\nb",
        "a\rb",
        "\n a\r\n\n\r \n",
        "\r\na\t",
        "e\u{301}\r\n",
        "\u{85}a\u{b}\r",
    ] {
        let posted = api.post("/messages", json!({ "text": text })).await;
        let path = format!("/message/{}", posted.json()["id"]);
        let sent = text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
        let saved = alice.submit(&format!("{path}/edit"), &[("text", &sent)]).await;
        saved.does_not_say("class=\"edited\"");
        let read = api.get(&format!("/messages/{}", posted.json()["id"])).await.json();
        assert_eq!((&read["text"], &read["edited_at"]), (&json!(text), &json!(null)), "{text:?}");
        let edited = format!("{sent}!");
        alice.submit(&format!("{path}/edit"), &[("text", &edited)]).await.says("edited");
    }
}

#[tokio::test]
async fn a_line_break_counts_once_everywhere() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let (api, simulator) = (app.api().signed_in("alice").await, app.simulator());
    let (longest, too_long) = ("a\r\n".repeat(140), "a\r\n".repeat(140) + "a");
    let id = api.post("/messages", json!({ "text": longest })).await.json()["id"].clone();
    assert_eq!(
        api.post("/messages", json!({ "text": too_long })).await.rejected_fields(422),
        ["text"]
    );
    assert_eq!(simulator.tweet("alice", &longest).await.status, 204);
    assert!(simulator.tweet("alice", &too_long).await.failure(400).contains("280 characters"));
    alice.submit("/add_message", &[("text", &longest)]).await.says("Your message was recorded");
    assert_eq!(alice.post("/add_message", &[("text", &too_long)]).await.status, 400);
    assert_eq!(api.patch(&format!("/messages/{id}"), json!({ "text": longest })).await.status, 200);
    let (longest, too_long) = ("a\r\n".repeat(80), "a\r\n".repeat(80) + "a");
    assert_eq!(api.patch("/users/alice", json!({ "bio": longest })).await.status, 204);
    let rejected = api.patch("/users/alice", json!({ "bio": too_long })).await;
    assert_eq!(rejected.rejected_fields(422), ["bio"]);
}

#[tokio::test]
async fn the_author_deletes_a_message_after_confirmation() {
    let app = App::start().await;
    let (alice, path) = alice_says(&app, "oops <b>").await;
    let delete = format!("{path}/delete");
    alice.get("/").await.says(&format!("<a href=\"{delete}\">Delete</a>"));
    let confirmation = alice.get(&delete).await;
    assert_eq!(confirmation.status, 200);
    confirmation
        .says(&format!("<form class=\"card\" action=\"{delete}\" method=\"post\">"))
        .says("<blockquote dir=\"auto\">oops &lt;b&gt;</blockquote>");
    assert_eq!(
        app.count("SELECT count(*) FROM messages").await,
        1,
        "the confirmation page deletes nothing"
    );

    let response = alice.post(&delete, &[]).await;
    assert_eq!((response.status, response.header("location")), (302, "/"));
    let page = alice.get("/").await;
    page.says("<li>Your message was deleted</li>").does_not_say("oops");
    app.anonymous().get("/public").await.does_not_say("oops");
    for path in [&path, &delete] {
        assert_eq!(alice.get(path).await.status, 404, "{path}");
    }
    assert_eq!(alice.post(&delete, &[]).await.status, 404, "it is deleted already");
}

#[tokio::test]
async fn a_message_cannot_be_changed_by_another_user() {
    let app = App::start().await;
    let (alice, path) = alice_says(&app, "hello").await;
    let eve = app.signed_in("eve").await;
    eve.get(&path).await.says("hello").does_not_say("Edit").does_not_say("Delete");
    for action in ["edit", "delete"] {
        let path = format!("{path}/{action}");
        for form in [&[("text", "pwned")][..], &[("text", "")]] {
            for page in [eve.get(&path).await, eve.post(&path, form).await] {
                assert_eq!(page.status, 403, "{path}");
                page.says("<h2>Forbidden</h2>")
                    .says("This is not yours to change.")
                    .does_not_say("hello");
            }
            for page in [app.anonymous().get(&path).await, app.anonymous().post(&path, form).await]
            {
                assert_eq!(page.status, 401, "{path}");
                page.says("<h2>Unauthorized</h2>").does_not_say("hello");
            }
        }
    }
    assert_eq!(messages(&alice.get(&path).await), ["hello"]);
}

#[tokio::test]
async fn an_unknown_or_flagged_message_is_not_found() {
    let app = App::start().await;
    let (alice, flagged) = alice_says(&app, "flagged").await;
    app.execute("UPDATE messages SET flagged = true").await;
    for path in [
        &flagged,
        "/message/0",
        "/message/-1",
        "/message/+1",
        "/message/01",
        "/message/1x",
        "/message/%FF",
        "/message/9223372036854775808",
    ] {
        for action in ["", "/edit", "/delete"] {
            let path = format!("{path}{action}");
            let page = alice.get(&path).await;
            assert_eq!(page.status, 404, "{path}");
            page.says("<h2>Not Found</h2>").says("There is no such message.");
            let mut forms = vec![&[("text", "hello")][..], &[("text", "")]];
            forms.retain(|_| !action.is_empty());
            for form in forms {
                assert_eq!(alice.post(&path, form).await.status, 404, "{path} {form:?}");
            }
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM messages WHERE text = 'flagged'").await, 1);
}
