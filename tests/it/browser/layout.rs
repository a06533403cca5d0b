//! No page is wider than the screen.

use super::{start_with_hard_content, visit_every_page};
use crate::support::{
    App,
    window::{Screen, Window},
};

/// The elements that are wider than the page, if it scrolls sideways.
const TOO_WIDE: &str = "
    const page = document.documentElement;
    if (page.scrollWidth <= page.clientWidth) return '';
    const tooWide = [...document.querySelectorAll('body *')]
        .filter(element => element.getBoundingClientRect().right > page.clientWidth);
    return [page, ...tooWide].map(element => element.cloneNode().outerHTML).join(' ');
";

#[tokio::test]
async fn no_page_scrolls_sideways() {
    measure_every_page(Screen::NARROW).await;
}

#[tokio::test]
async fn no_page_scrolls_sideways_with_scripts() {
    measure_every_page(Screen { scripts: true, ..Screen::NARROW }).await;
}

async fn measure_every_page(screen: Screen) {
    let app = start_with_hard_content().await;
    let window = Window::open(&app, screen).await;
    visit_every_page(&window, async |page| {
        for screen in [Screen::NARROW, Screen::PHONE, Screen::DESKTOP] {
            window.change(screen).await;
            assert_eq!(window.evaluate(TOO_WIDE).await, "", "{page} at {} px", screen.width);
        }
    })
    .await;
}

#[tokio::test]
async fn the_width_check_finds_a_wide_element() {
    let app = start_with_hard_content().await;
    let window = Window::open(&app, Screen::NARROW).await;
    window.go("/public").await;
    window.evaluate("document.querySelector('.messages').style.minWidth = '321px'").await;
    let found = window.evaluate(TOO_WIDE).await;
    assert!(found.as_str().unwrap().contains("<ul"), "{found}");
}

/// The first page, after a position in the far future, so that it does not come from the cache.
const MESSAGES: &str = "/public?before=9000000000000000_1";

async fn pictures_of_messages(window: &Window) -> Vec<Vec<u8>> {
    let mut pictures = Vec::new();
    for message in window.find_all(".messages li").await {
        pictures.push(message.screenshot().await.expect("a picture"));
    }
    pictures
}

/// Combining marks stack above and below their letter without a limit.
#[tokio::test]
async fn stacked_marks_cover_no_other_message() {
    let app = App::start().await;
    let simulator = app.simulator();
    for (name, text) in [("Ann", "above"), ("Zoe", "Z"), ("Bob", "below")] {
        simulator.register(name).await;
        simulator.tweet(name, text).await;
    }
    // The pages show this time as a date, which stays the same from one picture to the next.
    app.execute("UPDATE messages SET published_at = published_at - interval '10 years'").await;
    let window = Window::open(&app, Screen::NARROW).await;
    window.go(MESSAGES).await;
    let without_marks = pictures_of_messages(&window).await;
    app.execute(
        r"UPDATE messages SET text = 'Z' || repeat(E'\u030d\u0329', 50) WHERE text = 'Z';
          UPDATE users SET username = 'Z' || repeat(E'\u030d', 60) WHERE username = 'Zoe'",
    )
    .await;
    window.go(MESSAGES).await;
    let with_marks = pictures_of_messages(&window).await;
    let [below, marked, above] = &with_marks[..] else { panic!("three messages") };
    assert!(*below == without_marks[0], "the message above it is covered");
    assert!(*above == without_marks[2], "the message below it is covered");
    assert!(*marked != without_marks[1], "the marks are shown");

    // The comparison finds marks that are not clipped.
    let clip_nothing = "document.querySelectorAll('.messages, .messages *')
                            .forEach(element => element.style.overflow = 'visible')";
    window.evaluate(clip_nothing).await;
    let unclipped = pictures_of_messages(&window).await;
    assert!(unclipped[0] != without_marks[0] || unclipped[2] != without_marks[2]);
}
