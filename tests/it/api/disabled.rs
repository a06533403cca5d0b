//! A user whom an operator has disabled: out at once, everywhere, and told so to nobody else.

use crate::support::App;

#[tokio::test]
async fn sessions_and_tokens_stop_at_once_and_nothing_new_begins() {
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
        let refusal = server.api().make_token("ann", "secret").await;
        assert_eq!(refusal.problem(403)["detail"], "This account is disabled");
        let page = server.anonymous().sign_in("ann").await;
        page.says("This account is disabled").does_not_say("You were logged in");
    }

    // What has ended has ended, whoever is let in again.
    app.execute("UPDATE users SET disabled_at = NULL").await;
    ann.get("/tokens").await.problem(401);
    browser.visit("/").await.does_not_say("My Timeline");
    browser.sign_in("ann").await;
    browser.visit("/").await.says("My Timeline");
}

#[tokio::test]
async fn only_who_knows_the_password_is_told() {
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
