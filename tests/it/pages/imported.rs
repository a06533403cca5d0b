//! Messages of other systems, whose texts no new message may have.

use serde_json::json;

use crate::support::App;

/// Messages of the user 1: long ones, one with a word that is no tag for its length, and an empty one.
const IMPORTED: &str = "
    INSERT INTO messages (author_id, text, published_at, imported)
    VALUES (1, repeat('long ', 400) || E'\\nneedle', '2020-02-20Z', true),
           (1, '', '2020-02-21Z', true),
           (1, '#' || repeat('x', 3000) || ' 昔 #tail', '2020-02-22Z', true),
           (1, repeat('word ', 60000) || 'beyond', '2019-02-22Z', true);";

#[tokio::test]
async fn a_long_or_empty_old_text_is_shown_whole_everywhere() {
    let app = App::start().await;
    let ann = app.signed_in("ann").await;
    app.execute(IMPORTED).await;
    app.index_messages().await;
    let whole = format!("{}\nneedle", "long ".repeat(400));
    for path in ["/", "/public", "/ann", "/public.atom", "/ann.atom", "/message/1"] {
        ann.get(path).await.says(&whole);
    }
    assert_eq!(ann.get("/message/2").await.status, 200);
    ann.get("/message/3").await.does_not_say("/tag/xxx").says("/tag/tail");
    let api = app.api().signed_in("ann").await;
    assert_eq!(api.get("/messages/1").await.json()["text"], whole);
    assert_eq!(api.get("/messages/2").await.json()["text"], "");
    assert_eq!(app.simulator().get("/msgs/ann").await.json()[1]["content"], "");
}

#[tokio::test]
async fn the_limits_of_a_text_hold_for_an_edit_that_changes_it() {
    let app = App::start().await;
    let ann = app.signed_in("ann").await;
    app.execute(IMPORTED).await;
    let api = app.api().signed_in("ann").await;
    for (path, whole) in
        [("/message/1", format!("{}\nneedle", "long ".repeat(400))), ("/message/2", String::new())]
    {
        let as_sent = whole.replace('\n', "\r\n");
        let edit = format!("{path}/edit");
        assert_eq!(ann.post(&edit, &[("text", &as_sent)]).await.status, 302, "{path}");
        assert_eq!(
            ann.post(&edit, &[("text", &(whole.clone() + " "))]).await.status,
            400,
            "{path}"
        );
        let path = path.replace("/message/", "/messages/");
        let unchanged = api.patch(&path, json!({"text": as_sent})).await;
        assert_eq!((unchanged.status, &unchanged.json()["text"]), (200, &json!(whole)), "{path}");
        api.patch(&path, json!({"text": whole.clone() + " "})).await.problem(422);
        let other = app.api_user(&format!("other {}", whole.len())).await;
        other.patch(&path, json!({"text": whole})).await.problem(422);
    }
    assert_eq!(app.count("SELECT count(*) FROM messages WHERE edited_at IS NOT NULL").await, 0);
    assert_eq!(ann.post("/message/1/edit", &[("text", "short")]).await.status, 302);
    ann.get("/message/1").await.says("short").says("edited");
    assert_eq!(ann.post("/add_message", &[("text", &"x".repeat(281))]).await.status, 400);
}

#[tokio::test]
async fn a_search_finds_the_words_of_long_old_texts_in_blocks_of_fewer_messages() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    // The terms of 256 such messages would exceed the size of a block, at once and one by one.
    app.execute(
        "INSERT INTO messages (author_id, text, published_at, imported)
         SELECT 1, 'rare' || n || ' ' || (SELECT string_agg(chr(20000 + (n * 7919 + i * 31) % 20000), '')
                                          FROM generate_series(1, 3000) AS i),
                '2020-02-20Z'::timestamptz + n * interval '1 minute', true
         FROM generate_series(1, 300) AS n",
    )
    .await;
    app.execute(IMPORTED).await;
    app.index_messages().await;
    let blocks = app.count("SELECT count(*) FROM search_blocks").await;
    assert!(blocks >= 12, "{blocks}");
    for text in ["rare7", "rare300", "needle", "tail", "昔"] {
        let found = ann.get(&format!("/search?q={text}")).await;
        assert!(!found.items().is_empty(), "{text}");
    }
    // Only the first 50,000 characters of a text are indexed.
    assert!(ann.get("/search?q=beyond").await.items().is_empty());
}
