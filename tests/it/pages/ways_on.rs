//! What a failed request leaves: the text that the user wrote, and the way to go on.

use std::time::Duration;

use minitwit::service::{Rate, RateLimits};
use reqwest::Method;

use super::{messages, newest};
use crate::support::{
    App,
    actors::{Browser, TestResponse},
    cluster::TestDatabase,
};

const TEXT: &str = "one <two>\r\nthree & \"four\"";
const STORED: &str = "one <two>\nthree & \"four\"";
const SHOWN: &str = ">\none &lt;two&gt;\nthree &amp; &#34;four&#34;</textarea>";

/// The hidden fields of the form with this target, as a browser sends them.
fn hidden_fields(page: &TestResponse, action: &str) -> Vec<(String, String)> {
    let start = format!(" action=\"{action}\" method=\"post\"");
    let (_, form) = page.body.split_once(&start).unwrap_or_else(|| panic!("{action}: {page:?}"));
    let form = form.split("</form>").next().expect("an end");
    let inputs = form.split("<input type=\"hidden\" name=\"").skip(1);
    let fields = inputs.map(|input| {
        let mut parts = input.split('"');
        let (name, value) = (parts.next().expect("a name"), parts.nth(1).expect("a value"));
        (name.to_owned(), value.replace("&amp;", "&"))
    });
    fields.collect()
}

/// Fills in and sends the sign-in form of `page`; `text` is what its field for a message contains.
async fn sign_in_on(
    browser: &Browser,
    page: &TestResponse,
    (username, password): (&str, &str),
    text: Option<&str>,
) -> TestResponse {
    let hidden = hidden_fields(page, "/login");
    let mut form = vec![("username", username), ("password", password)];
    form.extend(text.map(|text| ("text", text)));
    form.extend(hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    browser.post("/login", &form).await
}

#[tokio::test]
async fn a_protected_page_asks_for_the_password_and_then_appears() {
    let app = App::start().await;
    app.signed_in("alice").await.say("hello").await;
    let edit = format!("/message/{}/edit", newest(&app).await);
    for (method, path, next) in [
        (Method::GET, "/settings", "/settings"),
        (Method::GET, "/settings/tokens?before=7", "/settings/tokens?before=7"),
        (Method::GET, "/settings/account/delete", "/settings/account/delete"),
        (Method::GET, "/settings/data.json", "/settings/data.json"),
        (Method::GET, &edit, &edit),
        (Method::GET, "/alice/follow", "/alice"),
        (Method::POST, "/alice/follow", "/alice"),
        (Method::POST, "/settings/profile", "/settings"),
        (Method::POST, "/settings/sessions/end", "/settings"),
        (Method::POST, "/add_message", "/"),
    ] {
        let browser = app.anonymous();
        let page = TestResponse::of(browser.request(method, path)).await;
        assert_eq!(page.status, 401, "{path}");
        page.says("You have to sign in to do this.").does_not_say("<textarea");
        // A wrong password does not lose the way.
        let page = sign_in_on(&browser, &page, ("alice", "guess"), None).await;
        assert_eq!(page.status, 200, "{path}");
        page.says("<strong>Error:</strong> Invalid password</div>");
        let response = sign_in_on(&browser, &page, ("alice", "secret"), None).await;
        assert_eq!((response.status, response.header("location")), (302, next), "{path}");
        browser.get("/public").await.says("You were logged in").says("sign out [alice]");
    }
}

#[tokio::test]
async fn signing_in_leads_to_no_other_site() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    for next in [
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        "https://evil.test",
        "https:evil.test",
        "evil.test",
        "javascript:alert(1)",
        "/a\r\nlocation: //evil.test",
        " //evil.test",
        "",
        "/\u{0}",
        "/é",
    ] {
        let browser = app.anonymous();
        let form = |password| [("username", "alice"), ("password", password), ("next", next)];
        let page = browser.post("/login", &form("guess")).await;
        page.does_not_say("evil.test");
        let response = browser.post("/login", &form("secret")).await;
        assert_eq!((response.status, response.header("location")), (302, "/"), "{next:?}");
        let again = browser.post("/login", &form("secret")).await;
        assert_eq!((again.status, again.header("location")), (302, "/"), "{next:?}");
    }
}

