//! Search in blocks of indexed messages: every match is found once, newest first, in bounded steps.

use minitwit::domain::{SearchTerms, SearchText};
use serde_json::json;

use super::search::{matching_messages, results, values, with_messages};
use crate::support::{
    App,
    actors::{ApiClient, encode},
};

/// More messages than a search scans for one page: 17 blocks of 256.
const MANY: &str = "
    INSERT INTO messages (author_id, text, published_at)
    SELECT 1, CASE WHEN n % 500 = 0 THEN 'rare 稀 ' ELSE 'common 普通 ' END || n,
           '2020-02-20Z'::timestamptz + n * interval '1 second'
    FROM generate_series(1, 5000) AS n;";

#[tokio::test]
async fn all_matches_are_listed_once_while_messages_are_posted() {
    let (app, ann) = with_messages(&[]).await;
    app.execute(MANY).await;
    app.index_messages().await;
    for (text, step) in [("rare", 500), ("稀", 500), ("rare 5000", 5_000)] {
        let mut page = ann.get(&format!("/search?limit=5&q={}", encode(text))).await;
        let mut seen = Vec::new();
        loop {
            seen.extend(values(&page.items(), "message", "text"));
            ann.post("/messages", json!({"text": "rare 稀 added 5000"})).await;
            let Some(next) = ann.follow_link(&page).await else { break };
            page = next;
        }
        let expected: Vec<String> =
            (1..=5_000 / step).rev().map(|n| format!("rare 稀 {}", n * step)).collect();
        assert_eq!(seen, expected, "{text}");
        app.execute("DELETE FROM messages WHERE text LIKE '%added%'").await;
    }
    for text in ["common", "普通"] {
        let path = format!("/search?limit=100&q={}", encode(text));
        let all = results(&ann, &path, "message", "text").await;
        let expected = (1..=5_000).rev().filter(|n| n % 500 != 0);
        let expected: Vec<String> = expected.map(|n| format!("common 普通 {n}")).collect();
        assert!(all == expected, "{text}: {} of {}", all.len(), expected.len());
    }
}

/// Three messages per day for years, the oldest inserted last.
const YEARS: &str = "
    INSERT INTO messages (author_id, text, published_at)
    SELECT 1, n || CASE WHEN n <= 1000 THEN ' past 昔 #past' ELSE ' now 今 #now' END
                || CASE WHEN n % 500 = 0 THEN ' rare 稀 #rare' ELSE '' END,
           '2020-02-20Z'::timestamptz + n * interval '8 hours'
    FROM generate_series(4000, 1, -1) AS n;";

#[tokio::test]
async fn matches_from_years_ago_are_listed_newest_first() {
    let (app, ann) = with_messages(&[]).await;
    app.execute(YEARS).await;
    app.index_messages().await;
    let past: Vec<i32> = (1..=1_000).rev().collect();
    let rare: Vec<i32> = (1..=8).rev().map(|n| n * 500).collect();
    for (text, expected) in [
        ("past", &past),
        ("昔", &past),
        ("#past", &past),
        ("pas", &past),
        ("rare", &rare),
        ("稀", &rare),
        ("past rare", &vec![1_000, 500]),
        ("昔 稀", &vec![1_000, 500]),
        ("now past", &vec![]),
    ] {
        let path = format!("/search?limit=100&q={}", encode(text));
        let texts = results(&ann, &path, "message", "text").await;
        let numbers = texts.iter().map(|text| text.split(' ').next().expect("a number"));
        let numbers: Vec<i32> = numbers.map(|number| number.parse().expect("a number")).collect();
        assert!(numbers == *expected, "{text}: {numbers:?}");
    }
}

/// The texts that a search finds must be those that match, whatever is indexed and has changed since.
async fn assert_finds_all_matches(app: &App, api: &ApiClient) {
    for text in ["alpha", "alpha beta", "gam", "delta", "猫", "beta 猫"] {
        let search = SearchText::parse(text).expect("valid");
        let (words, parts) = match search.terms() {
            SearchTerms::Words(words) => (Some(words), Vec::new()),
            SearchTerms::Parts(parts) => (None, parts),
        };
        let query = "SELECT text FROM messages
                     WHERE NOT flagged
                       AND terms_of(text) @@ COALESCE(query_for_words($1), query_for_parts($2))
                       AND ($1 IS NOT NULL OR text LIKE ALL (SELECT '%' || unnest($2::text[]) || '%'))
                     ORDER BY published_at DESC, message_id DESC";
        let expected: Vec<String> = sqlx::query_scalar(query)
            .bind(words)
            .bind(&parts)
            .fetch_all(&app.rows)
            .await
            .expect(query);
        assert!(!expected.is_empty(), "{text}");
        let path = format!("/search?limit=100&q={}", encode(text));
        let found = results(api, &path, "message", "text").await;
        assert!(found == expected, "{text}: {} of {}", found.len(), expected.len());
    }
}

