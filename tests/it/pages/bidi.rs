//! Names in sentences do not reorder the text around them.

use serde_json::json;

use crate::support::{App, actors::encode};

/// Right-to-left names, and one of an earlier user that overrides the direction.
const NAMES: [&str; 3] = ["עלי", "ليلى 1", "\u{202e}ecila"];

#[tokio::test]
async fn each_name_in_a_sentence_is_isolated() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for name in NAMES {
        let insert = "INSERT INTO users (username, email, password_hash)
                      SELECT $1, 'a@b', password_hash FROM users WHERE username = 'alice'";
        sqlx::query(insert).bind(name).execute(&app.rows).await.expect(name);
        let path = format!("/{}", encode(name));
        let (bdi, plain) = (format!("<bdi>{name}</bdi>"), format!("\u{2068}{name}\u{2069}"));
        let own = app.anonymous();
        own.sign_in(name).await.says(&format!("sign out [{bdi}]"));
        own.get("/").await.says(&format!("What's on your mind {bdi}?"));
        own.say("hello").await;

        let profile = alice.get(&path).await;
        profile
            .says(&format!("<title>{plain}'s Timeline | MiniTwit</title>"))
            .says(&format!("<h2>{bdi}'s Timeline</h2>"))
            .says(&format!("content=\"The messages of {plain} on MiniTwit"))
            .says(&format!("title=\"{plain}'s Timeline\""))
            .says(&format!("property=\"og:title\" content=\"{plain} on MiniTwit\""));
        for (list, title, empty) in [
            ("followers", "Followers of", "has no followers yet."),
            ("following", "Followed by", "does not follow anyone yet."),
        ] {
            let page = alice.get(&format!("{path}/{list}")).await;
            page.says(&format!("<title>{title} {plain} | MiniTwit</title>"))
                .says(&format!("<h2>{title} {bdi}</h2>"))
                .says(&format!("<em>{bdi} {empty}</em>"));
        }
        let followed = alice.visit(&format!("{path}/follow")).await;
        followed.says(&format!("You are now following &#34;{bdi}&#34;"));
        let unfollowed = alice.visit(&format!("{path}/unfollow")).await;
        unfollowed.says(&format!("You are no longer following &#34;{bdi}&#34;"));
        let missing = alice.get(&format!("{path}x")).await;
        missing.says(&format!("There is no user named <bdi>{name}x</bdi>."));
        let id = app.count("SELECT max(message_id) FROM messages").await;
        let message = alice.get(&format!("/message/{id}")).await;
        message
            .says(&format!("<title>{plain}'s Message | MiniTwit</title>"))
            .says(&format!("<h2>{bdi}'s Message</h2>"));
        let feed = alice.get(&format!("{path}.atom")).await;
        feed.says(&format!("<title>MiniTwit: {plain}&#39;s Timeline</title>"));
    }
}

#[tokio::test]
async fn tags_display_names_and_token_names_are_isolated() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let path = format!("/tag/{}", encode("שלום"));
    alice
        .get(&path)
        .await
        .says("<title>\u{2068}#שלום\u{2069} | MiniTwit</title>")
        .says("<h2><bdi>#שלום</bdi></h2>");
    let missing = alice.get(&format!("/tag/{}", encode("שלום x"))).await;
    missing.says("There is no tag <bdi>#שלום x</bdi>: a tag");
    let api = app.api().signed_in("alice").await;
    api.patch("/users/alice", json!({"display_name": "שלום"})).await;
    let profile = alice.get("/alice").await;
    profile.says("<p class=\"display-name\" dir=\"auto\">שלום</p>");
    profile.says("content=\"\u{2068}שלום\u{2069} (alice) on MiniTwit\"");
    let token = json!({"username": "alice", "password": "secret", "name": "שלום"});
    app.api().post("/tokens", token).await;
    let tokens = alice.get("/settings/tokens").await;
    tokens
        .says("<bdi><strong>שלום</strong></bdi>")
        .says("aria-label=\"Revoke \u{2068}שלום\u{2069}\"");
}

/// Clients of the original compare the texts with such names.
#[tokio::test]
async fn a_sentence_with_a_left_to_right_name_is_unchanged() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for name in ["bob", "李 🦀", "Žluť-1"] {
        app.simulator().register(name).await;
        let page = alice.visit(&format!("/{}/follow", encode(name))).await;
        page.says(&format!("<li>You are now following &#34;{name}&#34;</li>"))
            .says(&format!("<title>{name}'s Timeline | MiniTwit</title>"))
            .says(&format!("<h2>{name}'s Timeline</h2>"))
            .does_not_say("\u{2068}");
    }
}
