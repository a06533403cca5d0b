//! The functions that scripts add to the pages, except announcements of new messages (`live.rs`).

use fantoccini::key::Key;
use serde_json::json;

use super::sign_up_and_in;
use crate::support::{
    App, eventually,
    window::{Screen, Window},
};

const PHONE: Screen = Screen { scripts: true, ..Screen::PHONE };
const DESKTOP: Screen = Screen { scripts: true, ..Screen::DESKTOP };

/// A server with more than two pages of messages by Milada: `message 65`, …, `message 1`.
async fn with_65_messages() -> App {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("Milada").await;
    for number in 1..=65 {
        simulator.tweet("Milada", &format!("message {number}")).await;
    }
    app
}

fn newest_first(count: u32) -> Vec<String> {
    (66 - count..=65).rev().map(|number| format!("message {number}")).collect()
}

#[tokio::test]
async fn scrolling_loads_older_messages_on_a_phone() {
    scroll(PHONE).await;
}

#[tokio::test]
async fn scrolling_loads_older_messages_on_a_desktop() {
    scroll(DESKTOP).await;
}

async fn scroll(screen: Screen) {
    let app = with_65_messages().await;
    let window = Window::open(&app, screen).await;
    for path in ["/public", "/Milada"] {
        window.go(path).await;
        window.sees_in(".messages", "message 65").await;
        assert_eq!(
            window.texts(".messages .text").await,
            newest_first(30),
            "older messages load only when needed"
        );
        let all = eventually("all messages", async || {
            window.evaluate("scrollTo(0, document.body.scrollHeight)").await;
            let texts = window.texts(".messages .text").await;
            (texts.len() == 65).then_some(texts)
        });
        assert_eq!(all.await, newest_first(65), "{path}");
        assert!(window.find_all("[rel=next]").await.is_empty(), "{path}");
    }
    assert_eq!(window.console().await, [""; 0]);
}

#[tokio::test]
async fn the_link_to_older_messages_works_if_loading_fails() {
    let app = with_65_messages().await;
    let window = Window::open(&app, PHONE).await;
    window.go("/public").await;
    window.sees_in(".messages", "message 65").await;
    let offline = "window.fetch = () => { window.requested = true; return Promise.reject(); }";
    window.evaluate(offline).await;
    window.evaluate("scrollTo(0, document.body.scrollHeight)").await;
    eventually("a page that does not load", async || {
        (window.evaluate("return window.requested").await == true).then_some(())
    })
    .await;
    assert_eq!(window.texts(".messages .text").await, newest_first(30));
    window.follow("Older messages").await;
    window.sees_in(".messages", "message 35").await;
    window.does_not_see("message 36").await;
}

#[tokio::test]
async fn the_counter_counts_characters_as_the_server_does() {
    let app = App::start().await;
    let window = Window::open(&app, PHONE).await;
    sign_up_and_in(&window, "Milada").await;
    window.sees_in(".counter", "280 characters left").await;
    for (text, shown, announced) in [
        ("a🦀".to_owned(), "278 characters left", ""),
        ("🦀".repeat(279), "1 character left", "1 character left"),
        ("🦀".repeat(281), "1 character too many", "1 character too many"),
        ("🦀".repeat(290), "10 characters too many", "10 characters too many"),
        ("🦀".repeat(280), "0 characters left", "0 characters left"),
    ] {
        window.fill("[name=text]", &text).await;
        window.sees_in(".counter", shown).await;
        let over = !window.find_all(".counter.over").await.is_empty();
        assert_eq!(over, shown.contains("too many"), "{shown}");
        eventually("the announcement for screen readers", async || {
            let status =
                "return document.querySelector('.visually-hidden[role=status]').textContent";
            (window.evaluate(status).await == announced).then_some(())
        })
        .await;
    }
    let described = "
        const ids = document.querySelector('[name=text]').getAttribute('aria-describedby');
        return document.getElementById(ids).textContent";
    assert_eq!(window.evaluate(described).await, "0 characters left");
    window.press("Share").await;
    window.sees_in(".flashes", "Your message was recorded").await;
    window.sees_in(".counter", "280 characters left").await;
    assert_eq!(window.console().await, [""; 0]);
}

