//! New messages are announced: one window reads while another one posts.

use fantoccini::wd::WindowHandle;

use super::{sign_in, sign_up_and_in};
use crate::support::{
    App, eventually,
    window::{Screen, Window},
};

const PHONE: Screen = Screen { scripts: true, ..Screen::PHONE };
const DESKTOP: Screen = Screen { scripts: true, ..Screen::DESKTOP };

/// The announcement, which screen readers read out.
const NEWS: &str = ".news[role=status] button";

/// The index of the list item that has the focus.
const FOCUSED_ITEM: &str = "
    return [...document.querySelectorAll('.messages > li')].indexOf(document.activeElement);
";

async fn share(window: &Window, text: &str) {
    window.fill("[name=text]", text).await;
    window.press("Share").await;
    window.sees_in(".messages", text).await;
}

#[tokio::test]
async fn new_messages_are_announced_on_a_phone() {
    announce_new_messages(PHONE).await;
}

#[tokio::test]
async fn new_messages_are_announced_on_a_desktop() {
    announce_new_messages(DESKTOP).await;
}

async fn announce_new_messages(screen: Screen) {
    let app = App::start().await;
    let (reader, writer) = (Window::open(&app, screen).await, Window::open(&app, screen).await);
    reader.go("/public").await;
    reader.sees("There's no message so far.").await;

    sign_up_and_in(&writer, "Milada").await;
    share(&writer, "first").await;
    reader.sees_in(NEWS, "1 new message").await;
    share(&writer, "second").await;
    reader.sees_in(NEWS, "2 new messages").await;
    reader.sees("There's no message so far.").await;
    reader.press("2 new messages").await;
    reader.sees_in(".messages", "first").await;
    assert_eq!(reader.texts(".messages .text").await, ["second", "first"]);
    assert_eq!(reader.evaluate(FOCUSED_ITEM).await, 0, "the first new message has the focus");
    assert!(reader.find_all(NEWS).await.is_empty());

    share(&writer, "third").await;
    reader.sees_in(NEWS, "1 new message").await;
    reader.press("1 new message").await;
    reader.sees_in(".messages", "third").await;
    assert_eq!(reader.texts(".messages .text").await, ["third", "second", "first"]);
    for window in [&reader, &writer] {
        assert_eq!(window.console().await, [""; 0]);
    }
}

#[tokio::test]
async fn the_own_timeline_announces_only_unseen_messages_of_followees() {
    let app = App::start().await;
    let other = app.signed_in("Tomasz").await;
    app.signed_in("Yuki").await.say("not followed either").await;
    let reader = Window::open(&app, PHONE).await;
    sign_up_and_in(&reader, "Milada").await;
    app.simulator().follow("Milada", "Tomasz").await;

    share(&reader, "from myself").await;
    app.signed_in("Ines").await.say("not followed").await;
    other.say("from a followee").await;
    // Messages are announced in order, so the two earlier ones were skipped.
    reader.sees_in(NEWS, "1 new message").await;
    reader.press("1 new message").await;
    reader.sees_in(".messages", "from a followee").await;
    assert_eq!(reader.texts(".messages .text").await, ["from a followee", "from myself"]);
    assert_eq!(reader.console().await, [""; 0]);
}

#[tokio::test]
async fn more_than_a_page_of_new_messages_replaces_the_list() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("Milada").await;
    simulator.tweet("Milada", "old").await;
    let reader = Window::open(&app, DESKTOP).await;
    reader.go("/public").await;
    reader.sees_in(".messages", "old").await;
    for number in 1..=35 {
        simulator.tweet("Milada", &format!("message {number}")).await;
    }
    reader.sees_in(NEWS, "35 new messages").await;
    reader.press("35 new messages").await;
    reader.sees_in(".messages", "message 35").await;
    reader.evaluate("scrollTo(0, document.body.scrollHeight)").await;
    let all = eventually("the older ones", async || {
        let texts = reader.texts(".messages .text").await;
        (texts.len() == 36).then_some(texts)
    });
    let mut expected: Vec<String> = (1..=35).rev().map(|it| format!("message {it}")).collect();
    expected.push("old".to_owned());
    assert_eq!(all.await, expected);
    assert_eq!(reader.console().await, [""; 0]);
}

