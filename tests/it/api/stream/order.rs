//! Each message is sent once and in timeline order, across reconnections.

use std::{collections::BTreeMap, time::Duration};

use reqwest::header;

use super::stream_request;
use crate::support::{
    App,
    cluster::TestDatabase,
    stream::{Block, Stream},
};

#[tokio::test]
async fn a_client_resumes_after_its_last_event_on_any_replica() {
    let app = App::start().await;
    let replica = app.replica().await;
    app.api_user("ann").await;
    let (stream, begin) = Stream::open(stream_request(&app.api(), "")).await;
    drop(stream);
    for number in 0..4 {
        app.simulator().tweet("ann", &number.to_string()).await;
    }
    let mut position = begin;
    for number in 0..4 {
        let server = if number % 2 == 0 { &replica } else { &app };
        // A browser repeats the original URL when it reconnects, so the header takes precedence.
        let request = stream_request(&server.api(), "?after=0_0");
        let (mut stream, _) = Stream::open(request.header("last-event-id", &position)).await;
        let event = stream.next().await.expect("an event");
        assert_eq!(event.text(), number.to_string());
        event.id().clone_into(&mut position);
    }
    let query = format!("?after={position}");
    let (mut stream, begin) = Stream::open(stream_request(&app.api(), &query)).await;
    assert_eq!(begin, position);
    app.simulator().tweet("ann", "next").await;
    assert_eq!(stream.text().await, "next");
}

#[tokio::test]
async fn a_client_that_missed_more_than_500_messages_is_reset() {
    let app = App::start().await;
    app.api_user("ann").await;
    let (stream, begin) = Stream::open(stream_request(&app.api(), "")).await;
    drop(stream);
    app.execute(
        "INSERT INTO messages (author_id, text) SELECT 1, n FROM generate_series(1, 500) n",
    )
    .await;
    let query = format!("?after={begin}");
    let (mut stream, _) = Stream::open(stream_request(&app.api(), &query)).await;
    for number in 1..=500 {
        assert_eq!(stream.text().await, number.to_string());
    }
    app.execute("INSERT INTO messages (author_id, text) VALUES (1, 'too many')").await;
    assert_eq!(stream.text().await, "too many");

    let (mut stream, _) = Stream::open(stream_request(&app.replica().await.api(), &query)).await;
    let reset = stream.next().await.expect("an event");
    assert!(matches!(&reset, Block::Event { name, .. } if name == "reset"), "{reset:?}");
    app.simulator().tweet("ann", "new").await;
    assert_eq!(stream.text().await, "new");
    let query = format!("?after={}", reset.id());
    let (mut stream, _) = Stream::open(stream_request(&app.api(), &query)).await;
    assert_eq!(stream.text().await, "new");
}

#[tokio::test]
async fn streams_that_lag_too_far_behind_skip_messages() {
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings| {
        settings.service.streams.max_lag = Duration::ZERO;
    })
    .await;
    let ann = app.api_user("ann").await;
    app.api_user("bob").await;
    let (mut public, _) = Stream::open(stream_request(&app.api(), "")).await;
    let (mut own, _) = Stream::open(stream_request(&ann, "?timeline=own")).await;
    app.execute(
        "INSERT INTO messages (author_id, text)
             SELECT 1 + (n <> 300)::int, n FROM generate_series(1, 600) n",
    )
    .await;
    let reset = public.next().await.expect("an event");
    assert!(matches!(&reset, Block::Event { name, .. } if name == "reset"), "{reset:?}");
    assert_eq!(own.text().await, "300", "the only one of them on this timeline");
    app.simulator().tweet("ann", "new").await;
    assert_eq!(own.text().await, "new");
    // One poll reads 500 messages, and the stream skips all messages up to the watermark. After a slow
    // insert, some of the last 100 are later than the watermark, and are sent.
    let mut before = 500;
    loop {
        let text = public.text().await;
        if text == "new" {
            break;
        }
        let number = text.parse::<u32>().expect("a number");
        assert!(number > before, "{number} after {before}");
        before = number;
    }
}

