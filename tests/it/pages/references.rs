//! Links in messages: mentions, tags and URLs become links, other text does not.

use super::messages;
use crate::support::App;

#[tokio::test]
async fn mentions_tags_and_urls_are_links_on_every_page() {
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
    assert_eq!(messages(&app.anonymous().get("/public").await), [expected], "the cached page");
}

#[tokio::test]
async fn a_link_does_not_turn_text_into_markup() {
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
async fn a_mention_of_an_unknown_user_links_to_a_404_page() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("@unknown and @alice").await.says("<a href=\"/unknown\">@unknown</a>");
    assert_eq!(alice.get("/unknown").await.status, 404);
    assert_eq!(alice.get("/alice").await.status, 200);
}

#[tokio::test]
async fn a_mention_is_a_link_whether_or_not_the_user_exists() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("@later").await;
    let before = alice.get("/").await.body;
    app.signed_in("later").await;
    let after = alice.get("/").await.body;
    assert!(before.contains("\"/later\"") && after.contains("\"/later\""));
}
