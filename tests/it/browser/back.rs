//! Back and Forward, repeated clicks, and a wrong clock.

use super::sign_up_and_in;
use crate::support::{
    App, eventually,
    window::{Screen, Window},
};

const SCRIPTS: Screen = Screen { scripts: true, ..Screen::DESKTOP };

/// A window of a new user on a plain HTTP origin, where browsers ignore `Clear-Site-Data`.
async fn plain_http(app: &App, screen: Screen) -> Window {
    let mut window = Window::open(app, screen).await;
    window.rebase(format!("http://minitwit.test:{}", app.address.port()));
    sign_up_and_in(&window, "Milada").await;
    window
}

#[tokio::test]
async fn back_shows_a_timeline_as_it_was_left() {
    let app = App::start().await;
    let window = plain_http(&app, SCRIPTS).await;
    for number in 1..=65 {
        app.simulator().tweet("Milada", &format!("message {number}")).await;
    }
    for path in ["/public", "/", "/Milada"] {
        window.go(path).await;
        eventually("all messages", async || {
            window.evaluate("scrollTo(0, document.body.scrollHeight)").await;
            (window.texts(".messages .text").await.len() == 65).then_some(())
        })
        .await;
        window.evaluate("window.isTheSame = true; scrollTo(0, 900)").await;
        window.evaluate("document.querySelectorAll('.messages small a')[20].click()").await;
        window.sees_in("h2", "Milada's Message").await;
        window.go_back().await;
        window.sees_in(".messages", "message 1").await;
        let state = "return [window.isTheSame, Math.round(scrollY)]";
        assert_eq!(window.evaluate(state).await, serde_json::json!([true, 900]), "{path}");
        assert_eq!(window.texts(".messages .text").await.len(), 65, "{path}");
    }
    // The stream continues.
    app.simulator().tweet("Milada", "a new one").await;
    window.go("/public").await;
    window.follow("search").await;
    window.go_back().await;
    app.simulator().tweet("Milada", "another one").await;
    window.sees_in(".news", "1 new message").await;
}

#[tokio::test]
async fn after_sign_out_back_shows_nothing_private_over_plain_http() {
    let app = App::start().await;
    let window = plain_http(&app, SCRIPTS).await;
    for path in ["/", "/settings", "/settings/tokens", "/Milada", "/public"] {
        window.go(path).await;
        window.sees("sign out [Milada]").await;
    }
    window.click("header button").await;
    window.sees("You were logged out").await;
    for _ in 0..5 {
        window.go_back().await;
        window.sees("sign in").await;
        window.does_not_see("sign out [Milada]").await;
        window.does_not_see("someone@example.org").await;
    }
}

#[tokio::test]
async fn after_sign_out_back_shows_nothing_private_without_scripts() {
    let app = App::start().await;
    let window = plain_http(&app, Screen::DESKTOP).await;
    for path in ["/", "/settings", "/Milada", "/public"] {
        window.go(path).await;
        window.sees("sign out [Milada]").await;
    }
    window.click("header button").await;
    window.sees("You were logged out").await;
    for _ in 0..4 {
        window.go_back().await;
        window.does_not_see("sign out [Milada]").await;
        window.does_not_see("someone@example.org").await;
    }
}

/// Posts a text, goes back, and sends the form as the browser shows it then.
async fn post_and_repeat(window: &Window) {
    window.go("/").await;
    window.fill("[name=text]", "hello").await;
    window.click(".twitbox [type=submit]").await;
    window.sees_in(".messages", "hello").await;
    window.go_back().await;
    window.sees("sign out [Milada]").await;
    window.click(".twitbox [type=submit]").await;
    window.sees("sign out [Milada]").await;
}

#[tokio::test]
async fn back_and_send_again_posts_once() {
    for screen in [SCRIPTS, Screen::DESKTOP] {
        let app = App::start().await;
        let window = plain_http(&app, screen).await;
        post_and_repeat(&window).await;
        window.go("/").await;
        window.sees_in(".messages", "hello").await;
        let posted = app.count("SELECT count(*) FROM messages").await;
        assert_eq!(posted, 1, "scripts: {}", screen.scripts);
    }
}

#[tokio::test]
async fn a_double_click_sends_a_form_once() {
    let app = App::start().await;
    let window = Window::open(&app, SCRIPTS).await;
    sign_up_and_in(&window, "Milada").await;
    window.go("/settings/tokens").await;
    window.fill("[name=name]", "phone").await;
    window.fill("[name=password]", "secret").await;
    let twice =
        "let it = document.querySelector('[value=\"Create token\"]'); it.click(); it.click()";
    window.evaluate(twice).await;
    window.sees("Your New Token").await;
    assert_eq!(app.count("SELECT count(*) FROM api_tokens").await, 1);
}

#[tokio::test]
async fn a_time_in_the_future_reads_just_now() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("Milada").await;
    simulator.tweet("Milada", "from the future").await;
    app.execute("UPDATE messages SET published_at = now() + interval '3 hours'").await;
    let window = Window::open(&app, SCRIPTS).await;
    window.go("/Milada").await;
    window.sees_in(".messages time", "just now").await;
}
