//! Disabled users: their sessions and tokens end immediately on all replicas.

use crate::support::App;

#[tokio::test]
async fn disabling_a_user_ends_sessions_and_tokens_and_prevents_new_ones() {
    let app = App::start().await;
    let replica = app.replica().await;
    let ann = app.api_user("ann").await;
    let browser = app.anonymous();
    browser.sign_in("ann").await;
    browser.visit("/").await.says("My Timeline");

    app.execute("UPDATE users SET disabled_at = now()").await;
    ann.get("/tokens").await.problem(401);
    browser.visit("/").await.does_not_say("My Timeline");
    browser.post("/add_message", &[("text", "still here")]).await;
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
    for server in [&app, &replica] {
        let response = server.api().make_token("ann", "secret").await;
        assert_eq!(response.problem(403)["detail"], "This account is disabled");
        let page = server.anonymous().sign_in("ann").await;
        page.says("This account is disabled").does_not_say("You were logged in");
    }

    // Sessions and tokens do not come back when the user is enabled again.
    app.execute("UPDATE users SET disabled_at = NULL").await;
    ann.get("/tokens").await.problem(401);
    browser.visit("/").await.does_not_say("My Timeline");
    browser.sign_in("ann").await;
    browser.visit("/").await.says("My Timeline");
}

#[tokio::test]
async fn only_the_right_password_reveals_that_an_account_is_disabled() {
    let app = App::start().await;
    app.api_user("ann").await;
    let before = app.api().make_token("ann", "guess").await.problem(401);
    let page_before =
        app.anonymous().submit("/login", &[("username", "ann"), ("password", "x")]).await;
    app.execute("UPDATE users SET disabled_at = now()").await;
    assert_eq!(app.api().make_token("ann", "guess").await.problem(401), before);
    let page = app.anonymous().submit("/login", &[("username", "ann"), ("password", "x")]).await;
    assert_eq!(page.body, page_before.body);
}
