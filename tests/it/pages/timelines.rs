//! The messages that each timeline shows.

use super::{messages, newest};
use crate::support::{App, actors::Browser};

const EMPTY: &str = "<em>There's no message so far.</em>";

#[tokio::test]
async fn each_timeline_has_its_title_and_a_text_if_empty() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for (browser, path, title) in [
        (&app.anonymous(), "/public", "Public Timeline"),
        (&app.anonymous(), "/alice", "alice&#39;s Timeline"),
        (&alice, "/public", "Public Timeline"),
        (&alice, "/", "My Timeline"),
        (&alice, "/alice", "alice&#39;s Timeline"),
    ] {
        let page = browser.visit(path).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let title = title.replace("&#39;", "'");
        page.says(EMPTY)
            .says(&format!("<title>{title} | MiniTwit</title>"))
            .says(&format!("<h2>{title}</h2>"));
    }
    alice.say("hello").await;
    for path in ["/public", "/", "/alice"] {
        alice.get(path).await.does_not_say(EMPTY);
    }
    alice.get("/public").await.does_not_say("twitbox");
}

#[tokio::test]
async fn visitors_without_a_session_are_redirected_to_the_public_timeline() {
    let app = App::start().await;
    let response = app.anonymous().get("/").await;
    assert_eq!((response.status, response.header("location")), (302, "/public"));
}

#[tokio::test]
async fn the_newest_message_is_first() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for text in ["one", "two", "three"] {
        alice.say(text).await;
    }
    for path in ["/", "/public", "/alice"] {
        assert_eq!(messages(&alice.get(path).await), ["three", "two", "one"], "{path}");
    }
}

#[tokio::test]
async fn the_own_timeline_has_messages_of_the_viewer_and_followees() {
    let app = App::start().await;
    let [alice, bob, carol] =
        [app.signed_in("alice").await, app.signed_in("bob").await, app.signed_in("carol").await];
    for (browser, text) in [(&alice, "of alice"), (&bob, "of bob"), (&carol, "of carol")] {
        browser.say(text).await;
    }
    alice.post("/bob/follow", &[]).await;
    carol.post("/alice/follow", &[]).await;
    assert_eq!(messages(&alice.get("/").await), ["of bob", "of alice"]);
    assert_eq!(messages(&bob.get("/").await), ["of bob"]);
    assert_eq!(messages(&carol.get("/").await), ["of carol", "of alice"]);
    assert_eq!(messages(&alice.get("/public").await), ["of carol", "of bob", "of alice"]);
    assert_eq!(messages(&alice.get("/bob").await), ["of bob"]);
    alice.post("/bob/unfollow", &[]).await;
    assert_eq!(messages(&alice.get("/").await), ["of alice"]);
}

#[tokio::test]
async fn flagged_messages_appear_nowhere() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let bob = app.signed_in("bob").await;
    bob.post("/alice/follow", &[]).await;
    for text in ["fine", "flagged", "good"] {
        alice.say(text).await;
    }
    app.execute("UPDATE messages SET flagged = true WHERE text = 'flagged'").await;
    for (browser, path) in
        [(&alice, "/"), (&alice, "/public"), (&alice, "/alice"), (&bob, "/"), (&bob, "/alice")]
    {
        assert_eq!(messages(&browser.get(path).await), ["good", "fine"], "{path}");
    }
}

#[tokio::test]
async fn each_message_shows_its_author_and_time() {
    let app = App::start().await;
    let roger = app.signed_in("Roger Histand").await;
    roger.say("hello").await;
    app.execute("UPDATE messages SET published_at = '2020-02-09 01:05:59.999+02'").await;
    let id = newest(&app).await;
    for path in ["/", "/public", "/Roger%20Histand"] {
        roger
            .get(path)
            .await
            .says("<ul class=\"messages\">")
            .says(&format!("<li id=\"message-{id}\"><img src=\"/avatar/Roger%20Histand\" alt=\"\" width=\"48\" height=\"48\" loading=\"lazy\">"))
            .says("<strong><a href=\"/Roger%20Histand\">Roger Histand</a></strong>")
            .says(&format!("<small>&mdash; <a href=\"/message/{id}\"><time datetime=\"2020-02-08T23:05:59Z\">2020-02-08 @ 23:05</time></a></small>"));
    }
}

#[tokio::test]
async fn the_pages_and_the_simulator_api_show_the_same_messages() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("bob").await;
    simulator.tweet("bob", "from the simulator").await;
    let alice = app.signed_in("alice").await;
    alice.say("from a page").await;
    simulator.follow("alice", "bob").await;
    assert_eq!(messages(&alice.get("/").await), ["from a page", "from the simulator"]);
    let posted = simulator.get("/msgs/alice").await.json();
    assert_eq!(posted[0]["content"], "from a page");
    app.anonymous().sign_in("bob").await.says("You were logged in");
}

#[tokio::test]
async fn doubled_and_trailing_slashes_are_ignored() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("hello").await;
    for path in ["/public/", "//public", "//public//", "/alice/", "//alice", "//", "/login/"] {
        let page = alice.get(path).await;
        let expected = if path == "/login/" { 302 } else { 200 };
        assert_eq!(page.status, expected, "{path}");
    }
    let response = alice.post("//add_message/", &[("text", "again")]).await;
    assert_eq!((response.status, response.header("location")), (302, "/"));
    assert_eq!(messages(&alice.get("//alice//?x=//").await), ["again", "hello"]);
}

#[tokio::test]
async fn shared_caches_must_not_store_pages() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.run_scripts();
    for path in ["/", "/public", "/alice", "/unknown"] {
        assert_eq!(alice.get(path).await.header("cache-control"), "private, no-cache", "{path}");
    }
}

/// The people to follow that the viewer's own timeline suggests.
async fn suggested(browser: &Browser) -> Vec<String> {
    let page = browser.get("/").await;
    let (_, people) = page.body.split_once("People to follow</h3>").expect("suggestions");
    let names = people.split("</a></strong>").filter_map(|part| Some(part.rsplit_once('>')?.1));
    let count = people.matches("</a></strong>").count();
    names.take(count).map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn an_empty_own_timeline_leads_to_people_a_first_message_and_the_profile() {
    let app = App::start().await;
    let simulator = app.simulator();
    let alice = app.signed_in("alice").await;
    assert_eq!(suggested(&alice).await, [""; 0]);
    for name in ["quiet", "one", "two", "near", "disabled", "friend"] {
        simulator.register(name).await;
    }
    for name in ["one", "two", "disabled"] {
        simulator.tweet(name, "hello").await;
    }
    for (follower, followee) in [("one", "two"), ("quiet", "two"), ("quiet", "one")] {
        simulator.follow(follower, followee).await;
    }
    app.execute("UPDATE users SET disabled_at = now() WHERE username = 'disabled'").await;
    assert_eq!(suggested(&alice).await, ["two", "one"], "by followers");
    // People whom followees follow come first.
    simulator.follow("alice", "friend").await;
    simulator.follow("friend", "near").await;
    simulator.follow("friend", "alice").await;
    assert_eq!(suggested(&alice).await, ["near", "two", "one"]);
    alice
        .get("/")
        .await
        .says(EMPTY)
        .says("your first one")
        .says("<a href=\"/settings\">Your profile</a>");
    alice.say("hello").await.does_not_say("People to follow");
    alice.get("/?before=1_1").await.does_not_say("People to follow");
}