#[tokio::test]
async fn a_search_finds_every_match_before_during_and_after_indexing() {
    let (app, ann) = with_messages(&[]).await;
    let insert = "
        INSERT INTO messages (author_id, text, published_at)
        SELECT 1, concat_ws(' ', n, CASE WHEN n % 3 = 0 THEN 'alpha' END, CASE WHEN n % 7 = 0 THEN 'beta' END,
                            CASE WHEN n % 200 = 0 THEN 'gamma' END, CASE WHEN n % 90 = 0 THEN '#delta' END,
                            CASE WHEN n % 77 = 0 THEN '子猫' END),
               '2020-02-20Z'::timestamptz + n * interval '1 hour'
        FROM generate_series(1, 2500) AS n";
    let change = "
        UPDATE messages SET text = 'alpha beta gamma #delta 猫 edited ' || message_id
            WHERE message_id % 400 = 1;
        UPDATE messages SET flagged = true WHERE message_id % 300 = 2;
        UPDATE messages SET flagged = false WHERE message_id % 600 = 2;
        DELETE FROM messages WHERE message_id % 350 = 3;
        INSERT INTO messages (author_id, text, published_at)
            VALUES (1, 'alpha beta gamma #delta 猫 first', '2019-01-01Z'),
                   (1, 'alpha beta gamma #delta 猫 between', '2020-03-01Z')";
    app.execute(insert).await;
    assert_finds_all_matches(&app, &ann).await;
    app.index_messages().await;
    assert!(app.count("SELECT count(*) FROM search_blocks").await >= 9);
    assert_finds_all_matches(&app, &ann).await;
    app.execute(change).await;
    assert_finds_all_matches(&app, &ann).await;
    app.index_messages().await;
    assert_finds_all_matches(&app, &ann).await;
    // More than are added to their blocks one by one, all older than the others.
    let older = "INSERT INTO messages (author_id, text, published_at)
                 SELECT 1, 'alpha gamma older ' || n, '2018-02-20Z'::timestamptz + n * interval '1 minute'
                 FROM generate_series(1, 1500) AS n";
    app.execute(older).await;
    assert_finds_all_matches(&app, &ann).await;
    app.index_messages().await;
    let largest =
        "SELECT max(messages) FROM (SELECT count(*) AS messages FROM search_blocks JOIN messages
                   ON (published_at, message_id) > (after_time, after_id)
                      AND (published_at, message_id) <= (until_time, until_id)
                   GROUP BY until_time, until_id) AS blocks";
    assert!(app.count(largest).await <= 260, "the blocks were built again");
    assert_finds_all_matches(&app, &ann).await;
}

#[tokio::test]
async fn messages_without_any_word_are_indexed() {
    let (app, ann) = with_messages(&[]).await;
    app.execute(
        "INSERT INTO messages (author_id, text, published_at)
         SELECT 1, CASE WHEN n = 1 THEN 'found' ELSE '!?' END, '2020-02-20Z'::timestamptz + n * interval '1 second'
         FROM generate_series(1, 600) AS n",
    )
    .await;
    app.index_messages().await;
    app.execute("UPDATE messages SET text = '?!' WHERE message_id = 300").await;
    app.index_messages().await;
    assert_eq!(app.count("SELECT count(*) FROM search_blocks").await, 2);
    assert_eq!(matching_messages(&ann, "found").await, ["found"]);
}

/// Every block contains both words, and one message at the very beginning contains them together.
#[tokio::test]
async fn a_search_without_matches_stops_after_a_bounded_number_of_messages() {
    let (app, ann) = with_messages(&[]).await;
    app.execute(
        "INSERT INTO messages (author_id, text, published_at)
         SELECT 1, CASE WHEN n = 1 THEN 'left right' WHEN n % 2 = 0 THEN 'left' ELSE 'right' END,
                '2020-02-20Z'::timestamptz + n * interval '1 second'
         FROM generate_series(1, 30000) AS n",
    )
    .await;
    app.index_messages().await;
    let mut page = ann.get("/search?limit=2&q=left%20right").await;
    let mut pages = 1;
    // 17 blocks of 256 messages each.
    while page.items().is_empty() {
        page = ann.follow_link(&page).await.expect("a link to older messages");
        pages += 1;
    }
    assert_eq!(pages, 30_000_usize.div_ceil(17 * 256));
    assert_eq!(values(&page.items(), "message", "text"), ["left right"]);
    assert!(ann.follow_link(&page).await.is_none());
}
