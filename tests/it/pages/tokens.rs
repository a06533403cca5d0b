//! The page of API tokens.

use serde_json::json;

use crate::support::{
    App,
    actors::{Browser, TestResponse},
};

async fn create(browser: &Browser, name: &str, days: &str, password: &str) -> TestResponse {
    let form = [("name", name), ("days", days), ("scopes", "read account"), ("password", password)];
    browser.post("/settings/tokens", &form).await
}

/// The secret on the page of a new token.
fn secret(page: &TestResponse) -> &str {
    assert_eq!(page.status, 200, "{page:?}");
    let (_, rest) = page.body.split_once("<code class=\"secret\">").expect("a secret");
    rest.split('<').next().expect("an end")
}

#[tokio::test]
async fn a_token_is_shown_once_and_never_cached() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.get("/settings/tokens").await.says("<em>You have no tokens.</em>");
    let page = create(&alice, "Alice's <bot>", "30", "secret").await;
    let secret = secret(&page);
    page.says("Alice&#39;s &lt;bot&gt;").says("it will not be shown again");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("set-cookie"), "");
    assert_eq!(app.api().with_token(secret).get("/tokens").await.status, 200);

    let list = alice.get("/settings/tokens").await;
    list.says("Alice&#39;s &lt;bot&gt;").does_not_say(secret);
    assert_eq!(list.header("cache-control"), "no-store");
    alice.get("/settings").await.does_not_say(secret);
    let lasts =
        "SELECT count(*) FROM api_tokens WHERE expires_at = created_at + interval '30 days'";
    assert_eq!(app.count(lasts).await, 1);
}

#[tokio::test]
async fn the_page_offers_scopes_and_shows_them_with_the_last_use() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice
        .get("/settings/tokens")
        .await
        .says("<option value=\"read\">read</option>")
        .says("<option value=\"read write\" selected>")
        .says("<option value=\"read write account\">");
    for (scopes, permitted) in [
        (Some("read"), "read"),
        (Some("read write account"), "read write account"),
        // A form of the page always has scopes; other programs may omit them.
        (None, "read write"),
    ] {
        let mut form = vec![("name", "bot"), ("days", "7"), ("password", "secret")];
        form.extend(scopes.map(|scopes| ("scopes", scopes)));
        let page = alice.post("/settings/tokens", &form).await;
        page.says(&format!("Scopes: {permitted}</p>"));
        let client = app.api().with_token(secret(&page));
        let scopes: Vec<&str> = permitted.split(' ').collect();
        assert_eq!(client.get("/account").await.json()["token"]["scopes"], json!(scopes));
    }
    for scopes in ["", "admin", "read,write", "read read"] {
        let form = [("name", "bot"), ("days", "7"), ("scopes", scopes), ("password", "secret")];
        assert_eq!(alice.post("/settings/tokens", &form).await.status, 400, "{scopes:?}");
    }
    app.execute(
        "UPDATE api_tokens SET last_used_at = NULL;
         UPDATE api_tokens SET last_used_at = '2020-02-22 13:37:59Z' WHERE scopes = '{read}'",
    )
    .await;
    let list = alice.get("/settings/tokens").await;
    let used = "Last used <time datetime=\"2020-02-22T13:37:59Z\">2020-02-22 @ 13:37</time>";
    list.says(&format!("Scopes: read. {used}"));
    list.says("Scopes: read write account. Never used");
}

#[tokio::test]
async fn a_revoked_token_is_rejected() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let page = create(&alice, "bot", "7", "secret").await;
    let client = app.api().with_token(secret(&page));
    let list = alice.get("/settings/tokens").await;
    let (_, rest) = list.body.split_once("action=\"/settings/tokens/").expect("a form");
    let id = rest.split('/').next().expect("a number");
    let path = format!("/settings/tokens/{id}/revoke");

    let bob = app.signed_in("bob").await;
    let rejected = bob.post(&path, &[]).await;
    assert_eq!(rejected.status, 404);
    rejected.says("You have no such token").says("sign out [bob]");
    assert_eq!(client.get("/tokens").await.status, 200);

    let response = alice.post(&path, &[]).await;
    assert_eq!((response.status, response.header("location")), (302, "/settings/tokens"));
    alice.get("/settings/tokens").await.says("The token was revoked").says("You have no tokens.");
    client.get("/tokens").await.problem(401);
    assert_eq!(alice.post(&path, &[]).await.status, 404);
    assert_eq!(alice.post("/settings/tokens/x/revoke", &[]).await.status, 404);
}

#[tokio::test]
async fn a_rejected_token_form_shows_the_rule() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for (name, password, field, rule) in [
        ("", "secret", "name", "The name must not be empty"),
        (" bot", "secret", "name", "The name must not begin or end with white space"),
        ("bot", "", "password", "Invalid password"),
        ("bot", "guess", "password", "Invalid password"),
    ] {
        let page = create(&alice, name, "365", password).await;
        assert_eq!(page.status, 400, "{name:?} {password:?}");
        page.says(&format!("<p class=\"error\" id=\"{field}-error\">{rule}</p>"))
            .says(&format!("name=\"name\" value=\"{name}\""))
            .says("<option value=\"365\" selected>")
            .does_not_say("value=\"secret\"")
            .does_not_say("guess");
    }
    for days in ["0", "8", "366", "x", "-1"] {
        assert_eq!(create(&alice, "bot", days, "secret").await.status, 400, "{days}");
    }
    assert_eq!(app.count("SELECT count(*) FROM api_tokens").await, 0);
}

#[tokio::test]
async fn tokens_are_listed_in_pages() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    app.execute(
        "INSERT INTO api_tokens (user_id, token_hash, name, scopes, created_at, expires_at)
         SELECT user_id, sha256(n::text::bytea), 'bot ' || n, '{read}', '2020-02-21Z',
                now() + interval '1 day'
         FROM users, generate_series(1, 31) AS n ORDER BY n",
    )
    .await;
    let page = alice.get("/settings/tokens").await;
    page.says("<strong>bot 31</strong>").says("<strong>bot 2</strong>").does_not_say(">bot 1<");
    page.says("Created <time datetime=\"2020-02-21\">21 February 2020</time>, expires <time ")
        .says("aria-label=\"Revoke bot 31\">Revoke</button></form></li>");
    let (before, _) = page.body.split_once("\" rel=\"next\">Older tokens</a>").expect("a link");
    let last = alice.get(before.rsplit('"').next().expect("an address")).await;
    last.says("<strong>bot 1</strong>").does_not_say("bot 2").does_not_say("Older tokens");
    assert_eq!(alice.get("/settings/tokens?before=x").await.status, 400);
}
