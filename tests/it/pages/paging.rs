//! Paging through timelines.

use super::{messages, older};
use crate::support::{App, actors::Browser};

/// Inserts the messages `0` to `count - 1` by alice. Each group of seven has the same time.
///
/// The numbers increase with the time and, within a group, with the id.
async fn post_many(app: &App, count: i32) {
    let statement = "INSERT INTO messages (author_id, text, published_at)
                     SELECT user_id, number::text,
                            '2020-01-01'::timestamptz + number / 7 * interval '1 microsecond'
                     FROM users, generate_series(0, $1 - 1) AS numbers (number)
                     WHERE username = 'alice' ORDER BY numbers.number";
    sqlx::query(statement).bind(count).execute(&app.rows).await.expect("inserted");
}

/// The messages of all pages, beginning with `path`, and the number of messages on each page.
async fn walk(browser: &Browser, path: &str) -> (Vec<usize>, Vec<usize>) {
    let (mut texts, mut sizes, mut next) = (Vec::new(), Vec::new(), path.to_owned());
    loop {
        let page = browser.get(&next).await;
        let shown = messages(&page);
        sizes.push(shown.len());
        texts.extend(shown.iter().map(|text| text.parse::<usize>().expect("a number")));
        match older(&page) {
            Some(path) => next = path.to_owned(),
            None => return (texts, sizes),
        }
    }
}

#[tokio::test]
async fn a_page_has_30_messages_and_none_is_repeated_or_skipped() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let bob = app.signed_in("bob").await;
    bob.post("/alice/follow", &[]).await;
    post_many(&app, 110).await;
    let all: Vec<usize> = (0..110).rev().collect();
    for (browser, path) in [
        (&app.anonymous(), "/public"),
        (&app.anonymous(), "/alice"),
        (&alice, "/"),
        (&alice, "/alice"),
        (&bob, "/"),
    ] {
        let (texts, sizes) = walk(browser, path).await;
        assert_eq!(texts, all, "{path}");
        assert_eq!(sizes, [30, 30, 30, 20], "{path}");
    }
}

#[tokio::test]
async fn the_last_page_has_no_link_to_older_messages() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for (count, sizes) in [(30, vec![30]), (1, vec![30, 1]), (29, vec![30, 30])] {
        post_many(&app, count).await;
        assert_eq!(walk(&alice, "/").await.1, sizes);
        assert_eq!(walk(&alice, "/alice").await.1, sizes);
        assert_eq!(walk(&alice, "/public").await.1, sizes);
    }
}

#[tokio::test]
async fn new_messages_do_not_move_later_pages() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    post_many(&app, 60).await;
    for path in ["/", "/public", "/alice"] {
        let first = alice.get(path).await;
        alice.say("1000").await;
        let second = alice.get(older(&first).expect("an older page")).await;
        let oldest: Vec<String> = (0..30).rev().map(|number| number.to_string()).collect();
        assert_eq!(messages(&second), oldest, "{path}");
        app.execute("DELETE FROM messages WHERE text = '1000'").await;
    }
}

#[tokio::test]
async fn paging_works_for_a_username_with_special_characters() {
    let app = App::start().await;
    let name = "a?b#c%41/&\"";
    let name = &name.replace('/', " ");
    app.signed_in(name).await.say("hello").await;
    app.execute(
        "INSERT INTO messages (author_id, text)
         SELECT user_id, number::text FROM users, generate_series(1, 30) AS number",
    )
    .await;
    let path = format!("/{}", crate::support::actors::encode(name));
    let first = app.anonymous().get(&path).await;
    let second = app.anonymous().get(older(&first).expect("an older page")).await;
    assert_eq!(messages(&second), ["hello"]);
}

#[tokio::test]
async fn the_error_of_a_malformed_cursor_names_the_parameter() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for cursor in [
        "",
        "x",
        "1",
        "_",
        "1_",
        "_1",
        "1_2_3",
        "1.5_1",
        "1_1%00",
        "%FF",
        "'",
        "99999999999999999999_1",
        "9223372036854775807_1",
        "-9223372036854775808_1",
        "1_9223372036854775808",
        // Before 4713 BC, which PostgreSQL cannot represent.
        "-300000000000000000_1",
    ] {
        for path in ["/", "/public", "/alice"] {
            let page = alice.get(&format!("{path}?before={cursor}")).await;
            assert_eq!(page.status, 400, "{path} {cursor}");
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
            page.says("before").says("malformed").says("sign out [alice]");
        }
    }
}

#[tokio::test]
async fn extreme_cursors_are_accepted() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("hello").await;
    for (cursor, expected) in [
        ("0_0", vec![]),
        ("-1_-1", vec![]),
        ("-200000000000000000_1", vec![]),
        ("250000000000000000_9223372036854775807", vec!["hello"]),
    ] {
        for path in ["/", "/public", "/alice"] {
            let page = alice.get(&format!("{path}?before={cursor}")).await;
            assert_eq!(messages(&page), expected, "{path} {cursor}");
        }
    }
}
