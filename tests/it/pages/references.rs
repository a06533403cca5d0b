//! What messages refer to: users, tags and addresses of the web are links, and nothing else is.

use super::messages;
use crate::support::App;

#[tokio::test]
async fn mentions_tags_and_addresses_are_links_on_every_page() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("Hi @bob, @žluť: #Rust and #東京! See (https://example.net/?a=1&b='2#c).").await;
    let expected = "Hi <a href=\"/bob\">@bob</a>, \
        <a href=\"/%C5%BElu%C5%A5\">@žluť</a>: \
        <a href=\"/tag/Rust\">#Rust</a> and \
        <a href=\"/tag/%E6%9D%B1%E4%BA%AC\">#東京</a>! See (\
        <a href=\"https://example.net/?a=1&amp;b=&#39;2#c\" rel=\"nofollow ugc noopener\">\
        https://example.net/?a=1&amp;b=&#39;2#c</a>).";
    for path in ["/", "/public", "/alice", "/message/1", "/tag/rust"] {
        assert_eq!(messages(&alice.get(path).await), [expected], "{path}");
    }
    assert_eq!(messages(&app.anonymous().get("/public").await), [expected], "the kept page");
}

#[tokio::test]
async fn no_text_becomes_markup_by_being_a_link() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for (text, expected) in [
        (
            "https://a.example/\"onmouseover=alert(1)",
            "<a href=\"https://a.example/\" rel=\"nofollow ugc noopener\">https://a.example/</a>&#34;onmouseover=alert(1)",
        ),
        (
            "<a href='https://a.example/'>x</a>",
            "&lt;a href=&#39;<a href=\"https://a.example/\" rel=\"nofollow ugc noopener\">https://a.example/</a>&#39;&gt;x&lt;/a&gt;",
        ),
        ("<script>@bob</script>", "&lt;script&gt;<a href=\"/bob\">@bob</a>&lt;/script&gt;"),
        ("javascript:alert(1) data:x &#39;", "javascript:alert(1) data:x &amp;#39;"),
        ("alice@example.org C# #1", "alice@example.org C# #1"),
    ] {
        alice.say(text).await;
        assert_eq!(messages(&alice.get("/").await)[0], expected, "{text}");
    }
}

#[tokio::test]
async fn a_mention_of_nobody_leads_to_a_page_that_says_so() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("@nobody and @alice").await.says("<a href=\"/nobody\">@nobody</a>");
    assert_eq!(alice.get("/nobody").await.status, 404);
    assert_eq!(alice.get("/alice").await.status, 200);
}

#[tokio::test]
async fn no_user_is_looked_up_for_a_mention() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("@later").await;
    let before = alice.get("/").await.body;
    app.signed_in("later").await;
    let after = alice.get("/").await.body;
    assert!(before.contains("\"/later\"") && after.contains("\"/later\""));
}
