//! Each message comes once, in its order, however often a client is cut off.

use std::{collections::BTreeMap, time::Duration};

use reqwest::header;

use super::streaming;
use crate::support::{
    App,
    cluster::TestDatabase,
    stream::{Sent, Stream},
};

#[tokio::test]
async fn a_client_goes_on_where_it_was_cut_off_on_any_server() {
    let app = App::start().await;
    let replica = app.replica().await;
    app.api_user("ann").await;
    let (stream, begin) = Stream::open(streaming(&app.api(), "")).await;
    drop(stream);
    for number in 0..4 {
        app.simulator().tweet("ann", &number.to_string()).await;
    }
    let mut place = begin;
    for number in 0..4 {
        let server = if number % 2 == 0 { &replica } else { &app };
        // A browser says where it is by the header, and its address still says where it began.
        let request = streaming(&server.api(), "?last_event_id=0_0");
        let (mut stream, _) = Stream::open(request.header("last-event-id", &place)).await;
        let event = stream.next().await.expect("an event");
        assert_eq!(event.text(), number.to_string());
        event.id().clone_into(&mut place);
    }
    let query = format!("?last_event_id={place}");
    let (mut stream, begin) = Stream::open(streaming(&app.api(), &query)).await;
    assert_eq!(begin, place);
    app.simulator().tweet("ann", "next").await;
    assert_eq!(stream.text().await, "next");
}

#[tokio::test]
async fn whoever_has_missed_too_much_is_told_to_reload() {
    let app = App::start().await;
    app.api_user("ann").await;
    let (stream, begin) = Stream::open(streaming(&app.api(), "")).await;
    drop(stream);
    app.execute(
        "INSERT INTO messages (author_id, text) SELECT 1, n FROM generate_series(1, 500) n",
    )
    .await;
    let query = format!("?last_event_id={begin}");
    let (mut stream, _) = Stream::open(streaming(&app.api(), &query)).await;
    for number in 1..=500 {
        assert_eq!(stream.text().await, number.to_string());
    }
    app.execute("INSERT INTO messages (author_id, text) VALUES (1, 'too many')").await;
    assert_eq!(stream.text().await, "too many");

    let (mut stream, _) = Stream::open(streaming(&app.replica().await.api(), &query)).await;
    let reset = stream.next().await.expect("an event");
    assert!(matches!(&reset, Sent::Event { kind, .. } if kind == "reset"), "{reset:?}");
    app.simulator().tweet("ann", "new").await;
    assert_eq!(stream.text().await, "new");
    let query = format!("?last_event_id={}", reset.id());
    let (mut stream, _) = Stream::open(streaming(&app.api(), &query)).await;
    assert_eq!(stream.text().await, "new");
}

#[tokio::test]
async fn a_feed_that_falls_behind_goes_on_with_what_is_new() {
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings| {
        settings.service.streams.max_lag = Duration::ZERO;
    })
    .await;
    let ann = app.api_user("ann").await;
    app.api_user("bob").await;
    let (mut public, _) = Stream::open(streaming(&app.api(), "")).await;
    let (mut own, _) = Stream::open(streaming(&ann, "?timeline=own")).await;
    app.execute(
        "INSERT INTO messages (author_id, text)
             SELECT 1 + (n <> 300)::int, n FROM generate_series(1, 600) n",
    )
    .await;
    let reset = public.next().await.expect("an event");
    assert!(matches!(&reset, Sent::Event { kind, .. } if kind == "reset"), "{reset:?}");
    assert_eq!(own.text().await, "300", "few of them are missed");
    app.simulator().tweet("ann", "new").await;
    assert_eq!(own.text().await, "new");
    // Five hundred are read at once, and skipped. Where the database takes its time, the others may come.
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
async fn a_message_that_is_committed_late_is_waited_for() {
    let app = App::start().await;
    app.api_user("ann").await;
    let (mut stream, begin) = Stream::open(streaming(&app.api(), "")).await;
    let mut late = app.rows.begin().await.expect("a transaction");
    let insert = "INSERT INTO messages (author_id, text) VALUES (1, 'first')";
    sqlx::query(insert).execute(&mut *late).await.expect(insert);
    let texts: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    for text in &texts {
        app.simulator().tweet("ann", text).await;
    }
    let query = format!("?last_event_id={begin}");
    let (mut resumed, _) = Stream::open(streaming(&app.replica().await.api(), &query)).await;
    late.commit().await.expect("committed");
    for stream in [&mut stream, &mut resumed] {
        assert_eq!(stream.text().await, "first");
        for text in &texts {
            assert_eq!(stream.text().await, *text);
        }
    }
}

