//! Writing a message: keys, line breaks, drafts.

use fantoccini::key::Key;

use super::{sign_in, sign_up, sign_up_and_in};
use crate::support::{
    App,
    window::{Screen, Window},
};

const DESKTOP: Screen = Screen { scripts: true, ..Screen::DESKTOP };
const PHONE: Screen = Screen { scripts: true, ..Screen::PHONE };
const FIELD: &str = "textarea[name=text]";

async fn value(window: &Window) -> String {
    let value = window.find(FIELD).await.prop("value").await.expect("a property");
    value.expect("a text")
}

/// Types with the keyboard into the field for a message.
async fn write(window: &Window, text: &str) {
    window.click(FIELD).await;
    window.types(text.chars()).await;
}

async fn sign_out(window: &Window) {
    window.click(".navigation button").await;
    window.sees("You were logged out").await;
}

#[tokio::test]
async fn enter_sends_and_shift_enter_breaks_the_line() {
    let app = App::start().await;
    let window = Window::open(&app, DESKTOP).await;
    sign_up_and_in(&window, "Milada").await;
    let height = "return document.querySelector('[name=text]').offsetHeight";
    let before = window.evaluate(height).await.as_u64();
    write(&window, "one").await;
    for text in ["two", "three", "four", "five"] {
        window.shift([Key::Enter]).await;
        window.types(text.chars()).await;
    }
    assert_eq!(value(&window).await, "one\ntwo\nthree\nfour\nfive");
    assert!(window.evaluate(height).await.as_u64() > before, "the field grows");
    window.types([Key::Enter]).await;
    window.sees_in(".flashes", "Your message was recorded").await;
    assert_eq!(window.texts(".messages .text").await, ["one\ntwo\nthree\nfour\nfive"]);
    let stored = "SELECT count(*) FROM messages WHERE text = E'one\\ntwo\\nthree\\nfour\\nfive'";
    assert_eq!(app.count(stored).await, 1);
    assert_eq!(window.console().await, [""; 0]);
}

#[tokio::test]
async fn without_a_keyboard_enter_breaks_the_line() {
    let app = App::start().await;
    let window = Window::open(&app, PHONE).await;
    sign_up_and_in(&window, "Milada").await;
    window.use_touch().await;
    write(&window, "one").await;
    window.types([Key::Enter]).await;
    window.types("two".chars()).await;
    assert_eq!(value(&window).await, "one\ntwo");
    window.press("Share").await;
    window.sees_in(".flashes", "Your message was recorded").await;
    assert_eq!(window.texts(".messages .text").await, ["one\ntwo"]);
}

#[tokio::test]
async fn enter_that_ends_the_choice_of_an_input_method_sends_nothing() {
    let app = App::start().await;
    let window = Window::open(&app, DESKTOP).await;
    sign_up_and_in(&window, "Milada").await;
    write(&window, "ni").await;
    for (init, prevented) in [("isComposing: true", false), ("keyCode: 229", false), ("", true)] {
        let press = format!(
            "const event = new KeyboardEvent('keydown',
                 {{key: 'Enter', bubbles: true, cancelable: true, {init}}});
             document.querySelector('[name=text]').dispatchEvent(event);
             return event.defaultPrevented"
        );
        assert_eq!(window.evaluate(&press).await, prevented, "{init}");
    }
    window.sees_in(".flashes", "Your message was recorded").await;
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
}

