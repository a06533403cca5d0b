//! Follow, unfollow, and the lists of followers and followees.

use crate::support::{
    App,
    actors::{encode, field},
};

#[tokio::test]
async fn following_and_unfollowing_are_idempotent() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    app.api_user("Bob Q").await;
    let path = format!("/following/{}", encode("Bob Q"));
    for _ in 0..2 {
        let response = ann.put(&path).await;
        assert_eq!((response.status, response.body.as_str()), (204, ""));
        assert_eq!(app.count("SELECT count(*) FROM follows").await, 1);
    }
    for _ in 0..2 {
        assert_eq!(ann.delete(&path).await.status, 204);
        assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);
    }
}

#[tokio::test]
async fn users_cannot_follow_themselves_or_unknown_users() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    assert_eq!(ann.put("/following/ann").await.rejected_fields(422), ["username"]);
    assert_eq!(ann.delete("/following/ann").await.status, 204);
    for name in ["unknown", "%20a", "a%2Fb"] {
        ann.put(&format!("/following/{name}")).await.problem(404);
        ann.delete(&format!("/following/{name}")).await.problem(404);
    }
}

#[tokio::test]
async fn each_follow_is_listed_once_and_newest_first_while_follows_are_added() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let names: Vec<String> = (0..5).map(|number| format!("user {number}")).collect();
    for name in &names {
        let user = app.api_user(name).await;
        assert_eq!(user.put("/following/ann").await.status, 204);
        assert_eq!(ann.put(&format!("/following/{}", encode(name))).await.status, 204);
    }
    let newest_first: Vec<String> = names.iter().rev().cloned().collect();
    let late = app.api_user("late").await;
    for list in ["/users/ann/followers", "/users/ann/following"] {
        let first = app.api().get(&format!("{list}?limit=2")).await;
        let mut seen = field(&first.items(), "username");
        late.put("/following/ann").await;
        ann.put("/following/late").await;
        let mut page = first;
        while let Some(next) = app.api().follow_link(&page).await {
            seen.extend(field(&next.items(), "username"));
            page = next;
        }
        assert_eq!(seen, newest_first, "{list}");
        page.does_not_say("example.org");
        late.delete("/following/ann").await;
        ann.delete("/following/late").await;
    }
}

#[tokio::test]
async fn an_empty_list_gets_200_and_an_unknown_user_404() {
    let app = App::start().await;
    app.api_user("ann").await;
    for list in ["followers", "following"] {
        let response = app.api().get(&format!("/users/ann/{list}")).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.json(), serde_json::json!({"items": [], "next_cursor": null}));
        assert!(response.headers.get("link").is_none());
        app.api().get(&format!("/users/unknown/{list}")).await.problem(404);
        let response = app.api().get(&format!("/users/ann/{list}?limit=0&cursor=7")).await;
        assert_eq!(response.rejected_fields(422), ["limit", "cursor"]);
    }
}