#[tokio::test]
async fn a_hidden_page_announces_messages_when_it_is_visible_again() {
    let app = App::start().await;
    let writer = app.signed_in("Milada").await;
    let reader = Window::open(&app, DESKTOP).await;
    reader.go("/public").await;
    writer.say("seen").await;
    reader.sees_in(NEWS, "1 new message").await;
    let set_hidden = |hidden| {
        format!(
            "Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}});
             document.dispatchEvent(new Event('visibilitychange'))"
        )
    };
    reader.evaluate(&set_hidden(true)).await;
    writer.say("missed").await;
    reader.evaluate(&set_hidden(false)).await;
    reader.sees_in(NEWS, "2 new messages").await;
    assert_eq!(reader.console().await, [""; 0]);
}

#[tokio::test]
async fn older_pages_and_profiles_announce_nothing() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("Milada").await;
    for number in 1..=31 {
        simulator.tweet("Milada", &format!("message {number}")).await;
    }
    app.anonymous().sign_up("Yuki").await;
    let reader = Window::open(&app, DESKTOP).await;
    reader.go("/login").await;
    sign_in(&reader, "Yuki", "secret").await;
    reader.sees("You were logged in").await;
    let first_page = app.anonymous().get("/public").await;
    let older =
        first_page.body.split("\" rel=\"next\"").next().and_then(|it| it.rsplit('"').next());
    for path in [older.expect("an older page"), "/Milada"] {
        reader.go(path).await;
        reader.sees_in(".messages", "message 1").await;
        assert!(reader.find_all("[data-stream]").await.is_empty(), "{path}");
    }
}

/// Without TLS, a browser opens at most six connections to a server.
#[tokio::test]
async fn eight_pages_of_a_browser_share_one_stream() {
    let app = App::start().await;
    let writer = app.signed_in("Milada").await;
    let window = Window::open(&app, DESKTOP).await;
    let mut pages = Vec::new();
    for _ in 0..8 {
        pages.push(window.open_page().await);
        window.run_in_new_pages(REMEMBER_STREAMS).await;
        window.go("/public").await;
        window.sees("There's no message so far.").await;
        assert_eq!(window.evaluate("return document.hidden").await, false, "a visible page");
    }
    let open = async || open_streams(&window, &pages).await;
    eventually("a stream", async || (open().await > 0).then_some(())).await;
    writer.say("hello").await;
    for page in &pages {
        window.switch_to(page).await;
        window.sees_in(NEWS, "1 new message").await;
    }
    assert_eq!(open().await, 1);

    // Another page takes over when the one with the stream goes away, and misses nothing.
    for (number, page) in pages.iter().enumerate().take(7) {
        window.switch_to(page).await;
        window.go("/search").await;
        writer.say(&format!("message {number}")).await;
    }
    window.switch_to(&pages[7]).await;
    window.sees_in(NEWS, "8 new messages").await;
    assert_eq!(open().await, 1);
    window.switch_to(&pages[7]).await;
    // The page is in the back/forward cache, so its count continues.
    window.evaluate("window.isTheSame = true").await;
    window.go("/search").await;
    writer.say("while away").await;
    window.go_back().await;
    window.sees_in(NEWS, "9 new messages").await;
    assert_eq!(window.evaluate("return window.isTheSame").await, true);
    assert_eq!(window.console().await, [""; 0]);
}

/// Remembers the streams that a page opens.
const REMEMBER_STREAMS: &str = "
    window.streams = [];
    window.EventSource = class extends EventSource {
        constructor(url) {
            super(url);
            window.openedAt ??= performance.now();
            window.streams.push(this);
        }
    }";

/// The number of open streams of these pages of one browser.
async fn open_streams(window: &Window, pages: &[WindowHandle]) -> u64 {
    let mut sum = 0;
    for page in pages {
        window.switch_to(page).await;
        let open = "return (window.streams ?? []).filter(it => it.readyState < 2).length";
        sum += window.evaluate(open).await.as_u64().expect("a number");
    }
    sum
}

/// Programs that control a browser wait for half a second without an open connection.
#[tokio::test]
async fn a_page_opens_no_stream_before_it_has_been_quiet() {
    let app = App::start().await;
    let writer = app.signed_in("Milada").await;
    let window = Window::open(&app, DESKTOP).await;
    window.run_in_new_pages(REMEMBER_STREAMS).await;
    window.go("/public").await;
    writer.say("between loading and the stream").await;
    window.sees_in(NEWS, "1 new message").await;
    let pause = "
        const [page] = performance.getEntriesByType('navigation');
        const ends = performance.getEntriesByType('resource').map(it => it.responseEnd);
        return window.openedAt - Math.max(page.loadEventEnd, ...ends)";
    let milliseconds = window.evaluate(pause).await;
    assert!(milliseconds.as_f64() >= Some(1_000.0), "{milliseconds}");
}
