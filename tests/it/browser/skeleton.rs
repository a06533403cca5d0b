//! The elements of the original, by which programs of other teams find their way, with and without scripts.

use fantoccini::key::Key;

use super::{sign_in, sign_up};
use crate::support::{
    App,
    window::{Screen, Window},
};

/// The elements of every page, outermost first.
const FRAME: [&str; 4] =
    ["body > div.page", "div.page div.navigation", "div.page div.body", "div.page div.footer"];

/// Clicks the link of the navigation with this text.
async fn navigate(window: &Window, text: &str, title: &str) {
    window.follow(text).await;
    window.sees_in("div.body h2", title).await;
    for selector in FRAME {
        assert_eq!(window.find_all(selector).await.len(), 1, "{selector}: {title}");
    }
}

async fn click_through(screen: Screen) {
    let app = App::start().await;
    app.signed_in("Tomasz").await.say("Is anybody there?").await;
    let window = Window::open(&app, screen).await;
    window.go("/public").await;
    navigate(&window, "sign up", "Sign Up").await;
    sign_up(&window, "Milada", "secret").await;
    window.sees_in("ul.flashes > li", "You were successfully registered").await;
    sign_in(&window, "Milada", "secret").await;
    window.sees_in("ul.flashes > li", "You were logged in").await;

    window.fill("div.twitbox [name=text]", "Hello").await;
    if screen.scripts {
        window.types([Key::Enter]).await;
    } else {
        window.press("Share").await;
    }
    window.sees_in("ul.flashes > li", "Your message was recorded").await;
    navigate(&window, "public timeline", "Public Timeline").await;
    assert_eq!(window.texts("ul.messages > li > p > strong > a").await, ["Milada", "Tomasz"]);
    let messages = window.texts("ul.messages > li > p").await;
    assert!(messages[0].contains("Hello") && messages[1].contains("Is anybody there?"));
    for date in window.texts("ul.messages > li > p > small").await {
        assert!(date.starts_with('\u{2014}'), "{date}");
    }

    window.click("ul.messages > li:nth-child(2) > p > strong > a").await;
    window.sees_in("div.body h2", "Tomasz's Timeline").await;
    window.click("div.followstatus .follow").await;
    window.sees_in("ul.flashes > li", "You are now following").await;
    navigate(&window, "my timeline", "My Timeline").await;
    assert_eq!(window.texts("ul.messages > li > p > strong > a").await, ["Milada", "Tomasz"]);
    window.click("div.navigation button").await;
    window.sees_in("ul.flashes > li", "You were logged out").await;
    assert_eq!(window.console().await, [""; 0]);
}

#[tokio::test]
async fn the_skeleton_of_the_original_leads_through_the_pages() {
    click_through(Screen::DESKTOP).await;
}

#[tokio::test]
async fn the_skeleton_of_the_original_leads_through_the_pages_with_scripts() {
    click_through(Screen { scripts: true, ..Screen::PHONE }).await;
}
