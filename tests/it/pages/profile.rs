//! Profiles: the header, and the lists of followers and followees.

use serde_json::json;

use crate::support::{App, actors::encode};

#[tokio::test]
async fn a_profile_shows_display_name_bio_counts_and_date() {
    let app = App::start().await;
    let ann = app.api_user("Ann A").await;
    let empty = app.anonymous().get("/Ann%20A").await;
    empty.says("<li>0 messages</li>").says(">0 followers</a>").says(">0 following</a>");
    empty.does_not_say("\"display-name\"").does_not_say("\"bio\"");

    ann.patch("/users/Ann%20A", json!({"display_name": "Ann <3", "bio": "one\ntwo"})).await;
    app.api_user("bob").await.put("/following/Ann%20A").await;
    ann.post("/messages", json!({"text": "hello"})).await;
    app.execute(
        "INSERT INTO users (username, email, password_hash)
         SELECT 'fan ' || n, 'a@b', '$2b$10$' || repeat('a', 53) FROM generate_series(1, 1233) AS n;
         INSERT INTO follows (follower_id, followee_id)
         SELECT fan.user_id, ann.user_id FROM users AS fan, users AS ann
         WHERE fan.username LIKE 'fan %' AND ann.username = 'Ann A';
         UPDATE users SET created_at = '2020-02-01 23:59Z' WHERE username = 'Ann A'",
    )
    .await;
    for browser in [app.anonymous(), app.signed_in("carol").await] {
        let page = browser.get("/Ann%20A").await;
        page.says("<h2>Ann A's Timeline</h2>")
            .says("<p class=\"display-name\" dir=\"auto\">Ann &lt;3</p>")
            .says("<p class=\"bio\" dir=\"auto\">one\ntwo</p>")
            .says("<li>1 message</li>")
            .says("<a href=\"/Ann%20A/followers\">1,234 followers</a>")
            .says("<a href=\"/Ann%20A/following\">0 following</a>")
            .says("joined <time datetime=\"2020-02-01\">1 February 2020</time>")
            .does_not_say("@example.org");
    }
    app.anonymous().get("/bob").await.says(">1 following</a>").says(">0 followers</a>");
}

#[tokio::test]
async fn only_an_edited_message_is_marked_as_edited() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let first = ann.post("/messages", json!({"text": "first"})).await.json();
    ann.post("/messages", json!({"text": "second"})).await;
    let path = format!("/messages/{}", first["id"]);
    assert_eq!(ann.patch(&path, json!({"text": "changed"})).await.status, 200);
    let page = app.anonymous().get("/ann").await;
    let items: Vec<&str> = page.body.split("<li id=\"message-").skip(1).collect();
    assert_eq!(items.len(), 2);
    assert!(
        items[0].contains(">second</span>") && !items[0].contains("\"edited\""),
        "{}",
        items[0]
    );
    assert!(
        items[1].contains(">changed</span>") && items[1].contains("\"edited\""),
        "{}",
        items[1]
    );
}

#[tokio::test]
async fn followers_and_followees_are_listed_newest_first() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    ann.patch("/users/ann", json!({"display_name": "Ann A.", "bio": "Hi & bye"})).await;
    let bob = app.api_user("bob").await;
    let carol = app.api_user("carol").await;
    for (follower, followee) in [(&bob, "ann"), (&carol, "ann"), (&bob, "carol")] {
        follower.put(&format!("/following/{followee}")).await;
    }
    let anonymous = app.anonymous();
    let page = anonymous.get("/ann/followers").await;
    assert_eq!(names(&page.body), ["carol", "bob"]);
    page.says("<h2>Followers of ann</h2>")
        .says("<a href=\"/ann\">Messages</a>")
        .says("<a href=\"/ann/followers\" aria-current=\"page\">Followers</a>")
        .says("<a href=\"/ann/following\">Following</a>")
        .does_not_say("pagination");
    let page = anonymous.get("/bob/following").await;
    assert_eq!(names(&page.body), ["carol", "ann"]);
    page.says("<h2>Followed by bob</h2>")
        .says("<bdi class=\"display-name\">Ann A.</bdi>")
        .says("<p class=\"bio\" dir=\"auto\">Hi &amp; bye</p>")
        .says("src=\"/avatar/ann\"");
    anonymous.get("/ann/following").await.says("<em>ann does not follow anyone yet.</em>");
    anonymous.get("/bob/followers").await.says("<em>bob has no followers yet.</em>");
}

#[tokio::test]
async fn paging_through_followers_repeats_and_skips_none() {
    let app = App::start().await;
    let odd = "a?b#c d";
    app.anonymous().sign_up(odd).await;
    // Groups of seven have the same time.
    app.execute(
        "INSERT INTO users (username, email, password_hash)
         SELECT number::text, 'a@b', '$2b$10$' || repeat('a', 53)
         FROM generate_series(1, 65) AS numbers (number) ORDER BY numbers.number;
         INSERT INTO follows (follower_id, followee_id, created_at)
         SELECT fan.user_id, odd.user_id,
                '2020-01-01Z'::timestamptz + fan.username::int / 7 * interval '1 microsecond'
         FROM users AS fan, users AS odd WHERE fan.username ~ '^\\d+$' AND odd.username !~ '^\\d+$'",
    )
    .await;
    let anonymous = app.anonymous();
    let first = format!("/{}/followers", encode(odd));
    let (mut found, mut sizes, mut next) = (Vec::new(), Vec::new(), Some(first));
    while let Some(path) = next {
        let page = anonymous.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.body.contains(">Back to the first page</a>"), !sizes.is_empty());
        let shown = names(&page.body);
        sizes.push(shown.len());
        found.extend(shown.iter().map(|name| name.parse::<u32>().expect("a number")));
        next = page.body.split_once("\" rel=\"next\">More people</a>").map(|(before, _)| {
            before.rsplit('"').next().expect("an address").replace("&amp;", "&")
        });
    }
    assert_eq!(sizes, [30, 30, 5]);
    assert_eq!(found, (1..=65).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn follow_lists_of_unknown_users_and_malformed_cursors_are_rejected() {
    let app = App::start().await;
    let ann = app.signed_in("ann").await;
    for list in ["followers", "following"] {
        for name in ["unknown", "settings", "%00", "a%2Fb"] {
            let page = ann.get(&format!("/{name}/{list}")).await;
            assert_eq!(page.status, 404, "{name}");
            page.says("There is no user named").says("sign out [ann]");
        }
        let page = ann.get(&format!("/ann/{list}?before=x")).await;
        assert_eq!(page.status, 400);
        page.says("before").says("malformed");
    }
}

/// The usernames in a list of people, in order.
pub(super) fn names(html: &str) -> Vec<&str> {
    let (_, list) = html.split_once("<ul class=\"people\">").expect("a list");
    let (list, _) = list.split_once("</ul>").expect("an end");
    let links = list.split("<strong>").skip(1);
    links.map(|link| link.split(['>', '<']).nth(2).expect("a name")).collect()
}
