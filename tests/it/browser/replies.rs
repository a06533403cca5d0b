//! Replying to a message, and reading a thread.

use fantoccini::key::Key;

use super::{sign_in, sign_up_and_in};
use crate::support::{
    App,
    window::{Screen, Window},
};

const FIELD: &str = "textarea[name=text]";

/// Signs up Tomasz, who posts a message, and Milada in the window.
async fn start(screen: Screen) -> (App, Window) {
    let app = App::start().await;
    app.simulator().register("Tomasz").await;
    app.simulator().tweet("Tomasz", "Anybody out there?").await;
    let window = Window::open(&app, screen).await;
    sign_up_and_in(&window, "Milada").await;
    (app, window)
}

#[tokio::test]
async fn a_message_is_answered_with_and_without_scripts() {
    for screen in [Screen { scripts: true, ..Screen::DESKTOP }, Screen::PHONE] {
        let (_app, window) = start(screen).await;
        window.go("/public").await;
        assert_eq!(window.texts(".messages .own a").await, ["Reply"]);
        window.follow("Reply").await;
        window.sees_in("h3", "Reply to Tomasz").await;
        assert_eq!(window.focused().await, "Reply to Tomasz");
        window.press("Reply").await;
        window.sees_in(".error", "Error: You have to enter a message").await;
        window.fill(FIELD, "Here!").await;
        window.press("Reply").await;
        window.sees_in(".flashes", "Your message was recorded").await;
        window.sees_in("h2", "Milada's Message").await;
        assert_eq!(window.texts(".messages .text").await, ["Anybody out there?", "Here!"]);
        window.go("/public").await;
        assert_eq!(window.texts(".replied-to").await, ["replying to Tomasz"]);
        window.click(".replied-to a").await;
        window.sees_in("h2", "Tomasz's Message").await;
        window.sees_in("#replies", "Replies").await;
        assert_eq!(window.texts("section .messages .text").await, ["Here!"]);
    }
}

#[tokio::test]
async fn a_key_replies_to_the_message_with_the_focus_and_types_elsewhere() {
    let (_app, window) = start(Screen { scripts: true, ..Screen::DESKTOP }).await;
    window.go("/public").await;
    window.sees("Anybody out there?").await;
    window.evaluate("document.querySelector('.messages small a').focus()").await;
    window.types("r".chars()).await;
    window.sees_in("h3", "Reply to Tomasz").await;
    window.types("arrr".chars()).await;
    let value = window.find(FIELD).await.prop("value").await.expect("a property");
    assert_eq!(value.as_deref(), Some("arrr"));
    window.types([Key::Enter]).await;
    window.sees_in(".flashes", "Your message was recorded").await;
    assert_eq!(window.console().await, [""; 0]);
}

#[tokio::test]
async fn each_parent_has_its_own_draft_and_a_session_that_ended_loses_nothing() {
    let (app, window) = start(Screen { scripts: true, ..Screen::DESKTOP }).await;
    window.go("/message/1").await;
    window.fill(FIELD, "half a thou").await;
    window.go("/").await;
    window.sees_in(".counter", "280 characters left").await;
    window.go("/message/1").await;
    window.sees_in(".counter", "269 characters left").await;
    app.execute("DELETE FROM sessions").await;
    window.press("Reply").await;
    window.sees("You have to sign in to do this.").await;
    sign_in(&window, "Milada", "secret").await;
    window.sees_in(".flashes", "Your message was recorded").await;
    window.sees_in(".single", "half a thou").await;
    let drafts = "return Object.keys(localStorage).length";
    assert_eq!(window.evaluate(drafts).await, 0);
}