#[tokio::test]
async fn a_date_without_a_time_is_not_made_relative() {
    let app = App::start().await;
    app.signed_in("Milada").await.say("hello").await;
    app.execute("UPDATE users SET created_at = '2020-02-01 UTC'").await;
    let window = Window::open(&app, DESKTOP).await;
    window.go("/Milada").await;
    // The script has run once it shows this relative time.
    window.sees_in(".messages", "just now").await;
    window.sees_in(".about", "joined 1 February 2020").await;
}

#[tokio::test]
async fn times_are_relative_with_the_exact_time_in_the_title() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("Milada").await;
    for text in ["years", "days", "hours"] {
        simulator.tweet("Milada", text).await;
    }
    app.execute(
        "UPDATE messages SET published_at = CASE text
            WHEN 'years' THEN '2020-02-21 12:00 UTC'
            WHEN 'days' THEN now() - interval '1 day 4 hours'
            ELSE now() - interval '3 hours 20 minutes' END",
    )
    .await;
    let window = Window::open(&app, DESKTOP).await;
    window.go("/public").await;
    window.sees_in(".messages li:nth-child(1)", "3 hours ago").await;
    window.sees_in(".messages li:nth-child(2)", "1 day ago").await;
    window.sees_in(".messages li:nth-child(3)", "years ago").await;
    let last = "
        const { dateTime, title } = document.querySelector('li:nth-child(3) time');
        return [dateTime, title.slice(0, 17)]";
    assert_eq!(window.evaluate(last).await, json!(["2020-02-21T12:00:00Z", "February 21, 2020"]));

    simulator.tweet("Milada", "now").await;
    window.sees_in(".news", "1 new message").await;
    window.press("1 new message").await;
    eventually("the time of the new message", async || {
        let text = window.text(".messages li:first-child time").await;
        (text == "just now" || text.ends_with(" ago")).then_some(())
    })
    .await;
    assert_eq!(window.console().await, [""; 0]);
}

#[tokio::test]
async fn a_message_is_deleted_after_a_dialog_on_a_phone() {
    delete(PHONE).await;
}

#[tokio::test]
async fn a_message_is_deleted_after_a_dialog_on_a_desktop() {
    delete(DESKTOP).await;
}

async fn delete(screen: Screen) {
    let app = App::start().await;
    let window = Window::open(&app, screen).await;
    sign_up_and_in(&window, "Milada").await;
    for text in ["to be kept", "to be deleted"] {
        window.fill("[name=text]", text).await;
        window.press("Share").await;
        window.sees_in(".messages", text).await;
    }
    let open_dialog = async || {
        window.click(".messages li:first-child a[href$='/delete']").await;
        window.sees_in("dialog[open]", "to be deleted").await;
        assert_eq!(window.label(&window.find("dialog").await).await, "Delete Message");
        let focused =
            "return document.activeElement.closest('dialog') && document.activeElement.tagName";
        assert_eq!(window.evaluate(focused).await, "A", "the link back has the focus");
    };
    let dialog_closes = async || {
        eventually("the dialog is closed", async || {
            window.find_all("dialog").await.is_empty().then_some(())
        })
        .await;
        assert_eq!(window.focused().await, "Delete", "the link has the focus again");
        assert_eq!(window.texts(".messages .text").await, ["to be deleted", "to be kept"]);
    };
    open_dialog().await;
    window.types([Key::Escape]).await;
    dialog_closes().await;
    open_dialog().await;
    window.types([Key::Enter]).await;
    dialog_closes().await;
    open_dialog().await;
    window.press("Delete").await;
    eventually("the message is gone", async || {
        (window.texts(".messages .text").await == ["to be kept"]).then_some(())
    })
    .await;
    assert_eq!(window.console().await, [""; 0]);
}
