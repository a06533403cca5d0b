//! Messages that announce themselves: somebody reads in one window, and somebody posts in another.

use super::{sign_in, sign_up_and_in};
use crate::support::{
    App, eventually,
    window::{Screen, Window},
};

const PHONE: Screen = Screen { scripts: true, ..Screen::PHONE };
const DESKTOP: Screen = Screen { scripts: true, ..Screen::DESKTOP };

/// What the announcement says, for screen readers, too.
const NEWS: &str = ".news[role=status] button";

/// Where the focus is, by the number of the item in the list.
const FOCUSED_ITEM: &str = "
    return [...document.querySelectorAll('.messages > li')].indexOf(document.activeElement);
";

async fn share(window: &Window, text: &str) {
    window.fill("[name=text]", text).await;
    window.press("Share").await;
    window.sees_in(".messages", text).await;
}

#[tokio::test]
async fn new_messages_announce_themselves_on_a_phone() {
    announce_themselves(PHONE).await;
}

#[tokio::test]
async fn new_messages_announce_themselves_at_a_desk() {
    announce_themselves(DESKTOP).await;
}

async fn announce_themselves(screen: Screen) {
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
    assert_eq!(reader.texts(".messages p").await, ["second", "first"]);
    assert_eq!(reader.evaluate(FOCUSED_ITEM).await, 0, "the first of the new ones");
    assert!(reader.find_all(NEWS).await.is_empty());

    share(&writer, "third").await;
    reader.sees_in(NEWS, "1 new message").await;
    reader.press("1 new message").await;
    reader.sees_in(".messages", "third").await;
    assert_eq!(reader.texts(".messages p").await, ["third", "second", "first"]);
    for window in [&reader, &writer] {
        assert_eq!(window.console().await, [""; 0]);
    }
}

#[tokio::test]
async fn the_own_timeline_announces_followees_and_no_message_twice() {
    let app = App::start().await;
    let other = app.signed_in("Tomasz").await;
    app.signed_in("Yuki").await.say("nobody follows me").await;
    let reader = Window::open(&app, PHONE).await;
    sign_up_and_in(&reader, "Milada").await;
    app.simulator().follow("Milada", "Tomasz").await;

    share(&reader, "from myself").await;
    app.signed_in("Ines").await.say("not followed").await;
    other.say("from a followee").await;
    // What comes later would be told of later, so that the first two are not told of.
    reader.sees_in(NEWS, "1 new message").await;
    reader.press("1 new message").await;
    reader.sees_in(".messages", "from a followee").await;
    assert_eq!(reader.texts(".messages p").await, ["from a followee", "from myself"]);
    assert_eq!(reader.console().await, [""; 0]);
}

#[tokio::test]
async fn more_new_messages_than_a_page_holds_take_the_place_of_the_old_ones() {
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
        let texts = reader.texts(".messages p").await;
        (texts.len() == 36).then_some(texts)
    });
    let mut expected: Vec<String> = (1..=35).rev().map(|it| format!("message {it}")).collect();
    expected.push("old".to_owned());
    assert_eq!(all.await, expected);
    assert_eq!(reader.console().await, [""; 0]);
}

#[tokio::test]
async fn who_looks_elsewhere_meanwhile_is_told_afterwards() {
    let app = App::start().await;
    let writer = app.signed_in("Milada").await;
    let reader = Window::open(&app, DESKTOP).await;
    reader.go("/public").await;
    writer.say("seen").await;
    reader.sees_in(NEWS, "1 new message").await;
    let look_away = |hidden| {
        format!(
            "Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}});
             document.dispatchEvent(new Event('visibilitychange'))"
        )
    };
    reader.evaluate(&look_away(true)).await;
    writer.say("missed").await;
    reader.evaluate(&look_away(false)).await;
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
