//! Users whose name is reserved for a page. They registered it before it was reserved.

use crate::support::{App, actors::encode};

/// Inserts a user with the password `secret`.
async fn insert(app: &App, name: &str) {
    app.simulator().register("template").await;
    let insert = "INSERT INTO users (username, email, password_hash)
                  SELECT $1, 'a@b', password_hash FROM users WHERE username = 'template'";
    sqlx::query(insert).bind(name).execute(&app.rows).await.expect(name);
}

#[tokio::test]
async fn a_user_with_a_reserved_name_is_shown_below_users() {
    let app = App::start().await;
    for name in ["login", "Status", "about", "users", "sitemap.xml", "-", "bob.atom", "settings"] {
        insert(&app, name).await;
        let path = format!("/users/{}", encode(name).replace("%2E", ".").replace("%2D", "-"));
        let user = app.anonymous();
        user.sign_in(name).await.says("You were logged in");
        user.say("hello").await.says(&format!("<a href=\"{path}\">{name}</a>"));
        for browser in [&user, &app.anonymous()] {
            let page = browser.get(&path).await;
            assert_eq!(page.status, 200, "{path}");
            page.says(&format!("<h2>{name}'s Timeline</h2>")).says("hello");
            page.says(&format!("href=\"{path}/feed.atom\"")).says("property=\"og:url\"");
            page.says(&format!("{path}/followers"));
        }
        let feed = app.anonymous().get(&format!("{path}/feed.atom")).await;
        feed.says(&format!("MiniTwit: {name}&#39;s Timeline"));
        feed.says(&format!("{path}/feed.atom\"")).says(">hello</content>");

        let alice = app.signed_in(&format!("{name} fan")).await;
        alice.submit(&format!("{path}/follow"), &[]).await.says("You are now following");
        app.anonymous().get(&format!("{path}/followers")).await.says(&format!("{name} fan"));
        alice.submit(&format!("{path}/unfollow"), &[]).await.says("You are no longer following");
        assert_eq!(app.anonymous().get(&format!("{path}/following")).await.status, 200);
    }
}

#[tokio::test]
async fn the_short_path_of_a_reserved_name_leads_to_the_user_until_a_page_takes_it() {
    let app = App::start().await;
    insert(&app, "about").await;
    let answer = app.anonymous().get("/about").await;
    assert_eq!((answer.status, answer.header("location")), (302, "/users/about"));
    for path in ["/contact", "/users/contact", "/ads.txt", "/users", "/index.html", "/-/x"] {
        assert_eq!(app.anonymous().get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn other_users_are_found_below_users_too() {
    let app = App::start().await;
    app.signed_in("alice").await.say("hello").await;
    let page = app.anonymous().get("/users/alice").await;
    assert_eq!(page.status, 200);
    page.says("hello").says("<h2>alice's Timeline</h2>").says("<a href=\"/alice/followers\">");
}
