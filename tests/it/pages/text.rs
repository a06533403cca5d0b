//! Pages show the text of users unchanged and escaped, and no private data.

use reqwest::Method;
use sha2::{Digest, Sha256};

use super::messages;
use crate::support::{
    App,
    actors::{TestResponse, encode},
};

const RAW: &str = "<script>alert(\"1\")</script> & 'q' &amp; {{ 7 * 7 }} {% x %}";
const ESCAPED: &str = "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; &#39;q&#39; \
                       &amp;amp; {{ 7 * 7 }} {% x %}";

#[tokio::test]
async fn a_message_is_escaped_byte_for_byte() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say(RAW).await;
    for path in ["/", "/public", "/alice"] {
        let page = alice.get(path).await;
        assert_eq!(messages(&page), [ESCAPED], "{path}");
        page.does_not_say("<script>");
    }
    let too_long = format!("{RAW}{}", "a".repeat(280));
    let page = alice.post("/add_message", &[("text", &too_long)]).await;
    page.says(&format!(">\n{ESCAPED}aaa")).does_not_say("<script>");
}

#[tokio::test]
async fn other_text_is_unchanged() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for text in ["žluťoučký 李 علي 🦀", "a  b\u{a0}c", "=/`\\ example.net/?a=b", "e\u{301}"]
    {
        alice.say(text).await;
        assert_eq!(messages(&alice.get("/").await)[0], text);
    }
}

#[tokio::test]
async fn a_username_is_escaped_everywhere() {
    let app = App::start().await;
    let (raw, escaped) = ("<b>\"'&", "&lt;b&gt;&#34;&#39;&amp;");
    let path = format!("/{}", encode(raw));
    let odd = app.signed_in(raw).await;
    odd.say("hello").await;
    let alice = app.signed_in("alice").await;
    let followed = alice.visit(&format!("{path}/follow")).await;
    followed.says(&format!("You are now following &#34;{escaped}&#34;"));
    for page in [
        followed,
        odd.get("/").await,
        odd.get("/public").await,
        alice.get(&path).await,
        app.anonymous().post("/login", &[("username", raw)]).await,
        app.anonymous().post("/register", &[("username", raw), ("email", raw)]).await,
        alice.get(&format!("{path}x")).await,
    ] {
        page.says(escaped).does_not_say("<b>").does_not_say("\"'&");
    }
    odd.get("/").await.says(&format!("sign out [{escaped}]"));
    odd.get("/").await.says(&format!("What's on your mind {escaped}?"));
}

/// Responses that show data of users.
async fn all_responses(app: &App) -> Vec<TestResponse> {
    let alice = app.signed_in("alice").await;
    let bob = app.signed_in("bob").await;
    alice.say("hello").await;
    let mut responses = vec![
        alice.visit("/bob/follow").await,
        app.anonymous().post("/login", &[("username", "alice"), ("password", "x")]).await,
        app.anonymous().sign_up("alice").await,
    ];
    for path in ["/", "/public", "/alice", "/bob", "/unknown", "/avatar/alice", "/docs"] {
        for browser in [&alice, &bob, &app.anonymous()] {
            responses.push(browser.visit(path).await);
        }
    }
    let simulator = app.simulator();
    responses.push(simulator.register("alice").await);
    for path in ["/msgs", "/msgs/alice", "/fllws/alice", "/msgs/unknown", "/latest"] {
        responses.push(simulator.get(path).await);
    }
    for path in ["/metrics", "/healthz", "/readyz", "/openapi.json"] {
        responses.push(TestResponse::of(alice.request(Method::GET, path)).await);
    }
    responses
}

#[tokio::test]
async fn e_mail_addresses_and_their_hashes_are_never_shown() {
    let app = App::start().await;
    app.simulator().register("carol").await;
    let mut responses = all_responses(&app).await;
    let refilled = responses.remove(2);
    refilled.says("value=\"alice@example.org\"").does_not_say("$2b$");
    app.execute("UPDATE users SET email = 'someone@example.org' WHERE username = 'alice'").await;
    responses.extend(
        all_responses(&app).await.into_iter().enumerate().filter(|it| it.0 != 2).map(|it| it.1),
    );
    // Avatar services address pictures by the MD5 or SHA-256 hash of an e-mail address.
    let md5 = "a70eaed09677478b42b11fc7a04f4c87".to_owned();
    let sha256: String =
        Sha256::digest("someone@example.org").iter().map(|byte| format!("{byte:02x}")).collect();
    for response in responses {
        // The documentation contains another address, as an example.
        for secret in ["alice@example.org", "someone@example.org", "$2b$", &md5, &sha256] {
            response.does_not_say(secret);
            for value in response.headers.values() {
                assert!(!value.to_str().expect("text").contains(secret), "{response:?}");
            }
        }
    }
}
