//! Following and unfollowing, and the lists of who does.

use crate::support::{
    App,
    actors::{encode, field},
};

#[tokio::test]
async fn following_and_unfollowing_twice_is_as_good_as_once() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    app.api_user("Bob Q").await;
    let path = format!("/following/{}", encode("Bob Q"));
    for _ in 0..2 {
        let answer = ann.put(&path).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        assert_eq!(app.count("SELECT count(*) FROM follows").await, 1);
    }
    for _ in 0..2 {
        assert_eq!(ann.delete(&path).await.status, 204);
        assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);
    }
}

#[tokio::test]
async fn nobody_follows_themselves_or_nobody() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    assert_eq!(ann.put("/following/ann").await.refused_fields(422), ["username"]);
    assert_eq!(ann.delete("/following/ann").await.status, 204);
    for name in ["nobody", "%20a", "a%2Fb"] {
        ann.put(&format!("/following/{name}")).await.problem(404);
        ann.delete(&format!("/following/{name}")).await.problem(404);
    }
}

#[tokio::test]
async fn follows_are_listed_newest_first_and_once_while_others_begin() {
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
        let mut seen = field(first.json()["items"].as_array().expect("items"), "username");
        late.put("/following/ann").await;
        ann.put("/following/late").await;
        let mut page = first;
        while let Some(next) = app.api().follow_link(&page).await {
            seen.extend(field(next.json()["items"].as_array().expect("items"), "username"));
            page = next;
        }
        assert_eq!(seen, newest_first, "{list}");
        page.does_not_say("example.org");
        late.delete("/following/ann").await;
        ann.delete("/following/late").await;
    }
}

#[tokio::test]
async fn an_empty_list_is_not_that_of_nobody() {
    let app = App::start().await;
    app.api_user("ann").await;
    for list in ["followers", "following"] {
        let answer = app.api().get(&format!("/users/ann/{list}")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), serde_json::json!({"items": [], "next_cursor": null}));
        assert!(answer.headers.get("link").is_none());
        app.api().get(&format!("/users/nobody/{list}")).await.problem(404);
        let answer = app.api().get(&format!("/users/ann/{list}?limit=0&cursor=7")).await;
        assert_eq!(answer.refused_fields(422), ["limit", "cursor"]);
    }
}
