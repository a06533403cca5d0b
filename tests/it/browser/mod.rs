//! The pages in Chromium: desktop and phone, with and without scripts.

mod accessibility;
mod back;
mod composer;
mod cross_origin;
mod docs;
mod docs_defaults;
mod forgery;
mod journey;
mod keyboard;
mod layout;
mod live;
mod loading;
mod message;
mod people;
mod replies;
mod screenshots;
mod scripts;
mod skeleton;

use crate::support::{App, actors::encode, window::Window};

/// Usernames that are hard to lay out: quotation marks, right-to-left script, emoji, and single words
/// of the maximum length.
const HARD_NAMES: [&str; 5] = [
    r#"Ada "Countess" O'Brien"#,
    "ليلى الأخيلية",
    "🦀🦀 crab",
    "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
    "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm",
];

/// Text that looks like markup.
const MARKUP: &str = r#"<b>x</b> & "q" &amp; <img src=x>"#;

/// Signs up and in with the password `secret`, using the forms.
async fn sign_up_and_in(window: &Window, username: &str) {
    window.go("/register").await;
    sign_up(window, username, "secret").await;
    window.sees("You were successfully registered and can login now").await;
    sign_in(window, username, "secret").await;
    window.sees("You were logged in").await;
}

/// Fills in and submits the sign-up form on the page.
async fn sign_up(window: &Window, username: &str, password: &str) {
    window.fill("[name=username]", username).await;
    window.fill("[name=email]", "someone@example.org").await;
    window.fill("[name=password]", password).await;
    window.fill("[name=password2]", password).await;
    window.press("Sign Up").await;
}

/// Fills in and submits the sign-in form on the page.
async fn sign_in(window: &Window, username: &str, password: &str) {
    window.fill("[name=username]", username).await;
    window.fill("[name=password]", password).await;
    window.press("Sign In").await;
}

/// Starts a server with users and messages that are hard to lay out, on more than one page.
async fn start_with_hard_content() -> App {
    let app = App::start().await;
    let simulator = app.simulator();
    let long_word = "w".repeat(280);
    for name in HARD_NAMES {
        assert_eq!(simulator.register(name).await.status, 204, "{name}");
        for number in 1..=4 {
            simulator.tweet(name, &format!("message {number}")).await;
        }
        for text in [MARKUP, "مرحبا بكم في هذا المكان الصغير", &long_word]
        {
            assert_eq!(simulator.tweet(name, text).await.status, 204, "{text}");
        }
    }
    app
}

/// Visits every page in every state, and calls `check` with a description of each.
async fn visit_every_page(window: &Window, mut check: impl AsyncFnMut(&str)) {
    let words = "w".repeat(100);
    let found = format!("/search?q={words}");
    for path in [
        "/public",
        "/login",
        "/register",
        "/nowhere",
        "/docs/errors",
        "/search",
        "/search?q=message",
        &found,
        &format!("{found}w"),
        "/search?q=m&in=people",
        "/search?q=unknown&in=people",
    ] {
        window.go(path).await;
        check(path).await;
    }
    let [.., me, other] = HARD_NAMES;
    window.go("/register").await;
    sign_up(window, me, "secret").await;
    window.sees("The username is already taken").await;
    check("a rejected sign-up").await;
    window.follow("sign in").await;
    sign_in(window, me, "guess").await;
    window.sees("Invalid password").await;
    check("a rejected sign-in").await;
    sign_in(window, me, "secret").await;
    window.sees("You were logged in").await;
    check("my timeline").await;
    window.fill("[name=text]", &"w".repeat(281)).await;
    window.press("Share").await;
    window.sees("The message must be at most 280 characters long").await;
    check("a rejected message").await;
    visit_a_message(window, me, &mut check).await;
    for name in HARD_NAMES {
        window.go(&format!("/{}", encode(name))).await;
        check(name).await;
    }
    window.press("Follow user").await;
    window.sees(&format!("You are now following \"{other}\"")).await;
    check("a followed user").await;
    for list in ["followers", "following"] {
        window.go(&format!("/{}/{list}", encode(other))).await;
        check(list).await;
    }
    visit_settings(window, me, &mut check).await;
}

