//! Imports into a system in use.

use reqwest::Method;

use super::{OldSystem, PBKDF2, rows};
use crate::support::{
    App,
    actors::{ApiClient, encode},
    stream::Stream,
};

fn old_system() -> OldSystem {
    OldSystem::sqlite(&format!(
        "INSERT INTO user VALUES (1, 'ann', 'old@example.org', '{PBKDF2}'), (2, 'bob', 'bob@example.org', '{PBKDF2}');
         WITH RECURSIVE numbers (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < 600)
         INSERT INTO message SELECT value, 2, 'oldword' || value || ' common', 1233065594 + value, 0 FROM numbers;
         INSERT INTO message VALUES (1000, 2, 'of the future', 4102444800, 0),
                                    (1001, 2, 'of no time', NULL, 0),
                                    (1002, 1, 'by the old ann', 1233065594, 0);
         INSERT INTO follower VALUES (1, 2), (2, 1);"
    ))
}

/// A system with 300 indexed messages of its user, ann.
async fn live_system() -> (App, ApiClient) {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    for number in 0..300 {
        let posted = app.simulator().tweet("ann", &format!("live {number} common")).await;
        assert_eq!(posted.status, 204);
    }
    app.index_messages().await;
    (app, ann)
}

#[tokio::test]
async fn imported_messages_take_their_places_and_are_not_announced() {
    let (app, ann) = live_system().await;
    let request = |id: Option<&str>| {
        let request = ann.request(Method::GET, "/stream");
        match id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        }
    };
    let (mut stream, begin) = Stream::open(request(None)).await;
    let old = old_system();
    let report = old.imported(&app.database, &[]);
    assert_eq!(report.counts("messages"), [603, 601, 2, 0]);
    assert_eq!(
        report.findings(),
        ["messages 1000 time_future", "messages 1001 time_missing", "users 1 name_taken"]
    );
    app.simulator().tweet("ann", "after the import").await;
    assert_eq!(stream.text().await, "after the import");
    let (mut again, _) = Stream::open(request(Some(&begin))).await;
    assert_eq!(again.text().await, "after the import");

    // The new message is the newest; imported times do not move the clock.
    let newest = ann.get("/messages?limit=3").await.items();
    assert_eq!(newest[0]["text"], "after the import");
    let connection = &mut app.database.connect().await;
    let query = "SELECT (max(published_at) < now())::text FROM messages";
    assert_eq!(rows(connection, query).await, ["true"]);

    // A live user keeps the name; the old one signs in by the new name.
    let form = [("username", "ann-2"), ("password", super::PASSWORD)];
    app.anonymous().submit("/login", &form).await.says("You were logged in");
    app.anonymous().sign_in("ann").await.says("You were logged in");
    app.anonymous().visit("/ann-2").await.says("by the old ann");
}

#[tokio::test]
async fn search_finds_imported_messages_at_once() {
    let (app, ann) = live_system().await;
    old_system().imported(&app.database, &[]);
    let connection = &mut app.database.connect().await;
    let state = "SELECT (SELECT count(*) FROM search_late) || ' ' || (SELECT count(*) >= 2 FROM search_blocks)";
    assert_eq!(rows(connection, state).await, ["0 true"]);
    // Each block begins where the one before it ends.
    let gaps = "SELECT count(*)::text FROM (
                    SELECT (after_time, after_id) IS DISTINCT FROM (lag(until_time) OVER w, lag(until_id) OVER w) AS gap
                    FROM search_blocks WINDOW w AS (ORDER BY until_time, until_id)
                    OFFSET 1) AS blocks WHERE gap";
    assert_eq!(rows(connection, gaps).await, ["0"]);
    for (text, number) in [("oldword7", 1), ("by the old", 1), ("future", 1), ("live 299", 1)] {
        let found = ann.whole_list(&format!("/search?q={}", encode(text))).await;
        let exact = found
            .iter()
            .filter(|it| it["message"]["text"].as_str().is_some_and(|it| it.contains(text)));
        assert!(exact.count() >= number, "{text}: {found:?}");
    }
    assert_eq!(ann.whole_list("/search?q=common&limit=100").await.len(), 900);
}