/// While nothing else is committed, no snapshot tells of the transaction.
#[tokio::test]
async fn the_only_transaction_is_waited_for_as_well() {
    let app = App::start().await;
    app.api_user("ann").await;
    let (mut stream, begin) = Stream::open(streaming(&app.api(), "")).await;
    let mut late = app.rows.begin().await.expect("a transaction");
    let insert = "INSERT INTO messages (author_id, text) VALUES (1, 'alone')";
    sqlx::query(insert).execute(&mut *late).await.expect(insert);
    // Some looks of both feeds.
    let replica = app.replica().await;
    for _ in 0..10 {
        let query = format!("?last_event_id={begin}");
        Stream::open(streaming(&replica.api(), &query)).await;
        assert_eq!(app.anonymous().get("/public").await.status, 200);
    }
    let (mut resumed, _) =
        Stream::open(streaming(&replica.api(), "").header("last-event-id", &begin)).await;
    late.commit().await.expect("committed");
    assert_eq!(stream.text().await, "alone");
    assert_eq!(resumed.text().await, "alone");
}

#[tokio::test]
async fn a_transaction_without_end_does_not_keep_messages_back_for_ever() {
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings| {
        settings.pool.acquire_timeout = Duration::from_millis(500);
        settings.pool.statement_timeout = Duration::from_millis(500);
    })
    .await;
    app.api_user("ann").await;
    let mut endless = app.rows.begin().await.expect("a transaction");
    let number = "SELECT pg_current_xact_id()::text";
    sqlx::query(number).fetch_one(&mut *endless).await.expect(number);
    let (mut stream, begin) = Stream::open(streaming(&app.api(), "")).await;
    app.simulator().tweet("ann", "at last").await;
    assert_eq!(stream.text().await, "at last");
    let query = format!("?last_event_id={begin}");
    let (mut resumed, _) = Stream::open(streaming(&app.api(), &query)).await;
    assert_eq!(resumed.text().await, "at last");
    endless.rollback().await.expect("the transaction was open");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_comes_once_to_a_client_that_comes_back_again_and_again() {
    const WRITERS: usize = 6;
    const MESSAGES: usize = 60;
    let app = App::start().await;
    let replica = app.replica().await;
    let servers = [&app, &replica];
    let (stream, begin) = Stream::open(streaming(&app.api(), "")).await;
    drop(stream);
    let mut writing = Vec::new();
    for writer in 0..WRITERS {
        let name = format!("writer {writer}");
        app.api_user(&name).await;
        let simulator = servers[writer % 2].simulator();
        writing.push(tokio::spawn(async move {
            for number in 0..MESSAGES {
                let answer = simulator.tweet(&name, &format!("{writer} {number}")).await;
                assert_eq!(answer.status, 204, "{answer:?}");
            }
        }));
    }
    let mut times = BTreeMap::new();
    let mut place = begin;
    let mut turn = 0;
    while times.len() < WRITERS * MESSAGES {
        turn += 1;
        let request = streaming(&servers[turn % 2].api(), "");
        let request = request.header("last-event-id", &place).header(header::CONNECTION, "close");
        let (mut stream, _) = Stream::open(request).await;
        // Sometimes one event, sometimes several; never again what came before.
        for _ in 0..turn % 7 + 1 {
            if times.len() == WRITERS * MESSAGES {
                break;
            }
            let event = stream.next().await.expect("an event");
            let order: Vec<i64> = [event.id(), &place]
                .iter()
                .map(|id| id.split('_').next().and_then(|time| time.parse().ok()).expect("a time"))
                .collect();
            assert!(order[0] >= order[1], "{event:?} after {place}");
            event.id().clone_into(&mut place);
            *times.entry(event.text()).or_insert(0) += 1;
        }
    }
    for writing in writing {
        writing.await.expect("written");
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    assert_eq!(app.count("SELECT count(*) FROM messages").await as usize, times.len());
}
