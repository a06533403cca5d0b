//! Editing and deleting a message, and following its links, without scripts.

use super::sign_up_and_in;
use crate::support::{
    App,
    window::{Screen, Window},
};

async fn share(window: &Window, text: &str) {
    window.go("/").await;
    window.fill("[name=text]", text).await;
    window.press("Share").await;
    window.sees_in(".flashes", "Your message was recorded").await;
}

#[tokio::test]
async fn the_author_edits_and_deletes_a_message() {
    for screen in [Screen::PHONE, Screen::DESKTOP] {
        let app = App::start().await;
        let window = Window::open(&app, screen).await;
        sign_up_and_in(&window, "Milada").await;
        share(&window, "Helo").await;
        window.follow("Edit").await;
        window.sees_in("h2", "Edit Message").await;
        window.fill("[name=text]", "").await;
        window.press("Save").await;
        window.sees_in(".error", "Error: You have to enter a message").await;
        window.fill("[name=text]", "Hello\n<b>there</b>").await;
        window.press("Save").await;
        window.sees_in(".flashes", "Your message was changed").await;
        window.sees_in("h2", "Milada's Message").await;
        assert_eq!(window.texts(".messages .text").await, ["Hello\n<b>there</b>"]);
        assert_eq!(window.texts(".edited").await, ["edited"]);

        window.follow("Delete").await;
        window.sees_in("h2", "Delete Message").await;
        assert_eq!(window.texts("blockquote").await, ["Hello\n<b>there</b>"]);
        window.follow("Keep it").await;
        window.sees_in("h2", "Milada's Message").await;
        window.follow("Delete").await;
        window.sees_in("h2", "Delete Message").await;
        window.press("Delete").await;
        window.sees_in(".flashes", "Your message was deleted").await;
        window.sees_in("h2", "My Timeline").await.sees("There's no message so far.").await;
    }
}

#[tokio::test]
async fn the_links_of_a_message_work() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("Ines").await;
    for number in 1..=31 {
        simulator.tweet("Ines", &format!("{number} #Rust")).await;
    }
    simulator.tweet("Ines", "@Ines #rusty https://example.org/a(b).").await;
    for screen in [Screen::PHONE, Screen::DESKTOP] {
        let window = Window::open(&app, screen).await;
        window.go("/public").await;
        window.follow("@Ines").await;
        window.sees_in("h2", "Ines's Timeline").await;
        window.follow("#rusty").await;
        window.sees_in("h2", "#rusty").await;
        assert_eq!(
            window.texts(".messages .text").await,
            ["@Ines #rusty https://example.org/a(b)."]
        );
        let out = window.find(".messages .text [rel='nofollow ugc noopener']").await;
        let address = out.prop("href").await.expect("a link");
        assert_eq!(address.as_deref(), Some("https://example.org/a(b)"));

        window.go("/tag/rust").await;
        window.follow("Older messages").await;
        window.sees("1 #Rust").await;
        assert_eq!(window.texts(".messages .text").await, ["1 #Rust"]);
        window.click("time").await;
        window.sees_in("h2", "Ines's Message").await;
        window.does_not_see("Edit").await.does_not_see("Delete").await;
    }
}