#[tokio::test]
async fn a_text_of_an_ended_session_is_posted_after_signing_in() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("hello").await;
    let edit = format!("/message/{}/edit", newest(&app).await);
    for (path, flash, stored) in [
        ("/add_message", "Your message was recorded", &[STORED, "hello"][..]),
        (&edit, "Your message was changed", &[STORED, STORED]),
    ] {
        app.execute("DELETE FROM sessions").await;
        let form = [("text", TEXT), ("key", "a-key")];
        let mut page = alice.post(path, &form).await;
        assert_eq!(page.status, 401, "{path}");
        for password in ["guess", "again"] {
            page.says(SHOWN);
            page = sign_in_on(&alice, &page, ("alice", password), Some(TEXT)).await;
            page.says("Invalid password").says(SHOWN);
        }
        let response = sign_in_on(&alice, &page, ("alice", "secret"), Some(TEXT)).await;
        assert_eq!(response.status, 302, "{response:?}");
        let shown = alice.get(response.header("location")).await;
        shown.says("You were logged in").says(flash);
        let texts = "SELECT string_agg(text, '|' ORDER BY message_id DESC) FROM messages";
        let texts: String = sqlx::query_scalar(texts).fetch_one(&app.rows).await.expect("texts");
        assert_eq!(texts.split('|').collect::<Vec<_>>(), stored, "{path}");
        // A second click posts nothing more.
        let again = sign_in_on(&alice, &page, ("alice", "secret"), Some(TEXT)).await;
        assert_eq!(again.status, 302);
        assert_eq!(app.count("SELECT count(*) FROM messages").await, 2);
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_posted_after_signing_in_is_shown_again() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let browser = app.anonymous();
    let long = "a".repeat(281);
    let page = browser.post("/add_message", &[("text", &long)]).await;
    assert_eq!(page.status, 401);
    let page = sign_in_on(&browser, &page, ("alice", "secret"), Some(&long)).await;
    assert_eq!(page.status, 400);
    page.says("The message must be at most 280 characters long")
        .says(&format!(">\n{long}</textarea>"));
    hidden_fields(&page, "/add_message");
    browser.say("shorter").await.says("Your message was recorded");
}

/// The form on the page of an error sends the text again.
async fn assert_can_send_again(browser: &Browser, page: &TestResponse, status: u16) {
    assert_eq!(page.status, status, "{page:?}");
    page.says(SHOWN);
    let hidden = hidden_fields(page, "/add_message");
    let mut form = vec![("text", TEXT)];
    form.extend(hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    browser.submit("/add_message", &form).await.says("Your message was recorded");
    assert_eq!(
        messages(&browser.get("/public").await)[0],
        "one &lt;two&gt;\nthree &amp; &#34;four&#34;"
    );
}

#[tokio::test]
async fn a_text_that_is_rejected_for_now_is_shown_again() {
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        settings.pool.statement_timeout = Duration::from_millis(500);
        let posts_per_account = Rate::new(2, 1);
        settings.service.limits = RateLimits { posts_per_account, ..RateLimits::default() };
    })
    .await;
    let form = [("text", TEXT), ("key", "a-key")];

    let alice = app.signed_in("alice").await;
    let foreign = alice.request(Method::POST, "/add_message").form(&form);
    let foreign = TestResponse::of(foreign.header("origin", "http://evil.test")).await;
    assert_can_send_again(&alice, &foreign, 403).await;

    let bob = app.signed_in("bob").await;
    let mut lock = app.rows.begin().await.expect("a transaction");
    sqlx::raw_sql("LOCK TABLE messages").execute(&mut *lock).await.expect("a lock");
    let busy = bob.post("/add_message", &form).await;
    lock.rollback().await.expect("unlocked");
    assert_ne!(busy.header("retry-after"), "");
    assert_can_send_again(&bob, &busy, 503).await;

    let carol = app.signed_in("carol").await;
    let limited = loop {
        let response = carol.post("/add_message", &form[..1]).await;
        if response.status != 302 {
            break response;
        }
    };
    assert_eq!(limited.status, 429, "{limited:?}");
    assert_ne!(limited.header("retry-after"), "");
    limited.says(SHOWN);
    hidden_fields(&limited, "/add_message");
}

#[tokio::test]
async fn the_text_for_a_message_that_is_gone_can_become_a_new_one() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("hello").await;
    let path = format!("/message/{}", newest(&app).await);
    alice.post(&format!("{path}/delete"), &[]).await;
    let page = alice.post(&format!("{path}/edit"), &[("text", TEXT)]).await;
    assert_can_send_again(&alice, &page, 404).await;
}

#[tokio::test]
async fn after_sign_up_the_name_is_filled_in_once() {
    let app = App::start().await;
    let browser = app.anonymous();
    browser
        .sign_up("O'Brien <1>")
        .await
        .says("name=\"username\" value=\"O&#39;Brien &lt;1&gt;\"")
        .says("autocomplete=\"current-password\" autofocus>");
    browser.get("/login").await.says("name=\"username\" value=\"\"").does_not_say("autofocus");
}