/// Visits the settings with values of the maximum length, and then the profile.
async fn visit_settings(window: &Window, me: &str, check: &mut impl AsyncFnMut(&str)) {
    window.go("/settings").await;
    check("settings").await;
    window.fill("[name=display_name]", &"M".repeat(65)).await;
    window.fill("[name=bio]", &"w".repeat(161)).await;
    window.fill("[name=email]", &"m".repeat(260)).await;
    window.press("Save profile").await;
    window.sees("The bio must be at most 160 characters long").await;
    check("a rejected profile").await;
    window.fill("[name=display_name]", &"M".repeat(64)).await;
    window.fill("[name=bio]", &"w".repeat(160)).await;
    window.fill("[name=email]", &format!("{}@example.org", "m".repeat(200))).await;
    window.press("Save profile").await;
    window.sees("Your profile was saved").await;
    window.press("Change password").await;
    window.sees("You have to enter a password").await;
    check("a rejected password").await;
    for path in [format!("/{}", encode(me)), format!("/search?in=people&q={me}")] {
        window.go(&path).await;
        window.sees_in(".display-name", "MMM").await;
        check(&path).await;
    }
    for (password, shown, what) in [
        ("guess", "Invalid password", "a rejected token"),
        ("secret", "Your New Token", "a new token"),
    ] {
        window.go("/settings/tokens").await;
        window.fill("[name=name]", &"W".repeat(64)).await;
        window.fill("[name=password]", password).await;
        window.press("Create token").await;
        window.sees(shown).await;
        check(what).await;
    }
    window.go("/settings/tokens").await;
    check("tokens").await;
    window.go("/settings/account/delete").await;
    check("the confirmation to delete the account").await;
    window.press("Delete my account").await;
    window.sees("Invalid password").await;
    check("a rejected deletion").await;
}

/// Visits the pages of a message of the viewer and of its tag.
async fn visit_a_message(window: &Window, me: &str, check: &mut impl AsyncFnMut(&str)) {
    let (tag, path) = ("m".repeat(80), "w".repeat(100));
    window.go("/").await;
    window.fill("[name=text]", &format!("@{me} #{tag} https://example.org/{path}")).await;
    window.press("Share").await;
    window.sees("Your message was recorded").await;
    window.click(".messages li:first-child small a").await;
    window.sees_in("h2", &format!("{me}'s Message")).await;
    check("a message").await;
    for text in ["a reply", "a reply to it", "the deepest"] {
        window.follow("Reply").await;
        window.sees_in("h3", "Reply to").await;
        window.fill("[name=text]", &format!("{text} {path}")).await;
        window.press("Reply").await;
        window.sees("Your message was recorded").await;
    }
    check("a message with others above it").await;
    window.click("section .messages li:first-child small a").await;
    window.sees_in("#replies", "Replies").await;
    check("a message with replies").await;
    window.follow("Edit").await;
    window.sees_in("h2", "Edit Message").await;
    check("the form to edit a message").await;
    window.fill("[name=text]", &"w".repeat(281)).await;
    window.press("Save").await;
    window.sees("The message must be at most 280 characters long").await;
    check("a rejected change").await;
    window.follow("Leave it as it is").await;
    // With scripts, a click on the link opens a dialog instead.
    let link = window.find(".own a[href$='/delete']").await;
    window.go(&link.attr("href").await.unwrap().expect("a link")).await;
    window.sees_in("h2", "Delete Message").await;
    check("the confirmation to delete a message").await;
    window.go(&format!("/tag/{tag}")).await;
    window.sees_in("h2", &format!("#{tag}")).await;
    check("a tag").await;
    window.go("/tag/nothing").await;
    window.sees("No message has this tag yet.").await;
    check("a tag without messages").await;
}
