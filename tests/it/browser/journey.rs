//! A user goes through the pages, from signing up to signing out.

use super::{HARD_NAMES, MARKUP, sign_in, sign_up, sign_up_and_in};
use crate::support::{
    App,
    actors::encode,
    window::{Screen, Window},
};

#[tokio::test]
async fn every_form_works_on_a_desktop() {
    use_every_form(Screen::DESKTOP, HARD_NAMES[0], HARD_NAMES[1]).await;
}

#[tokio::test]
async fn every_form_works_on_a_phone() {
    use_every_form(Screen::PHONE, HARD_NAMES[2], HARD_NAMES[0]).await;
}

async fn use_every_form(screen: Screen, me: &str, other: &str) {
    let app = App::start().await;
    app.signed_in(other).await.say("Is anybody there?").await;
    let window = Window::open(&app, screen).await;

    join(&window, me).await;
    post(&window, me).await;
    follow_and_unfollow(&window, other).await;
    leave(&window, me).await;
}

async fn join(window: &Window, me: &str) {
    window.go("/").await;
    window.sees_in("h2", "Public Timeline").await;
    window.does_not_see("sign out").await;
    window.follow("sign up").await;
    window.sees_in("h2", "Sign Up").await;
    sign_up(window, me, "secret").await;
    window.sees_in(".flashes", "You were successfully registered and can login now").await;
    window.sees_in("h2", "Sign In").await;

    sign_in(window, me, "guess").await;
    window.sees_in(".error", "Error: Invalid password").await;
    let username = window.find("[name=username]").await.prop("value").await.unwrap();
    assert_eq!(username.as_deref(), Some(me), "the form keeps the username");
    sign_in(window, me, "secret").await;
    window.sees_in(".flashes", "You were logged in").await;
    window.sees_in("h2", "My Timeline").await;
    assert_eq!(window.text("header button").await, format!("sign out [{me}]"));
    window.sees("There's no message so far.").await;
}

async fn post(window: &Window, me: &str) {
    window.sees(&format!("What's on your mind {me}?")).await;
    window.press("Share").await;
    window.sees_in(".error", "Error: You have to enter a message").await;
    window.fill("[name=text]", MARKUP).await;
    window.press("Share").await;
    window.sees_in(".flashes", "Your message was recorded").await;
    assert_eq!(window.texts(".messages .text").await, [MARKUP]);
    assert_eq!(window.texts(".messages strong").await, [me]);
    assert!(window.find_all(".messages :is(b, .text img)").await.is_empty(), "{MARKUP} is text");

    window.go("/").await;
    window.sees_in("h2", "My Timeline").await.does_not_see("Your message was recorded").await;
}

async fn follow_and_unfollow(window: &Window, other: &str) {
    window.follow("public timeline").await;
    window.sees_in("h2", "Public Timeline").await;
    window.follow(other).await;
    window.sees_in("h2", &format!("{other}'s Timeline")).await;
    window.sees_in(".followstatus", "You are not yet following this user.").await;
    window.press("Follow user").await;
    window.sees_in(".flashes", &format!("You are now following \"{other}\"")).await;
    window.sees_in(".followstatus", "You are currently following this user.").await;
    window.follow("my timeline").await;
    window.sees_in("h2", "My Timeline").await.sees("Is anybody there?").await;

    window.go_back().await;
    window.sees_in("h2", &format!("{other}'s Timeline")).await;
    window.press("Unfollow user").await;
    window.sees_in(".flashes", &format!("You are no longer following \"{other}\"")).await;
    window.sees_in(".followstatus", "You are not yet following this user.").await;
    window.follow("my timeline").await;
    window.sees_in("h2", "My Timeline").await.does_not_see("Is anybody there?").await;
}

async fn leave(window: &Window, me: &str) {
    window.follow(me).await;
    window.sees_in(".followstatus", "This is you!").await;
    window.click("header button").await;
    window.sees_in(".flashes", "You were logged out").await;
    window.sees_in("h2", "Public Timeline").await;
    window.sees("sign in").await.does_not_see("sign out").await;

    window.go(&format!("/{}", encode(me))).await;
    window.sees_in("h2", &format!("{me}'s Timeline")).await;
    assert!(window.find_all(".followstatus").await.is_empty());
}

#[tokio::test]
async fn links_lead_to_older_messages_and_back() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("Milada").await;
    for number in 1..=65 {
        simulator.tweet("Milada", &format!("message {number}")).await;
    }
    let window = Window::open(&app, Screen::PHONE).await;
    for path in ["/public", "/Milada"] {
        window.go(path).await;
        let newest = shown(65, 36);
        assert_eq!(window.texts(".messages .text").await, newest);
        window.follow("Older messages").await;
        window.sees("message 35").await;
        assert_eq!(window.texts(".messages .text").await, shown(35, 6));
        window.follow("Older messages").await;
        window.sees("message 5").await;
        assert_eq!(window.texts(".messages .text").await, shown(5, 1));
        window.does_not_see("Older messages").await;
        window.go_back().await;
        window.go_back().await;
        window.sees("message 65").await;
        assert_eq!(window.texts(".messages .text").await, newest);
    }
}

/// The texts of these messages, newest first.
fn shown(newest: u32, oldest: u32) -> Vec<String> {
    (oldest..=newest).rev().map(|number| format!("message {number}")).collect()
}

/// On an origin that is neither HTTPS nor localhost, browsers send no `Sec-Fetch-Site` and drop
/// `Secure` cookies.
#[tokio::test]
async fn the_forms_work_without_https_on_a_named_host() {
    let app = App::start().await;
    let mut window = Window::open(&app, Screen::DESKTOP).await;
    window.rebase(format!("http://minitwit.test:{}", app.address.port()));
    sign_up_and_in(&window, "Milada").await;
    window.fill("[name=text]", "Not encrypted, but said.").await;
    window.press("Share").await;
    window.sees_in(".flashes", "Your message was recorded").await;
    window.sees_in(".messages", "Not encrypted, but said.").await;
    assert_eq!(window.console().await, [""; 0]);
}
