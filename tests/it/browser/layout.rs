//! No page is wider than the screen.

use super::{start_with_hard_content, visit_every_page};
use crate::support::window::{Screen, Window};

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
    window.evaluate("document.querySelector('h2').style.minWidth = '321px'").await;
    let found = window.evaluate(TOO_WIDE).await;
    assert!(found.as_str().unwrap().contains("<h2"), "{found}");
}
