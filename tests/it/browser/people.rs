//! A user goes through profiles, search and settings.

use super::{HARD_NAMES, sign_up_and_in};
use crate::support::{
    App,
    actors::encode,
    window::{Screen, Window},
};

#[tokio::test]
async fn people_are_found_and_followed_on_a_desktop() {
    find_and_follow(Screen::DESKTOP, HARD_NAMES[0], HARD_NAMES[1]).await;
}

#[tokio::test]
async fn people_are_found_and_followed_on_a_phone() {
    find_and_follow(Screen::PHONE, HARD_NAMES[1], HARD_NAMES[2]).await;
}

#[tokio::test]
async fn an_account_is_managed_on_a_desktop() {
    manage_account(Screen::DESKTOP, HARD_NAMES[2]).await;
}

#[tokio::test]
async fn an_account_is_managed_on_a_phone() {
    manage_account(Screen::PHONE, HARD_NAMES[0]).await;
}

async fn find_and_follow(screen: Screen, me: &str, other: &str) {
    let app = App::start().await;
    app.signed_in(other).await.say("Needles are found in haystacks.").await;
    let window = Window::open(&app, screen).await;
    sign_up_and_in(&window, me).await;

    window.follow("search").await;
    window.sees("Finds messages that contain all of your words.").await;
    window.fill("[name=q]", "haystacks needle").await;
    window.press("Search").await;
    window.sees_in(".messages", "Needles are found in haystacks.").await;
    window.follow("People").await;
    window.sees_in(".people", "No username begins with this.").await;
    window.fill("[name=q]", &other.chars().take(3).collect::<String>()).await;
    window.press("Search").await;
    window.sees_in(".people strong", other).await;
    let selected = window.text(".tabs [aria-current=page]").await;
    assert_eq!(selected, "People", "the form keeps the selected tab");

    window.follow(other).await;
    window.sees_in(".about", "1 message").await.sees_in(".about", "0 followers").await;
    window.press("Follow user").await;
    window.sees_in(".flashes", "You are now following").await;
    window.follow("1 follower").await;
    window.sees_in("h2", &format!("Followers of {other}")).await;
    assert_eq!(window.texts(".people strong").await, [me]);
    window.follow("Following").await;
    window.sees_in(".people", &format!("{other} does not follow anyone yet.")).await;
    window.follow("Messages").await;
    window.sees_in("h2", &format!("{other}'s Timeline")).await;
}

async fn manage_account(screen: Screen, me: &str) {
    let app = App::start().await;
    let window = Window::open(&app, screen).await;
    sign_up_and_in(&window, me).await;
    window.follow("settings").await;
    window.sees_in("h2", "Settings").await;
    change_profile(&window, me).await;
    change_password(&window).await;
    create_and_revoke_token(&app, &window).await;
    leave(&app, &window, me).await;
    // Chromium logs each 400 response. It would also log violations of the Content-Security-Policy.
    let console = window.console().await;
    assert!(console.iter().all(|line| line.contains("a status of 400")), "{console:?}");
}

async fn change_profile(window: &Window, me: &str) {
    window.fill("[name=display_name]", "Another name").await;
    window.fill("[name=bio]", "One line,\nand another.").await;
    window.fill("[name=email]", "nowhere").await;
    window.press("Save profile").await;
    window.sees_in("#email-error", "You have to enter a valid email address").await;
    assert_eq!(window.focused().await, "E-mail address", "the rejected field has the focus");
    window.fill("[name=email]", "me@example.org").await;
    window.press("Save profile").await;
    window.sees_in(".flashes", "Your profile was saved").await;
    let bio = window.find("[name=bio]").await.prop("value").await.unwrap();
    assert_eq!(bio.as_deref(), Some("One line,\nand another."));

    window.go(&format!("/{}", encode(me))).await;
    window.sees_in(".display-name", "Another name").await;
    window.sees_in(".bio", "One line,\nand another.").await.does_not_see("me@example.org").await;
    window.go_back().await;
}

async fn change_password(window: &Window) {
    let typed = ["secret", "safer", "safer"];
    for (current, rule) in [("guess", Some("Invalid password")), (typed[0], None)] {
        window.fill("[name=current]", current).await;
        window.fill("[name=new]", typed[1]).await;
        window.fill("[name=repeated]", typed[2]).await;
        window.press("Change password").await;
        match rule {
            Some(rule) => window.sees_in("#current-error", rule).await,
            None => window.sees_in(".flashes", "Your password was changed").await,
        };
    }
}

async fn create_and_revoke_token(app: &App, window: &Window) {
    window.follow("Your API tokens").await;
    window.sees("You have no tokens.").await;
    window.fill("[name=name]", "my bot").await;
    window.click("#days option[value='7']").await;
    window.fill("[name=password]", "safer").await;
    window.press("Create token").await;
    window.sees_in("h2", "Your New Token").await;
    let secret = window.text(".secret").await;
    let client = app.api().with_token(&secret);
    assert_eq!(client.get("/account").await.status, 200);

    window.follow("Your API tokens").await;
    window.sees_in(".tokens", "my bot").await.does_not_see(&secret).await;
    window.press("Revoke").await;
    window.sees_in(".flashes", "The token was revoked").await;
    client.get("/tokens").await.problem(401);
    window.follow("Back to the settings").await;
}

async fn leave(app: &App, window: &Window, me: &str) {
    window.press("Sign out everywhere").await;
    window.sees_in(".flashes", "You were logged out everywhere").await;
    window.go("/login").await;
    super::sign_in(window, me, "safer").await;
    window.sees("You were logged in").await;
    window.follow("settings").await;
    window.follow("Delete your account").await;
    window.sees_in("h2", "Delete Your Account").await;
    window.follow("Keep it, and go back").await;
    window.sees_in("h2", "Settings").await;
    window.follow("Delete your account").await;
    window.fill("[name=password]", "safer").await;
    window.press("Delete my account").await;
    window.sees_in(".flashes", "Your account was deleted").await;
    window.sees("sign in").await;
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
}
