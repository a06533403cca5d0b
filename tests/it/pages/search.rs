//! The search page.

use super::{messages, older, profile::names};
use crate::support::{App, actors::encode};

#[tokio::test]
async fn an_empty_search_shows_only_the_form() {
    let app = App::start().await;
    app.signed_in("alice").await.say("hello").await;
    let anonymous = app.anonymous();
    for (query, text) in [
        ("", "Finds messages that contain all of your words."),
        ("?q=", "Finds messages"),
        ("?q=%20%09&in=messages", "Finds messages"),
        ("?in=people", "Finds people whose username begins with your text."),
    ] {
        let page = anonymous.get(&format!("/search{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        page.says("<h2>Search</h2>").says("action=\"/search\"").says(text);
        page.does_not_say("class=\"messages\"").does_not_say("class=\"people\"");
    }
}

#[tokio::test]
async fn a_search_finds_messages_by_words_newest_first_in_pages() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for number in 1..=35 {
        alice.say(&format!("Needle & thread {number}")).await;
    }
    alice.say("haystack").await;
    let texts = |numbers: std::ops::RangeInclusive<u32>| -> Vec<String> {
        numbers.rev().map(|number| format!("Needle &amp; thread {number}")).collect()
    };
    for browser in [&alice, &app.anonymous()] {
        let first = browser.get("/search?q=thread+needle").await;
        assert_eq!(messages(&first), texts(6..=35));
        first
            .says("value=\"thread needle\"")
            .says("aria-current=\"page\">Messages</a>")
            .says("<a href=\"/search?q=thread%20needle&amp;in=people\">People</a>");
        let next = older(&first).expect("an older page").replace("&amp;", "&");
        let second = browser.get(&next).await;
        assert_eq!(messages(&second), texts(1..=5));
        second.does_not_say("Older messages");
    }
    alice.get("/search?q=hay").await.says(">haystack</span>").says(">Delete</a>");
}

#[tokio::test]
async fn a_search_finds_people_by_username_prefix_in_pages() {
    let app = App::start().await;
    app.execute(
        "INSERT INTO users (username, email, password_hash)
         SELECT 'Ann ' || lpad(n::text, 2, '0'), 'a@b', '$2b$10$' || repeat('a', 53)
         FROM generate_series(1, 32) AS n",
    )
    .await;
    let bob = app.signed_in("bob").await;
    let first = bob.get("/search?q=ann&in=people").await;
    let found = names(&first.body);
    assert_eq!((found.len(), found[0], found[29]), (30, "Ann 01", "Ann 30"));
    let (before, _) =
        first.body.split_once("\" rel=\"next\">More people</a>").expect("a next page");
    let next = before.rsplit('"').next().expect("an address").replace("&amp;", "&");
    let second = bob.get(&next).await;
    assert_eq!(names(&second.body), ["Ann 31", "Ann 32"]);
    second.says(">Back to the first page</a>").does_not_say("More people");
    bob.get("/search?q=bo&in=people").await.says("<strong><a href=\"/bob\">bob</a></strong>");
}

#[tokio::test]
async fn an_empty_result_shows_a_text() {
    let app = App::start().await;
    let anonymous = app.anonymous();
    for query in ["nowhere", "!?", "東", "%", "_"] {
        let page = anonymous.get(&format!("/search?q={}", encode(query))).await;
        assert_eq!(page.status, 200, "{query}");
        page.says("<em>No message contains all of these words.");
        let page = anonymous.get(&format!("/search?in=people&q={}", encode(query))).await;
        page.says("<em>No username begins with this.</em>");
    }
}

#[tokio::test]
async fn a_rejected_search_shows_the_query_and_the_rule() {
    let app = App::start().await;
    let anonymous = app.anonymous();
    for scope in ["messages", "people"] {
        let long = "x".repeat(101);
        let page = anonymous.get(&format!("/search?in={scope}&q={long}")).await;
        assert_eq!(page.status, 400);
        page.says("The search must be at most 100 characters long")
            .says(&format!("value=\"{long}\""));
        let page = anonymous.get(&format!("/search?in={scope}&q=a%00")).await;
        assert_eq!(page.status, 400);
        page.says("The search must not contain a NUL character");
        let page = anonymous.get(&format!("/search?in={scope}&q=a&before=%21")).await;
        assert_eq!(page.status, 400);
        page.says("malformed");
    }
    assert_eq!(anonymous.get("/search?q=a&in=nowhere").await.status, 400);
}

#[tokio::test]
async fn the_query_is_escaped() {
    let app = App::start().await;
    let query = "<script>\"'&";
    let page = app.anonymous().get(&format!("/search?q={}", encode(query))).await;
    page.does_not_say("<script>").says("value=\"&lt;script&gt;&#34;&#39;&amp;\"");
}
