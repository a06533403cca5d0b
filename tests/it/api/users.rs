//! Sign-up, the list of users, and profiles.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    App,
    actors::{encode, field},
};

#[tokio::test]
async fn a_new_user_can_sign_in_to_the_api_and_to_the_pages() {
    let app = App::start().await;
    let response = app.api().sign_up("Roger Histand").await;
    assert_eq!(response.status, 201, "{response:?}");
    assert_eq!(response.header("location"), "/api/v1/users/Roger%20Histand");
    assert_eq!(response.json(), json!({"username": "Roger Histand"}));
    assert_eq!(app.api().make_token("Roger Histand", "secret").await.status, 201);
    app.anonymous().sign_in("Roger Histand").await.says("You were logged in");
}

#[tokio::test]
async fn a_username_is_normalized_to_form_c() {
    let app = App::start().await;
    let response = app.api().sign_up("e\u{301}").await;
    assert_eq!(response.json()["username"], "\u{e9}");
    assert_eq!(app.api().get("/users/e%CC%81").await.json()["username"], "\u{e9}");
}

#[tokio::test]
async fn all_invalid_fields_are_named_in_one_response() {
    let app = App::start().await;
    let api = app.api();
    let all = ["username", "email", "password"];
    for body in [
        json!({}),
        json!({"username": null, "email": null, "password": null}),
        json!({"username": 1, "email": [], "password": {}}),
        json!({"username": "", "email": "", "password": ""}),
        json!({"username": "login", "email": "a", "password": "x".repeat(73)}),
        json!({"username": " a", "email": "@", "password": "a\0"}),
    ] {
        let response = api.post("/users", body.clone()).await;
        assert_eq!(response.rejected_fields(422), all, "{body}");
    }
    let one = json!({"username": "ann", "email": "nothing", "password": "my secret"});
    let response = api.post("/users", one).await;
    assert_eq!(response.rejected_fields(422), ["email"]);
    response.does_not_say("my secret").does_not_say("nothing");
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn exactly_one_of_many_simultaneous_sign_ups_for_a_username_succeeds() {
    let app = App::start().await;
    let replica = app.replica().await;
    let clients = [app.api(), replica.api()];
    let responses = join_all((0..40).map(|number| {
        let client = &clients[number % 2];
        async move { client.sign_up("ann").await }
    }))
    .await;
    let succeeded = responses.iter().filter(|response| response.status == 201).count();
    assert_eq!(succeeded, 1);
    for response in responses.iter().filter(|response| response.status != 201) {
        assert_eq!(response.rejected_fields(409), ["username"]);
        assert_eq!(response.json()["code"], "username-taken");
    }
}

#[tokio::test]
async fn each_user_is_listed_once_while_users_sign_up() {
    let app = App::start().await;
    let api = app.api();
    for number in 0..7 {
        api.sign_up(&format!("user {number}")).await;
    }
    let mut page = api.get("/users?limit=3").await;
    let mut seen = field(&page.items(), "username");
    assert_eq!(seen, ["user 6", "user 5", "user 4"]);
    // A new user comes before the first page.
    api.sign_up("late").await;
    while let Some(next) = api.follow_link(&page).await {
        seen.extend(field(&next.items(), "username"));
        page = next;
    }
    let expected: Vec<String> = (0..7).rev().map(|number| format!("user {number}")).collect();
    assert_eq!(seen, expected);
    assert_eq!(page.json()["next_cursor"], Value::Null);
    page.does_not_say("email").does_not_say("example.org");
}

#[tokio::test]
async fn invalid_limits_and_cursors_are_rejected() {
    let app = App::start().await;
    let api = app.api();
    api.sign_up("ann").await;
    for good in ["limit=1", "limit=100", "limit=030", "cursor=9", ""] {
        assert_eq!(api.get(&format!("/users?{good}")).await.status, 200, "{good}");
    }
    for (query, fields) in [
        ("limit=0", &["limit"][..]),
        ("limit=101", &["limit"]),
        ("limit=-1", &["limit"]),
        ("limit=", &["limit"]),
        ("limit=ten", &["limit"]),
        ("limit=99999999999999999999", &["limit"]),
        ("cursor=", &["cursor"]),
        ("cursor=1_2", &["cursor"]),
        ("limit=x&cursor=x", &["limit", "cursor"]),
    ] {
        assert_eq!(
            api.get(&format!("/users?{query}")).await.rejected_fields(422),
            fields,
            "{query}"
        );
    }
}

#[tokio::test]
async fn an_email_address_is_visible_to_its_owner_only() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    assert_eq!(ann.get("/users/ann").await.json()["email"], "ann@example.org");
    for viewer in [&bob, &app.api()] {
        let seen = viewer.get("/users/ann").await;
        assert_eq!(seen.json()["username"], "ann");
        seen.does_not_say("email").does_not_say("example.org");
    }
}

#[tokio::test]
async fn a_profile_shows_whether_the_caller_follows_the_user() {
    let app = App::start().await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    assert_eq!(ann.get("/users/bob").await.json()["followed"], false);
    ann.put("/following/bob").await;
    assert_eq!(ann.get("/users/bob").await.json()["followed"], true);
    assert_eq!(bob.get("/users/ann").await.json()["followed"], false);
    assert_eq!(app.api().get("/users/bob").await.json()["followed"], false);
}

#[tokio::test]
async fn an_invalid_username_is_not_found() {
    let app = App::start().await;
    let api = app.api();
    for name in ["unknown", " a", "a/b", "..", "a\n", &"x".repeat(65)] {
        api.get(&format!("/users/{}", encode(name))).await.problem(404);
    }
    for path in ["/users/%FF", "/users/ann/nothing", "/nothing", ""] {
        api.get(path).await.problem(404);
    }
}
