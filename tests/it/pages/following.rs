//! Following and unfollowing on the pages.

use crate::support::App;

const YOU: &str = "This is you!";
const FOLLOWING: &str = "You are currently following this user.";
const NOT_FOLLOWING: &str = "You are not yet following this user.";

#[tokio::test]
async fn a_profile_shows_whether_the_viewer_follows_its_owner() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    app.anonymous().sign_up("bob").await;

    alice.get("/alice").await.says(YOU).does_not_say(FOLLOWING).does_not_say(NOT_FOLLOWING);
    alice.get("/bob").await.says(NOT_FOLLOWING).does_not_say(YOU).does_not_say(FOLLOWING);
    alice.post("/bob/follow", &[]).await;
    alice.get("/bob").await.says(FOLLOWING).does_not_say(YOU).does_not_say(NOT_FOLLOWING);
    let page = app.anonymous().get("/bob").await;
    page.does_not_say("followstatus").does_not_say(FOLLOWING).does_not_say(NOT_FOLLOWING);
}

#[tokio::test]
async fn following_works_by_get_and_by_post() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    app.anonymous().sign_up("bob").await;
    for by_post in [false, true] {
        let request = async |path: &str| match by_post {
            false => alice.get(path).await,
            true => alice.post(path, &[]).await,
        };
        let response = request("/bob/follow").await;
        assert_eq!((response.status, response.header("location")), (302, "/bob"));
        let flash = "<li>You are now following &#34;bob&#34;</li>";
        alice.get("/bob").await.says(flash).says(FOLLOWING);
        assert_eq!(app.count("SELECT count(*) FROM follows").await, 1);

        let response = request("/bob/unfollow").await;
        assert_eq!((response.status, response.header("location")), (302, "/bob"));
        let flash = "<li>You are no longer following &#34;bob&#34;</li>";
        alice.get("/bob").await.says(flash).says(NOT_FOLLOWING);
        assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);
    }
}

#[tokio::test]
async fn repeated_follows_and_unfollows_succeed() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    app.anonymous().sign_up("bob").await;
    for _ in 0..2 {
        alice.visit("/bob/unfollow").await.says("no longer following").says(NOT_FOLLOWING);
    }
    for _ in 0..2 {
        alice.visit("/bob/follow").await.says("now following").says(FOLLOWING);
    }
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 1);
}

#[tokio::test]
async fn the_redirect_to_a_profile_is_relative_and_encoded() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    app.anonymous().sign_up("Ærø & \"Co\"?").await;
    let path = "/%C3%86r%C3%B8%20%26%20%22Co%22%3F";
    let response = alice.post(&format!("{path}/follow"), &[]).await;
    assert_eq!((response.status, response.header("location")), (302, path));
    let flash = "<li>You are now following &#34;Ærø &amp; &#34;Co&#34;?&#34;</li>";
    alice.get(path).await.says(flash).says(FOLLOWING).says(&format!("action=\"{path}/unfollow\""));
}

#[tokio::test]
async fn users_cannot_follow_themselves() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for page in [alice.get("/alice/follow").await, alice.post("/alice/follow", &[]).await] {
        assert_eq!(page.status, 400);
        page.says("You cannot follow yourself").says("sign out [alice]");
    }
    let response = alice.post("/alice/unfollow", &[]).await;
    assert_eq!((response.status, response.header("location")), (302, "/alice"));
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);
}

#[tokio::test]
async fn following_requires_a_session() {
    let app = App::start().await;
    app.anonymous().sign_up("bob").await;
    let anonymous = app.anonymous();
    for path in ["/bob/follow", "/bob/unfollow", "/unknown/follow", "/unknown/unfollow"] {
        for page in [anonymous.get(path).await, anonymous.post(path, &[]).await] {
            assert_eq!(page.status, 401, "{path}");
            page.says("<h2>Unauthorized</h2>").says("You have to sign in to do this.");
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);
}