#[tokio::test]
async fn a_draft_stays_on_the_device_until_it_is_posted() {
    let app = App::start().await;
    let window = Window::open(&app, DESKTOP).await;
    sign_up_and_in(&window, "Milada").await;
    write(&window, "half a thou").await;
    window.go("/public").await;
    window.go("/").await;
    window.sees_in(".counter", "269 characters left").await;
    assert_eq!(value(&window).await, "half a thou");

    // Another user of the browser does not see it.
    sign_out(&window).await;
    sign_up_and_in(&window, "Tomasz").await;
    window.sees_in(".counter", "280 characters left").await;
    assert_eq!(value(&window).await, "");
    write(&window, "of Tomasz").await;
    sign_out(&window).await;
    window.go("/login").await;
    sign_in(&window, "Milada", "secret").await;
    window.sees_in(".counter", "269 characters left").await;
    assert_eq!(value(&window).await, "half a thou");

    write(&window, "ght").await;
    window.types([Key::Enter]).await;
    window.sees_in(".messages", "half a thought").await;
    assert_eq!(value(&window).await, "");
    window.go("/").await;
    window.sees_in(".counter", "280 characters left").await;
    assert_eq!(value(&window).await, "");
    assert_eq!(window.console().await, [""; 0]);
}

#[tokio::test]
async fn each_form_has_its_own_draft() {
    let app = App::start().await;
    let window = Window::open(&app, DESKTOP).await;
    sign_up_and_in(&window, "Milada").await;
    write(&window, "helo").await;
    window.types([Key::Enter]).await;
    window.sees_in(".messages", "helo").await;
    window.follow("Edit").await;
    window.sees_in("h2", "Edit Message").await;
    window.fill(FIELD, "hello").await;
    window.go("/").await;
    window.sees_in(".counter", "280 characters left").await;
    assert_eq!(value(&window).await, "");
    window.follow("Edit").await;
    window.sees_in(".counter", "275 characters left").await;
    assert_eq!(value(&window).await, "hello");

    // A rejected text is a draft, too.
    let long = "w".repeat(281);
    window.fill(FIELD, &long).await;
    window.press("Save").await;
    window.sees("The message must be at most 280 characters long").await;
    window.go("/").await;
    window.follow("Edit").await;
    window.sees_in(".counter", "1 character too many").await;
    window.fill(FIELD, "hello!").await;
    window.press("Save").await;
    window.sees_in(".flashes", "Your message was changed").await;
    window.follow("Edit").await;
    window.sees_in(".counter", "274 characters left").await;
    let drafts = "return Object.keys(localStorage).length";
    assert_eq!(window.evaluate(drafts).await, 0);
}

#[tokio::test]
async fn a_session_that_ended_asks_for_the_password_and_posts() {
    for screen in [DESKTOP, Screen::PHONE] {
        let app = App::start().await;
        let window = Window::open(&app, screen).await;
        sign_up_and_in(&window, "Milada").await;
        app.execute("DELETE FROM sessions").await;
        window.fill(FIELD, "not lost").await;
        window.press("Share").await;
        window.sees("You have to sign in to do this.").await;
        assert_eq!(value(&window).await, "not lost");
        sign_in(&window, "Milada", "secret").await;
        window.sees_in(".flashes", "Your message was recorded").await;
        assert_eq!(window.texts(".messages .text").await, ["not lost"]);
        assert_eq!(value(&window).await, "", "scripts: {}", screen.scripts);
    }
}

#[tokio::test]
async fn a_protected_page_appears_after_signing_in() {
    let app = App::start().await;
    app.anonymous().sign_up("Milada").await;
    let window = Window::open(&app, Screen::DESKTOP).await;
    window.go("/settings").await;
    window.sees("You have to sign in to do this.").await;
    sign_in(&window, "Milada", "guess").await;
    window.sees("Invalid password").await;
    assert_eq!(window.focused().await, "Password");
    window.types("secret".chars()).await;
    window.types([Key::Enter]).await;
    window.sees_in("h2", "Settings").await;
}

#[tokio::test]
async fn after_sign_up_only_the_password_is_missing() {
    let app = App::start().await;
    let window = Window::open(&app, Screen::PHONE).await;
    window.go("/register").await;
    sign_up(&window, "Milada", "secret").await;
    window.sees("You were successfully registered and can login now").await;
    assert_eq!(window.focused().await, "Password");
    window.types("secret".chars()).await;
    window.types([Key::Enter]).await;
    window.sees("sign out [Milada]").await;
}
