//! The pages without a mouse.

use fantoccini::key::Key;

use super::sign_in;
use crate::support::{
    App,
    window::{Screen, Window},
};

#[tokio::test]
async fn every_form_works_with_the_keyboard() {
    let app = App::start().await;
    app.anonymous().sign_up("Milada").await;
    let window = Window::open(&app, Screen::DESKTOP).await;

    window.go("/login").await;
    window.sees_in("h2", "Sign In").await;
    let links = ["Skip to content", "public timeline", "search", "sign up", "sign in"];
    assert_eq!(tab(&window, 5).await, links);
    assert_eq!(tab(&window, 1).await, ["Username"]);
    window.types("Milada".chars()).await;
    assert_eq!(tab(&window, 1).await, ["Password"]);
    window.types("secret".chars()).await;
    assert_eq!(tab(&window, 1).await, ["Sign In"]);
    window.types([Key::Enter]).await;
    window.sees_in(".flashes", "You were logged in").await;

    assert_eq!(
        tab(&window, 7).await,
        [
            "Skip to content",
            "my timeline",
            "public timeline",
            "search",
            "settings",
            "sign out [Milada]",
            "What's on your mind Milada?",
        ]
    );
    window.types("No mouse was moved.".chars()).await;
    assert_eq!(tab(&window, 1).await, ["Share"]);
    window.types([Key::Enter]).await;
    window.sees_in(".flashes", "Your message was recorded").await;
    assert_eq!(window.texts(".messages .text").await, ["No mouse was moved."]);

    assert_eq!(tab(&window, 6).await.last().unwrap(), "sign out [Milada]");
    window.types([' ']).await;
    window.sees_in(".flashes", "You were logged out").await;
}

#[tokio::test]
async fn the_skip_link_is_visible_when_focused_and_skips_the_navigation() {
    let app = App::start().await;
    let window = Window::open(&app, Screen::PHONE).await;
    window.go("/login").await;
    window.sees_in("h2", "Sign In").await;
    assert!(top_of_skip_link(&window).await < 0.0, "it is hidden");
    assert_eq!(tab(&window, 1).await, ["Skip to content"]);
    assert!(top_of_skip_link(&window).await >= 0.0, "it is visible");
    window.types([Key::Enter]).await;
    assert_eq!(tab(&window, 1).await, ["Username"]);
}

async fn top_of_skip_link(window: &Window) -> f64 {
    let top = "return document.querySelector('.skip').getBoundingClientRect().top";
    window.evaluate(top).await.as_f64().unwrap()
}

#[tokio::test]
async fn after_an_error_the_field_has_the_focus() {
    let app = App::start().await;
    let window = Window::open(&app, Screen::DESKTOP).await;
    window.go("/login").await;
    sign_in(&window, "unknown", "secret").await;
    window.sees_in(".error", "Error: Invalid username").await;
    assert_eq!(window.focused().await, "Username");
    window.go("/register").await;
    window.fill("[name=username]", "Milada").await;
    window.press("Sign Up").await;
    window.sees_in("#email-error", "You have to enter a valid email address").await;
    window.sees_in("#password-error", "You have to enter a password").await;
    assert_eq!(window.focused().await, "E-mail address", "the first wrong field");
}

/// Presses Tab `times` times; returns the label of each focused element.
async fn tab(window: &Window, times: usize) -> Vec<String> {
    let mut labels = Vec::new();
    for _ in 0..times {
        window.types([Key::Tab]).await;
        labels.push(window.focused().await);
    }
    labels
}
