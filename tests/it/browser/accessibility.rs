//! Accessibility: structure, labels, contrast, and the dark scheme.

use serde_json::json;

use super::{start_with_hard_content, visit_every_page};
use crate::support::{
    App,
    window::{Screen, Window},
};

/// The structure that assistive technology uses.
const STRUCTURE: &str = "
    const all = selector => [...document.querySelectorAll(selector)];
    const levels = all('h1, h2, h3, h4, h5, h6').map(heading => Number(heading.tagName[1]));
    const ids = all('[id]').map(element => element.id);
    return {
        language: document.documentElement.lang,
        title: document.title.endsWith(' | MiniTwit') && document.title.length > 11,
        h1: levels.filter(level => level === 1).length,
        skippedLevels: levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1),
        landmarks: ['header', 'main', 'footer'].map(name => all(name).length),
        imagesWithoutAlt: all('img:not([alt])').length,
        linksWithoutText: all('a').filter(link => !link.innerText.trim()).length,
        duplicateIds: ids.filter((id, index) => ids.indexOf(id) !== index),
        danglingDescriptions: all('[aria-describedby]')
            .filter(it => !it.getAttribute('aria-describedby').split(' ').every(id => ids.includes(id))).length,
        positiveTabindex: all('[tabindex]').filter(element => element.tabIndex > 0).length,
    };
";

/// The landmarks of a page and their roles.
const LANDMARKS: [(&str, &str); 4] = [
    ("header", "banner"),
    ("header nav", "navigation"),
    ("main", "main"),
    ("footer", "contentinfo"),
];

/// The visible form controls.
const CONTROLS: &str = ":is(input, select, textarea, button):not([hidden], [type=hidden])";

/// Finds texts whose contrast is below WCAG 2.2 level AA (success criterion 1.4.3). In front of a
/// gradient, the colour with the lowest contrast counts.
const FAINT_TEXTS: &str = r"
    const channels = color => color.match(/[\d.]+/g).map(Number);
    const luminance = color => {
        const [r, g, b] = channels(color).slice(0, 3).map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
        const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
    };
    const behind = element => {
        const { backgroundColor, backgroundImage } = getComputedStyle(element);
        const gradient = backgroundImage.match(/rgba?\([^)]*\)/g);
        if (gradient) return gradient;
        const [, , , alpha = 1] = channels(backgroundColor);
        return alpha > 0 || !element.parentElement ? [backgroundColor] : behind(element.parentElement);
    };
    const hasText = element => element.value
        || [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    return [...document.querySelectorAll('body, body *')].filter(hasText).flatMap(element => {
        const { color, fontSize, fontWeight } = getComputedStyle(element);
        const large = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24);
        const found = Math.min(...behind(element).map(back => contrast(color, back)));
        return found < (large ? 3 : 4.5) ? [`${element.cloneNode().outerHTML} ${found}`] : [];
    });
";

#[tokio::test]
async fn every_page_has_landmarks_headings_and_labels() {
    let app = start_with_hard_content().await;
    let window = Window::open(&app, Screen::DESKTOP).await;
    visit_every_page(&window, async |page| {
        let expected = json!({
            "language": "en", "title": true, "h1": 1, "skippedLevels": [], "landmarks": [1, 1, 1],
            "imagesWithoutAlt": 0, "linksWithoutText": 0, "duplicateIds": [], "danglingDescriptions": 0, "positiveTabindex": 0,
        });
        assert_eq!(window.evaluate(STRUCTURE).await, expected, "{page}");
        for (landmark, role) in LANDMARKS {
            assert_eq!(window.role(&window.find(landmark).await).await, role, "{page}");
        }
        for control in window.find_all(CONTROLS).await {
            assert_ne!(window.label(&control).await, "", "{page}: {control:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_text_has_enough_contrast_in_both_schemes() {
    let app = start_with_hard_content().await;
    let window = Window::open(&app, Screen::DESKTOP).await;
    visit_every_page(&window, async |page| {
        for dark in [true, false] {
            window.change(Screen { dark, ..Screen::DESKTOP }).await;
            assert_eq!(window.evaluate(FAINT_TEXTS).await, json!([]), "{page}, dark: {dark}");
        }
    })
    .await;
    let faint = "document.querySelector('h2').style.color = 'silver'";
    window.evaluate(faint).await;
    let found = window.evaluate(FAINT_TEXTS).await;
    assert_eq!(
        found.as_array().map(Vec::len),
        Some(1),
        "the script must find a faint text: {found}"
    );
}

#[tokio::test]
async fn the_pages_follow_the_preferred_color_scheme() {
    let app = App::start().await;
    let window = Window::open(&app, Screen::DESKTOP).await;
    window.go("/login").await;
    let light = brightness(&window.style("body", "background-color").await);
    window.change(Screen { dark: true, ..Screen::DESKTOP }).await;
    let dark = brightness(&window.style("body", "background-color").await);
    assert!(light > 200 && dark < 50, "{light} {dark}");
}

/// The darkest channel's value of a computed colour such as `rgba(237, 243, 241, 1)`.
fn brightness(color: &str) -> u32 {
    let inner = color.split_once('(').unwrap().1;
    let channels = inner.split(',').take(3).map(|channel| channel.trim().parse().unwrap());
    channels.min().unwrap()
}