#[tokio::test]
async fn later_messages_wait_for_an_earlier_one_that_commits_late() {
    let app = App::start().await;
    app.api_user("ann").await;
    let (mut stream, begin) = Stream::open(stream_request(&app.api(), "")).await;
    let mut late = app.rows.begin().await.expect("a transaction");
    let insert = "INSERT INTO messages (author_id, text) VALUES (1, 'first')";
    sqlx::query(insert).execute(&mut *late).await.expect(insert);
    let texts: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    for text in &texts {
        app.simulator().tweet("ann", text).await;
    }
    let query = format!("?after={begin}");
    let (mut resumed, _) = Stream::open(stream_request(&app.replica().await.api(), &query)).await;
    late.commit().await.expect("committed");
    for stream in [&mut stream, &mut resumed] {
        assert_eq!(stream.text().await, "first");
        for text in &texts {
            assert_eq!(stream.text().await, *text);
        }
    }
}

/// A database snapshot does not list the newest transaction as running, so the server must not rely on
/// that list alone.
#[tokio::test]
async fn streams_wait_for_the_newest_transaction() {
    let app = App::start().await;
    app.api_user("ann").await;
    let (mut stream, begin) = Stream::open(stream_request(&app.api(), "")).await;
    let mut late = app.rows.begin().await.expect("a transaction");
    let insert = "INSERT INTO messages (author_id, text) VALUES (1, 'alone')";
    sqlx::query(insert).execute(&mut *late).await.expect(insert);
    // Both servers poll several times.
    let replica = app.replica().await;
    for _ in 0..10 {
        let query = format!("?after={begin}");
        Stream::open(stream_request(&replica.api(), &query)).await;
        assert_eq!(app.anonymous().get("/public").await.status, 200);
    }
    let (mut resumed, _) =
        Stream::open(stream_request(&replica.api(), "").header("last-event-id", &begin)).await;
    late.commit().await.expect("committed");
    assert_eq!(stream.text().await, "alone");
    assert_eq!(resumed.text().await, "alone");
}

#[tokio::test]
async fn an_endless_transaction_delays_messages_only_until_the_time_out() {
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings| {
        settings.pool.acquire_timeout = Duration::from_millis(500);
        settings.pool.statement_timeout = Duration::from_millis(500);
    })
    .await;
    app.api_user("ann").await;
    let mut endless = app.rows.begin().await.expect("a transaction");
    let insert = "INSERT INTO messages (author_id, text) VALUES (1, 'never')";
    sqlx::query(insert).execute(&mut *endless).await.expect(insert);
    let (mut stream, begin) = Stream::open(stream_request(&app.api(), "")).await;
    app.simulator().tweet("ann", "at last").await;
    assert_eq!(stream.text().await, "at last");
    let query = format!("?after={begin}");
    let (mut resumed, _) = Stream::open(stream_request(&app.api(), &query)).await;
    assert_eq!(resumed.text().await, "at last");
    endless.rollback().await.expect("the transaction was open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reconnects_repeatedly_receives_each_message_once() {
    const WRITERS: usize = 6;
    const MESSAGES: usize = 60;
    let app = App::start().await;
    let replica = app.replica().await;
    let servers = [&app, &replica];
    let (stream, begin) = Stream::open(stream_request(&app.api(), "")).await;
    drop(stream);
    let mut writing = Vec::new();
    for writer in 0..WRITERS {
        let name = format!("writer {writer}");
        app.api_user(&name).await;
        let simulator = servers[writer % 2].simulator();
        writing.push(tokio::spawn(async move {
            for number in 0..MESSAGES {
                let response = simulator.tweet(&name, &format!("{writer} {number}")).await;
                assert_eq!(response.status, 204, "{response:?}");
            }
        }));
    }
    let mut received = BTreeMap::new();
    let mut position = begin;
    let mut round = 0;
    while received.len() < WRITERS * MESSAGES {
        round += 1;
        let request = stream_request(&servers[round % 2].api(), "");
        let request =
            request.header("last-event-id", &position).header(header::CONNECTION, "close");
        let (mut stream, _) = Stream::open(request).await;
        // Reads one to seven events per connection.
        for _ in 0..round % 7 + 1 {
            if received.len() == WRITERS * MESSAGES {
                break;
            }
            let event = stream.next().await.expect("an event");
            let order: Vec<i64> = [event.id(), &position]
                .iter()
                .map(|id| id.split('_').next().and_then(|time| time.parse().ok()).expect("a time"))
                .collect();
            assert!(order[0] >= order[1], "{event:?} after {position}");
            event.id().clone_into(&mut position);
            *received.entry(event.text()).or_insert(0) += 1;
        }
    }
    for writing in writing {
        writing.await.expect("written");
    }
    assert!(received.values().all(|times| *times == 1), "{received:?}");
    assert_eq!(app.count("SELECT count(*) FROM messages").await as usize, received.len());
}
